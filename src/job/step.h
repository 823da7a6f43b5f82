/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/job.h"

/* Functions that job.c, step.c and whole.c share. */

static inline bool job_changes(const Job *job)
{
        return job->request.kind != JOB_KIND_ONLINE && job->request.kind != JOB_KIND_OFFLINE;
}

/* Returns the block of a step, or NULL if it is gone or another block has come in its place. */
static inline Block *step_block(const JobStep *step, const Machine *machine)
{
        Block *block = machine_find_block(machine, step->step.block);

        return block && block->inode == step->step.inode ? block : NULL;
}

SavedState block_save(const Block *block);
void block_restore(Block *block, const SavedState *saved);

/* Ends a step as failed, for good. A step that is being undone was done before. */
void step_failed(Job *job, JobStep *step, int error);

/* Whether a job has no more steps to take. If so, ends the job or begins to undo it. */
bool job_is_over(Job *job, uint64_t now_usec);

/* Takes a block that is online after its write, or was online before the write was due. */
void job_onlined(Job *job, JobStep *step, Block *block, int error, uint64_t realtime_usec);

/*
 * Whether a step would leave its node with movable memory only, with its block in this class. Checked just
 * before the write, because another process may have changed blocks since the selection, or writes may have
 * failed. The kernel memory that the last call found is tried first, so that most writes need no walk through
 * all blocks.
 */
bool step_is_unsafe(Job *job, const JobStep *step, const Machine *machine, const Block *block,
                    ZoneClass to);
