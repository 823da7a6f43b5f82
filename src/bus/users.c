/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts the calls and the plans of each user, and keeps the calls until their turn. */

#include "bus/users.h"

struct WaitingCall {
        WaitingCall *next;
        void *message;
        unsigned size_kib;
};

const ShareLimits claim_limits[_CLAIM_MAX] = {
        [CLAIM_CALL] = { .per_user = 64, .total = 1024 },
        [CLAIM_QUESTION] = { .per_user = 16, .total = 96 },
        [CLAIM_PLAN] = { .per_user = 1, .total = 5 },
};

const ShareLimits call_size_limits = { .per_user = 1024, .total = 8 * 1024 };

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

/* Calls */

static void user_append(User *user, WaitingCall *call)
{
        if (user->last)
                user->last->next = call;
        else
                user->first = call;
        user->last = call;
}

bool users_may_add_call(const Users *users, uint32_t uid)
{
        const User *user = users_find(users, uid);

        return share_is_left(&claim_limits[CLAIM_CALL], uid, user ? user->n[CLAIM_CALL] : 0,
                             users->n_total[CLAIM_CALL]);
}

int users_add_call(Users *users, uint32_t uid, void *message, size_t size_bytes)
{
        const unsigned size_kib = (unsigned) (size_bytes / 1024) + 1;
        const User *before = users_find(users, uid);
        WaitingCall *call;
        User *user;
        int r;

        if (!share_is_left(&call_size_limits, uid, (before ? before->size_kib : 0) + size_kib - 1,
                           users->size_kib + size_kib - 1))
                return -EMSGSIZE;
        call = malloc(sizeof(*call));
        r = call ? users_claim(users, uid, CLAIM_CALL) : -ENOMEM;
        if (r < 0) {
                free(call);
                return r;
        }
        *call = (WaitingCall){ .message = message, .size_kib = size_kib };
        user = users_get(users, uid);
        if (!user->first)
                user->used_usec = MAX(user->used_usec, users->used_usec);
        user_append(user, call);
        user->size_kib += size_kib;
        users->size_kib += size_kib;
        return 0;
}

void *users_take_call(Users *users, uint32_t *ret_uid)
{
        User *next = NULL;
        WaitingCall *call;
        void *message;

        for (size_t i = 0; i < users->n_users; i++) {
                User *user = &users->users[i];

                if (user->first && (!next || user->used_usec < next->used_usec))
                        next = user;
        }
        if (!next)
                return NULL;
        call = next->first;
        next->first = call->next;
        if (!next->first)
                next->last = NULL;
        next->size_kib -= call->size_kib;
        users->size_kib -= call->size_kib;
        users->used_usec = next->used_usec;
        message = call->message;
        free(call);
        *ret_uid = next->uid;
        return message;
}

void users_end_turn(Users *users, uint32_t uid, uint64_t usec)
{
        users_get(users, uid)->used_usec += usec;
        users_release(users, uid, CLAIM_CALL);
}
