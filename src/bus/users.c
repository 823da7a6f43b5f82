/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts the waiting calls and the plans of each user. */

#include "bus/users.h"

const ShareLimits claim_limits[_CLAIM_MAX] = {
        [CLAIM_QUESTION] = { .per_user = 16, .total = 96 },
        [CLAIM_PLAN] = { .per_user = 1, .total = 5 },
};

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
        User *user = users_find(users, uid);

        assert(user && user->n[claim] > 0);
        user->n[claim]--;
        users->n_total[claim]--;
        if (user_is_idle(user))
                *user = users->users[--users->n_users];
        if (users->n_users == 0)
                users_done(users);
}
