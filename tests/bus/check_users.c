/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tests how users share what memoryd does for them, and whose turn it is. */

#include "bus/users.h"
#include "check_main.h"

static Users users;

static void set_up(void)
{
        users = (Users){};
}

static void tear_down(void)
{
        users_done(&users);
}

/* Claims until it is refused. Returns how often it was not. */
static unsigned claim_all(uint32_t uid)
{
        unsigned n = 0;
        int r;

        while ((r = users_claim(&users, uid, CLAIM_QUESTION)) == 0)
                n++;
        ck_assert_int_eq(r, -EDQUOT);
        return n;
}

START_TEST(a_user_has_a_limit_of_its_own)
{
        ck_assert_uint_eq(claim_all(1000), 16);
        ck_assert_uint_eq(claim_all(1001), 16);
        users_release(&users, 1000, CLAIM_QUESTION);
        ck_assert_uint_eq(claim_all(1000), 1);
        ck_assert_uint_eq(claim_all(1001), 0);
}
END_TEST

START_TEST(the_more_users_there_are_the_less_each_gets_and_the_last_one_is_for_root)
{
        static const unsigned shares[] = { 16, 16, 16, 16, 16, 8, 4, 2, 1, 0 };

        for (uint32_t i = 0; i < ELEMENTSOF(shares); i++)
                ck_assert_msg(claim_all(1000 + i) == shares[i], "user %u", i);
        ck_assert_uint_eq(users.n_total[CLAIM_QUESTION], 95);
        ck_assert_uint_eq(claim_all(0), 1);
        ck_assert_uint_eq(users.n_total[CLAIM_QUESTION], 96);
}
END_TEST

START_TEST(root_has_no_limit_but_the_total)
{
        ck_assert_uint_eq(claim_all(0), 96);
        ck_assert_uint_eq(claim_all(1000), 0);
}
END_TEST

START_TEST(a_user_without_claims_is_forgotten)
{
        for (uint32_t uid = 1000; uid < 2000; uid++) {
                ck_assert_int_eq(users_claim(&users, uid, CLAIM_QUESTION), 0);
                users_release(&users, uid, CLAIM_QUESTION);
        }
        ck_assert_ptr_null(users.users);
        ck_assert_uint_eq(users.n_total[CLAIM_QUESTION], 0);
}
END_TEST

/* Turns */

static char a, b, c, d;

/* Takes the next call, which has to be this one. */
static void take(const char *call, uint32_t uid, uint64_t usec)
{
        uint32_t taken_uid = UINT32_MAX;
        Claim claim = _CLAIM_MAX;

        ck_assert_ptr_eq(users_take(&users, &taken_uid, &claim), call);
        ck_assert_uint_eq(taken_uid, uid);
        ck_assert_int_eq(claim, CLAIM_CALL);
        users_end_turn(&users, uid, claim, usec);
}

static void assert_no_call(void)
{
        uint32_t uid;
        Claim claim;

        ck_assert_ptr_null(users_take(&users, &uid, &claim));
}

static int add_call(uint32_t uid, char *call, size_t size_bytes)
{
        return users_add(&users, uid, CLAIM_CALL, call, size_bytes);
}

static void add(uint32_t uid, char *call)
{
        ck_assert_int_eq(add_call(uid, call, 0), 0);
}

START_TEST(calls_of_a_user_keep_their_order)
{
        assert_no_call();
        add(1000, &a);
        add(1000, &b);
        take(&a, 1000, 5);
        add(1000, &c);
        take(&b, 1000, 5);
        take(&c, 1000, 5);
        assert_no_call();
        ck_assert_ptr_null(users.users);
}
END_TEST

START_TEST(the_user_who_has_used_less_time_is_next)
{
        add(1000, &a);
        add(1000, &b);
        add(1000, &c);
        for (size_t i = 0; i < 4; i++)
                add(1001, &d);
        take(&a, 1000, 10);
        for (size_t i = 0; i < 3; i++)
                take(&d, 1001, 4);
        take(&b, 1000, 1);
        take(&c, 1000, 1);
        take(&d, 1001, 1);
        assert_no_call();
}
END_TEST

START_TEST(time_without_calls_is_not_made_up_for)
{
        for (size_t i = 0; i < 10; i++)
                add(1000, &a);
        for (size_t i = 0; i < 5; i++)
                take(&a, 1000, 100);
        /* It comes in at 400, where the last turn began, and goes on side by side with the other. */
        for (size_t i = 0; i < 10; i++)
                add(1001, &b);
        for (size_t i = 0; i < 5; i++) {
                take(&b, 1001, 100);
                take(&a, 1000, 100);
        }
}
END_TEST

/* Takes and ends turns until nothing waits. Returns how many there were. */
static unsigned take_all(void)
{
        unsigned n = 0;
        uint32_t uid;
        Claim claim;

        for (; users_take(&users, &uid, &claim); n++)
                users_end_turn(&users, uid, claim, 1);
        return n;
}

START_TEST(calls_that_wait_have_a_limit)
{
        for (size_t i = 0; i < 256; i++)
                add(1000, &a);
        ck_assert_int_eq(add_call(1000, &b, 0), -EDQUOT);
        add(1001, &c);
        take(&a, 1000, 1);
        add(1000, &b);
        ck_assert_int_eq(add_call(1000, &b, 0), -EDQUOT);
}
END_TEST

START_TEST(refusals_wait_behind_calls_and_have_a_limit_of_their_own)
{
        uint32_t uid;
        Claim claim;

        for (size_t i = 0; i < 256; i++)
                add(1000, &a);
        for (size_t i = 0; i < 1024; i++)
                ck_assert_int_eq(users_add(&users, 1000, CLAIM_REFUSAL, &b, 0), 0);
        ck_assert_int_eq(users_add(&users, 1000, CLAIM_REFUSAL, &b, 0), -EDQUOT);
        add(1001, &c);
        for (size_t i = 0; i < 256; i++)
                take(i == 1 ? &c : &a, i == 1 ? 1001 : 1000, 1);
        take(&a, 1000, 1);
        ck_assert_ptr_eq(users_take(&users, &uid, &claim), &b);
        ck_assert_int_eq(claim, CLAIM_REFUSAL);
        users_end_turn(&users, uid, claim, 1);
        ck_assert_uint_eq(take_all(), 1023);
        ck_assert_uint_eq(users.n_total[CLAIM_REFUSAL], 0);
}
END_TEST

START_TEST(the_size_of_calls_that_wait_has_a_limit)
{
        for (size_t i = 0; i < 4; i++)
                ck_assert_int_eq(add_call(1000, &a, 256 * 1024), 0);
        ck_assert_int_eq(add_call(1000, &a, 1), -EMSGSIZE);
        ck_assert_int_eq(add_call(1001, &b, 1024 * 1024), 0);
        take(&a, 1000, 1);
        ck_assert_int_eq(add_call(1000, &a, 256 * 1024 + 1), -EMSGSIZE);
        ck_assert_int_eq(add_call(1000, &a, 256 * 1024), 0);
        /* What is too large is not counted. */
        ck_assert_uint_eq(take_all(), 5);
        ck_assert_uint_eq(users.size_kib, 0);
        ck_assert_uint_eq(users.n_total[CLAIM_CALL], 0);
}
END_TEST

/* Takes what is left, which would leak. */
static void tear_down_turns(void)
{
        (void) take_all();
        tear_down();
}

int main(void)
{
        Suite *suite = suite_create("users");
        TCase *claims = tcase_create("claims");
        TCase *turns = tcase_create("turns");

        tcase_add_checked_fixture(claims, set_up, tear_down);
        tcase_add_test(claims, a_user_has_a_limit_of_its_own);
        tcase_add_test(claims,
                       the_more_users_there_are_the_less_each_gets_and_the_last_one_is_for_root);
        tcase_add_test(claims, root_has_no_limit_but_the_total);
        tcase_add_test(claims, a_user_without_claims_is_forgotten);
        suite_add_tcase(suite, claims);
        tcase_add_checked_fixture(turns, set_up, tear_down_turns);
        tcase_add_test(turns, calls_of_a_user_keep_their_order);
        tcase_add_test(turns, the_user_who_has_used_less_time_is_next);
        tcase_add_test(turns, time_without_calls_is_not_made_up_for);
        tcase_add_test(turns, calls_that_wait_have_a_limit);
        tcase_add_test(turns, refusals_wait_behind_calls_and_have_a_limit_of_their_own);
        tcase_add_test(turns, the_size_of_calls_that_wait_has_a_limit);
        suite_add_tcase(suite, turns);
        return check_main(suite);
}
