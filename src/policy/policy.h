/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/* The administrator's policy: guards, and rules of which the first that matches a block decides. */

typedef enum NodeClass {
        NODE_CLASS_CPU,        /* the node has a CPU */
        NODE_CLASS_CPULESS,    /* the node has no CPU */
        NODE_CLASS_MEMORYLESS, /* the node had no memory before this memory came, CPU or not */
        _NODE_CLASS_MAX,
        _NODE_CLASS_INVALID = -EINVAL,
} NodeClass;

const char *node_class_to_string(NodeClass node_class);
NodeClass node_class_from_string(const char *word);

/* A range for the distance of a block's node from another node, in the units of the firmware's tables. */
typedef struct DistanceRange {
        uint32_t from; /* a node */
        uint32_t min;
        uint32_t max;
} DistanceRange;

/* A range of the kernel's memory tiers, both included. */
typedef struct TierRange {
        uint32_t min;
        uint32_t max; /* TIER_MAX: no limit */
} TierRange;

/* The largest number of a tier: the kernel makes it of an int by shifting off 7 bits. */
#define TIER_MAX (INT32_MAX >> 7)

/* The most udev properties that all rules together can ask for: the bits of Block.udev_mask. */
#define UDEV_PROPERTIES_MAX 64

typedef struct Rule {
        char *name; /* owned, never NULL; a rule without a name gets its position, "rule 3" */
        char *file; /* owned; the file that contains the rule */
        unsigned line;

        /* Criteria: all that are given must hold. */
        bool has_nodes;
        NodeSet nodes;
        unsigned node_classes; /* mask of 1 << NodeClass, any of them; 0: not given */
        unsigned origins;      /* mask of 1 << Origin, any of them; 0: not given */
        char *driver;          /* owned, a pattern of fnmatch(3); NULL: not given */
        bool has_address;
        uint64_t first_address; /* the block lies within these addresses, both included */
        uint64_t last_address;
        uint64_t min_size_bytes; /* of the block's device; 0: not given */
        uint64_t max_size_bytes; /* 0: not given */
        bool has_distance;
        DistanceRange distance;
        bool has_tiers;
        TierRange tiers;       /* of the block's node */
        char **virtualization; /* owned, NULL-terminated, any of them; NULL: not given */
        char **architecture;   /* owned, NULL-terminated, any of them; NULL: not given */
        uint64_t udev_mask;    /* bits of the policy's udev properties, all of them; 0: not given */

        ZoneAction zone;
        bool movable_node; /* lifts min_kernel for the nodes of the blocks that the rule decides */
} Rule;

/* A property that a rule of the policy asks for, and that a udev rule sets on a block. */
typedef struct UdevProperty {
        char *name;  /* owned */
        char *value; /* owned */
} UdevProperty;

/*
 * Whether a word without "!" matches the virtualization or architecture of a machine, as in
 * ConditionVirtualization= and ConditionArchitecture= of systemd.unit(5).
 */
bool virtualization_matches(const char *word, const char *virtualization);
bool architecture_matches(const char *word, const char *architecture);

/*
 * Whether any word of a NULL-terminated list matches by one of these two functions, or does not if it has a
 * "!" before it; or there is no list. If the value is not known (""), no word matches, with or without a "!".
 */
typedef bool (*ConditionMatches)(const char *word, const char *value);
bool condition_holds(char *const *words, ConditionMatches matches, const char *value);

/* Return the i-th of all words, without "!", or NULL past the last. */
const char *virtualization_word(int i);
const char *architecture_word(int i);

/*
 * Whether a word is the name of an architecture, or of a virtualization or "none": a value, not a condition.
 */
bool architecture_is_name(const char *word);
bool virtualization_is_name(const char *word);

/* Returns systemd's name for an architecture by the name of uname(2), or NULL if it is not known. */
const char *architecture_from_uname(const char *machine);

/* The min_kernel_bytes of a policy that asks for one block of the machine, whatever its size. */
#define MIN_KERNEL_ONE_BLOCK UINT64_MAX

/* The largest max_movable_ratio. It keeps products within 64 bits. */
#define MAX_MOVABLE_RATIO_PERMILLE_MAX 1000000

/* Whether all blocks of a device get the same class. */
typedef enum WholeDevice {
        WHOLE_DEVICE_NO,
        WHOLE_DEVICE_YES,
        WHOLE_DEVICE_PREFER, /* unless too little movable memory would remain: see plan.h */
        _WHOLE_DEVICE_MAX,
} WholeDevice;

typedef struct Policy {
        Rule *rules; /* owned, in the order they are tried */
        size_t n_rules;
        UdevProperty *udev_properties; /* owned */
        size_t n_udev_properties;

        /* Guards of `auto`, see memoryd.conf(5). */
        uint64_t min_kernel_bytes; /* per node; 0: off */
        uint32_t max_movable_ratio_permille;
        bool per_node;
        WholeDevice whole_device;
        bool contiguous;
} Policy;

/*
 * Sets the defaults: no rules, one block of kernel memory per node, a ratio of 3 for the machine and per
 * node, contiguous, and devices preferably whole.
 */
void policy_init(Policy *policy);

/* Removes all rules, and the udev properties that they ask for. The guards stay. */
void policy_done(Policy *policy);

void rule_done(Rule *rule);

/*
 * Inserts a rule before the rule at `index` (n_rules: at the end) and takes over its strings. Returns 0, or
 * -ENOMEM with the rule unchanged.
 */
int policy_insert_rule(Policy *policy, size_t index, Rule *rule);

/*
 * Changes the rule of a decision from a rule of the policy `from` to the rule of the same name in the policy
 * `to`, which replaces it, or to RULE_GONE if there is none.
 */
void policy_remap(const Policy *from, const Policy *to, Decision *decision);

/* Whether a rule tells memory of a DIMM from memory of unknown origin. */
bool policy_tells_dimms(const Policy *policy);

/* Whether a rule asks for a memory tier. If none does, tiers are not read: see tier.h. */
bool policy_names_tiers(const Policy *policy);

/* Returns the rule of a decision by its index, or NULL for the default and for a rule that is gone. */
const Rule *policy_rule(const Policy *policy, int32_t index);

/* Finds or adds a udev property. Returns its index, -ENOMEM, or -E2BIG past UDEV_PROPERTIES_MAX. */
int policy_add_udev_property(Policy *policy, const char *name, const char *value);

/*
 * Whether the criteria of a rule for the machine hold, if it has any, and whether its distance, which it must
 * have, holds for a node.
 */
bool rule_matches_machine(const Rule *rule, const Machine *machine);
bool rule_matches_distance(const Rule *rule, const Machine *machine, const Node *node);

/*
 * Blocks that match the same rule: they differ only in their addresses, and the addresses of no rule begin or
 * end among them.
 */
typedef struct MatchRun {
        const Node *node;
        int32_t device;
        uint64_t udev_mask;
        bool was_memoryless;
        uint64_t first_address; /* of the lowest block */
        uint64_t end_address;   /* all blocks of the run begin below; 0: no run was found yet */
        const Rule *rule;       /* or NULL */
} MatchRun;

/*
 * Finds the rules of one block after another. The policy and the machine must not change meanwhile. Blocks
 * may come in any order, but rules are compared with the first block of a run only. A run is kept for each
 * node, since the blocks of nodes can alternate; nodes whose numbers differ by a multiple of MATCH_RUNS share
 * one.
 */
#define MATCH_RUNS 64
typedef struct Matcher {
        const Policy *policy;
        const Machine *machine;
        MatchRun runs[MATCH_RUNS]; /* {} at the start */
} Matcher;

/*
 * Returns the first rule that matches a block, or NULL. `node` is the node of the block, in the machine's
 * array. A block without a node cannot be matched.
 */
const Rule *matcher_find(Matcher *matcher, const Block *block, const Node *node);
