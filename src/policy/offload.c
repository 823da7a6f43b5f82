/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the single verdict that a policy has for all memory of a node, if it has one. */

#include "policy/offload.h"

/* Whether a rule matches memory that is not there yet. */
typedef enum Match {
        MATCH_NEVER,
        MATCH_PERHAPS,
        MATCH_ALWAYS,
} Match;

static Match match_if(bool condition)
{
        return condition ? MATCH_ALWAYS : MATCH_NEVER;
}

/* Compares the node number. NULL is a node that is not there yet: any that the machine does not have. */
static Match match_number(const Rule *rule, const Machine *machine, const Node *node)
{
        NodeSet present = {}, absent;

        if (!rule->has_nodes)
                return MATCH_ALWAYS;
        if (node)
                return match_if(node_set_contains(&rule->nodes, node->id));
        for (size_t i = 0; i < machine->n_nodes; i++)
                node_set_add(&present, machine->nodes[i].id);
        absent = node_set_minus(&rule->nodes, &present);
        return node_set_is_empty(&absent) ? MATCH_NEVER : MATCH_PERHAPS;
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

static Match match_distance(const Rule *rule, const Machine *machine, const Node *node)
{
        if (!rule->has_distance)
                return MATCH_ALWAYS;
        return node ? match_if(rule_matches_distance(rule, machine, node)) : MATCH_PERHAPS;
}

static Match match_memory(const Rule *rule)
{
        bool asks = rule->origins != 0 || rule->has_address || rule->min_size_bytes > 0 ||
                    rule->max_size_bytes > 0 || rule->udev_mask != 0;

        return asks ? MATCH_PERHAPS : MATCH_ALWAYS;
}

static Match match_rule(const Rule *rule, const Machine *machine, const Node *node)
{
        Match match = match_if(rule_matches_machine(rule, machine));

        match = MIN(match, match_number(rule, machine, node));
        match = MIN(match, match_class(rule, node));
        match = MIN(match, match_distance(rule, machine, node));
        return MIN(match, match_memory(rule));
}

static Verdict verdict_of(const Policy *policy, ZoneAction action)
{
        if (action == ZONE_ACTION_AUTO && policy->max_movable_ratio_permille == 0)
                return VERDICT_KERNEL;
        return zone_action_to_verdict(action);
}

/* Adds the verdict of another rule. Returns whether there is still a single verdict. */
static bool take_verdict(Verdict *only, Verdict verdict)
{
        if (*only == _VERDICT_INVALID)
                *only = verdict;
        return *only == verdict;
}

Verdict offload_node(const Machine *machine, const Policy *policy, const Node *node)
{
        Verdict only = _VERDICT_INVALID;

        for (size_t i = 0; i < policy->n_rules; i++) {
                const Rule *rule = &policy->rules[i];
                Match match = match_rule(rule, machine, node);

                if (match == MATCH_NEVER)
                        continue;
                if (!take_verdict(&only, verdict_of(policy, rule->zone)))
                        return VERDICT_NONE;
                if (match == MATCH_ALWAYS)
                        return only;
        }
        return take_verdict(&only, verdict_of(policy, ZONE_ACTION_AUTO)) ? only : VERDICT_NONE;
}

Verdict offload_machine(const Machine *machine, const Policy *policy)
{
        Verdict verdict = offload_node(machine, policy, NULL);

        for (size_t i = 0; i < machine->n_nodes; i++)
                if (offload_node(machine, policy, &machine->nodes[i]) != verdict)
                        return VERDICT_NONE;
        return verdict;
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
