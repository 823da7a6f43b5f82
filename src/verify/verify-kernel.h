/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/verify.h"

/* The checks of what the kernel does and has. They return 0, or -ENOMEM. */

/* Whether memoryd is to say what the kernel's own onlining does. */
bool verify_takes_over(const VerifyInput *input);

/* Whether its files say what memoryd wants. */
int verify_auto_online(const VerifyInput *input, Findings *findings);

/* What memoryd misses in it. */
int verify_kernel(const VerifyInput *input, Findings *findings);
