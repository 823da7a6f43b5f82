/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Decides which blocks each cell of the map stands for. */

#include "ctl/map.h"
#include "model/block.h"
#include "model/device.h"

#include <inttypes.h>
#include <stdio.h>

/* The colours differ in lightness or have lines on them, so that they can be told apart in grey. */
const MapStyle map_styles[_MAP_CLASS_MAX] = {
        [MAP_KERNEL] = { 'K', "kernel", "34", "#2c5aa0", "#ffffff", NULL },
        [MAP_MOVABLE] = { 'M', "movable", "32", "#a6dd9d", "#1b1e23", NULL },
        [MAP_ONLINE] = { 'O', "online", "36", "#8fc7de", "#1b1e23", "M0 3H6" },
        [MAP_OFFLINE] = { '.', "offline", "2", NULL, NULL, NULL },
        [MAP_LEFT] = { '-', "left", "2", NULL, NULL, "M1 2H3M4 5H6" },
        [MAP_PENDING] = { 'p', "pending", "33", "#f7dc6f", "#1b1e23", "M-1 7L7 -1" },
        [MAP_GOING] = { 'g', "going-offline", "1;33", "#f0a46c", "#1b1e23", "M-1 -1L7 7" },
        [MAP_FOREIGN] = { 'X', "foreign", "1;35", "#cf9bd8", "#1b1e23", "M-1 -1L7 7M-1 7L7 -1" },
        [MAP_FAILED] = { 'F', "failed", "1;31", "#a32020", "#ffffff", "M3 0V6" },
        [MAP_UNKNOWN] = { '?', "unknown", "1;31", "#f2b8b8", "#1b1e23", "M0 3H6M3 0V6" },
};

/* Statuses that take precedence over the state and the class of a block. */
static const struct {
        BlockStatus status;
        MapClass class;
} status_classes[] = {
        { BLOCK_STATUS_FAILED, MAP_FAILED },   { BLOCK_STATUS_FOREIGN, MAP_FOREIGN },
        { BLOCK_STATUS_WAITING, MAP_PENDING }, { BLOCK_STATUS_PENDING, MAP_PENDING },
        { BLOCK_STATUS_WRITING, MAP_PENDING }, { BLOCK_STATUS_RETRYING, MAP_PENDING },
        { BLOCK_STATUS_LEFT, MAP_LEFT },
};

static MapClass block_map_class(const BlockRow *block)
{
        BlockState state = block_state_from_string(block->state);
        BlockStatus status = block_status_from_string(block->status);

        if (state < 0)
                return MAP_UNKNOWN;
        for (size_t i = 0; i < ELEMENTSOF(status_classes); i++)
                if (status_classes[i].status == status)
                        return status_classes[i].class;
        if (state != BLOCK_ONLINE)
                return state == BLOCK_OFFLINE ? MAP_OFFLINE : MAP_GOING;
        switch (zone_class_from_string(block->zone_class)) {
        case ZONE_CLASS_KERNEL:
                return MAP_KERNEL;
        case ZONE_CLASS_MOVABLE:
                return MAP_MOVABLE;
        default:
                return MAP_ONLINE;
        }
}

/* Classes that a cell shows even for a single block among thousands, the worst first. */
static const MapClass noteworthy[] = {
        MAP_FAILED, MAP_UNKNOWN, MAP_FOREIGN, MAP_GOING, MAP_PENDING,
};

/* The class that a cell is shown as: the worst noteworthy class, else the one with the most blocks. */
static MapClass cell_class(const MapCell *cell)
{
        MapClass most = MAP_KERNEL;

        for (size_t i = 0; i < ELEMENTSOF(noteworthy); i++)
                if (cell->n_blocks[noteworthy[i]] > 0)
                        return noteworthy[i];
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++)
                if (cell->n_blocks[i] > cell->n_blocks[most])
                        most = i;
        return most;
}

/*
 * While the map is laid out, it has a row for each node that there can be, and one for blocks without a node.
 * A node from memoryd may be out of range.
 */
#define ROWS_MAX (NODE_MAX + 1)

static MapRow *row_of(const Map *map, const BlockRow *block)
{
        return &map->rows[block->node >= 0 && block->node < NODE_MAX ? block->node : NODE_MAX];
}

/* Counts the blocks of each class. Returns the number of rows that have blocks. */
static size_t count_blocks(Map *map, const Snapshot *snapshot)
{
        bool has_blocks[ROWS_MAX] = {};
        size_t n_rows = 0;

        for (size_t i = 0; i < snapshot->n_blocks; i++) {
                MapRow *row = row_of(map, &snapshot->blocks[i]);
                MapClass class = block_map_class(&snapshot->blocks[i]);

                n_rows += !has_blocks[row - map->rows];
                has_blocks[row - map->rows] = true;
                row->n_blocks[class]++;
                map->n_blocks[class]++;
        }
        return n_rows;
}

static int row_add(MapRow *row, const BlockRow *block, uint32_t blocks_per_cell)
{
        size_t n = row->n_cells;
        uint32_t distance =
                n > 0 ? block->id / blocks_per_cell - row->cells[n - 1].last / blocks_per_cell : 1;
        MapCell *cell;

        if (distance > 0) {
                if (GROW(row->cells, n) < 0)
                        return -ENOMEM;
                row->cells[n++] = (MapCell){ .first = block->id, .after_hole = distance > 1 };
                row->n_cells = n;
                row->n_holes += distance > 1;
        }
        cell = &row->cells[n - 1];
        cell->last = block->id;
        cell->n_blocks[block_map_class(block)]++;
        return 0;
}

size_t map_lines(const Map *map, const MapRow *row)
{
        return (row->n_cells + row->n_holes + map->width - 1) / map->width;
}

/* Makes the cells. Returns 1, 0 if they do not fit into the lines, or -ENOMEM. */
static int make_cells(Map *map, const Snapshot *snapshot, size_t max_lines)
{
        size_t n_lines = 0;

        for (size_t i = 0; i < map->n_rows; i++)
                map->rows[i].n_cells = map->rows[i].n_holes = 0;
        for (size_t i = 0; i < snapshot->n_blocks && n_lines <= max_lines; i++) {
                MapRow *row = row_of(map, &snapshot->blocks[i]);

                n_lines -= map_lines(map, row);
                if (row_add(row, &snapshot->blocks[i], map->blocks_per_cell) < 0)
                        return -ENOMEM;
                n_lines += map_lines(map, row);
        }
        return n_lines <= max_lines;
}

/* Adds a block to the device of the block before it, or to another. */
static int row_add_device(MapRow *row, const BlockRow *block)
{
        size_t n = row->n_devices;

        if (!*block->device &&
            (!*block->origin || origin_from_string(block->origin) == ORIGIN_UNKNOWN))
                return 0;
        if (n == 0 || strcmp(row->devices[n - 1].name, block->device) != 0 ||
            strcmp(row->devices[n - 1].origin, block->origin) != 0) {
                if (GROW(row->devices, n) < 0)
                        return -ENOMEM;
                row->devices[n++] = (MapDevice){ block->device, block->origin, .first = block->id };
                row->n_devices = n;
        }
        row->devices[n - 1].last = block->id;
        return 0;
}

static int add_devices(Map *map, const Snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; i < snapshot->n_blocks && r >= 0; i++)
                r = row_add_device(row_of(map, &snapshot->blocks[i]), &snapshot->blocks[i]);
        return r;
}

/* Leaves out rows without blocks, and decides how each cell is shown. */
static void finish_rows(Map *map, const Snapshot *snapshot)
{
        size_t n_rows = 0;

        for (size_t i = 0; i < map->n_rows; i++) {
                MapRow row = map->rows[i];

                if (row.n_cells == 0)
                        continue;
                row.node = i < NODE_MAX ? (int32_t) i : NODE_NONE;
                if (i < NODE_MAX && snapshot->n_nodes > 0)
                        row.facts = bsearch(&(uint32_t){ (uint32_t) i }, snapshot->nodes,
                                            snapshot->n_nodes, sizeof(NodeRow), id_compare);
                for (size_t j = 0; j < row.n_cells; j++)
                        row.cells[j].class = cell_class(&row.cells[j]);
                map->rows[n_rows++] = row;
        }
        map->n_rows = n_rows;
}

int map_init(Map *map, const Snapshot *snapshot, size_t width, size_t max_lines)
{
        size_t n_rows;
        int r;

        *map = (Map){
                .rows = calloc(ROWS_MAX, sizeof(*map->rows)),
                .block_size_bytes = snapshot->manager.block_size_bytes,
                .blocks_per_cell = 1,
                .width = width,
        };
        if (!map->rows)
                return -ENOMEM;
        map->n_rows = ROWS_MAX;
        if (snapshot->n_blocks > 0)
                map->last = snapshot->blocks[snapshot->n_blocks - 1].id;
        n_rows = count_blocks(map, snapshot);
        while ((r = make_cells(map, snapshot, MAX(n_rows, max_lines))) == 0)
                map->blocks_per_cell *= 2;
        if (r > 0)
                r = add_devices(map, snapshot);
        if (r >= 0)
                finish_rows(map, snapshot);
        return MIN(r, 0);
}

void map_done(Map *map)
{
        for (size_t i = 0; i < map->n_rows; i++) {
                free(map->rows[i].cells);
                free(map->rows[i].devices);
        }
        free(map->rows);
        *map = (Map){};
}

bool map_has_holes(const Map *map)
{
        for (size_t i = 0; i < map->n_rows; i++)
                if (map->rows[i].n_holes > 0)
                        return true;
        return false;
}

const char *map_node_format(int32_t node, char buffer[static MAP_NODE_MAX])
{
        if (node < 0)
                strcpy(buffer, "no node");
        else
                snprintf(buffer, MAP_NODE_MAX, "node %" PRId32, node);
        return buffer;
}

/* Makes an object with the number of blocks of each class. Leaves out classes without blocks. */
static json_object *json_counts(const uint32_t n_blocks[static _MAP_CLASS_MAX])
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++)
                if (n_blocks[i] > 0 &&
                    !json_member(object, map_styles[i].name, json_object_new_uint64(n_blocks[i])))
                        return NULL;
        return TAKE_PTR(object);
}

static json_object *json_cell(const void *cells, size_t i)
{
        const MapCell *cell = (const MapCell *) cells + i;

        return json_make(JSON_MEMBERS({ "first", json_object_new_uint64(cell->first) },
                                      { "last", json_object_new_uint64(cell->last) },
                                      { "class", json_text(map_styles[cell->class].name) },
                                      { "blocks", json_counts(cell->n_blocks) }));
}

static json_object *json_map_row(const void *rows, size_t i)
{
        const MapRow *row = (const MapRow *) rows + i;

        return json_make(JSON_MEMBERS(
                { "node", json_node(row->node) }, { "blocks", json_counts(row->n_blocks) },
                { "cells", json_array(row->cells, row->n_cells, json_cell) }));
}

json_object *json_map(const Map *map)
{
        return json_make(
                JSON_MEMBERS({ "block_size", json_object_new_uint64(map->block_size_bytes) },
                             { "blocks_per_cell", json_object_new_uint64(map->blocks_per_cell) },
                             { "blocks", json_counts(map->n_blocks) },
                             { "nodes", json_array(map->rows, map->n_rows, json_map_row) }));
}
