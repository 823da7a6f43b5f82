/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <systemd/sd-bus.h>

/*
 * The connections that call memoryd, and the users they belong to. memoryd takes each call from the connection to the
 * bus at once, so that no user's calls stand before those of others, or before the bus's own answers. It then waits
 * for its user's turn, see turn.h. What a user has waiting is limited, see users.h.
 *
 * The bus tells the user of a connection when it is asked, which takes a while: memoryd asks once for each
 * connection, and does not wait. The handler of a method or property only runs when the caller's user is known.
 */

/* Has all calls of a new connection to the bus wait for their turns. Returns 0 or a negative errno. */
int clients_attach(sd_bus *bus, sd_event *event);

/* Forgets all clients and their calls. To be called before the connection to the bus is closed. */
void clients_done(void);
