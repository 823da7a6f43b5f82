/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints tables with libsmartcols. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>

static int bad_column(const ColumnSet *set, const char *name, size_t length)
{
        char known[TABLE_COLUMNS_MAX * 16] = "";
        size_t used = 0;

        for (size_t i = 0; i < set->n_columns && used < sizeof(known); i++)
                used += (size_t) snprintf(known + used, sizeof(known) - used, "%s%s",
                                          i > 0 ? ", " : "", set->columns[i].name);
        return usage_failure("unknown column '%.*s', expected some of %s", (int) length, name,
                             known);
}

static bool selection_contains(const Selection *selection, size_t id)
{
        for (size_t i = 0; i < selection->n_ids; i++)
                if (selection->ids[i] == id)
                        return true;
        return false;
}

static void selection_add(Selection *selection, size_t id)
{
        if (!selection_contains(selection, id))
                selection->ids[selection->n_ids++] = id;
}

static size_t column_find(const ColumnSet *set, const char *name, size_t length)
{
        for (size_t i = 0; i < set->n_columns; i++)
                if (strlen(set->columns[i].name) == length &&
                    strncasecmp(set->columns[i].name, name, length) == 0)
                        return i;
        return set->n_columns;
}

int selection_parse(const ColumnSet *set, const char *output, Selection *ret)
{
        Selection selection = {};

        assert(set->n_columns <= TABLE_COLUMNS_MAX);
        if (!output || *output == '+')
                for (size_t i = 0; i < set->n_columns; i++)
                        if (!set->columns[i].optional)
                                selection_add(&selection, i);
        if (output && *output == '+')
                output++;
        while (output) {
                size_t length = strcspn(output, ",");
                size_t id = column_find(set, output, length);

                if (id == set->n_columns)
                        return bad_column(set, output, length);
                selection_add(&selection, id);
                output = output[length] == ',' ? output + length + 1 : NULL;
        }
        *ret = selection;
        return EXIT_SUCCESS;
}

int table_init(Table *table, const char *name, const ColumnSet *set, const Selection *selection)
{
        int r;

        *table = (Table){ .scols = scols_new_table(), .selection = *selection };
        if (!table->scols)
                return -ENOMEM;
        scols_table_enable_json(table->scols, arg_json);
        scols_table_enable_noheadings(table->scols, arg_no_headings);
        r = scols_table_set_name(table->scols, name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < selection->n_ids; i++) {
                const Column *column = &set->columns[selection->ids[i]];
                struct libscols_column *scols;

                scols = scols_table_new_column(table->scols, column->name, 0, column->flags);
                if (!scols)
                        return -ENOMEM;
                scols_column_set_json_type(scols, column->json_type);
        }
        return 0;
}

void table_done(Table *table)
{
        scols_unref_table(table->scols);
        table->scols = NULL;
}

int table_add(Table *table, CellFormat format, const void *row)
{
        struct libscols_line *line;
        int r;

        line = scols_table_new_line(table->scols, NULL);
        if (!line)
                return -ENOMEM;
        for (size_t i = 0; i < table->selection.n_ids; i++) {
                char *cell = NULL;

                r = format(row, table->selection.ids[i], &cell);
                if (r < 0)
                        return r;
                if (cell && scols_line_refer_data(line, i, cell) != 0) {
                        free(cell);
                        return -ENOMEM;
                }
        }
        return 0;
}

int table_print(const Table *table)
{
        return scols_print_table(table->scols);
}

int cell_text(const char *text, char **ret)
{
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int cell_number(uint64_t number, char **ret)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, number);
        return cell_text(text, ret);
}

int cell_bool(bool value, char **ret)
{
        return cell_text(value ? "yes" : "no", ret);
}

int cell_size(uint64_t bytes, char **ret)
{
        char text[SIZE_STRING_MAX];

        return cell_text(size_format(bytes, text), ret);
}

const char *size_format(uint64_t bytes, char buffer[static SIZE_STRING_MAX])
{
        static const char letters[] = "BKMGTPE";
        unsigned shift = 0;
        uint64_t whole, tenths;

        if (arg_bytes || arg_json) {
                snprintf(buffer, SIZE_STRING_MAX, "%" PRIu64, bytes);
                return buffer;
        }
        while (shift <= 50 && bytes >> (shift + 10))
                shift += 10;
        whole = bytes >> shift;
        tenths = bytes & ((UINT64_C(1) << shift) - 1);
        if (shift > 50) /* or the product would overflow */
                tenths = (tenths >> 10) * 1000 >> (shift - 10);
        else
                tenths = tenths * 1000 >> shift;
        tenths = (tenths + 50) / 100; /* rounded twice, as lsmem does */
        if (tenths == 10) {
                whole++;
                tenths = 0;
        }
        if (tenths > 0)
                snprintf(buffer, SIZE_STRING_MAX, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths,
                         letters[shift / 10]);
        else
                snprintf(buffer, SIZE_STRING_MAX, "%" PRIu64 "%c", whole, letters[shift / 10]);
        return buffer;
}

const char *time_format(uint64_t usec, char buffer[static TIME_STRING_MAX])
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm local;

        if (!localtime_r(&seconds, &local) ||
            strftime(buffer, TIME_STRING_MAX, "%a %Y-%m-%d %H:%M:%S %Z", &local) == 0)
                snprintf(buffer, TIME_STRING_MAX, "%llu us", (unsigned long long) usec);
        return buffer;
}

const char *error_format(int error, char buffer[static ERROR_STRING_MAX])
{
        const char *name = error != 0 ? strerrorname_np(error) : "";

        if (name)
                return name;
        snprintf(buffer, ERROR_STRING_MAX, "%d", error);
        return buffer;
}

int distances_format(const NodeRow *node, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = node->n_distances * 24 + 1;
        size_t used = 0;

        text = calloc(size, 1);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < node->n_distances; i++)
                used += (size_t) snprintf(text + used, size - used, "%s%" PRIu32 ":%" PRIu32,
                                          i > 0 ? "," : "", node->distances[i].node,
                                          node->distances[i].distance);
        *ret = TAKE_PTR(text);
        return 0;
}

size_t terminal_width(int fd)
{
        const char *columns = getenv("COLUMNS");
        struct winsize size = {};
        uint32_t width;

        if (ioctl(fd, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0)
                return size.ws_col;
        if (columns && parse_u32(columns, &width) >= 0 && width > 0)
                return width;
        return TERMINAL_WIDTH;
}
