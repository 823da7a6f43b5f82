/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads one setting into its place in a configuration. */

#include "config/value.h"

#include <math.h>

#include "config/list.h"

static bool in_range(const ConfKey *key, uint64_t value)
{
        return value >= key->min && value <= key->max;
}

static bool read_size(const ConfKey *key, const config_setting_t *setting, uint64_t *ret)
{
        const char *text = setting_get_text(setting);
        uint64_t bytes = 0;
        int64_t integer;

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

static bool read_size_or_block(const ConfKey *key, const config_setting_t *setting, uint64_t *ret)
{
        const char *text = setting_get_text(setting);

        if (!text || strcmp(text, "block") != 0)
                return read_size(key, setting, ret);
        *ret = MIN_KERNEL_ONE_BLOCK;
        return true;
}

static bool starts_with_0x(const char *text)
{
        return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* Reads "0x100000000-0x1ffffffff". The addresses must be in order. */
static bool read_range(const config_setting_t *setting, uint64_t ret[2])
{
        const char *text = setting_get_text(setting);
        const char *dash = text ? strchr(text, '-') : NULL;
        _cleanup_free_ char *first = dash ? strndup(text, (size_t) (dash - text)) : NULL;
        uint64_t range[2];

        if (!first || !starts_with_0x(first) || parse_hex_u64(first + 2, &range[0]) < 0 ||
            !starts_with_0x(dash + 1) || parse_hex_u64(dash + 3, &range[1]) < 0 ||
            range[0] > range[1])
                return false;
        memcpy(ret, range, sizeof(range));
        return true;
}

static bool read_permille(const ConfKey *key, const config_setting_t *setting, uint32_t *ret)
{
        double number;

        /* The limits are whole numbers, which a double holds exactly. Infinity is out of range. */
        if (!setting_get_number(setting, &number) || !(number >= (double) key->min / 1000) ||
            !(number <= (double) key->max / 1000))
                return false;
        /* Rounds down, but keeps 1.024, which is slightly less in binary. */
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
                /* 1e9 s is far longer than any limit, and fits into 64 bits as microseconds. */
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
        case CONF_SIZE_OR_BLOCK:
                good = read_size_or_block(key, setting, value);
                break;
        case CONF_RANGE:
                good = read_range(setting, value);
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
        case CONF_WORDS:
        case CONF_CONDITIONS:
                return conf_list_read(key, setting, path, file, faults, value);
        case CONF_DISTANCE:
        case CONF_UDEV_PROPERTIES:
        case CONF_RULES:
                break;
        }
        return good ? 0 : setting_fault(key, setting, path, file, faults);
}
