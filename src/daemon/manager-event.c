/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/names.h"
#include "daemon/manager-private.h"

/* From an event to the pass that looks at it: further ones are on their way by then. */
#define GATHER_USEC (5 * USEC_PER_MSEC)

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        (void) source;
        (void) usec;
        manager->timer_usec = USEC_INFINITY;
        if (!manager->stopping)
                manager_pass(manager);
        return 0;
}

void manager_mark_all(Manager *manager)
{
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                block->stale = block->announced = true;
                block->echo_due = false;
        }
        manager->list_needed = manager->read_needed = manager->plan_needed = true;
        manager_schedule(manager, manager_now(manager));
}

void manager_mark_block(Manager *manager, uint32_t id)
{
        Block *block = machine_find_block(&manager->machine, id);

        if (!block) {
                manager->list_needed = true;
                return;
        }
        block->stale = true;
        block->echo_due = false;
        manager->read_needed = true;
}

/*
 * The kernel has onlined a block that was left to it. It is in the middle of that, in a thread of common
 * priority, and each reading takes time from it: so they are read when all have gone online, or no other
 * does.
 */
static void manager_mark_offloaded(Manager *manager, Block *block)
{
        block->stale = true;
        manager->n_told++;
        manager->due_usec = manager_now(manager);
        manager->read_needed |= manager->n_told >= manager->n_due;
}

/*
 * A block went online. The first time since it was handed to the actuator, that is the echo of the
 * write: the actuator's reply tells of a reading after it, and a block that is online by that reading
 * cannot change without an `offline` first. If it is not, manager_on_block_reply() has it read again.
 */
static void manager_mark_online(Manager *manager, uint32_t id)
{
        Block *block = machine_find_block(&manager->machine, id);

        if (block && block->echo_due)
                block->echo_due = false;
        else if (block && manager_is_left_to_kernel(block))
                manager_mark_offloaded(manager, block);
        else
                manager_mark_block(manager, id);
}

/* One that was listed before its folder was complete can be read now. */
static void manager_mark_added(Manager *manager, const MonitorEvent *event)
{
        Block *block = machine_find_block(&manager->machine, event->block);

        if (block && block->status == BLOCK_STATUS_WAITING)
                manager_mark_block(manager, event->block);
        /* Not in the block that is known: the listing may find that this is another one. */
        (void) notice_list_add(&manager->notices, event->block, event->node);
        manager->list_needed = true;
}

static void manager_mark_removed(Manager *manager, uint32_t id)
{
        Block *block = machine_find_block(&manager->machine, id);

        if (block)
                block->leaving = true;
        (void) notice_list_remove(&manager->notices, id);
        manager->list_needed = true;
}

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *manager = userdata;
        MonitorEvent event;
        int r;

        (void) source;
        (void) fd;
        (void) revents;
        while ((r = monitor_next(manager->monitor, &event)) > 0) {
                if (r == MONITOR_LOST) {
                        const LogContext context = { .message_id = MESSAGE_ID_EVENTS_LOST };

                        log_full(LOG_NOTICE, &context,
                                 "Events were lost, reading all blocks again");
                        manager_mark_all(manager);
                }
                if (r == MONITOR_ADDED)
                        manager_mark_added(manager, &event);
                if (r == MONITOR_REMOVED)
                        manager_mark_removed(manager, event.block);
                if (r == MONITOR_ONLINE)
                        manager_mark_online(manager, event.block);
                if (r == MONITOR_BLOCK)
                        manager_mark_block(manager, event.block);
        }
        if (r < 0)
                manager_fail(manager, "Cannot receive events", r);
        if (manager->list_needed || manager->read_needed)
                manager_schedule(manager, manager_now(manager) + GATHER_USEC);
        return 0;
}

static void log_failure(Manager *manager, const Block *block, Outcome outcome, uint64_t now)
{
        /* One line per burst; the summary has the number. */
        int level = manager->burst.n_failed == 0 ? LOG_WARNING : LOG_DEBUG;
        LogContext context = manager_context(manager, block, NULL);

        if (block->status == BLOCK_STATUS_FAILED) {
                context.message_id = MESSAGE_ID_BLOCK_FAILED;
                log_full(LOG_ERR, &context, "Cannot online memory%u as %s after %u attempts: %s",
                         block->id, verdict_to_string(block->decision.verdict), block->attempts,
                         strerror(-block->error));
        } else {
                log_full(level, &context,
                         "Cannot online memory%u as %s now (%s: %s), ignoring for %.1f s",
                         block->id, verdict_to_string(block->decision.verdict),
                         outcome_to_string(outcome), strerror(-block->error),
                         (double) (block->retry_at_usec - now) / (double) USEC_PER_SEC);
        }
        manager->burst.n_failed++;
}

static void log_raced(const Manager *manager, const Block *block)
{
        LogContext context = manager_context(manager, block, MESSAGE_ID_FOREIGN_BLOCK);

        log_full(LOG_NOTICE, &context,
                 "memory%u was onlined by someone else, who was faster: it is %s, the policy has "
                 "it %s",
                 block->id, zone_class_to_string(block_class(block)),
                 verdict_to_string(block->decision.verdict));
}

/* A block that can be read is there, whatever a driver's veto says. */
int manager_reply_error(const ActuatorReply *reply)
{
        if (reply->read_error < 0)
                return reply->read_error;
        if (reply->error == -ENOENT || reply->error == -ENODEV || reply->error == -ENXIO)
                return -EIO;
        return reply->error;
}

static void manager_on_block_reply(Manager *manager, const ActuatorReply *reply)
{
        Block *block = machine_find_block(&manager->machine, reply->request.block);
        uint64_t now = manager_now(manager);
        Outcome outcome;

        /* Removed, or removed and added again, while it was being written. */
        if (!block || block->status != BLOCK_STATUS_WRITING)
                return;

        outcome = track_outcome(block, manager_reply_error(reply), (BlockState) reply->state,
                                &reply->zones, &manager->conf.retry, now);
        manager->count_needed = manager->remember_needed = true;
        (void) changed_ids_add(&manager->changes.blocks, block->id);
        if (block->state == BLOCK_ONLINE)
                block->onlined_usec = manager_realtime(manager);
        if (outcome != OUTCOME_GONE && block->status != BLOCK_STATUS_RETRYING)
                manager_record(manager, block);

        if (outcome == OUTCOME_DONE)
                burst_add(&manager->burst, block);
        else if (outcome == OUTCOME_RACED)
                log_raced(manager, block);
        else if (outcome != OUTCOME_ALREADY && outcome != OUTCOME_GONE)
                log_failure(manager, block, outcome, now);
        if (block->status == BLOCK_STATUS_RETRYING)
                track_join_retries(&manager->machine, block);

        /* The rest of the plan counted on it, and somebody's event may have been taken for an echo. */
        if (outcome != OUTCOME_DONE && outcome != OUTCOME_ALREADY) {
                manager_mark_block(manager, block->id);
                manager->list_needed |= outcome == OUTCOME_GONE;
                manager->plan_needed = true;
                manager_schedule(manager, now);
        }
}

static void manager_end_burst(Manager *manager)
{
        const LogContext context = { .message_id = MESSAGE_ID_BURST_DONE };
        char text[BURST_STRING_MAX];

        if (manager->burst.n_kernel + manager->burst.n_movable > 0)
                log_full(LOG_NOTICE, &context, "Onlined %s",
                         burst_format(&manager->burst, manager->machine.block_size_bytes, text));
        manager->burst = (Burst){};
        if (survey_zones(&manager->sysfs, &manager->machine) >= 0)
                manager_check_shortage(manager);
        manager->changes.nodes = true;
}

static int on_writer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *manager = userdata;
        ActuatorReply reply;
        int r;

        (void) source;
        (void) fd;
        (void) revents;
        while ((r = writer_receive(&manager->writer, &reply)) > 0)
                if (writer_is_of_job(&reply))
                        manager_on_job_reply(manager, &reply);
                else if (reply.request.verb == ACTUATOR_SET_BLOCK)
                        manager_on_block_reply(manager, &reply);
                else
                        manager_on_auto_online_reply(manager, &reply);
        if (r < 0) {
                manager_fail(manager, "The actuator is gone", r);
                return 0;
        }

        if (manager->stopping)
                manager_run_jobs(manager);
        else
                manager_fill(manager);
        if (writer_is_idle(&manager->writer) && !burst_is_empty(&manager->burst))
                manager_end_burst(manager);
        manager_remember(manager);
        return 0;
}

int manager_attach(Manager *manager)
{
        int r = sd_event_add_io(manager->event, &manager->monitor_source,
                                monitor_get_fd(manager->monitor), EPOLLIN, on_monitor, manager);

        if (r >= 0)
                r = sd_event_add_io(manager->event, &manager->writer_source,
                                    manager->writer.channel.fd, EPOLLIN, on_writer, manager);
        /* Accuracy 1: the default would let a pass come 250 ms late. */
        if (r >= 0)
                r = sd_event_add_time(manager->event, &manager->timer_source, CLOCK_MONOTONIC,
                                      UINT64_MAX, 1, on_timer, manager);
        if (r >= 0)
                r = manager_watch_shortage(manager);
        return r;
}
