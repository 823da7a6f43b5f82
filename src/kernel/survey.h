/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"
#include "policy/track.h"

/*
 * Brings the machine up to date with sysfs: the blocks and their attributes, the nodes and the
 * zones. A file that makes no sense is logged once, by name, and the others are still read.
 */

/*
 * Lists the blocks: adds new blocks, marked stale, and removes blocks that are gone. If the folder
 * of a block is not the one from before, the block was removed and added again, and counts as new.
 * Returns the number of new blocks, or a negative errno.
 */
int survey_list(const Sysfs *sysfs, Machine *machine, ChangedIds *changed);

/* What is left to do after a reading. */
typedef struct SurveyLeft {
        bool gone;  /* a block turned out to be gone: it stays until the next listing */
        bool again; /* a block could not be read now and stays stale; or it is going offline, and
                       there is no event if that fails */
} SurveyLeft;

/*
 * Reads up to `limit` stale blocks. Returns the number of blocks, 0 if none was left, or -ENOMEM.
 * Sets fields of *ret_left, and clears none. A block that cannot be read yet, because its folder is
 * not complete, stays BLOCK_STATUS_WAITING.
 */
int survey_read(const Sysfs *sysfs, Machine *machine, const TrackMode *mode, size_t limit,
                ChangedIds *changed, SurveyLeft *ret_left);

/*
 * Reads the nodes and, if nodes came or went, the distances of all nodes; and whether the kernel
 * enforces the order of zones. Returns 1 if nodes came or went, 0 if not, or a negative errno.
 */
int survey_nodes(const Sysfs *sysfs, Machine *machine);

/*
 * Reads the performance of the nodes, which can change when a node gets its first memory. A figure that makes
 * no sense counts as not known.
 */
void survey_performance(const Sysfs *sysfs, Machine *machine);

/* Reads the zones. Returns 0, or a negative errno, in which case the previous zones are kept. */
int survey_zones(const Sysfs *sysfs, Machine *machine);

/*
 * Looks for ACPI memory devices without blocks. To be called again at acpi_devices_next_look(): the
 * kernel sends no event if it cannot add the memory of a device. Returns 1 if the list of those
 * that failed has changed, 0 if not, or -ENOMEM.
 */
int survey_acpi(const Sysfs *sysfs, Machine *machine, uint64_t now_usec);
