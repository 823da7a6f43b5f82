/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a rule, and finds criteria that can never hold. */

#include "config/rule.h"

#include <stdio.h>

static int unknown_key(const ConfSource *source, const char *keys, const config_setting_t *setting,
                       const char *path)
{
        static const char message[] =
                "expected one of the keys of memoryd.conf(5), got an unknown key";
        const char *near = conf_key_suggest(keys, config_setting_name(setting));

        if (near)
                return conf_faults_add(source->faults, source->file,
                                       config_setting_source_line(setting), path,
                                       "%s; is '%s' meant?", message, near);
        return conf_faults_add(source->faults, source->file, config_setting_source_line(setting),
                               path, "%s", message);
}

/*
 * Whether a setting is to be skipped, because its fault has been reported: the scanner renamed it,
 * or it has no value, which is a syntax error.
 */
static bool is_hidden(const config_setting_t *setting)
{
        return *config_setting_name(setting) == '*' ||
               config_setting_type(setting) == CONFIG_TYPE_NONE;
}

int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, const char *path, void *base,
                            const ConfKey **ret_key)
{
        const char *name = config_setting_name(setting);

        *ret_key = conf_key_find(keys, name);
        if (is_hidden(setting))
                return 1;
        if (!*ret_key)
                return unknown_key(source, keys, setting, path);
        return conf_value_read(*ret_key, setting, path, source->file, source->faults, base);
}

/*
 * Like conf_group_read_setting(), for all settings of a group that contains no other groups. `path`
 * is the name of the group.
 */
static int conf_group_read(const ConfSource *source, const char *keys,
                           const config_setting_t *group, const char *path, void *base)
{
        int fault = 0;

        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);
                char own_path[CONF_PATH_MAX];
                const ConfKey *key;
                int r;

                snprintf(own_path, sizeof(own_path), "%s.%s", path, config_setting_name(setting));
                r = conf_group_read_setting(source, keys, setting, own_path, base, &key);
                if (r < 0)
                        return r;
                fault |= r;
        }
        return fault;
}

/* Whether a group has a setting of this name, or a hidden setting, which may have had this name. */
static bool conf_group_may_have(const config_setting_t *group, const char *name)
{
        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);

                if (is_hidden(setting) || strcmp(config_setting_name(setting), name) == 0)
                        return true;
        }
        return false;
}

/*
 * Checks that a group has a setting, and reports a fault if not. A setting that the scanner hid may
 * be the one in question and has been reported, so no fault is added then. Returns 0; 1 if a fault
 * was reported; or -ENOMEM.
 */
static int conf_group_require(const ConfSource *source, const char *keys,
                              const config_setting_t *group, const char *path, const char *name)
{
        _cleanup_free_ char *expected = NULL;
        char own_path[CONF_PATH_MAX];

        if (conf_group_may_have(group, name))
                return 0;
        expected = conf_key_expected(conf_key_find(keys, name));
        if (!expected)
                return -ENOMEM;
        snprintf(own_path, sizeof(own_path), "%s.%s", path, name);
        return conf_faults_add(source->faults, source->file, config_setting_source_line(group),
                               own_path, "expected %s, got nothing", expected);
}

/* The state while a rule is read. */
typedef struct Reader {
        const ConfSource *source;
        const config_setting_t *group;
        unsigned index;
        Policy *policy;
        Rule *rule;
} Reader;

/* Combines the results of several steps: -ENOMEM, 1 or 0. */
static int either(const int *results, size_t n)
{
        int fault = 0;

        for (size_t i = 0; i < n; i++)
                if (results[i] < 0)
                        return results[i];
                else
                        fault |= results[i];
        return fault;
}

/* Reports a setting that fits the table of keys but has to meet a further condition. */
static int fault_at(const Reader *reader, const config_setting_t *setting, const char *path,
                    const char *expected)
{
        char got[CONF_DESCRIPTION_MAX];

        return conf_faults_add(reader->source->faults, reader->source->file,
                               config_setting_source_line(setting), path, "expected %s, got %s",
                               expected, setting_describe(setting, got));
}

/* Like fault_at(), for the setting `name` of a group. `path` is the path of the group. */
static int fault_in(const Reader *reader, const config_setting_t *group, const char *path,
                    const char *name, const char *expected)
{
        char own_path[CONF_PATH_MAX];

        snprintf(own_path, sizeof(own_path), "%s.%s", path, name);
        return fault_at(reader, config_setting_get_member(group, name), own_path, expected);
}

/* Udev properties */

/* All properties that a rule asks for must hold, so a rule can ask for only one value of each. */
static int check_udev_property(const Reader *reader, const config_setting_t *group,
                               const char *path, const UdevProperty *property)
{
        const Policy *policy = reader->policy;

        if (strchr(property->name, '='))
                return fault_in(reader, group, path, "name", "a name without an equals sign");
        for (size_t i = 0; i < policy->n_udev_properties; i++)
                if (reader->rule->udev_mask >> i & 1 &&
                    strcmp(policy->udev_properties[i].name, property->name) == 0)
                        return fault_in(reader, group, path, "name",
                                        "each property once in a rule");
        return 0;
}

static int add_udev_property(const Reader *reader, const config_setting_t *group, const char *path,
                             const UdevProperty *property)
{
        int r = check_udev_property(reader, group, path, property);

        if (r != 0)
                return r;
        r = policy_add_udev_property(reader->policy, property->name, property->value);
        if (r == -E2BIG)
                return conf_faults_add(reader->source->faults, reader->source->file,
                                       config_setting_source_line(group), path,
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

DEFINE_CLEANUP(UdevProperty *, udev_property_done)

static int read_udev_property(const Reader *reader, const ConfKey *key,
                              const config_setting_t *setting, const char *path)
{
        const ConfSource *source = reader->source;
        UdevProperty property = {};
        _cleanup_(udev_property_donep) UdevProperty *owned = &property;
        int r[3];

        if (!config_setting_is_group(setting))
                return setting_fault(key, setting, path, source->file, source->faults);
        r[0] = conf_group_read(source, key->name, setting, path, owned);
        r[1] = conf_group_require(source, key->name, setting, path, "name");
        r[2] = conf_group_require(source, key->name, setting, path, "value");
        if (either(r, 3) != 0)
                return either(r, 3);
        return add_udev_property(reader, setting, path, owned);
}

static int read_udev_properties(const Reader *reader, const ConfKey *key,
                                const config_setting_t *setting, const char *path)
{
        int n = config_setting_length(setting), fault = 0;

        if (!config_setting_is_list(setting) || n == 0)
                return read_udev_property(reader, key, setting, path);
        for (int i = 0; i < n; i++) {
                char own_path[CONF_PATH_MAX];
                int r;

                snprintf(own_path, sizeof(own_path), "%.64s[%d]", path, i);
                r = read_udev_property(reader, key, config_setting_get_elem(setting, (unsigned) i),
                                       own_path);
                if (r < 0)
                        return r;
                fault |= r;
        }
        return fault;
}

/* Distances */

static int check_range(const Reader *reader, const config_setting_t *group, const char *path,
                       const DistanceRange *range)
{
        if (!conf_group_may_have(group, "min") && !conf_group_may_have(group, "max"))
                return conf_faults_add(reader->source->faults, reader->source->file,
                                       config_setting_source_line(group), path,
                                       "expected min, max or both, got neither");
        if (range->min <= range->max)
                return 0;
        return fault_in(reader, group, path, "max", "a distance of at least min");
}

static int read_distance(const Reader *reader, const ConfKey *key, const config_setting_t *setting,
                         const char *path)
{
        const ConfSource *source = reader->source;
        DistanceRange range = { .max = UINT32_MAX };
        int r[3] = {};

        if (!config_setting_is_group(setting))
                return setting_fault(key, setting, path, source->file, source->faults);
        r[0] = conf_group_read(source, key->name, setting, path, &range);
        r[1] = conf_group_require(source, key->name, setting, path, "from");
        r[2] = check_range(reader, setting, path, &range);
        if (either(r, 3) != 0)
                return either(r, 3);
        reader->rule->distance = range;
        reader->rule->has_distance = true;
        return 0;
}

static int read_setting(const Reader *reader, const config_setting_t *setting)
{
        const char *name = config_setting_name(setting);
        const ConfKey *key = conf_key_find("rules", name);
        char path[CONF_PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "rules[%u].%s", reader->index, name);
        if (key && key->type == CONF_DISTANCE)
                return read_distance(reader, key, setting, path);
        if (key && key->type == CONF_UDEV_PROPERTIES)
                return read_udev_properties(reader, key, setting, path);

        r = conf_group_read_setting(reader->source, "rules", setting, path, reader->rule, &key);
        if (r == 0 && key->type == CONF_NODES)
                reader->rule->has_nodes = true;
        if (r == 0 && key->type == CONF_RANGE)
                reader->rule->has_address = true;
        return r;
}

/* Rules that can never match. A criterion with a fault is treated as if it were not given. */

/* Reports a setting of the rule. */
static int rule_fault(const Reader *reader, const char *name, const char *expected)
{
        char path[CONF_PATH_MAX];

        snprintf(path, sizeof(path), "rules[%u]", reader->index);
        return fault_in(reader, reader->group, path, name, expected);
}

static int check_sizes(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (rule->max_size_bytes == 0 || rule->min_size_bytes <= rule->max_size_bytes)
                return 0;
        return rule_fault(reader, "max_size", "a size of at least min_size");
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
        return rule_fault(reader, "address",
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
        char path[CONF_PATH_MAX];

        if (!rule->has_distance || !rule->has_nodes || rule->distance.min <= DISTANCE_LOCAL)
                return 0;
        node_set_add(&only_itself, rule->distance.from);
        if (memcmp(&only_itself, &rule->nodes, sizeof(NodeSet)) != 0)
                return 0;
        snprintf(path, sizeof(path), "rules[%u].distance", reader->index);
        return fault_in(reader, config_setting_get_member(reader->group, "distance"), path, "min",
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
                return rule_fault(reader, name, "words of which one can hold");
        if (n_matched == n && words[1])
                return rule_fault(reader, name,
                                  "words that some machine does not meet, as any of them suffices");
        return 0;
}

/* s390 has standby memory, but no ACPI, Hyper-V or Xen. */
static bool origin_is_on(Origin origin, const char *architecture)
{
        bool is_s390 = strncmp(architecture, "s390", strlen("s390")) == 0;

        switch (origin) {
        case ORIGIN_DIMM:
        case ORIGIN_BALLOON:
                return !is_s390;
        case ORIGIN_STANDBY:
                return is_s390;
        default:
                return true;
        }
}

static bool any_origin_is_on(unsigned origins, const char *architecture)
{
        for (int origin = 0; origin < _ORIGIN_MAX; origin++)
                if (origins & 1U << origin && origin_is_on((Origin) origin, architecture))
                        return true;
        return false;
}

static int check_origin(const Reader *reader)
{
        const Rule *rule = reader->rule;

        if (!rule->origins || !rule->architecture)
                return 0;
        for (int i = 0; architecture_word(i); i++)
                if (strcmp(architecture_word(i), "native") != 0 &&
                    condition_holds(rule->architecture, architecture_matches,
                                    architecture_word(i)) &&
                    any_origin_is_on(rule->origins, architecture_word(i)))
                        return 0;
        return rule_fault(reader, "origin", "an origin that the rule's architecture knows");
}

static int check_rule(const Reader *reader)
{
        const Rule *rule = reader->rule;
        const int r[] = {
                check_sizes(reader),
                check_address(reader),
                check_distance(reader),
                check_conditions(reader, "virtualization", rule->virtualization,
                                 virtualization_matches),
                check_conditions(reader, "architecture", rule->architecture, architecture_matches),
                check_origin(reader),
        };

        return either(r, ELEMENTSOF(r));
}

static int read_settings(const Reader *reader)
{
        int fault = 0;

        for (unsigned i = 0; i < (unsigned) config_setting_length(reader->group); i++) {
                int r = read_setting(reader, config_setting_get_elem(reader->group, i));

                if (r < 0)
                        return r;
                fault |= r;
        }
        return fault;
}

int conf_rule_read(const ConfSource *source, const config_setting_t *group, unsigned index,
                   Policy *policy, Rule *rule)
{
        const Reader reader = { source, group, index, policy, rule };
        char path[CONF_PATH_MAX];
        int r[3];

        snprintf(path, sizeof(path), "rules[%u]", index);
        r[0] = read_settings(&reader);
        r[1] = conf_group_require(source, "rules", group, path, "zone");
        r[2] = check_rule(&reader);

        rule->line = config_setting_source_line(group);
        /* A criterion that could not be read must not count as no criterion: make the rule match nothing. */
        if (either(r, 3) != 0) {
                rule->has_nodes = true;
                rule->nodes = (NodeSet){};
        }
        return either(r, 3);
}

bool conf_rule_has_no_criteria(const Rule *rule)
{
        return !rule->has_nodes && !rule->node_classes && !rule->origins && !rule->has_address &&
               !rule->min_size_bytes && !rule->max_size_bytes && !rule->has_distance &&
               !rule->virtualization && !rule->architecture && !rule->udev_mask;
}
