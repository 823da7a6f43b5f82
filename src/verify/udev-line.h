/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Splits a line of udev rules into its tokens: udev(7). */

#define UDEV_NAME_MAX 63

typedef enum UdevOperator {
        UDEV_MATCH,    /* == */
        UDEV_NOMATCH,  /* != */
        UDEV_ASSIGN,   /* =, :=, += */
        UDEV_TAKE_OUT, /* -= */
} UdevOperator;

/* One KEY{attribute}OPERATOR"value" of a rule. */
typedef struct UdevToken {
        const char *start; /* position in the line, as written */
        size_t length;
        char key[UDEV_NAME_MAX + 1];
        char attribute[256]; /* "" for none */
        UdevOperator operator;
        char *value; /* owned */
} UdevToken;

#define UDEV_TOKENS_MAX 64

typedef struct UdevLine {
        UdevToken tokens[UDEV_TOKENS_MAX];
        size_t n_tokens;
} UdevLine;

/*
 * Splits a line into tokens, which point into the text: the text must outlive *line. Returns false
 * if udev would not accept the line as a rule either, or if it has more than UDEV_TOKENS_MAX
 * tokens; *line must then be released as well.
 */
bool udev_line_parse(const char *text, UdevLine *line);
void udev_line_done(UdevLine *line);

/* Returns the first token with a key, or NULL. */
const UdevToken *udev_line_find(const UdevLine *line, const char *key);

/* Returns an attribute without the dots and slashes at its beginning. */
const char *udev_attribute_name(const char *attribute);
