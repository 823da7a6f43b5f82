/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/track.h"

#define NOW (100 * USEC_PER_SEC)

#define NODE 1
#define GB UINT64_C(1) << 30

static const Retry retry = {
        .first_usec = USEC_PER_SEC,
        .factor_permille = 2000,
        .cap_usec = 60 * USEC_PER_SEC,
        .attempts = 10,
};

static const TrackMode mode = {};

/* A block in the middle of its life. "" for the zones of an offline one. */
static Block block_make(BlockState state, const char *zones, BlockStatus status, Verdict verdict)
{
        Block block;

        block_init(&block, 7);
        block.node = NODE;
        block_set(&block, state, zones, status);
        block.decision.verdict = verdict;
        return block;
}

/* track_new */

static const struct {
        BlockState state;
        int32_t node;
        bool at_start;
        bool leave_offline;
        BlockStatus status;
} new_cases[] = {
        /* at the start of memoryd */
        { BLOCK_ONLINE, NODE, true, false, BLOCK_STATUS_INITIAL },
        { BLOCK_ONLINE, NODE, true, true, BLOCK_STATUS_INITIAL },
        { BLOCK_ONLINE, NODE_NONE, true, false, BLOCK_STATUS_INITIAL },
        { BLOCK_GOING_OFFLINE, NODE, true, false, BLOCK_STATUS_INITIAL },
        { BLOCK_OFFLINE, NODE, true, false, BLOCK_STATUS_PENDING },
        { BLOCK_OFFLINE, NODE_NONE, true, false, BLOCK_STATUS_WAITING },
        { BLOCK_OFFLINE, NODE, true, true, BLOCK_STATUS_LEFT },
        { BLOCK_OFFLINE, NODE_NONE, true, true, BLOCK_STATUS_LEFT },

        /* later: coldplug says nothing, and who is online is to be judged */
        { BLOCK_OFFLINE, NODE, false, false, BLOCK_STATUS_PENDING },
        { BLOCK_OFFLINE, NODE, false, true, BLOCK_STATUS_PENDING },
        { BLOCK_OFFLINE, NODE_NONE, false, false, BLOCK_STATUS_WAITING },
        { BLOCK_OFFLINE, NODE_NONE, false, true, BLOCK_STATUS_WAITING },
        { BLOCK_ONLINE, NODE, false, false, BLOCK_STATUS_PENDING },
        { BLOCK_ONLINE, NODE_NONE, false, false, BLOCK_STATUS_WAITING },
};

START_TEST(a_new_block_is_taken_in_by_when_it_came_and_how_it_is)
{
        Block block;

        block_init(&block, 7);
        block.node = new_cases[_i].node;
        block.state = new_cases[_i].state;
        zones_set(&block.zones, "Movable");
        track_new(&block, &(TrackMode){ .at_start = new_cases[_i].at_start,
                                        .leave_offline = new_cases[_i].leave_offline });
        ck_assert_int_eq(block.status, new_cases[_i].status);
        ck_assert_int_eq(block.decision.verdict, VERDICT_NONE);
        ck_assert_uint_eq(block.retry_at_usec, USEC_INFINITY);
        ck_assert_int_eq(block.last_class,
                         block.state == BLOCK_ONLINE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_NONE);
}
END_TEST

/* track_read */

typedef struct ReadCase {
        BlockStatus status;
        Verdict verdict;
        BlockState before;
        const char *zones_before;
        BlockState after;
        const char *zones_after;
        BlockStatus expected;
} ReadCase;

#define OFF BLOCK_OFFLINE, "Normal Movable"
#define GOING BLOCK_GOING_OFFLINE, "Movable"
#define KERNEL BLOCK_ONLINE, "Normal"
#define MOVABLE BLOCK_ONLINE, "Movable"

static const ReadCase read_cases[] = {
        /* nothing changed: nothing changes */
        { BLOCK_STATUS_INITIAL, VERDICT_NONE, KERNEL, KERNEL, BLOCK_STATUS_INITIAL },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, MOVABLE, MOVABLE, BLOCK_STATUS_DONE },
        { BLOCK_STATUS_EXTERNAL, VERDICT_MOVABLE, MOVABLE, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_FOREIGN, VERDICT_KERNEL, MOVABLE, MOVABLE, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_PENDING, VERDICT_NONE, OFF, OFF, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_RETRYING, VERDICT_KERNEL, OFF, OFF, BLOCK_STATUS_RETRYING },
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL, OFF, OFF, BLOCK_STATUS_FAILED },
        { BLOCK_STATUS_LEFT, VERDICT_LEAVE, OFF, OFF, BLOCK_STATUS_LEFT },
        { BLOCK_STATUS_LEFT, VERDICT_NONE, OFF, OFF, BLOCK_STATUS_LEFT },
        { BLOCK_STATUS_OFFLINED, VERDICT_MOVABLE, OFF, OFF, BLOCK_STATUS_OFFLINED },

        /* its node is known now */
        { BLOCK_STATUS_WAITING, VERDICT_NONE, OFF, OFF, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_WAITING, VERDICT_NONE, MOVABLE, MOVABLE, BLOCK_STATUS_PENDING },

        /* another program onlined what no plan has decided on: to be judged */
        { BLOCK_STATUS_PENDING, VERDICT_NONE, OFF, MOVABLE, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_WAITING, VERDICT_NONE, OFF, KERNEL, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_LEFT, VERDICT_NONE, OFF, KERNEL, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_OFFLINED, VERDICT_NONE, OFF, KERNEL, BLOCK_STATUS_PENDING },

        /* another program onlined what is decided: judged by that */
        { BLOCK_STATUS_PENDING, VERDICT_KERNEL, OFF, KERNEL, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_PENDING, VERDICT_KERNEL, OFF, MOVABLE, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_PENDING, VERDICT_MOVABLE, OFF, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_PENDING, VERDICT_MOVABLE, OFF, KERNEL, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_PENDING, VERDICT_KERNEL_DEFAULT, OFF, KERNEL, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, OFF, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, OFF, KERNEL, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL, OFF, KERNEL, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL, OFF, MOVABLE, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_LEFT, VERDICT_LEAVE, OFF, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_OFFLINED, VERDICT_MOVABLE, OFF, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_OFFLINED, VERDICT_MOVABLE, OFF, KERNEL, BLOCK_STATUS_FOREIGN },

        /* another program was so fast that it is in another class before it was read as offline */
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, MOVABLE, KERNEL, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_FOREIGN, VERDICT_MOVABLE, KERNEL, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_INITIAL, VERDICT_NONE, MOVABLE, KERNEL, BLOCK_STATUS_PENDING },

        /* another program took it offline, which is respected */
        { BLOCK_STATUS_INITIAL, VERDICT_NONE, KERNEL, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, MOVABLE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_EXTERNAL, VERDICT_MOVABLE, MOVABLE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_FOREIGN, VERDICT_KERNEL, MOVABLE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, GOING, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, GOING, OFF, BLOCK_STATUS_OFFLINED },

        /* going offline is neither, and may come to nothing */
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, MOVABLE, GOING, BLOCK_STATUS_DONE },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, GOING, MOVABLE, BLOCK_STATUS_DONE },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, GOING, MOVABLE, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_FAILED, VERDICT_MOVABLE, GOING, MOVABLE, BLOCK_STATUS_EXTERNAL },

        /* what is being written is for the write's outcome to say */
        { BLOCK_STATUS_WRITING, VERDICT_MOVABLE, OFF, MOVABLE, BLOCK_STATUS_WRITING },
        { BLOCK_STATUS_WRITING, VERDICT_MOVABLE, OFF, KERNEL, BLOCK_STATUS_WRITING },
        { BLOCK_STATUS_WRITING, VERDICT_MOVABLE, MOVABLE, OFF, BLOCK_STATUS_WRITING },
        { BLOCK_STATUS_OFFLINING, VERDICT_MOVABLE, MOVABLE, MOVABLE, BLOCK_STATUS_OFFLINING },
        { BLOCK_STATUS_OFFLINING, VERDICT_MOVABLE, MOVABLE, GOING, BLOCK_STATUS_OFFLINING },
        { BLOCK_STATUS_OFFLINING, VERDICT_MOVABLE, MOVABLE, OFF, BLOCK_STATUS_OFFLINING },
        { BLOCK_STATUS_OFFLINING, VERDICT_KERNEL, MOVABLE, KERNEL, BLOCK_STATUS_OFFLINING },

        /* a request holds until another program changes the block */
        { BLOCK_STATUS_REQUESTED, VERDICT_MOVABLE, MOVABLE, MOVABLE, BLOCK_STATUS_REQUESTED },
        { BLOCK_STATUS_REQUESTED, VERDICT_MOVABLE, MOVABLE, GOING, BLOCK_STATUS_REQUESTED },
        { BLOCK_STATUS_REQUESTED, VERDICT_MOVABLE, MOVABLE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_REQUESTED, VERDICT_MOVABLE, MOVABLE, KERNEL, BLOCK_STATUS_FOREIGN },
};

START_TEST(a_block_that_was_read_again_moves_on)
{
        const ReadCase *c = &read_cases[_i];
        Block block = block_make(c->before, c->zones_before, c->status, c->verdict);
        Block before = block;
        ZoneClass last_class = block.last_class;

        if (c->status == BLOCK_STATUS_RETRYING)
                block.retry_at_usec = NOW;

        block.state = c->after;
        zones_set(&block.zones, c->zones_after);
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.status, c->expected);
        ck_assert_int_eq(block.decision.verdict, c->verdict);
        ck_assert_int_eq(block.last_class,
                         c->after == BLOCK_ONLINE ? block_class(&block) : last_class);
        if (c->expected != BLOCK_STATUS_RETRYING)
                ck_assert_uint_eq(block.retry_at_usec, USEC_INFINITY);
}
END_TEST

START_TEST(a_block_still_without_a_node_keeps_waiting)
{
        Block block = block_make(OFF, BLOCK_STATUS_WAITING, VERDICT_NONE);
        Block before = block;

        block.node = NODE_NONE;
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.status, BLOCK_STATUS_WAITING);

        block.state = BLOCK_ONLINE;
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.status, BLOCK_STATUS_WAITING);
}
END_TEST

START_TEST(a_block_that_was_given_up_stays_so_until_it_has_a_node)
{
        Block block = block_make(OFF, BLOCK_STATUS_WAITING, VERDICT_NONE);
        Block before = block;

        block.node = NODE_NONE;
        block.given_up = true;
        track_read(&block, &before, &mode);
        ck_assert(block.given_up);

        block.node = 1;
        track_read(&block, &before, &mode);
        ck_assert(!block.given_up);
        ck_assert_int_eq(block.status, BLOCK_STATUS_PENDING);
}
END_TEST

START_TEST(a_block_that_another_program_onlined_has_no_failures_left)
{
        Block block = block_make(OFF, BLOCK_STATUS_RETRYING, VERDICT_MOVABLE);
        Block before = block;

        block.attempts = 3;
        block.error = -EBUSY;
        block.retry_at_usec = NOW;
        block_set(&block, MOVABLE, BLOCK_STATUS_RETRYING);
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.status, BLOCK_STATUS_EXTERNAL);
        ck_assert_uint_eq(block.attempts, 0);
        ck_assert_int_eq(block.error, 0);
        ck_assert_uint_eq(block.retry_at_usec, USEC_INFINITY);
}
END_TEST

/* Who made it online */

static const struct {
        BlockState state;
        bool at_start;
        bool kernel_onlines;
        Onliner onliner;
} new_onliner_cases[] = {
        { BLOCK_OFFLINE, false, false, ONLINER_NONE },
        { BLOCK_OFFLINE, false, true, ONLINER_NONE },
        { BLOCK_OFFLINE, true, true, ONLINER_NONE },
        { BLOCK_ONLINE, true, false, ONLINER_NONE }, /* before memoryd looked */
        { BLOCK_ONLINE, true, true, ONLINER_NONE },
        { BLOCK_ONLINE, false, false, ONLINER_OTHER },
        { BLOCK_ONLINE, false, true, ONLINER_KERNEL },
        { BLOCK_GOING_OFFLINE, false, false, ONLINER_OTHER },
};

START_TEST(a_new_block_was_onlined_by_the_kernel_if_that_onlines)
{
        Block block;

        block_init(&block, 7);
        block.node = NODE;
        block.state = new_onliner_cases[_i].state;
        zones_set(&block.zones, "Normal");
        track_new(&block, &(TrackMode){ .at_start = new_onliner_cases[_i].at_start,
                                        .kernel_onlines = new_onliner_cases[_i].kernel_onlines });
        ck_assert_int_eq(block.onliner, new_onliner_cases[_i].onliner);
        ck_assert_uint_eq(block.onlined_usec, 0);
}
END_TEST

static const struct {
        BlockStatus status;
        Verdict verdict;
        ZoneClass last_class; /* of a block that is offline before */
        BlockState before;
        const char *zones_before;
        BlockState after;
        const char *zones_after;
        Onliner with_kernel; /* if the kernel onlines; else it is another program */
        bool is_stamped;     /* its time stays */
} read_onliner_cases[] = {
        /* new, and seen offline before the kernel had come to it */
        { BLOCK_STATUS_WAITING, VERDICT_NONE, ZONE_CLASS_NONE, OFF, MOVABLE, ONLINER_KERNEL, 0 },
        { BLOCK_STATUS_PENDING, VERDICT_NONE, ZONE_CLASS_NONE, OFF, KERNEL, ONLINER_KERNEL, 0 },
        { BLOCK_STATUS_PENDING, VERDICT_MOVABLE, ZONE_CLASS_NONE, OFF, MOVABLE, ONLINER_KERNEL, 0 },
        /* it onlines no block again, and none that was there before */
        { BLOCK_STATUS_PENDING, VERDICT_NONE, ZONE_CLASS_KERNEL, OFF, KERNEL, ONLINER_OTHER, 0 },
        { BLOCK_STATUS_OFFLINED, VERDICT_NONE, ZONE_CLASS_KERNEL, OFF, KERNEL, ONLINER_OTHER, 0 },
        { BLOCK_STATUS_LEFT, VERDICT_LEAVE, ZONE_CLASS_NONE, OFF, KERNEL, ONLINER_OTHER, 0 },
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL, ZONE_CLASS_NONE, OFF, KERNEL, ONLINER_OTHER, 0 },
        /* into another class: offline in between */
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, ZONE_CLASS_NONE, MOVABLE, KERNEL, ONLINER_OTHER, 0 },
        /* nobody, as long as it is offline */
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, ZONE_CLASS_NONE, MOVABLE, OFF, ONLINER_NONE, 0 },
        /* nothing happened */
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, ZONE_CLASS_NONE, MOVABLE, MOVABLE, ONLINER_MEMORYD,
          1 },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, ZONE_CLASS_NONE, MOVABLE, GOING, ONLINER_MEMORYD, 1 },
        /* the outcome will tell */
        { BLOCK_STATUS_WRITING, VERDICT_MOVABLE, ZONE_CLASS_NONE, OFF, MOVABLE, ONLINER_MEMORYD,
          1 },
};

START_TEST(who_onlined_a_block_follows_from_what_was_read)
{
        for (int kernel_onlines = 0; kernel_onlines < 2; kernel_onlines++) {
                Block block = block_make(
                        read_onliner_cases[_i].before, read_onliner_cases[_i].zones_before,
                        read_onliner_cases[_i].status, read_onliner_cases[_i].verdict);
                Block before = block;
                Onliner expected = read_onliner_cases[_i].with_kernel;

                if (expected == ONLINER_KERNEL && !kernel_onlines)
                        expected = ONLINER_OTHER;
                if (block.state == BLOCK_OFFLINE)
                        block.last_class = read_onliner_cases[_i].last_class;
                block.onliner = ONLINER_MEMORYD;
                block.onlined_usec = 42;
                block.state = read_onliner_cases[_i].after;
                zones_set(&block.zones, read_onliner_cases[_i].zones_after);
                track_read(&block, &before, &(TrackMode){ .kernel_onlines = kernel_onlines });
                ck_assert_int_eq(block.onliner, expected);
                ck_assert_uint_eq(block.onlined_usec, read_onliner_cases[_i].is_stamped ? 42 : 0);
        }
}
END_TEST

static const struct {
        Verdict verdict;
        int error;
        BlockState state;
        const char *zones;
        Onliner onliner;
} outcome_onliner_cases[] = {
        { VERDICT_MOVABLE, 0, MOVABLE, ONLINER_MEMORYD },
        { VERDICT_KERNEL_DEFAULT, 0, MOVABLE, ONLINER_MEMORYD },
        { VERDICT_MOVABLE, -EINVAL, MOVABLE, ONLINER_OTHER }, /* already */
        { VERDICT_MOVABLE, -EINVAL, KERNEL, ONLINER_OTHER },  /* raced */
        { VERDICT_MOVABLE, 0, KERNEL, ONLINER_OTHER },
        { VERDICT_MOVABLE, -EBUSY, OFF, ONLINER_NONE },
        { VERDICT_MOVABLE, -EPERM, OFF, ONLINER_NONE },
        { VERDICT_MOVABLE, -ENOENT, OFF, ONLINER_NONE },
};

START_TEST(who_onlined_a_block_follows_from_the_outcome)
{
        Block block = block_make(OFF, BLOCK_STATUS_WRITING, outcome_onliner_cases[_i].verdict);
        ZoneList zones;

        zones_set(&zones, outcome_onliner_cases[_i].zones);
        (void) track_outcome(&block, outcome_onliner_cases[_i].error,
                             outcome_onliner_cases[_i].state, &zones, &retry, NOW);
        ck_assert_int_eq(block.onliner, outcome_onliner_cases[_i].onliner);
}
END_TEST

START_TEST(a_block_that_was_the_kernels_is_onlined_by_it)
{
        for (int due = 0; due < 2; due++) {
                Block block = block_make(BLOCK_OFFLINE, "Normal Movable", BLOCK_STATUS_WRITING,
                                         VERDICT_MOVABLE);
                ZoneList zones;

                zones_set(&zones, "Movable");
                block.kernel_due = due;
                ck_assert_int_eq(track_outcome(&block, -EINVAL, BLOCK_ONLINE, &zones, &retry, NOW),
                                 OUTCOME_ALREADY);
                ck_assert_int_eq(block.onliner, due ? ONLINER_KERNEL : ONLINER_OTHER);
                ck_assert(!block.kernel_due);
        }
}
END_TEST

START_TEST(what_was_onlined_gets_the_time_once)
{
        Machine machine;

        machine_from(&machine, GB, "0c=k4o1");
        machine.blocks[1].onliner = ONLINER_OTHER;
        machine.blocks[2].onliner = ONLINER_KERNEL;
        machine.blocks[2].onlined_usec = 5;
        machine.blocks[3].onliner = ONLINER_MEMORYD;
        track_stamp(&machine, 42);
        track_stamp(&machine, 43);
        ck_assert_uint_eq(machine.blocks[0].onlined_usec, 0); /* before memoryd looked */
        ck_assert_uint_eq(machine.blocks[1].onlined_usec, 42);
        ck_assert_uint_eq(machine.blocks[2].onlined_usec, 5);
        ck_assert_uint_eq(machine.blocks[3].onlined_usec, 42);
        ck_assert_uint_eq(machine.blocks[4].onlined_usec, 0);
        machine_done(&machine);
}
END_TEST

START_TEST(rules_are_found_by_name_in_another_policy)
{
        char a[] = "a", b[] = "b", c[] = "c";
        Rule from_rules[] = { { .name = a }, { .name = b }, { .name = c } };
        Rule to_rules[] = { { .name = c }, { .name = a } };
        const Policy from = { .rules = from_rules, .n_rules = 3 };
        const Policy to = { .rules = to_rules, .n_rules = 2 };
        static const int32_t expected[] = { 1, RULE_GONE, 0, RULE_DEFAULT, RULE_GONE };
        static const int32_t rules[] = { 0, 1, 2, RULE_DEFAULT, RULE_GONE };

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                Decision decision = { .rule = rules[i] };

                policy_remap(&from, &to, &decision);
                ck_assert_int_eq(decision.rule, expected[i]);
        }
}
END_TEST

/* track_note_memoryless */

static const struct {
        const char *machine;
        const char *devices;
        uint32_t block;
        bool memoryless;
} memoryless_cases[] = {
        /* alone, or with others that came with it */
        { "0c=k 1=o", "", 1, true },
        { "0c=k 1=o8", "", 5, true },
        { "0c=k 1=o8 2=k", "", 5, true },
        { "0c=k 0=o", "", 1, false },

        /* beside any other block of the node, above or below */
        { "0c=k 1=ko", "", 2, false },
        { "0c=k 1=ok", "", 1, false },
        { "0c=k 1=mo", "", 2, false },
        { "0c=k 1=so", "", 2, false },
        { "0c=k 1=go", "", 2, false },
        { "0c=k 1=lo", "", 2, false },
        { "0c=k 1=ro", "", 2, false },
        { "0c=k 1=Ko", "", 2, false },
        { "0c=k 1=oM", "", 1, false },

        /* those without a node are on no other */
        { "0c=k 1=o ?=k", "", 1, true },
        { "0c=k 1=o ?=o", "", 2, false },

        /* beside blocks of its own device only: it grew, or some of it was written before */
        { "0c=k 1=mo", "1-2", 2, true },
        { "0c=k 1=mo", "1-2/1", 2, true },
        { "0c=k 1=kmo", "1-3/1", 3, true },
        { "0c=k 1=lo", "1-2/1", 2, true },
        { "0c=k 1=Ko", "1-2/1", 2, true },
        { "0c=k 1=om", "1-2/1", 1, true },
        { "0c=k 1=mo", "0-2/1", 2, true }, /* that it is on another node as well does not matter */

        /* beside those of another device, or of none */
        { "0c=k 1=mo", "1-1 2-2", 2, false },
        { "0c=k 1=mo", "2-2", 2, false },
        { "0c=k 1=mo", "1-1", 2, false },
        { "0c=k 1=mko", "1-1 2-3", 3, false },
        { "0c=k 1=mko", "2-3", 3, false },
        { "0c=k 1=kmo", "1-1 3-3", 3, false },
        { "0c=k 1=mokm", "1-2 3-3", 2, false },

        /* two devices that came at once */
        { "0c=k 1=o2", "1-1 2-2", 1, true },
        { "0c=k 1=o2", "1-1 2-2", 2, true },
};

START_TEST(blocks_are_noted_when_their_node_had_no_memory_before)
{
        Machine machine;

        machine_from(&machine, GB, memoryless_cases[_i].machine);
        machine_add_devices(&machine, memoryless_cases[_i].devices);
        track_note_memoryless(&machine);
        ck_assert_int_eq(
                machine_find_block(&machine, memoryless_cases[_i].block)->node_was_memoryless,
                memoryless_cases[_i].memoryless);
        machine_done(&machine);
}
END_TEST

START_TEST(blocks_of_nodes_that_cannot_be_are_not_noted)
{
        Machine machine;

        machine_from(&machine, GB, "0c=k 1=o2");
        machine.blocks[1].node = NODE_MAX;
        machine.blocks[2].node = INT32_MAX;
        track_note_memoryless(&machine);
        ck_assert(!machine.blocks[1].node_was_memoryless);
        ck_assert(!machine.blocks[2].node_was_memoryless);
        machine.blocks[1].node = NODE_MAX - 1;
        track_note_memoryless(&machine);
        ck_assert(machine.blocks[1].node_was_memoryless);
        machine_done(&machine);
}
END_TEST

START_TEST(the_note_of_a_decided_block_stays)
{
        const Decision decision = { .rule = RULE_DEFAULT, .verdict = VERDICT_MOVABLE };
        Machine machine;
        Block *block;

        machine_from(&machine, GB, "0c=k 1=o-o");
        track_note_memoryless(&machine);
        track_decide(machine_find_block(&machine, 1), &decision);

        /* Its decision is memory to the other one, which was noted before it and is noted again. */
        track_note_memoryless(&machine);
        ck_assert(machine_find_block(&machine, 1)->node_was_memoryless);
        ck_assert(!machine_find_block(&machine, 3)->node_was_memoryless);

        ck_assert_int_eq(machine_add_block(&machine, 2, &block), 1);
        block->node = 1;
        block_set_letter(block, 'o');
        track_note_memoryless(&machine);
        ck_assert(machine_find_block(&machine, 1)->node_was_memoryless);
        ck_assert(!machine_find_block(&machine, 2)->node_was_memoryless);
        machine_done(&machine);
}
END_TEST

/* Filters */

START_TEST(a_plan_wants_offline_blocks_that_are_pending_or_due)
{
        for (int state = 0; state < _BLOCK_STATE_MAX; state++)
                for (int status = 0; status < _BLOCK_STATUS_MAX; status++) {
                        Block block = block_make((BlockState) state, "Normal", (BlockStatus) status,
                                                 VERDICT_KERNEL);
                        bool pending = status == BLOCK_STATUS_PENDING;
                        bool retrying = status == BLOCK_STATUS_RETRYING;
                        bool offline = state == BLOCK_OFFLINE;

                        block.retry_at_usec = NOW;
                        ck_assert_int_eq(track_wants_plan(&block, NOW - 1), offline && pending);
                        ck_assert_int_eq(track_wants_plan(&block, NOW),
                                         offline && (pending || retrying));
                        ck_assert_int_eq(track_wants_judgement(&block, NOW),
                                         state == BLOCK_ONLINE && pending);
                }
}
END_TEST

/* track_decide */

START_TEST(a_decision_makes_a_block_pending_or_left)
{
        for (int verdict = VERDICT_KERNEL; verdict < _VERDICT_MAX; verdict++) {
                const Decision decision = {
                        .rule = 3,
                        .action = ZONE_ACTION_KEEP,
                        .verdict = (Verdict) verdict,
                        .guards = GUARD_MIN_KERNEL,
                        .figures = { .kernel_bytes = 1, .movable_bytes = 2, .limit = 3 }
                };
                Block block = block_make(OFF, BLOCK_STATUS_RETRYING, VERDICT_NONE);

                block.retry_at_usec = NOW;
                track_decide(&block, &decision);
                ck_assert_int_eq(block.decision.verdict, verdict);
                ck_assert_int_eq(block.decision.rule, 3);
                ck_assert_int_eq(block.decision.action, ZONE_ACTION_KEEP);
                ck_assert_uint_eq(block.decision.guards, GUARD_MIN_KERNEL);
                ck_assert_uint_eq(block.decision.figures.kernel_bytes, 1);
                ck_assert_uint_eq(block.decision.figures.movable_bytes, 2);
                ck_assert_uint_eq(block.decision.figures.limit, 3);
                ck_assert_int_eq(block.status, verdict_is_left(verdict) ? BLOCK_STATUS_LEFT :
                                                                          BLOCK_STATUS_PENDING);
        }
}
END_TEST

START_TEST(a_decision_on_a_block_due_for_a_retry_keeps_its_count)
{
        const Decision decision = { .rule = RULE_DEFAULT, .verdict = VERDICT_KERNEL };
        Block block = block_make(OFF, BLOCK_STATUS_RETRYING, VERDICT_KERNEL);

        block.attempts = 4;
        block.error = -ENOMEM;
        block.retry_at_usec = NOW;
        track_decide(&block, &decision);
        ck_assert_int_eq(block.status, BLOCK_STATUS_PENDING);
        ck_assert_uint_eq(block.retry_at_usec, USEC_INFINITY);
        ck_assert_uint_eq(block.attempts, 4);
        ck_assert_int_eq(block.error, -ENOMEM);

        block.status = BLOCK_STATUS_WRITING;
        ck_assert_int_eq(block.status, BLOCK_STATUS_WRITING);
}
END_TEST

START_TEST(a_judged_block_is_external_or_foreign)
{
        static const struct {
                Verdict verdict;
                const char *zones;
                BlockStatus expected;
        } cases[] = {
                { VERDICT_KERNEL, "Normal", BLOCK_STATUS_EXTERNAL },
                { VERDICT_KERNEL, "DMA32", BLOCK_STATUS_EXTERNAL },
                { VERDICT_KERNEL, "none", BLOCK_STATUS_EXTERNAL },
                { VERDICT_KERNEL, "Movable", BLOCK_STATUS_FOREIGN },
                { VERDICT_MOVABLE, "Movable", BLOCK_STATUS_EXTERNAL },
                { VERDICT_MOVABLE, "Normal", BLOCK_STATUS_FOREIGN },
                { VERDICT_MOVABLE, "none", BLOCK_STATUS_FOREIGN },
                { VERDICT_KERNEL_DEFAULT, "Normal", BLOCK_STATUS_EXTERNAL },
                { VERDICT_KERNEL_DEFAULT, "Movable", BLOCK_STATUS_EXTERNAL },
                { VERDICT_LEAVE, "Normal", BLOCK_STATUS_EXTERNAL },
                { VERDICT_OFFLINE, "Movable", BLOCK_STATUS_EXTERNAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Block block = block_make(BLOCK_ONLINE, cases[i].zones, BLOCK_STATUS_PENDING,
                                         cases[i].verdict);

                track_judge(&block);
                ck_assert_int_eq(block.status, cases[i].expected);
        }
}
END_TEST

/* Leaving for a while */

#define SECOND USEC_PER_SEC

/* A machine whose kernel onlines by itself, with blocks 4 to 7 of a dax device that a rule leaves. */
static void make_left(Machine *machine, Origin origin)
{
        machine_from(machine, UINT64_C(128) << 20, "0c=k4l4");
        machine->kernel_word = ONLINE_WORD_ONLINE;
        machine_add_device(machine, 4, 7, 0)->origin = origin;
        for (uint32_t id = 4; id <= 7; id++)
                machine_find_block(machine, id)->changed_usec = 20 * SECOND;
}

START_TEST(a_dax_device_is_left_until_nothing_has_changed_for_the_delay)
{
        Machine machine;
        uint64_t next;

        make_left(&machine, ORIGIN_KMEM);
        ck_assert_int_eq(track_end_leave(&machine, 10 * SECOND, 29 * SECOND, &next), 0);
        ck_assert_uint_eq(next, 30 * SECOND);

        /* daxctl onlines the next block. */
        block_set_letter(machine_find_block(&machine, 5), 'm');
        machine_find_block(&machine, 5)->changed_usec = 29 * SECOND;
        ck_assert_int_eq(track_end_leave(&machine, 10 * SECOND, 30 * SECOND, &next), 0);
        ck_assert_uint_eq(next, 39 * SECOND);

        ck_assert_int_eq(track_end_leave(&machine, 10 * SECOND, 39 * SECOND, &next), 1);
        ck_assert_uint_eq(next, USEC_INFINITY);
        for (uint32_t id = 4; id <= 7; id++)
                ck_assert_int_eq(machine_find_block(&machine, id)->leave_is_over, id != 5);
        ck_assert_int_eq(machine_find_block(&machine, 4)->status, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(track_end_leave(&machine, 10 * SECOND, 40 * SECOND, &next), 0);
        machine_done(&machine);
}
END_TEST

START_TEST(only_what_the_kernel_would_online_later_is_left_for_now)
{
        Machine machine;
        Block *block;

        make_left(&machine, ORIGIN_KMEM);
        block = machine_find_block(&machine, 4);
        ck_assert(track_is_left_for_now(&machine, block));
        machine.kernel_word = ONLINE_WORD_OFFLINE;
        ck_assert(!track_is_left_for_now(&machine, block));
        machine.kernel_word = ONLINE_WORD_MOVABLE;
        machine.nodes[0].has_kernel_word = true;
        ck_assert(!track_is_left_for_now(&machine, block));
        machine.nodes[0].kernel_word = ONLINE_WORD_ONLINE;
        ck_assert(track_is_left_for_now(&machine, block));
        block->found_offline = true;
        ck_assert(!track_is_left_for_now(&machine, block));
        block->found_offline = false;
        block->decision.verdict = VERDICT_OFFLINE;
        ck_assert(!track_is_left_for_now(&machine, block));
        block->decision.verdict = VERDICT_LEAVE;
        machine.devices[0].dax_state = DAX_STATE_OFFLINE;
        ck_assert(track_is_left_for_now(&machine, block));
        machine.devices[0].dax_state = DAX_STATE_ONLINE;
        ck_assert(!track_is_left_for_now(&machine, block));
        machine_done(&machine);

        make_left(&machine, ORIGIN_DRIVER);
        ck_assert(!track_is_left_for_now(&machine, machine_find_block(&machine, 4)));
        machine_done(&machine);
}
END_TEST

START_TEST(a_block_knows_when_it_changed_and_whether_it_was_found_offline)
{
        const TrackMode start = { .at_start = true, .now_usec = 1 }, later = { .now_usec = 2 };
        Block block = block_make(OFF, BLOCK_STATUS_WAITING, VERDICT_NONE), before;

        track_new(&block, &start);
        ck_assert(block.found_offline);
        ck_assert_uint_eq(block.changed_usec, 1);
        before = block;
        track_read(&block, &before, &later);
        ck_assert_uint_eq(block.changed_usec, 1);
        block_set_letter(&block, 'm');
        track_read(&block, &before, &later);
        ck_assert_uint_eq(block.changed_usec, 2);

        block = block_make(OFF, BLOCK_STATUS_WAITING, VERDICT_NONE);
        track_new(&block, &later);
        ck_assert(!block.found_offline);
}
END_TEST

/* track_outcome */

typedef struct OutcomeCase {
        Verdict verdict;
        int error;
        BlockState state;
        const char *zones;
        Outcome outcome;
        BlockStatus status;
        int block_error;
} OutcomeCase;

static const OutcomeCase outcome_cases[] = {
        { VERDICT_MOVABLE, 0, MOVABLE, OUTCOME_DONE, BLOCK_STATUS_DONE, 0 },
        { VERDICT_KERNEL, 0, KERNEL, OUTCOME_DONE, BLOCK_STATUS_DONE, 0 },
        { VERDICT_KERNEL_DEFAULT, 0, MOVABLE, OUTCOME_DONE, BLOCK_STATUS_DONE, 0 },
        { VERDICT_MOVABLE, -EINVAL, MOVABLE, OUTCOME_ALREADY, BLOCK_STATUS_EXTERNAL, 0 },
        { VERDICT_MOVABLE, -EINVAL, KERNEL, OUTCOME_RACED, BLOCK_STATUS_FOREIGN, 0 },
        { VERDICT_KERNEL, 0, MOVABLE, OUTCOME_RACED, BLOCK_STATUS_FOREIGN, 0 },
        { VERDICT_MOVABLE, -EINVAL, OFF, OUTCOME_REFUSED, BLOCK_STATUS_RETRYING, -EINVAL },
        { VERDICT_MOVABLE, -EPERM, OFF, OUTCOME_REFUSED, BLOCK_STATUS_RETRYING, -EPERM },
        { VERDICT_MOVABLE, -EBUSY, OFF, OUTCOME_BUSY, BLOCK_STATUS_RETRYING, -EBUSY },
        { VERDICT_KERNEL, -ENOMEM, OFF, OUTCOME_BUSY, BLOCK_STATUS_RETRYING, -ENOMEM },
        { VERDICT_KERNEL, 0, OFF, OUTCOME_BUSY, BLOCK_STATUS_RETRYING, -EAGAIN },
        { VERDICT_KERNEL, 0, GOING, OUTCOME_BUSY, BLOCK_STATUS_RETRYING, -EAGAIN },
        { VERDICT_KERNEL, -ENOENT, OFF, OUTCOME_GONE, BLOCK_STATUS_PENDING, -EIO },
};

START_TEST(the_outcome_of_a_write_moves_its_block_on)
{
        const OutcomeCase *c = &outcome_cases[_i];
        Block block = block_make(OFF, BLOCK_STATUS_WRITING, c->verdict);
        ZoneList zones, offline_zones = block.zones;
        bool failed = c->status == BLOCK_STATUS_RETRYING;

        /* It failed before. */
        block.attempts = 2;
        block.error = -EIO;
        zones_set(&zones, c->zones);
        ck_assert_int_eq(track_outcome(&block, c->error, c->state, &zones, &retry, NOW),
                         c->outcome);
        ck_assert_int_eq(block.status, c->status);
        ck_assert_int_eq(block.state, c->state);
        ck_assert_int_eq(block.decision.verdict, c->verdict);
        ck_assert_int_eq(block.error, c->block_error);
        ck_assert_uint_eq(block.retry_at_usec, failed ? NOW + 4 * USEC_PER_SEC : USEC_INFINITY);
        if (c->outcome != OUTCOME_GONE)
                ck_assert_uint_eq(block.attempts, failed ? 3 : 0);

        /* The zones an offline block could go to are not what the re-read is about. */
        ck_assert_mem_eq(&block.zones, c->state == BLOCK_ONLINE ? &zones : &offline_zones,
                         sizeof(zones));
        ck_assert_int_eq(block.last_class,
                         c->state == BLOCK_ONLINE ? block_class(&block) : ZONE_CLASS_NONE);
}
END_TEST

typedef struct DelayCase {
        Retry retry;
        uint64_t delays_usec[6]; /* FAILED: none, it failed for good; 0: as far as is looked */
} DelayCase;

#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define FAILED USEC_INFINITY

static const DelayCase delay_cases[] = {
        /* first, factor, cap, attempts */
        { { SEC, 2000, 60 * SEC, 10 }, { SEC, 2 * SEC, 4 * SEC, 8 * SEC, 16 * SEC, 32 * SEC } },
        { { SEC, 2000, 5 * SEC, 10 }, { SEC, 2 * SEC, 4 * SEC, 5 * SEC, 5 * SEC, 5 * SEC } },
        { { SEC, 2000, 4 * SEC, 10 }, { SEC, 2 * SEC, 4 * SEC, 4 * SEC, 4 * SEC, 4 * SEC } },
        { { SEC, 1000, 60 * SEC, 10 }, { SEC, SEC, SEC, SEC, SEC, SEC } },
        { { SEC, 1500, 60 * SEC, 10 }, { SEC, 1500 * MS, 2250 * MS, 3375 * MS } },
        { { SEC, 10000, 86400 * SEC, 10 },
          { SEC, 10 * SEC, 100 * SEC, 1000 * SEC, 10000 * SEC, 86400 * SEC } },
        { { MS, 2000, 60 * SEC, 10 }, { MS, 2 * MS, 4 * MS, 8 * MS, 16 * MS, 32 * MS } },
        { { 5 * SEC, 2000, 5 * SEC, 10 }, { 5 * SEC, 5 * SEC, 5 * SEC } },

        /* a delay that is no multiple of a millisecond loses nothing */
        { { 1500, 2000, 60 * SEC, 10 }, { 1500, 3000, 6000, 12000, 24000, 48000 } },
        { { 1999, 1000, 60 * SEC, 10 }, { 1999, 1999, 1999, 1999, 1999, 1999 } },

        /* a number of writes in all */
        { { SEC, 2000, 60 * SEC, 1 }, { FAILED } },
        { { SEC, 2000, 60 * SEC, 2 }, { SEC, FAILED } },
        { { SEC, 2000, 60 * SEC, 4 }, { SEC, 2 * SEC, 4 * SEC, FAILED } },
};

START_TEST(retries_come_after_growing_delays_and_end)
{
        const DelayCase *c = &delay_cases[_i];
        Block block = block_make(OFF, BLOCK_STATUS_WRITING, VERDICT_KERNEL);
        const ZoneList zones = block.zones;

        for (size_t i = 0; i < ELEMENTSOF(c->delays_usec) && c->delays_usec[i] > 0; i++) {
                bool failed = c->delays_usec[i] == FAILED;

                block.status = BLOCK_STATUS_WRITING;
                block.added_usec = 5;
                track_outcome(&block, -EBUSY, BLOCK_OFFLINE, &zones, &c->retry, NOW);
                ck_assert_uint_eq(block.attempts, i + 1);
                ck_assert_int_eq(block.error, -EBUSY);
                ck_assert_int_eq(block.status,
                                 failed ? BLOCK_STATUS_FAILED : BLOCK_STATUS_RETRYING);
                ck_assert_uint_eq(block.retry_at_usec,
                                  failed ? USEC_INFINITY : NOW + c->delays_usec[i]);
                ck_assert_uint_eq(block.added_usec, failed ? 0 : 5);
        }
}
END_TEST

START_TEST(a_hundred_attempts_are_a_hundred)
{
        const Retry long_retry = { SEC, 10000, 86400 * SEC, 100 };
        Block block = block_make(OFF, BLOCK_STATUS_WRITING, VERDICT_KERNEL);
        const ZoneList zones = block.zones;

        for (unsigned i = 1; i < 100; i++) {
                track_outcome(&block, -EBUSY, BLOCK_OFFLINE, &zones, &long_retry, NOW);
                ck_assert_int_eq(block.status, BLOCK_STATUS_RETRYING);
        }
        track_outcome(&block, -EBUSY, BLOCK_OFFLINE, &zones, &long_retry, NOW);
        ck_assert_int_eq(block.status, BLOCK_STATUS_FAILED);
        ck_assert_uint_eq(block.attempts, 100);
}
END_TEST

START_TEST(a_write_whose_time_was_up_is_no_attempt)
{
        const Retry once = { SEC, 2000, 60 * SEC, 1 };
        Block block = block_make(OFF, BLOCK_STATUS_WRITING, VERDICT_KERNEL);
        const ZoneList zones = block.zones;

        for (unsigned i = 0; i < 3; i++) {
                track_outcome(&block, -ETIMEDOUT, BLOCK_OFFLINE, &zones, &once, NOW);
                ck_assert_int_eq(block.status, BLOCK_STATUS_RETRYING);
                ck_assert_uint_eq(block.attempts, 0);
                ck_assert_uint_eq(block.retry_at_usec, NOW + SEC);
        }
        track_outcome(&block, -EBUSY, BLOCK_OFFLINE, &zones, &once, NOW);
        ck_assert_int_eq(block.status, BLOCK_STATUS_FAILED);
}
END_TEST

/* track_reset */

static const struct {
        BlockStatus status;
        Verdict verdict;
        BlockState state;
        const char *zones;
        BlockStatus expected;
} reset_cases[] = {
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL, OFF, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_RETRYING, VERDICT_KERNEL, OFF, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_LEFT, VERDICT_LEAVE, OFF, BLOCK_STATUS_PENDING },

        /* left by coldplug, not by a rule */
        { BLOCK_STATUS_LEFT, VERDICT_NONE, OFF, BLOCK_STATUS_LEFT },

        { BLOCK_STATUS_OFFLINED, VERDICT_MOVABLE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_OFFLINED, VERDICT_NONE, OFF, BLOCK_STATUS_OFFLINED },
        { BLOCK_STATUS_PENDING, VERDICT_KERNEL, OFF, BLOCK_STATUS_PENDING },
        { BLOCK_STATUS_WAITING, VERDICT_NONE, OFF, BLOCK_STATUS_WAITING },
        { BLOCK_STATUS_WRITING, VERDICT_KERNEL, OFF, BLOCK_STATUS_WRITING },
        { BLOCK_STATUS_INITIAL, VERDICT_NONE, KERNEL, BLOCK_STATUS_INITIAL },
        { BLOCK_STATUS_DONE, VERDICT_KERNEL, KERNEL, BLOCK_STATUS_DONE },
        { BLOCK_STATUS_EXTERNAL, VERDICT_KERNEL, KERNEL, BLOCK_STATUS_EXTERNAL },
        { BLOCK_STATUS_FOREIGN, VERDICT_MOVABLE, KERNEL, BLOCK_STATUS_FOREIGN },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, GOING, BLOCK_STATUS_RETRYING },
};

START_TEST(a_reset_gives_another_chance_to_what_failed_or_was_left)
{
        Block block = block_make(reset_cases[_i].state, reset_cases[_i].zones,
                                 reset_cases[_i].status, reset_cases[_i].verdict);
        bool again = reset_cases[_i].status != reset_cases[_i].expected;

        block.attempts = 3;
        block.error = -EBUSY;
        block.decision.guards = GUARD_CONTIGUOUS;
        track_reset(&block);

        /* Guards that are to be worked out anew are forgotten; others tell what was decided. */
        ck_assert_uint_eq(block.decision.guards,
                          reset_cases[_i].expected == BLOCK_STATUS_PENDING ? 0 : GUARD_CONTIGUOUS);
        ck_assert_int_eq(block.status, reset_cases[_i].expected);
        ck_assert_uint_eq(block.attempts, again ? 0 : 3);
        ck_assert_int_eq(block.error, again ? 0 : -EBUSY);
        ck_assert_int_eq(block.decision.verdict, reset_cases[_i].verdict);
        ck_assert_int_eq(track_wants_plan(&block, 0),
                         reset_cases[_i].expected == BLOCK_STATUS_PENDING);
}
END_TEST

START_TEST(a_reset_block_whose_node_is_not_known_waits)
{
        Block block = block_make(OFF, BLOCK_STATUS_FAILED, VERDICT_KERNEL);

        block.node = NODE_NONE;
        track_reset(&block);
        ck_assert_int_eq(block.status, BLOCK_STATUS_WAITING);
}
END_TEST

START_TEST(what_was_taken_offline_is_decided_again_when_all_is)
{
        static const struct {
                BlockStatus status;
                Onliner offliner;
                BlockState state;
                const char *zones;
                BlockStatus expected;
        } cases[] = {
                { BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD, OFF, BLOCK_STATUS_PENDING },
                { BLOCK_STATUS_OFFLINED, ONLINER_OTHER, OFF, BLOCK_STATUS_PENDING },
                /* as any reset */
                { BLOCK_STATUS_FAILED, ONLINER_NONE, OFF, BLOCK_STATUS_PENDING },
                { BLOCK_STATUS_WRITING, ONLINER_NONE, OFF, BLOCK_STATUS_WRITING },
                { BLOCK_STATUS_OFFLINING, ONLINER_NONE, OFF, BLOCK_STATUS_OFFLINING },
                { BLOCK_STATUS_REQUESTED, ONLINER_NONE, KERNEL, BLOCK_STATUS_REQUESTED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Block block =
                        block_make(cases[i].state, cases[i].zones, cases[i].status, VERDICT_KERNEL);

                block.offliner = cases[i].offliner;
                track_reset_offlined(&block);
                ck_assert_int_eq(block.status, cases[i].expected);
                ck_assert_int_eq(block.offliner, ONLINER_NONE);
        }
}
END_TEST

START_TEST(blocks_of_jobs_are_left_as_they_are)
{
        static const BlockStatus statuses[] = { BLOCK_STATUS_PENDING, BLOCK_STATUS_RETRYING,
                                                BLOCK_STATUS_FAILED, BLOCK_STATUS_OFFLINED };

        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                for (uint32_t job = 0; job < 2; job++) {
                        Block block = block_make(OFF, statuses[i], VERDICT_KERNEL);

                        block.job = job;
                        block.retry_at_usec = NOW;
                        ck_assert_int_eq(track_wants_plan(&block, NOW),
                                         job == 0 && (statuses[i] == BLOCK_STATUS_PENDING ||
                                                      statuses[i] == BLOCK_STATUS_RETRYING));
                        track_reset_offlined(&block);
                        ck_assert_int_eq(block.status, job ? statuses[i] : BLOCK_STATUS_PENDING);
                }
}
END_TEST

START_TEST(blocks_of_jobs_are_not_judged_nor_reconsidered)
{
        for (uint32_t job = 0; job < 2; job++) {
                Block block = block_make(KERNEL, BLOCK_STATUS_PENDING, VERDICT_NONE);

                block.job = job;
                ck_assert_int_eq(track_wants_judgement(&block, NOW), job == 0);
                block.status = BLOCK_STATUS_FOREIGN;
                track_reconsider(&block);
                ck_assert_int_eq(block.status, job ? BLOCK_STATUS_FOREIGN : BLOCK_STATUS_PENDING);
        }
}
END_TEST

START_TEST(who_took_a_block_offline_is_known_until_it_is_online)
{
        Block block = block_make(MOVABLE, BLOCK_STATUS_DONE, VERDICT_MOVABLE);
        Block before = block;

        block.state = BLOCK_OFFLINE;
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.offliner, ONLINER_OTHER);
        before = block;
        block_set(&block, MOVABLE, block.status);
        track_read(&block, &before, &mode);
        ck_assert_int_eq(block.offliner, ONLINER_NONE);

        block.offliner = ONLINER_MEMORYD;
        track_take(&block, BLOCK_OFFLINE, &block.zones);
        ck_assert_int_eq(block.offliner, ONLINER_MEMORYD);
        track_take(&block, BLOCK_ONLINE, &block.zones);
        ck_assert_int_eq(block.offliner, ONLINER_NONE);
}
END_TEST

/* track_next_retry */

START_TEST(retries_of_jobs_blocks_are_nobodys)
{
        Machine machine;
        Block *failed;

        machine_from(&machine, GB, "0c=kr2");
        failed = machine_find_block(&machine, 2);
        machine_find_block(&machine, 1)->job = 7;
        failed->retry_at_usec = RETRY_AT_USEC + 7;
        ck_assert_uint_eq(track_next_retry(&machine), RETRY_AT_USEC + 7);
        track_join_retries(&machine, failed);
        ck_assert_uint_eq(machine_find_block(&machine, 1)->retry_at_usec, RETRY_AT_USEC);
        machine_done(&machine);
}
END_TEST

START_TEST(blocks_that_failed_as_often_are_tried_again_together)
{
        Machine machine;
        Block *failed;

        machine_from(&machine, GB, "0c=kr4o");
        machine_find_block(&machine, 1)->attempts = 2;
        machine_find_block(&machine, 2)->attempts = 1;
        machine_find_block(&machine, 3)->attempts = 2;
        failed = machine_find_block(&machine, 4);
        failed->attempts = 2;
        failed->retry_at_usec = RETRY_AT_USEC + 7;

        track_join_retries(&machine, failed);
        ck_assert_uint_eq(machine_find_block(&machine, 1)->retry_at_usec, RETRY_AT_USEC + 7);
        ck_assert_uint_eq(machine_find_block(&machine, 2)->retry_at_usec, RETRY_AT_USEC);
        ck_assert_uint_eq(machine_find_block(&machine, 3)->retry_at_usec, RETRY_AT_USEC + 7);
        ck_assert_uint_eq(machine_find_block(&machine, 5)->retry_at_usec, USEC_INFINITY);
        machine_done(&machine);
}
END_TEST

START_TEST(another_policy_judges_anew_what_others_onlined_and_only_that)
{
        for (BlockStatus status = 0; status < _BLOCK_STATUS_MAX; status++) {
                Block block;
                bool judged = status == BLOCK_STATUS_FOREIGN || status == BLOCK_STATUS_EXTERNAL;

                block_init(&block, 3);
                block.node = 0;
                block.state = BLOCK_ONLINE;
                block.status = status;
                block.decision.guards = GUARD_CONTIGUOUS;
                track_reconsider(&block);
                ck_assert_uint_eq(block.decision.guards, judged ? 0 : GUARD_CONTIGUOUS);
                ck_assert_int_eq(block.status, judged ? BLOCK_STATUS_PENDING : status);
                ck_assert(track_wants_judgement(&block, 0) ==
                          (judged || status == BLOCK_STATUS_PENDING));
        }
}
END_TEST

START_TEST(the_next_retry_is_the_earliest_of_those_that_are_due)
{
        Machine machine;

        machine_from(&machine, GB, "0c=k4o4");
        ck_assert_uint_eq(track_next_retry(&machine), USEC_INFINITY);
        machine_done(&machine);

        machine_from(&machine, GB, "0c=kr3o");
        ck_assert_uint_eq(track_next_retry(&machine), RETRY_AT_USEC);
        machine_find_block(&machine, 2)->retry_at_usec = RETRY_AT_USEC - 1;
        ck_assert_uint_eq(track_next_retry(&machine), RETRY_AT_USEC - 1);

        /* What is not retrying does not count. */
        machine_find_block(&machine, 4)->retry_at_usec = 1;
        ck_assert_uint_eq(track_next_retry(&machine), RETRY_AT_USEC - 1);

        /* Nor what is going offline, which no plan takes until that has ended. */
        machine_find_block(&machine, 2)->state = BLOCK_GOING_OFFLINE;
        ck_assert_uint_eq(track_next_retry(&machine), RETRY_AT_USEC);
        machine_done(&machine);
}
END_TEST

static void add_read_tests(Suite *suite)
{
        TCase *read = tcase_create("read");

        tcase_add_loop_test(read, a_new_block_is_taken_in_by_when_it_came_and_how_it_is, 0,
                            ELEMENTSOF(new_cases));
        tcase_add_loop_test(read, a_block_that_was_read_again_moves_on, 0, ELEMENTSOF(read_cases));
        tcase_add_test(read, a_block_still_without_a_node_keeps_waiting);
        tcase_add_test(read, a_block_that_was_given_up_stays_so_until_it_has_a_node);
        tcase_add_test(read, a_block_that_another_program_onlined_has_no_failures_left);
        tcase_add_loop_test(read, blocks_are_noted_when_their_node_had_no_memory_before, 0,
                            ELEMENTSOF(memoryless_cases));
        tcase_add_test(read, blocks_of_nodes_that_cannot_be_are_not_noted);
        tcase_add_test(read, the_note_of_a_decided_block_stays);
        suite_add_tcase(suite, read);
}

static void add_decide_tests(Suite *suite)
{
        TCase *decide = tcase_create("decide");

        tcase_add_test(decide, a_plan_wants_offline_blocks_that_are_pending_or_due);
        tcase_add_test(decide, a_decision_makes_a_block_pending_or_left);
        tcase_add_test(decide, a_decision_on_a_block_due_for_a_retry_keeps_its_count);
        tcase_add_test(decide, a_judged_block_is_external_or_foreign);
        tcase_add_test(decide, a_dax_device_is_left_until_nothing_has_changed_for_the_delay);
        tcase_add_test(decide, only_what_the_kernel_would_online_later_is_left_for_now);
        tcase_add_test(decide, a_block_knows_when_it_changed_and_whether_it_was_found_offline);
        suite_add_tcase(suite, decide);
}

static void add_write_tests(Suite *suite)
{
        TCase *writes = tcase_create("write");

        tcase_add_loop_test(writes, the_outcome_of_a_write_moves_its_block_on, 0,
                            ELEMENTSOF(outcome_cases));
        tcase_add_loop_test(writes, retries_come_after_growing_delays_and_end, 0,
                            ELEMENTSOF(delay_cases));
        tcase_add_test(writes, a_write_whose_time_was_up_is_no_attempt);
        tcase_add_test(writes, a_hundred_attempts_are_a_hundred);
        tcase_add_loop_test(writes, a_reset_gives_another_chance_to_what_failed_or_was_left, 0,
                            ELEMENTSOF(reset_cases));
        tcase_add_test(writes, a_reset_block_whose_node_is_not_known_waits);
        tcase_add_test(writes, the_next_retry_is_the_earliest_of_those_that_are_due);
        tcase_add_test(writes, blocks_that_failed_as_often_are_tried_again_together);
        tcase_add_test(writes, what_was_taken_offline_is_decided_again_when_all_is);
        tcase_add_test(writes, blocks_of_jobs_are_left_as_they_are);
        tcase_add_test(writes, blocks_of_jobs_are_not_judged_nor_reconsidered);
        tcase_add_test(writes, retries_of_jobs_blocks_are_nobodys);
        tcase_add_test(writes, another_policy_judges_anew_what_others_onlined_and_only_that);
        suite_add_tcase(suite, writes);
}

static void add_onliner_tests(Suite *suite)
{
        TCase *onliners = tcase_create("onliner");

        tcase_add_loop_test(onliners, a_new_block_was_onlined_by_the_kernel_if_that_onlines, 0,
                            ELEMENTSOF(new_onliner_cases));
        tcase_add_loop_test(onliners, who_onlined_a_block_follows_from_what_was_read, 0,
                            ELEMENTSOF(read_onliner_cases));
        tcase_add_loop_test(onliners, who_onlined_a_block_follows_from_the_outcome, 0,
                            ELEMENTSOF(outcome_onliner_cases));
        tcase_add_test(onliners, who_took_a_block_offline_is_known_until_it_is_online);
        tcase_add_test(onliners, a_block_that_was_the_kernels_is_onlined_by_it);
        tcase_add_test(onliners, what_was_onlined_gets_the_time_once);
        tcase_add_test(onliners, rules_are_found_by_name_in_another_policy);
        suite_add_tcase(suite, onliners);
}

int main(void)
{
        Suite *suite = suite_create("track");

        add_onliner_tests(suite);
        add_read_tests(suite);
        add_decide_tests(suite);
        add_write_tests(suite);
        return check_main_pure(suite);
}
