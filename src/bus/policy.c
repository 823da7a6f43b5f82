/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The methods GetPolicy() and ReadConfig(), which tell what is in force, and what the files say. */

#include "base/names.h"
#include "bus/object.h"
#include "bus/turn.h"
#include "config/print.h"

/* Appends the value of a setting as a variant. */
static int append_value(sd_bus_message *reply, const ConfKey *key, const Conf *conf)
{
        const ConfValue value = conf_value_get(key, conf);
        const char type[] = { value.type, '\0' };

        switch (value.type) {
        case 'b':
                return sd_bus_message_append(reply, "v", type, (int) value.flag);
        case 's':
                return sd_bus_message_append(reply, "v", type, value.word);
        case 'u':
                return sd_bus_message_append(reply, "v", type, value.number);
        case 't':
                return sd_bus_message_append(reply, "v", type, value.wide);
        default:
                return sd_bus_message_append(reply, "v", type, value.real);
        }
}

static int append_setting(sd_bus_message *reply, const void *list, size_t i)
{
        const Conf *conf = list;
        const ConfKey *key = conf_key(i);
        _cleanup_free_ char *text = conf_value_text(key, conf, NULL);
        int r = sd_bus_message_open_container(reply, 'r', "svssu");

        if (!text)
                return -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key->name);
        if (r >= 0)
                r = append_value(reply, key, conf);
        if (r >= 0)
                r = sd_bus_message_append(reply, "ssu", text, conf_setting_file(conf, i) ?: "",
                                          conf->origins[i].line);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_criteria(sd_bus_message *reply, const Policy *policy, const Rule *rule)
{
        const size_t prefix = strlen("rules.");
        int r = sd_bus_message_open_container(reply, 'a', "(ss)");

        for (size_t i = CONF_SETTINGS; r >= 0 && conf_key(i); i++) {
                const ConfKey *key = conf_key(i);
                _cleanup_free_ char *text = NULL;

                if (!conf_rule_has(rule, key))
                        continue;
                text = conf_value_text(key, rule, policy);
                r = text ? sd_bus_message_append(reply, "(ss)", key->name + prefix, text) : -ENOMEM;
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_rule(sd_bus_message *reply, const void *list, size_t i)
{
        const Policy *policy = list;
        const Rule *rule = &policy->rules[i];
        int r = sd_bus_message_open_container(reply, 'r', "ssusba(ss)");

        if (r >= 0)
                r = sd_bus_message_append(reply, "ssusb", rule->name, rule->file, rule->line,
                                          zone_action_to_string(rule->zone),
                                          (int) rule->movable_node);
        if (r >= 0)
                r = append_criteria(reply, policy, rule);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_get_policy(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Conf *conf = manager_view(userdata).conf;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = bus_append_array(reply, BUS_SETTING_SIGNATURE, append_setting, conf,
                                     CONF_SETTINGS);
        if (r >= 0)
                r = bus_append_array(reply, BUS_RULE_SIGNATURE, append_rule, &conf->policy,
                                     conf->policy.n_rules);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot tell the policy") : 1;
}

/* Appends a file: its path, its text, and what is to be said about it. */
static int append_file(sd_bus_message *reply, const Conf *conf, size_t i, bool sees_all)
{
        _cleanup_free_ char *text = NULL;
        uint64_t digest = 0;
        int r = conf_show_file(conf->paths[i], sees_all, &text, &digest);

        if (r < 0)
                return r;
        if (r > 0)
                return sd_bus_message_append(reply, BUS_FILE_SIGNATURE, conf->files[i], "", text);
        return sd_bus_message_append(reply, BUS_FILE_SIGNATURE, conf->files[i], text,
                                     digest == conf->digests[i] ? "" :
                                                                  "changed since memoryd read it");
}

int bus_method_read_config(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Conf *conf = manager_view(userdata).conf;
        bool sees_all = turn_uid(message) == 0 || turn_uid(message) == geteuid();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_FILE_SIGNATURE);
        for (size_t i = 0; r >= 0 && conf->files && conf->files[i]; i++)
                r = append_file(reply, conf, i, sees_all);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot read the configuration files") : 1;
}
