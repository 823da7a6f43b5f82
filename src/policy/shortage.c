/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tells whether a node is short of kernel memory, and how many blocks would relieve it. */

#include "policy/shortage.h"

#include "policy/guard.h"

Shortage shortage_measure(const Machine *machine, uint32_t node)
{
        Shortage sums = {};

        for (size_t i = 0; i < machine->n_zones; i++) {
                const Zone *zone = &machine->zones[i];

                if (zone->node != node)
                        continue;
                if (zone->type == ZONE_MOVABLE) {
                        sums.movable_free_bytes = zone->free_bytes;
                        sums.movable_high_bytes = zone->high_bytes;
                } else if (zone->type == ZONE_DMA || zone->type == ZONE_DMA32 ||
                           zone->type == ZONE_NORMAL) {
                        uint64_t other_bytes = zone->free_cma_bytes + zone->reserve_bytes;

                        sums.free_bytes += zone->free_bytes - MIN(zone->free_bytes, other_bytes);
                        sums.low_bytes += zone->low_bytes;
                        sums.high_bytes += zone->high_bytes;
                }
        }
        return sums;
}

bool shortage_holds(const Shortage *shortage, bool was_short)
{
        /* A zone without watermarks has no memory. */
        if (shortage->movable_high_bytes == 0 || shortage->high_bytes == 0)
                return false;
        if (was_short)
                return shortage->free_bytes <= shortage->high_bytes;
        return shortage->free_bytes < shortage->low_bytes &&
               shortage->movable_free_bytes > shortage->movable_high_bytes;
}

uint32_t shortage_blocks(const Shortage *shortage, const Machine *machine, const Policy *policy,
                         const Node *node)
{
        uint64_t cma_bytes = machine_cma_bytes(machine, (int32_t) node->id);
        uint64_t size = machine->block_size_bytes;
        uint64_t n_movable = size > 0 ? node->totals.movable_bytes / size : 0, n;

        for (n = 1; n < n_movable; n++) {
                Figures figures = figures_of(node->totals.kernel_bytes + n * size,
                                             node->totals.movable_bytes - n * size, cma_bytes);

                if (shortage->free_bytes + n * size > shortage->high_bytes &&
                    (!guard_has_node_ratio(policy, node) || !guard_is_over_ratio(policy, &figures)))
                        break;
        }
        return (uint32_t) MIN(n, n_movable);
}
