/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/plan.h"

/* What collecting the blocks of a plan and guarding them have in common. */

typedef struct Item Item;
typedef struct Tally Tally;

/*
 * The blocks that whole_device keeps in one class, and within which contiguous holds: a device that comes
 * as a whole, or a unit of a device that grows. They belong to the node of the lowest block. Blocks of the
 * device on another node are decided one by one.
 */
typedef struct Unit {
        int32_t node;
        uint32_t number;  /* of the unit within its device */
        unsigned classes; /* mask of 1 << ZoneClass, of the blocks that `auto` does not decide */
        int64_t highest;  /* the highest kernel block of these, or -1 */
        Item *first;      /* of the blocks that `auto` decides, by block */
        Item *last;
        size_t n;        /* how many those are */
        size_t n_kernel; /* how many of them were made kernel memory */
        bool is_whole;   /* all of them were, together */
        bool is_kept;    /* the guards need its highest kernel block */
} Unit;

/* A block that `auto` decides. Its verdict is VERDICT_NONE as long as it is movable. */
struct Item {
        Planned *planned;
        Tally *tally;
        Unit *unit; /* or NULL */
        Item *next; /* on its node, by block */
        Item *previous;
        Item *next_of_unit;
};

/* The memory of a node that the plan leads to. Blocks that `auto` has yet to decide count as movable. */
struct Tally {
        NodeBalance sum;
        Item *first;
        Item *last;
        uint64_t
                given_kernel_bytes; /* without the blocks that `auto` decides, as is the next field */
        int64_t lowest_movable;     /* the lowest movable block, or INT64_MAX */
        int64_t highest;            /* the highest kernel block, or -1 */
};

typedef struct Planner {
        const Machine *machine;
        const Policy *policy;
        PlanFilter filter;
        uint64_t now_usec;
        Matcher matcher;
        Tally *tallies; /* one per node of the machine, in the same order */
        Planned *planned;
        size_t n_planned;
        Item *items; /* by block */
        size_t n_items;
        Unit *units;
        size_t n_units;
        Unit **last_units; /* for each device of the machine, the unit found last */
        NodeBalance whole; /* the machine */
} Planner;

/* Moves n blocks from the sums of one class to those of another. */
void planner_move(Planner *planner, Tally *tally, size_t n, ZoneClass from, ZoneClass to);

/* Gives each block that `auto` decides a class that the guards allow. */
void planner_guard(Planner *planner);
