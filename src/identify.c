/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "identify.h"

#include "device-draft.h"

/* Of a range: blocks of more than one device lie in it. */
#define DEVICE_MIXED (-2)

/* A range of system memory and what was found in it. */
typedef struct Range {
        Ram ram;
        int32_t device;     /* of the draft, DEVICE_NONE while it has none, or DEVICE_MIXED */
        int32_t unknown;    /* the device of what nothing is known of, or DEVICE_NONE */
        uint64_t n_blocks;  /* that are there */
        bool has_unlinked;  /* a block in it has no firmware node, and so have those above */
        int8_t is_in_group; /* negative: not looked yet */
} Range;

typedef struct Identifier {
        const Sysfs *sysfs;
        const Machine *machine;
        bool is_first; /* nothing was identified before */
        E820 e820;

        Range *ranges; /* owned, by address; NULL when /proc/iomem tells nothing */
        size_t n_ranges;
        size_t at; /* the first range that does not end before the block that is looked at */

        DeviceDraft draft;
        int32_t *of_block; /* owned: for each block of the machine a device of the draft */

        int32_t boot;          /* of the draft, or DEVICE_NONE */
        int8_t acpi_is_adding; /* negative: not looked yet */
        Origin platform;       /* _ORIGIN_INVALID: not looked yet */
        const char *platform_name;
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
                identifier->ranges[i] = (Range){ .ram = rams[i],
                                                 .device = DEVICE_NONE,
                                                 .unknown = DEVICE_NONE,
                                                 .is_in_group = -1 };
        identifier->n_ranges = n;
        return 0;
}

static int identifier_init(Identifier *identifier, const Sysfs *sysfs, const Machine *machine)
{
        *identifier = (Identifier){
                .sysfs = sysfs,
                .machine = machine,
                .is_first = machine->n_devices == 0,
                .boot = DEVICE_NONE,
                .acpi_is_adding = -1,
                .platform = _ORIGIN_INVALID,
        };
        identifier->of_block = calloc(machine->n_blocks + 1, sizeof(int32_t));
        if (!identifier->of_block)
                return -ENOMEM;
        (void) evidence_e820(sysfs, &identifier->e820);
        return read_ranges(identifier);
}

static int32_t find_boot(Identifier *identifier)
{
        if (identifier->boot == DEVICE_NONE)
                identifier->boot = device_draft_find(&identifier->draft, ORIGIN_BOOT, "", 0);
        return identifier->boot;
}

/* What was found before, of a block that is still there. */
static int32_t find_again(Identifier *identifier, const Block *block, const Device *before)
{
        Group group;

        if (before->origin == ORIGIN_BOOT)
                return find_boot(identifier);
        if (*before->name ||
            (before->origin != ORIGIN_KMEM && before->origin != ORIGIN_VIRTIO_MEM) ||
            !evidence_group(identifier->sysfs, block->id, &group))
                return device_draft_find(&identifier->draft, before->origin, before->name, 0);
        return device_draft_find(&identifier->draft, before->origin, "", (uint64_t) group.id + 1);
}

/* Without /proc/iomem: a group that is no ACPI memory device's is that of one of two drivers. */
static int32_t find_group(Identifier *identifier, const Group *group)
{
        return device_draft_find(&identifier->draft,
                                 group->is_dynamic ? ORIGIN_VIRTIO_MEM : ORIGIN_KMEM, "",
                                 (uint64_t) group->id + 1);
}

static bool find_firmware_node(Identifier *identifier, const Block *block, Range *range,
                               char name[static DEVICE_NAME_MAX])
{
        /* The kernel links the blocks of a range from the lowest up. */
        if (range && range->has_unlinked)
                return false;
        if (evidence_firmware_node(identifier->sysfs, block->id, name))
                return true;
        if (range)
                range->has_unlinked = true;
        return false;
}

static bool is_in_group(Identifier *identifier, const Block *block, Range *range, Group *ret)
{
        if (!range)
                return evidence_group(identifier->sysfs, block->id, ret);
        if (range->is_in_group < 0)
                range->is_in_group = evidence_group(identifier->sysfs, block->id, ret);
        return range->is_in_group;
}

static bool is_acpi_adding(Identifier *identifier)
{
        if (identifier->acpi_is_adding < 0)
                identifier->acpi_is_adding = evidence_is_acpi_adding(identifier->sysfs);
        return identifier->acpi_is_adding;
}

static Origin find_platform(Identifier *identifier)
{
        if (identifier->platform == _ORIGIN_INVALID)
                identifier->platform =
                        evidence_platform(identifier->sysfs, identifier->machine->architecture,
                                          &identifier->platform_name);
        return identifier->platform;
}

/*
 * Memory of which nothing but the platform tells. A balloon adds bit by bit; what nobody is known to
 * have added is a device a range.
 */
static int32_t find_by_platform(Identifier *identifier, Range *range)
{
        Origin origin = find_platform(identifier);
        DeviceDraft *draft = &identifier->draft;

        if (origin != ORIGIN_UNKNOWN || !range)
                return device_draft_find(draft, origin, identifier->platform_name, 0);
        if (range->unknown == DEVICE_NONE) {
                range->unknown = device_draft_add(draft, ORIGIN_UNKNOWN, "", 0);
                if (range->unknown >= 0)
                        device_draft_get(draft, range->unknown)->device.unit_blocks = 0;
        }
        return range->unknown;
}

static bool is_of_firmware(const Identifier *identifier, const Block *block)
{
        uint64_t size = identifier->machine->block_size_bytes, first = block->id * size;

        return identifier->is_first &&
               e820_has_memory(&identifier->e820, first, first + (size - 1));
}

/*
 * Whether that it was online at the start tells that a block is boot memory. Not where the firmware's
 * memory is known; nor on s390, where that is one range with the kernel in it.
 */
static bool was_there_before(Identifier *identifier, const Block *block, const Range *range)
{
        return block->status == BLOCK_STATUS_INITIAL && block->onliner == ONLINER_NONE &&
               !identifier->e820.is_whole &&
               !(range && find_platform(identifier) == ORIGIN_STANDBY);
}

/* Whether it pays to wait for what is on its way: a decision is made once. */
static bool is_undecided(const Block *block)
{
        return block->verdict == VERDICT_NONE && !block->given_up;
}

/* A block that no driver's name stands with. */
static int32_t find_plain(Identifier *identifier, const Block *block, Range *range)
{
        const Device *before = machine_device(identifier->machine, block);
        char name[DEVICE_NAME_MAX];
        Group group = {};
        bool in_group;

        if (before && before->origin != ORIGIN_UNKNOWN)
                return find_again(identifier, block, before);
        if (is_of_firmware(identifier, block))
                return find_boot(identifier);
        if (find_firmware_node(identifier, block, range, name))
                return device_draft_find(&identifier->draft, ORIGIN_DIMM, name, 0);
        if (range && range->device >= 0 &&
            device_draft_get(&identifier->draft, range->device)->device.origin == ORIGIN_DIMM)
                return range->device;

        in_group = is_in_group(identifier, block, range, &group);
        if (!in_group && was_there_before(identifier, block, range))
                return find_boot(identifier);
        if (is_undecided(block) && ((in_group && range) || is_acpi_adding(identifier)))
                return DEVICE_NONE;
        return in_group && !range ? find_group(identifier, &group) :
                                    find_by_platform(identifier, range);
}

static int32_t find(Identifier *identifier, const Block *block, Range *range)
{
        switch (range ? range->ram.kind : RAM_PLAIN) {
        case RAM_BOOT:
                return find_boot(identifier);
        case RAM_VIRTIO_MEM:
                return device_draft_find(&identifier->draft, ORIGIN_VIRTIO_MEM, range->ram.name, 0);
        case RAM_KMEM:
                return device_draft_find(&identifier->draft, ORIGIN_KMEM, range->ram.name, 0);
        case RAM_OTHER:
                return device_draft_find(&identifier->draft, ORIGIN_UNKNOWN, range->ram.name, 0);
        default:
                return find_plain(identifier, block, range);
        }
}

/* The first range that a block lies in or touches, or NULL. Blocks are to be asked for in order. */
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

static void range_add_block(Range *range, int32_t device)
{
        range->n_blocks++;
        if (range->device == DEVICE_NONE)
                range->device = device;
        else if (range->device != device)
                range->device = DEVICE_MIXED;
}

static int find_all(Identifier *identifier)
{
        for (size_t i = 0; i < identifier->machine->n_blocks; i++) {
                const Block *block = &identifier->machine->blocks[i];
                Range *range = find_range(identifier, block);
                int32_t device = find(identifier, block, range);

                if (device == -ENOMEM)
                        return -ENOMEM;
                identifier->of_block[i] = device;
                if (device < 0)
                        continue;
                device_draft_add_block(&identifier->draft, device, block->id);
                if (range)
                        range_add_block(range, device);
        }
        return 0;
}

/* What a range tells of its device: where that ends, and how much of it is still to come. */
static void take_extent(DraftDevice *found, const Range *range, uint64_t block_size_bytes)
{
        const Ram *ram = &range->ram;
        uint32_t first = 0;
        uint64_t n;

        if (found->device.origin == ORIGIN_VIRTIO_MEM) {
                n = ram_blocks(ram->region_first, ram->region_last, block_size_bytes, &first);
                if (n > 0)
                        draft_device_set_region(found, first, n);
        } else if (device_is_static(&found->device)) {
                n = ram_blocks(ram->first, ram->last, block_size_bytes, &first);
                if (n >= range->n_blocks && n > 0)
                        draft_device_add_extent(found, first, n, n - range->n_blocks);
        }
}

/* The unit of a device that grows is known from before, or its group tells. */
static uint32_t find_unit(const Identifier *identifier, const DraftDevice *found)
{
        const Machine *machine = identifier->machine;
        Group group = {};

        for (size_t i = 0; i < machine->n_devices; i++)
                if (machine->devices[i].origin == found->device.origin && *found->device.name &&
                    strcmp(machine->devices[i].name, found->device.name) == 0)
                        return machine->devices[i].unit_blocks;
        (void) evidence_group(identifier->sysfs, found->a_block, &group);
        return (uint32_t) MAX(1, MIN(group.unit_bytes / machine->block_size_bytes, UINT32_MAX));
}

static void complete_devices(Identifier *identifier)
{
        uint64_t block_size_bytes = identifier->machine->block_size_bytes;
        DeviceDraft *draft = &identifier->draft;

        for (size_t i = 0; i < identifier->n_ranges; i++)
                if (identifier->ranges[i].device >= 0)
                        take_extent(device_draft_get(draft, identifier->ranges[i].device),
                                    &identifier->ranges[i], block_size_bytes);
        for (size_t i = 0; i < draft->n_devices; i++) {
                DraftDevice *found = device_draft_get(draft, (int32_t) i);

                if (found->device.origin == ORIGIN_VIRTIO_MEM)
                        found->device.unit_blocks = find_unit(identifier, found);
                if (found->device.origin == ORIGIN_KMEM)
                        found->device.onlines_itself =
                                evidence_onlines_itself(identifier->sysfs, found->device.name);
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
        complete_devices(&identifier);
        return device_draft_hand_over(&identifier.draft, machine, identifier.of_block);
}

Awaited identify_awaits(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        if (block->given_up)
                return AWAITED_NOTHING;
        if (!device)
                return AWAITED_DEVICE;
        return device->missing_blocks > 0 ? AWAITED_BLOCKS : AWAITED_NOTHING;
}

int identify_check(const Sysfs *sysfs)
{
        _cleanup_free_ Ram *rams = NULL;
        size_t n;

        /* Of what size a block is makes no difference to whether there are ranges. */
        return evidence_ram(sysfs, 1, &rams, &n);
}
