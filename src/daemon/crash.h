/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * How often memoryd has ended unexpectedly in a row, kept below /run. systemd starts it again each time, at
 * once: the unit has no limit, since a machine without memoryd would leave added memory offline. After five
 * crashes in a row memoryd waits before it starts, longer each time, and the kernel onlines memory meanwhile.
 * (Units can do this themselves from systemd 254 on: RestartSteps=.)
 *
 * Times are those of CLOCK_BOOTTIME. Crashes are in a row if no more than ten minutes lie between two.
 */

/* Notes that memoryd was asked to stop: what happens to it from here on is no crash. */
void crash_note_stop(const char *folder);

/* Counts a crash. Returns how many in a row there are now, 0 after crash_note_stop(), or a negative errno. */
int crash_add(const char *folder, uint64_t now_usec);

/* Returns how many crashes in a row there are; 0 also if the file cannot be read or is damaged. */
unsigned crash_count(const char *folder, uint64_t now_usec);

/* Begins to count anew. */
void crash_forget(const char *folder);

/* Returns how long the next memoryd waits after so many crashes in a row: not at all up to four, then up to a minute. */
unsigned crash_delay_sec(unsigned n_crashes);
