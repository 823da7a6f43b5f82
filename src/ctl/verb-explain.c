/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl explain. */

#include "base/names.h"
#include "ctl/row.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

/* Converts a key to JSON: "DecidedUSec" to "decided_usec". NULL if memory is short. */
static char *key_to_json(const char *key)
{
        char *text = malloc(2 * strlen(key) + 1), *end = text;

        for (const char *p = key; text && *p; p++) {
                if (isupper((unsigned char) *p) && p > key && islower((unsigned char) p[-1]))
                        *end++ = '_';
                *end++ = (char) tolower((unsigned char) *p);
        }
        if (text)
                *end = 0;
        return text;
}

/* Adds an entry to the object, unless it has a type that only a later version knows. */
static int read_entry(sd_bus_message *message, const char *key, void *userdata)
{
        union {
                const char *text;
                uint64_t u64;
                uint32_t u32;
                int32_t i32;
        } value;
        _cleanup_free_ char *name = NULL;
        json_object *member;
        const char *contents;
        char type[2] = "";
        int r = sd_bus_message_peek_type(message, NULL, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (strcmp(key, "NotOfflineAdvice") == 0 && strcmp(contents, "as") == 0) {
                r = sd_bus_message_enter_container(message, 'v', "as");
                if (r >= 0)
                        r = json_strings_read(message, &member);
                if (r < 0)
                        return r;
                name = key_to_json(key);
                if (!json_member(name ? userdata : NULL, name, member))
                        return -ENOMEM;
                return sd_bus_message_exit_container(message);
        }
        if (strlen(contents) != 1 || !strchr("stui", *contents))
                return sd_bus_message_skip(message, "v");
        type[0] = *contents;
        r = sd_bus_message_read(message, "v", type, &value);
        if (r < 0)
                return r;
        name = key_to_json(key);
        member = *type == 's' ? json_object_new_string(value.text) : json_value(*type, &value);
        return json_member(name ? userdata : NULL, name, member) ? 0 : -ENOMEM;
}

/* The text of a key. NULL if it is missing or empty. */
static const char *text_of(json_object *object, const char *key)
{
        json_object *value;

        if (!json_object_object_get_ex(object, key, &value) || !*json_object_get_string(value))
                return NULL;
        return json_object_get_string(value);
}

static uint64_t number_of(json_object *object, const char *key)
{
        json_object *value;

        return json_object_object_get_ex(object, key, &value) ? json_object_get_uint64(value) : 0;
}

/* Prints a text, and more of it if there is more. Prints nothing without the text. */
static void print_line(const char *name, const char *text, const char *more)
{
        if (text)
                printf("%12s: %s%s%s\n", name, text, more ? ", " : "", more ?: "");
}

/* The same with a text that is a word, which has a colour by what it says. */
static void print_word(const char *name, const char *word, const char *more)
{
        if (!word)
                return;
        printf("%12s: ", name);
        color_print(color_of_word(word), "%s", word);
        printf("%s%s\n", more ? ", " : "", more ?: "");
}

static void print_place(json_object *object)
{
        uint64_t block = number_of(object, "block"), size = number_of(object, "block_size_bytes");
        const char *node = text_of(object, "node");

        printf("%12s: memory%" PRIu64 ", 0x%016" PRIx64 "-0x%016" PRIx64 "\n", "Block", block,
               block * size, (block + 1) * size - 1);
        if (node && *node != '-')
                print_line("Node", node, NULL);
        print_line("Origin", text_of(object, "origin"), text_of(object, "device"));
        print_line("CXL", text_of(object, "cxl_region"), text_of(object, "cxl_memdevs"));
        print_word("State", text_of(object, "state"), text_of(object, "zones"));
}

static void print_decision(json_object *object)
{
        const char *rule = text_of(object, "rule"), *file = text_of(object, "rule_file");
        char when[TIME_STRING_MAX];

        if (number_of(object, "decided_usec") == 0) {
                print_word("Decision", text_of(object, "decision"), NULL);
                return;
        }
        print_word("Decision", text_of(object, "decision"),
                   time_format(number_of(object, "decided_usec"), when));
        if (rule && file)
                printf("%12s: %s, %s:%" PRIu64 "\n", "Rule", rule, file,
                       number_of(object, "rule_line"));
        else
                print_line("Rule", rule ?: "(default)", NULL);
        print_word("Asked for", text_of(object, "zone_wanted"), NULL);
        print_line("Guards", text_of(object, "guards"), NULL);
}

static void print_outcome(json_object *object)
{
        const char *onliner = text_of(object, "onlined_by");
        uint64_t attempts = number_of(object, "failed_attempts");
        char when[TIME_STRING_MAX], error[ERROR_STRING_MAX];

        print_word("Status", text_of(object, "status"), NULL);
        if (onliner && strcmp(onliner, "none") != 0)
                print_line("Onlined by", onliner,
                           number_of(object, "onlined_usec") > 0 ?
                                   time_format(number_of(object, "onlined_usec"), when) :
                                   NULL);
        if (attempts > 0)
                printf("%12s: %" PRIu64 ", %s\n", "Failed", attempts,
                       error_format((int) number_of(object, "errno"), error));
}

/* Prints what the pages of the block are used for, and what kept it from going offline. */
static void print_holds(json_object *object)
{
        const char *failed = text_of(object, "not_offline");
        char when[TIME_STRING_MAX];

        holds_print(object);
        if (failed)
                printf("%12s: did not go offline at %s: %s\n", "Failed",
                       time_format(number_of(object, "not_offline_usec"), when), failed);
        holds_print_advice(object);
}

/* Prints that a block failed, why, and what comes next. */
static void print_failure(json_object *object, const char *failure)
{
        const char *advice = text_of(object, "advice"), *cause = text_of(object, "cause");
        uint64_t retry_usec = number_of(object, "retry_usec");
        uint64_t n_left = number_of(object, "attempts_left");
        char when[TIME_STRING_MAX];

        printf("memory%" PRIu64 " ", number_of(object, "block"));
        color_print(COLOR_BAD, "failed");
        printf(": %s.\n%s.\n", failure, cause ?: "");
        if (retry_usec > 0)
                printf("memoryd tries again at %s, up to %" PRIu64 " time%s more.",
                       time_format(retry_usec, when), n_left, n_left == 1 ? "" : "s");
        else
                printf("memoryd does not try again by itself.");
        printf("%s%s%s\n\n", advice ? " " : "", advice ?: "", advice ? "." : "");
}

/* The first lines: the failure, if there is one, and the reason for the decision. */
static void print_summary(json_object *object)
{
        const char *failure = text_of(object, "failure"), *reason = text_of(object, "reason");

        if (failure) {
                print_failure(object, failure);
                printf("The decision: %s.\n\n", reason ?: "");
        } else
                printf("memory%" PRIu64 ": %s.\n\n", number_of(object, "block"), reason ?: "");
}

static int explain_print(json_object *object)
{
        if (arg_json)
                return json_print(json_object_get(object));
        print_summary(object);
        print_place(object);
        print_decision(object);
        print_outcome(object);
        print_holds(object);
        return EXIT_SUCCESS;
}

static int too_many_blocks(const char *text)
{
        return usage_failure("'explain' takes one block, got '%s'", text);
}

static bool is_offline(json_object *object)
{
        const char *state = text_of(object, "state");

        return !state || strcmp(state, "offline") == 0;
}

/* Asks for the block size, which is needed to find a block by its addresses, and for the explanation. */
static int explain_block(sd_bus *bus, const WordRange *word, const char *text, json_object *object)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ BlockRange *block = NULL;
        uint64_t block_size_bytes;
        int r = ask_block_size(bus, &error, &block_size_bytes);

        if (r < 0)
                return call_failure(r, &error);
        r = blocks_resolve(word, 1, block_size_bytes, &block);
        if (r != EXIT_SUCCESS)
                return r;
        if (block->first != block->last)
                return too_many_blocks(text);
        r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "Explain", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "u", block->first);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, &error, &reply);
        if (r >= 0)
                r = dict_read(reply, "sv", read_entry, object);
        if (r >= 0 && !is_offline(object))
                r = holds_ask(bus, block->first, block->first, object);
        if (r >= 0 && json_object_object_add(object, "block_size_bytes",
                                             json_object_new_uint64(block_size_bytes)) < 0)
                r = -ENOMEM;
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

int verb_explain(int argc, char **argv)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(json_object_putp) json_object *object = NULL;
        _cleanup_free_ WordRange *words = NULL;
        size_t n_words;
        int r;

        if (argc != 1)
                return usage_failure("'explain' takes one block, got %d arguments", argc);
        r = blocks_parse(argc, argv, &words, &n_words);
        if (r != EXIT_SUCCESS)
                return r;
        if (n_words != 1 || (!words->is_address && words->first != words->last))
                return too_many_blocks(argv[0]);
        object = json_object_new_object();
        if (!object)
                return failure("%s", strerror(ENOMEM));
        r = bus_open(&bus);
        if (r == EXIT_SUCCESS)
                r = explain_block(bus, words, argv[0], object);
        return r == EXIT_SUCCESS ? explain_print(object) : r;
}
