/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Ids that came, went or changed, in the order they did, each maybe more than once. */
typedef struct ChangedIds {
        uint32_t *ids; /* owned */
        size_t n_ids;
} ChangedIds;

void changed_ids_done(ChangedIds *changed);

/* 0 or -ENOMEM. */
int changed_ids_add(ChangedIds *changed, uint32_t id);
