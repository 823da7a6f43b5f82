/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parses numbers, sizes, times and node lists. */

#include "base/parse.h"

/*
 * Reads a number in the given base from the front of *text and moves *text past its digits. Consumes all
 * digits even if the number overflows, so that the caller still finds garbage behind a number that is too
 * large.
 */
static int take_number(const char **text, unsigned base, uint64_t *ret)
{
        static const char digits[] = "0123456789abcdef";
        uint64_t number = 0;
        bool overflow = false;
        const char *p = *text;

        for (; *p; p++) {
                char c = *p >= 'A' && *p <= 'F' ? (char) (*p - 'A' + 'a') : *p;
                const char *digit = memchr(digits, c, base);

                if (!digit)
                        break;
                overflow = overflow || __builtin_mul_overflow(number, base, &number) ||
                           __builtin_add_overflow(number, (uint64_t) (digit - digits), &number);
        }
        if (p == *text)
                return -EINVAL;

        *text = p;
        if (overflow)
                return -ERANGE;
        *ret = number;
        return 0;
}

int parse_u32(const char *text, uint32_t *ret)
{
        uint64_t number = 0;
        int r = take_number(&text, 10, &number);

        if (r == -EINVAL || *text)
                return -EINVAL;
        if (r < 0 || number > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t) number;
        return 0;
}

int parse_hex_u64(const char *text, uint64_t *ret)
{
        uint64_t number = 0;
        int r = take_number(&text, 16, &number);

        if (r == -EINVAL || *text)
                return -EINVAL;
        if (r < 0)
                return r;
        *ret = number;
        return 0;
}

/* Returns the factor that the suffix of a size stands for, or 0 if it is not a suffix. */
static uint64_t size_suffix_factor(const char *suffix)
{
        static const char letters[] = "KMGTPkmgtp";
        const char *letter;

        if (*suffix == '\0')
                return 1;

        letter = strchr(letters, *suffix);
        if (!letter)
                return 0;
        suffix++;
        if (*suffix && strcmp(suffix, "B") != 0 && strcmp(suffix, "iB") != 0)
                return 0;
        return UINT64_C(1) << (10 * ((letter - letters) % 5 + 1));
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
        uint64_t number = 0, factor;
        int r = take_number(&text, 10, &number);

        if (r == -EINVAL)
                return r;
        factor = size_suffix_factor(text);
        if (factor == 0)
                return -EINVAL;
        if (r < 0 || __builtin_mul_overflow(number, factor, &number))
                return -ERANGE;
        *ret_bytes = number;
        return 0;
}

/* Returns the factor that the unit of a time stands for, or 0 if it is not a unit. */
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
        uint64_t number = 0, factor;
        int r = take_number(&text, 10, &number);

        if (r == -EINVAL)
                return r;
        factor = time_unit_factor(text);
        if (factor == 0)
                return -EINVAL;
        /* USEC_INFINITY means "never" wherever times are compared. */
        if (r < 0 || __builtin_mul_overflow(number, factor, &number) || number == USEC_INFINITY)
                return -ERANGE;
        *ret_usec = number;
        return 0;
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

/* Reads one number or range of a node list and moves *text past it. */
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
