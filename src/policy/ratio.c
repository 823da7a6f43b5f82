/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compares movable with kernel memory. */

#include "policy/ratio.h"

#include <stdio.h>

Figures figures_of(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes)
{
        cma_bytes = MIN(cma_bytes, kernel_bytes);
        return (Figures){ .kernel_bytes = kernel_bytes - cma_bytes,
                          .movable_bytes = movable_bytes + cma_bytes };
}

/*
 * Counts in units of 4 KiB, of which all sizes are multiples. At the largest ratio, 64 bits then suffice for
 * 2^52 bytes, the most that an x86 or arm64 machine can address.
 */
bool figures_exceed(Figures *figures, uint32_t ratio_permille)
{
        figures->limit = ratio_permille;
        return (figures->movable_bytes >> 12) * 1000 >
               (figures->kernel_bytes >> 12) * ratio_permille;
}

bool figures_is_worse(const Figures *figures, const Figures *than)
{
        if (than->movable_bytes == 0 || (figures->kernel_bytes == 0 && than->kernel_bytes == 0))
                return figures->movable_bytes > than->movable_bytes;
        return (__int128) figures->movable_bytes * than->kernel_bytes >
               (__int128) than->movable_bytes * figures->kernel_bytes;
}

static const char *format_quotient(const Figures *figures, bool up,
                                   char buffer[static RATIO_STRING_MAX])
{
        uint64_t kernel = figures->kernel_bytes >> 12, movable = figures->movable_bytes >> 12;
        uint64_t percent;

        percent = (movable * 100 + (up ? kernel - 1 : 0)) / kernel;
        snprintf(buffer, RATIO_STRING_MAX, "%llu.%02llu", (unsigned long long) (percent / 100),
                 (unsigned long long) (percent % 100));
        return buffer;
}

const char *figures_format(const Figures *figures, bool up, char buffer[static FIGURES_STRING_MAX])
{
        char kernel[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX], ratio[RATIO_STRING_MAX];

        format_bytes_exact(figures->movable_bytes, movable);
        if (figures->kernel_bytes >> 12 == 0)
                snprintf(buffer, FIGURES_STRING_MAX, "%s of movable and no kernel memory", movable);
        else
                snprintf(buffer, FIGURES_STRING_MAX,
                         "%s of movable to %s of kernel memory, %s to 1", movable,
                         format_bytes_exact(figures->kernel_bytes, kernel),
                         format_quotient(figures, up, ratio));
        return buffer;
}

const char *ratio_format(uint64_t permille, char buffer[static RATIO_STRING_MAX])
{
        int n = snprintf(buffer, RATIO_STRING_MAX, "%llu.%03llu",
                         (unsigned long long) (permille / 1000),
                         (unsigned long long) (permille % 1000));

        if (buffer[n - 1] == '0')
                buffer[n - 1] = 0;
        return buffer;
}
