/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides what a pass does next, and when. */

#include "daemon/pass.h"

#include "kernel/identify.h"
#include "policy/track.h"

/* A burst is over when no block came for so long: virtio-mem and its like add them one by one. */
#define QUIET_USEC (15 * USEC_PER_MSEC)

/* How often blocks without a node are looked at while the plan waits for them. */
#define LOOK_FIRST_USEC (2 * USEC_PER_MSEC)
#define LOOK_MAX_USEC (50 * USEC_PER_MSEC)

/* How often blocks are looked at that could not be read, or have no node and are not waited for. */
#define LOOK_LATER_USEC (5 * USEC_PER_SEC)

/* How often to look whether a block is gone whose removal has begun. */
#define LEAVING_FIRST_USEC (2 * USEC_PER_MSEC)
#define LEAVING_MAX_USEC (60 * USEC_PER_SEC)

/* How often to look whether a node without memory is gone. */
#define EMPTY_FIRST_USEC (100 * USEC_PER_MSEC)
#define EMPTY_MAX_USEC (30 * USEC_PER_SEC)

/* Retries and the like are planned together, this often at the most. */
#define REST_USEC (50 * USEC_PER_MSEC)

void pass_init(Pass *pass)
{
        *pass = (Pass){
                .list_needed = true,
                .again_usec = USEC_INFINITY,
                .look = { .first_usec = LOOK_FIRST_USEC, .max_usec = LOOK_MAX_USEC, .lasts = true },
                .leaving = { .first_usec = LEAVING_FIRST_USEC, .max_usec = LEAVING_MAX_USEC },
                .empty = { .first_usec = EMPTY_FIRST_USEC, .max_usec = EMPTY_MAX_USEC },
        };
        backoff_stop(&pass->look);
        backoff_stop(&pass->leaving);
        backoff_stop(&pass->empty);
}

void pass_done(Pass *pass)
{
        notice_list_done(&pass->notices);
}

bool pass_is_waiting(const Pass *pass)
{
        return pass->waiting_since_usec > 0;
}

/* Whether the kernel is to online a block, and is still waited for. */
static bool is_left_to_kernel(const Block *block)
{
        return block->kernel_due && block->decision.verdict == VERDICT_NONE && !block->given_up;
}

static bool is_undecided(const Block *block)
{
        return block->status == BLOCK_STATUS_PENDING && block->decision.verdict == VERDICT_NONE;
}

/* What happened */

void pass_on_changed(Pass *pass, Machine *machine, uint32_t id)
{
        Block *block = machine_find_block(machine, id);

        if (!block) {
                pass->list_needed = true;
                return;
        }
        block->stale = true;
        block->echo_due = false;
        pass->read_needed = true;
}

void pass_on_all_changed(Pass *pass, Machine *machine)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                block->stale = block->announced = true;
                block->echo_due = false;
        }
        pass->list_needed = pass->read_needed = pass->plan_needed = true;
}

static void pass_on_added(Pass *pass, Machine *machine, const MonitorEvent *event)
{
        const Block *block = machine_find_block(machine, event->block);

        /* It was listed before its folder was complete, and can be read now. */
        if (block && block->status == BLOCK_STATUS_WAITING)
                pass_on_changed(pass, machine, event->block);
        /* Not in the block that is known: the listing may find that this is another one. */
        (void) notice_list_add(&pass->notices, event->block, event->node);
        pass->list_needed = true;
}

static void pass_on_removed(Pass *pass, Machine *machine, uint32_t id)
{
        Block *block = machine_find_block(machine, id);

        if (block)
                block->leaving = true;
        (void) notice_list_remove(&pass->notices, id);
        pass->list_needed = true;
}

/*
 * The kernel onlines blocks in a thread of common priority, and each reading takes time from that. So they
 * are read when all have gone online, or no other does.
 */
static void pass_on_kernel_onlined(Pass *pass, Block *block, uint64_t now)
{
        block->stale = true;
        pass->n_onlined++;
        pass->due_usec = now;
        pass->read_needed |= pass->n_onlined >= pass->n_due;
}

/*
 * A block went online. The first time since it was handed to the actuator, that is the echo of the write: the
 * actuator's reply tells of a reading after it, and a block that is online by that reading cannot change
 * without an `offline` first.
 */
static void pass_on_online(Pass *pass, Machine *machine, uint32_t id, uint64_t now)
{
        Block *block = machine_find_block(machine, id);

        if (block && block->echo_due)
                block->echo_due = false;
        else if (block && is_left_to_kernel(block))
                pass_on_kernel_onlined(pass, block, now);
        else
                pass_on_changed(pass, machine, id);
}

void pass_on_event(Pass *pass, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                   uint64_t now_usec)
{
        switch (kind) {
        case MONITOR_ADDED:
                pass_on_added(pass, machine, event);
                break;
        case MONITOR_REMOVED:
                pass_on_removed(pass, machine, event->block);
                break;
        case MONITOR_ONLINE:
                pass_on_online(pass, machine, event->block, now_usec);
                break;
        case MONITOR_BLOCK:
                pass_on_changed(pass, machine, event->block);
                break;
        case MONITOR_LOST:
                pass_on_all_changed(pass, machine);
                break;
        default:
                break;
        }
}

/*
 * The kernel tells that a block goes before it takes its folder away, and nothing after that. So what is
 * still listed is looked for again.
 */
static void pass_expect_blocks_to_go(Pass *pass, Machine *machine, uint64_t now)
{
        bool any = false;

        for (size_t i = 0; i < machine->n_blocks; i++)
                any |= machine->blocks[i].leaving;
        if (!any)
                backoff_stop(&pass->leaving);
        if (!any || backoff_next(&pass->leaving, now))
                return;
        for (size_t i = 0; i < machine->n_blocks; i++)
                machine->blocks[i].leaving = false;
}

void pass_on_listed(Pass *pass, Machine *machine, size_t n_new, bool any_gone, uint64_t now_usec)
{
        notice_list_take(&pass->notices, machine);
        if (n_new > 0)
                pass->grew_usec = now_usec;
        pass->confirm_needed = n_new > 0;
        if (any_gone)
                backoff_begin(&pass->empty);
        pass->list_needed = false;
        pass->read_needed = pass->plan_needed = pass->identify_needed = true;
        pass_expect_blocks_to_go(pass, machine, now_usec);
}

static void pass_look_later(Pass *pass, uint64_t now)
{
        pass->again_usec = MIN(pass->again_usec, now + LOOK_LATER_USEC);
}

void pass_on_read(Pass *pass, bool is_all, bool any_gone, bool again, uint64_t now_usec)
{
        pass->read_needed = !is_all;
        pass->plan_needed = true;
        pass->list_needed |= any_gone;
        pass->n_onlined = 0;
        if (again)
                pass_look_later(pass, now_usec);
}

void pass_on_identified(Pass *pass)
{
        pass->identify_needed = false;
}

static bool any_node_is_empty(const Machine *machine)
{
        for (size_t i = 0; i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                if (!node->has_cpu && node->totals.online_bytes + node->totals.offline_bytes == 0)
                        return true;
        }
        return false;
}

/*
 * The kernel takes a node away well after the last event about its blocks, and without one of its own. So it is
 * looked for, less and less often; a node that never had memory nor a CPU may stay.
 */
static void pass_expect_nodes_to_go(Pass *pass, const Machine *machine, uint64_t now)
{
        if (pass->empty.at_usec == USEC_INFINITY)
                return;
        if (any_node_is_empty(machine))
                (void) backoff_next(&pass->empty, now);
        else
                backoff_stop(&pass->empty);
}

void pass_on_planned(Pass *pass, const Machine *machine, uint64_t now_usec)
{
        pass->plan_needed = false;
        pass->rest_usec = now_usec + REST_USEC;
        pass_expect_nodes_to_go(pass, machine, now_usec);
}

/* What follows */

/* What is still to come before the plan. */
typedef struct Awaiting {
        unsigned n_blocks; /* that something is awaited of */
        unsigned n_due;    /* that the kernel is about to online */
        bool any_unknown;  /* nobody can tell what will follow one of the blocks */
        bool any_given_up; /* a block without a node is not waited for */
} Awaiting;

/* Whether something is awaited of a block that is there and was not decided on. */
static bool pass_awaits(Pass *pass, const Machine *machine, Block *block)
{
        bool is_awaited = identify_awaits(machine, block) != AWAITED_NOTHING;

        pass->identify_needed |= is_awaited;
        /* Only the link tells that all of an add_memory() is there: see the head of pass.h. */
        if (!is_awaited && machine_origin(machine, block) == ORIGIN_UNKNOWN &&
            block->told_node != NODE_NONE && !block->given_up)
                is_awaited = block->stale = true;
        return is_awaited || (pass->needs_udev && !block->announced);
}

/*
 * Finds what is waited for, and marks what lacks its node to be read again, also what could not be read at all
 * yet, since its folder was listed before it was complete.
 */
static Awaiting pass_find_awaited(Pass *pass, Machine *machine)
{
        Awaiting awaiting = {};

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (is_undecided(block)) {
                        awaiting.n_blocks += pass_awaits(pass, machine, block);
                        awaiting.any_unknown |= machine_origin(machine, block) == ORIGIN_UNKNOWN;
                }
                awaiting.n_due += is_left_to_kernel(block);
                if (block->status != BLOCK_STATUS_WAITING)
                        continue;
                block->stale |= !block->given_up;
                awaiting.n_blocks += !block->given_up;
                awaiting.any_given_up |= block->given_up;
        }
        return awaiting;
}

static void given_up_add(GivenUp *given_up, const Block *block)
{
        if (given_up->n++ == 0)
                given_up->first = block->id;
}

/*
 * The kernel stops at the first block that it cannot online. If it is only slow, a write waits for it, and
 * finds the block online.
 */
static void give_up_kernel(Block *block, PassNext *next)
{
        if (!is_left_to_kernel(block))
                return;
        block->given_up = true;
        given_up_add(&next->kernel, block);
}

static void give_up_missing(Block *block, PassNext *next)
{
        block->announced = true;
        if (is_undecided(block))
                block->given_up = true;
        if (block->status != BLOCK_STATUS_WAITING || block->given_up)
                return;
        block->given_up = true;
        block->stale = false;
        given_up_add(&next->nodeless, block);
}

/* The time is up: what is there is planned. */
static void pass_give_up(Pass *pass, Machine *machine, const Awaiting *awaiting, uint64_t now,
                         PassNext *next)
{
        pass->waiting_since_usec = pass->grew_usec = 0;
        pass->confirm_needed = false;
        for (size_t i = 0; i < machine->n_blocks; i++)
                give_up_kernel(&machine->blocks[i], next);
        if (awaiting->n_blocks == 0)
                return;
        for (size_t i = 0; i < machine->n_blocks; i++)
                give_up_missing(&machine->blocks[i], next);
        next->n_unknown = awaiting->n_blocks - next->nodeless.n;
        /* Makes do with what is there. */
        pass->identify_needed = true;
        if (next->nodeless.n > 0)
                pass_look_later(pass, now);
}

static bool pass_is_growing(const Pass *pass, const Awaiting *awaiting, uint64_t now)
{
        return awaiting->any_unknown && pass->grew_usec > 0 && now - pass->grew_usec < QUIET_USEC;
}

/* Until when to wait at the longest. */
static uint64_t pass_deadline(const Pass *pass, const Awaiting *awaiting)
{
        uint64_t since_usec = pass->waiting_since_usec;

        if (awaiting->n_blocks > 0)
                since_usec = MAX(since_usec, pass->grew_usec);
        if (awaiting->n_due > 0)
                since_usec = MAX(since_usec, pass->due_usec);
        return since_usec + pass->settle_usec;
}

static void pass_note_due(Pass *pass, const Awaiting *awaiting, uint64_t now)
{
        if (awaiting->n_due != pass->n_due)
                pass->due_usec = now;
        pass->n_due = awaiting->n_due;
}

/* Has the next step come at a time, or before. */
static void wake_at(PassNext *next, uint64_t usec)
{
        next->wake_usec = MIN(next->wake_usec, usec);
}

/* While the plan waits: what is to be done then, and when. */
static void pass_prepare_look(Pass *pass, const Awaiting *awaiting, uint64_t now, PassNext *next)
{
        if (awaiting->n_due > 0) {
                wake_at(next, pass_deadline(pass, awaiting));
        } else if (awaiting->n_blocks > 0) {
                pass->read_needed = true;
                (void) backoff_next(&pass->look, now);
                wake_at(next, pass->look.at_usec);
        } else {
                pass->list_needed = true;
                wake_at(next,
                        pass_is_growing(pass, awaiting, now) ? pass->grew_usec + QUIET_USEC : now);
        }
}

/* Whether to hold the plan back: see the head of pass.h. */
static bool pass_waits(Pass *pass, Machine *machine, uint64_t now, PassNext *next)
{
        Awaiting awaiting = pass_find_awaited(pass, machine);

        if (awaiting.any_given_up)
                pass_look_later(pass, now);
        pass_note_due(pass, &awaiting, now);
        if (awaiting.n_blocks + awaiting.n_due == 0 && !pass_is_growing(pass, &awaiting, now) &&
            !(awaiting.any_unknown && pass->confirm_needed)) {
                pass->waiting_since_usec = 0;
                return false;
        }
        if (!pass_is_waiting(pass)) {
                pass->waiting_since_usec = now;
                backoff_stop(&pass->look);
        }
        if (now >= pass_deadline(pass, &awaiting)) {
                pass_give_up(pass, machine, &awaiting, now, next);
                return false;
        }
        pass_prepare_look(pass, &awaiting, now, next);
        return true;
}

/* What was given up, or was going offline when it was last read, is read again. */
static void pass_read_again(Pass *pass, Machine *machine)
{
        pass->again_usec = USEC_INFINITY;
        pass->read_needed = true;
        for (size_t i = 0; i < machine->n_blocks; i++)
                if (machine->blocks[i].given_up || machine->blocks[i].state == BLOCK_GOING_OFFLINE)
                        machine->blocks[i].stale = true;
}

/* When there is something to do though nothing happens. */
static uint64_t pass_due_usec(const Pass *pass, const Machine *machine)
{
        return MIN(pass->empty.at_usec, track_next_retry(machine));
}

PassNext pass_next(Pass *pass, Machine *machine, uint64_t now_usec)
{
        PassNext next = { .act = PASS_WAIT, .wake_usec = USEC_INFINITY };

        if (pass->n_onlined > 0 && now_usec >= pass->due_usec + pass->settle_usec)
                pass->read_needed = true;
        if (pass->again_usec <= now_usec)
                pass_read_again(pass, machine);

        if (pass->list_needed || pass->leaving.at_usec <= now_usec) {
                next.act = PASS_LIST;
        } else if (pass->read_needed) {
                next.act = PASS_READ;
        } else {
                uint64_t due_usec = MAX(pass_due_usec(pass, machine), pass->rest_usec);

                if (!pass->plan_needed && due_usec > now_usec)
                        wake_at(&next, due_usec);
                else if (pass->identify_needed)
                        next.act = PASS_IDENTIFY;
                else if (!pass_waits(pass, machine, now_usec, &next))
                        next.act = pass->identify_needed ? PASS_IDENTIFY : PASS_PLAN;
                wake_at(&next, pass->leaving.at_usec);
                wake_at(&next, pass->again_usec);
        }
        return next;
}
