/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/* Compares products that can be too large for 64 bits. */

/* Whether a * b is more than c * d. This is exact for all numbers. */
bool product_is_greater(uint64_t a, uint64_t b, uint64_t c, uint64_t d);
