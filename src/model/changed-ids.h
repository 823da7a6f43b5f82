/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Ids of blocks or jobs that came, went or changed, in this order. An id may be there more than once. */
typedef struct ChangedIds {
        uint32_t *ids; /* owned */
        size_t n_ids;
} ChangedIds;

void changed_ids_done(ChangedIds *changed);

/* Returns 0 or -ENOMEM. */
int changed_ids_add(ChangedIds *changed, uint32_t id);
