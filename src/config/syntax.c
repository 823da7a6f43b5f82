/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Says where a text breaks libconfig's syntax, and which mistake is likely. */

#include "config/syntax.h"

#include "config/fault.h"
#include "config/scan.h"

#include <stdio.h>
#include <strings.h>

/* More than the levels that conf_scan() lets through. */
#define DEPTH_MAX 32

/* A quoted token and a hint that repeats it. */
#define TEXT_MAX (2 * CONF_QUOTE_MAX + 128)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

typedef enum TokenType {
        TOKEN_END,
        TOKEN_WORD,   /* a name, a number, true or false, or an attempt at these or at a string */
        TOKEN_STRING, /* its text has no quotes */
        TOKEN_SINGLE_QUOTED, /* its text has no quotes */
        TOKEN_MARK,          /* a single other character */
} TokenType;

typedef struct Token {
        TokenType type;
        const char *text; /* not terminated */
        size_t length;
        unsigned line;
} Token;

typedef enum Place {
        PLACE_SETTING, /* in the file or a group: a setting, or the end */
        PLACE_VALUE,   /* behind the equals sign */
        PLACE_FIRST,   /* behind the bracket of a list or array: a value, or the end */
        PLACE_ELEMENT, /* behind a comma in a list or array: a value */
        PLACE_MORE,    /* behind a value in a list or array: a comma, or the end */
} Place;

typedef struct Level {
        char close; /* the bracket that ends it, or NUL for the file */
        unsigned line;
} Level;

typedef struct Parser {
        const char *file;
        ConfFaults *faults;
        const char *next; /* what follows the token */
        unsigned line;    /* of `next` */
        Token token;
        Token name;                 /* of the last setting */
        unsigned unterminated_line; /* of a value that neither ";" nor "," ends, or 0 */
        Level levels[DEPTH_MAX];
        size_t depth;
} Parser;

static size_t comment_length(const char *text)
{
        const char *end;

        if (*text == '#' || (text[0] == '/' && text[1] == '/'))
                return strcspn(text, "\n");
        if (text[0] != '/' || text[1] != '*')
                return 0;
        end = strstr(text + 2, "*/");
        return end ? (size_t) (end + 2 - text) : strlen(text);
}

static bool is_word_character(const char *p)
{
        return *p && ((unsigned char) *p >= 0x80 || strchr(LETTERS DIGITS "_.*+%-", *p) ||
                      (*p == '/' && comment_length(p) == 0));
}

static void parser_skip(Parser *parser, size_t n)
{
        for (; n > 0; n--)
                if (*parser->next++ == '\n')
                        parser->line++;
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

/* Moves on to the next token. */
static void parser_advance(Parser *parser)
{
        Token *token = &parser->token;
        const char *p;
        size_t n;

        for (;; parser_skip(parser, n)) {
                n = strspn(parser->next, " \t\r\n\f\v");
                if (n == 0)
                        n = comment_length(parser->next);
                if (n == 0)
                        break;
        }
        p = parser->next;
        *token = (Token){ TOKEN_MARK, p, 1, parser->line };
        if ((*p == '"' || *p == '\'') && find_quoted(p, token)) {
                parser_skip(parser, token->length + 2);
                return;
        }
        if (is_word_character(p)) {
                token->type = TOKEN_WORD;
                while (is_word_character(p + token->length))
                        token->length++;
        } else if (!*p) {
                token->type = TOKEN_END;
                token->length = 0;
                /* The end of the file belongs to its last line. */
                if (parser->line > 1 && p[-1] == '\n')
                        token->line--;
        }
        parser_skip(parser, token->length);
}

static bool token_is(const Token *token, char mark)
{
        return token->type == TOKEN_MARK && *token->text == mark;
}

static bool token_is_word(const Token *token, const char *word)
{
        return token->type == TOKEN_WORD && token->length == strlen(word) &&
               strncasecmp(token->text, word, token->length) == 0;
}

static bool token_is_name(const Token *token)
{
        return token->type == TOKEN_WORD && strchr(LETTERS "*", *token->text) &&
               strspn(token->text, LETTERS DIGITS "*_-") >= token->length;
}

static bool token_is_number(const Token *token)
{
        const char *p = token->text + (strchr("+-", *token->text) ? 1 : 0);

        return token->type == TOKEN_WORD &&
               p + conf_number_length(p) == token->text + token->length;
}

/* Writes a token in quotes, shortened if it is long. Returns the buffer. */
static const char *token_quote(const Token *token, char quote, char buffer[static CONF_QUOTE_MAX])
{
        char copy[CONF_QUOTE_MAX];

        snprintf(copy, sizeof(copy), "%.*s", (int) MIN(token->length, sizeof(copy)), token->text);
        conf_quote(copy, buffer);
        buffer[0] = buffer[strlen(buffer) - 1] = quote;
        return buffer;
}

/* Reports that the token is not what was expected. `hint` may be empty. */
static int parser_report(Parser *parser, const char *expected, const char *hint)
{
        const Token *token = &parser->token;
        char quoted[CONF_QUOTE_MAX];

        return conf_faults_add(
                parser->faults, parser->file, token->line, NULL, "expected %s, got %s%s%s",
                expected,
                token->type == TOKEN_END ?
                        "the end of the file" :
                        token_quote(token, token->type == TOKEN_STRING ? '"' : '\'', quoted),
                *hint ? "; " : "", hint);
}

/* Reports that the end of a bracket, or `other` with it, was expected. */
static int parser_report_close(Parser *parser, const char *other, const char *hint)
{
        const Level *level = &parser->levels[parser->depth];
        char expected[TEXT_MAX];

        snprintf(expected, sizeof(expected), "%s'%c' for the '%c' in line %u", other, level->close,
                 level->close == ')' ? '(' : level->close - 2, level->line);
        return parser_report(parser, expected, hint);
}

static int report_name(Parser *parser)
{
        const Token *token = &parser->token;

        if (parser->depth > 0 &&
            (token->type == TOKEN_END || token_is(token, ')') || token_is(token, ']')))
                return parser_report_close(parser, "", "");
        if (token_is(token, ')') || token_is(token, ']') || token_is(token, '}'))
                return parser_report(parser, "a key", "no bracket is open here");
        if (token_is(token, '['))
                return parser_report(parser, "a key", "the file has keys but no sections");
        if (token_is(token, ';'))
                return parser_report(parser, "a key",
                                     "one ';' ends a setting, and '#' starts a comment");
        if (token->type == TOKEN_STRING)
                return parser_report(parser, "a key", "keys have no quotes");
        if (token_is_number(token))
                return parser_report(parser, "a key", "several values need brackets: [1, 2]");
        return parser_report(parser, "a key", "");
}

static int report_equals(Parser *parser)
{
        char expected[TEXT_MAX], name[CONF_QUOTE_MAX];

        token_quote(&parser->name, '\'', name);
        if (parser->unterminated_line == parser->name.line) {
                parser->token = parser->name;
                return parser_report(parser, "';' after a value",
                                     "a value of two words needs double quotes");
        }
        /* conf_scan() renames the settings that it hides. */
        snprintf(expected, sizeof(expected), "'=' after %s",
                 *parser->name.text == '*' ? "a key" : name);
        return parser_report(parser, expected, "");
}

static int report_value(Parser *parser, bool is_after_comma)
{
        const Token *token = &parser->token;
        const Level *level = &parser->levels[parser->depth];
        char hint[TEXT_MAX] = "", quoted[CONF_QUOTE_MAX];

        token_quote(token, '"', quoted);
        if (is_after_comma && level->close && token_is(token, level->close))
                snprintf(hint, sizeof(hint), "remove the comma before it");
        else if (token_is_word(token, "yes") || token_is_word(token, "on"))
                snprintf(hint, sizeof(hint), "is true meant?");
        else if (token_is_word(token, "no") || token_is_word(token, "off"))
                snprintf(hint, sizeof(hint), "is false meant?");
        else if (token->type == TOKEN_WORD && token->text[token->length - 1] == '%')
                snprintf(hint, sizeof(hint), "a percentage is written as a number, 3.0 for 300%%");
        else if (token->type == TOKEN_WORD && strchr(DIGITS, *token->text))
                snprintf(hint, sizeof(hint),
                         "a number with a unit or a range needs double quotes: %s", quoted);
        else if (token->type == TOKEN_WORD && (unsigned char) *token->text >= 0x80)
                snprintf(hint, sizeof(hint), "strings need the double quotes of ASCII, \"");
        else if (token->type == TOKEN_WORD || token->type == TOKEN_SINGLE_QUOTED)
                snprintf(hint, sizeof(hint), "strings need double quotes: %s", quoted);
        else if (level->close == ']')
                snprintf(hint, sizeof(hint), "only ( ) may hold lists and groups");
        return parser_report(parser, "a value", hint);
}

static int report_more(Parser *parser)
{
        const Token *token = &parser->token;

        return parser_report_close(parser, "',' or ",
                                   token_is(token, ';') ? "commas separate the elements of a list" :
                                   token_is(token, '{') ? "a comma is missing between two groups" :
                                                          "");
}

/* Enters the value that starts with the token. Returns whether it is one. */
static bool parser_enter_value(Parser *parser)
{
        const Token *token = &parser->token;
        bool is_in_array = parser->levels[parser->depth].close == ']';

        if (token->type == TOKEN_STRING || token_is_number(token) || token_is_word(token, "true") ||
            token_is_word(token, "false"))
                return true;
        if (token->type != TOKEN_MARK || !strchr("{([", *token->text) || is_in_array ||
            parser->depth + 1 == DEPTH_MAX)
                return false;
        parser->levels[++parser->depth] = (Level){
                .close = *token->text == '(' ? ')' : (char) (*token->text + 2),
                .line = token->line,
        };
        return true;
}

/* Reads a setting up to its value. Returns 1 if it reported an error. */
static int parse_name(Parser *parser)
{
        if (!token_is_name(&parser->token))
                return report_name(parser);
        parser->name = parser->token;
        parser_advance(parser);
        if (!token_is(&parser->token, '=') && !token_is(&parser->token, ':'))
                return report_equals(parser);
        parser_advance(parser);
        return 0;
}

/* Goes past a value whose last token is the current token, to the next setting or element. */
static Place parser_leave_value(Parser *parser)
{
        unsigned line = parser->token.line;
        bool is_string = parser->token.type == TOKEN_STRING;
        char close = parser->levels[parser->depth].close;

        /* Strings in a row are one string. */
        do
                parser_advance(parser);
        while (is_string && parser->token.type == TOKEN_STRING);
        if (close && close != '}')
                return PLACE_MORE;
        parser->unterminated_line = line;
        if (token_is(&parser->token, ';') || token_is(&parser->token, ',')) {
                parser->unterminated_line = 0;
                parser_advance(parser);
        }
        return PLACE_SETTING;
}

/* Reads on at a place, up to the next one in *place. Returns 1 if it reported an error. */
static int parse(Parser *parser, Place *place)
{
        size_t depth = parser->depth;
        const Level *level = &parser->levels[depth];
        int r;

        if (*place != PLACE_VALUE && *place != PLACE_ELEMENT && level->close &&
            token_is(&parser->token, level->close)) {
                parser->depth--;
                *place = parser_leave_value(parser);
        } else if (*place == PLACE_SETTING) {
                r = parse_name(parser);
                if (r != 0)
                        return r;
                *place = PLACE_VALUE;
        } else if (*place == PLACE_MORE) {
                if (!token_is(&parser->token, ','))
                        return report_more(parser);
                parser_advance(parser);
                *place = PLACE_ELEMENT;
        } else {
                if (!parser_enter_value(parser))
                        return report_value(parser, *place == PLACE_ELEMENT);
                if (parser->depth == depth)
                        *place = parser_leave_value(parser);
                else {
                        *place = parser->levels[parser->depth].close == '}' ? PLACE_SETTING :
                                                                              PLACE_FIRST;
                        parser_advance(parser);
                }
        }
        return 0;
}

int conf_syntax_report(const char *file, const char *text, ConfFaults *faults)
{
        Parser parser = { .file = file, .faults = faults, .next = text, .line = 1 };
        Place place = PLACE_SETTING;
        int r = 0;

        parser_advance(&parser);
        while (r == 0 &&
               (parser.depth > 0 || place != PLACE_SETTING || parser.token.type != TOKEN_END))
                r = parse(&parser, &place);
        return r;
}
