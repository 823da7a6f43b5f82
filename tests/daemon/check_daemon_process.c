/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

/* The whole of memoryd as a process: starts, ends and crashes, and what it keeps and leaves to the kernel. */

#define DIMM 32        /* the first block of what is added */
#define DIMM_BLOCKS 16 /* of which a ratio of 3 makes 4 kernel memory */
#define HANDED_OVER 8  /* blocks that the actuator has at the most, ACTUATOR_WINDOW */
#define BYTES(blocks) ((blocks) *TESTBED_BLOCK_BYTES)

/* Policy of the daemon itself */

START_TEST(blocks_found_offline_at_start_are_onlined)
{
        testbed_add_node(1, true);
        testbed_add_blocks(DIMM, DIMM_BLOCKS);
        testbed_link_blocks(DIMM, DIMM_BLOCKS, 1);
        daemon_start();
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
}
END_TEST

START_TEST(blocks_found_offline_at_start_are_left_when_told_so)
{
        testbed_add_blocks(DIMM, 4);
        testbed_link_blocks(DIMM, 4, 0);
        daemon_set_config("coldplug = \"leave\";\n");
        daemon_start();
        ck_assert_uint_eq(bus_count_status("left"), 4);
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        testbed_add_dimm(80, 4, 0);
        wait_for(bus_count_status("done") == 8);
        ck_assert_uint_eq(bus_count_status("left"), 4);
        ck_assert_uint_eq(testbed_count_writes(""), 8);
}
END_TEST

START_TEST(a_rule_leaves_blocks_until_it_is_gone)
{
        daemon_set_config("rules = ({ name = \"spare\"; node = 1; zone = \"leave\"; });\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, 4, 1);
        wait_for(bus_count_status("left") == 4);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "spare");
        ck_assert_str_eq(bus_get_block(DIMM).decision, "leave");
        ck_assert_uint_eq(testbed_count_writes(""), 0);

        daemon_set_config("rules = ();\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(bus_count_status("done") == 4);
}
END_TEST

/* What the last memoryd knew */

#define REMEMBERED "root/run/memoryd/state/blocks"

static void kill_daemon(void)
{
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
}

/*
 * Movable memory that another program made kernel memory: `keep` has it kernel memory again, where `auto`
 * would have it movable.
 */
static void begin_keeping(void)
{
        daemon_set_config("rules = ({ name = \"same\"; zone = \"keep\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        testbed_assert_zones(DIMM, 0, 2);
        testbed_set_block(DIMM, NULL);
        testbed_event("offline", "memory32");
        wait_for(bus_block_is(DIMM, "offlined"));
        testbed_set_block(DIMM, "Normal");
        testbed_event("online", "memory32");
        wait_for(bus_block_is(DIMM, "foreign"));
}

/* It went offline while there was no memoryd: nobody has asked for that. */
static void assert_kept(void)
{
        testbed_set_block(DIMM, NULL);
        daemon_start();
        wait_for(bus_block_is(DIMM, "done"));
        ck_assert(testbed_block_is(DIMM, "online", "Normal"));
        ck_assert_str_eq(bus_get_block(DIMM).rule, "same");
        ck_assert(!daemon_logged("ignoring"));
}

START_TEST(the_class_to_keep_outlives_memoryd)
{
        begin_keeping();
        daemon_stop();
        assert_kept();
        ck_assert_str_eq(bus_explain(DIMM + 1, "OnlinedBy"), "memoryd");
        ck_assert_ptr_nonnull(bus_explain(DIMM + 1, "OnlinedUSec"));
        ck_assert_str_eq(bus_explain(0, "OnlinedBy"), "none");
}
END_TEST

/* Written while it runs, a second at the most after what it is about. */
START_TEST(the_class_to_keep_outlives_a_memoryd_that_is_killed)
{
        char end[64];

        begin_keeping();
        snprintf(end, sizeof(end), " kernel other %s none", bus_explain(DIMM, "OnlinedUSec"));
        wait_for(testbed_has_line(REMEMBERED, "32 ", end));
        kill_daemon();
        assert_kept();
}
END_TEST

static void take_offline(void)
{
        testbed_set_block(DIMM, NULL);
        testbed_event("offline", "memory32");
        wait_for(bus_block_is(DIMM, "offlined"));
}

static void assert_offlined(void)
{
        daemon_start();
        wait_for(bus_block_is(DIMM, "offlined"));
        ck_assert(bus_block_is(DIMM + 1, "initial"));
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        wait_for(bus_block_is(DIMM, "offlined"));
        ck_assert(testbed_block_is(DIMM, "offline", "Normal Movable"));
        ck_assert(!daemon_logged("ignoring"));
}

START_TEST(what_another_program_took_offline_stays_so_after_memoryd)
{
        begin_keeping();
        take_offline();
        daemon_stop();
        assert_offlined();
        daemon_stop();
        assert_offlined();
}
END_TEST

START_TEST(what_another_program_took_offline_stays_so_after_a_memoryd_that_is_killed)
{
        begin_keeping();
        take_offline();
        wait_for(testbed_has_line(REMEMBERED, "32 ", " kernel none 0 other"));
        kill_daemon();
        assert_offlined();
}
END_TEST

START_TEST(a_block_that_came_back_meanwhile_has_no_class_to_keep)
{
        begin_keeping();
        daemon_stop();
        testbed_remove_blocks(DIMM, 2);
        testbed_add_blocks(DIMM, 2);
        testbed_link_blocks(DIMM, 2, 0);
        daemon_start();
        wait_for(bus_count_status("done") == 2);
        testbed_assert_zones(DIMM, 0, 2);
}
END_TEST

START_TEST(what_is_kept_of_blocks_and_damaged_is_named_and_ignored)
{
        static const char *const texts[] = {
                NULL, /* as it is, but for its end */
                "memoryd blocks 2",
                "memoryd blocks 3\nend 0",
                "memoryd blocks 2\n32 1 kernel none 0 none\nend 2",
                "",
        };

        begin_keeping();
        daemon_stop();
        testbed_cut(REMEMBERED, 1);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                testbed_set_block(DIMM, NULL);
                if (texts[i])
                        testbed_write(REMEMBERED, texts[i]);
                daemon_start();
                ck_assert_uint_eq(daemon_count_logged("/root/run/memoryd/state/blocks is damaged "
                                                      "or of another version, ignoring"),
                                  i + 1);
                wait_for(bus_block_is(DIMM, "done"));
                ck_assert(testbed_block_is(DIMM, "online", "Movable"));
                daemon_stop();
        }
        /* What is written then is right again. */
        daemon_start();
        ck_assert_uint_eq(daemon_count_logged("ignoring"), ELEMENTSOF(texts));
}
END_TEST

/* Notes */

START_TEST(a_reload_notes_nodes_that_are_not_there)
{
        testbed_write(TESTBED_NODE "/online", "0");
        testbed_write(TESTBED_NODE "/possible", "0-3");
        daemon_set_config("rules = ({ node = 0; zone = \"kernel\"; });\n");
        daemon_start();
        ck_assert(!daemon_logged("note: "));
        daemon_set_config("rules = (\n{ node = [0, 3]; zone = \"kernel\"; },\n"
                          "{ distance = { from = 7; min = 20; }; zone = \"kernel\"; });\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert_uint_eq(
                daemon_count_logged(
                        "memoryd.conf:2: note: 'rules.node': this machine has no node 3 yet"),
                1);
        ck_assert_uint_eq(
                daemon_count_logged("memoryd.conf:3: note: 'rules.distance.from': this "
                                    "machine has no node 7 and cannot get 7 without a reboot"),
                1);
        ck_assert_uint_eq(daemon_count_logged("note: "), 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
}
END_TEST

/* The loader takes the first file of this name, and cannot load it. */
START_TEST(a_missing_libnuma_is_told_once_and_distances_come_from_sysfs)
{
        static char variable[PATH_MAX];

        testbed_write("library/libnuma.so.1", "no library");
        snprintf(variable, sizeof(variable), "LD_LIBRARY_PATH=%.3000s/library", testbed_dir());
        testbed_write(TESTBED_NODE "/node0/distance", "10");
        daemon_set_config("rules = ({ name = \"far\"; distance = { from = 0; min = 31; };\n"
                          "           zone = \"kernel\"; });\n");
        daemon_spawn(NULL, variable);
        wait_for(daemon_notified("READY=1") && bus_has_memoryd());
        ck_assert_str_eq(bus_verify("VerifyNotes"), "library: libnuma\n");

        testbed_write(TESTBED_NODE "/node0/distance", "10 31");
        testbed_add_node(1, true);
        testbed_write(TESTBED_NODE "/node1/distance", "31 10");
        testbed_add_dimm(DIMM, 4, 1);
        wait_for(bus_count_status("done") == 4);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "far");
        testbed_assert_zones(DIMM, 4, 0);
        ck_assert_uint_eq(daemon_count_logged("Cannot load libnuma"), 1);
}
END_TEST

/* A burst that still grows holds the plan back, and with it what the new policy has to say. */
START_TEST(a_reload_stops_what_was_decided_before_it)
{
        unsigned n;

        daemon_set_config("settle = \"1s\";\n");
        daemon_start();
        testbed_hold(DIMM + 1, 0); /* one of the first */
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(testbed_count_writes("") > 0);
        testbed_add_blocks(100, 1);
        testbed_events("add", 100, 1);
        wait_for(bus_block_is(100, "waiting"));

        daemon_set_config("settle = \"1s\";\nrules = ({ zone = \"leave\"; });\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        n = testbed_count_writes("");
        testbed_let_go(DIMM + 1);
        wait_for(bus_count_status("left") > 0 && bus_count_status("writing") == 0);
        ck_assert_uint_le(testbed_count_writes(""), n + HANDED_OVER);
        ck_assert_uint_lt(testbed_count_writes(""), DIMM_BLOCKS);
}
END_TEST

/* The kernel's own onlining */

static bool auto_online_is(const char *word)
{
        return testbed_reads(TESTBED_MEMORY "/auto_online_blocks", word);
}

static int run_with(const char *option)
{
        daemon_spawn(option, NULL);
        return daemon_wait();
}

/* memoryd takes "online" over and is killed: the kernel stays off until an administrator puts it back. */
static void crash_after_take_over(void)
{
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "online");
        daemon_start();
        wait_for(auto_online_is("offline"));
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
        ck_assert(auto_online_is("offline"));
}

START_TEST(auto_onlining_is_taken_over_and_put_back_at_the_end)
{
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "online_movable");
        daemon_start();
        wait_for(auto_online_is("offline"));
        wait_for(strcmp(bus_get_text(MANAGER_PATH, MANAGER, "KernelAutoOnline"), "offline") == 0);
        daemon_stop();
        ck_assert(auto_online_is("online_movable"));
}
END_TEST

/* The balloons of Hyper-V and Xen wait for their memory to come online. */
static void add_balloon(int number)
{
        char path[PATH_MAX];

        if (number == 1) {
                testbed_write("sys/hypervisor/type", "xen");
                return;
        }
        testbed_make_folder("sys/bus/vmbus/drivers/hv_balloon");
        snprintf(path, sizeof(path), "%s/sys/bus/vmbus/drivers/hv_balloon/balloon", testbed_dir());
        ck_assert_int_eq(symlink("../../../../devices/vmbus/balloon", path), 0);
}

START_TEST(what_a_rule_leaves_is_onlined_where_the_kernel_would)
{
        static const char *const words[] = { "online", "online_movable", "offline" };

        add_balloon(_i);
        daemon_set_config(
                "rules = ({ name = \"balloon\"; origin = \"balloon\"; zone = \"leave\"; });");
        for (unsigned i = 0; i < ELEMENTSOF(words); i++) {
                testbed_write(TESTBED_MEMORY "/auto_online_blocks", words[i]);
                daemon_start();
                wait_for(auto_online_is("offline"));
                testbed_add_dimm(DIMM + i, 1, 0);
                wait_for(bus_block_is(DIMM + i, i < 2 ? "done" : "left"));
                ck_assert_int_eq(!strstr(bus_explain(DIMM + i, "Reason"),
                                         "without memoryd, the kernel would online it so"),
                                 i == 2);
                daemon_stop();
        }
        ck_assert(testbed_block_is(DIMM, "online", "Normal"));
        ck_assert(testbed_block_is(DIMM + 1, "online", "Movable"));
}
END_TEST

START_TEST(what_came_before_a_crash_is_onlined_after_it)
{
        add_balloon(_i);
        daemon_set_config(
                "rules = ({ name = \"balloon\"; origin = \"balloon\"; zone = \"leave\"; });");
        crash_after_take_over();
        testbed_add_blocks(DIMM, 1);
        testbed_link_blocks(DIMM, 1, 0);
        daemon_start();
        wait_for(bus_block_is(DIMM, "done"));
}
END_TEST

/* Runs what systemd runs after memoryd, with what systemd tells of its end. */
static void after_stop(const char *result, const char *code, const char *status)
{
        setenv("SERVICE_RESULT", result, true);
        setenv("EXIT_CODE", code, true);
        setenv("EXIT_STATUS", status, true);
        ck_assert_int_eq(run_with("--after-stop"), 0);
}

static const struct {
        const char *result, *code, *status;
} final_ends[] = {
        { "success", "exited", "0" },    { "success", "killed", "TERM" },
        { "exit-code", "exited", "1" },  { "exit-code", "exited", "2" },
        { "exit-code", "exited", "69" }, { "timeout", "killed", "KILL" },
};

START_TEST(the_kernel_goes_on_when_memoryd_does_not_come_back)
{
        crash_after_take_over();
        after_stop(final_ends[_i].result, final_ends[_i].code, final_ends[_i].status);
        ck_assert(auto_online_is("online"));
        ck_assert_uint_eq(daemon_count_logged("Put auto_online_blocks back"), 1);
}
END_TEST

/* It is killed while it waits for a write to end. */
START_TEST(a_crash_after_a_request_to_stop_leaves_the_kernel_its_setting)
{
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "online");
        daemon_start();
        wait_for(auto_online_is("offline"));
        testbed_hold(DIMM, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(testbed_is_waiting(DIMM));
        ck_assert_int_ge(kill(daemon_pid(), SIGTERM), 0);
        wait_for(testbed_has_line("root/run/memoryd/state/crashes", "stopping", ""));
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        testbed_let_go(DIMM);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
        after_stop("signal", "killed", "KILL");
        ck_assert(auto_online_is("online"));
}
END_TEST

START_TEST(a_memoryd_that_crashes_again_and_again_waits_and_leaves_the_kernel_to_it)
{
        crash_after_take_over();
        for (unsigned i = 0; i < 4; i++) {
                after_stop("core-dump", "dumped", "SEGV");
                ck_assert(auto_online_is("offline"));
        }
        after_stop("exit-code", "exited", "70");
        ck_assert(auto_online_is("online"));

        daemon_start();
        ck_assert(daemon_logged("memoryd ended unexpectedly 5 times in a row, and starts in 1 s"));
        wait_for(auto_online_is("offline"));
        daemon_stop();
        after_stop("success", "exited", "0");
        daemon_start();
        ck_assert_uint_eq(daemon_count_logged("ended unexpectedly"), 1);
}
END_TEST

#define DAX_TREE                                                                                   \
        "leave_delay = \"1s\";"                                                                    \
        "rules = ({ name = \"kmem\"; origin = \"kmem\"; zone = \"leave\"; });"

START_TEST(a_dax_device_is_onlined_after_a_delay)
{
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "online");
        daemon_set_config(DAX_TREE);
        daemon_start();
        wait_for(auto_online_is("offline"));
        testbed_add_iomem(DIMM, 2, "dax0.0");
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("left") == 2);
        wait_for(bus_count_status("done") == 2);
        ck_assert(testbed_block_is(DIMM, "online", "Normal"));
}
END_TEST

#define WORD_PATH "/sys/devices/system/memory/auto_online_blocks"
#define FOREIGN_LINE                                                                               \
        "Another process set auto_online_blocks to 'online_movable', leaving it so until "         \
        "\"memoryctl reload\""

static bool is_foreign(void)
{
        return strcmp(bus_get_text(MANAGER_PATH, MANAGER, "ForeignAutoOnline"), WORD_PATH) == 0;
}

/* Begins with "offline", as mock_kernel.c replaces the file that memoryd writes to, and so ends the watch. */
static void set_word_as_another_process(void)
{
        daemon_start();
        ck_assert(!is_foreign());
        testbed_overwrite(TESTBED_MEMORY "/auto_online_blocks", "online_movable");
        wait_for(is_foreign());
}

START_TEST(a_word_that_another_process_sets_stays_and_is_told_once)
{
        set_word_as_another_process();
        ck_assert_str_eq(bus_get_text(MANAGER_PATH, MANAGER, "KernelAutoOnline"), "online_movable");
        for (unsigned i = 0; i < 3; i++) {
                testbed_add_dimm(DIMM + i, 1, 0);
                wait_for(bus_block_is(DIMM + i, "done"));
        }
        ck_assert(auto_online_is("online_movable"));
        ck_assert_uint_eq(daemon_count_logged(FOREIGN_LINE), 1);
        daemon_stop();
        ck_assert(auto_online_is("online_movable"));
}
END_TEST

START_TEST(a_word_of_another_process_stays_across_a_restart_and_a_crash)
{
        set_word_as_another_process();
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
        for (int i = 0; i < 2; i++) {
                daemon_start();
                wait_for(is_foreign());
                ck_assert(auto_online_is("online_movable"));
                daemon_stop();
                ck_assert(auto_online_is("online_movable"));
        }
}
END_TEST

START_TEST(a_reload_takes_the_word_of_another_process_over)
{
        set_word_as_another_process();
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(auto_online_is("offline"));
        wait_for(!is_foreign());
        daemon_stop();
        ck_assert(auto_online_is("online_movable"));
}
END_TEST

START_TEST(a_word_that_is_put_back_is_controlled_again)
{
        set_word_as_another_process();
        testbed_overwrite(TESTBED_MEMORY "/auto_online_blocks", "offline");
        wait_for(!is_foreign());
}
END_TEST

START_TEST(a_word_that_memoryd_does_not_know_is_told_and_left_alone)
{
        daemon_start();
        testbed_overwrite(TESTBED_MEMORY "/auto_online_blocks", "online_somewhere");
        wait_for(daemon_logged("auto_online_blocks says 'online_somewhere', which memoryd does not "
                               "know, leaving it so"));
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "done"));
        daemon_stop();
        ck_assert(auto_online_is("online_somewhere"));
}
END_TEST

START_TEST(auto_onlining_is_put_back_when_a_start_after_a_crash_is_refused)
{
        crash_after_take_over();
        daemon_set_config("settle = true;\n");
        ck_assert_int_eq(run_with(NULL), 1);
        ck_assert(auto_online_is("online"));
}
END_TEST

START_TEST(auto_onlining_is_put_back_after_a_crash_and_a_new_start)
{
        crash_after_take_over();
        daemon_start();
        ck_assert(auto_online_is("offline"));
        daemon_stop();
        ck_assert(auto_online_is("online"));

        /* What was kept for that is used up. */
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "offline");
        daemon_start();
        daemon_stop();
        ck_assert(auto_online_is("offline"));
}
END_TEST

START_TEST(auto_onlining_is_left_alone_when_told_so)
{
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "online");
        daemon_set_config("kernel_auto_online = \"respect\";\n");
        daemon_start();
        ck_assert_str_eq(bus_get_text(MANAGER_PATH, MANAGER, "KernelAutoOnline"), "online");
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "done"));
        ck_assert(auto_online_is("online"));

        daemon_set_config("kernel_auto_online = \"take-over\";\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(auto_online_is("offline"));
        daemon_set_config("kernel_auto_online = \"respect\";\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(auto_online_is("online"));
        daemon_stop();
        ck_assert(auto_online_is("online"));
}
END_TEST

/* Memory left to the kernel */

#define NODE1_WORD TESTBED_NODE "/node1/auto_online_blocks"
#define OFFLOAD                                                                                    \
        "offload = \"uniform\"; rules = ({ name = \"far\"; node = 1; zone = \"movable\"; });\n"

/* Starts memoryd with node_auto_online on a machine whose kernel has auto_online of each node. */
static void start_offloading(const char *settings)
{
        char text[256];

        testbed_add_node(1, false);
        testbed_write(NODE1_WORD, "inherit");
        snprintf(text, sizeof(text), OFFLOAD "%s", settings);
        daemon_set_config(text);
        daemon_start();
        wait_for(testbed_reads(NODE1_WORD, "online_movable"));
        /* And memoryd knows by now that it is. */
        wait_for(strcmp(bus_get_text(MANAGER_PATH "/node/1", NODE, "KernelAutoOnline"),
                        "online_movable") == 0);
}

/* What the kernel does inside the adding. */
static void kernel_onlines(unsigned first, unsigned n)
{
        for (unsigned block = first; block < first + n; block++)
                testbed_set_block(block, "Movable");
        testbed_events("online", first, n);
}

START_TEST(a_node_with_one_answer_is_left_to_the_kernel)
{
        start_offloading("settle = \"1min\";\n");
        ck_assert(auto_online_is("offline"));
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        kernel_onlines(DIMM, DIMM_BLOCKS);
        wait_for(bus_count_status("external") == DIMM_BLOCKS);
        ck_assert(daemon_logged("The kernel onlined 16 blocks"));
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        daemon_stop();
        ck_assert(testbed_reads(NODE1_WORD, "inherit"));
}
END_TEST

START_TEST(what_the_kernel_leaves_is_onlined)
{
        start_offloading("settle = \"1min\"; log_level = \"debug\";\n");
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        kernel_onlines(DIMM, 3);
        /* No time is up before memoryd has heard of these. */
        wait_for(daemon_logged("Event 'online' for memory34"));
        daemon_set_config(OFFLOAD "settle = \"300ms\";\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(bus_count_status("done") == DIMM_BLOCKS - 3);
        ck_assert_uint_eq(bus_count_status("external"), 3);
        ck_assert(
                daemon_logged("The kernel left 13 blocks offline (memory35 first), onlining them"));
        ck_assert_uint_eq(testbed_count_writes(""), DIMM_BLOCKS - 3);
}
END_TEST

START_TEST(what_the_kernel_makes_otherwise_is_foreign)
{
        start_offloading("settle = \"1min\";\n");
        testbed_add_dimm(DIMM, 2, 1);
        testbed_set_block(DIMM, "Movable");
        testbed_set_block(DIMM + 1, "Normal");
        testbed_events("online", DIMM, 2);
        wait_for(bus_block_is(DIMM + 1, "foreign"));
        ck_assert(bus_block_is(DIMM, "external"));
}
END_TEST

START_TEST(another_node_is_not_left_to_the_kernel)
{
        start_offloading("settle = \"1min\";\n");
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "done"));
}
END_TEST

START_TEST(a_reload_takes_it_back)
{
        start_offloading("");
        daemon_set_config("");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(testbed_reads(NODE1_WORD, "inherit"));
        daemon_set_config(OFFLOAD);
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(testbed_reads(NODE1_WORD, "online_movable"));
        daemon_set_config("kernel_auto_online = \"respect\";" OFFLOAD);
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(testbed_reads(NODE1_WORD, "inherit"));
}
END_TEST

START_TEST(it_is_taken_back_after_a_crash_and_a_new_start)
{
        start_offloading("");
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
        ck_assert(testbed_reads(NODE1_WORD, "online_movable"));
        daemon_set_config("");
        daemon_start();
        wait_for(testbed_reads(NODE1_WORD, "inherit"));
}
END_TEST

START_TEST(a_node_that_onlines_by_itself_is_taken_over)
{
        testbed_add_node(1, false);
        testbed_write(NODE1_WORD, "online_kernel");
        daemon_start();
        wait_for(testbed_reads(NODE1_WORD, "inherit"));
        daemon_stop();
        ck_assert(testbed_reads(NODE1_WORD, "online_kernel"));
}
END_TEST

START_TEST(nodes_that_agree_are_left_to_the_kernel_with_one_word)
{
        daemon_set_config("offload = \"uniform\"; settle = \"1min\";\n"
                          "rules = ({ zone = \"movable\"; });\n");
        daemon_start();
        wait_for(auto_online_is("online_movable"));
        wait_for(strcmp(bus_get_text(MANAGER_PATH, MANAGER, "KernelAutoOnline"),
                        "online_movable") == 0);
        testbed_add_dimm(DIMM, 4, 0);
        kernel_onlines(DIMM, 4);
        wait_for(bus_count_status("external") == 4);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        daemon_stop();
        ck_assert(auto_online_is("offline"));
}
END_TEST

/* Ends */

START_TEST(without_its_actuator_memoryd_ends_to_be_restarted)
{
        daemon_start();
        ck_assert_int_ge(kill(daemon_actuator_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), 70);
        ck_assert(daemon_logged("The actuator is gone"));
        ck_assert_int_eq(daemon_wait_actuator(), -SIGKILL);
}
END_TEST

START_TEST(killed_in_the_middle_a_new_start_finishes_the_work)
{
        daemon_start();
        for (unsigned block = DIMM; block < DIMM + DIMM_BLOCKS; block++)
                testbed_set_fault(block, 0, 1, 20);
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(testbed_count_writes("") > 3);
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        (void) daemon_wait_actuator();
        daemon_start();
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "OnlineBytes") == BYTES(24));
        testbed_assert_zones(DIMM, 4, 12);
}
END_TEST

START_TEST(the_main_process_is_not_root)
{
        char path[32];
        struct stat st;

        daemon_start();
        snprintf(path, sizeof(path), "/proc/%d/task", daemon_pid());
        ck_assert_int_ge(stat(path, &st), 0);
        if (geteuid() == 0 && !getenv("MEMORYD_USER"))
                ck_assert_uint_ne(st.st_uid, 0);
        snprintf(path, sizeof(path), "/proc/%d/task", daemon_actuator_pid());
        ck_assert_int_ge(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_uid, geteuid());
}
END_TEST

/* Starts that fail */

START_TEST(a_broken_configuration_at_the_start_is_refused_with_all_faults)
{
        daemon_set_config("# one\nsettle = true;\nmin_kernal = 0;\n");
        daemon_set_config_file("memoryd.conf.d/10-more.conf", "coldplug = \"perhaps\";\n");
        ck_assert_int_eq(run_with(NULL), 1);
        ck_assert(daemon_logged("memoryd.conf:2: 'settle': expected "));
        ck_assert(daemon_logged("memoryd.conf:3: 'min_kernal': "));
        ck_assert(daemon_logged("10-more.conf:1: 'coldplug': expected "));
        ck_assert(!daemon_notified("READY=1"));
}
END_TEST

START_TEST(without_memory_blocks_memoryd_ends_for_good)
{
        char from[PATH_MAX], to[PATH_MAX];

        snprintf(from, sizeof(from), "%s/" TESTBED_MEMORY, testbed_dir());
        snprintf(to, sizeof(to), "%s/gone", testbed_dir());
        ck_assert_int_ge(rename(from, to), 0);
        ck_assert_int_eq(run_with(NULL), 69);
        ck_assert(daemon_logged("This kernel has no memory hotplug"));
}
END_TEST

START_TEST(a_block_size_of_nonsense_is_refused)
{
        testbed_write(TESTBED_MEMORY "/block_size_bytes", "400001");
        ck_assert_int_eq(run_with(NULL), 1);
        ck_assert(daemon_logged("Cannot start: "));
}
END_TEST

START_TEST(an_unknown_option_is_a_usage_error)
{
        ck_assert_int_eq(run_with("--frobnicate"), 2);
        ck_assert(daemon_logged("frobnicate"));
        ck_assert_int_eq(run_with("surplus"), 2);
        ck_assert(daemon_logged("unexpected argument 'surplus'"));
        ck_assert_int_eq(run_with("-xh"), 2);
        ck_assert(daemon_logged("bad option '-x', see memoryd --help"));
        ck_assert_int_eq(run_with("--user"), 2);
        ck_assert(daemon_logged("bad option '--user', see memoryd --help"));
        ck_assert_int_eq(run_with("--help=1"), 2);
        ck_assert(daemon_logged("bad option '--help=1', see memoryd --help"));
}
END_TEST

START_TEST(what_is_wrong_on_the_command_line_is_quoted_for_all_to_print)
{
        ck_assert_int_eq(run_with("--x\x1b[2J\xff"), 2);
        ck_assert(daemon_logged("bad option '--x?[2J?', see memoryd --help"));
        ck_assert_int_eq(run_with("-\x9b"), 2);
        ck_assert(daemon_logged("bad option '-?', see memoryd --help"));
        ck_assert_int_eq(run_with("--introspect=\x1b"), 2);
        ck_assert(daemon_logged("bad option '--introspect=?', see memoryd --help"));
}
END_TEST

START_TEST(an_unknown_user_is_named)
{
        if (geteuid() != 0)
                return;
        ck_assert_int_eq(run_with("--user=nosuchuser"), 1);
        ck_assert(daemon_logged("There is no user 'nosuchuser'"));
}
END_TEST

START_TEST(without_root_memoryd_says_so)
{
        if (geteuid() != 0)
                return;
        daemon_spawn_unprivileged();
        ck_assert_int_eq(daemon_wait(), 1);
        ck_assert(daemon_logged("Must be run as root"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon process");
        TCase *policy = fixture_case(suite, "policy");
        TCase *keep = fixture_case(suite, "keep");
        TCase *takeover = fixture_case(suite, "takeover");
        TCase *offload = fixture_case(suite, "offload");
        TCase *ends = fixture_case(suite, "ends");
        TCase *starts = fixture_case(suite, "starts");

        tcase_add_test(policy, blocks_found_offline_at_start_are_onlined);
        tcase_add_test(policy, blocks_found_offline_at_start_are_left_when_told_so);
        tcase_add_test(policy, a_rule_leaves_blocks_until_it_is_gone);
        tcase_add_test(policy, a_reload_stops_what_was_decided_before_it);

        tcase_add_test(policy, a_reload_notes_nodes_that_are_not_there);
        tcase_add_test(policy, a_missing_libnuma_is_told_once_and_distances_come_from_sysfs);

        tcase_add_test(keep, the_class_to_keep_outlives_memoryd);
        tcase_add_test(keep, the_class_to_keep_outlives_a_memoryd_that_is_killed);
        tcase_add_test(keep, what_another_program_took_offline_stays_so_after_memoryd);
        tcase_add_test(keep,
                       what_another_program_took_offline_stays_so_after_a_memoryd_that_is_killed);
        tcase_add_test(keep, a_block_that_came_back_meanwhile_has_no_class_to_keep);
        tcase_add_test(keep, what_is_kept_of_blocks_and_damaged_is_named_and_ignored);

        tcase_add_test(takeover, auto_onlining_is_taken_over_and_put_back_at_the_end);
        tcase_add_test(takeover, auto_onlining_is_put_back_after_a_crash_and_a_new_start);
        tcase_add_loop_test(takeover, what_a_rule_leaves_is_onlined_where_the_kernel_would, 0, 2);
        tcase_add_loop_test(takeover, what_came_before_a_crash_is_onlined_after_it, 0, 2);
        tcase_add_loop_test(takeover, the_kernel_goes_on_when_memoryd_does_not_come_back, 0,
                            ELEMENTSOF(final_ends));
        tcase_add_test(takeover, a_crash_after_a_request_to_stop_leaves_the_kernel_its_setting);
        tcase_add_test(takeover,
                       a_memoryd_that_crashes_again_and_again_waits_and_leaves_the_kernel_to_it);
        tcase_add_test(takeover, a_dax_device_is_onlined_after_a_delay);
        tcase_add_test(takeover, a_word_that_another_process_sets_stays_and_is_told_once);
        tcase_add_test(takeover, a_word_of_another_process_stays_across_a_restart_and_a_crash);
        tcase_add_test(takeover, a_reload_takes_the_word_of_another_process_over);
        tcase_add_test(takeover, a_word_that_is_put_back_is_controlled_again);
        tcase_add_test(takeover, a_word_that_memoryd_does_not_know_is_told_and_left_alone);
        tcase_add_test(takeover, auto_onlining_is_put_back_when_a_start_after_a_crash_is_refused);
        tcase_add_test(takeover, auto_onlining_is_left_alone_when_told_so);
        tcase_add_test(offload, a_node_with_one_answer_is_left_to_the_kernel);
        tcase_add_test(offload, what_the_kernel_leaves_is_onlined);
        tcase_add_test(offload, what_the_kernel_makes_otherwise_is_foreign);
        tcase_add_test(offload, another_node_is_not_left_to_the_kernel);
        tcase_add_test(offload, a_reload_takes_it_back);
        tcase_add_test(offload, it_is_taken_back_after_a_crash_and_a_new_start);
        tcase_add_test(offload, a_node_that_onlines_by_itself_is_taken_over);
        tcase_add_test(offload, nodes_that_agree_are_left_to_the_kernel_with_one_word);

        tcase_add_test(ends, without_its_actuator_memoryd_ends_to_be_restarted);
        tcase_add_test(ends, killed_in_the_middle_a_new_start_finishes_the_work);
        tcase_add_test(ends, the_main_process_is_not_root);

        tcase_add_test(starts, a_broken_configuration_at_the_start_is_refused_with_all_faults);
        tcase_add_test(starts, without_memory_blocks_memoryd_ends_for_good);
        tcase_add_test(starts, a_block_size_of_nonsense_is_refused);
        tcase_add_test(starts, an_unknown_option_is_a_usage_error);
        tcase_add_test(starts, what_is_wrong_on_the_command_line_is_quoted_for_all_to_print);
        tcase_add_test(starts, an_unknown_user_is_named);
        tcase_add_test(starts, without_root_memoryd_says_so);
        return check_main(suite);
}
