/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Splits a text into tokens, and removes what makes none. */

#include "config/token.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* isalpha() and the like depend on the locale, libconfig does not. */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

void lexer_report(Lexer *lexer, unsigned line, const char *key, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = conf_faults_addv(lexer->faults, lexer->file, line, key, format, arguments);
        va_end(arguments);
        lexer->error = MIN(lexer->error, r);
}

static void skip(Lexer *lexer, size_t n)
{
        for (; n > 0; n--)
                if (*lexer->next++ == '\n')
                        lexer->line++;
}

/* Ends the text before a string or comment without an end. */
static void cut(Lexer *lexer, const char *what, const char *end)
{
        /* A NUL byte within the string or comment has been reported already. */
        if (!lexer->is_cut)
                lexer_report(lexer, lexer->line, NULL,
                             "expected %s to end the %s, got the end of the file", end, what);
        *lexer->next = '\0';
        lexer->is_cut = true;
}

/* Returns the length of the comment at the start of a text, SIZE_MAX if it has no end, or 0. */
static size_t comment_length(const char *text)
{
        const char *end;

        if (*text == '#' || (text[0] == '/' && text[1] == '/'))
                return strcspn(text, "\n");
        if (text[0] != '/' || text[1] != '*')
                return 0;
        end = strstr(text + 2, "*/");
        return end ? (size_t) (end + 2 - text) : SIZE_MAX;
}

/* Skips what stands between tokens. */
static void skip_blanks(Lexer *lexer)
{
        size_t n;

        do {
                n = strspn(lexer->next, " \t\r\n\f");
                if (n == 0)
                        n = comment_length(lexer->next);
                if (n == SIZE_MAX) {
                        cut(lexer, "comment", "*/");
                        n = 0;
                }
                if (strncmp(lexer->next, "@include", strlen("@include")) == 0) {
                        lexer_report(lexer, lexer->line, NULL,
                                     "expected settings, got @include, which memoryd does not "
                                     "follow: use a drop-in");
                        n = strcspn(lexer->next, "\n");
                        memset(lexer->next, ' ', n);
                }
                skip(lexer, n);
        } while (n > 0);
}

static bool is_word_character(const char *p)
{
        return *p && ((unsigned char) *p >= 0x80 || strchr(LETTERS DIGITS "_.*+%-", *p) ||
                      (*p == '/' && comment_length(p) == 0));
}

/* Finds a text in quotes. Returns false if it has no end. */
static bool find_quoted(const char *text, Token *ret)
{
        size_t n = 1;

        while (text[n] && text[n] != *text && (*text == '"' || text[n] != '\n'))
                n += text[n] == '\\' && text[n + 1] ? 2 : 1;
        if (text[n] != *text)
                return false;
        ret->type = *text == '"' ? TOKEN_STRING : TOKEN_SINGLE_QUOTED;
        ret->text = text + 1;
        ret->length = n - 1;
        return true;
}

void lexer_advance(Lexer *lexer)
{
        Token *token = &lexer->token;
        const char *p;

        skip_blanks(lexer);
        p = lexer->next;
        *token = (Token){ TOKEN_MARK, p, 1, lexer->line };
        if ((*p == '"' || *p == '\'') && find_quoted(p, token)) {
                skip(lexer, token->length + 2);
                return;
        }
        if (*p == '"')
                cut(lexer, "string", "a quotation mark");
        if (is_word_character(p)) {
                token->type = TOKEN_WORD;
                while (is_word_character(p + token->length))
                        token->length++;
        } else if (!*p) {
                token->type = TOKEN_END;
                token->length = 0;
                /* The end of the file belongs to its last line. */
                if (lexer->line > 1 && p[-1] == '\n')
                        token->line--;
        }
        skip(lexer, token->length);
}

void lexer_start(Lexer *lexer, char *text)
{
        lexer->text = lexer->next = text;
        lexer->line = 1;
        lexer_advance(lexer);
}

bool token_is(const Token *token, char mark)
{
        return token->type == TOKEN_MARK && *token->text == mark;
}

bool token_is_word(const Token *token, const char *word)
{
        return token->type == TOKEN_WORD && token->length == strlen(word) &&
               strncasecmp(token->text, word, token->length) == 0;
}

bool token_is_name(const Token *token)
{
        return token->type == TOKEN_WORD && strchr(LETTERS "*", *token->text) &&
               strspn(token->text, LETTERS DIGITS "*_-") >= token->length;
}

/* Returns the length of a fraction and an exponent after the integer digits, or 0 for a whole number. */
static size_t fraction_length(const char *text)
{
        size_t n = *text == '.' ? 1 + strspn(text + 1, DIGITS) : 0, n_exponent, n_digits;

        if (text[n] != 'e' && text[n] != 'E')
                return n;
        n_exponent = n + 1 + (text[n + 1] == '+' || text[n + 1] == '-');
        n_digits = strspn(text + n_exponent, DIGITS);
        return n_digits > 0 ? n_exponent + n_digits : n;
}

Number token_number(const Token *word)
{
        const char *p = word->text, *digits = p + (*p == '+' || *p == '-'), *end;
        bool is_hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && strspn(p + 2, HEX_DIGITS) > 0;
        uint64_t largest = is_hex ? UINT32_MAX : INT32_MAX, value;
        Number number = { .digits = digits };

        end = is_hex ? p + 2 + strspn(p + 2, HEX_DIGITS) : digits + strspn(digits, DIGITS);
        if (end == digits && *end != '.')
                return number;
        number.n_digits = (size_t) (end - digits);
        number.length = (size_t) (end - p);
        if (!is_hex && fraction_length(end) > 0) {
                number.length += fraction_length(end);
                return number;
        }
        if (*end == 'L') {
                number.has_l = true;
                number.length += end[1] == 'L' ? 2 : 1;
                largest = is_hex ? UINT64_MAX : INT64_MAX;
        }
        errno = 0;
        value = strtoull(digits, NULL, is_hex ? 16 : 10);
        number.is_wide = errno == ERANGE || value > largest;
        return number;
}

const char *token_quote(const Token *token, char quote, char buffer[static CONF_QUOTE_MAX])
{
        char copy[CONF_QUOTE_MAX];

        snprintf(copy, sizeof(copy), "%.*s", (int) MIN(token->length, sizeof(copy) - 1),
                 token->text);
        conf_quote(copy, buffer);
        buffer[0] = buffer[strlen(buffer) - 1] = quote;
        return buffer;
}
