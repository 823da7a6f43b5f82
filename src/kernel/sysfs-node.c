/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the nodes, their links to blocks, and auto_online_blocks. */

#include "kernel/sysfs.h"

#include "base/parse.h"

#include <stdio.h>

static int read_links_of_node(const Sysfs *sysfs, Machine *machine, uint32_t node)
{
        _cleanup_free_ Entry *entries = NULL;
        char path[32];
        size_t n = 0;
        int r;

        snprintf(path, sizeof(path), "node%u", node);
        r = sysfs_list_numbered(sysfs, sysfs->node_fd, path, "memory", &entries, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        for (size_t i = 0; i < n; i++) {
                Block *block = machine_find_block(machine, entries[i].id);

                /* A block of boot memory can lie on two nodes: it counts as a block of the first. */
                if (block && block->node == NODE_NONE)
                        block->node = (int32_t) node;
                else if (block && sysfs->recorded)
                        block->node = NODE_SEVERAL;
        }
        return 0;
}

int sysfs_read_links(const Sysfs *sysfs, Machine *machine)
{
        _cleanup_free_ Entry *entries = NULL;
        size_t n = 0;
        int r;

        if (sysfs->node_fd < 0)
                return 0;
        r = sysfs_list_numbered(sysfs, sysfs->node_fd, ".", "node", &entries, &n);

        for (size_t i = 0; r >= 0 && i < n && entries[i].id < NODE_MAX; i++)
                r = read_links_of_node(sysfs, machine, entries[i].id);
        return r;
}

const char *sysfs_auto_online_path(int32_t node, char buffer[static AUTO_ONLINE_PATH_MAX])
{
        if (node == NODE_NONE)
                snprintf(buffer, AUTO_ONLINE_PATH_MAX, "auto_online_blocks");
        else
                snprintf(buffer, AUTO_ONLINE_PATH_MAX, "node%d/auto_online_blocks", node);
        return buffer;
}

int sysfs_read_auto_online(const Sysfs *sysfs, int32_t node, char ret[static AUTO_ONLINE_WORD_MAX])
{
        int folder_fd = node == NODE_NONE ? sysfs->memory_fd : sysfs->node_fd;
        char path[AUTO_ONLINE_PATH_MAX], text[ATTRIBUTE_MAX];
        int r = sysfs_read_text(sysfs, folder_fd, sysfs_auto_online_path(node, path), text,
                                sizeof(text));

        if (r < 0)
                return r;
        if (strlen(text) >= AUTO_ONLINE_WORD_MAX)
                return -EBADMSG;
        strcpy(ret, text);
        return 0;
}

int sysfs_read_online_word(const Sysfs *sysfs, int32_t node, OnlineWord *ret)
{
        char text[AUTO_ONLINE_WORD_MAX];
        OnlineWord word;
        int r = sysfs_read_auto_online(sysfs, node, text);

        if (r < 0)
                return r;
        word = online_word_from_string(text);
        if (word < 0)
                return -EBADMSG;
        *ret = word;
        return 0;
}

int sysfs_read_node_list(const Sysfs *sysfs, const char *name, NodeSet *ret)
{
        char text[ATTRIBUTE_MAX] = "0";
        NodeSet set = {};
        int r = sysfs->node_fd < 0 ?
                        0 :
                        sysfs_read_text(sysfs, sysfs->node_fd, name, text, sizeof(text));

        if (r < 0)
                return r;
        if (node_set_parse(&set, text) < 0)
                return -EBADMSG;
        *ret = set;
        return 0;
}

/* A kernel without NUMA has no node folder: all blocks are on node 0. */
static int single_node(Node **ret_nodes, size_t *ret_n_nodes)
{
        Node *node = calloc(1, sizeof(Node));

        if (!node)
                return -ENOMEM;
        node->has_cpu = true;
        node->auto_online = _ONLINE_WORD_INVALID;
        *ret_nodes = node;
        *ret_n_nodes = 1;
        return 0;
}

int sysfs_read_nodes(const Sysfs *sysfs, Node **ret_nodes, size_t *ret_n_nodes)
{
        _cleanup_free_ Entry *entries = NULL;
        NodeSet has_cpu = {};
        Node *nodes;
        size_t n = 0;
        int r;

        if (sysfs->node_fd < 0)
                return single_node(ret_nodes, ret_n_nodes);
        r = sysfs_list_numbered(sysfs, sysfs->node_fd, ".", "node", &entries, &n);
        if (r < 0)
                return r;

        (void) sysfs_read_node_list(sysfs, "has_cpu", &has_cpu);
        while (n > 0 && entries[n - 1].id >= NODE_MAX)
                n--;
        nodes = calloc(n + 1, sizeof(Node));
        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                nodes[i] = (Node){ .id = entries[i].id,
                                   .has_cpu = node_set_contains(&has_cpu, entries[i].id),
                                   .auto_online = _ONLINE_WORD_INVALID };
                (void) sysfs_read_online_word(sysfs, (int32_t) entries[i].id,
                                              &nodes[i].auto_online);
        }
        *ret_nodes = nodes;
        *ret_n_nodes = n;
        return 0;
}

/* Too small for 1024 nodes of six zones with the counters of 512 CPUs each, but no such machine is known. */
#define ZONEINFO_MAX (64 << 20)

static int read_long_text(const Sysfs *sysfs, int folder_fd, const char *path, char **ret)
{
        for (size_t size = 64 << 10; size <= ZONEINFO_MAX; size *= 4) {
                char *text = malloc(size);
                int r;

                if (!text)
                        return -ENOMEM;
                r = sysfs_read_text(sysfs, folder_fd, path, text, size);
                if (r >= 0)
                        *ret = text;
                else
                        free(text);
                if (r != -EFBIG)
                        return r;
        }
        return -EFBIG;
}

int sysfs_read_zones(const Sysfs *sysfs, Zone **ret_zones, size_t *ret_n_zones)
{
        uint64_t page_size_bytes = sysfs->page_size_bytes;
        _cleanup_free_ char *text = NULL;
        int r = read_long_text(sysfs, sysfs->proc_fd, "zoneinfo", &text);

        if (r < 0)
                return r;
        if (page_size_bytes == 0)
                page_size_bytes = (uint64_t) sysconf(_SC_PAGESIZE);
        return zoneinfo_parse(text, page_size_bytes, ret_zones, ret_n_zones);
}
