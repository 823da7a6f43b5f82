/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/parse.h"
#include "model/acpi.h"
#include "model/block.h"
#include "model/device.h"

/*
 * The machine as memoryd sees it: blocks, devices, nodes and zones, in sorted arrays. Plain values: nothing
 * here reads a file. The machine owns the arrays. Pointers into an array are valid until the next call that
 * adds or removes elements.
 */

/* Sums over whole blocks. */
typedef struct Totals {
        uint64_t online_bytes; /* kernel and movable */
        uint64_t offline_bytes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint32_t pending_blocks; /* waiting, pending, writing or retrying */
        uint32_t failed_blocks;
        uint32_t foreign_blocks;
} Totals;

typedef struct Zone {
        uint32_t node;
        ZoneType type;
        uint64_t present_bytes;
        uint64_t managed_bytes;
        uint64_t spanned_bytes;
        uint64_t free_bytes;
        uint64_t cma_bytes; /* of the contiguous memory allocator: movable pages in a kernel zone */
        uint64_t free_cma_bytes;
        uint64_t min_bytes; /* the watermarks */
        uint64_t low_bytes;
        uint64_t high_bytes;
        uint64_t reserve_bytes; /* held back from requests that the zone Normal could serve */
} Zone;

typedef struct Distance {
        uint32_t node;
        uint32_t distance; /* 10 is local, as in the firmware's tables; never 0 */
} Distance;

/*
 * How fast the memory of a node is for the processor, or other device, that is fastest there, as the firmware
 * tells the kernel (HMAT; nodeN/access0/initiators). 0: not known.
 */
typedef enum Performance {
        PERFORMANCE_READ_BANDWIDTH, /* MiB/s */
        PERFORMANCE_WRITE_BANDWIDTH,
        PERFORMANCE_READ_LATENCY, /* ns */
        PERFORMANCE_WRITE_LATENCY,
        _PERFORMANCE_MAX,
} Performance;

typedef struct Node {
        uint32_t id;
        bool has_cpu;
        OnlineWord auto_online; /* its auto_online_blocks; _ONLINE_WORD_INVALID: no such file */
        bool has_kernel_word;   /* memoryd took its auto_online_blocks over, or may not */
        OnlineWord kernel_word; /* if so: as in Machine */
        Distance *distances;    /* owned, ordered by node */
        size_t n_distances;
        uint32_t performance[_PERFORMANCE_MAX];
        bool has_tier;       /* its tier was read, and is known: see tier.h */
        uint32_t tier;       /* the kernel's memory tier of the node: the higher, the slower */
        uint64_t free_bytes; /* the sum of its zones */
        Totals totals;       /* as of the last machine_count() */

        bool is_short; /* of kernel memory, at the last look at the zones: see shortage.h */
        uint64_t kernel_free_bytes;
        uint64_t kernel_low_bytes;
} Node;

typedef struct Machine {
        uint64_t block_size_bytes; /* a power of two; 0 only before the first read */
        Block *blocks;             /* sorted by id */
        size_t n_blocks;
        Device *devices; /* in no particular order */
        size_t n_devices;
        Node *nodes; /* sorted by id */
        size_t n_nodes;
        Zone *zones; /* sorted by node, then type */
        size_t n_zones;
        Totals totals;      /* as of the last machine_count() */
        AcpiDevices acpi;   /* memory devices without blocks */
        bool lacks_libnuma; /* at the last reading of distances, which came from sysfs instead */
        bool strict_zone_order; /* on each node, the kernel keeps its zones below the movable zone */

        /*
         * What the kernel would do with added memory without memoryd: the word of auto_online_blocks before
         * memoryd took it over. Or "offline", if memoryd has nothing to do in the kernel's stead.
         */
        OnlineWord kernel_word;

        /* The kind of machine, in the words of systemd.unit(5); "" if it is not known. */
        char virtualization[24]; /* ConditionVirtualization=: "none", "kvm", ... */
        char architecture[16];   /* ConditionArchitecture=: "x86-64", ... */
} Machine;

void machine_init(Machine *machine);
void machine_done(Machine *machine);

/* Return NULL if the machine has no such block, node or zone, as for NODE_NONE and NODE_ANY. */
Block *machine_find_block(const Machine *machine, uint32_t id);
Node *machine_find_node(const Machine *machine, uint32_t id);
const Zone *machine_find_zone(const Machine *machine, uint32_t node, ZoneType type);

/*
 * Adds a block that is offline, on no node and not decided, or finds the block that is already there. Returns
 * 1 if it was added, 0 if it was there, or -ENOMEM. *ret points to the block in the first two cases.
 */
int machine_add_block(Machine *machine, uint32_t id, Block **ret);

/*
 * Adds blocks that are not there yet, from a sorted array of ids. Returns 0 or -ENOMEM. The time is linear in
 * the number of all blocks.
 */
int machine_insert_blocks(Machine *machine, const uint32_t *ids, size_t n_ids);

/* Removes every block for which keep[] (n_blocks entries) is false. The others stay in order. */
void machine_retain_blocks(Machine *machine, const bool *keep);

/* Returns the device of a block, or NULL if it is not known. */
const Device *machine_device(const Machine *machine, const Block *block);

/* Returns the origin of a block's device, ORIGIN_UNKNOWN if the device is not known. */
Origin machine_origin(const Machine *machine, const Block *block);

/*
 * Whether the owner of a block's device onlined the device as a whole: neither the kernel by its
 * auto_online_blocks, nor memoryd, which may have some blocks left to write. A block that was online, and
 * could not be brought back after it was taken offline, is memoryd's.
 */
bool machine_is_owned(const Machine *machine, const Block *block);

/* Returns what the kernel would do, without memoryd, with memory that is added to a node. */
OnlineWord machine_kernel_word(const Machine *machine, int32_t node);

/*
 * Returns the distance between two nodes (10 is local), from the distances of the first or else of the second
 * node; 0 if neither has it.
 */
uint32_t machine_distance(const Machine *machine, uint32_t from, uint32_t to);

/* Replace all nodes or all zones. The array must be sorted, and belongs to the machine afterwards. */
void machine_set_nodes(Machine *machine, Node *nodes, size_t n_nodes);
void machine_set_zones(Machine *machine, Zone *zones, size_t n_zones);

void nodes_free(Node *nodes, size_t n_nodes);

/* Adds a block to sums. */
void totals_add(Totals *totals, const Block *block, uint64_t block_size_bytes);

/* Updates the totals of the machine and of its nodes. The time is linear in the number of blocks. */
void machine_count(Machine *machine);

/* The node number that stands for any node. */
#define NODE_ANY (-2)

/* Returns the size of the CMA areas of a node, or of all nodes with NODE_ANY. */
uint64_t machine_cma_bytes(const Machine *machine, int32_t node);

/* Ids of blocks or jobs that came, went or changed, in this order. An id may be there more than once. */
typedef struct ChangedIds {
        uint32_t *ids; /* owned */
        size_t n_ids;
} ChangedIds;

void changed_ids_done(ChangedIds *changed);

/* Returns 0 or -ENOMEM. */
int changed_ids_add(ChangedIds *changed, uint32_t id);
