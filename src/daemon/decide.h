/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/actuator.h"
#include "model/changed-ids.h"
#include "policy/burst.h"
#include "policy/history.h"
#include "policy/track.h"

/* Decides on new blocks, and notes it: in the blocks, the history, the list of changes and the journal. */

typedef struct Decider {
        Machine *machine;
        const Policy *policy;
        History *history;
        ChangedIds *changed;
        uint64_t now_usec;
        uint64_t realtime_usec;
} Decider;

/*
 * Judges what others have onlined, then plans what is left to online, which counts on the former. 0 and the
 * plan of what to write, which the caller ends with plan_done(), or -ENOMEM.
 */
int decide(const Decider *decider, Plan *ret);

/*
 * What came of a block's write, which the burst counts as well. *ret_outcome is set unless the block is not being
 * written: it was removed, or removed and added again, since. Returns whether it is set.
 */
bool decider_on_reply(const Decider *decider, const ActuatorReply *reply, const Retry *retry,
                      Burst *burst, Outcome *ret_outcome);

/* Keeps a block as it stands now in the history. Without memory for it, it is left out. */
void decider_record(const Decider *decider, const Block *block);
