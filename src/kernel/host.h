/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/* What machine this is, for rules that ask: Machine.architecture and Machine.virtualization. */

/* What was asked of the running system and not answered yet. */
typedef struct HostQuestion {
        int fd;    /* negative when nothing was asked */
        pid_t pid; /* of systemd-detect-virt(1) */
} HostQuestion;

#define HOST_QUESTION_NONE ((HostQuestion){ -EBADF, 0 })

/* Begins to find out: systemd-detect-virt is run beside the caller. */
HostQuestion host_ask(void);

/*
 * Sets both for the running system, each to "" when it cannot be told, and ends the question: from
 * uname(2), and from what was asked. That takes milliseconds, is waited for, and for two seconds at
 * the most, so it is not for a time when nothing may be held up.
 */
void host_take(HostQuestion *question, Machine *machine);

/*
 * Sets both from a line of `uname -rm` and one of systemd-detect-virt, such as were recorded. NULL is
 * for what is not known.
 */
void host_set(Machine *machine, const char *uname, const char *virtualization);
