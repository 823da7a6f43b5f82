/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl monitor. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/event.h"

#include <inttypes.h>
#include <stdio.h>

static void monitor_done(Monitor *monitor)
{
        monitor_drop_jobs(monitor);
        free(monitor->jobs);
        free(monitor->changed);
        sd_event_source_disable_unref(monitor->timer);
        sd_bus_flush_close_unref(monitor->bus);
        sd_event_unref(monitor->event);
}

static void tell_running(bool is_running)
{
        if (arg_json)
                event_print("memoryd",
                            JSON_MEMBERS({ "running", json_object_new_boolean(is_running) }));
        else
                event_print_text("memoryd %s", is_running ? "is running" : "is not running");
}

static int on_capacity_changed(sd_bus_message *signal, Monitor *monitor)
{
        char online[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];
        uint64_t online_bytes, movable_bytes;
        int r;

        (void) monitor;
        r = sd_bus_message_read(signal, "tt", &online_bytes, &movable_bytes);
        if (r < 0)
                return r;
        if (arg_json)
                event_print("capacity",
                            JSON_MEMBERS({ "online", json_object_new_uint64(online_bytes) },
                                         { "movable", json_object_new_uint64(movable_bytes) }));
        else
                event_print_text("capacity: %s online, %s of it movable",
                                 size_format(online_bytes, online),
                                 size_format(movable_bytes, movable));
        return 0;
}

static int on_kernel_memory_short(sd_bus_message *signal, Monitor *monitor)
{
        char free_text[SIZE_STRING_MAX], low_text[SIZE_STRING_MAX];
        uint64_t free_bytes, low_bytes;
        uint32_t node;
        int r;

        (void) monitor;
        r = sd_bus_message_read(signal, "utt", &node, &free_bytes, &low_bytes);
        if (r < 0)
                return r;
        if (arg_json)
                event_print("kernel-memory-short",
                            JSON_MEMBERS({ "node", json_object_new_uint64(node) },
                                         { "short", json_object_new_boolean(true) },
                                         { "free", json_object_new_uint64(free_bytes) },
                                         { "low", json_object_new_uint64(low_bytes) }));
        else
                event_print_text("node %" PRIu32 ": is short of kernel memory, %s free, %s is low",
                                 node, size_format(free_bytes, free_text),
                                 size_format(low_bytes, low_text));
        return 0;
}

/* Leaves out sizes, since capacity has an event of its own. */
static int on_manager_property(sd_bus_message *signal, const char *name, void *userdata)
{
        const Property *property = property_find(manager_properties, name);
        json_object *value;
        ManagerRow row = {};
        int r;

        (void) userdata;
        if (!property || !property->key || property->type == 't')
                return sd_bus_message_skip(signal, "v");
        r = property_read(signal, property, &row);
        if (r < 0)
                return r;
        value = json_value(property->type, (const char *) &row + property->offset);
        if (arg_json) {
                event_print("property",
                            JSON_MEMBERS({ "name", json_text(property->key) }, { "value", value }));
                return 0;
        }
        event_print_text("%s: %s", property->key,
                         property->type != 'b'          ? json_object_get_string(value) :
                         json_object_get_boolean(value) ? "yes" :
                                                          "no");
        json_object_put(value);
        return 0;
}

/* Reports the end of a shortage. The start comes as a signal with numbers, KernelMemoryShort. */
static int on_node_property(sd_bus_message *signal, const char *name, void *userdata)
{
        const char *path = sd_bus_message_get_path(signal);
        uint32_t node;
        int is_short, r;

        (void) userdata;
        if (strcmp(name, "KernelMemoryShort") != 0)
                return sd_bus_message_skip(signal, "v");
        r = sd_bus_message_read(signal, "v", "b", &is_short);
        if (r < 0 || is_short || parse_u32(strrchr(path, '/') + 1, &node) < 0)
                return r;
        if (arg_json)
                event_print("kernel-memory-short",
                            JSON_MEMBERS({ "node", json_object_new_uint64(node) },
                                         { "short", json_object_new_boolean(false) }));
        else
                event_print_text("node %" PRIu32 ": has enough kernel memory again", node);
        return 0;
}

static int on_properties_changed(sd_bus_message *signal, Monitor *monitor)
{
        const char *interface;
        int r;

        r = sd_bus_message_read(signal, "s", &interface);
        if (r < 0)
                return r;
        if (strcmp(interface, BUS_JOB_INTERFACE) == 0)
                return monitor_on_job_changed(signal, monitor);
        if (strcmp(interface, BUS_MANAGER_INTERFACE) == 0)
                return dict_read(signal, "sv", on_manager_property, NULL);
        if (strcmp(interface, BUS_NODE_INTERFACE) == 0)
                return dict_read(signal, "sv", on_node_property, NULL);
        return 0;
}

static const struct {
        const char *member;
        int (*handle)(sd_bus_message *signal, Monitor *monitor);
} handlers[] = {
        { "BlocksChanged", monitor_on_blocks_changed },
        { "CapacityChanged", on_capacity_changed },
        { "KernelMemoryShort", on_kernel_memory_short },
        { "JobNew", monitor_on_job_new },
        { "JobRemoved", monitor_on_job_removed },
        { "PropertiesChanged", on_properties_changed },
};

/* Ignores signals that only a newer memoryd sends, and signals that make no sense. */
static int on_any(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        (void) error;
        for (size_t i = 0; i < ELEMENTSOF(handlers); i++)
                if (strcmp(handlers[i].member, sd_bus_message_get_member(signal)) == 0)
                        (void) handlers[i].handle(signal, userdata);
        return 0;
}

/* Drops all jobs, since another memoryd numbers its jobs from 1 again. */
static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        const char *owner;
        int r;

        (void) error;
        r = sd_bus_message_read(signal, "sss", NULL, NULL, &owner);
        if (r < 0)
                return r;
        monitor_drop_jobs(monitor);
        monitor->n_changed = 0;
        tell_running(*owner);
        return 0;
}

static int on_disconnected(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;

        (void) signal;
        (void) error;
        return sd_event_exit(monitor->event, call_failure(-ENOTCONN, &SD_BUS_ERROR_NULL));
}

static int add_matches(Monitor *monitor)
{
        static const Match matches[] = {
                { "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_PATH "'", on_any },
                { MATCH_OWNER, on_name_owner_changed },
                { MATCH_DISCONNECTED, on_disconnected },
        };

        return matches_add(monitor->bus, matches, ELEMENTSOF(matches), monitor);
}

static int ask_running(Monitor *monitor, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int is_running, r;

        r = sd_bus_call_method(monitor->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", error, &reply, "s",
                               BUS_NAME);
        if (r >= 0)
                r = sd_bus_message_read(reply, "b", &is_running);
        if (r >= 0)
                tell_running(is_running);
        return r;
}

int verb_monitor(void)
{
        _cleanup_(monitor_done) Monitor monitor = {};
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        r = bus_open(&monitor.bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = add_matches(&monitor);
        if (r >= 0) /* the user ends the monitor with an interrupt, which is not a failure */
                r = loop_new(monitor.bus, NULL, monitor_on_list_due, &monitor, &monitor.event,
                             &monitor.timer);
        if (r >= 0)
                r = ask_running(&monitor, &error);
        if (r >= 0)
                r = sd_event_loop(monitor.event);
        return r < 0 ? call_failure(r, &error) : r;
}
