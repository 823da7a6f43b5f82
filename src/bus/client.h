/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/users.h"

#include <systemd/sd-bus.h>

/*
 * The connections that call memoryd, the users they belong to, and the turns of these users. memoryd takes each
 * call from the connection to the bus at once, so that no user's calls stand before those of others, or before
 * the bus's own answers. It then handles one call at a time, of the user whose calls took the least time, and
 * takes more of the bus's messages meanwhile. What a user has waiting is limited, see users.h.
 *
 * The bus tells the user of a connection when it is asked, which takes a while: memoryd asks once for each
 * connection, and does not wait. The handler of a method or property only runs when the caller's user is known.
 */

/* Has all calls of a new connection to the bus wait for their turns. Returns 0 or a negative errno. */
int clients_attach(sd_bus *bus, sd_event *event);

/* Forgets all clients and their calls. To be called before the connection to the bus is closed. */
void clients_done(void);

/* The user who sent the call that is being handled. */
uint32_t client_uid(const sd_bus_message *call);

/*
 * Counts a claim of a user, see users.h. Returns 0 or a negative errno, with the error set. `what` names the
 * claims in the error LimitsExceeded.
 */
int client_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error);
void client_release(uint32_t uid, Claim claim);
