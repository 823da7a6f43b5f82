/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/parse.h"
#include "check_main.h"

#define UNTOUCHED UINT64_C(0xdeadbeef)

typedef struct NumberCase {
        const char *text;
        int result;
        uint64_t value;
} NumberCase;

static const NumberCase u32_cases[] = {
        { "0", 0, 0 },
        { "7", 0, 7 },
        { "007", 0, 7 },
        { "4294967295", 0, UINT32_MAX },
        { "00000000000000000000004294967295", 0, UINT32_MAX },
        { "4294967296", -ERANGE, 0 },
        { "18446744073709551616", -ERANGE, 0 },
        { "99999999999999999999999999", -ERANGE, 0 },
        { "99999999999999999999999999x", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 },
        { "1\n", -EINVAL, 0 },
        { "+1", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "1a", -EINVAL, 0 },
        { "0x1", -EINVAL, 0 },
        { "1.0", -EINVAL, 0 },
};

START_TEST(u32_takes_decimal_digits_alone)
{
        const NumberCase *c = &u32_cases[_i];
        uint32_t value = (uint32_t) UNTOUCHED;

        ck_assert_msg(parse_u32(c->text, &value) == c->result, "\"%s\"", c->text);
        ck_assert_uint_eq(value, c->result == 0 ? c->value : UNTOUCHED);
}
END_TEST

static const NumberCase hex_cases[] = {
        { "0", 0, 0 },
        { "8000000", 0, UINT64_C(128) << 20 },
        { "aBcDeF", 0, 0xabcdef },
        { "ffffffffffffffff", 0, UINT64_MAX },
        { "0000ffffffffffffffff", 0, UINT64_MAX },
        { "10000000000000000", -ERANGE, 0 },
        { "10000000000000000g", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "0x80", -EINVAL, 0 },
        { "80\n", -EINVAL, 0 },
        { "-8", -EINVAL, 0 },
        { " 8", -EINVAL, 0 },
};

START_TEST(hex_takes_hexadecimal_digits_without_a_prefix)
{
        const NumberCase *c = &hex_cases[_i];
        uint64_t value = UNTOUCHED;

        ck_assert_msg(parse_hex_u64(c->text, &value) == c->result, "\"%s\"", c->text);
        ck_assert_uint_eq(value, c->result == 0 ? c->value : UNTOUCHED);
}
END_TEST

static const NumberCase size_cases[] = {
        { "0", 0, 0 },
        { "4096", 0, 4096 },
        { "1K", 0, UINT64_C(1) << 10 },
        { "1k", 0, UINT64_C(1) << 10 },
        { "512M", 0, UINT64_C(512) << 20 },
        { "512MiB", 0, UINT64_C(512) << 20 },
        { "512MB", 0, UINT64_C(512) << 20 },
        { "3g", 0, UINT64_C(3) << 30 },
        { "2T", 0, UINT64_C(2) << 40 },
        { "1p", 0, UINT64_C(1) << 50 },
        { "16383P", 0, UINT64_C(16383) << 50 },
        { "16384P", -ERANGE, 0 },
        { "18446744073709551615", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "18446744073709551616M", -ERANGE, 0 },
        { "18446744073709551616x", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "M", -EINVAL, 0 },
        { "512 M", -EINVAL, 0 },
        { "512Mi", -EINVAL, 0 },
        { "512mib", -EINVAL, 0 },
        { "512MiBs", -EINVAL, 0 },
        { "512B", 0, 512 },
        { "0B", 0, 0 },
        { "512b", -EINVAL, 0 },
        { "512BB", -EINVAL, 0 },
        { "15E", 0, UINT64_C(15) << 60 },
        { "15eiB", 0, UINT64_C(15) << 60 },
        { "16E", -ERANGE, 0 },
        { "1.5G", 0, UINT64_C(1536) << 20 },
        { "1.50G", 0, UINT64_C(1536) << 20 },
        { "1.0G", 0, UINT64_C(1) << 30 },
        { "0.5k", 0, 512 },
        { "6.75GiB", 0, UINT64_C(6912) << 20 },
        { "1.125TB", 0, UINT64_C(1152) << 30 },
        { "01.5M", 0, UINT64_C(1536) << 10 },
        { "0.0009765625K", 0, 1 },
        { "0.0000000000000000K", 0, 0 },
        { "1.500000000000000000000000000000G", 0, UINT64_C(1536) << 20 },
        { "15.5E", 0, UINT64_C(31) << 59 },
        { "15.9990234375E", 0, UINT64_C(16383) << 50 },
        { "16.5E", -ERANGE, 0 },
        { "16384.5P", -ERANGE, 0 },
        { "18446744073709551616.5M", -ERANGE, 0 },
        { "0.1G", -EDOM, 0 },
        { "0.3K", -EDOM, 0 },
        { "1.00048828125K", -EDOM, 0 },
        { "1.0000000000000001E", -EDOM, 0 },
        { "1.00000000000000005E", -EDOM, 0 },
        { "1.5", -EINVAL, 0 },
        { "1.0", -EINVAL, 0 },
        { "1.5B", -EINVAL, 0 },
        { "1.G", -EINVAL, 0 },
        { ".5G", -EINVAL, 0 },
        { "1.5.5G", -EINVAL, 0 },
        { "1,5G", -EINVAL, 0 },
        { "1.-5G", -EINVAL, 0 },
        { "1.5e3M", -EINVAL, 0 },
        { "0x1.8G", -EINVAL, 0 },
        { "-1G", -EINVAL, 0 },
};

START_TEST(size_takes_a_number_and_a_suffix_and_rounds_nothing)
{
        const NumberCase *c = &size_cases[_i];
        uint64_t value = UNTOUCHED;

        ck_assert_msg(parse_size(c->text, &value) == c->result, "\"%s\"", c->text);
        ck_assert_uint_eq(value, c->result == 0 ? c->value : UNTOUCHED);
}
END_TEST

static const NumberCase usec_cases[] = {
        { "0", 0, 0 },
        { "2", 0, 2 * USEC_PER_SEC },
        { "5us", 0, 5 },
        { "10ms", 0, 10 * USEC_PER_MSEC },
        { "2s", 0, 2 * USEC_PER_SEC },
        { "1min", 0, 60 * USEC_PER_SEC },
        { "1h", 0, 3600 * USEC_PER_SEC },
        { "18446744073709551614us", 0, UINT64_MAX - 1 },
        { "18446744073709551615us", -ERANGE, 0 },
        { "18446744073709551616us", -ERANGE, 0 },
        { "18446744073709551615s", -ERANGE, 0 },
        { "18446744073709551616d", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "s", -EINVAL, 0 },
        { "2 s", -EINVAL, 0 },
        { "2S", -EINVAL, 0 },
        { "2sec", -EINVAL, 0 },
        { "1m", -EINVAL, 0 },
        { "0.5s", -EINVAL, 0 },
        { "-1s", -EINVAL, 0 },
};

START_TEST(usec_takes_a_number_and_a_unit)
{
        const NumberCase *c = &usec_cases[_i];
        uint64_t value = UNTOUCHED;

        ck_assert_msg(parse_usec(c->text, &value) == c->result, "\"%s\"", c->text);
        ck_assert_uint_eq(value, c->result == 0 ? c->value : UNTOUCHED);
}
END_TEST

START_TEST(node_set_starts_empty_and_holds_what_is_added)
{
        NodeSet set = { 0 };

        ck_assert(node_set_is_empty(&set));
        node_set_add(&set, NODE_MAX - 1);
        ck_assert(!node_set_is_empty(&set));
        ck_assert(node_set_contains(&set, NODE_MAX - 1));
        ck_assert(!node_set_contains(&set, NODE_MAX - 2));
        ck_assert(!node_set_contains(&set, NODE_MAX));
        ck_assert(!node_set_contains(&set, UINT32_MAX));
}
END_TEST

typedef struct NodesCase {
        const char *text;
        int result;
        uint64_t first_64; /* the bits of nodes 0 to 63, next to node 9, which is there before */
} NodesCase;

#define NODE_BIT(node) (UINT64_C(1) << (node))

static const NodesCase node_cases[] = {
        { "", 0, 0 },
        { "0", 0, NODE_BIT(0) },
        { "0,2-5", 0, NODE_BIT(0) | 0x3c },
        { "2-5,3", 0, 0x3c },
        { "3-3", 0, NODE_BIT(3) },
        { "63,64", 0, NODE_BIT(63) },
        { "0-1023", 0, UINT64_MAX },
        { "1024", -ERANGE, 0 },
        { "1,1023-1024", -ERANGE, 0 },
        { "1,99999999999999999999", -ERANGE, 0 },
        { "1-99999999999999999999", -ERANGE, 0 },
        { "1024,x", -EINVAL, 0 },
        { "5-2", -EINVAL, 0 },
        { ",", -EINVAL, 0 },
        { "1,", -EINVAL, 0 },
        { ",1", -EINVAL, 0 },
        { "1,,2", -EINVAL, 0 },
        { "1-", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "1-2-3", -EINVAL, 0 },
        { "1 ,2", -EINVAL, 0 },
        { "1\n", -EINVAL, 0 },
        { "cpu", -EINVAL, 0 },
};

START_TEST(node_list_adds_numbers_and_ranges_or_changes_nothing)
{
        const NodesCase *c = &node_cases[_i];
        NodeSet set = { 0 };

        node_set_add(&set, 9);
        ck_assert_msg(node_set_parse(&set, c->text) == c->result, "\"%s\"", c->text);
        ck_assert_uint_eq(set.bits[0], c->first_64 | NODE_BIT(9));
}
END_TEST

START_TEST(a_number_list_has_numbers_beyond_the_nodes)
{
        for (size_t i = 0; i < ELEMENTSOF(node_cases); i++)
                if (node_cases[i].result != -ERANGE)
                        ck_assert_msg(is_number_list(node_cases[i].text) ==
                                              (node_cases[i].result == 0),
                                      "\"%s\"", node_cases[i].text);
        ck_assert(is_number_list("0-8191"));
        ck_assert(is_number_list("1024,18446744073709551615"));
        ck_assert(!is_number_list("1,18446744073709551616"));
}
END_TEST

START_TEST(node_list_reaches_the_last_node)
{
        NodeSet set = { 0 };

        ck_assert_int_eq(node_set_parse(&set, "1000-1023"), 0);
        ck_assert(!node_set_contains(&set, 999));
        for (uint32_t node = 1000; node < NODE_MAX; node++)
                ck_assert(node_set_contains(&set, node));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("parse");
        TCase *numbers = tcase_create("numbers"), *nodes = tcase_create("nodes");

        tcase_add_loop_test(numbers, u32_takes_decimal_digits_alone, 0, ELEMENTSOF(u32_cases));
        tcase_add_loop_test(numbers, hex_takes_hexadecimal_digits_without_a_prefix, 0,
                            ELEMENTSOF(hex_cases));
        tcase_add_loop_test(numbers, size_takes_a_number_and_a_suffix_and_rounds_nothing, 0,
                            ELEMENTSOF(size_cases));
        tcase_add_loop_test(numbers, usec_takes_a_number_and_a_unit, 0, ELEMENTSOF(usec_cases));
        suite_add_tcase(suite, numbers);

        tcase_add_test(nodes, node_set_starts_empty_and_holds_what_is_added);
        tcase_add_loop_test(nodes, node_list_adds_numbers_and_ranges_or_changes_nothing, 0,
                            ELEMENTSOF(node_cases));
        tcase_add_test(nodes, a_number_list_has_numbers_beyond_the_nodes);
        tcase_add_test(nodes, node_list_reaches_the_last_node);
        suite_add_tcase(suite, nodes);
        return check_main(suite);
}
