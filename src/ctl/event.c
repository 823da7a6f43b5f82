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

void event_print_text(const char *format, ...)
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

void event_print_running(bool is_running)
{
        if (arg_json)
                event_print("memoryd",
                            JSON_MEMBERS({ "running", json_object_new_boolean(is_running) }));
        else
                event_print_text("memoryd %s", is_running ? "is running" : "is not running");
}
