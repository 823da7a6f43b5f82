/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gives each group of blocks a class that the guards allow. */

#include "policy/plan-private.h"

static void raise_highest(Tally *tally, int64_t block, bool grows)
{
        tally->highest.any = MAX(tally->highest.any, block);
        if (!grows)
                tally->highest.lasting = MAX(tally->highest.lasting, block);
}

/* Moves blocks from the sums of one class to those of another. */
static void planner_move(Planner *planner, Tally *tally, size_t n, ZoneClass from, ZoneClass to)
{
        node_balance_move(&tally->sum, from, to, n * planner->machine->block_size_bytes);
        node_balance_move(&planner->whole, from, to, n * planner->machine->block_size_bytes);
}

void planner_add(Planner *planner, Tally *tally, uint32_t block, bool grows, ZoneClass zone_class)
{
        planner_move(planner, tally, 1, ZONE_CLASS_NONE, zone_class);
        if (zone_class == ZONE_CLASS_KERNEL)
                raise_highest(tally, block, grows);
}

static int64_t group_lowest(const Group *group)
{
        assert(group->first); /* no group is empty */
        return group->first->planned->block;
}

static int64_t group_highest(const Group *group)
{
        return group->last->planned->block;
}

/* Sets the verdict of each block of a group, and the guards and figures behind it. */
static void group_set(const Group *group, Verdict verdict, unsigned guards, const Figures *figures)
{
        for (const Item *item = group->first; item; item = item->next) {
                item->planned->decision.verdict = verdict;
                item->planned->decision.guards = guards;
                item->planned->decision.figures = *figures;
        }
}

/* Makes a group that counted as movable kernel memory. */
static void group_take(Planner *planner, Group *group, unsigned guards, const Figures *figures)
{
        if (group->n > 1)
                guards |= GUARD_WHOLE_DEVICE;
        group_set(group, VERDICT_KERNEL, guards, figures);
        planner_move(planner, group->tally, group->n, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL);
        group->is_kernel = true;
        raise_highest(group->tally, group_highest(group), group->grows);
}

/* Returns the guards that want kernel memory on a node, and the figures that the first of them compared. */
static unsigned node_guards(const Planner *planner, const Tally *tally, Figures *ret_figures)
{
        uint64_t min_kernel_bytes =
                guard_min_kernel(planner->policy, planner->machine, tally->sum.movable_node);
        Figures figures = node_balance_figures(&tally->sum);
        unsigned guards = 0;

        if (guard_has_node_ratio(planner->policy, tally->sum.node) &&
            guard_is_over_ratio(planner->policy, &figures)) {
                guards |= GUARD_NODE_RATIO;
                *ret_figures = figures;
        }
        if (tally->sum.kernel_bytes < min_kernel_bytes) {
                guards |= GUARD_MIN_KERNEL;
                *ret_figures = (Figures){ .kernel_bytes = tally->given_kernel_bytes,
                                          .limit = min_kernel_bytes };
        }
        return guards;
}

/*
 * Returns the guards that want a group in the kernel class as the sums are now. If the device of the group
 * already has movable memory, only the first two guards can make the group kernel memory.
 */
static unsigned group_guards(const Planner *planner, const Group *group, Figures *ret_figures)
{
        /*
         * The units of a device that grows arrive in any order, and some of them are kernel memory. For a
         * unit, only the kernel memory of devices that do not grow counts.
         */
        int64_t highest = group->grows ? group->tally->highest.lasting : group->tally->highest.any;
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
                        return; /* the guards hold for the groups above as well */
        }
}

static void planner_guard_nodes(Planner *planner)
{
        for (size_t i = 0; i < planner->machine->n_nodes; i++)
                for (Rank rank = 0; rank < _RANK_MAX; rank++)
                        planner_guard_rank(planner, &planner->tallies[i], rank);
}

/* Makes groups of a node kernel memory until the machine's ratio holds. Returns whether it holds. */
static bool planner_guard_machine_by(Planner *planner, const Tally *tally, Rank rank)
{
        for (Group *group = tally->groups.first; group; group = group->next) {
                Figures figures = node_balance_figures(&planner->whole);

                if (!guard_is_over_ratio(planner->policy, &figures))
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

                                if (tally->sum.node->has_cpu != cpuless &&
                                    planner_guard_machine_by(planner, tally, rank))
                                        return;
                        }
}

/* Makes a group movable again if the guards still hold then. Returns whether the group is movable. */
static bool group_release(Planner *planner, Group *group, bool with_machine, int64_t highest)
{
        Figures node, machine;

        if (group->rank != RANK_ALONE ||
            (planner->policy->contiguous && group_lowest(group) < highest))
                return false;

        planner_move(planner, group->tally, group->n, ZONE_CLASS_KERNEL, ZONE_CLASS_MOVABLE);
        machine = node_balance_figures(&planner->whole);
        group->is_kernel = node_guards(planner, group->tally, &node) ||
                           (with_machine && guard_is_over_ratio(planner->policy, &machine));
        if (group->is_kernel)
                planner_move(planner, group->tally, group->n, ZONE_CLASS_MOVABLE,
                             ZONE_CLASS_KERNEL);
        return !group->is_kernel;
}

static void planner_release_node(Planner *planner, Tally *tally, bool with_machine)
{
        int64_t below = tally->given_highest.any, above = -1;

        for (Group *group = tally->groups.first; group; group = group->next) {
                group->highest_below = below;
                if (group->is_kernel)
                        below = MAX(below, group_highest(group));
        }
        for (Group *group = tally->groups.last; group; group = group->previous)
                if (group->is_kernel &&
                    !group_release(planner, group, with_machine, MAX(above, group->highest_below)))
                        above = MAX(above, group_highest(group));

        tally->highest.any = MAX(above, tally->given_highest.any);
        tally->highest.lasting = MAX(above, tally->given_highest.lasting);
}

/*
 * Makes those groups movable again that need not be kernel memory. Groups differ in size: after a large group
 * became kernel memory, the guards may no longer need smaller groups that became so before it. The groups are
 * released in the opposite order, as far as the guards of their node hold and, with_machine, that of the
 * machine.
 */
static void planner_release(Planner *planner, bool with_machine)
{
        for (unsigned has_cpu = 0; has_cpu < 2; has_cpu++)
                for (size_t i = planner->machine->n_nodes; i-- > 0;)
                        if (planner->tallies[i].sum.node->has_cpu == has_cpu)
                                planner_release_node(planner, &planner->tallies[i], with_machine);
}

/* Decides that a group is movable. Its figures are those of the ratio that it is within. */
static void group_leave_movable(const Planner *planner, Group *group)
{
        Figures figures = guard_has_node_ratio(planner->policy, group->tally->sum.node) ?
                                  node_balance_figures(&group->tally->sum) :
                                  node_balance_figures(&planner->whole);

        (void) guard_is_over_ratio(planner->policy, &figures);
        group_set(group, VERDICT_MOVABLE, group->rank == RANK_MOVABLE ? GUARD_WHOLE_DEVICE : 0,
                  &figures);
}

static void planner_decide_static(Planner *planner)
{
        for (size_t i = 0; i < planner->n_groups; i++) {
                const Group *group = &planner->groups[i];

                if (!group->grows)
                        planner_move(planner, group->tally, group->n, ZONE_CLASS_NONE,
                                     ZONE_CLASS_MOVABLE);
        }
        planner_guard_nodes(planner);
        if (planner->policy->whole_device)
                planner_release(planner, false);
        planner_guard_machine(planner);
        if (planner->policy->whole_device) {
                /* A device that became kernel memory for the machine may reach above movable ones. */
                planner_guard_nodes(planner);
                planner_release(planner, true);
        }

        for (size_t i = 0; i < planner->n_groups; i++)
                if (!planner->groups[i].grows && !planner->groups[i].is_kernel)
                        group_leave_movable(planner, &planner->groups[i]);
}

/* Decides on a unit of a device that grows. */
static void planner_decide_unit(Planner *planner, Group *group)
{
        const Unit *unit = group->first->unit;
        Tally *tally = group->tally;
        Figures figures, machine;
        unsigned guards;

        tally->given_kernel_bytes = tally->sum.kernel_bytes;
        tally->sum.movable_node |= unit ? unit->movable_node : group->first->movable_node;
        planner_move(planner, tally, group->n, ZONE_CLASS_NONE, ZONE_CLASS_MOVABLE);

        guards = group_guards(planner, group, &figures);
        machine = node_balance_figures(&planner->whole);
        if (guard_is_over_ratio(planner->policy, &machine)) {
                if (!(guards & (GUARD_MIN_KERNEL | GUARD_NODE_RATIO)))
                        figures = machine;
                guards |= GUARD_MACHINE_RATIO;
        }
        if (guards)
                group_take(planner, group, guards, &figures);
        else
                group_leave_movable(planner, group);
}

void planner_guard(Planner *planner)
{
        planner_decide_static(planner);
        for (Group *group = planner->growing.first; group; group = group->next)
                planner_decide_unit(planner, group);
}
