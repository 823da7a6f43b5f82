/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "base/statefile.h"
#include "check_main.h"
#include "daemon/counters.h"
#include "sysfs_fixture.h"

#define FILE_NAME "counters"

/* Its root is the folder: what lies below /run on a machine. */
static SysfsFixture fixture;
static Counters counters;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        counters = (Counters){ .since_usec = 1700000000000000 };
}

static void teardown(void)
{
        counters_done(&counters);
        sysfs_fixture_done(&fixture);
}

/* Counts decisions of a rule with this name; NULL is the default. */
static void decide(const char *name, Verdict verdict, unsigned times)
{
        char text[64];
        Rule rule = { .name = text };
        const Policy policy = { .rules = &rule, .n_rules = 1 };
        Block block;

        block_init(&block, 7);
        block.decision = (Decision){ .verdict = verdict, .rule = name ? 0 : RULE_DEFAULT };
        snprintf(text, sizeof(text), "%s", name ?: "");
        for (unsigned i = 0; i < times; i++)
                counters_add_decision(&counters, &policy, &block);
}

static uint64_t decisions(const Counters *of, const char *name, Verdict verdict)
{
        const RuleCount *rule = counters_find_rule(of, name);

        return rule ? rule->n[verdict] : 0;
}

static void add_burst(uint64_t added_usec, uint64_t usec)
{
        const Burst burst = { .added_usec = added_usec, .online_usec = added_usec + usec };

        counters_add_burst(&counters, &burst);
}

static void end_job(JobKind kind, JobState state)
{
        const Job job = { .request.kind = kind, .state = state };

        counters_add_job(&counters, &job);
}

START_TEST(decisions_are_counted_by_class_and_rule)
{
        decide("dimm", VERDICT_MOVABLE, 3);
        decide(NULL, VERDICT_KERNEL, 2);
        decide("dimm", VERDICT_KERNEL, 1);
        ck_assert_uint_eq(counters.n_rules, 2);
        ck_assert_uint_eq(decisions(&counters, "dimm", VERDICT_MOVABLE), 3);
        ck_assert_uint_eq(decisions(&counters, "dimm", VERDICT_KERNEL), 1);
        ck_assert_uint_eq(decisions(&counters, "", VERDICT_KERNEL), 2);
        ck_assert_uint_eq(decisions(&counters, "", VERDICT_MOVABLE), 0);
}
END_TEST

START_TEST(a_decision_of_a_removed_rule_is_counted)
{
        Policy policy = {};
        Block block;

        block_init(&block, 7);
        block.decision = (Decision){ .verdict = VERDICT_MOVABLE, .rule = RULE_GONE };
        counters_add_decision(&counters, &policy, &block);
        ck_assert_uint_eq(decisions(&counters, "(removed)", VERDICT_MOVABLE), 1);
}
END_TEST

START_TEST(the_number_of_rules_with_counters_is_limited)
{
        char name[16];

        for (unsigned i = 0; i < 3 * COUNTED_RULES_MAX; i++) {
                snprintf(name, sizeof(name), "rule %u", i);
                decide(name, VERDICT_MOVABLE, 2);
        }
        ck_assert_uint_eq(counters.n_rules, COUNTED_RULES_MAX + 1);
        ck_assert_uint_eq(decisions(&counters, "rule 0", VERDICT_MOVABLE), 2);
        ck_assert_uint_eq(decisions(&counters, OTHER_RULES, VERDICT_MOVABLE),
                          4 * COUNTED_RULES_MAX);

        /* The rules that were first go on counting. */
        decide("rule 99", VERDICT_MOVABLE, 1);
        ck_assert_uint_eq(decisions(&counters, "rule 99", VERDICT_MOVABLE), 3);
        decide("rule 100", VERDICT_KERNEL, 1);
        ck_assert_uint_eq(decisions(&counters, OTHER_RULES, VERDICT_KERNEL), 1);
        counters_save(&counters, fixture.root);
        ck_assert_int_eq(counters_load(fixture.root, &counters), 1);
        ck_assert_uint_eq(counters.n_rules, COUNTED_RULES_MAX + 1);
}
END_TEST

static const struct {
        int error;
        uint64_t n;
} error_cases[] = {
        { -EBUSY, 1 },     { -EAGAIN, 1 }, { -524, 1 },       { -4095, 1 },
        { -ETIMEDOUT, 1 }, { 0, 0 },       { EBUSY, 0 },      { -4096, 0 },
        { INT32_MIN, 0 },  { -ENOENT, 0 }, { -ECANCELED, 0 }, /* a user's wish */
        { -ENODEV, 0 },                                       /* the block is gone */
};

START_TEST(errors_of_the_kernel_are_counted_by_errno)
{
        counters_add_error(&counters, false, error_cases[_i].error);
        counters_add_error(&counters, true, error_cases[_i].error);
        counters_add_error(&counters, true, error_cases[_i].error);
        ck_assert_uint_eq(counters.online_errors.n_counts, error_cases[_i].n);
        ck_assert_uint_eq(counters.offline_errors.n_counts, error_cases[_i].n);
        if (error_cases[_i].n > 0) {
                ck_assert_uint_eq(counters.online_errors.counts[0].error,
                                  (unsigned) -error_cases[_i].error);
                ck_assert_uint_eq(counters.online_errors.counts[0].n, 1);
                ck_assert_uint_eq(counters.offline_errors.counts[0].n, 2);
        }
}
END_TEST

/* The last bucket of a time is that of the bound itself. */
static const struct {
        uint64_t usec;
        size_t bucket;
} duration_cases[] = {
        { 0, 0 },          { 100000, 0 },
        { 100001, 1 },     { 250000, 1 },
        { 250001, 2 },     { 500000, 2 },
        { 500001, 3 },     { 1000000, 3 },
        { 1000001, 4 },    { 2500000, 4 },
        { 2500001, 5 },    { 5000000, 5 },
        { 5000001, 6 },    { 10000000, 6 },
        { 10000001, 7 },   { 30000000, 7 },
        { 30000001, 8 },   { 60000000, 8 },
        { 60000001, 9 },   { 300000000, 9 },
        { 300000001, 10 }, { UINT64_C(86400000000), 10 },
};

START_TEST(a_burst_is_counted_in_the_bucket_of_its_time)
{
        add_burst(5, duration_cases[_i].usec);
        ck_assert_uint_eq(counters.durations[duration_cases[_i].bucket], 1);
        ck_assert_uint_eq(counters_bursts(&counters), 1);
        ck_assert_uint_eq(counters.durations_usec, duration_cases[_i].usec);
}
END_TEST

START_TEST(the_last_bucket_has_no_bound)
{
        for (size_t i = 1; i < DURATION_BUCKETS; i++)
                ck_assert_uint_lt(duration_bound_usec(i - 1), duration_bound_usec(i));
        ck_assert_uint_eq(duration_bound_usec(DURATION_BUCKETS - 1), USEC_INFINITY);
}
END_TEST

START_TEST(a_burst_takes_the_time_from_the_first_add_to_the_last_online)
{
        Burst burst = {};
        Block blocks[3];

        for (uint32_t i = 0; i < 3; i++)
                block_init(&blocks[i], i);
        blocks[0].added_usec = 3000000;
        blocks[1].added_usec = 1000000;
        for (uint32_t i = 0; i < 3; i++)
                burst_add(&burst, &blocks[i], 4000000 + i * USEC_PER_SEC);
        counters_add_burst(&counters, &burst);
        ck_assert_uint_eq(counters.durations_usec, 5 * USEC_PER_SEC);

        /* They are not new any more. */
        burst = (Burst){};
        for (uint32_t i = 0; i < 3; i++)
                burst_add(&burst, &blocks[i], 9000000);
        counters_add_burst(&counters, &burst);
        ck_assert_uint_eq(counters_bursts(&counters), 1);
}
END_TEST

START_TEST(a_loss_of_events_has_all_blocks_read_again)
{
        counters_add_lost(&counters);
        counters_add_rescan(&counters);
        counters_add_rescan(&counters);
        ck_assert_uint_eq(counters.events_lost, 1);
        ck_assert_uint_eq(counters.rescans, 3);
}
END_TEST

#define KEPT                                                                                       \
        "memoryd counters 1\n"                                                                     \
        "since 1700000000000000\n"                                                                 \
        "events-lost 1\n"                                                                          \
        "rescans 2\n"                                                                              \
        "decisions kernel 2 \n"                                                                    \
        "decisions kernel 1 a \"rule\\\" of 10%\n"                                                 \
        "decisions movable 3 a \"rule\\\" of 10%\n"                                                \
        "online-error 16 1\n"                                                                      \
        "offline-error 11 1\n"                                                                     \
        "offline-error 16 1\n"                                                                     \
        "jobs offline partly 1\n"                                                                  \
        "jobs set-zone cancelled 1\n"                                                              \
        "duration 100000 1\n"                                                                      \
        "duration 250000 0\n"                                                                      \
        "duration 500000 0\n"                                                                      \
        "duration 1000000 0\n"                                                                     \
        "duration 2500000 1\n"                                                                     \
        "duration 5000000 0\n"                                                                     \
        "duration 10000000 0\n"                                                                    \
        "duration 30000000 0\n"                                                                    \
        "duration 60000000 0\n"                                                                    \
        "duration 300000000 0\n"                                                                   \
        "duration 18446744073709551615 1\n"                                                        \
        "durations 402000000\n"                                                                    \
        "end\n"

/* Counts what KEPT has. */
static void count_something(void)
{
        counters_add_lost(&counters);
        counters_add_rescan(&counters);
        decide(NULL, VERDICT_KERNEL, 2);
        decide("a \"rule\\\" of 10%", VERDICT_MOVABLE, 3);
        decide("a \"rule\\\" of 10%", VERDICT_KERNEL, 1);
        counters_add_error(&counters, false, -EBUSY);
        counters_add_error(&counters, true, -EAGAIN);
        counters_add_error(&counters, true, -EBUSY);
        end_job(JOB_KIND_OFFLINE, JOB_STATE_PARTLY);
        end_job(JOB_KIND_SET_ZONE, JOB_STATE_CANCELLED);
        add_burst(1, 0);
        add_burst(1, 2 * USEC_PER_SEC);
        add_burst(1, 400 * USEC_PER_SEC);
}

static void expect_file(const char *wanted)
{
        _cleanup_free_ char *text = NULL;

        ck_assert_int_eq(statefile_read(fixture.root, FILE_NAME, 1 << 20, &text), 0);
        ck_assert_str_eq(text, wanted);
}

START_TEST(the_next_memoryd_goes_on_counting)
{
        Counters next = {};

        count_something();
        ck_assert(counters.is_changed);
        counters_save(&counters, fixture.root);
        ck_assert(!counters.is_changed);
        expect_file(KEPT);

        ck_assert_int_eq(counters_load(fixture.root, &next), 1);
        ck_assert_uint_eq(next.since_usec, 1700000000000000);
        ck_assert_uint_eq(decisions(&next, "a \"rule\\\" of 10%", VERDICT_MOVABLE), 3);
        ck_assert_uint_eq(next.jobs_ended[JOB_KIND_OFFLINE][JOB_STATE_PARTLY], 1);
        ck_assert_uint_eq(counters_bursts(&next), 3);
        ck_assert(!next.is_changed);
        counters_add_rescan(&next);
        ck_assert_uint_eq(next.rescans, 3);
        counters_save(&next, fixture.root);
        counters_done(&counters);
        ck_assert_int_eq(counters_load(fixture.root, &counters), 1);
        ck_assert_uint_eq(counters.rescans, 3);
        counters_done(&next);
}
END_TEST

START_TEST(what_has_not_changed_is_not_saved)
{
        counters_save(&counters, fixture.root);
        ck_assert_int_eq(counters_load(fixture.root, &counters), 0);
        ck_assert_uint_eq(counters.since_usec, 1700000000000000);
}
END_TEST

START_TEST(what_could_not_be_saved_is_saved_later)
{
        counters_add_rescan(&counters);
        counters_save(&counters, "/nonexistent");
        ck_assert(counters.is_changed && counters.failed);
        counters_save(&counters, fixture.root);
        ck_assert(!counters.is_changed && !counters.failed);
        ck_assert_int_eq(counters_load(fixture.root, &counters), 1);
        ck_assert_uint_eq(counters.rescans, 1);
}
END_TEST

/* What is in KEPT, and what is in its place. */
static const struct {
        const char *old;
        const char *new;
} damages[] = {
        { "memoryd counters 1", "memoryd counters 2" },
        { "end\n", "" },
        { "end\n", "end" },
        { "end\n", "end\nend\n" },
        { "rescans 2\n", "" },
        { "rescans 2\n", "rescans 2\nrescans 2\n" },
        { "rescans 2", "rescans -2" },
        { "rescans 2", "rescans 18446744073709551616" },
        { "rescans 2", "rescans 02" },
        { "rescans 2", "rescans 2 " },
        { "decisions kernel 2 \n", "decisions kernel 2\n" },
        { "decisions kernel 2 \n", "decisions kernels 2 \n" },
        { "decisions kernel 2 \n", "decisions kernel 0 \n" },
        /* A rule that is there twice. */
        { "decisions kernel 2 \n",
          "decisions kernel 2 a \"rule\\\" of 10%\ndecisions kernel 2 \n" },
        { "online-error 16", "online-error 0" },
        { "online-error 16", "online-error 4096" },
        { "offline-error 11", "offline-error 16" },
        { "jobs offline partly", "jobs offline running" },
        { "jobs offline partly", "jobs onward partly" },
        { "duration 250000 0\n", "" },
        { "duration 250000", "duration 200000" },
        { "duration 18446744073709551615 1\n",
          "duration 18446744073709551615 1\nduration 18446744073709551615 1\n" },
        { "durations 402000000\n", "durations 402000000\nunheard 1\n" },
};

START_TEST(nothing_is_taken_from_a_damaged_file)
{
        static const char kept[] = KEPT;
        const char *at = strstr(kept, damages[_i].old);
        char text[4096];

        ck_assert_ptr_nonnull(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - kept), kept, damages[_i].new,
                 at + strlen(damages[_i].old));
        ck_assert_int_eq(statefile_replace(fixture.root, FILE_NAME, text, strlen(text)), 0);
        ck_assert_int_eq(counters_load(fixture.root, &counters), -EBADMSG);
        ck_assert_uint_eq(counters.since_usec, 1700000000000000);
        ck_assert_uint_eq(counters.n_rules, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("counters");
        TCase *tcase = tcase_create("counters");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, decisions_are_counted_by_class_and_rule);
        tcase_add_test(tcase, a_decision_of_a_removed_rule_is_counted);
        tcase_add_test(tcase, the_number_of_rules_with_counters_is_limited);
        tcase_add_loop_test(tcase, errors_of_the_kernel_are_counted_by_errno, 0,
                            ELEMENTSOF(error_cases));
        tcase_add_loop_test(tcase, a_burst_is_counted_in_the_bucket_of_its_time, 0,
                            ELEMENTSOF(duration_cases));
        tcase_add_test(tcase, the_last_bucket_has_no_bound);
        tcase_add_test(tcase, a_burst_takes_the_time_from_the_first_add_to_the_last_online);
        tcase_add_test(tcase, a_loss_of_events_has_all_blocks_read_again);
        tcase_add_test(tcase, the_next_memoryd_goes_on_counting);
        tcase_add_test(tcase, what_has_not_changed_is_not_saved);
        tcase_add_test(tcase, what_could_not_be_saved_is_saved_later);
        tcase_add_loop_test(tcase, nothing_is_taken_from_a_damaged_file, 0, ELEMENTSOF(damages));
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
