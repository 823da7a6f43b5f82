/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "machine.h"

/*
 * Reads the kernel's files about memory: the memory and node folders below /sys/devices/system and
 * /proc/zoneinfo. Values are untrusted: bounded and parsed strictly.
 *
 * memoryN/valid_zones is read only of a block whose node link exists: before that the kernel (all
 * before 6.18) dereferences node -1 and memory hotplug is dead until reboot.
 */

typedef struct Sysfs {
        int memory_fd; /* .../memory */
        int node_fd;   /* .../node; negative on a kernel without NUMA: all is node 0 then */
        int proc_fd;   /* the folder /proc; negative when there is none */
} Sysfs;

#define SYSFS_CLOSED ((Sysfs){ -EBADF, -EBADF, -EBADF })

/*
 * Opens the folders below a root ("" is the running system). 0, or -ENOENT when the kernel has no
 * memory blocks (no CONFIG_MEMORY_HOTPLUG), or another negative errno.
 */
int sysfs_open(const char *root, Sysfs *ret);
void sysfs_close(Sysfs *sysfs);

/* The size of a block in bytes. -EBADMSG when it is not a power of two of at least 4 KiB. */
int sysfs_read_block_size(const Sysfs *sysfs, uint64_t *ret_bytes);

/* A numbered entry of a folder: memoryN, nodeN. */
typedef struct Entry {
        uint32_t id;
        uint64_t inode; /* sysfs gives a folder that comes back another one */
} Entry;

/* The blocks there are now, by id. The caller owns the array. */
int sysfs_list_blocks(const Sysfs *sysfs, Entry **ret_entries, size_t *ret_n_entries);

/*
 * The nodes of many blocks at once, from the node folders: two folder entries a block instead of an
 * open folder each. Sets the node of blocks of the machine that are on one; others keep theirs.
 */
int sysfs_read_links(const Sysfs *sysfs, Machine *machine);

/*
 * Reads state, and the node link and zones where they can be had. Fields that could not be read
 * stay as they were. Returns 1 when the block changed, 0 when not, -ENOENT when it is gone,
 * -EBADMSG when an attribute makes no sense (*ret_attribute names it), or another negative errno.
 */
int sysfs_read_block(const Sysfs *sysfs, Block *block, const char **ret_attribute);

/* State alone, and of an online block its zones: what the actuator re-reads after a write. */
int sysfs_read_outcome(const Sysfs *sysfs, uint32_t block, BlockState *ret_state,
                       ZoneList *ret_zones);

/* auto_online_blocks; -ENOENT where the kernel has no such file (before 4.7). */
#define AUTO_ONLINE_WORD_MAX 32
int sysfs_read_auto_online(const Sysfs *sysfs, char ret[static AUTO_ONLINE_WORD_MAX]);

/* The nodes there are, with has_cpu but no distances. The caller owns the array. */
int sysfs_read_nodes(const Sysfs *sysfs, Node **ret_nodes, size_t *ret_n_nodes);

/*
 * A list of nodes, "online", "possible" or "has_cpu"; without NUMA each is node 0. 0 or a negative
 * errno.
 */
int sysfs_read_node_list(const Sysfs *sysfs, const char *name, NodeSet *ret);

/* The zones of /proc/zoneinfo that span any page. The caller owns the array. */
int sysfs_read_zones(const Sysfs *sysfs, Zone **ret_zones, size_t *ret_n_zones);

/*
 * Parses the text of /proc/zoneinfo; page_size_bytes is a page's size. For the above, and its
 * tests.
 */
int zoneinfo_parse(const char *text, uint64_t page_size_bytes, Zone **ret_zones,
                   size_t *ret_n_zones);
