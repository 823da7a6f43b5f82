/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
        _ORIGIN_MAX,
        _ORIGIN_INVALID = -EINVAL,
} Origin;

const char *origin_to_string(Origin origin);
Origin origin_from_string(const char *word);

#define DEVICE_NAME_MAX 32

typedef struct Device {
        char name[DEVICE_NAME_MAX]; /* the kernel's name: "PNP0C80:00", "virtio3", "dax0.0"; "" for
                                       boot memory and for a device without a name */
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
        bool onlines_itself;     /* it has an attribute of its own for onlining it as a whole */
} Device;

/* The device index of a block whose device is not known. */
#define DEVICE_NONE (-1)

/* Whether the device comes and leaves as a whole. */
bool device_is_static(const Device *device);
