/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"
#include "model/pages.h"

/*
 * What kept blocks from going offline when that was last tried. The uses of pages come from the actuator. No file tells
 * that a page is pinned: it stays where it is when the kernel moves pages, and the kernel's log says so. Pure.
 */

/* A block that did not go offline. */
typedef struct HeldBlock {
        uint32_t block;
        uint64_t inode;         /* of the block, as in Block */
        uint64_t realtime_usec; /* when that was */
        PageCounts pages;
} HeldBlock;

/* A page that did not move, by the kernel's log. */
typedef struct StuckPage {
        uint64_t page;
        uint32_t block;
        int error;              /* 0, or a negative errno: -ENOMEM if no memory was free */
        uint64_t realtime_usec; /* when the log last said so */
} StuckPage;

/* The most blocks and pages that are kept at a time. The oldest are forgotten first. */
#define HELD_BLOCKS_MAX 64
#define STUCK_PAGES_MAX 64

typedef struct Held {
        HeldBlock blocks[HELD_BLOCKS_MAX];
        size_t n_blocks;
        StuckPage pages[STUCK_PAGES_MAX];
        size_t n_pages;
} Held;

/* The kernel's log says that a page of a block did not move. */
void held_add_page(Held *held, uint32_t block, uint64_t page, int error, uint64_t realtime_usec);

/*
 * A block did not go offline. Adds to its counts the pages that did not move within the last minute, if they were not
 * added before, and keeps the counts until the block is offline.
 */
void held_add_block(Held *held, const Block *block, uint64_t realtime_usec, PageCounts *pages);

/* Returns what is known of a block, or NULL. Forgets blocks that went offline or away. */
const HeldBlock *held_find(Held *held, const Block *block);
