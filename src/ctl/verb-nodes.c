/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl nodes. */

#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>

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
        { "DISTANCES", "node:distance of each node", .format = format_distances },
        { "KERNEL_SHORT", "whether its kernel memory runs short", CELL_BOOL,
          .offset = offsetof(NodeRow, kernel_short), .optional = true,
          .lacks_offset = offsetof(NodeRow, lacks_free) },
        { "KERNEL_AUTO_ONLINE", "what the kernel does with added memory", CELL_TEXT,
          .offset = offsetof(NodeRow, kernel_auto_online), .optional = true },
};

const ColumnSet nodes_columns = { columns, ELEMENTSOF(columns) };

int verb_nodes(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        ColumnChoice choice;
        int r;

        (void) argc;
        (void) argv;
        r = column_choice_parse(&nodes_columns, arg_output, &choice);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_OBJECTS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return table_print("nodes", &nodes_columns, &choice, snapshot.nodes, snapshot.n_nodes,
                           sizeof(*snapshot.nodes));
}
