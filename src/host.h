/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "machine.h"

/* What machine this is, for rules that ask: Machine.architecture and Machine.virtualization. */

/* What was asked of the running system and not answered yet. */
typedef struct HostQuestion {
        int fd;    /* negative when nothing was asked */
        pid_t pid; /* of systemd-detect-virt(1) */
} HostQuestion;

#define HOST_QUESTION_NONE ((HostQuestion){ -EBADF, 0 })

/*
 * Begins to find out, of the running system (root is ""): systemd-detect-virt is run beside the caller.
 * Of a recorded tree nothing has to be asked.
 */
HostQuestion host_ask(const char *root);

/*
 * Sets both, each to "" when it cannot be told, and ends the question. Of the running system that is
 * uname(2) and what was asked: it takes milliseconds, is waited for, and for two seconds at the most,
 * so it is not for a time when nothing may be held up. Of a recorded tree it is the output of
 * `uname -rm` in DIR/uname, and that of systemd-detect-virt in DIR/virtualization.
 */
void host_take(const char *root, HostQuestion *question, Machine *machine);

/* Both at once. */
void host_read(const char *root, Machine *machine);
