/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the settings of a group. */

#include "config/group.h"

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

        *ret_key = conf_key_find(keys, name, strlen(name));
        if (is_hidden(setting))
                return 1;
        if (!*ret_key)
                return unknown_key(source, keys, setting, path);
        return conf_value_read(*ret_key, setting, path, source->file, source->faults, base);
}

int conf_group_read(const ConfSource *source, const char *keys, const config_setting_t *group,
                    const char *path, void *base)
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

bool conf_group_may_have(const config_setting_t *group, const char *name)
{
        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++) {
                const config_setting_t *setting = config_setting_get_elem(group, i);

                if (is_hidden(setting) || strcmp(config_setting_name(setting), name) == 0)
                        return true;
        }
        return false;
}

int conf_group_require(const ConfSource *source, const char *keys, const config_setting_t *group,
                       const char *path, const char *name)
{
        _cleanup_free_ char *expected = NULL;
        char own_path[CONF_PATH_MAX];

        if (conf_group_may_have(group, name))
                return 0;
        expected = conf_key_expected(conf_key_find(keys, name, strlen(name)));
        if (!expected)
                return -ENOMEM;
        snprintf(own_path, sizeof(own_path), "%s.%s", path, name);
        return conf_faults_add(source->faults, source->file, config_setting_source_line(group),
                               own_path, "expected %s, got nothing", expected);
}
