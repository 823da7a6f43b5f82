/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

/*
 * Work that takes longer than a call may keep the event loop: it is done in a child process, with the state of
 * memoryd as it is now. The child has no socket and no other file but a pipe for its result, can open none, and
 * cannot fork. It is limited in time and memory, and the first that the kernel ends when memory is short.
 */

typedef struct Worker Worker;

/* The limits of the child, and of its result. */
#define WORKER_CPU_SEC 20
#define WORKER_USEC (60 * USEC_PER_SEC)
#define WORKER_DATA_MAX (256UL * 1024 * 1024)
#define WORKER_RESULT_MAX (8U * 1024 * 1024)

/* Runs in the child, and writes the result. Returns 0 or a negative errno. */
typedef int (*WorkerRun)(FILE *result, const void *userdata);

/*
 * Called from the event loop when the child has ended, unless worker_free() is called before. `r` is 0,
 * -ETIME if it took too long, -EFBIG if the result is longer than WORKER_RESULT_MAX, or -ECHILD if the child
 * failed. The result belongs to the worker, which has to be freed by the function.
 */
typedef void (*WorkerDone)(int r, const char *result, size_t size, void *userdata);

/* Starts a child. `input` is for the child, and needed only until this returns. Returns 0 or a negative errno. */
int worker_start(sd_event *event, WorkerRun run, const void *input, WorkerDone done, void *userdata,
                 Worker **ret);

/* Ends the child, if it has not ended yet. */
void worker_free(Worker *worker);
