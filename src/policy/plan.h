/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/policy.h"
#include "policy/verdict.h"

/*
 * What the policy makes of a machine: a decision for every block that is to be decided, and the
 * order in which to write them. A pure function: equal input gives equal output.
 */

/* A block that is decided. */
typedef struct Planned {
        uint32_t block;
        int32_t node; /* the block's */
        Decision decision;
} Planned;

typedef struct Plan {
        Planned *planned; /* owned, by block */
        size_t n_planned;
        uint32_t *order; /* owned: indices into planned[] of what is to be written, first to last */
        size_t n_order;
} Plan;

void plan_done(Plan *plan);

/*
 * Whether a block takes part in a plan, rather than being what the plan has to live with. Called
 * once per block with the argument handed to plan_make(); must depend on nothing else.
 */
typedef bool (*PlanFilter)(const Block *block, uint64_t now_usec);

/*
 * Decides every block of the machine that the filter takes and whose node is known. All others count as
 * plan_class() has it.
 *
 * Guards (memoryd.conf(5)) hold over what the plan leads to, as far as what is there already allows, and
 * no block is kernel memory that need not be. Kernel blocks lie lowest on their node; when the machine
 * as a whole needs more of them, they come from nodes with a CPU first, then in the order of node
 * numbers.
 *
 * With whole_device the blocks of a device, or of a unit of one that grows, get the class that its other
 * blocks are in. Where some of those are movable and the guards of higher precedence want kernel memory
 * that nothing else can give, the device is split, block by block.
 *
 * Blocks of a device that grows are decided after all others, unit by unit from the lowest up, each over
 * what is there by then, since nobody knows what will follow: so it makes no difference in how many
 * parts they come, from the lowest up. Where kernel memory of such devices lies is no concern of
 * `contiguous` for their own blocks, and a unit that was made kernel memory stays so until it is written.
 *
 * The order of writes is kernel memory first, since the metadata of the rest is allocated from it,
 * and each class from the highest address down: the kernel looks for holes in a zone from its start
 * after each block, and stops at the first (6.1, set_zone_contiguous()). But kernel memory in a row on a
 * node starts with its lowest block: the kernel uses first what came first, and that block shall be the
 * last to become movable.
 *
 * Returns 0 or -ENOMEM; *ret is written on success only. Time is linear in blocks times rules, and in
 * nodes times zones.
 */
int plan_make(const Machine *machine, const Policy *policy, PlanFilter filter, uint64_t now_usec,
              Plan *ret);

/* The decision of a block, or NULL. */
const Planned *plan_find(const Plan *plan, uint32_t block);
