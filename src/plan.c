/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "plan.h"

#include "figures.h"

typedef struct Tally Tally;
typedef struct Group Group;

/*
 * What whole_device treats as one: a static device, or a unit of one that grows. It belongs to the
 * node of its lowest block; its blocks on another node are each on their own.
 */
typedef struct Whole {
        int32_t node;
        uint32_t unit;     /* which of its device */
        unsigned classes;  /* mask of 1 << ZoneClass, of those of its blocks that are not `auto` */
        Group *group;      /* of those that are */
        bool movable_node; /* by the rule of one of those */
} Whole;

/* A block that `auto` decides. */
typedef struct Item {
        Decision *decision;
        Tally *tally;
        Whole *whole;      /* or NULL */
        struct Item *next; /* in its group */
        bool grows;        /* of a device that grows */
        bool movable_node; /* by its rule */
} Item;

/*
 * In which order groups become kernel memory, before their addresses: by what the rest of the device
 * is. One that has movable memory already gives last and block by block, since it is split then.
 */
typedef enum Rank {
        RANK_KERNEL,
        RANK_ALONE,
        RANK_MOVABLE,
        _RANK_MAX,
} Rank;

/* Blocks of a node that get one class together. */
struct Group {
        Item *first; /* by block */
        Item *last;
        size_t n;
        Tally *tally;
        Whole *whole; /* or NULL */
        Rank rank;
        bool grows;
        bool is_kernel;
        int64_t highest_below; /* kernel block of the node, but for those of the groups above */
        Group *next;           /* by first block */
        Group *previous;
};

typedef struct GroupList {
        Group *first;
        Group *last;
} GroupList;

/* The highest kernel block of a node, or -1: of all, and but for those of devices that grow. */
typedef struct Highest {
        int64_t any;
        int64_t lasting;
} Highest;

/* What a node leads to: what is decided or there, and what is still to be decided as movable. */
struct Tally {
        const Node *node;
        uint64_t cma_bytes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        Highest highest;
        bool movable_node;
        GroupList groups; /* but for those of devices that grow */

        /* Without the blocks that `auto` decides. */
        uint64_t given_kernel_bytes;
        Highest given_highest;
};

typedef struct Planner {
        const Machine *machine;
        const Policy *policy;
        PlanFilter filter;
        uint64_t now_usec;
        Matcher matcher;
        Tally *tallies; /* one per node of the machine, in its order */
        Decision *decisions;
        size_t n_decisions;
        Item *items; /* by block */
        size_t n_items;
        Whole *wholes;
        size_t n_wholes;
        Whole **last_wholes; /* the one met last of each device of the machine */
        Group *groups;
        size_t n_groups;
        bool has_rank[_RANK_MAX]; /* whether there are such groups */
        GroupList growing;        /* groups of devices that grow */
        uint64_t cma_bytes;       /* the machine's, as in a tally */
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

ZoneClass verdict_class(Verdict verdict, const Block *block)
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

ZoneClass plan_class(const Block *block)
{
        ZoneClass zone_class = block_class(block);

        if (block->status == BLOCK_STATUS_WRITING)
                return verdict_class(block->verdict, block);
        if (block->status == BLOCK_STATUS_OFFLINING && zone_class == ZONE_CLASS_KERNEL)
                return ZONE_CLASS_NONE;
        return zone_class;
}

/* Collecting: what the plan has to live with, and what it is to decide */

static bool block_grows(const Planner *planner, const Block *block)
{
        const Device *device = machine_device(planner->machine, block);

        return device && device->unit_blocks > 0;
}

static void planner_add(Planner *planner, Tally *tally, uint32_t block, bool grows,
                        ZoneClass zone_class)
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

/* What a block is part of, if it is to be treated as a whole. Asked for in the order of blocks. */
static Whole *planner_whole(Planner *planner, const Block *block)
{
        const Device *device = machine_device(planner->machine, block);
        uint32_t unit = 0;
        Whole **last;

        if (!planner->policy->whole_device || !device)
                return NULL;
        if (device->unit_blocks > 0 && block->id >= device->first_block)
                unit = (block->id - device->first_block) / device->unit_blocks;
        else if (!device_is_static(device))
                return NULL;

        last = &planner->last_wholes[block->device];
        if (!*last || (*last)->unit != unit) {
                *last = &planner->wholes[planner->n_wholes++];
                **last = (Whole){ .node = block->node, .unit = unit };
        }
        return (*last)->node == block->node ? *last : NULL;
}

/* A block whose class is no longer to be decided. */
static void planner_count(Planner *planner, Tally *tally, const Block *block, ZoneClass zone_class)
{
        Whole *whole = planner_whole(planner, block);

        planner_add(planner, tally, block->id, block_grows(planner, block), zone_class);
        if (whole && zone_class != ZONE_CLASS_NONE)
                whole->classes |= 1U << zone_class;
}

/* What an action comes to, VERDICT_NONE standing for "to be worked out": `auto`. */
static Verdict action_verdict(ZoneAction action, const Block *block)
{
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_KERNEL)
                return VERDICT_KERNEL;
        if (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_MOVABLE)
                return VERDICT_MOVABLE;
        return zone_action_to_verdict(action);
}

static bool rule_has_movable_node(const Policy *policy, int32_t index)
{
        const Rule *rule = policy_rule(policy, index);

        return rule && rule->movable_node;
}

/*
 * A unit that the guards have made kernel memory before stays so until it is written. It was decided
 * over what was there by then, and units above it may be written already.
 */
static bool is_held(const Block *block, bool grows)
{
        return grows && block->verdict == VERDICT_KERNEL && block->guards != 0;
}

static void planner_judge(Planner *planner, const Block *block, Tally *tally)
{
        const Rule *rule = matcher_find(&planner->matcher, block, tally->node);
        const Device *device = machine_device(planner->machine, block);
        bool grows = block_grows(planner, block), movable_node = rule && rule->movable_node;
        Decision *decision = &planner->decisions[planner->n_decisions++];
        Whole *whole;

        *decision = (Decision){
                .block = block->id,
                .rule = rule ? (int32_t) (rule - planner->policy->rules) : RULE_DEFAULT,
                .action = rule ? rule->zone : ZONE_ACTION_AUTO,
        };
        /* To write to its blocks would put it out of step with its own attribute. */
        decision->verdict = device && device->onlines_itself ?
                                    VERDICT_LEAVE :
                                    action_verdict(decision->action, block);
        if (decision->verdict == VERDICT_NONE && is_held(block, grows)) {
                decision->verdict = VERDICT_KERNEL;
                decision->guards = block->guards;
                decision->figures = block->figures;
        }
        if (decision->verdict != VERDICT_NONE) {
                tally->movable_node |= movable_node;
                planner_count(planner, tally, block, verdict_class(decision->verdict, block));
                return;
        }
        whole = planner_whole(planner, block);
        /* Of a unit only from when it is its turn. */
        tally->movable_node |= movable_node && !grows;
        if (whole)
                whole->movable_node |= movable_node;
        planner->items[planner->n_items++] = (Item){
                .decision = decision,
                .tally = tally,
                .whole = whole,
                .grows = grows,
                .movable_node = movable_node,
        };
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
                planner_count(planner, tally, block, plan_class(block));
                if (block->verdict != VERDICT_NONE)
                        tally->movable_node |= rule_has_movable_node(planner->policy, block->rule);
        }
        assert(planner->tallies);
        for (size_t i = 0; i < machine->n_nodes; i++) {
                Tally *tally = &planner->tallies[i];

                tally->given_kernel_bytes = tally->kernel_bytes;
                tally->given_highest = tally->highest;
        }
}

/* Groups */

static Rank whole_rank(const Whole *whole)
{
        if (!whole || whole->classes == 0)
                return RANK_ALONE;
        return whole->classes & 1U << ZONE_CLASS_MOVABLE ? RANK_MOVABLE : RANK_KERNEL;
}

static Group *planner_new_group(Planner *planner, Item *item)
{
        GroupList *list = item->grows ? &planner->growing : &item->tally->groups;
        Group *group = &planner->groups[planner->n_groups++];

        *group = (Group){
                .first = item,
                .last = item,
                .n = 1,
                .tally = item->tally,
                .whole = item->whole,
                .rank = whole_rank(item->whole),
                .grows = item->grows,
                .previous = list->last,
        };
        if (list->last)
                list->last->next = group;
        else
                list->first = group;
        list->last = group;
        planner->has_rank[group->rank] = true;
        return group;
}

static void planner_group_item(Planner *planner, Item *item)
{
        Group *group = item->whole ? item->whole->group : NULL;

        if (group && group->rank != RANK_MOVABLE) {
                group->last->next = item;
                group->last = item;
                group->n++;
                return;
        }
        group = planner_new_group(planner, item);
        if (item->whole)
                item->whole->group = group;
}

/* Makes the groups, and counts the static ones as movable until something speaks against it. */
static void planner_group(Planner *planner)
{
        for (size_t i = 0; i < planner->n_items; i++) {
                Item *item = &planner->items[i];

                planner_group_item(planner, item);
                if (!item->grows)
                        planner_add(planner, item->tally, item->decision->block, false,
                                    ZONE_CLASS_MOVABLE);
        }
}

static int64_t group_lowest(const Group *group)
{
        assert(group->first); /* none is empty */
        return group->first->decision->block;
}

static int64_t group_highest(const Group *group)
{
        return group->last->decision->block;
}

/* Guards */

static Figures node_figures(const Tally *tally)
{
        return figures_of(tally->kernel_bytes, tally->movable_bytes, tally->cma_bytes);
}

static Figures machine_figures(const Planner *planner)
{
        Figures figures =
                figures_of(planner->kernel_bytes, planner->movable_bytes, planner->cma_bytes);

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
            figures_exceed(&figures, planner->policy->max_movable_ratio_permille)) {
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

static void group_set(const Group *group, Verdict verdict, unsigned guards, const Figures *figures)
{
        for (const Item *item = group->first; item; item = item->next) {
                item->decision->verdict = verdict;
                item->decision->guards = guards;
                item->decision->figures = *figures;
        }
}

/* Moves a group between the sums of the classes. */
static void group_shift(Planner *planner, const Group *group, bool to_kernel)
{
        uint64_t bytes = group->n * planner->machine->block_size_bytes;
        /* Unsigned: subtracts as well. */
        uint64_t change = to_kernel ? bytes : -bytes;

        group->tally->kernel_bytes += change;
        planner->kernel_bytes += change;
        group->tally->movable_bytes -= change;
        planner->movable_bytes -= change;
}

/* Makes a group kernel memory that has been counted as movable. */
static void group_take(Planner *planner, Group *group, unsigned guards, const Figures *figures)
{
        Highest *highest = &group->tally->highest;

        if (group->n > 1)
                guards |= GUARD_WHOLE_DEVICE;
        group_set(group, VERDICT_KERNEL, guards, figures);
        group_shift(planner, group, true);
        group->is_kernel = true;
        highest->any = MAX(highest->any, group_highest(group));
        if (!group->grows)
                highest->lasting = MAX(highest->lasting, group_highest(group));
}

/*
 * Units come when they come, and kernel memory among them with them: they are below other kernel memory
 * only where that was there before and stays.
 */
static int64_t highest_kernel(const Group *group)
{
        return group->grows ? group->tally->highest.lasting : group->tally->highest.any;
}

/*
 * The guards that want a group in the kernel class as things stand. What is part of a device that has
 * movable memory already is moved by the first two only.
 */
static unsigned group_guards(const Planner *planner, const Group *group, Figures *ret_figures)
{
        int64_t highest = highest_kernel(group);
        unsigned guards;

        *ret_figures = (Figures){};
        guards = node_guards(planner, group->tally, ret_figures);
        if (group->rank == RANK_MOVABLE)
                return guards;
        if (group->rank == RANK_KERNEL)
                guards |= GUARD_WHOLE_DEVICE;
        if (planner->policy->contiguous && group_lowest(group) < highest) {
                if (!guards)
                        ret_figures->limit = (uint64_t) highest;
                guards |= GUARD_CONTIGUOUS;
        }
        return guards;
}

static void planner_guard_rank(Planner *planner, const Tally *tally, Rank rank)
{
        for (Group *group = tally->groups.first; group; group = group->next) {
                Figures figures;
                unsigned guards;

                if (group->is_kernel || group->rank != rank)
                        continue;
                guards = group_guards(planner, group, &figures);
                if (guards)
                        group_take(planner, group, guards, &figures);
                else
                        return; /* what holds for this one holds for those above */
        }
}

static void planner_guard_nodes(Planner *planner)
{
        for (size_t i = 0; i < planner->machine->n_nodes; i++)
                for (Rank rank = 0; rank < _RANK_MAX; rank++)
                        if (planner->has_rank[rank])
                                planner_guard_rank(planner, &planner->tallies[i], rank);
}

/* Takes kernel memory for the machine's ratio from a node. Returns whether that suffices. */
static bool planner_guard_machine_by(Planner *planner, const Tally *tally, Rank rank)
{
        for (Group *group = tally->groups.first; group; group = group->next) {
                Figures figures = machine_figures(planner);

                if (!figures_exceed(&figures, planner->policy->max_movable_ratio_permille))
                        return true;
                if (!group->is_kernel && group->rank == rank)
                        group_take(planner, group, GUARD_MACHINE_RATIO, &figures);
        }
        return false;
}

static void planner_guard_machine(Planner *planner)
{
        for (Rank rank = 0; rank < _RANK_MAX; rank++)
                for (unsigned cpuless = 0; cpuless < 2; cpuless++)
                        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                                const Tally *tally = &planner->tallies[i];

                                if (tally->node->has_cpu == cpuless || !planner->has_rank[rank])
                                        continue;
                                if (planner_guard_machine_by(planner, tally, rank))
                                        return;
                        }
}

#define NODE_GUARDS (GUARD_MIN_KERNEL | GUARD_NODE_RATIO)

static bool guards_hold(const Planner *planner, const Tally *tally, unsigned guards)
{
        Figures node, machine = machine_figures(planner);

        return !node_guards(planner, tally, &node) &&
               (!(guards & GUARD_MACHINE_RATIO) ||
                !figures_exceed(&machine, planner->policy->max_movable_ratio_permille));
}

/* Makes a group movable again if the guards hold all the same. Returns whether it is. */
static bool group_release(Planner *planner, Group *group, unsigned guards, int64_t highest)
{
        if (group->rank != RANK_ALONE ||
            (planner->policy->contiguous && group_lowest(group) < highest))
                return false;

        group_shift(planner, group, false);
        group->is_kernel = !guards_hold(planner, group->tally, guards);
        if (group->is_kernel)
                group_shift(planner, group, true);
        return !group->is_kernel;
}

static void planner_release_node(Planner *planner, Tally *tally, unsigned guards)
{
        int64_t below = tally->given_highest.any, above = -1;

        for (Group *group = tally->groups.first; group; group = group->next) {
                group->highest_below = below;
                if (group->is_kernel)
                        below = MAX(below, group_highest(group));
        }
        for (Group *group = tally->groups.last; group; group = group->previous)
                if (group->is_kernel &&
                    !group_release(planner, group, guards, MAX(above, group->highest_below)))
                        above = MAX(above, group_highest(group));

        tally->highest.any = MAX(above, tally->given_highest.any);
        tally->highest.lasting = MAX(above, tally->given_highest.lasting);
}

/*
 * Groups differ in size: with a large one that was taken last, smaller ones that were taken before it
 * may no longer be needed. They are given back in the opposite order, as far as these guards hold.
 */
static void planner_release(Planner *planner, unsigned guards)
{
        for (unsigned has_cpu = 0; has_cpu < 2; has_cpu++)
                for (size_t i = planner->machine->n_nodes; i-- > 0;)
                        if (planner->tallies[i].node->has_cpu == has_cpu)
                                planner_release_node(planner, &planner->tallies[i], guards);
}

/* What stayed movable did so within these. */
static void group_leave_movable(const Planner *planner, Group *group)
{
        Figures figures = has_node_ratio(planner, group->tally) ? node_figures(group->tally) :
                                                                  machine_figures(planner);

        (void) figures_exceed(&figures, planner->policy->max_movable_ratio_permille);
        group_set(group, VERDICT_MOVABLE, group->rank == RANK_MOVABLE ? GUARD_WHOLE_DEVICE : 0,
                  &figures);
}

static void planner_decide_static(Planner *planner)
{
        planner_guard_nodes(planner);
        if (planner->policy->whole_device)
                planner_release(planner, NODE_GUARDS);
        planner_guard_machine(planner);
        if (planner->policy->whole_device) {
                /* A device may reach above others that the machine left movable. */
                planner_guard_nodes(planner);
                planner_release(planner, NODE_GUARDS | GUARD_MACHINE_RATIO);
        }

        for (size_t i = 0; i < planner->n_groups; i++)
                if (!planner->groups[i].grows && !planner->groups[i].is_kernel)
                        group_leave_movable(planner, &planner->groups[i]);
}

/* Decides one unit of a device that grows. */
static void planner_decide_unit(Planner *planner, Group *group)
{
        Tally *tally = group->tally;
        Figures figures, machine;
        unsigned guards;

        tally->given_kernel_bytes = tally->kernel_bytes;
        tally->movable_node |=
                group->whole ? group->whole->movable_node : group->first->movable_node;
        for (const Item *item = group->first; item; item = item->next)
                planner_add(planner, tally, item->decision->block, true, ZONE_CLASS_MOVABLE);

        guards = group_guards(planner, group, &figures);
        machine = machine_figures(planner);
        if (figures_exceed(&machine, planner->policy->max_movable_ratio_permille)) {
                if (!(guards & (GUARD_MIN_KERNEL | GUARD_NODE_RATIO)))
                        figures = machine;
                guards |= GUARD_MACHINE_RATIO;
        }
        if (guards)
                group_take(planner, group, guards, &figures);
        else
                group_leave_movable(planner, group);
}

static void planner_decide(Planner *planner)
{
        planner_group(planner);
        planner_decide_static(planner);
        for (Group *group = planner->growing.first; group; group = group->next)
                planner_decide_unit(planner, group);
}

static bool is_kernel_first(Verdict verdict)
{
        return verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT;
}

static int32_t decision_node(const Plan *plan, const Machine *machine, size_t i)
{
        return machine->blocks[machine_block_index(machine, plan->decisions[i].block)].node;
}

/* Whether no kernel memory of the same node comes right below. */
static bool is_lowest_kernel(const Plan *plan, const Machine *machine, size_t i)
{
        return is_kernel_first(plan->decisions[i].verdict) &&
               (i == 0 || !is_kernel_first(plan->decisions[i - 1].verdict) ||
                decision_node(plan, machine, i - 1) != decision_node(plan, machine, i));
}

/*
 * Each class from the top down. The block that goes online is itself a hole to the kernel's walk through
 * the zone (6.1: set_zone_contiguous() comes before the sections are marked online), which starts
 * at the zone's lowest page and ends at the first hole. So of a zone that begins with these blocks one
 * step is walked per block, of one that has memory below them what is there, and upwards, or outwards
 * from the middle, all that was onlined before as well. Lowest first and then down costs the same but
 * for a block.
 *
 * That is how kernel memory of a node comes: of a node's memory the kernel takes for itself from what came
 * first, and the lowest block is the one that is to become movable last.
 */
static void plan_order(Plan *plan, const Machine *machine)
{
        for (size_t i = 0; i < plan->n_decisions; i++)
                if (is_lowest_kernel(plan, machine, i))
                        plan->order[plan->n_order++] = (uint32_t) i;
        for (size_t i = plan->n_decisions; i-- > 0;)
                if (is_kernel_first(plan->decisions[i].verdict) &&
                    !is_lowest_kernel(plan, machine, i))
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
        planner->wholes = calloc(machine->n_blocks + 1, sizeof(Whole));
        planner->last_wholes = calloc(machine->n_devices + 1, sizeof(Whole *));
        if (!planner->tallies || !planner->decisions || !planner->items || !planner->groups ||
            !planner->wholes || !planner->last_wholes)
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
        free(planner->decisions);
        free(planner->items);
        free(planner->groups);
        free(planner->wholes);
        free(planner->last_wholes);
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
                .decisions = planner.decisions,
                .n_decisions = planner.n_decisions,
                .order = TAKE_PTR(order),
        };
        planner.decisions = NULL; /* the plan has them */
        plan_order(ret, machine);
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
