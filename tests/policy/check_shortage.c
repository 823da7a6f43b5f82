/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/shortage.h"

#define BLOCK (UINT64_C(128) << 20)
#define MIB (UINT64_C(1) << 20)

static Machine machine;
static Policy policy;

static void setup(void)
{
        policy_init(&policy);
}

static void teardown(void)
{
        policy_done(&policy);
        machine_done(&machine);
}

static void set_zones(const Zone *zones, size_t n)
{
        Zone *copy = calloc(n, sizeof(Zone));

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, zones, n * sizeof(Zone));
        machine_set_zones(&machine, copy, n);
}

/* Figures of the zones of a node */

START_TEST(what_the_kernel_can_have_is_summed_over_its_zones)
{
        static const Zone zones[] = {
                { .node = 0,
                  .type = ZONE_DMA,
                  .free_bytes = 15,
                  .reserve_bytes = 60,
                  .low_bytes = 1,
                  .high_bytes = 2 },
                { .node = 0,
                  .type = ZONE_DMA32,
                  .free_bytes = 100,
                  .reserve_bytes = 40,
                  .free_cma_bytes = 10,
                  .low_bytes = 4,
                  .high_bytes = 8 },
                { .node = 0,
                  .type = ZONE_NORMAL,
                  .free_bytes = 7,
                  .low_bytes = 16,
                  .high_bytes = 32 },
                { .node = 0,
                  .type = ZONE_HIGHMEM,
                  .free_bytes = 1000,
                  .low_bytes = 1000,
                  .high_bytes = 1000 },
                { .node = 0,
                  .type = ZONE_MOVABLE,
                  .free_bytes = 500,
                  .low_bytes = 64,
                  .high_bytes = 128,
                  .reserve_bytes = 9 },
                { .node = 1,
                  .type = ZONE_NORMAL,
                  .free_bytes = 3,
                  .low_bytes = 5,
                  .high_bytes = 6 },
        };
        Shortage shortage;

        machine_from(&machine, BLOCK, "0c=k8m8 1=k8");
        set_zones(zones, ELEMENTSOF(zones));
        shortage = shortage_measure(&machine, 0);
        ck_assert_uint_eq(shortage.free_bytes, 0 + 50 + 7);
        ck_assert_uint_eq(shortage.low_bytes, 21);
        ck_assert_uint_eq(shortage.high_bytes, 42);
        ck_assert_uint_eq(shortage.movable_free_bytes, 500);
        ck_assert_uint_eq(shortage.movable_high_bytes, 128);

        shortage = shortage_measure(&machine, 1);
        ck_assert_uint_eq(shortage.free_bytes, 3);
        ck_assert_uint_eq(shortage.movable_high_bytes, 0);
        shortage = shortage_measure(&machine, 2);
        ck_assert_uint_eq(shortage.low_bytes, 0);
}
END_TEST

/* Whether that is short: free, low, high of the kernel's; free and high of the movable zone. */
static const struct {
        Shortage shortage;
        bool becomes, stays;
} truth[] = {
        { { 99, 100, 120, 1000, 50 }, true, true },
        { { 100, 100, 120, 1000, 50 }, false, true },
        { { 120, 100, 120, 1000, 50 }, false, true },
        { { 121, 100, 120, 1000, 50 }, false, false },
        { { 0, 100, 120, 1000, 50 }, true, true },

        /* Movable memory is short itself: that helps nobody, but is no reason to call it over. */
        { { 99, 100, 120, 51, 50 }, true, true },
        { { 99, 100, 120, 50, 50 }, false, true },
        { { 99, 100, 120, 0, 50 }, false, true },

        /* There is no movable memory; there is no kernel memory, which is another matter. */
        { { 0, 100, 120, 0, 0 }, false, false },
        { { 0, 0, 0, 1000, 50 }, false, false },
        { {}, false, false },
};

START_TEST(a_node_is_short_below_low_and_until_above_high)
{
        ck_assert_int_eq(shortage_holds(&truth[_i].shortage, false), truth[_i].becomes);
        ck_assert_int_eq(shortage_holds(&truth[_i].shortage, true), truth[_i].stays);
}
END_TEST

/* How many blocks, with so much of the kernel's free and its high watermark there, in MiB. */
static const struct {
        const char *machine;
        uint64_t free_mib, high_mib;
        uint32_t ratio_permille;
        bool per_node;
        uint32_t n;
} amounts[] = {
        /* Free memory gets above high: one block more than it takes to reach it. */
        { "0c=k8m8", 0, 20, 3000, true, 1 },
        { "0c=k8m8", 0, 127, 3000, true, 1 },
        { "0c=k8m8", 0, 128, 3000, true, 2 },
        { "0c=k8m8", 1, 128, 3000, true, 1 },
        { "0c=k8m8", 0, 128 * 3, 3000, true, 4 },

        /* The ratio holds: exactly, and not with one less. */
        { "0c=k2m6", 0, 20, 3000, true, 1 },
        { "0c=k2m7", 0, 20, 3000, true, 1 },
        { "0c=k1m15", 0, 20, 3000, true, 3 },
        { "0c=k1m16", 0, 20, 3000, true, 4 },
        { "0c=k8m8", 0, 20, 0, true, 8 },
        { "0c=k8m8", 0, 20, 500, true, 3 },

        /* Where it is not kept on the node, it does not count. */
        { "0c=k1m15", 0, 20, 3000, false, 1 },
        { "0=k1m15", 0, 20, 3000, true, 1 },

        /* All only if needed, never more than there are, none of none. */
        { "0c=k8m1", 0, 20, 3000, true, 1 },
        { "0c=k8m2", 0, 128 * 2, 3000, true, 2 },
        { "0c=k8m3", 0, 128 * 2, 3000, true, 3 },
        { "0c=k8m4", 0, 128 * 2, 3000, true, 3 },
        { "0c=k8m2", 0, 128 * 9, 3000, true, 2 },
        { "0c=k8", 0, 20, 3000, true, 0 },
        { "0c=k8o4", 0, 20, 3000, true, 0 },
        /* Enough is free by now: one still. */
        { "0c=k8m8", 500, 20, 3000, true, 1 },
};

START_TEST(the_fewest_blocks_that_help_become_kernel_memory)
{
        const Shortage shortage = { .free_bytes = amounts[_i].free_mib * MIB,
                                    .high_bytes = amounts[_i].high_mib * MIB };

        machine_from(&machine, BLOCK, amounts[_i].machine);
        machine_count(&machine);
        policy.max_movable_ratio_permille = amounts[_i].ratio_permille;
        policy.per_node = amounts[_i].per_node;
        ck_assert_uint_eq(
                shortage_blocks(&shortage, &machine, &policy, machine_find_node(&machine, 0)),
                amounts[_i].n);
}
END_TEST

START_TEST(contiguous_memory_of_drivers_counts_as_movable)
{
        static const Zone zones[] = {
                { .node = 0, .type = ZONE_NORMAL, .cma_bytes = BLOCK },
        };
        const Shortage shortage = { .high_bytes = MIB };

        machine_from(&machine, BLOCK, "0c=k2m6");
        machine_count(&machine);
        ck_assert_uint_eq(shortage_blocks(&shortage, &machine, &policy, machine.nodes), 1);
        set_zones(zones, ELEMENTSOF(zones));
        /* One to seven: with one block two to six. */
        ck_assert_uint_eq(shortage_blocks(&shortage, &machine, &policy, machine.nodes), 1);
        policy.max_movable_ratio_permille = 2999;
        ck_assert_uint_eq(shortage_blocks(&shortage, &machine, &policy, machine.nodes), 2);
}
END_TEST

/* Of 17 TiB of kernel memory, a thousand times as much in thousandths takes more than 64 bits. */
START_TEST(the_largest_ratio_holds_on_the_largest_node)
{
        const Shortage shortage = { .high_bytes = MIB };

        machine_from(&machine, BLOCK, "0c=k8m8");
        machine.nodes[0].totals.kernel_bytes = 137439 * BLOCK;
        machine.nodes[0].totals.movable_bytes = 65536 * BLOCK;
        policy.max_movable_ratio_permille = MAX_MOVABLE_RATIO_PERMILLE_MAX;
        ck_assert_uint_eq(shortage_blocks(&shortage, &machine, &policy, machine.nodes), 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("shortage");
        TCase *tcase = tcase_create("shortage");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_the_kernel_can_have_is_summed_over_its_zones);
        tcase_add_loop_test(tcase, a_node_is_short_below_low_and_until_above_high, 0,
                            ELEMENTSOF(truth));
        tcase_add_loop_test(tcase, the_fewest_blocks_that_help_become_kernel_memory, 0,
                            ELEMENTSOF(amounts));
        tcase_add_test(tcase, contiguous_memory_of_drivers_counts_as_movable);
        tcase_add_test(tcase, the_largest_ratio_holds_on_the_largest_node);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
