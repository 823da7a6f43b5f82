/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tells characters that can be printed from other bytes. */

#include "base/text.h"

#include <stdio.h>

/* Returns how many bits of a byte are ones, from the highest on. */
static unsigned leading_ones(char byte)
{
        return (unsigned) __builtin_clz(~((uint32_t) (unsigned char) byte << 24));
}

size_t text_character_length(const char *text)
{
        static const uint32_t least[] = { ' ', 0xa0, 0x800, 0x10000 }; /* for each length */
        uint32_t code = (unsigned char) *text;
        unsigned n_ones = leading_ones(*text);
        size_t length = MAX(n_ones, 1U);

        if (n_ones == 1 || n_ones > ELEMENTSOF(least))
                return 0;
        code &= 0xffU >> n_ones;
        for (size_t i = 1; i < length; i++) {
                if (((unsigned char) text[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | ((unsigned char) text[i] & 0x3f);
        }
        if (code < least[length - 1] || code == 0x7f || code > 0x10ffff || code >> 11 == 0x1b ||
            (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef))
                return 0;
        return length;
}

bool text_is_printable(const char *text)
{
        size_t length;

        while ((length = text_character_length(text)) > 0)
                text += length;
        return !*text;
}

void text_make_printable(char *text)
{
        while (text && *text) {
                size_t length = text_character_length(text);

                if (length == 0)
                        *text = '?';
                text += MAX(length, 1U);
        }
}

/* Removes the first bytes of a character whose last bytes were cut off the end of a text. */
static void drop_part(char *text, size_t length)
{
        size_t first = length;
        unsigned n_ones;

        /* The bytes after the first of a character have the highest bits 10. */
        while (first > 0 && length - first < 3 && ((unsigned char) text[first - 1] & 0xc0) == 0x80)
                first--;
        if (first == 0)
                return;
        n_ones = leading_ones(text[--first]);
        if (n_ones >= 2 && n_ones <= 4 && length - first < n_ones)
                text[first] = '\0';
}

const char *text_vformat(char *buffer, size_t size, const char *format, va_list arguments)
{
        int n = vsnprintf(buffer, size, format, arguments);

        if (n < 0)
                buffer[0] = '\0';
        else if ((size_t) n >= size)
                drop_part(buffer, size - 1);
        text_make_printable(buffer);
        return buffer;
}

const char *text_format(char *buffer, size_t size, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        text_vformat(buffer, size, format, arguments);
        va_end(arguments);
        return buffer;
}
