/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/pages.h"
#include "policy/plan.h"

/*
 * Requests to bring memory online, to take it offline or to change its class, and the selection that a
 * request leads to on a machine: the blocks in their order, or the reason for a refusal. Pure, like all of
 * the core.
 */

typedef enum JobKind {
        JOB_KIND_ONLINE,
        JOB_KIND_OFFLINE,
        JOB_KIND_SET_ZONE,
        JOB_KIND_REBALANCE, /* by memoryd itself: movable memory becomes kernel memory */
        JOB_KIND_RESTORE,   /* by memoryd itself: blocks get the class back that they had before the
                               kernel gave up an unplug, as their Rollback has it */
        _JOB_KIND_MAX,
        _JOB_KIND_INVALID = -EINVAL,
} JobKind;

const char *job_kind_to_string(JobKind kind); /* "online", "offline", "set-zone", ... */
JobKind job_kind_from_string(const char *word);

/* How hard it is to take a block offline: page_counts_cost(). */
typedef struct BlockCost {
        uint32_t block; /* first, for id_compare() */
        uint64_t cost;
} BlockCost;

/* The most ranges that a request can name. */
#define REQUEST_RANGES_MAX 4096

/*
 * A request. It names memory by ranges, by a node, by a device, or by a size, alone or of a node or device.
 * The fields that it does not use are 0, "" or NODE_ANY.
 */
typedef struct Request {
        JobKind kind;
        BlockRange *ranges; /* owned */
        size_t n_ranges;
        int32_t node; /* or NODE_ANY */
        char device[DEVICE_NAME_MAX];
        bool has_size; /* a size was given, which may be 0; implied by a size that is not 0 */
        uint64_t size_bytes;
        ZoneClass zone_class; /* online: ZONE_CLASS_NONE leaves it to the policy */

        /* set-zone of a node: how much of its online memory is to be movable, in one of two ways. */
        bool has_movable_percent;
        uint32_t movable_percent;
        bool has_movable_bytes;
        uint64_t movable_bytes;

        uint64_t timeout_usec; /* of the job as a whole; 0: none */
        bool force;            /* lifts refusals because of guards, boot memory, the last kernel
                                  memory or a part of a device that was onlined as a whole */
        bool undo_on_failure;

        /* Of the blocks of which this is known, by their numbers; owned. Others cost COST_UNKNOWN. */
        BlockCost *costs;
        size_t n_costs;
} Request;

/* Makes an empty request: no memory, no options. */
void request_init(Request *request, JobKind kind);
void request_done(Request *request);

/*
 * Formats the memory that a request names: "blocks 32-39,45", "node 1", "device PNP0C80:00", "4G of node 1",
 * "node 1 (75% movable)". Returns 0 or -ENOMEM.
 */
int request_format(const Request *request, char **ret);

/* Returns the words for a class in a sentence: "movable" or "kernel memory". */
const char *request_class_text(ZoneClass zone_class);

/* The reason for a refusal. Each has its own D-Bus error, see org.memoryd1(5). */
typedef enum Refusal {
        REFUSAL_NONE,
        REFUSAL_INVALID_REQUEST, /* the request contradicts itself, names no memory, or the policy
                                    or a device does not allow it */
        REFUSAL_NO_SUCH_BLOCK,   /* a named block, or an end of a range, does not exist */
        REFUSAL_RANGE_HAS_HOLES, /* blocks within a range do not exist */
        REFUSAL_NO_SUCH_NODE,
        REFUSAL_NO_SUCH_DEVICE,
        REFUSAL_NODE_WITHOUT_MEMORY,
        REFUSAL_NOTHING_TO_DO,      /* all memory is already as requested: nothing to do */
        REFUSAL_BOOT_MEMORY,        /* boot memory would go offline; not with force */
        REFUSAL_INVALID_SIZE,       /* 0, or not a multiple of the block size */
        REFUSAL_INVALID_PERCENTAGE, /* over 100 */
        REFUSAL_NOT_ENOUGH_BLOCKS,  /* for a size or portion, too few blocks may be taken */
        REFUSAL_LAST_KERNEL_MEMORY, /* a node would have movable memory only; not with force */
        REFUSAL_BELOW_GUARDS,       /* min_kernel or max_movable_ratio would be broken, or broken by
                                       more than now; not with force */
        REFUSAL_BLOCKS_BUSY,        /* a block is part of another job, which the text names, or
                                       memoryd or the kernel is at work on it just now */
        _REFUSAL_MAX,
} Refusal;

/*
 * Finds the blocks of whose pages it should be known how many are in use before the selection is made: of a request that
 * takes memory offline by its size, so that blocks with the fewest pages in use leave first. Sets *ret to at most n_max
 * numbers of blocks, which the caller owns. Returns 0, also if there are none, or -ENOMEM.
 */
int selection_candidates(Machine *machine, const Policy *policy, const Request *request,
                         size_t n_max, uint32_t **ret, size_t *ret_n);

/* A block of a job, and its change. */
typedef struct Step {
        uint32_t block;
        int32_t node;      /* the block's */
        uint64_t inode;    /* if it differs, another block has come in the place of this one */
        ZoneClass from;    /* ZONE_CLASS_NONE: offline */
        Verdict to;        /* VERDICT_NONE: offline */
        bool movable_node; /* its node may have movable memory only: as before, or as accepted */
        uint64_t cost;     /* as in BlockCost, or COST_UNKNOWN */
        bool has_decision; /* online: the policy chose the class, by this decision */
        Decision decision;
} Step;

typedef struct Selection {
        Refusal refusal;
        char *text;  /* owned; the refusal in one sentence that names the thing and the value */
        Step *steps; /* owned, in the order to take them; empty if the request is refused */
        size_t n_steps;
} Selection;

void selection_done(Selection *selection);

/*
 * Works out the blocks of a request and the change of each. Blocks of the request that are already as
 * requested are not steps. Force lifts refusals. It never changes which blocks are taken if there is nothing
 * to refuse.
 *
 * Offline: movable blocks come first, then kernel blocks, each from the highest down. By size, boot memory,
 * blocks that the guards need and blocks of jobs are not available. With force, the first two are available
 * after all others.
 *
 * Online: as plan_make() decides, with `auto` in the place of rules that leave memory alone, or all in one
 * class. By size, the lowest offline blocks, or the highest if they are to be movable.
 *
 * Set-zone: all blocks that are online in the other class. With a portion, the fewest blocks, rounded to less
 * movable memory. Movable blocks become kernel memory from the lowest up, kernel blocks become movable from
 * the highest down. Boot memory is not taken by node, size or portion, and is refused if it is named. With
 * force it is taken, by size and portion after all other memory. A rebalance is a set-zone.
 *
 * Blocks of a device that was onlined as a whole are not taken by size, and without force all or none of them
 * can be named: a write to one of them would put the device out of step with its state.
 *
 * Returns 0 or -ENOMEM. The machine's totals must be up to date. The machine is unchanged afterwards.
 */
int selection_make(Machine *machine, const Policy *policy, const Request *request, Selection *ret);
