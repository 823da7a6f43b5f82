/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/* Collects what is wrong with a configuration, in the words of memoryd.conf(5). */

/*
 * Adds a fault, the text being that of the format. `key` is put in front of it unless NULL. Always
 * returns 1, so that a reader can end with it, or -ENOMEM.
 */
int conf_faults_add(ConfFaults *faults, const char *file, unsigned line, const char *key,
                    const char *format, ...) _printf_(5, 6);

/*
 * Orders the faults from `first` on by the place of their files in `files` (NULL-terminated), then
 * by line. Those of a file that is not in it come first.
 */
void conf_faults_sort(ConfFaults *faults, size_t first, char *const *files);

/* The longest quotation: that many characters of the text, an ellipsis, quotes, NUL. */
#define CONF_QUOTE_MAX 48

/* Writes the text in quotes, cut when long, without control characters. Returns the buffer. */
const char *conf_quote(const char *text, char buffer[static CONF_QUOTE_MAX]);
