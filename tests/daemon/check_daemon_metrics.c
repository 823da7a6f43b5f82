/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* What memoryd counts and tells with GetMetrics(), and that no counter goes back. */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <signal.h>
#include <stdio.h>

#define DIMM 32        /* the first block of what is added */
#define DIMM_BLOCKS 16 /* of which a ratio of 3 makes 4 kernel memory */
#define KEPT "root/run/memoryd/state/counters"
#define EVER " 18446744073709551615 " /* the bound of the last bucket */

static const char quick_retries[] =
        "retry = { delay = \"20ms\"; factor = 1.0; cap = \"20ms\"; attempts = 3; };\n";

static bool counts(const char *line)
{
        char text[160];

        snprintf(text, sizeof(text), "\n%s\n", line);
        return strstr(bus_get_metrics(), text) != NULL;
}

#define assert_counts(line) ck_assert_msg(counts(line), "no \"%s\" in: %s", line, bus_get_metrics())

/* The number at the end of the line that begins so; 0 without such a line. */
static uint64_t count_of(const char *beginning)
{
        char text[160];
        const char *at;

        snprintf(text, sizeof(text), "\n%s ", beginning);
        at = strstr(bus_get_metrics(), text);
        return at ? strtoull(at + strlen(text), NULL, 10) : 0;
}

/* A DIMM of 16 blocks, of which a movable one fails once. */
static void add_dimm(void)
{
        testbed_add_node(1, true);
        testbed_set_fault(DIMM + 10, EBUSY, 1, 0);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
}

START_TEST(decisions_errors_and_bursts_are_counted)
{
        daemon_set_config(quick_retries);
        daemon_start();
        assert_counts("EventsLost 0");
        assert_counts("OnlineDurations" EVER "0");
        assert_counts("MaxMovableRatioPermille 3000");
        ck_assert_ptr_null(strstr(bus_get_metrics(), "Decisions"));
        add_dimm();
        /* A block that failed and was planned again counts once. */
        assert_counts("Decisions kernel  4");
        assert_counts("Decisions movable  12");
        assert_counts("OnlineErrors 16 1");
        ck_assert_ptr_null(strstr(bus_get_metrics(), "OfflineErrors"));
        ck_assert_uint_ge(count_of("OnlineDurations 18446744073709551615"), 1);
        ck_assert_uint_gt(count_of("OnlineDurationsUSec"), 0);
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        ck_assert_str_eq(bus_call_manager("RescanAll"), "");
        assert_counts("Rescans 2");
}
END_TEST

START_TEST(a_block_that_failed_for_good_is_counted_with_all_attempts)
{
        daemon_set_config(quick_retries);
        daemon_start();
        testbed_set_fault(DIMM, EINVAL, 3, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_count_status("failed") == 1);
        assert_counts("Decisions movable  1");
        assert_counts("OnlineErrors 22 3");
        assert_counts("OnlineDurations" EVER "0");
}
END_TEST

START_TEST(the_ratios_are_those_that_the_guards_compare)
{
        char line[128];

        daemon_start();
        snprintf(line, sizeof(line), "Ratios 0 %ju 0", (uintmax_t) (8 * TESTBED_BLOCK_BYTES));
        assert_counts(line);
        add_dimm();
        snprintf(line, sizeof(line), "Ratios 1 %ju %ju", (uintmax_t) (4 * TESTBED_BLOCK_BYTES),
                 (uintmax_t) (12 * TESTBED_BLOCK_BYTES));
        wait_for(counts(line));
        snprintf(line, sizeof(line), "Ratios 4294967295 %ju %ju",
                 (uintmax_t) (12 * TESTBED_BLOCK_BYTES), (uintmax_t) (12 * TESTBED_BLOCK_BYTES));
        assert_counts(line);
}
END_TEST

START_TEST(jobs_are_counted_by_their_end)
{
        daemon_start();
        assert_counts("JobsEnded offline done 0");
        add_dimm();
        testbed_set_fault(DIMM + 15, EBUSY, 100, 0);
        ck_assert_str_ne(bus_request_blocks("Offline", DIMM + 14, DIMM + 15), "");
        wait_for(bus_count_jobs() == 0);
        assert_counts("JobsEnded offline partly 1");
        assert_counts("JobsEnded offline done 0");
        ck_assert_uint_ge(count_of("OfflineErrors 16"), 1);
        ck_assert_str_ne(bus_request_blocks("Online", DIMM + 14, DIMM + 14), "");
        wait_for(bus_count_jobs() == 0);
        assert_counts("JobsEnded online done 1");
        /* A user has asked for this: the policy has decided nothing, and the block is not new. */
        assert_counts("Decisions movable  12");
        assert_counts("OnlineErrors 16 1");
}
END_TEST

START_TEST(a_removed_rule_keeps_its_counters)
{
        daemon_set_config("rules = ({ name = \"all\"; zone = \"movable\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        assert_counts("Decisions movable all 4");
        daemon_set_config("rules = ({ name = \"each\"; zone = \"movable\"; });\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        testbed_add_dimm(DIMM + 8, 2, 0);
        wait_for(bus_count_status("done") == 6);
        assert_counts("Decisions movable all 4");
        assert_counts("Decisions movable each 2");
}
END_TEST

START_TEST(blocks_that_a_rule_leaves_are_counted_once)
{
        daemon_set_config("rules = ({ name = \"spare\"; zone = \"offline\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("left") == 4);
        assert_counts("Decisions offline spare 4");
        assert_counts("OnlineDurations" EVER "0");
}
END_TEST

static void kill_daemon(void)
{
        ck_assert_int_ge(kill(daemon_pid(), SIGKILL), 0);
        ck_assert_int_eq(daemon_wait(), -SIGKILL);
        ck_assert_int_eq(daemon_wait_actuator(), 0);
}

START_TEST(no_counter_goes_back_when_memoryd_starts_again)
{
        static char before[1 << 14];

        daemon_set_config(quick_retries);
        daemon_start();
        add_dimm();
        for (int i = 0; i < 4; i++) {
                ck_assert_str_eq(bus_call_manager("Rescan"), "");
                snprintf(before, sizeof(before), "%s", bus_get_metrics());
                /* What a client was told is saved, whatever happens to memoryd next. */
                if (i % 2 == 0)
                        kill_daemon();
                else
                        daemon_stop();
                daemon_start();
                ck_assert_str_eq(bus_get_metrics(), before);
        }
        assert_counts("Rescans 4");
        assert_counts("Decisions movable  12");
}
END_TEST

START_TEST(a_damaged_file_is_told_and_counting_begins_anew)
{
        uint64_t since;

        daemon_start();
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        since = count_of("SinceUSec");
        daemon_stop();
        testbed_cut(KEPT, 1);
        daemon_start();
        ck_assert_uint_eq(daemon_count_logged("state/counters: it is damaged or of another "
                                              "version, counting anew"),
                          1);
        assert_counts("Rescans 0");
        ck_assert_uint_gt(count_of("SinceUSec"), since);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("metrics");
        TCase *tcase = fixture_case(suite, "counters");

        tcase_add_test(tcase, decisions_errors_and_bursts_are_counted);
        tcase_add_test(tcase, a_block_that_failed_for_good_is_counted_with_all_attempts);
        tcase_add_test(tcase, the_ratios_are_those_that_the_guards_compare);
        tcase_add_test(tcase, jobs_are_counted_by_their_end);
        tcase_add_test(tcase, a_removed_rule_keeps_its_counters);
        tcase_add_test(tcase, blocks_that_a_rule_leaves_are_counted_once);
        tcase = fixture_case(suite, "restart");
        tcase_add_test(tcase, no_counter_goes_back_when_memoryd_starts_again);
        tcase_add_test(tcase, a_damaged_file_is_told_and_counting_begins_anew);
        return check_main(suite);
}
