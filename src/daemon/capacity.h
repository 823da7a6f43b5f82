/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/*
 * A file with the memory that is online, for programs that size themselves by it and do not speak D-Bus. It is
 * replaced when a burst, a job or a change by another program is over, and nothing has changed for five seconds.
 *
 * Each time, a second file with the same text comes first. A program that acts on changes removes that file: as
 * long as it is there, a change was not acted on. A path unit with PathExists= loses no change that way, whatever is
 * killed, and whenever. With PathChanged=, a change while the service ends would be lost.
 */

#define CAPACITY_FILE "capacity"
#define CAPACITY_CHANGED_FILE "capacity-changed"

/* The longest text of these files: three lines with a name and a number of up to 20 digits. */
#define CAPACITY_TEXT_MAX 160

typedef struct Capacity {
        const char *folder;
        char seen[CAPACITY_TEXT_MAX];    /* the text for the figures of the last call */
        char written[CAPACITY_TEXT_MAX]; /* the text of the file; "" if it is not known */
        uint64_t due_usec;               /* when to write what was seen */
        bool failed;                     /* the last attempt failed, and was logged */
} Capacity;

/* Reads the file that an earlier memoryd has left, so that it is written only if the figures have changed. */
void capacity_recall(Capacity *capacity);

/*
 * Writes both files if the figures differ from those in the file, nothing is being done (`is_busy`), and five
 * seconds have passed since the last change. With `at_once`, does not wait. Logs the first failure, and tries again
 * after a minute, and at the next change. Returns the time of the next call, or USEC_INFINITY if none is needed
 * before the figures change or memoryd is not busy any more.
 */
uint64_t capacity_run(Capacity *capacity, const Totals *totals, bool is_busy, bool at_once,
                      uint64_t now_usec);

/*
 * Links the name that other programs know, in the folder above `folder`, to the file. Returns 0, also if there is
 * something of this name, or a negative errno.
 */
int capacity_link(const char *folder);
