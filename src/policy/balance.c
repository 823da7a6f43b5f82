/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Adds up kernel and movable memory, and tells whether a change breaks the guards. */

#include "policy/balance.h"

#include "policy/guard.h"

static bool block_lifts_min_kernel(Matcher *matcher, const Block *block, const Node *node)
{
        const Rule *rule = block->decision.verdict != VERDICT_NONE ?
                                   policy_rule(matcher->policy, block->decision.rule) :
                                   matcher_find(matcher, block, node);

        return guard_is_exempt(rule);
}

static void balance_add(NodeBalance *sum, ZoneClass zone_class, uint64_t bytes)
{
        if (zone_class == ZONE_CLASS_KERNEL)
                sum->kernel_bytes += bytes;
        if (zone_class == ZONE_CLASS_MOVABLE)
                sum->movable_bytes += bytes;
}

/*
 * Returns the class in which a block counts. The guards must hold whether the jobs accepted before succeed or
 * fail: a block of such a job counts as kernel memory only if it is kernel memory and stays so, and as
 * movable memory if it is movable or becomes so.
 */
static ZoneClass balance_class(const Block *block)
{
        ZoneClass now = plan_class(block);

        if (block->job == 0 || block->job_class == now)
                return now;
        return now == ZONE_CLASS_MOVABLE || block->job_class == ZONE_CLASS_MOVABLE ?
                       ZONE_CLASS_MOVABLE :
                       ZONE_CLASS_NONE;
}

static void balance_count(Balance *balance, Matcher *matcher)
{
        const Machine *machine = balance->machine;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                ZoneClass zone_class = balance_class(block);
                NodeBalance *node = balance_node(balance, block->node);

                balance_add(&balance->whole, zone_class, machine->block_size_bytes);
                if (!node)
                        continue;
                balance_add(node, zone_class, machine->block_size_bytes);
                if (!node->movable_node)
                        node->movable_node = block_lifts_min_kernel(matcher, block, node->node);
        }
}

int balance_init(Balance *balance, const Machine *machine, const Policy *policy)
{
        _cleanup_(matcher_done) Matcher matcher = {};

        *balance = (Balance){ .machine = machine, .policy = policy };
        balance->nodes = calloc(machine->n_nodes + 1, sizeof(NodeBalance));
        if (!balance->nodes || matcher_init(&matcher, policy, machine) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++)
                balance->nodes[i] = (NodeBalance){
                        .node = &machine->nodes[i],
                        .cma_bytes = machine_cma_bytes(machine, (int32_t) machine->nodes[i].id),
                };
        balance->whole.cma_bytes = machine_cma_bytes(machine, NODE_ANY);
        balance_count(balance, &matcher);
        return 0;
}

int balance_copy(const Balance *balance, Balance *ret)
{
        size_t n = balance->machine->n_nodes + 1;
        NodeBalance *nodes = calloc(n, sizeof(NodeBalance));

        if (!nodes)
                return -ENOMEM;
        memcpy(nodes, balance->nodes, n * sizeof(NodeBalance));
        *ret = *balance;
        ret->nodes = nodes;
        return 0;
}

void balance_done(Balance *balance)
{
        free(balance->nodes);
        *balance = (Balance){};
}

NodeBalance *balance_node(const Balance *balance, int32_t node)
{
        const Node *found = node < 0 ? NULL : machine_find_node(balance->machine, (uint32_t) node);

        return found ? &balance->nodes[found - balance->machine->nodes] : NULL;
}

void balance_move(Balance *balance, const Block *block, ZoneClass from, ZoneClass to)
{
        uint64_t bytes = balance->machine->block_size_bytes;
        NodeBalance *node = balance_node(balance, block->node);

        /* The sums are unsigned: adding -bytes subtracts. */
        balance_add(&balance->whole, from, -bytes);
        balance_add(&balance->whole, to, bytes);
        if (!node)
                return;
        balance_add(node, from, -bytes);
        balance_add(node, to, bytes);
}

bool node_balance_is_movable_only(const NodeBalance *node)
{
        return guard_is_movable_only(node->kernel_bytes, node->movable_bytes);
}

static Figures figures_of_balance(const NodeBalance *sum)
{
        Figures figures = figures_of(sum->kernel_bytes, sum->movable_bytes, sum->cma_bytes);

        figures.of_machine = !sum->node;
        return figures;
}

static bool is_last_kernel(const NodeBalance *before, const NodeBalance *after)
{
        return node_balance_is_movable_only(after) && !after->movable_node &&
               (before->kernel_bytes > 0 || after->movable_bytes > before->movable_bytes);
}

static bool is_below_min_kernel(const Policy *policy, const Machine *machine,
                                const NodeBalance *before, const NodeBalance *after,
                                Figures *ret_figures)
{
        uint64_t limit = guard_min_kernel(policy, machine, after->movable_node);

        *ret_figures = (Figures){ .kernel_bytes = after->kernel_bytes, .limit = limit };
        return after->kernel_bytes + after->movable_bytes > 0 && after->kernel_bytes < limit &&
               after->kernel_bytes < before->kernel_bytes;
}

static bool is_over_ratio(const Policy *policy, const NodeBalance *before, const NodeBalance *after,
                          Figures *ret_figures)
{
        Figures was = figures_of_balance(before);

        *ret_figures = figures_of_balance(after);
        return guard_is_over_ratio(policy, ret_figures) && figures_is_worse(ret_figures, &was);
}

static bool is_machine_over_ratio(const Balance *before, const Balance *after, Breach *ret)
{
        *ret = (Breach){ .guard = GUARD_MACHINE_RATIO, .node = &after->whole };
        return is_over_ratio(after->policy, &before->whole, &after->whole, &ret->figures);
}

static bool is_node_breached(const Balance *before, const Balance *after, size_t i, Breach *ret)
{
        const NodeBalance *was = &before->nodes[i], *is = &after->nodes[i];

        *ret = (Breach){ .last_kernel = true, .node = is };
        if (is_last_kernel(was, is))
                return true;
        *ret = (Breach){ .guard = GUARD_MIN_KERNEL, .node = is };
        if (is_below_min_kernel(after->policy, after->machine, was, is, &ret->figures))
                return true;
        *ret = (Breach){ .guard = GUARD_NODE_RATIO, .node = is };
        return guard_has_node_ratio(after->policy, is->node) &&
               is_over_ratio(after->policy, was, is, &ret->figures);
}

bool balance_is_breached_at(const Balance *before, const Balance *after, size_t node, Breach *ret)
{
        return is_node_breached(before, after, node, ret) ||
               is_machine_over_ratio(before, after, ret);
}

bool balance_is_breached(const Balance *before, const Balance *after, Breach *ret)
{
        bool found = false;
        Breach breach;

        for (size_t i = 0; i < after->machine->n_nodes; i++) {
                if (!is_node_breached(before, after, i, &breach))
                        continue;
                if (!found || breach.last_kernel)
                        *ret = breach;
                if (breach.last_kernel)
                        return true;
                found = true;
        }
        return found || is_machine_over_ratio(before, after, ret);
}
