/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds rules that have no effect on this machine for now. */

#include "daemon/config-note.h"

#include "base/format.h"
#include "config/fault.h"
#include "daemon/journal.h"
#include "kernel/tier.h"

#define NODES_STRING_MAX 128

/* Adds a note if `named` has nodes that are not online. `possible` is empty if it is unknown. */
static void note_nodes(const Rule *rule, const char *key, const NodeSet *named,
                       const NodeSet *online, const NodeSet *possible, ConfFaults *notes)
{
        NodeSet missing = node_set_minus(named, online);
        NodeSet impossible = node_set_minus(&missing, possible);
        char nodes[NODES_STRING_MAX], never[NODES_STRING_MAX];

        if (node_set_is_empty(&missing))
                return;
        format_nodes(&missing, nodes, sizeof(nodes));
        format_nodes(&impossible, never, sizeof(never));
        if (node_set_is_empty(possible) || node_set_is_empty(&impossible))
                (void) conf_faults_add(notes, rule->file, rule->line, NULL,
                                       "note: '%s': this machine has no node %s yet", key, nodes);
        else
                (void) conf_faults_add(
                        notes, rule->file, rule->line, NULL,
                        "note: '%s': this machine has no node %s and cannot get %s without a "
                        "reboot",
                        key, nodes, never);
}

static void note_tier(const Rule *rule, const Sysfs *sysfs, ConfFaults *notes)
{
        if (rule->has_tiers && !tiers_exist(sysfs))
                (void) conf_faults_add(notes, rule->file, rule->line, NULL,
                                       "note: 'rules.tier': this kernel has no memory tiers, the "
                                       "rule matches nothing");
}

void conf_note(const Conf *conf, const Sysfs *sysfs, ConfFaults *notes)
{
        NodeSet online, possible;
        bool knows_nodes = sysfs_read_node_list(sysfs, "online", &online) >= 0;

        /* Without this list it is unknown which nodes can exist before the next boot. */
        if (sysfs_read_node_list(sysfs, "possible", &possible) < 0)
                possible = (NodeSet){};
        for (size_t i = 0; i < conf->policy.n_rules; i++) {
                const Rule *rule = &conf->policy.rules[i];
                NodeSet from = {};

                note_tier(rule, sysfs, notes);
                if (!knows_nodes)
                        continue;
                if (rule->has_distance)
                        node_set_add(&from, rule->distance.from);
                note_nodes(rule, "rules.node", &rule->nodes, &online, &possible, notes);
                note_nodes(rule, "rules.distance.from", &from, &online, &possible, notes);
        }
}

void conf_note_log(const Conf *conf, const Sysfs *sysfs)
{
        _cleanup_(conf_faults_done) ConfFaults notes = {};

        conf_note(conf, sysfs, &notes);
        journal_faults(&notes, LOG_INFO, NULL);
}
