/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds the CXL region and the CXL memory devices of a dax device. */

#include "kernel/cxl.h"

#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define DAX_FOLDER "bus/dax/devices"
#define CXL_FOLDER "bus/cxl/devices"

/* The path of a file of sysfs: a target of a link, and names behind it. */
#define CXL_PATH_MAX (PATH_MAX + NAME_MAX + 32)

/* A read that waits for longer is given up. */
#define CXL_WAIT_USEC 100000

/* Interrupts, again and again, a system call that waits. */
typedef struct Alarm {
        struct sigaction action; /* as it was before */
        struct itimerval timer;
} Alarm;

static void on_alarm(int number)
{
        (void) number;
}

static void alarm_start(Alarm *alarm)
{
        const struct itimerval every = { { 0, CXL_WAIT_USEC }, { 0, CXL_WAIT_USEC } };

        (void) sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, &alarm->action);
        (void) setitimer(ITIMER_REAL, &every, &alarm->timer);
}

static void alarm_stop(const Alarm *alarm)
{
        (void) setitimer(ITIMER_REAL, &alarm->timer, NULL);
        (void) sigaction(SIGALRM, &alarm->action, NULL);
}

/*
 * Reads a link in a folder below /sys, and returns its target without the "../" before it. Returns 0, or a
 * negative errno: -EBADMSG for a target that no link of sysfs has.
 */
static int read_link(const Sysfs *sysfs, const char *folder, const char *name,
                     char ret[static PATH_MAX])
{
        _cleanup_close_ int fd = -EBADF;
        char target[PATH_MAX];
        const char *path = target;
        ssize_t n;

        if (sysfs->sys_fd < 0)
                return -ENOENT;
        fd = sysfs_open_below(sysfs, sysfs->sys_fd, folder, O_RDONLY | O_DIRECTORY);
        n = fd < 0 ? -1 : readlinkat(fd, name, target, sizeof(target));
        if (n < 0)
                return -errno;
        if ((size_t) n == sizeof(target))
                return -ENAMETOOLONG;
        target[n] = 0;
        while (strncmp(path, "../", 3) == 0)
                path += 3;
        if (path == target || strstr(path, ".."))
                return -EBADMSG;
        strcpy(ret, path);
        return 0;
}

/* Cuts the last name off a path, and returns it. Returns "" if there is only one. */
static const char *cut_name(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash)
                return "";
        *slash = 0;
        return slash + 1;
}

/* Whether a name is PREFIXN. */
static bool is_numbered(const char *name, const char *prefix)
{
        uint32_t number;

        return sysfs_parse_numbered(name, prefix, &number);
}

/* Finds the region of a dax device. Returns false if its memory is not that of a CXL region. */
static bool read_region(const Sysfs *sysfs, const char *dax, char ret[static DEVICE_NAME_MAX])
{
        char path[PATH_MAX];
        const char *name;
        uint32_t region, id;

        if (!device_parse_dax(dax, &region, &id) || read_link(sysfs, DAX_FOLDER, dax, path) < 0 ||
            strcmp(cut_name(path), dax) != 0 || !is_numbered(cut_name(path), "dax_region"))
                return false;
        name = cut_name(path);
        if (!is_numbered(name, "region"))
                return false;
        snprintf(ret, DEVICE_NAME_MAX, "%s", name);
        return true;
}

/*
 * Finds the memory device of a decoder. Returns 1; 0 if the decoder is not that of an endpoint, does not belong to
 * the region, or is going away; or -EINTR if the kernel has the reader wait.
 */
static int find_memdev(const Sysfs *sysfs, const char *decoder, const char *region, uint32_t *ret)
{
        char endpoint[PATH_MAX], file[CXL_PATH_MAX], text[DEVICE_NAME_MAX], uport[PATH_MAX];
        const char *name;
        int r;

        if (strncmp(decoder, "decoder", strlen("decoder")) != 0 ||
            read_link(sysfs, CXL_FOLDER, decoder, endpoint) < 0 ||
            strcmp(cut_name(endpoint), decoder) != 0)
                return 0;
        name = strrchr(endpoint, '/');
        if (!name || !is_numbered(name + 1, "endpoint"))
                return 0;
        snprintf(file, sizeof(file), "%s/%s/region", endpoint, decoder);
        r = sysfs_read_text(sysfs, sysfs->sys_fd, file, text, sizeof(text));
        if (r == -EINTR)
                return r;
        return r >= 0 && strcmp(text, region) == 0 &&
               read_link(sysfs, endpoint, "uport", uport) >= 0 &&
               sysfs_parse_numbered(cut_name(uport), "mem", ret);
}

static int compare_numbers(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

/* Adds a number, unless it is there already. */
static void add_number(uint32_t *numbers, size_t *n, uint32_t number)
{
        for (size_t i = 0; i < *n; i++)
                if (numbers[i] == number)
                        return;
        if (*n < CXL_MEMDEVS_MAX)
                numbers[(*n)++] = number;
}

/* Finds the numbers of the memory devices of a region, of which there is room for CXL_MEMDEVS_MAX. */
static int find_memdevs(const Sysfs *sysfs, const char *region, uint32_t *numbers, size_t *ret_n)
{
        _cleanup_(closedirp) DIR *folder = sysfs_open_listing(sysfs, sysfs->sys_fd, CXL_FOLDER);
        const struct dirent *entry;
        uint32_t number;
        int r = 0;

        if (!folder)
                return -errno;
        while (r >= 0 && (entry = readdir(folder))) {
                r = find_memdev(sysfs, entry->d_name, region, &number);
                if (r > 0)
                        add_number(numbers, ret_n, number);
        }
        return r;
}

static void read_memdevs(const Sysfs *sysfs, CxlNames *names)
{
        uint32_t numbers[CXL_MEMDEVS_MAX];
        size_t n = 0, used = 0;
        Alarm alarm;
        int r;

        alarm_start(&alarm);
        r = find_memdevs(sysfs, names->region, numbers, &n);
        alarm_stop(&alarm);
        if (r < 0) {
                log_debug("Cannot find the memory devices of %s: %s", names->region, strerror(-r));
                return;
        }
        qsort(numbers, n, sizeof(*numbers), compare_numbers);
        for (size_t i = 0; i < n; i++)
                used += (size_t) snprintf(names->memdevs + used, sizeof(names->memdevs) - used,
                                          "%smem%u", i > 0 ? " " : "", numbers[i]);
}

bool cxl_read(const Sysfs *sysfs, const char *dax, CxlNames *ret)
{
        CxlNames names = {};

        if (!read_region(sysfs, dax, names.region))
                return false;
        read_memdevs(sysfs, &names);
        *ret = names;
        return true;
}
