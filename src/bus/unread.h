/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

#include <systemd/sd-bus.h>

/*
 * Answers that clients do not read. They wait at the bus, and dbus-daemon takes no more of memoryd's messages while
 * 127 MiB of them wait (max_incoming_bytes of the system bus): then nobody gets an answer. dbus-daemon tells how much
 * waits (org.freedesktop.DBus.Debug.Stats). When it is too much, each user has to read one answer before the next.
 *
 * dbus-broker has such limits for each user itself. It is not asked again after its first refusal, and so is a
 * dbus-daemon that was built without these statistics.
 */

/* Counts a turn, and the time of its handler, after which the bus may have to be asked. */
void unread_count(uint64_t usec);

/*
 * Whether a user's connection may have the next answer. Returns 1 if it may, 0 if the user has to read first, or
 * -EAGAIN while the bus is being asked: the bus's answer is an event, after which this can be called again.
 */
int unread_may_answer(sd_bus *bus, uint32_t uid, const char *name);

/* Forgets everything. To be called before the connection to the bus is closed. */
void unread_done(void);
