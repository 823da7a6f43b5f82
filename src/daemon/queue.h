/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"

/*
 * The unfinished jobs in the order in which they were accepted, of which the first runs. The kernel holds one
 * lock for all writes, so several at once would gain nothing. Pure: the writes are the caller's.
 */

/* So many unfinished jobs there can be. */
#define JOBS_MAX 64

typedef struct JobQueue {
        Job **jobs; /* owned, the jobs as well */
        size_t n_jobs;
        uint32_t last_id;
} JobQueue;

void job_queue_done(JobQueue *queue);

/*
 * Makes a job of a request, which is empty afterwards if that succeeds. The totals of the machine must be up
 * to date. 0 and its id; 1 when it is refused, which *ret_refused says, to be freed by the caller; -E2BIG when
 * there are JOBS_MAX, or -ENOMEM.
 */
int job_queue_add(JobQueue *queue, Machine *machine, const Policy *policy, Request *request,
                  uint32_t uid, uint32_t *ret_id, Selection *ret_refused);

/* NULL when there is none. */
Job *job_queue_find(const JobQueue *queue, uint32_t id);

/*
 * The next write of the job that runs, for which its block is marked: 1 and the write. 0 when there is none,
 * since the job has ended, which is *ret_ended and the caller's then, or since there is no job. No call while
 * a write is under way.
 */
int job_queue_next(JobQueue *queue, Machine *machine, uint64_t now_usec,
                   uint64_t offline_timeout_usec, JobWrite *ret_write, Job **ret_ended);

/*
 * Ends a job as soon as its write under way has. 0 and the job, which is the caller's then, if it has ended
 * already; 1 when the write under way is to be interrupted; -ESRCH when no job of this id could be ended.
 */
int job_queue_cancel(JobQueue *queue, Machine *machine, uint32_t id, Job **ret_ended);
