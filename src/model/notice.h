/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/*
 * What events told of blocks, kept until the blocks are listed: by then one may be another than the
 * one that is known. In the order of the events.
 */

typedef struct Notice {
        uint32_t block;
        int32_t node; /* that its `add` told, NODE_NONE when it did not */
        bool is_removal;
} Notice;

typedef struct NoticeList {
        Notice *notices; /* owned */
        size_t n_notices;
} NoticeList;

void notice_list_done(NoticeList *list);

/* The event that a block came, or that it goes. 0 or -ENOMEM. */
int notice_list_add(NoticeList *list, uint32_t block, int32_t node);
int notice_list_remove(NoticeList *list, uint32_t block);

/*
 * To be called after a listing: the blocks of it whose events came are announced, those that have no
 * node yet have it told, and each is marked to be read again that this is news to. Empties the list.
 */
void notice_list_take(NoticeList *list, Machine *machine);
