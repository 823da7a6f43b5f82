/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdarg.h>

#include "config/config.h"

/* Collects the faults of a configuration, in the words of memoryd.conf(5). */

/*
 * Adds a fault with a formatted text. "'KEY': " is put before the text unless `key` is NULL.
 * What the text quotes may have any bytes: those that are not UTF-8, and control characters, become
 * "?". Returns 1, so that a function that reads a setting can return this value, or -ENOMEM.
 */
int conf_faults_add(ConfFaults *faults, const char *file, unsigned line, const char *key,
                    const char *format, ...) _printf_(5, 6);
int conf_faults_addv(ConfFaults *faults, const char *file, unsigned line, const char *key,
                     const char *format, va_list arguments) _printf_(5, 0);

/*
 * Sorts the faults from index `first` on by the position of their files in `files`
 * (NULL-terminated), then by line. Faults of a file that is not in `files` come first.
 */
void conf_faults_sort(ConfFaults *faults, size_t first, char **files);

/* The size of a buffer for the path of a setting: long enough for all known keys. Other names are cut. */
#define CONF_PATH_MAX 128

/* The size of a buffer for a quotation: the text or its beginning, an ellipsis, quotes and the NUL. */
#define CONF_QUOTE_MAX 48

/* Writes a text in quotes, shortened behind a character if it is long. Returns the buffer. */
const char *conf_quote(const char *text, char buffer[static CONF_QUOTE_MAX]);
