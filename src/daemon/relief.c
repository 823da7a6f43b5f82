/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Watches for nodes that are short of kernel memory. */

#include "daemon/relief.h"

#include "daemon/journal.h"

/* The shortest time between two reads of the zones. */
#define LOOK_USEC USEC_PER_SEC

/* The time until the next check whether a shortage is over: after a change, and from then on. */
#define RECHECK_FIRST_USEC USEC_PER_SEC
#define RECHECK_USEC (10 * USEC_PER_SEC)

/*
 * How long to keep looking after memory pressure. Once the kernel has nothing left to reclaim, no task waits
 * any more, and memory runs short without any further event.
 */
#define FOLLOW_USEC (60 * USEC_PER_SEC)

/* The time between two requests for kernel memory while a shortage lasts. */
#define ASK_AGAIN_USEC (60 * USEC_PER_SEC)

void relief_on_pressure(Relief *relief, uint64_t now_usec)
{
        relief->pressed_usec = now_usec;
        relief->look_usec = MAX(now_usec, relief->looked_usec + LOOK_USEC);
}

bool relief_begin_look(Relief *relief, uint64_t now_usec)
{
        if (relief->looked_usec != 0 && now_usec - relief->looked_usec < LOOK_USEC)
                return false;
        relief->looked_usec = now_usec;
        relief->look_usec = USEC_INFINITY;
        return true;
}

uint64_t relief_next_look(const Relief *relief, uint64_t wanted_usec)
{
        return MIN(relief->look_usec, MAX(wanted_usec, relief->looked_usec + LOOK_USEC));
}

/*
 * Notes and returns whether a node is short. Memory is asked for only at the next look: the shortage may be
 * over by then, and when memoryd starts, not everything is known yet.
 */
static bool relief_check_node(Relief *relief, const Machine *machine, Node *node,
                              NodeSet *ret_became_short)
{
        const Shortage shortage = shortage_measure(machine, node->id);
        bool was_short = node_set_contains(&relief->short_nodes, node->id);

        node->is_short = shortage_holds(&shortage, was_short);
        node->kernel_free_bytes = shortage.free_bytes;
        node->kernel_low_bytes = shortage.low_bytes;
        if (node->is_short && was_short) {
                node_set_add(&relief->pending_nodes, node->id);
        } else if (node->is_short) {
                node_set_add(ret_became_short, node->id);
                journal_short(node->id, &shortage);
        } else if (was_short) {
                log_info("Node %u has enough kernel memory again", node->id);
        }
        return node->is_short;
}

bool relief_check(Relief *relief, Machine *machine, uint64_t now_usec, NodeSet *ret_became_short)
{
        bool is_pressed = relief->pressed_usec > 0 && now_usec < relief->pressed_usec + FOLLOW_USEC;
        bool has_changed;
        NodeSet after = {};

        relief->pending_nodes = (NodeSet){};
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (relief_check_node(relief, machine, &machine->nodes[i], ret_became_short))
                        node_set_add(&after, machine->nodes[i].id);
        has_changed = memcmp(&relief->short_nodes, &after, sizeof(after)) != 0;
        relief->short_nodes = after;
        if (!node_set_is_empty(&after) || is_pressed)
                relief->look_usec = now_usec + (has_changed ? RECHECK_FIRST_USEC : RECHECK_USEC);
        return has_changed;
}

bool relief_next(Relief *relief, const Machine *machine, const Policy *policy, uint64_t now_usec,
                 uint32_t *ret_node, uint32_t *ret_n_blocks)
{
        if (now_usec >= relief->asked_usec + ASK_AGAIN_USEC)
                relief->asked_nodes = (NodeSet){};
        for (size_t i = 0; i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];
                const Shortage shortage = shortage_measure(machine, node->id);
                uint32_t n_blocks;

                if (!node_set_contains(&relief->pending_nodes, node->id) ||
                    node_set_contains(&relief->asked_nodes, node->id))
                        continue;
                n_blocks = shortage_blocks(&shortage, machine, policy, node);
                if (n_blocks == 0)
                        continue;
                node_set_add(&relief->asked_nodes, node->id);
                relief->asked_usec = now_usec;
                *ret_node = node->id;
                *ret_n_blocks = n_blocks;
                return true;
        }
        return false;
}
