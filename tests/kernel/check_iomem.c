/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "check_main.h"
#include "kernel/iomem.h"

#include <stdio.h>

/* The tree as one line: "first-last name" with children in brackets. */
static const char *draw(const Iomem *iomem, int32_t parent, char *end, char *stop)
{
        for (size_t i = 0; i < iomem->n_ranges; i++) {
                const IomemRange *range = &iomem->ranges[i];

                if (range->parent != parent)
                        continue;
                end += snprintf(end, (size_t) (stop - end), "(%jx-%jx %s", (uintmax_t) range->first,
                                (uintmax_t) range->last, range->name);
                draw(iomem, (int32_t) i, end, stop);
                end += strlen(end);
                end += snprintf(end, (size_t) (stop - end), ")");
        }
        return end;
}

static void assert_tree(const char *text, const char *tree)
{
        Iomem iomem = {};
        char drawn[4096] = "";

        ck_assert_int_eq(iomem_parse(text, &iomem), 0);
        draw(&iomem, IOMEM_TOP, drawn, drawn + sizeof(drawn));
        ck_assert_str_eq(drawn, tree);
        iomem_done(&iomem);
}

START_TEST(an_x86_guest_with_each_kind_of_device)
{
        assert_tree("00000000-00000fff : Reserved\n"
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
                    "(0-fff Reserved)(1000-9fbff System RAM)"
                    "(100000-7ffdbfff System RAM(1000000-2209987 Kernel code)"
                    "(3b34000-3c57fff Kernel bss))"
                    "(c0000000-febfffff PCI Bus 0000:00(fd000000-fdffffff 0000:00:01.0))"
                    "(100000000-13fffffff Persistent Memory(100000000-1001fffff namespace0.0)"
                    "(108000000-13fffffff dax0.0(108000000-13fffffff System RAM (kmem))))"
                    "(140000000-14fffffff System RAM)"
                    "(150000000-24fffffff virtio0(150000000-16fffffff System RAM (virtio_mem)))"
                    "(fd00000000-ffffffffff Reserved)");
}
END_TEST

START_TEST(names_may_hold_what_separates_them)
{
        assert_tree("00000000-0000ffff : a - b : c\n", "(0-ffff a - b : c)");
        assert_tree("00000000-0000ffff : \n", "(0-ffff )");
}
END_TEST

START_TEST(below_the_last_level_containment_tells_children_from_siblings)
{
        assert_tree("00000000-ffffffff : 0\n"
                    "  00000000-ffffffff : 1\n"
                    "    00000000-ffffffff : 2\n"
                    "      00000000-ffffffff : 3\n"
                    "        00000000-ffffffff : 4\n"
                    "          00000000-0fffffff : 5\n"
                    "          00000000-00ffffff : 6\n"
                    "          01000000-01ffffff : also 6\n"
                    "          10000000-1fffffff : also 5\n",
                    "(0-ffffffff 0(0-ffffffff 1(0-ffffffff 2(0-ffffffff 3(0-ffffffff 4"
                    "(0-fffffff 5(0-ffffff 6)(1000000-1ffffff also 6))"
                    "(10000000-1fffffff also 5))))))");
}
END_TEST

START_TEST(addresses_that_are_hidden_are_told_from_a_broken_text)
{
        Iomem iomem = { .n_ranges = 7 };

        ck_assert_int_eq(iomem_parse("00000000-00000000 : Reserved\n"
                                     "00000000-00000000 : System RAM\n"
                                     "  00000000-00000000 : Kernel code\n",
                                     &iomem),
                         -EACCES);
        ck_assert_uint_eq(iomem.n_ranges, 7);
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
        Iomem iomem = { .n_ranges = 7 };

        ck_assert_msg(iomem_parse(broken[_i].text, &iomem) == -EBADMSG, "%s", broken[_i].why);
        ck_assert_uint_eq(iomem.n_ranges, 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("iomem");
        TCase *tests = tcase_create("iomem");

        tcase_add_test(tests, an_x86_guest_with_each_kind_of_device);
        tcase_add_test(tests, names_may_hold_what_separates_them);
        tcase_add_test(tests, below_the_last_level_containment_tells_children_from_siblings);
        tcase_add_test(tests, addresses_that_are_hidden_are_told_from_a_broken_text);
        tcase_add_loop_test(tests, what_is_no_tree_is_refused, 0, ELEMENTSOF(broken));
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
