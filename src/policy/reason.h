/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/policy.h"

/*
 * Why a block is what it is, in one sentence for a person: the rule with its place, the guard that
 * decided and the numbers it compared. The policy is the one the block's rule is an index into.
 *
 * 0, or -ENOMEM. The caller frees the string.
 */
int reason_format(const Machine *machine, const Policy *policy, const Block *block, char **ret);

/* The name of the rule that decided, "" for the default, "(removed)" after a reload took it away. */
const char *reason_rule_name(const Policy *policy, const Block *block);

/*
 * The scope of a block's figures: "node" or "machine" for those of the ratio, "min_kernel",
 * "contiguous", or "" when there are none.
 */
const char *reason_scope(const Block *block);
