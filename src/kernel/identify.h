/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/evidence.h"

/*
 * Finds out which device each block of the machine is part of, where the device came from, and what its
 * name is. The evidence, strongest first:
 *
 * 1. /proc/iomem names the driver of the memory: virtio-mem, kmem, or another, whose memory in the range of
 *    one device, such as a PCI device, is a device;
 * 2. memory without a driver's name that contains the kernel, or does not consist of whole blocks, or
 *    is in the memory map that an x86 kernel was started with: boot memory;
 * 3. memoryN/firmware_node: a DIMM;
 * 4. the block was online when memoryd started: boot memory, unless the map of 2 is complete;
 * 5. the platform: standby memory of s390, or memory of a balloon.
 *
 * Any other memory is of unknown origin: each range of /proc/iomem is a device.
 *
 * On a kernel that shows memory groups (patch 2 of kernel/), the blocks of a group, and no others, are a
 * device, whatever ranges they lie in. One block with a firmware_node link names the device of all of
 * them. Until a block has this link, the device is awaited. The group tells the number of blocks of a
 * device whose blocks come at once, and the unit of a device that grows. Without /proc/iomem, groups tell
 * virtio-mem from kmem, but their devices have no name. The group of a block is read once, when the block
 * has its node.
 */

/*
 * Makes the devices of the machine anew, and sets Block.device of each block and Block.group of new
 * blocks. To be called when all blocks have been read for the first time, and again whenever blocks
 * came or went or are awaited. Facts about a block that still exists are kept, and none of its
 * files is opened again.
 *
 * Returns 0, or -ENOMEM, in which case the devices are unchanged. Other errors are not reported: a
 * file that cannot be read is no evidence. See identify_check().
 */
int identify_devices(const Sysfs *sysfs, Machine *machine);

/* Reads the state of each dax device anew. identify_devices() does so as well. */
void identify_dax_states(const Sysfs *sysfs, Machine *machine);

/*
 * Whether the last identify_devices() could not find yet which device a block is part of, since ACPI is still
 * adding it or it was never looked for, or has found that more blocks of the device are missing, which come
 * at once, or that a dax device is "unplugged" though it has blocks, since the kernel is still adding them or
 * onlining them. A block with Block.given_up awaits nothing. The caller has to end the wait at some time, since an
 * addition can fail halfway. The next identify_devices() then makes do with what is there.
 */
bool identify_awaits(const Machine *machine, const Block *block);

/*
 * Whether /proc/iomem is of use: 0; -EACCES if its addresses are hidden; -EBADMSG if it makes no
 * sense; -ENOENT if there is no such file; or another negative errno.
 */
int identify_check(const Sysfs *sysfs);
