/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_main.h"
#include "sysfs_fixture.h"
#include "takeover.h"

#define FILE_NAME "auto_online_blocks"

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

static bool is_there(const char *name)
{
        return faccessat(AT_FDCWD, sysfs_fixture_path(&fixture, "%s", name), F_OK,
                         AT_SYMLINK_NOFOLLOW) == 0;
}

static const struct {
        OnlineWord current; /* what the kernel says now */
        const char *left;   /* what an earlier memoryd left, NULL: nothing */
        int result;
        OnlineWord word; /* when the result is 1 */
} load_cases[] = {
        /* the first start: what the kernel says is to be put back */
        { ONLINE_WORD_ONLINE, NULL, 1, ONLINE_WORD_ONLINE },
        { ONLINE_WORD_KERNEL, NULL, 1, ONLINE_WORD_KERNEL },
        { ONLINE_WORD_MOVABLE, NULL, 1, ONLINE_WORD_MOVABLE },
        { ONLINE_WORD_OFFLINE, NULL, 0, 0 },

        /* a memoryd that was killed had turned it off */
        { ONLINE_WORD_OFFLINE, "online\n", 1, ONLINE_WORD_ONLINE },
        { ONLINE_WORD_OFFLINE, "online_kernel\n", 1, ONLINE_WORD_KERNEL },
        { ONLINE_WORD_OFFLINE, "online_movable\n", 1, ONLINE_WORD_MOVABLE },
        { ONLINE_WORD_OFFLINE, "online_movable", 1, ONLINE_WORD_MOVABLE },
        { ONLINE_WORD_OFFLINE, "offline\n", 0, 0 },

        /* somebody set it since: that is what counts */
        { ONLINE_WORD_KERNEL, "online_movable\n", 1, ONLINE_WORD_KERNEL },
        { ONLINE_WORD_ONLINE, "offline\n", 1, ONLINE_WORD_ONLINE },
        { ONLINE_WORD_ONLINE, "damaged", 1, ONLINE_WORD_ONLINE },

        /* damaged */
        { ONLINE_WORD_OFFLINE, "", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, "\n", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, "onl", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, "ONLINE\n", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, " online\n", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, "online_movable_and_then_a_lot_more_than_any_word\n", -EBADMSG, 0 },
        { ONLINE_WORD_OFFLINE, "\xff\xfe\x01\n", -EBADMSG, 0 },
};

START_TEST(what_is_put_back_is_what_was_there_before_memoryd)
{
        OnlineWord word = _ONLINE_WORD_INVALID;

        if (load_cases[_i].left)
                sysfs_fixture_write(&fixture, load_cases[_i].left, FILE_NAME);
        ck_assert_int_eq(takeover_load(fixture.root, load_cases[_i].current, &word),
                         load_cases[_i].result);
        if (load_cases[_i].result > 0)
                ck_assert_int_eq(word, load_cases[_i].word);

        /* Looking changes nothing. */
        ck_assert_int_eq(is_there(FILE_NAME), load_cases[_i].left != NULL);
}
END_TEST

START_TEST(a_folder_that_is_not_there_has_nothing_to_put_back)
{
        const char *folder = sysfs_fixture_path(&fixture, "missing");
        OnlineWord word;

        ck_assert_int_eq(takeover_load(folder, ONLINE_WORD_OFFLINE, &word), 0);
        ck_assert_int_eq(takeover_load(folder, ONLINE_WORD_MOVABLE, &word), 1);
        ck_assert_int_eq(word, ONLINE_WORD_MOVABLE);
        ck_assert_int_eq(takeover_save(folder, ONLINE_WORD_MOVABLE), -ENOENT);
        takeover_forget(folder);
}
END_TEST

START_TEST(a_word_that_was_kept_is_found_again_until_it_is_forgotten)
{
        for (int kept = ONLINE_WORD_ONLINE; kept < _ONLINE_WORD_MAX; kept++) {
                OnlineWord word;

                ck_assert_int_eq(takeover_save(fixture.root, (OnlineWord) kept), 0);
                ck_assert_int_eq(takeover_load(fixture.root, ONLINE_WORD_OFFLINE, &word), 1);
                ck_assert_int_eq(word, kept);
                ck_assert(!is_there(FILE_NAME ".new"));
        }
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), "online_movable\n");
}
END_TEST

START_TEST(a_word_that_was_forgotten_is_not_there)
{
        OnlineWord word;

        ck_assert_int_eq(takeover_save(fixture.root, ONLINE_WORD_MOVABLE), 0);
        takeover_forget(fixture.root);
        ck_assert(!is_there(FILE_NAME));
        ck_assert_int_eq(takeover_load(fixture.root, ONLINE_WORD_OFFLINE, &word), 0);
        takeover_forget(fixture.root);
}
END_TEST

START_TEST(a_shorter_word_leaves_nothing_of_a_longer_one)
{
        sysfs_fixture_write(&fixture, "online_movable\n", FILE_NAME);
        sysfs_fixture_write(&fixture, "left by one that was killed in the middle\n",
                            FILE_NAME ".new");
        ck_assert_int_eq(takeover_save(fixture.root, ONLINE_WORD_ONLINE), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), "online\n");
}
END_TEST

START_TEST(links_are_not_followed)
{
        OnlineWord word;

        sysfs_fixture_write(&fixture, "online\n", "elsewhere");
        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, FILE_NAME)), 0);
        ck_assert_int_eq(takeover_load(fixture.root, ONLINE_WORD_OFFLINE, &word), -ELOOP);

        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, FILE_NAME ".new")), 0);
        ck_assert_int_eq(takeover_save(fixture.root, ONLINE_WORD_MOVABLE), -ELOOP);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, "elsewhere"), "online\n");
}
END_TEST

START_TEST(a_folder_in_the_place_of_the_file_is_an_error)
{
        OnlineWord word;

        sysfs_fixture_write(&fixture, "", FILE_NAME "/file");
        ck_assert_int_eq(takeover_load(fixture.root, ONLINE_WORD_OFFLINE, &word), -EISDIR);
        ck_assert_int_lt(takeover_save(fixture.root, ONLINE_WORD_MOVABLE), 0);
        ck_assert(!is_there(FILE_NAME ".new"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("takeover");
        TCase *tcase = tcase_create("takeover");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, what_is_put_back_is_what_was_there_before_memoryd, 0,
                            ELEMENTSOF(load_cases));
        tcase_add_test(tcase, a_folder_that_is_not_there_has_nothing_to_put_back);
        tcase_add_test(tcase, a_word_that_was_kept_is_found_again_until_it_is_forgotten);
        tcase_add_test(tcase, a_word_that_was_forgotten_is_not_there);
        tcase_add_test(tcase, a_shorter_word_leaves_nothing_of_a_longer_one);
        tcase_add_test(tcase, links_are_not_followed);
        tcase_add_test(tcase, a_folder_in_the_place_of_the_file_is_an_error);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
