/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Brings the blocks, zones and ACPI devices of the machine up to date with sysfs. */

#include "kernel/survey.h"

#include "base/log.h"
#include "kernel/identify.h"

#include <fcntl.h>

/*
 * Removes the blocks that have no entry, and adds a block for each entry that has none. Returns 0 or
 * -ENOMEM.
 */
static int match_entries(Machine *machine, const Entry *entries, size_t n, ChangedIds *changed)
{
        _cleanup_free_ bool *keep = calloc(machine->n_blocks + 1, sizeof(bool));
        _cleanup_free_ uint32_t *ids = calloc(n + 1, sizeof(*ids));
        size_t n_ids = 0, at = 0;

        if (!keep || !ids)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                uint32_t id = machine->blocks[i].id;

                for (; at < n && entries[at].id < id; at++)
                        ids[n_ids++] = entries[at].id;
                keep[i] = at < n && entries[at].id == id;
                at += keep[i];
                if (!keep[i] && changed_ids_add(changed, id) < 0)
                        return -ENOMEM;
        }
        for (; at < n; at++)
                ids[n_ids++] = entries[at].id;
        machine_retain_blocks(machine, keep);
        return machine_insert_blocks(machine, ids, n_ids);
}

/*
 * Starts over with each block whose folder is not the one from before. Returns the number of these
 * blocks or -ENOMEM.
 */
static int renew_changed(Machine *machine, const Entry *entries, ChangedIds *changed)
{
        int n_new = 0;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                while (entries->id != block->id)
                        entries++;
                if (block->inode == entries->inode)
                        continue;
                block_init(block, entries->id);
                block->inode = entries->inode;
                block->stale = true;
                n_new++;
                if (changed_ids_add(changed, block->id) < 0)
                        return -ENOMEM;
        }
        return n_new;
}

int survey_list(const Sysfs *sysfs, Machine *machine, ChangedIds *changed)
{
        _cleanup_free_ Entry *entries = NULL;
        size_t n;
        int r = sysfs_list_numbered(sysfs, sysfs->memory_fd, ".", "memory", &entries, &n);

        if (r < 0)
                return r;
        r = match_entries(machine, entries, n, changed);
        /* Each block has an entry at this point. */
        return r < 0 ? r : renew_changed(machine, entries, changed);
}

/* Logs once what is wrong with an attribute of a block, and stores it as the error of the block. */
static void note_error(Block *block, int error, const char *attribute)
{
        const LogContext context = { .has_block = true, .block = block->id, .node = block->node };

        if (block->error == error)
                return;
        block->error = (int16_t) error;
        log_full(LOG_WARNING, &context, "Cannot make sense of memory%u/%s: %s, ignoring", block->id,
                 attribute, strerror(-error));
}

/* Whether the kernel itself onlines memory that is added to the node of a block. The node may be new. */
static bool kernel_onlines(const Sysfs *sysfs, const Machine *machine, const Block *block,
                           const TrackMode *mode)
{
        OnlineWord word = _ONLINE_WORD_INVALID;
        const Node *node;

        if (block->node == NODE_NONE || mode->at_start)
                return mode->kernel_onlines;
        node = machine_find_node(machine, (uint32_t) block->node);
        if (node)
                word = node->auto_online;
        else
                (void) sysfs_read_online_word(sysfs, block->node, &word);
        return word < 0 || word == ONLINE_WORD_INHERIT ? mode->kernel_onlines :
                                                         online_word_onlines(word);
}

/*
 * Reads a block. Returns 1 if the block changed, 0 if not, -EAGAIN if it cannot be read now, or
 * -ENOENT if it is gone. A block that was never read and does not exist is still being added: it
 * keeps waiting for its node, and 0 is returned.
 */
static int read_one(const Sysfs *sysfs, const Machine *machine, Block *block, TrackMode mode)
{
        const Block before = *block;
        const char *attribute = NULL;
        bool is_new = !block->seen;
        int r = sysfs_read_block(sysfs, block, &attribute);

        if (r == -ENOENT) {
                block->leaving = !is_new;
                return is_new ? 0 : r;
        }
        if (r < 0) {
                note_error(block, r, attribute);
                return r == -EBADMSG ? 0 : -EAGAIN;
        }

        /* The error of a write stays until the next write. */
        if (block->attempts == 0)
                block->error = 0;
        mode.kernel_onlines = kernel_onlines(sysfs, machine, block, &mode);
        if (is_new)
                track_new(block, &mode);
        else
                track_read(block, &before, &mode);
        block->seen = true;
        return r > 0 || is_new || block->status != before.status;
}

int survey_read(const Sysfs *sysfs, Machine *machine, const TrackMode *mode, size_t limit,
                ChangedIds *changed, SurveyLeft *ret_left)
{
        size_t n = 0;

        for (size_t i = 0; i < machine->n_blocks && n < limit; i++) {
                Block *block = &machine->blocks[i];
                int r;

                if (!block->stale)
                        continue;
                r = read_one(sysfs, machine, block, *mode);
                n += r != -EAGAIN;
                block->stale = r == -EAGAIN;
                ret_left->again |= r == -EAGAIN || block->state == BLOCK_GOING_OFFLINE;
                ret_left->gone |= r == -ENOENT;
                if (r > 0 && changed_ids_add(changed, block->id) < 0)
                        return -ENOMEM;
        }
        return (int) n;
}

int survey_zones(const Sysfs *sysfs, Machine *machine)
{
        _cleanup_close_ int fd = sysfs_open_below(sysfs, sysfs->proc_fd, "zoneinfo", O_RDONLY);
        _cleanup_free_ char *text = NULL;
        Zone *zones = NULL;
        size_t n_zones = 0;
        int r = fd < 0 ? -errno : sysfs_read_long_text(fd, &text);

        if (r >= 0)
                r = zoneinfo_parse(text, sysfs->page_size_bytes, &zones, &n_zones);
        if (r < 0)
                return r;
        machine_set_zones(machine, zones, n_zones);
        return 0;
}

/* Returns the number of the machine's blocks in a range of n blocks, at least one. */
static uint64_t count_blocks(const Machine *machine, uint32_t first, uint64_t n)
{
        uint64_t count = 0;

        for (size_t i = 0; i < machine->n_blocks; i++)
                count += machine->blocks[i].id - first < n && machine->blocks[i].id >= first;
        return count;
}

/*
 * Finds out whether the kernel is at work on an add_memory() of an ACPI device: it makes the range in
 * /proc/iomem first and the links of the blocks last.
 */
static AcpiAdding find_adding(const Sysfs *sysfs, const Machine *machine)
{
        uint64_t block_size_bytes = machine->block_size_bytes;
        _cleanup_free_ Ram *rams = NULL;
        AcpiAdding adding = {};
        size_t n_rams = 0;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Device *device = machine_device(machine, block);

                if (device && device->origin == ORIGIN_UNKNOWN && !*device->name &&
                    device_is_static(device) && block->status != BLOCK_STATUS_INITIAL) {
                        adding.n_unknown++;
                        adding.n_old += block->decision.verdict != VERDICT_NONE;
                }
                adding.is_under_way |= block->leaving || (block->decision.verdict == VERDICT_NONE &&
                                                          block->status == BLOCK_STATUS_PENDING &&
                                                          identify_awaits(machine, block));
        }
        (void) evidence_ram(sysfs, block_size_bytes, &rams, &n_rams);
        for (size_t i = 0; i < n_rams; i++) {
                uint32_t first = 0;
                uint64_t n = ram_blocks(rams[i].first, rams[i].last, block_size_bytes, &first);
                uint64_t n_there = n > 0 ? count_blocks(machine, first, n) : 0;

                if (rams[i].kind != RAM_PLAIN || n_there >= n)
                        continue;
                adding.is_under_way = true;
                if (n_there == 0)
                        adding.bytes = rams[i].last - rams[i].first + 1;
        }
        return adding;
}

int survey_acpi(const Sysfs *sysfs, Machine *machine, uint64_t now_usec)
{
        _cleanup_(closedirp) DIR *folder = evidence_open_acpi(sysfs);
        AcpiDevices *acpi = &machine->acpi;
        AcpiDevice *devices = NULL;
        size_t n_devices = 0;
        AcpiDevice found = {};
        AcpiAdding adding = {};

        while (evidence_next_unbound(sysfs, folder, found.name)) {
                if (GROW(devices, n_devices) < 0) {
                        free(devices);
                        return -ENOMEM;
                }
                devices[n_devices++] = found;
        }
        if (n_devices == 0 && acpi->n_devices == 0)
                return 0;
        acpi->is_off = evidence_is_acpi_off(sysfs);
        acpi->page_size_bytes = sysfs->page_size_bytes;
        acpi->has_own_structures = evidence_has_own_structures(sysfs);
        if (n_devices > acpi->n_failed)
                adding = find_adding(sysfs, machine);
        return acpi_devices_take(machine, devices, n_devices, adding, now_usec);
}
