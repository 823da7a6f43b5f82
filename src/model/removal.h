/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/* Tells whether a device can be removed, and what is in the way. Pure, like all of the core. */

typedef enum Removable {
        REMOVABLE_NO,
        REMOVABLE_AFTER_OFFLINE, /* as soon as its movable memory is offline */
        REMOVABLE_YES,           /* all of it is offline */
        _REMOVABLE_MAX,
        _REMOVABLE_INVALID = -EINVAL,
} Removable;

const char *removable_to_string(Removable removable); /* "no", "after-offline", "yes" */
Removable removable_from_string(const char *word);

typedef enum Obstacle {
        OBSTACLE_NONE,
        OBSTACLE_MOVABLE_MEMORY, /* some of it is online, and all that is online is movable */
        OBSTACLE_KERNEL_MEMORY,  /* some of it is kernel memory, which can usually not go offline */
        OBSTACLE_BOOT_MEMORY,
        OBSTACLE_BALLOON,    /* its driver gives back single pages, and never blocks */
        OBSTACLE_INCOMPLETE, /* the kernel is still adding it */
        OBSTACLE_BUSY,       /* a job, memoryd or the kernel is at work on it */
        _OBSTACLE_MAX,
        _OBSTACLE_INVALID = -EINVAL,
} Obstacle;

const char *obstacle_to_string(Obstacle obstacle); /* "none", "movable-memory", ... */
Obstacle obstacle_from_string(const char *word);

/* What a device consists of. */
typedef struct DeviceUse {
        Totals totals;
        NodeSet nodes;
        uint32_t n_blocks;
        uint32_t first_kernel_block; /* the lowest block of its kernel memory, if it has any */
        uint32_t job;                /* the job that one of its blocks is part of; 0: none */
        bool is_incomplete;
        bool is_at_work; /* memoryd is writing a block, or the kernel is taking one out */
        Removable removable;
        Obstacle obstacle;
} DeviceUse;

/*
 * Returns the lowest block of a device, by its index in the machine, or NULL if it has none. device_next_block()
 * returns the next one.
 */
const Block *device_first_block(const Machine *machine, size_t device);
const Block *device_next_block(const Machine *machine, const Block *block);

/*
 * Takes the next range of a device's blocks, or of its kernel memory alone, from the block *at on, which is moved
 * past it. *at is NULL at the end. Returns false if there is no range.
 */
bool device_take_range(const Machine *machine, const Block **at, bool is_kernel,
                       uint32_t *ret_first, uint32_t *ret_last);

/* Adds up the blocks of a device, by its index in the machine. The time is linear in the blocks in its range. */
DeviceUse device_use_of(const Machine *machine, size_t device);

/*
 * Formats why a device can be removed or not, and what to do next, which may be nothing (""). Both are without a
 * full stop, and fit behind "dax0.0: ". Returns 0, or -ENOMEM with neither set.
 */
int removal_format(const Machine *machine, size_t device, const DeviceUse *use, char **ret_reason,
                   char **ret_advice);
