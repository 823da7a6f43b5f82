/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/text.h"
#include "check_main.h"

#include <stdio.h>

static const struct {
        const char *text, *printed;
} texts[] = {
        { "", "" },
        { "memory32 ~", "memory32 ~" },
        { "a\tb\nc\x7f", "a?b?c?" },
        { "\x1b[31mred", "?[31mred" },
        { "\xff", "?" },
        { "é\xe9", "é?" },
        /* The first and the last character of each length. */
        { "\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf" },
        { "\xe0\xa0\x80\xef\xbf\xbd", "\xe0\xa0\x80\xef\xbf\xbd" },
        { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbd", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbd" },
        /* Those before and after, in the same number of bytes. */
        { "\xc2\x9f\xc1\xbf", "????" },
        { "\xe0\x9f\xbf\xef\xbf\xbe\xef\xbf\xbf", "?????????" },
        { "\xf0\x8f\xbf\xbf\xf4\x90\x80\x80", "????????" },
        /* Half a pair of UTF-16, and code points that Unicode keeps for itself. */
        { "\xed\xa0\x80\xef\xb7\x90", "??????" },
        /* Too short, and a byte without its first. */
        { "\xe2\x82", "??" },
        { "\xe2\x82x\x82\xac", "??x??" },
};

START_TEST(what_cannot_be_printed_becomes_a_question_mark)
{
        char text[32];

        strcpy(text, texts[_i].text);
        text_make_printable(text);
        ck_assert_str_eq(text, texts[_i].printed);
        ck_assert(text_is_printable(text));
        ck_assert_int_eq(text_is_printable(texts[_i].text), strcmp(text, texts[_i].text) == 0);
}
END_TEST

START_TEST(no_single_byte_but_ascii_is_kept)
{
        for (int byte = 1; byte < 256; byte++) {
                char text[] = { 'a', (char) byte, 'b', 0 };
                char expected[] = { 'a', byte >= ' ' && byte < 0x7f ? (char) byte : '?', 'b', 0 };

                text_make_printable(text);
                ck_assert_str_eq(text, expected);
        }
        text_make_printable(NULL);
}
END_TEST

START_TEST(a_text_is_cut_between_characters)
{
        static const char *const cuts[] = {
                "", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", "aé€𝄞", "aé€𝄞z", "aé€𝄞z",
        };
        static const unsigned char sizes[] = { 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                char buffer[16];

                memset(buffer, '#', sizeof(buffer));
                ck_assert_ptr_eq(text_format(buffer, sizes[i], "%s%c", "aé€𝄞", 'z'), buffer);
                ck_assert_str_eq(buffer, cuts[i]);
                ck_assert_int_eq(buffer[sizes[i]], '#');
        }
}
END_TEST

START_TEST(what_is_no_character_is_not_taken_for_the_part_of_one)
{
        char buffer[4];

        ck_assert_str_eq(text_format(buffer, sizeof(buffer), "%s", "\xff\xff\xff\xff"), "???");
        ck_assert_str_eq(text_format(buffer, sizeof(buffer), "%s", "\x80\x80\x80\x80"), "???");
        ck_assert_str_eq(text_format(buffer, sizeof(buffer), "%s", "ab\xe2"), "ab?");
        ck_assert_str_eq(text_format(buffer, sizeof(buffer), "%s", "ab\xe2\x82\xac"), "ab");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("text");
        TCase *tcase = tcase_create("text");

        tcase_add_loop_test(tcase, what_cannot_be_printed_becomes_a_question_mark, 0,
                            ELEMENTSOF(texts));
        tcase_add_test(tcase, no_single_byte_but_ascii_is_kept);
        tcase_add_test(tcase, a_text_is_cut_between_characters);
        tcase_add_test(tcase, what_is_no_character_is_not_taken_for_the_part_of_one);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
