/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/udev-rules.h"

/*
 * The files of udev rules that are in force: for each name, the file in the folder of the highest
 * priority (/etc, /run, /usr/local/lib, /usr/lib, /lib), unless it is a link to /dev/null.
 */

/* Limits in bytes and number, beyond which files are not read. No distribution comes near them. */
#define UDEV_FILE_SIZE_MAX (512U * 1024U)
#define UDEV_FILES_MAX 2048U
#define UDEV_FILES_SIZE_MAX (4U * 1024U * 1024U)

/* A file with lines that write memory states, or a file that could not be read. */
typedef struct UdevFile {
        char *path;        /* owned; without the root */
        UdevWrites writes; /* empty if the file could not be read */
        int error; /* negative errno if not read; -EFBIG: this file or all files are too large */
} UdevFile;

typedef struct UdevFiles {
        UdevFile *files; /* owned, in the order of udev: by name */
        size_t n_files;
} UdevFiles;

void udev_files_done(UdevFiles *files);

/*
 * Reads all rules below a root folder ("" for the running system). No link leads out of the root.
 * Returns 0 or a negative errno. A missing folder is no error.
 */
int udev_files_find(const char *root, const UdevHost *host, UdevFiles *ret);
