/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <stdio.h>

/* What the whole of memoryd does with memory that comes, goes, and will not. */

#define DIMM 32        /* the first block of what is added */
#define DIMM_BLOCKS 16 /* of which a ratio of 3 makes 4 kernel memory */
#define BYTES(blocks) ((blocks) *TESTBED_BLOCK_BYTES)

#define FAST_RETRY "retry = { delay = \"10ms\"; cap = \"20ms\"; attempts = 3; };\n"

/* Hot-add */

START_TEST(ready_comes_when_the_model_is_complete)
{
        daemon_start();
        ck_assert(daemon_notified("STATUS="));
        ck_assert_uint_eq(bus_count_blocks(), 8);
        ck_assert_uint_eq(bus_count_status("initial"), 8);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "BlockSizeBytes"),
                          TESTBED_BLOCK_BYTES);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "OnlineBytes"), BYTES(8));
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        daemon_stop();
        ck_assert(daemon_notified("STOPPING=1"));
}
END_TEST

static void add_first_dimm(void)
{
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
}

START_TEST(a_dimm_on_a_memoryless_node_gets_its_lowest_blocks_as_kernel_memory)
{
        char line[64];

        daemon_start();
        add_first_dimm();
        testbed_assert_zones(DIMM, 4, 12);
        ck_assert_uint_eq(testbed_count_writes(""), DIMM_BLOCKS);
        for (unsigned i = 0; i < DIMM_BLOCKS; i++) {
                ck_assert(testbed_get_write(i, line));
                ck_assert_int_eq(strstr(line, "online_kernel 0") != NULL, i < 4);
        }
        ck_assert(daemon_logged("Onlined 16 blocks (64M) on node 1: 4 kernel, 12 movable"));
        ck_assert(!daemon_logged("ignoring"));
}
END_TEST

START_TEST(rows_and_properties_say_what_was_done)
{
        BlockRow row;

        daemon_start();
        add_first_dimm();
        row = bus_get_block(DIMM);
        ck_assert_int_eq(row.node, 1);
        ck_assert_str_eq(row.state, "online");
        ck_assert_str_eq(row.zones, "Normal");
        ck_assert_str_eq(row.zone_class, "kernel");
        ck_assert_str_eq(row.decision, "kernel");
        ck_assert_str_eq(row.rule, "");
        ck_assert_str_eq(row.guards, "min_kernel max_movable_ratio(node)");
        ck_assert_int_eq(row.error, 0);
        row = bus_get_block(DIMM + 4);
        ck_assert_str_eq(row.zones, "Movable");
        ck_assert_str_eq(row.decision, "movable");
        ck_assert_str_eq(row.guards, "");

        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "OnlineBytes"), BYTES(24));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "OfflineBytes"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "KernelBytes"), BYTES(12));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "MovableBytes"), BYTES(12));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "Id"), 1);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "HasCpu"), 1);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "OnlineBytes"), BYTES(16));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "KernelBytes"), BYTES(4));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "MovableBytes"), BYTES(12));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "MovableOnly"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/0", NODE, "OnlineBytes"), BYTES(8));
}
END_TEST

START_TEST(a_second_dimm_is_planned_beside_the_first)
{
        daemon_start();
        add_first_dimm();
        testbed_add_dimm(64, DIMM_BLOCKS, 1);
        wait_for(bus_count_status("done") == 2 * DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        testbed_assert_zones(64, 4, 12);
        ck_assert_uint_eq(daemon_count_logged("Onlined 16 blocks"), 2);
}
END_TEST

START_TEST(the_performance_of_a_node_is_known_once_its_memory_is_online)
{
        daemon_start();
        testbed_add_node(2, false);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 2);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/2", NODE, "ReadLatency"), 0);
        testbed_write(TESTBED_NODE "/node2/access0/initiators/read_latency", "350");
        testbed_write(TESTBED_NODE "/node2/access0/initiators/write_bandwidth", "5120");
        wait_for(bus_get_number(MANAGER_PATH "/node/2", NODE, "ReadLatency") == 350);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/2", NODE, "WriteBandwidth"), 5120);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/2", NODE, "ReadBandwidth"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/0", NODE, "ReadLatency"), 0);
}
END_TEST

#define TIERS "sys/devices/virtual/memory_tiering/"

START_TEST(a_rule_by_tier_decides_on_what_comes_after_the_first_memory_of_a_node)
{
        daemon_set_config("rules = ({ name = \"slow\"; tier = \"5-\"; zone = \"movable\"; });\n");
        testbed_write(TIERS "memory_tier4/nodelist", "0");
        testbed_write(TESTBED_NODE "/has_memory", "0");
        daemon_start();
        testbed_add_node(2, false);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 2);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 1, 15);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "");

        /* As the kernel does when the first memory of the node comes online. */
        testbed_write(TIERS "memory_tier22/nodelist", "2");
        testbed_write(TESTBED_NODE "/has_memory", "0,2");
        testbed_add_dimm(64, DIMM_BLOCKS, 2);
        wait_for(bus_count_status("done") == 2 * DIMM_BLOCKS);
        testbed_assert_zones(64, 0, 16);
        ck_assert_str_eq(bus_get_block(64).rule, "slow");
        ck_assert_str_eq(bus_list_tiers(), "0:4 2:22");
        ck_assert_ptr_null(strstr(bus_verify("VerifyNotes"), "tier: "));
}
END_TEST

START_TEST(no_nodelist_is_opened_unless_tiers_are_asked_for)
{
        int own, other;

        testbed_write(TIERS "memory_tier4/nodelist", "0");
        testbed_write(TIERS "memory_tier22/nodelist", "1");
        testbed_write(TESTBED_NODE "/has_memory", "0-1");
        own = testbed_watch(TIERS "memory_tier4/nodelist");
        other = testbed_watch(TIERS "memory_tier22/nodelist");
        daemon_start();
        add_first_dimm();
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        (void) bus_verify("VerifyNotes");
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "Id"), 1);
        ck_assert_uint_eq(testbed_count_opened(own), 0);
        own = testbed_watch(TIERS "memory_tier4/nodelist");
        ck_assert_str_eq(bus_list_tiers(), "0:4 1:22");
        ck_assert_uint_gt(testbed_count_opened(own), 0);
        ck_assert_uint_eq(testbed_count_opened(other), 0);
}
END_TEST

START_TEST(a_kernel_without_tiers_is_noted_where_a_rule_asks_for_one)
{
        daemon_set_config("rules = ({ name = \"slow\"; tier = \"5-\"; zone = \"movable\"; });\n");
        daemon_start();
        ck_assert(daemon_logged("note: 'rules.tier': this kernel has no memory tiers"));
        add_first_dimm();
        ck_assert_str_eq(bus_get_block(DIMM).rule, "");
        ck_assert_str_eq(bus_list_tiers(), "");
        ck_assert_ptr_nonnull(strstr(bus_verify("VerifyNotes"), "tier: memory_tiering"));
}
END_TEST

START_TEST(a_node_without_a_cpu_counts_in_the_ratio_of_the_machine)
{
        daemon_start();
        testbed_add_node(2, false);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 2);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 1, 15);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/2", NODE, "HasCpu"), 0);
}
END_TEST

/* The node link comes after the event: before it, reading valid_zones ends the kernel. */
START_TEST(nothing_is_read_or_written_before_the_node_is_known)
{
        int watches[DIMM_BLOCKS];
        unsigned n_opened = 0;

        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_blocks(DIMM, DIMM_BLOCKS);
        for (unsigned i = 0; i < DIMM_BLOCKS; i++)
                watches[i] = testbed_watch_zones(DIMM + i);
        testbed_link_blocks(DIMM, 8, 1);
        testbed_events("add", DIMM, DIMM_BLOCKS);
        wait_for(bus_count_status("waiting") == 8 && bus_count_status("pending") == 8);
        for (unsigned i = 8; i < DIMM_BLOCKS; i++)
                ck_assert_uint_eq(testbed_count_opened(watches[i]), 0);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        ck_assert_str_eq(bus_get_block(DIMM + 8).zones, "");
        ck_assert_int_eq(bus_get_block(DIMM + 8).node, -1);

        /* No event says that the rest of the links is there. All is planned as one. */
        testbed_link_blocks(DIMM + 8, 8, 1);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        for (unsigned i = 0; i < DIMM_BLOCKS; i++) {
                n_opened += testbed_count_opened(watches[i]) > 0;
                close(watches[i]);
        }
        ck_assert_uint_eq(n_opened, DIMM_BLOCKS);
}
END_TEST

/* A kernel whose events tell, and what they tell of a new block on a node. */
#define TELLS(node)                                                                                \
        "MEMORY_STATE=offline\nMEMORY_NODE=" node "\nMEMORY_ZONE=none\nMEMORY_GROUP=none"

/* Blocks of a device with a name, of which nothing else is awaited, and their events. No links. */
static void add_told(unsigned n, const char *properties)
{
        testbed_add_iomem(DIMM, n, "virtio3");
        testbed_add_blocks(DIMM, n);
        testbed_tell(DIMM, n, properties);
        testbed_events("add", DIMM, n);
}

static const char *const sources[] = {
        "settle = \"60s\";\nevent_source = \"kernel\";\n",
        "settle = \"60s\";\nevent_source = \"udev\";\n",
};

START_TEST(a_node_that_the_event_tells_needs_no_link)
{
        daemon_set_config(sources[_i]);
        daemon_start();
        testbed_add_node(1, true);
        add_told(4, TELLS("1"));
        wait_for(bus_count_status("done") == 4);
        testbed_assert_zones(DIMM, 1, 3);
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(bus_get_block(DIMM + i).node, 1);
        ck_assert_uint_eq(testbed_count_writes(""), 4);
}
END_TEST

/* The kernel makes the folder of a new node after its first blocks. */
START_TEST(a_node_that_is_told_and_not_there_is_waited_for)
{
        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        add_told(4, TELLS("1"));
        wait_for(bus_count_status("waiting") == 4);
        usleep(100 * USEC_PER_MSEC);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        testbed_add_node(1, true);
        wait_for(bus_count_status("done") == 4);
        ck_assert_int_eq(bus_get_block(DIMM).node, 1);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH "/node/1", NODE, "OnlineBytes"), BYTES(4));
}
END_TEST

START_TEST(a_link_counts_more_than_what_is_told)
{
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_iomem(DIMM, 4, "virtio3");
        testbed_add_blocks(DIMM, 4);
        testbed_link_blocks(DIMM, 4, 0);
        testbed_tell(DIMM, 4, TELLS("1"));
        testbed_events("add", DIMM, 4);
        wait_for(bus_count_status("done") == 4);
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(bus_get_block(DIMM + i).node, 0);
}
END_TEST

/* Among them what a rule of udev could have set, on a kernel whose blocks have no node by then. */
static const char *const tell_nothing[] = {
        TELLS("none"),
        TELLS("1024"),
        TELLS("-1"),
        TELLS("1x"),
        TELLS(""),
        "MEMORY_NODE=1",
        "MEMORY_STATE=offline\nMEMORY_NODE=1\nMEMORY_GROUP=none",
        "MEMORY_STATE=offline\nMEMORY_ZONE=none\nMEMORY_GROUP=none",
};

START_TEST(an_event_that_tells_no_node_leaves_it_to_the_link)
{
        int watch;

        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_iomem(DIMM, 1, "virtio3");
        testbed_add_blocks(DIMM, 1);
        watch = testbed_watch_zones(DIMM);
        testbed_tell(DIMM, 1, tell_nothing[_i]);
        testbed_events("add", DIMM, 1);
        wait_for(bus_count_status("waiting") == 1);
        usleep(50 * USEC_PER_MSEC);
        ck_assert(bus_block_is(DIMM, "waiting"));
        ck_assert_uint_eq(testbed_count_opened(watch), 0);
        close(watch);
        testbed_link_blocks(DIMM, 1, 1);
        wait_for(bus_block_is(DIMM, "done"));
}
END_TEST

/* All of an add_memory() is there when its blocks have links, and not when they have nodes. */
START_TEST(of_memory_that_nobody_knows_the_links_are_waited_for_all_the_same)
{
        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_iomem(DIMM, 4, NULL);
        testbed_add_blocks(DIMM, 4);
        testbed_tell(DIMM, 4, TELLS("1"));
        testbed_events("add", DIMM, 4);
        wait_for(bus_count_status("pending") == 4);
        usleep(100 * USEC_PER_MSEC);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        ck_assert_int_eq(bus_get_block(DIMM).node, 1);
        testbed_link_blocks(DIMM, 4, 1);
        wait_for(bus_count_status("done") == 4);
        testbed_assert_zones(DIMM, 1, 3);
}
END_TEST

/* Its number comes back before the listing: what was told of the one before is not true of it. */
START_TEST(a_block_that_came_back_is_where_its_own_event_tells)
{
        daemon_start();
        testbed_add_node(1, true);
        add_told(2, TELLS("1"));
        wait_for(bus_count_status("done") == 2);
        testbed_events("remove", DIMM, 2);
        testbed_remove_blocks(DIMM, 2);
        add_told(2, TELLS("0"));
        wait_for(testbed_count_writes("") == 4 && bus_count_status("done") == 2);
        ck_assert_int_eq(bus_get_block(DIMM).node, 0);
        ck_assert_int_eq(bus_get_block(DIMM + 1).node, 0);
}
END_TEST

START_TEST(blocks_that_stay_without_a_node_do_not_hold_up_the_others)
{
        daemon_set_config("settle = \"200ms\";\n");
        daemon_start();
        testbed_add_blocks(100, 1);
        testbed_events("add", 100, 1);
        /* The listing for it is not to find the others half made. */
        wait_for(bus_block_is(100, "waiting"));
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, 4, 1);
        wait_for(bus_count_status("done") == 4);
        wait_for(daemon_logged("No node yet for 1 block (memory100 first), waiting for it"));
        ck_assert(bus_block_is(100, "waiting"));
        ck_assert_uint_eq(testbed_count_writes("memory100 "), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 1);
}
END_TEST

/* Listed while the kernel is still filling its folder; the event comes when it has. */
START_TEST(a_folder_that_fills_after_it_was_listed_is_read_then)
{
        daemon_start();
        testbed_make_folder(TESTBED_MEMORY "/memory40");
        testbed_add_dimm(DIMM, 4, 0);
        /* The rest does not wait for it for ever. */
        wait_for(bus_count_status("done") == 4);
        ck_assert(bus_block_is(40, "waiting"));
        testbed_fill_block("memory40");
        testbed_link_blocks(40, 1, 0);
        testbed_event("add", "memory40");
        wait_for(bus_count_status("done") == 5);
}
END_TEST

START_TEST(blocks_that_vanish_before_they_are_decided_are_forgotten)
{
        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_add_blocks(DIMM, 4);
        testbed_events("add", DIMM, 4);
        wait_for(bus_count_status("waiting") == 4);
        testbed_events("remove", DIMM, 4);
        testbed_remove_blocks(DIMM, 4);
        wait_for(bus_count_blocks() == 8);
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks") == 0);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
}
END_TEST

/* The actuator is busy with others, and then finds nothing there: no failure, no retry. */
START_TEST(blocks_that_vanish_while_others_are_written_are_forgotten)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        /* The lowest first and then from the top down: this is the third of them. */
        testbed_hold(DIMM + 2, 0);
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 2 && bus_count_status("writing") == 2);
        testbed_remove_blocks(DIMM, 4);
        testbed_let_go(DIMM + 2);
        wait_for(bus_count_blocks() == 8);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "FailedBlocks"), 0);
        testbed_add_dimm(64, 1, 0);
        wait_for(bus_block_is(64, "done"));
        ck_assert(!daemon_logged("Cannot online"));
}
END_TEST

/* The kernel sends the event first, and may be held up before it takes the folder away. */
START_TEST(blocks_that_go_well_after_their_event_are_forgotten)
{
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        testbed_events("remove", DIMM, 4);
        usleep(100 * USEC_PER_MSEC);
        ck_assert_uint_eq(bus_count_blocks(), 12);
        testbed_remove_blocks(DIMM, 4);
        wait_for(bus_count_blocks() == 8);
}
END_TEST

START_TEST(a_block_that_was_removed_and_added_again_is_new)
{
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        testbed_remove_blocks(DIMM, 4);
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(testbed_count_writes("") == 8 && bus_count_status("done") == 4);
        ck_assert_uint_eq(bus_count_blocks(), 12);
}
END_TEST

/* Others */

START_TEST(what_another_onlined_by_the_policy_is_external)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_online_blocks(DIMM, 2, "Normal");
        testbed_link_blocks(DIMM, 2, 0);
        testbed_events("add", DIMM, 2);
        wait_for(bus_count_status("external") == 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
}
END_TEST

START_TEST(what_another_onlined_against_the_policy_is_foreign)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_online_blocks(DIMM, 2, "Movable");
        testbed_link_blocks(DIMM, 2, 0);
        testbed_events("add", DIMM, 2);
        wait_for(bus_count_status("foreign") == 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 1);
        ck_assert(daemon_logged("2 blocks were onlined by something other than memoryd, against "
                                "the policy: memory32"));
        ck_assert_uint_eq(testbed_count_writes(""), 0);
}
END_TEST

START_TEST(another_policy_judges_what_another_onlined_anew)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_online_blocks(DIMM, 2, "Movable");
        testbed_link_blocks(DIMM, 2, 0);
        testbed_events("add", DIMM, 2);
        wait_for(bus_count_status("foreign") == 2);

        daemon_set_config("rules = ({ zone = \"movable\"; });\n");
        ck_assert_str_eq(bus_call_manager("Reload"), "");
        wait_for(bus_count_status("external") == 2);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "ForeignBlocks"), 0);
}
END_TEST

START_TEST(another_who_is_faster_against_the_policy_is_found_out)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        testbed_hold(DIMM, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "writing") && testbed_is_waiting(DIMM));
        testbed_set_block(DIMM, "Movable");
        testbed_event("online", "memory32");
        testbed_let_go(DIMM);
        wait_for(bus_block_is(DIMM, "foreign"));
        ck_assert_uint_eq(testbed_count_writes("memory32 online_kernel 22"), 1);
        ck_assert(daemon_logged(
                "memory32 was onlined by something other than memoryd, which was faster"));
}
END_TEST

START_TEST(what_another_took_offline_stays_so)
{
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        testbed_set_block(DIMM + 3, NULL);
        testbed_event("offline", "memory35");
        wait_for(bus_block_is(DIMM + 3, "offlined"));
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "OfflineBytes") == BYTES(1));
        ck_assert(bus_block_is(DIMM + 3, "offlined"));
        ck_assert_uint_eq(testbed_count_writes(""), 4);
}
END_TEST

/*
 * The event of memoryd's own write says nothing that the actuator did not. Files that change without an
 * event show what is read: memory33 and memory34 when the event for memory35 has been handled.
 */
START_TEST(the_event_of_an_own_write_is_no_reason_to_read_again)
{
        daemon_start();
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        testbed_set_block(DIMM + 1, NULL);
        testbed_set_block(DIMM + 2, NULL);
        testbed_set_block(DIMM + 3, NULL);
        testbed_event("online", "memory33");
        testbed_event("online", "memory34");
        testbed_event("online", "memory34");
        testbed_event("offline", "memory35");
        wait_for(bus_block_is(DIMM + 3, "offlined"));
        ck_assert(bus_block_is(DIMM + 1, "done"));
        ck_assert(bus_block_is(DIMM + 2, "offlined"));
}
END_TEST

START_TEST(after_an_offline_an_online_is_another_s)
{
        daemon_set_config("rules = ({ zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        testbed_set_block(DIMM, NULL);
        testbed_event("offline", "memory32");
        wait_for(bus_block_is(DIMM, "offlined"));
        testbed_set_block(DIMM, "Movable");
        testbed_event("online", "memory32");
        wait_for(bus_block_is(DIMM, "foreign"));
}
END_TEST

/* A write that failed changes nothing: another program did the `online` after it. */
START_TEST(a_write_that_failed_makes_no_echo)
{
        daemon_set_config("retry = { delay = \"1h\"; cap = \"1h\"; };\n");
        daemon_start();
        testbed_set_fault(DIMM, EBUSY, 1, 0);
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "retrying"));
        testbed_set_block(DIMM, "Normal");
        testbed_event("online", "memory32");
        wait_for(!bus_block_is(DIMM, "retrying"));
        ck_assert_uint_eq(testbed_count_writes("memory32 "), 1);
}
END_TEST

/* Devices */

static void link_dimm(unsigned first, unsigned n)
{
        testbed_add_blocks(first, n);
        testbed_link_blocks(first, n, 1);
        testbed_events("add", first, n);
}

/* The kernel has the range before the blocks, and those come in two parts: it is one DIMM all the same. */
START_TEST(a_dimm_that_comes_in_parts_is_planned_as_one_and_does_not_wait_for_settle)
{
        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_begin_acpi("PNP0C80:00");
        testbed_add_iomem(DIMM, DIMM_BLOCKS, NULL);
        link_dimm(DIMM, 8);
        wait_for(bus_count_status("pending") == 8);
        usleep(200 * USEC_PER_MSEC);
        ck_assert_uint_eq(bus_count_status("pending"), 8);
        ck_assert_uint_eq(testbed_count_writes(""), 0);

        /* All of its blocks are there, and the kernel has not linked them to it yet. */
        link_dimm(DIMM + 8, 8);
        wait_for(bus_count_status("pending") == DIMM_BLOCKS);
        usleep(200 * USEC_PER_MSEC);
        ck_assert_uint_eq(testbed_count_writes(""), 0);
        testbed_end_acpi("PNP0C80:00", DIMM, DIMM_BLOCKS);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        ck_assert_str_eq(bus_get_block(DIMM + 15).device, "PNP0C80:00");
        ck_assert_str_eq(bus_get_block(DIMM + 15).origin, "dimm");
        ck_assert(!daemon_logged("still unknown after"));
}
END_TEST

START_TEST(what_of_a_device_never_comes_is_waited_for_as_long_as_settle_says)
{
        daemon_set_config("settle = \"300ms\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_iomem(DIMM, DIMM_BLOCKS, NULL);
        link_dimm(DIMM, 8);
        wait_for(bus_count_status("done") == 8);
        testbed_assert_zones(DIMM, 2, 6);
        ck_assert_uint_eq(daemon_count_logged("Device or udev properties of 8 blocks still unknown "
                                              "after 0.3 s, deciding without them"),
                          1);

        /* What comes after all is planned beside it, and nothing is left to wait for. */
        link_dimm(DIMM + 8, 8);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM + 8, 2, 6);
        ck_assert_uint_eq(daemon_count_logged("still unknown after"), 1);
        ck_assert_ptr_nonnull(
                strstr(bus_explain(DIMM + 8, "Reason"),
                       "; it lies above movable memory of its device, which was online "
                       "before this block was decided"));
        ck_assert_ptr_null(strstr(bus_explain(DIMM, "Reason"), "above movable memory"));
}
END_TEST

/*
 * When the nodes of half of a DIMM's blocks come, and the link to the device, against a `settle` of 300 ms;
 * which half it is; and whether a rule asks for the device.
 */
static const struct {
        unsigned nodes_msec, link_msec;
        bool is_lower_half;
        const char *rules;
} late_cases[] = {
        { 50, 100, false, "" },
        { 100, 50, true, "" },
        { 100, 900, false, "" },
        { 900, 100, true, "" },
        { 900, 100, false, "" },
        { 1800, 900, false, "" },
        { 900, 1800, true, "" },
        { 100, 900, false,
          "rules = ({ name = \"dimm\"; origin = \"dimm\"; zone = \"auto\"; },"
          " { name = \"rest\"; zone = \"movable\"; });\n" },
};

START_TEST(what_of_a_device_is_late_makes_no_difference)
{
        unsigned first_late = late_cases[_i].is_lower_half ? DIMM : DIMM + 8;
        unsigned first_early = late_cases[_i].is_lower_half ? DIMM + 8 : DIMM;
        unsigned nodes_msec = late_cases[_i].nodes_msec, link_msec = late_cases[_i].link_msec;
        char config[256];

        snprintf(config, sizeof(config), "settle = \"300ms\";\n%s", late_cases[_i].rules);
        daemon_set_config(config);
        daemon_start();
        testbed_add_node(1, true);
        testbed_begin_acpi("PNP0C80:00");
        testbed_add_blocks(DIMM, DIMM_BLOCKS);
        testbed_link_blocks(first_early, 8, 1);
        testbed_events("add", DIMM, DIMM_BLOCKS);
        for (unsigned msec = 0; msec <= MAX(nodes_msec, link_msec); msec += 50) {
                if (msec == nodes_msec)
                        testbed_link_blocks(first_late, 8, 1);
                if (msec == link_msec)
                        testbed_end_acpi("PNP0C80:00", DIMM, DIMM_BLOCKS);
                usleep(50 * USEC_PER_MSEC);
        }
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        testbed_assert_zones(DIMM, 4, 12);
        wait_for(strcmp(bus_get_block(DIMM + 15).device, "PNP0C80:00") == 0);
        ck_assert_str_eq(bus_get_block(DIMM).rule, *late_cases[_i].rules ? "dimm" : "");
        ck_assert_str_eq(bus_failed_devices(), "");
}
END_TEST

/* The other half of the device is known. */
START_TEST(half_of_a_device_waits_for_the_rest)
{
        daemon_set_config("settle = \"200ms\";\n");
        daemon_start();
        testbed_add_node(1, true);
        testbed_add_blocks(DIMM, DIMM_BLOCKS);
        testbed_link_blocks(DIMM, 8, 1);
        testbed_events("add", DIMM, DIMM_BLOCKS);
        testbed_add_dimm(64, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert(daemon_logged("No node yet for 8 blocks (memory40 first), waiting for it"));
        ck_assert(!daemon_logged("still unknown after"));
        ck_assert_uint_eq(bus_count_status("pending"), 8);
        ck_assert_uint_eq(bus_count_status("waiting"), 8);
        ck_assert(bus_explains(DIMM,
                               "Reason=not decided yet: the kernel is still adding its device"));
        ck_assert_uint_eq(testbed_count_writes("memory32 "), 0);
}
END_TEST

/* It makes no block, and the kernel sends no event: the bus has memoryd look. */
START_TEST(a_device_that_the_kernel_could_not_add_is_named_and_holds_up_nothing)
{
        daemon_set_config("settle = \"60s\";\n");
        daemon_start();
        testbed_begin_acpi("PNP0C80:00");
        testbed_begin_acpi("PNP0C80:01");
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        testbed_end_acpi("PNP0C80:01", DIMM, DIMM_BLOCKS);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        ck_assert_str_eq(bus_failed_devices(), "");
        wait_for(strstr(bus_failed_devices(),
                        "PNP0C80:00 0 most likely too little memory was free"));
        ck_assert_ptr_null(strstr(bus_failed_devices(), "PNP0C80:01"));
        ck_assert_ptr_nonnull(strstr(bus_verify("Verify"), "failed-device: PNP0C80:00\n"));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 1);
        ck_assert_uint_eq(daemon_count_logged("The kernel could not add the memory of PNP0C80:00"),
                          1);

        /* Of this memory the origin remains unknown. */
        testbed_add_dimm(64, 2, 0);
        wait_for(bus_count_status("done") == DIMM_BLOCKS + 2);
        ck_assert(!daemon_logged("still unknown after"));
        ck_assert_uint_eq(daemon_count_logged("could not add"), 1);

        testbed_write("sys/bus/acpi/devices/PNP0C80:00/status", "0");
        wait_for(!*bus_failed_devices());
        ck_assert_ptr_null(strstr(bus_verify("Verify"), "failed-device"));
        wait_for(bus_signals()->manager_changed > 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
}
END_TEST

/* Nothing else happens: only the kernel's log tells. */
START_TEST(the_kernels_log_tells_of_a_device_that_could_not_be_added)
{
        daemon_start();
        wait_for(bus_count_blocks() == 8);
        testbed_begin_acpi("PNP0C80:00");
        testbed_log("3,512,126095926,-;acpi PNP0C80:00: add_memory failed\n SUBSYSTEM=acpi\n"
                    " DEVICE=+acpi:PNP0C80:00\n");
        wait_for(daemon_logged("The kernel could not add the memory of PNP0C80:00"));
}
END_TEST

START_TEST(rules_by_origin_tell_devices_apart_by_iomem)
{
        daemon_set_config("rules = ({ name = \"grows\"; origin = \"virtio-mem\"; zone = "
                          "\"movable\"; },\n"
                          "{ name = \"dax\"; origin = \"kmem\"; zone = \"leave\"; },\n"
                          "{ name = \"rest\"; zone = \"kernel\"; });\n");
        daemon_start();
        testbed_add_iomem(DIMM, 4, "virtio3");
        testbed_add_dimm(DIMM, 4, 0);
        testbed_add_iomem(64, 2, "dax0.1");
        testbed_add_dimm(64, 2, 0);
        testbed_begin_acpi("PNP0C80:00");
        testbed_add_blocks(80, 2);
        testbed_end_acpi("PNP0C80:00", 80, 2);
        testbed_link_blocks(80, 2, 0);
        testbed_events("add", 80, 2);
        wait_for(bus_count_status("done") == 6 && bus_count_status("left") == 2);
        ck_assert_str_eq(bus_get_block(DIMM).rule, "grows");
        ck_assert_str_eq(bus_get_block(DIMM).device, "virtio3");
        ck_assert_str_eq(bus_get_block(DIMM).origin, "virtio-mem");
        ck_assert_str_eq(bus_get_block(65).rule, "dax");
        ck_assert_str_eq(bus_get_block(65).device, "dax0.1");
        ck_assert_str_eq(bus_get_block(65).origin, "kmem");
        ck_assert_str_eq(bus_get_block(81).rule, "rest");
        ck_assert_str_eq(bus_get_block(81).device, "PNP0C80:00");
        ck_assert_str_eq(bus_get_block(81).origin, "dimm");
        ck_assert_str_eq(bus_get_block(0).origin, "boot");
        ck_assert_str_eq(bus_get_block(0).device, "");
}
END_TEST

START_TEST(without_iomem_memoryd_says_so_and_goes_on)
{
        testbed_remove("proc/iomem");
        daemon_start();
        ck_assert(daemon_logged("Cannot tell which device memory is part of by /proc/iomem: "));
        testbed_add_dimm(DIMM, 1, 0);
        wait_for(bus_block_is(DIMM, "done"));
        ck_assert_str_eq(bus_get_block(DIMM).origin, "unknown");
}
END_TEST

/* udev */

/* umockdev has properties in `uevent`, where libudev finds them as those of the database. */
static void set_property(unsigned block, const char *property)
{
        char path[64];

        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/uevent", block);
        testbed_write(path, property);
}

#define UDEV_CONFIG                                                                                \
        "rules = ({ name = \"fast\"; udev_property = { name = \"MEMORY_TIER\"; value = \"fast\"; " \
        "};"                                                                                       \
        " zone = \"kernel\"; }, { zone = \"movable\"; });\n"

START_TEST(rules_by_udev_property_wait_for_udev_to_be_done_with_each_block)
{
        daemon_set_config("event_source = \"udev\";\nsettle = \"60s\";\n" UDEV_CONFIG);
        daemon_start();
        testbed_add_blocks(DIMM, 3);
        testbed_link_blocks(DIMM, 3, 0);
        testbed_event("add", "memory32");
        wait_for(bus_count_status("pending") == 3);
        usleep(200 * USEC_PER_MSEC);
        ck_assert_uint_eq(bus_count_status("pending"), 3);

        /* As udev's rules are still at work on it when the listing has it already. */
        set_property(DIMM + 1, "MEMORY_TIER=fast");
        set_property(DIMM + 2, "MEMORY_TIER=faster");
        testbed_event("add", "memory33");
        testbed_event("add", "memory34");
        wait_for(bus_count_status("done") == 3);
        ck_assert(testbed_block_is(DIMM, "online", "Movable"));
        ck_assert(testbed_block_is(DIMM + 1, "online", "Normal"));
        ck_assert(testbed_block_is(DIMM + 2, "online", "Movable"));
        ck_assert_str_eq(bus_get_block(DIMM + 1).rule, "fast");
}
END_TEST

START_TEST(a_block_that_udev_is_never_done_with_is_waited_for_as_long_as_settle_says)
{
        daemon_set_config("event_source = \"udev\";\nsettle = \"300ms\";\n" UDEV_CONFIG);
        daemon_start();
        testbed_add_blocks(DIMM, 2);
        testbed_link_blocks(DIMM, 2, 0);
        testbed_event("add", "memory32");
        wait_for(bus_count_status("done") == 2);
        ck_assert_uint_eq(daemon_count_logged("Device or udev properties of 1 block still unknown "
                                              "after 0.3 s, deciding without them"),
                          1);
}
END_TEST

/* Failures */

START_TEST(a_busy_block_is_tried_again)
{
        daemon_set_config(FAST_RETRY);
        daemon_start();
        testbed_set_fault(DIMM, EBUSY, 2, 0);
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert_uint_eq(testbed_count_writes("memory32 "), 3);
        ck_assert_uint_eq(testbed_count_writes("memory33 "), 1);
        ck_assert_int_eq(bus_get_block(DIMM).error, 0);
        ck_assert(daemon_logged("Cannot online memory32 as "));
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
}
END_TEST

/* A driver may veto with an error that the kernel gives for a block that is gone. */
START_TEST(a_veto_that_looks_like_a_removal_is_tried_again_with_a_delay)
{
        daemon_set_config(FAST_RETRY);
        daemon_start();
        testbed_set_fault(DIMM, ENODEV, 2, 0);
        testbed_add_dimm(DIMM, 2, 0);
        wait_for(bus_count_status("done") == 2);
        ck_assert_uint_eq(testbed_count_writes("memory32 "), 3);
        ck_assert(daemon_logged("Cannot online memory32 as "));
}
END_TEST

/* Tried again one by one, each would be the first of its node and make for a kernel block of its own. */
START_TEST(blocks_that_failed_together_are_planned_together_again)
{
        /* No retry is due before the last one has failed, on a busy machine either. */
        daemon_set_config("retry = { delay = \"5s\"; };\n");
        daemon_start();
        for (unsigned block = DIMM; block < DIMM + DIMM_BLOCKS; block++)
                testbed_set_fault(block, ENOMEM, 1, 5);
        testbed_add_node(1, true);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 1);
        wait_for(bus_get_number(MANAGER_PATH, MANAGER, "OnlineBytes") == BYTES(24));
        testbed_assert_zones(DIMM, 4, 12);
}
END_TEST

START_TEST(a_block_that_always_fails_is_given_up_and_rescan_tries_again)
{
        daemon_set_config(FAST_RETRY);
        daemon_start();
        testbed_set_fault(DIMM, ENOMEM, -1, 0);
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_block_is(DIMM, "failed"));
        ck_assert_uint_eq(testbed_count_writes("memory32 "), 3);
        ck_assert_uint_eq(bus_count_status("done"), 3);
        ck_assert_int_eq(bus_get_block(DIMM).error, ENOMEM);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "FailedBlocks"), 1);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 1);
        ck_assert(daemon_logged("after 3 attempts: Cannot allocate memory"));

        testbed_set_fault(DIMM, 0, 0, 0);
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        wait_for(bus_count_status("done") == 4);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "FailedBlocks"), 0);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "Degraded"), 0);
}
END_TEST

START_TEST(the_bus_is_answered_while_blocks_are_written)
{
        daemon_start();
        /* Neither the first of them nor the last. */
        testbed_hold(DIMM + DIMM_BLOCKS / 2, 0);
        testbed_add_dimm(DIMM, DIMM_BLOCKS, 0);
        wait_for(bus_count_status("done") > 0);
        ck_assert_uint_gt(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 0);
        testbed_let_go(DIMM + DIMM_BLOCKS / 2);
        wait_for(bus_count_status("done") == DIMM_BLOCKS);
        ck_assert_uint_eq(bus_get_number(MANAGER_PATH, MANAGER, "PendingBlocks"), 0);
}
END_TEST

START_TEST(nonsense_in_a_state_file_is_named_and_passed_over)
{
        daemon_start();
        testbed_add_blocks(DIMM, 4);
        testbed_write(TESTBED_MEMORY "/memory33/state", "sideways");
        testbed_link_blocks(DIMM, 4, 0);
        testbed_events("add", DIMM, 4);
        wait_for(bus_count_status("done") == 3);
        ck_assert(daemon_logged("Cannot make sense of memory33/state"));
        ck_assert_uint_eq(testbed_count_writes("memory33 "), 0);
}
END_TEST

START_TEST(an_odd_list_of_cpus_is_named_once)
{
        static const char line[] = "Cannot make sense of /sys/devices/system/node/node0/cpulist: "
                                   "'0..3', expected a list of CPUs";

        testbed_write(TESTBED_NODE "/node0/cpulist", "0..3");
        daemon_start();
        ck_assert_uint_eq(daemon_count_logged(line), 1);
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        testbed_add_node(7, false);
        testbed_write(TESTBED_NODE "/node7/cpumap", "none");
        ck_assert_str_eq(bus_call_manager("Rescan"), "");
        testbed_add_dimm(DIMM + 8, 4, 7);
        wait_for(daemon_logged("node/node7/cpumap: 'none', expected a mask of CPUs"));
        ck_assert_uint_eq(daemon_count_logged(line), 1);
}
END_TEST

START_TEST(an_event_for_no_block_is_one_line_and_passed_over)
{
        daemon_start();
        testbed_fill_block("memoryless");
        testbed_event("add", "memoryless");
        wait_for(daemon_logged("'memoryless'"));
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        ck_assert_uint_eq(daemon_count_logged("memoryless"), 1);
        ck_assert_uint_eq(bus_count_blocks(), 12);
}
END_TEST

/* libudev refuses a property without a name. It may have been about memory. */
START_TEST(an_event_that_cannot_be_parsed_has_all_read_again)
{
        daemon_start();
        testbed_add_blocks(DIMM, 4);
        testbed_link_blocks(DIMM, 4, 0);
        testbed_write(TESTBED_MEMORY "/memory32/uevent", "\n");
        testbed_event("add", "memory32");
        wait_for(bus_count_status("done") == 4);
        ck_assert_uint_eq(daemon_count_logged("Events were lost"), 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon");
        TCase *add = fixture_case(suite, "hot-add");
        TCase *others = fixture_case(suite, "others");
        TCase *devices = fixture_case(suite, "devices");
        TCase *failures = fixture_case(suite, "failures");

        tcase_add_test(add, ready_comes_when_the_model_is_complete);
        tcase_add_test(add, a_dimm_on_a_memoryless_node_gets_its_lowest_blocks_as_kernel_memory);
        tcase_add_test(add, rows_and_properties_say_what_was_done);
        tcase_add_test(add, a_second_dimm_is_planned_beside_the_first);
        tcase_add_test(add, the_performance_of_a_node_is_known_once_its_memory_is_online);
        tcase_add_test(add, a_rule_by_tier_decides_on_what_comes_after_the_first_memory_of_a_node);
        tcase_add_test(add, no_nodelist_is_opened_unless_tiers_are_asked_for);
        tcase_add_test(add, a_kernel_without_tiers_is_noted_where_a_rule_asks_for_one);
        tcase_add_test(add, a_node_without_a_cpu_counts_in_the_ratio_of_the_machine);
        tcase_add_test(add, nothing_is_read_or_written_before_the_node_is_known);
        tcase_add_loop_test(add, a_node_that_the_event_tells_needs_no_link, 0, ELEMENTSOF(sources));
        tcase_add_test(add, a_node_that_is_told_and_not_there_is_waited_for);
        tcase_add_test(add, a_link_counts_more_than_what_is_told);
        tcase_add_loop_test(add, an_event_that_tells_no_node_leaves_it_to_the_link, 0,
                            ELEMENTSOF(tell_nothing));
        tcase_add_test(add, of_memory_that_nobody_knows_the_links_are_waited_for_all_the_same);
        tcase_add_test(add, a_block_that_came_back_is_where_its_own_event_tells);
        tcase_add_test(add, blocks_that_stay_without_a_node_do_not_hold_up_the_others);
        tcase_add_test(add, a_folder_that_fills_after_it_was_listed_is_read_then);
        tcase_add_test(add, blocks_that_vanish_before_they_are_decided_are_forgotten);
        tcase_add_test(add, blocks_that_vanish_while_others_are_written_are_forgotten);
        tcase_add_test(add, blocks_that_go_well_after_their_event_are_forgotten);
        tcase_add_test(add, a_block_that_was_removed_and_added_again_is_new);

        tcase_add_test(others, what_another_onlined_by_the_policy_is_external);
        tcase_add_test(others, what_another_onlined_against_the_policy_is_foreign);
        tcase_add_test(others, another_policy_judges_what_another_onlined_anew);
        tcase_add_test(others, another_who_is_faster_against_the_policy_is_found_out);
        tcase_add_test(others, what_another_took_offline_stays_so);
        tcase_add_test(others, the_event_of_an_own_write_is_no_reason_to_read_again);
        tcase_add_test(others, after_an_offline_an_online_is_another_s);
        tcase_add_test(others, a_write_that_failed_makes_no_echo);

        tcase_add_test(devices,
                       a_dimm_that_comes_in_parts_is_planned_as_one_and_does_not_wait_for_settle);
        tcase_add_test(devices, what_of_a_device_never_comes_is_waited_for_as_long_as_settle_says);
        tcase_add_test(devices,
                       a_device_that_the_kernel_could_not_add_is_named_and_holds_up_nothing);
        tcase_add_test(devices, the_kernels_log_tells_of_a_device_that_could_not_be_added);
        tcase_add_loop_test(devices, what_of_a_device_is_late_makes_no_difference, 0,
                            ELEMENTSOF(late_cases));
        tcase_add_test(devices, half_of_a_device_waits_for_the_rest);
        tcase_add_test(devices, rules_by_origin_tell_devices_apart_by_iomem);
        tcase_add_test(devices, without_iomem_memoryd_says_so_and_goes_on);
        tcase_add_test(devices, rules_by_udev_property_wait_for_udev_to_be_done_with_each_block);
        tcase_add_test(devices,
                       a_block_that_udev_is_never_done_with_is_waited_for_as_long_as_settle_says);

        tcase_add_test(failures, a_busy_block_is_tried_again);
        tcase_add_test(failures, a_veto_that_looks_like_a_removal_is_tried_again_with_a_delay);
        tcase_add_test(failures, blocks_that_failed_together_are_planned_together_again);
        tcase_add_test(failures, a_block_that_always_fails_is_given_up_and_rescan_tries_again);
        tcase_add_test(failures, the_bus_is_answered_while_blocks_are_written);
        tcase_add_test(failures, nonsense_in_a_state_file_is_named_and_passed_over);
        tcase_add_test(failures, an_odd_list_of_cpus_is_named_once);
        tcase_add_test(failures, an_event_that_cannot_be_parsed_has_all_read_again);
        tcase_add_test(failures, an_event_for_no_block_is_one_line_and_passed_over);
        return check_main(suite);
}
