/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Fetches the configuration from memoryd, or reads that of a recorded tree. */

#include "ctl/config-view.h"

#include "base/names.h"
#include "config/print.h"
#include "ctl/row.h"

#include <stdio.h>

/* From memoryd */

/* Reads the value of a setting. One of a type that only a later version knows is null. */
static int read_value(sd_bus_message *reply, json_object **ret)
{
        union {
                const char *text;
                uint64_t u64;
                uint32_t u32;
                int flag;
                double real;
        } value;
        const char *contents;
        char type[2] = "";
        int r = sd_bus_message_peek_type(reply, NULL, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (strlen(contents) != 1 || !strchr("sutbd", *contents)) {
                *ret = json_text("");
                return sd_bus_message_skip(reply, "v");
        }
        type[0] = *contents;
        r = sd_bus_message_read(reply, "v", type, &value);
        if (r < 0)
                return r;
        if (*type == 'd')
                *ret = json_object_new_double(value.real);
        else if (*type == 'b')
                *ret = json_object_new_boolean(value.flag);
        else
                *ret = json_value(*type, &value);
        return *ret ? 0 : -ENOMEM;
}

static int read_setting(sd_bus_message *reply, ConfigView *view)
{
        SettingRow *row;
        int r;

        if (GROW(view->settings, view->n_settings) < 0)
                return -ENOMEM;
        row = &view->settings[view->n_settings++];
        *row = (SettingRow){};
        r = sd_bus_message_enter_container(reply, 'r', "svssu");
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &row->name);
        if (r >= 0)
                r = read_value(reply, &row->value);
        if (r >= 0)
                r = sd_bus_message_read(reply, "ssu", &row->text, &row->file, &row->line);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static const Member criterion_members[] = { { offsetof(CriterionRow, key), NULL },
                                            { offsetof(CriterionRow, text), NULL } };
static const RowType criterion_rows = { "(ss)", sizeof(CriterionRow), criterion_members };

static int read_rule(sd_bus_message *reply, ConfigView *view)
{
        RuleRow *row;
        int r, movable_node = false;

        if (GROW(view->rules, view->n_rules) < 0)
                return -ENOMEM;
        row = &view->rules[view->n_rules++];
        *row = (RuleRow){};
        r = sd_bus_message_enter_container(reply, 'r', "ssusba(ss)");
        if (r >= 0)
                r = sd_bus_message_read(reply, "ssusb", &row->name, &row->file, &row->line,
                                        &row->zone, &movable_node);
        row->movable_node = movable_node;
        if (r >= 0)
                r = rows_read(reply, &criterion_rows, &row->criteria, &row->n_criteria);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

/* Has `read` read each element of an array. */
static int read_array(sd_bus_message *reply, const char *type,
                      int (*read)(sd_bus_message *reply, ConfigView *view), ConfigView *view)
{
        int r = sd_bus_message_enter_container(reply, 'a', type);

        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0)
                r = read(reply, view);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static const Member file_members[] = { { offsetof(FileRow, path), NULL },
                                       { offsetof(FileRow, text), NULL },
                                       { offsetof(FileRow, note), NULL } };
static const RowType file_rows = { BUS_FILE_SIGNATURE, sizeof(FileRow), file_members };

static int call(sd_bus *bus, const char *method, sd_bus_error *error, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = manager_message_new(bus, BUS_MANAGER_INTERFACE, method, &message);

        return r < 0 ? r : sd_bus_call(bus, message, 0, error, ret);
}

static int read_policy(ConfigView *view)
{
        int r = read_array(view->policy_reply, BUS_SETTING_SIGNATURE, read_setting, view);

        return r < 0 ? r : read_array(view->policy_reply, BUS_RULE_SIGNATURE, read_rule, view);
}

static int fetch_from_memoryd(bool with_files, ConfigView *view)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_open(&bus);

        if (r != EXIT_SUCCESS)
                return r;
        r = call(bus, "GetPolicy", &error, &view->policy_reply);
        if (r >= 0)
                r = read_policy(view);
        if (r >= 0 && with_files)
                r = call(bus, "ReadConfig", &error, &view->files_reply);
        if (r >= 0 && with_files)
                r = rows_read(view->files_reply, &file_rows, &view->files, &view->n_files);
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

/* From a recorded tree */

/* Keeps a text as long as the view. Takes it over. Returns NULL if memory is short. */
static const char *keep(ConfigView *view, char *text)
{
        return text && strings_append(&view->texts, text) == 0 ? text : NULL;
}

static int make_value(ConfValue value, json_object **ret)
{
        const void *of = value.type == 'b' ? (const void *) &value.flag :
                         value.type == 'u' ? (const void *) &value.number :
                         value.type == 't' ? (const void *) &value.wide :
                                             (const void *) &value.word;

        *ret = value.type == 'd' ? json_object_new_double(value.real) : json_value(value.type, of);
        return *ret ? 0 : -ENOMEM;
}

static int fill_settings(ConfigView *view)
{
        view->settings = calloc(CONF_SETTINGS, sizeof(*view->settings));
        if (!view->settings)
                return -ENOMEM;
        for (size_t i = 0; i < CONF_SETTINGS; i++) {
                const ConfKey *key = conf_key(i);
                SettingRow *row = &view->settings[view->n_settings++];

                *row = (SettingRow){
                        .name = key->name,
                        .text = keep(view, conf_value_text(key, view->conf, NULL)),
                        .file = conf_setting_file(view->conf, i) ?: "",
                        .line = view->conf->origins[i].line,
                };
                if (!row->text || make_value(conf_value_get(key, view->conf), &row->value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int fill_criteria(ConfigView *view, const Rule *rule, RuleRow *row)
{
        for (size_t i = CONF_SETTINGS + 1; conf_key(i); i++) {
                const ConfKey *key = conf_key(i);
                CriterionRow criterion = { .key = key->name + strlen("rules.") };

                if (!conf_rule_has(rule, key))
                        continue;
                criterion.text = keep(view, conf_value_text(key, rule, &view->conf->policy));
                if (!criterion.text || GROW(row->criteria, row->n_criteria) < 0)
                        return -ENOMEM;
                row->criteria[row->n_criteria++] = criterion;
        }
        return 0;
}

static int fill_rules(ConfigView *view)
{
        const Policy *policy = &view->conf->policy;
        int r = 0;

        view->rules = calloc(policy->n_rules + 1, sizeof(*view->rules));
        if (!view->rules)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < policy->n_rules; i++) {
                const Rule *rule = &policy->rules[i];
                RuleRow *row = &view->rules[view->n_rules++];

                *row = (RuleRow){
                        .name = rule->name,
                        .file = rule->file,
                        .line = rule->line,
                        .zone = zone_action_to_string(rule->zone),
                        .movable_node = rule->movable_node,
                };
                r = fill_criteria(view, rule, row);
        }
        return r;
}

static int fill_files(ConfigView *view)
{
        char **paths = view->conf->files;
        int r = 0;

        for (size_t i = 0; r >= 0 && paths && paths[i]; i++) {
                FileRow row = { .path = paths[i], .text = "", .note = "" };
                char *text = NULL;
                uint64_t digest;

                r = conf_show_file(view->conf->paths[i], true, &text, &digest);
                if (r < 0 || !keep(view, text) || GROW(view->files, view->n_files) < 0)
                        return -ENOMEM;
                *(r > 0 ? &row.note : &row.text) = text;
                view->files[view->n_files++] = row;
        }
        return r < 0 ? r : 0;
}

static int print_faults(const ConfFaults *faults)
{
        for (size_t i = 0; i < faults->n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                if (conf_fault_format(&faults->faults[i], &text) >= 0)
                        (void) failure("%s", text);
        }
        return EXIT_FAILURE;
}

static int read_tree(bool with_files, ConfigView *view)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        int r;

        view->conf = malloc(sizeof(*view->conf));
        if (!view->conf)
                return failure("%s", strerror(ENOMEM));
        conf_init(view->conf);
        r = conf_load(arg_sysroot, view->conf, &faults);
        if (r > 0)
                return print_faults(&faults);
        if (r >= 0)
                r = fill_settings(view);
        if (r >= 0)
                r = fill_rules(view);
        if (r >= 0 && with_files)
                r = fill_files(view);
        return r < 0 ? failure("%s", strerror(-r)) : EXIT_SUCCESS;
}

int config_view_fetch(bool with_files, ConfigView *view)
{
        return arg_sysroot ? read_tree(with_files, view) : fetch_from_memoryd(with_files, view);
}

void config_view_done(ConfigView *view)
{
        for (size_t i = 0; i < view->n_settings; i++)
                json_object_put(view->settings[i].value);
        for (size_t i = 0; i < view->n_rules; i++)
                free(view->rules[i].criteria);
        free(view->settings);
        free(view->rules);
        free(view->files);
        sd_bus_message_unref(view->policy_reply);
        sd_bus_message_unref(view->files_reply);
        conf_done(view->conf);
        free(view->conf);
        strings_free(view->texts);
        *view = (ConfigView){};
}
