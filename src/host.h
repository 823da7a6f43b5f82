/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "machine.h"

/*
 * What machine this is, for rules that ask: sets Machine.architecture and Machine.virtualization,
 * each to "" when it cannot be told.
 *
 * Of the running system (root is "") that is uname(2), and what systemd-detect-virt(1) prints: it is
 * run and waited for, some milliseconds, and for two seconds at the most. To be called once, before
 * anything must not be held up. Of a recorded tree it is the output of `uname -rm` in DIR/uname and that
 * of systemd-detect-virt in DIR/virtualization.
 */
void host_read(const char *root, Machine *machine);
