/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/writer.h"
#include "daemon/changes.h"
#include "daemon/queue.h"
#include "kernel/monitor.h"
#include "policy/history.h"

#include <systemd/sd-event.h>

/*
 * Wires the parts together and puts them in sequence: events, survey, policy, plan, writes,
 * outcome. It holds no rule about memory of its own. What changed is taken by whoever publishes it.
 */

typedef struct Manager Manager;

/* What has to be made before privileges are dropped. manager_new() takes all of it over. */
typedef struct Setup {
        const char *root; /* where configuration is found below; "" is the running system */
        const char *runtime_folder; /* see takeover.h */
        Sysfs sysfs;
        ActuatorChannel actuator;
        int pressure_fd;                      /* see pressure.h; negative when there is none */
        Monitor *monitors[_EVENT_SOURCE_MAX]; /* one of each: the configuration chooses later */
} Setup;

void setup_done(Setup *setup);

/*
 * Takes the configuration over as well. 0 or a negative errno; setup and conf are empty afterwards.
 */
int manager_new(sd_event *event, Setup *setup, Conf *conf, Manager **ret);
void manager_free(Manager *manager);
DEFINE_CLEANUP(Manager *, manager_free)

/* Reads the whole machine, after which the model is complete, and begins to act. */
int manager_start(Manager *manager);

/* Stops acting, puts auto_online_blocks back and then ends the event loop with EXIT_SUCCESS. */
void manager_stop(Manager *manager);

/*
 * Reads the configuration again: 0 when it was taken, 1 when it has faults and the old one stays
 * (see ManagerView.faults), or a negative errno.
 */
int manager_reload(Manager *manager);

/*
 * Reads everything again, and decides anew on what failed; with `all` also on what was taken offline, by a
 * job or by hand.
 */
void manager_rescan(Manager *manager, bool all);

/*
 * Makes a job of a request, which is empty afterwards if that succeeds, and starts it when those before it
 * have ended. 0 and its id; 1 when it is refused, which *ret_refused says, to be freed by the caller; -E2BIG
 * when there are JOBS_MAX, -ESHUTDOWN when memoryd stops, or -ENOMEM.
 */
int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused);

/* Ends a job as soon as the write under way has. 0, or -ESRCH when there is none that could be ended. */
int manager_cancel_job(Manager *manager, uint32_t id);

/* By id; also one that has ended, until that was taken by manager_take_changes(). NULL when there is none. */
const Job *manager_find_job(const Manager *manager, uint32_t id);

/* Reads the zones again, unless that was done within the last second. */
void manager_refresh_zones(Manager *manager);

/* What there is to see, until the next event. */
typedef struct ManagerView {
        const char *root; /* where configuration is found below; "" is the running system */
        const Sysfs *sysfs;
        const Machine *machine; /* with its totals up to date */
        const Conf *conf;
        char **faults; /* of the last reload if it was refused, NULL-terminated; NULL for none */
        const History *history;
        const JobQueue *queue;
        const char *auto_online; /* auto_online_blocks as last read, "" when the kernel has none */
        const NodeSet *short_nodes; /* those that are short of kernel memory */
        bool hears_pressure;        /* the kernel tells of memory pressure */
} ManagerView;

ManagerView manager_view(Manager *manager);

/* Something failed, is foreign, or is short, or the last reload was refused. */
bool manager_view_is_degraded(const ManagerView *view);

/*
 * Takes the changes when it is time to publish them: at the end of a pass or a burst of writes, and
 * ten times a second at the most while one lasts. Returns whether there was something.
 */
bool manager_take_changes(Manager *manager, Changes *ret);
