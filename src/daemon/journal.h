/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/log.h"
#include "config/config.h"
#include "daemon/pass.h"
#include "job/job.h"
#include "policy/burst.h"
#include "policy/shortage.h"

/* What memoryd writes to the journal of blocks, bursts, jobs and nodes, with their fields. */

/* Who asked for a job: "root", "memoryd" for UINT32_MAX, else the number. Returns the buffer. */
#define USER_STRING_MAX 16
const char *user_format(uint32_t uid, char buffer[static USER_STRING_MAX]);

/* What a pass no longer waits for, after so long. */
void journal_given_up(const PassNext *next, uint64_t settle_usec);

/* A decision, at debug level. */
void journal_decided(const Policy *policy, const Block *block);

/* `n` blocks that others have onlined against the policy, of which this is the first. */
void journal_foreign(const Policy *policy, const Block *block, unsigned n);

/* A write failed; `is_first` of its burst. */
void journal_failed(const Policy *policy, const Block *block, Outcome outcome, bool is_first,
                    uint64_t now_usec);

/* Another process has onlined a block in another class while it was to be written. */
void journal_raced(const Policy *policy, const Block *block);

/* The end of a burst of writes by memoryd, or by the kernel. Nothing if it onlined nothing. */
void journal_onlined(const Burst *burst, uint64_t block_size_bytes);
void journal_offloaded(const Burst *burst, uint64_t block_size_bytes);

void journal_job_ended(const Job *job, const Machine *machine);

/* A node became short of kernel memory, or no longer is. */
void journal_short(uint32_t node, const Shortage *shortage);
void journal_not_short(uint32_t node);

/* A configuration was refused, for these faults. */
void journal_config_refused(char *const *faults);

/* Uevents were lost. */
void journal_events_lost(void);
