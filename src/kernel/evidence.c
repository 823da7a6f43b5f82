/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files that tell where memory came from. */

#include "kernel/evidence.h"

#include "base/parse.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define ACPI_MEMORY "PNP0C80:"
#define ACPI_FOLDER "bus/acpi/devices"

/* Bits of _STA: the device is present, and it is enabled. */
#define ACPI_STATUS_PRESENT 0x01
#define ACPI_STATUS_ENABLED 0x02

static bool is_acpi_memory(const char *name)
{
        size_t n = strlen(ACPI_MEMORY),
               digits = strspn(name + MIN(n, strlen(name)), "0123456789abcdef");

        return strncmp(name, ACPI_MEMORY, n) == 0 && digits > 0 && name[n + digits] == 0 &&
               n + digits < DEVICE_NAME_MAX;
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
 * Whether an ACPI memory device is present but has no block. A device for which the firmware has no
 * _STA is present.
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
        return parse_u32(text, &status) >= 0 && (status & ACPI_STATUS_PRESENT) &&
               (status & ACPI_STATUS_ENABLED);
}

bool evidence_is_acpi_adding(const Sysfs *sysfs)
{
        _cleanup_(closedirp) DIR *dir = sysfs_open_listing(sysfs, sysfs->sys_fd, ACPI_FOLDER);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                if (is_acpi_memory(entry->d_name) && is_unbound(sysfs, entry->d_name))
                        return true;
        return false;
}

bool evidence_onlines_itself(const Sysfs *sysfs, const char *dax)
{
        char path[DEVICE_NAME_MAX + 32];

        snprintf(path, sizeof(path), "bus/dax/devices/%s/hotplug", dax);
        return *dax && exists(sysfs, path);
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

int evidence_e820(const Sysfs *sysfs, E820 *ret)
{
        _cleanup_close_ int fd =
                sysfs_open_below(sysfs, sysfs->sys_fd, "kernel/boot_params/data", O_RDONLY);
        uint8_t page[E820_PAGE_SIZE];
        size_t n = 0;

        if (fd < 0)
                return -errno;
        while (n < sizeof(page)) {
                ssize_t k = read(fd, page + n, sizeof(page) - n);

                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        return e820_parse(page, n, ret);
}

int evidence_ram(const Sysfs *sysfs, uint64_t block_size_bytes, Ram **ret, size_t *ret_n)
{
        _cleanup_(iomem_done) Iomem iomem = {};
        _cleanup_free_ char *text = NULL;
        int r = sysfs_read_iomem(sysfs, &text);

        if (r >= 0)
                r = iomem_parse(text, &iomem);
        return r < 0 ? r : ram_list(&iomem, block_size_bytes, ret, ret_n);
}
