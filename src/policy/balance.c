/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Adds up kernel and movable memory, and tells whether a change breaks the guards. */

#include "policy/balance.h"

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

static void balance_count(Balance *balance)
{
        const Machine *machine = balance->machine;
        Matcher matcher = { .policy = balance->policy, .machine = machine };

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                NodeBalance *node = balance_node(balance, block->node);

                balance_move(balance, block, ZONE_CLASS_NONE, balance_class(block));
                if (node && !node->movable_node) {
                        const Rule *rule =
                                block->decision.verdict != VERDICT_NONE ?
                                        policy_rule(balance->policy, block->decision.rule) :
                                        matcher_find(&matcher, block, node->node);

                        node->movable_node = guard_is_exempt(rule);
                }
        }
}

int balance_init(Balance *balance, const Machine *machine, const Policy *policy)
{
        *balance = (Balance){ .machine = machine, .policy = policy };
        balance->nodes = calloc(machine->n_nodes + 1, sizeof(NodeBalance));
        if (!balance->nodes)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++)
                balance->nodes[i] = node_balance_of(machine, &machine->nodes[i]);
        balance->whole = node_balance_of(machine, NULL);
        balance_count(balance);
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
        const Node *found = machine_find_node(balance->machine, (uint32_t) node);

        return found ? &balance->nodes[found - balance->machine->nodes] : NULL;
}

void balance_move(Balance *balance, const Block *block, ZoneClass from, ZoneClass to)
{
        uint64_t bytes = balance->machine->block_size_bytes;
        NodeBalance *node = balance_node(balance, block->node);

        node_balance_move(&balance->whole, from, to, bytes);
        if (node)
                node_balance_move(node, from, to, bytes);
}

bool node_balance_is_movable_only(const NodeBalance *node)
{
        const Totals totals = {
                .kernel_bytes = node->kernel_bytes,
                .movable_bytes = node->movable_bytes,
        };

        return guard_is_movable_only(&totals);
}

static bool is_over_ratio(const Policy *policy, const NodeBalance *before, const NodeBalance *after,
                          Breach *ret)
{
        Figures was = node_balance_figures(before), is = node_balance_figures(after);

        if (!guard_is_over_ratio(policy, &is) || !figures_is_worse(&is, &was))
                return false;
        *ret = (Breach){ .guard = after->node ? GUARD_NODE_RATIO : GUARD_MACHINE_RATIO,
                         .node = after,
                         .figures = is };
        return true;
}

static bool is_node_breached(const Balance *before, const Balance *after, size_t i, Breach *ret)
{
        const NodeBalance *was = &before->nodes[i], *is = &after->nodes[i];
        uint64_t limit = guard_min_kernel(after->policy, after->machine, is->movable_node);

        if (node_balance_is_movable_only(is) && !is->movable_node &&
            (was->kernel_bytes > 0 || is->movable_bytes > was->movable_bytes)) {
                *ret = (Breach){ .last_kernel = true, .node = is };
                return true;
        }
        if (is->kernel_bytes + is->movable_bytes > 0 && is->kernel_bytes < limit &&
            is->kernel_bytes < was->kernel_bytes) {
                *ret = (Breach){ .guard = GUARD_MIN_KERNEL,
                                 .node = is,
                                 .figures = { .kernel_bytes = is->kernel_bytes, .limit = limit } };
                return true;
        }
        return guard_has_node_ratio(after->policy, is->node) &&
               is_over_ratio(after->policy, was, is, ret);
}

bool balance_is_breached_at(const Balance *before, const Balance *after, size_t node, Breach *ret)
{
        return is_node_breached(before, after, node, ret) ||
               is_over_ratio(after->policy, &before->whole, &after->whole, ret);
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
        return found || is_over_ratio(after->policy, &before->whole, &after->whole, ret);
}
