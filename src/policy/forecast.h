/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/plan.h"

/* Forecasts the decisions on a machine's memory, and on memory that is not there yet. Changes nothing. */

/* Memory to be added: "64G@1", "16G@2:virtio-mem". */
typedef struct Addition {
        uint64_t size_bytes;
        uint32_t node;
        Origin origin; /* ORIGIN_DIMM if the text names none */
} Addition;

/*
 * Parses an addition. Returns 0, -ENOMEM, or -EINVAL with a static text in *ret_expected that says what was
 * expected.
 */
int addition_parse(const char *text, uint64_t block_size_bytes, Addition *ret,
                   const char **ret_expected);

/*
 * The most blocks and additions of a forecast. Every user may ask memoryd for a forecast. A forecast
 * of this size takes a second and less than 100 MB.
 */
#define FORECAST_BLOCKS_MAX 262144
#define FORECAST_ADDITIONS_MAX 64

typedef struct Forecast {
        const Machine *present;
        Machine machine; /* a copy, on which all decisions were carried out, with all that is added */
} Forecast;

/*
 * Plays what memoryd would do by a policy: first with the memory that is offline now, as after a rescan or,
 * if the policy is not the current one, after a reload, then with each addition in turn. All writes succeed.
 * Added blocks come behind the machine's last block, and behind the blocks that its devices can grow to. A
 * node that is not there yet has no CPU and no distances. Blocks have only the udev properties that the
 * current policy asks for, because no others are known. The machine must not change until forecast_done().
 * Returns 0, -ENOMEM, or -E2BIG beyond FORECAST_BLOCKS_MAX.
 */
int forecast_make(const Machine *machine, const Policy *current, const Policy *policy,
                  const Addition *additions, size_t n_additions, Forecast *ret);
void forecast_done(Forecast *forecast);

/*
 * Makes a copy of the machine with memory of a device of this name added, on which nothing was decided. The
 * rest is as for forecast_make().
 */
int forecast_add(const Machine *machine, const Addition *addition, const char *device,
                 Forecast *ret);

/* A range of neighbouring blocks with the same forecast. */
typedef struct ForecastRange {
        uint32_t first;
        uint32_t last;
        int32_t node;
        bool is_added;
        const char *state; /* the present one; "absent" for memory that is added */
        const char *zone_class;
        const char *device;
        const char *origin;
        const char *decision; /* "none" for blocks that stay as they are */
        const char *rule;
        char guards[GUARDS_STRING_MAX];
        char *reason; /* owned: of the first block, see reason_format() */
} ForecastRange;

/*
 * Gets the range that begins with the block at *index, and moves *index past it. Returns 1, 0 at the end, or
 * -ENOMEM. All strings except for the reason belong to the forecast and the policy.
 */
int forecast_range(const Forecast *forecast, const Policy *policy, size_t *index,
                   ForecastRange *ret);
