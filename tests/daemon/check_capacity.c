/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* When the files with the memory that is online are written. */

#include "base/statefile.h"
#include "check_main.h"
#include "daemon/capacity.h"
#include "sysfs_fixture.h"

#include <sys/stat.h>

#define NOW (1000 * USEC_PER_SEC)
#define QUIET (5 * USEC_PER_SEC)
#define MINUTE (60 * USEC_PER_SEC)

#define TEXT(online, kernel, movable)                                                              \
        "MEMORY_ONLINE_BYTES=" online "\nMEMORY_KERNEL_BYTES=" kernel                              \
        "\nMEMORY_MOVABLE_BYTES=" movable "\n"

static SysfsFixture fixture;
static char folder[PATH_MAX];
static Capacity capacity;
static Totals totals;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        snprintf(folder, sizeof(folder), "%s/state", fixture.root);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        capacity = (Capacity){ .folder = folder };
        totals = (Totals){ .online_bytes = 7, .kernel_bytes = 4, .movable_bytes = 3 };
}

static void teardown(void)
{
        sysfs_fixture_done(&fixture);
}

static uint64_t run(uint64_t now_usec)
{
        return capacity_run(&capacity, &totals, false, false, now_usec);
}

static uint64_t run_busy(uint64_t now_usec)
{
        return capacity_run(&capacity, &totals, true, false, now_usec);
}

static void assert_file(const char *name, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        int r = statefile_read(folder, name, 4096, &text);

        if (!expected)
                ck_assert_int_eq(r, -ENOENT);
        else
                ck_assert_str_eq(text, expected);
}

static void assert_files(const char *expected)
{
        assert_file(CAPACITY_FILE, expected);
        assert_file(CAPACITY_CHANGED_FILE, expected);
}

/* As a program does that acts on the change. */
static void take_change(void)
{
        ck_assert_int_eq(statefile_remove(folder, CAPACITY_CHANGED_FILE), 0);
}

START_TEST(a_change_is_written_when_nothing_has_changed_for_five_seconds)
{
        ck_assert_uint_eq(run(NOW), NOW + QUIET);
        totals.movable_bytes = 5;
        ck_assert_uint_eq(run(NOW + QUIET / 2), NOW + QUIET / 2 + QUIET);
        ck_assert_uint_eq(run(NOW + QUIET / 2 + QUIET - 1), NOW + QUIET / 2 + QUIET);
        assert_files(NULL);
        ck_assert_uint_eq(run(NOW + QUIET / 2 + QUIET), USEC_INFINITY);
        assert_files(TEXT("7", "4", "5"));
}
END_TEST

/* The largest figures. */
START_TEST(the_texts_of_all_figures_fit)
{
        const char *text =
                TEXT("18446744073709551615", "18446744073709551615", "18446744073709551615");

        totals = (Totals){ .online_bytes = UINT64_MAX,
                           .kernel_bytes = UINT64_MAX,
                           .movable_bytes = UINT64_MAX };
        capacity_run(&capacity, &totals, false, true, NOW);
        assert_files(text);
        capacity = (Capacity){ .folder = folder };
        capacity_recall(&capacity);
        ck_assert_str_eq(capacity.written, text);
}
END_TEST

START_TEST(nothing_is_written_during_a_burst)
{
        ck_assert_uint_eq(run_busy(NOW), USEC_INFINITY);
        ck_assert_uint_eq(run_busy(NOW + MINUTE), USEC_INFINITY);
        assert_files(NULL);
        /* The last change is long ago. */
        ck_assert_uint_eq(run(NOW + MINUTE), USEC_INFINITY);
        assert_files(TEXT("7", "4", "3"));
}
END_TEST

START_TEST(at_the_start_and_at_the_end_nothing_is_waited_for)
{
        ck_assert_uint_eq(capacity_run(&capacity, &totals, false, true, NOW), USEC_INFINITY);
        assert_files(TEXT("7", "4", "3"));
}
END_TEST

START_TEST(figures_that_are_back_are_not_written)
{
        capacity_run(&capacity, &totals, false, true, NOW);
        take_change();
        totals.online_bytes = 8;
        ck_assert_uint_eq(run(NOW), NOW + QUIET);
        totals.online_bytes = 7;
        ck_assert_uint_eq(run(NOW + 1), USEC_INFINITY);
        ck_assert_uint_eq(run(NOW + MINUTE), USEC_INFINITY);
        assert_file(CAPACITY_CHANGED_FILE, NULL);
}
END_TEST

START_TEST(other_totals_are_no_change)
{
        capacity_run(&capacity, &totals, false, true, NOW);
        totals.offline_bytes = totals.pending_blocks = totals.failed_blocks = 9;
        ck_assert_uint_eq(run(NOW), USEC_INFINITY);
}
END_TEST

static void restart(void)
{
        capacity = (Capacity){ .folder = folder };
        capacity_recall(&capacity);
        capacity_run(&capacity, &totals, false, true, NOW);
}

START_TEST(the_next_memoryd_writes_only_what_has_changed)
{
        restart();
        take_change();
        restart();
        assert_file(CAPACITY_CHANGED_FILE, NULL);
        totals.kernel_bytes = 5;
        restart();
        assert_files(TEXT("7", "5", "3"));
}
END_TEST

/* The second file was written, and taken, and then memoryd was killed. */
START_TEST(a_kill_between_the_two_files_loses_no_change)
{
        restart();
        totals.kernel_bytes = 5;
        ck_assert_int_eq(statefile_replace(folder, CAPACITY_CHANGED_FILE, "any", 3), 0);
        take_change();
        restart();
        assert_files(TEXT("7", "5", "3"));
}
END_TEST

static const char *const strange[] = {
        "",
        "MEMORY_ONLINE_BYTES=7\n",
        "MEMORY_ONLINE_BYTES=7\nMEMORY_KERNEL_BYTES=4\nMEMORY_MOV",
};

START_TEST(a_strange_file_is_replaced)
{
        char large[4096];

        ck_assert_int_eq(statefile_replace(folder, CAPACITY_FILE, strange[_i], strlen(strange[_i])),
                         0);
        restart();
        assert_files(TEXT("7", "4", "3"));

        memset(large, '7', sizeof(large));
        ck_assert_int_eq(statefile_replace(folder, CAPACITY_FILE, large, sizeof(large)), 0);
        restart();
        assert_files(TEXT("7", "4", "3"));
}
END_TEST

/* A folder in the place of the file stands for a file system that is full. */
START_TEST(a_file_that_cannot_be_written_is_tried_again)
{
        sysfs_fixture_write(&fixture, "", "state/" CAPACITY_FILE "/file");
        ck_assert_uint_eq(capacity_run(&capacity, &totals, false, true, NOW), NOW + MINUTE);
        ck_assert(capacity.failed);
        ck_assert_uint_eq(run(NOW + MINUTE - 1), NOW + MINUTE);
        ck_assert_uint_eq(run(NOW + MINUTE), NOW + 2 * MINUTE);

        /* The next change is tried sooner. */
        totals.kernel_bytes = 5;
        ck_assert_uint_eq(run(NOW + MINUTE + 1), NOW + MINUTE + 1 + QUIET);
        ck_assert_int_eq(unlink(sysfs_fixture_path(&fixture, "state/" CAPACITY_FILE "/file")), 0);
        ck_assert_int_eq(rmdir(sysfs_fixture_path(&fixture, "state/" CAPACITY_FILE)), 0);
        ck_assert_uint_eq(run(NOW + MINUTE + 1 + QUIET), USEC_INFINITY);
        ck_assert(!capacity.failed);
        assert_files(TEXT("7", "5", "3"));
}
END_TEST

static mode_t mode_of(const char *name)
{
        struct stat st;

        ck_assert_int_eq(stat(sysfs_fixture_path(&fixture, "%s", name), &st), 0);
        return st.st_mode & 07777;
}

/* The unit has UMask=0077. */
START_TEST(all_users_may_read_the_file)
{
        umask(0077);
        capacity_run(&capacity, &totals, false, true, NOW);
        ck_assert_uint_eq(mode_of("state/" CAPACITY_FILE), 0644);
        ck_assert_uint_eq(mode_of("state/" CAPACITY_CHANGED_FILE), 0644);
}
END_TEST

START_TEST(a_link_in_the_folder_above_leads_to_the_file)
{
        char target[64] = "";

        ck_assert_int_eq(capacity_link(folder), 0);
        ck_assert_int_gt(
                readlink(sysfs_fixture_path(&fixture, CAPACITY_FILE), target, sizeof(target) - 1),
                0);
        ck_assert_str_eq(target, "state/" CAPACITY_FILE);
        ck_assert_int_eq(capacity_link(folder), 0);
        capacity_run(&capacity, &totals, false, true, NOW);
        ck_assert_uint_eq(mode_of(CAPACITY_FILE), 0644);

        ck_assert_int_eq(capacity_link("state"), -EINVAL);
        ck_assert_int_eq(capacity_link(sysfs_fixture_path(&fixture, "none/state")), -ENOENT);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("capacity");
        TCase *tcase = tcase_create("capacity");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_change_is_written_when_nothing_has_changed_for_five_seconds);
        tcase_add_test(tcase, the_texts_of_all_figures_fit);
        tcase_add_test(tcase, nothing_is_written_during_a_burst);
        tcase_add_test(tcase, at_the_start_and_at_the_end_nothing_is_waited_for);
        tcase_add_test(tcase, figures_that_are_back_are_not_written);
        tcase_add_test(tcase, other_totals_are_no_change);
        tcase_add_test(tcase, the_next_memoryd_writes_only_what_has_changed);
        tcase_add_test(tcase, a_kill_between_the_two_files_loses_no_change);
        tcase_add_loop_test(tcase, a_strange_file_is_replaced, 0, ELEMENTSOF(strange));
        tcase_add_test(tcase, a_file_that_cannot_be_written_is_tried_again);
        tcase_add_test(tcase, all_users_may_read_the_file);
        tcase_add_test(tcase, a_link_in_the_folder_above_leads_to_the_file);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
