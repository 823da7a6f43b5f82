/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Parses numbers, sizes, times and node lists. */

#include "base/parse.h"

#include <ctype.h>

/*
 * Reads a number in the given base from the front of *text and moves *text past its digits. Consumes all
 * digits even if the number overflows, so that the caller still finds garbage behind a number that is too
 * large.
 */
static int take_number(const char **text, int base, uint64_t *ret)
{
        unsigned long long number;
        char *end;

        /* strtoull() also takes spaces, signs and "0x". */
        if (!isxdigit((unsigned char) **text) || (*text)[1] == 'x' || (*text)[1] == 'X')
                return -EINVAL;
        errno = 0;
        number = strtoull(*text, &end, base);
        if (end == *text)
                return -EINVAL;
        *text = end;
        if (errno != 0)
                return -ERANGE;
        *ret = number;
        return 0;
}

/*
 * Parses a number of at most `max` with a suffix. factor_of() returns the factor that a suffix stands for, or
 * 0 if it is none.
 */
static int parse_number(const char *text, int base, uint64_t (*factor_of)(const char *suffix),
                        uint64_t max, uint64_t *ret)
{
        uint64_t number = 0, factor;
        int r = take_number(&text, base, &number);

        if (r == -EINVAL)
                return r;
        factor = factor_of(text);
        if (factor == 0)
                return -EINVAL;
        if (r < 0 || __builtin_mul_overflow(number, factor, &number) || number > max)
                return -ERANGE;
        *ret = number;
        return 0;
}

static uint64_t no_suffix_factor(const char *suffix)
{
        return *suffix == '\0';
}

int parse_u32(const char *text, uint32_t *ret)
{
        uint64_t number;
        int r = parse_number(text, 10, no_suffix_factor, UINT32_MAX, &number);

        if (r >= 0)
                *ret = (uint32_t) number;
        return r;
}

int parse_hex_u64(const char *text, uint64_t *ret)
{
        return parse_number(text, 16, no_suffix_factor, UINT64_MAX, ret);
}

/* Returns how often a suffix multiplies by 1024, or -EINVAL if it is none. */
static int size_suffix_steps(const char *suffix)
{
        static const char letters[] = "KMGTPEkmgtpe";
        const char *letter;

        if (*suffix == '\0' || strcmp(suffix, "B") == 0)
                return 0;
        letter = strchr(letters, *suffix);
        if (!letter)
                return -EINVAL;
        suffix++;
        if (*suffix && strcmp(suffix, "B") != 0 && strcmp(suffix, "iB") != 0)
                return -EINVAL;
        return (int) ((letter - letters) % 6) + 1;
}

/* The most digits behind a point that count. 1024 times such a number fits 64 bits. */
#define FRACTION_DIGITS_MAX 16

/*
 * Reads the digits behind a point from the front of *text as a number of FRACTION_DIGITS_MAX digits, and moves
 * *text past them. Returns 0, -EINVAL if there is no digit, or -EDOM if one digit more is not 0.
 */
static int take_fraction(const char **text, uint64_t *ret)
{
        uint64_t number = 0;
        unsigned n = 0;
        int r = 0;

        for (; isdigit((unsigned char) **text); (*text)++, n++) {
                if (n < FRACTION_DIGITS_MAX)
                        number = number * 10 + (uint64_t) (**text - '0');
                else if (**text != '0')
                        r = -EDOM;
        }
        if (n == 0)
                return -EINVAL;
        for (; n < FRACTION_DIGITS_MAX; n++)
                number *= 10;
        *ret = number;
        return r;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
        const uint64_t one = UINT64_C(10000000000000000); /* FRACTION_DIGITS_MAX zeros */
        uint64_t number = 0, fraction = 0;
        int r = take_number(&text, 10, &number), s = 0, n_steps;
        bool has_point = r != -EINVAL && *text == '.';

        if (has_point) {
                text++;
                s = take_fraction(&text, &fraction);
        }
        if (r == -EINVAL || s == -EINVAL)
                return -EINVAL;
        n_steps = size_suffix_steps(text);
        if (n_steps < 0 || (has_point && n_steps == 0))
                return -EINVAL;
        for (int i = 0; i < n_steps && r >= 0; i++) {
                fraction *= 1024;
                if (number > UINT64_MAX / 1024)
                        r = -ERANGE;
                number = number * 1024 + fraction / one;
                fraction %= one;
        }
        if (r < 0)
                return r;
        if (s < 0 || fraction > 0)
                return -EDOM;
        *ret_bytes = number;
        return 0;
}

static uint64_t time_unit_factor(const char *unit)
{
        static const struct {
                const char *unit;
                uint64_t factor_usec;
        } units[] = {
                { "", USEC_PER_SEC },         { "us", 1 },
                { "ms", USEC_PER_MSEC },      { "s", USEC_PER_SEC },
                { "min", 60 * USEC_PER_SEC }, { "h", 3600 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strcmp(units[i].unit, unit) == 0)
                        return units[i].factor_usec;
        return 0;
}

int parse_usec(const char *text, uint64_t *ret_usec)
{
        /* USEC_INFINITY means "never" wherever times are compared. */
        return parse_number(text, 10, time_unit_factor, USEC_INFINITY - 1, ret_usec);
}

bool node_set_contains(const NodeSet *set, uint32_t node)
{
        return node < NODE_MAX && (set->bits[node / 64] >> (node % 64) & 1);
}

void node_set_add(NodeSet *set, uint32_t node)
{
        assert(node < NODE_MAX);
        set->bits[node / 64] |= UINT64_C(1) << (node % 64);
}

bool node_set_is_empty(const NodeSet *set)
{
        for (size_t i = 0; i < ELEMENTSOF(set->bits); i++)
                if (set->bits[i])
                        return false;
        return true;
}

NodeSet node_set_minus(const NodeSet *set, const NodeSet *other)
{
        NodeSet rest = {};

        for (size_t i = 0; i < ELEMENTSOF(rest.bits); i++)
                rest.bits[i] = set->bits[i] & ~other->bits[i];
        return rest;
}

/* Reads one number or range of a list and moves *text past it. */
static int take_range(const char **text, uint64_t *ret_first, uint64_t *ret_last)
{
        uint64_t first = 0, last;
        int r = take_number(text, 10, &first), s = 0;

        if (r == -EINVAL)
                return r;
        last = first;
        if (**text == '-') {
                (*text)++;
                s = take_number(text, 10, &last);
        }
        if (s == -EINVAL || (**text != ',' && **text != '\0'))
                return -EINVAL;
        if (r < 0 || s < 0)
                return -ERANGE;
        if (first > last)
                return -EINVAL;
        *ret_first = first;
        *ret_last = last;
        return 0;
}

bool is_number_list(const char *text)
{
        uint64_t first, last;

        while (*text) {
                if (take_range(&text, &first, &last) < 0 || (*text == ',' && *++text == '\0'))
                        return false;
        }
        return true;
}

int node_set_parse(NodeSet *set, const char *text)
{
        NodeSet parsed = *set;
        bool out_of_range = false;

        while (*text) {
                uint64_t first = 0, last = 0;
                int r = take_range(&text, &first, &last);

                if (r == -EINVAL)
                        return r;
                if (r < 0 || last >= NODE_MAX)
                        out_of_range = true;
                else
                        for (uint64_t node = first; node <= last; node++)
                                node_set_add(&parsed, (uint32_t) node);
                if (*text == ',' && *++text == '\0')
                        return -EINVAL;
        }
        if (out_of_range)
                return -ERANGE;
        *set = parsed;
        return 0;
}
