/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects the memory that a plan takes as it is, and the blocks that it decides on. */

#include "policy/plan-private.h"

#include "policy/guard.h"

static Tally *planner_tally(Planner *planner, int32_t node_id)
{
        const Node *node;

        if (node_id < 0)
                return NULL;
        if (planner->last && planner->last->node->id == (uint32_t) node_id)
                return planner->last;

        node = machine_find_node(planner->machine, (uint32_t) node_id);
        if (!node)
                return NULL;
        planner->last = &planner->tallies[node - planner->machine->nodes];
        return planner->last;
}

static bool block_grows(const Planner *planner, const Block *block)
{
        const Device *device = machine_device(planner->machine, block);

        return device && device->unit_blocks > 0;
}

void planner_add(Planner *planner, Tally *tally, uint32_t block, bool grows, ZoneClass zone_class)
{
        uint64_t bytes = planner->machine->block_size_bytes;

        if (zone_class == ZONE_CLASS_MOVABLE) {
                tally->movable_bytes += bytes;
                planner->movable_bytes += bytes;
        }
        if (zone_class == ZONE_CLASS_KERNEL) {
                tally->kernel_bytes += bytes;
                planner->kernel_bytes += bytes;
                tally->highest.any = MAX(tally->highest.any, (int64_t) block);
                if (!grows)
                        tally->highest.lasting = MAX(tally->highest.lasting, (int64_t) block);
        }
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

        if (!planner->policy->whole_device || !device)
                return NULL;
        if (device->unit_blocks > 0 && block->id >= device->first_block)
                number = (block->id - device->first_block) / device->unit_blocks;
        else if (!device_is_static(device))
                return NULL;

        last = &planner->last_units[block->device];
        if (!*last || (*last)->number != number) {
                *last = &planner->units[planner->n_units++];
                **last = (Unit){ .node = block->node, .number = number };
        }
        return (*last)->node == block->node ? *last : NULL;
}

/* Counts a block whose class `auto` does not decide. */
static void planner_count(Planner *planner, Tally *tally, const Block *block, ZoneClass zone_class)
{
        Unit *unit = planner_unit(planner, block);

        planner_add(planner, tally, block->id, block_grows(planner, block), zone_class);
        if (unit && zone_class != ZONE_CLASS_NONE)
                unit->classes |= 1U << zone_class;
}

/*
 * Returns the verdict of an action for a block, or VERDICT_NONE if the guards of `auto` are to work it out.
 */
static Verdict action_verdict(ZoneAction action, const Block *block)
{
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_KERNEL)
                return VERDICT_KERNEL;
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_MOVABLE)
                return VERDICT_MOVABLE;
        return zone_action_to_verdict(action);
}

/*
 * Whether the guards have already made a unit kernel memory. It stays so until it is written: it was decided
 * by the memory that was there at the time, and units above it may already be written.
 */
static bool is_held(const Block *block, bool grows)
{
        return grows && block->decision.verdict == VERDICT_KERNEL && block->decision.guards != 0;
}

static void planner_judge(Planner *planner, const Block *block, Tally *tally)
{
        const Rule *rule = matcher_find(&planner->matcher, block, tally->node);
        const Device *device = machine_device(planner->machine, block);
        bool grows = block_grows(planner, block), movable_node = guard_is_exempt(rule);
        Planned *planned = &planner->planned[planner->n_planned++];
        Decision *decision = &planned->decision;
        Unit *unit;

        *planned = (Planned){ .block = block->id, .node = block->node };
        decision->rule = rule ? (int32_t) (rule - planner->policy->rules) : RULE_DEFAULT;
        decision->action = rule ? rule->zone : ZONE_ACTION_AUTO;
        /* Writing to single blocks would put the device out of step with its own attribute. */
        decision->verdict = device && device->onlines_itself ?
                                    VERDICT_LEAVE :
                                    action_verdict(decision->action, block);
        if (decision->verdict == VERDICT_NONE && is_held(block, grows)) {
                decision->verdict = VERDICT_KERNEL;
                decision->guards = block->decision.guards;
                decision->figures = block->decision.figures;
        }
        if (decision->verdict != VERDICT_NONE) {
                tally->movable_node |= movable_node;
                planner_count(planner, tally, block, verdict_class(decision->verdict, block));
                return;
        }
        unit = planner_unit(planner, block);
        /* The rule of a unit counts only from the turn of the unit on. */
        tally->movable_node |= movable_node && !grows;
        if (unit)
                unit->movable_node |= movable_node;
        planner->items[planner->n_items++] = (Item){
                .planned = planned,
                .tally = tally,
                .unit = unit,
                .grows = grows,
                .movable_node = movable_node,
        };
}

void planner_collect(Planner *planner)
{
        const Machine *machine = planner->machine;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                Tally *tally = planner_tally(planner, block->node);

                if (!tally)
                        continue;
                if (planner->filter(block, planner->now_usec)) {
                        planner_judge(planner, block, tally);
                        continue;
                }
                planner_count(planner, tally, block, plan_class(block));
                if (block->decision.verdict != VERDICT_NONE)
                        tally->movable_node |=
                                guard_is_exempt(policy_rule(planner->policy, block->decision.rule));
        }
        assert(planner->tallies);
        for (size_t i = 0; i < machine->n_nodes; i++) {
                Tally *tally = &planner->tallies[i];

                tally->given_kernel_bytes = tally->kernel_bytes;
                tally->given_highest = tally->highest;
        }
}
