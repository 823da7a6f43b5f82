/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/format.h"
#include "check_main.h"

#define KIB UINT64_C(1024)
#define MIB (KIB << 10)
#define GIB (MIB << 10)
#define TIB (GIB << 10)

static const struct {
        uint64_t bytes;
        const char *text;
} size_cases[] = {
        { 0, "0B" },
        { 1, "1B" },
        { 1023, "1023B" },
        { KIB, "1K" },
        { 1025, "1K" },
        { 1536, "1.5K" },
        { MIB - 1, "1024K" },
        { MIB, "1M" },
        { 128 * MIB, "128M" },
        { 1008 * MIB, "1008M" },
        { GIB, "1G" },

        /* as lsmem of util-linux 2.38 prints so many blocks of 128 MiB */
        { 9 * 128 * MIB, "1.1G" },
        { 10 * 128 * MIB, "1.3G" },
        { 11 * 128 * MIB, "1.4G" },
        { 12 * 128 * MIB, "1.5G" },
        { 13 * 128 * MIB, "1.6G" },
        { 14 * 128 * MIB, "1.8G" },
        { 15 * 128 * MIB, "1.9G" },
        { 17 * 128 * MIB, "2.1G" },

        /* and of 16 MiB */
        { 65 * 16 * MIB, "1G" },

        /* more than a twentieth of a unit rounds up */
        { GIB + GIB / 20, "1G" },
        { GIB + GIB / 20 + 1, "1.1G" },

        { 2 * GIB - MIB, "2G" },
        { 64 * GIB, "64G" },
        { TIB, "1T" },
        { TIB + TIB / 2, "1.5T" },
        { TIB << 10, "1P" },
        { TIB << 20, "1E" },
        { (TIB << 20) + (TIB << 19), "1.5E" },

        /* the last byte counts at the largest sizes, too: below and from 1.05E and 15.95E on */
        { UINT64_C(1210567579837189324), "1E" },
        { UINT64_C(1210567579837189325), "1.1E" },
        { UINT64_C(18389097998479209267), "15.9E" },
        { UINT64_C(18389097998479209268), "16E" },
        { UINT64_MAX, "16E" },
};

START_TEST(bytes_are_formatted_as_lsmem_does)
{
        char buffer[FORMAT_BYTES_MAX];

        ck_assert_ptr_eq(format_bytes(size_cases[_i].bytes, buffer), buffer);
        ck_assert_str_eq(buffer, size_cases[_i].text);
}
END_TEST

static const struct {
        uint64_t bytes;
        const char *text;
} exact_cases[] = {
        { 0, "0B" },
        { 1, "1B" },
        { 128, "128B" },
        { 1023, "1023B" },
        { KIB, "1K" },
        { KIB + 1, "1025B" },
        { KIB + 127, "1151B" },
        { KIB + 128, "1.125K" },
        { KIB + 129, "1153B" },
        { 1536, "1.5K" },
        { MIB - 1, "1048575B" },
        { MIB - KIB, "1023K" },
        { MIB - 128, "1023.875K" },
        { 128 * MIB, "128M" },
        { 896 * MIB, "896M" },
        { 9 * 128 * MIB, "1.125G" },
        { 10 * 128 * MIB, "1.25G" },
        { 11 * 128 * MIB, "1.375G" },
        { 12 * 128 * MIB, "1.5G" },
        { 13 * 128 * MIB, "1.625G" },
        { 54 * 128 * MIB, "6.75G" },
        { 15 * 128 * MIB, "1.875G" },
        { 65 * 16 * MIB, "1040M" },
        { 8 * TIB, "8T" },
        { 8 * TIB + 128 * MIB, "8192.125G" },
        { TIB << 10, "1P" },
        { (TIB << 20) + (TIB << 17), "1.125E" },
        { (TIB << 20) + (TIB << 16), "1088P" },
        { UINT64_MAX, "18446744073709551615B" },
        { UINT64_MAX - 127, "18014398509481983.875K" },
};

START_TEST(bytes_that_are_compared_are_not_rounded)
{
        char buffer[FORMAT_BYTES_MAX];

        ck_assert_ptr_eq(format_bytes_exact(exact_cases[_i].bytes, buffer), buffer);
        ck_assert_str_eq(buffer, exact_cases[_i].text);
}
END_TEST

static const char *const node_lists[] = {
        "",      "0",         "7",     "0-1",  "0,2",    "0-2",
        "1-3,5", "0,2,4,6-8", "63-64", "1023", "0,1023", "0-1023",
};

START_TEST(nodes_are_listed_as_the_kernel_does)
{
        NodeSet set = {};
        char buffer[64];

        ck_assert_int_eq(node_set_parse(&set, node_lists[_i]), 0);
        ck_assert_ptr_eq(format_nodes(&set, buffer, sizeof(buffer)), buffer);
        ck_assert_str_eq(buffer, node_lists[_i]);
}
END_TEST

START_TEST(a_list_of_nodes_is_cut_between_ranges)
{
        static const char whole[] = "0,10-12,1000-1023";
        static const struct {
                size_t size; /* the smallest that the text fits in, and one more than it needs */
                const char *text;
        } cuts[] = { { 4, "..." },
                     { 6, "0,..." },
                     { 12, "0,10-12,..." },
                     { sizeof(whole), whole },
                     { SIZE_MAX, "" } };
        NodeSet set = {};

        ck_assert_int_eq(node_set_parse(&set, whole), 0);
        for (size_t size = cuts[0].size, i = 0; size <= sizeof(whole) + 3; size++) {
                char buffer[sizeof(whole) + 4];

                i += size == cuts[i + 1].size;
                memset(buffer, '#', sizeof(buffer));
                format_nodes(&set, buffer, size);
                ck_assert_str_eq(buffer, cuts[i].text);
                ck_assert_int_eq(buffer[size], '#');
        }
}
END_TEST

START_TEST(a_full_set_without_ranges_is_cut_between_nodes)
{
        NodeSet set = {};
        char buffer[16];

        for (uint32_t node = 0; node < NODE_MAX; node += 2)
                node_set_add(&set, node);
        format_nodes(&set, buffer, sizeof(buffer));
        ck_assert_str_eq(buffer, "0,2,4,6,8,...");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("format");
        TCase *tcase = tcase_create("format");

        tcase_add_loop_test(tcase, bytes_are_formatted_as_lsmem_does, 0, ELEMENTSOF(size_cases));
        tcase_add_loop_test(tcase, bytes_that_are_compared_are_not_rounded, 0,
                            ELEMENTSOF(exact_cases));
        tcase_add_loop_test(tcase, nodes_are_listed_as_the_kernel_does, 0, ELEMENTSOF(node_lists));
        tcase_add_test(tcase, a_list_of_nodes_is_cut_between_ranges);
        tcase_add_test(tcase, a_full_set_without_ranges_is_cut_between_nodes);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
