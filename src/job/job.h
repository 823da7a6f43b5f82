/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/request.h"
#include "policy/track.h"

/*
 * A request on its way: its steps, which write comes next, what came of them. Pure: the time is an
 * argument, the writes are the caller's.
 */

typedef enum JobState {
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_CANCELLING, /* waits for the write that is under way */
        JOB_STATE_UNDOING,    /* takes back what was done */
        /* How it can end: */
        JOB_STATE_DONE,      /* all of it */
        JOB_STATE_PARTLY,    /* some blocks */
        JOB_STATE_FAILED,    /* no block, or all was undone */
        JOB_STATE_CANCELLED, /* at somebody's wish, whatever was done before */
        JOB_STATE_TIMED_OUT, /* the same, for the time was up */
        _JOB_STATE_MAX,
        _JOB_STATE_INVALID = -EINVAL,
} JobState;

const char *job_state_to_string(JobState state); /* "queued", ..., "timed-out" */
JobState job_state_from_string(const char *word);
bool job_state_is_end(JobState state);

typedef enum StepState {
        STEP_WAITING,
        STEP_WRITING,  /* the write under way is its */
        STEP_CHANGING, /* of set-zone: offline, its new class comes next */
        STEP_DONE,
        STEP_FAILED,
        STEP_UNDONE, /* was done, and is what it was before */
} StepState;

/* What a block was with memoryd before its first write, to be that again when nothing comes of it. */
typedef struct Former {
        BlockStatus status;
        Decision decision;
        Onliner onliner;
        Onliner offliner;
        uint64_t onlined_usec;
} Former;

typedef struct JobStep {
        Step step;
        StepState state;
        int error; /* of the last failed write, negative; -EBUSY when its time was up; -EPERM for the
                           last kernel memory of a node; -ESTALE when somebody else has changed the block;
                           -ENOENT when it is gone; 0 for none */
        bool timed_out; /* the error is that its time was up */
        bool is_ours;   /* what was done was done by this job */
        bool restoring; /* of set-zone: offline, and to be what it was again */
        unsigned attempts;
        Former former;
} JobStep;

typedef struct Job {
        uint32_t id; /* never 0 */
        Request request;
        char *target; /* owned: request_format() */
        uint32_t uid; /* who asked; UINT32_MAX: memoryd itself */
        JobState state;
        JobState end;   /* what it ends as, when that is decided before it has ended */
        JobStep *steps; /* owned */
        size_t n_steps;
        /* Of n_steps; the rest was not tried. What was undone counts as that alone. */
        size_t n_done, n_failed, n_undone;
        size_t current;         /* the step of the write under way; n_steps: none */
        Verdict writing;        /* what that asks for */
        size_t changing;        /* the step in STEP_CHANGING; n_steps: none */
        size_t next;            /* the step to look at next; of undoing the one after it */
        bool is_second_round;   /* of what is tried once more */
        size_t n_again;         /* waiting for that */
        uint64_t deadline_usec; /* monotonic, or USEC_INFINITY; set when it starts */
} Job;

/*
 * Takes request and selection over, which are empty afterwards. 0 or -ENOMEM, in which case they are as
 * they were.
 */
int job_new(uint32_t id, uint32_t uid, Request *request, Selection *selection, Job **ret);
void job_free(Job *job);
DEFINE_CLEANUP(Job *, job_free)

/*
 * The blocks of the steps become the job's: no plan decides on them, and no other request takes them.
 * And free again, once it has ended or will not be run any further: what was offline on its way to another
 * class is pending then, the policy's to bring back.
 */
void job_claim(const Job *job, Machine *machine);
void job_release(const Job *job, Machine *machine);

/* Finds the rules of what was decided in the policy that replaces theirs: see policy_remap(). */
void job_remap_rules(Job *job, const Policy *from, const Policy *to);

/* A write that a job wants to be made. */
typedef struct JobWrite {
        uint32_t block;
        Verdict verdict;       /* VERDICT_NONE: offline */
        uint64_t timeout_usec; /* after which to interrupt it, at least 1 ms; 0: never */
} JobWrite;

/*
 * The next write, for which the block is marked: 1 and the write, or 0 when the job has ended, which its
 * state tells then. Steps that turn out to be done, or whose block is gone, are passed over. A job starts
 * with the first call. No call while a write is under way.
 *
 * Before a step takes the last kernel memory from a node that has movable memory, or brings movable memory
 * to one without kernel memory, it fails, unless the selection has accepted that.
 *
 * offline_timeout_usec is what one block may take to go offline. With a timeout of the whole job it is
 * shared among the blocks that are left, and a block that was not done in its time is tried once more at
 * the end, with what time is left then.
 */
int job_next(Job *job, Machine *machine, uint64_t now_usec, uint64_t offline_timeout_usec,
             JobWrite *ret);

/*
 * What came of the write, as the block was re-read: error is 0 or negative, -ETIMEDOUT when its time was
 * up, -ECANCELED when it was cancelled, -ENOENT when the block is gone.
 */
void job_outcome(Job *job, Machine *machine, int error, BlockState state, const ZoneList *zones,
                 uint64_t realtime_usec);

/*
 * Ends the job as soon as the write under way has, and a block on its way to another class is there; one
 * that has not started at once. Returns false when it has ended or is undoing.
 */
bool job_cancel(Job *job);

/* The block of the write under way, -1 for none. */
int32_t job_current_block(const Job *job);

/* A sentence for a person about a step that failed, "EBUSY: ..." with the name of its errno. 0 or -ENOMEM. */
int job_format_failure(const Job *job, const JobStep *step, char **ret);

/*
 * One sentence about what it came to: "Took 30 of 32 blocks (3.8G) of device PNP0C80:00 offline; 2 failed:
 * memory37: EBUSY...". Of a device that is offline as a whole also that it can be removed. 0 or -ENOMEM.
 */
int job_format_report(const Job *job, const Machine *machine, char **ret);
