/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

/* How users share things of which there are few, so that no user takes all of them. */

#include "base/macro.h"

/* Stands for memoryd itself, in the place of a user. */
#define UID_MEMORYD UINT32_MAX

typedef struct ShareLimits {
        unsigned per_user;
        unsigned total;
} ShareLimits;

/*
 * Whether a user who has `n` things of `n_total` may have one more. Besides their own limit, users other than
 * root leave as much free as they have, as with dbus-broker. So there is something left for the next user even
 * if some have all they can get, and the last one is for root.
 */
static inline bool share_is_left(const ShareLimits *limits, uint32_t uid, unsigned n,
                                 unsigned n_total)
{
        if (n_total >= limits->total)
                return false;
        if (uid == 0 || uid == UID_MEMORYD)
                return true;
        return n < limits->per_user && n + 1 < limits->total - n_total;
}
