/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * The words of a memory block: its state, the zones, and what memoryd wants and did with it. The
 * strings are those of sysfs where the kernel has one, else those documented in org.memoryd1(5).
 */

/* memoryN/state as it reads. */
typedef enum BlockState {
        BLOCK_OFFLINE,
        BLOCK_ONLINE,
        BLOCK_GOING_OFFLINE,
        _BLOCK_STATE_MAX,
        _BLOCK_STATE_INVALID = -EINVAL,
} BlockState;

const char *block_state_to_string(BlockState state);
BlockState block_state_from_string(const char *word);

/* The kernel's zones, as named in valid_zones and /proc/zoneinfo. */
typedef enum ZoneType {
        ZONE_DMA,
        ZONE_DMA32,
        ZONE_NORMAL,
        ZONE_HIGHMEM,
        ZONE_MOVABLE,
        ZONE_DEVICE,
        _ZONE_TYPE_MAX,
        _ZONE_TYPE_INVALID = -EINVAL,
} ZoneType;

const char *zone_type_to_string(ZoneType type);
ZoneType zone_type_from_string(const char *word);

/* What a zone is for: pages that migrate, or anything. */
typedef enum ZoneClass {
        ZONE_CLASS_NONE, /* offline, or not known */
        ZONE_CLASS_KERNEL,
        ZONE_CLASS_MOVABLE,
        _ZONE_CLASS_MAX,
        _ZONE_CLASS_INVALID = -EINVAL,
} ZoneClass;

const char *zone_class_to_string(ZoneClass zone_class);
ZoneClass zone_class_from_string(const char *word);
ZoneClass zone_type_to_class(ZoneType type);

/*
 * memoryN/valid_zones. Of an online block: its zone, or none at all (the file says "none") when it
 * spans several. Of an offline one: where it could go, the kernel's default first.
 */
typedef struct ZoneList {
        uint8_t n_zones;
        uint8_t zones[_ZONE_TYPE_MAX]; /* ZoneType, in the kernel's order, each once */
} ZoneList;

/*
 * Parses the text of valid_zones. 0, or -EINVAL for an unknown or repeated zone; *ret unchanged
 * then.
 */
int zone_list_parse(const char *text, ZoneList *ret);

/* The longest text of a list: every zone once, with a space between, and the final NUL. */
#define ZONE_LIST_STRING_MAX 48

/* Writes the list as the kernel does, "none" when it is empty. Returns the buffer. */
const char *zone_list_format(const ZoneList *list, char buffer[static ZONE_LIST_STRING_MAX]);

/* What a rule asks for: the `zone` key of memoryd.conf(5). */
typedef enum ZoneAction {
        ZONE_ACTION_AUTO,
        ZONE_ACTION_MOVABLE,
        ZONE_ACTION_KERNEL,
        ZONE_ACTION_KERNEL_DEFAULT,
        ZONE_ACTION_KEEP,
        ZONE_ACTION_LEAVE,
        _ZONE_ACTION_MAX,
        _ZONE_ACTION_INVALID = -EINVAL,
} ZoneAction;

const char *zone_action_to_string(ZoneAction action);
ZoneAction zone_action_from_string(const char *word);

/* What is decided of one block: a state to write, or nothing. The words of the Decision column. */
typedef enum Verdict {
        VERDICT_NONE, /* no decision was asked for or is possible yet */
        VERDICT_KERNEL,
        VERDICT_MOVABLE,
        VERDICT_KERNEL_DEFAULT,
        VERDICT_LEAVE,
        _VERDICT_MAX,
        _VERDICT_INVALID = -EINVAL,
} Verdict;

/* What an action comes to by itself, VERDICT_NONE for `auto` and `keep`, which depend on more. */
Verdict zone_action_to_verdict(ZoneAction action);

const char *verdict_to_string(Verdict verdict);
Verdict verdict_from_string(const char *word);

/*
 * The guards of `auto` in order of precedence, as bits of a mask: which of them decided on a block.
 */
typedef enum Guard {
        GUARD_MIN_KERNEL = 1 << 0,
        GUARD_NODE_RATIO = 1 << 1,
        GUARD_MACHINE_RATIO = 1 << 2,
        GUARD_WHOLE_DEVICE = 1 << 3,
        GUARD_CONTIGUOUS = 1 << 4,
} Guard;

#define GUARDS_STRING_MAX 96

/* Names of the guards in a mask, separated by spaces; empty for none. Returns the buffer. */
const char *guards_format(unsigned guards, char buffer[static GUARDS_STRING_MAX]);

/* Where a block stands with memoryd. */
typedef enum BlockStatus {
        BLOCK_STATUS_INITIAL,  /* was online when memoryd first saw it, at its start */
        BLOCK_STATUS_WAITING,  /* offline; its node is not known yet */
        BLOCK_STATUS_PENDING,  /* offline; decided or to be decided, not written yet */
        BLOCK_STATUS_WRITING,  /* handed to the actuator */
        BLOCK_STATUS_DONE,     /* online as decided, by memoryd */
        BLOCK_STATUS_EXTERNAL, /* onlined by someone else, as the policy would have it */
        BLOCK_STATUS_FOREIGN,  /* onlined by someone else against the policy */
        BLOCK_STATUS_RETRYING, /* a write failed, another will follow */
        BLOCK_STATUS_FAILED,   /* the last write failed and none will follow */
        BLOCK_STATUS_LEFT,     /* offline and left so, by a rule or by coldplug */
        BLOCK_STATUS_OFFLINED, /* taken offline, by a job or someone else: it stays so until asked for */
        BLOCK_STATUS_OFFLINING, /* a job is taking it offline */
        BLOCK_STATUS_REQUESTED, /* online as somebody asked memoryd for, whatever the policy says */
        _BLOCK_STATUS_MAX,
        _BLOCK_STATUS_INVALID = -EINVAL,
} BlockStatus;

const char *block_status_to_string(BlockStatus status);
BlockStatus block_status_from_string(const char *word);

/*
 * What the first guard of a decision compared, in bytes and, for a ratio, thousandths: memory as the
 * plan would have led to it with this block, or its device where that is treated as a whole, movable.
 */
typedef struct Figures {
        uint64_t kernel_bytes; /* of min_kernel: what the node has without what is to be decided */
        uint64_t movable_bytes;
        uint64_t limit;  /* min_kernel in bytes, max_movable_ratio in thousandths, or for contiguous
                           the number of the kernel block above */
        bool of_machine; /* the machine's memory rather than the node's */
} Figures;

/* Who made a block online. */
typedef enum Onliner {
        ONLINER_NONE, /* nobody yet, or before memoryd looked */
        ONLINER_MEMORYD,
        ONLINER_KERNEL, /* its own auto-onlining */
        ONLINER_OTHER,
        _ONLINER_MAX,
        _ONLINER_INVALID = -EINVAL,
} Onliner;

const char *onliner_to_string(Onliner onliner);
Onliner onliner_from_string(const char *word);

/* A node number that stands for "no node link yet". */
#define NODE_NONE (-1)

/* A memory group that stands for "in none, or the kernel shows none" and for "not looked yet". */
#define GROUP_NONE (-1)
#define GROUP_UNREAD (-2)

/* A rule index that stands for "no rule matched: the default". */
#define RULE_DEFAULT (-1)

/* One for "a rule that a reload has removed since". */
#define RULE_GONE (-2)

/* What is to become of a block, and why. */
typedef struct Decision {
        Verdict verdict;
        int32_t rule;      /* index into the policy's rules, RULE_DEFAULT or RULE_GONE */
        ZoneAction action; /* what the rule asks for */
        unsigned guards; /* Guard mask: what made an `auto` block kernel memory, or for whole_device
                              also movable */
        Figures figures; /* of an `auto` block: what the first of them compared */
} Decision;

typedef struct Block {
        uint32_t id;         /* N of memoryN: covers N * block size bytes on */
        int32_t node;        /* or NODE_NONE */
        int32_t told_node;   /* as the kernel told it while there is no link, or NODE_NONE */
        uint64_t inode;      /* of its folder: tells a block that was removed and came back */
        bool seen;           /* read at least once */
        bool stale;          /* to be read again */
        bool given_up;       /* waiting, and no longer waited for */
        bool announced;      /* its own event has come, or it was there at the start */
        bool leaving;        /* its removal has begun: it goes with one of the next listings */
        bool kernel_due;     /* new and offline, and the kernel is to online it */
        bool echo_due;       /* written, and the `online` event of that has not come yet */
        uint32_t job;        /* the job that it is part of; 0: none */
        ZoneClass job_class; /* of one that is part of a job: the class which that leaves it in */
        int32_t device;      /* index into the machine's devices, or DEVICE_NONE */
        int32_t group;       /* the kernel's memory group, GROUP_NONE or GROUP_UNREAD */
        uint64_t udev_mask;  /* bit i: it has the i-th udev property that the policy asks for */
        BlockState state;
        ZoneList zones;
        ZoneClass
                last_class; /* the class when it was last online, ZONE_CLASS_NONE if it never was */

        /* What was decided and what came of it. */
        Decision decision;
        BlockStatus status;
        uint64_t decided_usec; /* when, CLOCK_REALTIME; 0: never */
        Onliner onliner;
        uint64_t onlined_usec; /* when it was seen or made online, CLOCK_REALTIME; 0: not known */
        Onliner offliner;      /* who took it offline, of BLOCK_STATUS_OFFLINED */
        bool node_was_memoryless; /* no memory of another device on its node when first seen */
        uint8_t attempts;         /* writes that failed in a row */
        int16_t error;            /* the last failed write: negative errno, 0 for none */
        uint64_t retry_at_usec;   /* monotonic; USEC_INFINITY when no retry is due */
} Block;

/* A block of which nothing is known but its number: offline, on no node, nothing decided. */
void block_init(Block *block, uint32_t id);

/*
 * The class the block is in: that of its zone when online (kernel when it spans several, as boot
 * memory can), ZONE_CLASS_NONE when offline. A block going offline still counts as online.
 */
ZoneClass block_class(const Block *block);
