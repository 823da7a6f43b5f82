/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects the ids of blocks or jobs that have changed. */

#include "model/changed-ids.h"

void changed_ids_done(ChangedIds *changed)
{
        free(changed->ids);
        *changed = (ChangedIds){};
}

int changed_ids_add(ChangedIds *changed, uint32_t id)
{
        /* A block is often reported twice in a row: when it is read, and when it is decided. */
        if (changed->n_ids > 0 && changed->ids[changed->n_ids - 1] == id)
                return 0;

        if (GROW(changed->ids, changed->n_ids) < 0)
                return -ENOMEM;
        changed->ids[changed->n_ids++] = id;
        return 0;
}
