/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps blocks, devices, nodes and zones, and adds them up. */

#include "model/machine.h"

void machine_init(Machine *machine)
{
        *machine = (Machine){};
}

void nodes_free(Node *nodes, size_t n_nodes)
{
        for (size_t i = 0; i < n_nodes; i++)
                free(nodes[i].distances);
        free(nodes);
}

void machine_done(Machine *machine)
{
        nodes_free(machine->nodes, machine->n_nodes);
        free(machine->zones);
        free(machine->devices);
        free(machine->blocks);
        acpi_devices_done(&machine->acpi);
        machine_init(machine);
}

/* Finds an element of a sorted array by its first member, its id. */
static void *find_by_id(void *elements, size_t n, size_t size, uint32_t id)
{
        return n > 0 ? bsearch(&id, elements, n, size, id_compare) : NULL;
}

Block *machine_find_block(const Machine *machine, uint32_t id)
{
        /* Blocks are mostly looked up and added in order: look at the end first. */
        if (machine->n_blocks > 0 && machine->blocks[machine->n_blocks - 1].id < id)
                return NULL;
        return find_by_id(machine->blocks, machine->n_blocks, sizeof(Block), id);
}

Node *machine_find_node(const Machine *machine, uint32_t id)
{
        /* The numbers of nodes mostly have no gaps. */
        if (id < machine->n_nodes && machine->nodes[id].id == id)
                return &machine->nodes[id];
        return find_by_id(machine->nodes, machine->n_nodes, sizeof(Node), id);
}

const Zone *machine_find_zone(const Machine *machine, uint32_t node, ZoneType type)
{
        for (size_t i = 0; i < machine->n_zones; i++)
                if (machine->zones[i].node == node && machine->zones[i].type == type)
                        return &machine->zones[i];
        return NULL;
}

const Device *machine_device(const Machine *machine, const Block *block)
{
        return block->device >= 0 && (size_t) block->device < machine->n_devices ?
                       &machine->devices[block->device] :
                       NULL;
}

Origin machine_origin(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        return device ? device->origin : ORIGIN_UNKNOWN;
}

bool machine_is_owned(const Machine *machine, const Block *block)
{
        return device_is_online_as_whole(machine_device(machine, block)) && !block->by_itself &&
               !block->kernel_due && block->onliner != ONLINER_KERNEL &&
               (block->state == BLOCK_ONLINE || block->last_class == ZONE_CLASS_NONE);
}

static uint32_t node_distance(const Node *node, uint32_t to)
{
        for (size_t i = 0; node && i < node->n_distances; i++)
                if (node->distances[i].node == to)
                        return node->distances[i].distance;
        return 0;
}

OnlineWord machine_kernel_word(const Machine *machine, int32_t node)
{
        const Node *found = machine_find_node(machine, (uint32_t) node);

        return found && found->has_kernel_word ? found->kernel_word : machine->kernel_word;
}

uint32_t machine_distance(const Machine *machine, uint32_t from, uint32_t to)
{
        return node_distance(machine_find_node(machine, from), to) ?:
                       node_distance(machine_find_node(machine, to), from);
}

int machine_insert_blocks(Machine *machine, const uint32_t *ids, size_t n_ids)
{
        size_t from = machine->n_blocks, to = from + n_ids;
        Block *blocks = machine->blocks;

        if (from == 0 || grown_size(from) < grown_size(to))
                blocks = reallocarray(blocks, grown_size(to), sizeof(Block));
        if (!blocks)
                return -ENOMEM;
        machine->blocks = blocks;
        machine->n_blocks = to;
        for (size_t i = n_ids; i-- > 0;) {
                while (from > 0 && machine->blocks[from - 1].id > ids[i])
                        machine->blocks[--to] = machine->blocks[--from];
                block_init(&machine->blocks[--to], ids[i]);
        }
        return 0;
}

int machine_add_block(Machine *machine, uint32_t id, Block **ret)
{
        Block *found = machine_find_block(machine, id);
        bool is_new = !found;

        if (is_new && machine_insert_blocks(machine, &id, 1) < 0)
                return -ENOMEM;
        *ret = found ?: machine_find_block(machine, id);
        return is_new;
}

void machine_retain_blocks(Machine *machine, const bool *keep)
{
        size_t n = 0;

        for (size_t i = 0; i < machine->n_blocks; i++)
                if (keep[i])
                        machine->blocks[n++] = machine->blocks[i];
        machine->n_blocks = n;
}

static void sum_free(Machine *machine)
{
        for (size_t i = 0; i < machine->n_nodes; i++)
                machine->nodes[i].free_bytes = 0;

        for (size_t i = 0; i < machine->n_zones; i++) {
                Node *node = machine_find_node(machine, machine->zones[i].node);

                if (node)
                        node->free_bytes += machine->zones[i].free_bytes;
        }
}

void machine_set_nodes(Machine *machine, Node *nodes, size_t n_nodes)
{
        nodes_free(machine->nodes, machine->n_nodes);
        machine->nodes = nodes;
        machine->n_nodes = n_nodes;
        sum_free(machine);
}

void machine_set_zones(Machine *machine, Zone *zones, size_t n_zones)
{
        free(machine->zones);
        machine->zones = zones;
        machine->n_zones = n_zones;
        sum_free(machine);
}

void totals_add(Totals *totals, const Block *block, uint64_t block_size_bytes)
{
        ZoneClass zone_class = block_class(block);

        totals->kernel_bytes += zone_class == ZONE_CLASS_KERNEL ? block_size_bytes : 0;
        totals->movable_bytes += zone_class == ZONE_CLASS_MOVABLE ? block_size_bytes : 0;
        totals->online_bytes += zone_class != ZONE_CLASS_NONE ? block_size_bytes : 0;
        totals->offline_bytes += zone_class == ZONE_CLASS_NONE ? block_size_bytes : 0;
        totals->pending_blocks +=
                block->status == BLOCK_STATUS_WAITING || block->status == BLOCK_STATUS_PENDING ||
                block->status == BLOCK_STATUS_WRITING || block->status == BLOCK_STATUS_RETRYING;
        totals->failed_blocks += block->status == BLOCK_STATUS_FAILED;
        totals->foreign_blocks += block->status == BLOCK_STATUS_FOREIGN;
}

void machine_count(Machine *machine)
{
        machine->totals = (Totals){};
        for (size_t i = 0; i < machine->n_nodes; i++)
                machine->nodes[i].totals = (Totals){};

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                Node *node = machine_find_node(machine, (uint32_t) block->node);

                totals_add(&machine->totals, block, machine->block_size_bytes);
                if (node)
                        totals_add(&node->totals, block, machine->block_size_bytes);
        }
}

uint64_t machine_cma_bytes(const Machine *machine, int32_t node)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < machine->n_zones; i++) {
                const Zone *zone = &machine->zones[i];

                if ((node == NODE_ANY || (int64_t) zone->node == node) &&
                    zone_type_to_class(zone->type) == ZONE_CLASS_KERNEL)
                        bytes += zone->cma_bytes;
        }
        return bytes;
}

void changed_ids_done(ChangedIds *changed)
{
        free(changed->ids);
        *changed = (ChangedIds){};
}

int changed_ids_add(ChangedIds *changed, uint32_t id)
{
        /* A block is often reported twice in a row: when it is read, and when it is decided. */
        if (changed->n_ids > 0 && changed->ids[changed->n_ids - 1] == id)
                return 0;

        if (GROW(changed->ids, changed->n_ids) < 0)
                return -ENOMEM;
        changed->ids[changed->n_ids++] = id;
        return 0;
}
