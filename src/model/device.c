/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Converts the origins of devices to strings and back, and builds the table of devices. */

#include "model/machine.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const origin_table[_ORIGIN_MAX] = {
        [ORIGIN_UNKNOWN] = "unknown", [ORIGIN_BOOT] = "boot",
        [ORIGIN_DIMM] = "dimm",       [ORIGIN_VIRTIO_MEM] = "virtio-mem",
        [ORIGIN_KMEM] = "kmem",       [ORIGIN_BALLOON] = "balloon",
        [ORIGIN_STANDBY] = "standby", [ORIGIN_DRIVER] = "driver",
};

DEFINE_STRING_TABLE(origin, Origin)

static const char *const dax_state_table[_DAX_STATE_MAX] = {
        [DAX_STATE_NONE] = "",
        [DAX_STATE_UNPLUGGED] = "unplugged",
        [DAX_STATE_OFFLINE] = "offline",
        [DAX_STATE_ONLINE] = "online",
        [DAX_STATE_ONLINE_KERNEL] = "online_kernel",
        [DAX_STATE_ONLINE_MOVABLE] = "online_movable",
};

DEFINE_STRING_TABLE(dax_state, DaxState)

bool device_is_static(const Device *device)
{
        return device->unit_blocks == 0 && device->origin != ORIGIN_BOOT;
}

bool device_is_online_as_whole(const Device *device)
{
        return device && device->dax_state >= DAX_STATE_ONLINE;
}

bool device_parse_dax(const char *name, uint32_t *ret_region, uint32_t *ret_id)
{
        char again[DEVICE_NAME_MAX];
        uint32_t region, id;

        if (sscanf(name, "dax%" SCNu32 ".%" SCNu32, &region, &id) != 2)
                return false;
        /* sscanf() accepts signs, spaces, and what follows. */
        snprintf(again, sizeof(again), "dax%" PRIu32 ".%" PRIu32, region, id);
        if (strcmp(again, name) != 0)
                return false;
        *ret_region = region;
        *ret_id = id;
        return true;
}

const char *device_state(const Device *device)
{
        return device->missing_blocks > 0 ? "adding" : "present";
}

const char *device_text(const Device *device)
{
        return device && *device->name ? device->name : "its device";
}

void device_draft_done(DeviceDraft *draft)
{
        free(draft->devices);
        *draft = (DeviceDraft){};
}

int32_t device_draft_add(DeviceDraft *draft, Origin origin, const char *name, int32_t group)
{
        bool is_whole = origin == ORIGIN_BOOT || origin == ORIGIN_DIMM || origin == ORIGIN_KMEM ||
                        origin == ORIGIN_DRIVER;
        DraftDevice *added;

        if (GROW(draft->devices, draft->n_devices) < 0)
                return -ENOMEM;
        added = &draft->devices[draft->n_devices];
        *added = (DraftDevice){
                .device = { .origin = origin,
                            .group = group,
                            .first_block = UINT32_MAX,
                            .unit_blocks = is_whole ? 0 : 1 },
        };
        snprintf(added->device.name, sizeof(added->device.name), "%s", name);
        return (int32_t) draft->n_devices++;
}

int32_t device_draft_find(DeviceDraft *draft, Origin origin, const char *name, int32_t group)
{
        /* Neighbouring blocks mostly belong to the same device: begin with the last. */
        for (size_t i = draft->n_devices; i-- > 0;) {
                const DraftDevice *found = &draft->devices[i];

                if (found->device.origin == origin && found->device.group == group &&
                    strcmp(found->device.name, name) == 0)
                        return (int32_t) i;
        }
        return device_draft_add(draft, origin, name, group);
}

bool draft_device_is_complete(const DraftDevice *device)
{
        return device->is_closed || (device->n_group > 0 && device->n_blocks >= device->n_group);
}

/*
 * The kernel reuses the number of a group, maybe before memoryd sees that the group's former blocks are gone.
 * Devices that are complete are therefore passed over.
 */
int32_t device_draft_find_open(const DeviceDraft *draft, int32_t group)
{
        for (size_t i = draft->n_devices; i-- > 0;) {
                const DraftDevice *found = &draft->devices[i];

                if (found->device.group == group && !draft_device_is_complete(found))
                        return (int32_t) i;
        }
        return DEVICE_NONE;
}

void draft_device_extend(DraftDevice *device, uint32_t first, uint64_t n)
{
        device->device.first_block = MIN(device->device.first_block, first);
        device->device.last_block = MAX(device->device.last_block, first + (uint32_t) (n - 1));
}

void device_draft_add_block(DeviceDraft *draft, int32_t device, uint32_t block)
{
        DraftDevice *found = &draft->devices[device];

        found->n_blocks++;
        found->n_extent++;
        draft_device_extend(found, block, 1);
}

static Device complete(const DraftDevice *draft, uint64_t block_size_bytes)
{
        Device device = draft->device;
        uint64_t n = MAX(draft->n_extent, draft->n_group);

        if (device_is_static(&device))
                device.missing_blocks = (uint32_t) (n - draft->n_blocks);
        device.size_bytes = n * block_size_bytes;
        return device;
}

int device_draft_hand_over(const DeviceDraft *draft, Machine *machine, const int32_t *of_block)
{
        Device *devices = calloc(draft->n_devices + 1, sizeof(Device));

        if (!devices)
                return -ENOMEM;
        for (size_t i = 0; i < draft->n_devices; i++)
                devices[i] = complete(&draft->devices[i], machine->block_size_bytes);
        free(machine->devices);
        machine->devices = devices;
        machine->n_devices = draft->n_devices;
        for (size_t i = 0; i < machine->n_blocks; i++)
                machine->blocks[i].device = MAX(of_block[i], DEVICE_NONE);
        return 0;
}
