/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

/*
 * Whether a block that is online in this class, by whomever, agrees with a verdict. What is left
 * alone or not decided agrees with anything.
 */
bool verdict_accepts(Verdict verdict, ZoneClass zone_class);

/*
 * The class a verdict leads to; `auto` is not a verdict, so there always is one but for what is left,
 * which is in none.
 */
ZoneClass verdict_class(Verdict verdict, const Block *block);

/*
 * The class that a block counts in for the guards when it is not to be decided: its own when it is
 * online, that of its verdict while it is written (BLOCK_STATUS_WRITING), none when it is offline. While
 * it is taken offline it is on the safe side: kernel memory is gone already, movable memory still there.
 */
ZoneClass plan_class(const Block *block);

/*
 * What came of a write to memoryN/state. The kernel's errors are ambiguous (EINVAL is a bad word, a
 * block that is online already, or mixed zones), so the re-read decides and the errno only
 * explains.
 */
typedef enum Outcome {
        OUTCOME_DONE,    /* written, and the block is what was asked for */
        OUTCOME_ALREADY, /* it was so before: someone else was faster, and agrees */
        OUTCOME_RACED,   /* someone else was faster, and put it into another class */
        OUTCOME_REFUSED, /* the kernel will not: zones, a notifier's veto */
        OUTCOME_BUSY,    /* not now: no memory, cannot be isolated, interrupted */
        OUTCOME_GONE,    /* the block was removed */
        _OUTCOME_MAX,
        _OUTCOME_INVALID = -EINVAL,
} Outcome;

const char *outcome_to_string(Outcome outcome);
Outcome outcome_from_string(const char *word);

/*
 * Classifies a write that asked for a verdict and returned an error (0, or a negative errno), after
 * which the block was re-read in this state and with these zones.
 */
Outcome outcome_of(Verdict wanted, int error, BlockState state, const ZoneList *zones);
