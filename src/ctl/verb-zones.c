/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl zones. */

#include "ctl/ctl.h"

static const Column columns[] = {
        { "NODE", "number of the node", CELL_ID, .offset = offsetof(ZoneRow, node) },
        { "ZONE", "name of the zone", CELL_TEXT, .offset = offsetof(ZoneRow, name),
          .flags = SCOLS_FL_RIGHT },
        { "PRESENT", "memory that exists", CELL_SIZE, .offset = offsetof(ZoneRow, present_bytes) },
        { "MANAGED", "memory the page allocator has", CELL_SIZE,
          .offset = offsetof(ZoneRow, managed_bytes) },
        { "SPANNED", "first to last address, with holes", CELL_SIZE,
          .offset = offsetof(ZoneRow, spanned_bytes) },
        { "FREE", "memory not in use", CELL_SIZE, .offset = offsetof(ZoneRow, free_bytes) },
};

const ColumnSet zones_columns = { columns, ELEMENTSOF(columns) };

int verb_zones(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        ColumnChoice choice;
        int r;

        (void) argc;
        (void) argv;
        r = column_choice_parse(&zones_columns, arg_output, &choice);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_OBJECTS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return table_print("zones", &zones_columns, &choice, snapshot.zones, snapshot.n_zones,
                           sizeof(*snapshot.zones));
}
