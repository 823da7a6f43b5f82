/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints the introspection data of the interfaces. */

#include "base/names.h"
#include "bus/bus.h"
#include "bus/object.h"

#include <sys/socket.h>

/*
 * Two connections at the ends of a socket pair. The client asks the server for the introspection data, which
 * sd-bus makes from the vtables. No property is read through the vtables, so no manager is needed.
 */
typedef struct Pair {
        sd_bus *server;
        sd_bus *client;
} Pair;

static const struct {
        const char *interface;
        const sd_bus_vtable *vtable;
} interfaces[] = {
        { BUS_MANAGER_INTERFACE, bus_manager_vtable },
        { BUS_NODE_INTERFACE, bus_node_vtable },
        { BUS_ZONE_INTERFACE, bus_zone_vtable },
        { BUS_JOB_INTERFACE, bus_job_vtable },
};

static void pair_done(Pair *pair)
{
        sd_bus_close_unref(pair->client);
        sd_bus_close_unref(pair->server);
}

static int start_server(sd_bus **ret, int fd)
{
        sd_id128_t id;
        int r = sd_bus_new(ret);

        if (r >= 0)
                r = sd_bus_set_fd(*ret, fd, fd);
        if (r >= 0)
                r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(*ret, true, id);
        if (r >= 0)
                r = sd_bus_start(*ret);
        return r;
}

static int pair_init(Pair *pair)
{
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        r = start_server(&pair->server, fds[0]);
        if (r < 0) {
                close(fds[1]);
                return r;
        }
        r = sd_bus_new(&pair->client);
        if (r >= 0)
                r = sd_bus_set_fd(pair->client, fds[1], fds[1]);
        return r < 0 ? r : sd_bus_start(pair->client);
}

static int on_document(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        char **document = userdata;
        const char *text;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "s", &text) < 0)
                text = "";
        *document = strdup(text);
        return *document ? 0 : -ENOMEM;
}

static int pair_introspect(Pair *pair, const char *path, char **ret)
{
        int r = sd_bus_call_method_async(pair->client, NULL, NULL, path,
                                         "org.freedesktop.DBus.Introspectable", "Introspect",
                                         on_document, ret, NULL);

        while (r >= 0 && !*ret) {
                r = sd_bus_process(pair->server, NULL);
                if (r >= 0)
                        r = sd_bus_process(pair->client, NULL);
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

static int introspect_one(Pair *pair, size_t i, FILE *file)
{
        _cleanup_free_ char *document = NULL;
        char path[32];
        int r;

        snprintf(path, sizeof(path), "/interface/%zu", i);
        r = sd_bus_add_object_vtable(pair->server, NULL, path, interfaces[i].interface,
                                     interfaces[i].vtable, NULL);
        if (r >= 0)
                r = pair_introspect(pair, path, &document);
        return r < 0 ? r : print_interface(file, document, interfaces[i].interface);
}

static bool is_asked_for(size_t i, const char *interface)
{
        return !interface || strcmp(interface, interfaces[i].interface) == 0;
}

int bus_introspect(FILE *file, const char *interface)
{
        _cleanup_(pair_done) Pair pair = {};
        size_t n = 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
                n += is_asked_for(i, interface);
        if (n == 0)
                return -ENXIO;
        r = pair_init(&pair);
        if (r < 0)
                return r;
        fputs("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
              "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
              "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n"
              "<node>\n",
              file);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(interfaces); i++)
                if (is_asked_for(i, interface))
                        r = introspect_one(&pair, i, file);
        fputs("</node>\n", file);
        return r;
}
