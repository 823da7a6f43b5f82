/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "bus/users.h"

#include <systemd/sd-bus.h>

/*
 * The turns of users. memoryd handles one call at a time, of the user whose turns took the least time, and refuses
 * calls in turns as well. dbus-daemon takes a few kilobytes of memoryd's messages at a time, and goes round all
 * connections in between. What memoryd sends waits behind all that it has sent before. So a turn ends when the bus
 * has taken so much that it takes the rest in one round. This counts as the user's time.
 *
 * There is one connection to the bus, so the turns are those of the process.
 */

/* Begins to give turns. Returns 0 or a negative errno. */
int turns_attach(sd_bus *bus, sd_event *event);

/* Forgets what waits. To be called before the connection to the bus is closed. */
void turns_done(void);

/* Has a call wait for its turn. Returns 1, or a negative errno with the error set. */
int turn_add_call(sd_bus_message *call, uint32_t uid, size_t size_bytes, sd_bus_error *error);

/*
 * Sends an error reply when it has its turn. If the user has too many waiting, or memory is short, it is never
 * sent.
 */
void turn_add_refusal(sd_bus_message *refusal, uint32_t uid);

/* Whether a user may have one more call wait. Otherwise, sets the error. */
bool turn_may_add_call(uint32_t uid, sd_bus_error *error);

/* If the call has its turn, begins to count its time. Otherwise, returns false. */
bool turn_begin(const sd_bus_message *call);

/* The user who sent the call that is being handled. */
uint32_t turn_uid(const sd_bus_message *call);

/*
 * Counts a claim of a user, see users.h. Returns 0 or a negative errno, with the error set. `what` names the
 * claims in the error LimitsExceeded.
 */
int turn_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error);
void turn_release(uint32_t uid, Claim claim);

/* Counts time that was spent for a user who has a claim, outside of the user's turns. */
void turn_count(uint32_t uid, uint64_t usec);
