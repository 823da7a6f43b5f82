/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "sysfs_fixture.h"
#include "verify/feature.h"

/* The tree of a stock kernel: boot memory on node 0, and a DIMM of two blocks on node 1. */
static SysfsFixture fixture;
static Machine machine;

#define FIRST_OF_DIMM 4
#define STOCK "online-types hot-remove auto-online"
#define PARAMETERS "sys/module/memory_hotplug/parameters"

/* One of the lower blocks, one of the others. */
static void set_devices(Origin low, Origin high)
{
        Device *devices = calloc(2, sizeof(*devices));

        ck_assert_ptr_nonnull(devices);
        devices[0] = (Device){ .origin = low, .last_block = FIRST_OF_DIMM - 1 };
        devices[1] = (Device){ .origin = high,
                               .first_block = FIRST_OF_DIMM,
                               .last_block = FIRST_OF_DIMM + 1 };
        free(machine.devices);
        machine.devices = devices;
        machine.n_devices = 2;
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].device = machine.blocks[i].id >= FIRST_OF_DIMM;
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        machine_init(&machine);
        machine_from(&machine, UINT64_C(128) << 20, "0c=k4 1=o2");
        set_devices(ORIGIN_BOOT, ORIGIN_DIMM);
        for (uint32_t i = 0; i < machine.n_blocks; i++) {
                sysfs_fixture_add_block(&fixture, i, i >= FIRST_OF_DIMM, "online\n", "Normal\n");
                sysfs_fixture_write(&fixture, "DRIVER=\n", MEMORY_PATH "/memory%u/uevent", i);
        }
        sysfs_fixture_write(&fixture, "contig-zones\n", PARAMETERS "/online_policy");
}

static void teardown(void)
{
        machine_done(&machine);
        sysfs_fixture_done(&fixture);
}

/* The names of what is found, in their order. */
static const char *find(const char *release, bool hears_pressure)
{
        static char text[256];
        bool has[_FEATURE_MAX];
        Sysfs sysfs;
        const VerifyInput input = {
                .sysfs = &sysfs,
                .machine = &machine,
                .release = release,
                .hears_pressure = hears_pressure,
        };

        sysfs_fixture_open(&fixture, &sysfs);
        features_find(&input, has);
        sysfs_close(&sysfs);
        text[0] = 0;
        for (int i = 0; i < _FEATURE_MAX; i++)
                if (has[i])
                        strcat(strcat(text, *text ? " " : ""), feature_to_string((Feature) i));
        return text;
}

#define assert_has(expected) ck_assert_str_eq(find("6.12.1-amd64", false), expected)

START_TEST(a_stock_kernel_has_none_of_the_series)
{
        assert_has(STOCK);
        ck_assert_str_eq(find("6.1.0-21-cloud-amd64", true), STOCK " pressure");
}
END_TEST

static const struct {
        const char *release;
        bool is_before;
} releases[] = {
        { "2.6.32", true },     { "3.0.101", true }, { "3.7.10", true },
        { "3.8.0-rc1", false }, { "3.8", false },    { "3.10.0-1160.el7", false },
        { "4.0.0", false },     { "6.12", false },   { "10.1", false },
        { "something", false }, { "3", false },      { "", false },
};

START_TEST(of_the_words_the_release_tells)
{
        ck_assert_int_eq(release_is_before(releases[_i].release, 3, 8), releases[_i].is_before);
        ck_assert_str_eq(find(releases[_i].release, false),
                         releases[_i].is_before ? "hot-remove auto-online" : STOCK);
}
END_TEST

/* What is written into the tree, one file or two, and what is there then. */
static const struct {
        const char *path;
        const char *text;
        const char *other_path;
        const char *expected;
} additions[] = {
        /* Patch 2. Boot memory has no group; that one of it would says nothing about the kernel. */
        { MEMORY_PATH "/memory4/group_id", "0\n", MEMORY_PATH "/memory5/group_id",
          STOCK " groups" },
        { MEMORY_PATH "/memory5/group_type", "static\n", NULL, STOCK },
        { MEMORY_PATH "/memory3/group_id", "0\n", NULL, STOCK },
        /* Patch 3, which shows the ids of patch 2: known also where nothing was added. */
        { MEMORY_PATH "/memory0/uevent", "MEMORY_STATE=online\nMEMORY_NODE=0\n", NULL,
          STOCK " groups uevents" },
        { MEMORY_PATH "/memory0/uevent", "DRIVER=x\nMEMORY_STATE=online\nMEMORY_NODE=0\n", NULL,
          STOCK " groups uevents" },
        { MEMORY_PATH "/memory0/uevent", "X_MEMORY_STATE=online\n", NULL, STOCK },
        { MEMORY_PATH "/memory0/uevent", "X=MEMORY_STATE=online\n", NULL, STOCK },
        { MEMORY_PATH "/memory0/uevent", "", NULL, STOCK },
        /* Patch 4: on any node. */
        { NODE_PATH "/node0/auto_online_blocks", "inherit\n", NULL, STOCK " node-auto-online" },
        { NODE_PATH "/node1/auto_online_blocks", "inherit\n", NULL, STOCK " node-auto-online" },
        { NODE_PATH "/node2/auto_online_blocks", "inherit\n", NULL, STOCK },
        { NODE_PATH "/auto_online_blocks", "inherit\n", NULL, STOCK },
        /* Patch 5: both of its parameters, whether they are on or not. Or the guard. */
        { PARAMETERS "/strict_zone_order", "N\n", PARAMETERS "/require_kernel_zone",
          STOCK " zone-rules" },
        { PARAMETERS "/strict_zone_order", "N\n", NULL, STOCK },
        { PARAMETERS "/require_kernel_zone", "N\n", NULL, STOCK },
        { "sys/module/memoryd_guard/parameters/strict_zone_order", "Y\n", NULL,
          STOCK " zone-rules" },
};

START_TEST(each_patch_is_found_by_what_it_shows)
{
        sysfs_fixture_write(&fixture, additions[_i].text, "%s", additions[_i].path);
        if (additions[_i].other_path)
                sysfs_fixture_write(&fixture, additions[_i].text, "%s", additions[_i].other_path);
        assert_has(additions[_i].expected);
}
END_TEST

static const struct {
        const char *path;
        const char *expected;
} removals[] = {
        { MEMORY_PATH "/memory0/valid_zones", "online-types auto-online" },
        { MEMORY_PATH "/auto_online_blocks", "online-types hot-remove" },
        { MEMORY_PATH "/memory0/uevent", STOCK },
        { "sys/module", STOCK },
        /* The block after it tells as well. */
        { MEMORY_PATH "/memory0", STOCK },
};

START_TEST(what_is_not_there_is_lacking)
{
        fixture_remove(sysfs_fixture_path(&fixture, "%s", removals[_i].path));
        assert_has(removals[_i].expected);
}
END_TEST

/* valid_zones is a folder here: whoever opened it to read would fail, and it counts as there. */
START_TEST(valid_zones_is_not_read)
{
        for (uint32_t i = 0; i < machine.n_blocks; i++) {
                fixture_remove(
                        sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u/valid_zones", i));
                sysfs_fixture_write(&fixture, "", MEMORY_PATH "/memory%u/valid_zones/x", i);
        }
        assert_has(STOCK);
}
END_TEST

START_TEST(groups_are_found_on_any_device_that_was_added)
{
        machine.n_devices = 0;
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].device = DEVICE_NONE;
        assert_has(STOCK);
        /* Where nobody knows where memory came from, on the highest. */
        sysfs_fixture_write(&fixture, "0\n", MEMORY_PATH "/memory5/group_id");
        assert_has(STOCK " groups");
        /* A driver need not register a group for what it adds, which may be higher. */
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory5/group_id"));
        for (uint32_t i = 0; i < FIRST_OF_DIMM; i++)
                sysfs_fixture_write(&fixture, "0\n", MEMORY_PATH "/memory%u/group_id", i);
        set_devices(ORIGIN_DIMM, ORIGIN_BALLOON);
        assert_has(STOCK " groups");
}
END_TEST

START_TEST(a_kernel_without_nodes_or_blocks_is_looked_at)
{
        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH));
        assert_has(STOCK);
        for (uint32_t i = 0; i < machine.n_blocks; i++)
                sysfs_fixture_remove_block(&fixture, i);
        assert_has(STOCK);
        machine_done(&machine);
        machine_init(&machine);
        assert_has(STOCK);
}
END_TEST

START_TEST(each_says_what_brings_it_and_what_is_lost_without)
{
        for (int i = 0; i < _FEATURE_MAX; i++) {
                const char *loss = feature_loss((Feature) i);

                ck_assert_int_eq(feature_from_string(feature_to_string((Feature) i)), i);
                ck_assert_ptr_nonnull(feature_brought_by((Feature) i));
                ck_assert_int_eq(loss[strlen(loss) - 1], '.');
        }
        ck_assert_int_lt(feature_from_string("nonsense"), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("feature");
        TCase *tcase = tcase_create("feature");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_stock_kernel_has_none_of_the_series);
        tcase_add_loop_test(tcase, of_the_words_the_release_tells, 0, ELEMENTSOF(releases));
        tcase_add_loop_test(tcase, each_patch_is_found_by_what_it_shows, 0, ELEMENTSOF(additions));
        tcase_add_loop_test(tcase, what_is_not_there_is_lacking, 0, ELEMENTSOF(removals));
        tcase_add_test(tcase, valid_zones_is_not_read);
        tcase_add_test(tcase, groups_are_found_on_any_device_that_was_added);
        tcase_add_test(tcase, a_kernel_without_nodes_or_blocks_is_looked_at);
        tcase_add_test(tcase, each_says_what_brings_it_and_what_is_lost_without);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
