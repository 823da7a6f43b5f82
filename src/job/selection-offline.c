/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Selects the blocks that go offline. */

#include "job/selector.h"

#define ONLINE_CLASSES (1U << ZONE_CLASS_KERNEL | 1U << ZONE_CLASS_MOVABLE)

/* Sorts movable blocks before kernel blocks, each from the highest down. */
static int compare_steps(const void *a, const void *b)
{
        const Step *x = a, *y = b;

        if (x->from != y->from)
                return x->from == ZONE_CLASS_MOVABLE ? -1 : 1;
        return x->block > y->block ? -1 : x->block < y->block;
}

static void sort_steps(Selector *selector)
{
        qsort(selector->steps, selector->n_steps, sizeof(Step), compare_steps);
}

static int offline_named(Selector *selector)
{
        int r = selector_check_attribute(selector, ONLINE_CLASSES);

        if (r == 0)
                r = selector_check_boot(selector, ONLINE_CLASSES);
        if (r != 0)
                return r;
        for (size_t i = 0; i < selector->n_targets; i++)
                if (block_class(selector_target(selector, i)) != ZONE_CLASS_NONE)
                        selector_take(selector, i, VERDICT_NONE);
        if (selector->n_steps == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "all of %s is offline already", selector->target);
        sort_steps(selector);
        return selector_check_guards(selector);
}

/* The kind of blocks that are taken for a size. */
typedef struct Choice {
        ZoneClass zone_class;
        bool boot;   /* boot memory, otherwise all other memory */
        bool guards; /* except for blocks that the guards need */
} Choice;

/* Takes as many blocks from the top down as are still wanted. */
static void choose_blocks(Selector *selector, Choice choice)
{
        for (size_t i = selector->n_targets; i-- > 0 && selector->n_steps < selector->n_wanted;) {
                const Block *block = selector_target(selector, i);
                bool is_boot = machine_origin(selector->machine, block) == ORIGIN_BOOT;

                if (selector->taken[i] || block_class(block) != choice.zone_class ||
                    is_boot != choice.boot || !selector_is_available(selector, block))
                        continue;
                selector_take(selector, i, VERDICT_NONE);
                if (!choice.guards || selector_is_within_guards(selector, block))
                        continue;
                selector->n_steps--;
                selector->taken[i] = false;
                balance_move(&selector->after, block, ZONE_CLASS_NONE, choice.zone_class);
        }
}

static int refuse_size(Selector *selector, size_t n_available)
{
        char available[FORMAT_BYTES_MAX];

        format_bytes_exact(n_available * selector->machine->block_size_bytes, available);
        return selector_refuse(selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                               "%s cannot go offline, %s can: the rest is offline already, boot "
                               "memory, needed by the guards, or part of a job",
                               selector->target, available);
}

static int offline_size(Selector *selector)
{
        Breach breach;
        size_t n_available;
        int r;

        choose_blocks(selector, (Choice){ ZONE_CLASS_MOVABLE, false, false });
        choose_blocks(selector, (Choice){ ZONE_CLASS_KERNEL, false, false });
        /*
         * The guards can hold for all blocks although not for a part: a node may be emptied, not left short.
         */
        if (selector->n_steps == selector->n_wanted &&
            !balance_is_breached(&selector->before, &selector->after, &breach))
                return 0;

        r = selector_start_over(selector);
        if (r < 0)
                return r;
        choose_blocks(selector, (Choice){ ZONE_CLASS_MOVABLE, false, false });
        choose_blocks(selector, (Choice){ ZONE_CLASS_KERNEL, false, true });
        n_available = selector->n_steps;
        if (selector->request->force) {
                choose_blocks(selector, (Choice){ ZONE_CLASS_KERNEL, false, false });
                choose_blocks(selector, (Choice){ ZONE_CLASS_MOVABLE, true, false });
                choose_blocks(selector, (Choice){ ZONE_CLASS_KERNEL, true, false });
                n_available = selector->n_steps;
        }
        if (selector->n_steps < selector->n_wanted)
                return refuse_size(selector, n_available);
        return 0;
}

int selector_offline(Selector *selector)
{
        int r;

        if (!selector->has_size)
                return offline_named(selector);
        r = offline_size(selector);
        sort_steps(selector);
        return r;
}
