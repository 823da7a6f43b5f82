/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl list. */

#include "ctl/ctl.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

enum {
        LIST_RANGE,
        LIST_SIZE,
        LIST_STATE,
        LIST_BLOCK,
        LIST_NODE,
        LIST_ZONES,
        LIST_DECISION,
        LIST_CLASS,
        LIST_RULE,
        LIST_GUARDS,
        LIST_STATUS,
        LIST_ERROR,
        LIST_DEVICE,
        LIST_ORIGIN,
        _LIST_MAX,
};

static const Column columns[_LIST_MAX] = {
        [LIST_RANGE] = { "RANGE", "first and last address", 0, SCOLS_JSON_STRING, false },
        [LIST_SIZE] = { "SIZE", "size of the range", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [LIST_STATE] = { "STATE", "online, offline or going-offline", SCOLS_FL_RIGHT,
                         SCOLS_JSON_STRING, false },
        [LIST_BLOCK] = { "BLOCK", "number of the block or blocks", SCOLS_FL_RIGHT,
                         SCOLS_JSON_STRING, false },
        [LIST_NODE] = { "NODE", "number of the node", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [LIST_ZONES] = { "ZONES", "zone, or when offline the possible ones", SCOLS_FL_RIGHT,
                         SCOLS_JSON_STRING, false },
        [LIST_DECISION] = { "DECISION", "what memoryd decided", SCOLS_FL_RIGHT, SCOLS_JSON_STRING,
                            false },
        [LIST_CLASS] = { "CLASS", "none, kernel or movable", SCOLS_FL_RIGHT, SCOLS_JSON_STRING,
                         true },
        [LIST_RULE] = { "RULE", "rule that decided, empty for the default", 0, SCOLS_JSON_STRING,
                        true },
        [LIST_GUARDS] = { "GUARDS", "guards that changed the decision", 0, SCOLS_JSON_STRING,
                          true },
        [LIST_STATUS] = { "STATUS", "where the block stands with memoryd", 0, SCOLS_JSON_STRING,
                          true },
        [LIST_ERROR] = { "ERROR", "error of the last failed write", 0, SCOLS_JSON_STRING, true },
        [LIST_DEVICE] = { "DEVICE", "device that the memory belongs to", 0, SCOLS_JSON_STRING,
                          true },
        [LIST_ORIGIN] = { "ORIGIN", "where the memory came from", 0, SCOLS_JSON_STRING, true },
};

const ColumnSet list_columns = { columns, _LIST_MAX };

/* A line of the table: neighbouring blocks that look the same in it. */
typedef struct Range {
        const BlockRow *first;
        const BlockRow *last;
        const Snapshot *snapshot;
} Range;

static uint64_t range_size(const Range *range)
{
        return (range->last->id - range->first->id + UINT64_C(1)) *
               range->snapshot->manager.block_size_bytes;
}

static int range_format(const Range *range, char **ret)
{
        uint64_t first = range->first->id * range->snapshot->manager.block_size_bytes;
        uint64_t last = first + range_size(range) - 1;

        return asprintf(ret, "0x%016" PRIx64 "-0x%016" PRIx64, first, last) < 0 ? -ENOMEM : 0;
}

static int ids_format(const Range *range, char **ret)
{
        if (range->first == range->last)
                return cell_number(range->first->id, ret);
        return asprintf(ret, "%" PRIu32 "-%" PRIu32, range->first->id, range->last->id) < 0 ?
                       -ENOMEM :
                       0;
}

/* The columns that are strings as memoryd sends them; NULL for the others. */
static const char *block_text(const BlockRow *block, size_t column)
{
        switch (column) {
        case LIST_STATE:
                return block->state;
        case LIST_ZONES:
                return block->zones;
        case LIST_DECISION:
                return block->decision;
        case LIST_CLASS:
                return block->zone_class;
        case LIST_RULE:
                return block->rule;
        case LIST_GUARDS:
                return block->guards;
        case LIST_STATUS:
                return block->status;
        case LIST_DEVICE:
                return block->device;
        case LIST_ORIGIN:
                return block->origin;
        default:
                return NULL;
        }
}

/* The zones as lsmem prints them: "Normal/Movable", "None". */
static int zones_format(const char *zones, char **ret)
{
        static const char *const names[] = { "DMA",     "DMA32",  "Normal", "Highmem",
                                             "Movable", "Device", "None" };
        _cleanup_free_ char *copy = strdup(zones);
        char *text = calloc(strlen(zones) * sizeof("Unknown") + 1, 1);
        char *end = text, *rest = NULL;

        if (!copy || !text) {
                free(text);
                return -ENOMEM;
        }
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                const char *name = "Unknown";

                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (strcasecmp(names[i], word) == 0)
                                name = names[i];
                end = stpcpy(end > text ? stpcpy(end, "/") : end, name);
        }
        *ret = text;
        return 0;
}

/*
 * Empty while it is not known. In a recorded tree it will not become known: as lsmem has it, empty
 * where no block has a node, else -1.
 */
static int node_format(const Range *range, char **ret)
{
        const Recording *recording = range->snapshot->recording;

        if (recording && !recording->has_nodes)
                return 0;
        if (range->first->node < 0)
                return recording ? cell_text("-1", ret) : 0;
        return cell_number((uint64_t) range->first->node, ret);
}

static int cell_format(const void *row, size_t column, char **ret)
{
        const Range *range = row;
        const char *text = block_text(range->first, column);
        char error[ERROR_STRING_MAX];

        if (text)
                return column == LIST_ZONES ? zones_format(text, ret) : cell_text(text, ret);
        switch (column) {
        case LIST_RANGE:
                return range_format(range, ret);
        case LIST_SIZE:
                return cell_size(range_size(range), ret);
        case LIST_BLOCK:
                return ids_format(range, ret);
        case LIST_NODE:
                return node_format(range, ret);
        case LIST_ERROR:
                return cell_text(error_format(range->first->error, error), ret);
        default:
                return -EINVAL;
        }
}

/* Whether one line can stand for both blocks: nothing that is shown tells them apart. */
static bool block_is_alike(const BlockRow *a, const BlockRow *b, const Selection *selection)
{
        for (size_t i = 0; i < selection->n_ids; i++) {
                size_t column = selection->ids[i];
                const char *text = block_text(a, column);

                if (text && strcmp(text, block_text(b, column)) != 0)
                        return false;
                if (column == LIST_NODE && a->node != b->node)
                        return false;
                if (column == LIST_ERROR && a->error != b->error)
                        return false;
        }
        return true;
}

static size_t block_lower_bound(const Snapshot *snapshot, uint32_t id)
{
        size_t low = 0, high = snapshot->n_blocks;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (snapshot->blocks[middle].id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Marks the wanted blocks; one that does not exist is an error. */
static int mark_wanted(const Snapshot *snapshot, const BlockSpan *wanted, bool *marks)
{
        size_t i = block_lower_bound(snapshot, wanted->first);

        for (uint64_t id = wanted->first; id <= wanted->last; id++, i++) {
                if (i == snapshot->n_blocks || snapshot->blocks[i].id != id)
                        return failure("there is no block %" PRIu64, id);
                marks[i] = true;
        }
        return EXIT_SUCCESS;
}

/* Keeps the wanted blocks only, all of them when none was named. */
static int filter_blocks(Snapshot *snapshot, const BlockSpan *wanted, size_t n_wanted)
{
        _cleanup_free_ bool *marks = NULL;
        size_t n_kept = 0;
        int r;

        if (n_wanted == 0)
                return EXIT_SUCCESS;
        marks = calloc(snapshot->n_blocks + 1, sizeof(*marks));
        if (!marks)
                return failure("%s", strerror(ENOMEM));
        for (size_t i = 0; i < n_wanted; i++) {
                r = mark_wanted(snapshot, &wanted[i], marks);
                if (r != EXIT_SUCCESS)
                        return r;
        }
        for (size_t i = 0; i < snapshot->n_blocks; i++)
                if (marks[i])
                        snapshot->blocks[n_kept++] = snapshot->blocks[i];
        snapshot->n_blocks = n_kept;
        return EXIT_SUCCESS;
}

static int print_blocks(const Snapshot *snapshot, const Selection *selection)
{
        _cleanup_(table_done) Table table = {};
        int r;

        r = table_init(&table, "memory", &list_columns, selection);
        for (size_t i = 0; i < snapshot->n_blocks && r >= 0; i++) {
                const BlockRow *block = &snapshot->blocks[i];
                Range range = { block, block, snapshot };

                while (!arg_all && i + 1 < snapshot->n_blocks && block[1].id == block->id + 1 &&
                       block_is_alike(range.first, block + 1, selection)) {
                        range.last = ++block;
                        i++;
                }
                r = table_add(&table, cell_format, &range);
        }
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? failure("cannot print the blocks: %s", strerror(-r)) : EXIT_SUCCESS;
}

/* Of what the table shows; a block that is going offline is still online. */
static void print_totals(const Snapshot *snapshot)
{
        uint64_t block_size_bytes = snapshot->manager.block_size_bytes;
        uint64_t online_bytes = 0, offline_bytes = 0;
        int width = arg_bytes ? 15 : 5;
        char text[SIZE_STRING_MAX];

        for (size_t i = 0; i < snapshot->n_blocks; i++) {
                BlockState state = block_state_from_string(snapshot->blocks[i].state);

                if (state == BLOCK_ONLINE || state == BLOCK_GOING_OFFLINE)
                        online_bytes += block_size_bytes;
                else
                        offline_bytes += block_size_bytes;
        }
        printf("\n%-23s %*s\n", "Memory block size:", width, size_format(block_size_bytes, text));
        printf("%-23s %*s\n", "Total online memory:", width, size_format(online_bytes, text));
        printf("%-23s %*s\n", "Total offline memory:", width, size_format(offline_bytes, text));
}

int verb_list(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_free_ BlockSpan *wanted = NULL;
        size_t n_wanted = 0;
        Selection selection;
        int r;

        r = selection_parse(&list_columns, arg_output, &selection);
        if (r != EXIT_SUCCESS)
                return r;
        r = blocks_parse(argc, argv, &wanted, &n_wanted);
        if (r != EXIT_SUCCESS)
                return r;
        r = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        r = filter_blocks(&snapshot, wanted, n_wanted);
        if (r != EXIT_SUCCESS)
                return r;
        r = print_blocks(&snapshot, &selection);
        if (r == EXIT_SUCCESS && !arg_json && !arg_no_headings)
                print_totals(&snapshot);
        return r;
}
