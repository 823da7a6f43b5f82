/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads BLOCKS and the request for a job from the command line. */

#include "base/parse.h"
#include "ctl/job-view.h"
#include "model/block.h"

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
        { "Size", 't', &arg_size, "--size", "a size such as 4G", parse_size },
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

static int check_options(void)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *text = key_text(&keys[i]);
                uint64_t number;

                if (text && (!*text || (keys[i].parse && keys[i].parse(text, &number) < 0)))
                        return usage_failure("%s: expected %s, got '%s'", keys[i].option,
                                             keys[i].expected, text);
        }
        return EXIT_SUCCESS;
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

int job_request_parse(const char *verb, int argc, char **argv, BlockRange **ret_blocks,
                      size_t *ret_n_blocks)
{
        int r = take_zone(verb, &argc, argv);

        if (r == EXIT_SUCCESS)
                r = check_options();
        if (r == EXIT_SUCCESS)
                r = blocks_parse(argc, argv, ret_blocks, ret_n_blocks);
        return r == EXIT_SUCCESS ? check_memory(verb, *ret_n_blocks > 0) : r;
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
