/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/* Finds out Machine.architecture and Machine.virtualization, for rules that ask for them. */

/* A question to the running system that has not been answered yet. */
typedef struct HostQuestion {
        int fd;    /* negative: nothing was asked */
        pid_t pid; /* of systemd-detect-virt(1) */
} HostQuestion;

#define HOST_QUESTION_NONE ((HostQuestion){ -EBADF, 0 })

/* Starts systemd-detect-virt without waiting for it. */
HostQuestion host_ask(void);

/*
 * Sets the architecture of the running system from uname(2), and the virtualization from the answer
 * to the question, and ends the question. A value that cannot be found out is set to "". Waits for
 * the answer, usually for milliseconds and at most for two seconds, so do not call it where nothing
 * may be held up.
 */
void host_take(HostQuestion *question, Machine *machine);

/*
 * Sets architecture and virtualization from recorded lines of `uname -a` or `uname -rm` and of
 * systemd-detect-virt. NULL stands for a line that is not known.
 */
#define UNAME_TEXT_MAX 1024
void host_set(Machine *machine, const char *uname, const char *virtualization);
