/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the single verdict that a policy has for all memory of a node, if it has one. */

#include "policy/offload.h"

/* Whether a rule matches memory that is not there yet. */
typedef enum Match {
        MATCH_NEVER,
        MATCH_PERHAPS,
        MATCH_ALWAYS,
} Match;

/* Compares the node number. NULL is a node that is not there yet: any that the machine does not have. */
static Match match_number(const Rule *rule, const Machine *machine, const Node *node)
{
        if (!rule->has_nodes)
                return MATCH_ALWAYS;
        if (node)
                return node_set_contains(&rule->nodes, node->id) ? MATCH_ALWAYS : MATCH_NEVER;
        for (uint32_t id = 0; id < NODE_MAX; id++)
                if (node_set_contains(&rule->nodes, id) && !machine_find_node(machine, id))
                        return MATCH_PERHAPS;
        return MATCH_NEVER;
}

/* Compares the node class. Whether the node has memory can change before the next memory comes. */
static Match match_class(const Rule *rule, const Node *node)
{
        const unsigned with_cpu = 1U << NODE_CLASS_CPU, without = 1U << NODE_CLASS_CPULESS;
        unsigned sure = node ? (node->has_cpu ? with_cpu : without) : with_cpu | without;

        if (rule->node_classes == 0 || (rule->node_classes & sure) == sure)
                return MATCH_ALWAYS;
        return !node || rule->node_classes & 1U << NODE_CLASS_MEMORYLESS ? MATCH_PERHAPS :
                                                                           MATCH_NEVER;
}

static Match match_rule(const Rule *rule, const Machine *machine, const Node *node)
{
        bool asks_of_memory = rule->origins != 0 || rule->driver || rule->has_address ||
                              rule->min_size_bytes > 0 || rule->max_size_bytes > 0 ||
                              rule->udev_mask != 0 ||
                              /* The node can lose its memory, and with it its tier. */
                              rule->has_tiers;
        Match match = MIN(match_number(rule, machine, node), match_class(rule, node));

        if (!rule_matches_machine(rule, machine) ||
            (rule->has_distance && node && !rule_matches_distance(rule, machine, node)))
                return MATCH_NEVER;
        return asks_of_memory || (rule->has_distance && !node) ? MIN(match, MATCH_PERHAPS) : match;
}

Verdict offload_node(const Machine *machine, const Policy *policy, const Node *node)
{
        Verdict only = _VERDICT_INVALID;
        Match match = MATCH_NEVER;

        for (size_t i = 0; match != MATCH_ALWAYS; i++) {
                const Rule *rule = policy_rule(policy, (int32_t) i); /* NULL: the default */
                ZoneAction action = rule ? rule->zone : ZONE_ACTION_AUTO;
                Verdict verdict = zone_action_to_verdict(action);

                match = rule ? match_rule(rule, machine, node) : MATCH_ALWAYS;
                if (match == MATCH_NEVER)
                        continue;
                if (action == ZONE_ACTION_AUTO && policy->max_movable_ratio_permille == 0)
                        verdict = VERDICT_KERNEL;
                if (only != _VERDICT_INVALID && only != verdict)
                        return VERDICT_NONE;
                only = verdict;
        }
        return only;
}

Verdict offload_machine(const Machine *machine, const Policy *policy)
{
        Verdict verdict = offload_node(machine, policy, NULL);

        for (size_t i = 0; i < machine->n_nodes; i++)
                if (offload_node(machine, policy, &machine->nodes[i]) != verdict)
                        return VERDICT_NONE;
        return verdict;
}

bool offload_leaves(const Machine *machine, const Policy *policy, Origin origin)
{
        for (size_t i = 0; i < policy->n_rules; i++) {
                const Rule *rule = &policy->rules[i];
                bool asks_more = rule->has_nodes || rule->node_classes || rule->has_distance ||
                                 rule->has_address || rule->min_size_bytes > 0 ||
                                 rule->max_size_bytes > 0 || rule->udev_mask != 0 ||
                                 rule->has_tiers;

                if ((rule->origins && !(rule->origins & 1U << origin)) || rule->driver ||
                    !rule_matches_machine(rule, machine))
                        continue;
                if (!verdict_is_left(zone_action_to_verdict(rule->zone)))
                        return false;
                if (!asks_more)
                        return true;
        }
        return false;
}

OnlineWord offload_machine_word(const Machine *machine, const Policy *policy, bool uniform)
{
        return uniform ? online_word_of_verdict(offload_machine(machine, policy)) :
                         ONLINE_WORD_OFFLINE;
}

OnlineWord offload_node_word(const Machine *machine, const Policy *policy, bool uniform,
                             OnlineWord machine_word, const Node *node)
{
        OnlineWord word = uniform ? online_word_of_verdict(offload_node(machine, policy, node)) :
                                    ONLINE_WORD_OFFLINE;

        if (word == machine_word)
                return word == ONLINE_WORD_OFFLINE && node->auto_online == ONLINE_WORD_OFFLINE ?
                               ONLINE_WORD_OFFLINE :
                               ONLINE_WORD_INHERIT;
        return word;
}
