/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the events about blocks until the blocks are listed. */

#include "model/notice.h"

void notice_list_done(NoticeList *list)
{
        free(list->notices);
        *list = (NoticeList){};
}

int notice_list_add(NoticeList *list, const Notice *notice)
{
        if (GROW(list->notices, list->n_notices) < 0)
                return -ENOMEM;
        list->notices[list->n_notices++] = *notice;
        return 0;
}

static void notice_take(const Notice *notice, Block *block)
{
        if (!notice->is_removal) {
                block->announced = true;
                if (block->state == BLOCK_OFFLINE && block->decision.verdict == VERDICT_NONE)
                        block->added_usec = notice->usec;
        }
        /* A node that was read from the block's link stays. */
        if (block->node != NODE_NONE && block->told_node == NODE_NONE)
                return;
        block->stale |= block->told_node != notice->node;
        block->told_node = notice->node;
}

void notice_list_take(NoticeList *list, Machine *machine)
{
        for (size_t i = 0; i < list->n_notices; i++) {
                Block *block = machine_find_block(machine, list->notices[i].block);

                if (block)
                        notice_take(&list->notices[i], block);
        }
        notice_list_done(list);
}
