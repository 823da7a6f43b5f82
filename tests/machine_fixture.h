/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/plan.h"

#include <check.h>
#include <ctype.h>

/*
 * Machines from one line of text, one word per node, "0c=k8o4 1@64=o16":
 *
 *   NODE[c][@FIRST]=BLOCKS
 *
 * A node with `c` has a CPU; `?` instead of a number is blocks without a node link. Blocks are
 * numbered from FIRST, else from where the last word ended. A letter is a block, a number behind it
 * repeats it:
 *
 *   k m  online, in Normal or Movable      s  online, spans several zones (valid_zones is "none")
 *   o    offline, to be decided            l  offline and left
 *   K M  being written, as kernel memory   r  offline, a retry is due (RETRY_AT_USEC)
 *        or as movable                     -  no block here
 *   g    going offline, from Movable
 */

#define RETRY_AT_USEC UINT64_C(1000000)

/* An assertion of Check writes to a file each time, which would take longer than all else here. */
#define REQUIRE_MEMORY(pointer)                                                                    \
        do {                                                                                       \
                if (!(pointer))                                                                    \
                        ck_abort_msg("out of memory");                                             \
        } while (0)

static inline void zones_set(ZoneList *zones, const char *text)
{
        if (zone_list_parse(text, zones) < 0)
                ck_abort_msg("\"%s\" is no list of zones", text);
}

static inline void block_set(Block *block, BlockState state, const char *zones, BlockStatus status)
{
        block->state = state;
        block->status = status;
        block->seen = true;
        zones_set(&block->zones, zones);
        if (state == BLOCK_ONLINE)
                block->last_class = block_class(block);
}

static inline void block_set_letter(Block *block, char letter)
{
        static const struct {
                char letter;
                BlockState state;
                BlockStatus status;
                Verdict verdict;
                const char *zones;
        } kinds[] = {
                { 'k', BLOCK_ONLINE, BLOCK_STATUS_INITIAL, VERDICT_NONE, "Normal" },
                { 'm', BLOCK_ONLINE, BLOCK_STATUS_INITIAL, VERDICT_NONE, "Movable" },
                { 's', BLOCK_ONLINE, BLOCK_STATUS_INITIAL, VERDICT_NONE, "none" },
                { 'g', BLOCK_GOING_OFFLINE, BLOCK_STATUS_DONE, VERDICT_MOVABLE, "Movable" },
                { 'o', BLOCK_OFFLINE, BLOCK_STATUS_PENDING, VERDICT_NONE, "Normal Movable" },
                { 'l', BLOCK_OFFLINE, BLOCK_STATUS_LEFT, VERDICT_LEAVE, "Normal Movable" },
                { 'r', BLOCK_OFFLINE, BLOCK_STATUS_RETRYING, VERDICT_KERNEL, "Normal Movable" },
                { 'K', BLOCK_OFFLINE, BLOCK_STATUS_WRITING, VERDICT_KERNEL, "Normal Movable" },
                { 'M', BLOCK_OFFLINE, BLOCK_STATUS_WRITING, VERDICT_MOVABLE, "Normal Movable" },
        };
        size_t i = 0;

        while (i < ELEMENTSOF(kinds) && kinds[i].letter != letter)
                i++;
        if (i == ELEMENTSOF(kinds))
                ck_abort_msg("a machine has no block '%c'", letter);
        block_set(block, kinds[i].state, kinds[i].zones, kinds[i].status);
        block->decision.verdict = kinds[i].verdict;
        if (letter == 'r')
                block->retry_at_usec = RETRY_AT_USEC;
}

/* Adds the blocks of one word, moves *text past it and returns the number of the next block. */
static inline uint32_t machine_add_blocks(Machine *machine, int32_t node, uint32_t id,
                                          const char **text)
{
        while (**text && **text != ' ') {
                char letter = *(*text)++, *end = NULL;
                unsigned long n = isdigit(**text) ? strtoul(*text, &end, 10) : 1;

                if (end)
                        *text = end;
                for (; n > 0; n--, id++) {
                        Block *block;

                        if (letter == '-')
                                continue;
                        if (machine_add_block(machine, id, &block) != 1)
                                ck_abort_msg("cannot add block %u", id);
                        block->node = node;
                        block_set_letter(block, letter);
                }
        }
        return id;
}

/* Nodes are added in order: those of a line may come in any. */
static inline void machine_add_node(Machine *machine, uint32_t id, bool has_cpu)
{
        Node *nodes = calloc(machine->n_nodes + 1, sizeof(Node));
        size_t i = 0;

        REQUIRE_MEMORY(nodes);
        for (; i < machine->n_nodes && machine->nodes[i].id < id; i++)
                nodes[i] =
                        (Node){ .id = machine->nodes[i].id, .has_cpu = machine->nodes[i].has_cpu };
        nodes[i] = (Node){ .id = id, .has_cpu = has_cpu };
        for (; i < machine->n_nodes; i++)
                nodes[i + 1] =
                        (Node){ .id = machine->nodes[i].id, .has_cpu = machine->nodes[i].has_cpu };
        machine_set_nodes(machine, nodes, machine->n_nodes + 1);
}

/* "0c" or "?", in front of the blocks: returns the node. */
static inline int32_t machine_take_node(Machine *machine, const char **text)
{
        char *end;
        unsigned long node;
        bool has_cpu;

        if (**text == '?') {
                (*text)++;
                return NODE_NONE;
        }

        node = strtoul(*text, &end, 10);
        ck_assert(end > *text && node < NODE_MAX);
        has_cpu = *end == 'c';
        *text = end + has_cpu;
        if (!machine_find_node(machine, (uint32_t) node))
                machine_add_node(machine, (uint32_t) node, has_cpu);
        return (int32_t) node;
}

static inline void machine_from(Machine *machine, uint64_t block_size_bytes, const char *text)
{
        uint32_t id = 0;

        machine_init(machine);
        machine->block_size_bytes = block_size_bytes;
        while (*text) {
                int32_t node = machine_take_node(machine, &text);

                if (*text == '@') {
                        char *end;

                        id = (uint32_t) strtoul(text + 1, &end, 10);
                        text = end;
                }
                ck_assert_int_eq(*text++, '=');
                id = machine_add_blocks(machine, node, id, &text);
                text += strspn(text, " ");
        }
}

/* One more device, of the blocks from `first` to `last` that have none yet. Returns it. */
static inline Device *machine_add_device(Machine *machine, uint32_t first, uint32_t last,
                                         uint32_t unit_blocks)
{
        Device *devices = reallocarray(machine->devices, machine->n_devices + 1, sizeof(Device));
        Device *device;

        REQUIRE_MEMORY(devices);
        device = &devices[machine->n_devices];
        *device = (Device){
                .origin = unit_blocks > 0 ? ORIGIN_VIRTIO_MEM : ORIGIN_DIMM,
                .size_bytes = (uint64_t) (last - first + 1) * machine->block_size_bytes,
                .first_block = first,
                .last_block = last,
                .unit_blocks = unit_blocks,
        };
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->device == DEVICE_NONE && block->id >= first && block->id <= last)
                        block->device = (int32_t) machine->n_devices;
        }
        machine->devices = devices;
        machine->n_devices++;
        return device;
}

/* Devices from text, "32-95 100-107/2": their blocks, and the size of a unit for a device that grows. */
static inline void machine_add_devices(Machine *machine, const char *text)
{
        while (*text) {
                char *end;
                unsigned long first = strtoul(text, &end, 10), last, unit = 0;

                ck_assert_int_eq(*end, '-');
                last = strtoul(end + 1, &end, 10);
                if (*end == '/')
                        unit = strtoul(end + 1, &end, 10);
                machine_add_device(machine, (uint32_t) first, (uint32_t) last, (uint32_t) unit);
                text = end + strspn(end, " ");
        }
}

/* One more zone; they are to be added in order. */
static inline Zone *machine_add_zone(Machine *machine, uint32_t node, ZoneType type)
{
        Zone *zones = calloc(machine->n_zones + 1, sizeof(Zone));

        REQUIRE_MEMORY(zones);
        if (machine->n_zones > 0)
                memcpy(zones, machine->zones, machine->n_zones * sizeof(Zone));
        zones[machine->n_zones] = (Zone){ .node = node, .type = type };
        machine_set_zones(machine, zones, machine->n_zones + 1);
        return &machine->zones[machine->n_zones - 1];
}

/* What a plan has decided on a block, or NULL if nothing. */
static inline const Planned *plan_find(const Plan *plan, uint32_t block)
{
        for (size_t i = 0; i < plan->n_planned; i++)
                if (plan->planned[i].block == block)
                        return &plan->planned[i];
        return NULL;
}
