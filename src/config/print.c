/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Writes the values of a configuration as text. */

#include "config/print.h"

#include "base/format.h"

#include <inttypes.h>

/* Room for the longest list of nodes, every second one, with a comma behind each. */
#define NODES_STRING_MAX (NODE_MAX / 2 * (ssize_t) sizeof("1023"))

static void print_quoted(FILE *stream, const char *text)
{
        fputc('"', stream);
        for (; *text; text++)
                fprintf(stream, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
        fputc('"', stream);
}

static void print_with_unit(FILE *stream, const ConfKey *key, uint64_t number)
{
        fputc('"', stream);
        conf_key_print(stream, key, number);
        fputc('"', stream);
}

static void print_size(FILE *stream, const ConfKey *key, uint64_t bytes)
{
        if (key->type == CONF_SIZE_OR_BLOCK && bytes == MIN_KERNEL_ONE_BLOCK)
                print_quoted(stream, "block");
        else
                print_with_unit(stream, key, bytes);
}

/* A fraction of at most three digits, and at least one. */
static void print_permille(FILE *stream, uint32_t permille)
{
        uint32_t fraction = permille % 1000;
        int n = 3;

        for (; n > 1 && fraction % 10 == 0; n--)
                fraction /= 10;
        fprintf(stream, "%u.%0*u", permille / 1000, n, fraction);
}

static void print_tiers(FILE *stream, const TierRange *tiers)
{
        if (tiers->min == tiers->max)
                fprintf(stream, "%u", tiers->min);
        else if (tiers->max == TIER_MAX)
                fprintf(stream, "\"%u-\"", tiers->min);
        else
                fprintf(stream, "\"%u-%u\"", tiers->min, tiers->max);
}

/* Writes texts as one, or as a list if there are several. */
static void print_list(FILE *stream, const char *const *texts, size_t n)
{
        fputs(n > 1 ? "(" : "", stream);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", " : "", stream);
                print_quoted(stream, texts[i]);
        }
        fputs(n > 1 ? ")" : "", stream);
}

static void print_words(FILE *stream, const ConfKey *key, unsigned mask)
{
        const char *words[sizeof(mask) * 8];
        size_t n = 0;

        for (int i = 0; key->word(i); i++)
                if (mask & 1U << i)
                        words[n++] = key->word(i);
        print_list(stream, words, n);
}

static void print_conditions(FILE *stream, char *const *conditions)
{
        size_t n = 0;

        while (conditions[n])
                n++;
        print_list(stream, (const char *const *) conditions, n);
}

static void print_distance(FILE *stream, const DistanceRange *distance)
{
        fprintf(stream, "{ from = %u; ", distance->from);
        if (distance->min > 0)
                fprintf(stream, "min = %u; ", distance->min);
        if (distance->max < UINT32_MAX)
                fprintf(stream, "max = %u; ", distance->max);
        fputs("}", stream);
}

static void print_properties(FILE *stream, uint64_t mask, const Policy *policy)
{
        bool is_list = mask & (mask - 1);
        const char *before = "";

        fputs(is_list ? "(" : "", stream);
        for (size_t i = 0; i < policy->n_udev_properties; i++) {
                if (!(mask >> i & 1))
                        continue;
                fprintf(stream, "%s{ name = ", before);
                print_quoted(stream, policy->udev_properties[i].name);
                fputs("; value = ", stream);
                print_quoted(stream, policy->udev_properties[i].value);
                fputs("; }", stream);
                before = ", ";
        }
        fputs(is_list ? ")" : "", stream);
}

void conf_value_print(FILE *stream, const ConfKey *key, const void *base, const Policy *policy)
{
        const void *value = (const char *) base + key->offset;
        const uint64_t *range = value;
        char nodes[NODES_STRING_MAX];
        int word;

        switch (key->type) {
        case CONF_SIZE:
        case CONF_SIZE_OR_BLOCK:
                print_size(stream, key, *(const uint64_t *) value);
                break;
        case CONF_RANGE:
                fprintf(stream, "\"0x%" PRIx64 "-0x%" PRIx64 "\"", range[0], range[1]);
                break;
        case CONF_PERMILLE:
                print_permille(stream, *(const uint32_t *) value);
                break;
        case CONF_COUNT:
                fprintf(stream, "%u", *(const uint32_t *) value);
                break;
        case CONF_USEC:
                print_with_unit(stream, key, *(const uint64_t *) value);
                break;
        case CONF_BOOL:
                fputs(*(const bool *) value ? "true" : "false", stream);
                break;
        case CONF_WORD:
                print_quoted(stream, key->word(*(const int *) value));
                break;
        case CONF_BOOL_OR_WORD:
                word = *(const int *) value;
                if (word >= 2)
                        print_quoted(stream, key->word(word - 2));
                else
                        fputs(word ? "true" : "false", stream);
                break;
        case CONF_NAME:
                print_quoted(stream, *(char *const *) value);
                break;
        case CONF_TIERS:
                print_tiers(stream, value);
                break;
        case CONF_NODES:
                print_quoted(stream, format_nodes(value, nodes, sizeof(nodes)));
                break;
        case CONF_WORDS:
                print_words(stream, key, *(const unsigned *) value);
                break;
        case CONF_CONDITIONS:
                print_conditions(stream, *(char **const *) value);
                break;
        case CONF_DISTANCE:
                print_distance(stream, value);
                break;
        case CONF_UDEV_PROPERTIES:
                print_properties(stream, ((const Rule *) base)->udev_mask, policy);
                break;
        case CONF_RULES:
                break;
        }
}

char *conf_value_text(const ConfKey *key, const void *base, const Policy *policy)
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

ConfValue conf_value_get(const ConfKey *key, const Conf *conf)
{
        const void *value = (const char *) conf + key->offset;
        int word = 0;

        switch (key->type) {
        case CONF_SIZE_OR_BLOCK:
                if (*(const uint64_t *) value == MIN_KERNEL_ONE_BLOCK)
                        return (ConfValue){ 's', .word = "block" };
                return (ConfValue){ 't', .wide = *(const uint64_t *) value };
        case CONF_PERMILLE:
                return (ConfValue){ 'd', .real = *(const uint32_t *) value / 1000.0 };
        case CONF_COUNT:
                return (ConfValue){ 'u', .number = *(const uint32_t *) value };
        case CONF_BOOL:
                return (ConfValue){ 'b', .flag = *(const bool *) value };
        case CONF_WORD:
                return (ConfValue){ 's', .word = key->word(*(const int *) value) };
        case CONF_BOOL_OR_WORD:
                word = *(const int *) value;
                if (word >= 2)
                        return (ConfValue){ 's', .word = key->word(word - 2) };
                return (ConfValue){ 'b', .flag = word == 1 };
        default:
                return (ConfValue){ 't', .wide = *(const uint64_t *) value };
        }
}

bool conf_rule_has(const Rule *rule, const ConfKey *key)
{
        const void *value = (const char *) rule + key->offset;

        /* "rules" itself, and keys in a group of a rule. */
        if (key->type == CONF_RULES || strchr(key->name + strlen("rules."), '.'))
                return false;
        switch (key->type) {
        case CONF_SIZE:
                return *(const uint64_t *) value > 0;
        case CONF_RANGE:
                return rule->has_address;
        case CONF_NAME:
                return key->offset != offsetof(Rule, name) && *(char *const *) value;
        case CONF_TIERS:
                return rule->has_tiers;
        case CONF_NODES:
                return rule->has_nodes;
        case CONF_WORDS:
                return *(const unsigned *) value != 0;
        case CONF_CONDITIONS:
                return *(char **const *) value;
        case CONF_DISTANCE:
                return rule->has_distance;
        case CONF_UDEV_PROPERTIES:
                return rule->udev_mask != 0;
        default:
                return false;
        }
}

const char *conf_setting_file(const Conf *conf, size_t i)
{
        return conf->origins[i].line > 0 && conf->files ? conf->files[conf->origins[i].file] : NULL;
}
