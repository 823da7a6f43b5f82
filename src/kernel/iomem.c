/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the ranges of system memory in /proc/iomem. */

#include "base/parse.h"
#include "kernel/evidence.h"

#include <fnmatch.h>
#include <stdio.h>

/* The kernel indents each level by two spaces, but no further than this level (MAX_IORES_LEVEL). */
#define DEPTH_MAX 5

/* More than a hundred times as many as any known machine has. */
#define RANGES_MAX (1 << 20)

typedef struct IomemRange {
        uint64_t first; /* addresses, both included */
        uint64_t last;
        int32_t parent;   /* index of the range that contains it, less than its own; or IOMEM_TOP */
        uint32_t depth;   /* as indented in the text: levels below the sixth look like the sixth */
        const char *name; /* in Iomem.text */
} IomemRange;

/* The parent of a range that no other range contains. */
#define IOMEM_TOP (-1)

typedef struct Iomem {
        char *text;         /* owned */
        IomemRange *ranges; /* owned; each before those that it contains, siblings by address */
        size_t n_ranges;
} Iomem;

static void iomem_done(Iomem *iomem)
{
        free(iomem->text);
        free(iomem->ranges);
}

/* Parses a line such as "  100000000-13fffffff : System RAM", and cuts it into its parts. */
static int parse_line(char *line, IomemRange *ret)
{
        size_t n_spaces = strspn(line, " ");
        char *first = line + n_spaces, *last = strchr(first, '-'), *name = strstr(first, " : ");
        IomemRange range = { .parent = IOMEM_TOP, .depth = (uint32_t) (n_spaces / 2) };

        if (n_spaces % 2 != 0 || n_spaces / 2 > DEPTH_MAX || !last || !name || name < last)
                return -EBADMSG;
        *last++ = 0;
        *name = 0;
        range.name = name + strlen(" : ");
        if (parse_hex_u64(first, &range.first) < 0 || parse_hex_u64(last, &range.last) < 0 ||
            range.first > range.last)
                return -EBADMSG;
        *ret = range;
        return 0;
}

static int parse_lines(Iomem *iomem)
{
        char *rest = NULL;
        bool hidden = true;

        for (char *line = strtok_r(iomem->text, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
                if (iomem->n_ranges >= RANGES_MAX)
                        return -EBADMSG;
                if (GROW(iomem->ranges, iomem->n_ranges) < 0)
                        return -ENOMEM;
                if (parse_line(line, &iomem->ranges[iomem->n_ranges]) < 0)
                        return -EBADMSG;
                hidden &= iomem->ranges[iomem->n_ranges++].last == 0;
        }
        if (iomem->n_ranges == 0)
                return -EBADMSG;
        return hidden ? -EACCES : 0;
}

static bool contains(const IomemRange *outer, const IomemRange *inner)
{
        return outer->first <= inner->first && inner->last <= outer->last;
}

/*
 * Finds the parent of a range: the innermost range that contains it. All ranges before it have
 * theirs. The range must be indented as its parent's child, and lie behind the previous child.
 */
static int link_range(Iomem *iomem, size_t i)
{
        IomemRange *range = &iomem->ranges[i];
        int32_t parent = (int32_t) i - 1, sibling = IOMEM_TOP;

        while (parent != IOMEM_TOP && !contains(&iomem->ranges[parent], range)) {
                sibling = parent;
                parent = iomem->ranges[parent].parent;
        }
        if (range->depth !=
            (parent == IOMEM_TOP ? 0 : MIN(iomem->ranges[parent].depth + 1, DEPTH_MAX)))
                return -EBADMSG;
        if (sibling != IOMEM_TOP && iomem->ranges[sibling].last >= range->first)
                return -EBADMSG;
        range->parent = parent;
        return 0;
}

/* Parses a text, with the errors of ram_list(). The caller calls iomem_done() in each case. */
static int iomem_parse(const char *text, Iomem *ret)
{
        int r;

        *ret = (Iomem){ .text = strdup(text) };
        r = ret->text ? parse_lines(ret) : -ENOMEM;
        for (size_t i = 0; r >= 0 && i < ret->n_ranges; i++)
                r = link_range(ret, i);
        return r;
}

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

/*
 * Returns the innermost range that contains a range and whose name is that of a device and fits a
 * pattern of fnmatch(3), or NULL.
 */
static const IomemRange *find_around(const Iomem *iomem, const IomemRange *range,
                                     const char *pattern)
{
        for (int32_t i = range->parent; i != IOMEM_TOP; i = iomem->ranges[i].parent) {
                const IomemRange *outer = &iomem->ranges[i];

                /* fnmatch() would need too much stack for a name that is too long. */
                if (strlen(outer->name) < DEVICE_NAME_MAX &&
                    fnmatch(pattern, outer->name, FNM_EXTMATCH) == 0)
                        return outer;
        }
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

/* Whether the first `n` characters of a text are printable ASCII. */
static bool is_ascii(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (text[i] < ' ' || text[i] > '~')
                        return false;
        return true;
}

/*
 * Takes the name of the driver from between the brackets, as much of it as fits. A name with characters that
 * are not printable ASCII is not taken.
 */
static void take_driver(const char *name, char driver[static DEVICE_NAME_MAX])
{
        const char *bracket = name + strlen(RAM_NAME " (");
        size_t n = strcspn(bracket, ")");

        if (is_ascii(bracket, n))
                snprintf(driver, DEVICE_NAME_MAX, "%.*s", (int) MIN(n, DEVICE_NAME_MAX - 1),
                         bracket);
}

/*
 * Takes the region of another driver's memory: the innermost range around it, if that has the name of a
 * device, which is printable ASCII, or else the memory itself. A bus, with a space in its name, can have many
 * devices.
 */
static void take_region(const Iomem *iomem, const IomemRange *range, Ram *ram)
{
        const IomemRange *outer = range->parent == IOMEM_TOP ? NULL : &iomem->ranges[range->parent];

        snprintf(ram->name, sizeof(ram->name), "%s", ram->driver);
        if (!outer || strlen(outer->name) >= DEVICE_NAME_MAX || strpbrk(outer->name, " \t") ||
            !is_ascii(outer->name, strlen(outer->name)))
                return;
        snprintf(ram->name, sizeof(ram->name), "%s", outer->name);
        ram->region_first = outer->first;
        ram->region_last = outer->last;
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
        const IomemRange *virtio = find_around(iomem, range, "virtio+([[:digit:]])");
        const IomemRange *dax = find_around(iomem, range, "dax+([[:digit:]]).+([[:digit:]])");
        Ram ram = {
                .first = range->first,
                .last = range->last,
                .region_first = range->first,
                .region_last = range->last,
        };

        if (range->name[strlen(RAM_NAME)])
                take_driver(range->name, ram.driver);
        /* Kernels before 5.8 write "System RAM" for kmem as well. */
        if (strcmp(range->name, RAM_NAME " (kmem)") == 0 || dax) {
                ram.kind = RAM_KMEM;
                snprintf(ram.driver, sizeof(ram.driver), "kmem");
                snprintf(ram.name, sizeof(ram.name), "%s", dax ? dax->name : "");
        } else if (strcmp(range->name, RAM_NAME " (virtio_mem)") == 0) {
                ram.kind = RAM_VIRTIO_MEM;
                if (virtio) {
                        snprintf(ram.name, sizeof(ram.name), "%s", virtio->name);
                        ram.region_first = virtio->first;
                        ram.region_last = virtio->last;
                }
        } else if (range->name[strlen(RAM_NAME)]) {
                ram.kind = RAM_OTHER;
                take_region(iomem, range, &ram);
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

int ram_list(const char *text, uint64_t block_size_bytes, Ram **ret, size_t *ret_n)
{
        _cleanup_(iomem_done) Iomem iomem;
        int r = iomem_parse(text, &iomem);
        size_t n = 0;
        Ram *rams;

        if (r < 0)
                return r;
        rams = calloc(iomem.n_ranges + 1, sizeof(Ram));
        if (!rams)
                return -ENOMEM;
        for (size_t i = 0; i < iomem.n_ranges; i++) {
                const IomemRange *range = &iomem.ranges[i];

                /* Memory within memory is not a range of its own. */
                if (is_ram(range) && (n == 0 || rams[n - 1].last < range->first))
                        rams[n++] = ram_of(&iomem, i, block_size_bytes);
        }
        *ret = rams;
        *ret_n = n;
        return 0;
}

int ram_find_kernel(const char *text, uint64_t *ret)
{
        _cleanup_(iomem_done) Iomem iomem;
        int r = iomem_parse(text, &iomem);

        if (r < 0)
                return r;
        for (size_t i = 0; i < iomem.n_ranges; i++)
                if (strcmp(iomem.ranges[i].name, "Kernel code") == 0) {
                        *ret = iomem.ranges[i].first;
                        return 0;
                }
        return -ENOENT;
}
