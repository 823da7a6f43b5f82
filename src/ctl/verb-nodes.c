/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl nodes. */

#include "base/names.h"
#include "ctl/ctl.h"

enum {
        NODES_NODE,
        NODES_CPU,
        NODES_ONLINE,
        NODES_OFFLINE,
        NODES_KERNEL,
        NODES_MOVABLE,
        NODES_FREE,
        NODES_MOVABLE_ONLY,
        NODES_DISTANCES,
        NODES_KERNEL_SHORT,
        NODES_KERNEL_AUTO_ONLINE,
        _NODES_MAX,
};

static const Column columns[_NODES_MAX] = {
        [NODES_NODE] = { "NODE", "number of the node", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [NODES_CPU] = { "CPU", "whether it has a CPU", SCOLS_FL_RIGHT, SCOLS_JSON_BOOLEAN, false },
        [NODES_ONLINE] = { "ONLINE", "memory online", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [NODES_OFFLINE] = { "OFFLINE", "memory offline", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [NODES_KERNEL] = { "KERNEL", "online for anything", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER,
                           false },
        [NODES_MOVABLE] = { "MOVABLE", "online for pages that can migrate", SCOLS_FL_RIGHT,
                            SCOLS_JSON_NUMBER, false },
        [NODES_FREE] = { "FREE", "memory not in use", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [NODES_MOVABLE_ONLY] = { "MOVABLE_ONLY", "whether all of it is movable", SCOLS_FL_RIGHT,
                                 SCOLS_JSON_BOOLEAN, false },
        [NODES_DISTANCES] = { "DISTANCES", "node:distance of each node", 0, SCOLS_JSON_STRING,
                              false },
        [NODES_KERNEL_SHORT] = { "KERNEL_SHORT", "whether its kernel memory runs short",
                                 SCOLS_FL_RIGHT, SCOLS_JSON_BOOLEAN, true },
        [NODES_KERNEL_AUTO_ONLINE] = { "KERNEL_AUTO_ONLINE",
                                       "what the kernel does with added memory", 0,
                                       SCOLS_JSON_STRING, true },
};

const ColumnSet nodes_columns = { columns, _NODES_MAX };

static int cell_format(const void *row, size_t column, char **ret)
{
        const NodeRow *node = row;

        switch (column) {
        case NODES_NODE:
                return cell_number(node->id, ret);
        case NODES_CPU:
                return node->lacks_cpu ? 0 : cell_bool(node->has_cpu, ret);
        case NODES_ONLINE:
                return cell_size(node->online_bytes, ret);
        case NODES_OFFLINE:
                return cell_size(node->offline_bytes, ret);
        case NODES_KERNEL:
                return cell_size(node->kernel_bytes, ret);
        case NODES_MOVABLE:
                return cell_size(node->movable_bytes, ret);
        case NODES_FREE:
                return node->lacks_free ? 0 : cell_size(node->free_bytes, ret);
        case NODES_MOVABLE_ONLY:
                return cell_bool(node->movable_only, ret);
        case NODES_DISTANCES:
                return distances_format(node, ret);
        case NODES_KERNEL_SHORT:
                return node->lacks_free ? 0 : cell_bool(node->kernel_short, ret);
        case NODES_KERNEL_AUTO_ONLINE:
                return cell_text(node->kernel_auto_online, ret);
        default:
                return -EINVAL;
        }
}

int nodes_print(const Snapshot *snapshot, const Selection *selection)
{
        _cleanup_(table_done) Table table = {};
        int r;

        r = table_init(&table, "nodes", &nodes_columns, selection);
        for (size_t i = 0; i < snapshot->n_nodes && r >= 0; i++)
                r = table_add(&table, cell_format, &snapshot->nodes[i]);
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? failure("cannot print the nodes: %s", strerror(-r)) : EXIT_SUCCESS;
}

int verb_nodes(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        Selection selection;
        int r;

        (void) argc;
        (void) argv;
        r = selection_parse(&nodes_columns, arg_output, &selection);
        if (r != EXIT_SUCCESS)
                return r;
        r = snapshot_fetch(FETCH_OBJECTS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return nodes_print(&snapshot, &selection);
}
