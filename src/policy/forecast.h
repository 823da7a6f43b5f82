/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"

/* What would become of a machine's memory, and of memory that is not there yet. Changes nothing. */

/* Memory to be added: "64G@1", "16G@2:virtio-mem". */
typedef struct Addition {
        uint64_t size_bytes;
        uint32_t node;
        Origin origin; /* ORIGIN_DIMM when the text says none */
} Addition;

/*
 * Parses an addition for a machine. 0, or -EINVAL with *ret_expected telling what was expected: text
 * that lives for ever.
 */
int addition_parse(const char *text, uint64_t block_size_bytes, Addition *ret,
                   const char **ret_expected);

/*
 * A forecast is for so many blocks at the most, and so many additions. Anybody may ask memoryd for one,
 * which then does nothing else: this is a second, and less than 100 MB.
 */
#define FORECAST_BLOCKS_MAX 262144
#define FORECAST_ADDITIONS_MAX 64

typedef struct Forecast {
        Machine machine;    /* a copy, after all that would be decided was done */
        BlockState *before; /* owned: of each of its blocks */
        bool *is_added;     /* owned: it is not there yet */
} Forecast;

/*
 * Plays what memoryd would do by a policy: with what is offline on the machine now, as when a rescan is
 * asked for or, if it is not the current one, the policy is loaded, then with each addition in turn. All
 * writes succeed. Added blocks follow the machine's last, and what its devices can grow to; a node that
 * is not there yet has no CPU and no distances. The udev properties of the machine's blocks are those
 * that the current policy asks for: others are not there. 0, -ENOMEM, or -E2BIG beyond
 * FORECAST_BLOCKS_MAX.
 */
int forecast_make(const Machine *machine, const Policy *current, const Policy *policy,
                  const Addition *additions, size_t n_additions, Forecast *ret);
void forecast_done(Forecast *forecast);

/* Neighbouring blocks of which the same is to be said. */
typedef struct ForecastRange {
        uint32_t first;
        uint32_t last;
        int32_t node;
        bool is_added;
        const char *state; /* as it is now: "absent" for what is yet to be added */
        const char *zone_class;
        const char *device;
        const char *origin;
        const char *decision; /* "none" for what stays as it is */
        const char *rule;
        char guards[GUARDS_STRING_MAX];
        char *reason; /* owned: of the first block, see reason_format() */
} ForecastRange;

/*
 * The range that begins with the block at *index, which is moved past it: 1, 0 at the end, or
 * -ENOMEM. Strings but for the reason belong to the forecast and the policy.
 */
int forecast_range(const Forecast *forecast, const Policy *policy, size_t *index,
                   ForecastRange *ret);
