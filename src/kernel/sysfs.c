/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Opens the folders of sysfs, and reads files and listings below them. */

#include "kernel/sysfs.h"

#include "base/parse.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/*
 * A recorded file is opened without following links. A link could lead to a file of the running
 * system, and some of these must not be read without precautions. O_NONBLOCK: a pipe must not block
 * the reader. openat2() exists since Linux 5.6. Before that, or where it is filtered, a link in the
 * last component is still refused.
 */
int sysfs_open_below(const Sysfs *sysfs, int dir_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
        };
        int fd;

        if (!sysfs->recorded)
                return openat(dir_fd, path, flags | O_CLOEXEC);
        fd = (int) syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = openat(dir_fd, path, (int) how.flags);
        return fd;
}

int sysfs_read_text(const Sysfs *sysfs, int folder_fd, const char *path, char *buffer, size_t size)
{
        _cleanup_close_ int fd = sysfs_open_below(sysfs, folder_fd, path, O_RDONLY);
        size_t n = 0;

        if (fd < 0)
                return -errno;

        while (n < size - 1) {
                ssize_t k = read(fd, buffer + n, size - 1 - n);

                if (k < 0)
                        return -errno;
                n += (size_t) k;
                /* A recorded file is a plain file: a short read means its end. */
                if (k == 0 || (sysfs->recorded && n < size - 1))
                        break;
        }
        if (n == size - 1)
                return -EFBIG;
        /* On old kernels, lists of the node folder end in a NUL byte behind the newline. */
        while (n > 0 && buffer[n - 1] == '\0')
                n--;
        if (n > 0 && buffer[n - 1] == '\n')
                n--;
        buffer[n] = 0;
        return 0;
}

/* Enough for a million ranges of /proc/iomem, or for the zones of any known machine. */
#define LONG_TEXT_MAX (64 << 20)

int sysfs_read_long_text(int fd, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t n = 0, n_allocated = 0;
        ssize_t k;

        do {
                if (n_allocated - n < ATTRIBUTE_MAX) {
                        char *more;

                        if (n_allocated >= LONG_TEXT_MAX)
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
                n += k > 0 ? (size_t) k : 0;
        } while (k != 0);
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

static int open_folder(const char *root, const char *path, int *ret_fd)
{
        char full[PATH_MAX];

        if ((size_t) snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
                return -ENAMETOOLONG;
        *ret_fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

static int open_tree(const char *root, bool may_be_recorded, Sysfs *ret)
{
        _cleanup_(sysfs_close) Sysfs sysfs = SYSFS_CLOSED;
        struct statfs fs;
        int r = open_folder(root, "/sys/devices/system/memory", &sysfs.memory_fd);

        if (r < 0)
                return r;
        if (may_be_recorded && fstatfs(sysfs.memory_fd, &fs) < 0)
                return -errno;
        sysfs.recorded = may_be_recorded && fs.f_type != SYSFS_MAGIC;
        sysfs.page_size_bytes = (uint64_t) sysconf(_SC_PAGESIZE);

        /* A kernel without NUMA or a container without /proc is no reason to give up. */
        (void) open_folder(root, "/sys/devices/system/node", &sysfs.node_fd);
        (void) open_folder(root, "/proc", &sysfs.proc_fd);
        (void) open_folder(root, "/sys", &sysfs.sys_fd);
        /* In a recorded tree it can be a link to any file: `recorded` must be set by now. */
        sysfs.iomem_fd =
                sysfs_open_below(&sysfs, sysfs.proc_fd, "iomem", O_RDONLY | O_NONBLOCK | O_NOCTTY);
        *ret = sysfs;
        sysfs = SYSFS_CLOSED;
        return 0;
}

int sysfs_open(const char *root, Sysfs *ret)
{
        return open_tree(root, false, ret);
}

int sysfs_open_recorded(const char *root, Sysfs *ret)
{
        return open_tree(root, true, ret);
}

void sysfs_close(Sysfs *sysfs)
{
        closep(&sysfs->memory_fd);
        closep(&sysfs->node_fd);
        closep(&sysfs->proc_fd);
        closep(&sysfs->sys_fd);
        closep(&sysfs->iomem_fd);
        *sysfs = SYSFS_CLOSED;
}

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
                int r = sysfs_read_long_text(sysfs->iomem_fd, &text);

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

int sysfs_read_block_size(const Sysfs *sysfs, uint64_t *ret_bytes)
{
        char text[ATTRIBUTE_MAX];
        uint64_t bytes;
        int r = sysfs_read_text(sysfs, sysfs->memory_fd, "block_size_bytes", text, sizeof(text));

        if (r < 0)
                return r;
        if (parse_hex_u64(text, &bytes) < 0 || bytes < 4096 || (bytes & (bytes - 1)) != 0)
                return -EBADMSG;
        *ret_bytes = bytes;
        return 0;
}

bool sysfs_parse_numbered(const char *name, const char *prefix, uint32_t *ret)
{
        size_t n = strlen(prefix);

        if (strncmp(name, prefix, n) != 0 || (name[n] == '0' && name[n + 1]))
                return false;
        return parse_u32(name + n, ret) >= 0;
}

DIR *sysfs_open_listing(const Sysfs *sysfs, int dir_fd, const char *path)
{
        int fd = sysfs_open_below(sysfs, dir_fd, path, O_RDONLY | O_DIRECTORY);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !dir)
                close(fd);
        return dir;
}

int sysfs_list_numbered(const Sysfs *sysfs, int dir_fd, const char *path, const char *prefix,
                        Entry **ret, size_t *ret_n)
{
        _cleanup_(closedirp) DIR *dir = sysfs_open_listing(sysfs, dir_fd, path);
        _cleanup_free_ Entry *entries = NULL;
        size_t n = 0;
        struct dirent *found;
        uint32_t id;

        if (!dir)
                return -errno;

        while ((found = readdir(dir))) {
                if (!sysfs_parse_numbered(found->d_name, prefix, &id))
                        continue;
                if (GROW(entries, n) < 0)
                        return -ENOMEM;
                entries[n++] = (Entry){ id, found->d_ino };
        }
        if (n > 0)
                qsort(entries, n, sizeof(*entries), id_compare);
        *ret = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}
