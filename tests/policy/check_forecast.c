/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/forecast.h"
#include "policy/track.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define BLOCK (128 * MIB)
#define TEXT_MAX 4096

/* Additions */

static const struct {
        const char *text;
        uint64_t block_size_bytes;
        Addition addition;
} good_additions[] = {
        { "64G@1", BLOCK, { 64 * GIB, 1, ORIGIN_DIMM } },
        { "16G@2:virtio-mem", BLOCK, { 16 * GIB, 2, ORIGIN_VIRTIO_MEM } },
        { "1.5G@1", BLOCK, { 1536 * (GIB / 1024), 1, ORIGIN_DIMM } },
        { "128M@0:dimm", BLOCK, { BLOCK, 0, ORIGIN_DIMM } },
        { "134217728@0:kmem", BLOCK, { BLOCK, 0, ORIGIN_KMEM } },
        { "1GiB@1023:balloon", BLOCK, { GIB, 1023, ORIGIN_BALLOON } },
        { "256m@0:standby", BLOCK, { 2 * BLOCK, 0, ORIGIN_STANDBY } },
        { "2G@0:unknown", 2 * GIB, { 2 * GIB, 0, ORIGIN_UNKNOWN } },
        { "32T@0", BLOCK, { UINT64_C(32) << 40, 0, ORIGIN_DIMM } },
};

START_TEST(an_addition_is_a_size_a_node_and_an_origin)
{
        const char *expected = NULL;
        Addition addition = {};

        ck_assert_int_eq(addition_parse(good_additions[_i].text,
                                        good_additions[_i].block_size_bytes, &addition, &expected),
                         0);
        ck_assert_uint_eq(addition.size_bytes, good_additions[_i].addition.size_bytes);
        ck_assert_uint_eq(addition.node, good_additions[_i].addition.node);
        ck_assert_int_eq(addition.origin, good_additions[_i].addition.origin);
}
END_TEST

#define FORM "SIZE@NODE[:ORIGIN], for example 16G@1:virtio-mem"
#define SIZE "a size before the '@', for example 16G"
#define MULTIPLE "a size that is a multiple of the block size, and not zero"
#define AT_MOST "a size of at most 262144 blocks"
#define NODE "a node number of at most 1023 after the '@'"
#define ORIGIN "dimm, virtio-mem, kmem, balloon, standby, driver or unknown after the ':'"

static const struct {
        const char *text;
        const char *expected;
} bad_additions[] = {
        { "", FORM },
        { "64G", FORM },
        { "64G:dimm", FORM },

        { "@", SIZE },
        { "@1", SIZE },
        { "x@1", SIZE },
        { "-1G@1", SIZE },
        { " 1G@1", SIZE },
        { "1 G@1", SIZE },
        { "1.5@1", SIZE },
        { "1.G@1", SIZE },
        { "1X@1", SIZE },

        { "0@1", MULTIPLE },
        { "0G@1", MULTIPLE },
        { "1@1", MULTIPLE },
        { "127M@1", MULTIPLE },
        { "134217729@1", MULTIPLE },
        { "192M@1", MULTIPLE },
        { "0.1G@1", MULTIPLE },
        { "1.1875G@1", MULTIPLE },

        { "32769G@1", AT_MOST },
        { "16383P@1", AT_MOST },
        { "16384P@1", AT_MOST },
        { "99999999999999999999@1", AT_MOST },

        { "1G@", NODE },
        { "1G@x", NODE },
        { "1G@-1", NODE },
        { "1G@1024", NODE },
        { "1G@4294967296", NODE },
        { "1G@1@2", NODE },
        { "1G@ 1", NODE },
        { "1G@1 ", NODE },
        { "1G@:dimm", NODE },
        { "1G@0-1", NODE },

        { "1G@1:", ORIGIN },
        { "1G@1:boot", ORIGIN },
        { "1G@1:DIMM", ORIGIN },
        { "1G@1:cxl", ORIGIN },
        { "1G@1:dimm ", ORIGIN },
        { "1G@1:dimm:dimm", ORIGIN },
};

START_TEST(an_addition_with_a_fault_tells_what_was_expected)
{
        const Addition before = { .size_bytes = 42, .node = 43, .origin = ORIGIN_KMEM };
        const char *expected = NULL;
        Addition addition = before;

        ck_assert_int_eq(addition_parse(bad_additions[_i].text, BLOCK, &addition, &expected),
                         -EINVAL);
        ck_assert_str_eq(expected, bad_additions[_i].expected);
        ck_assert_int_eq(memcmp(&addition, &before, sizeof(before)), 0);
}
END_TEST

/* Forecasts as text */

/*
 * A line per range, "8-17 node0 absent, kernel: kernel 'rule' [guards] reason", the last if asked for.
 */
static const char *forecast_text(const Forecast *forecast, const Policy *policy, bool reasons,
                                 char text[static TEXT_MAX])
{
        size_t n = 0, i = 0, before = 0;
        ForecastRange range;

        text[0] = 0;
        while (forecast_range(forecast, policy, &i, &range) > 0) {
                n += (size_t) snprintf(text + n, TEXT_MAX - n,
                                       "%u-%u node%d %s, %s: %s '%s' [%s]%s%s\n", range.first,
                                       range.last, range.node, range.state, range.zone_class,
                                       range.decision, range.rule, range.guards, reasons ? " " : "",
                                       reasons ? range.reason : "");
                ck_assert_uint_lt(n, TEXT_MAX);
                ck_assert_int_eq(range.is_added, strcmp(range.state, "absent") == 0);
                ck_assert_uint_gt(i, before);
                before = i;
                free(range.reason);
        }
        ck_assert_uint_eq(i, forecast->machine.n_blocks);
        return text;
}

/* Up to three additions in one line, with a space in between. */
static size_t parse_additions(const char *text, Addition additions[static 3])
{
        char copy[128], *rest = NULL;
        const char *expected;
        size_t n = 0;

        ck_assert_uint_lt(strlen(text), sizeof(copy));
        strcpy(copy, text);
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                ck_assert_uint_lt(n, 3);
                ck_assert_int_eq(addition_parse(word, BLOCK, &additions[n++], &expected), 0);
        }
        return n;
}

static void assert_forecast(const Machine *machine, const Policy *current, const Policy *policy,
                            const char *added, bool reasons, const char *expected)
{
        Addition additions[3];
        size_t n = parse_additions(added, additions);
        char text[TEXT_MAX];
        Forecast forecast;

        ck_assert_int_eq(forecast_make(machine, current, policy, additions, n, &forecast), 0);
        ck_assert_str_eq(forecast_text(&forecast, policy, reasons, text), expected);
        forecast_done(&forecast);
}

/* The rules that machines are asked about: by node. */
static char name_leave[] = "leave-2", name_kernel[] = "kernel-3", name_keep[] = "keep-4",
            name_default[] = "kernels-choice-5";

static Rule rules[] = {
        { .name = name_leave,
          .has_nodes = true,
          .nodes = { { 1 << 2 } },
          .zone = ZONE_ACTION_LEAVE },
        { .name = name_kernel,
          .has_nodes = true,
          .nodes = { { 1 << 3 } },
          .zone = ZONE_ACTION_KERNEL },
        { .name = name_keep, .has_nodes = true, .nodes = { { 1 << 4 } }, .zone = ZONE_ACTION_KEEP },
        { .name = name_default,
          .has_nodes = true,
          .nodes = { { 1 << 5 } },
          .zone = ZONE_ACTION_KERNEL_DEFAULT },
};

static Policy policy_make(void)
{
        Policy policy;

        policy_init(&policy);
        policy.rules = rules;
        policy.n_rules = ELEMENTSOF(rules);
        return policy;
}

static const struct {
        const char *machine;
        const char *added;
        const char *forecast;
} cases[] = {
        { "", "", "" },
        { "0c=k8", "", "0-7 node0 online, kernel: none '' []\n" },
        { "0c=k8m2", "",
          "0-7 node0 online, kernel: none '' []\n8-9 node0 online, movable: none '' []\n" },

        /* what is offline now is decided */
        { "0c=k8o4", "",
          "0-7 node0 online, kernel: none '' []\n8-11 node0 offline, movable: movable '' []\n" },
        { "0c=ko8", "",
          "0-0 node0 online, kernel: none '' []\n"
          "1-2 node0 offline, kernel: kernel '' [max_movable_ratio(node)]\n"
          "3-8 node0 offline, movable: movable '' []\n" },
        /* tried again, whenever it is due */
        { "0c=k8r4", "",
          "0-7 node0 online, kernel: none '' []\n8-11 node0 offline, movable: movable '' []\n" },
        /* asked again: left by a rule, which may be another now */
        { "0c=k8l4", "",
          "0-7 node0 online, kernel: none '' []\n8-11 node0 offline, movable: movable '' []\n" },
        { "0c=k8 2=o4", "",
          "0-7 node0 online, kernel: none '' []\n8-11 node2 offline, none: leave 'leave-2' []\n" },
        /* writes that are under way succeed */
        { "0c=k8K2M2", "",
          "0-7 node0 online, kernel: none '' []\n"
          "8-9 node0 offline, kernel: kernel '' []\n"
          "10-11 node0 offline, movable: movable '' []\n" },
        /* without a node nothing is decided */
        { "0c=k8 ?=o2", "",
          "0-7 node0 online, kernel: none '' []\n8-9 node-1 offline, none: none '' []\n" },
        { "0c=k8g2", "",
          "0-7 node0 online, kernel: none '' []\n8-9 node0 going-offline, movable: none '' []\n" },

        /* a gap, a node, a class end a range; memory that spans zones counts as the kernel's */
        { "0c=k2-k2s1 1=k2m1k1", "",
          "0-1 node0 online, kernel: none '' []\n3-5 node0 online, kernel: none '' []\n"
          "6-7 node1 online, kernel: none '' []\n8-8 node1 online, movable: none '' []\n"
          "9-9 node1 online, kernel: none '' []\n" },

        /* additions */
        { "0c=k8", "8G@0",
          "0-7 node0 online, kernel: none '' []\n"
          "8-17 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n"
          "18-71 node0 absent, movable: movable '' []\n" },
        { "", "1G@0",
          "0-0 node0 absent, kernel: kernel '' [min_kernel]\n"
          "1-1 node0 absent, kernel: kernel '' [max_movable_ratio(machine)]\n"
          "2-7 node0 absent, movable: movable '' []\n" },
        /* on a node that is not there: no CPU, so in the machine's ratio alone */
        { "0c=k8", "2G@7",
          "0-7 node0 online, kernel: none '' []\n"
          "8-8 node7 absent, kernel: kernel '' [min_kernel]\n"
          "9-23 node7 absent, movable: movable '' []\n" },
        /* by rules */
        { "0c=k8", "256M@2 256M@3 256M@5",
          "0-7 node0 online, kernel: none '' []\n"
          "8-9 node2 absent, none: leave 'leave-2' []\n"
          "10-11 node3 absent, kernel: kernel 'kernel-3' []\n"
          "12-13 node5 absent, kernel: kernel-default 'kernels-choice-5' []\n" },
        /* in turn: the first is there when the second comes, which finds more to go with */
        { "0c=k", "512M@0 512M@0",
          "0-0 node0 online, kernel: none '' []\n"
          "1-1 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n"
          "2-4 node0 absent, movable: movable '' []\n"
          "5-5 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n"
          "6-8 node0 absent, movable: movable '' []\n" },
        /* together they are another matter */
        { "0c=k", "1G@0",
          "0-0 node0 online, kernel: none '' []\n"
          "1-2 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n"
          "3-8 node0 absent, movable: movable '' []\n" },
        /* units that come at once are planned together */
        { "0c=k", "1G@0:virtio-mem",
          "0-0 node0 online, kernel: none '' []\n"
          "1-2 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n"
          "3-8 node0 absent, movable: movable '' []\n" },
        /* what is offline comes before what is added */
        { "0c=ko3", "128M@0",
          "0-0 node0 online, kernel: none '' []\n1-3 node0 offline, movable: movable '' []\n"
          "4-4 node0 absent, kernel: kernel '' [max_movable_ratio(node)]\n" },
};

START_TEST(what_would_become_of_memory)
{
        Policy policy = policy_make();
        Machine machine;

        /* Without the order's guard, so that each line shows one thing. */
        policy.contiguous = false;
        machine_from(&machine, BLOCK, cases[_i].machine);
        assert_forecast(&machine, &policy, &policy, cases[_i].added, false, cases[_i].forecast);
        machine_done(&machine);
}
END_TEST

START_TEST(each_range_tells_why)
{
        Policy policy = policy_make();
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k8g1l1o1 4=o1 ?=o1");
        machine_find_block(&machine, 9)->decision.verdict = VERDICT_NONE; /* by coldplug */
        machine_find_block(&machine, 10)->status = BLOCK_STATUS_OFFLINED;
        machine_find_block(&machine, 10)->decision.verdict = VERDICT_MOVABLE;
        machine_find_block(&machine, 10)->decision.rule = 1;
        machine_find_block(&machine, 10)->decision.guards = GUARD_WHOLE_DEVICE;
        machine_find_block(&machine, 11)->last_class = ZONE_CLASS_MOVABLE;
        machine_find_block(&machine, 12)->status = BLOCK_STATUS_WAITING;
        assert_forecast(
                &machine, &policy, &policy, "256M@2", true,
                "0-7 node0 online, kernel: none '' [] online already, and stays so\n"
                "8-8 node0 going-offline, movable: none '' [] left alone: something other than "
                "memoryd is taking it offline\n"
                "9-9 node0 offline, none: none '' [] left alone: the block was offline when "
                "memoryd started, and coldplug is \"leave\"\n"
                "10-10 node0 offline, none: none '' [] left alone: something other than memoryd "
                "took it offline\n"
                "11-11 node4 offline, movable: movable 'keep-4' [] movable (rule 'keep-4'): the "
                "class it had when it was last online\n"
                "12-12 node-1 offline, none: none '' [] not decided: the block has no node yet\n"
                "13-14 node2 absent, none: leave 'leave-2' [] left alone (rule 'leave-2')\n");
        machine_done(&machine);
}
END_TEST

/* Who onlined what is of no matter to what becomes of it. */
START_TEST(ranges_merge_over_what_makes_no_difference)
{
        Policy policy = policy_make();
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k8");
        machine.blocks[1].status = BLOCK_STATUS_DONE;
        machine.blocks[1].decision.verdict = VERDICT_KERNEL;
        machine.blocks[2].status = BLOCK_STATUS_FOREIGN;
        machine.blocks[2].decision.verdict = VERDICT_MOVABLE;
        machine.blocks[3].decision.rule = 2;
        machine.blocks[4].decision.guards = GUARD_CONTIGUOUS;
        assert_forecast(&machine, &policy, &policy, "", true,
                        "0-7 node0 online, kernel: none '' [] online already, and stays so\n");
        machine_done(&machine);
}
END_TEST

/* A rule that keeps: by memory of a class, or by the guards as if it had no such word. */
START_TEST(ranges_split_where_another_reason_is_to_be_given)
{
        Policy policy = policy_make();
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k80 4=k1o4");
        machine_find_block(&machine, 81)->last_class = ZONE_CLASS_MOVABLE;
        machine_find_block(&machine, 82)->last_class = ZONE_CLASS_MOVABLE;
        assert_forecast(&machine, &policy, &policy, "", true,
                        "0-79 node0 online, kernel: none '' [] online already, and stays so\n"
                        "80-80 node4 online, kernel: none '' [] online already, and stays so\n"
                        "81-82 node4 offline, movable: movable 'keep-4' [] movable (rule "
                        "'keep-4'): the class it had when it was last online\n"
                        "83-84 node4 offline, movable: movable 'keep-4' [] movable (rule "
                        "'keep-4'): no class to keep is known; the machine then has 512M of "
                        "movable to 10.125G of kernel memory, 0.04 to 1, within max_movable_ratio "
                        "3.00\n");
        machine_done(&machine);
}
END_TEST

START_TEST(ranges_end_with_their_device)
{
        Policy policy = policy_make();
        Machine machine;
        Forecast forecast;
        ForecastRange range;
        size_t i = 0;

        machine_from(&machine, BLOCK, "0c=k8");
        machine.devices = calloc(2, sizeof(Device));
        machine.n_devices = 2;
        machine.devices[0] = (Device){ .origin = ORIGIN_BOOT, .last_block = 3 };
        machine.devices[1] = (Device){
                .name = "PNP0C80:00", .origin = ORIGIN_DIMM, .first_block = 4, .last_block = 7
        };
        for (size_t j = 0; j < 8; j++)
                machine.blocks[j].device = j < 4 ? 0 : 1;
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, NULL, 0, &forecast), 0);
        ck_assert_int_eq(forecast_range(&forecast, &policy, &i, &range), 1);
        ck_assert_uint_eq(range.last, 3);
        ck_assert_str_eq(range.device, "");
        ck_assert_str_eq(range.origin, "boot");
        free(range.reason);
        ck_assert_int_eq(forecast_range(&forecast, &policy, &i, &range), 1);
        ck_assert_uint_eq(range.first, 4);
        ck_assert_uint_eq(range.last, 7);
        ck_assert_str_eq(range.device, "PNP0C80:00");
        ck_assert_str_eq(range.origin, "dimm");
        free(range.reason);

        /* The end, and again. */
        ck_assert_int_eq(forecast_range(&forecast, &policy, &i, &range), 0);
        ck_assert_int_eq(forecast_range(&forecast, &policy, &i, &range), 0);
        ck_assert_uint_eq(i, 8);
        forecast_done(&forecast);
        forecast_done(&forecast);
        machine_done(&machine);
}
END_TEST

/* A device that grows has addresses of its own, also for what is not there yet. */
START_TEST(additions_come_after_what_devices_can_grow_to)
{
        Policy policy = policy_make();
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k8m2");
        machine.devices = calloc(1, sizeof(Device));
        machine.n_devices = 1;
        machine.devices[0] = (Device){ .name = "virtio0",
                                       .origin = ORIGIN_VIRTIO_MEM,
                                       .first_block = 8,
                                       .last_block = 39,
                                       .unit_blocks = 1 };
        machine.blocks[8].device = machine.blocks[9].device = 0;
        assert_forecast(&machine, &policy, &policy, "128M@0", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-9 node0 online, movable: none '' []\n"
                        "40-40 node0 absent, movable: movable '' []\n");
        machine_done(&machine);
}
END_TEST

START_TEST(whole_device_holds_for_an_addition)
{
        Policy policy = policy_make();
        Machine machine;

        policy.whole_device = true;
        machine_from(&machine, BLOCK, "0c=k8");
        assert_forecast(
                &machine, &policy, &policy, "8G@0 1G@0 1G@0:virtio-mem", true,
                "0-7 node0 online, kernel: none '' [] online already, and stays so\n"
                "8-71 node0 absent, kernel: kernel '' [max_movable_ratio(node) "
                "whole_device] kernel (default rule): if this block and those above it were "
                "movable, node 0 would have 8G of movable to 1G of kernel memory, 8.00 to "
                "1, over max_movable_ratio 3.00, and whole_device keeps all of its device "
                "in one class\n"
                "72-79 node0 absent, movable: movable '' [] movable (default rule): node 0 "
                "then has 1G of movable to 9G of kernel memory, 0.11 to 1, within "
                "max_movable_ratio 3.00\n"
                "80-87 node0 absent, movable: movable '' [] movable (default rule): node 0 "
                "then has 2G of movable to 9G of kernel memory, 0.22 to 1, within "
                "max_movable_ratio 3.00\n");
        machine_done(&machine);
}
END_TEST

START_TEST(rules_see_the_size_and_the_origin_of_an_addition)
{
        char large[] = "large", grows[] = "grows";
        Rule of_device[] = {
                { .name = large,
                  .min_size_bytes = 2 * BLOCK,
                  .origins = 1U << ORIGIN_DIMM,
                  .zone = ZONE_ACTION_LEAVE },
                { .name = grows, .origins = 1U << ORIGIN_VIRTIO_MEM, .zone = ZONE_ACTION_KERNEL },
        };
        Policy policy = policy_make();
        Machine machine;

        policy.rules = of_device;
        policy.n_rules = ELEMENTSOF(of_device);
        machine_from(&machine, BLOCK, "0c=k8");
        assert_forecast(&machine, &policy, &policy, "128M@0 256M@0 256M@0:virtio-mem", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-8 node0 absent, movable: movable '' []\n"
                        "9-10 node0 absent, none: leave 'large' []\n"
                        "11-12 node0 absent, kernel: kernel 'grows' []\n");
        machine_done(&machine);
}
END_TEST

/* node_class "memoryless": the second addition to a node finds memory there. */
START_TEST(a_node_is_memoryless_until_an_addition_came)
{
        char name[] = "first";
        Rule rule = { .name = name,
                      .node_classes = 1U << NODE_CLASS_MEMORYLESS,
                      .zone = ZONE_ACTION_KERNEL };
        Policy policy = policy_make();
        Machine machine;

        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK, "0c=k8");
        assert_forecast(&machine, &policy, &policy, "256M@1 256M@1 256M@0", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-9 node1 absent, kernel: kernel 'first' []\n"
                        "10-11 node1 absent, movable: movable '' []\n"
                        "12-13 node0 absent, movable: movable '' []\n");

        /* What was noted of a block when it came still holds when it is asked for again. */
        machine_done(&machine);
        machine_from(&machine, BLOCK, "0c=k8 1=l2l2");
        machine.blocks[8].node_was_memoryless = machine.blocks[9].node_was_memoryless = true;
        assert_forecast(&machine, &policy, &policy, "", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-9 node1 offline, kernel: kernel 'first' []\n"
                        "10-11 node1 offline, movable: movable '' []\n");
        machine_done(&machine);
}
END_TEST

/* Another policy */

static void add_udev_rule(Policy *policy, const char *name, const char *property, ZoneAction zone)
{
        Rule rule = { .name = strdup(name), .zone = zone };
        int bit = policy_add_udev_property(policy, property, "1");

        ck_assert_int_ge(bit, 0);
        rule.udev_mask = UINT64_C(1) << bit;
        ck_assert_int_eq(policy_insert_rule(policy, policy->n_rules, &rule), 0);
}

START_TEST(another_policy_is_asked_with_the_udev_properties_that_are_known)
{
        Policy current, other;
        Machine machine;

        policy_init(&current);
        policy_init(&other);
        add_udev_rule(&current, "a", "A", ZONE_ACTION_KERNEL);
        add_udev_rule(&current, "b", "B", ZONE_ACTION_KERNEL);
        add_udev_rule(&other, "new", "C", ZONE_ACTION_LEAVE);
        add_udev_rule(&other, "b", "B", ZONE_ACTION_LEAVE);
        add_udev_rule(&other, "a", "A", ZONE_ACTION_MOVABLE);

        machine_from(&machine, BLOCK, "0c=k8o4");
        machine.blocks[8].udev_mask = 1;  /* A */
        machine.blocks[9].udev_mask = 2;  /* B */
        machine.blocks[10].udev_mask = 3; /* both */
        assert_forecast(&machine, &current, &current, "", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-8 node0 offline, kernel: kernel 'a' []\n"
                        "9-9 node0 offline, kernel: kernel 'b' []\n"
                        "10-10 node0 offline, kernel: kernel 'a' []\n"
                        "11-11 node0 offline, movable: movable '' []\n");
        assert_forecast(&machine, &current, &other, "", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-8 node0 offline, movable: movable 'a' []\n"
                        "9-10 node0 offline, none: leave 'b' []\n"
                        "11-11 node0 offline, movable: movable '' []\n");
        machine_done(&machine);
        policy_done(&current);
        policy_done(&other);
}
END_TEST

/* movable_node comes with the rule that decided on what is there: by its name, not its place. */
START_TEST(another_policy_finds_its_own_rules_in_what_was_decided_before)
{
        char lifts[] = "lifts", plain[] = "plain";
        Rule current_rules[] = {
                { .name = plain, .has_nodes = true, .zone = ZONE_ACTION_KERNEL },
                { .name = lifts,
                  .has_nodes = true,
                  .zone = ZONE_ACTION_MOVABLE,
                  .movable_node = true },
        };
        Rule other_rules[] = { current_rules[1], current_rules[0] };
        Policy current = policy_make(), other = policy_make();
        Machine machine;

        current.rules = current_rules;
        other.rules = other_rules;
        current.n_rules = other.n_rules = 2;
        machine_from(&machine, BLOCK, "0c=k8 1=mo2");
        machine.blocks[8].status = BLOCK_STATUS_DONE;
        machine.blocks[8].decision.verdict = VERDICT_MOVABLE;
        machine.blocks[8].decision.rule = 1;
        assert_forecast(&machine, &current, &other, "", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-8 node1 online, movable: none '' []\n"
                        "9-10 node1 offline, movable: movable '' []\n");

        /* A rule that has been removed lifts nothing. */
        other.rules = &other_rules[1];
        other.n_rules = 1;
        assert_forecast(&machine, &current, &other, "", false,
                        "0-7 node0 online, kernel: none '' []\n"
                        "8-8 node1 online, movable: none '' []\n"
                        "9-9 node1 offline, kernel: kernel '' [min_kernel]\n"
                        "10-10 node1 offline, movable: movable '' []\n");
        machine_done(&machine);
}
END_TEST

/* Limits */

START_TEST(a_forecast_has_a_limit)
{
        Policy policy = policy_make();
        const Addition most = { FORECAST_BLOCKS_MAX * BLOCK, 0, ORIGIN_DIMM };
        Addition additions[2] = { most, { BLOCK, 0, ORIGIN_DIMM } };
        Forecast forecast = { .present = NULL };
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k8");
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, additions, 1, &forecast),
                         -E2BIG);
        additions[0].size_bytes -= 7 * BLOCK;
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, additions, 1, &forecast),
                         -E2BIG);
        /* In bytes that leave no place for a block's number. */
        additions[0].size_bytes = UINT64_MAX - UINT64_MAX % BLOCK;
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, additions, 1, &forecast),
                         -E2BIG);
        additions[0].size_bytes = 4 * BLOCK;
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, additions, 2, &forecast), 0);
        ck_assert_uint_eq(forecast.machine.n_blocks, 13);
        forecast_done(&forecast);
        machine_done(&machine);
}
END_TEST

START_TEST(no_block_comes_after_the_last_number)
{
        Policy policy = policy_make();
        Addition addition = { BLOCK, 0, ORIGIN_DIMM };
        Forecast forecast;
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k8 0@4294967293=k");
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, &addition, 1, &forecast), 0);
        ck_assert_uint_eq(forecast.machine.blocks[9].id, UINT32_MAX - 1);
        forecast_done(&forecast);

        addition.size_bytes = 2 * BLOCK;
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, &addition, 1, &forecast),
                         -E2BIG);
        machine_done(&machine);
        machine_from(&machine, BLOCK, "0c=k8 0@4294967295=k");
        ck_assert_int_eq(forecast_make(&machine, &policy, &policy, &addition, 1, &forecast),
                         -E2BIG);
        machine_done(&machine);
}
END_TEST

/* Random machines: the same as plan.h and track.h step by step, and the machine as before */

#define N_MACHINES 4000
#define NODES 4

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_u64(void)
{
        uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static uint32_t random_below(uint32_t n)
{
        return (uint32_t) (random_u64() % n);
}

static void random_line(char text[static TEXT_MAX])
{
        static const char letters[] = "kkkkmmsgloooooorKM-";
        size_t n = 0;

        text[0] = 0;
        for (uint32_t node = 0; node < NODES; node++) {
                if (random_below(4) == 0)
                        continue;
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%s%u%s=", n > 0 ? " " : "", node,
                                       random_below(2) ? "c" : "");
                for (uint32_t i = random_below(6); i > 0; i--)
                        n += (size_t) snprintf(text + n, TEXT_MAX - n, "%c%u",
                                               letters[random_below(sizeof(letters) - 1)],
                                               1 + random_below(6));
        }
}

/* Devices over runs of blocks, some of which grow; the rest belongs to none. */
static void random_devices(Machine *machine)
{
        machine->devices = calloc(machine->n_blocks + 1, sizeof(Device));
        ck_assert_ptr_nonnull(machine->devices);
        for (size_t i = 0, end; i < machine->n_blocks; i = end) {
                Origin origin = (Origin) random_below(_ORIGIN_MAX);
                bool grows = origin == ORIGIN_VIRTIO_MEM || origin == ORIGIN_BALLOON;

                end = i + 1 + random_below(6);
                end = MIN(end, machine->n_blocks);
                if (random_below(4) == 0)
                        continue;
                machine->devices[machine->n_devices] = (Device){
                        .origin = origin,
                        .size_bytes = (end - i) * BLOCK,
                        .first_block = machine->blocks[i].id,
                        .last_block = machine->blocks[end - 1].id,
                        .unit_blocks = grows ? 1 + random_below(2) : 0,
                        .dax_state = random_below(10) == 0 ? DAX_STATE_ONLINE : DAX_STATE_OFFLINE,
                };
                for (size_t j = i; j < end; j++)
                        machine->blocks[j].device = (int32_t) machine->n_devices;
                machine->n_devices++;
        }
}

static void random_block(Block *block)
{
        static const BlockStatus offline[] = { BLOCK_STATUS_OFFLINED, BLOCK_STATUS_FAILED,
                                               BLOCK_STATUS_LEFT, BLOCK_STATUS_PENDING };
        static const BlockStatus online[] = { BLOCK_STATUS_DONE, BLOCK_STATUS_EXTERNAL,
                                              BLOCK_STATUS_FOREIGN, BLOCK_STATUS_PENDING };

        block->decision.rule = (int32_t) random_below(4) - 1;
        block->node_was_memoryless = random_below(5) == 0;
        block->udev_mask = random_below(4);
        if (block->state == BLOCK_OFFLINE && block->status != BLOCK_STATUS_WRITING)
                block->last_class = (ZoneClass) random_below(_ZONE_CLASS_MAX);
        if (block->status == BLOCK_STATUS_WRITING || random_below(3) > 0)
                return;
        block->status = (block->state == BLOCK_OFFLINE ? offline : online)[random_below(4)];
        block->decision.verdict = (Verdict) random_below(_VERDICT_MAX);
        if (random_below(20) == 0) {
                block->node = NODE_NONE;
                block->status = BLOCK_STATUS_WAITING;
        }
}

static void random_machine(Machine *machine, uint64_t seed)
{
        char text[TEXT_MAX];

        random_state = seed;
        random_line(text);
        machine_from(machine, BLOCK, text);
        random_devices(machine);
        for (size_t i = 0; i < machine->n_blocks; i++)
                random_block(&machine->blocks[i]);
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (random_below(3) == 0) {
                        machine->nodes[i].distances = calloc(1, sizeof(Distance));
                        machine->nodes[i].distances[0] =
                                (Distance){ random_below(NODES), 10 + random_below(20) };
                        machine->nodes[i].n_distances = 1;
                }
}

/* Three rules, of names that the next policy may have in another place. */
static void random_policy(Policy *policy)
{
        static const char *const properties[] = { "A", "B", "C" };
        uint32_t turn = random_below(3);

        policy_init(policy);
        policy->whole_device = (WholeDevice) random_below(_WHOLE_DEVICE_MAX);
        policy->contiguous = random_below(2);
        policy->per_node = random_below(2);
        policy->max_movable_ratio_permille = random_below(3) ? 3000 : random_below(5000);
        policy->min_kernel_bytes = random_below(2) ? MIN_KERNEL_ONE_BLOCK : random_below(6) * BLOCK;
        for (uint32_t i = 0; i < 3; i++) {
                char name[] = { (char) ('a' + (i + turn) % 3), 0 };
                Rule rule = { .name = strdup(name),
                              .has_nodes = true,
                              .zone = (ZoneAction) random_below(_ZONE_ACTION_MAX),
                              .movable_node = random_below(3) == 0 };
                int bit = policy_add_udev_property(policy, properties[random_below(3)], "1");

                for (uint32_t node = 0; node < NODES; node++)
                        if (random_below(3) == 0)
                                node_set_add(&rule.nodes, node);
                if (random_below(3) == 0)
                        rule.node_classes = 1U << NODE_CLASS_MEMORYLESS;
                if (random_below(3) == 0)
                        rule.udev_mask = UINT64_C(1) << bit;
                if (random_below(4) == 0) {
                        rule.has_distance = true;
                        rule.distance = (DistanceRange){ random_below(NODES), 15, 25 };
                }
                ck_assert_int_eq(policy_insert_rule(policy, i, &rule), 0);
        }
}

/* What memoryd does with a plan when all writes succeed, by another way: one outcome each. */
static void step(Machine *machine, const Policy *policy, bool judge)
{
        static const Retry retry = { USEC_PER_SEC, 2000, USEC_PER_SEC, 10 };
        Plan plan = {};

        ck_assert_int_eq(plan_make(machine, policy,
                                   judge ? track_wants_judgement : track_wants_plan, 0, &plan),
                         0);
        for (size_t i = 0; i < plan.n_planned; i++) {
                Block *block = machine_find_block(machine, plan.planned[i].block);

                track_decide(block, &plan.planned[i].decision);
                if (judge)
                        track_judge(block);
        }
        for (size_t i = 0; !judge && i < plan.n_order; i++) {
                const Planned *planned = &plan.planned[plan.order[i]];
                Block *block = machine_find_block(machine, planned->block);
                ZoneList zones = { .n_zones = 1, .zones = { ZONE_NORMAL } };

                if (planned->decision.verdict == VERDICT_MOVABLE)
                        zones.zones[0] = ZONE_MOVABLE;
                else if (planned->decision.verdict == VERDICT_KERNEL_DEFAULT &&
                         block->zones.n_zones > 0)
                        zones.zones[0] = block->zones.zones[0];
                block->status = BLOCK_STATUS_WRITING;
                if (track_outcome(block, 0, BLOCK_ONLINE, &zones, &retry, 0) != OUTCOME_DONE)
                        ck_abort_msg("memory%u cannot go online", block->id);
        }
        plan_done(&plan);
}

static void steps(Machine *machine, const Policy *policy)
{
        track_note_memoryless(machine);
        step(machine, policy, true);
        step(machine, policy, false);
}

/* The kernel adds memory: a device of its own, behind all there is. */
static void plug(Machine *machine, const Addition *addition)
{
        uint32_t n = (uint32_t) (addition->size_bytes / BLOCK), first = 0;
        bool grows = addition->origin == ORIGIN_VIRTIO_MEM || addition->origin == ORIGIN_BALLOON;
        Device *devices = calloc(machine->n_devices + 1, sizeof(Device));

        for (size_t i = 0; i < machine->n_blocks; i++)
                first = MAX(first, machine->blocks[i].id + 1);
        memcpy(devices, machine->devices, machine->n_devices * sizeof(Device));
        free(machine->devices);
        machine->devices = devices;
        devices[machine->n_devices++] = (Device){ .origin = addition->origin,
                                                  .size_bytes = addition->size_bytes,
                                                  .first_block = first,
                                                  .last_block = first + n - 1,
                                                  .unit_blocks = grows };
        for (uint32_t i = 0; i < n; i++) {
                Block *block;

                if (machine_add_block(machine, first + i, &block) != 1)
                        ck_abort_msg("memory%u is there", first + i);
                block->node = (int32_t) addition->node;
                block->device = (int32_t) machine->n_devices - 1;
                track_new(block, &(TrackMode){});
        }
}

static void add_missing_node(Machine *machine, uint32_t id)
{
        size_t n = machine->n_nodes, i = 0;
        Node *nodes;

        if (machine_find_node(machine, id))
                return;
        nodes = calloc(n + 1, sizeof(Node));
        for (size_t j = 0; j < n; j++) {
                if (i == j && machine->nodes[j].id > id)
                        nodes[i++] = (Node){ .id = id };
                nodes[i++] = machine->nodes[j];
                machine->nodes[j].distances = NULL;
        }
        if (i == n)
                nodes[i] = (Node){ .id = id };
        machine_set_nodes(machine, nodes, n + 1);
}

static void assert_same_blocks(const Machine *forecast, const Machine *stepped, uint64_t seed)
{
        if (forecast->n_blocks != stepped->n_blocks)
                ck_abort_msg("seed %llu: %zu blocks, not %zu", (unsigned long long) seed,
                             forecast->n_blocks, stepped->n_blocks);
        for (size_t i = 0; i < stepped->n_blocks; i++) {
                const Block *a = &forecast->blocks[i], *b = &stepped->blocks[i];

                if (a->id != b->id || a->node != b->node || a->device != b->device ||
                    a->state != b->state || block_class(a) != block_class(b) ||
                    a->decision.verdict != b->decision.verdict ||
                    a->decision.rule != b->decision.rule ||
                    a->decision.action != b->decision.action ||
                    a->decision.guards != b->decision.guards || a->status != b->status ||
                    a->last_class != b->last_class ||
                    a->node_was_memoryless != b->node_was_memoryless ||
                    a->udev_mask != b->udev_mask ||
                    a->decision.figures.kernel_bytes != b->decision.figures.kernel_bytes ||
                    a->decision.figures.movable_bytes != b->decision.figures.movable_bytes ||
                    a->decision.figures.limit != b->decision.figures.limit ||
                    a->decision.figures.of_machine != b->decision.figures.of_machine)
                        ck_abort_msg("seed %llu: memory%u is %s, %s by %d, guards %x; not %s, %s "
                                     "by %d, guards %x",
                                     (unsigned long long) seed, a->id,
                                     block_status_to_string(a->status),
                                     verdict_to_string(a->decision.verdict), a->decision.rule,
                                     a->decision.guards, block_status_to_string(b->status),
                                     verdict_to_string(b->decision.verdict), b->decision.rule,
                                     b->decision.guards);
        }
}

/* Every byte of what a forecast is made from. */
static void assert_unchanged(const Machine *machine, const Machine *frame, const Block *blocks,
                             const Device *devices, uint64_t seed)
{
        if (memcmp(machine, frame, sizeof(Machine)) != 0 ||
            (machine->n_blocks > 0 &&
             memcmp(machine->blocks, blocks, machine->n_blocks * sizeof(Block)) != 0) ||
            (machine->n_devices > 0 &&
             memcmp(machine->devices, devices, machine->n_devices * sizeof(Device)) != 0))
                ck_abort_msg("seed %llu: the machine was changed", (unsigned long long) seed);
}

/* By name and value, whatever place they have. */
static uint64_t properties_in(uint64_t mask, const Policy *from, const Policy *to)
{
        uint64_t found = 0;

        for (size_t i = 0; i < to->n_udev_properties; i++)
                for (size_t j = 0; j < from->n_udev_properties; j++)
                        if (strcmp(to->udev_properties[i].name, from->udev_properties[j].name) ==
                                    0 &&
                            (mask >> j & 1))
                                found |= UINT64_C(1) << i;
        return found;
}

/* The part of a reload that is not a plan. */
static void reload(Machine *machine, const Policy *from, const Policy *to)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                const char *name =
                        block->decision.rule >= 0 ? from->rules[block->decision.rule].name : NULL;

                block->udev_mask = properties_in(block->udev_mask, from, to);
                for (int32_t rule = 0; name && rule < 3; rule++)
                        if (strcmp(to->rules[rule].name, name) == 0)
                                block->decision.rule = rule;
        }
}

/* Writes that the actuator has in hand end well before anything else. */
static void finish_writes(Machine *machine)
{
        static const Retry retry = { USEC_PER_SEC, 2000, USEC_PER_SEC, 10 };

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                ZoneList zones = { .n_zones = 1, .zones = { ZONE_NORMAL } };

                if (block->status != BLOCK_STATUS_WRITING)
                        continue;
                if (block->decision.verdict == VERDICT_MOVABLE)
                        zones.zones[0] = ZONE_MOVABLE;
                (void) track_outcome(block, 0, BLOCK_ONLINE, &zones, &retry, 0);
        }
}

START_TEST(a_forecast_is_what_memoryd_does_step_by_step)
{
        for (uint64_t seed = 1; seed <= N_MACHINES; seed++) {
                bool is_other = seed % 2, has_none = seed % 5 == 0;
                Machine machine, stepped, frame;
                Block *blocks;
                Device *devices;
                Policy current, other;
                Addition additions[3];
                Forecast forecast;
                size_t n;

                random_machine(&machine, seed);
                random_machine(&stepped, seed);
                random_policy(&current);
                random_policy(&other);
                n = has_none ? 0 : random_below(4);
                for (size_t i = 0; i < n; i++) {
                        Origin origin = (Origin) random_below(_ORIGIN_MAX);

                        additions[i] =
                                (Addition){ (1 + random_below(12)) * BLOCK, random_below(NODES + 1),
                                            origin == ORIGIN_BOOT ? ORIGIN_DIMM : origin };
                }
                frame = machine;
                blocks = malloc(machine.n_blocks * sizeof(Block) + 1);
                devices = malloc(machine.n_devices * sizeof(Device) + 1);
                if (machine.n_blocks > 0)
                        memcpy(blocks, machine.blocks, machine.n_blocks * sizeof(Block));
                memcpy(devices, machine.devices, machine.n_devices * sizeof(Device));

                ck_assert_int_eq(forecast_make(&machine, &current, is_other ? &other : &current,
                                               additions, n, &forecast),
                                 0);
                assert_unchanged(&machine, &frame, blocks, devices, seed);

                finish_writes(&stepped);
                if (is_other)
                        reload(&stepped, &current, &other);
                for (size_t i = 0; i < stepped.n_blocks; i++)
                        if (is_other)
                                track_reconsider(&stepped.blocks[i]);
                        else
                                track_reset(&stepped.blocks[i]);
                steps(&stepped, is_other ? &other : &current);
                for (size_t i = 0; i < n; i++) {
                        add_missing_node(&stepped, additions[i].node);
                        plug(&stepped, &additions[i]);
                        steps(&stepped, is_other ? &other : &current);
                }
                assert_same_blocks(&forecast.machine, &stepped, seed);

                forecast_done(&forecast);
                free(blocks);
                free(devices);
                machine_done(&machine);
                machine_done(&stepped);
                policy_done(&current);
                policy_done(&other);
        }
}
END_TEST

/* Ranges hold every block once, in order, and only where all of it is the same. */
START_TEST(ranges_cover_all_blocks_once)
{
        for (uint64_t seed = 1; seed <= N_MACHINES / 4; seed++) {
                Machine machine;
                Policy policy;
                Forecast forecast;
                ForecastRange range;
                size_t i = 0, first = 0;

                random_machine(&machine, seed);
                random_policy(&policy);
                ck_assert_int_eq(forecast_make(&machine, &policy, &policy, NULL, 0, &forecast), 0);
                while (forecast_range(&forecast, &policy, &i, &range) > 0) {
                        for (size_t j = first; j < i; j++) {
                                const Block *block = &forecast.machine.blocks[j];

                                if (block->id != range.first + (j - first) ||
                                    block->node != range.node ||
                                    strcmp(zone_class_to_string(block_class(block)),
                                           range.zone_class) != 0)
                                        ck_abort_msg("seed %llu: memory%u is not in %u-%u",
                                                     (unsigned long long) seed, block->id,
                                                     range.first, range.last);
                        }
                        if (range.last != forecast.machine.blocks[i - 1].id)
                                ck_abort_msg("seed %llu: the range ends with memory%u",
                                             (unsigned long long) seed, range.last);
                        free(range.reason);
                        first = i;
                }
                if (first != machine.n_blocks)
                        ck_abort_msg("seed %llu: %zu of %zu blocks", (unsigned long long) seed,
                                     first, machine.n_blocks);
                forecast_done(&forecast);
                machine_done(&machine);
                policy_done(&policy);
        }
}
END_TEST

START_TEST(memory_is_added_without_a_decision)
{
        const Addition addition = { 2 * BLOCK, 3, ORIGIN_KMEM };
        Machine present;
        Forecast forecast;

        machine_from(&present, BLOCK, "0c=k4");
        machine_count(&present);
        ck_assert_int_eq(forecast_add(&present, &addition, "dax0.0", &forecast), 0);
        ck_assert_uint_eq(present.n_blocks, 4);
        ck_assert_uint_eq(forecast.machine.n_blocks, 6);
        for (size_t i = 4; i < 6; i++) {
                const Block *block = &forecast.machine.blocks[i];

                ck_assert_str_eq(machine_device(&forecast.machine, block)->name, "dax0.0");
                /* What rules go by. */
                ck_assert_str_eq(machine_device(&forecast.machine, block)->driver, "kmem");
                ck_assert(block->node_was_memoryless);
                ck_assert_int_eq(machine_origin(&forecast.machine, block), ORIGIN_KMEM);
                ck_assert_int_eq(block->node, 3);
                ck_assert_int_eq(block->state, BLOCK_OFFLINE);
                ck_assert_int_eq(block->decision.verdict, VERDICT_NONE);
        }
        ck_assert_uint_eq(forecast.machine.totals.offline_bytes, 2 * BLOCK);
        forecast_done(&forecast);
        machine_done(&present);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("forecast");
        TCase *tcase = tcase_create("forecast");

        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, an_addition_is_a_size_a_node_and_an_origin, 0,
                            ELEMENTSOF(good_additions));
        tcase_add_loop_test(tcase, an_addition_with_a_fault_tells_what_was_expected, 0,
                            ELEMENTSOF(bad_additions));
        tcase_add_loop_test(tcase, what_would_become_of_memory, 0, ELEMENTSOF(cases));
        tcase_add_test(tcase, each_range_tells_why);
        tcase_add_test(tcase, memory_is_added_without_a_decision);
        tcase_add_test(tcase, ranges_merge_over_what_makes_no_difference);
        tcase_add_test(tcase, ranges_split_where_another_reason_is_to_be_given);
        tcase_add_test(tcase, ranges_end_with_their_device);
        tcase_add_test(tcase, additions_come_after_what_devices_can_grow_to);
        tcase_add_test(tcase, whole_device_holds_for_an_addition);
        tcase_add_test(tcase, rules_see_the_size_and_the_origin_of_an_addition);
        tcase_add_test(tcase, a_node_is_memoryless_until_an_addition_came);
        tcase_add_test(tcase, another_policy_is_asked_with_the_udev_properties_that_are_known);
        tcase_add_test(tcase, another_policy_finds_its_own_rules_in_what_was_decided_before);
        tcase_add_test(tcase, a_forecast_has_a_limit);
        tcase_add_test(tcase, no_block_comes_after_the_last_number);
        tcase_add_test(tcase, a_forecast_is_what_memoryd_does_step_by_step);
        tcase_add_test(tcase, ranges_cover_all_blocks_once);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
