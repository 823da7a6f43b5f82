/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"
#include "policy/verdict.h"

/*
 * The life of a block with memoryd: how its status follows from what was read, decided and written.
 * Pure, as all of the core: the time is an argument, what is to be logged is the caller's.
 */

typedef struct Retry {
        uint64_t first_usec;      /* delay before the first retry, at least 1 ms */
        uint32_t factor_permille; /* each next delay is this much of the last; 1000 to 10000 */
        uint64_t cap_usec;        /* no delay is longer; at least first_usec */
        uint32_t attempts;        /* writes in all, 1 to 100 */
} Retry;

/* A block as it was before it was read again. */
typedef struct BlockBefore {
        BlockState state;
        ZoneClass zone_class;
} BlockBefore;

BlockBefore block_before(const Block *block);

/* How blocks are taken in. */
typedef struct TrackMode {
        bool at_start;       /* of memoryd: what is online was so before */
        bool leave_offline;  /* the setting coldplug: what is offline at the start is left */
        bool kernel_onlines; /* the kernel itself onlines what is added; of a block: to its node */
} TrackMode;

/* A block seen for the first time, after its first read. */
void track_new(Block *block, const TrackMode *mode);

/*
 * A block that was read again, and how it was before. Somebody else's doing unless it is being
 * written or taken offline: that it went online is to be judged, that it went offline is respected.
 */
void track_read(Block *block, const BlockBefore *before, const TrackMode *mode);

/*
 * Notes of the blocks that are to be decided for the first time whether their node had memory
 * before they came: any other block, decided or online. Ends with the decision.
 */
void track_note_memoryless(Machine *machine);

/*
 * PlanFilter: offline blocks to be decided now, those in between two attempts when they are due. Not those
 * of jobs.
 */
bool track_wants_plan(const Block *block, uint64_t now_usec);

/* PlanFilter: blocks that somebody else onlined and that no plan has decided on before. */
bool track_wants_judgement(const Block *block, uint64_t now_usec);

/* Takes a decision over: the block is to be written, or left. */
void track_decide(Block *block, const Decision *decision);

/* Judges a block that somebody else onlined by the verdict it has: external or foreign. */
void track_judge(Block *block);

/* Finds the rules of all decisions in the policy that replaces theirs: see policy_remap(). */
void track_remap_rules(Machine *machine, const Policy *from, const Policy *to);

/* Notes the time of what was seen or made online and has none yet: CLOCK_REALTIME. */
void track_stamp(Machine *machine, uint64_t realtime_usec);

/* The block was handed to the actuator. */
void track_write(Block *block);

/* The block as it was re-read after a write. */
void track_take(Block *block, BlockState state, const ZoneList *zones);

/* Somebody else made it online, or put it into another class: to be judged. */
void track_onlined_by(Block *block, Onliner onliner);

/* It is offline, and stays so until somebody asks for it. */
void track_offlined_by(Block *block, Onliner offliner);

/* It is offline and is to be decided anew, whatever was decided or tried before. */
void track_forget(Block *block);

/*
 * A write of the block ended, after which it was re-read. Returns the outcome; after
 * OUTCOME_REFUSED and OUTCOME_BUSY the block is retrying until retry_at_usec, or has failed for
 * good.
 */
Outcome track_outcome(Block *block, int error, BlockState state, const ZoneList *zones,
                      const Retry *retry, uint64_t now_usec);

/*
 * A block failed and is to be tried again: those that failed before it as often are tried with it, so
 * that the guards are worked out over all of them once more, and not for each alone.
 */
void track_join_retries(Machine *machine, const Block *failed);

/*
 * Before the policy is applied anew because someone asked for it: what failed, waits for a retry,
 * or was left by a rule, is to be decided again. What an administrator took offline stays so. The guards
 * of what is to be decided are forgotten, since plan_make() may hold on to what they led to. Blocks of
 * jobs are left as they are.
 */
void track_reset(Block *block);

/* The same, and what was taken offline, by memoryd or somebody else, is to be decided again too. */
void track_reset_offlined(Block *block);

/*
 * The same before another policy is applied: that one also judges anew what somebody else onlined.
 */
void track_reconsider(Block *block);

/* When the next retry of an offline block is due, USEC_INFINITY for none. */
uint64_t track_next_retry(const Machine *machine);
