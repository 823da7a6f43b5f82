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
                saved_state_restore(&step->saved, block);
                if (job_changes(job) && block->state == BLOCK_OFFLINE)
                        track_forget(block);
        }
}

/*
 * Whether another try may succeed: the memory may not be in use then, or other steps may have made it
 * possible.
 */
static bool is_worth_another_try(int error)
{
        return error == -EBUSY || error == -EAGAIN || error == -EINTR || error == -ENOMEM ||
               error == -EPERM;
}

void step_done(Job *job, JobStep *step, bool is_ours)
{
        step->state = STEP_DONE;
        step->error = 0;
        step->timed_out = false;
        step->is_ours = is_ours;
        job->n_done++;
}

void step_undone(Job *job, JobStep *step)
{
        step->state = STEP_UNDONE;
        job->n_done--;
        job->n_undone++;
}

void step_failed(Job *job, JobStep *step, int error)
{
        step->state = STEP_FAILED;
        step->error = error;
        job->n_failed++;
}

void step_refused(Job *job, JobStep *step, int error)
{
        step->attempts++;
        if (job->is_second_round || !is_worth_another_try(error)) {
                step_failed(job, step, error);
                return;
        }
        step->state = STEP_WAITING;
        step->error = error;
        job->n_again++;
}

void step_aim(const JobStep *step, Block *block, Verdict verdict)
{
        bool is_planned = step->step.has_decision && step->step.to == verdict;

        block->decision = is_planned ? step->step.decision : step->saved.decision;
        if (block->decision.verdict == verdict)
                return;
        block->decision.verdict = verdict;
        block->decision.guards = 0;
        block->decision.figures = (Figures){};
}

void saved_state_take(SavedState *saved, const Block *block)
{
        *saved = (SavedState){
                .status = block->status,
                .decision = block->decision,
                .onliner = block->onliner,
                .offliner = block->offliner,
                .onlined_usec = block->onlined_usec,
        };
}

void saved_state_restore(const SavedState *saved, Block *block)
{
        block->status = saved->status;
        block->decision = saved->decision;
        block->onliner = saved->onliner;
        block->offliner = saved->offliner;
        block->onlined_usec = saved->onlined_usec;
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
