/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the next write of a job. */

#include "job/step.h"

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

/* Whether a job has no more steps to take. If so, ends the job or begins to undo it. */
static bool job_is_over(Job *job, uint64_t now_usec)
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

/* Returns the time that a block may take to go offline: its share of the time that is left. */
static uint64_t job_share(const Job *job, uint64_t now_usec, uint64_t offline_timeout_usec)
{
        uint64_t left = job->is_second_round ? job->n_again + 1 : job->n_steps - job->next + 1;
        uint64_t rest_usec = job->deadline_usec - now_usec, share_usec;

        if (job->deadline_usec == USEC_INFINITY)
                return MAX(offline_timeout_usec, USEC_PER_MSEC);
        share_usec = MIN(MAX(rest_usec / left, USEC_PER_SEC), rest_usec);
        return MAX(MIN(share_usec, offline_timeout_usec), USEC_PER_MSEC);
}

/*
 * Whether a block is kernel memory on the node of another block. Kernel memory that is still being written counts
 * if that other block is offline, but not if it is online and would leave its class.
 */
static bool is_kernel_beside(const Block *kernel, const Block *block)
{
        return kernel != block && kernel->node == block->node &&
               plan_class(kernel) == ZONE_CLASS_KERNEL &&
               (kernel->state == BLOCK_ONLINE || block->state == BLOCK_OFFLINE);
}

/*
 * Whether the node of a block would have movable memory only, with the block in this class. The kernel memory
 * that the last call found is tried first, so that most writes need no walk through all blocks.
 */
static bool leaves_movable_only(Job *job, const Machine *machine, const Block *block,
                                ZoneClass zone_class)
{
        const Block *found = machine_find_block(machine, job->kernel_block);
        bool has_movable = zone_class == ZONE_CLASS_MOVABLE;

        if (block->node == NODE_NONE || zone_class == ZONE_CLASS_KERNEL ||
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

/*
 * Whether a step would leave its node with movable memory only. Checked just before the write, because
 * another process may have changed blocks since the selection, or writes may have failed.
 */
static bool step_is_unsafe(Job *job, const JobStep *step, const Machine *machine,
                           const Block *block, ZoneClass to)
{
        bool matters = to == ZONE_CLASS_MOVABLE ||
                       (to == ZONE_CLASS_NONE && block_class(block) == ZONE_CLASS_KERNEL);

        return matters && !step->step.movable_node && leaves_movable_only(job, machine, block, to);
}

static void job_write(Job *job, JobStep *step, Block *block, Verdict verdict, uint64_t timeout_usec,
                      JobWrite *ret)
{
        step->state = STEP_WRITING;
        job->current = (size_t) (step - job->steps);
        job->changing = job->n_steps;
        job->writing = verdict;
        block->status = verdict == VERDICT_NONE ? BLOCK_STATUS_OFFLINING : BLOCK_STATUS_WRITING;
        if (verdict != VERDICT_NONE)
                step_aim(step, block, verdict);
        *ret = (JobWrite){ block->id, verdict, timeout_usec };
}

/* Whether a step has nothing left to write. If so, ends the step. */
static bool step_is_settled(Job *job, JobStep *step, Block *block)
{
        Verdict to = step->step.to;

        if (!block) {
                if (to == VERDICT_NONE)
                        step_done(job, step, false);
                else
                        step_failed(job, step, -ENOENT);
                return true;
        }
        if (to == VERDICT_NONE) {
                if (block->state != BLOCK_OFFLINE)
                        return false;
                if (block->status != BLOCK_STATUS_OFFLINED)
                        track_offlined_by(block, ONLINER_OTHER);
                step_done(job, step, false);
                return true;
        }
        if (block->state == BLOCK_ONLINE && verdict_accepts(to, block_class(block))) {
                step_done(job, step, false);
                return true;
        }
        /* Another process has changed the block since the selection. Its change stays. */
        if ((block->state == BLOCK_OFFLINE) == job_changes(job)) {
                step_failed(job, step, -ESTALE);
                return true;
        }
        return false;
}

static bool job_next_step(Job *job, Machine *machine, uint64_t now_usec,
                          uint64_t offline_timeout_usec, JobWrite *ret)
{
        JobStep *step;
        Block *block;

        if (job_is_over(job, now_usec))
                return false;
        if (job->next == job->n_steps) {
                job->is_second_round = true;
                job->next = 0;
        }
        step = &job->steps[job->next++];
        if (step->state != STEP_WAITING)
                return false;
        if (job->is_second_round)
                job->n_again--;
        block = step_block(step, machine);
        if (step_is_settled(job, step, block))
                return false;
        if (step_is_unsafe(job, step, machine, block, verdict_class(step->step.to, block))) {
                step_refused(job, step, -EPERM);
                return false;
        }
        saved_state_take(&step->saved, block);
        if (block->state == BLOCK_OFFLINE)
                job_write(job, step, block, step->step.to, 0, ret);
        else
                job_write(job, step, block, VERDICT_NONE,
                          job_share(job, now_usec, offline_timeout_usec), ret);
        return true;
}

/* Finds the second write of a set-zone step. */
static bool job_next_change(Job *job, Machine *machine, JobWrite *ret)
{
        JobStep *step = &job->steps[job->changing];
        Block *block = step_block(step, machine);
        Verdict verdict;

        job->changing = job->n_steps;
        if (!block) {
                job->n_done -= job->state == JOB_STATE_UNDOING;
                step_failed(job, step, -ENOENT);
                return false;
        }
        if (job->state != JOB_STATE_UNDOING && !step->restoring &&
            step_is_unsafe(job, step, machine, block, verdict_class(step->step.to, block))) {
                step->restoring = true;
                step->error = -EPERM;
        }
        verdict = step_next_verdict(job, step);
        if (block->state == BLOCK_OFFLINE) {
                job_write(job, step, block, verdict, 0, ret);
                return true;
        }
        job->writing = verdict;
        job_onlined(job, step, block, -EEXIST, 0);
        return false;
}

/* Whether a step is to be undone, and its block is still as the job has left it. */
static bool step_is_undoable(Job *job, JobStep *step, const Block *block)
{
        bool is_offline = block && block->state == BLOCK_OFFLINE;

        if (step->state != STEP_DONE || !step->is_ours || !block)
                return false;
        if (block_class(block) == step->step.from) {
                step_undone(job, step);
                return false;
        }
        return is_offline == (step->step.to == VERDICT_NONE);
}

static bool job_next_undo(Job *job, Machine *machine, uint64_t offline_timeout_usec, JobWrite *ret)
{
        JobStep *step;
        Block *block;

        if (job->next == 0) {
                job->state = job->end;
                return false;
        }
        step = &job->steps[--job->next];
        block = step_block(step, machine);
        if (!step_is_undoable(job, step, block))
                return false;
        if (step_is_unsafe(job, step, machine, block, step->step.from)) {
                step->error = -EPERM;
                return false;
        }
        if (block->state == BLOCK_OFFLINE)
                job_write(job, step, block, step_former_verdict(step), 0, ret);
        else
                job_write(job, step, block, VERDICT_NONE, MAX(offline_timeout_usec, USEC_PER_MSEC),
                          ret);
        return true;
}

static void job_start(Job *job, uint64_t now_usec)
{
        if (job->state != JOB_STATE_QUEUED)
                return;
        job->state = JOB_STATE_RUNNING;
        if (job->request.timeout_usec > 0 && job->request.timeout_usec < USEC_INFINITY - now_usec)
                job->deadline_usec = now_usec + job->request.timeout_usec;
}

int job_next(Job *job, Machine *machine, uint64_t now_usec, uint64_t offline_timeout_usec,
             JobWrite *ret)
{
        bool has_write = false;

        assert(job->current == job->n_steps);
        job_start(job, now_usec);
        while (!has_write && !job_state_is_end(job->state)) {
                if (job->changing < job->n_steps)
                        has_write = job_next_change(job, machine, ret);
                else if (job->state == JOB_STATE_UNDOING)
                        has_write = job_next_undo(job, machine, offline_timeout_usec, ret);
                else
                        has_write =
                                job_next_step(job, machine, now_usec, offline_timeout_usec, ret);
        }
        return has_write;
}
