/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Says where a text breaks libconfig's syntax, and hides from libconfig what it would misread. */

#include "config/draft.h"
#include "config/token.h"

#include <stdio.h>

#define DEPTH_MAX 16

/* The most settings in one group: far more than there are keys, and few enough for a linear search. */
#define SETTINGS_MAX 256

/* A quoted token and a hint that repeats it. */
#define TEXT_MAX (2 * CONF_QUOTE_MAX + 128)

typedef enum Place {
        PLACE_SETTING, /* in the file or a group: a setting, or the end */
        PLACE_VALUE,   /* behind the equals sign */
        PLACE_FIRST,   /* behind the bracket of a list or array: a value, or the end */
        PLACE_ELEMENT, /* behind a comma in a list or array: a value */
        PLACE_MORE,    /* behind a value in a list or array: a comma, or the end */
} Place;

/* The file, or a value in brackets. */
typedef struct Level {
        char close; /* the bracket that ends it, or NUL for the file */
        unsigned line;
        Token name;        /* of the setting that it belongs to */
        unsigned index;    /* of the current element of a list or array */
        size_t first_seen; /* index in Parser.seen of its first setting */
} Level;

typedef struct Parser {
        Lexer lexer;
        char *clean; /* the copy of the lexer's text for libconfig */
        bool is_done;
        Place place;
        Token name;                 /* of the last setting */
        Token glued;                /* a word that may be a number and a name: "5coldplug" */
        unsigned unterminated_line; /* of a value that neither ";" nor "," ends, or 0 */
        Level levels[DEPTH_MAX];
        size_t depth;
        Token *seen; /* the names of the settings of all levels that are open; owned */
        size_t n_seen, n_hidden;
} Parser;

/* Writes the path of the last setting, such as "rules[0].node". Returns the path. */
static const char *parser_path(const Parser *parser, char path[static CONF_PATH_MAX])
{
        path[0] = '\0';
        for (size_t i = 0; i <= parser->depth; i++) {
                const Level *level = &parser->levels[i];
                const Token *name = i < parser->depth ? &level[1].name : &parser->name;
                size_t n = strlen(path);

                if (level->close == '}' || level->close == '\0')
                        snprintf(path + n, CONF_PATH_MAX - n, "%s%.*s", n > 0 ? "." : "",
                                 (int) MIN(name->length, (size_t) CONF_PATH_MAX), name->text);
                else if (i < parser->depth)
                        snprintf(path + n, CONF_PATH_MAX - n, "[%u]", level->index);
        }
        return path;
}

/* Ends the text at a token, because the rest cannot be understood. */
static void parser_cut(Parser *parser, const Token *token)
{
        bool is_quoted = token->type == TOKEN_STRING || token->type == TOKEN_SINGLE_QUOTED;

        parser->clean[token->text - parser->lexer.text - is_quoted] = '\0';
        parser->lexer.is_cut = parser->is_done = true;
}

/*
 * Hides the last setting from the code that reads values: renames "settle" to "*00001", for
 * example. A name that is too short for the asterisk and a unique number is kept.
 */
static void parser_hide(Parser *parser)
{
        char *name = parser->clean + (parser->name.text - parser->lexer.text);
        size_t length = parser->name.length;
        char number[32];
        int n = snprintf(number, sizeof(number), "%zu", ++parser->n_hidden);

        if ((size_t) n >= length)
                return;
        memset(name, '0', length);
        name[0] = '*';
        memcpy(name + length - (size_t) n, number, (size_t) n);
}

/* Reports that the token is not what was expected. `hint` may be empty. */
static void report(Parser *parser, const char *expected, const char *hint)
{
        const Token *token = &parser->lexer.token;
        char quoted[CONF_QUOTE_MAX];

        /* What ends the text early was reported, and the rest may only be a result of it. */
        if (!parser->lexer.is_cut)
                lexer_report(&parser->lexer, token->line, NULL, "expected %s, got %s%s%s", expected,
                             token->type == TOKEN_END ?
                                     "the end of the file" :
                                     token_quote(token, token->type == TOKEN_STRING ? '"' : '\'',
                                                 quoted),
                             *hint ? "; " : "", hint);
        parser_cut(parser, token);
}

/* Reports that the end of a bracket, or `other` with it, was expected. */
static void report_close(Parser *parser, const char *other, const char *hint)
{
        const Level *level = &parser->levels[parser->depth];
        char expected[TEXT_MAX];

        snprintf(expected, sizeof(expected), "%s'%c' for the '%c' in line %u", other, level->close,
                 level->close == ')' ? '(' : level->close - 2, level->line);
        report(parser, expected, hint);
}

static void report_name(Parser *parser)
{
        const Token *token = &parser->lexer.token;
        const char *hint = "";

        if (parser->depth > 0 &&
            (token->type == TOKEN_END || token_is(token, ')') || token_is(token, ']'))) {
                report_close(parser, "", "");
                return;
        }
        if (token_is(token, ')') || token_is(token, ']') || token_is(token, '}'))
                hint = "no bracket is open here";
        else if (token_is(token, '['))
                hint = "the file has keys but no sections";
        else if (token_is(token, ';'))
                hint = "one ';' ends a setting, and '#' starts a comment";
        else if (token->type == TOKEN_STRING)
                hint = "keys have no quotes";
        else if (token->type == TOKEN_WORD && token_number(token).length == token->length)
                hint = "several values need brackets: [1, 2]";
        report(parser, "a key", hint);
}

static void report_value(Parser *parser)
{
        const Token *token = &parser->lexer.token;
        const Level *level = &parser->levels[parser->depth];
        char hint[TEXT_MAX] = "", quoted[CONF_QUOTE_MAX];

        token_quote(token, '"', quoted);
        if (parser->place == PLACE_ELEMENT && token_is(token, level->close))
                snprintf(hint, sizeof(hint), "remove the comma before it");
        else if (token_is_word(token, "yes") || token_is_word(token, "on"))
                snprintf(hint, sizeof(hint), "is true meant?");
        else if (token_is_word(token, "no") || token_is_word(token, "off"))
                snprintf(hint, sizeof(hint), "is false meant?");
        else if (token->type == TOKEN_WORD && token->text[token->length - 1] == '%')
                snprintf(hint, sizeof(hint), "a percentage is written as a number, 3.0 for 300%%");
        else if (token->type == TOKEN_WORD && *token->text >= '0' && *token->text <= '9')
                snprintf(hint, sizeof(hint),
                         "a number with a unit or a range needs double quotes: %s", quoted);
        else if (token->type == TOKEN_WORD && (unsigned char) *token->text >= 0x80)
                snprintf(hint, sizeof(hint), "strings need the double quotes of ASCII, \"");
        else if (token->type == TOKEN_WORD || token->type == TOKEN_SINGLE_QUOTED)
                snprintf(hint, sizeof(hint), "strings need double quotes: %s", quoted);
        else if (level->close == ']')
                snprintf(hint, sizeof(hint), "only ( ) may hold lists and groups");
        report(parser, "a value", hint);
}

static void report_equals(Parser *parser)
{
        char expected[TEXT_MAX], name[CONF_QUOTE_MAX];

        if (parser->glued.text &&
            parser->glued.text + parser->glued.length == parser->name.text + parser->name.length) {
                parser->lexer.token = parser->glued;
                report_value(parser);
        } else if (parser->unterminated_line == parser->name.line) {
                parser->lexer.token = parser->name;
                report(parser, "';' after a value", "a value of two words needs double quotes");
        } else {
                snprintf(expected, sizeof(expected), "'=' after %s",
                         token_quote(&parser->name, '\'', name));
                report(parser, expected, "");
        }
}

/* Checks the name of a setting that has a value. */
static void check_name(Parser *parser)
{
        const Token *name = &parser->name;
        char path[CONF_PATH_MAX];
        size_t first = parser->levels[parser->depth].first_seen;

        if (parser->n_seen - first == SETTINGS_MAX) {
                lexer_report(&parser->lexer, name->line, NULL,
                             "expected at most %d settings in one place, got more", SETTINGS_MAX);
                parser_cut(parser, name);
                return;
        }
        if (*name->text == '*') {
                lexer_report(&parser->lexer, name->line, parser_path(parser, path),
                             "expected one of the keys of memoryd.conf(5), got an unknown key");
                return;
        }
        for (size_t i = first; i < parser->n_seen; i++)
                if (parser->seen[i].length == name->length &&
                    memcmp(parser->seen[i].text, name->text, name->length) == 0) {
                        lexer_report(&parser->lexer, name->line, parser_path(parser, path),
                                     "set twice in this file (first in line %u)",
                                     parser->seen[i].line);
                        parser_hide(parser);
                        return;
                }
        if (GROW(parser->seen, parser->n_seen) < 0)
                parser->lexer.error = -ENOMEM;
        else
                parser->seen[parser->n_seen++] = *name;
}

/* Reads a setting up to its value. */
static void parse_name(Parser *parser)
{
        Lexer *lexer = &parser->lexer;

        if (!token_is_name(&lexer->token)) {
                report_name(parser);
                return;
        }
        parser->name = lexer->token;
        lexer_advance(lexer);
        if (!token_is(&lexer->token, '=') && !token_is(&lexer->token, ':')) {
                report_equals(parser);
                return;
        }
        check_name(parser);
        lexer_advance(lexer);
        parser->place = PLACE_VALUE;
}

/* Goes past a value whose last token is the current token, to the next setting or element. */
static void leave_value(Parser *parser)
{
        Lexer *lexer = &parser->lexer;
        bool is_string = lexer->token.type == TOKEN_STRING;
        char close = parser->levels[parser->depth].close;

        parser->unterminated_line = lexer->token.line;
        /* Strings in a row are one string. */
        do
                lexer_advance(lexer);
        while (is_string && lexer->token.type == TOKEN_STRING);
        parser->place = close == ')' || close == ']' ? PLACE_MORE : PLACE_SETTING;
        if (parser->place == PLACE_SETTING &&
            (token_is(&lexer->token, ';') || token_is(&lexer->token, ','))) {
                parser->unterminated_line = 0;
                lexer_advance(lexer);
        }
}

/* Enters the value that starts with a bracket. */
static void enter_bracket(Parser *parser)
{
        Lexer *lexer = &parser->lexer;
        char open = *lexer->token.text;

        if (parser->depth + 1 == DEPTH_MAX) {
                lexer_report(lexer, lexer->token.line, NULL,
                             "expected at most %d brackets one in the other, got more",
                             DEPTH_MAX - 1);
                parser_cut(parser, &lexer->token);
                return;
        }
        parser->levels[++parser->depth] = (Level){
                .close = open == '(' ? ')' : (char) (open + 2),
                .line = lexer->token.line,
                .name = parser->name,
                .first_seen = parser->n_seen,
        };
        parser->place = open == '{' ? PLACE_SETTING : PLACE_FIRST;
        lexer_advance(lexer);
}

/*
 * Whether the token, a word, is a number. In a group, the name of the next setting may follow the
 * number without a space.
 */
static bool take_number(Parser *parser)
{
        Lexer *lexer = &parser->lexer;
        char close = parser->levels[parser->depth].close, path[CONF_PATH_MAX];
        Number number = token_number(&lexer->token);
        Token rest = lexer->token;

        rest.text += number.length;
        rest.length -= number.length;
        if (rest.length > 0) {
                if (number.length == 0 || close == ')' || close == ']' || !token_is_name(&rest))
                        return false;
                parser->glued = lexer->token;
                lexer->token.length = number.length;
                lexer->next -= rest.length;
        }
        if (number.is_wide) {
                parser_hide(parser);
                lexer_report(lexer, lexer->token.line, parser_path(parser, path),
                             number.has_l ? "expected a number of at most 64 bits, got %.*s" :
                                            "expected an L behind a number this large, got %.*s",
                             (int) MIN(number.n_digits, 40U), number.digits);
        }
        return true;
}

static void parse_value(Parser *parser)
{
        const Token *token = &parser->lexer.token;
        bool is_in_array = parser->levels[parser->depth].close == ']';

        if (token->type == TOKEN_MARK && strchr("{([", *token->text) && !is_in_array)
                enter_bracket(parser);
        else if (token->type == TOKEN_STRING || token_is_word(token, "true") ||
                 token_is_word(token, "false") ||
                 (token->type == TOKEN_WORD && take_number(parser)))
                leave_value(parser);
        else
                report_value(parser);
}

/* Reads on at a place, up to the next. */
static void parse(Parser *parser)
{
        const Token *token = &parser->lexer.token;
        Level *level = &parser->levels[parser->depth];

        if (parser->place != PLACE_VALUE && parser->place != PLACE_ELEMENT && level->close &&
            token_is(token, level->close)) {
                parser->n_seen = level->first_seen;
                parser->name = level->name;
                parser->depth--;
                leave_value(parser);
        } else if (parser->place == PLACE_SETTING) {
                if (parser->depth == 0 && token->type == TOKEN_END)
                        parser->is_done = true;
                else
                        parse_name(parser);
        } else if (parser->place != PLACE_MORE) {
                parse_value(parser);
        } else if (token_is(token, ',')) {
                level->index++;
                lexer_advance(&parser->lexer);
                parser->place = PLACE_ELEMENT;
        } else
                report_close(parser, "',' or ",
                             token_is(token, ';') ? "commas separate the elements of a list" :
                             token_is(token, '{') ? "a comma is missing between two groups" :
                                                    "");
}

/* Reports a NUL byte. libconfig takes it for the end of the text as well. */
static void report_nul(Lexer *lexer, const char *text, size_t position)
{
        unsigned line = 1;

        for (size_t i = 0; i < position; i++)
                if (text[i] == '\n')
                        line++;
        lexer_report(lexer, line, NULL, "expected text, got a NUL byte");
}

int conf_syntax_check(const char *file, const char *text, size_t size, ConfFaults *faults,
                      char **ret_text, bool *ret_is_cut)
{
        size_t length = strnlen(text, size);
        bool ends = length > 0 && text[length - 1] == '\n';
        _cleanup_free_ char *copy = NULL, *clean = NULL;
        Parser parser = { .lexer = { .file = file, .faults = faults, .is_cut = length < size } };

        /* libconfig 1.5 refuses a comment that does not end with a newline. */
        if (asprintf(&copy, "%.*s%s", (int) length, text, ends ? "" : "\n") < 0) {
                copy = NULL;
                return -ENOMEM;
        }
        if (length < size)
                report_nul(&parser.lexer, text, length);
        lexer_start(&parser.lexer, copy);
        while (parser.lexer.token.type != TOKEN_END)
                lexer_advance(&parser.lexer);
        clean = strdup(copy);
        if (!clean)
                return -ENOMEM;
        parser.clean = clean;
        lexer_start(&parser.lexer, copy);
        while (!parser.is_done && parser.lexer.error == 0)
                parse(&parser);
        free(parser.seen);
        if (parser.lexer.error < 0)
                return parser.lexer.error;
        *ret_text = TAKE_PTR(clean);
        *ret_is_cut = parser.lexer.is_cut;
        return 0;
}
