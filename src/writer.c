/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "writer.h"

#include "track.h"

void writer_init(Writer *writer, int fd)
{
        *writer = (Writer){ .fd = fd };
}

void writer_done(Writer *writer)
{
        closep(&writer->fd);
        free(writer->queue);
        writer_init(writer, -EBADF);
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
                queue[i] = plan->decisions[plan->order[i]].block;
        writer->queue = queue;
        writer->n_queue = plan->n_order;
        writer->next = 0;
        return 0;
}

static OnlineWord word_of(Verdict verdict)
{
        switch (verdict) {
        case VERDICT_KERNEL:
                return ONLINE_WORD_KERNEL;
        case VERDICT_MOVABLE:
                return ONLINE_WORD_MOVABLE;
        default:
                return ONLINE_WORD_ONLINE;
        }
}

int writer_fill(Writer *writer, Machine *machine)
{
        int n = 0;

        while (writer->n_writing < ACTUATOR_WINDOW && writer->next < writer->n_queue) {
                Block *block = machine_find_block(machine, writer->queue[writer->next]);
                ActuatorRequest request = { .verb = ACTUATOR_SET_BLOCK };
                int r;

                /*
                 * It may have gone, been onlined by someone else, or gone and come back, which is
                 * another block that no plan has decided on yet.
                 */
                if (!block || !track_wants_plan(block, 0) || block->verdict == VERDICT_NONE) {
                        writer->next++;
                        continue;
                }

                request.block = block->id;
                request.word = word_of(block->verdict);
                r = actuator_send(writer->fd, &request);
                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        return r;
                track_write(block);
                block->echo_due = true;
                writer->next++;
                writer->n_writing++;
                n++;
        }
        return n;
}

int writer_set_auto_online(Writer *writer, OnlineWord word)
{
        const ActuatorRequest request = { .verb = ACTUATOR_SET_AUTO_ONLINE, .word = word };
        int r = actuator_send(writer->fd, &request);

        if (r >= 0)
                writer->n_setting++;
        return r;
}

int writer_receive(Writer *writer, ActuatorReply *ret)
{
        int r = actuator_receive(writer->fd, ret);

        if (r > 0 && ret->request.verb == ACTUATOR_SET_BLOCK)
                writer->n_writing--;
        else if (r > 0)
                writer->n_setting--;
        return r;
}

bool writer_is_idle(const Writer *writer)
{
        return writer->n_writing == 0 && writer->next == writer->n_queue;
}
