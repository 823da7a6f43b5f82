/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verify/udev-rules.h"

/*
 * The files of udev rules that are in force: of each name the one in the folder of the highest rank
 * (/etc, /run, /usr/local/lib, /usr/lib, /lib), unless that is a link to /dev/null.
 */

/* Files larger than this, or more of them, are not looked at: no distribution comes near. */
#define UDEV_FILE_SIZE_MAX (512U * 1024U)
#define UDEV_FILES_MAX 2048U
#define UDEV_FILES_SIZE_MAX (4U * 1024U * 1024U)

/* A file with lines that write memory states, or one that could not be looked at. */
typedef struct UdevFile {
        char *path;        /* owned; without the root */
        UdevWrites writes; /* none of a file that could not be looked at */
        int error;         /* negative errno of that: -EFBIG for too large a file, or too many */
} UdevFile;

typedef struct UdevFiles {
        UdevFile *files; /* owned, in udev's order: by name */
        size_t n_files;
} UdevFiles;

void udev_files_done(UdevFiles *files);

/*
 * Looks at all rules below a root folder ("" is the running system), out of which no link leads. 0 or a
 * negative errno; a folder that is not there is none.
 */
int udev_files_find(const char *root, const UdevHost *host, UdevFiles *ret);
