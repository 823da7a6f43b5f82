/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dax devices that memoryd onlines as a whole. The mock takes the words, the test plays what becomes of blocks. */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <stdio.h>

#define FIRST 32
#define N 2
#define STATE "sys/bus/dax/devices/dax0.0/state"
#define KEPT "root/run/memoryd/state/dax"

static void add_blocks(const char *zone)
{
        testbed_add_iomem(FIRST, N, "dax0.0");
        if (zone)
                testbed_add_online_blocks(FIRST, N, zone);
        else
                testbed_add_blocks(FIRST, N);
        testbed_link_blocks(FIRST, N, 0);
        testbed_events("add", FIRST, N);
}

/* Starts with a device that its driver has just added, and a rule that wants it movable. */
static void start_with(const char *settings)
{
        char text[256];

        snprintf(text, sizeof(text),
                 "rules = ({ name = \"ours\"; origin = \"kmem\"; zone = \"movable\"; });\n%s",
                 settings);
        daemon_set_config(text);
        daemon_start();
        testbed_write(STATE, "offline");
        add_blocks(NULL);
}

static void start(void)
{
        start_with("");
}

/* Lets the device go as the kernel does when it takes "unplugged". The next word waits. */
static void unplug(void)
{
        wait_for(testbed_is_waiting(MOCK_DAX));
        ck_assert_uint_eq(testbed_count_writes("dax0.0 unplugged 0"), 1);
        testbed_events("remove", FIRST, N);
        testbed_remove_blocks(FIRST, N);
        wait_for(bus_count_blocks() == 8);
}

START_TEST(a_device_of_one_class_is_onlined_with_one_write)
{
        testbed_hold(MOCK_DAX, 1);
        start();
        unplug();
        add_blocks("Movable");
        wait_for(bus_count_status("pending") == N);
        ck_assert(testbed_reads(KEPT, "dax0.0 movable"));
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_status("done") == N);
        ck_assert(!testbed_reads(KEPT, "dax0.0 movable"));
        ck_assert_uint_eq(testbed_count_writes("dax0.0 online_movable 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory"), 0);
        ck_assert(testbed_reads(STATE, "online_movable"));
        ck_assert_str_eq(bus_explain(FIRST, "OnlinedBy"), "memoryd");
        ck_assert_str_eq(bus_explain(FIRST, "Rule"), "ours");
        ck_assert(daemon_logged("Onlined 2 blocks (8M) on node 0: 0 kernel, 2 movable"));
}
END_TEST

START_TEST(blocks_that_stay_offline_are_written_one_by_one)
{
        testbed_hold(MOCK_DAX, 1);
        start();
        unplug();
        add_blocks(NULL);
        wait_for(bus_count_status("pending") == N);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_status("done") == N);
        ck_assert_uint_eq(testbed_count_writes("memory32 online_movable 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory33 online_movable 0"), 1);
}
END_TEST

START_TEST(a_device_that_cannot_be_unplugged_is_onlined_block_by_block)
{
        testbed_set_fault(MOCK_DAX, EBUSY, 1, 0);
        start();
        wait_for(bus_count_status("done") == N);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory32 online_movable 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory33 online_movable 0"), 1);
        ck_assert(daemon_logged("Cannot online dax0.0 as a whole"));
        ck_assert_ptr_nonnull(
                strstr(bus_explain(FIRST, "Reason"), "dax0.0 could not be onlined as a whole"));
}
END_TEST

START_TEST(a_device_that_lost_its_blocks_is_tried_again)
{
        testbed_hold(MOCK_DAX, 1);
        start_with("retry = { delay = \"3s\"; };\n");
        unplug();
        testbed_set_fault(MOCK_DAX, ENOMEM, 1, 0);
        testbed_let_go(MOCK_DAX);
        wait_for(daemon_logged("dax0.0 has no blocks now"));
        ck_assert(testbed_reads(KEPT, "dax0.0 movable"));

        /* Other memory does not wait for it. */
        testbed_hold(MOCK_DAX, 1);
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_count_status("done") == 1);
        wait_for(testbed_is_waiting(MOCK_DAX));
        add_blocks("Movable");
        wait_for(bus_count_status("pending") == N);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_status("done") == N + 1);
        ck_assert_uint_eq(testbed_count_writes("dax0.0 unplugged 0"), 2);
        wait_for(!testbed_reads(KEPT, "dax0.0 movable"));
}
END_TEST

START_TEST(a_device_that_lost_its_blocks_is_told_with_the_way_to_have_them_back)
{
        testbed_hold(MOCK_DAX, 1);
        start_with("retry = { delay = \"10ms\"; attempts = 2; };\n");
        unplug();
        testbed_set_fault(MOCK_DAX, ENOMEM, 99, 0);
        testbed_let_go(MOCK_DAX);
        wait_for(daemon_logged("dax0.0 has no blocks now: its state took \"unplugged\", but not "
                               "\"online_movable\""));
        wait_for(daemon_logged("dax0.0 has lost its blocks: its state took \"unplugged\", but not "
                               "\"online_movable\""));

        /* Who follows that has it online. */
        testbed_write(STATE, "online_movable");
        add_blocks("Movable");
        wait_for(bus_count_status("external") == N);
}
END_TEST

START_TEST(a_device_that_is_offline_as_a_whole_again_is_unplugged)
{
        daemon_start();
        testbed_write(STATE, "online_movable");
        add_blocks("Movable");
        wait_for(bus_count_status("external") == N);
        (void) bus_request_blocks("Offline", FIRST, FIRST);
        ck_assert(strstr(bus_error_message(), "is a part of dax0.0") != NULL);
        ck_assert_str_ne(bus_request_blocks("Offline", FIRST, FIRST + N - 1), "");
        wait_for(testbed_count_writes("dax0.0 unplugged 0") == 1);
        ck_assert_uint_eq(testbed_count_writes("memory33 offline 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        wait_for(daemon_logged("Unplugged dax0.0, all of which is offline"));
}
END_TEST

START_TEST(a_device_that_another_process_took_offline_keeps_its_blocks)
{
        daemon_start();
        testbed_write(STATE, "online_movable");
        add_blocks("Movable");
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_count_status("external") == N && bus_count_status("done") == 1);
        for (unsigned i = 0; i < N; i++)
                testbed_set_block(FIRST + i, NULL);
        testbed_events("offline", FIRST, N);
        wait_for(bus_count_status("offlined") == N);
        ck_assert_str_ne(bus_request_blocks("Offline", 64, 64), "");
        wait_for(bus_count_status("offlined") == N + 1 && bus_count_jobs() == 0);
        /* A write to the device would have come before this. */
        testbed_add_dimm(80, 1, 0);
        wait_for(bus_block_is(80, "done"));
        ck_assert_uint_eq(testbed_count_writes("memory64 offline 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 0);
}
END_TEST

START_TEST(a_device_whose_blocks_were_onlined_one_by_one_keeps_them)
{
        testbed_set_fault(MOCK_DAX, EBUSY, 1, 0);
        start();
        wait_for(bus_count_status("done") == N);
        ck_assert_str_ne(bus_request_blocks("Offline", FIRST, FIRST + N - 1), "");
        wait_for(bus_count_status("offlined") == N && bus_count_jobs() == 0);
        /* A write to the device would have come before this. */
        testbed_add_dimm(80, 1, 0);
        wait_for(bus_block_is(80, "done"));
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        ck_assert(testbed_reads(STATE, "offline"));
}
END_TEST

START_TEST(a_device_that_was_unplugged_when_memoryd_ended_is_brought_back)
{
        testbed_make_folder("root/run/memoryd/state");
        testbed_write(KEPT, "dax0.0 movable");
        testbed_write(STATE, "unplugged");
        testbed_hold(MOCK_DAX, 1);
        daemon_start();
        wait_for(testbed_is_waiting(MOCK_DAX));
        add_blocks("Movable");
        wait_for(bus_count_status("pending") == N);
        testbed_let_go(MOCK_DAX);
        wait_for(testbed_count_writes("dax0.0 online_movable 0") == 1);
        wait_for(bus_count_status("done") == N);
        ck_assert_str_eq(bus_explain(FIRST, "OnlinedBy"), "memoryd");
        ck_assert(daemon_logged("memoryd ended while dax0.0 was unplugged"));
        ck_assert(!testbed_reads(KEPT, "dax0.0 movable"));
}
END_TEST

static const struct {
        const char *kept, *state;
} kept_cases[] = {
        { "dax0.0 movable", "offline" },     { "dax0.0 leave", "unplugged" },
        { "dax0.0 none", "unplugged" },      { "dax0.0", "unplugged" },
        { "../dax0.0 kernel", "unplugged" }, { "", "unplugged" },
};

START_TEST(nothing_else_is_brought_back)
{
        testbed_make_folder("root/run/memoryd/state");
        testbed_write(KEPT, kept_cases[_i].kept);
        testbed_write(STATE, kept_cases[_i].state);
        daemon_start();
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_count_status("done") == 1);
        ck_assert_uint_eq(testbed_count_writes("dax"), 0);
        ck_assert(!testbed_reads(KEPT, kept_cases[_i].kept));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("dax");
        TCase *tcase = fixture_case(suite, "dax");

        tcase_add_test(tcase, a_device_of_one_class_is_onlined_with_one_write);
        tcase_add_test(tcase, blocks_that_stay_offline_are_written_one_by_one);
        tcase_add_test(tcase, a_device_that_cannot_be_unplugged_is_onlined_block_by_block);
        tcase_add_test(tcase, a_device_that_lost_its_blocks_is_tried_again);
        tcase_add_test(tcase, a_device_that_lost_its_blocks_is_told_with_the_way_to_have_them_back);
        tcase_add_test(tcase, a_device_that_is_offline_as_a_whole_again_is_unplugged);
        tcase_add_test(tcase, a_device_that_another_process_took_offline_keeps_its_blocks);
        tcase_add_test(tcase, a_device_whose_blocks_were_onlined_one_by_one_keeps_them);
        tcase_add_test(tcase, a_device_that_was_unplugged_when_memoryd_ended_is_brought_back);
        tcase_add_loop_test(tcase, nothing_else_is_brought_back, 0, ELEMENTSOF(kept_cases));
        return check_main(suite);
}
