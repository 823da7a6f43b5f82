/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/iomem.h"
#include "model/device.h"

/*
 * Who added which memory, from /proc/iomem: each range that is system memory, and what says so in
 * the tree above it. Pure, as iomem.h is.
 */

typedef enum RamKind {
        RAM_PLAIN, /* "System RAM": an ACPI memory device's, a balloon's, the firmware's */
        RAM_BOOT,  /* the same, with the kernel in it or not made of whole blocks: the firmware's */
        RAM_VIRTIO_MEM, /* "System RAM (virtio_mem)" */
        RAM_KMEM,       /* "System RAM (kmem)" */
        RAM_OTHER,      /* "System RAM (...)" of a driver not known here */
} RamKind;

typedef struct Ram {
        RamKind kind;
        uint64_t first; /* addresses, both included */
        uint64_t last;
        uint64_t region_first; /* of virtio-mem: all that the device can ever have; else the same */
        uint64_t region_last;
        char name
                [DEVICE_NAME_MAX]; /* "virtio0", "dax0.0", of others the driver's name; "" for none */
} Ram;

/* Lists them by address. 0 or -ENOMEM; the caller owns the array. */
int ram_list(const Iomem *iomem, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);

/*
 * The blocks that lie wholly between two addresses (both included): *ret_first and how many there
 * are, 0 for none.
 */
uint64_t ram_blocks(uint64_t first, uint64_t last, uint64_t block_size_bytes, uint32_t *ret_first);
