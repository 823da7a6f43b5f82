/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method ListDevices(), which tells what memory each device has, and whether it can be removed. */

#include "base/names.h"
#include "bus/object.h"
#include "model/removal.h"

#include <stdio.h>

/* Appends an entry with the ranges of a device's blocks, or only of its kernel memory. */
static int append_ranges(sd_bus_message *reply, const Machine *machine, size_t device,
                         const char *key, bool is_kernel)
{
        const Block *block = device_first_block(machine, device);
        uint32_t first, last;
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(uu)");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(uu)");
        while (r >= 0 && device_take_range(machine, &block, is_kernel, &first, &last))
                r = sd_bus_message_append(reply, "(uu)", first, last);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_nodes(sd_bus_message *reply, const NodeSet *nodes)
{
        uint32_t numbers[NODE_MAX];
        size_t n = 0;
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        for (uint32_t node = 0; node < NODE_MAX; node++)
                if (node_set_contains(nodes, node))
                        numbers[n++] = node;
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Nodes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "au");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'u', numbers, n * sizeof(*numbers));
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_extent(sd_bus_message *reply, const Machine *machine, size_t device)
{
        const Device *of = &machine->devices[device];
        int r = sd_bus_message_append(
                reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Device", "s", of->name, "Origin", "s",
                origin_to_string(of->origin), "State", "s", device_state(of), "Driver", "s",
                of->driver, "FirstAddress", "t", of->first_block * machine->block_size_bytes,
                "LastAddress", "t", (of->last_block + UINT64_C(1)) * machine->block_size_bytes - 1,
                "SizeBytes", "t", of->size_bytes);

        if (r >= 0 && of->unit_blocks > 0)
                r = sd_bus_message_append(reply, "{sv}", "UnitBytes", "t",
                                          of->unit_blocks * machine->block_size_bytes);
        if (r >= 0 && of->dax_state != DAX_STATE_NONE)
                r = sd_bus_message_append(reply, "{sv}", "DaxState", "s",
                                          dax_state_to_string(of->dax_state));
        if (r >= 0)
                r = append_ranges(reply, machine, device, "Blocks", false);
        return r < 0 ? r : append_ranges(reply, machine, device, "KernelBlocks", true);
}

static int append_use(sd_bus_message *reply, const DeviceUse *use)
{
        int r = append_nodes(reply, &use->nodes);

        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "KernelBytes", "t",
                        use->totals.kernel_bytes, "MovableBytes", "t", use->totals.movable_bytes,
                        "OfflineBytes", "t", use->totals.offline_bytes, "PendingBlocks", "u",
                        use->totals.pending_blocks, "FailedBlocks", "u", use->totals.failed_blocks,
                        "ForeignBlocks", "u", use->totals.foreign_blocks);
        if (r >= 0 && use->job > 0)
                r = sd_bus_message_append(reply, "{sv}", "Job", "u", use->job);
        return r;
}

static int append_removal(sd_bus_message *reply, Removable removable, Obstacle obstacle,
                          const char *reason, const char *advice)
{
        return sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "Removable", "s",
                                     removable_to_string(removable), "Obstacle", "s",
                                     obstacle_to_string(obstacle), "Reason", "s", reason, "Advice",
                                     "s", advice);
}

/* A device by its lowest block, for sorting, and its index in the machine. */
typedef struct Listed {
        uint32_t first_block;
        uint32_t index;
} Listed;

static int append_device(sd_bus_message *reply, const Machine *machine, size_t device)
{
        const DeviceUse use = device_use_of(machine, device);
        _cleanup_free_ char *reason = NULL, *advice = NULL;
        int r = removal_format(machine, device, &use, &reason, &advice);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_extent(reply, machine, device);
        if (r >= 0)
                r = append_use(reply, &use);
        if (r >= 0)
                r = append_removal(reply, use.removable, use.obstacle, reason, advice);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Appends an ACPI memory device that has no blocks, because the kernel is adding its memory, or could not. */
static int append_without_blocks(sd_bus_message *reply, const Machine *machine,
                                 const AcpiDevice *device)
{
        char reason[ACPI_REASON_MAX], text[ACPI_REASON_MAX + 64];
        const char *why = acpi_device_format_reason(machine, device, reason);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "Device", "s", device->name,
                                          "Origin", "s", origin_to_string(ORIGIN_DIMM), "State",
                                          "s", device->failed ? "failed" : "adding", "SizeBytes",
                                          "t", device->size_bytes);
        snprintf(text, sizeof(text), "the kernel could not add its memory: %s", why);
        if (r >= 0 && device->failed)
                r = append_removal(reply, REMOVABLE_YES, OBSTACLE_NONE, text,
                                   "unplug it, and plug it in again when memory is free");
        else if (r >= 0)
                r = append_removal(reply, REMOVABLE_NO, OBSTACLE_INCOMPLETE,
                                   "the kernel is still adding it",
                                   "wait until the kernel has added all of it");
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Appends the devices in the order of their addresses, then those without blocks. */
static int append_devices(sd_bus_message *reply, const Machine *machine)
{
        _cleanup_free_ Listed *listed = calloc(machine->n_devices + 1, sizeof(Listed));
        int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        if (!listed)
                return -ENOMEM;
        for (uint32_t i = 0; i < machine->n_devices; i++)
                listed[i] = (Listed){ machine->devices[i].first_block, i };
        qsort(listed, machine->n_devices, sizeof(Listed), id_compare);
        for (size_t i = 0; r >= 0 && i < machine->n_devices; i++)
                r = append_device(reply, machine, listed[i].index);
        for (size_t i = 0; r >= 0 && i < machine->acpi.n_devices; i++)
                r = append_without_blocks(reply, machine, &machine->acpi.devices[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        /* The kernel sends no event about a device whose memory it cannot add: looks again. */
        manager_refresh_zones(userdata);
        if (r >= 0)
                r = append_devices(reply, manager_view(userdata).machine);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot list the devices") : 1;
}
