/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/* Where configuration files are, and what is in one. */

/* A file larger than this is none that a person wrote. */
#define CONF_FILE_SIZE_MAX (1024U * 1024U)

/*
 * Reads a whole file. *ret_text has *ret_size bytes, a newline at the end if the file had none, and
 * a NUL behind. Never waits: a FIFO, a device and the like are refused, except /dev/null.
 *
 * Returns 0; 1 when the file is at fault, which is reported; -ENOENT when there is nothing of that
 * name, which is not reported; -ENOMEM. For /dev/null, *ret_text is NULL: the name is masked.
 */
int conf_file_read(const char *path, ConfFaults *faults, char **ret_text, size_t *ret_size);

/*
 * Lists the drop-ins below a root folder, in the order in which they are read, as a NULL-terminated
 * array of paths. Returns 0, or 1 when a folder could not be read, which is reported and leaves it
 * out; -ENOMEM.
 */
int conf_list_dropins(const char *root, ConfFaults *faults, char ***ret_paths);

/* The path of one of the main files: 0 is the vendor's, 1 the administrator's. NULL: no memory. */
char *conf_main_path(const char *root, unsigned which);

/* A copy of a path with each run of slashes made one. NULL: no memory. */
char *conf_path_simplify(const char *path);

/* The length of an array of strings that ends with NULL. */
size_t strings_length(char *const *strings);

/* Appends a string, which the array takes over, even when it returns -ENOMEM. */
int strings_append(char ***strings, char *string);
