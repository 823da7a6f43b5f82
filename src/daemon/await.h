/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/*
 * What the plan waits for, and the blocks that it goes without when the time is up. Pure.
 *
 * A device is decided on as a whole. While the kernel is still adding it, the blocks of which all is known
 * are held: no plan decides on them before the nodes of the others are known. Blocks that may be those of an
 * ACPI device are held while the kernel is adding it, if the policy tells DIMMs from memory of unknown
 * origin.
 */

/* What has to be known before a plan, beside nodes and devices. */
typedef struct AwaitNeeds {
        bool udev;   /* the udev properties of each block */
        bool origin; /* whether memory is that of a DIMM */
} AwaitNeeds;

typedef struct Awaiting {
        unsigned n_blocks;   /* blocks whose node, device or udev event is missing */
        unsigned n_missing;  /* facts that are missing: a change of this number is progress */
        unsigned n_due;      /* blocks that the kernel is about to online */
        bool any_unknown;    /* a block's origin is unknown, so more blocks may follow */
        uint64_t quiet_usec; /* the burst is over if no block came for this long */
        bool any_given_up; /* a block without a node is no longer waited for, or a block is held */
        bool any_incomplete; /* devices are to be identified again */
        bool lacks_nodes;    /* a block without a device has no node */
        AwaitNeeds needs;
} Awaiting;

/* Blocks that are no longer waited for. */
typedef struct GivenUp {
        unsigned n;
        uint32_t first; /* the lowest id */
} GivenUp;

/*
 * Finds what the plan waits for. Marks blocks without a node to be read again. This includes blocks that
 * could not be read at all yet, because they were listed before their folder was complete. Holds the blocks
 * of devices that lack nodes, and releases held blocks whose device is known.
 */
Awaiting awaiting_find(Machine *machine, AwaitNeeds needs);

/*
 * Has the plan go without what is missing about a block: the block waits for its node (counted in *nodeless),
 * is held from now on (counted in *held) or still, or is decided on without its device or udev event.
 */
void awaiting_give_up(const Awaiting *awaiting, Block *block, GivenUp *nodeless, GivenUp *held);

/* Whether the kernel is to online a block, and the plan still waits for that. */
bool await_is_left_to_kernel(const Block *block);

/* Gives a block up, and counts it. */
void await_give_up(Block *block, GivenUp *given_up);
