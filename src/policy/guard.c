/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Says what each guard compares, and whether it holds. */

#include "policy/guard.h"

#include "base/product.h"

#include <stdio.h>

bool guard_is_exempt(const Rule *rule)
{
        return rule && rule->movable_node;
}

uint64_t guard_min_kernel(const Policy *policy, const Machine *machine, bool is_exempt)
{
        if (is_exempt)
                return 0;
        return policy->min_kernel_bytes == MIN_KERNEL_ONE_BLOCK ? machine->block_size_bytes :
                                                                  policy->min_kernel_bytes;
}

bool guard_has_node_ratio(const Policy *policy, const Node *node)
{
        return policy->per_node && node->has_cpu;
}

/*
 * Counts in units of 4 KiB, of which all sizes are multiples. At the largest ratio, 64 bits then suffice for
 * 2^52 bytes, the most that an x86 or arm64 machine can address.
 */
bool guard_is_over_ratio(const Policy *policy, Figures *figures)
{
        figures->limit = policy->max_movable_ratio_permille;
        return (figures->movable_bytes >> 12) * 1000 >
               (figures->kernel_bytes >> 12) * figures->limit;
}

bool guard_has_half(const Policy *policy, const Figures *figures)
{
        return (figures->movable_bytes >> 12) * 2000 >=
               (figures->kernel_bytes >> 12) * policy->max_movable_ratio_permille;
}

bool guard_is_movable_only(const Totals *totals)
{
        return totals->movable_bytes > 0 && totals->kernel_bytes == 0;
}

Figures figures_of(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes)
{
        cma_bytes = MIN(cma_bytes, kernel_bytes);
        return (Figures){ .kernel_bytes = kernel_bytes - cma_bytes,
                          .movable_bytes = movable_bytes + cma_bytes };
}

bool figures_is_worse(const Figures *figures, const Figures *than)
{
        if (than->movable_bytes == 0 || (figures->kernel_bytes == 0 && than->kernel_bytes == 0))
                return figures->movable_bytes > than->movable_bytes;
        return product_is_greater(figures->movable_bytes, than->kernel_bytes, than->movable_bytes,
                                  figures->kernel_bytes);
}

const char *figures_format(const Figures *figures, bool up, char buffer[static FIGURES_STRING_MAX])
{
        char kernel[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX];
        uint64_t n_kernel = figures->kernel_bytes >> 12, n_movable = figures->movable_bytes >> 12;
        uint64_t percent;

        format_bytes_exact(figures->movable_bytes, movable);
        if (n_kernel == 0) {
                snprintf(buffer, FIGURES_STRING_MAX, "%s of movable and no kernel memory", movable);
                return buffer;
        }
        percent = (n_movable * 100 + (up ? n_kernel - 1 : 0)) / n_kernel;
        snprintf(buffer, FIGURES_STRING_MAX,
                 "%s of movable to %s of kernel memory, %llu.%02llu to 1", movable,
                 format_bytes_exact(figures->kernel_bytes, kernel),
                 (unsigned long long) (percent / 100), (unsigned long long) (percent % 100));
        return buffer;
}

const char *ratio_format(uint64_t permille, char buffer[static RATIO_STRING_MAX])
{
        int n = snprintf(buffer, RATIO_STRING_MAX, "%llu.%03llu",
                         (unsigned long long) (permille / 1000),
                         (unsigned long long) (permille % 1000));

        if (buffer[n - 1] == '0')
                buffer[n - 1] = 0;
        return buffer;
}

bool verdict_accepts(Verdict verdict, ZoneClass zone_class)
{
        return (verdict != VERDICT_KERNEL || zone_class == ZONE_CLASS_KERNEL) &&
               (verdict != VERDICT_MOVABLE || zone_class == ZONE_CLASS_MOVABLE);
}

ZoneClass verdict_class(Verdict verdict, const Block *block)
{
        /* The kernel names its default first. If it is not known, it counts as kernel. */
        if (verdict == VERDICT_KERNEL_DEFAULT && block->zones.n_zones > 0)
                return zone_type_to_class(block->zones.zones[0]);
        if (verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT)
                return ZONE_CLASS_KERNEL;
        return verdict == VERDICT_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_NONE;
}

ZoneClass plan_class(const Block *block)
{
        ZoneClass zone_class = block_class(block);

        if (block->status == BLOCK_STATUS_WRITING)
                return verdict_class(block->decision.verdict, block);
        if (block->status == BLOCK_STATUS_OFFLINING && zone_class == ZONE_CLASS_KERNEL)
                return ZONE_CLASS_NONE;
        return zone_class;
}

NodeBalance node_balance_of(const Machine *machine, const Node *node)
{
        return (NodeBalance){
                .node = node,
                .cma_bytes = machine_cma_bytes(machine, node ? (int32_t) node->id : NODE_ANY),
        };
}

static void add_to_class(NodeBalance *balance, ZoneClass zone_class, uint64_t bytes)
{
        if (zone_class == ZONE_CLASS_KERNEL)
                balance->kernel_bytes += bytes;
        if (zone_class == ZONE_CLASS_MOVABLE)
                balance->movable_bytes += bytes;
}

void node_balance_move(NodeBalance *balance, ZoneClass from, ZoneClass to, uint64_t bytes)
{
        add_to_class(balance, from, -bytes); /* the sums are unsigned: this subtracts */
        add_to_class(balance, to, bytes);
}

Figures node_balance_figures(const NodeBalance *balance)
{
        Figures figures =
                figures_of(balance->kernel_bytes, balance->movable_bytes, balance->cma_bytes);

        figures.of_machine = !balance->node;
        return figures;
}
