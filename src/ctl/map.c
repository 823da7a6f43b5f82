/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decides which blocks each cell of the map stands for. */

#include "ctl/map.h"
#include "base/names.h"

#include "ctl/json.h"

#include <inttypes.h>
#include <stdio.h>

const MapStyle map_styles[_MAP_CLASS_MAX] = {
        [MAP_KERNEL] = { 'K', "kernel", "34", "#4878d0" },
        [MAP_MOVABLE] = { 'M', "movable", "32", "#6acc64" },
        [MAP_ONLINE] = { 'O', "online", "36", "#82c6e2" },
        [MAP_OFFLINE] = { '.', "offline", "2", "#d9d9d9" },
        [MAP_LEFT] = { '-', "left", "2", "#a6a6a6" },
        [MAP_PENDING] = { 'p', "pending", "33", "#eeca3b" },
        [MAP_GOING] = { 'g', "going-offline", "1;33", "#ee854a" },
        [MAP_FOREIGN] = { 'X', "foreign", "1;35", "#b55dba" },
        [MAP_FAILED] = { 'F', "failed", "1;31", "#d65f5f" },
        [MAP_UNKNOWN] = { '?', "unknown", "1;31", "#f2b8b8" },
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

/* A slot for each node, and one for blocks without a node. A node from memoryd may be out of range. */
#define ROW_SLOTS (NODE_MAX + 1)

static size_t row_slot(const BlockRow *block)
{
        return block->node >= 0 && block->node < NODE_MAX ? (size_t) block->node : NODE_MAX;
}

/* The length of each row for a number of blocks per cell. */
typedef struct Layout {
        size_t row_of_slot[ROW_SLOTS]; /* SIZE_MAX: no blocks */
        uint64_t last_cells[ROW_SLOTS];
        size_t lengths[ROW_SLOTS];
        size_t n_rows;
} Layout;

/* Adds a block. Returns whether it is the first of its cell; *ret_after_hole: whether a hole comes before. */
static bool layout_add(Layout *layout, const BlockRow *block, uint32_t blocks_per_cell,
                       bool *ret_after_hole)
{
        size_t slot = row_slot(block);
        uint64_t cell = block->id / blocks_per_cell;
        bool is_first = layout->lengths[slot] == 0;

        *ret_after_hole = !is_first && cell > layout->last_cells[slot] + 1;
        if (!is_first && cell == layout->last_cells[slot])
                return false;
        layout->lengths[slot] += *ret_after_hole ? 2 : 1;
        layout->last_cells[slot] = cell;
        return true;
}

static bool layout_fits(Layout *layout, const Snapshot *snapshot, uint32_t blocks_per_cell,
                        size_t width)
{
        size_t n_lines = 0;
        bool after_hole;

        memset(layout->lengths, 0, sizeof(layout->lengths));
        for (size_t i = 0; i < snapshot->n_blocks; i++)
                (void) layout_add(layout, &snapshot->blocks[i], blocks_per_cell, &after_hole);
        for (size_t i = 0; i < ROW_SLOTS; i++)
                n_lines += (layout->lengths[i] + width - 1) / width;
        return n_lines <= MAX((size_t) MAP_LINES, layout->n_rows);
}

static void layout_rows(Layout *layout, const Snapshot *snapshot)
{
        memset(layout->row_of_slot, 0xff, sizeof(layout->row_of_slot));
        for (size_t i = 0; i < snapshot->n_blocks; i++)
                layout->row_of_slot[row_slot(&snapshot->blocks[i])] = 0;
        for (size_t i = 0; i < ROW_SLOTS; i++)
                if (layout->row_of_slot[i] == 0)
                        layout->row_of_slot[i] = layout->n_rows++;
}

static int map_alloc(Map *map, const Layout *layout)
{
        map->rows = calloc(layout->n_rows + 1, sizeof(*map->rows));
        if (!map->rows)
                return -ENOMEM;
        map->n_rows = layout->n_rows;
        for (size_t i = 0; i < ROW_SLOTS; i++) {
                MapRow *row;

                if (layout->row_of_slot[i] == SIZE_MAX)
                        continue;
                row = &map->rows[layout->row_of_slot[i]];
                row->node = i < NODE_MAX ? (int32_t) i : NODE_NONE;
                row->cells = calloc(layout->lengths[i], sizeof(*row->cells));
                if (!row->cells)
                        return -ENOMEM;
        }
        return 0;
}

static void map_add(Map *map, Layout *layout, const BlockRow *block)
{
        MapRow *row = &map->rows[layout->row_of_slot[row_slot(block)]];
        MapClass class = block_map_class(block);
        bool after_hole;
        MapCell *cell;

        if (layout_add(layout, block, map->blocks_per_cell, &after_hole)) {
                row->n_holes += after_hole;
                row->cells[row->n_cells++] =
                        (MapCell){ .first = block->id, .after_hole = after_hole };
        }
        cell = &row->cells[row->n_cells - 1];
        cell->last = block->id;
        cell->n_blocks[class]++;
        row->n_blocks[class]++;
        map->n_blocks[class]++;
}

int map_init(Map *map, const Snapshot *snapshot, size_t width)
{
        _cleanup_free_ Layout *layout = calloc(1, sizeof(*layout));
        int r;

        *map = (Map){
                .block_size_bytes = snapshot->manager.block_size_bytes,
                .blocks_per_cell = 1,
                .width = width,
        };
        if (!layout)
                return -ENOMEM;
        if (snapshot->n_blocks == 0)
                return 0;
        map->last = snapshot->blocks[snapshot->n_blocks - 1].id;

        layout_rows(layout, snapshot);
        while (map->blocks_per_cell < UINT32_C(1) << 31 &&
               !layout_fits(layout, snapshot, map->blocks_per_cell, width))
                map->blocks_per_cell *= 2;
        (void) layout_fits(layout, snapshot, map->blocks_per_cell, width);
        r = map_alloc(map, layout);
        if (r < 0)
                return r;
        memset(layout->lengths, 0, sizeof(layout->lengths));
        for (size_t i = 0; i < snapshot->n_blocks; i++)
                map_add(map, layout, &snapshot->blocks[i]);
        for (size_t i = 0; i < map->n_rows; i++)
                for (size_t j = 0; j < map->rows[i].n_cells; j++)
                        map->rows[i].cells[j].class = cell_class(&map->rows[i].cells[j]);
        return 0;
}

void map_done(Map *map)
{
        for (size_t i = 0; i < map->n_rows; i++)
                free(map->rows[i].cells);
        free(map->rows);
        *map = (Map){};
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

        for (unsigned i = 0; object && i < _MAP_CLASS_MAX; i++)
                if (n_blocks[i] > 0 &&
                    !json_member(object, map_styles[i].name, json_object_new_uint64(n_blocks[i])))
                        return NULL;
        return TAKE_PTR(object);
}

static json_object *json_cell(const MapCell *cell)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member(object, "first", json_object_new_uint64(cell->first)) ||
            !json_member(object, "last", json_object_new_uint64(cell->last)) ||
            !json_member(object, "class", json_object_new_string(map_styles[cell->class].name)) ||
            !json_member(object, "blocks", json_counts(cell->n_blocks)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_map_row(const MapRow *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        _cleanup_(json_object_putp) json_object *cells = json_object_new_array();

        if (!object || !cells)
                return NULL;
        for (size_t i = 0; i < row->n_cells; i++)
                if (!json_element(cells, json_cell(&row->cells[i])))
                        return NULL;
        if (row->node < 0 ?
                    !json_member_string(object, "node", "") :
                    !json_member(object, "node", json_object_new_uint64((uint64_t) row->node)))
                return NULL;
        if (!json_member(object, "blocks", json_counts(row->n_blocks)) ||
            !json_member(object, "cells", TAKE_PTR(cells)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_map(const Map *map)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        _cleanup_(json_object_putp) json_object *nodes = json_object_new_array();

        if (!object || !nodes)
                return NULL;
        for (size_t i = 0; i < map->n_rows; i++)
                if (!json_element(nodes, json_map_row(&map->rows[i])))
                        return NULL;
        if (!json_member(object, "block_size", json_object_new_uint64(map->block_size_bytes)) ||
            !json_member(object, "blocks_per_cell", json_object_new_uint64(map->blocks_per_cell)) ||
            !json_member(object, "blocks", json_counts(map->n_blocks)) ||
            !json_member(object, "nodes", TAKE_PTR(nodes)))
                return NULL;
        return TAKE_PTR(object);
}

int map_print_json(const Map *map)
{
        return json_print(json_map(map));
}
