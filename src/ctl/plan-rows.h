/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/ctl.h"

/* A line of the plan. */
typedef struct PlanRow {
        ForecastRange range; /* its reason is owned by PlanRows, its other strings are not */
        const char *guards;  /* those of the range */
        Span span;
} PlanRow;

typedef struct PlanRows {
        PlanRow *rows; /* owned */
        size_t n;
} PlanRows;

/* Adds a range with a copy of its reason. Returns 0 or -ENOMEM. */
int plan_rows_add(PlanRows *rows, const ForecastRange *range, uint64_t block_size_bytes);
void plan_rows_done(PlanRows *rows);

/*
 * Adds the rows to a table. Unless the table is JSON, neighbours that alternate between two decisions, at
 * least twice and each time for as many blocks, become a single line. Returns 0 or -ENOMEM.
 */
int plan_rows_print(PlanRows *rows, Table *table);
