/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * A number in a text, as libconfig's scanner recognizes it. libconfig 1.5 reads a number without
 * the suffix L as 32 bits and drops the bits above, reads a number with the suffix as 64 bits, and
 * reports neither as an error.
 */
typedef struct ConfNumber {
        size_t length; /* without the L */
        bool has_l;
        bool is_wide; /* too large for libconfig */
} ConfNumber;

/* Scans the number at the start of a text. The text must start with a digit or a point. */
ConfNumber conf_number_scan(const char *text);
