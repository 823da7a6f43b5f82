/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads BLOCKS from the command line. */

#include "base/parse.h"
#include "ctl/ctl.h"

static int span_parse(const char *word, BlockRange *ret)
{
        _cleanup_free_ char *first = strdup(word);
        char *last;
        int r;

        if (!first)
                return -ENOMEM;
        last = strchr(first, '-');
        if (last)
                *last++ = '\0';
        r = parse_u32(first, &ret->first);
        if (r < 0)
                return r;
        r = parse_u32(last ? last : first, &ret->last);
        if (r < 0)
                return r;
        return ret->first <= ret->last ? 0 : -EINVAL;
}

/* Parses "32-39,45", and adds it to blocks[], which has room for one entry more than the text has commas. */
static int argument_parse(const char *text, BlockRange *blocks, size_t *n_blocks)
{
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy;
        char *word;

        if (!copy)
                return failure("%s", strerror(ENOMEM));
        while ((word = strsep(&rest, ",")))
                if (span_parse(word, &blocks[(*n_blocks)++]) < 0)
                        return usage_failure(
                                "bad BLOCKS '%s' in '%s', expected a number, a range such "
                                "as 32-39, or several such as 32-39,45",
                                word, text);
        return EXIT_SUCCESS;
}

int blocks_parse(int argc, char **argv, BlockRange **ret_blocks, size_t *ret_n_blocks)
{
        _cleanup_free_ BlockRange *blocks = NULL;
        size_t n_words = (size_t) argc;
        size_t n_blocks = 0;
        int r;

        for (int i = 0; i < argc; i++)
                for (const char *c = argv[i]; *c; c++)
                        n_words += *c == ',';
        blocks = calloc(n_words + 1, sizeof(*blocks));
        if (!blocks)
                return failure("%s", strerror(ENOMEM));
        for (int i = 0; i < argc; i++) {
                r = argument_parse(argv[i], blocks, &n_blocks);
                if (r != EXIT_SUCCESS)
                        return r;
        }
        *ret_blocks = TAKE_PTR(blocks);
        *ret_n_blocks = n_blocks;
        return EXIT_SUCCESS;
}
