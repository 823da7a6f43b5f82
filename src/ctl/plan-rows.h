/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/ctl.h"

/* A line of the plan. */
typedef struct PlanRow {
        ForecastRange range; /* its reason is owned by PlanRows, its other strings are not */
        const char *guards;  /* those of the range */
        Span span;
        bool is_absent; /* memory that is not there yet: its numbers are not known */
        uint32_t
                n_units; /* devices of the same size, one after the other, with the same decision; at least 1 */
} PlanRow;

typedef struct PlanRows {
        PlanRow *rows; /* owned */
        size_t n;
} PlanRows;

/* Adds a range with a copy of its reason. Returns 0 or -ENOMEM. */
int plan_rows_add(PlanRows *rows, const ForecastRange *range, uint64_t block_size_bytes);
void plan_rows_done(PlanRows *rows);

/*
 * Adds the rows to a table. Unless the table is JSON, neighbours of the same size and decision become a single
 * line, and so do those that alternate between two decisions, at least twice and each time for as many blocks.
 * Returns 0 or -ENOMEM.
 */
int plan_rows_print(PlanRows *rows, Table *table);
