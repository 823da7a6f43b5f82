/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libconfig.h>

#include "config/fault.h"
#include "config/key.h"

/* Reads settings according to the table of keys, and reports those that do not fit it. */

/* The file that settings come from, and the list that faults are added to. */
typedef struct ConfSource {
        const char *file;
        ConfFaults *faults;
} ConfSource;

/* Writes the path of a setting within its file, such as "rules[0].node". Returns the buffer. */
const char *conf_setting_path(const config_setting_t *setting, char path[static CONF_PATH_MAX]);

/* Reports "expected EXPECTED, got " and the value of a setting. Returns 1 or -ENOMEM. */
int conf_setting_fault(const ConfSource *source, const config_setting_t *setting,
                       const char *expected);

/*
 * Reports that a setting, or an element of its list, does not have the value that its key asks for.
 * Returns 1 or -ENOMEM.
 */
int conf_value_fault(const ConfSource *source, const ConfKey *key, const config_setting_t *setting,
                     const config_setting_t *element);

/*
 * Reads a setting of the group `keys` ("retry", "rules.distance", or NULL for the top level of a
 * file) into the struct at `base`, at the offset of its key. The key is not one for groups. Returns
 * 0; 1 if the setting has a fault, is unknown, or was hidden by conf_syntax_check(), all of which
 * is reported (once for each faulty element of a list), and leaves the struct as it would be
 * without the setting; or -ENOMEM. *ret_key is NULL for an unknown setting.
 */
int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, void *base, const ConfKey **ret_key);

/* Like conf_group_read_setting(), for all settings of a group that contains no other groups. */
int conf_group_read(const ConfSource *source, const char *keys, const config_setting_t *group,
                    void *base);

/* Whether a group has a setting of this name, or a hidden setting, which may have had this name. */
bool conf_group_may_have(const config_setting_t *group, const char *name);

/*
 * Reports a fault unless conf_group_may_have() a setting: the fault of a hidden one has been
 * reported. Returns 0; 1 if a fault was reported; or -ENOMEM.
 */
int conf_group_require(const ConfSource *source, const char *keys, const config_setting_t *group,
                       const char *name);
