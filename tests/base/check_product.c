/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/product.h"
#include "check_main.h"

#define LAST UINT64_MAX

/* a * b is less than c * d in each row. */
static const struct {
        uint64_t a, b, c, d;
} cases[] = {
        { 0, 0, 1, 1 },
        { 0, LAST, 1, 1 },
        { 2, 3, 1, 7 },
        { LAST, 1, LAST, 2 },
        /* the largest product that has 64 bits, and the smallest that has 65 */
        { LAST, 1, UINT64_C(1) << 32, UINT64_C(1) << 32 },
        /* the lower 64 bits say the opposite */
        { LAST, 2, UINT64_C(1) << 33, UINT64_C(1) << 32 },
        { 1, LAST, UINT64_C(1) << 63, 2 },
        /* the largest products */
        { LAST, LAST - 1, LAST, LAST },
        { LAST - 2, LAST, LAST - 1, LAST - 1 },
        { UINT64_C(1) << 63, LAST, LAST, LAST },
        /* only the carries out of the middle digits differ */
        { UINT64_C(0xffffffff00000000), UINT64_C(0x00000001ffffffff), UINT64_C(0xffffffff00000001),
          UINT64_C(0x00000001ffffffff) },
        { UINT64_C(0x00000000ffffffff), UINT64_C(0xfffffffffffffffe), UINT64_C(0x00000000ffffffff),
          LAST },
        /* Fibonacci numbers in a row: these products differ by 1 */
        { UINT64_C(7540113804746346429), UINT64_C(7540113804746346429),
          UINT64_C(4660046610375530309), UINT64_C(12200160415121876738) },
};

START_TEST(the_smaller_product_is_not_greater)
{
        const uint64_t a = cases[_i].a, b = cases[_i].b, c = cases[_i].c, d = cases[_i].d;

        for (int i = 0; i < 4; i++) {
                const uint64_t e = i & 1 ? a : b, f = i & 1 ? b : a, g = i & 2 ? c : d,
                               h = i & 2 ? d : c;

                ck_assert(product_is_greater(g, h, e, f));
                ck_assert(!product_is_greater(e, f, g, h));
        }
        ck_assert(!product_is_greater(a, b, b, a));
        ck_assert(!product_is_greater(c, d, d, c));
}
END_TEST

/* n * n is one more than (n - 1) * (n + 1), whatever n is: all digits count. */
START_TEST(a_difference_of_one_is_seen_at_each_size)
{
        for (unsigned shift = 1; shift < 64; shift++)
                for (uint64_t n = (UINT64_C(1) << shift) - 1; n <= (UINT64_C(1) << shift) + 1;
                     n++) {
                        ck_assert(product_is_greater(n, n, n - 1, n + 1));
                        ck_assert(!product_is_greater(n - 1, n + 1, n, n));
                        ck_assert(!product_is_greater(n, n, n, n));
                }
        ck_assert(product_is_greater(LAST - 1, LAST - 1, LAST - 2, LAST));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("product");
        TCase *tcase = tcase_create("product");

        tcase_add_loop_test(tcase, the_smaller_product_is_not_greater, 0, ELEMENTSOF(cases));
        tcase_add_test(tcase, a_difference_of_one_is_seen_at_each_size);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
