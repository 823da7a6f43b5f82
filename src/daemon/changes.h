/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"
#include "model/changed-ids.h"

/* What has changed since it was last published, and when to publish it. */

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

/* Takes a job over that has ended. */
void changes_add_ended(Changes *changes, Job *job);

/* By id, of those that have ended; NULL when there is none. */
const Job *changes_find_ended(const Changes *changes, uint32_t id);

typedef struct Publisher {
        Changes changes;
        uint64_t published_usec;
        uint64_t told_online_bytes; /* with the last CapacityChanged */
        uint64_t told_movable_bytes;
} Publisher;

/*
 * Takes the changes if there are any and it is time: at once when all is quiet, or when a job came or ended,
 * and else ten times a second at the most. Returns 1 and the changes, or 0 and when it will be time,
 * USEC_INFINITY when nothing has changed.
 */
int publisher_take(Publisher *publisher, const Totals *totals, bool is_idle, bool has_jobs,
                   uint64_t now_usec, Changes *ret, uint64_t *ret_due_usec);
