/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Compares products that can be too large for 64 bits. */

#include "base/product.h"

/* A number of 128 bits. 32-bit machines have no such type. */
typedef struct Product {
        uint64_t high, low;
} Product;

/*
 * Multiplies as on paper, with digits of 32 bits. No sum overflows: the product of two digits and two more
 * digits are at most (2^32 - 1)^2 + 2 * (2^32 - 1), which is 2^64 - 1.
 */
static Product multiply(uint64_t a, uint64_t b)
{
        const uint64_t a_low = (uint32_t) a, a_high = a >> 32;
        const uint64_t b_low = (uint32_t) b, b_high = b >> 32;
        const uint64_t first = a_low * b_low;
        const uint64_t second = a_high * b_low + (first >> 32);
        const uint64_t third = a_low * b_high + (uint32_t) second;

        return (Product){ .high = a_high * b_high + (second >> 32) + (third >> 32),
                          .low = third << 32 | (uint32_t) first };
}

bool product_is_greater(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
        const Product product = multiply(a, b), than = multiply(c, d);

        return product.high != than.high ? product.high > than.high : product.low > than.low;
}
