/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[PATH_MAX];

void fuzz_fail(const char *condition, const char *file, int line)
{
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
        abort();
}

char *fuzz_string(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        FUZZ_ASSERT(text);
        if (size > 0)
                memcpy(text, data, size);
        text[size] = 0;
        return text;
}

void fuzz_machine(Machine *machine, unsigned n_blocks, void (*fill)(Block *block))
{
        machine_init(machine);
        machine->block_size_bytes = UINT64_C(128) << 20;
        for (uint32_t id = 0; id < n_blocks; id++) {
                Block *block;

                FUZZ_ASSERT(machine_add_block(machine, id, &block) == 1);
                fill(block);
        }
        machine_count(machine);
}

/* Removes an entry, but not the folder itself. */
static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *at)
{
        (void) st, (void) flag;
        return at->level > 0 ? remove(path) : 0;
}

void fuzz_clear(void)
{
        FUZZ_ASSERT(nftw(fuzz_folder(), remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void remove_folder(void)
{
        fuzz_clear();
        (void) rmdir(folder);
}

const char *fuzz_folder(void)
{
        const char *parent = getenv("TMPDIR") ?: "/tmp";

        if (*folder)
                return folder;
        FUZZ_ASSERT(snprintf(folder, sizeof(folder), "%s/memoryd-fuzz-XXXXXX", parent) <
                    (int) sizeof(folder) - NAME_MAX);
        FUZZ_ASSERT(mkdtemp(folder));
        FUZZ_ASSERT(atexit(remove_folder) == 0);
        return folder;
}

/* Opens the folder of a name, and makes it first. *ret_name is what follows it. Returns -1 on failure. */
static int open_parent(const char *path, const char **ret_name)
{
        int fd = open(fuzz_folder(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *slash;

        for (; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
                _cleanup_close_ int parent = fd;
                char name[NAME_MAX + 1];

                fd = -1;
                if ((size_t) (slash - path) >= sizeof(name))
                        return -1;
                memcpy(name, path, (size_t) (slash - path));
                name[slash - path] = 0;
                if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
                    (mkdirat(parent, name, 0755) == 0 || errno == EEXIST))
                        fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        *ret_name = path;
        return fd;
}

bool fuzz_write(const char *name, const void *data, size_t size)
{
        _cleanup_close_ int folder_fd = open_parent(name, &name), fd = -EBADF;

        if (folder_fd >= 0)
                fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                            0644);
        return fd >= 0 && write(fd, data, size) == (ssize_t) size;
}

bool fuzz_link(const char *name, const char *target)
{
        _cleanup_close_ int folder_fd = open_parent(name, &name);

        return folder_fd >= 0 && symlinkat(target, folder_fd, name) == 0;
}
