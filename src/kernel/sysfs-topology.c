/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads how far nodes are from each other, and how fast their memory is. */

#include "kernel/sysfs.h"

#include <stdio.h>

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

int sysfs_read_distances(const Sysfs *sysfs, const Node *nodes, size_t n_nodes, Node *node,
                         char text[static DISTANCE_TEXT_MAX])
{
        char path[32];
        int r;

        text[0] = '\0';
        snprintf(path, sizeof(path), "node%u/distance", node->id);
        r = sysfs_read_text(sysfs, sysfs->node_fd, path, text, DISTANCE_TEXT_MAX);
        return r < 0 ? r : parse_distances(text, nodes, n_nodes, node);
}

int sysfs_read_performance(const Sysfs *sysfs, Node *node, Performance performance,
                           char path[static PERFORMANCE_PATH_MAX], char text[static ATTRIBUTE_MAX])
{
        static const char *const names[_PERFORMANCE_MAX] = {
                [PERFORMANCE_READ_BANDWIDTH] = "read_bandwidth",
                [PERFORMANCE_WRITE_BANDWIDTH] = "write_bandwidth",
                [PERFORMANCE_READ_LATENCY] = "read_latency",
                [PERFORMANCE_WRITE_LATENCY] = "write_latency",
        };
        uint32_t *figure = &node->performance[performance];
        int r;

        *figure = 0;
        text[0] = '\0';
        snprintf(path, PERFORMANCE_PATH_MAX, "node%u/access0/initiators/%s", node->id,
                 names[performance]);
        r = sysfs_read_text(sysfs, sysfs->node_fd, path, text, ATTRIBUTE_MAX);
        if (r < 0)
                return r;
        return parse_u32(text, figure) < 0 ? -EBADMSG : 0;
}
