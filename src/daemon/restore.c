/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Takes what held blocks that did not go offline, and restores the classes of those whose device could not be unplugged. */

#include "daemon/internal.h"
#include "kernel/klog.h"

void manager_read_klog(Manager *manager)
{
        KlogMessage message;
        int r = 0;

        while (manager->klog_source && (r = klog_next(manager->klog_fd, &message)) > 0) {
                if (r == KLOG_NOT_ADDED) {
                        manager_look_at_zones(manager);
                        continue;
                }
                if (r == KLOG_STUCK) {
                        manager_note_stuck(manager, message.page, message.error);
                        continue;
                }
                unplug_on_refusal(&manager->unplug, message.block, manager_now(manager));
                manager_count_refuser(manager, message.block);
                manager_schedule(manager, manager_now(manager));
        }
        if (r < 0) {
                log_warning("Cannot read the kernel's log any more: %s, ignoring", strerror(-r));
                manager->klog_source = sd_event_source_disable_unref(manager->klog_source);
        }
}

void manager_note_held(Manager *manager, const Block *block, PageCounts *pages)
{
        uint64_t realtime_usec = 0;

        manager_read_klog(manager);
        page_counts_set_class(pages, block_class(block));
        (void) sd_event_now(manager->event, CLOCK_REALTIME, &realtime_usec);
        held_add_block(&manager->held, block, realtime_usec, pages);
}

void manager_on_count_reply(Manager *manager, const ActuatorReply *reply)
{
        uint32_t id = reply->request.block;
        const Block *block = machine_find_block(&manager->machine, id);
        PageCounts pages = reply->pages;

        if (block && manager->has_refuser && manager->refuser == id && reply->error == 0) {
                pages.has_failed = true;
                manager_note_held(manager, block, &pages);
        }
        manager->has_refuser &= manager->refuser != id;
        manager->counted = (CountedBlock){
                .block = id,
                .error = block ? reply->error : -ENODATA,
                .pages = reply->pages,
                .usec = reply->pages_usec,
        };
        if (block)
                page_counts_set_class(&manager->counted.pages, block_class(block));
        manager->has_counted = true;
}

static void manager_note_failed(Manager *manager, const Decider *decider,
                                const FailedUnplug *failed)
{
        const Machine *machine = &manager->machine;
        const Block *refuser = machine_find_block(machine, failed->refuser);
        const HeldBlock *held = refuser ? held_find(&manager->held, refuser) : NULL;

        journal_failed_unplug(machine, failed, held ? &held->pages : NULL);
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
