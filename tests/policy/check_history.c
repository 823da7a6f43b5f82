/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/history.h"

#include <malloc.h>
#include <stdio.h>

#define BLOCK (UINT64_C(128) << 20)

static char rule_name[] = "db", rule_file[] = "f.conf";
static Rule rules[] = { { .name = rule_name, .file = rule_file, .line = 3 } };
static const Policy policy = { .rules = rules, .n_rules = 1 };

static Machine machine;
static History history;

static void setup(void)
{
        machine_from(&machine, BLOCK, "0c=k8o8");
        machine.devices = calloc(1, sizeof(Device));
        ck_assert_ptr_nonnull(machine.devices);
        machine.devices[0] = (Device){ .name = "PNP0C80:00", .origin = ORIGIN_DIMM };
        machine.n_devices = 1;
        history = (History){};
}

static void teardown(void)
{
        history_done(&history);
        machine_done(&machine);
}

/* Adds a block with this verdict, at a second. */
static void add(uint32_t id, Verdict verdict, unsigned second)
{
        Block block;

        block_init(&block, id);
        block.decision.verdict = verdict;
        block.decision.rule = RULE_DEFAULT;
        block.status = BLOCK_STATUS_DONE;
        ck_assert_int_eq(history_add(&history, &machine, &policy, &block, second * USEC_PER_SEC),
                         0);
}

/* Compares the blocks of an entry, as "32-39,45". */
static void assert_blocks(size_t i, const char *wanted)
{
        const HistoryEntry *entry = history_get(&history, i);
        char text[256] = "";
        size_t n = 0;

        for (size_t k = 0; k < entry->n_ranges && n < sizeof(text); k++) {
                const BlockRange *range = &entry->ranges[k];

                n += (size_t) snprintf(text + n, sizeof(text) - n,
                                       range->first == range->last ? "%s%u" : "%s%u-%u",
                                       k > 0 ? "," : "", range->first, range->last);
        }
        ck_assert_str_eq(text, wanted);
}

START_TEST(a_new_history_is_empty_and_takes_no_memory)
{
        ck_assert_uint_eq(history.n_entries, 0);
        ck_assert_ptr_null(history.entries);
        history_done(&history);
        ck_assert_uint_eq(history.n_entries, 0);
}
END_TEST

START_TEST(all_of_a_decision_is_kept)
{
        Block *block = machine_find_block(&machine, 9);
        const HistoryEntry *entry;

        block->device = 0;
        block->decision.verdict = VERDICT_MOVABLE;
        block->decision.rule = 0;
        block->decision.guards = GUARD_WHOLE_DEVICE;
        block->decision.figures = (Figures){ BLOCK, 3 * BLOCK, 3000, false };
        block->status = BLOCK_STATUS_FAILED;
        block->onliner = ONLINER_KERNEL;
        block->error = -EBUSY;
        ck_assert_int_eq(history_add(&history, &machine, &policy, block, 42), 0);

        /* The machine and the block go on. */
        machine_done(&machine);
        entry = history_get(&history, 0);
        ck_assert_uint_eq(entry->first_usec, 42);
        ck_assert_uint_eq(entry->last_usec, 42);
        ck_assert_uint_eq(entry->n_decisions, 1);
        assert_blocks(0, "9");
        ck_assert_int_eq(entry->node, 0);
        ck_assert_str_eq(entry->device, "PNP0C80:00");
        ck_assert_int_eq(entry->verdict, VERDICT_MOVABLE);
        ck_assert_uint_eq(entry->guards, GUARD_WHOLE_DEVICE);
        ck_assert_int_eq(entry->status, BLOCK_STATUS_FAILED);
        ck_assert_int_eq(entry->onliner, ONLINER_KERNEL);
        ck_assert_int_eq(entry->error, -EBUSY);
        ck_assert_str_eq(entry->rule, "db");
        ck_assert_str_eq(entry->reason, "movable (rule 'db', f.conf:3): the rest of PNP0C80:00 "
                                        "is movable, and whole_device keeps a device in one class");
}
END_TEST

START_TEST(a_block_of_no_device_has_no_device_name)
{
        Block *block = machine_find_block(&machine, 9);

        block->node = NODE_NONE;
        ck_assert_int_eq(history_add(&history, &machine, &policy, block, 42), 0);
        ck_assert_str_eq(history_get(&history, 0)->device, "");
        ck_assert_int_eq(history_get(&history, 0)->node, NODE_NONE);
}
END_TEST

START_TEST(the_longest_name_of_a_device_fits)
{
        Block *block = machine_find_block(&machine, 9);

        memset(machine.devices[0].name, 'x', DEVICE_NAME_MAX - 1);
        block->device = 0;
        ck_assert_int_eq(history_add(&history, &machine, &policy, block, 42), 0);
        ck_assert_str_eq(history_get(&history, 0)->device, machine.devices[0].name);
}
END_TEST

START_TEST(blocks_that_are_decided_alike_have_one_entry_in_any_order)
{
        static const uint32_t orders[][8] = {
                { 32, 33, 34, 35, 36, 37, 38, 39 },
                { 39, 38, 37, 36, 35, 34, 33, 32 },
                { 32, 34, 36, 38, 39, 37, 35, 33 },
                { 35, 36, 34, 37, 33, 38, 32, 39 },
        };

        for (unsigned i = 0; i < 8; i++)
                add(orders[_i][i], VERDICT_MOVABLE, 100 + i);
        ck_assert_uint_eq(history.n_entries, 1);
        assert_blocks(0, "32-39");
        ck_assert_uint_eq(history_get(&history, 0)->n_decisions, 8);
        ck_assert_uint_eq(history_get(&history, 0)->first_usec, 100 * USEC_PER_SEC);
        ck_assert_uint_eq(history_get(&history, 0)->last_usec, 107 * USEC_PER_SEC);
}
END_TEST

START_TEST(the_first_and_the_last_number_of_a_block_have_neighbours)
{
        add(0, VERDICT_KERNEL, 1);
        add(UINT32_MAX, VERDICT_KERNEL, 1);
        assert_blocks(0, "0,4294967295");
        add(UINT32_MAX - 1, VERDICT_KERNEL, 1);
        add(1, VERDICT_KERNEL, 1);
        assert_blocks(0, "0-1,4294967294-4294967295");
}
END_TEST

START_TEST(alternating_blocks_have_an_entry_for_each_result)
{
        for (uint32_t id = 32; id < 32 + HISTORY_RANGES_MAX; id++)
                add(id, id % 4 ? VERDICT_MOVABLE : VERDICT_KERNEL, 1);
        ck_assert_uint_eq(history.n_entries, 2);
        ck_assert_uint_eq(history_get(&history, 0)->n_ranges, HISTORY_RANGES_MAX / 4);
        ck_assert_uint_eq(history_get(&history, 1)->n_ranges, HISTORY_RANGES_MAX / 4);
        ck_assert_int_eq(history_get(&history, 0)->verdict, VERDICT_KERNEL);
        ck_assert_int_eq(history_get(&history, 1)->verdict, VERDICT_MOVABLE);
}
END_TEST

START_TEST(a_full_entry_is_followed_by_another)
{
        for (uint32_t i = 0; i <= HISTORY_RANGES_MAX; i++)
                add(2 * i, VERDICT_KERNEL, 1);
        ck_assert_uint_eq(history.n_entries, 2);
        ck_assert_uint_eq(history_get(&history, 0)->n_ranges, HISTORY_RANGES_MAX);
        assert_blocks(1, "2048");
        /* The next one has its neighbour in the full entry, but the newest entry comes first. */
        add(2047, VERDICT_KERNEL, 1);
        assert_blocks(1, "2047-2048");
}
END_TEST

START_TEST(a_block_that_is_decided_again_is_counted)
{
        add(32, VERDICT_KERNEL, 1);
        add(32, VERDICT_KERNEL, 2);
        add(32, VERDICT_MOVABLE, 3);
        add(32, VERDICT_KERNEL, 4);
        ck_assert_uint_eq(history.n_entries, 2);
        assert_blocks(0, "32");
        ck_assert_uint_eq(history_get(&history, 0)->n_decisions, 3);
        ck_assert_uint_eq(history_get(&history, 0)->last_usec, 4 * USEC_PER_SEC);
        ck_assert_uint_eq(history_get(&history, 1)->n_decisions, 1);
}
END_TEST

START_TEST(a_later_decision_has_an_entry_of_its_own)
{
        add(32, VERDICT_KERNEL, 1000);
        add(33, VERDICT_KERNEL, 1060);
        ck_assert_uint_eq(history.n_entries, 1);
        add(34, VERDICT_KERNEL, 1121);
        ck_assert_uint_eq(history.n_entries, 2);
        assert_blocks(0, "32-33");
        assert_blocks(1, "34");
        /* The clock was set back. */
        add(35, VERDICT_KERNEL, 500);
        ck_assert_uint_eq(history.n_entries, 3);
        add(36, VERDICT_KERNEL, 501);
        ck_assert_uint_eq(history.n_entries, 3);
        assert_blocks(2, "35-36");
}
END_TEST

/* All that an entry says of its blocks. */
START_TEST(what_differs_has_an_entry_of_its_own)
{
        Block base, block;

        block_init(&base, 8);
        base.decision.verdict = VERDICT_MOVABLE;
        base.decision.rule = RULE_DEFAULT;
        base.status = BLOCK_STATUS_DONE;
        ck_assert_int_eq(history_add(&history, &machine, &policy, &base, 1), 0);
        for (unsigned i = 0; i < 12; i++) {
                block = base;
                block.node += i == 0;
                block.device = i == 1 ? 0 : block.device;
                block.decision.verdict = i == 2 ? VERDICT_KERNEL : block.decision.verdict;
                block.decision.rule = i == 3 ? 0 : block.decision.rule;
                block.decision.guards = i == 4 ? GUARD_CONTIGUOUS : 0;
                block.decision.action = i == 5 ? ZONE_ACTION_KEEP : block.decision.action;
                block.status = i == 6 ? BLOCK_STATUS_FAILED : block.status;
                block.onliner = i == 7 ? ONLINER_KERNEL : block.onliner;
                block.error = i == 8 ? -EBUSY : 0;
                block.by_itself = i == 9;
                block.rollback.is_set = i >= 10;
                block.rollback.refuser = i;
                ck_assert_int_eq(history_add(&history, &machine, &policy, &block, 1), 0);
                ck_assert_uint_eq(history.n_entries, i + 2);
        }
        /* The figures differ for each block. */
        base.decision.figures = (Figures){ BLOCK, BLOCK, 3000, false };
        ck_assert_int_eq(history_add(&history, &machine, &policy, &base, 1), 0);
        ck_assert_uint_eq(history.n_entries, 13);
}
END_TEST

/* The bytes that the allocator has given for the entries and what they point to. */
static size_t count_allocated(void)
{
        size_t n = 0;

        for (size_t i = 0; i < history.n_entries; i++) {
                HistoryEntry *entry = history.entries[i];

                n += malloc_usable_size(entry) + malloc_usable_size(entry->ranges) +
                     malloc_usable_size(entry->rule) + malloc_usable_size(entry->reason);
        }
        return n;
}

static void assert_bounded(void)
{
        ck_assert_uint_le(history.n_bytes, HISTORY_BYTES_MAX);
        /* An allocator may round up by a little more than the history counts for that. */
        ck_assert_uint_le(count_allocated(), history.n_bytes + history.n_bytes / 64);
        ck_assert_uint_lt(history.n_entries, 4096);
}

/* Each entry has one block, then as many as it can, then a text of a length that no entry had before. */
START_TEST(the_newest_are_kept_within_a_bound_of_bytes)
{
        static char long_name[100000];
        char *name = rules[0].name;
        Block block;

        for (uint32_t id = 0; id < 20000; id++) {
                add(id, VERDICT_KERNEL, 1000 + 100 * id);
                if (id % 1000 == 0)
                        assert_bounded();
        }
        assert_bounded();
        ck_assert_uint_gt(history.n_bytes, HISTORY_BYTES_MAX - 1000);
        ck_assert_uint_gt(history.n_entries, 2000);
        for (size_t i = 0; i < history.n_entries; i++)
                ck_assert_uint_eq(history_get(&history, i)->ranges[0].first,
                                  20000 - history.n_entries + i);

        for (uint32_t i = 0; i < 200 * HISTORY_RANGES_MAX; i++)
                add(2 * i, VERDICT_MOVABLE, 3000000);
        assert_bounded();
        ck_assert_uint_gt(history.n_entries, 100);
        ck_assert_uint_eq(history_get(&history, 0)->n_ranges, HISTORY_RANGES_MAX);
        /* What lies between them leaves one range in place of a thousand. */
        for (uint32_t i = 0; i < 200 * HISTORY_RANGES_MAX; i++)
                add(2 * i + 1, VERDICT_MOVABLE, 3000000);
        assert_bounded();

        memset(long_name, 'x', sizeof(long_name) - 1);
        rules[0].name = long_name;
        block_init(&block, 8);
        block.decision.rule = 0;
        block.decision.verdict = VERDICT_KERNEL;
        for (unsigned i = 0; i < 20; i++) {
                ck_assert_int_eq(
                        history_add(&history, &machine, &policy, &block, 5000000000000 + i), 0);
                block.error--;
                assert_bounded();
        }
        rules[0].name = name;
        ck_assert_uint_lt(history.n_entries, 10);
}
END_TEST

START_TEST(an_entry_that_is_too_long_is_dropped)
{
        static char long_name[HISTORY_BYTES_MAX];
        char *name = rules[0].name;
        Block block;

        add(32, VERDICT_KERNEL, 1);
        memset(long_name, 'x', sizeof(long_name) - 1);
        rules[0].name = long_name;
        block_init(&block, 8);
        block.decision.rule = 0;
        block.decision.verdict = VERDICT_KERNEL;
        ck_assert_int_eq(history_add(&history, &machine, &policy, &block, 2), 0);
        ck_assert_uint_eq(history.n_entries, 0);
        ck_assert_uint_eq(history.n_bytes, 0);
        rules[0].name = name;
        add(32, VERDICT_KERNEL, 3);
        ck_assert_uint_eq(history.n_entries, 1);
}
END_TEST

START_TEST(a_history_that_is_done_can_be_begun_again)
{
        for (uint32_t id = 0; id < 100; id++)
                add(id, VERDICT_KERNEL, 100 * id);
        history_done(&history);
        ck_assert_uint_eq(history.n_entries, 0);
        ck_assert_uint_eq(history.n_bytes, 0);
        ck_assert_ptr_null(history.entries);
        add(7, VERDICT_KERNEL, 1);
        assert_blocks(0, "7");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("history");
        TCase *tcase = tcase_create("history");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_new_history_is_empty_and_takes_no_memory);
        tcase_add_test(tcase, all_of_a_decision_is_kept);
        tcase_add_test(tcase, a_block_of_no_device_has_no_device_name);
        tcase_add_test(tcase, the_longest_name_of_a_device_fits);
        tcase_add_loop_test(tcase, blocks_that_are_decided_alike_have_one_entry_in_any_order, 0, 4);
        tcase_add_test(tcase, the_first_and_the_last_number_of_a_block_have_neighbours);
        tcase_add_test(tcase, alternating_blocks_have_an_entry_for_each_result);
        tcase_add_test(tcase, a_full_entry_is_followed_by_another);
        tcase_add_test(tcase, a_block_that_is_decided_again_is_counted);
        tcase_add_test(tcase, a_later_decision_has_an_entry_of_its_own);
        tcase_add_test(tcase, what_differs_has_an_entry_of_its_own);
        tcase_add_test(tcase, the_newest_are_kept_within_a_bound_of_bytes);
        tcase_add_test(tcase, an_entry_that_is_too_long_is_dropped);
        tcase_add_test(tcase, a_history_that_is_done_can_be_begun_again);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
