/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/names.h"
#include "daemon/config-note.h"
#include "daemon/manager-private.h"

#include <systemd/sd-daemon.h>

static void manager_refuse(Manager *manager, const ConfFaults *faults)
{
        const LogContext context = { .message_id = MESSAGE_ID_CONFIG_REFUSED };

        (void) conf_faults_format(faults, &manager->faults);
        for (char **fault = manager->faults; fault && *fault; fault++)
                log_full(LOG_ERR, &context, "%s", *fault);
        log_full(LOG_ERR, &context, "The configuration was refused, the one before stays in force");
}

static void manager_adopt(Manager *manager, Conf *conf)
{
        if (conf->event_source != manager->conf.event_source)
                log_warning(
                        "event_source cannot change while memoryd runs, ignoring until a restart");
        conf->event_source = manager->conf.event_source;
        track_remap_rules(&manager->machine, &manager->conf.policy, &conf->policy);
        for (size_t i = 0; i < manager->n_jobs; i++)
                job_remap_rules(manager->jobs[i], &manager->conf.policy, &conf->policy);
        conf_done(&manager->conf);
        manager->conf = *conf;
        conf_init(conf);
        log_set_level(manager->conf.log_level);

        /* What is queued was decided by the one before. */
        writer_clear(&manager->writer);
        for (size_t i = 0; i < manager->machine.n_blocks; i++)
                track_reconsider(&manager->machine.blocks[i]);
        takeover_retry(&manager->takeover);
        (void) manager_take_over(manager);
        manager->plan_needed = manager->count_needed = true;
        manager_schedule(manager, manager_now(manager));
}

int manager_reload(Manager *manager)
{
        ConfFaults faults = {};
        Conf conf;
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
                manager_adopt(manager, &conf);
                log_info("Configuration reloaded");
        } else if (r > 0) {
                manager_refuse(manager, &faults);
        } else {
                log_err("Cannot reload the configuration: %s", strerror(-r));
        }
        conf_done(&conf);
        conf_faults_done(&faults);
        manager->changes.config = true;
        (void) sd_notify(0, "READY=1");
        return r;
}
