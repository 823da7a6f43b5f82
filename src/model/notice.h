/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/*
 * The events about blocks, in order, kept until the blocks are listed. The listing may find that a number
 * belongs to another block than before.
 */

/* The event that a block was added, or that it is being removed. */
typedef struct Notice {
        uint32_t block;
        int32_t node; /* the node that its `add` event told, or NODE_NONE */
        bool is_removal;
        uint64_t usec; /* when the event came, monotonic */
} Notice;

typedef struct NoticeList {
        Notice *notices; /* owned */
        size_t n_notices;
} NoticeList;

void notice_list_done(NoticeList *list);

/* Keeps an event. Returns 0 or -ENOMEM. */
int notice_list_add(NoticeList *list, const Notice *notice);

/*
 * Applies the events to the blocks after a listing, and empties the list. A block whose `add` event came
 * becomes announced, and has the time of that event unless it is decided on or online. A block whose node was not read from its link takes the node that the event told, and is
 * read again if that is another than before.
 */
void notice_list_take(NoticeList *list, Machine *machine);
