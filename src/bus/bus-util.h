/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

/* Replies, errors and signals that several interfaces have in common. */

/* The one place where an errno becomes a D-Bus error: returns what a handler returns. */
int bus_error_from_errno(sd_bus_error *error, int r, const char *what);

/* Replies with all faults of a configuration in one error, a line each. What a handler returns. */
int bus_reply_faults(sd_bus_message *message, char **faults);

/* Appends blocks as an a(uu) of ranges, for which it sorts them. 0 or a negative errno. */
int bus_append_ranges(sd_bus_message *message, uint32_t *blocks, size_t n_blocks);

/*
 * Tells that an object with one interface of memoryd's went. It cannot be asked for its interfaces any
 * more: they are listed. 0 or a negative errno.
 */
int bus_emit_removed(sd_bus *bus, const char *path, const char *interface);
