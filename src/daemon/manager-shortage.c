/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/format.h"
#include "base/names.h"
#include "daemon/manager-private.h"
#include "policy/shortage.h"

/* When to look whether a shortage is over: first, and from then on. Nothing tells of that. */
#define RECHECK_FIRST_USEC USEC_PER_SEC
#define RECHECK_USEC (10 * USEC_PER_SEC)

/*
 * For so long after pressure. Once the kernel has nothing left to reclaim nobody waits any more, and
 * memory runs short without a word.
 */
#define FOLLOW_USEC (60 * USEC_PER_SEC)

/* How often to ask for more memory while a shortage lasts. */
#define ASK_AGAIN_USEC (60 * USEC_PER_SEC)

/* Asks for more kernel memory, unless that was done lately. */
static void manager_relieve(Manager *manager, const Node *node, const Shortage *shortage)
{
        uint64_t now = manager_now(manager);
        uint32_t n_blocks = shortage_blocks(shortage, manager_get_machine(manager),
                                            &manager->conf.policy, node);
        int r;

        if (now >= manager->asked_usec + ASK_AGAIN_USEC)
                manager->asked_nodes = (NodeSet){};
        if (!manager->conf.rebalance || n_blocks == 0 || manager->stopping ||
            node_set_contains(&manager->asked_nodes, node->id))
                return;
        node_set_add(&manager->asked_nodes, node->id);
        manager->asked_usec = now;
        r = manager_rebalance(manager, node->id, n_blocks);
        if (r < 0)
                log_warning("Cannot make kernel memory of %u blocks of node %u: %s, ignoring",
                            n_blocks, node->id, strerror(-r));
}

static void manager_tell_shortage(Manager *manager, const Node *node, const Shortage *shortage)
{
        const LogContext context = {
                .message_id = MESSAGE_ID_KERNEL_MEMORY_SHORT,
                .has_node = true,
                .node = (int32_t) node->id,
        };
        char left[FORMAT_BYTES_MAX], low[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX];

        log_full(LOG_NOTICE, &context,
                 "Node %u is short of kernel memory: %s free, its low watermark is %s, while %s of "
                 "its movable memory are free",
                 node->id, format_bytes(shortage->free_bytes, left),
                 format_bytes(shortage->low_bytes, low),
                 format_bytes(shortage->movable_free_bytes, movable));
        node_set_add(&manager->changes.short_nodes, node->id);
}

/*
 * What has become of one node. Returns whether it is short. Something is done about it only at the next
 * look: it may be over by then, and at the start not everything is known yet.
 */
static bool manager_check_node(Manager *manager, Node *node)
{
        const Shortage shortage = shortage_measure(&manager->machine, node->id);
        bool was_short = node_set_contains(&manager->short_nodes, node->id);
        bool is_short = shortage_holds(&shortage, was_short);

        node->is_short = is_short;
        node->kernel_free_bytes = shortage.free_bytes;
        node->kernel_low_bytes = shortage.low_bytes;
        if (is_short != was_short)
                manager->changes.nodes = true;
        if (is_short && !was_short)
                manager_tell_shortage(manager, node, &shortage);
        else if (is_short)
                manager_relieve(manager, node, &shortage);
        else if (was_short && !is_short)
                log_info("Node %u has enough kernel memory again", node->id);
        return is_short;
}

/* When to look again: soon after something has changed, else now and then while there is a reason to. */
static void manager_look_again(Manager *manager, bool has_changed)
{
        uint64_t now = manager_now(manager);
        bool is_pressed = manager->pressed_usec > 0 && now < manager->pressed_usec + FOLLOW_USEC;

        if (node_set_is_empty(&manager->short_nodes) && !is_pressed)
                return;
        (void) sd_event_source_set_time(manager->shortage_source,
                                        now + (has_changed ? RECHECK_FIRST_USEC : RECHECK_USEC));
        (void) sd_event_source_set_enabled(manager->shortage_source, SD_EVENT_ONESHOT);
}

void manager_check_shortage(Manager *manager)
{
        NodeSet before = manager->short_nodes, after = {};

        for (size_t i = 0; i < manager->machine.n_nodes; i++)
                if (manager_check_node(manager, &manager->machine.nodes[i]))
                        node_set_add(&after, manager->machine.nodes[i].id);
        manager->short_nodes = after;
        manager_look_again(manager, memcmp(&before, &after, sizeof(before)) != 0);
}

static int on_recheck(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        manager_refresh_zones(userdata);
        return 0;
}

/* Tasks wait for memory. What is told within a second of the last look waits for the end of it. */
static int on_pressure(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *manager = userdata;
        uint64_t next_usec = manager->zones_usec + ZONES_USEC;

        (void) fd;
        if (revents & (EPOLLERR | EPOLLHUP)) {
                log_info("The kernel does not tell of memory pressure any more");
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        manager->pressed_usec = manager_now(manager);
        if (manager_now(manager) >= next_usec) {
                manager_refresh_zones(manager);
                return 0;
        }
        (void) sd_event_source_set_time(manager->shortage_source, next_usec);
        (void) sd_event_source_set_enabled(manager->shortage_source, SD_EVENT_ONESHOT);
        return 0;
}

int manager_watch_shortage(Manager *manager)
{
        int r = sd_event_add_time(manager->event, &manager->shortage_source, CLOCK_MONOTONIC,
                                  UINT64_MAX, 0, on_recheck, manager);

        if (r >= 0)
                r = sd_event_source_set_enabled(manager->shortage_source, SD_EVENT_OFF);
        if (r < 0 || manager->pressure_fd < 0)
                return r;
        r = sd_event_add_io(manager->event, &manager->pressure_source, manager->pressure_fd,
                            EPOLLPRI, on_pressure, manager);
        if (r < 0)
                log_info("Cannot listen to memory pressure: %s", strerror(-r));
        return 0;
}
