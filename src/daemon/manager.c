/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes and stops the manager, runs jobs, and lets others control the manager and read its state. */

#include "base/names.h"
#include "daemon/config-note.h"
#include "daemon/internal.h"
#include "kernel/evidence.h"
#include "kernel/identify.h"
#include "kernel/survey.h"

#include <systemd/sd-daemon.h>

/* The time from an event to its pass, so that the pass also handles the events that follow closely. */
#define GATHER_USEC (5 * USEC_PER_MSEC)

/* How long jobs may undo what they did when memoryd is to stop. */
#define STOP_MAX_USEC (600 * USEC_PER_SEC)

void manager_free(Manager *manager)
{
        if (!manager)
                return;
        sd_event_source_disable_unref(manager->monitor_source);
        sd_event_source_disable_unref(manager->writer_source);
        sd_event_source_disable_unref(manager->timer_source);
        sd_event_source_disable_unref(manager->look_source);
        sd_event_source_disable_unref(manager->pressure_source);
        sd_event_source_disable_unref(manager->klog_source);
        hang_watch_done(&manager->hang_watch);
        word_watch_done(&manager->word_watch);
        closep(&manager->pressure_fd);
        closep(&manager->klog_fd);
        sd_event_unref(manager->event);
        monitor_free(manager->monitor);
        writer_done(&manager->writer);
        sysfs_close(&manager->sysfs);
        machine_done(&manager->machine);
        history_done(&manager->history);
        counters_done(&manager->counters);
        takeover_done(&manager->takeover);
        job_queue_done(&manager->queue);
        pass_done(&manager->pass);
        unplug_done(&manager->unplug);
        dax_write_done(&manager->dax_write);
        conf_done(&manager->conf);
        changes_done(&manager->publisher.changes);
        strings_free(manager->faults);
        free(manager);
}

/* Takes over a configuration, which is empty afterwards. */
static void manager_take_conf(Manager *manager, Conf *conf)
{
        conf_done(&manager->conf);
        manager->conf = *conf;
        conf_init(conf);
        manager->pass.settle_usec = manager->conf.settle_usec;
        manager->pass.needs_udev = manager->conf.event_source == EVENT_SOURCE_UDEV &&
                                   manager->conf.policy.n_udev_properties > 0;
        manager->pass.needs_origin = policy_tells_dimms(&manager->conf.policy);
}

int manager_new(sd_event *event, Setup *setup, Conf *conf, Manager **ret)
{
        Manager *manager = calloc(1, sizeof(*manager));

        if (!manager)
                return -ENOMEM;
        manager->pressure_fd = TAKE_FD(setup->pressure_fd);
        manager->klog_fd = TAKE_FD(setup->klog_fd);
        manager->relief.look_usec = USEC_INFINITY;
        manager->event = sd_event_ref(event);
        manager->timer_usec = USEC_INFINITY;
        pass_init(&manager->pass);
        manager_take_conf(manager, conf);
        manager->sysfs = setup->sysfs;
        setup->sysfs = SYSFS_CLOSED;
        machine_init(&manager->machine);
        writer_init(&manager->writer, &setup->actuator);
        manager->monitor = TAKE_PTR(setup->monitors[manager->conf.event_source]);
        manager->root = setup->root;
        manager->keeper.folder = manager->capacity.folder = setup->runtime_folder;
        setup_done(setup);
        *ret = manager;
        return 0;
}

/* Time and failure */

uint64_t manager_now(const Manager *manager)
{
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

uint64_t manager_realtime(const Manager *manager, uint64_t usec)
{
        uint64_t realtime_usec = 0;

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &realtime_usec);
        return realtime_usec + usec - manager_now(manager);
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

void manager_receive(Manager *manager)
{
        const LogContext lost = { .message_id = MESSAGE_ID_EVENTS_LOST };
        uint64_t now = manager_now(manager);
        MonitorEvent event;
        int r;

        while ((r = monitor_next(manager->monitor, &event)) > 0) {
                if (r == MONITOR_LOST) {
                        log_full(LOG_NOTICE, &lost, "Events were lost, reading all blocks again");
                        counters_add_lost(&manager->counters);
                }
                if (unplug_on_event(&manager->unplug, &manager->machine, (MonitorKind) r, &event,
                                    now))
                        job_queue_drop_block(&manager->queue, &manager->machine, event.block);
                pass_on_event(&manager->pass, &manager->machine, (MonitorKind) r, &event, now);
        }
        if (r < 0)
                manager_fail(manager, "Cannot receive events", r);
        if (manager->pass.list_needed || manager->pass.read_needed)
                manager_schedule(manager, now + GATHER_USEC);
}

void manager_count(Manager *manager)
{
        if (manager->count_needed)
                machine_count(&manager->machine);
        manager->count_needed = false;
}

void manager_remember(Manager *manager)
{
        if (!manager->stopping && !writer_is_idle(&manager->writer))
                return;
        manager_schedule(manager, keeper_run(&manager->keeper, &manager->machine,
                                             manager_now(manager), manager->stopping));
        counters_save(&manager->counters, manager->keeper.folder);
}

void manager_tell_capacity(Manager *manager, bool at_once)
{
        /* While a dax device is written, its blocks are gone. */
        bool is_busy = !writer_is_idle(&manager->writer) || pass_is_waiting(&manager->pass) ||
                       manager->queue.n_jobs > 0 || dax_write_is_busy(&manager->dax_write);

        manager_count(manager);
        manager_schedule(manager, capacity_run(&manager->capacity, &manager->machine.totals,
                                               is_busy && !at_once, at_once || manager->stopping,
                                               manager_now(manager)));
}

bool manager_take_over(Manager *manager)
{
        const TakeoverWish wish = {
                .policy = &manager->conf.policy,
                .is_uniform = manager->conf.offload == OFFLOAD_UNIFORM,
                .gives_back = manager->stopping ||
                              manager->conf.kernel_auto_online != KERNEL_AUTO_ONLINE_TAKE_OVER,
        };
        int r = takeover_run(&manager->takeover, &manager->writer, manager->keeper.folder,
                             &manager->machine, &wish);

        takeover_note_words(&manager->takeover, &manager->machine);
        if (r < 0)
                manager_fail(manager, "Cannot set auto_online_blocks", r);
        return r > 0;
}

/* Jobs */

void manager_end_stop(Manager *manager)
{
        /* A dax device that is being written may have no blocks just now. */
        if (!manager->stopping || manager->queue.n_jobs > 0 || manager->dax_write.is_sent)
                return;
        manager_remember(manager);
        if (!manager_take_over(manager))
                (void) sd_event_exit(manager->event, EXIT_SUCCESS);
}

/* Takes over a job that has ended. The policy decides on the job's blocks again. */
static void manager_end_job(Manager *manager, Job *job)
{
        Changes *changes = &manager->publisher.changes;
        Job **jobs = reallocarray(changes->ended_jobs, changes->n_ended_jobs + 1, sizeof(Job *));

        journal_job_ended(job, &manager->machine);
        counters_add_job(&manager->counters, job);
        (void) survey_zones(&manager->sysfs, &manager->machine);
        changes->nodes = changes->job = true;
        manager->count_needed = manager->pass.plan_needed = true;
        /* If memory is short, the end of the job is not announced. */
        if (jobs) {
                changes->ended_jobs = jobs;
                changes->ended_jobs[changes->n_ended_jobs++] = job;
        } else {
                job_free(job);
        }
        manager_schedule(manager, manager_now(manager));
        manager_end_stop(manager);
}

static void manager_write_job(Manager *manager, const JobWrite *write)
{
        int r = writer_write_job(&manager->writer, &manager->machine, write);

        manager->publisher.changes.job = manager->count_needed = true;
        (void) changed_ids_add(&manager->publisher.changes.blocks, write->block);
        if (r < 0)
                manager_fail(manager, "Cannot reach the actuator", r);
}

/*
 * Takes the dax device that the first job is to write as a whole, for the next pass. Returns whether the job
 * waits for that, or for another such device.
 */
static bool manager_take_device(Manager *manager)
{
        Job *job = manager->queue.n_jobs > 0 ? manager->queue.jobs[0] : NULL;
        JobDeviceWrite write;

        if (manager->dax_write.job != 0)
                return true;
        if (!job || manager->stopping || !job_next_device(job, &manager->machine, &write))
                return false;
        /* Its state may be another by now. */
        identify_dax_states(&manager->sysfs, &manager->machine);
        if (!job_next_device(job, &manager->machine, &write))
                return false;
        if (dax_write_is_busy(&manager->dax_write))
                return true;
        if (dax_write_take_job(&manager->dax_write, &manager->machine, job->id, &write) < 0) {
                manager_fail(manager, "Cannot write the state of a dax device", -ENOMEM);
                return true;
        }
        job_start(job, manager_now(manager));
        manager->publisher.changes.job = true;
        manager_schedule(manager, manager_now(manager));
        return true;
}

void manager_run_jobs(Manager *manager)
{
        Job *ended = NULL;
        JobWrite write;

        do {
                if (manager->writer.job_serial != 0 || !writer_is_idle(&manager->writer) ||
                    manager_take_device(manager))
                        return;
                /* A change that was made by hand before this write has to stay. */
                if (job_queue_restores(&manager->queue))
                        manager_receive(manager);
                if (job_queue_next(&manager->queue, &manager->machine, manager_now(manager),
                                   manager->conf.offline_timeout_usec, &write, &ended) > 0)
                        manager_write_job(manager, &write);
                if (ended)
                        manager_end_job(manager, ended);
        } while (ended);
}

/* Whether a request is to online a dax device that has no blocks, and which memory that would add. */
static bool names_unplugged(const Manager *manager, const Request *request, Addition *ret)
{
        const Machine *machine = &manager->machine;
        uint32_t region, id;

        if (request->kind != JOB_KIND_ONLINE || request->has_size || request->size_bytes > 0 ||
            !device_parse_dax(request->device, &region, &id) ||
            evidence_dax_state(&manager->sysfs, request->device) != DAX_STATE_UNPLUGGED)
                return false;
        for (size_t i = 0; i < machine->n_devices; i++)
                if (strcmp(machine->devices[i].name, request->device) == 0)
                        return false;
        return evidence_dax_memory(&manager->sysfs, request->device, machine->block_size_bytes,
                                   &ret->size_bytes, &ret->node) >= 0;
}

int manager_find_candidates(Manager *manager, const Request *request, size_t n_max, uint32_t **ret,
                            size_t *ret_n)
{
        return selection_candidates(&manager->machine, &manager->conf.policy, request, n_max, ret,
                                    ret_n);
}

int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused)
{
        Addition addition = { .origin = ORIGIN_KMEM };
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;
        manager_count(manager);
        identify_dax_states(&manager->sysfs, &manager->machine);
        if (names_unplugged(manager, request, &addition))
                r = job_queue_add_unplugged(&manager->queue, &manager->machine,
                                            &manager->conf.policy, &addition, request, uid, ret_id,
                                            ret_refused);
        else
                r = job_queue_add(&manager->queue, &manager->machine, &manager->conf.policy,
                                  request, uid, ret_id, ret_refused);
        if (r != 0)
                return r;
        (void) changed_ids_add(&manager->publisher.changes.new_jobs, *ret_id);
        manager_run_jobs(manager);
        return 0;
}

int manager_preview(Manager *manager, const Request *request, Selection *ret, Effects *ret_effects)
{
        Addition addition = { .origin = ORIGIN_KMEM };
        bool is_unplugged = false;

        manager_count(manager);
        if (!manager->dax_write.is_sent) {
                identify_dax_states(&manager->sysfs, &manager->machine);
                is_unplugged = names_unplugged(manager, request, &addition);
        }
        return job_queue_preview(&manager->machine, &manager->conf.policy,
                                 is_unplugged ? &addition : NULL, request, ret, ret_effects);
}

int manager_cancel_job(Manager *manager, uint32_t id)
{
        Job *ended;
        int r = job_queue_cancel(&manager->queue, &manager->machine, id, &ended);

        if (r < 0)
                return r;
        manager->publisher.changes.job = true;
        if (ended)
                manager_end_job(manager, ended);
        if (r > 0 && writer_cancel_job(&manager->writer) < 0)
                manager_fail(manager, "Cannot reach the actuator", -EPIPE);
        manager_run_jobs(manager);
        return 0;
}

/* Control */

/* Takes a dax device from a job that is to be cancelled before the actuator has it. */
static void manager_drop_device(Manager *manager)
{
        const Job *job = job_queue_find(&manager->queue, manager->dax_write.job);

        if (manager->dax_write.is_sent)
                return;
        if (job && job->is_unplugged)
                (void) dax_write_forget(manager->keeper.folder);
        manager->dax_write.job = 0;
}

void manager_stop(Manager *manager)
{
        if (manager->stopping)
                return;
        manager->stopping = true;
        manager->hang_watch.stop_until_usec = manager_now(manager) + STOP_MAX_USEC;
        takeover_read(&manager->takeover, &manager->sysfs);
        writer_clear(&manager->writer);
        manager_drop_device(manager);
        for (size_t i = manager->queue.n_jobs; i-- > 0;) {
                manager->queue.jobs[i]->undo_until_usec = manager->hang_watch.stop_until_usec;
                (void) manager_cancel_job(manager, manager->queue.jobs[i]->id);
        }
        manager_end_stop(manager);
}

static void manager_adopt(Manager *manager, Conf *conf)
{
        if (conf->event_source != manager->conf.event_source)
                log_warning(
                        "event_source cannot change while memoryd runs, ignoring until a restart");
        conf->event_source = manager->conf.event_source;
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                policy_remap(&manager->conf.policy, &conf->policy, &block->decision);
                track_reconsider(block);
        }
        dax_write_remap_rules(&manager->dax_write, &manager->conf.policy, &conf->policy);
        for (size_t i = 0; i < manager->queue.n_jobs; i++)
                job_remap_rules(manager->queue.jobs[i], &manager->conf.policy, &conf->policy);
        manager_take_conf(manager, conf);
        log_level = manager->conf.log_level;

        /* Empty the queue: the old configuration decided on its blocks. */
        writer_clear(&manager->writer);
        takeover_renew(&manager->takeover);
        (void) manager_take_over(manager);
        manager->pass.plan_needed = manager->count_needed = true;
        manager_schedule(manager, manager_now(manager));
}

int manager_reload(Manager *manager)
{
        const LogContext refused = { .message_id = MESSAGE_ID_CONFIG_REFUSED };
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_(conf_done) Conf conf;
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;

        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) manager_now(manager));
        strings_free(manager->faults);
        manager->faults = NULL;

        conf_init(&conf);
        r = conf_load(manager->root, &conf, &faults);
        if (r == 0) {
                conf_note_log(&conf, &manager->sysfs);
                log_info("Configuration reloaded");
                manager_adopt(manager, &conf);
        } else if (r > 0) {
                (void) conf_faults_format(&faults, &manager->faults);
                journal_faults(&faults, LOG_ERR, MESSAGE_ID_CONFIG_REFUSED);
                log_full(LOG_ERR, &refused,
                         "The configuration was refused, the one before stays in force");
        } else {
                log_err("Cannot reload the configuration: %s", strerror(-r));
        }
        manager->publisher.changes.config = true;
        (void) sd_notify(0, "READY=1");
        return r;
}

void manager_rescan(Manager *manager, bool all)
{
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                if (all)
                        track_reset_offlined(block);
                if (!verdict_is_left(block->decision.verdict))
                        track_reset(block);
        }
        pass_on_all_changed(&manager->pass, &manager->machine);
        counters_add_rescan(&manager->counters);
        manager_schedule(manager, manager_now(manager));
}

/* State */

const Counters *manager_counters(Manager *manager)
{
        counters_save(&manager->counters, manager->keeper.folder);
        return &manager->counters;
}

ManagerView manager_view(Manager *manager)
{
        const Totals *totals = &manager->machine.totals;

        manager_count(manager);
        return (ManagerView){
                .root = manager->root,
                .sysfs = &manager->sysfs,
                .machine = &manager->machine,
                .conf = &manager->conf,
                .faults = manager->faults,
                .history = &manager->history,
                .queue = &manager->queue,
                .auto_online = manager->takeover.machine_word,
                .foreign_words = takeover_foreign(&manager->takeover, &manager->machine),
                .short_nodes = &manager->relief.short_nodes,
                .hears_pressure = manager->pressure_source != NULL,
                .is_degraded = totals->failed_blocks > 0 || totals->foreign_blocks > 0 ||
                               manager->machine.acpi.n_failed > 0 || manager->faults ||
                               !node_set_is_empty(&manager->relief.short_nodes),
        };
}

bool manager_take_changes(Manager *manager, Changes *ret)
{
        bool is_idle = writer_is_idle(&manager->writer) && !pass_is_waiting(&manager->pass);
        uint64_t due_usec;
        int r;

        manager_count(manager);
        r = publisher_take(&manager->publisher, &manager->machine.totals, is_idle,
                           manager->queue.n_jobs > 0, manager_now(manager), ret, &due_usec);
        manager_schedule(manager, due_usec);
        manager_tell_capacity(manager, false);
        return r > 0;
}
