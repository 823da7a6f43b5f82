/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

#include <dirent.h>

/*
 * Reads the kernel's files about memory: the memory and node folders below /sys/devices/system,
 * /proc/zoneinfo and /proc/iomem. Values are untrusted: bounded and parsed strictly.
 *
 * memoryN/valid_zones is read only of a block whose node link exists: before that the kernel (all
 * before 6.18) dereferences node -1 and memory hotplug is dead until reboot. Or whose node the kernel's
 * event told: patch 3 of kernel/ rests on patch 1, with which a block has its node before it is seen.
 */

typedef struct Sysfs {
        int memory_fd; /* .../memory */
        int node_fd;   /* .../node; negative on a kernel without NUMA: all is node 0 then */
        int proc_fd;   /* the folder /proc; negative when there is none */
        int sys_fd;    /* the folder /sys; negative when there is none */
        int iomem_fd; /* /proc/iomem; negative when there is none. Who opened it counts, see below. */
        bool recorded;            /* copies of a kernel's files: see sysfs_open_recorded() */
        uint64_t page_size_bytes; /* the unit of zoneinfo; 0 for the running system's pages */
} Sysfs;

#define SYSFS_CLOSED                                                                               \
        ((Sysfs){ .memory_fd = -EBADF,                                                             \
                  .node_fd = -EBADF,                                                               \
                  .proc_fd = -EBADF,                                                               \
                  .sys_fd = -EBADF,                                                                \
                  .iomem_fd = -EBADF })

/*
 * Opens the folders below a root ("" is the running system). 0, or -ENOENT when the kernel has no
 * memory blocks (no CONFIG_MEMORY_HOTPLUG), or another negative errno.
 */
int sysfs_open(const char *root, Sysfs *ret);

/*
 * The same for files that were recorded on some machine. Nobody vouches for them: no link is
 * followed below the three folders, and nothing but a plain file is read. A root that turns out to
 * be the running system's after all is read as that, by its rules.
 */
int sysfs_open_recorded(const char *root, Sysfs *ret);
void sysfs_close(Sysfs *sysfs);

/*
 * Opens a file or folder below one of the folders: of recorded files without following a link. A
 * descriptor, or -1 with errno set.
 */
int sysfs_open_below(const Sysfs *sysfs, int dir_fd, const char *path, int flags);

/* The same for a folder whose entries are to be read. NULL with errno set. The caller closes it. */
DIR *sysfs_open_listing(const Sysfs *sysfs, int dir_fd, const char *path);
DEFINE_CLEANUP(DIR *, closedir)

/*
 * /proc/iomem shows its addresses to one who had CAP_SYS_ADMIN when it was opened (4.14 to 6.18,
 * file_ns_capable()), whoever reads it later. So a service manager can open it for a service that never
 * has that. Takes a duplicate of a descriptor if it is of that file: 0, or -EINVAL when it is of
 * another, or another negative errno.
 */
int sysfs_adopt_iomem(Sysfs *sysfs, int fd);

/*
 * The text of /proc/iomem as of now. The caller owns it. -ENOENT when there is none, -EAGAIN when it
 * changed all the time.
 */
int sysfs_read_iomem(const Sysfs *sysfs, char **ret);

/*
 * Reads a whole file, without its last newline, as a string. -EFBIG when it does not fit. Not for
 * valid_zones, which is read here and nowhere else.
 */
#define ATTRIBUTE_MAX 4096
int sysfs_read_text(const Sysfs *sysfs, int folder_fd, const char *path, char *buffer, size_t size);

/* The size of a block in bytes. -EBADMSG when it is not a power of two of at least 4 KiB. */
int sysfs_read_block_size(const Sysfs *sysfs, uint64_t *ret_bytes);

/* A numbered entry of a folder: memoryN, nodeN. */
typedef struct Entry {
        uint32_t id;
        uint64_t inode; /* sysfs gives a folder that comes back another one */
} Entry;

/* The N of a name that is PREFIXN. Returns false of any other. */
bool sysfs_parse_numbered(const char *name, const char *prefix, uint32_t *ret);

/*
 * The entries PREFIXN of a folder, by number. The caller owns the array. -ENOENT when the folder is
 * gone, or another negative errno.
 */
int sysfs_list_numbered(const Sysfs *sysfs, int dir_fd, const char *path, const char *prefix,
                        Entry **ret_entries, size_t *ret_n_entries);

/* The blocks there are now, by id. The caller owns the array. */
int sysfs_list_blocks(const Sysfs *sysfs, Entry **ret_entries, size_t *ret_n_entries);

/*
 * The nodes of many blocks at once, from the node folders: two folder entries a block instead of an
 * open folder each. Sets the node of blocks of the machine that are on one; others keep theirs.
 * NODE_SEVERAL in recorded files for one that two nodes have; else it is on the lower one.
 */
int sysfs_read_links(const Sysfs *sysfs, Machine *machine);

/*
 * Reads state, and the node link and zones where they can be had. While there is no link the node is
 * the one that the kernel's event told, as soon as that node is there. Fields that could not be read
 * stay as they were. Returns 1 when the block changed, 0 when not, -ENOENT when it is gone,
 * -EBADMSG when an attribute makes no sense (*ret_attribute names it), or another negative errno.
 */
int sysfs_read_block(const Sysfs *sysfs, Block *block, const char **ret_attribute);

/*
 * The node of a block from the link in its folder, NODE_NONE while there is none: of several the
 * lowest, but in recorded files the first in the folder's own order, which is the one that lsmem(1)
 * takes. 0 or negative errno.
 */
int sysfs_read_node(const Sysfs *sysfs, uint32_t block, int32_t *ret);

/* Whether a block is linked to a node, maybe to others too. */
bool sysfs_has_link(const Sysfs *sysfs, uint32_t block, int32_t node);

/* How one attribute of a block read. */
#define ATTRIBUTE_TEXT_MAX 64
typedef struct AttributeReading {
        int error;                     /* 0, -ENOENT, -EBADMSG, or another negative errno */
        char text[ATTRIBUTE_TEXT_MAX]; /* what made no sense, cut off, for -EBADMSG */
} AttributeReading;

typedef struct BlockReading {
        AttributeReading state;
        AttributeReading node;
        AttributeReading zones; /* -EAGAIN when they may not be read yet */
} BlockReading;

/* A block that more than one node has, until its own folder was read. */
#define NODE_SEVERAL (-3)

/*
 * Reads state, node and zones, each as far as it goes, where sysfs_read_block() gives up at the
 * first that fails: for recorded files. A node that is known already stays.
 */
void sysfs_read_each(const Sysfs *sysfs, Block *block, BlockReading *ret);

/* State alone, and of an online block its zones: what the actuator re-reads after a write. */
int sysfs_read_outcome(const Sysfs *sysfs, uint32_t block, BlockState *ret_state,
                       ZoneList *ret_zones);

/*
 * The file auto_online_blocks of the machine (NODE_NONE), below the memory folder, or of a node, below the
 * node folder, where only a kernel with the series of kernel/ has it. Returns the buffer.
 */
#define AUTO_ONLINE_PATH_MAX 48
const char *sysfs_auto_online_path(int32_t node, char buffer[static AUTO_ONLINE_PATH_MAX]);

/* It as it reads; -ENOENT where the kernel has no such file (for the machine before 4.7). */
#define AUTO_ONLINE_WORD_MAX 32
int sysfs_read_auto_online(const Sysfs *sysfs, int32_t node, char ret[static AUTO_ONLINE_WORD_MAX]);

/* The same as a word: also -EBADMSG when it is none that is known. */
int sysfs_read_online_word(const Sysfs *sysfs, int32_t node, OnlineWord *ret);

/* The nodes there are, with has_cpu and auto_online but no distances. The caller owns the array. */
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
