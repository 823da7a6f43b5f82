/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/*
 * Uevents of memory blocks, through libudev. They are hints that something is to be read again and
 * carry no more than a name (6.12), but for kernels with patch 3 of kernel/, which tell the node.
 */

typedef struct Monitor Monitor;

/*
 * Starts listening, with a buffer of 128 MiB if privileges allow, else what net.core.rmem_max
 * allows: a machine can add 10,000 blocks at once. 0 or a negative errno.
 */
int monitor_new(EventSource source, Monitor **ret);
void monitor_free(Monitor *monitor);
DEFINE_CLEANUP(Monitor *, monitor_free)

/*
 * Which of the policy's udev properties a block has, as udev's database says: a bit for each. The
 * rules of udev have run when its event for the block came (EVENT_SOURCE_UDEV).
 */
uint64_t monitor_read_udev_mask(const Monitor *monitor, const Policy *policy, uint32_t block);

/* Becomes readable with an event. Belongs to the monitor. */
int monitor_get_fd(const Monitor *monitor);

typedef enum MonitorKind {
        MONITOR_NONE,    /* nothing more to read now */
        MONITOR_ADDED,   /* the block came: the listing is out of date */
        MONITOR_REMOVED, /* it goes: its folder is there for another moment */
        MONITOR_ONLINE,  /* it went online: out of date, if it was not us who did it */
        MONITOR_BLOCK,   /* it changed otherwise: it is out of date */
        MONITOR_IGNORE,  /* an event that makes no sense or is of no interest, which was logged */
        MONITOR_LOST, /* the buffer ran over, or an event could not be parsed: all is out of date */
} MonitorKind;

typedef struct MonitorEvent {
        uint32_t block;
        int32_t node; /* as the kernel tells it with the event; NODE_NONE when it does not */
} MonitorEvent;

/*
 * The next event: its kind, or a negative errno when the socket is broken. *ret is set for the kinds
 * that are about a block.
 */
int monitor_next(Monitor *monitor, MonitorEvent *ret);
