/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Computes delays that double each time. */

#include "daemon/backoff.h"

void backoff_stop(Backoff *backoff)
{
        backoff->delay_usec = 0;
        backoff->at_usec = USEC_INFINITY;
}

void backoff_begin(Backoff *backoff)
{
        backoff->delay_usec = backoff->at_usec = 0;
}

bool backoff_next(Backoff *backoff, uint64_t now_usec)
{
        uint64_t delay = MAX(backoff->delay_usec * 2, backoff->first_usec);

        if (delay > backoff->max_usec && !backoff->lasts) {
                backoff_stop(backoff);
                return false;
        }
        backoff->delay_usec = MIN(delay, backoff->max_usec);
        backoff->at_usec = now_usec + backoff->delay_usec;
        return true;
}
