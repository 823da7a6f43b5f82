/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the configuration files, and reads them safely. */

#include "config/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "config/fault.h"

#define MAIN_NAME "memoryd.conf"
#define DROPIN_NAME "memoryd.conf.d"

/* Lowest priority first: a drop-in hides those of the same name in the folders listed before its own. */
static const char *const folders[] = { VENDORCONFDIR, "/run/memoryd", SYSCONFDIR "/memoryd" };

DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(char **, strings_free)

size_t strings_length(char *const *strings)
{
        size_t n = 0;

        while (strings && strings[n])
                n++;
        return n;
}

int strings_append(char ***strings, char *string)
{
        size_t n = strings_length(*strings);
        char **grown = string ? reallocarray(*strings, n + 2, sizeof(char *)) : NULL;

        if (!grown) {
                free(string);
                return -ENOMEM;
        }
        grown[n] = string;
        grown[n + 1] = NULL;
        *strings = grown;
        return 0;
}

char *conf_path_simplify(const char *path)
{
        char *copy = strdup(path), *to = copy;

        if (!copy)
                return NULL;
        for (const char *from = path; *from; from++)
                if (*from != '/' || from == path || from[-1] != '/')
                        *to++ = *from;
        *to = '\0';
        return copy;
}

static char *path_join(const char *root, const char *folder, const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s/%s", root, folder, name) < 0) {
                path = NULL;
                return NULL;
        }
        /*
         * The folder begins with a slash, and the root may be empty: joining them can make runs of
         * slashes.
         */
        return conf_path_simplify(path);
}

char *conf_main_path(const char *root, unsigned which)
{
        return path_join(root, which == 0 ? VENDORCONFDIR : SYSCONFDIR "/memoryd", MAIN_NAME);
}

static const char *file_type_name(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return "a folder";
        case S_IFIFO:
                return "a FIFO";
        case S_IFSOCK:
                return "a socket";
        default:
                return "a device";
        }
}

static int unreadable(const char *path, ConfFaults *faults, int error)
{
        return conf_faults_add(faults, path, 0, NULL, "expected a readable file, got \"%s\"",
                               strerror(error));
}

/*
 * Reads at most `size` bytes. The caller asks for one more than the limit, to notice a file that is
 * too large.
 */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, buffer + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        return (ssize_t) n;
}

static int read_regular(const char *path, int fd, ConfFaults *faults, char **ret_text,
                        size_t *ret_size)
{
        _cleanup_free_ char *text = malloc(CONF_FILE_SIZE_MAX + 3);
        ssize_t n;
        char *fitting;

        if (!text)
                return -ENOMEM;
        n = read_all(fd, text, CONF_FILE_SIZE_MAX + 1);
        if (n < 0)
                return unreadable(path, faults, (int) -n);
        if (n > (ssize_t) CONF_FILE_SIZE_MAX)
                return conf_faults_add(faults, path, 0, NULL,
                                       "expected a file of at most 1 MiB, got a larger one");

        /* libconfig 1.5 refuses a comment that does not end with a newline. */
        if (n == 0 || text[n - 1] != '\n')
                text[n++] = '\n';
        text[n] = '\0';
        fitting = realloc(text, (size_t) n + 1);
        if (fitting)
                text = fitting;
        *ret_size = (size_t) n;
        *ret_text = TAKE_PTR(text);
        return 0;
}

int conf_file_read(const char *path, ConfFaults *faults, char **ret_text, size_t *ret_size)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0) {
                int error = errno;

                /* A dangling link is a mistake, not a missing file. */
                if (error == ENOENT && lstat(path, &st) < 0)
                        return -ENOENT;
                return unreadable(path, faults, error);
        }
        if (fstat(fd, &st) < 0)
                return unreadable(path, faults, errno);
        if (S_ISREG(st.st_mode))
                return read_regular(path, fd, faults, ret_text, ret_size);
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) {
                *ret_text = NULL;
                *ret_size = 0;
                return 0;
        }
        return conf_faults_add(faults, path, 0, NULL, "expected a file, got %s",
                               file_type_name(st.st_mode));
}

static const char *base_name(const char *path)
{
        return strrchr(path, '/') + 1;
}

static bool is_dropin_name(const char *name)
{
        size_t length = strlen(name);

        return name[0] != '.' && length > strlen(".conf") &&
               strcmp(name + length - strlen(".conf"), ".conf") == 0;
}

/* Adds a drop-in. It replaces a drop-in of the same name from a folder of lower priority. */
static int dropins_add(char ***paths, const char *folder, const char *name)
{
        char *path = path_join(folder, "", name);

        if (!path)
                return -ENOMEM;
        for (size_t i = 0; *paths && (*paths)[i]; i++)
                if (strcmp(base_name((*paths)[i]), name) == 0) {
                        free((*paths)[i]);
                        (*paths)[i] = path;
                        return 0;
                }
        return strings_append(paths, path);
}

static int unreadable_folder(const char *folder, ConfFaults *faults, int error)
{
        return conf_faults_add(faults, folder, 0, NULL, "expected a readable folder, got \"%s\"",
                               strerror(error));
}

static int list_folder(const char *folder, ConfFaults *faults, char ***paths)
{
        _cleanup_(closedirp) DIR *dir = opendir(folder);
        const struct dirent *entry;
        int r;

        if (!dir)
                return errno == ENOENT ? 0 : unreadable_folder(folder, faults, errno);
        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno ? unreadable_folder(folder, faults, errno) : 0;
                if (!is_dropin_name(entry->d_name))
                        continue;
                r = dropins_add(paths, folder, entry->d_name);
                if (r < 0)
                        return r;
        }
}

static int path_compare(const void *a, const void *b)
{
        return strcmp(base_name(*(char *const *) a), base_name(*(char *const *) b));
}

int conf_list_dropins(const char *root, ConfFaults *faults, char ***ret_paths)
{
        _cleanup_(strings_freep) char **paths = NULL;
        int fault = 0, r;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *folder = path_join(root, folders[i], DROPIN_NAME);

                if (!folder)
                        return -ENOMEM;
                r = list_folder(folder, faults, &paths);
                if (r < 0)
                        return r;
                fault |= r;
        }
        if (paths)
                qsort(paths, strings_length(paths), sizeof(char *), path_compare);
        *ret_paths = TAKE_PTR(paths);
        return fault;
}
