/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Collects changes, and determines when to publish them. */

#include "daemon/changes.h"

#define PUBLISH_USEC (100 * USEC_PER_MSEC)

void changes_done(Changes *changes)
{
        changed_ids_done(&changes->blocks);
        changed_ids_done(&changes->new_jobs);
        for (size_t i = 0; i < changes->n_ended_jobs; i++)
                job_free(changes->ended_jobs[i]);
        free(changes->ended_jobs);
        *changes = (Changes){};
}

static bool changes_is_empty(const Changes *changes)
{
        return changes->blocks.n_ids == 0 && !changes->nodes && !changes->config && !changes->job &&
               changes->new_jobs.n_ids == 0 && changes->n_ended_jobs == 0;
}

int publisher_take(Publisher *publisher, const Totals *totals, bool is_idle, bool has_jobs,
                   uint64_t now_usec, Changes *ret, uint64_t *ret_due_usec)
{
        Changes *changes = &publisher->changes;
        bool is_due =
                (is_idle && !has_jobs) || changes->n_ended_jobs > 0 || changes->new_jobs.n_ids > 0;

        *ret_due_usec = USEC_INFINITY;
        if (changes_is_empty(changes))
                return 0;
        if (!is_due && now_usec - publisher->published_usec < PUBLISH_USEC) {
                *ret_due_usec = publisher->published_usec + PUBLISH_USEC;
                return 0;
        }
        if (is_idle) {
                changes->capacity = totals->online_bytes != publisher->told_online_bytes ||
                                    totals->movable_bytes != publisher->told_movable_bytes;
                publisher->told_online_bytes = totals->online_bytes;
                publisher->told_movable_bytes = totals->movable_bytes;
        }
        publisher->published_usec = now_usec;
        *ret = *changes;
        *changes = (Changes){};
        return 1;
}
