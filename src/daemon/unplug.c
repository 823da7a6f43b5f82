/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Tells blocks that the kernel brought back after a failed unplug from those that an administrator changed.
 */

#include "daemon/unplug.h"

/* An unplug is over when no block of the device has sent an event for this long. */
#define QUIET_USEC (250 * USEC_PER_MSEC)

/* The same while a block is still offline: maybe an administrator took it offline before. */
#define AWAY_USEC (3 * USEC_PER_SEC)

/* The longest time that the kernel may take from one block of an unplug to the next. */
#define GAP_USEC (120 * USEC_PER_SEC)

/* How often entries of no use are removed. */
#define TIDY_USEC USEC_PER_SEC

/* How long a block that came back can be part of an unplug whose message has not been read. */
#define KEEP_USEC (10 * USEC_PER_SEC)

void unplug_done(Unplug *unplug)
{
        free(unplug->aways);
        *unplug = (Unplug){};
}

static Away *find_away(const Unplug *unplug, uint32_t block)
{
        for (size_t i = 0; i < unplug->n_aways; i++)
                if (unplug->aways[i].block == block)
                        return &unplug->aways[i];
        return NULL;
}

/* Returns the block of an entry, or NULL if it is gone or another block has come in its place. */
static Block *away_block(const Away *away, const Machine *machine)
{
        Block *block = machine_find_block(machine, away->block);

        return block && block->inode == away->inode ? block : NULL;
}

static int32_t device_of(const Machine *machine, uint32_t id)
{
        const Block *block = machine_find_block(machine, id);

        return block ? block->device : DEVICE_NONE;
}

/* Whether an entry is about a block of a device. */
static bool is_of(const Away *away, const Machine *machine, int32_t device)
{
        return device != DEVICE_NONE && device_of(machine, away->block) == device;
}

/* Returns how many unplugs of a device have failed and are not settled. */
static unsigned count_refusers(const Unplug *unplug, const Machine *machine, int32_t device)
{
        unsigned n = 0;

        for (size_t i = 0; i < unplug->n_refusers; i++)
                n += device != DEVICE_NONE &&
                     device_of(machine, unplug->refusers[i].block) == device;
        return n;
}

/* Whether an entry is of no use any more. */
static bool is_over(const Unplug *unplug, const Machine *machine, const Away *away, uint64_t now)
{
        const Block *block = away_block(away, machine);

        if (!block)
                return true;
        if (away->before.is_set) /* the kernel did it, and the block waits for a job to end */
                return block->state == BLOCK_OFFLINE || block_class(block) == away->before.from;
        if (!away->is_back) /* memoryd has onlined it */
                return block->state == BLOCK_ONLINE && !block->stale;
        return now - away->seen_usec > KEEP_USEC &&
               count_refusers(unplug, machine, block->device) == 0;
}

static void tidy(Unplug *unplug, const Machine *machine, uint64_t now)
{
        size_t n = 0;

        if (now - unplug->tidied_usec < TIDY_USEC)
                return;
        unplug->tidied_usec = now;
        for (size_t i = 0; i < unplug->n_aways; i++)
                if (!is_over(unplug, machine, &unplug->aways[i], now))
                        unplug->aways[n++] = unplug->aways[i];
        unplug->n_aways = n;
}

/* Returns what a block was before it went offline, as far as memoryd has read it. */
static Rollback read_before(const Block *block)
{
        /* The block still waits for what it was before an earlier unplug. */
        if (block->rollback.is_set && block->job != 0 && block->rollback.from != ZONE_CLASS_NONE &&
            block_class(block) != block->rollback.from)
                return (Rollback){
                        .from = block->rollback.from,
                        .status = block->rollback.status,
                        .onliner = block->rollback.onliner,
                };
        return (Rollback){
                .from = block->stale || block->state != BLOCK_ONLINE ? ZONE_CLASS_NONE :
                                                                       block_class(block),
                .status = block->status,
                .onliner = block->onliner,
        };
}

/* Returns the entry of a block, which is made, or made anew if it is of no use. NULL if memory is short. */
static Away *begin_away(Unplug *unplug, const Machine *machine, const Block *block, uint64_t now)
{
        Away *away = find_away(unplug, block->id);

        if (!away) {
                if (GROW(unplug->aways, unplug->n_aways) < 0)
                        return NULL;
                away = &unplug->aways[unplug->n_aways++];
        } else if (!is_over(unplug, machine, away, now) && !away->before.is_set) {
                return away;
        }
        *away = (Away){
                .block = block->id,
                .inode = block->inode,
                .before = read_before(block),
        };
        return away;
}

static bool on_offline(Unplug *unplug, const Machine *machine, Block *block, uint64_t seqnum,
                       uint64_t now)
{
        Away *away;

        if (block->offline_due) {
                block->offline_due = false;
                return false;
        }
        tidy(unplug, machine, now);
        away = begin_away(unplug, machine, block, now);
        block->rollback.is_set = false;
        if (!away)
                return true;
        unplug->run += now - unplug->offline_usec > GAP_USEC;
        unplug->offline_usec = now;
        if (away->n_offline++ == 0) {
                away->offline_seqnum = seqnum;
                away->run = unplug->run;
        }
        away->seen_usec = now;
        return true;
}

static bool on_online(Unplug *unplug, const Block *block, uint64_t seqnum, uint64_t now)
{
        Away *away = find_away(unplug, block->id);

        if (block->echo_due)
                return false;
        if (!away)
                return true;
        if (!away->is_back)
                away->online_seqnum = seqnum;
        away->is_back = true;
        away->seen_usec = now;
        return true;
}

bool unplug_on_event(Unplug *unplug, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                     uint64_t now_usec)
{
        Block *block = kind == MONITOR_OFFLINE || kind == MONITOR_ONLINE ?
                               machine_find_block(machine, event->block) :
                               NULL;

        if (!block)
                return false;
        if (kind == MONITOR_OFFLINE)
                return on_offline(unplug, machine, block, event->seqnum, now_usec);
        return on_online(unplug, block, event->seqnum, now_usec);
}

void unplug_on_refusal(Unplug *unplug, uint32_t block, uint64_t now_usec)
{
        if (unplug->n_refusers < REFUSERS_MAX)
                unplug->refusers[unplug->n_refusers++] = (Refuser){ block, now_usec };
}

void unplug_keep_undecided(const Unplug *unplug, const Machine *machine)
{
        for (size_t i = 0; unplug->n_refusers > 0 && i < unplug->n_aways; i++) {
                const Away *away = &unplug->aways[i];
                Block *block = away_block(away, machine);

                if (!block || block->state != BLOCK_ONLINE ||
                    block->status != BLOCK_STATUS_PENDING ||
                    count_refusers(unplug, machine, block->device) == 0)
                        continue;
                block->status = away->before.status;
                block->onliner = ONLINER_KERNEL;
        }
}

/* An unplug that is over */

/*
 * Returns when an unplug of a device is over, if no more events come: USEC_INFINITY if a block that came back
 * is still to be read.
 */
static uint64_t end_of_unplug(const Unplug *unplug, const Machine *machine, const Refuser *refuser)
{
        int32_t device = device_of(machine, refuser->block);
        uint64_t last_usec = refuser->seen_usec;
        bool any_away = false;

        for (size_t i = 0; i < unplug->n_aways; i++) {
                const Away *away = &unplug->aways[i];
                const Block *block = away_block(away, machine);

                if (!block || away->before.is_set || !is_of(away, machine, device))
                        continue;
                if (block->stale)
                        return USEC_INFINITY;
                last_usec = MAX(last_usec, away->seen_usec);
                any_away |= !away->is_back;
        }
        return last_usec + (any_away ? AWAY_USEC : QUIET_USEC);
}

/* Returns the number of the first event that says that a block of the device came online again. */
static uint64_t first_online(const Unplug *unplug, const Machine *machine, int32_t device)
{
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < unplug->n_aways; i++) {
                const Away *away = &unplug->aways[i];

                if (away->is_back && !away->before.is_set && is_of(away, machine, device))
                        first = MIN(first, away->online_seqnum);
        }
        return first;
}

/* Takes a block that the kernel took offline and onlined again. */
static void take_back(Away *away, Block *block, uint32_t refuser, FailedUnplug *failed)
{
        away->before.is_set = true;
        away->before.refuser = refuser;
        away->before.to = block_class(block);
        block->rollback = away->before;
        failed->n_back++;
        if (away->before.to == away->before.from) {
                block->status = away->before.status;
                block->onliner = away->before.onliner;
        } else {
                block->onliner = ONLINER_KERNEL;
                failed->n_changed++;
        }
}

/* Whether it was the kernel that onlined a block, of a device whose unplug failed so often. */
static bool is_by_kernel(const Unplug *unplug, const Away *away, const Block *block,
                         unsigned n_unplugs, uint64_t first_seqnum)
{
        return block->state == BLOCK_ONLINE && away->n_offline <= n_unplugs &&
               away->offline_seqnum < first_seqnum && away->run == unplug->run &&
               away->before.from != ZONE_CLASS_NONE;
}

/* Takes the blocks of a device whose unplug is over. Forgets those that an administrator has changed. */
static void take_all_back(Unplug *unplug, const Machine *machine, unsigned n_unplugs,
                          FailedUnplug *failed)
{
        uint64_t first_seqnum = first_online(unplug, machine, failed->device);
        size_t n = 0;

        for (size_t i = 0; i < unplug->n_aways; i++) {
                Away *away = &unplug->aways[i];
                Block *block = away_block(away, machine);
                bool is_new = block && is_of(away, machine, failed->device) && away->is_back &&
                              !away->before.is_set;

                if (is_new && is_by_kernel(unplug, away, block, n_unplugs, first_seqnum))
                        take_back(away, block, failed->refuser, failed);
                if (!is_new || away->before.is_set)
                        unplug->aways[n++] = *away;
        }
        unplug->n_aways = n;
}

/* Forgets the messages about a device, or one about an unknown device. */
static void forget_refusers(Unplug *unplug, const Machine *machine, const FailedUnplug *failed)
{
        size_t n = 0;

        for (size_t i = 0; i < unplug->n_refusers; i++) {
                const Refuser *refuser = &unplug->refusers[i];
                int32_t device = device_of(machine, refuser->block);

                if (refuser->block != failed->refuser &&
                    (device == DEVICE_NONE || device != failed->device))
                        unplug->refusers[n++] = *refuser;
        }
        unplug->n_refusers = n;
}

static void settle(Unplug *unplug, const Machine *machine, const Refuser *refuser,
                   FailedUnplug *ret)
{
        int32_t device = device_of(machine, refuser->block);
        Block *block = machine_find_block(machine, refuser->block);

        *ret = (FailedUnplug){ .refuser = refuser->block, .device = device };
        take_all_back(unplug, machine, count_refusers(unplug, machine, device), ret);
        if (block && block->state == BLOCK_ONLINE)
                block->rollback = (Rollback){ .is_set = true, .refuser = block->id };
        forget_refusers(unplug, machine, ret);
}

bool unplug_settle(Unplug *unplug, Machine *machine, uint64_t now_usec, FailedUnplug *ret,
                   uint64_t *ret_due_usec)
{
        *ret_due_usec = USEC_INFINITY;
        for (size_t i = 0; i < unplug->n_refusers; i++) {
                const Refuser refuser = unplug->refusers[i];
                uint64_t end_usec = end_of_unplug(unplug, machine, &refuser);

                *ret_due_usec = MIN(*ret_due_usec, end_usec);
                if (end_usec > now_usec)
                        continue;
                settle(unplug, machine, &refuser, ret);
                return true;
        }
        return false;
}

/* The selection */

/* Whether a block is to get its class back now. */
static bool is_to_restore(const Away *away, const Block *block)
{
        return away->before.is_set && block && block->job == 0 && block->state == BLOCK_ONLINE &&
               block_class(block) != away->before.from;
}

/* Whether an entry is still needed: its unplug is not over, or a job takes its block offline, or tries to. */
static bool waits(const Away *away, const Block *block)
{
        return !away->before.is_set || (block->job != 0 && block->job_class == ZONE_CLASS_NONE);
}

/* Kernel memory comes first, from the lowest block up, and then movable memory from the highest down. */
static int compare_steps(const void *a, const void *b)
{
        const Step *x = a, *y = b;
        int up = x->to == VERDICT_KERNEL ? 1 : -1;

        if (x->to != y->to)
                return up * -1;
        return x->block < y->block ? -up : up;
}

/* Whether the kernel brought any block back. Most often none, while many are taken offline by hand. */
static bool any_by_kernel(const Unplug *unplug)
{
        for (size_t i = 0; i < unplug->n_aways; i++)
                if (unplug->aways[i].before.is_set)
                        return true;
        return false;
}

static Step make_step(const Away *away, const Block *block)
{
        return (Step){
                .block = block->id,
                .node = block->node,
                .inode = block->inode,
                .from = block_class(block),
                .to = away->before.from == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL,
                .movable_node = true, /* the node had memory of this class before */
        };
}

int unplug_select(Unplug *unplug, const Machine *machine, int32_t *ret_device, Selection *ret)
{
        _cleanup_free_ Step *steps = NULL;
        int32_t device = DEVICE_NONE;
        size_t n = 0, n_steps = 0;

        if (!any_by_kernel(unplug))
                return 0;
        steps = calloc(unplug->n_aways, sizeof(Step));
        if (!steps)
                return -ENOMEM;
        for (size_t i = 0; i < unplug->n_aways; i++) {
                const Away *away = &unplug->aways[i];
                const Block *block = away_block(away, machine);
                bool is_due = is_to_restore(away, block);

                if (is_due && (device == DEVICE_NONE || block->device == device)) {
                        device = block->device;
                        steps[n_steps++] = make_step(away, block);
                } else if (block && (is_due || waits(away, block))) {
                        unplug->aways[n++] = *away;
                }
        }
        unplug->n_aways = n;
        if (n_steps == 0)
                return 0;
        qsort(steps, n_steps, sizeof(Step), compare_steps);
        *ret_device = device;
        *ret = (Selection){ .n_steps = n_steps };
        ret->steps = TAKE_PTR(steps);
        return 1;
}
