/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/value.h"

/* Reads the settings of a group according to the table of keys. */

/* The size of a buffer for the path of a key: long enough for all known keys. Unknown names are truncated. */
#define CONF_PATH_MAX 128

/* The file that settings come from, and the list that faults are added to. */
typedef struct ConfSource {
        const char *file;
        ConfFaults *faults;
} ConfSource;

/*
 * Reads a setting of the group `keys` ("retry", "rules.distance", or NULL for the top level of a
 * file) into the struct at `base`. `path` is the name of the setting in messages. Returns 0; 1 if
 * the setting has a fault, is unknown, or was hidden by the scanner, all of which is reported; or
 * -ENOMEM. *ret_key is NULL for an unknown setting.
 */
int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, const char *path, void *base,
                            const ConfKey **ret_key);

/* Reads rules, and finds rules that can never match. */

/*
 * Reads the rule at position `index` in its file. Adds the udev properties that the rule asks for
 * to the policy, but not the rule itself. Returns 0; 1 if the rule has faults, all of which are
 * reported; or -ENOMEM. The caller owns the contents of *rule in each case. A rule with faults
 * never counts as a rule without criteria.
 */
int conf_rule_read(const ConfSource *source, const config_setting_t *group, unsigned index,
                   Policy *policy, Rule *rule);

/* Whether a rule matches all memory. */
bool conf_rule_has_no_criteria(const Rule *rule);
