/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "daemon/await.h"
#include "kernel/monitor.h"
#include "model/notice.h"

/*
 * Decides what a pass does next: when to list, read and identify blocks, and when to plan. Pure: the caller
 * reports what happened, passes the time, and takes the steps. Whether a block is to be read again (`stale`)
 * or is no longer waited for (`given_up`) is kept in the block.
 *
 * The plan waits while an add_memory() is under way: as long as blocks have no node yet, devices lack blocks
 * that /proc/iomem has for them, or udev is still processing events. It waits no longer than the setting
 * `settle`, counted from the last progress (a new block, a node, a device) if something is missing, else from
 * the start of the wait. After that, it goes without what is missing: see await.h.
 *
 * If the origin of a block is unknown, more blocks may follow it. The kernel makes all blocks of an
 * add_memory() before it gives the first of them its node. So if all blocks have a node, and a listing made
 * after that finds no new blocks, this add_memory() is complete. A driver may also add one block after
 * another: its burst is over if no block came for 15 ms, or for 100 ms from virtio-mem. A burst that is planned
 * as a whole has its kernel memory lowest.
 *
 * For blocks that the kernel onlines itself, the plan waits as long as the kernel makes progress: each of
 * these blocks sends an event.
 */

/* A delay that doubles each time. */
typedef struct Backoff {
        uint64_t first_usec;
        uint64_t max_usec;   /* the longest delay; after it the back-off stops, unless it lasts */
        bool lasts;          /* repeats max_usec instead of stopping */
        uint64_t delay_usec; /* the last delay; 0 before the first */
        uint64_t at_usec;    /* the end of the delay; USEC_INFINITY when stopped, 0: due at once */
} Backoff;

typedef struct Pass {
        /* Settings, set by the caller. */
        uint64_t settle_usec;
        bool needs_udev;   /* decide on a block only after its event has come through udev */
        bool needs_origin; /* the policy tells DIMMs from memory of unknown origin */

        bool list_needed;
        bool read_needed;
        bool identify_needed; /* blocks came or went, or a device or part of one is awaited */
        bool plan_needed;
        bool confirm_needed; /* the last listing found new blocks: there may be more */

        uint64_t grew_usec;     /* when new blocks were last found; 0: not since start or give-up */
        unsigned n_missing;     /* see Awaiting, at the last look */
        uint64_t progress_usec; /* when that number last changed */
        uint64_t waiting_since_usec; /* when the plan began to wait; 0: it does not wait */
        uint64_t again_usec;         /* when to try again to read blocks; USEC_INFINITY: never */
        uint64_t rest_usec;          /* no plan before this time, unless something has happened */
        uint64_t
                leave_usec; /* when memory is no longer left to other programs; set by the caller */

        /* Blocks that the kernel is about to online. */
        unsigned n_due;     /* the number of these blocks, at the last look */
        unsigned n_onlined; /* how many of them have come online since the last read, by events */
        uint64_t due_usec;  /* when either number last changed */

        NoticeList notices; /* from events since the last listing */

        Backoff look;    /* for reading blocks that the plan waits for */
        Backoff leaving; /* for listing the blocks while some are being removed */
        Backoff empty;   /* for reading the nodes while some have no memory */
} Pass;

/* Starts with all blocks to be listed and read. */
void pass_init(Pass *pass);
void pass_done(Pass *pass);

/* Reports of what happened */

/* A uevent was received. */
void pass_on_event(Pass *pass, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                   uint64_t now_usec);

/* A block is to be read again, or all blocks are. */
void pass_on_changed(Pass *pass, Machine *machine, uint32_t id);
void pass_on_all_changed(Pass *pass, Machine *machine);

/* The blocks were listed, with n_new new ones. Some may be gone. */
void pass_on_listed(Pass *pass, Machine *machine, size_t n_new, bool any_gone, uint64_t now_usec);

/* Blocks were read. Stale blocks may be left, and some may be gone or have to be read again later. */
void pass_on_read(Pass *pass, bool is_all, bool any_gone, bool again, uint64_t now_usec);

/* The nodes were read, and then a plan was made. */
void pass_on_planned(Pass *pass, const Machine *machine, uint64_t now_usec);

/* The next step */

typedef enum PassAct {
        PASS_WAIT, /* do nothing until wake_usec, or until something happens */
        PASS_LIST,
        PASS_READ, /* read blocks that are stale */
        PASS_IDENTIFY,
        PASS_PLAN, /* read the nodes, then plan */
} PassAct;

typedef struct PassNext {
        PassAct act;
        uint64_t wake_usec; /* for PASS_WAIT; USEC_INFINITY: never */
        GivenUp kernel;     /* the kernel was to online these: now memoryd writes them */
        GivenUp nodeless;   /* these have no node: they are left alone until they have one */
        GivenUp held;       /* these wait for their device */
        unsigned n_unknown; /* blocks decided on without their device or udev properties */
} PassNext;

PassNext pass_next(Pass *pass, Machine *machine, uint64_t now_usec);

/* Whether the plan waits. */
bool pass_is_waiting(const Pass *pass);
