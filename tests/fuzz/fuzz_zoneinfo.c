/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* /proc/zoneinfo. */

#include "fuzz.h"
#include "kernel/sysfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        _cleanup_free_ Zone *zones = NULL;
        size_t n = 0;

        FUZZ_ASSERT(zoneinfo_parse(text, 4096, &zones, &n) == 0);
        for (size_t i = 0; i < n; i++) {
                FUZZ_ASSERT(zone_type_to_string(zones[i].type));
                FUZZ_ASSERT(zones[i].spanned_bytes > 0);
        }
        return 0;
}
