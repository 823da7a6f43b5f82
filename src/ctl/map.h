/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/ctl.h"

#include <stdio.h>

/*
 * The machine as a picture: a row of cells for each node, a cell for so many blocks. What
 * memoryctl(1) says of `map` is decided here, apart from how it is drawn.
 */

/* What a block is shown as. The order is that of the legend. */
typedef enum MapClass {
        MAP_KERNEL,
        MAP_MOVABLE,
        MAP_ONLINE, /* its zone is not known */
        MAP_OFFLINE,
        MAP_LEFT,
        MAP_PENDING,
        MAP_GOING,
        MAP_FOREIGN,
        MAP_FAILED,
        MAP_UNKNOWN, /* its state makes no sense */
        _MAP_CLASS_MAX,
} MapClass;

typedef struct MapStyle {
        char letter;
        const char *name;  /* in the legend and in JSON */
        const char *sgr;   /* the terminal's colour, as the parameters of an SGR sequence */
        const char *color; /* in SVG */
} MapStyle;

extern const MapStyle map_styles[_MAP_CLASS_MAX];

/* The letter of memory that a node does not have, between blocks that it has. */
#define MAP_HOLE '|'

typedef struct MapCell {
        uint32_t first; /* the first and the last block in it; some between may be missing */
        uint32_t last;
        MapClass class;
        uint32_t n_blocks[_MAP_CLASS_MAX];
        bool after_hole; /* no cell of the node lies right before it, but one farther down */
} MapCell;

typedef struct MapRow {
        int32_t node;   /* or NODE_NONE for blocks without one, the last row */
        MapCell *cells; /* owned, by number */
        size_t n_cells;
        size_t n_holes;
        uint32_t n_blocks[_MAP_CLASS_MAX];
} MapRow;

typedef struct Map {
        MapRow *rows; /* owned, by node */
        size_t n_rows;
        uint64_t block_size_bytes;
        uint32_t blocks_per_cell; /* a power of two: a cell's blocks have the number's upper bits in
                                     common */
        size_t width;             /* cells and holes in a line */
        uint32_t last;            /* the highest number of all */
        uint32_t n_blocks[_MAP_CLASS_MAX];
} Map;

/*
 * Lays the blocks out in lines of so many cells: the finest division that needs no more than
 * MAP_LINES lines, and a line for each node at least. 0 or -ENOMEM. map_done() is right either way.
 */
#define MAP_LINES 20
int map_init(Map *map, const Snapshot *snapshot, size_t width);
void map_done(Map *map);

/* "node 1", or "no node". */
#define MAP_NODE_MAX 24
const char *map_node_format(int32_t node, char buffer[static MAP_NODE_MAX]);

/* map-text.c: to standard output, of a terminal so wide. 0 or -ENOMEM. */
#define MAP_TERMINAL_WIDTH_MIN 20
int map_print(const Snapshot *snapshot, size_t terminal_width, bool colored);

/*
 * map-svg.c: a self-contained picture. 0 or -ENOMEM; whether all was written is for the caller
 * to ask of the file.
 */
int map_write_svg(const Snapshot *snapshot, FILE *file);

/* As JSON. EXIT_SUCCESS, or EXIT_FAILURE when the reason has been printed. */
int map_print_json(const Map *map);
