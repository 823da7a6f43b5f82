/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the nodes, their links to blocks, their zones, and auto_online_blocks. */

#include "base/parse.h"
#include "base/text.h"
#include "kernel/sysfs.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_TEXT_MAX 128
#define NAME_TEXT_MAX 32

/* Takes the next line of a text. A long line is truncated. Returns false at the end of the text. */
static bool take_line(const char **text, char line[static LINE_TEXT_MAX])
{
        size_t n = strcspn(*text, "\n");

        if (!**text)
                return false;
        snprintf(line, LINE_TEXT_MAX, "%.*s", (int) MIN(n, LINE_TEXT_MAX - 1), *text);
        *text += n + ((*text)[n] == '\n');
        return true;
}

/* Parses a heading such as "Node 0, zone   Normal". Returns false for any other line. */
static bool parse_heading(const char *line, uint32_t *ret_node, char name[static NAME_TEXT_MAX])
{
        return sscanf(line, "Node %" SCNu32 ", zone %31s", ret_node, name) == 2;
}

/*
 * Parses "protection: (0, 1956, 15960, 15960)": the pages that a zone holds back from requests that
 * another zone could have served. Each number stands for the zone at that place in the list of the
 * node. It is 0 for the zone itself and those below it.
 */
static void parse_protection(Zone *zone, const char *line, size_t place, uint64_t page_size_bytes)
{
        uint64_t pages;

        line = strchr(line, '(');
        for (size_t i = 0; line && i < place; i++)
                line = strchr(line + 1, ',');
        if (line && sscanf(line + 1, "%" SCNu64, &pages) == 1)
                zone->reserve_bytes = pages * page_size_bytes;
}

/*
 * Finds the place of the zone Normal among the zones of a node. All nodes have the same zones,
 * empty or not.
 */
static size_t find_normal(const char *text)
{
        uint32_t first = UINT32_MAX, node;
        char line[LINE_TEXT_MAX], name[NAME_TEXT_MAX];
        size_t place = 0;

        while (take_line(&text, line)) {
                if (!parse_heading(line, &node, name))
                        continue;
                if (first != UINT32_MAX && node != first)
                        break;
                first = node;
                if (strcmp(name, "Normal") == 0)
                        return place;
                place++;
        }
        return SIZE_MAX;
}

static void parse_field(Zone *zone, const char *line, size_t normal, uint64_t page_size_bytes)
{
        const struct {
                const char *name;
                uint64_t *bytes;
        } fields[] = {
                { "free", &zone->free_bytes },       { "spanned", &zone->spanned_bytes },
                { "present", &zone->present_bytes }, { "managed", &zone->managed_bytes },
                { "cma", &zone->cma_bytes },         { "nr_free_cma", &zone->free_cma_bytes },
                { "min", &zone->min_bytes },         { "low", &zone->low_bytes },
                { "high", &zone->high_bytes },
        };
        char name[NAME_TEXT_MAX];
        uint64_t pages;

        /* The first field follows the heading "pages" on the same line. */
        line += strspn(line, " ");
        if (strncmp(line, "pages ", 6) == 0)
                line += 6;
        if (strncmp(line, "protection:", 11) == 0 && normal != SIZE_MAX)
                parse_protection(zone, line, normal, page_size_bytes);
        if (sscanf(line, "%31s %" SCNu64, name, &pages) != 2)
                return;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(name, fields[i].name) == 0)
                        *fields[i].bytes = pages * page_size_bytes;
}

static int compare_zones(const void *a, const void *b)
{
        const Zone *x = a, *y = b;

        if (x->node != y->node)
                return x->node < y->node ? -1 : 1;
        return (x->type > y->type) - (x->type < y->type);
}

/* Drops the zones that span no page, and sorts the others. Returns their number. */
static size_t sort_zones(Zone *zones, size_t n_zones)
{
        size_t n = 0;

        for (size_t i = 0; i < n_zones; i++)
                if (zones[i].spanned_bytes > 0)
                        zones[n++] = zones[i];
        if (n > 0)
                qsort(zones, n, sizeof(*zones), compare_zones);
        return n;
}

int zoneinfo_parse(const char *text, uint64_t page_size_bytes, Zone **ret_zones,
                   size_t *ret_n_zones)
{
        size_t normal = find_normal(text), n_zones = 0;
        char line[LINE_TEXT_MAX], name[NAME_TEXT_MAX];
        _cleanup_free_ Zone *zones = NULL;
        bool skip = true;
        uint32_t node;

        while (take_line(&text, line)) {
                if (parse_heading(line, &node, name)) {
                        ZoneType type = zone_type_from_string(name);

                        skip = type < 0 || node >= NODE_MAX;
                        if (!skip && GROW(zones, n_zones) < 0)
                                return -ENOMEM;
                        if (!skip)
                                zones[n_zones++] = (Zone){ .node = node, .type = type };
                } else if (!skip) {
                        parse_field(&zones[n_zones - 1], line, normal, page_size_bytes);
                }
        }
        *ret_n_zones = sort_zones(zones, n_zones);
        *ret_zones = TAKE_PTR(zones);
        return 0;
}

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

const char *sysfs_auto_online_full_path(int32_t node, char buffer[static AUTO_ONLINE_FULL_PATH_MAX])
{
        char path[AUTO_ONLINE_PATH_MAX];

        snprintf(buffer, AUTO_ONLINE_FULL_PATH_MAX, "/sys/devices/system/%s/%s",
                 node == NODE_NONE ? "memory" : "node", sysfs_auto_online_path(node, path));
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
        text_make_printable(strcpy(ret, text));
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
        int r = 0;

        if (sysfs->node_fd >= 0)
                r = sysfs_read_text(sysfs, sysfs->node_fd, name, text, sizeof(text));
        if (r < 0)
                return r;
        if (node_set_parse(&set, text) < 0)
                return -EBADMSG;
        *ret = set;
        return 0;
}

/* A file that tells which CPUs a node has, or which nodes have CPUs. An empty file tells nothing. */
typedef struct CpuFile {
        const char *name;
        const char *zero; /* a text of only these characters tells of no CPU */
        bool (*is_valid)(const char *text);
        const char *expected;
} CpuFile;

static bool is_mask(const char *text)
{
        return text[strspn(text, "0123456789abcdefABCDEF,")] == '\0';
}

static bool is_node_list(const char *text)
{
        NodeSet set = {};

        return node_set_parse(&set, text) >= 0;
}

static const CpuFile cpu_files[] = {
        { "cpulist", "", is_number_list, "a list of CPUs, such as 0-3,8" },
        { "cpumap", "0,", is_mask, "a mask of CPUs in hexadecimal" },
};

static const CpuFile has_cpu_file = { "has_cpu", "", is_node_list,
                                      "a list of nodes, such as 0,2-3" };

static void make_cpu_path(const CpuFile *file, int32_t node, char path[static LIST_PATH_MAX])
{
        if (node == NODE_NONE)
                snprintf(path, LIST_PATH_MAX, "%s", file->name);
        else
                snprintf(path, LIST_PATH_MAX, "node%d/%s", node, file->name);
}

/*
 * Returns 1 if a file tells of a CPU, 0 if not, -EBADMSG if the file makes no sense, or another
 * negative errno. In the first three cases its text is in the buffer.
 */
static int read_cpu_file(const Sysfs *sysfs, const CpuFile *file, int32_t node,
                         char text[static ATTRIBUTE_MAX])
{
        char path[LIST_PATH_MAX];
        int r;

        make_cpu_path(file, node, path);
        r = sysfs_read_text(sysfs, sysfs->node_fd, path, text, ATTRIBUTE_MAX);
        /* Only a list of many CPUs is that long. */
        if (r == -EFBIG)
                return 1;
        if (r < 0)
                return r;
        return file->is_valid(text) ? text[strspn(text, file->zero)] != '\0' : -EBADMSG;
}

static bool node_has_cpu(const Sysfs *sysfs, uint32_t node)
{
        char text[ATTRIBUTE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cpu_files); i++)
                if (read_cpu_file(sysfs, &cpu_files[i], (int32_t) node, text) > 0)
                        return true;
        return false;
}

size_t sysfs_check_cpus(const Sysfs *sysfs, int32_t node, ListFault ret[static LIST_FAULTS_MAX])
{
        const CpuFile *files = node == NODE_NONE ? &has_cpu_file : cpu_files;
        size_t n_files = node == NODE_NONE ? 1 : ELEMENTSOF(cpu_files), n = 0;
        char text[ATTRIBUTE_MAX];

        for (size_t i = 0; i < n_files; i++) {
                if (read_cpu_file(sysfs, &files[i], node, text) != -EBADMSG)
                        continue;
                make_cpu_path(&files[i], node, ret[n].path);
                snprintf(ret[n].text, ATTRIBUTE_TEXT_MAX, "%.*s", ATTRIBUTE_TEXT_MAX - 1, text);
                ret[n++].expected = files[i].expected;
        }
        return n;
}

bool sysfs_has_strict_zone_order(const Sysfs *sysfs)
{
        static const char *const paths[] = {
                "module/memory_hotplug/parameters/strict_zone_order",
                "module/memoryd_guard/parameters/strict_zone_order",
        };
        char text[ATTRIBUTE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(paths) && sysfs->sys_fd >= 0; i++)
                if (sysfs_read_text(sysfs, sysfs->sys_fd, paths[i], text, sizeof(text)) >= 0 &&
                    strcmp(text, "Y") == 0)
                        return true;
        return false;
}

int sysfs_read_nodes(const Sysfs *sysfs, Node **ret_nodes, size_t *ret_n_nodes)
{
        _cleanup_free_ Entry *listed = NULL;
        /* A kernel without NUMA has no node folder: all blocks are on node 0. */
        const Entry alone = {}, *entries = &alone;
        NodeSet has_cpu = {};
        Node *nodes;
        size_t n = 1;
        int r = 0;

        if (sysfs->node_fd >= 0) {
                r = sysfs_list_numbered(sysfs, sysfs->node_fd, ".", "node", &listed, &n);
                entries = listed;
        }
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
                                   .has_cpu = node_set_contains(&has_cpu, entries[i].id) ||
                                              node_has_cpu(sysfs, entries[i].id),
                                   .auto_online = _ONLINE_WORD_INVALID };
                (void) sysfs_read_online_word(sysfs, (int32_t) entries[i].id,
                                              &nodes[i].auto_online);
        }
        *ret_nodes = nodes;
        *ret_n_nodes = n;
        return 0;
}
