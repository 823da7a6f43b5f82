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

/* Cells of a bar. */
#define BAR_WIDTH 24

/* The letter in a bar for the least kernel memory that the policy wants. */
#define MAP_LIMIT ':'

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

/* Prints a text in lines of whole words, which are indented from the second line on. */
static void print_words(Terminal *terminal, const char *between, const char *text)
{
        char word[MAP_FACT_MAX];

        for (; *text; between = " ") {
                size_t n = strcspn(text, " ");

                snprintf(word, sizeof(word), "%.*s", (int) n, text);
                print_phrase(terminal, between, "", "", word);
                text += n;
                text += strspn(text, " ");
        }
        end_line(terminal);
}

/* Prints the classes and their sizes after a name: "node 0: kernel 2G". */
static void print_sizes(Terminal *terminal, const Map *map, const char *name,
                        const uint32_t *n_blocks)
{
        print_phrase(terminal, "", "", "", name);
        print_classes(terminal, map, n_blocks, ": ", ", ", false);
        end_line(terminal);
}

static void print_letters(const Terminal *terminal, MapClass class, int n)
{
        if (terminal->colored && n > 0)
                printf("\033[%sm", map_styles[class].sgr);
        for (int i = 0; i < n; i++)
                putchar(map_styles[class].letter);
        if (terminal->colored && n > 0)
                fputs("\033[0m", stdout);
}

/*
 * Prints how online memory is divided: "[KK:KKMMMM]  ratio 1.00, limit 3.00". Of a node that keeps to the
 * limit, kernel memory reaches the colon.
 */
static void print_bar(Terminal *terminal, const Totals *totals, const uint32_t *limit)
{
        uint64_t kernel = totals->kernel_bytes >> 20, all = kernel + (totals->movable_bytes >> 20);
        char ratio[MAP_FACT_MAX];
        int width = (int) MIN(terminal->width - 5, (size_t) BAR_WIDTH), n_kernel, mark;

        if (all == 0)
                return;
        n_kernel = (int) (kernel * (unsigned) width / all);
        mark = limit ? (int) map_limit_place(*limit, (unsigned) width) : width;
        fputs("  [", stdout);
        print_letters(terminal, MAP_KERNEL, MIN(n_kernel, mark));
        print_letters(terminal, MAP_MOVABLE, mark - MIN(n_kernel, mark));
        if (limit)
                putchar(MAP_LIMIT);
        print_letters(terminal, MAP_KERNEL, MAX(n_kernel, mark) - mark);
        print_letters(terminal, MAP_MOVABLE, width - MAX(n_kernel, mark));
        putchar(']');
        terminal->column = 4 + (size_t) width + (limit != NULL);
        print_words(terminal, "  ", map_ratio_format(totals, limit, ratio));
}

/* Prints devices with their blocks: "boot 0-7, PNP0C80:00 (dimm) 32-35". */
static void print_devices(Terminal *terminal, const MapRow *row)
{
        const char *between = " ";

        if (row->n_devices > 0)
                print_phrase(terminal, "", "", "", "  devices:");
        for (size_t i = 0; i < row->n_devices; i++) {
                const MapDevice *device = &row->devices[i];
                char text[MAP_DEVICE_MAX + 32];

                (void) map_device_format(device, text);
                snprintf(text + strlen(text), 32,
                         device->first == device->last ? " %" PRIu32 : " %" PRIu32 "-%" PRIu32,
                         device->first, device->last);
                print_phrase(terminal, between, "", "", text);
                between = ", ";
        }
        if (row->n_devices > 0)
                end_line(terminal);
}

static void print_heading(Terminal *terminal, const Map *map, const MapPolicy *policy,
                          const MapRow *row)
{
        char node[MAP_NODE_MAX], facts[MAP_FACT_MAX];

        print_sizes(terminal, map, map_node_format(row->node, node), row->n_blocks);
        if (*map_node_facts_format(row->facts, facts))
                print_words(terminal, "  ", facts);
        if (row->facts)
                print_bar(terminal, &row->facts->totals, map_limit(policy, row->facts));
        print_devices(terminal, row);
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

static void print_legend(Terminal *terminal, const Map *map, const MapPolicy *policy)
{
        uint64_t cell_bytes = map->blocks_per_cell * map->block_size_bytes;
        char size[SIZE_STRING_MAX], phrase[SIZE_STRING_MAX + 64];

        if (map->blocks_per_cell == 1)
                snprintf(phrase, sizeof(phrase), "A cell is a block, %s.",
                         size_format(cell_bytes, size));
        else
                snprintf(phrase, sizeof(phrase), "A cell is %" PRIu32 " blocks, %s.",
                         map->blocks_per_cell, size_format(cell_bytes, size));
        print_phrase(terminal, "", "", "", phrase);
        end_line(terminal);
        print_classes(terminal, map, map->n_blocks, "", "   ", true);
        if (map_has_holes(map))
                print_phrase(terminal, "   ", (const char[]){ MAP_HOLE, ' ', '\0' }, "", "hole");
        if (policy->is_known)
                print_phrase(terminal, "   ", (const char[]){ MAP_LIMIT, ' ', '\0' }, "",
                             "least kernel memory");
        end_line(terminal);
}

/* Prints the lines about the machine as a whole. */
static void print_machine(Terminal *terminal, const Snapshot *snapshot, const Map *map,
                          const MapPolicy *policy)
{
        char fact[MAP_FACT_MAX];
        Totals totals = map_totals(snapshot);

        print_phrase(terminal, "", "", "", map_host_format(fact));
        print_phrase(terminal, "", "", "", ":");
        print_words(terminal, " ", map_source_format(snapshot, fact));
        print_phrase(terminal, "", "", "", "policy:");
        print_words(terminal, " ", policy->text);
        print_sizes(terminal, map, "machine", map->n_blocks);
        print_bar(terminal, &totals, map_limit(policy, NULL));
        putchar('\n');
}

static int print_map(const Snapshot *snapshot, const MapPolicy *policy)
{
        Terminal terminal = {
                .width = MAX(terminal_width(STDOUT_FILENO), (size_t) TERMINAL_WIDTH_MIN),
                .colored = terminal_has_colors(),
        };
        _cleanup_(map_done) Map map = {};
        char fact[MAP_FACT_MAX];
        int number_width = 0, r;

        if (snapshot->n_blocks == 0)
                return EXIT_SUCCESS;
        number_width = snprintf(NULL, 0, "%" PRIu32, snapshot->blocks[snapshot->n_blocks - 1].id);
        r = map_init(&map, snapshot, terminal.width - (size_t) number_width - 1, MAP_LINES);
        if (r < 0)
                return failure("%s", strerror(-r));
        print_machine(&terminal, snapshot, &map, policy);
        for (size_t i = 0; i < map.n_rows; i++) {
                print_heading(&terminal, &map, policy, &map.rows[i]);
                print_cells(&terminal, &map, &map.rows[i]);
                putchar('\n');
        }
        if (*map_bare_nodes_format(snapshot, &map, fact)) {
                print_words(&terminal, "", fact);
                putchar('\n');
        }
        print_legend(&terminal, &map, policy);
        return EXIT_SUCCESS;
}

/* Prints the picture on standard output, for "-", or saves it. */
static int save_svg(const Snapshot *snapshot, const MapPolicy *policy)
{
        _cleanup_free_ char *picture = NULL;
        FILE *file;
        int r;

        r = map_draw_svg(snapshot, policy, &picture);
        if (r < 0)
                return failure("cannot draw the picture: %s", strerror(-r));
        if (strcmp(arg_svg, "-") == 0) {
                fputs(picture, stdout);
                return EXIT_SUCCESS;
        }
        file = fopen(arg_svg, "we");
        if (!file)
                return failure("cannot write '%s': %s", arg_svg, strerror(errno));
        errno = 0;
        if (fputs(picture, file) < 0 || fflush(file) != 0)
                r = errno ? -errno : -EIO;
        if (fclose(file) != 0 && r >= 0)
                r = -errno;
        return r < 0 ? failure("cannot write '%s': %s", arg_svg, strerror(-r)) : EXIT_SUCCESS;
}

static int print_json(const Snapshot *snapshot)
{
        _cleanup_(map_done) Map map = {};
        int r = map_init(&map, snapshot, TERMINAL_WIDTH, MAP_LINES);

        return r < 0 ? failure("%s", strerror(-r)) : json_print(json_map(&map));
}

int verb_map(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        unsigned what = FETCH_MANAGER | FETCH_BLOCKS;
        MapPolicy policy = {};
        int r;

        if (arg_svg && arg_json)
                return usage_failure("--svg and --json exclude each other");
        if (arg_json)
                what |= FETCH_NO_DEVICES;
        else if (
                !arg_sysroot) /* a recording has its nodes in any case: do not complain about their files */
                what |= FETCH_OBJECTS | FETCH_POLICY;
        r = snapshot_fetch(what, &snapshot);
        if (r == EXIT_SUCCESS && arg_json)
                return print_json(&snapshot);
        if (r == EXIT_SUCCESS)
                r = map_policy_init(&snapshot, &policy);
        if (r != EXIT_SUCCESS)
                return r;
        return arg_svg ? save_svg(&snapshot, &policy) : print_map(&snapshot, &policy);
}
