/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/parse.h"

/* Sizes and node lists as text. */

#define FORMAT_BYTES_MAX 24

/*
 * A size as lsmem prints it: at most one decimal and a suffix, "128M", "1.5G". Returns the buffer.
 */
const char *format_bytes(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX]);

/*
 * The same without rounding, for what is compared with something: in the largest unit that takes at
 * most three decimals, "6.75G", "1040M". Returns the buffer.
 */
const char *format_bytes_exact(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX]);

/*
 * The nodes of a set as the kernel lists them: "0,2-5". Where the buffer is too small the last ranges
 * are left out, and the list ends with "...". Returns the buffer.
 */
const char *format_nodes(const NodeSet *set, char *buffer, size_t size);
