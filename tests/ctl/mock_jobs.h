/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/*
 * The jobs of mock_memoryd. Two are there when it is told so, and a third is made by Online(),
 * Offline() and SetZone(). Environment variables say what becomes of that:
 *
 * MOCK_REFUSE  "NAME SENTENCE": the call is refused with that error.
 * MOCK_JOB     words, of which one is taken each MOCK_TICK_MSEC (1):
 *              34       block 34 is done
 *              !34      block 34 fails with EBUSY
 *              wait     goes on when a client calls Cancel(), or with the event "go"
 *              undone   a block that was done is undone
 *              keep     Cancel() is denied from now on
 *              die      mock_memoryd ends
 *              done, partly, failed, cancelled, timed-out
 *                       the job ends so
 *              early    as the first word: it all happens before the call is replied to
 * MOCK_PREVIEW what Preview() answers, which an earlier memoryd does not have: a line for each change, "1 movable
 *              none 40-41,47 16 8": node, class before and after, blocks, and the numbers of blocks of the node and
 *              of its movable ones. A first line "!NAME SENTENCE" refuses the request with that error: always if it
 *              is the only line, else unless the request has Force.
 * MOCK_LOG     a file to which each call that changes something is appended.
 *
 * The target of that job is the request as it came, such as "Node=1 Size=268435456".
 */

int mock_jobs_start(sd_bus *bus, sd_event *event, bool has_jobs);

/* Makes a job as if another client had asked for it. */
int mock_jobs_make(sd_bus *bus);

/* Tells of the first that was there. */
int mock_jobs_tell(sd_bus *bus);

/* Has a script go on that waits. */
int mock_jobs_go(sd_bus *bus);

/* Appends a line to MOCK_LOG. */
void mock_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

int mock_method_job(sd_bus_message *message, void *userdata, sd_bus_error *error);
int mock_method_preview(sd_bus_message *message, void *userdata, sd_bus_error *error);
int mock_method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error);
