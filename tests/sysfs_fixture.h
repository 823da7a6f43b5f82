/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

/*
 * A tree as the kernel shows it, in a temporary folder: what is handed to sysfs_open() as the root.
 * The machine's own /sys is never touched. Paths are relative to the root.
 */

typedef struct SysfsFixture {
        char root[PATH_MAX / 2];
} SysfsFixture;

#define MEMORY_PATH "sys/devices/system/memory"
#define NODE_PATH "sys/devices/system/node"

/* The path of a file in the tree, from a format; valid until the next call. */
static inline const char *fixture_path(const SysfsFixture *fixture, const char *format,
                                       va_list args) _printf_(2, 0);

static inline const char *fixture_path(const SysfsFixture *fixture, const char *format,
                                       va_list args)
{
        static char path[PATH_MAX];
        size_t n = (size_t) snprintf(path, sizeof(path), "%s/", fixture->root);

        ck_assert(vsnprintf(path + n, sizeof(path) - n, format, args) < (int) (sizeof(path) - n));
        return path;
}

static inline const char *sysfs_fixture_path(const SysfsFixture *fixture, const char *format, ...)
        _printf_(2, 3);

static inline const char *sysfs_fixture_path(const SysfsFixture *fixture, const char *format, ...)
{
        const char *path;
        va_list args;

        va_start(args, format);
        path = fixture_path(fixture, format, args);
        va_end(args);
        return path;
}

static inline void fixture_make_folders(const char *path)
{
        char copy[PATH_MAX];

        ck_assert_uint_lt(strlen(path), sizeof(copy));
        strcpy(copy, path);
        for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = 0;
                ck_assert_msg(mkdir(copy, 0755) >= 0 || errno == EEXIST, "%s: %m", copy);
                *p = '/';
        }
}

/* Writes a file, with what it needs of folders. */
static inline void sysfs_fixture_write(const SysfsFixture *fixture, const char *text,
                                       const char *format, ...) _printf_(3, 4);

static inline void sysfs_fixture_write(const SysfsFixture *fixture, const char *text,
                                       const char *format, ...)
{
        const char *path;
        va_list args;
        FILE *file;

        va_start(args, format);
        path = fixture_path(fixture, format, args);
        va_end(args);

        fixture_make_folders(path);
        file = fopen(path, "we");
        ck_assert_msg(file, "%s: %m", path);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

/* Reads a whole file of the tree, which must be a short one; valid until the next call. */
static inline const char *sysfs_fixture_read(const SysfsFixture *fixture, const char *format, ...)
        _printf_(2, 3);

static inline const char *sysfs_fixture_read(const SysfsFixture *fixture, const char *format, ...)
{
        static char text[256];
        const char *path;
        va_list args;
        FILE *file;
        size_t n;

        va_start(args, format);
        path = fixture_path(fixture, format, args);
        va_end(args);

        file = fopen(path, "re");
        ck_assert_msg(file, "%s: %m", path);
        n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = 0;
        fclose(file);
        return text;
}

static inline void sysfs_fixture_init(SysfsFixture *fixture)
{
        const char *folder = getenv("TMPDIR");

        ck_assert_int_lt(snprintf(fixture->root, sizeof(fixture->root), "%s/memoryd-check-XXXXXX",
                                  folder && *folder ? folder : "/tmp"),
                         (int) sizeof(fixture->root));
        ck_assert_msg(mkdtemp(fixture->root), "%s: %m", fixture->root);

        sysfs_fixture_write(fixture, "8000000\n", MEMORY_PATH "/block_size_bytes");
        sysfs_fixture_write(fixture, "offline\n", MEMORY_PATH "/auto_online_blocks");
        sysfs_fixture_write(fixture, "\n", NODE_PATH "/has_cpu");
        sysfs_fixture_write(fixture, "", "proc/zoneinfo");
}

static inline int fixture_remove_entry(const char *path, const struct stat *st, int flag,
                                       struct FTW *at)
{
        (void) st;
        (void) flag;
        (void) at;
        return remove(path);
}

/* Removes a file or a folder with all that is in it. */
static inline void fixture_remove(const char *path)
{
        ck_assert_msg(nftw(path, fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "%s: %m",
                      path);
}

static inline void sysfs_fixture_done(SysfsFixture *fixture)
{
        fixture_remove(fixture->root);
}

/* zones is the text of valid_zones, NULL for no such file. No node link yet. */
static inline void sysfs_fixture_set_block(const SysfsFixture *fixture, uint32_t id,
                                           const char *state, const char *zones)
{
        sysfs_fixture_write(fixture, state, MEMORY_PATH "/memory%u/state", id);
        if (zones)
                sysfs_fixture_write(fixture, zones, MEMORY_PATH "/memory%u/valid_zones", id);
        else
                (void) unlink(sysfs_fixture_path(fixture, MEMORY_PATH "/memory%u/valid_zones", id));
}

static inline void sysfs_fixture_add_node(const SysfsFixture *fixture, uint32_t node)
{
        sysfs_fixture_write(fixture, "", NODE_PATH "/node%u/cpulist", node);
}

static inline void sysfs_fixture_remove_node(const SysfsFixture *fixture, uint32_t node)
{
        fixture_remove(sysfs_fixture_path(fixture, NODE_PATH "/node%u", node));
}

/* The two links between a block and its node, as link_mem_sections() makes them. */
static inline void sysfs_fixture_link(const SysfsFixture *fixture, uint32_t block, uint32_t node)
{
        char target[64];

        sysfs_fixture_add_node(fixture, node);
        snprintf(target, sizeof(target), "../../node/node%u", node);
        ck_assert_int_eq(symlink(target, sysfs_fixture_path(fixture, MEMORY_PATH "/memory%u/node%u",
                                                            block, node)),
                         0);
        snprintf(target, sizeof(target), "../../memory/memory%u", block);
        ck_assert_int_eq(symlink(target, sysfs_fixture_path(fixture, NODE_PATH "/node%u/memory%u",
                                                            node, block)),
                         0);
}

static inline void sysfs_fixture_unlink(const SysfsFixture *fixture, uint32_t block, uint32_t node)
{
        ck_assert_int_eq(
                unlink(sysfs_fixture_path(fixture, MEMORY_PATH "/memory%u/node%u", block, node)),
                0);
        ck_assert_int_eq(
                unlink(sysfs_fixture_path(fixture, NODE_PATH "/node%u/memory%u", node, block)), 0);
}

/* A block with all that belongs to it. */
static inline void sysfs_fixture_add_block(const SysfsFixture *fixture, uint32_t id, uint32_t node,
                                           const char *state, const char *zones)
{
        sysfs_fixture_set_block(fixture, id, state, zones);
        sysfs_fixture_link(fixture, id, node);
}

static inline void sysfs_fixture_remove_block(const SysfsFixture *fixture, uint32_t id)
{
        fixture_remove(sysfs_fixture_path(fixture, MEMORY_PATH "/memory%u", id));
}

static inline void sysfs_fixture_open(const SysfsFixture *fixture, Sysfs *ret)
{
        ck_assert_int_eq(sysfs_open(fixture->root, ret), 0);
}
