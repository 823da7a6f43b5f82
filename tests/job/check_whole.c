/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Which dax devices a job writes as a whole, and what it makes of the result. */

#include "check_main.h"
#include "job/job.h"
#include "machine_fixture.h"

#define BLOCK (UINT64_C(128) << 20)

static Policy policy;
static Machine machine;
static Request request;
static Job *job;
static JobDeviceWrite write_made;

/* A dax device of blocks 8 to 11, which are all offline or all movable. */
static void make(char class, DaxState state)
{
        char text[] = "0c=k8 1=o4";

        text[8] = class;
        machine_from(&machine, BLOCK, text);
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].inode = 100 + machine.blocks[i].id;
        (void) machine_add_device(&machine, 8, 11, 0);
        machine.devices[0].origin = ORIGIN_KMEM;
        machine.devices[0].dax_state = state;
        strcpy(machine.devices[0].name, "dax0.0");
        machine_count(&machine);
}

static void set_up(void)
{
        policy_init(&policy);
        policy.max_movable_ratio_permille = MAX_MOVABLE_RATIO_PERMILLE_MAX;
        job = NULL;
}

static void tear_down(void)
{
        job_free(job);
        machine_done(&machine);
        policy_done(&policy);
}

/* Begins a job about the last of the device's blocks, from this one on. */
static void begin(JobKind kind, ZoneClass zone_class, uint32_t first)
{
        Selection selection = {};

        request_init(&request, kind);
        request.ranges = calloc(1, sizeof(BlockRange));
        ck_assert_ptr_nonnull(request.ranges);
        request.ranges[0] = (BlockRange){ first, 11 };
        request.n_ranges = 1;
        request.zone_class = zone_class;
        request.force = true;
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_msg(selection.refusal == REFUSAL_NONE, "%s", selection.text);
        ck_assert_int_eq(job_new(7, 1000, &request, &selection, &job), 0);
        job_claim(job, &machine);
}

static bool next_device(void)
{
        return job_next_device(job, &machine, &write_made);
}

static bool next_block(JobWrite *ret)
{
        return job_next(job, &machine, 1, USEC_PER_SEC, ret) > 0;
}

/* The block as the kernel adds it again: with nothing that was known of it. */
static void renew(uint32_t id, const char *zones)
{
        Block *block = machine_find_block(&machine, id);
        int32_t node = block->node, device = block->device;

        block_init(block, id);
        block->inode = 200 + id;
        block->node = node;
        block->device = device;
        block->status = BLOCK_STATUS_PENDING;
        block->state = strcmp(zones, "Normal Movable") == 0 ? BLOCK_OFFLINE : BLOCK_ONLINE;
        ck_assert_int_eq(zone_list_parse(zones, &block->zones), 0);
}

static void outcome(int error)
{
        job_device_outcome(job, &machine, &write_made, error, 5);
}

static void assert_end(JobState state, size_t n_done, size_t n_failed)
{
        JobWrite write;

        ck_assert(!next_device());
        ck_assert(!next_block(&write));
        ck_assert_str_eq(job_state_to_string(job->state), job_state_to_string(state));
        ck_assert_uint_eq(job->n_done, n_done);
        ck_assert_uint_eq(job->n_failed, n_failed);
}

START_TEST(all_of_a_device_is_one_write)
{
        make('o', _i ? DAX_STATE_ONLINE_KERNEL : DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        ck_assert(next_device());
        ck_assert_str_eq(write_made.device, "dax0.0");
        ck_assert_int_eq(write_made.verdict, VERDICT_MOVABLE);
        job_start(job, 1);
        for (uint32_t id = 8; id < 12; id++)
                renew(id, "Movable");
        outcome(0);
        assert_end(JOB_STATE_DONE, 4, 0);
        for (uint32_t id = 8; id < 12; id++) {
                const Block *block = machine_find_block(&machine, id);

                ck_assert_int_eq(block->status, BLOCK_STATUS_REQUESTED);
                ck_assert_int_eq(block->onliner, ONLINER_MEMORYD);
                ck_assert_uint_eq(block->onlined_usec, 5);
        }
}
END_TEST

START_TEST(what_the_device_did_not_online_is_written_by_itself)
{
        JobWrite write;

        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        ck_assert(next_device());
        job_start(job, 1);
        renew(8, "Movable");
        renew(9, "Normal Movable");
        renew(10, "Normal"); /* by another process */
        renew(11, "Movable");
        outcome(0);
        ck_assert(!next_device());
        ck_assert(next_block(&write));
        ck_assert_uint_eq(write.block, 9);
        job_outcome(job, &machine, 0, BLOCK_ONLINE, &(ZoneList){ 1, { ZONE_MOVABLE } }, 6);
        assert_end(JOB_STATE_PARTLY, 3, 1);
        ck_assert_int_eq(machine_find_block(&machine, 10)->onliner, ONLINER_OTHER);
}
END_TEST

START_TEST(a_device_that_took_no_word_is_written_block_by_block)
{
        JobWrite write;

        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        ck_assert(next_device());
        outcome(-EBUSY);
        for (uint32_t i = 0; i < 4; i++) {
                ck_assert(!next_device());
                ck_assert(next_block(&write));
                job_outcome(job, &machine, 0, BLOCK_ONLINE, &(ZoneList){ 1, { ZONE_MOVABLE } }, 6);
        }
        assert_end(JOB_STATE_DONE, 4, 0);
}
END_TEST

static void without_state(void)
{
        machine.devices[0].dax_state = DAX_STATE_NONE;
}

static void being_added(void)
{
        machine.devices[0].missing_blocks = 1;
}

static void another_block_in_its_place(void)
{
        machine_find_block(&machine, 9)->inode++;
}

static void one_block_online(void)
{
        renew(9, "Movable");
}

static void other_class(void)
{
        job->steps[2].step.to = VERDICT_KERNEL;
}

static void unsafe_step(void)
{
        for (size_t i = 0; i < job->n_steps; i++)
                job->steps[i].step.movable_node = false;
}

static void (*const obstacles[])(void) = {
        without_state,    being_added, another_block_in_its_place,
        one_block_online, other_class, unsafe_step,
};

START_TEST(what_is_not_all_of_a_device_in_one_class_is_not_one_write)
{
        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        obstacles[_i]();
        ck_assert(!next_device());
}
END_TEST

START_TEST(a_part_of_a_device_is_not_one_write)
{
        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 9);
        ck_assert(!next_device());
}
END_TEST

/* Takes so many blocks offline. */
static void take_offline(unsigned n)
{
        JobWrite write;

        while (n-- > 0) {
                ck_assert(!next_device());
                ck_assert(next_block(&write));
                job_outcome(job, &machine, 0, BLOCK_OFFLINE,
                            &(ZoneList){ 2, { ZONE_NORMAL, ZONE_MOVABLE } }, 6);
        }
}

START_TEST(a_device_of_which_the_last_went_offline_is_written)
{
        make('m', DAX_STATE_ONLINE_MOVABLE);
        begin(JOB_KIND_OFFLINE, ZONE_CLASS_NONE, 8);
        take_offline(4);
        ck_assert(next_device());
        ck_assert_int_eq(write_made.verdict, VERDICT_NONE);
        for (uint32_t id = 8; _i == 0 && id < 12; id++)
                renew(id, "Normal Movable");
        outcome(_i ? -EBUSY : 0);
        assert_end(JOB_STATE_DONE, 4, 0);
        if (_i == 0)
                ck_assert_int_eq(machine_find_block(&machine, 9)->last_class, ZONE_CLASS_MOVABLE);
}
END_TEST

START_TEST(a_device_whose_blocks_were_onlined_by_themselves_is_not_written)
{
        make('m', DAX_STATE_OFFLINE);
        begin(JOB_KIND_OFFLINE, ZONE_CLASS_NONE, 8);
        take_offline(4);
        assert_end(JOB_STATE_DONE, 4, 0);
}
END_TEST

START_TEST(an_unplugged_device_shows_its_blocks_after_the_write)
{
        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        strcpy(job->request.device, "dax0.0");
        job->is_unplugged = true;
        for (size_t i = 0; i < 4; i++)
                job->steps[i].step.block = 1000 + (uint32_t) i;
        ck_assert(next_device());
        ck_assert_int_eq(write_made.verdict, VERDICT_MOVABLE);
        /* It has a block less than its size lets expect. */
        machine_find_block(&machine, 8)->device = DEVICE_NONE;
        for (uint32_t id = 9; id < 12; id++)
                renew(id, "Movable");
        outcome(0);
        assert_end(JOB_STATE_DONE, 3, 0);
}
END_TEST

START_TEST(an_unplugged_device_that_stays_so_is_a_failure)
{
        make('o', DAX_STATE_OFFLINE);
        begin(JOB_KIND_ONLINE, ZONE_CLASS_MOVABLE, 8);
        strcpy(job->request.device, "dax1.0");
        job->is_unplugged = true;
        ck_assert(next_device());
        ck_assert_str_eq(write_made.device, "dax1.0");
        job_start(job, 1);
        if (_i)
                ck_assert(job_cancel(job));
        outcome(-ENOMEM);
        assert_end(_i ? JOB_STATE_CANCELLED : JOB_STATE_FAILED, 0, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("whole");
        TCase *tcase = tcase_create("whole");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, all_of_a_device_is_one_write, 0, 2);
        tcase_add_test(tcase, what_the_device_did_not_online_is_written_by_itself);
        tcase_add_test(tcase, a_device_that_took_no_word_is_written_block_by_block);
        tcase_add_loop_test(tcase, what_is_not_all_of_a_device_in_one_class_is_not_one_write, 0,
                            ELEMENTSOF(obstacles));
        tcase_add_test(tcase, a_part_of_a_device_is_not_one_write);
        tcase_add_loop_test(tcase, a_device_of_which_the_last_went_offline_is_written, 0, 2);
        tcase_add_test(tcase, a_device_whose_blocks_were_onlined_by_themselves_is_not_written);
        tcase_add_test(tcase, an_unplugged_device_shows_its_blocks_after_the_write);
        tcase_add_loop_test(tcase, an_unplugged_device_that_stays_so_is_a_failure, 0, 2);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
