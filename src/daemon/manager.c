/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/names.h"
#include "daemon/manager-private.h"
#include "daemon/remember.h"
#include "kernel/host.h"

#include <time.h>

#define PUBLISH_USEC (100 * USEC_PER_MSEC)

/* 20 ms of writing for 65,536 blocks are not for each of many small changes. */
#define REMEMBER_USEC USEC_PER_SEC

void setup_done(Setup *setup)
{
        sysfs_close(&setup->sysfs);
        actuator_channel_close(&setup->actuator);
        closep(&setup->pressure_fd);
        setup->pressure_fd = -EBADF;
        for (size_t i = 0; i < ELEMENTSOF(setup->monitors); i++) {
                monitor_free(setup->monitors[i]);
                setup->monitors[i] = NULL;
        }
}

void changes_done(Changes *changes)
{
        changed_ids_done(&changes->blocks);
        changed_ids_done(&changes->new_jobs);
        for (size_t i = 0; i < changes->n_ended_jobs; i++)
                job_free(changes->ended_jobs[i]);
        free(changes->ended_jobs);
        *changes = (Changes){};
}

void manager_free(Manager *manager)
{
        if (!manager)
                return;
        sd_event_source_disable_unref(manager->monitor_source);
        sd_event_source_disable_unref(manager->writer_source);
        sd_event_source_disable_unref(manager->timer_source);
        sd_event_source_disable_unref(manager->shortage_source);
        sd_event_source_disable_unref(manager->pressure_source);
        closep(&manager->pressure_fd);
        sd_event_unref(manager->event);
        monitor_free(manager->monitor);
        writer_done(&manager->writer);
        sysfs_close(&manager->sysfs);
        machine_done(&manager->machine);
        history_done(&manager->history);
        takeover_done(&manager->takeover);
        for (size_t i = 0; i < manager->n_jobs; i++)
                job_free(manager->jobs[i]);
        free(manager->jobs);
        notice_list_done(&manager->notices);
        conf_done(&manager->conf);
        changes_done(&manager->changes);
        strings_free(manager->faults);
        free(manager->runtime_folder);
        free(manager->root);
        free(manager);
}

uint64_t manager_now(const Manager *manager)
{
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

uint64_t manager_realtime(const Manager *manager)
{
        uint64_t now = 0;

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &now);
        return now;
}

void manager_record(Manager *manager, const Block *block)
{
        if (history_add(&manager->history, &manager->machine, &manager->conf.policy, block,
                        manager_realtime(manager)) < 0)
                log_debug("Not enough memory to keep the decision on memory%u", block->id);
}

void manager_remember(Manager *manager)
{
        uint64_t now = manager_now(manager);
        int r;

        if (!manager->remember_needed || (!manager->stopping && !writer_is_idle(&manager->writer)))
                return;
        if (!manager->stopping && now < manager->remembered_usec + REMEMBER_USEC) {
                manager_schedule(manager, manager->remembered_usec + REMEMBER_USEC);
                return;
        }
        manager->remember_needed = false;
        manager->remembered_usec = now;
        r = remember_save(manager->runtime_folder, &manager->machine);
        if (r < 0)
                log_warning("Cannot keep what blocks were below %s: %s, ignoring",
                            manager->runtime_folder, strerror(-r));
}

static void manager_recall(Manager *manager)
{
        int r = remember_load(manager->runtime_folder, &manager->machine);

        if (r == -EBADMSG)
                log_warning("What blocks were before is not known: %s/blocks is damaged or of "
                            "another version, ignoring",
                            manager->runtime_folder);
        else if (r < 0)
                log_warning("Cannot read %s/blocks: %s, ignoring", manager->runtime_folder,
                            strerror(-r));
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

const char *manager_rule_name(const Manager *manager, const Block *block)
{
        const Rule *rule = policy_rule(&manager->conf.policy, block->decision.rule);

        return rule ? rule->name : NULL;
}

LogContext manager_context(const Manager *manager, const Block *block, const char *message_id)
{
        return (LogContext){
                .message_id = message_id,
                .has_block = true,
                .block = block->id,
                .node = block->node,
                .rule = manager_rule_name(manager, block),
        };
}

static void manager_choose_monitor(Manager *manager, Setup *setup)
{
        EventSource chosen = manager->conf.event_source;

        manager->monitor = TAKE_PTR(setup->monitors[chosen]);
}

int manager_new(sd_event *event, Setup *setup, Conf *conf, Manager **ret)
{
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(*manager));

        if (!manager)
                return -ENOMEM;
        manager->pressure_fd = TAKE_FD(setup->pressure_fd);
        manager->event = sd_event_ref(event);
        manager->timer_usec = manager->recheck_usec = manager->again_usec = USEC_INFINITY;
        manager->relist_usec = USEC_INFINITY;
        manager->conf = *conf;
        conf_init(conf);
        manager->sysfs = setup->sysfs;
        setup->sysfs = SYSFS_CLOSED;
        machine_init(&manager->machine);
        writer_init(&manager->writer, &setup->actuator);
        manager_choose_monitor(manager, setup);
        manager->root = strdup(setup->root);
        manager->runtime_folder = strdup(setup->runtime_folder);
        setup_done(setup);
        if (!manager->root || !manager->runtime_folder || !manager->monitor)
                return -ENOMEM;

        *ret = TAKE_PTR(manager);
        return 0;
}

int manager_start(Manager *manager)
{
        const TrackMode mode = {
                .at_start = true,
                .leave_offline = manager->conf.coldplug == COLDPLUG_LEAVE,
        };
        HostQuestion question = host_ask();
        int r = sysfs_read_block_size(&manager->sysfs, &manager->machine.block_size_bytes);

        if (r >= 0)
                r = manager_attach(manager);
        manager->list_needed = true;
        if (r >= 0)
                r = manager_survey(manager, &mode, SIZE_MAX);
        if (r >= 0)
                r = manager_survey_nodes(manager);
        host_take(&question, &manager->machine);
        if (r >= 0) {
                manager_recall(manager);
                r = manager_identify(manager);
        }
        if (r < 0)
                return r;

        manager->grew_usec = 0;
        changed_ids_done(&manager->changes.blocks);
        manager_load_takeover(manager);
        (void) manager_take_over(manager);
        manager_schedule(manager, manager_now(manager));
        return 0;
}

void manager_stop(Manager *manager)
{
        if (manager->stopping)
                return;
        manager->stopping = true;
        writer_clear(&manager->writer);
        if (manager->n_jobs > 0)
                manager_stop_jobs(manager);
        else
                manager_stopped(manager);
}

void manager_stopped(Manager *manager)
{
        manager_remember(manager);
        /* Else the last answer to what is being set ends the loop. */
        if (!manager_take_over(manager))
                (void) sd_event_exit(manager->event, EXIT_SUCCESS);
}

void manager_rescan(Manager *manager, bool all)
{
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                if (all)
                        track_reset_offlined(block);
                if (block->decision.verdict != VERDICT_LEAVE)
                        track_reset(block);
        }
        manager_mark_all(manager);
}

void manager_refresh_zones(Manager *manager)
{
        uint64_t now = manager_now(manager);

        if (manager->zones_usec != 0 && now - manager->zones_usec < ZONES_USEC)
                return;
        manager->zones_usec = now;
        if (survey_zones(&manager->sysfs, &manager->machine) >= 0)
                manager_check_shortage(manager);
}

const Machine *manager_get_machine(Manager *manager)
{
        if (manager->count_needed)
                machine_count(&manager->machine);
        manager->count_needed = false;
        return &manager->machine;
}

const Conf *manager_get_conf(const Manager *manager)
{
        return &manager->conf;
}

char **manager_get_faults(const Manager *manager)
{
        return manager->faults;
}

const History *manager_get_history(const Manager *manager)
{
        return &manager->history;
}

const char *manager_get_auto_online(const Manager *manager)
{
        return manager->auto_online;
}

const NodeSet *manager_get_short_nodes(const Manager *manager)
{
        return &manager->short_nodes;
}

bool manager_is_degraded(Manager *manager)
{
        const Totals *totals = &manager_get_machine(manager)->totals;

        return totals->failed_blocks > 0 || totals->foreign_blocks > 0 || manager->faults ||
               !node_set_is_empty(&manager->short_nodes);
}

bool manager_take_changes(Manager *manager, Changes *ret)
{
        bool idle = writer_is_idle(&manager->writer) && !manager_is_waiting(manager);
        bool is_due = (idle && manager->n_jobs == 0) || manager->changes.n_ended_jobs > 0 ||
                      manager->changes.new_jobs.n_ids > 0;
        uint64_t now = manager_now(manager);
        const Totals *totals;

        if (manager->changes.blocks.n_ids == 0 && !manager->changes.nodes &&
            !manager->changes.config && !manager->changes.job &&
            manager->changes.new_jobs.n_ids == 0 && manager->changes.n_ended_jobs == 0)
                return false;
        if (!is_due && now - manager->published_usec < PUBLISH_USEC) {
                manager_schedule(manager, manager->published_usec + PUBLISH_USEC);
                return false;
        }

        totals = &manager_get_machine(manager)->totals;
        if (idle && (totals->online_bytes != manager->told_online_bytes ||
                     totals->movable_bytes != manager->told_movable_bytes)) {
                manager->told_online_bytes = totals->online_bytes;
                manager->told_movable_bytes = totals->movable_bytes;
                manager->changes.capacity = true;
        }
        manager->published_usec = now;
        *ret = manager->changes;
        manager->changes = (Changes){};
        return true;
}
