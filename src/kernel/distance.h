/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"

/*
 * Reads the distances between nodes: from libnuma, which is loaded while it is read, or from sysfs where
 * libnuma is not installed. The programs run without it.
 */

#define LIBNUMA "libnuma.so.1"

/*
 * Reads the distances of nodes that have none yet. Logs once that libnuma is missing, and stores that in the
 * machine. A file of sysfs that makes no sense is logged, and its node gets no distances. Returns 0 or
 * -ENOMEM.
 */
int distances_read(const Sysfs *sysfs, Machine *machine, Node *nodes, size_t n_nodes);

/* Whether libnuma can be loaded now. */
bool distances_have_libnuma(void);
