/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opens and reads /proc/iomem. */

#include "kernel/sysfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int sysfs_adopt_iomem(Sysfs *sysfs, int fd)
{
        struct statfs fs;
        struct stat mine, other;

        if (fstat(sysfs->iomem_fd, &mine) < 0 || fstat(fd, &other) < 0 || fstatfs(fd, &fs) < 0)
                return -errno;
        /* Another mount of proc has another device number, but the same inode numbers. */
        if (fs.f_type != PROC_SUPER_MAGIC || mine.st_ino != other.st_ino)
                return -EINVAL;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        close(sysfs->iomem_fd);
        sysfs->iomem_fd = fd;
        return 0;
}

/* Enough for more than a million ranges, with one line each. */
#define TEXT_MAX (64 << 20)

/* Reads the whole of an open file from its start. */
static int read_from_start(int fd, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t n = 0, n_allocated = 0;

        for (;;) {
                ssize_t k;

                if (n_allocated - n < ATTRIBUTE_MAX) {
                        char *more;

                        if (n_allocated >= TEXT_MAX)
                                return -EFBIG;
                        n_allocated = n_allocated ? n_allocated * 2 : 4 * ATTRIBUTE_MAX;
                        more = realloc(text, n_allocated);
                        if (!more)
                                return -ENOMEM;
                        text = more;
                }
                k = pread(fd, text + n, n_allocated - n - 1, (off_t) n);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k == 0)
                        break;
                n += k > 0 ? (size_t) k : 0;
        }
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

#define IOMEM_ATTEMPTS 4

int sysfs_read_iomem(const Sysfs *sysfs, char **ret)
{
        _cleanup_free_ char *last = NULL;

        if (sysfs->iomem_fd < 0)
                return -ENOENT;

        /*
         * The kernel writes the text in pieces of a page, each with the state of its moment, so a
         * line can be missing. A text that reads the same twice is complete.
         */
        for (unsigned i = 0; i < IOMEM_ATTEMPTS; i++) {
                _cleanup_free_ char *text = NULL;
                int r = read_from_start(sysfs->iomem_fd, &text);

                if (r < 0)
                        return r;
                assert(text);
                if (last && strcmp(last, text) == 0) {
                        *ret = TAKE_PTR(text);
                        return 0;
                }
                free(last);
                last = TAKE_PTR(text);
        }
        return -EAGAIN;
}
