/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Checks a request, and finds the blocks that it names. */

#include "job/selector.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define invalid(selector, ...) selector_refuse(selector, REFUSAL_INVALID_REQUEST, __VA_ARGS__)

int selector_refuse(Selector *selector, Refusal refusal, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&selector->text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                selector->text = NULL;
                return -ENOMEM;
        }
        text_make_printable(selector->text);
        selector->refusal = refusal;
        return 1;
}

/*
 * Checks that the request names memory in one way: by blocks, node or device, the last two perhaps with a
 * size, or by a size alone. Checks the class of the request, or the movable portion of a node.
 */
static int check_request(Selector *selector)
{
        const Request *request = selector->request;
        bool is_offline = request->kind == JOB_KIND_OFFLINE,
             is_set_zone = !is_offline && request->kind != JOB_KIND_ONLINE,
             has_ranges = request->n_ranges > 0, has_node = request->node != NODE_ANY,
             has_device = *request->device, has_class = request->zone_class != ZONE_CLASS_NONE,
             has_portion = request->has_movable_percent || request->has_movable_bytes;
        const struct {
                bool is_there;
                const char *text;
        } faults[] = {
                { !has_ranges && !has_node && !has_device && !selector->has_size,
                  "the request names no memory: blocks, a node, a device or a size" },
                { has_ranges && has_node, "the request names blocks and a node: blocks, a node and "
                                          "a device exclude each other" },
                { has_ranges && has_device, "the request names blocks and a device: blocks, a node "
                                            "and a device exclude each other" },
                { has_node && has_device, "the request names a node and a device: blocks, a node "
                                          "and a device exclude each other" },
                { has_ranges && selector->has_size,
                  "the request names blocks and a size, which exclude each other" },
                { !is_set_zone && has_portion, "a movable portion is for set-zone only" },
                { is_offline && has_class, "memory that goes offline is in no zone" },
                { is_set_zone && !has_class && !has_portion,
                  "set-zone needs a zone, or a node's movable portion" },
                { has_class && has_portion, "a zone and a movable portion exclude each other" },
                { request->has_movable_percent && request->has_movable_bytes,
                  "the movable portion is either a percentage or a size, not both" },
                { has_portion && (!has_node || selector->has_size),
                  "a movable portion is that of a node as a whole" },
        };

        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                if (faults[i].is_there)
                        return invalid(selector, "%s", faults[i].text);
        return 0;
}

static int check_numbers(Selector *selector)
{
        const Request *request = selector->request;
        uint64_t block_size_bytes = selector->machine->block_size_bytes;
        char size[FORMAT_BYTES_MAX], block_size[FORMAT_BYTES_MAX];

        if (request->n_ranges > REQUEST_RANGES_MAX)
                return invalid(selector,
                               "the request names %zu ranges of blocks, and %d are the most",
                               request->n_ranges, REQUEST_RANGES_MAX);
        if (request->has_movable_percent && request->movable_percent > 100)
                return selector_refuse(selector, REFUSAL_INVALID_PERCENTAGE,
                                       "%u%% is more than all of the node, 100%%",
                                       request->movable_percent);
        if (!selector->has_size)
                return 0;
        format_bytes_exact(block_size_bytes, block_size);
        if (request->size_bytes == 0)
                return selector_refuse(selector, REFUSAL_INVALID_SIZE,
                                       "a size of 0 is less than a block, %s", block_size);
        format_bytes_exact(request->size_bytes, size);
        if (request->size_bytes < block_size_bytes)
                return selector_refuse(selector, REFUSAL_INVALID_SIZE,
                                       "%s is less than a block, %s", size, block_size);
        if (block_size_bytes == 0 || request->size_bytes % block_size_bytes > 0)
                return selector_refuse(selector, REFUSAL_INVALID_SIZE,
                                       "%s is not a multiple of the block size, %s", size,
                                       block_size);
        selector->n_wanted = request->size_bytes / block_size_bytes;
        return 0;
}

/*
 * Counts a range in at its first block and out behind its last one, so that thousands of large ranges cost no
 * more than their number.
 */
static int find_range(Selector *selector, const BlockRange *range, int *counts)
{
        const Block *first = machine_find_block(selector->machine, range->first),
                    *last = machine_find_block(selector->machine, range->last),
                    *end = selector->machine->blocks + selector->machine->n_blocks;
        uint32_t missing = range->first;

        if (range->first > range->last)
                return invalid(selector, "blocks %u-%u are upside down", range->first, range->last);
        if (first && last && (size_t) (last - first) == range->last - range->first) {
                counts[first - selector->machine->blocks]++;
                counts[last + 1 - selector->machine->blocks]--;
                return 0;
        }
        while (first && first < end && first->id == missing) {
                first++;
                missing++;
        }
        return selector_refuse(selector,
                               first && last ? REFUSAL_RANGE_HAS_HOLES : REFUSAL_NO_SUCH_BLOCK,
                               "there is no memory%u", missing);
}

static bool is_of_target(const Selector *selector, const Block *block)
{
        const Request *request = selector->request;
        const Device *device = machine_device(selector->machine, block);

        if (request->node != NODE_ANY)
                return block->node == request->node;
        return !*request->device || (device && strcmp(device->name, request->device) == 0);
}

/* Refuses a node or device that does not exist, or that has no memory blocks. */
static int check_found(Selector *selector)
{
        const Request *request = selector->request;
        bool has_node = request->node != NODE_ANY;

        if (has_node && !machine_find_node(selector->machine, (uint32_t) request->node))
                return selector_refuse(selector, REFUSAL_NO_SUCH_NODE, "there is no node %d",
                                       request->node);
        if (selector->n_targets > 0)
                return 0;
        if (has_node)
                return selector_refuse(selector, REFUSAL_NODE_WITHOUT_MEMORY,
                                       "node %d has no memory blocks", request->node);
        if (*request->device)
                return selector_refuse(selector, REFUSAL_NO_SUCH_DEVICE,
                                       "there is no device %s with memory blocks", request->device);
        return 0;
}

static bool is_at_work(const Block *block)
{
        return block->status == BLOCK_STATUS_WRITING || block->status == BLOCK_STATUS_OFFLINING ||
               block->in_dax_write;
}

bool selector_is_available(const Selector *selector, const Block *block)
{
        const Device *device = machine_device(selector->machine, block);

        return block->job == 0 && !is_at_work(block) && !device_is_online_as_whole(device);
}

/*
 * Refuses named blocks that are not free. A block that memoryd is already onlining can be asked to go online.
 */
static int check_busy(Selector *selector)
{
        for (size_t i = 0; i < selector->n_targets; i++) {
                const Block *block = selector->targets[i].block;

                if (block->job != 0)
                        return selector_refuse(selector, REFUSAL_BLOCKS_BUSY,
                                               "memory%u is part of /org/memoryd1/job/%u",
                                               block->id, block->job);
                if (is_at_work(block) && selector->request->kind != JOB_KIND_ONLINE)
                        return selector_refuse(selector, REFUSAL_BLOCKS_BUSY,
                                               "memoryd is just writing the state of memory%u",
                                               block->id);
        }
        return 0;
}

static uint64_t find_cost(const Request *request, uint32_t block)
{
        const BlockCost *found = request->n_costs == 0 ?
                                         NULL :
                                         bsearch(&block, request->costs, request->n_costs,
                                                 sizeof(*request->costs), id_compare);

        return found ? found->cost : COST_UNKNOWN;
}

int selector_find_targets(Selector *selector)
{
        const Request *request = selector->request;
        Machine *machine = selector->machine;
        _cleanup_free_ int *counts = NULL;
        int r = check_request(selector), n_ranges = 0;

        if (r == 0)
                r = check_numbers(selector);
        if (r != 0)
                return r;
        /* One element more, so that no allocation is empty on an empty machine. */
        counts = calloc(machine->n_blocks + 1, sizeof(int));
        selector->targets = calloc(machine->n_blocks + 1, sizeof(Target));
        selector->steps = calloc(machine->n_blocks + 1, sizeof(Step));
        selector->order = calloc(machine->n_blocks + 1, sizeof(Target *));
        if (!counts || !selector->targets || !selector->steps || !selector->order)
                return -ENOMEM;
        for (size_t i = 0; i < request->n_ranges && r == 0; i++)
                r = find_range(selector, &request->ranges[i], counts);
        for (size_t i = 0; i < machine->n_blocks; i++) {
                n_ranges += counts[i]; /* the ranges that the block is in */
                if (n_ranges > 0 ||
                    (request->n_ranges == 0 && is_of_target(selector, &machine->blocks[i])))
                        selector->targets[selector->n_targets++] = (Target){
                                .block = &machine->blocks[i],
                                .cost = find_cost(request, machine->blocks[i].id),
                        };
        }
        if (r == 0)
                r = check_found(selector);
        return r == 0 && !selector->has_size ? check_busy(selector) : r;
}

bool selector_changes(const Selector *selector, const Block *block)
{
        ZoneClass zone_class = block_class(block);

        if (selector->request->kind == JOB_KIND_ONLINE)
                return zone_class == ZONE_CLASS_NONE;
        return zone_class != ZONE_CLASS_NONE && zone_class != selector->request->zone_class;
}

/* Returns how many blocks of a device are not yet as the request asks, and are not targets. */
static size_t count_others(const Selector *selector, int32_t device)
{
        size_t n = 0;

        for (size_t i = 0; i < selector->machine->n_blocks; i++) {
                const Block *block = &selector->machine->blocks[i];

                n += block->device == device && selector_changes(selector, block);
        }
        for (size_t i = 0; i < selector->n_targets; i++) {
                const Block *block = selector->targets[i].block;

                n -= block->device == device && selector_changes(selector, block);
        }
        return n;
}

int selector_check_dax_parts(Selector *selector)
{
        int32_t checked = DEVICE_NONE;

        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector->targets[i].block;
                const Device *device = machine_device(selector->machine, block);

                if (!device_is_online_as_whole(device) || block->device == checked ||
                    !selector_changes(selector, block))
                        continue;
                if (count_others(selector, block->device) > 0)
                        return selector_refuse(selector, REFUSAL_INVALID_REQUEST,
                                               "memory%u is a part of %s, which was onlined as a "
                                               "whole and has the state \"%s\"",
                                               block->id, device->name,
                                               dax_state_to_string(device->dax_state));
                checked = block->device;
        }
        return 0;
}

void selector_take(Selector *selector, Target *target, Verdict to)
{
        const Block *block = target->block;
        ZoneClass from = block_class(block);

        assert(!target->taken);
        target->taken = true;
        selector->steps[selector->n_steps++] = (Step){
                .block = block->id,
                .inode = block->inode,
                .node = block->node,
                .from = from,
                .to = to,
                .cost = target->cost,
        };
        balance_move(&selector->after, block, from, verdict_class(to, block));
}
