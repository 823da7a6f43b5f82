/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * The memory that an x86 kernel was started with, from the table it was handed
 * (/sys/kernel/boot_params/data, "zero page" of Documentation/arch/x86): what tells the firmware's
 * memory from memory added since. Pure: takes the file's bytes.
 */

/* What the page has room for (E820_MAX_ENTRIES_ZEROPAGE). */
#define E820_MAX 128
#define E820_PAGE_SIZE 4096

typedef struct E820 {
        struct {
                uint64_t first; /* addresses, both included */
                uint64_t last;
        } ranges[E820_MAX]; /* of memory only */
        size_t n_ranges;
        bool is_whole; /* all memory of the firmware is in it */
} E820;

/*
 * 0, or -EBADMSG when there is no table in it: too short a file, no entries, impossible ones. *ret is
 * written on success only.
 */
int e820_parse(const uint8_t *page, size_t size, E820 *ret);

/* Whether any memory of the table lies between two addresses, both included. */
bool e820_has_memory(const E820 *e820, uint64_t first, uint64_t last);
