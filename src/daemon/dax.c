/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has the actuator write the state of dax devices. */

#include "daemon/internal.h"

int manager_start_whole(Manager *manager, const Plan *plan)
{
        Whole *whole = &manager->whole;
        int r = whole_choose(whole, &manager->machine, plan);

        return r > 0 ? writer_set_dax(&manager->writer, whole->device,
                                      online_word_of_verdict(whole->verdict)) :
                       r;
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
                whole_answer(&manager->whole, reply);
        /* The events about the blocks may still be on their way. */
        pass_on_all_changed(&manager->pass, &manager->machine);
        manager_schedule(manager, manager_now(manager));
        manager_end_stop(manager);
}

void manager_end_whole(Manager *manager, const Decider *decider)
{
        if (!manager->whole.is_answered)
                return;
        whole_finish(&manager->whole, decider);
        manager->count_needed = manager->keeper.is_due = true;
        manager->publisher.changes.nodes = true;
}
