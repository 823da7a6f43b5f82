/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/tier.h"
#include "sysfs_fixture.h"

#include <sys/inotify.h>

/* Node 0 has a CPU and the kernel, node 1 a CPU, nodes 2 and 3 have none. Node 3 has no memory online. */

#define TIER_PATH "sys/devices/virtual/memory_tiering/memory_tier"

static SysfsFixture fixture;
static Sysfs sysfs;
static Machine machine;

static void add_block(uint32_t id, int32_t node, BlockState state)
{
        Block *block;

        ck_assert_int_eq(machine_add_block(&machine, id, &block), 1);
        block->node = node;
        block->state = state;
}

static void setup(void)
{
        Node *nodes = calloc(4, sizeof(Node));

        sysfs_fixture_init(&fixture);
        sysfs_fixture_write(&fixture, "0-2\n", NODE_PATH "/has_memory");
        sysfs_fixture_write(&fixture,
                            "00000000-07ffffff : System RAM\n"
                            "  01000000-02209987 : Kernel code\n",
                            "proc/iomem");
        sysfs_fixture_open(&fixture, &sysfs);
        machine_init(&machine);
        machine.block_size_bytes = 128 << 20;
        for (uint32_t i = 0; i < 4; i++) {
                nodes[i] = (Node){ .id = i, .has_cpu = i < 2 };
                add_block(i, (int32_t) i, i < 3 ? BLOCK_ONLINE : BLOCK_OFFLINE);
        }
        machine_set_nodes(&machine, nodes, 4);
}

static void teardown(void)
{
        machine_done(&machine);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

static void add_tier(unsigned tier, const char *nodelist)
{
        sysfs_fixture_write(&fixture, nodelist, TIER_PATH "%u/nodelist", tier);
}

/* Reads the tiers, and returns them by node, "-" for not known. */
static const char *tiers(void)
{
        static char text[64];
        size_t n = 0;

        ck_assert_int_eq(tiers_read(&sysfs, &machine), 0);
        text[0] = '\0';
        for (size_t i = 0; i < machine.n_nodes; i++) {
                const char *gap = i > 0 ? " " : "";

                if (machine.nodes[i].has_tier)
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%u", gap,
                                               machine.nodes[i].tier);
                else
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s-", gap);
        }
        return text;
}

/* Watches whether the nodelist of a tier is opened. */
static int watch(unsigned tier)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(
                inotify_add_watch(fd, sysfs_fixture_path(&fixture, TIER_PATH "%u/nodelist", tier),
                                  IN_OPEN),
                0);
        return fd;
}

static bool was_opened(int fd)
{
        char events[4096];
        bool opened = read(fd, events, sizeof(events)) > 0;

        close(fd);
        return opened;
}

START_TEST(a_kernel_without_tiers_is_told)
{
        machine.nodes[0].has_tier = true;
        ck_assert(!tiers_exist(&sysfs));
        ck_assert_int_eq(tiers_read(&sysfs, &machine), -ENOENT);
        ck_assert(!machine.nodes[0].has_tier);
}
END_TEST

START_TEST(a_single_tier_has_all_nodes_with_memory_and_is_not_opened)
{
        int fd;

        add_tier(4, "0-2\n");
        fd = watch(4);
        ck_assert(tiers_exist(&sysfs));
        ck_assert_str_eq(tiers(), "4 4 4 -");
        ck_assert(!was_opened(fd));
}
END_TEST

START_TEST(of_two_tiers_only_that_of_the_kernel_is_opened)
{
        int own, other;

        add_tier(4, "0-1\n");
        add_tier(22, "2\n");
        own = watch(4);
        other = watch(22);
        ck_assert_str_eq(tiers(), "4 4 22 -");
        ck_assert(was_opened(own));
        ck_assert(!was_opened(other));
}
END_TEST

START_TEST(faster_memory_is_in_a_lower_tier)
{
        add_tier(2, "2\n");
        add_tier(4, "0-1\n");
        ck_assert_str_eq(tiers(), "4 4 2 -");
}
END_TEST

START_TEST(of_three_tiers_only_the_nodes_of_one_are_known)
{
        int fd;

        add_tier(4, "0\n");
        add_tier(9, "1\n");
        add_tier(22, "2\n");
        fd = watch(22);
        ck_assert_str_eq(tiers(), "4 - - -");
        ck_assert(!was_opened(fd));
}
END_TEST

typedef struct UnsureCase {
        const char *what;
        const char *iomem; /* NULL: no such file */
        int32_t kernel_node;
} UnsureCase;

#define KERNEL_CODE "00000000-07ffffff : System RAM\n  01000000-02209987 : Kernel code\n"

static const UnsureCase unsure_cases[] = {
        { "there is no iomem", NULL, 0 },
        { "the addresses are hidden",
          "00000000-00000000 : System RAM\n"
          "  00000000-00000000 : Kernel code\n",
          0 },
        { "the kernel is not named", "00000000-07ffffff : System RAM\n", 0 },
        { "the kernel is on another node", KERNEL_CODE, 1 },
        { "the kernel's node is not known", KERNEL_CODE, NODE_NONE },
        { "the kernel is in no block",
          "80000000-87ffffff : System RAM\n"
          "  80000000-82209987 : Kernel code\n",
          0 },
};

START_TEST(no_tier_is_opened_unless_it_is_sure_to_stay)
{
        const UnsureCase *c = &unsure_cases[_i];
        int own, other;

        if (c->iomem)
                sysfs_fixture_write(&fixture, c->iomem, "proc/iomem");
        else
                fixture_remove(sysfs_fixture_path(&fixture, "proc/iomem"));
        sysfs_close(&sysfs);
        sysfs_fixture_open(&fixture, &sysfs);
        machine_find_block(&machine, 0)->node = c->kernel_node;
        add_block(4, 0, BLOCK_ONLINE);
        add_tier(4, "0-1\n");
        add_tier(22, "2\n");
        own = watch(4);
        other = watch(22);
        ck_assert_msg(strcmp(tiers(), "- - - -") == 0, "%s: %s", c->what, tiers());
        ck_assert_msg(!was_opened(own), "%s", c->what);
        ck_assert_msg(!was_opened(other), "%s", c->what);
}
END_TEST

START_TEST(without_the_default_tier_none_is_opened)
{
        int fd;

        add_tier(5, "0-1\n");
        add_tier(22, "2\n");
        fd = watch(5);
        ck_assert_str_eq(tiers(), "- - - -");
        ck_assert(!was_opened(fd));
}
END_TEST

START_TEST(a_node_whose_memory_comes_or_goes_is_in_no_tier)
{
        add_tier(4, "0-1\n");
        add_tier(22, "2\n");
        sysfs_fixture_write(&fixture, "0-1\n", NODE_PATH "/has_memory");
        ck_assert_str_eq(tiers(), "4 4 - -");
        sysfs_fixture_write(&fixture, "0-3\n", NODE_PATH "/has_memory");
        ck_assert_str_eq(tiers(), "4 4 22 -");
        machine_find_block(&machine, 1)->state = BLOCK_OFFLINE;
        ck_assert_str_eq(tiers(), "4 - 22 -");
}
END_TEST

START_TEST(a_list_that_makes_no_sense_tells_nothing)
{
        add_tier(4, "all\n");
        add_tier(22, "2\n");
        ck_assert_int_eq(tiers_read(&sysfs, &machine), -EBADMSG);
        for (size_t i = 0; i < machine.n_nodes; i++)
                ck_assert(!machine.nodes[i].has_tier);
}
END_TEST

START_TEST(of_recorded_files_each_tier_is_read)
{
        sysfs_close(&sysfs);
        ck_assert_int_eq(sysfs_open_recorded(fixture.root, &sysfs), 0);
        add_tier(2, "1\n");
        add_tier(4, "0\n");
        add_tier(22, "2\n");
        ck_assert_str_eq(tiers(), "4 2 22 -");
        /* tests/dumps/record copies no nodelist. */
        fixture_remove(sysfs_fixture_path(&fixture, TIER_PATH "22/nodelist"));
        ck_assert_str_eq(tiers(), "4 2 - -");
}
END_TEST

static Suite *tier_suite(void)
{
        Suite *suite = suite_create("tier");
        TCase *tiers_case = tcase_create("tiers");

        tcase_add_checked_fixture(tiers_case, setup, teardown);
        tcase_add_test(tiers_case, a_kernel_without_tiers_is_told);
        tcase_add_test(tiers_case, a_single_tier_has_all_nodes_with_memory_and_is_not_opened);
        tcase_add_test(tiers_case, of_two_tiers_only_that_of_the_kernel_is_opened);
        tcase_add_test(tiers_case, faster_memory_is_in_a_lower_tier);
        tcase_add_test(tiers_case, of_three_tiers_only_the_nodes_of_one_are_known);
        tcase_add_loop_test(tiers_case, no_tier_is_opened_unless_it_is_sure_to_stay, 0,
                            ELEMENTSOF(unsure_cases));
        tcase_add_test(tiers_case, without_the_default_tier_none_is_opened);
        tcase_add_test(tiers_case, a_node_whose_memory_comes_or_goes_is_in_no_tier);
        tcase_add_test(tiers_case, a_list_that_makes_no_sense_tells_nothing);
        tcase_add_test(tiers_case, of_recorded_files_each_tier_is_read);
        suite_add_tcase(suite, tiers_case);
        return suite;
}

int main(void)
{
        return check_main(tier_suite());
}
