/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Brings the nodes of the machine up to date with sysfs. */

#include "base/log.h"
#include "kernel/distance.h"
#include "kernel/survey.h"

static bool same_nodes(const Machine *machine, const Node *nodes, size_t n_nodes)
{
        if (machine->n_nodes != n_nodes)
                return false;
        for (size_t i = 0; i < n_nodes; i++)
                if (machine->nodes[i].id != nodes[i].id)
                        return false;
        return true;
}

/* Logs each list of CPUs of a node, or of all nodes (NODE_NONE), that makes no sense. */
static void note_odd_lists(const Sysfs *sysfs, int32_t node)
{
        const LogContext context = { .has_node = node != NODE_NONE, .node = node };
        ListFault faults[LIST_FAULTS_MAX];
        size_t n = sysfs_check_cpus(sysfs, node, faults);

        for (size_t i = 0; i < n; i++)
                log_full(LOG_WARNING, &context,
                         "Cannot make sense of /sys/devices/system/node/%s: '%s', expected %s, "
                         "ignoring",
                         faults[i].path, faults[i].text, faults[i].expected);
}

/* Checks the files about CPUs once: of each node when it is new, and has_cpu with the first nodes. */
static void check_new_nodes(const Sysfs *sysfs, const Machine *machine, const Node *nodes,
                            size_t n_nodes)
{
        if (machine->n_nodes == 0)
                note_odd_lists(sysfs, NODE_NONE);
        for (size_t i = 0; i < n_nodes; i++)
                if (!machine_find_node(machine, nodes[i].id))
                        note_odd_lists(sysfs, (int32_t) nodes[i].id);
}

int survey_nodes(const Sysfs *sysfs, Machine *machine)
{
        Node *nodes = NULL;
        size_t n_nodes = 0;
        int r = sysfs_read_nodes(sysfs, &nodes, &n_nodes);

        if (r < 0)
                return r;
        machine->strict_zone_order = sysfs_has_strict_zone_order(sysfs);
        if (!same_nodes(machine, nodes, n_nodes)) {
                r = distances_read(sysfs, machine, nodes, n_nodes);
                if (r < 0) {
                        nodes_free(nodes, n_nodes);
                        return r;
                }
                check_new_nodes(sysfs, machine, nodes, n_nodes);
                machine_set_nodes(machine, nodes, n_nodes);
                return 1;
        }
        for (size_t i = 0; i < n_nodes; i++) {
                machine->nodes[i].has_cpu = nodes[i].has_cpu;
                machine->nodes[i].auto_online = nodes[i].auto_online;
        }
        nodes_free(nodes, n_nodes);
        return 0;
}

void survey_performance(const Sysfs *sysfs, Machine *machine)
{
        char path[PERFORMANCE_PATH_MAX], text[ATTRIBUTE_MAX];

        for (size_t i = 0; i < machine->n_nodes && sysfs->node_fd >= 0; i++)
                for (Performance p = 0; p < _PERFORMANCE_MAX; p++)
                        (void) sysfs_read_performance(sysfs, &machine->nodes[i], p, path, text);
}
