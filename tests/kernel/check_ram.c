/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "check_main.h"
#include "kernel/iomem.h"

#include <stdio.h>

#define BLOCK_SIZE (UINT64_C(128) << 20)

/* Each range as "KIND first-last [region] name;". */
static void assert_ram(const char *text, const char *expected)
{
        static const char *const kinds[] = {
                [RAM_PLAIN] = "plain", [RAM_BOOT] = "boot",   [RAM_VIRTIO_MEM] = "virtio-mem",
                [RAM_KMEM] = "kmem",   [RAM_OTHER] = "other",
        };
        _cleanup_(iomem_done) Iomem iomem = {};
        _cleanup_free_ Ram *rams = NULL;
        char drawn[2048] = "", *end = drawn, *stop = drawn + sizeof(drawn);
        size_t n;

        ck_assert_int_eq(iomem_parse(text, &iomem), 0);
        ck_assert_int_eq(ram_list(&iomem, BLOCK_SIZE, &rams, &n), 0);
        for (size_t i = 0; i < n; i++) {
                end += snprintf(end, (size_t) (stop - end), "%s %jx-%jx", kinds[rams[i].kind],
                                (uintmax_t) rams[i].first, (uintmax_t) rams[i].last);
                if (rams[i].region_first != rams[i].first || rams[i].region_last != rams[i].last)
                        end += snprintf(end, (size_t) (stop - end), " [%jx-%jx]",
                                        (uintmax_t) rams[i].region_first,
                                        (uintmax_t) rams[i].region_last);
                end += snprintf(end, (size_t) (stop - end), " %s;", rams[i].name);
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
                   "boot 48000000-4fffffff ;kmem 108000000-117ffffff dax12.3;"
                   "virtio-mem 150000000-16fffffff [150000000-24fffffff] virtio10;"
                   "other 250000000-257ffffff other_mem;");
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
                   "kmem 40000000-47ffffff ;plain 48000000-4fffffff ;virtio-mem 50000000-57ffffff ;"
                   "kmem 58000000-5fffffff dax1234567890123456789012.3456;other 60000000-67ffffff ;"
                   "other 68000000-6fffffff 1234567890123456789012345678901;"
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

int main(void)
{
        Suite *suite = suite_create("ram");
        TCase *tests = tcase_create("ram");

        tcase_add_test(tests, ranges_have_the_kind_and_name_of_who_added_them);
        tcase_add_test(tests, the_kernel_in_one_range_says_nothing_of_the_next);
        tcase_add_test(tests, names_are_taken_only_if_they_are_what_is_expected);
        tcase_add_test(tests, memory_within_memory_is_one_range);
        tcase_add_test(tests, only_whole_blocks_count);
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
