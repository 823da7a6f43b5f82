/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/map.h"

/* What map-svg-shape.c, map-svg-row.c and map-svg.c share. Lengths are in units of the picture: pixels, unless it is scaled. */

#define SVG_WIDTH 1000
#define SVG_MARGIN 20
#define SVG_CELL_HEIGHT 22
#define SVG_LETTER_BASELINE 15 /* of text in a cell */
#define SVG_TEXT 12            /* the size of a font */
#define SVG_SMALL_TEXT 10      /* the same, on axes and brackets */

typedef struct Svg {
        FILE *file;
        const Map *map;
        int y;          /* where the next part of the picture begins */
        int cells_x;    /* where each line of cells begins */
        int cell_width; /* of holes as well */
} Svg;

/* The width of a text of n characters. No monospaced font in use has wider characters. */
static inline int svg_text_width(size_t n, int font_size)
{
        return ((int) n * font_size * 62 + 99) / 100;
}

/* map-svg-shape.c: prints text between tags or quotes. Replaces characters beyond ASCII, which can be wider than others. */
void svg_print_escaped(FILE *file, const char *text);

/*
 * Prints a text, with attributes, or "". If it is wider than `width`, prints its beginning with a tooltip that
 * has all of it, or nothing if there is not even room for that.
 */
void svg_print_text(const Svg *svg, int x, int y, int width, int font_size, const char *attributes,
                    const char *text);

/* Prints "blocks 32-39, 0x100000000-0x13fffffff". */
void svg_print_range(const Svg *svg, uint64_t first, uint64_t last);

/* Prints the attributes of a shape in the colour of a class, and those of text on it. */
void svg_print_fill(FILE *file, MapClass class);
void svg_print_ink(FILE *file, MapClass class);

/* Prints the sign of a hole. */
void svg_print_hole_line(FILE *file, int x, int y, int width);

/* map-svg-row.c: prints the cells of a row with their devices and axes. Returns 0 or -ENOMEM. */
int svg_print_row(Svg *svg, const MapRow *row);
