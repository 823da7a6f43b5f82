/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds udev rules that write the state of memory blocks. */

#include "verify/udev-rules.h"

#include <ctype.h>
#include <stdio.h>

/* udev ignores longer lines. */
#define LINE_LENGTH_MAX 16384

typedef struct Reading {
        const UdevHost *host;
        UdevWrites *writes;
        char **labels;  /* owned: labels to which lines above may have jumped */
        bool is_passed; /* all memory blocks have jumped past this line, as far as is known */
        bool is_dead;   /* all devices of this machine have jumped past this line */
} Reading;

void udev_writes_done(UdevWrites *writes)
{
        for (size_t i = 0; i < writes->n_writes; i++)
                free(writes->writes[i].text);
        free(writes->writes);
        *writes = (UdevWrites){};
}

/* Writes */

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text);

        return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool is_state_name(const char *attribute)
{
        attribute = udev_attribute_name(attribute);
        return strcmp(attribute, "state") == 0 || strcmp(attribute, "online") == 0;
}

/*
 * Whether an attribute such as "[memory/memory32]state" belongs to memory, whatever device the
 * event is about.
 */
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

/* Whether a command redirects output to a file, or uses tee. /dev/null and descriptors do not count. */
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
               ((strstr(command, UDEV_MEMORY_FOLDER) || strstr(command, "/sys/bus/memory/")) &&
                redirects(command));
}

/* Whether a command writes the state of the block that the event is about. */
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

/* Whether a token writes memory states if its line is reached for a device of any kind. */
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
        char *text;

        if (GROW(found->writes, found->n_writes) < 0)
                return -ENOMEM;
        text = strndup(token->start, token->length);
        if (!text)
                return -ENOMEM;
        found->writes[found->n_writes++] = (UdevWrite){ number, text };
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

/* Whether a text contains a label. udev ignores a jump to a label that does not exist. */
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

static int follow_jump(Reading *reading, const UdevLine *line, UdevAnswer of_block,
                       const char *rest)
{
        const UdevToken *jump = udev_line_find(line, "GOTO");
        bool asks_more;

        if (!jump || of_block == UDEV_NEVER || !has_label(rest, jump->value))
                return 0;
        if (of_block == UDEV_ALWAYS) {
                reading->is_passed = true;
                (void) udev_match_host(line, reading->host, &asks_more);
                reading->is_dead |= !asks_more;
        }
        return labels_add(&reading->labels, jump->value);
}

static int read_rule(Reading *reading, const UdevLine *line, unsigned number, const char *rest)
{
        const UdevToken *label = udev_line_find(line, "LABEL");
        UdevAnswer of_host, of_block;
        bool asks_more;
        int r;

        if (label && labels_contain(reading->labels, label->value))
                reading->is_passed = reading->is_dead = false;
        if (reading->is_dead)
                return 0;
        of_host = udev_match_host(line, reading->host, &asks_more);
        of_block = reading->is_passed ? UDEV_NEVER : udev_match_line(line, reading->host);
        r = look_for_writes(reading, line, number, of_host != UDEV_NEVER, of_block != UDEV_NEVER);
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
 * Takes the next line from a text, without white space at its beginning. Returns false at the end
 * of the text. The line is not terminated: *ret_length is its length.
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
