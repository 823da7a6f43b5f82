/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Takes the results of writes into a job. */

#include "job/step.h"

/* Notes that a block is offline on its way to another class, which comes next. */
static void change_next(Job *job, JobStep *step, Block *block)
{
        step->state = STEP_CHANGING;
        job->changing = (size_t) (step - job->steps);
        block->status = BLOCK_STATUS_WRITING;
        step_aim(step, block, step_next_verdict(job, step));
}

/* Ends a step that could not be undone. */
static void step_stays_done(JobStep *step, int error)
{
        step->state = STEP_DONE;
        step->error = error;
}

static bool is_cancelled(const Job *job, int error)
{
        return job->state == JOB_STATE_CANCELLING && (error == -ECANCELED || error == -EINTR);
}

/* Takes a failed write that left the block as it was before the step. */
static void step_came_to_nothing(Job *job, JobStep *step, Block *block, int error)
{
        saved_state_restore(&step->saved, block);
        if (is_cancelled(job, error)) {
                step->state = STEP_WAITING;
                return;
        }
        step->timed_out = error == -ETIMEDOUT;
        if (error == 0 || error == -ETIMEDOUT)
                error = -EBUSY;
        step_refused(job, step, error == -ECANCELED ? -EINTR : error);
}

/* Sets the status of a block that is as the request asked. */
static void block_is_requested(const JobStep *step, Block *block, int error, uint64_t realtime_usec)
{
        const Step *asked = &step->step;

        step_aim(step, block, asked->to);
        block->status = asked->has_decision ? BLOCK_STATUS_DONE : BLOCK_STATUS_REQUESTED;
        block->onliner = error < 0 ? ONLINER_OTHER : ONLINER_MEMORYD;
        block->onlined_usec = realtime_usec;
        block->attempts = 0;
        block->error = 0;
        block->retry_at_usec = USEC_INFINITY;
}

static void job_after_offline(Job *job, JobStep *step, Block *block, int error)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (block->state == BLOCK_OFFLINE && job_changes(job)) {
                change_next(job, step, block);
        } else if (block->state == BLOCK_OFFLINE && is_undoing) {
                saved_state_restore(&step->saved, block);
                step_undone(job, step);
        } else if (block->state == BLOCK_OFFLINE) {
                track_offlined_by(block, ONLINER_MEMORYD);
                step_done(job, step, true);
        } else if (is_undoing) {
                block->status =
                        step->step.has_decision ? BLOCK_STATUS_DONE : BLOCK_STATUS_REQUESTED;
                step_stays_done(step, error < 0 ? error : -EBUSY);
        } else {
                step_came_to_nothing(job, step, block, error);
        }
}

/* Takes a write that was too late: the kernel or another process has onlined the block in another class. */
static void job_raced(Job *job, JobStep *step, Block *block)
{
        block->decision = step->saved.decision;
        track_onlined_by(block, ONLINER_OTHER);
        if (job->state == JOB_STATE_UNDOING)
                step_stays_done(step, -ESTALE);
        else
                step_failed(job, step, step->restoring ? step->error : -ESTALE);
}

void job_onlined(Job *job, JobStep *step, Block *block, int error, uint64_t realtime_usec)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (!verdict_accepts(job->writing, block_class(block))) {
                job_raced(job, step, block);
                return;
        }
        if (step->restoring == is_undoing) {
                block_is_requested(step, block, error, realtime_usec);
                if (is_undoing)
                        step_stays_done(step, step->error);
                else
                        step_done(job, step, true);
                return;
        }
        saved_state_restore(&step->saved, block);
        if (is_undoing)
                step_undone(job, step);
        else
                step_failed(job, step, step->error);
}

/* Takes a write after which the block is still offline. */
static void job_not_onlined(Job *job, JobStep *step, Block *block, int error)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (error == 0)
                error = -EAGAIN;
        if (!job_changes(job) && is_undoing) {
                track_offlined_by(block, ONLINER_MEMORYD);
                step_stays_done(step, error);
        } else if (!job_changes(job)) {
                step_came_to_nothing(job, step, block, error);
        } else if (!step->restoring) {
                step->restoring = true;
                step->error = error;
                change_next(job, step, block);
        } else {
                /* The block was online and is to be online again: the policy brings it back. */
                track_forget(block);
                block->decision = (Decision){ .rule = RULE_DEFAULT };
                job->n_done -= is_undoing;
                step_failed(job, step, step->error);
        }
}

/* Takes a write to a block that is gone. It counts as offline, for good. */
static void job_gone(Job *job, JobStep *step, Block *block)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (block)
                saved_state_restore(&step->saved, block);
        if (step->step.to == VERDICT_NONE && !is_undoing) {
                step_done(job, step, false);
                return;
        }
        if (is_undoing && !job_changes(job)) {
                step_stays_done(step, -ENOENT);
                return;
        }
        job->n_done -= is_undoing;
        step_failed(job, step, -ENOENT);
}

void job_outcome(Job *job, Machine *machine, int error, BlockState state, const ZoneList *zones,
                 uint64_t realtime_usec)
{
        JobStep *step = &job->steps[job->current];
        Block *block;

        assert(job->current < job->n_steps);
        job->current = job->n_steps;
        block = step_block(step, machine);
        if (!block || error == -ENOENT) {
                job_gone(job, step, block);
                return;
        }
        track_take(block, state, zones);
        if (job->writing == VERDICT_NONE)
                job_after_offline(job, step, block, error);
        else if (state == BLOCK_ONLINE)
                job_onlined(job, step, block, error, realtime_usec);
        else
                job_not_onlined(job, step, block, error);
}
