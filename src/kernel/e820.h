/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * The memory map that an x86 kernel was started with (/sys/kernel/boot_params/data, the "zero page"
 * of Documentation/arch/x86). It tells memory of the firmware from memory that was added later.
 * Pure: takes the bytes of the file.
 */

/* The entries that the page has room for (E820_MAX_ENTRIES_ZEROPAGE), and the size of the page in bytes. */
#define E820_MAX 128
#define E820_PAGE_SIZE 4096

typedef struct E820 {
        struct {
                uint64_t first; /* addresses, both included */
                uint64_t last;
        } ranges[E820_MAX]; /* of memory only */
        size_t n_ranges;
        bool is_whole; /* it contains all memory of the firmware */
} E820;

/*
 * Parses the page. Returns 0, or -EBADMSG if it contains no table: it is too short, or has no
 * entries or impossible ones. *ret is written on success only.
 */
int e820_parse(const uint8_t *page, size_t size, E820 *ret);

/* Whether any memory of the table lies between two addresses, both included. */
bool e820_has_memory(const E820 *e820, uint64_t first, uint64_t last);
