/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Asks memoryd what the pages of blocks are used for, and prints what holds the blocks. */

#include "ctl/json.h"

#include "base/names.h"
#include "base/text.h"
#include "ctl/row.h"
#include "model/pages.h"

#include <inttypes.h>
#include <stdio.h>

/* Longer than memoryd takes, which answers within ten seconds. */
#define COUNT_TIMEOUT_USEC (25 * USEC_PER_SEC)

int json_strings_read(sd_bus_message *message, json_object **ret)
{
        json_object *array = json_object_new_array();
        const char *text;
        int r = array ? sd_bus_message_enter_container(message, 'a', "s") : -ENOMEM;

        while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0)
                if (!json_element(array, json_object_new_string(text)))
                        r = -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0) {
                json_object_put(array);
                return r;
        }
        *ret = array;
        return 0;
}

/* Adds pages of a use to counts. A use that only a later version knows is left out. */
static void add_use(PageCounts *counts, const char *use, uint64_t page_bytes, uint64_t bytes)
{
        PageKind kind = page_kind_from_string(use);

        if (kind == PAGE_HUGE)
                page_counts_add_huge(counts, page_bytes, bytes);
        if (kind >= 0)
                counts->n[kind] += bytes;
}

/* Reads a(stt): uses of pages. Adds them to the counts, with bytes in place of numbers of pages. */
static int read_uses(sd_bus_message *message, json_object *uses, PageCounts *counts)
{
        const char *use;
        uint64_t page_bytes, bytes;
        int r = sd_bus_message_enter_container(message, 'a', "(stt)");

        while (r >= 0 &&
               (r = sd_bus_message_read(message, "(stt)", &use, &page_bytes, &bytes)) > 0) {
                json_object *row =
                        json_make(JSON_MEMBERS({ "use", json_object_new_string(use) },
                                               { "page_bytes", json_object_new_uint64(page_bytes) },
                                               { "bytes", json_object_new_uint64(bytes) }));

                if (!json_element(uses, row))
                        return -ENOMEM;
                add_use(counts, use, page_bytes, bytes);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* Reads ua(stt), and adds an object of it to an array: the block, whether it is held, and the uses of its pages. */
static int read_block(sd_bus_message *message, json_object *blocks)
{
        json_object *row = json_object_new_object(), *uses = json_object_new_array();
        PageCounts counts = {};
        uint32_t block = 0;
        int r = json_element(blocks, row) ? sd_bus_message_read(message, "u", &block) : -ENOMEM;

        if (!json_member(row, "block", json_object_new_uint64(block)) ||
            !json_member(row, "pages", uses))
                return -ENOMEM;
        if (r >= 0)
                r = read_uses(message, uses, &counts);
        return r < 0 ? r :
               json_member(row, "held", json_object_new_boolean(page_counts_are_held(&counts))) ?
                       0 :
                       -ENOMEM;
}

static int read_counts(sd_bus_message *message, json_object *object)
{
        json_object *blocks = json_object_new_array(), *advice;
        const char *text;
        int r = json_member(object, "counted", blocks) ? 0 : -ENOMEM;

        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', BUS_PAGES_SIGNATURE);
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "ua(stt)")) > 0) {
                r = read_block(message, blocks);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &text);
        if (r >= 0 && !json_member(object, "holds", json_object_new_string(text)))
                r = -ENOMEM;
        if (r >= 0)
                r = json_strings_read(message, &advice);
        return r < 0 ? r : json_member(object, "holds_advice", advice) ? 0 : -ENOMEM;
}

int holds_ask(sd_bus *bus, uint32_t first, uint32_t last, json_object *object)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "CountPages", &message);

        if (r >= 0)
                r = sd_bus_message_append(message, "uu", first, last);
        if (r >= 0)
                r = sd_bus_call(bus, message, COUNT_TIMEOUT_USEC, &error, &reply);
        if (r >= 0)
                return read_counts(reply, object);
        if (!sd_bus_error_is_set(&error))
                return r;
        /* An older memoryd does not count, which is nothing to tell. */
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD))
                return 0;
        return json_member(object, "holds_error", json_object_new_string(error.message)) ? 0 :
                                                                                           -ENOMEM;
}

/* Adds the texts of an array of `object` to those that were printed, and prints the new ones. */
static void print_new(json_object *object, const char *key, json_object *printed)
{
        json_object *array;

        if (!json_object_object_get_ex(object, key, &array))
                return;
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(array, i));
                json_object *known;

                if (json_object_object_get_ex(printed, text, &known))
                        continue;
                (void) json_object_object_add(printed, text, NULL);
                printf("%s  %s\n", json_object_object_length(printed) == 1 ? "\n" : "", text);
        }
}

void holds_print_advice(json_object *object)
{
        _cleanup_(json_object_putp) json_object *printed = json_object_new_object();

        if (!printed)
                return;
        print_new(object, "holds_advice", printed);
        print_new(object, "not_offline_advice", printed);
}

/* Prints the numbers of the held blocks as ranges: "37, 40-47". */
static void print_held(json_object *blocks)
{
        size_t n = json_object_array_length(blocks);
        const char *before = "";

        for (size_t i = 0, end; i < n; i = end) {
                uint64_t first = 0, last = 0;

                for (end = i; end < n; end++) {
                        json_object *row = json_object_array_get_idx(blocks, end);
                        uint64_t block =
                                json_object_get_uint64(json_object_object_get(row, "block"));

                        if (!json_object_get_boolean(json_object_object_get(row, "held")) ||
                            (end > i && block != last + 1))
                                break;
                        first = end > i ? first : block;
                        last = block;
                }
                if (end == i) {
                        end++;
                        continue;
                }
                printf("%s%" PRIu64, *before ? before : "        Held: memory", first);
                if (last > first)
                        printf("-%" PRIu64, last);
                before = ", ";
        }
        if (*before)
                putchar('\n');
}

void holds_print(json_object *object)
{
        json_object *value;

        if (json_object_object_get_ex(object, "holds", &value) && *json_object_get_string(value))
                printf("%12s: %s\n", "Pages", json_object_get_string(value));
        if (json_object_object_get_ex(object, "holds_error", &value))
                printf("%12s: %s\n", "Pages", json_object_get_string(value));
        if (json_object_object_get_ex(object, "counted", &value) &&
            json_object_array_length(value) > 1)
                print_held(value);
}
