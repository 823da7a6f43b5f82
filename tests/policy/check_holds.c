/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/holds.h"

#define GIB (UINT64_C(1) << 30)
#define PAGES_OF_GIB (GIB / 4096)

static const struct {
        PageCounts counts;
        const char *text;
        unsigned advice; /* mask of 1 << Advice */
} rows[] = {
        { { .n = {} }, "no page is in use", 0 },
        { { .n = { [PAGE_FREE] = 32768 } }, "no page is in use; 128M free", 0 },
        { { .n = { [PAGE_SLAB] = 1204, [PAGE_TABLE] = 12, [PAGE_CACHE] = 3 * PAGES_OF_GIB } },
          "held by 1,204 slab pages and 12 page tables; 3G of page cache would move",
          1 << ADVICE_SLAB | 1 << ADVICE_TABLE },
        { { .n = { [PAGE_SLAB] = 1, [PAGE_TABLE] = 1, [PAGE_RESERVED] = 1, [PAGE_KERNEL] = 1000 } },
          "held by 1 slab page, 1 page table, 1 reserved page and 1,000 other kernel pages",
          1 << ADVICE_SLAB | 1 << ADVICE_TABLE | 1 << ADVICE_RESERVED | 1 << ADVICE_KERNEL },
        { { .n = { [PAGE_CACHE] = 256,
                   [PAGE_ANONYMOUS] = 512,
                   [PAGE_OTHER] = 3,
                   [PAGE_FREE] = 256 },
            .n_locked = 256 },
          "1M of page cache, 2M of memory of processes and 3 other pages would move; 1M of it "
          "locked "
          "by processes; 1M free",
          0 },
        { { .n = { [PAGE_HUGE] = 2 * 512 }, .huge = { { UINT64_C(2) << 20, 1024 } } },
          "2 huge pages of 2M would move",
          0 },
        { { .n = { [PAGE_HUGE] = 32768 }, .huge = { { GIB, 32768 } } },
          "held by a part of a huge page of 1G",
          1 << ADVICE_GIGANTIC },
        { { .n = { [PAGE_HUGE] = PAGES_OF_GIB }, .huge = { { GIB, PAGES_OF_GIB } } },
          "held by a huge page of 1G",
          1 << ADVICE_GIGANTIC },
        { { .n = { [PAGE_HUGE] = 2 * PAGES_OF_GIB + 1 },
            .huge = { { UINT64_C(2) << 20, 1 }, { GIB, 2 * PAGES_OF_GIB } } },
          "held by 2 huge pages of 1G; a part of a huge page of 2M would move",
          1 << ADVICE_GIGANTIC },
        { { .n = { [PAGE_UNMAPPED] = 1, [PAGE_BALLOON] = 256 } },
          "held by 1 page of a process that a pipe or device keeps; 1M in a balloon or not plugged "
          "in",
          1 << ADVICE_PINNED },
        /* After an offline that failed, what should have moved is what held the block. */
        { { .n = { [PAGE_ANONYMOUS] = 1 }, .has_failed = true },
          "4K of memory of processes did not move in time",
          1 << ADVICE_SLOW },
        { { .n = { [PAGE_ANONYMOUS] = 1 }, .has_failed = true, .n_pinned = 1 },
          "held by 1 page that a process or device keeps pinned",
          1 << ADVICE_PINNED },
        { { .n = { [PAGE_ANONYMOUS] = 2, [PAGE_CACHE] = 4 }, .has_failed = true, .n_pinned = 3 },
          "held by 3 pages that a process or device keeps pinned; 12K of page cache would move",
          1 << ADVICE_PINNED },
        { { .n = { [PAGE_CACHE] = 1 }, .has_failed = true, .has_no_room = true },
          "4K of page cache found no free memory to move to",
          1 << ADVICE_NO_ROOM },
        { { .n = { [PAGE_CACHE] = 1, [PAGE_SLAB] = 1234567 }, .has_failed = true },
          "held by 1,234,567 slab pages; 4K of page cache would move",
          1 << ADVICE_SLAB },
        { { .n = { [PAGE_FREE] = 256 }, .has_failed = true }, "no page is in use; 1M free", 0 },
};

START_TEST(what_holds_memory_is_said_in_words_with_advice)
{
        _cleanup_free_ char *text = NULL;
        PageCounts counts = rows[_i].counts;
        unsigned advice = 0;

        counts.page_size_bytes = 4096;
        ck_assert_int_eq(holds_format(&counts, &text), 0);
        ck_assert_str_eq(text, rows[_i].text);
        for (unsigned i = 0; i < _ADVICE_MAX; i++)
                advice |= (unsigned) advice_is_for((Advice) i, &counts) << i;
        ck_assert_uint_eq(advice, rows[_i].advice);
}
END_TEST

START_TEST(each_advice_is_a_sentence)
{
        for (int i = 0; i < _ADVICE_MAX; i++) {
                const char *text = advice_text((Advice) i);

                ck_assert_ptr_nonnull(text);
                ck_assert_int_eq(text[strlen(text) - 1], '.');
        }
        ck_assert_ptr_null(advice_text(_ADVICE_MAX));
        ck_assert(!advice_is_for(_ADVICE_MAX, &(PageCounts){}));
}
END_TEST

START_TEST(counts_of_blocks_add_up)
{
        PageCounts sum = {};
        const PageCounts one = {
                .page_size_bytes = 4096,
                .n = { [PAGE_SLAB] = 1, [PAGE_HUGE] = 512, [PAGE_BROKEN] = 7, [PAGE_FREE] = 5 },
                .huge = { { GIB, 512 } },
                .n_locked = 2,
        };
        PageCounts two = one;

        two.huge[0] = (HugeCount){ UINT64_C(2) << 20, 512 };
        two.has_failed = true;
        page_counts_add(&sum, &one);
        page_counts_add(&sum, &two);
        page_counts_add(&sum, &one);
        ck_assert_uint_eq(sum.page_size_bytes, 4096);
        ck_assert_uint_eq(sum.n[PAGE_SLAB], 3);
        ck_assert_uint_eq(sum.huge[0].n_pages, 1024);
        ck_assert_uint_eq(sum.huge[1].n_pages, 512);
        ck_assert_uint_eq(sum.n_locked, 6);
        ck_assert(sum.has_failed);
        ck_assert_uint_eq(page_counts_used(&sum), 3 + 3 * 512);
        ck_assert_uint_eq(page_counts_bytes(&sum, PAGE_FREE), 15 * 4096);
}
END_TEST

START_TEST(more_sizes_of_huge_pages_than_there_can_be_count_as_the_last)
{
        PageCounts counts = {};

        for (unsigned i = 0; i < HUGE_SIZES_MAX + 3; i++)
                page_counts_add_huge(&counts, UINT64_C(4096) << i, 1);
        ck_assert_uint_eq(counts.huge[HUGE_SIZES_MAX - 1].n_pages, 4);
        ck_assert_uint_eq(counts.huge[HUGE_SIZES_MAX - 2].n_pages, 1);
}
END_TEST

START_TEST(memory_costs_its_pages_in_use_and_more_if_some_cannot_move)
{
        PageCounts counts = { .n = { [PAGE_FREE] = 9, [PAGE_CACHE] = 5, [PAGE_OTHER] = 7 } };

        ck_assert_uint_eq(page_counts_cost(&counts), 5);
        ck_assert_uint_lt(page_counts_cost(&counts), COST_UNKNOWN);
        counts.n[PAGE_SLAB] = 1;
        ck_assert_uint_gt(page_counts_cost(&counts), COST_UNKNOWN);
        counts.n[PAGE_SLAB] = 0;
        counts.huge[0] = (HugeCount){ GIB, 1 };
        ck_assert_uint_gt(page_counts_cost(&counts), COST_UNKNOWN);
}
END_TEST

START_TEST(movable_memory_has_no_other_pages_of_the_kernel)
{
        PageCounts counts = { .n = { [PAGE_KERNEL] = 3 } };

        page_counts_set_class(&counts, ZONE_CLASS_KERNEL);
        ck_assert_uint_eq(counts.n[PAGE_KERNEL], 3);
        page_counts_set_class(&counts, ZONE_CLASS_MOVABLE);
        ck_assert_uint_eq(counts.n[PAGE_KERNEL], 0);
        ck_assert_uint_eq(counts.n[PAGE_OTHER], 3);
}
END_TEST

START_TEST(each_kind_has_a_word)
{
        for (int i = 0; i < _PAGE_KIND_MAX; i++)
                ck_assert_int_eq(page_kind_from_string(page_kind_to_string((PageKind) i)), i);
        ck_assert_int_eq(page_kind_from_string("pages"), _PAGE_KIND_INVALID);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("holds");
        TCase *tcase = tcase_create("holds");

        tcase_add_loop_test(tcase, what_holds_memory_is_said_in_words_with_advice, 0,
                            ELEMENTSOF(rows));
        tcase_add_test(tcase, each_advice_is_a_sentence);
        tcase_add_test(tcase, counts_of_blocks_add_up);
        tcase_add_test(tcase, more_sizes_of_huge_pages_than_there_can_be_count_as_the_last);
        tcase_add_test(tcase, memory_costs_its_pages_in_use_and_more_if_some_cannot_move);
        tcase_add_test(tcase, movable_memory_has_no_other_pages_of_the_kernel);
        tcase_add_test(tcase, each_kind_has_a_word);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
