/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl history. */

#include "ctl/ctl.h"

static const Column columns[] = {
        { "TIME", "when", CELL_TIME, .offset = offsetof(DecisionRow, usec) },
        { "BLOCK", "number of the block", CELL_ID, .offset = offsetof(DecisionRow, block) },
        { "NODE", "number of the node", CELL_NODE, .offset = offsetof(DecisionRow, node) },
        { "DECISION", "what memoryd decided", CELL_TEXT,
          .offset = offsetof(DecisionRow, decision) },
        { "STATUS", "what came of it", CELL_TEXT, .offset = offsetof(DecisionRow, status) },
        { "REASON", "why", CELL_TEXT, .offset = offsetof(DecisionRow, reason),
          .flags = SCOLS_FL_WRAP },
        { "DEVICE", "device that the memory belongs to", CELL_TEXT,
          .offset = offsetof(DecisionRow, device), .optional = true },
        { "RULE", "rule that decided, empty for the default", CELL_TEXT,
          .offset = offsetof(DecisionRow, rule), .optional = true },
        { "GUARDS", "guards that decided", CELL_TEXT, .offset = offsetof(DecisionRow, guards),
          .optional = true },
        { "ONLINED_BY", "memoryd, kernel or other", CELL_TEXT,
          .offset = offsetof(DecisionRow, onlined_by), .optional = true },
        { "ERROR", "error of the last failed write", CELL_ERROR,
          .offset = offsetof(DecisionRow, error), .optional = true },
        { "USEC", "when, in microseconds since 1970", CELL_NUMBER,
          .offset = offsetof(DecisionRow, usec), .optional = true },
};

const ColumnSet history_columns = { columns, ELEMENTSOF(columns) };

int verb_history(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        ColumnChoice choice;
        int r;

        (void) argc;
        (void) argv;
        r = column_choice_parse(&history_columns, arg_output, &choice);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_HISTORY, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return table_print("history", &history_columns, &choice, snapshot.history,
                           snapshot.n_history, sizeof(*snapshot.history));
}
