/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "statefile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static int write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        text += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

int statefile_replace(const char *folder, const char *name, const char *text, size_t size)
{
        char path[PATH_MAX], temporary[PATH_MAX];
        _cleanup_close_ int fd = -EBADF;
        int r;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        snprintf(temporary, sizeof(temporary), "%s/%s.new", folder, name);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        /* systemd gives the folder and what is in it to root again before each start. */
        r = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, text, size);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(temporary);
        return r;
}

int statefile_read(const char *folder, const char *name, size_t max, char **ret)
{
        char path[PATH_MAX];
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct stat status;
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return S_ISDIR(status.st_mode) ? -EISDIR : -EBADMSG;
        if ((uint64_t) status.st_size > max)
                return -EFBIG;

        /* Files are replaced and never grow: one read gets all. */
        text = malloc((size_t) status.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = read(fd, text, (size_t) status.st_size);
        if (n < 0)
                return -errno;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}
