/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes a selection: the blocks that go offline or change their class, within the guards. */

#include "job/selector.h"

#include <stdio.h>

/* Refuses, unless forced, a change of boot memory. */
static int check_boot(Selector *selector)
{
        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector->targets[i].block;

                if (machine_origin(selector->machine, block) == ORIGIN_BOOT &&
                    selector_changes(selector, block))
                        return selector_refuse(
                                selector, REFUSAL_BOOT_MEMORY,
                                "memory%u was there at boot, and the kernel may have "
                                "what it cannot move anywhere in it",
                                block->id);
        }
        return 0;
}

/* Whether the node of a block, and the machine, are within the guards after all steps so far. */
static bool is_within_guards(const Selector *selector, const Block *block)
{
        const NodeBalance *node = balance_node(&selector->after, block->node);
        Breach breach;

        return !node || !balance_is_breached_at(&selector->before, &selector->after,
                                                (size_t) (node - selector->after.nodes), &breach);
}

/* Removes the last step, which takes a block of this target's class offline. */
static void drop_step(Selector *selector, Target *target)
{
        selector->n_steps--;
        target->taken = false;
        balance_move(&selector->after, target->block, ZONE_CLASS_NONE, block_class(target->block));
}

/* Compare targets by what they cost, and those that cost the same from the top down, or from the bottom up. */
static int compare_down(const void *a, const void *b)
{
        const Target *x = *(Target *const *) a, *y = *(Target *const *) b;

        if (x->cost != y->cost)
                return x->cost < y->cost ? -1 : 1;
        return x->block < y->block ? 1 : x->block > y->block ? -1 : 0;
}

static int compare_up(const void *a, const void *b)
{
        const Target *x = *(Target *const *) a, *y = *(Target *const *) b;

        return x->cost != y->cost ? compare_down(a, b) : compare_down(b, a);
}

static void sort_targets(Selector *selector, bool is_up)
{
        for (size_t i = 0; i < selector->n_targets; i++)
                selector->order[i] = &selector->targets[i];
        qsort(selector->order, selector->n_targets, sizeof(Target *),
              is_up ? compare_up : compare_down);
}

/*
 * Takes as many online blocks of a class as are still wanted, of boot memory or of all other memory. With
 * guards, blocks that the guards need are left out. Blocks with the fewest pages in use come first, as far as
 * that is known. Of others, blocks that become kernel memory are taken from the bottom up, all others from the
 * top down, so that kernel memory stays below.
 */
static void choose_blocks(Selector *selector, ZoneClass from, bool boot, bool guards)
{
        bool is_offline = selector->request->kind == JOB_KIND_OFFLINE,
             is_named = !is_offline && !selector->has_size &&
                        selector->request->zone_class != ZONE_CLASS_NONE,
             is_up = !is_offline && from == ZONE_CLASS_MOVABLE;
        Verdict to = is_offline ? VERDICT_NONE : is_up ? VERDICT_KERNEL : VERDICT_MOVABLE;

        sort_targets(selector, is_up);
        for (size_t i = 0; i < selector->n_targets && selector->n_steps < selector->n_wanted; i++) {
                Target *target = selector->order[i];
                const Block *block = target->block;

                if (target->taken || block_class(block) != from ||
                    (machine_origin(selector->machine, block) == ORIGIN_BOOT) != boot ||
                    !(is_named || selector_is_available(selector, block)))
                        continue;
                selector_take(selector, target, to);
                if (guards && !is_within_guards(selector, block))
                        drop_step(selector, target);
        }
}

static int offline_named(Selector *selector)
{
        int r = selector_check_dax_parts(selector);

        if (r == 0)
                r = check_boot(selector);
        if (r != 0)
                return r;
        for (size_t i = 0; i < selector->n_targets; i++)
                if (selector_changes(selector, selector->targets[i].block))
                        selector_take(selector, &selector->targets[i], VERDICT_NONE);
        if (selector->n_steps == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "all of %s is offline already", selector->name);
        return 0;
}

static int offline_size(Selector *selector)
{
        char available[FORMAT_BYTES_MAX];
        Breach breach;

        choose_blocks(selector, ZONE_CLASS_MOVABLE, false, false);
        choose_blocks(selector, ZONE_CLASS_KERNEL, false, false);
        /* The guards can hold for all blocks and not for a part: a node is emptied, not left short. */
        if (selector->n_steps == selector->n_wanted &&
            !balance_is_breached(&selector->before, &selector->after, &breach))
                return 0;

        for (size_t i = 0; i < selector->n_targets; i++)
                if (selector->targets[i].taken &&
                    block_class(selector->targets[i].block) == ZONE_CLASS_KERNEL)
                        drop_step(selector, &selector->targets[i]);
        choose_blocks(selector, ZONE_CLASS_KERNEL, false, true);
        if (selector->request->force) {
                choose_blocks(selector, ZONE_CLASS_KERNEL, false, false);
                choose_blocks(selector, ZONE_CLASS_MOVABLE, true, false);
                choose_blocks(selector, ZONE_CLASS_KERNEL, true, false);
        }
        if (selector->n_steps == selector->n_wanted)
                return 0;
        format_bytes_exact(selector->n_steps * selector->machine->block_size_bytes, available);
        return selector_refuse(selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                               "%s cannot go offline, %s can: the rest is offline already, boot "
                               "memory, needed by the guards, or part of a job",
                               selector->name, available);
}

static ZoneClass other_class(ZoneClass zone_class)
{
        return zone_class == ZONE_CLASS_MOVABLE ? ZONE_CLASS_KERNEL : ZONE_CLASS_MOVABLE;
}

static size_t count_blocks(const Selector *selector, ZoneClass zone_class)
{
        size_t n = 0;

        for (size_t i = 0; i < selector->n_targets; i++)
                n += block_class(selector->targets[i].block) == zone_class;
        return n;
}

/* Changes at most as many blocks as are wanted. Boot memory is taken only with force, and last. */
static void change_blocks(Selector *selector, ZoneClass to)
{
        choose_blocks(selector, other_class(to), false, false);
        if (selector->request->force)
                choose_blocks(selector, other_class(to), true, false);
}

/* Changes exactly as many blocks as are wanted, or refuses. */
static int change_number(Selector *selector, ZoneClass to)
{
        char available[FORMAT_BYTES_MAX], wanted[FORMAT_BYTES_MAX];
        uint64_t block_size_bytes = selector->machine->block_size_bytes;

        change_blocks(selector, to);
        if (selector->n_steps == selector->n_wanted)
                return 0;
        return selector_refuse(selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                               "for %s, %s would have to become %s, and %s can: the rest is "
                               "boot memory or part of a job",
                               selector->name,
                               format_bytes_exact(selector->n_wanted * block_size_bytes, wanted),
                               request_class_text(to),
                               format_bytes_exact(selector->n_steps * block_size_bytes, available));
}

/*
 * Refuses a portion that is less than a block, unless it is none: rounded down, it would make all memory of the
 * node kernel memory.
 */
static int refuse_portion(Selector *selector, const char *portion)
{
        char block[FORMAT_BYTES_MAX];

        return selector_refuse(selector,
                               selector->request->has_movable_percent ? REFUSAL_INVALID_PERCENTAGE :
                                                                        REFUSAL_INVALID_SIZE,
                               "%s is less than a block, %s; 0%% is for no movable memory", portion,
                               format_bytes_exact(selector->machine->block_size_bytes, block));
}

/* Refuses a portion that is `n` blocks already. */
static int refuse_same_portion(Selector *selector, const char *portion, bool is_rounded, size_t n)
{
        char movable[FORMAT_BYTES_MAX], block[FORMAT_BYTES_MAX];
        uint64_t block_size_bytes = selector->machine->block_size_bytes;

        if (n == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "node %d has no movable memory: nothing to change",
                                       selector->request->node);
        format_bytes_exact(n * block_size_bytes, movable);
        if (!is_rounded)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "%s of node %d is movable already: nothing to change",
                                       movable, selector->request->node);
        return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                               "%s is %s in whole blocks of %s, and that much is movable already: "
                               "nothing to change",
                               portion, movable, format_bytes_exact(block_size_bytes, block));
}

static int set_portion(Selector *selector)
{
        const Request *request = selector->request;
        uint64_t block_size_bytes = selector->machine->block_size_bytes;
        size_t n_movable = count_blocks(selector, ZONE_CLASS_MOVABLE),
               n_online = n_movable + count_blocks(selector, ZONE_CLASS_KERNEL), n;
        char movable[FORMAT_BYTES_MAX], online[FORMAT_BYTES_MAX], portion[96];
        bool is_rounded;

        format_bytes_exact(n_online * block_size_bytes, online);
        if (n_online == 0)
                return selector_refuse(selector, REFUSAL_NODE_WITHOUT_MEMORY,
                                       "node %d has no memory online", request->node);
        if (request->movable_bytes > n_online * block_size_bytes)
                return selector_refuse(selector, REFUSAL_NOT_ENOUGH_BLOCKS,
                                       "node %d cannot have %s of movable memory: it has %s online",
                                       request->node,
                                       format_bytes_exact(request->movable_bytes, movable), online);
        if (request->has_movable_percent) {
                n = n_online * request->movable_percent / 100;
                is_rounded = n * 100 != n_online * request->movable_percent;
                snprintf(portion, sizeof(portion), "%u%% of the %s that node %d has online",
                         request->movable_percent, online, request->node);
        } else {
                n = request->movable_bytes / block_size_bytes;
                is_rounded = n * block_size_bytes != request->movable_bytes;
                format_bytes_exact(request->movable_bytes, portion);
        }
        if (n == 0 && is_rounded)
                return refuse_portion(selector, portion);
        if (n == n_movable)
                return refuse_same_portion(selector, portion, is_rounded, n);
        selector->n_wanted = n > n_movable ? n - n_movable : n_movable - n;
        return change_number(selector, n > n_movable ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL);
}

static int set_named(Selector *selector)
{
        ZoneClass to = selector->request->zone_class;
        bool is_node = selector->request->node != NODE_ANY;
        int r;

        selector->n_wanted = count_blocks(selector, other_class(to));
        if (selector->n_wanted == 0 && count_blocks(selector, to) == 0)
                return selector_refuse(
                        selector, is_node ? REFUSAL_NODE_WITHOUT_MEMORY : REFUSAL_NOTHING_TO_DO,
                        "nothing of %s is online: there is nothing to change", selector->name);
        if (selector->n_wanted == 0)
                return selector_refuse(selector, REFUSAL_NOTHING_TO_DO,
                                       "all of %s that is online is %s already", selector->name,
                                       request_class_text(to));
        r = selector_check_dax_parts(selector);
        if (r == 0 && !is_node)
                r = check_boot(selector);
        if (r != 0)
                return r;
        change_blocks(selector, to);
        return selector->n_steps == 0 ? check_boot(selector) : 0;
}

/* Selects the steps, in any order unless they go online. */
static int select_steps(Selector *selector)
{
        const Request *request = selector->request;

        if (request->kind == JOB_KIND_ONLINE)
                return selector_online(selector);
        if (request->kind == JOB_KIND_OFFLINE)
                return selector->has_size ? offline_size(selector) : offline_named(selector);
        if (selector->has_size)
                return change_number(selector, request->zone_class);
        return request->zone_class == ZONE_CLASS_NONE ? set_portion(selector) : set_named(selector);
}

/*
 * Sorts movable blocks before kernel blocks; each by what they cost, if that is known, and from the highest down, but
 * from the lowest up those that become kernel memory.
 */
static int compare_steps(const void *a, const void *b)
{
        const Step *x = a, *y = b;
        int up = x->to == VERDICT_KERNEL ? 1 : -1;

        if (x->from != y->from)
                return x->from == ZONE_CLASS_MOVABLE ? -1 : 1;
        if (x->cost != y->cost)
                return x->cost < y->cost ? -1 : 1;
        return x->block < y->block ? -up : x->block > y->block ? up : 0;
}

static int refuse_last_kernel(Selector *selector, const Breach *breach)
{
        uint32_t node = breach->node->node->id, movable = 0;
        const Step *kernel = NULL;
        char size[FORMAT_BYTES_MAX];

        for (size_t i = 0; i < selector->n_steps; i++) {
                const Step *step = &selector->steps[i];

                if (step->node != (int32_t) node)
                        continue;
                if (step->from == ZONE_CLASS_KERNEL)
                        kernel = step;
                else
                        movable = step->block;
        }
        if (!kernel)
                return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                                       "node %u has no kernel memory, and with memory%u it would "
                                       "have movable memory only",
                                       node, movable);
        return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                               "memory%u is the last kernel memory of node %u, which would be left "
                               "with %s of movable memory only",
                               kernel->block, node,
                               format_bytes_exact(breach->node->movable_bytes, size));
}

static int refuse_ratio(Selector *selector, const Breach *breach)
{
        char place[32] = "the machine", memory[FIGURES_STRING_MAX], limit[RATIO_STRING_MAX];

        if (breach->node->node)
                snprintf(place, sizeof(place), "node %u", breach->node->node->id);
        return selector_refuse(selector, REFUSAL_BELOW_GUARDS,
                               "%s would have %s, over max_movable_ratio %s", place,
                               figures_format(&breach->figures, true, memory),
                               ratio_format(breach->figures.limit, limit));
}

static int refuse_min_kernel(Selector *selector, const Breach *breach)
{
        char kernel[FORMAT_BYTES_MAX], limit[FORMAT_BYTES_MAX];
        bool has_any = breach->figures.kernel_bytes > 0;

        format_bytes_exact(breach->figures.kernel_bytes, kernel);
        return selector_refuse(selector, REFUSAL_BELOW_GUARDS,
                               "node %u would have %s%s kernel memory, and min_kernel asks for %s",
                               breach->node->node->id, has_any ? kernel : "no",
                               has_any ? " of" : "",
                               format_bytes_exact(breach->figures.limit, limit));
}

static int check_guards(Selector *selector)
{
        Breach breach;

        if (selector->request->force ||
            !balance_is_breached(&selector->before, &selector->after, &breach))
                return 0;
        if (breach.last_kernel)
                return refuse_last_kernel(selector, &breach);
        if (breach.guard == GUARD_MIN_KERNEL)
                return refuse_min_kernel(selector, &breach);
        return refuse_ratio(selector, &breach);
}

/*
 * Marks the steps on nodes that may have movable memory only, because they had before or because that was
 * accepted. The job does not guard against it there.
 */
static void mark_movable_nodes(Selector *selector)
{
        for (size_t i = 0; i < selector->n_steps; i++) {
                Step *step = &selector->steps[i];
                const NodeBalance *before = balance_node(&selector->before, step->node),
                                  *after = balance_node(&selector->after, step->node);

                step->movable_node = selector->request->force || !after || after->movable_node ||
                                     node_balance_is_movable_only(after) ||
                                     node_balance_is_movable_only(before);
        }
}

static int selector_run(Selector *selector)
{
        bool is_online = selector->request->kind == JOB_KIND_ONLINE,
             is_offline = selector->request->kind == JOB_KIND_OFFLINE,
             by_policy = is_online && selector->request->zone_class == ZONE_CLASS_NONE;
        int r = selector_find_targets(selector);

        if (r == 0)
                r = balance_init(&selector->before, selector->machine, selector->policy);
        if (r == 0)
                r = balance_copy(&selector->before, &selector->after);
        if (r == 0)
                r = select_steps(selector);
        if (r != 0)
                return r;
        if (!is_online)
                qsort(selector->steps, selector->n_steps, sizeof(Step), compare_steps);
        /* The policy has kept to its guards, and so has the choice of blocks that go offline. */
        if (!by_policy && !(is_offline && selector->has_size))
                r = check_guards(selector);
        if (r == 0)
                mark_movable_nodes(selector);
        return r;
}

void selection_done(Selection *selection)
{
        free(selection->text);
        free(selection->steps);
        *selection = (Selection){};
}

static void selector_done(Selector *selector)
{
        free(selector->name);
        free(selector->targets);
        free(selector->order);
        free(selector->steps);
        free(selector->text);
        balance_done(&selector->before);
        balance_done(&selector->after);
}

int selection_make(Machine *machine, const Policy *policy, const Request *request, Selection *ret)
{
        _cleanup_(selector_done) Selector selector = {
                .machine = machine,
                .policy = policy,
                .request = request,
                .has_size = request->has_size || request->size_bytes > 0,
        };
        int r = request_format(request, &selector.name);

        if (r >= 0)
                r = selector_run(&selector);
        if (r < 0)
                return r;
        *ret = (Selection){ .refusal = selector.refusal };
        ret->text = TAKE_PTR(selector.text);
        if (r == 0) {
                ret->steps = TAKE_PTR(selector.steps);
                ret->n_steps = selector.n_steps;
        }
        return 0;
}

/*
 * Whether the request leaves a choice of blocks. Blocks of a node become kernel memory from the bottom up if kernel memory
 * is to stay below movable memory.
 */
static bool has_choice(const Machine *machine, const Policy *policy, const Request *request)
{
        bool has_size = request->has_size || request->size_bytes > 0,
             has_portion = request->has_movable_percent || request->has_movable_bytes;

        if (request->kind == JOB_KIND_OFFLINE)
                return has_size;
        return request->kind == JOB_KIND_SET_ZONE && (has_size || has_portion) &&
               !policy->contiguous && !machine->strict_zone_order;
}

int selection_candidates(Machine *machine, const Policy *policy, const Request *request,
                         size_t n_max, uint32_t **ret, size_t *ret_n)
{
        static const ZoneClass classes[] = { ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL };
        _cleanup_(selector_done) Selector selector = {
                .machine = machine,
                .policy = policy,
                .request = request,
                .has_size = request->has_size || request->size_bytes > 0,
        };
        _cleanup_free_ uint32_t *blocks = calloc(n_max + 1, sizeof(*blocks));
        size_t n = 0;
        int r = blocks ? request_format(request, &selector.name) : -ENOMEM;

        if (r >= 0 && has_choice(machine, policy, request))
                r = selector_find_targets(&selector);
        if (r < 0)
                return r;
        /* A request that is refused has no targets to look at. */
        for (size_t k = 0; k < ELEMENTSOF(classes) && r == 0; k++)
                for (size_t i = selector.n_targets; i-- > 0 && n < n_max;) {
                        const Block *block = selector.targets[i].block;

                        if (block_class(block) == classes[k] &&
                            machine_origin(machine, block) != ORIGIN_BOOT &&
                            selector_is_available(&selector, block))
                                blocks[n++] = block->id;
                }
        *ret = TAKE_PTR(blocks);
        *ret_n = n;
        return 0;
}
