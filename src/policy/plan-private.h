/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"

/* What collecting the blocks of a plan and guarding them have in common. */

typedef struct Tally Tally;
typedef struct Group Group;

/*
 * The blocks that whole_device decides as one: a static device, or a unit of a device that grows. They belong
 * to the node of the lowest block. Blocks of the device on another node are decided one by one.
 */
typedef struct Unit {
        int32_t node;
        uint32_t number;   /* of the unit within its device */
        unsigned classes;  /* mask of 1 << ZoneClass, of the blocks that `auto` does not decide */
        Group *group;      /* of the blocks that `auto` decides */
        bool movable_node; /* set by the rule of a block that `auto` decides */
} Unit;

/* A block that `auto` decides. */
typedef struct Item {
        Planned *planned;
        Tally *tally;
        Unit *unit;        /* or NULL */
        struct Item *next; /* in its group */
        bool grows;        /* its device grows */
        bool movable_node; /* set by its rule */
} Item;

/*
 * The rank of a group. Groups become kernel memory in the order of their ranks, and within a rank in that of
 * their addresses. The rank depends on the rest of the device: kernel memory, none, or movable memory. A
 * device that already has movable memory comes last and block by block, because it is then split.
 */
typedef enum Rank {
        RANK_KERNEL,
        RANK_ALONE,
        RANK_MOVABLE,
        _RANK_MAX,
} Rank;

/* The blocks of a node that get the same class together. */
struct Group {
        Item *first; /* by block */
        Item *last;
        size_t n;
        Tally *tally;
        Rank rank;
        bool grows;
        bool is_kernel;
        int64_t highest_below; /* highest kernel block of the node, except for the groups above */
        Group *next;           /* by first block */
        Group *previous;
};

typedef struct GroupList {
        Group *first;
        Group *last;
} GroupList;

/* The highest kernel block of a node, or -1: of all blocks, and of those whose device does not grow. */
typedef struct Highest {
        int64_t any;
        int64_t lasting;
} Highest;

/*
 * The memory of a node that the plan leads to. Blocks that `auto` has yet to decide count as movable; those
 * of devices that grow do not count before their turn.
 */
struct Tally {
        NodeBalance sum;
        Highest highest;
        GroupList groups; /* except for those of devices that grow */

        /* Without the blocks that `auto` decides. When a unit is decided, the bytes are those without it. */
        uint64_t given_kernel_bytes;
        Highest given_highest;
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
        Group *groups;
        size_t n_groups;
        GroupList growing; /* groups of devices that grow */
        NodeBalance whole; /* the machine */
} Planner;

/* Adds a block to the sums of its class, if it has one. */
void planner_add(Planner *planner, Tally *tally, uint32_t block, bool grows, ZoneClass zone_class);

/* Gives each group a class that the guards allow. */
void planner_guard(Planner *planner);
