/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds and reads the files, and makes one configuration of them if none has a fault. */

#include "base/text.h"
#include "config/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "config/draft.h"
#include "config/fault.h"

/* Lowest priority first: a drop-in hides those of the same name in the folders listed before its own. */
static const char *const folders[] = { VENDORCONFDIR, "/run/memoryd", SYSCONFDIR "/memoryd" };

static const char *const mains[] = {
        [CONF_PLACE_VENDOR] = VENDORCONFDIR "/memoryd.conf",
        [CONF_PLACE_MAIN] = SYSCONFDIR "/memoryd/memoryd.conf",
};

/* The text of a file that is to be applied. */
typedef struct LoadFile {
        const char *path; /* of Load.paths, as it is shown */
        char *real;       /* owned: the path */
        char *text;       /* owned */
        size_t size;
        ConfPlace place;
} LoadFile;

/* The state of conf_load(), conf_load_file() and conf_load_text(). */
typedef struct ConfLoad {
        ConfDraft draft;
        char **paths; /* all paths that were tried, in order */
        size_t first_fault;
        const char *root; /* of conf_load(); NULL for a file that the caller has named */
        LoadFile *files;  /* owned; in the order in which to apply them */
        size_t n_files;
} Load;

static void load_init(Load *load, const char *root, ConfFaults *faults)
{
        *load = (Load){ .draft.faults = faults, .first_fault = faults->n_faults, .root = root };
        conf_init(&load->draft.conf);
}

static void load_done(Load *load)
{
        for (size_t i = 0; i < load->n_files; i++) {
                free(load->files[i].real);
                free(load->files[i].text);
        }
        free(load->files);
        conf_done(&load->draft.conf);
        strings_free(load->paths);
}

DEFINE_CLEANUP(char **, strings_free)

/* Makes each run of slashes a single slash. The path may be NULL. */
static char *path_simplify(char *path)
{
        char *to = path;

        if (!path)
                return NULL;
        for (const char *from = path; *from; from++)
                if (from[0] != '/' || from[1] != '/')
                        *to++ = *from;
        *to = '\0';
        return path;
}

/* Returns a path in one string, which the caller frees. NULL: no memory. */
static char *path_join(const char *first, const char *second, const char *third)
{
        char *path;

        /* The first may be empty, or end with a slash that the second begins with. */
        return asprintf(&path, "%s%s%s", first, second, third) < 0 ? NULL : path_simplify(path);
}

static int unreadable(const char *path, ConfFaults *faults, const char *what, int error)
{
        return conf_faults_add(faults, path, 0, NULL, "expected a readable %s, got \"%s\"", what,
                               strerror(error));
}

static bool others_may_write(const struct stat *st)
{
        return st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && st->st_gid != 0);
}

/*
 * Checks that no user but root can change a file or folder of the configuration, as sudo does for its own. Root's
 * group may write, as it may where root has the umask 002. Below a root folder that was named, files may also belong
 * to the user of this process. A file that the caller has named is not checked. Returns 0; 1 if this is a fault, which is reported; or -ENOMEM.
 */
static int check_owner(const Load *load, const char *path, const char *what, const struct stat *st)
{
        bool is_trusted = st->st_uid == 0 || (load->root && *load->root && st->st_uid == geteuid());

        if (!load->root || (is_trusted && !others_may_write(st)))
                return 0;
        return conf_faults_add(load->draft.faults, path, 0, NULL,
                               "expected a %s that belongs to root and that no other user can "
                               "change, got one of user %u and group %u with mode %04o",
                               what, (unsigned) st->st_uid, (unsigned) st->st_gid,
                               (unsigned) st->st_mode & 07777);
}

/* Checks the folder of a file likewise. A missing folder is no fault. */
static int check_folder(const Load *load, const char *path)
{
        struct stat st;

        return stat(path, &st) < 0 ? 0 : check_owner(load, path, "folder", &st);
}

static int read_regular(const char *path, int fd, ConfFaults *faults, char **ret_text,
                        size_t *ret_size)
{
        /* One byte more than the limit, to notice a file that is too large. */
        _cleanup_free_ char *text = malloc(CONF_FILE_SIZE_MAX + 1);
        size_t n = 0;
        ssize_t k;

        if (!text)
                return -ENOMEM;
        do {
                k = TEMP_FAILURE_RETRY(read(fd, text + n, CONF_FILE_SIZE_MAX + 1 - n));
                if (k < 0)
                        return unreadable(path, faults, "file", errno);
                n += (size_t) k;
        } while (k > 0 && n <= CONF_FILE_SIZE_MAX);
        if (n > CONF_FILE_SIZE_MAX)
                return conf_faults_add(faults, path, 0, NULL,
                                       "expected a file of at most 1 MiB, got a larger one");
        *ret_size = n;
        *ret_text = TAKE_PTR(text);
        return 0;
}

/*
 * Reads a whole file, which faults call `path`. Never waits: a FIFO, a device and the like are refused, except
 * /dev/null, which masks a file: *ret_text stays NULL then, and if an optional file does not exist.
 * Returns 0; 1 if the file has a fault, which is reported; or -ENOMEM.
 */
static int read_file(const Load *load, const char *name, const char *path, bool is_optional,
                     char **ret_text, size_t *ret_size)
{
        ConfFaults *faults = load->draft.faults;
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        int r;

        if (fd < 0) {
                int error = errno;

                /* A dangling link is a mistake, not a missing file. */
                if (is_optional && error == ENOENT && lstat(name, &st) < 0)
                        return 0;
                return unreadable(path, faults, "file", error);
        }
        if (fstat(fd, &st) < 0)
                return unreadable(path, faults, "file", errno);
        if (S_ISREG(st.st_mode)) {
                r = check_owner(load, path, "file", &st);
                return r != 0 ? r : read_regular(path, fd, faults, ret_text, ret_size);
        }
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
                return 0;
        return conf_faults_add(faults, path, 0, NULL, "expected a file, got a %s",
                               S_ISDIR(st.st_mode)  ? "folder" :
                               S_ISFIFO(st.st_mode) ? "FIFO" :
                                                      "device");
}

/*
 * Keeps a text, which it takes over with `real`, to be applied. `path` belongs to Load.paths, and is `real` as it is
 * shown. Returns 0 or -ENOMEM.
 */
static int load_keep(Load *load, const char *path, char *real, char *text, size_t size,
                     ConfPlace place)
{
        if (GROW(load->files, load->n_files) < 0) {
                free(real);
                free(text);
                return -ENOMEM;
        }
        load->files[load->n_files++] = (LoadFile){ path, real, text, size, place };
        return 0;
}

/* Adds a file to those that were read. */
static int add_file(Conf *conf, const LoadFile *file)
{
        size_t n = 0;
        int r;

        while (conf->files && conf->files[n])
                n++;
        if (GROW(conf->digests, n) < 0)
                return -ENOMEM;
        conf->digests[n] = conf_digest(file->text, file->size);
        r = strings_append(&conf->paths, strdup(file->real));
        return r < 0 ? r : strings_append(&conf->files, strdup(file->path));
}

/*
 * Reads a file and takes ownership of `path`, which is from then on as it is shown: see text_make_printable().
 * Returns 0, with or without faults, or -ENOMEM.
 */
static int load_one(Load *load, char *path, bool is_optional, ConfPlace place)
{
        _cleanup_free_ char *name = path ? strdup(path) : NULL, *text = NULL;
        size_t size;
        int r;

        text_make_printable(path);
        r = strings_append(&load->paths, path);
        if (r >= 0 && !name)
                r = -ENOMEM;
        if (r >= 0)
                r = read_file(load, name, path, is_optional, &text, &size);
        if (r < 0)
                return r;
        load->draft.is_incomplete = load->draft.is_incomplete || r > 0;
        if (!text)
                return 0;
        return load_keep(load, path, TAKE_PTR(name), TAKE_PTR(text), size, place);
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

bool conf_is_dropin_name(const char *path)
{
        const char *name = base_name(path), *end = strrchr(name, '.');

        return end && *name != '.' && strcmp(end, ".conf") == 0;
}

static int is_dropin(const struct dirent *entry)
{
        return conf_is_dropin_name(entry->d_name);
}

/* Adds a drop-in, and takes its path over. It replaces one of the same name that has lower priority. */
static int add_dropin(char ***paths, char *path)
{
        for (size_t i = 0; path && *paths && (*paths)[i]; i++)
                if (strcmp(base_name((*paths)[i]), base_name(path)) == 0) {
                        free((*paths)[i]);
                        (*paths)[i] = path;
                        return 0;
                }
        return strings_append(paths, path);
}

static int list_folder(const Load *load, const char *folder, char ***paths)
{
        struct dirent **entries;
        int n = scandir(folder, &entries, is_dropin, NULL), r = 0;

        if (n < 0)
                return errno == ENOENT ? 0 :
                                         unreadable(folder, load->draft.faults, "folder", errno);
        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = add_dropin(paths, path_join(folder, "/", entries[i]->d_name));
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int path_compare(const void *a, const void *b)
{
        return strcmp(base_name(*(char *const *) a), base_name(*(char *const *) b));
}

/* Lists the drop-ins of a folder. Returns 0; 1 if there is a fault, which is reported; or -ENOMEM. */
static int list_checked(const Load *load, const char *folder, char ***paths)
{
        int r = check_folder(load, folder);

        return r != 0 ? r : list_folder(load, folder, paths);
}

/* Keeps the text of a drop-in that is not installed. Returns 0 or -ENOMEM. */
static int load_draft(Load *load, const ConfText *draft)
{
        _cleanup_free_ char *name = strdup(draft->name), *text = strdup(draft->text);
        char *path = strdup(draft->name);

        text_make_printable(path);
        if (strings_append(&load->paths, path) < 0 || !name || !text)
                return -ENOMEM;
        return load_keep(load, path, TAKE_PTR(name), TAKE_PTR(text), strlen(draft->text),
                         CONF_PLACE_DROPIN);
}

static int load_dropins(Load *load, const ConfText *draft)
{
        _cleanup_(strings_freep) char **paths = NULL;
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *folder = path_join(load->root, folders[i], "/memoryd.conf.d");

                r = folder ? list_checked(load, folder, &paths) : -ENOMEM;
                if (r < 0)
                        return r;
                load->draft.is_incomplete = load->draft.is_incomplete || r > 0;
        }
        if (draft)
                r = add_dropin(&paths, strdup(draft->name));
        while (paths && paths[n])
                n++;
        if (n > 0)
                qsort(paths, n, sizeof(char *), path_compare);
        /* A drop-in may have disappeared after its folder was listed. */
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = draft && strcmp(paths[i], draft->name) == 0 ?
                            load_draft(load, draft) :
                            load_one(load, strdup(paths[i]), true, CONF_PLACE_DROPIN);
        return r;
}

static int load_finish(Load *load, Conf *ret)
{
        ConfFaults *faults = load->draft.faults;
        int r = 0;

        /* What applies a file takes the last one in the list for it. */
        for (size_t i = 0; r >= 0 && i < load->n_files; i++) {
                const LoadFile *file = &load->files[i];

                r = add_file(&load->draft.conf, file);
                if (r >= 0)
                        r = conf_draft_apply(&load->draft, file->path, file->text, file->size,
                                             file->place);
        }
        if (r >= 0)
                r = conf_draft_finish(&load->draft);
        if (r < 0)
                return r;
        if (faults->n_faults > load->first_fault) {
                conf_faults_sort(faults, load->first_fault, load->paths);
                return 1;
        }
        *ret = load->draft.conf;
        conf_init(&load->draft.conf);
        return 0;
}

/* Loads a main file, unless another user can change its folder. */
static int load_main(Load *load, ConfPlace place)
{
        char *path = path_join(load->root, mains[place], "");
        _cleanup_free_ char *folder =
                path ? strndup(path, (size_t) (base_name(path) - 1 - path)) : NULL;
        int r = folder ? check_folder(load, folder) : -ENOMEM;

        if (r == 0)
                return load_one(load, path, true, place);
        free(path);
        load->draft.is_incomplete = true;
        return MIN(r, 0);
}

static int load_all(Load *load, const ConfText *draft)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(mains); i++)
                r = load_main(load, (ConfPlace) i);
        return r < 0 ? r : load_dropins(load, draft);
}

int conf_load(const char *root, Conf *ret, ConfFaults *faults)
{
        _cleanup_(load_done) Load load;
        int r;

        load_init(&load, root, faults);
        r = load_all(&load, NULL);
        return r < 0 ? r : load_finish(&load, ret);
}

int conf_read(const char *root, const ConfText *draft, ConfFaults *faults, ConfLoad **ret)
{
        Load *load = malloc(sizeof(*load));
        int r;

        if (!load)
                return -ENOMEM;
        load_init(load, root, faults);
        r = load_all(load, draft);
        if (r < 0)
                conf_load_free(load);
        else
                *ret = load;
        return r;
}

int conf_apply(ConfLoad *load, Conf *ret)
{
        return load_finish(load, ret);
}

void conf_load_free(ConfLoad *load)
{
        if (!load)
                return;
        load_done(load);
        free(load);
}

int conf_load_file(const char *path, Conf *ret, ConfFaults *faults)
{
        _cleanup_(load_done) Load load;
        int r;

        load_init(&load, NULL, faults);
        r = load_one(&load, path_simplify(strdup(path)), false, CONF_PLACE_MAIN);
        return r < 0 ? r : load_finish(&load, ret);
}

int conf_load_text(const char *name, const char *text, size_t size, Conf *ret, ConfFaults *faults)
{
        _cleanup_(load_done) Load load;
        char *shown = strdup(name);
        int r;

        load_init(&load, NULL, faults);
        text_make_printable(shown);
        r = strings_append(&load.paths, shown);
        if (r >= 0 && size > CONF_FILE_SIZE_MAX)
                r = conf_faults_add(faults, shown, 0, NULL,
                                    "expected a text of at most 1 MiB, got a larger one");
        else if (r >= 0)
                r = conf_draft_apply(&load.draft, shown, text, size, CONF_PLACE_MAIN);
        return r < 0 ? r : load_finish(&load, ret);
}

/* Whether all users can look into each folder of a path. */
static bool has_open_folders(const char *path)
{
        _cleanup_free_ char *folder = strdup(path);
        struct stat st;
        char *slash;

        while (folder && (slash = strrchr(folder, '/'))) {
                slash[slash == folder] = '\0';
                if (stat(folder, &st) < 0 || !(st.st_mode & S_IXOTH))
                        return false;
                if (slash == folder)
                        return true;
        }
        return false;
}

/* Puts "?" in the place of what cannot be printed in a line, and ends the text. Returns the text. */
static char *make_shown(char *text, size_t size)
{
        text[size] = '\0';
        for (size_t i = 0; i < size;) {
                size_t length = text_character_length(text + i);

                if (length == 0 && text[i] != '\n' && text[i] != '\t')
                        text[i] = '?';
                i += MAX(length, 1U);
        }
        return text;
}

static int not_shown(const char *why, char **ret_text)
{
        *ret_text = strdup(why);
        return *ret_text ? 1 : -ENOMEM;
}

int conf_show_file(const char *path, bool sees_all, char **ret_text, uint64_t *ret_digest)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return not_shown(strerror(errno), ret_text);
        if (!S_ISREG(st.st_mode))
                return not_shown("it is no file any more", ret_text);
        if (!sees_all && (!(st.st_mode & S_IROTH) || !has_open_folders(path)))
                return not_shown("not all users can read it, so only root is shown it", ret_text);
        r = read_regular(path, fd, &faults, &text, &size);
        if (r < 0 || !text)
                return r < 0 ? r : not_shown(faults.faults[0].text, ret_text);
        *ret_digest = conf_digest(text, size);
        *ret_text = make_shown(TAKE_PTR(text), size);
        return 0;
}
