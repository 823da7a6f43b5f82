/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/*
 * Checks the text of a file for what libconfig (1.5 and later) accepts silently or stops at, and
 * copies it for libconfig into *ret_text, which the caller frees:
 *
 * - The first syntax error is reported with its line, what was expected there, what the text has,
 *   and the likely mistake, and the copy ends there. libconfig itself says only "syntax error", for
 *   the token behind the mistake. The grammar is that of libconfig 1.5's manual, "Configuration
 *   Files".
 * - The copy also ends at a string or comment without an end, which would swallow the rest of the
 *   file, at a NUL byte, and where brackets are nested too deep or a group has too many settings
 *   (the time libconfig takes grows with the square of their number).
 * - @include, which would open any file, even a FIFO, is refused and blanked out.
 * - A number of more than 31 bits without an L, of which libconfig would keep only the low bits, a
 *   number of more than 64 bits, and a second setting of the same name, at which libconfig would
 *   stop, are refused. The setting is hidden: its name is changed to start with an asterisk, and
 *   the code that reads values skips it.
 * - A name that starts with an asterisk in the file is refused as unknown.
 *
 * *ret_is_cut says whether the copy ends early. If not, it ends with a newline. Returns 0, with or
 * without faults, or -ENOMEM.
 */
int conf_syntax_check(const char *file, const char *text, size_t size, ConfFaults *faults,
                      char **ret_text, bool *ret_is_cut);
