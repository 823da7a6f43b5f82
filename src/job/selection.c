/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes a selection for each kind of request. */

#include "job/selector.h"

void selection_done(Selection *selection)
{
        free(selection->text);
        free(selection->steps);
        *selection = (Selection){};
}

static bool may_be_movable_only(const Selector *selector, const Block *block)
{
        const NodeBalance *after = balance_node(&selector->after, block->node);

        return selector->request->force || !after || after->movable_node ||
               node_balance_is_movable_only(after) ||
               node_balance_is_movable_only(balance_node(&selector->before, block->node));
}

/*
 * Marks the steps on nodes that may have movable memory only, because they had before or because that was
 * accepted. The job does not guard against it there.
 */
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
