/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl nodes and zones, which are tables of what memoryd tells. */

#include "ctl/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* "0:10,1:20" */
static int format_distances(const void *row, char **ret)
{
        const NodeRow *node = row;
        size_t size;
        FILE *stream = open_memstream(ret, &size);

        if (!stream)
                return -ENOMEM;
        for (size_t i = 0; i < node->n_distances; i++)
                fprintf(stream, "%s%" PRIu32 ":%" PRIu32, i > 0 ? "," : "", node->distances[i].node,
                        node->distances[i].distance);
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}

/* An array of objects, as in the JSON of status. */
static bool add_distances(json_object *object, const void *row)
{
        const NodeRow *node = row;

        return json_member(object, "distances",
                           json_rows(&distance_rows, node->distances, node->n_distances));
}

static const Column nodes_table[] = {
        { "NODE", "number of the node", CELL_ID, .offset = offsetof(NodeRow, id) },
        { "CPU", "whether it has a CPU", CELL_BOOL, .offset = offsetof(NodeRow, has_cpu),
          .lacks_offset = offsetof(NodeRow, lacks_cpu) },
        { "ONLINE", "memory online", CELL_SIZE, .offset = offsetof(NodeRow, totals.online_bytes) },
        { "OFFLINE", "memory offline", CELL_SIZE,
          .offset = offsetof(NodeRow, totals.offline_bytes) },
        { "KERNEL", "online for anything", CELL_SIZE,
          .offset = offsetof(NodeRow, totals.kernel_bytes) },
        { "MOVABLE", "online for pages that can migrate", CELL_SIZE,
          .offset = offsetof(NodeRow, totals.movable_bytes) },
        { "FREE", "memory not in use", CELL_SIZE, .offset = offsetof(NodeRow, free_bytes),
          .lacks_offset = offsetof(NodeRow, lacks_free) },
        { "MOVABLE_ONLY", "whether all of it is movable", CELL_BOOL,
          .offset = offsetof(NodeRow, movable_only) },
        { "DISTANCES", "node:distance of each node", .format = format_distances,
          .json = add_distances },
        { "KERNEL_SHORT", "whether its kernel memory runs short", CELL_BOOL,
          .offset = offsetof(NodeRow, kernel_short), .optional = true, .colored = true,
          .lacks_offset = offsetof(NodeRow, lacks_free) },
        { "KERNEL_AUTO_ONLINE", "what the kernel does with added memory", CELL_TEXT,
          .offset = offsetof(NodeRow, kernel_auto_online), .optional = true },
        { "TIER", "memory tier: the higher, the slower", CELL_ID, .offset = offsetof(NodeRow, tier),
          .optional = true, .lacks_offset = offsetof(NodeRow, has_no_tier) },
        { "READ_BANDWIDTH", "MiB/s, as the firmware tells", CELL_FIGURE,
          .offset = offsetof(NodeRow, performance[PERFORMANCE_READ_BANDWIDTH]), .optional = true },
        { "WRITE_BANDWIDTH", "MiB/s", CELL_FIGURE,
          .offset = offsetof(NodeRow, performance[PERFORMANCE_WRITE_BANDWIDTH]), .optional = true },
        { "READ_LATENCY", "nanoseconds", CELL_FIGURE,
          .offset = offsetof(NodeRow, performance[PERFORMANCE_READ_LATENCY]), .optional = true },
        { "WRITE_LATENCY", "nanoseconds", CELL_FIGURE,
          .offset = offsetof(NodeRow, performance[PERFORMANCE_WRITE_LATENCY]), .optional = true },
};

const ColumnSet nodes_columns = { nodes_table, ELEMENTSOF(nodes_table) };

static const Column zones_table[] = {
        { "NODE", "number of the node", CELL_ID, .offset = offsetof(ZoneRow, node) },
        { "ZONE", "name of the zone", CELL_TEXT, .offset = offsetof(ZoneRow, name),
          .flags = SCOLS_FL_RIGHT },
        { "PRESENT", "memory that exists", CELL_SIZE, .offset = offsetof(ZoneRow, present_bytes) },
        { "MANAGED", "memory the page allocator has", CELL_SIZE,
          .offset = offsetof(ZoneRow, managed_bytes) },
        { "SPANNED", "first to last address, with holes", CELL_SIZE,
          .offset = offsetof(ZoneRow, spanned_bytes) },
        { "FREE", "memory not in use", CELL_SIZE, .offset = offsetof(ZoneRow, free_bytes) },
};

const ColumnSet zones_columns = { zones_table, ELEMENTSOF(zones_table) };

/* Prints rows of a snapshot. The offsets are those of the array and of the number of its rows. */
static int print_rows(const char *name, const ColumnSet *set, unsigned what, size_t offset,
                      size_t n_offset, size_t size)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        const void *rows;
        size_t n_rows;
        int r;

        r = table_init(&table, name, set);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(what, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        memcpy(&rows, (const char *) &snapshot + offset, sizeof(rows));
        memcpy(&n_rows, (const char *) &snapshot + n_offset, sizeof(n_rows));
        return table_print(&table, rows, n_rows, size);
}

int verb_nodes(void)
{
        unsigned what = FETCH_OBJECTS | (table_is_asked_for("TIER") ? FETCH_TIERS : 0);

        return print_rows("nodes", &nodes_columns, what, offsetof(Snapshot, nodes),
                          offsetof(Snapshot, n_nodes), sizeof(NodeRow));
}

int verb_zones(void)
{
        return print_rows("zones", &zones_columns, FETCH_OBJECTS, offsetof(Snapshot, zones),
                          offsetof(Snapshot, n_zones), sizeof(ZoneRow));
}
