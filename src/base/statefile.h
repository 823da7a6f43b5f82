/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Small files in a folder that outlives memoryd. A file is replaced as a whole or not at all. */

/* Replaces a file, with mode 0644. Returns 0, or a negative errno with the old file untouched. */
int statefile_replace(const char *folder, const char *name, const char *text, size_t size);

/*
 * Reads a file of up to `max` bytes as a string, which the caller frees. Returns 0, -ENOENT, -EFBIG, -EISDIR
 * for a folder, -EBADMSG for a file that has a zero byte or is not a regular one, or another negative errno.
 * Symbolic links are not followed (-ELOOP).
 */
int statefile_read(const char *folder, const char *name, size_t max, char **ret);

/* Removes a file. Returns 0, also if there is none, or a negative errno. */
int statefile_remove(const char *folder, const char *name);
