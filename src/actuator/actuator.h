/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/pageflags.h"

/*
 * The actuator: a small process of its own. No other process of memoryd writes below /sys. It keeps its
 * memory locked, parses nothing but fixed-size requests, and ends when its peer is gone. It has at most one
 * capability, CAP_DAC_OVERRIDE, and none if it is root; opens the files that it writes itself, by number; and
 * refuses what the machine would not survive, see denial.h. A write to memoryN/state can take minutes and
 * therefore never happens in the main loop.
 *
 * The channel is a SOCK_SEQPACKET socket, with one reply to each request, in order. A second socket
 * takes the serials of requests that are to end. For each serial, the actuator gets a signal, which
 * makes the kernel give up an offline (6.1, offline_pages()). With the serial, the signal ends no other write.
 */

typedef enum ActuatorVerb {
        ACTUATOR_SET_BLOCK,       /* memoryN/state */
        ACTUATOR_SET_AUTO_ONLINE, /* auto_online_blocks, of the machine or a node */
        /*
         * daxX.Y/state: "unplugged", and then the word, because the kernel onlines a device from there only
         * (7.3, drivers/dax/kmem.c). The kernel would take online memory offline for "unplugged": if one of
         * the blocks is not offline, nothing is written, and the error is -EBUSY.
         * A device without blocks takes the word alone.
         * The kernel does not take "offline". A device has this state after its driver was bound, so for this
         * word the driver is unbound and bound again. Where the kernel onlines added memory by itself, or the
         * files of the driver cannot be written, the device stays unplugged, with error 0 or that error.
         */
        ACTUATOR_SET_DAX,
        /*
         * Counts what the pages of a block that is online are used for, in ActuatorReply.pages. Of a page, nothing
         * else leaves the actuator, so that nobody learns where in a block anything lies.
         */
        ACTUATOR_COUNT_PAGES,
        _ACTUATOR_VERB_MAX,
} ActuatorVerb;

/* More blocks than any device has. */
#define ACTUATOR_RANGE_MAX (1U << 20)

typedef struct ActuatorRequest {
        uint32_t verb;  /* ActuatorVerb */
        uint32_t block; /* for ACTUATOR_SET_BLOCK and ACTUATOR_COUNT_PAGES; for ACTUATOR_SET_DAX the
                            device's first */
        uint32_t
                last_block; /* for ACTUATOR_SET_DAX; below `block` if the device has no blocks, less
                                than ACTUATOR_RANGE_MAX above it otherwise */
        int32_t node;       /* for ACTUATOR_SET_AUTO_ONLINE; NODE_NONE: the machine; for
                                ACTUATOR_SET_DAX that of the device's blocks, or NODE_NONE */
        uint32_t dax_region; /* for ACTUATOR_SET_DAX: X and Y of daxX.Y */
        uint32_t dax_id;
        uint32_t word;         /* OnlineWord */
        uint32_t timeout_msec; /* time after which the write is interrupted; 0: never */
        uint32_t serial;       /* identifies the request for cancellation; 0: cannot be cancelled */
        uint32_t
                movable_node; /* 1: the node may lose its last kernel memory, because of an administrator's
                                  request with `Force` or a rule with movable_node; else 0 */
} ActuatorRequest;

typedef struct ActuatorReply {
        ActuatorRequest request;
        int32_t error;      /* of the write: 0 or a negative errno; -ETIMEDOUT after the timeout,
                               -ECANCELED after a cancellation */
        int32_t read_error; /* of the re-read: 0, or a negative errno, in which case state and zones
                               are not set */
        int32_t state;      /* BlockState */
        ZoneList zones;
        /* Of ACTUATOR_COUNT_PAGES, and of a block that did not go offline; page_size_bytes is 0 if there are none. */
        PageCounts pages;
        uint64_t pages_usec; /* the time that it took to count them */
} ActuatorReply;

/* The number of requests that always fit into the channel while the actuator works on one. */
#define ACTUATOR_WINDOW 8

/* The main process's ends of both sockets. Neither blocks. */
typedef struct ActuatorChannel {
        int fd;
        int cancel_fd;
        bool has_actuator; /* whether the actuator has the other ends */
} ActuatorChannel;

#define ACTUATOR_CHANNEL_CLOSED ((ActuatorChannel){ .fd = -EBADF, .cancel_fd = -EBADF })

/*
 * Closes the channel, which ends the actuator, and waits for that end, for a second at most: a write of the actuator
 * can hang in the kernel. systemd would kill a process that outlives the main process, and say so in the journal.
 */
void actuator_channel_close(ActuatorChannel *channel);

/*
 * Forks the actuator for the tree below a root ("" for the running system). Returns 0 or a negative
 * errno. Call it before anything is read from outside and before privileges are dropped. The caller
 * closes the channel.
 */
int actuator_start(const char *root, ActuatorChannel *ret);

/* Sends a request. Returns 0, -EAGAIN if the channel is full, or -EPIPE if the actuator is gone. */
int actuator_send(int fd, const ActuatorRequest *request);

/* Receives a reply. Returns 1 with a reply, 0 if there is none now, or -EPIPE if the actuator is gone or
 * its reply has a value out of range. */
int actuator_receive(int fd, ActuatorReply *ret);

/*
 * Interrupts the write of a request, or has the request refused if its write has not begun. Has no
 * effect if the request has been answered. The reply comes as usual. Returns 0, -EAGAIN or -EPIPE.
 */
int actuator_cancel(int cancel_fd, uint32_t serial);

/*
 * The loop of the actuator, for a tree that is open already. Returns when the peer is gone.
 * Exported for tests.
 */
int actuator_serve(int fd, const Sysfs *sysfs, const PageFiles *files);
