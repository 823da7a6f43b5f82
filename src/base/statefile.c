/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Writes and reads small files below /run. */

#include "base/statefile.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, size));

                if (n < 0)
                        return -errno;
                text += n;
                size -= (size_t) n;
        }
        return 0;
}

/* Writes a file of the folder anew, down to the disk. Removes it on failure. */
static int write_file(int folder_fd, const char *name, const char *text, size_t size)
{
        /* Without O_NONBLOCK, opening a FIFO in the place of the file would wait for a reader. */
        _cleanup_close_ int fd =
                openat(folder_fd, name,
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        int r;

        if (fd < 0)
                return -errno;
        /* All users may read the file, whatever the umask. */
        r = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, text, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(folder_fd, name, 0);
        return r;
}

int statefile_replace(const char *folder, const char *name, const char *text, size_t size)
{
        _cleanup_close_ int folder_fd =
                open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ char *temporary = NULL;
        int r;

        if (folder_fd < 0)
                return -errno;
        if (asprintf(&temporary, "%s.new", name) < 0)
                return -ENOMEM;
        r = write_file(folder_fd, temporary, text, size);
        if (r < 0)
                return r;
        if (renameat(folder_fd, temporary, folder_fd, name) < 0) {
                r = -errno;
                unlinkat(folder_fd, temporary, 0);
                return r;
        }
        return fsync(folder_fd) < 0 ? -errno : 0;
}

int statefile_read(const char *folder, const char *name, size_t max, char **ret)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL, *text = NULL;
        struct stat status;
        ssize_t n;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return S_ISDIR(status.st_mode) ? -EISDIR : -EBADMSG;
        if ((uint64_t) status.st_size > max)
                return -EFBIG;

        /* Files are replaced and never grow, so that a single read gets all of a file. */
        text = malloc((size_t) status.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = read(fd, text, (size_t) status.st_size);
        if (n < 0)
                return -errno;
        text[n] = 0;
        if (strlen(text) < (size_t) n)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

int statefile_remove(const char *folder, const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return -ENOMEM;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
