/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a machine from a recorded tree. */

#include "kernel/recording.h"

#include "kernel/host.h"
#include "kernel/identify.h"
#include "policy/policy.h"
#include "policy/track.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MEMORY_PATH "sys/devices/system/memory"
#define NODE_PATH "sys/devices/system/node"

/*
 * At most this many blocks are named for each attribute. One more sentence tells how many others
 * there are.
 */
#define NAMED_BLOCKS_MAX 100

static int _printf_(2, 3) fault_add(FaultList *list, const char *format, ...)
{
        char **texts = reallocarray(list->texts, list->n_texts + 2, sizeof(*texts));
        va_list arguments;
        int r;

        if (!texts)
                return -ENOMEM;
        list->texts = texts;
        va_start(arguments, format);
        r = vasprintf(&texts[list->n_texts], format, arguments);
        va_end(arguments);
        if (r >= 0)
                list->n_texts++;
        texts[list->n_texts] = NULL;
        return r < 0 ? -ENOMEM : 0;
}

/*
 * Copies a value for a message, with "?" for characters that are not printable. The value may be
 * truncated.
 */
static const char *value_format(const char *value, char buffer[static ATTRIBUTE_TEXT_MAX])
{
        size_t i = 0;

        for (; i < ATTRIBUTE_TEXT_MAX - 1 && value[i]; i++)
                buffer[i] = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
        buffer[i] = 0;
        return buffer;
}

/* Adds a sentence about a file that is missing, cannot be read, or makes no sense. */
static int attribute_fault(FaultList *list, const char *path, int error, const char *value,
                           const char *expected)
{
        char text[ATTRIBUTE_TEXT_MAX];

        if (error == -EBADMSG)
                return fault_add(list, "%s: '%s', expected %s", path, value_format(value, text),
                                 expected);
        if (error == -ENOENT)
                return fault_add(list, "%s: missing, expected %s", path, expected);
        return fault_add(list, "%s: %s, expected %s", path, strerror(-error), expected);
}

/* The attributes of a block that can have a fault. */
typedef enum BlockFault {
        BLOCK_FAULT_STATE,
        BLOCK_FAULT_NODE,
        BLOCK_FAULT_ZONES,
        _BLOCK_FAULT_MAX,
} BlockFault;

static const struct {
        const char *file;
        const char *expected;
} block_faults[_BLOCK_FAULT_MAX] = {
        [BLOCK_FAULT_STATE] = { "state", "online, offline or going-offline" },
        [BLOCK_FAULT_NODE] = { "nodeM", "a link to the block's node" },
        [BLOCK_FAULT_ZONES] = { "valid_zones", "names of zones, or none" },
};

static int block_fault(FaultList *list, size_t counts[static _BLOCK_FAULT_MAX], BlockFault fault,
                       uint32_t id, int error, const char *value)
{
        char path[sizeof(MEMORY_PATH) + 48];

        if (++counts[fault] > NAMED_BLOCKS_MAX)
                return 0;
        snprintf(path, sizeof(path), MEMORY_PATH "/memory%" PRIu32 "/%s", id,
                 block_faults[fault].file);
        return attribute_fault(list, path, error, value, block_faults[fault].expected);
}

static int count_faults(FaultList *list, const size_t counts[static _BLOCK_FAULT_MAX])
{
        int r = 0;

        for (size_t i = 0; i < _BLOCK_FAULT_MAX && r >= 0; i++)
                if (counts[i] > NAMED_BLOCKS_MAX)
                        r = fault_add(list, MEMORY_PATH "/memoryN/%s: %zu more blocks like these",
                                      block_faults[i].file, counts[i] - NAMED_BLOCKS_MAX);
        return r;
}

static int list_blocks(const Sysfs *sysfs, Recording *recording)
{
        Machine *machine = &recording->machine;
        _cleanup_free_ Entry *entries = NULL;
        size_t n = 0;
        Block *block;
        int r = sysfs_list_blocks(sysfs, &entries, &n);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = machine_add_block(machine, entries[i].id, &block);
        if (r < 0)
                return r;
        if (n == 0)
                return -ENOENT;
        recording->blocks = calloc(n, sizeof(*recording->blocks));
        return recording->blocks ? 0 : -ENOMEM;
}

/* The number of faults in each attribute, so that not every block is named. */
typedef size_t FaultCounts[_BLOCK_FAULT_MAX];

/*
 * Reads a block and reports odd attributes. Missing attributes are reported when all blocks have
 * been read.
 */
static int read_block(const Sysfs *sysfs, Recording *recording, size_t i, FaultCounts counts)
{
        RecordedBlock *recorded = &recording->blocks[i];
        Block *block = &recording->machine.blocks[i];
        BlockReading reading;
        int r = 0;

        sysfs_read_each(sysfs, block, &reading);
        track_new(block, &(TrackMode){ .at_start = true });
        block->seen = true;
        recorded->has_state = reading.state.error == 0;
        recorded->has_node = reading.node.error == 0;
        recorded->has_zones = reading.zones.error == 0 || reading.zones.error == -EBADMSG;
        if (reading.zones.error == -EBADMSG) {
                recorded->odd_zones = strdup(reading.zones.text);
                if (!recorded->odd_zones)
                        return -ENOMEM;
        }

        if (reading.state.error < 0)
                r = block_fault(&recording->faults, counts, BLOCK_FAULT_STATE, block->id,
                                reading.state.error, reading.state.text);
        if (r >= 0 && reading.node.error < 0 && reading.node.error != -ENOENT)
                r = block_fault(&recording->faults, counts, BLOCK_FAULT_NODE, block->id,
                                reading.node.error, "");
        if (r >= 0 && reading.zones.error < 0 && reading.zones.error != -ENOENT)
                r = block_fault(&recording->faults, counts, BLOCK_FAULT_ZONES, block->id,
                                reading.zones.error, reading.zones.text);
        return r;
}

/*
 * Reports missing attributes. An attribute that no block has is unknown to the kernel, and no fault
 * of any block.
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
                        r = block_fault(&recording->faults, counts, BLOCK_FAULT_NODE, id, -ENOENT,
                                        "");
                if (r >= 0 && has_zones && !recorded->has_zones)
                        r = block_fault(&recording->faults, counts, BLOCK_FAULT_ZONES, id, -ENOENT,
                                        "");
        }
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
        if (r >= 0)
                r = tell_missing(recording, counts);
        return r < 0 ? r : count_faults(&recording->faults, counts);
}

/* Returns the nodes that blocks are linked to. Without any links, all blocks are on node 0. */
static void linked_nodes(Recording *recording, NodeSet *ret)
{
        const Machine *machine = &recording->machine;

        *ret = (NodeSet){};
        for (size_t i = 0; i < machine->n_blocks; i++) {
                if (!recording->has_nodes)
                        machine->blocks[i].node = 0;
                if (machine->blocks[i].node >= 0)
                        node_set_add(ret, (uint32_t) machine->blocks[i].node);
        }
}

static int compare_nodes(const void *a, const void *b)
{
        uint32_t x = ((const Node *) a)->id, y = ((const Node *) b)->id;

        return (x > y) - (x < y);
}

/* Adds nodes of a set that are not in the array yet. The array has room for NODE_MAX nodes. */
static void add_nodes(Node *nodes, size_t *n_nodes, NodeSet *set)
{
        NodeSet known = {};

        for (size_t i = 0; i < *n_nodes; i++)
                node_set_add(&known, nodes[i].id);
        for (uint32_t node = 0; node < NODE_MAX; node++)
                if (node_set_contains(set, node) && !node_set_contains(&known, node))
                        nodes[(*n_nodes)++] = (Node){ .id = node };
        if (*n_nodes > 0)
                qsort(nodes, *n_nodes, sizeof(*nodes), compare_nodes);
}

/* Parses a text such as "10 21": a distance for each existing node, in the order of the nodes. */
static int parse_distances(const char *text, const Node *nodes, size_t n_nodes, Node *node)
{
        _cleanup_free_ Distance *distances = calloc(n_nodes, sizeof(*distances));
        _cleanup_free_ char *copy = strdup(text);
        char *rest = NULL, *word;
        size_t n = 0;

        if (!distances || !copy)
                return -ENOMEM;
        for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest), n++) {
                if (n == n_nodes || parse_u32(word, &distances[n].distance) < 0 ||
                    distances[n].distance == 0)
                        return -EBADMSG;
                distances[n].node = nodes[n].id;
        }
        if (n < n_nodes)
                return -EBADMSG;
        node->distances = TAKE_PTR(distances);
        node->n_distances = n;
        return 0;
}

/* Room for the distances of NODE_MAX nodes. */
#define DISTANCE_TEXT_MAX 16384

static int read_distances(const Sysfs *sysfs, Recording *recording, Node *nodes, size_t n_nodes)
{
        _cleanup_free_ char *text = malloc(DISTANCE_TEXT_MAX);
        char path[sizeof(NODE_PATH) + 32];
        int r = 0;

        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n_nodes && r >= 0; i++) {
                snprintf(path, sizeof(path), NODE_PATH "/node%" PRIu32 "/distance", nodes[i].id);
                r = sysfs_read_text(sysfs, sysfs->node_fd, path + sizeof(NODE_PATH), text,
                                    DISTANCE_TEXT_MAX);
                if (r >= 0)
                        r = parse_distances(text, nodes, n_nodes, &nodes[i]);
                if (r < 0 && r != -ENOMEM)
                        r = attribute_fault(&recording->node_faults, path, r, text,
                                            "a distance, not 0, for each node");
        }
        return r;
}

static int read_node_folder(const Sysfs *sysfs, Recording *recording, Node **nodes, size_t *n_nodes)
{
        char text[ATTRIBUTE_TEXT_MAX];
        int r;

        if (sysfs->node_fd < 0)
                return attribute_fault(&recording->node_faults, NODE_PATH, -ENOENT, "",
                                       "the folder of the nodes");
        r = sysfs_read_nodes(sysfs, nodes, n_nodes);
        if (r >= 0)
                r = read_distances(sysfs, recording, *nodes, *n_nodes);
        if (r < 0)
                return r;
        /* Read again, because only here it matters whether the file exists. */
        r = sysfs_read_text(sysfs, sysfs->node_fd, "has_cpu", text, sizeof(text));
        recording->has_cpus = r >= 0 || r == -EFBIG;
        return recording->has_cpus ? 0 :
                                     attribute_fault(&recording->node_faults, NODE_PATH "/has_cpu",
                                                     r, "", "the nodes that have a CPU");
}

static int read_nodes(const Sysfs *sysfs, Recording *recording)
{
        Node *nodes = NULL, *more;
        size_t n_nodes = 0;
        NodeSet set;
        int r = read_node_folder(sysfs, recording, &nodes, &n_nodes);

        more = r < 0 ? NULL : reallocarray(nodes, NODE_MAX, sizeof(*nodes));
        if (!more) {
                nodes_free(nodes, n_nodes);
                return r < 0 ? r : -ENOMEM;
        }
        nodes = more;
        linked_nodes(recording, &set);
        add_nodes(nodes, &n_nodes, &set);
        machine_set_nodes(&recording->machine, nodes, n_nodes);
        return 0;
}

/*
 * Guesses the page size of the machine, which zoneinfo does not tell: the memory that is online
 * divided by the pages that are present. Blocks of boot memory have holes, so the quotient can be
 * too large. Of the existing sizes, 4 KiB, 16 KiB and 64 KiB, the logarithmically nearest is
 * returned.
 */
static uint64_t guess_page_size(const Zone *zones, size_t n_zones, uint64_t online_bytes)
{
        uint64_t n_pages = 0;

        for (size_t i = 0; i < n_zones; i++)
                n_pages += zones[i].present_bytes;
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

/*
 * Converts recorded zones, which are in pages, to bytes. The zones of the running system are in
 * bytes already.
 */
static void pages_to_bytes(Zone *zones, size_t n_zones, uint64_t page_size_bytes)
{
        for (size_t i = 0; i < n_zones; i++) {
                zones[i].present_bytes *= page_size_bytes;
                zones[i].managed_bytes *= page_size_bytes;
                zones[i].spanned_bytes *= page_size_bytes;
                zones[i].free_bytes *= page_size_bytes;
                zones[i].cma_bytes *= page_size_bytes;
                zones[i].free_cma_bytes *= page_size_bytes;
                zones[i].min_bytes *= page_size_bytes;
                zones[i].low_bytes *= page_size_bytes;
                zones[i].high_bytes *= page_size_bytes;
                zones[i].reserve_bytes *= page_size_bytes;
        }
}

static int read_zones(Sysfs *sysfs, int root_fd, Recording *recording)
{
        uint64_t online_bytes = recording->machine.totals.online_bytes;
        Zone *zones = NULL;
        size_t n_zones = 0;
        int r;

        sysfs->page_size_bytes = sysfs->recorded ? 1 : 0;
        r = sysfs_read_zones(sysfs, &zones, &n_zones);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return attribute_fault(&recording->node_faults, "proc/zoneinfo",
                                       r == -EBADF ? -ENOENT : r, "", "the zones of each node");
        if (sysfs->recorded)
                pages_to_bytes(zones, n_zones,
                               noted_page_size(sysfs, root_fd) ?:
                                       guess_page_size(zones, n_zones, online_bytes));
        recording->has_zoneinfo = true;
        machine_set_zones(&recording->machine, zones, n_zones);
        return 0;
}

/* Reads what tests/dumps/record adds to the kernel's files. Neither file has to exist. */
static void read_notes(const Sysfs *sysfs, int root_fd, Machine *machine)
{
        char uname[ATTRIBUTE_TEXT_MAX], virtualization[ATTRIBUTE_TEXT_MAX];
        int uname_error = sysfs_read_text(sysfs, root_fd, "uname", uname, sizeof(uname));
        int virtualization_error = sysfs_read_text(sysfs, root_fd, "virtualization", virtualization,
                                                   sizeof(virtualization));

        host_set(machine, uname_error < 0 ? NULL : uname,
                 virtualization_error < 0 ? NULL : virtualization);
}

/* Reads the parts without which there is no machine to show. Returns 0 or the errors of recording_read(). */
static int read_basics(const char *root, Sysfs *sysfs, Recording *recording)
{
        char text[ATTRIBUTE_TEXT_MAX] = "";
        int fault, r;

        r = sysfs_open_recorded(root, sysfs);
        if (r < 0) {
                fault = attribute_fault(&recording->faults, MEMORY_PATH, r, "",
                                        "the folder of the memory blocks");
                return fault < 0 ? fault : r;
        }
        r = sysfs_read_block_size(sysfs, &recording->machine.block_size_bytes);
        if (r < 0) {
                (void) sysfs_read_text(sysfs, sysfs->memory_fd, "block_size_bytes", text,
                                       sizeof(text));
                fault = attribute_fault(&recording->faults, MEMORY_PATH "/block_size_bytes", r,
                                        text, "a power of two in hexadecimal without 0x");
                return fault < 0 ? fault : r;
        }
        r = list_blocks(sysfs, recording);
        if (r < 0 && r != -ENOMEM) {
                fault = attribute_fault(&recording->faults, MEMORY_PATH "/memoryN", r, "",
                                        "a folder for each block");
                return fault < 0 ? fault : r;
        }
        return r;
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
        read_notes(&sysfs, root_fd, &ret->machine);
        return r < 0 || ret->skips_devices ? r : identify_devices(&sysfs, &ret->machine);
}

void recording_done(Recording *recording)
{
        for (size_t i = 0; recording->blocks && i < recording->machine.n_blocks; i++)
                free(recording->blocks[i].odd_zones);
        free(recording->blocks);
        machine_done(&recording->machine);
        strings_free(recording->faults.texts);
        strings_free(recording->node_faults.texts);
        *recording = (Recording){};
}
