/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/share.h"
#include "job/effect.h"
#include "job/job.h"
#include "policy/forecast.h"

/*
 * The unfinished jobs, in the order in which they were accepted. Only the first one runs: the kernel holds
 * one lock for every write, so several jobs at once would gain nothing. Pure: the caller makes the writes.
 */

/* The largest number of unfinished jobs, and that of one user who is not root. */
#define JOBS_MAX 64
#define JOBS_PER_USER_MAX 16

typedef struct JobQueue {
        Job *jobs[JOBS_MAX]; /* owned */
        size_t n_jobs;
        uint32_t last_id;
} JobQueue;

void job_queue_done(JobQueue *queue);

/*
 * Makes a job of a request, which is empty after success. The totals of the machine must be up to date.
 * Returns 0 and the job's id; 1 if the request is refused, with the reason in *ret_refused, which the caller
 * frees; -E2BIG if the user may have no more jobs, see share.h; or -ENOMEM.
 */
int job_queue_add(JobQueue *queue, Machine *machine, const Policy *policy, Request *request,
                  uint32_t uid, uint32_t *ret_id, Selection *ret_refused);

/*
 * Does so with a request to online a dax device that has no blocks, and that would have this memory. The device
 * takes one class for all of it: the request is refused if the policy has several.
 */
int job_queue_add_unplugged(JobQueue *queue, Machine *machine, const Policy *policy,
                            const Addition *addition, Request *request, uint32_t uid,
                            uint32_t *ret_id, Selection *ret_refused);

/*
 * Makes the selection of a request, with `addition` as for job_queue_add_unplugged() or NULL, and tells what it
 * changes. Makes no job. Returns 0 or -ENOMEM. The caller frees both in either case.
 */
int job_queue_preview(Machine *machine, const Policy *policy, const Addition *addition,
                      const Request *request, Selection *ret, Effects *ret_effects);

/*
 * Makes a job of a request and its selection, which are empty after success. Returns 0 and the job's id,
 * -E2BIG if there are JOBS_MAX jobs, or -ENOMEM.
 */
int job_queue_append(JobQueue *queue, Machine *machine, Request *request, Selection *selection,
                     uint32_t uid, uint32_t *ret_id);

/* Whether the job that runs, or is to run next, restores classes. */
bool job_queue_restores(const JobQueue *queue);

/* Something else changed a block: a job that restores classes leaves the block out. */
void job_queue_drop_block(JobQueue *queue, const Machine *machine, uint32_t block);

/* Returns NULL if there is no such job. */
Job *job_queue_find(const JobQueue *queue, uint32_t id);

/*
 * Finds the next write of the job that runs, and marks its block. Returns 1 and the write, or 0 if there is
 * none: if the job has ended, *ret_ended is the job, which belongs to the caller then; if there is no job,
 * *ret_ended is NULL. Not to be called while a write is under way.
 */
int job_queue_next(JobQueue *queue, Machine *machine, uint64_t now_usec,
                   uint64_t offline_timeout_usec, JobWrite *ret_write, Job **ret_ended);

/*
 * Ends a job as soon as its write under way has ended. Returns 0, with the job in *ret_ended if it has ended
 * already and belongs to the caller, else NULL; 1 if the caller is to interrupt the write under way; -ESRCH
 * if there is no such job, or it can no longer be cancelled.
 */
int job_queue_cancel(JobQueue *queue, Machine *machine, uint32_t id, Job **ret_ended);
