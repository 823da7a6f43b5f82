/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads a rule, and finds criteria that can never hold. */

#include "config/draft.h"

#include <fnmatch.h>

/* The state while a rule is read. */
typedef struct Reader {
        const ConfSource *source;
        const config_setting_t *group;
        Policy *policy;
        Rule *rule;
} Reader;

/* Reports a setting of a group that fits the table of keys but has to meet a further condition. */
static int fault_in(const Reader *reader, const config_setting_t *group, const char *name,
                    const char *expected)
{
        return conf_setting_fault(reader->source, config_setting_get_member(group, name), expected);
}

/* Udev properties */

/* All properties that a rule asks for must hold, so a rule can ask for only one value of each. */
static int check_udev_property(const Reader *reader, const config_setting_t *group,
                               const UdevProperty *property)
{
        const Policy *policy = reader->policy;

        if (strchr(property->name, '='))
                return fault_in(reader, group, "name", "a name without an equals sign");
        for (size_t i = 0; i < policy->n_udev_properties; i++)
                if (reader->rule->udev_mask >> i & 1 &&
                    strcmp(policy->udev_properties[i].name, property->name) == 0)
                        return fault_in(reader, group, "name", "each property once in a rule");
        return 0;
}

static int add_udev_property(const Reader *reader, const config_setting_t *group,
                             const UdevProperty *property)
{
        char path[CONF_PATH_MAX];
        int r = check_udev_property(reader, group, property);

        if (r != 0)
                return r;
        r = policy_add_udev_property(reader->policy, property->name, property->value);
        if (r == -E2BIG)
                return conf_faults_add(reader->source->faults, reader->source->file,
                                       config_setting_source_line(group),
                                       conf_setting_path(group, path),
                                       "expected at most %d different properties in all rules, got "
                                       "more",
                                       UDEV_PROPERTIES_MAX);
        if (r < 0)
                return r;
        reader->rule->udev_mask |= UINT64_C(1) << r;
        return 0;
}

static void udev_property_done(UdevProperty *property)
{
        free(property->name);
        free(property->value);
}

static int read_udev_property(const Reader *reader, const ConfKey *key,
                              const config_setting_t *setting)
{
        const ConfSource *source = reader->source;
        _cleanup_(udev_property_done) UdevProperty property = {};
        int fault;

        if (!config_setting_is_group(setting))
                return conf_value_fault(source, key, setting, setting);
        fault = conf_group_read(source, key->name, setting, &property);
        fault |= conf_group_require(source, key->name, setting, "name");
        fault |= conf_group_require(source, key->name, setting, "value");
        return fault ? fault : add_udev_property(reader, setting, &property);
}

static int read_udev_properties(const Reader *reader, const ConfKey *key,
                                const config_setting_t *setting)
{
        int n = config_setting_length(setting), fault = 0;

        if (!config_setting_is_list(setting) || n == 0)
                return read_udev_property(reader, key, setting);
        for (int i = 0; i < n; i++)
                fault |= read_udev_property(reader, key,
                                            config_setting_get_elem(setting, (unsigned) i));
        return fault;
}

/* Distances */

static int check_range(const Reader *reader, const config_setting_t *group,
                       const DistanceRange *range)
{
        char path[CONF_PATH_MAX];

        if (!conf_group_may_have(group, "min") && !conf_group_may_have(group, "max"))
                return conf_faults_add(reader->source->faults, reader->source->file,
                                       config_setting_source_line(group),
                                       conf_setting_path(group, path),
                                       "expected min, max or both, got neither");
        if (range->min <= range->max)
                return 0;
        return fault_in(reader, group, "max", "a distance of at least min");
}

static int read_distance(const Reader *reader, const ConfKey *key, const config_setting_t *setting)
{
        const ConfSource *source = reader->source;
        DistanceRange range = { .max = UINT32_MAX };
        int fault;

        if (!config_setting_is_group(setting))
                return conf_value_fault(source, key, setting, setting);
        fault = conf_group_read(source, key->name, setting, &range);
        fault |= conf_group_require(source, key->name, setting, "from");
        fault |= check_range(reader, setting, &range);
        if (fault)
                return fault;
        reader->rule->distance = range;
        reader->rule->has_distance = true;
        return 0;
}

static int read_setting(const Reader *reader, const config_setting_t *setting)
{
        const ConfKey *key = conf_key_find("rules", config_setting_name(setting));
        int r;

        if (key && key->type == CONF_DISTANCE)
                return read_distance(reader, key, setting);
        if (key && key->type == CONF_UDEV_PROPERTIES)
                return read_udev_properties(reader, key, setting);

        r = conf_group_read_setting(reader->source, "rules", setting, reader->rule);
        if (r == 0 && key && key->type == CONF_NODES)
                reader->rule->has_nodes = true;
        if (r == 0 && key && key->type == CONF_TIERS)
                reader->rule->has_tiers = true;
        if (r == 0 && key && key->type == CONF_RANGE)
                reader->rule->has_address = true;
        return r;
}

/* Rules that can never match. A criterion with a fault is treated as if it were not given. */

static int check_sizes(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (rule->max_size_bytes == 0 || rule->min_size_bytes <= rule->max_size_bytes)
                return 0;
        return fault_in(reader, reader->group, "max_size", "a size of at least min_size");
}

/* The range must contain a whole block. Blocks begin at multiples of their size. */
static int check_address(const Reader *reader)
{
        const Rule *rule = reader->rule;
        uint64_t rest = rule->first_address % BLOCK_SIZE_MIN;
        uint64_t skipped = rest ? BLOCK_SIZE_MIN - rest : 0;
        uint64_t length = rule->last_address - rule->first_address;

        if (!rule->has_address || (length >= skipped && length - skipped >= BLOCK_SIZE_MIN - 1))
                return 0;
        return fault_in(reader, reader->group, "address",
                        "a range with a memory block in it, of which the smallest have 16M");
}

/*
 * A node's distance from itself is 10 on every machine, so a rule whose only node is `from` cannot
 * ask for more.
 */
static int check_distance(const Reader *reader)
{
        const Rule *rule = reader->rule;
        NodeSet only_itself = {};

        if (!rule->has_distance || !rule->has_nodes || rule->distance.min <= DISTANCE_LOCAL)
                return 0;
        node_set_add(&only_itself, rule->distance.from);
        if (memcmp(&only_itself, &rule->nodes, sizeof(NodeSet)) != 0)
                return 0;
        return fault_in(reader, config_setting_get_member(reader->group, "distance"), "min",
                        "at most 10, the distance of the rule's only node from itself");
}

/*
 * Reports conditions that no machine meets, such as "!native", and lists that every machine meets,
 * such as two negated words: one word that holds is enough, but the list was probably meant to
 * exclude both.
 */
static int check_conditions(const Reader *reader, const char *name, char *const *words,
                            ConditionMatches matches)
{
        const ConfKey *key = conf_key_find("rules", name);
        size_t n = 0, n_matched = 0;

        if (!words)
                return 0;
        /*
         * No machine has a word for a kind, such as "vm", as its value. Trying these words is
         * harmless: they match like "none".
         */
        for (; key->word((int) n); n++)
                n_matched += condition_holds(words, matches, key->word((int) n));
        if (n_matched == 0)
                return fault_in(reader, reader->group, name, "words of which one can hold");
        if (n_matched == n && words[1])
                return fault_in(reader, reader->group, name,
                                "words that some machine does not meet, as any of them suffices");
        return 0;
}

/* s390 has standby memory, but no ACPI, Hyper-V or Xen. */
static int check_origin(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (!rule->origins || !rule->architecture)
                return 0;
        for (int i = 0; architecture_word(i); i++) {
                const char *word = architecture_word(i);
                unsigned impossible = strncmp(word, "s390", strlen("s390")) == 0 ?
                                              1U << ORIGIN_DIMM | 1U << ORIGIN_BALLOON :
                                              1U << ORIGIN_STANDBY;

                if (strcmp(word, "native") != 0 && rule->origins & ~impossible &&
                    condition_holds(rule->architecture, architecture_matches, word))
                        return 0;
        }
        return fault_in(reader, reader->group, "origin",
                        "an origin that the rule's architecture knows");
}

/*
 * Whether a driver's name can match: printable ASCII, as far as it fits, and never with the brackets around
 * it.
 */
static bool can_match_driver(const char *pattern)
{
        const char *class = strrchr(pattern, '[');
        size_t n = 0;

        for (const char *c = pattern; *c; c++) {
                if (*c < ' ' || *c > '~')
                        return false;
                n += *c != '*';
        }
        if (strpbrk(pattern, "()\\"))
                return false;
        return class ? strchr(class, ']') != NULL : n < DEVICE_NAME_MAX;
}

/* Whether memory of an origin can have a driver whose name matches. */
static bool origin_has_driver(Origin origin, const char *pattern)
{
        bool is_kmem = fnmatch(pattern, "kmem", 0) == 0;
        bool is_virtio_mem = fnmatch(pattern, "virtio_mem", 0) == 0;

        if (origin == ORIGIN_DRIVER)
                return strcmp(pattern, "kmem") != 0 && strcmp(pattern, "virtio_mem") != 0;
        return (origin == ORIGIN_KMEM && is_kmem) || (origin == ORIGIN_VIRTIO_MEM && is_virtio_mem);
}

static int check_driver(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (!rule->driver)
                return 0;
        if (!can_match_driver(rule->driver))
                return fault_in(
                        reader, reader->group, "driver",
                        "the NAME of \"System RAM (NAME)\" in /proc/iomem, or a pattern such as "
                        "\"NVIDIA*\"");
        for (Origin origin = 0; origin < _ORIGIN_MAX; origin++)
                if (origin_has_driver(origin, rule->driver) &&
                    (!rule->origins || rule->origins & 1U << origin))
                        return 0;
        return fault_in(reader, reader->group, "driver",
                        "a driver whose memory has the rule's origin: \"kmem\" for \"kmem\", "
                        "\"virtio_mem\" for \"virtio-mem\", any other for \"driver\"");
}

/* movable_node lifts min_kernel, which says that the first memory of a node is kernel memory. */
static int check_movable_node(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (!rule->movable_node || rule->zone != ZONE_ACTION_KERNEL)
                return 0;
        return fault_in(
                reader, reader->group, "movable_node",
                "no movable_node with zone = \"kernel\", which makes the memory kernel memory");
}

static int check_rule(const Reader *reader)
{
        const Rule *rule = reader->rule;
        int fault = check_sizes(reader);

        fault |= check_address(reader);
        fault |= check_distance(reader);
        fault |= check_conditions(reader, "virtualization", rule->virtualization,
                                  virtualization_matches);
        fault |= check_conditions(reader, "architecture", rule->architecture, architecture_matches);
        fault |= check_origin(reader);
        fault |= check_driver(reader);
        return fault | check_movable_node(reader);
}

int conf_rule_read(const ConfSource *source, const config_setting_t *group, Policy *policy,
                   Rule *rule)
{
        const Reader reader = { source, group, policy, rule };
        int fault = 0;

        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++)
                fault |= read_setting(&reader, config_setting_get_elem(group, i));
        fault |= conf_group_require(source, "rules", group, "zone");
        fault |= check_rule(&reader);

        rule->line = config_setting_source_line(group);
        /* A criterion that could not be read must not count as no criterion: make the rule match nothing. */
        if (fault) {
                rule->has_nodes = true;
                rule->nodes = (NodeSet){};
        }
        return fault;
}
