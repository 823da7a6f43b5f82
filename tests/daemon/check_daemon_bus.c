/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

/* What the whole of memoryd says: on the bus, to the service manager, after a reload. */

#define DIMM 32
#define DIMM_BLOCKS 16
#define BYTES(blocks) ((blocks) *TESTBED_BLOCK_BYTES)

#define INVALID_CONFIG "org.memoryd1.Error.InvalidConfig"
#define INVALID_ADDITION "org.memoryd1.Error.InvalidAddition"
#define NO_SUCH_BLOCK "org.memoryd1.Error.NoSuchBlock"
#define INVALID_ARGS "org.freedesktop.DBus.Error.InvalidArgs"
#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL "org.freedesktop.LogControl1"

static bool bus_lists(const char *path)
{
        char word[128];

        snprintf(word, sizeof(word), " %s ", path);
        return strstr(bus_get_objects(), word) != NULL;
}

/* Planning */

#define INVALID_ADDITION "org.memoryd1.Error.InvalidAddition"

START_TEST(what_anybody_may_have_planned_is_limited)
{
        daemon_start();
        ck_assert_str_eq(bus_plan_many("4M@0", 64), "");
        ck_assert_str_eq(bus_plan_many("4M@0", 65), INVALID_ADDITION);
        ck_assert_str_eq(bus_error_message(), "'4M@0': expected at most 64 additions");
        ck_assert_str_eq(bus_plan_many("1T@0", 1), INVALID_ADDITION);
        ck_assert_str_eq(bus_error_message(),
                         "expected at most 262144 blocks with those of the machine");
        ck_assert_str_eq(bus_plan_many("2T@0", 1), INVALID_ADDITION);
        ck_assert_str_eq(bus_plan_many("1M@0", 1), INVALID_ADDITION);
        ck_assert_uint_eq(bus_count_blocks(), 8);
}
END_TEST

/* Signals */

/* One at once, then ten a second while the burst lasts, and one at its end. */
static unsigned count_allowed(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return 3 + (unsigned) ((now.tv_sec - start->tv_sec) * 10 +
                               (now.tv_nsec - start->tv_nsec) / 100000000);
}

START_TEST(signals_of_a_burst_are_few)
{
        const Signals *signals = bus_signals();
        struct timespec start;

        daemon_start();
        clock_gettime(CLOCK_MONOTONIC, &start);
        bus_forget_signals();
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(signals->capacity_changed > 0);
        ck_assert_uint_eq(signals->online_bytes, BYTES(24));
        ck_assert_uint_eq(signals->movable_bytes, BYTES(12));
        ck_assert_uint_eq(signals->capacity_changed, 1);
        ck_assert_uint_gt(signals->blocks_changed, 0);
        ck_assert_uint_le(signals->blocks_changed, count_allowed(&start));
        ck_assert_uint_eq(signals->lowest, DIMM);
        ck_assert_uint_eq(signals->highest, DIMM + DIMM_BLOCKS - 1);
        ck_assert_uint_gt(signals->manager_changed, 0);
        ck_assert_uint_le(signals->manager_changed, count_allowed(&start));
        ck_assert_uint_ge(signals->objects_added, 1);
}
END_TEST

START_TEST(a_node_that_clients_know_tells_its_new_sums)
{
        const Signals *signals = bus_signals();

        daemon_start();
        bus_forget_signals();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(signals->node_changed > 0 && signals->capacity_changed > 0);
        ck_assert_uint_eq(signals->objects_added, 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/0", NODE, "OnlineBytes"), BYTES(12));
}
END_TEST

START_TEST(memory_that_goes_is_told_as_well)
{
        const Signals *signals = bus_signals();

        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4 && signals->capacity_changed > 0);
        bus_forget_signals();
        testbed_events("remove", DIMM, 4);
        testbed_remove_blocks(DIMM, 4);
        /* A listing may find some of them gone, and others still there. */
        wait_for(signals->capacity_changed > 0 && signals->online_bytes == BYTES(8));
        ck_assert_uint_eq(signals->lowest, DIMM);
        ck_assert_uint_eq(signals->highest, DIMM + 3);
}
END_TEST

/* Objects */

START_TEST(nodes_are_listed_and_blocks_are_not)
{
        daemon_start();
        ck_assert(bus_lists(MANAGER_PATH "/node/0"));
        ck_assert(!bus_lists(MANAGER_PATH "/node/1"));
        testbed_add_node(1, false);
        testbed_add_dimm(DIMM, 2, 1);
        wait_for(bus_count_status("done") == 2);
        ck_assert(bus_lists(MANAGER_PATH "/node/1"));
        ck_assert_ptr_null(strstr(bus_get_objects(), "block"));
}
END_TEST

START_TEST(unknown_objects_are_refused)
{
        static const char *const paths[] = {
                MANAGER_PATH "/node/99",         MANAGER_PATH "/node/x",
                MANAGER_PATH "/node/00",         MANAGER_PATH "/node/0/zone/Nowhere",
                MANAGER_PATH "/node/4294967296",
        };

        daemon_start();
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                const char *name = bus_get_error(paths[i], NODE, "Id");

                ck_assert_msg(strcmp(name, "org.freedesktop.DBus.Error.UnknownObject") == 0,
                              "%s: '%s'", paths[i], name);
        }
        ck_assert_str_eq(bus_get_error(MANAGER_PATH, MANAGER, "Colour"),
                         "org.freedesktop.DBus.Error.UnknownProperty");
        ck_assert_str_eq(bus_call_manager("Explode"), "org.freedesktop.DBus.Error.UnknownMethod");
}
END_TEST

/* The bus comes and goes */

START_TEST(without_a_bus_memory_comes_online_and_the_bus_is_joined_later)
{
        bus_stop();
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(testbed_count_writes("") == 4);
        bus_start();
        wait_for(bus_has_memoryd());
        /* The actuator has written the last one, and may not have said so yet. */
        wait_for(bus_count_status("done") == 4);
}
END_TEST

START_TEST(a_bus_that_went_away_is_joined_again)
{
        daemon_start();
        bus_stop();
        wait_for(daemon_logged("The bus is gone"));
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(testbed_count_writes("") == 4);
        bus_start();
        wait_for(bus_has_memoryd());
        wait_for(bus_count_status("done") == 4);

        bus_stop();
        wait_for(daemon_count_logged("The bus is gone") == 2);
        bus_start();
        wait_for(bus_has_memoryd());
        ck_assert_uint_eq(bus_count_blocks(), 12);
}
END_TEST

/* The service manager */

START_TEST(the_watchdog_is_fed)
{
        daemon_spawn(NULL, "WATCHDOG_USEC=200000");
        wait_for(daemon_notified("READY=1"));
        wait_for(daemon_notified("WATCHDOG=1"));
        daemon_forget();
        wait_for(daemon_notified("WATCHDOG=1"));
}
END_TEST

START_TEST(the_status_line_has_the_sums)
{
        daemon_start();
        ck_assert(daemon_notified("STATUS=32M kernel, 0B movable memory online; "
                                  "blocks pending: 0, failed: 0, foreign: 0"));
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(daemon_notified("STATUS=48M kernel, 48M movable memory online; "
                                 "blocks pending: 0, failed: 0, foreign: 0"));
}
END_TEST

/* Reload */

START_TEST(a_hangup_reloads_and_the_next_memory_follows)
{
        daemon_start();
        daemon_set_config("rules = ({ name = \"all\"; zone = \"movable\"; });\n");
        daemon_forget();
        ck_assert_int_ge(kill(daemon_pid(), SIGHUP), 0);
        wait_for(daemon_notified("READY=1"));
        ck_assert(daemon_notified("RELOADING=1"));
        ck_assert(daemon_notified("MONOTONIC_USEC="));
        ck_assert_ptr_nonnull(strstr(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFiles"),
                                     "/root" SYSCONFDIR "/memoryd/memoryd.conf"));
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "all");
        ck_assert(testbed_block_is(DIMM, "online", "Movable"));
}
END_TEST

START_TEST(a_broken_reload_keeps_the_policy_and_says_where)
{
        daemon_set_config("rules = ({ name = \"all\"; zone = \"movable\"; });\n");
        daemon_start();
        bus_forget_signals();
        daemon_set_config("settle = \"1s\";\nzone = \"kernel\";\nper_node = 3;\n");
        ck_assert_str_eq(bus_call_manager("Reload"), INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "/memoryd.conf:2: 'zone': "));
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "/memoryd.conf:3: 'per_node': "));
        ck_assert_ptr_nonnull(
                strstr(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), "/memoryd.conf:2: "));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 1);
        wait_for(bus_signals()->manager_changed > 0);
        wait_for(daemon_notified("STATUS=32M kernel, 0B movable memory online; blocks pending: "
                                 "0, failed: 0, foreign: 0; configuration refused: "));

        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "all");

        daemon_set_config("");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert_str_eq(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), "");
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
}
END_TEST

START_TEST(a_fault_is_told_whatever_bytes_the_file_has)
{
        daemon_start();
        daemon_set_config("coldplug = \"\xff\xed\xa0\x80é\xef\xbf\xbf\";\n");
        ck_assert_str_eq(bus_call_manager("Reload"), INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(bus_error_message(), ", got \"????é???\""));
        ck_assert_ptr_nonnull(
                strstr(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), ", got \"????é???\""));
        daemon_set_config("set\xfftle = 1;\n");
        ck_assert_str_eq(bus_call_manager("Reload"), INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "expected a key, got 'set?tle'"));
}
END_TEST

/* Names of files can have all bytes but the slash and the NUL. */
START_TEST(a_drop_in_works_whatever_bytes_its_name_has)
{
        unsigned n_files = 0;

        daemon_start();
        for (int byte = 1; byte < 256; byte++) {
                char name[48];

                snprintf(name, sizeof(name), "memoryd.conf.d/50-%cx.conf", byte);
                if (byte != '/')
                        daemon_set_config_file(name, byte == 0xff ? "rules = ({ name = \"odd\"; "
                                                                    "zone = \"movable\"; });\n" :
                                                                    "rebalance = false;\n");
        }
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        for (const char *file = bus_get_text(MANAGER_PATH, MANAGER, "ConfigFiles");
             (file = strstr(file, "/50-")); file++)
                n_files++;
        ck_assert_uint_eq(n_files, 254);
        ck_assert_str_eq(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), "");

        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM, "RuleFile"), "/50-?x.conf"));
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM, "Reason"), "/50-?x.conf:1"));

        daemon_set_config_file("memoryd.conf.d/50-\xffx.conf", "settle = 0;\n");
        ck_assert_str_eq(bus_call_manager("Reload"), INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "/50-?x.conf:1: 'settle': "));
        ck_assert_ptr_nonnull(
                strstr(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), "/50-?x.conf:1: "));
        ck_assert(daemon_logged("/50-?x.conf:1: 'settle': "));
}
END_TEST

START_TEST(a_broken_hangup_keeps_the_policy_too)
{
        daemon_start();
        daemon_set_config("rules = ({ zone = \"leave\" }\n");
        daemon_forget();
        ck_assert_int_ge(kill(daemon_pid(), SIGHUP), 0);
        wait_for(daemon_notified("READY=1"));
        ck_assert(daemon_logged("The configuration was refused, the one before stays in force"));
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
}
END_TEST

START_TEST(changes_need_authority)
{
        daemon_start();
        polkit_set(POLKIT_DENIES);
        ck_assert_str_eq(bus_call_manager_as_nobody("Reload"), ACCESS_DENIED);
        ck_assert_str_eq(bus_call_manager_as_nobody("Rescan"), ACCESS_DENIED);
        polkit_set(POLKIT_FAILS);
        ck_assert_str_eq(bus_call_manager_as_nobody("Reload"), ACCESS_DENIED);
        ck_assert_uint_eq(polkit_count(), 3);
        ck_assert(!daemon_logged("Configuration reloaded"));
        polkit_set(POLKIT_GRANTS);
        ck_assert_str_eq(bus_call_manager_as_nobody("Reload"), "");
        ck_assert_uint_eq(polkit_count(), 4);
        ck_assert(daemon_logged("Configuration reloaded"));
        ck_assert_str_eq(bus_call_manager_as_nobody("ListBlocks"), "");
        ck_assert_uint_eq(polkit_count(), 4);
}
END_TEST

/* Explain */

/* Entries as "Key=value", and "Key" for an entry that must be missing. */
#define assert_explained(id, ...) assert_entries(id, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_entries(uint32_t id, const char *const *entries)
{
        for (; *entries; entries++) {
                const char *equals = strchr(*entries, '='), *value;
                char key[64];

                snprintf(key, sizeof(key), "%.*s", (int) strcspn(*entries, "="), *entries);
                value = bus_explain(id, key);
                ck_assert_str_eq(bus_error_name(), "");
                if (!equals)
                        ck_assert_msg(!value, "memory%u: %s is '%s'", id, key, value);
                else
                        ck_assert_msg(value && strcmp(value, equals + 1) == 0,
                                      "memory%u: %s is '%s', not '%s'", id, key, value ?: "(none)",
                                      equals + 1);
        }
}

static void add_dimm_on_node_1(void)
{
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
}

static void add_acpi_dimm(const char *device, unsigned first, unsigned n, unsigned node)
{
        testbed_begin_acpi(device);
        testbed_add_blocks(first, n);
        testbed_link_blocks(first, n, node);
        testbed_end_acpi(device, first, n);
        testbed_events("add", first, n);
}

START_TEST(memory_of_the_boot_is_explained)
{
        daemon_start();
        assert_explained(
                3, "Block=3", "Node=0", "State=online", "Zones=Normal", "Class=kernel",
                "Device=", "Origin=boot", "Decision=none", "Rule=", "Guards=", "Status=initial",
                "Errno=0", "FailedAttempts=0", "OnlinedBy=none",
                "Reason=not decided: the block was online when memoryd started", "RuleFile",
                "RuleLine", "ZoneWanted", "Compared", "KernelBytes", "DecidedUSec", "OnlinedUSec");
}
END_TEST

/* Of 16 blocks on an empty node: the lowest is the first of the node, four are kernel memory. */
START_TEST(guards_are_explained_with_the_numbers_that_they_compared)
{
        daemon_start();
        add_dimm_on_node_1();
        assert_explained(
                DIMM, "Decision=kernel", "Guards=min_kernel max_movable_ratio(node)",
                "ZoneWanted=auto", "Compared=min_kernel", "KernelBytes=0", "MinKernelBytes=4194304",
                "MovableBytes", "MaxMovableRatioPermille", "OnlinedBy=memoryd", "RuleFile",
                "Reason=kernel (default rule): node 1 had no kernel memory, and min_kernel "
                "asks for 4M");
        assert_explained(
                DIMM + 3, "Guards=max_movable_ratio(node)", "Compared=node", "KernelBytes=12582912",
                "MovableBytes=54525952", "MaxMovableRatioPermille=3000", "MinKernelBytes",
                "Reason=kernel (default rule): if this block and those above it were movable, node "
                "1 would have 52M of movable to 12M of kernel memory, 4.34 to 1, over "
                "max_movable_ratio 3.00");
        assert_explained(DIMM + 4, "Decision=movable", "Guards=", "Compared=node",
                         "KernelBytes=16777216", "MovableBytes=50331648",
                         "Reason=movable (default rule): node 1 then has 48M of movable to 16M of "
                         "kernel memory, 3.00 to 1, within max_movable_ratio 3.00");
        ck_assert_uint_ge(strtoull(bus_explain(DIMM, "OnlinedUSec"), NULL, 10),
                          strtoull(bus_explain(DIMM, "DecidedUSec"), NULL, 10));
}
END_TEST

START_TEST(a_device_that_is_kept_whole_is_explained_with_both_numbers)
{
        daemon_set_config("whole_device = true;\n");
        daemon_start();
        testbed_add_dimm(DIMM, 32, 0);
        wait_for(bus_count_status("done") == 32);
        for (unsigned block = DIMM; block < DIMM + 32; block += 31)
                assert_explained(
                        block, "Decision=kernel", "Compared=node", "KernelBytes=33554432",
                        "MovableBytes=134217728", "MaxMovableRatioPermille=3000",
                        "Reason=kernel (default rule): if this block and those above it were "
                        "movable, node "
                        "0 would have 128M of movable to 32M of kernel memory, 4.00 to 1, over "
                        "max_movable_ratio 3.00, and whole_device keeps all of its device in one "
                        "class");
}
END_TEST

START_TEST(a_rule_is_explained_with_its_place_until_it_is_gone)
{
        char file[PATH_MAX];

        daemon_set_config_file("memoryd.conf.d/20-big.conf",
                               "# first\nrules = (\n  { name = \"big\"; zone = \"movable\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        snprintf(file, sizeof(file),
                 "RuleFile=%.3000s/root" SYSCONFDIR "/memoryd/memoryd.conf.d/20-big.conf",
                 testbed_dir());
        assert_explained(DIMM, file, "RuleLine=3", "Rule=big", "ZoneWanted=movable", "Compared");
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM, "Reason"), "/20-big.conf:3)"));

        daemon_set_config_file("memoryd.conf.d/20-big.conf", "");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        assert_explained(DIMM, "Rule=(removed)", "RuleFile", "RuleLine", "ZoneWanted=movable",
                         "Reason=movable (a rule that has been removed since)");
}
END_TEST

START_TEST(a_block_that_failed_is_explained_with_its_attempts)
{
        daemon_set_config("retry = { delay = \"10ms\"; cap = \"20ms\"; attempts = 3; };\n");
        daemon_start();
        testbed_set_fault(DIMM, EBUSY, -1, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "failed"));
        assert_explained(DIMM, "Status=failed", "FailedAttempts=3", "Errno=16", "State=offline",
                         "Class=none", "Zones=Normal Movable", "Decision=movable", "OnlinedBy=none",
                         "OnlinedUSec");
}
END_TEST

START_TEST(a_foreign_block_is_explained_with_what_was_decided)
{
        daemon_set_config("rules = ({ name = \"ours\"; zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_online_blocks(DIMM, 1, "Movable");
        testbed_link_blocks(DIMM, 1, 0);
        testbed_events("add", DIMM, 1);
        wait_for(bus_block_is(DIMM, "foreign"));
        assert_explained(DIMM, "Class=movable", "Decision=kernel", "Status=foreign",
                         "OnlinedBy=other", "ZoneWanted=kernel", "FailedAttempts=0");
        ck_assert_ptr_nonnull(bus_explain(DIMM, "OnlinedUSec"));
        ck_assert_int_eq(strncmp(bus_explain(DIMM, "Reason"),
                                 "movable: something other than memoryd onlined it; the policy "
                                 "wants kernel (rule 'ours', ",
                                 88),
                         0);
}
END_TEST

START_TEST(what_is_left_alone_or_not_decided_yet_is_explained)
{
        daemon_set_config(
                "settle = \"60s\";\n"
                "rules = ({ name = \"spare\"; origin = \"unknown\"; zone = \"leave\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("left") == 2);
        assert_explained(DIMM, "Status=left", "Decision=leave", "ZoneWanted=leave", "Rule=spare",
                         "State=offline", "OnlinedBy=none", "Compared");

        testbed_set_block(DIMM + 1, "Normal");
        testbed_event("online", "memory33");
        wait_for(!bus_block_is(DIMM + 1, "left"));
        testbed_set_block(DIMM + 1, NULL);
        testbed_event("offline", "memory33");
        wait_for(bus_block_is(DIMM + 1, "offlined"));
        assert_explained(DIMM + 1,
                         "Reason=left alone: something other than memoryd took it offline",
                         "OnlinedBy=none", "OnlinedUSec");

        testbed_add_blocks(64, 1);
        testbed_event("add", "memory64");
        wait_for(bus_block_is(64, "waiting"));
        assert_explained(64, "Node=-1", "Zones=", "Status=waiting", "Decision=none", "ZoneWanted",
                         "DecidedUSec", "Reason=not decided: the block has no node yet");
}
END_TEST

START_TEST(a_device_that_its_owner_onlined_as_a_whole_is_left_and_explained)
{
        daemon_set_config("rules = ({ origin = \"kmem\"; zone = \"kernel\"; });\n");
        daemon_start();
        testbed_write("sys/bus/dax/devices/dax0.0/state", "online_movable");
        testbed_add_iomem(DIMM, 2, "dax0.0");
        testbed_add_online_blocks(DIMM, 2, "Movable");
        testbed_link_blocks(DIMM, 2, 0);
        testbed_events("add", DIMM, 2);
        wait_for(bus_count_status("external") == 2);
        assert_explained(DIMM, "Device=dax0.0", "Origin=kmem", "Decision=leave",
                         "Reason=left alone: something other than memoryd onlined dax0.0 as a "
                         "whole, and its state is \"online_movable\"");
        ck_assert_uint_eq(testbed_count_writes(""), 0);
}
END_TEST

#define CXL_ROOT "devices/platform/ACPI0017:00/root0/"
#define CXL_DECODER CXL_ROOT "port1/endpoint2/decoder2.0"

/* Adds a dax device, and its folder where the kernel has it. */
static void add_dax(unsigned first, const char *name, const char *folder)
{
        char path[64], target[128];

        snprintf(path, sizeof(path), "sys/bus/dax/devices/%s", name);
        snprintf(target, sizeof(target), "../../../%s/%s", folder, name);
        testbed_make_link(target, path);
        testbed_add_iomem(first, 2, name);
        testbed_add_dimm(first, 2, 0);
}

START_TEST(a_dax_device_has_the_names_of_its_cxl_region_and_memory_devices)
{
        int watch;

        testbed_write("sys/" CXL_DECODER "/region", "region0");
        testbed_make_link("../../../" CXL_DECODER, "sys/bus/cxl/devices/decoder2.0");
        testbed_make_link("../../../../../pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem1",
                          "sys/" CXL_ROOT "port1/endpoint2/uport");
        watch = testbed_watch("sys/" CXL_DECODER "/region");
        daemon_set_config("rules = ({ origin = \"kmem\"; zone = \"kernel\"; });\n");
        daemon_start();
        add_dax(DIMM, "dax0.0", CXL_ROOT "decoder0.0/region0/dax_region0");
        add_dax(64, "dax1.0", "devices/platform/hmem.0");
        testbed_add_dimm(96, DIMM_BLOCKS, 0);
        wait_for(bus_count_status("done") == 4 + DIMM_BLOCKS);
        /* Nothing but a user's question has the names read. */
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        assert_explained(64, "Device=dax1.0", "CxlRegion", "CxlMemdevs");
        assert_explained(96, "Origin=unknown", "CxlRegion", "CxlMemdevs");
        assert_explained(0, "Origin=boot", "CxlRegion", "CxlMemdevs");
        ck_assert_uint_eq(testbed_count_opened(watch), 0);

        watch = testbed_watch("sys/" CXL_DECODER "/region");
        assert_explained(DIMM, "Device=dax0.0", "CxlRegion=region0", "CxlMemdevs=mem1");
        ck_assert_uint_gt(testbed_count_opened(watch), 0);
        ck_assert_str_eq(bus_list_cxl_devices(), "dax0.0: region0: mem1\n");
        testbed_write("sys/" CXL_DECODER "/region", "");
        ck_assert_str_eq(bus_list_cxl_devices(), "dax0.0: region0: \n");
}
END_TEST

START_TEST(a_dax_device_in_the_making_is_waited_for)
{
        daemon_set_config("settle = \"60s\";\n"
                          "rules = ({ origin = \"kmem\"; zone = \"kernel\"; });\n");
        daemon_start();
        testbed_write("sys/bus/dax/devices/dax0.0/state", "unplugged");
        testbed_add_iomem(DIMM, 2, "dax0.0");
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("pending") == 2);
        testbed_write("sys/bus/dax/devices/dax0.0/state", "offline");
        wait_for(bus_count_status("done") == 2);
        ck_assert_uint_eq(testbed_count_writes("memory32 online_kernel"), 1);
}
END_TEST

/* Devices, and blocks by address */

/* Compares long texts. Check cannot print such. */
static void assert_text(const char *text, const char *expected)
{
        size_t n = 0;

        while (text[n] && text[n] == expected[n])
                n++;
        ck_assert_msg(text[n] == expected[n], "expected \"%.300s\", got \"%.300s\"", expected + n,
                      text + n);
}

START_TEST(devices_are_listed_with_what_is_in_the_way_of_their_removal)
{
        daemon_set_config(
                "whole_device = false;\ncontiguous = false;\n"
                "rules = ({ origin = \"kmem\"; zone = \"movable\"; },\n"
                "         { address = \"0x10800000-0x11ffffff\"; zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_iomem(DIMM, 2, "dax0.0");
        testbed_add_dimm(DIMM, 2, 0);
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("done") == 6);
        assert_text(
                bus_list_devices(),
                "[[Device= Origin=boot State=present Driver= FirstAddress=0 LastAddress=33554431 "
                "SizeBytes=33554432 Blocks=[(0 7)] KernelBlocks=[(0 7)] Nodes=[0] "
                "KernelBytes=33554432 MovableBytes=0 OfflineBytes=0 PendingBlocks=0 FailedBlocks=0 "
                "ForeignBlocks=0 Removable=no Obstacle=boot-memory Reason=the machine booted with "
                "it, and any part of it may hold data of the kernel, which cannot be moved "
                "Advice=] "
                "[Device=dax0.0 Origin=kmem State=present Driver=kmem FirstAddress=134217728 "
                "LastAddress=142606335 SizeBytes=8388608 Blocks=[(32 33)] KernelBlocks=[] "
                "Nodes=[0] "
                "KernelBytes=0 MovableBytes=8388608 OfflineBytes=0 PendingBlocks=0 FailedBlocks=0 "
                "ForeignBlocks=0 Removable=after-offline Obstacle=movable-memory Reason=8M of it "
                "is "
                "online, all of that movable Advice=run \"memoryctl offline --device dax0.0\", "
                "then "
                "run \"daxctl reconfigure-device --mode=devdax dax0.0\", which has the kernel "
                "release it] "
                "[Device= Origin=unknown State=present Driver= FirstAddress=268435456 "
                "LastAddress=285212671 SizeBytes=16777216 Blocks=[(64 67)] KernelBlocks=[(66 67)] "
                "Nodes=[0] KernelBytes=8388608 MovableBytes=8388608 OfflineBytes=0 PendingBlocks=0 "
                "FailedBlocks=0 ForeignBlocks=0 Removable=no Obstacle=kernel-memory Reason=8M of "
                "it "
                "is kernel memory (memory66 first), which can usually not go offline Advice=run "
                "\"memoryctl offline 64-67\" to try: a block goes offline if all its pages can be "
                "moved. A rule with zone = \"movable\" keeps such a device removable when it is "
                "added]]");
        ck_assert_str_ne(bus_request_blocks("Offline", DIMM, DIMM + 1), "");
        wait_for(bus_count_status("offlined") == 2);
        ck_assert_ptr_nonnull(strstr(bus_list_devices(),
                                     "OfflineBytes=8388608 PendingBlocks=0 FailedBlocks=0 "
                                     "ForeignBlocks=0 Removable=yes Obstacle=none Reason=all of "
                                     "it is offline"));
}
END_TEST

START_TEST(blocks_are_listed_by_address)
{
        const uint64_t block = TESTBED_BLOCK_BYTES;

        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        /* Both ends are included, and so are blocks of which only a part is asked for. */
        ck_assert_str_eq(bus_list_blocks_in_range(33 * block - 1, 34 * block),
                         "[(32 0 online Movable movable movable   done 0  unknown) "
                         "(33 0 online Movable movable movable   done 0  unknown) "
                         "(34 0 online Movable movable movable   done 0  unknown)]");
        ck_assert_str_eq(bus_list_blocks_in_range(33 * block, 33 * block),
                         "[(33 0 online Movable movable movable   done 0  unknown)]");
        ck_assert_str_eq(bus_list_blocks_in_range(35 * block, UINT64_MAX),
                         "[(35 0 online Movable movable movable   done 0  unknown)]");
        ck_assert_str_eq(bus_list_blocks_in_range(36 * block, UINT64_MAX), "[]");
        ck_assert_str_eq(bus_list_blocks_in_range(8 * block, 32 * block - 1), "[]");
        ck_assert_str_eq(bus_list_blocks_in_range(2, 1),
                         INVALID_ARGS ": The first address, 0x2, is above the last, 0x1");
}
END_TEST

/* The policy */

START_TEST(settings_and_rules_are_told_with_where_they_come_from)
{
        char expected[8192], folder[512];

        snprintf(folder, sizeof(folder), "%.400s/root" SYSCONFDIR "/memoryd", testbed_dir());
        daemon_set_config(
                "min_kernel = \"1G\";\n"
                "retry = {\n  attempts = 3;\n  delay = \"1500ms\";\n};\n"
                "max_movable_ratio = 4;\n"
                "rules = ({ zone = \"leave\"; origin = [\"kmem\", \"dimm\"]; node = (1, 2);\n"
                "           min_size = \"4G\"; distance = { from = 0; max = 20; }; });\n");
        daemon_set_config_file("memoryd.conf.d/20-big.conf",
                               "# first\nmax_movable_ratio = 2.5; rules = (\n"
                               "  { name = \"big\"; zone = \"movable\"; movable_node = true;\n"
                               "    architecture = \"!s390x\"; });\n");
        daemon_start();
        snprintf(
                expected, sizeof(expected),
                "[(min_kernel 1073741824 \"1G\" %1$s/memoryd.conf 1) "
                "(max_movable_ratio 2.5 2.5 %1$s/memoryd.conf.d/20-big.conf 2) "
                "(per_node 1 true  0) (whole_device prefer \"prefer\"  0) (contiguous 1 true  0) "
                "(coldplug apply \"apply\"  0) (kernel_auto_online take-over \"take-over\"  0) "
                "(offload never \"never\"  0) (event_source kernel \"kernel\"  0) "
                "(settle 2000000 \"2s\"  0) (leave_delay 10000000 \"10s\"  0) "
                "(retry.delay 1500000 \"1500ms\" %1$s/memoryd.conf 4) (retry.factor 2 2.0  0) "
                "(retry.cap 60000000 \"1min\"  0) (retry.attempts 3 3 %1$s/memoryd.conf 3) "
                "(offline_timeout 30000000 \"30s\"  0) (rebalance 0 false  0) "
                "(log_level info \"info\"  0)] "
                "[(big %1$s/memoryd.conf.d/20-big.conf 3 movable 1 [(architecture \"!s390x\")]) "
                "(rule 2 %1$s/memoryd.conf 7 leave 0 [(node \"1-2\") (origin (\"dimm\", \"kmem\")) "
                "(min_size \"4G\") (distance { from = 0; max = 20; })])]",
                folder);
        assert_text(bus_get_policy(), expected);

        /* A configuration that is refused leaves all as it was. */
        daemon_set_config("min_kernel = 3.5;\n");
        ck_assert_str_eq(bus_call_manager("Reload"), INVALID_CONFIG);
        assert_text(bus_get_policy(), expected);
}
END_TEST

START_TEST(the_files_of_the_configuration_are_shown_as_they_are)
{
        char expected[4096], folder[512];

        snprintf(folder, sizeof(folder), "%.400s/root" SYSCONFDIR "/memoryd", testbed_dir());
        daemon_set_config("# main\nper_node = false;");
        daemon_set_config_file("memoryd.conf.d/20-x.conf", "# \x1b[2J\xff\tx");
        daemon_start();
        snprintf(expected, sizeof(expected),
                 "[(%1$s/memoryd.conf # main\nper_node = false;\n ) "
                 "(%1$s/memoryd.conf.d/20-x.conf # ?[2J?\tx\n )]",
                 folder);
        assert_text(bus_read_config(), expected);

        /* What was changed is told until it is read. */
        daemon_set_config("# other");
        snprintf(expected, sizeof(expected),
                 "[(%s/memoryd.conf # other\n changed since memoryd read it) ", folder);
        ck_assert_int_eq(strncmp(bus_read_config(), expected, strlen(expected)), 0);
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        snprintf(expected, sizeof(expected), "[(%s/memoryd.conf # other\n ) ", folder);
        ck_assert_int_eq(strncmp(bus_read_config(), expected, strlen(expected)), 0);
}
END_TEST

START_TEST(a_block_that_is_not_there_cannot_be_explained)
{
        daemon_start();
        ck_assert_ptr_null(bus_explain(99, "Block"));
        ck_assert_str_eq(bus_error_name(), NO_SUCH_BLOCK);
        ck_assert_str_eq(bus_error_message(), "there is no memory99");
        ck_assert_ptr_null(bus_explain(UINT32_MAX, "Block"));
        ck_assert_str_eq(bus_error_name(), NO_SUCH_BLOCK);
}
END_TEST

/* History */

static void assert_entry(unsigned i, const char *blocks, const char *decision, const char *status,
                         const char *onlined_by)
{
        HistoryRow row = bus_get_history(i);

        ck_assert_str_eq(row.blocks, blocks);
        ck_assert_str_eq(row.decision, decision);
        ck_assert_str_eq(row.status, status);
        ck_assert_str_eq(row.onlined_by, onlined_by);
}

/* One for what comes of a decision, none for an attempt in between or for what was not decided. */
START_TEST(the_history_has_what_came_of_decisions_in_their_order)
{
        HistoryRow row;

        daemon_set_config("retry = { delay = \"10ms\"; cap = \"20ms\"; attempts = 3; };\n"
                          "rules = ({ name = \"ours\"; zone = \"kernel\"; });\n");
        daemon_start();
        ck_assert_uint_eq(bus_count_history(), 0);
        testbed_set_fault(64, EBUSY, -1, 0);
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_block_is(64, "failed"));
        ck_assert_str_eq(bus_explain(64, "Failure"),
                         "it could not be brought online as kernel memory, in 3 attempts");
        ck_assert_str_eq(bus_explain(64, "Cause"), "EBUSY (Device or resource busy): something on "
                                                   "this machine does not let it go online");
        ck_assert_ptr_nonnull(strstr(bus_explain(64, "Advice"), "memoryctl rescan"));
        ck_assert_ptr_null(bus_explain(64, "RetryUSec"));
        ck_assert_ptr_null(bus_explain(0, "Failure"));
        testbed_set_fault(DIMM, EAGAIN, 1, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "done"));
        testbed_add_online_blocks(40, 1, "Movable");
        testbed_link_blocks(40, 1, 0);
        testbed_events("add", 40, 1);
        wait_for(bus_block_is(40, "foreign"));
        testbed_set_block(DIMM, NULL);
        testbed_event("offline", "memory32");
        wait_for(bus_block_is(DIMM, "offlined"));

        ck_assert_uint_eq(bus_count_history(), 3);
        assert_entry(0, "64", "kernel", "failed", "none");
        assert_entry(1, "32", "kernel", "done", "memoryd");
        assert_entry(2, "40", "kernel", "foreign", "other");
        row = bus_get_history(0);
        ck_assert_int_eq(row.error, EBUSY);
        ck_assert_int_eq(row.node, 0);
        ck_assert_str_eq(row.rule, "ours");
        ck_assert_str_eq(row.guards, "");
        ck_assert_int_eq(strncmp(row.reason, "kernel (rule 'ours', ", 21), 0);
        ck_assert_int_eq(bus_get_history(1).error, 0);
}
END_TEST

/* A retry is a time of the calendar, though memoryd waits for it by a clock that does not go with it. */
START_TEST(a_retry_is_explained_with_its_time)
{
        unsigned long long begin = (unsigned long long) time(NULL), retry;

        daemon_set_config("retry = { delay = \"1h\"; cap = \"1h\"; attempts = 5; };\n");
        daemon_start();
        testbed_set_fault(64, EBUSY, -1, 0);
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_block_is(64, "retrying"));
        ck_assert(bus_explains(64, "AttemptsLeft=4"));
        retry = strtoull(bus_explain(64, "RetryUSec"), NULL, 10) / USEC_PER_SEC;
        ck_assert_uint_ge(retry, begin + 3599);
        ck_assert_uint_le(retry, (unsigned long long) time(NULL) + 3601);
        ck_assert_str_eq(bus_explain(64, "Advice"),
                         "See the kernel's log (journalctl -k) for what refused it");
}
END_TEST

START_TEST(the_history_outlives_what_it_is_about)
{
        HistoryRow row;

        daemon_set_config("rules = ({ name = \"spare\"; zone = \"leave\"; });\n");
        daemon_start();
        add_acpi_dimm("PNP0C80:00", DIMM, 2, 0);
        wait_for(bus_count_status("left") == 2);
        testbed_events("remove", DIMM, 2);
        testbed_remove_blocks(DIMM, 2);
        wait_for(bus_count_blocks() == 8);
        daemon_set_config("");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert_uint_eq(bus_count_history(), 1);
        row = bus_get_history(0);
        ck_assert_str_eq(row.blocks, "32-33");
        ck_assert_uint_eq(row.n_decisions, 2);
        ck_assert_str_eq(row.rule, "spare");
        ck_assert_str_eq(row.decision, "leave");
        ck_assert_str_eq(row.device, "PNP0C80:00");
}
END_TEST

START_TEST(the_history_has_an_entry_for_blocks_that_are_decided_alike)
{
        daemon_set_config("rules = ({ zone = \"leave\"; });\n");
        testbed_add_blocks(DIMM, 999);
        testbed_link_blocks(DIMM, 999, 0);
        daemon_start();
        wait_for(bus_count_status("left") == 999);
        ck_assert_uint_eq(bus_count_history(), 1);
        ck_assert_str_eq(bus_get_history(0).blocks, "32-1030");
        ck_assert_uint_eq(bus_get_history(0).n_decisions, 999);
}
END_TEST

/* Plan */

static const PlanOptions no_options;

#define ADD(...)                                                                                   \
        &(const PlanOptions)                                                                       \
        {                                                                                          \
                .additions = (const char *const[])                                                 \
                {                                                                                  \
                        __VA_ARGS__, NULL                                                          \
                }                                                                                  \
        }

START_TEST(a_plan_without_options_has_what_is_there)
{
        PlanRow rows[PLAN_ROWS_MAX];

        daemon_start();
        ck_assert_int_eq(bus_plan(&no_options, rows), 1);
        ck_assert_uint_eq(rows[0].first, 0);
        ck_assert_uint_eq(rows[0].last, 7);
        ck_assert_int_eq(rows[0].node, 0);
        ck_assert_str_eq(rows[0].state, "online");
        ck_assert_str_eq(rows[0].zone_class, "kernel");
        ck_assert_str_eq(rows[0].origin, "boot");
        ck_assert_str_eq(rows[0].decision, "none");
        ck_assert_str_eq(rows[0].reason, "online already, and stays so");
        ck_assert(!rows[0].is_added);
}
END_TEST

/* As Rescan() does: what failed is tried again, what another program took offline is not. */
START_TEST(a_plan_is_for_what_a_rescan_would_decide)
{
        PlanRow rows[PLAN_ROWS_MAX];

        daemon_set_config("retry = { delay = \"10ms\"; cap = \"20ms\"; attempts = 2; };\n");
        daemon_start();
        testbed_set_fault(DIMM, EBUSY, -1, 0);
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_block_is(DIMM, "failed") && bus_block_is(DIMM + 1, "done"));
        testbed_set_block(DIMM + 1, NULL);
        testbed_event("offline", "memory33");
        wait_for(bus_block_is(DIMM + 1, "offlined"));
        ck_assert_int_eq(bus_plan(&no_options, rows), 3);
        ck_assert_uint_eq(rows[1].first, DIMM);
        ck_assert_uint_eq(rows[1].last, DIMM);
        ck_assert_str_eq(rows[1].state, "offline");
        ck_assert_str_eq(rows[1].decision, "movable");
        ck_assert_str_eq(rows[1].zone_class, "movable");
        ck_assert_uint_eq(rows[2].first, DIMM + 1);
        ck_assert_str_eq(rows[2].decision, "none");
        ck_assert_str_eq(rows[2].zone_class, "none");
        ck_assert_str_eq(rows[2].reason,
                         "left alone: something other than memoryd took it offline");
        ck_assert(bus_block_is(DIMM, "failed"));
}
END_TEST

static void assert_nothing_changed(void)
{
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        ck_assert_uint_eq(bus_count_blocks(), 8);
        ck_assert_uint_eq(bus_count_history(), 0);
        ck_assert_uint_eq(bus_signals()->blocks_changed, 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
        ck_assert_str_eq(bus_get_text(MANAGER_PATH, MANAGER, "ConfigFaults"), "");
}

/* The forecast puts memory behind what there is, and so does this machine then. */
START_TEST(what_is_planned_to_be_added_is_what_happens_when_it_is)
{
        PlanRow rows[PLAN_ROWS_MAX];
        unsigned n_blocks = 0;
        int n;

        testbed_add_node(1, true);
        daemon_set_config("rules = ({ name = \"small\"; origin = \"dimm\"; max_size = \"16M\";"
                          " zone = \"kernel\"; });\n");
        daemon_start();
        bus_forget_signals();
        n = bus_plan(ADD("64M@1", "16M@0"), rows);
        ck_assert_str_eq(bus_error_message(), "");
        assert_nothing_changed();
        ck_assert_int_gt(n, 3);

        add_acpi_dimm("PNP0C80:00", 8, 16, 1);
        wait_for(bus_count_status("done") == 16);
        add_acpi_dimm("PNP0C80:01", 24, 4, 0);
        wait_for(bus_count_status("done") == 20);

        ck_assert_str_eq(rows[0].state, "online");
        for (int i = 1; i < n; i++) {
                ck_assert(rows[i].is_added);
                ck_assert_str_eq(rows[i].state, "absent");
                ck_assert_str_eq(rows[i].reason, bus_explain(rows[i].first, "Reason"));
                for (uint32_t id = rows[i].first; id <= rows[i].last; id++, n_blocks++) {
                        BlockRow block = bus_get_block(id);

                        ck_assert_int_eq(block.node, rows[i].node);
                        ck_assert_str_eq(block.zone_class, rows[i].zone_class);
                        ck_assert_str_eq(block.decision, rows[i].decision);
                        ck_assert_str_eq(block.rule, rows[i].rule);
                        ck_assert_str_eq(block.guards, rows[i].guards);
                        ck_assert_str_eq(block.origin, rows[i].origin);
                }
        }
        ck_assert_uint_eq(n_blocks, 20);
        ck_assert_str_eq(rows[n - 1].rule, "small");
}
END_TEST

START_TEST(a_plan_can_be_made_with_another_configuration)
{
        PlanRow rows[PLAN_ROWS_MAX];
        PlanOptions options = *ADD("16M@0");

        daemon_start();
        bus_forget_signals();
        ck_assert_int_eq(bus_plan(&options, rows), 2);
        ck_assert_str_eq(rows[1].rule, "");
        ck_assert_str_eq(rows[1].decision, "movable");
        options.config = "# one\nrules = ({ name = \"all\"; zone = \"kernel\"; });\n";
        options.config_name = "draft.conf";
        ck_assert_int_eq(bus_plan(&options, rows), 2);
        ck_assert_uint_eq(rows[1].first, 8);
        ck_assert_uint_eq(rows[1].last, 11);
        ck_assert_str_eq(rows[1].rule, "all");
        ck_assert_str_eq(rows[1].decision, "kernel");
        ck_assert_str_eq(rows[1].reason, "kernel (rule 'all', draft.conf:2)");
        assert_nothing_changed();

        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "");
}
END_TEST

START_TEST(a_plan_can_be_made_with_one_more_drop_in)
{
        static const PlanOptions nameless = { .drop_in = "" };
        static const PlanOptions hidden = { .drop_in = "", .drop_in_name = "/x/.10.conf" };
        static const PlanOptions both = { .config = "", .drop_in = "", .drop_in_name = "1.conf" };
        PlanOptions good = *ADD("16M@0");
        PlanRow rows[PLAN_ROWS_MAX];

        good.drop_in_name = "/home/me/10-draft.conf";
        daemon_start();
        bus_forget_signals();
        /* The rest of the configuration still has its say, as it is on disk now. */
        testbed_write("root" SYSCONFDIR "/memoryd/memoryd.conf",
                      "rules = ({ name = \"mine\"; zone = \"kernel\"; });\n");
        good.drop_in = "rules = ({ name = \"draft\"; min_size = \"1G\"; zone = \"movable\"; });\n";
        ck_assert_int_eq(bus_plan(&good, rows), 2);
        ck_assert_str_eq(rows[1].rule, "mine");
        good.drop_in = "rules = ({ name = \"draft\"; max_size = \"1G\"; zone = \"movable\"; });\n";
        ck_assert_int_eq(bus_plan(&good, rows), 2);
        ck_assert_str_eq(rows[1].rule, "draft");
        ck_assert_str_eq(rows[1].reason, "movable (rule 'draft', /home/me/10-draft.conf:1)");
        good.drop_in = "zone = 3;\n";
        ck_assert_int_eq(bus_plan(&good, rows), -1);
        ck_assert_str_eq(bus_error_name(), INVALID_CONFIG);
        ck_assert_int_eq(strncmp(bus_error_message(), "/home/me/10-draft.conf:1: 'zone': ", 34), 0);

        ck_assert_int_eq(bus_plan(&nameless, rows), -1);
        ck_assert_str_eq(bus_error_name(), INVALID_ARGS);
        ck_assert_int_eq(bus_plan(&hidden, rows), -1);
        ck_assert_str_eq(
                bus_error_message(),
                "Option DropInName: expected the name of a drop-in, such as 10-local.conf, "
                "got '/x/.10.conf'");
        ck_assert_int_eq(bus_plan(&both, rows), -1);
        ck_assert_str_eq(bus_error_message(), "Options Config and DropIn exclude each other");
        assert_nothing_changed();
        polkit_set(POLKIT_DENIES);
        good.drop_in = "per_node = true;\n";
        ck_assert_str_eq(bus_plan_as_nobody(&good), ACCESS_DENIED);
        polkit_set(POLKIT_GRANTS);
        ck_assert_str_eq(bus_plan_as_nobody(&good), "");
}
END_TEST

START_TEST(a_plan_with_a_configuration_that_has_faults_names_them)
{
        static const PlanOptions named = { .config = "settle = \"1s\";\nzone = \"kernel\";\n"
                                                     "per_node = 3;\n",
                                           .config_name = "draft.conf" };
        static const PlanOptions unnamed = { .config = "rules = (" };
        PlanRow rows[PLAN_ROWS_MAX];

        daemon_start();
        bus_forget_signals();
        ck_assert_int_eq(bus_plan(&named, rows), -1);
        ck_assert_str_eq(bus_error_name(), INVALID_CONFIG);
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "draft.conf:2: 'zone': "));
        ck_assert_ptr_nonnull(strstr(bus_error_message(), "\ndraft.conf:3: 'per_node': "));
        ck_assert_int_eq(bus_plan(&unnamed, rows), -1);
        ck_assert_str_eq(bus_error_name(), INVALID_CONFIG);
        ck_assert_int_eq(strncmp(bus_error_message(), "(configuration):1: ", 19), 0);
        assert_nothing_changed();
}
END_TEST

START_TEST(only_a_plan_with_a_configuration_needs_authority)
{
        static const PlanOptions with_config = { .config = "settle = \"1s\";\n" };
        static const PlanOptions with_faults = { .config = "settle = true;\n" };

        daemon_start();
        polkit_set(POLKIT_DENIES);
        ck_assert_str_eq(bus_plan_as_nobody(&no_options), "");
        ck_assert_str_eq(bus_plan_as_nobody(ADD("16M@0")), "");
        ck_assert_str_eq(bus_call_manager_as_nobody("History"), "");
        ck_assert_uint_eq(polkit_count(), 0);
        ck_assert_str_eq(bus_plan_as_nobody(&with_config), ACCESS_DENIED);
        ck_assert_str_eq(bus_plan_as_nobody(&with_faults), ACCESS_DENIED);
        polkit_set(POLKIT_FAILS);
        ck_assert_str_eq(bus_plan_as_nobody(&with_config), ACCESS_DENIED);
        ck_assert_uint_eq(polkit_count(), 3);
        polkit_set(POLKIT_GRANTS);
        ck_assert_str_eq(bus_plan_as_nobody(&with_config), "");
        ck_assert_str_eq(bus_plan_as_nobody(&with_faults), INVALID_CONFIG);
        ck_assert_uint_eq(polkit_count(), 5);
}
END_TEST

START_TEST(an_addition_that_makes_no_sense_is_refused_with_what_was_expected)
{
        static const struct {
                const char *addition;
                const char *expected;
        } cases[] = {
                { "16M", "SIZE@NODE[:ORIGIN], for example 16G@1:virtio-mem" },
                { "much@0", "a size before the '@', for example 16G" },
                { "6M@0", "a size that is a multiple of the block size, and not zero" },
                { "0@0", "a size that is a multiple of the block size, and not zero" },
                { "17T@0", "a size of at most 262144 blocks" },
                { "16M@x", "a node number of at most 1023 after the '@'" },
                { "16M@1024", "a node number of at most 1023 after the '@'" },
                { "16M@0:boot",
                  "dimm, virtio-mem, kmem, balloon, standby, driver or unknown after the ':'" },
                { "16M@0:",
                  "dimm, virtio-mem, kmem, balloon, standby, driver or unknown after the ':'" },
        };
        PlanRow rows[PLAN_ROWS_MAX];

        daemon_start();
        bus_forget_signals();
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char message[256];

                ck_assert_int_eq(bus_plan(ADD("16M@0", cases[i].addition), rows), -1);
                ck_assert_str_eq(bus_error_name(), INVALID_ADDITION);
                snprintf(message, sizeof(message), "'%s': expected %s; blocks are of 4194304 bytes",
                         cases[i].addition, cases[i].expected);
                ck_assert_str_eq(bus_error_message(), message);
        }
        assert_nothing_changed();
}
END_TEST

START_TEST(options_of_a_plan_that_there_are_not_are_refused)
{
        daemon_start();
        ck_assert_str_eq(bus_plan_with("Colour", "red"), INVALID_ARGS);
        ck_assert_str_eq(bus_error_message(),
                         "Option 'Colour': expected Add, Config, ConfigName, DropIn or DropInName");
        ck_assert_str_eq(bus_plan_with("Add", "16M@0"), INVALID_ARGS);
        ck_assert_str_eq(bus_error_message(), "Option 'Add': expected a value of type 'as'");
}
END_TEST

/* Verify */

START_TEST(what_works_against_the_policy_is_told_to_everybody)
{
        daemon_start();
        ck_assert_str_eq(bus_verify("Verify"), "");
        ck_assert_str_eq(bus_verify("VerifyNotes"), "");

        testbed_write("root/etc/udev/rules.d/40-x.rules",
                      "SUBSYSTEM==\"memory\", ATTR{state}=\"online\"");
        testbed_write("proc/cmdline", "memhp_default_state=online");
        testbed_add_online_blocks(DIMM, 2, "Movable");
        testbed_add_node(1, false);
        testbed_link_blocks(DIMM, 2, 1);
        testbed_events("add", DIMM, 2);
        wait_for(bus_count_status("foreign") == 1);
        ck_assert_str_eq(bus_verify("VerifyNotes"), "kernel-feature: /proc/pressure/memory\n");
        ck_assert_str_eq(bus_verify("Verify"), "udev-rule: /etc/udev/rules.d/40-x.rules:1\n"
                                               "kernel-command-line: memhp_default_state=online\n"
                                               "movable-only-node: node 1\n"
                                               "foreign-block: memory32\n");
        ck_assert_uint_eq(polkit_count(), 0);
}
END_TEST

START_TEST(what_is_found_is_told_whatever_bytes_it_has)
{
        daemon_start();
        testbed_write("root/etc/udev/rules.d/40-\xff\033.rules",
                      "SUBSYSTEM==\"memory\", ATTR{state}=\"online\", ENV{\xff}=\"\033\"");
        testbed_write("proc/cmdline", "memhp_default_state=online\xff\001");
        ck_assert_str_eq(bus_verify("Verify"),
                         "udev-rule: /etc/udev/rules.d/40-??.rules:1\n"
                         "kernel-command-line: memhp_default_state=online??\n");
}
END_TEST

START_TEST(what_the_kernel_has_is_told_as_it_is_now)
{
        static const char stock[] = "+online-types: Linux 3.8 (commit 511c2aba8f07)\n"
                                    "+hot-remove: CONFIG_MEMORY_HOTREMOVE, Linux 3.18\n"
                                    "+auto-online: Linux 4.7\n"
                                    "-pressure: CONFIG_PSI and psi=1, Linux 6.5\n"
                                    "-groups: memoryd's patch 2\n"
                                    "-uevents: memoryd's patch 3\n"
                                    "-node-auto-online: memoryd's patch 4\n"
                                    "-zone-rules: memoryd's patch 5 or memoryd_guard\n";

        daemon_start();
        ck_assert_str_eq(bus_features(), stock);

        testbed_write(TESTBED_NODE "/node0/auto_online_blocks", "inherit");
        testbed_write("sys/module/memoryd_guard/parameters/strict_zone_order", "Y");
        testbed_add_dimm(DIMM, 2, 0);
        testbed_write(TESTBED_MEMORY "/memory33/group_id", "0");
        wait_for(bus_count_status("done") == 2);
        ck_assert_ptr_nonnull(strstr(bus_features(), "+groups: memoryd's patch 2\n"
                                                     "-uevents: memoryd's patch 3\n"
                                                     "+node-auto-online: memoryd's patch 4\n"
                                                     "+zone-rules: "));
        ck_assert_uint_eq(polkit_count(), 0);
}
END_TEST

/* Shortage of kernel memory */

#define PAGE_BYTES ((uint64_t) sysconf(_SC_PAGESIZE))

/* The zones of node 0, with so many pages free in Normal, whose watermarks are 80, 100 and 120. */
static void set_free_pages(unsigned n)
{
        char text[512];

        snprintf(text, sizeof(text),
                 "Node 0, zone   Normal\n  pages free     %u\n        min      80\n"
                 "        low      100\n        high     120\n        spanned  8192\n"
                 "Node 0, zone  Movable\n  pages free     4000\n        min      40\n"
                 "        low      50\n        high     60\n        spanned  8192",
                 n);
        testbed_write("proc/zoneinfo", text);
}

static bool is_short(void)
{
        return bus_get_number(MANAGER_PATH "/node/0", NODE, "KernelMemoryShort");
}

/* The zones are read in the same pass as the decisions, and count the blocks too. */
START_TEST(totals_have_the_decisions_of_the_last_pass)
{
        set_free_pages(4000);
        daemon_set_config("rules = ({ node = 1; zone = \"leave\"; }, "
                          "{ zone = \"kernel\"; });\n");
        testbed_add_node(1, true);
        daemon_start();
        testbed_add_dimm(DIMM, 4, 1);
        wait_for(bus_count_status("left") == 4);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 0);
        testbed_add_online_blocks(40, 2, "Movable");
        testbed_link_blocks(40, 2, 0);
        testbed_events("add", 40, 2);
        wait_for(bus_count_status("foreign") == 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 2);
}
END_TEST

START_TEST(a_shortage_of_kernel_memory_is_told_once_and_until_it_is_over)
{
        const Signals *signals = bus_signals();

        set_free_pages(100);
        daemon_start();
        ck_assert(daemon_logged("Cannot listen to memory pressure"));
        ck_assert(!is_short());
        ck_assert(!bus_get_number(MANAGER_PATH, MANAGER, "Degraded"));
        ck_assert_uint_eq(signals->kernel_memory_short, 0);

        bus_forget_signals();
        daemon_forget();
        set_free_pages(99);
        wait_for(is_short());
        wait_for(signals->kernel_memory_short > 0 && signals->node_changed > 0);
        ck_assert_uint_eq(signals->short_node, 0);
        ck_assert_uint_eq(signals->short_free_bytes, 99 * PAGE_BYTES);
        ck_assert_uint_eq(signals->short_low_bytes, 100 * PAGE_BYTES);
        ck_assert(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"));
        wait_for(daemon_notified("STATUS="));
        ck_assert(daemon_logged("Node 0 is short of kernel memory"));

        /* By itself memoryd looks again. */
        bus_forget_signals();
        set_free_pages(121);
        wait_for(daemon_logged("Node 0 has enough kernel memory again"));
        wait_for(signals->node_changed > 0);
        ck_assert(!is_short());
        ck_assert(!bus_get_number(MANAGER_PATH, MANAGER, "Degraded"));
        ck_assert_uint_eq(signals->kernel_memory_short, 0);
        ck_assert_uint_eq(daemon_count_logged("is short of kernel memory"), 1);
}
END_TEST

START_TEST(a_shortage_is_seen_at_the_end_of_a_burst)
{
        const Signals *signals = bus_signals();

        set_free_pages(200);
        daemon_start();
        bus_forget_signals();
        set_free_pages(0);
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(signals->kernel_memory_short > 0);
        ck_assert_uint_eq(signals->short_free_bytes, 0);
        ck_assert(!daemon_logged("should become kernel memory"));
}
END_TEST

/* LogControl1 */

START_TEST(the_log_level_can_be_set)
{
        daemon_start();
        ck_assert_str_eq(bus_get_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogLevel"), "info");
        ck_assert_str_eq(bus_get_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogTarget"), "console");
        ck_assert_str_eq(bus_get_text(LOG_CONTROL_PATH, LOG_CONTROL, "SyslogIdentifier"),
                         "memoryd");
        ck_assert(!daemon_logged("Event 'add'"));
        ck_assert_str_eq(bus_set_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogLevel", "debug"), "");
        ck_assert_str_eq(bus_get_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogLevel"), "debug");
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(daemon_logged("Event 'add' for memory32"));
        ck_assert_str_eq(bus_set_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogLevel", "loud"),
                         "org.freedesktop.DBus.Error.InvalidArgs");
        ck_assert_str_eq(bus_get_text(LOG_CONTROL_PATH, LOG_CONTROL, "LogLevel"), "debug");
}
END_TEST

static void add_bus_cases(Suite *suite)
{
        TCase *signals = fixture_case(suite, "signals");
        TCase *objects = fixture_case(suite, "objects");
        TCase *connection = fixture_case(suite, "connection");

        tcase_add_test(signals, what_anybody_may_have_planned_is_limited);
        tcase_add_test(signals, signals_of_a_burst_are_few);
        tcase_add_test(signals, a_node_that_clients_know_tells_its_new_sums);
        tcase_add_test(signals, memory_that_goes_is_told_as_well);

        tcase_add_test(objects, nodes_are_listed_and_blocks_are_not);
        tcase_add_test(objects, unknown_objects_are_refused);

        tcase_add_test(connection, without_a_bus_memory_comes_online_and_the_bus_is_joined_later);
        tcase_add_test(connection, a_bus_that_went_away_is_joined_again);
}

static void add_reason_cases(Suite *suite)
{
        TCase *explain = fixture_case(suite, "explain");
        TCase *history = fixture_case(suite, "history");
        TCase *plan = fixture_case(suite, "plan");

        tcase_add_test(explain, memory_of_the_boot_is_explained);
        tcase_add_test(explain, guards_are_explained_with_the_numbers_that_they_compared);
        tcase_add_test(explain, a_device_that_is_kept_whole_is_explained_with_both_numbers);
        tcase_add_test(explain, a_rule_is_explained_with_its_place_until_it_is_gone);
        tcase_add_test(explain, a_block_that_failed_is_explained_with_its_attempts);
        tcase_add_test(explain, a_foreign_block_is_explained_with_what_was_decided);
        tcase_add_test(explain, what_is_left_alone_or_not_decided_yet_is_explained);
        tcase_add_test(explain, a_device_that_its_owner_onlined_as_a_whole_is_left_and_explained);
        tcase_add_test(explain, a_dax_device_has_the_names_of_its_cxl_region_and_memory_devices);
        tcase_add_test(explain, a_dax_device_in_the_making_is_waited_for);
        tcase_add_test(explain, devices_are_listed_with_what_is_in_the_way_of_their_removal);
        tcase_add_test(explain, blocks_are_listed_by_address);
        tcase_add_test(explain, settings_and_rules_are_told_with_where_they_come_from);
        tcase_add_test(explain, the_files_of_the_configuration_are_shown_as_they_are);
        tcase_add_test(explain, a_block_that_is_not_there_cannot_be_explained);

        tcase_add_test(history, the_history_has_what_came_of_decisions_in_their_order);
        tcase_add_test(history, a_retry_is_explained_with_its_time);
        tcase_add_test(history, the_history_outlives_what_it_is_about);
        tcase_add_test(history, the_history_has_an_entry_for_blocks_that_are_decided_alike);

        tcase_add_test(plan, a_plan_without_options_has_what_is_there);
        tcase_add_test(plan, a_plan_is_for_what_a_rescan_would_decide);
        tcase_add_test(plan, what_is_planned_to_be_added_is_what_happens_when_it_is);
        tcase_add_test(plan, a_plan_can_be_made_with_another_configuration);
        tcase_add_test(plan, a_plan_can_be_made_with_one_more_drop_in);
        tcase_add_test(plan, a_plan_with_a_configuration_that_has_faults_names_them);
        tcase_add_test(plan, only_a_plan_with_a_configuration_needs_authority);
        tcase_add_test(plan, an_addition_that_makes_no_sense_is_refused_with_what_was_expected);
        tcase_add_test(plan, options_of_a_plan_that_there_are_not_are_refused);
}

static void add_service_cases(Suite *suite)
{
        TCase *notify = fixture_case(suite, "notify");
        TCase *reload = fixture_case(suite, "reload");
        TCase *verify = fixture_case(suite, "verify");
        TCase *shortage = fixture_case(suite, "shortage");
        TCase *log = fixture_case(suite, "log");

        tcase_add_test(notify, the_watchdog_is_fed);
        tcase_add_test(notify, the_status_line_has_the_sums);

        tcase_add_test(reload, a_hangup_reloads_and_the_next_memory_follows);
        tcase_add_test(reload, a_broken_reload_keeps_the_policy_and_says_where);
        tcase_add_test(reload, a_fault_is_told_whatever_bytes_the_file_has);
        tcase_add_test(reload, a_drop_in_works_whatever_bytes_its_name_has);
        tcase_add_test(reload, a_broken_hangup_keeps_the_policy_too);
        tcase_add_test(reload, changes_need_authority);

        tcase_add_test(verify, what_works_against_the_policy_is_told_to_everybody);
        tcase_add_test(verify, what_is_found_is_told_whatever_bytes_it_has);
        tcase_add_test(verify, what_the_kernel_has_is_told_as_it_is_now);

        tcase_add_test(shortage, totals_have_the_decisions_of_the_last_pass);
        tcase_add_test(shortage, a_shortage_of_kernel_memory_is_told_once_and_until_it_is_over);
        tcase_add_test(shortage, a_shortage_is_seen_at_the_end_of_a_burst);

        tcase_add_test(log, the_log_level_can_be_set);
}

int main(void)
{
        Suite *suite = suite_create("daemon-bus");

        add_bus_cases(suite);
        add_reason_cases(suite);
        add_service_cases(suite);
        return check_main(suite);
}
