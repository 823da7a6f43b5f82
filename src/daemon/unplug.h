/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "job/request.h"
#include "kernel/monitor.h"

/*
 * Finds out which blocks the kernel has taken offline and onlined again because an unplug failed, so that
 * they can get their class back. Pure: the caller passes the events, the messages and the time.
 *
 * When ACPI asks for a device, the kernel takes all of its blocks offline, one by one. If one of them
 * refuses, the kernel says so in its log, names that block, and onlines the others with the plain word
 * `online`. It holds the lock for memory hotplug meanwhile, so no other process can change a block in
 * between. The events of the blocks look the same when an administrator does all this by hand. Only the
 * message in the log tells the two apart, and no process can forge it.
 *
 * So the kernel brought a block back if all of the following holds:
 * - the kernel's log names a block of the same device that did not go offline;
 * - the block went offline and came online again, and went offline no more often than the kernel's log has
 *   such messages about the device;
 * - it went offline before any block of the device came online again, and no more than two minutes lay between
 *   any two blocks that went offline.
 * In doubt, the change is taken for that of an administrator, and stays.
 */

/* A block that something other than memoryd took offline. */
typedef struct Away {
        uint32_t block;
        uint64_t inode;
        Rollback before; /* what it was before; `to` is ZONE_CLASS_NONE until the kernel did it */
        bool is_back;    /* came online again */
        unsigned n_offline;
        unsigned run;            /* see Unplug */
        uint64_t offline_seqnum; /* of the first event of each kind */
        uint64_t online_seqnum;
        uint64_t seen_usec; /* monotonic: the last event */
} Away;

/* A message of the kernel about a block that refused to go offline. */
typedef struct Refuser {
        uint32_t block;
        uint64_t seen_usec;
} Refuser;

/* The most messages that are kept at a time. There is one for each unplug. */
#define REFUSERS_MAX 16

typedef struct Unplug {
        Away *aways; /* owned, in no particular order */
        size_t n_aways;
        Refuser refusers[REFUSERS_MAX];
        size_t n_refusers;
        unsigned run;          /* counts how often no block had gone offline for a while */
        uint64_t offline_usec; /* when a block last went offline */
        uint64_t tidied_usec;  /* when entries of no use were last removed */
} Unplug;

void unplug_done(Unplug *unplug);

/*
 * An event was received. To be called before the block is changed because of it. Returns whether the block is
 * being changed by something other than memoryd. If memory is short, the block is not restored later.
 */
bool unplug_on_event(Unplug *unplug, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                     uint64_t now_usec);

/* The kernel's log says that a block did not go offline, and that an unplug failed for that. */
void unplug_on_refusal(Unplug *unplug, uint32_t block, uint64_t now_usec);

/*
 * Keeps blocks that had no decision before an unplug from being judged as onlined by another process. To be
 * called before blocks are judged.
 */
void unplug_keep_undecided(const Unplug *unplug, const Machine *machine);

/* An unplug that failed. */
typedef struct FailedUnplug {
        uint32_t refuser;
        int32_t device;     /* index into the machine's devices, or DEVICE_NONE */
        unsigned n_back;    /* blocks that the kernel took offline and onlined again */
        unsigned n_changed; /* how many of them in another class than before */
} FailedUnplug;

/*
 * Finds an unplug that has failed and is over, and sets Block.rollback of its blocks. A block in its class of
 * before is again what it was, in all respects. Returns whether there was one. Call it until it returns
 * false: then *ret_due_usec is the time of the next call, or USEC_INFINITY.
 */
bool unplug_settle(Unplug *unplug, Machine *machine, uint64_t now_usec, FailedUnplug *ret,
                   uint64_t *ret_due_usec);

/*
 * Selects the blocks of one device that are to get their class back, and forgets them. A block that a job is
 * to leave in a class is left to the job, a block of a job that takes memory offline waits for the end of
 * the job. Returns 1 and the device, 0 if there is none, or -ENOMEM.
 */
int unplug_select(Unplug *unplug, const Machine *machine, int32_t *ret_device, Selection *ret);
