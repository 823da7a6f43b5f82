/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* When changes are published. */

#include "check_main.h"
#include "daemon/changes.h"

#define NOW (1000 * USEC_PER_SEC)
#define PAUSE (100 * USEC_PER_MSEC)

static Publisher publisher;
static Totals totals;

static void set_up(void)
{
        publisher = (Publisher){ .published_usec = NOW };
        totals = (Totals){};
}

static void tear_down(void)
{
        changes_done(&publisher.changes);
}

static const struct {
        const char *name;
        bool block, job, new_job, config; /* what has changed */
        bool is_idle;
        bool has_jobs;
        bool at_once;
} cases[] = {
        { "nothing", .is_idle = true },
        { "a block, when all is quiet", .block = true, .is_idle = true, .at_once = true },
        { "a block, within a burst", .block = true },
        { "a block, while a job runs", .block = true, .is_idle = true, .has_jobs = true },
        { "progress of a job", .job = true, .is_idle = true, .has_jobs = true },
        { "a new job", .new_job = true, .has_jobs = true, .at_once = true },
        { "a configuration", .config = true, .is_idle = true, .at_once = true },
};

START_TEST(changes_are_published_at_once_or_ten_times_a_second)
{
        bool any = cases[_i].block || cases[_i].job || cases[_i].new_job || cases[_i].config;
        Changes changes;
        uint64_t due;
        int r;

        if (cases[_i].block)
                ck_assert_int_eq(changed_ids_add(&publisher.changes.blocks, 7), 0);
        if (cases[_i].new_job)
                ck_assert_int_eq(changed_ids_add(&publisher.changes.new_jobs, 1), 0);
        publisher.changes.job = cases[_i].job;
        publisher.changes.config = cases[_i].config;

        r = publisher_take(&publisher, &totals, cases[_i].is_idle, cases[_i].has_jobs, NOW + 1,
                           &changes, &due);
        ck_assert_msg(r == cases[_i].at_once, "%s: %d", cases[_i].name, r);
        if (r == 0) {
                ck_assert_uint_eq(due, any ? NOW + PAUSE : USEC_INFINITY);
                r = publisher_take(&publisher, &totals, cases[_i].is_idle, cases[_i].has_jobs,
                                   NOW + PAUSE, &changes, &due);
                ck_assert_int_eq(r, any);
        }
        if (r == 0)
                return;
        ck_assert_uint_eq(changes.blocks.n_ids, cases[_i].block);
        changes_done(&changes);
        ck_assert_int_eq(
                publisher_take(&publisher, &totals, true, false, NOW + 2 * PAUSE, &changes, &due),
                0);
}
END_TEST

START_TEST(the_capacity_is_published_when_all_is_quiet)
{
        Changes changes;
        uint64_t due;

        totals.online_bytes = 1;
        publisher.changes.nodes = true;
        ck_assert_int_eq(
                publisher_take(&publisher, &totals, false, false, NOW + PAUSE, &changes, &due), 1);
        ck_assert(!changes.capacity);
        publisher.changes.nodes = true;
        ck_assert_int_eq(
                publisher_take(&publisher, &totals, true, false, NOW + PAUSE, &changes, &due), 1);
        ck_assert(changes.capacity);
        publisher.changes.nodes = true;
        ck_assert_int_eq(
                publisher_take(&publisher, &totals, true, false, NOW + PAUSE, &changes, &due), 1);
        ck_assert(!changes.capacity);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("changes");
        TCase *publishing = tcase_create("publishing");

        tcase_add_checked_fixture(publishing, set_up, tear_down);
        tcase_add_loop_test(publishing, changes_are_published_at_once_or_ten_times_a_second, 0,
                            ELEMENTSOF(cases));
        tcase_add_test(publishing, the_capacity_is_published_when_all_is_quiet);
        suite_add_tcase(suite, publishing);
        return check_main(suite);
}
