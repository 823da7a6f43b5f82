/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/* Small files below a folder that outlives the daemon: replaced as a whole or not at all. */

/* Writes a file with mode 0644. 0 or a negative errno: the old one is untouched then. */
int statefile_replace(const char *folder, const char *name, const char *text, size_t size);

/*
 * Reads a file of up to `max` bytes as a string. 0, -ENOENT, -EFBIG, -EBADMSG when it has a byte of zero
 * or is no file, or another negative errno; links are not followed (-ELOOP). The caller frees it.
 */
int statefile_read(const char *folder, const char *name, size_t max, char **ret);
