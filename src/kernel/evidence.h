/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"
#include "model/acpi.h"
#include "model/device.h"

/*
 * What the kernel's files tell about where memory came from, with one function for each question. A
 * missing file is an answer as well. The contents of files are untrusted, and used only if they are
 * as expected.
 */

/*
 * Reads the ACPI memory device that a block belongs to, such as "PNP0C80:1f", from
 * memoryN/firmware_node. The link appears shortly after the block and its node. Returns whether
 * there is one.
 */
bool evidence_firmware_node(const Sysfs *sysfs, uint32_t block, char ret[static DEVICE_NAME_MAX]);

/*
 * Reads the memory group of a block on a kernel that shows it. Returns GROUP_NONE if there is none:
 * boot memory and balloons are in no group. The kernel reuses the number when the blocks of the
 * group are gone.
 */
int32_t evidence_group_id(const Sysfs *sysfs, uint32_t block);

/*
 * A memory group. A static group comes and goes as a whole, a dynamic group unit by unit.
 * evidence_group() returns whether the files of a block describe its group.
 */
typedef struct Group {
        bool is_dynamic;
        uint64_t unit_bytes; /* a static group's size or a dynamic group's unit; 0: unknown */
} Group;

bool evidence_group(const Sysfs *sysfs, uint32_t block, Group *ret);

/*
 * Opens the folder of ACPI devices. Returns NULL if there is none, or this kernel adds no memory of
 * ACPI devices: it lacks CONFIG_ACPI_HOTPLUG_MEMORY, or was booted with acpi_no_memhotplug.
 */
DIR *evidence_open_acpi(const Sysfs *sysfs);

/*
 * Finds the next memory device in the folder that is present, but has no blocks: its blocks, or the
 * links between device and blocks, are still to come, or its memory could not be added. Returns
 * false if there is none left. The folder may be NULL.
 */
bool evidence_next_unbound(const Sysfs *sysfs, DIR *folder, char ret[static DEVICE_NAME_MAX]);

/* Whether the administrator has switched ACPI memory hotplug off. */
bool evidence_is_acpi_off(const Sysfs *sysfs);

/*
 * Whether the kernel may take the structures of the pages of added memory from that memory itself
 * (memmap_on_memory).
 */
bool evidence_has_own_structures(const Sysfs *sysfs);

/* Whether there is an ACPI memory device without blocks, other than those that have failed. */
bool evidence_is_acpi_adding(const Sysfs *sysfs, const AcpiDevices *acpi);

/*
 * Reads the state of a dax device, as in daxX.Y/state since Linux 7.3. Returns DAX_STATE_NONE if there is no
 * such file or it makes no sense. The file appears when the driver of the memory has added it, so that it
 * may be missing when the last block comes.
 */
DaxState evidence_dax_state(const Sysfs *sysfs, const char *dax);

/*
 * Reads how much memory a dax device would bring, in whole blocks, and to which node. The kernel shows its
 * addresses to root only: it can be a block less. Returns 0, -EBADMSG if it is less than a block or makes no
 * sense, or another negative errno.
 */
int evidence_dax_memory(const Sysfs *sysfs, const char *dax, uint64_t block_size_bytes,
                        uint64_t *ret_bytes, uint32_t *ret_node);

/*
 * Returns the origin of memory that a driver of this platform adds without leaving a trace:
 * ORIGIN_BALLOON, ORIGIN_STANDBY or ORIGIN_UNKNOWN. *ret_name is the kernel's name of the driver,
 * "" for none.
 */
Origin evidence_platform(const Sysfs *sysfs, const char *architecture, const char **ret_name);

/*
 * The memory map that an x86 kernel was started with (/sys/kernel/boot_params/data, the "zero page"
 * of Documentation/arch/x86). It tells memory of the firmware from memory that was added later. The
 * page has room for E820_MAX entries (E820_MAX_ENTRIES_ZEROPAGE).
 */
#define E820_MAX 128
#define E820_PAGE_SIZE 4096

typedef struct E820 {
        struct {
                uint64_t first; /* addresses, both included */
                uint64_t last;
        } ranges[E820_MAX]; /* of memory only */
        size_t n_ranges;
        bool is_whole; /* it contains all memory of the firmware */
} E820;

/*
 * Reads the map. Returns 0, -ENOENT if the kernel shows none (it does on x86 only), the error of
 * e820_parse(), or another negative errno.
 */
int evidence_e820(const Sysfs *sysfs, E820 *ret);

/*
 * Parses the bytes of the page. Returns 0, or -EBADMSG if it contains no table: it is too short, or
 * has no entries or impossible ones. *ret is written on success only. For evidence_e820() and its
 * tests.
 */
int e820_parse(const uint8_t *page, size_t size, E820 *ret);

/* Whether any memory of the map lies between two addresses, both included. */
bool e820_has_memory(const E820 *e820, uint64_t first, uint64_t last);

/*
 * A range of system memory in /proc/iomem, the kernel's tree of physical addresses and their owners.
 * The tree around each range tells which driver added it.
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
        /* virtio-mem: all that the device can ever have; another driver: its device; else the same */
        uint64_t region_first;
        uint64_t region_last;
        char name[DEVICE_NAME_MAX]; /* of the device, such as "virtio0" or "dax0.0"; "" for none */
        char driver[DEVICE_NAME_MAX]; /* such as "virtio_mem" or "kmem"; "" for none */
} Ram;

/* Lists the ranges. The errors are those of sysfs_read_iomem() and ram_list(). */
int evidence_ram(const Sysfs *sysfs, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);

/*
 * Lists the ranges in a text, by address. The caller owns the array. Returns 0; -EACCES if all
 * addresses are zero, which is what the kernel shows if the process that opened the file did not
 * have CAP_SYS_ADMIN; -EBADMSG if the text is not such a tree, for example because it changed while
 * it was read; or -ENOMEM. *ret and *ret_n are written on success only.
 */
int ram_list(const char *text, uint64_t block_size_bytes, Ram **ret, size_t *ret_n);

/*
 * Finds the first address of the kernel's code in such a text. Returns 0, -ENOENT if the text does not tell,
 * or an error of ram_list().
 */
int ram_find_kernel(const char *text, uint64_t *ret);

/*
 * Returns the number of blocks that lie completely between two addresses (both included), 0 for
 * none. *ret_first is the first of these blocks.
 */
uint64_t ram_blocks(uint64_t first, uint64_t last, uint64_t block_size_bytes, uint32_t *ret_first);
