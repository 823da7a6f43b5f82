/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/statefile.h"
#include "check_main.h"
#include "sysfs_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NAME "state"

/* Its root is the folder: what lies below /run on a machine. */
static SysfsFixture fixture;

/* What the code under test asked of the kernel, in this order: these take the place of libc's functions. */
static char calls[256];
static int fsync_error;

static void note_call(const char *call)
{
        if (strlen(calls) + strlen(call) < sizeof(calls))
                strcat(calls, call);
}

int fsync(int fd)
{
        struct stat status;

        ck_assert_int_eq(fstat(fd, &status), 0);
        note_call(S_ISDIR(status.st_mode) ? "fsync of folder, " : "fsync of file, ");
        errno = fsync_error;
        return fsync_error == 0 ? 0 : -1;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        note_call("renameat, ");
        return (int) syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
}

static void teardown(void)
{
        sysfs_fixture_done(&fixture);
}

static int replace(const char *text)
{
        return statefile_replace(fixture.root, NAME, text, strlen(text));
}

static bool is_there(const char *name)
{
        return faccessat(AT_FDCWD, sysfs_fixture_path(&fixture, "%s", name), F_OK,
                         AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_reads(const char *expected)
{
        char *text = NULL;

        ck_assert_int_eq(statefile_read(fixture.root, NAME, 1 << 20, &text), 0);
        ck_assert_str_eq(text, expected);
        free(text);
}

/* That nothing is read, and nothing given back. */
static void assert_does_not_read(size_t max, int error)
{
        char kept, *text = &kept;

        ck_assert_int_eq(statefile_read(fixture.root, NAME, max, &text), error);
        ck_assert_ptr_eq(text, &kept);
}

START_TEST(what_is_written_is_read)
{
        static const char *const texts[] = { "one\n", "",
                                             "\n",    "longer than the one before\n",
                                             "s",     "\xff\x01 any byte but zero" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                ck_assert_int_eq(replace(texts[i]), 0);
                assert_reads(texts[i]);
                ck_assert(!is_there(NAME ".new"));
        }
}
END_TEST

START_TEST(a_large_file_is_written_and_read_as_a_whole)
{
        size_t size = 5 << 20;
        char *text = malloc(size + 1), *read = NULL;

        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < size; i++)
                text[i] = (char) ('a' + i % 23);
        text[size] = 0;
        ck_assert_int_eq(replace(text), 0);
        ck_assert_int_eq(statefile_read(fixture.root, NAME, size, &read), 0);
        ck_assert_uint_eq(strlen(read), size);
        ck_assert_int_eq(memcmp(read, text, size), 0);
        free(read);
        free(text);
}
END_TEST

START_TEST(a_file_may_have_so_many_bytes_and_no_more)
{
        char *text = NULL;

        sysfs_fixture_write(&fixture, "12345678", NAME);
        assert_does_not_read(7, -EFBIG);
        assert_does_not_read(0, -EFBIG);
        ck_assert_int_eq(statefile_read(fixture.root, NAME, 8, &text), 0);
        ck_assert_str_eq(text, "12345678");
        free(text);
}
END_TEST

START_TEST(anybody_may_read_it_and_only_its_owner_write)
{
        mode_t mask = umask(0077);
        struct stat status;

        ck_assert_int_eq(replace("1"), 0);
        umask(mask);
        ck_assert_int_eq(stat(sysfs_fixture_path(&fixture, NAME), &status), 0);
        ck_assert_uint_eq(status.st_mode & 07777, 0644);

        /* Also when a memoryd that was killed while writing left another file. */
        sysfs_fixture_write(&fixture, "left", NAME ".new");
        ck_assert_int_eq(chmod(sysfs_fixture_path(&fixture, NAME ".new"), 0666), 0);
        ck_assert_int_eq(replace("2"), 0);
        ck_assert_int_eq(stat(sysfs_fixture_path(&fixture, NAME), &status), 0);
        ck_assert_uint_eq(status.st_mode & 07777, 0644);
        assert_reads("2");
}
END_TEST

/* Who has it open sees the old one to its end. */
START_TEST(a_file_is_replaced_and_not_written_over)
{
        char old[8] = "";
        int fd;

        ck_assert_int_eq(replace("before"), 0);
        fd = open(sysfs_fixture_path(&fixture, NAME), O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(replace("after"), 0);
        ck_assert_int_eq(read(fd, old, sizeof(old)), 6);
        ck_assert_str_eq(old, "before");
        close(fd);
        assert_reads("after");
}
END_TEST

START_TEST(what_a_killed_one_left_is_no_hindrance)
{
        sysfs_fixture_write(&fixture, "left by a memoryd killed while writing\n", NAME ".new");
        ck_assert_int_eq(replace("short\n"), 0);
        assert_reads("short\n");
        ck_assert(!is_there(NAME ".new"));
}
END_TEST

START_TEST(a_file_or_folder_that_is_not_there_is_told)
{
        char *text = NULL;

        assert_does_not_read(100, -ENOENT);
        ck_assert_int_eq(statefile_read(sysfs_fixture_path(&fixture, "missing"), NAME, 100, &text),
                         -ENOENT);
        ck_assert_int_eq(statefile_replace(sysfs_fixture_path(&fixture, "missing"), NAME, "1", 1),
                         -ENOENT);

        /* A file in the place of the folder. */
        sysfs_fixture_write(&fixture, "", "file");
        ck_assert_int_eq(statefile_read(sysfs_fixture_path(&fixture, "file"), NAME, 100, &text),
                         -ENOTDIR);
        ck_assert_int_eq(statefile_replace(sysfs_fixture_path(&fixture, "file"), NAME, "1", 1),
                         -ENOTDIR);
        ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_byte_of_zero_is_no_text)
{
        static const struct {
                const char *text;
                size_t size;
        } zeros[] = { { "\0", 1 }, { "ab\0cd\n", 6 }, { "ab\n\0", 4 }, { "\0ab\n", 4 } };

        for (size_t i = 0; i < ELEMENTSOF(zeros); i++) {
                ck_assert_int_eq(
                        statefile_replace(fixture.root, NAME, zeros[i].text, zeros[i].size), 0);
                assert_does_not_read(100, -EBADMSG);
        }
}
END_TEST

START_TEST(links_are_not_followed)
{
        sysfs_fixture_write(&fixture, "elsewhere\n", "elsewhere");
        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, NAME)), 0);
        assert_does_not_read(100, -ELOOP);

        /* In the place of the file it is replaced itself. */
        ck_assert_int_eq(replace("1"), 0);
        assert_reads("1");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, "elsewhere"), "elsewhere\n");

        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, NAME ".new")), 0);
        ck_assert_int_eq(replace("2"), -ELOOP);
        assert_reads("1");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, "elsewhere"), "elsewhere\n");
}
END_TEST

START_TEST(a_folder_in_the_place_of_the_file_is_an_error)
{
        sysfs_fixture_write(&fixture, "", NAME "/file");
        assert_does_not_read(100, -EISDIR);
        ck_assert_int_eq(replace("1"), -EISDIR);
        ck_assert(!is_there(NAME ".new"));
        ck_assert(is_there(NAME "/file"));
}
END_TEST

START_TEST(a_folder_in_the_place_of_the_new_file_leaves_the_old_one)
{
        ck_assert_int_eq(replace("old"), 0);
        sysfs_fixture_write(&fixture, "", NAME ".new/file");
        ck_assert_int_eq(replace("new"), -EISDIR);
        assert_reads("old");
        ck_assert(is_there(NAME ".new/file"));
}
END_TEST

/* Opening a FIFO would wait for its other end without limit. */
START_TEST(a_fifo_is_not_waited_for)
{
        ck_assert_int_eq(mkfifo(sysfs_fixture_path(&fixture, NAME), 0600), 0);
        assert_does_not_read(100, -EBADMSG);
        ck_assert_int_eq(mkfifo(sysfs_fixture_path(&fixture, NAME ".new"), 0600), 0);
        ck_assert_int_eq(replace("1"), -ENXIO);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_not_cut_off)
{
        char folder[PATH_MAX + 8], *text = NULL;
        size_t n = strlen(fixture.root);

        /* The same folder, by a long way; the last byte decides. */
        strcpy(folder, fixture.root);
        while (n < PATH_MAX - 1 - strlen("/" NAME))
                folder[n++] = '/';
        folder[n] = 0;
        ck_assert_int_eq(statefile_replace(folder, NAME, "1", 1), 0);
        ck_assert_int_eq(statefile_read(folder, NAME, 100, &text), 0);
        ck_assert_str_eq(text, "1");
        free(text);
        strcpy(folder + n, "/");
        ck_assert_int_eq(statefile_read(folder, NAME, 100, &text), -ENAMETOOLONG);
        memset(folder + n, '/', PATH_MAX - n);
        folder[PATH_MAX] = 0;
        ck_assert_int_eq(statefile_replace(folder, NAME, "2", 1), -ENAMETOOLONG);
        assert_reads("1");
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file)
{
        struct rlimit limit = { .rlim_cur = 4, .rlim_max = RLIM_INFINITY };
        struct rlimit before;

        ck_assert_int_eq(replace("old"), 0);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit.rlim_max = before.rlim_max;
        (void) signal(SIGXFSZ, SIG_IGN);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        ck_assert_int_eq(replace("more than fits"), -EFBIG);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_reads("old");
        ck_assert(!is_there(NAME ".new"));
}
END_TEST

/* After a loss of power, the name must not lead to a file without its text. */
START_TEST(the_text_is_on_the_disk_before_the_name_and_the_name_at_the_end)
{
        calls[0] = 0;
        ck_assert_int_eq(replace("1"), 0);
        ck_assert_str_eq(calls, "fsync of file, renameat, fsync of folder, ");
}
END_TEST

START_TEST(a_disk_that_fails_at_last_leaves_the_old_file)
{
        ck_assert_int_eq(replace("old"), 0);
        fsync_error = EIO;
        ck_assert_int_eq(replace("new"), -EIO);
        fsync_error = 0;
        assert_reads("old");
        ck_assert(!is_there(NAME ".new"));
}
END_TEST

START_TEST(a_file_is_removed_if_it_is_there)
{
        ck_assert_int_eq(replace("old"), 0);
        ck_assert_int_eq(statefile_remove(fixture.root, NAME), 0);
        ck_assert(!is_there(NAME));
        ck_assert_int_eq(statefile_remove(fixture.root, NAME), 0);
        sysfs_fixture_write(&fixture, "", NAME "/file");
        ck_assert_int_eq(statefile_remove(fixture.root, NAME), -EISDIR);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("statefile");
        TCase *tcase = tcase_create("statefile");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_is_written_is_read);
        tcase_add_test(tcase, a_large_file_is_written_and_read_as_a_whole);
        tcase_add_test(tcase, a_file_may_have_so_many_bytes_and_no_more);
        tcase_add_test(tcase, anybody_may_read_it_and_only_its_owner_write);
        tcase_add_test(tcase, a_file_is_replaced_and_not_written_over);
        tcase_add_test(tcase, what_a_killed_one_left_is_no_hindrance);
        tcase_add_test(tcase, a_file_or_folder_that_is_not_there_is_told);
        tcase_add_test(tcase, a_byte_of_zero_is_no_text);
        tcase_add_test(tcase, links_are_not_followed);
        tcase_add_test(tcase, a_folder_in_the_place_of_the_file_is_an_error);
        tcase_add_test(tcase, a_folder_in_the_place_of_the_new_file_leaves_the_old_one);
        tcase_add_test(tcase, a_fifo_is_not_waited_for);
        tcase_add_test(tcase, a_path_that_is_too_long_is_not_cut_off);
        tcase_add_test(tcase, a_full_disk_leaves_the_old_file);
        tcase_add_test(tcase, the_text_is_on_the_disk_before_the_name_and_the_name_at_the_end);
        tcase_add_test(tcase, a_disk_that_fails_at_last_leaves_the_old_file);
        tcase_add_test(tcase, a_file_is_removed_if_it_is_there);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
