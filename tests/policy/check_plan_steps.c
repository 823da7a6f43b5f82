/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "random_machine.h"

/*
 * What a plan says is what comes of it: the daemon's steps on random machines, with a kernel that does as
 * it is told or refuses, and the plan made beforehand. Planning, writing and retrying are the manager's, in
 * its order: a plan of what is pending, two writes at a time, and another plan as soon as one failed or
 * something came.
 *
 * With whole_device = "prefer", whether a device is kept whole depends on the other memory, of which a part
 * was not there before. Then the guards hold in the end, too, but a plan that is made on the way can
 * differ.
 */

#define N_MACHINES 25000
#define IN_FLIGHT 2

static const Retry retry = {
        .first_usec = USEC_PER_SEC,
        .factor_permille = 2000,
        .cap_usec = 60 * USEC_PER_SEC,
        .attempts = 10,
};

/*
 * What the kernel refuses, in percent. What waits for a retry counts for nothing in a plan, so refused
 * kernel memory is made up for by other; nothing counts on movable memory but where a rule made it so.
 */
typedef struct Refusals {
        uint32_t kernel;
        uint32_t auto_movable;
} Refusals;

typedef struct Daemon {
        const Case *c;
        Random *random;
        Refusals refusals;
        uint32_t replan; /* percent of the writes after which something makes it plan again */
        Machine machine;
        uint64_t now_usec;
        uint32_t queue[64];
        size_t n_queue;
        uint32_t writing[IN_FLIGHT];
        size_t n_writing;
} Daemon;

static void daemon_plan(Daemon *daemon)
{
        Plan plan;

        track_note_memoryless(&daemon->machine);
        make_plan(&daemon->machine, &daemon->c->policy, daemon->now_usec, &plan);
        for (size_t i = 0; i < plan.n_planned; i++)
                track_decide(machine_find_block(&daemon->machine, plan.planned[i].block),
                             &plan.planned[i].decision);
        for (size_t i = 0; i < plan.n_order; i++)
                daemon->queue[i] = plan.planned[plan.order[i]].block;
        daemon->n_queue = plan.n_order;
        plan_done(&plan);
}

static void daemon_init(Daemon *daemon, const Case *c, Random *random, Refusals refusals,
                        uint32_t replan)
{
        *daemon = (Daemon){ .c = c, .random = random, .refusals = refusals, .replan = replan };
        copy_machine(&c->machine, &daemon->machine);
        daemon_plan(daemon);
}

static void daemon_fill(Daemon *daemon)
{
        while (daemon->n_writing < IN_FLIGHT && daemon->n_queue > 0) {
                uint32_t id = daemon->queue[0];

                memmove(daemon->queue, daemon->queue + 1, --daemon->n_queue * sizeof(uint32_t));
                machine_find_block(&daemon->machine, id)->status = BLOCK_STATUS_WRITING;
                daemon->writing[daemon->n_writing++] = id;
        }
}

static bool daemon_refuses(Daemon *daemon, const Block *block)
{
        const Planned *planned = plan_find(&daemon->c->plan, block->id);
        uint32_t percent = 0;

        REQUIRE(planned, daemon->c->seed, "block %u is written without having been planned",
                block->id);
        if (class_of_verdict(block->decision.verdict, block) == ZONE_CLASS_KERNEL)
                percent = daemon->refusals.kernel;
        else if (is_auto(daemon->c, machine_find_block(&daemon->c->machine, block->id), planned))
                percent = daemon->refusals.auto_movable;

        /* Not for ever: what fails for good is not what was planned. */
        return block->attempts + 1U < retry.attempts && random_is(daemon->random, percent);
}

/* One of the writes ends. Returns whether that makes a plan necessary. */
static bool daemon_finish(Daemon *daemon)
{
        size_t at = random_below(daemon->random, (uint32_t) daemon->n_writing);
        Block *block = machine_find_block(&daemon->machine, daemon->writing[at]);
        ZoneClass zone_class = class_of_verdict(block->decision.verdict, block);
        bool refused = daemon_refuses(daemon, block);
        ZoneList zones = block->zones;

        daemon->writing[at] = daemon->writing[--daemon->n_writing];
        if (!refused)
                zones_set(&zones, zone_class == ZONE_CLASS_MOVABLE ? "Movable" : "Normal");
        (void) track_outcome(block, refused ? -EBUSY : 0, refused ? BLOCK_OFFLINE : BLOCK_ONLINE,
                             &zones, &retry, daemon->now_usec);
        if (block->status == BLOCK_STATUS_RETRYING)
                track_join_retries(&daemon->machine, block);
        return refused || random_is(daemon->random, daemon->replan);
}

/* Until there is nothing left to do. */
static void daemon_run(Daemon *daemon)
{
        for (;;) {
                uint64_t next_usec;

                daemon_fill(daemon);
                if (daemon->n_writing > 0) {
                        if (daemon_finish(daemon))
                                daemon_plan(daemon);
                        continue;
                }
                next_usec = track_next_retry(&daemon->machine);
                if (next_usec == USEC_INFINITY)
                        return;
                daemon->now_usec = next_usec;
                daemon_plan(daemon);
        }
}

static void check_as_planned(const Daemon *daemon)
{
        const Case *c = daemon->c;

        for (size_t i = 0; i < c->plan.n_planned; i++) {
                const Planned *planned = &c->plan.planned[i];
                const Block *before = machine_find_block(&c->machine, planned->block);
                const Block *block = machine_find_block(&daemon->machine, planned->block);
                bool is_left = verdict_is_left(planned->decision.verdict);

                REQUIRE(block->status == (is_left ? BLOCK_STATUS_LEFT : BLOCK_STATUS_DONE), c->seed,
                        "block %u is %s", block->id, block_status_to_string(block->status));
                REQUIRE(block->decision.verdict == planned->decision.verdict &&
                                block->decision.rule == planned->decision.rule,
                        c->seed, "block %u came to be %s, planned %s", block->id,
                        verdict_to_string(block->decision.verdict),
                        verdict_to_string(planned->decision.verdict));
                REQUIRE(block_class(block) == class_of_verdict(planned->decision.verdict, before),
                        c->seed, "block %u", block->id);
        }
}

/* The guards hold for what became of the machine of a case, as far as `auto` made memory movable. */
static void check_machine(const Case *c, const Machine *machine)
{
        Sums all = {}, sums[NODES] = {};
        bool is_movable[NODES] = {}, is_any_movable = false;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Planned *planned = plan_find(&c->plan, block->id);

                if (!has_known_node(&c->machine, block))
                        continue;
                sums_add(&sums[block->node], final_class(&(Plan){}, block), BLOCK);
                sums_add(&all, final_class(&(Plan){}, block), BLOCK);
                if (planned && block->decision.verdict == VERDICT_MOVABLE &&
                    is_auto(c, machine_find_block(&c->machine, block->id), planned))
                        is_any_movable = is_movable[block->node] = true;
        }
        REQUIRE(!is_any_movable || ratio_holds(c, &all, NODE_ANY), c->seed, "machine");
        for (int32_t node = 0; node < NODES; node++) {
                if (!is_movable[node])
                        continue;
                REQUIRE(!c->policy.per_node ||
                                !machine_find_node(&c->machine, (uint32_t) node)->has_cpu ||
                                ratio_holds(c, &sums[node], node),
                        c->seed, "node %d", node);
        }
}

/* Where writes of kernel memory fail others take their place: the guards hold in the end. */
static void check_guards_hold(const Daemon *daemon)
{
        check_machine(daemon->c, &daemon->machine);
}

static bool prefers(const Case *c)
{
        return c->policy.whole_device == WHOLE_DEVICE_PREFER;
}

/* The blocks are as in the first plan, in all that a later plan cannot change. */
static void check_unchanged(const Daemon *daemon)
{
        if (prefers(daemon->c))
                check_guards_hold(daemon);
        else
                check_as_planned(daemon);
}

static void run(Kind kind, Refusals refusals, uint32_t replan, void (*check)(const Daemon *daemon))
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Daemon daemon;
                Case c;

                case_init(&c, first_seed() + i, kind, &random);
                daemon_init(&daemon, &c, &random, refusals, replan);
                daemon_run(&daemon);
                check(&daemon);
                machine_done(&daemon.machine);
                case_done(&c);
        }
}

static const Kind plain_kinds[] = { KIND_STATIC, KIND_GROWING };

START_TEST(what_comes_of_a_plan_is_what_it_says)
{
        run((Kind) _i, (Refusals){}, 0, check_as_planned);
}
END_TEST

START_TEST(nothing_changes_when_it_is_planned_again_on_the_way)
{
        run(plain_kinds[_i], (Refusals){}, 30, check_unchanged);
}
END_TEST

START_TEST(nothing_changes_when_movable_memory_is_refused_for_a_while)
{
        run(plain_kinds[_i], (Refusals){ .auto_movable = 30 }, 10, check_unchanged);
}
END_TEST

START_TEST(guards_hold_after_kernel_memory_was_refused_for_a_while)
{
        run((Kind) _i, (Refusals){ .kernel = 30, .auto_movable = 20 }, 10, check_guards_hold);
}
END_TEST

/* Half of the writes were made, in any order, and the rest is planned once more. */
static void check_half(const Case *c, Random *random)
{
        Machine later;
        Plan plan;

        copy_machine(&c->machine, &later);
        for (size_t i = 0; i < c->plan.n_planned; i++) {
                const Planned *planned = &c->plan.planned[i];
                Block *block = machine_find_block(&later, planned->block);
                ZoneClass zone_class = class_of_verdict(planned->decision.verdict, block);

                track_decide(block, &planned->decision);
                if (verdict_is_left(planned->decision.verdict) || random_is(random, 50))
                        continue;
                block->status = BLOCK_STATUS_WRITING;
                if (random_is(random, 70))
                        block_set(block, BLOCK_ONLINE,
                                  zone_class == ZONE_CLASS_MOVABLE ? "Movable" : "Normal",
                                  BLOCK_STATUS_DONE);
        }
        make_plan(&later, &c->policy, 0, &plan);
        for (size_t i = 0; i < later.n_blocks; i++) {
                ZoneClass expected = final_class(&c->plan, &c->machine.blocks[i]);

                REQUIRE(final_class(&plan, &later.blocks[i]) == expected, c->seed,
                        "block %u: planned %s", later.blocks[i].id, zone_class_to_string(expected));
        }
        plan_done(&plan);
        machine_done(&later);
}

START_TEST(a_plan_made_again_half_way_leads_to_the_same_end)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed() + i, plain_kinds[_i], &random);
                if (!prefers(&c))
                        check_half(&c, &random);
                case_done(&c);
        }
}
END_TEST

/* Parts */

/* Whether a block belongs to a later unit than another, which is the last of this part. */
static bool is_later(const Machine *machine, const Block *block, const Block *last)
{
        const Device *device = machine_device(machine, block);
        uint32_t first = device->first_block;

        if (block->id <= last->id)
                return false;
        return block->device != last->device || (block->id - first) / device->unit_blocks !=
                                                        (last->id - first) / device->unit_blocks;
}

/* Whether it is of a unit that `auto` decides; what rules say of others is known from the start. */
static bool comes_later(const Case *c, const Block *block)
{
        const Planned *planned = plan_find(&c->plan, block->id);

        return planned && is_auto(c, block, planned) && block_grows(&c->machine, block);
}

/* Adds what comes with the next part; returns where the one after it begins. */
static size_t add_part(const Case *c, Machine *machine, size_t from, size_t n)
{
        const Block *last = NULL;
        size_t i = from;

        for (; i < c->machine.n_blocks; i++) {
                const Block *block = &c->machine.blocks[i];

                if (!comes_later(c, block))
                        continue;
                if (last && n == 0 && is_later(&c->machine, block, last))
                        break;
                n -= n > 0;
                last = block;
                copy_block(machine, block);
        }
        return i;
}

/* Some of what is decided is on its way, some is there. */
static void write_some(Machine *machine, Random *random)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                ZoneClass zone_class = class_of_verdict(block->decision.verdict, block);

                if (block->status != BLOCK_STATUS_PENDING ||
                    block->decision.verdict == VERDICT_NONE || !random_is(random, 60))
                        continue;
                block->status = BLOCK_STATUS_WRITING;
                if (random_is(random, 60))
                        block_set(block, BLOCK_ONLINE,
                                  zone_class == ZONE_CLASS_MOVABLE ? "Movable" : "Normal",
                                  BLOCK_STATUS_DONE);
        }
}

static void check_parts(const Case *c, Random *random)
{
        Machine machine;

        copy_frame(&c->machine, &machine);
        for (size_t i = 0; i < c->machine.n_blocks; i++)
                if (!comes_later(c, &c->machine.blocks[i]))
                        copy_block(&machine, &c->machine.blocks[i]);
        for (size_t from = 0; from < c->machine.n_blocks;) {
                Plan plan;

                from = add_part(c, &machine, from, 1 + random_below(random, 8));
                make_plan(&machine, &c->policy, 0, &plan);
                for (size_t i = 0; i < plan.n_planned; i++)
                        track_decide(machine_find_block(&machine, plan.planned[i].block),
                                     &plan.planned[i].decision);
                plan_done(&plan);
                write_some(&machine, random);
        }
        for (size_t i = 0; i < machine.n_blocks; i++)
                if (machine.blocks[i].status == BLOCK_STATUS_PENDING)
                        machine.blocks[i].status = BLOCK_STATUS_WRITING;
        check_machine(c, &machine);
        machine_done(&machine);
}

START_TEST(guards_hold_in_however_many_parts_devices_grow)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed() + i, KIND_GROWING, &random);
                check_parts(&c, &random);
                case_done(&c);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("plan steps");
        TCase *tcase = tcase_create("steps");

        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, what_comes_of_a_plan_is_what_it_says, 0, _KIND_MAX);
        tcase_add_loop_test(tcase, nothing_changes_when_it_is_planned_again_on_the_way, 0,
                            ELEMENTSOF(plain_kinds));
        tcase_add_loop_test(tcase, nothing_changes_when_movable_memory_is_refused_for_a_while, 0,
                            ELEMENTSOF(plain_kinds));
        tcase_add_loop_test(tcase, guards_hold_after_kernel_memory_was_refused_for_a_while, 0,
                            _KIND_MAX);
        tcase_add_loop_test(tcase, a_plan_made_again_half_way_leads_to_the_same_end, 0,
                            ELEMENTSOF(plain_kinds));
        tcase_add_test(tcase, guards_hold_in_however_many_parts_devices_grow);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
