/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Decides what a pass does next, and when. */

#include "daemon/pass.h"

#include "kernel/identify.h"
#include "policy/track.h"

/* The time between two looks at blocks that could not be read, or whose node is no longer waited for. */
#define LOOK_LATER_USEC (5 * USEC_PER_SEC)

/* The shortest time between two plans for retries and the like, so that these are planned together. */
#define REST_USEC (50 * USEC_PER_MSEC)

static void backoff_stop(Backoff *backoff)
{
        backoff->delay_usec = 0;
        backoff->at_usec = USEC_INFINITY;
}

/* Starts the next delay. Returns false if there is none, and the back-off has stopped. */
static bool backoff_next(Backoff *backoff, uint64_t now)
{
        uint64_t delay = MAX(backoff->delay_usec * 2, backoff->first_usec);

        if (delay > backoff->max_usec && !backoff->lasts) {
                backoff_stop(backoff);
                return false;
        }
        backoff->delay_usec = MIN(delay, backoff->max_usec);
        backoff->at_usec = now + backoff->delay_usec;
        return true;
}

void pass_init(Pass *pass)
{
        *pass = (Pass){
                .list_needed = true,
                .again_usec = USEC_INFINITY,
                .leave_usec = USEC_INFINITY,
                .look = { 2 * USEC_PER_MSEC, 50 * USEC_PER_MSEC, .lasts = true },
                .leaving = { 2 * USEC_PER_MSEC, 60 * USEC_PER_SEC, .at_usec = USEC_INFINITY },
                .empty = { 100 * USEC_PER_MSEC, 30 * USEC_PER_SEC, .at_usec = USEC_INFINITY },
        };
}

void pass_done(Pass *pass)
{
        notice_list_done(&pass->notices);
}

bool pass_is_waiting(const Pass *pass)
{
        return pass->waiting_since_usec > 0;
}

/* Reports of what happened */

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

static void pass_on_added(Pass *pass, Machine *machine, const MonitorEvent *event, uint64_t now)
{
        Block *block = machine_find_block(machine, event->block);

        /* The event of an earlier block in its place may have come late. */
        if (block)
                block->leaving = false;
        /* The block was listed before its folder was complete, and can be read now. */
        if (block && block->status == BLOCK_STATUS_WAITING)
                pass_on_changed(pass, machine, event->block);
        /* The known block is left alone: the listing may find that another block has replaced it. */
        (void) notice_list_add(&pass->notices, &(Notice){ event->block, event->node, false, now });
        pass->list_needed = true;
}

static void pass_on_removed(Pass *pass, Machine *machine, uint32_t id)
{
        Block *block = machine_find_block(machine, id);

        if (block)
                block->leaving = true;
        (void) notice_list_add(&pass->notices, &(Notice){ id, NODE_NONE, true, 0 });
        pass->list_needed = true;
}

/*
 * The kernel onlines blocks in a thread of normal priority, and each read takes time from that thread. So the
 * blocks are read once all of them have come online, or no more do.
 */
static void pass_on_kernel_onlined(Pass *pass, Block *block, uint64_t now)
{
        block->stale = true;
        pass->n_onlined++;
        pass->due_usec = now;
        pass->read_needed |= pass->n_onlined >= pass->n_due;
}

/*
 * A block came online. The first event after the block was handed to the actuator is the echo of that write,
 * and needs no read: the actuator reads the block after the write and reports its state, and a block that is
 * online by then cannot change without an `offline` event first.
 */
static void pass_on_online(Pass *pass, Machine *machine, uint32_t id, uint64_t now)
{
        Block *block = machine_find_block(machine, id);

        if (block && block->echo_due)
                block->echo_due = false;
        else if (block && await_is_left_to_kernel(block))
                pass_on_kernel_onlined(pass, block, now);
        else
                pass_on_changed(pass, machine, id);
}

void pass_on_event(Pass *pass, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                   uint64_t now_usec)
{
        switch (kind) {
        case MONITOR_ADDED:
                pass_on_added(pass, machine, event, now_usec);
                break;
        case MONITOR_REMOVED:
                pass_on_removed(pass, machine, event->block);
                break;
        case MONITOR_ONLINE:
                pass_on_online(pass, machine, event->block, now_usec);
                break;
        case MONITOR_OFFLINE:
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
 * The kernel sends the `remove` event of a block before it removes the block's folder, and nothing
 * afterwards. So the blocks are listed again while such a block is still there.
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
                pass->empty.delay_usec = pass->empty.at_usec = 0;
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
 * The kernel removes a node well after the last event about the node's blocks, and memoryd receives no event
 * about the node itself. So memoryd checks whether empty nodes are gone, less and less often, since a node
 * that never had memory or a CPU may stay.
 */
void pass_on_planned(Pass *pass, const Machine *machine, uint64_t now_usec)
{
        pass->plan_needed = false;
        pass->rest_usec = now_usec + REST_USEC;
        if (pass->empty.at_usec == USEC_INFINITY)
                return;
        if (any_node_is_empty(machine))
                (void) backoff_next(&pass->empty, now_usec);
        else
                backoff_stop(&pass->empty);
}

/* The next step */

/* Stops waiting because the time is up: the plan is made with the blocks that are there. */
static void pass_give_up(Pass *pass, Machine *machine, const Awaiting *awaiting, uint64_t now,
                         PassNext *next)
{
        pass->waiting_since_usec = pass->grew_usec = 0;
        pass->confirm_needed = false;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                /*
                 * The kernel stops at the first block that it cannot online, so memoryd onlines the others.
                 * If the kernel is only slow, the write waits for the kernel and finds the block online.
                 */
                if (await_is_left_to_kernel(block))
                        await_give_up(block, &next->kernel);
                if (awaiting->n_blocks > 0)
                        awaiting_give_up(awaiting, block, &next->nodeless, &next->held);
        }
        if (awaiting->n_blocks == 0)
                return;
        next->n_unknown = awaiting->n_blocks - next->nodeless.n - next->held.n;
        /* identify_devices() then makes do with the blocks that are there. */
        pass->identify_needed = true;
        if (next->nodeless.n + next->held.n > 0)
                pass_look_later(pass, now);
}

static bool pass_is_growing(const Pass *pass, const Awaiting *awaiting, uint64_t now)
{
        return pass->grew_usec > 0 && now - pass->grew_usec < awaiting->quiet_usec;
}

/* The time at which the wait ends at the latest. */
static uint64_t pass_deadline(const Pass *pass, const Awaiting *awaiting)
{
        uint64_t since_usec = pass->waiting_since_usec;

        if (awaiting->n_blocks > 0)
                since_usec = MAX(since_usec, MAX(pass->grew_usec, pass->progress_usec));
        if (awaiting->n_due > 0)
                since_usec = MAX(since_usec, pass->due_usec);
        return since_usec + pass->settle_usec;
}

/* Makes the next step come at this time or earlier. */
static void wake_at(PassNext *next, uint64_t usec)
{
        next->wake_usec = MIN(next->wake_usec, usec);
}

/* Sets what to do while the plan waits, and when. */
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
                wake_at(next, pass_is_growing(pass, awaiting, now) ?
                                      pass->grew_usec + awaiting->quiet_usec :
                                      now);
        }
}

/* Whether the plan has to wait: see pass.h. */
static bool pass_waits(Pass *pass, Machine *machine, uint64_t now, PassNext *next)
{
        const AwaitNeeds needs = { pass->needs_udev, pass->needs_origin };
        Awaiting awaiting = awaiting_find(machine, needs);

        pass->identify_needed |= awaiting.any_incomplete;
        if (awaiting.any_given_up)
                pass_look_later(pass, now);
        if (awaiting.n_missing != pass->n_missing)
                pass->progress_usec = now;
        pass->n_missing = awaiting.n_missing;
        if (awaiting.n_due != pass->n_due)
                pass->due_usec = now;
        pass->n_due = awaiting.n_due;
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

/*
 * Has blocks read again that were given up, or were going offline when they were last read, and looks for
 * devices again that were not known.
 */
static void pass_read_again(Pass *pass, Machine *machine)
{
        pass->again_usec = USEC_INFINITY;
        pass->read_needed = true;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->given_up || block->state == BLOCK_GOING_OFFLINE)
                        block->stale = true;
                pass->identify_needed |= block->held;
        }
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
                /* The next plan if no event comes: to retry blocks, and to look for nodes that are gone. */
                uint64_t retry_usec = MIN(pass->empty.at_usec, track_next_retry(machine));
                uint64_t due_usec = MAX(MIN(retry_usec, pass->leave_usec), pass->rest_usec);

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
