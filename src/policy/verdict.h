/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

/*
 * Whether a block that is online in this class agrees with a verdict, whatever onlined it. All classes agree
 * with a verdict that does not name one.
 */
bool verdict_accepts(Verdict verdict, ZoneClass zone_class);

/* Returns the class that a verdict leads to, ZONE_CLASS_NONE for VERDICT_LEAVE and VERDICT_NONE. */
ZoneClass verdict_class(Verdict verdict, const Block *block);

/*
 * Returns the class in which the guards count a block that is not to be decided: its own if it is online,
 * that of its verdict while it is written (BLOCK_STATUS_WRITING), none if it is offline. While it is taken
 * offline, it counts on the safe side: kernel memory as already gone, movable memory as still there.
 */
ZoneClass plan_class(const Block *block);

/*
 * The outcome of a write to memoryN/state. The kernel's errors are ambiguous (EINVAL means a bad word, a
 * block that is already online, or mixed zones). The reading after the write therefore decides, and the errno
 * only explains.
 */
typedef enum Outcome {
        OUTCOME_DONE,    /* written, and the block is as asked for */
        OUTCOME_ALREADY, /* the kernel or another process was faster, in a class that agrees */
        OUTCOME_RACED,   /* the kernel or another process was faster, in another class */
        OUTCOME_REFUSED, /* the kernel refuses: zones, a notifier's veto */
        OUTCOME_BUSY,    /* not now: no memory, cannot be isolated, interrupted */
        OUTCOME_GONE,    /* the block was removed */
        _OUTCOME_MAX,
        _OUTCOME_INVALID = -EINVAL,
} Outcome;

const char *outcome_to_string(Outcome outcome);
Outcome outcome_from_string(const char *word);

/*
 * Classifies a write that asked for a verdict and returned an error (0 or a negative errno), by the state and
 * zones of the block that were read afterwards.
 */
Outcome outcome_of(Verdict wanted, int error, BlockState state, const ZoneList *zones);
