/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/share.h"

/* Counts what each user asks for, so that one user's limit is not another's, and says whose turn it is. Pure. */

typedef enum Claim {
        CLAIM_CALL,     /* a call that waits for its turn, or has it */
        CLAIM_REFUSAL,  /* the error that refuses a call, which waits for its turn as well */
        CLAIM_QUESTION, /* a call that waits for polkit */
        CLAIM_PLAN,     /* a plan that is being made */
        CLAIM_COUNT,    /* a call that has pages counted */
        _CLAIM_MAX,
} Claim;

/*
 * The limits of each claim. dbus-daemon lets a connection wait for 128 answers at once, which is what it allows
 * memoryd in its questions to polkit.
 */
extern const ShareLimits claim_limits[_CLAIM_MAX];

/* The limits of the calls that wait for their turn, in KiB. Refusals have no size. */
extern const ShareLimits waiting_size_limits;

typedef struct Waiting Waiting;

typedef struct User {
        uint32_t uid;
        unsigned n[_CLAIM_MAX];
        Waiting *first, *last; /* owned: the calls and refusals that wait for their turn */
        unsigned size_kib;     /* of these calls */
        uint64_t used_usec;    /* the time that the user's turns took, and see Users.used_usec */
} User;

/* Users with a claim, in no order. */
typedef struct Users {
        User *users; /* owned */
        size_t n_users;
        unsigned n_total[_CLAIM_MAX];
        unsigned size_kib;
        /*
         * What the user who had the last turn had used before it. A user for whom something begins to wait counts as
         * having used at least this, so that it gets nothing for the time in which it had none.
         */
        uint64_t used_usec;
} Users;

/* Frees the users. No call may be waiting. */
void users_done(Users *users);

/* Counts a claim of a user. Returns 0, -EDQUOT if the user may have no more, or -ENOMEM. */
int users_claim(Users *users, uint32_t uid, Claim claim);

/* Ends a claim that users_claim() has counted. With the last claim of all, nothing is left to free. */
void users_release(Users *users, uint32_t uid, Claim claim);

/*
 * Has a call or a refusal wait for its turn, and claims CLAIM_CALL or CLAIM_REFUSAL. What a user has waiting has its
 * turns in the order in which it came. `message` belongs to the caller. Returns what users_claim() returns, or
 * -EMSGSIZE if what waits of the user, or of all users, is too large.
 */
int users_add(Users *users, uint32_t uid, Claim claim, void *message, size_t size_bytes);

/* Whether a user may have one more call wait, whatever its size. */
bool users_may_add_call(const Users *users, uint32_t uid);

/*
 * Returns the message that waits first, of the user who has used the least time, or NULL if nothing is waiting.
 * users_take() also takes it. When the turn is over, the caller tells users_end_turn() how long it took.
 */
void *users_peek(const Users *users, uint32_t *ret_uid, Claim *ret_claim);
void *users_take(Users *users, uint32_t *ret_uid, Claim *ret_claim);
void users_end_turn(Users *users, uint32_t uid, Claim claim, uint64_t usec);

/* Counts time of a user who has a claim and no turn. */
void users_count(Users *users, uint32_t uid, uint64_t usec);
