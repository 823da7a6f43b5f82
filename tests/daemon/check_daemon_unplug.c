/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <stdio.h>

/* What the whole of memoryd does when the kernel could not unplug a DIMM. */

#define DIMM 32
#define DIMM_BLOCKS 16 /* on a node of its own: 4 kernel blocks, and 12 movable ones above them */
#define LAST (DIMM + DIMM_BLOCKS - 1)
#define FIRST_MOVABLE (DIMM + 4)
#define DEVICE "PNP0C80:00"

static void start_with_dimm(void)
{
        daemon_start();
        testbed_add_node(1, true);
        testbed_begin_acpi(DEVICE);
        testbed_add_blocks(DIMM, DIMM_BLOCKS);
        testbed_end_acpi(DEVICE, DIMM, DIMM_BLOCKS);
        testbed_link_blocks(DIMM, DIMM_BLOCKS, 1);
        testbed_events("add", DIMM, DIMM_BLOCKS);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        bus_forget_signals();
}

/* The kernel or an administrator takes blocks offline, or online in a zone. */
static void change(unsigned first, unsigned last, const char *zone)
{
        for (unsigned block = first; block <= last; block++) {
                char name[16];

                snprintf(name, sizeof(name), "memory%u", block);
                testbed_set_block(block, zone);
                testbed_event(zone ? "online" : "offline", name);
                /* memoryd waits while nothing receives its notifications. */
                wait_step(wait_begin(), "an event", __FILE__, __LINE__);
        }
}

static void say_refused(unsigned block)
{
        char record[128];

        snprintf(record, sizeof(record),
                 "4,504,126095926,-;memory memory%u: Offline failed.\n SUBSYSTEM=memory\n "
                 "DEVICE=+memory:memory%u\n",
                 block, block);
        testbed_log(record);
}

/* All blocks but the lowest go offline, and come back as kernel memory, as the kernel has it by default. */
static void refuse_unplug(void)
{
        change(DIMM + 1, LAST, NULL);
        say_refused(DIMM);
        change(DIMM + 1, LAST, "Normal");
}

static void wait_restored(void)
{
        wait_for(bus_signals()->job_removed > 0 && bus_count_jobs() == 0);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
}

START_TEST(what_the_kernel_changed_is_restored_and_told)
{
        HistoryRow row = {};

        start_with_dimm();
        refuse_unplug();
        wait_restored();
        ck_assert_str_eq(bus_signals()->result, "done");
        ck_assert_uint_eq(bus_signals()->total, 12);
        ck_assert(daemon_logged(DEVICE " could not be unplugged, because memory32 did not go "
                                       "offline; the kernel brought 12 blocks (48M) back in "
                                       "another class, which memoryd restores"));
        ck_assert(daemon_logged("restore device " DEVICE
                                " for memoryd: Restored the class of 12 blocks (48M)"));
        ck_assert(!daemon_logged("something other than memoryd"));
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM, "Reason"), "this block did not go offline"));
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM + 1, "Reason"), "again as it was"));
        ck_assert_ptr_nonnull(strstr(bus_explain(LAST, "Reason"), "made it movable again"));
        ck_assert(bus_explains(LAST, "OnlinedBy=memoryd"));
        for (unsigned i = 0; i < bus_count_history() && !*row.blocks; i++)
                if (strstr(bus_get_history(i).reason, "could not be unplugged"))
                        row = bus_get_history(i);
        ck_assert_str_eq(row.blocks, "32");

        /* The host asks again. */
        bus_forget_signals();
        refuse_unplug();
        wait_restored();
        ck_assert_uint_eq(daemon_count_logged("could not be unplugged"), 2);
}
END_TEST

START_TEST(what_holds_the_block_that_refused_is_told)
{
        static char flags[(DIMM + 1) * (TESTBED_BLOCK_BYTES / 4096) * sizeof(uint64_t)];

        /* The eighth bit of each number is that of slab pages. */
        memset(flags, 0x80, sizeof(flags));
        testbed_write_bytes("proc/kpageflags", flags, sizeof(flags));
        start_with_dimm();
        refuse_unplug();
        wait_restored();
        ck_assert(daemon_logged(DEVICE " could not be unplugged, because memory32 did not go "
                                       "offline (held by "));
        ck_assert_ptr_nonnull(strstr(bus_explain(DIMM, "NotOffline"), " slab pages"));
        ck_assert_ptr_null(bus_explain(LAST, "NotOffline"));
}
END_TEST

START_TEST(what_an_administrator_changes_in_the_same_way_stays)
{
        start_with_dimm();
        change(DIMM + 1, LAST, NULL);
        change(DIMM + 1, LAST, "Normal");
        wait_for(bus_count_status("foreign") == 12);
        usleep(500 * USEC_PER_MSEC);
        ck_assert_uint_eq(bus_signals()->job_new, 0);

        /* The kernel's message about this is yet to come, for what happens now. */
        say_refused(0);
        wait_for(daemon_logged("could not be unplugged"));
        ck_assert_uint_eq(bus_count_status("foreign"), 12);
        ck_assert_uint_eq(bus_signals()->job_new, 0);
}
END_TEST

START_TEST(what_an_administrator_changes_while_a_job_restores_stays)
{
        start_with_dimm();
        testbed_hold(LAST, 0);
        refuse_unplug();
        wait_for(testbed_is_waiting(LAST));
        ck_assert_str_eq(bus_get_job(0), "restore running device " DEVICE);
        change(FIRST_MOVABLE, FIRST_MOVABLE, NULL);
        change(FIRST_MOVABLE, FIRST_MOVABLE, "Normal");
        testbed_let_go(LAST);
        wait_for(bus_signals()->job_removed > 0);
        ck_assert_str_eq(bus_signals()->result, "partly");
        ck_assert_uint_eq(bus_signals()->failed_block, FIRST_MOVABLE);
        testbed_assert_zones(DIMM, 5, 11);
        ck_assert(bus_block_is(FIRST_MOVABLE, "foreign"));
        ck_assert_ptr_null(strstr(bus_explain(FIRST_MOVABLE, "Reason"), "unplugged"));
}
END_TEST

START_TEST(an_unplug_that_fails_while_a_job_restores_is_undone_as_well)
{
        start_with_dimm();
        testbed_hold(LAST, 0);
        refuse_unplug();
        wait_for(testbed_is_waiting(LAST));
        change(DIMM + 1, LAST - 1, NULL);
        say_refused(DIMM);
        change(DIMM + 1, LAST - 1, "Normal");
        testbed_let_go(LAST);
        wait_restored();
        wait_for(daemon_count_logged("could not be unplugged") == 2);
}
END_TEST

START_TEST(blocks_that_were_online_before_memoryd_are_not_judged)
{
        start_with_dimm();
        daemon_stop();
        bus_forget_values();
        daemon_start();
        wait_for(bus_count_status("initial") == 8 + DIMM_BLOCKS);
        bus_forget_signals();
        refuse_unplug();
        wait_for(bus_signals()->job_removed > 0 && bus_count_jobs() == 0);
        wait_for(bus_count_status("initial") == 8 + DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        ck_assert(!daemon_logged("something other than memoryd"));
}
END_TEST

START_TEST(a_block_that_does_not_go_offline_again_is_told)
{
        start_with_dimm();
        testbed_set_fault(LAST, EBUSY, -1, 0);
        refuse_unplug();
        wait_for(bus_signals()->job_removed > 0);
        ck_assert_str_eq(bus_signals()->result, "partly");
        ck_assert(bus_block_is(LAST, "foreign"));
        ck_assert_ptr_nonnull(strstr(bus_explain(LAST, "Reason"), "could not make it movable"));
        ck_assert(bus_explains(LAST, "OnlinedBy=kernel"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon_unplug");
        TCase *tcase = fixture_case(suite, "unplug");

        tcase_add_test(tcase, what_the_kernel_changed_is_restored_and_told);
        tcase_add_test(tcase, what_holds_the_block_that_refused_is_told);
        tcase_add_test(tcase, what_an_administrator_changes_in_the_same_way_stays);
        tcase_add_test(tcase, what_an_administrator_changes_while_a_job_restores_stays);
        tcase_add_test(tcase, an_unplug_that_fails_while_a_job_restores_is_undone_as_well);
        tcase_add_test(tcase, blocks_that_were_online_before_memoryd_are_not_judged);
        tcase_add_test(tcase, a_block_that_does_not_go_offline_again_is_told);
        return check_main(suite);
}
