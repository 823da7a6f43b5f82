/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "check_main.h"
#include "daemon_fixture.h"

#include <signal.h>
#include <stdio.h>

/* What the whole of memoryd says: on the bus, to the service manager, after a reload. */

#define DIMM 32
#define DIMM_BLOCKS 16
#define BYTES(blocks) ((blocks) *TESTBED_BLOCK_BYTES)

#define INVALID_CONFIG "org.memoryd1.Error.InvalidConfig"
#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL "org.freedesktop.LogControl1"

static bool bus_lists(const char *path)
{
        char word[128];

        snprintf(word, sizeof(word), " %s ", path);
        return strstr(bus_get_objects(), word) != NULL;
}

/* Signals */

START_TEST(signals_of_a_burst_are_few)
{
        const Signals *signals = bus_signals();

        daemon_start();
        bus_forget_signals();
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(signals->capacity_changed > 0);
        ck_assert_uint_eq(signals->online_bytes, BYTES(24));
        ck_assert_uint_eq(signals->movable_bytes, BYTES(12));
        ck_assert_uint_eq(signals->capacity_changed, 1);
        ck_assert_uint_gt(signals->blocks_changed, 0);
        ck_assert_uint_lt(signals->blocks_changed, DIMM_BLOCKS / 2);
        ck_assert_uint_eq(signals->lowest, DIMM);
        ck_assert_uint_eq(signals->highest, DIMM + DIMM_BLOCKS - 1);
        ck_assert_uint_gt(signals->manager_changed, 0);
        ck_assert_uint_lt(signals->manager_changed, DIMM_BLOCKS / 2);
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
        wait_for(signals->capacity_changed > 0);
        ck_assert_uint_eq(signals->online_bytes, BYTES(8));
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
        ck_assert_uint_eq(bus_count_status("done"), 4);
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

        tcase_add_test(signals, signals_of_a_burst_are_few);
        tcase_add_test(signals, a_node_that_clients_know_tells_its_new_sums);
        tcase_add_test(signals, memory_that_goes_is_told_as_well);

        tcase_add_test(objects, nodes_are_listed_and_blocks_are_not);
        tcase_add_test(objects, unknown_objects_are_refused);

        tcase_add_test(connection, without_a_bus_memory_comes_online_and_the_bus_is_joined_later);
        tcase_add_test(connection, a_bus_that_went_away_is_joined_again);
}

static void add_service_cases(Suite *suite)
{
        TCase *notify = fixture_case(suite, "notify");
        TCase *reload = fixture_case(suite, "reload");
        TCase *log = fixture_case(suite, "log");

        tcase_add_test(notify, the_watchdog_is_fed);
        tcase_add_test(notify, the_status_line_has_the_sums);

        tcase_add_test(reload, a_hangup_reloads_and_the_next_memory_follows);
        tcase_add_test(reload, a_broken_reload_keeps_the_policy_and_says_where);
        tcase_add_test(reload, a_broken_hangup_keeps_the_policy_too);
        tcase_add_test(reload, changes_need_authority);

        tcase_add_test(log, the_log_level_can_be_set);
}

int main(void)
{
        Suite *suite = suite_create("daemon-bus");

        add_bus_cases(suite);
        add_service_cases(suite);
        return check_main(suite);
}
