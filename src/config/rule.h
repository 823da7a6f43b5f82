/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/value.h"

/* Reads rules, and finds rules that can never match. */

/*
 * Reads the rule in a group. Adds the udev properties that the rule asks for to the policy, but not
 * the rule itself. Reports all faults, and returns like the functions of value.h. The caller owns
 * the contents of *rule in each case. A rule with faults never counts as a rule without criteria.
 */
int conf_rule_read(const ConfSource *source, const config_setting_t *group, Policy *policy,
                   Rule *rule);
