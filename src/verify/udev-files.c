/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the files of udev rules that are in force. */

#include "verify/udev-files.h"

#include "kernel/sysfs.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *const folders[] = {
        "/etc/udev/rules.d",     "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
        "/usr/lib/udev/rules.d", "/lib/udev/rules.d",
};

/* The name of a file that has not been read yet. */
typedef struct Candidate {
        char *name;    /* owned */
        size_t folder; /* index of the folder of highest priority that has it */
} Candidate;

typedef struct Candidates {
        Candidate *candidates;
        size_t n;
} Candidates;

static void candidates_done(Candidates *candidates)
{
        for (size_t i = 0; i < candidates->n; i++)
                free(candidates->candidates[i].name);
        free(candidates->candidates);
}

void udev_files_done(UdevFiles *files)
{
        for (size_t i = 0; i < files->n_files; i++) {
                udev_writes_done(&files->files[i].writes);
                free(files->files[i].path);
        }
        free(files->files);
        *files = (UdevFiles){};
}

/*
 * Opens a path as if root_fd were the root of the file system. openat2() exists since Linux 5.6.
 * Before that, or where it is filtered, a link in the last component is refused unless the root is
 * that of the system.
 */
static int open_in_root(int root_fd, bool is_system, const char *path, int flags)
{
        struct open_how how = {
                .flags = (__u64) (unsigned) (flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        int fd = (int) syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = openat(root_fd, path + 1, (int) how.flags | (is_system ? 0 : O_NOFOLLOW));
        return fd;
}

/* Whether a folder is the same as another one: /lib may be a link to /usr/lib. */
static bool is_same(int fd, const struct stat *others, size_t n)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (others[i].st_ino == st.st_ino && others[i].st_dev == st.st_dev)
                        return true;
        return false;
}

static bool is_rules_name(const char *name)
{
        size_t length = strlen(name);

        return name[0] != '.' && length > 6 && strcmp(name + length - 6, ".rules") == 0;
}

static bool has_name(const Candidates *found, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(found->candidates[i].name, name) == 0)
                        return true;
        return false;
}

/*
 * Adds the names of a folder that are in no earlier folder. Names of earlier folders are the first
 * `n_before`.
 */
static int list_folder(Candidates *found, size_t folder, DIR *dir)
{
        size_t n_before = found->n;
        const struct dirent *entry;

        while ((entry = readdir(dir))) {
                if (!is_rules_name(entry->d_name) || has_name(found, n_before, entry->d_name))
                        continue;
                if (found->n == UDEV_FILES_MAX)
                        return -EFBIG;
                if (GROW(found->candidates, found->n) < 0)
                        return -ENOMEM;
                found->candidates[found->n] =
                        (Candidate){ .name = strdup(entry->d_name), .folder = folder };
                if (!found->candidates[found->n].name)
                        return -ENOMEM;
                found->n++;
        }
        return 0;
}

static int compare_candidates(const void *a, const void *b)
{
        return strcmp(((const Candidate *) a)->name, ((const Candidate *) b)->name);
}

static int list_all(int root_fd, bool is_system, Candidates *found)
{
        struct stat seen[ELEMENTSOF(folders)];
        size_t n_seen = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(folders); i++) {
                int fd = open_in_root(root_fd, is_system, folders[i], O_DIRECTORY);
                _cleanup_(closedirp) DIR *dir = NULL;

                if (fd < 0)
                        continue;
                if (is_same(fd, seen, n_seen) || fstat(fd, &seen[n_seen]) < 0 ||
                    !(dir = fdopendir(fd))) {
                        close(fd);
                        continue;
                }
                n_seen++;
                r = list_folder(found, i, dir);
        }
        if (found->n > 0)
                qsort(found->candidates, found->n, sizeof(Candidate), compare_candidates);
        return r;
}

/* Whether a name is a link to /dev/null, no matter what that path is below the root. */
static bool is_masked(int root_fd, bool is_system, const char *folder, const char *name)
{
        _cleanup_close_ int fd = open_in_root(root_fd, is_system, folder, O_DIRECTORY);
        char target[16];
        ssize_t n = fd < 0 ? -1 : readlinkat(fd, name, target, sizeof(target));

        return n == 9 && memcmp(target, "/dev/null", 9) == 0;
}

/* Reads the text of a file. Returns 0, -EFBIG if it is larger than `limit`, or another negative errno. */
static int read_file(int fd, size_t limit, char **ret_text, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t n = 0;
        ssize_t k;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uint64_t) st.st_size > limit)
                return -EFBIG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (n < (size_t) st.st_size && (k = read(fd, text + n, (size_t) st.st_size - n)) != 0) {
                if (k < 0)
                        return -errno;
                n += (size_t) k;
        }
        text[n] = 0;
        *ret_text = TAKE_PTR(text);
        *ret_size = n;
        return 0;
}

static int add_file(UdevFiles *files, char **path, UdevWrites *writes, int error)
{
        if (GROW(files->files, files->n_files) < 0)
                return -ENOMEM;
        files->files[files->n_files++] = (UdevFile){ TAKE_PTR(*path), *writes, error };
        *writes = (UdevWrites){};
        return 0;
}

static int look_at(int root_fd, bool is_system, const Candidate *candidate, const UdevHost *host,
                   size_t *left, UdevFiles *files)
{
        const char *folder = folders[candidate->folder];
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_(udev_writes_done) UdevWrites writes = {};
        _cleanup_close_ int fd = -EBADF;
        size_t size = 0;
        int r;

        if (is_masked(root_fd, is_system, folder, candidate->name))
                return 0;
        if (asprintf(&path, "%s/%s", folder, candidate->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open_in_root(root_fd, is_system, path, 0);
        r = read_file(fd, MIN(UDEV_FILE_SIZE_MAX, *left), &text, &size);
        /* The file has disappeared or is a dangling link: udev ignores it as well. */
        if (r == -ENOENT)
                return 0;
        *left -= size;
        if (r >= 0)
                r = udev_rules_parse(text, host, &writes);
        if (r == -ENOMEM || (r >= 0 && writes.n_writes == 0))
                return r;
        return add_file(files, &path, &writes, r);
}

int udev_files_find(const char *root, const UdevHost *host, UdevFiles *ret)
{
        bool is_system = !*root;
        _cleanup_close_ int root_fd =
                open(is_system ? "/" : root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(candidates_done) Candidates found = {};
        UdevFiles files = {};
        size_t left = UDEV_FILES_SIZE_MAX;
        int r;

        if (root_fd < 0)
                return -errno;
        r = list_all(root_fd, is_system, &found);
        for (size_t i = 0; r >= 0 && i < found.n; i++)
                r = look_at(root_fd, is_system, &found.candidates[i], host, &left, &files);
        if (r < 0) {
                udev_files_done(&files);
                return r;
        }
        *ret = files;
        return 0;
}
