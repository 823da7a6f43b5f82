/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/job.h"
#include "policy/reason.h"

/*
 * Counts what memoryd does: see GetMetrics() in org.memoryd1(5). No counter goes back before the next boot: each is
 * saved below /run before a client is told, and a rule that is removed keeps its counters.
 */

/* Each further rule is counted under this name, so that no number of reloads makes the counters grow without end. */
#define COUNTED_RULES_MAX 100
#define OTHER_RULES "(other)"

/* The largest errno that the kernel returns. */
#define COUNTED_ERRNO_MAX 4095

typedef struct RuleCount {
        char *rule; /* owned; "" for the default */
        uint64_t n[_VERDICT_MAX];
} RuleCount;

typedef struct ErrorCount {
        uint32_t error; /* a positive errno */
        uint64_t n;
} ErrorCount;

typedef struct ErrorCounts {
        ErrorCount *counts; /* owned, in the order in which the errors first came */
        size_t n_counts;
} ErrorCounts;

/* Buckets of the histogram of durations: see duration_bound_usec(). */
#define DURATION_BUCKETS 11

typedef struct Counters {
        uint64_t since_usec; /* CLOCK_REALTIME: when counting began */
        RuleCount *rules;    /* owned, in the order in which the rules first decided */
        size_t n_rules;
        ErrorCounts online_errors;
        ErrorCounts offline_errors;
        uint64_t events_lost;
        uint64_t rescans;
        uint64_t jobs_ended[_JOB_KIND_MAX][_JOB_STATE_MAX];
        uint64_t durations[DURATION_BUCKETS]; /* each bursts of that bucket alone */
        uint64_t durations_usec;              /* the sum */
        bool is_changed;                      /* not saved yet */
        bool failed;                          /* the last attempt to save failed */
} Counters;

void counters_done(Counters *counters);

/* Returns NULL if no decision of a rule of this name was counted. */
RuleCount *counters_find_rule(const Counters *counters, const char *name);

/* Adds a rule, with counters of 0. Returns NULL if memory is short. */
RuleCount *counters_append_rule(Counters *counters, const char *name);

/* Counts a decision that was carried out, has failed for good, or was about a block that stays as it is. */
void counters_add_decision(Counters *counters, const Policy *policy, const Block *block);

/*
 * Counts a write to the state of a block or device that failed with a negative errno. What is not the kernel's refusal
 * does not count: a write that was cancelled, and a block that is gone.
 */
void counters_add_error(Counters *counters, bool is_offline, int error);

/* Counts a burst whose blocks are online now, unless none of them was added while memoryd ran. */
void counters_add_burst(Counters *counters, const Burst *burst);

/* Counts a job that has ended. */
void counters_add_job(Counters *counters, const Job *job);

/* Counts that events were lost. All blocks are read again, which counts as well. */
void counters_add_lost(Counters *counters);

/* Counts that all blocks are read again on request. */
void counters_add_rescan(Counters *counters);

/* Returns the longest time that is counted in a bucket: USEC_INFINITY for the last. */
uint64_t duration_bound_usec(size_t bucket);

/* Returns the number of all bursts that were counted. */
uint64_t counters_bursts(const Counters *counters);

/* counters-file.c: the file below /run. */

/*
 * Reads the counters of an earlier memoryd from the file in a folder. Returns 0 with *ret unchanged if there is none;
 * 1; -EBADMSG if the file is damaged or of another version; or another negative errno.
 */
int counters_load(const char *folder, Counters *ret);

/* Saves the counters in the folder if they have changed. Logs a failure once, and tries again with the next call. */
void counters_save(Counters *counters, const char *folder);
