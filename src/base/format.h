/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/parse.h"

/* Formats sizes and node lists. */

#define FORMAT_BYTES_MAX 24

/* Formats a size as lsmem does: at most one decimal and a suffix, "128M", "1.5G". Returns the buffer. */
const char *format_bytes(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX]);

/*
 * Formats a size without rounding, for sizes that are compared with others: in the largest unit that needs at
 * most three decimals, "6.75G", "1040M". Returns the buffer.
 */
const char *format_bytes_exact(uint64_t bytes, char buffer[static FORMAT_BYTES_MAX]);

/*
 * Formats the nodes of a set as the kernel lists them: "0,2-5". If the buffer is too small, the last ranges
 * are left out and the list ends with "...". Returns the buffer.
 */
const char *format_nodes(const NodeSet *set, char *buffer, size_t size);
