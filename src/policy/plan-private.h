/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"

/* What the parts of planning share. */

typedef struct Tally Tally;
typedef struct Group Group;

/*
 * What whole_device treats as one: a static device, or a unit of one that grows. It belongs to the
 * node of its lowest block; its blocks on another node are each on their own.
 */
typedef struct Whole {
        int32_t node;
        uint32_t unit;     /* which of its device */
        unsigned classes;  /* mask of 1 << ZoneClass, of those of its blocks that are not `auto` */
        Group *group;      /* of those that are */
        bool movable_node; /* by the rule of one of those */
} Whole;

/* A block that `auto` decides. */
typedef struct Item {
        Planned *planned;
        Tally *tally;
        Whole *whole;      /* or NULL */
        struct Item *next; /* in its group */
        bool grows;        /* of a device that grows */
        bool movable_node; /* by its rule */
} Item;

/*
 * In which order groups become kernel memory, before their addresses: by what the rest of the device
 * is. One that has movable memory already gives last and block by block, since it is split then.
 */
typedef enum Rank {
        RANK_KERNEL,
        RANK_ALONE,
        RANK_MOVABLE,
        _RANK_MAX,
} Rank;

/* Blocks of a node that get one class together. */
struct Group {
        Item *first; /* by block */
        Item *last;
        size_t n;
        Tally *tally;
        Whole *whole; /* or NULL */
        Rank rank;
        bool grows;
        bool is_kernel;
        int64_t highest_below; /* kernel block of the node, but for those of the groups above */
        Group *next;           /* by first block */
        Group *previous;
};

typedef struct GroupList {
        Group *first;
        Group *last;
} GroupList;

/* The highest kernel block of a node, or -1: of all, and but for those of devices that grow. */
typedef struct Highest {
        int64_t any;
        int64_t lasting;
} Highest;

/* What a node leads to: what is decided or there, and what is still to be decided as movable. */
struct Tally {
        const Node *node;
        uint64_t cma_bytes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        Highest highest;
        bool movable_node;
        GroupList groups; /* but for those of devices that grow */

        /* Without the blocks that `auto` decides. */
        uint64_t given_kernel_bytes;
        Highest given_highest;
};

typedef struct Planner {
        const Machine *machine;
        const Policy *policy;
        PlanFilter filter;
        uint64_t now_usec;
        Matcher matcher;
        Tally *tallies; /* one per node of the machine, in its order */
        Planned *planned;
        size_t n_planned;
        Item *items; /* by block */
        size_t n_items;
        Whole *wholes;
        size_t n_wholes;
        Whole **last_wholes; /* the one met last of each device of the machine */
        Group *groups;
        size_t n_groups;
        bool has_rank[_RANK_MAX]; /* whether there are such groups */
        GroupList growing;        /* groups of devices that grow */
        uint64_t cma_bytes;       /* the machine's, as in a tally */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        Tally *last; /* the one found last */
} Planner;

/* Collecting: what the plan has to live with, and what it is to decide. */
void planner_collect(Planner *planner);

/* Adds a block to the sums of its class, if it has one. */
void planner_add(Planner *planner, Tally *tally, uint32_t block, bool grows, ZoneClass zone_class);

/* Makes the groups, and counts the static ones as movable until something speaks against it. */
void planner_group(Planner *planner);

int64_t group_lowest(const Group *group);
int64_t group_highest(const Group *group);

/* What each block of a group is to become, and why. */
void group_set(const Group *group, Verdict verdict, unsigned guards, const Figures *figures);

/* Moves a group between the sums of the classes. */
void group_shift(Planner *planner, const Group *group, bool to_kernel);

/* Makes a group kernel memory that has been counted as movable. */
void group_take(Planner *planner, Group *group, unsigned guards, const Figures *figures);

/* Gives each group a class that the guards allow. */
void planner_guard(Planner *planner);
