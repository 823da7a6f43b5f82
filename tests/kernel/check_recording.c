/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/recording.h"
#include "sysfs_fixture.h"

#include <linux/magic.h>
#include <sys/vfs.h>

static SysfsFixture fixture;
static Recording recording;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        recording = (Recording){};
}

static void teardown(void)
{
        recording_done(&recording);
        sysfs_fixture_done(&fixture);
}

static void read_fixture(void)
{
        ck_assert_int_eq(recording_read(fixture.root, &recording), 0);
}

static const Machine *machine(void)
{
        return &recording.machine;
}

START_TEST(blocks_come_with_state_node_zones_and_sums)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "none\n");
        sysfs_fixture_add_block(&fixture, 1, 0, "online\n", "Normal\n");
        sysfs_fixture_add_block(&fixture, 40, 3, "online\n", "Movable\n");
        sysfs_fixture_add_block(&fixture, 41, 3, "offline\n", "Normal Movable\n");
        read_fixture();

        ck_assert_uint_eq(recording.faults.n_texts, 0);
        ck_assert_uint_eq(machine()->n_blocks, 4);
        ck_assert_int_eq(machine()->blocks[2].node, 3);
        ck_assert_int_eq(machine()->blocks[2].status, BLOCK_STATUS_INITIAL);
        ck_assert_int_eq(machine()->blocks[2].last_class, ZONE_CLASS_MOVABLE);
        ck_assert_int_eq(machine()->blocks[3].status, BLOCK_STATUS_PENDING);
        ck_assert_uint_eq(machine()->blocks[3].zones.n_zones, 2);
        ck_assert(recording.has_nodes);
        ck_assert_uint_eq(machine()->totals.kernel_bytes, UINT64_C(256) << 20);
        ck_assert_uint_eq(machine_find_node(machine(), 3)->totals.movable_bytes, UINT64_C(128)
                                                                                         << 20);
        ck_assert_uint_eq(machine_find_node(machine(), 3)->totals.offline_bytes, UINT64_C(128)
                                                                                         << 20);
}
END_TEST

/* What must not be read of a running kernel is only text here. */
START_TEST(zones_are_read_without_a_node_link)
{
        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Movable Normal\n");
        read_fixture();

        ck_assert_uint_eq(machine()->blocks[0].zones.n_zones, 2);
        ck_assert(recording.blocks[0].has_zones);
        ck_assert(!recording.blocks[0].has_node);
}
END_TEST

/* --sysroot / is no recorded tree. */
START_TEST(the_running_system_is_known_as_such)
{
        Sysfs sysfs = SYSFS_CLOSED;
        struct statfs fs;

        if (statfs("/" MEMORY_PATH, &fs) < 0 || fs.f_type != SYSFS_MAGIC)
                return;
        ck_assert_int_eq(sysfs_open_recorded("/", &sysfs), 0);
        ck_assert(!sysfs.recorded);
        sysfs_close(&sysfs);

        ck_assert_int_eq(sysfs_open_recorded(fixture.root, &sysfs), 0);
        ck_assert(sysfs.recorded);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(without_links_all_is_node_0)
{
        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH));
        sysfs_fixture_set_block(&fixture, 0, "online\n", "Normal\n");
        sysfs_fixture_set_block(&fixture, 1, "online\n", "Normal\n");
        read_fixture();

        ck_assert(!recording.has_nodes);
        ck_assert_uint_eq(machine()->n_nodes, 1);
        ck_assert_int_eq(machine()->blocks[1].node, 0);
        ck_assert_uint_eq(machine()->nodes[0].totals.online_bytes, UINT64_C(256) << 20);
        ck_assert_uint_eq(recording.faults.n_texts, 0);
        ck_assert_str_eq(recording.node_faults.texts[0],
                         "sys/devices/system/node: missing, expected the folder of the nodes");
}
END_TEST

/* The folder of node 2 was not copied, but a block is linked to it. */
START_TEST(nodes_that_are_only_linked_to_are_there)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        sysfs_fixture_add_block(&fixture, 1, 2, "online\n", "Normal\n");
        sysfs_fixture_remove_node(&fixture, 2);
        sysfs_fixture_add_node(&fixture, 7);
        read_fixture();

        ck_assert_uint_eq(machine()->n_nodes, 3);
        ck_assert_uint_eq(machine()->nodes[1].id, 2);
        ck_assert_uint_eq(machine()->nodes[1].totals.online_bytes, UINT64_C(128) << 20);
        ck_assert_uint_eq(machine()->nodes[2].id, 7);
}
END_TEST

START_TEST(distances_are_those_of_the_tree)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        sysfs_fixture_add_node(&fixture, 4);
        sysfs_fixture_write(&fixture, "10 31\n", NODE_PATH "/node0/distance");
        sysfs_fixture_write(&fixture, "31 10\n", NODE_PATH "/node4/distance");
        read_fixture();

        ck_assert_uint_eq(machine_distance(machine(), 0, 4), 31);
        ck_assert_uint_eq(machine_distance(machine(), 4, 4), 10);
}
END_TEST

START_TEST(distances_that_make_no_sense_are_none)
{
        static const char *const texts[] = { "10\n", "10 20 30\n", "10 0\n", "10 x\n", "\n" };

        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        sysfs_fixture_add_node(&fixture, 4);
        sysfs_fixture_write(&fixture, "31 10\n", NODE_PATH "/node4/distance");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                sysfs_fixture_write(&fixture, texts[i], NODE_PATH "/node0/distance");
                read_fixture();
                ck_assert_uint_eq(machine()->nodes[0].n_distances, 0);
                ck_assert_uint_eq(machine()->nodes[1].n_distances, 2);
                ck_assert_uint_eq(recording.node_faults.n_texts, 1);
                recording_done(&recording);
        }
}
END_TEST

/* A page of the machine is no page of this one: 1 GiB online, in pages of each size. */
START_TEST(zones_are_counted_in_the_machines_pages)
{
        static const struct {
                const char *present; /* pages */
                const char *noted;   /* pagesize, or NULL */
                uint64_t free_bytes; /* of 1000 pages */
        } cases[] = {
                { "262144", NULL, 1000 * 4096 },    { "65536", NULL, 1000 * 16384 },
                { "16384", NULL, 1000 * 65536 },    { "250000", NULL, 1000 * 4096 },
                { "150000", NULL, 1000 * 4096 },    { "60000", NULL, 1000 * 16384 },
                { "14000", NULL, 1000 * 65536 },    { "0", NULL, 1000 * 4096 },
                { "14000", "4096\n", 1000 * 4096 }, { "14000", "4095\n", 1000 * 65536 },
        };

        for (uint32_t id = 0; id < 8; id++)
                sysfs_fixture_add_block(&fixture, id, 0, "online\n", "Normal\n");
        sysfs_fixture_write(&fixture, "10\n", NODE_PATH "/node0/distance");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[256];

                snprintf(text, sizeof(text),
                         "Node 0, zone   Normal\n  pages free     1000\n        min      1000\n"
                         "        low      1000\n        high     1000\n"
                         "        spanned  262144\n        present  %s\n        managed  900\n"
                         "      nr_free_cma  1000\n        protection: (0, 1000)\n",
                         cases[i].present);
                sysfs_fixture_write(&fixture, text, "proc/zoneinfo");
                if (cases[i].noted)
                        sysfs_fixture_write(&fixture, cases[i].noted, "pagesize");
                read_fixture();
                ck_assert_uint_eq(recording.node_faults.n_texts, 0);
                ck_assert_uint_eq(machine()->nodes[0].free_bytes, cases[i].free_bytes);
                ck_assert_uint_eq(machine()->zones[0].free_bytes, cases[i].free_bytes);
                ck_assert_uint_eq(machine()->zones[0].free_cma_bytes, cases[i].free_bytes);
                ck_assert_uint_eq(machine()->zones[0].min_bytes, cases[i].free_bytes);
                ck_assert_uint_eq(machine()->zones[0].low_bytes, cases[i].free_bytes);
                ck_assert_uint_eq(machine()->zones[0].high_bytes, cases[i].free_bytes);
                recording_done(&recording);
        }
}
END_TEST

START_TEST(notes_tell_architecture_and_virtualization)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        read_fixture();
        ck_assert_str_eq(machine()->architecture, "");
        ck_assert_str_eq(machine()->virtualization, "");
        recording_done(&recording);

        sysfs_fixture_write(&fixture, "6.1.0-rc1+ s390x\n", "uname");
        sysfs_fixture_write(&fixture, "zvm\n", "virtualization");
        read_fixture();
        ck_assert_str_eq(machine()->architecture, "s390x");
        ck_assert_str_eq(machine()->virtualization, "zvm");
}
END_TEST

/* Of what takes the place of a file nothing is read. */
START_TEST(what_is_no_plain_file_is_a_fault)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        for (uint32_t id = 1; id < 4; id++)
                sysfs_fixture_add_block(&fixture, id, 0, "online\n", "Normal\n");
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory1/state"));
        ck_assert_int_eq(mkdir(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory1/state"), 0755),
                         0);
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory2/state"));
        ck_assert_int_eq(symlink("../memory0/state",
                                 sysfs_fixture_path(&fixture, MEMORY_PATH "/memory2/state")),
                         0);
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory3/state"));
        ck_assert_int_eq(mkfifo(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory3/state"), 0644),
                         0);
        read_fixture();

        ck_assert(recording.blocks[0].has_state);
        ck_assert_uint_eq(recording.faults.n_texts, 3);
        for (size_t i = 1; i < 4; i++)
                ck_assert(!recording.blocks[i].has_state);
        ck_assert_ptr_nonnull(strstr(recording.faults.texts[0], "/memory1/state: Is a directory"));
        ck_assert_ptr_nonnull(
                strstr(recording.faults.texts[1], "/memory2/state: Too many levels of symbolic"));
        ck_assert_ptr_nonnull(strstr(recording.faults.texts[2], "/memory3/state: '', expected"));
}
END_TEST

/* Or a reading would never end. */
START_TEST(what_tells_of_devices_is_a_plain_file)
{
        sysfs_fixture_add_block(&fixture, 0, 0, "online\n", "Normal\n");
        sysfs_fixture_write(&fixture, "", "sys/kernel/boot_params/.there");
        ck_assert_int_eq(mkfifo(sysfs_fixture_path(&fixture, "sys/kernel/boot_params/data"), 0644),
                         0);
        read_fixture();
        ck_assert_uint_eq(recording.machine.n_devices, 1);
}
END_TEST

START_TEST(a_tree_without_a_machine_says_why)
{
        ck_assert_int_eq(recording_read(fixture.root, &recording), -ENOENT);
        ck_assert_uint_eq(recording.faults.n_texts, 1);
        ck_assert_ptr_nonnull(strstr(recording.faults.texts[0], "memoryN: missing"));
        recording_done(&recording);

        sysfs_fixture_write(&fixture, "8000001\n", MEMORY_PATH "/block_size_bytes");
        ck_assert_int_eq(recording_read(fixture.root, &recording), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(recording.faults.texts[0], "block_size_bytes: '8000001'"));
        recording_done(&recording);

        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH));
        ck_assert_int_eq(recording_read(fixture.root, &recording), -ENOENT);
        ck_assert_ptr_nonnull(strstr(recording.faults.texts[0], "memory: missing"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("recording");
        TCase *tcase = tcase_create("recording");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, blocks_come_with_state_node_zones_and_sums);
        tcase_add_test(tcase, zones_are_read_without_a_node_link);
        tcase_add_test(tcase, the_running_system_is_known_as_such);
        tcase_add_test(tcase, without_links_all_is_node_0);
        tcase_add_test(tcase, nodes_that_are_only_linked_to_are_there);
        tcase_add_test(tcase, distances_are_those_of_the_tree);
        tcase_add_test(tcase, distances_that_make_no_sense_are_none);
        tcase_add_test(tcase, zones_are_counted_in_the_machines_pages);
        tcase_add_test(tcase, notes_tell_architecture_and_virtualization);
        tcase_add_test(tcase, what_is_no_plain_file_is_a_fault);
        tcase_add_test(tcase, what_tells_of_devices_is_a_plain_file);
        tcase_add_test(tcase, a_tree_without_a_machine_says_why);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
