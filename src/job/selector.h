/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/format.h"
#include "job/request.h"
#include "policy/balance.h"
#include "policy/ratio.h"

/*
 * A selection in the making, which the parts of selection_make() share. Functions that return int return 0 to
 * go on, a positive value if the request is refused, or -ENOMEM.
 */
typedef struct Selector {
        Machine *machine;
        const Policy *policy;
        const Request *request;
        char *target; /* owned: request_format() */
        bool has_size;
        bool is_set_zone;
        size_t n_wanted; /* blocks to take for a size */

        /* Indices of the blocks that the request names, or that a size is chosen from; ascending. */
        size_t *targets; /* owned */
        size_t n_targets;
        bool *taken; /* owned: whether each of targets[] is a step */

        Balance before; /* without the steps */
        Balance after;  /* with the steps so far */
        Step *steps;    /* owned; room for all targets */
        size_t n_steps;

        Refusal refusal;
        char *text; /* owned */
} Selector;

_printf_(3, 4) int selector_refuse(Selector *selector, Refusal refusal, const char *format, ...);

static inline Block *selector_target(const Selector *selector, size_t i)
{
        return &selector->machine->blocks[selector->targets[i]];
}

/* Makes the i-th target a step, from the class that it is in. */
void selector_take(Selector *selector, size_t i, Verdict to);

/* Removes all steps. Returns 0 or -ENOMEM. */
int selector_start_over(Selector *selector);

/* Checks the request itself. */
int selector_check_request(Selector *selector);

/* Finds the targets. */
int selector_find_targets(Selector *selector);

/* Whether a block can be chosen for a size or portion. */
bool selector_is_available(const Selector *selector, const Block *block);

/* Refuses, unless forced, targets of these classes (a mask of 1 << ZoneClass) that are boot memory. */
int selector_check_boot(Selector *selector, unsigned classes);

/* Refuses, unless forced, targets of these classes whose device has an attribute to online it as a whole. */
int selector_check_attribute(Selector *selector, unsigned classes);

/* Returns the number of targets in a class. */
size_t selector_count(const Selector *selector, ZoneClass zone_class);

/* Refuses, unless forced, steps that together break the guards. */
int selector_check_guards(Selector *selector);

/* Whether the node of a block, and the machine, are within the guards after all steps so far. */
bool selector_is_within_guards(const Selector *selector, const Block *block);

int selector_offline(Selector *selector);
int selector_online(Selector *selector);
int selector_set_zone(Selector *selector);
