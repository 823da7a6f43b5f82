/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/reason.h"

/*
 * The last decisions and their results, oldest first. Blocks that are decided alike, one soon after the other,
 * have one entry, in whatever order they come: a device of thousands of blocks takes a few entries, also if its
 * blocks alternate between two results.
 */

/*
 * The most bytes that all entries take together, with their texts and ranges. The oldest entries are dropped. The
 * array of pointers to the entries is not counted: it has 32 KiB at the most.
 */
#define HISTORY_BYTES_MAX (1U << 20)

/* The longest time between a decision and the last one of an entry that it joins. */
#define HISTORY_JOIN_USEC (60 * USEC_PER_SEC)

/* The most ranges of blocks in an entry. */
#define HISTORY_RANGES_MAX 1024

/* The number of the newest entries that a decision can join. */
#define HISTORY_JOIN_ENTRIES 256

typedef struct HistoryEntry {
        uint64_t first_usec; /* CLOCK_REALTIME, of the first decision */
        uint64_t last_usec;  /* of the last decision */
        BlockRange *ranges;  /* owned: the blocks, ascending; no two ranges touch */
        size_t n_ranges;
        uint32_t n_decisions; /* more than blocks if a block was decided again */
        int32_t node;
        char device[DEVICE_NAME_MAX];
        Verdict verdict;
        ZoneAction action;
        unsigned guards;
        BlockStatus status;
        Onliner onliner;
        int error;
        bool by_itself;    /* the device could not be onlined as a whole */
        Rollback rollback; /* zeroed unless it is set */
        char *rule;        /* owned: the name of the rule, "" for the default */
        char *reason;      /* owned: see reason_format(); of the first decision */
} HistoryEntry;

typedef struct History {
        HistoryEntry **entries; /* owned, with what they point to */
        size_t n_entries;
        size_t n_bytes; /* that all entries take */
} History;

void history_done(History *history);

/*
 * Adds a block as it is now: to an entry of blocks that were decided alike, or as a new entry. Then drops the
 * oldest entries beyond HISTORY_BYTES_MAX. Returns 0, or -ENOMEM with the history as it was.
 */
int history_add(History *history, const Machine *machine, const Policy *policy, const Block *block,
                uint64_t usec);

/* Returns the i-th entry, counted from the oldest. */
const HistoryEntry *history_get(const History *history, size_t i);
