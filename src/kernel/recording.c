/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads a machine from a recorded tree. */

#include "kernel/recording.h"

#include "kernel/host.h"
#include "kernel/identify.h"
#include "kernel/survey.h"
#include "kernel/tier.h"
#include "policy/policy.h"
#include "policy/track.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define MEMORY_PATH "sys/devices/system/memory"
#define NODE_PATH "sys/devices/system/node"

/*
 * At most this many blocks are named for each attribute. One more sentence tells how many others
 * there are.
 */
#define NAMED_BLOCKS_MAX 100

static const struct {
        const char *file;
        const char *expected;
} attributes[_BLOCK_ATTRIBUTE_MAX] = {
        [BLOCK_ATTRIBUTE_STATE] = { "state", "online, offline or going-offline" },
        [BLOCK_ATTRIBUTE_NODE] = { "nodeM", "a link to the block's node" },
        [BLOCK_ATTRIBUTE_ZONES] = { "valid_zones", "names of zones, or none" },
};

/* The number of faults in each attribute, so that not every block is named. */
typedef size_t FaultCounts[_BLOCK_ATTRIBUTE_MAX];

static int block_fault(Recording *recording, FaultCounts counts, BlockAttribute attribute,
                       uint32_t id, int error, const char *value)
{
        char path[sizeof(MEMORY_PATH) + 48];

        if (++counts[attribute] > NAMED_BLOCKS_MAX)
                return 0;
        snprintf(path, sizeof(path), MEMORY_PATH "/memory%" PRIu32 "/%s", id,
                 attributes[attribute].file);
        return file_fault_add(&recording->faults, path, error, value,
                              attributes[attribute].expected);
}

static int list_blocks(const Sysfs *sysfs, Recording *recording)
{
        Machine *machine = &recording->machine;
        ChangedIds changed = {};
        int r = survey_list(sysfs, machine, &changed);

        changed_ids_done(&changed);
        if (r < 0)
                return r;
        if (machine->n_blocks == 0)
                return -ENOENT;
        recording->blocks = calloc(machine->n_blocks, sizeof(*recording->blocks));
        return recording->blocks ? 0 : -ENOMEM;
}

/*
 * Reads a block and reports odd attributes. Missing attributes are reported when all blocks have
 * been read.
 */
static int read_block(const Sysfs *sysfs, Recording *recording, size_t i, FaultCounts counts)
{
        RecordedBlock *recorded = &recording->blocks[i];
        Block *block = &recording->machine.blocks[i];
        AttributeReading readings[_BLOCK_ATTRIBUTE_MAX];
        const AttributeReading *zones = &readings[BLOCK_ATTRIBUTE_ZONES];
        int r = 0;

        sysfs_read_each(sysfs, block, readings);
        track_new(block, &(TrackMode){ .at_start = true });
        block->seen = true;
        block->stale = false;
        recorded->has_state = readings[BLOCK_ATTRIBUTE_STATE].error == 0;
        recorded->has_node = readings[BLOCK_ATTRIBUTE_NODE].error == 0;
        recorded->has_zones = zones->error == 0 || zones->error == -EBADMSG;
        if (zones->error == -EBADMSG) {
                recorded->odd_zones = strdup(zones->text);
                if (!recorded->odd_zones)
                        return -ENOMEM;
        }
        for (BlockAttribute a = 0; a < _BLOCK_ATTRIBUTE_MAX && r >= 0; a++)
                if (readings[a].error < 0 &&
                    (readings[a].error != -ENOENT || a == BLOCK_ATTRIBUTE_STATE))
                        r = block_fault(recording, counts, a, block->id, readings[a].error,
                                        readings[a].text);
        return r;
}

/*
 * Reports missing attributes, and how many blocks were not named. An attribute that no block has is
 * unknown to the kernel, and no fault of any block.
 */
static int tell_missing(Recording *recording, FaultCounts counts)
{
        bool has_zones = false;
        int r = 0;

        for (size_t i = 0; i < recording->machine.n_blocks; i++) {
                recording->has_nodes |= recording->blocks[i].has_node;
                has_zones |= recording->blocks[i].has_zones;
        }
        for (size_t i = 0; i < recording->machine.n_blocks && r >= 0; i++) {
                const RecordedBlock *recorded = &recording->blocks[i];
                uint32_t id = recording->machine.blocks[i].id;

                if (recording->has_nodes && !recorded->has_node)
                        r = block_fault(recording, counts, BLOCK_ATTRIBUTE_NODE, id, -ENOENT, "");
                if (r >= 0 && has_zones && !recorded->has_zones)
                        r = block_fault(recording, counts, BLOCK_ATTRIBUTE_ZONES, id, -ENOENT, "");
        }
        for (size_t i = 0; i < _BLOCK_ATTRIBUTE_MAX && r >= 0; i++)
                if (counts[i] > NAMED_BLOCKS_MAX)
                        r = fault_add(&recording->faults,
                                      MEMORY_PATH "/memoryN/%s: %zu more blocks like these",
                                      attributes[i].file, counts[i] - NAMED_BLOCKS_MAX);
        return r;
}

/* With more blocks than this, looking into the folder of each would take as long as everything else. */
#define MANY_BLOCKS 4096

/*
 * Finds the nodes of blocks that are in the folder of no node. First checks whether a block has the
 * node of the block before it. This does not find a second node, but a block with two nodes lies
 * where one node ends and the next begins: at such a place, the folders of both blocks are read.
 */
static void follow_links(const Sysfs *sysfs, Machine *machine)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                Block *before = i > 0 && block[-1].node >= 0 ? &block[-1] : NULL;

                if (block->node != NODE_NONE)
                        continue;
                if (before && sysfs_has_link(sysfs, block->id, before->node)) {
                        block->node = before->node;
                        continue;
                }
                (void) sysfs_read_node(sysfs, block->id, &block->node);
                if (before)
                        (void) sysfs_read_node(sysfs, before->id, &before->node);
        }
}

static int read_blocks(const Sysfs *sysfs, Recording *recording)
{
        Machine *machine = &recording->machine;
        FaultCounts counts = {};
        int r = sysfs_read_links(sysfs, machine);

        /*
         * Other errors do no harm: without the folders of the nodes, the links of the blocks are
         * read one by one.
         */
        if (r == -ENOMEM)
                return r;
        if (machine->n_blocks > MANY_BLOCKS)
                follow_links(sysfs, machine);
        r = 0;
        for (size_t i = 0; i < machine->n_blocks && r >= 0; i++)
                r = read_block(sysfs, recording, i, counts);
        return r < 0 ? r : tell_missing(recording, counts);
}

/* Returns the nodes that blocks are linked to. Without any links, all blocks are on node 0. */
static NodeSet linked_nodes(Recording *recording)
{
        const Machine *machine = &recording->machine;
        NodeSet set = {};

        for (size_t i = 0; i < machine->n_blocks; i++) {
                if (!recording->has_nodes)
                        machine->blocks[i].node = 0;
                if (machine->blocks[i].node >= 0)
                        node_set_add(&set, (uint32_t) machine->blocks[i].node);
        }
        return set;
}

static int read_distances(const Sysfs *sysfs, Recording *recording, Node *nodes, size_t n_nodes)
{
        char path[sizeof(NODE_PATH) + 32], text[DISTANCE_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; i < n_nodes && r >= 0; i++) {
                snprintf(path, sizeof(path), NODE_PATH "/node%" PRIu32 "/distance", nodes[i].id);
                r = sysfs_read_distances(sysfs, nodes, n_nodes, &nodes[i], text);
                if (r < 0 && r != -ENOMEM)
                        r = file_fault_add(&recording->node_faults, path, r, text,
                                           DISTANCE_EXPECTED);
        }
        return r;
}

static int read_performance(const Sysfs *sysfs, Recording *recording, Node *node)
{
        char path[PERFORMANCE_PATH_MAX], text[ATTRIBUTE_MAX];
        char full[sizeof(NODE_PATH) + PERFORMANCE_PATH_MAX];
        int r = 0;

        for (Performance p = 0; p < _PERFORMANCE_MAX && r >= 0; p++) {
                r = sysfs_read_performance(sysfs, node, p, path, text);
                snprintf(full, sizeof(full), NODE_PATH "/%s", path);
                if (r < 0)
                        r = r == -ENOENT ? 0 :
                                           file_fault_add(&recording->node_faults, full, r, text,
                                                          PERFORMANCE_EXPECTED);
        }
        return r;
}

/* Reports the files about CPUs that make no sense: of a node, or has_cpu for NODE_NONE. */
static int check_lists(const Sysfs *sysfs, Recording *recording, int32_t node)
{
        ListFault faults[LIST_FAULTS_MAX];
        size_t n = sysfs_check_cpus(sysfs, node, faults);
        char path[sizeof(NODE_PATH) + LIST_PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                snprintf(path, sizeof(path), NODE_PATH "/%.*s", LIST_PATH_MAX - 1, faults[i].path);
                r = file_fault_add(&recording->node_faults, path, -EBADMSG, faults[i].text,
                                   faults[i].expected);
        }
        return r;
}

static int check_cpus(const Sysfs *sysfs, Recording *recording, const Node *nodes, size_t n_nodes)
{
        char text[ATTRIBUTE_TEXT_MAX];
        int r = check_lists(sysfs, recording, NODE_NONE);

        for (size_t i = 0; i < n_nodes && r >= 0; i++) {
                recording->has_cpus |= nodes[i].has_cpu;
                r = check_lists(sysfs, recording, (int32_t) nodes[i].id);
        }
        if (r < 0 || recording->has_cpus)
                return r;
        /* Read again, because only here it matters whether the file exists. */
        r = sysfs_read_text(sysfs, sysfs->node_fd, "has_cpu", text, sizeof(text));
        recording->has_cpus = r >= 0 || r == -EFBIG;
        return recording->has_cpus ? 0 :
                                     file_fault_add(&recording->node_faults, NODE_PATH "/has_cpu",
                                                    r, "", "the nodes that have a CPU");
}

static int read_node_folder(const Sysfs *sysfs, Recording *recording, Node **nodes, size_t *n_nodes)
{
        int r;

        if (sysfs->node_fd < 0)
                return file_fault_add(&recording->node_faults, NODE_PATH, -ENOENT, "",
                                      "the folder of the nodes");
        r = sysfs_read_nodes(sysfs, nodes, n_nodes);
        if (r >= 0)
                r = read_distances(sysfs, recording, *nodes, *n_nodes);
        for (size_t i = 0; i < *n_nodes && r >= 0; i++)
                r = read_performance(sysfs, recording, &(*nodes)[i]);
        return r < 0 ? r : check_cpus(sysfs, recording, *nodes, *n_nodes);
}

/* Reads the nodes that have a folder, and adds those that only blocks tell of. */
static int read_nodes(const Sysfs *sysfs, Recording *recording)
{
        NodeSet linked = linked_nodes(recording);
        Node *nodes = NULL, *all = NULL;
        size_t n_nodes = 0, n = 0, at = 0;
        int r = read_node_folder(sysfs, recording, &nodes, &n_nodes);

        recording->machine.strict_zone_order = sysfs_has_strict_zone_order(sysfs);
        if (r >= 0)
                all = calloc(NODE_MAX, sizeof(*all));
        if (!all) {
                nodes_free(nodes, n_nodes);
                return r < 0 ? r : -ENOMEM;
        }
        for (uint32_t id = 0; id < NODE_MAX; id++)
                if (at < n_nodes && nodes[at].id == id)
                        all[n++] = nodes[at++];
                else if (node_set_contains(&linked, id))
                        all[n++] = (Node){ .id = id };
        free(nodes);
        machine_set_nodes(&recording->machine, all, n);
        /* Of the running system, they are read only where a user asks for them. */
        r = sysfs->recorded ? tiers_read(sysfs, &recording->machine) : 0;
        return r == -ENOMEM ? r : 0;
}

/*
 * Guesses the page size of the machine, which zoneinfo does not tell: the memory that is online
 * divided by the pages that are present. Blocks of boot memory have holes, so the quotient can be
 * too large. Of the existing sizes, 4 KiB, 16 KiB and 64 KiB, the logarithmically nearest is
 * returned. The zones must have been read in pages.
 */
static uint64_t guess_page_size(const Machine *machine)
{
        uint64_t n_pages = 0, online_bytes = machine->totals.online_bytes;

        for (size_t i = 0; i < machine->n_zones; i++)
                n_pages += machine->zones[i].present_bytes;
        if (n_pages == 0 || online_bytes / n_pages < 8192)
                return 4096;
        return online_bytes / n_pages < 32768 ? 16384 : 65536;
}

/* Returns the page size that was recorded, or 0. */
static uint64_t noted_page_size(const Sysfs *sysfs, int root_fd)
{
        char text[ATTRIBUTE_TEXT_MAX];
        uint32_t bytes;

        if (sysfs_read_text(sysfs, root_fd, "pagesize", text, sizeof(text)) < 0 ||
            parse_u32(text, &bytes) < 0 || bytes < 4096 || (bytes & (bytes - 1)) != 0)
                return 0;
        return bytes;
}

static int read_zones(Sysfs *sysfs, int root_fd, Recording *recording)
{
        uint64_t noted_bytes = sysfs->recorded ? noted_page_size(sysfs, root_fd) : 0;
        int r;

        if (sysfs->recorded)
                sysfs->page_size_bytes = MAX(noted_bytes, 1);
        r = survey_zones(sysfs, &recording->machine);
        if (r >= 0 && sysfs->recorded && noted_bytes == 0) {
                sysfs->page_size_bytes = guess_page_size(&recording->machine);
                r = survey_zones(sysfs, &recording->machine);
        }
        recording->has_zoneinfo = r >= 0;
        if (r >= 0 || r == -ENOMEM)
                return r;
        return file_fault_add(&recording->node_faults, "proc/zoneinfo", r == -EBADF ? -ENOENT : r,
                              "", "the zones of each node");
}

/*
 * Reads what tests/dumps/record adds to the kernel's files. Neither file has to exist. What was set
 * before reading counts instead.
 */
static void read_notes(const Sysfs *sysfs, int root_fd, Recording *recording)
{
        char uname[UNAME_TEXT_MAX], virtualization[ATTRIBUTE_TEXT_MAX];
        Machine *machine = &recording->machine;
        int uname_error = sysfs_read_text(sysfs, root_fd, "uname", uname, sizeof(uname));
        int virtualization_error = sysfs_read_text(sysfs, root_fd, "virtualization", virtualization,
                                                   sizeof(virtualization));

        host_set(machine, uname_error < 0 ? NULL : uname,
                 virtualization_error < 0 ? NULL : virtualization);
        if (recording->architecture)
                snprintf(machine->architecture, sizeof(machine->architecture), "%s",
                         recording->architecture);
        if (recording->virtualization)
                snprintf(machine->virtualization, sizeof(machine->virtualization), "%s",
                         recording->virtualization);
}

/* Adds a fault for which the tree cannot be shown. Returns its error, or -ENOMEM. */
static int fatal_fault(Recording *recording, const char *path, int error, const char *value,
                       const char *expected)
{
        int r = file_fault_add(&recording->faults, path, error, value, expected);

        return r < 0 ? r : error;
}

/* Reads the parts without which there is no machine to show. Returns 0 or the errors of recording_read(). */
static int read_basics(const char *root, Sysfs *sysfs, Recording *recording)
{
        char text[ATTRIBUTE_TEXT_MAX] = "";
        int r = sysfs_open_recorded(root, sysfs);

        if (r < 0)
                return fatal_fault(recording, MEMORY_PATH, r, "",
                                   "the folder of the memory blocks");
        r = sysfs_read_block_size(sysfs, &recording->machine.block_size_bytes);
        if (r < 0) {
                (void) sysfs_read_text(sysfs, sysfs->memory_fd, "block_size_bytes", text,
                                       sizeof(text));
                return fatal_fault(recording, MEMORY_PATH "/block_size_bytes", r, text,
                                   "a power of two in hexadecimal without 0x");
        }
        r = list_blocks(sysfs, recording);
        if (r < 0 && r != -ENOMEM)
                return fatal_fault(recording, MEMORY_PATH "/memoryN", r, "",
                                   "a folder for each block");
        return r;
}

static int read_devices(const Sysfs *sysfs, Recording *recording)
{
        const Machine *machine = &recording->machine;
        int r = recording->skips_devices ? 0 : identify_devices(sysfs, &recording->machine);

        if (r < 0 || !recording->wants_cxl)
                return r;
        recording->cxl = calloc(machine->n_devices + 1, sizeof(CxlNames));
        if (!recording->cxl)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_devices; i++)
                if (machine->devices[i].origin == ORIGIN_KMEM)
                        (void) cxl_read(sysfs, machine->devices[i].name, &recording->cxl[i]);
        return 0;
}

int recording_read(const char *root, Recording *ret)
{
        _cleanup_close_ int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(sysfs_close) Sysfs sysfs = SYSFS_CLOSED;
        int r;

        machine_init(&ret->machine);
        r = read_basics(root, &sysfs, ret);
        if (r >= 0)
                r = read_blocks(&sysfs, ret);
        if (r >= 0)
                r = read_nodes(&sysfs, ret);
        if (r < 0)
                return r;
        machine_count(&ret->machine);
        r = read_zones(&sysfs, root_fd, ret);
        read_notes(&sysfs, root_fd, ret);
        ret->iomem_error = identify_check(&sysfs);
        return r < 0 ? r : read_devices(&sysfs, ret);
}

void recording_done(Recording *recording)
{
        for (size_t i = 0; recording->blocks && i < recording->machine.n_blocks; i++)
                free(recording->blocks[i].odd_zones);
        free(recording->blocks);
        free(recording->cxl);
        machine_done(&recording->machine);
        strings_free(recording->faults.texts);
        strings_free(recording->node_faults.texts);
        *recording = (Recording){};
}
