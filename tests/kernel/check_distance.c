/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/log.h"
#include "check_main.h"
#include "kernel/distance.h"
#include "sysfs_fixture.h"

#include <dlfcn.h>
#include <sys/mman.h>

static SysfsFixture fixture;
static Sysfs sysfs;
static Machine machine;
static bool is_missing; /* libnuma, on the machine of the test */
static Node nodes[2];

/* Stands before the function of libc, so that libnuma is there or not as the test needs it. */
void *dlopen(const char *name, int flags)
{
        void *(*load)(const char *, int) = (__typeof__(load)) dlsym(RTLD_NEXT, "dlopen");

        if (is_missing && name && strcmp(name, LIBNUMA) == 0)
                return NULL;
        return load(name, flags);
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        sysfs_fixture_add_node(&fixture, 0);
        sysfs_fixture_add_node(&fixture, 4);
        sysfs_fixture_write(&fixture, "10 31\n", NODE_PATH "/node0/distance");
        sysfs_fixture_write(&fixture, "32 10\n", NODE_PATH "/node4/distance");
        sysfs_fixture_open(&fixture, &sysfs);
        machine_init(&machine);
        nodes[0] = (Node){ .id = 0 };
        nodes[1] = (Node){ .id = 4 };
        is_missing = true;
        log_target = LOG_TARGET_CONSOLE;
        log_level = LOG_INFO;
}

static void forget(void)
{
        for (size_t i = 0; i < ELEMENTSOF(nodes); i++) {
                free(nodes[i].distances);
                nodes[i].distances = NULL;
                nodes[i].n_distances = 0;
        }
}

static void teardown(void)
{
        forget();
        machine_done(&machine);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

/* Reads the distances and returns what was logged, up to the next call. */
static const char *read_distances(void)
{
        static char logged[1024];
        int saved = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
        ssize_t n;

        ck_assert_int_ge(saved, 0);
        ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
        forget();
        ck_assert_int_eq(distances_read(&sysfs, &machine, nodes, ELEMENTSOF(nodes)), 0);
        dup2(saved, STDERR_FILENO);
        close(saved);
        n = pread(fd, logged, sizeof(logged) - 1, 0);
        ck_assert_int_ge(n, 0);
        logged[n] = 0;
        close(fd);
        return logged;
}

static void assert_distances(size_t i, uint32_t first, uint32_t second)
{
        ck_assert_uint_eq(nodes[i].n_distances, 2);
        ck_assert_uint_eq(nodes[i].distances[0].node, 0);
        ck_assert_uint_eq(nodes[i].distances[0].distance, first);
        ck_assert_uint_eq(nodes[i].distances[1].node, 4);
        ck_assert_uint_eq(nodes[i].distances[1].distance, second);
}

START_TEST(without_libnuma_distances_come_from_sysfs)
{
        (void) read_distances();
        assert_distances(0, 10, 31);
        assert_distances(1, 32, 10);
}
END_TEST

START_TEST(a_missing_libnuma_is_logged_once_until_it_was_there_again)
{
        ck_assert_ptr_nonnull(strstr(read_distances(), "Cannot load libnuma"));
        ck_assert(machine.lacks_libnuma);
        ck_assert_str_eq(read_distances(), "");

        is_missing = false;
        ck_assert_str_eq(read_distances(), "");
        ck_assert(!machine.lacks_libnuma);

        is_missing = true;
        ck_assert_ptr_nonnull(strstr(read_distances(), "Cannot load libnuma"));
}
END_TEST

START_TEST(whether_libnuma_is_there_is_known_at_any_time)
{
        ck_assert(!distances_have_libnuma());
        is_missing = false;
        ck_assert(distances_have_libnuma());
}
END_TEST

START_TEST(distances_that_make_no_sense_are_logged_with_what_was_expected)
{
        (void) read_distances();
        sysfs_fixture_write(&fixture, "10 0\n", NODE_PATH "/node0/distance");
        ck_assert_ptr_nonnull(strstr(read_distances(),
                                     "node0/distance: '10 0', expected a distance, not 0, for each "
                                     "node, ignoring"));
        ck_assert_uint_eq(nodes[0].n_distances, 0);
        assert_distances(1, 32, 10);

        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH "/node0/distance"));
        ck_assert_str_eq(read_distances(), "");
        ck_assert_uint_eq(nodes[0].n_distances, 0);
        assert_distances(1, 32, 10);
}
END_TEST

START_TEST(without_a_node_folder_there_are_no_distances)
{
        sysfs_close(&sysfs);
        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH));
        sysfs_fixture_open(&fixture, &sysfs);
        (void) read_distances();
        ck_assert_uint_eq(nodes[0].n_distances, 0);
        ck_assert_uint_eq(nodes[1].n_distances, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("distance");
        TCase *tcase = tcase_create("distance");

        /* libnuma does not free what it allocates when it is loaded: see check_survey.c. */
        (void) dlopen(LIBNUMA, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, without_libnuma_distances_come_from_sysfs);
        tcase_add_test(tcase, a_missing_libnuma_is_logged_once_until_it_was_there_again);
        tcase_add_test(tcase, whether_libnuma_is_there_is_known_at_any_time);
        tcase_add_test(tcase, distances_that_make_no_sense_are_logged_with_what_was_expected);
        tcase_add_test(tcase, without_a_node_folder_there_are_no_distances);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
