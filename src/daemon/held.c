/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps what held blocks that did not go offline. */

#include "daemon/held.h"

/* Removes an element of an array. */
#define REMOVE(array, n, i)                                                                        \
        ({                                                                                         \
                (n)--;                                                                             \
                memmove(&(array)[i], &(array)[(i) + 1], ((n) - (i)) * sizeof((array)[0]));         \
        })

void held_add_page(Held *held, uint32_t block, uint64_t page, int error, uint64_t realtime_usec)
{
        for (size_t i = 0; i < held->n_pages; i++)
                if (held->pages[i].page == page) {
                        held->pages[i].error = error;
                        held->pages[i].realtime_usec = realtime_usec;
                        return;
                }
        if (held->n_pages == STUCK_PAGES_MAX)
                REMOVE(held->pages, held->n_pages, 0);
        held->pages[held->n_pages++] = (StuckPage){ page, block, error, realtime_usec };
}

/* How long what the kernel's log said counts for further attempts: it does not say all each time. */
#define LOG_USEC (60 * USEC_PER_SEC)

/* Adds the pages that the log named at the last attempt, if it named none this time. */
static void take_last(const Held *held, const Block *block, uint64_t realtime_usec,
                      PageCounts *pages)
{
        for (size_t i = 0; i < held->n_blocks; i++) {
                const HeldBlock *last = &held->blocks[i];

                if (last->block != block->id || last->inode != block->inode ||
                    realtime_usec - last->realtime_usec > LOG_USEC || pages->n_pinned > 0 ||
                    pages->has_no_room || page_counts_are_held(pages))
                        continue;
                pages->n_pinned = MIN(last->pages.n_pinned, page_counts_used(pages));
                pages->has_no_room = last->pages.has_no_room;
        }
}

/*
 * Adds the pages of a block that did not move to its counts, and forgets them. The log also names pages of an offline
 * that succeeds at a later attempt: those of long ago, and from before the block went online, do not count.
 */
static void take_pages(Held *held, const Block *block, uint64_t realtime_usec, PageCounts *pages)
{
        for (size_t i = held->n_pages; i-- > 0;) {
                const StuckPage *page = &held->pages[i];

                if (page->block != block->id)
                        continue;
                if (realtime_usec - page->realtime_usec <= LOG_USEC &&
                    block->onlined_usec <= page->realtime_usec) {
                        pages->has_no_room |= page->error == -ENOMEM;
                        pages->n_pinned += page->error != -ENOMEM;
                }
                REMOVE(held->pages, held->n_pages, i);
        }
}

static void forget_block(Held *held, uint32_t block)
{
        for (size_t i = 0; i < held->n_blocks; i++)
                if (held->blocks[i].block == block) {
                        REMOVE(held->blocks, held->n_blocks, i);
                        return;
                }
}

void held_add_block(Held *held, const Block *block, uint64_t realtime_usec, PageCounts *pages)
{
        take_pages(held, block, realtime_usec, pages);
        take_last(held, block, realtime_usec, pages);
        if (pages->page_size_bytes == 0)
                return;
        forget_block(held, block->id);
        if (held->n_blocks == HELD_BLOCKS_MAX)
                REMOVE(held->blocks, held->n_blocks, 0);
        held->blocks[held->n_blocks++] = (HeldBlock){
                .block = block->id,
                .inode = block->inode,
                .realtime_usec = realtime_usec,
                .pages = *pages,
        };
}

const HeldBlock *held_find(Held *held, const Block *block)
{
        for (size_t i = 0; i < held->n_blocks; i++) {
                const HeldBlock *found = &held->blocks[i];

                if (found->block != block->id)
                        continue;
                /* It may have been offline and come back since. */
                if (found->inode == block->inode && block->state != BLOCK_OFFLINE &&
                    block->onlined_usec <= found->realtime_usec)
                        return found;
                REMOVE(held->blocks, held->n_blocks, i);
                return NULL;
        }
        return NULL;
}
