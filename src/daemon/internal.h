/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/takeover.h"
#include "daemon/capacity.h"
#include "daemon/dax-write.h"
#include "daemon/decide.h"
#include "daemon/hang.h"
#include "daemon/held.h"
#include "daemon/journal.h"
#include "daemon/manager.h"
#include "daemon/pass.h"
#include "daemon/relief.h"
#include "daemon/remember.h"
#include "daemon/unplug.h"
#include "daemon/watch.h"

/*
 * The manager's state, private to manager.c, look.c, restore.c, dax.c and loop.c. Each calls only the files
 * before it.
 */

struct Manager {
        sd_event *event;
        sd_event_source *monitor_source;
        sd_event_source *writer_source;
        sd_event_source *timer_source;
        sd_event_source *look_source;     /* for the next look at the zones, see relief.h */
        sd_event_source *pressure_source; /* NULL if memory pressure is not reported */
        sd_event_source *klog_source;     /* NULL if the kernel's log cannot be read */
        uint64_t timer_usec;              /* the time that the timer is set to, or USEC_INFINITY */
        const char *root;
        Sysfs sysfs;
        Monitor *monitor;
        int pressure_fd; /* see monitor.h; negative if there is none */
        int klog_fd;     /* see klog.h; negative if there is none */

        Machine machine;
        bool count_needed; /* the machine's totals are out of date */
        Conf conf;
        char **faults; /* of the last reload if the configuration was refused, else NULL */

        Pass pass;
        Writer writer;
        HangWatch hang_watch; /* of the actuator behind `writer` */
        Burst burst;
        JobQueue queue;
        Takeover takeover;
        WordWatch word_watch; /* of the files of `takeover` */
        Relief relief;
        Unplug unplug;
        DaxWrite dax_write;
        Held held;
        bool has_refuser;     /* `refuser` did not go offline in an unplug, and its pages are to be counted */
        uint32_t refuser;     /* the number of a block */
        bool has_counted;     /* `counted` was not taken yet */
        CountedBlock counted; /* see manager_take_counted() */
        History history;
        Counters counters;
        Publisher publisher;
        Keeper keeper;
        Capacity capacity;
        bool stopping;
};

/* The monotonic time of the event that is being handled. */
uint64_t manager_now(const Manager *manager);

/* Brings the totals of the machine up to date. */
void manager_count(Manager *manager);

/* Makes sure that a pass runs at this time or earlier. */
void manager_schedule(Manager *manager, uint64_t at_usec);

/* Logs a fatal error, and ends the event loop with EXIT_INTERNAL. */
void manager_fail(Manager *manager, const char *what, int error);

/* Saves the state of blocks that only memoryd knows: between bursts of writes, and when memoryd stops. */
void manager_remember(Manager *manager);

/* Writes the files of capacity.h when nothing is being done, or at once. */
void manager_tell_capacity(Manager *manager, bool at_once);

/*
 * Sets the kernel's auto_online_blocks as the configuration wants it. If memoryd is stopping, or is
 * configured to respect the kernel's settings, restores the settings from before memoryd. Returns whether a
 * file is being written.
 */
bool manager_take_over(Manager *manager);

/*
 * Reads the zones, and notes which nodes became short of kernel memory or no longer are, and which memory
 * could not be added.
 */
void manager_look_at_zones(Manager *manager);

/* The kernel's log says that a page did not move: 0 or a negative errno. */
void manager_note_stuck(Manager *manager, uint64_t page, int error);

/* Has the pages of a block counted that did not go offline in an unplug. */
void manager_count_refuser(Manager *manager, uint32_t block);

/* Notes what held a block that did not go offline, and completes its counts from the kernel's log. */
void manager_note_held(Manager *manager, const Block *block, PageCounts *pages);

/* Takes the actuator's answer about the pages of a block. */
void manager_on_count_reply(Manager *manager, const ActuatorReply *reply);

/* Receives the events that have come. Reading follows later. */
void manager_receive(Manager *manager);

/* Reads what the kernel's log has on unplugs that failed, and on memory that could not be added. */
void manager_read_klog(Manager *manager);

/*
 * Tells of unplugs that have failed, and starts jobs that restore the classes of their blocks. Call it when
 * blocks were read.
 */
void manager_restore(Manager *manager, const Decider *decider);

/*
 * Brings back a dax device that an earlier memoryd had unplugged when it ended. Returns 0 or a negative errno.
 */
int manager_resume_dax_write(Manager *manager);

/*
 * Has a dax device written as a whole, for the first time or again, when it is due. Returns 0 or a negative
 * errno.
 */
int manager_run_dax_write(Manager *manager);

/* Takes the actuator's answer about a dax device. */
void manager_on_dax_reply(Manager *manager, const ActuatorReply *reply);

/* Takes over what became of the blocks of a dax device that the actuator has answered about, when they were read. */
void manager_end_dax_write(Manager *manager, const Decider *decider);

/* Starts the next write of the first job. Blocks of a plan go first, since added memory is waited for. */
void manager_run_jobs(Manager *manager);

/* If memoryd is stopping and no job is left, restores auto_online_blocks and then ends the event loop. */
void manager_end_stop(Manager *manager);
