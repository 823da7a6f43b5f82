/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/*
 * Reads the distances between nodes from libnuma. libnuma reads the machine once, when it is
 * loaded, and has no call to do so again (2.0.16). It is therefore loaded for each reading, to know
 * nodes that have come since. There are no distances without libnuma, or on a machine on which
 * libnuma does not work.
 *
 * Returns 1 if distances were read, 0 if there is no libnuma or no NUMA, or -ENOMEM.
 */
int topology_read(Node *nodes, size_t n_nodes);
