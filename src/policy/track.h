/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/plan.h"

/*
 * Tracks the status of a block as it is read, decided and written. Pure, like all of the core: the time is an
 * argument, and the caller writes the log.
 */

typedef struct Retry {
        uint64_t first_usec;      /* delay before the first retry, at least 1 ms */
        uint32_t factor_permille; /* the factor from each delay to the next; 1000 to 10000 */
        uint64_t cap_usec;        /* the longest delay; at least first_usec */
        uint32_t attempts;        /* writes in total, 1 to 100 */
} Retry;

/* Returns the time between a write that failed, the n-th one, from 1 on, and the next. */
uint64_t retry_delay(const Retry *retry, unsigned attempts);

/* The circumstances in which blocks are read. */
typedef struct TrackMode {
        bool at_start;       /* memoryd starts: online blocks were online before */
        bool leave_offline;  /* coldplug is "leave": blocks that are offline at the start stay so */
        bool kernel_onlines; /* the kernel itself onlines added blocks (machine or block's node) */
        uint64_t now_usec;   /* monotonic */
} TrackMode;

/* Sets the status of a block after its first reading. */
void track_new(Block *block, const TrackMode *mode);

/*
 * Sets the status of a block that was read again, by its state and zones before. Unless memoryd is writing it
 * or taking it offline, a change is the doing of the kernel or of another process: a block that went online
 * is to be judged, and a block that went offline stays so.
 */
void track_read(Block *block, const Block *before, const TrackMode *mode);

/*
 * Notes for each block that is to be decided for the first time whether its node had memory of another device
 * before. All blocks that are not to be decided for the first time count. Once a block is decided, its note
 * does not change.
 */
void track_note_memoryless(Machine *machine);

/*
 * PlanFilter: the offline blocks to decide on now, also those whose retry is due, but not those of jobs, those
 * that are held, and those of a device that memoryd is onlining as a whole.
 */
bool track_wants_plan(const Block *block, uint64_t now_usec);

/*
 * PlanFilter: the blocks that the kernel or another process onlined and that are to be judged, but not those
 * of jobs or of a device that memoryd is onlining as a whole.
 */
bool track_wants_judgement(const Block *block, uint64_t now_usec);

/* Makes a decision that of the block, which is then to be written, or left. */
void track_decide(Block *block, const Decision *decision);

/*
 * Whether a rule leaves an offline block to other programs only for now: the kernel would online it without
 * memoryd, and memoryd does so in its stead when the time for other programs is over.
 */
bool track_is_left_for_now(const Machine *machine, const Block *block);

/*
 * Has those blocks decided again of whose device no block has changed for delay_usec, the setting
 * `leave_delay`: a program that onlines the device block by block, as daxctl(1) does, is never raced. Returns
 * 1 if there are any, 0 if not, or -ENOMEM. *ret_next_usec is the time of the next ones, or USEC_INFINITY.
 */
int track_end_leave(Machine *machine, uint64_t delay_usec, uint64_t now_usec,
                    uint64_t *ret_next_usec);

/* Judges a block that the kernel or another process onlined by the verdict on it: external or foreign. */
void track_judge(Block *block);

/* Sets the time (CLOCK_REALTIME) of blocks that went or were seen online and have no time yet. */
void track_stamp(Machine *machine, uint64_t realtime_usec);

/* Takes over the state and zones of a block that was read again after a write. */
void track_take(Block *block, BlockState state, const ZoneList *zones);

/*
 * Notes that the kernel or another process onlined a block, or put it into another class. The block is judged
 * by its verdict, or is to be judged if it has none.
 */
void track_onlined_by(Block *block, Onliner onliner);

/* Notes the party that took a block offline. The block stays offline until it is asked for. */
void track_offlined_by(Block *block, Onliner offliner);

/* Has an offline block decided anew, whatever was decided or tried before. */
void track_forget(Block *block);

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

/*
 * Takes over the result of a write, after which the block was read again. `error` is 0 or a negative errno.
 * Returns the outcome. After OUTCOME_REFUSED and OUTCOME_BUSY, the block is retrying until retry_at_usec, or
 * has failed for good.
 */
Outcome track_outcome(Block *block, int error, BlockState state, const ZoneList *zones,
                      const Retry *retry, uint64_t now_usec);

/*
 * Moves the retries of all blocks that failed as often as `failed` to the time of its retry, so that one plan
 * works out the guards for all of them, and not for each alone.
 */
void track_join_retries(Machine *machine, const Block *failed);

/*
 * Prepares an offline block for a rescan. A block that failed, waits for a retry, or was left by a rule is to
 * be decided again. A block that was taken offline stays so. The guards of a block that is to be decided are
 * forgotten, because plan_make() may keep to the result of earlier guards. A block of a job stays as it is.
 */
void track_reset(Block *block);

/* Like track_reset(), but a block that memoryd or another process took offline is to be decided again too. */
void track_reset_offlined(Block *block);

/*
 * Like track_reset(), for another policy: a block that the kernel or another process onlined is judged anew
 * too.
 */
void track_reconsider(Block *block);

/* Returns the time when the next retry of an offline block is due, or USEC_INFINITY if none is. */
uint64_t track_next_retry(const Machine *machine);
