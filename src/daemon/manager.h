/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/writer.h"
#include "config/config.h"
#include "kernel/monitor.h"
#include "kernel/survey.h"
#include "policy/history.h"
#include "verify/verify.h"

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
 * (see manager_get_faults()), or a negative errno.
 */
int manager_reload(Manager *manager);

/*
 * Reads everything again, and decides anew on what failed; with `all` also on what was taken offline, by a
 * job or by hand.
 */
void manager_rescan(Manager *manager, bool all);

/* Who asked for a job: "root", "memoryd" for UINT32_MAX, else the number. Returns the buffer. */
#define USER_STRING_MAX 16
const char *user_format(uint32_t uid, char buffer[static USER_STRING_MAX]);

/* So many unfinished jobs there can be. */
#define JOBS_MAX 64

/*
 * Makes a job of a request, which is empty afterwards if that succeeds, and starts it when those before it
 * have ended. 0 and its id; 1 when it is refused, which *ret_refused says, to be freed by the caller; -E2BIG
 * when there are JOBS_MAX, -ESHUTDOWN when memoryd stops, or -ENOMEM.
 */
int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused);

/* Ends a job as soon as the write under way has. 0, or -ESRCH when there is none that could be ended. */
int manager_cancel_job(Manager *manager, uint32_t id);

/* The unfinished ones in the order in which they run, of which the first is running. */
size_t manager_count_jobs(const Manager *manager);
const Job *manager_get_job(const Manager *manager, size_t i);

/* By id; also one that has ended, until that was taken by manager_take_changes(). NULL when there is none. */
const Job *manager_find_job(const Manager *manager, uint32_t id);

/* Reads the zones again, unless that was done within the last second. */
void manager_refresh_zones(Manager *manager);

/* The model, with totals up to date. */
const Machine *manager_get_machine(Manager *manager);
const Conf *manager_get_conf(const Manager *manager);

/* The faults of the last reload if it was refused, NULL-terminated; NULL when there are none. */
char **manager_get_faults(const Manager *manager);

/* What works against the policy on this machine. 0 or a negative errno. */
int manager_verify(Manager *manager, Findings *ret);

/* What memoryd asks of a kernel, and what this one has of it now. 0 or a negative errno. */
int manager_find_features(Manager *manager, bool ret_has[static _FEATURE_MAX]);

const History *manager_get_history(const Manager *manager);

/* auto_online_blocks as last read, "" when the kernel has none. */
const char *manager_get_auto_online(const Manager *manager);

/* The nodes that are short of kernel memory. */
const NodeSet *manager_get_short_nodes(const Manager *manager);

/* Something failed, is foreign, or is short, or the last reload was refused. */
bool manager_is_degraded(Manager *manager);

/* What has changed since it was last taken. */
typedef struct Changes {
        ChangedIds blocks;
        bool nodes;    /* nodes or zones came or went, or a node's CPUs did, or a shortage */
        bool capacity; /* online or movable bytes differ, and nothing is being written */
        bool config;
        bool job; /* the running job made progress */
        ChangedIds new_jobs;
        Job **ended_jobs; /* owned, the jobs as well */
        size_t n_ended_jobs;
        NodeSet short_nodes; /* became short of kernel memory */
} Changes;

void changes_done(Changes *changes);

/*
 * Takes the changes when it is time to publish them: at the end of a pass or a burst of writes, and
 * ten times a second at the most while one lasts. Returns whether there was something.
 */
bool manager_take_changes(Manager *manager, Changes *ret);
