/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/manager-private.h"
#include "kernel/identify.h"

/* A burst is over when no block came for so long: virtio-mem and its like add them one by one. */
#define QUIET_USEC (15 * USEC_PER_MSEC)

/* How often blocks without a node are looked at while the rest waits: at first, and at the most. */
#define WAIT_FIRST_USEC (2 * USEC_PER_MSEC)
#define WAIT_MAX_USEC (50 * USEC_PER_MSEC)

/* What is still to come before the plan. */
typedef struct Waiting {
        unsigned n_blocks; /* that something is awaited of */
        unsigned n_due;    /* that the kernel is about to online */
        bool any_unknown;  /* there is a block of which nobody can tell what will follow it */
        bool any_given_up; /* there is a block that is not waited for */
} Waiting;

/* A block that is there and was not decided on. */
static void manager_mark_undecided(Manager *manager, Block *block, Waiting *waiting)
{
        bool is_awaited = identify_awaits(&manager->machine, block) != AWAITED_NOTHING;
        bool is_unknown = machine_origin(&manager->machine, block) == ORIGIN_UNKNOWN;

        manager->identify_needed |= is_awaited;
        /* Only the link tells that all of an add_memory() is there: see manager_waits(). */
        if (!is_awaited && is_unknown && block->told_node != NODE_NONE && !block->given_up)
                is_awaited = block->stale = true;
        waiting->n_blocks += is_awaited || (manager_needs_udev(manager) && !block->announced);
        waiting->any_unknown |= is_unknown;
}

/*
 * Finds what is waited for, and marks what lacks its node to be read again, also what could not be
 * read at all yet, since its folder was listed before it was complete.
 */
static Waiting manager_mark_waiting(Manager *manager)
{
        Waiting waiting = {};

        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                if (block->status == BLOCK_STATUS_PENDING &&
                    block->decision.verdict == VERDICT_NONE)
                        manager_mark_undecided(manager, block, &waiting);
                waiting.n_due += manager_is_left_to_kernel(block);
                if (block->status != BLOCK_STATUS_WAITING)
                        continue;
                block->stale |= !block->given_up;
                waiting.n_blocks += !block->given_up;
                waiting.any_given_up |= block->given_up;
        }
        return waiting;
}

/* When to look again at blocks that have no node: less often the longer it takes. */
static void manager_look_again(Manager *manager, uint64_t now)
{
        manager->read_needed = true;
        manager_schedule(manager, now + manager->wait_usec);
        manager->wait_usec = MIN(manager->wait_usec * 2, WAIT_MAX_USEC);
}

/*
 * The kernel onlines no further blocks: it stops at the first one that fails. If it is only slow, a write
 * waits for it, and finds the block online.
 */
static void manager_give_up_kernel(Manager *manager)
{
        uint32_t first = 0;
        unsigned n = 0;

        for (size_t i = manager->machine.n_blocks; i-- > 0;) {
                Block *block = &manager->machine.blocks[i];

                if (!manager_is_left_to_kernel(block))
                        continue;
                block->given_up = true;
                first = block->id;
                n++;
        }
        if (n > 0)
                log_notice(
                        "The kernel has not onlined %u block%s, memory%u first, going on with %s",
                        n, n == 1 ? "" : "s", first, n == 1 ? "it" : "them");
}

/* The time is up: what is there is planned. */
static void manager_give_up_waiting(Manager *manager, unsigned n)
{
        uint32_t first = 0;
        unsigned n_nodeless = 0;

        manager->waiting_since_usec = manager->grew_usec = 0;
        manager->confirm_needed = false;
        manager_give_up_kernel(manager);
        if (n == 0)
                return;

        for (size_t i = manager->machine.n_blocks; i-- > 0;) {
                Block *block = &manager->machine.blocks[i];

                block->announced = true;
                if (block->status == BLOCK_STATUS_PENDING &&
                    block->decision.verdict == VERDICT_NONE)
                        block->given_up = true;
                if (block->status != BLOCK_STATUS_WAITING || block->given_up)
                        continue;
                n_nodeless++;
                block->given_up = true;
                block->stale = false;
                first = block->id;
        }
        /* Without what it waited for. */
        manager->identify_needed = true;
        if (n_nodeless == 0) {
                log_warning(
                        "Not everything is known of %u block%s that %s to be decided on, ignoring",
                        n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
                return;
        }
        log_warning("%u block%s, memory%u first, still without a node, ignoring until there is one",
                    n_nodeless, n_nodeless == 1 ? " is" : "s are", first);
        manager_look_later(manager);
}

bool manager_waits(Manager *manager, uint64_t now)
{
        Waiting waiting = manager_mark_waiting(manager);
        bool growing = waiting.any_unknown && manager->grew_usec > 0 &&
                       now - manager->grew_usec < QUIET_USEC;
        bool confirm_needed = waiting.any_unknown && manager->confirm_needed;
        uint64_t since_usec;

        if (waiting.any_given_up)
                manager_look_later(manager);
        if (waiting.n_due != manager->n_due)
                manager->due_usec = now;
        manager->n_due = waiting.n_due;
        if (waiting.n_blocks + waiting.n_due == 0 && !growing && !confirm_needed) {
                manager->waiting_since_usec = 0;
                return false;
        }
        if (manager->waiting_since_usec == 0) {
                manager->waiting_since_usec = now;
                manager->wait_usec = WAIT_FIRST_USEC;
        }

        since_usec = manager->waiting_since_usec;
        if (waiting.n_blocks > 0)
                since_usec = MAX(since_usec, manager->grew_usec);
        if (waiting.n_due > 0)
                since_usec = MAX(since_usec, manager->due_usec);
        if (now - since_usec >= manager->conf.settle_usec) {
                manager_give_up_waiting(manager, waiting.n_blocks);
                return false;
        }
        if (waiting.n_due > 0) {
                manager_schedule(manager, since_usec + manager->conf.settle_usec);
        } else if (waiting.n_blocks > 0) {
                manager_look_again(manager, now);
        } else {
                manager->list_needed = true;
                manager_schedule(manager, growing ? manager->grew_usec + QUIET_USEC : now);
        }
        return true;
}

bool manager_is_left_to_kernel(const Block *block)
{
        return block->kernel_due && block->decision.verdict == VERDICT_NONE && !block->given_up;
}

bool manager_is_waiting(const Manager *manager)
{
        return manager->waiting_since_usec > 0;
}
