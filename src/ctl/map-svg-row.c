/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Draws the lines of cells of a node as SVG: cells and holes, devices above them, addresses below them. */

#include "ctl/map-svg.h"

#include <inttypes.h>

#define DEVICES_HEIGHT 18
#define BRACKET_HEIGHT 4
#define AXIS_HEIGHT 24
#define TICK_HEIGHT 4
#define TICKS_DISTANCE 72 /* the least one of ticks at regular addresses */
#define GAP 6             /* between texts, and between a text and the end of its box */

/* Devices with less room than this share a bracket, up to the width of "99 devices". */
#define BRACKET_WIDTH_MIN 30
#define SHARED_WIDTH_MAX 66

/* A place in the lines of a row: a cell, or the hole before it. */
typedef struct Place {
        const MapCell *cell;
        bool is_hole;
} Place;

/* Cells of the same class that are neighbours in a line. */
typedef struct Run {
        MapCell cells; /* added up */
        size_t first;  /* its places */
        size_t n;
} Run;

typedef struct Lines {
        Svg *svg;
        const MapRow *row;
        Place *places; /* owned */
        size_t n_places;
        Run *runs; /* owned */
        size_t n_runs;
        int cells_y; /* of the first line */
        int line_height;
} Lines;

static void lines_done(Lines *lines)
{
        free(lines->places);
        free(lines->runs);
}

static int place_x(const Lines *lines, size_t place)
{
        return lines->svg->cells_x +
               (int) (place % lines->svg->map->width) * lines->svg->cell_width;
}

static int place_y(const Lines *lines, size_t place)
{
        return lines->cells_y + (int) (place / lines->svg->map->width) * lines->line_height;
}

static bool is_line_start(const Lines *lines, size_t place)
{
        return place % lines->svg->map->width == 0;
}

static uint64_t block_address(const Lines *lines, uint64_t block)
{
        return block * lines->svg->map->block_size_bytes;
}

static int find_places(Lines *lines)
{
        const MapRow *row = lines->row;

        lines->places = calloc(row->n_cells + row->n_holes, sizeof(*lines->places));
        if (!lines->places)
                return -ENOMEM;
        for (size_t i = 0; i < row->n_cells; i++) {
                const MapCell *cell = &row->cells[i];

                if (cell->after_hole)
                        lines->places[lines->n_places++] = (Place){ cell, true };
                lines->places[lines->n_places++] = (Place){ cell, false };
        }
        return 0;
}

static int find_runs(Lines *lines)
{
        Run *run = NULL;

        lines->runs = calloc(lines->n_places, sizeof(*lines->runs));
        if (!lines->runs)
                return -ENOMEM;
        for (size_t i = 0; i < lines->n_places; i++) {
                const MapCell *cell = lines->places[i].cell;

                if (lines->places[i].is_hole)
                        continue;
                if (!run || run->first + run->n != i || is_line_start(lines, i) ||
                    run->cells.class != cell->class) {
                        run = &lines->runs[lines->n_runs++];
                        *run = (Run){ *cell, i, 1 };
                        continue;
                }
                run->n++;
                run->cells.last = cell->last;
                for (unsigned j = 0; j < _MAP_CLASS_MAX; j++)
                        run->cells.n_blocks[j] += cell->n_blocks[j];
        }
        return 0;
}

/* Cells */

static void print_boxes(const Lines *lines)
{
        FILE *file = lines->svg->file;
        char sizes[MAP_FACT_MAX];

        fputs("<g class=\"edge\" stroke=\"#4a4f57\">\n", file);
        for (size_t i = 0; i < lines->n_runs; i++) {
                const Run *run = &lines->runs[i];

                fprintf(file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"",
                        place_x(lines, run->first), place_y(lines, run->first),
                        (int) run->n * lines->svg->cell_width, SVG_CELL_HEIGHT);
                svg_print_fill(file, run->cells.class);
                fputs("><title>", file);
                svg_print_range(lines->svg, run->cells.first, run->cells.last);
                fprintf(file, ": %s</title></rect>\n",
                        map_sizes_format(lines->svg->map, run->cells.n_blocks, sizes));
        }
        fputs("</g>\n", file);
}

/* Prints "M 768M" in the middle of a run, or "M" if there is no room for that. A cell has room for a letter. */
static void print_letter(const Lines *lines, const Run *run)
{
        int width = (int) run->n * lines->svg->cell_width;
        char size[SIZE_STRING_MAX], text[SIZE_STRING_MAX + 8];
        uint64_t n_blocks = run->cells.n_blocks[run->cells.class];
        bool is_pure = true;

        /* A size would be misleading on a cell that has other blocks as well. */
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++)
                is_pure &= i == run->cells.class || run->cells.n_blocks[i] == 0;
        snprintf(text, sizeof(text), "%c %s", map_styles[run->cells.class].letter,
                 size_format(block_address(lines, n_blocks), size));
        if (!is_pure || svg_text_width(strlen(text), SVG_TEXT) + 2 * GAP > width)
                text[1] = '\0';
        fprintf(lines->svg->file, "<text x=\"%d\" y=\"%d\">%s</text>\n",
                place_x(lines, run->first) + width / 2,
                place_y(lines, run->first) + SVG_LETTER_BASELINE, text);
}

static void print_letters(const Lines *lines)
{
        FILE *file = lines->svg->file;

        for (unsigned class = 0; class < _MAP_CLASS_MAX; class ++) {
                if (lines->row->n_blocks[class] == 0)
                        continue;
                fputs("<g text-anchor=\"middle\" pointer-events=\"none\"", file);
                svg_print_ink(file, class);
                fputs(">\n", file);
                for (size_t i = 0; i < lines->n_runs; i++)
                        if (lines->runs[i].cells.class == class)
                                print_letter(lines, &lines->runs[i]);
                fputs("</g>\n", file);
        }
}

static void print_holes(const Lines *lines)
{
        FILE *file = lines->svg->file;

        for (size_t i = 0; i < lines->n_places; i++) {
                const MapCell *next = lines->places[i].cell;
                uint64_t first, last;
                char size[SIZE_STRING_MAX];

                if (!lines->places[i].is_hole)
                        continue;
                first = next[-1].last + UINT64_C(1);
                last = next->first - UINT64_C(1);
                fputs("<g><title>hole: ", file);
                svg_print_range(lines->svg, first, last);
                fprintf(file, ", %s</title>",
                        size_format(block_address(lines, last - first + 1), size));
                svg_print_hole_line(file, place_x(lines, i), place_y(lines, i),
                                    lines->svg->cell_width);
                fputs("</g>\n", file);
        }
}

/* Axis */

/*
 * Whether a place has a tick: at the start of a line, after a hole, and at addresses that are multiples of
 * `step` cells.
 */
static bool has_tick(const Lines *lines, size_t place, uint32_t step)
{
        const Place *at = &lines->places[place];

        return !at->is_hole && (is_line_start(lines, place) || at->cell->after_hole ||
                                at->cell->first / lines->svg->map->blocks_per_cell % step == 0);
}

/* Whether a regular tick would take the room from the label of the tick after a hole. */
static bool is_before_hole(const Lines *lines, size_t place)
{
        int x = place_x(lines, place);

        if (lines->places[place].cell->after_hole || is_line_start(lines, place))
                return false;
        for (size_t i = place + 1; i < lines->n_places && !is_line_start(lines, i) &&
                                   place_x(lines, i) - x < TICKS_DISTANCE;
             i++)
                if (lines->places[i].is_hole)
                        return true;
        return false;
}

/* Prints a label below a place, unless it would touch the label that ends at *end. */
static void print_label(const Lines *lines, size_t place, int *end)
{
        char size[FORMAT_BYTES_MAX];
        int x = place_x(lines, place), width;

        uint64_t address = block_address(lines, lines->places[place].cell->first);

        (void) (address > 0 ? format_bytes_exact(address, size) : strcpy(size, "0"));
        width = svg_text_width(strlen(size), SVG_SMALL_TEXT);
        if (x - width / 2 < *end + GAP)
                return;
        fprintf(lines->svg->file, "<text x=\"%d\" y=\"%d\">%s</text>\n", x,
                place_y(lines, place) + SVG_CELL_HEIGHT + TICK_HEIGHT + SVG_SMALL_TEXT, size);
        *end = x + (width + 1) / 2;
}

static void print_axes(const Lines *lines)
{
        FILE *file = lines->svg->file;
        uint32_t step = 1;
        int end = 0;

        while ((int) step * lines->svg->cell_width < TICKS_DISTANCE)
                step *= 2;
        fputs("<path fill=\"none\" class=\"line\" stroke=\"#1b1e23\" d=\"", file);
        for (size_t i = 0; i < lines->n_places; i++)
                if (has_tick(lines, i, step))
                        fprintf(file, "M%d %dv%d", place_x(lines, i),
                                place_y(lines, i) + SVG_CELL_HEIGHT, TICK_HEIGHT);
        fprintf(file, "\"/>\n<g font-size=\"%d\" text-anchor=\"middle\">\n", SVG_SMALL_TEXT);
        for (size_t i = 0; i < lines->n_places; i++) {
                if (is_line_start(lines, i))
                        end = INT32_MIN / 2;
                if (has_tick(lines, i, step) && !is_before_hole(lines, i))
                        print_label(lines, i, &end);
        }
        fputs("</g>\n", file);
}

/* Prints the first address of a line before it, and after it the size of its blocks. */
static void print_ends(const Lines *lines)
{
        const Svg *svg = lines->svg;
        size_t width = svg->map->width;

        for (size_t i = 0; i < lines->n_places; i += width) {
                int y = place_y(lines, i) + SVG_LETTER_BASELINE;
                size_t last = MIN(i + width, lines->n_places) - 1;
                char text[MAX(SIZE_STRING_MAX, 24)];
                uint64_t n_blocks = 0;

                snprintf(text, sizeof(text), "0x%" PRIx64,
                         block_address(lines, lines->places[i].cell->first));
                svg_print_text(svg, svg->cells_x - GAP, y, svg->cells_x - SVG_MARGIN - GAP,
                               SVG_SMALL_TEXT, " text-anchor=\"end\"", text);
                for (size_t place = i; place <= last; place++)
                        for (unsigned j = 0; j < _MAP_CLASS_MAX && !lines->places[place].is_hole;
                             j++)
                                n_blocks += lines->places[place].cell->n_blocks[j];
                (void) size_format(block_address(lines, n_blocks), text);
                svg_print_text(svg, place_x(lines, last) + svg->cell_width + GAP, y,
                               SVG_WIDTH - place_x(lines, last) - svg->cell_width - GAP,
                               SVG_SMALL_TEXT, "", text);
        }
}

/* Devices */

/* The part of a bracket that is in one line. */
typedef struct Bracket {
        size_t first; /* its places */
        size_t last;
        size_t n; /* devices, 0: there is no bracket yet */
        const MapDevice *from;
        const MapDevice *to;
        bool begins; /* the first device begins here, not in a line before */
        bool ends;
} Bracket;

/* Formats the longest label that fits. */
static void format_bracket(const Bracket *bracket, int width, char buffer[static MAP_DEVICE_MAX])
{
        size_t max_length = (size_t) (width * 100 / (62 * SVG_SMALL_TEXT));

        if (bracket->n > 1)
                snprintf(buffer, MAP_DEVICE_MAX, "%zu devices", bracket->n);
        else
                (void) map_device_format(bracket->from, buffer);
        if (strlen(buffer) <= max_length)
                return;
        if (bracket->n > 1)
                snprintf(buffer, MAP_DEVICE_MAX, "%zu", bracket->n);
        else
                snprintf(buffer, MAP_DEVICE_MAX, "%s",
                         *bracket->from->name && strlen(bracket->from->name) <= max_length ?
                                 bracket->from->name :
                                 bracket->from->origin);
        if (strlen(buffer) > max_length)
                *buffer = '\0';
}

static int bracket_width(const Lines *lines, const Bracket *bracket)
{
        return (int) (bracket->last - bracket->first + 1) * lines->svg->cell_width;
}

static void print_bracket(const Lines *lines, const Bracket *bracket)
{
        FILE *file = lines->svg->file;
        int x = place_x(lines, bracket->first) + 2, width = bracket_width(lines, bracket) - 4;
        int y = place_y(lines, bracket->first) - BRACKET_HEIGHT - 2;
        char text[MAP_DEVICE_MAX];

        if (bracket->n == 0)
                return;
        fputs("<g><title>", file);
        (void) map_device_format(bracket->from, text);
        svg_print_escaped(file, text);
        if (bracket->n > 1) {
                (void) map_device_format(bracket->to, text);
                fputs(bracket->n > 2 ? " to " : " and ", file);
                svg_print_escaped(file, text);
        }
        fputs(", ", file);
        svg_print_range(lines->svg, bracket->from->first, bracket->to->last);
        fputs("</title><path fill=\"none\" class=\"line\" stroke=\"#1b1e23\" d=\"", file);
        if (bracket->begins)
                fprintf(file, "M%d %dv-%dh%d", x, y + BRACKET_HEIGHT, BRACKET_HEIGHT, width);
        else
                fprintf(file, "M%d %dh%d", x, y, width);
        if (bracket->ends)
                fprintf(file, "v%d", BRACKET_HEIGHT);
        fputs("\"/>", file);
        format_bracket(bracket, width, text);
        if (*text) {
                fprintf(file, "<text x=\"%d\" y=\"%d\">", x + width / 2, y - 3);
                svg_print_escaped(file, text);
                fputs("</text>", file);
        }
        fputs("</g>\n", file);
}

/* Prints a bracket, unless it and the next can share one. */
static void add_bracket(const Lines *lines, Bracket *pending, Bracket next)
{
        size_t width = lines->svg->map->width;
        bool shares = pending->n > 0 && pending->last + 1 >= next.first &&
                      pending->last / width == next.first / width;

        /* A cell with blocks of two devices belongs to the first. */
        if (shares && pending->last >= next.first)
                next.first = pending->last + 1;
        if (shares && (next.first > next.last ||
                       (bracket_width(lines, &next) < BRACKET_WIDTH_MIN &&
                        bracket_width(lines, pending) <
                                (pending->n > 1 ? SHARED_WIDTH_MAX : BRACKET_WIDTH_MIN)))) {
                pending->last = MAX(pending->last, next.last);
                pending->to = next.to;
                pending->ends = next.ends;
                pending->n++;
                return;
        }
        print_bracket(lines, pending);
        *pending = next;
}

/* Adds the brackets of a device: one for each line. */
static void add_device(const Lines *lines, const MapDevice *device, size_t first, size_t last,
                       Bracket *pending)
{
        size_t width = lines->svg->map->width;

        for (size_t i = first; i <= last;) {
                size_t end = MIN((i / width + 1) * width - 1, last);

                add_bracket(lines, pending,
                            (Bracket){ i, end, 1, device, device, i == first, end == last });
                i = end + 1;
        }
}

static void print_devices(const Lines *lines)
{
        uint32_t per_cell = lines->svg->map->blocks_per_cell;
        Bracket pending = {};
        size_t first = 0;

        fprintf(lines->svg->file, "<g font-size=\"%d\" text-anchor=\"middle\">\n", SVG_SMALL_TEXT);
        for (size_t i = 0; i < lines->row->n_devices; i++) {
                const MapDevice *device = &lines->row->devices[i];
                size_t last;

                while (lines->places[first].is_hole ||
                       lines->places[first].cell->first / per_cell < device->first / per_cell)
                        first++;
                for (last = first;
                     last + 1 < lines->n_places &&
                     (lines->places[last].is_hole ||
                      lines->places[last].cell->first / per_cell < device->last / per_cell);)
                        last++;
                add_device(lines, device, first, last, &pending);
                first = last;
        }
        print_bracket(lines, &pending);
        fputs("</g>\n", lines->svg->file);
}

int svg_print_row(Svg *svg, const MapRow *row)
{
        _cleanup_(lines_done) Lines lines = { .svg = svg, .row = row };
        bool has_devices = row->n_devices > 0;
        int r = find_places(&lines);

        if (r >= 0)
                r = find_runs(&lines);
        if (r < 0)
                return r;
        lines.cells_y = svg->y + (has_devices ? DEVICES_HEIGHT : 0);
        lines.line_height = (has_devices ? DEVICES_HEIGHT : 0) + SVG_CELL_HEIGHT + AXIS_HEIGHT;
        print_boxes(&lines);
        print_letters(&lines);
        print_holes(&lines);
        if (has_devices)
                print_devices(&lines);
        print_axes(&lines);
        print_ends(&lines);
        svg->y += (int) map_lines(svg->map, row) * lines.line_height;
        return 0;
}
