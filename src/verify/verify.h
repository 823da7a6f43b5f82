/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"
#include "verify/feature.h"
#include "verify/findings.h"

/* What on this machine works against the policy: memoryctl verify. */

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
