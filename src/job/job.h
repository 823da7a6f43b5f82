/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/request.h"
#include "model/pages.h"
#include "policy/track.h"

/*
 * A job carries out a request: it has the steps, tells which write comes next, and takes the results of
 * writes. Pure: the time is an argument, and the caller makes the writes.
 */

typedef enum JobState {
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_CANCELLING, /* waits for the write that is under way */
        JOB_STATE_UNDOING,    /* undoes the steps that were done */
        /* The states of a job that has ended: */
        JOB_STATE_DONE,      /* all blocks are done */
        JOB_STATE_PARTLY,    /* some blocks are done */
        JOB_STATE_FAILED,    /* no block is done, or all were undone */
        JOB_STATE_CANCELLED, /* it was cancelled, whatever was done before */
        JOB_STATE_TIMED_OUT, /* its time was up, whatever was done before */
        _JOB_STATE_MAX,
        _JOB_STATE_INVALID = -EINVAL,
} JobState;

const char *job_state_to_string(JobState state); /* "queued", ..., "timed-out" */
JobState job_state_from_string(const char *word);
bool job_state_is_end(JobState state);

typedef enum StepState {
        STEP_WAITING,
        STEP_WRITING,  /* its write is under way */
        STEP_CHANGING, /* in set-zone: the block is offline, and its new class comes next */
        STEP_DONE,
        STEP_FAILED,
        STEP_UNDONE, /* was done, and the block is again as before */
} StepState;

/* The fields of a block before its first write, to be restored if the job does not change the block. */
typedef struct SavedState {
        BlockStatus status;
        Decision decision;
        Onliner onliner;
        Onliner offliner;
        uint64_t onlined_usec;
} SavedState;

typedef struct JobStep {
        Step step;
        StepState state;
        int error;           /* of the last failed write: negative errno; -EBUSY if its time was up;
                           -EPERM for the last kernel memory of a node; -ESTALE if another process
                           has changed the block; -ENOENT if the block is gone; 0: none */
        bool timed_out;      /* the error is that its time was up */
        bool is_ours;        /* it was done by this job, not by another process */
        bool restoring;      /* in set-zone: the block is offline and gets its former class back */
        bool is_tried_whole; /* its device was written as a whole, or could not be */
        unsigned attempts;
        SavedState saved;
        PageCounts *held; /* owned: what held the block when it last did not go offline, or NULL */
} JobStep;

typedef struct Job {
        uint32_t id; /* never 0 */
        Request request;
        char *target; /* owned: request_format() */
        uint32_t uid; /* the user who asked; UINT32_MAX: memoryd itself */
        JobState state;
        JobState end;   /* while undoing: the state in which it will end */
        JobStep *steps; /* owned */
        size_t n_steps;
        /* Numbers of steps; the others were not tried. An undone step counts only as undone. */
        size_t n_done, n_failed, n_undone;
        size_t current;         /* the step of the write under way; n_steps: none */
        Verdict writing;        /* the verdict that this write asks for */
        size_t changing;        /* the step in STEP_CHANGING; n_steps: none */
        size_t next;            /* the step to look at next; while undoing, the step after it */
        bool is_second_round;   /* steps that failed are tried once more */
        size_t n_again;         /* steps that wait for the second round */
        uint32_t kernel_block;  /* the kernel memory that was last found on the node of a block */
        uint64_t deadline_usec; /* monotonic, or USEC_INFINITY; set when the job starts */
        uint64_t
                undo_until_usec; /* monotonic, or USEC_INFINITY: what is not undone by then stays */
        bool is_unplugged; /* its device has no blocks yet: the steps are as many as it will have at most,
                              with numbers that no block has */
        int device_error; /* of the write to a device as a whole: 0 or a negative errno */
} Job;

/*
 * Makes a job of a request and its selection, which are empty afterwards. Returns 0, or -ENOMEM with both
 * unchanged.
 */
int job_new(uint32_t id, uint32_t uid, Request *request, Selection *selection, Job **ret);
void job_free(Job *job);
DEFINE_CLEANUP(Job *, job_free)

/*
 * job_claim() makes the blocks of the steps part of the job: no plan decides on them, and no other request
 * takes them. job_release() frees them when the job has ended or will not run any further. A block that is
 * then offline on its way to another class becomes pending, so that the policy brings it back.
 */
void job_claim(const Job *job, Machine *machine);
void job_release(const Job *job, Machine *machine);

/* Points the decisions of a job to the rules of the policy that replaces theirs: see policy_remap(). */
void job_remap_rules(Job *job, const Policy *from, const Policy *to);

/* A write that a job asks for. */
typedef struct JobWrite {
        uint32_t block;
        Verdict verdict; /* VERDICT_NONE: offline */
        uint64_t
                timeout_usec; /* after which to interrupt it, at least 1 ms; 0: that of the writer */
        bool movable_node; /* the selection has accepted that the node loses its last kernel memory */
} JobWrite;

/*
 * Finds the next write of a job, and marks its block. Returns 1 and the write, or 0 if the job has ended, in
 * which case its state tells how. Steps that turn out to be done, or whose block is gone, are passed over.
 * The first call starts the job. No call is allowed while a write is under way.
 *
 * A step fails instead of taking the last kernel memory from a node with movable memory, or of bringing
 * movable memory to a node without kernel memory, unless the selection has accepted that.
 *
 * offline_timeout_usec is the time that a block may take to go offline. If the job has a timeout, a block may
 * take at most its share of the time that is left. A block that was not offline in its time is tried once
 * more at the end, in the time that is left then.
 */
int job_next(Job *job, Machine *machine, uint64_t now_usec, uint64_t offline_timeout_usec,
             JobWrite *ret);

/* A write to a dax device as a whole that a job asks for: see device.h. The kernel gives it new blocks. */
typedef struct JobDeviceWrite {
        char device[DEVICE_NAME_MAX];
        Verdict verdict; /* VERDICT_NONE: offline */
} JobDeviceWrite;

/*
 * Whether a job is to write a dax device as a whole before its next write: if it is to online all of a device
 * that has a state, in one class, or if it took offline what was left online of a device that was onlined as a
 * whole. job_device_outcome() is to follow. No call is allowed while a write is under way.
 */
bool job_next_device(Job *job, const Machine *machine, JobDeviceWrite *ret);

/* Starts a job that has not started. job_next() does so as well. */
void job_start(Job *job, uint64_t now_usec);

/*
 * Takes the result of that write, when the device and its new blocks were read: 0 or a negative errno. The job
 * takes over what is online, and goes on with single blocks that are offline. If the device has no blocks, the
 * job fails.
 */
void job_device_outcome(Job *job, Machine *machine, const JobDeviceWrite *write, int error,
                        uint64_t realtime_usec);

/*
 * Takes the result of the write, with the state and zones of the block that were read after it. error is 0 or
 * a negative errno: -ETIMEDOUT if its time was up, -ECANCELED if it was cancelled, -ENOENT if the block is
 * gone.
 */
void job_outcome(Job *job, Machine *machine, int error, BlockState state, const ZoneList *zones,
                 uint64_t realtime_usec);

/*
 * Takes what held the block that did not go offline, by the write whose result job_outcome() takes next. If memory is
 * short, it is not told.
 */
void job_note_held(Job *job, const PageCounts *pages);

/* Adds up what held the blocks that failed. */
void job_sum_held(const Job *job, PageCounts *ret);

/*
 * Cancels a job. It ends when the write under way has ended and a block on its way to another class is there.
 * A job that has not started ends at once. Returns false if the job has ended or is undoing.
 */
bool job_cancel(Job *job);

/*
 * Ends the step of a block as failed, unless it has begun or ended, and frees the block. For a block that
 * another process or the kernel has changed since the selection, and whose change is to stay.
 */
void job_drop_block(Job *job, Block *block);

/* Returns the block of the write under way, or -1 if there is none. */
int32_t job_current_block(const Job *job);

/*
 * Formats a sentence for a person about a failed step, "EBUSY: ..." by its errno, and what held the block. Returns 0
 * or -ENOMEM.
 */
int job_format_failure(const Job *job, const JobStep *step, char **ret);

/*
 * Formats a sentence about the result of a job: "Took 30 of 32 blocks (3.8G) of device PNP0C80:00 offline; 2
 * failed", and if asked for the causes ": memory37: EBUSY...". It also says that a device can be removed if all of
 * the device is offline.
 * Returns 0 or -ENOMEM.
 */
int job_format_report(const Job *job, const Machine *machine, bool with_causes, char **ret);
