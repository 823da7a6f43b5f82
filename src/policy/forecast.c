/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes plans for memory that is not there yet, or with another policy. */

#include "policy/forecast.h"

#include "policy/reason.h"
#include "policy/track.h"

#include <stdio.h>

/* Additions */

#define TEXT_OF(number) #number
#define EXPECTED_AT_MOST(number) "a size of at most " TEXT_OF(number) " blocks"

static int addition_parse_node(char *text, Addition *ret, const char **ret_expected)
{
        char *origin = strchr(text, ':');

        if (origin)
                *origin++ = 0;
        *ret_expected = "a node number of at most 1023 after the '@'";
        if (parse_u32(text, &ret->node) < 0 || ret->node >= NODE_MAX)
                return -EINVAL;

        *ret_expected = "dimm, virtio-mem, kmem, balloon, standby, driver or unknown after the ':'";
        ret->origin = origin ? origin_from_string(origin) : ORIGIN_DIMM;
        return ret->origin < 0 || ret->origin == ORIGIN_BOOT ? -EINVAL : 0;
}

int addition_parse(const char *text, uint64_t block_size_bytes, Addition *ret,
                   const char **ret_expected)
{
        _cleanup_free_ char *copy = strdup(text);
        Addition addition = {};
        char *node = copy ? strchr(copy, '@') : NULL;
        int r;

        *ret_expected = "SIZE@NODE[:ORIGIN], for example 16G@1:virtio-mem";
        if (!node)
                return copy ? -EINVAL : -ENOMEM;
        *node++ = 0;

        *ret_expected = "a size before the '@', for example 16G";
        r = parse_size(copy, &addition.size_bytes);
        if (r == -EINVAL)
                return r;
        *ret_expected = "a size that is a multiple of the block size, and not zero";
        if (r == -EDOM ||
            (r >= 0 && (addition.size_bytes == 0 || addition.size_bytes % block_size_bytes != 0)))
                return -EINVAL;
        *ret_expected = EXPECTED_AT_MOST(FORECAST_BLOCKS_MAX);
        if (r < 0 || addition.size_bytes / block_size_bytes > FORECAST_BLOCKS_MAX)
                return -EINVAL;
        r = addition_parse_node(node, &addition, ret_expected);
        if (r >= 0)
                *ret = addition;
        return r;
}

/* Copying a machine: the copy can grow like the original */

static void *copy_array(const void *from, size_t n, size_t size)
{
        void *to = calloc(grown_size(n), size);

        if (to && n > 0)
                memcpy(to, from, n * size);
        return to;
}

/* Copies what a forecast changes. Zones and distances stay those of the original. */
static int copy_machine(Machine *to, const Machine *from)
{
        *to = *from;
        to->blocks = copy_array(from->blocks, from->n_blocks, sizeof(Block));
        to->devices = copy_array(from->devices, from->n_devices, sizeof(Device));
        to->nodes = copy_array(from->nodes, from->n_nodes, sizeof(Node));
        return to->blocks && to->devices && to->nodes ? 0 : -ENOMEM;
}

void forecast_done(Forecast *forecast)
{
        free(forecast->machine.blocks);
        free(forecast->machine.devices);
        free(forecast->machine.nodes);
        *forecast = (Forecast){};
}

/* Playing the decisions */

static void make_online(Block *block)
{
        uint8_t zone = block->decision.verdict == VERDICT_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;

        if (block->decision.verdict == VERDICT_KERNEL_DEFAULT && block->zones.n_zones > 0)
                zone = block->zones.zones[0];
        block->zones = (ZoneList){ .n_zones = 1, .zones = { zone } };
        block->state = BLOCK_ONLINE;
        block->status = BLOCK_STATUS_DONE;
        block->last_class = block_class(block);
}

static int decide_by(Machine *machine, const Policy *policy, PlanFilter filter)
{
        Plan plan = {};
        int r = plan_make(machine, policy, filter, 0, &plan);

        for (size_t i = 0; r >= 0 && i < plan.n_planned; i++) {
                Block *block = machine_find_block(machine, plan.planned[i].block);

                track_decide(block, &plan.planned[i].decision);
                if (block->state != BLOCK_OFFLINE)
                        track_judge(block);
                else if (!verdict_is_left(block->decision.verdict))
                        make_online(block);
        }
        plan_done(&plan);
        return r;
}

/*
 * Decides as memoryd does: first on blocks that memoryd did not online, to judge them, then on offline
 * blocks.
 */
static int decide_all(Machine *machine, const Policy *policy)
{
        int r;

        track_note_memoryless(machine);
        r = decide_by(machine, policy, track_wants_judgement);
        return r < 0 ? r : decide_by(machine, policy, track_wants_plan);
}

static int add_node(Machine *machine, uint32_t id)
{
        size_t i;

        if (machine_find_node(machine, id))
                return 0;
        if (GROW(machine->nodes, machine->n_nodes) < 0)
                return -ENOMEM;
        for (i = machine->n_nodes++; i > 0 && machine->nodes[i - 1].id > id; i--)
                machine->nodes[i] = machine->nodes[i - 1];
        machine->nodes[i] = (Node){ .id = id };
        return 0;
}

static int add_device(Machine *machine, const Addition *addition, uint32_t first, uint32_t n)
{
        bool grows = addition->origin == ORIGIN_VIRTIO_MEM || addition->origin == ORIGIN_BALLOON;

        if (GROW(machine->devices, machine->n_devices) < 0)
                return -ENOMEM;
        machine->devices[machine->n_devices++] = (Device){
                .origin = addition->origin,
                .size_bytes = addition->size_bytes,
                .first_block = first,
                .last_block = first + n - 1,
                .unit_blocks = grows ? 1 : 0,
        };
        return 0;
}

/* Returns the first block number behind all blocks, and behind the blocks that devices can grow to. */
static uint64_t free_block(const Machine *machine)
{
        uint64_t first = 0;

        if (machine->n_blocks > 0)
                first = machine->blocks[machine->n_blocks - 1].id + UINT64_C(1);
        for (size_t i = 0; i < machine->n_devices; i++)
                first = MAX(first, machine->devices[i].last_block + UINT64_C(1));
        return first;
}

static int add_memory(Machine *machine, const Addition *addition)
{
        uint64_t n = addition->size_bytes / machine->block_size_bytes;
        uint64_t first = free_block(machine);

        if (machine->n_blocks + n > FORECAST_BLOCKS_MAX || first + n > UINT32_MAX)
                return -E2BIG;
        if (add_node(machine, addition->node) < 0 ||
            add_device(machine, addition, (uint32_t) first, (uint32_t) n) < 0)
                return -ENOMEM;

        for (uint32_t i = 0; i < n; i++) {
                Block *block;

                if (machine_add_block(machine, (uint32_t) first + i, &block) < 0)
                        return -ENOMEM;
                block->node = (int32_t) addition->node;
                block->device = (int32_t) machine->n_devices - 1;
                block->status = BLOCK_STATUS_PENDING;
                block->leave_is_over = true; /* what it comes to in the end */
        }
        return 0;
}

/* Translates a mask of udev properties of one policy into a mask of another. */
static uint64_t translate_mask(uint64_t mask, const Policy *from, const Policy *to)
{
        uint64_t translated = 0;

        for (size_t i = 0; i < from->n_udev_properties; i++)
                for (size_t j = 0; j < to->n_udev_properties; j++)
                        if ((mask & UINT64_C(1) << i) &&
                            strcmp(from->udev_properties[i].name, to->udev_properties[j].name) ==
                                    0 &&
                            strcmp(from->udev_properties[i].value, to->udev_properties[j].value) ==
                                    0)
                                translated |= UINT64_C(1) << j;
        return translated;
}

static int add_memories(Machine *machine, const Policy *current, const Policy *policy,
                        const Addition *additions, size_t n_additions)
{
        int r;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (current != policy) {
                        policy_remap(current, policy, &block->decision);
                        block->udev_mask = translate_mask(block->udev_mask, current, policy);
                }
                if (block->status == BLOCK_STATUS_WRITING && block->state == BLOCK_OFFLINE)
                        make_online(block);
                else if (current != policy)
                        track_reconsider(block);
                else
                        track_reset(block);
        }
        r = decide_all(machine, policy);
        for (size_t i = 0; r >= 0 && i < n_additions; i++) {
                r = add_memory(machine, &additions[i]);
                if (r >= 0)
                        r = decide_all(machine, policy);
        }
        return r;
}

int forecast_make(const Machine *machine, const Policy *current, const Policy *policy,
                  const Addition *additions, size_t n_additions, Forecast *ret)
{
        Forecast forecast = { .present = machine };
        int r = copy_machine(&forecast.machine, machine);

        if (r >= 0)
                r = add_memories(&forecast.machine, current, policy, additions, n_additions);
        if (r < 0)
                forecast_done(&forecast);
        else
                *ret = forecast;
        return r;
}

int forecast_add(const Machine *machine, const Addition *addition, const char *device,
                 Forecast *ret)
{
        Forecast forecast = { .present = machine };
        int r = copy_machine(&forecast.machine, machine);
        Device *added;

        if (r >= 0)
                r = add_memory(&forecast.machine, addition);
        if (r < 0) {
                forecast_done(&forecast);
                return r;
        }
        added = &forecast.machine.devices[forecast.machine.n_devices - 1];
        strcpy(added->name, device);
        strcpy(added->driver, "kmem");
        track_note_memoryless(&forecast.machine);
        machine_count(&forecast.machine);
        *ret = forecast;
        return 0;
}

static bool is_added(const Forecast *forecast, size_t i)
{
        return i >= forecast->present->n_blocks;
}

static BlockState state_before(const Forecast *forecast, size_t i)
{
        return is_added(forecast, i) ? BLOCK_OFFLINE : forecast->present->blocks[i].state;
}

/* Whether memoryd decides on a block, instead of leaving it as it is. */
static bool is_planned(const Forecast *forecast, size_t i)
{
        return state_before(forecast, i) == BLOCK_OFFLINE &&
               forecast->machine.blocks[i].status != BLOCK_STATUS_OFFLINED;
}

static bool is_decided_alike(const Block *a, const Block *b)
{
        return a->decision.verdict == b->decision.verdict && a->status == b->status &&
               a->decision.rule == b->decision.rule && a->decision.guards == b->decision.guards &&
               strcmp(reason_scope(a), reason_scope(b)) == 0;
}

static bool is_same(const Forecast *forecast, size_t i, size_t j)
{
        const Block *a = &forecast->machine.blocks[i], *b = &forecast->machine.blocks[j];

        return b->id == a->id + (j - i) && a->node == b->node && a->device == b->device &&
               state_before(forecast, i) == state_before(forecast, j) &&
               is_added(forecast, i) == is_added(forecast, j) && block_class(a) == block_class(b) &&
               a->offliner == b->offliner &&
               (a->status == BLOCK_STATUS_OFFLINING) == (b->status == BLOCK_STATUS_OFFLINING) &&
               is_planned(forecast, i) == is_planned(forecast, j) &&
               (!is_planned(forecast, i) || is_decided_alike(a, b));
}

static int forecast_reason(const Forecast *forecast, const Policy *policy, size_t i, char **ret)
{
        const Block *block = &forecast->machine.blocks[i];

        if (state_before(forecast, i) == BLOCK_OFFLINE || block->status == BLOCK_STATUS_OFFLINING)
                return reason_format(&forecast->machine, policy, block, ret);
        *ret = strdup(state_before(forecast, i) == BLOCK_ONLINE ?
                              "online already, and stays so" :
                              "left alone: something other than memoryd is taking it offline");
        return *ret ? 0 : -ENOMEM;
}

int forecast_range(const Forecast *forecast, const Policy *policy, size_t *index,
                   ForecastRange *ret)
{
        const Machine *machine = &forecast->machine;
        size_t first = *index, end = first + 1;
        const Device *device;
        const Block *block;
        ForecastRange range;
        bool planned;

        if (first >= machine->n_blocks)
                return 0;
        while (end < machine->n_blocks && is_same(forecast, first, end))
                end++;
        block = &machine->blocks[first];
        device = machine_device(machine, block);
        planned = is_planned(forecast, first);
        range = (ForecastRange){
                .first = block->id,
                .last = machine->blocks[end - 1].id,
                .node = block->node,
                .is_added = is_added(forecast, first),
                .state = is_added(forecast, first) ?
                                 "absent" :
                                 block_state_to_string(state_before(forecast, first)),
                .zone_class = zone_class_to_string(block_class(block)),
                .device = device ? device->name : "",
                .origin = origin_to_string(machine_origin(machine, block)),
                .decision = verdict_to_string(planned ? block->decision.verdict : VERDICT_NONE),
                .rule = planned ? reason_rule_name(policy, block) : "",
        };
        guards_format(planned ? block->decision.guards : 0, range.guards);
        if (forecast_reason(forecast, policy, first, &range.reason) < 0)
                return -ENOMEM;
        *ret = range;
        *index = end;
        return 1;
}
