/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has the actuator write the state of dax devices. */

#include "daemon/internal.h"
#include "kernel/evidence.h"

/* Has all blocks read, after which the next plan takes over what became of those of the device. */
static void manager_take_answer(Manager *manager, const ActuatorReply *reply)
{
        dax_write_answer(&manager->dax_write, reply);
        (void) dax_write_forget(manager->keeper.folder);
        /* The events about the blocks may still be on their way. */
        pass_on_all_changed(&manager->pass, &manager->machine);
        manager_schedule(manager, manager_now(manager));
}

static int manager_send_dax_write(Manager *manager)
{
        const ActuatorReply full = { .error = -EAGAIN };
        int r = writer_set_dax(&manager->writer, manager->dax_write.device,
                               online_word_of_verdict(manager->dax_write.verdict));

        if (r != -EAGAIN)
                return r;
        manager_take_answer(manager, &full);
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
                manager_take_answer(manager, reply);
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
