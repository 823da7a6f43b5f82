/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Takes a job from step to step: finds its next write, and takes the result of the write. */

#include "job/step.h"

/* Returns the verdict that brings a block back to the class it was in before its step. */
static Verdict former_verdict(const JobStep *step)
{
        return step->step.from == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL;
}

/* Returns the verdict of the next write of a step in STEP_CHANGING. */
static Verdict next_verdict(const Job *job, const JobStep *step)
{
        bool back = step->restoring != (job->state == JOB_STATE_UNDOING);

        return back ? former_verdict(step) : step->step.to;
}

SavedState block_save(const Block *block)
{
        return (SavedState){
                .status = block->status,
                .decision = block->decision,
                .onliner = block->onliner,
                .offliner = block->offliner,
                .onlined_usec = block->onlined_usec,
        };
}

/* The ends of a step */

static void step_done(Job *job, JobStep *step, bool is_ours)
{
        step->state = STEP_DONE;
        step->error = 0;
        step->timed_out = false;
        step->is_ours = is_ours;
        job->n_done++;
}

/* Ends a step that could not be undone. */
static void step_stays_done(JobStep *step, int error)
{
        step->state = STEP_DONE;
        step->error = error;
}

static void step_undone(Job *job, JobStep *step)
{
        step->state = STEP_UNDONE;
        job->n_done--;
        job->n_undone++;
}

/*
 * Takes the failure of a step. In the first round another try may succeed later: the memory may not be in use
 * then, or other steps may have made it possible.
 */
static void step_refused(Job *job, JobStep *step, int error)
{
        bool may_succeed = error == -EBUSY || error == -EAGAIN || error == -EINTR ||
                           error == -ENOMEM || error == -EPERM;

        step->attempts++;
        if (job->is_second_round || !may_succeed) {
                step_failed(job, step, error);
                return;
        }
        step->state = STEP_WAITING;
        step->error = error;
        job->n_again++;
}

/*
 * Sets the decision of a block, which counts for plans while a write for this verdict is under way and
 * afterwards.
 */
static void aim_block(Block *block, const JobStep *step, Verdict verdict)
{
        bool is_planned = step->step.has_decision && step->step.to == verdict;

        block->decision = is_planned ? step->step.decision : step->saved.decision;
        if (block->decision.verdict == verdict)
                return;
        block->decision.verdict = verdict;
        block->decision.guards = 0;
        block->decision.figures = (Figures){};
}

/* The result of a write */

/* Notes that a block is offline on its way to another class, which comes next. */
static void change_next(Job *job, JobStep *step, Block *block)
{
        step->state = STEP_CHANGING;
        job->changing = (size_t) (step - job->steps);
        block->status = BLOCK_STATUS_WRITING;
        aim_block(block, step, next_verdict(job, step));
}

/* Takes a failed write that left the block as it was before the step. */
static void step_came_to_nothing(Job *job, JobStep *step, Block *block, int error)
{
        block_restore(block, &step->saved);
        if (job->state == JOB_STATE_CANCELLING && (error == -ECANCELED || error == -EINTR)) {
                step->state = STEP_WAITING;
                return;
        }
        step->timed_out = error == -ETIMEDOUT;
        if (error == 0 || error == -ETIMEDOUT)
                error = -EBUSY;
        step_refused(job, step, error == -ECANCELED ? -EINTR : error);
}

static BlockStatus requested_status(const JobStep *step)
{
        return step->step.has_decision ? BLOCK_STATUS_DONE : BLOCK_STATUS_REQUESTED;
}

static void job_after_offline(Job *job, JobStep *step, Block *block, int error)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (block->state == BLOCK_OFFLINE && job_changes(job)) {
                change_next(job, step, block);
        } else if (block->state == BLOCK_OFFLINE && is_undoing) {
                block_restore(block, &step->saved);
                step_undone(job, step);
        } else if (block->state == BLOCK_OFFLINE) {
                track_offlined_by(block, ONLINER_MEMORYD);
                step_done(job, step, true);
        } else if (is_undoing) {
                block->status = requested_status(step);
                step_stays_done(step, error < 0 ? error : -EBUSY);
        } else {
                step_came_to_nothing(job, step, block, error);
        }
}

/* Sets the status of a block that is as the request asked. */
static void block_is_requested(const Job *job, Block *block, const JobStep *step, int error,
                               uint64_t realtime_usec)
{
        if (job->request.kind == JOB_KIND_RESTORE) {
                block->decision = step->saved.decision;
                block->status = block->rollback.status;
                block->onliner = block->rollback.onliner;
        } else {
                aim_block(block, step, step->step.to);
                block->status = requested_status(step);
                block->onliner = error < 0 ? ONLINER_OTHER : ONLINER_MEMORYD;
                block->rollback.is_set = false;
        }
        block->onlined_usec = realtime_usec;
        block->attempts = 0;
        block->error = 0;
        block->retry_at_usec = USEC_INFINITY;
}

void job_onlined(Job *job, JobStep *step, Block *block, int error, uint64_t realtime_usec)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING,
             is_accepted = verdict_accepts(job->writing, block_class(block)),
             is_requested = is_accepted && step->restoring == is_undoing;

        if (!is_accepted) {
                /* The kernel or another process was faster. */
                block->decision = step->saved.decision;
                track_onlined_by(block, ONLINER_OTHER);
        } else if (is_requested) {
                block_is_requested(job, block, step, error, realtime_usec);
        } else {
                block_restore(block, &step->saved);
        }

        if (is_undoing && is_accepted && !is_requested)
                step_undone(job, step);
        else if (is_undoing)
                step_stays_done(step, is_accepted ? step->error : -ESTALE);
        else if (is_requested)
                step_done(job, step, true);
        else
                step_failed(job, step, is_accepted || step->restoring ? step->error : -ESTALE);
}

/* Takes a write after which the block is still offline. */
static void job_not_onlined(Job *job, JobStep *step, Block *block, int error)
{
        if (error == 0)
                error = -EAGAIN;
        if (!job_changes(job) && job->state == JOB_STATE_UNDOING) {
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
                step_failed(job, step, step->error);
        }
}

/* Takes a write to a block that is gone. It counts as offline, for good. */
static void job_gone(Job *job, JobStep *step, Block *block)
{
        bool is_undoing = job->state == JOB_STATE_UNDOING;

        if (block)
                block_restore(block, &step->saved);
        if (step->step.to == VERDICT_NONE && !is_undoing)
                step_done(job, step, false);
        else if (is_undoing && !job_changes(job))
                step_stays_done(step, -ENOENT);
        else
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

/* The next write */

/*
 * Whether a block is kernel memory on the node of another block. Kernel memory that is still being written
 * counts if that other block is offline, but not if it is online and would leave its class.
 */
static bool is_kernel_beside(const Block *kernel, const Block *block)
{
        return kernel != block && kernel->node == block->node &&
               plan_class(kernel) == ZONE_CLASS_KERNEL &&
               (kernel->state == BLOCK_ONLINE || block->state == BLOCK_OFFLINE);
}

bool step_is_unsafe(Job *job, const JobStep *step, const Machine *machine, const Block *block,
                    ZoneClass to)
{
        const Block *found = machine_find_block(machine, job->kernel_block);
        bool has_movable = to == ZONE_CLASS_MOVABLE;

        if (to == ZONE_CLASS_KERNEL ||
            (to == ZONE_CLASS_NONE && block_class(block) != ZONE_CLASS_KERNEL) ||
            step->step.movable_node || block->node == NODE_NONE ||
            (found && is_kernel_beside(found, block)))
                return false;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *other = &machine->blocks[i];

                if (is_kernel_beside(other, block)) {
                        job->kernel_block = other->id;
                        return false;
                }
                has_movable |= other != block && other->node == block->node &&
                               plan_class(other) == ZONE_CLASS_MOVABLE;
        }
        return has_movable;
}

/* Begins the write for a verdict. A block that is online goes offline first, in this time. */
static void job_write(Job *job, JobStep *step, Block *block, Verdict verdict, uint64_t offline_usec,
                      JobWrite *ret)
{
        bool is_offline = block->state == BLOCK_OFFLINE;

        step->state = STEP_WRITING;
        job->current = (size_t) (step - job->steps);
        job->changing = job->n_steps;
        job->writing = is_offline ? verdict : VERDICT_NONE;
        block->status = is_offline ? BLOCK_STATUS_WRITING : BLOCK_STATUS_OFFLINING;
        if (is_offline)
                aim_block(block, step, verdict);
        *ret = (JobWrite){
                .block = block->id,
                .verdict = job->writing,
                .timeout_usec = is_offline ? 0 : MAX(offline_usec, USEC_PER_MSEC),
                .movable_node = step->step.movable_node,
        };
}

/* Whether a step has nothing left to write. If so, ends the step. */
static bool step_is_settled(Job *job, JobStep *step, Block *block)
{
        Verdict to = step->step.to;
        bool is_offline = !block || block->state == BLOCK_OFFLINE;

        if (to == VERDICT_NONE && !is_offline)
                return false;
        if (block && to == VERDICT_NONE && block->status != BLOCK_STATUS_OFFLINED)
                track_offlined_by(block, ONLINER_OTHER);
        if (to == VERDICT_NONE ||
            (block && block->state == BLOCK_ONLINE && verdict_accepts(to, block_class(block)))) {
                step_done(job, step, false);
                return true;
        }
        /* The block is gone, or another process has changed it since the selection. Its change stays. */
        if (is_offline != job_changes(job) && block)
                return false;
        step_failed(job, step, block ? -ESTALE : -ENOENT);
        return true;
}

/* Returns the time that a block may take to go offline: its share of the time that is left. */
static uint64_t job_share(const Job *job, uint64_t now_usec, uint64_t offline_timeout_usec)
{
        uint64_t left = job->is_second_round ? job->n_again + 1 : job->n_steps - job->next + 1;
        uint64_t rest_usec = job->deadline_usec - now_usec, share_usec = USEC_INFINITY;

        if (job->deadline_usec != USEC_INFINITY)
                share_usec = MIN(MAX(rest_usec / left, USEC_PER_SEC), rest_usec);
        return MIN(share_usec, offline_timeout_usec);
}

static void job_next_step(Job *job, Machine *machine, uint64_t now_usec,
                          uint64_t offline_timeout_usec, JobWrite *ret)
{
        JobStep *step;
        Block *block;

        if (job_is_over(job, now_usec))
                return;
        if (job->next == job->n_steps) {
                job->is_second_round = true;
                job->next = 0;
        }
        step = &job->steps[job->next++];
        if (step->state != STEP_WAITING)
                return;
        if (job->is_second_round)
                job->n_again--;
        block = step_block(step, machine);
        if (step_is_settled(job, step, block))
                return;
        if (step_is_unsafe(job, step, machine, block, verdict_class(step->step.to, block))) {
                step_refused(job, step, -EPERM);
                return;
        }
        step->saved = block_save(block);
        job_write(job, step, block, step->step.to, job_share(job, now_usec, offline_timeout_usec),
                  ret);
}

/* Finds the second write of a set-zone step. */
static void job_next_change(Job *job, Machine *machine, JobWrite *ret)
{
        JobStep *step = &job->steps[job->changing];
        Block *block = step_block(step, machine);

        job->changing = job->n_steps;
        if (!block) {
                step_failed(job, step, -ENOENT);
                return;
        }
        if (job->state != JOB_STATE_UNDOING && !step->restoring &&
            step_is_unsafe(job, step, machine, block, verdict_class(step->step.to, block))) {
                step->restoring = true;
                step->error = -EPERM;
        }
        if (block->state == BLOCK_OFFLINE) {
                job_write(job, step, block, next_verdict(job, step), 0, ret);
                return;
        }
        job->writing = next_verdict(job, step);
        job_onlined(job, step, block, -EEXIST, 0);
}

static void job_next_undo(Job *job, Machine *machine, uint64_t now_usec,
                          uint64_t offline_timeout_usec, JobWrite *ret)
{
        JobStep *step;
        Block *block;

        if (job->next == 0 || now_usec >= job->undo_until_usec) {
                job->state = job->end;
                return;
        }
        step = &job->steps[--job->next];
        block = step_block(step, machine);
        if (step->state != STEP_DONE || !step->is_ours || !block)
                return;
        if (block_class(block) == step->step.from)
                step_undone(job, step);
        else if ((block->state == BLOCK_OFFLINE) != (step->step.to == VERDICT_NONE))
                return; /* another process has changed the block since: its change stays */
        else if (step_is_unsafe(job, step, machine, block, step->step.from))
                step->error = -EPERM;
        else
                job_write(job, step, block, former_verdict(step),
                          MIN(offline_timeout_usec, job->undo_until_usec - now_usec), ret);
}

void job_start(Job *job, uint64_t now_usec)
{
        uint64_t timeout_usec = job->request.timeout_usec;

        if (job->state != JOB_STATE_QUEUED)
                return;
        job->state = JOB_STATE_RUNNING;
        if (timeout_usec > 0 && timeout_usec < USEC_INFINITY - now_usec)
                job->deadline_usec = now_usec + timeout_usec;
}

int job_next(Job *job, Machine *machine, uint64_t now_usec, uint64_t offline_timeout_usec,
             JobWrite *ret)
{
        assert(job->current == job->n_steps);
        job_start(job, now_usec);
        while (job->current == job->n_steps && !job_state_is_end(job->state)) {
                if (job->changing < job->n_steps)
                        job_next_change(job, machine, ret);
                else if (job->state == JOB_STATE_UNDOING)
                        job_next_undo(job, machine, now_usec, offline_timeout_usec, ret);
                else
                        job_next_step(job, machine, now_usec, offline_timeout_usec, ret);
        }
        return job->current < job->n_steps;
}
