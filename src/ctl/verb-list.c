/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl list. */

#include "ctl/ctl.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* A line of the table: neighbouring blocks that look the same in it. */
typedef struct Range {
        BlockRow block; /* the first */
        Span span;
        const Snapshot *snapshot;
} Range;

/* The zones as lsmem prints them: "Normal/Movable", "None". */
static int format_zones(const void *row, char **ret)
{
        static const char *const names[] = { "DMA",     "DMA32",  "Normal", "Highmem",
                                             "Movable", "Device", "None" };
        _cleanup_free_ char *copy = strdup(((const Range *) row)->block.zones);
        const char *before = "";
        char *rest = NULL;
        size_t size;
        FILE *stream = copy ? open_memstream(ret, &size) : NULL;

        if (!stream)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                const char *name = "Unknown";

                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (strcasecmp(names[i], word) == 0)
                                name = names[i];
                fprintf(stream, "%s%s", before, name);
                before = "/";
        }
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}

/*
 * Empty while it is not known. In a recorded tree it will not become known: as lsmem has it, empty
 * where no block has a node, else -1.
 */
static int format_node(const void *row, char **ret)
{
        const Range *range = row;
        const Recording *recording = range->snapshot->recording;

        if (recording && !recording->has_nodes)
                return 0;
        if (range->block.node < 0)
                return recording ? cell_text("-1", ret) : 0;
        return cell_number((uint64_t) range->block.node, ret);
}

/* These are read only if they are asked for. */
#define CXL_REGION "CXL_REGION"
#define CXL_MEMDEVS "CXL_MEMDEVS"

static const Column columns[] = {
        { "RANGE", "first and last address", CELL_ADDRESSES, .offset = offsetof(Range, span) },
        { "SIZE", "size of the range", CELL_SPAN, .offset = offsetof(Range, span) },
        { "STATE", "online, offline or going-offline", CELL_TEXT,
          .offset = offsetof(Range, block.state), .flags = SCOLS_FL_RIGHT, .colored = true },
        { "BLOCK", "number of the block or blocks", CELL_BLOCKS, .offset = offsetof(Range, span) },
        { "NODE", "number of the node", CELL_NODE, .offset = offsetof(Range, block.node),
          .format = format_node },
        { "ZONES", "zone, or when offline the possible ones", CELL_TEXT,
          .offset = offsetof(Range, block.zones), .flags = SCOLS_FL_RIGHT, .format = format_zones },
        { "DECISION", "what memoryd decided", CELL_TEXT, .offset = offsetof(Range, block.decision),
          .flags = SCOLS_FL_RIGHT, .colored = true },
        { "CLASS", "none, kernel or movable", CELL_TEXT,
          .offset = offsetof(Range, block.zone_class), .optional = true, .flags = SCOLS_FL_RIGHT,
          .colored = true },
        { "RULE", "rule that decided, empty for the default", CELL_TEXT,
          .offset = offsetof(Range, block.rule), .optional = true },
        { "GUARDS", "guards that changed the decision", CELL_TEXT,
          .offset = offsetof(Range, block.guards), .optional = true },
        { "STATUS", "where the block stands with memoryd", CELL_TEXT,
          .offset = offsetof(Range, block.status), .optional = true, .colored = true },
        { "ERROR", "error of the last failed write", CELL_ERROR,
          .offset = offsetof(Range, block.error), .optional = true, .colored = true },
        { "DEVICE", "device that the memory belongs to", CELL_TEXT,
          .offset = offsetof(Range, block.device), .optional = true },
        { "ORIGIN", "where the memory came from", CELL_TEXT,
          .offset = offsetof(Range, block.origin), .optional = true },
        { CXL_REGION, "CXL region that the memory belongs to", CELL_TEXT,
          .offset = offsetof(Range, block.cxl_region), .optional = true },
        { CXL_MEMDEVS, "CXL memory devices that the memory is in", CELL_TEXT,
          .offset = offsetof(Range, block.cxl_memdevs), .optional = true },
};

const ColumnSet list_columns = { columns, ELEMENTSOF(columns) };

/* Marks the wanted blocks. A wanted block that does not exist is an error. */
static int mark_wanted(const Snapshot *snapshot, const BlockRange *wanted, bool *marks)
{
        const BlockRow *first = NULL;
        size_t i;

        if (snapshot->n_blocks > 0)
                first = bsearch(&wanted->first, snapshot->blocks, snapshot->n_blocks,
                                sizeof(*first), id_compare);
        i = first ? (size_t) (first - snapshot->blocks) : snapshot->n_blocks;
        for (uint64_t id = wanted->first; id <= wanted->last; id++, i++) {
                if (i == snapshot->n_blocks || snapshot->blocks[i].id != id)
                        return failure("there is no memory%" PRIu64, id);
                marks[i] = true;
        }
        return EXIT_SUCCESS;
}

/* Keeps the wanted blocks only, all of them when none was named. */
static int filter_blocks(Snapshot *snapshot, const BlockRange *wanted, size_t n_wanted)
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

static int print_blocks(Table *table, const Snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; i < snapshot->n_blocks && r >= 0;) {
                Range range = { .block = snapshot->blocks[i], .snapshot = snapshot }, next;

                range.span = (Span){ range.block.id, range.block.id,
                                     snapshot->manager.block_size_bytes };
                while (++i < snapshot->n_blocks && !arg_all) {
                        next.block = snapshot->blocks[i];
                        if (next.block.id != range.span.last + 1 ||
                            !table_is_alike(table, &range, &next))
                                break;
                        range.span.last = next.block.id;
                }
                r = table_add(table, &range);
        }
        return table_finish(table, r);
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

static unsigned what_to_fetch(void)
{
        bool wants_cxl = table_is_asked_for(CXL_REGION) || table_is_asked_for(CXL_MEMDEVS);

        return FETCH_MANAGER | FETCH_BLOCKS | (wants_cxl ? FETCH_CXL : 0);
}

int verb_list(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        _cleanup_free_ BlockRange *wanted = NULL;
        _cleanup_free_ WordRange *words = NULL;
        size_t n_words = 0;
        int r;

        r = table_init(&table, "memory", &list_columns);
        if (r != EXIT_SUCCESS)
                return r;
        r = blocks_parse(argc, argv, &words, &n_words);
        if (r != EXIT_SUCCESS)
                return r;
        r = snapshot_fetch(what_to_fetch(), &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        r = blocks_resolve(words, n_words, snapshot.manager.block_size_bytes, &wanted);
        if (r != EXIT_SUCCESS)
                return r;
        r = filter_blocks(&snapshot, wanted, n_words);
        if (r != EXIT_SUCCESS)
                return r;
        r = print_blocks(&table, &snapshot);
        if (r == EXIT_SUCCESS && !arg_json && !arg_no_headings)
                print_totals(&snapshot);
        return r;
}
