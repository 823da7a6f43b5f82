/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_main.h"
#include "machine_fixture.h"
#include "track.h"

#include <stdio.h>

/*
 * Plans of random machines under random policies keep what plan.h promises. PROPERTY_SEED in the
 * environment chooses the first seed; a failure names the one that shows it.
 */

#define N_MACHINES 20000
#define BLOCK (UINT64_C(128) << 20)
#define NODES 4
#define RULES 3

/* Random numbers: splitmix64, the same everywhere */

typedef struct Random {
        uint64_t state;
} Random;

static uint64_t random_u64(Random *random)
{
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* Below n. */
static uint32_t random_below(Random *random, uint32_t n)
{
        return (uint32_t) (random_u64(random) % n);
}

static bool random_is(Random *random, uint32_t percent)
{
        return random_below(random, 100) < percent;
}

static uint64_t first_seed;

/* What a check that failed says: ck_assert() would write to a file each of a million times. */
#define REQUIRE(condition, seed, ...)                                                              \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "PROPERTY_SEED=%llu: ", (unsigned long long) (seed));      \
                        fprintf(stderr, __VA_ARGS__);                                              \
                        fputc('\n', stderr);                                                       \
                        ck_abort_msg("not so: %s", #condition);                                    \
                }                                                                                  \
        } while (0)

/* Random policies */

static uint64_t random_min_kernel(Random *random)
{
        switch (random_below(random, 4)) {
        case 0:
                return 0;
        case 1:
                return random_below(random, 12) * BLOCK;
        case 2:
                return random_u64(random) % (20 * BLOCK);
        default:
                return MIN_KERNEL_ONE_BLOCK;
        }
}

static uint32_t random_ratio(Random *random)
{
        switch (random_below(random, 6)) {
        case 0:
                return 0;
        case 1:
                return random_below(random, 1000);
        case 2:
                return random_below(random, 20000);
        case 3:
                return MAX_MOVABLE_RATIO_PERMILLE_MAX;
        default:
                return 3000;
        }
}

static void random_rule(Random *random, Rule *rule)
{
        *rule = (Rule){ .zone = (ZoneAction) random_below(random, _ZONE_ACTION_MAX) };

        /* Mostly of some nodes, so that `auto` has something left. */
        rule->has_nodes = random_is(random, 80);
        for (uint32_t node = 0; rule->has_nodes && node < NODES; node++)
                if (random_is(random, 30))
                        node_set_add(&rule->nodes, node);
        if (random_is(random, 30))
                rule->node_classes = 1U << random_below(random, _NODE_CLASS_MAX);
}

static void random_policy(Random *random, Policy *policy, Rule rules[static RULES])
{
        *policy = (Policy){
                .rules = rules,
                .n_rules = random_is(random, 50) ? 0 : random_below(random, RULES + 1),
                .min_kernel_bytes = random_min_kernel(random),
                .max_movable_ratio_permille = random_ratio(random),
                .per_node = random_is(random, 70),
                .contiguous = random_is(random, 70),
        };
        for (size_t i = 0; i < policy->n_rules; i++)
                random_rule(random, &rules[i]);
}

/* Random machines */

static char random_letter(Random *random)
{
        static const char letters[] = "kkkkkmmmsgloooooooooooooKM-";

        return letters[random_below(random, sizeof(letters) - 1)];
}

static void random_block(Random *random, Machine *machine, uint32_t id, int32_t node, char letter)
{
        static const char *const zones[] = { "Normal Movable", "Movable Normal", "DMA32", "none" };
        Block *block;

        if (machine_add_block(machine, id, &block) != 1)
                ck_abort_msg("cannot add block %u", id);
        block->node = random_is(random, 3) ? NODE_NONE : node;
        block_set_letter(block, letter);
        if (block->state == BLOCK_OFFLINE) {
                zones_set(&block->zones, zones[random_below(random, ELEMENTSOF(zones))]);
                block->last_class = (ZoneClass) random_below(random, _ZONE_CLASS_MAX);
                block->node_was_memoryless = random_is(random, 20);
        }
}

/* Runs of like blocks, as memory comes, with single ones among them. */
static void random_blocks(Random *random, Machine *machine)
{
        uint32_t n_runs = 1 + random_below(random, 8), id = random_below(random, 5);

        for (uint32_t run = 0; run < n_runs; run++) {
                int32_t node = (int32_t) random_below(random, NODES);
                uint32_t n = 1 + random_below(random, random_is(random, 70) ? 4 : 30);
                char letter = random_letter(random);

                for (; n > 0; n--, id++) {
                        if (random_is(random, 10))
                                letter = random_letter(random);
                        if (letter != '-')
                                random_block(random, machine, id, node, letter);
                }
        }
}

/* CMA lies in memory that is there: no node has more than it has kernel memory. */
static void random_cma(Random *random, Machine *machine)
{
        machine_count(machine);
        for (uint32_t node = 0; node < NODES; node++) {
                const Node *found = machine_find_node(machine, node);
                uint64_t limit = found ? found->totals.kernel_bytes >> 12 : 0;

                if (limit > 0 && random_is(random, 30))
                        machine_add_zone(machine, node, ZONE_NORMAL)->cma_bytes =
                                (random_u64(random) % limit) << 12;
        }
}

static void random_machine(Random *random, Machine *machine)
{
        machine_init(machine);
        machine->block_size_bytes = BLOCK;
        for (uint32_t node = 0; node < NODES; node++)
                if (random_is(random, 90))
                        machine_add_node(machine, node, random_is(random, 60));
        random_blocks(random, machine);
        random_cma(random, machine);
}

static void copy_block(Machine *copy, const Block *block)
{
        Block *added;

        if (machine_add_block(copy, block->id, &added) != 1)
                ck_abort_msg("cannot add block %u", block->id);
        *added = *block;
}

/* A machine without its blocks. */
static void copy_frame(const Machine *machine, Machine *copy)
{
        machine_init(copy);
        copy->block_size_bytes = machine->block_size_bytes;
        for (size_t i = 0; i < machine->n_nodes; i++)
                machine_add_node(copy, machine->nodes[i].id, machine->nodes[i].has_cpu);
        for (size_t i = 0; i < machine->n_zones; i++)
                *machine_add_zone(copy, machine->zones[i].node, machine->zones[i].type) =
                        machine->zones[i];
}

static void copy_machine(const Machine *machine, Machine *copy)
{
        copy_frame(machine, copy);
        for (size_t i = 0; i < machine->n_blocks; i++)
                copy_block(copy, &machine->blocks[i]);
}

/* What a plan leads to, worked out block by block, unlike the planner does */

typedef struct Sums {
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        size_t n_auto_kernel;
        size_t n_auto_movable;
        int64_t lowest_auto_movable;  /* block, or INT64_MAX */
        int64_t highest_auto_kernel;  /* or -1 */
        int64_t highest_other_kernel; /* or -1 */
} Sums;

typedef struct Case {
        uint64_t seed;
        Machine machine;
        Policy policy;
        Rule rules[RULES];
        Plan plan;
} Case;

static bool is_auto(const Case *c, const Block *block, const Decision *decision)
{
        ZoneAction action =
                decision->rule < 0 ? ZONE_ACTION_AUTO : c->policy.rules[decision->rule].zone;

        return action == ZONE_ACTION_AUTO ||
               (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_NONE);
}

static ZoneClass class_of_verdict(Verdict verdict, const Block *block)
{
        if (verdict == VERDICT_KERNEL_DEFAULT && block->zones.n_zones > 0)
                return block->zones.zones[0] == ZONE_MOVABLE ? ZONE_CLASS_MOVABLE :
                                                               ZONE_CLASS_KERNEL;
        if (verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT)
                return ZONE_CLASS_KERNEL;
        return verdict == VERDICT_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_NONE;
}

/* The class in which a block ends. */
static ZoneClass final_class(const Plan *plan, const Block *block)
{
        const Decision *decision = plan_find(plan, block->id);

        if (decision)
                return class_of_verdict(decision->verdict, block);
        if (block->status == BLOCK_STATUS_WRITING)
                return class_of_verdict(block->verdict, block);
        return block_class(block);
}

static void sum_auto(Sums *sums, const Block *block, ZoneClass zone_class)
{
        if (zone_class == ZONE_CLASS_KERNEL) {
                sums->n_auto_kernel++;
                sums->highest_auto_kernel = MAX(sums->highest_auto_kernel, (int64_t) block->id);
        } else {
                sums->n_auto_movable++;
                sums->lowest_auto_movable = MIN(sums->lowest_auto_movable, (int64_t) block->id);
        }
}

static void sum_block(const Case *c, Sums *sums, const Block *block)
{
        const Decision *decision = plan_find(&c->plan, block->id);
        ZoneClass zone_class = final_class(&c->plan, block);

        sums->kernel_bytes += zone_class == ZONE_CLASS_KERNEL ? BLOCK : 0;
        sums->movable_bytes += zone_class == ZONE_CLASS_MOVABLE ? BLOCK : 0;
        if (decision && is_auto(c, block, decision))
                sum_auto(sums, block, zone_class);
        else if (zone_class == ZONE_CLASS_KERNEL)
                sums->highest_other_kernel = MAX(sums->highest_other_kernel, (int64_t) block->id);
}

/* Of a node, or of all that the machine has with NODE_ANY. */
static Sums sum(const Case *c, int32_t node)
{
        Sums sums = {
                .lowest_auto_movable = INT64_MAX,
                .highest_auto_kernel = -1,
                .highest_other_kernel = -1,
        };

        for (size_t i = 0; i < c->machine.n_blocks; i++) {
                const Block *block = &c->machine.blocks[i];

                if (block->node < 0 || !machine_find_node(&c->machine, (uint32_t) block->node))
                        continue;
                if (node == NODE_ANY || block->node == node)
                        sum_block(c, &sums, block);
        }
        return sums;
}

/* movable <= ratio * kernel, with `change` more bytes movable instead of kernel. */
static bool ratio_holds(const Case *c, const Sums *sums, int32_t node, uint64_t change)
{
        uint64_t cma = machine_cma_bytes(&c->machine, node);
        __int128 kernel = (__int128) sums->kernel_bytes - cma - change;
        __int128 movable = (__int128) sums->movable_bytes + cma + change;

        return movable * 1000 <= kernel * c->policy.max_movable_ratio_permille;
}

static bool min_kernel_holds(const Case *c, const Sums *sums, uint64_t change)
{
        uint64_t wanted = c->policy.min_kernel_bytes;

        if (wanted == MIN_KERNEL_ONE_BLOCK)
                wanted = BLOCK;
        return sums->kernel_bytes - change >= wanted;
}

/* The properties */

static void check_decisions(const Case *c)
{
        size_t n = 0, n_written = 0;

        for (size_t i = 0; i < c->machine.n_blocks; i++) {
                const Block *block = &c->machine.blocks[i];
                const Decision *decision = plan_find(&c->plan, block->id);
                bool known =
                        block->node >= 0 && machine_find_node(&c->machine, (uint32_t) block->node);

                REQUIRE((decision != NULL) == (known && track_wants_plan(block, 0)), c->seed,
                        "block %u", block->id);
                if (!decision)
                        continue;
                REQUIRE(decision->verdict > VERDICT_NONE && decision->verdict < _VERDICT_MAX,
                        c->seed, "block %u has verdict %d", block->id, decision->verdict);
                n++;
                n_written += decision->verdict != VERDICT_LEAVE;
        }
        REQUIRE(n == c->plan.n_decisions, c->seed, "%zu decisions of %zu", c->plan.n_decisions, n);
        REQUIRE(n_written == c->plan.n_order, c->seed, "%zu writes of %zu", c->plan.n_order,
                n_written);
}

static bool is_kernel_write(const Decision *decision)
{
        return decision->verdict != VERDICT_MOVABLE;
}

static void check_order(const Case *c)
{
        for (size_t i = 1; i < c->plan.n_order; i++) {
                const Decision *a = &c->plan.decisions[c->plan.order[i - 1]];
                const Decision *b = &c->plan.decisions[c->plan.order[i]];
                bool ordered = is_kernel_write(a) == is_kernel_write(b) ? a->block > b->block :
                                                                          is_kernel_write(a);

                REQUIRE(ordered, c->seed, "block %u is written before %u", a->block, b->block);
        }
}

/* Kernel memory that `auto` chose lies lowest on its node, below all that it made movable. */
static void check_low_kernel(const Case *c, const Node *node, const Sums *sums)
{
        REQUIRE(sums->highest_auto_kernel < sums->lowest_auto_movable, c->seed, "node %u",
                node->id);
        if (c->policy.contiguous)
                REQUIRE(sums->highest_other_kernel < sums->lowest_auto_movable, c->seed, "node %u",
                        node->id);
}

static void check_node(const Case *c, const Node *node, const Sums *all)
{
        const Sums sums = sum(c, (int32_t) node->id);
        bool per_node = c->policy.per_node && node->has_cpu;
        bool needed;

        check_low_kernel(c, node, &sums);
        if (sums.n_auto_movable > 0) {
                REQUIRE(min_kernel_holds(c, &sums, 0), c->seed, "node %u", node->id);
                REQUIRE(!per_node || ratio_holds(c, &sums, (int32_t) node->id, 0), c->seed,
                        "node %u", node->id);
                REQUIRE(ratio_holds(c, all, NODE_ANY, 0), c->seed, "machine, node %u", node->id);
        }
        if (sums.n_auto_kernel == 0)
                return;

        /* None is kernel memory in vain: were the highest one movable, a guard would not hold. */
        needed = !min_kernel_holds(c, &sums, BLOCK) ||
                 (per_node && !ratio_holds(c, &sums, (int32_t) node->id, BLOCK)) ||
                 !ratio_holds(c, all, NODE_ANY, BLOCK) ||
                 (c->policy.contiguous && sums.highest_other_kernel > sums.highest_auto_kernel);
        REQUIRE(needed, c->seed, "node %u", node->id);
}

static void check_guards(const Case *c)
{
        const Sums all = sum(c, NODE_ANY);

        for (size_t i = 0; i < c->machine.n_nodes; i++)
                check_node(c, &c->machine.nodes[i], &all);
}

/* Every `auto` kernel block says why, and nothing else does. */
static void check_reasons(const Case *c)
{
        for (size_t i = 0; i < c->plan.n_decisions; i++) {
                const Decision *decision = &c->plan.decisions[i];
                const Block *block = machine_find_block(&c->machine, decision->block);
                bool has_reason =
                        is_auto(c, block, decision) && decision->verdict == VERDICT_KERNEL;

                REQUIRE((decision->guards != 0) == has_reason, c->seed, "block %u, guards %x",
                        decision->block, decision->guards);
        }
}

/* The block was written as planned. */
static void write_block(Machine *machine, const Decision *decision)
{
        Block *block = machine_find_block(machine, decision->block);
        ZoneClass zone_class = class_of_verdict(decision->verdict, block);

        block->state = BLOCK_ONLINE;
        block->status = BLOCK_STATUS_DONE;
        block->verdict = decision->verdict;
        zones_set(&block->zones, zone_class == ZONE_CLASS_MOVABLE ? "Movable" : "Normal");
}

/* The block was handed over and has not been written yet. */
static void hand_over_block(Machine *machine, const Decision *decision)
{
        Block *block = machine_find_block(machine, decision->block);

        block->status = BLOCK_STATUS_WRITING;
        block->verdict = decision->verdict;
}

/* Plans a machine on which some of the plan was done, and compares where it leads. */
static void check_same_end(const Case *c, const Machine *later)
{
        Plan plan;

        if (plan_make(later, &c->policy, track_wants_plan, 0, &plan) < 0)
                ck_abort_msg("out of memory");
        for (size_t i = 0; i < later->n_blocks; i++) {
                ZoneClass expected = final_class(&c->plan, &c->machine.blocks[i]);
                ZoneClass class_later = final_class(&plan, &later->blocks[i]);

                REQUIRE(class_later == expected, c->seed, "block %u: %d, planned %d",
                        later->blocks[i].id, class_later, expected);
        }
        plan_done(&plan);
}

/* After the first writes, in order, the next of them being on their way. */
static void check_stepwise(const Case *c, Random *random)
{
        size_t k = c->plan.n_order > 0 ? random_below(random, (uint32_t) c->plan.n_order + 1) : 0;
        size_t n_handed = random_below(random, 3);
        Machine later;

        copy_machine(&c->machine, &later);
        for (size_t i = 0; i < c->plan.n_order && i < k + n_handed; i++) {
                const Decision *decision = &c->plan.decisions[c->plan.order[i]];

                if (i < k)
                        write_block(&later, decision);
                else
                        hand_over_block(&later, decision);
        }
        check_same_end(c, &later);
        machine_done(&later);
}

/* After any half of the writes: others failed, or were made in another order. */
static void check_half(const Case *c, Random *random)
{
        Machine later;

        copy_machine(&c->machine, &later);
        for (size_t i = 0; i < c->plan.n_order; i++)
                if (random_is(random, 50))
                        write_block(&later, &c->plan.decisions[c->plan.order[i]]);
        check_same_end(c, &later);
        machine_done(&later);
}

static void shuffle(Random *random, size_t *order, size_t n)
{
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        for (size_t i = n; i-- > 1;) {
                size_t j = random_below(random, (uint32_t) i + 1), swapped = order[i];

                order[i] = order[j];
                order[j] = swapped;
        }
}

static bool plans_are_equal(const Plan *a, const Plan *b)
{
        if (a->n_decisions != b->n_decisions || a->n_order != b->n_order)
                return false;
        return memcmp(a->decisions, b->decisions, a->n_decisions * sizeof(Decision)) == 0 &&
               memcmp(a->order, b->order, a->n_order * sizeof(uint32_t)) == 0;
}

/* Whatever the order in which the blocks came. */
static void check_insertion(const Case *c, Random *random)
{
        size_t n = c->machine.n_blocks;
        size_t *order = calloc(n + 1, sizeof(size_t));
        Machine other;
        Plan plan;

        ck_assert_ptr_nonnull(order);
        shuffle(random, order, n);
        copy_frame(&c->machine, &other);
        for (size_t i = 0; i < n; i++)
                copy_block(&other, &c->machine.blocks[order[i]]);
        if (plan_make(&other, &c->policy, track_wants_plan, 0, &plan) < 0)
                ck_abort_msg("out of memory");
        REQUIRE(plans_are_equal(&plan, &c->plan), c->seed, "another order of blocks");
        plan_done(&plan);
        machine_done(&other);
        free(order);
}

/* Running */

static void case_init(Case *c, uint64_t seed, Random *random)
{
        *random = (Random){ .state = seed };
        *c = (Case){ .seed = seed };
        random_policy(random, &c->policy, c->rules);
        random_machine(random, &c->machine);
        if (plan_make(&c->machine, &c->policy, track_wants_plan, 0, &c->plan) < 0)
                ck_abort_msg("out of memory");
}

static void case_done(Case *c)
{
        plan_done(&c->plan);
        machine_done(&c->machine);
}

START_TEST(every_block_that_is_to_be_decided_is_and_is_written_in_order)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed + i, &random);
                check_decisions(&c);
                check_order(&c);
                check_reasons(&c);
                case_done(&c);
        }
}
END_TEST

START_TEST(guards_hold_whenever_they_can_and_ask_for_no_more_than_that_takes)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed + i, &random);
                check_guards(&c);
                case_done(&c);
        }
}
END_TEST

START_TEST(a_plan_made_again_half_way_leads_to_the_same_end)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed + i, &random);
                check_same_end(&c, &c.machine);
                check_stepwise(&c, &random);
                check_half(&c, &random);
                case_done(&c);
        }
}
END_TEST

START_TEST(the_order_in_which_blocks_came_does_not_matter)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed + i, &random);
                check_insertion(&c, &random);
                case_done(&c);
        }
}
END_TEST

/* The random machines are worth something: each kind of decision and guard is among them. */
START_TEST(random_machines_meet_every_guard_and_verdict)
{
        unsigned guards = 0, verdicts = 0;
        size_t n_decisions = 0;

        for (uint64_t i = 0; i < 1000; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed + i, &random);
                for (size_t j = 0; j < c.plan.n_decisions; j++) {
                        guards |= c.plan.decisions[j].guards;
                        verdicts |= 1U << c.plan.decisions[j].verdict;
                }
                n_decisions += c.plan.n_decisions;
                case_done(&c);
        }
        ck_assert_uint_eq(guards, GUARD_MIN_KERNEL | GUARD_NODE_RATIO | GUARD_MACHINE_RATIO |
                                          GUARD_CONTIGUOUS);
        ck_assert_uint_eq(verdicts, ((1U << _VERDICT_MAX) - 1) & ~(1U << VERDICT_NONE));
        ck_assert_uint_gt(n_decisions, 5000);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("plan property");
        TCase *tcase = tcase_create("property");
        const char *seed = getenv("PROPERTY_SEED");

        first_seed = seed ? strtoull(seed, NULL, 0) : 1;
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, random_machines_meet_every_guard_and_verdict);
        tcase_add_test(tcase, every_block_that_is_to_be_decided_is_and_is_written_in_order);
        tcase_add_test(tcase, guards_hold_whenever_they_can_and_ask_for_no_more_than_that_takes);
        tcase_add_test(tcase, a_plan_made_again_half_way_leads_to_the_same_end);
        tcase_add_test(tcase, the_order_in_which_blocks_came_does_not_matter);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
