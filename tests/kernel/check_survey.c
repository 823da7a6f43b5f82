/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/log.h"
#include "check_main.h"
#include "kernel/survey.h"
#include "sysfs_fixture.h"

#include <dlfcn.h>

#define ALL SIZE_MAX

static SysfsFixture fixture;
static Sysfs sysfs;
static Machine machine;
static ChangedIds changed;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        sysfs_fixture_open(&fixture, &sysfs);
        machine_init(&machine);
        changed = (ChangedIds){};
        log_target = LOG_TARGET_CONSOLE;
        log_level = LOG_CRIT;
}

static void teardown(void)
{
        changed_ids_done(&changed);
        machine_done(&machine);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

static const TrackMode at_start = { .at_start = true };
static const TrackMode running = { .at_start = false };

/* Compares what changed with a list that ends with UINT32_MAX, and forgets it. */
static void assert_changed(const uint32_t *ids)
{
        size_t n = 0;

        for (; ids[n] != UINT32_MAX; n++) {
                ck_assert_uint_lt(n, changed.n_ids);
                ck_assert_uint_eq(changed.ids[n], ids[n]);
        }
        ck_assert_uint_eq(changed.n_ids, n);
        changed.n_ids = 0;
}

#define IDS(...) ((const uint32_t[]){ __VA_ARGS__, UINT32_MAX })
#define NO_IDS ((const uint32_t[]){ UINT32_MAX })

static void list(int n_new)
{
        ck_assert_int_eq(survey_list(&sysfs, &machine, &changed), n_new);
}

/* Reads all that is stale: returns how many, none of which may be gone. */
static int read_all(TrackMode mode)
{
        SurveyLeft left = {};
        int n = survey_read(&sysfs, &machine, &mode, ALL, &changed, &left);

        ck_assert_int_ge(n, 0);
        ck_assert(!left.gone && !left.again);
        return n;
}

/* The same, of which one at least is gone. */
static int read_gone(void)
{
        SurveyLeft left = {};
        int n = survey_read(&sysfs, &machine, &running, ALL, &changed, &left);

        ck_assert(left.gone);
        return n;
}

static Block *find(uint32_t id)
{
        Block *block = machine_find_block(&machine, id);

        ck_assert_msg(block, "no block %u", id);
        return block;
}

/* Listing */

START_TEST(new_blocks_are_added_in_order_and_are_stale)
{
        static const uint32_t ids[] = { 1, 2, 10 };

        sysfs_fixture_add_block(&fixture, 10, 1, "offline\n", "Normal Movable\n");
        sysfs_fixture_add_block(&fixture, 2, 1, "offline\n", "Normal Movable\n");
        sysfs_fixture_add_block(&fixture, 1, 1, "online\n", "Normal\n");
        list(3);
        assert_changed(IDS(1, 2, 10));
        ck_assert_uint_eq(machine.n_blocks, ELEMENTSOF(ids));
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                ck_assert_uint_eq(machine.blocks[i].id, ids[i]);
                ck_assert(machine.blocks[i].stale);
                ck_assert(!machine.blocks[i].seen);
                ck_assert_int_eq(machine.blocks[i].node, NODE_NONE);
        }

        /* Again, when they have been read: nothing is new. */
        ck_assert_int_eq(read_all(running), 3);
        changed.n_ids = 0;
        list(0);
        assert_changed(NO_IDS);
        ck_assert_uint_eq(machine.n_blocks, ELEMENTSOF(ids));
}
END_TEST

START_TEST(blocks_that_are_gone_are_removed)
{
        for (uint32_t i = 0; i < 6; i++)
                sysfs_fixture_set_block(&fixture, i, "offline\n", NULL);
        list(6);
        ck_assert_int_eq(read_all(running), 6);
        changed.n_ids = 0;

        sysfs_fixture_remove_block(&fixture, 0);
        sysfs_fixture_remove_block(&fixture, 3);
        sysfs_fixture_remove_block(&fixture, 5);
        sysfs_fixture_set_block(&fixture, 4000, "offline\n", NULL);
        list(1);
        assert_changed(IDS(0, 3, 5, 4000));
        ck_assert_uint_eq(machine.n_blocks, 4);
        ck_assert_ptr_null(machine_find_block(&machine, 3));
        ck_assert_uint_eq(machine.blocks[0].id, 1);
        ck_assert_uint_eq(machine.blocks[1].id, 2);
        ck_assert_uint_eq(machine.blocks[2].id, 4);
        ck_assert_uint_eq(machine.blocks[3].id, 4000);
}
END_TEST

START_TEST(a_memory_folder_that_is_empty_leaves_no_block)
{
        sysfs_fixture_set_block(&fixture, 1, "offline\n", NULL);
        list(1);
        sysfs_fixture_remove_block(&fixture, 1);
        list(0);
        ck_assert_uint_eq(machine.n_blocks, 0);
        ck_assert_int_eq(read_all(running), 0);
}
END_TEST

/* As when a DIMM is pulled and another one plugged in, both between two listings. */
static void replace_block(uint32_t id)
{
        char path[PATH_MAX], aside[PATH_MAX];

        strcpy(path, sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u", id));
        strcpy(aside, sysfs_fixture_path(&fixture, "aside%u", id));
        ck_assert_int_eq(rename(path, aside), 0);
        sysfs_fixture_set_block(&fixture, id, "offline\n", "Normal Movable\n");
}

START_TEST(a_block_whose_folder_is_another_is_a_new_block)
{
        sysfs_fixture_add_block(&fixture, 1, 1, "online\n", "Movable\n");
        sysfs_fixture_add_block(&fixture, 2, 1, "online\n", "Movable\n");
        list(2);
        ck_assert_int_eq(read_all(at_start), 2);
        changed.n_ids = 0;
        find(2)->decision.verdict = VERDICT_MOVABLE;
        find(2)->attempts = 3;

        replace_block(2);
        list(1);
        assert_changed(IDS(2));
        ck_assert_uint_eq(machine.n_blocks, 2);
        ck_assert(find(2)->stale);
        ck_assert(!find(2)->seen);
        ck_assert_int_eq(find(2)->decision.verdict, VERDICT_NONE);
        ck_assert_int_eq(find(2)->node, NODE_NONE);
        ck_assert_int_eq(find(2)->last_class, ZONE_CLASS_NONE);
        ck_assert_uint_eq(find(2)->attempts, 0);
        ck_assert(!find(1)->stale);
        ck_assert_int_eq(find(1)->status, BLOCK_STATUS_INITIAL);

        /* The block does not count as taken offline by another program. */
        ck_assert_int_eq(read_all(running), 1);
        ck_assert_int_eq(find(2)->status, BLOCK_STATUS_WAITING);
        list(0);
        ck_assert(!find(2)->stale);
}
END_TEST

START_TEST(a_block_that_was_listed_before_its_files_were_there_is_new_until_it_was_read)
{
        ck_assert_int_eq(mkdir(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory7"), 0755), 0);
        list(1);
        ck_assert_int_eq(read_all(running), 1);
        ck_assert_int_eq(find(7)->status, BLOCK_STATUS_WAITING);
        ck_assert(!find(7)->seen);
        list(0);

        sysfs_fixture_set_block(&fixture, 7, "offline\n", "1");
        find(7)->stale = true;
        ck_assert_int_eq(read_all(running), 1);
        ck_assert(find(7)->seen);
}
END_TEST

/* Reading */

static const struct {
        const char *state;
        TrackMode mode;
        BlockStatus status;
} mode_cases[] = {
        { "online\n", { .at_start = true }, BLOCK_STATUS_INITIAL },
        { "offline\n", { .at_start = true }, BLOCK_STATUS_PENDING },
        { "offline\n", { .at_start = true, .leave_offline = true }, BLOCK_STATUS_LEFT },
        { "online\n", { .at_start = false }, BLOCK_STATUS_PENDING },
        { "offline\n", { .at_start = false }, BLOCK_STATUS_PENDING },
        { "offline\n", { .leave_offline = true }, BLOCK_STATUS_PENDING },
};

START_TEST(a_new_block_is_taken_in_as_the_mode_says)
{
        sysfs_fixture_add_block(&fixture, 5, 1, mode_cases[_i].state, "Movable\n");
        list(1);
        changed.n_ids = 0;
        ck_assert_int_eq(read_all(mode_cases[_i].mode), 1);
        assert_changed(IDS(5));
        ck_assert(find(5)->seen);
        ck_assert(!find(5)->stale);
        ck_assert_int_eq(find(5)->node, 1);
        ck_assert_int_eq(find(5)->status, mode_cases[_i].status);
        ck_assert_int_eq(read_all(mode_cases[_i].mode), 0);
}
END_TEST

START_TEST(no_more_are_read_than_the_limit)
{
        SurveyLeft left = {};

        for (uint32_t i = 0; i < 5; i++)
                sysfs_fixture_add_block(&fixture, i, 1, "online\n", "Normal\n");
        list(5);
        changed.n_ids = 0;
        ck_assert_int_eq(survey_read(&sysfs, &machine, &at_start, 2, &changed, &left), 2);
        assert_changed(IDS(0, 1));
        ck_assert_int_eq(survey_read(&sysfs, &machine, &at_start, 0, &changed, &left), 0);
        assert_changed(NO_IDS);
        ck_assert_int_eq(survey_read(&sysfs, &machine, &at_start, 2, &changed, &left), 2);
        ck_assert_int_eq(survey_read(&sysfs, &machine, &at_start, 2, &changed, &left), 1);
        assert_changed(IDS(2, 3, 4));
        ck_assert_int_eq(survey_read(&sysfs, &machine, &at_start, 2, &changed, &left), 0);
        ck_assert(!left.gone && !left.again);
}
END_TEST

START_TEST(only_what_changed_is_reported)
{
        for (uint32_t i = 0; i < 3; i++)
                sysfs_fixture_add_block(&fixture, i, 1, "online\n", "Normal\n");
        list(3);
        ck_assert_int_eq(read_all(at_start), 3);
        changed.n_ids = 0;

        for (uint32_t i = 0; i < 3; i++)
                find(i)->stale = true;
        sysfs_fixture_set_block(&fixture, 1, "offline\n", "Normal Movable\n");
        ck_assert_int_eq(read_all(running), 3);
        assert_changed(IDS(1));
        ck_assert_int_eq(find(1)->status, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(find(0)->status, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(a_block_without_a_node_waits_until_it_has_one)
{
        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Normal Movable\n");
        list(1);
        ck_assert_int_eq(read_all(running), 1);
        ck_assert_int_eq(find(5)->status, BLOCK_STATUS_WAITING);
        ck_assert_uint_eq(find(5)->zones.n_zones, 0);
        changed.n_ids = 0;

        find(5)->stale = true;
        ck_assert_int_eq(read_all(running), 1);
        assert_changed(NO_IDS);

        sysfs_fixture_link(&fixture, 5, 3);
        find(5)->stale = true;
        ck_assert_int_eq(read_all(running), 1);
        assert_changed(IDS(5));
        ck_assert_int_eq(find(5)->status, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(find(5)->node, 3);
        ck_assert_uint_eq(find(5)->zones.n_zones, 2);
}
END_TEST

START_TEST(an_attribute_that_makes_no_sense_does_not_keep_others_from_being_read)
{
        sysfs_fixture_add_block(&fixture, 1, 1, "on fire\n", "Normal\n");
        sysfs_fixture_add_block(&fixture, 2, 1, "offline\n", "Nirvana\n");
        sysfs_fixture_add_block(&fixture, 3, 1, "offline\n", "Normal Movable\n");
        list(3);
        changed.n_ids = 0;
        ck_assert_int_eq(read_all(running), 3);
        assert_changed(IDS(3));
        ck_assert(!find(1)->seen);
        ck_assert(!find(2)->seen);
        ck_assert_int_eq(find(3)->status, BLOCK_STATUS_PENDING);

        /* Once, not for ever: nothing is stale. */
        ck_assert_int_eq(read_all(running), 0);

        /* When they come to make sense they are as new as ever. */
        sysfs_fixture_set_block(&fixture, 1, "online\n", "Normal\n");
        find(1)->stale = true;
        ck_assert_int_eq(read_all(running), 1);
        assert_changed(IDS(1));
        ck_assert(find(1)->seen);
        ck_assert_int_eq(find(1)->status, BLOCK_STATUS_PENDING);
}
END_TEST

START_TEST(nonsense_leaves_what_was_known_of_a_block)
{
        sysfs_fixture_add_block(&fixture, 1, 1, "online\n", "Movable\n");
        list(1);
        ck_assert_int_eq(read_all(at_start), 1);
        changed.n_ids = 0;

        sysfs_fixture_set_block(&fixture, 1, "offline\n", "Nirvana\n");
        find(1)->stale = true;
        ck_assert_int_eq(read_all(running), 1);
        assert_changed(NO_IDS);
        ck_assert_int_eq(find(1)->state, BLOCK_ONLINE);
        ck_assert_int_eq(block_class(find(1)), ZONE_CLASS_MOVABLE);
        ck_assert_int_eq(find(1)->status, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(a_block_that_vanishes_while_it_is_read_stays_until_the_next_listing)
{
        sysfs_fixture_set_block(&fixture, 1, "offline\n", NULL);
        sysfs_fixture_set_block(&fixture, 2, "offline\n", NULL);
        list(2);
        ck_assert_int_eq(read_all(running), 2);
        changed.n_ids = 0;
        find(1)->stale = find(2)->stale = true;
        sysfs_fixture_remove_block(&fixture, 1);
        ck_assert_int_eq(read_gone(), 2);
        ck_assert_uint_eq(machine.n_blocks, 2);
        list(0);
        assert_changed(IDS(1));
        ck_assert_uint_eq(machine.n_blocks, 1);
}
END_TEST

START_TEST(an_id_that_changes_twice_in_a_row_is_noted_once)
{
        for (uint32_t i = 0; i < 200; i++) {
                ck_assert_int_eq(changed_ids_add(&changed, i), 0);
                ck_assert_int_eq(changed_ids_add(&changed, i), 0);
        }
        ck_assert_uint_eq(changed.n_ids, 200);
        ck_assert_int_eq(changed_ids_add(&changed, 0), 0);
        ck_assert_uint_eq(changed.n_ids, 201);
        changed_ids_done(&changed);
        ck_assert_uint_eq(changed.n_ids, 0);
        ck_assert_ptr_null(changed.ids);
}
END_TEST

/* What the kernel does with added memory */

static const struct {
        bool machine_onlines;
        const char *node_word; /* NULL: no such file */
        bool node_is_known;
        bool is_due;
} due_cases[] = {
        { false, NULL, true, false },
        { true, NULL, true, true },
        { false, "inherit\n", true, false },
        { true, "inherit\n", true, true },
        { true, "offline\n", true, false },
        { false, "online_movable\n", true, true },
        { false, "online_kernel\n", false, true },
        { true, "offline\n", false, false },
        { true, "no word\n", true, true },
};

START_TEST(a_block_is_the_kernels_as_its_node_or_the_machine_says)
{
        const TrackMode mode = { .kernel_onlines = due_cases[_i].machine_onlines };

        sysfs_fixture_add_node(&fixture, 0);
        if (due_cases[_i].node_is_known)
                sysfs_fixture_add_node(&fixture, 1);
        if (due_cases[_i].node_word)
                sysfs_fixture_write(&fixture, due_cases[_i].node_word,
                                    NODE_PATH "/node1/auto_online_blocks");
        if (due_cases[_i].node_is_known)
                ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        sysfs_fixture_add_block(&fixture, 5, 1, "offline\n", "Normal Movable\n");
        list(1);
        ck_assert_int_eq(read_all(mode), 1);
        ck_assert_int_eq(find(5)->kernel_due, due_cases[_i].is_due);

        /* And who onlined it. */
        sysfs_fixture_set_block(&fixture, 5, "online\n", "Movable\n");
        find(5)->stale = true;
        ck_assert_int_eq(read_all(mode), 1);
        ck_assert(!find(5)->kernel_due);
        ck_assert_int_eq(find(5)->onliner, due_cases[_i].is_due ? ONLINER_KERNEL : ONLINER_OTHER);
}
END_TEST

START_TEST(what_was_there_at_the_start_is_not_the_kernels)
{
        const TrackMode mode = { .at_start = true, .kernel_onlines = true };

        sysfs_fixture_add_block(&fixture, 5, 1, "offline\n", "Normal Movable\n");
        list(1);
        ck_assert_int_eq(read_all(mode), 1);
        ck_assert(!find(5)->kernel_due);
}
END_TEST

/* Nodes and zones */

START_TEST(nodes_come_and_go)
{
        sysfs_fixture_add_node(&fixture, 0);
        sysfs_fixture_write(&fixture, "0\n", NODE_PATH "/has_cpu");
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        ck_assert_uint_eq(machine.n_nodes, 1);
        ck_assert(machine.nodes[0].has_cpu);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 0);

        sysfs_fixture_add_node(&fixture, 2);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        ck_assert_uint_eq(machine.n_nodes, 2);
        ck_assert_uint_eq(machine.nodes[1].id, 2);
        ck_assert(!machine.nodes[1].has_cpu);

        /* As many as before, but another one. */
        sysfs_fixture_remove_node(&fixture, 2);
        sysfs_fixture_add_node(&fixture, 3);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        ck_assert_uint_eq(machine.nodes[1].id, 3);
        ck_assert_ptr_null(machine_find_node(&machine, 2));

        sysfs_fixture_remove_node(&fixture, 3);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        ck_assert_uint_eq(machine.n_nodes, 1);
}
END_TEST

START_TEST(a_cpu_that_comes_to_a_known_node_is_noticed)
{
        sysfs_fixture_add_node(&fixture, 0);
        sysfs_fixture_add_node(&fixture, 1);
        sysfs_fixture_write(&fixture, "0\n", NODE_PATH "/has_cpu");
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        ck_assert(!machine.nodes[1].has_cpu);

        sysfs_fixture_write(&fixture, "0-1\n", NODE_PATH "/has_cpu");
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 0);
        ck_assert(machine.nodes[1].has_cpu);
}
END_TEST

#define INITIATORS NODE_PATH "/node1/access0/initiators"

static void assert_performance(uint32_t read_bandwidth, uint32_t write_bandwidth,
                               uint32_t read_latency, uint32_t write_latency)
{
        const uint32_t *performance = machine_find_node(&machine, 1)->performance;

        survey_performance(&sysfs, &machine);
        ck_assert_uint_eq(performance[PERFORMANCE_READ_BANDWIDTH], read_bandwidth);
        ck_assert_uint_eq(performance[PERFORMANCE_WRITE_BANDWIDTH], write_bandwidth);
        ck_assert_uint_eq(performance[PERFORMANCE_READ_LATENCY], read_latency);
        ck_assert_uint_eq(performance[PERFORMANCE_WRITE_LATENCY], write_latency);
        ck_assert_uint_eq(machine.nodes[0].performance[PERFORMANCE_READ_LATENCY], 0);
}

START_TEST(the_performance_of_a_node_is_what_the_firmware_tells)
{
        sysfs_fixture_add_node(&fixture, 0);
        sysfs_fixture_add_node(&fixture, 1);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        assert_performance(0, 0, 0, 0);

        /* The kernel makes the files when the first memory of the node comes online. */
        sysfs_fixture_write(&fixture, "10240\n", INITIATORS "/read_bandwidth");
        sysfs_fixture_write(&fixture, "5120\n", INITIATORS "/write_bandwidth");
        sysfs_fixture_write(&fixture, "100\n", INITIATORS "/read_latency");
        sysfs_fixture_write(&fixture, "0\n", INITIATORS "/write_latency");
        assert_performance(10240, 5120, 100, 0);

        /* A figure that makes no sense leaves the others as they are. */
        sysfs_fixture_write(&fixture, "fast\n", INITIATORS "/read_bandwidth");
        sysfs_fixture_write(&fixture, "4294967296\n", INITIATORS "/read_latency");
        sysfs_fixture_write(&fixture, "4294967295\n", INITIATORS "/write_latency");
        assert_performance(0, 5120, 0, UINT32_MAX);

        fixture_remove(sysfs_fixture_path(&fixture, INITIATORS));
        assert_performance(0, 0, 0, 0);
}
END_TEST

START_TEST(without_a_node_folder_no_performance_is_known)
{
        sysfs_close(&sysfs);
        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH));
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        survey_performance(&sysfs, &machine);
        for (Performance p = 0; p < _PERFORMANCE_MAX; p++)
                ck_assert_uint_eq(machine.nodes[0].performance[p], 0);
}
END_TEST

START_TEST(the_order_of_zones_is_strict_if_the_kernel_or_the_guard_says_so)
{
        static const char *const files[] = {
                "sys/module/memory_hotplug/parameters/strict_zone_order",
                "sys/module/memoryd_guard/parameters/strict_zone_order",
        };

        sysfs_fixture_add_node(&fixture, 0);
        (void) survey_nodes(&sysfs, &machine);
        ck_assert(!machine.strict_zone_order);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                sysfs_fixture_write(&fixture, "Y\n", "%s", files[i]);
                ck_assert_int_eq(survey_nodes(&sysfs, &machine), 0);
                ck_assert(machine.strict_zone_order);
                sysfs_fixture_write(&fixture, "N\n", "%s", files[i]);
                ck_assert_int_eq(survey_nodes(&sysfs, &machine), 0);
                ck_assert(!machine.strict_zone_order);
        }
}
END_TEST

START_TEST(zones_are_read_from_zoneinfo_however_long_it_is)
{
        static const char text[] = "Node 1, zone  Movable\n"
                                   "  pages free     1\n"
                                   "        spanned  32768\n"
                                   "        present  32768\n"
                                   "        managed  32000\n";
        size_t length = (300 << 10) + sizeof(text);
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
        char *longer = malloc(length);

        ck_assert_ptr_nonnull(longer);
        memset(longer, '\n', length);
        strcpy(longer + length - sizeof(text), text);
        sysfs_fixture_write(&fixture, longer, "proc/zoneinfo");
        free(longer);

        ck_assert_int_eq(survey_zones(&sysfs, &machine), 0);
        ck_assert_uint_eq(machine.n_zones, 1);
        ck_assert_uint_eq(machine.zones[0].node, 1);
        ck_assert_int_eq(machine.zones[0].type, ZONE_MOVABLE);
        ck_assert_uint_eq(machine.zones[0].free_bytes, page);
        ck_assert_uint_eq(machine.zones[0].spanned_bytes, 32768 * page);
        ck_assert_uint_eq(machine.zones[0].managed_bytes, 32000 * page);
}
END_TEST

START_TEST(a_missing_zoneinfo_is_an_error)
{
        fixture_remove(sysfs_fixture_path(&fixture, "proc/zoneinfo"));
        ck_assert_int_eq(survey_zones(&sysfs, &machine), -ENOENT);
        sysfs_close(&sysfs);

        fixture_remove(sysfs_fixture_path(&fixture, "proc"));
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(survey_zones(&sysfs, &machine), -EBADF);
}
END_TEST

START_TEST(zones_are_replaced_and_kept_when_they_cannot_be_read)
{
        ck_assert_int_eq(survey_zones(&sysfs, &machine), 0);
        ck_assert_uint_eq(machine.n_zones, 0);

        sysfs_fixture_add_node(&fixture, 1);
        ck_assert_int_eq(survey_nodes(&sysfs, &machine), 1);
        sysfs_fixture_write(&fixture, "Node 1, zone  Movable\n  pages free 3\n  spanned 4\n",
                            "proc/zoneinfo");
        ck_assert_int_eq(survey_zones(&sysfs, &machine), 0);
        ck_assert_uint_eq(machine.n_zones, 1);
        ck_assert_uint_eq(machine.nodes[0].free_bytes, 3 * (uint64_t) sysconf(_SC_PAGESIZE));

        fixture_remove(sysfs_fixture_path(&fixture, "proc/zoneinfo"));
        ck_assert_int_eq(survey_zones(&sysfs, &machine), -ENOENT);
        ck_assert_uint_eq(machine.n_zones, 1);
        ck_assert_ptr_nonnull(machine_find_zone(&machine, 1, ZONE_MOVABLE));
}
END_TEST

/*
 * libnuma never frees what it allocates when it is loaded. Unloaded as often as it is used it looks
 * like a leak of whoever loaded it.
 */
static void keep_libnuma(void)
{
        (void) dlopen("libnuma.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

static TCase *add_tcase(Suite *suite, const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        suite_add_tcase(suite, tcase);
        return tcase;
}

/* ACPI memory devices */

#define ACPI "sys/bus/acpi/devices/PNP0C80:0a"
#define HOTPLUG "sys/firmware/acpi/hotplug"
#define NOW (100 * USEC_PER_SEC)

/* What a machine with such a device has, and whether the device is one without blocks, or fails later. */
static const struct {
        const char *status;
        const char *hotplug; /* a file of HOTPLUG */
        const char *iomem;
        bool has_blocks;
        bool is_found;
        bool fails;
} acpi_cases[] = {
        { "15", NULL, "", .is_found = true, .fails = true },
        { "11", NULL, "", .is_found = true, .fails = true },
        { "0", NULL, "", .is_found = false },
        { "13", NULL, "", .is_found = false }, /* not enabled */
        { "7", NULL, "", .is_found = false },  /* out of order */
        { "nonsense", NULL, "", .is_found = false },
        { "15", NULL, "", .has_blocks = true },
        { "15", "memory/enabled", "", .is_found = true, .fails = true },
        /* A kernel that does not add memory. */
        { "15", "container/enabled", "", .is_found = false },
        /* Its memory is being added: the range is there, and its blocks are not. */
        { "15", NULL, "00000000-07ffffff : System RAM\n100000000-1ffffffff : System RAM\n",
          .is_found = true },
        { "15", NULL, "00000000-07ffffff : System RAM\n", .is_found = true, .fails = true },
        { "15", NULL,
          "100000000-1ffffffff : virtio0\n  100000000-17fffffff : System RAM (virtio_mem)\n",
          .is_found = true, .fails = true },
};

START_TEST(a_memory_device_without_blocks_is_found_and_given_up)
{
        sysfs_fixture_write(&fixture, acpi_cases[_i].status, ACPI "/status");
        sysfs_fixture_write(&fixture, acpi_cases[_i].iomem, "proc/iomem");
        sysfs_fixture_write(&fixture, "15", "sys/bus/acpi/devices/PNP0C81:00/status");
        if (acpi_cases[_i].hotplug)
                sysfs_fixture_write(&fixture, "1\n", HOTPLUG "/%s", acpi_cases[_i].hotplug);
        if (acpi_cases[_i].has_blocks)
                ck_assert_int_eq(
                        symlink("nowhere", sysfs_fixture_path(&fixture, ACPI "/physical_node")), 0);
        sysfs_fixture_add_block(&fixture, 0, 0, "online", "Normal");
        sysfs_close(&sysfs);
        sysfs_fixture_open(&fixture, &sysfs);
        machine.block_size_bytes = UINT64_C(128) << 20;
        list(1);

        ck_assert_int_eq(survey_acpi(&sysfs, &machine, NOW), 0);
        ck_assert_uint_eq(machine.acpi.n_devices, acpi_cases[_i].is_found);
        ck_assert(!machine.acpi.is_off);
        if (acpi_cases[_i].is_found)
                ck_assert_str_eq(machine.acpi.devices[0].name, "PNP0C80:0a");
        ck_assert_int_eq(survey_acpi(&sysfs, &machine, NOW + ACPI_PATIENCE_USEC),
                         acpi_cases[_i].fails);
        ck_assert_uint_eq(machine.acpi.n_failed, acpi_cases[_i].fails);

        /* It goes, or gets its blocks. */
        fixture_remove(sysfs_fixture_path(&fixture, ACPI));
        ck_assert_int_eq(survey_acpi(&sysfs, &machine, NOW + 2 * ACPI_PATIENCE_USEC),
                         acpi_cases[_i].fails);
        ck_assert_uint_eq(machine.acpi.n_devices, 0);
}
END_TEST

START_TEST(the_size_of_a_device_is_known_if_its_range_was_seen)
{
        sysfs_fixture_write(&fixture, "15", ACPI "/status");
        sysfs_fixture_write(&fixture, "0\n", HOTPLUG "/memory/enabled");
        sysfs_fixture_write(&fixture, "100000000-1ffffffff : System RAM\n", "proc/iomem");
        sysfs_close(&sysfs);
        sysfs_fixture_open(&fixture, &sysfs);
        machine.block_size_bytes = UINT64_C(128) << 20;
        ck_assert_int_eq(survey_acpi(&sysfs, &machine, NOW), 0);
        ck_assert_uint_eq(machine.acpi.devices[0].size_bytes, UINT64_C(4) << 30);
        ck_assert(machine.acpi.is_off);
        ck_assert(!machine.acpi.has_own_structures);

        sysfs_fixture_write(&fixture, "Y\n",
                            "sys/module/memory_hotplug/parameters/memmap_on_memory");
        sysfs_fixture_write(&fixture, "1\n", HOTPLUG "/memory/enabled");
        ck_assert_int_eq(survey_acpi(&sysfs, &machine, NOW), 0);
        ck_assert(!machine.acpi.is_off);
        ck_assert(machine.acpi.has_own_structures);
}
END_TEST

START_TEST(a_memory_folder_that_is_gone_is_an_error)
{
        sysfs_fixture_set_block(&fixture, 1, "offline\n", NULL);
        list(1);
        sysfs_close(&sysfs);
        ck_assert_int_lt(survey_list(&sysfs, &machine, &changed), 0);
        ck_assert_uint_eq(machine.n_blocks, 1);
}
END_TEST

static void add_acpi_tests(Suite *suite)
{
        TCase *tcase = add_tcase(suite, "ACPI memory devices");

        tcase_add_loop_test(tcase, a_memory_device_without_blocks_is_found_and_given_up, 0,
                            ELEMENTSOF(acpi_cases));
        tcase_add_test(tcase, the_size_of_a_device_is_known_if_its_range_was_seen);
}

static void add_block_tests(Suite *suite)
{
        TCase *listing = add_tcase(suite, "list"), *reading = add_tcase(suite, "read");

        tcase_add_test(listing, new_blocks_are_added_in_order_and_are_stale);
        tcase_add_test(listing, blocks_that_are_gone_are_removed);
        tcase_add_test(listing, a_memory_folder_that_is_empty_leaves_no_block);
        tcase_add_test(
                listing,
                a_block_that_was_listed_before_its_files_were_there_is_new_until_it_was_read);
        tcase_add_test(listing, a_memory_folder_that_is_gone_is_an_error);
        tcase_add_test(listing, a_block_whose_folder_is_another_is_a_new_block);

        tcase_add_loop_test(reading, a_new_block_is_taken_in_as_the_mode_says, 0,
                            ELEMENTSOF(mode_cases));
        tcase_add_loop_test(reading, a_block_is_the_kernels_as_its_node_or_the_machine_says, 0,
                            ELEMENTSOF(due_cases));
        tcase_add_test(reading, what_was_there_at_the_start_is_not_the_kernels);
        tcase_add_test(reading, no_more_are_read_than_the_limit);
        tcase_add_test(reading, only_what_changed_is_reported);
        tcase_add_test(reading, a_block_without_a_node_waits_until_it_has_one);
        tcase_add_test(reading,
                       an_attribute_that_makes_no_sense_does_not_keep_others_from_being_read);
        tcase_add_test(reading, nonsense_leaves_what_was_known_of_a_block);
        tcase_add_test(reading,
                       a_block_that_vanishes_while_it_is_read_stays_until_the_next_listing);
        tcase_add_test(reading, an_id_that_changes_twice_in_a_row_is_noted_once);
}

int main(void)
{
        Suite *suite = suite_create("survey");
        TCase *nodes = add_tcase(suite, "nodes");

        keep_libnuma();
        add_block_tests(suite);
        add_acpi_tests(suite);
        tcase_add_test(nodes, nodes_come_and_go);
        tcase_add_test(nodes, a_cpu_that_comes_to_a_known_node_is_noticed);
        tcase_add_test(nodes, the_performance_of_a_node_is_what_the_firmware_tells);
        tcase_add_test(nodes, without_a_node_folder_no_performance_is_known);
        tcase_add_test(nodes, the_order_of_zones_is_strict_if_the_kernel_or_the_guard_says_so);
        tcase_add_test(nodes, zones_are_read_from_zoneinfo_however_long_it_is);
        tcase_add_test(nodes, a_missing_zoneinfo_is_an_error);
        tcase_add_test(nodes, zones_are_replaced_and_kept_when_they_cannot_be_read);
        return check_main(suite);
}
