/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The queue in front of the actuator. */

#include "actuator/writer.h"

#include "policy/track.h"

/* How much longer than its time a write may take. */
#define GRACE_USEC (120 * USEC_PER_SEC)
#define DAX_GRACE_USEC (3600 * USEC_PER_SEC)

void writer_init(Writer *writer, ActuatorChannel *channel)
{
        *writer = (Writer){ .channel = *channel };
        *channel = ACTUATOR_CHANNEL_CLOSED;
}

void writer_done(Writer *writer)
{
        actuator_channel_close(&writer->channel);
        free(writer->queue);
        writer->queue = NULL;
        writer_clear(writer);
}

void writer_clear(Writer *writer)
{
        writer->n_queue = writer->next = 0;
}

int writer_set_plan(Writer *writer, const Plan *plan)
{
        uint32_t *queue = reallocarray(writer->queue, plan->n_order + 1, sizeof(*queue));

        if (!queue)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_order; i++)
                queue[i] = plan->planned[plan->order[i]].block;
        writer->queue = queue;
        writer->n_queue = plan->n_order;
        writer->next = 0;
        return 0;
}

static bool all_is_answered(const Writer *writer)
{
        return writer->n_writing == 0 && writer->n_setting == 0 && writer->job_serial == 0 &&
               !writer->is_counting;
}

/* Rounded up, so that a job finds its time to be up after the timeout. */
static uint32_t timeout_msec(uint64_t usec)
{
        return (uint32_t) MIN(usec / USEC_PER_MSEC + (usec % USEC_PER_MSEC > 0), UINT32_MAX);
}

static int writer_send(Writer *writer, ActuatorRequest *request, uint64_t timeout_usec)
{
        uint64_t grace_usec = request->verb == ACTUATOR_SET_DAX ? DAX_GRACE_USEC : GRACE_USEC,
                 patience_usec;
        int r;

        request->timeout_msec = timeout_msec(timeout_usec);
        patience_usec = request->timeout_msec * USEC_PER_MSEC + grace_usec;
        r = actuator_send(writer->channel.fd, request);
        if (r < 0)
                return r;
        if (all_is_answered(writer) || patience_usec > writer->patience_usec)
                writer->patience_usec = patience_usec;
        return 0;
}

uint64_t writer_patience(const Writer *writer)
{
        return all_is_answered(writer) ? USEC_INFINITY : writer->patience_usec;
}

int writer_fill(Writer *writer, Machine *machine)
{
        int n = 0;

        while (writer->n_writing < ACTUATOR_WINDOW && writer->next < writer->n_queue) {
                Block *block = machine_find_block(machine, writer->queue[writer->next]);
                ActuatorRequest request = { .verb = ACTUATOR_SET_BLOCK };
                int r;

                /*
                 * The block may be gone, may have been onlined by another process, or may have been
                 * removed and added again: then it is another block, on which no plan has decided
                 * yet.
                 */
                if (!block || !track_wants_plan(block, 0) ||
                    block->decision.verdict == VERDICT_NONE) {
                        writer->next++;
                        continue;
                }

                request.block = block->id;
                request.word = online_word_of_verdict(block->decision.verdict);
                r = writer_send(writer, &request, WRITE_TIMEOUT_USEC);
                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        return r;
                block->status = BLOCK_STATUS_WRITING;
                block->echo_due = true;
                writer->next++;
                writer->n_writing++;
                n++;
        }
        return n;
}

int writer_set_auto_online(Writer *writer, int32_t node, OnlineWord word)
{
        ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = node,
                .word = (uint32_t) word,
        };
        int r = writer_send(writer, &request, WRITE_TIMEOUT_USEC);

        if (r >= 0)
                writer->n_setting++;
        return r;
}

int writer_set_dax(Writer *writer, const Device *device, int32_t node, OnlineWord word,
                   uint64_t timeout_usec)
{
        ActuatorRequest request = {
                .verb = ACTUATOR_SET_DAX,
                .block = device->first_block,
                .last_block = device->last_block,
                .node = node,
                .word = (uint32_t) word,
        };
        int r = device_parse_dax(device->name, &request.dax_region, &request.dax_id) ? 0 : -EINVAL;

        if (r >= 0)
                r = writer_send(writer, &request, timeout_usec);
        if (r >= 0)
                writer->n_writing++;
        return r;
}

int writer_write_job(Writer *writer, Machine *machine, const JobWrite *write)
{
        Block *block = machine_find_block(machine, write->block);
        ActuatorRequest request = {
                .verb = ACTUATOR_SET_BLOCK,
                .block = write->block,
                .word = online_word_of_verdict(write->verdict),
                .movable_node = write->movable_node,
        };
        int r;

        if (writer->job_serial != 0 || !writer_is_idle(writer))
                return -EBUSY;
        /* Serials wrap around and skip 0. */
        writer->last_serial += writer->last_serial == UINT32_MAX ? 2 : 1;
        request.serial = writer->last_serial;
        r = writer_send(writer, &request,
                        write->timeout_usec > 0 ? write->timeout_usec : WRITE_TIMEOUT_USEC);
        if (r < 0)
                return r == -EAGAIN ? -EBUSY : r;
        writer->job_serial = request.serial;
        if (block && write->verdict != VERDICT_NONE)
                block->echo_due = true;
        if (block && write->verdict == VERDICT_NONE)
                block->offline_due = true;
        return 0;
}

int writer_count_pages(Writer *writer, uint32_t block)
{
        ActuatorRequest request = {
                .verb = ACTUATOR_COUNT_PAGES,
                .block = block,
                .node = NODE_NONE,
        };
        int r = writer->is_counting ? -EBUSY : writer_send(writer, &request, WRITE_TIMEOUT_USEC);

        if (r == 0) {
                writer->is_counting = true;
                writer->counted_block = block;
        }
        return r;
}

int writer_cancel_job(Writer *writer)
{
        int r = writer->job_serial == 0 ?
                        0 :
                        actuator_cancel(writer->channel.cancel_fd, writer->job_serial);

        /* If the socket is full, it is full of requests to cancel this write. */
        return r == -EAGAIN ? 0 : r;
}

bool writer_is_of_job(const ActuatorReply *reply)
{
        return reply->request.serial != 0;
}

/* Whether a request of this kind has not been answered. */
static bool is_awaited(const Writer *writer, const ActuatorReply *reply)
{
        if (writer_is_of_job(reply))
                return reply->request.serial == writer->job_serial;
        if (reply->request.verb == ACTUATOR_COUNT_PAGES)
                return writer->is_counting && reply->request.block == writer->counted_block;
        return reply->request.verb == ACTUATOR_SET_AUTO_ONLINE ? writer->n_setting > 0 :
                                                                 writer->n_writing > 0;
}

int writer_receive(Writer *writer, ActuatorReply *ret)
{
        int r = actuator_receive(writer->channel.fd, ret);

        if (r > 0 && !is_awaited(writer, ret))
                return -EPIPE;
        writer->n_answers += r > 0;
        if (r > 0 && writer_is_of_job(ret))
                writer->job_serial = 0;
        else if (r > 0 && ret->request.verb == ACTUATOR_COUNT_PAGES)
                writer->is_counting = false;
        else if (r > 0 && ret->request.verb != ACTUATOR_SET_AUTO_ONLINE)
                writer->n_writing--;
        else if (r > 0)
                writer->n_setting--;
        return r;
}

int writer_reply_error(const ActuatorReply *reply)
{
        if (reply->read_error < 0)
                return reply->read_error;
        if (reply->error == -ENOENT || reply->error == -ENODEV || reply->error == -ENXIO)
                return -EIO;
        return reply->error;
}

bool writer_is_idle(const Writer *writer)
{
        return writer->n_writing == 0 && writer->next == writer->n_queue;
}
