/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "actuator/takeover.h"
#include "check_main.h"
#include "sysfs_fixture.h"

#include <stdio.h>

#define FILE_NAME "auto_online_blocks"
#define HEADING "memoryd auto_online_blocks 1\n"

/* Short for what follows. */
#define OFFLINE ONLINE_WORD_OFFLINE
#define ONLINE ONLINE_WORD_ONLINE
#define KERNEL ONLINE_WORD_KERNEL
#define MOVABLE ONLINE_WORD_MOVABLE
#define INHERIT ONLINE_WORD_INHERIT
#define NOTHING _ONLINE_WORD_INVALID

/* Its root is the folder: what lies below /run on a machine. */
static SysfsFixture fixture;
static Takeover takeover;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        takeover = (Takeover){};
}

static void teardown(void)
{
        takeover_done(&takeover);
        sysfs_fixture_done(&fixture);
}

static bool is_there(const char *name)
{
        return faccessat(AT_FDCWD, sysfs_fixture_path(&fixture, "%s", name), F_OK,
                         AT_SYMLINK_NOFOLLOW) == 0;
}

/* What memoryd does: notes, keeps, writes. */
static void take(int32_t node, OnlineWord current, OnlineWord wanted)
{
        ck_assert_int_eq(takeover_take(&takeover, node, current, wanted), 1);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        takeover_written(&takeover, node, wanted, 0);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
}

/* memoryd was killed, and another one starts. */
static void start_again(void)
{
        takeover_done(&takeover);
        ck_assert_int_eq(takeover_load(fixture.root, &takeover), 0);
}

/* All was put back on a machine that has this node. */
static void end(uint32_t id)
{
        const Policy policy = {};
        const TakeoverWish wish = { .policy = &policy, .gives_back = true };
        Node *node = calloc(1, sizeof(Node));
        Writer writer = {};
        Machine machine;

        ck_assert_ptr_nonnull(node);
        node->id = id;
        machine_init(&machine);
        machine_set_nodes(&machine, node, 1);
        node->auto_online = NOTHING;
        ck_assert_int_eq(takeover_run(&takeover, &writer, fixture.root, &machine, &wish), 0);
        machine_done(&machine);
}

START_TEST(what_is_put_back_is_what_was_there_before)
{
        for (int again = 0; again < 2; again++) {
                take(NODE_NONE, ONLINE, OFFLINE);
                take(1, INHERIT, MOVABLE);
                take(2, KERNEL, INHERIT);
                if (again)
                        start_again();
                ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, OFFLINE), ONLINE);
                ck_assert_int_eq(takeover_release(&takeover, 1, MOVABLE), INHERIT);
                ck_assert_int_eq(takeover_release(&takeover, 2, INHERIT), KERNEL);
                ck_assert_int_eq(takeover_release(&takeover, 3, OFFLINE), NOTHING);
                takeover_done(&takeover);
        }
}
END_TEST

START_TEST(what_says_what_it_shall_is_not_written)
{
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, OFFLINE, OFFLINE), 0);
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, INHERIT), 0);
        ck_assert_int_eq(takeover_release(&takeover, 1, INHERIT), NOTHING);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        ck_assert(!is_there(FILE_NAME));
}
END_TEST

START_TEST(another_wish_does_not_change_what_is_put_back)
{
        take(1, INHERIT, MOVABLE);
        take(1, MOVABLE, KERNEL);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), INHERIT);

        /* What it was before is what it shall be: there is nothing to put back. */
        take(1, KERNEL, INHERIT);
        ck_assert_int_eq(takeover_release(&takeover, 1, INHERIT), NOTHING);
        ck_assert(!is_there(FILE_NAME));
}
END_TEST

START_TEST(killed_before_or_after_the_write_is_the_same)
{
        take(1, INHERIT, MOVABLE);
        ck_assert_int_eq(takeover_take(&takeover, 1, MOVABLE, KERNEL), 1);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        start_again();
        ck_assert_int_eq(takeover_release(&takeover, 1, MOVABLE), INHERIT);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), INHERIT);

        /* And before the first of all. */
        takeover_forget(&takeover, 1);
        ck_assert_int_eq(takeover_take(&takeover, 1, ONLINE, KERNEL), 1);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        start_again();
        ck_assert_int_eq(takeover_release(&takeover, 1, ONLINE), NOTHING);
        take(1, ONLINE, KERNEL);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), ONLINE);
}
END_TEST

static void assert_foreign(bool machine, int32_t node)
{
        Node *nodes = calloc(2, sizeof(Node));
        WordFiles files;
        Machine machine_now;

        ck_assert_ptr_nonnull(nodes);
        nodes[1].id = 1;
        machine_init(&machine_now);
        machine_set_nodes(&machine_now, nodes, 2);
        files = takeover_foreign(&takeover, &machine_now);
        ck_assert_int_eq(files.machine, machine);
        for (uint32_t i = 0; i < NODE_MAX; i++)
                ck_assert_int_eq(node_set_contains(&files.nodes, i), (int32_t) i == node);
        machine_done(&machine_now);
}

START_TEST(a_word_of_another_process_is_left_alone)
{
        take(NODE_NONE, ONLINE, OFFLINE);
        take(1, INHERIT, MOVABLE);
        assert_foreign(false, -1);
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, MOVABLE, OFFLINE), 0);
        ck_assert_int_eq(takeover_take(&takeover, 1, KERNEL, MOVABLE), 0);
        assert_foreign(true, 1);
        ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, MOVABLE), NOTHING);

        /* Also if it is the word that memoryd would want next. */
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, MOVABLE, MOVABLE), 0);
        assert_foreign(true, 1);
        /* Back to the word of memoryd, or to the word before it: it is memoryd's again. */
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, OFFLINE, OFFLINE), 0);
        assert_foreign(false, 1);
        ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, OFFLINE), ONLINE);
}
END_TEST

START_TEST(the_word_of_a_file_that_needed_no_write_is_known)
{
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, OFFLINE, OFFLINE), 0);
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, ONLINE, OFFLINE), 0);
        assert_foreign(true, -1);
}
END_TEST

START_TEST(a_foreign_word_is_kept_until_it_is_renewed)
{
        take(NODE_NONE, ONLINE, OFFLINE);
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, MOVABLE, OFFLINE), 0);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME),
                         HEADING "machine online offline !online_movable\n");
        end(1);
        start_again();
        assert_foreign(true, -1);
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, MOVABLE, OFFLINE), 0);

        takeover_renew(&takeover);
        assert_foreign(false, -1);
        take(NODE_NONE, MOVABLE, OFFLINE);
        ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, OFFLINE), MOVABLE);
}
END_TEST

START_TEST(a_word_that_was_set_while_no_memoryd_ran_is_the_one_to_restore)
{
        take(NODE_NONE, ONLINE, OFFLINE);
        start_again();
        take(NODE_NONE, MOVABLE, OFFLINE);
        ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, OFFLINE), MOVABLE);

        /* Also where another process had set one before. */
        ck_assert_int_eq(takeover_take(&takeover, NODE_NONE, KERNEL, OFFLINE), 0);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        start_again();
        take(NODE_NONE, ONLINE, OFFLINE);
        ck_assert_int_eq(takeover_release(&takeover, NODE_NONE, OFFLINE), ONLINE);
}
END_TEST

START_TEST(what_cannot_be_written_is_tried_once)
{
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, MOVABLE), 1);
        takeover_written(&takeover, 1, MOVABLE, -EACCES);
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, MOVABLE), 0);
        ck_assert_int_eq(takeover_release(&takeover, 1, INHERIT), NOTHING);
        /* Another word may be. */
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, KERNEL), 1);
        takeover_written(&takeover, 1, KERNEL, 0);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), INHERIT);

        /* Putting back as well. */
        takeover_written(&takeover, 1, INHERIT, -EACCES);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), NOTHING);
        takeover_renew(&takeover);
        ck_assert_int_eq(takeover_release(&takeover, 1, KERNEL), INHERIT);
}
END_TEST

START_TEST(at_the_end_only_a_node_that_is_gone_is_not_forgotten)
{
        take(NODE_NONE, ONLINE, OFFLINE);
        take(1, INHERIT, MOVABLE);
        take(2, INHERIT, MOVABLE);
        end(2);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME),
                         HEADING "node1 inherit online_movable\n");

        /* It comes back as it was. */
        start_again();
        ck_assert_int_eq(takeover_take(&takeover, 1, MOVABLE, MOVABLE), 0);
        ck_assert_int_eq(takeover_release(&takeover, 1, MOVABLE), INHERIT);
        end(1);
        ck_assert(!is_there(FILE_NAME));
}
END_TEST

/* The file */

static const struct {
        const char *text;
        int result;
        size_t n_answers;
} load_cases[] = {
        { HEADING, 0, 0 },
        { HEADING "machine online offline\n", 0, 1 },
        { HEADING "machine online offline\nnode1 inherit online_movable online_kernel\n", 0, 2 },
        { HEADING "node1023 inherit offline\n", 0, 1 },
        { HEADING "machine online offline !online_movable\n", 0, 1 },

        { "", -EBADMSG, 0 },
        { "online\n", -EBADMSG, 0 },
        { "memoryd auto_online_blocks 2\nmachine online offline\n", -EBADMSG, 0 },
        { HEADING "machine online offline", -EBADMSG, 0 },
        { HEADING "\n", -EBADMSG, 0 },
        { HEADING "machine\n", -EBADMSG, 0 },
        { HEADING "machine online\n", -EBADMSG, 0 },
        { HEADING "machine onl offline\n", -EBADMSG, 0 },
        { HEADING "machine online offline x\n", -EBADMSG, 0 },
        { HEADING "machine online offline !\n", -EBADMSG, 0 },
        { HEADING "machine online offline !x\n", -EBADMSG, 0 },
        { HEADING "machine online !online_movable\n", -EBADMSG, 0 },
        { HEADING "machine !online offline\n", -EBADMSG, 0 },
        { HEADING "machine online offline !online !online_movable\n", -EBADMSG, 0 },
        { HEADING "machine online offline\nmachine online offline\n", -EBADMSG, 0 },
        { HEADING "node online offline\n", -EBADMSG, 0 },
        { HEADING "node1024 online offline\n", -EBADMSG, 0 },
        { HEADING "node-1 online offline\n", -EBADMSG, 0 },
        { HEADING "block1 online offline\n", -EBADMSG, 0 },
        { "\xff\xfe\x01\n", -EBADMSG, 0 },
};

START_TEST(a_file_that_is_damaged_is_no_use)
{
        sysfs_fixture_write(&fixture, load_cases[_i].text, FILE_NAME);
        ck_assert_int_eq(takeover_load(fixture.root, &takeover), load_cases[_i].result);
        ck_assert_uint_eq(takeover.n_answers, load_cases[_i].n_answers);
        /* Looking changes nothing. */
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), load_cases[_i].text);
}
END_TEST

START_TEST(a_folder_that_is_not_there_has_nothing_to_put_back)
{
        const char *folder = sysfs_fixture_path(&fixture, "missing");

        ck_assert_int_eq(takeover_load(folder, &takeover), 0);
        ck_assert_int_eq(takeover_save(folder, &takeover), 0);
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, MOVABLE), 1);
        ck_assert_int_eq(takeover_save(folder, &takeover), -ENOENT);
}
END_TEST

START_TEST(the_file_says_what_was_and_what_memoryd_wrote)
{
        take(NODE_NONE, ONLINE, OFFLINE);
        take(3, INHERIT, MOVABLE);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME),
                         HEADING "machine online offline\nnode3 inherit online_movable\n");
        takeover_forget(&takeover, NODE_NONE);
        takeover_forget(&takeover, 3);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        ck_assert(!is_there(FILE_NAME));
}
END_TEST

START_TEST(what_has_not_changed_is_not_kept_again)
{
        take(3, INHERIT, MOVABLE);
        sysfs_fixture_write(&fixture, "mark", FILE_NAME);
        ck_assert_int_eq(takeover_take(&takeover, 3, MOVABLE, MOVABLE), 0);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), "mark");
}
END_TEST

START_TEST(links_are_not_followed)
{
        sysfs_fixture_write(&fixture, HEADING, "elsewhere");
        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, FILE_NAME)), 0);
        ck_assert_int_eq(takeover_load(fixture.root, &takeover), -ELOOP);

        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, FILE_NAME ".new")), 0);
        ck_assert_int_eq(takeover_take(&takeover, 1, INHERIT, MOVABLE), 1);
        ck_assert_int_eq(takeover_save(fixture.root, &takeover), -ELOOP);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, "elsewhere"), HEADING);
}
END_TEST

/* A memoryd that cannot start */

START_TEST(what_a_killed_one_took_over_is_put_back)
{
        ActuatorChannel channel;
        Sysfs sysfs;

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(actuator_start(fixture.root, &channel), 0);
        sysfs_fixture_write(&fixture, "offline\n", MEMORY_PATH "/auto_online_blocks");
        sysfs_fixture_write(&fixture, "online_movable\n", NODE_PATH "/node1/auto_online_blocks");
        sysfs_fixture_write(&fixture, "online_kernel\n", NODE_PATH "/node2/auto_online_blocks");
        sysfs_fixture_write(&fixture,
                            HEADING "machine online offline\nnode1 inherit online_movable\n"
                                    "node2 inherit offline\nnode7 inherit offline\n",
                            FILE_NAME);
        /* Plain files keep what a longer word left behind a shorter one: the beginnings tell. */
        ck_assert_int_eq(takeover_abandon(fixture.root, &sysfs, channel.fd), 2);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/auto_online_blocks"),
                         "onlinee\n");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, NODE_PATH "/node1/auto_online_blocks"),
                         "inheritmovable\n");
        /* Another program set this one since, and node 7 is gone. */
        ck_assert_str_eq(sysfs_fixture_read(&fixture, NODE_PATH "/node2/auto_online_blocks"),
                         "online_kernel\n");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME),
                         HEADING "node7 inherit offline\n");
        actuator_channel_close(&channel);
        sysfs_close(&sysfs);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("takeover");
        TCase *tcase = tcase_create("takeover");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_is_put_back_is_what_was_there_before);
        tcase_add_test(tcase, what_says_what_it_shall_is_not_written);
        tcase_add_test(tcase, another_wish_does_not_change_what_is_put_back);
        tcase_add_test(tcase, killed_before_or_after_the_write_is_the_same);
        tcase_add_test(tcase, a_word_of_another_process_is_left_alone);
        tcase_add_test(tcase, the_word_of_a_file_that_needed_no_write_is_known);
        tcase_add_test(tcase, a_foreign_word_is_kept_until_it_is_renewed);
        tcase_add_test(tcase, a_word_that_was_set_while_no_memoryd_ran_is_the_one_to_restore);
        tcase_add_test(tcase, what_cannot_be_written_is_tried_once);
        tcase_add_test(tcase, at_the_end_only_a_node_that_is_gone_is_not_forgotten);
        tcase_add_loop_test(tcase, a_file_that_is_damaged_is_no_use, 0, ELEMENTSOF(load_cases));
        tcase_add_test(tcase, a_folder_that_is_not_there_has_nothing_to_put_back);
        tcase_add_test(tcase, the_file_says_what_was_and_what_memoryd_wrote);
        tcase_add_test(tcase, what_has_not_changed_is_not_kept_again);
        tcase_add_test(tcase, links_are_not_followed);
        tcase_add_test(tcase, what_a_killed_one_took_over_is_put_back);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
