/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/block.h"

/* What the pages of memory blocks are used for, as numbers of pages. */

typedef enum PageKind {
        PAGE_FREE,
        PAGE_CACHE,     /* page cache, also of tmpfs and shared memory: moves */
        PAGE_ANONYMOUS, /* memory of processes: moves */
        PAGE_UNMAPPED,  /* such memory that no process maps: a pipe or a device keeps it */
        PAGE_HUGE,      /* huge pages of hugetlbfs, which PageCounts.huge has by size */
        PAGE_SLAB,      /* small objects of the kernel */
        PAGE_TABLE,     /* page tables of processes */
        PAGE_RESERVED, /* never given to the kernel's allocator: firmware, the kernel's image, metadata */
        PAGE_BALLOON, /* given back to the host */
        PAGE_BROKEN,  /* taken out of use after a memory error: it does not hold a block */
        PAGE_KERNEL,  /* all other pages of the kernel */
        PAGE_OTHER, /* the same in movable memory, where the kernel has no pages of its own: about to be freed */
        _PAGE_KIND_MAX,
        _PAGE_KIND_INVALID = -EINVAL,
} PageKind;

const char *page_kind_to_string(PageKind kind); /* "free", "page-cache", ... */
PageKind page_kind_from_string(const char *word);

/* The most sizes of huge pages that are told apart: architectures have up to four. */
#define HUGE_SIZES_MAX 4

/* A huge page of this size or more moves only to a free one of its size, and cannot be made anew when memory is used. */
#define GIGANTIC_BYTES (UINT64_C(1) << 30)

typedef struct HugeCount {
        uint64_t size_bytes; /* of one huge page; 0: unused */
        uint64_t n_pages;    /* of page_size_bytes, that are part of such huge pages */
} HugeCount;

typedef struct PageCounts {
        uint64_t page_size_bytes; /* 0: nothing was counted */
        uint64_t n[_PAGE_KIND_MAX];
        HugeCount huge[HUGE_SIZES_MAX];
        uint64_t
                n_locked; /* pages of other kinds that a process has locked in memory; they move as well */
        /*
         * After an offline that failed, by the kernel's log: pages that did not move since they are pinned, and
         * whether pages did not move since no memory was free.
         */
        uint64_t n_pinned;
        bool has_no_room;
        bool has_failed; /* counted right after an offline that failed */
} PageCounts;

/* Whether there are such huge pages of GIGANTIC_BYTES or more. */
bool huge_is_gigantic(const HugeCount *huge);

/* Adds the counts of another block. */
void page_counts_add(PageCounts *sum, const PageCounts *counts);

/* Adds pages of huge pages of a size. Those of sizes beyond HUGE_SIZES_MAX are counted as of the last one. */
void page_counts_add_huge(PageCounts *counts, uint64_t size_bytes, uint64_t n_pages);

/* Tells PAGE_OTHER from PAGE_KERNEL by the class of the block that was counted. */
void page_counts_set_class(PageCounts *counts, ZoneClass zone_class);

/* Returns the number of pages that have to move or to be freed before the memory can go offline. */
uint64_t page_counts_used(const PageCounts *counts);

/* Whether there are pages that keep the memory from going offline. */
bool page_counts_are_held(const PageCounts *counts);

/*
 * How hard it is to take memory offline: the number of pages in use, with COST_HELD added if there are pages that cannot
 * move. Memory of which this is not known costs COST_UNKNOWN: more than any number of pages, and less than what is held.
 */
#define COST_HELD (UINT64_C(1) << 48)
#define COST_UNKNOWN (COST_HELD - 1)

/* Returns how hard it is to take the counted memory offline. */
uint64_t page_counts_cost(const PageCounts *counts);

/* Returns the number of pages of a kind in bytes. */
uint64_t page_counts_bytes(const PageCounts *counts, PageKind kind);
