/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/actuator.h"
#include "daemon/counters.h"
#include "policy/history.h"
#include "policy/reason.h"
#include "policy/track.h"

/* Decides on blocks, and records that in the blocks, the history, the list of changes and the journal. */

typedef struct Decider {
        Machine *machine;
        const Policy *policy;
        History *history;
        Counters *counters;
        ChangedIds *changed;
        uint64_t now_usec;
        uint64_t realtime_usec;
} Decider;

/*
 * Judges the blocks that the kernel or another process has onlined, then plans the offline blocks. The plan
 * counts the judged blocks as they are. Returns 0 and the plan of what to write, which the caller frees with
 * plan_done(), or -ENOMEM.
 */
int decide(const Decider *decider, Plan *ret);

/*
 * Takes the reply to the write of a block, and counts its outcome in the burst. Returns the outcome, or
 * _OUTCOME_INVALID if the block is no longer being written: it was removed, and maybe added again.
 */
Outcome decider_on_reply(const Decider *decider, const ActuatorReply *reply, const Retry *retry,
                         Burst *burst);

/* Adds a block in its current state to the history. Leaves it out if memory is short. */
void decider_record(const Decider *decider, const Block *block);

/* Does so with a decision of the policy that has come to its end, and counts the decision. */
void decider_conclude(const Decider *decider, const Block *block);
