/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/policy.h"

#include <stdio.h>

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

#define BLOCK (UINT64_C(128) << 20)

/* What a block meets; what is not given is not known. */
typedef struct Place {
        uint32_t block;
        uint32_t node;
        bool has_cpu;
        bool was_memoryless;
        const Device *device;
        const Distance *distances; /* of the node, 2 of them */
        const uint32_t *tier;      /* of the node; NULL: not known */
        const char *virtualization;
        const char *architecture;
        uint64_t udev_mask;
} Place;

static const Rule *policy_match(const Policy *policy, const Place *place)
{
        Node node = {
                .id = place->node,
                .has_cpu = place->has_cpu,
                .distances = (Distance *) place->distances,
                .n_distances = place->distances ? 2 : 0,
                .has_tier = place->tier != NULL,
                .tier = place->tier ? *place->tier : 0,
        };
        Machine machine = {
                .block_size_bytes = BLOCK,
                .nodes = &node,
                .n_nodes = 1,
                .devices = (Device *) place->device,
                .n_devices = place->device ? 1 : 0,
        };
        Block block = {
                .id = place->block,
                .node = (int32_t) node.id,
                .device = place->device ? 0 : DEVICE_NONE,
                .node_was_memoryless = place->was_memoryless,
                .udev_mask = place->udev_mask,
        };
        const Rule *rule;
        Matcher matcher = { .policy = policy, .machine = &machine };

        strcpy(machine.virtualization, place->virtualization ?: "");
        strcpy(machine.architecture, place->architecture ?: "");
        rule = matcher_find(&matcher, &block, &node);
        /* The block is in the run of the matcher now: the same again. */
        ck_assert_ptr_eq(matcher_find(&matcher, &block, &node), rule);
        return rule;
}

/* Whether a rule alone matches. */
static void assert_match(const Rule *rule, const Place *place, bool matches)
{
        Policy policy = { .rules = (Rule *) rule, .n_rules = 1 };

        ck_assert_ptr_eq(policy_match(&policy, place), matches ? rule : NULL);
}

START_TEST(a_rule_matches_when_all_its_criteria_hold)
{
        const MatchCase *c = &match_cases[_i];
        Rule rule = { .has_nodes = c->nodes, .node_classes = c->classes };
        const Place place = {
                .node = c->node,
                .has_cpu = c->has_cpu,
                .was_memoryless = c->was_memoryless,
        };

        if (c->nodes)
                ck_assert_int_eq(node_set_parse(&rule.nodes, c->nodes), 0);
        assert_match(&rule, &place, c->matches);
}
END_TEST

/* One matcher for all: it does not take the rule of one node for that of another. */
START_TEST(blocks_may_come_in_any_order)
{
        /* The last two share a run of the matcher. */
        Node nodes[] = { { .id = 0, .has_cpu = true },
                         { .id = 3 },
                         { .id = 3 + MATCH_RUNS, .has_cpu = true } };
        Machine machine = { .block_size_bytes = BLOCK, .nodes = nodes, .n_nodes = 3 };
        Rule rules[] = { { .node_classes = MEMORYLESS }, { .node_classes = CPULESS }, {} };
        const Policy policy = { .rules = rules, .n_rules = ELEMENTSOF(rules) };
        Matcher matcher = { .policy = &policy, .machine = &machine };

        for (unsigned i = 0; i < 24; i++) {
                const Node *node = &nodes[i % 3];
                const Block block = { .node = (int32_t) node->id,
                                      .device = DEVICE_NONE,
                                      .node_was_memoryless = i % 4 > 1 };
                const Rule *expected = block.node_was_memoryless ? &rules[0] :
                                       node->has_cpu             ? &rules[2] :
                                                                   &rules[1];

                ck_assert_ptr_eq(matcher_find(&matcher, &block, node), expected);
        }
}
END_TEST

START_TEST(a_rule_with_an_empty_node_set_matches_nothing)
{
        const Rule rule = { .has_nodes = true };

        assert_match(&rule, &(Place){}, false);
}
END_TEST

/* Devices */

#define MASK(member) (1U << ORIGIN_##member)

START_TEST(a_rule_matches_the_origins_it_lists)
{
        for (int origin = 0; origin < _ORIGIN_MAX; origin++)
                for (unsigned origins = 1; origins < 1U << _ORIGIN_MAX; origins++) {
                        const Device device = { .origin = (Origin) origin };
                        const Rule rule = { .origins = origins };
                        bool matches = origins >> origin & 1;
                        Policy policy = { .rules = (Rule *) &rule, .n_rules = 1 };

                        if ((policy_match(&policy, &(Place){ .device = &device }) == &rule) !=
                            matches)
                                ck_abort_msg("origins %x, origin %d", origins, origin);
                }
}
END_TEST

START_TEST(a_rule_matches_the_driver_by_a_pattern)
{
        static const struct {
                const char *pattern, *driver;
                bool matches;
        } cases[] = {
                { "NVIDIA", "NVIDIA", true },
                { "NVIDIA", "NVIDIA2", false },
                { "NVIDIA*", "NVIDIA2", true },
                { "nvidia", "NVIDIA", false },
                { "[Nn]*", "nvidia", true },
                { "?mem", "kmem", true },
                { "*", "", true },
                { "?*", "", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Rule rule = { .driver = (char *) cases[i].pattern };
                Device device = { .origin = ORIGIN_DRIVER };

                strcpy(device.driver, cases[i].driver);
                assert_match(&rule, &(Place){ .device = &device }, cases[i].matches);
        }
}
END_TEST

static const struct {
        unsigned origins[2]; /* of two rules */
        bool tells;
} tells_cases[] = {
        { { 0, 0 }, false },
        { { 1U << ORIGIN_KMEM, 1U << ORIGIN_BALLOON | 1U << ORIGIN_STANDBY }, false },
        { { 1U << ORIGIN_DIMM | 1U << ORIGIN_UNKNOWN, 0 }, false },
        { { 1U << ORIGIN_DIMM, 0 }, true },
        { { 0, 1U << ORIGIN_UNKNOWN | 1U << ORIGIN_KMEM }, true },
};

START_TEST(a_policy_tells_dimms_from_unknown_memory_if_a_rule_does)
{
        Rule rules[2] = { { .origins = tells_cases[_i].origins[0] },
                          { .origins = tells_cases[_i].origins[1] } };
        const Policy policy = { .rules = rules, .n_rules = 2 };

        ck_assert_int_eq(policy_tells_dimms(&policy), tells_cases[_i].tells);
}
END_TEST

START_TEST(a_block_without_a_device_is_of_unknown_origin_and_of_no_size)
{
        static const struct {
                Rule rule;
                bool matches;
        } cases[] = {
                { {}, true },
                { { .origins = MASK(UNKNOWN) }, true },
                { { .origins = MASK(UNKNOWN) | MASK(DIMM) }, true },
                { { .origins = MASK(DIMM) }, false },
                { { .origins = MASK(BOOT) }, false },
                { { .min_size_bytes = 1 }, false },
                { { .max_size_bytes = 1 }, false },
                { { .max_size_bytes = UINT64_MAX }, false },
                { { .driver = (char *) "*" }, false },
                { { .origins = MASK(UNKNOWN), .max_size_bytes = UINT64_MAX }, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_match(&cases[i].rule, &(Place){}, cases[i].matches);
}
END_TEST

#define GIB (UINT64_C(1) << 30)

static const struct {
        uint64_t min, max, size;
        bool matches;
} size_cases[] = {
        { 0, 0, 0, true },
        { 0, 0, UINT64_MAX, true },
        { 8 * GIB, 0, 8 * GIB - 1, false },
        { 8 * GIB, 0, 8 * GIB, true },
        { 8 * GIB, 0, 8 * GIB + 1, true },
        { 8 * GIB, 0, UINT64_MAX, true },
        { 0, 8 * GIB, 0, true },
        { 0, 8 * GIB, 8 * GIB - 1, true },
        { 0, 8 * GIB, 8 * GIB, true },
        { 0, 8 * GIB, 8 * GIB + 1, false },
        { 8 * GIB, 8 * GIB, 8 * GIB - 1, false },
        { 8 * GIB, 8 * GIB, 8 * GIB, true },
        { 8 * GIB, 8 * GIB, 8 * GIB + 1, false },
        { 1, 0, 0, false },
};

START_TEST(a_rule_matches_the_size_of_the_device)
{
        const Rule rule = { .min_size_bytes = size_cases[_i].min,
                            .max_size_bytes = size_cases[_i].max };
        const Device device = { .origin = ORIGIN_DIMM, .size_bytes = size_cases[_i].size };

        assert_match(&rule, &(Place){ .device = &device }, size_cases[_i].matches);
}
END_TEST

START_TEST(a_device_number_that_is_out_of_range_is_none)
{
        static const int32_t numbers[] = { INT32_MIN, -2, DEVICE_NONE, 1, 2, INT32_MAX };
        Device device = { .origin = ORIGIN_DIMM };
        Node node = {};
        const Machine machine = { .block_size_bytes = BLOCK,
                                  .devices = &device,
                                  .n_devices = 1,
                                  .nodes = &node,
                                  .n_nodes = 1 };
        Rule rules[] = { { .origins = MASK(DIMM) }, { .origins = MASK(UNKNOWN) } };
        const Policy policy = { .rules = rules, .n_rules = ELEMENTSOF(rules) };
        Matcher matcher = { .policy = &policy, .machine = &machine };
        Block block = {};

        ck_assert_ptr_eq(matcher_find(&matcher, &block, &node), &rules[0]);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                block.device = numbers[i];
                ck_assert_ptr_eq(matcher_find(&matcher, &block, &node), &rules[1]);
        }
}
END_TEST

/* Addresses and properties of the block */

static const struct {
        uint64_t first, last;
        uint32_t block;
        bool matches;
} address_cases[] = {
        /* one byte less, exactly and one byte more on either side of block 8 */
        { 8 * BLOCK, 9 * BLOCK - 1, 8, true },
        { 8 * BLOCK + 1, 9 * BLOCK - 1, 8, false },
        { 8 * BLOCK - 1, 9 * BLOCK - 1, 8, true },
        { 8 * BLOCK, 9 * BLOCK - 2, 8, false },
        { 8 * BLOCK, 9 * BLOCK, 8, true },

        /* its neighbours */
        { 8 * BLOCK, 9 * BLOCK - 1, 7, false },
        { 8 * BLOCK, 9 * BLOCK - 1, 9, false },
        { 8 * BLOCK, 10 * BLOCK - 1, 9, true },

        /* from 0, and to the end */
        { 0, 0, 0, false },
        { 0, BLOCK - 1, 0, true },
        { 0, UINT64_MAX, UINT32_MAX, true },
        { UINT32_MAX * BLOCK, UINT64_MAX, UINT32_MAX, true },
        { UINT32_MAX * BLOCK + 1, UINT64_MAX, UINT32_MAX, false },
        { 0, UINT32_MAX *BLOCK + BLOCK - 2, UINT32_MAX, false },
};

START_TEST(a_rule_matches_blocks_within_its_addresses)
{
        const Rule rule = { .has_address = true,
                            .first_address = address_cases[_i].first,
                            .last_address = address_cases[_i].last };

        assert_match(&rule, &(Place){ .block = address_cases[_i].block },
                     address_cases[_i].matches);
}
END_TEST

/* A matcher that has seen other blocks finds what one finds that has seen none. */
START_TEST(rules_begin_and_end_between_blocks_of_a_run)
{
        Node node = { .has_cpu = true };
        Device devices[] = { { .origin = ORIGIN_DIMM }, { .origin = ORIGIN_KMEM } };
        const Machine machine = { .block_size_bytes = BLOCK,
                                  .devices = devices,
                                  .n_devices = ELEMENTSOF(devices),
                                  .nodes = &node,
                                  .n_nodes = 1 };
        Rule rules[] = {
                { .has_address = true, .first_address = 3 * BLOCK, .last_address = 5 * BLOCK - 1 },
                { .has_address = true, .first_address = 4 * BLOCK, .last_address = 7 * BLOCK },
                { .has_address = true, .first_address = 7 * BLOCK, .last_address = 9 * BLOCK - 2 },
                { .origins = MASK(KMEM),
                  .has_address = true,
                  .first_address = 0,
                  .last_address = 12 * BLOCK - 1 },
                { .has_address = true,
                  .first_address = 10 * BLOCK + 1,
                  .last_address = 12 * BLOCK - 1 },
                { .udev_mask = 1 },
                { .has_address = true, .first_address = 15 * BLOCK, .last_address = UINT64_MAX },
                { .node_classes = MEMORYLESS },
        };
        const Policy policy = { .rules = rules, .n_rules = ELEMENTSOF(rules) };
        static const uint32_t strides[] = { 1, 3, 7, 15 };
        unsigned found = 0;

        for (size_t i = 0; i < ELEMENTSOF(strides); i++)
                for (int32_t device = DEVICE_NONE; device < 2; device++) {
                        Matcher matcher = { .policy = &policy, .machine = &machine };

                        for (uint32_t step = 0; step < 64; step++) {
                                Matcher fresh = { .policy = &policy, .machine = &machine };
                                const Block block = { .id = step * strides[i] % 16,
                                                      .device = device,
                                                      .udev_mask = step / 3 % 2,
                                                      .node_was_memoryless = step / 5 % 2 };
                                const Rule *rule = matcher_find(&fresh, &block, &node);

                                ck_assert_ptr_eq(matcher_find(&matcher, &block, &node), rule);
                                if (rule)
                                        found |= 1U << (rule - rules);
                        }
                }
        ck_assert_uint_eq(found, (1U << ELEMENTSOF(rules)) - 1);
}
END_TEST

START_TEST(a_rule_matches_blocks_with_all_of_its_udev_properties)
{
        static const struct {
                uint64_t rule, block;
                bool matches;
        } cases[] = {
                { 0, 0, true },
                { 0, UINT64_MAX, true },
                { 1, 0, false },
                { 1, 1, true },
                { 1, 2, false },
                { 1, 3, true },
                { 3, 1, false },
                { 3, 2, false },
                { 3, 3, true },
                { UINT64_C(1) << 63, UINT64_C(1) << 63, true },
                { UINT64_C(1) << 63, UINT64_MAX >> 1, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_match(&(Rule){ .udev_mask = cases[i].rule },
                             &(Place){ .udev_mask = cases[i].block }, cases[i].matches);
}
END_TEST

START_TEST(udev_properties_are_kept_once_and_there_are_64)
{
        char value[8];
        Policy policy;

        policy_init(&policy);
        ck_assert_int_eq(policy_add_udev_property(&policy, "A", "1"), 0);
        ck_assert_int_eq(policy_add_udev_property(&policy, "A", "2"), 1);
        ck_assert_int_eq(policy_add_udev_property(&policy, "B", "1"), 2);
        ck_assert_int_eq(policy_add_udev_property(&policy, "A", "2"), 1);
        ck_assert_uint_eq(policy.n_udev_properties, 3);
        ck_assert_str_eq(policy.udev_properties[1].name, "A");
        ck_assert_str_eq(policy.udev_properties[1].value, "2");
        for (int i = 3; i < UDEV_PROPERTIES_MAX; i++) {
                snprintf(value, sizeof(value), "%d", i);
                ck_assert_int_eq(policy_add_udev_property(&policy, "C", value), i);
        }
        ck_assert_int_eq(policy_add_udev_property(&policy, "C", "64"), -E2BIG);
        ck_assert_int_eq(policy_add_udev_property(&policy, "C", "63"), 63);
        ck_assert_uint_eq(policy.n_udev_properties, UDEV_PROPERTIES_MAX);
        policy_done(&policy);
}
END_TEST

/* Distance */

START_TEST(a_rule_matches_nodes_within_its_distances)
{
        static const Distance distances[] = { { 0, 21 }, { 1, 10 } };
        static const struct {
                DistanceRange range;
                bool matches;
        } cases[] = {
                { { 0, 0, UINT32_MAX }, true },
                { { 0, 20, UINT32_MAX }, true },
                { { 0, 21, UINT32_MAX }, true },
                { { 0, 22, UINT32_MAX }, false },
                { { 0, 0, 20 }, false },
                { { 0, 0, 21 }, true },
                { { 0, 0, 22 }, true },
                { { 0, 21, 21 }, true },

                /* to itself; to a node that nothing is known of */
                { { 1, 0, 10 }, true },
                { { 1, 11, UINT32_MAX }, false },
                { { 2, 0, UINT32_MAX }, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Rule rule = { .has_distance = true, .distance = cases[i].range };

                assert_match(&rule, &(Place){ .node = 1, .distances = distances },
                             cases[i].matches);
                assert_match(&rule, &(Place){ .node = 1 }, false);
        }
}
END_TEST

/* The machine */

/* Whether a word is one of all, perhaps with a "!" before it. */
static bool is_known(const char *(*nth)(int i), const char *word)
{
        word += *word == '!';
        for (int i = 0; nth(i); i++)
                if (strcmp(nth(i), word) == 0)
                        return true;
        return false;
}

static const struct {
        const char *word;
        const char *virtualization;
        bool matches;
} virtualization_cases[] = {
        { "kvm", "kvm", true },
        { "kvm", "xen", false },
        { "kvm", "none", false },
        { "none", "none", true },
        { "none", "kvm", false },
        { "none", "docker", false },
        { "lxc", "lxc", true },

        /* kinds */
        { "vm", "kvm", true },
        { "vm", "vm-other", true },
        { "vm", "docker", false },
        { "vm", "none", false },
        { "container", "docker", true },
        { "container", "wsl", true },
        { "container", "kvm", false },
        { "container", "none", false },
        { "yes", "kvm", true },
        { "true", "docker", true },
        { "yes", "none", false },
        { "no", "none", true },
        { "false", "none", true },
        { "no", "kvm", false },
        { "false", "lxc", false },

        /* not */
        { "!kvm", "kvm", false },
        { "!kvm", "xen", true },
        { "!kvm", "none", true },
        { "!vm", "kvm", false },
        { "!vm", "docker", true },
        { "!vm", "none", true },
        { "!container", "docker", false },
        { "!yes", "none", true },
        { "!yes", "kvm", false },
        { "!no", "kvm", true },
        { "!none", "none", false },

        /* what is not known is nothing, not even not something */
        { "kvm", "", false },
        { "!kvm", "", false },
        { "no", "", false },
        { "none", "", false },
};

START_TEST(a_rule_matches_nodes_within_its_tiers)
{
        static const struct {
                TierRange tiers;
                uint32_t tier;
                bool matches;
        } cases[] = {
                { { 4, 4 }, 3, false },        { { 4, 4 }, 4, true },
                { { 4, 4 }, 5, false },        { { 5, 9 }, 5, true },
                { { 5, 9 }, 9, true },         { { 5, 9 }, 10, false },
                { { 0, 3 }, 0, true },         { { 5, TIER_MAX }, 22, true },
                { { 5, TIER_MAX }, 4, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Rule rule = { .has_tiers = true, .tiers = cases[i].tiers };
                const Place place = { .tier = &cases[i].tier }, unknown = {};

                assert_match(&rule, &place, cases[i].matches);
                assert_match(&rule, &unknown, false);
        }
}
END_TEST

START_TEST(a_policy_names_tiers_if_a_rule_does)
{
        Rule rules[] = { { .has_nodes = true }, { .has_tiers = false } };
        const Policy policy = { .rules = rules, .n_rules = ELEMENTSOF(rules) };

        ck_assert(!policy_names_tiers(&policy));
        rules[1].has_tiers = true;
        ck_assert(policy_names_tiers(&policy));
}
END_TEST

START_TEST(virtualization_is_as_systemd_has_it)
{
        const char *word = virtualization_cases[_i].word;
        const Rule rule = { .virtualization = (char *[]){ (char *) word, NULL } };

        ck_assert(is_known(virtualization_word, word));
        assert_match(&rule, &(Place){ .virtualization = virtualization_cases[_i].virtualization },
                     virtualization_cases[_i].matches);
}
END_TEST

static const struct {
        const char *word;
        const char *architecture;
        bool matches;
} architecture_cases[] = {
        { "x86-64", "x86-64", true }, { "x86-64", "x86", false },    { "arm64", "x86-64", false },
        { "native", "x86-64", true }, { "native", "s390x", true },   { "!x86-64", "x86-64", false },
        { "!x86-64", "arm64", true }, { "!native", "arm64", false }, { "x86-64", "", false },
        { "!x86-64", "", false },     { "native", "", false },
};

START_TEST(an_architecture_is_as_systemd_has_it)
{
        const char *word = architecture_cases[_i].word;
        const Rule rule = { .architecture = (char *[]){ (char *) word, NULL } };

        ck_assert(is_known(architecture_word, word));
        assert_match(&rule, &(Place){ .architecture = architecture_cases[_i].architecture },
                     architecture_cases[_i].matches);
}
END_TEST

START_TEST(any_word_of_a_list_will_do)
{
        const Rule rule = { .virtualization = (char *[]){ (char *) "xen", (char *) "kvm", NULL },
                            .architecture =
                                    (char *[]){ (char *) "arm64", (char *) "s390x", NULL } };

        assert_match(&rule, &(Place){ .virtualization = "kvm", .architecture = "s390x" }, true);
        assert_match(&rule, &(Place){ .virtualization = "xen", .architecture = "arm64" }, true);
        assert_match(&rule, &(Place){ .virtualization = "qemu", .architecture = "arm64" }, false);
        assert_match(&rule, &(Place){ .virtualization = "xen", .architecture = "x86-64" }, false);
        assert_match(&rule, &(Place){ .architecture = "arm64" }, false);
}
END_TEST

START_TEST(words_that_systemd_does_not_have_are_not_known)
{
        static const char *const words[] = { "",       "!",  "!!kvm",   "KVM",  "kvm ",
                                             "x86_64", "on", "aarch64", "i686", "amd64" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                ck_assert_msg(!is_known(virtualization_word, words[i]), "\"%s\"", words[i]);
                ck_assert_msg(!is_known(architecture_word, words[i]), "\"%s\"", words[i]);
        }
        ck_assert(!is_known(virtualization_word, "native"));
        ck_assert(!is_known(virtualization_word, "x86-64"));
        ck_assert(!is_known(architecture_word, "vm"));
        ck_assert(!is_known(architecture_word, "kvm"));
}
END_TEST

START_TEST(architectures_of_uname_have_names)
{
        static const char *const cases[][2] = {
                { "x86_64", "x86-64" },
                { "i386", "x86" },
                { "i686", "x86" },
                { "aarch64", "arm64" },
                { "aarch64_be", "arm64-be" },
                { "armv7l", "arm" },
                { "armv7b", "arm-be" },
                { "s390x", "s390x" },
                { "s390", "s390" },
                { "ppc64le", "ppc64-le" },
                { "ppc64", "ppc64" },
                { "riscv64", "riscv64" },
                { "loongarch64", "loongarch64" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_str_eq(architecture_from_uname(cases[i][0]), cases[i][1]);
                ck_assert(is_known(architecture_word, cases[i][1]));
                ck_assert(architecture_is_name(cases[i][1]));
        }
        ck_assert_ptr_null(architecture_from_uname("vax"));
        ck_assert_ptr_null(architecture_from_uname(""));
        ck_assert_ptr_null(architecture_from_uname("x86_64_v2"));
}
END_TEST

START_TEST(a_condition_is_not_the_name_of_a_machine)
{
        static const char *const virtualizations[] = { "none", "kvm", "zvm", "lxc", "sre" };
        static const char *const conditions[] = { "",          "yes",    "no",   "vm",
                                                  "container", "native", "!kvm", "!arm64" };

        for (size_t i = 0; i < ELEMENTSOF(virtualizations); i++) {
                ck_assert(virtualization_is_name(virtualizations[i]));
                ck_assert(!architecture_is_name(virtualizations[i]));
        }
        for (size_t i = 0; i < ELEMENTSOF(conditions); i++) {
                ck_assert(!virtualization_is_name(conditions[i]));
                ck_assert(!architecture_is_name(conditions[i]));
        }
}
END_TEST

/* Together */

START_TEST(every_criterion_must_hold)
{
        static const Distance distances[] = { { 0, 21 }, { 3, 10 } };
        const Device device = { .origin = ORIGIN_DIMM, .size_bytes = 8 * GIB };
        const Place place = {
                .block = 8,
                .node = 3,
                .has_cpu = true,
                .device = &device,
                .distances = distances,
                .virtualization = "kvm",
                .architecture = "x86-64",
                .udev_mask = 1,
        };
        Rule rule = {
                .has_nodes = true,
                .node_classes = CPU,
                .origins = MASK(DIMM),
                .has_address = true,
                .first_address = 8 * BLOCK,
                .last_address = 9 * BLOCK - 1,
                .min_size_bytes = 8 * GIB,
                .max_size_bytes = 8 * GIB,
                .has_distance = true,
                .distance = { 0, 21, 21 },
                .virtualization = (char *[]){ (char *) "kvm", NULL },
                .architecture = (char *[]){ (char *) "x86-64", NULL },
                .udev_mask = 1,
        };
        Rule wrong[11];

        node_set_add(&rule.nodes, 3);
        assert_match(&rule, &place, true);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                wrong[i] = rule;
        wrong[0].nodes = (NodeSet){};
        wrong[1].node_classes = CPULESS | MEMORYLESS;
        wrong[2].origins = ~MASK(DIMM);
        wrong[3].first_address++;
        wrong[4].last_address--;
        wrong[5].min_size_bytes++;
        wrong[6].max_size_bytes--;
        wrong[7].distance.max--;
        wrong[8].virtualization = (char *[]){ (char *) "!kvm", NULL };
        wrong[9].architecture = (char *[]){ (char *) "!native", NULL };
        wrong[10].udev_mask = 3;
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_match(&wrong[i], &place, false);
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
        const Place place = { .node = 1 };
        Policy policy;

        policy_init(&policy);
        ck_assert_ptr_null(policy_match(&policy, &place));

        insert(&policy, 0, "all", NULL);
        insert(&policy, 0, "two", "2");
        ck_assert_str_eq(policy_match(&policy, &place)->name, "all");
        insert(&policy, 1, "one", "1");
        ck_assert_str_eq(policy_match(&policy, &place)->name, "one");
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
        ck_assert_int_eq(policy.whole_device, WHOLE_DEVICE_PREFER);
        ck_assert_uint_eq(policy.n_udev_properties, 0);
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
        TCase *match = tcase_create("match"), *machine = tcase_create("machine"),
              *life = tcase_create("life");

        tcase_add_loop_test(match, a_rule_matches_when_all_its_criteria_hold, 0,
                            ELEMENTSOF(match_cases));
        tcase_add_test(match, blocks_may_come_in_any_order);
        tcase_add_test(match, a_rule_with_an_empty_node_set_matches_nothing);
        tcase_add_test(match, the_first_rule_that_matches_decides);
        tcase_add_test(match, a_rule_matches_the_origins_it_lists);
        tcase_add_test(match, a_rule_matches_the_driver_by_a_pattern);
        tcase_add_test(match, a_block_without_a_device_is_of_unknown_origin_and_of_no_size);
        tcase_add_loop_test(match, a_policy_tells_dimms_from_unknown_memory_if_a_rule_does, 0,
                            ELEMENTSOF(tells_cases));
        tcase_add_loop_test(match, a_rule_matches_the_size_of_the_device, 0,
                            ELEMENTSOF(size_cases));
        tcase_add_test(match, a_device_number_that_is_out_of_range_is_none);
        tcase_add_test(match, rules_begin_and_end_between_blocks_of_a_run);
        tcase_add_loop_test(match, a_rule_matches_blocks_within_its_addresses, 0,
                            ELEMENTSOF(address_cases));
        tcase_add_test(match, a_rule_matches_blocks_with_all_of_its_udev_properties);
        tcase_add_test(match, a_rule_matches_nodes_within_its_distances);
        tcase_add_test(match, every_criterion_must_hold);
        suite_add_tcase(suite, match);

        tcase_add_test(machine, a_rule_matches_nodes_within_its_tiers);
        tcase_add_test(machine, a_policy_names_tiers_if_a_rule_does);
        tcase_add_loop_test(machine, virtualization_is_as_systemd_has_it, 0,
                            ELEMENTSOF(virtualization_cases));
        tcase_add_loop_test(machine, an_architecture_is_as_systemd_has_it, 0,
                            ELEMENTSOF(architecture_cases));
        tcase_add_test(machine, any_word_of_a_list_will_do);
        tcase_add_test(machine, words_that_systemd_does_not_have_are_not_known);
        tcase_add_test(machine, architectures_of_uname_have_names);
        tcase_add_test(machine, a_condition_is_not_the_name_of_a_machine);
        suite_add_tcase(suite, machine);

        tcase_add_test(life, udev_properties_are_kept_once_and_there_are_64);
        tcase_add_test(life, rules_are_inserted_where_they_are_asked_for);
        tcase_add_test(life, a_new_policy_has_the_documented_defaults);
        tcase_add_test(life, node_classes_have_words);
        suite_add_tcase(suite, life);
        return check_main_pure(suite);
}
