/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "model/block.h"

static const struct {
        OnlineWord word;
        const char *text;
        bool onlines;
} words[] = {
        { ONLINE_WORD_OFFLINE, "offline", false },
        { ONLINE_WORD_ONLINE, "online", true },
        { ONLINE_WORD_KERNEL, "online_kernel", true },
        { ONLINE_WORD_MOVABLE, "online_movable", true },
        { ONLINE_WORD_INHERIT, "inherit", false },
};

START_TEST(words_are_those_of_the_kernel)
{
        ck_assert_uint_eq(ELEMENTSOF(words), _ONLINE_WORD_MAX);
        ck_assert_str_eq(online_word_to_string(words[_i].word), words[_i].text);
        ck_assert_int_eq(online_word_from_string(words[_i].text), words[_i].word);
        ck_assert_int_eq(online_word_onlines(words[_i].word), words[_i].onlines);
}
END_TEST

START_TEST(other_words_are_none)
{
        ck_assert_ptr_null(online_word_to_string(_ONLINE_WORD_MAX));
        ck_assert_ptr_null(online_word_to_string(_ONLINE_WORD_INVALID));
        ck_assert_int_eq(online_word_from_string("online\n"), _ONLINE_WORD_INVALID);
        ck_assert_int_eq(online_word_from_string(""), _ONLINE_WORD_INVALID);
        ck_assert(!online_word_onlines(_ONLINE_WORD_INVALID));
}
END_TEST

START_TEST(a_verdict_has_its_word)
{
        ck_assert_int_eq(online_word_of_verdict(VERDICT_KERNEL), ONLINE_WORD_KERNEL);
        ck_assert_int_eq(online_word_of_verdict(VERDICT_MOVABLE), ONLINE_WORD_MOVABLE);
        ck_assert_int_eq(online_word_of_verdict(VERDICT_KERNEL_DEFAULT), ONLINE_WORD_ONLINE);
        ck_assert_int_eq(online_word_of_verdict(VERDICT_LEAVE), ONLINE_WORD_OFFLINE);
        ck_assert_int_eq(online_word_of_verdict(VERDICT_NONE), ONLINE_WORD_OFFLINE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("online_word");
        TCase *tcase = tcase_create("words");

        tcase_add_loop_test(tcase, words_are_those_of_the_kernel, 0, ELEMENTSOF(words));
        tcase_add_test(tcase, other_words_are_none);
        tcase_add_test(tcase, a_verdict_has_its_word);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
