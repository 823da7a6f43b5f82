/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parses /proc/zoneinfo. */

#include "kernel/sysfs.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct ZoneArray {
        Zone *zones;
        size_t n;
} ZoneArray;

static int zone_array_add(ZoneArray *array, uint32_t node, ZoneType type)
{
        Zone *zones = reallocarray(array->zones, array->n + 1, sizeof(Zone));

        if (!zones)
                return -ENOMEM;
        array->zones = zones;
        array->zones[array->n++] = (Zone){ .node = node, .type = type };
        return 0;
}

/*
 * Parses a heading such as "Node 0, zone   Normal". Returns 1 for a heading, 0 for any other line,
 * or -ENOMEM. *skip tells whether the zone is unknown and to be skipped.
 */
static int parse_heading(ZoneArray *array, const char *line, bool *skip)
{
        char name[32];
        uint32_t node;
        ZoneType type;

        if (sscanf(line, "Node %" SCNu32 ", zone %31s", &node, name) != 2 || node >= NODE_MAX)
                return 0;

        type = zone_type_from_string(name);
        *skip = type < 0;
        return *skip ? 1 : zone_array_add(array, node, type) < 0 ? -ENOMEM : 1;
}

/*
 * Parses "protection: (0, 1956, 15960, 15960)": the pages that a zone holds back from requests that
 * another zone could have served. Each number stands for the zone at that place in the list of the
 * node. It is 0 for the zone itself and those below it.
 */
static void parse_protection(Zone *zone, const char *line, size_t place, uint64_t page_size_bytes)
{
        uint64_t pages;

        line = strchr(line, '(');
        for (size_t i = 0; line && i < place; i++)
                line = strchr(line + 1, ',');
        if (line && sscanf(line + 1, "%" SCNu64, &pages) == 1)
                zone->reserve_bytes = pages * page_size_bytes;
}

/*
 * Finds the place of the zone Normal among the zones of a node. All nodes have the same zones,
 * empty or not.
 */
static size_t find_normal(const char *text)
{
        uint32_t first = UINT32_MAX, node;
        size_t place = 0;
        char name[32];

        for (; *text; text = *text ? text + 1 : text) {
                const char *line = text;

                text = strchrnul(text, '\n');
                /* sscanf() would look for the end of the whole text each time. */
                if (strncmp(line, "Node ", 5) != 0 ||
                    sscanf(line, "Node %" SCNu32 ", zone %31s", &node, name) != 2)
                        continue;
                if (first != UINT32_MAX && node != first)
                        return SIZE_MAX;
                first = node;
                if (strcmp(name, "Normal") == 0)
                        return place;
                place++;
        }
        return SIZE_MAX;
}

static void parse_field(Zone *zone, const char *line, size_t normal, uint64_t page_size_bytes)
{
        const struct {
                const char *name;
                uint64_t *bytes;
        } fields[] = {
                { "free", &zone->free_bytes },       { "spanned", &zone->spanned_bytes },
                { "present", &zone->present_bytes }, { "managed", &zone->managed_bytes },
                { "cma", &zone->cma_bytes },         { "nr_free_cma", &zone->free_cma_bytes },
                { "min", &zone->min_bytes },         { "low", &zone->low_bytes },
                { "high", &zone->high_bytes },
        };
        char name[32];
        uint64_t pages;

        /* The first field follows the heading "pages" on the same line. */
        line += strspn(line, " ");
        if (strncmp(line, "pages ", 6) == 0)
                line += 6;
        if (strncmp(line, "protection:", 11) == 0 && normal != SIZE_MAX)
                parse_protection(zone, line, normal, page_size_bytes);
        if (sscanf(line, "%31s %" SCNu64, name, &pages) != 2)
                return;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(name, fields[i].name) == 0)
                        *fields[i].bytes = pages * page_size_bytes;
}

static void drop_empty(ZoneArray *array)
{
        size_t n = 0;

        for (size_t i = 0; i < array->n; i++)
                if (array->zones[i].spanned_bytes > 0)
                        array->zones[n++] = array->zones[i];
        array->n = n;
}

static int compare_zones(const void *a, const void *b)
{
        const Zone *x = a, *y = b;

        if (x->node != y->node)
                return x->node < y->node ? -1 : 1;
        return (x->type > y->type) - (x->type < y->type);
}

int zoneinfo_parse(const char *text, uint64_t page_size_bytes, Zone **ret_zones,
                   size_t *ret_n_zones)
{
        ZoneArray array = {};
        size_t normal = find_normal(text);
        bool skip = true;

        for (const char *line = text; *line;) {
                const char *end = strchrnul(line, '\n');
                char copy[128];
                int r;

                snprintf(copy, sizeof(copy), "%.*s", (int) MIN(end - line, 127), line);
                r = parse_heading(&array, copy, &skip);
                if (r < 0) {
                        free(array.zones);
                        return r;
                }
                if (r == 0 && !skip)
                        parse_field(&array.zones[array.n - 1], copy, normal, page_size_bytes);
                line = *end ? end + 1 : end;
        }

        drop_empty(&array);
        if (array.n > 0)
                qsort(array.zones, array.n, sizeof(Zone), compare_zones);
        *ret_zones = array.zones;
        *ret_n_zones = array.n;
        return 0;
}
