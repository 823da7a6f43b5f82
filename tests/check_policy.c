/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_main.h"
#include "policy.h"

#define CPU (1U << NODE_CLASS_CPU)
#define CPULESS (1U << NODE_CLASS_CPULESS)
#define MEMORYLESS (1U << NODE_CLASS_MEMORYLESS)

typedef struct MatchCase {
        const char *nodes; /* of the rule, NULL: not given */
        unsigned classes;  /* of the rule */
        uint32_t node;     /* the block's */
        bool has_cpu;
        bool was_memoryless;
        bool matches;
} MatchCase;

static const MatchCase match_cases[] = {
        /* no criterion: all */
        { NULL, 0, 0, true, false, true },
        { NULL, 0, 1023, false, true, true },

        /* nodes */
        { "1", 0, 1, true, false, true },
        { "1", 0, 0, true, false, false },
        { "2-5,7", 0, 1, true, false, false },
        { "2-5,7", 0, 2, true, false, true },
        { "2-5,7", 0, 5, true, false, true },
        { "2-5,7", 0, 6, true, false, false },
        { "2-5,7", 0, 7, true, false, true },
        { "1023", 0, 1023, true, false, true },

        /* each class, on each kind of node */
        { NULL, CPU, 0, true, false, true },
        { NULL, CPU, 0, true, true, true },
        { NULL, CPU, 0, false, false, false },
        { NULL, CPU, 0, false, true, false },
        { NULL, CPULESS, 0, true, false, false },
        { NULL, CPULESS, 0, true, true, false },
        { NULL, CPULESS, 0, false, false, true },
        { NULL, CPULESS, 0, false, true, true },
        { NULL, MEMORYLESS, 0, true, false, false },
        { NULL, MEMORYLESS, 0, true, true, true },
        { NULL, MEMORYLESS, 0, false, false, false },
        { NULL, MEMORYLESS, 0, false, true, true },

        /* any of several classes */
        { NULL, CPU | CPULESS, 0, true, false, true },
        { NULL, CPU | CPULESS, 0, false, false, true },
        { NULL, CPU | MEMORYLESS, 0, false, true, true },
        { NULL, CPU | MEMORYLESS, 0, false, false, false },
        { NULL, CPULESS | MEMORYLESS, 0, true, true, true },
        { NULL, CPULESS | MEMORYLESS, 0, true, false, false },

        /* both criteria must hold */
        { "1", CPU, 1, true, false, true },
        { "1", CPU, 1, false, false, false },
        { "1", CPU, 0, true, false, false },
        { "1", CPU, 0, false, false, false },
};

static const Rule *policy_match(const Policy *policy, const Block *block, const Node *node)
{
        const Machine machine = { .block_size_bytes = 128 << 20 };
        const Rule *rule;
        Matcher matcher;

        ck_assert_int_eq(matcher_init(&matcher, policy, &machine), 0);
        rule = matcher_find(&matcher, block, node);
        matcher_done(&matcher);
        return rule;
}

START_TEST(a_rule_matches_when_all_its_criteria_hold)
{
        const MatchCase *c = &match_cases[_i];
        Rule rule = { .has_nodes = c->nodes, .node_classes = c->classes };
        Policy policy = { .rules = &rule, .n_rules = 1 };
        Block block = { .node = (int32_t) c->node, .node_was_memoryless = c->was_memoryless };
        Node node = { .id = c->node, .has_cpu = c->has_cpu };

        if (c->nodes)
                ck_assert_int_eq(node_set_parse(&rule.nodes, c->nodes), 0);
        ck_assert_ptr_eq(policy_match(&policy, &block, &node), c->matches ? &rule : NULL);
}
END_TEST

START_TEST(a_rule_with_an_empty_node_set_matches_nothing)
{
        Rule rule = { .has_nodes = true };
        Policy policy = { .rules = &rule, .n_rules = 1 };
        Block block = { .node = 0 };
        Node node = { .id = 0 };

        ck_assert_ptr_null(policy_match(&policy, &block, &node));
}
END_TEST

static void insert(Policy *policy, size_t index, const char *name, const char *nodes)
{
        Rule rule = { .name = strdup(name), .file = strdup("test.conf"), .has_nodes = nodes };

        if (nodes)
                ck_assert_int_eq(node_set_parse(&rule.nodes, nodes), 0);
        ck_assert_int_eq(policy_insert_rule(policy, index, &rule), 0);
        ck_assert_ptr_null(rule.name);
        ck_assert_ptr_null(rule.file);
}

START_TEST(the_first_rule_that_matches_decides)
{
        Policy policy;
        Block block = { .node = 1 };
        Node node = { .id = 1, .has_cpu = true };

        policy_init(&policy);
        ck_assert_ptr_null(policy_match(&policy, &block, &node));

        insert(&policy, 0, "all", NULL);
        insert(&policy, 0, "two", "2");
        ck_assert_str_eq(policy_match(&policy, &block, &node)->name, "all");
        insert(&policy, 1, "one", "1");
        ck_assert_str_eq(policy_match(&policy, &block, &node)->name, "one");
        policy_done(&policy);
}
END_TEST

START_TEST(rules_are_inserted_where_they_are_asked_for)
{
        static const char *const expected[] = { "a", "b", "c", "d" };
        Policy policy;

        policy_init(&policy);
        insert(&policy, 0, "b", NULL);
        insert(&policy, 1, "d", NULL);
        insert(&policy, 0, "a", NULL);
        insert(&policy, 2, "c", NULL);
        ck_assert_uint_eq(policy.n_rules, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_str_eq(policy.rules[i].name, expected[i]);
        policy_done(&policy);
}
END_TEST

START_TEST(a_new_policy_has_the_documented_defaults)
{
        Policy policy;

        policy_init(&policy);
        ck_assert_uint_eq(policy.n_rules, 0);
        ck_assert_uint_eq(policy.min_kernel_bytes, MIN_KERNEL_ONE_BLOCK);
        ck_assert_uint_eq(policy.max_movable_ratio_permille, 3000);
        ck_assert(policy.per_node);
        ck_assert(policy.contiguous);
        policy_done(&policy);
        policy_done(NULL);
        rule_done(NULL);
}
END_TEST

START_TEST(node_classes_have_words)
{
        static const char *const words[] = { "cpu", "cpuless", "memoryless" };

        ck_assert_int_eq(_NODE_CLASS_MAX, ELEMENTSOF(words));
        for (int i = 0; i < _NODE_CLASS_MAX; i++) {
                ck_assert_str_eq(node_class_to_string((NodeClass) i), words[i]);
                ck_assert_int_eq(node_class_from_string(words[i]), i);
        }
        ck_assert_ptr_null(node_class_to_string(_NODE_CLASS_MAX));
        ck_assert_ptr_null(node_class_to_string(_NODE_CLASS_INVALID));
        ck_assert_int_eq(node_class_from_string("CPU"), _NODE_CLASS_INVALID);
        ck_assert_int_eq(node_class_from_string(""), _NODE_CLASS_INVALID);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("policy");
        TCase *match = tcase_create("match"), *life = tcase_create("life");

        tcase_add_loop_test(match, a_rule_matches_when_all_its_criteria_hold, 0,
                            ELEMENTSOF(match_cases));
        tcase_add_test(match, a_rule_with_an_empty_node_set_matches_nothing);
        tcase_add_test(match, the_first_rule_that_matches_decides);
        suite_add_tcase(suite, match);

        tcase_add_test(life, rules_are_inserted_where_they_are_asked_for);
        tcase_add_test(life, a_new_policy_has_the_documented_defaults);
        tcase_add_test(life, node_classes_have_words);
        suite_add_tcase(suite, life);
        return check_main(suite);
}
