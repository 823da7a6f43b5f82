/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tells whether a device can be removed. */

#include "model/removal.h"

#include "base/format.h"

#include <stdio.h>

static const char *const removable_table[_REMOVABLE_MAX] = {
        [REMOVABLE_NO] = "no",
        [REMOVABLE_AFTER_OFFLINE] = "after-offline",
        [REMOVABLE_YES] = "yes",
};

DEFINE_STRING_TABLE(removable, Removable)

static const char *const obstacle_table[_OBSTACLE_MAX] = {
        [OBSTACLE_NONE] = "none",
        [OBSTACLE_MOVABLE_MEMORY] = "movable-memory",
        [OBSTACLE_KERNEL_MEMORY] = "kernel-memory",
        [OBSTACLE_BOOT_MEMORY] = "boot-memory",
        [OBSTACLE_BALLOON] = "balloon",
        [OBSTACLE_INCOMPLETE] = "incomplete",
        [OBSTACLE_BUSY] = "busy",
};

DEFINE_STRING_TABLE(obstacle, Obstacle)

/* Returns the first block of a device from an element of the machine's array on, or NULL. */
static const Block *find_from(const Machine *machine, size_t i, size_t device)
{
        uint32_t last = machine->devices[device].last_block;

        for (; i < machine->n_blocks && machine->blocks[i].id <= last; i++)
                if (machine->blocks[i].device == (int32_t) device)
                        return &machine->blocks[i];
        return NULL;
}

const Block *device_first_block(const Machine *machine, size_t device)
{
        uint32_t first = machine->devices[device].first_block;
        size_t low = 0, high = machine->n_blocks;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (machine->blocks[middle].id < first)
                        low = middle + 1;
                else
                        high = middle;
        }
        return find_from(machine, low, device);
}

const Block *device_next_block(const Machine *machine, const Block *block)
{
        return find_from(machine, (size_t) (block - machine->blocks) + 1, (size_t) block->device);
}

bool device_take_range(const Machine *machine, const Block **at, bool is_kernel,
                       uint32_t *ret_first, uint32_t *ret_last)
{
        while (*at) {
                uint32_t first = (*at)->id, last = first;
                bool is_wanted = !is_kernel || block_class(*at) == ZONE_CLASS_KERNEL;

                while ((*at = device_next_block(machine, *at)) && (*at)->id == last + 1 &&
                       (!is_kernel || (block_class(*at) == ZONE_CLASS_KERNEL) == is_wanted))
                        last++;
                if (!is_wanted)
                        continue;
                *ret_first = first;
                *ret_last = last;
                return true;
        }
        return false;
}

static bool is_at_work(const Block *block)
{
        return block->status == BLOCK_STATUS_WRITING || block->status == BLOCK_STATUS_OFFLINING ||
               block->state == BLOCK_GOING_OFFLINE || block->in_dax_write || block->leaving;
}

/* Finds the first obstacle. The classes of blocks do not count while blocks come or change. */
static Obstacle find_obstacle(const Device *device, const DeviceUse *use)
{
        if (device->origin == ORIGIN_BOOT)
                return OBSTACLE_BOOT_MEMORY;
        if (device->origin == ORIGIN_BALLOON)
                return OBSTACLE_BALLOON;
        if (use->is_incomplete)
                return OBSTACLE_INCOMPLETE;
        if (use->is_at_work || use->job > 0 || use->totals.pending_blocks > 0)
                return OBSTACLE_BUSY;
        if (use->totals.kernel_bytes > 0)
                return OBSTACLE_KERNEL_MEMORY;
        return use->totals.movable_bytes > 0 ? OBSTACLE_MOVABLE_MEMORY : OBSTACLE_NONE;
}

DeviceUse device_use_of(const Machine *machine, size_t device)
{
        DeviceUse use = { .is_incomplete = machine->devices[device].missing_blocks > 0 };

        for (const Block *block = device_first_block(machine, device); block;
             block = device_next_block(machine, block)) {
                use.n_blocks++;
                totals_add(&use.totals, block, machine->block_size_bytes);
                if (block->node >= 0)
                        node_set_add(&use.nodes, (uint32_t) block->node);
                if (block_class(block) == ZONE_CLASS_KERNEL &&
                    use.totals.kernel_bytes == machine->block_size_bytes)
                        use.first_kernel_block = block->id;
                if (block->job > 0 && use.job == 0)
                        use.job = block->job;
                use.is_at_work = use.is_at_work || is_at_work(block);
                use.is_incomplete = use.is_incomplete || block->held;
        }
        use.obstacle = find_obstacle(&machine->devices[device], &use);
        use.removable = use.obstacle == OBSTACLE_NONE           ? REMOVABLE_YES :
                        use.obstacle == OBSTACLE_MOVABLE_MEMORY ? REMOVABLE_AFTER_OFFLINE :
                                                                  REMOVABLE_NO;
        return use;
}

static int format_busy(const DeviceUse *use, char **ret)
{
        if (use->job > 0)
                return asprintf(ret, "job %u is to change blocks of it", use->job);
        if (use->is_at_work)
                return asprintf(ret, "a block of it is just changing its state");
        return asprintf(ret, "memoryd still has to act on %u block%s of it",
                        use->totals.pending_blocks, use->totals.pending_blocks == 1 ? "" : "s");
}

static int format_reason(const Device *device, const DeviceUse *use, char **ret)
{
        char size[FORMAT_BYTES_MAX];

        switch (use->obstacle) {
        case OBSTACLE_BOOT_MEMORY:
                return asprintf(ret,
                                "the machine booted with it, and any part of it may hold data of "
                                "the kernel, which cannot be moved");
        case OBSTACLE_BALLOON:
                return asprintf(ret, "its driver gives single pages back to the hypervisor, but "
                                     "never whole blocks");
        case OBSTACLE_KERNEL_MEMORY:
                return asprintf(ret,
                                "%s of it is kernel memory (memory%u first), which can usually not "
                                "go offline",
                                format_bytes(use->totals.kernel_bytes, size),
                                use->first_kernel_block);
        case OBSTACLE_INCOMPLETE:
                if (device->missing_blocks == 0)
                        return asprintf(ret, "the kernel is still adding it");
                return asprintf(ret, "the kernel is still adding it: %u of %u blocks are missing",
                                device->missing_blocks, device->missing_blocks + use->n_blocks);
        case OBSTACLE_BUSY:
                return format_busy(use, ret);
        case OBSTACLE_MOVABLE_MEMORY:
                return asprintf(ret, "%s of it is online, all of that movable",
                                format_bytes(use->totals.movable_bytes, size));
        default:
                return asprintf(ret, "all of it is offline");
        }
}

/* Formats what is left to do about a device that is offline. */
static int format_last_step(const Device *device, char **ret)
{
        static const char *const texts[_ORIGIN_MAX] = {
                [ORIGIN_DIMM] = "unplug it",
                [ORIGIN_VIRTIO_MEM] = "have the hypervisor reduce the size that it requests",
                [ORIGIN_KMEM] = "have daxctl reconfigure-device --mode=devdax release it",
                [ORIGIN_STANDBY] = "nothing else is needed: it is back in the hypervisor's standby "
                                   "memory",
                [ORIGIN_DRIVER] = "have its driver release it",
                [ORIGIN_UNKNOWN] = "remove it where it was added",
        };

        if (device->origin == ORIGIN_DIMM && *device->name)
                return asprintf(ret,
                                "unplug it in the hypervisor, or write 1 to "
                                "/sys/bus/acpi/devices/%s/eject",
                                device->name);
        if (device->origin == ORIGIN_KMEM && *device->name)
                return asprintf(ret,
                                "run \"daxctl reconfigure-device --mode=devdax %s\", which has "
                                "the kernel release it",
                                device->name);
        return asprintf(ret, "%s", texts[device->origin] ?: "");
}

/* Formats how memoryctl(1) names a device: a device that has no name is the ranges of its blocks, "32-39,45". */
static int format_target(const Machine *machine, size_t device, char **ret)
{
        const Block *at = device_first_block(machine, device);
        _cleanup_free_ char *ranges = NULL;
        uint32_t first, last;

        if (*machine->devices[device].name)
                return asprintf(ret, "--device %s", machine->devices[device].name);
        while (device_take_range(machine, &at, false, &first, &last)) {
                _cleanup_free_ char *before = TAKE_PTR(ranges);
                const char *comma = before ? "," : "";
                int r = first == last ?
                                asprintf(&ranges, "%s%s%u", before ?: "", comma, first) :
                                asprintf(&ranges, "%s%s%u-%u", before ?: "", comma, first, last);

                if (r < 0) {
                        ranges = NULL;
                        return -1;
                }
        }
        return asprintf(ret, "%s", ranges ?: "");
}

static int format_advice(const Machine *machine, size_t device, const DeviceUse *use, char **ret)
{
        _cleanup_free_ char *target = NULL, *last = NULL;

        if (format_target(machine, device, &target) < 0 ||
            format_last_step(&machine->devices[device], &last) < 0)
                return -1;
        switch (use->obstacle) {
        case OBSTACLE_NONE:
                *ret = TAKE_PTR(last);
                return 0;
        case OBSTACLE_MOVABLE_MEMORY:
                return asprintf(ret, "run \"memoryctl offline %s\"%s%s", target,
                                *last ? ", then " : "", last);
        case OBSTACLE_KERNEL_MEMORY:
                return asprintf(ret,
                                "run \"memoryctl offline %s\" to try: a block goes offline if all "
                                "its pages can be moved. A rule with zone = \"movable\" keeps "
                                "such a device removable when it is added",
                                target);
        case OBSTACLE_INCOMPLETE:
                return asprintf(ret, "wait until the kernel has added all of it");
        case OBSTACLE_BUSY:
                return asprintf(ret, use->job > 0 ? "wait for the job, see \"memoryctl jobs\"" :
                                                    "wait a moment, and ask again");
        default:
                return asprintf(ret, "%s", "");
        }
}

int removal_format(const Machine *machine, size_t device, const DeviceUse *use, char **ret_reason,
                   char **ret_advice)
{
        _cleanup_free_ char *reason = NULL, *advice = NULL;

        if (format_reason(&machine->devices[device], use, &reason) < 0 ||
            format_advice(machine, device, use, &advice) < 0)
                return -ENOMEM;
        *ret_reason = TAKE_PTR(reason);
        *ret_advice = TAKE_PTR(advice);
        return 0;
}
