/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/job.h"

/* Changes that have not been published on D-Bus yet, and when to publish them. */

typedef struct Changes {
        ChangedIds blocks;
        bool nodes;    /* nodes, zones or their properties may have changed */
        bool capacity; /* online or movable bytes have changed; false while a burst is under way */
        bool config;
        bool job; /* the running job made progress */
        ChangedIds new_jobs;
        Job **ended_jobs; /* owned, with the jobs */
        size_t n_ended_jobs;
        NodeSet short_nodes; /* nodes that became short of kernel memory */
} Changes;

void changes_done(Changes *changes);

typedef struct Publisher {
        Changes changes;
        uint64_t published_usec;
        uint64_t told_online_bytes; /* in the last CapacityChanged signal */
        uint64_t told_movable_bytes;
} Publisher;

/*
 * Takes the changes, if there are any and it is time to publish them: at once if memoryd is idle and has no
 * jobs, or if a job was added or has ended; otherwise at most ten times a second. Returns 1 and the changes,
 * or 0 and the time to call again, USEC_INFINITY if nothing has changed.
 */
int publisher_take(Publisher *publisher, const Totals *totals, bool is_idle, bool has_jobs,
                   uint64_t now_usec, Changes *ret, uint64_t *ret_due_usec);
