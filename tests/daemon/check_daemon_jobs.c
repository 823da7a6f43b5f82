/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <time.h>

/* What the whole of memoryd does when it is asked for memory: offline, online, another class. */

#define DIMM 32
#define DIMM_BLOCKS 16 /* on a node of its own: 4 kernel blocks, and 12 movable ones above them */
#define LAST (DIMM + DIMM_BLOCKS - 1)
#define FIRST_MOVABLE (DIMM + 4)

#define ERROR "org.memoryd1.Error."
#define ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"

/* Longer than any test takes: what is in it has to be interrupted. */
#define ENDLESS_MSEC 3600000

static void start_with_dimm(void)
{
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        bus_forget_signals();
}

/* Waits for the next job to end: its result. */
static const char *wait_result(void)
{
        const Signals *signals = bus_signals();

        wait_for(signals->job_removed > 0);
        return signals->result;
}

static void assert_offline(unsigned first, unsigned last)
{
        for (unsigned block = first; block <= last; block++) {
                ck_assert_msg(testbed_block_is(block, "offline", "Normal Movable"),
                              "memory%u is not offline", block);
                ck_assert_msg(bus_block_is(block, "offlined"), "memory%u is %s", block,
                              bus_get_block(block).status);
        }
}

/* Offline */

START_TEST(blocks_go_offline_the_highest_first)
{
        const Signals *signals = bus_signals();
        const char *job;
        char line[64];

        start_with_dimm();
        job = bus_request_blocks("Offline", LAST - 3, LAST);
        ck_assert_str_eq(bus_error_name(), "");
        ck_assert_str_eq(job, "/org/memoryd1/job/1");
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_str_eq(signals->job, "/org/memoryd1/job/1");
        ck_assert_uint_eq(signals->total, 4);
        ck_assert_uint_eq(signals->done, 4);
        ck_assert_uint_eq(signals->failed, 0);
        assert_offline(LAST - 3, LAST);
        for (unsigned i = 0; i < 4; i++) {
                char expected[64];

                snprintf(expected, sizeof(expected), "memory%u offline 0\n", LAST - i);
                ck_assert(testbed_get_write(DIMM_BLOCKS + i, line));
                ck_assert_str_eq(line, expected);
        }
        ck_assert_str_eq(bus_explain(LAST, "OfflinedBy"), "memoryd");
        ck_assert_uint_eq(signals->job_new, 1);
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert(daemon_logged("Offline called by "));
        ck_assert(daemon_logged("Job 1, offline blocks 44-47 for root: "));
}
END_TEST

START_TEST(what_a_job_took_offline_stays_so_over_a_restart_a_reload_and_a_hot_add)
{
        start_with_dimm();
        bus_request_blocks("Offline", LAST - 1, LAST);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("done") == DIMM_BLOCKS - 2 + 4);
        assert_offline(LAST - 1, LAST);

        daemon_stop();
        daemon_start();
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks") == 0);
        assert_offline(LAST - 1, LAST);
        ck_assert_str_eq(bus_explain(LAST, "OfflinedBy"), "memoryd");

        ck_assert_str_eq(bus_call_manager("RescanAll"), "");
        wait_for(bus_count_status("done") == 2);
        ck_assert(bus_block_is(LAST, "done"));
        ck_assert(testbed_block_is(LAST, "online", "Movable"));
}
END_TEST

START_TEST(what_another_took_offline_is_remembered_as_well)
{
        start_with_dimm();
        testbed_set_block(LAST, NULL);
        testbed_event("offline", "memory47");
        wait_for(bus_block_is(LAST, "offlined"));
        ck_assert_str_eq(bus_explain(LAST, "OfflinedBy"), "other");
        daemon_stop();
        daemon_start();
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks") == 0);
        ck_assert(bus_block_is(LAST, "offlined"));
        ck_assert_str_eq(bus_explain(LAST, "OfflinedBy"), "other");

        bus_forget_signals();
        bus_request_blocks("Online", LAST, LAST);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert(testbed_block_is(LAST, "online", "Movable"));
}
END_TEST

START_TEST(a_block_that_comes_again_is_the_policys)
{
        start_with_dimm();
        bus_request_blocks("Offline", LAST, LAST);
        ck_assert_str_eq(wait_result(), "done");
        testbed_events("remove", LAST, 1);
        testbed_remove_blocks(LAST, 1);
        wait_for(bus_count_blocks() == 8 + DIMM_BLOCKS - 1);
        testbed_add_dimm(LAST, 1, 1);
        wait_for(bus_block_is(LAST, "done"));
}
END_TEST

START_TEST(a_block_that_cannot_leave_is_named_and_the_others_go)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_set_fault(LAST - 1, EBUSY, -1, 0);
        bus_request_blocks("Offline", LAST - 2, LAST);
        ck_assert_str_eq(wait_result(), "partly");
        ck_assert_uint_eq(signals->done, 2);
        ck_assert_uint_eq(signals->failed, 1);
        ck_assert_uint_eq(signals->failed_block, LAST - 1);
        ck_assert_int_eq(signals->failed_error, EBUSY);
        ck_assert_ptr_nonnull(strstr(signals->failure, "EBUSY"));
        /* The journal names it, which has no other place for it. */
        ck_assert_ptr_nonnull(strstr(signals->message, "offline; 1 failed"));
        ck_assert_ptr_null(strstr(signals->message, "memory46"));
        ck_assert(daemon_logged("offline; 1 failed: memory46: EBUSY: "));
        ck_assert(bus_block_is(LAST - 1, "done"));
        ck_assert(bus_block_is(LAST, "offlined"));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "FailedBlocks"), 0);
}
END_TEST

START_TEST(a_block_that_cannot_be_read_again_is_not_taken_for_offline)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_set_fault(LAST, EBUSY, -1, 0);
        testbed_set_block(LAST, "Unheard");
        bus_request_blocks("Offline", LAST, LAST);
        ck_assert_str_eq(wait_result(), "failed");
        ck_assert_uint_eq(signals->failed_block, LAST);
        ck_assert(bus_block_is(LAST, "done"));
}
END_TEST

START_TEST(what_was_done_is_taken_back_if_that_was_asked_for)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_set_fault(LAST - 2, EBUSY, -1, 0);
        bus_request("Offline", 2, "Blocks", "a(uu)", 1, LAST - 2, LAST, "UndoOnFailure", "b", 1);
        ck_assert_str_eq(wait_result(), "failed");
        ck_assert_uint_eq(signals->undone, 2);
        for (unsigned block = LAST - 2; block <= LAST; block++)
                ck_assert(testbed_block_is(block, "online", "Movable"));
        wait_for(bus_count_status("offlined") == 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 0);
}
END_TEST

/* What holds a block */

#define BIT(n) (UINT64_C(1) << (n))
#define FREE BIT(10)
#define CACHE BIT(5)
#define SLAB BIT(7)

/* The flags of the pages of all blocks, as /proc/kpageflags has them. All are free at first. */
static uint64_t *flags;
static size_t pages_per_block;

static void make_flags(void)
{
        pages_per_block = TESTBED_BLOCK_BYTES / (uint64_t) sysconf(_SC_PAGESIZE);
        flags = calloc((LAST + 1) * pages_per_block, sizeof(*flags));
        ck_assert_ptr_nonnull(flags);
        for (size_t i = 0; i < (LAST + 1) * pages_per_block; i++)
                flags[i] = FREE;
}

static void use_pages(unsigned block, size_t first, size_t n, uint64_t use)
{
        ck_assert_uint_le(first + n, pages_per_block);
        for (size_t i = 0; i < n; i++)
                flags[block * pages_per_block + first + i] = use;
}

static void write_flags(void)
{
        testbed_write_bytes("proc/kpageflags", (const char *) flags,
                            (LAST + 1) * pages_per_block * sizeof(*flags));
        free(flags);
}

START_TEST(what_the_pages_of_blocks_are_used_for_is_counted)
{
        char expected[256];
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);

        make_flags();
        use_pages(DIMM, 0, 3, SLAB);
        use_pages(DIMM, 3, 2, CACHE);
        write_flags();
        start_with_dimm();
        snprintf(
                expected, sizeof(expected),
                "[(%d [(free %llu %llu) (page-cache %llu %llu) (slab %llu %llu)])] held by 3 slab ",
                DIMM, (unsigned long long) page,
                (unsigned long long) (TESTBED_BLOCK_BYTES - 5 * page), (unsigned long long) page,
                (unsigned long long) (2 * page), (unsigned long long) page,
                (unsigned long long) (3 * page));
        ck_assert_ptr_eq(strstr(bus_count_pages(DIMM, DIMM), expected),
                         bus_count_pages(DIMM, DIMM));
        ck_assert_ptr_nonnull(strstr(bus_count_pages(DIMM, DIMM), "[Slab pages have"));
        /* What is not there or offline is left out. */
        ck_assert_ptr_nonnull(strstr(bus_count_pages(0, UINT32_MAX), " (47 [("));
        ck_assert_str_eq(bus_count_pages(LAST + 1, UINT32_MAX), "[]  []");
        ck_assert_str_eq(bus_request_blocks("Offline", LAST, LAST) ? wait_result() : "", "done");
        ck_assert_str_eq(bus_count_pages(LAST, LAST), "[]  []");
        ck_assert_ptr_nonnull(strstr(bus_count_pages(LAST + 1, LAST + 1), ERROR "NoSuchBlock: "));
        ck_assert_ptr_nonnull(strstr(bus_count_pages(2, 1), "InvalidArgs: Blocks 2-1: "));
}
END_TEST

START_TEST(without_the_flags_of_pages_nothing_is_counted)
{
        start_with_dimm();
        ck_assert_ptr_nonnull(strstr(bus_count_pages(DIMM, LAST), "NotSupported: memoryd cannot "
                                                                  "read /proc/kpageflags"));
        bus_request("Offline", 1, "Size", "t", TESTBED_BLOCK_BYTES);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert(testbed_block_is(LAST, "offline", "Normal Movable"));
}
END_TEST

START_TEST(a_count_waits_for_a_write_and_gives_up_in_time)
{
        make_flags();
        write_flags();
        start_with_dimm();
        testbed_hold(LAST, 0);
        bus_request_blocks("Offline", LAST, LAST);
        wait_for(testbed_is_waiting(LAST));
        ck_assert_ptr_nonnull(strstr(bus_count_pages(DIMM, DIMM), "Timeout: The pages could not"));
        testbed_let_go(LAST);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_ptr_nonnull(strstr(bus_count_pages(DIMM, DIMM), "no page is in use"));
}
END_TEST

/* Has a client of its own ask for a job, and leave without the answer: at once, or when memoryd has taken the call. */
static void ask_and_leave(bool at_once)
{
        sd_bus_message *message = NULL, *reply = NULL;
        sd_bus *client = NULL;

        ck_assert_int_ge(sd_bus_new(&client), 0);
        ck_assert_int_ge(sd_bus_set_address(client, bus_address()), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(client, true), 0);
        ck_assert_int_ge(sd_bus_start(client), 0);
        ck_assert_int_ge(sd_bus_message_new_method_call(client, &message, "org.memoryd1",
                                                        MANAGER_PATH, MANAGER, "Offline"),
                         0);
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "Size", "t",
                                               (uint64_t) TESTBED_BLOCK_BYTES),
                         0);
        ck_assert_int_ge(sd_bus_send(client, message, NULL), 0);
        sd_bus_message_unref(message);
        /* The calls of a user are taken in order. */
        if (!at_once)
                ck_assert_int_ge(sd_bus_call_method(client, "org.memoryd1", MANAGER_PATH, MANAGER,
                                                    "ListJobs", NULL, &reply, NULL),
                                 0);
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(client);
}

START_TEST(a_caller_who_leaves_while_pages_are_counted_gets_no_job)
{
        make_flags();
        write_flags();
        daemon_start();
        testbed_add_node(1, true);
        testbed_hold(LAST, 0);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(testbed_is_waiting(LAST));
        ask_and_leave(_i);
        testbed_let_go(LAST);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        /* This is done after the count of any other call. */
        ck_assert_ptr_nonnull(strstr(bus_count_pages(0, UINT32_MAX), "no page is in use"));
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert_uint_eq(bus_count_status("offlined"), 0);
}
END_TEST

START_TEST(a_block_that_cannot_leave_has_its_holders_named)
{
        const Signals *signals = bus_signals();

        make_flags();
        use_pages(LAST, 7, 12, SLAB);
        write_flags();
        start_with_dimm();
        testbed_set_fault(LAST, EBUSY, -1, 0);
        bus_request_blocks("Offline", LAST - 1, LAST);
        ck_assert_str_eq(wait_result(), "partly");
        ck_assert_ptr_nonnull(strstr(signals->failure, "(held by 12 slab pages; "));
        ck_assert_ptr_nonnull(strstr(bus_explain_all(LAST), "NotOffline=held by 12 slab pages; "));
        ck_assert_ptr_nonnull(strstr(bus_explain_all(LAST), "NotOfflineAdvice=[Slab pages have"));
        ck_assert_ptr_null(strstr(bus_explain_all(LAST - 1), "NotOffline"));
        /* Until it leaves. */
        testbed_set_fault(LAST, 0, 0, 0);
        bus_forget_signals();
        bus_request_blocks("Offline", LAST, LAST);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_ptr_null(strstr(bus_explain_all(LAST), "NotOffline"));
}
END_TEST

START_TEST(pages_that_the_kernels_log_names_are_pinned)
{
        const Signals *signals = bus_signals();
        char record[80];

        make_flags();
        use_pages(LAST, 7, 1, CACHE);
        write_flags();
        start_with_dimm();
        testbed_set_fault(LAST, EBUSY, -1, 0);
        testbed_hold(LAST, 0);
        bus_request_blocks("Offline", LAST, LAST);
        wait_for(testbed_is_waiting(LAST));
        snprintf(record, sizeof(record), "4,1,2,-;migrating pfn %zx failed ret:1\n",
                 LAST * pages_per_block + 7);
        testbed_log(record);
        testbed_let_go(LAST);
        ck_assert_str_eq(wait_result(), "failed");
        ck_assert_ptr_nonnull(
                strstr(signals->failure, "(held by 1 page that a process or device keeps pinned"));
        ck_assert_ptr_nonnull(strstr(bus_explain_all(LAST), "keeps pinned"));
}
END_TEST

START_TEST(the_emptiest_blocks_go_offline_first)
{
        make_flags();
        for (unsigned block = FIRST_MOVABLE; block <= LAST; block++)
                use_pages(block, 0, block - DIMM, CACHE);
        use_pages(FIRST_MOVABLE + 5, 0, 20, FREE);
        use_pages(FIRST_MOVABLE + 1, 50, 1, SLAB);
        write_flags();
        start_with_dimm();
        bus_request("Offline", 1, "Size", "t", 3 * TESTBED_BLOCK_BYTES);
        ck_assert_str_eq(wait_result(), "done");
        assert_offline(FIRST_MOVABLE, FIRST_MOVABLE);
        assert_offline(FIRST_MOVABLE + 2, FIRST_MOVABLE + 2);
        assert_offline(FIRST_MOVABLE + 5, FIRST_MOVABLE + 5);
        ck_assert_uint_eq(bus_count_status("offlined"), 3);
}
END_TEST

/* Time */

START_TEST(a_write_that_never_ends_is_interrupted_when_the_time_is_up)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_set_fault(LAST, 0, -1, ENDLESS_MSEC);
        /* Half of it is for the other block, which takes no time, if the machine is not too busy. */
        bus_request("Offline", 2, "Blocks", "a(uu)", 1, LAST - 1, LAST, "TimeoutUSec", "t",
                    (uint64_t) 8000000);
        ck_assert_str_eq(wait_result(), "timed-out");
        ck_assert_uint_le(signals->failures_changed, 1);
        ck_assert_uint_eq(signals->done, 1);
        ck_assert_uint_eq(signals->failed_block, LAST);
        ck_assert_int_eq(signals->failed_error, EBUSY);
        ck_assert(bus_block_is(LAST - 1, "offlined"));
        ck_assert(bus_block_is(LAST, "done"));
}
END_TEST

START_TEST(reads_are_answered_while_a_write_hangs_and_cancel_ends_it)
{
        const Signals *signals = bus_signals();
        char job[64];

        start_with_dimm();
        testbed_set_fault(LAST - 1, 0, -1, ENDLESS_MSEC);
        testbed_hold(LAST, 0);
        strcpy(job, bus_request_blocks("Offline", LAST - 2, LAST));
        /* What changes after this signal has a signal of its own. */
        wait_for(signals->job_new == 1);
        testbed_let_go(LAST);
        wait_for(bus_get_number(job, "org.memoryd1.Job", "CurrentBlock") == (uint32_t) LAST - 1);
        ck_assert_uint_eq(bus_get_number(job, "org.memoryd1.Job", "DoneBlocks"), 1);
        ck_assert_str_eq(bus_get_text(job, "org.memoryd1.Job", "State"), "running");
        ck_assert_str_eq(bus_get_text(job, "org.memoryd1.Job", "Kind"), "offline");
        ck_assert_str_eq(bus_get_text(job, "org.memoryd1.Job", "Target"), "blocks 45-47");
        ck_assert_str_eq(bus_get_text(job, "org.memoryd1.Job", "User"), "root");
        ck_assert(bus_block_is(LAST - 1, "offlining"));
        ck_assert_ptr_nonnull(strstr(bus_get_objects(), job));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Jobs"), 1);
        ck_assert_str_eq(bus_get_job(0), "offline running blocks 45-47");
        wait_for(signals->job_changed > 0);

        ck_assert_str_eq(bus_cancel(job), "");
        ck_assert_str_eq(wait_result(), "cancelled");
        ck_assert_uint_eq(signals->done, 1);
        ck_assert(bus_block_is(LAST - 1, "done"));
        ck_assert(bus_block_is(LAST - 2, "done"));
        ck_assert(bus_block_is(LAST, "offlined"));
        ck_assert_str_eq(bus_cancel(job), "org.freedesktop.DBus.Error.UnknownObject");
}
END_TEST

START_TEST(a_stop_does_not_wait_for_a_write_that_hangs)
{
        start_with_dimm();
        testbed_set_fault(LAST, 0, -1, ENDLESS_MSEC);
        bus_request_blocks("Offline", LAST, LAST);
        wait_for(bus_block_is(LAST, "offlining"));
        daemon_stop();
        ck_assert_str_eq(wait_result(), "cancelled");
        ck_assert(testbed_block_is(LAST, "online", "Movable"));
}
END_TEST

START_TEST(a_block_on_its_way_to_another_class_gets_there_when_the_job_is_cancelled)
{
        const Signals *signals = bus_signals();
        char job[64];

        start_with_dimm();
        testbed_hold(FIRST_MOVABLE, 1);
        strcpy(job, bus_request("SetZone", 2, "Blocks", "a(uu)", 1, FIRST_MOVABLE,
                                FIRST_MOVABLE + 1, "Zone", "s", "kernel"));
        ck_assert_str_eq(bus_error_name(), "");
        wait_for(testbed_count_writes("memory36 offline") == 1);
        ck_assert_str_eq(bus_cancel(job), "");
        testbed_let_go(FIRST_MOVABLE);
        ck_assert_str_eq(wait_result(), "cancelled");
        ck_assert_uint_eq(signals->done, 1);
        ck_assert_uint_eq(signals->failed, 0);
        ck_assert(testbed_block_is(FIRST_MOVABLE, "online", "Normal"));
        ck_assert(testbed_block_is(FIRST_MOVABLE + 1, "online", "Movable"));
}
END_TEST

/* Several */

START_TEST(jobs_run_in_the_order_they_came_and_none_shares_a_block)
{
        const Signals *signals = bus_signals();
        char first[64], second[64];

        start_with_dimm();
        testbed_set_fault(LAST, 0, -1, ENDLESS_MSEC);
        strcpy(first, bus_request_blocks("Offline", LAST, LAST));
        strcpy(second, bus_request_blocks("Offline", LAST - 2, LAST - 1));
        ck_assert_str_eq(bus_get_job(1), "offline queued blocks 45-46");
        bus_request_blocks("Offline", LAST - 3, LAST - 2);
        ck_assert_str_eq(bus_error_name(), ERROR "BlocksBusy");
        ck_assert_ptr_nonnull(strstr(bus_error_message(), second));
        ck_assert_uint_eq(bus_count_jobs(), 2);
        ck_assert_uint_eq(testbed_count_writes("memory46"), 1);

        ck_assert_str_eq(bus_cancel(first), "");
        wait_for(signals->job_removed == 2);
        ck_assert_str_eq(signals->job, second);
        ck_assert_str_eq(signals->result, "done");
        assert_offline(LAST - 2, LAST - 1);
}
END_TEST

START_TEST(a_queued_job_can_be_cancelled)
{
        const Signals *signals = bus_signals();
        char first[64], second[64];

        start_with_dimm();
        testbed_set_fault(LAST, 0, -1, ENDLESS_MSEC);
        strcpy(first, bus_request_blocks("Offline", LAST, LAST));
        strcpy(second, bus_request_blocks("Offline", LAST - 1, LAST - 1));
        ck_assert_str_eq(bus_cancel(second), "");
        ck_assert_str_eq(wait_result(), "cancelled");
        ck_assert_str_eq(signals->job, second);
        ck_assert_uint_eq(testbed_count_writes("memory46 offline"), 0);
        ck_assert_str_eq(bus_get_job(0), "offline running block 47");
        ck_assert_str_eq(bus_cancel(first), "");
}
END_TEST

START_TEST(so_can_the_first_one_while_memory_is_being_added)
{
        char job[64];

        start_with_dimm();
        testbed_hold(67, 0); /* the first of them */
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("writing") == 4);
        strcpy(job, bus_request_blocks("Offline", LAST, LAST));
        ck_assert_str_eq(bus_get_job(0), "offline queued block 47");
        ck_assert_str_eq(bus_cancel(job), "");
        ck_assert_str_eq(wait_result(), "cancelled");
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert_uint_eq(bus_count_status("writing"), 4);
        testbed_let_go(67);
        wait_for(bus_count_status("writing") == 0);
        ck_assert_uint_eq(testbed_count_writes("memory47 offline"), 0);
}
END_TEST

START_TEST(memory_that_is_added_comes_before_the_rest_of_a_job)
{
        char line[64];
        unsigned n;

        start_with_dimm();
        testbed_hold(LAST, 0);
        bus_request_blocks("Offline", FIRST_MOVABLE, LAST);
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("writing") == 4);
        testbed_let_go(LAST);
        wait_for(bus_count_status("pending") == 0 && bus_block_is(64, "done"));
        wait_for(bus_signals()->job_removed == 1);
        n = DIMM_BLOCKS;
        ck_assert(testbed_get_write(n, line));
        ck_assert_str_eq(line, "memory47 offline 0\n");
        for (unsigned i = 1; i <= 4; i++) {
                ck_assert(testbed_get_write(n + i, line));
                ck_assert_ptr_nonnull(strstr(line, " online_"));
        }
}
END_TEST

START_TEST(what_others_do_meanwhile_counts_as_done)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_hold(LAST, 0);
        bus_request_blocks("Offline", LAST - 3, LAST);
        testbed_set_block(LAST - 1, NULL);
        testbed_event("offline", "memory46");
        testbed_events("remove", LAST - 2, 1);
        testbed_remove_blocks(LAST - 2, 1);
        wait_for(strcmp(bus_get_block(LAST - 1).state, "offline") == 0 &&
                 bus_count_blocks() == 8 + DIMM_BLOCKS - 1);
        testbed_let_go(LAST);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_uint_eq(signals->done, 4);
        ck_assert_uint_eq(testbed_count_writes("memory46 offline"), 0);
        ck_assert_uint_eq(testbed_count_writes("memory45 offline"), 0);
        ck_assert_uint_eq(bus_count_blocks(), 8 + DIMM_BLOCKS - 1);
}
END_TEST

/* Online and set-zone */

START_TEST(online_in_a_class_is_what_was_asked_for)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        bus_request_blocks("Offline", FIRST_MOVABLE, FIRST_MOVABLE);
        ck_assert_str_eq(wait_result(), "done");
        bus_forget_signals();
        bus_request("Online", 2, "Blocks", "a(uu)", 1, FIRST_MOVABLE, FIRST_MOVABLE, "Zone", "s",
                    "kernel");
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_uint_eq(signals->done, 1);
        ck_assert(testbed_block_is(FIRST_MOVABLE, "online", "Normal"));
        ck_assert(bus_block_is(FIRST_MOVABLE, "requested"));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 0);
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        ck_assert(bus_block_is(FIRST_MOVABLE, "requested"));
}
END_TEST

START_TEST(the_boundary_moves_there_and_back)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        bus_request("SetZone", 2, "Node", "u", 1, "MovablePercent", "u", 25);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_uint_eq(signals->done, 8);
        for (unsigned i = 0; i < DIMM_BLOCKS; i++)
                ck_assert(testbed_block_is(DIMM + i, "online", i < 12 ? "Normal" : "Movable"));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "KernelBytes"),
                          12 * TESTBED_BLOCK_BYTES);

        bus_forget_signals();
        bus_request("SetZone", 2, "Node", "u", 1, "MovablePercent", "u", 75);
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_uint_eq(signals->done, 8);
        for (unsigned i = 0; i < DIMM_BLOCKS; i++)
                ck_assert(testbed_block_is(DIMM + i, "online", i < 4 ? "Normal" : "Movable"));
        ck_assert_uint_eq(bus_count_status("offlined"), 0);
}
END_TEST

START_TEST(what_cannot_leave_its_zone_stays_in_it)
{
        const Signals *signals = bus_signals();

        start_with_dimm();
        testbed_set_fault(FIRST_MOVABLE + 1, EBUSY, -1, 0);
        bus_request("SetZone", 2, "Blocks", "a(uu)", 1, FIRST_MOVABLE, FIRST_MOVABLE + 2, "Zone",
                    "s", "kernel");
        ck_assert_str_eq(wait_result(), "partly");
        ck_assert_uint_eq(signals->done, 2);
        ck_assert(testbed_block_is(FIRST_MOVABLE, "online", "Normal"));
        ck_assert(testbed_block_is(FIRST_MOVABLE + 1, "online", "Movable"));
        ck_assert(testbed_block_is(FIRST_MOVABLE + 2, "online", "Normal"));
        ck_assert_uint_eq(bus_count_status("offlined"), 0);
}
END_TEST

/* Bad input */

typedef struct Refused {
        const char *method;
        const char *key, *type;
        uint64_t value;
        const char *error;
} Refused;

/* A preview fails as the request does: with the same name and text. */
static void assert_preview_fails_so(const Refused *row)
{
        const char *kind = strcmp(row->method, "Offline") == 0 ? "offline" :
                           strcmp(row->method, "Online") == 0  ? "online" :
                                                                 "set-zone";
        char name[96], text[512];

        snprintf(name, sizeof(name), "%s", bus_error_name());
        snprintf(text, sizeof(text), "%s", bus_error_message());
        if (*row->type == 't')
                bus_preview(kind, 1, row->key, row->type, row->value);
        else
                bus_preview(kind, 1, row->key, row->type, (uint32_t) row->value);
        ck_assert_str_eq(bus_error_name(), name);
        ck_assert_str_eq(bus_error_message(), text);
}

START_TEST(what_makes_no_sense_is_refused_by_name)
{
        static const Refused refused[] = {
                { "Offline", "Node", "u", 9, "NoSuchNode" },
                { "Offline", "Node", "u", UINT32_MAX, "NoSuchNode" },
                { "Offline", "Size", "t", 0, "InvalidSize" },
                { "Offline", "Size", "t", TESTBED_BLOCK_BYTES + 1, "InvalidSize" },
                { "Offline", "Size", "t", TESTBED_BLOCK_BYTES * 1000, "NotEnoughBlocks" },
                { "Offline", "Node", "u", 0, "BootMemory" },
                { "Online", "Node", "u", 1, "NothingToDo" },
                { "Offline", "Colour", "u", 1, "InvalidRequest" },
                { "Offline", "Node", "t", 1, "InvalidRequest" },
                { "Offline", "Force", "b", 1, "InvalidRequest" },
                { "SetZone", "Node", "u", 1, "InvalidRequest" },
        };

        start_with_dimm();
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                const Refused *row = &refused[i];
                char name[96];

                if (*row->type == 't')
                        bus_request(row->method, 1, row->key, row->type, row->value);
                else
                        bus_request(row->method, 1, row->key, row->type, (uint32_t) row->value);
                snprintf(name, sizeof(name), ERROR "%s", row->error);
                ck_assert_msg(strcmp(bus_error_name(), name) == 0, "%s %s: '%s' %s", row->method,
                              row->key, bus_error_name(), bus_error_message());
                ck_assert_str_ne(bus_error_message(), "");
                ck_assert_ptr_null(strchr(bus_error_message(), '\n'));
                assert_preview_fails_so(row);
        }
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert_uint_eq(testbed_count_writes(""), DIMM_BLOCKS);
}
END_TEST

/* Preview */

START_TEST(a_preview_tells_what_the_job_does_then)
{
        start_with_dimm();
        ck_assert_str_eq(
                bus_preview("offline", 1, "Blocks", "a(uu)", 2, LAST - 3, LAST - 2, LAST, LAST),
                "node 1 movable->none 44-45 47-47 (3 of 16, 12 movable)\n");
        ck_assert_str_eq(bus_preview("offline", 1, "Node", "u", 1),
                         "node 1 kernel->none 32-35 (4 of 16, 12 movable)\n"
                         "node 1 movable->none 36-47 (12 of 16, 12 movable)\n");
        ck_assert_str_eq(bus_preview("offline", 1, "Size", "t", 2 * TESTBED_BLOCK_BYTES),
                         "node 1 movable->none 46-47 (2 of 16, 12 movable)\n");
        ck_assert_str_eq(bus_preview("set-zone", 2, "Node", "u", 1, "MovablePercent", "u", 50),
                         "node 1 movable->kernel 36-39 (4 of 16, 12 movable)\n");
        ck_assert_str_eq(bus_preview("set-zone", 3, "Blocks", "a(uu)", 1, 34, 35, "Zone", "s",
                                     "movable", "Force", "b", true),
                         "node 1 kernel->movable 34-35 (2 of 16, 12 movable)\n");
        /* Nothing has come of it. */
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert_uint_eq(testbed_count_writes(""), DIMM_BLOCKS);

        bus_request("Offline", 1, "Size", "t", 2 * TESTBED_BLOCK_BYTES);
        ck_assert_str_eq(wait_result(), "done");
        assert_offline(LAST - 1, LAST);
        ck_assert_str_eq(bus_preview("online", 1, "Node", "u", 1),
                         "node 1 none->movable 46-47 (2 of 16, 10 movable)\n");
        ck_assert_str_eq(bus_preview("online", 2, "Node", "u", 1, "Zone", "s", "kernel"),
                         "node 1 none->kernel 46-47 (2 of 16, 10 movable)\n");
}
END_TEST

START_TEST(a_preview_is_for_everybody_and_asks_nobody)
{
        start_with_dimm();
        polkit_set(POLKIT_DENIES);
        ck_assert_str_eq(bus_preview_as_nobody("offline", 1, false), "");
        ck_assert_str_eq(bus_preview_as_nobody("offline", 0, true), "");
        ck_assert_str_eq(bus_preview_as_nobody("offline", 0, false), ERROR "BootMemory");
        ck_assert_str_eq(bus_preview_as_nobody("offline", 99, false), ERROR "NoSuchNode");
        ck_assert_uint_eq(polkit_count(), 0);
        ck_assert_str_eq(bus_preview_as_nobody("rebalance", 1, false), ERROR "InvalidRequest");
        ck_assert_str_eq(bus_preview("restore", 1, "Node", "u", 1), "");
        ck_assert_str_eq(bus_error_message(),
                         "Kind: expected online, offline or set-zone, got 'restore'");
        ck_assert_uint_eq(bus_count_jobs(), 0);
        ck_assert_uint_eq(testbed_count_writes(""), DIMM_BLOCKS);
}
END_TEST

START_TEST(so_are_blocks_that_are_not_there)
{
        start_with_dimm();
        bus_request_blocks("Offline", 99, 99);
        ck_assert_str_eq(bus_error_name(), ERROR "NoSuchBlock");
        bus_request_blocks("Offline", 7, DIMM);
        ck_assert_str_eq(bus_error_name(), ERROR "RangeHasHoles");
        bus_request("Offline", 1, "Device", "s", "PNP0C80:77");
        ck_assert_str_eq(bus_error_name(), ERROR "NoSuchDevice");
        bus_request("SetZone", 2, "Node", "u", 1, "MovablePercent", "u", 101);
        ck_assert_str_eq(bus_error_name(), ERROR "InvalidPercentage");
        bus_request("SetZone", 2, "Node", "u", 1, "MovablePercent", "u", 100);
        ck_assert_str_eq(bus_error_name(), ERROR "LastKernelMemory");
        bus_request_blocks("Offline", DIMM, DIMM);
        ck_assert_str_eq(bus_error_name(), ERROR "BelowGuards");
        bus_request("Offline", 2, "Node", "u", 1, "Node", "u", 1);
        ck_assert_str_eq(bus_error_name(), ERROR "InvalidRequest");
        bus_request("Offline", 1, "Zone", "s", "sideways");
        ck_assert_str_eq(bus_error_name(), ERROR "InvalidRequest");
        ck_assert_uint_eq(bus_count_jobs(), 0);
}
END_TEST

/* Authority */

START_TEST(who_may_not_is_refused_whatever_he_asks_for)
{
        static const char *const methods[] = { "Online", "Offline", "SetZone" };
        char job[64];

        start_with_dimm();
        polkit_set(POLKIT_DENIES);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                ck_assert_str_eq(bus_request_as_nobody(methods[i], 1, false), ACCESS_DENIED);
                ck_assert_str_eq(bus_request_as_nobody(methods[i], 1, true), ACCESS_DENIED);
                ck_assert_str_eq(bus_request_as_nobody(methods[i], 99, false), ACCESS_DENIED);
        }
        ck_assert_str_eq(bus_call_manager_as_nobody("RescanAll"), ACCESS_DENIED);
        ck_assert_uint_eq(polkit_count(), 10);

        testbed_set_fault(LAST, 0, -1, ENDLESS_MSEC);
        strcpy(job, bus_request_blocks("Offline", LAST, LAST));
        ck_assert_str_eq(bus_cancel_as_nobody(job), ACCESS_DENIED);
        ck_assert_uint_eq(bus_count_jobs(), 1);
        /* The journal has the first few. */
        ck_assert(daemon_logged("Denied Online to "));
        ck_assert(daemon_logged("Further denials of user 65534 are only counted"));
        ck_assert(!daemon_logged("Denied Cancel to "));
        polkit_set(POLKIT_GRANTS);
        ck_assert_str_eq(bus_cancel_as_nobody(job), "");
        ck_assert_str_eq(wait_result(), "cancelled");
}
END_TEST

START_TEST(force_is_asked_for_beside_the_rest)
{
        start_with_dimm();
        polkit_set(POLKIT_GRANTS);
        ck_assert_str_eq(bus_request_as_nobody("Offline", 99, false), ERROR "NoSuchNode");
        ck_assert_uint_eq(polkit_count(), 1);
        ck_assert_str_eq(bus_request_as_nobody("Offline", 99, true), ERROR "NoSuchNode");
        ck_assert_uint_eq(polkit_count(), 3);
        ck_assert_str_eq(bus_request_as_nobody("Offline", 1, false), "");
        ck_assert_str_eq(wait_result(), "done");
        ck_assert_uint_eq(bus_count_status("offlined"), DIMM_BLOCKS);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon jobs");
        TCase *offline = fixture_case(suite, "offline"), *time = fixture_case(suite, "time"),
              *holds = fixture_case(suite, "holds"), *several = fixture_case(suite, "several"),
              *zones = fixture_case(suite, "zones"), *input = fixture_case(suite, "input"),
              *authority = fixture_case(suite, "authority");

        tcase_add_test(offline, blocks_go_offline_the_highest_first);
        tcase_add_test(offline,
                       what_a_job_took_offline_stays_so_over_a_restart_a_reload_and_a_hot_add);
        tcase_add_test(offline, what_another_took_offline_is_remembered_as_well);
        tcase_add_test(offline, a_block_that_comes_again_is_the_policys);
        tcase_add_test(offline, a_block_that_cannot_leave_is_named_and_the_others_go);
        tcase_add_test(offline, a_block_that_cannot_be_read_again_is_not_taken_for_offline);
        tcase_add_test(offline, what_was_done_is_taken_back_if_that_was_asked_for);

        tcase_add_test(holds, what_the_pages_of_blocks_are_used_for_is_counted);
        tcase_add_test(holds, without_the_flags_of_pages_nothing_is_counted);
        tcase_add_test(holds, a_count_waits_for_a_write_and_gives_up_in_time);
        tcase_add_loop_test(holds, a_caller_who_leaves_while_pages_are_counted_gets_no_job, 0, 2);
        tcase_add_test(holds, a_block_that_cannot_leave_has_its_holders_named);
        tcase_add_test(holds, pages_that_the_kernels_log_names_are_pinned);
        tcase_add_test(holds, the_emptiest_blocks_go_offline_first);

        tcase_add_test(time, a_write_that_never_ends_is_interrupted_when_the_time_is_up);
        tcase_add_test(time, reads_are_answered_while_a_write_hangs_and_cancel_ends_it);
        tcase_add_test(time, a_stop_does_not_wait_for_a_write_that_hangs);
        tcase_add_test(time,
                       a_block_on_its_way_to_another_class_gets_there_when_the_job_is_cancelled);

        tcase_add_test(several, jobs_run_in_the_order_they_came_and_none_shares_a_block);
        tcase_add_test(several, a_queued_job_can_be_cancelled);
        tcase_add_test(several, so_can_the_first_one_while_memory_is_being_added);
        tcase_add_test(several, memory_that_is_added_comes_before_the_rest_of_a_job);
        tcase_add_test(several, what_others_do_meanwhile_counts_as_done);

        tcase_add_test(zones, online_in_a_class_is_what_was_asked_for);
        tcase_add_test(zones, the_boundary_moves_there_and_back);
        tcase_add_test(zones, what_cannot_leave_its_zone_stays_in_it);

        tcase_add_test(input, what_makes_no_sense_is_refused_by_name);
        tcase_add_test(input, a_preview_tells_what_the_job_does_then);
        tcase_add_test(input, a_preview_is_for_everybody_and_asks_nobody);
        tcase_add_test(input, so_are_blocks_that_are_not_there);

        tcase_add_test(authority, who_may_not_is_refused_whatever_he_asks_for);
        tcase_add_test(authority, force_is_asked_for_beside_the_rest);
        return check_main(suite);
}
