/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl history. */

#include "base/names.h"
#include "ctl/ctl.h"

enum {
        HISTORY_TIME,
        HISTORY_BLOCK,
        HISTORY_NODE,
        HISTORY_DECISION,
        HISTORY_STATUS,
        HISTORY_REASON,
        HISTORY_DEVICE,
        HISTORY_RULE,
        HISTORY_GUARDS,
        HISTORY_ONLINED_BY,
        HISTORY_ERROR,
        HISTORY_USEC,
        _HISTORY_MAX,
};

static const Column columns[_HISTORY_MAX] = {
        [HISTORY_TIME] = { "TIME", "when", 0, SCOLS_JSON_STRING, false },
        [HISTORY_BLOCK] = { "BLOCK", "number of the block", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER,
                            false },
        [HISTORY_NODE] = { "NODE", "number of the node", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [HISTORY_DECISION] = { "DECISION", "what memoryd decided", 0, SCOLS_JSON_STRING, false },
        [HISTORY_STATUS] = { "STATUS", "what came of it", 0, SCOLS_JSON_STRING, false },
        [HISTORY_REASON] = { "REASON", "why", SCOLS_FL_WRAP, SCOLS_JSON_STRING, false },
        [HISTORY_DEVICE] = { "DEVICE", "device that the memory belongs to", 0, SCOLS_JSON_STRING,
                             true },
        [HISTORY_RULE] = { "RULE", "rule that decided, empty for the default", 0, SCOLS_JSON_STRING,
                           true },
        [HISTORY_GUARDS] = { "GUARDS", "guards that decided", 0, SCOLS_JSON_STRING, true },
        [HISTORY_ONLINED_BY] = { "ONLINED_BY", "memoryd, kernel or other", 0, SCOLS_JSON_STRING,
                                 true },
        [HISTORY_ERROR] = { "ERROR", "error of the last failed write", 0, SCOLS_JSON_STRING, true },
        [HISTORY_USEC] = { "USEC", "when, in microseconds since 1970", SCOLS_FL_RIGHT,
                           SCOLS_JSON_NUMBER, true },
};

const ColumnSet history_columns = { columns, _HISTORY_MAX };

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

static const char *entry_text(const Decided *entry, size_t column)
{
        switch (column) {
        case HISTORY_DECISION:
                return entry->decision;
        case HISTORY_STATUS:
                return entry->status;
        case HISTORY_REASON:
                return entry->reason;
        case HISTORY_DEVICE:
                return entry->device;
        case HISTORY_RULE:
                return entry->rule;
        case HISTORY_GUARDS:
                return entry->guards;
        case HISTORY_ONLINED_BY:
                return entry->onlined_by;
        default:
                return NULL;
        }
}

static int cell_format(const void *row, size_t column, char **ret)
{
        const Decided *entry = row;
        const char *text = entry_text(entry, column);
        char buffer[MAX(TIME_STRING_MAX, ERROR_STRING_MAX)];

        if (text)
                return cell_text(text, ret);
        switch (column) {
        case HISTORY_TIME:
                return cell_text(time_format(entry->usec, buffer), ret);
        case HISTORY_USEC:
                return cell_number(entry->usec, ret);
        case HISTORY_BLOCK:
                return cell_number(entry->block, ret);
        case HISTORY_NODE: /* empty while it is not known */
                return entry->node < 0 ? 0 : cell_number((uint64_t) entry->node, ret);
        case HISTORY_ERROR:
                return cell_text(error_format(entry->error, buffer), ret);
        default:
                return -EINVAL;
        }
}

static int read_entries(sd_bus_message *reply, Table *table)
{
        Decided entry;
        int r = sd_bus_message_enter_container(reply, 'a', BUS_HISTORY_SIGNATURE);

        while (r >= 0 &&
               (r = sd_bus_message_read(reply, BUS_HISTORY_SIGNATURE, &entry.usec, &entry.block,
                                        &entry.node, &entry.device, &entry.decision, &entry.rule,
                                        &entry.guards, &entry.status, &entry.onlined_by,
                                        &entry.error, &entry.reason)) > 0)
                r = table_add(table, cell_format, &entry);
        return r;
}

int verb_history(int argc, char **argv)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(table_done) Table table = {};
        Selection selection;
        int r;

        (void) argc;
        (void) argv;
        r = selection_parse(&history_columns, arg_output, &selection);
        if (r == EXIT_SUCCESS)
                r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;

        r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "History", &message);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, &error, &reply);
        if (r < 0)
                return call_failure(r, &error);
        r = table_init(&table, "history", &history_columns, &selection);
        if (r >= 0)
                r = read_entries(reply, &table);
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? failure("cannot print the history: %s", strerror(-r)) : EXIT_SUCCESS;
}
