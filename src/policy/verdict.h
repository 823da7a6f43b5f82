/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

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
