/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl status. */

#include "ctl/json.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>

/* The statuses that an administrator should see without asking, the worst first. */
static const BlockStatus open_statuses[] = {
        BLOCK_STATUS_FAILED,  BLOCK_STATUS_FOREIGN, BLOCK_STATUS_RETRYING,
        BLOCK_STATUS_WRITING, BLOCK_STATUS_PENDING, BLOCK_STATUS_WAITING,
};

/* An iterator over runs of similar blocks that are not settled, the worst status first. */
typedef struct OpenRun {
        const BlockRow *first;
        size_t n_blocks;
        size_t status; /* the status and the block to go on with, by index */
        size_t position;
} OpenRun;

/* Whether one sentence describes both of two neighbouring blocks. */
static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        return a->node == b->node && a->error == b->error && strcmp(a->status, b->status) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->decision, b->decision) == 0 &&
               strcmp(a->rule, b->rule) == 0 && strcmp(a->guards, b->guards) == 0 &&
               strcmp(a->state, b->state) == 0;
}

/* Moves to the next block with the run's status. Returns whether there is one. */
static bool run_find_start(const Snapshot *snapshot, OpenRun *run)
{
        const char *word = block_status_to_string(open_statuses[run->status]);

        for (; run->position < snapshot->n_blocks; run->position++)
                if (strcmp(snapshot->blocks[run->position].status, word) == 0)
                        return true;
        return false;
}

/* Moves to the next run. Returns false after the last one. Starts with a zeroed OpenRun. */
static bool open_run_next(const Snapshot *snapshot, OpenRun *run)
{
        const BlockRow *blocks = snapshot->blocks;
        size_t end;

        while (!run_find_start(snapshot, run)) {
                if (++run->status >= ELEMENTSOF(open_statuses))
                        return false;
                run->position = 0;
        }
        end = run->position + 1;
        while (end < snapshot->n_blocks && blocks[end].id == blocks[end - 1].id + 1 &&
               block_is_alike(&blocks[run->position], &blocks[end]))
                end++;
        run->first = &blocks[run->position];
        run->n_blocks = end - run->position;
        run->position = end;
        return true;
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
        char size[SIZE_STRING_MAX];

        if (n_blocks == 1)
                printf("  block %" PRIu32, first->id);
        else
                printf("  blocks %" PRIu32 "-%" PRIu64, first->id,
                       first->id + (uint64_t) n_blocks - 1);
        if (first->node >= 0)
                printf(" (node %" PRId32 ", %s): ", first->node,
                       size_format(n_blocks * block_size_bytes, size));
        else
                printf(" (node not known yet, %s): ",
                       size_format(n_blocks * block_size_bytes, size));
        fputs(first->status, stdout);
        print_reason(first);
}

static void print_open_blocks(const Snapshot *snapshot)
{
        bool has_heading = false;
        OpenRun run = {};

        while (open_run_next(snapshot, &run)) {
                if (!has_heading)
                        fputs("\nNot settled:\n", stdout);
                has_heading = true;
                print_run(run.first, run.n_blocks, snapshot->manager.block_size_bytes);
        }
}

static void print_jobs(const Snapshot *snapshot)
{
        if (snapshot->n_jobs > 0)
                fputs("\nJobs:\n", stdout);
        for (size_t i = 0; i < snapshot->n_jobs; i++) {
                const JobRow *job = &snapshot->jobs[i];

                printf("  job %" PRIu32 ": %s %s, %s, %" PRIu32 " of %" PRIu32 " blocks", job->id,
                       job->kind, job->target, job->state, job->n_done, job->n_total);
                if (job->n_failed > 0)
                        printf(", %" PRIu32 " failed", job->n_failed);
                putchar('\n');
        }
}

static void print_short_nodes(const Snapshot *snapshot)
{
        const char *before = "\nShort of kernel memory: node";

        for (size_t i = 0; i < snapshot->n_nodes; i++) {
                if (!snapshot->nodes[i].kernel_short)
                        continue;
                printf("%s %" PRIu32, before, snapshot->nodes[i].id);
                before = ",";
        }
        if (*before == ',')
                putchar('\n');
}

static void print_strings(const char *title, char *const *strings)
{
        if (!strings || !*strings)
                return;
        printf("\n%s:\n", title);
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
}

static void print_manager(const ManagerRow *manager)
{
        char size[SIZE_STRING_MAX], kernel[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];

        printf("memoryd %s%s\n\n", manager->version, manager->degraded ? ", degraded" : "");
        printf("%-23s %s\n", "Memory block size:", size_format(manager->block_size_bytes, size));
        printf("%-23s %s (kernel %s, movable %s)\n",
               "Online:", size_format(manager->online_bytes, size),
               size_format(manager->kernel_bytes, kernel),
               size_format(manager->movable_bytes, movable));
        printf("%-23s %s\n", "Offline:", size_format(manager->offline_bytes, size));
        printf("%-23s %" PRIu32 " pending, %" PRIu32 " failed, %" PRIu32 " foreign\n",
               "Blocks:", manager->pending_blocks, manager->failed_blocks, manager->foreign_blocks);
}

static int print_text(const Snapshot *snapshot)
{
        ColumnChoice choice;
        int r;

        print_manager(&snapshot->manager);
        print_auto_online(snapshot);
        features_print_status(&snapshot->manager);
        if (snapshot->n_nodes > 0) {
                putchar('\n');
                r = column_choice_parse(&nodes_columns, NULL, &choice);
                if (r == EXIT_SUCCESS)
                        r = nodes_print(snapshot, &choice);
                if (r != EXIT_SUCCESS)
                        return r;
        }
        print_short_nodes(snapshot);
        print_jobs(snapshot);
        print_open_blocks(snapshot);
        print_strings("Configuration", snapshot->manager.config_files);
        print_strings("Faults of the configuration on disk, which is not in force",
                      snapshot->manager.config_faults);
        return EXIT_SUCCESS;
}

/* JSON */

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

/* Makes an array of the words of a text. One space separates the words. */
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

static int status_print_json(const Snapshot *snapshot)
{
        return json_print(json_status(snapshot));
}

int verb_status(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        (void) argc;
        (void) argv;
        r = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS | FETCH_OBJECTS | FETCH_JOBS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        return arg_json ? status_print_json(&snapshot) : print_text(&snapshot);
}
