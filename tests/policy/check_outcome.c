/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/track.h"

/* Every errno that a write to `state` or the re-read can end with, and some that it should not. */
static const struct {
        int error;
        Outcome offline; /* what it is when the block is not online after it */
} errors[] = {
        { 0, OUTCOME_BUSY },          { -EAGAIN, OUTCOME_BUSY },   { -EBUSY, OUTCOME_BUSY },
        { -EINTR, OUTCOME_BUSY },     { -ENOMEM, OUTCOME_BUSY },   { -ETIMEDOUT, OUTCOME_BUSY },
        { -ENOENT, OUTCOME_GONE },    { -ENODEV, OUTCOME_GONE },   { -ENXIO, OUTCOME_GONE },
        { -EINVAL, OUTCOME_REFUSED }, { -EPERM, OUTCOME_REFUSED }, { -EACCES, OUTCOME_REFUSED },
        { -EROFS, OUTCOME_REFUSED },  { -EIO, OUTCOME_REFUSED },   { -EBADMSG, OUTCOME_REFUSED },
        { -4095, OUTCOME_REFUSED },
};

static const struct {
        Verdict wanted;
        const char *zones;
        bool agrees;
} online_cases[] = {
        { VERDICT_KERNEL, "Normal", true },
        { VERDICT_KERNEL, "DMA32", true },
        { VERDICT_KERNEL, "none", true },
        { VERDICT_KERNEL, "Movable", false },
        { VERDICT_MOVABLE, "Movable", true },
        { VERDICT_MOVABLE, "Normal", false },
        { VERDICT_MOVABLE, "none", false },
        { VERDICT_KERNEL_DEFAULT, "Normal", true },
        { VERDICT_KERNEL_DEFAULT, "Movable", true },
        { VERDICT_KERNEL_DEFAULT, "none", true },
};

START_TEST(of_a_block_that_is_online_its_class_says_what_came_of_it)
{
        ZoneList zones;

        ck_assert_int_eq(zone_list_parse(online_cases[_i].zones, &zones), 0);
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                Outcome expected = !online_cases[_i].agrees ? OUTCOME_RACED :
                                   errors[i].error < 0      ? OUTCOME_ALREADY :
                                                              OUTCOME_DONE;

                ck_assert_int_eq(
                        outcome_of(online_cases[_i].wanted, errors[i].error, BLOCK_ONLINE, &zones),
                        expected);
        }
}
END_TEST

START_TEST(of_a_block_that_is_not_online_the_error_does)
{
        static const char *const texts[] = { "none", "Normal Movable", "Movable", "Normal" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                for (int wanted = VERDICT_KERNEL; wanted <= VERDICT_KERNEL_DEFAULT; wanted++) {
                        ZoneList zones;

                        ck_assert_int_eq(zone_list_parse(texts[i], &zones), 0);
                        ck_assert_int_eq(outcome_of((Verdict) wanted, errors[_i].error,
                                                    BLOCK_OFFLINE, &zones),
                                         errors[_i].offline);
                        ck_assert_int_eq(outcome_of((Verdict) wanted, errors[_i].error,
                                                    BLOCK_GOING_OFFLINE, &zones),
                                         errors[_i].offline);
                }
}
END_TEST

START_TEST(outcomes_have_words)
{
        static const char *const words[] = {
                "done", "already", "raced", "refused", "busy", "gone"
        };

        ck_assert_int_eq(_OUTCOME_MAX, ELEMENTSOF(words));
        for (int i = 0; i < _OUTCOME_MAX; i++) {
                ck_assert_str_eq(outcome_to_string((Outcome) i), words[i]);
                ck_assert_int_eq(outcome_from_string(words[i]), i);
        }
        ck_assert_ptr_null(outcome_to_string(_OUTCOME_MAX));
        ck_assert_ptr_null(outcome_to_string(_OUTCOME_INVALID));
        ck_assert_int_eq(outcome_from_string("Done"), _OUTCOME_INVALID);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("outcome");
        TCase *tcase = tcase_create("outcome");

        tcase_add_loop_test(tcase, of_a_block_that_is_online_its_class_says_what_came_of_it, 0,
                            ELEMENTSOF(online_cases));
        tcase_add_loop_test(tcase, of_a_block_that_is_not_online_the_error_does, 0,
                            ELEMENTSOF(errors));
        tcase_add_test(tcase, outcomes_have_words);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
