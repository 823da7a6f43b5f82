/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/* Finds the configuration files, and reads them. */

/* The largest file that is read: more than a person would write. */
#define CONF_FILE_SIZE_MAX (1024U * 1024U)

/*
 * Reads a whole file. *ret_text is *ret_size bytes long, ends with a newline (added if the file has
 * none), and is followed by a NUL. Never waits: a FIFO, a device and the like are refused, except
 * /dev/null.
 *
 * Returns 0; 1 if the file has a fault, which is reported; -ENOENT if there is no such file, which
 * is not reported; or -ENOMEM. For /dev/null, which masks a file, *ret_text is NULL.
 */
int conf_file_read(const char *path, ConfFaults *faults, char **ret_text, size_t *ret_size);

/*
 * Lists the drop-ins below a root folder as a NULL-terminated array of paths, in the order in which
 * they are to be read. Returns 0; 1 if a folder could not be read, which is reported, and the
 * folder is left out; or -ENOMEM.
 */
int conf_list_dropins(const char *root, ConfFaults *faults, char ***ret_paths);

/* Returns the path of a main file: the vendor's for 0, the administrator's for 1. NULL: no memory. */
char *conf_main_path(const char *root, unsigned which);

/* Returns a copy of a path in which each run of slashes is a single slash. NULL: no memory. */
char *conf_path_simplify(const char *path);

/* Returns the number of strings in a NULL-terminated array. */
size_t strings_length(char *const *strings);

/* Appends a string and takes ownership of it, also on failure. Returns 0 or -ENOMEM. */
int strings_append(char ***strings, char *string);
