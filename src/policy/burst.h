/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/format.h"
#include "model/machine.h"

/* The results of a burst of writes, for a single line in the log instead of one per block. */
typedef struct Burst {
        unsigned n_kernel;
        unsigned n_movable;
        unsigned n_failed; /* failed attempts, some of which may be repeated */
        NodeSet nodes;
} Burst;

/* Counts a block that went online. */
void burst_add(Burst *burst, const Block *block);

bool burst_is_empty(const Burst *burst);

#define BURST_STRING_MAX 256

/* Formats "64 blocks (8G) on node 1: 16 kernel, 48 movable". Returns the buffer. */
const char *burst_format(const Burst *burst, uint64_t block_size_bytes,
                         char buffer[static BURST_STRING_MAX]);
