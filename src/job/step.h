/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"

/* Functions that the parts of a job share. */

static inline bool job_changes(const Job *job)
{
        return job->request.kind == JOB_KIND_SET_ZONE || job->request.kind == JOB_KIND_REBALANCE;
}

/* Returns the verdict that brings a block back to the class it was in before its step. */
static inline Verdict step_former_verdict(const JobStep *step)
{
        return step->step.from == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL;
}

/* Returns the verdict of the next write of a step in STEP_CHANGING. */
static inline Verdict step_next_verdict(const Job *job, const JobStep *step)
{
        bool back = step->restoring != (job->state == JOB_STATE_UNDOING);

        return back ? step_former_verdict(step) : step->step.to;
}

/* Returns the block of a step, or NULL if it is gone or another block has come in its place. */
static inline Block *step_block(const JobStep *step, const Machine *machine)
{
        Block *block = machine_find_block(machine, step->step.block);

        return block && block->inode == step->step.inode ? block : NULL;
}

/*
 * Sets the decision of a block, which counts for plans while a write for this verdict is under way and
 * afterwards.
 */
void step_aim(const JobStep *step, Block *block, Verdict verdict);

/* End a step as done or undone. */
void step_done(Job *job, JobStep *step, bool is_ours);
void step_undone(Job *job, JobStep *step);

/* Ends a step as failed, for good. */
void step_failed(Job *job, JobStep *step, int error);

/* Takes the failure of a step. In the first round the step may be tried once more. */
void step_refused(Job *job, JobStep *step, int error);

void saved_state_take(SavedState *saved, const Block *block);
void saved_state_restore(const SavedState *saved, Block *block);

/* Takes a block that is online after its write, or was online before the write was due. */
void job_onlined(Job *job, JobStep *step, Block *block, int error, uint64_t realtime_usec);
