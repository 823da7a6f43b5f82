/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

#include <stdio.h>

/*
 * The map of the machine: a row of cells for each node, where each cell stands for one or more blocks. map.c
 * lays out the map as memoryctl(1) says; verb-map.c and map-svg.c draw it.
 */

/* How a block is shown, in the order of the legend. */
typedef enum MapClass {
        MAP_KERNEL,
        MAP_MOVABLE,
        MAP_ONLINE, /* online, in an unknown zone */
        MAP_OFFLINE,
        MAP_LEFT,
        MAP_PENDING,
        MAP_GOING,
        MAP_FOREIGN,
        MAP_FAILED,
        MAP_UNKNOWN, /* in an unknown state */
        _MAP_CLASS_MAX,
} MapClass;

typedef struct MapStyle {
        char letter;
        const char *name;  /* in the legend and in JSON */
        const char *sgr;   /* the terminal's colour, as the parameters of an SGR sequence */
        const char *color; /* in SVG */
} MapStyle;

extern const MapStyle map_styles[_MAP_CLASS_MAX];

/* The letter for a hole: memory of other nodes, or none at all, between two blocks of a node. */
#define MAP_HOLE '|'

typedef struct MapCell {
        uint32_t first; /* the first and the last block; some in between may be missing */
        uint32_t last;
        MapClass class;
        uint32_t n_blocks[_MAP_CLASS_MAX];
        bool after_hole; /* the node has a cell before this one, but not right before it */
} MapCell;

typedef struct MapRow {
        int32_t node;   /* NODE_NONE: blocks without a node, in the last row */
        MapCell *cells; /* owned, by number */
        size_t n_cells;
        size_t n_holes;
        uint32_t n_blocks[_MAP_CLASS_MAX];
} MapRow;

typedef struct Map {
        MapRow *rows; /* owned, by node */
        size_t n_rows;
        uint64_t block_size_bytes;
        uint32_t blocks_per_cell; /* a power of two: the blocks of a cell have the upper bits of
                                     their numbers in common */
        size_t width;             /* of a line, in cells and holes */
        uint32_t last;            /* the highest block number */
        uint32_t n_blocks[_MAP_CLASS_MAX];
} Map;

/*
 * Lays the blocks out in lines of `width` cells, with as few blocks per cell as fit into MAP_LINES lines, or
 * into one line per node if there are more nodes than that. A line has at least two cells. Returns 0 or
 * -ENOMEM. The caller ends the map with map_done() in either case.
 */
#define MAP_LINES 20
int map_init(Map *map, const Snapshot *snapshot, size_t width);
void map_done(Map *map);

/* Returns the number of lines of a row. */
size_t map_lines(const Map *map, const MapRow *row);

/* Formats "node 1" or "no node". Returns the buffer. */
#define MAP_NODE_MAX 24
const char *map_node_format(int32_t node, char buffer[static MAP_NODE_MAX]);

/* map-svg.c: writes a self-contained picture. Returns 0 or -ENOMEM. The caller checks the file for errors. */
int map_write_svg(const Snapshot *snapshot, FILE *file);

/* Returns the map as JSON, or NULL if memory is short. */
json_object *json_map(const Map *map);
