/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Says what keeps memory from going offline. */

#include "policy/holds.h"

#include "base/format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NUMBER_MAX 32

/* Formats a number with a comma before each three digits: "1,204". */
static const char *format_number(uint64_t number, char buffer[static NUMBER_MAX])
{
        char digits[NUMBER_MAX];
        size_t n = (size_t) snprintf(digits, sizeof(digits), "%" PRIu64, number), at = 0;

        for (size_t i = 0; i < n; i++) {
                if (i > 0 && (n - i) % 3 == 0)
                        buffer[at++] = ',';
                buffer[at++] = digits[i];
        }
        buffer[at] = 0;
        return buffer;
}

/* Returns the pages that the kernel can move, as far as there is room for them. */
static uint64_t count_movable(const PageCounts *counts)
{
        uint64_t n = counts->n[PAGE_CACHE] + counts->n[PAGE_ANONYMOUS] + counts->n[PAGE_OTHER];

        for (size_t i = 0; i < HUGE_SIZES_MAX; i++)
                if (!huge_is_gigantic(&counts->huge[i]))
                        n += counts->huge[i].n_pages;
        return n;
}

static bool has_gigantic(const PageCounts *counts)
{
        for (size_t i = 0; i < HUGE_SIZES_MAX; i++)
                if (huge_is_gigantic(&counts->huge[i]))
                        return true;
        return false;
}

/* Whether pages found no free memory to move to. That is so of each huge page that needs another of its size. */
static bool has_no_room(const PageCounts *counts)
{
        return counts->has_no_room && !has_gigantic(counts);
}

/* Whether an offline failed though all pages could move, and the kernel's log does not tell why. */
static bool is_unexplained(const PageCounts *counts)
{
        return counts->has_failed && !page_counts_are_held(counts) && !counts->has_no_room &&
               count_movable(counts) > 0;
}

/* A sentence in the making: things of a clause with commas and "and" between them. */
typedef struct Clause {
        char *things[_PAGE_KIND_MAX + HUGE_SIZES_MAX + 1]; /* owned */
        size_t n;
        bool failed; /* memory is short */
} Clause;

static void clause_done(Clause *clause)
{
        for (size_t i = 0; i < clause->n; i++)
                free(clause->things[i]);
}

static _printf_(2, 3) void clause_add(Clause *clause, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&clause->things[clause->n], format, arguments);
        va_end(arguments);
        clause->failed |= r < 0;
        clause->n += r >= 0;
}

static void clause_add_number(Clause *clause, uint64_t n, const char *one, const char *several)
{
        char number[NUMBER_MAX];

        if (n > 0)
                clause_add(clause, "%s %s", format_number(n, number), n == 1 ? one : several);
}

static void clause_add_size(Clause *clause, uint64_t bytes, const char *what)
{
        char size[FORMAT_BYTES_MAX];

        if (bytes > 0)
                clause_add(clause, "%s of %s", format_bytes(bytes, size), what);
}

static void clause_add_huge(Clause *clause, const PageCounts *counts, bool gigantic)
{
        for (size_t i = 0; i < HUGE_SIZES_MAX; i++) {
                const HugeCount *huge = &counts->huge[i];
                uint64_t bytes = huge->n_pages * counts->page_size_bytes;
                char size[FORMAT_BYTES_MAX], number[NUMBER_MAX];

                if (bytes == 0 || huge_is_gigantic(huge) != gigantic)
                        continue;
                format_bytes(huge->size_bytes, size);
                if (bytes < huge->size_bytes)
                        clause_add(clause, "a part of a huge page of %s", size);
                else if (bytes < 2 * huge->size_bytes)
                        clause_add(clause, "a huge page of %s", size);
                else
                        clause_add(clause, "%s huge pages of %s",
                                   format_number((bytes + huge->size_bytes - 1) / huge->size_bytes,
                                                 number),
                                   size);
        }
}

static void clause_print(const Clause *clause, FILE *stream)
{
        for (size_t i = 0; i < clause->n; i++)
                fprintf(stream, "%s%s",
                        i == 0            ? "" :
                        i + 1 < clause->n ? ", " :
                                            " and ",
                        clause->things[i]);
}

static void add_holders(Clause *clause, const PageCounts *counts)
{
        clause_add_number(clause, counts->n_pinned, "page that a process or device keeps pinned",
                          "pages that a process or device keeps pinned");
        clause_add_number(clause, counts->n[PAGE_SLAB], "slab page", "slab pages");
        clause_add_number(clause, counts->n[PAGE_TABLE], "page table", "page tables");
        clause_add_huge(clause, counts, true);
        clause_add_number(clause, counts->n[PAGE_UNMAPPED],
                          "page of a process that a pipe or device keeps",
                          "pages of processes that a pipe or device keeps");
        clause_add_number(clause, counts->n[PAGE_RESERVED], "reserved page", "reserved pages");
        clause_add_number(clause, counts->n[PAGE_KERNEL], "other kernel page",
                          "other kernel pages");
}

static void add_movable(Clause *clause, const PageCounts *counts)
{
        /* Pinned pages are among those that would move: mostly memory of processes. */
        uint64_t n_anonymous = counts->n[PAGE_ANONYMOUS], n_cache = counts->n[PAGE_CACHE],
                 n_pinned = MIN(counts->n_pinned, n_anonymous);

        n_anonymous -= n_pinned;
        n_cache -= MIN(counts->n_pinned - n_pinned, n_cache);
        clause_add_size(clause, n_cache * counts->page_size_bytes, "page cache");
        clause_add_size(clause, n_anonymous * counts->page_size_bytes, "memory of processes");
        clause_add_huge(clause, counts, false);
        clause_add_number(clause, counts->n[PAGE_OTHER], "other page", "other pages");
}

static int print_holds(FILE *stream, const PageCounts *counts)
{
        _cleanup_(clause_done) Clause holders = {}, movable = {};
        const char *did = is_unexplained(counts) ? " did not move in time" :
                          has_no_room(counts)    ? " found no free memory to move to" :
                                                   " would move";
        char size[FORMAT_BYTES_MAX];

        add_holders(&holders, counts);
        add_movable(&movable, counts);
        if (holders.failed || movable.failed)
                return -ENOMEM;
        if (holders.n > 0)
                fputs("held by ", stream);
        clause_print(&holders, stream);
        if (holders.n > 0 && movable.n > 0)
                fputs("; ", stream);
        clause_print(&movable, stream);
        if (movable.n > 0)
                fputs(did, stream);
        if (holders.n == 0 && movable.n == 0)
                fputs("no page is in use", stream);
        if (counts->n_locked > 0)
                fprintf(stream, "; %s of it locked by processes",
                        format_bytes(counts->n_locked * counts->page_size_bytes, size));
        if (counts->n[PAGE_BALLOON] > 0)
                fprintf(stream, "; %s in a balloon or not plugged in",
                        format_bytes(page_counts_bytes(counts, PAGE_BALLOON), size));
        if (counts->n[PAGE_FREE] > 0)
                fprintf(stream, "; %s free",
                        format_bytes(page_counts_bytes(counts, PAGE_FREE), size));
        return 0;
}

int holds_format(const PageCounts *counts, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        int r;

        if (!stream)
                return -ENOMEM;
        r = print_holds(stream, counts);
        if (fclose(stream) != 0 || r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

bool advice_is_for(Advice advice, const PageCounts *counts)
{
        switch (advice) {
        case ADVICE_SLAB:
                return counts->n[PAGE_SLAB] > 0;
        case ADVICE_TABLE:
                return counts->n[PAGE_TABLE] > 0;
        case ADVICE_KERNEL:
                return counts->n[PAGE_KERNEL] > 0;
        case ADVICE_RESERVED:
                return counts->n[PAGE_RESERVED] > 0;
        case ADVICE_GIGANTIC:
                return has_gigantic(counts);
        case ADVICE_PINNED:
                return counts->n_pinned > 0 || counts->n[PAGE_UNMAPPED] > 0;
        case ADVICE_NO_ROOM:
                return has_no_room(counts);
        case ADVICE_SLOW:
                return is_unexplained(counts);
        default:
                return false;
        }
}

const char *advice_text(Advice advice)
{
        static const char *const texts[_ADVICE_MAX] = {
                [ADVICE_SLAB] = "Slab pages have small objects of the kernel, most of them cached "
                                "names and "
                                "inodes of files: \"echo 2 > /proc/sys/vm/drop_caches\" frees "
                                "those that are "
                                "not in use. The others stay until what uses them ends.",
                [ADVICE_TABLE] = "Page tables are freed when the processes that they belong to "
                                 "end: processes "
                                 "with the most memory have the most of them.",
                [ADVICE_KERNEL] =
                        "Other pages of the kernel are stacks of processes, buffers of drivers and "
                        "the like, and stay until what uses them ends. Memory that is to leave "
                        "must "
                        "be movable before it is used: \"memoryctl set-zone\" right after it is "
                        "added, or a rule with zone = \"movable\".",
                [ADVICE_RESERVED] = "Reserved pages have belonged to the kernel or the firmware "
                                    "since the memory was added, and never leave.",
                [ADVICE_GIGANTIC] =
                        "A huge page of 1G or more moves only if another of its size is free: give "
                        "it back by its nr_hugepages in "
                        "/sys/devices/system/node/nodeN/hugepages once nothing uses it, or reserve "
                        "one more on another node first.",
                [ADVICE_PINNED] =
                        "Pinned pages are in the hands of a device or of the kernel: of direct "
                        "I/O, "
                        "RDMA, a device that was passed to a guest, io_uring buffers, or a pipe. "
                        "End the process or detach the device that uses them, then try again.",
                [ADVICE_NO_ROOM] = "The other memory of the machine is full: end what uses it, or "
                                   "add memory or swap, then try again.",
                [ADVICE_SLOW] =
                        "A process or device may keep pages pinned (direct I/O, RDMA, a pipe), or "
                        "there was too little time: try again with a longer --timeout, and look at "
                        "the kernel's log for \"migrating pfn\".",
        };

        return advice < _ADVICE_MAX ? texts[advice] : NULL;
}
