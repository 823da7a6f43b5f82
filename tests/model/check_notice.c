/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "model/notice.h"

static Machine machine;
static NoticeList list;

static Block *add_block(uint32_t id, int32_t node)
{
        Block *block;

        ck_assert_int_eq(machine_add_block(&machine, id, &block), 1);
        block->node = node;
        return block;
}

static void set_up(void)
{
        machine_init(&machine);
        list = (NoticeList){};
}

static void tear_down(void)
{
        machine_done(&machine);
        notice_list_done(&list);
}

static int note_addition(uint32_t block, int32_t node)
{
        return notice_list_add(&list, &(Notice){ .block = block, .node = node });
}

static int note_removal(uint32_t block)
{
        return notice_list_add(&list,
                               &(Notice){ .block = block, .node = NODE_NONE, .is_removal = true });
}

START_TEST(a_new_block_has_the_time_of_its_event)
{
        const Notice notice = { .block = 7, .node = NODE_NONE, .usec = 5 };
        Block *block = add_block(7, NODE_NONE);

        ck_assert_int_eq(notice_list_add(&list, &notice), 0);
        notice_list_take(&list, &machine);
        ck_assert_uint_eq(block->added_usec, 5);

        /* `udevadm trigger` sends such an event for blocks that are in use, or were left. */
        block->added_usec = 0;
        block->state = BLOCK_ONLINE;
        ck_assert_int_eq(notice_list_add(&list, &notice), 0);
        notice_list_take(&list, &machine);
        block->state = BLOCK_OFFLINE;
        block->decision.verdict = VERDICT_OFFLINE;
        ck_assert_int_eq(notice_list_add(&list, &notice), 0);
        notice_list_take(&list, &machine);
        ck_assert_uint_eq(block->added_usec, 0);
}
END_TEST

START_TEST(what_an_event_told_is_known_of_a_block_once_it_is_listed)
{
        Block *block;

        ck_assert_int_eq(note_addition(7, 2), 0);
        ck_assert_int_eq(note_addition(8, 2), 0);
        block = add_block(7, NODE_NONE);
        notice_list_take(&list, &machine);
        ck_assert(block->announced);
        ck_assert(block->stale);
        ck_assert_int_eq(block->told_node, 2);
        ck_assert_int_eq(block->node, NODE_NONE);

        /* And of no later one. */
        block = add_block(8, NODE_NONE);
        notice_list_take(&list, &machine);
        ck_assert(!block->announced);
        ck_assert_int_eq(block->told_node, NODE_NONE);
}
END_TEST

START_TEST(an_event_that_tells_no_node_announces)
{
        Block *block = add_block(7, NODE_NONE);

        ck_assert_int_eq(note_addition(7, NODE_NONE), 0);
        notice_list_take(&list, &machine);
        ck_assert(block->announced);
        ck_assert(!block->stale);
        ck_assert_int_eq(block->told_node, NODE_NONE);
}
END_TEST

START_TEST(what_a_link_told_stands)
{
        Block *block = add_block(7, 1);

        ck_assert_int_eq(note_addition(7, 2), 0);
        notice_list_take(&list, &machine);
        ck_assert(block->announced);
        ck_assert(!block->stale);
        ck_assert_int_eq(block->told_node, NODE_NONE);
}
END_TEST

START_TEST(a_node_that_was_told_can_be_told_again)
{
        Block *block = add_block(7, 1);

        block->told_node = 1;
        ck_assert_int_eq(note_addition(7, 1), 0);
        notice_list_take(&list, &machine);
        ck_assert(!block->stale);
        ck_assert_int_eq(note_addition(7, 2), 0);
        notice_list_take(&list, &machine);
        ck_assert(block->stale);
        ck_assert_int_eq(block->told_node, 2);
}
END_TEST

/* A block that went and came back, between two listings. */
static const struct {
        int32_t nodes[4]; /* of an `add`; NODE_NONE is a `remove` */
        int32_t told_node;
} orders[] = {
        { { 1, NODE_NONE, 2, 2 }, 2 },
        { { NODE_NONE, 1, 1, 1 }, 1 },
        { { 1, 2, 2, NODE_NONE }, NODE_NONE },
};

START_TEST(the_last_event_counts)
{
        Block *block = add_block(7, NODE_NONE);

        for (size_t i = 0; i < ELEMENTSOF(orders[_i].nodes); i++)
                ck_assert_int_eq(orders[_i].nodes[i] == NODE_NONE ?
                                         note_removal(7) :
                                         note_addition(7, orders[_i].nodes[i]),
                                 0);
        notice_list_take(&list, &machine);
        ck_assert_int_eq(block->told_node, orders[_i].told_node);
}
END_TEST

START_TEST(a_removal_announces_nothing)
{
        Block *block = add_block(7, NODE_NONE);

        ck_assert_int_eq(note_removal(7), 0);
        notice_list_take(&list, &machine);
        ck_assert(!block->announced);
}
END_TEST

START_TEST(there_can_be_many)
{
        for (uint32_t id = 0; id < 1000; id++) {
                (void) add_block(id, NODE_NONE);
                ck_assert_int_eq(note_addition(id, (int32_t) id % 7), 0);
        }
        notice_list_take(&list, &machine);
        for (uint32_t id = 0; id < 1000; id++)
                ck_assert_int_eq(machine_find_block(&machine, id)->told_node, (int32_t) id % 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("notice");
        TCase *tests = tcase_create("notice");

        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_test(tests, a_new_block_has_the_time_of_its_event);
        tcase_add_test(tests, what_an_event_told_is_known_of_a_block_once_it_is_listed);
        tcase_add_test(tests, an_event_that_tells_no_node_announces);
        tcase_add_test(tests, what_a_link_told_stands);
        tcase_add_test(tests, a_node_that_was_told_can_be_told_again);
        tcase_add_loop_test(tests, the_last_event_counts, 0, ELEMENTSOF(orders));
        tcase_add_test(tests, a_removal_announces_nothing);
        tcase_add_test(tests, there_can_be_many);
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
