/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the name that a mistyped word was probably meant to be. */

#include "ctl/command.h"

#include <ctype.h>
#include <strings.h>

#define WORD_MAX 32

static size_t least(size_t a, size_t b, size_t c)
{
        return MIN(MIN(a, b), c);
}

/*
 * Returns the number of characters to insert, delete, replace or swap with the next one to get from one word to
 * the other. Case does not count.
 */
static size_t count_edits(const char *from, const char *to)
{
        size_t rows[3][WORD_MAX + 1], *before_last = rows[0], *last = rows[1], *row = rows[2];
        size_t n = strlen(to);

        for (size_t j = 0; j <= n; j++)
                last[j] = j;
        memset(rows[0], 0, sizeof(rows[0]));
        for (size_t i = 1; from[i - 1]; i++) {
                size_t *oldest = before_last;

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        int a = tolower((unsigned char) from[i - 1]);
                        int b = tolower((unsigned char) to[j - 1]);

                        row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b));
                        if (i > 1 && j > 1 && a == tolower((unsigned char) to[j - 2]) &&
                            b == tolower((unsigned char) from[i - 2]))
                                row[j] = MIN(row[j], before_last[j - 2] + 1);
                }
                before_last = last;
                last = row;
                row = oldest;
        }
        return last[n];
}

/* One in three characters may be wrong, and one of two. Counts the rest of a name as one edit. */
const char *suggest(const char *word, const char *const *names, size_t n_names, size_t stride)
{
        size_t length = strlen(word), least_edits = MAX(length / 3, (size_t) 1) + 1;
        const char *best = NULL;

        if (length < 2 || length > WORD_MAX)
                return NULL;
        for (size_t i = 0; i < n_names; i++) {
                const char *name = *(const char *const *) ((const char *) names + i * stride);
                size_t edits = strncasecmp(name, word, length) == 0 ? 1 : count_edits(word, name);

                assert(strlen(name) <= WORD_MAX);
                if (edits >= least_edits)
                        continue;
                least_edits = edits;
                best = name;
        }
        return best;
}
