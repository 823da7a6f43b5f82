/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/actuator.h"
#include "job/job.h"
#include "policy/plan.h"

/*
 * The main process' end of the channel to the actuator: the blocks of a plan that are still to be
 * written, how many are being written, and the write of a job, of which there is one at a time. The
 * actuator always has a few waiting, so that it does not idle while this process waits for a CPU, and no
 * more, so that a new plan counts at once.
 */

typedef struct Writer {
        ActuatorChannel channel;
        uint32_t *queue; /* owned: block ids, first to last */
        size_t n_queue;
        size_t next;
        unsigned n_writing; /* blocks handed over and not answered */
        unsigned n_setting; /* words for auto_online_blocks handed over and not answered */
        uint32_t last_serial;
        uint32_t job_serial; /* of the job's write that is not answered; 0: none */
} Writer;

/* Takes the channel over, which is closed afterwards. */
void writer_init(Writer *writer, ActuatorChannel *channel);
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

/* Asks for a word in auto_online_blocks of a node, or of the machine (NODE_NONE). 0 or a negative errno. */
int writer_set_auto_online(Writer *writer, int32_t node, OnlineWord word);

/*
 * Hands a job's write to the actuator; the block is marked already. 0, -EBUSY while another one is not
 * answered or blocks of a plan are to be written, which come first, or -EPIPE.
 */
int writer_write_job(Writer *writer, Machine *machine, const JobWrite *write);

/* Interrupts the job's write, if there is one. Its reply comes as ever. 0 or -EPIPE. */
int writer_cancel_job(Writer *writer);

/* Whether a reply that was received is of a job's write rather than the plan's. */
bool writer_is_of_job(const ActuatorReply *reply);

/* 1 and a reply, 0 when there is none now, -EPIPE when the actuator is gone. */
int writer_receive(Writer *writer, ActuatorReply *ret);

/* The error of a write. A block that can be read is there, whatever a driver's veto says. */
int writer_reply_error(const ActuatorReply *reply);

/* Nothing of a plan is to be written or being written. */
bool writer_is_idle(const Writer *writer);
