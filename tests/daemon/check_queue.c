/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The queue of jobs. */

#include "check_main.h"
#include "daemon/queue.h"
#include "machine_fixture.h"

#define BLOCK_BYTES (UINT64_C(128) << 20)
#define NOW (1000 * USEC_PER_SEC)
#define TIMEOUT (30 * USEC_PER_SEC)

static Machine machine;
static Policy policy;
static JobQueue queue;

static void set_up(void)
{
        policy_init(&policy);
        policy.max_movable_ratio_permille = MAX_MOVABLE_RATIO_PERMILLE_MAX;
        machine_from(&machine, BLOCK_BYTES, "0c=k8m100");
        machine_count(&machine);
        queue = (JobQueue){};
}

static void tear_down(void)
{
        job_queue_done(&queue);
        machine_done(&machine);
        policy_done(&policy);
}

/* A user asks for a block to go offline. */
static int add_for(uint32_t uid, uint32_t block, uint32_t *ret_id)
{
        Selection refused = {};
        Request request;
        int r;

        request_init(&request, JOB_KIND_OFFLINE);
        request.ranges = calloc(1, sizeof(BlockRange));
        REQUIRE_MEMORY(request.ranges);
        request.ranges[0] = (BlockRange){ block, block };
        request.n_ranges = 1;
        r = job_queue_add(&queue, &machine, &policy, &request, uid, ret_id, &refused);
        ck_assert_int_eq(r == 1, refused.refusal != REFUSAL_NONE);
        ck_assert_int_eq(r == 0, request.n_ranges == 0);
        request_done(&request);
        selection_done(&refused);
        return r;
}

static int add(uint32_t block, uint32_t *ret_id)
{
        return add_for(1000, block, ret_id);
}

/* The same user asks for a dax device without blocks to go online. */
static int add_unplugged(uint32_t *ret_id)
{
        const Addition addition = { machine.block_size_bytes, 0, ORIGIN_KMEM };
        Selection refused = {};
        Request request;
        int r;

        request_init(&request, JOB_KIND_ONLINE);
        strcpy(request.device, "dax0.0");
        r = job_queue_add_unplugged(&queue, &machine, &policy, &addition, &request, 1000, ret_id,
                                    &refused);
        request_done(&request);
        selection_done(&refused);
        return r;
}

/* The block of the next write, or -1. */
static int next(Job **ret_ended)
{
        JobWrite write;

        if (job_queue_next(&queue, &machine, NOW, TIMEOUT, &write, ret_ended) == 0)
                return -1;
        ck_assert_ptr_null(*ret_ended);
        return (int) write.block;
}

static void succeed(void)
{
        const ZoneList none = {};

        job_outcome(queue.jobs[0], &machine, 0, BLOCK_OFFLINE, &none, NOW);
}

START_TEST(jobs_run_in_the_order_in_which_they_were_accepted)
{
        uint32_t first = 0, second = 0;
        Job *ended = NULL;

        ck_assert_int_eq(next(&ended), -1);
        ck_assert_int_eq(add(8, &first), 0);
        ck_assert_int_eq(add(9, &second), 0);
        ck_assert_uint_eq(first, 1);
        ck_assert_uint_eq(second, 2);
        ck_assert_uint_eq(machine.blocks[9].job, second);

        ck_assert_int_eq(next(&ended), 8);
        succeed();
        ck_assert_int_eq(next(&ended), -1);
        ck_assert_uint_eq(ended->id, first);
        ck_assert_int_eq(ended->state, JOB_STATE_DONE);
        ck_assert_uint_eq(machine.blocks[8].job, 0);
        job_free(ended);

        ck_assert_int_eq(next(&ended), 9);
        ck_assert_ptr_null(job_queue_find(&queue, first));
        ck_assert_ptr_eq(job_queue_find(&queue, second), queue.jobs[0]);
}
END_TEST

START_TEST(a_request_that_is_refused_makes_no_job)
{
        uint32_t id = 7;

        ck_assert_int_eq(add(500, &id), 1);
        ck_assert_uint_eq(queue.n_jobs, 0);
        ck_assert_int_eq(add(8, &id), 0);
        ck_assert_uint_eq(id, 1);
        /* It is part of a job. */
        ck_assert_int_eq(add(8, &id), 1);
}
END_TEST

START_TEST(there_are_at_most_64_jobs)
{
        uint32_t id;

        for (uint32_t i = 0; i < JOBS_MAX; i++)
                ck_assert_int_eq(add_for(0, 8 + i, &id), 0);
        ck_assert_int_eq(add_for(0, 8 + JOBS_MAX, &id), -E2BIG);
        ck_assert_uint_eq(queue.n_jobs, JOBS_MAX);
}
END_TEST

START_TEST(no_user_has_all_jobs)
{
        uint32_t id;

        for (uint32_t i = 0; i < JOBS_PER_USER_MAX; i++)
                ck_assert_int_eq(add(8 + i, &id), 0);
        ck_assert_int_eq(add(50, &id), -E2BIG);
        ck_assert_int_eq(add_unplugged(&id), -E2BIG);
        ck_assert_int_eq(add_for(1001, 50, &id), 0);
        for (uint32_t i = 51; i < 8 + JOBS_MAX; i++)
                ck_assert_int_eq(add_for(UID_MEMORYD, i, &id), i < 98 ? 0 : -E2BIG);
}
END_TEST

START_TEST(a_job_that_waits_is_cancelled_at_once)
{
        uint32_t first, second;
        Job *ended = NULL;

        ck_assert_int_eq(add(8, &first), 0);
        ck_assert_int_eq(add(9, &second), 0);
        ck_assert_int_eq(next(&ended), 8);
        ck_assert_int_eq(job_queue_cancel(&queue, &machine, second, &ended), 0);
        ck_assert_uint_eq(ended->id, second);
        ck_assert_int_eq(ended->state, JOB_STATE_CANCELLED);
        job_free(ended);
        ck_assert_int_eq(job_queue_cancel(&queue, &machine, second, &ended), -ESRCH);
}
END_TEST

START_TEST(a_write_under_way_is_interrupted_for_a_cancel)
{
        uint32_t id;
        Job *ended = NULL;

        ck_assert_int_eq(add(8, &id), 0);
        ck_assert_int_eq(next(&ended), 8);
        ck_assert_int_eq(job_queue_cancel(&queue, &machine, id, &ended), 1);
        ck_assert_ptr_null(ended);
        ck_assert_ptr_nonnull(job_queue_find(&queue, id));
        job_outcome(queue.jobs[0], &machine, -ECANCELED, BLOCK_ONLINE, &machine.blocks[8].zones,
                    NOW);
        ck_assert_int_eq(next(&ended), -1);
        ck_assert_int_eq(ended->state, JOB_STATE_CANCELLED);
        job_free(ended);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("queue");
        TCase *jobs = tcase_create("jobs");

        tcase_add_checked_fixture(jobs, set_up, tear_down);
        tcase_add_test(jobs, jobs_run_in_the_order_in_which_they_were_accepted);
        tcase_add_test(jobs, a_request_that_is_refused_makes_no_job);
        tcase_add_test(jobs, there_are_at_most_64_jobs);
        tcase_add_test(jobs, no_user_has_all_jobs);
        tcase_add_test(jobs, a_job_that_waits_is_cancelled_at_once);
        tcase_add_test(jobs, a_write_under_way_is_interrupted_for_a_cancel);
        suite_add_tcase(suite, jobs);
        return check_main(suite);
}
