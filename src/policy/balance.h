/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"

/*
 * How much memory of which class there is, per node and in all, and whether moving some of it leaves less
 * than the guards of the policy ask for.
 */

typedef struct NodeBalance {
        const Node *node; /* NULL for the machine as a whole */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint64_t cma_bytes;
        bool movable_node; /* a rule lets it have movable memory only */
} NodeBalance;

typedef struct Balance {
        const Machine *machine;
        const Policy *policy;
        NodeBalance *nodes; /* owned, one per node of the machine, in its order */
        NodeBalance whole;  /* the machine */
} Balance;

/* Adds up what is there, each block as plan_class() has it. 0 or -ENOMEM. */
int balance_init(Balance *balance, const Machine *machine, const Policy *policy);
int balance_copy(const Balance *balance, Balance *ret);
void balance_done(Balance *balance);

/* NULL for a node that the machine has not. */
NodeBalance *balance_node(const Balance *balance, int32_t node);

/* A block goes from one class to another; ZONE_CLASS_NONE is offline. */
void balance_move(Balance *balance, const Block *block, ZoneClass from, ZoneClass to);

/* Whether the node has movable memory and no kernel memory. */
bool node_balance_is_movable_only(const NodeBalance *node);

/* What does not hold any more. */
typedef struct Breach {
        bool last_kernel;        /* a node would have movable memory only */
        Guard guard;             /* else: min_kernel, or the ratio of the node or machine */
        const NodeBalance *node; /* as it would be */
        Figures figures;         /* of the guard; of min_kernel its limit and kernel memory */
} Breach;

/*
 * Whether a change makes something worse that does not hold afterwards: movable memory only where there
 * was kernel memory, or more movable memory than before where there is none; less than min_kernel on a node
 * that has memory; a ratio over max_movable_ratio. Of a node and of the machine as a whole.
 */
bool balance_is_breached_at(const Balance *before, const Balance *after, size_t node, Breach *ret);

/* The same of all nodes: the worst there is, in the order of the sentence above. */
bool balance_is_breached(const Balance *before, const Balance *after, Breach *ret);
