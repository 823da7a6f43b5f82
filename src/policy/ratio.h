/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/format.h"
#include "model/block.h"

/* The ratio of movable memory to kernel memory, which max_movable_ratio limits. */

/* Makes figures that count CMA areas as movable: they lie in kernel zones, but hold movable pages only. */
Figures figures_of(uint64_t kernel_bytes, uint64_t movable_bytes, uint64_t cma_bytes);

/* Whether movable / kernel memory is over a ratio. Makes this ratio the limit of the figures. */
bool figures_exceed(Figures *figures, uint32_t ratio_permille);

/*
 * Whether the ratio of the first figures is larger than that of the second. Without any memory it is 0. If
 * neither has kernel memory, more movable memory counts as larger.
 */
bool figures_is_worse(const Figures *figures, const Figures *than);

#define FIGURES_STRING_MAX 160
#define RATIO_STRING_MAX 32

/*
 * Formats "8G of movable to 1G of kernel memory, 8.00 to 1", without the ratio if there is no kernel memory.
 * Rounds the ratio to two decimals, up or down: rounded up, a ratio over the limit never reads as the limit.
 * Returns the buffer.
 */
const char *figures_format(const Figures *figures, bool up, char buffer[static FIGURES_STRING_MAX]);

/* Formats a ratio of the configuration: "3.00", "1.125". Returns the buffer. */
const char *ratio_format(uint64_t permille, char buffer[static RATIO_STRING_MAX]);
