/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/guard.h"

/*
 * A plan: the decisions of the policy on all blocks of a machine that are to be decided, and the order in
 * which to write the blocks. Making a plan is a pure function: equal input gives equal output.
 */

/* A block and the decision on it. */
typedef struct Planned {
        uint32_t block; /* first, for id_compare() */
        int32_t node;   /* the block's */
        Decision decision;
} Planned;

typedef struct Plan {
        Planned *planned; /* owned, by block */
        size_t n_planned;
        uint32_t *order; /* owned: indices into planned[] of the blocks to write, first to last */
        size_t n_order;
} Plan;

void plan_done(Plan *plan);

/*
 * Whether the plan decides on a block, instead of taking it as it is. Called once per block with the time
 * given to plan_make(). The result must depend on nothing else.
 */
typedef bool (*PlanFilter)(const Block *block, uint64_t now_usec);

/*
 * Decides on each block of the machine that the filter accepts and whose node is known. All other blocks
 * with a known node count in their plan_class().
 *
 * The guards (memoryd.conf(5)) hold for the memory that the plan leads to, as far as the memory that is
 * already there allows, and no block becomes kernel memory without need: the lowest blocks of each node do.
 * If the machine as a whole needs more of them, they come from nodes with a CPU first, then in the order of
 * node numbers.
 *
 * With whole_device, the blocks of a device, or of a unit of a device that grows, get the class of its
 * other blocks. If some of those are movable, and the guards of higher precedence want kernel memory that
 * no other block can give, the device is split, block by block. WHOLE_DEVICE_PREFER makes a device or unit
 * kernel memory as a whole only if guard_has_half() still holds then, for the machine and for a node with a
 * ratio of its own. This is found out device by device from the lowest up, each with what became of those
 * before.
 *
 * With contiguous, the blocks of a device or unit that lie below one of its kernel blocks are kernel
 * memory. If the machine has strict_zone_order, this holds for each node instead, and no block becomes
 * kernel memory above movable memory that is there.
 *
 * Kernel memory is written first, because the metadata of the other blocks is allocated from it. Each class
 * is written from the highest address down: after each block, the kernel looks for holes in a zone from its
 * start, and stops at the first (6.1, set_zone_contiguous()). As an exception, a run of kernel memory on a
 * node starts with its lowest block: the kernel first uses the memory that came first, and this block is to
 * become movable last.
 *
 * Returns 0 or -ENOMEM. *ret is written on success only. The time is linear in blocks times rules, and in
 * nodes times zones.
 */
int plan_make(const Machine *machine, const Policy *policy, PlanFilter filter, uint64_t now_usec,
              Plan *ret);
