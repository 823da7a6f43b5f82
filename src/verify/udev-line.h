/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* A line of a file of udev rules as the parts that it consists of: udev(7). */

#define UDEV_NAME_MAX 63

typedef enum UdevOperator {
        UDEV_MATCH,    /* == */
        UDEV_NOMATCH,  /* != */
        UDEV_ASSIGN,   /* =, :=, += */
        UDEV_TAKE_OUT, /* -= */
} UdevOperator;

/* One KEY{attribute}OPERATOR"value" of a rule. */
typedef struct UdevToken {
        const char *start; /* in the line, as it is written */
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
 * Takes a line apart, which must outlive *line. False for what udev does not take for a rule either; what
 * *line has then is to be released as well.
 */
bool udev_line_parse(const char *text, UdevLine *line);
void udev_line_done(UdevLine *line);

/* The first part with a key, or NULL. */
const UdevToken *udev_line_find(const UdevLine *line, const char *key);

/* An attribute without the dots and slashes that it may begin with. */
const char *udev_attribute_name(const char *attribute);
