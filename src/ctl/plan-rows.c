/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints equal units of a plan, and alternating decisions, as one line each. */

#include "ctl/plan-rows.h"

#include <stdio.h>

int plan_rows_add(PlanRows *rows, const ForecastRange *range, uint64_t block_size_bytes)
{
        char *reason;

        if (GROW(rows->rows, rows->n) < 0)
                return -ENOMEM;
        reason = strdup(range->reason);
        if (!reason)
                return -ENOMEM;
        rows->rows[rows->n] = (PlanRow){
                .range = *range,
                .span = { range->first, range->last, block_size_bytes },
                .is_absent = strcmp(range->state, "absent") == 0,
                .n_units = 1,
        };
        rows->rows[rows->n++].range.reason = reason;
        return 0;
}

void plan_rows_done(PlanRows *rows)
{
        for (size_t i = 0; i < rows->n; i++)
                free(rows->rows[i].range.reason);
        free(rows->rows);
        *rows = (PlanRows){};
}

static uint32_t row_blocks(const PlanRow *row)
{
        return row->range.last - row->range.first + 1;
}

static bool is_next(const PlanRow *row, const PlanRow *next)
{
        const ForecastRange *a = &row->range, *b = &next->range;

        return b->first == a->last + 1 && b->node == a->node && strcmp(b->state, a->state) == 0 &&
               strcmp(b->origin, a->origin) == 0 && strcmp(b->rule, a->rule) == 0;
}

static bool is_alike(const PlanRow *row, const PlanRow *other)
{
        return strcmp(row->range.decision, other->range.decision) == 0 &&
               strcmp(row->range.zone_class, other->range.zone_class) == 0;
}

/* Returns how many rows, from the first of n on, alternate. The last may be cut short. */
static size_t count_alternating(const PlanRow *rows, size_t n)
{
        size_t i = 1;

        if (n < 4 || !is_next(&rows[0], &rows[1]) || is_alike(&rows[0], &rows[1]))
                return 1;
        while (++i < n && is_next(&rows[i - 1], &rows[i]) && is_alike(&rows[i - 2], &rows[i])) {
                if (row_blocks(&rows[i]) > row_blocks(&rows[i - 2]))
                        break;
                if (row_blocks(&rows[i]) < row_blocks(&rows[i - 2])) {
                        i++;
                        break;
                }
        }
        return i < 4 ? 1 : i;
}

/* "kernel, movable, kernel, ..." of blocks that are online already has its classes in place of decisions. */
static const char *row_word(const PlanRow *row)
{
        return strcmp(row->range.decision, "none") == 0 ? row->range.zone_class :
                                                          row->range.decision;
}

/* Whether the next row is one more unit of the same kind: no column that is shown tells them apart. */
static bool is_same_unit(const PlanRow *row, const PlanRow *next)
{
        return is_next(row, next) && is_alike(row, next) &&
               row_blocks(next) * row->n_units == row_blocks(row) &&
               strcmp(row->range.guards, next->range.guards) == 0 &&
               (strcmp(row->range.device, next->range.device) == 0 ||
                !table_is_asked_for("DEVICE"));
}

/* Makes one row of neighbours that are units of the same kind. */
static void merge_units(PlanRows *rows)
{
        size_t n = 0;

        for (size_t i = 0; i < rows->n; i++) {
                if (n > 0 && is_same_unit(&rows->rows[n - 1], &rows->rows[i])) {
                        rows->rows[n - 1].range.last = rows->rows[i].range.last;
                        rows->rows[n - 1].span.last = rows->rows[i].span.last;
                        rows->rows[n - 1].n_units++;
                        free(rows->rows[i].range.reason);
                } else {
                        rows->rows[n++] = rows->rows[i];
                }
        }
        rows->n = n;
}

/* Adds a row of one or more units. */
static int add_units(const PlanRow *row, Table *table)
{
        uint64_t bytes = row->span.block_size_bytes * row_blocks(row);
        _cleanup_free_ char *text = NULL;
        PlanRow copy = *row;
        char size[SIZE_STRING_MAX];

        if (row->n_units == 1)
                return table_add(table, row);
        if (asprintf(&text, "%s, %u units of %s", row->range.decision, row->n_units,
                     size_format(bytes / row->n_units, size)) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        copy.range.decision = text;
        return table_add(table, &copy);
}

/* Adds rows that alternate as one. */
static int add_alternation(const PlanRow *rows, size_t n, Table *table)
{
        _cleanup_free_ char *text = NULL;
        PlanRow row = rows[0];

        if (asprintf(&text, "%u %s, %u %s, repeated", row_blocks(&rows[0]), row_word(&rows[0]),
                     row_blocks(&rows[1]), row_word(&rows[1])) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        row.range.decision = row.range.zone_class = text;
        row.guards = row.range.guards;
        row.span.last = rows[n - 1].span.last;
        return table_add(table, &row);
}

int plan_rows_print(PlanRows *rows, Table *table)
{
        int r = 0;

        if (!arg_json)
                merge_units(rows);
        for (size_t i = 0, n; i < rows->n && r >= 0; i += n) {
                PlanRow *row = &rows->rows[i];

                n = arg_json ? 1 : count_alternating(row, rows->n - i);
                row->guards = row->range.guards;
                r = n > 1 ? add_alternation(row, n, table) : add_units(row, table);
        }
        return r;
}
