/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_main.h"
#include "policy/guard.h"

#define MIB (UINT64_C(1) << 20)

START_TEST(a_rule_exempts_with_movable_node_alone)
{
        const Rule with = { .zone = ZONE_ACTION_AUTO, .movable_node = true };
        const Rule without = { .zone = ZONE_ACTION_MOVABLE };

        ck_assert(guard_is_exempt(&with));
        ck_assert(!guard_is_exempt(&without));
        ck_assert(!guard_is_exempt(NULL));
}
END_TEST

START_TEST(min_kernel_is_a_size_or_a_block)
{
        const Machine machine = { .block_size_bytes = 128 * MIB };
        Policy policy = { .min_kernel_bytes = MIN_KERNEL_ONE_BLOCK };

        ck_assert_uint_eq(guard_min_kernel(&policy, &machine, false), 128 * MIB);
        ck_assert_uint_eq(guard_min_kernel(&policy, &machine, true), 0);
        policy.min_kernel_bytes = 64 * MIB;
        ck_assert_uint_eq(guard_min_kernel(&policy, &machine, false), 64 * MIB);
        ck_assert_uint_eq(guard_min_kernel(&policy, &machine, true), 0);
        policy.min_kernel_bytes = 0;
        ck_assert_uint_eq(guard_min_kernel(&policy, &machine, false), 0);
}
END_TEST

START_TEST(only_a_node_with_a_cpu_has_a_ratio_of_its_own)
{
        for (unsigned i = 0; i < 4; i++) {
                const Policy policy = { .per_node = i & 1 };
                const Node node = { .has_cpu = i & 2 };

                ck_assert_int_eq(guard_has_node_ratio(&policy, &node), i == 3);
        }
}
END_TEST

START_TEST(the_ratio_of_the_policy_is_the_limit)
{
        const Policy policy = { .max_movable_ratio_permille = 3000 };
        Figures figures = figures_of(MIB, 3 * MIB, 0);

        ck_assert(!guard_is_over_ratio(&policy, &figures));
        ck_assert_uint_eq(figures.limit, 3000);
        figures = figures_of(MIB, 3 * MIB + 4096, 0);
        ck_assert(guard_is_over_ratio(&policy, &figures));
        ck_assert_uint_eq(figures.limit, 3000);
}
END_TEST

START_TEST(movable_memory_alone_is_movable_only)
{
        ck_assert(guard_is_movable_only(0, MIB));
        ck_assert(!guard_is_movable_only(4096, MIB));
        ck_assert(!guard_is_movable_only(0, 0));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("guard");
        TCase *tcase = tcase_create("guard");

        tcase_add_test(tcase, a_rule_exempts_with_movable_node_alone);
        tcase_add_test(tcase, min_kernel_is_a_size_or_a_block);
        tcase_add_test(tcase, only_a_node_with_a_cpu_has_a_ratio_of_its_own);
        tcase_add_test(tcase, the_ratio_of_the_policy_is_the_limit);
        tcase_add_test(tcase, movable_memory_alone_is_movable_only);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
