/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads a recorded tree instead of asking memoryd. */

#include "ctl/ctl.h"
#include "model/removal.h"
#include "policy/guard.h"

#include <fcntl.h>
#include <stdio.h>

/* The state to show for a block whose state makes no sense, as lsmem does. */
#define STATE_UNKNOWN "?"

/*
 * The text of a list of zones. Blocks with the same list share the text: there are few different lists, and
 * neighbouring blocks mostly have the same one. NULL if memory is short.
 */
static const char *zones_text(Snapshot *snapshot, const ZoneList *zones)
{
        char buffer[ZONE_LIST_STRING_MAX];

        (void) zone_list_format(zones, buffer);
        for (size_t i = snapshot->n_texts; i-- > 0;)
                if (strcmp(snapshot->texts[i], buffer) == 0)
                        return snapshot->texts[i];

        if (GROW(snapshot->texts, snapshot->n_texts) < 0)
                return NULL;
        snapshot->texts[snapshot->n_texts] = strdup(buffer);
        return snapshot->texts[snapshot->n_texts] ? snapshot->texts[snapshot->n_texts++] : NULL;
}

/* Fills the row of a block without a decision. Unknown values are empty. */
static int fill_block(Snapshot *snapshot, const Block *block, const RecordedBlock *recorded,
                      BlockRow *ret)
{
        const Machine *machine = &snapshot->recording->machine;
        const Device *device = machine_device(machine, block);
        const CxlNames *cxl = device && snapshot->recording->cxl ?
                                      &snapshot->recording->cxl[device - machine->devices] :
                                      NULL;
        bool knows_zones = recorded->has_zones && !recorded->odd_zones;
        bool knows_class = recorded->has_state && (knows_zones || block->state == BLOCK_OFFLINE);

        *ret = (BlockRow){
                .id = block->id,
                .node = block->node,
                .state = recorded->has_state ? block_state_to_string(block->state) : STATE_UNKNOWN,
                .zones = recorded->odd_zones ?: "",
                .zone_class = knows_class ? zone_class_to_string(block_class(block)) : "",
                .decision = verdict_to_string(VERDICT_NONE),
                .rule = "",
                .guards = "",
                .status = "",
                .device = device ? device->name : "",
                .origin = origin_to_string(machine_origin(machine, block)),
                .cxl_region = cxl ? cxl->region : "",
                .cxl_memdevs = cxl ? cxl->memdevs : "",
        };
        if (knows_zones)
                ret->zones = zones_text(snapshot, &block->zones);
        return ret->zones ? 0 : -ENOMEM;
}

static int fill_blocks(Snapshot *snapshot)
{
        const Recording *recording = snapshot->recording;
        int r = 0;

        snapshot->n_blocks = recording->machine.n_blocks;
        snapshot->blocks = calloc(snapshot->n_blocks, sizeof(*snapshot->blocks));
        if (!snapshot->blocks)
                return -ENOMEM;
        for (size_t i = 0; i < snapshot->n_blocks && r >= 0; i++)
                r = fill_block(snapshot, &recording->machine.blocks[i], &recording->blocks[i],
                               &snapshot->blocks[i]);
        return r;
}

static void fill_node(const Recording *recording, const Node *node, NodeRow *ret)
{
        *ret = (NodeRow){
                .id = node->id,
                .has_cpu = node->has_cpu,
                .movable_only = guard_is_movable_only(&node->totals),
                .totals = node->totals,
                .free_bytes = node->free_bytes,
                .kernel_auto_online = online_word_to_string(node->auto_online) ?: "",
                .distances = node->distances,
                .n_distances = node->n_distances,
                .tier = node->tier,
                .has_no_tier = !node->has_tier,
                .lacks_cpu = !recording->has_cpus,
                .lacks_free = !recording->has_zoneinfo,
        };
        memcpy(ret->performance, node->performance, sizeof(ret->performance));
}

static int fill_nodes(Snapshot *snapshot)
{
        const Machine *machine = &snapshot->recording->machine;

        snapshot->nodes = calloc(machine->n_nodes + 1, sizeof(*snapshot->nodes));
        snapshot->zones = calloc(machine->n_zones + 1, sizeof(*snapshot->zones));
        if (!snapshot->nodes || !snapshot->zones)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++)
                fill_node(snapshot->recording, &machine->nodes[i],
                          &snapshot->nodes[snapshot->n_nodes++]);
        for (size_t i = 0; i < machine->n_zones; i++)
                snapshot->zones[snapshot->n_zones++] = (ZoneRow){
                        .node = machine->zones[i].node,
                        .name = zone_type_to_string(machine->zones[i].type),
                        .present_bytes = machine->zones[i].present_bytes,
                        .managed_bytes = machine->zones[i].managed_bytes,
                        .spanned_bytes = machine->zones[i].spanned_bytes,
                        .free_bytes = machine->zones[i].free_bytes,
                };
        return 0;
}

static int fill_ranges(const Machine *machine, size_t device, bool is_kernel, BlockRange **ranges,
                       size_t *n_ranges)
{
        const Block *at = device_first_block(machine, device);
        BlockRange range;

        while (device_take_range(machine, &at, is_kernel, &range.first, &range.last)) {
                if (GROW(*ranges, *n_ranges) < 0)
                        return -ENOMEM;
                (*ranges)[(*n_ranges)++] = range;
        }
        return 0;
}

/* Keeps a text as long as the snapshot. Takes it over. Returns NULL if memory is short. */
static const char *keep_text(Snapshot *snapshot, char *text)
{
        if (!text || GROW(snapshot->texts, snapshot->n_texts) < 0) {
                free(text);
                return NULL;
        }
        return snapshot->texts[snapshot->n_texts++] = text;
}

static int fill_device(Snapshot *snapshot, size_t device, DeviceRow *ret)
{
        const Machine *machine = &snapshot->recording->machine;
        const Device *of = &machine->devices[device];
        const DeviceUse use = device_use_of(machine, device);
        char *reason = NULL, *advice = NULL;
        int r = removal_format(machine, device, &use, &reason, &advice);

        *ret = (DeviceRow){
                .name = of->name,
                .origin = origin_to_string(of->origin),
                .state = device_state(of),
                .driver = of->driver,
                .dax_state = dax_state_to_string(of->dax_state),
                .first_address = of->first_block * machine->block_size_bytes,
                .last_address = (of->last_block + UINT64_C(1)) * machine->block_size_bytes - 1,
                .size_bytes = of->size_bytes,
                .unit_bytes = of->unit_blocks * machine->block_size_bytes,
                .nodes = use.nodes,
                .kernel_bytes = use.totals.kernel_bytes,
                .movable_bytes = use.totals.movable_bytes,
                .offline_bytes = use.totals.offline_bytes,
                .removable = removable_to_string(use.removable),
                .obstacle = obstacle_to_string(use.obstacle),
                .reason = keep_text(snapshot, reason),
                .advice = keep_text(snapshot, advice),
        };
        if (r < 0 || !ret->reason || !ret->advice)
                return -ENOMEM;
        r = fill_ranges(machine, device, false, &ret->blocks, &ret->n_blocks);
        return r < 0 ? r :
                       fill_ranges(machine, device, true, &ret->kernel_blocks,
                                   &ret->n_kernel_blocks);
}

static int compare_devices(const void *a, const void *b)
{
        uint64_t x = ((const DeviceRow *) a)->first_address;
        uint64_t y = ((const DeviceRow *) b)->first_address;

        return (x > y) - (x < y);
}

static int fill_devices(Snapshot *snapshot)
{
        size_t n = snapshot->recording->machine.n_devices;
        int r = 0;

        snapshot->devices = calloc(n + 1, sizeof(*snapshot->devices));
        if (!snapshot->devices)
                return -ENOMEM;
        for (; r >= 0 && snapshot->n_devices < n; snapshot->n_devices++)
                r = fill_device(snapshot, snapshot->n_devices,
                                &snapshot->devices[snapshot->n_devices]);
        qsort(snapshot->devices, snapshot->n_devices, sizeof(*snapshot->devices), compare_devices);
        return r;
}

static void print_faults(const FaultList *faults)
{
        for (size_t i = 0; i < faults->n_texts; i++)
                (void) failure("%s/%s", arg_sysroot, faults->texts[i]);
}

int snapshot_read(unsigned what, Snapshot *snapshot)
{
        _cleanup_close_ int fd = open(arg_sysroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        /* A mistyped name is more likely than an error in the tree. */
        if (fd < 0)
                return failure("cannot open '%s': %s", arg_sysroot, strerror(errno));
        snapshot->recording = calloc(1, sizeof(*snapshot->recording));
        if (!snapshot->recording)
                return failure("%s", strerror(ENOMEM));

        snapshot->recording->skips_devices = what & FETCH_NO_DEVICES;
        snapshot->recording->wants_cxl = what & FETCH_CXL;
        snapshot->recording->architecture = arg_architecture;
        snapshot->recording->virtualization = arg_virtualization;
        r = recording_read(arg_sysroot, snapshot->recording);
        print_faults(&snapshot->recording->faults);
        if (r < 0 && r != -ENOMEM)
                return failure("there is no machine to show in '%s'", arg_sysroot);
        if (what & FETCH_OBJECTS)
                print_faults(&snapshot->recording->node_faults);
        if (r >= 0)
                r = fill_blocks(snapshot);
        if (r >= 0)
                r = fill_nodes(snapshot);
        if (r >= 0 && (what & FETCH_DEVICES))
                r = fill_devices(snapshot);
        if (r < 0)
                return failure("%s", strerror(-r));
        snapshot->manager.block_size_bytes = snapshot->recording->machine.block_size_bytes;
        return EXIT_SUCCESS;
}
