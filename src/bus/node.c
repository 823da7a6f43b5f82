/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The interfaces org.memoryd1.Node and org.memoryd1.Zone. */

#include "base/names.h"
#include "bus/object.h"
#include "policy/guard.h"

#include <inttypes.h>
#include <stdio.h>

/* Properties of a node */

static int append_distance(sd_bus_message *reply, const void *list, size_t i)
{
        const Distance *distance = &((const Distance *) list)[i];

        return sd_bus_message_append(reply, "(uu)", distance->node, distance->distance);
}

/* sd-bus itself would read an int. */
DEFINE_VALUE_GETTER(get_bool, const bool *value, "b", (int) *value)
DEFINE_GETTER(get_distances, const Node *node,
              bus_append_array(reply, "(uu)", append_distance, node->distances, node->n_distances))
DEFINE_VALUE_GETTER(get_movable_only, const Totals *totals, "b",
                    (int) guard_is_movable_only(totals))
DEFINE_VALUE_GETTER(get_auto_online, const Node *node, "s",
                    online_word_to_string(node->auto_online))

#define PERFORMANCE(property, which)                                                               \
        SD_BUS_PROPERTY(property, "u", NULL, offsetof(Node, performance[which]), 0)
#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable bus_node_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(Node, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("HasCpu", "b", get_bool, offsetof(Node, has_cpu), EMITS),
        SD_BUS_PROPERTY("Distances", "a(uu)", get_distances, 0, 0),
        SD_BUS_PROPERTY("OnlineBytes", "t", NULL, offsetof(Node, totals.online_bytes), EMITS),
        SD_BUS_PROPERTY("OfflineBytes", "t", NULL, offsetof(Node, totals.offline_bytes), EMITS),
        SD_BUS_PROPERTY("KernelBytes", "t", NULL, offsetof(Node, totals.kernel_bytes), EMITS),
        SD_BUS_PROPERTY("MovableBytes", "t", NULL, offsetof(Node, totals.movable_bytes), EMITS),
        SD_BUS_PROPERTY("FreeBytes", "t", NULL, offsetof(Node, free_bytes), 0),
        SD_BUS_PROPERTY("MovableOnly", "b", get_movable_only, offsetof(Node, totals), EMITS),
        SD_BUS_PROPERTY("KernelMemoryShort", "b", get_bool, offsetof(Node, is_short), EMITS),
        SD_BUS_PROPERTY("KernelAutoOnline", "s", get_auto_online, 0, EMITS),
        PERFORMANCE("ReadBandwidth", PERFORMANCE_READ_BANDWIDTH),
        PERFORMANCE("WriteBandwidth", PERFORMANCE_WRITE_BANDWIDTH),
        PERFORMANCE("ReadLatency", PERFORMANCE_READ_LATENCY),
        PERFORMANCE("WriteLatency", PERFORMANCE_WRITE_LATENCY),
        SD_BUS_VTABLE_END,
};

/* Properties of a zone */

DEFINE_VALUE_GETTER(get_name, const Zone *zone, "s", zone_type_to_string(zone->type))

/* Sizes change too often for signals. A property that is read is at most a second old. */
const sd_bus_vtable bus_zone_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("PresentBytes", "t", NULL, offsetof(Zone, present_bytes), 0),
        SD_BUS_PROPERTY("ManagedBytes", "t", NULL, offsetof(Zone, managed_bytes), 0),
        SD_BUS_PROPERTY("SpannedBytes", "t", NULL, offsetof(Zone, spanned_bytes), 0),
        SD_BUS_PROPERTY("FreeBytes", "t", NULL, offsetof(Zone, free_bytes), 0),
        SD_BUS_VTABLE_END,
};

/* Paths */

const char *bus_node_path(uint32_t node, const char *zone, char buffer[static BUS_PATH_MAX])
{
        snprintf(buffer, BUS_PATH_MAX, BUS_NODE_PREFIX "/%u%s%s", node, zone ? "/zone/" : "",
                 zone ?: "");
        return buffer;
}

/*
 * Reads ".../node/N" or ".../node/N/zone/NAME". Returns whether the path has one of these forms. For a node,
 * *ret_zone is invalid.
 */
static bool parse_path(const char *path, uint32_t *ret_node, ZoneType *ret_zone)
{
        char zone[16] = "", canonical[BUS_PATH_MAX];

        if (sscanf(path, BUS_NODE_PREFIX "/%" SCNu32 "/zone/%15s", ret_node, zone) < 1)
                return false;
        *ret_zone = zone_type_from_string(zone);
        /* Each object has one path: "00" is not node 0. sscanf() accepts that, and more. */
        bus_node_path(*ret_node, zone_type_to_string(*ret_zone), canonical);
        return strcmp(path, canonical) == 0;
}

/* Finds the node of a path for the interface of nodes, and the zone for that of zones. */
static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error)
{
        bool is_zone = strcmp(interface, BUS_ZONE_INTERFACE) == 0;
        const Machine *machine;
        uint32_t node;
        ZoneType zone;

        (void) bus, (void) error;
        if (!parse_path(path, &node, &zone) || is_zone != (zone >= 0))
                return 0;
        manager_refresh_zones(userdata);
        machine = manager_view(userdata).machine;
        *ret_found = is_zone ? (void *) machine_find_zone(machine, node, zone) :
                               machine_find_node(machine, node);
        return *ret_found != NULL;
}

/* Lists the paths of all nodes and zones. */
static int enumerate_nodes(sd_bus *bus, const char *prefix, void *userdata, char ***ret_paths,
                           sd_bus_error *error)
{
        const Machine *machine = manager_view(userdata).machine;
        _cleanup_(strings_freep) char **paths = NULL;
        char path[BUS_PATH_MAX];
        int r = 0;

        (void) bus, (void) prefix, (void) error;
        manager_refresh_zones(userdata);
        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++) {
                bus_node_path(machine->nodes[i].id, NULL, path);
                r = strings_append(&paths, strdup(path));
        }
        for (size_t i = 0; r >= 0 && i < machine->n_zones; i++) {
                const Zone *zone = &machine->zones[i];

                bus_node_path(zone->node, zone_type_to_string(zone->type), path);
                r = strings_append(&paths, strdup(path));
        }
        if (r < 0)
                return r;
        *ret_paths = TAKE_PTR(paths);
        return 1;
}

int bus_add_nodes(sd_bus *bus, Manager *manager)
{
        int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_NODE_PREFIX, BUS_NODE_INTERFACE,
                                           bus_node_vtable, find_object, manager);

        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, BUS_NODE_PREFIX, BUS_ZONE_INTERFACE,
                                               bus_zone_vtable, find_object, manager);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, BUS_NODE_PREFIX, enumerate_nodes,
                                               manager);
        return r;
}
