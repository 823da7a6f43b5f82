/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints texts, fills and signs of the map as SVG. */

#include "ctl/map-svg.h"

#include <inttypes.h>

void svg_print_escaped(FILE *file, const char *text)
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

void svg_print_text(const Svg *svg, int x, int y, int width, int font_size, const char *attributes,
                    const char *text)
{
        size_t length = strlen(text), n = length;

        while (n > 0 && svg_text_width(n < length ? n + 3 : n, font_size) > width)
                n--;
        if (n == 0)
                return;
        fprintf(svg->file, "<text x=\"%d\" y=\"%d\"%s", x, y, attributes);
        if (font_size == SVG_TEXT)
                fputc('>', svg->file);
        else
                fprintf(svg->file, " font-size=\"%d\">", font_size);
        if (n == length) {
                svg_print_escaped(svg->file, text);
        } else {
                char beginning[MAP_FACT_MAX];

                fputs("<title>", svg->file);
                svg_print_escaped(svg->file, text);
                fputs("</title>", svg->file);
                snprintf(beginning, sizeof(beginning), "%.*s...", (int) n, text);
                svg_print_escaped(svg->file, beginning);
        }
        fputs("</text>\n", svg->file);
}

void svg_print_range(const Svg *svg, uint64_t first, uint64_t last)
{
        uint64_t size = svg->map->block_size_bytes;
        char blocks[BLOCKS_STRING_MAX];

        fprintf(svg->file, "%s, 0x%" PRIx64 "-0x%" PRIx64, blocks_format(first, last, blocks),
                first * size, (last + 1) * size - 1);
}

void svg_print_fill(FILE *file, MapClass class)
{
        const MapStyle *style = &map_styles[class];

        if (style->hatch)
                fprintf(file, " fill=\"url(#%s)\"", style->name);
        else if (style->color)
                fprintf(file, " fill=\"%s\"", style->color);
        else
                fputs(" class=\"paper\" fill=\"#ffffff\"", file);
}

/* Letters have a border in the colour of what is below them, which keeps the lines of a hatch away. */
void svg_print_ink(FILE *file, MapClass class)
{
        const MapStyle *style = &map_styles[class];

        if (style->color)
                fprintf(file, " fill=\"%s\"", style->ink);
        if (style->hatch)
                fprintf(file, " stroke=\"%s\"%s stroke-width=\"6\" paint-order=\"stroke\"",
                        style->color ?: "#ffffff", style->color ? "" : " class=\"halo\"");
}

void svg_print_hole_line(FILE *file, int x, int y, int width)
{
        fprintf(file,
                "<path d=\"M%d %dh%d\" fill=\"none\" class=\"line\" stroke=\"#1b1e23\" "
                "stroke-width=\"2\" stroke-dasharray=\"2 2\"/>",
                x + 1, y + SVG_CELL_HEIGHT / 2, width - 2);
}
