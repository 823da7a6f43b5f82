/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/ctl.h"

/* What the verbs that start, watch and end jobs share. */

/* request.c: what online, offline and set-zone are asked for on the command line. */
typedef struct JobRequest {
        BlockSpan *blocks; /* owned */
        size_t n_blocks;
        bool has_node;
        uint32_t node;
        const char *device; /* or NULL */
        bool has_size;
        uint64_t size_bytes;
        const char *zone; /* "movable", "kernel", or NULL */
        bool has_percent;
        uint32_t movable_percent;
        bool has_movable_bytes;
        uint64_t movable_bytes;
        uint64_t timeout_usec; /* 0: none */
} JobRequest;

/*
 * Reads the options and what follows the verb. EXIT_SUCCESS, or an exit code when the fault has been
 * printed; job_request_done() is right either way for a request that was zeroed.
 */
int job_request_parse(const char *verb, int argc, char **argv, JobRequest *request);
void job_request_done(JobRequest *request);

/* Appends it as Online(), Offline() and SetZone() take it. 0, or negative errno. */
int job_request_append(sd_bus_message *message, const JobRequest *request);

/* report.c: a job as its properties, and in the end its report, tell of it. */

typedef struct JobFailure {
        uint32_t block;
        int32_t error; /* positive errno */
        char *text;    /* owned */
} JobFailure;

/* Texts are owned, and NULL as long as nothing was said. */
typedef struct JobView {
        uint32_t id;
        char *kind;
        char *target;
        char *zone;
        char *state;
        char *message; /* of the report */
        uint32_t n_total;
        uint32_t n_done;
        uint32_t n_failed;
        uint32_t n_undone;
        bool has_current;
        int32_t current; /* the block it is at, -1: none */
        JobFailure *failures;
        size_t n_failures;
        BlockSpan *done; /* of the report: which blocks */
        size_t n_done_spans;
} JobView;

/* Takes over what an a{sv} says; the rest stays as it was. 0, or negative errno. */
int job_view_read(sd_bus_message *message, JobView *view);
void job_view_done(JobView *view);

/* The number of the job with this path, or 0 for another object. */
uint32_t job_path_to_id(const char *path);

#define JOB_PATH_MAX 48

/* Returns the buffer. */
const char *job_path_format(uint32_t id, char buffer[static JOB_PATH_MAX]);

/* One line for a block that failed, without a newline. 0, or -ENOMEM. */
int job_failure_format(const JobFailure *failure, char **ret);

/* Prints what a job that has ended came to, and returns the exit code that belongs to it. */
int job_report_print(uint32_t id, const char *result, const JobView *report);

/* progress.c: a bar for a terminal on stderr, else lines on stdout. */

typedef struct Progress {
        uint32_t id;
        uint64_t block_size_bytes;
        bool has_bar;
        bool is_named;     /* the line that says which job this is */
        size_t bar_width;  /* of what stands in the terminal now, 0: nothing */
        size_t bar_length; /* of the bar in it */
        uint32_t *told;    /* owned: blocks whose failure was told, by number */
        size_t n_told;
        uint64_t next_usec; /* not to show anything before, monotonic */
        char *shown;        /* owned: the last line, which is not repeated */
} Progress;

void progress_init(Progress *progress, uint32_t id, uint64_t block_size_bytes);

/*
 * Shows where the job is, unless that is too early: then the time when to come again is returned, else
 * USEC_INFINITY.
 */
uint64_t progress_update(Progress *progress, const JobView *view, uint64_t now_usec);

/* Clears the bar. */
void progress_clear(Progress *progress);
void progress_done(Progress *progress);
