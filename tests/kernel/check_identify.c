/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "kernel/evidence.h"
#include "kernel/identify.h"
#include "sysfs_fixture.h"

#include <stdio.h>

#define BLOCK_SIZE (UINT64_C(128) << 20)

static SysfsFixture fixture;
static Sysfs sysfs = SYSFS_CLOSED;
static Machine machine;

static void set_up(void)
{
        sysfs_fixture_init(&fixture);
        machine_init(&machine);
        machine.block_size_bytes = BLOCK_SIZE;
        strcpy(machine.architecture, "x86-64");
}

static void tear_down(void)
{
        machine_done(&machine);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

static void make_folder(const char *path)
{
        sysfs_fixture_write(&fixture, "", "%s/.there", path);
}

static void make_link(const char *target, const char *path)
{
        fixture_make_folders(path);
        ck_assert_msg(symlink(target, path) >= 0, "%s: %m", path);
}

/* Takes "32-39" or "32" from the front of a text. */
static void take_blocks(const char **text, uint32_t *ret_first, uint32_t *ret_last)
{
        char *end;

        *ret_first = *ret_last = (uint32_t) strtoul(*text, &end, 10);
        if (*end == '-')
                *ret_last = (uint32_t) strtoul(end + 1, &end, 10);
        ck_assert_ptr_ne(end, *text);
        *text = end;
}

/*
 * Adds the blocks of a line like "0-7i 32-39o": i was online when memoryd started, o is offline and
 * to be decided, n went online since, g is no longer waited for, w has no node yet.
 */
static void add_blocks(const char *line)
{
        while (*line) {
                uint32_t first, last;
                Block *block;
                char letter;

                line += strspn(line, " ");
                take_blocks(&line, &first, &last);
                letter = *line++;
                for (uint32_t id = first; id <= last; id++) {
                        ck_assert_int_eq(machine_add_block(&machine, id, &block), 1);
                        block->seen = true;
                        block->node = letter == 'w' ? NODE_NONE : 0;
                        block->given_up = letter == 'g';
                        block->state =
                                letter == 'i' || letter == 'n' ? BLOCK_ONLINE : BLOCK_OFFLINE;
                        block->status = letter == 'i' ? BLOCK_STATUS_INITIAL :
                                        letter == 'n' ? BLOCK_STATUS_DONE :
                                                        BLOCK_STATUS_PENDING;
                        make_folder(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u", id) +
                                    strlen(fixture.root) + 1);
                }
        }
}

/* The links of a line like "32-39=PNP0C80:02 40=PNP0C80:03". */
static void add_firmware_nodes(const char *line)
{
        while (*line) {
                char target[256], name[64];
                uint32_t first, last;

                line += strspn(line, " ");
                take_blocks(&line, &first, &last);
                ck_assert_int_eq(sscanf(line, "=%63s", name), 1);
                line += 1 + strlen(name);
                snprintf(target, sizeof(target), "../../../LNXSYSTM:00/LNXSYBUS:00/PNP0A06:04/%s",
                         name);
                for (uint32_t id = first; id <= last; id++)
                        make_link(target,
                                  sysfs_fixture_path(&fixture,
                                                     MEMORY_PATH "/memory%u/firmware_node", id));
        }
}

static void set_group(uint32_t block, unsigned group, bool is_dynamic, uint64_t unit_bytes)
{
        char text[32];

        snprintf(text, sizeof(text), "%u\n", group);
        sysfs_fixture_write(&fixture, text, MEMORY_PATH "/memory%u/group_id", block);
        sysfs_fixture_write(&fixture, is_dynamic ? "dynamic\n" : "static\n",
                            MEMORY_PATH "/memory%u/group_type", block);
        snprintf(text, sizeof(text), "%ju\n", (uintmax_t) unit_bytes);
        sysfs_fixture_write(&fixture, text, MEMORY_PATH "/memory%u/group_unit_bytes", block);
}

/*
 * The groups of a line like "32-39=3 40-41=4/268435456 42=5*2": a number, of a dynamic one its unit, and
 * of a static one how many blocks it has if it is not as many as are here.
 */
static void add_groups(const char *line)
{
        while (*line) {
                unsigned group, n = 0;
                uint32_t first, last;
                char mark = 0;

                line += strspn(line, " ");
                take_blocks(&line, &first, &last);
                ck_assert_int_ge(sscanf(line, "=%u%c%u", &group, &mark, &n), 1);
                line += strcspn(line, " ");
                if (mark != '/' && mark != '*')
                        n = last - first + 1;
                for (uint32_t id = first; id <= last; id++)
                        set_group(id, group, mark == '/', mark == '/' ? n : n * BLOCK_SIZE);
        }
}

/* What an x86 kernel was started with: "FIRST-LAST" in hexadecimal, of memory. */
static void set_e820(const char *line)
{
        uint8_t page[E820_PAGE_SIZE] = {};
        FILE *file;

        for (; *line; page[0x1e8]++) {
                uint8_t *entry = page + 0x2d0 + 20 * page[0x1e8];
                unsigned long long first, last;
                int n = 0;

                ck_assert_int_eq(sscanf(line, "%llx-%llx%n", &first, &last, &n), 2);
                line += n;
                last = last - first + 1;
                memcpy(entry, &first, 8);
                memcpy(entry + 8, &last, 8);
                entry[16] = 1;
        }
        make_folder("sys/kernel/boot_params");
        file = fopen(sysfs_fixture_path(&fixture, "sys/kernel/boot_params/data"), "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(page, 1, sizeof(page), file), sizeof(page));
        ck_assert_int_eq(fclose(file), 0);
}

static void set_iomem(const char *text)
{
        sysfs_fixture_write(&fixture, text, "proc/iomem");
}

static void add_acpi(const char *name, const char *status, bool is_bound)
{
        sysfs_fixture_write(&fixture, status, "sys/bus/acpi/devices/%s/status", name);
        if (is_bound)
                make_link("../../../../system/memory/memory32",
                          sysfs_fixture_path(&fixture, "sys/bus/acpi/devices/%s/physical_node",
                                             name));
}

static void identify(void)
{
        if (sysfs.memory_fd < 0)
                sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(identify_devices(&sysfs, &machine), 0);
}

/* The number of the device that is d-th by first block, or DEVICE_NONE past the last. */
static int32_t nth_device(int32_t d)
{
        for (size_t i = 0; i < machine.n_devices; i++) {
                int32_t n_below = 0;

                for (size_t j = 0; j < machine.n_devices; j++)
                        n_below +=
                                machine.devices[j].first_block < machine.devices[i].first_block ||
                                (machine.devices[j].first_block == machine.devices[i].first_block &&
                                 j < i);
                if (n_below == d)
                        return (int32_t) i;
        }
        return DEVICE_NONE;
}

/*
 * Draws the devices, in the order of their first blocks, as "ORIGIN NAME FIRST-LAST xSIZE": the blocks
 * that a device covers, and how many it has or can have. Then " -N" for missing blocks, " /N" for a
 * unit, the state of a dax device in quotes, and ": " with its blocks. Last come the blocks of no device.
 */
static const char *draw(void)
{
        static char text[4096];
        char *end = text, *stop = text + sizeof(text);

        for (int32_t d = 0; d <= (int32_t) machine.n_devices; d++) {
                int32_t index = nth_device(d);
                const Device *device = &machine.devices[MAX(index, 0)];
                bool any = false;

                if (index >= 0) {
                        end += snprintf(end, (size_t) (stop - end), "%s%s%s %u-%u x%ju",
                                        origin_to_string(device->origin), *device->name ? " " : "",
                                        device->name, device->first_block, device->last_block,
                                        (uintmax_t) (device->size_bytes / BLOCK_SIZE));
                        if (device->origin == ORIGIN_DRIVER)
                                end += snprintf(end, (size_t) (stop - end), " (%s)",
                                                device->driver);
                        if (device->missing_blocks > 0)
                                end += snprintf(end, (size_t) (stop - end), " -%u",
                                                device->missing_blocks);
                        if (device->unit_blocks > 0)
                                end += snprintf(end, (size_t) (stop - end), " /%u",
                                                device->unit_blocks);
                        if (device->dax_state != DAX_STATE_NONE)
                                end += snprintf(end, (size_t) (stop - end), " \"%s\"",
                                                dax_state_to_string(device->dax_state));
                }
                for (size_t i = 0; i < machine.n_blocks; i++) {
                        size_t k = i;

                        if (machine.blocks[i].device != index)
                                continue;
                        while (k + 1 < machine.n_blocks &&
                               machine.blocks[k + 1].id == machine.blocks[k].id + 1 &&
                               machine.blocks[k + 1].device == index)
                                k++;
                        end += snprintf(end, (size_t) (stop - end), "%s%u",
                                        any        ? "," :
                                        index >= 0 ? ": " :
                                                     "none: ",
                                        machine.blocks[i].id);
                        if (k > i)
                                end += snprintf(end, (size_t) (stop - end), "-%u",
                                                machine.blocks[k].id);
                        any = true;
                        i = k;
                }
                if (index >= 0 || any)
                        end += snprintf(end, (size_t) (stop - end), "\n");
        }
        return text;
}

#define FIRMWARE                                                                                   \
        "00001000-0009fbff : System RAM\n"                                                         \
        "00100000-3ffdbfff : System RAM\n"                                                         \
        "  01000000-02209987 : Kernel code\n"
#define GUEST                                                                                      \
        FIRMWARE "100000000-13fffffff : Persistent Memory\n"                                       \
                 "  100000000-1001fffff : namespace0.0\n"                                          \
                 "  108000000-13fffffff : dax0.0\n"                                                \
                 "    108000000-13fffffff : System RAM (kmem)\n"                                   \
                 "140000000-14fffffff : System RAM\n"                                              \
                 "150000000-24fffffff : virtio0\n"                                                 \
                 "  150000000-16fffffff : System RAM (virtio_mem)\n"                               \
                 "250000000-34fffffff : System RAM\n"

typedef struct Case {
        const char *why;
        const char *iomem; /* NULL: there is none */
        const char *blocks;
        const char *firmware_nodes;
        const char *groups;
        const char *e820;
        const char *architecture; /* NULL: x86-64 */
        const char *files[4];     /* in the tree, each with a word in it */
        const char *devices;
} Case;

static const Case cases[] = {
        { "each kind of device of a guest", GUEST, "0-7i 33-41o 42-45n 74-105o",
          "40-41=PNP0C80:01 74-105=PNP0C80:02",
          .devices = "boot 0-7 x8: 0-7\n"
                     "kmem dax0.0 33-39 x7: 33-39\n"
                     "dimm PNP0C80:01 40-41 x2: 40-41\n"
                     "virtio-mem virtio0 42-73 x32 /1: 42-45\n"
                     "dimm PNP0C80:02 74-105 x32: 74-105\n" },
        { "the same when memoryd starts again: what it onlined is what it was", GUEST,
          "0-7i 33-41i 42-45i 74-105i", "40-41=PNP0C80:01 74-105=PNP0C80:02",
          .e820 = "0-9fbff 100000-3ffdbfff",
          .devices = "boot 0-7 x8: 0-7\n"
                     "kmem dax0.0 33-39 x7: 33-39\n"
                     "dimm PNP0C80:01 40-41 x2: 40-41\n"
                     "virtio-mem virtio0 42-73 x32 /1: 42-45\n"
                     "dimm PNP0C80:02 74-105 x32: 74-105\n" },

        /* Boot memory. */
        { "the kernel's own range is boot memory, also where it is offline",
          "00000000-3fffffff : System RAM\n  01000000-02209987 : Kernel code\n", "0-3i 4o 5-7i",
          .devices = "boot 0-7 x8: 0-7\n" },
        { "a range that is not made of whole blocks is, too", "40000000-7ff00000 : System RAM\n",
          "8-13o 14i 15n", .devices = "boot 8-15 x8: 8-15\n" },
        { "whole blocks are when they were online at the start",
          FIRMWARE "100000000-13fffffff : System RAM\n", "0-7i 32-39i",
          .devices = "boot 0-39 x16: 0-7,32-39\n" },
        { "what is offline at the start is not", FIRMWARE "100000000-13fffffff : System RAM\n",
          "0-7i 32-39o", .devices = "boot 0-7 x8: 0-7\nunknown 32-39 x8: 32-39\n" },
        { "the firmware's table knows what was taken offline before the start",
          FIRMWARE "100000000-13fffffff : System RAM\n", "0-7i 32-35o 36-39i",
          .e820 = "0-9fbff 100000-3ffdbfff 100000000-13fffffff",
          .devices = "boot 0-39 x16: 0-7,32-39\n" },
        { "and what was added before the start", FIRMWARE "100000000-13fffffff : System RAM\n",
          "0-7i 32-39i", .e820 = "0-9fbff 100000-3ffdbfff",
          .devices = "boot 0-7 x8: 0-7\nunknown 32-39 x8: 32-39\n" },
        { "boot memory that ACPI describes as well stays boot memory",
          FIRMWARE "100000000-13fffffff : System RAM\n", "0-7i 32-39i",
          "0-7=PNP0C80:00 32-39=PNP0C80:01", .e820 = "0-9fbff 100000-3ffdbfff 100000000-13fffffff",
          .devices = "boot 0-39 x16: 0-7,32-39\n" },

        /* DIMMs. */
        { "two DIMMs beside each other are two",
          FIRMWARE "100000000-10fffffff : System RAM\n110000000-11fffffff : System RAM\n", "32-35o",
          "32-33=PNP0C80:00 34-35=PNP0C80:01",
          .devices = "dimm PNP0C80:00 32-33 x2: 32-33\ndimm PNP0C80:01 34-35 x2: 34-35\n" },
        { "a DIMM of two ranges is one",
          FIRMWARE "100000000-10fffffff : System RAM\n120000000-127ffffff : System RAM\n",
          "32-33o 36o", "32-33=PNP0C80:00 36=PNP0C80:00",
          .devices = "dimm PNP0C80:00 32-36 x3: 32-33,36\n" },
        { "two in one range end where their blocks do", "100000000-11fffffff : System RAM\n",
          "32-34o", "32=PNP0C80:00 33-34=PNP0C80:01",
          .devices = "dimm PNP0C80:00 32-32 x1: 32\ndimm PNP0C80:01 33-34 x2: 33-34\n" },
        { "a DIMM whose blocks are coming", "100000000-11fffffff : System RAM\n", "32o",
          "32=PNP0C80:00", .devices = "dimm PNP0C80:00 32-35 x4 -3: 32\n" },
        { "one whose links are coming has its range", "100000000-11fffffff : System RAM\n",
          "32-34o", "32=PNP0C80:00", .devices = "dimm PNP0C80:00 32-35 x4 -1: 32-34\n" },
        { "a link to anything else is none", "100000000-107ffffff : System RAM\n", "32o",
          "32=ACPI0012:00", .devices = "unknown 32-32 x1: 32\n" },
        { "nor is one with a strange number", "100000000-107ffffff : System RAM\n", "32o",
          "32=PNP0C80:0G", .devices = "unknown 32-32 x1: 32\n" },
        { "an ACPI device without blocks is awaited", "100000000-107ffffff : System RAM\n", "32o",
          .files = { "sys/bus/acpi/devices/PNP0C80:00/status=15" }, .devices = "none: 32\n" },
        { "but not for ever", "100000000-107ffffff : System RAM\n", "32g",
          .files = { "sys/bus/acpi/devices/PNP0C80:00/status=15" },
          .devices = "unknown 32-32 x1: 32\n" },
        { "a device that has its blocks is not", "100000000-107ffffff : System RAM\n", "32o",
          .files = { "sys/bus/acpi/devices/PNP0C80:00/status=15",
                     "sys/bus/acpi/devices/PNP0C80:00/physical_node=x" },
          .devices = "unknown 32-32 x1: 32\n" },
        { "an empty slot is not, nor a device that is only half there",
          "100000000-107ffffff : System RAM\n", "32o",
          .files = { "sys/bus/acpi/devices/PNP0C80:00/status=0",
                     "sys/bus/acpi/devices/PNP0C80:01/status=13",
                     "sys/bus/acpi/devices/PNP0C80:02/status=14" },
          .devices = "unknown 32-32 x1: 32\n" },
        { "links are made from the lowest block up: no link is looked for above a block without "
          "one",
          "100000000-10fffffff : System RAM\n", "32-33o", "33=PNP0C80:00",
          .devices = "unknown 32-33 x2: 32-33\n" },
        { "a device without a status file is taken as present",
          "100000000-107ffffff : System RAM\n", "32o",
          .files = { "sys/bus/acpi/devices/PNP0C80:1f/path=x" }, .devices = "none: 32\n" },
        { "another kind of ACPI device is not", "100000000-107ffffff : System RAM\n", "32o",
          .files = { "sys/bus/acpi/devices/PNP0C90:00/status=15" },
          .devices = "unknown 32-32 x1: 32\n" },

        /* Groups. */
        { "a block in a group is awaited", "100000000-107ffffff : System RAM\n", "32i",
          .groups = "32=0", .devices = "none: 32\n" },
        { "two groups in one range are two devices, of which one link each tells the name",
          "100000000-11fffffff : System RAM\n", "32-35o", "32=PNP0C80:00 34=PNP0C80:01",
          "32-33=0 34-35=1",
          .devices = "dimm PNP0C80:00 32-33 x2: 32-33\ndimm PNP0C80:01 34-35 x2: 34-35\n" },
        { "one whose link is coming is not what lies before it",
          "100000000-11fffffff : System RAM\n", "32-35o", "32=PNP0C80:00", "32-33=0 34-35=1",
          .devices = "dimm PNP0C80:00 32-33 x2: 32-33\nnone: 34-35\n" },
        { "nor what lies behind it", "100000000-11fffffff : System RAM\n", "32-35o",
          "34=PNP0C80:00", "32-33=0 34-35=1",
          .devices = "dimm PNP0C80:00 34-35 x2: 34-35\nnone: 32-33\n" },
        { "nor is one without a node, of which nobody can tell yet",
          "100000000-10fffffff : System RAM\n", "32o 33w", "32=PNP0C80:00", "32=0 33=1",
          .devices = "dimm PNP0C80:00 32-32 x1: 32\nunknown 33-33 x1: 33\n" },
        { "a group of two ranges is one device, whichever has the link",
          FIRMWARE "100000000-10fffffff : System RAM\n120000000-127ffffff : System RAM\n",
          "32-33o 36o", "36=PNP0C80:00", "32-33=0*3 36=0*3",
          .devices = "dimm PNP0C80:00 32-36 x3: 32-33,36\n" },
        { "a group tells how much is to come", "100000000-10fffffff : System RAM\n", "32-33o",
          "32=PNP0C80:00", "32-33=0*3", .devices = "dimm PNP0C80:00 32-33 x3 -1: 32-33\n" },
        { "also of a dax device, whose other range is not there yet",
          "108000000-117ffffff : dax1.0\n  108000000-117ffffff : System RAM (kmem)\n", "33o",
          .groups = "33=2*4", .devices = "kmem dax1.0 33-34 x4 -3: 33\n" },
        { "a group without a size has what is there", "100000000-10fffffff : System RAM\n",
          "32-33o", "32=PNP0C80:00", "32-33=0*0", .devices = "dimm PNP0C80:00 32-33 x2: 32-33\n" },
        { "groups that nobody names are devices of their own", "100000000-11fffffff : System RAM\n",
          "32-35g", .groups = "32-33=0 34-35=1",
          .devices = "unknown 32-33 x2: 32-33\nunknown 34-35 x2: 34-35\n" },
        { "boot memory beside groups", FIRMWARE "100000000-11fffffff : System RAM\n", "0-7i 32-35o",
          "32=PNP0C80:00 34=PNP0C80:01", "32-33=0 34-35=1",
          .devices = "boot 0-7 x8: 0-7\ndimm PNP0C80:00 32-33 x2: 32-33\n"
                     "dimm PNP0C80:01 34-35 x2: 34-35\n" },
        { "where the first block of a range is in no group, no other is asked",
          "100000000-10fffffff : System RAM\n", "32-33o", .groups = "33=0",
          .devices = "unknown 32-33 x2: 32-33\n" },
        { "a group with a strange number is none", "100000000-107ffffff : System RAM\n", "32o",
          .files = { MEMORY_PATH "/memory32/group_id=-1",
                     MEMORY_PATH "/memory32/group_type=static" },
          .devices = "unknown 32-32 x1: 32\n" },

        /* virtio-mem. */
        { "virtio-mem covers its region, whatever is plugged",
          "148000000-1c7ffffff : virtio3\n  150000000-157ffffff : System RAM (virtio_mem)\n"
          "  168000000-16fffffff : System RAM (virtio_mem)\n",
          "42o 45o", .devices = "virtio-mem virtio3 41-56 x16 /1: 42,45\n" },
        { "a region need not be made of whole blocks",
          "144000000-1c4ffffff : virtio3\n  148000000-14fffffff : System RAM (virtio_mem)\n", "41o",
          .devices = "virtio-mem virtio3 41-55 x15 /1: 41\n" },
        { "its group tells its unit",
          "150000000-24fffffff : virtio0\n  150000000-15fffffff : System RAM (virtio_mem)\n",
          "42-43o", .groups = "42-43=5/268435456",
          .devices = "virtio-mem virtio0 42-73 x32 /2: 42-43\n" },
        { "a unit is never less than a block",
          "150000000-24fffffff : virtio0\n  150000000-15fffffff : System RAM (virtio_mem)\n",
          "42-43o", .groups = "42-43=5/2097152",
          .devices = "virtio-mem virtio0 42-73 x32 /1: 42-43\n" },
        { "two devices beside each other",
          "150000000-157ffffff : virtio0\n  150000000-157ffffff : System RAM (virtio_mem)\n"
          "158000000-15fffffff : virtio1\n  158000000-15fffffff : System RAM (virtio_mem)\n",
          "42-43o",
          .devices = "virtio-mem virtio0 42-42 x1 /1: 42\nvirtio-mem virtio1 43-43 x1 /1: 43\n" },
        { "two without a name, told by their groups",
          "150000000-15fffffff : System RAM (virtio_mem)\n", "42-43o",
          .groups = "42=1/134217728 43=2/268435456",
          .devices = "virtio-mem 42-42 x1 /1: 42\nvirtio-mem 43-43 x1 /2: 43\n" },
        { "the name alone", "150000000-157ffffff : System RAM (virtio_mem)\n", "42o",
          .devices = "virtio-mem 42-42 x1 /1: 42\n" },

        /* dax. */
        { "ranges of one dax device are one device",
          "108000000-117ffffff : Soft Reserved\n  108000000-117ffffff : dax1.0\n"
          "    108000000-117ffffff : System RAM (kmem)\n"
          "128000000-12fffffff : Soft Reserved\n  128000000-12fffffff : dax1.0\n"
          "    128000000-12fffffff : System RAM (kmem)\n",
          "33-34o 37o", .devices = "kmem dax1.0 33-37 x3: 33-34,37\n" },
        { "CXL memory lies deeper, and its blocks come",
          "1050000000-204fffffff : CXL Window 0\n  1050000000-106fffffff : region0\n"
          "    1050000000-106fffffff : dax0.0\n      1050000000-106fffffff : System RAM (kmem)\n",
          "522-523o", .devices = "kmem dax0.0 522-525 x4 -2: 522-523\n" },
        { "before 5.8 it had no name of its own",
          "108000000-117ffffff : dax1.0\n  108000000-117ffffff : System RAM\n", "33-34i",
          .devices = "kmem dax1.0 33-34 x2: 33-34\n" },
        { "since 7.3 a dax device has a state",
          "108000000-117ffffff : dax1.0\n  108000000-117ffffff : System RAM (kmem)\n", "33-34o",
          .files = { "sys/bus/dax/devices/dax1.0/state=online_movable\n" },
          .devices = "kmem dax1.0 33-34 x2 \"online_movable\": 33-34\n" },
        { "which is that of one device",
          "108000000-10fffffff : dax1.0\n  108000000-10fffffff : System RAM (kmem)\n"
          "110000000-117ffffff : dax1.1\n  110000000-117ffffff : System RAM (kmem)\n",
          "33-34o", .files = { "sys/bus/dax/devices/dax1.1/state=offline" },
          .devices = "kmem dax1.0 33-33 x1: 33\nkmem dax1.1 34-34 x1 \"offline\": 34\n" },
        { "and is nothing if it makes no sense",
          "108000000-117ffffff : dax1.0\n  108000000-117ffffff : System RAM (kmem)\n", "33-34o",
          .files = { "sys/bus/dax/devices/dax1.0/state=unknown" },
          .devices = "kmem dax1.0 33-34 x2: 33-34\n" },

        /* Others. */
        { "a driver that is not known", "108000000-117ffffff : System RAM (new-mem)\n", "33-34o",
          .devices = "driver new-mem 33-34 x2 (new-mem): 33-34\n" },
        { "also one whose name has a space", "108000000-117ffffff : System RAM (a b)\n", "33-34o",
          .devices = "driver a b 33-34 x2 (a b): 33-34\n" },
        { "but not one whose name cannot be shown", "108000000-117ffffff : System RAM (a\tb)\n",
          "33-34o", .devices = "driver 33-34 x2 (): 33-34\n" },
        { "all memory in the range of a PCI device is one device, and its blocks come",
          "108000000-13fffffff : 0009:01:00.0\n"
          "  108000000-117ffffff : System RAM (NVIDIA)\n"
          "  128000000-137ffffff : System RAM (NVIDIA)\n",
          "33-34o 37o", .devices = "driver 0009:01:00.0 33-38 x4 (NVIDIA) -1: 33-34,37\n" },
        { "two PCI devices have two",
          "108000000-10fffffff : 0009:01:00.0\n  108000000-10fffffff : System RAM (NVIDIA)\n"
          "110000000-117ffffff : 0019:01:00.0\n  110000000-117ffffff : System RAM (NVIDIA)\n",
          "33-34o",
          .devices = "driver 0009:01:00.0 33-33 x1 (NVIDIA): 33\n"
                     "driver 0019:01:00.0 34-34 x1 (NVIDIA): 34\n" },
        { "a bus is no device: each range on it is",
          "108000000-117ffffff : PCI Bus 0009:00\n  108000000-10fffffff : System RAM (NVIDIA)\n"
          "  110000000-117ffffff : System RAM (NVIDIA)\n",
          "33-34o",
          .devices = "driver NVIDIA 33-33 x1 (NVIDIA): 33\ndriver NVIDIA 34-34 x1 (NVIDIA): 34\n" },
        { "a group is a device, whatever range it lies in",
          "108000000-10fffffff : 0009:01:00.0\n  108000000-10fffffff : System RAM (NVIDIA)\n"
          "110000000-117ffffff : 0009:01:00.0\n  110000000-117ffffff : System RAM (NVIDIA)\n",
          "33-34o", .groups = "33-34=4*2",
          .devices = "driver 0009:01:00.0 33-34 x2 (NVIDIA): 33-34\n" },
        { "nothing tells: each range is a device",
          "108000000-117ffffff : System RAM\n118000000-11fffffff : System RAM\n", "33-34o",
          .devices = "unknown 33-34 x2: 33-34\n" },
        { "standby memory",
          "00000000-3fffffff : System RAM\n  00100000-00ffffff : Kernel code\n"
          "40000000-7fffffff : System RAM\n",
          "0-7i 8-15o", .architecture = "s390x",
          .devices = "boot 0-7 x8: 0-7\nstandby 8-15 x8 /1: 8-15\n" },
        { "standby memory that was onlined before the start",
          "00000000-3fffffff : System RAM\n  00100000-00ffffff : Kernel code\n"
          "40000000-7fffffff : System RAM\n",
          "0-7i 8-11i 12-15o", .architecture = "s390x",
          .devices = "boot 0-7 x8: 0-7\nstandby 8-15 x8 /1: 8-15\n" },
        { "standby memory when /proc/iomem tells nothing", NULL, "0-7i 8-15o",
          .architecture = "s390x", .devices = "boot 0-7 x8: 0-7\nstandby 8-15 x8 /1: 8-15\n" },
        { "Xen's balloon", FIRMWARE "100000000-107ffffff : System RAM\n", "0-7i 32o",
          .files = { "sys/hypervisor/type=xen" },
          .devices = "boot 0-7 x8: 0-7\nballoon xen_memory 32-32 x1 /1: 32\n" },
        { "another hypervisor has none", FIRMWARE "100000000-107ffffff : System RAM\n", "0-7i 32o",
          .files = { "sys/hypervisor/type=other" },
          .devices = "boot 0-7 x8: 0-7\nunknown 32-32 x1: 32\n" },
        { "a DIMM in a guest of Xen", FIRMWARE "100000000-107ffffff : System RAM\n", "0-7i 32o",
          "32=PNP0C80:00", .files = { "sys/hypervisor/type=xen" },
          .devices = "boot 0-7 x8: 0-7\ndimm PNP0C80:00 32-32 x1: 32\n" },

        /* Without /proc/iomem. */
        { "no iomem", NULL, "0-7i 32-33o 40-41o", "32-33=PNP0C80:00",
          .devices = "boot 0-7 x8: 0-7\ndimm PNP0C80:00 32-33 x2: 32-33\n"
                     "unknown 40-41 x2 /1: 40-41\n" },
        { "a hidden one", "00000000-00000000 : System RAM\n", "0-7i 32-33o", "32-33=PNP0C80:00",
          .devices = "boot 0-7 x8: 0-7\ndimm PNP0C80:00 32-33 x2: 32-33\n" },
        { "a line of iomem that makes no sense", "100000000-107ffffff : System RAM\n10", "32o",
          .devices = "unknown 32-32 x1 /1: 32\n" },
        { "groups instead", NULL, "0-7i 32-33o 34i 40-41i 42-45o 50n", "32-33=PNP0C80:00",
          "32-33=0 34=1 40-41=2/268435456 42-45=3 50=2/268435456",
          .devices = "boot 0-7 x8: 0-7\ndimm PNP0C80:00 32-33 x2: 32-33\nkmem 34-34 x1: 34\n"
                     "virtio-mem 40-50 x3 /2: 40-41,50\nkmem 42-45 x4: 42-45\n" },
        { "blocks that no range has", FIRMWARE, "0-7i 32o",
          .devices = "boot 0-7 x8: 0-7\nunknown 32-32 x1 /1: 32\n" },
        { "no blocks at all", FIRMWARE, "", .devices = "" },
};

static void make_tree(const Case *made)
{
        if (made->iomem)
                set_iomem(made->iomem);
        if (made->architecture)
                strcpy(machine.architecture, made->architecture);
        if (made->e820)
                set_e820(made->e820);
        add_blocks(made->blocks);
        add_firmware_nodes(made->firmware_nodes ?: "");
        add_groups(made->groups ?: "");
        for (size_t i = 0; i < ELEMENTSOF(made->files) && made->files[i]; i++) {
                const char *text = strchr(made->files[i], '=');

                sysfs_fixture_write(&fixture, text + 1, "%.*s", (int) (text - made->files[i]),
                                    made->files[i]);
        }
}

START_TEST(devices_are_told_by_what_the_kernel_shows)
{
        const Case *made = &cases[_i];

        make_tree(made);
        identify();
        ck_assert_msg(strcmp(draw(), made->devices) == 0, "%s:\n%sinstead of\n%s", made->why,
                      draw(), made->devices);
        /* Again, with nothing changed. */
        identify();
        ck_assert_msg(strcmp(draw(), made->devices) == 0, "%s, again:\n%sinstead of\n%s", made->why,
                      draw(), made->devices);
}
END_TEST

START_TEST(a_balloon_of_hyper_v_is_bound_to_its_driver)
{
        set_iomem(FIRMWARE "100000000-107ffffff : System RAM\n");
        add_blocks("0-7i 32o");
        make_folder("sys/bus/vmbus/drivers/hv_balloon");
        make_link("../../../../module/hv_balloon",
                  sysfs_fixture_path(&fixture, "sys/bus/vmbus/drivers/hv_balloon/module"));
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nunknown 32-32 x1: 32\n");

        make_link("../../../../devices/1eccfd72-4b41-45ef-b73a-4a6e44c12924",
                  sysfs_fixture_path(&fixture, "sys/bus/vmbus/drivers/hv_balloon/"
                                               "1eccfd72-4b41-45ef-b73a-4a6e44c12924"));
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nballoon hv_balloon 32-32 x1 /1: 32\n");
}
END_TEST

START_TEST(what_is_known_is_kept)
{
        set_iomem(GUEST);
        add_blocks("0-7i 40-41o 74-75o");
        add_firmware_nodes("74-75=PNP0C80:02");
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nunknown 40-41 x2: 40-41\n"
                                 "dimm PNP0C80:02 74-105 x32 -30: 74-75\n");

        /* Nothing is read of what is known: not even that it differs by now. */
        machine_find_block(&machine, 3)->status = BLOCK_STATUS_OFFLINED;
        machine_find_block(&machine, 74)->status = BLOCK_STATUS_DONE;
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory74/firmware_node"));
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory75/firmware_node"));
        /* But what is not known may become so. */
        add_firmware_nodes("40-41=PNP0C80:01");
        add_blocks("76-105o");
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\ndimm PNP0C80:01 40-41 x2: 40-41\n"
                                 "dimm PNP0C80:02 74-105 x32: 74-105\n");
}
END_TEST

START_TEST(the_driver_stays_known_when_the_addresses_are_hidden)
{
        set_iomem("108000000-117ffffff : 0009:01:00.0\n"
                  "  108000000-117ffffff : System RAM (NVIDIA)\n");
        add_blocks("33-34o");
        identify();
        set_iomem("00000000-00000000 : System RAM\n");
        identify();
        ck_assert_str_eq(draw(), "driver 0009:01:00.0 33-34 x2 (NVIDIA): 33-34\n");
}
END_TEST

START_TEST(a_block_that_came_back_is_looked_at_anew)
{
        set_iomem("100000000-107ffffff : System RAM\n");
        add_blocks("32i");
        identify();
        ck_assert_str_eq(draw(), "boot 32-32 x1: 32\n");

        block_init(machine_find_block(&machine, 32), 32);
        add_firmware_nodes("32=PNP0C80:07");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:07 32-32 x1: 32\n");
}
END_TEST

START_TEST(what_is_added_where_boot_memory_was_is_none)
{
        set_iomem(FIRMWARE "100000000-107ffffff : System RAM\n");
        set_e820("0-9fbff 100000-3ffdbfff 100000000-107ffffff");
        add_blocks("0-7i 32o");
        identify();
        ck_assert_str_eq(draw(), "boot 0-32 x9: 0-7,32\n");
        block_init(machine_find_block(&machine, 32), 32);
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nunknown 32-32 x1: 32\n");
}
END_TEST

START_TEST(what_was_known_outlives_a_table_that_cannot_be_read)
{
        set_iomem(GUEST);
        add_blocks("0-7i 33-39o 42-45o 74-105o");
        add_firmware_nodes("74-105=PNP0C80:02");
        identify();
        set_iomem("100");
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nkmem dax0.0 33-39 x7: 33-39\n"
                                 "virtio-mem virtio0 42-45 x4 /1: 42-45\n"
                                 "dimm PNP0C80:02 74-105 x32: 74-105\n");
}
END_TEST

START_TEST(the_unit_of_a_device_is_known_from_before)
{
        set_iomem(GUEST);
        add_blocks("42-43o");
        add_groups("42-43=5/268435456");
        identify();
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory42"));
        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory43"));
        identify();
        ck_assert_str_eq(draw(), "virtio-mem virtio0 42-73 x32 /2: 42-43\n");
}
END_TEST

/* The number of a group is used again. Each has two blocks. */
START_TEST(a_group_of_the_same_number_that_came_later_is_another_device)
{
        set_iomem("100000000-12fffffff : System RAM\n");
        add_blocks("34-35o");
        add_firmware_nodes("34=PNP0C80:00");
        add_groups("34-35=0");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:00 34-35 x2: 34-35\n");

        /* It is not seen to be gone yet. */
        add_blocks("32-33o 36-37o");
        add_groups("32-33=0*4 36-37=0*4");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:00 34-35 x2: 34-35\nnone: 32-33,36-37\n");
        add_firmware_nodes("32=PNP0C80:01");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:01 32-37 x4: 32-33,36-37\n"
                                 "dimm PNP0C80:00 34-35 x2: 34-35\n");
}
END_TEST

/* The same where some of it is gone already, which it was complete with. */
START_TEST(a_device_that_goes_takes_no_block_of_a_later_group)
{
        const bool keep[] = { true, false };

        set_iomem("100000000-10fffffff : System RAM\n");
        add_blocks("32-33o");
        add_firmware_nodes("32=PNP0C80:00");
        add_groups("32-33=0");
        identify();
        machine_retain_blocks(&machine, keep);
        add_blocks("33o");
        add_groups("33=0*1");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:00 32-32 x2 -1: 32\nnone: 33\n");
}
END_TEST

START_TEST(the_group_of_a_block_that_came_back_is_read_anew)
{
        set_iomem("100000000-10fffffff : System RAM\n");
        add_blocks("32-33o");
        add_firmware_nodes("32=PNP0C80:00");
        add_groups("32-33=0");
        identify();

        block_init(machine_find_block(&machine, 33), 33);
        machine_find_block(&machine, 33)->node = 0;
        add_firmware_nodes("33=PNP0C80:01");
        add_groups("33=1");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:00 32-32 x2 -1: 32\ndimm PNP0C80:01 33-33 x1: 33\n");
}
END_TEST

/* Also not when what it is part of is awaited. */
START_TEST(the_group_of_a_block_that_is_known_is_not_read_again)
{
        set_iomem("100000000-10fffffff : System RAM\n");
        add_blocks("32-33o");
        add_groups("32-33=0");
        identify();
        ck_assert_str_eq(draw(), "none: 32-33\n");
        add_groups("32-33=7");
        add_firmware_nodes("32=PNP0C80:00");
        identify();
        ck_assert_str_eq(draw(), "dimm PNP0C80:00 32-33 x2: 32-33\n");
        ck_assert_int_eq(machine_find_block(&machine, 32)->group, 0);
        ck_assert_int_eq(machine_find_block(&machine, 33)->group, 0);
}
END_TEST

/* A kernel that tells the node before all files of a block are there. */
START_TEST(a_group_is_looked_for_once_the_block_has_its_node)
{
        set_iomem("108000000-117ffffff : dax1.0\n  108000000-117ffffff : System RAM (kmem)\n");
        add_blocks("33-34w");
        identify();
        ck_assert_str_eq(draw(), "kmem dax1.0 33-34 x2: 33-34\n");
        add_groups("33-34=3*4");
        machine_find_block(&machine, 33)->node = 0;
        machine_find_block(&machine, 34)->node = 0;
        identify();
        ck_assert_str_eq(draw(), "kmem dax1.0 33-34 x4 -2: 33-34\n");
}
END_TEST

static bool awaits(uint32_t block)
{
        return identify_awaits(&machine, machine_find_block(&machine, block));
}

/* A DIMM of four blocks comes: its range, its blocks, the links. */
START_TEST(what_is_awaited_of_a_dimm)
{
        set_iomem(FIRMWARE "100000000-11fffffff : System RAM\n");
        add_acpi("PNP0C80:00", "0\n", false);
        add_acpi("PNP0C80:01", "15\n", true);
        add_acpi("PNP0C80:02", "15\n", false);
        add_blocks("0-7i 32-33o");
        ck_assert(awaits(32));
        identify();
        ck_assert(!awaits(0));
        ck_assert(awaits(32));

        add_blocks("34-35o");
        identify();
        ck_assert(awaits(35));

        add_firmware_nodes("32=PNP0C80:02");
        add_acpi("PNP0C80:02", "15\n", true);
        identify();
        for (uint32_t block = 32; block <= 35; block++)
                ck_assert(!awaits(block));
}
END_TEST

START_TEST(what_is_awaited_of_a_dax_device)
{
        set_iomem(GUEST);
        add_blocks("33-38o 42o");
        identify();
        ck_assert(awaits(33));
        machine_find_block(&machine, 33)->given_up = true;
        ck_assert(!awaits(33));
        ck_assert(awaits(34));
        machine_find_block(&machine, 33)->given_up = false;
        ck_assert(!awaits(42));
        add_blocks("39o");
        identify();
        ck_assert(!awaits(33));
        ck_assert(!awaits(39));
}
END_TEST

static const struct {
        const char *size, *node;
        int result;
        uint64_t bytes;
        uint32_t on;
} dax_memories[] = {
        { "1071644672\n", "2\n", 0, 7 * BLOCK_SIZE, 2 }, { "134217728\n", "0\n", 0, BLOCK_SIZE, 0 },
        { "134217727\n", "0\n", -EBADMSG, 0, 0 },        { "134217728\n", "-1\n", -EBADMSG, 0, 0 },
        { "134217728\n", "1024\n", -EBADMSG, 0, 0 },     { "a lot\n", "0\n", -EBADMSG, 0, 0 },
        { "134217728\n", NULL, -ENOENT, 0, 0 },          { NULL, "0\n", -ENOENT, 0, 0 },
};

START_TEST(the_memory_of_a_dax_device_without_blocks_is_known)
{
        uint64_t bytes = 0;
        uint32_t node = 0;

        make_folder("sys/bus/dax/devices/dax0.0");
        if (dax_memories[_i].size)
                sysfs_fixture_write(&fixture, dax_memories[_i].size,
                                    "sys/bus/dax/devices/dax0.0/size");
        if (dax_memories[_i].node)
                sysfs_fixture_write(&fixture, dax_memories[_i].node,
                                    "sys/bus/dax/devices/dax0.0/target_node");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(evidence_dax_memory(&sysfs, "dax0.0", BLOCK_SIZE, &bytes, &node),
                         dax_memories[_i].result);
        ck_assert_uint_eq(bytes, dax_memories[_i].bytes);
        ck_assert_uint_eq(node, dax_memories[_i].on);
}
END_TEST

/* Firmware may have a device that never gets a block; later additions are no reason to wait again. */
START_TEST(a_block_that_was_decided_on_keeps_its_device)
{
        set_iomem(FIRMWARE "100000000-107ffffff : System RAM\n");
        add_acpi("PNP0C80:00", "15\n", false);
        add_blocks("0-7i 32g");
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nunknown 32-32 x1: 32\n");

        machine_find_block(&machine, 32)->given_up = false;
        machine_find_block(&machine, 32)->decision.verdict = VERDICT_MOVABLE;
        identify();
        ck_assert_str_eq(draw(), "boot 0-7 x8: 0-7\nunknown 32-32 x1: 32\n");
}
END_TEST

static const struct {
        const char *iomem;
        int result;
} checks[] = {
        { NULL, -ENOENT },
        { "", -EBADMSG },
        { "00000000-00000000 : System RAM\n", -EACCES },
        { "00001000-00001fff : System RAM\n", 0 },
};

START_TEST(whether_iomem_tells_anything_is_told)
{
        if (checks[_i].iomem)
                set_iomem(checks[_i].iomem);
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(identify_check(&sysfs), checks[_i].result);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("identify");
        TCase *tests = tcase_create("identify");

        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_loop_test(tests, devices_are_told_by_what_the_kernel_shows, 0, ELEMENTSOF(cases));
        tcase_add_test(tests, a_balloon_of_hyper_v_is_bound_to_its_driver);
        tcase_add_test(tests, what_is_known_is_kept);
        tcase_add_test(tests, the_driver_stays_known_when_the_addresses_are_hidden);
        tcase_add_test(tests, a_block_that_came_back_is_looked_at_anew);
        tcase_add_test(tests, what_is_added_where_boot_memory_was_is_none);
        tcase_add_test(tests, what_was_known_outlives_a_table_that_cannot_be_read);
        tcase_add_test(tests, the_unit_of_a_device_is_known_from_before);
        tcase_add_test(tests, a_group_of_the_same_number_that_came_later_is_another_device);
        tcase_add_test(tests, a_device_that_goes_takes_no_block_of_a_later_group);
        tcase_add_test(tests, the_group_of_a_block_that_came_back_is_read_anew);
        tcase_add_test(tests, the_group_of_a_block_that_is_known_is_not_read_again);
        tcase_add_test(tests, a_group_is_looked_for_once_the_block_has_its_node);
        tcase_add_test(tests, what_is_awaited_of_a_dimm);
        tcase_add_test(tests, what_is_awaited_of_a_dax_device);
        tcase_add_loop_test(tests, the_memory_of_a_dax_device_without_blocks_is_known, 0,
                            ELEMENTSOF(dax_memories));
        tcase_add_test(tests, a_block_that_was_decided_on_keeps_its_device);
        tcase_add_loop_test(tests, whether_iomem_tells_anything_is_told, 0, ELEMENTSOF(checks));
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
