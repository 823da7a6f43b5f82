/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "model/block.h"

/* Words: each table both ways, complete and without anything else */

typedef const char *(*ToString)(int value);
typedef int (*FromString)(const char *word);

typedef struct WordTable {
        ToString to_string;
        FromString from_string;
        int max;
        const char *words[16]; /* in the order of the values; NULL where it ends */
} WordTable;

/* Functions of one type for all tables. */
#define DEFINE_TABLE_FUNCTIONS(name, type)                                                         \
        static const char *name##_word(int value)                                                  \
        {                                                                                          \
                return name##_to_string((type) value);                                             \
        }                                                                                          \
        static int name##_value(const char *word)                                                  \
        {                                                                                          \
                return (int) name##_from_string(word);                                             \
        }

DEFINE_TABLE_FUNCTIONS(block_state, BlockState)
DEFINE_TABLE_FUNCTIONS(zone_type, ZoneType)
DEFINE_TABLE_FUNCTIONS(zone_class, ZoneClass)
DEFINE_TABLE_FUNCTIONS(zone_action, ZoneAction)
DEFINE_TABLE_FUNCTIONS(verdict, Verdict)
DEFINE_TABLE_FUNCTIONS(block_status, BlockStatus)
DEFINE_TABLE_FUNCTIONS(onliner, Onliner)

static const WordTable tables[] = {
        { block_state_word,
          block_state_value,
          _BLOCK_STATE_MAX,
          { "offline", "online", "going-offline" } },
        { zone_type_word,
          zone_type_value,
          _ZONE_TYPE_MAX,
          { "DMA", "DMA32", "Normal", "HighMem", "Movable", "Device" } },
        { zone_class_word, zone_class_value, _ZONE_CLASS_MAX, { "none", "kernel", "movable" } },
        { zone_action_word,
          zone_action_value,
          _ZONE_ACTION_MAX,
          { "auto", "movable", "kernel", "kernel-default", "keep", "leave", "offline" } },
        { verdict_word,
          verdict_value,
          _VERDICT_MAX,
          { "none", "kernel", "movable", "kernel-default", "leave", "offline" } },
        { block_status_word,
          block_status_value,
          _BLOCK_STATUS_MAX,
          { "initial", "waiting", "pending", "writing", "done", "external", "foreign", "retrying",
            "failed", "left", "offlined", "offlining", "requested" } },
        { onliner_word, onliner_value, _ONLINER_MAX, { "none", "memoryd", "kernel", "other" } },
};

START_TEST(each_value_has_its_word_and_each_word_its_value)
{
        const WordTable *table = &tables[_i];
        int n = 0;

        for (; table->words[n]; n++) {
                ck_assert_str_eq(table->to_string(n), table->words[n]);
                ck_assert_int_eq(table->from_string(table->words[n]), n);
        }
        ck_assert_int_eq(n, table->max);
}
END_TEST

START_TEST(other_values_and_words_are_refused)
{
        static const char *const words[] = {
                "", " ", "Online", "MOVABLE", "movable ", " none", "?"
        };
        const WordTable *table = &tables[_i];

        ck_assert_ptr_null(table->to_string(-1));
        ck_assert_ptr_null(table->to_string(-EINVAL));
        ck_assert_ptr_null(table->to_string(table->max));
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                ck_assert_int_eq(table->from_string(words[i]), -EINVAL);
}
END_TEST

START_TEST(zones_are_for_the_kernel_but_for_movable)
{
        for (int type = 0; type < _ZONE_TYPE_MAX; type++)
                ck_assert_int_eq(zone_type_to_class((ZoneType) type),
                                 type == ZONE_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL);
}
END_TEST

/* Lists of zones */

static const struct {
        const char *text;
        int result;
        unsigned n_zones;
        uint8_t zones[_ZONE_TYPE_MAX];
        const char *formatted;
} list_cases[] = {
        { "none", 0, 0, {}, "none" },
        { "none\n", 0, 0, {}, "none" },
        { "", 0, 0, {}, "none" },
        { "Normal", 0, 1, { ZONE_NORMAL }, "Normal" },
        { "Normal\n", 0, 1, { ZONE_NORMAL }, "Normal" },
        { "Normal Movable", 0, 2, { ZONE_NORMAL, ZONE_MOVABLE }, "Normal Movable" },
        { "Normal Movable ", 0, 2, { ZONE_NORMAL, ZONE_MOVABLE }, "Normal Movable" },
        { "Movable Normal", 0, 2, { ZONE_MOVABLE, ZONE_NORMAL }, "Movable Normal" },
        { "DMA32 Normal Movable",
          0,
          3,
          { ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE },
          "DMA32 Normal Movable" },
        { "DMA DMA32 Normal HighMem Movable Device",
          0,
          6,
          { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE, ZONE_DEVICE },
          "DMA DMA32 Normal HighMem Movable Device" },
        { "Device", 0, 1, { ZONE_DEVICE }, "Device" },

        { "None", -EINVAL, 0, {}, NULL },
        { "none none", -EINVAL, 0, {}, NULL },
        { "none Normal", -EINVAL, 0, {}, NULL },
        { "Normal none", -EINVAL, 0, {}, NULL },
        { "Normal Normal", -EINVAL, 0, {}, NULL },
        { "Normal Movable Normal", -EINVAL, 0, {}, NULL },
        { "normal", -EINVAL, 0, {}, NULL },
        { "Normal,Movable", -EINVAL, 0, {}, NULL },
        { "Normal\tMovable", -EINVAL, 0, {}, NULL },
        { "Normal Unknown", -EINVAL, 0, {}, NULL },
        { "DMA64", -EINVAL, 0, {}, NULL },

        /* one character less and one more than there is room for */
        { "Normal                                         ", 0, 1, { ZONE_NORMAL }, "Normal" },
        { "Normal                                          ", -EINVAL, 0, {}, NULL },
        { "DMA DMA32 Normal HighMem Movable Device DMA DMA32 Normal HighMem",
          -EINVAL,
          0,
          {},
          NULL },
};

START_TEST(a_list_of_zones_reads_as_the_kernel_writes_it)
{
        const ZoneList before = { .n_zones = 1, .zones = { ZONE_HIGHMEM } };
        char buffer[ZONE_LIST_STRING_MAX];
        ZoneList list = before;

        ck_assert_int_eq(zone_list_parse(list_cases[_i].text, &list), list_cases[_i].result);
        if (list_cases[_i].result < 0) {
                ck_assert_mem_eq(&list, &before, sizeof(list));
                return;
        }
        ck_assert_uint_eq(list.n_zones, list_cases[_i].n_zones);
        ck_assert_mem_eq(list.zones, list_cases[_i].zones, sizeof(list.zones));
        ck_assert_ptr_eq(zone_list_format(&list, buffer), buffer);
        ck_assert_str_eq(buffer, list_cases[_i].formatted);
}
END_TEST

START_TEST(guards_have_the_names_of_their_keys)
{
        static const struct {
                unsigned guards;
                const char *text;
        } cases[] = {
                { 0, "" },
                { GUARD_MIN_KERNEL, "min_kernel" },
                { GUARD_NODE_RATIO, "max_movable_ratio(node)" },
                { GUARD_MACHINE_RATIO, "max_movable_ratio(machine)" },
                { GUARD_WHOLE_DEVICE, "whole_device" },
                { GUARD_CONTIGUOUS, "contiguous" },
                { GUARD_CONTIGUOUS | GUARD_MIN_KERNEL, "min_kernel contiguous" },
                { GUARD_MIN_KERNEL | GUARD_NODE_RATIO | GUARD_MACHINE_RATIO | GUARD_WHOLE_DEVICE |
                          GUARD_CONTIGUOUS,
                  "min_kernel max_movable_ratio(node) max_movable_ratio(machine) whole_device "
                  "contiguous" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[GUARDS_STRING_MAX];

                ck_assert_ptr_eq(guards_format(cases[i].guards, buffer), buffer);
                ck_assert_str_eq(buffer, cases[i].text);
                ck_assert_uint_lt(strlen(buffer), sizeof(buffer));
        }
}
END_TEST

/* Blocks */

START_TEST(of_a_new_block_nothing_is_known_but_its_number)
{
        Block block;

        memset(&block, 0xff, sizeof(block));
        block_init(&block, 42);
        ck_assert_uint_eq(block.id, 42);
        ck_assert_int_eq(block.node, NODE_NONE);
        ck_assert_uint_eq(block.inode, 0);
        ck_assert(!block.seen);
        ck_assert(!block.stale);
        ck_assert_int_eq(block.state, BLOCK_OFFLINE);
        ck_assert_uint_eq(block.zones.n_zones, 0);
        ck_assert_int_eq(block.last_class, ZONE_CLASS_NONE);
        ck_assert_int_eq(block.decision.verdict, VERDICT_NONE);
        ck_assert_int_eq(block.status, BLOCK_STATUS_WAITING);
        ck_assert_int_eq(block.decision.rule, RULE_DEFAULT);
        ck_assert_int_eq(block.device, -1);
        ck_assert_uint_eq(block.udev_mask, 0);
        ck_assert_int_eq(block.decision.action, ZONE_ACTION_AUTO);
        ck_assert_uint_eq(block.decision.guards, 0);
        ck_assert_uint_eq(block.decision.figures.kernel_bytes, 0);
        ck_assert_uint_eq(block.decision.figures.movable_bytes, 0);
        ck_assert_uint_eq(block.decision.figures.limit, 0);
        ck_assert_uint_eq(block.decided_usec, 0);
        ck_assert_int_eq(block.onliner, ONLINER_NONE);
        ck_assert_uint_eq(block.onlined_usec, 0);
        ck_assert(!block.node_was_memoryless);
        ck_assert_uint_eq(block.attempts, 0);
        ck_assert_int_eq(block.error, 0);
        ck_assert_uint_eq(block.retry_at_usec, USEC_INFINITY);
}
END_TEST

static const struct {
        BlockState state;
        const char *zones;
        ZoneClass expected;
} class_cases[] = {
        { BLOCK_ONLINE, "Normal", ZONE_CLASS_KERNEL },
        { BLOCK_ONLINE, "DMA", ZONE_CLASS_KERNEL },
        { BLOCK_ONLINE, "DMA32", ZONE_CLASS_KERNEL },
        { BLOCK_ONLINE, "HighMem", ZONE_CLASS_KERNEL },
        { BLOCK_ONLINE, "Movable", ZONE_CLASS_MOVABLE },

        /* spans several zones, or nobody can tell */
        { BLOCK_ONLINE, "none", ZONE_CLASS_KERNEL },

        /* from 3.18 to 4.12, the zone of an online block comes first */
        { BLOCK_ONLINE, "Normal Movable", ZONE_CLASS_KERNEL },
        { BLOCK_ONLINE, "Movable Normal", ZONE_CLASS_MOVABLE },

        /* on its way out it still is in use */
        { BLOCK_GOING_OFFLINE, "Movable", ZONE_CLASS_MOVABLE },
        { BLOCK_GOING_OFFLINE, "Normal", ZONE_CLASS_KERNEL },

        { BLOCK_OFFLINE, "Normal Movable", ZONE_CLASS_NONE },
        { BLOCK_OFFLINE, "Movable", ZONE_CLASS_NONE },
        { BLOCK_OFFLINE, "none", ZONE_CLASS_NONE },
};

START_TEST(the_class_of_a_block_is_that_of_its_zone)
{
        Block block;

        block_init(&block, 1);
        block.state = class_cases[_i].state;
        ck_assert_int_eq(zone_list_parse(class_cases[_i].zones, &block.zones), 0);
        ck_assert_int_eq(block_class(&block), class_cases[_i].expected);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("block");
        TCase *words = tcase_create("words"), *block = tcase_create("block");

        tcase_add_loop_test(words, each_value_has_its_word_and_each_word_its_value, 0,
                            ELEMENTSOF(tables));
        tcase_add_loop_test(words, other_values_and_words_are_refused, 0, ELEMENTSOF(tables));
        tcase_add_test(words, zones_are_for_the_kernel_but_for_movable);
        tcase_add_loop_test(words, a_list_of_zones_reads_as_the_kernel_writes_it, 0,
                            ELEMENTSOF(list_cases));
        tcase_add_test(words, guards_have_the_names_of_their_keys);
        suite_add_tcase(suite, words);

        tcase_add_test(block, of_a_new_block_nothing_is_known_but_its_number);
        tcase_add_loop_test(block, the_class_of_a_block_is_that_of_its_zone, 0,
                            ELEMENTSOF(class_cases));
        suite_add_tcase(suite, block);
        return check_main(suite);
}
