/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"

/*
 * The kernel's memory tiers (Linux 6.1): /sys/devices/virtual/memory_tiering/memory_tierN. The kernel puts a
 * node into a tier when its first memory comes online, by how slow the memory is, and takes it out when its
 * last memory goes offline.
 *
 * A file memory_tierN/nodelist, which lists the nodes of a tier, is a trap. Its reader waits for the kernel's
 * memory_tier_lock. When the last memory of a tier goes offline, the kernel takes this lock, waits some
 * milliseconds for RCU, removes the file, and waits until nobody reads it. If a reader comes meanwhile, each
 * waits for the other, and every later change of memory waits for them, until the machine is reset
 * (nodelist_show() and clear_node_memory_tier() in mm/memory-tiers.c, from 6.1 on). No flag of open(), timeout
 * or other process as the reader changes that.
 *
 * So memoryd lists the folders, which takes no such lock, and opens the nodelist of a tier that cannot go:
 * the tier of the node with the kernel itself, whose memory cannot all go offline. That is TIER_DEFAULT if
 * this node is the lowest with a CPU and memory: the kernel compares the speed of all other memory with that
 * node's (MEMTIER_ADISTANCE_DRAM). Nodes that are not in this tier are in the other if there are two. If there
 * are more, their tier is not known.
 */
#define TIER_DEFAULT 4

/* Whether the kernel has memory tiers. */
bool tiers_exist(const Sysfs *sysfs);

/*
 * Sets has_tier and tier of each node, from the blocks as they were last read: a node without memory online
 * is in no tier. Opens no nodelist if there is one tier. In recorded files, each nodelist is read. Returns 0,
 * also if some tiers or all are not known; -ENOENT if the kernel has no tiers or no files that tell of nodes;
 * or another negative errno, with no tier known.
 */
int tiers_read(const Sysfs *sysfs, Machine *machine);
