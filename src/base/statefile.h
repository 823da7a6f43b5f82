/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * Small files in a folder that outlives memoryd. A file is replaced as a whole or not at all, also when the power
 * fails or the disk is full.
 */

/*
 * Replaces a file, with mode 0644. A link in the place of the folder is refused (-ENOTDIR), since another user may own
 * the folder above. Returns 0, or a negative errno with the old file untouched. If only the
 * folder could not be written to the disk, the new file is there already.
 */
int statefile_replace(const char *folder, const char *name, const char *text, size_t size);

/*
 * Reads a file of up to `max` bytes as a string, which the caller frees. Returns 0, -ENOENT, -EFBIG, -EISDIR
 * for a folder, -EBADMSG for a file that has a zero byte or is not a regular one, or another negative errno.
 * Symbolic links are not followed (-ELOOP).
 */
int statefile_read(const char *folder, const char *name, size_t max, char **ret);

/* Removes a file. Returns 0, also if there is none, or a negative errno. */
int statefile_remove(const char *folder, const char *name);
