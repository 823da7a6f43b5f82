/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/format.h"
#include "model/machine.h"
#include "policy/policy.h"

/*
 * Explains in one sentence for a person why a block is what it is: the rule with its file and line, the guard
 * that decided, and the figures that it compared. The rule of the block is an index into the rules of this
 * policy.
 *
 * Returns 0 or -ENOMEM. The caller frees the string.
 */
int reason_format(const Machine *machine, const Policy *policy, const Block *block, char **ret);

/* Returns the name of the rule that decided, "" for the default, "(removed)" if a reload removed the rule. */
const char *reason_rule_name(const Policy *policy, const Block *block);

/*
 * Returns the scope of a block's figures: "node" or "machine" for those of a ratio, "min_kernel",
 * "contiguous", or "" if there are none.
 */
const char *reason_scope(const Block *block);

/* The results of a burst of writes, for a single line in the log instead of one per block. */
typedef struct Burst {
        unsigned n_kernel;
        unsigned n_movable;
        unsigned n_failed; /* failed attempts, some of which may be repeated */
        NodeSet nodes;
        uint64_t added_usec;  /* the first `add` event of its blocks, monotonic; 0: not known */
        uint64_t online_usec; /* when the last of its blocks went online, monotonic */
} Burst;

/* Counts a block that went online at this time. */
void burst_add(Burst *burst, Block *block, uint64_t now_usec);

bool burst_is_empty(const Burst *burst);

#define BURST_STRING_MAX 256

/* Formats "64 blocks (8G) on node 1: 16 kernel, 48 movable". Returns the buffer. */
const char *burst_format(const Burst *burst, uint64_t block_size_bytes,
                         char buffer[static BURST_STRING_MAX]);
