/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints an event as a line of text or JSON. */

#include "ctl/event.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Makes an object with the members that all events have. NULL if memory is short. */
static json_object *json_event(const char *name)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return json_make(JSON_MEMBERS(
                { "time_usec", json_object_new_uint64((uint64_t) now.tv_sec * USEC_PER_SEC +
                                                      (uint64_t) now.tv_nsec / 1000) },
                { "event", json_object_new_string(name) }));
}

/* Prints the object if `ok`, else an error. Frees the object. */
static void print_object(json_object *object, bool ok)
{
        if (!ok) {
                json_object_put(object);
                object = NULL;
        }
        (void) json_print_line(object);
}

static void print_event(const char *name, const JsonMember *members)
{
        json_object *object = json_event(name);

        print_object(object, json_add(object, members));
}

static void _printf_(1, 2) print_text(const char *format, ...)
{
        time_t now = time(NULL);
        va_list arguments;
        char text[TIME_STRING_MAX] = "";
        struct tm local;

        if (localtime_r(&now, &local))
                strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &local);
        printf("%s ", text);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
}

void event_running(bool is_running)
{
        if (arg_json)
                print_event("memoryd",
                            JSON_MEMBERS({ "running", json_object_new_boolean(is_running) }));
        else
                print_text("memoryd %s", is_running ? "is running" : "is not running");
}

#define SPAN_STRING_MAX 48

/* Formats "block 42" or "blocks 40-47". Returns the buffer. */
static const char *span_format(uint64_t first, uint64_t last, char buffer[static SPAN_STRING_MAX])
{
        if (first == last)
                snprintf(buffer, SPAN_STRING_MAX, "block %" PRIu64, first);
        else
                snprintf(buffer, SPAN_STRING_MAX, "blocks %" PRIu64 "-%" PRIu64, first, last);
        return buffer;
}

void event_blocks(const BlockRow *first, uint32_t last)
{
        bool is_online = zone_class_from_string(first->zone_class) != ZONE_CLASS_NONE;
        char span[SPAN_STRING_MAX], node[24] = "";

        if (arg_json) {
                print_event("blocks", JSON_MEMBERS({ "first", json_object_new_uint64(first->id) },
                                                   { "last", json_object_new_uint64(last) },
                                                   { "node", json_node(first->node) },
                                                   { "state", json_text(first->state) },
                                                   { "class", json_text(first->zone_class) },
                                                   { "status", json_text(first->status) }));
                return;
        }
        if (first->node >= 0)
                snprintf(node, sizeof(node), " of node %" PRId32, first->node);
        print_text("%s%s: %s, %s%s%s", span_format(first->id, last, span), node, first->state,
                   is_online ? first->zone_class : "", is_online ? ", " : "", first->status);
}

void event_gone(uint64_t first, uint64_t last)
{
        char span[SPAN_STRING_MAX];

        if (arg_json)
                print_event("blocks-gone", JSON_MEMBERS({ "first", json_object_new_uint64(first) },
                                                        { "last", json_object_new_uint64(last) }));
        else
                print_text("%s: gone", span_format(first, last, span));
}

void event_capacity(uint64_t online_bytes, uint64_t movable_bytes)
{
        char online[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];

        if (arg_json)
                print_event("capacity",
                            JSON_MEMBERS({ "online", json_object_new_uint64(online_bytes) },
                                         { "movable", json_object_new_uint64(movable_bytes) }));
        else
                print_text("capacity: %s online, %s of it movable",
                           size_format(online_bytes, online), size_format(movable_bytes, movable));
}

void event_short(uint32_t node, uint64_t free_bytes, uint64_t low_bytes)
{
        char free_text[SIZE_STRING_MAX], low_text[SIZE_STRING_MAX];

        if (arg_json)
                print_event("kernel-memory-short",
                            JSON_MEMBERS({ "node", json_object_new_uint64(node) },
                                         { "short", json_object_new_boolean(true) },
                                         { "free", json_object_new_uint64(free_bytes) },
                                         { "low", json_object_new_uint64(low_bytes) }));
        else
                print_text("node %" PRIu32 ": is short of kernel memory, %s free, %s is low", node,
                           size_format(free_bytes, free_text), size_format(low_bytes, low_text));
}

void event_enough(uint32_t node)
{
        if (arg_json)
                print_event("kernel-memory-short",
                            JSON_MEMBERS({ "node", json_object_new_uint64(node) },
                                         { "short", json_object_new_boolean(false) }));
        else
                print_text("node %" PRIu32 ": has enough kernel memory again", node);
}

void event_job(uint32_t id, const char *event, const JobView *view)
{
        json_object *object;

        if (!arg_json) {
                print_text("job %" PRIu32 ": %s%s%s%s%s, %" PRIu32 " of %" PRIu32
                           " blocks done, %" PRIu32 " failed",
                           id, view->kind ?: "", view->kind ? " " : "", view->target ?: "",
                           view->kind ? ", " : "", view->state ?: "", view->n_done, view->n_total,
                           view->n_failed);
                return;
        }
        object = json_event(event);
        print_object(object, json_add_job(object, id, view) &&
                                     json_member_string(object, "state", view->state ?: ""));
}

void event_job_ended(uint32_t id, const char *result, const JobView *report)
{
        json_object *object;

        if (!arg_json) {
                print_text("job %" PRIu32 ": %s, %s", id, result, report->message ?: "");
                return;
        }
        object = json_event("job-removed");
        print_object(object, json_add_report(object, id, result, report));
}

void event_property(const Property *property, const ManagerRow *manager)
{
        json_object *value = json_value(property->type, (const char *) manager + property->offset);

        if (arg_json) {
                print_event("property",
                            JSON_MEMBERS({ "name", json_text(property->key) }, { "value", value }));
                return;
        }
        print_text("%s: %s", property->key,
                   property->type != 'b'          ? json_object_get_string(value) :
                   json_object_get_boolean(value) ? "yes" :
                                                    "no");
        json_object_put(value);
}
