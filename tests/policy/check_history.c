/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/history.h"

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

static void add(uint32_t id, uint64_t usec)
{
        Block block;

        block_init(&block, id);
        block.decision.verdict = VERDICT_KERNEL;
        block.decision.rule = id % 2 ? 0 : RULE_DEFAULT;
        ck_assert_int_eq(history_add(&history, &machine, &policy, &block, usec), 0);
}

/* That it holds those up to `last`, as many as it can. */
static void assert_holds_up_to(uint32_t last)
{
        size_t n = MIN((size_t) last + 1, (size_t) HISTORY_MAX);

        ck_assert_uint_eq(history.n_entries, n);
        for (size_t i = 0; i < n; i++) {
                const HistoryEntry *entry = history_get(&history, i);
                uint32_t id = (uint32_t) (last + 1 - n + i);
                const char *rule = id % 2 ? "db" : "";
                const char *reason =
                        id % 2 ? "kernel (rule 'db', f.conf:3)" : "kernel (default rule)";

                if (entry->block != id || entry->usec != 5000 + id ||
                    strcmp(entry->rule, rule) != 0 || strcmp(entry->reason, reason) != 0)
                        ck_abort_msg("%zu-th of %zu: memory%u at %llu by '%s': %s", i, n,
                                     entry->block, (unsigned long long) entry->usec, entry->rule,
                                     entry->reason);
        }
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
        ck_assert_uint_eq(entry->usec, 42);
        ck_assert_uint_eq(entry->block, 9);
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

/* Past every step of growing, the end, and its second and third round. */
START_TEST(the_last_thousand_are_kept_oldest_first)
{
        for (uint32_t id = 0; id < 3 * HISTORY_MAX + 2; id++) {
                add(id, 5000 + id);
                if (id < 40 || id % HISTORY_MAX < 2 || id % HISTORY_MAX > HISTORY_MAX - 3)
                        assert_holds_up_to(id);
        }
        ck_assert_uint_eq(HISTORY_MAX, 1000);
}
END_TEST

START_TEST(a_history_that_is_done_can_be_begun_again)
{
        for (uint32_t id = 0; id < HISTORY_MAX + 7; id++)
                add(id, 5000 + id);
        history_done(&history);
        ck_assert_uint_eq(history.n_entries, 0);
        ck_assert_ptr_null(history.entries);
        for (uint32_t id = 0; id < 3; id++)
                add(id, 5000 + id);
        assert_holds_up_to(2);
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
        tcase_add_test(tcase, the_last_thousand_are_kept_oldest_first);
        tcase_add_test(tcase, a_history_that_is_done_can_be_begun_again);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
