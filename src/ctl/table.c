/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints tables with libsmartcols. */

#include "base/names.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
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

void columns_print(const ColumnSet *set)
{
        for (size_t i = 0; i < set->n_columns; i++)
                printf(" %c%-25s %s\n", set->columns[i].optional ? '*' : ' ', set->columns[i].name,
                       set->columns[i].help);
}

bool table_is_asked_for(const char *column)
{
        size_t length = strlen(column);

        for (const char *output = arg_output; output; output = strchr(output, ',')) {
                output += strspn(output, ",+");
                if (strcspn(output, ",") == length && strncasecmp(output, column, length) == 0)
                        return true;
        }
        return false;
}

/* Adds a column, unless it is there already. */
static void add_column(Table *table, size_t id)
{
        for (size_t i = 0; i < table->n_ids; i++)
                if (table->ids[i] == id)
                        return;
        table->ids[table->n_ids++] = id;
}

static size_t column_find(const ColumnSet *set, const char *name, size_t length)
{
        for (size_t i = 0; i < set->n_columns; i++)
                if (strlen(set->columns[i].name) == length &&
                    strncasecmp(set->columns[i].name, name, length) == 0)
                        return i;
        return set->n_columns;
}

/* Evaluates -o. EXIT_SUCCESS, or EXIT_USAGE when the reason has been printed. */
static int choose_columns(Table *table)
{
        const ColumnSet *set = table->set;
        const char *output = arg_output;

        assert(set->n_columns <= TABLE_COLUMNS_MAX);
        if (!output || *output == '+')
                for (size_t i = 0; i < set->n_columns; i++)
                        if (!set->columns[i].optional)
                                add_column(table, i);
        if (output && *output == '+')
                output++;
        while (output) {
                size_t length = strcspn(output, ",");
                size_t id = column_find(set, output, length);

                if (id == set->n_columns)
                        return bad_column(set, output, length);
                add_column(table, id);
                output = output[length] == ',' ? output + length + 1 : NULL;
        }
        return EXIT_SUCCESS;
}

/* How each type is shown. */
static const struct {
        int flags; /* SCOLS_FL_* */
        int json;  /* SCOLS_JSON_* */
} types[_CELL_TYPE_MAX] = {
        [CELL_MADE] = { 0, SCOLS_JSON_STRING },
        [CELL_TEXT] = { 0, SCOLS_JSON_STRING },
        [CELL_ID] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [CELL_NODE] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [CELL_NUMBER] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [CELL_FIGURE] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [CELL_SIZE] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [CELL_BOOL] = { SCOLS_FL_RIGHT, SCOLS_JSON_BOOLEAN },
        [CELL_ERROR] = { 0, SCOLS_JSON_STRING },
        [CELL_TIME] = { 0, SCOLS_JSON_STRING },
        [CELL_BLOCKS] = { SCOLS_FL_RIGHT, SCOLS_JSON_STRING },
        [CELL_ADDRESSES] = { 0, SCOLS_JSON_STRING },
        [CELL_SPAN] = { SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
};

int table_init(Table *table, const char *name, const ColumnSet *set)
{
        int r;

        *table = (Table){ .scols = scols_new_table(), .set = set };
        r = choose_columns(table);
        if (r != EXIT_SUCCESS)
                return r;
        if (!table->scols || scols_table_set_name(table->scols, name) < 0)
                return table_finish(table, -ENOMEM);
        scols_table_enable_json(table->scols, arg_json);
        scols_table_enable_noheadings(table->scols, arg_no_headings);
        scols_table_enable_colors(table->scols, terminal_has_colors() && !arg_json);
        for (size_t i = 0; i < table->n_ids; i++) {
                const Column *column = &set->columns[table->ids[i]];
                struct libscols_column *scols;

                scols = scols_table_new_column(table->scols, column->name, 0,
                                               column->flags | types[column->type].flags);
                if (!scols)
                        return table_finish(table, -ENOMEM);
                scols_column_set_json_type(scols, types[column->type].json);
                scols_cell_set_color(scols_column_get_header(scols), color_sequence(COLOR_HEADING));
        }
        return EXIT_SUCCESS;
}

void table_done(Table *table)
{
        scols_unref_table(table->scols);
        table->scols = NULL;
}

/* The parts of a row, by their types. */
#define PART(row, column, type) (*(const type *) ((const char *) (row) + (column)->offset))

static int format_span(CellType type, const Span *span, char **ret)
{
        uint64_t begin = span->first * span->block_size_bytes;
        uint64_t end = (span->last + UINT64_C(1)) * span->block_size_bytes;
        char size[SIZE_STRING_MAX];
        int r;

        if (type == CELL_SPAN)
                return cell_text(size_format(end - begin, size), ret);
        if (type == CELL_BLOCKS && span->first == span->last)
                return cell_number(span->first, ret);
        if (type == CELL_BLOCKS)
                r = asprintf(ret, "%" PRIu32 "-%" PRIu32, span->first, span->last);
        else
                r = asprintf(ret, "0x%016" PRIx64 "-0x%016" PRIx64, begin, end - 1);
        return r < 0 ? -ENOMEM : 0;
}

static int cell_format(const Column *column, const void *row, char **ret)
{
        char text[MAX(MAX(SIZE_STRING_MAX, TIME_STRING_MAX), ERROR_STRING_MAX)];
        uint32_t figure;
        int32_t node;

        if (column->format)
                return column->format(row, ret);
        if (column->lacks_offset > 0 && *(const bool *) ((const char *) row + column->lacks_offset))
                return 0;
        switch (column->type) {
        case CELL_TEXT:
                return cell_text(PART(row, column, char *), ret);
        case CELL_ID:
                return cell_number(PART(row, column, uint32_t), ret);
        case CELL_NODE:
                node = PART(row, column, int32_t);
                return node < 0 ? 0 : cell_number((uint64_t) node, ret);
        case CELL_NUMBER:
                return cell_number(PART(row, column, uint64_t), ret);
        case CELL_FIGURE:
                figure = PART(row, column, uint32_t);
                return figure == 0 ? 0 : cell_number(figure, ret);
        case CELL_SIZE:
                return cell_text(size_format(PART(row, column, uint64_t), text), ret);
        case CELL_BOOL:
                return cell_text(PART(row, column, bool) ? "yes" : "no", ret);
        case CELL_ERROR:
                return cell_text(error_format(PART(row, column, int32_t), text), ret);
        case CELL_TIME:
                return cell_text(time_format(PART(row, column, uint64_t), text), ret);
        case CELL_BLOCKS:
        case CELL_ADDRESSES:
        case CELL_SPAN:
                return format_span(column->type, &PART(row, column, Span), ret);
        default:
                return -EINVAL;
        }
}

/* A number, a truth or an error in such a column is a bad sign, unless it is 0, false or none. */
static Color cell_color(const Column *column, const void *row)
{
        switch (column->colored ? column->type : _CELL_TYPE_MAX) {
        case CELL_TEXT:
                return color_of_word(PART(row, column, char *));
        case CELL_ID:
                return PART(row, column, uint32_t) > 0 ? COLOR_BAD : COLOR_NONE;
        case CELL_BOOL:
                return PART(row, column, bool) ? COLOR_BAD : COLOR_NONE;
        case CELL_ERROR:
                return PART(row, column, int32_t) != 0 ? COLOR_BAD : COLOR_NONE;
        default:
                return COLOR_NONE;
        }
}

int table_add(Table *table, const void *row)
{
        struct libscols_line *line;
        int r;

        line = scols_table_new_line(table->scols, NULL);
        if (!line)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_ids; i++) {
                const Column *column = &table->set->columns[table->ids[i]];
                char *cell = NULL;

                r = cell_format(column, row, &cell);
                if (r < 0)
                        return r;
                scols_cell_set_color(scols_line_get_cell(line, i),
                                     color_sequence(cell_color(column, row)));
                if (cell && scols_line_refer_data(line, i, cell) != 0) {
                        free(cell);
                        return -ENOMEM;
                }
        }
        return 0;
}

static bool cell_is_alike(const Column *column, const void *a, const void *b)
{
        switch (column->type) {
        case CELL_TEXT:
                return strcmp(PART(a, column, char *), PART(b, column, char *)) == 0;
        case CELL_NODE:
        case CELL_ERROR:
                return PART(a, column, int32_t) == PART(b, column, int32_t);
        default:
                return true;
        }
}

bool table_is_alike(const Table *table, const void *a, const void *b)
{
        for (size_t i = 0; i < table->n_ids; i++)
                if (!cell_is_alike(&table->set->columns[table->ids[i]], a, b))
                        return false;
        return true;
}

int table_finish(const Table *table, int r)
{
        if (r >= 0)
                r = scols_print_table(table->scols);
        return r < 0 ? failure("cannot print the table: %s", strerror(-r)) : EXIT_SUCCESS;
}

int table_print(Table *table, const void *rows, size_t n_rows, size_t size)
{
        int r = 0;

        for (size_t i = 0; i < n_rows && r >= 0; i++)
                r = table_add(table, (const char *) rows + i * size);
        return table_finish(table, r);
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
        return asprintf(ret, "%" PRIu64, number) < 0 ? -ENOMEM : 0;
}

const char *blocks_format(uint64_t first, uint64_t last, char buffer[static BLOCKS_STRING_MAX])
{
        if (first == last)
                snprintf(buffer, BLOCKS_STRING_MAX, "block %" PRIu64, first);
        else
                snprintf(buffer, BLOCKS_STRING_MAX, "blocks %" PRIu64 "-%" PRIu64, first, last);
        return buffer;
}

uint64_t ranges_count(const BlockRange *ranges, size_t n_ranges)
{
        uint64_t n = 0;

        for (size_t i = 0; i < n_ranges; i++)
                n += ranges[i].last - ranges[i].first + UINT64_C(1);
        return n;
}

/* The most ranges that are listed where there is little room. */
#define RANGES_SHOWN 4

int ranges_format(const BlockRange *ranges, size_t n_ranges, bool all, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        if (n_ranges > RANGES_SHOWN && !all)
                fprintf(stream, "%" PRIu64 " of %" PRIu32 "-%" PRIu32,
                        ranges_count(ranges, n_ranges), ranges[0].first, ranges[n_ranges - 1].last);
        else
                for (size_t i = 0; i < n_ranges; i++) {
                        fprintf(stream, "%s%" PRIu32, i > 0 ? "," : "", ranges[i].first);
                        if (ranges[i].last != ranges[i].first)
                                fprintf(stream, "-%" PRIu32, ranges[i].last);
                }
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

const char *size_format(uint64_t bytes, char buffer[static SIZE_STRING_MAX])
{
        if (!arg_bytes && !arg_json)
                return format_bytes(bytes, buffer);
        snprintf(buffer, SIZE_STRING_MAX, "%" PRIu64, bytes);
        return buffer;
}

const char *time_format(uint64_t usec, char buffer[static TIME_STRING_MAX])
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm local;

        /* A time_t of 32 bits ends in 2038. */
        if ((uint64_t) seconds != usec / USEC_PER_SEC || !localtime_r(&seconds, &local) ||
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
