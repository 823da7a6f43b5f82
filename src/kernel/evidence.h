/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/e820.h"
#include "kernel/ram.h"
#include "kernel/sysfs.h"
#include "model/device.h"

/*
 * What the kernel's files tell of where memory came from, one question a function. That a file is not
 * there is an answer; what is in it is untrusted and taken only if it is what is expected.
 */

/*
 * The ACPI memory device that a block is of, "PNP0C80:1f", from memoryN/firmware_node. The link comes
 * shortly after the block and its node. Returns whether there is one.
 */
bool evidence_firmware_node(const Sysfs *sysfs, uint32_t block, char ret[static DEVICE_NAME_MAX]);

/*
 * The memory group of a block, on a kernel that shows it, or GROUP_NONE: boot memory and balloons are
 * in none. The number is used again once the group's blocks are gone.
 */
int32_t evidence_group_id(const Sysfs *sysfs, uint32_t block);

/* What a group is. Returns whether the block tells it. */
typedef struct Group {
        bool is_dynamic;
        uint64_t unit_bytes; /* what comes and goes together: of a static one all; 0: not known */
} Group;

bool evidence_group(const Sysfs *sysfs, uint32_t block, Group *ret);

/*
 * Whether an ACPI memory device is there that has no block yet: its blocks, or the links between the
 * two, are on their way.
 */
bool evidence_is_acpi_adding(const Sysfs *sysfs);

/* Whether a dax device onlines its memory itself and as a whole (kernels from 2026). */
bool evidence_onlines_itself(const Sysfs *sysfs, const char *dax);

/*
 * What memory is that a driver of this platform adds without a trace: ORIGIN_BALLOON, ORIGIN_STANDBY
 * or ORIGIN_UNKNOWN. *ret_name is the kernel's name for who adds it, "" for none.
 */
Origin evidence_platform(const Sysfs *sysfs, const char *architecture, const char **ret_name);

/* The memory that the firmware handed over. -ENOENT where no such table is shown (not on x86). */
int evidence_e820(const Sysfs *sysfs, E820 *ret);

/* System memory by /proc/iomem, see sysfs_read_iomem() and iomem_parse() for errors. */
int evidence_ram(const Sysfs *sysfs, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);
