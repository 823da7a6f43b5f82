/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "daemon/decide.h"
#include "job/job.h"

/*
 * A dax device that memoryd onlines as a whole, through the state that it has since Linux 7.3, because a plan
 * or a job has come to one class for all of it. The kernel removes the blocks of the device and adds them
 * again, online. Or a job has taken all of a device offline that was online as a whole: then it gets the state
 * "offline", and its blocks are as new as well. Until the actuator has answered and all blocks were read again,
 * no plan decides on them. There is one such device at a time.
 */
typedef struct DaxWrite {
        char device[DEVICE_NAME_MAX]; /* "": there is none */
        Verdict verdict;              /* VERDICT_NONE: offline */
        uint32_t job;                 /* the job that it is a part of; 0: none */
        Planned *planned; /* owned: all blocks of the device, ascending; none after a restart */
        size_t n_planned;
        bool is_sent;           /* the actuator is at it */
        bool is_answered;       /* for good: it will not be tried again */
        unsigned attempts;      /* those that left the device without blocks */
        uint64_t retry_at_usec; /* if it is neither sent nor answered */
        int error;              /* of the write: 0 or a negative errno */
} DaxWrite;

void dax_write_done(DaxWrite *dax);

/*
 * Keeps the device and its word in a file of the folder while the actuator is at it. If memoryd ends between
 * "unplugged" and the word, nothing else would bring the memory back. Return 0 or a negative errno.
 */
int dax_write_save(const DaxWrite *dax, const char *folder);
int dax_write_forget(const char *folder);

/*
 * Takes the device that a job asks for, while there is no other. Returns 0 or -ENOMEM.
 */
int dax_write_take_job(DaxWrite *dax, Machine *machine, uint32_t job, const JobDeviceWrite *write);

/*
 * Loads the device of a file that was not forgotten, without blocks. Returns 1, 0 if there is no such file,
 * -EBADMSG if it makes no sense, or another negative errno.
 */
int dax_write_load(DaxWrite *dax, const char *folder);

/* Whether there is a device, whether or not the actuator has answered. */
bool dax_write_is_busy(const DaxWrite *dax);

/*
 * Chooses a device whose state is "offline" and all of whose blocks are offline and in the plan, with one
 * class for all. Marks the blocks as being written. Blocks of other such devices are held until the next
 * plan, and lose their decisions, so that nothing writes them before. Returns 1 if a device was chosen, 0 if
 * not, or -ENOMEM.
 */
int dax_write_choose(DaxWrite *dax, Machine *machine, const Plan *plan);

/* Marks the blocks of the device that are new since the last listing. */
void dax_write_claim(const DaxWrite *dax, Machine *machine);

/* Points the decisions to the rules of the policy that replaces theirs: see policy_remap(). */
void dax_write_remap_rules(DaxWrite *dax, const Policy *from, const Policy *to);

/*
 * Takes the answer of the actuator. `is_lost` says that the device has no blocks now. It is then tried again, as
 * often as blocks are. Returns whether it is. If not, the caller has all blocks listed and read before the next
 * plan.
 */
bool dax_write_answer(DaxWrite *dax, int error, bool is_lost, const Retry *retry,
                      uint64_t now_usec);

/* Whether the write may be sent: a device of movable memory comes after all other blocks of the plan. */
bool dax_write_is_due(const DaxWrite *dax, bool is_writer_idle, uint64_t now_usec);

/*
 * Gives the blocks of an answered device their decisions. Those that are online are done, or foreign, or
 * another process onlined them if the write failed. Those that are offline are to be decided and written one by
 * one, or were taken offline. The blocks of a job that onlines are left to job_device_outcome(). Logs what came
 * of it.
 */
void dax_write_finish(DaxWrite *dax, const Decider *decider);
