/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints tables with libsmartcols, or as JSON. */

#include "ctl/cell.h"

#include <stdio.h>
#include <strings.h>

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

static const int type_flags[_CELL_TYPE_MAX] = {
        [CELL_ID] = SCOLS_FL_RIGHT,     [CELL_NODE] = SCOLS_FL_RIGHT,
        [CELL_NUMBER] = SCOLS_FL_RIGHT, [CELL_FIGURE] = SCOLS_FL_RIGHT,
        [CELL_SIZE] = SCOLS_FL_RIGHT,   [CELL_BOOL] = SCOLS_FL_RIGHT,
        [CELL_BLOCKS] = SCOLS_FL_RIGHT, [CELL_SPAN] = SCOLS_FL_RIGHT,
};

int table_init(Table *table, const char *name, const ColumnSet *set)
{
        int r;

        *table = (Table){ .name = name, .set = set };
        r = choose_columns(table);
        if (r != EXIT_SUCCESS)
                return r;
        if (arg_json)
                table->rows = json_object_new_array();
        else
                table->scols = scols_new_table();
        if (!table->rows && !table->scols)
                return table_finish(table, -ENOMEM);
        if (arg_json)
                return EXIT_SUCCESS;
        scols_table_enable_noheadings(table->scols, arg_no_headings);
        scols_table_enable_colors(table->scols, terminal_has_colors());
        for (size_t i = 0; i < table->n_ids; i++) {
                const Column *column = &set->columns[table->ids[i]];
                struct libscols_column *scols;

                scols = scols_table_new_column(table->scols, column->name, 0,
                                               column->flags | type_flags[column->type]);
                if (!scols)
                        return table_finish(table, -ENOMEM);
                scols_cell_set_color(scols_column_get_header(scols), color_sequence(COLOR_HEADING));
        }
        return EXIT_SUCCESS;
}

void table_done(Table *table)
{
        scols_unref_table(table->scols);
        table->scols = NULL;
        json_object_put(table->rows);
        table->rows = NULL;
}

static int add_object(Table *table, const void *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (size_t i = 0; i < table->n_ids; i++)
                if (!cell_add_json(object, &table->set->columns[table->ids[i]], row))
                        return -ENOMEM;
        return json_element(table->rows, TAKE_PTR(object)) ? 0 : -ENOMEM;
}

int table_add(Table *table, const void *row)
{
        struct libscols_line *line;
        int r;

        if (table->rows)
                return add_object(table, row);
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

bool table_is_alike(const Table *table, const void *a, const void *b)
{
        for (size_t i = 0; i < table->n_ids; i++)
                if (!cell_is_alike(&table->set->columns[table->ids[i]], a, b))
                        return false;
        return true;
}

int table_finish(Table *table, int r)
{
        if (r >= 0 && table->rows) {
                json_object *rows = TAKE_PTR(table->rows);

                return json_print(json_make(JSON_MEMBERS({ table->name, rows })));
        }
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
