/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl monitor. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/event.h"

#include <inttypes.h>
#include <stdio.h>

/* Forgets all that is known of a memoryd. */
static void monitor_forget(Monitor *monitor)
{
        monitor_drop_jobs(monitor);
        snapshot_done(&monitor->known);
        monitor->list_call = sd_bus_slot_unref(monitor->list_call);
        monitor->properties_call = sd_bus_slot_unref(monitor->properties_call);
        json_object_put(monitor->properties);
        monitor->properties = NULL;
        monitor->is_told = monitor->is_started = monitor->is_list_due = false;
}

static void monitor_done(Monitor *monitor)
{
        monitor_forget(monitor);
        free(monitor->jobs);
        sd_event_source_disable_unref(monitor->timer);
        sd_bus_flush_close_unref(monitor->bus);
        sd_event_unref(monitor->event);
}

static int on_capacity_changed(sd_bus_message *signal, Monitor *monitor)
{
        char online[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];
        uint64_t online_bytes, movable_bytes;
        int r;

        r = sd_bus_message_read(signal, "tt", &online_bytes, &movable_bytes);
        if (r < 0)
                return r;
        if (online_bytes == monitor->online_bytes && movable_bytes == monitor->movable_bytes)
                return 0;
        monitor->online_bytes = online_bytes;
        monitor->movable_bytes = movable_bytes;
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
                event_print_colored(
                        COLOR_BAD,
                        "node %" PRIu32 ": is short of kernel memory, %s free, %s is low", node,
                        size_format(free_bytes, free_text), size_format(low_bytes, low_text));
        return 0;
}

/*
 * Whether other lines of text tell what a property has: those of blocks, devices, nodes and faults, which also say
 * why the machine is degraded.
 */
static bool is_told_otherwise(const char *key, json_object *value)
{
        return strcmp(key, "pending_blocks") == 0 || strcmp(key, "failed_blocks") == 0 ||
               strcmp(key, "foreign_blocks") == 0 ||
               (strcmp(key, "degraded") == 0 && json_object_get_boolean(value));
}

/* Prints a line for each device whose memory could not be added, or for each fault of the configuration. */
static void tell_list(const char *key, json_object *value)
{
        char size[SIZE_STRING_MAX];

        for (size_t i = 0; i < json_object_array_length(value); i++) {
                json_object *element = json_object_array_get_idx(value, i), *bytes;

                if (json_object_is_type(element, json_type_string)) {
                        event_print_text("%s: %s", key, json_object_get_string(element));
                        continue;
                }
                bytes = json_object_object_get(element, "size");
                event_print_text("%s: %s (%s): %s", key,
                                 json_object_get_string(json_object_object_get(element, "device")),
                                 size_format(json_object_get_uint64(bytes), size),
                                 json_object_get_string(json_object_object_get(element, "reason")));
        }
        if (json_object_array_length(value) == 0)
                event_print_text("%s: none", key);
}

static void tell_property(const char *key, json_object *value)
{
        if (arg_json)
                event_print("property", JSON_MEMBERS({ "name", json_text(key) },
                                                     { "value", json_object_get(value) }));
        else if (is_told_otherwise(key, value))
                return;
        else if (json_object_is_type(value, json_type_array))
                tell_list(key, value);
        else if (json_object_is_type(value, json_type_boolean))
                event_print_text("%s: %s", key, json_object_get_boolean(value) ? "yes" : "no");
        else
                event_print_text("%s: %s", key, json_object_get_string(value));
}

static json_object *json_faults(const ManagerRow *row)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (char **fault = row->config_faults; fault && *fault; fault++)
                if (!json_element(array, json_text(*fault)))
                        return NULL;
        return TAKE_PTR(array);
}

/* The value of a property as it is told: sizes are not, since the capacity has an event of its own. */
static json_object *json_told(const Property *property, const ManagerRow *row)
{
        if (strcmp(property->name, "FailedDevices") == 0)
                return json_rows(&failed_device_rows, row->failed_devices, row->n_failed_devices);
        if (strcmp(property->name, "ConfigFaults") == 0)
                return json_faults(row);
        if (!property->key || property->type == 't')
                return NULL;
        return json_value(property->type, (const char *) row + property->offset);
}

static const char *told_key(const Property *property)
{
        return property->key                                ? property->key :
               strcmp(property->name, "FailedDevices") == 0 ? "failed_devices" :
                                                              "config_faults";
}

/* Takes over the value of a property. If it is another than before, tells it if asked to. */
static int take_property(Monitor *monitor, const char *key, json_object *value, bool tell)
{
        json_object *before = NULL;

        if (!value)
                return 0;
        if (!monitor->properties)
                monitor->properties = json_object_new_object();
        if (json_object_object_get_ex(monitor->properties, key, &before) &&
            json_object_equal(before, value)) {
                json_object_put(value);
                return 0;
        }
        if (tell)
                tell_property(key, value);
        return json_member(monitor->properties, key, value) ? 0 : -ENOMEM;
}

static int on_manager_property(sd_bus_message *signal, const char *name, void *userdata)
{
        Monitor *monitor = userdata;
        const Property *property = property_find(manager_properties, name);
        _cleanup_(manager_row_done) ManagerRow row = {};
        int r;

        if (!property)
                return sd_bus_message_skip(signal, "v");
        r = property_read(signal, property, &row);
        if (r < 0)
                return r;
        return take_property(monitor, told_key(property), json_told(property, &row),
                             monitor->is_started);
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
                return dict_read(signal, "sv", on_manager_property, monitor);
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

/* Takes the properties as they are when the monitor starts, which are not told. */
static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        _cleanup_(manager_row_done) ManagerRow row = {};

        (void) error;
        monitor->properties_call = sd_bus_slot_unref(monitor->properties_call);
        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        if (properties_read(reply, manager_properties, &row) >= 0) {
                monitor->online_bytes = row.totals.online_bytes;
                monitor->movable_bytes = row.totals.movable_bytes;
                for (const Property *property = manager_properties; property->name; property++)
                        (void) take_property(monitor, told_key(property), json_told(property, &row),
                                             false);
        }
        return 0;
}

/* Asks for the properties and the blocks of a memoryd that runs, which are not told. */
static int monitor_start(Monitor *monitor)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        monitor->listed_usec = 0;
        monitor->is_list_due = true;
        r = manager_message_new(monitor->bus, "org.freedesktop.DBus.Properties", "GetAll",
                                &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", BUS_MANAGER_INTERFACE);
        if (r >= 0)
                r = sd_bus_call_async(monitor->bus, &monitor->properties_call, message,
                                      on_properties, monitor, 0);
        return r < 0 ? r : monitor_list_blocks(monitor);
}

/* Another memoryd numbers its jobs from 1 again, and all that was known is that of another one. */
static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        const char *owner;
        int r;

        (void) error;
        r = sd_bus_message_read(signal, "sss", NULL, NULL, &owner);
        if (r < 0)
                return r;
        monitor_forget(monitor);
        event_print_running(*owner);
        monitor->is_told = *owner;
        return *owner ? monitor_start(monitor) : 0;
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
        if (r < 0)
                return r;
        if (is_running)
                return monitor_start(monitor);
        event_print_running(false);
        return 0;
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
