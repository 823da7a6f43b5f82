/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/format.h"
#include "job/request.h"
#include "policy/balance.h"
#include "policy/guard.h"

/* A block that the request names, or that can be chosen for its size. */
typedef struct Target {
        Block *block;
        bool taken;    /* the block is a step */
        uint64_t cost; /* as in BlockCost, or COST_UNKNOWN */
} Target;

/*
 * A selection in the making, which the parts of selection_make() share. Functions that return int return 0 to
 * go on, a positive value if the request is refused, or -ENOMEM.
 */
typedef struct Selector {
        Machine *machine;
        const Policy *policy;
        const Request *request;
        char *name; /* owned: request_format() */
        bool has_size;
        uint64_t n_wanted; /* blocks to take for a size or portion; may be more than there can be */

        Target *targets; /* owned; ascending */
        size_t n_targets;
        Target **order; /* owned; room for all targets, for selections by size */

        Balance before; /* without the steps */
        Balance after;  /* with the steps so far */
        Step *steps;    /* owned; room for all targets */
        size_t n_steps;

        Refusal refusal;
        char *text; /* owned */
} Selector;

_printf_(3, 4) int selector_refuse(Selector *selector, Refusal refusal, const char *format, ...);

/* Checks the request itself, and finds the targets. */
int selector_find_targets(Selector *selector);

/* Whether a block can be chosen for a size or portion. */
bool selector_is_available(const Selector *selector, const Block *block);

/* Whether a block is not yet as the request asks; not for a portion. */
bool selector_changes(const Selector *selector, const Block *block);

/* Refuses, unless forced, a change of a part of a device that was onlined as a whole. */
int selector_check_dax_parts(Selector *selector);

/* Makes a target a step, from the class that it is in. */
void selector_take(Selector *selector, Target *target, Verdict to);

/* Selects the blocks that go online, and their classes. */
int selector_online(Selector *selector);
