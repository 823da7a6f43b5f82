/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * A memory block: its state, its zones, the decision of memoryd and its result. The strings are those of
 * sysfs where sysfs has one, otherwise those documented in org.memoryd1(5).
 */

/* The contents of memoryN/state. */
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

/* The class of a zone: movable for pages that can migrate, kernel for anything. */
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
 * The contents of memoryN/valid_zones. For an online block: its zone, or no zone (the file says "none") if it
 * spans several. From 3.18 to 4.12, the zones that the block could change to follow its zone. For an offline
 * block: the zones that it could go to, the kernel's default first.
 */
typedef struct ZoneList {
        uint8_t n_zones;
        uint8_t zones[_ZONE_TYPE_MAX]; /* ZoneType, in the kernel's order, each once */
} ZoneList;

/*
 * Parses the text of valid_zones. Returns 0, or -EINVAL and *ret unchanged for an unknown or repeated zone.
 */
int zone_list_parse(const char *text, ZoneList *ret);

/* Room for the longest text of a list: each zone once, spaces between them, and the final NUL. */
#define ZONE_LIST_STRING_MAX 48

/* Formats a list as the kernel does: "none" if it is empty. Returns the buffer. */
const char *zone_list_format(const ZoneList *list, char buffer[static ZONE_LIST_STRING_MAX]);

/* The action of a rule: the value of its key `zone` in memoryd.conf(5). */
typedef enum ZoneAction {
        ZONE_ACTION_AUTO,
        ZONE_ACTION_MOVABLE,
        ZONE_ACTION_KERNEL,
        ZONE_ACTION_KERNEL_DEFAULT,
        ZONE_ACTION_KEEP,
        ZONE_ACTION_LEAVE,
        ZONE_ACTION_OFFLINE,
        _ZONE_ACTION_MAX,
        _ZONE_ACTION_INVALID = -EINVAL,
} ZoneAction;

const char *zone_action_to_string(ZoneAction action);
ZoneAction zone_action_from_string(const char *word);

/* The decision about a block: the state to write, if any. The column DECISION of memoryctl(1) shows it. */
typedef enum Verdict {
        VERDICT_NONE, /* no decision was asked for, or none is possible yet */
        VERDICT_KERNEL,
        VERDICT_MOVABLE,
        VERDICT_KERNEL_DEFAULT,
        VERDICT_LEAVE,   /* as it would be without memoryd, which is offline for now */
        VERDICT_OFFLINE, /* offline until an administrator asks for it */
        _VERDICT_MAX,
        _VERDICT_INVALID = -EINVAL,
} Verdict;

/* Returns the verdict of an action, or VERDICT_NONE for `auto` and `keep`, which depend on more. */
Verdict zone_action_to_verdict(ZoneAction action);

/* Whether a verdict leaves an offline block offline. */
bool verdict_is_left(Verdict verdict);

const char *verdict_to_string(Verdict verdict);
Verdict verdict_from_string(const char *word);

/* The guards of `auto` in order of precedence, as bits of the mask of the guards that decided on a block. */
typedef enum Guard {
        GUARD_MIN_KERNEL = 1 << 0,
        GUARD_NODE_RATIO = 1 << 1,
        GUARD_MACHINE_RATIO = 1 << 2,
        GUARD_WHOLE_DEVICE = 1 << 3,
        GUARD_CONTIGUOUS = 1 << 4,
} Guard;

#define GUARDS_STRING_MAX 96

/* Formats the names of the guards in a mask, separated by spaces; "" for no guard. Returns the buffer. */
const char *guards_format(unsigned guards, char buffer[static GUARDS_STRING_MAX]);

/* The status of a block in memoryd. */
typedef enum BlockStatus {
        BLOCK_STATUS_INITIAL,   /* was online when memoryd started */
        BLOCK_STATUS_WAITING,   /* offline; its node is not known yet */
        BLOCK_STATUS_PENDING,   /* to be decided or written; or online, and to be judged */
        BLOCK_STATUS_WRITING,   /* handed to the actuator */
        BLOCK_STATUS_DONE,      /* memoryd onlined it as decided */
        BLOCK_STATUS_EXTERNAL,  /* the kernel or another process onlined it as the policy wants */
        BLOCK_STATUS_FOREIGN,   /* the kernel or another process onlined it against the policy */
        BLOCK_STATUS_RETRYING,  /* a write failed, and memoryd will try again */
        BLOCK_STATUS_FAILED,    /* the last write failed, and memoryd will not try again */
        BLOCK_STATUS_LEFT,      /* left offline: by a rule, by coldplug or because of its device */
        BLOCK_STATUS_OFFLINED,  /* a job or another process took it offline; it stays so until it is
                                   asked for */
        BLOCK_STATUS_OFFLINING, /* a job is taking it offline */
        BLOCK_STATUS_REQUESTED, /* a job onlined it as requested, whatever the policy says */
        _BLOCK_STATUS_MAX,
        _BLOCK_STATUS_INVALID = -EINVAL,
} BlockStatus;

const char *block_status_to_string(BlockStatus status);
BlockStatus block_status_from_string(const char *word);

/*
 * The figures that the first guard of a decision compared: the memory that the plan would have led to if this
 * block were movable, or its whole device if that is decided as a whole.
 */
typedef struct Figures {
        uint64_t kernel_bytes; /* for min_kernel: without the blocks that `auto` decides */
        uint64_t movable_bytes;
        uint64_t limit;  /* min_kernel in bytes, max_movable_ratio in thousandths, or for contiguous
                           the number of the kernel block above, or of the movable block below */
        bool of_machine; /* the memory of the machine, not of the node */
} Figures;

/* The party that onlined a block, or took it offline. */
typedef enum Onliner {
        ONLINER_NONE, /* nothing yet, or not known: it happened before memoryd looked */
        ONLINER_MEMORYD,
        ONLINER_KERNEL, /* by its auto_online_blocks */
        ONLINER_OTHER,
        _ONLINER_MAX,
        _ONLINER_INVALID = -EINVAL,
} Onliner;

const char *onliner_to_string(Onliner onliner);
Onliner onliner_from_string(const char *word);

/* The node number of a block whose node is not known yet. */
#define NODE_NONE (-1)

/*
 * The memory group of a block that is in no group or on a kernel that shows no groups, and of a block whose
 * group was not read yet.
 */
#define GROUP_NONE (-1)
#define GROUP_UNREAD (-2)

/* The rule index of a decision that no rule matched: the default applies. */
#define RULE_DEFAULT (-1)

/* The rule index of a decision whose rule a reload has removed. */
#define RULE_GONE (-2)

/* The decision about a block and the reason for it. */
typedef struct Decision {
        Verdict verdict;
        int32_t rule;      /* index into the policy's rules, RULE_DEFAULT or RULE_GONE */
        ZoneAction action; /* the action of the rule */
        unsigned guards;   /* mask of the Guards that made an `auto` block kernel memory, or for
                              whole_device and strict zone order also movable */
        Figures figures;   /* for an `auto` block: of its first guard, or the ratio it is within */
} Decision;

/*
 * The last unplug of a block's device that the kernel gave up because a block did not go offline. The kernel
 * had taken other blocks of the device offline by then, and onlined them again in zones of its own choice.
 */
typedef struct Rollback {
        bool is_set;
        uint32_t refuser;   /* the block that did not go offline, maybe this one */
        ZoneClass from;     /* what the block was before, and is to be again */
        BlockStatus status; /* likewise */
        Onliner onliner;    /* likewise */
        ZoneClass to;       /* the class that the kernel gave it */
} Rollback;

typedef struct Block {
        uint32_t id;        /* N of memoryN, which begins at address N * block size */
        int32_t node;       /* or NODE_NONE */
        int32_t told_node;  /* the node by its event, until its link exists; or NODE_NONE */
        uint64_t inode;     /* of its folder: another after the block was removed and came back */
        bool seen;          /* read at least once */
        bool stale;         /* to be read again */
        bool given_up;      /* memoryd does not wait any longer for its node, device or onlining */
        bool held;          /* not decided on before all of its device is known */
        bool in_dax_write;  /* memoryd is writing the state of its device: no plan decides on it */
        bool by_itself;     /* its device could not be onlined as a whole */
        bool announced;     /* its own event has come, or memoryd does not wait for it */
        bool leaving;       /* its removal has begun: one of the next listings will lack it */
        bool kernel_due;    /* new and offline, and the kernel is about to online it */
        bool echo_due;      /* written, and the `online` event of the write has not come yet */
        bool offline_due;   /* taken offline by a job, and the event of that has not come yet */
        bool found_offline; /* was offline when memoryd started: the kernel had left it so */
        bool leave_is_over; /* was left to other programs for the setting `leave_delay` */
        uint64_t changed_usec; /* when it was last seen to be another than before, monotonic */
        /* when its `add` event came, monotonic; 0: not known, or it was online or failed for good since */
        uint64_t added_usec;
        uint32_t job;        /* the job that it is part of; 0: none */
        ZoneClass job_class; /* the class in which its job leaves it */
        int32_t device;      /* index into the machine's devices, or DEVICE_NONE */
        int32_t group;       /* the kernel's memory group, GROUP_NONE or GROUP_UNREAD */
        uint64_t udev_mask;  /* bit i: the block has the i-th udev property of the policy */
        BlockState state;
        ZoneList zones;
        ZoneClass last_class; /* when it was last online; ZONE_CLASS_NONE if it never was */

        /* The decision and its result. */
        Decision decision;
        BlockStatus status;
        uint64_t decided_usec; /* time of the decision, CLOCK_REALTIME; 0: never */
        Onliner onliner;
        uint64_t onlined_usec; /* when it went or was seen online, CLOCK_REALTIME; 0: not known */
        Onliner offliner;      /* the party that took it offline, for BLOCK_STATUS_OFFLINED */
        Rollback rollback;     /* of a later date than its state, or else not set */
        bool node_was_memoryless; /* its node had no memory of another device when the block came */
        uint8_t attempts;         /* writes that failed in a row */
        int16_t error;            /* of the last failed write or reading: negative errno; 0: none */
        uint64_t retry_at_usec;   /* monotonic; USEC_INFINITY if no retry is due */
} Block;

/* A range of block numbers, both included. */
typedef struct BlockRange {
        uint32_t first;
        uint32_t last;
} BlockRange;

/* Initializes a block of which only the number is known: offline, on no node, not decided. */
void block_init(Block *block, uint32_t id);

/*
 * Returns the class of a block: that of its zone if it is online (kernel if it spans several, as boot memory
 * can), ZONE_CLASS_NONE if it is offline. A block that is going offline still counts as online.
 */
ZoneClass block_class(const Block *block);

/*
 * The words that memoryN/state, auto_online_blocks and, on a kernel that has it, nodeN/auto_online_blocks
 * take.
 */
typedef enum OnlineWord {
        ONLINE_WORD_OFFLINE,
        ONLINE_WORD_ONLINE,
        ONLINE_WORD_KERNEL,
        ONLINE_WORD_MOVABLE,
        ONLINE_WORD_INHERIT, /* only for a node: the word of the machine's file applies */
        _ONLINE_WORD_MAX,
        _ONLINE_WORD_INVALID = -EINVAL,
} OnlineWord;

const char *online_word_to_string(OnlineWord word);
OnlineWord online_word_from_string(const char *word);

/* Returns the word to write for a verdict: "offline" for VERDICT_NONE and a verdict that leaves. */
OnlineWord online_word_of_verdict(Verdict verdict);

/* Returns the verdict for which this is the word, or VERDICT_LEAVE if the word onlines nothing. */
Verdict online_word_to_verdict(OnlineWord word);

/* Whether the kernel onlines added blocks if its auto_online_blocks has this word. */
bool online_word_onlines(OnlineWord word);
