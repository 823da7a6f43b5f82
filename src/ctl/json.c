/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl/json.h"
#include "ctl/map.h"

#include <stdio.h>

bool json_member(json_object *object, const char *key, json_object *value)
{
        if (!value)
                return false;
        if (json_object_object_add(object, key, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

bool json_member_string(json_object *object, const char *key, const char *text)
{
        if (!*text)
                return json_object_object_add(object, key, NULL) == 0;
        return json_member(object, key, json_object_new_string(text));
}

bool json_element(json_object *array, json_object *value)
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
                if (!json_element(array, json_object_new_string(*strings)))
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

                if (length > 0 &&
                    !json_element(array, json_object_new_string_len(text, (int) length)))
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
                    !json_member(object, "node", json_object_new_uint64(node->distances[i].node)) ||
                    !json_member(object, "distance",
                                 json_object_new_uint64(node->distances[i].distance)) ||
                    !json_element(array, json_object_get(object)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_object *json_zone(const ZoneRow *zone)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member_string(object, "zone", zone->name) ||
            !json_member(object, "present", json_object_new_uint64(zone->present_bytes)) ||
            !json_member(object, "managed", json_object_new_uint64(zone->managed_bytes)) ||
            !json_member(object, "spanned", json_object_new_uint64(zone->spanned_bytes)) ||
            !json_member(object, "free", json_object_new_uint64(zone->free_bytes)))
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
                    !json_element(array, json_zone(&snapshot->zones[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_node(const Snapshot *snapshot, const NodeRow *node)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member(object, "node", json_object_new_uint64(node->id)) ||
            !json_member(object, "cpu", json_object_new_boolean(node->has_cpu)) ||
            !json_member(object, "online", json_object_new_uint64(node->online_bytes)) ||
            !json_member(object, "offline", json_object_new_uint64(node->offline_bytes)) ||
            !json_member(object, "kernel", json_object_new_uint64(node->kernel_bytes)) ||
            !json_member(object, "movable", json_object_new_uint64(node->movable_bytes)) ||
            !json_member(object, "free", json_object_new_uint64(node->free_bytes)) ||
            !json_member(object, "movable_only", json_object_new_boolean(node->movable_only)) ||
            !json_member(object, "kernel_short", json_object_new_boolean(node->kernel_short)) ||
            !json_member_string(object, "kernel_auto_online", node->kernel_auto_online) ||
            !json_member(object, "distances", json_distances(node)) ||
            !json_member(object, "zones", json_zones(snapshot, node->id)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_nodes(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        for (size_t i = 0; i < snapshot->n_nodes; i++)
                if (!json_element(array, json_node(snapshot, &snapshot->nodes[i])))
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
                ok = json_member_string(object, "node", "");
        else
                ok = json_member(object, "node", json_object_new_uint64((uint64_t) first->node));
        if (!ok || !json_member(object, "first", json_object_new_uint64(first->id)) ||
            !json_member(object, "last",
                         json_object_new_uint64(first->id + (uint64_t) n_blocks - 1)) ||
            !json_member_string(object, "status", first->status) ||
            !json_member_string(object, "state", first->state) ||
            !json_member_string(object, "class", first->zone_class) ||
            !json_member_string(object, "decision", first->decision) ||
            !json_member_string(object, "rule", first->rule) ||
            !json_member(object, "guards", json_words(first->guards)) ||
            !json_member_string(object, "error", error_format(first->error, error)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_open_blocks(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();
        OpenRun run = {};

        while (array && open_run_next(snapshot, &run))
                if (!json_element(array, json_run(run.first, run.n_blocks)))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_job(const JobRow *job)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member(object, "id", json_object_new_uint64(job->id)) ||
            !json_member_string(object, "kind", job->kind) ||
            !json_member_string(object, "state", job->state) ||
            !json_member_string(object, "target", job->target) ||
            !json_member(object, "total", json_object_new_uint64(job->n_total)) ||
            !json_member(object, "done", json_object_new_uint64(job->n_done)) ||
            !json_member(object, "failed", json_object_new_uint64(job->n_failed)))
                return NULL;
        return TAKE_PTR(object);
}

static json_object *json_jobs(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < snapshot->n_jobs; i++)
                if (!json_element(array, json_job(&snapshot->jobs[i])))
                        return NULL;
        return TAKE_PTR(array);
}

static json_object *json_status(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        const ManagerRow *manager = &snapshot->manager;

        if (!object || !json_member_string(object, "version", manager->version) ||
            !json_member(object, "degraded", json_object_new_boolean(manager->degraded)) ||
            !json_member(object, "block_size", json_object_new_uint64(manager->block_size_bytes)) ||
            !json_member(object, "online", json_object_new_uint64(manager->online_bytes)) ||
            !json_member(object, "offline", json_object_new_uint64(manager->offline_bytes)) ||
            !json_member(object, "kernel", json_object_new_uint64(manager->kernel_bytes)) ||
            !json_member(object, "movable", json_object_new_uint64(manager->movable_bytes)) ||
            !json_member(object, "pending_blocks",
                         json_object_new_uint64(manager->pending_blocks)) ||
            !json_member(object, "failed_blocks", json_object_new_uint64(manager->failed_blocks)) ||
            !json_member(object, "foreign_blocks",
                         json_object_new_uint64(manager->foreign_blocks)) ||
            !json_member_string(object, "kernel_auto_online", manager->kernel_auto_online) ||
            !json_member(object, "kernel_features", json_features(manager)) ||
            !json_member(object, "nodes", json_nodes(snapshot)) ||
            !json_member(object, "jobs", json_jobs(snapshot)) ||
            !json_member(object, "blocks", json_open_blocks(snapshot)) ||
            !json_member(object, "config_files", json_strings(manager->config_files)) ||
            !json_member(object, "config_faults", json_strings(manager->config_faults)))
                return NULL;
        return TAKE_PTR(object);
}

static int print(json_object *value, int flags)
{
        _cleanup_(json_object_putp) json_object *object = value;
        const char *text = NULL;

        if (object)
                text = json_object_to_json_string_ext(object,
                                                      flags | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return failure("%s", strerror(ENOMEM));
        puts(text);
        return EXIT_SUCCESS;
}

int json_print(json_object *value)
{
        return print(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

int json_print_line(json_object *value)
{
        return print(value, JSON_C_TO_STRING_SPACED);
}

int status_print_json(const Snapshot *snapshot)
{
        return json_print(json_status(snapshot));
}

/* Numbers of blocks by the names of their classes; those that there are none of are left out. */
static json_object *json_counts(const uint32_t n_blocks[static _MAP_CLASS_MAX])
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (unsigned i = 0; object && i < _MAP_CLASS_MAX; i++)
                if (n_blocks[i] > 0 &&
                    !json_member(object, map_styles[i].name, json_object_new_uint64(n_blocks[i])))
                        return NULL;
        return TAKE_PTR(object);
}

static json_object *json_cell(const MapCell *cell)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member(object, "first", json_object_new_uint64(cell->first)) ||
            !json_member(object, "last", json_object_new_uint64(cell->last)) ||
            !json_member(object, "class", json_object_new_string(map_styles[cell->class].name)) ||
            !json_member(object, "blocks", json_counts(cell->n_blocks)))
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
                if (!json_element(cells, json_cell(&row->cells[i])))
                        return NULL;
        if (row->node < 0 ?
                    !json_member_string(object, "node", "") :
                    !json_member(object, "node", json_object_new_uint64((uint64_t) row->node)))
                return NULL;
        if (!json_member(object, "blocks", json_counts(row->n_blocks)) ||
            !json_member(object, "cells", TAKE_PTR(cells)))
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
                if (!json_element(nodes, json_map_row(&map->rows[i])))
                        return NULL;
        if (!json_member(object, "block_size", json_object_new_uint64(map->block_size_bytes)) ||
            !json_member(object, "blocks_per_cell", json_object_new_uint64(map->blocks_per_cell)) ||
            !json_member(object, "blocks", json_counts(map->n_blocks)) ||
            !json_member(object, "nodes", TAKE_PTR(nodes)))
                return NULL;
        return TAKE_PTR(object);
}

int map_print_json(const Map *map)
{
        return json_print(json_map(map));
}
