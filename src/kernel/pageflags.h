/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"
#include "model/pages.h"

/*
 * Counts what pages are used for, from /proc/kpageflags and /proc/kpagecount, which have eight bytes for each page.
 * Only root can open them, or a process with CAP_DAC_OVERRIDE. The kernel takes no lock for a read, so that pages can
 * change their use meanwhile. Not for recorded trees.
 */

typedef struct PageFiles {
        int flags_fd; /* negative: the kernel has no such file (no CONFIG_PROC_PAGE_MONITOR) */
        int count_fd; /* likewise; without it, no page is found to be PAGE_UNMAPPED */
} PageFiles;

#define PAGE_FILES_CLOSED ((PageFiles){ .flags_fd = -EBADF, .count_fd = -EBADF })

/* Opens the files below sysfs->proc_fd. What cannot be opened is negative. The caller closes them. */
void page_files_open(const Sysfs *sysfs, PageFiles *ret);
void page_files_close(PageFiles *files);

/*
 * Counts the `n_pages` pages of a block from the number `first` on. A page that does not exist is not counted, nor is
 * the memory map of the block in its first pages (memmap_on_memory), which does not keep it from going offline. Returns
 * 0, -EOPNOTSUPP if there is no file, or another negative errno. *ret is written on success only.
 */
int pages_count(const PageFiles *files, uint64_t page_size_bytes, uint64_t first, uint64_t n_pages,
                PageCounts *ret);

/* Counts the pages of a block of the running machine, which should be online. Returns as pages_count(). */
int pages_count_block(const PageFiles *files, const Sysfs *sysfs, uint32_t block, PageCounts *ret);
