/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Remembers what auto_online_blocks said before memoryd, and chooses what memoryd writes there. */

#include "actuator/takeover-private.h"
#include "base/log.h"
#include "base/names.h"

#include <poll.h>
#include <stdio.h>

#define ABANDON_MSEC 10000

/* The words to write */

/* Takes a word as the one to restore. */
static void answer_start(Answer *answer, OnlineWord current)
{
        answer->before = current;
        answer->ours = 1U << current;
        answer->foreign = _ONLINE_WORD_INVALID;
}

/* Compares a file with what is known of it. Returns whether memoryd may write to it. */
static bool answer_check(Answer *answer, OnlineWord current)
{
        OnlineWord foreign = answer->foreign;

        if (answer_is_ours(answer, current))
                answer->foreign = _ONLINE_WORD_INVALID;
        else if (answer->is_loaded && answer->foreign != current)
                answer_start(answer, current); /* it was set while no memoryd ran */
        else
                answer->foreign = current;
        answer->is_loaded = false;
        answer->is_told &= answer->foreign == foreign;
        return answer->foreign < 0;
}

int takeover_take(Takeover *takeover, int32_t node, OnlineWord current, OnlineWord wanted)
{
        Answer *answer = takeover_find(takeover, node);
        bool is_new = !answer, may_write;
        Answer old;

        if (is_new)
                answer = takeover_add(takeover, node);
        if (!answer)
                return -ENOMEM;
        if (is_new)
                answer_start(answer, current);
        old = *answer;
        may_write = answer_check(answer, current);
        if (may_write && current == wanted)
                answer->ours = 1U << current;
        may_write &= current != wanted && answer->refused != wanted;
        if (may_write)
                answer->ours |= 1U << wanted;
        takeover->is_changed |= may_write || answer->ours != old.ours ||
                                answer->before != old.before || answer->foreign != old.foreign;
        return may_write;
}

OnlineWord takeover_release(const Takeover *takeover, int32_t node, OnlineWord current)
{
        const Answer *answer = takeover_find(takeover, node);

        if (!answer || !answer_is_ours(answer, current) || current == answer->before ||
            answer->refused == answer->before)
                return _ONLINE_WORD_INVALID;
        return answer->before;
}

void takeover_written(Takeover *takeover, int32_t node, OnlineWord word, int error)
{
        Answer *answer = takeover_find(takeover, node);

        if (!answer)
                return;
        /* If the time was up, another process had the kernel's lock: try again. */
        answer->refused = error < 0 && error != -ETIMEDOUT ? word : _ONLINE_WORD_INVALID;
        if (error < 0)
                return;
        answer->ours = 1U << word;
        takeover->is_changed = true;
}

void takeover_renew(Takeover *takeover)
{
        for (size_t i = 0; i < takeover->n_answers; i++) {
                Answer *answer = &takeover->answers[i];

                answer->refused = _ONLINE_WORD_INVALID;
                if (answer->foreign < 0)
                        continue;
                answer_start(answer, answer->foreign);
                takeover->is_changed = true;
        }
}

void takeover_forget(Takeover *takeover, int32_t node)
{
        Answer *answer = takeover_find(takeover, node);

        if (!answer)
                return;
        *answer = takeover->answers[--takeover->n_answers];
        takeover->is_changed = true;
}

/* While memoryd runs */

void takeover_read(Takeover *takeover, const Sysfs *sysfs)
{
        char word[AUTO_ONLINE_WORD_MAX];

        if (sysfs_read_auto_online(sysfs, NODE_NONE, word) < 0)
                word[0] = 0;
        if (*word && strcmp(word, takeover->machine_word) != 0 && online_word_from_string(word) < 0)
                log_notice(
                        "auto_online_blocks says '%s', which memoryd does not know, leaving it so",
                        word);
        strcpy(takeover->machine_word, word);
}

static OnlineWord answer_kernel_word(const Answer *answer)
{
        return answer && answer->foreign < 0 ? answer->before : ONLINE_WORD_OFFLINE;
}

void takeover_note_words(const Takeover *takeover, Machine *machine)
{
        machine->kernel_word = answer_kernel_word(takeover_find(takeover, NODE_NONE));
        for (size_t i = 0; i < machine->n_nodes; i++) {
                Node *node = &machine->nodes[i];
                const Answer *answer = takeover_find(takeover, (int32_t) node->id);

                node->kernel_word = answer_kernel_word(answer);
                node->has_kernel_word = answer && node->kernel_word != ONLINE_WORD_INHERIT;
        }
}

WordFiles takeover_foreign(const Takeover *takeover, const Machine *machine)
{
        WordFiles files = {};

        for (size_t i = 0; i < takeover->n_answers; i++) {
                const Answer *answer = &takeover->answers[i];

                if (answer->foreign < 0)
                        continue;
                if (answer->node == NODE_NONE)
                        files.machine = true;
                else if (machine_find_node(machine, (uint32_t) answer->node))
                        node_set_add(&files.nodes, (uint32_t) answer->node);
        }
        return files;
}

bool takeover_kernel_onlines(const Takeover *takeover)
{
        return online_word_onlines(online_word_from_string(takeover->machine_word));
}

/*
 * Finds the first file that needs another word, and the word: the machine's file, then those of the
 * nodes. Returns 1, 0 if there is no such file, or -ENOMEM.
 */
static int takeover_next(Takeover *takeover, const Machine *machine, const TakeoverWish *wish,
                         int32_t *ret_node, OnlineWord *ret_word)
{
        OnlineWord of_machine = offload_machine_word(machine, wish->policy, wish->is_uniform);
        OnlineWord current = online_word_from_string(takeover->machine_word), wanted = of_machine;
        int r = 0;

        for (size_t i = 0; r == 0 && i <= machine->n_nodes; i++) {
                const Node *node = i > 0 ? &machine->nodes[i - 1] : NULL;

                if (node) {
                        current = node->auto_online;
                        wanted = offload_node_word(machine, wish->policy, wish->is_uniform,
                                                   of_machine, node);
                }
                if (current < 0)
                        continue;
                *ret_node = node ? (int32_t) node->id : NODE_NONE;
                *ret_word =
                        wish->gives_back ? takeover_release(takeover, *ret_node, current) : wanted;
                r = wish->gives_back ? *ret_word >= 0 :
                                       takeover_take(takeover, *ret_node, current, wanted);
        }
        return r;
}

/*
 * Forgets the files when all words have been restored, but not those of nodes that are gone: the kernel has
 * kept their words for the time when the node comes back. Nor those that another process has set: the next
 * memoryd leaves them alone as well.
 */
static void forget_restored(Takeover *takeover, const Machine *machine)
{
        for (size_t i = takeover->n_answers; i-- > 0;) {
                int32_t node = takeover->answers[i].node;

                if (takeover->answers[i].foreign < 0 &&
                    (node == NODE_NONE || machine_find_node(machine, (uint32_t) node)))
                        takeover_forget(takeover, node);
        }
}

/* Logs each word that another process has set, once. */
static void tell_foreign(Takeover *takeover)
{
        const LogContext context = { .message_id = MESSAGE_ID_AUTO_ONLINE_FOREIGN };
        char file[AUTO_ONLINE_PATH_MAX];

        for (size_t i = 0; i < takeover->n_answers; i++) {
                Answer *answer = &takeover->answers[i];

                if (answer->foreign < 0 || answer->is_told)
                        continue;
                answer->is_told = true;
                log_full(LOG_NOTICE, &context,
                         "Another process set %s to '%s', leaving it so until \"memoryctl reload\"",
                         sysfs_auto_online_path(answer->node, file),
                         online_word_to_string(answer->foreign));
        }
}

int takeover_run(Takeover *takeover, Writer *writer, const char *folder, const Machine *machine,
                 const TakeoverWish *wish)
{
        OnlineWord word;
        int32_t node;
        int r, saved;

        if (writer->n_setting > 0)
                return 1;
        r = takeover_next(takeover, machine, wish, &node, &word);
        tell_foreign(takeover);
        if (r == 0 && wish->gives_back)
                forget_restored(takeover, machine);
        saved = takeover_save(folder, takeover);
        if (saved < 0 && !takeover->failed)
                log_warning("Cannot keep what auto_online_blocks was below %s: %s, trying again "
                            "when memory changes",
                            folder, strerror(-saved));
        takeover->failed = saved < 0;
        if (r > 0)
                r = writer_set_auto_online(writer, node, word) < 0 ? -EPIPE : 1;
        return r;
}

void takeover_on_reply(Takeover *takeover, const Sysfs *sysfs, Machine *machine,
                       const ActuatorReply *reply)
{
        OnlineWord word = (OnlineWord) reply->request.word;
        int32_t id = reply->request.node;
        Node *node = id == NODE_NONE ? NULL : machine_find_node(machine, (uint32_t) id);
        char file[AUTO_ONLINE_PATH_MAX];

        (void) sysfs_auto_online_path(id, file);
        if (reply->error < 0)
                log_warning("Cannot set %s to '%s': %s, ignoring", file,
                            online_word_to_string(word), strerror(-reply->error));
        else
                log_info("Set %s to '%s'", file, online_word_to_string(word));
        takeover_written(takeover, id, word, reply->error);

        if (id == NODE_NONE)
                takeover_read(takeover, sysfs);
        else if (node && sysfs_read_online_word(sysfs, id, &node->auto_online) < 0)
                node->auto_online = _ONLINE_WORD_INVALID;
}

/* When memoryd cannot start */

static int put_back(int actuator_fd, const Answer *answer)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = answer->node,
                .word = (uint32_t) answer->before,
        };
        struct pollfd pollfd = { .fd = actuator_fd, .events = POLLIN };
        ActuatorReply reply;
        int r = actuator_send(actuator_fd, &request);

        if (r < 0)
                return r;
        if (poll(&pollfd, 1, ABANDON_MSEC) <= 0)
                return -ETIMEDOUT;
        r = actuator_receive(actuator_fd, &reply);
        if (r > 0)
                return reply.error;
        return r < 0 ? r : -EIO;
}

int takeover_abandon(const char *folder, const Sysfs *sysfs, int actuator_fd)
{
        _cleanup_(takeover_done) Takeover takeover = {};
        int n = 0, r = takeover_load(folder, &takeover);

        for (size_t i = takeover.n_answers; r >= 0 && i-- > 0;) {
                const Answer *answer = &takeover.answers[i];
                OnlineWord current;

                if (sysfs_read_online_word(sysfs, answer->node, &current) < 0)
                        continue;
                if (takeover_release(&takeover, answer->node, current) >= 0) {
                        r = put_back(actuator_fd, answer);
                        n += r >= 0;
                }
                if (r >= 0 && answer->foreign != current)
                        takeover_forget(&takeover, answer->node);
        }
        if (r >= 0)
                r = takeover_save(folder, &takeover);
        return r < 0 ? r : n;
}
