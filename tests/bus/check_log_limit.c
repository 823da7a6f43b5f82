/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tests how many messages a user can cause. */

#include "bus/log-limit.h"
#include "check_main.h"

#define BEGIN_USEC (1000 * USEC_PER_SEC)

static LogLimit limit;

static void set_up(void)
{
        limit = (LogLimit){};
}

/* Counts n messages, and returns how many of them are logged. */
static unsigned count(uint32_t uid, unsigned n, uint64_t now_usec)
{
        unsigned n_logged = 0;

        for (unsigned i = 0; i < n; i++)
                n_logged += log_limit_count(&limit, uid, now_usec) != LOG_LIMIT_LEAVE_OUT;
        return n_logged;
}

static void check_ends(uint64_t now_usec, uint32_t uid, unsigned left_out)
{
        uint32_t ended;
        unsigned n;

        ck_assert(log_limit_end_period(&limit, now_usec, &ended, &n));
        ck_assert_uint_eq(ended, uid);
        ck_assert_uint_eq(n, left_out);
}

static void check_none_ends(uint64_t now_usec)
{
        uint32_t uid;
        unsigned n;

        ck_assert(!log_limit_end_period(&limit, now_usec, &uid, &n));
}

START_TEST(the_first_messages_are_logged_and_the_last_of_them_is_told)
{
        for (unsigned i = 1; i < LOG_LIMIT_MESSAGES; i++)
                ck_assert_int_eq(log_limit_count(&limit, 1000, BEGIN_USEC), LOG_LIMIT_LOG);
        ck_assert_int_eq(log_limit_count(&limit, 1000, BEGIN_USEC), LOG_LIMIT_LOG_LAST);
        ck_assert_int_eq(log_limit_count(&limit, 1000, BEGIN_USEC), LOG_LIMIT_LEAVE_OUT);
}
END_TEST

START_TEST(each_user_has_its_own)
{
        ck_assert_uint_eq(count(1000, 100, BEGIN_USEC), LOG_LIMIT_MESSAGES);
        ck_assert_uint_eq(count(1001, 100, BEGIN_USEC), LOG_LIMIT_MESSAGES);
}
END_TEST

START_TEST(a_period_begins_with_the_first_message_and_ends_by_itself)
{
        const uint64_t end_usec = BEGIN_USEC + LOG_LIMIT_PERIOD_USEC;

        count(1000, 3, BEGIN_USEC);
        count(1000, 100, end_usec - 1);
        check_none_ends(end_usec - 1);
        check_ends(end_usec, 1000, 103 - LOG_LIMIT_MESSAGES);
        check_none_ends(end_usec);
        ck_assert_uint_eq(count(1000, 100, end_usec), LOG_LIMIT_MESSAGES);
        check_none_ends(2 * end_usec - BEGIN_USEC - 1);
        check_ends(2 * end_usec - BEGIN_USEC, 1000, 100 - LOG_LIMIT_MESSAGES);
}
END_TEST

START_TEST(nothing_is_left_out_of_a_few)
{
        count(1000, LOG_LIMIT_MESSAGES, BEGIN_USEC);
        check_ends(BEGIN_USEC + LOG_LIMIT_PERIOD_USEC, 1000, 0);
}
END_TEST

START_TEST(very_many_users_share_what_is_left)
{
        const uint64_t end_usec = BEGIN_USEC + LOG_LIMIT_PERIOD_USEC;

        for (uint32_t i = 0; i < LOG_LIMIT_ROWS - 1; i++)
                ck_assert_uint_eq(count(1000 + i, 6, BEGIN_USEC), LOG_LIMIT_MESSAGES);
        ck_assert_uint_eq(count(2000, 4, BEGIN_USEC + 1), 4);
        ck_assert_uint_eq(count(2001, 4, BEGIN_USEC + 1), LOG_LIMIT_MESSAGES - 4);
        ck_assert_uint_eq(count(2002, 4, BEGIN_USEC + 1), 0);
        /* In no order. */
        for (unsigned seen = 0; seen != (1U << (LOG_LIMIT_ROWS - 1)) - 1;) {
                uint32_t uid;
                unsigned n;

                ck_assert(log_limit_end_period(&limit, end_usec, &uid, &n));
                ck_assert_uint_eq(n, 1);
                ck_assert_uint_lt(uid - 1000, LOG_LIMIT_ROWS - 1);
                seen |= 1U << (uid - 1000);
        }
        check_none_ends(end_usec);
        /* The further users keep the row that they share when a user gets a row of its own. */
        ck_assert_uint_eq(count(1000, 6, end_usec), LOG_LIMIT_MESSAGES);
        ck_assert_uint_eq(count(2002, 6, end_usec), LOG_LIMIT_MESSAGES);
        check_ends(end_usec + 1, LOG_LIMIT_OTHERS, 12 - LOG_LIMIT_MESSAGES);
        check_none_ends(end_usec + 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("log_limit");
        TCase *users = tcase_create("users");

        tcase_add_checked_fixture(users, set_up, NULL);
        tcase_add_test(users, the_first_messages_are_logged_and_the_last_of_them_is_told);
        tcase_add_test(users, each_user_has_its_own);
        tcase_add_test(users, a_period_begins_with_the_first_message_and_ends_by_itself);
        tcase_add_test(users, nothing_is_left_out_of_a_few);
        tcase_add_test(users, very_many_users_share_what_is_left);
        suite_add_tcase(suite, users);
        return check_main_pure(suite);
}
