/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * Parses the text of /proc/iomem, the kernel's tree of physical addresses and their owners. The
 * text itself comes from sysfs.h.
 */

typedef struct IomemRange {
        uint64_t first; /* addresses, both included */
        uint64_t last;
        int32_t parent;   /* index of the range that contains it, less than its own; or IOMEM_TOP */
        uint32_t depth;   /* as indented in the text: levels below the sixth look like the sixth */
        const char *name; /* in Iomem.text */
} IomemRange;

/* The parent of a range that no other range contains. */
#define IOMEM_TOP (-1)

typedef struct Iomem {
        char *text;         /* owned */
        IomemRange *ranges; /* owned; each before those that it contains, siblings by address */
        size_t n_ranges;
} Iomem;

/*
 * Parses a text. Returns 0; -EACCES if all addresses are zero, which is what the kernel shows if
 * the process that opened the file did not have CAP_SYS_ADMIN; -EBADMSG if the text is not such a
 * tree, for example because it changed while it was read; or -ENOMEM. *ret is written on success
 * only.
 */
int iomem_parse(const char *text, Iomem *ret);

void iomem_done(Iomem *iomem);
