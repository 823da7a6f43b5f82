/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Has the actuator write the state of dax devices. */

#include "daemon/internal.h"
#include "kernel/evidence.h"

/*
 * Has the blocks of the device read, after which the next plan takes over what became of them: events about them
 * may still be on their way. A device that has no blocks now is tried again. Until it has them, its file is kept
 * for the next memoryd.
 */
static void manager_take_answer(Manager *manager, int error)
{
        DaxWrite *dax = &manager->dax_write;
        DaxState state = evidence_dax_state(&manager->sysfs, dax->device);
        bool is_offline = dax->verdict == VERDICT_NONE,
             is_lost = error < 0 && !is_offline && state == DAX_STATE_UNPLUGGED;
        bool is_tried_again =
                dax_write_answer(dax, error, is_lost, &manager->conf.retry, manager_now(manager));

        counters_add_error(&manager->counters, is_offline, error);
        if (is_offline)
                journal_dax_offline(dax->device, state, error);
        else if (error < 0)
                journal_dax_write_failed(dax->device, dax->verdict, is_lost, is_tried_again, error);
        /* That blocks were taken offline by request is saved with them, when they were read. */
        if (!is_lost && !is_offline)
                (void) dax_write_forget(manager->keeper.folder);
        if (manager->stopping)
                dax->job = 0;
        for (size_t i = 0; i < dax->n_planned; i++)
                pass_on_changed(&manager->pass, &manager->machine, dax->planned[i].block);
        manager->pass.list_needed = manager->pass.plan_needed = true;
        manager_schedule(manager, manager_now(manager));
}

static int manager_send_dax_write(Manager *manager)
{
        DaxWrite *dax = &manager->dax_write;
        /* After a restart, and once its blocks are gone, it has none. */
        Device device = { .first_block = 1, .last_block = 0 };
        int32_t node = NODE_NONE;
        int r;

        if (dax->n_planned > 0 && dax->attempts == 0) {
                device.first_block = dax->planned[0].block;
                device.last_block = dax->planned[dax->n_planned - 1].block;
                node = dax->planned[0].node;
        }
        r = dax->attempts == 0 ? dax_write_save(dax, manager->keeper.folder) : 0;
        if (r < 0)
                log_warning("Cannot keep the name of %s below %s: %s, ignoring", dax->device,
                            manager->keeper.folder, strerror(-r));
        strcpy(device.name, dax->device);
        r = writer_set_dax(&manager->writer, &device, node, online_word_of_verdict(dax->verdict),
                           manager->conf.offline_timeout_usec);
        dax->is_sent = r >= 0;
        if (r != -EAGAIN)
                return r;
        manager_take_answer(manager, r);
        return 0;
}

int manager_run_dax_write(Manager *manager)
{
        const DaxWrite *dax = &manager->dax_write;
        uint64_t now = manager_now(manager);

        if (dax_write_is_due(dax, writer_is_idle(&manager->writer), now))
                return manager_send_dax_write(manager);
        if (dax_write_is_busy(dax) && !dax->is_sent && !dax->is_answered &&
            dax->retry_at_usec > now)
                manager_schedule(manager, dax->retry_at_usec);
        return 0;
}

int manager_resume_dax_write(Manager *manager)
{
        DaxWrite *dax = &manager->dax_write;
        int r = dax_write_load(dax, manager->keeper.folder);

        if (r > 0 && dax->verdict == VERDICT_NONE) {
                dax->is_answered = true;
                return 0;
        }
        if (r > 0 && evidence_dax_state(&manager->sysfs, dax->device) == DAX_STATE_UNPLUGGED) {
                log_notice("memoryd ended while %s was unplugged, onlining it again", dax->device);
                return manager_send_dax_write(manager);
        }
        if (r < 0)
                log_warning("Cannot read %s/dax: %s, ignoring", manager->keeper.folder,
                            strerror(-r));
        dax_write_done(dax);
        (void) dax_write_forget(manager->keeper.folder);
        return 0;
}

void manager_on_dax_reply(Manager *manager, const ActuatorReply *reply)
{
        manager_take_answer(manager, reply->error);
        manager_end_stop(manager);
}

/* Hands the result to the job that asked for it. */
static void tell_job(Manager *manager, Job *job, const DaxWrite *dax, const Decider *decider)
{
        JobDeviceWrite write = { .verdict = dax->verdict };

        strcpy(write.device, dax->device);
        job_device_outcome(job, &manager->machine, &write, dax->error, decider->realtime_usec);
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                const Block *block = &manager->machine.blocks[i];

                if (block->job != job->id)
                        continue;
                (void) changed_ids_add(decider->changed, block->id);
                if (block->state == BLOCK_ONLINE)
                        decider_record(decider, block);
        }
        manager->publisher.changes.job = true;
}

void manager_end_dax_write(Manager *manager, const Decider *decider)
{
        DaxWrite dax = manager->dax_write;
        Job *job = job_queue_find(&manager->queue, dax.job);

        if (!dax.is_answered)
                return;
        dax_write_finish(&manager->dax_write, decider);
        /* The next memoryd does not bring back what was unplugged before this one. */
        if (dax.verdict == VERDICT_NONE || (job && job->is_unplugged))
                (void) dax_write_forget(manager->keeper.folder);
        if (job)
                tell_job(manager, job, &dax, decider);
        manager->count_needed = manager->keeper.is_due = true;
        manager->publisher.changes.nodes = true;
}
