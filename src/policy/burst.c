/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counts the results of a burst of writes. */

#include "policy/burst.h"

#include <stdio.h>

void burst_add(Burst *burst, const Block *block)
{
        if (block_class(block) == ZONE_CLASS_MOVABLE)
                burst->n_movable++;
        else
                burst->n_kernel++;
        if (block->node >= 0)
                node_set_add(&burst->nodes, (uint32_t) block->node);
}

bool burst_is_empty(const Burst *burst)
{
        return burst->n_kernel + burst->n_movable + burst->n_failed == 0;
}

const char *burst_format(const Burst *burst, uint64_t block_size_bytes,
                         char buffer[static BURST_STRING_MAX])
{
        unsigned n = burst->n_kernel + burst->n_movable;
        char size[FORMAT_BYTES_MAX], nodes[64], failed[48] = "";

        format_bytes(n * block_size_bytes, size);
        format_nodes(&burst->nodes, nodes, sizeof(nodes));
        if (burst->n_failed > 0)
                snprintf(failed, sizeof(failed), ", %u attempts failed", burst->n_failed);
        snprintf(buffer, BURST_STRING_MAX, "%u block%s (%s) on node%s %s: %u kernel, %u movable%s",
                 n, n == 1 ? "" : "s", size, strpbrk(nodes, ",-") ? "s" : "", nodes,
                 burst->n_kernel, burst->n_movable, failed);
        return buffer;
}
