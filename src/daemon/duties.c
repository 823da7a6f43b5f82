/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's work beside passes: it keeps state files, runs jobs and watches the zones. */

#include "daemon/internal.h"

#include "base/names.h"
#include "kernel/survey.h"

/* Time and failure */

uint64_t manager_now(const Manager *manager)
{
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

static uint64_t manager_realtime(const Manager *manager)
{
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &now);
        return now;
}

void manager_schedule(Manager *manager, uint64_t at_usec)
{
        if (at_usec >= manager->timer_usec)
                return;
        manager->timer_usec = at_usec;
        if (sd_event_source_set_time(manager->timer_source, at_usec) < 0 ||
            sd_event_source_set_enabled(manager->timer_source, SD_EVENT_ONESHOT) < 0)
                log_err("Cannot set a timer");
}

void manager_fail(Manager *manager, const char *what, int error)
{
        log_err("%s: %s", what, strerror(-error));
        (void) sd_event_exit(manager->event, EXIT_INTERNAL);
}

void manager_count(Manager *manager)
{
        if (manager->count_needed)
                machine_count(&manager->machine);
        manager->count_needed = false;
}

Changes *manager_changes(Manager *manager)
{
        return &manager->publisher.changes;
}

Decider manager_decider(Manager *manager)
{
        return (Decider){
                .machine = &manager->machine,
                .policy = &manager->conf.policy,
                .history = &manager->history,
                .changed = &manager_changes(manager)->blocks,
                .now_usec = manager_now(manager),
                .realtime_usec = manager_realtime(manager),
        };
}

/* State that outlives memoryd */

void manager_remember(Manager *manager)
{
        if (manager->stopping || writer_is_idle(&manager->writer))
                manager_schedule(manager, keeper_run(&manager->keeper, &manager->machine,
                                                     manager_now(manager), manager->stopping));
}

bool manager_take_over(Manager *manager)
{
        const TakeoverWish wish = {
                .policy = &manager->conf.policy,
                .is_uniform = manager->conf.offload == OFFLOAD_UNIFORM,
                .gives_back = manager->stopping ||
                              manager->conf.kernel_auto_online != KERNEL_AUTO_ONLINE_TAKE_OVER,
        };
        int r = takeover_run(&manager->takeover, &manager->writer, manager->runtime_folder,
                             &manager->machine, &wish);

        if (r < 0)
                manager_fail(manager, "Cannot set auto_online_blocks", r);
        return r > 0;
}

/* Jobs */

void manager_end_stop(Manager *manager)
{
        if (!manager->stopping || manager->queue.n_jobs > 0)
                return;
        manager_remember(manager);
        if (!manager_take_over(manager))
                (void) sd_event_exit(manager->event, EXIT_SUCCESS);
}

/* Takes over a job that has ended. The policy decides on the job's blocks again. */
static void manager_end_job(Manager *manager, Job *job)
{
        journal_job_ended(job, &manager->machine);
        (void) survey_zones(&manager->sysfs, &manager->machine);
        manager_changes(manager)->nodes = manager_changes(manager)->job = true;
        manager->count_needed = manager->pass.plan_needed = true;
        changes_add_ended(manager_changes(manager), job);
        manager_schedule(manager, manager_now(manager));
        manager_end_stop(manager);
}

static void manager_write_job(Manager *manager, const JobWrite *write)
{
        int r = writer_write_job(&manager->writer, &manager->machine, write);

        manager_changes(manager)->job = manager->count_needed = true;
        (void) changed_ids_add(&manager_changes(manager)->blocks, write->block);
        if (r < 0)
                manager_fail(manager, "Cannot reach the actuator", r);
}

void manager_run_jobs(Manager *manager)
{
        Job *ended = NULL;
        JobWrite write;

        do {
                if (manager->writer.job_serial != 0 || !writer_is_idle(&manager->writer))
                        return;
                if (job_queue_next(&manager->queue, &manager->machine, manager_now(manager),
                                   manager->conf.offline_timeout_usec, &write, &ended) > 0)
                        manager_write_job(manager, &write);
                if (ended)
                        manager_end_job(manager, ended);
        } while (ended);
}

int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused)
{
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;
        manager_count(manager);
        r = job_queue_add(&manager->queue, &manager->machine, &manager->conf.policy, request, uid,
                          ret_id, ret_refused);
        if (r != 0)
                return r;
        (void) changed_ids_add(&manager_changes(manager)->new_jobs, *ret_id);
        manager_run_jobs(manager);
        return 0;
}

int manager_cancel_job(Manager *manager, uint32_t id)
{
        Job *ended;
        int r = job_queue_cancel(&manager->queue, &manager->machine, id, &ended);

        if (r < 0)
                return r;
        manager_changes(manager)->job = true;
        if (ended)
                manager_end_job(manager, ended);
        if (r > 0 && writer_cancel_job(&manager->writer) < 0)
                manager_fail(manager, "Cannot reach the actuator", -EPIPE);
        manager_run_jobs(manager);
        return 0;
}

/* Shortage of kernel memory */

static void manager_rebalance(Manager *manager, uint32_t node, uint32_t n_blocks)
{
        _cleanup_(selection_done) Selection refused = {};
        _cleanup_(request_done) Request request;
        uint32_t id;
        int r;

        request_init(&request, JOB_KIND_REBALANCE);
        request.node = (int32_t) node;
        request.size_bytes = n_blocks * manager->machine.block_size_bytes;
        request.zone_class = ZONE_CLASS_KERNEL;
        r = manager_add_job(manager, &request, UINT32_MAX, &id, &refused);
        if (r > 0)
                log_notice("Cannot make kernel memory of %u blocks of node %u: %s", n_blocks, node,
                           refused.text);
        else if (r < 0)
                log_warning("Cannot make kernel memory of %u blocks of node %u: %s, ignoring",
                            n_blocks, node, strerror(-r));
}

void manager_look_at_zones(Manager *manager)
{
        uint64_t now = manager_now(manager);
        uint32_t node, n_blocks;
        int r = survey_zones(&manager->sysfs, &manager->machine);

        if (r < 0) {
                log_debug("Cannot read /proc/zoneinfo: %s", strerror(-r));
                return;
        }
        if (relief_check(&manager->relief, &manager->machine, now,
                         &manager_changes(manager)->short_nodes))
                manager_changes(manager)->nodes = true;
        manager_count(manager);
        while (manager->conf.rebalance && !manager->stopping &&
               relief_next(&manager->relief, &manager->machine, &manager->conf.policy, now, &node,
                           &n_blocks))
                manager_rebalance(manager, node, n_blocks);
}

void manager_refresh_zones(Manager *manager)
{
        if (relief_begin_look(&manager->relief, manager_now(manager)))
                manager_look_at_zones(manager);
}
