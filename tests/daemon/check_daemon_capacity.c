/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The file that tells other programs how much memory is online: when memoryd writes it, and what it says. */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <time.h>

#define STATE "root/run/memoryd/state"
#define CAPACITY STATE "/capacity"
#define CHANGED STATE "/capacity-changed"

#define BOOT_BLOCKS 8
#define DIMM 32
#define DIMM_BLOCKS 16

/* Longer than memoryd waits after a change. */
#define PAUSE_USEC (7 * USEC_PER_SEC)

static int watch_fd;
static unsigned n_written; /* how often the file was replaced */

static void setup(void)
{
        char path[PATH_MAX];

        fixture_setup();
        snprintf(path, sizeof(path), "%s/" STATE, testbed_dir());
        watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        ck_assert_int_ge(watch_fd, 0);
        ck_assert_int_ge(inotify_add_watch(watch_fd, path, IN_MOVED_TO), 0);
        n_written = 0;
}

static void teardown(void)
{
        closep(&watch_fd);
        fixture_teardown();
}

static unsigned count_written(void)
{
        union {
                struct inotify_event event;
                char bytes[4096];
        } buffer;
        ssize_t n;

        while ((n = read(watch_fd, &buffer, sizeof(buffer))) > 0)
                for (char *at = buffer.bytes; at < buffer.bytes + n;) {
                        const struct inotify_event *event = (const void *) at;

                        n_written += strcmp(event->name, "capacity") == 0;
                        at += sizeof(*event) + event->len;
                }
        return n_written;
}

static bool file_is(const char *path, unsigned n_kernel, unsigned n_movable)
{
        char text[256];

        snprintf(text, sizeof(text),
                 "MEMORY_ONLINE_BYTES=%" PRIu64 "\nMEMORY_KERNEL_BYTES=%" PRIu64
                 "\nMEMORY_MOVABLE_BYTES=%" PRIu64,
                 (n_kernel + n_movable) * TESTBED_BLOCK_BYTES, n_kernel * TESTBED_BLOCK_BYTES,
                 n_movable * TESTBED_BLOCK_BYTES);
        return testbed_reads(path, text);
}

static bool has_passed(uint64_t usec)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000 >= usec;
}

/* Lets time pass in which memoryd would write, if it was wrong. */
static void let_time_pass(void)
{
        struct timespec now;
        uint64_t end;

        clock_gettime(CLOCK_MONOTONIC, &now);
        end = (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000 + PAUSE_USEC;
        wait_for(has_passed(end));
}

START_TEST(the_file_is_there_when_memoryd_is_ready)
{
        daemon_start();
        ck_assert(file_is(CAPACITY, BOOT_BLOCKS, 0));
        ck_assert(file_is(CHANGED, BOOT_BLOCKS, 0));
        ck_assert_uint_eq(count_written(), 1);
        /* And it stays. */
        daemon_stop();
        ck_assert(file_is(CAPACITY, BOOT_BLOCKS, 0));
}
END_TEST

START_TEST(a_burst_is_written_once_and_when_its_last_block_is_online)
{
        daemon_start();
        testbed_remove(CHANGED);
        /* The kernel gets the highest blocks first. */
        testbed_hold(DIMM + 1, 0);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(testbed_is_waiting(DIMM + 1));
        wait_for(bus_count_status("done") > 0);
        let_time_pass();
        ck_assert_uint_eq(count_written(), 1);
        testbed_let_go(DIMM + 1);
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS));
        ck_assert(file_is(CHANGED, BOOT_BLOCKS, DIMM_BLOCKS));
        let_time_pass();
        ck_assert_uint_eq(count_written(), 2);
}
END_TEST

START_TEST(a_job_is_written_once)
{
        daemon_start();
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS));
        testbed_hold(DIMM, 0);
        ck_assert_str_ne(bus_request_blocks("Offline", DIMM, DIMM + DIMM_BLOCKS - 1), "");
        wait_for(testbed_is_waiting(DIMM));
        let_time_pass();
        ck_assert_uint_eq(count_written(), 2);
        testbed_let_go(DIMM);
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, 0));
        ck_assert_uint_eq(count_written(), 3);
}
END_TEST

START_TEST(what_another_program_does_to_block_after_block_is_written_once)
{
        daemon_start();
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS));
        for (unsigned i = 0; i < DIMM_BLOCKS / 2; i++) {
                testbed_set_block(DIMM + i, NULL);
                testbed_events("offline", DIMM + i, 1);
                wait_for(bus_get_number(MANAGER_PATH, MANAGER, "OfflineBytes") ==
                         (i + 1) * TESTBED_BLOCK_BYTES);
        }
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS / 2));
        ck_assert_uint_eq(count_written(), 3);
}
END_TEST

START_TEST(a_restart_writes_the_file_only_if_memory_has_changed_meanwhile)
{
        daemon_start();
        testbed_remove(CHANGED);
        daemon_stop();
        daemon_start();
        ck_assert_uint_eq(count_written(), 1);
        ck_assert(!testbed_has_line(CHANGED, "", ""));
        daemon_stop();
        testbed_add_online_blocks(DIMM, 1, "Movable");
        testbed_link_blocks(DIMM, 1, 0);
        daemon_start();
        ck_assert(file_is(CAPACITY, BOOT_BLOCKS, 1));
        ck_assert_uint_eq(count_written(), 2);
}
END_TEST

START_TEST(a_change_right_before_the_end_is_written)
{
        daemon_start();
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        daemon_stop();
        ck_assert(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS));
}
END_TEST

static void remove_folder(const char *path)
{
        char full[PATH_MAX];

        snprintf(full, sizeof(full), "%s/%s", testbed_dir(), path);
        ck_assert_int_eq(rmdir(full), 0);
}

START_TEST(memoryd_goes_on_when_the_file_cannot_be_written)
{
        testbed_make_folder(CAPACITY "/folder");
        daemon_start();
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        /* The second attempt. */
        wait_for(file_is(CHANGED, BOOT_BLOCKS, DIMM_BLOCKS));
        ck_assert_uint_eq(daemon_count_logged("/capacity: "), 1);
        remove_folder(CAPACITY "/folder");
        remove_folder(CAPACITY);
        testbed_set_block(DIMM, NULL);
        testbed_events("offline", DIMM, 1);
        wait_for(file_is(CAPACITY, BOOT_BLOCKS, DIMM_BLOCKS - 1));
        ck_assert_uint_eq(daemon_count_logged("/capacity: "), 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon_capacity");
        TCase *tcase = tcase_create("capacity");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, the_file_is_there_when_memoryd_is_ready);
        tcase_add_test(tcase, a_burst_is_written_once_and_when_its_last_block_is_online);
        tcase_add_test(tcase, a_job_is_written_once);
        tcase_add_test(tcase, what_another_program_does_to_block_after_block_is_written_once);
        tcase_add_test(tcase, a_restart_writes_the_file_only_if_memory_has_changed_meanwhile);
        tcase_add_test(tcase, a_change_right_before_the_end_is_written);
        tcase_add_test(tcase, memoryd_goes_on_when_the_file_cannot_be_written);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
