/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
        bool is_lost = error < 0 &&
                       evidence_dax_state(&manager->sysfs, dax->device) == DAX_STATE_UNPLUGGED;
        bool is_tried_again =
                dax_write_answer(dax, error, is_lost, &manager->conf.retry, manager_now(manager));

        if (error < 0)
                journal_dax_write_failed(dax->device, dax->verdict, is_lost, is_tried_again, error);
        if (!is_lost)
                (void) dax_write_forget(manager->keeper.folder);
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
        int r;

        if (dax->n_planned > 0 && dax->attempts == 0) {
                device.first_block = dax->planned[0].block;
                device.last_block = dax->planned[dax->n_planned - 1].block;
        }
        strcpy(device.name, dax->device);
        r = writer_set_dax(&manager->writer, &device, online_word_of_verdict(dax->verdict),
                           manager->conf.offline_timeout_usec);
        dax->is_sent = r >= 0;
        if (r != -EAGAIN)
                return r;
        manager_take_answer(manager, r);
        return 0;
}

int manager_retry_dax_write(Manager *manager)
{
        const DaxWrite *dax = &manager->dax_write;

        if (!dax_write_is_busy(dax) || dax->is_sent || dax->is_answered)
                return 0;
        if (manager_now(manager) >= dax->retry_at_usec)
                return manager_send_dax_write(manager);
        manager_schedule(manager, dax->retry_at_usec);
        return 0;
}

int manager_start_dax_write(Manager *manager, const Plan *plan)
{
        int r = dax_write_choose(&manager->dax_write, &manager->machine, plan);

        if (r <= 0)
                return r;
        r = dax_write_save(&manager->dax_write, manager->keeper.folder);
        if (r < 0)
                log_warning("Cannot keep the name of %s below %s: %s, ignoring",
                            manager->dax_write.device, manager->keeper.folder, strerror(-r));
        return manager_send_dax_write(manager);
}

int manager_resume_dax_write(Manager *manager)
{
        DaxWrite *dax = &manager->dax_write;
        int r = dax_write_load(dax, manager->keeper.folder);

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

/* Logs what came of the request to unplug a device that is offline. */
static void note_unplugged(const ActuatorReply *reply)
{
        const ActuatorRequest *request = &reply->request;

        if (reply->error < 0)
                log_warning("Cannot unplug dax%u.%u, all of which is offline: %s, ignoring",
                            request->dax_region, request->dax_id, strerror(-reply->error));
        else
                log_info("Unplugged dax%u.%u, all of which is offline", request->dax_region,
                         request->dax_id);
}

void manager_on_dax_reply(Manager *manager, const ActuatorReply *reply)
{
        if (reply->request.word == ONLINE_WORD_OFFLINE)
                note_unplugged(reply);
        else
                manager_take_answer(manager, reply->error);
        manager_end_stop(manager);
}

void manager_end_dax_write(Manager *manager, const Decider *decider)
{
        if (!manager->dax_write.is_answered)
                return;
        dax_write_finish(&manager->dax_write, decider);
        manager->count_needed = manager->keeper.is_due = true;
        manager->publisher.changes.nodes = true;
}
