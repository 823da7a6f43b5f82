/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Converts the states, zones and decisions of blocks to strings and back. */

#include "model/block.h"

#include <stdio.h>

static const char *const block_state_table[_BLOCK_STATE_MAX] = {
        [BLOCK_OFFLINE] = "offline",
        [BLOCK_ONLINE] = "online",
        [BLOCK_GOING_OFFLINE] = "going-offline",
};

DEFINE_STRING_TABLE(block_state, BlockState)

static const char *const zone_type_table[_ZONE_TYPE_MAX] = {
        [ZONE_DMA] = "DMA",         [ZONE_DMA32] = "DMA32",     [ZONE_NORMAL] = "Normal",
        [ZONE_HIGHMEM] = "HighMem", [ZONE_MOVABLE] = "Movable", [ZONE_DEVICE] = "Device",
};

DEFINE_STRING_TABLE(zone_type, ZoneType)

static const char *const zone_class_table[_ZONE_CLASS_MAX] = {
        [ZONE_CLASS_NONE] = "none",
        [ZONE_CLASS_KERNEL] = "kernel",
        [ZONE_CLASS_MOVABLE] = "movable",
};

DEFINE_STRING_TABLE(zone_class, ZoneClass)

static const char *const zone_action_table[_ZONE_ACTION_MAX] = {
        [ZONE_ACTION_AUTO] = "auto",       [ZONE_ACTION_MOVABLE] = "movable",
        [ZONE_ACTION_KERNEL] = "kernel",   [ZONE_ACTION_KERNEL_DEFAULT] = "kernel-default",
        [ZONE_ACTION_KEEP] = "keep",       [ZONE_ACTION_LEAVE] = "leave",
        [ZONE_ACTION_OFFLINE] = "offline",
};

DEFINE_STRING_TABLE(zone_action, ZoneAction)

static const char *const verdict_table[_VERDICT_MAX] = {
        [VERDICT_NONE] = "none",       [VERDICT_KERNEL] = "kernel",
        [VERDICT_MOVABLE] = "movable", [VERDICT_KERNEL_DEFAULT] = "kernel-default",
        [VERDICT_LEAVE] = "leave",     [VERDICT_OFFLINE] = "offline",
};

DEFINE_STRING_TABLE(verdict, Verdict)

Verdict zone_action_to_verdict(ZoneAction action)
{
        static const Verdict verdicts[_ZONE_ACTION_MAX] = {
                [ZONE_ACTION_MOVABLE] = VERDICT_MOVABLE,
                [ZONE_ACTION_KERNEL] = VERDICT_KERNEL,
                [ZONE_ACTION_KERNEL_DEFAULT] = VERDICT_KERNEL_DEFAULT,
                [ZONE_ACTION_LEAVE] = VERDICT_LEAVE,
                [ZONE_ACTION_OFFLINE] = VERDICT_OFFLINE,
        };

        return verdicts[action];
}

bool verdict_is_left(Verdict verdict)
{
        return verdict == VERDICT_LEAVE || verdict == VERDICT_OFFLINE;
}

static const char *const block_status_table[_BLOCK_STATUS_MAX] = {
        [BLOCK_STATUS_INITIAL] = "initial",     [BLOCK_STATUS_WAITING] = "waiting",
        [BLOCK_STATUS_PENDING] = "pending",     [BLOCK_STATUS_WRITING] = "writing",
        [BLOCK_STATUS_DONE] = "done",           [BLOCK_STATUS_EXTERNAL] = "external",
        [BLOCK_STATUS_FOREIGN] = "foreign",     [BLOCK_STATUS_RETRYING] = "retrying",
        [BLOCK_STATUS_FAILED] = "failed",       [BLOCK_STATUS_LEFT] = "left",
        [BLOCK_STATUS_OFFLINED] = "offlined",   [BLOCK_STATUS_OFFLINING] = "offlining",
        [BLOCK_STATUS_REQUESTED] = "requested",
};

DEFINE_STRING_TABLE(block_status, BlockStatus)

static const char *const onliner_table[_ONLINER_MAX] = {
        [ONLINER_NONE] = "none",
        [ONLINER_MEMORYD] = "memoryd",
        [ONLINER_KERNEL] = "kernel",
        [ONLINER_OTHER] = "other",
};

DEFINE_STRING_TABLE(onliner, Onliner)

ZoneClass zone_type_to_class(ZoneType type)
{
        return type == ZONE_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL;
}

int zone_list_parse(const char *text, ZoneList *ret)
{
        char copy[ZONE_LIST_STRING_MAX], *rest = NULL;
        ZoneList list = {};
        ZoneType type;

        if (strlen(text) >= sizeof(copy))
                return -EINVAL;
        strcpy(copy, text);

        for (char *word = strtok_r(copy, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
                /* "none" is always alone: an online block spans zones, an offline one has no choice. */
                if (strcmp(word, "none") == 0 && list.n_zones == 0 && !strtok_r(NULL, " \n", &rest))
                        break;
                type = zone_type_from_string(word);
                if (type < 0 || memchr(list.zones, type, list.n_zones))
                        return -EINVAL;
                list.zones[list.n_zones++] = (uint8_t) type;
        }

        *ret = list;
        return 0;
}

const char *zone_list_format(const ZoneList *list, char buffer[static ZONE_LIST_STRING_MAX])
{
        char *end = buffer;

        if (list->n_zones == 0)
                return strcpy(buffer, "none");

        for (unsigned i = 0; i < list->n_zones; i++) {
                if (i > 0)
                        *end++ = ' ';
                end = stpcpy(end, zone_type_to_string(list->zones[i]));
        }
        return buffer;
}

const char *guards_format(unsigned guards, char buffer[static GUARDS_STRING_MAX])
{
        /* In the order of the bits of Guard. */
        static const char *const names[] = { "min_kernel", "max_movable_ratio(node)",
                                             "max_movable_ratio(machine)", "whole_device",
                                             "contiguous" };
        char *end = buffer;

        *end = 0;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (!(guards & 1U << i))
                        continue;
                if (end > buffer)
                        *end++ = ' ';
                end = stpcpy(end, names[i]);
        }
        return buffer;
}

void block_init(Block *block, uint32_t id)
{
        *block = (Block){
                .id = id,
                .node = NODE_NONE,
                .told_node = NODE_NONE,
                .device = -1,
                .group = GROUP_UNREAD,
                .decision = { .rule = RULE_DEFAULT },
                .status = BLOCK_STATUS_WAITING,
                .retry_at_usec = USEC_INFINITY,
        };
}

ZoneClass block_class(const Block *block)
{
        if (block->state == BLOCK_OFFLINE)
                return ZONE_CLASS_NONE;
        return block->zones.n_zones > 0 ? zone_type_to_class(block->zones.zones[0]) :
                                          ZONE_CLASS_KERNEL;
}

static const char *const online_word_table[_ONLINE_WORD_MAX] = {
        [ONLINE_WORD_OFFLINE] = "offline",      [ONLINE_WORD_ONLINE] = "online",
        [ONLINE_WORD_KERNEL] = "online_kernel", [ONLINE_WORD_MOVABLE] = "online_movable",
        [ONLINE_WORD_INHERIT] = "inherit",
};

DEFINE_STRING_TABLE(online_word, OnlineWord)

OnlineWord online_word_of_verdict(Verdict verdict)
{
        static const OnlineWord words[_VERDICT_MAX] = {
                [VERDICT_KERNEL] = ONLINE_WORD_KERNEL,
                [VERDICT_MOVABLE] = ONLINE_WORD_MOVABLE,
                [VERDICT_KERNEL_DEFAULT] = ONLINE_WORD_ONLINE,
        };

        return words[verdict];
}

Verdict online_word_to_verdict(OnlineWord word)
{
        for (Verdict verdict = 0; online_word_onlines(word) && verdict < _VERDICT_MAX; verdict++)
                if (online_word_of_verdict(verdict) == word)
                        return verdict;
        return VERDICT_LEAVE;
}

bool online_word_onlines(OnlineWord word)
{
        return word == ONLINE_WORD_ONLINE || word == ONLINE_WORD_KERNEL ||
               word == ONLINE_WORD_MOVABLE;
}
