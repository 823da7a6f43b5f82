/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * The main process's end of the channel to the actuator. The input has replies one after the other, as they are
 * in memory; the last one may be too short. The process of the actuator could be broken.
 */

#include "actuator/takeover.h"
#include "config/config.h"
#include "daemon/decide.h"
#include "fuzz.h"

#include <sys/socket.h>

#define N_BLOCKS 4
#define JOB_SERIAL 7

static void fill_block(Block *block)
{
        block->node = 0;
        block->status = BLOCK_STATUS_WRITING;
        block->decision.verdict = block->id % 2 ? VERDICT_MOVABLE : VERDICT_KERNEL;
}

static void take_reply(const Decider *decider, Takeover *takeover, const ActuatorReply *reply)
{
        const Sysfs sysfs = SYSFS_CLOSED;
        Conf conf;
        Burst burst = {};

        conf_init(&conf);
        FUZZ_ASSERT(online_word_to_string((OnlineWord) reply->request.word));
        FUZZ_ASSERT(block_state_to_string((BlockState) reply->state));
        if (writer_is_of_job(reply))
                FUZZ_ASSERT(reply->request.serial == JOB_SERIAL);
        else if (reply->request.verb == ACTUATOR_SET_BLOCK)
                (void) decider_on_reply(decider, reply, &conf.retry, &burst);
        else if (reply->request.verb == ACTUATOR_SET_AUTO_ONLINE)
                takeover_on_reply(takeover, &sysfs, decider->machine, reply);
        conf_done(&conf);
}

/* Returns whether there was a reply. */
static bool receive(Writer *writer, ActuatorReply *ret)
{
        int r = writer_receive(writer, ret);

        FUZZ_ASSERT(r == 1 || r == -EPIPE);
        return r > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ActuatorChannel channel = ACTUATOR_CHANNEL_CLOSED;
        Takeover takeover = {};
        History history = {};
        Counters counters = {};
        ChangedIds changed = {};
        Policy policy = {};
        Machine machine;
        const Decider decider = { &machine, &policy, &history, &counters, &changed, 1, 1 };
        ActuatorReply reply;
        Writer writer;
        int fds[2];

        fuzz_machine(&machine, N_BLOCKS, fill_block);
        FUZZ_ASSERT(takeover_take(&takeover, NODE_NONE, ONLINE_WORD_ONLINE, ONLINE_WORD_OFFLINE) ==
                    1);
        FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) ==
                    0);
        channel.fd = fds[0];
        writer_init(&writer, &channel);
        for (size_t i = 0; i < ACTUATOR_WINDOW && size > 0; i++) {
                size_t n = MIN(size, sizeof(reply));

                writer.n_writing = writer.n_setting = 1;
                writer.job_serial = JOB_SERIAL;
                FUZZ_ASSERT(send(fds[1], data, n, 0) == (ssize_t) n);
                if (receive(&writer, &reply))
                        take_reply(&decider, &takeover, &reply);
                data += n;
                size -= n;
        }
        close(fds[1]);
        writer_done(&writer);
        takeover_done(&takeover);
        history_done(&history);
        counters_done(&counters);
        changed_ids_done(&changed);
        machine_done(&machine);
        return 0;
}
