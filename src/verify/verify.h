/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"
#include "verify/feature.h"

/* What on this machine works against the policy: memoryctl verify. */

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

typedef struct VerifyInput {
        const char *root; /* udev's rules are looked for below it; "" is the running system */
        const Sysfs *sysfs;
        const Machine *machine; /* with its totals up to date */
        const Conf *conf;
        const char *release; /* the kernel's, "6.1.0-21-amd64" */
        bool hears_pressure; /* pressure.h: the kernel tells of memory pressure */
} VerifyInput;

/*
 * Makes all checks, in a time that does not depend on who wrote the files. 0, or a negative errno when the
 * checks could not be made; what cannot be read because this kernel has no such file is no finding unless
 * memoryd misses it. *ret is empty before.
 */
int verify(const VerifyInput *input, Findings *ret);
