/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conf-value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* A whole number; hexadecimal ones have no sign, whatever libconfig made of them. */
static bool setting_get_integer(const config_setting_t *setting, int64_t *ret)
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

static bool setting_get_number(const config_setting_t *setting, double *ret)
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

static const char *setting_get_text(const config_setting_t *setting)
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

const char *conf_value_describe(const config_setting_t *setting,
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

int conf_value_fault(const ConfKey *key, const config_setting_t *setting, const char *path,
                     const char *file, ConfFaults *faults)
{
        _cleanup_free_ char *expected = conf_key_expected(key);
        char got[CONF_DESCRIPTION_MAX];

        if (!expected)
                return -ENOMEM;
        return conf_faults_add(faults, file, config_setting_source_line(setting), path,
                               "expected %s, got %s", expected, conf_value_describe(setting, got));
}

static bool in_range(const ConfKey *key, uint64_t value)
{
        return value >= key->min && value <= key->max;
}

static bool read_size(const ConfKey *key, const config_setting_t *setting, uint64_t *ret)
{
        const char *text = setting_get_text(setting);
        uint64_t bytes = 0;
        int64_t integer;

        if (text && strcmp(text, "block") == 0) {
                *ret = MIN_KERNEL_ONE_BLOCK;
                return true;
        }
        if (text) {
                if (parse_size(text, &bytes) < 0)
                        return false;
        } else {
                if (!setting_get_integer(setting, &integer) || integer < 0)
                        return false;
                bytes = (uint64_t) integer;
        }
        if (!in_range(key, bytes))
                return false;
        *ret = bytes;
        return true;
}

static bool read_permille(const ConfKey *key, const config_setting_t *setting, uint32_t *ret)
{
        double number;

        /* The limits are whole numbers, which a double holds exactly; infinity is beyond them. */
        if (!setting_get_number(setting, &number) || !(number >= (double) key->min / 1000) ||
            !(number <= (double) key->max / 1000))
                return false;
        /* Down, but not because 1.024 is a little less in binary. */
        *ret = (uint32_t) floor(number * 1000 + 1e-6);
        return true;
}

static bool read_count(const ConfKey *key, const config_setting_t *setting, uint32_t *ret)
{
        int64_t integer;

        if (!setting_get_integer(setting, &integer) || integer < 0 ||
            !in_range(key, (uint64_t) integer))
                return false;
        *ret = (uint32_t) integer;
        return true;
}

static bool read_usec(const ConfKey *key, const config_setting_t *setting, uint64_t *ret)
{
        const char *text = setting_get_text(setting);
        uint64_t usec = 0;
        double seconds;

        if (text) {
                if (parse_usec(text, &usec) < 0)
                        return false;
        } else {
                /* Far beyond the longest time, and still within 64 bits when multiplied. */
                if (!setting_get_number(setting, &seconds) || !(seconds >= 0 && seconds <= 1e9))
                        return false;
                usec = (uint64_t) floor(seconds * (double) USEC_PER_SEC + 0.5);
        }
        if (!in_range(key, usec))
                return false;
        *ret = usec;
        return true;
}

static bool read_bool(const config_setting_t *setting, bool *ret)
{
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                return false;
        *ret = config_setting_get_bool(setting);
        return true;
}

static bool read_word(const ConfKey *key, const config_setting_t *setting, int *ret)
{
        const char *text = setting_get_text(setting);

        for (int i = 0; text && key->word(i); i++)
                if (strcmp(key->word(i), text) == 0) {
                        *ret = i;
                        return true;
                }
        return false;
}

static int read_name(const ConfKey *key, const config_setting_t *setting, char **ret)
{
        const char *text = setting_get_text(setting);
        char *copy;

        if (!text || !in_range(key, strlen(text)))
                return -EINVAL;
        for (const char *p = text; *p; p++)
                if (*p < ' ' || *p > '~')
                        return -EINVAL;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static bool read_node(const ConfKey *key, const config_setting_t *setting, NodeSet *set)
{
        const char *text = setting_get_text(setting);
        int64_t integer;

        if (text)
                return *text && node_set_parse(set, text) == 0;
        if (!setting_get_integer(setting, &integer) || integer < 0 ||
            !in_range(key, (uint64_t) integer))
                return false;
        node_set_add(set, (uint32_t) integer);
        return true;
}

static bool read_node_class(const ConfKey *key, const config_setting_t *setting, unsigned *mask)
{
        int word;

        if (!read_word(key, setting, &word))
                return false;
        *mask |= 1U << word;
        return true;
}

/* One element of a key that takes one or a list of them. */
static bool read_element(const ConfKey *key, const config_setting_t *setting, void *value)
{
        if (key->type == CONF_NODES)
                return read_node(key, setting, value);
        return read_node_class(key, setting, value);
}

typedef union ListValue {
        NodeSet nodes;
        unsigned node_classes;
} ListValue;

static int read_list(const ConfKey *key, const config_setting_t *setting, const char *path,
                     const char *file, ConfFaults *faults, void *value)
{
        bool is_list = config_setting_is_list(setting) || config_setting_is_array(setting);
        int n = is_list ? config_setting_length(setting) : 1, fault = 0;
        ListValue read = { 0 };

        if (n == 0)
                return conf_value_fault(key, setting, path, file, faults);
        for (int i = 0; i < n; i++) {
                const config_setting_t *element =
                        is_list ? config_setting_get_elem(setting, (unsigned) i) : setting;
                int r;

                if (read_element(key, element, &read))
                        continue;
                r = conf_value_fault(key, element, path, file, faults);
                if (r < 0)
                        return r;
                fault = 1;
        }
        if (fault == 0)
                memcpy(value, &read, key->type == CONF_NODES ? sizeof(NodeSet) : sizeof(unsigned));
        return fault;
}

int conf_value_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                    const char *file, ConfFaults *faults, void *base)
{
        void *value = (char *) base + key->offset;
        bool good = false;
        int r;

        switch (key->type) {
        case CONF_SIZE:
                good = read_size(key, setting, value);
                break;
        case CONF_PERMILLE:
                good = read_permille(key, setting, value);
                break;
        case CONF_COUNT:
                good = read_count(key, setting, value);
                break;
        case CONF_USEC:
                good = read_usec(key, setting, value);
                break;
        case CONF_BOOL:
                good = read_bool(setting, value);
                break;
        case CONF_WORD:
                good = read_word(key, setting, value);
                break;
        case CONF_NAME:
                r = read_name(key, setting, value);
                if (r == -ENOMEM)
                        return r;
                good = r == 0;
                break;
        case CONF_NODES:
        case CONF_NODE_CLASSES:
                return read_list(key, setting, path, file, faults, value);
        case CONF_RULES:
                break;
        }
        return good ? 0 : conf_value_fault(key, setting, path, file, faults);
}
