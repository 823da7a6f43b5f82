/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/takeover.h"
#include "daemon/decide.h"
#include "daemon/journal.h"
#include "daemon/manager.h"
#include "daemon/pass.h"
#include "daemon/relief.h"
#include "daemon/remember.h"

/* The manager's state, for its three files alone: each uses those above it. */

struct Manager {
        sd_event *event;
        sd_event_source *monitor_source;
        sd_event_source *writer_source;
        sd_event_source *timer_source;
        uint64_t timer_usec; /* when the timer is set to, or USEC_INFINITY */
        char *root;
        char *runtime_folder;
        Sysfs sysfs;
        Monitor *monitor;

        Machine machine;
        bool count_needed; /* the machine's totals are out of date */
        Conf conf;
        char **faults; /* of the last reload if it was refused */

        Pass pass;
        Writer writer;
        Burst burst;
        JobQueue queue;
        Takeover takeover;
        Relief relief;
        History history;
        Publisher publisher;
        Keeper keeper;
        bool stopping;
};

/* duties.c: what goes on beside passes */

/* The time of the event that is being handled, monotonic. */
uint64_t manager_now(const Manager *manager);

/* Makes sure that a pass is made at a time, or before. */
void manager_schedule(Manager *manager, uint64_t at_usec);

/* Logs what cannot be gone on from, and ends the loop with EXIT_INTERNAL. */
void manager_fail(Manager *manager, const char *what, int error);

/* Brings the totals up to date. */
void manager_count(Manager *manager);

/* What is to be published. */
Changes *manager_changes(Manager *manager);

/* With the time of now. */
Decider manager_decider(Manager *manager);

/* Keeps for the next memoryd what only this one knows, when no writes are on, or at the end. */
void manager_remember(Manager *manager);

/*
 * Has the kernel's own onlining do what the configuration wants of it, or, at the end or when that is to be
 * respected, what it did before memoryd. Returns whether something is being written.
 */
bool manager_take_over(Manager *manager);

/* Reads the zones, and says which nodes are short, or no longer. */
void manager_look_at_zones(Manager *manager);

/* Writes the next step of the first job. A plan's blocks come first: memory that was added is waited for. */
void manager_run_jobs(Manager *manager);

/* Ends the event loop when memoryd stops and no job is left, once auto_online_blocks is put back. */
void manager_end_stop(Manager *manager);

/* loop.c: events, passes, writes and replies, in the order in which they happen */

/* The acts of a pass, which the start makes by itself. 0 or a negative errno. */
int manager_list(Manager *manager, const TrackMode *mode);
int manager_read(Manager *manager, const TrackMode *mode, size_t limit);
int manager_identify(Manager *manager);
int manager_read_nodes(Manager *manager);

/* Connects events and replies to their handlers. 0 or a negative errno. */
int manager_attach(Manager *manager);
