/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Begins and ends jobs and their steps. */

#include "job/step.h"

static const char *const job_state_table[_JOB_STATE_MAX] = {
        [JOB_STATE_QUEUED] = "queued",
        [JOB_STATE_RUNNING] = "running",
        [JOB_STATE_CANCELLING] = "cancelling",
        [JOB_STATE_UNDOING] = "undoing",
        [JOB_STATE_DONE] = "done",
        [JOB_STATE_PARTLY] = "partly",
        [JOB_STATE_FAILED] = "failed",
        [JOB_STATE_CANCELLED] = "cancelled",
        [JOB_STATE_TIMED_OUT] = "timed-out",
};

DEFINE_STRING_TABLE(job_state, JobState)

bool job_state_is_end(JobState state)
{
        return state >= JOB_STATE_DONE;
}

int job_new(uint32_t id, uint32_t uid, Request *request, Selection *selection, Job **ret)
{
        _cleanup_(job_freep) Job *job = calloc(1, sizeof(Job));

        if (!job)
                return -ENOMEM;
        job->steps = calloc(selection->n_steps + 1, sizeof(JobStep));
        if (!job->steps || request_format(request, &job->target) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < selection->n_steps; i++)
                job->steps[i].step = selection->steps[i];

        job->id = id;
        job->uid = uid;
        job->n_steps = job->current = job->changing = selection->n_steps;
        job->deadline_usec = USEC_INFINITY;
        job->request = *request;
        request_init(request, request->kind);
        selection_done(selection);
        *ret = TAKE_PTR(job);
        return 0;
}

void job_free(Job *job)
{
        if (!job)
                return;
        request_done(&job->request);
        free(job->target);
        free(job->steps);
        free(job);
}

void block_restore(Block *block, const SavedState *saved)
{
        block->status = saved->status;
        block->decision = saved->decision;
        block->onliner = saved->onliner;
        block->offliner = saved->offliner;
        block->onlined_usec = saved->onlined_usec;
}

void job_claim(const Job *job, Machine *machine)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                Block *block = step_block(&job->steps[i], machine);

                if (!block)
                        continue;
                block->job = job->id;
                block->job_class = verdict_class(job->steps[i].step.to, block);
        }
}

void job_release(const Job *job, Machine *machine)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                const JobStep *step = &job->steps[i];
                Block *block = step_block(step, machine);

                if (!block || block->job != job->id)
                        continue;
                block->job = 0;
                if (step->state != STEP_WRITING && step->state != STEP_CHANGING)
                        continue;
                block_restore(block, &step->saved);
                if (job_changes(job) && block->state == BLOCK_OFFLINE)
                        track_forget(block);
        }
}

void step_failed(Job *job, JobStep *step, int error)
{
        step->state = STEP_FAILED;
        step->error = error;
        job->n_done -= job->state == JOB_STATE_UNDOING;
        job->n_failed++;
}

/* Ends a job, or begins to undo the steps that were done. */
static void job_wind_up(Job *job, JobState end)
{
        for (size_t i = 0; i < job->n_steps; i++)
                if (job->steps[i].state == STEP_WAITING && job->steps[i].attempts > 0)
                        step_failed(job, &job->steps[i], job->steps[i].error);

        if (job->n_done == job->n_steps) {
                job->state = JOB_STATE_DONE;
        } else if (job->request.undo_on_failure && job->n_done > 0) {
                job->state = JOB_STATE_UNDOING;
                job->end = end == JOB_STATE_PARTLY ? JOB_STATE_FAILED : end;
                job->next = job->n_steps;
        } else {
                job->state = end;
        }
}

bool job_is_over(Job *job, uint64_t now_usec)
{
        bool is_through = job->next == job->n_steps && (job->is_second_round || job->n_again == 0);

        if (job->state == JOB_STATE_CANCELLING)
                job_wind_up(job, JOB_STATE_CANCELLED);
        else if (now_usec >= job->deadline_usec)
                job_wind_up(job, JOB_STATE_TIMED_OUT);
        else if (is_through)
                job_wind_up(job, job->n_done > 0 ? JOB_STATE_PARTLY : JOB_STATE_FAILED);
        else
                return false;
        return true;
}

uint64_t job_share(const Job *job, uint64_t now_usec, uint64_t offline_timeout_usec)
{
        uint64_t left = job->is_second_round ? job->n_again + 1 : job->n_steps - job->next + 1;
        uint64_t rest_usec = job->deadline_usec - now_usec, share_usec = USEC_INFINITY;

        if (job->deadline_usec != USEC_INFINITY)
                share_usec = MIN(MAX(rest_usec / left, USEC_PER_SEC), rest_usec);
        return MIN(share_usec, offline_timeout_usec);
}

void job_remap_rules(Job *job, const Policy *from, const Policy *to)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                JobStep *step = &job->steps[i];

                policy_remap(from, to, &step->step.decision);
                policy_remap(from, to, &step->saved.decision);
        }
}

bool job_cancel(Job *job)
{
        if (job_state_is_end(job->state) || job->state == JOB_STATE_UNDOING)
                return false;
        job->state = job->state == JOB_STATE_QUEUED ? JOB_STATE_CANCELLED : JOB_STATE_CANCELLING;
        return true;
}

int32_t job_current_block(const Job *job)
{
        return job->current < job->n_steps ? (int32_t) job->steps[job->current].step.block : -1;
}
