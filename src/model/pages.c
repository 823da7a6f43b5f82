/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Adds up what pages are used for. */

#include "model/pages.h"

static const char *const page_kind_table[_PAGE_KIND_MAX] = {
        [PAGE_FREE] = "free",         [PAGE_CACHE] = "page-cache",  [PAGE_ANONYMOUS] = "anonymous",
        [PAGE_UNMAPPED] = "unmapped", [PAGE_HUGE] = "huge",         [PAGE_SLAB] = "slab",
        [PAGE_TABLE] = "page-table",  [PAGE_RESERVED] = "reserved", [PAGE_BALLOON] = "balloon",
        [PAGE_BROKEN] = "broken",     [PAGE_KERNEL] = "kernel",     [PAGE_OTHER] = "other",
};

DEFINE_STRING_TABLE(page_kind, PageKind)

void page_counts_add_huge(PageCounts *counts, uint64_t size_bytes, uint64_t n_pages)
{
        size_t i = 0;

        while (i < HUGE_SIZES_MAX - 1 && counts->huge[i].size_bytes != 0 &&
               counts->huge[i].size_bytes != size_bytes)
                i++;
        if (counts->huge[i].size_bytes == 0)
                counts->huge[i].size_bytes = size_bytes;
        counts->huge[i].n_pages += n_pages;
}

void page_counts_add(PageCounts *sum, const PageCounts *counts)
{
        sum->page_size_bytes = counts->page_size_bytes;
        for (size_t i = 0; i < _PAGE_KIND_MAX; i++)
                sum->n[i] += counts->n[i];
        for (size_t i = 0; i < HUGE_SIZES_MAX; i++)
                if (counts->huge[i].size_bytes > 0)
                        page_counts_add_huge(sum, counts->huge[i].size_bytes,
                                             counts->huge[i].n_pages);
        sum->n_locked += counts->n_locked;
        sum->n_pinned += counts->n_pinned;
        sum->has_no_room |= counts->has_no_room;
        sum->has_failed |= counts->has_failed;
}

void page_counts_set_class(PageCounts *counts, ZoneClass zone_class)
{
        if (zone_class != ZONE_CLASS_MOVABLE)
                return;
        counts->n[PAGE_OTHER] += counts->n[PAGE_KERNEL];
        counts->n[PAGE_KERNEL] = 0;
}

uint64_t page_counts_used(const PageCounts *counts)
{
        uint64_t n = 0;

        for (size_t i = 0; i < _PAGE_KIND_MAX; i++)
                if (i != PAGE_FREE && i != PAGE_BROKEN)
                        n += counts->n[i];
        return n;
}

bool huge_is_gigantic(const HugeCount *huge)
{
        return huge->size_bytes >= GIGANTIC_BYTES && huge->n_pages > 0;
}

bool page_counts_are_held(const PageCounts *counts)
{
        static const PageKind kinds[] = { PAGE_UNMAPPED, PAGE_SLAB, PAGE_TABLE, PAGE_RESERVED,
                                          PAGE_KERNEL };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (counts->n[kinds[i]] > 0)
                        return true;
        for (size_t i = 0; i < HUGE_SIZES_MAX; i++)
                if (huge_is_gigantic(&counts->huge[i]))
                        return true;
        return counts->n_pinned > 0;
}

uint64_t page_counts_cost(const PageCounts *counts)
{
        /* Pages that were freed wait in lists of the CPUs for a while: there can be many, and none has to move. */
        uint64_t n_used = page_counts_used(counts) - counts->n[PAGE_OTHER];

        return n_used + (page_counts_are_held(counts) ? COST_HELD : 0);
}

uint64_t page_counts_bytes(const PageCounts *counts, PageKind kind)
{
        return counts->n[kind] * counts->page_size_bytes;
}
