/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the memory tier of each node, without waking the trap that tier.h tells of. */

#include "kernel/tier.h"

#include "base/parse.h"
#include "kernel/evidence.h"

#include <fcntl.h>
#include <stdio.h>

#define TIERS_FOLDER "devices/virtual/memory_tiering"
#define TIER_PATH_MAX (sizeof(TIERS_FOLDER) + 64)

/* How often to read tiers again that change meanwhile. */
#define ATTEMPTS_MAX 3

bool tiers_exist(const Sysfs *sysfs)
{
        _cleanup_close_ int fd =
                sysfs->sys_fd < 0 ? -1 :
                                    sysfs_open_below(sysfs, sysfs->sys_fd, TIERS_FOLDER, O_PATH);

        return fd >= 0;
}

static int list_tiers(const Sysfs *sysfs, Entry **ret, size_t *ret_n)
{
        if (sysfs->sys_fd < 0)
                return -ENOENT;
        return sysfs_list_numbered(sysfs, sysfs->sys_fd, TIERS_FOLDER, "memory_tier", ret, ret_n);
}

static bool same_tiers(const Entry *a, size_t n_a, const Entry *b, size_t n_b)
{
        if (n_a != n_b)
                return false;
        for (size_t i = 0; i < n_a; i++)
                if (a[i].id != b[i].id || a[i].inode != b[i].inode)
                        return false;
        return true;
}

static int read_nodelist(const Sysfs *sysfs, uint32_t tier, NodeSet *ret)
{
        char path[TIER_PATH_MAX], text[ATTRIBUTE_MAX];
        NodeSet set = {};
        int r;

        snprintf(path, sizeof(path), TIERS_FOLDER "/memory_tier%u/nodelist", tier);
        r = sysfs_read_text(sysfs, sysfs->sys_fd, path, text, sizeof(text));
        if (r < 0)
                return r;
        if (node_set_parse(&set, text) < 0)
                return -EBADMSG;
        *ret = set;
        return 0;
}

/* Returns the nodes that have memory online, by the blocks as they were last read. */
static NodeSet online_nodes(const Machine *machine)
{
        NodeSet set = {};

        for (size_t i = 0; i < machine->n_blocks; i++)
                if (machine->blocks[i].state == BLOCK_ONLINE && machine->blocks[i].node >= 0)
                        node_set_add(&set, (uint32_t) machine->blocks[i].node);
        return set;
}

static void set_tier(Machine *machine, const NodeSet *nodes, uint32_t tier)
{
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (node_set_contains(nodes, machine->nodes[i].id)) {
                        machine->nodes[i].has_tier = true;
                        machine->nodes[i].tier = tier;
                }
}

static void forget_tiers(Machine *machine)
{
        for (size_t i = 0; i < machine->n_nodes; i++)
                machine->nodes[i].has_tier = false;
}

/* Whether the kernel lies on the lowest node with a CPU and memory. False if /proc/iomem does not tell. */
static bool is_default_for_good(const Sysfs *sysfs, const Machine *machine, const NodeSet *online)
{
        _cleanup_free_ char *iomem = NULL;
        const Block *block;
        uint64_t address;

        if (sysfs_read_iomem(sysfs, &iomem) < 0 || ram_find_kernel(iomem, &address) < 0)
                return false;
        block = machine_find_block(machine, (uint32_t) (address / machine->block_size_bytes));
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (machine->nodes[i].has_cpu && node_set_contains(online, machine->nodes[i].id))
                        return block && block->node == (int32_t) machine->nodes[i].id;
        return false;
}

/* Sets what follows from the nodes of the default tier. */
static int read_default(const Sysfs *sysfs, Machine *machine, const NodeSet *online,
                        const Entry *tiers, size_t n_tiers)
{
        NodeSet nodes, others;
        size_t at = 0;
        int r;

        while (at < n_tiers && tiers[at].id != TIER_DEFAULT)
                at++;
        if (at == n_tiers || !is_default_for_good(sysfs, machine, online))
                return 0;
        r = read_nodelist(sysfs, TIER_DEFAULT, &nodes);
        if (r < 0)
                return r;
        others = node_set_minus(online, &nodes);
        set_tier(machine, &nodes, TIER_DEFAULT);
        if (n_tiers == 2)
                set_tier(machine, &others, tiers[1 - at].id);
        return 0;
}

static int read_recorded(const Sysfs *sysfs, Machine *machine, const Entry *tiers, size_t n_tiers)
{
        NodeSet nodes;

        for (size_t i = 0; i < n_tiers; i++)
                if (read_nodelist(sysfs, tiers[i].id, &nodes) >= 0)
                        set_tier(machine, &nodes, tiers[i].id);
        return 0;
}

/* Forgets the tier of each node that has no memory online now, whatever the blocks said. */
static int check_memory(const Sysfs *sysfs, Machine *machine, const NodeSet *online)
{
        NodeSet with_memory = *online;
        int r = sysfs->recorded ? 0 : sysfs_read_node_list(sysfs, "has_memory", &with_memory);

        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++)
                if (!node_set_contains(online, machine->nodes[i].id) ||
                    !node_set_contains(&with_memory, machine->nodes[i].id))
                        machine->nodes[i].has_tier = false;
        return r;
}

/* Returns 1 if the tiers changed meanwhile, or what tiers_read() returns. */
static int try_to_read(const Sysfs *sysfs, Machine *machine, const NodeSet *online)
{
        _cleanup_free_ Entry *tiers = NULL, *again = NULL;
        size_t n_tiers = 0, n_again = 0;
        int r = list_tiers(sysfs, &tiers, &n_tiers);

        if (r < 0)
                return r;
        if (n_tiers == 1)
                set_tier(machine, online, tiers[0].id);
        else if (sysfs->recorded)
                r = read_recorded(sysfs, machine, tiers, n_tiers);
        else
                r = read_default(sysfs, machine, online, tiers, n_tiers);
        if (r >= 0)
                r = check_memory(sysfs, machine, online);
        if (r >= 0)
                r = list_tiers(sysfs, &again, &n_again);
        return r < 0 ? r : !same_tiers(tiers, n_tiers, again, n_again);
}

int tiers_read(const Sysfs *sysfs, Machine *machine)
{
        const NodeSet online = online_nodes(machine);
        int r = 1;

        for (unsigned i = 0; i < ATTEMPTS_MAX && r > 0; i++) {
                forget_tiers(machine);
                r = try_to_read(sysfs, machine, &online);
        }
        if (r != 0)
                forget_tiers(machine);
        return MIN(r, 0);
}
