/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl history. */

#include "base/names.h"
#include "ctl/ctl.h"

/* One entry of History(). Strings belong to the reply. */
typedef struct Decided {
        uint64_t usec;
        uint32_t block;
        int32_t node;
        const char *device;
        const char *decision;
        const char *rule;
        const char *guards;
        const char *status;
        const char *onlined_by;
        int32_t error;
        const char *reason;
} Decided;

static const Column columns[] = {
        { "TIME", "when", CELL_TIME, .offset = offsetof(Decided, usec) },
        { "BLOCK", "number of the block", CELL_ID, .offset = offsetof(Decided, block) },
        { "NODE", "number of the node", CELL_NODE, .offset = offsetof(Decided, node) },
        { "DECISION", "what memoryd decided", CELL_TEXT, .offset = offsetof(Decided, decision) },
        { "STATUS", "what came of it", CELL_TEXT, .offset = offsetof(Decided, status) },
        { "REASON", "why", CELL_TEXT, .offset = offsetof(Decided, reason), .flags = SCOLS_FL_WRAP },
        { "DEVICE", "device that the memory belongs to", CELL_TEXT,
          .offset = offsetof(Decided, device), .optional = true },
        { "RULE", "rule that decided, empty for the default", CELL_TEXT,
          .offset = offsetof(Decided, rule), .optional = true },
        { "GUARDS", "guards that decided", CELL_TEXT, .offset = offsetof(Decided, guards),
          .optional = true },
        { "ONLINED_BY", "memoryd, kernel or other", CELL_TEXT,
          .offset = offsetof(Decided, onlined_by), .optional = true },
        { "ERROR", "error of the last failed write", CELL_ERROR, .offset = offsetof(Decided, error),
          .optional = true },
        { "USEC", "when, in microseconds since 1970", CELL_NUMBER,
          .offset = offsetof(Decided, usec), .optional = true },
};

const ColumnSet history_columns = { columns, ELEMENTSOF(columns) };

static int read_entries(sd_bus_message *reply, Table *table)
{
        Decided entry;
        int r = sd_bus_message_enter_container(reply, 'a', BUS_HISTORY_SIGNATURE);

        while (r >= 0 &&
               (r = sd_bus_message_read(reply, BUS_HISTORY_SIGNATURE, &entry.usec, &entry.block,
                                        &entry.node, &entry.device, &entry.decision, &entry.rule,
                                        &entry.guards, &entry.status, &entry.onlined_by,
                                        &entry.error, &entry.reason)) > 0)
                r = table_add(table, &entry);
        return r;
}

int verb_history(int argc, char **argv)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(table_done) Table table = {};
        ColumnChoice choice;
        int r;

        (void) argc;
        (void) argv;
        r = column_choice_parse(&history_columns, arg_output, &choice);
        if (r == EXIT_SUCCESS)
                r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;

        r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "History", &message);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, &error, &reply);
        if (r < 0)
                return call_failure(r, &error);
        r = table_init(&table, "history", &history_columns, &choice);
        if (r >= 0)
                r = read_entries(reply, &table);
        return table_finish(&table, r);
}
