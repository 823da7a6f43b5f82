/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/takeover.h"
#include "base/log.h"
#include "daemon/manager.h"
#include "model/notice.h"
#include "policy/burst.h"

/* What the parts of the manager share, and nobody else. */

struct Manager {
        sd_event *event;
        char *root;
        char *runtime_folder;
        Sysfs sysfs;
        Machine machine;
        Conf conf;
        Monitor *monitor;
        Writer writer;
        Burst burst;
        History history;
        Job **jobs; /* owned, unfinished, in their order */
        size_t n_jobs;
        uint32_t last_job;

        sd_event_source *monitor_source;
        sd_event_source *writer_source;
        sd_event_source *timer_source;
        sd_event_source *shortage_source;
        sd_event_source *pressure_source;
        int pressure_fd;

        NoticeList notices; /* what events told since the last listing */

        bool list_needed;
        bool identify_needed; /* blocks came or went, or something of a device is awaited */
        bool read_needed;
        bool plan_needed;
        bool confirm_needed; /* the last listing found new blocks: there may be more */
        bool count_needed;
        bool remember_needed; /* what is kept for the next memoryd is out of date */
        bool stopping;

        uint64_t timer_usec;         /* when the timer is set to, or USEC_INFINITY */
        uint64_t grew_usec;          /* when new blocks were last found; 0 since the start */
        uint64_t waiting_since_usec; /* 0 when nothing holds the plan back */
        uint64_t wait_usec;
        unsigned n_due;      /* blocks that the kernel was about to online at the last look */
        unsigned n_told;     /* of these, that have gone online since the last reading, by events */
        uint64_t due_usec;   /* when either number last changed */
        uint64_t again_usec; /* when to read what was given up, or USEC_INFINITY */
        uint64_t recheck_usec; /* when to look whether nodes are gone, or USEC_INFINITY */
        uint64_t relist_usec;  /* when to look whether blocks are gone, or USEC_INFINITY */
        uint64_t leaving_usec; /* the delay of the next such look; 0 when none is expected to go */
        uint64_t empty_usec;   /* the delay of the next such look; 0 when none is expected to go */
        uint64_t published_usec;
        uint64_t remembered_usec; /* when what is kept was last written; 0: never */
        uint64_t zones_usec;
        uint64_t pressed_usec; /* when the kernel last told of memory pressure; 0: never */
        uint64_t asked_usec;   /* when kernel memory was last asked for; 0: never */
        uint64_t told_online_bytes;
        uint64_t told_movable_bytes;

        char auto_online[AUTO_ONLINE_WORD_MAX];
        Takeover takeover; /* of files named so */

        NodeSet short_nodes; /* of kernel memory */
        NodeSet asked_nodes; /* those that it was asked for */
        char **faults;
        Changes changes;
};

/* How often the zones are read again, when somebody asks. */
#define ZONES_USEC USEC_PER_SEC

/* Makes sure that a pass is made at a time, or before. */
void manager_schedule(Manager *manager, uint64_t at_usec);

/* The time of the event that is being handled, monotonic. */
uint64_t manager_now(const Manager *manager);

/* Logs what cannot be gone on from, and ends the loop with EXIT_INTERNAL. */
void manager_fail(Manager *manager, const char *what, int error);

/* The journal's fields for a message about a block. */
LogContext manager_context(const Manager *manager, const Block *block, const char *message_id);

/* The name of the rule that decided on a block, NULL for the default. */
const char *manager_rule_name(const Manager *manager, const Block *block);

/*
 * A pass: lists and reads what is out of date, and when a burst is complete plans it and hands it
 * to the actuator. Schedules itself again while there is something to wait for.
 */
void manager_pass(Manager *manager);

/*
 * Whether to hold the plan back: an add_memory() is on its way while blocks have no node yet, devices
 * lack blocks that /proc/iomem has for them, udev is at work. Not for longer than the setting `settle`:
 * since the last block came if something is missing, else since the first.
 *
 * Of memory that nobody knows the device of, more may follow: the kernel makes all blocks of an
 * add_memory() before it gives the first of them its node, so when all blocks have one, and a listing
 * made after that has no further ones, nothing of that is missing. A driver may be at it block by block.
 *
 * What is left to the kernel is waited for as long as it goes on: each block sends an event. Until it has
 * ended nothing else is looked for.
 */
bool manager_waits(Manager *manager, uint64_t now);

/* Whether the kernel is to online a block, and is still waited for. */
bool manager_is_left_to_kernel(const Block *block);

/* Whether the plan is held back because the burst is still growing. */
bool manager_is_waiting(const Manager *manager);

/* What could not be read, or waits for its node and is not waited for, is looked at now and then. */
void manager_look_later(Manager *manager);

/* Whether decisions depend on what udev's rules say of a block. */
bool manager_needs_udev(const Manager *manager);

/* The parts of a pass that the start makes by itself. 0 or a negative errno. */
int manager_survey(Manager *manager, const TrackMode *mode, size_t limit);
int manager_survey_nodes(Manager *manager);

/* Finds out which device blocks are part of, if something has changed about that. */
int manager_identify(Manager *manager);

/* Keeps a decision, as it stands now, among the last ones. */
void manager_record(Manager *manager, const Block *block);

/* The time for a person, CLOCK_REALTIME. */
uint64_t manager_realtime(const Manager *manager);

/*
 * Keeps for the next memoryd what only this one knows, unless that is done or, but for the end, writes are
 * on.
 */
void manager_remember(Manager *manager);

/* Hands the actuator what it has room for: what is planned, or else the next write of a job. */
void manager_fill(Manager *manager);

/* The same for jobs alone. */
void manager_run_jobs(Manager *manager);

/* The answer to a job's write. */
void manager_on_job_reply(Manager *manager, const ActuatorReply *reply);

/* Cancels all jobs, of which there is one. When the last has ended, maybe at once, the stop goes on. */
void manager_stop_jobs(Manager *manager);

/* Goes on with the stop: no job is left. */
void manager_stopped(Manager *manager);

/* The error of a write, as the re-read qualifies it. */
int manager_reply_error(const ActuatorReply *reply);

/* A block is to be read again. */
void manager_mark_block(Manager *manager, uint32_t id);

/* Everything is to be read again. */
void manager_mark_all(Manager *manager);

/* Connects events and replies to their handlers. 0 or a negative errno. */
int manager_attach(Manager *manager);

/*
 * Has the kernel's own onlining do what the configuration wants of it, or, at the end or when that is to be
 * respected, what it did before memoryd: one file at a time, the next with the answer to the last. Returns
 * whether something is being written.
 */
bool manager_take_over(Manager *manager);

/* The answer to such a write. */
void manager_on_auto_online_reply(Manager *manager, const ActuatorReply *reply);

/* What a memoryd before this one took over, and did not put back. */
void manager_load_takeover(Manager *manager);

/* Listens for memory pressure. 0 or a negative errno. */
int manager_watch_shortage(Manager *manager);

/*
 * Looks whether nodes are short of kernel memory, or no longer, by the zones as they were just read.
 * Says so once, and with the setting `rebalance` does something about it.
 */
void manager_check_shortage(Manager *manager);

/*
 * Starts a job that makes the n lowest movable blocks of a node kernel memory. If it is refused that is
 * logged. 0 or a negative errno.
 */
int manager_rebalance(Manager *manager, uint32_t node, uint32_t n_blocks);
