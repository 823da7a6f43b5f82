/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/policy.h"

/*
 * Shortage of kernel memory: a node runs out of memory for the kernel while movable memory of it is free,
 * which nothing but another boundary between the two can help. Pure functions of the machine, with its
 * zones as last read.
 */

typedef struct Shortage {
        uint64_t
                free_bytes; /* of DMA, DMA32 and Normal together: what the kernel can have. Without what
                                is held back for requests that need low addresses, and without CMA */
        uint64_t low_bytes; /* their watermarks together */
        uint64_t high_bytes;
        uint64_t movable_free_bytes;
        uint64_t movable_high_bytes;
} Shortage;

/* What the zones of a node come to. HighMem, which the kernel's data cannot be in, does not count. */
Shortage shortage_measure(const Machine *machine, uint32_t node);

/*
 * Whether the node is short: it has both kinds of memory, less kernel memory is free than `low`, and more
 * movable memory than `high`. One that was short stays so until more kernel memory than `high` is free, or
 * it no longer has both.
 */
bool shortage_holds(const Shortage *shortage, bool was_short);

/*
 * How many of the node's movable blocks should become kernel memory: the fewest with which more than `high`
 * is free and, where the policy keeps the ratio on the node (per_node, a node with a CPU), that holds. At
 * least one of those that are online in Movable, 0 if none is; all of them only when fewer would not do.
 * The totals of the node must be up to date.
 */
uint32_t shortage_blocks(const Shortage *shortage, const Machine *machine, const Policy *policy,
                         const Node *node);
