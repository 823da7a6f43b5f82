/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method GetPolicy(), which tells the settings and rules in force, and where each comes from. */

#include "base/names.h"
#include "bus/object.h"
#include "config/print.h"

/* Appends the value of a setting as a variant, in the unit that org.memoryd1(5) names. */
static int append_value(sd_bus_message *reply, const ConfKey *key, const Conf *conf)
{
        const void *value = (const char *) conf + key->offset;
        const uint64_t *wide = value;
        const uint32_t *number = value;
        const int *word = value;

        switch (key->type) {
        case CONF_SIZE_OR_BLOCK:
                if (*wide == MIN_KERNEL_ONE_BLOCK)
                        return sd_bus_message_append(reply, "v", "s", "block");
                return sd_bus_message_append(reply, "v", "t", *wide);
        case CONF_SIZE:
        case CONF_USEC:
                return sd_bus_message_append(reply, "v", "t", *wide);
        case CONF_PERMILLE:
                return sd_bus_message_append(reply, "v", "d", *number / 1000.0);
        case CONF_COUNT:
                return sd_bus_message_append(reply, "v", "u", *number);
        case CONF_BOOL:
                return sd_bus_message_append(reply, "v", "b", (int) *(const bool *) value);
        case CONF_WORD:
                return sd_bus_message_append(reply, "v", "s", key->word(*word));
        case CONF_BOOL_OR_WORD:
                if (*word >= 2)
                        return sd_bus_message_append(reply, "v", "s", key->word(*word - 2));
                return sd_bus_message_append(reply, "v", "b", *word);
        default:
                return -EINVAL;
        }
}

/* Returns the text of a value, which the caller frees, or NULL without memory. */
static char *value_text(const ConfKey *key, const void *base, const Policy *policy)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        conf_value_print(stream, key, base, policy);
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}

static int append_setting(sd_bus_message *reply, const void *list, size_t i)
{
        const Conf *conf = list;
        const ConfKey *key = conf_key(i);
        _cleanup_free_ char *text = value_text(key, conf, NULL);
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
                text = value_text(key, rule, policy);
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
