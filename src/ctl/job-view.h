/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

/* Declarations for the verbs that start, watch and end jobs. */

/*
 * request.c: a request for online, offline or set-zone, from the command line. Checks the options, and reads
 * the arguments after the verb. Returns EXIT_SUCCESS, or an exit code after printing the fault. The caller
 * frees the ranges in either case.
 */
int job_request_parse(const char *verb, int argc, char **argv, WordRange **ret_words,
                      size_t *ret_n_words);

/* Appends the request as Online(), Offline() and SetZone() take it. Returns 0 or a negative errno. */
int job_request_append(sd_bus_message *message, const BlockRange *blocks, size_t n_blocks);

/*
 * preview.c: asks memoryd what a request of this kind ("online", ...) would do, says it, and asks the user if it
 * takes most of a node's movable memory or cannot be undone. EXIT_SUCCESS to go on, or an exit code after printing
 * why not: memoryd refuses the request, or the user declined.
 */
int preview_change(sd_bus *bus, const char *kind, const BlockRange *blocks, size_t n_blocks,
                   uint64_t block_size_bytes);

/* job-view.c: the properties of a job, its progress, and its report once it has ended. */

typedef struct JobFailure {
        uint32_t block;
        int32_t error; /* positive errno */
        const char *text;
} JobFailure;

/* The texts are owned. They are NULL until a property or the report sets them. */
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
        int32_t current; /* the block that is being written; -1: none */
        JobFailure *failures;
        size_t n_failures;
        sd_bus_message *failures_message; /* owned: it has their texts */
        char **advice;                    /* of the report, owned; NULL: none */
        BlockRange *done;                 /* of the report: the blocks that are done */
        size_t n_done_spans;
} JobView;

/* Takes the values from an a{sv}. Other members keep theirs. Returns 0 or a negative errno. */
int job_view_read(sd_bus_message *message, JobView *view);
void job_view_done(JobView *view);

/* Asks for the properties of a job, for job_view_read(). Returns 0 or a negative errno. */
int job_ask(sd_bus *bus, uint32_t id, sd_bus_message_handler_t handler, void *userdata);

/* Returns the id of the job with this path, or 0 if the path is not that of a job. */
uint32_t job_path_to_id(const char *path);

#define JOB_PATH_MAX 48

/* Returns the buffer. */
const char *job_path_format(uint32_t id, char buffer[static JOB_PATH_MAX]);

/* Prints the result of a job that has ended. Returns the exit code for that result. */
int job_report_print(const char *result, const JobView *report);

/*
 * Calls a function with a line for each failure of a report: "memory33: EBUSY: ..."; blocks that failed alike have
 * one line. Returns 0 or -ENOMEM.
 */
int job_failures_print(const JobView *report, void (*print)(const char *line, void *userdata),
                       void *userdata);

/* Adds the result to an object, which is taken over and returned. NULL if memory is short. */
json_object *json_report(json_object *object, const char *result, const JobView *report);

/* Shows a bar on stderr if that is a terminal, else lines on stdout. */
typedef struct Progress {
        uint64_t block_size_bytes;
        bool has_bar;
        size_t bar_width;   /* of the bar and its text in the terminal; 0: nothing is shown */
        size_t bar_length;  /* of the bar alone */
        uint64_t next_usec; /* show nothing before this time, monotonic */
        char *shown;        /* owned: the last line, which is not repeated */
} Progress;

/*
 * Shows the progress of the job, and returns USEC_INFINITY. If it is too early to show anything, returns the
 * time of the next call instead.
 */
uint64_t progress_update(Progress *progress, const JobView *view, uint64_t now_usec);

/* Clear the bar. progress_done() also frees all that the progress owns. */
void progress_clear(Progress *progress);
void progress_done(Progress *progress);
