/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the queue of jobs. */

#include "daemon/queue.h"

#include <stdio.h>

void job_queue_done(JobQueue *queue)
{
        for (size_t i = 0; i < queue->n_jobs; i++)
                job_free(queue->jobs[i]);
        *queue = (JobQueue){};
}

Job *job_queue_find(const JobQueue *queue, uint32_t id)
{
        for (size_t i = 0; i < queue->n_jobs; i++)
                if (queue->jobs[i]->id == id)
                        return queue->jobs[i];
        return NULL;
}

bool job_queue_restores(const JobQueue *queue)
{
        return queue->n_jobs > 0 && queue->jobs[0]->request.kind == JOB_KIND_RESTORE;
}

void job_queue_drop_block(JobQueue *queue, const Machine *machine, uint32_t block)
{
        Block *found = machine_find_block(machine, block);
        Job *job = found ? job_queue_find(queue, found->job) : NULL;

        if (job && job->request.kind == JOB_KIND_RESTORE)
                job_drop_block(job, found);
}

/* Returns the job. The policy decides on the job's blocks again. */
static Job *job_queue_remove(JobQueue *queue, Machine *machine, Job *job)
{
        size_t i = 0;

        while (queue->jobs[i] != job)
                i++;
        queue->n_jobs--;
        memmove(&queue->jobs[i], &queue->jobs[i + 1], (queue->n_jobs - i) * sizeof(Job *));
        job_release(job, machine);
        return job;
}

int job_queue_append(JobQueue *queue, Machine *machine, Request *request, Selection *selection,
                     uint32_t uid, uint32_t *ret_id)
{
        Job *job;
        int r;

        if (queue->n_jobs == JOBS_MAX)
                return -E2BIG;
        r = job_new(queue->last_id + 1, uid, request, selection, &job);
        if (r < 0)
                return r;
        *ret_id = ++queue->last_id;
        queue->jobs[queue->n_jobs++] = job;
        job_claim(job, machine);
        return 0;
}

static bool has_room(const JobQueue *queue, uint32_t uid)
{
        static const ShareLimits limits = { .per_user = JOBS_PER_USER_MAX, .total = JOBS_MAX };
        unsigned n = 0;

        for (size_t i = 0; i < queue->n_jobs; i++)
                n += queue->jobs[i]->uid == uid;
        return share_is_left(&limits, uid, n, (unsigned) queue->n_jobs);
}

int job_queue_add(JobQueue *queue, Machine *machine, const Policy *policy, Request *request,
                  uint32_t uid, uint32_t *ret_id, Selection *ret_refused)
{
        _cleanup_(selection_done) Selection selection = {};
        int r;

        if (!has_room(queue, uid))
                return -E2BIG;
        r = selection_make(machine, policy, request, &selection);
        if (r < 0)
                return r;
        if (selection.refusal != REFUSAL_NONE) {
                *ret_refused = selection;
                selection = (Selection){};
                return 1;
        }
        return job_queue_append(queue, machine, request, &selection, uid, ret_id);
}

/* Refuses a selection of more classes than one. Returns 0 or -ENOMEM. */
static int check_one_class(Selection *selection, const char *device)
{
        for (size_t i = 1; i < selection->n_steps; i++) {
                if (selection->steps[i].to == selection->steps[0].to)
                        continue;
                selection->refusal = REFUSAL_INVALID_REQUEST;
                return asprintf(&selection->text,
                                "%s has no blocks, and the policy has several classes for its "
                                "memory: name a zone",
                                device) < 0 ?
                               -ENOMEM :
                               0;
        }
        return 0;
}

/*
 * Makes the selection on a copy of the machine that has the memory of the device. Unless `effects` is NULL, tells
 * what it changes. Returns 0 or -ENOMEM.
 */
static int select_unplugged(Machine *machine, const Policy *policy, const Addition *addition,
                            const Request *request, Selection *selection, Effects *effects)
{
        Forecast forecast;
        int r = forecast_add(machine, addition, request->device, &forecast);

        if (r < 0)
                return r;
        r = selection_make(&forecast.machine, policy, request, selection);
        if (r >= 0 && selection->refusal == REFUSAL_NONE)
                r = check_one_class(selection, request->device);
        if (r >= 0 && effects)
                r = effects_of(&forecast.machine, selection, effects);
        if (r >= 0 && effects)
                effects->is_unplugged = true;
        forecast_done(&forecast);
        return r;
}

int job_queue_preview(Machine *machine, const Policy *policy, const Addition *addition,
                      const Request *request, Selection *ret, Effects *ret_effects)
{
        int r;

        if (addition)
                return select_unplugged(machine, policy, addition, request, ret, ret_effects);
        r = selection_make(machine, policy, request, ret);
        return r < 0 ? r : effects_of(machine, ret, ret_effects);
}

int job_queue_add_unplugged(JobQueue *queue, Machine *machine, const Policy *policy,
                            const Addition *addition, Request *request, uint32_t uid,
                            uint32_t *ret_id, Selection *ret_refused)
{
        _cleanup_(selection_done) Selection selection = {};
        int r;

        if (!has_room(queue, uid))
                return -E2BIG;
        r = select_unplugged(machine, policy, addition, request, &selection, NULL);
        if (r < 0)
                return r;
        if (selection.refusal != REFUSAL_NONE) {
                *ret_refused = selection;
                selection = (Selection){};
                return 1;
        }
        r = job_queue_append(queue, machine, request, &selection, uid, ret_id);
        if (r >= 0)
                queue->jobs[queue->n_jobs - 1]->is_unplugged = true;
        return r;
}

int job_queue_next(JobQueue *queue, Machine *machine, uint64_t now_usec,
                   uint64_t offline_timeout_usec, JobWrite *ret_write, Job **ret_ended)
{
        *ret_ended = NULL;
        if (queue->n_jobs == 0)
                return 0;
        if (job_next(queue->jobs[0], machine, now_usec, offline_timeout_usec, ret_write) > 0)
                return 1;
        *ret_ended = job_queue_remove(queue, machine, queue->jobs[0]);
        return 0;
}

int job_queue_cancel(JobQueue *queue, Machine *machine, uint32_t id, Job **ret_ended)
{
        Job *job = job_queue_find(queue, id);

        *ret_ended = NULL;
        if (!job || !job_cancel(job))
                return -ESRCH;
        if (job_state_is_end(job->state)) {
                *ret_ended = job_queue_remove(queue, machine, job);
                return 0;
        }
        /* Only going offline is interrupted. A block on its way to another class is to arrive there. */
        return job->writing == VERDICT_NONE;
}
