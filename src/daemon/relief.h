/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/shortage.h"

/*
 * Which nodes are short of kernel memory, when to look at the zones again, and how much memory to ask for.
 * The kernel reports memory pressure, but not the end of it. The caller passes the time, and reads the zones.
 */

typedef struct Relief {
        NodeSet short_nodes;
        NodeSet asked_nodes;   /* nodes for which memory was requested lately */
        NodeSet pending_nodes; /* nodes that are short at two looks: memory is to be requested */
        uint64_t asked_usec;   /* when memory was last requested; 0: never */
        uint64_t pressed_usec; /* when the kernel last reported pressure; 0: never */
        uint64_t looked_usec;  /* when the zones were last looked at; 0: never */
        uint64_t look_usec;    /* when to look again; USEC_INFINITY: not before something happens */
} Relief;

/* Tasks wait for memory: a look is due, a second after the last one. */
void relief_on_pressure(Relief *relief, uint64_t now_usec);

/* Begins a new look, and returns true, if the last one is at least a second old: always if one is due. */
bool relief_begin_look(Relief *relief, uint64_t now_usec);

/* Returns when to look again: at a time that is wanted for another reason or earlier, but never too early. */
uint64_t relief_next_look(const Relief *relief, uint64_t wanted_usec);

/*
 * Finds out which nodes are short, from the zones that the caller has just read. Notes it in the nodes and
 * the journal. Adds nodes that became short to *ret_became_short. Returns whether a shortage began or ended.
 */
bool relief_check(Relief *relief, Machine *machine, uint64_t now_usec, NodeSet *ret_became_short);

/*
 * Finds the next node for which to ask for kernel memory, and the number of blocks. Memory is asked for if a
 * node is short at two looks, and at most once a minute for each node. The totals of the machine must be up
 * to date. Returns false if there is no such node.
 */
bool relief_next(Relief *relief, const Machine *machine, const Policy *policy, uint64_t now_usec,
                 uint32_t *ret_node, uint32_t *ret_n_blocks);
