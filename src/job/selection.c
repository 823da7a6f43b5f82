/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "job/selector.h"

#include <stdarg.h>
#include <stdio.h>

void selection_done(Selection *selection)
{
        free(selection->text);
        free(selection->steps);
        *selection = (Selection){};
}

int selector_refuse(Selector *selector, Refusal refusal, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&selector->text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                selector->text = NULL;
                return -ENOMEM;
        }
        selector->refusal = refusal;
        return 1;
}

void selector_take(Selector *selector, size_t i, Verdict to)
{
        const Block *block = selector_target(selector, i);
        ZoneClass from = block_class(block);

        assert(!selector->taken[i]);
        selector->taken[i] = true;
        selector->steps[selector->n_steps++] = (Step){
                .block = block->id,
                .inode = block->inode,
                .from = from,
                .to = to,
        };
        balance_move(&selector->after, block, from, verdict_class(to, block));
}

int selector_start_over(Selector *selector)
{
        balance_done(&selector->after);
        selector->n_steps = 0;
        memset(selector->taken, 0, selector->n_targets * sizeof(bool));
        return balance_copy(&selector->before, &selector->after);
}

size_t selector_count(const Selector *selector, ZoneClass zone_class)
{
        size_t n = 0;

        for (size_t i = 0; i < selector->n_targets; i++)
                n += block_class(selector_target(selector, i)) == zone_class;
        return n;
}

int selector_check_boot(Selector *selector, unsigned classes)
{
        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector_target(selector, i);

                if (machine_origin(selector->machine, block) == ORIGIN_BOOT &&
                    classes & 1U << block_class(block))
                        return selector_refuse(
                                selector, REFUSAL_BOOT_MEMORY,
                                "memory%u was there at boot, and the kernel may have "
                                "what it cannot move anywhere in it",
                                block->id);
        }
        return 0;
}

int selector_check_attribute(Selector *selector, unsigned classes)
{
        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector_target(selector, i);
                const Device *device = machine_device(selector->machine, block);

                if (device && device->onlines_itself && classes & 1U << block_class(block))
                        return selector_refuse(selector, REFUSAL_INVALID_REQUEST,
                                               "memory%u is part of %s, which has an attribute of "
                                               "its own for being onlined as a whole",
                                               block->id,
                                               *device->name ? device->name : "a device");
        }
        return 0;
}

static int refuse_last_kernel(Selector *selector, const Breach *breach)
{
        uint32_t node = breach->node->node->id, kernel = 0, movable = 0;
        char size[FORMAT_BYTES_MAX];
        bool has_kernel = false;

        for (size_t i = 0; i < selector->n_steps; i++) {
                const Step *step = &selector->steps[i];
                const Block *block = machine_find_block(selector->machine, step->block);

                if (!block || block->node != (int32_t) node)
                        continue;
                if (step->from == ZONE_CLASS_KERNEL) {
                        kernel = step->block;
                        has_kernel = true;
                } else {
                        movable = step->block;
                }
        }
        if (!has_kernel)
                return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                                       "node %u has no kernel memory, and with memory%u it would "
                                       "have movable memory only",
                                       node, movable);
        return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                               "memory%u is the last kernel memory of node %u, which would be left "
                               "with %s of movable memory only",
                               kernel, node, format_bytes_exact(breach->node->movable_bytes, size));
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

int selector_check_guards(Selector *selector)
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

bool selector_is_within_guards(const Selector *selector, const Block *block)
{
        const NodeBalance *node = balance_node(&selector->after, block->node);
        Breach breach;

        return !node || !balance_is_breached_at(&selector->before, &selector->after,
                                                (size_t) (node - selector->after.nodes), &breach);
}

static bool may_be_movable_only(const Selector *selector, const Block *block)
{
        const NodeBalance *after = balance_node(&selector->after, block->node);

        return selector->request->force || !after || after->movable_node ||
               node_balance_is_movable_only(after) ||
               node_balance_is_movable_only(balance_node(&selector->before, block->node));
}

/* Where movable memory only was there before or accepted, a job need not look out for it. */
static void selector_mark_movable_nodes(Selector *selector)
{
        for (size_t i = 0; i < selector->n_steps; i++) {
                Step *step = &selector->steps[i];
                const Block *block = machine_find_block(selector->machine, step->block);

                step->movable_node = block && may_be_movable_only(selector, block);
        }
}

static int selector_run(Selector *selector)
{
        int r = selector_check_request(selector);

        if (r == 0)
                r = selector_find_targets(selector);
        if (r == 0)
                r = balance_init(&selector->before, selector->machine, selector->policy);
        if (r == 0)
                r = balance_copy(&selector->before, &selector->after);
        if (r != 0)
                return r;
        switch (selector->request->kind) {
        case JOB_KIND_ONLINE:
                r = selector_online(selector);
                break;
        case JOB_KIND_OFFLINE:
                r = selector_offline(selector);
                break;
        default:
                r = selector_set_zone(selector);
        }
        if (r == 0)
                selector_mark_movable_nodes(selector);
        return r;
}

static void selector_done(Selector *selector)
{
        free(selector->target);
        free(selector->targets);
        free(selector->taken);
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
                .is_set_zone =
                        request->kind == JOB_KIND_SET_ZONE || request->kind == JOB_KIND_REBALANCE,
        };
        int r = request_format(request, &selector.target);

        if (r < 0)
                return r;
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
