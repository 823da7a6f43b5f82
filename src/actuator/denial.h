/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/actuator.h"

/*
 * Requests that the actuator refuses. It looks at the kernel's files only, so that a main process that
 * was taken over cannot deceive it. The policy is not its concern: all that the main process can ask for and
 * the machine can survive is done.
 */
typedef enum Denial {
        DENIAL_NONE,
        DENIAL_INVALID, /* a field of the request is out of its range */
        DENIAL_LOW, /* memory of the zones DMA and DMA32 below 4 GiB would go offline: it has what firmware
                                   and old devices need, and nothing can stand in for it */
        DENIAL_LAST_OF_NODE, /* the last kernel memory of a node with movable memory would go offline, and the
                                   request has no `movable_node` */
        DENIAL_LAST_OF_MACHINE, /* no kernel memory would be left */
        _DENIAL_MAX,
} Denial;

/* Finds out whether a request is to be refused. Reads the zones of online blocks only, see sysfs.h. */
Denial denial_find(const Sysfs *sysfs, const ActuatorRequest *request);

/*
 * Counts a refusal, and logs it if it is the first, second, fourth, eighth and so on of its kind. Returns the
 * error for the reply: -EINVAL, or, in the order of the enum, -EADDRNOTAVAIL, -EPERM or -EDEADLK.
 */
int denial_note(Denial denial, const ActuatorRequest *request);
