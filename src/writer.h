/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator.h"
#include "plan.h"

/*
 * The main process' end of the channel to the actuator: the blocks of a plan that are still to be
 * written, and how many are being written. The actuator always has a few waiting, so that it does not
 * idle while this process waits for a CPU, and no more, so that a new plan counts at once.
 */

typedef struct Writer {
        int fd;
        uint32_t *queue; /* owned: block ids, first to last */
        size_t n_queue;
        size_t next;
        unsigned n_writing; /* blocks handed over and not answered */
        unsigned n_setting; /* words for auto_online_blocks handed over and not answered */
} Writer;

void writer_init(Writer *writer, int fd);
void writer_done(Writer *writer);

/* Replaces what is still to be written by a plan's order. 0 or -ENOMEM. */
int writer_set_plan(Writer *writer, const Plan *plan);

/* Forgets what is still to be written; what is being written goes on. */
void writer_clear(Writer *writer);

/*
 * Hands blocks that are pending to the actuator while it has room, and marks them. Returns how
 * many, or -EPIPE when the actuator is gone.
 */
int writer_fill(Writer *writer, Machine *machine);

/* Asks for a word in auto_online_blocks. 0 or a negative errno. */
int writer_set_auto_online(Writer *writer, OnlineWord word);

/* 1 and a reply, 0 when there is none now, -EPIPE when the actuator is gone. */
int writer_receive(Writer *writer, ActuatorReply *ret);

bool writer_is_idle(const Writer *writer);
