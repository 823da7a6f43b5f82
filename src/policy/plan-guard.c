/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Gives each block a class that the guards allow. */

#include "policy/plan-private.h"

void planner_move(Planner *planner, Tally *tally, size_t n, ZoneClass from, ZoneClass to)
{
        node_balance_move(&tally->sum, from, to, n * planner->machine->block_size_bytes);
        node_balance_move(&planner->whole, from, to, n * planner->machine->block_size_bytes);
}

static bool is_kernel(const Item *item)
{
        return item->planned->decision.verdict == VERDICT_KERNEL;
}

/* Whether a block is part of a device that has movable memory, so that kernel memory splits the device. */
static bool is_last_resort(const Planner *planner, const Item *item)
{
        return planner->policy->whole_device != WHOLE_DEVICE_NO && item->unit &&
               item->unit->classes & 1U << ZONE_CLASS_MOVABLE &&
               !planner->machine->strict_zone_order;
}

/* Whether the kernel lets a block become kernel memory: with strict order, not above movable memory. */
static bool can_be_kernel(const Planner *planner, const Item *item)
{
        return !planner->machine->strict_zone_order ||
               item->planned->block < item->tally->lowest_movable;
}

/* Returns the kernel block below which a block has to be kernel memory, or -1. */
static int64_t kernel_above(const Planner *planner, const Item *item)
{
        if (planner->machine->strict_zone_order)
                return item->tally->highest;
        return planner->policy->contiguous && item->unit ? item->unit->highest : -1;
}

static bool is_below_kernel(const Planner *planner, const Item *item)
{
        return item->planned->block < kernel_above(planner, item);
}

static void item_take(Planner *planner, Item *item, unsigned guards, const Figures *figures)
{
        Decision *decision = &item->planned->decision;

        decision->verdict = VERDICT_KERNEL;
        decision->guards = guards;
        decision->figures = *figures;
        planner_move(planner, item->tally, 1, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL);
        item->tally->highest = MAX(item->tally->highest, (int64_t) item->planned->block);
        if (item->unit)
                item->unit->n_kernel++;
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

/* Makes the blocks kernel memory that lie below kernel memory of their device, or of their node. */
static void planner_guard_order(Planner *planner, const Tally *tally)
{
        for (Item *item = tally->first; item; item = item->next) {
                Figures figures = {};
                unsigned guards;

                if (is_kernel(item) || !is_below_kernel(planner, item) ||
                    !can_be_kernel(planner, item))
                        continue;
                guards = node_guards(planner, tally, &figures);
                if (!guards)
                        figures.limit = (uint64_t) kernel_above(planner, item);
                item_take(planner, item, guards | GUARD_CONTIGUOUS, &figures);
        }
}

static void planner_guard_orders(Planner *planner)
{
        for (size_t i = 0; i < planner->machine->n_nodes; i++)
                planner_guard_order(planner, &planner->tallies[i]);
}

/* Makes blocks kernel memory until the guards of their node hold. */
static void planner_guard_node(Planner *planner, const Tally *tally, bool last_resort)
{
        for (Item *item = tally->first; item; item = item->next) {
                Figures figures;
                unsigned guards;

                if (is_kernel(item) || is_last_resort(planner, item) != last_resort ||
                    !can_be_kernel(planner, item))
                        continue;
                guards = node_guards(planner, tally, &figures);
                if (!guards)
                        return;
                item_take(planner, item, guards, &figures);
        }
}

/* Makes blocks of a node kernel memory until the machine's ratio holds. Returns whether it holds. */
static bool planner_guard_machine_by(Planner *planner, const Tally *tally, bool last_resort)
{
        for (Item *item = tally->first; item; item = item->next) {
                Figures figures = node_balance_figures(&planner->whole);

                if (!guard_is_over_ratio(planner->policy, &figures))
                        return true;
                if (!is_kernel(item) && is_last_resort(planner, item) == last_resort &&
                    can_be_kernel(planner, item))
                        item_take(planner, item, GUARD_MACHINE_RATIO, &figures);
        }
        return false;
}

static void planner_guard_machine(Planner *planner)
{
        for (unsigned last_resort = 0; last_resort < 2; last_resort++)
                for (unsigned cpuless = 0; cpuless < 2; cpuless++)
                        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                                const Tally *tally = &planner->tallies[i];

                                if (tally->sum.node->has_cpu != cpuless &&
                                    planner_guard_machine_by(planner, tally, last_resort))
                                        return;
                        }
}

/*
 * Whether half of the movable memory that the ratio allows remains after n movable blocks became kernel
 * memory.
 */
static bool leaves_half(const Planner *planner, const NodeBalance *balance, size_t n)
{
        NodeBalance after = *balance;
        Figures figures;

        node_balance_move(&after, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL,
                          n * planner->machine->block_size_bytes);
        figures = node_balance_figures(&after);
        return guard_has_half(planner->policy, &figures);
}

/* Whether whole_device makes the rest of a unit kernel memory, part of which is. */
static bool is_to_be_whole(const Planner *planner, const Unit *unit)
{
        const Tally *tally = unit->first->tally;
        size_t n_movable = unit->n - unit->n_kernel;

        if (unit->classes & 1U << ZONE_CLASS_MOVABLE ||
            (unit->classes == 0 && (unit->n_kernel == 0 || unit->n == 1)) ||
            !can_be_kernel(planner, unit->last))
                return false;
        return planner->policy->whole_device == WHOLE_DEVICE_YES ||
               (leaves_half(planner, &planner->whole, n_movable) &&
                (!guard_has_node_ratio(planner->policy, tally->sum.node) ||
                 leaves_half(planner, &tally->sum, n_movable)));
}

/* Makes a unit kernel memory as a whole, by the guards that made its lowest kernel block so. */
static void unit_take(Planner *planner, Unit *unit)
{
        const Item *lowest = unit->first;
        Decision decision = {};

        while (lowest && !is_kernel(lowest))
                lowest = lowest->next_of_unit;
        if (lowest)
                decision = lowest->planned->decision;
        if (decision.guards == GUARD_CONTIGUOUS && unit->classes != 0)
                decision = (Decision){}; /* the rest of the unit says it all */
        for (Item *item = unit->first; item; item = item->next_of_unit) {
                if (!is_kernel(item))
                        item_take(planner, item, 0, &decision.figures);
                item->planned->decision.guards = decision.guards | GUARD_WHOLE_DEVICE;
                item->planned->decision.figures = decision.figures;
        }
        unit->is_whole = true;
}

static void planner_keep_whole(Planner *planner)
{
        for (size_t i = 0; i < planner->n_units; i++)
                if (planner->units[i].first && is_to_be_whole(planner, &planner->units[i]))
                        unit_take(planner, &planner->units[i]);
}

/* Makes n blocks from an item on movable again if the guards still hold then. Returns whether they do. */
static bool item_release(Planner *planner, Item *item, size_t n)
{
        Figures node, machine;

        planner_move(planner, item->tally, n, ZONE_CLASS_KERNEL, ZONE_CLASS_MOVABLE);
        machine = node_balance_figures(&planner->whole);
        if (node_guards(planner, item->tally, &node) ||
            guard_is_over_ratio(planner->policy, &machine)) {
                planner_move(planner, item->tally, n, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL);
                return false;
        }
        for (; n > 0; n--, item = item->next_of_unit) {
                item->planned->decision.verdict = VERDICT_NONE;
                item->planned->decision.guards = 0;
        }
        return true;
}

static void planner_release_node(Planner *planner, const Tally *tally)
{
        for (Item *item = tally->last; item; item = item->previous) {
                Unit *unit = item->unit;
                size_t n = 1;

                if (!is_kernel(item) || is_below_kernel(planner, item) || (unit && unit->is_kept))
                        continue;
                if (unit && unit->is_whole) {
                        if (item != unit->first || unit->classes != 0)
                                continue;
                        n = unit->n;
                }
                if (!item_release(planner, item, n) && unit)
                        unit->is_kept = true;
        }
}

/*
 * Makes those blocks movable again that need not be kernel memory, because more than the guards asked for
 * became so elsewhere to keep devices whole: in the opposite order, and a whole device as a whole.
 */
static void planner_release(Planner *planner)
{
        for (unsigned has_cpu = 0; has_cpu < 2; has_cpu++)
                for (size_t i = planner->machine->n_nodes; i-- > 0;)
                        if (planner->tallies[i].sum.node->has_cpu == has_cpu)
                                planner_release_node(planner, &planner->tallies[i]);
}

/* Decides that a block is movable. Its figures are those of the ratio that it is within. */
static void item_leave_movable(const Planner *planner, const Item *item)
{
        Decision *decision = &item->planned->decision;

        decision->verdict = VERDICT_MOVABLE;
        decision->figures = guard_has_node_ratio(planner->policy, item->tally->sum.node) ?
                                    node_balance_figures(&item->tally->sum) :
                                    node_balance_figures(&planner->whole);
        (void) guard_is_over_ratio(planner->policy, &decision->figures);
        if (is_last_resort(planner, item) && item->unit->classes == 1U << ZONE_CLASS_MOVABLE)
                decision->guards = GUARD_WHOLE_DEVICE;
        if (can_be_kernel(planner, item))
                return;
        decision->guards = GUARD_CONTIGUOUS;
        decision->figures = (Figures){ .limit = (uint64_t) item->tally->lowest_movable };
}

void planner_guard(Planner *planner)
{
        planner_guard_orders(planner);
        for (size_t i = 0; i < planner->machine->n_nodes; i++) {
                planner_guard_node(planner, &planner->tallies[i], false);
                planner_guard_node(planner, &planner->tallies[i], true);
        }
        planner_guard_machine(planner);
        if (planner->policy->whole_device != WHOLE_DEVICE_NO) {
                planner_keep_whole(planner);
                if (planner->machine->strict_zone_order)
                        planner_guard_orders(planner);
                else
                        planner_release(planner);
        }
        for (size_t i = 0; i < planner->n_items; i++)
                if (!is_kernel(&planner->items[i]))
                        item_leave_movable(planner, &planner->items[i]);
}
