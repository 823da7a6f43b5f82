/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/format.h"
#include "model/block.h"

/*
 * Movable memory over kernel memory: what max_movable_ratio is compared with.
 */

/* CMA areas lie in kernel zones but hold movable pages only. */
Figures figures_of(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes);

/* Whether movable / kernel is over a ratio, which becomes their limit. */
bool figures_exceed(Figures *figures, uint32_t ratio_permille);

/* Whether the ratio is larger than another. Of no memory at all it is 0. */
bool figures_is_worse(const Figures *figures, const Figures *than);

#define FIGURES_STRING_MAX 160
#define RATIO_STRING_MAX 32

/*
 * "8G of movable to 1G of kernel memory, 8.00 to 1", and no ratio to nothing. To two places, up or down,
 * so that what is over a limit never reads as the limit. Returns the buffer.
 */
const char *figures_format(const Figures *figures, bool up, char buffer[static FIGURES_STRING_MAX]);

/* A ratio of the configuration: "3.00", "1.125". Returns the buffer. */
const char *ratio_format(uint64_t permille, char buffer[static RATIO_STRING_MAX]);
