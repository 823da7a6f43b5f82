/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads settings into their places in a configuration. */

#include "config/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Gets a whole number. Hexadecimal numbers count as unsigned, even if libconfig made them negative. */
static bool get_integer(const config_setting_t *setting, int64_t *ret)
{
        int type = config_setting_type(setting);

        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
                return false;
        *ret = config_setting_get_int64(setting);
        if (setting->format == CONFIG_FORMAT_HEX && *ret < 0)
                *ret = type == CONFIG_TYPE_INT ? (int64_t) (uint32_t) *ret : INT64_MAX;
        return true;
}

/* Gets an integer or a floating-point number. */
static bool get_number(const config_setting_t *setting, double *ret)
{
        int64_t integer;

        if (config_setting_type(setting) == CONFIG_TYPE_FLOAT) {
                *ret = config_setting_get_float(setting);
                return true;
        }
        if (!get_integer(setting, &integer))
                return false;
        *ret = (double) integer;
        return true;
}

/* The types that are not scalars: those with elements, and those without. */
static const char *const aggregates[][2] = {
        [CONFIG_TYPE_NONE] = { "nothing", "nothing" },
        [CONFIG_TYPE_GROUP] = { "a group", "an empty group" },
        [CONFIG_TYPE_ARRAY] = { "an array", "an empty array" },
        [CONFIG_TYPE_LIST] = { "a list", "an empty list" },
};

/* Describes the value of a setting: `5`, `"text"`, `a list`. Returns the buffer. */
static const char *describe(const config_setting_t *setting, char buffer[static CONF_QUOTE_MAX])
{
        int type = config_setting_type(setting);
        int64_t integer;

        switch (type) {
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                get_integer(setting, &integer);
                snprintf(buffer, CONF_QUOTE_MAX,
                         setting->format == CONFIG_FORMAT_HEX ? "0x%" PRIx64 : "%" PRId64, integer);
                return buffer;
        case CONFIG_TYPE_FLOAT:
                snprintf(buffer, CONF_QUOTE_MAX, "%.15g", config_setting_get_float(setting));
                return buffer;
        case CONFIG_TYPE_STRING:
                return conf_quote(config_setting_get_string(setting), buffer);
        case CONFIG_TYPE_BOOL:
                return config_setting_get_bool(setting) ? "true" : "false";
        default:
                return aggregates[type][config_setting_length(setting) == 0];
        }
}

const char *conf_setting_path(const config_setting_t *setting, char path[static CONF_PATH_MAX])
{
        const char *name = config_setting_name(setting);
        size_t n;

        path[0] = '\0';
        if (config_setting_is_root(setting))
                return path;
        n = strlen(conf_setting_path(config_setting_parent(setting), path));
        if (name)
                snprintf(path + n, CONF_PATH_MAX - n, "%s%s", n > 0 ? "." : "", name);
        else
                snprintf(path + n, CONF_PATH_MAX - n, "[%d]", config_setting_index(setting));
        return path;
}

/* Reports the value of a setting, or that of an element of its list. */
static int element_fault(const ConfSource *source, const config_setting_t *setting,
                         const config_setting_t *element, const char *expected, const char *suffix)
{
        char path[CONF_PATH_MAX], got[CONF_QUOTE_MAX];

        return conf_faults_add(source->faults, source->file, config_setting_source_line(element),
                               conf_setting_path(setting, path), "expected %s, got %s%s", expected,
                               describe(element, got), suffix);
}

int conf_setting_fault(const ConfSource *source, const config_setting_t *setting,
                       const char *expected)
{
        return element_fault(source, setting, setting, expected, "");
}

int conf_value_fault(const ConfSource *source, const ConfKey *key, const config_setting_t *setting,
                     const config_setting_t *element)
{
        _cleanup_free_ char *expected = conf_key_expected(key);

        return expected ? element_fault(source, setting, element, expected, "") : -ENOMEM;
}

/*
 * Reads a value, or adds one to the list of values that were read before. Returns 0, -EINVAL if the
 * setting does not have such a value, -EEXIST if it was in the list already, or -ENOMEM.
 */
typedef int (*Reader)(const ConfKey *key, const config_setting_t *setting, void *value);

static int store(const ConfKey *key, uint64_t number, uint64_t *ret)
{
        if (number < key->min || number > key->max)
                return -EINVAL;
        *ret = number;
        return 0;
}

static int read_size(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        uint64_t bytes = 0;
        int64_t integer;

        if (text && key->type == CONF_SIZE_OR_BLOCK && strcmp(text, "block") == 0) {
                *(uint64_t *) value = MIN_KERNEL_ONE_BLOCK;
                return 0;
        }
        if (text)
                return parse_size(text, &bytes) < 0 ? -EINVAL : store(key, bytes, value);
        if (!get_integer(setting, &integer) || integer < 0)
                return -EINVAL;
        return store(key, (uint64_t) integer, value);
}

static bool starts_with_0x(const char *text)
{
        return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* Reads "0x100000000-0x1ffffffff" into two numbers. The addresses must be in order. */
static int read_range(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        const char *dash = text ? strchr(text, '-') : NULL;
        _cleanup_free_ char *first = dash ? strndup(text, (size_t) (dash - text)) : NULL;
        uint64_t range[2];

        (void) key;
        if (!first || !starts_with_0x(first) || parse_hex_u64(first + 2, &range[0]) < 0 ||
            !starts_with_0x(dash + 1) || parse_hex_u64(dash + 3, &range[1]) < 0 ||
            range[0] > range[1])
                return -EINVAL;
        memcpy(value, range, sizeof(range));
        return 0;
}

static int read_permille(const ConfKey *key, const config_setting_t *setting, void *value)
{
        double number;

        /* The limits are whole numbers, which a double holds exactly. Infinity is out of range. */
        if (!get_number(setting, &number) || !(number >= (double) key->min / 1000) ||
            !(number <= (double) key->max / 1000))
                return -EINVAL;
        /* Rounds down, but keeps 1.024, which is slightly less in binary. */
        *(uint32_t *) value = (uint32_t) floor(number * 1000 + 1e-6);
        return 0;
}

static int read_count(const ConfKey *key, const config_setting_t *setting, void *value)
{
        int64_t integer;

        if (!get_integer(setting, &integer) || integer < 0 || (uint64_t) integer < key->min ||
            (uint64_t) integer > key->max)
                return -EINVAL;
        *(uint32_t *) value = (uint32_t) integer;
        return 0;
}

static int read_usec(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        uint64_t usec = 0;
        double seconds;

        if (text)
                return parse_usec(text, &usec) < 0 ? -EINVAL : store(key, usec, value);
        /* 1e9 s is far longer than any limit, and fits into 64 bits as microseconds. */
        if (!get_number(setting, &seconds) || !(seconds >= 0 && seconds <= 1e9))
                return -EINVAL;
        return store(key, (uint64_t) floor(seconds * (double) USEC_PER_SEC + 0.5), value);
}

static int read_bool(const ConfKey *key, const config_setting_t *setting, void *value)
{
        (void) key;
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                return -EINVAL;
        *(bool *) value = config_setting_get_bool(setting);
        return 0;
}

/* Returns the index of a text among the words of a key, or -EINVAL. */
static int find_word(const ConfKey *key, const char *text)
{
        for (int i = 0; text && key->word(i); i++)
                if (strcmp(key->word(i), text) == 0)
                        return i;
        return -EINVAL;
}

static int read_word(const ConfKey *key, const config_setting_t *setting, void *value)
{
        int word = find_word(key, config_setting_get_string(setting));

        if (word < 0)
                return word;
        *(int *) value = word;
        return 0;
}

static int read_bool_or_word(const ConfKey *key, const config_setting_t *setting, void *value)
{
        int word = find_word(key, config_setting_get_string(setting));

        if (word < 0 && config_setting_type(setting) != CONFIG_TYPE_BOOL)
                return word;
        *(int *) value = word < 0 ? config_setting_get_bool(setting) : word + 2;
        return 0;
}

static int read_name(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        char *copy;

        if (!text || strlen(text) < key->min || strlen(text) > key->max)
                return -EINVAL;
        for (const char *p = text; *p; p++)
                if (*p < ' ' || *p > '~')
                        return -EINVAL;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*(char **) value);
        *(char **) value = copy;
        return 0;
}

/* "5-" has no end. */
static int parse_tiers(char *text, TierRange *ret)
{
        char *dash = strchr(text, '-');

        ret->max = TIER_MAX;
        if (dash)
                *dash = '\0';
        if (parse_u32(text, &ret->min) < 0 ||
            (dash && dash[1] && parse_u32(dash + 1, &ret->max) < 0))
                return -EINVAL;
        if (!dash)
                ret->max = ret->min;
        return ret->min <= ret->max && ret->max <= TIER_MAX ? 0 : -EINVAL;
}

static int read_tiers(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        _cleanup_free_ char *copy = text ? strdup(text) : NULL;
        TierRange range;
        int r;

        if (text && !copy)
                return -ENOMEM;
        r = copy ? parse_tiers(copy, &range) : read_count(key, setting, &range.min);
        if (r < 0)
                return r;
        if (!copy)
                range.max = range.min;
        *(TierRange *) value = range;
        return 0;
}

static int add_nodes(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        uint32_t node;

        if (text)
                return *text && node_set_parse(value, text) == 0 ? 0 : -EINVAL;
        if (read_count(key, setting, &node) < 0)
                return -EINVAL;
        node_set_add(value, node);
        return 0;
}

static int add_word(const ConfKey *key, const config_setting_t *setting, void *value)
{
        int word = find_word(key, config_setting_get_string(setting));
        unsigned *mask = value;

        if (word < 0)
                return word;
        if (*mask & 1U << word)
                return -EEXIST;
        *mask |= 1U << word;
        return 0;
}

static int add_condition(const ConfKey *key, const config_setting_t *setting, void *value)
{
        const char *text = config_setting_get_string(setting);
        char ***strings = value;

        if (!text || find_word(key, text + (*text == '!')) < 0)
                return -EINVAL;
        for (char **string = *strings; string && *string; string++)
                if (strcmp(*string, text) == 0)
                        return -EEXIST;
        return strings_append(strings, strdup(text));
}

static const Reader readers[] = {
        [CONF_SIZE] = read_size,
        [CONF_SIZE_OR_BLOCK] = read_size,
        [CONF_RANGE] = read_range,
        [CONF_PERMILLE] = read_permille,
        [CONF_COUNT] = read_count,
        [CONF_USEC] = read_usec,
        [CONF_BOOL] = read_bool,
        [CONF_WORD] = read_word,
        [CONF_BOOL_OR_WORD] = read_bool_or_word,
        [CONF_NAME] = read_name,
        [CONF_TIERS] = read_tiers,
        [CONF_NODES] = add_nodes,
        [CONF_WORDS] = add_word,
        [CONF_CONDITIONS] = add_condition,
};

/* Empties a list of which an element has a fault: the rest of it is not what was meant. */
static void forget(const ConfKey *key, void *value)
{
        switch (key->type) {
        case CONF_NODES:
                *(NodeSet *) value = (NodeSet){};
                break;
        case CONF_WORDS:
                *(unsigned *) value = 0;
                break;
        case CONF_CONDITIONS:
                strings_free(*(char ***) value);
                *(char ***) value = NULL;
                break;
        default:
                break;
        }
}

static int read_value(const ConfSource *source, const ConfKey *key, const config_setting_t *setting,
                      void *value)
{
        bool is_list = key->type >= CONF_NODES &&
                       (config_setting_is_list(setting) || config_setting_is_array(setting));
        int n = is_list ? config_setting_length(setting) : 1, fault = 0;

        assert(key->type < ELEMENTSOF(readers));
        if (n == 0)
                return conf_value_fault(source, key, setting, setting);
        for (int i = 0; i < n; i++) {
                const config_setting_t *element =
                        is_list ? config_setting_get_elem(setting, (unsigned) i) : setting;
                int r = readers[key->type](key, element, value);

                if (r == -EINVAL)
                        r = conf_value_fault(source, key, setting, element);
                else if (r == -EEXIST)
                        r = element_fault(source, setting, element, "each word once", " again");
                fault |= r;
        }
        if (fault)
                forget(key, value);
        return fault;
}

static int unknown_key(const ConfSource *source, const char *keys, const config_setting_t *setting)
{
        const char *near = conf_key_suggest(keys, config_setting_name(setting));
        char path[CONF_PATH_MAX];

        return conf_faults_add(source->faults, source->file, config_setting_source_line(setting),
                               conf_setting_path(setting, path),
                               "expected one of the keys of memoryd.conf(5), got an unknown "
                               "key%s%s%s",
                               near ? "; is '" : "", near ?: "", near ? "' meant?" : "");
}

/*
 * Whether a setting is to be skipped, because its fault has been reported: conf_syntax_check()
 * renamed it, or it has no value, which is a syntax error.
 */
static bool is_hidden(const config_setting_t *setting)
{
        return *config_setting_name(setting) == '*' ||
               config_setting_type(setting) == CONFIG_TYPE_NONE;
}

int conf_group_read_setting(const ConfSource *source, const char *keys,
                            const config_setting_t *setting, void *base)
{
        const ConfKey *key = conf_key_find(keys, config_setting_name(setting));

        if (is_hidden(setting))
                return 1;
        if (!key)
                return unknown_key(source, keys, setting);
        return read_value(source, key, setting, (char *) base + key->offset);
}

int conf_group_read(const ConfSource *source, const char *keys, const config_setting_t *group,
                    void *base)
{
        int fault = 0;

        for (unsigned i = 0; i < (unsigned) config_setting_length(group); i++)
                fault |= conf_group_read_setting(source, keys, config_setting_get_elem(group, i),
                                                 base);
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
                       const char *name)
{
        _cleanup_free_ char *expected = NULL;
        char path[CONF_PATH_MAX];
        size_t n;

        if (conf_group_may_have(group, name))
                return 0;
        expected = conf_key_expected(conf_key_find(keys, name));
        if (!expected)
                return -ENOMEM;
        n = strlen(conf_setting_path(group, path));
        snprintf(path + n, sizeof(path) - n, ".%s", name);
        return conf_faults_add(source->faults, source->file, config_setting_source_line(group),
                               path, "expected %s, got nothing", expected);
}
