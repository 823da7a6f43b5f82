/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps what memoryd knows of the auto_online_blocks files, in memory and in a file below /run. */

#include "actuator/takeover-private.h"
#include "base/statefile.h"

#include <stdio.h>

#define FILE_NAME "auto_online_blocks"

/* The first line contains the version: a file of another version is not used. */
#define HEADING "memoryd auto_online_blocks 1\n"

/*
 * Then comes a line for each auto_online_blocks file: its owner, its previous word, the words that memoryd
 * wrote, and behind FOREIGN_MARK a word that another process set.
 */
#define LINE_TEXT_MAX 128
#define FILE_MAX (sizeof(HEADING) + (size_t) (NODE_MAX + 1) * LINE_TEXT_MAX)

#define MACHINE_NAME "machine"
#define NODE_PREFIX "node"
#define FOREIGN_MARK '!'

void takeover_done(Takeover *takeover)
{
        free(takeover->answers);
        *takeover = (Takeover){};
}

Answer *takeover_find(const Takeover *takeover, int32_t node)
{
        for (size_t i = 0; i < takeover->n_answers; i++)
                if (takeover->answers[i].node == node)
                        return &takeover->answers[i];
        return NULL;
}

Answer *takeover_add(Takeover *takeover, int32_t node)
{
        if (GROW(takeover->answers, takeover->n_answers) < 0)
                return NULL;
        takeover->answers[takeover->n_answers] = (Answer){
                .node = node,
                .refused = _ONLINE_WORD_INVALID,
                .foreign = _ONLINE_WORD_INVALID,
        };
        return &takeover->answers[takeover->n_answers++];
}

bool answer_is_ours(const Answer *answer, OnlineWord word)
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

static int parse_word(const char *text, Answer *answer)
{
        bool is_foreign = *text == FOREIGN_MARK;
        OnlineWord word = online_word_from_string(text + is_foreign);

        if (word < 0 || (is_foreign && answer->foreign >= 0))
                return -EBADMSG;
        if (is_foreign)
                answer->foreign = word;
        else
                answer->ours |= 1U << word;
        return 0;
}

/*
 * Parses a line such as "machine online offline !online_movable". There is at least one word of memoryd after
 * the previous one.
 */
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
        answer->is_loaded = true;
        while ((text = strtok_r(NULL, " ", &rest)))
                if (parse_word(text, answer) < 0)
                        return -EBADMSG;
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
                if (answer_is_ours(answer, (OnlineWord) word))
                        fprintf(stream, " %s", online_word_to_string((OnlineWord) word));
        if (answer->foreign >= 0)
                fprintf(stream, " %c%s", FOREIGN_MARK, online_word_to_string(answer->foreign));
        fputc('\n', stream);
}

/* Whether the next memoryd has to know of a file: its word is to be restored, or left alone. */
static bool answer_is_worth_saving(const Answer *answer)
{
        return answer->foreign >= 0 || answer->ours != 1U << answer->before;
}

int takeover_save(const char *folder, Takeover *takeover)
{
        _cleanup_free_ char *text = NULL;
        size_t n = 0, size = 0;
        FILE *stream;
        bool failed;
        int r;

        if (!takeover->is_changed)
                return 0;
        for (size_t i = 0; i < takeover->n_answers; i++)
                n += answer_is_worth_saving(&takeover->answers[i]);
        if (n == 0) {
                (void) statefile_remove(folder, FILE_NAME);
                takeover->is_changed = false;
                return 0;
        }
        stream = open_memstream(&text, &size);
        if (!stream)
                return -ENOMEM;
        fputs(HEADING, stream);
        for (size_t i = 0; i < takeover->n_answers; i++)
                if (answer_is_worth_saving(&takeover->answers[i]))
                        print_answer(stream, &takeover->answers[i]);
        failed = ferror(stream) != 0;
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        r = statefile_replace(folder, FILE_NAME, text, size);
        takeover->is_changed = r < 0;
        return r;
}
