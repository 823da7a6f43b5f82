/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "job/effect.h"
#include "machine_fixture.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)
#define BLOCK (128 * MIB)
#define LARGEST MAX_MOVABLE_RATIO_PERMILLE_MAX
#define TEXT_MAX 512

/*
 * Requests as text: the kind and then words: a block or blocks "32-39", "n1" a node, "dNAME" a device,
 * "s4" a size of so many blocks, "S100" one in MiB, "k" or "m" a zone, "75%" and "b4" (blocks) or "B100"
 * (MiB) a portion, "c5=9" what block 5 costs, in the order of blocks, "!" force.
 */
static void request_take(Request *request, const char *word)
{
        char *end;
        uint64_t number = strtoull(word + !isdigit(*word), &end, 10);

        if (isdigit(*word) && *end == '%') {
                request->has_movable_percent = true;
                request->movable_percent = (uint32_t) number;
        } else if (isdigit(*word)) {
                BlockRange range = { (uint32_t) number, (uint32_t) number };

                if (*end == '-')
                        range.last = (uint32_t) strtoul(end + 1, NULL, 10);
                request->ranges =
                        reallocarray(request->ranges, request->n_ranges + 1, sizeof(BlockRange));
                ck_assert_ptr_nonnull(request->ranges);
                request->ranges[request->n_ranges++] = range;
        } else if (*word == 'n') {
                request->node = (int32_t) number;
        } else if (*word == 'd') {
                strcpy(request->device, word + 1);
        } else if (*word == 's' || *word == 'S') {
                request->has_size = true;
                request->size_bytes = number * (*word == 's' ? BLOCK : MIB);
        } else if (*word == 'b' || *word == 'B') {
                request->has_movable_bytes = true;
                request->movable_bytes = number * (*word == 'b' ? BLOCK : MIB);
        } else if (*word == 'k' || *word == 'm') {
                request->zone_class = *word == 'k' ? ZONE_CLASS_KERNEL : ZONE_CLASS_MOVABLE;
        } else if (*word == 'c') {
                request->costs =
                        reallocarray(request->costs, request->n_costs + 1, sizeof(BlockCost));
                ck_assert_ptr_nonnull(request->costs);
                request->costs[request->n_costs++] =
                        (BlockCost){ (uint32_t) number, strtoull(end + 1, NULL, 10) };
        } else if (*word == '!') {
                request->force = true;
        } else {
                ck_abort_msg("a request has no \"%s\"", word);
        }
}

static void request_from(Request *request, const char *text)
{
        char copy[TEXT_MAX], *rest = NULL, *word;

        ck_assert_uint_lt(strlen(text), sizeof(copy));
        strcpy(copy, text);
        word = strtok_r(copy, " ", &rest);
        request_init(request, job_kind_from_string(word));
        ck_assert_int_ge(request->kind, 0);
        while ((word = strtok_r(NULL, " ", &rest)))
                request_take(request, word);
}

/* Steps in their order, neighbours of one class in one: "37..32M": M, K, D, and - for offline. */
static const char *steps_format(const Selection *selection, char text[static TEXT_MAX])
{
        static const char letters[] = "-KMD";
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0, end; i < selection->n_steps; i = end) {
                const Step *steps = selection->steps;
                int by = 0;

                for (end = i + 1; end < selection->n_steps && steps[end].to == steps[i].to &&
                                  steps[end].from == steps[i].from;
                     end++) {
                        int difference = (int) (steps[end].block - steps[end - 1].block);

                        if ((difference != 1 && difference != -1) || (by && by != difference))
                                break;
                        by = difference;
                }
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%s%u", i > 0 ? " " : "",
                                       steps[i].block);
                if (end > i + 1)
                        n += (size_t) snprintf(text + n, TEXT_MAX - n, "..%u",
                                               steps[end - 1].block);
                n += (size_t) snprintf(text + n, TEXT_MAX - n, "%c", letters[steps[i].to]);
                ck_assert_uint_lt(n, TEXT_MAX);
        }
        return text;
}

static Policy policy;
static Machine machine;

static void setup(void)
{
        policy_init(&policy);
        machine_init(&machine);
}

static void teardown(void)
{
        machine_done(&machine);
        policy_done(&policy);
}

static void add_device(const char *name, Origin origin, uint32_t first, uint32_t last)
{
        Device *device = machine_add_device(&machine, first, last, 0);

        strcpy(device->name, name);
        device->origin = origin;
}

static void assert_refused(const char *text, Refusal refusal, const char *sentence)
{
        char steps[TEXT_MAX];
        Selection selection = {};
        Request request;

        request_from(&request, text);
        machine_count(&machine);
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_msg(selection.refusal == refusal, "%s: refusal %d (%s), not %d; steps %s", text,
                      selection.refusal, selection.text, refusal, steps_format(&selection, steps));
        ck_assert_uint_eq(selection.n_steps, 0);
        ck_assert_ptr_null(selection.steps);
        ck_assert_str_eq(selection.text, sentence);
        selection_done(&selection);
        request_done(&request);
}

static void assert_steps(const char *text, const char *expected)
{
        char steps[TEXT_MAX];
        Selection selection = {};
        Request request;

        request_from(&request, text);
        machine_count(&machine);
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_msg(selection.refusal == REFUSAL_NONE, "%s: %s", text, selection.text);
        ck_assert_ptr_null(selection.text);
        steps_format(&selection, steps);
        ck_assert_msg(strcmp(steps, expected) == 0, "%s: \"%s\", not \"%s\"", text, steps,
                      expected);
        for (size_t i = 0; i < selection.n_steps; i++) {
                const Block *block = machine_find_block(&machine, selection.steps[i].block);

                ck_assert_uint_eq(selection.steps[i].inode, block->inode);
                ck_assert_int_eq(selection.steps[i].from, block_class(block));
        }
        selection_done(&selection);
        request_done(&request);
}

/* Either, by what is expected: a refusal's sentence, or steps. */
static void assert_comes_to(const char *text, Refusal refusal, const char *expected)
{
        if (refusal == REFUSAL_NONE)
                assert_steps(text, expected);
        else
                assert_refused(text, refusal, expected);
}

/* The request itself */

static const struct {
        const char *request;
        const char *text;
} format_cases[] = {
        { "offline 32", "block 32" },
        { "offline 32-39", "blocks 32-39" },
        { "offline 32-39 45", "blocks 32-39,45" },
        { "offline 45 32-39 40-40", "blocks 45,32-39,40" },
        { "offline n1", "node 1" },
        { "offline n0", "node 0" },
        { "offline dPNP0C80:00", "device PNP0C80:00" },
        { "offline s32", "4G" },
        { "offline s32 n1", "4G of node 1" },
        { "offline s3 dvirtio3", "384M of device virtio3" },
        { "set-zone n1 75%", "node 1 (75% movable)" },
        { "set-zone n1 0%", "node 1 (0% movable)" },
        { "set-zone n1 b12", "node 1 (1.5G movable)" },
};

START_TEST(a_request_says_of_which_memory_it_is)
{
        Request request;
        char *text = NULL;

        request_from(&request, format_cases[_i].request);
        ck_assert_int_eq(request_format(&request, &text), 0);
        ck_assert_str_eq(text, format_cases[_i].text);
        free(text);
        request_done(&request);
}
END_TEST

START_TEST(a_request_of_many_ranges_is_known_by_the_first)
{
        Request request;
        char *text = NULL;

        request_init(&request, JOB_KIND_OFFLINE);
        request.n_ranges = REQUEST_RANGES_MAX;
        request.ranges = calloc(request.n_ranges, sizeof(BlockRange));
        ck_assert_ptr_nonnull(request.ranges);
        ck_assert_int_eq(request_format(&request, &text), 0);
        ck_assert_uint_eq(strlen(text), strlen("blocks ") + 64 * 2 - 1 + strlen(",..."));
        ck_assert_str_eq(text + strlen(text) - 8, ",0,0,...");
        free(text);
        request_done(&request);
        ck_assert_uint_eq(request.n_ranges, 0);
        ck_assert_int_eq(request.node, NODE_ANY);
}
END_TEST

START_TEST(each_kind_has_its_word)
{
        static const char *const words[] = { "online", "offline", "set-zone", "rebalance",
                                             "restore" };

        ck_assert_uint_eq(ELEMENTSOF(words), _JOB_KIND_MAX);
        for (JobKind kind = 0; kind < _JOB_KIND_MAX; kind++) {
                ck_assert_str_eq(job_kind_to_string(kind), words[kind]);
                ck_assert_int_eq(job_kind_from_string(words[kind]), kind);
        }
        ck_assert_int_eq(job_kind_from_string("Offline"), _JOB_KIND_INVALID);
        ck_assert_ptr_null(job_kind_to_string(_JOB_KIND_MAX));
}
END_TEST

/* Of a node of 8 kernel and 8 movable blocks and one of 4 that are offline; 20 to 23 are not there. */
#define PLAIN "0c=k8m8 1c=o4----o4 2="

static const struct {
        const char *request;
        Refusal refusal;
        const char *text;
} invalid_cases[] = {
        { "offline", REFUSAL_INVALID_REQUEST,
          "the request names no memory: blocks, a node, a device or a size" },
        { "online m", REFUSAL_INVALID_REQUEST,
          "the request names no memory: blocks, a node, a device or a size" },
        { "offline 8 n0", REFUSAL_INVALID_REQUEST,
          "the request names blocks and a node: blocks, a node and a device exclude each other" },
        { "offline 8 dx", REFUSAL_INVALID_REQUEST,
          "the request names blocks and a device: blocks, a node and a device exclude each other" },
        { "offline n0 dx", REFUSAL_INVALID_REQUEST,
          "the request names a node and a device: blocks, a node and a device exclude each other" },
        { "offline 8 s1", REFUSAL_INVALID_REQUEST,
          "the request names blocks and a size, which exclude each other" },
        { "offline n0 75%", REFUSAL_INVALID_REQUEST, "a movable portion is for set-zone only" },
        { "online n1 b1", REFUSAL_INVALID_REQUEST, "a movable portion is for set-zone only" },
        { "offline n0 m", REFUSAL_INVALID_REQUEST, "memory that goes offline is in no zone" },
        { "set-zone n0", REFUSAL_INVALID_REQUEST,
          "set-zone needs a zone, or a node's movable portion" },
        { "set-zone n0 m 75%", REFUSAL_INVALID_REQUEST,
          "a zone and a movable portion exclude each other" },
        { "set-zone n0 75% b3", REFUSAL_INVALID_REQUEST,
          "the movable portion is either a percentage or a size, not both" },
        { "set-zone 8 75%", REFUSAL_INVALID_REQUEST,
          "a movable portion is that of a node as a whole" },
        { "set-zone s1 75%", REFUSAL_INVALID_REQUEST,
          "a movable portion is that of a node as a whole" },
        { "set-zone n0 s1 75%", REFUSAL_INVALID_REQUEST,
          "a movable portion is that of a node as a whole" },
        { "offline 9-8", REFUSAL_INVALID_REQUEST, "blocks 9-8 are upside down" },
        { "set-zone n0 101%", REFUSAL_INVALID_PERCENTAGE,
          "101% is more than all of the node, 100%" },
        { "offline s0", REFUSAL_INVALID_SIZE, "a size of 0 is less than a block, 128M" },
        { "offline n0 s0", REFUSAL_INVALID_SIZE, "a size of 0 is less than a block, 128M" },
        { "offline S127", REFUSAL_INVALID_SIZE, "127M is less than a block, 128M" },
        { "offline n0 S1", REFUSAL_INVALID_SIZE, "1M is less than a block, 128M" },
        { "set-zone n0 k S1 !", REFUSAL_INVALID_SIZE, "1M is less than a block, 128M" },
        { "offline S129", REFUSAL_INVALID_SIZE, "129M is not a multiple of the block size, 128M" },
        { "online S255", REFUSAL_INVALID_SIZE, "255M is not a multiple of the block size, 128M" },
        { "offline 28", REFUSAL_NO_SUCH_BLOCK, "there is no memory28" },
        { "offline 20", REFUSAL_NO_SUCH_BLOCK, "there is no memory20" },
        { "offline 20-24", REFUSAL_NO_SUCH_BLOCK, "there is no memory20" },
        { "offline 19-23", REFUSAL_NO_SUCH_BLOCK, "there is no memory20" },
        { "offline 8 4294967295", REFUSAL_NO_SUCH_BLOCK, "there is no memory4294967295" },
        { "offline 18-25", REFUSAL_RANGE_HAS_HOLES, "there is no memory20" },
        { "offline n3", REFUSAL_NO_SUCH_NODE, "there is no node 3" },
        { "offline n2", REFUSAL_NODE_WITHOUT_MEMORY, "node 2 has no memory blocks" },
        { "offline dx", REFUSAL_NO_SUCH_DEVICE, "there is no device x with memory blocks" },
        /* force is no cure */
        { "offline !", REFUSAL_INVALID_REQUEST,
          "the request names no memory: blocks, a node, a device or a size" },
        { "offline 18-25 !", REFUSAL_RANGE_HAS_HOLES, "there is no memory20" },
        { "set-zone n0 101% !", REFUSAL_INVALID_PERCENTAGE,
          "101% is more than all of the node, 100%" },
};

START_TEST(what_makes_no_sense_is_refused)
{
        machine_from(&machine, BLOCK, PLAIN);
        assert_refused(invalid_cases[_i].request, invalid_cases[_i].refusal,
                       invalid_cases[_i].text);
}
END_TEST

START_TEST(too_many_ranges_are_refused_and_as_many_as_may_be_are_united)
{
        char steps[TEXT_MAX];
        Selection selection = {};
        Request request;

        machine_from(&machine, BLOCK, PLAIN);
        request_init(&request, JOB_KIND_OFFLINE);
        request.ranges = calloc(REQUEST_RANGES_MAX + 1, sizeof(BlockRange));
        ck_assert_ptr_nonnull(request.ranges);
        request.n_ranges = REQUEST_RANGES_MAX + 1;
        for (uint32_t i = 0; i < request.n_ranges; i++)
                request.ranges[i] = (BlockRange){ 8 + i % 4, 12 };
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_int_eq(selection.refusal, REFUSAL_INVALID_REQUEST);
        ck_assert_str_eq(selection.text,
                         "the request names 4097 ranges of blocks, and 4096 are the most");
        selection_done(&selection);

        request.n_ranges--;
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_str_eq(steps_format(&selection, steps), "12..8-");
        selection_done(&selection);
        request_done(&request);
}
END_TEST

/* What is busy */

static const struct {
        const char *request;
        Refusal refusal;
        const char *expected;
} busy_cases[] = {
        /* memory10 and memory18 are of job 7 */
        { "offline 8-12", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        { "offline 11-12", REFUSAL_NONE, "12..11-" },
        { "offline n0", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        { "offline n0 !", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        { "set-zone n0 75%", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        { "set-zone 10 k", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        /* so already, but who knows for how long */
        { "online 10", REFUSAL_BLOCKS_BUSY, "memory10 is part of /org/memoryd1/job/7" },
        { "offline 18", REFUSAL_BLOCKS_BUSY, "memory18 is part of /org/memoryd1/job/7" },
        /* a size is found elsewhere */
        { "offline s7", REFUSAL_NONE, "15..11- 9..8-" },
        { "online s3 k", REFUSAL_NONE, "19K 17..16K" },
        { "online s4 k", REFUSAL_NOT_ENOUGH_BLOCKS,
          "512M cannot go online: 384M is offline and not part of a job" },
        /* one block, if the number of blocks were cut to 32 bits */
        { "online s4294967297 k", REFUSAL_NOT_ENOUGH_BLOCKS,
          "536870912.125G cannot go online: 384M is offline and not part of a job" },
        { "offline s4294967297", REFUSAL_NOT_ENOUGH_BLOCKS,
          "536870912.125G cannot go offline, 1.75G can: the rest is offline already, boot memory, "
          "needed "
          "by the guards, or part of a job" },
        /* memory24 is being brought online by memoryd itself, memory26 has no node */
        { "offline 24", REFUSAL_BLOCKS_BUSY, "memoryd is just writing the state of memory24" },
        { "set-zone 24 m", REFUSAL_BLOCKS_BUSY, "memoryd is just writing the state of memory24" },
        { "online 24-25 k", REFUSAL_NONE, "25K" },
        { "online 24", REFUSAL_NOTHING_TO_DO, "all of block 24 is online already, or on its way" },
        { "online 26", REFUSAL_BLOCKS_BUSY,
          "memory26 has no node yet: the kernel is still adding it" },
        { "online 25-26 m !", REFUSAL_BLOCKS_BUSY,
          "memory26 has no node yet: the kernel is still adding it" },
};

START_TEST(blocks_of_jobs_are_not_taken)
{
        machine_from(&machine, BLOCK, "0c=k8m8o4 3c@24=Ml ?=o");
        machine_find_block(&machine, 10)->job = 7;
        machine_find_block(&machine, 18)->job = 7;
        if (strncmp(busy_cases[_i].request, "online s", 8) == 0)
                machine_find_block(&machine, 25)->job = 8;
        assert_comes_to(busy_cases[_i].request, busy_cases[_i].refusal, busy_cases[_i].expected);
}
END_TEST

/* Offline, online, set-zone */

typedef struct SelectionCase {
        const char *machine;
        uint32_t n_boot;           /* so many of the first blocks were there at boot */
        uint64_t min_kernel_bytes; /* 0: off */
        uint32_t ratio_permille;
        bool per_node;
        const char *request;
        Refusal refusal;
        const char *expected; /* steps, or why not */
} SelectionCase;

#define ONE MIN_KERNEL_ONE_BLOCK
#define NONE REFUSAL_NONE
#define LAST REFUSAL_LAST_KERNEL_MEMORY
#define BELOW REFUSAL_BELOW_GUARDS
#define SHORT REFUSAL_NOT_ENOUGH_BLOCKS
#define BOOT REFUSAL_BOOT_MEMORY
#define SO REFUSAL_NOTHING_TO_DO

static void play(const SelectionCase *c)
{
        machine_from(&machine, BLOCK, c->machine);
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].inode = 100 + machine.blocks[i].id;
        if (c->n_boot > 0)
                add_device("", ORIGIN_BOOT, 0, c->n_boot - 1);
        policy.min_kernel_bytes = c->min_kernel_bytes;
        policy.max_movable_ratio_permille = c->ratio_permille;
        policy.per_node = c->per_node;
        assert_comes_to(c->request, c->refusal, c->expected);
}

#define OFF_REST                                                                                   \
        " can: the rest is offline already, boot memory, needed by the guards, or part of a job"

static const SelectionCase offline_cases[] = {
        /* movable memory first, the highest first; kernel memory after it */
        { "0c=k8m8", 0, ONE, 3000, true, "offline 10-13", NONE, "13..10-" },
        { "0c=k8m8", 0, ONE, 3000, true, "offline 6-9", NONE, "9..8- 7..6-" },
        { "0c=k8 1c=mkmk", 0, 0, LARGEST, true, "offline n1", NONE, "10- 8- 11- 9-" },
        { "0c=k8m8", 0, ONE, 3000, true, "offline 13 10 12-13", NONE, "13..12- 10-" },
        /* what is offline is no step */
        { "0c=k8m4o4", 0, ONE, 3000, true, "offline 10-15", NONE, "11..10-" },
        { "0c=k8m4o4", 0, ONE, 3000, true, "offline 12-15", SO,
          "all of blocks 12-15 is offline already" },
        { "0c=k8 1c=o4", 0, ONE, 3000, true, "offline n1", SO, "all of node 1 is offline already" },
        /* going offline still counts as online */
        { "0c=k8g", 0, ONE, 3000, true, "offline 8", NONE, "8-" },

        /* boot memory */
        { "0c=k8m8", 8, ONE, 3000, true, "offline 7-9", BOOT,
          "memory7 was there at boot, and the kernel may have what it cannot move anywhere in it" },
        { "0c=k8m8", 8, ONE, 3000, true, "offline 7-9 !", NONE, "9..8- 7-" },
        { "0c=k8m8", 8, ONE, 3000, true, "offline n0", BOOT,
          "memory0 was there at boot, and the kernel may have what it cannot move anywhere in it" },
        { "0c=o8m8", 8, 0, LARGEST, true, "offline n0", NONE, "15..8-" },

        /* the last kernel memory of a node */
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "offline 8-9", LAST,
          "memory8 is the last kernel memory of node 1, which would be left with 256M of movable "
          "memory only" },
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "offline 8-9 !", NONE, "9..8-" },
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "offline 9", NONE, "9-" },
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "offline 8-11", NONE, "11..10- 9..8-" },
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "offline 8-10", LAST,
          "memory8 is the last kernel memory of node 1, which would be left with 128M of movable "
          "memory only" },
        { "0c=k8 1c=s1m2", 0, 0, LARGEST, true, "offline 8", LAST,
          "memory8 is the last kernel memory of node 1, which would be left with 256M of movable "
          "memory only" },
        /* a node that had none has nothing to lose */
        { "0c=k8 1c=m4", 0, ONE, 3000, true, "offline 8-9", NONE, "9..8-" },
        /* memory that is just being written counts as what it becomes */
        { "0c=k8 1c=k1M1", 0, 0, LARGEST, true, "offline 8", LAST,
          "memory8 is the last kernel memory of node 1, which would be left with 128M of movable "
          "memory only" },
        { "0c=k8 1c=k1m1K1", 0, 0, LARGEST, true, "offline 8", NONE, "8-" },

        /* min_kernel, of nodes that keep memory */
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline 10-11", NONE, "11..10-" },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline 9-11", BELOW,
          "node 1 would have 128M of kernel memory, and min_kernel asks for 256M" },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline 9-11 !", NONE, "11..9-" },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline n1", NONE, "11..8-" },
        { "0c=k8 1c=k1", 0, 2 * BLOCK, LARGEST, true, "offline n1", NONE, "8-" },
        { "0c=k8 1c=k2", 0, 4 * BLOCK, LARGEST, true, "offline 9", BELOW,
          "node 1 would have 128M of kernel memory, and min_kernel asks for 512M" },

        /* max_movable_ratio of the node: 4 kernel blocks carry 12 movable ones */
        { "0c=k5m12 1c=k40", 0, 0, 3000, true, "offline 4", NONE, "4-" },
        { "0c=k4m12 1c=k40", 0, 0, 3000, true, "offline 3", BELOW,
          "node 0 would have 1.5G of movable to 384M of kernel memory, 4.00 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k4m12 1c=k40", 0, 0, 3000, false, "offline 3", NONE, "3-" },
        { "0=k4m12 1c=k40", 0, 0, 3000, true, "offline 3", NONE, "3-" },
        { "0c=k4m12 1c=k40", 0, 0, 3000, true, "offline 3 !", NONE, "3-" },
        { "0c=k4m12 1c=k40", 0, 0, 3000, true, "offline 3-6", NONE, "6..4- 3-" },
        { "0c=k4m12 1c=k40", 0, 0, 3000, true, "offline 3-5", BELOW,
          "node 0 would have 1.25G of movable to 384M of kernel memory, 3.34 to 1, over "
          "max_movable_ratio 3.00" },
        /* of the machine */
        { "0=m12 1c=k4", 0, 0, 3000, true, "offline 12", BELOW,
          "the machine would have 1.5G of movable to 384M of kernel memory, 4.00 to 1, over "
          "max_movable_ratio 3.00" },
        { "0=m12 1c=k5", 0, 0, 3000, true, "offline 12", NONE, "12-" },
        /* over it before, and no worse: movable memory alone is always given back */
        { "0c=k1m12", 0, ONE, 3000, true, "offline 12", NONE, "12-" },
        { "0c=k1m12", 0, 8 * BLOCK, 3000, true, "offline n0 s11", NONE, "12..2-" },
        { "0c=k2m12", 0, 0, 3000, true, "offline 0", BELOW,
          "node 0 would have 1.5G of movable to 128M of kernel memory, 12.00 to 1, over "
          "max_movable_ratio 3.00" },
        /* better than before, if not good: 12 to 2, then 5 to 1 */
        { "0c=k2m12", 0, 0, 3000, true, "offline 0 2-8", NONE, "8..2- 0-" },
        /* as bad as before, 12 to 2 and 6 to 1 */
        { "0c=k2m12", 0, 0, 3000, true, "offline 0 2-7", NONE, "7..2- 0-" },
        /* a node as a whole, and all of them */
        { "0c=k4m12 1c=k4", 0, ONE, 3000, true, "offline n1", NONE, "19..16-" },
        { "0=k4m13 1c=k4", 0, ONE, 3000, true, "offline n1", BELOW,
          "the machine would have 1.625G of movable to 512M of kernel memory, 3.25 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k2m2 1c=k2m2", 0, ONE, 3000, true, "offline n1", NONE, "7..6- 5..4-" },

        /* by size: from the top, of all nodes */
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline s2", NONE, "15..14-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline s6", NONE, "15..12- 7..6-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline s10", NONE, "15..12- 7..4- 11..10-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline n0 s2", NONE, "7..6-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline n0 s5", NONE, "7..4- 3-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline n0 s8", NONE, "7..4- 3..0-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline n0 s9", SHORT,
          "1.125G of node 0 cannot go offline, 1G" OFF_REST },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline n0 s9 !", SHORT,
          "1.125G of node 0 cannot go offline, 1G" OFF_REST },
        /* the fewest pages in use first, of blocks with as many from the top; then what is not known */
        { "0c=k4m4", 0, ONE, 3000, true, "offline s2 c4=10 c5=0 c6=0 c7=3", NONE, "6..5-" },
        { "0c=k4m4", 0, ONE, 3000, true, "offline s3 c4=10 c5=0 c7=3", NONE, "5- 7- 4-" },
        { "0c=k4m4", 0, ONE, 3000, true, "offline s4 c4=10 c5=0 c7=3", NONE, "5- 7- 4- 6-" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "offline s2 c6=1 c7=2 c14=2 c15=3", NONE,
          "6- 14-" },
        /* and blocks that were not counted before those with pages that cannot move: 1 << 48 and more */
        { "0c=k4m4", 0, ONE, 3000, true, "offline s3 c5=0 c6=281474976710661 c7=281474976710657",
          NONE, "5..4- 7-" },
        { "0c=k4m4", 0, ONE, 3000, true, "offline s3 c5=32768 c7=281474976710656", NONE,
          "5..6- 4-" },
        /* but kernel memory after movable memory */
        { "0c=k4m4", 0, ONE, 3000, true, "offline s6 c2=0 c4=9", NONE, "4- 7..5- 2..3-" },
        { "0c=k4m4", 8, ONE, 3000, true, "offline s1 c4=0", SHORT,
          "128M cannot go offline, 0B" OFF_REST },
        /* boot memory is not available, and with force after all else */
        { "0c=k4m4 1c=k4m4", 8, ONE, 3000, true, "offline s5", NONE, "15..12- 11-" },
        { "0c=k4m4 1c=k4m4", 8, ONE, 3000, true, "offline s5 !", NONE, "15..12- 11-" },
        { "0c=k4m4 1c=k4m4", 8, ONE, 3000, true, "offline n0 s1", SHORT,
          "128M of node 0 cannot go offline, 0B" OFF_REST },
        { "0c=k4m4 1c=k4m4", 8, ONE, 3000, true, "offline n0 s5 !", NONE, "7..4- 3-" },
        { "0c=k4m4 1c=k4m4", 8, ONE, 3000, true, "offline s10 !", NONE, "15..12- 7..6- 11..8-" },
        /* nor is what the guards need: the rest of the node stays as it is */
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline n1 s3", SHORT,
          "384M of node 1 cannot go offline, 256M" OFF_REST },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline n1 s3 !", NONE, "11..9-" },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "offline n1 s4", NONE, "11..8-" },
        /* passed over, and found below */
        { "0c=k8 1c=k2", 0, 2 * BLOCK, LARGEST, true, "offline s3", NONE, "9..7-" },
        { "0c=k8 1c=k3", 0, 2 * BLOCK, LARGEST, true, "offline s2", NONE, "10- 7-" },
};

START_TEST(memory_goes_offline_if_what_is_left_can_live)
{
        play(&offline_cases[_i]);
}
END_TEST

/* Requests whose blocks are to be counted before, and these blocks. */
static const struct {
        const char *machine, *request;
        bool is_strict, contiguous;
        const char *blocks;
} candidate_cases[] = {
        { "0c=k4m4", "offline s2", false, true, "7 6 5 4 3 2 1 0" },
        { "0c=k2m2 1c=k2m2", "offline n0 s1", false, true, "3 2 1 0" },
        { "0c=k2m2o2", "offline n0 s1", false, true, "3 2 1 0" },
        { "0c=k4m4", "offline 4-5", false, true, "" },
        { "0c=k4m4", "offline n0", false, true, "" },
        { "0c=k4m4", "offline n3 s1", false, true, "" },
        { "0c=k4m2o2", "online s1", false, true, "" },
        /* kernel memory is to stay below */
        { "0c=k2m2", "set-zone n0 25%", false, true, "" },
        { "0c=k2m2", "set-zone n0 25%", true, false, "" },
        { "0c=k2m2", "set-zone n0 25%", false, false, "3 2 1 0" },
        { "0c=k2m2", "set-zone n0 s1 k", false, false, "3 2 1 0" },
        { "0c=k2m2", "set-zone n0 k", false, false, "" },
};

START_TEST(blocks_are_counted_where_there_is_a_choice)
{
        char text[TEXT_MAX] = "";
        uint32_t *blocks = NULL;
        size_t n = 7, length = 0;
        Request request;

        machine_from(&machine, BLOCK, candidate_cases[_i].machine);
        machine.strict_zone_order = candidate_cases[_i].is_strict;
        policy.contiguous = candidate_cases[_i].contiguous;
        request_from(&request, candidate_cases[_i].request);
        ck_assert_int_eq(selection_candidates(&machine, &policy, &request, 100, &blocks, &n), 0);
        for (size_t i = 0; i < n; i++)
                length += (size_t) snprintf(text + length, sizeof(text) - length, "%s%u",
                                            i > 0 ? " " : "", blocks[i]);
        ck_assert_str_eq(text, candidate_cases[_i].blocks);
        free(blocks);
        /* No more than asked for. */
        ck_assert_int_eq(selection_candidates(&machine, &policy, &request, 2, &blocks, &n), 0);
        ck_assert_uint_le(n, 2);
        free(blocks);
        request_done(&request);
}
END_TEST

START_TEST(boot_memory_and_blocks_of_jobs_are_not_counted)
{
        uint32_t *blocks = NULL;
        Request request;
        size_t n = 0;

        machine_from(&machine, BLOCK, "0c=k2m4");
        add_device("", ORIGIN_BOOT, 0, 2);
        machine.blocks[4].job = 7;
        request_from(&request, "offline s1");
        ck_assert_int_eq(selection_candidates(&machine, &policy, &request, 100, &blocks, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_uint_eq(blocks[0], 5);
        ck_assert_uint_eq(blocks[1], 3);
        free(blocks);
        request_done(&request);
}
END_TEST

static const SelectionCase online_cases[] = {
        /* one class, from the top down */
        { "0c=k8o4", 0, ONE, 3000, true, "online 8-11 m", NONE, "11..8M" },
        { "0c=k8o4", 0, ONE, 3000, true, "online 8-11 k", NONE, "11..8K" },
        { "0c=k8olol", 0, ONE, 3000, true, "online n0 m", NONE, "11..8M" },
        { "0c=k8o4", 0, ONE, 3000, true, "online 6-9 m", NONE, "9..8M" },
        { "0c=k8m4", 0, ONE, 3000, true, "online 6-9 m", SO,
          "all of blocks 6-9 is online already, or on its way" },
        { "0c=k8m4", 0, ONE, 3000, true, "online n0", SO,
          "all of node 0 is online already, or on its way" },
        { "0c=k8o2", 2, ONE, 3000, true, "online n0 k", NONE, "9..8K" },

        /* guards of movable memory */
        { "0c=k8 1c=o4", 0, 0, LARGEST, true, "online n1 m", LAST,
          "node 1 has no kernel memory, and with memory8 it would have movable memory only" },
        { "0c=k8 1c=o4", 0, 0, LARGEST, true, "online n1 m !", NONE, "11..8M" },
        { "0c=k8 1c=m2o2", 0, 0, LARGEST, true, "online n1 m", LAST,
          "node 1 has no kernel memory, and with memory10 it would have movable memory only" },
        { "0c=k8 1c=k1o3", 0, 0, LARGEST, true, "online n1 m", NONE, "11..9M" },
        { "0c=k8 1c=o4", 0, 0, LARGEST, true, "online n1 k", NONE, "11..8K" },
        { "0c=k4o12", 0, ONE, 3000, true, "online n0 m", NONE, "15..4M" },
        { "0c=k4o13", 0, ONE, 3000, true, "online n0 m", BELOW,
          "node 0 would have 1.625G of movable to 512M of kernel memory, 3.25 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k4o13", 0, ONE, 3000, true, "online n0 m !", NONE, "16..4M" },
        { "0c=k4 1=k1o20", 0, ONE, 3000, true, "online n1 m", BELOW,
          "the machine would have 2.5G of movable to 640M of kernel memory, 4.00 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k4 1=k1o15", 0, ONE, 3000, true, "online n1 m", NONE, "19..5M" },

        /* the policy: kernel memory first, lowest, then movable, each from the top down */
        { "0c=k8 1c=o8", 0, ONE, 3000, true, "online n1", NONE, "8..9K 15..10M" },
        { "0c=k8 1c=o8", 0, ONE, 3000, true, "online n1 !", NONE, "8..9K 15..10M" },
        { "0c=k8 1c=l8", 0, ONE, 3000, true, "online n1", NONE, "8..9K 15..10M" },
        { "0c=k8 1c=o8", 0, ONE, 3000, true, "online 12-15", NONE, "12K 15..13M" },
        { "0c=k8 1c=r8", 0, ONE, 3000, true, "online n1", NONE, "8..9K 15..10M" },
        /* what others are offline is not brought in */
        { "0c=k8o8", 0, ONE, 3000, true, "online 12-13", NONE, "13..12M" },

        /* by size: the lowest, but to be movable the highest */
        { "0c=k8o8", 0, ONE, 3000, true, "online s3", NONE, "10..8M" },
        { "0c=k8o8", 0, ONE, 3000, true, "online s3 k", NONE, "10..8K" },
        { "0c=k8o8", 0, ONE, 3000, true, "online s3 m", NONE, "15..13M" },
        { "0c=k8o4 1c=o4", 0, ONE, 3000, true, "online n1 s2", NONE, "12K 13M" },
        { "0c=k8o4", 0, ONE, 3000, true, "online s5", SHORT,
          "640M cannot go online: 512M is offline and not part of a job" },
        { "0c=k8o4 1c=o4", 0, ONE, 3000, true, "online n1 s5 !", SHORT,
          "640M of node 1 cannot go online: 512M is offline and not part of a job" },
        { "0c=k8o4 ?=o4", 0, ONE, 3000, true, "online s5", SHORT,
          "640M cannot go online: 512M is offline and not part of a job" },
};

START_TEST(memory_goes_online_as_asked_or_as_the_policy_has_it)
{
        play(&online_cases[_i]);
}
END_TEST

#define ZONE_REST " can: the rest is boot memory or part of a job"

static const SelectionCase zone_cases[] = {
        /* named: all that are online in the other class */
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone 6-9 m", NONE, "7..6M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone 6-9 k", NONE, "8..9K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 k", NONE, "8..15K" },
        { "0c=k8m4o4", 0, ONE, 3000, true, "set-zone 10-13 k", NONE, "10..11K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone 8-9 m", SO,
          "all of blocks 8-9 that is online is movable already" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone 6-7 k", SO,
          "all of blocks 6-7 that is online is kernel memory already" },
        { "0c=k8o8", 0, ONE, 3000, true, "set-zone 8-9 m", SO,
          "nothing of blocks 8-9 is online: there is nothing to change" },
        { "0c=k8 1c=o4", 0, ONE, 3000, true, "set-zone n1 m", REFUSAL_NODE_WITHOUT_MEMORY,
          "nothing of node 1 is online: there is nothing to change" },
        /* guards */
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "set-zone 8-9 m", LAST,
          "memory8 is the last kernel memory of node 1, which would be left with 512M of movable "
          "memory only" },
        { "0c=k8 1c=k2m2", 0, 0, LARGEST, true, "set-zone 8-9 m !", NONE, "9..8M" },
        { "0c=k8 1c=k4", 0, 2 * BLOCK, LARGEST, true, "set-zone 9-11 m", BELOW,
          "node 1 would have 128M of kernel memory, and min_kernel asks for 256M" },
        { "0c=k4m8", 0, ONE, 3000, true, "set-zone 3 m", NONE, "3M" },
        { "0c=k4m9", 0, ONE, 3000, true, "set-zone 3 m", BELOW,
          "node 0 would have 1.25G of movable to 384M of kernel memory, 3.34 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k4m9", 0, ONE, 3000, true, "set-zone 3 m !", NONE, "3M" },
        /* boot memory: refused where it is named, else not taken */
        { "0c=k8m8", 4, ONE, 3000, true, "set-zone 3-4 m", BOOT,
          "memory3 was there at boot, and the kernel may have what it cannot move anywhere in it" },
        { "0c=k8m8", 4, ONE, 3000, true, "set-zone 3-4 m !", NONE, "4..3M" },
        { "0c=k8m4", 4, ONE, 3000, true, "set-zone n0 m", NONE, "7..4M" },
        { "0c=k8m4", 8, ONE, 3000, true, "set-zone n0 m", BOOT,
          "memory0 was there at boot, and the kernel may have what it cannot move anywhere in it" },
        { "0c=k8m4", 8, ONE, LARGEST, true, "set-zone n0 m !", NONE, "7..0M" },

        /* a portion: of what is online, rounded to less movable memory */
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 75%", NONE, "7..4M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 74%", NONE, "7..5M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 56%", SO,
          "56% of the 2G that node 0 has online is 1G in whole blocks of 128M, and that much is "
          "movable already: nothing to change" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B1151", SO,
          "1151M is 1G in whole blocks of 128M, and that much is movable already: nothing to "
          "change" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 b8", SO,
          "1G of node 0 is movable already: nothing to change" },
        /* less than a block is not none: it would be all of the node */
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 1%", REFUSAL_INVALID_PERCENTAGE,
          "1% of the 2G that node 0 has online is less than a block, 128M; 0% is for no movable "
          "memory" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 6% !", REFUSAL_INVALID_PERCENTAGE,
          "6% of the 2G that node 0 has online is less than a block, 128M; 0% is for no movable "
          "memory" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 7%", NONE, "8..14K" },
        { "0c=k8", 0, ONE, 3000, true, "set-zone n0 1%", REFUSAL_INVALID_PERCENTAGE,
          "1% of the 1G that node 0 has online is less than a block, 128M; 0% is for no movable "
          "memory" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B127", REFUSAL_INVALID_SIZE,
          "127M is less than a block, 128M; 0% is for no movable memory" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B128", NONE, "8..14K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 57%", NONE, "7M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 50%", SO,
          "1G of node 0 is movable already: nothing to change" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 49%", NONE, "8K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 25%", NONE, "8..11K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 0%", NONE, "8..15K" },
        { "0c=k8", 0, ONE, 3000, true, "set-zone n0 0%", SO,
          "node 0 has no movable memory: nothing to change" },
        { "0c=k8m8o8", 0, ONE, 3000, true, "set-zone n0 75%", NONE, "7..4M" },
        { "0c=k8m8", 0, ONE, LARGEST, true, "set-zone n0 99%", NONE, "7..1M" },
        { "0c=k8m8", 0, ONE, LARGEST, true, "set-zone n0 100%", LAST,
          "memory0 is the last kernel memory of node 0, which would be left with 2G of movable "
          "memory only" },
        { "0c=k8m8", 0, ONE, LARGEST, true, "set-zone n0 100% !", NONE, "7..0M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 80%", NONE, "7..4M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 82%", BELOW,
          "node 0 would have 1.625G of movable to 384M of kernel memory, 4.34 to 1, over "
          "max_movable_ratio 3.00" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 b10", NONE, "7..6M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B1407", NONE, "7..6M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B1408", NONE, "7..5M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 b0", NONE, "8..15K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone n0 B2049", SHORT,
          "node 0 cannot have 2049M of movable memory: it has 2G online" },
        { "0c=k8m8 1c=o4", 0, ONE, 3000, true, "set-zone n1 50%", REFUSAL_NODE_WITHOUT_MEMORY,
          "node 1 has no memory online" },
        /* boot memory counts, and stays; with force it is last */
        { "0c=k8m8", 5, ONE, 3000, true, "set-zone n0 68%", NONE, "7..6M" },
        { "0c=k8m8", 5, ONE, 3000, true, "set-zone n0 75%", SHORT,
          "for node 0 (75% movable), 512M would have to become movable, and 384M" ZONE_REST },
        { "0c=k8m8", 5, ONE, 3000, true, "set-zone n0 75% !", NONE, "7..4M" },
        { "0c=m8k8", 8, ONE, 3000, true, "set-zone n0 25%", SHORT,
          "for node 0 (25% movable), 512M would have to become kernel memory, and 0B" ZONE_REST },
        /* several zones are kernel memory */
        { "0c=k7s1m8", 0, ONE, 3000, true, "set-zone n0 57%", NONE, "7M" },

        /* by size */
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone s2 m", NONE, "7..6M" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone s2 k", NONE, "8..9K" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "set-zone n1 s1 k", NONE, "12K" },
        { "0c=k4m4 1c=k4m4", 0, ONE, 3000, true, "set-zone s6 k", NONE, "4..7K 12..13K" },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone s9 k", SHORT,
          "for 1.125G, 1.125G would have to become kernel memory, and 1G" ZONE_REST },
        { "0c=k8m8", 0, ONE, 3000, true, "set-zone s9 k !", SHORT,
          "for 1.125G, 1.125G would have to become kernel memory, and 1G" ZONE_REST },
        { "0c=k8m8", 0, ONE, 3000, true, "rebalance n0 s2 k", NONE, "8..9K" },
};

START_TEST(memory_changes_its_class)
{
        play(&zone_cases[_i]);
}
END_TEST

/* "n1 k->m 4-7 (4 of 8, 2 movable)" for each effect, in blocks. */
static void assert_effects(const char *text, const char *expected)
{
        static const char letters[] = "-km";
        _cleanup_(effects_done) Effects effects = {};
        Selection selection = {};
        char line[TEXT_MAX] = "";
        Request request;
        size_t n = 0;

        request_from(&request, text);
        machine_count(&machine);
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_int_eq(effects_of(&machine, &selection, &effects), 0);
        for (size_t i = 0; i < effects.n_effects; i++) {
                const Effect *effect = &effects.effects[i];

                n += (size_t) snprintf(line + n, TEXT_MAX - n, "%sn%d %c>%c", i > 0 ? "; " : "",
                                       effect->node, letters[effect->from], letters[effect->to]);
                for (size_t j = 0; j < effect->n_blocks; j++)
                        n += (size_t) snprintf(line + n, TEXT_MAX - n, " %u", effect->blocks[j]);
                n += (size_t) snprintf(line + n, TEXT_MAX - n, " of %u, %u movable",
                                       (unsigned) (effect->node_bytes / BLOCK),
                                       (unsigned) (effect->movable_bytes / BLOCK));
                ck_assert_uint_lt(n, TEXT_MAX);
        }
        ck_assert_str_eq(line, expected);
        selection_done(&selection);
        request_done(&request);
}

START_TEST(effects_are_grouped_by_node_and_class)
{
        machine_from(&machine, BLOCK, "0c=k8m2 1c=k2m3o2");
        assert_effects("offline 0", "n0 k>- 0 of 10, 2 movable");
        assert_effects("offline 6 8-9 13-14 !",
                       "n0 k>- 6 of 10, 2 movable; n0 m>- 8 9 of 10, 2 movable; "
                       "n1 m>- 13 14 of 7, 3 movable");
        assert_effects("set-zone n1 20%", "n1 m>k 12 13 of 7, 3 movable");
        assert_effects("set-zone 7-9 m", "n0 k>m 7 of 10, 2 movable");
        assert_effects("online n1 k", "n1 ->k 15 16 of 7, 3 movable");
        assert_effects("online n1 m !", "n1 ->m 15 16 of 7, 3 movable");
        /* A refused request has none. */
        assert_effects("offline 99", "");
}
END_TEST

START_TEST(effects_tell_the_class_that_the_kernel_will_choose)
{
        static const Rule rule = { .zone = ZONE_ACTION_KERNEL_DEFAULT };
        Rule copy = rule;

        machine_from(&machine, BLOCK, "0c=k8o2");
        copy.name = strdup("rule");
        ck_assert_ptr_nonnull(copy.name);
        ck_assert_int_eq(policy_insert_rule(&policy, 0, &copy), 0);
        assert_effects("online 8-9", "n0 ->k 8 9 of 10, 0 movable");
}
END_TEST

/* What else the guards look at */

START_TEST(cma_counts_as_movable)
{
        machine_from(&machine, BLOCK, "0c=k5m12");
        assert_steps("offline 4", "4-");
        machine_add_zone(&machine, 0, ZONE_NORMAL)->cma_bytes = BLOCK / 2;
        assert_refused("offline 4", BELOW,
                       "node 0 would have 1600M of movable to 448M of kernel memory, 3.58 to 1, "
                       "over max_movable_ratio 3.00");
}
END_TEST

static void add_rule(const Rule *rule)
{
        Rule copy = *rule;

        copy.name = strdup("rule");
        ck_assert_ptr_nonnull(copy.name);
        ck_assert_int_eq(policy_insert_rule(&policy, policy.n_rules, &copy), 0);
}

START_TEST(a_rule_can_let_a_node_have_movable_memory_only)
{
        Rule rule = { .zone = ZONE_ACTION_MOVABLE, .has_nodes = true, .movable_node = true };
        Selection selection = {};
        Request request;

        policy.max_movable_ratio_permille = LARGEST;
        machine_from(&machine, BLOCK, "0c=k8 1=k2m2 2=k2m2o2");
        node_set_add(&rule.nodes, 1);
        add_rule(&rule);
        assert_steps("offline 8-9", "9..8-");
        assert_refused(
                "offline 12-13", LAST,
                "memory12 is the last kernel memory of node 2, which would be left with 256M "
                "of movable memory only");

        /* Jobs look out for it but there. */
        request_from(&request, "offline 9 13");
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        ck_assert_uint_eq(selection.n_steps, 2);
        ck_assert(selection.steps[1].movable_node && selection.steps[1].block == 9);
        ck_assert(!selection.steps[0].movable_node && selection.steps[0].block == 13);
        selection_done(&selection);
        request_done(&request);
}
END_TEST

START_TEST(rules_that_leave_memory_alone_do_not_when_it_is_asked_for)
{
        Selection selection = {};
        Request request;

        add_rule(&(Rule){ .zone = ZONE_ACTION_LEAVE,
                          .first_address = 12 * BLOCK,
                          .has_address = true,
                          .last_address = UINT64_MAX });
        add_rule(&(Rule){ .zone = ZONE_ACTION_KERNEL_DEFAULT });
        machine_from(&machine, BLOCK, "0c=k8o4l4");
        assert_steps("online n0", "8D 11..9D 15..12M");

        request_from(&request, "online n0");
        ck_assert_int_eq(selection_make(&machine, &policy, &request, &selection), 0);
        for (size_t i = 0; i < selection.n_steps; i++) {
                const Step *step = &selection.steps[i];

                ck_assert(step->has_decision);
                ck_assert_int_eq(step->decision.rule, step->block >= 12 ? 0 : 1);
        }
        ck_assert_int_eq(policy.rules[0].zone, ZONE_ACTION_LEAVE);
        selection_done(&selection);
        request_done(&request);
}
END_TEST

START_TEST(what_a_plan_held_on_to_is_decided_anew_and_kept)
{
        machine_from(&machine, BLOCK, "0c=k8 1c=k8o4");
        machine_add_device(&machine, 16, 19, 2);
        for (uint32_t id = 16; id < 20; id++) {
                machine_find_block(&machine, id)->decision.verdict = VERDICT_KERNEL;
                machine_find_block(&machine, id)->decision.guards = GUARD_NODE_RATIO;
        }
        assert_steps("online 16-19", "19..16M");
        ck_assert_uint_eq(machine_find_block(&machine, 17)->decision.guards, GUARD_NODE_RATIO);
        ck_assert_uint_eq(machine_find_block(&machine, 17)->job, 0);
}
END_TEST

START_TEST(a_device_is_taken_by_its_name)
{
        machine_from(&machine, BLOCK, "0c=k8m4 1c=o4m4");
        add_device("", ORIGIN_BOOT, 0, 7);
        add_device("PNP0C80:00", ORIGIN_DIMM, 8, 13);
        add_device("PNP0C80:01", ORIGIN_DIMM, 14, 19);
        assert_steps("offline dPNP0C80:00", "11..8-");
        assert_steps("offline dPNP0C80:01", "19..16-");
        assert_steps("offline dPNP0C80:00 s2", "11..10-");
        assert_steps("online dPNP0C80:00 k", "13..12K");
        assert_steps("set-zone dPNP0C80:00 k", "8..11K");
        assert_refused("offline dPNP0C80:02", REFUSAL_NO_SUCH_DEVICE,
                       "there is no device PNP0C80:02 with memory blocks");
        assert_refused("offline dPNP0C80:00 s5", SHORT,
                       "640M of device PNP0C80:00 cannot go offline, 512M" OFF_REST);
}
END_TEST

#define AS_A_WHOLE                                                                                 \
        " is a part of dax0.0, which was onlined as a whole and has the state \"online_movable\""

START_TEST(a_device_that_was_onlined_as_a_whole_is_changed_as_a_whole)
{
        machine_from(&machine, BLOCK, "0c=k8m4 1c=k2m2o2");
        add_device("dax0.0", ORIGIN_KMEM, 12, 17);
        machine.devices[0].dax_state = DAX_STATE_ONLINE_MOVABLE;
        assert_refused("offline 14", REFUSAL_INVALID_REQUEST, "memory14" AS_A_WHOLE);
        assert_refused("offline 11-14", REFUSAL_INVALID_REQUEST, "memory12" AS_A_WHOLE);
        assert_steps("offline ddax0.0", "15..14- 13..12-");
        assert_steps("offline 12-15", "15..14- 13..12-");
        assert_steps("set-zone ddax0.0 k", "14..15K");
        assert_steps("online ddax0.0 m", "17..16M");
        assert_refused("online 16 m", REFUSAL_INVALID_REQUEST, "memory16" AS_A_WHOLE);
        assert_refused("online 16", REFUSAL_INVALID_REQUEST, "memory16" AS_A_WHOLE);
        assert_refused("set-zone 14 k", REFUSAL_INVALID_REQUEST, "memory14" AS_A_WHOLE);
        assert_steps("offline 14 !", "14-");
        assert_steps("online 16 k !", "16K");
        assert_steps("online 16 !", "16M");
        assert_steps("offline s1", "11-");
        assert_refused("online s1", SHORT,
                       "128M cannot go online: 0B is offline and not part of a job");
        assert_refused("set-zone n1 25%", SHORT,
                       "for node 1 (25% movable), 128M would have to become kernel memory, and "
                       "0B" ZONE_REST);
}
END_TEST

START_TEST(a_device_that_is_being_onlined_as_a_whole_is_busy)
{
        machine_from(&machine, BLOCK, "0c=k8m4 1c=k2m2o2");
        add_device("dax0.0", ORIGIN_KMEM, 12, 17);
        for (size_t i = 12; i < 18; i++)
                machine.blocks[i].in_dax_write = true;
        assert_refused("offline 14", REFUSAL_BLOCKS_BUSY,
                       "memoryd is just writing the state of memory14");
        assert_refused("set-zone 14 k !", REFUSAL_BLOCKS_BUSY,
                       "memoryd is just writing the state of memory14");
        assert_refused("online 16 k", REFUSAL_NOTHING_TO_DO,
                       "all of block 16 is online already, or on its way");
        assert_steps("offline s1", "11-");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("request");
        TCase *tcase = tcase_create("request");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, a_request_says_of_which_memory_it_is, 0,
                            ELEMENTSOF(format_cases));
        tcase_add_test(tcase, a_request_of_many_ranges_is_known_by_the_first);
        tcase_add_test(tcase, each_kind_has_its_word);
        tcase_add_loop_test(tcase, what_makes_no_sense_is_refused, 0, ELEMENTSOF(invalid_cases));
        tcase_add_test(tcase, too_many_ranges_are_refused_and_as_many_as_may_be_are_united);
        tcase_add_loop_test(tcase, blocks_of_jobs_are_not_taken, 0, ELEMENTSOF(busy_cases));
        tcase_add_loop_test(tcase, memory_goes_offline_if_what_is_left_can_live, 0,
                            ELEMENTSOF(offline_cases));
        tcase_add_loop_test(tcase, memory_goes_online_as_asked_or_as_the_policy_has_it, 0,
                            ELEMENTSOF(online_cases));
        tcase_add_loop_test(tcase, blocks_are_counted_where_there_is_a_choice, 0,
                            ELEMENTSOF(candidate_cases));
        tcase_add_test(tcase, boot_memory_and_blocks_of_jobs_are_not_counted);
        tcase_add_loop_test(tcase, memory_changes_its_class, 0, ELEMENTSOF(zone_cases));
        tcase_add_test(tcase, effects_are_grouped_by_node_and_class);
        tcase_add_test(tcase, effects_tell_the_class_that_the_kernel_will_choose);
        tcase_add_test(tcase, cma_counts_as_movable);
        tcase_add_test(tcase, a_rule_can_let_a_node_have_movable_memory_only);
        tcase_add_test(tcase, rules_that_leave_memory_alone_do_not_when_it_is_asked_for);
        tcase_add_test(tcase, what_a_plan_held_on_to_is_decided_anew_and_kept);
        tcase_add_test(tcase, a_device_is_taken_by_its_name);
        tcase_add_test(tcase, a_device_that_was_onlined_as_a_whole_is_changed_as_a_whole);
        tcase_add_test(tcase, a_device_that_is_being_onlined_as_a_whole_is_busy);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
