/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Draws the map as SVG: the heading, a section for the machine and for each node, and the legend. */

#include "ctl/map-svg.h"

#include <inttypes.h>

#define TITLE_TEXT 20
#define HEADING_TEXT 14
#define LINE_HEIGHT 18 /* of text */
#define SECTION_GAP 12
#define BAR_WIDTH 240
#define BAR_HEIGHT 12
#define TEXT_X (SVG_MARGIN + BAR_WIDTH + 16) /* of what stands beside a bar */
#define LEGEND_COLUMNS 4
#define LEGEND_WIDTH ((SVG_WIDTH - 2 * SVG_MARGIN) / LEGEND_COLUMNS)
#define SWATCH_WIDTH 24

/* With few cells, these are wide. With more than CELLS_PER_LINE, there are several lines, or blocks in a cell. */
#define CELLS_PER_LINE 64
#define CELL_WIDTH_MAX 96
#define LINES_MAX 12

/* The most devices of a node that the description names. */
#define DEVICES_MAX 64

#define ENDS_WIDTH 56 /* behind the lines, for the size of the memory in them */

/* Returns how much of a text goes into a line: up to the last comma or semicolon in it, or the last space. */
static size_t line_length(const char *text, size_t max)
{
        size_t n = strlen(text), space = 0, comma = 0;

        if (n <= max)
                return n;
        for (size_t i = 1; i <= max; i++) {
                if (text[i] != ' ')
                        continue;
                space = i;
                if (text[i - 1] == ',' || text[i - 1] == ';')
                        comma = i;
        }
        /* A line of half the width wastes less than a broken part of a list confuses. */
        return comma > max / 2 ? comma : space > 0 ? space : max;
}

/* Prints a text in as many lines as it needs, and moves below them. */
static void print_wrapped(Svg *svg, int x, const char *text)
{
        size_t max = (size_t) ((SVG_WIDTH - SVG_MARGIN - x) * 100 / (62 * SVG_TEXT));
        char line[MAP_FACT_MAX];

        while (*text) {
                size_t n = line_length(text, max);

                snprintf(line, sizeof(line), "%.*s", (int) n, text);
                svg_print_text(svg, x, svg->y + SVG_TEXT, SVG_WIDTH, SVG_TEXT, "", line);
                svg->y += LINE_HEIGHT;
                text += n;
                text += *text == ' ';
        }
}

/* Sections */

static void print_rect(const Svg *svg, int x, int width, MapClass class)
{
        fprintf(svg->file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", x, svg->y, width,
                BAR_HEIGHT);
        svg_print_fill(svg->file, class);
        fputs("/>", svg->file);
}

/* Prints the parts of online memory that are kernel and movable memory, and the limit of the policy. */
static void print_bar(const Svg *svg, const Totals *totals, const uint32_t *limit,
                      const char *words)
{
        uint64_t kernel = totals->kernel_bytes >> 20, all = kernel + (totals->movable_bytes >> 20);
        int width;

        if (all == 0)
                return;
        width = (int) (kernel * BAR_WIDTH / all);
        fprintf(svg->file, "<g class=\"edge\" stroke=\"#4a4f57\"><title>%s</title>", words);
        if (width > 0)
                print_rect(svg, SVG_MARGIN, width, MAP_KERNEL);
        if (width < BAR_WIDTH)
                print_rect(svg, SVG_MARGIN + width, BAR_WIDTH - width, MAP_MOVABLE);
        fputs("</g>", svg->file);
        if (limit) {
                int x = SVG_MARGIN + (int) map_limit_place(*limit, BAR_WIDTH);

                /* The lighter line below it keeps it apart from the bar. */
                fprintf(svg->file,
                        "<path d=\"M%d %dv%d\" fill=\"none\" class=\"halo\" stroke=\"#ffffff\" "
                        "stroke-width=\"5\"/><path d=\"M%d %dv%d\" fill=\"none\" class=\"line\" "
                        "stroke=\"#1b1e23\" stroke-width=\"3\"/>",
                        x, svg->y - 3, BAR_HEIGHT + 6, x, svg->y - 3, BAR_HEIGHT + 6);
        }
        fputc('\n', svg->file);
}

/* What is said of the machine or of a node. */
typedef struct Section {
        char name[MAP_NODE_MAX];
        char facts[MAP_FACT_MAX];
        char sizes[MAP_FACT_MAX];
        char ratio[MAP_FACT_MAX];
        Totals totals;
        const uint32_t *limit;
} Section;

static void print_section(Svg *svg, const Section *section)
{
        char words[2 * MAP_FACT_MAX + 2];
        int x = SVG_MARGIN + svg_text_width(strlen(section->name) + 2, HEADING_TEXT);

        svg->y += SECTION_GAP;
        svg_print_text(svg, SVG_MARGIN, svg->y + SVG_TEXT, x, HEADING_TEXT, " font-weight=\"bold\"",
                       section->name);
        if (*section->facts)
                print_wrapped(svg, x, section->facts);
        else
                svg->y += LINE_HEIGHT;
        svg->y += 4;
        print_bar(svg, &section->totals, section->limit, section->ratio);
        snprintf(words, sizeof(words), "%s%s%s", section->sizes, *section->ratio ? "; " : "",
                 section->ratio);
        print_wrapped(svg, *section->ratio ? TEXT_X : SVG_MARGIN, words);
        svg->y += 2;
}

static void machine_section(const Svg *svg, const Snapshot *snapshot, const MapPolicy *policy,
                            Section *ret)
{
        const Map *map = svg->map;
        char size[SIZE_STRING_MAX], block[SIZE_STRING_MAX];

        *ret = (Section){ .name = "Machine", .totals = map_totals(snapshot) };
        ret->limit = map_limit(policy, NULL);
        snprintf(ret->facts, sizeof(ret->facts), "%s in %zu blocks of %s, %zu node%s",
                 size_format(snapshot->n_blocks * map->block_size_bytes, size), snapshot->n_blocks,
                 size_format(map->block_size_bytes, block), snapshot->n_nodes,
                 snapshot->n_nodes == 1 ? "" : "s");
        (void) map_sizes_format(map, map->n_blocks, ret->sizes);
        (void) map_ratio_format(&ret->totals, ret->limit, ret->ratio);
}

static void node_section(const Svg *svg, const MapRow *row, const MapPolicy *policy, Section *ret)
{
        *ret = (Section){};
        if (row->node < 0)
                strcpy(ret->name, "No node");
        else
                snprintf(ret->name, sizeof(ret->name), "Node %" PRId32, row->node);
        (void) map_node_facts_format(row->facts, ret->facts);
        (void) map_sizes_format(svg->map, row->n_blocks, ret->sizes);
        if (!row->facts)
                return;
        ret->totals = row->facts->totals;
        ret->limit = map_limit(policy, row->facts);
        (void) map_ratio_format(&ret->totals, ret->limit, ret->ratio);
}

/* Legend */

static void print_swatch(const Svg *svg, int x, MapClass class)
{
        fprintf(svg->file,
                "<g class=\"edge\" stroke=\"#4a4f57\"><rect x=\"%d\" y=\"%d\" width=\"%d\" "
                "height=\"%d\"",
                x, svg->y, SWATCH_WIDTH, SVG_CELL_HEIGHT);
        svg_print_fill(svg->file, class);
        fputs("/></g><g text-anchor=\"middle\"", svg->file);
        svg_print_ink(svg->file, class);
        fprintf(svg->file, "><text x=\"%d\" y=\"%d\">%c</text></g>\n", x + SWATCH_WIDTH / 2,
                svg->y + SVG_LETTER_BASELINE, map_styles[class].letter);
}

/* Where the next entry of the legend goes. */
static int legend_x(Svg *svg, unsigned n)
{
        if (n > 0 && n % LEGEND_COLUMNS == 0)
                svg->y += SVG_CELL_HEIGHT + 8;
        return SVG_MARGIN + (int) (n % LEGEND_COLUMNS) * LEGEND_WIDTH;
}

static void print_entry(const Svg *svg, int x, const char *text)
{
        svg_print_text(svg, x + SWATCH_WIDTH + 8, svg->y + SVG_LETTER_BASELINE,
                       LEGEND_WIDTH - SWATCH_WIDTH - 16, SVG_TEXT, "", text);
}

static void print_classes(Svg *svg, unsigned *n)
{
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++) {
                char size[SIZE_STRING_MAX], text[SIZE_STRING_MAX + 32];
                int x;

                if (svg->map->n_blocks[i] == 0)
                        continue;
                x = legend_x(svg, (*n)++);
                print_swatch(svg, x, i);
                snprintf(text, sizeof(text), "%s %s", map_styles[i].name,
                         size_format(svg->map->n_blocks[i] * svg->map->block_size_bytes, size));
                print_entry(svg, x, text);
        }
}

static void print_sign(Svg *svg, unsigned *n, const char *path, const char *text)
{
        int x = legend_x(svg, (*n)++);

        fprintf(svg->file, "<path d=\"M%d %d%s\" fill=\"none\" class=\"line\" stroke=\"#1b1e23\"/>",
                x, svg->y, path);
        print_entry(svg, x, text);
}

static void print_legend(Svg *svg, bool has_limit)
{
        bool has_devices = false;
        char size[SIZE_STRING_MAX], text[160];
        unsigned n = 0;

        for (size_t i = 0; i < svg->map->n_rows; i++)
                has_devices |= svg->map->rows[i].n_devices > 0;
        svg->y += SECTION_GAP;
        (void) size_format(svg->map->blocks_per_cell * svg->map->block_size_bytes, size);
        if (svg->map->blocks_per_cell == 1)
                snprintf(text, sizeof(text), "A cell is a block, %s.", size);
        else
                snprintf(text, sizeof(text),
                         "A cell is %" PRIu32
                         " blocks, %s. It shows the worst state of any of them, else "
                         "what most of them are.",
                         svg->map->blocks_per_cell, size);
        print_wrapped(svg, SVG_MARGIN, text);
        svg->y += 4;
        print_classes(svg, &n);
        if (map_has_holes(svg->map)) {
                int x = legend_x(svg, n++);

                svg_print_hole_line(svg->file, x, svg->y, SWATCH_WIDTH);
                print_entry(svg, x, "hole, not of the node");
        }
        if (has_devices)
                print_sign(svg, &n, "m0 13v-4h24v4", "device, or boot memory");
        if (has_limit)
                print_sign(svg, &n, "m12 2v18\" stroke-width=\"3", "least kernel memory");
        svg->y += SVG_CELL_HEIGHT + SVG_MARGIN;
}

/* The document */

static int print_body(Svg *svg, const Snapshot *snapshot, const MapPolicy *policy)
{
        char fact[MAP_FACT_MAX], title[MAP_FACT_MAX + 16], line[MAP_FACT_MAX];
        Section section;
        int r = 0;

        svg->y = SVG_MARGIN;
        snprintf(title, sizeof(title), "Memory of %s", map_host_format(fact));
        svg_print_text(svg, SVG_MARGIN, svg->y + TITLE_TEXT, SVG_WIDTH - 2 * SVG_MARGIN, TITLE_TEXT,
                       " font-weight=\"bold\"", title);
        svg->y += TITLE_TEXT + 10;
        print_wrapped(svg, SVG_MARGIN, map_source_format(snapshot, fact));
        snprintf(line, sizeof(line), "Policy: %s", policy->text);
        print_wrapped(svg, SVG_MARGIN, line);
        if (snapshot->n_nodes > 0) {
                machine_section(svg, snapshot, policy, &section);
                print_section(svg, &section);
        }
        for (size_t i = 0; i < svg->map->n_rows && r >= 0; i++) {
                node_section(svg, &svg->map->rows[i], policy, &section);
                print_section(svg, &section);
                r = svg_print_row(svg, &svg->map->rows[i]);
        }
        if (*map_bare_nodes_format(snapshot, svg->map, fact)) {
                svg->y += SECTION_GAP;
                fact[0] = 'N';
                print_wrapped(svg, SVG_MARGIN, fact);
        }
        print_legend(svg, policy->is_known);
        return r;
}

static void print_sentence(FILE *file, const Section *section)
{
        const char *const parts[] = { section->facts, section->sizes, section->ratio };
        const char *between = ": ";

        fputs(section->name, file);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (!*parts[i])
                        continue;
                fprintf(file, "%s%s", between, parts[i]);
                between = "; ";
        }
        fputs(".\n", file);
}

/* Says everything to those who cannot see the picture. */
static void print_description(FILE *file, const Svg *svg, const Snapshot *snapshot,
                              const MapPolicy *policy)
{
        char fact[MAP_FACT_MAX];
        Section section;

        fputs("<title id=\"title\">Memory of ", file);
        svg_print_escaped(file, map_host_format(fact));
        fputs("</title>\n<desc id=\"desc\">", file);
        svg_print_escaped(file, map_source_format(snapshot, fact));
        fputs(".\nPolicy: ", file);
        svg_print_escaped(file, policy->text);
        fputs(".\n", file);
        if (snapshot->n_nodes > 0) {
                machine_section(svg, snapshot, policy, &section);
                print_sentence(file, &section);
        }
        for (size_t i = 0; i < svg->map->n_rows; i++) {
                const MapRow *row = &svg->map->rows[i];

                node_section(svg, row, policy, &section);
                print_sentence(file, &section);
                for (size_t k = 0; k < row->n_devices && k < DEVICES_MAX; k++) {
                        char device[MAP_DEVICE_MAX];

                        svg_print_escaped(file, map_device_format(&row->devices[k], device));
                        fputs(": ", file);
                        svg_print_range(&(Svg){ .file = file, .map = svg->map },
                                        row->devices[k].first, row->devices[k].last);
                        fputs(".\n", file);
                }
        }
        if (*map_bare_nodes_format(snapshot, svg->map, fact))
                fprintf(file, "%s.\n", fact);
        fputs("</desc>\n", file);
}

/*
 * Colours are attributes, because some programs that draw SVG do not know style sheets. The style sheet changes
 * them on a dark screen, but not on paper.
 */
static void print_style(FILE *file)
{
        fputs("<style>@media screen and (prefers-color-scheme:dark){"
              ".ink{fill:#e6e8eb}.paper{fill:#16181c}.line{stroke:#e6e8eb}.edge{stroke:#9aa1ab}"
              ".halo{stroke:#16181c}.hatch{stroke:#9aa1ab}}</style>\n<defs>\n",
              file);
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++) {
                const MapStyle *style = &map_styles[i];

                if (!style->hatch)
                        continue;
                fprintf(file,
                        "<pattern id=\"%s\" width=\"6\" height=\"6\" "
                        "patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" "
                        "stroke=\"none\"",
                        style->name);
                if (style->color)
                        fprintf(file, " fill=\"%s\"/><path d=\"%s\" stroke=\"%s\"", style->color,
                                style->hatch, style->ink);
                else
                        fprintf(file,
                                " class=\"paper\" fill=\"#ffffff\"/><path d=\"%s\" class=\"hatch\" "
                                "stroke=\"#4a4f57\"",
                                style->hatch);
                fputs(" stroke-opacity=\"0.6\"/></pattern>\n", file);
        }
        fputs("</defs>\n", file);
}

static void print_document(FILE *file, const Svg *svg, const Snapshot *snapshot,
                           const MapPolicy *policy, const char *body)
{
        fprintf(file,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
                "aria-labelledby=\"title\" aria-describedby=\"desc\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\" class=\"ink\" fill=\"#1b1e23\" font-size=\"%d\" "
                "font-family=\"DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace\">\n",
                SVG_WIDTH, svg->y, SVG_WIDTH, svg->y, SVG_TEXT);
        print_description(file, svg, snapshot, policy);
        print_style(file);
        fprintf(file,
                "<rect class=\"paper\" width=\"100%%\" height=\"100%%\" "
                "fill=\"#ffffff\"/>\n%s</svg>\n",
                body);
}

/* Makes the lines equally long, and their cells as wide as there is room for. */
static void fit_cells(Svg *svg, Map *map)
{
        char address[24];
        size_t longest = 1, n_lines;

        for (size_t i = 0; i < map->n_rows; i++)
                longest = MAX(longest, map->rows[i].n_cells + map->rows[i].n_holes);
        n_lines = (longest + CELLS_PER_LINE - 1) / CELLS_PER_LINE;
        map->width = (longest + n_lines - 1) / n_lines;
        /* Lines that begin at round addresses are easier to read. */
        if (n_lines > 1)
                map->width = MIN((map->width + 7) / 8 * 8, (size_t) CELLS_PER_LINE);
        svg->cells_x = SVG_MARGIN + 8 +
                       svg_text_width((size_t) snprintf(address, sizeof(address), "0x%" PRIx64,
                                                        map->last * map->block_size_bytes),
                                      SVG_SMALL_TEXT);
        svg->cell_width =
                MIN((SVG_WIDTH - SVG_MARGIN - ENDS_WIDTH - svg->cells_x) / (int) map->width,
                    CELL_WIDTH_MAX);
}

int map_draw_svg(const Snapshot *snapshot, const MapPolicy *policy, char **ret)
{
        _cleanup_(map_done) Map map = {};
        _cleanup_free_ char *body = NULL, *document = NULL;
        Svg svg = { .map = &map };
        FILE *file;
        size_t size;
        int r = map_init(&map, snapshot, CELLS_PER_LINE, LINES_MAX);

        if (r < 0)
                return r;
        fit_cells(&svg, &map);
        /* The height is known when the body has been drawn. */
        svg.file = open_memstream(&body, &size);
        if (!svg.file)
                return -ENOMEM;
        r = print_body(&svg, snapshot, policy);
        if (fclose(svg.file) != 0 || r < 0)
                return -ENOMEM;
        file = open_memstream(&document, &size);
        if (!file)
                return -ENOMEM;
        print_document(file, &svg, snapshot, policy, body);
        if (fclose(file) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(document);
        return 0;
}
