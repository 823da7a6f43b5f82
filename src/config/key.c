/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The table of keys. */

#include "config/key.h"

#include "base/log.h"

#include <inttypes.h>

/* Each string table has an enum of its own, but the table of keys needs functions of one type. */
#define DEFINE_WORD(name, type)                                                                    \
        static const char *name##_word(int value)                                                  \
        {                                                                                          \
                return name##_to_string((type) value);                                             \
        }

DEFINE_WORD(zone_action, ZoneAction)
DEFINE_WORD(node_class, NodeClass)
DEFINE_WORD(origin, Origin)

/* Defines such a function for the words of a setting that only its reader needs. */
#define DEFINE_WORDS(name, ...)                                                                    \
        static const char *name##_word(int value)                                                  \
        {                                                                                          \
                static const char *const words[] = { __VA_ARGS__ };                                \
                                                                                                   \
                return (size_t) value < ELEMENTSOF(words) ? words[value] : NULL;                   \
        }

DEFINE_WORDS(whole_device, [WHOLE_DEVICE_PREFER - 2] = "prefer")
DEFINE_WORDS(coldplug, [COLDPLUG_APPLY] = "apply", [COLDPLUG_LEAVE] = "leave")
DEFINE_WORDS(kernel_auto_online, [KERNEL_AUTO_ONLINE_TAKE_OVER] = "take-over",
             [KERNEL_AUTO_ONLINE_RESPECT] = "respect")
DEFINE_WORDS(offload, [OFFLOAD_NEVER] = "never", [OFFLOAD_UNIFORM] = "uniform")
DEFINE_WORDS(event_source, [EVENT_SOURCE_KERNEL] = "kernel", [EVENT_SOURCE_UDEV] = "udev")

#define MSEC USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define HOUR (3600 * USEC_PER_SEC)
#define SIZE_LARGEST (UINT64_C(1) << 60)

/* The kernel stores a distance in one byte. */
#define DISTANCE_LARGEST 255

/* CONF_RANGE writes both addresses at once. */
_Static_assert(offsetof(Rule, last_address) == offsetof(Rule, first_address) + sizeof(uint64_t),
               "the addresses of a rule lie side by side");

static const ConfKey keys[] = {
        { "min_kernel", CONF_SIZE_OR_BLOCK, 0, SIZE_LARGEST, NULL, "\"block\"",
          offsetof(Conf, policy.min_kernel_bytes),
          "the first memory of each node that becomes kernel memory; 0 is none" },
        { "max_movable_ratio", CONF_PERMILLE, 0, MAX_MOVABLE_RATIO_PERMILLE_MAX, NULL, "3.0",
          offsetof(Conf, policy.max_movable_ratio_permille),
          "the most movable memory for each byte of kernel memory" },
        { "per_node", CONF_BOOL, 0, 1, NULL, "true", offsetof(Conf, policy.per_node),
          "whether the ratio is kept in each node that has a CPU, too" },
        { "whole_device", CONF_BOOL_OR_WORD, 0, 0, whole_device_word, "\"prefer\"",
          offsetof(Conf, policy.whole_device), "whether all blocks of a device become the same" },
        { "contiguous", CONF_BOOL, 0, 1, NULL, "true", offsetof(Conf, policy.contiguous),
          "whether kernel memory stays below movable memory within a device" },
        { "coldplug", CONF_WORD, 0, 0, coldplug_word, "\"apply\"", offsetof(Conf, coldplug),
          "what becomes of blocks found offline when memoryd starts" },
        { "kernel_auto_online", CONF_WORD, 0, 0, kernel_auto_online_word, "\"take-over\"",
          offsetof(Conf, kernel_auto_online),
          "whether the kernel is kept from onlining memory by itself" },
        { "offload", CONF_WORD, 0, 0, offload_word, "\"never\"", offsetof(Conf, offload),
          "whether the kernel onlines what the policy has one answer to" },
        { "event_source", CONF_WORD, 0, 0, event_source_word, "\"kernel\"",
          offsetof(Conf, event_source), "where events come from" },
        { "settle", CONF_USEC, 10 * MSEC, 60 * SEC, NULL, "\"2s\"", offsetof(Conf, settle_usec),
          "how long blocks that lack something hold up the others" },
        { "leave_delay", CONF_USEC, SEC, HOUR, NULL, "\"10s\"", offsetof(Conf, leave_delay_usec),
          "how long memory of a dax device is left to other programs" },
        { "retry.delay", CONF_USEC, MSEC, 24 * HOUR, NULL, "\"1s\"",
          offsetof(Conf, retry.first_usec), "the time before a failed write is tried again" },
        { "retry.factor", CONF_PERMILLE, 1000, 10000, NULL, "2.0",
          offsetof(Conf, retry.factor_permille), "how much longer each next delay is" },
        { "retry.cap", CONF_USEC, MSEC, 24 * HOUR, NULL, "\"1min\"", offsetof(Conf, retry.cap_usec),
          "the longest delay" },
        { "retry.attempts", CONF_COUNT, 1, 100, NULL, "10", offsetof(Conf, retry.attempts),
          "how often a block is written in all" },
        { "offline_timeout", CONF_USEC, SEC, HOUR, NULL, "\"30s\"",
          offsetof(Conf, offline_timeout_usec), "how long a block may take to go offline" },
        { "rebalance", CONF_BOOL, 0, 1, NULL, "false", offsetof(Conf, rebalance),
          "whether a node short of kernel memory gets some of its movable memory" },
        { "log_level", CONF_WORD, 0, 0, log_level_to_string, "\"info\"", offsetof(Conf, log_level),
          "the least important messages that are logged" },
        { "rules", CONF_RULES, 0, 0, NULL, NULL, 0,
          "what becomes of which memory; the first that matches decides" },
        { "rules.name", CONF_NAME, 1, 64, NULL, NULL, offsetof(Rule, name),
          "how messages call the rule" },
        { "rules.node", CONF_NODES, 0, NODE_MAX - 1, NULL, NULL, offsetof(Rule, nodes),
          "matches memory on these nodes" },
        { "rules.node_class", CONF_WORDS, 0, 0, node_class_word, NULL, offsetof(Rule, node_classes),
          "matches memory on nodes of these kinds" },
        { "rules.origin", CONF_WORDS, 0, 0, origin_word, NULL, offsetof(Rule, origins),
          "matches memory that came in one of these ways" },
        { "rules.driver", CONF_NAME, 1, 64, NULL, NULL, offsetof(Rule, driver),
          "matches memory of the driver with this name in /proc/iomem" },
        { "rules.address", CONF_RANGE, 0, UINT64_MAX, NULL, NULL, offsetof(Rule, first_address),
          "matches blocks within this range of physical addresses" },
        { "rules.min_size", CONF_SIZE, 1, SIZE_LARGEST, NULL, NULL, offsetof(Rule, min_size_bytes),
          "matches memory of devices at least so large" },
        { "rules.max_size", CONF_SIZE, BLOCK_SIZE_MIN, SIZE_LARGEST, NULL, NULL,
          offsetof(Rule, max_size_bytes), "matches memory of devices at most so large" },
        { "rules.distance", CONF_DISTANCE, 0, 0, NULL, NULL, offsetof(Rule, distance),
          "matches memory on nodes at such a distance from a node" },
        { "rules.distance.from", CONF_COUNT, 0, NODE_MAX - 1, NULL, NULL,
          offsetof(DistanceRange, from), "the node that it is counted from" },
        { "rules.distance.min", CONF_COUNT, 0, DISTANCE_LARGEST, NULL, NULL,
          offsetof(DistanceRange, min), "the least distance" },
        { "rules.distance.max", CONF_COUNT, DISTANCE_LOCAL, DISTANCE_LARGEST, NULL, NULL,
          offsetof(DistanceRange, max), "the greatest distance" },
        { "rules.tier", CONF_TIERS, 0, TIER_MAX, NULL, NULL, offsetof(Rule, tiers),
          "matches memory on nodes in these memory tiers of the kernel" },
        { "rules.virtualization", CONF_CONDITIONS, 0, 0, virtualization_word, NULL,
          offsetof(Rule, virtualization), "matches on machines that are virtual in such a way" },
        { "rules.architecture", CONF_CONDITIONS, 0, 0, architecture_word, NULL,
          offsetof(Rule, architecture), "matches on machines of such an architecture" },
        { "rules.udev_property", CONF_UDEV_PROPERTIES, 0, 0, NULL, NULL, 0,
          "matches blocks with properties that a rule of udev set" },
        { "rules.udev_property.name", CONF_NAME, 1, 255, NULL, NULL, offsetof(UdevProperty, name),
          "the property's name" },
        { "rules.udev_property.value", CONF_NAME, 1, 255, NULL, NULL, offsetof(UdevProperty, value),
          "the property's value" },
        { "rules.zone", CONF_WORD, 0, 0, zone_action_word, NULL, offsetof(Rule, zone),
          "what becomes of the memory that matches" },
        { "rules.movable_node", CONF_BOOL, 0, 1, NULL, NULL, offsetof(Rule, movable_node),
          "whether min_kernel does not hold for nodes with such memory" },
};

const ConfKey *conf_key(size_t i)
{
        return i < ELEMENTSOF(keys) ? &keys[i] : NULL;
}

size_t conf_key_index(const ConfKey *key)
{
        return (size_t) (key - keys);
}

/* Returns the name of a key within a group, or NULL if the key is not in that group. */
static const char *name_in_group(const ConfKey *key, const char *group)
{
        const char *dot = strrchr(key->name, '.');

        if (!group)
                return dot ? NULL : key->name;
        if (!dot || strlen(group) != (size_t) (dot - key->name) ||
            memcmp(group, key->name, strlen(group)) != 0)
                return NULL;
        return dot + 1;
}

const ConfKey *conf_key_find(const char *group, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *own = name_in_group(&keys[i], group);

                if (own && strcmp(own, name) == 0)
                        return &keys[i];
        }
        return NULL;
}

#define SUGGEST_LENGTH_MAX 24
#define SUGGEST_DISTANCE_MAX 2

/*
 * The number of characters to insert, remove or replace to turn one name into the other; SIZE_MAX
 * if a name is longer than SUGGEST_LENGTH_MAX.
 */
static size_t edit_distance(const char *a, const char *b)
{
        size_t row[SUGGEST_LENGTH_MAX + 1], n_b = strlen(b);

        if (strlen(a) > SUGGEST_LENGTH_MAX || n_b > SUGGEST_LENGTH_MAX)
                return SIZE_MAX;
        for (size_t j = 0; j <= n_b; j++)
                row[j] = j;
        for (size_t i = 0; a[i]; i++) {
                size_t diagonal = row[0];

                row[0] = i + 1;
                for (size_t j = 0; j < n_b; j++) {
                        size_t replaced = diagonal + (a[i] != b[j]);

                        diagonal = row[j + 1];
                        row[j + 1] = MIN(MIN(row[j], row[j + 1]) + 1, replaced);
                }
        }
        return row[n_b];
}

const char *conf_key_suggest(const char *group, const char *name)
{
        const char *nearest = NULL;
        size_t least = SUGGEST_DISTANCE_MAX + 1;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *own = name_in_group(&keys[i], group);
                size_t distance = own ? edit_distance(name, own) : SIZE_MAX;

                /* A name that differs by half from a short key is probably a different word. */
                if (own && distance < least && distance * 2 < strlen(own)) {
                        nearest = own;
                        least = distance;
                }
        }
        return nearest;
}

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

/* Largest first. The last of each divides all numbers. */
static const Unit no_units[] = { { "", 1 } };
static const Unit permille_units[] = { { "", 1000 }, { "", 1 } };
static const Unit time_units[] = {
        { "h", HOUR }, { "min", 60 * SEC }, { "s", SEC }, { "ms", MSEC }, { "us", 1 },
};
static const Unit size_units[] = {
        { "P", UINT64_C(1) << 50 }, { "T", UINT64_C(1) << 40 }, { "G", UINT64_C(1) << 30 },
        { "M", UINT64_C(1) << 20 }, { "K", UINT64_C(1) << 10 }, { "", 1 },
};

/* The values of each type: "<" stands for the least, ">" for the greatest, "|" for the words. */
static const struct {
        const char *text;
        const Unit *units;
} descriptions[] = {
        [CONF_SIZE] = { "a size from < to > such as \"512M\"", size_units },
        [CONF_SIZE_OR_BLOCK] = { "\"block\" or a size from < to > such as \"512M\"", size_units },
        [CONF_RANGE] = { "a range of addresses, the lower one first, such as "
                         "\"0x100000000-0x1ffffffff\"",
                         NULL },
        [CONF_PERMILLE] = { "a number from < to >", permille_units },
        [CONF_COUNT] = { "a whole number from < to >", no_units },
        [CONF_USEC] = { "a time from < to > such as \"2s\"", time_units },
        [CONF_BOOL] = { "true or false", NULL },
        [CONF_WORD] = { "|", NULL },
        [CONF_BOOL_OR_WORD] = { "true, false or |", NULL },
        [CONF_NAME] = { "a name of < to > printable ASCII characters", no_units },
        [CONF_TIERS] = { "a memory tier from < to > such as 4, or a range of tiers such as "
                         "\"4-6\" or \"5-\"",
                         no_units },
        [CONF_NODES] = { "nodes from < to > such as 1, (1, 2) or \"2-5,7\"", no_units },
        [CONF_WORDS] = { "|, or a list of them", NULL },
        [CONF_CONDITIONS] = { "|, perhaps with a \"!\" before it, or a list of them", NULL },
        [CONF_DISTANCE] = { "a group such as { from = 0; min = 20; }", NULL },
        [CONF_UDEV_PROPERTIES] = { "a group such as { name = \"ID_X\"; value = \"1\"; }, or a list "
                                   "of them",
                                   NULL },
        [CONF_RULES] = { "a list of groups such as ({ zone = \"auto\"; })", NULL },
};

/* Writes a number in the largest unit of which it is a whole multiple. */
static void print_number(FILE *stream, uint64_t number, const Unit *unit)
{
        while (unit->factor > 1 && (number == 0 || number % unit->factor != 0))
                unit++;
        fprintf(stream, "%" PRIu64 "%s", number / unit->factor, unit->name);
}

void conf_key_print(FILE *stream, const ConfKey *key, uint64_t number)
{
        print_number(stream, number, descriptions[key->type].units);
}

/* Writes `"a", "b" or "c"`. */
static void print_words(FILE *stream, const char *(*word)(int value))
{
        for (int i = 0; word(i); i++)
                fprintf(stream, "%s\"%s\"", i == 0 ? "" : word(i + 1) ? ", " : " or ", word(i));
}

char *conf_key_expected(const ConfKey *key)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        for (const char *p = descriptions[key->type].text; *p; p++)
                if (*p == '|')
                        print_words(stream, key->word);
                else if (*p == '<' || *p == '>')
                        print_number(stream, *p == '<' ? key->min : key->max,
                                     descriptions[key->type].units);
                else
                        fputc(*p, stream);
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}
