/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/group.h"

/* Reads a rule, and finds those that can never match. */

/*
 * Reads the rule that is the index-th of its file, adding the udev properties it asks for to the
 * policy, but not the rule. Returns 0, or 1 when it is at fault, all of which is reported; -ENOMEM. The
 * caller owns what is in *rule in each case. A rule at fault is never one without criteria.
 */
int conf_rule_read(const ConfSource *source, const config_setting_t *group, unsigned index,
                   Policy *policy, Rule *rule);

/* Whether a rule matches all memory. */
bool conf_rule_has_no_criteria(const Rule *rule);
