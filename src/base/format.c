/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Formats sizes and node lists. */

#include "base/format.h"

#include <stdio.h>
#include <string.h>

static const char suffixes[] = "BKMGTPE";

const char *format_bytes(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX])
{
        unsigned shift = 0, whole, thousandths = 0, tenths;
        uint64_t rest;

        while (bytes >> shift >= 1024)
                shift += 10;
        whole = (unsigned) (bytes >> shift);
        rest = bytes;

        /*
         * As lsmem, cuts the rest off after three decimals and rounds these to one: 1.25G becomes 1.3G. The
         * rest is less than 2^60, so ten times of it fit 64 bits.
         */
        for (int i = 0; i < 3; i++) {
                rest = (rest & ((UINT64_C(1) << shift) - 1)) * 10;
                thousandths = thousandths * 10 + (unsigned) (rest >> shift);
        }
        tenths = (thousandths + 50) / 100;
        if (tenths == 10) {
                whole++;
                tenths = 0;
        }

        if (tenths > 0)
                snprintf(buffer, FORMAT_BYTES_MAX, "%u.%u%c", whole, tenths, suffixes[shift / 10]);
        else
                snprintf(buffer, FORMAT_BYTES_MAX, "%u%c", whole, suffixes[shift / 10]);
        return buffer;
}

const char *format_bytes_exact(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX])
{
        static const char *const eighths[] = { "",   ".125", ".25", ".375",
                                               ".5", ".625", ".75", ".875" };
        unsigned exponent = sizeof(suffixes) - 2;

        /* A size needs at most three decimals if it is a multiple of an eighth of the unit. */
        while (exponent > 0 &&
               (bytes >> (10 * exponent) == 0 || bytes % (UINT64_C(1) << (10 * exponent - 3)) > 0))
                exponent--;
        snprintf(buffer, FORMAT_BYTES_MAX, "%llu%s%c",
                 (unsigned long long) (bytes >> (10 * exponent)),
                 exponent > 0 ? eighths[bytes >> (10 * exponent - 3) & 7] : "", suffixes[exponent]);
        return buffer;
}

/* Returns the first node of the set that is not below `node`, or NODE_MAX if there is none. */
static uint32_t next_node(const NodeSet *set, uint32_t node)
{
        while (node < NODE_MAX && !node_set_contains(set, node))
                node++;
        return node;
}

const char *format_nodes(const NodeSet *set, char *buffer, size_t size)
{
        size_t n = 0;

        buffer[0] = 0;
        for (uint32_t first = next_node(set, 0), next; first < NODE_MAX; first = next) {
                uint32_t last = first;
                char range[32];
                int length = snprintf(range, sizeof(range), "%s%u", n > 0 ? "," : "", first);

                while (last + 1 < NODE_MAX && node_set_contains(set, last + 1))
                        last++;
                if (last > first)
                        length += snprintf(range + length, sizeof(range) - (size_t) length, "-%u",
                                           last);
                next = next_node(set, last + 1);
                if (n + (size_t) length + (next < NODE_MAX ? strlen(",...") : 0) >= size) {
                        snprintf(buffer + n, size - n, "%s...", n > 0 ? "," : "");
                        break;
                }
                memcpy(buffer + n, range, (size_t) length + 1);
                n += (size_t) length;
        }
        return buffer;
}
