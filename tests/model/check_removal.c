/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "model/removal.h"

#define BLOCK (UINT64_C(128) << 20)

static Machine machine;

static void teardown(void)
{
        machine_done(&machine);
}

/* Makes a machine of a text, with one device of a name, of the blocks from 32 to `last`. */
static Device *make(const char *text, Origin origin, const char *name, uint32_t last)
{
        Device *device;

        machine_from(&machine, BLOCK, text);
        device = machine_add_device(&machine, 32, last, 0);
        device->origin = origin;
        strcpy(device->name, name);
        return device;
}

static void assert_removal(Removable removable, Obstacle obstacle, const char *expected_reason,
                           const char *expected_advice)
{
        const DeviceUse use = device_use_of(&machine, 0);
        char *reason = NULL, *advice = NULL;

        ck_assert_str_eq(removable_to_string(use.removable), removable_to_string(removable));
        ck_assert_str_eq(obstacle_to_string(use.obstacle), obstacle_to_string(obstacle));
        ck_assert_int_eq(removal_format(&machine, 0, &use, &reason, &advice), 0);
        ck_assert_str_eq(reason, expected_reason);
        ck_assert_str_eq(advice, expected_advice);
        free(reason);
        free(advice);
}

#define EJECT "unplug it in the hypervisor, or write 1 to /sys/bus/acpi/devices/PNP0C80:00/eject"
#define TRY(target)                                                                                \
        "run \"memoryctl offline " target "\" to try: a block goes offline if all its pages can "  \
        "be moved. A rule with zone = \"movable\" keeps such a device removable when it is added"
#define DAXCTL                                                                                     \
        "run \"daxctl reconfigure-device --mode=devdax dax0.0\", which has the kernel release it"

static const struct {
        const char *blocks;
        Origin origin;
        const char *name;
        Removable removable;
        Obstacle obstacle;
        const char *reason, *advice;
} rows[] = {
        { "1@32=l8", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_YES, OBSTACLE_NONE,
          "all of it is offline", EJECT },
        { "1@32=l7m", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_AFTER_OFFLINE, OBSTACLE_MOVABLE_MEMORY,
          "128M of it is online, all of that movable",
          "run \"memoryctl offline --device PNP0C80:00\", then " EJECT },
        { "1@32=m3k2m3", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_NO, OBSTACLE_KERNEL_MEMORY,
          "256M of it is kernel memory (memory35 first), which can usually not go offline",
          TRY("--device PNP0C80:00") },
        /* A block that spans zones is kernel memory. */
        { "1@32=l7s", ORIGIN_DIMM, "", REMOVABLE_NO, OBSTACLE_KERNEL_MEMORY,
          "128M of it is kernel memory (memory39 first), which can usually not go offline",
          TRY("32-39") },
        { "1@39=m", ORIGIN_UNKNOWN, "", REMOVABLE_AFTER_OFFLINE, OBSTACLE_MOVABLE_MEMORY,
          "128M of it is online, all of that movable",
          "run \"memoryctl offline 39\", then remove it where it was added" },
        { "1@32=l8", ORIGIN_DIMM, "", REMOVABLE_YES, OBSTACLE_NONE, "all of it is offline",
          "unplug it" },
        { "1@32=l8", ORIGIN_KMEM, "dax0.0", REMOVABLE_YES, OBSTACLE_NONE, "all of it is offline",
          DAXCTL },
        { "1@32=m8", ORIGIN_KMEM, "dax0.0", REMOVABLE_AFTER_OFFLINE, OBSTACLE_MOVABLE_MEMORY,
          "1G of it is online, all of that movable",
          "run \"memoryctl offline --device dax0.0\", then " DAXCTL },
        { "1@32=m8", ORIGIN_VIRTIO_MEM, "virtio3", REMOVABLE_AFTER_OFFLINE, OBSTACLE_MOVABLE_MEMORY,
          "1G of it is online, all of that movable",
          "run \"memoryctl offline --device virtio3\", then have the hypervisor reduce the size "
          "that it requests" },
        { "1@32=m8", ORIGIN_BOOT, "", REMOVABLE_NO, OBSTACLE_BOOT_MEMORY,
          "the machine booted with it, and any part of it may hold data of the kernel, which "
          "cannot "
          "be moved",
          "" },
        { "1@32=m8", ORIGIN_BALLOON, "", REMOVABLE_NO, OBSTACLE_BALLOON,
          "its driver gives single pages back to the hypervisor, but never whole blocks", "" },
        { "1@32=l7g", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_NO, OBSTACLE_BUSY,
          "a block of it is just changing its state", "wait a moment, and ask again" },
        { "1@32=l7M", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_NO, OBSTACLE_BUSY,
          "a block of it is just changing its state", "wait a moment, and ask again" },
        { "1@32=l6r2", ORIGIN_DIMM, "PNP0C80:00", REMOVABLE_NO, OBSTACLE_BUSY,
          "memoryd still has to act on 2 blocks of it", "wait a moment, and ask again" },
};

START_TEST(the_blocks_of_a_device_tell_whether_it_can_be_removed)
{
        make(rows[_i].blocks, rows[_i].origin, rows[_i].name, 39);
        assert_removal(rows[_i].removable, rows[_i].obstacle, rows[_i].reason, rows[_i].advice);
}
END_TEST

START_TEST(a_device_cannot_be_removed_before_all_of_it_is_there)
{
        Device *device = make("1@32=m8", ORIGIN_DIMM, "PNP0C80:00", 47);

        device->missing_blocks = 8;
        assert_removal(REMOVABLE_NO, OBSTACLE_INCOMPLETE,
                       "the kernel is still adding it: 8 of 16 blocks are missing",
                       "wait until the kernel has added all of it");
        device->missing_blocks = 0;
        machine.blocks[3].held = true;
        assert_removal(REMOVABLE_NO, OBSTACLE_INCOMPLETE, "the kernel is still adding it",
                       "wait until the kernel has added all of it");
}
END_TEST

START_TEST(a_job_with_a_block_of_a_device_is_waited_for)
{
        make("1@32=m8", ORIGIN_DIMM, "PNP0C80:00", 39);
        machine.blocks[5].job = 7;
        assert_removal(REMOVABLE_NO, OBSTACLE_BUSY, "job 7 is to change blocks of it",
                       "wait for the job, see \"memoryctl jobs\"");
        ck_assert_uint_eq(device_use_of(&machine, 0).job, 7);
}
END_TEST

START_TEST(sums_are_of_the_blocks_of_the_device_alone)
{
        Machine *all = &machine;
        DeviceUse use;

        /* Two devices whose blocks alternate, and boot memory below. */
        machine_from(all, BLOCK, "0=k4m4 0@32=kmlk 1@36=mmkk");
        machine_add_device(all, 32, 39, 0);
        machine_add_device(all, 34, 36, 1);
        for (size_t i = 0; i < all->n_blocks; i++)
                if (all->blocks[i].id >= 34 && all->blocks[i].id <= 36)
                        all->blocks[i].device = 1;
        use = device_use_of(all, 0);
        ck_assert_uint_eq(use.n_blocks, 5);
        ck_assert_uint_eq(use.totals.kernel_bytes, 3 * BLOCK);
        ck_assert_uint_eq(use.totals.movable_bytes, 2 * BLOCK);
        ck_assert_uint_eq(use.totals.offline_bytes, 0);
        ck_assert_uint_eq(use.first_kernel_block, 32);
        ck_assert(node_set_contains(&use.nodes, 0) && node_set_contains(&use.nodes, 1));
        use = device_use_of(all, 1);
        ck_assert_uint_eq(use.n_blocks, 3);
        ck_assert_uint_eq(use.totals.kernel_bytes, BLOCK);
        ck_assert_uint_eq(use.totals.movable_bytes, BLOCK);
        ck_assert_uint_eq(use.totals.offline_bytes, BLOCK);
        ck_assert_uint_eq(use.first_kernel_block, 35);
}
END_TEST

START_TEST(a_device_without_a_name_is_its_own_blocks)
{
        /* Another device is in its range, and memory38 is missing. */
        make("1@32=m6 1@39=m", ORIGIN_DIMM, "", 39);
        machine_add_device(&machine, 34, 35, 1);
        machine.blocks[2].device = machine.blocks[3].device = 1;
        assert_removal(REMOVABLE_AFTER_OFFLINE, OBSTACLE_MOVABLE_MEMORY,
                       "640M of it is online, all of that movable",
                       "run \"memoryctl offline 32-33,36-37,39\", then unplug it");
}
END_TEST

START_TEST(a_device_without_blocks_has_none_to_find)
{
        make("0=k4", ORIGIN_DIMM, "PNP0C80:00", 39);
        ck_assert_ptr_null(device_first_block(&machine, 0));
        ck_assert_uint_eq(device_use_of(&machine, 0).n_blocks, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("removal");
        TCase *tcase = tcase_create("removal");

        tcase_add_checked_fixture(tcase, NULL, teardown);
        tcase_add_loop_test(tcase, the_blocks_of_a_device_tell_whether_it_can_be_removed, 0,
                            ELEMENTSOF(rows));
        tcase_add_test(tcase, a_device_cannot_be_removed_before_all_of_it_is_there);
        tcase_add_test(tcase, a_job_with_a_block_of_a_device_is_waited_for);
        tcase_add_test(tcase, sums_are_of_the_blocks_of_the_device_alone);
        tcase_add_test(tcase, a_device_without_a_name_is_its_own_blocks);
        tcase_add_test(tcase, a_device_without_blocks_has_none_to_find);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
