/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl history. */

#include "base/parse.h"
#include "ctl/row.h"
#include "ctl/since.h"

#include <stdio.h>

/* "16 of 32-95", or "32-39,45" for few ranges, and in JSON for any number of them. */
static int format_blocks(const void *row, char **ret)
{
        const DecisionRow *decision = row;

        return ranges_format(decision->ranges, decision->n_ranges, arg_json, ret);
}

static int format_size(const void *row, char **ret)
{
        const DecisionRow *decision = row;
        char size[SIZE_STRING_MAX];

        return cell_text(size_format(ranges_count(decision->ranges, decision->n_ranges) *
                                             decision->block_size_bytes,
                                     size),
                         ret);
}

/* The text, and the ends of each range as numbers. */
static bool add_blocks(json_object *object, const void *row)
{
        const DecisionRow *decision = row;
        _cleanup_free_ char *text = NULL;

        return format_blocks(row, &text) >= 0 && json_member(object, "block", json_text(text)) &&
               json_member(object, "blocks",
                           json_rows(&span_rows, decision->ranges, decision->n_ranges));
}

static const Column columns[] = {
        { "TIME", "when the first of them was decided", CELL_TIME,
          .offset = offsetof(DecisionRow, first_usec) },
        { "SIZE", "size of the memory", CELL_SIZE, .format = format_size },
        { "BLOCK", "number of the block or blocks", CELL_BLOCKS, .format = format_blocks,
          .json = add_blocks },
        { "NODE", "number of the node", CELL_NODE, .offset = offsetof(DecisionRow, node) },
        { "DECISION", "what memoryd decided", CELL_TEXT, .offset = offsetof(DecisionRow, decision),
          .colored = true },
        { "STATUS", "what came of it", CELL_TEXT, .offset = offsetof(DecisionRow, status),
          .colored = true },
        { "REASON", "why, for the first of them", CELL_TEXT,
          .offset = offsetof(DecisionRow, reason), .flags = SCOLS_FL_WRAP },
        { "UNTIL", "when the last of them was decided", CELL_TIME,
          .offset = offsetof(DecisionRow, last_usec), .optional = true },
        { "DEVICE", "device that the memory belongs to", CELL_TEXT,
          .offset = offsetof(DecisionRow, device), .optional = true },
        { "RULE", "rule that decided, empty for the default", CELL_TEXT,
          .offset = offsetof(DecisionRow, rule), .optional = true },
        { "GUARDS", "guards that decided", CELL_TEXT, .offset = offsetof(DecisionRow, guards),
          .optional = true },
        { "ONLINED_BY", "memoryd, kernel or other", CELL_TEXT,
          .offset = offsetof(DecisionRow, onlined_by), .optional = true },
        { "ERROR", "error of the last failed write", CELL_ERROR,
          .offset = offsetof(DecisionRow, error), .optional = true, .colored = true },
        { "DECISIONS", "decisions, more than blocks if repeated", CELL_ID,
          .offset = offsetof(DecisionRow, n_decisions), .optional = true },
        { "USEC", "TIME in microseconds since 1970", CELL_NUMBER,
          .offset = offsetof(DecisionRow, first_usec), .optional = true },
        { "UNTIL_USEC", "UNTIL in microseconds since 1970", CELL_NUMBER,
          .offset = offsetof(DecisionRow, last_usec), .optional = true },
};

const ColumnSet history_columns = { columns, ELEMENTSOF(columns) };

/* What --since, --node and --device let through. */
typedef struct Filter {
        uint64_t since_usec;
        uint32_t node;
} Filter;

/* EXIT_SUCCESS, or EXIT_USAGE when the fault has been printed. */
static int filter_parse(Filter *ret)
{
        Filter filter = {};

        if (arg_since && since_parse(arg_since, clock_usec(CLOCK_REALTIME), &filter.since_usec) < 0)
                return usage_failure("--since: expected a time such as \"-1h\", today, yesterday, "
                                     "08:30 or \"2026-12-31 08:30\", got '%s'",
                                     arg_since);
        if (arg_node && parse_u32(arg_node, &filter.node) < 0)
                return usage_failure("--node: expected the number of a node, got '%s'", arg_node);
        *ret = filter;
        return EXIT_SUCCESS;
}

static bool filter_takes(const Filter *filter, const DecisionRow *row)
{
        if (arg_node && (row->node < 0 || (uint32_t) row->node != filter->node))
                return false;
        if (arg_device && strcmp(row->device, arg_device) != 0)
                return false;
        return row->last_usec >= filter->since_usec;
}

int verb_history(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        Filter filter = {};
        bool is_empty = true;
        int r;

        r = table_init(&table, "history", &history_columns);
        if (r == EXIT_SUCCESS)
                r = filter_parse(&filter);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_MANAGER | FETCH_HISTORY, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        for (size_t i = 0; i < snapshot.n_history && r >= 0; i++) {
                DecisionRow *row = &snapshot.history[i];

                row->block_size_bytes = snapshot.manager.block_size_bytes;
                if (filter_takes(&filter, row)) {
                        r = table_add(&table, row);
                        is_empty = false;
                }
        }
        if (r >= 0 && is_empty && !arg_json) {
                if (!arg_no_headings)
                        puts(snapshot.n_history > 0 ? "No decisions match." : "No decisions.");
                return EXIT_SUCCESS;
        }
        return table_finish(&table, r);
}
