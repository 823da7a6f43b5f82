/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/policy.h"

/* A set of auto_online_blocks files. */
typedef struct WordFiles {
        bool machine;
        NodeSet nodes;
} WordFiles;

/*
 * Returns the single verdict of a policy on all memory that may be added to a node, whatever its device, size
 * and address. The kernel can online such memory by itself. NULL is a node that is not there yet. Returns
 * VERDICT_NONE if there are several verdicts, or if the verdict depends on what else is online, as with
 * `auto` unless max_movable_ratio is 0.
 *
 * A rule that asks for a property that is not known of future memory (origin, address, size, a udev property,
 * a node without memory) may match or not. Both cases must lead to the same verdict.
 */
Verdict offload_node(const Machine *machine, const Policy *policy, const Node *node);

/*
 * Whether a policy leaves all memory of an origin without a driver, such as a balloon's, to other programs.
 */
bool offload_leaves(const Machine *machine, const Policy *policy, Origin origin);

/*
 * Returns the single verdict for all nodes, those of the machine and those that are not there yet, or
 * VERDICT_NONE.
 */
Verdict offload_machine(const Machine *machine, const Policy *policy);

/*
 * Return the word that auto_online_blocks is to have while memoryd runs: that of the machine, and that of a
 * node, which depends on the machine's. `uniform` tells whether offload is "uniform" in memoryd.conf(5). If
 * it is not, the kernel onlines nothing. A node with the same word as the machine gets "inherit", or keeps
 * "offline" if it has the same effect.
 */
OnlineWord offload_machine_word(const Machine *machine, const Policy *policy, bool uniform);
OnlineWord offload_node_word(const Machine *machine, const Policy *policy, bool uniform,
                             OnlineWord machine_word, const Node *node);
