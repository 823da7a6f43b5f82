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
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (!object ||
            !json_member(object, "time_usec",
                         json_object_new_uint64((uint64_t) now.tv_sec * USEC_PER_SEC +
                                                (uint64_t) now.tv_nsec / 1000)) ||
            !json_member_string(object, "event", name))
                return NULL;
        return TAKE_PTR(object);
}

/* Prints the object if `ok`, else an error. Frees the object. */
static void print_event(json_object *object, bool ok)
{
        if (!ok) {
                json_object_put(object);
                object = NULL;
        }
        (void) json_print_line(object);
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
        json_object *object;

        if (!arg_json) {
                print_text("memoryd %s", is_running ? "is running" : "is not running");
                return;
        }
        object = json_event("memoryd");
        print_event(object,
                    object && json_member(object, "running", json_object_new_boolean(is_running)));
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
        bool is_online = zone_class_from_string(first->zone_class) != ZONE_CLASS_NONE, ok;
        char span[SPAN_STRING_MAX], node[24] = "";
        json_object *object;

        if (!arg_json) {
                if (first->node >= 0)
                        snprintf(node, sizeof(node), " of node %" PRId32, first->node);
                print_text("%s%s: %s, %s%s%s", span_format(first->id, last, span), node,
                           first->state, is_online ? first->zone_class : "", is_online ? ", " : "",
                           first->status);
                return;
        }
        object = json_event("blocks");
        ok = object && json_member(object, "first", json_object_new_uint64(first->id)) &&
             json_member(object, "last", json_object_new_uint64(last));
        if (first->node < 0)
                ok = ok && json_member_string(object, "node", "");
        else
                ok = ok &&
                     json_member(object, "node", json_object_new_uint64((uint64_t) first->node));
        print_event(object, ok && json_member_string(object, "state", first->state) &&
                                    json_member_string(object, "class", first->zone_class) &&
                                    json_member_string(object, "status", first->status));
}

void event_gone(uint64_t first, uint64_t last)
{
        char span[SPAN_STRING_MAX];
        json_object *object;

        if (!arg_json) {
                print_text("%s: gone", span_format(first, last, span));
                return;
        }
        object = json_event("blocks-gone");
        print_event(object, object && json_member(object, "first", json_object_new_uint64(first)) &&
                                    json_member(object, "last", json_object_new_uint64(last)));
}

void event_capacity(uint64_t online_bytes, uint64_t movable_bytes)
{
        char online[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];
        json_object *object;

        if (!arg_json) {
                print_text("capacity: %s online, %s of it movable",
                           size_format(online_bytes, online), size_format(movable_bytes, movable));
                return;
        }
        object = json_event("capacity");
        print_event(object,
                    object && json_member(object, "online", json_object_new_uint64(online_bytes)) &&
                            json_member(object, "movable", json_object_new_uint64(movable_bytes)));
}

void event_short(uint32_t node, bool is_short, uint64_t free_bytes, uint64_t low_bytes)
{
        char free_text[SIZE_STRING_MAX], low_text[SIZE_STRING_MAX];
        json_object *object;
        bool ok;

        if (!arg_json && !is_short)
                print_text("node %" PRIu32 ": has enough kernel memory again", node);
        else if (!arg_json)
                print_text("node %" PRIu32 ": is short of kernel memory, %s free, %s is low", node,
                           size_format(free_bytes, free_text), size_format(low_bytes, low_text));
        if (!arg_json)
                return;
        object = json_event("kernel-memory-short");
        ok = object && json_member(object, "node", json_object_new_uint64(node)) &&
             json_member(object, "short", json_object_new_boolean(is_short));
        if (is_short)
                ok = ok && json_member(object, "free", json_object_new_uint64(free_bytes)) &&
                     json_member(object, "low", json_object_new_uint64(low_bytes));
        print_event(object, ok);
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
        print_event(object, object && json_add_job(object, id, view) &&
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
        print_event(object, object && json_add_report(object, id, result, report));
}

static json_object *json_value(char type, uint32_t number, const char *text)
{
        if (type == 's')
                return json_object_new_string(text);
        return type == 'b' ? json_object_new_boolean(number != 0) : json_object_new_uint64(number);
}

void event_property(const char *key, char type, uint32_t number, const char *text)
{
        json_object *object;

        if (arg_json) {
                object = json_event("property");
                print_event(object,
                            object && json_member_string(object, "name", key) &&
                                    json_member(object, "value", json_value(type, number, text)));
        } else if (type == 'u') {
                print_text("%s: %" PRIu32, key, number);
        } else {
                print_text("%s: %s", key, type == 's' ? text : number ? "yes" : "no");
        }
}
