/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/fault.h"

/* Splits a text into the tokens of libconfig. */

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

/*
 * A number as libconfig's scanner recognizes it. libconfig 1.5 reads a number without the suffix L
 * as 32 bits and drops the bits above, reads a number with the suffix as 64 bits, and reports
 * neither as an error.
 */
typedef struct Number {
        size_t length; /* with the sign and the L; 0: no number */
        const char *digits;
        size_t n_digits;
        bool has_l;
        bool is_wide; /* too large for libconfig */
} Number;

typedef struct Lexer {
        const char *file;
        ConfFaults *faults;
        char *text, *next; /* the whole text, and what follows the token */
        unsigned line;     /* of `next` */
        Token token;
        bool is_cut; /* the text ends early */
        int error;   /* 0, or -ENOMEM if a fault could not be added */
} Lexer;

/* Adds a fault, like conf_faults_add(). */
void lexer_report(Lexer *lexer, unsigned line, const char *key, const char *format, ...)
        _printf_(4, 5);

/*
 * Sets the text, and goes to its first token. Where the lexer comes, it reports and removes what
 * makes no tokens: @include, and the rest of the text behind a string or comment without an end.
 */
void lexer_start(Lexer *lexer, char *text);

/* Moves on to the next token. */
void lexer_advance(Lexer *lexer);

bool token_is(const Token *token, char mark);
bool token_is_word(const Token *token, const char *word); /* in upper or lower case */
bool token_is_name(const Token *token);

/* Returns the number at the start of a word. */
Number token_number(const Token *word);

/* Writes a token in quotes, shortened if it is long. Returns the buffer. */
const char *token_quote(const Token *token, char quote, char buffer[static CONF_QUOTE_MAX]);
