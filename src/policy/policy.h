/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

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

/* The distance of a block's node from another node, as the firmware's tables have it. */
typedef struct DistanceRange {
        uint32_t from; /* a node */
        uint32_t min;
        uint32_t max;
} DistanceRange;

/* Rules can ask for so many udev properties in all: the bits of Block.udev_mask. */
#define UDEV_PROPERTIES_MAX 64

typedef struct Rule {
        char *name; /* owned; never NULL: an unnamed rule gets its place, "rule 3" */
        char *file; /* owned; where it is written */
        unsigned line;

        /* Criteria: all that are given must hold. */
        bool has_nodes;
        NodeSet nodes;
        unsigned node_classes; /* mask of 1 << NodeClass, any of them; 0: not given */
        unsigned origins;      /* mask of 1 << Origin, any of them; 0: not given */
        bool has_address;
        uint64_t first_address; /* the block lies within, both included */
        uint64_t last_address;
        uint64_t min_size_bytes; /* of the block's device; 0: not given */
        uint64_t max_size_bytes; /* 0: not given */
        bool has_distance;
        DistanceRange distance;
        char **virtualization; /* owned, NULL-terminated, any of them; NULL: not given */
        char **architecture;   /* the same */
        uint64_t udev_mask;    /* bits of the policy's udev properties, all of them; 0: not given */

        ZoneAction zone;
        bool movable_node; /* min_kernel does not hold for nodes that this rule has blocks on */
} Rule;

/* A property that a rule asks for, set on a block by a rule of udev. */
typedef struct UdevProperty {
        char *name; /* owned, both */
        char *value;
} UdevProperty;

/*
 * Whether a machine is what a word says, as ConditionVirtualization= and ConditionArchitecture= of
 * systemd.unit(5) have it, a "!" before it included. What is not known is nothing.
 */
bool virtualization_matches(const char *word, const char *virtualization);
bool architecture_matches(const char *word, const char *architecture);

/* Whether any word of a list, which ends with NULL, holds by one of these two. */
typedef bool (*ConditionMatches)(const char *word, const char *value);
bool condition_holds(char *const *words, ConditionMatches matches, const char *value);

/* Whether there is such a word: for messages about configuration. Takes a "!" before it as well. */
bool virtualization_is_known(const char *word);
bool architecture_is_known(const char *word);

/* The i-th word there is, without "!", or NULL past the last. */
const char *virtualization_word(int i);
const char *architecture_word(int i);

/* systemd's name of the architecture for uname's, or NULL. */
const char *architecture_from_uname(const char *machine);

/* min_kernel_bytes of a policy that asks for one block, whatever a block's size is. */
#define MIN_KERNEL_ONE_BLOCK UINT64_MAX

/*
 * The largest ratio that can be asked for, movable to kernel memory: keeps products within 64 bits.
 */
#define MAX_MOVABLE_RATIO_PERMILLE_MAX 1000000

typedef struct Policy {
        Rule *rules; /* owned, in the order they are tried */
        size_t n_rules;
        UdevProperty *udev_properties; /* owned */
        size_t n_udev_properties;

        /* Guards of `auto`, see memoryd.conf(5). */
        uint64_t min_kernel_bytes; /* per node; 0: off */
        uint32_t max_movable_ratio_permille;
        bool per_node;
        bool whole_device;
        bool contiguous;
} Policy;

/*
 * The defaults: no rules, one block of kernel memory per node, a ratio of 3, per node, contiguous,
 * devices may be split.
 */
void policy_init(Policy *policy);
void policy_done(Policy *policy);

/* Takes all rules out, and the udev properties that they ask for. The guards stay. */
void policy_clear_rules(Policy *policy);

void rule_done(Rule *rule);

/*
 * Inserts a rule before the one at `index` (n_rules: at the end) and takes its strings over. 0,
 * -ENOMEM.
 */
int policy_insert_rule(Policy *policy, size_t index, Rule *rule);

/* Finds a decision's rule by name in the policy that replaces its own: RULE_GONE if it has none of that name. */
void policy_remap(const Policy *from, const Policy *to, Decision *decision);

/* The rule of a decision, by its index; NULL for the default and for one that is gone. */
const Rule *policy_rule(const Policy *policy, int32_t index);

/*
 * Finds or adds a udev property and returns its index. -ENOMEM, or -E2BIG past UDEV_PROPERTIES_MAX.
 */
int policy_add_udev_property(Policy *policy, const char *name, const char *value);

/* Whether what a rule asks of the machine holds, and of the distance of a node, if it does. */
bool rule_matches_machine(const Rule *rule, const Machine *machine);
bool rule_matches_distance(const Rule *rule, const Machine *machine, const Node *node);

/*
 * Finds the rule of one block after another. What depends on the machine alone is looked at once, and
 * what depends on the node once for each of them.
 */
typedef struct Matcher {
        const Policy *policy;
        const Machine *machine;
        struct Criteria *criteria; /* owned: what is left to compare of each rule */
        uint32_t *of_nodes;        /* owned: for each node, see matcher_node_rules() */
} Matcher;

/* 0 or -ENOMEM. Policy and machine must stay as they are while the matcher is used. */
int matcher_init(Matcher *matcher, const Policy *policy, const Machine *machine);
void matcher_done(Matcher *matcher);

/*
 * The first rule that matches a block, or NULL. The node is the block's own, one of the machine's: a
 * block that has none yet cannot be judged.
 */
const Rule *matcher_find(Matcher *matcher, const Block *block, const Node *node);
