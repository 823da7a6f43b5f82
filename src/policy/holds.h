/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/pages.h"

/* Says in words what keeps memory from going offline, and what an administrator can do. */

/*
 * Formats what the pages of memory are used for, first what keeps it from going offline: "held by 1,204 slab pages and
 * 12 page tables; 3G of page cache would move; 1G is free". After an offline that failed, what should have moved and
 * did not is what held the memory. Returns 0 or -ENOMEM.
 */
int holds_format(const PageCounts *counts, char **ret);

/* The kinds of advice. Each helps against one thing that holds memory. */
typedef enum Advice {
        ADVICE_SLAB,
        ADVICE_TABLE,
        ADVICE_KERNEL,
        ADVICE_RESERVED,
        ADVICE_GIGANTIC,
        ADVICE_PINNED,
        ADVICE_NO_ROOM,
        ADVICE_SLOW, /* it is not known what kept pages from moving */
        _ADVICE_MAX,
} Advice;

/* Whether an advice is for what these pages are used for. */
bool advice_is_for(Advice advice, const PageCounts *counts);

/* The advice, as one or more sentences. */
const char *advice_text(Advice advice);
