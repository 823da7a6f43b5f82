/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/verify.h"

/* What the parts of verify share, and nobody else. All that check return 0, or -ENOMEM. */

/* Adds a finding, which takes the strings over; NULL in place of one is a lack of memory. */
int findings_add(Findings *findings, const char *check, char *subject, char *text, char *advice);

/* A string for one of these, NULL for a lack of memory. */
char *finding_text(const char *format, ...) _printf_(1, 2);

/* Whether memoryd is to say what the kernel's own onlining does. */
bool verify_takes_over(const VerifyInput *input);

/* Whether its files say what memoryd wants. */
int verify_auto_online(const VerifyInput *input, Findings *findings);

/* What memoryd misses in it. */
int verify_kernel(const VerifyInput *input, Findings *findings);
