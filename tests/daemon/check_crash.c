/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/statefile.h"
#include "check_main.h"
#include "daemon/crash.h"
#include "sysfs_fixture.h"

#include <limits.h>

#define FILE_NAME "crashes"
#define MINUTES(n) ((n) *60 * USEC_PER_SEC)

/* Its root is the folder: what lies below /run on a machine. */
static SysfsFixture fixture;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
}

static void teardown(void)
{
        sysfs_fixture_done(&fixture);
}

START_TEST(crashes_in_a_row_are_counted)
{
        uint64_t now = MINUTES(1);

        ck_assert_uint_eq(crash_count(fixture.root, now), 0);
        for (int n = 1; n <= 50; n++, now += MINUTES(9)) {
                ck_assert_int_eq(crash_add(fixture.root, now), n);
                ck_assert_uint_eq(crash_count(fixture.root, now), (unsigned) n);
        }
        crash_forget(fixture.root);
        ck_assert_uint_eq(crash_count(fixture.root, now), 0);
        ck_assert_int_eq(crash_add(fixture.root, now), 1);
}
END_TEST

START_TEST(what_happens_after_a_request_to_stop_is_no_crash)
{
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(1)), 1);
        crash_note_stop(fixture.root);
        ck_assert_uint_eq(crash_count(fixture.root, MINUTES(1)), 0);
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(1)), 0);
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(1)), 1);
}
END_TEST

START_TEST(a_crash_long_after_the_last_is_the_first)
{
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(1)), 1);
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(11)), 2);
        ck_assert_uint_eq(crash_count(fixture.root, MINUTES(21)), 2);
        ck_assert_uint_eq(crash_count(fixture.root, MINUTES(21) + 1), 0);
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(22)), 1);
}
END_TEST

START_TEST(a_file_that_is_damaged_does_not_count)
{
        static const char *const texts[] = {
                "",
                "memoryd crashes 1\n",
                "memoryd crashes 1\n7",
                "memoryd crashes 2\n7 1\n",
                "memoryd crashes 1\nmany 1\n",
                "memoryd crashes 1\n-7 1\n",
                "memoryd crashes 1\n7 -1\n",
                "memoryd crashes 1\n7 99999999999999999999\n",
                "memoryd crashes 1\n99999999999 1\n",
                "memoryd crashes 1\n7 60000001\n", /* in the future */
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                ck_assert_int_eq(
                        statefile_replace(fixture.root, FILE_NAME, texts[i], strlen(texts[i])), 0);
                ck_assert_msg(crash_count(fixture.root, MINUTES(1)) == 0, "%s", texts[i]);
        }
        ck_assert_int_eq(crash_add(fixture.root, MINUTES(1)), 1);
        ck_assert_int_eq(crash_add("/nonexistent", MINUTES(1)), -ENOENT);
}
END_TEST

START_TEST(the_delay_grows_from_the_fifth_crash_on)
{
        static const unsigned delays[] = { 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60 };

        for (unsigned n = 0; n < ELEMENTSOF(delays); n++)
                ck_assert_uint_eq(crash_delay_sec(n), delays[n]);
        ck_assert_uint_eq(crash_delay_sec(UINT_MAX), 60);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("crash");
        TCase *tcase = tcase_create("crashes");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, crashes_in_a_row_are_counted);
        tcase_add_test(tcase, what_happens_after_a_request_to_stop_is_no_crash);
        tcase_add_test(tcase, a_crash_long_after_the_last_is_the_first);
        tcase_add_test(tcase, a_file_that_is_damaged_does_not_count);
        tcase_add_test(tcase, the_delay_grows_from_the_fifth_crash_on);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
