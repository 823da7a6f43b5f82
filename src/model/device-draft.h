/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/* A draft of a machine's devices, built block by block. Pure values. */

typedef struct DraftDevice {
        Device device;
        uint64_t n_group;  /* blocks that a static group has in total; 0: not known */
        bool is_closed;    /* static group complete before: new blocks are of another device */
        uint64_t n_blocks; /* blocks that are there */
        uint64_t n_extent; /* blocks that are there or still to come, or that it can grow to */
} DraftDevice;

typedef struct DeviceDraft {
        DraftDevice *devices; /* owned */
        size_t n_devices;
} DeviceDraft;

void device_draft_done(DeviceDraft *draft);

/*
 * Return the number of a device with this origin, name and group, or -ENOMEM. device_draft_find() adds the
 * device only if the draft has none, device_draft_add() always. The unit of a new device is one block, or 0
 * for a DIMM, kmem and boot memory, until the caller changes it.
 */
int32_t device_draft_find(DeviceDraft *draft, Origin origin, const char *name, int32_t group);
int32_t device_draft_add(DeviceDraft *draft, Origin origin, const char *name, int32_t group);

/* Whether, as far as its group tells, no other block can belong to the device. */
bool draft_device_is_complete(const DraftDevice *device);

/* Returns the number of the device of a group to which another block can belong, or DEVICE_NONE. */
int32_t device_draft_find_open(const DeviceDraft *draft, int32_t group);

/* Returns the device with this number. The pointer is valid until the next device is added. */
DraftDevice *device_draft_get(const DeviceDraft *draft, int32_t device);

/* Adds a block that is there to a device. Each block is added once, in any order. */
void device_draft_add_block(DeviceDraft *draft, int32_t device, uint32_t block);

/* Extends a device to the n blocks from `first` on, n_missing of which are still to come. */
void draft_device_add_extent(DraftDevice *device, uint32_t first, uint64_t n, uint64_t n_missing);

/* Extends a device to the n blocks from `first` on that it can grow to. */
void draft_device_set_region(DraftDevice *device, uint32_t first, uint64_t n);

/*
 * Replaces the machine's devices with those of the draft, in order of their first block. of_block[] (n_blocks
 * entries) has the number of each block's device in the draft, or a negative number. Returns 0, or -ENOMEM
 * with the machine unchanged.
 */
int device_draft_hand_over(const DeviceDraft *draft, Machine *machine, const int32_t *of_block);
