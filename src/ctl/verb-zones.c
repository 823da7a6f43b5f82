/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl zones. */

#include "base/names.h"
#include "ctl/ctl.h"

enum {
        ZONES_NODE,
        ZONES_ZONE,
        ZONES_PRESENT,
        ZONES_MANAGED,
        ZONES_SPANNED,
        ZONES_FREE,
        _ZONES_MAX,
};

static const Column columns[_ZONES_MAX] = {
        [ZONES_NODE] = { "NODE", "number of the node", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [ZONES_ZONE] = { "ZONE", "name of the zone", SCOLS_FL_RIGHT, SCOLS_JSON_STRING, false },
        [ZONES_PRESENT] = { "PRESENT", "memory that exists", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER,
                            false },
        [ZONES_MANAGED] = { "MANAGED", "memory the page allocator has", SCOLS_FL_RIGHT,
                            SCOLS_JSON_NUMBER, false },
        [ZONES_SPANNED] = { "SPANNED", "first to last address, with holes", SCOLS_FL_RIGHT,
                            SCOLS_JSON_NUMBER, false },
        [ZONES_FREE] = { "FREE", "memory not in use", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
};

const ColumnSet zones_columns = { columns, _ZONES_MAX };

static int cell_format(const void *row, size_t column, char **ret)
{
        const ZoneRow *zone = row;

        switch (column) {
        case ZONES_NODE:
                return cell_number(zone->node, ret);
        case ZONES_ZONE:
                return cell_text(zone->name, ret);
        case ZONES_PRESENT:
                return cell_size(zone->present_bytes, ret);
        case ZONES_MANAGED:
                return cell_size(zone->managed_bytes, ret);
        case ZONES_SPANNED:
                return cell_size(zone->spanned_bytes, ret);
        case ZONES_FREE:
                return cell_size(zone->free_bytes, ret);
        default:
                return -EINVAL;
        }
}

int verb_zones(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        Selection selection;
        int r;

        (void) argc;
        (void) argv;
        r = selection_parse(&zones_columns, arg_output, &selection);
        if (r != EXIT_SUCCESS)
                return r;
        r = snapshot_fetch(FETCH_OBJECTS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;

        r = table_init(&table, "zones", &zones_columns, &selection);
        for (size_t i = 0; i < snapshot.n_zones && r >= 0; i++)
                r = table_add(&table, cell_format, &snapshot.zones[i]);
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? failure("cannot print the zones: %s", strerror(-r)) : EXIT_SUCCESS;
}
