/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/value.h"

/* Reads the settings of a group as the table of keys says. */

/* Enough for any path of keys that exist; an unknown name is cut. */
#define CONF_PATH_MAX 128

/* Where settings come from and faults go to. */
typedef struct ConfSource {
        const char *file;
        ConfFaults *faults;
} ConfSource;

/*
 * Reads one setting of the group `keys` ("retry", "rules.distance", or NULL for the file itself) into
 * the struct at `base`. `path` is what messages call it. Returns 0; 1 when it is at fault, unknown, or
 * was hidden by the scanner, all of which has been reported; -ENOMEM. *ret_key is NULL for an unknown
 * one.
 */
int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, const char *path, void *base,
                            const ConfKey **ret_key);

/* The same for all settings of a group that holds no other groups. `path` is the group's. */
int conf_group_read(const ConfSource *source, const char *keys, const config_setting_t *group,
                    const char *path, void *base);

/*
 * Whether a group has a setting, or the scanner hid one that it may be, and reported that. Reports
 * when not, and returns 0, 1 or -ENOMEM accordingly.
 */
int conf_group_require(const ConfSource *source, const char *keys, const config_setting_t *group,
                       const char *path, const char *name);

/* Whether there is such a setting, or may have been. */
bool conf_group_may_have(const config_setting_t *group, const char *name);
