/* SPDX-License-Identifier: LGPL-2.1-or-later */

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

int statefile_replace(const char *folder, const char *name, const char *text, size_t size)
{
        _cleanup_free_ char *path = NULL, *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&path, "%s/%s", folder, name) < 0 || asprintf(&temporary, "%s.new", path) < 0)
                return -ENOMEM;
        /* Without O_NONBLOCK, opening a FIFO in the place of the file would wait for a reader. */
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                  0644);
        if (fd < 0)
                return -errno;
        /*
         * All users may read the file, whatever the umask: before each start systemd gives the folder and its
         * files to root, and memoryd reads them as another user.
         */
        r = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, text, size);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(temporary);
        return r;
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
