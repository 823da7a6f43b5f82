/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Draws the map as SVG. */

#include "ctl/map.h"

#include <inttypes.h>

/* Lengths are in units of the picture: pixels, unless the picture is scaled. */
#define CELLS_PER_LINE 96
#define CELL_WIDTH 8
#define CELL_HEIGHT 18
#define BASELINE 13 /* of text in a cell */
#define LINE_HEIGHT 22
#define MARGIN 16
#define HEADING_HEIGHT 48 /* from the last line of a node to the first of the next */
#define NUMBERS_WIDTH 88
#define LEGEND_WIDTH 190
#define LEGEND_COLUMNS 4
#define PICTURE_WIDTH (2 * MARGIN + NUMBERS_WIDTH + CELLS_PER_LINE * CELL_WIDTH)

/* Prints text between tags or quotes. Replaces characters beyond ASCII, which may not be valid UTF-8. */
static void print_escaped(FILE *file, const char *text)
{
        static const char special[] = "<>&\"'";
        static const char *const entities[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#39;" };

        for (; *text; text++) {
                const char *found = strchr(special, *text);

                if (found)
                        fputs(entities[found - special], file);
                else
                        fputc(*text >= ' ' && *text <= '~' ? *text : '?', file);
        }
}

static uint64_t count_bytes(const Map *map, uint64_t n_blocks)
{
        return n_blocks * map->block_size_bytes;
}

static int place_x(const Map *map, size_t at)
{
        return MARGIN + NUMBERS_WIDTH + (int) (at % map->width) * CELL_WIDTH;
}

static int place_y(const Map *map, int top, size_t at)
{
        return top + (int) (at / map->width) * LINE_HEIGHT;
}

/* Prints the size of each class: "kernel 2G, movable 6G". */
static void print_counts(FILE *file, const Map *map, const uint32_t n_blocks[_MAP_CLASS_MAX])
{
        char size[SIZE_STRING_MAX];
        const char *between = "";

        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++) {
                if (n_blocks[i] == 0)
                        continue;
                fprintf(file, "%s%s %s", between, map_styles[i].name,
                        size_format(count_bytes(map, n_blocks[i]), size));
                between = ", ";
        }
}

/* Prints "blocks 32-39, 0x100000000-0x13fffffff". */
static void print_range(FILE *file, const Map *map, uint64_t first, uint64_t last)
{
        char blocks[BLOCKS_STRING_MAX];

        fprintf(file, "%s, 0x%" PRIx64 "-0x%" PRIx64, blocks_format(first, last, blocks),
                count_bytes(map, first), count_bytes(map, last + 1) - 1);
}

/* Prints a rectangle in the colour of a class, with the letter of the class. */
static void print_box(FILE *file, int x, int y, int width, MapClass class)
{
        fprintf(file,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" "
                "stroke=\"#ffffff\"/><text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
                "pointer-events=\"none\">%c</text>",
                x, y, width, CELL_HEIGHT, map_styles[class].color, x + width / 2, y + BASELINE,
                map_styles[class].letter);
}

/* Prints cells of the same class, which are neighbours in one line, as one box. */
static void print_run(FILE *file, const Map *map, const MapRow *row, const MapCell *run,
                      size_t n_cells, size_t at, int top)
{
        char node[MAP_NODE_MAX];

        fprintf(file, "<g><title>%s, ", map_node_format(row->node, node));
        print_range(file, map, run->first, run->last);
        fputs(": ", file);
        print_counts(file, map, run->n_blocks);
        fputs("</title>", file);
        print_box(file, place_x(map, at), place_y(map, top, at), (int) n_cells * CELL_WIDTH,
                  run->class);
        fputs("</g>\n", file);
}

static void print_hole(FILE *file, const Map *map, const MapRow *row, size_t next, size_t at,
                       int top)
{
        const MapCell *cells = row->cells;
        int x = place_x(map, at) + CELL_WIDTH / 2, y = place_y(map, top, at);
        char size[SIZE_STRING_MAX], node[MAP_NODE_MAX];

        fprintf(file, "<g><title>not of %s: ", map_node_format(row->node, node));
        print_range(file, map, cells[next - 1].last + UINT64_C(1), cells[next].first - UINT64_C(1));
        fprintf(file,
                ", %s</title><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#222222\" "
                "stroke-width=\"2\" stroke-dasharray=\"2 2\"/></g>\n",
                size_format(count_bytes(map, cells[next].first - cells[next - 1].last - 1), size),
                x, y, x, y + CELL_HEIGHT);
}

static void print_number(FILE *file, const Map *map, const MapCell *cell, size_t at, int top)
{
        if (at % map->width == 0)
                fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRIu32 "</text>\n",
                        MARGIN + NUMBERS_WIDTH - 8, place_y(map, top, at) + BASELINE, cell->first);
}

static void print_row(FILE *file, const Map *map, const MapRow *row, int top)
{
        size_t at = 0;

        for (size_t i = 0; i < row->n_cells;) {
                const MapCell *cell = &row->cells[i];
                MapCell run = *cell;
                size_t first = i;

                if (cell->after_hole) {
                        print_number(file, map, cell, at, top);
                        print_hole(file, map, row, i, at++, top);
                }
                print_number(file, map, cell, at, top);
                while (++i < row->n_cells && (at + i - first) % map->width != 0 &&
                       !(++cell)->after_hole && cell->class == run.class) {
                        run.last = cell->last;
                        for (unsigned j = 0; j < _MAP_CLASS_MAX; j++)
                                run.n_blocks[j] += cell->n_blocks[j];
                }
                print_run(file, map, row, &run, i - first, at, top);
                at += i - first;
        }
}

static void print_legend(FILE *file, const Map *map, int top)
{
        unsigned n = 0;

        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++) {
                int x = MARGIN + (int) (n % LEGEND_COLUMNS) * LEGEND_WIDTH;
                int y = top + (int) (n / LEGEND_COLUMNS) * LINE_HEIGHT;
                char size[SIZE_STRING_MAX];

                if (map->n_blocks[i] == 0)
                        continue;
                n++;
                print_box(file, x, y, CELL_HEIGHT, i);
                fprintf(file, "<text x=\"%d\" y=\"%d\">%s %s</text>\n", x + CELL_HEIGHT + 8,
                        y + BASELINE, map_styles[i].name,
                        size_format(count_bytes(map, map->n_blocks[i]), size));
        }
}

/* Prints the subject of the picture. */
static void print_subject(FILE *file)
{
        fputs("Memory blocks of ", file);
        print_escaped(file, arg_sysroot ?: arg_host ?: arg_machine ?: "this machine");
}

/* The y coordinate of the first line of cells of a row. The legend follows the last row. */
static int row_top(const Map *map, size_t row)
{
        size_t n_lines = 0;

        for (size_t i = 0; i < row; i++)
                n_lines += map_lines(map, &map->rows[i]);
        return 2 * MARGIN + (int) (row + 1) * HEADING_HEIGHT + (int) (n_lines - row) * LINE_HEIGHT;
}

static int legend_lines(const Map *map)
{
        int n = 0;

        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++)
                n += map->n_blocks[i] > 0;
        return (n + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
}

/* Uses attributes instead of style sheets: not every program that draws SVG knows style sheets. */
static void print_head(FILE *file, int height)
{
        fprintf(file,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\" font-family=\"monospace\" font-size=\"12\">\n<title>",
                PICTURE_WIDTH, height, PICTURE_WIDTH, height);
        print_subject(file);
        fprintf(file,
                "</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
                "<text x=\"%d\" y=\"%d\" font-size=\"16\" font-weight=\"bold\">",
                MARGIN, 2 * MARGIN);
        print_subject(file);
        fputs("</text>\n", file);
}

static void print_picture(FILE *file, const Map *map)
{
        char size[SIZE_STRING_MAX], node[MAP_NODE_MAX];
        int legend_top = row_top(map, map->n_rows);

        print_head(file, legend_top + (legend_lines(map) + 1) * LINE_HEIGHT);
        for (size_t i = 0; i < map->n_rows; i++) {
                const MapRow *row = &map->rows[i];
                int top = row_top(map, i);

                fprintf(file, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s: ", MARGIN, top - 8,
                        map_node_format(row->node, node));
                print_counts(file, map, row->n_blocks);
                fputs("</text>\n", file);
                print_row(file, map, row, top);
        }
        fprintf(file, "<text x=\"%d\" y=\"%d\">A cell is %" PRIu32 " block%s, %s.</text>\n", MARGIN,
                legend_top - 8, map->blocks_per_cell, map->blocks_per_cell == 1 ? "" : "s",
                size_format(count_bytes(map, map->blocks_per_cell), size));
        print_legend(file, map, legend_top);
        fputs("</svg>\n", file);
}

int map_write_svg(const Snapshot *snapshot, FILE *file)
{
        _cleanup_(map_done) Map map = {};
        int r = map_init(&map, snapshot, CELLS_PER_LINE);

        if (r >= 0)
                print_picture(file, &map);
        return r;
}
