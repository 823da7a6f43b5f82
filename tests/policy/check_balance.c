/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/balance.h"

#define BLOCK (UINT64_C(128) << 20)
#define LARGEST MAX_MOVABLE_RATIO_PERMILLE_MAX

static Policy policy;
static Machine machine;
static Balance before, after;

static void setup(void)
{
        policy_init(&policy);
        machine_init(&machine);
}

static void teardown(void)
{
        balance_done(&before);
        balance_done(&after);
        machine_done(&machine);
        policy_done(&policy);
}

static void begin(const char *text)
{
        machine_from(&machine, BLOCK, text);
        ck_assert_int_eq(balance_init(&before, &machine, &policy), 0);
        ck_assert_int_eq(balance_copy(&before, &after), 0);
}

static void assert_node(const Balance *balance, int32_t node, uint64_t n_kernel, uint64_t n_movable)
{
        const NodeBalance *sum = balance_node(balance, node);

        ck_assert_ptr_nonnull(sum);
        ck_assert_uint_eq(sum->kernel_bytes, n_kernel * BLOCK);
        ck_assert_uint_eq(sum->movable_bytes, n_movable * BLOCK);
}

static void assert_whole(const Balance *balance, uint64_t n_kernel, uint64_t n_movable)
{
        ck_assert_uint_eq(balance->whole.kernel_bytes, n_kernel * BLOCK);
        ck_assert_uint_eq(balance->whole.movable_bytes, n_movable * BLOCK);
}

START_TEST(blocks_count_as_what_they_are_or_become)
{
        begin("0c=k3s1m2o4l1KMMg 1=m1k1 ?=k2m1 2=o1");
        assert_node(&before, 0, 5, 5);
        assert_node(&before, 1, 1, 1);
        assert_node(&before, 2, 0, 0);
        assert_whole(&before, 8, 7);
        ck_assert_ptr_null(balance_node(&before, 3));
        ck_assert_ptr_null(balance_node(&before, NODE_NONE));
        ck_assert_ptr_null(balance_node(&before, NODE_ANY));
}
END_TEST

/* On the safe side until it is known what comes of it. */
START_TEST(what_goes_offline_is_there_only_if_it_is_movable)
{
        begin("0c=k3m2");
        machine_find_block(&machine, 2)->status = BLOCK_STATUS_OFFLINING;
        machine_find_block(&machine, 3)->status = BLOCK_STATUS_OFFLINING;
        balance_done(&before);
        ck_assert_int_eq(balance_init(&before, &machine, &policy), 0);
        assert_node(&before, 0, 2, 2);
}
END_TEST

START_TEST(what_is_moved_is_counted_on_its_node_and_in_all)
{
        begin("0c=k3m2 1=o1 ?=k1");
        balance_move(&after, machine_find_block(&machine, 3), ZONE_CLASS_MOVABLE,
                     ZONE_CLASS_KERNEL);
        balance_move(&after, machine_find_block(&machine, 5), ZONE_CLASS_NONE, ZONE_CLASS_MOVABLE);
        balance_move(&after, machine_find_block(&machine, 6), ZONE_CLASS_KERNEL, ZONE_CLASS_NONE);
        assert_node(&after, 0, 4, 1);
        assert_node(&after, 1, 0, 1);
        assert_whole(&after, 4, 2);
        ck_assert(node_balance_is_movable_only(balance_node(&after, 1)));
        ck_assert(!node_balance_is_movable_only(balance_node(&before, 1)));
        /* The one it was copied from is as it was. */
        assert_node(&before, 0, 3, 2);
        assert_whole(&before, 4, 2);
}
END_TEST

/* All blocks of a kind of a node go offline. */
static void empty(int32_t node, ZoneClass zone_class)
{
        for (size_t i = 0; i < machine.n_blocks; i++)
                if (machine.blocks[i].node == node && block_class(&machine.blocks[i]) == zone_class)
                        balance_move(&after, &machine.blocks[i], zone_class, ZONE_CLASS_NONE);
}

START_TEST(the_last_kernel_memory_is_worse_than_any_ratio)
{
        Breach breach;

        policy.max_movable_ratio_permille = 1000;
        begin("0c=k1m1 1c=k2m2 2c=k3m3");
        ck_assert(!balance_is_breached(&before, &after, &breach));
        balance_move(&after, machine_find_block(&machine, 2), ZONE_CLASS_KERNEL, ZONE_CLASS_NONE);
        ck_assert(balance_is_breached(&before, &after, &breach));
        ck_assert(!breach.last_kernel && breach.guard == GUARD_NODE_RATIO);
        ck_assert_uint_eq(breach.node->node->id, 1);
        ck_assert_uint_eq(breach.figures.movable_bytes, 2 * BLOCK);
        ck_assert_uint_eq(breach.figures.kernel_bytes, BLOCK);

        empty(2, ZONE_CLASS_KERNEL);
        ck_assert(balance_is_breached(&before, &after, &breach));
        ck_assert(breach.last_kernel);
        ck_assert_uint_eq(breach.node->node->id, 2);
        ck_assert(!balance_is_breached_at(&before, &before, 2, &breach));
        ck_assert(balance_is_breached_at(&before, &after, 2, &breach));
}
END_TEST

START_TEST(the_machine_is_looked_at_where_no_node_is_breached)
{
        Breach breach;

        policy.max_movable_ratio_permille = 1000;
        policy.per_node = false;
        begin("0c=k2m3 1c=k1");
        empty(1, ZONE_CLASS_KERNEL);
        ck_assert(balance_is_breached(&before, &after, &breach));
        ck_assert_int_eq(breach.guard, GUARD_MACHINE_RATIO);
        ck_assert(breach.figures.of_machine);
        ck_assert_ptr_null(breach.node->node);
        ck_assert(balance_is_breached_at(&before, &after, 0, &breach));
}
END_TEST

START_TEST(a_rule_lifts_min_kernel_of_the_nodes_it_decides_on)
{
        Rule rule = { .zone = ZONE_ACTION_AUTO, .movable_node = true, .has_nodes = true };
        Breach breach;

        rule.name = strdup("far");
        ck_assert_ptr_nonnull(rule.name);
        node_set_add(&rule.nodes, 1);
        ck_assert_int_eq(policy_insert_rule(&policy, 0, &rule), 0);
        policy.max_movable_ratio_permille = LARGEST;
        begin("0=k4m1 1=k1m1 2=k1m1");
        ck_assert(!balance_node(&before, 0)->movable_node);
        ck_assert(balance_node(&before, 1)->movable_node);
        empty(1, ZONE_CLASS_KERNEL);
        ck_assert(!balance_is_breached(&before, &after, &breach));
        empty(2, ZONE_CLASS_KERNEL);
        ck_assert(balance_is_breached(&before, &after, &breach));
        ck_assert_uint_eq(breach.node->node->id, 2);
}
END_TEST

/* What was decided by another rule is not that rule's. */
START_TEST(the_rule_that_decided_counts_not_the_rule_that_would_now)
{
        Rule rule = { .zone = ZONE_ACTION_AUTO, .movable_node = true };

        rule.name = strdup("any");
        ck_assert_ptr_nonnull(rule.name);
        ck_assert_int_eq(policy_insert_rule(&policy, 0, &rule), 0);
        machine_from(&machine, BLOCK, "0=k1 1=k1 2=k1");
        machine.blocks[0].decision.verdict = VERDICT_KERNEL;
        machine.blocks[0].decision.rule = RULE_DEFAULT;
        machine.blocks[1].decision.verdict = VERDICT_KERNEL;
        machine.blocks[1].decision.rule = 0;
        ck_assert_int_eq(balance_init(&before, &machine, &policy), 0);
        ck_assert(!before.nodes[0].movable_node);
        ck_assert(before.nodes[1].movable_node);
        ck_assert(before.nodes[2].movable_node);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("balance");
        TCase *tcase = tcase_create("balance");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, blocks_count_as_what_they_are_or_become);
        tcase_add_test(tcase, what_goes_offline_is_there_only_if_it_is_movable);
        tcase_add_test(tcase, what_is_moved_is_counted_on_its_node_and_in_all);
        tcase_add_test(tcase, the_last_kernel_memory_is_worse_than_any_ratio);
        tcase_add_test(tcase, the_machine_is_looked_at_where_no_node_is_breached);
        tcase_add_test(tcase, a_rule_lifts_min_kernel_of_the_nodes_it_decides_on);
        tcase_add_test(tcase, the_rule_that_decided_counts_not_the_rule_that_would_now);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
