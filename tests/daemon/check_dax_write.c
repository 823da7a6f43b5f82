/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Which dax devices are onlined as a whole, and what becomes of their blocks. */

#include "check_main.h"
#include "daemon/await.h"
#include "daemon/dax-write.h"
#include "machine_fixture.h"

#define BLOCK_BYTES (UINT64_C(128) << 20)

static char name[] = "ours";
static Machine machine;
static Policy policy;
static Rule rule;
static DaxWrite dax;
static Plan plan;
static History history;
static Counters counters;
static ChangedIds changed;

/* Two dax devices, of blocks 8 to 11 and 12 to 13, to be movable by a rule. */
static void set_up(void)
{
        rule = (Rule){ .name = name, .zone = ZONE_ACTION_MOVABLE };
        policy_init(&policy);
        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK_BYTES, "0c=k8 1=o4 2=o2");
        machine_count(&machine);
        (void) machine_add_device(&machine, 8, 11, 0);
        (void) machine_add_device(&machine, 12, 13, 0);
        for (size_t i = 0; i < 2; i++) {
                machine.devices[i].origin = ORIGIN_KMEM;
                machine.devices[i].dax_state = DAX_STATE_OFFLINE;
                strcpy(machine.devices[i].name, i == 0 ? "dax0.0" : "dax1.0");
        }
        dax = (DaxWrite){};
        history = (History){};
        changed = (ChangedIds){};
}

static void tear_down(void)
{
        dax_write_done(&dax);
        plan_done(&plan);
        history_done(&history);
        counters_done(&counters);
        changed_ids_done(&changed);
        machine_done(&machine);
        policy.rules = NULL;
        policy.n_rules = 0;
        policy_done(&policy);
}

static Decider decider(void)
{
        return (Decider){ &machine, &policy, &history, &counters, &changed, 1, 2 };
}

static Block *find(uint32_t id)
{
        Block *block = machine_find_block(&machine, id);

        ck_assert_ptr_nonnull(block);
        return block;
}

static int choose(void)
{
        const Decider now = decider();

        plan_done(&plan);
        plan = (Plan){};
        /* As each pass begins. */
        (void) awaiting_find(&machine, (AwaitNeeds){});
        ck_assert_int_eq(decide(&now, &plan), 0);
        return dax_write_choose(&dax, &machine, &plan);
}

/* The block as the kernel adds it again: with nothing that was known of it. */
static void renew(uint32_t id, const char *zones)
{
        Block *block = find(id);
        int32_t node = block->node, device = block->device;

        block_init(block, id);
        block->node = node;
        block->device = device;
        block->status = BLOCK_STATUS_PENDING;
        block->onliner = ONLINER_OTHER;
        block->state = strcmp(zones, "Normal Movable") == 0 ? BLOCK_OFFLINE : BLOCK_ONLINE;
        ck_assert_int_eq(zone_list_parse(zones, &block->zones), 0);
}

static const Retry retry = { USEC_PER_SEC, 2000, 60 * USEC_PER_SEC, 3 };

static void answer(int error)
{
        ck_assert(!dax_write_answer(&dax, error, false, &retry, 0));
}

START_TEST(one_device_at_a_time_is_taken_with_all_of_its_blocks)
{
        ck_assert_int_eq(choose(), 1);
        ck_assert_str_eq(dax.device, "dax0.0");
        ck_assert_int_eq(dax.verdict, VERDICT_MOVABLE);
        ck_assert_uint_eq(dax.n_planned, 4);
        for (uint32_t id = 8; id < 14; id++) {
                ck_assert_int_eq(find(id)->status,
                                 id < 12 ? BLOCK_STATUS_WRITING : BLOCK_STATUS_PENDING);
                ck_assert(!track_wants_plan(find(id), 0));
        }
        /* The second one is held until the first is done. */
        ck_assert_int_eq(choose(), 0);
        ck_assert(find(12)->held && find(13)->held);

        for (uint32_t id = 8; id < 12; id++)
                renew(id, "Movable");
        answer(0);
        dax_write_finish(&dax,
                         &(Decider){ &machine, &policy, &history, &counters, &changed, 1, 2 });
        ck_assert(!dax_write_is_busy(&dax));
        ck_assert_int_eq(choose(), 1);
        ck_assert_str_eq(dax.device, "dax1.0");
}
END_TEST

static void other_state(void)
{
        machine.devices[0].dax_state = DAX_STATE_NONE;
}

static void being_added(void)
{
        machine.devices[0].dax_state = DAX_STATE_UNPLUGGED;
}

static void missing_blocks(void)
{
        machine.devices[0].missing_blocks = 1;
}

static void online_block(void)
{
        renew(9, "Movable");
}

static void block_of_a_job(void)
{
        find(9)->job = 1;
}

static void block_that_was_taken_offline(void)
{
        track_offlined_by(find(9), ONLINER_OTHER);
}

static void block_by_itself(void)
{
        find(9)->by_itself = true;
}

static void rule_that_leaves(void)
{
        rule.zone = ZONE_ACTION_LEAVE;
}

static void guard_that_splits(void)
{
        rule.zone = ZONE_ACTION_AUTO;
        policy.whole_device = WHOLE_DEVICE_NO;
        policy.min_kernel_bytes = BLOCK_BYTES;
}

static void (*const obstacles[])(void) = {
        other_state,     being_added,      missing_blocks,
        online_block,    block_of_a_job,   block_that_was_taken_offline,
        block_by_itself, rule_that_leaves, guard_that_splits,
};

START_TEST(a_device_is_not_taken_unless_all_of_it_gets_one_class)
{
        machine.devices[1].dax_state = DAX_STATE_NONE;
        obstacles[_i]();
        ck_assert_int_eq(choose(), 0);
        ck_assert(!dax_write_is_busy(&dax));
        for (uint32_t id = 8; id < 14; id++)
                ck_assert(!find(id)->in_dax_write && !find(id)->held);
}
END_TEST

START_TEST(new_blocks_are_not_decided_before_the_answer)
{
        ck_assert_int_eq(choose(), 1);
        renew(8, "Movable");
        renew(9, "Normal Movable");
        ck_assert(track_wants_judgement(find(8), 0));
        ck_assert(track_wants_plan(find(9), 0));
        dax_write_claim(&dax, &machine);
        ck_assert(!track_wants_judgement(find(8), 0));
        ck_assert(!track_wants_plan(find(9), 0));
}
END_TEST

START_TEST(each_block_is_judged_by_what_became_of_it)
{
        static const char *const zones[] = { "Movable", "Normal", "Normal Movable", "Movable" };
        const Decider now = decider();

        ck_assert_int_eq(choose(), 1);
        for (uint32_t id = 8; id < 12; id++)
                renew(id, zones[id - 8]);
        dax_write_claim(&dax, &machine);
        answer(0);
        dax_write_finish(&dax, &now);

        ck_assert_int_eq(find(8)->status, BLOCK_STATUS_DONE);
        ck_assert_int_eq(find(8)->onliner, ONLINER_MEMORYD);
        ck_assert_int_eq(find(8)->decision.rule, 0);
        ck_assert_int_eq(find(8)->decision.verdict, VERDICT_MOVABLE);
        ck_assert_int_eq(find(9)->status, BLOCK_STATUS_FOREIGN);
        ck_assert_int_eq(find(11)->status, BLOCK_STATUS_DONE);
        ck_assert_uint_eq(history.n_entries, 2); /* memory8 and memory11 have one */

        /* A block that the kernel left offline is written by itself, though its device is online as a whole. */
        machine.devices[0].dax_state = DAX_STATE_ONLINE_MOVABLE;
        ck_assert_int_eq(find(10)->status, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(choose(), 1);
        ck_assert_str_eq(dax.device, "dax1.0");
        ck_assert_int_eq(find(10)->decision.verdict, VERDICT_MOVABLE);
        ck_assert(track_wants_plan(find(10), 0));
}
END_TEST

START_TEST(what_another_process_onlined_instead_is_not_memoryds)
{
        const Decider now = decider();

        ck_assert_int_eq(choose(), 1);
        renew(8, "Movable");
        answer(-EBUSY);
        dax_write_finish(&dax, &now);
        ck_assert_int_eq(find(8)->status, BLOCK_STATUS_EXTERNAL);
        ck_assert_int_eq(find(8)->onliner, ONLINER_OTHER);
}
END_TEST

START_TEST(a_device_that_cannot_be_unplugged_is_written_block_by_block)
{
        const Decider now = decider();

        ck_assert_int_eq(choose(), 1);
        answer(-EBUSY);
        dax_write_finish(&dax, &now);
        for (uint32_t id = 8; id < 12; id++) {
                ck_assert_int_eq(find(id)->status, BLOCK_STATUS_PENDING);
                ck_assert(find(id)->by_itself && !find(id)->in_dax_write);
        }
        ck_assert_int_eq(choose(), 1);
        ck_assert_str_eq(dax.device, "dax1.0");
        for (uint32_t id = 8; id < 12; id++)
                ck_assert(track_wants_plan(find(id), 0) &&
                          find(id)->decision.verdict == VERDICT_MOVABLE);
}
END_TEST

START_TEST(a_device_that_lost_its_blocks_leaves_nothing_behind)
{
        bool keep[14] = {};
        const Decider now = decider();

        ck_assert_int_eq(choose(), 1);
        for (size_t i = 0; i < ELEMENTSOF(keep); i++)
                keep[i] = i < 8 || i > 11;
        machine_retain_blocks(&machine, keep);
        dax_write_claim(&dax, &machine);
        /* It is tried again, as blocks are. */
        ck_assert(dax_write_answer(&dax, -ENOMEM, true, &retry, 10));
        ck_assert(dax_write_is_busy(&dax) && !dax.is_sent && !dax.is_answered);
        ck_assert_uint_eq(dax.retry_at_usec, 10 + USEC_PER_SEC);
        ck_assert(dax_write_answer(&dax, -ENOMEM, true, &retry, 20));
        ck_assert_uint_eq(dax.retry_at_usec, 20 + 2 * USEC_PER_SEC);
        ck_assert(!dax_write_answer(&dax, -ENOMEM, true, &retry, 30));
        dax_write_finish(&dax, &now);
        ck_assert(!dax_write_is_busy(&dax));
        ck_assert_uint_eq(machine.n_blocks, 10);
        ck_assert_uint_eq(history.n_entries, 0);
}
END_TEST

START_TEST(blocks_that_a_job_took_offline_stay_so_when_they_are_new)
{
        const JobDeviceWrite write = { .device = "dax0.0", .verdict = VERDICT_NONE };
        const Decider now = decider();

        for (uint32_t id = 8; id < 12; id++) {
                find(id)->decision = (Decision){ .verdict = VERDICT_MOVABLE };
                track_offlined_by(find(id), ONLINER_MEMORYD);
        }
        ck_assert_int_eq(dax_write_take_job(&dax, &machine, 7, &write), 0);
        ck_assert_uint_eq(dax.n_planned, 4);
        for (uint32_t id = 8; id < 12; id++)
                renew(id, id == 9 ? "Movable" : "Normal Movable");
        dax_write_claim(&dax, &machine);
        ck_assert(!track_wants_plan(find(8), 0));
        answer(0);
        dax_write_finish(&dax, &now);
        ck_assert(!dax_write_is_busy(&dax));
        ck_assert_int_eq(find(8)->status, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(find(8)->offliner, ONLINER_MEMORYD);
        ck_assert_int_eq(find(8)->decision.verdict, VERDICT_MOVABLE);
        ck_assert(!track_wants_plan(find(8), 0));
        /* The kernel, or another process, has onlined it. */
        ck_assert(track_wants_judgement(find(9), 0));
}
END_TEST

START_TEST(movable_memory_waits_for_the_rest_of_the_plan)
{
        rule.zone = _i ? ZONE_ACTION_KERNEL : ZONE_ACTION_MOVABLE;
        ck_assert(!dax_write_is_due(&dax, true, 0));
        ck_assert_int_eq(choose(), 1);
        ck_assert(dax_write_is_due(&dax, false, 0) == (_i == 1));
        ck_assert(dax_write_is_due(&dax, true, 0));
        dax.is_sent = true;
        ck_assert(!dax_write_is_due(&dax, true, 0));
        ck_assert(dax_write_answer(&dax, -ENOMEM, true, &retry, 0));
        ck_assert(!dax_write_is_due(&dax, true, dax.retry_at_usec - 1));
        ck_assert(dax_write_is_due(&dax, true, dax.retry_at_usec));
        answer(0);
        ck_assert(!dax_write_is_due(&dax, true, UINT64_MAX));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("dax-write");
        TCase *tcase = tcase_create("dax-write");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, one_device_at_a_time_is_taken_with_all_of_its_blocks);
        tcase_add_loop_test(tcase, a_device_is_not_taken_unless_all_of_it_gets_one_class, 0,
                            ELEMENTSOF(obstacles));
        tcase_add_test(tcase, new_blocks_are_not_decided_before_the_answer);
        tcase_add_test(tcase, each_block_is_judged_by_what_became_of_it);
        tcase_add_test(tcase, what_another_process_onlined_instead_is_not_memoryds);
        tcase_add_test(tcase, a_device_that_cannot_be_unplugged_is_written_block_by_block);
        tcase_add_test(tcase, a_device_that_lost_its_blocks_leaves_nothing_behind);
        tcase_add_test(tcase, blocks_that_a_job_took_offline_stay_so_when_they_are_new);
        tcase_add_loop_test(tcase, movable_memory_waits_for_the_rest_of_the_plan, 0, 2);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
