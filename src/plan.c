/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "plan.h"

/* What a node leads to: its memory outside the plan and inside it. */
typedef struct Tally {
        const Node *node;
        uint64_t kernel_bytes; /* without the blocks that `auto` decides */
        uint64_t movable_bytes;
        int64_t highest_kernel; /* block, or -1 */

        size_t n_auto;       /* blocks that `auto` decides */
        size_t n_below;      /* of them, below the highest kernel block */
        size_t n_min_kernel; /* how many of the lowest each guard wants in the kernel class */
        size_t n_node_ratio;
        size_t n_kernel; /* how many of the lowest are */
        size_t n_seen;   /* while decisions are filled in */
} Tally;

typedef struct Planner {
        const Machine *machine;
        const Policy *policy;
        Tally *tallies; /* one per node of the machine, in its order */
        Decision *decisions;
        size_t n_decisions;
        Tally *last; /* the one found last */
} Planner;

void plan_done(Plan *plan)
{
        free(plan->decisions);
        free(plan->order);
        *plan = (Plan){};
}

bool verdict_accepts(Verdict verdict, ZoneClass zone_class)
{
        switch (verdict) {
        case VERDICT_KERNEL:
                return zone_class == ZONE_CLASS_KERNEL;
        case VERDICT_MOVABLE:
                return zone_class == ZONE_CLASS_MOVABLE;
        default:
                return true;
        }
}

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

/*
 * The class a verdict leads to; `auto` is not a verdict, so there always is one but for what is
 * left.
 */
static ZoneClass verdict_class(Verdict verdict, const Block *block)
{
        switch (verdict) {
        case VERDICT_KERNEL:
                return ZONE_CLASS_KERNEL;
        case VERDICT_MOVABLE:
                return ZONE_CLASS_MOVABLE;
        case VERDICT_KERNEL_DEFAULT:
                /* The kernel names its default first; unknown counts as the safe side. */
                return block->zones.n_zones > 0 ? zone_type_to_class(block->zones.zones[0]) :
                                                  ZONE_CLASS_KERNEL;
        default:
                return ZONE_CLASS_NONE;
        }
}

static void tally_add(Tally *tally, const Block *block, ZoneClass zone_class, uint64_t bytes)
{
        if (zone_class == ZONE_CLASS_MOVABLE)
                tally->movable_bytes += bytes;
        if (zone_class != ZONE_CLASS_KERNEL)
                return;

        tally->kernel_bytes += bytes;
        tally->highest_kernel = MAX(tally->highest_kernel, (int64_t) block->id);
}

/* What the rule says, VERDICT_NONE standing for "to be worked out": `auto`. */
static Verdict rule_verdict(const Rule *rule, const Block *block)
{
        ZoneAction action = rule ? rule->zone : ZONE_ACTION_AUTO;

        switch (action) {
        case ZONE_ACTION_MOVABLE:
                return VERDICT_MOVABLE;
        case ZONE_ACTION_KERNEL:
                return VERDICT_KERNEL;
        case ZONE_ACTION_KERNEL_DEFAULT:
                return VERDICT_KERNEL_DEFAULT;
        case ZONE_ACTION_LEAVE:
                return VERDICT_LEAVE;
        case ZONE_ACTION_KEEP:
                if (block->last_class == ZONE_CLASS_KERNEL)
                        return VERDICT_KERNEL;
                if (block->last_class == ZONE_CLASS_MOVABLE)
                        return VERDICT_MOVABLE;
                return VERDICT_NONE;
        default:
                return VERDICT_NONE;
        }
}

static void planner_judge(Planner *planner, const Block *block, Tally *tally)
{
        const Rule *rule = policy_match(planner->policy, block, tally->node);
        Decision *decision = &planner->decisions[planner->n_decisions++];

        *decision = (Decision){
                .block = block->id,
                .rule = rule ? (int32_t) (rule - planner->policy->rules) : RULE_DEFAULT,
                .verdict = rule_verdict(rule, block),
        };

        if (decision->verdict == VERDICT_NONE)
                tally->n_auto++;
        else
                tally_add(tally, block, verdict_class(decision->verdict, block),
                          planner->machine->block_size_bytes);
}

static ZoneClass fixed_class(const Block *block)
{
        return block->status == BLOCK_STATUS_WRITING ? verdict_class(block->verdict, block) :
                                                       block_class(block);
}

static void planner_collect(Planner *planner, PlanFilter filter, uint64_t now_usec)
{
        const Machine *machine = planner->machine;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                Tally *tally = planner_tally(planner, block->node);

                if (!tally)
                        continue;
                if (filter(block, now_usec))
                        planner_judge(planner, block, tally);
                else
                        tally_add(tally, block, fixed_class(block), machine->block_size_bytes);
        }
}

static size_t div_round_up(uint64_t dividend, uint64_t divisor)
{
        return dividend / divisor + (dividend % divisor != 0);
}

/*
 * How many of n blocks must be kernel memory, the rest being movable, beside what is there, so
 * that movable / kernel is at most the ratio: the smallest k with
 *   movable + (n - k) * size <= ratio * (kernel + k * size).
 * Sizes are multiples of 4 KiB and counted in that unit: 64 bits suffice for 2^52 bytes then, the
 * most that an x86 or arm64 machine can address, at the largest ratio.
 */
static size_t ratio_blocks(uint64_t kernel_bytes, uint64_t movable_bytes, size_t n,
                           uint64_t block_size_bytes, uint32_t ratio_permille)
{
        uint64_t size = block_size_bytes >> 12;
        uint64_t wanted = ((movable_bytes >> 12) + n * size) * 1000;
        uint64_t allowed = (kernel_bytes >> 12) * ratio_permille;

        if (wanted <= allowed)
                return 0;
        return MIN(n, div_round_up(wanted - allowed, size * (1000 + (uint64_t) ratio_permille)));
}

/* CMA areas lie in kernel zones but hold movable pages only. */
static void count_cma(uint64_t cma_bytes, uint64_t *kernel_bytes, uint64_t *movable_bytes)
{
        cma_bytes = MIN(cma_bytes, *kernel_bytes);
        *kernel_bytes -= cma_bytes;
        *movable_bytes += cma_bytes;
}

static size_t planner_min_kernel(const Planner *planner, const Tally *tally)
{
        uint64_t size = planner->machine->block_size_bytes;
        uint64_t wanted = planner->policy->min_kernel_bytes;

        if (wanted == MIN_KERNEL_ONE_BLOCK)
                wanted = size;
        if (tally->kernel_bytes >= wanted)
                return 0;
        return MIN(tally->n_auto, div_round_up(wanted - tally->kernel_bytes, size));
}

static void planner_guard_node(Planner *planner, Tally *tally)
{
        uint64_t kernel_bytes = tally->kernel_bytes, movable_bytes = tally->movable_bytes;

        tally->n_min_kernel = planner_min_kernel(planner, tally);

        /* A node without a CPU counts in the machine's ratio alone: its users run elsewhere. */
        if (planner->policy->per_node && tally->node->has_cpu) {
                count_cma(machine_cma_bytes(planner->machine, (int32_t) tally->node->id),
                          &kernel_bytes, &movable_bytes);
                tally->n_node_ratio = ratio_blocks(kernel_bytes, movable_bytes, tally->n_auto,
                                                   planner->machine->block_size_bytes,
                                                   planner->policy->max_movable_ratio_permille);
        }

        tally->n_kernel = MAX(tally->n_min_kernel, tally->n_node_ratio);
        if (planner->policy->contiguous)
                tally->n_kernel = MAX(tally->n_kernel, tally->n_below);
}

/* Takes up to `wanted` more kernel blocks from nodes with a CPU, or from those without. */
static size_t planner_take_kernel(Planner *planner, bool has_cpu, size_t wanted)
{
        for (size_t i = 0; i < planner->machine->n_nodes && wanted > 0; i++) {
                Tally *tally = &planner->tallies[i];
                size_t n = MIN(wanted, tally->n_auto - tally->n_kernel);

                if (tally->node->has_cpu != has_cpu)
                        continue;
                tally->n_kernel += n;
                wanted -= n;
        }
        return wanted;
}

static void planner_guard_machine(Planner *planner)
{
        uint64_t size = planner->machine->block_size_bytes;
        uint64_t kernel_bytes = 0, movable_bytes = 0;
        size_t n_free = 0, wanted;

        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                const Tally *tally = &planner->tallies[i];

                kernel_bytes += tally->kernel_bytes + tally->n_kernel * size;
                movable_bytes += tally->movable_bytes;
                n_free += tally->n_auto - tally->n_kernel;
        }
        count_cma(machine_cma_bytes(planner->machine, NODE_ANY), &kernel_bytes, &movable_bytes);

        wanted = ratio_blocks(kernel_bytes, movable_bytes, n_free, size,
                              planner->policy->max_movable_ratio_permille);
        wanted = planner_take_kernel(planner, true, wanted);
        planner_take_kernel(planner, false, wanted);
}

static void planner_guard(Planner *planner)
{
        for (size_t i = 0; i < planner->n_decisions; i++) {
                const Decision *decision = &planner->decisions[i];
                const Block *block = machine_find_block(planner->machine, decision->block);
                Tally *tally = planner_tally(planner, block->node);

                if (decision->verdict == VERDICT_NONE)
                        tally->n_below += decision->block < tally->highest_kernel;
        }

        for (size_t i = 0; i < planner->machine->n_nodes; i++)
                planner_guard_node(planner, &planner->tallies[i]);
        planner_guard_machine(planner);
}

/* Decides the i-th lowest `auto` block of a node. */
static void tally_decide(const Tally *tally, const Policy *policy, size_t i, Decision *decision)
{
        if (i >= tally->n_kernel) {
                decision->verdict = VERDICT_MOVABLE;
                return;
        }

        decision->verdict = VERDICT_KERNEL;
        if (i < tally->n_min_kernel)
                decision->guards |= GUARD_MIN_KERNEL;
        if (i < tally->n_node_ratio)
                decision->guards |= GUARD_NODE_RATIO;
        if (policy->contiguous && i < tally->n_below)
                decision->guards |= GUARD_CONTIGUOUS;
        if (!decision->guards)
                decision->guards = GUARD_MACHINE_RATIO;
}

static void planner_decide(Planner *planner)
{
        for (size_t i = 0; i < planner->n_decisions; i++) {
                Decision *decision = &planner->decisions[i];
                const Block *block;
                Tally *tally;

                if (decision->verdict != VERDICT_NONE)
                        continue;
                block = machine_find_block(planner->machine, decision->block);
                tally = planner_tally(planner, block->node);
                tally_decide(tally, planner->policy, tally->n_seen++, decision);
        }
}

static bool is_kernel_first(Verdict verdict)
{
        return verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT;
}

static void plan_order(Plan *plan)
{
        for (size_t i = plan->n_decisions; i-- > 0;)
                if (is_kernel_first(plan->decisions[i].verdict))
                        plan->order[plan->n_order++] = (uint32_t) i;
        for (size_t i = plan->n_decisions; i-- > 0;)
                if (plan->decisions[i].verdict == VERDICT_MOVABLE)
                        plan->order[plan->n_order++] = (uint32_t) i;
}

int plan_make(const Machine *machine, const Policy *policy, PlanFilter filter, uint64_t now_usec,
              Plan *ret)
{
        /* One more, so that an empty machine is no allocation of nothing. */
        _cleanup_free_ Tally *tallies = calloc(machine->n_nodes + 1, sizeof(Tally));
        _cleanup_free_ Decision *decisions = calloc(machine->n_blocks + 1, sizeof(Decision));
        _cleanup_free_ uint32_t *order = calloc(machine->n_blocks + 1, sizeof(uint32_t));
        Planner planner = {
                .machine = machine,
                .policy = policy,
                .tallies = tallies,
                .decisions = decisions,
        };

        if (!tallies || !decisions || !order)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++) {
                tallies[i].node = &machine->nodes[i];
                tallies[i].highest_kernel = -1;
        }

        planner_collect(&planner, filter, now_usec);
        planner_guard(&planner);
        planner_decide(&planner);

        *ret = (Plan){
                .decisions = TAKE_PTR(decisions),
                .n_decisions = planner.n_decisions,
                .order = TAKE_PTR(order),
        };
        plan_order(ret);
        return 0;
}

const Decision *plan_find(const Plan *plan, uint32_t block)
{
        size_t low = 0, high = plan->n_decisions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (plan->decisions[middle].block == block)
                        return &plan->decisions[middle];
                if (plan->decisions[middle].block < block)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}
