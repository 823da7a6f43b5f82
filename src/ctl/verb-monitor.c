/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl monitor. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/event.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>

/* The shortest time between two calls of ListBlocks(). */
#define LIST_INTERVAL_USEC USEC_PER_SEC

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

static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        return a->node == b->node && strcmp(a->state, b->state) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->status, b->status) == 0;
}

static void tell_blocks(const BlockRow *first, uint32_t last)
{
        bool is_online = zone_class_from_string(first->zone_class) != ZONE_CLASS_NONE;
        char blocks[BLOCKS_STRING_MAX], node[24] = "";

        if (arg_json) {
                event_print("blocks", JSON_MEMBERS({ "first", json_object_new_uint64(first->id) },
                                                   { "last", json_object_new_uint64(last) },
                                                   { "node", json_node(first->node) },
                                                   { "state", json_text(first->state) },
                                                   { "class", json_text(first->zone_class) },
                                                   { "status", json_text(first->status) }));
                return;
        }
        if (first->node >= 0)
                snprintf(node, sizeof(node), " of node %" PRId32, first->node);
        event_print_text("%s%s: %s, %s%s%s", blocks_format(first->id, last, blocks), node,
                         first->state, is_online ? first->zone_class : "", is_online ? ", " : "",
                         first->status);
}

static void tell_gone(uint64_t first, uint64_t last)
{
        char blocks[BLOCKS_STRING_MAX];

        if (arg_json)
                event_print("blocks-gone", JSON_MEMBERS({ "first", json_object_new_uint64(first) },
                                                        { "last", json_object_new_uint64(last) }));
        else
                event_print_text("%s: gone", blocks_format(first, last, blocks));
}

/* Reports the blocks in a range, and the blocks that are gone from it. */
static void tell_span(const Snapshot *snapshot, const BlockRange *span)
{
        uint64_t next = span->first; /* the first number of the range that was not reported yet */
        size_t i = 0;

        while (i < snapshot->n_blocks && snapshot->blocks[i].id < span->first)
                i++;
        while (i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last) {
                const BlockRow *first = &snapshot->blocks[i];

                if (first->id > next)
                        tell_gone(next, first->id - UINT64_C(1));
                while (++i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last &&
                       snapshot->blocks[i].id == snapshot->blocks[i - 1].id + 1 &&
                       block_is_alike(first, &snapshot->blocks[i]))
                        ;
                tell_blocks(first, snapshot->blocks[i - 1].id);
                next = snapshot->blocks[i - 1].id + UINT64_C(1);
        }
        if (next <= span->last)
                tell_gone(next, span->last);
}

/* Sorts the changed ranges, and joins those that touch or overlap. */
static void merge_changed(Monitor *monitor)
{
        size_t n = 0;

        if (monitor->n_changed == 0)
                return;
        qsort(monitor->changed, monitor->n_changed, sizeof(BlockRange), id_compare);
        for (size_t i = 1; i < monitor->n_changed; i++) {
                BlockRange *last = &monitor->changed[n], *next = &monitor->changed[i];

                if (next->first <= last->last + UINT64_C(1))
                        last->last = MAX(last->last, next->last);
                else
                        monitor->changed[++n] = *next;
        }
        monitor->n_changed = n + 1;
}

static int schedule_list(Monitor *monitor)
{
        int r;

        if (monitor->is_listing || monitor->n_changed == 0)
                return 0;
        r = sd_event_source_set_time(
                monitor->timer,
                monitor->listed_usec > 0 ? monitor->listed_usec + LIST_INTERVAL_USEC : 0);
        return r < 0 ? r : sd_event_source_set_enabled(monitor->timer, SD_EVENT_ONESHOT);
}

/*
 * memoryd refuses a call if the user has too many that wait: then asks again. Any other error means that memoryd is
 * gone: on_name_owner_changed() reports that, and drops the blocks.
 */
static int on_blocks(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        Monitor *monitor = userdata;

        (void) error;
        monitor->is_listing = false;
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED))
                return schedule_list(monitor);
        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        if (snapshot_read_blocks(reply, &snapshot) < 0) {
                call_failure(-EBADMSG, &SD_BUS_ERROR_NULL);
                return sd_event_exit(monitor->event, EXIT_FAILURE);
        }
        merge_changed(monitor);
        for (size_t i = 0; i < monitor->n_changed; i++)
                tell_span(&snapshot, &monitor->changed[i]);
        monitor->n_changed = 0;
        return 0;
}

static int on_list_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Monitor *monitor = userdata;
        int r;

        (void) source;
        (void) usec;
        r = manager_message_new(monitor->bus, BUS_MANAGER_INTERFACE, "ListBlocks", &message);
        if (r >= 0)
                r = sd_bus_call_async(monitor->bus, NULL, message, on_blocks, monitor, 0);
        monitor->is_listing = r >= 0;
        monitor->listed_usec = clock_usec(CLOCK_MONOTONIC);
        return 0;
}

static int on_blocks_changed(sd_bus_message *signal, Monitor *monitor)
{
        BlockRange span;
        int r;

        r = sd_bus_message_enter_container(signal, 'a', "(uu)");
        while (r >= 0 && (r = sd_bus_message_read(signal, "(uu)", &span.first, &span.last)) > 0) {
                if (GROW(monitor->changed, monitor->n_changed) < 0)
                        return -ENOMEM;
                monitor->changed[monitor->n_changed++] = span;
        }
        return r < 0 ? r : schedule_list(monitor);
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
        { "BlocksChanged", on_blocks_changed },
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
                r = loop_new(monitor.bus, NULL, on_list_due, &monitor, &monitor.event,
                             &monitor.timer);
        if (r >= 0)
                r = ask_running(&monitor, &error);
        if (r >= 0)
                r = sd_event_loop(monitor.event);
        return r < 0 ? call_failure(r, &error) : r;
}
