/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* /proc/iomem. The ranges are those of memory, by address. */

#include "fuzz.h"
#include "kernel/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        _cleanup_free_ Ram *rams = NULL;
        uint64_t kernel;
        size_t n = 0;

        (void) ram_find_kernel(text, &kernel);
        if (ram_list(text, UINT64_C(128) << 20, &rams, &n) < 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                uint32_t first;

                FUZZ_ASSERT(rams[i].first <= rams[i].last);
                FUZZ_ASSERT(memchr(rams[i].name, 0, sizeof(rams[i].name)));
                FUZZ_ASSERT(memchr(rams[i].driver, 0, sizeof(rams[i].driver)));
                FUZZ_ASSERT(i == 0 || rams[i - 1].last < rams[i].first);
                (void) ram_blocks(rams[i].first, rams[i].last, UINT64_C(128) << 20, &first);
        }
        return 0;
}
