/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* The list of findings that verify makes. */

typedef struct Finding {
        const char *check; /* "udev-rule", "auto-online", ...: see org.memoryd1(5) */
        char *subject;     /* owned: a file and line, a path, a word, a node, a range of blocks */
        char *text;        /* owned: one sentence, what is wrong */
        char *advice;      /* owned: one sentence, what to do */
} Finding;

typedef struct Findings {
        Finding *findings; /* owned, check by check */
        size_t n_findings;
} Findings;

void findings_done(Findings *findings);

/*
 * Adds a finding, which takes the strings over; NULL in place of one is a lack of memory. 0 or -ENOMEM.
 */
int findings_add(Findings *findings, const char *check, char *subject, char *text, char *advice);

/* A string for one of these, NULL for a lack of memory. */
char *finding_text(const char *format, ...) _printf_(1, 2);
