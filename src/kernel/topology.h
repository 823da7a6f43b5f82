/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/*
 * Fills in the distances between nodes from libnuma. libnuma reads the machine once, when it is
 * loaded, and has no call to look again (2.0.16): it is loaded for each reading, so that a node
 * that has come since is known. Without libnuma, or on a machine it does not work on, there are no
 * distances.
 *
 * Returns 1 when distances were read, 0 when there is no libnuma or no NUMA, -ENOMEM.
 */
int topology_read(Node *nodes, size_t n_nodes);
