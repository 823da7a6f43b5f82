/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Words of the command line: sizes, times and dates, ranges, additions. The lines of the input are the verb, the values of
 * --node, --device, --size, --zone, --movable and --timeout, and then BLOCKS.
 */

#include "base/parse.h"
#include "ctl/job-view.h"
#include "ctl/since.h"
#include "fuzz.h"

#define BLOCK_SIZE (UINT64_C(128) << 20)
#define WORDS_MAX 32

static void check_word(const char *word)
{
        const char *expected = NULL;
        NodeSet nodes = {};
        uint64_t number;
        uint32_t small;
        Addition addition;

        (void) parse_size(word, &number);
        (void) parse_hex_u64(word, &number);
        if (parse_usec(word, &number) == 0)
                FUZZ_ASSERT(number < USEC_INFINITY);
        if (since_parse(word, UINT64_C(1800000000) * USEC_PER_SEC, &number) == 0)
                FUZZ_ASSERT(number % USEC_PER_SEC == 0);
        if (parse_u32(word, &small) == 0)
                FUZZ_ASSERT(is_number_list(word));
        if (node_set_parse(&nodes, word) == 0)
                FUZZ_ASSERT(is_number_list(word) && node_set_is_empty(&nodes) == !*word);
        if (addition_parse(word, BLOCK_SIZE, &addition, &expected) == 0)
                FUZZ_ASSERT(addition.size_bytes > 0 && addition.size_bytes % BLOCK_SIZE == 0);
        else
                FUZZ_ASSERT(expected);
}

static void check_request(const char *verb, int argc, char **argv)
{
        _cleanup_free_ WordRange *words = NULL;
        _cleanup_free_ BlockRange *blocks = NULL;
        size_t n_words = 0;

        if (job_request_parse(verb, argc, argv, &words, &n_words) != EXIT_SUCCESS ||
            blocks_resolve(words, n_words, BLOCK_SIZE, &blocks) != EXIT_SUCCESS)
                return;
        for (size_t i = 0; i < n_words; i++)
                FUZZ_ASSERT(blocks[i].first <= blocks[i].last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char **const options[] = { &arg_node, &arg_device,  &arg_size,
                                                &arg_zone, &arg_movable, &arg_timeout };
        _cleanup_free_ char *text = fuzz_string(data, size);
        char *words[WORDS_MAX + 1] = { NULL }, *rest = text, *word;
        size_t n = 0, first = 1 + ELEMENTSOF(options);

        while (n < WORDS_MAX && (word = strsep(&rest, "\n"))) {
                check_word(word);
                words[n++] = word;
        }
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                *options[i] = i + 1 < n && *words[i + 1] ? words[i + 1] : NULL;
        check_request(*words[0] ? words[0] : "online", n > first ? (int) (n - first) : 0,
                      words + MIN(n, first));
        return 0;
}
