/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "plan.h"

/* What a node leads to: what is decided or there, and what is still to be decided as movable. */
typedef struct Tally {
        const Node *node;
        uint64_t cma_bytes;
        uint64_t given_kernel_bytes; /* without the blocks that `auto` decides */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        int64_t highest_kernel; /* block, or -1 */
        bool movable_node;
        size_t first_group; /* of its static ones, in the planner's array */
        size_t n_groups;
} Tally;

/* Blocks of a node that get one class together: consecutive items of the plan. */
typedef struct Group {
        size_t first; /* item */
        size_t n;
        ZoneClass siblings; /* the class the rest of the device is in, if it is one class */
        bool is_kernel;
} Group;

/* A block that `auto` decides. */
typedef struct Item {
        const Block *block;
        size_t decision;
} Item;

typedef struct Planner {
        const Machine *machine;
        const Policy *policy;
        PlanFilter filter;
        uint64_t now_usec;
        Matcher matcher;
        Tally *tallies; /* one per node of the machine, in its order */
        Decision *decisions;
        size_t n_decisions;
        Item *items; /* by block within a node for those of static groups; by block for the others */
        size_t n_items;
        Group *groups;
        size_t n_groups;
        uint64_t cma_bytes; /* the machine's, as in a tally */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
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

static ZoneClass fixed_class(const Block *block)
{
        return block->status == BLOCK_STATUS_WRITING ? verdict_class(block->verdict, block) :
                                                       block_class(block);
}

/* Collecting: what the plan has to live with, and what it is to decide */

static void planner_add(Planner *planner, Tally *tally, const Block *block, ZoneClass zone_class)
{
        uint64_t bytes = planner->machine->block_size_bytes;

        if (zone_class == ZONE_CLASS_MOVABLE) {
                tally->movable_bytes += bytes;
                planner->movable_bytes += bytes;
        }
        if (zone_class == ZONE_CLASS_KERNEL) {
                tally->kernel_bytes += bytes;
                planner->kernel_bytes += bytes;
                tally->highest_kernel = MAX(tally->highest_kernel, (int64_t) block->id);
        }
}

/* What an action comes to, VERDICT_NONE standing for "to be worked out": `auto`. */
static Verdict action_verdict(ZoneAction action, const Block *block)
{
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

static bool rule_has_movable_node(const Policy *policy, int32_t rule)
{
        return rule >= 0 && (size_t) rule < policy->n_rules && policy->rules[rule].movable_node;
}

static void planner_judge(Planner *planner, const Block *block, Tally *tally)
{
        const Rule *rule = matcher_find(&planner->matcher, block, tally->node);
        const Device *device = machine_device(planner->machine, block);
        Decision *decision = &planner->decisions[planner->n_decisions];

        *decision = (Decision){
                .block = block->id,
                .rule = rule ? (int32_t) (rule - planner->policy->rules) : RULE_DEFAULT,
                .action = rule ? rule->zone : ZONE_ACTION_AUTO,
        };
        /* To write to its blocks would put it out of step with its own attribute. */
        decision->verdict = device && device->onlines_itself ?
                                    VERDICT_LEAVE :
                                    action_verdict(decision->action, block);
        tally->movable_node |= rule && rule->movable_node;

        if (decision->verdict == VERDICT_NONE)
                planner->items[planner->n_items++] = (Item){ block, planner->n_decisions };
        else
                planner_add(planner, tally, block, verdict_class(decision->verdict, block));
        planner->n_decisions++;
}

static void planner_collect(Planner *planner)
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
                planner_add(planner, tally, block, fixed_class(block));
                if (block->verdict != VERDICT_NONE)
                        tally->movable_node |= rule_has_movable_node(planner->policy, block->rule);
        }
        for (size_t i = 0; i < machine->n_nodes; i++)
                planner->tallies[i].given_kernel_bytes = planner->tallies[i].kernel_bytes;
}

/* Groups */

static bool item_grows(const Planner *planner, const Item *item)
{
        const Device *device = machine_device(planner->machine, item->block);

        return device && device->unit_blocks > 0;
}

/* The blocks that whole_device treats as one with a block: *ret_first up to and including *ret_last. */
static void whole_range(const Planner *planner, const Block *block, uint32_t *ret_first,
                        uint32_t *ret_last)
{
        const Device *device = machine_device(planner->machine, block);

        *ret_first = *ret_last = block->id;
        if (!planner->policy->whole_device || !device)
                return;
        if (device_is_static(device)) {
                *ret_first = MIN(block->id, device->first_block);
                *ret_last = MAX(block->id, device->last_block);
        } else if (device->unit_blocks > 0 && block->id >= device->first_block) {
                *ret_first = block->id - (block->id - device->first_block) % device->unit_blocks;
                *ret_last = *ret_first + device->unit_blocks - 1;
        }
}

/* The class that those of a range are in which the plan does not decide; NONE when there is not one. */
static ZoneClass siblings_class(const Planner *planner, const Block *block, uint32_t first,
                                uint32_t last)
{
        const Machine *machine = planner->machine;
        ZoneClass found = ZONE_CLASS_NONE;

        for (size_t i = machine_block_index(machine, first);
             i < machine->n_blocks && machine->blocks[i].id <= last; i++) {
                const Block *sibling = &machine->blocks[i];
                ZoneClass zone_class = fixed_class(sibling);

                if (sibling->device != block->device || zone_class == ZONE_CLASS_NONE ||
                    planner->filter(sibling, planner->now_usec))
                        continue;
                if (found != ZONE_CLASS_NONE && found != zone_class)
                        return ZONE_CLASS_NONE;
                found = zone_class;
        }
        return found;
}

/* The group that begins with an item, of those up to `end`. */
static Group group_at(const Planner *planner, size_t first, size_t end)
{
        const Block *block = planner->items[first].block;
        Group group = { .first = first, .n = 1 };
        uint32_t low, high;

        whole_range(planner, block, &low, &high);
        while (first + group.n < end && planner->items[first + group.n].block->id <= high &&
               planner->items[first + group.n].block->device == block->device &&
               planner->items[first + group.n].block->node == block->node)
                group.n++;
        if (high > low)
                group.siblings = siblings_class(planner, block, low, high);
        return group;
}

/* By node, then block; those of devices that grow last, by block. */
static int compare_items(const void *a, const void *b, void *userdata)
{
        const Item *x = a, *y = b;
        bool x_grows = item_grows(userdata, x), y_grows = item_grows(userdata, y);

        if (x_grows != y_grows)
                return x_grows - y_grows;
        if (!x_grows && x->block->node != y->block->node)
                return x->block->node < y->block->node ? -1 : 1;
        return (x->block->id > y->block->id) - (x->block->id < y->block->id);
}

static bool items_are_sorted(Planner *planner)
{
        for (size_t i = 1; i < planner->n_items; i++)
                if (compare_items(&planner->items[i - 1], &planner->items[i], planner) > 0)
                        return false;
        return true;
}

/* Makes the static groups, and counts their blocks as movable until something speaks against it. */
static size_t planner_group(Planner *planner)
{
        size_t i = 0, n_static = 0;

        /* Nodes mostly follow each other as their blocks do. */
        if (!items_are_sorted(planner))
                qsort_r(planner->items, planner->n_items, sizeof(Item), compare_items, planner);
        while (n_static < planner->n_items && !item_grows(planner, &planner->items[n_static]))
                n_static++;

        while (i < n_static) {
                const Block *block = planner->items[i].block;
                Tally *tally = planner_tally(planner, block->node);
                Group *group = &planner->groups[planner->n_groups];

                *group = group_at(planner, i, n_static);
                if (tally->n_groups++ == 0)
                        tally->first_group = planner->n_groups;
                planner->n_groups++;
                for (; i < group->first + group->n; i++)
                        planner_add(planner, tally, planner->items[i].block, ZONE_CLASS_MOVABLE);
        }
        return n_static;
}

/* Guards */

/* CMA areas lie in kernel zones but hold movable pages only. */
static Figures count_cma(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes)
{
        cma_bytes = MIN(cma_bytes, kernel_bytes);
        return (Figures){ .kernel_bytes = kernel_bytes - cma_bytes,
                          .movable_bytes = movable_bytes + cma_bytes };
}

/*
 * Whether movable / kernel is over the ratio. Counted in 4 KiB, of which sizes are multiples: 64 bits
 * suffice for 2^52 bytes then, the most that an x86 or arm64 machine can address, at the largest
 * ratio.
 */
static bool ratio_is_exceeded(Figures *figures, uint32_t ratio_permille)
{
        figures->limit = ratio_permille;
        return (figures->movable_bytes >> 12) * 1000 >
               (figures->kernel_bytes >> 12) * ratio_permille;
}

static Figures node_figures(const Tally *tally)
{
        return count_cma(tally->kernel_bytes, tally->movable_bytes, tally->cma_bytes);
}

static Figures machine_figures(const Planner *planner)
{
        Figures figures =
                count_cma(planner->kernel_bytes, planner->movable_bytes, planner->cma_bytes);

        figures.of_machine = true;
        return figures;
}

static uint64_t planner_min_kernel(const Planner *planner, const Tally *tally)
{
        if (tally->movable_node)
                return 0;
        return planner->policy->min_kernel_bytes == MIN_KERNEL_ONE_BLOCK ?
                       planner->machine->block_size_bytes :
                       planner->policy->min_kernel_bytes;
}

/* A node without a CPU counts in the machine's ratio alone: its users run elsewhere. */
static bool has_node_ratio(const Planner *planner, const Tally *tally)
{
        return planner->policy->per_node && tally->node->has_cpu;
}

/* The guards of a node that want kernel memory, and what the first of them compared. */
static unsigned node_guards(const Planner *planner, const Tally *tally, Figures *ret_figures)
{
        uint64_t min_kernel_bytes = planner_min_kernel(planner, tally);
        Figures figures = node_figures(tally);
        unsigned guards = 0;

        if (has_node_ratio(planner, tally) &&
            ratio_is_exceeded(&figures, planner->policy->max_movable_ratio_permille)) {
                guards |= GUARD_NODE_RATIO;
                *ret_figures = figures;
        }
        if (tally->kernel_bytes < min_kernel_bytes) {
                guards |= GUARD_MIN_KERNEL;
                *ret_figures = (Figures){ .kernel_bytes = tally->given_kernel_bytes,
                                          .limit = min_kernel_bytes };
        }
        return guards;
}

static void group_set(Planner *planner, Group *group, Verdict verdict, unsigned guards,
                      const Figures *figures)
{
        for (size_t i = group->first; i < group->first + group->n; i++) {
                Decision *decision = &planner->decisions[planner->items[i].decision];

                decision->verdict = verdict;
                decision->guards = guards;
                decision->figures = *figures;
        }
}

static bool is_whole(const Planner *planner, const Group *group)
{
        return planner->policy->whole_device && group->n > 1;
}

/* Makes a group kernel memory that has been counted as movable. */
static void group_take(Planner *planner, Tally *tally, Group *group, unsigned guards,
                       const Figures *figures)
{
        uint64_t bytes = group->n * planner->machine->block_size_bytes;

        if (is_whole(planner, group))
                guards |= GUARD_WHOLE_DEVICE;
        group_set(planner, group, VERDICT_KERNEL, guards, figures);
        group->is_kernel = true;
        tally->movable_bytes -= bytes;
        planner->movable_bytes -= bytes;
        for (size_t i = group->first; i < group->first + group->n; i++)
                planner_add(planner, tally, planner->items[i].block, ZONE_CLASS_KERNEL);
}

/*
 * The guards that want a group in the kernel class as things stand. A device part of which is movable
 * already is split by the first two only.
 */
static unsigned group_guards(const Planner *planner, const Tally *tally, const Group *group,
                             Figures *ret_figures)
{
        int64_t lowest = planner->items[group->first].block->id;
        unsigned guards;

        *ret_figures = (Figures){};
        guards = node_guards(planner, tally, ret_figures);
        if (group->siblings == ZONE_CLASS_MOVABLE)
                return guards;
        if (group->siblings == ZONE_CLASS_KERNEL)
                guards |= GUARD_WHOLE_DEVICE;
        if (planner->policy->contiguous && lowest < tally->highest_kernel) {
                if (!guards)
                        ret_figures->limit = (uint64_t) tally->highest_kernel;
                guards |= GUARD_CONTIGUOUS;
        }
        return guards;
}

/* In which order groups become kernel memory, before their addresses: the rest of the device has it. */
static unsigned group_rank(const Group *group)
{
        static const unsigned ranks[_ZONE_CLASS_MAX] = {
                [ZONE_CLASS_KERNEL] = 0,
                [ZONE_CLASS_NONE] = 1,
                [ZONE_CLASS_MOVABLE] = 2,
        };

        return ranks[group->siblings];
}

#define N_RANKS 3

static void planner_guard_node(Planner *planner, Tally *tally)
{
        for (unsigned rank = 0; rank < N_RANKS; rank++)
                for (size_t i = 0; i < tally->n_groups; i++) {
                        Group *group = &planner->groups[tally->first_group + i];
                        Figures figures;
                        unsigned guards;

                        if (group_rank(group) != rank)
                                continue;
                        guards = group_guards(planner, tally, group, &figures);
                        if (guards)
                                group_take(planner, tally, group, guards, &figures);
                }
}

/* Takes kernel memory for the machine's ratio from a node. Returns whether that suffices. */
static bool planner_guard_machine_by(Planner *planner, Tally *tally, unsigned rank)
{
        for (size_t i = 0; i < tally->n_groups; i++) {
                Group *group = &planner->groups[tally->first_group + i];
                Figures figures = machine_figures(planner);

                if (!ratio_is_exceeded(&figures, planner->policy->max_movable_ratio_permille))
                        return true;
                if (!group->is_kernel && group_rank(group) == rank)
                        group_take(planner, tally, group, GUARD_MACHINE_RATIO, &figures);
        }
        return false;
}

static void planner_guard_machine(Planner *planner)
{
        for (unsigned rank = 0; rank < N_RANKS; rank++)
                for (unsigned cpuless = 0; cpuless < 2; cpuless++)
                        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                                Tally *tally = &planner->tallies[i];

                                if (tally->node->has_cpu == cpuless)
                                        continue;
                                if (planner_guard_machine_by(planner, tally, rank))
                                        return;
                        }
}

/* What stayed movable did so within these. */
static void group_leave_movable(Planner *planner, const Tally *tally, Group *group)
{
        Figures figures =
                has_node_ratio(planner, tally) ? node_figures(tally) : machine_figures(planner);

        (void) ratio_is_exceeded(&figures, planner->policy->max_movable_ratio_permille);
        group_set(planner, group, VERDICT_MOVABLE,
                  group->siblings == ZONE_CLASS_MOVABLE ? GUARD_WHOLE_DEVICE : 0, &figures);
}

static void planner_finish_static(Planner *planner)
{
        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                Tally *tally = &planner->tallies[i];

                for (size_t j = 0; j < tally->n_groups; j++) {
                        Group *group = &planner->groups[tally->first_group + j];

                        if (!group->is_kernel)
                                group_leave_movable(planner, tally, group);
                }
        }
}

/* Decides one unit of a device that grows. */
static void planner_decide_unit(Planner *planner, Group *group)
{
        Tally *tally = planner_tally(planner, planner->items[group->first].block->node);
        Figures figures, machine;
        unsigned guards;

        for (size_t i = group->first; i < group->first + group->n; i++)
                planner_add(planner, tally, planner->items[i].block, ZONE_CLASS_MOVABLE);

        guards = group_guards(planner, tally, group, &figures);
        machine = machine_figures(planner);
        if (ratio_is_exceeded(&machine, planner->policy->max_movable_ratio_permille)) {
                if (!(guards & (GUARD_MIN_KERNEL | GUARD_NODE_RATIO)))
                        figures = machine;
                guards |= GUARD_MACHINE_RATIO;
        }
        if (guards)
                group_take(planner, tally, group, guards, &figures);
        else
                group_leave_movable(planner, tally, group);
}

static void planner_decide(Planner *planner)
{
        size_t i = planner_group(planner);

        for (size_t j = 0; j < planner->machine->n_nodes; j++)
                planner_guard_node(planner, &planner->tallies[j]);
        planner_guard_machine(planner);
        planner_finish_static(planner);

        while (i < planner->n_items) {
                Group group = group_at(planner, i, planner->n_items);

                planner_decide_unit(planner, &group);
                i += group.n;
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

static int planner_init(Planner *planner, const Machine *machine, const Policy *policy)
{
        /* One more, so that an empty machine is no allocation of nothing. */
        planner->tallies = calloc(machine->n_nodes + 1, sizeof(Tally));
        planner->decisions = calloc(machine->n_blocks + 1, sizeof(Decision));
        planner->items = calloc(machine->n_blocks + 1, sizeof(Item));
        planner->groups = calloc(machine->n_blocks + 1, sizeof(Group));
        if (!planner->tallies || !planner->decisions || !planner->items || !planner->groups)
                return -ENOMEM;

        for (size_t i = 0; i < machine->n_nodes; i++)
                planner->tallies[i] = (Tally){
                        .node = &machine->nodes[i],
                        .cma_bytes = machine_cma_bytes(machine, (int32_t) machine->nodes[i].id),
                        .highest_kernel = -1,
                };
        planner->cma_bytes = machine_cma_bytes(machine, NODE_ANY);
        return matcher_init(&planner->matcher, policy, machine);
}

static void planner_done(Planner *planner)
{
        matcher_done(&planner->matcher);
        free(planner->tallies);
        free(planner->decisions);
        free(planner->items);
        free(planner->groups);
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
        planner_decide(&planner);

        *ret = (Plan){
                .decisions = TAKE_PTR(planner.decisions),
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
