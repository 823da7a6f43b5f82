/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/verify.h"

/* Checks what the kernel does by itself and what it lacks. The checks return 0 or -ENOMEM. */

/* Whether memoryd is to control the kernel's own onlining. */
bool verify_takes_over(const VerifyInput *input);

/* Checks that the kernel's auto_online_blocks files say what memoryd wants. */
int verify_auto_online(const VerifyInput *input, Findings *findings);

/* Checks for features of the kernel that memoryd needs. */
int verify_kernel(const VerifyInput *input, Findings *findings);
