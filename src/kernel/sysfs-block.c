/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the files of a block. */

#include "kernel/sysfs.h"

#include <fcntl.h>
#include <stdio.h>

int sysfs_read_node(const Sysfs *sysfs, uint32_t block, int32_t *ret)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        uint32_t node, first = UINT32_MAX;
        char path[32];

        if (sysfs->node_fd < 0 && !sysfs->recorded) {
                *ret = 0;
                return 0;
        }
        snprintf(path, sizeof(path), "memory%u", block);
        dir = sysfs_open_listing(sysfs, sysfs->memory_fd, path);
        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                if (!sysfs_parse_numbered(entry->d_name, "node", &node) || node >= NODE_MAX)
                        continue;
                first = MIN(first, node);
                if (sysfs->recorded)
                        break;
        }
        *ret = first == UINT32_MAX ? NODE_NONE : (int32_t) first;
        return 0;
}

bool sysfs_has_link(const Sysfs *sysfs, uint32_t block, int32_t node)
{
        char path[48];

        snprintf(path, sizeof(path), "memory%u/node%d", block, node);
        return faccessat(sysfs->memory_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/*
 * Reads the text of an attribute. Returns -ENOENT if the block does not exist, or only the
 * attribute.
 */
static int read_attribute(const Sysfs *sysfs, uint32_t block, const char *name,
                          char text[static ATTRIBUTE_MAX])
{
        char path[48];
        int r;

        snprintf(path, sizeof(path), "memory%u/%s", block, name);
        text[0] = 0;
        r = sysfs_read_text(sysfs, sysfs->memory_fd, path, text, ATTRIBUTE_MAX);
        /* The kernel returns ENODEV if the block is removed while its file is open. */
        return r == -ENODEV || r == -ENXIO ? -ENOENT : r;
}

/* Read an attribute and parse it. The text is left in the buffer. Return -EBADMSG if it is odd. */
static int read_state(const Sysfs *sysfs, uint32_t block, char text[static ATTRIBUTE_MAX],
                      BlockState *ret)
{
        int r = read_attribute(sysfs, block, "state", text);
        BlockState state;

        if (r < 0)
                return r;
        state = block_state_from_string(text);
        if (state < 0)
                return -EBADMSG;
        *ret = state;
        return 0;
}

static int read_zones(const Sysfs *sysfs, uint32_t block, char text[static ATTRIBUTE_MAX],
                      ZoneList *ret)
{
        char path[48];
        int r = read_attribute(sysfs, block, "valid_zones", text);

        if (r == -ENOENT) {
                snprintf(path, sizeof(path), "memory%u/state", block);
                if (faccessat(sysfs->memory_fd, path, F_OK, 0) < 0)
                        return -ENOENT;
                /* Before 3.18 or without CONFIG_MEMORY_HOTREMOVE, the zones cannot be found out. */
                *ret = (ZoneList){};
                return 0;
        }
        if (r < 0)
                return r;
        return zone_list_parse(text, ret) < 0 ? -EBADMSG : 0;
}

/*
 * Finds the node of a block. As long as the block has no link, this is the node that an event told,
 * if the folder of that node exists: the kernel makes the folder of a new node after those of its
 * blocks.
 */
static int find_node(const Sysfs *sysfs, Block *block)
{
        char path[32];
        int r = 0;

        if (block->told_node != NODE_NONE && sysfs_has_link(sysfs, block->id, block->told_node))
                block->node = block->told_node;
        else if (block->told_node != NODE_NONE || block->node == NODE_NONE)
                r = sysfs_read_node(sysfs, block->id, &block->node);
        if (r < 0)
                return r;

        snprintf(path, sizeof(path), "node%d", block->told_node);
        if (block->node != NODE_NONE)
                block->told_node = NODE_NONE;
        else if (block->told_node != NODE_NONE && faccessat(sysfs->node_fd, path, F_OK, 0) >= 0)
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
        if (sysfs->recorded)
                return true;
        if (block->node == NODE_NONE)
                return false;
        if (block->state == BLOCK_ONLINE || block->told_node != NODE_NONE || sysfs->node_fd < 0)
                return true;
        return sysfs_has_link(sysfs, block->id, block->node);
}

int sysfs_read_block(const Sysfs *sysfs, Block *block, const char **ret_attribute)
{
        char text[ATTRIBUTE_MAX];
        Block seen = *block;
        int r;

        *ret_attribute = "state";
        r = read_state(sysfs, block->id, text, &seen.state);
        if (r < 0)
                return r;

        r = find_node(sysfs, &seen);
        if (r < 0)
                return r;

        *ret_attribute = "valid_zones";
        if (zones_are_safe(sysfs, &seen))
                r = read_zones(sysfs, block->id, text, &seen.zones);
        else
                seen.node = NODE_NONE;
        if (r < 0)
                return r;

        r = seen.state != block->state || seen.node != block->node ||
            memcmp(&seen.zones, &block->zones, sizeof(seen.zones)) != 0;
        *block = seen;
        return r;
}

/* Stores the result of reading an attribute, and its text if it makes no sense. */
static void note_reading(AttributeReading *reading, int error, const char *text)
{
        reading->error = error;
        if (error == -EBADMSG)
                snprintf(reading->text, sizeof(reading->text), "%.*s",
                         (int) sizeof(reading->text) - 1, text);
}

void sysfs_read_each(const Sysfs *sysfs, Block *block,
                     AttributeReading ret[static _BLOCK_ATTRIBUTE_MAX])
{
        char text[ATTRIBUTE_MAX];
        int r = read_state(sysfs, block->id, text, &block->state);

        memset(ret, 0, _BLOCK_ATTRIBUTE_MAX * sizeof(*ret));
        note_reading(&ret[BLOCK_ATTRIBUTE_STATE], r, text);

        if (block->node < 0) {
                block->node = NODE_NONE;
                r = sysfs_read_node(sysfs, block->id, &block->node);
                if (r == 0 && block->node == NODE_NONE)
                        r = -ENOENT;
                ret[BLOCK_ATTRIBUTE_NODE].error = r;
        }

        r = -EAGAIN;
        if (zones_are_safe(sysfs, block))
                r = read_attribute(sysfs, block->id, "valid_zones", text);
        /* An empty text does not come from a kernel, which writes "none". */
        if (r >= 0 && (!*text || zone_list_parse(text, &block->zones) < 0))
                r = -EBADMSG;
        note_reading(&ret[BLOCK_ATTRIBUTE_ZONES], r, text);
}

int sysfs_read_outcome(const Sysfs *sysfs, uint32_t block, BlockState *ret_state,
                       ZoneList *ret_zones)
{
        char text[ATTRIBUTE_MAX];
        BlockState state;
        ZoneList zones = {};
        int r = read_state(sysfs, block, text, &state);

        /*
         * An online block has its node: reading its zones is safe even if the block has just been
         * added again.
         */
        if (r >= 0 && state == BLOCK_ONLINE)
                r = read_zones(sysfs, block, text, &zones);
        if (r < 0)
                return r;
        *ret_state = state;
        *ret_zones = zones;
        return 0;
}
