/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/* A machine's devices in the making, block after block. Pure values. */

typedef struct DraftDevice {
        Device device;
        uint64_t n_group;  /* blocks of a static group in all; 0: not known */
        bool is_closed;    /* all of a static group was there before: what comes is of another */
        uint64_t n_blocks; /* that are there */
        uint64_t n_extent; /* that are there or are still to come, or that it can have */
} DraftDevice;

typedef struct DeviceDraft {
        DraftDevice *devices; /* owned */
        size_t n_devices;
} DeviceDraft;

void device_draft_done(DeviceDraft *draft);

/*
 * The number of the device of an origin, name and group, which is added if there is none, or always;
 * -ENOMEM. Its unit is a block, of a DIMM, kmem and boot memory 0, until that is changed.
 */
int32_t device_draft_find(DeviceDraft *draft, Origin origin, const char *name, int32_t group);
int32_t device_draft_add(DeviceDraft *draft, Origin origin, const char *name, int32_t group);

/* Whether its group tells that no other block can be of it. */
bool draft_device_is_complete(const DraftDevice *device);

/* The number of the device of a group that another block can be of, or DEVICE_NONE. */
int32_t device_draft_find_open(const DeviceDraft *draft, int32_t group);

/* One by its number; valid until the next is added. */
DraftDevice *device_draft_get(const DeviceDraft *draft, int32_t device);

/* Takes in a block that is there. Blocks are taken in once each, in any order. */
void device_draft_add_block(DeviceDraft *draft, int32_t device, uint32_t block);

/* It has n blocks from `first` on, of which n_missing are not there. */
void draft_device_add_extent(DraftDevice *device, uint32_t first, uint64_t n, uint64_t n_missing);

/* It can have n blocks from `first` on. */
void draft_device_set_region(DraftDevice *device, uint32_t first, uint64_t n);

/*
 * Hands the devices to the machine, in order of their first block. of_block[] (n_blocks entries) has
 * the number of each block's device here, or a negative number. 0 or -ENOMEM: the machine is as it was
 * then.
 */
int device_draft_hand_over(const DeviceDraft *draft, Machine *machine, const int32_t *of_block);
