/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The memory map of the firmware, in the page that an x86 kernel is started with. */

#include "fuzz.h"
#include "kernel/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        E820 map;

        if (e820_parse(data, size, &map) < 0)
                return 0;
        FUZZ_ASSERT(map.n_ranges <= E820_MAX);
        for (size_t i = 0; i < map.n_ranges; i++) {
                FUZZ_ASSERT(map.ranges[i].first <= map.ranges[i].last);
                FUZZ_ASSERT(e820_has_memory(&map, map.ranges[i].first, map.ranges[i].last));
        }
        return 0;
}
