/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/offload.h"

/* Node 0 with a CPU, node 1 without, 21 away from it. Node 2 is not there. */
#define CPU (1U << NODE_CLASS_CPU)
#define CPULESS (1U << NODE_CLASS_CPULESS)
#define MEMORYLESS (1U << NODE_CLASS_MEMORYLESS)

#define N VERDICT_NONE
#define K VERDICT_KERNEL
#define M VERDICT_MOVABLE
#define D VERDICT_KERNEL_DEFAULT
#define L VERDICT_LEAVE

#define MOVABLE .zone = ZONE_ACTION_MOVABLE
#define KERNEL .zone = ZONE_ACTION_KERNEL
#define DEFAULT .zone = ZONE_ACTION_KERNEL_DEFAULT
#define AUTO .zone = ZONE_ACTION_AUTO
#define KEEP .zone = ZONE_ACTION_KEEP
#define LEAVE .zone = ZONE_ACTION_LEAVE

/* A rule by what it asks for; 0 and NULL are nothing. */
typedef struct RuleCase {
        ZoneAction zone;
        const char *nodes;
        unsigned classes;
        unsigned origins;
        const char *driver;
        uint32_t distance; /* from node 0, exactly */
        const char *architecture;
        bool asks_tier;
        bool asks_address;
        uint64_t min_size;
        uint64_t max_size;
        uint64_t udev_mask;
} RuleCase;

typedef struct OffloadCase {
        RuleCase rules[3];
        unsigned n_rules;
        uint32_t ratio; /* permille */
        Verdict node0;
        Verdict node1;
        Verdict others;
        Verdict machine;
} OffloadCase;

static const OffloadCase cases[] = {
        /* Nothing but guards: what else is online decides. Without movable memory it does not. */
        { .ratio = 3000, .node0 = N, .node1 = N, .others = N, .machine = N },
        { .ratio = 0, .node0 = K, .node1 = K, .others = K, .machine = K },

        /* One rule for all. */
        { { { MOVABLE } }, 1, 3000, M, M, M, M },
        { { { KERNEL } }, 1, 3000, K, K, K, K },
        { { { DEFAULT } }, 1, 3000, D, D, D, D },
        { { { LEAVE } }, 1, 3000, L, L, L, L },
        { { { AUTO } }, 1, 3000, N, N, N, N },
        { { { AUTO } }, 1, 0, K, K, K, K },
        { { { KEEP } }, 1, 3000, N, N, N, N },
        { { { KEEP } }, 1, 0, N, N, N, N },

        /* Nodes. */
        { { { MOVABLE, .nodes = "1" } }, 1, 3000, N, M, N, N },
        { { { MOVABLE, .nodes = "1" } }, 1, 0, K, M, K, N },
        { { { MOVABLE, .nodes = "0-1" } }, 1, 3000, M, M, N, N },
        { { { MOVABLE, .nodes = "0-1" }, { MOVABLE } }, 2, 3000, M, M, M, M },
        { { { MOVABLE, .nodes = "2" }, { KERNEL } }, 2, 3000, K, K, N, N },
        { { { KERNEL, .nodes = "2" }, { KERNEL } }, 2, 3000, K, K, K, K },
        { { { MOVABLE, .nodes = "1" }, { KERNEL } }, 2, 3000, K, M, K, N },
        { { { MOVABLE, .nodes = "0-2" }, { KERNEL } }, 2, 3000, M, M, N, N },

        /* Kinds of nodes: that it has memory is not for ever. */
        { { { MOVABLE, .classes = CPULESS }, { KERNEL } }, 2, 3000, K, M, N, N },
        { { { MOVABLE, .classes = CPU | CPULESS } }, 1, 3000, M, M, M, M },
        { { { MOVABLE, .classes = MEMORYLESS }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .classes = MEMORYLESS | CPU }, { KERNEL } }, 2, 3000, M, N, N, N },
        { { { MOVABLE, .classes = MEMORYLESS }, { MOVABLE } }, 2, 3000, M, M, M, M },

        /* Distances. */
        { { { MOVABLE, .distance = 21 }, { KERNEL } }, 2, 3000, K, M, N, N },
        { { { MOVABLE, .distance = 10 }, { KERNEL } }, 2, 3000, M, K, N, N },

        /* A tier is that of the node as long as it has memory. */
        { { { MOVABLE, .asks_tier = true }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .asks_tier = true }, { MOVABLE } }, 2, 3000, M, M, M, M },

        /* What the machine is. */
        { { { MOVABLE, .architecture = "x86-64" }, { KERNEL } }, 2, 3000, M, M, M, M },
        { { { MOVABLE, .architecture = "s390x" }, { KERNEL } }, 2, 3000, K, K, K, K },

        /* What is known of no memory to come. */
        { { { MOVABLE, .origins = 1U << ORIGIN_DIMM }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .origins = 1U << ORIGIN_DIMM }, { MOVABLE } }, 2, 3000, M, M, M, M },
        { { { MOVABLE, .driver = "NVIDIA" }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .asks_address = true }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .min_size = 1 }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .max_size = 1 }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .udev_mask = 1 }, { KERNEL } }, 2, 3000, N, N, N, N },
        { { { MOVABLE, .nodes = "1", .origins = 1U << ORIGIN_KMEM }, { KERNEL } },
          2,
          3000,
          K,
          N,
          K,
          N },

        /* The first that matches for certain ends it. */
        { { { MOVABLE }, { KERNEL } }, 2, 3000, M, M, M, M },
        { { { LEAVE, .origins = 1U << ORIGIN_KMEM }, { MOVABLE }, { KERNEL } },
          3,
          3000,
          N,
          N,
          N,
          N },
        { { { MOVABLE, .nodes = "1" }, { LEAVE, .origins = 1U << ORIGIN_KMEM } },
          2,
          3000,
          N,
          M,
          N,
          N },
};

static Machine machine;
static Policy policy;

static void setup(void)
{
        Node *nodes = calloc(2, sizeof(Node));
        Distance *distances = calloc(2, sizeof(Distance)), *own = calloc(1, sizeof(Distance));

        ck_assert(nodes && distances && own);
        own[0] = (Distance){ 0, 10 };
        distances[0] = (Distance){ 0, 21 };
        distances[1] = (Distance){ 1, 10 };
        nodes[0] = (Node){ .id = 0,
                           .has_cpu = true,
                           .distances = own,
                           .n_distances = 1,
                           .auto_online = _ONLINE_WORD_INVALID };
        nodes[1] = (Node){ .id = 1,
                           .distances = distances,
                           .n_distances = 2,
                           .auto_online = _ONLINE_WORD_INVALID };
        machine_init(&machine);
        machine_set_nodes(&machine, nodes, 2);
        strcpy(machine.architecture, "x86-64");
        policy_init(&policy);
}

static void teardown(void)
{
        machine_done(&machine);
        policy_done(&policy);
}

static void add_rule(const RuleCase *c)
{
        Rule rule = {
                .name = strdup("rule"),
                .zone = c->zone,
                .has_nodes = c->nodes != NULL,
                .node_classes = c->classes,
                .origins = c->origins,
                .driver = c->driver ? strdup(c->driver) : NULL,
                .has_distance = c->distance > 0,
                .distance = { .from = 0, .min = c->distance, .max = c->distance },
                .has_tiers = c->asks_tier,
                .tiers = { 0, TIER_MAX },
                .has_address = c->asks_address,
                .last_address = UINT64_MAX,
                .min_size_bytes = c->min_size,
                .max_size_bytes = c->max_size,
                .udev_mask = c->udev_mask,
        };

        if (c->nodes)
                ck_assert_int_eq(node_set_parse(&rule.nodes, c->nodes), 0);
        if (c->architecture) {
                rule.architecture = calloc(2, sizeof(char *));
                rule.architecture[0] = strdup(c->architecture);
        }
        ck_assert_int_eq(policy_insert_rule(&policy, policy.n_rules, &rule), 0);
}

static void use_case(const OffloadCase *c)
{
        policy.max_movable_ratio_permille = c->ratio;
        for (unsigned i = 0; i < c->n_rules; i++)
                add_rule(&c->rules[i]);
}

START_TEST(a_node_has_one_answer_only_if_nothing_else_can_come_of_it)
{
        const OffloadCase *c = &cases[_i];

        use_case(c);
        ck_assert_int_eq(offload_node(&machine, &policy, &machine.nodes[0]), c->node0);
        ck_assert_int_eq(offload_node(&machine, &policy, &machine.nodes[1]), c->node1);
        ck_assert_int_eq(offload_node(&machine, &policy, NULL), c->others);
        ck_assert_int_eq(offload_machine(&machine, &policy), c->machine);
}
END_TEST

static const struct {
        OffloadCase policy;
        bool uniform;
        OnlineWord node1_now; /* what its file says */
        OnlineWord of_machine;
        OnlineWord of_node1;
} word_cases[] = {
        /* All agree: the machine's file. */
        { { { { MOVABLE } }, 1, 3000, M, M, M, M },
          true,
          ONLINE_WORD_INHERIT,
          ONLINE_WORD_MOVABLE,
          ONLINE_WORD_INHERIT },
        { { { { MOVABLE } }, 1, 3000, M, M, M, M },
          true,
          ONLINE_WORD_OFFLINE,
          ONLINE_WORD_MOVABLE,
          ONLINE_WORD_INHERIT },
        { { { { DEFAULT } }, 1, 3000, D, D, D, D },
          true,
          ONLINE_WORD_KERNEL,
          ONLINE_WORD_ONLINE,
          ONLINE_WORD_INHERIT },

        /* Node 1 alone. */
        { { { { MOVABLE, .nodes = "1" } }, 1, 3000, N, M, N, N },
          true,
          ONLINE_WORD_INHERIT,
          ONLINE_WORD_OFFLINE,
          ONLINE_WORD_MOVABLE },

        /* Nothing, and what is off already stays as it is. */
        { { .ratio = 3000 }, true, ONLINE_WORD_INHERIT, ONLINE_WORD_OFFLINE, ONLINE_WORD_INHERIT },
        { { .ratio = 3000 }, true, ONLINE_WORD_OFFLINE, ONLINE_WORD_OFFLINE, ONLINE_WORD_OFFLINE },
        { { .ratio = 3000 }, true, ONLINE_WORD_ONLINE, ONLINE_WORD_OFFLINE, ONLINE_WORD_INHERIT },
        { { { { LEAVE } }, 1, 3000, L, L, L, L },
          true,
          ONLINE_WORD_MOVABLE,
          ONLINE_WORD_OFFLINE,
          ONLINE_WORD_INHERIT },

        /* Not asked for. */
        { { { { MOVABLE } }, 1, 3000, M, M, M, M },
          false,
          ONLINE_WORD_INHERIT,
          ONLINE_WORD_OFFLINE,
          ONLINE_WORD_INHERIT },
        { { { { MOVABLE } }, 1, 3000, M, M, M, M },
          false,
          ONLINE_WORD_MOVABLE,
          ONLINE_WORD_OFFLINE,
          ONLINE_WORD_INHERIT },
};

START_TEST(the_files_say_what_is_left_to_the_kernel)
{
        OnlineWord of_machine;

        use_case(&word_cases[_i].policy);
        machine.nodes[1].auto_online = word_cases[_i].node1_now;
        of_machine = offload_machine_word(&machine, &policy, word_cases[_i].uniform);
        ck_assert_int_eq(of_machine, word_cases[_i].of_machine);
        ck_assert_int_eq(offload_node_word(&machine, &policy, word_cases[_i].uniform, of_machine,
                                           &machine.nodes[1]),
                         word_cases[_i].of_node1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("offload");
        TCase *tcase = tcase_create("offload");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, a_node_has_one_answer_only_if_nothing_else_can_come_of_it, 0,
                            ELEMENTSOF(cases));
        tcase_add_loop_test(tcase, the_files_say_what_is_left_to_the_kernel, 0,
                            ELEMENTSOF(word_cases));
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
