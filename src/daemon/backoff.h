/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Delays that double. */
typedef struct Backoff {
        uint64_t first_usec;
        uint64_t max_usec;   /* the longest delay: after that it stops, unless it lasts */
        bool lasts;          /* it goes on with max_usec */
        uint64_t delay_usec; /* the last one; 0 before the first */
        uint64_t at_usec;    /* when it is time; USEC_INFINITY when stopped */
} Backoff;

void backoff_stop(Backoff *backoff);

/* Begins anew: it is time at once. */
void backoff_begin(Backoff *backoff);

/* Sets the next time. Returns false when there is none: it has stopped. */
bool backoff_next(Backoff *backoff, uint64_t now_usec);
