/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/policy.h"

/*
 * Shortage of kernel memory: a node runs out of memory for the kernel while its movable memory is free. Only
 * moving the boundary between the two helps. Pure functions of the machine, with its zones as last read.
 */

typedef struct Shortage {
        uint64_t free_bytes; /* of DMA, DMA32 and Normal, without CMA and without the reserve for
                                requests that need low addresses */
        uint64_t low_bytes;  /* the sums of their watermarks */
        uint64_t high_bytes;
        uint64_t movable_free_bytes;
        uint64_t movable_high_bytes;
} Shortage;

/* Adds up the zones of a node. HighMem does not count, because it cannot hold the kernel's data. */
Shortage shortage_measure(const Machine *machine, uint32_t node);

/*
 * Whether a node is short: it has kernel and movable memory, its free kernel memory is below the watermark
 * `low`, and its free movable memory is above `high`. A node that was short stays short until its free kernel
 * memory is above `high`, or it no longer has both kinds of memory.
 */
bool shortage_holds(const Shortage *shortage, bool was_short);

/*
 * Returns how many movable blocks of a node should become kernel memory: the fewest with which its free
 * kernel memory is above `high` and, if the policy applies a ratio to the node (per_node, a node with a CPU),
 * the ratio holds. At least one, or 0 if the node has no movable block online; all of them only if fewer do
 * not suffice. The totals of the node must be up to date.
 */
uint32_t shortage_blocks(const Shortage *shortage, const Machine *machine, const Policy *policy,
                         const Node *node);
