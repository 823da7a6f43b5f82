/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "udev-rules.h"

#include "udev-line.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

/* udev ignores what is longer. */
#define LINE_LENGTH_MAX 16384

#define MEMORY_FOLDER "/devices/system/memory"

/* Whether something holds for a memory block: for some it may. */
typedef enum Answer {
        ANSWER_NO,
        ANSWER_MAYBE,
        ANSWER_YES,
} Answer;

typedef struct Reading {
        const UdevHost *host;
        UdevWrites *writes;
        char **labels;  /* owned: where lines above may have jumped to */
        bool is_passed; /* every memory block is past this line, as far as is known */
        bool is_dead;   /* so is every device of this machine */
} Reading;

void udev_writes_done(UdevWrites *writes)
{
        for (size_t i = 0; i < writes->n_writes; i++)
                free(writes->writes[i].text);
        free(writes->writes);
        *writes = (UdevWrites){};
}

/* Matches */

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(word, words[i]) == 0)
                        return true;
        return false;
}

/* Whether a pattern, "a|b*", matches a text. */
static bool pattern_matches(const char *pattern, const char *text)
{
        _cleanup_free_ char *copy = strdup(pattern);
        char *rest = copy, *one;

        while (copy && (one = strsep(&rest, "|")))
                if (fnmatch(one, text, 0) == 0)
                        return true;
        return false;
}

/* Of texts that can be there, how many a pattern matches: all, some, none. */
static Answer match_any_of(const char *pattern, const char *const *texts, size_t n)
{
        size_t n_matching = 0;

        for (size_t i = 0; i < n; i++)
                n_matching += pattern_matches(pattern, texts[i]);
        if (n_matching == n)
                return ANSWER_YES;
        return n_matching > 0 ? ANSWER_MAYBE : ANSWER_NO;
}

static Answer match_text(const char *pattern, const char *text)
{
        if (!text)
                return ANSWER_MAYBE;
        return pattern_matches(pattern, text) ? ANSWER_YES : ANSWER_NO;
}

/* A block's name, or its path with a prefix. One number stands for all, unless it is asked for. */
static Answer match_block(const char *pattern, const char *prefix)
{
        char first[64], second[64], third[64];
        const char *const names[] = { first, second, third };
        char beginning[64];
        Answer answer;

        snprintf(first, sizeof(first), "%smemory0", prefix);
        snprintf(second, sizeof(second), "%smemory37", prefix);
        snprintf(third, sizeof(third), "%smemory4196", prefix);
        answer = match_any_of(pattern, names, ELEMENTSOF(names));
        if (answer != ANSWER_NO)
                return answer;
        snprintf(beginning, sizeof(beginning), "%smemory", prefix);
        for (const char *at = strstr(pattern, beginning); at; at = strstr(at + 1, beginning)) {
                char next = at[strlen(beginning)];

                if ((at == pattern || at[-1] == '|') &&
                    (isdigit((unsigned char) next) || next == '['))
                        return ANSWER_MAYBE;
        }
        return ANSWER_NO;
}

static Answer match_action(const char *pattern)
{
        static const char *const actions[] = { "add", "change", "online", "offline" };

        return match_any_of(pattern, actions, ELEMENTSOF(actions));
}

/* Whether an attribute is that of another device than the one the event is about. */
static bool is_of_another(const char *attribute)
{
        return attribute[0] == '[';
}

static const char *strip_name(const char *attribute)
{
        while (*attribute == '.' || *attribute == '/')
                attribute++;
        return attribute;
}

static Answer match_attribute(const UdevToken *token, const UdevHost *host, bool of_parents)
{
        static const char *const states[] = { "online", "offline", "going-offline" };
        static const char *const own[] = { "online",    "phys_device", "phys_index",
                                           "removable", "uevent",      "valid_zones" };
        static const char *const of_folder[] = { "auto_online_blocks", "block_size_bytes",
                                                 "crash_hotplug", "probe" };
        const char *name = strip_name(token->attribute);

        if (strcmp(name, "[dmi/id]sys_vendor") == 0)
                return match_text(token->value, host->sys_vendor);
        if (strcmp(name, "[dmi/id]product_name") == 0)
                return match_text(token->value, host->product_name);
        if (is_of_another(name) || strncmp(name, "power/", 6) == 0)
                return ANSWER_MAYBE;
        if (strcmp(name, "state") == 0)
                return match_any_of(token->value, states, ELEMENTSOF(states));
        if (strcmp(name, "subsystem") == 0)
                return match_text(token->value, "memory");
        if (is_one_of(name, own, ELEMENTSOF(own)) ||
            (of_parents && is_one_of(name, of_folder, ELEMENTSOF(of_folder))))
                return ANSWER_MAYBE;
        return ANSWER_NO;
}

/* Whether memory blocks have an attribute that is compared: what is not there matches nothing. */
static bool is_compared_in_vain(const UdevToken *token, const UdevHost *host)
{
        UdevToken any = *token;

        if (strcmp(token->key, "ATTR") != 0 && strcmp(token->key, "ATTRS") != 0)
                return false;
        any.value = (char *) "*";
        return match_attribute(&any, host, strcmp(token->key, "ATTRS") == 0) == ANSWER_NO;
}

static Answer match_constant(const UdevToken *token, const UdevHost *host)
{
        if (strcmp(token->attribute, "arch") == 0)
                return match_text(token->value, host->architecture);
        if (strcmp(token->attribute, "virt") == 0)
                return match_text(token->value, host->virtualization);
        return ANSWER_MAYBE;
}

static Answer match_property(const UdevToken *token)
{
        if (strcmp(token->attribute, "SUBSYSTEM") == 0)
                return match_text(token->value, "memory");
        if (strcmp(token->attribute, "DEVPATH") == 0)
                return match_block(token->value, MEMORY_FOLDER "/");
        if (strcmp(token->attribute, "ACTION") == 0)
                return match_action(token->value);
        return ANSWER_MAYBE;
}

static Answer match_equal(const UdevToken *token, const UdevHost *host)
{
        const char *key = token->key;

        if (strcmp(key, "SUBSYSTEM") == 0 || strcmp(key, "SUBSYSTEMS") == 0)
                return match_text(token->value, "memory");
        if (strcmp(key, "ACTION") == 0)
                return match_action(token->value);
        if (strcmp(key, "KERNEL") == 0)
                return match_block(token->value, "");
        if (strcmp(key, "KERNELS") == 0)
                return match_text(token->value, "memory") == ANSWER_YES ?
                               ANSWER_YES :
                               match_block(token->value, "");
        if (strcmp(key, "DEVPATH") == 0)
                return match_block(token->value, MEMORY_FOLDER "/");
        if (strcmp(key, "DRIVER") == 0 || strcmp(key, "DRIVERS") == 0)
                return match_text(token->value, "");
        if (strcmp(key, "ATTR") == 0 || strcmp(key, "ATTRS") == 0)
                return match_attribute(token, host, key[4] == 'S');
        if (strcmp(key, "CONST") == 0)
                return match_constant(token, host);
        if (strcmp(key, "ENV") == 0)
                return match_property(token);
        return ANSWER_MAYBE;
}

/* What a program or an import comes to is part of the match, whatever its operator. */
static bool is_open(const UdevToken *token)
{
        return strcmp(token->key, "PROGRAM") == 0 || strcmp(token->key, "IMPORT") == 0;
}

static Answer match_token(const UdevToken *token, const UdevHost *host)
{
        Answer answer;

        if (is_open(token))
                return ANSWER_MAYBE;
        if (token->operator!= UDEV_MATCH && token->operator!= UDEV_NOMATCH)
                return ANSWER_YES;
        if (is_compared_in_vain(token, host))
                return ANSWER_NO;
        answer = match_equal(token, host);
        return token->operator== UDEV_MATCH ? answer : (Answer)(ANSWER_YES - answer);
}

static Answer least(Answer a, Answer b)
{
        return MIN(a, b);
}

static Answer match_line(const UdevLine *line, const UdevHost *host)
{
        Answer answer = ANSWER_YES;

        for (size_t i = 0; i < line->n_tokens; i++)
                answer = least(answer, match_token(&line->tokens[i], host));
        return answer;
}

static bool is_match(const UdevToken *token)
{
        return is_open(token) || token->operator== UDEV_MATCH || token->operator== UDEV_NOMATCH;
}

/* Whether it is the same for every device. */
static bool is_about_host(const UdevToken *token)
{
        return strcmp(token->key, "CONST") == 0 ||
               (strcmp(token->key, "ATTR") == 0 && is_of_another(token->attribute));
}

/* What a line asks of the machine; *ret_rest: whether it asks for more. */
static Answer match_host(const UdevLine *line, const UdevHost *host, bool *ret_rest)
{
        Answer answer = ANSWER_YES;

        *ret_rest = false;
        for (size_t i = 0; i < line->n_tokens; i++)
                if (is_about_host(&line->tokens[i]))
                        answer = least(answer, match_token(&line->tokens[i], host));
                else
                        *ret_rest |= is_match(&line->tokens[i]);
        return answer;
}

/* Writes */

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text);

        return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool is_state_name(const char *attribute)
{
        attribute = strip_name(attribute);
        return strcmp(attribute, "state") == 0 || strcmp(attribute, "online") == 0;
}

/* "[memory/memory32]state": whatever device the event is about. */
static bool names_memory(const char *attribute)
{
        return (strncmp(attribute, "[memory/", 8) == 0 ||
                strncmp(attribute, "[subsystem/memory]", 18) == 0) &&
               (ends_with(attribute, "state") || ends_with(attribute, "online") ||
                ends_with(attribute, "auto_online_blocks"));
}

static bool has_word(const char *text, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
                if ((at == text || !isalnum((unsigned char) at[-1])) &&
                    !isalnum((unsigned char) at[length]))
                        return true;
        return false;
}

/* Whether a command sends something to a file that is not /dev/null and no descriptor. */
static bool redirects(const char *command)
{
        for (const char *at = strchr(command, '>'); at; at = strchr(at, '>')) {
                at += strspn(at, "> ");
                if (*at != '&' && strncmp(at, "/dev/null", 9) != 0)
                        return true;
        }
        return has_word(command, "tee");
}

static bool command_names_memory(const char *command)
{
        return has_word(command, "chmem") ||
               ((strstr(command, MEMORY_FOLDER) || strstr(command, "/sys/bus/memory/")) &&
                redirects(command));
}

/* Of the block that the event is about. */
static bool command_names_own_state(const char *command)
{
        static const char *const names[] = { "%p/state",        "$devpath/state",
                                             "$DEVPATH/state",  "${DEVPATH}/state",
                                             "{DEVPATH}/state", "$env{DEVPATH}/state",
                                             "%p/online",       "$devpath/online",
                                             "$DEVPATH/online" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strstr(command, names[i]))
                        return redirects(command);
        return false;
}

static bool is_command(const UdevToken *token)
{
        if (strcmp(token->key, "RUN") == 0)
                return token->operator== UDEV_ASSIGN && strcmp(token->attribute, "builtin") != 0;
        if (strcmp(token->key, "IMPORT") == 0)
                return strcmp(token->attribute, "program") == 0;
        return strcmp(token->key, "PROGRAM") == 0;
}

/* Whether a token writes states of memory when its line is reached for a device of any kind. */
static bool writes_for_any(const UdevToken *token)
{
        if (strcmp(token->key, "ATTR") == 0 && token->operator== UDEV_ASSIGN)
                return names_memory(token->attribute);
        return is_command(token) && command_names_memory(token->value);
}

static bool writes_for_block(const UdevToken *token)
{
        if (strcmp(token->key, "ATTR") == 0 && token->operator== UDEV_ASSIGN)
                return is_state_name(token->attribute);
        return is_command(token) && command_names_own_state(token->value);
}

static int add_write(Reading *reading, unsigned number, const UdevToken *token)
{
        UdevWrites *found = reading->writes;
        UdevWrite *writes = reallocarray(found->writes, found->n_writes + 1, sizeof(*writes));
        char *text;

        if (!writes)
                return -ENOMEM;
        found->writes = writes;
        text = strndup(token->start, token->length);
        if (!text)
                return -ENOMEM;
        writes[found->n_writes++] = (UdevWrite){ number, text };
        return 0;
}

static int look_for_writes(Reading *reading, const UdevLine *line, unsigned number, bool by_any,
                           bool by_blocks)
{
        for (size_t i = 0; i < line->n_tokens; i++) {
                const UdevToken *token = &line->tokens[i];

                if ((by_any && writes_for_any(token)) || (by_blocks && writes_for_block(token)))
                        return add_write(reading, number, token);
        }
        return 0;
}

/* Jumps */

/* udev ignores a jump to where there is nothing. */
static bool has_label(const char *text, const char *label)
{
        char wanted[UDEV_NAME_MAX + 16];

        if (snprintf(wanted, sizeof(wanted), "LABEL=\"%s\"", label) >= (int) sizeof(wanted))
                return false;
        return strstr(text, wanted) != NULL;
}

static size_t labels_count(char *const *labels)
{
        size_t n = 0;

        while (labels && labels[n])
                n++;
        return n;
}

static bool labels_contain(char *const *labels, const char *label)
{
        for (; labels && *labels; labels++)
                if (strcmp(*labels, label) == 0)
                        return true;
        return false;
}

static int labels_add(char ***labels, const char *label)
{
        size_t n = labels_count(*labels);
        char **more;

        if (labels_contain(*labels, label))
                return 0;
        more = reallocarray(*labels, n + 2, sizeof(char *));
        if (!more)
                return -ENOMEM;
        *labels = more;
        more[n] = strdup(label);
        more[n + 1] = NULL;
        return more[n] ? 0 : -ENOMEM;
}

static int follow_jump(Reading *reading, const UdevLine *line, Answer of_block, const char *rest)
{
        const UdevToken *jump = udev_line_find(line, "GOTO");
        bool asks_more;

        if (!jump || of_block == ANSWER_NO || !has_label(rest, jump->value))
                return 0;
        if (of_block == ANSWER_YES) {
                reading->is_passed = true;
                (void) match_host(line, reading->host, &asks_more);
                reading->is_dead |= !asks_more;
        }
        return labels_add(&reading->labels, jump->value);
}

static int read_rule(Reading *reading, const UdevLine *line, unsigned number, const char *rest)
{
        const UdevToken *label = udev_line_find(line, "LABEL");
        Answer of_host, of_block;
        bool asks_more;
        int r;

        if (label && labels_contain(reading->labels, label->value))
                reading->is_passed = reading->is_dead = false;
        if (reading->is_dead)
                return 0;
        of_host = match_host(line, reading->host, &asks_more);
        of_block = reading->is_passed ? ANSWER_NO : match_line(line, reading->host);
        r = look_for_writes(reading, line, number, of_host != ANSWER_NO, of_block != ANSWER_NO);
        return r < 0 ? r : follow_jump(reading, line, of_block, rest);
}

static int read_line(Reading *reading, const char *text, unsigned number, const char *rest)
{
        UdevLine line;
        int r = udev_line_parse(text, &line) ? read_rule(reading, &line, number, rest) : 0;

        udev_line_done(&line);
        return r;
}

/*
 * Takes a line from a text, without what is blank before it. False at the end of the text. A line is not
 * terminated: *ret_length.
 */
static bool next_line(const char **at, const char **ret_line, size_t *ret_length)
{
        const char *start = *at, *end = strchrnul(start, '\n');

        if (!*start)
                return false;
        *at = *end ? end + 1 : end;
        start += strspn(start, " \t\r");
        *ret_line = start;
        *ret_length = end > start ? (size_t) (end - start) : 0;
        return true;
}

int udev_rules_parse(const char *text, const UdevHost *host, UdevWrites *writes)
{
        _cleanup_free_ char *joined = malloc(LINE_LENGTH_MAX + 1);
        Reading reading = { .host = host, .writes = writes };
        unsigned number = 0, first = 0;
        bool is_too_long = false;
        size_t n_joined = 0, length;
        const char *line;
        int r = joined ? 0 : -ENOMEM;

        while (r >= 0 && next_line(&text, &line, &length)) {
                bool is_continued;

                number++;
                if (length > 0 && line[0] == '#')
                        continue;
                is_continued = length > 0 && line[length - 1] == '\\';
                length -= is_continued;
                first = first ?: number;
                is_too_long |= n_joined + length > LINE_LENGTH_MAX;
                if (!is_too_long) {
                        memcpy(joined + n_joined, line, length);
                        n_joined += length;
                }
                if (is_continued && *text)
                        continue;
                joined[n_joined] = 0;
                if (!is_too_long)
                        r = read_line(&reading, joined, first, text);
                n_joined = first = 0;
                is_too_long = false;
        }
        strings_free(reading.labels);
        return r;
}
