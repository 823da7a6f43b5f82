/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the files of a block. */

#include "kernel/sysfs.h"

#include <fcntl.h>
#include <stdio.h>

/*
 * Reads the node of a recorded block: the first one in the order of the folder, as lsmem does. Uses
 * getdents64(), because setting up readdir() would cost as much as the rest for a folder of a few
 * entries.
 */
static int read_first_node(const Sysfs *sysfs, const char *path, int32_t *ret)
{
        _cleanup_close_ int fd =
                sysfs_open_below(sysfs, sysfs->memory_fd, path, O_RDONLY | O_DIRECTORY);
        _Alignas(struct dirent64) char buffer[4096];
        uint32_t node;
        ssize_t n;

        if (fd < 0)
                return -errno;
        while ((n = getdents64(fd, buffer, sizeof(buffer))) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *) (buffer + at);

                        if (sysfs_parse_numbered(entry->d_name, "node", &node) && node < NODE_MAX) {
                                *ret = (int32_t) node;
                                return 0;
                        }
                        at += entry->d_reclen;
                }
        if (n < 0)
                return -errno;
        *ret = NODE_NONE;
        return 0;
}

int sysfs_read_node(const Sysfs *sysfs, uint32_t block, int32_t *ret)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        uint32_t node, first = UINT32_MAX;
        char path[32];

        snprintf(path, sizeof(path), "memory%u", block);
        if (sysfs->recorded)
                return read_first_node(sysfs, path, ret);
        if (sysfs->node_fd < 0) {
                *ret = 0;
                return 0;
        }

        dir = sysfs_open_listing(sysfs, sysfs->memory_fd, path);
        if (!dir)
                return -errno;
        while ((entry = readdir(dir)))
                if (sysfs_parse_numbered(entry->d_name, "node", &node) && node < NODE_MAX)
                        first = MIN(first, node);
        *ret = first == UINT32_MAX ? NODE_NONE : (int32_t) first;
        return 0;
}

bool sysfs_has_link(const Sysfs *sysfs, uint32_t block, int32_t node)
{
        char path[48];

        snprintf(path, sizeof(path), "memory%u/node%d", block, node);
        return faccessat(sysfs->memory_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* Returns -ENOENT if the block does not exist, or only the attribute. */
static int read_attribute(const Sysfs *sysfs, uint32_t block, const char *name,
                          char text[static ATTRIBUTE_MAX])
{
        char path[48];
        int r;

        snprintf(path, sizeof(path), "memory%u/%s", block, name);
        r = sysfs_read_text(sysfs, sysfs->memory_fd, path, text, ATTRIBUTE_MAX);
        /* The kernel returns ENODEV if the block is removed while its file is open. */
        return r == -ENODEV || r == -ENXIO ? -ENOENT : r;
}

static int parse_state(const char *text, BlockState *ret)
{
        BlockState state = block_state_from_string(text);

        if (state < 0)
                return -EBADMSG;
        *ret = state;
        return 0;
}

static int read_state(const Sysfs *sysfs, uint32_t block, BlockState *ret)
{
        char text[ATTRIBUTE_MAX];
        int r = read_attribute(sysfs, block, "state", text);

        return r < 0 ? r : parse_state(text, ret);
}

static int parse_zones(const char *text, ZoneList *ret)
{
        return zone_list_parse(text, ret) < 0 ? -EBADMSG : 0;
}

static int read_zones(const Sysfs *sysfs, uint32_t block, ZoneList *ret)
{
        char path[48], text[ATTRIBUTE_MAX];
        int r = read_attribute(sysfs, block, "valid_zones", text);

        if (r == -ENOENT) {
                snprintf(path, sizeof(path), "memory%u/state", block);
                if (faccessat(sysfs->memory_fd, path, F_OK, 0) < 0)
                        return -ENOENT;
                /* Before 3.18 or without CONFIG_MEMORY_HOTREMOVE, the zones cannot be found out. */
                *ret = (ZoneList){};
                return 0;
        }
        return r < 0 ? r : parse_zones(text, ret);
}

/*
 * Finds the node of a block. As long as the block has no link, this is the node that an event told,
 * if the folder of that node exists: the kernel makes the folder of a new node after those of its
 * blocks.
 */
static int find_node(const Sysfs *sysfs, Block *block)
{
        char path[32];
        int r;

        if (block->told_node == NODE_NONE)
                return block->node == NODE_NONE ? sysfs_read_node(sysfs, block->id, &block->node) :
                                                  0;
        if (sysfs_has_link(sysfs, block->id, block->told_node)) {
                block->node = block->told_node;
                block->told_node = NODE_NONE;
                return 0;
        }
        r = sysfs_read_node(sysfs, block->id, &block->node);
        if (r < 0)
                return r;
        if (block->node != NODE_NONE) {
                block->told_node = NODE_NONE;
                return 0;
        }
        snprintf(path, sizeof(path), "node%d", block->told_node);
        if (faccessat(sysfs->node_fd, path, F_OK, 0) >= 0)
                block->node = block->told_node;
        return 0;
}

/*
 * Whether valid_zones may be read. An online block has its node for certain, and so has a block
 * whose node an event told. An offline block may have been removed and added again since its node
 * was read, so that its link is missing once more. A recorded file can always be read, since that
 * does not call into the kernel.
 */
static bool zones_are_safe(const Sysfs *sysfs, const Block *block)
{
        char path[48];

        if (sysfs->recorded)
                return true;
        if (block->node == NODE_NONE)
                return false;
        if (block->state == BLOCK_ONLINE || block->told_node != NODE_NONE || sysfs->node_fd < 0)
                return true;
        snprintf(path, sizeof(path), "node%d/memory%u", block->node, block->id);
        return faccessat(sysfs->node_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

int sysfs_read_block(const Sysfs *sysfs, Block *block, const char **ret_attribute)
{
        Block seen = *block;
        int r;

        *ret_attribute = "state";
        r = read_state(sysfs, block->id, &seen.state);
        if (r < 0)
                return r;

        r = find_node(sysfs, &seen);
        if (r < 0)
                return r;

        *ret_attribute = "valid_zones";
        if (zones_are_safe(sysfs, &seen)) {
                r = read_zones(sysfs, block->id, &seen.zones);
                if (r < 0)
                        return r;
        } else {
                seen.node = NODE_NONE;
        }

        r = seen.state != block->state || seen.node != block->node ||
            memcmp(&seen.zones, &block->zones, sizeof(seen.zones)) != 0;
        *block = seen;
        return r;
}

/* Stores the result of reading and parsing an attribute, and its text if it could not be parsed. */
static void note_reading(AttributeReading *reading, int read_error, int parse_error,
                         const char *text)
{
        reading->error = read_error < 0 ? read_error : parse_error;
        if (parse_error < 0)
                snprintf(reading->text, sizeof(reading->text), "%.*s",
                         (int) sizeof(reading->text) - 1, text);
}

void sysfs_read_each(const Sysfs *sysfs, Block *block, BlockReading *ret)
{
        char text[ATTRIBUTE_MAX];
        int r = read_attribute(sysfs, block->id, "state", text);

        *ret = (BlockReading){};
        note_reading(&ret->state, r, r < 0 ? 0 : parse_state(text, &block->state), text);

        if (block->node < 0) {
                block->node = NODE_NONE;
                ret->node.error = sysfs_read_node(sysfs, block->id, &block->node);
                if (ret->node.error == 0 && block->node == NODE_NONE)
                        ret->node.error = -ENOENT;
        }

        r = -EAGAIN;
        if (zones_are_safe(sysfs, block))
                r = read_attribute(sysfs, block->id, "valid_zones", text);
        /* An empty text does not come from a kernel, which writes "none". */
        note_reading(&ret->zones, r,
                     r < 0 ? 0 :
                     *text ? parse_zones(text, &block->zones) :
                             -EBADMSG,
                     text);
}

int sysfs_read_outcome(const Sysfs *sysfs, uint32_t block, BlockState *ret_state,
                       ZoneList *ret_zones)
{
        BlockState state;
        ZoneList zones = {};
        int r = read_state(sysfs, block, &state);

        if (r < 0)
                return r;
        /*
         * An online block has its node: reading its zones is safe even if the block has just been
         * added again.
         */
        if (state == BLOCK_ONLINE) {
                r = read_zones(sysfs, block, &zones);
                if (r < 0)
                        return r;
        }
        *ret_state = state;
        *ret_zones = zones;
        return 0;
}
