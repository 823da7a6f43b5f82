/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/pageflags.h"
#include "sysfs_fixture.h"

#include <fcntl.h>

#define BIT(n) (UINT64_C(1) << (n))
#define LRU BIT(5)
#define ANON BIT(12)
#define HEAD BIT(15)
#define TAIL BIT(16)
#define HUGE BIT(17)

#define PAGE UINT64_C(4096)
#define N_PAGES 20000 /* more than are read at once */

static SysfsFixture fixture;
static Sysfs sysfs;
static PageFiles files;
static uint64_t flags[N_PAGES], maps[N_PAGES];

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        sysfs_fixture_write(&fixture, "", "proc/kpageflags");
        sysfs_fixture_write(&fixture, "", "proc/kpagecount");
        ck_assert_int_eq(sysfs_open(fixture.root, &sysfs), 0);
        page_files_open(&sysfs, &files);
        ck_assert_int_ge(files.flags_fd, 0);
        ck_assert_int_ge(files.count_fd, 0);
        memset(flags, 0, sizeof(flags));
        memset(maps, 0, sizeof(maps));
}

static void teardown(void)
{
        page_files_close(&files);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

static void write_numbers(const char *name, const uint64_t *numbers, size_t n)
{
        _cleanup_close_ int fd = openat(sysfs.proc_fd, name, O_WRONLY | O_CLOEXEC);

        ck_assert_int_eq(write(fd, numbers, n * sizeof(*numbers)),
                         (ssize_t) (n * sizeof(*numbers)));
}

/* Makes a compound page of 2 to the power of `order` pages. Its tails have no flags but what kernels give all of them. */
static void make_compound(size_t first, unsigned order, uint64_t of_head, uint64_t of_all)
{
        flags[first] = HEAD | of_head | of_all;
        for (size_t i = first + 1; i < first + (UINT64_C(1) << order) && i < N_PAGES; i++)
                flags[i] = TAIL | of_all;
}

static PageCounts count(uint64_t first, uint64_t n)
{
        PageCounts counts;

        write_numbers("kpageflags", flags, N_PAGES);
        write_numbers("kpagecount", maps, N_PAGES);
        ck_assert_int_eq(pages_count(&files, PAGE, first, n, &counts), 0);
        ck_assert_uint_eq(counts.page_size_bytes, PAGE);
        return counts;
}

static const struct {
        uint64_t flags;
        int kind; /* -1: not counted */
} kinds[] = {
        { BIT(10), PAGE_FREE },
        { LRU, PAGE_CACHE },
        { BIT(3), PAGE_CACHE },
        { BIT(3) | BIT(14), PAGE_CACHE },
        { BIT(18), PAGE_CACHE },
        { LRU | ANON, PAGE_ANONYMOUS },
        { ANON | BIT(14), PAGE_ANONYMOUS },
        { BIT(21) | ANON, PAGE_ANONYMOUS },
        { BIT(7), PAGE_SLAB },
        { BIT(26), PAGE_TABLE },
        { BIT(26) | BIT(11), PAGE_TABLE },
        { BIT(32), PAGE_RESERVED },
        { BIT(32) | BIT(24), PAGE_RESERVED },
        { BIT(23), PAGE_BALLOON },
        { BIT(19), PAGE_BROKEN },
        { BIT(19) | BIT(10), PAGE_BROKEN },
        { 0, PAGE_KERNEL },
        { BIT(11), PAGE_KERNEL }, /* a driver's, mapped */
        { BIT(20), -1 },
};

START_TEST(each_page_is_of_one_kind)
{
        PageCounts counts;

        flags[5] = kinds[_i].flags;
        maps[5] = 1;
        counts = count(5, 1);
        for (int kind = 0; kind < _PAGE_KIND_MAX; kind++)
                ck_assert_uint_eq(counts.n[kind], kind == kinds[_i].kind);
        ck_assert_uint_eq(counts.n_locked, 0);
}
END_TEST

START_TEST(pages_are_counted_up_to_the_last_and_no_further)
{
        for (size_t i = 0; i < N_PAGES; i++)
                flags[i] = BIT(10);
        ck_assert_uint_eq(count(0, N_PAGES).n[PAGE_FREE], N_PAGES);
        ck_assert_uint_eq(count(4095, 2).n[PAGE_FREE], 2);
        ck_assert_uint_eq(count(100, 9000).n[PAGE_FREE], 9000);
        /* Behind the last page the file ends. */
        ck_assert_uint_eq(count(N_PAGES - 7, 100).n[PAGE_FREE], 7);
        ck_assert_uint_eq(count(N_PAGES, 100).n[PAGE_FREE], 0);
}
END_TEST

START_TEST(a_tail_is_what_its_head_is)
{
        PageCounts counts;

        make_compound(8, 3, BIT(7), 0);
        make_compound(16, 4, LRU, 0);
        make_compound(32, 1, BIT(26), 0);
        counts = count(8, 26);
        ck_assert_uint_eq(counts.n[PAGE_SLAB], 8);
        ck_assert_uint_eq(counts.n[PAGE_CACHE], 16);
        ck_assert_uint_eq(counts.n[PAGE_TABLE], 2);
        /* Also if the head lies before what is counted. */
        counts = count(21, 11);
        ck_assert_uint_eq(counts.n[PAGE_CACHE], 11);
        ck_assert_uint_eq(counts.n[PAGE_KERNEL], 0);
}
END_TEST

START_TEST(huge_pages_are_counted_by_their_size)
{
        PageCounts counts;

        make_compound(512, 9, 0, HUGE);
        make_compound(1024, 9, 0, HUGE);
        make_compound(8192, 13, 0, HUGE);
        counts = count(0, 10000);
        ck_assert_uint_eq(counts.n[PAGE_HUGE], 1024 + 1808);
        ck_assert_uint_eq(counts.huge[0].size_bytes, 512 * PAGE);
        ck_assert_uint_eq(counts.huge[0].n_pages, 1024);
        ck_assert_uint_eq(counts.huge[1].size_bytes, 8192 * PAGE);
        ck_assert_uint_eq(counts.huge[1].n_pages, 1808);
        ck_assert_uint_eq(counts.huge[2].size_bytes, 0);
        /* All of a block can lie inside of a huge page. */
        counts = count(10000, 1000);
        ck_assert_uint_eq(counts.n[PAGE_HUGE], 1000);
        ck_assert_uint_eq(counts.huge[0].size_bytes, 8192 * PAGE);
        ck_assert_uint_eq(counts.huge[0].n_pages, 1000);
}
END_TEST

START_TEST(locked_pages_count_as_such_and_as_what_they_are)
{
        PageCounts counts;

        flags[0] = LRU | BIT(33);
        flags[1] = LRU;
        make_compound(4, 2, ANON | BIT(33), 0);
        counts = count(0, 8);
        ck_assert_uint_eq(counts.n_locked, 5);
        ck_assert_uint_eq(counts.n[PAGE_CACHE], 2);
        ck_assert_uint_eq(counts.n[PAGE_ANONYMOUS], 4);
}
END_TEST

START_TEST(memory_of_processes_that_none_maps_is_told_apart)
{
        PageCounts counts;

        flags[0] = flags[5000] = flags[5001] = ANON;
        flags[1] = ANON | BIT(13);
        make_compound(2, 1, ANON, 0);
        maps[5001] = 2;
        counts = count(0, 6000);
        ck_assert_uint_eq(counts.n[PAGE_UNMAPPED], 2);
        ck_assert_uint_eq(counts.n[PAGE_ANONYMOUS], 4);
        /* Without the other file, nothing is known. */
        closep(&files.count_fd);
        files.count_fd = -EBADF;
        counts = count(0, 6000);
        ck_assert_uint_eq(counts.n[PAGE_UNMAPPED], 0);
        ck_assert_uint_eq(counts.n[PAGE_ANONYMOUS], 6);
}
END_TEST

/* Makes `n` pages at the start of a block the memory map of that block. */
static void make_map(size_t first, size_t n, uint64_t of_all)
{
        for (size_t i = first; i < first + n; i++)
                flags[i] = BIT(37) | of_all;
}

START_TEST(the_memory_map_of_a_block_does_not_hold_it)
{
        static const uint64_t of_all[] = { BIT(32), 0 };
        const int kind = _i == 0 ? PAGE_RESERVED : PAGE_KERNEL;
        PageCounts counts;

        /* Blocks of 2048 pages have maps of 32 pages of 4 KiB. */
        make_map(4096, 32, of_all[_i]);
        flags[5000] = LRU;
        counts = count(4096, 2048);
        ck_assert_uint_eq(counts.n[kind], 2015 * (kind == PAGE_KERNEL));
        ck_assert_uint_eq(counts.n[PAGE_CACHE], 1);
        for (size_t i = 4096 + 32; i < 4096 + 2048; i++)
                flags[i] = BIT(10);
        counts = count(4096, 2048);
        ck_assert(!page_counts_are_held(&counts));
        ck_assert_uint_eq(page_counts_used(&counts), 0);
        ck_assert_uint_eq(counts.n[PAGE_FREE], 2016);
        /* It is as large as the kernel was told to make it, and what follows it counts. */
        make_map(4096, 512, of_all[_i]);
        flags[4096 + 512] = of_all[_i];
        ck_assert_uint_eq(count(4096, 2048).n[kind], 1);
        /* Too few pages are no map, nor are pages with a gap before them, or without the flag. */
        flags[4096 + 31] = BIT(10);
        ck_assert_uint_eq(count(4096, 2048).n[kind], 512);
        make_map(4096, 512, of_all[_i]);
        flags[4096] = BIT(10);
        ck_assert_uint_eq(count(4096, 2048).n[kind], 512);
        for (size_t i = 4096; i < 4096 + 32; i++)
                flags[i] = of_all[_i];
        ck_assert_uint_eq(count(4096, 2048).n[kind], 513);
}
END_TEST

/* The kernel does not stop for a reader. What it shows need not fit together. */
START_TEST(flags_that_do_not_fit_together_are_counted)
{
        for (size_t i = 0; i < N_PAGES; i++)
                flags[i] = TAIL | HUGE;
        ck_assert_uint_eq(count(1, 9000).n[PAGE_HUGE], 9000);
        flags[0] = HEAD | HUGE;
        ck_assert_uint_eq(count(1, 9000).n[PAGE_HUGE], 9000);
        memset(flags, 0xff, sizeof(flags));
        ck_assert_uint_eq(count(0, N_PAGES).n[PAGE_FREE], 0);
}
END_TEST

START_TEST(a_block_is_counted_by_its_number)
{
        PageCounts counts;
        uint64_t n_pages = (UINT64_C(16) << 20) / sysfs.page_size_bytes;

        sysfs_fixture_write(&fixture, "1000000\n", MEMORY_PATH "/block_size_bytes");
        for (size_t i = n_pages; i < 2 * n_pages; i++)
                flags[i] = BIT(7);
        (void) count(0, 1);
        ck_assert_int_eq(pages_count_block(&files, &sysfs, 1, &counts), 0);
        ck_assert_uint_eq(counts.n[PAGE_SLAB], n_pages);
        ck_assert_int_eq(pages_count_block(&files, &sysfs, 2, &counts), 0);
        ck_assert_uint_eq(counts.n[PAGE_SLAB], 0);
        ck_assert_int_eq(pages_count_block(&files, &sysfs, UINT32_MAX, &counts), 0);
        ck_assert_uint_eq(page_counts_used(&counts), 0);
}
END_TEST

START_TEST(without_the_file_nothing_is_counted)
{
        PageCounts counts = { .n_locked = 7 };

        page_files_close(&files);
        ck_assert_int_eq(pages_count(&files, PAGE, 0, 1, &counts), -EOPNOTSUPP);
        ck_assert_uint_eq(counts.n_locked, 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pageflags");
        TCase *tcase = tcase_create("pageflags");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, each_page_is_of_one_kind, 0, ELEMENTSOF(kinds));
        tcase_add_test(tcase, pages_are_counted_up_to_the_last_and_no_further);
        tcase_add_test(tcase, a_tail_is_what_its_head_is);
        tcase_add_test(tcase, huge_pages_are_counted_by_their_size);
        tcase_add_test(tcase, locked_pages_count_as_such_and_as_what_they_are);
        tcase_add_test(tcase, memory_of_processes_that_none_maps_is_told_apart);
        tcase_add_loop_test(tcase, the_memory_map_of_a_block_does_not_hold_it, 0, 2);
        tcase_add_test(tcase, flags_that_do_not_fit_together_are_counted);
        tcase_add_test(tcase, a_block_is_counted_by_its_number);
        tcase_add_test(tcase, without_the_file_nothing_is_counted);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
