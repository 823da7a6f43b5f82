/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"

/*
 * Receives the uevents of memory blocks through libudev. An event is a hint that something is to be
 * read again. It carries no more than a name (6.12), except on kernels with patch 3 of kernel/,
 * which tell the node as well.
 */

typedef struct udev_monitor Monitor;

/*
 * Starts to listen, with a socket of monitor_open_socket(), which stays with the caller. With a negative number
 * instead, the buffer is what net.core.rmem_max allows, or 128 MiB with CAP_NET_ADMIN. Returns 0 or a negative
 * errno.
 */
int monitor_new(EventSource source, int socket_fd, Monitor **ret);

/*
 * Makes a socket for monitor_new() with a buffer of 128 MiB: a machine can add 10,000 blocks at once. Takes
 * CAP_NET_ADMIN. Returns a descriptor or a negative errno.
 */
int monitor_open_socket(void);
void monitor_free(Monitor *monitor);
DEFINE_CLEANUP(Monitor *, monitor_free)

/*
 * Returns which of the policy's udev properties a block has in udev's database, as a mask with one
 * bit for each. With EVENT_SOURCE_UDEV, the rules of udev have run by the time the event for the
 * block arrives.
 */
uint64_t monitor_read_udev_mask(Monitor *monitor, const Policy *policy, uint32_t block);

/* Returns a descriptor that becomes readable when there is an event. It belongs to the monitor. */
int monitor_get_fd(Monitor *monitor);

typedef enum MonitorKind {
        MONITOR_NONE,    /* no event to read now */
        MONITOR_ADDED,   /* the block was added: the listing is out of date */
        MONITOR_REMOVED, /* the block is being removed: its folder exists a moment longer */
        MONITOR_ONLINE,  /* the block went online: it is out of date unless memoryd did it */
        MONITOR_OFFLINE, /* the block went offline: it is out of date */
        MONITOR_BLOCK,   /* the block changed in another way: it is out of date */
        MONITOR_IGNORE,  /* the event is invalid or of no interest, and was logged */
        MONITOR_LOST,    /* the buffer overflowed or an event was garbled: all is out of date */
} MonitorKind;

typedef struct MonitorEvent {
        uint32_t block;
        int32_t node; /* as told by the event; NODE_NONE if it tells none */
        /*
         * The kernel's number of the event. udev may pass on the events of several blocks in
         * another order.
         */
        uint64_t seqnum;
} MonitorEvent;

/*
 * Reads the next event. Returns its kind, or a negative errno if the socket is broken. *ret is set
 * for the kinds that are about a block.
 */
int monitor_next(Monitor *monitor, MonitorEvent *ret);

/*
 * The kernel's report that tasks wait for memory (PSI: CONFIG_PSI, psi=1): a trigger on
 * /proc/pressure/memory. Without pressure, it causes no wake-ups.
 *
 * Returns a descriptor to be polled for EPOLLPRI, which comes at most once in the trigger's window
 * of two seconds, or a negative errno: -ENOENT if the kernel has no PSI; -EPERM, or -EACCES (before
 * 5.13, if not root), without CAP_SYS_RESOURCE on kernels that lack the change of 6.5, which
 * 6.1.192 has as well. Closing the descriptor removes the trigger.
 */
int pressure_open(const Sysfs *sysfs);
