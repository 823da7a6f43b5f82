/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/parse.h"
#include "model/device.h"
#include "model/online-word.h"

/*
 * The machine as memoryd sees it: blocks, devices, nodes and zones, each kept sorted. Plain values: nothing
 * here reads a file. The arrays belong to the machine; pointers into them are valid until the next
 * call that adds or removes.
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
        uint64_t cma_bytes; /* the contiguous memory allocator's: movable pages in a kernel zone */
        uint64_t free_cma_bytes;
        uint64_t min_bytes; /* the watermarks */
        uint64_t low_bytes;
        uint64_t high_bytes;
        uint64_t reserve_bytes; /* held back from requests that the zone Normal could serve */
} Zone;

typedef struct Distance {
        uint32_t node;
        uint32_t distance; /* 10 is local, as the firmware tables have it; never 0 */
} Distance;

typedef struct Node {
        uint32_t id;
        bool has_cpu;
        OnlineWord
                auto_online; /* what its auto_online_blocks says; _ONLINE_WORD_INVALID: no such file */
        Distance *distances; /* owned, ordered by node */
        size_t n_distances;
        uint64_t free_bytes; /* of its zones */
        Totals totals;       /* as of the last machine_count() */

        bool is_short; /* of kernel memory: shortage.h, as of the last look, with the figures */
        uint64_t kernel_free_bytes;
        uint64_t kernel_low_bytes;
} Node;

typedef struct Machine {
        uint64_t block_size_bytes; /* a power of two; 0 only before the first read */
        Block *blocks;             /* by id */
        size_t n_blocks;
        Device *devices; /* by their first block */
        size_t n_devices;
        Node *nodes; /* by id */
        size_t n_nodes;
        Zone *zones; /* by node, then type */
        size_t n_zones;
        Totals totals; /* as of the last machine_count() */

        /* What it is, in systemd's words (systemd.unit(5)); "" for not known. */
        char virtualization[24]; /* ConditionVirtualization=: "none", "kvm", ... */
        char architecture[16];   /* ConditionArchitecture=: "x86-64", ... */
} Machine;

void machine_init(Machine *machine);
void machine_done(Machine *machine);

/* The place in blocks[] of a block, or of the next one if it is not there; n_blocks at the end. */
size_t machine_block_index(const Machine *machine, uint32_t id);

/* NULL when there is none. */
Block *machine_find_block(const Machine *machine, uint32_t id);
Node *machine_find_node(const Machine *machine, uint32_t id);
const Zone *machine_find_zone(const Machine *machine, uint32_t node, ZoneType type);

/*
 * Adds a block, offline, on no node and with nothing decided, or finds the one that is there:
 * returns 1 when it was added, 0 when it was known, -ENOMEM. *ret points to it in both cases.
 */
int machine_add_block(Machine *machine, uint32_t id, Block **ret);

/* Adds blocks of which none is there, by id, in a time linear in all blocks. 0 or -ENOMEM. */
int machine_insert_blocks(Machine *machine, const uint32_t *ids, size_t n_ids);

/* Removes every block for which keep[] (n_blocks entries) is false; the order stays. */
void machine_retain_blocks(Machine *machine, const bool *keep);

/* The device of a block, or NULL. */
const Device *machine_device(const Machine *machine, const Block *block);

/* Its origin: that of its device. */
Origin machine_origin(const Machine *machine, const Block *block);

/*
 * The distance between two nodes (10 is local), as the first or else the second tells it; 0 when
 * neither does.
 */
uint32_t machine_distance(const Machine *machine, uint32_t from, uint32_t to);

/*
 * Replaces the devices as a whole; the machine takes the array over. It must be sorted. Blocks refer
 * to no device afterwards.
 */
void machine_set_devices(Machine *machine, Device *devices, size_t n_devices);

/* Replace the nodes or zones as a whole; the machine takes the arrays over. They must be sorted. */
void machine_set_nodes(Machine *machine, Node *nodes, size_t n_nodes);
void machine_set_zones(Machine *machine, Zone *zones, size_t n_zones);

void nodes_free(Node *nodes, size_t n_nodes);

/* Brings the totals of the machine and of its nodes up to date. Linear in the number of blocks. */
void machine_count(Machine *machine);

/* Any node. */
#define NODE_ANY (-2)

/* The CMA areas of a node, or of all with NODE_ANY. */
uint64_t machine_cma_bytes(const Machine *machine, int32_t node);
