/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the memory map that an x86 kernel was started with. */

#include "kernel/e820.h"

/* Offsets in struct boot_params: the number of entries, and the entries. */
#define OFFSET_COUNT 0x1e8
#define OFFSET_TABLE 0x2d0
#define ENTRY_SIZE 20
#define TYPE_RAM 1

/* All numbers are little endian, as on all x86. */
static uint64_t read_number(const uint8_t *bytes, size_t n)
{
        uint64_t number = 0;

        while (n > 0)
                number = number << 8 | bytes[--n];
        return number;
}

int e820_parse(const uint8_t *page, size_t size, E820 *ret)
{
        E820 e820 = {};
        size_t n;

        if (size < OFFSET_TABLE + E820_MAX * ENTRY_SIZE)
                return -EBADMSG;
        n = page[OFFSET_COUNT];
        if (n == 0 || n > E820_MAX)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++) {
                const uint8_t *entry = page + OFFSET_TABLE + i * ENTRY_SIZE;
                uint64_t first = read_number(entry, 8), length = read_number(entry + 8, 8);

                if (read_number(entry + 16, 4) != TYPE_RAM || length == 0)
                        continue;
                if (first > UINT64_MAX - (length - 1))
                        return -EBADMSG;
                e820.ranges[e820.n_ranges].first = first;
                e820.ranges[e820.n_ranges++].last = first + (length - 1);
        }
        if (e820.n_ranges == 0)
                return -EBADMSG;
        /* Entries that do not fit into the table are handed over in another way. */
        e820.is_whole = n < E820_MAX;
        *ret = e820;
        return 0;
}

bool e820_has_memory(const E820 *e820, uint64_t first, uint64_t last)
{
        for (size_t i = 0; i < e820->n_ranges; i++)
                if (e820->ranges[i].first <= last && first <= e820->ranges[i].last)
                        return true;
        return false;
}
