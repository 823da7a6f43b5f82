/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starts and stops the manager, and lets others control it and read its state. */

#include "daemon/manager.h"

#include "daemon/internal.h"
#include "daemon/reload.h"
#include "kernel/host.h"

#include <systemd/sd-daemon.h>

/* Start and stop */

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

void manager_free(Manager *manager)
{
        if (!manager)
                return;
        sd_event_source_disable_unref(manager->monitor_source);
        sd_event_source_disable_unref(manager->writer_source);
        sd_event_source_disable_unref(manager->timer_source);
        relief_done(&manager->relief);
        sd_event_unref(manager->event);
        monitor_free(manager->monitor);
        writer_done(&manager->writer);
        sysfs_close(&manager->sysfs);
        machine_done(&manager->machine);
        history_done(&manager->history);
        takeover_done(&manager->takeover);
        job_queue_done(&manager->queue);
        pass_done(&manager->pass);
        conf_done(&manager->conf);
        changes_done(manager_changes(manager));
        strings_free(manager->faults);
        free(manager->runtime_folder);
        free(manager->root);
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
}

int manager_new(sd_event *event, Setup *setup, Conf *conf, Manager **ret)
{
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(*manager));

        if (!manager)
                return -ENOMEM;
        relief_init(&manager->relief, TAKE_FD(setup->pressure_fd));
        manager->event = sd_event_ref(event);
        manager->timer_usec = USEC_INFINITY;
        pass_init(&manager->pass);
        manager_take_conf(manager, conf);
        manager->sysfs = setup->sysfs;
        setup->sysfs = SYSFS_CLOSED;
        machine_init(&manager->machine);
        writer_init(&manager->writer, &setup->actuator);
        manager->monitor = TAKE_PTR(setup->monitors[manager->conf.event_source]);
        manager->root = strdup(setup->root);
        manager->keeper.folder = manager->runtime_folder = strdup(setup->runtime_folder);
        setup_done(setup);
        if (!manager->root || !manager->runtime_folder || !manager->monitor)
                return -ENOMEM;

        *ret = TAKE_PTR(manager);
        return 0;
}

static void manager_recall(Manager *manager)
{
        int r = remember_load(manager->runtime_folder, &manager->machine);

        if (r == -EBADMSG)
                log_warning(
                        "The earlier state of the blocks is unknown: %s/blocks is damaged or of "
                        "another version, ignoring",
                        manager->runtime_folder);
        else if (r < 0)
                log_warning("Cannot read %s/blocks: %s, ignoring", manager->runtime_folder,
                            strerror(-r));
        r = takeover_load(manager->runtime_folder, &manager->takeover);
        if (r < 0)
                log_warning("Cannot read what auto_online_blocks was before: %s, ignoring",
                            strerror(-r));
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
        if (r >= 0)
                r = manager_list(manager, &mode);
        if (r >= 0)
                r = manager_read(manager, &mode, SIZE_MAX);
        if (r >= 0)
                r = manager_read_nodes(manager);
        host_take(&question, &manager->machine);
        if (r >= 0) {
                manager_recall(manager);
                r = manager_identify(manager);
        }
        if (r < 0)
                return r;

        manager->pass.grew_usec = 0;
        changed_ids_done(&manager_changes(manager)->blocks);
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
        for (size_t i = manager->queue.n_jobs; i-- > 0;)
                (void) manager_cancel_job(manager, manager->queue.jobs[i]->id);
        manager_end_stop(manager);
}

/* Control */

static void manager_adopt(Manager *manager, Conf *conf)
{
        if (conf->event_source != manager->conf.event_source)
                log_warning(
                        "event_source cannot change while memoryd runs, ignoring until a restart");
        conf->event_source = manager->conf.event_source;
        for (size_t i = 0; i < manager->machine.n_blocks; i++)
                policy_remap(&manager->conf.policy, &conf->policy,
                             &manager->machine.blocks[i].decision);
        for (size_t i = 0; i < manager->queue.n_jobs; i++)
                job_remap_rules(manager->queue.jobs[i], &manager->conf.policy, &conf->policy);
        manager_take_conf(manager, conf);
        log_level = manager->conf.log_level;

        /* Empty the queue: the old configuration decided on its blocks. */
        writer_clear(&manager->writer);
        for (size_t i = 0; i < manager->machine.n_blocks; i++)
                track_reconsider(&manager->machine.blocks[i]);
        takeover_retry(&manager->takeover);
        (void) manager_take_over(manager);
        manager->pass.plan_needed = manager->count_needed = true;
        manager_schedule(manager, manager_now(manager));
}

int manager_reload(Manager *manager)
{
        Conf conf;
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;

        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) manager_now(manager));
        strings_free(manager->faults);
        manager->faults = NULL;

        conf_init(&conf);
        r = reload_read(manager->root, &manager->sysfs, &conf, &manager->faults);
        if (r == 0)
                manager_adopt(manager, &conf);
        conf_done(&conf);
        manager_changes(manager)->config = true;
        (void) sd_notify(0, "READY=1");
        return r;
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
        pass_on_all_changed(&manager->pass, &manager->machine);
        manager_schedule(manager, manager_now(manager));
}

/* State */

ManagerView manager_view(Manager *manager)
{
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
                .short_nodes = &manager->relief.short_nodes,
                .hears_pressure = manager->relief.pressure_source != NULL,
        };
}

bool manager_view_is_degraded(const ManagerView *view)
{
        const Totals *totals = &view->machine->totals;

        return totals->failed_blocks > 0 || totals->foreign_blocks > 0 || view->faults ||
               !node_set_is_empty(view->short_nodes);
}

const Job *manager_find_job(const Manager *manager, uint32_t id)
{
        return job_queue_find(&manager->queue, id) ?:
                       changes_find_ended(&manager->publisher.changes, id);
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
        return r > 0;
}
