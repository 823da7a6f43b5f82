/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

#include <stdio.h>

/*
 * The map of the machine: a row of cells for each node, where each cell stands for one or more blocks. map.c
 * lays out the map as memoryctl(1) says, and map-facts.c puts what it shows beside the cells into words.
 * verb-map.c draws the map in a terminal, and map-svg.c draws it as SVG.
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
        const char *color; /* in SVG; NULL: that of the background */
        const char *ink;   /* of the letter, NULL: that of other text */
        const char *hatch; /* lines on the colour, a path in a square of 6 units, or NULL */
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

/* Blocks of a row that belong to the same device, with none of another device in between. */
typedef struct MapDevice {
        const char *name;   /* "" if the device has none, as boot memory */
        const char *origin; /* a word of org.memoryd1(5) */
        uint32_t first;
        uint32_t last;
} MapDevice;

typedef struct MapRow {
        int32_t node;         /* NODE_NONE: blocks without a node, in the last row */
        const NodeRow *facts; /* or NULL if the snapshot has none of the node */
        MapCell *cells;       /* owned, by number */
        size_t n_cells;
        size_t n_holes;
        MapDevice *
                devices; /* owned, by number; none for blocks of which no device or origin is known */
        size_t n_devices;
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
 * Lays the blocks out in lines of `width` cells, with as few blocks per cell as fit into `max_lines` lines, or
 * into one line per node if there are more nodes than that. A line has at least two cells. Returns 0 or
 * -ENOMEM. The caller ends the map with map_done() in either case. The map refers to the snapshot.
 */
#define MAP_LINES 20
int map_init(Map *map, const Snapshot *snapshot, size_t width, size_t max_lines);
void map_done(Map *map);

/* Returns the number of lines of a row. */
size_t map_lines(const Map *map, const MapRow *row);

/* Formats "node 1" or "no node". Returns the buffer. */
#define MAP_NODE_MAX 24
const char *map_node_format(int32_t node, char buffer[static MAP_NODE_MAX]);

bool map_has_holes(const Map *map);

/* map-facts.c: what the map says in words. */

/* The part of the policy that the map shows. */
typedef struct MapPolicy {
        bool is_known;
        bool per_node;
        uint32_t limit_permille; /* max_movable_ratio */
        char text[512];
} MapPolicy;

/* The longest text of a fact. Longer ones are cut. */
#define MAP_FACT_MAX 768

/* Formats the name of the host, or of the tree if that does not tell the name. Returns the buffer. */
const char *map_host_format(char buffer[static MAP_FACT_MAX]);

/*
 * Formats the date, the version of memoryd or the place and the kernel of a recording. The date is now, in
 * local time, or that of the environment variable SOURCE_DATE_EPOCH, in UTC. Returns the buffer.
 */
const char *map_source_format(const Snapshot *snapshot, char buffer[static MAP_FACT_MAX]);

/*
 * Formats "CPU, distance 20 to node 1", as far as it is known of a node: its facts may be NULL. Returns the
 * buffer, which is empty if nothing is known.
 */
const char *map_node_facts_format(const NodeRow *node, char buffer[static MAP_FACT_MAX]);

/* Formats the size of each class that has blocks: "kernel 2G, movable 6G". Returns the buffer. */
const char *map_sizes_format(const Map *map, const uint32_t n_blocks[static _MAP_CLASS_MAX],
                             char buffer[static MAP_FACT_MAX]);

/* Formats "movable/kernel 3.00, limit 3.00" of online memory, "" if there is none. Returns the buffer. */
const char *map_ratio_format(const Totals *totals, const uint32_t *limit_permille,
                             char buffer[static MAP_FACT_MAX]);

/*
 * Formats which nodes have no memory, and which of them have a CPU: "nodes 2-33: no memory, CPU: 2-5".
 * Returns the buffer, which is empty if all nodes have memory.
 */
const char *map_bare_nodes_format(const Snapshot *snapshot, const Map *map,
                                  char buffer[static MAP_FACT_MAX]);

/* Formats "PNP0C80:00 (dimm)", or what the device has of that. Returns the buffer. */
#define MAP_DEVICE_MAX 128
const char *map_device_format(const MapDevice *device, char buffer[static MAP_DEVICE_MAX]);

/* Adds up the memory of all nodes of the snapshot. */
Totals map_totals(const Snapshot *snapshot);

/* Returns the limit of the ratio of a node, or for NULL of the machine; NULL if there is none. */
const uint32_t *map_limit(const MapPolicy *policy, const NodeRow *node);

/* Returns how much of a bar of online memory has to be kernel memory at a limit, rounded up. */
uint32_t map_limit_place(uint32_t limit_permille, uint32_t bar_width);

/*
 * Describes the policy of the snapshot, or that in a recorded tree, as far as it is known. EXIT_SUCCESS, or an
 * exit code after printing why not.
 */
int map_policy_init(const Snapshot *snapshot, MapPolicy *ret);

/* map-svg.c: draws a picture that needs no other file. Returns 0 or -ENOMEM. The caller frees *ret. */
int map_draw_svg(const Snapshot *snapshot, const MapPolicy *policy, char **ret);

/* Returns the map as JSON, or NULL if memory is short. */
json_object *json_map(const Map *map);
