/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds numbers that are too large for libconfig. */

#include "config/number.h"

/* isdigit() and the like depend on the locale, libconfig does not. */
#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

static bool is_one_of(char c, const char *characters)
{
        return c && strchr(characters, c);
}

/* Whether a decimal number without leading zeros is larger than `largest`. */
static bool exceeds(const char *digits, size_t n_digits, const char *largest)
{
        size_t n_largest = strlen(largest);

        if (n_digits != n_largest)
                return n_digits > n_largest;
        return memcmp(digits, largest, n_largest) > 0;
}

static ConfNumber scan_hex(const char *text)
{
        ConfNumber number = { .length = 2 + strspn(text + 2, HEX_DIGITS) };
        size_t n_zeros = strspn(text + 2, "0");

        number.has_l = text[number.length] == 'L';
        number.is_wide = number.length - 2 - n_zeros > (number.has_l ? 16 : 8);
        return number;
}

/* Returns the length of a fraction and an exponent after the integer digits, or 0 for a whole number. */
static size_t fraction_length(const char *text)
{
        size_t n = 0, exponent;

        if (*text == '.')
                n = 1 + strspn(text + 1, DIGITS);
        if (!is_one_of(text[n], "eE"))
                return n;
        exponent = n + 1 + (is_one_of(text[n + 1], "+-") ? 1 : 0);
        if (!is_one_of(text[exponent], DIGITS))
                return n;
        return exponent + strspn(text + exponent, DIGITS);
}

ConfNumber conf_number_scan(const char *text)
{
        size_t n_zeros, n_fraction;
        ConfNumber number;

        if (text[0] == '0' && is_one_of(text[1], "xX") && is_one_of(text[2], HEX_DIGITS))
                return scan_hex(text);

        number = (ConfNumber){ .length = strspn(text, DIGITS) };
        n_fraction = fraction_length(text + number.length);
        if (n_fraction > 0) {
                number.length += n_fraction;
                return number;
        }
        n_zeros = strspn(text, "0");
        number.has_l = text[number.length] == 'L';
        number.is_wide = exceeds(text + n_zeros, number.length - n_zeros,
                                 number.has_l ? "9223372036854775807" : "2147483647");
        return number;
}
