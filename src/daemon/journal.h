/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/log.h"
#include "config/config.h"
#include "daemon/pass.h"
#include "daemon/unplug.h"
#include "job/job.h"
#include "policy/reason.h"
#include "policy/shortage.h"

/* Messages about blocks, bursts, jobs and nodes, with their journal fields. */

/* The user who asked for a job: "root", "memoryd" for UINT32_MAX, else the number. Returns the buffer. */
#define USER_STRING_MAX 16
const char *user_format(uint32_t uid, char buffer[static USER_STRING_MAX]);

/* The blocks that a pass no longer waits for, after the time `settle`. */
void journal_given_up(const PassNext *next, uint64_t settle_usec);

/* A decision, at debug level. */
void journal_decided(const Policy *policy, const Block *block);

/* `n` blocks that something other than memoryd onlined against the policy. `block` is the first of them. */
void journal_foreign(const Policy *policy, const Block *block, unsigned n);

/* A write failed. `is_first` says that it is the first failure of its burst. */
void journal_failed(const Policy *policy, const Block *block, Outcome outcome, bool is_first,
                    uint64_t now_usec);

/* Another process onlined a block in another class, before memoryd could write it. */
void journal_raced(const Policy *policy, const Block *block);

/*
 * A dax device, all of which a job took offline, has this state now. Its state could not be brought to "offline"
 * if there is an error, or if it is "unplugged".
 */
void journal_dax_offline(const char *device, DaxState state, int error);

/*
 * A dax device could not be onlined as a whole, with the word of this verdict. Its blocks are still there, to
 * be onlined one by one, or `is_lost`: it was unplugged and has none now.
 */
void journal_dax_write_failed(const char *device, Verdict verdict, bool is_lost,
                              bool is_tried_again, int error);

/* The blocks of a burst that memoryd, or the kernel, has onlined. No message if there are none. */
void journal_onlined(const Burst *burst, uint64_t block_size_bytes, bool by_kernel);

void journal_job_ended(const Job *job, const Machine *machine);

/* A device could not be unplugged. memoryd is about to restore the blocks that changed. */
void journal_failed_unplug(const Machine *machine, const FailedUnplug *failed,
                           const PageCounts *pages);

/* A node became short of kernel memory. */
void journal_short(uint32_t node, const Shortage *shortage);

/* The memory devices that have failed, each once. */
void journal_failed_devices(Machine *machine);

/* The faults of a configuration, or notes about it. `message_id` may be NULL. */
void journal_faults(const ConfFaults *faults, int level, const char *message_id);
