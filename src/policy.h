/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "machine.h"

/*
 * The administrator's policy: rules, of which the first that matches a block decides, and guards.
 */

typedef enum NodeClass {
        NODE_CLASS_CPU,        /* the node has a CPU */
        NODE_CLASS_CPULESS,    /* it has none */
        NODE_CLASS_MEMORYLESS, /* it had no memory before this came, CPU or not */
        _NODE_CLASS_MAX,
        _NODE_CLASS_INVALID = -EINVAL,
} NodeClass;

const char *node_class_to_string(NodeClass node_class);
NodeClass node_class_from_string(const char *word);

typedef struct Rule {
        char *name; /* owned; never NULL: an unnamed rule gets its place, "rule 3" */
        char *file; /* owned; where it is written */
        unsigned line;

        /* Criteria: all that are given must hold. */
        bool has_nodes;
        NodeSet nodes;
        unsigned node_classes; /* mask of 1 << NodeClass, any of them; 0: not given */

        ZoneAction zone;
} Rule;

/* min_kernel_bytes of a policy that asks for one block, whatever a block's size is. */
#define MIN_KERNEL_ONE_BLOCK UINT64_MAX

/*
 * The largest ratio that can be asked for, movable to kernel memory: keeps products within 64 bits.
 */
#define MAX_MOVABLE_RATIO_PERMILLE_MAX 1000000

typedef struct Policy {
        Rule *rules; /* owned, in the order they are tried */
        size_t n_rules;

        /* Guards of `auto`, see memoryd.conf(5). */
        uint64_t min_kernel_bytes; /* per node; 0: off */
        uint32_t max_movable_ratio_permille;
        bool per_node;
        bool contiguous;
} Policy;

/*
 * The defaults: no rules, one block of kernel memory per node, a ratio of 3, per node, contiguous.
 */
void policy_init(Policy *policy);
void policy_done(Policy *policy);

void rule_done(Rule *rule);

/*
 * Inserts a rule before the one at `index` (n_rules: at the end) and takes its strings over. 0,
 * -ENOMEM.
 */
int policy_insert_rule(Policy *policy, size_t index, Rule *rule);

/*
 * The first rule that matches a block, or NULL. The node is the block's own, and must be known:
 * a block that has none yet cannot be judged.
 */
const Rule *policy_match(const Policy *policy, const Block *block, const Node *node);
