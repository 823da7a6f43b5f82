/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl nodes. */

#include "base/names.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>

static int format_cpu(const void *row, char **ret)
{
        const NodeRow *node = row;

        return node->lacks_cpu ? 0 : cell_text(node->has_cpu ? "yes" : "no", ret);
}

static int format_free(const void *row, char **ret)
{
        const NodeRow *node = row;
        char size[SIZE_STRING_MAX];

        return node->lacks_free ? 0 : cell_text(size_format(node->free_bytes, size), ret);
}

static int format_short(const void *row, char **ret)
{
        const NodeRow *node = row;

        return node->lacks_free ? 0 : cell_text(node->kernel_short ? "yes" : "no", ret);
}

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

static const Column columns[] = {
        { "NODE", "number of the node", CELL_ID, .offset = offsetof(NodeRow, id) },
        { "CPU", "whether it has a CPU", CELL_BOOL, .format = format_cpu },
        { "ONLINE", "memory online", CELL_SIZE, .offset = offsetof(NodeRow, online_bytes) },
        { "OFFLINE", "memory offline", CELL_SIZE, .offset = offsetof(NodeRow, offline_bytes) },
        { "KERNEL", "online for anything", CELL_SIZE, .offset = offsetof(NodeRow, kernel_bytes) },
        { "MOVABLE", "online for pages that can migrate", CELL_SIZE,
          .offset = offsetof(NodeRow, movable_bytes) },
        { "FREE", "memory not in use", CELL_SIZE, .format = format_free },
        { "MOVABLE_ONLY", "whether all of it is movable", CELL_BOOL,
          .offset = offsetof(NodeRow, movable_only) },
        { "DISTANCES", "node:distance of each node", .format = format_distances },
        { "KERNEL_SHORT", "whether its kernel memory runs short", CELL_BOOL, .optional = true,
          .format = format_short },
        { "KERNEL_AUTO_ONLINE", "what the kernel does with added memory", CELL_TEXT,
          .offset = offsetof(NodeRow, kernel_auto_online), .optional = true },
};

const ColumnSet nodes_columns = { columns, ELEMENTSOF(columns) };

int nodes_print(const Snapshot *snapshot, const ColumnChoice *choice)
{
        _cleanup_(table_done) Table table = {};
        int r = table_init(&table, "nodes", &nodes_columns, choice);

        for (size_t i = 0; i < snapshot->n_nodes && r >= 0; i++)
                r = table_add(&table, &snapshot->nodes[i]);
        return table_finish(&table, r);
}

int verb_nodes(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        ColumnChoice choice;
        int r;

        (void) argc;
        (void) argv;
        r = column_choice_parse(&nodes_columns, arg_output, &choice);
        if (r != EXIT_SUCCESS)
                return r;
        r = snapshot_fetch(FETCH_OBJECTS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return nodes_print(&snapshot, &choice);
}
