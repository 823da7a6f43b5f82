/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

#include <stdarg.h>

/*
 * Makes texts that any reader can print. Names of files, devices and users, and what files contain, can have
 * any bytes. D-Bus and JSON demand UTF-8, and a terminal obeys control characters.
 */

/*
 * Returns the bytes of the character at the start of a text, 1 to 4. Returns 0 at the end of the text, and at
 * what is not to be printed: a control character, a byte that is not valid UTF-8, and a code point that Unicode
 * reserves, which sd-bus refuses.
 */
size_t text_character_length(const char *text);

/* Whether a text consists of printable characters. */
bool text_is_printable(const char *text);

/* Puts "?" in the place of each byte that is not part of a printable character. The text may be NULL. */
void text_make_printable(char *text);

/*
 * Format a text for all readers to print. If it is too long for the buffer of `size` bytes, 1 at least, it is
 * cut between two characters. Return the buffer.
 */
const char *text_format(char *buffer, size_t size, const char *format, ...) _printf_(3, 4);
const char *text_vformat(char *buffer, size_t size, const char *format, va_list arguments)
        _printf_(3, 0);
