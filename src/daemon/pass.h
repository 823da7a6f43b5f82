/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/backoff.h"
#include "kernel/monitor.h"
#include "model/notice.h"

/*
 * When to list, read and identify blocks, and when to plan: what a pass does next. Pure: what happened comes
 * as calls, the time is an argument, and the acts are the caller's. What is known of a block, that it is to be
 * read again or no longer waited for, is in the block.
 *
 * The plan is held back while an add_memory() is on its way: while blocks have no node yet, devices lack blocks
 * that /proc/iomem has for them, or udev is at work. Not for longer than the setting `settle`: since the last
 * block came if something is missing, else since the first.
 *
 * Of memory that nobody knows the device of, more may follow: the kernel makes all blocks of an add_memory()
 * before it gives the first of them its node. So when all blocks have one, and a listing made after that has
 * no further ones, nothing of that is missing. A driver may add one block after another: the burst is over
 * when none came for 15 ms.
 *
 * Blocks that the kernel onlines itself are waited for as long as it goes on: each sends an event.
 */

typedef struct Pass {
        /* Settings, which the caller sets. */
        uint64_t settle_usec;
        bool needs_udev; /* a block is not decided on before its event has come through udev */

        bool list_needed;
        bool read_needed;
        bool identify_needed; /* blocks came or went, or something of a device is awaited */
        bool plan_needed;
        bool confirm_needed; /* the last listing found new blocks: there may be more */

        uint64_t grew_usec;          /* when new blocks were last found; 0: not since the start */
        uint64_t waiting_since_usec; /* 0: nothing holds the plan back */
        uint64_t again_usec;         /* when to read what was given up, or USEC_INFINITY */
        uint64_t rest_usec;          /* not to plan before, unless something has happened */

        /* Blocks that the kernel is about to online. */
        unsigned n_due;     /* at the last look */
        unsigned n_onlined; /* of these, that have gone online since the last reading, by events */
        uint64_t due_usec;  /* when either number last changed */

        NoticeList notices; /* what events told since the last listing */

        Backoff look;    /* at blocks without a node, while they are waited for */
        Backoff leaving; /* whether blocks are gone whose removal has begun */
        Backoff empty;   /* whether nodes are gone that have no memory left */
} Pass;

/* All is to be read. */
void pass_init(Pass *pass);
void pass_done(Pass *pass);

/* What happened */

/* A uevent. */
void pass_on_event(Pass *pass, Machine *machine, MonitorKind kind, const MonitorEvent *event,
                   uint64_t now_usec);

/* A block is to be read again, or all of them are. */
void pass_on_changed(Pass *pass, Machine *machine, uint32_t id);
void pass_on_all_changed(Pass *pass, Machine *machine);

/* The blocks were listed, and there are so many new ones; some may have gone. */
void pass_on_listed(Pass *pass, Machine *machine, size_t n_new, bool any_gone, uint64_t now_usec);

/* Blocks were read: whether all that were to be read, whether one is gone or is to be read again later. */
void pass_on_read(Pass *pass, bool is_all, bool any_gone, bool again, uint64_t now_usec);

void pass_on_identified(Pass *pass);

/* A plan was made, with the nodes read before it. */
void pass_on_planned(Pass *pass, const Machine *machine, uint64_t now_usec);

/* What follows */

typedef enum PassAct {
        PASS_WAIT, /* nothing until wake_usec, or until something happens */
        PASS_LIST,
        PASS_READ, /* blocks that are stale */
        PASS_IDENTIFY,
        PASS_PLAN, /* reads the nodes first */
} PassAct;

/* Blocks that are no longer waited for. */
typedef struct GivenUp {
        unsigned n;
        uint32_t first; /* the lowest */
} GivenUp;

typedef struct PassNext {
        PassAct act;
        uint64_t wake_usec; /* of PASS_WAIT; USEC_INFINITY for never */
        GivenUp kernel;     /* the kernel was to online them: they are written like others */
        GivenUp nodeless;   /* they have no node: they are left until they have one */
        unsigned n_unknown; /* blocks that are decided without their device or udev's word */
} PassNext;

PassNext pass_next(Pass *pass, Machine *machine, uint64_t now_usec);

/* Whether the plan is held back. */
bool pass_is_waiting(const Pass *pass);
