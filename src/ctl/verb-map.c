/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl map, which draws the map in a terminal. */

#include "ctl/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* The narrowest terminal to draw for. */
#define TERMINAL_WIDTH_MIN 20

/* The terminal, or the file or pipe that is used in place of it. */
typedef struct Terminal {
        size_t width;
        size_t column;
        bool colored;
} Terminal;

static void end_line(Terminal *terminal)
{
        putchar('\n');
        terminal->column = 0;
}

/* Prints a phrase after other phrases, or on a new line if there is no room. */
static void print_phrase(Terminal *terminal, const char *between, const char *letter,
                         const char *sgr, const char *phrase)
{
        size_t length = strlen(between) + strlen(letter) + strlen(phrase);

        /* Keep one column free for the comma. */
        if (terminal->column > 0 && terminal->column + length >= terminal->width) {
                if (*between == ',')
                        putchar(',');
                end_line(terminal);
                terminal->column = (size_t) printf("  ");
        } else {
                terminal->column += (size_t) printf("%s", between);
        }
        if (terminal->colored && *sgr)
                printf("\033[%sm%s\033[0m", sgr, letter);
        else
                printf("%s", letter);
        terminal->column += strlen(letter) + (size_t) printf("%s", phrase);
}

/*
 * Prints the size of each class that has blocks: "kernel 2G". `begin` comes before the first class, `between`
 * before each other class.
 */
static void print_classes(Terminal *terminal, const Map *map, const uint32_t *n_blocks,
                          const char *begin, const char *between, bool has_letter)
{
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++) {
                const char letter[] = { map_styles[i].letter, ' ', '\0' };
                char size[SIZE_STRING_MAX], phrase[SIZE_STRING_MAX + 32];

                if (n_blocks[i] == 0)
                        continue;
                snprintf(phrase, sizeof(phrase), "%s %s", map_styles[i].name,
                         size_format(n_blocks[i] * map->block_size_bytes, size));
                print_phrase(terminal, begin, has_letter ? letter : "", map_styles[i].sgr, phrase);
                begin = between;
        }
}

static void print_heading(Terminal *terminal, const Map *map, const MapRow *row)
{
        char node[MAP_NODE_MAX];

        print_phrase(terminal, "", "", "", map_node_format(row->node, node));
        print_classes(terminal, map, row->n_blocks, ": ", ", ", false);
        end_line(terminal);
}

/* Prints the sequence of a colour only if the colour changes. NULL is the terminal's own colour. */
static void set_color(const Terminal *terminal, const char *sgr, const char **current)
{
        if (!terminal->colored || *current == sgr)
                return;
        if (*current)
                fputs("\033[0m", stdout);
        if (sgr)
                printf("\033[%sm", sgr);
        *current = sgr;
}

/* Starts a line with the number of the next block, if the last line is full or there is none yet. */
static void break_line(const Terminal *terminal, const Map *map, const MapCell *next, size_t at,
                       const char **current)
{
        if (at % map->width != 0)
                return;
        set_color(terminal, NULL, current);
        if (at > 0)
                putchar('\n');
        printf("%*" PRIu32 " ", snprintf(NULL, 0, "%" PRIu32, map->last), next->first);
}

static void print_cells(const Terminal *terminal, const Map *map, const MapRow *row)
{
        const char *current = NULL;
        size_t at = 0;

        for (size_t i = 0; i < row->n_cells; i++) {
                const MapCell *cell = &row->cells[i];

                if (cell->after_hole) {
                        break_line(terminal, map, cell, at++, &current);
                        set_color(terminal, NULL, &current);
                        putchar(MAP_HOLE);
                }
                break_line(terminal, map, cell, at++, &current);
                set_color(terminal, map_styles[cell->class].sgr, &current);
                putchar(map_styles[cell->class].letter);
        }
        set_color(terminal, NULL, &current);
        putchar('\n');
}

static void print_legend(Terminal *terminal, const Map *map)
{
        uint64_t cell_bytes = map->blocks_per_cell * map->block_size_bytes;
        char size[SIZE_STRING_MAX], phrase[SIZE_STRING_MAX + 64];
        bool has_holes = false;

        if (map->blocks_per_cell == 1)
                snprintf(phrase, sizeof(phrase), "A cell is a block, %s.",
                         size_format(cell_bytes, size));
        else
                snprintf(phrase, sizeof(phrase), "A cell is %" PRIu32 " blocks, %s.",
                         map->blocks_per_cell, size_format(cell_bytes, size));
        print_phrase(terminal, "", "", "", phrase);
        end_line(terminal);
        print_classes(terminal, map, map->n_blocks, "", "   ", true);
        for (size_t i = 0; i < map->n_rows; i++)
                has_holes |= map->rows[i].n_holes > 0;
        if (has_holes)
                print_phrase(terminal, "   ", (const char[]){ MAP_HOLE, ' ', '\0' }, "", "hole");
        end_line(terminal);
}

static bool terminal_is_colored(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
               !(term && strcmp(term, "dumb") == 0);
}

static int print_map(const Snapshot *snapshot)
{
        Terminal terminal = {
                .width = MAX(terminal_width(STDOUT_FILENO), (size_t) TERMINAL_WIDTH_MIN),
                .colored = terminal_is_colored(),
        };
        _cleanup_(map_done) Map map = {};
        int number_width = 0, r;

        if (snapshot->n_blocks == 0)
                return EXIT_SUCCESS;
        number_width = snprintf(NULL, 0, "%" PRIu32, snapshot->blocks[snapshot->n_blocks - 1].id);
        r = map_init(&map, snapshot, terminal.width - (size_t) number_width - 1);
        if (r < 0)
                return failure("%s", strerror(-r));
        for (size_t i = 0; i < map.n_rows; i++) {
                print_heading(&terminal, &map, &map.rows[i]);
                print_cells(&terminal, &map, &map.rows[i]);
                putchar('\n');
        }
        print_legend(&terminal, &map);
        return EXIT_SUCCESS;
}

static int save_svg(const Snapshot *snapshot)
{
        FILE *file = fopen(arg_svg, "we");
        int r;

        if (!file)
                return failure("cannot write '%s': %s", arg_svg, strerror(errno));
        r = map_write_svg(snapshot, file);
        errno = 0;
        if ((fflush(file) != 0 || ferror(file)) && r >= 0)
                r = errno ? -errno : -EIO;
        if (fclose(file) != 0 && r >= 0)
                r = -errno;
        return r < 0 ? failure("cannot write '%s': %s", arg_svg, strerror(-r)) : EXIT_SUCCESS;
}

static int print_json(const Snapshot *snapshot)
{
        _cleanup_(map_done) Map map = {};
        int r = map_init(&map, snapshot, TERMINAL_WIDTH);

        return r < 0 ? failure("%s", strerror(-r)) : json_print(json_map(&map));
}

int verb_map(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        if (arg_svg && arg_json)
                return usage_failure("--svg and --json exclude each other");
        r = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS | FETCH_NO_DEVICES, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        if (arg_svg)
                return save_svg(&snapshot);
        return arg_json ? print_json(&snapshot) : print_map(&snapshot);
}
