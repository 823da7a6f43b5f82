/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy.h"

static const char *const node_class_table[_NODE_CLASS_MAX] = {
        [NODE_CLASS_CPU] = "cpu",
        [NODE_CLASS_CPULESS] = "cpuless",
        [NODE_CLASS_MEMORYLESS] = "memoryless",
};

DEFINE_STRING_TABLE(node_class, NodeClass)

void policy_init(Policy *policy)
{
        *policy = (Policy){
                .min_kernel_bytes = MIN_KERNEL_ONE_BLOCK,
                .max_movable_ratio_permille = 3000,
                .per_node = true,
                .contiguous = true,
        };
}

void policy_done(Policy *policy)
{
        if (!policy)
                return;
        for (size_t i = 0; i < policy->n_rules; i++)
                rule_done(&policy->rules[i]);
        free(policy->rules);
        policy->rules = NULL;
        policy->n_rules = 0;
}

void rule_done(Rule *rule)
{
        if (!rule)
                return;
        free(rule->name);
        free(rule->file);
        rule->name = NULL;
        rule->file = NULL;
}

int policy_insert_rule(Policy *policy, size_t index, Rule *rule)
{
        Rule *rules;

        assert(index <= policy->n_rules);

        rules = reallocarray(policy->rules, policy->n_rules + 1, sizeof(Rule));
        if (!rules)
                return -ENOMEM;
        memmove(rules + index + 1, rules + index, (policy->n_rules - index) * sizeof(Rule));
        rules[index] = *rule;
        rule->name = NULL;
        rule->file = NULL;
        policy->rules = rules;
        policy->n_rules++;
        return 0;
}

static bool rule_matches_node_class(const Rule *rule, const Block *block, const Node *node)
{
        unsigned classes = 1U << (node->has_cpu ? NODE_CLASS_CPU : NODE_CLASS_CPULESS);

        if (block->node_was_memoryless)
                classes |= 1U << NODE_CLASS_MEMORYLESS;
        return rule->node_classes & classes;
}

static bool rule_matches(const Rule *rule, const Block *block, const Node *node)
{
        if (rule->has_nodes && !node_set_contains(&rule->nodes, node->id))
                return false;
        if (rule->node_classes && !rule_matches_node_class(rule, block, node))
                return false;
        return true;
}

const Rule *policy_match(const Policy *policy, const Block *block, const Node *node)
{
        for (size_t i = 0; i < policy->n_rules; i++)
                if (rule_matches(&policy->rules[i], block, node))
                        return &policy->rules[i];
        return NULL;
}
