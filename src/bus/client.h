/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/users.h"

#include <systemd/sd-bus.h>

/*
 * The connections that call memoryd, and the users they belong to. The bus tells the user of a connection when
 * it is asked, which takes a while: memoryd asks once for each connection, and does not wait.
 */

/* Takes a call and its user. Returns what a method handler returns. */
typedef int (*ClientFound)(sd_bus_message *message, uint32_t uid, void *userdata);

/*
 * Finds the user who sent a call, and calls `found`, now or later from the event loop. If the bus does not know
 * the user, or the connection has too many calls already, the call is answered with an error. In any case,
 * `destroy`, unless it is NULL, is called when userdata is not needed any more. Returns what a method handler returns.
 */
int client_identify(sd_bus_message *message, ClientFound found, void *userdata,
                    void (*destroy)(void *userdata), sd_bus_error *error);

/* Forgets all clients and their calls. To be called before the connection to the bus is closed. */
void clients_done(void);

/*
 * Counts a claim of a user, see users.h. Returns 0 or a negative errno, with the error set. `what` names the
 * claims in the error LimitsExceeded.
 */
int client_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error);
void client_release(uint32_t uid, Claim claim);
