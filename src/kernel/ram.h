/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/iomem.h"
#include "model/device.h"

/*
 * Lists the ranges of system memory in /proc/iomem, and tells from the tree around each range which
 * driver added it. Pure, like iomem.h.
 */

typedef enum RamKind {
        RAM_PLAIN, /* "System RAM" of an ACPI memory device, a balloon or the firmware */
        RAM_BOOT,  /* "System RAM" with the kernel in it or not of whole blocks: the firmware's */
        RAM_VIRTIO_MEM, /* "System RAM (virtio_mem)" */
        RAM_KMEM,       /* "System RAM (kmem)" */
        RAM_OTHER,      /* "System RAM (...)" of any other driver */
} RamKind;

typedef struct Ram {
        RamKind kind;
        uint64_t first; /* addresses, both included */
        uint64_t last;
        uint64_t region_first; /* virtio-mem: all that the device can ever have; else the same */
        uint64_t region_last;
        char name
                [DEVICE_NAME_MAX]; /* "virtio0", "dax0.0" or any other driver's name; "" for none */
} Ram;

/* Lists the ranges by address. Returns 0 or -ENOMEM. The caller owns the array. */
int ram_list(const Iomem *iomem, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);

/*
 * Returns the number of blocks that lie completely between two addresses (both included), 0 for
 * none. *ret_first is the first of these blocks.
 */
uint64_t ram_blocks(uint64_t first, uint64_t last, uint64_t block_size_bytes, uint32_t *ret_first);
