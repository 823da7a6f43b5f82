/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

#include <dirent.h>

/*
 * Reads the kernel's files about memory: the memory and node folders below /sys/devices/system,
 * /proc/zoneinfo and /proc/iomem. Values are untrusted: limited in length and parsed strictly.
 *
 * memoryN/valid_zones is read only for a block whose node link exists. Before that, kernels before
 * 6.18 dereference node -1, and memory hotplug is dead until reboot. It is also read if the kernel
 * told the node of the block in an event: patch 3 of kernel/ rests on patch 1, with which a block
 * has its node before it becomes visible.
 */

typedef struct Sysfs {
        int memory_fd; /* .../memory */
        int node_fd;   /* .../node; negative on a kernel without NUMA, with all on node 0 */
        int proc_fd;   /* the folder /proc; negative if there is none */
        int sys_fd;    /* the folder /sys; negative if there is none */
        int iomem_fd;  /* /proc/iomem; negative if there is none; see sysfs_adopt_iomem() */
        bool recorded; /* the files are copies: see sysfs_open_recorded() */
        uint64_t page_size_bytes; /* the unit of zoneinfo: of the system that wrote the files */
} Sysfs;

#define SYSFS_CLOSED                                                                               \
        ((Sysfs){ .memory_fd = -EBADF,                                                             \
                  .node_fd = -EBADF,                                                               \
                  .proc_fd = -EBADF,                                                               \
                  .sys_fd = -EBADF,                                                                \
                  .iomem_fd = -EBADF })

/*
 * Opens the folders below a root ("" for the running system). Returns 0, -ENOENT if the kernel has
 * no memory blocks (no CONFIG_MEMORY_HOTPLUG), or another negative errno.
 */
int sysfs_open(const char *root, Sysfs *ret);

/*
 * Like sysfs_open(), for files that were recorded on some machine. They are untrusted: no link is
 * followed below the folders, and no pipe can block the reader. If the root turns out to be that of
 * the running system after all, it is read by the rules of the running system.
 */
int sysfs_open_recorded(const char *root, Sysfs *ret);
void sysfs_close(Sysfs *sysfs);

/*
 * Opens a file or folder below one of the folders. Links among recorded files are not followed.
 * Returns a descriptor, or -1 with errno set.
 */
int sysfs_open_below(const Sysfs *sysfs, int dir_fd, const char *path, int flags);

/*
 * Like sysfs_open_below(), for a folder whose entries are to be read. Returns NULL with errno set
 * on failure. The caller closes it.
 */
DIR *sysfs_open_listing(const Sysfs *sysfs, int dir_fd, const char *path);
DEFINE_CLEANUP(DIR *, closedir)

/*
 * Takes /proc/iomem from another process. The kernel shows its addresses if the process that opened
 * the file had CAP_SYS_ADMIN, whichever process reads it (4.14 to 6.18, file_ns_capable()). So a
 * service manager can open the file for a service that never has this capability. Duplicates `fd`.
 * Returns 0, -EINVAL if `fd` refers to another file, or another negative errno.
 */
int sysfs_adopt_iomem(Sysfs *sysfs, int fd);

/*
 * Reads the current text of /proc/iomem. The caller owns it. Returns 0; -ENOENT if there is no such
 * file; -EAGAIN if the text changed all the time; or another negative errno.
 */
int sysfs_read_iomem(const Sysfs *sysfs, char **ret);

/*
 * Reads a whole file as a string, without its last newline and NUL bytes behind it. Returns 0, -EFBIG if the
 * file does not fit, or another negative errno. Not for valid_zones, which only sysfs-block.c reads.
 */
#define ATTRIBUTE_MAX 4096
int sysfs_read_text(const Sysfs *sysfs, int folder_fd, const char *path, char *buffer, size_t size);

/*
 * Reads a file of up to 64 MiB from its start as a string, which the caller owns. Returns 0, -EFBIG,
 * or another negative errno.
 */
int sysfs_read_long_text(int fd, char **ret);

/* Reads the block size in bytes. Returns -EBADMSG if it is not a power of two of at least 4 KiB. */
int sysfs_read_block_size(const Sysfs *sysfs, uint64_t *ret_bytes);

/* A numbered entry of a folder: memoryN or nodeN. */
typedef struct Entry {
        uint32_t id;    /* first, for id_compare() */
        uint64_t inode; /* sysfs gives a new inode number to a folder that comes back */
} Entry;

/* Parses the number N of a name PREFIXN. Returns false for any other name. */
bool sysfs_parse_numbered(const char *name, const char *prefix, uint32_t *ret);

/*
 * Lists the entries PREFIXN of a folder by number. The caller owns the array. Returns 0, -ENOENT if
 * the folder is gone, or another negative errno.
 */
int sysfs_list_numbered(const Sysfs *sysfs, int dir_fd, const char *path, const char *prefix,
                        Entry **ret_entries, size_t *ret_n_entries);

/*
 * Finds the nodes of many blocks at once from the folders of the nodes: reads two folder entries
 * for each block instead of opening its folder. Sets Block.node of each block that is linked to a
 * node and had no node before. A block that is linked to two nodes gets the lower node, or
 * NODE_SEVERAL in recorded files.
 */
int sysfs_read_links(const Sysfs *sysfs, Machine *machine);

/*
 * Reads the state of a block, and the node link and the zones if they are available. While there is
 * no link, the node comes from the kernel's event, as soon as that node exists.
 * Returns 1 if the block changed, 0 if not, -ENOENT if it is gone, -EBADMSG if an attribute makes
 * no sense (*ret_attribute names it), or another negative errno. On failure the block is unchanged.
 */
int sysfs_read_block(const Sysfs *sysfs, Block *block, const char **ret_attribute);

/*
 * Reads the node of a block from the link in its folder, NODE_NONE if there is none. Of several
 * nodes it returns the lowest, but in recorded files the first one in the order of the folder, as
 * lsmem(1) does. Returns 0 or a negative errno.
 */
int sysfs_read_node(const Sysfs *sysfs, uint32_t block, int32_t *ret);

/* Whether a block is linked to a node. It may be linked to other nodes as well. */
bool sysfs_has_link(const Sysfs *sysfs, uint32_t block, int32_t node);

/* The attributes of a recorded block that are read for themselves. */
typedef enum BlockAttribute {
        BLOCK_ATTRIBUTE_STATE,
        BLOCK_ATTRIBUTE_NODE,
        BLOCK_ATTRIBUTE_ZONES,
        _BLOCK_ATTRIBUTE_MAX,
} BlockAttribute;

/* The result of reading an attribute of a block. */
#define ATTRIBUTE_TEXT_MAX 64
typedef struct AttributeReading {
        int error; /* 0, -ENOENT, -EBADMSG, or another; -EAGAIN: the zones may not be read yet */
        char text[ATTRIBUTE_TEXT_MAX]; /* for -EBADMSG: the text, truncated */
} AttributeReading;

/* The node of a block that is linked to several nodes, until the folder of the block has been read. */
#define NODE_SEVERAL (-3)

/*
 * Reads as much as possible of the state, node and zones of a recorded block, where
 * sysfs_read_block() gives up at the first failure. A node that is already known is kept.
 */
void sysfs_read_each(const Sysfs *sysfs, Block *block,
                     AttributeReading ret[static _BLOCK_ATTRIBUTE_MAX]);

/*
 * Reads the state of a block and, if it is online, its zones: what the actuator reads again after a
 * write. Returns 0 or a negative errno.
 */
int sysfs_read_outcome(const Sysfs *sysfs, uint32_t block, BlockState *ret_state,
                       ZoneList *ret_zones);

/*
 * Writes the path of an auto_online_blocks file: of the machine (NODE_NONE), relative to the memory
 * folder, or of a node, relative to the node folder. Only a kernel with the series of kernel/ has
 * those of nodes. Returns the buffer.
 */
#define AUTO_ONLINE_PATH_MAX 48
const char *sysfs_auto_online_path(int32_t node, char buffer[static AUTO_ONLINE_PATH_MAX]);

/* Writes the same path with /sys before it, for users. Returns the buffer. */
#define AUTO_ONLINE_FULL_PATH_MAX (AUTO_ONLINE_PATH_MAX + 32)
const char *sysfs_auto_online_full_path(int32_t node,
                                        char buffer[static AUTO_ONLINE_FULL_PATH_MAX]);

/*
 * Reads an auto_online_blocks file. Returns -ENOENT if the kernel has no such file (for the
 * machine, before 4.7).
 */
#define AUTO_ONLINE_WORD_MAX 32
int sysfs_read_auto_online(const Sysfs *sysfs, int32_t node, char ret[static AUTO_ONLINE_WORD_MAX]);

/* Like sysfs_read_auto_online(), as a word. Also returns -EBADMSG if the word is not known. */
int sysfs_read_online_word(const Sysfs *sysfs, int32_t node, OnlineWord *ret);

/*
 * Reads the nodes, with has_cpu and auto_online but without distances. A node has a CPU if the list
 * has_cpu or a file of the node says so: before late 2016, has_cpu lacks the CPUs that came up
 * at boot. The caller owns the array.
 */
int sysfs_read_nodes(const Sysfs *sysfs, Node **ret_nodes, size_t *ret_n_nodes);

/*
 * Reads the distances of a node, which has none yet, from the node's file: one for each existing node, in the
 * order of the nodes. Puts what it read into the buffer. Returns 0, -EBADMSG if the text makes no sense, or
 * another negative errno.
 */
#define DISTANCE_TEXT_MAX 16384 /* room for the distances of NODE_MAX nodes */
#define DISTANCE_EXPECTED "a distance, not 0, for each node"
int sysfs_read_distances(const Sysfs *sysfs, const Node *nodes, size_t n_nodes, Node *node,
                         char text[static DISTANCE_TEXT_MAX]);

/*
 * Reads a figure about the performance of a node into node->performance. Puts the path, relative to the node
 * folder, and what it read into the buffers. Returns 0; -ENOENT if the firmware tells nothing of the node, or
 * the node never had memory; -EBADMSG if the text makes no sense; or another negative errno. On failure the
 * figure is 0.
 */
#define PERFORMANCE_PATH_MAX 64
#define PERFORMANCE_EXPECTED "a whole number, 0 if it is not known"
int sysfs_read_performance(const Sysfs *sysfs, Node *node, Performance performance,
                           char path[static PERFORMANCE_PATH_MAX], char text[static ATTRIBUTE_MAX]);

/* A list in the node folder that makes no sense. */
#define LIST_PATH_MAX 32
typedef struct ListFault {
        char path[LIST_PATH_MAX];      /* relative to the node folder */
        char text[ATTRIBUTE_TEXT_MAX]; /* truncated */
        const char *expected;
} ListFault;

/*
 * Finds the files that tell of the CPUs of a node, or has_cpu for NODE_NONE, and make no sense. A
 * file that is empty or missing is no fault. Returns the number of faults.
 */
#define LIST_FAULTS_MAX 2
size_t sysfs_check_cpus(const Sysfs *sysfs, int32_t node, ListFault ret[static LIST_FAULTS_MAX]);

/* Whether the kernel, by patch 5, or the guard of kernel/ enforces the order of the zones of each node. */
bool sysfs_has_strict_zone_order(const Sysfs *sysfs);

/*
 * Reads a list of nodes: "online", "possible" or "has_cpu". Without NUMA, each list is node 0.
 * Returns 0 or a negative errno.
 */
int sysfs_read_node_list(const Sysfs *sysfs, const char *name, NodeSet *ret);

/*
 * Parses the text of /proc/zoneinfo into the zones that span at least one page. The caller owns the
 * array. Returns 0 or -ENOMEM.
 */
int zoneinfo_parse(const char *text, uint64_t page_size_bytes, Zone **ret_zones,
                   size_t *ret_n_zones);
