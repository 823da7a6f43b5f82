/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/udev-line.h"

/* Tells whether a line of udev rules matches the events of memory blocks. */

/* The folder of the memory blocks, as in DEVPATH. */
#define UDEV_MEMORY_FOLDER "/devices/system/memory"

/* Facts about the machine, for the lines that ask for them. NULL: not known, so either answer is possible. */
typedef struct UdevHost {
        const char *architecture;   /* CONST{arch} */
        const char *virtualization; /* CONST{virt} */
        const char *sys_vendor;     /* ATTR{[dmi/id]sys_vendor}; "" if there is none */
        const char *product_name;   /* ATTR{[dmi/id]product_name} */
} UdevHost;

/* Whether something holds for memory blocks. UDEV_MAYBE: it may hold for some, or the answer is not known. */
typedef enum UdevAnswer {
        UDEV_NEVER,
        UDEV_MAYBE,
        UDEV_ALWAYS,
} UdevAnswer;

/* Whether a line matches a memory block. */
UdevAnswer udev_match_line(const UdevLine *line, const UdevHost *host);

/*
 * Whether the conditions that a line has for the machine hold. *ret_rest: whether the line has
 * other conditions.
 */
UdevAnswer udev_match_host(const UdevLine *line, const UdevHost *host, bool *ret_rest);
