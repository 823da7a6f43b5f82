/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "base/statefile.h"
#include "check_main.h"
#include "daemon/remember.h"
#include "machine_fixture.h"
#include "sysfs_fixture.h"

#define BLOCK (UINT64_C(128) << 20)
#define FILE_NAME "blocks"
#define HEADING "memoryd blocks 2\n"
#define HEADING_1 "memoryd blocks 1\n"

/* Its root is the folder: what lies below /run on a machine. */
static SysfsFixture fixture;
static Machine machine;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        machine_init(&machine);
}

static void teardown(void)
{
        machine_done(&machine);
        sysfs_fixture_done(&fixture);
}

/* A machine as it is read at a start: of each block the inode, and its class if it is online. */
static void machine_start(const char *text)
{
        machine_done(&machine);
        machine_from(&machine, BLOCK, text);
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].inode = 100 + machine.blocks[i].id;
}

static void assert_block(uint32_t id, ZoneClass last_class, Onliner onliner, uint64_t onlined_usec)
{
        const Block *block = machine_find_block(&machine, id);

        ck_assert_msg(block->last_class == last_class && block->onliner == onliner &&
                              block->onlined_usec == onlined_usec,
                      "memory%u: was %s, onlined by %s at %llu", id,
                      zone_class_to_string(block->last_class), onliner_to_string(block->onliner),
                      (unsigned long long) block->onlined_usec);
}

static int load(void)
{
        return remember_load(fixture.root, &machine);
}

static void write_file(const char *text)
{
        ck_assert_int_eq(statefile_replace(fixture.root, FILE_NAME, text, strlen(text)), 0);
}

static const struct {
        BlockState state;
        Onliner onliner;
        ZoneClass last_class;
        bool wanted;
} wants_cases[] = {
        /* who onlined it */
        { BLOCK_ONLINE, ONLINER_MEMORYD, ZONE_CLASS_MOVABLE, true },
        { BLOCK_ONLINE, ONLINER_KERNEL, ZONE_CLASS_KERNEL, true },
        { BLOCK_ONLINE, ONLINER_OTHER, ZONE_CLASS_KERNEL, true },
        { BLOCK_GOING_OFFLINE, ONLINER_MEMORYD, ZONE_CLASS_MOVABLE, true },
        /* the class is read again */
        { BLOCK_ONLINE, ONLINER_NONE, ZONE_CLASS_MOVABLE, false },
        { BLOCK_GOING_OFFLINE, ONLINER_NONE, ZONE_CLASS_MOVABLE, false },
        /* and of what is offline it is not */
        { BLOCK_OFFLINE, ONLINER_NONE, ZONE_CLASS_MOVABLE, true },
        { BLOCK_OFFLINE, ONLINER_NONE, ZONE_CLASS_KERNEL, true },
        { BLOCK_OFFLINE, ONLINER_NONE, ZONE_CLASS_NONE, false },
};

START_TEST(what_cannot_be_read_again_is_remembered)
{
        Block block;

        block_init(&block, 7);
        block.state = wants_cases[_i].state;
        block.onliner = wants_cases[_i].onliner;
        block.last_class = wants_cases[_i].last_class;
        ck_assert_int_eq(remember_wants(&block), wants_cases[_i].wanted);
}
END_TEST

static void set_block(uint32_t id, ZoneClass last_class, Onliner onliner, uint64_t onlined_usec)
{
        Block *block = machine_find_block(&machine, id);

        block->last_class = last_class;
        block->onliner = onliner;
        block->onlined_usec = onlined_usec;
}

/* Eight of the boot, three that were onlined, two that were taken offline, and the last was never online. */
#define MACHINE "0c=k8k2m1l2o1"
#define KEPT                                                                                       \
        "8 108 kernel memoryd 1700000000000001 none\n"                                             \
        "9 109 kernel kernel 1700000000000002 none\n"                                              \
        "10 110 movable other 18446744073709551615 none\n"                                         \
        "11 111 movable none 0 none\n"                                                             \
        "12 18446744073709551615 kernel none 0 none\n"

/* The same as an earlier memoryd has written it. */
#define KEPT_1                                                                                     \
        "8 108 kernel memoryd 1700000000000001\n"                                                  \
        "9 109 kernel kernel 1700000000000002\n"                                                   \
        "10 110 movable other 18446744073709551615\n"                                              \
        "11 111 movable none 0\n"                                                                  \
        "12 18446744073709551615 kernel none 0\n"

static void set_machine(void)
{
        machine_start(MACHINE);
        set_block(8, ZONE_CLASS_KERNEL, ONLINER_MEMORYD, 1700000000000001);
        set_block(9, ZONE_CLASS_KERNEL, ONLINER_KERNEL, 1700000000000002);
        set_block(10, ZONE_CLASS_MOVABLE, ONLINER_OTHER, UINT64_MAX);
        set_block(11, ZONE_CLASS_MOVABLE, ONLINER_NONE, 0);
        set_block(12, ZONE_CLASS_KERNEL, ONLINER_NONE, 0);
        machine_find_block(&machine, 12)->inode = UINT64_MAX;
}

static void restart(void)
{
        machine_start(MACHINE);
        machine_find_block(&machine, 12)->inode = UINT64_MAX;
}

static void assert_nothing_taken(void)
{
        for (uint32_t id = 0; id < 14; id++)
                assert_block(id,
                             id < 10 ? ZONE_CLASS_KERNEL :
                             id < 11 ? ZONE_CLASS_MOVABLE :
                                       ZONE_CLASS_NONE,
                             ONLINER_NONE, 0);
}

static void assert_all_taken(void)
{
        assert_block(0, ZONE_CLASS_KERNEL, ONLINER_NONE, 0);
        assert_block(8, ZONE_CLASS_KERNEL, ONLINER_MEMORYD, 1700000000000001);
        assert_block(9, ZONE_CLASS_KERNEL, ONLINER_KERNEL, 1700000000000002);
        assert_block(10, ZONE_CLASS_MOVABLE, ONLINER_OTHER, UINT64_MAX);
        assert_block(11, ZONE_CLASS_MOVABLE, ONLINER_NONE, 0);
        assert_block(12, ZONE_CLASS_KERNEL, ONLINER_NONE, 0);
        assert_block(13, ZONE_CLASS_NONE, ONLINER_NONE, 0);
}

START_TEST(what_blocks_were_is_known_after_a_restart)
{
        char *text = NULL;

        set_machine();
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        ck_assert_int_eq(statefile_read(fixture.root, FILE_NAME, 4096, &text), 0);
        ck_assert_str_eq(text, HEADING KEPT "end 5\n");
        free(text);

        restart();
        assert_nothing_taken();
        ck_assert_int_eq(load(), 0);
        assert_all_taken();

        /* And after the next. */
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        restart();
        ck_assert_int_eq(load(), 0);
        assert_all_taken();
}
END_TEST

START_TEST(a_machine_with_nothing_to_remember_makes_a_file_that_says_so)
{
        machine_start("0c=k8o2");
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), HEADING "end 0\n");
        ck_assert_int_eq(load(), 0);

        machine_start("");
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), HEADING "end 0\n");
        ck_assert_int_eq(load(), 0);
}
END_TEST

/* How a block is at the start, and what the file has of it. */
static const struct {
        const char *block; /* memory0 */
        const char *line;
        ZoneClass last_class;
        Onliner onliner;
        uint64_t onlined_usec;
} take_cases[] = {
        /* online as it was */
        { "0c=m", "0 100 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_MEMORYD, 42 },
        { "0c=k", "0 100 kernel kernel 42", ZONE_CLASS_KERNEL, ONLINER_KERNEL, 42 },
        { "0c=s", "0 100 kernel other 42", ZONE_CLASS_KERNEL, ONLINER_OTHER, 42 },
        /* in another class: another program onlined it since */
        { "0c=k", "0 100 movable memoryd 42", ZONE_CLASS_KERNEL, ONLINER_NONE, 0 },
        { "0c=m", "0 100 kernel memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        { "0c=m", "0 100 none memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        /* it was offline: the same */
        { "0c=k", "0 100 kernel none 0", ZONE_CLASS_KERNEL, ONLINER_NONE, 0 },
        { "0c=k", "0 100 movable none 0", ZONE_CLASS_KERNEL, ONLINER_NONE, 0 },
        /* it is offline: whoever onlined it, it was in that class */
        { "0c=o", "0 100 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        { "0c=o", "0 100 kernel none 0", ZONE_CLASS_KERNEL, ONLINER_NONE, 0 },
        { "0c=o", "0 100 none none 0", ZONE_CLASS_NONE, ONLINER_NONE, 0 },
        /* on its way out */
        { "0c=g", "0 100 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_MEMORYD, 42 },
        /* another block with that number */
        { "0c=o", "0 101 movable memoryd 42", ZONE_CLASS_NONE, ONLINER_NONE, 0 },
        { "0c=m", "0 99 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        { "0c=m", "0 0 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        /* a block that is gone */
        { "0c=m", "1 100 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
        { "0c=m", "4294967295 100 movable memoryd 42", ZONE_CLASS_MOVABLE, ONLINER_NONE, 0 },
};

START_TEST(a_block_takes_what_is_remembered_of_it)
{
        char text[256];

        snprintf(text, sizeof(text), HEADING "%s none\nend 1\n", take_cases[_i].line);
        write_file(text);
        machine_start(take_cases[_i].block);
        ck_assert_int_eq(load(), 0);
        assert_block(0, take_cases[_i].last_class, take_cases[_i].onliner,
                     take_cases[_i].onlined_usec);
}
END_TEST

START_TEST(what_an_earlier_memoryd_kept_is_taken_too)
{
        write_file(HEADING_1 KEPT_1 "end 5\n");
        restart();
        ck_assert_int_eq(load(), 0);
        assert_all_taken();
        ck_assert_int_eq(machine_find_block(&machine, 11)->status, BLOCK_STATUS_LEFT);
}
END_TEST

/* Who took a block offline, and how it is at the next start. */
static const struct {
        const char *block; /* memory0 then */
        const char *line;
        BlockStatus status;
        Onliner offliner;
} offline_cases[] = {
        { "0c=o", "0 100 movable none 0 memoryd", BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD },
        { "0c=o", "0 100 movable none 0 other", BLOCK_STATUS_OFFLINED, ONLINER_OTHER },
        { "0c=o", "0 100 none none 0 memoryd", BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD },
        { "?=o", "0 100 movable none 0 memoryd", BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD },
        /* whatever coldplug says */
        { "0c=l", "0 100 movable none 0 memoryd", BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD },
        /* it was not: the policy's to bring online, as on the way to another class */
        { "0c=o", "0 100 movable none 0 none", BLOCK_STATUS_PENDING, ONLINER_NONE },
        { "0c=l", "0 100 movable none 0 none", BLOCK_STATUS_LEFT, ONLINER_NONE },
        /* online since, or another block */
        { "0c=m", "0 100 movable none 0 memoryd", BLOCK_STATUS_INITIAL, ONLINER_NONE },
        { "0c=o", "0 101 movable none 0 memoryd", BLOCK_STATUS_PENDING, ONLINER_NONE },
};

START_TEST(what_was_taken_offline_stays_so_across_a_restart)
{
        char text[256];

        snprintf(text, sizeof(text), HEADING "%s\nend 1\n", offline_cases[_i].line);
        write_file(text);
        machine_start(offline_cases[_i].block);
        ck_assert_int_eq(load(), 0);
        ck_assert_int_eq(machine.blocks[0].status, offline_cases[_i].status);
        ck_assert_int_eq(machine.blocks[0].offliner, offline_cases[_i].offliner);
}
END_TEST

static const struct {
        BlockStatus status;
        Onliner offliner;
        const char *text;
} offliner_cases[] = {
        { BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD, "memoryd" },
        { BLOCK_STATUS_OFFLINED, ONLINER_OTHER, "other" },
        /* left so, whoever it was */
        { BLOCK_STATUS_OFFLINED, ONLINER_NONE, "other" },
        /* offline for other reasons */
        { BLOCK_STATUS_WRITING, ONLINER_NONE, "none" },
        { BLOCK_STATUS_PENDING, ONLINER_MEMORYD, "none" },
        { BLOCK_STATUS_LEFT, ONLINER_NONE, "none" },
};

START_TEST(who_took_a_block_offline_is_kept)
{
        char text[256];

        machine_start("0c=o");
        machine.blocks[0].status = offliner_cases[_i].status;
        machine.blocks[0].offliner = offliner_cases[_i].offliner;
        machine.blocks[0].last_class = ZONE_CLASS_MOVABLE;
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        snprintf(text, sizeof(text), HEADING "0 100 movable none 0 %s\nend 1\n",
                 offliner_cases[_i].text);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, FILE_NAME), text);
}
END_TEST

/* What is known of a block already comes before what is remembered. */
START_TEST(a_class_that_is_known_stays)
{
        write_file(HEADING "0 100 movable none 0 none\nend 1\n");
        machine_start("0c=o");
        machine.blocks[0].last_class = ZONE_CLASS_KERNEL;
        ck_assert_int_eq(load(), 0);
        assert_block(0, ZONE_CLASS_KERNEL, ONLINER_NONE, 0);
}
END_TEST

/* Damage */

static const char *const damaged[] = {
        "",
        "\n",
        "end 0\n",
        "memoryd blocks 2",
        HEADING,
        HEADING "\n",
        HEADING KEPT,
        HEADING KEPT "end",
        HEADING KEPT "end 5",
        HEADING KEPT "end 4\n",
        HEADING KEPT "end 6\n",
        HEADING KEPT "end 05\n",
        HEADING KEPT "end 5 \n",
        HEADING KEPT "end 5\n\n",
        HEADING KEPT "end 5\nend 5\n",
        HEADING KEPT "end 5\n" KEPT "end 10\n",
        HEADING "end 0\n" KEPT,
        HEADING "\n" KEPT "end 5\n",
        HEADING HEADING KEPT "end 5\n",

        /* another version */
        "memoryd blocks 3\n" KEPT "end 5\n",
        "memoryd blocks 0\n" KEPT "end 5\n",
        "memoryd blocks 20\n" KEPT "end 5\n",
        "memoryd blocks 2 \n" KEPT "end 5\n",
        "memoryd blocks 2\r\n" KEPT "end 5\n",
        " memoryd blocks 2\n" KEPT "end 5\n",
        "Memoryd blocks 2\n" KEPT "end 5\n",

        /* a version's lines under another's heading */
        HEADING_1 KEPT "end 5\n",
        HEADING KEPT_1 "end 5\n",
        HEADING_1 KEPT_1 "13 113 movable none 0 none\nend 6\n",

        /* a line that is none, after five that are */
        HEADING KEPT "13\nend 6\n",
        HEADING KEPT "13 113\nend 6\n",
        HEADING KEPT "13 113 movable\nend 6\n",
        HEADING KEPT "13 113 movable none\nend 6\n",
        HEADING KEPT "13 113 movable none \nend 6\n",
        HEADING KEPT "13 113 movable none 0 0\nend 6\n",
        HEADING KEPT "13 113 movable none 0x none\nend 6\n",
        HEADING KEPT "13 113 movable none 0 \nend 6\n",
        HEADING KEPT " 13 113 movable none 0 none\nend 6\n",
        HEADING KEPT "13  113 movable none 0 none\nend 6\n",
        HEADING KEPT "13\t113 movable none 0\nend 6\n",
        HEADING KEPT "13 113 movable none 00 none\nend 6\n",
        HEADING KEPT "013 113 movable none 0 none\nend 6\n",
        HEADING KEPT "+13 113 movable none 0 none\nend 6\n",
        HEADING KEPT "-13 113 movable none 0 none\nend 6\n",
        HEADING KEPT "13 -113 movable none 0 none\nend 6\n",
        HEADING KEPT "13 113 movable none -1 none\nend 6\n",
        HEADING KEPT "13 0x71 movable none 0 none\nend 6\n",
        HEADING KEPT "4294967296 113 movable none 0 none\nend 6\n",
        HEADING KEPT "4294967309 113 movable none 0 none\nend 6\n",
        HEADING KEPT "13 18446744073709551616 movable none 0 none\nend 6\n",
        HEADING KEPT "13 18446744073709551729 movable none 0 none\nend 6\n",
        HEADING KEPT "13 113 movable none 18446744073709551616 none\nend 6\n",
        HEADING KEPT "13 113 movable none 0\nend 6\n",
        HEADING KEPT "13 113 movable none 0 none \nend 6\n",
        HEADING KEPT "13 113 movable none 0 none none\nend 6\n",
        HEADING KEPT "13 113 movable none 0 nobody\nend 6\n",
        HEADING KEPT "13 113 movable none 0 nonenonenonenonenone\nend 6\n",
        HEADING KEPT "13 113 Movable none 0 none\nend 6\n",
        HEADING KEPT "13 113 moveable none 0 none\nend 6\n",
        HEADING KEPT "13 113 movable nobody 0 none\nend 6\n",
        HEADING KEPT "13 113 none movable 0 none\nend 6\n",
        HEADING KEPT "13 113 movablemovablemovable none 0 none\nend 6\n",
        HEADING KEPT "13 113 movable nonenonenonenonenone 0 none\nend 6\n",
        HEADING KEPT "\nend 6\n",
        HEADING KEPT "end\nend 6\n",
};

START_TEST(nothing_is_taken_of_a_file_that_is_damaged)
{
        write_file(damaged[_i]);
        restart();
        ck_assert_int_eq(load(), -EBADMSG);
        assert_nothing_taken();
}
END_TEST

START_TEST(nothing_is_taken_of_a_file_that_is_cut_off)
{
        static const char whole[] = HEADING KEPT "end 5\n";

        for (size_t size = 0; size < strlen(whole); size++) {
                ck_assert_int_eq(statefile_replace(fixture.root, FILE_NAME, whole, size), 0);
                restart();
                ck_assert_int_eq(load(), -EBADMSG);
                assert_nothing_taken();
        }
        write_file(whole);
        restart();
        ck_assert_int_eq(load(), 0);
        assert_all_taken();
}
END_TEST

/* Where the digits of a number that may be any are: in all of the lines, but for where words are. */
static bool may_be_another_number(const char *text, size_t at, char byte)
{
        return at >= strlen(HEADING) && text[at] >= '0' && text[at] <= '9' && byte >= '0' &&
               byte <= '9';
}

/* All lines but the given one are unchanged. */
static void assert_taken_but_for(uint32_t line)
{
        for (uint32_t id = 8; id < 13; id++) {
                if (id - 8 == line)
                        continue;
                ck_assert_int_eq(machine_find_block(&machine, id)->last_class,
                                 id == 10 || id == 11 ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL);
                ck_assert_int_eq(machine_find_block(&machine, id)->onliner,
                                 id == 8  ? ONLINER_MEMORYD :
                                 id == 9  ? ONLINER_KERNEL :
                                 id == 10 ? ONLINER_OTHER :
                                            ONLINER_NONE);
        }
}

/* A number that is another is as good as any; all else is damage, and nothing is taken then. */
START_TEST(a_byte_that_is_another_is_found_or_is_another_number)
{
        static const char whole[] = HEADING KEPT "end 5\n";
        static const char bytes[] = "\n \t0159-+.aex\x01\x7f\xff";
        uint32_t line = 0;

        for (size_t at = 0; at < strlen(whole); at++) {
                for (size_t i = 0; i < sizeof(bytes) + 8; i++) {
                        char text[sizeof(whole)];
                        int r;

                        strcpy(text, whole);
                        /* With the zero at the end of the string; then each bit. */
                        text[at] = i < sizeof(bytes) ? bytes[i] :
                                                       (char) (text[at] ^ 1 << (i - sizeof(bytes)));
                        if (text[at] == whole[at])
                                continue;
                        ck_assert_int_eq(
                                statefile_replace(fixture.root, FILE_NAME, text, strlen(whole)), 0);
                        restart();
                        r = load();
                        if (r == 0 && !may_be_another_number(whole, at, text[at]))
                                ck_abort_msg("byte %zu as %#x was taken", at, (unsigned) text[at]);
                        if (r == 0) {
                                assert_taken_but_for(line - 1);
                        } else {
                                ck_assert_int_eq(r, -EBADMSG);
                                assert_nothing_taken();
                        }
                }
                line += whole[at] == '\n';
        }
}
END_TEST

START_TEST(a_line_more_or_less_is_found)
{
        static const char *const lines[] = { HEADING, "8 108 kernel memoryd 1 none\n",
                                             "9 109 kernel kernel 2 none\n",
                                             "10 110 movable other 3 none\n", "end 3\n" };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                for (size_t times = 0; times < 3; times++) {
                        char text[512] = "";

                        for (size_t j = 0; j < ELEMENTSOF(lines); j++)
                                for (size_t n = j == i ? times : 1; n > 0; n--)
                                        strcat(text, lines[j]);
                        write_file(text);
                        restart();
                        ck_assert_int_eq(load(), times == 1 ? 0 : -EBADMSG);
                        if (times != 1)
                                assert_nothing_taken();
                }
}
END_TEST

/* What is in the way */

START_TEST(no_file_or_folder_is_nothing_to_remember)
{
        restart();
        ck_assert_int_eq(load(), 0);
        ck_assert_int_eq(remember_load(sysfs_fixture_path(&fixture, "missing"), &machine), 0);
        assert_nothing_taken();
        ck_assert_int_eq(remember_save(sysfs_fixture_path(&fixture, "missing"), &machine), -ENOENT);
}
END_TEST

START_TEST(a_link_in_the_place_of_the_file_is_not_followed)
{
        sysfs_fixture_write(&fixture, HEADING KEPT "end 5\n", "elsewhere");
        ck_assert_int_eq(symlink("elsewhere", sysfs_fixture_path(&fixture, FILE_NAME)), 0);
        restart();
        ck_assert_int_eq(load(), -ELOOP);
        assert_nothing_taken();

        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        ck_assert_int_eq(load(), 0);
        ck_assert_int_eq(strncmp(sysfs_fixture_read(&fixture, "elsewhere"), HEADING KEPT,
                                 strlen(HEADING KEPT)),
                         0);
}
END_TEST

START_TEST(a_folder_in_the_place_of_the_file_is_an_error)
{
        sysfs_fixture_write(&fixture, "", FILE_NAME "/file");
        restart();
        ck_assert_int_eq(load(), -EISDIR);
        assert_nothing_taken();
        ck_assert_int_eq(remember_save(fixture.root, &machine), -EISDIR);
}
END_TEST

START_TEST(a_file_that_could_not_be_written_is_tried_again)
{
        const uint64_t now = 1000 * USEC_PER_SEC, minute = 60 * USEC_PER_SEC;
        Keeper keeper = { .folder = fixture.root, .is_due = true };

        sysfs_fixture_write(&fixture, "", FILE_NAME "/file");
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now, false), now + minute);
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now + minute - 1, false), now + minute);
        ck_assert_int_eq(unlink(sysfs_fixture_path(&fixture, FILE_NAME "/file")), 0);
        ck_assert_int_eq(rmdir(sysfs_fixture_path(&fixture, FILE_NAME)), 0);
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now + minute, false), USEC_INFINITY);
        ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(a_file_is_written_once_a_second_and_at_the_end)
{
        const uint64_t now = 1000 * USEC_PER_SEC;
        Keeper keeper = { .folder = fixture.root };

        ck_assert_uint_eq(keeper_run(&keeper, &machine, now, false), USEC_INFINITY);
        keeper.is_due = true;
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now, false), USEC_INFINITY);
        keeper.is_due = true;
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now + 1, false), now + USEC_PER_SEC);
        ck_assert(keeper.is_due);
        ck_assert_uint_eq(keeper_run(&keeper, &machine, now + 2, true), USEC_INFINITY);
        ck_assert(!keeper.is_due);
}
END_TEST

START_TEST(a_file_that_is_larger_than_any_is_not_read)
{
        int fd;

        write_file(HEADING KEPT "end 5\n");
        fd = open(sysfs_fixture_path(&fixture, FILE_NAME), O_WRONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t) 1 << 40), 0);
        close(fd);
        restart();
        ck_assert_int_eq(load(), -EBADMSG);
        assert_nothing_taken();
}
END_TEST

/* The longest lines there can be, and many. */
START_TEST(a_large_machine_is_remembered)
{
        const uint32_t n = 65536;

        machine_start("0c=m65536");
        for (uint32_t i = 0; i < n; i++) {
                machine.blocks[i].inode = UINT64_MAX - i;
                set_block(i, ZONE_CLASS_MOVABLE, ONLINER_MEMORYD, UINT64_MAX - i);
        }
        ck_assert_int_eq(remember_save(fixture.root, &machine), 0);
        for (uint32_t i = 0; i < n; i++)
                set_block(i, ZONE_CLASS_MOVABLE, ONLINER_NONE, 0);
        ck_assert_int_eq(load(), 0);
        for (uint32_t i = 0; i < n; i++)
                if (machine.blocks[i].onliner != ONLINER_MEMORYD ||
                    machine.blocks[i].onlined_usec != UINT64_MAX - i)
                        ck_abort_msg("memory%u is forgotten", i);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("remember");
        TCase *tcase = tcase_create("remember");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, what_cannot_be_read_again_is_remembered, 0,
                            ELEMENTSOF(wants_cases));
        tcase_add_test(tcase, what_blocks_were_is_known_after_a_restart);
        tcase_add_test(tcase, a_machine_with_nothing_to_remember_makes_a_file_that_says_so);
        tcase_add_test(tcase, what_an_earlier_memoryd_kept_is_taken_too);
        tcase_add_loop_test(tcase, what_was_taken_offline_stays_so_across_a_restart, 0,
                            ELEMENTSOF(offline_cases));
        tcase_add_loop_test(tcase, who_took_a_block_offline_is_kept, 0, ELEMENTSOF(offliner_cases));
        tcase_add_loop_test(tcase, a_block_takes_what_is_remembered_of_it, 0,
                            ELEMENTSOF(take_cases));
        tcase_add_test(tcase, a_class_that_is_known_stays);
        tcase_add_loop_test(tcase, nothing_is_taken_of_a_file_that_is_damaged, 0,
                            ELEMENTSOF(damaged));
        tcase_add_test(tcase, nothing_is_taken_of_a_file_that_is_cut_off);
        tcase_add_test(tcase, a_byte_that_is_another_is_found_or_is_another_number);
        tcase_add_test(tcase, a_line_more_or_less_is_found);
        tcase_add_test(tcase, no_file_or_folder_is_nothing_to_remember);
        tcase_add_test(tcase, a_link_in_the_place_of_the_file_is_not_followed);
        tcase_add_test(tcase, a_folder_in_the_place_of_the_file_is_an_error);
        tcase_add_test(tcase, a_file_that_could_not_be_written_is_tried_again);
        tcase_add_test(tcase, a_file_is_written_once_a_second_and_at_the_end);
        tcase_add_test(tcase, a_file_that_is_larger_than_any_is_not_read);
        tcase_add_test(tcase, a_large_machine_is_remembered);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
