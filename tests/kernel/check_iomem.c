/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "kernel/evidence.h"

#include <stdio.h>

#define BLOCK_SIZE (UINT64_C(128) << 20)

/* Each range as "KIND first-last [region] name (driver);". */
static void assert_ram(const char *text, const char *expected)
{
        static const char *const kinds[] = {
                [RAM_PLAIN] = "plain", [RAM_BOOT] = "boot",   [RAM_VIRTIO_MEM] = "virtio-mem",
                [RAM_KMEM] = "kmem",   [RAM_OTHER] = "other",
        };
        _cleanup_free_ Ram *rams = NULL;
        char drawn[2048] = "", *end = drawn, *stop = drawn + sizeof(drawn);
        size_t n;

        ck_assert_int_eq(ram_list(text, BLOCK_SIZE, &rams, &n), 0);
        for (size_t i = 0; i < n; i++) {
                end += snprintf(end, (size_t) (stop - end), "%s %jx-%jx", kinds[rams[i].kind],
                                (uintmax_t) rams[i].first, (uintmax_t) rams[i].last);
                if (rams[i].region_first != rams[i].first || rams[i].region_last != rams[i].last)
                        end += snprintf(end, (size_t) (stop - end), " [%jx-%jx]",
                                        (uintmax_t) rams[i].region_first,
                                        (uintmax_t) rams[i].region_last);
                end += snprintf(end, (size_t) (stop - end), " %s", rams[i].name);
                if (rams[i].driver[0])
                        end += snprintf(end, (size_t) (stop - end), " (%s)", rams[i].driver);
                end += snprintf(end, (size_t) (stop - end), ";");
        }
        ck_assert_str_eq(drawn, expected);
}

START_TEST(ranges_have_the_kind_and_name_of_who_added_them)
{
        assert_ram("00000000-00000fff : Reserved\n"
                   "00001000-0009fbff : System RAM\n"
                   "00100000-3ffdbfff : System RAM\n"
                   "  01000000-02209987 : Kernel code\n"
                   "40000000-47ffffff : System RAM\n"
                   "  41000000-42ffffff : Crash kernel\n"
                   "48000000-4fffffff : System RAM\n"
                   "  49000000-49000fff : Crash kernel\n"
                   "  4a000000-4a000fff : Kernel bss\n"
                   "108000000-117ffffff : Soft Reserved\n"
                   "  108000000-117ffffff : dax12.3\n"
                   "    108000000-117ffffff : System RAM (kmem)\n"
                   "150000000-24fffffff : virtio10\n"
                   "  150000000-16fffffff : System RAM (virtio_mem)\n"
                   "250000000-257ffffff : System RAM (other_mem)\n",
                   "boot 1000-9fbff ;boot 100000-3ffdbfff ;plain 40000000-47ffffff ;"
                   "boot 48000000-4fffffff ;kmem 108000000-117ffffff dax12.3 (kmem);"
                   "virtio-mem 150000000-16fffffff [150000000-24fffffff] virtio10 (virtio_mem);"
                   "other 250000000-257ffffff other_mem (other_mem);");
}
END_TEST

START_TEST(memory_of_another_driver_is_in_the_range_of_its_device)
{
        assert_ram("40000000-5fffffff : 0009:01:00.0\n"
                   "  40000000-47ffffff : System RAM (NVIDIA)\n"
                   "  50000000-57ffffff : System RAM (NVIDIA)\n"
                   "60000000-7fffffff : PCI Bus 0000:00\n"
                   "  60000000-67ffffff : System RAM (a b)\n"
                   "80000000-8fffffff : dax1.0\n"
                   "  80000000-87ffffff : System RAM\n"
                   "90000000-9fffffff : a-name-of-thirty-two-characters-\n"
                   "  90000000-97ffffff : System RAM (x)\n",
                   "other 40000000-47ffffff [40000000-5fffffff] 0009:01:00.0 (NVIDIA);"
                   "other 50000000-57ffffff [40000000-5fffffff] 0009:01:00.0 (NVIDIA);"
                   "other 60000000-67ffffff a b (a b);kmem 80000000-87ffffff dax1.0 (kmem);"
                   "other 90000000-97ffffff x (x);");
}
END_TEST

START_TEST(the_kernel_in_one_range_says_nothing_of_the_next)
{
        assert_ram("40000000-47ffffff : System RAM\n48000000-4fffffff : System RAM\n"
                   "  4a000000-4a000fff : Kernel code\n",
                   "plain 40000000-47ffffff ;boot 48000000-4fffffff ;");
        assert_ram("40000000-47ffffff : System RAM\n"
                   "  40000000-40ffffff : reserved\n    40000000-40000fff : Kernel code\n",
                   "boot 40000000-47ffffff ;");
}
END_TEST

START_TEST(names_are_taken_only_if_they_are_what_is_expected)
{
        assert_ram("40000000-47ffffff : dax0.0x\n  40000000-47ffffff : System RAM (kmem)\n"
                   "48000000-4fffffff : dax0\n  48000000-4fffffff : System RAM\n"
                   "50000000-57ffffff : virtio\n  50000000-57ffffff : System RAM (virtio_mem)\n"
                   "58000000-5fffffff : dax1234567890123456789012.3456\n"
                   "  58000000-5fffffff : System RAM (kmem)\n"
                   "60000000-67ffffff : System RAM (a\tb)\n"
                   "68000000-6fffffff : System RAM (123456789012345678901234567890123)\n"
                   "70000000-77ffffff : System RAMP\n"
                   "78000000-7fffffff : System RAM (\n",
                   "kmem 40000000-47ffffff  (kmem);plain 48000000-4fffffff ;"
                   "virtio-mem 50000000-57ffffff  (virtio_mem);"
                   "kmem 58000000-5fffffff dax1234567890123456789012.3456 (kmem);"
                   "other 60000000-67ffffff ;"
                   "other 68000000-6fffffff 1234567890123456789012345678901 "
                   "(1234567890123456789012345678901);"
                   "other 78000000-7fffffff ;");
}
END_TEST

START_TEST(memory_within_memory_is_one_range)
{
        assert_ram("40000000-47ffffff : System RAM\n  40000000-40ffffff : System RAM\n"
                   "48000000-4fffffff : System RAM\n",
                   "plain 40000000-47ffffff ;plain 48000000-4fffffff ;");
}
END_TEST

START_TEST(only_whole_blocks_count)
{
        static const struct {
                uint64_t first, last;
                uint32_t first_block;
                uint64_t n;
        } asked[] = {
                { 0, BLOCK_SIZE - 1, 0, 1 },
                { 0, BLOCK_SIZE - 2, 0, 0 },
                { 1, BLOCK_SIZE, 0, 0 },
                { 1, 2 * BLOCK_SIZE - 1, 1, 1 },
                { BLOCK_SIZE, 4 * BLOCK_SIZE - 1, 1, 3 },
                { 0, UINT64_MAX, 0, 0 }, /* more than there are numbers */
                { (uint64_t) UINT32_MAX * BLOCK_SIZE, UINT64_MAX, 0, 0 },
                { (UINT32_MAX - 1) * BLOCK_SIZE, UINT32_MAX * BLOCK_SIZE - 1, UINT32_MAX - 1, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(asked); i++) {
                uint32_t first = 0;

                ck_assert_msg(ram_blocks(asked[i].first, asked[i].last, BLOCK_SIZE, &first) ==
                                              asked[i].n &&
                                      (asked[i].n == 0 || first == asked[i].first_block),
                              "%zu", i);
        }
}
END_TEST

/* The tree around the memory */

START_TEST(an_x86_guest_with_each_kind_of_device)
{
        assert_ram("00000000-00000fff : Reserved\n"
                   "00001000-0009fbff : System RAM\n"
                   "00100000-7ffdbfff : System RAM\n"
                   "  01000000-02209987 : Kernel code\n"
                   "  03b34000-03c57fff : Kernel bss\n"
                   "c0000000-febfffff : PCI Bus 0000:00\n"
                   "  fd000000-fdffffff : 0000:00:01.0\n"
                   "100000000-13fffffff : Persistent Memory\n"
                   "  100000000-1001fffff : namespace0.0\n"
                   "  108000000-13fffffff : dax0.0\n"
                   "    108000000-13fffffff : System RAM (kmem)\n"
                   "140000000-14fffffff : System RAM\n"
                   "150000000-24fffffff : virtio0\n"
                   "  150000000-16fffffff : System RAM (virtio_mem)\n"
                   "fd00000000-ffffffffff : Reserved",
                   "boot 1000-9fbff ;boot 100000-7ffdbfff ;kmem 108000000-13fffffff dax0.0 (kmem);"
                   "plain 140000000-14fffffff ;"
                   "virtio-mem 150000000-16fffffff [150000000-24fffffff] virtio0 (virtio_mem);");
}
END_TEST

START_TEST(names_may_hold_what_separates_them)
{
        assert_ram("40000000-47ffffff : System RAM (a) - b : c\n48000000-4fffffff : \n",
                   "other 40000000-47ffffff a (a);");
}
END_TEST

START_TEST(below_the_last_level_containment_tells_children_from_siblings)
{
        assert_ram("00000000-ffffffff : 0\n"
                   "  00000000-ffffffff : 1\n"
                   "    00000000-ffffffff : 2\n"
                   "      00000000-ffffffff : 3\n"
                   "        00000000-ffffffff : 4\n"
                   "          00000000-0fffffff : virtio5\n"
                   "          00000000-07ffffff : dax6.6\n"
                   "          00000000-07ffffff : System RAM (kmem)\n"
                   "          08000000-0fffffff : System RAM (virtio_mem)\n"
                   "          10000000-17ffffff : System RAM (virtio_mem)\n"
                   "          18000000-1fffffff : System RAM (kmem)\n",
                   "kmem 0-7ffffff dax6.6 (kmem);virtio-mem 8000000-fffffff [0-fffffff] virtio5 "
                   "(virtio_mem);"
                   "virtio-mem 10000000-17ffffff  (virtio_mem);kmem 18000000-1fffffff  (kmem);");
}
END_TEST

/* Asserts that a text is refused, and nothing written. */
static void assert_refused(const char *text, int error, const char *why)
{
        Ram *rams = NULL;
        size_t n = 7;

        ck_assert_msg(ram_list(text, BLOCK_SIZE, &rams, &n) == error, "%s", why);
        ck_assert_ptr_null(rams);
        ck_assert_uint_eq(n, 7);
}

START_TEST(addresses_that_are_hidden_are_told_from_a_broken_text)
{
        assert_refused("00000000-00000000 : Reserved\n"
                       "00000000-00000000 : System RAM\n"
                       "  00000000-00000000 : Kernel code\n",
                       -EACCES, "hidden");
}
END_TEST

static const struct {
        const char *why;
        const char *text;
} broken[] = {
        { "nothing", "" },
        { "no name", "00001000-00001fff\n" },
        { "cut off", "00000000-00000fff : Reserved\n00001000-0009" },
        { "no range", "00001000 : System RAM\n" },
        { "upside down", "00002000-00001fff : System RAM\n" },
        { "no number", "0000x000-00001fff : System RAM\n" },
        { "more than 64 bits", "10000000000000000-1ffffffffffffffff : System RAM\n" },
        { "a sign", "+0001000-00001fff : System RAM\n" },
        { "half a level", "00000000-0000ffff : a\n 00000000-00000fff : b\n" },
        { "starts below the top", "  00001000-00001fff : System RAM\n" },
        { "skips a level", "00000000-0000ffff : a\n    00000000-00000fff : b\n" },
        { "deeper than the kernel prints",
          "00000000-0000ffff : a\n  00000000-0000ffff : b\n    00000000-0000ffff : c\n"
          "      00000000-0000ffff : d\n        00000000-0000ffff : e\n"
          "          00000000-0000ffff : f\n            00000000-0000ffff : g\n" },
        { "sticks out of its parent", "00001000-0000ffff : a\n  00000000-00001fff : b\n" },
        { "a line twice", "00001000-00001fff : a\n00001000-00001fff : a\n" },
        { "overlaps the one before", "00001000-00001fff : a\n00001fff-00002fff : b\n" },
        { "lies before the one before", "00002000-00002fff : a\n00001000-00001fff : b\n" },
        { "a child twice", "00000000-0000ffff : a\n  00001000-00001fff : b\n"
                           "    00001000-000010ff : c\n  00001000-00001fff : b\n" },
};

START_TEST(what_is_no_tree_is_refused)
{
        assert_refused(broken[_i].text, -EBADMSG, broken[_i].why);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("iomem");
        TCase *tests = tcase_create("iomem");

        tcase_add_test(tests, ranges_have_the_kind_and_name_of_who_added_them);
        tcase_add_test(tests, memory_of_another_driver_is_in_the_range_of_its_device);
        tcase_add_test(tests, the_kernel_in_one_range_says_nothing_of_the_next);
        tcase_add_test(tests, names_are_taken_only_if_they_are_what_is_expected);
        tcase_add_test(tests, memory_within_memory_is_one_range);
        tcase_add_test(tests, only_whole_blocks_count);
        tcase_add_test(tests, an_x86_guest_with_each_kind_of_device);
        tcase_add_test(tests, names_may_hold_what_separates_them);
        tcase_add_test(tests, below_the_last_level_containment_tells_children_from_siblings);
        tcase_add_test(tests, addresses_that_are_hidden_are_told_from_a_broken_text);
        tcase_add_loop_test(tests, what_is_no_tree_is_refused, 0, ELEMENTSOF(broken));
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
