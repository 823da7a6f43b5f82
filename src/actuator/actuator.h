/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"

/*
 * The actuator: a small process of its own, the only one that writes below /sys. It stays root,
 * keeps its memory locked, parses nothing but fixed-size requests, and ends when its peer is gone.
 * A write to memoryN/state can take minutes, which is why it never happens in the main loop.
 *
 * The channel is a SOCK_SEQPACKET socket; one reply per request, in order. A second one takes the serial
 * of a request that is to end: what comes there sends the actuator a signal, for which the kernel gives
 * up an offline (6.1, offline_pages()). The main process may not send one itself.
 */

typedef enum ActuatorVerb {
        ACTUATOR_SET_BLOCK,       /* memoryN/state */
        ACTUATOR_SET_AUTO_ONLINE, /* auto_online_blocks, of the machine or a node */
        _ACTUATOR_VERB_MAX,
} ActuatorVerb;

typedef struct ActuatorRequest {
        uint32_t verb;         /* ActuatorVerb */
        uint32_t block;        /* for ACTUATOR_SET_BLOCK */
        int32_t node;          /* for ACTUATOR_SET_AUTO_ONLINE; NODE_NONE: the machine's */
        uint32_t word;         /* OnlineWord */
        uint32_t timeout_msec; /* after which the write is interrupted; 0: never */
        uint32_t serial;       /* by which it can be cancelled; 0: it cannot */
} ActuatorRequest;

typedef struct ActuatorReply {
        ActuatorRequest request;
        int32_t error; /* of the write: 0, or a negative errno; -ETIMEDOUT when its time was up,
                               -ECANCELED when it was cancelled */
        int32_t read_error; /* of the re-read: 0, or a negative errno, what follows is not set then
                             */
        int32_t state;      /* BlockState */
        ZoneList zones;
} ActuatorReply;

/* How many requests the channel holds for certain while the actuator is busy with one. */
#define ACTUATOR_WINDOW 8

/* The main process' ends of both sockets, neither of which blocks. */
typedef struct ActuatorChannel {
        int fd;
        int cancel_fd;
} ActuatorChannel;

#define ACTUATOR_CHANNEL_CLOSED ((ActuatorChannel){ .fd = -EBADF, .cancel_fd = -EBADF })

void actuator_channel_close(ActuatorChannel *channel);

/*
 * Forks the actuator for the tree below a root ("" is the running system). 0 or a negative errno. Call it
 * before anything is read from outside and before privileges are dropped. The caller closes the channel.
 */
int actuator_start(const char *root, ActuatorChannel *ret);

/* 0, or -EAGAIN when the channel is full, or -EPIPE when the actuator is gone. */
int actuator_send(int fd, const ActuatorRequest *request);

/* 1 and a reply, 0 when there is none now, -EPIPE when the actuator is gone. */
int actuator_receive(int fd, ActuatorReply *ret);

/*
 * Interrupts the write of a request, or has it refused if it was not begun yet. Nothing happens if it was
 * answered before. Its reply comes as ever. 0, or -EAGAIN or -EPIPE.
 */
int actuator_cancel(int cancel_fd, uint32_t serial);

/*
 * The actuator's own loop, for a tree that is open already; returns when the peer is gone. For
 * tests.
 */
int actuator_serve(int fd, const Sysfs *sysfs);
