/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds udev rules that write the state of memory blocks. */

#include "verify/udev-rules.h"

#include <ctype.h>
#include <fnmatch.h>
#include <search.h>
#include <stdio.h>

/* udev ignores longer lines. */
#define LINE_LENGTH_MAX 16384
#define TOKENS_MAX 64
#define KEY_MAX 320

/* A token of a line: KEY{attribute}OPERATOR"value". */
typedef struct Token {
        char *text;        /* all of it but the last quotation mark */
        char key[KEY_MAX]; /* with the attribute: "ATTR{state}" */
        bool is_match;     /* == or != */
        bool is_negated;   /* != or -= */
        const char *value;
} Token;

/* The devices for whose events a line is processed. */
typedef enum Kind {
        KIND_ANY,   /* any device of this machine */
        KIND_BLOCK, /* the memory blocks */
        _KIND_MAX,
} Kind;

/* Whether something holds. ANSWER_MAYBE: for some devices, or the answer is not known. */
typedef enum Answer {
        ANSWER_NEVER,
        ANSWER_MAYBE,
        ANSWER_ALWAYS,
} Answer;

/* A line with a label, a jump or a write. */
typedef struct Line {
        unsigned number;     /* of the first line, if it is continued */
        const char *label;   /* NULL: none */
        const char *jump;    /* the label in GOTO; NULL: none */
        struct Line *target; /* the line to which it jumps; NULL: none */
        /* For each kind of device: */
        char *writes[_KIND_MAX]; /* Token.text of the first token that writes; NULL: none */
        Answer matches[_KIND_MAX];
        bool is_reached[_KIND_MAX];
} Line;

/* Tokens */

/*
 * Copies KEY or KEY{attribute}, without dots and slashes at the beginning of the attribute. Returns
 * the rest of the line, or NULL.
 */
static char *parse_key(char *at, char key[static KEY_MAX])
{
        size_t length = strcspn(at, " \t{=!:+-\""), rest;
        char *attribute = at + length, *end = attribute;

        if (length == 0)
                return NULL;
        if (*end == '{') {
                length++;
                attribute = at + length + strspn(at + length, "./");
                end = strchrnul(attribute, '}');
                if (!*end)
                        return NULL;
                end++;
        }
        rest = (size_t) (end - attribute);
        if (length + rest >= KEY_MAX)
                return NULL;
        memcpy(key, at, length);
        memcpy(key + length, attribute, rest);
        key[length + rest] = 0;
        return end + strspn(end, " \t");
}

static char *parse_operator(char *at, Token *token)
{
        bool is_double = *at && strchr("=!+:-", *at) && at[1] == '=';

        if (!is_double && *at != '=')
                return NULL;
        token->is_match = is_double && (*at == '=' || *at == '!');
        token->is_negated = *at == '!' || *at == '-';
        at += is_double ? 2 : 1;
        return at + strspn(at, " \t");
}

/*
 * Parses a token and ends its value with a zero byte. \" does not end a value, which may be
 * preceded by e or i. Returns the rest of the line, or NULL.
 */
static char *parse_token(char *at, Token *token)
{
        token->text = at;
        at = parse_key(at, token->key);
        at = at ? parse_operator(at, token) : NULL;
        if (!at)
                return NULL;
        at += *at == 'e' || *at == 'i';
        if (*at++ != '"')
                return NULL;
        token->value = at;
        while (*at && *at != '"')
                at += at[0] == '\\' && at[1] == '"' ? 2 : 1;
        if (!*at)
                return NULL;
        *at = 0;
        return at + 1;
}

/* Returns the number of tokens: 0 for too many, or if udev would not accept the line either. */
static size_t parse_line(char *line, Token tokens[static TOKENS_MAX])
{
        size_t n = 0;

        for (;;) {
                line += strspn(line, " \t\r,");
                if (!*line)
                        return n;
                if (n == TOKENS_MAX || !(line = parse_token(line, &tokens[n])))
                        return 0;
                n++;
        }
}

/* Matches */

/* Whether one of the patterns in a list such as "a|b*" matches a text. */
static bool matches_one(const char *patterns, const char *text)
{
        _cleanup_free_ char *copy = strdup(patterns);
        char *rest = copy, *one;

        while (copy && (one = strsep(&rest, "|")))
                if (fnmatch(one, text, 0) == 0)
                        return true;
        return false;
}

#define FOLDER "/devices/system/memory"
/* A few names that stand for those of all blocks. */
#define BLOCKS(folder) folder "memory0", folder "memory37", folder "memory4196"
#define VALUES_MAX 4

/*
 * Whether a list of patterns matches all, some or none of the possible values. A pattern for blocks
 * of particular numbers may match.
 */
static Answer match_values(const char *patterns, const char *const values[static VALUES_MAX])
{
        bool names_block = fnmatch("memory[[0-9]*", patterns, 0) == 0 ||
                           fnmatch("*[|/]memory[[0-9]*", patterns, 0) == 0;
        size_t n = 0, n_matching = 0;

        for (; n < VALUES_MAX && values[n]; n++)
                n_matching += matches_one(patterns, values[n]);
        if (n > 0 && n_matching == n)
                return ANSWER_ALWAYS;
        return n > 0 && n_matching == 0 && !names_block ? ANSWER_NEVER : ANSWER_MAYBE;
}

/* Whether a token with == or != matches memory blocks. */
static Answer match_block(const Token *token, const UdevHost *host)
{
        const struct {
                const char *keys;
                const char *values[VALUES_MAX]; /* none: anything */
        } known[] = {
                { "SUBSYSTEM|SUBSYSTEMS|ENV{SUBSYSTEM}|ATTR*{subsystem}", { "memory" } },
                { "ACTION|ENV{ACTION}", { "add", "change", "online", "offline" } },
                { "KERNEL", { BLOCKS("") } },
                /* The parent of the blocks is called memory. */
                { "KERNELS", { "memory", BLOCKS("") } },
                { "DEVPATH|ENV{DEVPATH}", { BLOCKS(FOLDER "/") } },
                { "DRIVER|DRIVERS", { "" } },
                { "CONST{arch}", { host->architecture } },
                { "CONST{virt}", { host->virtualization } },
                { "ATTR*{[[]dmi/id]sys_vendor}", { host->sys_vendor } },
                { "ATTR*{[[]dmi/id]product_name}", { host->product_name } },
                { "ATTR*{state}", { "online", "offline", "going-offline" } },
                /* The other attributes of blocks, of their folder and of other devices. */
                { "ATTR*{online}|ATTR*{phys_device}|ATTR*{phys_index}|ATTR*{removable}", {} },
                { "ATTR*{uevent}|ATTR*{valid_zones}|ATTR*{power/*|ATTR*{[[]*", {} },
                { "ATTRS{auto_online_blocks}|ATTRS{block_size_bytes}|ATTRS{crash_hotplug}", {} },
                { "ATTRS{probe}", {} },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (matches_one(known[i].keys, token->key)) {
                        Answer answer = match_values(token->value, known[i].values);

                        return token->is_negated ? (Answer) (ANSWER_ALWAYS - answer) : answer;
                }
        /* An attribute that does not exist matches nothing, whatever the operator. */
        return strncmp(token->key, "ATTR", 4) == 0 ? ANSWER_NEVER : ANSWER_MAYBE;
}

static Answer match_token(const Token *token, Kind kind, const UdevHost *host)
{
        /* The results of programs are part of the match, whatever the operator. */
        if (matches_one("PROGRAM|IMPORT*", token->key))
                return ANSWER_MAYBE;
        if (!token->is_match)
                return ANSWER_ALWAYS;
        /* Facts about the machine are the same for every device. */
        if (kind == KIND_ANY && !matches_one("CONST{*|ATTR{[[]*", token->key))
                return ANSWER_MAYBE;
        return match_block(token, host);
}

/* Writes */

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

/*
 * Whether a command writes memory states: for KIND_ANY, whatever device it runs for, for KIND_BLOCK
 * also the state of that device.
 */
static bool command_writes(const char *command, Kind kind)
{
        static const char any[] = "*" FOLDER "*|*/sys/bus/memory/*";
        static const char own[] = "*%p/state*|*$devpath/state*|*$DEVPATH/state*|*{DEVPATH}/state*|"
                                  "*%p/online*|*$devpath/online*|*$DEVPATH/online*";

        return has_word(command, "chmem") ||
               ((matches_one(any, command) || (kind == KIND_BLOCK && matches_one(own, command))) &&
                redirects(command));
}

/* Like command_writes(), for a token. */
static bool token_writes(const Token *token, Kind kind)
{
        bool assigns = !token->is_match && !token->is_negated;

        if (matches_one("PROGRAM|IMPORT{program}", token->key) ||
            (assigns && matches_one("RUN|RUN{[!b]*", token->key)))
                return command_writes(token->value, kind);
        if (!assigns)
                return false;
        return (kind == KIND_BLOCK && matches_one("ATTR{state}|ATTR{online}", token->key)) ||
               (matches_one("ATTR{[[]memory/*|ATTR{[[]subsystem/memory]*", token->key) &&
                matches_one("*state}|*online}|*auto_online_blocks}", token->key));
}

/* Lines */

/* Sums up the tokens of a line. Returns false if there is no label, jump or write among them. */
static bool line_read(Line *line, const Token *tokens, size_t n, const UdevHost *host)
{
        *line = (Line){ .matches = { ANSWER_ALWAYS, ANSWER_ALWAYS } };
        /* Of several tokens the first counts. */
        for (size_t i = n; i-- > 0;) {
                if (strcmp(tokens[i].key, "LABEL") == 0)
                        line->label = tokens[i].value;
                if (strcmp(tokens[i].key, "GOTO") == 0)
                        line->jump = tokens[i].value;
                for (Kind kind = 0; kind < _KIND_MAX; kind++)
                        if (token_writes(&tokens[i], kind))
                                line->writes[kind] = tokens[i].text;
        }
        if (!line->label && !line->jump && !line->writes[KIND_BLOCK])
                return false;
        for (size_t i = 0; i < n; i++)
                for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                        Answer answer = match_token(&tokens[i], kind, host);

                        line->matches[kind] = MIN(line->matches[kind], answer);
                }
        return true;
}

static int compare_labels(const void *a, const void *b)
{
        return strcmp(((const Line *) a)->label, ((const Line *) b)->label);
}

/*
 * Finds the line to which each line jumps: the next below with that label. udev ignores a jump if
 * there is none. Goes up from the last line, with the labels below in a tree: a search per jump
 * would take a time that grows with the square of the file. Returns 0 or -ENOMEM.
 */
static int find_targets(Line *lines, size_t n)
{
        void *labels = NULL;
        int r = 0;

        for (size_t i = n; r >= 0 && i-- > 0;) {
                Line *line = &lines[i], wanted = { .label = line->jump };
                Line **found = line->jump ? tfind(&wanted, &labels, compare_labels) : NULL;

                line->target = found ? *found : NULL;
                if (!line->label)
                        continue;
                found = tsearch(line, &labels, compare_labels);
                if (found)
                        *found = line;
                else
                        r = -ENOMEM;
        }
        while (labels)
                tdelete(*(Line **) labels, &labels, compare_labels);
        return r;
}

/* Finds out which lines the devices may reach. */
static void mark_reached(Line *lines, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                Line *line = &lines[i], *target = line->target;

                for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                        line->is_reached[kind] |= i == 0;
                        if (!line->is_reached[kind])
                                continue;
                        if (target && line->matches[kind] != ANSWER_NEVER)
                                target->is_reached[kind] = true;
                        if (i + 1 < n && (!target || line->matches[kind] != ANSWER_ALWAYS))
                                line[1].is_reached[kind] = true;
                }
        }
}

/* Returns the token of a line that may write, or NULL. Overwrites what follows the token. */
static const char *take_write(const Line *line)
{
        char *token = NULL;

        for (Kind kind = 0; kind < _KIND_MAX; kind++)
                if (line->is_reached[kind] && line->matches[kind] != ANSWER_NEVER &&
                    line->writes[kind])
                        token = line->writes[kind];
        /* The zero byte after it was the quotation mark. At least that of the line follows. */
        if (token)
                strcpy(token + strlen(token), "\"");
        return token;
}

/*
 * Takes the next line from a text, joined with those that continue it. *number counts the lines.
 * Returns NULL at the end.
 */
static char *next_line(char **rest, unsigned *number, unsigned *ret_first)
{
        char *start = NULL, *end = NULL, *line;

        while ((line = strsep(rest, "\n"))) {
                size_t length;
                bool is_continued;

                (*number)++;
                line += strspn(line, " \t\r");
                if (*line == '#')
                        continue;
                if (!start) {
                        start = end = line;
                        *ret_first = *number;
                }
                length = strlen(line);
                is_continued = length > 0 && line[length - 1] == '\\';
                length -= is_continued;
                memmove(end, line, length);
                end += length;
                *end = 0;
                if (!is_continued)
                        break;
        }
        return start;
}

/* Reads the lines of a text, into which they point. Returns 0 or -ENOMEM. */
static int read_lines(char *text, const UdevHost *host, Line **lines, size_t *n)
{
        unsigned number = 0, first;
        char *joined;

        while ((joined = next_line(&text, &number, &first))) {
                Token tokens[TOKENS_MAX];
                Line line;

                if (strlen(joined) > LINE_LENGTH_MAX ||
                    !line_read(&line, tokens, parse_line(joined, tokens), host))
                        continue;
                line.number = first;
                if (GROW(*lines, *n) < 0)
                        return -ENOMEM;
                (*lines)[(*n)++] = line;
        }
        return 0;
}

ssize_t udev_rules_parse(char *text, const UdevHost *host, UdevWrite **ret_writes)
{
        _cleanup_free_ UdevWrite *writes = NULL;
        _cleanup_free_ Line *lines = NULL;
        size_t n_writes = 0, n = 0;

        if (read_lines(text, host, &lines, &n) < 0 || find_targets(lines, n) < 0)
                return -ENOMEM;
        mark_reached(lines, n);
        for (size_t i = 0; i < n; i++) {
                const char *token = take_write(&lines[i]);

                if (token && GROW(writes, n_writes) < 0)
                        return -ENOMEM;
                if (token)
                        writes[n_writes++] = (UdevWrite){ lines[i].number, token };
        }
        *ret_writes = TAKE_PTR(writes);
        return (ssize_t) n_writes;
}
