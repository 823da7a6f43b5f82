/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/*
 * Looks over the text of a file before libconfig reads it, for what libconfig (1.5 and later) would
 * take without a word or stop at:
 *
 *   - @include, which would open any file, a FIFO too: refused, and blanked;
 *   - a number past 31 bits without an L, which would be cut to its low bits, or past 64:
 *     refused, and the setting hidden;
 *   - a second setting of one name, at which parsing would stop: refused, and hidden: renamed to
 *     start with an asterisk, for the reader to pass over;
 *   - a name that starts with an asterisk itself, refused as unknown;
 *   - a string or a comment that never ends and would swallow the rest of the file, a NUL byte,
 *     brackets nested and settings in number far past any use (libconfig's time grows with their
 *     square): refused, and the text cut there.
 *
 * `text` has `size` bytes and a NUL behind them, and is changed in place. Returns 0, with *ret_cut
 * saying whether the text was cut and so is not complete; -ENOMEM.
 */
int conf_scan(const char *file, char *text, size_t size, ConfFaults *faults, bool *ret_cut);
