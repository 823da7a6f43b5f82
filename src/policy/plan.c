/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes a plan, and puts its writes in order. */

#include "policy/plan-private.h"

void plan_done(Plan *plan)
{
        free(plan->planned);
        free(plan->order);
        *plan = (Plan){};
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
 * Orders each class from the top down. For each block that goes online, the kernel walks through the zone
 * from its lowest page to the first hole, and the block itself is such a hole (6.1: set_zone_contiguous()
 * comes before the sections are marked online). If the zone begins with these blocks, the kernel then walks
 * one step per block. If the zone has memory below them, it walks through that memory. Upwards, or outwards
 * from the middle, it would also walk through all blocks that were onlined before. The lowest block first and
 * then from the top down costs the same, except for one block.
 *
 * Kernel memory of a node is written in this last order: the kernel first uses the memory that came first,
 * and the lowest block is to become movable last.
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

static int planner_init(Planner *planner, const Machine *machine, const Policy *policy)
{
        /* One element more, so that no allocation is empty on an empty machine. */
        planner->tallies = calloc(machine->n_nodes + 1, sizeof(Tally));
        planner->planned = calloc(machine->n_blocks + 1, sizeof(Planned));
        planner->items = calloc(machine->n_blocks + 1, sizeof(Item));
        planner->groups = calloc(machine->n_blocks + 1, sizeof(Group));
        planner->units = calloc(machine->n_blocks + 1, sizeof(Unit));
        planner->last_units = calloc(machine->n_devices + 1, sizeof(Unit *));
        if (!planner->tallies || !planner->planned || !planner->items || !planner->groups ||
            !planner->units || !planner->last_units)
                return -ENOMEM;

        for (size_t i = 0; i < machine->n_nodes; i++)
                planner->tallies[i] = (Tally){
                        .node = &machine->nodes[i],
                        .cma_bytes = machine_cma_bytes(machine, (int32_t) machine->nodes[i].id),
                        .highest = { -1, -1 },
                };
        planner->cma_bytes = machine_cma_bytes(machine, NODE_ANY);
        return matcher_init(&planner->matcher, policy, machine);
}

static void planner_done(Planner *planner)
{
        matcher_done(&planner->matcher);
        free(planner->tallies);
        free(planner->planned);
        free(planner->items);
        free(planner->groups);
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
        };
        _cleanup_free_ uint32_t *order = calloc(machine->n_blocks + 1, sizeof(uint32_t));
        int r = planner_init(&planner, machine, policy);

        if (r < 0 || !order)
                return -ENOMEM;
        planner_collect(&planner);
        planner_group(&planner);
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

const Planned *plan_find(const Plan *plan, uint32_t block)
{
        size_t low = 0, high = plan->n_planned;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (plan->planned[middle].block == block)
                        return &plan->planned[middle];
                if (plan->planned[middle].block < block)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}
