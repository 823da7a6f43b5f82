/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads calls, and sends replies, errors and signals, for several interfaces. */

#include "base/names.h"
#include "base/text.h"
#include "bus/object.h"

#include <stdio.h>

int bus_error_from_errno(sd_bus_error *error, int r, const char *what)
{
        return sd_bus_error_set_errnof(error, r, "%s: %s", what, strerror(-r));
}

int bus_error_setf(sd_bus_error *error, const char *name, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        text_make_printable(text);
        return sd_bus_error_set(error, name, text);
}

int bus_read_text(sd_bus_message *message, bool is_variant, const char *what, size_t max_bytes,
                  const char **ret, sd_bus_error *error)
{
        const char *text;
        int r = is_variant ? sd_bus_message_read(message, "v", "s", &text) :
                             sd_bus_message_read(message, "s", &text);
        size_t n = r > 0 ? strlen(text) : 0;

        if (n > max_bytes)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "%s: expected at most %zu bytes, got %zu", what, max_bytes,
                                      n);
        if (r > 0)
                *ret = text;
        return r;
}

int bus_read_dictionary(sd_bus_message *message, BusReadValue read, void *userdata,
                        sd_bus_error *error)
{
        const char *key = "";
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = bus_read_text(message, false, "Key", BUS_WORD_MAX, &key, error);
                if (r >= 0)
                        r = read(message, key, userdata, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0 && !sd_bus_error_is_set(error))
                r = bus_error_from_errno(error, r, "Cannot read the call");
        return MIN(r, 0);
}

int bus_append_array(sd_bus_message *message, const char *type, BusAppend append, const void *list,
                     size_t n)
{
        int r = sd_bus_message_open_container(message, 'a', type);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append(message, list, i);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_reply_array(sd_bus_message *message, const char *type, BusAppend append, const void *list,
                    size_t n, sd_bus_error *error, const char *what)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = bus_append_array(reply, type, append, list, n);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, what) : 1;
}

int bus_append_ranges(sd_bus_message *message, uint32_t *blocks, size_t n_blocks)
{
        int r = sd_bus_message_open_container(message, 'a', "(uu)");

        qsort(blocks, n_blocks, sizeof(*blocks), id_compare);
        for (size_t i = 0; r >= 0 && i < n_blocks;) {
                uint32_t first = blocks[i], last = first;

                for (i++; i < n_blocks && blocks[i] - last <= 1; i++)
                        last = blocks[i];
                r = sd_bus_message_append(message, "(uu)", first, last);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_emit_removed(sd_bus *bus, const char *path, const char *interface)
{
        return sd_bus_emit_interfaces_removed(bus, path, interface, "org.freedesktop.DBus.Peer",
                                              "org.freedesktop.DBus.Introspectable",
                                              "org.freedesktop.DBus.Properties", NULL);
}

int bus_join_faults(char **faults, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        for (char **fault = faults; fault && *fault; fault++)
                fprintf(stream, "%s%s", *fault, fault[1] ? "\n" : "");
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

int bus_reply_faults(sd_bus_message *message, char **faults)
{
        _cleanup_free_ char *text = NULL;
        int r = bus_join_faults(faults, &text);

        return r < 0 ? r :
                       sd_bus_reply_method_errorf(message, BUS_ERROR_INVALID_CONFIG, "%s", text);
}
