/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Selects the blocks that go online, and their classes. */

#include "job/selector.h"

/* The Block.job of the blocks that the plan is to decide. No job has this number. */
#define JOB_SELECTING UINT32_MAX

static bool is_selecting(const Block *block, uint64_t now_usec)
{
        (void) now_usec;
        return block->job == JOB_SELECTING;
}

static bool has_node(const Selector *selector, const Block *block)
{
        return block->node >= 0 && machine_find_node(selector->machine, (uint32_t) block->node);
}

/*
 * Removes the targets that are online, that memoryd is already bringing online, or that cannot be chosen for
 * a size.
 */
static void keep_candidates(Selector *selector)
{
        size_t n = 0;

        for (size_t i = 0; i < selector->n_targets; i++) {
                Block *block = selector->targets[i].block;

                if (block->state == BLOCK_OFFLINE && block->status != BLOCK_STATUS_WRITING &&
                    !block->in_dax_write &&
                    (!selector->has_size ||
                     (has_node(selector, block) && selector_is_available(selector, block))))
                        selector->targets[n++].block = block;
        }
        selector->n_targets = n;
}

static int check_named(Selector *selector)
{
        if (selector->n_targets == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "all of %s is online already, or on its way",
                                       selector->name);
        for (size_t i = 0; i < selector->n_targets; i++)
                if (!has_node(selector, selector->targets[i].block))
                        return selector_refuse(selector, REFUSAL_BLOCKS_BUSY,
                                               "memory%u has no node yet: the kernel is still "
                                               "adding it",
                                               selector->targets[i].block->id);
        return selector_check_dax_parts(selector);
}

/*
 * Chooses the lowest blocks, or the highest if they are to be movable: kernel memory lies below movable
 * memory.
 */
static int choose_size(Selector *selector)
{
        size_t n = selector->n_targets, n_wanted = (size_t) selector->n_wanted;
        char available[FORMAT_BYTES_MAX];

        if (n < selector->n_wanted)
                return selector_refuse(
                        selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                        "%s cannot go online: %s is offline and not part of a job", selector->name,
                        format_bytes_exact(n * selector->machine->block_size_bytes, available));
        if (selector->request->zone_class == ZONE_CLASS_MOVABLE)
                memmove(selector->targets, selector->targets + n - n_wanted,
                        n_wanted * sizeof(Target));
        selector->n_targets = n_wanted;
        return 0;
}

/* Takes the steps from a plan, which decides on all targets and has them in the order of the targets. */
static int take_plan(Selector *selector, const Plan *plan)
{
        assert(plan->n_planned == selector->n_targets);
        for (size_t i = 0; i < plan->n_order; i++) {
                const Decision *decision = &plan->planned[plan->order[i]].decision;
                Step *step = &selector->steps[selector->n_steps];

                selector_take(selector, &selector->targets[plan->order[i]], decision->verdict);
                step->has_decision = true;
                step->decision = *decision;
        }
        if (selector->n_steps == selector->n_targets)
                return 0;
        return selector_refuse(selector, REFUSAL_INVALID_REQUEST,
                               "the policy has no class for a part of %s: name a zone",
                               selector->name);
}

/*
 * Has a plan decide on the targets. The guards of earlier plans are cleared meanwhile, because the plan would
 * keep to their results.
 */
static int online_by_plan(Selector *selector, const Policy *policy)
{
        _cleanup_(plan_done) Plan plan = {};
        _cleanup_free_ unsigned *guards = calloc(selector->n_targets, sizeof(unsigned));
        int r;

        if (!guards)
                return -ENOMEM;
        for (size_t i = 0; i < selector->n_targets; i++) {
                Block *block = selector->targets[i].block;

                guards[i] = block->decision.guards;
                block->decision.guards = 0;
                block->job = JOB_SELECTING;
        }
        r = plan_make(selector->machine, policy, is_selecting, 0, &plan);
        for (size_t i = 0; i < selector->n_targets; i++) {
                selector->targets[i].block->decision.guards = guards[i];
                selector->targets[i].block->job = 0;
        }
        return r < 0 ? r : take_plan(selector, &plan);
}

/*
 * Has the policy decide, with `auto` in the place of rules that leave memory alone: a request overrides them.
 */
static int online_by_policy(Selector *selector)
{
        Policy policy = *selector->policy;
        _cleanup_free_ Rule *rules = calloc(policy.n_rules + 1, sizeof(Rule));

        if (!rules)
                return -ENOMEM;
        for (size_t i = 0; i < policy.n_rules; i++) {
                rules[i] = policy.rules[i];
                if (verdict_is_left(zone_action_to_verdict(rules[i].zone)))
                        rules[i].zone = ZONE_ACTION_AUTO;
        }
        policy.rules = rules;
        return online_by_plan(selector, &policy);
}

int selector_online(Selector *selector)
{
        ZoneClass zone_class = selector->request->zone_class;
        int r;

        keep_candidates(selector);
        r = selector->has_size ? choose_size(selector) : check_named(selector);
        if (r != 0)
                return r;
        if (zone_class == ZONE_CLASS_NONE)
                return online_by_policy(selector);
        for (size_t i = selector->n_targets; i-- > 0;)
                selector_take(selector, &selector->targets[i],
                              zone_class == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL);
        return 0;
}
