/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/reason.h"

/* The last decisions and their results, oldest first. */

#define HISTORY_MAX 1000

typedef struct HistoryEntry {
        uint64_t usec; /* CLOCK_REALTIME */
        uint32_t block;
        int32_t node;
        char device[DEVICE_NAME_MAX];
        Verdict verdict;
        unsigned guards;
        BlockStatus status;
        Onliner onliner;
        int error;
        char *rule;   /* owned: the name of the rule, "" for the default */
        char *reason; /* owned: see reason_format() */
} HistoryEntry;

typedef struct History {
        HistoryEntry *entries; /* owned: a ring of up to HISTORY_MAX */
        size_t n_entries;
        size_t first; /* the oldest */
} History;

void history_done(History *history);

/* Adds an entry for a block as it is now, and drops the oldest beyond HISTORY_MAX. Returns 0 or -ENOMEM. */
int history_add(History *history, const Machine *machine, const Policy *policy, const Block *block,
                uint64_t usec);

/* Returns the i-th entry, counted from the oldest. */
const HistoryEntry *history_get(const History *history, size_t i);
