/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "job/job.h"
#include "random_machine.h"

/*
 * Random requests on random machines, their jobs played against a kernel that fails at random, and what
 * holds whatever comes of it.
 */

#define CASES 20000
#define OFFLINE_TIMEOUT (30 * USEC_PER_SEC)
#define START (1000 * USEC_PER_SEC)

typedef struct Play {
        uint64_t seed;
        Random random;
        Case c;
        Request request;
        BlockRange ranges[4];
        Selection selection;
        Job *job;
        ZoneClass *before; /* of each block */
        uint64_t now_usec;
        uint32_t fail_percent;
        uint32_t vanish_percent;
        uint32_t cancel_percent;
        unsigned n_writes;
        bool is_alone; /* nobody else changes anything */
} Play;

/* Requests */

static void random_target(Play *play)
{
        Random *random = &play->random;
        const Machine *machine = &play->c.machine;
        Request *request = &play->request;
        uint32_t kind = random_below(random, 4);

        if (kind == 0)
                request->node = (int32_t) random_below(random, NODES);
        if (kind == 1 && machine->n_devices > 0)
                strcpy(request->device,
                       machine->devices[random_below(random, (uint32_t) machine->n_devices)].name);
        if (kind == 2 && machine->n_blocks > 0) {
                size_t first = random_below(random, (uint32_t) machine->n_blocks), last = first;

                while (last + 1 < machine->n_blocks && !random_is(random, 15) &&
                       machine->blocks[last + 1].id == machine->blocks[last].id + 1)
                        last++;
                play->ranges[0] =
                        (BlockRange){ machine->blocks[first].id, machine->blocks[last].id };
                request->n_ranges = 1;
                request->ranges = calloc(1, sizeof(BlockRange));
                ck_assert_ptr_nonnull(request->ranges);
                request->ranges[0] = play->ranges[0];
        }
        if (kind == 3 || (kind < 2 && random_is(random, 30)))
                request->size_bytes = (1 + random_below(random, 12)) * BLOCK;
}

static void random_request(Play *play)
{
        Random *random = &play->random;
        Request *request = &play->request;

        request_init(request, (JobKind) random_below(random, _JOB_KIND_MAX));
        random_target(play);
        if (request->kind != JOB_KIND_OFFLINE)
                request->zone_class = (ZoneClass) random_below(random, _ZONE_CLASS_MAX);
        if (request->zone_class == ZONE_CLASS_NONE && request->kind >= JOB_KIND_SET_ZONE) {
                request->has_movable_percent = random_is(random, 50);
                request->movable_percent = random_below(random, 101);
                request->has_movable_bytes = !request->has_movable_percent;
                request->movable_bytes = random_below(random, 10) * BLOCK / 2;
        }
        request->force = random_is(random, 20);
        request->undo_on_failure = random_is(random, 40);
        if (random_is(random, 30))
                request->timeout_usec = 1 + random_u64(random) % (60 * USEC_PER_SEC);
}

static void play_init(Play *play, uint64_t seed)
{
        *play = (Play){ .seed = seed, .now_usec = START };
        case_init(&play->c, seed, (Kind) (seed % _KIND_MAX), &play->random);
        for (size_t i = 0; i < play->c.machine.n_blocks; i++)
                play->c.machine.blocks[i].inode = 100 + play->c.machine.blocks[i].id;
        random_request(play);
        play->fail_percent = random_is(&play->random, 40) ? 0 : random_below(&play->random, 100);
        play->is_alone = random_is(&play->random, 70);
        play->vanish_percent = random_is(&play->random, 80) ? 0 : 3;
        play->cancel_percent = random_is(&play->random, 80) ? 0 : 10;
        machine_count(&play->c.machine);
        if (selection_make(&play->c.machine, &play->c.policy, &play->request, &play->selection) < 0)
                ck_abort_msg("out of memory");
        play->before = calloc(play->c.machine.n_blocks + 1, sizeof(ZoneClass));
        ck_assert_ptr_nonnull(play->before);
}

static void play_done(Play *play)
{
        job_free(play->job);
        selection_done(&play->selection);
        request_done(&play->request);
        free(play->before);
        case_done(&play->c);
}

/* The kernel */

static void make_online(Block *block, ZoneClass zone_class)
{
        block->state = BLOCK_ONLINE;
        zones_set(&block->zones, zone_class == ZONE_CLASS_MOVABLE ? "Movable" : "Normal");
}

/* What a write comes to: the block as it is then, and the error. */
static int kernel_write(Play *play, const JobWrite *write, BlockState *state, ZoneList *zones)
{
        static const int errors[] = { -EBUSY, -EAGAIN,    -ENOMEM, -EINVAL,
                                      -EINTR, -ETIMEDOUT, -EPERM,  0 };
        const Block *block = machine_find_block(&play->c.machine, write->block);
        Block after = *block;

        play->n_writes++;
        play->now_usec += random_below(&play->random, 2 * USEC_PER_SEC);
        *state = after.state;
        *zones = after.zones;
        if (random_is(&play->random, play->vanish_percent))
                return -ENOENT;
        if (random_is(&play->random, play->fail_percent))
                return errors[random_below(&play->random, ELEMENTSOF(errors))];
        if (write->verdict == VERDICT_NONE) {
                after.state = BLOCK_OFFLINE;
                zones_set(&after.zones, "Normal Movable");
        } else {
                make_online(&after, class_of_verdict(write->verdict, block));
        }
        *state = after.state;
        *zones = after.zones;
        return 0;
}

/* What the policy was writing when the request came. */
static void end_other_writes(Machine *machine)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->status != BLOCK_STATUS_WRITING)
                        continue;
                make_online(block, class_of_verdict(block->decision.verdict, block));
                block->status = BLOCK_STATUS_DONE;
        }
}

/* Another agent changes a block that is not being written just now, and memoryd reads it. */
static void other_agent(Play *play)
{
        Machine *machine = &play->c.machine;
        Block *block = &machine->blocks[random_below(&play->random, (uint32_t) machine->n_blocks)];
        Block before = *block;

        if (play->is_alone || !random_is(&play->random, 10))
                return;
        if (block->state == BLOCK_OFFLINE)
                make_online(block,
                            random_is(&play->random, 50) ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL);
        else
                block->state = BLOCK_OFFLINE;
        track_read(block, &before, &(TrackMode){});
}

/* What holds */

static size_t count_class(const Machine *machine, int32_t node, ZoneClass zone_class)
{
        size_t n = 0;

        for (size_t i = 0; i < machine->n_blocks; i++)
                n += machine->blocks[i].node == node &&
                     block_class(&machine->blocks[i]) == zone_class;
        return n;
}

static bool is_movable_only(const Machine *machine, int32_t node)
{
        return count_class(machine, node, ZONE_CLASS_KERNEL) == 0 &&
               count_class(machine, node, ZONE_CLASS_MOVABLE) > 0;
}

/* Whether that a node has movable memory only was accepted for any step on it. */
static bool is_accepted(const Play *play, int32_t node)
{
        for (size_t i = 0; i < play->job->n_steps; i++) {
                const Step *step = &play->job->steps[i].step;
                const Block *block = machine_find_block(&play->c.machine, step->block);

                if (block && block->node == node && step->movable_node)
                        return true;
        }
        return false;
}

static size_t count_state(const Job *job, StepState state)
{
        size_t n = 0;

        for (size_t i = 0; i < job->n_steps; i++)
                n += job->steps[i].state == state;
        return n;
}

static void check_sums(const Play *play)
{
        const Job *job = play->job;
        /* What is on its way back counts as done until it is. */
        size_t n_back = job->state == JOB_STATE_UNDOING ? count_state(job, STEP_CHANGING) : 0;

        REQUIRE(count_state(job, STEP_DONE) + n_back == job->n_done, play->seed, "done");
        REQUIRE(count_state(job, STEP_FAILED) == job->n_failed, play->seed, "failed");
        REQUIRE(count_state(job, STEP_UNDONE) == job->n_undone, play->seed, "undone");
}

static void check_end(const Play *play)
{
        const Job *job = play->job;
        size_t left = count_state(job, STEP_WAITING);

        check_sums(play);
        REQUIRE(job->n_done + job->n_failed + job->n_undone + left == job->n_steps, play->seed,
                "%zu done, %zu failed, %zu undone, %zu waiting of %zu", job->n_done, job->n_failed,
                job->n_undone, left, job->n_steps);
        REQUIRE((job->state == JOB_STATE_DONE) == (job->n_done == job->n_steps), play->seed, "end");
        REQUIRE(job->state != JOB_STATE_PARTLY || (job->n_done > 0 && left == 0), play->seed,
                "partly");
        REQUIRE(job->state != JOB_STATE_FAILED || left == 0, play->seed, "failed with %zu left",
                left);
        REQUIRE(job->n_undone == 0 || job->request.undo_on_failure, play->seed, "undone");
        for (size_t i = 0; i < job->n_steps; i++)
                REQUIRE(job->steps[i].state != STEP_FAILED || job->steps[i].error < 0, play->seed,
                        "a failure without an error");
}

/* No block is left as if a write were under way, and all are free. */
static void check_blocks(const Play *play)
{
        for (size_t i = 0; i < play->job->n_steps; i++) {
                const JobStep *step = &play->job->steps[i];
                const Block *block = machine_find_block(&play->c.machine, step->step.block);

                if (!block)
                        continue;
                REQUIRE(block->job == 0, play->seed, "memory%u is still of a job", block->id);
                REQUIRE(block->status != BLOCK_STATUS_WRITING &&
                                block->status != BLOCK_STATUS_OFFLINING,
                        play->seed, "memory%u is %s", block->id,
                        block_status_to_string(block->status));
                if (step->state == STEP_DONE && play->is_alone && play->vanish_percent == 0)
                        REQUIRE(step->step.to == VERDICT_NONE ?
                                        block->status == BLOCK_STATUS_OFFLINED :
                                        verdict_accepts(step->step.to, block_class(block)),
                                play->seed, "memory%u is not what it was done to be", block->id);
                if (step->state == STEP_UNDONE && play->is_alone)
                        REQUIRE(block_class(block) == step->step.from, play->seed,
                                "memory%u is not what it was", block->id);
        }
}

static void check_nodes(const Play *play, bool before[static NODES])
{
        for (int32_t node = 0; node < NODES; node++)
                REQUIRE(before[node] || !is_movable_only(&play->c.machine, node) ||
                                is_accepted(play, node),
                        play->seed, "node %d has movable memory only", node);
}

/* Of an outcome that was not asked for there is at most one: nothing else has changed. */
static void check_others(const Play *play)
{
        const Machine *machine = &play->c.machine;
        size_t n_changed = 0;

        for (size_t i = 0; i < machine->n_blocks && play->is_alone; i++)
                n_changed += block_class(&machine->blocks[i]) != play->before[i];
        REQUIRE(n_changed <= play->job->n_steps, play->seed, "%zu changed", n_changed);
        if (play->request.size_bytes > 0)
                REQUIRE(play->job->n_steps == play->request.size_bytes / BLOCK, play->seed,
                        "%zu of %llu blocks", play->job->n_steps,
                        (unsigned long long) (play->request.size_bytes / BLOCK));
}

/* Nothing failed and nobody interfered: all is as the selection had it. */
static void check_all_done(const Play *play)
{
        if (!play->is_alone || play->fail_percent > 0 || play->vanish_percent > 0 ||
            play->cancel_percent > 0 || play->job->deadline_usec != USEC_INFINITY)
                return;
        for (size_t i = 0; i < play->job->n_steps; i++)
                REQUIRE(play->job->steps[i].state == STEP_DONE, play->seed,
                        "%s of %s: step %zu, memory%u, has error %d",
                        job_kind_to_string(play->job->request.kind), play->job->target, i,
                        play->job->steps[i].step.block, play->job->steps[i].error);
        REQUIRE(play->job->state == JOB_STATE_DONE, play->seed, "is %s",
                job_state_to_string(play->job->state));
}

static void play_write(Play *play, const JobWrite *write)
{
        Block *block = machine_find_block(&play->c.machine, write->block);
        BlockState state;
        ZoneList zones;
        int error;

        REQUIRE(block, play->seed, "memory%u is written and not there", write->block);
        REQUIRE(block->status == (write->verdict == VERDICT_NONE ? BLOCK_STATUS_OFFLINING :
                                                                   BLOCK_STATUS_WRITING),
                play->seed, "memory%u is not marked", block->id);
        REQUIRE((block->state == BLOCK_OFFLINE) == (write->verdict != VERDICT_NONE), play->seed,
                "memory%u is so already", block->id);
        REQUIRE((write->timeout_usec > 0) == (write->verdict == VERDICT_NONE) &&
                        write->timeout_usec <= OFFLINE_TIMEOUT,
                play->seed, "timeout %llu", (unsigned long long) write->timeout_usec);
        if (random_is(&play->random, play->cancel_percent))
                (void) job_cancel(play->job);
        error = kernel_write(play, write, &state, &zones);
        job_outcome(play->job, &play->c.machine, error, state, &zones, 7);
}

static void play_job(Play *play)
{
        Machine *machine = &play->c.machine;
        bool before[NODES];
        JobWrite write;

        end_other_writes(machine);
        for (int32_t node = 0; node < NODES; node++)
                before[node] = is_movable_only(machine, node);
        for (size_t i = 0; i < machine->n_blocks; i++)
                play->before[i] = block_class(&machine->blocks[i]);
        if (job_new(1, 0, &play->request, &play->selection, &play->job) < 0)
                ck_abort_msg("out of memory");
        play->request = play->job->request;
        play->request.ranges = NULL;
        job_claim(play->job, machine);
        while (job_next(play->job, machine, play->now_usec, OFFLINE_TIMEOUT, &write)) {
                play_write(play, &write);
                check_sums(play);
                if (play->is_alone && play->vanish_percent == 0)
                        check_nodes(play, before);
                /* Two rounds, two writes a block each and one to go back, and to undo it. */
                REQUIRE(play->n_writes <= 8 * play->job->n_steps, play->seed, "it never ends");
                other_agent(play);
        }
        REQUIRE(job_state_is_end(play->job->state), play->seed, "it has not ended");
        REQUIRE(!job_cancel(play->job), play->seed, "cancelled after its end");
        job_release(play->job, machine);
        check_end(play);
        check_blocks(play);
        check_others(play);
        check_all_done(play);
}

START_TEST(a_job_keeps_its_word_whatever_the_kernel_does)
{
        size_t n_played = 0, n_refused = 0, ends[_JOB_STATE_MAX] = {};
        uint64_t first = first_seed();

        for (uint64_t seed = first; seed < first + CASES; seed++) {
                Play play;

                play_init(&play, seed);
                REQUIRE((play.selection.refusal == REFUSAL_NONE) == (play.selection.n_steps > 0),
                        seed, "no refusal and no steps");
                REQUIRE((play.selection.refusal == REFUSAL_NONE) == !play.selection.text, seed,
                        "a refusal without a text");
                if (play.selection.refusal == REFUSAL_NONE) {
                        play_job(&play);
                        ends[play.job->state]++;
                        n_played++;
                } else {
                        n_refused++;
                }
                play_done(&play);
        }
        /* The cases are worth something only if there are some of each. */
        ck_assert_uint_gt(n_played, CASES / 10);
        ck_assert_uint_gt(n_refused, CASES / 10);
        for (JobState state = JOB_STATE_DONE; state < _JOB_STATE_MAX; state++)
                ck_assert_uint_gt(ends[state], 10);
}
END_TEST

/* A selection leaves the machine as it was, and force takes what is taken without it. */
START_TEST(a_selection_changes_nothing_and_force_takes_no_others)
{
        uint64_t first = first_seed();
        size_t n = 0;

        for (uint64_t seed = first; seed < first + CASES; seed++) {
                Selection forced = {};
                Machine copy;
                Play play;

                play_init(&play, seed);
                copy_machine(&play.c.machine, &copy);
                machine_count(&copy);
                play.request.force = false;
                selection_done(&play.selection);
                if (selection_make(&copy, &play.c.policy, &play.request, &play.selection) < 0)
                        ck_abort_msg("out of memory");
                play.request.force = true;
                if (selection_make(&copy, &play.c.policy, &play.request, &forced) < 0)
                        ck_abort_msg("out of memory");
                for (size_t i = 0; i < copy.n_blocks; i++)
                        REQUIRE(memcmp(&copy.blocks[i], &play.c.machine.blocks[i], sizeof(Block)) ==
                                        0,
                                seed, "memory%u has changed", copy.blocks[i].id);
                /* By class of a node there is boot memory that only force takes. */
                if (play.selection.n_steps > 0 &&
                    (play.request.kind <= JOB_KIND_OFFLINE || play.request.size_bytes > 0)) {
                        n++;
                        REQUIRE(forced.n_steps == play.selection.n_steps, seed,
                                "%zu rather than %zu", forced.n_steps, play.selection.n_steps);
                        for (size_t i = 0; i < forced.n_steps; i++)
                                REQUIRE(forced.steps[i].block == play.selection.steps[i].block &&
                                                forced.steps[i].to == play.selection.steps[i].to,
                                        seed, "step %zu differs", i);
                }
                selection_done(&forced);
                machine_done(&copy);
                play_done(&play);
        }
        ck_assert_uint_gt(n, CASES / 20);
}
END_TEST

/* Whether no movable block of the node lies below a kernel one. */
static bool is_contiguous(const Machine *machine)
{
        bool has_movable = false;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                ZoneClass zone_class = block_class(&machine->blocks[i]);

                if (zone_class == ZONE_CLASS_KERNEL && has_movable)
                        return false;
                has_movable |= zone_class == ZONE_CLASS_MOVABLE;
        }
        return true;
}

/* A node of kernel blocks below movable ones and a portion of it: contiguous after each write. */
static void play_portion(uint32_t n_kernel, uint32_t n_movable, uint32_t percent)
{
        const uint32_t n = n_kernel + n_movable;
        Play play = { .seed = percent, .is_alone = true };
        Policy policy = { .max_movable_ratio_permille = MAX_MOVABLE_RATIO_PERMILLE_MAX };
        Machine *machine = &play.c.machine;
        char text[32];
        JobWrite write;

        snprintf(text, sizeof(text), "0c=k%um%u", n_kernel, n_movable);
        machine_from(machine, BLOCK, text);
        request_init(&play.request, JOB_KIND_SET_ZONE);
        play.request.node = 0;
        play.request.has_movable_percent = true;
        play.request.movable_percent = percent;
        if (selection_make(machine, &policy, &play.request, &play.selection) < 0)
                ck_abort_msg("out of memory");
        if (percent > 0 && n * percent < 100) {
                ck_assert_int_eq(play.selection.refusal, REFUSAL_INVALID_PERCENTAGE);
        } else if (n * percent / 100 == n) {
                ck_assert_int_eq(play.selection.refusal, REFUSAL_LAST_KERNEL_MEMORY);
        } else if (n * percent / 100 == n_movable) {
                ck_assert_int_eq(play.selection.refusal, REFUSAL_NOTHING_TO_DO);
        } else {
                ck_assert_int_eq(play.selection.refusal, REFUSAL_NONE);
                ck_assert_int_eq(job_new(1, 0, &play.request, &play.selection, &play.job), 0);
                job_claim(play.job, machine);
                while (job_next(play.job, machine, START, OFFLINE_TIMEOUT, &write)) {
                        play_write(&play, &write);
                        REQUIRE(is_contiguous(machine), percent, "%s is not contiguous", text);
                }
                REQUIRE(count_class(machine, 0, ZONE_CLASS_MOVABLE) == n * percent / 100, percent,
                        "%s: not the portion", text);
        }
        job_free(play.job);
        selection_done(&play.selection);
        request_done(&play.request);
        machine_done(machine);
}

START_TEST(a_portion_keeps_kernel_memory_below_movable_memory)
{
        for (uint32_t n_kernel = 1; n_kernel <= 9; n_kernel++)
                for (uint32_t n_movable = 1; n_movable <= 9; n_movable++)
                        for (uint32_t percent = 0; percent <= 100; percent++)
                                play_portion(n_kernel, n_movable, percent);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("job property");
        TCase *tcase = tcase_create("property");

        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, a_job_keeps_its_word_whatever_the_kernel_does);
        tcase_add_test(tcase, a_selection_changes_nothing_and_force_takes_no_others);
        tcase_add_test(tcase, a_portion_keeps_kernel_memory_below_movable_memory);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
