/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Counts what the pages of a block are used for. */

#include "kernel/pageflags.h"

#include <fcntl.h>

/* The numbers of the bits: include/uapi/linux/kernel-page-flags.h, and from 32 on those that fs/proc/page.c adds. */
#define FLAG(number) (UINT64_C(1) << (number))
#define FLAG_UPTODATE FLAG(3)
#define FLAG_LRU FLAG(5)
#define FLAG_SLAB FLAG(7)
#define FLAG_BUDDY FLAG(10)
#define FLAG_ANONYMOUS FLAG(12)
#define FLAG_SWAPCACHE FLAG(13)
#define FLAG_SWAPBACKED FLAG(14)
#define FLAG_HEAD FLAG(15)
#define FLAG_TAIL FLAG(16)
#define FLAG_HUGE FLAG(17)
#define FLAG_UNEVICTABLE FLAG(18)
#define FLAG_HWPOISON FLAG(19)
#define FLAG_NOPAGE FLAG(20)
#define FLAG_KSM FLAG(21)
#define FLAG_OFFLINE FLAG(23)
#define FLAG_PGTABLE FLAG(26)
#define FLAG_RESERVED FLAG(32)
#define FLAG_MLOCKED FLAG(33)
#define FLAG_OWNER_PRIVATE FLAG(37)

/* What a page takes of the memory map: the size of the kernel's struct page. */
#define MAP_ENTRY_BYTES 64

/* The pages to read at once. */
#define CHUNK 4096

/* A huge page has at most 2 to the power of this many pages: 16 GiB of pages of 4 KiB (s390 has 2 GiB, ppc64 16 GiB). */
#define ORDER_MAX 22

void page_files_open(const Sysfs *sysfs, PageFiles *ret)
{
        *ret = (PageFiles){
                .flags_fd = sysfs_open_below(sysfs, sysfs->proc_fd, "kpageflags", O_RDONLY),
                .count_fd = sysfs_open_below(sysfs, sysfs->proc_fd, "kpagecount", O_RDONLY),
        };
}

void page_files_close(PageFiles *files)
{
        closep(&files->flags_fd);
        closep(&files->count_fd);
        *files = PAGE_FILES_CLOSED;
}

/* Reads the numbers of up to `n` pages. Returns how many there are, 0 behind the last page, or a negative errno. */
static ssize_t read_numbers(int fd, uint64_t first, uint64_t *numbers, size_t n)
{
        ssize_t size;

        do
                size = pread(fd, numbers, n * sizeof(*numbers), (off_t) (first * sizeof(*numbers)));
        while (size < 0 && errno == EINTR);
        return size < 0 ? -errno : size / (ssize_t) sizeof(*numbers);
}

/* Returns the flags of a page, or FLAG_NOPAGE. */
static uint64_t read_flags(const PageFiles *files, uint64_t page)
{
        uint64_t flags;

        return read_numbers(files->flags_fd, page, &flags, 1) == 1 ? flags : FLAG_NOPAGE;
}

/*
 * Finds the first page of the compound page that a tail page is part of. It lies at a multiple of its size, and all
 * others of it are tail pages. Returns the page itself if there is none.
 */
static uint64_t find_head(const PageFiles *files, uint64_t page)
{
        for (unsigned order = 1; order <= ORDER_MAX; order++) {
                uint64_t head = page & ~((UINT64_C(1) << order) - 1);

                if (head != page && !(read_flags(files, head) & FLAG_TAIL))
                        return head;
        }
        return page;
}

/* Returns the number of pages of the compound page that begins with this one. */
static uint64_t compound_size(const PageFiles *files, uint64_t head)
{
        unsigned order = 0;

        while (order < ORDER_MAX && (read_flags(files, head + (UINT64_C(1) << order)) & FLAG_TAIL))
                order++;
        return UINT64_C(1) << order;
}

/* Returns the kind of a page that is not the tail of a compound page. */
static PageKind find_kind(uint64_t flags)
{
        if (flags & FLAG_HWPOISON)
                return PAGE_BROKEN;
        if (flags & FLAG_BUDDY)
                return PAGE_FREE;
        if (flags & FLAG_HUGE)
                return PAGE_HUGE;
        if (flags & FLAG_SLAB)
                return PAGE_SLAB;
        if (flags & FLAG_PGTABLE)
                return PAGE_TABLE;
        if (flags & FLAG_OFFLINE)
                return PAGE_BALLOON;
        if (flags & FLAG_RESERVED)
                return PAGE_RESERVED;
        if (flags & (FLAG_ANONYMOUS | FLAG_KSM))
                return PAGE_ANONYMOUS;
        /* A page that was just read waits in a list of its CPU before it has FLAG_LRU. */
        if (flags & (FLAG_LRU | FLAG_UPTODATE | FLAG_SWAPBACKED | FLAG_UNEVICTABLE))
                return PAGE_CACHE;
        return PAGE_KERNEL;
}

/* A count under way. `kind`, `is_locked` and `huge_bytes` are those of the last page that was no tail. */
typedef struct Counter {
        const PageFiles *files;
        PageCounts counts;
        PageKind kind;
        bool is_locked;
        uint64_t huge_bytes;
        bool in_map;                  /* all pages so far are of the memory map */
        uint64_t map[_PAGE_KIND_MAX]; /* how many, by kind; counts has them as well */
        uint64_t numbers[CHUNK];      /* of kpagecount, for the pages of this chunk */
        bool has_numbers;             /* they were read */
        ssize_t n_numbers;            /* how many there are; negative: an error */
} Counter;

/* Takes a page that is no tail, or the head of the compound page that the block begins in. */
static void counter_begin(Counter *counter, uint64_t page, uint64_t flags)
{
        counter->kind = find_kind(flags);
        counter->is_locked = flags & FLAG_MLOCKED;
        if (counter->kind == PAGE_HUGE)
                counter->huge_bytes =
                        compound_size(counter->files, page) * counter->counts.page_size_bytes;
}

/* Whether no process maps page `i` of the chunk that begins at `first`. */
static bool is_unmapped(Counter *counter, uint64_t first, size_t i)
{
        if (!counter->has_numbers) {
                counter->n_numbers = counter->files->count_fd < 0 ?
                                             0 :
                                             read_numbers(counter->files->count_fd, first,
                                                          counter->numbers, CHUNK);
                counter->has_numbers = true;
        }
        return (ssize_t) i < counter->n_numbers && counter->numbers[i] == 0;
}

/*
 * Whether a page is of the memory map of a block that lies in the block itself: kernels from 6.0 on mark such pages as
 * "self-hosted" with this flag. They were reserved as well until 6.11. All of them lie at the start of the block.
 */
static bool is_of_map(PageKind kind, uint64_t flags)
{
        return (kind == PAGE_RESERVED || kind == PAGE_KERNEL) && (flags & FLAG_OWNER_PRIVATE) &&
               !(flags & (FLAG_HEAD | FLAG_TAIL));
}

/*
 * Takes the memory map out of the counts, unless it has too few pages to be one. It may have more than it needs: the
 * kernel can be told to fill up the last pageblock (memmap_on_memory=force).
 */
static void counter_remove_map(Counter *counter, uint64_t n_pages)
{
        uint64_t n = 0;

        for (size_t i = 0; i < _PAGE_KIND_MAX; i++)
                n += counter->map[i];
        for (size_t i = 0; i < _PAGE_KIND_MAX; i++)
                if (n * counter->counts.page_size_bytes >= n_pages * MAP_ENTRY_BYTES)
                        counter->counts.n[i] -= counter->map[i];
}

static void counter_take(Counter *counter, uint64_t first, const uint64_t *flags, size_t n)
{
        PageCounts *counts = &counter->counts;

        counter->has_numbers = false;
        for (size_t i = 0; i < n; i++) {
                PageKind kind;

                if (flags[i] & FLAG_NOPAGE)
                        continue;
                if (!(flags[i] & FLAG_TAIL))
                        counter_begin(counter, first + i, flags[i]);
                kind = counter->kind;
                if (kind == PAGE_HUGE)
                        page_counts_add_huge(counts, counter->huge_bytes, 1);
                /* Of a large page, another part may be mapped. A page of the swap cache can be dropped. */
                if (kind == PAGE_ANONYMOUS &&
                    !(flags[i] & (FLAG_HEAD | FLAG_TAIL | FLAG_SWAPCACHE | FLAG_KSM)) &&
                    is_unmapped(counter, first, i))
                        kind = PAGE_UNMAPPED;
                counts->n[kind]++;
                counter->in_map &= is_of_map(kind, flags[i]);
                counter->map[kind] += counter->in_map;
                counts->n_locked += counter->is_locked;
        }
}

int pages_count(const PageFiles *files, uint64_t page_size_bytes, uint64_t first, uint64_t n_pages,
                PageCounts *ret)
{
        /* Too large for the stack of a process whose memory is locked. There is one thread. */
        static Counter counter;
        static uint64_t flags[CHUNK];
        uint64_t end = first + n_pages;

        if (files->flags_fd < 0)
                return -EOPNOTSUPP;
        counter.files = files;
        counter.counts = (PageCounts){ .page_size_bytes = page_size_bytes };
        counter.kind = PAGE_KERNEL;
        counter.is_locked = false;
        counter.in_map = true;
        memset(counter.map, 0, sizeof(counter.map));
        if (read_flags(files, first) & FLAG_TAIL) {
                uint64_t head = find_head(files, first);

                counter_begin(&counter, head, read_flags(files, head));
        }
        while (first < end) {
                ssize_t n = read_numbers(files->flags_fd, first, flags,
                                         (size_t) MIN(end - first, (uint64_t) CHUNK));

                if (n < 0)
                        return (int) n;
                if (n == 0)
                        break;
                counter_take(&counter, first, flags, (size_t) n);
                first += (uint64_t) n;
        }
        counter_remove_map(&counter, n_pages);
        *ret = counter.counts;
        return 0;
}

int pages_count_block(const PageFiles *files, const Sysfs *sysfs, uint32_t block, PageCounts *ret)
{
        uint64_t block_size_bytes, n_pages;
        int r = sysfs_read_block_size(sysfs, &block_size_bytes);

        if (r < 0)
                return r;
        n_pages = block_size_bytes / sysfs->page_size_bytes;
        return pages_count(files, sysfs->page_size_bytes, block * n_pages, n_pages, ret);
}
