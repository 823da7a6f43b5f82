/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/udev-match.h"

/*
 * Which lines of a file of udev rules write the states of memory blocks. The text is run through as
 * udev(7) would for the events of a memory block: what a line matches on is known to hold, known not to,
 * or open, GOTO included, and a line that may be reached and may match counts.
 */

typedef struct UdevWrite {
        unsigned line; /* the first, of one that is continued; from 1 on */
        char *text;    /* owned: the part that writes, as it is in the file */
} UdevWrite;

typedef struct UdevWrites {
        UdevWrite *writes; /* owned, by line */
        size_t n_writes;
} UdevWrites;

void udev_writes_done(UdevWrites *writes);

/*
 * Adds the lines of a text that write, each once. What udev does not take for a rule is passed over, as
 * udev does. 0 or -ENOMEM.
 */
int udev_rules_parse(const char *text, const UdevHost *host, UdevWrites *writes);
