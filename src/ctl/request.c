/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads BLOCKS and the request for a job from the command line. */

#include "base/parse.h"
#include "base/text.h"
#include "ctl/job-view.h"
#include "model/block.h"

#include <inttypes.h>

/* How a path of a block begins, such as those that a shell makes of "/sys/devices/system/memory/memory3*". */
#define BLOCK_PATH "/sys/devices/system/memory/"
#define BLOCK_NAME "memory"

static const char *skip_prefix(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
}

/*
 * Parses a block: "32", "memory32" or its path, which may end with "/"; or an address "0x...". Both ends of a range
 * must be numbers, or addresses.
 */
static int parse_end(char *text, bool is_address, uint64_t *ret)
{
        const char *name = skip_prefix(text, BLOCK_PATH);
        size_t length = strlen(text);
        uint32_t number = 0;
        int r;

        if (is_address)
                return strncmp(text, "0x", 2) == 0 ? parse_hex_u64(text + 2, ret) : -EINVAL;
        /* A path has a name at its end. */
        if (name != text && strncmp(name, BLOCK_NAME, strlen(BLOCK_NAME)) != 0)
                return -EINVAL;
        if (name != text && text[length - 1] == '/')
                text[length - 1] = '\0';
        r = parse_u32(skip_prefix(name, BLOCK_NAME), &number);
        if (r >= 0)
                *ret = number;
        return r;
}

static int parse_word(const char *word, WordRange *ret)
{
        _cleanup_free_ char *first = strdup(word);
        bool is_address = strncmp(word, "0x", 2) == 0;
        WordRange range = { .is_address = is_address };
        char *last;
        int r;

        if (!first)
                return -ENOMEM;
        last = strchr(first, '-');
        if (last)
                *last++ = '\0';
        else if (is_address)
                return -EINVAL;
        r = parse_end(first, is_address, &range.first);
        if (r >= 0)
                r = last ? parse_end(last, is_address, &range.last) : 0;
        if (!last)
                range.last = range.first;
        if (r < 0)
                return r;
        *ret = range;
        return range.first <= range.last ? 0 : -EINVAL;
}

int blocks_parse(int argc, char **argv, WordRange **ret_words, size_t *ret_n_words)
{
        _cleanup_free_ WordRange *words = NULL;
        size_t n_words = 0;

        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *copy = strdup(argv[i]);
                char *rest = copy, *word;

                if (!copy)
                        return failure("%s", strerror(ENOMEM));
                while ((word = strsep(&rest, ","))) {
                        if (GROW(words, n_words) < 0)
                                return failure("%s", strerror(ENOMEM));
                        if (parse_word(word, &words[n_words++]) < 0)
                                return usage_failure(
                                        "bad BLOCKS '%s' in '%s', expected a number, a name such "
                                        "as memory32, a range such as 32-39, several such as "
                                        "32-39,45, or addresses as in the column RANGE",
                                        word, argv[i]);
                }
        }
        *ret_words = TAKE_PTR(words);
        *ret_n_words = n_words;
        return EXIT_SUCCESS;
}

/* Divides addresses by the block size. Returns false if they are not those of whole blocks. */
static bool resolve_word(WordRange word, uint64_t block_size_bytes, BlockRange *ret)
{
        if (word.is_address) {
                if (block_size_bytes == 0 || word.first % block_size_bytes != 0 ||
                    word.last % block_size_bytes != block_size_bytes - 1)
                        return false;
                word.first /= block_size_bytes;
                word.last /= block_size_bytes;
        }
        if (word.last > UINT32_MAX)
                return false;
        *ret = (BlockRange){ (uint32_t) word.first, (uint32_t) word.last };
        return true;
}

int blocks_resolve(const WordRange *words, size_t n_words, uint64_t block_size_bytes,
                   BlockRange **ret_blocks)
{
        _cleanup_free_ BlockRange *blocks = calloc(n_words + 1, sizeof(*blocks));
        char size[SIZE_STRING_MAX];

        if (!blocks)
                return failure("%s", strerror(ENOMEM));
        for (size_t i = 0; i < n_words; i++)
                if (!resolve_word(words[i], block_size_bytes, &blocks[i]))
                        return usage_failure("bad BLOCKS '0x%016" PRIx64 "-0x%016" PRIx64
                                             "', expected addresses of whole blocks of %s",
                                             words[i].first, words[i].last,
                                             size_format(block_size_bytes, size));
        *ret_blocks = TAKE_PTR(blocks);
        return EXIT_SUCCESS;
}

static int parse_number(const char *text, uint64_t *ret)
{
        uint32_t number;
        int r = parse_u32(text, &number);

        if (r >= 0)
                *ret = number;
        return r;
}

static int parse_percent(const char *text, uint64_t *ret)
{
        _cleanup_free_ char *number = strndup(text, strlen(text) - 1);

        return number ? parse_number(number, ret) : -ENOMEM;
}

static int parse_timeout(const char *text, uint64_t *ret)
{
        int r = parse_usec(text, ret);

        return r >= 0 && *ret == 0 ? -EINVAL : r;
}

#define SIZE_EXPECTED "a size such as 4G or 1.5G"
#define MOVABLE_EXPECTED "a percentage such as 75% or a size such as 4G"

/* The keys of a request whose values come from options. memoryd checks the values against the machine. */
typedef struct Key {
        const char *key;
        char type;
        const char **text; /* the value as it was given, or NULL */
        const char *option;
        const char *expected;
        int (*parse)(const char *text, uint64_t *ret); /* NULL: the value is a text */
} Key;

static const Key keys[] = {
        { "Node", 'u', &arg_node, "--node", "the number of a node", parse_number },
        { "Device", 's', &arg_device, "--device", "the name of a device", NULL },
        { "Size", 't', &arg_size, "--size", SIZE_EXPECTED, parse_size },
        { "Zone", 's', &arg_zone, "--zone", "movable or kernel", NULL },
        { "MovablePercent", 'u', &arg_movable, "--movable", MOVABLE_EXPECTED, parse_percent },
        { "MovableBytes", 't', &arg_movable, "--movable", MOVABLE_EXPECTED, parse_size },
        { "TimeoutUSec", 't', &arg_timeout, "--timeout", "a time such as 90s or 5min",
          parse_timeout },
};

/* Returns the text of the value for a key, or NULL if there is none. "75%" and "48G" are for two keys. */
static const char *key_text(const Key *key)
{
        const char *text = *key->text;
        bool is_percent = text && *text && text[strlen(text) - 1] == '%';

        return key->text == &arg_movable && is_percent != (key->type == 'u') ? NULL : text;
}

/*
 * Refuses a number alone. It could be meant as either, and to take "75" as bytes would make all memory of the
 * node kernel memory. A number over 100 can only be a size.
 */
static int check_movable(void)
{
        uint64_t number;

        if (!arg_movable || !*arg_movable ||
            strspn(arg_movable, "0123456789") < strlen(arg_movable))
                return EXIT_SUCCESS;
        if (parse_size(arg_movable, &number) >= 0 && number <= 100)
                return usage_failure(
                        "--movable: '%s' is not clear, use %s%% for that percentage of "
                        "the node's memory, or %sG for that size",
                        arg_movable, arg_movable, arg_movable);
        return usage_failure("--movable: '%s' is not clear, expected %s; %sB is that many bytes",
                             arg_movable, MOVABLE_EXPECTED, arg_movable);
}

static int check_option(const Key *key)
{
        const char *text = key_text(key);
        uint64_t number;
        int r = 0;

        if (!text)
                return EXIT_SUCCESS;
        if (!*text || !text_is_printable(text))
                r = -EINVAL;
        else if (key->parse)
                r = key->parse(text, &number);
        if (r == -EDOM)
                return usage_failure("%s: '%s' is not a whole number of bytes, expected %s",
                                     key->option, text, key->expected);
        return r < 0 ? usage_failure("%s: expected %s, got '%s'", key->option, key->expected,
                                     text) :
                       EXIT_SUCCESS;
}

static int check_options(void)
{
        int r = check_movable();

        for (size_t i = 0; i < ELEMENTSOF(keys) && r == EXIT_SUCCESS; i++)
                r = check_option(&keys[i]);
        return r;
}

/* Checks --zone. For set-zone, makes the last argument that option instead, and removes it from *argc. */
static int take_zone(const char *verb, int *argc, char **argv)
{
        const char *word = *argc > 0 ? argv[*argc - 1] : NULL;
        bool is_set_zone = strcmp(verb, "set-zone") == 0;

        if (is_set_zone && arg_movable && word && zone_class_from_string(word) > ZONE_CLASS_NONE)
                return usage_failure("--movable and '%s' exclude each other", word);
        if (is_set_zone && !arg_movable && !word)
                return usage_failure("'set-zone' needs a zone, movable or kernel, or --movable");
        if (is_set_zone && !arg_movable) {
                arg_zone = word;
                (*argc)--;
        }
        if (arg_zone && zone_class_from_string(arg_zone) <= ZONE_CLASS_NONE)
                return usage_failure("%s: expected movable or kernel, got '%s'",
                                     is_set_zone ? "the last argument of 'set-zone'" : "--zone",
                                     arg_zone);
        return EXIT_SUCCESS;
}

/* Complains if the memory is given in ways that exclude each other, or not at all. */
static int check_memory(const char *verb, bool has_blocks)
{
        const struct {
                bool given;
                const char *one;
                const char *other;
        } pairs[] = {
                { has_blocks && arg_node, "BLOCKS", "--node" },
                { has_blocks && arg_device, "BLOCKS", "--device" },
                { arg_node && arg_device, "--node", "--device" },
                { has_blocks && arg_size, "BLOCKS", "--size" },
                { arg_movable && arg_size, "--movable", "--size" },
                { arg_movable && has_blocks, "--movable", "BLOCKS" },
                { arg_movable && arg_device, "--movable", "--device" },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                if (pairs[i].given)
                        return usage_failure("%s and %s exclude each other", pairs[i].one,
                                             pairs[i].other);
        if (!has_blocks && !arg_node && !arg_device && !arg_size)
                return usage_failure("'%s' needs %s", verb,
                                     arg_movable ? "--node with --movable" :
                                                   "BLOCKS, --node, --device or --size");
        return EXIT_SUCCESS;
}

int job_request_parse(const char *verb, int argc, char **argv, WordRange **ret_words,
                      size_t *ret_n_words)
{
        int r = take_zone(verb, &argc, argv);

        if (r == EXIT_SUCCESS)
                r = check_options();
        if (r == EXIT_SUCCESS)
                r = blocks_parse(argc, argv, ret_words, ret_n_words);
        return r == EXIT_SUCCESS ? check_memory(verb, *ret_n_words > 0) : r;
}

static int append_blocks(sd_bus_message *message, const BlockRange *blocks, size_t n_blocks)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', "Blocks");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "a(uu)");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(uu)");
        for (size_t i = 0; i < n_blocks && r >= 0; i++)
                r = sd_bus_message_append(message, "(uu)", blocks[i].first, blocks[i].last);
        for (unsigned i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(message);
        return r;
}

static int append_key(sd_bus_message *message, const Key *key)
{
        const char *text = key_text(key);
        uint64_t number = 0;
        int r = text && key->parse ? key->parse(text, &number) : 0;

        if (!text || r < 0)
                return r;
        if (key->type == 's')
                return sd_bus_message_append(message, "{sv}", key->key, "s", text);
        if (key->type == 'u')
                return sd_bus_message_append(message, "{sv}", key->key, "u", (uint32_t) number);
        return sd_bus_message_append(message, "{sv}", key->key, "t", number);
}

int job_request_append(sd_bus_message *message, const BlockRange *blocks, size_t n_blocks)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0 && n_blocks > 0)
                r = append_blocks(message, blocks, n_blocks);
        for (size_t i = 0; i < ELEMENTSOF(keys) && r >= 0; i++)
                r = append_key(message, &keys[i]);
        if (r >= 0 && arg_force)
                r = sd_bus_message_append(message, "{sv}", "Force", "b", true);
        if (r >= 0 && arg_undo_on_failure)
                r = sd_bus_message_append(message, "{sv}", "UndoOnFailure", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(message);
}
