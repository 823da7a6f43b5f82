/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sysfs.h"

/*
 * The actuator: a small process of its own, the only one that writes below /sys. It stays root,
 * keeps its memory locked, parses nothing but fixed-size requests, and ends when its peer is gone.
 * A write to memoryN/state can take minutes, which is why it never happens in the main loop.
 *
 * The channel is a SOCK_SEQPACKET socket; one reply per request, in order.
 */

typedef enum ActuatorVerb {
        ACTUATOR_SET_BLOCK,       /* memoryN/state */
        ACTUATOR_SET_AUTO_ONLINE, /* auto_online_blocks */
        _ACTUATOR_VERB_MAX,
} ActuatorVerb;

/* The words that either file takes. */
typedef enum OnlineWord {
        ONLINE_WORD_OFFLINE,
        ONLINE_WORD_ONLINE,
        ONLINE_WORD_KERNEL,
        ONLINE_WORD_MOVABLE,
        _ONLINE_WORD_MAX,
        _ONLINE_WORD_INVALID = -EINVAL,
} OnlineWord;

const char *online_word_to_string(OnlineWord word);
OnlineWord online_word_from_string(const char *word);

typedef struct ActuatorRequest {
        uint32_t verb;        /* ActuatorVerb */
        uint32_t block;       /* for ACTUATOR_SET_BLOCK */
        uint32_t word;        /* OnlineWord */
        uint32_t timeout_sec; /* after which the write is interrupted; 0: never */
} ActuatorRequest;

typedef struct ActuatorReply {
        ActuatorRequest request;
        int32_t error;      /* of the write: 0, or a negative errno; -ETIMEDOUT when interrupted */
        int32_t read_error; /* of the re-read: 0, or a negative errno, what follows is not set then
                             */
        int32_t state;      /* BlockState */
        ZoneList zones;
} ActuatorReply;

/* How many requests the channel holds for certain while the actuator is busy with one. */
#define ACTUATOR_WINDOW 8

/*
 * Forks the actuator for the tree below a root ("" is the running system). Returns the channel,
 * which does not block and is closed on exec, or a negative errno. Call it before anything is read
 * from outside and before privileges are dropped.
 */
int actuator_start(const char *root);

/* 0, or -EAGAIN when the channel is full, or -EPIPE when the actuator is gone. */
int actuator_send(int fd, const ActuatorRequest *request);

/* 1 and a reply, 0 when there is none now, -EPIPE when the actuator is gone. */
int actuator_receive(int fd, ActuatorReply *ret);

/*
 * The actuator's own loop, for a tree that is open already; returns when the peer is gone. For
 * tests.
 */
int actuator_serve(int fd, const Sysfs *sysfs);
