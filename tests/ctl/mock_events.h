/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/*
 * What mock_memoryd tells without being asked. Each SIGUSR1 takes a word of MOCK_EVENTS:
 *
 * blocks     blocks 8 to 15, 40 to 47 and 60 changed
 * capacity   it changed
 * short      node 1 runs short of kernel memory
 * enough     it does not any more
 * property   properties of the manager changed
 * job        a job comes, goes on and ends
 * standing   a job that was there goes on
 * go         the script of a job that waits goes on
 * odd        signals that nobody understands
 */
int mock_events_start(sd_bus *bus, sd_event *event);
