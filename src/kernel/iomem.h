/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"
#include "model/device.h"

/*
 * Finds the ranges of system memory in the text of /proc/iomem, the kernel's tree of physical
 * addresses and their owners, and tells from the tree around each range which driver added it. The
 * text itself comes from sysfs.h.
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
        char name[DEVICE_NAME_MAX]; /* "virtio0", "dax0.0" or any other driver's; "" for none */
} Ram;

/*
 * Lists the ranges by address. The caller owns the array. Returns 0; -EACCES if all addresses are
 * zero, which is what the kernel shows if the process that opened the file did not have
 * CAP_SYS_ADMIN; -EBADMSG if the text is not such a tree, for example because it changed while it
 * was read; or -ENOMEM. *ret and *ret_n are written on success only.
 */
int ram_list(const char *text, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);

/*
 * Returns the number of blocks that lie completely between two addresses (both included), 0 for
 * none. *ret_first is the first of these blocks.
 */
uint64_t ram_blocks(uint64_t first, uint64_t last, uint64_t block_size_bytes, uint32_t *ret_first);
