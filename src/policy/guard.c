/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Says what each guard compares, and whether it holds. */

#include "policy/guard.h"

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

bool guard_is_over_ratio(const Policy *policy, Figures *figures)
{
        return figures_exceed(figures, policy->max_movable_ratio_permille);
}

bool guard_is_movable_only(uint64_t kernel_bytes, uint64_t movable_bytes)
{
        return movable_bytes > 0 && kernel_bytes == 0;
}
