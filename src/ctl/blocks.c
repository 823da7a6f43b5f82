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

int blocks_parse(int argc, char **argv, BlockRange **ret_blocks, size_t *ret_n_blocks)
{
        _cleanup_free_ BlockRange *blocks = NULL;
        size_t n_blocks = 0;

        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *copy = strdup(argv[i]);
                char *rest = copy, *word;

                if (!copy)
                        return failure("%s", strerror(ENOMEM));
                while ((word = strsep(&rest, ","))) {
                        if (GROW(blocks, n_blocks) < 0)
                                return failure("%s", strerror(ENOMEM));
                        if (span_parse(word, &blocks[n_blocks++]) < 0)
                                return usage_failure(
                                        "bad BLOCKS '%s' in '%s', expected a number, a range such "
                                        "as 32-39, or several such as 32-39,45",
                                        word, argv[i]);
                }
        }
        *ret_blocks = TAKE_PTR(blocks);
        *ret_n_blocks = n_blocks;
        return EXIT_SUCCESS;
}
