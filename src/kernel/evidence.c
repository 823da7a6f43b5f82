/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the files that tell where memory came from. */

#include "kernel/evidence.h"

#include "base/parse.h"

#include <endian.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>

#define ACPI_FOLDER "bus/acpi/devices"

/* Bits of _STA: the device is present, enabled and in order. Of others the kernel adds no memory. */
#define ACPI_STATUS_USABLE 0x0b

/* The settings of ACPI hotplug. There is one for memory if the kernel adds memory of ACPI devices. */
#define ACPI_HOTPLUG "firmware/acpi/hotplug"

static bool is_acpi_memory(const char *name)
{
        return strlen(name) < DEVICE_NAME_MAX &&
               fnmatch("PNP0C80:+([0123456789abcdef])", name, FNM_EXTMATCH) == 0;
}

bool evidence_firmware_node(const Sysfs *sysfs, uint32_t block, char ret[static DEVICE_NAME_MAX])
{
        char path[48], target[PATH_MAX];
        const char *name;
        ssize_t n;

        snprintf(path, sizeof(path), "memory%u/firmware_node", block);
        n = readlinkat(sysfs->memory_fd, path, target, sizeof(target) - 1);
        if (n < 0)
                return false;
        target[n] = 0;
        name = strrchr(target, '/');
        name = name ? name + 1 : target;
        if (!is_acpi_memory(name))
                return false;
        strcpy(ret, name);
        return true;
}

static bool read_block_file(const Sysfs *sysfs, uint32_t block, const char *name, char *text,
                            size_t size)
{
        char path[48];

        snprintf(path, sizeof(path), "memory%u/%s", block, name);
        return sysfs_read_text(sysfs, sysfs->memory_fd, path, text, size) >= 0;
}

int32_t evidence_group_id(const Sysfs *sysfs, uint32_t block)
{
        char text[32];
        uint32_t id;

        if (!read_block_file(sysfs, block, "group_id", text, sizeof(text)) ||
            parse_u32(text, &id) < 0 || id > INT32_MAX)
                return GROUP_NONE;
        return (int32_t) id;
}

bool evidence_group(const Sysfs *sysfs, uint32_t block, Group *ret)
{
        Group group = {};
        char text[32];

        if (!read_block_file(sysfs, block, "group_type", text, sizeof(text)))
                return false;
        group.is_dynamic = strcmp(text, "dynamic") == 0;
        if (!group.is_dynamic && strcmp(text, "static") != 0)
                return false;
        if (!read_block_file(sysfs, block, "group_unit_bytes", text, sizeof(text)) ||
            parse_size(text, &group.unit_bytes) < 0)
                group.unit_bytes = 0;
        *ret = group;
        return true;
}

static bool exists(const Sysfs *sysfs, const char *path)
{
        return faccessat(sysfs->sys_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/*
 * Whether an ACPI memory device is in use but has no block. A device for which the firmware has no
 * _STA is in use.
 */
static bool is_unbound(const Sysfs *sysfs, const char *name)
{
        char path[NAME_MAX + 64], text[32];
        uint32_t status;

        snprintf(path, sizeof(path), ACPI_FOLDER "/%s/physical_node", name);
        if (exists(sysfs, path))
                return false;
        snprintf(path, sizeof(path), ACPI_FOLDER "/%s/status", name);
        if (sysfs_read_text(sysfs, sysfs->sys_fd, path, text, sizeof(text)) < 0)
                return true;
        return parse_u32(text, &status) >= 0 && (status & ACPI_STATUS_USABLE) == ACPI_STATUS_USABLE;
}

bool evidence_next_unbound(const Sysfs *sysfs, DIR *folder, char ret[static DEVICE_NAME_MAX])
{
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (is_acpi_memory(entry->d_name) && is_unbound(sysfs, entry->d_name)) {
                        strcpy(ret, entry->d_name);
                        return true;
                }
        return false;
}

DIR *evidence_open_acpi(const Sysfs *sysfs)
{
        if (exists(sysfs, ACPI_HOTPLUG) && !exists(sysfs, ACPI_HOTPLUG "/memory"))
                return NULL;
        return sysfs_open_listing(sysfs, sysfs->sys_fd, ACPI_FOLDER);
}

bool evidence_is_acpi_off(const Sysfs *sysfs)
{
        char text[8];

        return sysfs_read_text(sysfs, sysfs->sys_fd, ACPI_HOTPLUG "/memory/enabled", text,
                               sizeof(text)) >= 0 &&
               strcmp(text, "0") == 0;
}

bool evidence_has_own_structures(const Sysfs *sysfs)
{
        char text[16];

        return sysfs_read_text(sysfs, sysfs->sys_fd,
                               "module/memory_hotplug/parameters/memmap_on_memory", text,
                               sizeof(text)) >= 0 &&
               strcmp(text, "N") != 0;
}

bool evidence_is_acpi_adding(const Sysfs *sysfs, const AcpiDevices *acpi)
{
        _cleanup_(closedirp) DIR *folder = evidence_open_acpi(sysfs);
        char name[DEVICE_NAME_MAX];

        while (evidence_next_unbound(sysfs, folder, name))
                if (acpi_devices_is_awaited(acpi, name))
                        return true;
        return false;
}

DaxState evidence_dax_state(const Sysfs *sysfs, const char *dax)
{
        char path[DEVICE_NAME_MAX + 32], text[32];
        DaxState state = _DAX_STATE_INVALID;

        snprintf(path, sizeof(path), "bus/dax/devices/%s/state", dax);
        if (*dax && sysfs_read_text(sysfs, sysfs->sys_fd, path, text, sizeof(text)) >= 0)
                state = dax_state_from_string(text);
        return state < 0 ? DAX_STATE_NONE : state;
}

/* Reads a number of a dax device. */
static int read_dax_number(const Sysfs *sysfs, const char *dax, const char *file, uint64_t *ret)
{
        char path[64], text[32];
        int r;

        snprintf(path, sizeof(path), "bus/dax/devices/%s/%s", dax, file);
        r = sysfs_read_text(sysfs, sysfs->sys_fd, path, text, sizeof(text));
        return r < 0 ? r : parse_size(text, ret) < 0 ? -EBADMSG : 0;
}

int evidence_dax_memory(const Sysfs *sysfs, const char *dax, uint64_t block_size_bytes,
                        uint64_t *ret_bytes, uint32_t *ret_node)
{
        uint64_t size, node;
        int r = read_dax_number(sysfs, dax, "size", &size);

        if (r >= 0)
                r = read_dax_number(sysfs, dax, "target_node", &node);
        if (r < 0)
                return r;
        if (size < block_size_bytes || node >= NODE_MAX)
                return -EBADMSG;
        *ret_bytes = size / block_size_bytes * block_size_bytes;
        *ret_node = (uint32_t) node;
        return 0;
}

/*
 * Whether a driver has a device. Its folder contains a link to each of its devices, and a link to
 * its module.
 */
static bool has_device(const Sysfs *sysfs, const char *driver)
{
        _cleanup_(closedirp) DIR *dir = sysfs_open_listing(sysfs, sysfs->sys_fd, driver);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                if (entry->d_type == DT_LNK && strcmp(entry->d_name, "module") != 0)
                        return true;
        return false;
}

Origin evidence_platform(const Sysfs *sysfs, const char *architecture, const char **ret_name)
{
        char text[32];

        *ret_name = "";
        if (strcmp(architecture, "s390x") == 0)
                return ORIGIN_STANDBY;
        if (has_device(sysfs, "bus/vmbus/drivers/hv_balloon")) {
                *ret_name = "hv_balloon";
                return ORIGIN_BALLOON;
        }
        if (sysfs_read_text(sysfs, sysfs->sys_fd, "hypervisor/type", text, sizeof(text)) >= 0 &&
            strcmp(text, "xen") == 0) {
                *ret_name = "xen_memory";
                return ORIGIN_BALLOON;
        }
        return ORIGIN_UNKNOWN;
}

/* Offsets in struct boot_params: the number of entries, and the entries. */
#define OFFSET_COUNT 0x1e8
#define OFFSET_TABLE 0x2d0
#define TYPE_RAM 1

/* An entry of the table. All numbers are little endian, as on all x86. */
typedef struct __attribute__((packed)) E820Entry {
        uint64_t first;
        uint64_t length;
        uint32_t type;
} E820Entry;

int e820_parse(const uint8_t *page, size_t size, E820 *ret)
{
        E820 e820 = {};
        E820Entry entry;
        size_t n;

        if (size < OFFSET_TABLE + E820_MAX * sizeof(entry))
                return -EBADMSG;
        n = page[OFFSET_COUNT];
        if (n == 0 || n > E820_MAX)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++) {
                uint64_t first, length;

                memcpy(&entry, page + OFFSET_TABLE + i * sizeof(entry), sizeof(entry));
                first = le64toh(entry.first);
                length = le64toh(entry.length);
                if (le32toh(entry.type) != TYPE_RAM || length == 0)
                        continue;
                if (first > UINT64_MAX - (length - 1))
                        return -EBADMSG;
                e820.ranges[e820.n_ranges].first = first;
                e820.ranges[e820.n_ranges++].last = first + (length - 1);
        }
        if (e820.n_ranges == 0)
                return -EBADMSG;
        /* Entries that do not fit into the table are handed over in another way. */
        e820.is_whole = n < E820_MAX;
        *ret = e820;
        return 0;
}

bool e820_has_memory(const E820 *e820, uint64_t first, uint64_t last)
{
        for (size_t i = 0; i < e820->n_ranges; i++)
                if (e820->ranges[i].first <= last && first <= e820->ranges[i].last)
                        return true;
        return false;
}

int evidence_e820(const Sysfs *sysfs, E820 *ret)
{
        _cleanup_close_ int fd =
                sysfs_open_below(sysfs, sysfs->sys_fd, "kernel/boot_params/data", O_RDONLY);
        uint8_t page[E820_PAGE_SIZE];
        /* The kernel shows up to a page at once. */
        ssize_t n = fd < 0 ? -1 : read(fd, page, sizeof(page));

        return n < 0 ? -errno : e820_parse(page, (size_t) n, ret);
}

int evidence_ram(const Sysfs *sysfs, uint64_t block_size_bytes, Ram **ret, size_t *ret_n)
{
        _cleanup_free_ char *text = NULL;
        int r = sysfs_read_iomem(sysfs, &text);

        return r < 0 ? r : ram_list(text, block_size_bytes, ret, ret_n);
}
