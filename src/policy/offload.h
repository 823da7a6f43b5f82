/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/policy.h"

/*
 * What can be left to the kernel: the one verdict of a policy on all memory that may be added to a node, of
 * whatever device, size and address; NULL is a node that is not there yet. VERDICT_NONE when there is more
 * than one, or when it depends on what else is online, as `auto` does unless max_movable_ratio is 0.
 *
 * A rule that asks for something that is not known of memory to come (origin, address, size, a udev
 * property, a node without memory) may match or not: both have to lead to the same.
 */
Verdict offload_node(const Machine *machine, const Policy *policy, const Node *node);

/* The same for all nodes at once, those that the machine has and those that are not there yet. */
Verdict offload_machine(const Machine *machine, const Policy *policy);

/*
 * What the kernel's files are to say while memoryd runs: the machine's, then a node's, which depends on it.
 * `uniform` is the setting of memoryd.conf(5): if it is not set the kernel onlines nothing. A node's file
 * that does not matter stays as it is.
 */
OnlineWord offload_machine_word(const Machine *machine, const Policy *policy, bool uniform);
OnlineWord offload_node_word(const Machine *machine, const Policy *policy, bool uniform,
                             OnlineWord machine_word, const Node *node);
