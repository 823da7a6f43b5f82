/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"
#include "config/config.h"

/*
 * Checks the text of a file before libconfig reads it, for errors that libconfig (1.5 and later) would
 * accept silently or stop at:
 *
 *   - @include, which would open any file, even a FIFO: refused and blanked out;
 *   - a number of more than 31 bits without an L, of which libconfig would keep only the low bits, or
 *     a number of more than 64 bits: refused, and the setting is hidden;
 *   - a second setting of the same name, at which libconfig would stop: refused, and the setting is
 *     hidden: its name is changed to start with an asterisk, and the code that reads values skips it;
 *   - a name that starts with an asterisk in the file: refused as unknown;
 *   - a string or comment without an end, which would swallow the rest of the file, a NUL byte, too
 *     many nested brackets, and too many settings (the time libconfig takes grows with the square of
 *     their number): refused, and the text is cut there.
 *
 * `text` has `size` bytes followed by a NUL, and is modified in place. *ret_cut says whether the text
 * was cut and is therefore incomplete. Returns 0 or -ENOMEM.
 */
int conf_scan(const char *file, char *text, size_t size, ConfFaults *faults, bool *ret_cut);

/* Returns the length of the number without a sign at the start of a text, as libconfig reads it, or 0. */
size_t conf_number_length(const char *text);
