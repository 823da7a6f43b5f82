/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the device of each block. */

#include "kernel/identify.h"

/* The value of Range.device if blocks of more than one device lie in the range. */
#define DEVICE_MIXED (-2)

/* A range of system memory, and what was found in it. */
typedef struct Range {
        Ram ram;
        int32_t device;     /* index in the draft, DEVICE_NONE while it has none, or DEVICE_MIXED */
        int32_t own;        /* the device of its blocks without a better name, or DEVICE_NONE */
        uint64_t n_blocks;  /* blocks that exist */
        bool has_unlinked;  /* a block in it has no firmware node, so those above have none */
        bool has_ungrouped; /* a block in it is in no group */
} Range;

typedef struct Identifier {
        const Sysfs *sysfs;
        Machine *machine;
        bool has_groups; /* the kernel shows groups: some block is in one */
        E820 e820;

        Range *ranges; /* owned, by address; NULL if /proc/iomem is of no use */
        size_t n_ranges;
        size_t at; /* index of the first range that does not end before the current block */

        DeviceDraft draft;
        int32_t *of_block; /* owned: for each block of the machine, its device in the draft */

        /* The last group and range in which a block had no firmware node: the other blocks have none then. */
        int32_t unlinked_group;
        const Range *unlinked_range;
        int8_t acpi_is_adding; /* negative: not looked up yet */
        Origin platform;
        const char *platform_name;
        int32_t unknown; /* the device for blocks of unknown origin in no range, or DEVICE_NONE */
} Identifier;

static void identifier_done(Identifier *identifier)
{
        free(identifier->ranges);
        device_draft_done(&identifier->draft);
        free(identifier->of_block);
}

static int read_ranges(Identifier *identifier)
{
        _cleanup_free_ Ram *rams = NULL;
        size_t n = 0;
        int r = evidence_ram(identifier->sysfs, identifier->machine->block_size_bytes, &rams, &n);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        identifier->ranges = calloc(n + 1, sizeof(Range));
        if (!identifier->ranges)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                identifier->ranges[i] =
                        (Range){ .ram = rams[i], .device = DEVICE_NONE, .own = DEVICE_NONE };
        identifier->n_ranges = n;
        return 0;
}

static int identifier_init(Identifier *identifier, const Sysfs *sysfs, Machine *machine)
{
        *identifier = (Identifier){
                .sysfs = sysfs,
                .machine = machine,
                .unlinked_group = GROUP_NONE,
                .acpi_is_adding = -1,
                .unknown = DEVICE_NONE,
        };
        for (size_t i = 0; i < machine->n_blocks; i++)
                identifier->has_groups |= machine->blocks[i].group >= 0;
        identifier->of_block = calloc(machine->n_blocks + 1, sizeof(int32_t));
        if (!identifier->of_block)
                return -ENOMEM;
        identifier->platform =
                evidence_platform(sysfs, machine->architecture, &identifier->platform_name);
        (void) evidence_e820(sysfs, &identifier->e820);
        return read_ranges(identifier);
}

static int32_t find_boot(Identifier *identifier)
{
        return device_draft_find(&identifier->draft, ORIGIN_BOOT, "", GROUP_NONE);
}

/*
 * Returns the group of a block. A group is read only once, since it lasts as long as the block. It is not
 * read before the block has a node, because some files of the block may not exist until then. Where the
 * kernel shows no groups, it is read for one block of each range.
 */
static int32_t find_group(Identifier *identifier, Block *block, Range *range)
{
        if (range && block->group == GROUP_NONE)
                range->has_ungrouped = true;
        if (block->group != GROUP_UNREAD)
                return block->group;
        if (block->node == NODE_NONE && !identifier->sysfs->recorded)
                return GROUP_NONE;
        if (!identifier->has_groups && range && range->has_ungrouped)
                return GROUP_NONE;

        block->group = evidence_group_id(identifier->sysfs, block->id);
        if (block->group >= 0)
                identifier->has_groups = true;
        else if (range)
                range->has_ungrouped = true;
        return block->group;
}

/* Fills in the group of a new device: from the block's previous device if that is the same, else from files. */
static void take_group(const Identifier *identifier, const Block *block, DraftDevice *found)
{
        const Device *before = machine_device(identifier->machine, block);
        uint64_t block_size_bytes = identifier->machine->block_size_bytes;
        Group group;

        if (before && before->origin == found->device.origin && before->group == block->group) {
                found->device.unit_blocks = before->unit_blocks;
                found->n_group =
                        device_is_static(before) ? before->size_bytes / block_size_bytes : 0;
                found->is_closed = device_is_static(before) && before->missing_blocks == 0;
        } else if (evidence_group(identifier->sysfs, block->id, &group)) {
                uint64_t n = MIN(group.unit_bytes / block_size_bytes, UINT32_MAX);

                found->n_group = group.is_dynamic ? 0 : n;
                found->device.unit_blocks = group.is_dynamic ? (uint32_t) MAX(1, n) : 0;
        }
}

/* Returns the device of a block whose group is known. Without groups, origin and name tell devices apart. */
static int32_t find_device(Identifier *identifier, Origin origin, const char *name,
                           const Block *block)
{
        DeviceDraft *draft = &identifier->draft;
        int32_t group = MAX(block->group, GROUP_NONE), n = (int32_t) draft->n_devices;
        int32_t device = device_draft_find(draft, origin, name, group);

        if (device == n && group != GROUP_NONE)
                take_group(identifier, block, &draft->devices[device]);
        return device;
}

static int32_t set_driver(Identifier *identifier, int32_t device, const char *driver)
{
        if (device >= 0)
                strcpy(identifier->draft.devices[device].device.driver, driver);
        return device;
}

static bool is_acpi_adding(Identifier *identifier)
{
        if (identifier->acpi_is_adding < 0)
                identifier->acpi_is_adding =
                        evidence_is_acpi_adding(identifier->sysfs, &identifier->machine->acpi);
        return identifier->acpi_is_adding;
}

/*
 * Returns the device of memory for which the platform is the only evidence. All memory of a balloon or of
 * standby is one device, which grows bit by bit. Each range of unknown origin is a device of its own.
 */
static int32_t find_by_platform(Identifier *identifier, Range *range)
{
        DeviceDraft *draft = &identifier->draft;
        int32_t *own = range ? &range->own : &identifier->unknown;

        if (identifier->platform != ORIGIN_UNKNOWN)
                return device_draft_find(draft, identifier->platform, identifier->platform_name,
                                         GROUP_NONE);
        if (*own == DEVICE_NONE) {
                *own = device_draft_add(draft, ORIGIN_UNKNOWN, "", GROUP_NONE);
                if (*own >= 0 && range)
                        draft->devices[*own].device.unit_blocks = 0;
        }
        return *own;
}

/* Once devices have been identified, a block at an address of the firmware's map may be a new one. */
static bool is_of_firmware(const Identifier *identifier, const Block *block)
{
        uint64_t size = identifier->machine->block_size_bytes, first = block->id * size;

        return identifier->machine->n_devices == 0 &&
               e820_has_memory(&identifier->e820, first, first + (size - 1));
}

/*
 * Whether a block is boot memory because it was online when memoryd started. This proves nothing where the
 * firmware's memory is known, nor on s390, where boot memory is a single range with the kernel in it.
 */
static bool was_there_before(const Identifier *identifier, const Block *block, const Range *range)
{
        return block->status == BLOCK_STATUS_INITIAL && block->onliner == ONLINER_NONE &&
               !identifier->e820.is_whole && !(range && identifier->platform == ORIGIN_STANDBY);
}

/* Whether to wait for evidence that is still to come. Once a block is decided, waiting is of no use. */
static bool is_undecided(const Block *block)
{
        return block->decision.verdict == VERDICT_NONE && !block->given_up;
}

/*
 * Returns the device of a block that is in a group but has no name. Besides ACPI, two drivers use
 * groups, virtio-mem and kmem. /proc/iomem names both, so the origin is unknown where it is of use.
 * Otherwise the type of the group tells which of the two drivers it is.
 */
static int32_t find_nameless(Identifier *identifier, const Block *block, const Range *range)
{
        Group group;

        if (range || !evidence_group(identifier->sysfs, block->id, &group))
                return find_device(identifier, ORIGIN_UNKNOWN, "", block);
        return find_device(identifier, group.is_dynamic ? ORIGIN_VIRTIO_MEM : ORIGIN_KMEM, "",
                           block);
}

/*
 * Returns the device of a block in a group for which /proc/iomem names no driver. One block with a
 * firmware_node link names the device of the whole group.
 */
static int32_t find_in_group(Identifier *identifier, const Block *block, const Range *range)
{
        int32_t device = device_draft_find_open(&identifier->draft, block->group);
        char name[DEVICE_NAME_MAX];

        if (device >= 0)
                return device;
        if ((block->group != identifier->unlinked_group || range != identifier->unlinked_range) &&
            evidence_firmware_node(identifier->sysfs, block->id, name))
                return find_device(identifier, ORIGIN_DIMM, name, block);
        identifier->unlinked_group = block->group;
        identifier->unlinked_range = range;
        if (is_undecided(block) && (range || is_acpi_adding(identifier)))
                return DEVICE_NONE;
        return find_nameless(identifier, block, range);
}

/* Returns the device of a block for which /proc/iomem names no driver. */
static int32_t find_plain(Identifier *identifier, Block *block, Range *range)
{
        const Device *before = machine_device(identifier->machine, block);
        char name[DEVICE_NAME_MAX];

        if (before && before->origin == ORIGIN_BOOT)
                return find_boot(identifier);
        if (before && before->origin != ORIGIN_UNKNOWN)
                return set_driver(identifier,
                                  find_device(identifier, before->origin, before->name, block),
                                  before->driver);
        if (is_of_firmware(identifier, block))
                return find_boot(identifier);
        if (find_group(identifier, block, range) >= 0)
                return find_in_group(identifier, block, range);

        /* The kernel links the blocks of a range from the lowest to the highest. */
        if (!(range && range->has_unlinked) &&
            evidence_firmware_node(identifier->sysfs, block->id, name))
                return find_device(identifier, ORIGIN_DIMM, name, block);
        if (range)
                range->has_unlinked = true;
        /* On a kernel with groups, the group tells the device when the block has its node: do not guess. */
        if (!identifier->has_groups && range && range->device >= 0 &&
            identifier->draft.devices[range->device].device.origin == ORIGIN_DIMM)
                return range->device;
        if (was_there_before(identifier, block, range))
                return find_boot(identifier);
        if (is_undecided(block) && is_acpi_adding(identifier))
                return DEVICE_NONE;
        return find_by_platform(identifier, range);
}

/* Returns the device of memory of a driver that memoryd does not know: one for each region. */
static int32_t find_in_region(Identifier *identifier, const Block *block, Range *range)
{
        Range *first = range;

        if (block->group >= 0)
                return find_device(identifier, ORIGIN_DRIVER, range->ram.name, block);
        while (first > identifier->ranges && first[-1].ram.kind == RAM_OTHER &&
               first[-1].ram.region_first == range->ram.region_first)
                first--;
        if (first->own == DEVICE_NONE)
                first->own = device_draft_add(&identifier->draft, ORIGIN_DRIVER, range->ram.name,
                                              GROUP_NONE);
        return first->own;
}

static int32_t find_of_driver(Identifier *identifier, Block *block, Range *range)
{
        const Ram *ram = &range->ram;
        Origin origin = ram->kind == RAM_KMEM ? ORIGIN_KMEM : ORIGIN_VIRTIO_MEM;

        (void) find_group(identifier, block, range);
        return set_driver(identifier,
                          ram->kind == RAM_OTHER ?
                                  find_in_region(identifier, block, range) :
                                  find_device(identifier, origin, ram->name, block),
                          ram->driver);
}

static int32_t find(Identifier *identifier, Block *block, Range *range)
{
        if (!range || range->ram.kind == RAM_PLAIN)
                return find_plain(identifier, block, range);
        if (range->ram.kind == RAM_BOOT)
                return find_boot(identifier);
        return find_of_driver(identifier, block, range);
}

/* Returns the first range that a block lies in or overlaps, or NULL. Ask for blocks in ascending order. */
static Range *find_range(Identifier *identifier, const Block *block)
{
        uint64_t size = identifier->machine->block_size_bytes, first = block->id * size;
        Range *range;

        while (identifier->at < identifier->n_ranges &&
               identifier->ranges[identifier->at].ram.last < first)
                identifier->at++;
        if (identifier->at == identifier->n_ranges)
                return NULL;
        range = &identifier->ranges[identifier->at];
        return range->ram.first <= first + (size - 1) ? range : NULL;
}

static void take_block(Identifier *identifier, size_t i, Range *range, int32_t device)
{
        identifier->of_block[i] = device;
        if (device < 0)
                return;
        device_draft_add_block(&identifier->draft, device, identifier->machine->blocks[i].id);
        if (!range)
                return;
        range->n_blocks++;
        if (range->device == DEVICE_NONE)
                range->device = device;
        else if (range->device != device)
                range->device = DEVICE_MIXED;
}

static int find_all(Identifier *identifier)
{
        for (size_t i = 0; i < identifier->machine->n_blocks; i++) {
                Block *block = &identifier->machine->blocks[i];
                Range *range = find_range(identifier, block);
                int32_t device = find(identifier, block, range);

                if (device == -ENOMEM)
                        return -ENOMEM;
                take_block(identifier, i, range, device);
        }
        return 0;
}

/*
 * Finds the device of blocks that come before the block that named their group. Blocks that remain are part
 * of another device than the rest of their range.
 */
static void find_rest(Identifier *identifier)
{
        identifier->at = 0;
        for (size_t i = 0; identifier->has_groups && i < identifier->machine->n_blocks; i++) {
                const Block *block = &identifier->machine->blocks[i];
                Range *range = find_range(identifier, block);

                if (identifier->of_block[i] >= 0 || block->group < 0)
                        continue;
                take_block(identifier, i, range,
                           device_draft_find_open(&identifier->draft, block->group));
                if (identifier->of_block[i] < 0 && range)
                        range->device = DEVICE_MIXED;
        }
}

/* Takes from a range where its device ends, and how many blocks of it are still to come. */
static void take_extent(DraftDevice *found, const Range *range, uint64_t block_size_bytes)
{
        const Ram *ram = &range->ram;
        uint32_t first = 0;
        uint64_t n;

        if (found->device.origin == ORIGIN_VIRTIO_MEM) {
                n = ram_blocks(ram->region_first, ram->region_last, block_size_bytes, &first);
                if (n > 0) {
                        found->n_extent = MAX(found->n_extent, n);
                        draft_device_extend(found, first, n);
                }
        } else if (device_is_static(&found->device) && !draft_device_is_complete(found)) {
                n = ram_blocks(ram->first, ram->last, block_size_bytes, &first);
                if (n >= range->n_blocks && n > 0) {
                        found->n_extent += found->n_group > 0 ? 0 : n - range->n_blocks;
                        draft_device_extend(found, first, n);
                }
        }
}

static void complete_devices(Identifier *identifier)
{
        uint64_t block_size_bytes = identifier->machine->block_size_bytes;
        DeviceDraft *draft = &identifier->draft;

        for (size_t i = 0; i < identifier->n_ranges; i++)
                if (identifier->ranges[i].device >= 0)
                        take_extent(&draft->devices[identifier->ranges[i].device],
                                    &identifier->ranges[i], block_size_bytes);
}

void identify_dax_states(const Sysfs *sysfs, Machine *machine)
{
        for (size_t i = 0; i < machine->n_devices; i++) {
                Device *device = &machine->devices[i];

                if (device->origin == ORIGIN_KMEM)
                        device->dax_state = evidence_dax_state(sysfs, device->name);
        }
}

int identify_devices(const Sysfs *sysfs, Machine *machine)
{
        _cleanup_(identifier_done) Identifier identifier;
        int r = identifier_init(&identifier, sysfs, machine);

        if (r >= 0)
                r = find_all(&identifier);
        if (r < 0)
                return r;
        find_rest(&identifier);
        complete_devices(&identifier);
        r = device_draft_hand_over(&identifier.draft, machine, identifier.of_block);
        if (r >= 0)
                identify_dax_states(sysfs, machine);
        return r;
}

bool identify_awaits(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        return !block->given_up &&
               (!device || device->missing_blocks > 0 || device->dax_state == DAX_STATE_UNPLUGGED);
}

int identify_check(const Sysfs *sysfs)
{
        _cleanup_free_ Ram *rams = NULL;
        size_t n;

        /* The block size makes no difference to whether there are ranges. */
        return evidence_ram(sysfs, 1, &rams, &n);
}
