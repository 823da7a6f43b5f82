/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Counts the calls and the plans of each user, and keeps calls and refusals until their turn. */

#include "bus/users.h"

struct Waiting {
        Waiting *next;
        Claim claim;
        void *message;
        unsigned size_kib;
};

const ShareLimits claim_limits[_CLAIM_MAX] = {
        [CLAIM_CALL] = { .per_user = 256, .total = 2048 },
        [CLAIM_REFUSAL] = { .per_user = 1024, .total = 4096 },
        [CLAIM_QUESTION] = { .per_user = 16, .total = 96 },
        [CLAIM_PLAN] = { .per_user = 1, .total = 5 },
        [CLAIM_COUNT] = { .per_user = 2, .total = 10 },
};

const ShareLimits waiting_size_limits = { .per_user = 1024, .total = 8 * 1024 };

void users_done(Users *users)
{
        free(users->users);
        *users = (Users){};
}

static User *users_find(const Users *users, uint32_t uid)
{
        for (size_t i = 0; i < users->n_users; i++)
                if (users->users[i].uid == uid)
                        return &users->users[i];
        return NULL;
}

/* Finds a user who has a claim. */
static User *users_get(const Users *users, uint32_t uid)
{
        User *user = users_find(users, uid);

        assert(user);
        return user;
}

int users_claim(Users *users, uint32_t uid, Claim claim)
{
        User *user = users_find(users, uid);

        if (!share_is_left(&claim_limits[claim], uid, user ? user->n[claim] : 0,
                           users->n_total[claim]))
                return -EDQUOT;
        if (!user) {
                if (GROW(users->users, users->n_users) < 0)
                        return -ENOMEM;
                user = &users->users[users->n_users++];
                *user = (User){ .uid = uid };
        }
        user->n[claim]++;
        users->n_total[claim]++;
        return 0;
}

static bool user_is_idle(const User *user)
{
        for (size_t i = 0; i < _CLAIM_MAX; i++)
                if (user->n[i] > 0)
                        return false;
        return true;
}

void users_release(Users *users, uint32_t uid, Claim claim)
{
        User *user = users_get(users, uid);

        assert(user->n[claim] > 0);
        user->n[claim]--;
        users->n_total[claim]--;
        if (user_is_idle(user))
                *user = users->users[--users->n_users];
        if (users->n_users == 0)
                users_done(users);
}

/* Turns */

static void user_append(User *user, Waiting *waiting)
{
        if (user->last)
                user->last->next = waiting;
        else
                user->first = waiting;
        user->last = waiting;
}

bool users_may_add_call(const Users *users, uint32_t uid)
{
        const User *user = users_find(users, uid);

        return share_is_left(&claim_limits[CLAIM_CALL], uid, user ? user->n[CLAIM_CALL] : 0,
                             users->n_total[CLAIM_CALL]);
}

int users_add(Users *users, uint32_t uid, Claim claim, void *message, size_t size_bytes)
{
        const unsigned size_kib = (unsigned) ((size_bytes + 1023) / 1024);
        const User *before = users_find(users, uid);
        Waiting *waiting;
        User *user;
        int r;

        if (size_kib > 0 && !share_is_left(&waiting_size_limits, uid,
                                           (before ? before->size_kib : 0) + size_kib - 1,
                                           users->size_kib + size_kib - 1))
                return -EMSGSIZE;
        waiting = malloc(sizeof(*waiting));
        r = waiting ? users_claim(users, uid, claim) : -ENOMEM;
        if (r < 0) {
                free(waiting);
                return r;
        }
        *waiting = (Waiting){ .claim = claim, .message = message, .size_kib = size_kib };
        user = users_get(users, uid);
        if (!user->first)
                user->used_usec = MAX(user->used_usec, users->used_usec);
        user_append(user, waiting);
        user->size_kib += size_kib;
        users->size_kib += size_kib;
        return 0;
}

/* Finds the user whose turn it is. Returns NULL if nothing is waiting. */
static User *users_next(const Users *users)
{
        User *next = NULL;

        for (size_t i = 0; i < users->n_users; i++) {
                User *user = &users->users[i];

                if (user->first && (!next || user->used_usec < next->used_usec))
                        next = user;
        }
        return next;
}

void *users_peek(const Users *users, uint32_t *ret_uid, Claim *ret_claim)
{
        const User *next = users_next(users);

        if (!next)
                return NULL;
        *ret_uid = next->uid;
        *ret_claim = next->first->claim;
        return next->first->message;
}

void *users_take(Users *users, uint32_t *ret_uid, Claim *ret_claim)
{
        void *message = users_peek(users, ret_uid, ret_claim);
        User *next = users_next(users);
        Waiting *waiting;

        if (!message)
                return NULL;
        waiting = next->first;
        next->first = waiting->next;
        if (!next->first)
                next->last = NULL;
        next->size_kib -= waiting->size_kib;
        users->size_kib -= waiting->size_kib;
        users->used_usec = next->used_usec;
        free(waiting);
        return message;
}

void users_end_turn(Users *users, uint32_t uid, Claim claim, uint64_t usec)
{
        users_count(users, uid, usec);
        users_release(users, uid, claim);
}

void users_count(Users *users, uint32_t uid, uint64_t usec)
{
        users_get(users, uid)->used_usec += usec;
}
