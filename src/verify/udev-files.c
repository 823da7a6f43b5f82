/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Checks the files of udev rules that are in force. */

#include "kernel/evidence.h"
#include "verify/udev-rules.h"
#include "verify/verify.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* By priority: of files with the same name, the one in the first of these folders is in force. */
static const char *const folders[] = {
        "/etc/udev/rules.d",     "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
        "/usr/lib/udev/rules.d", "/lib/udev/rules.d",
};

typedef struct RulesFile {
        char *name;    /* owned; first, for compare_names() */
        size_t folder; /* index into `folders` */
} RulesFile;

typedef struct Udev {
        int root_fd;
        bool is_system;   /* the root is that of the running system */
        RulesFile *files; /* owned: those in force, by name, as udev sorts them */
        size_t n_files;
        size_t left; /* the number of bytes that may still be read */
} Udev;

static void udev_done(Udev *udev)
{
        for (size_t i = 0; i < udev->n_files; i++)
                free(udev->files[i].name);
        free(udev->files);
        closep(&udev->root_fd);
}

/*
 * Opens a path as if root_fd were the root of the file system. openat2() exists since Linux 5.6.
 * Before that, or where it is filtered, a link in the last component is refused unless the root is
 * that of the system.
 */
static int open_in_root(const Udev *udev, const char *path, int flags)
{
        struct open_how how = {
                .flags = (__u64) (unsigned) (flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        int fd = (int) syscall(SYS_openat2, udev->root_fd, path, &how, sizeof(how));

        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = openat(udev->root_fd, path + 1,
                            (int) how.flags | (udev->is_system ? 0 : O_NOFOLLOW));
        return fd;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const RulesFile *) a)->name, ((const RulesFile *) b)->name);
}

/*
 * Adds the files of a folder, but those of folders before it mask files of the same name. A missing
 * folder is no error.
 */
static int list_folder(Udev *udev, size_t folder)
{
        size_t n_before = udev->n_files;
        _cleanup_close_ int fd = open_in_root(udev, folders[folder], O_DIRECTORY);
        _cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!dir)
                return 0;
        (void) TAKE_FD(fd);
        while ((entry = readdir(dir))) {
                RulesFile file = { (char *) entry->d_name, folder };

                if (fnmatch("*.rules", file.name, FNM_PERIOD) != 0 ||
                    (n_before > 0 &&
                     bsearch(&file, udev->files, n_before, sizeof(file), compare_names)))
                        continue;
                if (udev->n_files == UDEV_FILES_MAX)
                        return -EFBIG;
                file.name = strdup(file.name);
                if (!file.name || GROW(udev->files, udev->n_files) < 0) {
                        free(file.name);
                        return -ENOMEM;
                }
                udev->files[udev->n_files++] = file;
        }
        if (udev->n_files > n_before)
                qsort(udev->files, udev->n_files, sizeof(RulesFile), compare_names);
        return 0;
}

/*
 * Reads a file. Returns 0; -ENOENT if udev ignores it, since it is a dangling link or a link to a
 * device such as /dev/null; -EFBIG if it is too large, or all files together are; or another
 * negative errno.
 */
static int read_file(Udev *udev, const char *path, char **ret)
{
        _cleanup_close_ int fd = open_in_root(udev, path, 0);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISCHR(st.st_mode) ? -ENOENT : -EINVAL;
        if ((uint64_t) st.st_size > MIN(UDEV_FILE_SIZE_MAX, udev->left))
                return -EFBIG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = read(fd, text, (size_t) st.st_size);
        if (n < 0)
                return -errno;
        text[n] = 0;
        udev->left -= (size_t) n;
        *ret = TAKE_PTR(text);
        return 0;
}

/* A rule of udev that onlines memory which the policy leaves to others does not work against the policy. */
static int add_left_write(Findings *findings, Origin left, const char *path, const UdevWrite *write)
{
        return findings_add_note(
                findings, "udev-rule", finding_text("%s:%u", path, write->line),
                finding_text("A rule of udev changes the states of memory blocks, with %.200s. The "
                             "policy leaves memory of the origin \"%s\" to it.",
                             write->text, origin_to_string(left)),
                finding_text("Keep the rule. Mask its file only if a rule of memoryd.conf(5) has "
                             "memoryd online memory of the origin \"%s\".",
                             origin_to_string(left)));
}

static int add_write(Findings *findings, const char *path, const UdevWrite *write)
{
        char *advice =
                strncmp(path, "/etc/", 5) == 0 ?
                        finding_text("Take the rule out of %s, then run \"udevadm control "
                                     "--reload\".",
                                     path) :
                        finding_text("Mask the file with \"ln -s /dev/null /etc/udev/rules.d%s\", "
                                     "or put a copy without the rule there, then run \"udevadm "
                                     "control --reload\".",
                                     strrchr(path, '/'));

        return findings_add(
                findings, "udev-rule", finding_text("%s:%u", path, write->line),
                finding_text("A rule of udev changes the states of memory blocks beside memoryd, "
                             "with %.200s.",
                             write->text),
                advice);
}

/*
 * Checks a file. `left` is the origin of memory that the policy leaves to others on this platform, or
 * unknown.
 */
static int check_file(Udev *udev, const RulesFile *file, const UdevHost *host, Origin left,
                      Findings *findings)
{
        _cleanup_free_ char *path = finding_text("%s/%s", folders[file->folder], file->name);
        _cleanup_free_ char *text = NULL;
        _cleanup_free_ UdevWrite *writes = NULL;
        int r = path ? read_file(udev, path, &text) : -ENOMEM;
        ssize_t n = r >= 0 ? udev_rules_parse(text, host, &writes) : 0;

        if (r == -ENOENT)
                return 0;
        if (r < 0 && r != -ENOMEM)
                return findings_add(
                        findings, "udev-rule", TAKE_PTR(path),
                        finding_text("The rules in this file could not be looked at: %s.",
                                     strerror(-r)),
                        finding_text("See by hand whether it changes the state of memory blocks."));
        for (ssize_t i = 0; r >= 0 && i < n; i++)
                r = left != ORIGIN_UNKNOWN ? add_left_write(findings, left, path, &writes[i]) :
                                             add_write(findings, path, &writes[i]);
        return n < 0 ? -ENOMEM : r;
}

/*
 * Reads a file of the firmware's tables. Returns its text, "" if it does not exist, or NULL if it
 * cannot be read.
 */
static const char *read_dmi(const Sysfs *sysfs, const char *name, char buffer[static ATTRIBUTE_MAX])
{
        char path[64];
        int r;

        snprintf(path, sizeof(path), "class/dmi/id/%s", name);
        r = sysfs_read_text(sysfs, sysfs->sys_fd, path, buffer, ATTRIBUTE_MAX);
        if (r >= 0)
                return buffer;
        return r == -ENOENT ? "" : NULL;
}

static Origin find_left_origin(const VerifyInput *input)
{
        const char *name;
        Origin origin = evidence_platform(input->sysfs, input->machine->architecture, &name);

        return offload_leaves(input->machine, &input->conf->policy, origin) ? origin :
                                                                              ORIGIN_UNKNOWN;
}

int verify_udev_rules(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        char vendor[ATTRIBUTE_MAX], product[ATTRIBUTE_MAX];
        const UdevHost host = {
                .architecture = *machine->architecture ? machine->architecture : NULL,
                .virtualization = *machine->virtualization ? machine->virtualization : NULL,
                .sys_vendor = read_dmi(input->sysfs, "sys_vendor", vendor),
                .product_name = read_dmi(input->sysfs, "product_name", product),
        };
        _cleanup_(udev_done) Udev udev = {
                .root_fd = open(*input->root ? input->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC),
                .is_system = !*input->root,
                .left = UDEV_FILES_SIZE_MAX,
        };
        Origin left = find_left_origin(input);
        int r = udev.root_fd < 0 ? -errno : 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(folders); i++)
                r = list_folder(&udev, i);
        if (r == -EFBIG)
                return findings_add(
                        findings, "udev-rule", strdup("rules.d"),
                        finding_text("There are more than %u files of udev rules, too many to be "
                                     "looked at.",
                                     UDEV_FILES_MAX),
                        strdup("See by hand whether one changes the state of memory blocks."));
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; r >= 0 && i < udev.n_files; i++)
                r = check_file(&udev, &udev.files[i], &host, left, findings);
        return r;
}
