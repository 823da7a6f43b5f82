/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/udev-line.h"

/* What a line of udev rules matches, of the events of memory blocks. */

/* The folder of the blocks, as DEVPATH has it. */
#define UDEV_MEMORY_FOLDER "/devices/system/memory"

/* What is known of the machine, for the lines that ask. NULL: not known, so that either may hold. */
typedef struct UdevHost {
        const char *architecture;   /* CONST{arch} */
        const char *virtualization; /* CONST{virt} */
        const char *sys_vendor;     /* ATTR{[dmi/id]sys_vendor}; "" where there is none */
        const char *product_name;   /* ATTR{[dmi/id]product_name} */
} UdevHost;

/* Whether something holds for a memory block: for some it may, or nobody can tell. */
typedef enum UdevAnswer {
        UDEV_NEVER,
        UDEV_MAYBE,
        UDEV_ALWAYS,
} UdevAnswer;

/* Whether a line matches a block. */
UdevAnswer udev_match_line(const UdevLine *line, const UdevHost *host);

/* Whether what a line asks of the machine holds; *ret_rest: whether it asks for more. */
UdevAnswer udev_match_host(const UdevLine *line, const UdevHost *host, bool *ret_rest);
