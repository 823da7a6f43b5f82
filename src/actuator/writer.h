/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/actuator.h"
#include "job/job.h"
#include "policy/plan.h"

/*
 * The main process's end of the channel to the actuator: the queue of blocks of a plan, the number
 * of blocks that are being written, and the write of a job, of which there is at most one at a
 * time. A few requests are always waiting, so that the actuator does not idle while the main
 * process waits for a CPU. No more are sent, so that a new plan takes effect at once.
 */

/*
 * The time of a write for which the caller sets none. A write only takes so long while another process has
 * the kernel's lock for memory hotplug. It then ends with -ETIMEDOUT, and is tried again.
 */
#define WRITE_TIMEOUT_USEC (60 * USEC_PER_SEC)

typedef struct Writer {
        ActuatorChannel channel;
        uint32_t *queue; /* owned: block ids, in the order of writing */
        size_t n_queue;
        size_t next;
        unsigned n_writing; /* blocks and dax devices handed to the actuator and not answered */
        bool is_counting;   /* pages of counted_block, which was not answered */
        uint32_t counted_block;
        unsigned n_setting; /* words for auto_online_blocks handed over and not answered */
        uint32_t last_serial;
        uint32_t job_serial;    /* of the job's write that has not been answered; 0: none */
        unsigned n_answers;     /* replies so far; wraps around */
        uint64_t patience_usec; /* see writer_patience() */
} Writer;

/* Takes ownership of the channel, and sets *channel to ACTUATOR_CHANNEL_CLOSED. */
void writer_init(Writer *writer, ActuatorChannel *channel);
void writer_done(Writer *writer);

/* Replaces the queue by the blocks of a plan, in the order of the plan. Returns 0 or -ENOMEM. */
int writer_set_plan(Writer *writer, const Plan *plan);

/* Empties the queue. Blocks that are being written are not affected. */
void writer_clear(Writer *writer);

/*
 * Hands blocks that are still pending to the actuator while it has room, and marks them. Returns
 * their number, or -EPIPE if the actuator is gone.
 */
int writer_fill(Writer *writer, Machine *machine);

/*
 * Requests a word for the auto_online_blocks of a node, or of the machine (NODE_NONE). Returns 0 or
 * a negative errno.
 */
int writer_set_auto_online(Writer *writer, int32_t node, OnlineWord word);

/*
 * Requests a word for all of a dax device on a node: see ACTUATOR_SET_DAX. Of the device, the name and the
 * blocks matter.
 * The kernel may take the time to unplug it. The writer is not idle until the request is answered. Returns 0,
 * -EINVAL if that is no name of a dax device, -EAGAIN if the channel is full, or -EPIPE.
 */
int writer_set_dax(Writer *writer, const Device *device, int32_t node, OnlineWord word,
                   uint64_t timeout_usec);

/*
 * Hands the write of a job to the actuator. The caller has marked the block. Returns 0; -EBUSY if
 * the last write of a job has not been answered, if blocks of a plan are to be written, which come
 * first, or if the channel is full; or -EPIPE.
 */
int writer_write_job(Writer *writer, Machine *machine, const JobWrite *write);

/* Interrupts the write of the job, if there is one. The reply comes as usual. Returns 0 or -EPIPE. */
int writer_cancel_job(Writer *writer);

/*
 * Has the pages of a block counted. The answer comes after that of a write under way. Returns 0; -EBUSY if the last
 * count was not answered; -EAGAIN if the channel is full; or -EPIPE.
 */
int writer_count_pages(Writer *writer, uint32_t block);

/* Whether a reply belongs to the write of a job rather than of a plan. */
bool writer_is_of_job(const ActuatorReply *reply);

/*
 * Receives a reply. Returns 1 with a reply, 0 if there is none now, or -EPIPE if the actuator is gone, or sends
 * what it was not asked for.
 */
int writer_receive(Writer *writer, ActuatorReply *ret);

/*
 * Returns the error of a write. A block that can be read exists: if the veto of a driver says
 * otherwise, the error is -EIO.
 */
int writer_reply_error(const ActuatorReply *reply);

/*
 * Returns the time after which the actuator has hung, counted from its last reply, or from the first request
 * after all were answered: longer than any of its requests may take. The parts of a write in which the kernel
 * ignores signals are short, except for a dax device, where it onlines terabytes at once. Returns
 * USEC_INFINITY if all requests are answered.
 */
uint64_t writer_patience(const Writer *writer);

/* Whether no block of a plan and no dax device is to be written or is being written. */
bool writer_is_idle(const Writer *writer);
