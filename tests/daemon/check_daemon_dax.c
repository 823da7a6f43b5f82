/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Dax devices that memoryd onlines as a whole. The mock takes the words, the test plays what becomes of blocks. */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <signal.h>
#include <stdio.h>

#define FIRST 32
#define N 2
#define STATE "sys/bus/dax/devices/dax0.0/state"
#define KEPT "root/run/memoryd/state/dax"
#define KMEM "sys/bus/dax/drivers/kmem/"

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

static void remove_blocks(void)
{
        testbed_events("remove", FIRST, N);
        testbed_remove_blocks(FIRST, N);
        wait_for(bus_count_blocks() == 8);
}

/* Lets the device go as the kernel does when it takes "unplugged". The next word waits. */
static void unplug(void)
{
        wait_for(testbed_is_waiting(MOCK_DAX));
        ck_assert_uint_eq(testbed_count_writes("dax0.0 unplugged 0"), 1);
        remove_blocks();
}

/* Starts with a device that its owner has onlined. */
static void start_online(void)
{
        daemon_start();
        testbed_write(STATE, "online_movable");
        add_blocks("Movable");
        wait_for(bus_count_status("external") == N);
}

/* Asks for the device in a class, or in that of the policy. */
static void request(const char *method, const char *zone)
{
        const char *job =
                zone ? bus_request(method, 2, "Device", "s", "dax0.0", "Zone", "s", zone) :
                       bus_request(method, 1, "Device", "s", "dax0.0");

        ck_assert_msg(*job, "%s", bus_error_message());
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

START_TEST(a_preview_does_not_look_at_devices_during_a_write)
{
        char *before;

        testbed_hold(MOCK_DAX, 1);
        start_with("");
        wait_for(testbed_is_waiting(MOCK_DAX));
        before = strdup(bus_list_devices());
        ck_assert_ptr_nonnull(strstr(before, "dax0.0"));
        testbed_write(STATE, "online_kernel");
        (void) bus_preview("online", 1, "Device", "s", "dax0.0");
        ck_assert_str_eq(bus_list_devices(), before);
        free(before);
        testbed_let_go(MOCK_DAX);
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
        testbed_hold(MOCK_DAX, 0);
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_count_status("done") == 1);
        wait_for(testbed_is_waiting(MOCK_DAX));
        add_blocks("Movable");
        wait_for(bus_count_status("pending") == N);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_status("done") == N + 1);
        ck_assert_uint_eq(testbed_count_writes("dax0.0 unplugged 0"), 1);
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

START_TEST(a_device_that_is_offline_as_a_whole_again_gets_that_state)
{
        testbed_write(KMEM "unbind", "");
        testbed_write(KMEM "bind", "");
        daemon_set_config("rules = ({ origin = \"kmem\"; zone = \"movable\"; });\n");
        start_online();
        (void) bus_request_blocks("Offline", FIRST, FIRST);
        ck_assert(strstr(bus_error_message(), "is a part of dax0.0") != NULL);

        testbed_hold(MOCK_DAX, 2);
        ck_assert_str_ne(bus_request_blocks("Offline", FIRST, FIRST + N - 1), "");
        unplug();
        ck_assert_uint_eq(testbed_count_writes("memory33 offline 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("dax0.0 unbind 0"), 1);
        ck_assert(testbed_reads(KEPT, "dax0.0 none"));
        add_blocks(NULL);
        wait_for(bus_count_blocks() == 8 + N);
        /* The job goes on until other programs can use the device. */
        ck_assert_uint_eq(bus_count_jobs(), 1);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(bus_count_status("offlined"), N);
        ck_assert(testbed_reads(STATE, "offline"));
        ck_assert(!testbed_reads(KEPT, "dax0.0 none"));
        ck_assert(daemon_logged("All of dax0.0 is offline, and its state is \"offline\""));

        /* No rule brings it back. */
        testbed_add_dimm(80, 1, 0);
        wait_for(bus_block_is(80, "done"));
        ck_assert_uint_eq(bus_count_status("offlined"), N);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 3);
}
END_TEST

START_TEST(a_device_whose_driver_cannot_be_bound_again_stays_unplugged)
{
        start_online();
        testbed_hold(MOCK_DAX, 0);
        request("Offline", NULL);
        wait_for(testbed_is_waiting(MOCK_DAX));
        remove_blocks();
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_jobs() == 0);
        ck_assert(testbed_reads(STATE, "unplugged"));
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        ck_assert(daemon_logged("Cannot bring the state of dax0.0, all of which is offline, to "
                                "\"offline\" (No such file or directory): it is \"unplugged\""));
}
END_TEST

START_TEST(a_device_that_was_being_taken_offline_when_memoryd_ended_stays_so)
{
        testbed_make_folder("root/run/memoryd/state");
        testbed_write(KEPT, "dax0.0 none");
        testbed_write(STATE, "offline");
        daemon_set_config("rules = ({ origin = \"kmem\"; zone = \"movable\"; });\n");
        add_blocks(NULL);
        daemon_start();
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_count_status("done") == 1);
        ck_assert_uint_eq(bus_count_status("offlined"), N);
        ck_assert(!testbed_reads(KEPT, "dax0.0 none"));
}
END_TEST

/* Starts with a device that a rule leaves, and that has this state; "unplugged": without blocks. */
static void start_left(const char *state, const char *settings)
{
        char text[256];

        snprintf(text, sizeof(text), "rules = ({ origin = \"kmem\"; zone = \"leave\"; });\n%s",
                 settings);
        daemon_set_config(text);
        testbed_write("sys/bus/dax/devices/dax0.0/size", "12000000");
        testbed_write("sys/bus/dax/devices/dax0.0/target_node", "0");
        testbed_write(STATE, state);
        daemon_start();
        if (strcmp(state, "unplugged") == 0)
                return;
        add_blocks(NULL);
        wait_for(bus_count_status("left") == N);
}

START_TEST(a_request_for_all_of_a_device_is_one_write)
{
        start_left("offline", "");
        testbed_hold(MOCK_DAX, 1);
        request("Online", _i ? "movable" : NULL);
        unplug();
        add_blocks("Movable");
        wait_for(bus_count_blocks() == 8 + N);
        ck_assert_uint_eq(bus_count_jobs(), 1);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(bus_count_status(_i ? "requested" : "done"), N);
        ck_assert_uint_eq(testbed_count_writes("memory"), 0);
        ck_assert(testbed_reads(STATE, "online_movable"));
        ck_assert_str_eq(bus_explain(FIRST, "OnlinedBy"), "memoryd");
        ck_assert(daemon_logged("Brought 2 blocks (8M) of device dax0.0 online"));
}
END_TEST

START_TEST(a_request_for_a_part_of_a_device_is_for_its_blocks)
{
        start_left("offline", "");
        ck_assert_str_ne(bus_request_blocks("Online", FIRST, FIRST), "");
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 0);
        ck_assert_uint_eq(testbed_count_writes("memory32"), 1);
}
END_TEST

START_TEST(a_request_goes_on_with_blocks_that_the_device_did_not_online)
{
        start_left("offline", "");
        testbed_set_fault(MOCK_DAX, EBUSY, 1, 0);
        request("Online", "movable");
        wait_for(bus_count_status("requested") == N && bus_count_jobs() == 0);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory32 online_movable 0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory33 online_movable 0"), 1);
        ck_assert(daemon_logged("Cannot online dax0.0 as a whole"));
        ck_assert(daemon_logged("the state of its device could not be written as asked (EBUSY)"));
}
END_TEST

START_TEST(a_request_finds_an_unplugged_device)
{
        start_left("unplugged", "");
        testbed_hold(MOCK_DAX, 0);
        request("Online", _i ? "kernel" : NULL);
        wait_for(testbed_is_waiting(MOCK_DAX));
        add_blocks(_i ? "Normal" : "Movable");
        wait_for(bus_count_blocks() == 8 + N);
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(bus_count_status(_i ? "requested" : "done"), N);
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 1);
        ck_assert_uint_eq(testbed_count_writes("memory"), 0);
        ck_assert(testbed_reads(STATE, _i ? "online_kernel" : "online_movable"));
        ck_assert(daemon_logged("Brought 2 blocks (8M) of device dax0.0 online"));
}
END_TEST

START_TEST(a_request_that_an_unplugged_device_cannot_carry_out_is_refused)
{
        static const char *const others[] = { "dax1.0", "../devices/dax0.0", "dax0.0/" };

        start_left("unplugged", "");
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                ck_assert_str_eq(bus_request("Online", 1, "Device", "s", others[i]), "");
                ck_assert_ptr_nonnull(strstr(bus_error_message(), "there is no device"));
        }
        ck_assert_str_eq(bus_request("Offline", 1, "Device", "s", "dax0.0"), "");

        /* The word would not be that of all blocks. */
        daemon_set_config("rules = ({ origin = \"kmem\"; zone = \"auto\"; });\n"
                          "whole_device = false;\nmin_kernel = \"36M\";\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert_str_eq(bus_request("Online", 1, "Device", "s", "dax0.0"), "");
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "dax0.0 has no blocks, and the policy "
                                                          "has several classes for its memory"));
        ck_assert_uint_eq(testbed_count_writes("dax0.0"), 0);
}
END_TEST

START_TEST(a_request_for_an_unplugged_device_that_stays_so_fails)
{
        start_left("unplugged", "retry = { delay = \"10ms\"; attempts = 2; };\n");
        testbed_set_fault(MOCK_DAX, ENOMEM, 99, 0);
        request("Online", "kernel");
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(testbed_count_writes("dax0.0 online_kernel"), 2);
        ck_assert(daemon_logged("the state of its device could not be written as asked (ENOMEM)"));

        /* The next one is another attempt. */
        testbed_set_fault(MOCK_DAX, 0, 0, 0);
        testbed_hold(MOCK_DAX, 0);
        request("Online", "kernel");
        wait_for(testbed_is_waiting(MOCK_DAX));
        add_blocks("Normal");
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_status("requested") == N);
}
END_TEST

START_TEST(a_job_that_waits_for_a_device_can_be_cancelled)
{
        char job[64];

        start_left("unplugged", "");
        testbed_hold(MOCK_DAX, 0);
        ck_assert_str_eq(bus_preview("online", 2, "Device", "s", "dax0.0", "Zone", "s", "movable"),
                         "node 0 none->movable (2 of 10, 0 movable)\n");
        strcpy(job, bus_request("Online", 1, "Device", "s", "dax0.0"));
        wait_for(testbed_is_waiting(MOCK_DAX));
        ck_assert_str_eq(bus_cancel(job), "");
        ck_assert_uint_eq(bus_count_jobs(), 1);
        add_blocks("Movable");
        testbed_let_go(MOCK_DAX);
        wait_for(bus_count_jobs() == 0);
        ck_assert_uint_eq(bus_count_status("done"), N);
}
END_TEST

/* With the write under way, or between two attempts. */
START_TEST(a_job_that_waits_for_a_device_does_not_keep_memoryd_from_its_end)
{
        start_left("unplugged", "");
        if (_i)
                testbed_set_fault(MOCK_DAX, ENOMEM, 1, 0);
        else
                testbed_hold(MOCK_DAX, 0);
        request("Online", NULL);
        wait_for(_i ? daemon_logged("trying again") : testbed_is_waiting(MOCK_DAX));
        kill(daemon_pid(), SIGTERM);
        wait_for(daemon_notified("STOPPING=1"));
        if (!_i)
                testbed_let_go(MOCK_DAX);
        ck_assert_int_eq(daemon_wait(), 0);
}
END_TEST

START_TEST(movable_memory_of_a_device_comes_after_other_blocks)
{
        char line[64];

        daemon_set_config("rules = ({ zone = \"leave\"; });\n");
        daemon_start();
        testbed_write(STATE, "offline");
        add_blocks(NULL);
        testbed_add_dimm(64, 2, 0);
        wait_for(bus_count_status("left") == 2 + N);
        daemon_set_config(_i ? "rules = ({ origin = \"kmem\"; zone = \"kernel\"; },"
                               "         { zone = \"movable\"; });\n" :
                               "rules = ({ origin = \"kmem\"; zone = \"movable\"; },"
                               "         { zone = \"kernel\"; });\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(testbed_count_writes("") >= 4);
        ck_assert(testbed_get_write(_i ? 0 : 2, line));
        ck_assert_str_eq(line, "dax0.0 unplugged 0\n");
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
        testbed_hold(MOCK_DAX, 0);
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
        tcase_add_test(tcase, a_preview_does_not_look_at_devices_during_a_write);
        tcase_add_test(tcase, a_device_that_lost_its_blocks_is_tried_again);
        tcase_add_test(tcase, a_device_that_lost_its_blocks_is_told_with_the_way_to_have_them_back);
        tcase_add_test(tcase, a_device_that_is_offline_as_a_whole_again_gets_that_state);
        tcase_add_test(tcase, a_device_whose_driver_cannot_be_bound_again_stays_unplugged);
        tcase_add_test(tcase, a_device_that_was_being_taken_offline_when_memoryd_ended_stays_so);
        tcase_add_loop_test(tcase, a_request_for_all_of_a_device_is_one_write, 0, 2);
        tcase_add_test(tcase, a_request_for_a_part_of_a_device_is_for_its_blocks);
        tcase_add_test(tcase, a_request_goes_on_with_blocks_that_the_device_did_not_online);
        tcase_add_loop_test(tcase, a_request_finds_an_unplugged_device, 0, 2);
        tcase_add_test(tcase, a_request_that_an_unplugged_device_cannot_carry_out_is_refused);
        tcase_add_test(tcase, a_request_for_an_unplugged_device_that_stays_so_fails);
        tcase_add_test(tcase, a_job_that_waits_for_a_device_can_be_cancelled);
        tcase_add_loop_test(tcase, a_job_that_waits_for_a_device_does_not_keep_memoryd_from_its_end,
                            0, 2);
        tcase_add_loop_test(tcase, movable_memory_of_a_device_comes_after_other_blocks, 0, 2);
        tcase_add_test(tcase, a_device_that_another_process_took_offline_keeps_its_blocks);
        tcase_add_test(tcase, a_device_whose_blocks_were_onlined_one_by_one_keeps_them);
        tcase_add_test(tcase, a_device_that_was_unplugged_when_memoryd_ended_is_brought_back);
        tcase_add_loop_test(tcase, nothing_else_is_brought_back, 0, ELEMENTSOF(kept_cases));
        return check_main(suite);
}
