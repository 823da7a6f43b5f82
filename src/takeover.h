/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator.h"

/*
 * While memoryd runs the kernel's own auto-onlining is off; what it was set to is kept below /run,
 * so that a memoryd that was killed, and the one that follows it, still put it back at the end.
 */

/* Decides what is to be put back at stop, from what the kernel says now and what an earlier memoryd
 * left below the folder: 1 and the word, 0 when there is nothing to put back, or a negative errno.
 */
int takeover_load(const char *folder, OnlineWord current, OnlineWord *ret);

/* Keeps the word, atomically. */
int takeover_save(const char *folder, OnlineWord word);

/*
 * For a memoryd that cannot start: puts back what an earlier one took over and was killed before it
 * could, through the actuator, waiting for at most ten seconds. Returns 1 when it was put back, 0 when
 * there was nothing to, or a negative errno.
 */
int takeover_abandon(const char *folder, OnlineWord current, int actuator_fd);

/* It was put back: nothing is left to do. */
void takeover_forget(const char *folder);
