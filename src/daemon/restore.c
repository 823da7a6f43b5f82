/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Restores the classes of blocks whose device could not be unplugged. */

#include "daemon/internal.h"
#include "kernel/klog.h"

void manager_read_klog(Manager *manager)
{
        uint32_t block;
        int r = 0;

        while (manager->klog_source && (r = klog_next(manager->klog_fd, &block)) > 0) {
                if (r == KLOG_NOT_ADDED) {
                        manager_look_at_zones(manager);
                        continue;
                }
                unplug_on_refusal(&manager->unplug, block, manager_now(manager));
                manager_schedule(manager, manager_now(manager));
        }
        if (r < 0) {
                log_warning("Cannot read the kernel's log any more: %s, ignoring", strerror(-r));
                manager->klog_source = sd_event_source_disable_unref(manager->klog_source);
        }
}

static void manager_note_failed(Manager *manager, const Decider *decider,
                                const FailedUnplug *failed)
{
        const Machine *machine = &manager->machine;
        const Block *refuser = machine_find_block(machine, failed->refuser);

        journal_failed_unplug(machine, failed);
        if (refuser)
                decider_record(decider, refuser);
        for (size_t i = 0; i < machine->n_blocks; i++)
                if (machine->blocks[i].rollback.is_set &&
                    machine->blocks[i].rollback.refuser == failed->refuser)
                        (void) changed_ids_add(decider->changed, machine->blocks[i].id);
        manager->count_needed = manager->keeper.is_due = true;
}

static int manager_add_restore(Manager *manager, const Device *device, Selection *selection)
{
        _cleanup_(request_done) Request request;
        uint32_t id;
        int r;

        request_init(&request, JOB_KIND_RESTORE);
        strcpy(request.device, device->name);
        if (!*request.device)
                request.node = selection->steps[0].node;
        r = job_queue_append(&manager->queue, &manager->machine, &request, selection, UID_MEMORYD,
                             &id);
        if (r >= 0)
                (void) changed_ids_add(&manager->publisher.changes.new_jobs, id);
        return r;
}

void manager_restore(Manager *manager, const Decider *decider)
{
        FailedUnplug failed;
        uint64_t due_usec;
        int32_t device;
        int r = 0;

        while (unplug_settle(&manager->unplug, &manager->machine, decider->now_usec, &failed,
                             &due_usec))
                manager_note_failed(manager, decider, &failed);
        manager_schedule(manager, due_usec);
        while (r >= 0 && !manager->stopping) {
                _cleanup_(selection_done) Selection selection = {};

                r = unplug_select(&manager->unplug, &manager->machine, &device, &selection);
                if (r == 0)
                        return;
                if (r > 0)
                        r = manager_add_restore(manager, &manager->machine.devices[device],
                                                &selection);
        }
        if (r < 0)
                log_warning("Cannot restore the classes of blocks after a failed unplug: %s, "
                            "ignoring",
                            strerror(-r));
}
