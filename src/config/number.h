/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * A number as libconfig's scanner takes it from a text. libconfig 1.5 reads one without an L as 32
 * bits and drops what is above, one with an L as 64, and says nothing.
 */
typedef struct ConfNumber {
        size_t length; /* without the L */
        bool has_l;
        bool is_wide; /* more than libconfig would hold */
} ConfNumber;

/* Of the number that starts here with a digit or a point. */
ConfNumber conf_number_scan(const char *text);
