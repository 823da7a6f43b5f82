/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splits a line of udev rules into tokens. */

#include "verify/udev-line.h"

void udev_line_done(UdevLine *line)
{
        for (size_t i = 0; i < line->n_tokens; i++)
                free(line->tokens[i].value);
        line->n_tokens = 0;
}

static bool copy_name(char *target, size_t size, const char *start, size_t length)
{
        if (length >= size)
                return false;
        memcpy(target, start, length);
        target[length] = 0;
        return true;
}

/* Parses KEY or KEY{attribute}. Returns the rest of the line, or NULL. */
static const char *parse_key(const char *at, UdevToken *token)
{
        size_t length = strcspn(at, " \t{=!:+-\"");
        const char *end;

        if (length == 0 || !copy_name(token->key, sizeof(token->key), at, length))
                return NULL;
        at += length;
        token->attribute[0] = 0;
        if (*at == '{') {
                end = strchr(++at, '}');
                if (!end ||
                    !copy_name(token->attribute, sizeof(token->attribute), at, (size_t) (end - at)))
                        return NULL;
                at = end + 1;
        }
        return at + strspn(at, " \t");
}

static const char *parse_operator(const char *at, UdevOperator *ret)
{
        static const struct {
                const char *text;
                UdevOperator operator;
        } operators[] = {
                { "==", UDEV_MATCH },  { "!=", UDEV_NOMATCH },  { "+=", UDEV_ASSIGN },
                { ":=", UDEV_ASSIGN }, { "-=", UDEV_TAKE_OUT }, { "=", UDEV_ASSIGN },
        };

        for (size_t i = 0; i < ELEMENTSOF(operators); i++)
                if (strncmp(at, operators[i].text, strlen(operators[i].text)) == 0) {
                        *ret = operators[i].operator;
                        at += strlen(operators[i].text);
                        return at + strspn(at, " \t");
                }
        return NULL;
}

/*
 * Parses "value", in which \" is a quotation mark and which may be preceded by e or i. Returns the
 * rest of the line, or NULL.
 */
static const char *parse_value(const char *at, char **ret)
{
        char *value;
        size_t n = 0;

        at += *at == 'e' || *at == 'i';
        if (*at++ != '"')
                return NULL;
        value = malloc(strlen(at) + 1);
        if (!value)
                return NULL;
        for (; *at && *at != '"'; at++) {
                at += at[0] == '\\' && at[1] == '"';
                value[n++] = *at;
        }
        if (*at != '"') {
                free(value);
                return NULL;
        }
        value[n] = 0;
        *ret = value;
        return at + 1;
}

static const char *parse_token(const char *at, UdevToken *token)
{
        token->start = at;
        at = parse_key(at, token);
        if (at)
                at = parse_operator(at, &token->operator);
        if (at)
                at = parse_value(at, &token->value);
        if (at)
                token->length = (size_t) (at - token->start);
        return at;
}

bool udev_line_parse(const char *text, UdevLine *line)
{
        line->n_tokens = 0;
        for (;;) {
                text += strspn(text, " \t\r,");
                if (!*text)
                        return line->n_tokens > 0;
                if (line->n_tokens == UDEV_TOKENS_MAX)
                        return false;
                text = parse_token(text, &line->tokens[line->n_tokens]);
                if (!text)
                        return false;
                line->n_tokens++;
        }
}

const UdevToken *udev_line_find(const UdevLine *line, const char *key)
{
        for (size_t i = 0; i < line->n_tokens; i++)
                if (strcmp(line->tokens[i].key, key) == 0)
                        return &line->tokens[i];
        return NULL;
}

const char *udev_attribute_name(const char *attribute)
{
        while (*attribute == '.' || *attribute == '/')
                attribute++;
        return attribute;
}
