/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/block.h"

/* A device: the memory blocks that were added together and leave together, and their origin. */

typedef enum Origin {
        ORIGIN_UNKNOWN,
        ORIGIN_BOOT,       /* there since the machine booted */
        ORIGIN_DIMM,       /* an ACPI memory device */
        ORIGIN_VIRTIO_MEM, /* a virtio-mem device: grows and shrinks unit by unit */
        ORIGIN_KMEM,       /* a dax region: CXL, persistent or soft-reserved memory */
        ORIGIN_BALLOON,    /* added by the balloon driver of Hyper-V or Xen */
        ORIGIN_STANDBY,    /* the standby memory of an s390 partition */
        ORIGIN_DRIVER,     /* added by any other driver, such as an accelerator's */
        _ORIGIN_MAX,
        _ORIGIN_INVALID = -EINVAL,
} Origin;

const char *origin_to_string(Origin origin);
Origin origin_from_string(const char *word);

/*
 * The contents of daxX.Y/state, in which Linux 7.3 and later tell what was written there: each word brings all
 * memory of the dax device to one state. They do not tell what was written to single blocks. The kernel takes
 * the words of onlining only while the state is "unplugged".
 */
typedef enum DaxState {
        DAX_STATE_NONE,      /* no such file: another kernel, or not a dax device */
        DAX_STATE_UNPLUGGED, /* it has no blocks, or the kernel is still adding them */
        DAX_STATE_OFFLINE, /* its blocks came while the kernel's auto_online_blocks was "offline" */
        DAX_STATE_ONLINE,
        DAX_STATE_ONLINE_KERNEL,
        DAX_STATE_ONLINE_MOVABLE,
        _DAX_STATE_MAX,
        _DAX_STATE_INVALID = -EINVAL,
} DaxState;

const char *dax_state_to_string(DaxState state); /* "" for DAX_STATE_NONE */
DaxState dax_state_from_string(const char *word);

#define DEVICE_NAME_MAX 32

typedef struct Device {
        char name[DEVICE_NAME_MAX]; /* the kernel's name: "PNP0C80:00", "virtio3", "dax0.0"; "" for
                                       boot memory and for a device without a name */
        char driver[DEVICE_NAME_MAX]; /* NAME of "System RAM (NAME)" in /proc/iomem; "" for none */
        Origin origin;
        int32_t group;        /* the kernel's memory group, or GROUP_NONE */
        uint64_t size_bytes;  /* of the whole device, or the size that it can grow to */
        uint32_t first_block; /* the blocks that it covers, or will cover when it is complete */
        uint32_t last_block;
        /*
         * 0: its blocks come together and leave together. Otherwise it grows and leaves in units of this many
         * blocks.
         */
        uint32_t unit_blocks;
        uint32_t missing_blocks; /* still to come, for a device whose blocks come together */
        bool lacks_nodes;        /* the node of a block was not known at the last look for it */
        DaxState dax_state;      /* at the last look for the device */
} Device;

/* The device index of a block whose device is not known. */
#define DEVICE_NONE (-1)

/* Whether the device comes and leaves as a whole. */
bool device_is_static(const Device *device);

/*
 * Whether a device was onlined as a whole, through its state. A write to one of its blocks would put the two
 * out of step. The device may be NULL.
 */
bool device_is_online_as_whole(const Device *device);

/* Splits the name of a dax device, daxX.Y. Returns false for any other name. */
bool device_parse_dax(const char *name, uint32_t *ret_region, uint32_t *ret_id);

/* "adding" while blocks of a device are still to come, else "present". */
const char *device_state(const Device *device);

/* Returns the name of a device for a sentence: "its device" if it has none or is NULL. */
const char *device_text(const Device *device);

/* A draft of a machine's devices, built block by block. Pure values. */

struct Machine;

typedef struct DraftDevice {
        Device device;
        uint64_t n_group;  /* blocks that a static group has in total; 0: not known */
        bool is_closed;    /* static group complete before: new blocks are of another device */
        uint64_t n_blocks; /* blocks that are there */
        uint64_t n_extent; /* blocks that are there or still to come, or that it can grow to */
} DraftDevice;

typedef struct DeviceDraft {
        DraftDevice *devices; /* owned, by number; adding a device may move them */
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

/* Adds a block that is there to a device. Each block is added once, in any order. */
void device_draft_add_block(DeviceDraft *draft, int32_t device, uint32_t block);

/* Extends a device to the n blocks, at least one, from `first` on. They do not count in n_extent. */
void draft_device_extend(DraftDevice *device, uint32_t first, uint64_t n);

/*
 * Replaces the machine's devices with those of the draft. of_block[] (n_blocks entries) has the number of
 * each block's device, or a negative number. Returns 0, or -ENOMEM with the machine unchanged.
 */
int device_draft_hand_over(const DeviceDraft *draft, struct Machine *machine,
                           const int32_t *of_block);
