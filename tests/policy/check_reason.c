/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/reason.h"
#include "policy/track.h"

#include <stdio.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define BLOCK (128 * MIB)

/* The devices of the machine that sentences are about. */
enum {
        DIMM,
        VIRTIO,
        NAMELESS,
        NAMELESS_VIRTIO,
        DAX,
        NAMELESS_DAX,
        N_DEVICES,
};

static const Device devices[N_DEVICES] = {
        [DIMM] = { .name = "PNP0C80:00", .origin = ORIGIN_DIMM },
        [VIRTIO] = { .name = "virtio3", .origin = ORIGIN_VIRTIO_MEM, .unit_blocks = 4 },
        [NAMELESS] = { .origin = ORIGIN_DIMM },
        [NAMELESS_VIRTIO] = { .origin = ORIGIN_VIRTIO_MEM, .unit_blocks = 1 },
        [DAX] = { .name = "dax0.0", .origin = ORIGIN_KMEM, .dax_state = DAX_STATE_ONLINE_MOVABLE },
        [NAMELESS_DAX] = { .origin = ORIGIN_KMEM, .dax_state = DAX_STATE_ONLINE },
};

static char name_db[] = "db", name_bare[] = "rule 2", file[] = "/etc/memoryd/memoryd.conf";

static Rule rules[] = {
        { .name = name_db, .file = file, .line = 12 },
        { .name = name_bare },
};

static const Policy policy = { .rules = rules, .n_rules = ELEMENTSOF(rules) };

#define DB 0
#define BARE 1
#define DEFAULT RULE_DEFAULT
#define BY_DB "(rule 'db', /etc/memoryd/memoryd.conf:12)"

static Machine machine;

static void setup(void)
{
        machine_init(&machine);
        machine.block_size_bytes = BLOCK;
        machine.devices = calloc(N_DEVICES, sizeof(Device));
        ck_assert_ptr_nonnull(machine.devices);
        memcpy(machine.devices, devices, sizeof(devices));
        machine.n_devices = N_DEVICES;
}

static void teardown(void)
{
        machine_done(&machine);
}

static char *sentence_of(const Machine *of, const Policy *by, const Block *block)
{
        char *sentence = NULL;

        ck_assert_int_eq(reason_format(of, by, block, &sentence), 0);
        ck_assert_ptr_nonnull(sentence);
        return sentence;
}

static void assert_sentence(const Machine *of, const Policy *by, const Block *block,
                            const char *expected)
{
        char *sentence = sentence_of(of, by, block);

        ck_assert_str_eq(sentence, expected);
        free(sentence);
}

static Block block_make(Verdict verdict, int32_t rule, int32_t device, unsigned guards,
                        Figures figures)
{
        Block block;

        block_init(&block, 32);
        block.node = 1;
        block.device = device;
        block.decision.verdict = verdict;
        block.decision.rule = rule;
        block.decision.guards = guards;
        block.decision.figures = figures;
        block.status = BLOCK_STATUS_PENDING;
        return block;
}

/* Rules that name a class */

static const struct {
        Verdict verdict;
        ZoneAction action;
        int32_t rule;
        int32_t device;
        const char *sentence;
} rule_cases[] = {
        { VERDICT_KERNEL, ZONE_ACTION_KERNEL, DB, DIMM, "kernel " BY_DB },
        { VERDICT_MOVABLE, ZONE_ACTION_MOVABLE, DB, DIMM, "movable " BY_DB },
        { VERDICT_KERNEL_DEFAULT, ZONE_ACTION_KERNEL_DEFAULT, DB, DIMM,
          "the kernel's choice " BY_DB },
        { VERDICT_LEAVE, ZONE_ACTION_LEAVE, DB, DIMM, "left alone " BY_DB },
        { VERDICT_LEAVE, ZONE_ACTION_LEAVE, DB, DEVICE_NONE, "left alone " BY_DB },
        { VERDICT_OFFLINE, ZONE_ACTION_OFFLINE, DB, DIMM,
          "left offline until an administrator asks for it " BY_DB },
        { VERDICT_KERNEL_DEFAULT, ZONE_ACTION_LEAVE, DB, DIMM,
          "the kernel's choice " BY_DB ": without memoryd, the kernel would online it so" },
        { VERDICT_MOVABLE, ZONE_ACTION_LEAVE, DB, DIMM,
          "movable " BY_DB ": without memoryd, the kernel would online it so" },
        { VERDICT_MOVABLE, ZONE_ACTION_MOVABLE, BARE, DIMM, "movable (rule 'rule 2')" },
        { VERDICT_KERNEL, ZONE_ACTION_KERNEL, RULE_GONE, DIMM,
          "kernel (a rule that has been removed since)" },
        /* an index that the policy has not */
        { VERDICT_KERNEL, ZONE_ACTION_KERNEL, 2, DIMM, "kernel (default rule)" },

        { VERDICT_KERNEL, ZONE_ACTION_KEEP, DB, DIMM,
          "kernel " BY_DB ": the class it had when it was last online" },
        { VERDICT_MOVABLE, ZONE_ACTION_KEEP, BARE, DIMM,
          "movable (rule 'rule 2'): the class it had when it was last online" },
        { VERDICT_MOVABLE, ZONE_ACTION_KEEP, RULE_GONE, DIMM,
          "movable (a rule that has been removed since): the class it had when it was last "
          "online" },

        /* what the owner made of a device as a whole comes before any rule */
        { VERDICT_LEAVE, ZONE_ACTION_MOVABLE, DB, DAX,
          "left alone: something other than memoryd onlined dax0.0 as a whole, and its state is "
          "\"online_movable\"" },
        { VERDICT_LEAVE, ZONE_ACTION_AUTO, DEFAULT, NAMELESS_DAX,
          "left alone: something other than memoryd onlined its device as a whole, and its state "
          "is \"online\"" },
        /* and is no reason for another decision, from before it was known */
        { VERDICT_MOVABLE, ZONE_ACTION_MOVABLE, DB, DAX, "movable " BY_DB },
};

START_TEST(what_is_left_for_now_tells_what_comes_next)
{
        Block block = block_make(VERDICT_LEAVE, DB, DAX, 0, (Figures){});

        block.decision.action = ZONE_ACTION_LEAVE;
        block.status = BLOCK_STATUS_LEFT;
        machine.devices[DAX].dax_state = DAX_STATE_OFFLINE;
        assert_sentence(&machine, &policy, &block,
                        "left alone " BY_DB "; to have all of dax0.0 online, run \"memoryctl "
                        "online --device dax0.0\", or write \"unplugged\" and then a word such as "
                        "\"online_movable\" to its state");
        machine.devices[DAX].dax_state = DAX_STATE_NONE;
        assert_sentence(&machine, &policy, &block, "left alone " BY_DB);
        block.by_itself = true;
        assert_sentence(&machine, &policy, &block,
                        "left alone " BY_DB "; dax0.0 could not be onlined as a whole");
        block.by_itself = false;
        machine.kernel_word = ONLINE_WORD_ONLINE;
        assert_sentence(&machine, &policy, &block,
                        "left alone " BY_DB ": if no other program onlines it within leave_delay, "
                        "memoryd does what the kernel would do without it");
}
END_TEST

START_TEST(a_rule_that_names_a_class_is_the_reason)
{
        Block block = block_make(rule_cases[_i].verdict, rule_cases[_i].rule, rule_cases[_i].device,
                                 0, (Figures){});

        block.decision.action = rule_cases[_i].action;
        assert_sentence(&machine, &policy, &block, rule_cases[_i].sentence);
        ck_assert_str_eq(reason_scope(&block), "");
}
END_TEST

static const struct {
        int32_t rule;
        const char *name;
} name_cases[] = {
        { DB, "db" },         { BARE, "rule 2" },         { 2, "" },
        { RULE_DEFAULT, "" }, { RULE_GONE, "(removed)" },
};

START_TEST(a_rule_has_a_name_the_default_has_none)
{
        Block block = block_make(VERDICT_KERNEL, name_cases[_i].rule, DIMM, 0, (Figures){});

        ck_assert_str_eq(reason_rule_name(&policy, &block), name_cases[_i].name);
}
END_TEST

/* Guards */

#define KERNEL VERDICT_KERNEL
#define MOVABLE VERDICT_MOVABLE
#define MIN_KERNEL GUARD_MIN_KERNEL
#define NODE_RATIO GUARD_NODE_RATIO
#define MACHINE_RATIO GUARD_MACHINE_RATIO
#define WHOLE GUARD_WHOLE_DEVICE
#define CONTIGUOUS GUARD_CONTIGUOUS
#define WITHIN(kernel, movable, limit)                                                             \
        {                                                                                          \
                kernel, movable, limit, false                                                      \
        }
#define OF_MACHINE(kernel, movable, limit)                                                         \
        {                                                                                          \
                kernel, movable, limit, true                                                       \
        }

#define ALL_OF_DIMM ", and whole_device keeps all of PNP0C80:00 in one class"
#define NODE_8_TO_1                                                                                \
        "kernel (default rule): if this block and those above it were movable, node 1 would have " \
        "8G of "                                                                                   \
        "movable to 1G of kernel memory, 8.00 to 1, over max_movable_ratio 3.00"
#define MACHINE_8_TO_1                                                                             \
        "kernel (default rule): if this block were movable, the machine would have 8G of movable " \
        "to 1G of "                                                                                \
        "kernel memory, 8.00 to 1, over max_movable_ratio 3.00"
#define NO_KERNEL "kernel (default rule): node 1 had no kernel memory, and min_kernel asks for 128M"

static const struct {
        Verdict verdict;
        unsigned guards;
        Figures figures;
        int32_t device;
        const char *scope;
        const char *sentence;
} guard_cases[] = {
        /* min_kernel comes before all others */
        { KERNEL, MIN_KERNEL, WITHIN(0, 0, BLOCK), DIMM, "min_kernel", NO_KERNEL },
        { KERNEL, MIN_KERNEL, WITHIN(BLOCK, 0, GIB), DIMM, "min_kernel",
          "kernel (default rule): node 1 had 128M of kernel memory, and min_kernel asks for 1G" },
        { KERNEL, MIN_KERNEL | NODE_RATIO, WITHIN(0, 0, BLOCK), DIMM, "min_kernel", NO_KERNEL },
        { KERNEL, MIN_KERNEL | MACHINE_RATIO, WITHIN(0, 0, BLOCK), DIMM, "min_kernel", NO_KERNEL },
        { KERNEL, MIN_KERNEL | CONTIGUOUS, WITHIN(0, 0, BLOCK), DIMM, "min_kernel", NO_KERNEL },
        { KERNEL, MIN_KERNEL | WHOLE, WITHIN(0, 0, BLOCK), DIMM, "min_kernel",
          NO_KERNEL ALL_OF_DIMM },
        { KERNEL, MIN_KERNEL | NODE_RATIO | MACHINE_RATIO | WHOLE | CONTIGUOUS, WITHIN(0, 0, BLOCK),
          DIMM, "min_kernel", NO_KERNEL ALL_OF_DIMM },
        { KERNEL, MIN_KERNEL | WHOLE, WITHIN(0, 0, BLOCK), VIRTIO, "min_kernel",
          NO_KERNEL ", and whole_device keeps all of its unit of virtio3 in one class" },
        { KERNEL, MIN_KERNEL | WHOLE, WITHIN(0, 0, BLOCK), NAMELESS, "min_kernel",
          NO_KERNEL ", and whole_device keeps all of its device in one class" },
        { KERNEL, MIN_KERNEL | WHOLE, WITHIN(0, 0, BLOCK), NAMELESS_VIRTIO, "min_kernel",
          NO_KERNEL ", and whole_device keeps all of its unit of its device in one class" },
        { KERNEL, MIN_KERNEL | WHOLE, WITHIN(0, 0, BLOCK), DEVICE_NONE, "min_kernel",
          NO_KERNEL ", and whole_device keeps all of its device in one class" },

        /* the ratio of the node */
        { KERNEL, NODE_RATIO, WITHIN(GIB, 8 * GIB, 3000), DIMM, "node", NODE_8_TO_1 },
        { KERNEL, NODE_RATIO, WITHIN(GIB, 8 * GIB, 3000), DEVICE_NONE, "node", NODE_8_TO_1 },
        { KERNEL, NODE_RATIO | MACHINE_RATIO, WITHIN(GIB, 8 * GIB, 3000), DIMM, "node",
          NODE_8_TO_1 },
        { KERNEL, NODE_RATIO | CONTIGUOUS, WITHIN(GIB, 8 * GIB, 3000), DIMM, "node", NODE_8_TO_1 },
        { KERNEL, NODE_RATIO | WHOLE, WITHIN(GIB, 8 * GIB, 3000), DIMM, "node",
          NODE_8_TO_1 ALL_OF_DIMM },
        { KERNEL, NODE_RATIO | WHOLE | CONTIGUOUS, WITHIN(GIB, 8 * GIB, 3000), DIMM, "node",
          NODE_8_TO_1 ALL_OF_DIMM },
        { KERNEL, NODE_RATIO, WITHIN(GIB, 8 * GIB, 3000), VIRTIO, "node", NODE_8_TO_1 },
        { KERNEL, NODE_RATIO, WITHIN(0, 8 * GIB, 3000), DIMM, "node",
          "kernel (default rule): if this block and those above it were movable, node 1 would have "
          "8G of "
          "movable and no kernel memory, over max_movable_ratio 3.00" },
        { KERNEL, NODE_RATIO, WITHIN(GIB, BLOCK, 0), DIMM, "node",
          "kernel (default rule): if this block and those above it were movable, node 1 would have "
          "128M of "
          "movable to 1G of kernel memory, 0.13 to 1, over max_movable_ratio 0.00" },

        /* and of the machine */
        { KERNEL, MACHINE_RATIO, OF_MACHINE(GIB, 8 * GIB, 3000), DIMM, "machine", MACHINE_8_TO_1 },
        { KERNEL, MACHINE_RATIO | CONTIGUOUS, OF_MACHINE(GIB, 8 * GIB, 3000), VIRTIO, "machine",
          MACHINE_8_TO_1 },
        { KERNEL, MACHINE_RATIO | WHOLE, OF_MACHINE(GIB, 8 * GIB, 3000), DIMM, "machine",
          MACHINE_8_TO_1 ALL_OF_DIMM },
        { KERNEL, MACHINE_RATIO, OF_MACHINE(0, BLOCK, 3000), VIRTIO, "machine",
          "kernel (default rule): if this block were movable, the machine would have 128M of "
          "movable and no "
          "kernel memory, over max_movable_ratio 3.00" },

        /* order */
        { KERNEL, CONTIGUOUS, WITHIN(0, 0, 40), DIMM, "contiguous",
          "kernel (default rule): memory40 above it is kernel memory, and contiguous keeps kernel "
          "memory below movable memory in PNP0C80:00" },
        { KERNEL, CONTIGUOUS, WITHIN(0, 0, 40), NAMELESS, "contiguous",
          "kernel (default rule): memory40 above it is kernel memory, and contiguous keeps kernel "
          "memory below movable memory in its device" },
        { MOVABLE, CONTIGUOUS, WITHIN(0, 0, 20), DIMM, "contiguous",
          "movable (default rule): memory20 below it on node 1 is movable, and the kernel's "
          "strict_zone_order allows no kernel memory above it" },

        /* the rest of the device */
        { KERNEL, WHOLE, WITHIN(0, 0, 0), DIMM, "",
          "kernel (default rule): the rest of PNP0C80:00 is kernel memory, and whole_device keeps "
          "a device in one class" },
        { KERNEL, WHOLE, WITHIN(0, 0, 0), VIRTIO, "",
          "kernel (default rule): the rest of its unit of virtio3 is kernel memory, and "
          "whole_device keeps a device in one class" },
        { MOVABLE, WHOLE, WITHIN(GIB, 2 * GIB, 3000), DIMM, "node",
          "movable (default rule): the rest of PNP0C80:00 is movable, and whole_device keeps a "
          "device in one class" },
        { MOVABLE, WHOLE, OF_MACHINE(GIB, 2 * GIB, 3000), NAMELESS, "machine",
          "movable (default rule): the rest of its device is movable, and whole_device keeps a "
          "device in one class" },

        /* within the guards */
        { MOVABLE, 0, WITHIN(2 * GIB, 6 * GIB, 3000), DIMM, "node",
          "movable (default rule): node 1 then has 6G of movable to 2G of kernel memory, 3.00 to "
          "1, within max_movable_ratio 3.00" },
        { MOVABLE, 0, OF_MACHINE(5 * GIB / 4, 27 * GIB / 4, 1000000), VIRTIO, "machine",
          "movable (default rule): the machine then has 6.75G of movable to 1.25G of kernel "
          "memory, 5.40 to 1, within max_movable_ratio 1000.00" },
};

START_TEST(the_guard_that_decided_is_the_reason_with_its_numbers)
{
        Block block = block_make(guard_cases[_i].verdict, DEFAULT, guard_cases[_i].device,
                                 guard_cases[_i].guards, guard_cases[_i].figures);

        ck_assert_str_eq(reason_scope(&block), guard_cases[_i].scope);
        assert_sentence(&machine, &policy, &block, guard_cases[_i].sentence);
}
END_TEST

START_TEST(a_guard_under_a_rule_names_both)
{
        const Figures figures = WITHIN(0, 0, BLOCK);
        Block block = block_make(KERNEL, DB, DIMM, MIN_KERNEL, figures);

        assert_sentence(&machine, &policy, &block,
                        "kernel " BY_DB
                        ": node 1 had no kernel memory, and min_kernel asks for 128M");
        block.decision.action = ZONE_ACTION_KEEP;
        assert_sentence(&machine, &policy, &block,
                        "kernel " BY_DB ": no class to keep is known; node 1 had no kernel "
                        "memory, and min_kernel asks for 128M");
}
END_TEST

/* Failed unplugs */

#define FAILED "movable " BY_DB "; PNP0C80:00 could not be unplugged, because "
#define BY_36 FAILED "memory36 did not go offline; "

static const struct {
        uint32_t refuser;
        ZoneClass from, to, now;
        uint32_t job;
        ZoneClass job_class;
        const char *sentence;
} unplug_cases[] = {
        { 32, ZONE_CLASS_NONE, ZONE_CLASS_NONE, ZONE_CLASS_MOVABLE, 0, ZONE_CLASS_NONE,
          FAILED "this block did not go offline" },
        { 36, ZONE_CLASS_MOVABLE, ZONE_CLASS_MOVABLE, ZONE_CLASS_MOVABLE, 0, ZONE_CLASS_NONE,
          BY_36 "the kernel onlined this block again as it was" },
        { 36, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL, ZONE_CLASS_KERNEL, 3, ZONE_CLASS_MOVABLE,
          BY_36 "the kernel onlined this block as kernel memory, and memoryd is making it movable "
                "again" },
        { 36, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL, ZONE_CLASS_NONE, 3, ZONE_CLASS_MOVABLE,
          BY_36 "the kernel onlined this block as kernel memory, and memoryd is making it movable "
                "again" },
        { 36, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL, ZONE_CLASS_MOVABLE, 3, ZONE_CLASS_MOVABLE,
          BY_36 "the kernel onlined this block as kernel memory, and memoryd made it movable "
                "again" },
        { 36, ZONE_CLASS_KERNEL, ZONE_CLASS_MOVABLE, ZONE_CLASS_KERNEL, 0, ZONE_CLASS_NONE,
          BY_36 "the kernel onlined this block as movable, and memoryd made it kernel memory "
                "again" },
        { 36, ZONE_CLASS_KERNEL, ZONE_CLASS_MOVABLE, ZONE_CLASS_MOVABLE, 0, ZONE_CLASS_NONE,
          BY_36 "the kernel onlined this block as movable, and memoryd could not make it kernel "
                "memory again" },
};

START_TEST(a_failed_unplug_is_part_of_the_reason)
{
        Block block = block_make(MOVABLE, DB, DIMM, 0, (Figures){});

        block.state = unplug_cases[_i].now == ZONE_CLASS_NONE ? BLOCK_OFFLINE : BLOCK_ONLINE;
        block.zones.n_zones = 1;
        block.zones.zones[0] =
                unplug_cases[_i].now == ZONE_CLASS_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;
        block.job = unplug_cases[_i].job;
        block.job_class = unplug_cases[_i].job_class;
        block.status = block.job ? BLOCK_STATUS_OFFLINING : BLOCK_STATUS_DONE;
        if (block.job && block_class(&block) == unplug_cases[_i].from)
                block.status = BLOCK_STATUS_DONE;
        block.rollback = (Rollback){
                .is_set = true,
                .refuser = unplug_cases[_i].refuser,
                .from = unplug_cases[_i].from,
                .to = unplug_cases[_i].to,
        };
        assert_sentence(&machine, &policy, &block, unplug_cases[_i].sentence);
}
END_TEST

/* Every combination, whether or not a plan makes it: a sentence, with nothing missing. */
START_TEST(no_combination_of_guards_is_without_a_sentence)
{
        static const Figures figures[] = {
                { 0, 0, 0, false },
                { 0, 0, 40, false },
                { GIB, 8 * GIB, 3000, false },
                { UINT64_MAX, UINT64_MAX, UINT64_MAX, true },
        };

        for (unsigned guards = 0; guards < 32; guards++)
                for (int32_t device = DEVICE_NONE; device < N_DEVICES; device++)
                        for (int verdict = VERDICT_NONE; verdict < _VERDICT_MAX; verdict++)
                                for (int status = 0; status < _BLOCK_STATUS_MAX; status++) {
                                        Block block = block_make((Verdict) verdict, DB, device,
                                                                 guards, figures[_i]);
                                        char *text;

                                        block.status = (BlockStatus) status;
                                        text = sentence_of(&machine, &policy, &block);
                                        if (strlen(text) < 8 || strlen(text) > 400 ||
                                            strstr(text, "null") || strchr(text, '\n') ||
                                            strstr(text, ". ") || strstr(text, "  ") ||
                                            text[strlen(text) - 1] == '.')
                                                ck_abort_msg("no sentence: %s", text);
                                        free(text);
                                }
}
END_TEST

/* Numbers */

static const struct {
        Verdict verdict;
        uint64_t kernel_bytes, movable_bytes, limit;
        const char *text;
} number_cases[] = {
        /* over the limit: rounded up, never to the limit */
        { KERNEL, 1000 * BLOCK, 3001 * BLOCK, 3000,
          "375.125G of movable to 125G of kernel memory, 3.01 to 1, over max_movable_ratio 3.00" },
        { KERNEL, 8 * TIB, 24 * TIB + BLOCK, 3000,
          "24576.125G of movable to 8T of kernel memory, 3.01 to 1, over max_movable_ratio 3.00" },
        { KERNEL, 3 * BLOCK, 10 * BLOCK, 3333,
          "1.25G of movable to 384M of kernel memory, 3.34 to 1, over max_movable_ratio 3.333" },
        { KERNEL, 4 * KIB, 16 * TIB, 1000,
          "16T of movable to 4K of kernel memory, 4294967296.00 to 1, over max_movable_ratio "
          "1.00" },

        /* within it: rounded down */
        { MOVABLE, 1000 * BLOCK, 2999 * BLOCK, 3000,
          "374.875G of movable to 125G of kernel memory, 2.99 to 1, within max_movable_ratio "
          "3.00" },
        { MOVABLE, 3 * BLOCK, 10 * BLOCK, 3334,
          "1.25G of movable to 384M of kernel memory, 3.33 to 1, within max_movable_ratio 3.334" },
        { MOVABLE, GIB, GIB / 2, 500,
          "512M of movable to 1G of kernel memory, 0.50 to 1, within max_movable_ratio 0.50" },
        { MOVABLE, GIB, GIB / 2, 510,
          "512M of movable to 1G of kernel memory, 0.50 to 1, within max_movable_ratio 0.51" },
        { MOVABLE, GIB, GIB / 2, 501,
          "512M of movable to 1G of kernel memory, 0.50 to 1, within max_movable_ratio 0.501" },

        /* a CMA area of 4 KiB less than a block */
        { MOVABLE, GIB - BLOCK + 4 * KIB, GIB + BLOCK - 4 * KIB, 3000,
          "1179644K of movable to 917508K of kernel memory, 1.28 to 1, within max_movable_ratio "
          "3.00" },
        { MOVABLE, UINT64_C(1) << 52, UINT64_C(3) << 52, 3000,
          "12P of movable to 4P of kernel memory, 3.00 to 1, within max_movable_ratio 3.00" },
};

START_TEST(numbers_are_exact_or_rounded_to_the_side_they_are_on)
{
        const Figures figures = OF_MACHINE(number_cases[_i].kernel_bytes,
                                           number_cases[_i].movable_bytes, number_cases[_i].limit);
        bool is_over = number_cases[_i].verdict == KERNEL;
        Block block = block_make(number_cases[_i].verdict, DEFAULT, VIRTIO,
                                 is_over ? MACHINE_RATIO : 0, figures);
        const char *before = is_over ? "would have " : "then has ", *numbers;
        char *text = sentence_of(&machine, &policy, &block);

        numbers = strstr(text, before);
        ck_assert_msg(numbers, "%s", text);
        ck_assert_str_eq(numbers + strlen(before), number_cases[_i].text);
        free(text);
}
END_TEST

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* In thousandths: "3.01" and "3.001". */
static uint64_t read_fixed(const char *text)
{
        uint64_t value = strtoull(text, NULL, 10) * 1000, unit = 100;

        for (text = strchr(text, '.') + 1; *text >= '0' && *text <= '9'; text++, unit /= 10)
                value += (uint64_t) (*text - '0') * unit;
        return value;
}

START_TEST(a_ratio_never_reads_as_on_the_other_side_of_its_limit)
{
        uint64_t state = 7;

        for (unsigned i = 0; i < 20000; i++) {
                uint64_t limit = 1 + next_random(&state) % 5000;
                uint64_t kernel = 1 + next_random(&state) % 100000;
                /* Close to the limit, on either side. */
                uint64_t movable = kernel * limit / 1000 + next_random(&state) % 5;
                bool is_over = movable * 1000 > kernel * limit;
                const Figures figures = OF_MACHINE(kernel * MIB, movable * MIB, limit);
                Block block = block_make(is_over ? KERNEL : MOVABLE, DEFAULT, VIRTIO,
                                         is_over ? MACHINE_RATIO : 0, figures);
                char *text = sentence_of(&machine, &policy, &block);
                uint64_t shown = read_fixed(strstr(text, "kernel memory, ") + 15);
                uint64_t shown_limit = read_fixed(strstr(text, "max_movable_ratio ") + 18);

                if (shown_limit != limit || is_over != (shown > limit))
                        ck_abort_msg("limit %llu: %s", (unsigned long long) limit, text);
                free(text);
        }
}
END_TEST

/* What is not decided, or is otherwise */

static const struct {
        BlockStatus status;
        Verdict verdict;
        const char *sentence;
} undecided_cases[] = {
        { BLOCK_STATUS_WAITING, VERDICT_NONE, "not decided: the block has no node yet" },
        { BLOCK_STATUS_PENDING, VERDICT_NONE, "not decided yet" },
        { BLOCK_STATUS_INITIAL, VERDICT_NONE,
          "not decided: the block was online when memoryd started" },
        { BLOCK_STATUS_LEFT, VERDICT_NONE,
          "left alone: the block was offline when memoryd started, and coldplug is \"leave\"" },
        { BLOCK_STATUS_OFFLINED, VERDICT_NONE,
          "left alone: something other than memoryd took it offline" },
        { BLOCK_STATUS_OFFLINED, VERDICT_MOVABLE,
          "left alone: something other than memoryd took it offline" },
        { BLOCK_STATUS_OFFLINED, VERDICT_KERNEL,
          "left alone: something other than memoryd took it offline" },

        /* the decision is the reason of these, whatever came of it */
        { BLOCK_STATUS_PENDING, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_WRITING, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_DONE, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_EXTERNAL, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_FAILED, VERDICT_MOVABLE, "movable " BY_DB },
        { BLOCK_STATUS_LEFT, VERDICT_LEAVE, "left alone " BY_DB },
};

START_TEST(what_is_not_decided_says_why)
{
        Block block = block_make(undecided_cases[_i].verdict, DB, DEVICE_NONE, 0, (Figures){});

        block.status = undecided_cases[_i].status;
        assert_sentence(&machine, &policy, &block, undecided_cases[_i].sentence);
}
END_TEST

static const struct {
        BlockState state;
        const char *zones;
        BlockStatus status;
        Onliner offliner;
        const char *sentence;
} requested_cases[] = {
        { BLOCK_OFFLINE, "Normal Movable", BLOCK_STATUS_OFFLINED, ONLINER_MEMORYD,
          "left alone: memoryd took it offline on request" },
        { BLOCK_OFFLINE, "Normal Movable", BLOCK_STATUS_OFFLINED, ONLINER_OTHER,
          "left alone: something other than memoryd took it offline" },
        { BLOCK_ONLINE, "Movable", BLOCK_STATUS_OFFLINING, ONLINER_NONE,
          "memoryd is taking it offline on request" },
        { BLOCK_ONLINE, "Movable", BLOCK_STATUS_REQUESTED, ONLINER_NONE, "movable on request" },
        { BLOCK_ONLINE, "Normal", BLOCK_STATUS_REQUESTED, ONLINER_NONE,
          "kernel memory on request" },
};

/* Whatever was decided of it before. */
START_TEST(a_request_is_the_reason)
{
        for (Verdict verdict = VERDICT_NONE; verdict < _VERDICT_MAX; verdict++) {
                Block block = block_make(verdict, DB, DIMM, GUARD_MIN_KERNEL, (Figures){});

                block_set(&block, requested_cases[_i].state, requested_cases[_i].zones,
                          requested_cases[_i].status);
                block.offliner = requested_cases[_i].offliner;
                assert_sentence(&machine, &policy, &block, requested_cases[_i].sentence);
        }
}
END_TEST

static const struct {
        Verdict verdict;
        const char *zones;
        Onliner onliner;
        const char *sentence;
} foreign_cases[] = {
        { KERNEL, "Movable", ONLINER_OTHER,
          "movable: something other than memoryd onlined it; the policy wants kernel " BY_DB },
        { KERNEL, "Movable", ONLINER_KERNEL,
          "movable: the kernel onlined it; the policy wants kernel " BY_DB },
        { MOVABLE, "Normal", ONLINER_KERNEL,
          "kernel: the kernel onlined it; the policy wants movable " BY_DB },
};

START_TEST(what_another_program_decided_is_told_with_the_policy)
{
        Block block = block_make(foreign_cases[_i].verdict, DB, DIMM, 0, (Figures){});

        block_set(&block, BLOCK_ONLINE, foreign_cases[_i].zones, BLOCK_STATUS_FOREIGN);
        block.onliner = foreign_cases[_i].onliner;
        assert_sentence(&machine, &policy, &block, foreign_cases[_i].sentence);
}
END_TEST

/* Of a plan */

/* Decides on all that is offline. */
static void decide(Machine *of, const Policy *by)
{
        Plan plan = {};

        ck_assert_int_eq(plan_make(of, by, track_wants_plan, 0, &plan), 0);
        for (size_t i = 0; i < plan.n_planned; i++)
                track_decide(machine_find_block(of, plan.planned[i].block),
                             &plan.planned[i].decision);
        plan_done(&plan);
}

static const struct {
        const char *machine;
        uint32_t device_first, device_last, unit_blocks; /* of one device; none if last is 0 */
        WholeDevice whole_device;
        bool per_node;
        uint32_t block;
        const char *sentence;
} plan_cases[] = {
        /* 1 GiB at boot, and a DIMM of 8 GiB */
        { "1c=k8o64", 8, 71, 0, true, true, 8, NODE_8_TO_1 ALL_OF_DIMM },
        { "1c=k8o64", 8, 71, 0, true, true, 71, NODE_8_TO_1 ALL_OF_DIMM },
        { "1c=k8o64", 8, 71, 0, false, true, 8, NODE_8_TO_1 },
        { "1c=k8o64", 8, 71, 0, false, true, 17,
          "kernel (default rule): if this block and those above it were movable, node 1 would have "
          "6.875G "
          "of movable to 2.125G of kernel memory, 3.24 to 1, over max_movable_ratio 3.00" },
        { "1c=k8o64", 8, 71, 0, false, true, 18,
          "movable (default rule): node 1 then has 6.75G of movable to 2.25G of kernel memory, "
          "3.00 to 1, within max_movable_ratio 3.00" },
        { "1c=k8o64", 8, 71, 0, false, false, 8, MACHINE_8_TO_1 },
        { "1c=k8o64", 8, 71, 0, true, false, 40, MACHINE_8_TO_1 ALL_OF_DIMM },

        /* a new node without a CPU */
        { "0c=k80 1=o8", 80, 87, 0, false, true, 80, NO_KERNEL },
        { "0c=k80 1=o8", 80, 87, 0, true, true, 87, NO_KERNEL ALL_OF_DIMM },
        { "0c=k80 1=o8", 80, 87, 0, false, true, 81,
          "movable (default rule): the machine then has 896M of movable to 10.125G of kernel "
          "memory, 0.08 to 1, within max_movable_ratio 3.00" },

        /* below kernel memory */
        { "1c=o2k8", 0, 9, 0, false, true, 0,
          "kernel (default rule): memory9 above it is kernel memory, and contiguous keeps kernel "
          "memory below movable memory in PNP0C80:00" },
        { "1c=o2k8", 0, 9, 0, true, true, 1,
          "kernel (default rule): the rest of PNP0C80:00 is kernel memory, and whole_device keeps "
          "a device in one class" },

        /* what is left of a device */
        { "1c=k8mo", 8, 9, 0, true, true, 9,
          "movable (default rule): the rest of PNP0C80:00 is movable, and whole_device keeps a "
          "device in one class" },
        { "1c=k9o", 8, 9, 0, true, true, 9,
          "kernel (default rule): the rest of PNP0C80:00 is kernel memory, and whole_device keeps "
          "a device in one class" },

        /* a device that grows */
        { "1c=ko8", 1, 8, 1, false, true, 1,
          "kernel (default rule): if this block and those above it were movable, node 1 would have "
          "1G of movable to 128M of kernel memory, 8.00 to 1, over max_movable_ratio 3.00" },
        { "1c=ko8", 1, 8, 4, true, true, 2,
          "kernel (default rule): if this block and those above it were movable, node 1 would have "
          "1G of movable to 128M of kernel memory, 8.00 to 1, over max_movable_ratio 3.00, and "
          "whole_device keeps all of its unit of PNP0C80:00 in one class" },
};

START_TEST(strict_zone_order_is_a_reason)
{
        Block block = block_make(KERNEL, DEFAULT, DIMM, CONTIGUOUS, (Figures){ .limit = 40 });

        machine.strict_zone_order = true;
        assert_sentence(&machine, &policy, &block,
                        "kernel (default rule): memory40 above it on node 1 is kernel memory, and "
                        "the kernel's strict_zone_order allows no movable memory below it");
}
END_TEST

START_TEST(a_plan_has_a_true_reason_for_each_block)
{
        Machine of;
        Policy by;

        policy_init(&by);
        by.whole_device = plan_cases[_i].whole_device;
        by.per_node = plan_cases[_i].per_node;
        machine_from(&of, BLOCK, plan_cases[_i].machine);
        of.devices = calloc(1, sizeof(Device));
        of.n_devices = 1;
        of.devices[0] = (Device){ .name = "PNP0C80:00",
                                  .origin = ORIGIN_DIMM,
                                  .first_block = plan_cases[_i].device_first,
                                  .last_block = plan_cases[_i].device_last,
                                  .unit_blocks = plan_cases[_i].unit_blocks };
        for (uint32_t id = of.devices[0].first_block; id <= of.devices[0].last_block; id++)
                machine_find_block(&of, id)->device = 0;
        decide(&of, &by);
        assert_sentence(&of, &by, machine_find_block(&of, plan_cases[_i].block),
                        plan_cases[_i].sentence);
        machine_done(&of);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("reason");
        TCase *tcase = tcase_create("reason");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_is_left_for_now_tells_what_comes_next);
        tcase_add_loop_test(tcase, a_rule_that_names_a_class_is_the_reason, 0,
                            ELEMENTSOF(rule_cases));
        tcase_add_loop_test(tcase, a_rule_has_a_name_the_default_has_none, 0,
                            ELEMENTSOF(name_cases));
        tcase_add_loop_test(tcase, the_guard_that_decided_is_the_reason_with_its_numbers, 0,
                            ELEMENTSOF(guard_cases));
        tcase_add_loop_test(tcase, a_failed_unplug_is_part_of_the_reason, 0,
                            ELEMENTSOF(unplug_cases));
        tcase_add_test(tcase, a_guard_under_a_rule_names_both);
        tcase_add_loop_test(tcase, no_combination_of_guards_is_without_a_sentence, 0, 4);
        tcase_add_loop_test(tcase, numbers_are_exact_or_rounded_to_the_side_they_are_on, 0,
                            ELEMENTSOF(number_cases));
        tcase_add_test(tcase, a_ratio_never_reads_as_on_the_other_side_of_its_limit);
        tcase_add_loop_test(tcase, what_is_not_decided_says_why, 0, ELEMENTSOF(undecided_cases));
        tcase_add_loop_test(tcase, a_request_is_the_reason, 0, ELEMENTSOF(requested_cases));
        tcase_add_loop_test(tcase, what_another_program_decided_is_told_with_the_policy, 0,
                            ELEMENTSOF(foreign_cases));
        tcase_add_test(tcase, strict_zone_order_is_a_reason);
        tcase_add_loop_test(tcase, a_plan_has_a_true_reason_for_each_block, 0,
                            ELEMENTSOF(plan_cases));
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
