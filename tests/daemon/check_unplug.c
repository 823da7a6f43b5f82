/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Which blocks the kernel brought back after a failed unplug, and which an administrator changed. */

#include "check_main.h"
#include "daemon/unplug.h"
#include "machine_fixture.h"
#include "policy/track.h"

#include <stdio.h>

#define BLOCK_BYTES (UINT64_C(128) << 20)
#define NOW (1000 * USEC_PER_SEC)
#define TEXT_MAX 256

static Machine machine;
static Unplug unplug;
static uint64_t now_usec, seqnum;
static ZoneClass real_class[16]; /* what sysfs has, before memoryd has read it */

/* Two DIMMs, of blocks 4 to 9 and 10 to 12. Each block is as memoryd decided. */
static void set_up(void)
{
        machine_from(&machine, BLOCK_BYTES, "0c=k4 1=k2m4 2=m3");
        machine.devices = calloc(2, sizeof(Device));
        REQUIRE_MEMORY(machine.devices);
        machine.n_devices = 2;
        for (uint32_t id = 0; id < machine.n_blocks; id++) {
                Block *block = &machine.blocks[id];

                block->device = id < 4 ? DEVICE_NONE : id < 10 ? 0 : 1;
                block->inode = 100 + id;
                block->status = BLOCK_STATUS_DONE;
                block->onliner = ONLINER_MEMORYD;
                block->decision.verdict =
                        block_class(block) == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL;
                real_class[id] = block_class(block);
        }
        unplug = (Unplug){};
        now_usec = NOW;
        seqnum = 1;
}

static void tear_down(void)
{
        unplug_done(&unplug);
        machine_done(&machine);
}

static void read_all(void)
{
        static const char *const zones[] = { "Normal Movable", "Normal", "Movable" };
        const TrackMode mode = {};

        for (uint32_t id = 0; id < machine.n_blocks; id++) {
                Block *block = &machine.blocks[id], before = *block;

                if (!block->stale)
                        continue;
                block->stale = false;
                block->state = real_class[id] == ZONE_CLASS_NONE ? BLOCK_OFFLINE : BLOCK_ONLINE;
                zones_set(&block->zones, zones[real_class[id]]);
                track_read(block, &before, &mode);
        }
}

static void send(MonitorKind kind, uint32_t id, uint64_t number)
{
        const MonitorEvent event = { .block = id, .node = NODE_NONE, .seqnum = number };

        (void) unplug_on_event(&unplug, &machine, kind, &event, now_usec);
        machine.blocks[id].stale = true;
}

/* Plays what happens to blocks: see `stories`. */
static void play(const char *story)
{
        for (; *story; story++) {
                char *end = NULL;
                uint32_t id = isdigit(story[1]) ? (uint32_t) strtoul(story + 1, &end, 10) : 0;

                switch (*story) {
                case '-':
                        real_class[id] = ZONE_CLASS_NONE;
                        send(MONITOR_OFFLINE, id, seqnum++);
                        break;
                case 'K':
                case 'M':
                        real_class[id] = *story == 'K' ? ZONE_CLASS_KERNEL : ZONE_CLASS_MOVABLE;
                        send(MONITOR_ONLINE, id, seqnum++);
                        break;
                case '!':
                        unplug_on_refusal(&unplug, id, now_usec);
                        break;
                case 'r':
                        read_all();
                        break;
                case 's':
                        now_usec += USEC_PER_SEC;
                        break;
                default:
                        ck_assert_int_eq(*story, ' ');
                }
                if (end)
                        story = end - 1;
        }
}

/* Settles all, and formats the unplugs that failed and the blocks to restore. */
static const char *settle(char text[static TEXT_MAX])
{
        FILE *stream = fmemopen(text, TEXT_MAX, "w");
        FailedUnplug failed;
        uint64_t due_usec;
        int32_t device;
        Selection selection;

        ck_assert_ptr_nonnull(stream);
        text[0] = 0;
        while (unplug_settle(&unplug, &machine, now_usec, &failed, &due_usec))
                fprintf(stream, "!%u,%u,%u ", failed.refuser, failed.n_back, failed.n_changed);
        while (unplug_select(&unplug, &machine, &device, &selection) > 0) {
                for (size_t i = 0; i < selection.n_steps; i++)
                        fprintf(stream, "%c%u ",
                                selection.steps[i].to == VERDICT_KERNEL ? 'K' : 'M',
                                selection.steps[i].block);
                selection_done(&selection);
        }
        fclose(stream);
        return text;
}

#define MINUTE "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
#define LONG MINUTE MINUTE "s"

/*
 * Stories: "-5" is the event that a block went offline, "K5" and "M5" that it came online as kernel memory or
 * movable, "!4" the kernel's message that block 4 refused, "r" that memoryd reads the blocks, "s" a second.
 * What is expected: "!REFUSER,BACK,CHANGED", then the blocks to restore in their order.
 */
static const struct {
        const char *story, *expected;
} stories[] = {
        /* The kernel brings all back, whenever memoryd reads the blocks. */
        { "-5 -6 -7 -8 -9 !4 K5 K6 K7 K8 K9 r s", "!4,5,4 M9 M8 M7 M6 " },
        { "-5r-6r-7r-8r-9r!4rK5rK6rK7rK8rK9r s", "!4,5,4 M9 M8 M7 M6 " },
        { "-5 -6 -7 -8 -9 r K5 K6 K7 K8 K9 r !4 s", "!4,5,4 M9 M8 M7 M6 " },
        { "-5 r M5 r !4 s", "!4,1,1 K5 " },
        { "-4 -5 -7 -8 !9 M4 M5 K7 K8 r s", "!9,4,4 K4 K5 M8 M7 " },
        { "-5 -6 !4 K5 M6 r s", "!4,2,0 " },
        { "!4 s", "!4,0,0 " },
        /* An administrator does the same, with no message of the kernel, or about another device. */
        { "-5 -6 -7 -8 -9 K5 K6 K7 K8 K9 r s", "" },
        { "-5 -6 -7 K5 K6 K7 r !10 s", "!10,0,0 " },
        { "-11 -12 !10 K11 K12 -6 K6 r s", "!10,2,2 M12 M11 " },
        /* An administrator changes a block right afterwards, or just before: the change stays. */
        { "-6 -7 -8 !4 K6 K7 K8 -6 K6 r s", "!4,2,2 M8 M7 " },
        { "-6 -7 -8 !4 K6 K7 K8 r -6 r K6 r s", "!4,2,2 M8 M7 " },
        { "-6 -7 -8 !4 K6 K7 K8 r -6 r M6 r s", "!4,2,2 M8 M7 " },
        { "-6 -7 -8 !4 K6 K7 K8 r -7 r sss", "!4,2,2 M8 M6 " },
        { "-6 -7 !4 K6 K7 -6 -7 K6 K7 r s", "!4,0,0 " },
        { "-6 K6 -6 -7 !4 K6 K7 r s", "!4,0,0 " },
        { "-6 r K6 r ssssssssssss -6 -7 !4 K6 K7 r s", "!4,2,1 M7 " },
        /* A block that refused as well, and which the kernel does not name. */
        { "-6 -7 !4 K6 K7 -8 K8 r s", "!4,2,2 M7 M6 " },
        /* Offline since before: the kernel leaves it so, and what happens to it later is no part of it. */
        { "-9 r" LONG "-6 -7 !4 K6 K7 r sss", "!4,2,2 M7 M6 " },
        { "-9 r" LONG "-6 -7 !4 K6 K7 K9 r s", "!4,2,2 M7 M6 " },
        /* It is slow to take a block offline, but not that slow. */
        { "-6 rssssssssss -7 rssssssssss -8 !4 K6 K7 K8 r s", "!4,3,3 M8 M7 M6 " },
        { "-6 r" LONG "-7 !4 K6 K7 r s", "!4,1,1 M7 " },
        /* The host asks twice, one time right after the other. */
        { "-6 -7 !4 K6 K7 -6 -7 !4 K6 K7 r s", "!4,2,2 M7 M6 " },
        { "-6 -7 !4 K6 K7 r -6 -7 r !4 K6 K7 r s", "!4,2,2 M7 M6 " },
        /* Two devices at once. */
        { "-6 -7 !4 K6 K7 -11 !10 K11 r s", "!4,2,2 !10,1,1 M7 M6 M11 " },
};

START_TEST(only_what_the_kernel_did_is_undone)
{
        char text[TEXT_MAX] = "";

        play(stories[_i].story);
        ck_assert_str_eq(settle(text), stories[_i].expected);
        /* Once only. */
        ck_assert_str_eq(settle(text), "");
}
END_TEST

START_TEST(an_unplug_is_told_when_it_is_over)
{
        FailedUnplug failed;
        uint64_t due_usec;

        play("-6 -7 !4 K6");
        ck_assert(!unplug_settle(&unplug, &machine, now_usec, &failed, &due_usec));
        ck_assert_uint_eq(due_usec, USEC_INFINITY); /* the blocks are to be read */
        play("r");
        ck_assert(!unplug_settle(&unplug, &machine, now_usec + USEC_PER_SEC, &failed, &due_usec));
        ck_assert_uint_gt(due_usec, now_usec + USEC_PER_SEC); /* block 7 is still away */
        play("K7 r");
        ck_assert(!unplug_settle(&unplug, &machine, now_usec, &failed, &due_usec));
        ck_assert_uint_gt(due_usec, now_usec);
        ck_assert(unplug_settle(&unplug, &machine, due_usec, &failed, &due_usec));
        ck_assert_uint_eq(failed.refuser, 4);
        ck_assert_int_eq(failed.device, 0);
        ck_assert_uint_eq(failed.n_changed, 2);
        ck_assert(!unplug_settle(&unplug, &machine, now_usec, &failed, &due_usec));
        ck_assert_uint_eq(due_usec, USEC_INFINITY);
}
END_TEST

START_TEST(a_block_that_is_as_before_is_so_in_all_respects)
{
        char text[TEXT_MAX];

        machine.blocks[5].status = BLOCK_STATUS_REQUESTED;
        machine.blocks[6].status = BLOCK_STATUS_REQUESTED;
        play("-5 -6 r !4 K5 K6 r s");
        ck_assert_int_eq(machine.blocks[5].onliner, ONLINER_OTHER);
        ck_assert_str_eq(settle(text), "!4,2,1 M6 ");
        ck_assert_int_eq(machine.blocks[5].status, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(machine.blocks[5].onliner, ONLINER_MEMORYD);
        /* The kernel did it, and the job will know what the block was. */
        ck_assert_int_eq(machine.blocks[6].onliner, ONLINER_KERNEL);
        ck_assert_int_eq(machine.blocks[6].rollback.status, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(machine.blocks[6].rollback.onliner, ONLINER_MEMORYD);
        ck_assert_uint_eq(machine.blocks[6].rollback.refuser, 4);
        ck_assert(machine.blocks[4].rollback.is_set);
}
END_TEST

START_TEST(a_block_without_a_decision_is_not_judged_meanwhile)
{
        machine.blocks[6].status = BLOCK_STATUS_INITIAL;
        machine.blocks[6].decision.verdict = VERDICT_NONE;
        play("-6 K6 r");
        unplug_keep_undecided(&unplug, &machine);
        ck_assert(track_wants_judgement(&machine.blocks[6], now_usec));
        play("!4");
        unplug_keep_undecided(&unplug, &machine);
        ck_assert(!track_wants_judgement(&machine.blocks[6], now_usec));
        ck_assert_int_eq(machine.blocks[6].status, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(memoryds_own_writes_are_no_part_of_it)
{
        char text[TEXT_MAX];

        machine.blocks[6].offline_due = machine.blocks[6].echo_due = true;
        ck_assert(!unplug_on_event(&unplug, &machine, MONITOR_OFFLINE,
                                   &(MonitorEvent){ .block = 6, .seqnum = 1 }, now_usec));
        ck_assert(!unplug_on_event(&unplug, &machine, MONITOR_ONLINE,
                                   &(MonitorEvent){ .block = 6, .seqnum = 2 }, now_usec));
        ck_assert(!machine.blocks[6].offline_due);
        play("!4 s");
        ck_assert_str_eq(settle(text), "!4,0,0 ");
}
END_TEST

START_TEST(a_block_of_a_job_is_left_to_the_job)
{
        char text[TEXT_MAX];

        /* One job is to make block 7 kernel memory, and another is to take block 8 offline. */
        machine.blocks[7].job = 1;
        machine.blocks[7].job_class = ZONE_CLASS_KERNEL;
        machine.blocks[8].job = 2;
        play("-6 -7 -8 !4 K6 K7 K8 r s");
        ck_assert_str_eq(settle(text), "!4,3,3 M6 ");
        machine.blocks[7].job = machine.blocks[8].job = 0;
        ck_assert_str_eq(settle(text), "M8 ");
}
END_TEST

START_TEST(a_block_that_still_waits_keeps_what_it_was_at_first)
{
        char text[TEXT_MAX];

        play("-6 -7 !4 K6 K7 r s");
        ck_assert_str_eq(settle(text), "!4,2,2 M7 M6 ");
        machine.blocks[6].job = machine.blocks[7].job = 1;
        machine.blocks[6].job_class = machine.blocks[7].job_class = ZONE_CLASS_MOVABLE;
        /* The job has restored block 7, and then there is the next unplug. */
        real_class[7] = ZONE_CLASS_MOVABLE;
        machine.blocks[7].stale = true;
        machine.blocks[7].status = BLOCK_STATUS_WRITING;
        read_all();
        machine.blocks[7].status = BLOCK_STATUS_DONE;
        play("-6 -7");
        machine.blocks[6].job = machine.blocks[7].job = 0;
        play("!4 K6 K7 r s");
        ck_assert_str_eq(settle(text), "!4,2,2 M7 M6 ");
        ck_assert_int_eq(machine.blocks[6].rollback.status, BLOCK_STATUS_DONE);
}
END_TEST

START_TEST(a_block_that_was_removed_is_forgotten)
{
        char text[TEXT_MAX];

        play("-6 -7 !4 K6 K7 r s");
        machine.blocks[6].inode++;
        ck_assert_str_eq(settle(text), "!4,1,1 M7 ");
        play("!99");
        now_usec += USEC_PER_SEC;
        ck_assert_str_eq(settle(text), "!99,0,0 ");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("unplug");
        TCase *tcase = tcase_create("unplug");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, only_what_the_kernel_did_is_undone, 0, ELEMENTSOF(stories));
        tcase_add_test(tcase, an_unplug_is_told_when_it_is_over);
        tcase_add_test(tcase, a_block_that_is_as_before_is_so_in_all_respects);
        tcase_add_test(tcase, a_block_without_a_decision_is_not_judged_meanwhile);
        tcase_add_test(tcase, memoryds_own_writes_are_no_part_of_it);
        tcase_add_test(tcase, a_block_of_a_job_is_left_to_the_job);
        tcase_add_test(tcase, a_block_that_still_waits_keeps_what_it_was_at_first);
        tcase_add_test(tcase, a_block_that_was_removed_is_forgotten);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
