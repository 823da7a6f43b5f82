/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the blocks that a request names, and refuses requests that break the guards. */

#include "job/selector.h"

#include <stdarg.h>
#include <stdio.h>

#define invalid(selector, ...) selector_refuse(selector, REFUSAL_INVALID_REQUEST, __VA_ARGS__)

/*
 * Checks that the request names memory in one way: by blocks, node or device, the last two perhaps with a
 * size, or by a size alone.
 */
static int check_target(Selector *selector)
{
        const Request *request = selector->request;
        bool has_ranges = request->n_ranges > 0, has_node = request->node != NODE_ANY,
             has_device = *request->device;

        if (!has_ranges && !has_node && !has_device && !selector->has_size)
                return invalid(selector,
                               "the request names no memory: blocks, a node, a device or a size");
        if (has_ranges + has_node + has_device > 1)
                return invalid(selector,
                               "the request names %s and %s: blocks, a node and a device exclude "
                               "each other",
                               has_ranges ? "blocks" : "a node",
                               has_ranges && has_node ? "a node" : "a device");
        if (has_ranges && selector->has_size)
                return invalid(selector, "the request names blocks and a size, which exclude each "
                                         "other");
        if (request->n_ranges > REQUEST_RANGES_MAX)
                return invalid(selector,
                               "the request names %zu ranges of blocks, and %d are the "
                               "most",
                               request->n_ranges, REQUEST_RANGES_MAX);
        return 0;
}

/* Checks the class of the request, or the movable portion of a node. */
static int check_zone(Selector *selector)
{
        const Request *request = selector->request;
        bool has_portion = request->has_movable_percent || request->has_movable_bytes,
             has_class = request->zone_class != ZONE_CLASS_NONE;

        if (!selector->is_set_zone && has_portion)
                return invalid(selector, "a movable portion is for set-zone only");
        if (request->kind == JOB_KIND_OFFLINE && has_class)
                return invalid(selector, "memory that goes offline is in no zone");
        if (!selector->is_set_zone)
                return 0;
        if (!has_class && !has_portion)
                return invalid(selector, "set-zone needs a zone, or a node's movable portion");
        if (has_class && has_portion)
                return invalid(selector, "a zone and a movable portion exclude each other");
        if (request->has_movable_percent && request->has_movable_bytes)
                return invalid(selector,
                               "the movable portion is either a percentage or a size, not both");
        if (has_portion && (request->node == NODE_ANY || selector->has_size))
                return invalid(selector, "a movable portion is that of a node as a whole");
        return 0;
}

int selector_check_request(Selector *selector)
{
        const Request *request = selector->request;
        uint64_t block_size_bytes = selector->machine->block_size_bytes;
        char size[FORMAT_BYTES_MAX], block_size[FORMAT_BYTES_MAX];
        int r = check_target(selector);

        if (r == 0)
                r = check_zone(selector);
        if (r != 0)
                return r;
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
        if (block_size_bytes == 0 || request->size_bytes % block_size_bytes > 0)
                return selector_refuse(selector, REFUSAL_INVALID_SIZE,
                                       "%s is not a multiple of the block size, %s",
                                       format_bytes_exact(request->size_bytes, size), block_size);
        selector->n_wanted = request->size_bytes / block_size_bytes;
        return 0;
}

static int refuse_missing(Selector *selector, uint32_t block)
{
        return selector_refuse(selector, REFUSAL_NO_SUCH_BLOCK, "there is no memory%u", block);
}

static int refuse_hole(Selector *selector, const BlockRange *range, size_t i)
{
        uint32_t missing = range->first;

        while (selector->machine->blocks[i].id == missing) {
                i++;
                missing++;
        }
        return selector_refuse(selector, REFUSAL_RANGE_HAS_HOLES,
                               "blocks %u-%u have a hole: there is no memory%u", range->first,
                               range->last, missing);
}

/*
 * Finds the blocks of a range. Counts in edges[] the ranges that begin, less those that end, at each block.
 */
static int find_range(Selector *selector, const BlockRange *range, int *edges)
{
        const Machine *machine = selector->machine;
        size_t first = machine_block_index(machine, range->first),
               last = machine_block_index(machine, range->last);

        if (range->first > range->last)
                return invalid(selector, "blocks %u-%u are upside down", range->first, range->last);
        if (first >= machine->n_blocks || machine->blocks[first].id != range->first)
                return refuse_missing(selector, range->first);
        if (last >= machine->n_blocks || machine->blocks[last].id != range->last)
                return refuse_missing(selector, range->last);
        if (last - first != range->last - range->first)
                return refuse_hole(selector, range, first);
        edges[first]++;
        edges[last + 1]--;
        return 0;
}

static int find_ranges(Selector *selector)
{
        const Machine *machine = selector->machine;
        _cleanup_free_ int *edges = calloc(machine->n_blocks + 1, sizeof(int));
        int depth = 0;

        if (!edges)
                return -ENOMEM;
        for (size_t i = 0; i < selector->request->n_ranges; i++) {
                int r = find_range(selector, &selector->request->ranges[i], edges);

                if (r != 0)
                        return r;
        }
        for (size_t i = 0; i < machine->n_blocks; i++) {
                depth += edges[i];
                if (depth > 0)
                        selector->targets[selector->n_targets++] = i;
        }
        return 0;
}

static bool is_of_target(const Selector *selector, const Block *block)
{
        const Request *request = selector->request;
        const Device *device = machine_device(selector->machine, block);

        if (request->node != NODE_ANY)
                return block->node == request->node;
        if (*request->device)
                return device && strcmp(device->name, request->device) == 0;
        return true;
}

static int find_all(Selector *selector)
{
        const Request *request = selector->request;

        if (request->node != NODE_ANY &&
            (request->node < 0 || !machine_find_node(selector->machine, (uint32_t) request->node)))
                return selector_refuse(selector, REFUSAL_NO_SUCH_NODE, "there is no node %d",
                                       request->node);
        for (size_t i = 0; i < selector->machine->n_blocks; i++)
                if (is_of_target(selector, &selector->machine->blocks[i]))
                        selector->targets[selector->n_targets++] = i;
        if (selector->n_targets > 0)
                return 0;
        if (request->node != NODE_ANY)
                return selector_refuse(selector, REFUSAL_NODE_WITHOUT_MEMORY,
                                       "node %d has no memory blocks", request->node);
        if (*request->device)
                return selector_refuse(selector, REFUSAL_NO_SUCH_DEVICE,
                                       "there is no device %s with memory blocks", request->device);
        return 0;
}

static bool is_at_work(const Block *block)
{
        return block->status == BLOCK_STATUS_WRITING || block->status == BLOCK_STATUS_OFFLINING;
}

bool selector_is_available(const Selector *selector, const Block *block)
{
        const Device *device = machine_device(selector->machine, block);

        return block->job == 0 && !is_at_work(block) && !(device && device->onlines_itself);
}

/*
 * Refuses named blocks that are not free. A block that memoryd is already onlining can be asked to go online.
 */
static int check_busy(Selector *selector)
{
        for (size_t i = 0; i < selector->n_targets; i++) {
                const Block *block = selector_target(selector, i);

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

int selector_find_targets(Selector *selector)
{
        /* One element more, so that no allocation is empty on an empty machine. */
        size_t n = selector->machine->n_blocks + 1;
        int r;

        selector->targets = calloc(n, sizeof(size_t));
        if (!selector->targets)
                return -ENOMEM;
        r = selector->request->n_ranges > 0 ? find_ranges(selector) : find_all(selector);
        if (r == 0 && !selector->has_size)
                r = check_busy(selector);
        if (r != 0)
                return r;
        selector->taken = calloc(selector->n_targets + 1, sizeof(bool));
        selector->steps = calloc(selector->n_targets + 1, sizeof(Step));
        return selector->taken && selector->steps ? 0 : -ENOMEM;
}

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
        selector->refusal = refusal;
        return 1;
}

void selector_take(Selector *selector, size_t i, Verdict to)
{
        const Block *block = selector_target(selector, i);
        ZoneClass from = block_class(block);

        assert(!selector->taken[i]);
        selector->taken[i] = true;
        selector->steps[selector->n_steps++] = (Step){
                .block = block->id,
                .inode = block->inode,
                .from = from,
                .to = to,
        };
        balance_move(&selector->after, block, from, verdict_class(to, block));
}

int selector_start_over(Selector *selector)
{
        balance_done(&selector->after);
        selector->n_steps = 0;
        memset(selector->taken, 0, selector->n_targets * sizeof(bool));
        return balance_copy(&selector->before, &selector->after);
}

size_t selector_count(const Selector *selector, ZoneClass zone_class)
{
        size_t n = 0;

        for (size_t i = 0; i < selector->n_targets; i++)
                n += block_class(selector_target(selector, i)) == zone_class;
        return n;
}

int selector_check_boot(Selector *selector, unsigned classes)
{
        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector_target(selector, i);

                if (machine_origin(selector->machine, block) == ORIGIN_BOOT &&
                    classes & 1U << block_class(block))
                        return selector_refuse(
                                selector, REFUSAL_BOOT_MEMORY,
                                "memory%u was there at boot, and the kernel may have "
                                "what it cannot move anywhere in it",
                                block->id);
        }
        return 0;
}

int selector_check_attribute(Selector *selector, unsigned classes)
{
        for (size_t i = 0; i < selector->n_targets && !selector->request->force; i++) {
                const Block *block = selector_target(selector, i);
                const Device *device = machine_device(selector->machine, block);

                if (device && device->onlines_itself && classes & 1U << block_class(block))
                        return selector_refuse(selector, REFUSAL_INVALID_REQUEST,
                                               "memory%u is part of %s, which has an attribute of "
                                               "its own for being onlined as a whole",
                                               block->id,
                                               *device->name ? device->name : "a device");
        }
        return 0;
}

static int refuse_last_kernel(Selector *selector, const Breach *breach)
{
        uint32_t node = breach->node->node->id, kernel = 0, movable = 0;
        char size[FORMAT_BYTES_MAX];
        bool has_kernel = false;

        for (size_t i = 0; i < selector->n_steps; i++) {
                const Step *step = &selector->steps[i];
                const Block *block = machine_find_block(selector->machine, step->block);

                if (!block || block->node != (int32_t) node)
                        continue;
                if (step->from == ZONE_CLASS_KERNEL) {
                        kernel = step->block;
                        has_kernel = true;
                } else {
                        movable = step->block;
                }
        }
        if (!has_kernel)
                return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                                       "node %u has no kernel memory, and with memory%u it would "
                                       "have movable memory only",
                                       node, movable);
        return selector_refuse(selector, REFUSAL_LAST_KERNEL_MEMORY,
                               "memory%u is the last kernel memory of node %u, which would be left "
                               "with %s of movable memory only",
                               kernel, node, format_bytes_exact(breach->node->movable_bytes, size));
}

static int refuse_ratio(Selector *selector, const Breach *breach)
{
        char place[32] = "the machine", memory[FIGURES_STRING_MAX], limit[RATIO_STRING_MAX];

        if (breach->node->node)
                snprintf(place, sizeof(place), "node %u", breach->node->node->id);
        return selector_refuse(selector, REFUSAL_BELOW_GUARDS,
                               "%s would have %s, over max_movable_ratio %s", place,
                               figures_format(&breach->figures, true, memory),
                               ratio_format(breach->figures.limit, limit));
}

static int refuse_min_kernel(Selector *selector, const Breach *breach)
{
        char kernel[FORMAT_BYTES_MAX], limit[FORMAT_BYTES_MAX];
        bool has_any = breach->figures.kernel_bytes > 0;

        format_bytes_exact(breach->figures.kernel_bytes, kernel);
        return selector_refuse(selector, REFUSAL_BELOW_GUARDS,
                               "node %u would have %s%s kernel memory, and min_kernel asks for %s",
                               breach->node->node->id, has_any ? kernel : "no",
                               has_any ? " of" : "",
                               format_bytes_exact(breach->figures.limit, limit));
}

int selector_check_guards(Selector *selector)
{
        Breach breach;

        if (selector->request->force ||
            !balance_is_breached(&selector->before, &selector->after, &breach))
                return 0;
        if (breach.last_kernel)
                return refuse_last_kernel(selector, &breach);
        if (breach.guard == GUARD_MIN_KERNEL)
                return refuse_min_kernel(selector, &breach);
        return refuse_ratio(selector, &breach);
}

bool selector_is_within_guards(const Selector *selector, const Block *block)
{
        const NodeBalance *node = balance_node(&selector->after, block->node);
        Breach breach;

        return !node || !balance_is_breached_at(&selector->before, &selector->after,
                                                (size_t) (node - selector->after.nodes), &breach);
}
