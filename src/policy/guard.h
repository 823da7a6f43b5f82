/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/policy.h"
#include "policy/ratio.h"

/*
 * The rules of the guards: which nodes are exempt, which memory is compared, and when a limit is exceeded. The
 * planner, the balance of a job, the shortage and `verify` share these functions.
 */

/* Whether a rule exempts the nodes of its blocks from min_kernel. `rule` may be NULL. */
bool guard_is_exempt(const Rule *rule);

/* Returns the kernel memory in bytes that min_kernel asks for on a node with memory: 0 if it is exempt. */
uint64_t guard_min_kernel(const Policy *policy, const Machine *machine, bool is_exempt);

/*
 * Whether a node has a ratio of its own: with per_node, a node with a CPU. A node without a CPU counts only in
 * the ratio of the machine, because the users of its memory run on other nodes.
 */
bool guard_has_node_ratio(const Policy *policy, const Node *node);

/* Whether figures are over max_movable_ratio. Makes this ratio their limit. */
bool guard_is_over_ratio(const Policy *policy, Figures *figures);

/* Whether there is movable memory, and no kernel memory. */
bool guard_is_movable_only(uint64_t kernel_bytes, uint64_t movable_bytes);
