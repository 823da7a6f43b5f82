/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/guard.h"

#define MIB (UINT64_C(1) << 20)
#define PIB (UINT64_C(1) << 50)

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
        ck_assert(guard_is_movable_only(&(Totals){ .movable_bytes = MIB }));
        ck_assert(!guard_is_movable_only(
                &(Totals){ .kernel_bytes = 4096, .movable_bytes = MIB }));
        ck_assert(!guard_is_movable_only(&(Totals){}));
}
END_TEST

START_TEST(cma_moves_from_one_side_to_the_other_as_far_as_there_is_kernel_memory)
{
        Figures figures = figures_of(8 * MIB, 4 * MIB, 3 * MIB);

        ck_assert_uint_eq(figures.kernel_bytes, 5 * MIB);
        ck_assert_uint_eq(figures.movable_bytes, 7 * MIB);
        figures = figures_of(2 * MIB, 4 * MIB, 3 * MIB);
        ck_assert_uint_eq(figures.kernel_bytes, 0);
        ck_assert_uint_eq(figures.movable_bytes, 6 * MIB);
}
END_TEST

static const struct {
        uint64_t movable_bytes;
        uint64_t kernel_bytes;
        uint32_t ratio_permille;
        bool exceeds;
} exceed_cases[] = {
        { 3 * MIB, MIB, 3000, false },
        { 3 * MIB + 4096, MIB, 3000, true },
        { 3 * MIB, MIB - 4096, 3000, true },
        { 0, 0, 3000, false },
        { 4096, 0, 1000000, true },
        { 4096, 4096, 0, true },
        { 0, 4096, 0, false },
        /* as large as memory can be */
        { 4 * PIB - 4096, 4 * PIB - 4096, 1000, false },
        { 4 * PIB - 4096, 4 * PIB - 8192, 1000, true },
};

START_TEST(a_ratio_is_exceeded_by_a_page)
{
        const Policy policy = { .max_movable_ratio_permille = exceed_cases[_i].ratio_permille };
        Figures figures = { .movable_bytes = exceed_cases[_i].movable_bytes,
                            .kernel_bytes = exceed_cases[_i].kernel_bytes };

        ck_assert_int_eq(guard_is_over_ratio(&policy, &figures), exceed_cases[_i].exceeds);
        ck_assert_uint_eq(figures.limit, exceed_cases[_i].ratio_permille);
}
END_TEST

static const struct {
        uint64_t movable, kernel;
        uint64_t than_movable, than_kernel;
        bool is_worse;
} worse_cases[] = {
        { 6, 2, 3, 1, false },
        { 7, 2, 3, 1, true },
        { 5, 2, 3, 1, false },
        /* no kernel memory is the worst there is, and the more movable memory then the worse */
        { 1, 0, 9, 1, true },
        { 9, 1, 1, 0, false },
        { 2, 0, 1, 0, true },
        { 1, 0, 1, 0, false },
        { 1, 0, 2, 0, false },
        /* no movable memory is the best */
        { 0, 0, 0, 0, false },
        { 0, 1, 0, 0, false },
        { 0, 0, 0, 1, false },
        { 0, 0, 1, 1, false },
        { 1, 9, 0, 1, true },
        { 1, 9, 0, 0, true },
};

START_TEST(a_ratio_is_worse_than_another)
{
        /* and so large that the products need more than 64 bits */
        for (uint64_t unit = 4096; unit <= PIB / 4; unit *= 4096) {
                Figures figures = { .movable_bytes = worse_cases[_i].movable * unit,
                                    .kernel_bytes = worse_cases[_i].kernel * unit };
                Figures than = { .movable_bytes = worse_cases[_i].than_movable * unit,
                                 .kernel_bytes = worse_cases[_i].than_kernel * unit };

                ck_assert_int_eq(figures_is_worse(&figures, &than), worse_cases[_i].is_worse);
        }
}
END_TEST

START_TEST(figures_are_told_with_their_ratio)
{
        const Figures figures = { .movable_bytes = 1024 * MIB, .kernel_bytes = 384 * MIB };
        const Figures none = { .movable_bytes = 1024 * MIB };
        char text[FIGURES_STRING_MAX];

        ck_assert_str_eq(figures_format(&figures, true, text),
                         "1G of movable to 384M of kernel memory, 2.67 to 1");
        ck_assert_str_eq(figures_format(&figures, false, text),
                         "1G of movable to 384M of kernel memory, 2.66 to 1");
        ck_assert_str_eq(figures_format(&none, true, text), "1G of movable and no kernel memory");
}
END_TEST

START_TEST(a_ratio_has_two_places_or_three)
{
        char text[RATIO_STRING_MAX];

        ck_assert_str_eq(ratio_format(3000, text), "3.00");
        ck_assert_str_eq(ratio_format(3010, text), "3.01");
        ck_assert_str_eq(ratio_format(1125, text), "1.125");
        ck_assert_str_eq(ratio_format(0, text), "0.00");
        ck_assert_str_eq(ratio_format(1000000, text), "1000.00");
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
        tcase_add_test(tcase,
                       cma_moves_from_one_side_to_the_other_as_far_as_there_is_kernel_memory);
        tcase_add_loop_test(tcase, a_ratio_is_exceeded_by_a_page, 0, ELEMENTSOF(exceed_cases));
        tcase_add_loop_test(tcase, a_ratio_is_worse_than_another, 0, ELEMENTSOF(worse_cases));
        tcase_add_test(tcase, figures_are_told_with_their_ratio);
        tcase_add_test(tcase, a_ratio_has_two_places_or_three);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
