/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds which driver added which memory, in /proc/iomem. */

#include "kernel/ram.h"

#include <ctype.h>
#include <stdio.h>

#define RAM_NAME "System RAM"

uint64_t ram_blocks(uint64_t first, uint64_t last, uint64_t block_size_bytes, uint32_t *ret_first)
{
        uint64_t begin = first / block_size_bytes + (first % block_size_bytes > 0);
        /* The blocks that end at `last` or before. Computed without last + 1, which may overflow. */
        uint64_t end = last / block_size_bytes + (last % block_size_bytes == block_size_bytes - 1);

        if (begin >= end || end > UINT32_MAX)
                return 0;
        *ret_first = (uint32_t) begin;
        return end - begin;
}

/* Whether a name fits a pattern: "virtio3" fits "virtio#", "dax0.1" fits "dax#.#". */
static bool is_named(const char *name, const char *pattern)
{
        for (; *pattern; pattern++) {
                if (*pattern != '#') {
                        if (*name++ != *pattern)
                                return false;
                        continue;
                }
                if (!isdigit((unsigned char) *name))
                        return false;
                while (isdigit((unsigned char) *name))
                        name++;
        }
        return *name == 0;
}

/* Returns the innermost range that contains a range and whose name fits a pattern, or NULL. */
static const IomemRange *find_around(const Iomem *iomem, const IomemRange *range,
                                     const char *pattern)
{
        for (int32_t i = range->parent; i != IOMEM_TOP; i = iomem->ranges[i].parent)
                if (is_named(iomem->ranges[i].name, pattern))
                        return &iomem->ranges[i];
        return NULL;
}

/*
 * Whether a range contains the kernel. "Kernel code" and the like directly follow the range that
 * contains them.
 */
static bool has_kernel(const Iomem *iomem, size_t i)
{
        for (size_t k = i + 1; k < iomem->n_ranges && iomem->ranges[k].parent >= (int32_t) i; k++)
                if (strncmp(iomem->ranges[k].name, "Kernel ", strlen("Kernel ")) == 0)
                        return true;
        return false;
}

/* Takes the name of the driver from between the brackets. */
static void take_driver(const char *name, char driver[static DEVICE_NAME_MAX])
{
        const char *bracket = name + strlen(RAM_NAME " (");
        size_t n = strcspn(bracket, ")");

        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) bracket[i]) && !strchr("_-.:", bracket[i]))
                        n = 0;
        snprintf(driver, DEVICE_NAME_MAX, "%.*s", (int) MIN(n, DEVICE_NAME_MAX - 1), bracket);
}

static void take_name(Ram *ram, const IomemRange *named)
{
        snprintf(ram->name, sizeof(ram->name), "%s",
                 named && strlen(named->name) < sizeof(ram->name) ? named->name : "");
}

/* Memory of the firmware may begin and end anywhere, added memory only at the boundaries of blocks. */
static bool is_whole(const IomemRange *range, uint64_t block_size_bytes)
{
        return range->first % block_size_bytes == 0 &&
               range->last % block_size_bytes == block_size_bytes - 1;
}

static Ram ram_of(const Iomem *iomem, size_t i, uint64_t block_size_bytes)
{
        const IomemRange *range = &iomem->ranges[i];
        const IomemRange *virtio = find_around(iomem, range, "virtio#");
        const IomemRange *dax = find_around(iomem, range, "dax#.#");
        Ram ram = {
                .first = range->first,
                .last = range->last,
                .region_first = range->first,
                .region_last = range->last,
        };

        /* Kernels before 5.8 write "System RAM" for kmem as well. */
        if (strcmp(range->name, RAM_NAME " (kmem)") == 0 || dax) {
                ram.kind = RAM_KMEM;
                take_name(&ram, dax);
        } else if (strcmp(range->name, RAM_NAME " (virtio_mem)") == 0) {
                ram.kind = RAM_VIRTIO_MEM;
                take_name(&ram, virtio);
                ram.region_first = virtio ? virtio->first : range->first;
                ram.region_last = virtio ? virtio->last : range->last;
        } else if (range->name[strlen(RAM_NAME)]) {
                ram.kind = RAM_OTHER;
                take_driver(range->name, ram.name);
        } else if (has_kernel(iomem, i) || !is_whole(range, block_size_bytes)) {
                ram.kind = RAM_BOOT;
        }
        return ram;
}

static bool is_ram(const IomemRange *range)
{
        size_t n = strlen(RAM_NAME);

        return strncmp(range->name, RAM_NAME, n) == 0 &&
               (range->name[n] == 0 || strncmp(range->name + n, " (", 2) == 0);
}

int ram_list(const Iomem *iomem, uint64_t block_size_bytes, Ram **ret, size_t *ret_n)
{
        Ram *rams = calloc(iomem->n_ranges + 1, sizeof(Ram));
        size_t n = 0;

        if (!rams)
                return -ENOMEM;
        for (size_t i = 0; i < iomem->n_ranges; i++) {
                const IomemRange *range = &iomem->ranges[i];

                /* Memory within memory is not a range of its own. */
                if (is_ram(range) && (n == 0 || rams[n - 1].last < range->first))
                        rams[n++] = ram_of(iomem, i, block_size_bytes);
        }
        *ret = rams;
        *ret_n = n;
        return 0;
}
