/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the rule that matches a block. */

#include "policy/policy.h"

#include <fnmatch.h>

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
                .whole_device = WHOLE_DEVICE_PREFER,
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
        for (size_t i = 0; i < policy->n_udev_properties; i++) {
                free(policy->udev_properties[i].name);
                free(policy->udev_properties[i].value);
        }
        free(policy->udev_properties);
        policy->rules = NULL;
        policy->udev_properties = NULL;
        policy->n_rules = policy->n_udev_properties = 0;
}

void rule_done(Rule *rule)
{
        if (!rule)
                return;
        free(rule->name);
        free(rule->file);
        free(rule->driver);
        strings_free(rule->virtualization);
        strings_free(rule->architecture);
        *rule = (Rule){};
}

int policy_insert_rule(Policy *policy, size_t index, Rule *rule)
{
        assert(index <= policy->n_rules);

        if (GROW(policy->rules, policy->n_rules) < 0)
                return -ENOMEM;
        memmove(policy->rules + index + 1, policy->rules + index,
                (policy->n_rules - index) * sizeof(Rule));
        policy->rules[index] = *rule;
        *rule = (Rule){};
        policy->n_rules++;
        return 0;
}

void policy_remap(const Policy *from, const Policy *to, Decision *decision)
{
        const Rule *rule = policy_rule(from, decision->rule);

        if (!rule)
                return;
        decision->rule = RULE_GONE;
        for (size_t i = 0; i < to->n_rules && decision->rule < 0; i++)
                if (strcmp(to->rules[i].name, rule->name) == 0)
                        decision->rule = (int32_t) i;
}

bool policy_tells_dimms(const Policy *policy)
{
        for (size_t i = 0; i < policy->n_rules; i++) {
                unsigned origins = policy->rules[i].origins;

                if (!(origins & 1U << ORIGIN_DIMM) != !(origins & 1U << ORIGIN_UNKNOWN))
                        return true;
        }
        return false;
}

bool policy_names_tiers(const Policy *policy)
{
        for (size_t i = 0; i < policy->n_rules; i++)
                if (policy->rules[i].has_tiers)
                        return true;
        return false;
}

const Rule *policy_rule(const Policy *policy, int32_t index)
{
        return index >= 0 && (size_t) index < policy->n_rules ? &policy->rules[index] : NULL;
}

int policy_add_udev_property(Policy *policy, const char *name, const char *value)
{
        size_t n = policy->n_udev_properties;
        UdevProperty added;

        for (size_t i = 0; i < n; i++)
                if (strcmp(policy->udev_properties[i].name, name) == 0 &&
                    strcmp(policy->udev_properties[i].value, value) == 0)
                        return (int) i;
        if (n == UDEV_PROPERTIES_MAX)
                return -E2BIG;
        added = (UdevProperty){ strdup(name), strdup(value) };
        if (!added.name || !added.value || GROW(policy->udev_properties, n) < 0) {
                free(added.name);
                free(added.value);
                return -ENOMEM;
        }
        policy->udev_properties[policy->n_udev_properties++] = added;
        return (int) n;
}

/* Virtualization and architecture */

/* Words for a kind of virtualization, or for none. */
static const char *const virtualization_kinds[] = {
        "yes", "true", "no", "false", "none", "vm", "container", NULL,
};

/* The names that systemd-detect-virt(1) prints. */
static const char *const hypervisors[] = {
        "kvm",     "amazon",    "qemu", "bochs",     "xen",      "uml", "vmware",
        "oracle",  "microsoft", "zvm",  "parallels", "bhyve",    "qnx", "acrn",
        "powervm", "apple",     "sre",  "google",    "vm-other", NULL,
};

static const char *const containers[] = {
        "systemd-nspawn",  "lxc-libvirt", "lxc", "openvz", "docker",
        "podman",          "rkt",         "wsl", "proot",  "pouch",
        "container-other", NULL,
};

static bool is_in(const char *const *table, const char *word)
{
        for (; *table; table++)
                if (strcmp(*table, word) == 0)
                        return true;
        return false;
}

bool virtualization_matches(const char *word, const char *virtualization)
{
        bool is_vm = is_in(hypervisors, virtualization);
        bool is_container = is_in(containers, virtualization);

        if (strcmp(word, "yes") == 0 || strcmp(word, "true") == 0)
                return is_vm || is_container;
        if (strcmp(word, "no") == 0 || strcmp(word, "false") == 0 || strcmp(word, "none") == 0)
                return !is_vm && !is_container;
        if (strcmp(word, "vm") == 0)
                return is_vm;
        if (strcmp(word, "container") == 0)
                return is_container;
        return strcmp(word, virtualization) == 0;
}

const char *virtualization_word(int i)
{
        static const char *const *const tables[] = { virtualization_kinds, hypervisors,
                                                     containers };

        for (size_t t = 0; t < ELEMENTSOF(tables); t++)
                for (const char *const *word = tables[t]; *word; word++)
                        if (i-- == 0)
                                return *word;
        return NULL;
}

bool virtualization_is_name(const char *word)
{
        return is_in(hypervisors, word) || is_in(containers, word) || strcmp(word, "none") == 0;
}

/* The names of uname(2), which may be patterns, and the names of systemd.unit(5) for them. */
static const struct {
        const char *uname;
        const char *name;
} architectures[] = {
        { "x86_64", "x86-64" },       { "i?86", "x86" },          { "aarch64", "arm64" },
        { "aarch64_be", "arm64-be" }, { "arm*b", "arm-be" },      { "arm*", "arm" },
        { "s390x", "s390x" },         { "s390", "s390" },         { "ppc64le", "ppc64-le" },
        { "ppc64", "ppc64" },         { "ppcle", "ppc-le" },      { "ppc", "ppc" },
        { "riscv64", "riscv64" },     { "riscv32", "riscv32" },   { "loongarch64", "loongarch64" },
        { "ia64", "ia64" },           { "parisc64", "parisc64" }, { "parisc", "parisc" },
        { "sparc64", "sparc64" },     { "sparc", "sparc" },       { "mips64", "mips64" },
        { "mips", "mips" },           { "alpha", "alpha" },       { "sh*", "sh" },
        { "m68k", "m68k" },
};

const char *architecture_from_uname(const char *machine)
{
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (fnmatch(architectures[i].uname, machine, 0) == 0)
                        return architectures[i].name;
        return NULL;
}

bool architecture_matches(const char *word, const char *architecture)
{
        return strcmp(word, "native") == 0 || strcmp(word, architecture) == 0;
}

const char *architecture_word(int i)
{
        if (i == 0)
                return "native";
        return (size_t) i <= ELEMENTSOF(architectures) ? architectures[i - 1].name : NULL;
}

bool architecture_is_name(const char *word)
{
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (strcmp(architectures[i].name, word) == 0)
                        return true;
        return false;
}

bool condition_holds(char *const *words, ConditionMatches matches, const char *value)
{
        if (!words)
                return true;
        for (; *words && *value; words++) {
                bool is_negated = **words == '!';

                if (matches(*words + is_negated, value) != is_negated)
                        return true;
        }
        return false;
}

/* Matching of rules */

bool rule_matches_machine(const Rule *rule, const Machine *machine)
{
        return condition_holds(rule->virtualization, virtualization_matches,
                               machine->virtualization) &&
               condition_holds(rule->architecture, architecture_matches, machine->architecture);
}

bool rule_matches_distance(const Rule *rule, const Machine *machine, const Node *node)
{
        uint32_t distance = machine_distance(machine, rule->distance.from, node->id);

        return distance > 0 && distance >= rule->distance.min && distance <= rule->distance.max;
}

static bool rule_matches_node(const Rule *rule, const Machine *machine, const Node *node,
                              bool was_memoryless)
{
        unsigned classes = 1U << (node->has_cpu ? NODE_CLASS_CPU : NODE_CLASS_CPULESS);

        if (was_memoryless)
                classes |= 1U << NODE_CLASS_MEMORYLESS;
        if (rule->node_classes && !(rule->node_classes & classes))
                return false;
        if (rule->has_nodes && !node_set_contains(&rule->nodes, node->id))
                return false;
        if (rule->has_tiers &&
            (!node->has_tier || node->tier < rule->tiers.min || node->tier > rule->tiers.max))
                return false;
        return !rule->has_distance || rule_matches_distance(rule, machine, node);
}

static bool rule_matches_block(const Rule *rule, const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);
        uint64_t first = block->id * machine->block_size_bytes;
        uint64_t last = first + machine->block_size_bytes - 1;

        if (rule->origins && !(rule->origins & 1U << (device ? device->origin : ORIGIN_UNKNOWN)))
                return false;
        if (rule->driver && (!device || fnmatch(rule->driver, device->driver, 0) != 0))
                return false;
        /* A device that is not known has no size. */
        if ((rule->min_size_bytes > 0 || rule->max_size_bytes > 0) &&
            (!device || device->size_bytes < rule->min_size_bytes ||
             device->size_bytes > (rule->max_size_bytes ?: UINT64_MAX)))
                return false;
        if (rule->has_address && (first < rule->first_address || last > rule->last_address))
                return false;
        return (block->udev_mask & rule->udev_mask) == rule->udev_mask;
}

/* Whether a block is part of a run: the same criteria hold for it. */
static bool run_contains(const MatchRun *run, const Block *block, const Node *node,
                         uint64_t address)
{
        return address >= run->first_address && address < run->end_address && run->node == node &&
               run->device == block->device && run->udev_mask == block->udev_mask &&
               run->was_memoryless == block->node_was_memoryless;
}

/*
 * Returns the first address above that of a block from which a rule may match where it did not, or the other
 * way round. A block matches if all of it lies within the addresses of the rule.
 */
static uint64_t rule_next_change(const Rule *rule, uint64_t address, uint64_t block_size_bytes)
{
        uint64_t last = address + block_size_bytes - 1;

        if (!rule->has_address || last > rule->last_address)
                return UINT64_MAX;
        if (address < rule->first_address)
                return rule->first_address;
        return address + (rule->last_address - last) + 1;
}

const Rule *matcher_find(Matcher *matcher, const Block *block, const Node *node)
{
        const Machine *machine = matcher->machine;
        uint64_t address = block->id * machine->block_size_bytes;
        MatchRun *run = &matcher->runs[node->id % MATCH_RUNS];

        if (run_contains(run, block, node, address))
                return run->rule;
        *run = (MatchRun){
                .node = node,
                .device = block->device,
                .udev_mask = block->udev_mask,
                .was_memoryless = block->node_was_memoryless,
                .first_address = address,
                .end_address = UINT64_MAX,
        };
        for (size_t i = 0; i < matcher->policy->n_rules && !run->rule; i++) {
                const Rule *rule = &matcher->policy->rules[i];

                if (rule_matches_node(rule, machine, node, block->node_was_memoryless) &&
                    rule_matches_machine(rule, machine) && rule_matches_block(rule, machine, block))
                        run->rule = rule;
                run->end_address = MIN(run->end_address,
                                       rule_next_change(rule, address, machine->block_size_bytes));
        }
        return run->rule;
}
