/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Applies one file after the other to a configuration, and checks the result as a whole. */

#include "config/draft.h"

#include <stdio.h>

/*
 * The limit for the rules of all files together: more than any policy needs, few enough to compare
 * each rule with all others.
 */
#define RULES_MAX 1024

/* A file that is being applied to the draft. */
typedef struct Input {
        ConfDraft *draft;
        ConfSource source;
        ConfPlace place;
} Input;

/* Reports a value that should be a list of rules, or a rule. */
static int rules_fault(const Input *input, const config_setting_t *setting)
{
        return conf_value_fault(&input->source, conf_key_find(NULL, "rules"), setting, setting);
}

static int apply_rule(const Input *input, const config_setting_t *group)
{
        ConfDraft *draft = input->draft;
        Policy *policy = &draft->conf.policy;
        bool is_dropin = input->place == CONF_PLACE_DROPIN;
        _cleanup_(rule_done) Rule rule = {};
        int r;

        if (!config_setting_is_group(group))
                return rules_fault(input, group);
        r = conf_rule_read(&input->source, group, policy, &rule);
        if (r < 0)
                return r;
        /* A rule with faults is inserted as well, so that names are compared with its name. */
        rule.file = strdup(input->source.file);
        if (!rule.file)
                return -ENOMEM;
        r = policy_insert_rule(policy, is_dropin ? draft->n_dropin_rules : policy->n_rules, &rule);
        if (r >= 0 && is_dropin)
                draft->n_dropin_rules++;
        return r;
}

/* `is_cut`: parsing stopped within this setting, so its last element may be incomplete. */
static int apply_rules(const Input *input, const config_setting_t *setting, bool is_cut)
{
        ConfDraft *draft = input->draft;
        int n = config_setting_length(setting) - is_cut, fault = 0;

        if (!config_setting_is_list(setting))
                return rules_fault(input, setting);
        if (input->place != CONF_PLACE_DROPIN) {
                policy_done(&draft->conf.policy);
                draft->has_vendor_rules = input->place == CONF_PLACE_VENDOR;
        }
        for (int i = 0; i < n; i++) {
                const config_setting_t *group = config_setting_get_elem(setting, (unsigned) i);

                if (draft->conf.policy.n_rules == RULES_MAX)
                        return fault | conf_faults_add(draft->faults, input->source.file,
                                                       config_setting_source_line(group), "rules",
                                                       "expected at most %d rules in all files, "
                                                       "got more",
                                                       RULES_MAX);
                fault |= apply_rule(input, group);
        }
        return fault;
}

/* Notes the file and line that the value of a setting comes from. */
static void note_origin(const Input *input, const ConfKey *key, const config_setting_t *setting)
{
        Conf *conf = &input->draft->conf;
        uint32_t n_files = 0;

        while (conf->files && conf->files[n_files])
                n_files++;
        assert(conf_key_index(key) < CONF_SETTINGS);
        conf->origins[conf_key_index(key)] = (ConfOrigin){
                .file = MAX(n_files, 1U) - 1,
                .line = config_setting_source_line(setting),
        };
}

static int apply_retry(const Input *input, const config_setting_t *group)
{
        ConfDraft *draft = input->draft;
        int fault = 0;

        if (!config_setting_is_group(group)) {
                draft->retry_is_unknown = true;
                return conf_setting_fault(&input->source, group, "a group of settings in braces");
        }
        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);
                const ConfKey *key = conf_key_find("retry", config_setting_name(setting));

                fault |= conf_group_read_setting(&input->source, "retry", setting, &draft->conf);
                if (key)
                        note_origin(input, key, setting);
                if (key && key->type == CONF_USEC) {
                        draft->retry_file = input->source.file;
                        draft->retry_line = config_setting_source_line(setting);
                        draft->retry_key = key;
                }
        }
        draft->retry_is_unknown = draft->retry_is_unknown || fault;
        return fault;
}

static int apply_setting(const Input *input, const config_setting_t *setting, bool is_cut)
{
        const char *name = config_setting_name(setting);
        const ConfKey *key = conf_key_find(NULL, name);
        ConfDraft *draft = input->draft;
        int r;

        if (config_setting_type(setting) == CONFIG_TYPE_NONE)
                return 0;
        if (strcmp(name, "retry") == 0)
                return apply_retry(input, setting);
        if (key && key->type == CONF_RULES)
                return apply_rules(input, setting, is_cut);
        r = conf_group_read_setting(&input->source, NULL, setting, &draft->conf);
        if (r == 0 && key)
                note_origin(input, key, setting);
        if (r > 0 && key && key->offset == offsetof(Conf, event_source))
                draft->event_source_is_unknown = true;
        return r;
}

int conf_draft_apply(ConfDraft *draft, const char *file, const char *text, size_t size,
                     ConfPlace place)
{
        const Input input = { draft, { file, draft->faults }, place };
        _cleanup_free_ char *checked = NULL;
        _cleanup_(config_destroy) config_t config;
        const config_setting_t *root;
        bool is_cut;
        int r, n, fault = 0;

        config_init(&config);
        r = conf_syntax_check(file, text, size, draft->faults, &checked, &is_cut);
        if (r >= 0 && !config_read_string(&config, checked) && !is_cut) {
                is_cut = true;
                r = conf_faults_add(
                        draft->faults, file, (unsigned) MAX(config_error_line(&config), 1), NULL,
                        "expected the syntax of libconfig, got a %s", config_error_text(&config));
        }
        if (r < 0)
                return r;
        draft->is_incomplete = draft->is_incomplete || is_cut;

        root = config_root_setting(&config);
        n = config_setting_length(root);
        for (int i = 0; i < n; i++)
                fault |= apply_setting(&input, config_setting_get_elem(root, (unsigned) i),
                                       is_cut && i + 1 == n);
        return fault < 0 ? -ENOMEM : 0;
}

/* Returns the first rule before index `end` whose name is `name`, or NULL. */
static const Rule *find_named(const Policy *policy, size_t end, const char *name)
{
        for (size_t i = 0; i < end; i++)
                if (policy->rules[i].name && strcmp(policy->rules[i].name, name) == 0)
                        return &policy->rules[i];
        return NULL;
}

static int check_name(ConfDraft *draft, size_t index)
{
        const Policy *policy = &draft->conf.policy;
        const Rule *rule = &policy->rules[index];
        const Rule *other = rule->name ? find_named(policy, index, rule->name) : NULL;
        char got[CONF_QUOTE_MAX];

        if (!other)
                return 0;
        return conf_faults_add(draft->faults, rule->file, rule->line, "rules.name",
                               "expected a name that no other rule has, got %s as in %s:%u",
                               conf_quote(rule->name, got), other->file, other->line);
}

/* Names an unnamed rule after its position, such as "rule 3". It is a fault if another rule has this name. */
static int name_rule(ConfDraft *draft, size_t index)
{
        Policy *policy = &draft->conf.policy;
        char *name = NULL;
        const Rule *other;

        if (policy->rules[index].name)
                return 0;
        if (asprintf(&name, "rule %zu", index + 1) < 0)
                return -ENOMEM;
        other = find_named(policy, policy->n_rules, name);
        policy->rules[index].name = name;
        if (!other)
                return 0;
        return conf_faults_add(draft->faults, other->file, other->line, "rules.name",
                               "expected a name that no other rule has, got \"%s\" as the unnamed "
                               "rule in %s:%u is called",
                               name, policy->rules[index].file, policy->rules[index].line);
}

static int check_retry(ConfDraft *draft)
{
        const Retry *retry = &draft->conf.retry;

        if (draft->is_incomplete || draft->retry_is_unknown || retry->cap_usec >= retry->first_usec)
                return 0;
        return conf_faults_add(
                draft->faults, draft->retry_file, draft->retry_line, draft->retry_key->name,
                "expected retry.delay to be at most retry.cap, got %s",
                draft->retry_key->offset == offsetof(Conf, retry.cap_usec) ? "a shorter cap" :
                                                                             "a longer delay");
}

static int check_event_source(ConfDraft *draft, size_t index)
{
        const Rule *rule = &draft->conf.policy.rules[index];

        if (!rule->udev_mask || draft->conf.event_source == EVENT_SOURCE_UDEV ||
            draft->is_incomplete || draft->event_source_is_unknown)
                return 0;
        return conf_faults_add(draft->faults, rule->file, rule->line, "rules.udev_property",
                               "expected event_source = \"udev\" with it, got \"kernel\"");
}

/*
 * Reports a rule that is never tried, because a rule before it matches all memory. The vendor's
 * rules are exempt if a drop-in has the rule that matches all memory: it is meant to turn them off,
 * and the author of the drop-in cannot remove them.
 */
static int check_reached(ConfDraft *draft, size_t index, size_t matches_all)
{
        const Rule *rules = draft->conf.policy.rules, *rule = &rules[index];
        const Rule *other = &rules[matches_all];
        char got[CONF_QUOTE_MAX], behind[CONF_QUOTE_MAX];

        if (draft->has_vendor_rules && index >= draft->n_dropin_rules &&
            matches_all < draft->n_dropin_rules)
                return 0;
        return conf_faults_add(draft->faults, rule->file, rule->line, "rules",
                               "expected no rule behind one without criteria, got %s behind %s "
                               "in %s:%u",
                               conf_quote(rule->name, got), conf_quote(other->name, behind),
                               other->file, other->line);
}

static bool has_no_criteria(const Rule *rule)
{
        return !rule->has_nodes && !rule->node_classes && !rule->origins && !rule->driver &&
               !rule->has_address && !rule->min_size_bytes && !rule->max_size_bytes &&
               !rule->has_distance && !rule->has_tiers && !rule->virtualization &&
               !rule->architecture && !rule->udev_mask;
}

static int check_all_reached(ConfDraft *draft)
{
        const Policy *policy = &draft->conf.policy;
        size_t matches_all = 0;
        int fault = 0;

        while (matches_all < policy->n_rules && !has_no_criteria(&policy->rules[matches_all]))
                matches_all++;
        for (size_t i = matches_all + 1; i < policy->n_rules; i++)
                fault |= check_reached(draft, i, matches_all);
        return fault;
}

int conf_draft_finish(ConfDraft *draft)
{
        int r = check_retry(draft);

        for (size_t i = 0; r >= 0 && i < draft->conf.policy.n_rules; i++)
                r = check_name(draft, i);
        for (size_t i = 0; r >= 0 && i < draft->conf.policy.n_rules; i++)
                r = name_rule(draft, i);
        for (size_t i = 0; r >= 0 && i < draft->conf.policy.n_rules; i++)
                r = check_event_source(draft, i);
        if (r >= 0)
                r = check_all_reached(draft);
        return r < 0 ? -ENOMEM : 0;
}
