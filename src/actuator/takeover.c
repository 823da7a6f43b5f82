/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Remembers what auto_online_blocks said before memoryd, and chooses what memoryd writes there. */

#include "actuator/takeover.h"

#include "base/log.h"
#include "base/statefile.h"
#include "policy/offload.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>

#define FILE_NAME "auto_online_blocks"
#define ABANDON_MSEC 10000

/* The first line contains the version: a file of another version is not used. */
#define HEADING "memoryd auto_online_blocks 1\n"

/*
 * Then comes a line for each auto_online_blocks file: its owner, its previous word, and the words
 * that memoryd wrote.
 */
#define LINE_TEXT_MAX 128
#define FILE_MAX (sizeof(HEADING) + (size_t) (NODE_MAX + 1) * LINE_TEXT_MAX)

#define MACHINE_NAME "machine"
#define NODE_PREFIX "node"

void takeover_done(Takeover *takeover)
{
        free(takeover->answers);
        *takeover = (Takeover){};
}

static Answer *takeover_find(const Takeover *takeover, int32_t node)
{
        for (size_t i = 0; i < takeover->n_answers; i++)
                if (takeover->answers[i].node == node)
                        return &takeover->answers[i];
        return NULL;
}

static Answer *takeover_add(Takeover *takeover, int32_t node)
{
        if (GROW(takeover->answers, takeover->n_answers) < 0)
                return NULL;
        takeover->answers[takeover->n_answers] =
                (Answer){ .node = node, .refused = _ONLINE_WORD_INVALID };
        return &takeover->answers[takeover->n_answers++];
}

static bool is_ours(const Answer *answer, OnlineWord word)
{
        return answer->ours & 1U << word;
}

/* The state file */

/* Parses the owner of a file. Returns its node, NODE_NONE for the machine, or -EBADMSG. */
static int32_t parse_owner(const char *text)
{
        uint32_t node;

        if (strcmp(text, MACHINE_NAME) == 0)
                return NODE_NONE;
        return sysfs_parse_numbered(text, NODE_PREFIX, &node) && node < NODE_MAX ? (int32_t) node :
                                                                                   -EBADMSG;
}

/* Parses a line such as "machine online offline". There is at least one word after the previous one. */
static int parse_line(char *line, Takeover *takeover)
{
        char *rest = NULL, *name = strtok_r(line, " ", &rest), *text = strtok_r(NULL, " ", &rest);
        OnlineWord word = text ? online_word_from_string(text) : _ONLINE_WORD_INVALID;
        int32_t node = word < 0 ? -EBADMSG : parse_owner(name);
        Answer *answer;

        if (node == -EBADMSG || takeover_find(takeover, node))
                return -EBADMSG;
        answer = takeover_add(takeover, node);
        if (!answer)
                return -ENOMEM;
        answer->before = word;
        while ((text = strtok_r(NULL, " ", &rest))) {
                word = online_word_from_string(text);
                if (word < 0)
                        return -EBADMSG;
                answer->ours |= 1U << word;
        }
        return answer->ours == 0 ? -EBADMSG : 0;
}

static int parse_text(char *text, Takeover *takeover)
{
        char *line = text + strlen(HEADING), *end;

        if (strncmp(text, HEADING, strlen(HEADING)) != 0)
                return -EBADMSG;
        for (; *line; line = end + 1) {
                int r;

                end = strchr(line, '\n');
                if (!end)
                        return -EBADMSG;
                *end = 0;
                r = parse_line(line, takeover);
                if (r < 0)
                        return r;
        }
        return 0;
}

int takeover_load(const char *folder, Takeover *ret)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_(takeover_done) Takeover takeover = {};
        int r = statefile_read(folder, FILE_NAME, FILE_MAX, &text);

        if (r >= 0)
                r = parse_text(text, &takeover);
        if (r < 0 && r != -ENOENT)
                return r == -EFBIG ? -EBADMSG : r;
        ret->answers = TAKE_PTR(takeover.answers);
        ret->n_answers = takeover.n_answers;
        return 0;
}

static void print_answer(FILE *stream, const Answer *answer)
{
        if (answer->node == NODE_NONE)
                fputs(MACHINE_NAME, stream);
        else
                fprintf(stream, NODE_PREFIX "%d", answer->node);
        fprintf(stream, " %s", online_word_to_string(answer->before));
        for (int word = 0; word < _ONLINE_WORD_MAX; word++)
                if (is_ours(answer, (OnlineWord) word))
                        fprintf(stream, " %s", online_word_to_string((OnlineWord) word));
        fputc('\n', stream);
}

int takeover_save(const char *folder, Takeover *takeover)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream;
        bool failed;
        int r;

        if (!takeover->is_changed)
                return 0;
        if (takeover->n_answers == 0) {
                char path[PATH_MAX];

                snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
                unlink(path);
                takeover->is_changed = false;
                return 0;
        }
        stream = open_memstream(&text, &size);
        if (!stream)
                return -ENOMEM;
        fputs(HEADING, stream);
        for (size_t i = 0; i < takeover->n_answers; i++)
                print_answer(stream, &takeover->answers[i]);
        failed = ferror(stream) != 0;
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        r = statefile_replace(folder, FILE_NAME, text, size);
        takeover->is_changed = r < 0;
        return r;
}

/* The words to write */

int takeover_take(Takeover *takeover, int32_t node, OnlineWord current, OnlineWord wanted)
{
        Answer *answer = takeover_find(takeover, node);

        if (current == wanted) {
                if (answer && !is_ours(answer, current))
                        takeover_forget(takeover, node);
                return 0;
        }
        if (answer && answer->refused == wanted)
                return 0;
        if (!answer)
                answer = takeover_add(takeover, node);
        if (!answer)
                return -ENOMEM;
        if (!is_ours(answer, current)) {
                answer->before = current;
                answer->ours = 0;
        }
        answer->ours |= 1U << wanted;
        takeover->is_changed = true;
        return 1;
}

OnlineWord takeover_release(const Takeover *takeover, int32_t node, OnlineWord current)
{
        const Answer *answer = takeover_find(takeover, node);

        if (!answer || !is_ours(answer, current) || current == answer->before ||
            answer->refused == answer->before)
                return _ONLINE_WORD_INVALID;
        return answer->before;
}

void takeover_written(Takeover *takeover, int32_t node, OnlineWord word, int error)
{
        Answer *answer = takeover_find(takeover, node);

        if (!answer)
                return;
        answer->refused = error < 0 ? word : _ONLINE_WORD_INVALID;
        if (error < 0)
                return;
        answer->ours = 1U << word;
        takeover->is_changed = true;
        if (word == answer->before)
                takeover_forget(takeover, node);
}

void takeover_retry(Takeover *takeover)
{
        for (size_t i = 0; i < takeover->n_answers; i++)
                takeover->answers[i].refused = _ONLINE_WORD_INVALID;
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
        if (sysfs_read_auto_online(sysfs, NODE_NONE, takeover->machine_word) < 0)
                takeover->machine_word[0] = 0;
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
 * Forgets the files when all words have been restored, but not those of nodes that are gone: the
 * kernel has kept their words for the time when the node comes back.
 */
static void forget_restored(Takeover *takeover, const Machine *machine)
{
        for (size_t i = takeover->n_answers; i-- > 0;) {
                int32_t node = takeover->answers[i].node;

                if (node == NODE_NONE || machine_find_node(machine, (uint32_t) node))
                        takeover_forget(takeover, node);
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
                if (r >= 0)
                        takeover_forget(&takeover, answer->node);
        }
        if (r >= 0)
                r = takeover_save(folder, &takeover);
        return r < 0 ? r : n;
}
