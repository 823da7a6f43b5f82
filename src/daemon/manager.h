/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/writer.h"
#include "daemon/changes.h"
#include "daemon/counters.h"
#include "daemon/held.h"
#include "daemon/queue.h"
#include "daemon/setup.h"
#include "kernel/cxl.h"
#include "policy/history.h"
#include "policy/offload.h"

#include <systemd/sd-event.h>

/*
 * The manager connects the parts of memoryd and runs them in sequence: events, survey, policy, plan, writes,
 * outcome. It has no rules about memory of its own. The caller takes the changes from it and publishes them.
 */

typedef struct Manager Manager;

/*
 * Takes over setup and conf, which are empty after success. In any case the caller ends them with
 * setup_done() and conf_done(). The strings of setup must outlive the manager. Returns 0 or -ENOMEM.
 */
int manager_new(sd_event *event, Setup *setup, Conf *conf, Manager **ret);
void manager_free(Manager *manager);

/* Reads the whole machine, so that the model is complete, and begins to act. 0 or a negative errno. */
int manager_start(Manager *manager);

/* Stops acting, cancels all jobs, restores auto_online_blocks, and ends the event loop with EXIT_SUCCESS. */
void manager_stop(Manager *manager);

/*
 * Reads the configuration again. Returns 0 if it is now in force, 1 if it has faults and the old one stays in
 * force (see ManagerView.faults), or a negative errno.
 */
int manager_reload(Manager *manager);

/*
 * Reads all blocks again, and decides anew on blocks that failed. With `all`, also decides on blocks that a
 * job or another process took offline.
 */
void manager_rescan(Manager *manager, bool all);

/*
 * Makes a job of a request, and starts it when the jobs before it have ended. Returns what job_queue_add()
 * does, or -ESHUTDOWN if memoryd is stopping.
 */
int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused);

/*
 * Tells what a request would change, or why it would be refused: see job_queue_preview(). Changes no block and no job,
 * but looks at the states of dax devices anew. While the actuator writes such a state, what was seen before holds,
 * and a device that has no blocks is not found.
 */
int manager_preview(Manager *manager, const Request *request, Selection *ret, Effects *ret_effects);

/* Finds the blocks to count before manager_add_job(): see selection_candidates(). */
int manager_find_candidates(Manager *manager, const Request *request, size_t n_max, uint32_t **ret,
                            size_t *ret_n);

/* Ends a job as soon as its write under way has ended. Returns 0, or -ESRCH if there is no job to cancel. */
int manager_cancel_job(Manager *manager, uint32_t id);

/* What the pages of a block are used for. */
typedef struct CountedBlock {
        uint32_t block;
        int error; /* 0 or a negative errno: -ENODATA if the block is offline; -EOPNOTSUPP or -EACCES if the actuator
                      has no /proc/kpageflags */
        PageCounts pages;
        uint64_t usec; /* the time that it took */
} CountedBlock;

/*
 * Has the pages of a block counted. Returns 0; -EBUSY if a count is under way or was not taken; -EAGAIN while blocks
 * of a plan are written, which come first, or while the channel to the actuator is full; or -ESHUTDOWN if memoryd is stopping.
 * The answer may take minutes, if the actuator is writing a state.
 */
int manager_count_pages(Manager *manager, uint32_t block);

/* Takes the answer, and returns true, if there is one. To be called after every event. */
bool manager_take_counted(Manager *manager, CountedBlock *ret);

/* Returns what held a block when it last did not go offline, or NULL. Valid until the next event. */
const HeldBlock *manager_find_held(Manager *manager, const Block *block);

/* Reads the zones, and looks for memory that could not be added, unless it did so within the last second. */
void manager_refresh_zones(Manager *manager);

/*
 * Reads the memory tiers of the nodes. Otherwise they are read only if a rule asks for one: see tier.h, which
 * has the return values.
 */
int manager_read_tiers(Manager *manager);

/* Reads what CXL region a device belongs to, for a user who asks. Returns false if it belongs to none. */
bool manager_read_cxl(const Manager *manager, const Device *device, CxlNames *ret);

/* The state of the manager, for others to read. Valid until the next event. */
typedef struct ManagerView {
        const char *root; /* the configuration is below it; "" is the running system */
        const Sysfs *sysfs;
        const Machine *machine; /* with its totals up to date */
        const Conf *conf;
        char **faults; /* of the last reload if it was refused, NULL-terminated; else NULL */
        const History *history;
        const JobQueue *queue;
        const char *auto_online; /* auto_online_blocks as last read; "" if there is no such file */
        WordFiles foreign_words; /* the auto_online_blocks files that another process has set */
        const NodeSet *short_nodes; /* nodes that are short of kernel memory */
        bool hears_pressure;        /* the kernel reports memory pressure */
        bool is_degraded; /* a block failed or is foreign, memory could not be added, a node is short
                             of kernel memory, or the last reload was refused */
} ManagerView;

ManagerView manager_view(Manager *manager);

/* Converts a time of CLOCK_MONOTONIC to CLOCK_REALTIME, as the clock is set now. */
uint64_t manager_realtime(const Manager *manager, uint64_t usec);

/* What memoryd has done, saved so that the next memoryd goes on from there. Valid until the next event. */
const Counters *manager_counters(Manager *manager);

/*
 * Takes the changes, and returns true, if there are any and publisher_take() says that it is time. Also keeps the
 * file of capacity.h. To be called after every event.
 */
bool manager_take_changes(Manager *manager, Changes *ret);
