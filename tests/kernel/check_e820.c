/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "kernel/evidence.h"

#define GIB (UINT64_C(1) << 30)

typedef struct MapEntry {
        uint64_t first;
        uint64_t length;
        uint32_t type;
} MapEntry;

static uint8_t page[E820_PAGE_SIZE];

/* The file's layout, as of Documentation/arch/x86/zero-page.rst: 0x1e8 and 0x2d0. */
static void set_page(const MapEntry *entries, uint8_t n)
{
        memset(page, 0, sizeof(page));
        page[0x1e8] = n;
        for (size_t i = 0; i < n; i++) {
                memcpy(page + 0x2d0 + 20 * i, &entries[i].first, 8);
                memcpy(page + 0x2d0 + 20 * i + 8, &entries[i].length, 8);
                memcpy(page + 0x2d0 + 20 * i + 16, &entries[i].type, 4);
        }
}

START_TEST(only_memory_counts)
{
        const MapEntry entries[] = {
                { 0, 0x9fc00, 1 },   { 0x9fc00, 0x400, 2 }, { 0x100000, GIB - 0x100000, 1 },
                { GIB, 0x10000, 3 }, { 4 * GIB, GIB, 1 },   { 5 * GIB, GIB, 7 },
                { 6 * GIB, 0, 1 },
        };
        static const struct {
                uint64_t first, last;
                bool has_memory;
        } asked[] = {
                { 0, 0, true },
                { 0x9fc00, 0xfffff, false },
                { 0x9fbff, 0xfffff, true },
                { 0x9fc00, 0x100000, true },
                { GIB - 1, GIB, true },
                { GIB, 4 * GIB - 1, false },
                { 4 * GIB, 5 * GIB - 1, true },
                { 5 * GIB - 1, 5 * GIB - 1, true },
                { 5 * GIB, UINT64_MAX, false },
                { 0, UINT64_MAX, true },
        };
        E820 e820;

        set_page(entries, ELEMENTSOF(entries));
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), 0);
        ck_assert(e820.is_whole);
        for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                ck_assert_msg(e820_has_memory(&e820, asked[i].first, asked[i].last) ==
                                      asked[i].has_memory,
                              "%zu", i);
}
END_TEST

START_TEST(a_full_table_may_not_be_all)
{
        MapEntry entries[E820_MAX];
        E820 e820;

        for (size_t i = 0; i < E820_MAX; i++)
                entries[i] = (MapEntry){ i * GIB, GIB / 2, 1 };
        set_page(entries, E820_MAX);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), 0);
        ck_assert(!e820.is_whole);
        ck_assert(e820_has_memory(&e820, 127 * GIB, 127 * GIB));

        set_page(entries, E820_MAX - 1);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), 0);
        ck_assert(e820.is_whole);
        ck_assert(!e820_has_memory(&e820, 127 * GIB, 127 * GIB));
}
END_TEST

START_TEST(what_is_no_table_is_refused)
{
        const MapEntry memory = { 0, GIB, 1 }, reserved = { 0, GIB, 2 },
                       endless = { GIB, UINT64_MAX, 1 };
        const MapEntry up_to_the_end = { GIB, UINT64_MAX - GIB + 1, 1 };
        E820 e820 = { .n_ranges = 7 };

        set_page(&memory, 1);
        ck_assert_int_eq(e820_parse(page, 0x2d0 + 20 * E820_MAX - 1, &e820), -EBADMSG);
        set_page(NULL, 0);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), -EBADMSG);
        page[0x1e8] = E820_MAX + 1;
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), -EBADMSG);
        set_page(&reserved, 1);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), -EBADMSG);
        set_page(&endless, 1);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), -EBADMSG);
        ck_assert_uint_eq(e820.n_ranges, 7);

        set_page(&up_to_the_end, 1);
        ck_assert_int_eq(e820_parse(page, sizeof(page), &e820), 0);
        ck_assert(e820_has_memory(&e820, UINT64_MAX, UINT64_MAX));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("e820");
        TCase *tests = tcase_create("e820");

        tcase_add_test(tests, only_memory_counts);
        tcase_add_test(tests, a_full_table_may_not_be_all);
        tcase_add_test(tests, what_is_no_table_is_refused);
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
