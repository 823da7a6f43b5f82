/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes a plan: collects the blocks that it decides on, and puts the writes in order. */

#include "policy/plan-private.h"

void plan_done(Plan *plan)
{
        free(plan->planned);
        free(plan->order);
        *plan = (Plan){};
}

/*
 * Returns the unit that a block is part of, or NULL if the block is decided on its own. Calls must be in the
 * order of the blocks.
 */
static Unit *planner_unit(Planner *planner, const Block *block)
{
        const Device *device = machine_device(planner->machine, block);
        uint32_t number = 0;
        Unit **last;

        if (!device)
                return NULL;
        if (device->unit_blocks > 0 && block->id >= device->first_block)
                number = (block->id - device->first_block) / device->unit_blocks;
        else if (!device_is_static(device))
                return NULL;

        last = &planner->last_units[block->device];
        if (!*last || (*last)->number != number) {
                *last = &planner->units[planner->n_units++];
                **last = (Unit){ .node = block->node, .number = number, .highest = -1 };
        }
        return (*last)->node == block->node ? *last : NULL;
}

/* Counts a block whose class `auto` does not decide. */
static void planner_count(Planner *planner, Tally *tally, const Block *block, ZoneClass zone_class)
{
        Unit *unit = planner_unit(planner, block);

        planner_move(planner, tally, 1, ZONE_CLASS_NONE, zone_class);
        if (zone_class == ZONE_CLASS_KERNEL)
                tally->highest = block->id;
        if (zone_class == ZONE_CLASS_MOVABLE)
                tally->lowest_movable = MIN(tally->lowest_movable, (int64_t) block->id);
        if (unit && zone_class != ZONE_CLASS_NONE)
                unit->classes |= 1U << zone_class;
        if (unit && zone_class == ZONE_CLASS_KERNEL)
                unit->highest = block->id;
}

/* Adds a block that `auto` decides. It counts as movable until a guard makes it kernel memory. */
static void planner_add(Planner *planner, Tally *tally, const Block *block, Planned *planned)
{
        Unit *unit = planner_unit(planner, block);
        Item *item = &planner->items[planner->n_items++];

        *item = (Item){
                .planned = planned,
                .tally = tally,
                .unit = unit,
                .previous = tally->last,
        };
        planner_move(planner, tally, 1, ZONE_CLASS_NONE, ZONE_CLASS_MOVABLE);
        *(tally->last ? &tally->last->next : &tally->first) = item;
        tally->last = item;
        if (!unit)
                return;
        *(unit->last ? &unit->last->next_of_unit : &unit->first) = item;
        unit->last = item;
        unit->n++;
}

/*
 * Returns the verdict on a block that a rule leaves as it would be without memoryd. Without memoryd, the
 * kernel would online added memory by its own answer. Memory of a dax device is first left to daxctl(1), and
 * another driver could not take its memory out again if it became kernel memory.
 */
static Verdict leave_verdict(const Machine *machine, const Block *block)
{
        Origin origin = machine_origin(machine, block);
        Verdict verdict = online_word_to_verdict(machine_kernel_word(machine, block->node));

        if (block->state != BLOCK_OFFLINE || block->found_offline ||
            (origin == ORIGIN_KMEM && !block->leave_is_over) ||
            (origin == ORIGIN_DRIVER && verdict != VERDICT_MOVABLE))
                return VERDICT_LEAVE;
        return verdict;
}

/*
 * Returns the verdict of an action for a block, or VERDICT_NONE if the guards of `auto` are to work it out.
 */
static Verdict action_verdict(const Machine *machine, ZoneAction action, const Block *block)
{
        if (action == ZONE_ACTION_LEAVE)
                return leave_verdict(machine, block);
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_KERNEL)
                return VERDICT_KERNEL;
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_MOVABLE)
                return VERDICT_MOVABLE;
        return zone_action_to_verdict(action);
}

static void planner_judge(Planner *planner, const Block *block, Tally *tally)
{
        const Rule *rule = matcher_find(&planner->matcher, block, tally->sum.node);
        Planned *planned = &planner->planned[planner->n_planned++];
        Decision *decision = &planned->decision;

        *planned = (Planned){ .block = block->id, .node = block->node };
        decision->rule = rule ? (int32_t) (rule - planner->policy->rules) : RULE_DEFAULT;
        decision->action = rule ? rule->zone : ZONE_ACTION_AUTO;
        /* The owner of a dax device decides on all of it, but not on what a request asks for. */
        decision->verdict = machine_is_owned(planner->machine, block) && block->job == 0 ?
                                    VERDICT_LEAVE :
                                    action_verdict(planner->machine, decision->action, block);
        tally->sum.movable_node |= guard_is_exempt(rule);
        if (decision->verdict == VERDICT_NONE)
                planner_add(planner, tally, block, planned);
        else
                planner_count(planner, tally, block, verdict_class(decision->verdict, block));
}

/* Collects the memory that the plan takes as it is, and the blocks that it is to decide on. */
static void planner_collect(Planner *planner)
{
        const Machine *machine = planner->machine;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Node *node = machine_find_node(machine, (uint32_t) block->node);
                Tally *tally = node ? &planner->tallies[node - machine->nodes] : NULL;

                if (!tally)
                        continue;
                if (planner->filter(block, planner->now_usec)) {
                        planner_judge(planner, block, tally);
                        continue;
                }
                planner_count(planner, tally, block, plan_class(block));
                if (block->decision.verdict != VERDICT_NONE)
                        tally->sum.movable_node |=
                                guard_is_exempt(policy_rule(planner->policy, block->decision.rule));
        }
        assert(planner->tallies);
        for (size_t i = 0; i < machine->n_nodes; i++)
                planner->tallies[i].given_kernel_bytes = planner->tallies[i].sum.kernel_bytes;
}

static bool is_kernel_first(Verdict verdict)
{
        return verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT;
}

/* Whether the block is the first of a run of kernel memory on its node, in the order of the plan. */
static bool is_lowest_kernel(const Plan *plan, size_t i)
{
        const Planned *block = &plan->planned[i];

        return is_kernel_first(block->decision.verdict) &&
               (i == 0 || !is_kernel_first(block[-1].decision.verdict) ||
                block[-1].node != block->node);
}

/*
 * Orders each class from the top down, but the lowest kernel block of a node first: plan.h tells why. The
 * block itself is a hole in its zone (6.1: set_zone_contiguous() comes before the sections are marked
 * online). If the zone begins with these blocks, the kernel walks one step per block. Upwards, or outwards
 * from the middle, it would also walk through all blocks that were onlined before.
 */
static void plan_order(Plan *plan)
{
        for (size_t i = 0; i < plan->n_planned; i++)
                if (is_lowest_kernel(plan, i))
                        plan->order[plan->n_order++] = (uint32_t) i;
        for (size_t i = plan->n_planned; i-- > 0;)
                if (is_kernel_first(plan->planned[i].decision.verdict) &&
                    !is_lowest_kernel(plan, i))
                        plan->order[plan->n_order++] = (uint32_t) i;
        for (size_t i = plan->n_planned; i-- > 0;)
                if (plan->planned[i].decision.verdict == VERDICT_MOVABLE)
                        plan->order[plan->n_order++] = (uint32_t) i;
}

static int planner_init(Planner *planner, const Machine *machine)
{
        /* One element more, so that no allocation is empty on an empty machine. */
        planner->tallies = calloc(machine->n_nodes + 1, sizeof(Tally));
        planner->planned = calloc(machine->n_blocks + 1, sizeof(Planned));
        planner->items = calloc(machine->n_blocks + 1, sizeof(Item));
        planner->units = calloc(machine->n_blocks + 1, sizeof(Unit));
        planner->last_units = calloc(machine->n_devices + 1, sizeof(Unit *));
        if (!planner->tallies || !planner->planned || !planner->items || !planner->units ||
            !planner->last_units)
                return -ENOMEM;

        for (size_t i = 0; i < machine->n_nodes; i++)
                planner->tallies[i] = (Tally){
                        .sum = node_balance_of(machine, &machine->nodes[i]),
                        .lowest_movable = INT64_MAX,
                        .highest = -1,
                };
        planner->whole = node_balance_of(machine, NULL);
        return 0;
}

static void planner_done(Planner *planner)
{
        free(planner->tallies);
        free(planner->planned);
        free(planner->items);
        free(planner->units);
        free(planner->last_units);
}

int plan_make(const Machine *machine, const Policy *policy, PlanFilter filter, uint64_t now_usec,
              Plan *ret)
{
        _cleanup_(planner_done) Planner planner = {
                .machine = machine,
                .policy = policy,
                .filter = filter,
                .now_usec = now_usec,
                .matcher = { .policy = policy, .machine = machine },
        };
        _cleanup_free_ uint32_t *order = calloc(machine->n_blocks + 1, sizeof(uint32_t));
        int r = planner_init(&planner, machine);

        if (r < 0 || !order)
                return -ENOMEM;
        planner_collect(&planner);
        planner_guard(&planner);

        *ret = (Plan){
                .planned = planner.planned,
                .n_planned = planner.n_planned,
                .order = TAKE_PTR(order),
        };
        planner.planned = NULL; /* the plan owns them now */
        plan_order(ret);
        return 0;
}
