/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl status. */

#include "ctl/row.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>

/* The statuses that an administrator should see without asking, the worst first. */
static const BlockStatus open_statuses[] = {
        BLOCK_STATUS_FAILED,  BLOCK_STATUS_FOREIGN, BLOCK_STATUS_RETRYING,
        BLOCK_STATUS_WRITING, BLOCK_STATUS_PENDING, BLOCK_STATUS_WAITING,
};

static void print_heading(Color color, const char *title)
{
        putchar('\n');
        color_print(color, "%s:", title);
        putchar('\n');
}

/* Whether one sentence describes both of two neighbouring blocks. */
static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        return a->node == b->node && a->error == b->error && strcmp(a->status, b->status) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->decision, b->decision) == 0 &&
               strcmp(a->rule, b->rule) == 0 && strcmp(a->guards, b->guards) == 0 &&
               strcmp(a->state, b->state) == 0;
}

/* Returns the number of neighbouring blocks from an index on that one sentence describes. */
static size_t run_length(const Snapshot *snapshot, size_t first)
{
        const BlockRow *blocks = snapshot->blocks;
        size_t i = first + 1;

        while (i < snapshot->n_blocks && blocks[i].id == blocks[i - 1].id + 1 &&
               block_is_alike(&blocks[first], &blocks[i]))
                i++;
        return i - first;
}

static void print_reason(const BlockRow *block)
{
        char error[ERROR_STRING_MAX];

        if (strcmp(block->status, block_status_to_string(BLOCK_STATUS_FOREIGN)) == 0)
                printf(", is %s", block->zone_class);
        if (strcmp(block->decision, verdict_to_string(VERDICT_NONE)) == 0)
                printf(", not decided yet");
        else if (*block->rule)
                printf(", decided %s (rule '%s')", block->decision, block->rule);
        else
                printf(", decided %s (default rule)", block->decision);
        if (*block->guards)
                printf(" because of %s", block->guards);
        if (block->error != 0)
                printf(": %s (%s)", error_format(block->error, error), strerror(block->error));
        putchar('\n');
}

static void print_run(const BlockRow *first, size_t n_blocks, uint64_t block_size_bytes)
{
        char blocks[BLOCKS_STRING_MAX], node[32] = "node not known yet", size[SIZE_STRING_MAX];

        if (first->node >= 0)
                snprintf(node, sizeof(node), "node %" PRId32, first->node);
        printf("  %s (%s, %s): ", blocks_format(first->id, first->id + n_blocks - 1, blocks), node,
               size_format(n_blocks * block_size_bytes, size));
        color_print(color_of_word(first->status), "%s", first->status);
        print_reason(first);
}

/* Prints the runs of blocks that are not settled. */
static void print_open_blocks(const Snapshot *snapshot)
{
        bool has_heading = false;

        for (size_t s = 0; s < ELEMENTSOF(open_statuses); s++)
                for (size_t i = 0, n; i < snapshot->n_blocks; i += n) {
                        const BlockRow *block = &snapshot->blocks[i];

                        n = run_length(snapshot, i);
                        if (block_status_from_string(block->status) != open_statuses[s])
                                continue;
                        if (!has_heading)
                                print_heading(COLOR_HEADING, "Not settled");
                        has_heading = true;
                        print_run(block, n, snapshot->manager.block_size_bytes);
                }
}

static void print_jobs(const Snapshot *snapshot)
{
        if (snapshot->n_jobs > 0)
                print_heading(COLOR_HEADING, "Jobs");
        for (size_t i = 0; i < snapshot->n_jobs; i++) {
                const JobRow *job = &snapshot->jobs[i];

                printf("  job %" PRIu32 ": %s %s, ", job->id, job->kind, job->target);
                color_print(color_of_word(job->state), "%s", job->state);
                printf(", %" PRIu32 " of %" PRIu32 " blocks", job->n_done, job->n_total);
                if (job->n_failed > 0)
                        color_print(COLOR_BAD, ", %" PRIu32 " failed", job->n_failed);
                putchar('\n');
        }
}

static void print_short_nodes(const Snapshot *snapshot)
{
        const char *before = "";

        for (size_t i = 0; i < snapshot->n_nodes; i++) {
                if (!snapshot->nodes[i].kernel_short)
                        continue;
                if (!*before) {
                        putchar('\n');
                        color_print(COLOR_BAD, "Short of kernel memory:");
                }
                printf("%s %" PRIu32, *before ? before : " node", snapshot->nodes[i].id);
                before = ",";
        }
        if (*before)
                putchar('\n');
}

static void print_failed_devices(const ManagerRow *manager)
{
        char size[SIZE_STRING_MAX];

        if (manager->n_failed_devices > 0)
                print_heading(COLOR_BAD, "Memory that the kernel could not add");
        for (size_t i = 0; i < manager->n_failed_devices; i++) {
                const FailedDeviceRow *device = &manager->failed_devices[i];

                printf("  %s (%s): %s\n", device->name,
                       device->size_bytes > 0 ? size_format(device->size_bytes, size) :
                                                "size not known",
                       device->reason);
        }
}

static void print_strings(Color color, const char *title, char *const *strings)
{
        if (!strings || !*strings)
                return;
        print_heading(color, title);
        for (; *strings; strings++)
                printf("  %s\n", *strings);
}

/* Prints the setting of the machine, and the settings of nodes that differ from `inherit`. */
static void print_auto_online(const Snapshot *snapshot)
{
        const char *word = snapshot->manager.kernel_auto_online;

        printf("%-23s %s", "Kernel auto-online:", *word ? word : "not in this kernel");
        for (size_t i = 0; i < snapshot->n_nodes; i++) {
                const NodeRow *node = &snapshot->nodes[i];

                if (*node->kernel_auto_online &&
                    strcmp(node->kernel_auto_online, online_word_to_string(ONLINE_WORD_INHERIT)) !=
                            0)
                        printf(", node %" PRIu32 " %s", node->id, node->kernel_auto_online);
        }
        putchar('\n');
        for (char **path = snapshot->manager.foreign_auto_online; path && *path; path++) {
                color_print(COLOR_WAIT, "%-23s", "Set by another process:");
                printf(" %s (\"memoryctl reload\" takes it over again)\n", *path);
        }
}

/* Prints a number, in a colour unless it is 0. */
static void print_count(Color color, uint32_t n, const char *what)
{
        color_print(n > 0 ? color : COLOR_NONE, "%" PRIu32, n);
        printf(" %s", what);
}

static void print_manager(const ManagerRow *manager)
{
        char size[SIZE_STRING_MAX], kernel[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];
        const Totals *totals = &manager->totals;

        printf("memoryd %s%s", manager->version, manager->degraded ? ", " : "");
        if (manager->degraded)
                color_print(COLOR_BAD, "degraded");
        fputs("\n\n", stdout);
        printf("%-23s %s\n", "Memory block size:", size_format(manager->block_size_bytes, size));
        printf("%-23s %s (kernel %s, movable %s)\n",
               "Online:", size_format(totals->online_bytes, size),
               size_format(totals->kernel_bytes, kernel),
               size_format(totals->movable_bytes, movable));
        printf("%-23s %s\n", "Offline:", size_format(totals->offline_bytes, size));
        printf("%-23s ", "Blocks:");
        print_count(COLOR_WAIT, totals->pending_blocks, "pending, ");
        print_count(COLOR_BAD, totals->failed_blocks, "failed, ");
        print_count(COLOR_BAD, totals->foreign_blocks, "foreign\n");
}

static int print_text(const Snapshot *snapshot)
{
        _cleanup_(table_done) Table table = {};
        int r;

        print_manager(&snapshot->manager);
        print_auto_online(snapshot);
        features_print_status(&snapshot->manager);
        if (snapshot->n_nodes > 0) {
                putchar('\n');
                r = table_init(&table, "nodes", &nodes_columns);
                if (r == EXIT_SUCCESS)
                        r = table_print(&table, snapshot->nodes, snapshot->n_nodes,
                                        sizeof(*snapshot->nodes));
                if (r != EXIT_SUCCESS)
                        return r;
        }
        print_short_nodes(snapshot);
        print_failed_devices(&snapshot->manager);
        print_jobs(snapshot);
        print_open_blocks(snapshot);
        print_strings(COLOR_HEADING, "Configuration", snapshot->manager.config_files);
        print_strings(COLOR_BAD, "Faults of the configuration on disk, which is not in force",
                      snapshot->manager.config_faults);
        return EXIT_SUCCESS;
}

/* JSON */

/* Makes an array of the words of a text. Spaces separate the words. */
static json_object *json_words(const char *text)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
                int length = (int) strcspn(text, " ");

                if (!json_element(array, json_object_new_string_len(text, length)))
                        return NULL;
                text += length;
        }
        return TAKE_PTR(array);
}

static json_object *json_node_row(const void *data, size_t node_index)
{
        const Snapshot *snapshot = data;
        const NodeRow *node = &snapshot->nodes[node_index];
        _cleanup_(json_object_putp) json_object *zones = json_object_new_array();

        for (size_t i = 0; i < snapshot->n_zones; i++)
                if (snapshot->zones[i].node == node->id &&
                    !json_element(zones, json_properties(json_object_new_object(), zone_properties,
                                                         &snapshot->zones[i])))
                        return NULL;
        return json_add(json_properties(json_object_new_object(), node_properties, node),
                        JSON_MEMBERS({ "distances", json_rows(&distance_rows, node->distances,
                                                              node->n_distances) },
                                     { "zones", TAKE_PTR(zones) }));
}

static json_object *json_run(const BlockRow *first, size_t n_blocks)
{
        char error[ERROR_STRING_MAX];

        return json_make(JSON_MEMBERS(
                { "node", json_node(first->node) }, { "first", json_object_new_uint64(first->id) },
                { "last", json_object_new_uint64(first->id + (uint64_t) n_blocks - 1) },
                { "status", json_text(first->status) }, { "state", json_text(first->state) },
                { "class", json_text(first->zone_class) },
                { "decision", json_text(first->decision) }, { "rule", json_text(first->rule) },
                { "guards", json_words(first->guards) },
                { "error", json_text(error_format(first->error, error)) }));
}

static json_object *json_open_blocks(const Snapshot *snapshot)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t s = 0; s < ELEMENTSOF(open_statuses); s++)
                for (size_t i = 0, n; i < snapshot->n_blocks; i += n) {
                        const BlockRow *block = &snapshot->blocks[i];

                        n = run_length(snapshot, i);
                        if (block_status_from_string(block->status) == open_statuses[s] &&
                            !json_element(array, json_run(block, n)))
                                return NULL;
                }
        return TAKE_PTR(array);
}

static json_object *json_status(const Snapshot *snapshot)
{
        const ManagerRow *manager = &snapshot->manager;

        return json_add(
                json_properties(json_object_new_object(), manager_properties, manager),
                JSON_MEMBERS(
                        { "kernel_features", json_features(manager) },
                        { "failed_devices", json_rows(&failed_device_rows, manager->failed_devices,
                                                      manager->n_failed_devices) },
                        { "nodes", json_array(snapshot, snapshot->n_nodes, json_node_row) },
                        { "jobs", json_rows(&job_rows, snapshot->jobs, snapshot->n_jobs) },
                        { "blocks", json_open_blocks(snapshot) },
                        { "foreign_auto_online", json_strings(manager->foreign_auto_online) },
                        { "config_files", json_strings(manager->config_files) },
                        { "config_faults", json_strings(manager->config_faults) }));
}

int verb_status(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        r = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS | FETCH_OBJECTS | FETCH_JOBS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return arg_json ? json_print(json_status(&snapshot)) : print_text(&snapshot);
}
