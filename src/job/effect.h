/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/request.h"

/* What a selection changes, for a person who is to be told before it is done. Pure, like all of the core. */

/* Blocks of a node that go from one class to another. ZONE_CLASS_NONE is offline. */
typedef struct Effect {
        int32_t node; /* or NODE_NONE */
        ZoneClass from;
        ZoneClass to;
        uint32_t *blocks; /* of Effects.blocks, ascending */
        size_t n_blocks;
        uint64_t node_bytes;    /* of all blocks of the node, online or not; 0 without a node */
        uint64_t movable_bytes; /* of those that are online and movable */
} Effect;

typedef struct Effects {
        Effect *effects; /* owned; by node, then class */
        size_t n_effects;
        uint32_t *blocks;  /* owned */
        bool is_unplugged; /* the blocks are not there yet, and their numbers are made up */
} Effects;

/*
 * Groups the steps of a selection. The totals of the machine, on which the selection was made, must be up to
 * date. Returns 0 or -ENOMEM.
 */
int effects_of(const Machine *machine, const Selection *selection, Effects *ret);
void effects_done(Effects *effects);
