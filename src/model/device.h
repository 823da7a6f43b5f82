/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

/*
 * What a memory block is part of: the blocks that were added together and leave together, and
 * where they came from.
 */

typedef enum Origin {
        ORIGIN_UNKNOWN,
        ORIGIN_BOOT,       /* there since the firmware handed the machine over */
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
        char name[DEVICE_NAME_MAX]; /* as the kernel has it: "PNP0C80:00", "virtio3", "dax0.0"; ""
                                       for boot memory and what has no name */
        Origin origin;
        int32_t group;        /* the kernel's memory group, or GROUP_NONE */
        uint64_t size_bytes;  /* the whole device; of one that grows: as large as it can become */
        uint32_t first_block; /* the blocks it covers, or will when it is complete */
        uint32_t last_block;
        /*
         * 0: its blocks come at once and leave at once. Else it grows, and leaves by units of so
         * many blocks.
         */
        uint32_t unit_blocks;
        uint32_t missing_blocks; /* of one whose blocks come at once: how many have not come yet */
        bool onlines_itself;     /* it has an attribute of its own for onlining it as a whole */
} Device;

/* A device index that stands for "not known". */
#define DEVICE_NONE (-1)

/* Whether the device comes and leaves as a whole. */
bool device_is_static(const Device *device);
