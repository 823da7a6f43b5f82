/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "job/job.h"
#include "machine_fixture.h"
#include "policy/reason.h"

#include <stdio.h>

#define BLOCK (UINT64_C(128) << 20)
#define NOW (1000 * USEC_PER_SEC)
#define OFFLINE_TIMEOUT (30 * USEC_PER_SEC)
#define REALTIME UINT64_C(1700000000000000)
#define TEXT_MAX 512

/* Blocks as they were before they were read again. */
static const Block before_kernel = { .state = BLOCK_ONLINE, .zones = { 1, { ZONE_NORMAL } } };
static const Block before_movable = { .state = BLOCK_ONLINE, .zones = { 1, { ZONE_MOVABLE } } };

static Policy policy;
static Machine machine;
static Request request;
static Job *job;
static uint64_t now_usec;

static void setup(void)
{
        policy_init(&policy);
        policy.max_movable_ratio_permille = MAX_MOVABLE_RATIO_PERMILLE_MAX;
        machine_init(&machine);
        now_usec = NOW;
        job = NULL;
}

static void teardown(void)
{
        job_free(job);
        machine_done(&machine);
        policy_done(&policy);
}

static void machine_make(const char *text)
{
        machine_from(&machine, BLOCK, text);
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].inode = 100 + machine.blocks[i].id;
}

static Block *block(uint32_t id)
{
        return machine_find_block(&machine, id);
}

static void request_blocks(JobKind kind, uint32_t first, uint32_t last)
{
        request_init(&request, kind);
        request.ranges = calloc(1, sizeof(BlockRange));
        ck_assert_ptr_nonnull(request.ranges);
        request.ranges[0] = (BlockRange){ first, last };
        request.n_ranges = 1;
}

/* The same for a zone, with what is done to be taken back unless all of it succeeds. */
static void request_undoable(JobKind kind, uint32_t first, uint32_t last, ZoneClass zone_class)
{
        request_blocks(kind, first, last);
        request.zone_class = zone_class;
        request.undo_on_failure = true;
}

/* A job of the request, which has its blocks. */
static void job_begin(void)
{
        Selection selection = {};

        machine_count(&machine);
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_msg(selection.refusal == REFUSAL_NONE, "%s", selection.text);
        ck_assert_int_eq(job_new(7, 1000, &request, &selection, &job), 0);
        ck_assert_ptr_null(selection.steps);
        ck_assert_ptr_null(request.ranges);
        job_claim(job, &machine);
}

static void job_of(JobKind kind, ZoneClass zone_class, uint32_t first, uint32_t last)
{
        request_blocks(kind, first, last);
        request.zone_class = zone_class;
        job_begin();
}

/* One job is within the guards, and so is the other: together they are not. */
START_TEST(a_request_counts_with_the_jobs_that_were_accepted_before)
{
        Selection selection = {};

        machine_make("0c=k4m9");
        policy.max_movable_ratio_permille = 3000;
        job_of(JOB_KIND_OFFLINE, ZONE_CLASS_NONE, 3, 3);

        request_blocks(JOB_KIND_OFFLINE, 2, 2);
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_int_eq(selection.refusal, REFUSAL_BELOW_GUARDS);
        selection_done(&selection);

        /* Nobody knows whether the first job succeeds: what it takes is not what makes room. */
        request.ranges[0] = (BlockRange){ 12, 12 };
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_int_eq(selection.refusal, REFUSAL_NONE);
        selection_done(&selection);
        request_done(&request);
}
END_TEST

#define NONE ZONE_CLASS_NONE
#define KERNEL ZONE_CLASS_KERNEL
#define MOVABLE ZONE_CLASS_MOVABLE

/* What a write is, "37-", "37M"; "" when there is none. */
static JobWrite write_made;

static const char *next(void)
{
        static const char letters[] = "-KMD";
        static char text[16];

        if (job_next(job, &machine, now_usec, OFFLINE_TIMEOUT, &write_made) == 0)
                return "";
        snprintf(text, sizeof(text), "%u%c", write_made.block, letters[write_made.verdict]);
        return text;
}

#define assert_next(expected) ck_assert_str_eq(next(), expected)

static void outcome(int error, BlockState state, const char *zones)
{
        ZoneList list;

        zones_set(&list, zones);
        job_outcome(job, &machine, error, state, &list, REALTIME);
}

/* What was written has become so. */
static void succeed(void)
{
        if (write_made.verdict == VERDICT_NONE)
                outcome(0, BLOCK_OFFLINE, "Normal Movable");
        else
                outcome(0, BLOCK_ONLINE,
                        write_made.verdict == VERDICT_MOVABLE ? "Movable" : "Normal");
}

/* It is what it was. */
static void refuse(int error)
{
        const Block *written = block(write_made.block);
        char zones[ZONE_LIST_STRING_MAX];

        zone_list_format(&written->zones, zones);
        outcome(error, written->state, zones);
}

static void assert_block(uint32_t id, BlockState state, BlockStatus status)
{
        ck_assert_msg(block(id)->state == state && block(id)->status == status,
                      "memory%u is %s and %s", id, block_state_to_string(block(id)->state),
                      block_status_to_string(block(id)->status));
}

static void assert_end(JobState state, size_t n_done, size_t n_failed, size_t n_undone)
{
        assert_next("");
        ck_assert_msg(job->state == state && job->n_done == n_done && job->n_failed == n_failed &&
                              job->n_undone == n_undone,
                      "%s: %zu done, %zu failed, %zu undone", job_state_to_string(job->state),
                      job->n_done, job->n_failed, job->n_undone);
        /* And stays so. */
        assert_next("");
        ck_assert(!job_cancel(job));
        ck_assert_int_eq(job->state, state);
}

/* Ways to their end */

START_TEST(a_state_is_an_end_or_not)
{
        static const struct {
                JobState state;
                const char *word;
                bool is_end;
        } cases[] = {
                { JOB_STATE_QUEUED, "queued", false },
                { JOB_STATE_RUNNING, "running", false },
                { JOB_STATE_CANCELLING, "cancelling", false },
                { JOB_STATE_UNDOING, "undoing", false },
                { JOB_STATE_DONE, "done", true },
                { JOB_STATE_PARTLY, "partly", true },
                { JOB_STATE_FAILED, "failed", true },
                { JOB_STATE_CANCELLED, "cancelled", true },
                { JOB_STATE_TIMED_OUT, "timed-out", true },
        };

        ck_assert_uint_eq(ELEMENTSOF(cases), _JOB_STATE_MAX);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_str_eq(job_state_to_string(cases[i].state), cases[i].word);
                ck_assert_int_eq(job_state_from_string(cases[i].word), cases[i].state);
                ck_assert_int_eq(job_state_is_end(cases[i].state), cases[i].is_end);
        }
        ck_assert_int_eq(job_state_from_string("ended"), _JOB_STATE_INVALID);
}
END_TEST

START_TEST(blocks_go_offline_one_after_the_other_and_stay_so)
{
        machine_make("0c=k8m4");
        block(9)->onliner = ONLINER_MEMORYD;
        block(9)->onlined_usec = 5;
        job_of(JOB_KIND_OFFLINE, NONE, 9, 10);
        ck_assert_int_eq(job->state, JOB_STATE_QUEUED);
        ck_assert_str_eq(job->target, "blocks 9-10");
        ck_assert_uint_eq(block(9)->job, 7);
        ck_assert_uint_eq(block(11)->job, 0);

        assert_next("10-");
        ck_assert_int_eq(job->state, JOB_STATE_RUNNING);
        ck_assert_uint_eq(job->current, 0);
        ck_assert_uint_eq(write_made.timeout_usec, OFFLINE_TIMEOUT);
        assert_block(10, BLOCK_ONLINE, BLOCK_STATUS_OFFLINING);
        succeed();
        assert_block(10, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        assert_next("9-");
        succeed();
        assert_end(JOB_STATE_DONE, 2, 0, 0);

        job_release(job, &machine);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(block(9)->offliner, ONLINER_MEMORYD);
        ck_assert_int_eq(block(9)->onliner, ONLINER_NONE);
        ck_assert_uint_eq(block(9)->onlined_usec, 0);
        ck_assert_int_eq(block(9)->last_class, MOVABLE);
        ck_assert_uint_eq(block(9)->job, 0);
        ck_assert(!track_wants_plan(block(9), USEC_INFINITY));
}
END_TEST

START_TEST(blocks_go_online_in_the_class_that_was_asked_for)
{
        machine_make("0c=k8o2");
        block(8)->status = BLOCK_STATUS_OFFLINED;
        block(8)->offliner = ONLINER_OTHER;
        job_of(JOB_KIND_ONLINE, MOVABLE, 8, 9);
        assert_next("9M");
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_WRITING);
        ck_assert_int_eq(block(9)->decision.verdict, VERDICT_MOVABLE);
        ck_assert_uint_eq(write_made.timeout_usec, 0);
        succeed();
        assert_next("8M");
        succeed();
        assert_end(JOB_STATE_DONE, 2, 0, 0);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(block(8)->onliner, ONLINER_MEMORYD);
        ck_assert_int_eq(block(8)->offliner, ONLINER_NONE);
        ck_assert_uint_eq(block(8)->onlined_usec, REALTIME);
        ck_assert_int_eq(block(8)->last_class, MOVABLE);
}
END_TEST

START_TEST(what_was_left_to_the_policy_has_its_reason)
{
        machine_make("0c=k8 1c=o2");
        request_blocks(JOB_KIND_ONLINE, 8, 9);
        policy.max_movable_ratio_permille = 3000;
        job_begin();
        assert_next("8K");
        succeed();
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_DONE);
        ck_assert_uint_eq(block(8)->decision.guards, GUARD_MIN_KERNEL | GUARD_NODE_RATIO);
        ck_assert_uint_eq(block(8)->decision.figures.limit, BLOCK);
        ck_assert_int_eq(block(8)->decision.action, ZONE_ACTION_AUTO);
        ck_assert_int_eq(block(8)->decision.rule, RULE_DEFAULT);
        assert_next("9M");
        succeed();
        assert_end(JOB_STATE_DONE, 2, 0, 0);
}
END_TEST

START_TEST(a_block_changes_its_class_by_way_of_offline)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 9);
        assert_next("8-");
        ck_assert_uint_eq(write_made.timeout_usec, OFFLINE_TIMEOUT);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_OFFLINING);
        succeed();
        ck_assert_int_eq(job->steps[0].state, STEP_CHANGING);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_WRITING);
        /* In between nobody takes it for something else. */
        ck_assert_int_eq(plan_class(block(8)), KERNEL);
        ck_assert(!track_wants_plan(block(8), USEC_INFINITY));
        track_read(block(8), &before_movable, &(TrackMode){});
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_WRITING);

        assert_next("8K");
        ck_assert_uint_eq(write_made.timeout_usec, 0);
        succeed();
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(block_class(block(8)), KERNEL);
        assert_next("9-");
        succeed();
        assert_next("9K");
        succeed();
        assert_end(JOB_STATE_DONE, 2, 0, 0);
}
END_TEST

/* Failures */

START_TEST(what_fails_is_what_it_was_and_is_tried_once_more_at_the_end)
{
        machine_make("0c=k8m4");
        block(10)->status = BLOCK_STATUS_EXTERNAL;
        block(10)->decision.verdict = VERDICT_MOVABLE;
        job_of(JOB_KIND_OFFLINE, NONE, 9, 10);
        assert_next("10-");
        refuse(-EBUSY);
        assert_block(10, BLOCK_ONLINE, BLOCK_STATUS_EXTERNAL);
        ck_assert_int_eq(block(10)->decision.verdict, VERDICT_MOVABLE);
        assert_next("9-");
        succeed();
        assert_next("10-");
        ck_assert_int_eq(job->steps[0].error, -EBUSY);
        refuse(-EBUSY);
        ck_assert_int_eq(job->steps[0].attempts, 2);
        assert_end(JOB_STATE_PARTLY, 1, 1, 0);
}
END_TEST

static const struct {
        int error;
        bool again;
        int kept;
} error_cases[] = {
        { -EBUSY, true, -EBUSY },    { -EAGAIN, true, -EAGAIN },   { -EINTR, true, -EINTR },
        { -ENOMEM, true, -ENOMEM },  { -EPERM, true, -EPERM },     { -ETIMEDOUT, true, -EBUSY },
        { 0, true, -EBUSY },         { -EINVAL, false, -EINVAL },  { -EIO, false, -EIO },
        { -EACCES, false, -EACCES }, { -ECANCELED, true, -EINTR },
};

START_TEST(what_cannot_change_is_not_tried_again)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_OFFLINE, NONE, 9, 9);
        assert_next("9-");
        refuse(error_cases[_i].error);
        if (error_cases[_i].again) {
                assert_next("9-");
                refuse(error_cases[_i].error);
        }
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        ck_assert_int_eq(job->steps[0].error, error_cases[_i].kept);
        ck_assert_int_eq(job->steps[0].timed_out, error_cases[_i].error == -ETIMEDOUT);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(an_online_that_fails_leaves_the_block_as_it_was)
{
        machine_make("0c=k8l");
        job_of(JOB_KIND_ONLINE, MOVABLE, 8, 8);
        assert_next("8M");
        refuse(-EINVAL);
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_LEFT);
        ck_assert_int_eq(block(8)->decision.verdict, VERDICT_LEAVE);
}
END_TEST

START_TEST(a_block_that_cannot_have_its_new_class_gets_its_old_one)
{
        machine_make("0c=k8m4");
        block(8)->status = BLOCK_STATUS_DONE;
        block(8)->decision.verdict = VERDICT_MOVABLE;
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 8);
        assert_next("8-");
        succeed();
        assert_next("8K");
        refuse(-EINVAL);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_WRITING);
        ck_assert_int_eq(plan_class(block(8)), MOVABLE);
        assert_next("8M");
        succeed();
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        ck_assert_int_eq(job->steps[0].error, -EINVAL);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_DONE);
        ck_assert_int_eq(block(8)->decision.verdict, VERDICT_MOVABLE);
}
END_TEST

START_TEST(a_block_that_cannot_have_any_class_is_the_policys)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 8);
        assert_next("8-");
        succeed();
        assert_next("8K");
        refuse(-ENOMEM);
        assert_next("8M");
        refuse(-EIO);
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        ck_assert_int_eq(job->steps[0].error, -ENOMEM);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(block(8)->decision.verdict, VERDICT_NONE);
        ck_assert(!track_wants_plan(block(8), 0));
        job_release(job, &machine);
        ck_assert(track_wants_plan(block(8), 0));
}
END_TEST

/* A decision that nothing but itself could be mistaken for. */
static const Decision kept = {
        .verdict = VERDICT_MOVABLE,
        .rule = RULE_GONE,
        .action = ZONE_ACTION_KEEP,
        .guards = GUARD_WHOLE_DEVICE,
        .figures = { .kernel_bytes = 1, .movable_bytes = 2, .limit = 3000 },
};

static void assert_kept(uint32_t id)
{
        const Decision *decision = &block(id)->decision;

        ck_assert_int_eq(decision->verdict, kept.verdict);
        ck_assert_int_eq(decision->rule, kept.rule);
        ck_assert_int_eq(decision->action, kept.action);
        ck_assert_uint_eq(decision->guards, kept.guards);
        ck_assert_uint_eq(decision->figures.limit, kept.figures.limit);
}

static void assert_reason(uint32_t id, const char *expected)
{
        char *reason = NULL;

        ck_assert_int_eq(reason_format(&machine, &policy, block(id), &reason), 0);
        ck_assert_str_eq(reason, expected);
        free(reason);
}

START_TEST(a_decision_is_whole_again_after_a_job_that_came_to_nothing)
{
        machine_make("0c=k8m2o2");
        block(10)->decision = block(11)->decision = kept;
        job_of(JOB_KIND_ONLINE, ZONE_CLASS_NONE, 10, 11);
        /* One waits, */
        assert_kept(10);
        assert_kept(11);
        assert_next("11M");
        refuse(-EINVAL);
        assert_kept(11);
        /* and the other is cancelled. */
        ck_assert(job_cancel(job));
        assert_end(JOB_STATE_CANCELLED, 0, 1, 0);
        job_release(job, &machine);
        assert_kept(10);
        assert_kept(11);
}
END_TEST

START_TEST(a_class_that_could_not_be_set_leaves_the_decision_as_it_was)
{
        machine_make("0c=k8m2");
        block(8)->decision = kept;
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 8);
        assert_next("8-");
        succeed();
        assert_reason(8, "memoryd is making it kernel memory on request");
        assert_next("8K");
        assert_reason(8, "memoryd is making it kernel memory on request");
        refuse(-ENOMEM);
        assert_reason(8, "memoryd is making it movable on request");
        assert_next("8M");
        succeed();
        assert_kept(8);
}
END_TEST

START_TEST(a_job_keeps_the_rules_of_its_decisions_across_a_reload)
{
        Rule first = { .name = strdup("a"), .zone = ZONE_ACTION_MOVABLE };
        Policy other;

        ck_assert_int_eq(policy_insert_rule(&policy, 0, &first), 0);
        machine_make("0c=k8o2");
        job_of(JOB_KIND_ONLINE, ZONE_CLASS_NONE, 8, 9);
        assert_next("9M");
        ck_assert_int_eq(block(9)->decision.rule, 0);
        refuse(-EBUSY);

        policy_init(&other);
        for (unsigned i = 0; i < 2; i++) {
                Rule rule = { .name = strdup(i == 0 ? "b" : "a"), .zone = ZONE_ACTION_MOVABLE };

                ck_assert_int_eq(policy_insert_rule(&other, i, &rule), 0);
        }
        job_remap_rules(job, &policy, &other);
        policy_done(&other);
        assert_next("8M");
        ck_assert_int_eq(block(8)->decision.rule, 1);
}
END_TEST

START_TEST(the_last_kernel_memory_stays_when_movable_memory_does)
{
        machine_make("0c=k8 1c=k1m2");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 10);
        assert_next("10-");
        succeed();
        assert_next("9-");
        refuse(-EBUSY);
        /* memory8 is not written now: it may be when memory9 has gone. */
        assert_next("9-");
        refuse(-EBUSY);
        assert_end(JOB_STATE_PARTLY, 1, 2, 0);
        ck_assert_int_eq(job->steps[2].error, -EPERM);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(the_last_kernel_memory_goes_after_movable_memory_that_went_late)
{
        machine_make("0c=k8 1c=k1m2");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 10);
        assert_next("10-");
        succeed();
        assert_next("9-");
        refuse(-EBUSY);
        assert_next("9-");
        succeed();
        assert_next("8-");
        succeed();
        assert_end(JOB_STATE_DONE, 3, 0, 0);
}
END_TEST

START_TEST(with_force_the_last_kernel_memory_goes)
{
        machine_make("0c=k8 1c=k1m2");
        request_blocks(JOB_KIND_OFFLINE, 8, 10);
        request.force = true;
        job_begin();
        assert_next("10-");
        succeed();
        assert_next("9-");
        refuse(-EINVAL);
        assert_next("8-");
        succeed();
        assert_end(JOB_STATE_PARTLY, 2, 1, 0);
}
END_TEST

START_TEST(movable_memory_does_not_come_where_kernel_memory_failed)
{
        machine_make("0c=k8 1c=o2");
        request_blocks(JOB_KIND_ONLINE, 8, 9);
        policy.max_movable_ratio_permille = 3000;
        job_begin();
        assert_next("8K");
        refuse(-EINVAL);
        assert_end(JOB_STATE_FAILED, 0, 2, 0);
        ck_assert_int_eq(job->steps[1].error, -EPERM);
}
END_TEST

/* Others */

START_TEST(what_is_so_by_another_program_counts)
{
        machine_make("0c=k8m4o2");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 11);
        assert_next("11-");
        succeed();
        /* by hand */
        block(10)->state = BLOCK_OFFLINE;
        track_read(block(10), &before_movable, &(TrackMode){});
        /* another DIMM in its place */
        block(9)->inode = 555;
        assert_next("8-");
        outcome(-ENOENT, BLOCK_ONLINE, "Movable");
        assert_end(JOB_STATE_DONE, 4, 0, 0);
        ck_assert(!job->steps[1].is_ours);
        assert_block(10, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(block(10)->offliner, ONLINER_OTHER);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(a_block_that_is_gone_cannot_go_online)
{
        machine_make("0c=k8o4");
        job_of(JOB_KIND_ONLINE, MOVABLE, 8, 11);
        block(11)->inode = 555;
        assert_next("10M");
        outcome(-ENOENT, BLOCK_OFFLINE, "Normal Movable");
        ck_assert_int_eq(job->steps[1].error, -ENOENT);
        /* as was asked for, and not */
        block_set(block(9), BLOCK_ONLINE, "Movable", BLOCK_STATUS_EXTERNAL);
        block_set(block(8), BLOCK_ONLINE, "Normal", BLOCK_STATUS_FOREIGN);
        assert_end(JOB_STATE_PARTLY, 1, 3, 0);
        ck_assert_int_eq(job->steps[0].error, -ENOENT);
        ck_assert_int_eq(job->steps[3].error, -ESTALE);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_FOREIGN);
}
END_TEST

START_TEST(another_program_faster_in_another_class_is_judged)
{
        machine_make("0c=k8o2");
        block(8)->decision.verdict = VERDICT_MOVABLE;
        job_of(JOB_KIND_ONLINE, KERNEL, 8, 9);
        assert_next("9K");
        outcome(-EINVAL, BLOCK_ONLINE, "Movable");
        ck_assert_int_eq(job->steps[0].error, -ESTALE);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(block(9)->onliner, ONLINER_OTHER);
        /* and one who was faster, but in the same */
        assert_next("8K");
        outcome(-EINVAL, BLOCK_ONLINE, "Normal");
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(block(8)->onliner, ONLINER_OTHER);
        assert_end(JOB_STATE_PARTLY, 1, 1, 0);
}
END_TEST

START_TEST(a_class_is_not_set_of_what_another_program_took_offline)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 9);
        assert_next("8-");
        succeed();
        block(9)->state = BLOCK_OFFLINE;
        track_read(block(9), &before_movable, &(TrackMode){});
        /* onlined by another program in between, as it was to be */
        block_set(block(8), BLOCK_ONLINE, "Normal", BLOCK_STATUS_WRITING);
        assert_end(JOB_STATE_PARTLY, 1, 1, 0);
        ck_assert_int_eq(job->steps[1].error, -ESTALE);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
}
END_TEST

/* The other kernel memory of its node went while it was offline itself. */
START_TEST(a_block_does_not_become_movable_where_kernel_memory_has_gone)
{
        machine_make("0c=k8 1c=k2");
        job_of(JOB_KIND_SET_ZONE, MOVABLE, 9, 9);
        assert_next("9-");
        succeed();
        block(8)->state = BLOCK_OFFLINE;
        track_read(block(8), &before_kernel, &(TrackMode){});
        assert_next("9K");
        succeed();
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        ck_assert_int_eq(job->steps[0].error, -EPERM);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

/* Whatever the policy has in mind with a block that is offline: it is to stay so. */
START_TEST(what_is_offline_by_itself_stays_so_as_asked)
{
        machine_make("0c=k8m2");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 9);
        block_set(block(9), BLOCK_OFFLINE, "Normal Movable", BLOCK_STATUS_FAILED);
        assert_next("8-");
        succeed();
        assert_end(JOB_STATE_DONE, 2, 0, 0);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(block(9)->offliner, ONLINER_OTHER);
}
END_TEST

START_TEST(a_block_that_goes_between_its_classes_is_a_failure)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 8);
        assert_next("8-");
        succeed();
        block(8)->inode = 555;
        assert_end(JOB_STATE_FAILED, 0, 1, 0);
        ck_assert_int_eq(job->steps[0].error, -ENOENT);
}
END_TEST

/* Time */

START_TEST(time_is_shared_among_what_is_left)
{
        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_OFFLINE, 8, 11);
        request.timeout_usec = 20 * USEC_PER_SEC;
        job_begin();
        now_usec += 5 * USEC_PER_SEC; /* it counts from the first call */
        assert_next("11-");
        ck_assert_uint_eq(job->deadline_usec, now_usec + 20 * USEC_PER_SEC);
        ck_assert_uint_eq(write_made.timeout_usec, 5 * USEC_PER_SEC);
        now_usec += 5 * USEC_PER_SEC;
        refuse(-ETIMEDOUT);
        assert_next("10-");
        ck_assert_uint_eq(write_made.timeout_usec, 5 * USEC_PER_SEC);
        now_usec += 1 * USEC_PER_SEC;
        succeed();
        assert_next("9-");
        ck_assert_uint_eq(write_made.timeout_usec, 7 * USEC_PER_SEC);
        now_usec += 13 * USEC_PER_SEC + USEC_PER_SEC / 2;
        succeed();
        /* a second at least, unless there is less */
        assert_next("8-");
        ck_assert_uint_eq(write_made.timeout_usec, USEC_PER_SEC / 2);
        succeed();
        /* what is left is for what was not done in its time */
        assert_next("11-");
        ck_assert_uint_eq(write_made.timeout_usec, USEC_PER_SEC / 2);
        now_usec += USEC_PER_SEC / 2;
        refuse(-ETIMEDOUT);
        assert_end(JOB_STATE_TIMED_OUT, 3, 1, 0);
        ck_assert(job->steps[0].timed_out);
        ck_assert_int_eq(job->steps[0].error, -EBUSY);
}
END_TEST

static const struct {
        uint64_t timeout_usec; /* of the job of four blocks */
        uint64_t offline_timeout_usec;
        uint64_t expected_usec;
} share_cases[] = {
        { 0, 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
        { 0, USEC_PER_SEC, USEC_PER_SEC },
        { 400 * USEC_PER_SEC, 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
        { 120 * USEC_PER_SEC, 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
        { 119 * USEC_PER_SEC, 30 * USEC_PER_SEC, 29750 * USEC_PER_MSEC },
        { 4 * USEC_PER_SEC, 30 * USEC_PER_SEC, USEC_PER_SEC },
        { 3 * USEC_PER_SEC, 30 * USEC_PER_SEC, USEC_PER_SEC },
        { USEC_PER_SEC, 30 * USEC_PER_SEC, USEC_PER_SEC },
        { 999 * USEC_PER_MSEC, 30 * USEC_PER_SEC, 999 * USEC_PER_MSEC },
        { USEC_PER_MSEC, 30 * USEC_PER_SEC, USEC_PER_MSEC },
        { 1, 30 * USEC_PER_SEC, USEC_PER_MSEC },
        { USEC_INFINITY, 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
        { USEC_INFINITY - NOW, 30 * USEC_PER_SEC, 30 * USEC_PER_SEC },
};

START_TEST(a_block_gets_its_share_of_the_time)
{
        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_OFFLINE, 8, 11);
        request.timeout_usec = share_cases[_i].timeout_usec;
        job_begin();
        ck_assert_int_eq(job_next(job, &machine, now_usec, share_cases[_i].offline_timeout_usec,
                                  &write_made),
                         1);
        ck_assert_uint_eq(write_made.timeout_usec, share_cases[_i].expected_usec);
}
END_TEST

START_TEST(time_is_shared_in_the_second_round_too)
{
        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_OFFLINE, 9, 11);
        request.timeout_usec = 21 * USEC_PER_SEC;
        job_begin();
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_str_ne(next(), "");
                now_usec += 3 * USEC_PER_SEC;
                refuse(-ETIMEDOUT);
        }
        assert_next("11-");
        ck_assert_uint_eq(write_made.timeout_usec, 4 * USEC_PER_SEC);
        now_usec += 2 * USEC_PER_SEC;
        succeed();
        assert_next("10-");
        ck_assert_uint_eq(write_made.timeout_usec, 5 * USEC_PER_SEC);
        now_usec += 2 * USEC_PER_SEC;
        succeed();
        assert_next("9-");
        ck_assert_uint_eq(write_made.timeout_usec, 8 * USEC_PER_SEC);
        succeed();
        assert_end(JOB_STATE_DONE, 3, 0, 0);
        ck_assert_int_eq(job->steps[0].error, 0);
        ck_assert(!job->steps[0].timed_out);
}
END_TEST

START_TEST(a_class_is_finished_when_the_time_is_up)
{
        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_SET_ZONE, 8, 9);
        request.zone_class = KERNEL;
        request.timeout_usec = 10 * USEC_PER_SEC;
        job_begin();
        assert_next("8-");
        succeed();
        now_usec += 10 * USEC_PER_SEC;
        assert_next("8K");
        ck_assert_uint_eq(write_made.timeout_usec, 0);
        succeed();
        assert_end(JOB_STATE_TIMED_OUT, 1, 0, 0);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(all_that_was_asked_for_is_done_even_if_late)
{
        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_OFFLINE, 8, 8);
        request.timeout_usec = USEC_PER_SEC;
        job_begin();
        assert_next("8-");
        now_usec += 2 * USEC_PER_SEC;
        succeed();
        assert_end(JOB_STATE_DONE, 1, 0, 0);
}
END_TEST

/* Cancelling */

START_TEST(a_job_that_has_not_started_is_cancelled_at_once)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 11);
        ck_assert(job_cancel(job));
        assert_end(JOB_STATE_CANCELLED, 0, 0, 0);
}
END_TEST

START_TEST(a_cancelled_job_waits_for_its_write)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 11);
        assert_next("11-");
        succeed();
        assert_next("10-");
        ck_assert(job_cancel(job));
        ck_assert_int_eq(job->state, JOB_STATE_CANCELLING);
        ck_assert(job_cancel(job));
        refuse(-ECANCELED);
        /* interrupted, which is no failure */
        assert_end(JOB_STATE_CANCELLED, 1, 0, 0);
        assert_block(10, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(a_cancelled_job_that_succeeded_all_the_same_is_done)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 8);
        assert_next("8-");
        ck_assert(job_cancel(job));
        succeed();
        assert_end(JOB_STATE_DONE, 1, 0, 0);
}
END_TEST

START_TEST(a_cancelled_job_leaves_no_block_between_its_classes)
{
        machine_make("0c=k8m4");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 9);
        assert_next("8-");
        ck_assert(job_cancel(job));
        succeed();
        assert_next("8K");
        succeed();
        assert_end(JOB_STATE_CANCELLED, 1, 0, 0);
}
END_TEST

/* Undoing */

START_TEST(a_job_that_fails_takes_back_what_it_did_in_reverse_order)
{
        machine_make("0c=k8 1c=k2m2");
        block(11)->status = BLOCK_STATUS_DONE;
        block(11)->decision.verdict = VERDICT_MOVABLE;
        block(11)->onliner = ONLINER_MEMORYD;
        block(11)->onlined_usec = 42;
        request_blocks(JOB_KIND_OFFLINE, 8, 11);
        request.undo_on_failure = true;
        job_begin();
        assert_next("11-");
        succeed();
        assert_next("10-");
        succeed();
        assert_next("9-");
        succeed();
        assert_next("8-");
        refuse(-EINVAL);
        assert_next("9K");
        ck_assert_int_eq(job->state, JOB_STATE_UNDOING);
        ck_assert(!job_cancel(job));
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_WRITING);
        succeed();
        assert_next("10M");
        succeed();
        assert_next("11M");
        succeed();
        assert_end(JOB_STATE_FAILED, 0, 1, 3);
        assert_block(11, BLOCK_ONLINE, BLOCK_STATUS_DONE);
        ck_assert_int_eq(block(11)->onliner, ONLINER_MEMORYD);
        ck_assert_uint_eq(block(11)->onlined_usec, 42);
        ck_assert_int_eq(block(11)->offliner, ONLINER_NONE);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

START_TEST(what_cannot_be_taken_back_stays_done)
{
        machine_make("0c=k8m3");
        request_blocks(JOB_KIND_OFFLINE, 8, 10);
        request.undo_on_failure = true;
        job_begin();
        assert_next("10-");
        succeed();
        assert_next("9-");
        succeed();
        assert_next("8-");
        refuse(-EINVAL);
        assert_next("9M");
        refuse(-ENOMEM);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(block(9)->offliner, ONLINER_MEMORYD);
        assert_next("10M");
        succeed();
        assert_end(JOB_STATE_FAILED, 1, 1, 1);
}
END_TEST

START_TEST(a_cancelled_online_is_taken_back)
{
        machine_make("0c=k8l2");
        request_undoable(JOB_KIND_ONLINE, 8, 9, MOVABLE);
        job_begin();
        assert_next("9M");
        ck_assert(job_cancel(job));
        succeed();
        assert_next("9-");
        ck_assert_uint_eq(write_made.timeout_usec, OFFLINE_TIMEOUT);
        succeed();
        assert_end(JOB_STATE_CANCELLED, 0, 0, 1);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_LEFT);
        ck_assert_int_eq(block(9)->decision.verdict, VERDICT_LEAVE);
        ck_assert_int_eq(block(9)->onliner, ONLINER_NONE);
}
END_TEST

START_TEST(what_is_not_taken_back_in_time_stays_done)
{
        machine_make("0c=k8l3");
        request_undoable(JOB_KIND_ONLINE, 8, 10, MOVABLE);
        job_begin();
        assert_next("10M");
        succeed();
        assert_next("9M");
        ck_assert(job_cancel(job));
        job->undo_until_usec = now_usec + USEC_PER_SEC;
        succeed();
        assert_next("9-");
        ck_assert_uint_eq(write_made.timeout_usec, USEC_PER_SEC);
        succeed();
        now_usec += USEC_PER_SEC;
        assert_end(JOB_STATE_CANCELLED, 1, 0, 1);
        assert_block(10, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_LEFT);
}
END_TEST

/* Half way to another class, a block is offline: it always arrives. */
START_TEST(a_class_that_is_being_taken_back_when_the_time_is_up_arrives)
{
        machine_make("0c=k8m2");
        request_undoable(JOB_KIND_SET_ZONE, 8, 9, KERNEL);
        job_begin();
        assert_next("8-");
        succeed();
        assert_next("8K");
        ck_assert(job_cancel(job));
        job->undo_until_usec = now_usec + USEC_PER_SEC;
        succeed();
        assert_next("8-");
        now_usec += USEC_PER_SEC;
        succeed();
        assert_next("8M");
        succeed();
        assert_end(JOB_STATE_CANCELLED, 0, 0, 1);
}
END_TEST

START_TEST(an_online_that_cannot_be_taken_back_is_as_requested)
{
        machine_make("0c=k8l2");
        request_undoable(JOB_KIND_ONLINE, 8, 9, MOVABLE);
        request.timeout_usec = USEC_PER_SEC;
        job_begin();
        assert_next("9M");
        succeed();
        now_usec += USEC_PER_SEC;
        assert_next("9-");
        refuse(-EBUSY);
        assert_end(JOB_STATE_TIMED_OUT, 1, 0, 0);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
}
END_TEST

START_TEST(a_class_is_taken_back_by_way_of_offline)
{
        machine_make("0c=k8m2");
        request_undoable(JOB_KIND_SET_ZONE, 8, 9, KERNEL);
        job_begin();
        assert_next("8-");
        succeed();
        assert_next("8K");
        succeed();
        assert_next("9-");
        refuse(-EINVAL);
        assert_next("8-");
        succeed();
        ck_assert_int_eq(plan_class(block(8)), MOVABLE);
        assert_next("8M");
        /* it does not: in the new class it can be for sure */
        refuse(-EINVAL);
        assert_next("8K");
        succeed();
        assert_end(JOB_STATE_FAILED, 1, 1, 0);
        assert_block(8, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(block_class(block(8)), KERNEL);
}
END_TEST

START_TEST(what_another_program_did_is_not_taken_back)
{
        machine_make("0c=k8m3");
        request_blocks(JOB_KIND_OFFLINE, 8, 10);
        request.undo_on_failure = true;
        job_begin();
        assert_next("10-");
        succeed();
        block(9)->state = BLOCK_OFFLINE;
        track_read(block(9), &before_movable, &(TrackMode){});
        assert_next("8-");
        refuse(-EINVAL);
        /* and brought back by hand is as good as by the job */
        block_set(block(10), BLOCK_ONLINE, "Movable", BLOCK_STATUS_EXTERNAL);
        assert_end(JOB_STATE_FAILED, 1, 1, 1);
        assert_block(9, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
}
END_TEST

START_TEST(movable_memory_is_not_brought_back_without_kernel_memory)
{
        machine_make("0c=k8 1c=k1m2");
        request_blocks(JOB_KIND_OFFLINE, 7, 10);
        request.undo_on_failure = true;
        job_begin();
        assert_next("10-");
        succeed();
        assert_next("9-");
        succeed();
        assert_next("8-");
        succeed();
        assert_next("7-");
        refuse(-EINVAL);
        assert_next("8K");
        refuse(-ENOMEM);
        assert_end(JOB_STATE_FAILED, 3, 1, 0);
        ck_assert_int_eq(job->steps[0].error, -EPERM);
}
END_TEST

START_TEST(a_class_is_not_taken_back_of_what_another_program_took_offline)
{
        machine_make("0c=k8m2");
        request_undoable(JOB_KIND_SET_ZONE, 8, 9, KERNEL);
        job_begin();
        assert_next("8-");
        succeed();
        assert_next("8K");
        succeed();
        assert_next("9-");
        block(8)->state = BLOCK_OFFLINE;
        track_read(block(8), &before_kernel, &(TrackMode){});
        refuse(-EINVAL);
        assert_end(JOB_STATE_FAILED, 1, 1, 0);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_OFFLINED);
        ck_assert_int_eq(block(8)->offliner, ONLINER_OTHER);
}
END_TEST

/* Blocks are free again */

START_TEST(a_job_that_is_dropped_leaves_its_block_to_the_policy)
{
        machine_make("0c=k8m2");
        job_of(JOB_KIND_SET_ZONE, KERNEL, 8, 9);
        assert_next("8-");
        succeed();
        job_release(job, &machine);
        assert_block(8, BLOCK_OFFLINE, BLOCK_STATUS_PENDING);
        ck_assert(track_wants_plan(block(8), 0));
        ck_assert_uint_eq(block(9)->job, 0);
}
END_TEST

START_TEST(a_job_that_is_dropped_leaves_what_it_was_writing_as_it_was)
{
        machine_make("0c=k8m2");
        job_of(JOB_KIND_OFFLINE, NONE, 8, 9);
        assert_next("9-");
        job_release(job, &machine);
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_INITIAL);
}
END_TEST

/* What it says */

typedef struct ReportCase {
        const char *machine;
        JobKind kind;
        ZoneClass zone_class;
        uint32_t first, last; /* 0, 0: the device of all blocks from 8 on */
        int errors[6];        /* of each write in turn */
        const char *report;
} ReportCase;

static const ReportCase report_cases[] = {
        { "0c=k8m4", JOB_KIND_OFFLINE, NONE, 8, 11, {}, "Took 4 blocks (512M) offline" },
        { "0c=k8m4", JOB_KIND_OFFLINE, NONE, 8, 8, {}, "Took 1 block (128M) offline" },
        { "0c=k8m4",
          JOB_KIND_OFFLINE,
          NONE,
          0,
          0,
          {},
          "Took 4 blocks (512M) of device PNP0C80:00 offline; it can be removed" },
        { "0c=k8m4",
          JOB_KIND_OFFLINE,
          NONE,
          0,
          0,
          { 0, -EINVAL },
          "Took 3 of 4 blocks (384M) of device PNP0C80:00 offline; 1 failed: memory10: EINVAL: the "
          "kernel refuses: it spans zones or has holes" },
        { "0c=k8m4",
          JOB_KIND_OFFLINE,
          NONE,
          8,
          11,
          { -EIO, -EIO, -EIO, -EIO },
          "Took 0 of 4 blocks (0B) offline; 4 failed: memory11: EIO: the kernel or a driver "
          "refuses, memory10: EIO: the kernel or a driver refuses, memory9: EIO: the kernel or a "
          "driver refuses, and 1 more" },
        { "0c=k8m1",
          JOB_KIND_OFFLINE,
          NONE,
          8,
          8,
          { -EBUSY, -EBUSY },
          "Took 0 of 1 block (0B) offline; 1 failed: memory8: EBUSY: it holds memory that is in "
          "use and cannot be moved" },
        { "0c=k8m1",
          JOB_KIND_OFFLINE,
          NONE,
          8,
          8,
          { -EBUSY, -ETIMEDOUT },
          "Took 0 of 1 block (0B) offline; 1 failed: memory8: EBUSY: what it holds was not moved "
          "in time" },
        { "0c=k8m1",
          JOB_KIND_OFFLINE,
          NONE,
          8,
          8,
          { -ERANGE },
          "Took 0 of 1 block (0B) offline; 1 failed: memory8: error 34: the kernel refuses" },
        { "0c=k8o4",
          JOB_KIND_ONLINE,
          MOVABLE,
          8,
          11,
          {},
          "Brought 4 blocks (512M) online as movable" },
        { "0c=k8o4",
          JOB_KIND_ONLINE,
          KERNEL,
          8,
          11,
          {},
          "Brought 4 blocks (512M) online as kernel memory" },
        { "0c=k8o4",
          JOB_KIND_ONLINE,
          NONE,
          0,
          0,
          {},
          "Brought 4 blocks (512M) of device PNP0C80:00 online" },
        { "0c=k8o1",
          JOB_KIND_ONLINE,
          MOVABLE,
          8,
          8,
          { -ENOMEM, -ENOMEM },
          "Brought 0 of 1 block (0B) online as movable; 1 failed: memory8: ENOMEM: there is not "
          "enough free memory to describe it" },
        { "0c=k8m4", JOB_KIND_SET_ZONE, KERNEL, 8, 11, {}, "Made 4 blocks (512M) kernel memory" },
        { "0c=k8m4", JOB_KIND_SET_ZONE, MOVABLE, 6, 7, {}, "Made 2 blocks (256M) movable" },
        { "0c=k8m1",
          JOB_KIND_SET_ZONE,
          KERNEL,
          8,
          8,
          { 0, -EINVAL },
          "Made 0 of 1 block (0B) kernel memory; 1 failed: memory8: EINVAL: the kernel refuses: it "
          "cannot go into that zone" },
};

/* A job that makes so many blocks movable again, of which the kernel has made kernel memory. */
static void begin_restore(uint32_t first, size_t n)
{
        Selection selection = { .steps = calloc(n, sizeof(Step)), .n_steps = n };

        ck_assert_ptr_nonnull(selection.steps);
        request_init(&request, JOB_KIND_RESTORE);
        strcpy(request.device, "PNP0C80:00");
        for (size_t i = 0; i < n; i++) {
                Block *changed = block(first + (uint32_t) i);

                changed->status = BLOCK_STATUS_FOREIGN;
                changed->onliner = ONLINER_KERNEL;
                changed->decision.verdict = VERDICT_MOVABLE;
                changed->rollback = (Rollback){
                        .is_set = true,
                        .refuser = 8,
                        .from = MOVABLE,
                        .status = BLOCK_STATUS_DONE,
                        .onliner = ONLINER_MEMORYD,
                        .to = KERNEL,
                };
                selection.steps[i] = (Step){
                        .block = changed->id,
                        .inode = changed->inode,
                        .from = KERNEL,
                        .to = VERDICT_MOVABLE,
                        .movable_node = true,
                };
        }
        ck_assert_int_eq(job_new(7, UINT32_MAX, &request, &selection, &job), 0);
        job_claim(job, &machine);
}

START_TEST(what_is_restored_is_as_before_in_all_respects)
{
        machine_make("0c=k12");
        begin_restore(9, 3);
        block(9)->rollback.status = BLOCK_STATUS_REQUESTED;
        /* The policy wanted the block to be kernel memory, and a user did not. */
        block(9)->decision.verdict = VERDICT_KERNEL;
        assert_next("9-");
        succeed();
        assert_next("9M");
        succeed();
        assert_block(9, BLOCK_ONLINE, BLOCK_STATUS_REQUESTED);
        ck_assert_int_eq(block(9)->decision.verdict, VERDICT_KERNEL);
        ck_assert_uint_eq(block(9)->onlined_usec, REALTIME);
        assert_next("10-");
        succeed();
        assert_next("10M");
        succeed();
        assert_block(10, BLOCK_ONLINE, BLOCK_STATUS_DONE);
        ck_assert_int_eq(block(10)->onliner, ONLINER_MEMORYD);
        ck_assert(block(10)->rollback.is_set);

        /* One does not go offline again, and stays what the kernel made of it. */
        assert_next("11-");
        refuse(-EBUSY);
        assert_next("11-");
        refuse(-EBUSY);
        assert_end(JOB_STATE_PARTLY, 2, 1, 0);
        assert_block(11, BLOCK_ONLINE, BLOCK_STATUS_FOREIGN);
        ck_assert_int_eq(block(11)->onliner, ONLINER_KERNEL);
        job_release(job, &machine);
}
END_TEST

START_TEST(a_block_that_others_change_is_not_restored)
{
        machine_make("0c=k12");
        begin_restore(9, 3);
        assert_next("9-");
        refuse(-EBUSY);
        /* The first waits for its second attempt, the second has not begun. */
        job_drop_block(job, block(9));
        job_drop_block(job, block(10));
        ck_assert_uint_eq(block(9)->job, 0);
        ck_assert_uint_eq(block(10)->job, 0);
        assert_next("11-");
        job_drop_block(job, block(11)); /* too late */
        succeed();
        assert_next("11M");
        succeed();
        job_drop_block(job, block(11));
        ck_assert_uint_eq(block(11)->job, 7);
        assert_end(JOB_STATE_PARTLY, 1, 2, 0);
        ck_assert_int_eq(job->steps[1].error, -ESTALE);
}
END_TEST

static void play(const int errors[static 6])
{
        size_t n = 0;

        while (*next()) {
                if (n < 6 && errors[n] < 0)
                        refuse(errors[n]);
                else
                        succeed();
                n++;
        }
}

static void assert_report(const char *expected)
{
        char *report = NULL;

        ck_assert_int_eq(job_format_report(job, &machine, true, &report), 0);
        ck_assert_str_eq(report, expected);
        free(report);
}

START_TEST(a_job_that_restores_says_so)
{
        machine_make("0c=k12");
        strcpy(machine_add_device(&machine, 8, 11, 0)->name, "PNP0C80:00");
        begin_restore(9, 3);
        ck_assert_str_eq(job->target, "device PNP0C80:00");
        play((int[6]){});
        assert_report("Restored the class of 3 blocks (384M) of device PNP0C80:00");
}
END_TEST

START_TEST(a_job_says_what_it_came_to)
{
        const ReportCase *c = &report_cases[_i];

        machine_make(c->machine);
        strcpy(machine_add_device(&machine, 8, 11, 0)->name, "PNP0C80:00");
        if (c->first > 0) {
                request_blocks(c->kind, c->first, c->last);
        } else {
                request_init(&request, c->kind);
                strcpy(request.device, "PNP0C80:00");
        }
        request.zone_class = c->zone_class;
        job_begin();
        play(c->errors);
        assert_report(c->report);
}
END_TEST

START_TEST(a_job_says_how_it_ended)
{
        static const int none[6] = {};

        machine_make("0c=k8 1c=m4");
        request_init(&request, JOB_KIND_OFFLINE);
        request.node = 1;
        request.undo_on_failure = true;
        job_begin();
        assert_next("11-");
        succeed();
        assert_next("10-");
        ck_assert(job_cancel(job));
        succeed();
        assert_next("10M");
        refuse(-EINVAL);
        play(none);
        assert_report("Took 1 of 4 blocks (128M) of node 1 offline; 1 is again what it was before; "
                      "cancelled");
        job_free(job);
        job = NULL;
        machine_done(&machine);

        machine_make("0c=k8m4");
        request_blocks(JOB_KIND_OFFLINE, 8, 11);
        request.timeout_usec = USEC_PER_SEC;
        job_begin();
        assert_next("11-");
        now_usec += USEC_PER_SEC;
        succeed();
        play(none);
        assert_report("Took 1 of 4 blocks (128M) offline; the time was up");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("job");
        TCase *tcase = tcase_create("job");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_request_counts_with_the_jobs_that_were_accepted_before);
        tcase_add_test(tcase, a_state_is_an_end_or_not);
        tcase_add_test(tcase, blocks_go_offline_one_after_the_other_and_stay_so);
        tcase_add_test(tcase, blocks_go_online_in_the_class_that_was_asked_for);
        tcase_add_test(tcase, what_was_left_to_the_policy_has_its_reason);
        tcase_add_test(tcase, a_block_changes_its_class_by_way_of_offline);
        tcase_add_test(tcase, what_fails_is_what_it_was_and_is_tried_once_more_at_the_end);
        tcase_add_loop_test(tcase, what_cannot_change_is_not_tried_again, 0,
                            ELEMENTSOF(error_cases));
        tcase_add_test(tcase, what_is_not_taken_back_in_time_stays_done);
        tcase_add_test(tcase, a_class_that_is_being_taken_back_when_the_time_is_up_arrives);
        tcase_add_test(tcase, an_online_that_fails_leaves_the_block_as_it_was);
        tcase_add_test(tcase, a_block_that_cannot_have_its_new_class_gets_its_old_one);
        tcase_add_test(tcase, a_block_that_cannot_have_any_class_is_the_policys);
        tcase_add_test(tcase, a_decision_is_whole_again_after_a_job_that_came_to_nothing);
        tcase_add_test(tcase, a_class_that_could_not_be_set_leaves_the_decision_as_it_was);
        tcase_add_test(tcase, a_job_keeps_the_rules_of_its_decisions_across_a_reload);
        tcase_add_test(tcase, the_last_kernel_memory_stays_when_movable_memory_does);
        tcase_add_test(tcase, the_last_kernel_memory_goes_after_movable_memory_that_went_late);
        tcase_add_test(tcase, with_force_the_last_kernel_memory_goes);
        tcase_add_test(tcase, movable_memory_does_not_come_where_kernel_memory_failed);
        tcase_add_test(tcase, what_is_so_by_another_program_counts);
        tcase_add_test(tcase, a_block_that_is_gone_cannot_go_online);
        tcase_add_test(tcase, another_program_faster_in_another_class_is_judged);
        tcase_add_test(tcase, a_class_is_not_set_of_what_another_program_took_offline);
        tcase_add_test(tcase, a_block_that_goes_between_its_classes_is_a_failure);
        tcase_add_test(tcase, time_is_shared_among_what_is_left);
        tcase_add_loop_test(tcase, a_block_gets_its_share_of_the_time, 0, ELEMENTSOF(share_cases));
        tcase_add_test(tcase, a_class_is_finished_when_the_time_is_up);
        tcase_add_test(tcase, all_that_was_asked_for_is_done_even_if_late);
        tcase_add_test(tcase, a_job_that_has_not_started_is_cancelled_at_once);
        tcase_add_test(tcase, a_cancelled_job_waits_for_its_write);
        tcase_add_test(tcase, a_cancelled_job_that_succeeded_all_the_same_is_done);
        tcase_add_test(tcase, a_cancelled_job_leaves_no_block_between_its_classes);
        tcase_add_test(tcase, a_job_that_fails_takes_back_what_it_did_in_reverse_order);
        tcase_add_test(tcase, what_cannot_be_taken_back_stays_done);
        tcase_add_test(tcase, a_cancelled_online_is_taken_back);
        tcase_add_test(tcase, an_online_that_cannot_be_taken_back_is_as_requested);
        tcase_add_test(tcase, a_class_is_taken_back_by_way_of_offline);
        tcase_add_test(tcase, what_another_program_did_is_not_taken_back);
        tcase_add_test(tcase, movable_memory_is_not_brought_back_without_kernel_memory);
        tcase_add_test(tcase, a_job_that_is_dropped_leaves_its_block_to_the_policy);
        tcase_add_test(tcase, a_job_that_is_dropped_leaves_what_it_was_writing_as_it_was);
        tcase_add_test(tcase, what_is_restored_is_as_before_in_all_respects);
        tcase_add_test(tcase, a_block_that_others_change_is_not_restored);
        tcase_add_test(tcase, a_job_that_restores_says_so);
        tcase_add_loop_test(tcase, a_job_says_what_it_came_to, 0, ELEMENTSOF(report_cases));
        tcase_add_test(tcase, a_job_says_how_it_ended);
        tcase_add_test(tcase, a_class_is_not_taken_back_of_what_another_program_took_offline);
        tcase_add_test(tcase, time_is_shared_in_the_second_round_too);
        tcase_add_test(tcase, a_block_does_not_become_movable_where_kernel_memory_has_gone);
        tcase_add_test(tcase, what_is_offline_by_itself_stays_so_as_asked);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
