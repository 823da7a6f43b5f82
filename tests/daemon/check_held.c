/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "daemon/held.h"

static Held held;
static const PageCounts counted = { .page_size_bytes = 4096, .n = { [PAGE_SLAB] = 3 } };

static Block block_of(uint32_t id)
{
        Block block;

        block_init(&block, id);
        block.state = BLOCK_ONLINE;
        block.inode = 7;
        return block;
}

static void setup(void)
{
        held = (Held){};
}

START_TEST(pages_that_did_not_move_are_those_of_their_block)
{
        const Block block = block_of(5), other = block_of(6);
        PageCounts pages = counted, others = counted, again = counted;

        held_add_page(&held, 5, 100, 0, 1);
        held_add_page(&held, 6, 200, 0, 1);
        held_add_page(&held, 5, 101, 0, 1);
        held_add_page(&held, 5, 100, 0, 1);
        held_add_block(&held, &block, 1, &pages);
        ck_assert_uint_eq(pages.n_pinned, 2);
        ck_assert(!pages.has_no_room);
        /* They are forgotten then, and something else holds the block now. */
        held_add_block(&held, &block, 2, &again);
        ck_assert_uint_eq(again.n_pinned, 0);
        held_add_block(&held, &other, 3, &others);
        ck_assert_uint_eq(others.n_pinned, 1);
}
END_TEST

START_TEST(a_page_without_room_is_not_pinned)
{
        const Block block = block_of(5);
        PageCounts pages = counted;

        held_add_page(&held, 5, 100, -ENOMEM, 1);
        held_add_page(&held, 5, 101, 0, 1);
        held_add_page(&held, 5, 101, -ENOMEM, 1);
        held_add_page(&held, 5, 102, -EAGAIN, 1);
        held_add_block(&held, &block, 1, &pages);
        ck_assert_uint_eq(pages.n_pinned, 1);
        ck_assert(pages.has_no_room);
}
END_TEST

START_TEST(a_block_is_known_until_it_is_offline_or_another)
{
        Block block = block_of(5);
        PageCounts pages = counted;

        ck_assert_ptr_null(held_find(&held, &block));
        held_add_block(&held, &block, 1, &pages);
        pages.n[PAGE_SLAB] = 9;
        held_add_block(&held, &block, 2, &pages);
        ck_assert_uint_eq(held.n_blocks, 1);
        ck_assert_uint_eq(held_find(&held, &block)->pages.n[PAGE_SLAB], 9);
        ck_assert_uint_eq(held_find(&held, &block)->realtime_usec, 2);
        block.state = BLOCK_GOING_OFFLINE;
        ck_assert_ptr_nonnull(held_find(&held, &block));
        block.state = BLOCK_OFFLINE;
        ck_assert_ptr_null(held_find(&held, &block));
        block.state = BLOCK_ONLINE;
        ck_assert_ptr_null(held_find(&held, &block));

        held_add_block(&held, &block, 3, &pages);
        block.inode++;
        ck_assert_ptr_null(held_find(&held, &block));

        block.onlined_usec = 5;
        held_add_block(&held, &block, 5, &pages);
        ck_assert_ptr_nonnull(held_find(&held, &block));
        block.onlined_usec = 6;
        ck_assert_ptr_null(held_find(&held, &block));
}
END_TEST

START_TEST(what_the_log_said_counts_for_further_attempts)
{
        const PageCounts movable = { .page_size_bytes = 4096, .n = { [PAGE_CACHE] = 3 } };
        Block block = block_of(5);
        PageCounts pages = movable, again = movable, late = movable,
                   empty = { .page_size_bytes = 4096 };

        held_add_page(&held, 5, 100, 0, 1);
        held_add_page(&held, 5, 101, 0, 1);
        held_add_block(&held, &block, 1, &pages);
        held_add_block(&held, &block, 1 + 60 * USEC_PER_SEC, &again);
        ck_assert_uint_eq(again.n_pinned, 2);
        /* It does not if the block has fewer pages in use, or none. */
        held_add_block(&held, &block, 1 + 60 * USEC_PER_SEC, &empty);
        ck_assert_uint_eq(empty.n_pinned, 0);
        pages = movable;
        held_add_page(&held, 5, 100, 0, 1);
        held_add_block(&held, &block, 1, &pages);
        held_add_block(&held, &block, 2 + 60 * USEC_PER_SEC, &late);
        ck_assert_uint_eq(late.n_pinned, 0);
}
END_TEST

START_TEST(what_the_log_said_long_ago_does_not_count)
{
        Block block = block_of(5);
        PageCounts pages = counted, late = counted, again = counted, fresh = counted;

        held_add_page(&held, 5, 100, 0, 1);
        held_add_page(&held, 5, 101, -ENOMEM, 1);
        held_add_page(&held, 5, 102, 0, 2);
        held_add_page(&held, 5, 103, 0, 1);
        held_add_page(&held, 5, 103, 0, 2);
        held_add_block(&held, &block, 2 + 60 * USEC_PER_SEC, &pages);
        ck_assert_uint_eq(pages.n_pinned, 2);
        ck_assert(!pages.has_no_room);
        ck_assert_uint_eq(held.n_pages, 0);

        held_add_page(&held, 5, 100, 0, 1);
        held_add_block(&held, &block, 3600 * USEC_PER_SEC, &late);
        ck_assert_uint_eq(late.n_pinned, 0);
        /* A later attempt succeeded, and the block is online again. */
        held_add_page(&held, 5, 100, 0, 4000 * USEC_PER_SEC);
        block.onlined_usec = 4001 * USEC_PER_SEC;
        held_add_block(&held, &block, 4002 * USEC_PER_SEC, &again);
        ck_assert_uint_eq(again.n_pinned, 0);
        held_add_page(&held, 5, 100, 0, 4003 * USEC_PER_SEC);
        held_add_block(&held, &block, 4003 * USEC_PER_SEC, &fresh);
        ck_assert_uint_eq(fresh.n_pinned, 1);
}
END_TEST

START_TEST(the_oldest_are_forgotten_first)
{
        PageCounts pages;

        for (uint32_t i = 0; i < HELD_BLOCKS_MAX + 3; i++) {
                const Block block = block_of(i);

                pages = counted;
                held_add_block(&held, &block, i, &pages);
        }
        for (uint32_t i = 0; i < HELD_BLOCKS_MAX + 3; i++) {
                const Block block = block_of(i);

                ck_assert_int_eq(held_find(&held, &block) != NULL, i >= 3);
        }
        for (uint32_t i = 0; i < STUCK_PAGES_MAX + 2; i++)
                held_add_page(&held, i, i, 0, i);
        for (uint32_t i = 0; i < STUCK_PAGES_MAX + 2; i++) {
                const Block block = block_of(i);

                pages = counted;
                held_add_block(&held, &block, i, &pages);
                ck_assert_uint_eq(pages.n_pinned, i >= 2);
        }
}
END_TEST

START_TEST(nothing_is_kept_of_a_block_that_was_not_counted)
{
        const Block block = block_of(5);
        PageCounts pages = {};

        held_add_page(&held, 5, 100, 0, 1);
        held_add_block(&held, &block, 1, &pages);
        ck_assert_ptr_null(held_find(&held, &block));
        ck_assert_uint_eq(pages.n_pinned, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("held");
        TCase *tcase = tcase_create("held");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, pages_that_did_not_move_are_those_of_their_block);
        tcase_add_test(tcase, a_page_without_room_is_not_pinned);
        tcase_add_test(tcase, a_block_is_known_until_it_is_offline_or_another);
        tcase_add_test(tcase, what_the_log_said_counts_for_further_attempts);
        tcase_add_test(tcase, what_the_log_said_long_ago_does_not_count);
        tcase_add_test(tcase, the_oldest_are_forgotten_first);
        tcase_add_test(tcase, nothing_is_kept_of_a_block_that_was_not_counted);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
