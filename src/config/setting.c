/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Describes settings in messages. */

#include "config/setting.h"

#include <inttypes.h>
#include <stdio.h>

bool setting_get_integer(const config_setting_t *setting, int64_t *ret)
{
        bool is_hex = setting->format == CONFIG_FORMAT_HEX;

        if (config_setting_type(setting) == CONFIG_TYPE_INT) {
                int value = config_setting_get_int(setting);

                *ret = is_hex ? (int64_t) (uint32_t) value : value;
                return true;
        }
        if (config_setting_type(setting) == CONFIG_TYPE_INT64) {
                int64_t value = config_setting_get_int64(setting);

                *ret = is_hex && value < 0 ? INT64_MAX : value;
                return true;
        }
        return false;
}

bool setting_get_number(const config_setting_t *setting, double *ret)
{
        int64_t integer;

        if (config_setting_type(setting) == CONFIG_TYPE_FLOAT) {
                *ret = config_setting_get_float(setting);
                return true;
        }
        if (!setting_get_integer(setting, &integer))
                return false;
        *ret = (double) integer;
        return true;
}

const char *setting_get_text(const config_setting_t *setting)
{
        if (config_setting_type(setting) != CONFIG_TYPE_STRING)
                return NULL;
        return config_setting_get_string(setting);
}

static const char *describe_aggregate(const config_setting_t *setting)
{
        bool is_empty = config_setting_length(setting) == 0;

        switch (config_setting_type(setting)) {
        case CONFIG_TYPE_GROUP:
                return is_empty ? "an empty group" : "a group";
        case CONFIG_TYPE_ARRAY:
                return is_empty ? "an empty array" : "an array";
        case CONFIG_TYPE_LIST:
                return is_empty ? "an empty list" : "a list";
        default:
                return "nothing";
        }
}

const char *setting_describe(const config_setting_t *setting,
                             char buffer[static CONF_DESCRIPTION_MAX])
{
        int64_t integer;

        switch (config_setting_type(setting)) {
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                setting_get_integer(setting, &integer);
                if (setting->format == CONFIG_FORMAT_HEX)
                        snprintf(buffer, CONF_DESCRIPTION_MAX, "0x%" PRIx64, (uint64_t) integer);
                else
                        snprintf(buffer, CONF_DESCRIPTION_MAX, "%" PRId64, integer);
                break;
        case CONFIG_TYPE_FLOAT:
                snprintf(buffer, CONF_DESCRIPTION_MAX, "%.15g", config_setting_get_float(setting));
                break;
        case CONFIG_TYPE_STRING:
                conf_quote(setting_get_text(setting), buffer);
                break;
        case CONFIG_TYPE_BOOL:
                snprintf(buffer, CONF_DESCRIPTION_MAX, "%s",
                         config_setting_get_bool(setting) ? "true" : "false");
                break;
        default:
                snprintf(buffer, CONF_DESCRIPTION_MAX, "%s", describe_aggregate(setting));
                break;
        }
        return buffer;
}

int setting_fault(const ConfKey *key, const config_setting_t *setting, const char *path,
                  const char *file, ConfFaults *faults)
{
        _cleanup_free_ char *expected = conf_key_expected(key);
        char got[CONF_DESCRIPTION_MAX];

        if (!expected)
                return -ENOMEM;
        return conf_faults_add(faults, file, config_setting_source_line(setting), path,
                               "expected %s, got %s", expected, setting_describe(setting, got));
}
