/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sysfs.h"

#include "parse.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/*
 * Opens a recorded file without following links: not even one to the files of the running system,
 * some of which must not be read just like that. A pipe would not hold us up. openat2() came with
 * Linux 5.6; before that, or where it is filtered, a link in the last place is still refused.
 */
static int open_recorded(int dir_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
        };
        int fd = (int) syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = openat(dir_fd, path, (int) how.flags);
        return fd;
}

int sysfs_open_below(const Sysfs *sysfs, int dir_fd, const char *path, int flags)
{
        return sysfs->recorded ? open_recorded(dir_fd, path, flags) :
                                 openat(dir_fd, path, flags | O_CLOEXEC);
}

int sysfs_read_text(const Sysfs *sysfs, int folder_fd, const char *path, char *buffer, size_t size)
{
        _cleanup_close_ int fd = sysfs_open_below(sysfs, folder_fd, path, O_RDONLY);
        size_t n = 0;

        if (fd < 0)
                return -errno;

        while (n < size - 1) {
                ssize_t k = read(fd, buffer + n, size - 1 - n);

                if (k < 0)
                        return -errno;
                n += (size_t) k;
                /* A copy is a plain file: what comes short is its end. */
                if (k == 0 || (sysfs->recorded && n < size - 1))
                        break;
        }
        if (n == size - 1)
                return -EFBIG;
        if (n > 0 && buffer[n - 1] == '\n')
                n--;
        buffer[n] = 0;
        return 0;
}

static int open_folder(const char *root, const char *path, int *ret_fd)
{
        char full[PATH_MAX];

        if ((size_t) snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
                return -ENAMETOOLONG;
        *ret_fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

int sysfs_open(const char *root, Sysfs *ret)
{
        Sysfs sysfs = SYSFS_CLOSED;
        int r = open_folder(root, "/sys/devices/system/memory", &sysfs.memory_fd);

        if (r < 0)
                return r;

        /* Neither is a reason to give up: a kernel without NUMA, a container without /proc. */
        (void) open_folder(root, "/sys/devices/system/node", &sysfs.node_fd);
        (void) open_folder(root, "/proc", &sysfs.proc_fd);
        (void) open_folder(root, "/sys", &sysfs.sys_fd);
        sysfs.iomem_fd =
                openat(sysfs.proc_fd, "iomem", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        *ret = sysfs;
        return 0;
}

void sysfs_close(Sysfs *sysfs)
{
        closep(&sysfs->memory_fd);
        closep(&sysfs->node_fd);
        closep(&sysfs->proc_fd);
        closep(&sysfs->sys_fd);
        closep(&sysfs->iomem_fd);
        *sysfs = SYSFS_CLOSED;
}

int sysfs_open_recorded(const char *root, Sysfs *ret)
{
        struct statfs fs;
        Sysfs sysfs;
        int r = sysfs_open(root, &sysfs);

        if (r < 0)
                return r;
        if (fstatfs(sysfs.memory_fd, &fs) < 0) {
                r = -errno;
                sysfs_close(&sysfs);
                return r;
        }
        sysfs.recorded = fs.f_type != SYSFS_MAGIC;
        if (sysfs.recorded) {
                closep(&sysfs.iomem_fd);
                sysfs.iomem_fd = open_recorded(sysfs.proc_fd, "iomem", O_RDONLY);
        }
        *ret = sysfs;
        return 0;
}

int sysfs_read_block_size(const Sysfs *sysfs, uint64_t *ret_bytes)
{
        char text[ATTRIBUTE_MAX];
        uint64_t bytes;
        int r = sysfs_read_text(sysfs, sysfs->memory_fd, "block_size_bytes", text, sizeof(text));

        if (r < 0)
                return r;
        if (parse_hex_u64(text, &bytes) < 0 || bytes < 4096 || (bytes & (bytes - 1)) != 0)
                return -EBADMSG;
        *ret_bytes = bytes;
        return 0;
}

/* The N of "memoryN" or "nodeN". */
static bool parse_numbered(const char *name, const char *prefix, uint32_t *ret)
{
        size_t n = strlen(prefix);

        if (strncmp(name, prefix, n) != 0 || (name[n] == '0' && name[n + 1]))
                return false;
        return parse_u32(name + n, ret) >= 0;
}

DIR *sysfs_open_listing(const Sysfs *sysfs, int dir_fd, const char *path)
{
        int fd = sysfs_open_below(sysfs, dir_fd, path, O_RDONLY | O_DIRECTORY);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !dir)
                close(fd);
        return dir;
}

static int compare_entries(const void *a, const void *b)
{
        uint32_t x = ((const Entry *) a)->id, y = ((const Entry *) b)->id;

        return (x > y) - (x < y);
}

/* The entries PREFIXn of a folder, by number. -ENOENT when the folder is gone. */
static int list_numbered(const Sysfs *sysfs, int dir_fd, const char *path, const char *prefix,
                         Entry **ret, size_t *ret_n)
{
        _cleanup_(closedirp) DIR *dir = sysfs_open_listing(sysfs, dir_fd, path);
        _cleanup_free_ Entry *entries = NULL;
        size_t n = 0, n_allocated = 0;
        struct dirent *found;
        uint32_t id;

        if (!dir)
                return -errno;

        while ((found = readdir(dir))) {
                if (!parse_numbered(found->d_name, prefix, &id))
                        continue;
                if (n == n_allocated) {
                        Entry *more;

                        n_allocated = n_allocated ? n_allocated * 2 : 64;
                        more = reallocarray(entries, n_allocated, sizeof(*entries));
                        if (!more)
                                return -ENOMEM;
                        entries = more;
                }
                entries[n++] = (Entry){ id, found->d_ino };
        }
        if (n > 0)
                qsort(entries, n, sizeof(*entries), compare_entries);
        *ret = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

int sysfs_list_blocks(const Sysfs *sysfs, Entry **ret_entries, size_t *ret_n_entries)
{
        return list_numbered(sysfs, sysfs->memory_fd, ".", "memory", ret_entries, ret_n_entries);
}

static int read_links_of_node(const Sysfs *sysfs, Machine *machine, uint32_t node)
{
        _cleanup_free_ Entry *entries = NULL;
        char path[32];
        size_t n = 0;
        int r;

        snprintf(path, sizeof(path), "node%u", node);
        r = list_numbered(sysfs, sysfs->node_fd, path, "memory", &entries, &n);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        for (size_t i = 0; i < n; i++) {
                Block *block = machine_find_block(machine, entries[i].id);

                /* A block of boot memory can lie on two nodes: it counts on the first. */
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
        r = list_numbered(sysfs, sysfs->node_fd, ".", "node", &entries, &n);

        for (size_t i = 0; r >= 0 && i < n && entries[i].id < NODE_MAX; i++)
                r = read_links_of_node(sysfs, machine, entries[i].id);
        return r;
}

/*
 * The node of a recorded block: the first in the order of the folder, as lsmem has it. Without
 * readdir(), whose setting up would cost as much as the rest for a folder of a few entries.
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

                        if (parse_numbered(entry->d_name, "node", &node) && node < NODE_MAX) {
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

/* The node of a block from the link in its folder: NODE_NONE while there is none. */
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
                if (parse_numbered(entry->d_name, "node", &node) && node < NODE_MAX)
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

/* -ENOENT when the block, or only the attribute, is not there. */
static int read_attribute(const Sysfs *sysfs, uint32_t block, const char *name,
                          char text[static ATTRIBUTE_MAX])
{
        char path[48];
        int r;

        snprintf(path, sizeof(path), "memory%u/%s", block, name);
        r = sysfs_read_text(sysfs, sysfs->memory_fd, path, text, ATTRIBUTE_MAX);
        /* The kernel answers ENODEV when the block goes away under an open file. */
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
                /* Before 3.18 or without CONFIG_MEMORY_HOTREMOVE: nobody can tell. */
                *ret = (ZoneList){};
                return 0;
        }
        return r < 0 ? r : parse_zones(text, ret);
}

/*
 * The node of a block, for as long as only an event told it: its link's, or else that one, if it is
 * there itself. The kernel makes a new node's folder after the blocks'.
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
 * Whether valid_zones may be read. An online block has its node for certain, and one whose event told
 * it. An offline one may have been removed and added again since its node was read, so that its link is
 * missing once more.
 * A recorded file is no call into the kernel.
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

/* Keeps how reading an attribute and making sense of it went, and its text if it made none. */
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
        /* No kernel says nothing: it says "none". */
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
        /* An online block has its node: reading its zones is safe even if it came back just now. */
        if (state == BLOCK_ONLINE) {
                r = read_zones(sysfs, block, &zones);
                if (r < 0)
                        return r;
        }
        *ret_state = state;
        *ret_zones = zones;
        return 0;
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

/* A kernel without NUMA has no node folder: all is node 0. */
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
        r = list_numbered(sysfs, sysfs->node_fd, ".", "node", &entries, &n);
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

/*
 * 1024 nodes of six zones with 512 CPUs' counters each would be larger; no such machine is known.
 */
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
