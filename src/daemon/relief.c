/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

void relief_init(Relief *relief, int pressure_fd)
{
        *relief = (Relief){ .pressure_fd = pressure_fd };
}

void relief_done(Relief *relief)
{
        sd_event_source_disable_unref(relief->timer_source);
        sd_event_source_disable_unref(relief->pressure_source);
        closep(&relief->pressure_fd);
}

static void relief_look_at(Relief *relief, uint64_t usec)
{
        (void) sd_event_source_set_time(relief->timer_source, usec);
        (void) sd_event_source_set_enabled(relief->timer_source, SD_EVENT_ONESHOT);
}

static int on_recheck(sd_event_source *source, uint64_t usec, void *userdata)
{
        const Relief *relief = userdata;

        (void) source;
        (void) usec;
        relief->look(relief->userdata);
        return 0;
}

/* Tasks wait for memory. If the last look was less than a second ago, the next one is a second after it. */
static int on_pressure(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Relief *relief = userdata;
        uint64_t next_usec = relief->looked_usec + LOOK_USEC, now = 0;

        (void) fd;
        if (revents & (EPOLLERR | EPOLLHUP)) {
                log_info("The kernel does not tell of memory pressure any more");
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        (void) sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now);
        relief->pressed_usec = now;
        if (now >= next_usec)
                relief->look(relief->userdata);
        else
                relief_look_at(relief, next_usec);
        return 0;
}

int relief_attach(Relief *relief, sd_event *event, ReliefHandler look, void *userdata)
{
        int r = sd_event_add_time(event, &relief->timer_source, CLOCK_MONOTONIC, UINT64_MAX, 0,
                                  on_recheck, relief);

        relief->look = look;
        relief->userdata = userdata;
        if (r >= 0)
                r = sd_event_source_set_enabled(relief->timer_source, SD_EVENT_OFF);
        if (r < 0 || relief->pressure_fd < 0)
                return r;
        r = sd_event_add_io(event, &relief->pressure_source, relief->pressure_fd, EPOLLPRI,
                            on_pressure, relief);
        if (r < 0)
                log_info("Cannot listen to memory pressure: %s", strerror(-r));
        return 0;
}

bool relief_begin_look(Relief *relief, uint64_t now_usec)
{
        if (relief->looked_usec != 0 && now_usec - relief->looked_usec < LOOK_USEC)
                return false;
        relief->looked_usec = now_usec;
        return true;
}

/*
 * Notes and returns whether a node is short. Memory is asked for only at the next look: the shortage may be
 * over by then, and when memoryd starts, not everything is known yet.
 */
static bool relief_check_node(Relief *relief, const Machine *machine, Node *node)
{
        const Shortage shortage = shortage_measure(machine, node->id);
        bool was_short = node_set_contains(&relief->short_nodes, node->id);

        node->is_short = shortage_holds(&shortage, was_short);
        node->kernel_free_bytes = shortage.free_bytes;
        node->kernel_low_bytes = shortage.low_bytes;
        if (node->is_short && was_short)
                node_set_add(&relief->pending_nodes, node->id);
        else if (node->is_short)
                journal_short(node->id, &shortage);
        else if (was_short)
                journal_not_short(node->id);
        return node->is_short;
}

/* Schedules the next look while a node is short or pressure was recent. It comes sooner after a change. */
static void relief_look_again(Relief *relief, bool has_changed, uint64_t now)
{
        bool is_pressed = relief->pressed_usec > 0 && now < relief->pressed_usec + FOLLOW_USEC;

        if (!node_set_is_empty(&relief->short_nodes) || is_pressed)
                relief_look_at(relief, now + (has_changed ? RECHECK_FIRST_USEC : RECHECK_USEC));
}

bool relief_check(Relief *relief, Machine *machine, uint64_t now_usec, NodeSet *ret_became_short)
{
        NodeSet after = {};
        bool has_changed;

        relief->pending_nodes = (NodeSet){};
        for (size_t i = 0; i < machine->n_nodes; i++) {
                uint32_t id = machine->nodes[i].id;

                if (!relief_check_node(relief, machine, &machine->nodes[i]))
                        continue;
                node_set_add(&after, id);
                if (!node_set_contains(&relief->short_nodes, id))
                        node_set_add(ret_became_short, id);
        }
        has_changed = memcmp(&relief->short_nodes, &after, sizeof(after)) != 0;
        relief->short_nodes = after;
        relief_look_again(relief, has_changed, now_usec);
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
