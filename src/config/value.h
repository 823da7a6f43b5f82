/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <libconfig.h>

#include "config/fault.h"
#include "config/key.h"

/*
 * Reads settings according to the table of keys, and reports those that do not fit it. Each
 * function that may report something returns 0; 1 if it reported a fault; or a negative value if it
 * ran out of memory. Of several results, | makes one.
 */

/* The file that settings come from, and the list that faults are added to. */
typedef struct ConfSource {
        const char *file;
        ConfFaults *faults;
} ConfSource;

/* Writes the path of a setting within its file, such as "rules[0].node". Returns the buffer. */
const char *conf_setting_path(const config_setting_t *setting, char path[static CONF_PATH_MAX]);

/* Reports "expected EXPECTED, got " and the value of a setting. */
int conf_setting_fault(const ConfSource *source, const config_setting_t *setting,
                       const char *expected);

/*
 * Reports that a setting, or an element of its list, does not have the value that its key asks for.
 */
int conf_value_fault(const ConfSource *source, const ConfKey *key, const config_setting_t *setting,
                     const config_setting_t *element);

/*
 * Reads a setting of the group `keys` ("retry", "rules.distance", or NULL for the top level of a
 * file) into the struct at `base`, at the offset of its key. The key is not one for groups. It is a
 * fault if the setting is unknown, or was hidden by conf_syntax_check(), which reported it. Each
 * faulty element of a list is reported. With a fault, the struct stays as it would be without the
 * setting.
 */
int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, void *base);

/* Like conf_group_read_setting(), for all settings of a group that contains no other groups. */
int conf_group_read(const ConfSource *source, const char *keys, const config_setting_t *group,
                    void *base);

/* Whether a group has a setting of this name, or a hidden setting, which may have had this name. */
bool conf_group_may_have(const config_setting_t *group, const char *name);

/* Reports a fault unless conf_group_may_have() a setting. */
int conf_group_require(const ConfSource *source, const char *keys, const config_setting_t *group,
                       const char *name);
