/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/manager.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

/*
 * memoryd on D-Bus, see org.memoryd1(5). The bus is no condition for anything: it may come up later
 * than memoryd, and go and come back.
 */

typedef struct Bus Bus;

/* Starts to connect. 0 or a negative errno. The manager and the event loop must outlive it. */
int bus_new(sd_event *event, Manager *manager, Bus **ret);
void bus_free(Bus *bus);
DEFINE_CLEANUP(Bus *, bus_free)

/* Sends the signals for what has changed; nothing while there is no bus. */
void bus_publish(Bus *bus, const Changes *changes);

/*
 * Writes the introspection data of an interface, or of all for NULL, as one document. 0, -ENXIO for an
 * interface that memoryd does not have, or another negative errno.
 */
int bus_introspect(FILE *file, const char *interface);
