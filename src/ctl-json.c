/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-map.h"

#include <json-c/json.h>
#include <stdio.h>

/*
 * Each json_* function returns a new object, or NULL when there is no memory; member() and
 * element() take such a value over and return whether all went well, so that a chain of them stops
 * at a failure.
 */

DEFINE_CLEANUP(json_object *, json_object_put)

static bool member(json_object *object, const char *key, json_object *value)
{
        if (!value)
                return false;
        if (json_object_object_add(object, key, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

/* JSON's null is a NULL pointer to json-c, which cannot be told from a failure: it goes in here. */
static bool member_string(json_object *object, const char *key, const char *text)
{
        if (!*text)
                return json_object_object_add(object, key, NULL) == 0;
        return member(object, key, json_object_new_string(text));
}

static bool element(json_object *array, json_object *value)
{
        if (!value)
                return false;
        if (json_object_array_add(array, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

static json_object *json_strings(char *const *strings)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        for (; strings && *strings; strings++)
                if (!element(array, json_object_new_string(*strings)))
                        return NULL;
        return TAKE_PTR(array);
}

/* The words of a text, separated by one space each. */
static json_object *json_words(const char *text)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        while (*text) {
                size_t length = strcspn(text, " ");

                if (length > 0 && !element(array, json_object_new_string_len(text, (int) length)))
                        return NULL;
                text += length + (text[length] == ' ');
        }
        return TAKE_PTR(array);
}

static json_object *json_distances(const NodeRow *node)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < node->n_distances; i++) {
                _cleanup_(json_object_putp) json_object *object = json_object_new_object();

                if (!object ||
                    !member(object, "node", json_object_new_uint64(node->distances[i].node)) ||
                    !member(object, "distance",
                            json_object_new_uint64(node->distances[i].distance)) ||
                    !element(array, json_object_get(object)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_object *json_zone(const ZoneRow *zone)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !member_string(object, "zone", zone->name) ||
            !member(object, "present", json_object_new_uint64(zone->present_bytes)) ||
            !member(object, "managed", json_object_new_uint64(zone->managed_bytes)) ||
            !member(object, "spanned", json_object_new_uint64(zone->spanned_bytes)) ||
            !member(object, "free", json_object_new_uint64(zone->free_bytes)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_zones(const Snapshot *snapshot, uint32_t node)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        for (size_t i = 0; i < snapshot->n_zones; i++)
                if (snapshot->zones[i].node == node &&
                    !element(array, json_zone(&snapshot->zones[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_node(const Snapshot *snapshot, const NodeRow *node)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !member(object, "node", json_object_new_uint64(node->id)) ||
            !member(object, "cpu", json_object_new_boolean(node->has_cpu)) ||
            !member(object, "online", json_object_new_uint64(node->online_bytes)) ||
            !member(object, "offline", json_object_new_uint64(node->offline_bytes)) ||
            !member(object, "kernel", json_object_new_uint64(node->kernel_bytes)) ||
            !member(object, "movable", json_object_new_uint64(node->movable_bytes)) ||
            !member(object, "free", json_object_new_uint64(node->free_bytes)) ||
            !member(object, "movable_only", json_object_new_boolean(node->movable_only)) ||
            !member(object, "distances", json_distances(node)) ||
            !member(object, "zones", json_zones(snapshot, node->id)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_nodes(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        for (size_t i = 0; i < snapshot->n_nodes; i++)
                if (!element(array, json_node(snapshot, &snapshot->nodes[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_run(const BlockRow *first, size_t n_blocks)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        char error[ERROR_STRING_MAX];
        bool ok;

        if (!object)
                return NULL;
        if (first->node < 0)
                ok = member_string(object, "node", "");
        else
                ok = member(object, "node", json_object_new_uint64((uint64_t) first->node));
        if (!ok || !member(object, "first", json_object_new_uint64(first->id)) ||
            !member(object, "last", json_object_new_uint64(first->id + (uint64_t) n_blocks - 1)) ||
            !member_string(object, "status", first->status) ||
            !member_string(object, "state", first->state) ||
            !member_string(object, "class", first->zone_class) ||
            !member_string(object, "decision", first->decision) ||
            !member_string(object, "rule", first->rule) ||
            !member(object, "guards", json_words(first->guards)) ||
            !member_string(object, "error", error_format(first->error, error)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_open_blocks(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();
        OpenRun run = {};

        while (array && open_run_next(snapshot, &run))
                if (!element(array, json_run(run.first, run.n_blocks)))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_status(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        const ManagerRow *manager = &snapshot->manager;

        if (!object || !member_string(object, "version", manager->version) ||
            !member(object, "degraded", json_object_new_boolean(manager->degraded)) ||
            !member(object, "block_size", json_object_new_uint64(manager->block_size_bytes)) ||
            !member(object, "online", json_object_new_uint64(manager->online_bytes)) ||
            !member(object, "offline", json_object_new_uint64(manager->offline_bytes)) ||
            !member(object, "kernel", json_object_new_uint64(manager->kernel_bytes)) ||
            !member(object, "movable", json_object_new_uint64(manager->movable_bytes)) ||
            !member(object, "pending_blocks", json_object_new_uint64(manager->pending_blocks)) ||
            !member(object, "failed_blocks", json_object_new_uint64(manager->failed_blocks)) ||
            !member(object, "foreign_blocks", json_object_new_uint64(manager->foreign_blocks)) ||
            !member_string(object, "kernel_auto_online", manager->kernel_auto_online) ||
            !member(object, "nodes", json_nodes(snapshot)) ||
            !member(object, "blocks", json_open_blocks(snapshot)) ||
            !member(object, "config_files", json_strings(manager->config_files)) ||
            !member(object, "config_faults", json_strings(manager->config_faults)))
                return NULL;
        return TAKE_PTR(object);
}

/* Takes the object over, which is NULL when there was no memory for it. */
static int print_json(json_object *value)
{
        _cleanup_(json_object_putp) json_object *object = value;
        const char *text = NULL;

        if (object)
                text = json_object_to_json_string_ext(
                        object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                        JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return failure("%s", strerror(ENOMEM));
        puts(text);
        return EXIT_SUCCESS;
}

int status_print_json(const Snapshot *snapshot)
{
        return print_json(json_status(snapshot));
}

/* Numbers of blocks by the names of their classes; those that there are none of are left out. */
static json_object *json_counts(const uint32_t n_blocks[static _MAP_CLASS_MAX])
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (unsigned i = 0; object && i < _MAP_CLASS_MAX; i++)
                if (n_blocks[i] > 0 &&
                    !member(object, map_styles[i].name, json_object_new_uint64(n_blocks[i])))
                        return NULL;
        return TAKE_PTR(object);
}

static json_object *json_cell(const MapCell *cell)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !member(object, "first", json_object_new_uint64(cell->first)) ||
            !member(object, "last", json_object_new_uint64(cell->last)) ||
            !member(object, "class", json_object_new_string(map_styles[cell->class].name)) ||
            !member(object, "blocks", json_counts(cell->n_blocks)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_map_row(const MapRow *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        _cleanup_(json_object_putp) json_object *cells = json_object_new_array();

        if (!object || !cells)
                return NULL;
        for (size_t i = 0; i < row->n_cells; i++)
                if (!element(cells, json_cell(&row->cells[i])))
                        return NULL;
        if (row->node < 0 ? !member_string(object, "node", "") :
                            !member(object, "node", json_object_new_uint64((uint64_t) row->node)))
                return NULL;
        if (!member(object, "blocks", json_counts(row->n_blocks)) ||
            !member(object, "cells", TAKE_PTR(cells)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_map(const Map *map)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        _cleanup_(json_object_putp) json_object *nodes = json_object_new_array();

        if (!object || !nodes)
                return NULL;
        for (size_t i = 0; i < map->n_rows; i++)
                if (!element(nodes, json_map_row(&map->rows[i])))
                        return NULL;
        if (!member(object, "block_size", json_object_new_uint64(map->block_size_bytes)) ||
            !member(object, "blocks_per_cell", json_object_new_uint64(map->blocks_per_cell)) ||
            !member(object, "blocks", json_counts(map->n_blocks)) ||
            !member(object, "nodes", TAKE_PTR(nodes)))
                return NULL;
        return TAKE_PTR(object);
}

int map_print_json(const Map *map)
{
        return print_json(json_map(map));
}
