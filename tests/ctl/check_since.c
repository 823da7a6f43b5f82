/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "ctl/since.h"

#include <stdlib.h>
#include <time.h>

/* Tuesday, 2026-12-01 15:30:20 in UTC. */
#define NOW 1796139020

static void setup(void)
{
        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        tzset();
}

static const struct {
        const char *text;
        uint64_t seconds;
} times[] = {
        { "now", NOW },
        { "today", NOW - 15 * 3600 - 30 * 60 - 20 },
        { "yesterday", NOW - 39 * 3600 - 30 * 60 - 20 },
        { "@1000000000", 1000000000 },
        { "-1h", NOW - 3600 },
        { "-90s", NOW - 90 },
        { "-1h30min", NOW - 5400 },
        { "-2d 1 hour", NOW - 49 * 3600 },
        { "-1w", NOW - 7 * 86400 },
        { "1h ago", NOW - 3600 },
        { "10 minutes ago", NOW - 600 },
        { "1 day 2 hours ago", NOW - 26 * 3600 },
        { "-4294967295w", 0 },
        { "-99999999999999999999w 4294967295w", 0 },
        { "12:30", NOW - 3 * 3600 - 20 },
        { "15:30:19", NOW - 1 },
        { "23:59", NOW + 8 * 3600 + 28 * 60 + 40 },
        { "2026-12-01", NOW - 15 * 3600 - 30 * 60 - 20 },
        { "2026-11-30 15:30:20", NOW - 86400 },
        { "2026-11-30 15:30", NOW - 86400 - 20 },
        { "2026-11-30T15:30:20", NOW - 86400 },
        { "2026-11-30T15:30:20Z", NOW - 86400 },
        { "2026-11-30T15:30:20+0100", NOW - 86400 - 3600 },
        { "2026-11-30T15:30:20-05:30", NOW - 86400 + 19800 },
        { "Mon 2026-11-30 15:30:20 UTC", NOW - 86400 },
        { "2028-02-29", 1835395200 },
        { "1969-12-31", 0 },
};

START_TEST(times_are_read_as_the_manual_says)
{
        uint64_t usec;

        ck_assert_msg(since_parse(times[_i].text, NOW * USEC_PER_SEC, &usec) == 0, "%s",
                      times[_i].text);
        ck_assert_msg(usec == times[_i].seconds * USEC_PER_SEC, "%s: %llu", times[_i].text,
                      (unsigned long long) usec);
}
END_TEST

static const char *const bad[] = {
        "",
        "soon",
        "tomorrow",
        "1h",
        "-",
        "-1",
        "-1x",
        "-h",
        "- ago",
        " ago",
        "ago",
        "-1h ago",
        "+1h",
        "1h  ago x",
        "25:00",
        "12:60",
        "12:30:61",
        "12",
        "12:30 ",
        "2026-13-01",
        "2027-02-29",
        "2026-02-30",
        "2026-12-01 ",
        "2026-12-01T",
        "Tue",
        "Tue ",
        "@",
        "@-1",
        "@x",
        "2026-12-01 CET",
        "Mon 2026-12-01 15:30:20",
        "2026-12-01x",
        "12:30+0100x",
        "today 12:30",
        "\xff",
        "12:30 hours ago",
        "2026-12-01 1:",
        "-1\n",
        "12:30:",
};

START_TEST(what_is_no_time_is_refused)
{
        uint64_t usec = 7;

        ck_assert_msg(since_parse(bad[_i], NOW * USEC_PER_SEC, &usec) == -EINVAL, "%s", bad[_i]);
        ck_assert_uint_eq(usec, 7);
}
END_TEST

/* Clocks went from 02:00 to 03:00 on March 29, and TIME has the name of the zone. */
START_TEST(times_are_local)
{
        uint64_t usec, noon = UINT64_C(1774778400) * USEC_PER_SEC; /* 2026-03-29 12:00 CEST */

        ck_assert_int_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", true), 0);
        tzset();
        ck_assert_int_eq(since_parse("12:00", noon, &usec), 0);
        ck_assert_uint_eq(usec, noon);
        ck_assert_int_eq(since_parse("today", noon, &usec), 0);
        ck_assert_uint_eq(usec, noon - 11 * 3600 * USEC_PER_SEC);
        ck_assert_int_eq(since_parse("Sun 2026-03-29 12:00:00 CEST", 0, &usec), 0);
        ck_assert_uint_eq(usec, noon);
        ck_assert_int_eq(since_parse("2026-03-28 12:00 CET", 0, &usec), 0);
        ck_assert_uint_eq(usec, noon - 23 * 3600 * USEC_PER_SEC);
        ck_assert_int_eq(since_parse("2026-03-28 12:00 CEST", 0, &usec), -EINVAL);
        ck_assert_int_eq(since_parse("2026-03-29 10:00 UTC", 0, &usec), 0);
        ck_assert_uint_eq(usec, noon);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("since");
        TCase *tcase = tcase_create("since");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_loop_test(tcase, times_are_read_as_the_manual_says, 0, ELEMENTSOF(times));
        tcase_add_loop_test(tcase, what_is_no_time_is_refused, 0, ELEMENTSOF(bad));
        tcase_add_test(tcase, times_are_local);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
