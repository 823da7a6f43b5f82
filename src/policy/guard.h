/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/format.h"
#include "policy/policy.h"

/*
 * The rules of the guards: which nodes are exempt, in which class a block counts, which memory is compared,
 * and when a limit is exceeded. The planner, the balance of a job, the shortage and `verify` share these
 * functions.
 */

/* Whether a rule exempts the nodes of its blocks from min_kernel. `rule` may be NULL. */
bool guard_is_exempt(const Rule *rule);

/* Returns the kernel memory in bytes that min_kernel asks for on a node with memory: 0 if it is exempt. */
uint64_t guard_min_kernel(const Policy *policy, const Machine *machine, bool is_exempt);

/*
 * Whether a node has a ratio of its own: with per_node, a node with a CPU. A node without a CPU counts only
 * in the ratio of the machine, because the users of its memory run on other nodes.
 */
bool guard_has_node_ratio(const Policy *policy, const Node *node);

/* Whether movable / kernel memory is over max_movable_ratio. Makes this ratio the limit of the figures. */
bool guard_is_over_ratio(const Policy *policy, Figures *figures);

/*
 * Whether there is at least half as much movable memory as max_movable_ratio allows beside the kernel
 * memory.
 */
bool guard_has_half(const Policy *policy, const Figures *figures);

/* Whether there is movable memory, and no kernel memory. */
bool guard_is_movable_only(const Totals *totals);

/* Makes figures that count CMA areas as movable: they lie in kernel zones, but hold movable pages only. */
Figures figures_of(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes);

/*
 * Whether the ratio of the first figures is larger than that of the second. Without any memory it is 0. If
 * neither has kernel memory, more movable memory counts as larger.
 */
bool figures_is_worse(const Figures *figures, const Figures *than);

#define FIGURES_STRING_MAX 160
#define RATIO_STRING_MAX 32

/*
 * Formats "8G of movable to 1G of kernel memory, 8.00 to 1", without the ratio if there is no kernel memory.
 * Rounds the ratio to two decimals, up or down: rounded up, a ratio over the limit never reads as the limit.
 * Returns the buffer.
 */
const char *figures_format(const Figures *figures, bool up, char buffer[static FIGURES_STRING_MAX]);

/* Formats a ratio of the configuration: "3.00", "1.125". Returns the buffer. */
const char *ratio_format(uint64_t permille, char buffer[static RATIO_STRING_MAX]);

/*
 * Whether a block that is online in this class agrees with a verdict, whatever onlined it. All classes agree
 * with a verdict that does not name one.
 */
bool verdict_accepts(Verdict verdict, ZoneClass zone_class);

/* Returns the class that a verdict leads to, ZONE_CLASS_NONE if it leaves the block offline. */
ZoneClass verdict_class(Verdict verdict, const Block *block);

/*
 * Returns the class in which the guards count a block that is not to be decided: its own if it is online,
 * that of its verdict while it is written (BLOCK_STATUS_WRITING), none if it is offline. While it is taken
 * offline, it counts on the safe side: kernel memory as already gone, movable memory as still there.
 */
ZoneClass plan_class(const Block *block);

/* The memory that the guards compare, of a node or of the machine. */
typedef struct NodeBalance {
        const Node *node; /* NULL for the machine as a whole */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint64_t cma_bytes;
        bool movable_node; /* a rule allows the node to have movable memory only */
} NodeBalance;

/* Returns the balance of a node, or of the machine with NULL, before any block is counted. */
NodeBalance node_balance_of(const Machine *machine, const Node *node);

/* Moves memory from one class to another. ZONE_CLASS_NONE is offline. */
void node_balance_move(NodeBalance *balance, ZoneClass from, ZoneClass to, uint64_t bytes);

Figures node_balance_figures(const NodeBalance *balance);
