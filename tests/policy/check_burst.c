/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/reason.h"

#define MIB (UINT64_C(1) << 20)

static const struct {
        const char *machine; /* all of which was onlined */
        uint64_t block_size_bytes;
        unsigned n_failed;
        const char *sentence;
} cases[] = {
        { "1=k16m48", 128 * MIB, 0, "64 blocks (8G) on node 1: 16 kernel, 48 movable" },
        { "0=k", 128 * MIB, 0, "1 block (128M) on node 0: 1 kernel, 0 movable" },
        { "0=m", 2048 * MIB, 0, "1 block (2G) on node 0: 0 kernel, 1 movable" },
        { "0=k 1=m", 128 * MIB, 0, "2 blocks (256M) on nodes 0-1: 1 kernel, 1 movable" },
        { "0=k 1=m2 3=m", 128 * MIB, 0, "4 blocks (512M) on nodes 0-1,3: 1 kernel, 3 movable" },
        { "0=k 9=m2", 128 * MIB, 0, "3 blocks (384M) on nodes 0,9: 1 kernel, 2 movable" },
        { "1=s2m", 128 * MIB, 0, "3 blocks (384M) on node 1: 2 kernel, 1 movable" },
        { "1=km3", 128 * MIB, 2,
          "4 blocks (512M) on node 1: 1 kernel, 3 movable, 2 attempts failed" },
        { "1=m65536", 2048 * MIB, 0, "65536 blocks (128T) on node 1: 0 kernel, 65536 movable" },
};

START_TEST(a_burst_is_summed_up_in_one_sentence)
{
        char text[BURST_STRING_MAX];
        Burst burst = {};
        Machine machine;

        machine_from(&machine, cases[_i].block_size_bytes, cases[_i].machine);
        for (size_t i = 0; i < machine.n_blocks; i++)
                burst_add(&burst, &machine.blocks[i], 1);
        burst.n_failed = cases[_i].n_failed;
        ck_assert_ptr_eq(burst_format(&burst, cases[_i].block_size_bytes, text), text);
        ck_assert_str_eq(text, cases[_i].sentence);
        machine_done(&machine);
}
END_TEST

START_TEST(a_sentence_about_many_nodes_is_not_too_long)
{
        char text[BURST_STRING_MAX];
        Burst burst = { .n_kernel = UINT32_MAX / 2,
                        .n_movable = UINT32_MAX / 2,
                        .n_failed = UINT32_MAX };

        for (uint32_t node = 0; node < NODE_MAX; node += 2)
                node_set_add(&burst.nodes, node);
        burst_format(&burst, 2048 * MIB, text);
        ck_assert_uint_lt(strlen(text), sizeof(text));
        ck_assert_ptr_nonnull(strstr(text, " on nodes 0,2,4,6"));
        ck_assert_ptr_nonnull(strstr(text, ", 4294967295 attempts failed"));
}
END_TEST

START_TEST(a_burst_is_empty_until_something_came_of_it)
{
        Burst burst = {};
        Machine machine;

        ck_assert(burst_is_empty(&burst));
        machine_from(&machine, 128 * MIB, "?=k 1=m");
        burst_add(&burst, &machine.blocks[0], 1);
        ck_assert(!burst_is_empty(&burst));
        ck_assert(node_set_is_empty(&burst.nodes));

        burst = (Burst){};
        burst_add(&burst, &machine.blocks[1], 1);
        ck_assert(!burst_is_empty(&burst));
        ck_assert(node_set_contains(&burst.nodes, 1));

        burst = (Burst){ .n_failed = 1 };
        ck_assert(!burst_is_empty(&burst));
        machine_done(&machine);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("burst");
        TCase *tcase = tcase_create("burst");

        tcase_add_loop_test(tcase, a_burst_is_summed_up_in_one_sentence, 0, ELEMENTSOF(cases));
        tcase_add_test(tcase, a_sentence_about_many_nodes_is_not_too_long);
        tcase_add_test(tcase, a_burst_is_empty_until_something_came_of_it);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
