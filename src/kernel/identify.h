/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/evidence.h"

/*
 * Which device each block of the machine is part of, where it came from and what its name is, by what
 * counts most:
 *
 * 1. /proc/iomem, where a driver's name stands with the memory: virtio-mem, kmem, others;
 * 2. of memory without one: the kernel lies in it, or it is not made of whole blocks, or the table
 *    that an x86 kernel was started with has it: boot memory;
 * 3. memoryN/firmware_node: a DIMM;
 * 4. that it was online when memoryd started: boot memory, unless the table above says otherwise;
 * 5. the platform: standby memory of s390, a balloon's.
 *
 * What is left is of an unknown origin: each range of /proc/iomem a device.
 *
 * On a kernel that shows memory groups (patch 2 of kernel/) the blocks of a group are a device, whatever
 * range they lie in, and no others are; one block with a firmware_node names all of them, and until there
 * is one they are awaited. The group tells how many blocks a device that comes at once has, and the unit
 * of one that grows. Without /proc/iomem groups tell virtio-mem and kmem from each other, and such
 * devices have no name. A group is read once of each block, when that has its node.
 */

/*
 * Makes the machine's devices anew and sets Block.device of each block, and Block.group of new ones. To be
 * called once all blocks were read for the first time, and again whenever some came or went, or are
 * awaited: what was found of a block that is still there is kept, and no file is opened for it.
 *
 * 0, or -ENOMEM: the devices are as they were then. Other errors are not reported: what cannot be read
 * is no evidence. See identify_check().
 */
int identify_devices(const Sysfs *sysfs, Machine *machine);

/* What has to come before a block can be decided on with everything known of it. */
typedef enum Awaited {
        AWAITED_NOTHING,
        AWAITED_DEVICE, /* what it is part of: an ACPI memory device is being added, or it was never
                           looked at */
        AWAITED_BLOCKS, /* more blocks of its device: they come at once, and not all are there */
        _AWAITED_MAX,
} Awaited;

/*
 * What is awaited of a block as of the last identify_devices(): nothing of one that was given up
 * (Block.given_up), and there should be an end to waiting, since an addition can fail halfway. The next
 * identify_devices() makes do with what is there.
 */
Awaited identify_awaits(const Machine *machine, const Block *block);

/*
 * Whether /proc/iomem tells anything: 0, -EACCES when it hides its addresses, -EBADMSG when it makes
 * no sense, -ENOENT when there is none, or another negative errno.
 */
int identify_check(const Sysfs *sysfs);
