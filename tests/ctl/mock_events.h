/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/*
 * What mock_memoryd tells without being asked. Each SIGUSR1 takes a word of MOCK_EVENTS:
 *
 * blocks     blocks 8 to 15 and 40 to 60 are told as changed, and many blocks have changed
 * capacity   it is told, and has changed the first time
 * more       it changed again
 * failed     memory of devices could not be added, and the configuration has faults
 * short      node 1 runs short of kernel memory
 * enough     it does not any more
 * property   properties of the manager changed
 * job        a job comes, goes on and ends
 * standing   a job that was there goes on
 * go         the script of a job that waits goes on
 * odd        signals that nobody understands
 */
extern bool mock_has_changed_blocks; /* since the event "blocks" */

int mock_events_start(sd_bus *bus, sd_event *event);
