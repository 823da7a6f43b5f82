/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "daemon/manager.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

/*
 * memoryd on D-Bus, see org.memoryd1(5). memoryd also works without the bus, which may start later than
 * memoryd, and may go away and come back.
 */

typedef struct Bus Bus;

/* Starts to connect. Returns 0 or a negative errno. The manager and the event loop must outlive the Bus. */
int bus_new(sd_event *event, Manager *manager, Bus **ret);
void bus_free(Bus *bus);
DEFINE_CLEANUP(Bus *, bus_free)

/* Sends the signals for the changes. Does nothing while memoryd is not on the bus. */
void bus_publish(Bus *bus, const Changes *changes);

/* Takes the count of a block that a client has asked for. */
void bus_counted(Bus *bus, const CountedBlock *counted);

/*
 * Writes the introspection data of an interface as an XML document, or of all interfaces if it is NULL.
 * Returns 0, -ENXIO if memoryd has no such interface, or another negative errno.
 */
int bus_introspect(FILE *file, const char *interface);
