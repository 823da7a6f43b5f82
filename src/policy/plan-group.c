/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups the blocks that get the same class together. */

#include "policy/plan-private.h"

static Rank unit_rank(const Unit *unit)
{
        if (!unit || unit->classes == 0)
                return RANK_ALONE;
        return unit->classes & 1U << ZONE_CLASS_MOVABLE ? RANK_MOVABLE : RANK_KERNEL;
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
                .unit = item->unit,
                .rank = unit_rank(item->unit),
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
        Group *group = item->unit ? item->unit->group : NULL;

        if (group && group->rank != RANK_MOVABLE) {
                group->last->next = item;
                group->last = item;
                group->n++;
                return;
        }
        group = planner_new_group(planner, item);
        if (item->unit)
                item->unit->group = group;
}

void planner_group(Planner *planner)
{
        for (size_t i = 0; i < planner->n_items; i++) {
                Item *item = &planner->items[i];

                planner_group_item(planner, item);
                if (!item->grows)
                        planner_add(planner, item->tally, item->planned->block, false,
                                    ZONE_CLASS_MOVABLE);
        }
}

int64_t group_lowest(const Group *group)
{
        assert(group->first); /* no group is empty */
        return group->first->planned->block;
}

int64_t group_highest(const Group *group)
{
        return group->last->planned->block;
}

void group_set(const Group *group, Verdict verdict, unsigned guards, const Figures *figures)
{
        for (const Item *item = group->first; item; item = item->next) {
                item->planned->decision.verdict = verdict;
                item->planned->decision.guards = guards;
                item->planned->decision.figures = *figures;
        }
}

void group_shift(Planner *planner, const Group *group, bool to_kernel)
{
        uint64_t bytes = group->n * planner->machine->block_size_bytes;
        /* The sums are unsigned: adding -bytes subtracts. */
        uint64_t change = to_kernel ? bytes : -bytes;

        group->tally->kernel_bytes += change;
        planner->kernel_bytes += change;
        group->tally->movable_bytes -= change;
        planner->movable_bytes -= change;
}

void group_take(Planner *planner, Group *group, unsigned guards, const Figures *figures)
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
