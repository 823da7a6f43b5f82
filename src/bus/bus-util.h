/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

/* Replies, errors and signals for several interfaces. */

/* Makes a D-Bus error of a negative errno, with `what` before its text. Returns what a handler returns. */
int bus_error_from_errno(sd_bus_error *error, int r, const char *what);

/* Replies with one error that has a line for each fault. Returns the value for a handler to return. */
int bus_reply_faults(sd_bus_message *message, char **faults);

/* Sorts the array of blocks, and appends it as ranges, a(uu). Returns 0 or a negative errno. */
int bus_append_ranges(sd_bus_message *message, uint32_t *blocks, size_t n_blocks);

/*
 * Announces that an object with one interface of memoryd is gone. sd-bus cannot find the interfaces of such
 * an object any more, so the signal lists them itself. Returns 0 or a negative errno.
 */
int bus_emit_removed(sd_bus *bus, const char *path, const char *interface);
