/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/job.h"

/* What the parts of a job share. */

static inline bool job_changes(const Job *job)
{
        return job->request.kind == JOB_KIND_SET_ZONE || job->request.kind == JOB_KIND_REBALANCE;
}

/* What makes a block again what it was before its step. */
static inline Verdict step_former_verdict(const JobStep *step)
{
        return step->step.from == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL;
}

/* The class that comes next of a step in STEP_CHANGING. */
static inline Verdict step_next_verdict(const Job *job, const JobStep *step)
{
        bool back = step->restoring != (job->state == JOB_STATE_UNDOING);

        return back ? step_former_verdict(step) : step->step.to;
}

/* NULL when it is gone, or another one has come in its place. */
static inline Block *step_block(const JobStep *step, const Machine *machine)
{
        Block *block = machine_find_block(machine, step->step.block);

        return block && block->inode == step->step.inode ? block : NULL;
}

/* What counts for a plan while a write for this verdict is under way, and when it has succeeded. */
void step_aim(const JobStep *step, Block *block, Verdict verdict);

/* How a step ends. */
void step_done(Job *job, JobStep *step, bool is_ours);
void step_undone(Job *job, JobStep *step);

/* For good. */
void step_failed(Job *job, JobStep *step, int error);

/* It failed; in the first round it may be tried once more. */
void step_refused(Job *job, JobStep *step, int error);

void former_take(Former *former, const Block *block);
void former_restore(const Former *former, Block *block);

/* The block of a step is online, or was when the time came to write it. */
void job_onlined(Job *job, JobStep *step, Block *block, int error, uint64_t realtime_usec);
