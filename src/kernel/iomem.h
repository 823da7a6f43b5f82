/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * /proc/iomem: the kernel's tree of physical addresses and who has them. A parser of its text alone:
 * where the text comes from is sysfs.h's.
 */

typedef struct IomemRange {
        uint64_t first; /* addresses, both included */
        uint64_t last;
        int32_t parent; /* index of the range that it lies in, or IOMEM_TOP; always less than its own */
        uint32_t depth; /* as the text has it: what is below the sixth level looks like the sixth */
        const char *name; /* in Iomem.text */
} IomemRange;

/* The parent of a range that lies in no other. */
#define IOMEM_TOP (-1)

typedef struct Iomem {
        char *text;         /* owned */
        IomemRange *ranges; /* owned; each before those in it, neighbours by address */
        size_t n_ranges;
} Iomem;

/*
 * 0; -EACCES when all addresses are zero: that is what the kernel shows to one who had no
 * CAP_SYS_ADMIN when the file was opened; -EBADMSG for a text that is no such tree, which one is that
 * changed while it was read; -ENOMEM. *ret is written on success only.
 */
int iomem_parse(const char *text, Iomem *ret);

void iomem_done(Iomem *iomem);
