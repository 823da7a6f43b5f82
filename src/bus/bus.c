/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Connects to the bus. */

#include "bus/bus.h"

#include "base/log.h"
#include "base/names.h"
#include "bus/client.h"
#include "bus/object.h"

#include <time.h>

#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define RECONNECT_USEC USEC_PER_SEC

/*
 * The time until the next request for the name. The bus refuses the name if it read its policy before the
 * user memoryd existed.
 */
#define NAME_AGAIN_USEC (10 * USEC_PER_SEC)

struct Bus {
        sd_event *event;
        Manager *manager;
        sd_bus *bus;
        sd_event_source *reconnect_source;
        Told told;
        bool has_name;
        bool name_refused; /* the bus refused the name, and that was logged */
};

void bus_free(Bus *bus)
{
        if (!bus)
                return;
        sd_event_source_disable_unref(bus->reconnect_source);
        bus_plans_done();
        bus_counts_done();
        clients_done();
        sd_bus_flush_close_unref(bus->bus);
        told_done(&bus->told);
        sd_event_unref(bus->event);
        free(bus);
}

static void bus_reconnect(Bus *bus, uint64_t delay_usec)
{
        (void) sd_event_source_set_time_relative(bus->reconnect_source, delay_usec);
        (void) sd_event_source_set_enabled(bus->reconnect_source, SD_EVENT_ONESHOT);
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Bus *bus = userdata;
        uint32_t code = 0;

        (void) error;
        /* 1: memoryd now owns the name; 4: it did before. 2 and 3: another process owns the name. */
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "u", &code) < 0 || (code != 1 && code != 4)) {
                const sd_bus_error *refusal = sd_bus_message_get_error(reply);

                if (!bus->name_refused)
                        log_err("Cannot have the bus name %s, will ask again: %s", BUS_NAME,
                                refusal ? refusal->message : "another process has it");
                bus->name_refused = true;
                bus_reconnect(bus, NAME_AGAIN_USEC);
                return 0;
        }
        bus->has_name = true;
        bus->name_refused = false;
        (void) told_take(&bus->told, bus->manager);
        log_debug("On the bus as %s", BUS_NAME);
        return 0;
}

static int on_connected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Bus *bus = userdata;
        int r = sd_bus_request_name_async(bus->bus, NULL, BUS_NAME, 0, on_name, bus);

        (void) message, (void) error;
        if (r < 0) {
                log_err("Cannot ask for the bus name %s, will ask again: %s", BUS_NAME,
                        strerror(-r));
                bus_reconnect(bus, NAME_AGAIN_USEC);
        }
        return 0;
}

/* Connects again later: the connection cannot be freed while it is dispatching. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Bus *bus = userdata;

        (void) message, (void) error;
        if (bus->has_name)
                log_info("The bus is gone, going on without it until it is back");
        bus->has_name = false;
        bus_reconnect(bus, RECONNECT_USEC);
        return 0;
}

static int bus_add_objects(Bus *bus)
{
        int r = clients_attach(bus->bus, bus->event);

        if (r >= 0)
                r = bus_add_manager(bus->bus, bus->manager);
        if (r >= 0)
                r = bus_add_nodes(bus->bus, bus->manager);
        if (r >= 0)
                r = bus_add_jobs(bus->bus, bus->manager);
        if (r >= 0)
                r = bus_add_log_control(bus->bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        bus->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local", "Connected", on_connected, NULL, bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        bus->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, bus);
        return r;
}

/* Adds the objects before it asks for the name, so that no client sees memoryd without them. */
static int bus_connect(Bus *bus)
{
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS") ?: DEFAULT_ADDRESS;
        int r = sd_bus_new(&bus->bus);

        if (r >= 0)
                r = sd_bus_set_address(bus->bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus->bus, true);
        /* No call has files with it, which would count as memoryd's open files. */
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus->bus, false);
        if (r >= 0)
                r = sd_bus_set_watch_bind(bus->bus, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus->bus, true);
        if (r >= 0)
                r = bus_add_objects(bus);
        if (r >= 0)
                r = sd_bus_start(bus->bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus->bus, bus->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int on_reconnect(sd_event_source *source, uint64_t usec, void *userdata)
{
        Bus *bus = userdata;
        int r;

        (void) source, (void) usec;
        bus->has_name = false;
        bus_plans_done();
        bus_counts_done();
        clients_done();
        bus->bus = sd_bus_close_unref(bus->bus);
        r = bus_connect(bus);
        if (r < 0) {
                log_debug("Cannot connect to the bus: %s", strerror(-r));
                bus_reconnect(bus, RECONNECT_USEC);
        }
        return 0;
}

int bus_new(sd_event *event, Manager *manager, Bus **ret)
{
        _cleanup_(bus_freep) Bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->event = sd_event_ref(event);
        bus->manager = manager;
        r = sd_event_add_time_relative(event, &bus->reconnect_source, CLOCK_MONOTONIC, 0, 0,
                                       on_reconnect, bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

void bus_publish(Bus *bus, const Changes *changes)
{
        int r = bus->has_name ? told_publish(&bus->told, bus->manager, changes, bus->bus) : 0;

        if (r < 0)
                log_warning("Cannot send signals: %s, ignoring", strerror(-r));
}

void bus_counted(Bus *bus, const CountedBlock *counted)
{
        (void) bus;
        bus_take_counted(counted);
}
