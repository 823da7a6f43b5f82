/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tests how users share what memoryd does for them. */

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

int main(void)
{
        Suite *suite = suite_create("users");
        TCase *claims = tcase_create("claims");

        tcase_add_checked_fixture(claims, set_up, tear_down);
        tcase_add_test(claims, a_user_has_a_limit_of_its_own);
        tcase_add_test(claims,
                       the_more_users_there_are_the_less_each_gets_and_the_last_one_is_for_root);
        tcase_add_test(claims, root_has_no_limit_but_the_total);
        tcase_add_test(claims, a_user_without_claims_is_forgotten);
        suite_add_tcase(suite, claims);
        return check_main(suite);
}
