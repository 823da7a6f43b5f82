/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints the introspection data of the interfaces. */

#include "base/names.h"
#include "bus/bus.h"
#include "bus/object.h"

#include <sys/socket.h>

static const struct {
        const char *interface;
        const sd_bus_vtable *vtable;
} interfaces[] = {
        { BUS_MANAGER_INTERFACE, bus_manager_vtable },
        { BUS_NODE_INTERFACE, bus_node_vtable },
        { BUS_ZONE_INTERFACE, bus_zone_vtable },
        { BUS_JOB_INTERFACE, bus_job_vtable },
};

/* Connects a server and a client to the ends of a socket pair. */
static int connect_pair(sd_bus *server, sd_bus *client)
{
        sd_id128_t id;
        int fds[2], r = sd_id128_randomize(&id);

        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        (void) sd_bus_set_fd(server, fds[0], fds[0]);
        (void) sd_bus_set_fd(client, fds[1], fds[1]);
        r = sd_bus_set_server(server, true, id);
        if (r >= 0)
                r = sd_bus_start(server);
        return r < 0 ? r : sd_bus_start(client);
}

static int on_document(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        char **document = userdata;
        const char *text = "";

        (void) error;
        if (!sd_bus_message_is_method_error(reply, NULL))
                (void) sd_bus_message_read(reply, "s", &text);
        *document = strdup(text);
        return *document ? 0 : -ENOMEM;
}

/*
 * A client asks a server for the introspection data, which sd-bus makes from the vtables. No property is read
 * through the vtables, so no manager is needed.
 */
static int introspect(char **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *server = NULL, *client = NULL;
        int r = sd_bus_new(&server);

        if (r >= 0)
                r = sd_bus_new(&client);
        if (r >= 0)
                r = connect_pair(server, client);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(interfaces); i++)
                r = sd_bus_add_object_vtable(server, NULL, "/", interfaces[i].interface,
                                             interfaces[i].vtable, NULL);
        if (r >= 0)
                r = sd_bus_call_method_async(client, NULL, NULL, "/",
                                             "org.freedesktop.DBus.Introspectable", "Introspect",
                                             on_document, ret, NULL);
        while (r >= 0 && !*ret) {
                r = sd_bus_process(server, NULL);
                if (r >= 0)
                        r = sd_bus_process(client, NULL);
        }
        return r;
}

/* Prints the part of a document that describes an interface. */
static int print_interface(FILE *file, const char *document, const char *interface)
{
        static const char closing[] = "</interface>\n";
        char opening[128];
        const char *start, *end;

        snprintf(opening, sizeof(opening), " <interface name=\"%s\">", interface);
        start = strstr(document, opening);
        end = start ? strstr(start, closing) : NULL;
        if (!end)
                return -ENXIO;
        fprintf(file, "%.*s", (int) (end + strlen(closing) - start), start);
        return 0;
}

static bool is_asked_for(size_t i, const char *interface)
{
        return !interface || strcmp(interface, interfaces[i].interface) == 0;
}

int bus_introspect(FILE *file, const char *interface)
{
        _cleanup_free_ char *document = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
                n += is_asked_for(i, interface);
        r = n > 0 ? introspect(&document) : -ENXIO;
        if (r < 0)
                return r;
        /* These lines are of the output. REUSE-IgnoreStart */
        fputs("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
              "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
              "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n"
              "<!-- SPDX-FileCopyrightText: memoryd contributors -->\n"
              "<node>\n",
              file);
        /* REUSE-IgnoreEnd */
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(interfaces); i++)
                if (is_asked_for(i, interface))
                        r = print_interface(file, document, interfaces[i].interface);
        fputs("</node>\n", file);
        return r;
}
