/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints an event as a line of text or JSON. */

#include "ctl/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

json_object *event_new(const char *name)
{
        return json_make(
                JSON_MEMBERS({ "time_usec", json_object_new_uint64(clock_usec(CLOCK_REALTIME)) },
                             { "event", json_object_new_string(name) }));
}

void event_print(const char *name, const JsonMember *members)
{
        (void) json_print_line(json_add(event_new(name), members));
}

static void _printf_(2, 0) vprint_text(Color color, const char *format, va_list arguments)
{
        const char *sequence = color_sequence(color);
        time_t now = time(NULL);
        char text[TIME_STRING_MAX] = "";
        struct tm local;

        if (localtime_r(&now, &local))
                strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &local);
        printf("%s %s", text, sequence ?: "");
        vprintf(format, arguments);
        puts(sequence ? "\033[0m" : "");
}

void event_print_text(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vprint_text(COLOR_NONE, format, arguments);
        va_end(arguments);
}

void event_print_colored(Color color, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vprint_text(color, format, arguments);
        va_end(arguments);
}

void event_print_running(bool is_running)
{
        if (arg_json)
                event_print("memoryd",
                            JSON_MEMBERS({ "running", json_object_new_boolean(is_running) }));
        else
                event_print_colored(is_running ? COLOR_NONE : COLOR_BAD, "memoryd %s",
                                    is_running ? "is running" : "is not running");
}
