/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conf-draft.h"

#include <stdio.h>

#include "conf-fault.h"
#include "conf-scan.h"
#include "conf-value.h"

/* Enough for any path of keys that exist; an unknown name is cut. */
#define PATH_MAX_BYTES 128

/* One file on its way into the draft. */
typedef struct Source {
        ConfDraft *draft;
        const char *file;
        bool is_dropin;
} Source;

void conf_draft_init(ConfDraft *draft, ConfFaults *faults)
{
        *draft = (ConfDraft){ .faults = faults };
        conf_init(&draft->conf);
}

void conf_draft_done(ConfDraft *draft)
{
        conf_done(&draft->conf);
        free(draft->retry_file);
        draft->retry_file = NULL;
}

static int unknown_key(const Source *source, const config_setting_t *setting, const char *path,
                       const char *group)
{
        static const char message[] =
                "expected one of the keys of memoryd.conf(5), got an unknown key";
        const char *near = conf_key_suggest(group, config_setting_name(setting));

        if (near)
                return conf_faults_add(source->draft->faults, source->file,
                                       config_setting_source_line(setting), path,
                                       "%s; is '%s' meant?", message, near);
        return conf_faults_add(source->draft->faults, source->file,
                               config_setting_source_line(setting), path, "%s", message);
}

/* Reads one setting of the group ("retry", "rules", or NULL) into the struct at `base`. */
static int read_setting(const Source *source, const config_setting_t *setting, const char *group,
                        const char *path, void *base, const ConfKey **ret_key)
{
        const char *name = config_setting_name(setting);
        const ConfKey *key;

        /* Such a name was reported by the scanner, and one without a value is a syntax error. */
        if (*name == '*' || config_setting_type(setting) == CONFIG_TYPE_NONE)
                return 1;

        key = conf_key_find(group, name, strlen(name));
        if (!key)
                return unknown_key(source, setting, path, group);
        *ret_key = key;
        return conf_value_read(key, setting, path, source->file, source->draft->faults, base);
}

static int rule_check(const Source *source, const config_setting_t *group, unsigned index,
                      bool has_zone)
{
        _cleanup_free_ char *expected = NULL;
        char path[PATH_MAX_BYTES];

        if (has_zone)
                return 0;
        expected = conf_key_expected(conf_key_find("rules", "zone", strlen("zone")));
        if (!expected)
                return -ENOMEM;
        snprintf(path, sizeof(path), "rules[%u].zone", index);
        return conf_faults_add(source->draft->faults, source->file,
                               config_setting_source_line(group), path, "expected %s, got nothing",
                               expected);
}

/* Returns 0, 1 when the rule is at fault, -ENOMEM. */
static int read_rule(const Source *source, const config_setting_t *group, unsigned index,
                     Rule *rule)
{
        bool has_zone = false;
        int fault = 0, r;

        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);
                const ConfKey *key = NULL;
                char path[PATH_MAX_BYTES];

                snprintf(path, sizeof(path), "rules[%u].%s", index, config_setting_name(setting));
                r = read_setting(source, setting, "rules", path, rule, &key);
                if (r < 0)
                        return r;
                fault |= r;
                has_zone = has_zone || (key && key->offset == offsetof(Rule, zone));
        }
        r = rule_check(source, group, index, has_zone);
        if (r < 0)
                return r;

        rule->has_nodes = !node_set_is_empty(&rule->nodes);
        rule->line = config_setting_source_line(group);
        return fault | r;
}

static int insert_rule(const Source *source, Rule *rule)
{
        ConfDraft *draft = source->draft;
        Policy *policy = &draft->conf.policy;
        int r;

        rule->file = strdup(source->file);
        if (!rule->file)
                return -ENOMEM;
        r = policy_insert_rule(policy, source->is_dropin ? draft->n_dropin_rules : policy->n_rules,
                               rule);
        if (r < 0)
                return r;
        if (source->is_dropin)
                draft->n_dropin_rules++;
        return 0;
}

DEFINE_CLEANUP(Rule *, rule_done)

static int apply_rule(const Source *source, const config_setting_t *group, unsigned index)
{
        Rule rule = { .name = NULL };
        _cleanup_(rule_donep) Rule *owned = &rule;
        char path[PATH_MAX_BYTES];
        int r;

        if (!config_setting_is_group(group)) {
                snprintf(path, sizeof(path), "rules[%u]", index);
                r = conf_value_fault(conf_key_find(NULL, "rules", strlen("rules")), group, path,
                                     source->file, source->draft->faults);
                return MIN(r, 0);
        }
        r = read_rule(source, group, index, owned);
        /* A rule at fault is kept all the same, so that its name is compared with the others'. */
        return r < 0 ? r : insert_rule(source, owned);
}

/* `is_cut`: parsing stopped within the setting, so that its last element may be half of one. */
static int apply_rules(const Source *source, const config_setting_t *setting, bool is_cut)
{
        Policy *policy = &source->draft->conf.policy;
        unsigned n;
        int r;

        if (!config_setting_is_list(setting)) {
                r = conf_value_fault(conf_key_find(NULL, "rules", strlen("rules")), setting,
                                     "rules", source->file, source->draft->faults);
                return MIN(r, 0);
        }
        while (!source->is_dropin && policy->n_rules > 0)
                rule_done(&policy->rules[--policy->n_rules]);

        n = (unsigned) config_setting_length(setting);
        if (is_cut && n > 0)
                n--;
        for (unsigned i = 0; i < n; i++) {
                r = apply_rule(source, config_setting_get_elem(setting, i), i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int apply_retry(const Source *source, const config_setting_t *group)
{
        ConfDraft *draft = source->draft;

        if (!config_setting_is_group(group)) {
                char got[CONF_DESCRIPTION_MAX];
                int r = conf_faults_add(draft->faults, source->file,
                                        config_setting_source_line(group),
                                        config_setting_name(group),
                                        "expected a group of settings in braces, got %s",
                                        conf_value_describe(group, got));

                draft->retry_is_unknown = true;
                return MIN(r, 0);
        }
        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);
                const ConfKey *key = NULL;
                char path[PATH_MAX_BYTES];
                int r;

                snprintf(path, sizeof(path), "%s.%s", config_setting_name(group),
                         config_setting_name(setting));
                r = read_setting(source, setting, config_setting_name(group), path, &draft->conf,
                                 &key);
                if (r < 0)
                        return r;
                draft->retry_is_unknown = draft->retry_is_unknown || r > 0;
                if (!key || key->type != CONF_USEC)
                        continue;
                free(draft->retry_file);
                draft->retry_file = strdup(source->file);
                if (!draft->retry_file)
                        return -ENOMEM;
                draft->retry_line = config_setting_source_line(setting);
                draft->retry_key = key;
        }
        return 0;
}

static int apply_setting(const Source *source, const config_setting_t *setting, bool is_cut)
{
        const char *name = config_setting_name(setting);
        const ConfKey *key = conf_key_find(NULL, name, strlen(name));
        int r;

        if (config_setting_type(setting) == CONFIG_TYPE_NONE)
                return 0;
        if (conf_key_is_group(name, strlen(name)))
                return apply_retry(source, setting);
        if (key && key->type == CONF_RULES)
                return apply_rules(source, setting, is_cut);
        r = read_setting(source, setting, NULL, name, &source->draft->conf, &key);
        return MIN(r, 0);
}

static int apply_all(const Source *source, const config_setting_t *root, bool is_cut)
{
        unsigned n = (unsigned) config_setting_length(root);

        for (unsigned i = 0; i < n; i++) {
                int r = apply_setting(source, config_setting_get_elem(root, i),
                                      is_cut && i + 1 == n);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* libconfig's error line, which is past the last one when something is missing at the end. */
static unsigned error_line(const config_t *config, const char *text)
{
        unsigned last = 1, line = (unsigned) MAX(config_error_line(config), 1);

        for (; *text; text++)
                if (text[0] == '\n' && text[1])
                        last++;
        return MIN(line, last);
}

DEFINE_CLEANUP(config_t *, config_destroy)

int conf_draft_apply(ConfDraft *draft, const char *file, char *text, size_t size, bool is_dropin)
{
        const Source source = { .draft = draft, .file = file, .is_dropin = is_dropin };
        bool is_scan_cut = false, is_cut;
        config_t config;
        _cleanup_(config_destroyp) config_t *owned = &config;
        int r;

        config_init(&config);
        r = conf_scan(file, text, size, draft->faults, &is_scan_cut);
        if (r < 0)
                return r;

        is_cut = !config_read_string(&config, text) || is_scan_cut;
        /* Where the scanner cut the text, libconfig trips over the cut, which is not news. */
        if (is_cut && !is_scan_cut) {
                r = conf_faults_add(draft->faults, file, error_line(&config, text), NULL,
                                    "expected settings in the syntax of libconfig, got \"%s\"",
                                    config_error_text(&config));
                if (r < 0)
                        return r;
        }
        draft->retry_is_unknown = draft->retry_is_unknown || is_cut;
        return apply_all(&source, config_root_setting(owned), is_cut);
}

/* The first rule before `end` that is called `name`, or NULL. */
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

/* An unnamed rule is called by its place, which no other rule may have taken for its name. */
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

        if (draft->retry_is_unknown || retry->cap_usec >= retry->first_usec)
                return 0;
        return conf_faults_add(
                draft->faults, draft->retry_file, draft->retry_line, draft->retry_key->name,
                "expected retry.delay to be at most retry.cap, got %s",
                draft->retry_key->offset == offsetof(Conf, retry.cap_usec) ? "a shorter cap" :
                                                                             "a longer delay");
}

int conf_draft_finish(ConfDraft *draft)
{
        int r = check_retry(draft);

        for (size_t i = 0; r >= 0 && i < draft->conf.policy.n_rules; i++)
                r = check_name(draft, i);
        for (size_t i = 0; r >= 0 && i < draft->conf.policy.n_rules; i++)
                r = name_rule(draft, i);
        return MIN(r, 0);
}
