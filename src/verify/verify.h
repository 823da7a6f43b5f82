/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "verify/feature.h"

/* Finds what works against the policy on this machine, for memoryctl verify. */

/*
 * A finding is a problem, which works against the policy, or a note: what an administrator may want to know,
 * but need not mend. What the policy leaves to other programs is never a problem.
 */
typedef struct Finding {
        bool is_note;
        const char *check; /* "udev-rule", "auto-online", ...: see org.memoryd1(5) */
        char *subject;     /* owned: a file and line, a path, a word, a node, a range of blocks */
        char *text;        /* owned: a sentence about what is wrong */
        char *advice;      /* owned: a sentence about what to do; "" if there is nothing to do */
} Finding;

typedef struct Findings {
        Finding *findings; /* owned, grouped by check */
        size_t n_findings;
} Findings;

void findings_done(Findings *findings);

/*
 * Makes all checks, in a limited time whatever the files contain. Returns 0, or a negative errno if
 * the checks could not be made. A file that this kernel does not have is a finding only if memoryd
 * needs it. *ret must be empty before.
 */
int verify(const VerifyInput *input, Findings *ret);

/*
 * Add a problem or a note, and take ownership of the strings, also on failure. A NULL string stands for a
 * lack of memory. Bytes that cannot be printed become "?". Return 0 or -ENOMEM.
 */
int findings_add(Findings *findings, const char *check, char *subject, char *text, char *advice);
int findings_add_note(Findings *findings, const char *check, char *subject, char *text,
                      char *advice);

/* Formats a string for a finding. NULL: no memory. */
char *finding_text(const char *format, ...) _printf_(1, 2);

/* The checks of verify() in files of their own. Each adds findings, and returns 0 or -ENOMEM. */
int verify_udev_rules(const VerifyInput *input, Findings *findings);
int verify_command_line(const VerifyInput *input, Findings *findings);
int verify_nodes(const VerifyInput *input, Findings *findings);
int verify_gigantic_pages(const VerifyInput *input, Findings *findings);

/* Whether some node has movable memory only which the policy does not leave to other programs. */
bool verify_has_movable_only_node(const VerifyInput *input);
