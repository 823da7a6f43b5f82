/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/share.h"

/* Counts the waiting calls and the plans of each user, so that one user's limit is not another's. Pure. */

typedef enum Claim {
        CLAIM_QUESTION, /* a call that waits for polkit */
        CLAIM_PLAN,     /* a plan that is being made */
        _CLAIM_MAX,
} Claim;

/*
 * The limits of each claim. dbus-daemon lets a connection wait for 128 answers at once, which is what it allows
 * memoryd in its questions to polkit.
 */
extern const ShareLimits claim_limits[_CLAIM_MAX];

typedef struct User {
        uint32_t uid;
        unsigned n[_CLAIM_MAX];
} User;

/* Users with a claim, in no order. */
typedef struct Users {
        User *users; /* owned */
        size_t n_users;
        unsigned n_total[_CLAIM_MAX];
} Users;

void users_done(Users *users);

/* Counts a claim of a user. Returns 0, -EDQUOT if the user may have no more, or -ENOMEM. */
int users_claim(Users *users, uint32_t uid, Claim claim);

/* Ends a claim that users_claim() has counted. With the last claim of all, nothing is left to free. */
void users_release(Users *users, uint32_t uid, Claim claim);
