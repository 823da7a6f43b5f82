/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Selects the blocks that change their class. */

#include "job/selector.h"

static ZoneClass other_class(ZoneClass zone_class)
{
        return zone_class == ZONE_CLASS_MOVABLE ? ZONE_CLASS_KERNEL : ZONE_CLASS_MOVABLE;
}

/*
 * Changes at most n blocks, of boot memory or of all other memory: kernel blocks from the top down, movable
 * blocks from the bottom up, so that kernel memory stays below.
 */
static void change(Selector *selector, ZoneClass to, size_t n, bool boot)
{
        Verdict verdict = to == ZONE_CLASS_MOVABLE ? VERDICT_MOVABLE : VERDICT_KERNEL;
        bool is_choice = selector->has_size || selector->request->zone_class == ZONE_CLASS_NONE;

        for (size_t place = 0; place < selector->n_targets && n > 0; place++) {
                size_t i = to == ZONE_CLASS_MOVABLE ? selector->n_targets - 1 - place : place;
                const Block *block = selector_target(selector, i);

                if (block_class(block) != other_class(to) ||
                    (machine_origin(selector->machine, block) == ORIGIN_BOOT) != boot ||
                    (is_choice && !selector_is_available(selector, block)))
                        continue;
                selector_take(selector, i, verdict);
                n--;
        }
}

static int compare_blocks(const void *a, const void *b)
{
        const Step *x = a, *y = b;

        return x->block < y->block ? -1 : x->block > y->block;
}

static int compare_down(const void *a, const void *b)
{
        return compare_blocks(b, a);
}

/* Changes exactly n blocks, or refuses. Boot memory is taken only with force, and last. */
static int change_number(Selector *selector, ZoneClass to, size_t n)
{
        char available[FORMAT_BYTES_MAX], wanted[FORMAT_BYTES_MAX];
        uint64_t block_size_bytes = selector->machine->block_size_bytes;

        change(selector, to, n, false);
        if (selector->request->force)
                change(selector, to, n - selector->n_steps, true);
        if (selector->n_steps < n)
                return selector_refuse(
                        selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                        "for %s, %s would have to become %s, and %s can: the rest is "
                        "boot memory or part of a job",
                        selector->target, format_bytes_exact(n * block_size_bytes, wanted),
                        request_class_text(to),
                        format_bytes_exact(selector->n_steps * block_size_bytes, available));
        qsort(selector->steps, selector->n_steps, sizeof(Step),
              to == ZONE_CLASS_MOVABLE ? compare_down : compare_blocks);
        return selector_check_guards(selector);
}

/* Works out how many blocks of a node are to be movable. */
static int count_movable(Selector *selector, size_t n_online, size_t *ret)
{
        const Request *request = selector->request;
        uint64_t block_size_bytes = selector->machine->block_size_bytes;
        char wanted[FORMAT_BYTES_MAX], online[FORMAT_BYTES_MAX];

        if (request->has_movable_percent) {
                *ret = n_online * request->movable_percent / 100;
                return 0;
        }
        if (request->movable_bytes / block_size_bytes > n_online ||
            request->movable_bytes > n_online * block_size_bytes)
                return selector_refuse(selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                                       "node %d cannot have %s of movable memory: it has %s online",
                                       request->node,
                                       format_bytes_exact(request->movable_bytes, wanted),
                                       format_bytes_exact(n_online * block_size_bytes, online));
        *ret = request->movable_bytes / block_size_bytes;
        return 0;
}

static int set_portion(Selector *selector)
{
        size_t n_movable = selector_count(selector, ZONE_CLASS_MOVABLE),
               n_online = n_movable + selector_count(selector, ZONE_CLASS_KERNEL), n = 0;
        char movable[FORMAT_BYTES_MAX], online[FORMAT_BYTES_MAX];
        uint64_t block_size_bytes = selector->machine->block_size_bytes;
        int r;

        if (n_online == 0)
                return selector_refuse(selector, REFUSAL_NODE_WITHOUT_MEMORY,
                                       "node %d has no memory online", selector->request->node);
        r = count_movable(selector, n_online, &n);
        if (r != 0)
                return r;
        format_bytes_exact(n_online * block_size_bytes, online);
        if (n == 0 && n_movable == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "node %d has %s online, and the movable part of it would be "
                                       "less than one block: nothing to change",
                                       selector->request->node, online);
        if (n == n_movable)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "%s of the %s that node %d has online is movable already",
                                       format_bytes_exact(n * block_size_bytes, movable), online,
                                       selector->request->node);
        return n > n_movable ? change_number(selector, ZONE_CLASS_MOVABLE, n - n_movable) :
                               change_number(selector, ZONE_CLASS_KERNEL, n_movable - n);
}

static int set_named(Selector *selector)
{
        ZoneClass to = selector->request->zone_class;
        size_t n = selector_count(selector, other_class(to));
        bool is_node = selector->request->node != NODE_ANY;
        int r;

        if (n == 0 && selector_count(selector, to) == 0)
                return selector_refuse(
                        selector, is_node ? REFUSAL_NODE_WITHOUT_MEMORY : REFUSAL_NOTHING_TO_DO,
                        "nothing of %s is online: there is nothing to change", selector->target);
        if (n == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "all of %s that is online is %s already", selector->target,
                                       request_class_text(to));
        r = selector_check_attribute(selector, 1U << other_class(to));
        if (r == 0 && !is_node)
                r = selector_check_boot(selector, 1U << other_class(to));
        if (r != 0)
                return r;
        change(selector, to, n, false);
        if (selector->request->force)
                change(selector, to, n - selector->n_steps, true);
        if (selector->n_steps == 0)
                return selector_check_boot(selector, 1U << other_class(to));
        qsort(selector->steps, selector->n_steps, sizeof(Step),
              to == ZONE_CLASS_MOVABLE ? compare_down : compare_blocks);
        return selector_check_guards(selector);
}

int selector_set_zone(Selector *selector)
{
        if (selector->has_size)
                return change_number(selector, selector->request->zone_class, selector->n_wanted);
        return selector->request->zone_class == ZONE_CLASS_NONE ? set_portion(selector) :
                                                                  set_named(selector);
}
