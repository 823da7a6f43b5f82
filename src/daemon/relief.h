/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/shortage.h"

#include <systemd/sd-event.h>

/*
 * Which nodes are short of kernel memory, when to look at the zones again, and what to ask for. The kernel tells
 * of memory pressure, and nothing tells of its end.
 */

/* Has the zones read, and relief_check() called after that. */
typedef void (*ReliefHandler)(void *userdata);

typedef struct Relief {
        int pressure_fd;                  /* owned; see pressure.h; negative when there is none */
        sd_event_source *pressure_source; /* owned; NULL when memory pressure cannot be heard of */
        sd_event_source *timer_source;    /* owned */
        ReliefHandler look;
        void *userdata;

        NodeSet short_nodes;
        NodeSet asked_nodes;   /* those that memory was asked for lately */
        NodeSet pending_nodes; /* short at two looks: memory is to be asked for */
        uint64_t asked_usec;   /* when memory was last asked for; 0: never */
        uint64_t pressed_usec; /* when the kernel last told of pressure; 0: never */
        uint64_t looked_usec;  /* when the zones were last looked at; 0: never */
} Relief;

void relief_init(Relief *relief, int pressure_fd);
void relief_done(Relief *relief);

/* Begins to listen. 0 or a negative errno. */
int relief_attach(Relief *relief, sd_event *event, ReliefHandler look, void *userdata);

/* Whether the last look is a second old, or more: then a new one begins. */
bool relief_begin_look(Relief *relief, uint64_t now_usec);

/*
 * Looks which nodes are short, by the zones as they were just read, and notes it in the nodes and in the
 * journal. Adds those that became short to *ret_became_short. Returns whether any became short or is no longer.
 */
bool relief_check(Relief *relief, Machine *machine, uint64_t now_usec, NodeSet *ret_became_short);

/*
 * The next node for which kernel memory is to be asked for, and how many blocks of it. A node is asked for when it
 * is short at two looks, and once a minute at the most. The totals of the machine must be up to date. Returns
 * false when there is none.
 */
bool relief_next(Relief *relief, const Machine *machine, const Policy *policy, uint64_t now_usec,
                 uint32_t *ret_node, uint32_t *ret_n_blocks);
