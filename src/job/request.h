/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/plan.h"

/*
 * What somebody asks of memory that is there: online, offline, another class. And what that comes to on a
 * machine: which blocks, in which order, or why not. Pure, as all of the core.
 */

typedef enum JobKind {
        JOB_KIND_ONLINE,
        JOB_KIND_OFFLINE,
        JOB_KIND_SET_ZONE,
        JOB_KIND_REBALANCE, /* memoryd's own: movable memory becomes kernel memory */
        _JOB_KIND_MAX,
        _JOB_KIND_INVALID = -EINVAL,
} JobKind;

const char *job_kind_to_string(JobKind kind); /* "online", "offline", "set-zone", "rebalance" */
JobKind job_kind_from_string(const char *word);

/* Blocks by number, both included. */
typedef struct BlockRange {
        uint32_t first;
        uint32_t last;
} BlockRange;

/* Requests can name so many ranges. */
#define REQUEST_RANGES_MAX 4096

/*
 * Of which memory: ranges, a node, a device; a size alone or of a node or device. What is not asked for
 * is 0, "", NODE_ANY.
 */
typedef struct Request {
        JobKind kind;
        BlockRange *ranges; /* owned */
        size_t n_ranges;
        int32_t node; /* or NODE_ANY */
        char device[DEVICE_NAME_MAX];
        bool has_size; /* a size was given, which may be 0; implied by one that is not */
        uint64_t size_bytes;
        ZoneClass zone_class; /* online: ZONE_CLASS_NONE leaves it to the policy */

        /* set-zone of a node: how much of what is online there is to be movable, one of the two. */
        bool has_movable_percent;
        uint32_t movable_percent;
        bool has_movable_bytes;
        uint64_t movable_bytes;

        uint64_t timeout_usec; /* of the job as a whole; 0: none */
        bool force;            /* guards, boot memory and the last kernel memory do not count */
        bool undo_on_failure;
} Request;

/* An empty request: no memory, no options. */
void request_init(Request *request, JobKind kind);
void request_done(Request *request);

/*
 * "blocks 32-39,45", "node 1", "device PNP0C80:00", "4G of node 1", "node 1 (75% movable)". 0 or -ENOMEM.
 */
int request_format(const Request *request, char **ret);

/* What memory is to be, in a sentence: "movable" or "kernel memory". */
const char *request_class_text(ZoneClass zone_class);

/* Why a request is refused: each has its own D-Bus error, see org.memoryd1(5). */
typedef enum Refusal {
        REFUSAL_NONE,
        REFUSAL_INVALID_REQUEST, /* what is asked for contradicts itself or names no memory */
        REFUSAL_NO_SUCH_BLOCK, /* a block that is named does not exist, at the ends of a range too */
        REFUSAL_RANGE_HAS_HOLES, /* blocks within a range do not exist */
        REFUSAL_NO_SUCH_NODE,
        REFUSAL_NO_SUCH_DEVICE,
        REFUSAL_NODE_WITHOUT_MEMORY,
        REFUSAL_ALREADY_SO,         /* all that was asked for is so: nothing to do */
        REFUSAL_BOOT_MEMORY,        /* would take offline what was there at boot; not with force */
        REFUSAL_INVALID_SIZE,       /* no multiple of the block size, or 0 */
        REFUSAL_INVALID_PERCENTAGE, /* over 100 */
        REFUSAL_NOT_ENOUGH_BLOCKS,  /* of a size: there is not so much that may be taken */
        REFUSAL_LAST_KERNEL_MEMORY, /* a node would have movable memory only; not with force */
        REFUSAL_BELOW_GUARDS,       /* min_kernel or max_movable_ratio would not hold any more than
                                       they do now; not with force */
        REFUSAL_BLOCKS_BUSY,        /* a block is part of another job, which is named, or memoryd or
                                       the kernel is at work on it just now */
        _REFUSAL_MAX,
} Refusal;

/* One block of a job, and what is to become of it. */
typedef struct Step {
        uint32_t block;
        uint64_t inode;    /* another one has come in its place if that differs */
        ZoneClass from;    /* ZONE_CLASS_NONE: offline */
        Verdict to;        /* VERDICT_NONE: offline */
        bool movable_node; /* its node may have movable memory only: it had, or that was accepted */
        bool has_decision; /* online: the class was left to the policy, which decided so */
        Decision decision;
} Step;

typedef struct Selection {
        Refusal refusal;
        char *text;  /* owned; the refusal in one sentence that names the thing and the value */
        Step *steps; /* owned, in the order to take them; empty when refused */
        size_t n_steps;
} Selection;

void selection_done(Selection *selection);

/*
 * Works out which blocks a request is about and what is to become of each. Blocks of the request that are
 * so already are no steps. Force lifts refusals and never changes which blocks are taken where there is
 * nothing to refuse.
 *
 * Offline: movable blocks first, the highest first; kernel blocks after them, the highest first. By size
 * boot memory, what the guards need, and blocks of jobs do not count as available; with force the first
 * two do after all else.
 *
 * Online: as plan_make() has it, with the rules that leave memory alone read as `auto`; or all in one
 * class. By size the lowest blocks that are offline, to be movable the highest.
 *
 * Set-zone: all that are online in the other class. With a portion the fewest blocks, rounded to less
 * movable memory. What is movable goes to the kernel lowest first, the other way highest first. Boot memory
 * is not taken by node, size or portion, and refused where it is named; with force it is taken, by size and
 * portion after all else. A rebalance is a set-zone.
 *
 * Of a device with an attribute of its own for being onlined as a whole nothing is taken by size, and what
 * is named is refused without force.
 *
 * 0 or -ENOMEM. The machine's totals must be up to date. The machine is as it was afterwards.
 */
int selection_make(Machine *machine, const Policy *policy, const Request *request, Selection *ret);
