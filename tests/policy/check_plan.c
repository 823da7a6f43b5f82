/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/plan.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define BLOCK (128 * MIB)

#define ONE_BLOCK MIN_KERNEL_ONE_BLOCK
#define LARGEST MAX_MOVABLE_RATIO_PERMILLE_MAX

#define TEXT_MAX 1024

/* Filters */

static bool is_offered(const Block *block, uint64_t now_usec)
{
        return block->state == BLOCK_OFFLINE &&
               (block->status == BLOCK_STATUS_PENDING ||
                (block->status == BLOCK_STATUS_RETRYING && block->retry_at_usec <= now_usec));
}

static bool is_none(const Block *block, uint64_t now_usec)
{
        (void) block;
        (void) now_usec;
        return false;
}

static bool is_any(const Block *block, uint64_t now_usec)
{
        (void) block;
        (void) now_usec;
        return true;
}

/* Plans as text */

/* Verdicts in the order of blocks, "K10M54". D: kernel-default, L: leave. */
static const char *plan_verdicts(const Plan *plan, char text[static TEXT_MAX])
{
        static const char letters[] = "?KMDL";
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0, end; i < plan->n_planned; i = end) {
                Verdict verdict = plan->planned[i].decision.verdict;

                for (end = i;
                     end < plan->n_planned && plan->planned[end].decision.verdict == verdict;)
                        end++;
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%c", letters[verdict]);
                if (end - i > 1)
                        n += (size_t) snprintf(text + n, TEXT_MAX - n, "%zu", end - i);
                ck_assert_uint_lt(n, TEXT_MAX);
        }
        return text;
}

/* Their names here: those that users see are another module's. */
static const char *guards_text(unsigned guards, char text[static TEXT_MAX])
{
        static const char *const names[] = { "min_kernel", "node-ratio", "machine-ratio",
                                             "whole_device", "contiguous" };
        size_t n = 0;

        strcpy(text, guards ? "" : "-");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (guards & (1U << i))
                        n += (size_t) snprintf(text + n, TEXT_MAX - n, "%s%s", n > 0 ? " " : "",
                                               names[i]);
        return text;
}

/* Guards in the order of blocks, "node-ratio contiguous*2, -*5". */
static const char *plan_guards(const Plan *plan, char text[static TEXT_MAX])
{
        char names[TEXT_MAX];
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0, end; i < plan->n_planned; i = end) {
                unsigned guards = plan->planned[i].decision.guards;

                for (end = i;
                     end < plan->n_planned && plan->planned[end].decision.guards == guards;)
                        end++;
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%s%s*%zu", n > 0 ? ", " : "",
                                       guards_text(guards, names), end - i);
                ck_assert_uint_lt(n, TEXT_MAX);
        }
        return text;
}

/* Blocks in the order of writes, "9-0 63-10"; every run goes down. */
static const char *plan_order_text(const Plan *plan, char text[static TEXT_MAX])
{
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0; i < plan->n_order; i++) {
                uint32_t first = plan->planned[plan->order[i]].block, last = first;

                while (i + 1 < plan->n_order &&
                       plan->planned[plan->order[i + 1]].block == last - 1) {
                        last--;
                        i++;
                }
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%s%u", n > 0 ? " " : "", first);
                if (last < first)
                        n += (size_t) snprintf(text + n, TEXT_MAX - n, "-%u", last);
                ck_assert_uint_lt(n, TEXT_MAX);
        }
        return text;
}

static void assert_verdicts(const Machine *machine, const Policy *policy, const char *expected)
{
        char text[TEXT_MAX];
        Plan plan;

        ck_assert_int_eq(plan_make(machine, policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_verdicts(&plan, text), expected);
        plan_done(&plan);
}

/* Guards */

typedef struct GuardCase {
        const char *machine;
        uint64_t min_kernel_bytes;
        uint32_t ratio_permille;
        bool per_node;
        bool contiguous;
        const char *verdicts;
        const char *guards;
} GuardCase;

static void assert_guard_case(const GuardCase *c, uint64_t block_size_bytes)
{
        const Policy policy = {
                .min_kernel_bytes = c->min_kernel_bytes,
                .max_movable_ratio_permille = c->ratio_permille,
                .per_node = c->per_node,
                .contiguous = c->contiguous,
        };
        char text[TEXT_MAX];
        Machine machine;
        Plan plan;

        machine_from(&machine, block_size_bytes, c->machine);
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_msg(strcmp(plan_verdicts(&plan, text), c->verdicts) == 0,
                      "\"%s\": verdicts %s, expected %s", c->machine, text, c->verdicts);
        ck_assert_msg(strcmp(plan_guards(&plan, text), c->guards) == 0,
                      "\"%s\": guards %s, expected %s", c->machine, text, c->guards);
        plan_done(&plan);
        machine_done(&machine);
}

/* Node 1 has no CPU and the ratio is the largest: nothing but min_kernel bites. */
static const GuardCase min_kernel_cases[] = {
        { "0c=k4 1=o4", 0, LARGEST, true, true, "M4", "-*4" },
        { "0c=k4 1=o4", ONE_BLOCK, LARGEST, true, true, "KM3", "min_kernel*1, -*3" },

        /* a size is rounded up to blocks */
        { "0c=k4 1=o4", 1, LARGEST, true, true, "KM3", "min_kernel*1, -*3" },
        { "0c=k4 1=o4", BLOCK - 1, LARGEST, true, true, "KM3", "min_kernel*1, -*3" },
        { "0c=k4 1=o4", BLOCK, LARGEST, true, true, "KM3", "min_kernel*1, -*3" },
        { "0c=k4 1=o4", BLOCK + 1, LARGEST, true, true, "K2M2", "min_kernel*2, -*2" },
        { "0c=k4 1=o4", 3 * BLOCK, LARGEST, true, true, "K3M", "min_kernel*3, -*1" },
        { "0c=k4 1=o4", 4 * BLOCK, LARGEST, true, true, "K4", "min_kernel*4" },
        { "0c=k4 1=o4", 5 * BLOCK, LARGEST, true, true, "K4", "min_kernel*4" },
        { "0c=k4 1=o4", UINT64_MAX - 1, LARGEST, true, true, "K4", "min_kernel*4" },

        /* what is kernel memory already counts: one block under, at, over */
        { "0c=k4 1=k2o3", 3 * BLOCK, LARGEST, true, true, "KM2", "min_kernel*1, -*2" },
        { "0c=k4 1=k3o3", 3 * BLOCK, LARGEST, true, true, "M3", "-*3" },
        { "0c=k4 1=k4o3", 3 * BLOCK, LARGEST, true, true, "M3", "-*3" },
        { "0c=k4 1=ko3", ONE_BLOCK, LARGEST, true, true, "M3", "-*3" },
        { "0c=k4 1=so3", ONE_BLOCK, LARGEST, true, true, "M3", "-*3" },
        { "0c=k4 1=Ko3", ONE_BLOCK, LARGEST, true, true, "M3", "-*3" },

        /* what is movable, going offline or left does not */
        { "0c=k4 1=mo3", ONE_BLOCK, LARGEST, true, true, "KM2", "min_kernel*1, -*2" },
        { "0c=k4 1=Mo3", ONE_BLOCK, LARGEST, true, true, "KM2", "min_kernel*1, -*2" },
        { "0c=k4 1=go3", ONE_BLOCK, LARGEST, true, true, "KM2", "min_kernel*1, -*2" },
        { "0c=k4 1=lo3", ONE_BLOCK, LARGEST, true, true, "KM2", "min_kernel*1, -*2" },

        /* each node for itself, whatever the settings of the ratio */
        { "0c=k4 1=o2 2=o2", ONE_BLOCK, LARGEST, true, true, "KMKM",
          "min_kernel*1, -*1, min_kernel*1, -*1" },
        { "0c=k4 1=o2 2=o2", ONE_BLOCK, LARGEST, false, false, "KMKM",
          "min_kernel*1, -*1, min_kernel*1, -*1" },
};

START_TEST(a_nodes_first_blocks_are_kernel_memory_until_it_has_min_kernel)
{
        assert_guard_case(&min_kernel_cases[_i], BLOCK);
}
END_TEST

/* Until it is known what comes of it, what goes offline counts on the safe side. */
START_TEST(what_goes_offline_is_kernel_memory_no_more_and_movable_memory_still)
{
        static const struct {
                uint32_t leaving; /* of two kernel, six movable and four to be decided */
                const char *verdicts;
        } cases[] = {
                { UINT32_MAX, "KM3" },
                { 1, "K2M2" },
                { 2, "KM3" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Policy policy;
                Machine machine;
                Plan plan;
                char text[TEXT_MAX];

                policy_init(&policy);
                policy.min_kernel_bytes = 0;
                policy.contiguous = false;
                machine_from(&machine, BLOCK, "0c=k2m6o4");
                if (machine_find_block(&machine, cases[i].leaving))
                        machine_find_block(&machine, cases[i].leaving)->status =
                                BLOCK_STATUS_OFFLINING;
                ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
                ck_assert_str_eq(plan_verdicts(&plan, text), cases[i].verdicts);
                plan_done(&plan);
                machine_done(&machine);
        }
}
END_TEST

/* Node 0 has so much kernel memory that the machine's ratio never bites. */
static const GuardCase node_ratio_cases[] = {
        /* one block under, at and over what the ratio allows */
        { "0c=k99 1c=ko2", 0, 3000, true, true, "M2", "-*2" },
        { "0c=k99 1c=ko3", 0, 3000, true, true, "M3", "-*3" },
        { "0c=k99 1c=ko4", 0, 3000, true, true, "KM3", "node-ratio*1, -*3" },
        { "0c=k99 1c=ko7", 0, 3000, true, true, "KM6", "node-ratio*1, -*6" },
        { "0c=k99 1c=ko8", 0, 3000, true, true, "K2M6", "node-ratio*2, -*6" },

        /* a node without memory: rounded to the safe side */
        { "0c=k99 1c=o", 0, 3000, true, true, "K", "node-ratio*1" },
        { "0c=k99 1c=o3", 0, 3000, true, true, "KM2", "node-ratio*1, -*2" },
        { "0c=k99 1c=o4", 0, 3000, true, true, "KM3", "node-ratio*1, -*3" },
        { "0c=k99 1c=o5", 0, 3000, true, true, "K2M3", "node-ratio*2, -*3" },
        { "0c=k99 1c=o64", 0, 3000, true, true, "K16M48", "node-ratio*16, -*48" },

        /* movable memory that is there, or is being written */
        { "0c=k99 1c=km2o", 0, 3000, true, true, "M", "-*1" },
        { "0c=k99 1c=km3o", 0, 3000, true, true, "K", "node-ratio*1" },
        { "0c=k99 1c=kM2o", 0, 3000, true, true, "M", "-*1" },
        { "0c=k99 1c=kM3o", 0, 3000, true, true, "K", "node-ratio*1" },
        { "0c=k99 1c=kg3o", 0, 3000, true, true, "K", "node-ratio*1" },
        { "0c=k99 1c=kl3o", 0, 3000, true, true, "M", "-*1" },
        { "0c=k99 1c=KkM5o", 0, 3000, true, true, "M", "-*1" },
        { "0c=k99 1c=KkM6o", 0, 3000, true, true, "K", "node-ratio*1" },

        /* too much is movable already: all that comes is kernel memory */
        { "0c=k99 1c=km20o3", 0, 3000, true, true, "K3", "node-ratio*3" },

        /* other ratios */
        { "0c=k99 1c=k9o3", 0, 0, true, true, "K3", "node-ratio*3" },
        { "0c=k99 1c=k9o3", 0, 1, true, true, "K3", "node-ratio*3" },
        { "0c=k99 1c=ko", 0, 999, true, true, "K", "node-ratio*1" },
        { "0c=k99 1c=ko", 0, 1000, true, true, "M", "-*1" },
        { "0c=k99 1c=k2o3", 0, 1500, true, true, "M3", "-*3" },
        { "0c=k99 1c=k2o4", 0, 1500, true, true, "KM3", "node-ratio*1, -*3" },
        { "0c=k99 1c=ko1000", 0, LARGEST, true, true, "M1000", "-*1000" },
        { "0c=k99 1c=ko1001", 0, LARGEST, true, true, "KM1000", "node-ratio*1, -*1000" },

        /* a node without a CPU counts in the machine's ratio alone, as do all without per_node */
        { "0c=k99 1=o64", 0, 3000, true, true, "M64", "-*64" },
        { "0c=k99 1c=o64", 0, 3000, false, true, "M64", "-*64" },

        /* one node's kernel memory does not help another */
        { "0c=k99 1c=o4 2c=o4", 0, 3000, true, true, "KM3KM3",
          "node-ratio*1, -*3, node-ratio*1, -*3" },

        /* the stronger of min_kernel and the ratio counts, both are named where both ask */
        { "0c=k99 1c=o8", ONE_BLOCK, 3000, true, true, "K2M6",
          "min_kernel node-ratio*1, node-ratio*1, -*6" },
        { "0c=k99 1c=o8", 3 * BLOCK, 3000, true, true, "K3M5",
          "min_kernel node-ratio*2, min_kernel*1, -*5" },
};

START_TEST(a_node_with_a_cpu_keeps_the_ratio)
{
        assert_guard_case(&node_ratio_cases[_i], BLOCK);
}
END_TEST

static const GuardCase machine_ratio_cases[] = {
        /* one block under, at and over */
        { "0c=k3 1=o8", 0, 3000, true, true, "M8", "-*8" },
        { "0c=k3 1=o9", 0, 3000, true, true, "M9", "-*9" },
        { "0c=k3 1=o10", 0, 3000, true, true, "KM9", "machine-ratio*1, -*9" },
        { "0c=k3 1=o13", 0, 3000, true, true, "KM12", "machine-ratio*1, -*12" },
        { "0c=k3 1=o14", 0, 3000, true, true, "K2M12", "machine-ratio*2, -*12" },
        { "0c=k3m9 1=o", 0, 3000, true, true, "K", "machine-ratio*1" },
        { "0c=k3m8 1=o", 0, 3000, true, true, "M", "-*1" },
        { "0c=k3 1=M8o2", 0, 3000, true, true, "KM", "machine-ratio*1, -*1" },
        { "0c=k3 1=o4", 0, 0, false, true, "K4", "machine-ratio*4" },
        { "0c=km9 1=o2", 0, 3000, false, true, "K2", "machine-ratio*2" },

        /* nodes with a CPU give first, though others come before them */
        { "0c=k 1=o4 2c=o4", 0, 3000, false, true, "M4K2M2", "-*4, machine-ratio*2, -*2" },
        { "0c=k 1=o6 2c=o2", 0, 3000, false, true, "M6K2", "-*6, machine-ratio*2" },
        { "0c=k 1=o7 2c=o", 0, 3000, false, true, "KM6K", "machine-ratio*1, -*6, machine-ratio*1" },

        /* then by number, wherever their memory lies */
        { "0c=k 1c=o4 2c=o4", 0, 3000, false, true, "K2M6", "machine-ratio*2, -*6" },
        { "0c=k 2c=o4 1c=o4", 0, 3000, false, true, "M4K2M2", "-*4, machine-ratio*2, -*2" },
        { "0c=k 2=o4 1=o4", 0, 3000, true, true, "M4K2M2", "-*4, machine-ratio*2, -*2" },
        { "0c=k 1c=o 2c=o7", 0, 3000, false, true, "K2M6", "machine-ratio*2, -*6" },
        { "0c=k 1=o 2=o 3c=o6", 0, 0, false, true, "K8", "machine-ratio*8" },

        /* what the guards of the nodes took counts */
        { "0c=k2 1=o4 2=o4", ONE_BLOCK, 3000, true, true, "KM3KM3",
          "min_kernel*1, -*3, min_kernel*1, -*3" },
        { "0c=k 1=o6 2=o6", ONE_BLOCK, 3000, true, true, "K2M4KM5",
          "min_kernel*1, machine-ratio*1, -*4, min_kernel*1, -*5" },
        { "0c=o4 1c=o4 2=o8", 0, 3000, true, true, "K3MKM11",
          "node-ratio*1, machine-ratio*2, -*1, node-ratio*1, -*11" },

        /* blocks whose node is not known count for nothing */
        { "0c=k ?=k9 1=o4", 0, 3000, true, true, "KM3", "machine-ratio*1, -*3" },
        { "0c=k ?=m9 1=o3", 0, 3000, true, true, "M3", "-*3" },
};

START_TEST(the_machine_keeps_the_ratio)
{
        assert_guard_case(&machine_ratio_cases[_i], BLOCK);
}
END_TEST

/* The largest machines, where products come near to 64 bits. */
static const struct {
        uint64_t block_size_bytes;
        GuardCase guard;
} large_cases[] = {
        /* 4 PiB, as much as an x86 machine can address */
        { TIB, { "0c=o4096", 0, LARGEST, true, true, "K5M4091", "node-ratio*5, -*4091" } },
        { TIB, { "0c=o4096", 0, 0, true, true, "K4096", "node-ratio*4096" } },
        { TIB, { "0c=o4096", 0, 3000, true, true, "K1024M3072", "node-ratio*1024, -*3072" } },
        { TIB, { "0c=k4000o96", 0, LARGEST, true, true, "M96", "-*96" } },
        { TIB, { "0c=k4000o96", 0, 1, true, true, "K92M4", "node-ratio*92, -*4" } },
        { TIB, { "0c=km4000o95", 0, LARGEST, true, true, "K4M91", "node-ratio*4, -*91" } },
        { TIB,
          { "0c=o4096", UINT64_MAX - 1, 3000, true, true, "K4096",
            "min_kernel node-ratio*1024, min_kernel*3072" } },

        /* 1 PiB in the largest blocks of x86 */
        { 2 * GIB,
          { "0c=ko524287", 0, LARGEST, true, true, "K523M523764", "node-ratio*523, -*523764" } },
        { 2 * GIB,
          { "0c=k 1=o524287", ONE_BLOCK, 3000, true, true, "K131071M393216",
            "min_kernel*1, machine-ratio*131070, -*393216" } },

        /* the smallest blocks */
        { 4096, { "0c=ko4", 0, 3000, true, true, "KM3", "node-ratio*1, -*3" } },
        { 16 * MIB, { "0c=ko4", 0, 3000, true, true, "KM3", "node-ratio*1, -*3" } },
};

START_TEST(guards_hold_on_machines_of_any_size)
{
        assert_guard_case(&large_cases[_i].guard, large_cases[_i].block_size_bytes);
}
END_TEST

START_TEST(a_gigabyte_and_a_dimm_of_eight_are_ten_kernel_blocks_and_54_movable)
{
        char text[TEXT_MAX];
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        machine_from(&machine, BLOCK, "0c=k8 0@32=o64");
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_verdicts(&plan, text), "K10M54");
        ck_assert_str_eq(plan_guards(&plan, text), "node-ratio*10, -*54");
        ck_assert_str_eq(plan_order_text(&plan, text), "32 41-33 95-42");
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* CMA */

typedef struct CmaCase {
        const char *machine;
        uint32_t node;
        ZoneType type;
        uint64_t cma_bytes;
        const char *verdicts;
} CmaCase;

static const CmaCase cma_cases[] = {
        { "0c=k8o8", 0, ZONE_NORMAL, 0, "M8" },
        { "0c=k8o8", 0, ZONE_NORMAL, 4 * BLOCK - 4096, "M8" },
        { "0c=k8o8", 0, ZONE_NORMAL, 4 * BLOCK, "M8" },
        { "0c=k8o8", 0, ZONE_NORMAL, 4 * BLOCK + 4096, "KM7" },
        { "0c=k8o8", 0, ZONE_NORMAL, 5 * BLOCK, "KM7" },
        { "0c=k8o8", 0, ZONE_DMA32, 5 * BLOCK, "KM7" },
        { "0c=k8o8", 0, ZONE_MOVABLE, 5 * BLOCK, "M8" },

        /* more of it than there is memory: none is left for the kernel, but no less than none */
        { "0c=k8o8", 0, ZONE_NORMAL, 80 * BLOCK, "K8" },

        /* on another node it counts in the machine's ratio */
        { "0c=k8 1=o8", 0, ZONE_NORMAL, 4 * BLOCK, "M8" },
        { "0c=k8 1=o8", 0, ZONE_NORMAL, 5 * BLOCK, "KM7" },
        { "0c=k99 1c=k8o8", 0, ZONE_NORMAL, 20 * BLOCK, "M8" },
        { "0c=k99 1c=k8o8", 1, ZONE_NORMAL, 5 * BLOCK, "KM7" },
};

START_TEST(cma_counts_as_movable_memory)
{
        const CmaCase *c = &cma_cases[_i];
        const Policy policy = { .max_movable_ratio_permille = 3000,
                                .per_node = true,
                                .contiguous = true };
        Machine machine;

        machine_from(&machine, BLOCK, c->machine);
        machine_add_zone(&machine, c->node, c->type)->cma_bytes = c->cma_bytes;
        assert_verdicts(&machine, &policy, c->verdicts);
        machine_done(&machine);
}
END_TEST

/* Devices */

typedef struct DeviceCase {
        const char *machine;
        const char *devices;
        WholeDevice whole_device;
        GuardCase guard; /* but for its machine */
} DeviceCase;

#define NO_RATIO 0, LARGEST, false, true
#define MIN_ALONE ONE_BLOCK, LARGEST, false, true
#define RATIO 0, 3000, true, true

static const DeviceCase device_cases[] = {
        /* one class for a device, whichever guard asks; one block under, at and over */
        { "0c=k99 1=o4", "99-102", false, { "", MIN_ALONE, "KM3", "min_kernel*1, -*3" } },
        { "0c=k99 1=o4", "99-102", true, { "", MIN_ALONE, "K4", "min_kernel whole_device*4" } },
        { "0c=k99 1=ko4", "100-103", true, { "", MIN_ALONE, "M4", "-*4" } },
        { "0c=k99 1c=ko3", "100-102", true, { "", RATIO, "M3", "-*3" } },
        { "0c=k99 1c=ko4", "100-103", true, { "", RATIO, "K4", "node-ratio whole_device*4" } },
        { "0c=k99 1c=ko4", "100-103", false, { "", RATIO, "KM3", "node-ratio*1, -*3" } },
        { "0c=k3 1=o9", "3-11", true, { "", RATIO, "M9", "-*9" } },
        { "0c=k3 1=o10", "3-12", true, { "", RATIO, "K10", "machine-ratio whole_device*10" } },
        { "0c=k9 1=o2ko", "9-10 12-12", true, { "", NO_RATIO, "M3", "-*3" } },

        /* a device of a single block, or a block without one, is no whole */
        { "0c=k99 1=o", "99-99", true, { "", MIN_ALONE, "K", "min_kernel*1" } },
        { "0c=k99 1=o2", "", true, { "", MIN_ALONE, "KM", "min_kernel*1, -*1" } },

        /* the lowest device gives */
        { "0c=k99 1=o2o2",
          "99-100 101-102",
          true,
          { "", MIN_ALONE, "K2M2", "min_kernel whole_device*2, -*2" } },

        /* the rest of a device follows: kernel, movable, both */
        { "0c=k99 1=k2o2", "99-102", true, { "", NO_RATIO, "K2", "whole_device*2" } },
        { "0c=k99 1=o2k2", "99-102", true, { "", NO_RATIO, "K2", "whole_device*2" } },
        { "0c=k99 1=Ko2", "99-101", true, { "", NO_RATIO, "K2", "whole_device*2" } },
        { "0c=k99 1=ko", "99-100", true, { "", NO_RATIO, "K", "whole_device*1" } },
        { "0c=k99 1=m2o2", "99-102", true, { "", NO_RATIO, "M2", "whole_device*2" } },
        { "0c=k99 1=Mo2", "99-101", true, { "", NO_RATIO, "M2", "whole_device*2" } },
        { "0c=k99 1=go2", "99-101", true, { "", NO_RATIO, "M2", "whole_device*2" } },
        { "0c=k99 1=kmo2", "99-102", true, { "", NO_RATIO, "M2", "-*2" } },
        { "0c=k99 1=lo2", "99-101", true, { "", NO_RATIO, "M2", "-*2" } },

        /* which is below the other guards */
        { "0c=k99 1=o2mk", "99-101", true, { "", NO_RATIO, "M2", "whole_device*2" } },
        { "0c=k99 1=o2mk", "99-102", true, { "", NO_RATIO, "K2", "contiguous*2" } },
        { "0c=k99 1=mo3",
          "99-102",
          true,
          { "", MIN_ALONE, "KM2", "min_kernel*1, whole_device*2" } },
        { "0c=k99 1c=km3o2", "100-104", true, { "", RATIO, "KM", "node-ratio*1, whole_device*1" } },
        { "0c=k3 1=m9o2", "3-13", true, { "", RATIO, "KM", "machine-ratio*1, whole_device*1" } },

        /* a device that is given whole comes before a device that would be split */
        { "0c=k99 1=mo2 1=o2",
          "99-101 102-103",
          true,
          { "", MIN_ALONE, "M2K2", "whole_device*2, min_kernel whole_device*2" } },

        /* none is kernel memory in vain: the second device is large enough for both */
        { "0c=k 1=o 2=o10",
          "1-1 2-11",
          true,
          { "", RATIO, "MK10", "-*1, machine-ratio whole_device*10" } },
        { "0c=koo10",
          "1-1 2-11",
          true,
          { "", 0, 3000, false, false, "MK10", "-*1, machine-ratio whole_device*10" } },
        { "0c=koo10",
          "1-1 2-11",
          true,
          { "", 0, 3000, false, true, "MK10", "-*1, machine-ratio whole_device*10" } },

        /* on two nodes: it is of the node of its lowest block */
        { "0c=k99 1=o2 2=o2",
          "99-102",
          true,
          { "", MIN_ALONE, "K3M", "min_kernel whole_device*2, min_kernel*1, -*1" } },

        /* units of a device that grows, of a block and of two */
        { "0c=ko9", "1-9/1", true, { "", RATIO, "K2M7", "node-ratio*2, -*7" } },
        { "0c=k2o8", "2-9/2", true, { "", RATIO, "K2M6", "node-ratio whole_device*2, -*6" } },
        { "0c=k2o8", "2-9/2", false, { "", RATIO, "KM7", "node-ratio*1, -*7" } },
        { "0c=k9 1=o4",
          "9-12/2",
          true,
          { "", MIN_ALONE, "K2M2", "min_kernel whole_device*2, -*2" } },
        { "0c=k9 1=o5",
          "9-13/2",
          true,
          { "", 3 * BLOCK, LARGEST, false, true, "K4M", "min_kernel whole_device*4, -*1" } },
        { "0c=k9 1=mo", "9-10/2", true, { "", NO_RATIO, "M", "whole_device*1" } },
        { "0c=k9 1=ko", "9-10/2", true, { "", NO_RATIO, "K", "whole_device*1" } },
        { "0c=k9 1=ko", "9-10/1", true, { "", NO_RATIO, "M", "-*1" } },
        { "0c=k9 1=mo", "9-10/2", true, { "", MIN_ALONE, "K", "min_kernel*1" } },
        { "0c=k9 1=mo2", "9-11/2", true, { "", MIN_ALONE, "MK", "whole_device*1, min_kernel*1" } },

        /* a unit that is larger than its device */
        { "0c=k9 1=o3", "9-11/8", true, { "", MIN_ALONE, "K3", "min_kernel whole_device*3" } },
        { "0c=k9 1=o3",
          "9-11/4294967295",
          true,
          { "", MIN_ALONE, "K3", "min_kernel whole_device*3" } },

        /* together with static devices */
        { "0c=ko3 0=o3", "1-3/1 4-6", false, { "", RATIO, "KM5", "node-ratio*1, -*5" } },
        { "0c=ko3 0=o3",
          "1-3 4-6/1",
          true,
          { "", RATIO, "K3M3", "node-ratio whole_device*3, -*3" } },
};

static void assert_device_case(const DeviceCase *c)
{
        const Policy policy = {
                .min_kernel_bytes = c->guard.min_kernel_bytes,
                .max_movable_ratio_permille = c->guard.ratio_permille,
                .per_node = c->guard.per_node,
                .contiguous = c->guard.contiguous,
                .whole_device = c->whole_device,
        };
        char text[TEXT_MAX];
        Machine machine;
        Plan plan;

        machine_from(&machine, BLOCK, c->machine);
        machine_add_devices(&machine, c->devices);
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_msg(strcmp(plan_verdicts(&plan, text), c->guard.verdicts) == 0,
                      "\"%s\" with \"%s\": verdicts %s, expected %s", c->machine, c->devices, text,
                      c->guard.verdicts);
        ck_assert_msg(strcmp(plan_guards(&plan, text), c->guard.guards) == 0,
                      "\"%s\" with \"%s\": guards %s, expected %s", c->machine, c->devices, text,
                      c->guard.guards);
        plan_done(&plan);
        machine_done(&machine);
}

START_TEST(devices_and_units_are_of_one_class_if_they_can_be)
{
        assert_device_case(&device_cases[_i]);
}
END_TEST

/* Devices of node 1. */
static const DeviceCase contiguous_cases[] = {
        /* the blocks of a device below a kernel block follow it, those above do not */
        { "0c=k9 1=o2ko", "9-12", false, { "", NO_RATIO, "K2M", "contiguous*2, -*1" } },
        { "0c=k9 1=o2so", "9-12", false, { "", NO_RATIO, "K2M", "contiguous*2, -*1" } },
        { "0c=k9 1=o2Ko", "9-12", false, { "", NO_RATIO, "K2M", "contiguous*2, -*1" } },
        { "0c=k9 1=oko2ko", "9-14", false, { "", NO_RATIO, "K3M", "contiguous*3, -*1" } },
        { "0c=k9 1=o2ko", "9-12", false, { "", 0, LARGEST, true, false, "M3", "-*3" } },

        /* a movable one says nothing */
        { "0c=k9 1=o2mo", "9-12", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o2Mo", "9-12", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o2lo", "9-12", false, { "", NO_RATIO, "M3", "-*3" } },

        /* nor do other devices of the node, memory without a device, and other nodes */
        { "0c=k9 1=o2ko", "9-10 11-12", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o2ko", "9-10", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o2ko", "", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o2 2=k 1=o2", "9-13", false, { "", NO_RATIO, "M4", "-*4" } },
        { "0c=k9 1=o4 1=k4", "9-12/1 13-16", false, { "", NO_RATIO, "M4", "-*4" } },

        /* of a device that grows, each unit is for itself */
        { "0c=k9 1=o2ko", "9-12/1", false, { "", NO_RATIO, "M3", "-*3" } },
        { "0c=k9 1=o3ko", "9-13/2", false, { "", NO_RATIO, "M2KM", "-*2, contiguous*1, -*1" } },

        /* holes in the address space do not matter */
        { "0c=k9 1=o-5o-9k-7o", "9-33", false, { "", NO_RATIO, "K2M", "contiguous*2, -*1" } },

        /* beside the other guards, the greatest counts */
        { "0c=k99 1c=o2ko9",
          "99-110",
          false,
          { "", ONE_BLOCK, 3000, true, true, "K2M9", "node-ratio contiguous*2, -*9" } },
        { "0c=k99 1c=o2ko10",
          "99-111",
          false,
          { "", RATIO, "K3M9", "node-ratio contiguous*2, node-ratio*1, -*9" } },
        { "0c=k99 1=o4ko",
          "99-104",
          false,
          { "", 2 * BLOCK, LARGEST, true, true, "K4M",
            "min_kernel contiguous*1, contiguous*3, -*1" } },
        { "0c=k2 1=oko12", "2-15", false, { "", RATIO, "KM12", "contiguous*1, -*12" } },
        { "0c=k2 1=oko13",
          "2-16",
          false,
          { "", RATIO, "K2M12", "contiguous*1, machine-ratio*1, -*12" } },
};

START_TEST(kernel_memory_of_a_device_lies_below_its_movable_memory)
{
        assert_device_case(&contiguous_cases[_i]);
}
END_TEST

#define DEFAULTS ONE_BLOCK, 3000, true, true

/* Half of the movable memory that the ratio allows has to remain. */
static const DeviceCase prefer_cases[] = {
        /* a device is kernel memory as a whole, from where half of the movable memory remains */
        { "0c=k32m96o8",
          "128-135",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K8", "node-ratio whole_device*8" } },
        { "0c=k8o64",
          "8-71",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K10M54", "node-ratio*10, -*54" } },
        { "0c=k8m24o8",
          "32-39",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K8", "node-ratio whole_device*8" } },
        { "0c=k8m23o9",
          "31-39",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K2M7", "node-ratio*2, -*7" } },

        /* of the machine, and of the node if it has a CPU */
        { "0c=k32m96 1c=o8",
          "128-135",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K2M6", "min_kernel node-ratio*1, node-ratio*1, -*6" } },
        { "0c=k32m96 1=o8",
          "128-135",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K8", "min_kernel whole_device*8" } },
        { "0c=k32m96 1=o32",
          "128-159",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K32", "min_kernel whole_device*32" } },
        { "0c=k32m96 1=o33",
          "128-160",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K9M24", "min_kernel*1, machine-ratio*8, -*24" } },
        { "0c=k8 1=o16",
          "8-23",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "KM15", "min_kernel*1, -*15" } },
        { "0c=k8 1c=o16",
          "8-23",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K4M12", "min_kernel node-ratio*1, node-ratio*3, -*12" } },

        /* several devices at once: one of them gives */
        { "0c=k8o8o8o8o8",
          "8-15 16-23 24-31 32-39",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K8M24", "node-ratio whole_device*8, -*24" } },

        /* a device that is split is split half way, too */
        { "0c=k8k3o61",
          "8-71",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K7M54", "node-ratio*7, -*54" } },
        { "0c=k8o9ko54",
          "8-71",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K9M54", "node-ratio contiguous*9, -*54" } },
        { "0c=k8k10o54", "8-71", WHOLE_DEVICE_PREFER, { "", DEFAULTS, "M54", "-*54" } },
        { "0c=k8k10m20o34", "8-71", WHOLE_DEVICE_PREFER, { "", DEFAULTS, "M34", "-*34" } },
        { "0c=k32m96k3o5",
          "128-135",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K5", "whole_device*5" } },

        /* units of a device that grows, of a block and of two */
        { "0c=k8m24o16",
          "32-47/1",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K4M12", "node-ratio*4, -*12" } },
        { "0c=k8m24o16",
          "32-47/2",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K4M12", "node-ratio whole_device*4, -*12" } },
        { "0c=k8m24o2",
          "32-33/2",
          WHOLE_DEVICE_PREFER,
          { "", DEFAULTS, "K2", "node-ratio whole_device*2" } },
};

START_TEST(devices_are_preferably_of_one_class)
{
        assert_device_case(&prefer_cases[_i]);
}
END_TEST

/* Devices of eight blocks, one after another, on a machine of 4 GiB. */
START_TEST(of_32_dimms_that_come_one_by_one_27_can_leave)
{
        unsigned n_movable = 0, n_kernel = 0;
        Machine machine;
        Policy policy;

        policy_init(&policy);
        machine_from(&machine, BLOCK, "0c=k32");
        for (uint32_t first = 32; first < 32 + 32 * 8; first += 8) {
                char verdicts[TEXT_MAX];
                Plan plan;

                for (uint32_t id = first; id < first + 8; id++) {
                        Block *block;

                        ck_assert_int_eq(machine_add_block(&machine, id, &block), 1);
                        block->node = 0;
                        block_set_letter(block, 'o');
                }
                machine_add_device(&machine, first, first + 7, 0);
                ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
                plan_verdicts(&plan, verdicts);
                n_movable += strcmp(verdicts, "M8") == 0;
                n_kernel += strcmp(verdicts, "K8") == 0;
                plan_done(&plan);
                for (uint32_t id = first; id < first + 8; id++)
                        block_set_letter(machine_find_block(&machine, id),
                                         *verdicts == 'K' ? 'k' : 'm');
        }
        ck_assert_uint_eq(n_movable, 27);
        ck_assert_uint_eq(n_kernel, 5);
        machine_done(&machine);
}
END_TEST

static const GuardCase strict_cases[] = {
        /* all movable memory of a node lies above its kernel memory, whatever contiguous says */
        { "0c=k9 1=o2ko", 0, LARGEST, true, false, "K2M", "contiguous*2, -*1" },
        { "0c=k9 1=o2mo", 0, LARGEST, true, false, "M3", "-*2, contiguous*1" },
        { "0c=k9 1=o2ko2mo", 0, LARGEST, true, true, "K2M3", "contiguous*2, -*2, contiguous*1" },
        { "0c=k9 1=o2 2=k 1=o2", 0, LARGEST, true, true, "M4", "-*4" },

        /* though a guard asks for kernel memory: what cannot be kernel memory is movable */
        { "0c=k9m27o4", 0, 3000, true, true, "M4", "contiguous*4" },
        { "0c=k9o2m27o4", 0, 3000, true, true, "K2M4", "node-ratio*2, contiguous*4" },
        { "0c=k99 1=o2mo", 3 * BLOCK, LARGEST, true, true, "K2M", "min_kernel*2, contiguous*1" },
        { "0c=k2m6 1=o4", 0, 3000, true, true, "KM3", "machine-ratio*1, -*3" },
};

START_TEST(strict_zone_order_decides_what_the_planner_asks_for)
{
        const GuardCase *c = &strict_cases[_i];
        const Policy policy = {
                .min_kernel_bytes = c->min_kernel_bytes,
                .max_movable_ratio_permille = c->ratio_permille,
                .per_node = c->per_node,
                .contiguous = c->contiguous,
        };
        char text[TEXT_MAX];
        Machine machine;
        Plan plan;

        machine_from(&machine, BLOCK, c->machine);
        machine.strict_zone_order = true;
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_verdicts(&plan, text), c->verdicts);
        ck_assert_str_eq(plan_guards(&plan, text), c->guards);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* Blocks 4 to 9 of node 0; A is 4, 5, 8 and 9, B is in between. */
START_TEST(a_device_with_another_in_between_is_a_whole)
{
        const Policy policy = { .max_movable_ratio_permille = 1000,
                                .whole_device = true,
                                .contiguous = false };
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k4o6");
        machine_add_devices(&machine, "6-7 4-9");
        assert_verdicts(&machine, &policy, "K2M2K2");
        machine_done(&machine);
}
END_TEST

START_TEST(what_a_rule_makes_of_a_part_counts_for_the_rest_of_the_device)
{
        static const struct {
                ZoneAction zone;
                const char *verdicts, *half_way;
        } cases[] = {
                { ZONE_ACTION_KERNEL, "K4", "K3" },
                { ZONE_ACTION_MOVABLE, "M4", "M3" },
                { ZONE_ACTION_LEAVE, "LM3", "LM3" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Rule rule = { .has_address = true,
                              .first_address = 4 * BLOCK,
                              .last_address = 5 * BLOCK - 1,
                              .zone = cases[i].zone };
                const Policy policy = { .rules = &rule,
                                        .n_rules = 1,
                                        .max_movable_ratio_permille = 3000,
                                        .whole_device = true };
                Machine machine;

                machine_from(&machine, BLOCK, "0c=k4o4");
                machine_add_devices(&machine, "4-7");
                assert_verdicts(&machine, &policy, cases[i].verdicts);
                if (cases[i].zone != ZONE_ACTION_LEAVE)
                        block_set_letter(machine_find_block(&machine, 4),
                                         cases[i].zone == ZONE_ACTION_KERNEL ? 'k' : 'm');
                assert_verdicts(&machine, &policy, cases[i].half_way);
                machine_done(&machine);
        }
}
END_TEST

START_TEST(a_device_that_was_onlined_as_a_whole_is_left_whatever_a_rule_says)
{
        for (int zone = 0; zone < _ZONE_ACTION_MAX; zone++) {
                Rule rule = { .zone = (ZoneAction) zone };
                const Policy policy = { .rules = &rule, .n_rules = 1 };
                char text[TEXT_MAX];
                Machine machine;
                Plan plan;

                machine_from(&machine, BLOCK, "0c=k4o4");
                machine_add_device(&machine, 4, 5, 0)->dax_state = DAX_STATE_ONLINE;
                machine_add_device(&machine, 6, 7, 1)->dax_state = DAX_STATE_ONLINE_MOVABLE;
                ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
                ck_assert_str_eq(plan_verdicts(&plan, text), "L4");
                ck_assert_int_eq(plan.planned[0].decision.action, zone);
                ck_assert_uint_eq(plan.n_order, 0);
                plan_done(&plan);
                machine_done(&machine);
        }
}
END_TEST

START_TEST(what_the_kernel_or_memoryd_onlined_as_a_whole_is_not_left_for_that)
{
        Rule rule = { .zone = ZONE_ACTION_MOVABLE };
        const Policy policy = { .rules = &rule, .n_rules = 1 };
        Machine machine;
        Block *block;

        machine_from(&machine, BLOCK, "0c=k4o4");
        machine_add_device(&machine, 4, 7, 0)->dax_state = DAX_STATE_ONLINE;
        block = &machine.blocks[4];
        assert_verdicts(&machine, &policy, "L4");
        block[0].onliner = ONLINER_KERNEL;
        assert_verdicts(&machine, &policy, "ML3");
        block[1].by_itself = true;
        assert_verdicts(&machine, &policy, "M2L2");
        block[2].kernel_due = true;
        assert_verdicts(&machine, &policy, "M3L");
        /* It was online, and could not be brought back: memoryd is to try. */
        block[3].last_class = ZONE_CLASS_KERNEL;
        assert_verdicts(&machine, &policy, "M4");
        block[3].last_class = ZONE_CLASS_NONE;
        /* And a request is for what it asks. */
        block[3].job = 1;
        assert_verdicts(&machine, &policy, "M4");
        machine_done(&machine);
}
END_TEST

/*
 * A device per block, two in turns, and a unit on nodes in turns: what takes the square of the number of
 * blocks anywhere takes longer than a test may.
 */
START_TEST(a_plan_of_many_blocks_on_many_devices_takes_no_time)
{
        static const uint32_t n_blocks = 100000, n_devices[] = { 100000, 2, 1 };
        uint32_t n = n_devices[_i];
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        policy.whole_device = true;
        machine_from(&machine, BLOCK, "0c=o99000 1c=o1000");
        machine.devices = calloc(n, sizeof(Device));
        machine.n_devices = n;
        for (uint32_t i = 0; i < n; i++)
                machine.devices[i] = (Device){ .origin = ORIGIN_DIMM,
                                               .last_block = n_blocks - 1,
                                               .unit_blocks = n == 1 ? UINT32_MAX : 0 };
        for (uint32_t i = 0; i < n_blocks; i++) {
                machine.blocks[i].device = (int32_t) (i % n);
                if (n == 1)
                        machine.blocks[i].node = i % 2;
        }
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_order, n_blocks);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* Figures */

static void assert_figures(const Plan *plan, uint32_t block, uint64_t kernel_bytes,
                           uint64_t movable_bytes, uint64_t limit)
{
        const Planned *planned = plan_find(plan, block);

        ck_assert_ptr_nonnull(planned);
        ck_assert_uint_eq(planned->decision.figures.kernel_bytes, kernel_bytes);
        ck_assert_uint_eq(planned->decision.figures.movable_bytes, movable_bytes);
        ck_assert_uint_eq(planned->decision.figures.limit, limit);
}

START_TEST(figures_are_what_the_guard_compared)
{
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        machine_from(&machine, BLOCK, "0c=k8 0@32=o64");
        machine_add_devices(&machine, "32-95");
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        assert_figures(&plan, 32, 1 * GIB, 8 * GIB, 3000);
        assert_figures(&plan, 33, 9 * BLOCK, 63 * BLOCK, 3000);
        assert_figures(&plan, 41, 17 * BLOCK, 55 * BLOCK, 3000);
        assert_figures(&plan, 42, 18 * BLOCK, 54 * BLOCK, 3000);
        assert_figures(&plan, 95, 18 * BLOCK, 54 * BLOCK, 3000);
        plan_done(&plan);

        policy.whole_device = true;
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        for (uint32_t block = 32; block < 96; block++) {
                const Planned *planned = plan_find(&plan, block);

                assert_figures(&plan, block, 1 * GIB, 8 * GIB, 3000);
                ck_assert_ptr_nonnull(planned);
                ck_assert_int_eq(planned->decision.verdict, VERDICT_KERNEL);
                ck_assert_uint_eq(planned->decision.guards, GUARD_NODE_RATIO | GUARD_WHOLE_DEVICE);
        }
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

static const struct {
        const char *machine;
        const char *devices;
        uint64_t min_kernel_bytes;
        uint32_t ratio_permille;
        bool per_node;
        uint64_t cma_bytes; /* of node 0 */
        uint32_t block;
        uint64_t kernel_blocks, movable_blocks, limit;
} figure_cases[] = {
        /* min_kernel is named before the ratio, and tells what was there */
        { "0c=k9 1c=ko4", "", 3 * BLOCK, 1000, true, 0, 10, 1, 0, 3 * BLOCK },
        { "0c=k9 1c=ko4", "", 3 * BLOCK, 1000, true, 0, 11, 1, 0, 3 * BLOCK },
        { "0c=k9 1c=ko4", "", ONE_BLOCK, 3000, true, 0, 10, 1, 4, 3000 },
        { "0c=k9 1=o", "", ONE_BLOCK, 3000, true, 0, 9, 0, 0, BLOCK },

        /* the node's ratio before the machine's; a node without a CPU has the machine's alone */
        { "0c=k9 1c=ko3", "", 0, 3000, true, 0, 10, 1, 3, 3000 },
        { "0c=k9 1c=ko3", "", 0, 3000, false, 0, 10, 10, 3, 3000 },
        { "0c=k9 1=ko3", "", 0, 3000, true, 0, 10, 10, 3, 3000 },
        { "0c=k 1=o4", "", 0, 3000, true, 0, 1, 1, 4, 3000 },
        { "0c=k 1=o4", "", 0, 3000, true, 0, 2, 2, 3, 3000 },

        /* CMA is movable */
        { "0c=k4o4", "", 0, 3000, true, 2 * BLOCK, 4, 2, 6, 3000 },
        { "0c=k4o5", "", 0, 3000, true, 2 * BLOCK, 4, 2, 7, 3000 },

        /* contiguous tells which block is above; whole_device alone compares nothing */
        { "0c=k9 1=o2ko", "9-12", 0, LARGEST, false, 0, 9, 0, 0, 0 },
        { "0c=k9 1=omk", "9-11", 0, LARGEST, false, 0, 9, 0, 0, 11 },
        { "0c=k9 1=ko2", "9-11", 0, LARGEST, false, 0, 10, 0, 0, 0 },
        { "0c=k9 1=o2k2", "9-12", 0, LARGEST, false, 0, 10, 0, 0, 0 },

        /* units tell the same as other blocks that come at once */
        { "0c=ko5", "1-5/1", 0, 3000, true, 0, 1, 1, 5, 3000 },
        { "0c=ko5", "1-5/1", 0, 3000, true, 0, 2, 2, 4, 3000 },
        { "0c=k9 1=o3", "9-11/1", 2 * BLOCK, LARGEST, false, 0, 9, 0, 0, 2 * BLOCK },
        { "0c=k9 1=o3", "9-11/1", 2 * BLOCK, LARGEST, false, 0, 10, 0, 0, 2 * BLOCK },
};

START_TEST(figures_are_those_of_the_first_guard)
{
        const Policy policy = {
                .min_kernel_bytes = figure_cases[_i].min_kernel_bytes,
                .max_movable_ratio_permille = figure_cases[_i].ratio_permille,
                .per_node = figure_cases[_i].per_node,
                .whole_device = true,
                .contiguous = true,
        };
        Machine machine;
        Plan plan;

        machine_from(&machine, BLOCK, figure_cases[_i].machine);
        machine_add_devices(&machine, figure_cases[_i].devices);
        machine_add_zone(&machine, 0, ZONE_NORMAL)->cma_bytes = figure_cases[_i].cma_bytes;
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        assert_figures(&plan, figure_cases[_i].block, figure_cases[_i].kernel_blocks * BLOCK,
                       figure_cases[_i].movable_blocks * BLOCK, figure_cases[_i].limit);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

static void rule_init(Rule *rule, const char *nodes, ZoneAction zone)
{
        *rule = (Rule){ .has_nodes = nodes, .zone = zone };
        if (nodes)
                ck_assert_int_eq(node_set_parse(&rule->nodes, nodes), 0);
}

/* Nodes without kernel memory */

static const struct {
        const char *machine;
        const char *devices;
        const char *nodes; /* of a rule that allows it */
        ZoneAction zone;
        const char *verdicts;
} movable_node_cases[] = {
        { "0c=k9 1=o4", "", "2", ZONE_ACTION_AUTO, "KM3" },
        { "0c=k9 1=o4", "", "1", ZONE_ACTION_AUTO, "M4" },
        { "0c=k9 1=o4", "", "1", ZONE_ACTION_KEEP, "M4" },
        { "0c=k9 1=o2 2=o2", "", "1", ZONE_ACTION_AUTO, "M2KM" },
        { "0c=k9 1=o2 2=o2", "", "1-2", ZONE_ACTION_AUTO, "M4" },

        /* not the ratio */
        { "0c=k 1c=o4", "", "1", ZONE_ACTION_AUTO, "K2M2" },

        /* of units as well */
        { "0c=k9 1=o4", "9-12/2", "1", ZONE_ACTION_AUTO, "M4" },
        { "0c=k9 1=o4", "9-12/2", "2", ZONE_ACTION_AUTO, "KM3" },
};

START_TEST(a_rule_can_allow_a_node_without_kernel_memory)
{
        Machine machine;
        Policy policy;
        Rule rule;

        policy_init(&policy);
        rule_init(&rule, movable_node_cases[_i].nodes, movable_node_cases[_i].zone);
        rule.movable_node = true;
        policy.rules = &rule;
        policy.n_rules = 1;
        policy.max_movable_ratio_permille = 1000;
        machine_from(&machine, BLOCK, movable_node_cases[_i].machine);
        machine_add_devices(&machine, movable_node_cases[_i].devices);
        assert_verdicts(&machine, &policy, movable_node_cases[_i].verdicts);
        machine_done(&machine);
}
END_TEST

/* Block 9, which was decided before, has the rule; block 10 has not. */
START_TEST(a_rule_with_decided_blocks_on_a_node_allows_it_too)
{
        static const struct {
                Verdict verdict;
                int32_t rule;
                const char *verdicts;
        } cases[] = {
                { VERDICT_MOVABLE, 0, "M" },
                { VERDICT_LEAVE, 0, "M" },
                { VERDICT_NONE, 0, "K" },
                { VERDICT_MOVABLE, RULE_DEFAULT, "K" },
                { VERDICT_MOVABLE, RULE_GONE, "K" },
                { VERDICT_MOVABLE, 1, "K" },
                { VERDICT_MOVABLE, INT32_MAX, "K" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Machine machine;
                Policy policy;
                Rule rule;

                policy_init(&policy);
                rule_init(&rule, "2", ZONE_ACTION_AUTO);
                rule.movable_node = true;
                policy.rules = &rule;
                policy.n_rules = 1;
                machine_from(&machine, BLOCK, "0c=k9 1=mo");
                machine_find_block(&machine, 9)->decision.verdict = cases[i].verdict;
                machine_find_block(&machine, 9)->decision.rule = cases[i].rule;
                assert_verdicts(&machine, &policy, cases[i].verdicts);
                machine_done(&machine);
        }
}
END_TEST

/* Rules */

static const struct {
        ZoneAction zone;
        ZoneClass last_class;
        Verdict verdict;
        unsigned guards;
} rule_cases[] = {
        { ZONE_ACTION_KERNEL, ZONE_CLASS_NONE, VERDICT_KERNEL, 0 },
        { ZONE_ACTION_KERNEL, ZONE_CLASS_MOVABLE, VERDICT_KERNEL, 0 },
        { ZONE_ACTION_MOVABLE, ZONE_CLASS_NONE, VERDICT_MOVABLE, 0 },
        { ZONE_ACTION_MOVABLE, ZONE_CLASS_KERNEL, VERDICT_MOVABLE, 0 },
        { ZONE_ACTION_KERNEL_DEFAULT, ZONE_CLASS_NONE, VERDICT_KERNEL_DEFAULT, 0 },
        { ZONE_ACTION_KERNEL_DEFAULT, ZONE_CLASS_MOVABLE, VERDICT_KERNEL_DEFAULT, 0 },
        { ZONE_ACTION_LEAVE, ZONE_CLASS_NONE, VERDICT_LEAVE, 0 },
        { ZONE_ACTION_LEAVE, ZONE_CLASS_KERNEL, VERDICT_LEAVE, 0 },
        { ZONE_ACTION_OFFLINE, ZONE_CLASS_NONE, VERDICT_OFFLINE, 0 },
        { ZONE_ACTION_KEEP, ZONE_CLASS_KERNEL, VERDICT_KERNEL, 0 },
        { ZONE_ACTION_KEEP, ZONE_CLASS_MOVABLE, VERDICT_MOVABLE, 0 },

        /* never online before: as `auto`, which min_kernel makes kernel memory here */
        { ZONE_ACTION_KEEP, ZONE_CLASS_NONE, VERDICT_KERNEL, GUARD_MIN_KERNEL },
        { ZONE_ACTION_AUTO, ZONE_CLASS_NONE, VERDICT_KERNEL, GUARD_MIN_KERNEL },
        { ZONE_ACTION_AUTO, ZONE_CLASS_KERNEL, VERDICT_KERNEL, GUARD_MIN_KERNEL },
        { ZONE_ACTION_AUTO, ZONE_CLASS_MOVABLE, VERDICT_KERNEL, GUARD_MIN_KERNEL },
};

START_TEST(a_rule_says_what_becomes_of_a_block)
{
        Machine machine;
        Policy policy;
        Plan plan;
        Rule rule;

        policy_init(&policy);
        rule_init(&rule, NULL, rule_cases[_i].zone);
        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK, "0c=k9 1=o");
        machine_find_block(&machine, 9)->last_class = rule_cases[_i].last_class;

        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, 1);
        ck_assert_uint_eq(plan.planned[0].block, 9);
        ck_assert_int_eq(plan.planned[0].decision.rule, 0);
        ck_assert_int_eq(plan.planned[0].decision.verdict, rule_cases[_i].verdict);
        ck_assert_uint_eq(plan.planned[0].decision.guards, rule_cases[_i].guards);
        ck_assert_uint_eq(plan.n_order, !verdict_is_left(rule_cases[_i].verdict));
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* What `leave` comes to where the kernel had this word before memoryd took it over. */
static const struct {
        Origin origin;
        OnlineWord word;
        bool found_offline;
        bool is_over;
        Verdict verdict;
} leave_cases[] = {
        { ORIGIN_BALLOON, ONLINE_WORD_OFFLINE, false, false, VERDICT_LEAVE },
        { ORIGIN_BALLOON, ONLINE_WORD_ONLINE, false, false, VERDICT_KERNEL_DEFAULT },
        { ORIGIN_BALLOON, ONLINE_WORD_KERNEL, false, false, VERDICT_KERNEL },
        { ORIGIN_BALLOON, ONLINE_WORD_MOVABLE, false, false, VERDICT_MOVABLE },
        { ORIGIN_BALLOON, ONLINE_WORD_ONLINE, true, false, VERDICT_LEAVE },
        { ORIGIN_UNKNOWN, ONLINE_WORD_ONLINE, false, false, VERDICT_KERNEL_DEFAULT },

        { ORIGIN_KMEM, ONLINE_WORD_ONLINE, false, false, VERDICT_LEAVE },
        { ORIGIN_KMEM, ONLINE_WORD_ONLINE, false, true, VERDICT_KERNEL_DEFAULT },
        { ORIGIN_KMEM, ONLINE_WORD_OFFLINE, false, true, VERDICT_LEAVE },
        { ORIGIN_KMEM, ONLINE_WORD_ONLINE, true, true, VERDICT_LEAVE },

        { ORIGIN_DRIVER, ONLINE_WORD_ONLINE, false, false, VERDICT_LEAVE },
        { ORIGIN_DRIVER, ONLINE_WORD_KERNEL, false, false, VERDICT_LEAVE },
        { ORIGIN_DRIVER, ONLINE_WORD_MOVABLE, false, false, VERDICT_MOVABLE },
};

START_TEST(what_a_rule_leaves_becomes_what_the_kernel_would_make_of_it)
{
        Rule rule = { .zone = ZONE_ACTION_LEAVE };
        const Policy policy = { .rules = &rule, .n_rules = 1 };
        Machine machine;
        Block *block;
        Plan plan;

        machine_from(&machine, BLOCK, "0c=k9 1=o");
        machine.kernel_word = leave_cases[_i].word;
        machine_add_device(&machine, 9, 9, 0)->origin = leave_cases[_i].origin;
        block = machine_find_block(&machine, 9);
        block->found_offline = leave_cases[_i].found_offline;
        block->leave_is_over = leave_cases[_i].is_over;
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_int_eq(plan.planned[0].decision.verdict, leave_cases[_i].verdict);
        ck_assert_int_eq(plan.planned[0].decision.action, ZONE_ACTION_LEAVE);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

START_TEST(a_kept_block_that_never_was_online_is_movable_where_the_guards_allow)
{
        Policy policy = { .max_movable_ratio_permille = 3000 };
        Machine machine;
        Rule rule;

        rule_init(&rule, NULL, ZONE_ACTION_KEEP);
        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK, "0c=k9 1=o4");
        machine_find_block(&machine, 10)->last_class = ZONE_CLASS_KERNEL;
        assert_verdicts(&machine, &policy, "MKM2");
        machine_done(&machine);
}
END_TEST

typedef struct ForcedCase {
        const char *machine;
        const char *nodes; /* of the rule */
        ZoneAction zone;
        const char *zones; /* what the blocks of the rule could go to, default first */
        bool contiguous;
        const char *verdicts;
} ForcedCase;

/* The guards of what `auto` decides count what rules decide, which no guard changes. */
static const ForcedCase forced_cases[] = {
        /* node 1 is under, at and over what node 0 can bear */
        { "0c=k2o 1=o5", "1", ZONE_ACTION_MOVABLE, "Normal Movable", true, "M6" },
        { "0c=k2o 1=o6", "1", ZONE_ACTION_MOVABLE, "Normal Movable", true, "KM6" },
        { "0c=k2o 1=o20", "1", ZONE_ACTION_MOVABLE, "Normal Movable", true, "KM20" },

        /* kernel memory of a rule helps the others */
        { "0c=k2o 1=o2m6", "1", ZONE_ACTION_KERNEL, "Normal Movable", true, "MK2" },
        { "0c=ko4", "1", ZONE_ACTION_KERNEL, "Normal Movable", true, "KM3" },
        { "0c=ko3 1=o", "1", ZONE_ACTION_KERNEL, "Normal Movable", true, "M3K" },

        /* what the kernel chooses is what it names first, or kernel memory if it names none */
        { "0c=k2o 1=o6", "1", ZONE_ACTION_KERNEL_DEFAULT, "Movable Normal", true, "KD6" },
        { "0c=k2o 1=o6", "1", ZONE_ACTION_KERNEL_DEFAULT, "Normal Movable", true, "MD6" },
        { "0c=k2o 1=o6", "1", ZONE_ACTION_KERNEL_DEFAULT, "none", true, "MD6" },

        /* what is left counts for nothing */
        { "0c=k2o 1=o20", "1", ZONE_ACTION_LEAVE, "Normal Movable", true, "ML20" },
};

START_TEST(what_rules_decide_counts_for_the_guards)
{
        const ForcedCase *c = &forced_cases[_i];
        Policy policy = { .max_movable_ratio_permille = 3000,
                          .per_node = true,
                          .contiguous = c->contiguous };
        Machine machine;
        Rule rule;

        rule_init(&rule, c->nodes, c->zone);
        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK, c->machine);
        for (size_t i = 0; i < machine.n_blocks; i++)
                if (node_set_contains(&rule.nodes, (uint32_t) machine.blocks[i].node) &&
                    machine.blocks[i].state == BLOCK_OFFLINE)
                        zones_set(&machine.blocks[i].zones, c->zones);
        assert_verdicts(&machine, &policy, c->verdicts);
        machine_done(&machine);
}
END_TEST

/* Of four blocks of node 1, `keep` makes the third one kernel memory, and the rest is `auto`. */
static const struct {
        ZoneClass last_class;
        bool contiguous;
        const char *verdicts;
} forced_below_cases[] = {
        { ZONE_CLASS_KERNEL, true, "K3M" },
        { ZONE_CLASS_KERNEL, false, "M2KM" },
        { ZONE_CLASS_MOVABLE, true, "M4" },
        { ZONE_CLASS_MOVABLE, false, "M4" },
};

START_TEST(blocks_below_kernel_memory_of_a_rule_follow_it)
{
        Policy policy = {
                .max_movable_ratio_permille = 3000,
                .contiguous = forced_below_cases[_i].contiguous,
        };
        Machine machine;
        Rule rule;

        rule_init(&rule, NULL, ZONE_ACTION_KEEP);
        policy.rules = &rule;
        policy.n_rules = 1;
        machine_from(&machine, BLOCK, "0c=k9 1=o4");
        machine_add_devices(&machine, "9-12");
        machine_find_block(&machine, 11)->last_class = forced_below_cases[_i].last_class;
        assert_verdicts(&machine, &policy, forced_below_cases[_i].verdicts);
        machine_done(&machine);
}
END_TEST

START_TEST(a_decision_carries_the_rule_that_made_it)
{
        static const int32_t expected[] = { RULE_DEFAULT, 0, 1 };
        Machine machine;
        Policy policy;
        Rule rules[2];
        Plan plan;

        policy_init(&policy);
        rule_init(&rules[0], "1", ZONE_ACTION_MOVABLE);
        rule_init(&rules[1], "1-2", ZONE_ACTION_KERNEL);
        policy.rules = rules;
        policy.n_rules = ELEMENTSOF(rules);
        machine_from(&machine, BLOCK, "0c@0=o 1@1=o 2@2=o");

        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_int_eq(plan.planned[i].decision.rule, expected[i]);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* What is decided */

START_TEST(the_filter_says_which_blocks_are_decided)
{
        char text[TEXT_MAX];
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        machine_from(&machine, BLOCK, "0c=k2or2lKM");
        ck_assert_int_eq(plan_make(&machine, &policy, is_none, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, 0);
        ck_assert_uint_eq(plan.n_order, 0);
        plan_done(&plan);

        /* The filter sees the time. */
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, RETRY_AT_USEC - 1, &plan), 0);
        ck_assert_str_eq(plan_order_text(&plan, text), "2");
        plan_done(&plan);
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, RETRY_AT_USEC, &plan), 0);
        ck_assert_str_eq(plan_order_text(&plan, text), "4-2");
        plan_done(&plan);

        ck_assert_int_eq(plan_make(&machine, &policy, is_any, 0, &plan), 0);
        ck_assert_str_eq(plan_verdicts(&plan, text), "K2M6");
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

START_TEST(blocks_without_a_node_are_not_decided)
{
        char text[TEXT_MAX];
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        machine_from(&machine, BLOCK, "0c=k4o ?=o2 0=o");
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_order_text(&plan, text), "7 4");
        ck_assert_ptr_null(plan_find(&plan, 5));
        plan_done(&plan);

        /* Nor those of a node that the machine does not have. */
        machine_find_block(&machine, 4)->node = 5;
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_order_text(&plan, text), "7");
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

START_TEST(a_machine_without_nodes_has_an_empty_plan)
{
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        policy.whole_device = true;
        machine_from(&machine, BLOCK, "?=k2o4m2");
        machine_add_devices(&machine, "0-3 4-7/2");
        ck_assert_int_eq(plan_make(&machine, &policy, is_any, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, 0);
        plan_done(&plan);

        /* Blocks of nodes that the machine does not list. */
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].node = i % 2 ? INT32_MAX : INT32_MIN;
        ck_assert_int_eq(plan_make(&machine, &policy, is_any, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, 0);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

/* Block numbers at the end of their range, under devices of every kind and of no number. */
START_TEST(the_last_blocks_there_can_be_are_decided)
{
        static const struct {
                uint32_t first, last, unit;
                const char *verdicts;
        } cases[] = {
                { UINT32_MAX - 3, UINT32_MAX, 0, "K4" },
                { UINT32_MAX - 3, UINT32_MAX, 1, "KM3" },
                { UINT32_MAX - 3, UINT32_MAX, 3, "K3M" },
                { UINT32_MAX - 3, UINT32_MAX, UINT32_MAX, "K4" },
                { 9, UINT32_MAX, UINT32_MAX, "K4" },
                { UINT32_MAX - 1, UINT32_MAX, 2, "KM3" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Policy policy = { .min_kernel_bytes = ONE_BLOCK,
                                        .max_movable_ratio_permille = LARGEST,
                                        .whole_device = true,
                                        .contiguous = true };
                char text[TEXT_MAX];
                Machine machine;
                Plan plan;

                machine_from(&machine, BLOCK, "0c=k9 1@4294967292=o4");
                machine_add_device(&machine, cases[i].first, cases[i].last, cases[i].unit);
                for (uint32_t id = UINT32_MAX - 3; id != 0; id++)
                        machine_find_block(&machine, id)->device =
                                id >= cases[i].first ? 0 : INT32_MAX;
                ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
                ck_assert_uint_eq(plan.n_planned, 4);
                ck_assert_msg(strcmp(plan_verdicts(&plan, text), cases[i].verdicts) == 0,
                              "device %u-%u/%u: %s", cases[i].first, cases[i].last, cases[i].unit,
                              text);
                plan_done(&plan);
                machine_done(&machine);
        }
}
END_TEST

START_TEST(an_empty_machine_has_an_empty_plan)
{
        Machine machine;
        Policy policy;
        Plan plan;

        policy_init(&policy);
        machine_init(&machine);
        ck_assert_int_eq(plan_make(&machine, &policy, is_any, 0, &plan), 0);
        ck_assert_uint_eq(plan.n_planned, 0);
        ck_assert_uint_eq(plan.n_order, 0);
        ck_assert_ptr_null(plan_find(&plan, 0));
        plan_done(&plan);
        ck_assert_ptr_null(plan.planned);
        ck_assert_ptr_null(plan.order);
}
END_TEST

/* Order */

static const struct {
        const char *machine;
        const char *nodes; /* of a rule, NULL for none */
        ZoneAction zone;
        const char *order;
} order_cases[] = {
        /* kernel memory first, each class from the top down, but for its lowest block */
        { "0c=k2o8", NULL, 0, "2 9-3" },
        { "0c=o8", NULL, 0, "0 1 7-2" },
        { "0c=k4o", NULL, 0, "4" },
        { "0c=k3 0=m9o3", NULL, 0, "12 14-13" },
        { "0c=k3 0=m8o1 0=k9o3", NULL, 0, "23-21 11" },

        /* across nodes too */
        { "0c=o4 1c=o4", NULL, 0, "0 4 7-5 3-1" },
        { "0c=k4 1=o2 2=o2", NULL, 0, "4 6 7 5" },
        { "1c=o4 0c=o4", NULL, 0, "0 4 7-5 3-1" },

        /* what the kernel chooses may be kernel memory, and is written with it */
        { "0c=k4o2 1=o2 0=o2", "1", ZONE_ACTION_KERNEL_DEFAULT, "6 7 9-8 5-4" },

        /* what is left is not written */
        { "0c=k4o2 1=o2 0=o2", "1", ZONE_ACTION_LEAVE, "9-8 5-4" },
        { "0c=k4 1=o2", "1", ZONE_ACTION_LEAVE, "" },
};

START_TEST(kernel_memory_is_written_first_and_each_class_from_the_top_down)
{
        char text[TEXT_MAX];
        Machine machine;
        Policy policy;
        Plan plan;
        Rule rule;

        policy_init(&policy);
        if (order_cases[_i].nodes) {
                rule_init(&rule, order_cases[_i].nodes, order_cases[_i].zone);
                policy.rules = &rule;
                policy.n_rules = 1;
        }
        machine_from(&machine, BLOCK, order_cases[_i].machine);
        ck_assert_int_eq(plan_make(&machine, &policy, is_offered, 0, &plan), 0);
        ck_assert_str_eq(plan_order_text(&plan, text), order_cases[_i].order);
        plan_done(&plan);
        machine_done(&machine);
}
END_TEST

START_TEST(a_verdict_accepts_its_class)
{
        static const struct {
                Verdict verdict;
                bool none, kernel, movable;
        } cases[] = {
                { VERDICT_NONE, true, true, true },
                { VERDICT_KERNEL, false, true, false },
                { VERDICT_MOVABLE, false, false, true },
                { VERDICT_KERNEL_DEFAULT, true, true, true },
                { VERDICT_LEAVE, true, true, true },
                { VERDICT_OFFLINE, true, true, true },
        };

        ck_assert_int_eq(_VERDICT_MAX, ELEMENTSOF(cases));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Verdict verdict = cases[i].verdict;

                ck_assert_int_eq(verdict_accepts(verdict, ZONE_CLASS_NONE), cases[i].none);
                ck_assert_int_eq(verdict_accepts(verdict, ZONE_CLASS_KERNEL), cases[i].kernel);
                ck_assert_int_eq(verdict_accepts(verdict, ZONE_CLASS_MOVABLE), cases[i].movable);
        }
}
END_TEST

static void add_guard_tests(Suite *suite)
{
        TCase *guards = tcase_create("guards");

        tcase_set_timeout(guards, 60);
        tcase_add_loop_test(guards, a_nodes_first_blocks_are_kernel_memory_until_it_has_min_kernel,
                            0, ELEMENTSOF(min_kernel_cases));
        tcase_add_test(guards, what_goes_offline_is_kernel_memory_no_more_and_movable_memory_still);
        tcase_add_loop_test(guards, a_node_with_a_cpu_keeps_the_ratio, 0,
                            ELEMENTSOF(node_ratio_cases));
        tcase_add_loop_test(guards, the_machine_keeps_the_ratio, 0,
                            ELEMENTSOF(machine_ratio_cases));
        tcase_add_loop_test(guards, guards_hold_on_machines_of_any_size, 0,
                            ELEMENTSOF(large_cases));
        tcase_add_test(guards, a_gigabyte_and_a_dimm_of_eight_are_ten_kernel_blocks_and_54_movable);
        tcase_add_loop_test(guards, cma_counts_as_movable_memory, 0, ELEMENTSOF(cma_cases));
        suite_add_tcase(suite, guards);
}

static void add_device_tests(Suite *suite)
{
        TCase *devices = tcase_create("devices");

        tcase_add_loop_test(devices, devices_and_units_are_of_one_class_if_they_can_be, 0,
                            ELEMENTSOF(device_cases));
        tcase_add_loop_test(devices, kernel_memory_of_a_device_lies_below_its_movable_memory, 0,
                            ELEMENTSOF(contiguous_cases));
        tcase_add_loop_test(devices, devices_are_preferably_of_one_class, 0,
                            ELEMENTSOF(prefer_cases));
        tcase_add_test(devices, of_32_dimms_that_come_one_by_one_27_can_leave);
        tcase_add_loop_test(devices, strict_zone_order_decides_what_the_planner_asks_for, 0,
                            ELEMENTSOF(strict_cases));
        tcase_add_test(devices, a_device_with_another_in_between_is_a_whole);
        tcase_add_test(devices, what_a_rule_makes_of_a_part_counts_for_the_rest_of_the_device);
        tcase_add_test(devices, a_device_that_was_onlined_as_a_whole_is_left_whatever_a_rule_says);
        tcase_add_test(devices, what_the_kernel_or_memoryd_onlined_as_a_whole_is_not_left_for_that);
        tcase_add_loop_test(devices, a_plan_of_many_blocks_on_many_devices_takes_no_time, 0, 3);
        tcase_add_test(devices, figures_are_what_the_guard_compared);
        tcase_add_loop_test(devices, figures_are_those_of_the_first_guard, 0,
                            ELEMENTSOF(figure_cases));
        tcase_add_loop_test(devices, a_rule_can_allow_a_node_without_kernel_memory, 0,
                            ELEMENTSOF(movable_node_cases));
        tcase_add_test(devices, a_rule_with_decided_blocks_on_a_node_allows_it_too);
        suite_add_tcase(suite, devices);
}

static void add_rule_tests(Suite *suite)
{
        TCase *rules = tcase_create("rules");

        tcase_add_loop_test(rules, a_rule_says_what_becomes_of_a_block, 0, ELEMENTSOF(rule_cases));
        tcase_add_loop_test(rules, what_a_rule_leaves_becomes_what_the_kernel_would_make_of_it, 0,
                            ELEMENTSOF(leave_cases));
        tcase_add_test(rules, a_kept_block_that_never_was_online_is_movable_where_the_guards_allow);
        tcase_add_loop_test(rules, what_rules_decide_counts_for_the_guards, 0,
                            ELEMENTSOF(forced_cases));
        tcase_add_loop_test(rules, blocks_below_kernel_memory_of_a_rule_follow_it, 0,
                            ELEMENTSOF(forced_below_cases));
        tcase_add_test(rules, a_decision_carries_the_rule_that_made_it);
        suite_add_tcase(suite, rules);
}

static void add_plan_tests(Suite *suite)
{
        TCase *plan = tcase_create("plan");

        tcase_add_test(plan, the_filter_says_which_blocks_are_decided);
        tcase_add_test(plan, blocks_without_a_node_are_not_decided);
        tcase_add_test(plan, an_empty_machine_has_an_empty_plan);
        tcase_add_test(plan, a_machine_without_nodes_has_an_empty_plan);
        tcase_add_test(plan, the_last_blocks_there_can_be_are_decided);
        tcase_add_loop_test(plan, kernel_memory_is_written_first_and_each_class_from_the_top_down,
                            0, ELEMENTSOF(order_cases));
        tcase_add_test(plan, a_verdict_accepts_its_class);
        suite_add_tcase(suite, plan);
}

int main(void)
{
        Suite *suite = suite_create("plan");

        add_guard_tests(suite);
        add_device_tests(suite);
        add_rule_tests(suite);
        add_plan_tests(suite);
        return check_main_pure(suite);
}
