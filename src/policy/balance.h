/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/guard.h"

/*
 * The amounts of kernel and movable memory, of each node and of the machine, and whether a change of them
 * breaks the guards of the policy.
 */

typedef struct Balance {
        const Machine *machine;
        const Policy *policy;
        NodeBalance *nodes; /* owned, one per node of the machine, in the same order */
        NodeBalance whole;  /* the machine */
} Balance;

/*
 * Adds up the memory of a machine. A block counts in its plan_class(), or on the safe side if a job is to
 * change it. Returns 0 or -ENOMEM.
 */
int balance_init(Balance *balance, const Machine *machine, const Policy *policy);
int balance_copy(const Balance *balance, Balance *ret);
void balance_done(Balance *balance);

/* Returns the balance of a node, or NULL if the machine does not have the node. */
NodeBalance *balance_node(const Balance *balance, int32_t node);

/* Moves a block from one class to another. ZONE_CLASS_NONE is offline. */
void balance_move(Balance *balance, const Block *block, ZoneClass from, ZoneClass to);

/* Whether the node has movable memory and no kernel memory. */
bool node_balance_is_movable_only(const NodeBalance *node);

/* A guard that a change breaks. */
typedef struct Breach {
        bool last_kernel;        /* a node would have movable memory only */
        Guard guard;             /* otherwise: min_kernel, or the ratio of the node or machine */
        const NodeBalance *node; /* the node or machine after the change */
        Figures figures;         /* of the guard; for min_kernel its limit and the kernel memory */
} Breach;

/*
 * Whether a change breaks a guard on a node, given by its index, or on the machine. A guard that did not hold
 * before counts only if the change makes matters worse. In this order: a node with movable memory must not
 * lose its last kernel memory, and a node without kernel memory must not gain movable memory; a node with
 * memory must have min_kernel; the ratio of the node, and that of the machine, must not be over
 * max_movable_ratio.
 */
bool balance_is_breached_at(const Balance *before, const Balance *after, size_t node, Breach *ret);

/*
 * Whether a change breaks a guard on any node or on the machine. *ret is the breach of a node that would have
 * movable memory only, else that of the first node with a breach, else that of the machine.
 */
bool balance_is_breached(const Balance *before, const Balance *after, Breach *ret);
