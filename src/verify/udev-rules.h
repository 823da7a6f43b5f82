/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * Finds the lines in a file of udev rules that write the states of memory blocks. The text is
 * processed as udev(7) does, including GOTO. Each condition of a line is known to hold, known not
 * to hold, or open. A line counts if it may be reached and may match.
 */

/* Limits in bytes and number, beyond which files are not read. No distribution comes near them. */
#define UDEV_FILE_SIZE_MAX (512U * 1024U)
#define UDEV_FILES_MAX 2048U
#define UDEV_FILES_SIZE_MAX (4U * 1024U * 1024U)

/* Facts about the machine, for the lines that ask for them. NULL: not known, so either answer is possible. */
typedef struct UdevHost {
        const char *architecture;   /* CONST{arch} */
        const char *virtualization; /* CONST{virt} */
        const char *sys_vendor;     /* ATTR{[dmi/id]sys_vendor}; "" if there is none */
        const char *product_name;   /* ATTR{[dmi/id]product_name} */
} UdevHost;

typedef struct UdevWrite {
        unsigned line;    /* from 1 on; for a continued line, its first line */
        const char *text; /* the token that writes, as in the file */
} UdevWrite;

/*
 * Finds the lines of a text that write, each once and in their order. Changes the text, and
 * *ret_writes, which the caller frees, points into it. Lines that udev would not accept as rules
 * are ignored. Returns the number of lines, or -ENOMEM.
 */
ssize_t udev_rules_parse(char *text, const UdevHost *host, UdevWrite **ret_writes);
