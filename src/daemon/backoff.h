/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* A delay that doubles each time. */
typedef struct Backoff {
        uint64_t first_usec;
        uint64_t max_usec;   /* the longest delay; after it the back-off stops, unless it lasts */
        bool lasts;          /* repeats max_usec instead of stopping */
        uint64_t delay_usec; /* the last delay; 0 before the first */
        uint64_t at_usec;    /* the end of the delay; USEC_INFINITY when stopped */
} Backoff;

void backoff_stop(Backoff *backoff);

/* Starts over: at_usec is due at once, and delays begin with first_usec. */
void backoff_begin(Backoff *backoff);

/* Starts the next delay. Returns false if there is none, and the back-off has stopped. */
bool backoff_next(Backoff *backoff, uint64_t now_usec);
