/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* What the fixture's waiting needs of its connection to the bus. */

/* To be polled for input; negative while there is no bus. */
int bus_fd(void);

/* Handles what came in. Whether there was something. */
bool bus_process(void);

/* For calls that the fixture has no function for. */
sd_bus *bus_connection(void);
sd_bus_message *bus_new_call(const char *path, const char *interface, const char *method);

/* Sends a call and takes its reply or error, which the caller unrefs. Takes the call over. */
sd_bus_message *bus_call(sd_bus_message *message);
