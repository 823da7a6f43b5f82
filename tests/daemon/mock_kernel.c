/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * The kernel's half of /sys/devices/system/memory, preloaded into memoryd in front of umockdev: a
 * write to memoryN/state or to an auto_online_blocks has the effect, and the errors, it has in Linux.
 *
 * Below the testbed's root, $UMOCKDEV_DIR:
 *   faults/N  "ERRNO TIMES DELAY_MS": what the next TIMES writes to block N end with (negative: all
 *             of them; ERRNO 0: nothing wrong), and how long each takes; TIMES is counted down here
 *   faults/X, held/X, waiting/X  the same for a write to the state of a dax device, X being MOCK_DAX; what
 *             becomes of its blocks is up to the test
 *   held/N    while it is there writes to block N wait, but for so many before as the number in it,
 *             which is counted down here
 *   waiting/N appears when a write waits so
 *   writes    a line for each write that was answered: "memoryN WORD ERRNO" or "daxX.Y WORD ERRNO", also
 *             "daxX.Y unbind ERRNO" and "daxX.Y bind ERRNO"
 *   journal/fields  if it is there: what goes to the journal, each field with a zero byte behind it
 *   proc      iomem, zoneinfo, cmdline, pressure, kpageflags and kpagecount, as of /proc: there are none but those,
 *             whatever this machine has
 *
 * A process that this is loaded into without a testbed, or that would reach the real /sys, aborts.
 */

#include "base/macro.h"
#include "testbed.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define MEMORY_FOLDER "/sys/devices/system/memory/"
#define TEXT_MAX 64

typedef ssize_t (*Write)(int fd, const void *data, size_t size);
typedef int (*OpenAt)(int fd, const char *path, int flags, ...);

static char testbed[PATH_MAX];
static Write next_write;

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "mock_kernel: %s\n", what);
        abort();
}

/* Past umockdev, which does not redirect system calls: where a descriptor really leads. */
static bool real_path(int fd, char path[static PATH_MAX])
{
        char link[32];
        long n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
        if (n < 0)
                return false;
        path[n] = 0;
        return true;
}

__attribute__((constructor)) static void mock_kernel_init(void)
{
        const char *dir = getenv("UMOCKDEV_DIR");
        char path[PATH_MAX];
        int fd;

        if (!dir || !realpath(dir, testbed))
                die("there is no testbed");
        next_write = (Write) dlsym(RTLD_NEXT, "write");
        fd = open("/sys", O_PATH | O_CLOEXEC);
        if (fd < 0 || !real_path(fd, path) || strncmp(path, testbed, strlen(testbed)) != 0)
                die("/sys is not the testbed's");
        close(fd);
}

static int read_text(const char *path, char text[static TEXT_MAX])
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);

        if (n < 0)
                return -ENODEV;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        return 0;
}

/*
 * Nobody ever reads half of it: it is renamed over what was there. 0, or -ENODEV when its folder has
 * gone meanwhile.
 */
static int set_text(const char *path, const char *text)
{
        char temporary[PATH_MAX + 4];
        FILE *file;

        snprintf(temporary, sizeof(temporary), "%s.new", path);
        file = fopen(temporary, "we");
        if (!file && errno == ENOENT)
                return -ENODEV;
        if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0 ||
            (rename(temporary, path) < 0 && errno != ENOENT))
                die("cannot change a file of the testbed");
        return access(path, F_OK) < 0 ? -ENODEV : 0;
}

static const char *testbed_file(const char *name, char path[static PATH_MAX])
{
        if (snprintf(path, PATH_MAX, "%.3000s/%s", testbed, name) < 0)
                die("no path");
        return path;
}

static void tell_waiting(unsigned block)
{
        char name[32], path[PATH_MAX];

        snprintf(name, sizeof(name), "waiting/%u", block);
        if (access(testbed_file(name, path), F_OK) < 0)
                (void) set_text(path, "");
}

/* Waits until the block is let go: 0, or -EINTR when a signal came before that. */
static int wait_while_held(unsigned block)
{
        static const struct timespec moment = { .tv_nsec = 1000000 };
        char name[32], path[PATH_MAX], text[TEXT_MAX];
        unsigned n_before;

        snprintf(name, sizeof(name), "held/%u", block);
        testbed_file(name, path);
        while (read_text(path, text) >= 0 && sscanf(text, "%u", &n_before) == 1) {
                if (n_before > 0) {
                        snprintf(text, sizeof(text), "%u", n_before - 1);
                        return set_text(path, text);
                }
                tell_waiting(block);
                if (nanosleep(&moment, NULL) < 0)
                        return -EINTR;
        }
        return 0;
}

/* What the script of faults has for a write: 0 or a negative errno. */
static int play_fault(unsigned block)
{
        char name[32], path[PATH_MAX], text[TEXT_MAX];
        struct timespec delay;
        int error, times;
        long msec;

        snprintf(name, sizeof(name), "faults/%u", block);
        if (read_text(testbed_file(name, path), text) < 0 ||
            sscanf(text, "%d %d %ld", &error, &times, &msec) != 3 || times == 0)
                return 0;
        if (times > 0) {
                snprintf(text, sizeof(text), "%d %d %ld", error, times - 1, msec);
                (void) set_text(path, text);
        }

        delay = (struct timespec){ msec / 1000, msec % 1000 * 1000000 };
        return nanosleep(&delay, NULL) < 0 ? -EINTR : -error;
}

/* The zone that a word asks for, or NULL. The first of the valid ones is the kernel's default. */
static const char *choose_zone(const char *word, char *zones)
{
        const char *zone = strcmp(word, "online_kernel") == 0  ? "Normal" :
                           strcmp(word, "online_movable") == 0 ? "Movable" :
                                                                 NULL;

        if (strcmp(word, "online") == 0)
                return strtok(zones, " ");
        return zone && strstr(zones, zone) ? zone : NULL;
}

/* State first: whoever sees the zones it could go to sees it offline. */
static int take_offline(const char *folder)
{
        char path[PATH_MAX + 16];
        int r;

        snprintf(path, sizeof(path), "%s/state", folder);
        r = set_text(path, "offline");
        snprintf(path, sizeof(path), "%s/valid_zones", folder);
        return r < 0 ? r : set_text(path, "Normal Movable");
}

static int set_block(unsigned block, const char *word)
{
        char folder[PATH_MAX], name[sizeof(MEMORY_FOLDER) + 32], path[PATH_MAX + 16];
        char state[TEXT_MAX], zones[TEXT_MAX];
        const char *zone;
        int r = wait_while_held(block);

        if (r >= 0)
                r = play_fault(block);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%smemory%u", MEMORY_FOLDER, block);
        testbed_file(name, folder);
        snprintf(path, sizeof(path), "%s/valid_zones", folder);
        if (read_text(path, zones) < 0)
                return -ENODEV;
        snprintf(path, sizeof(path), "%s/state", folder);
        if (read_text(path, state) < 0)
                return -ENODEV;
        if (strcmp(word, "offline") == 0)
                return strcmp(state, "online") == 0 ? take_offline(folder) : -EINVAL;
        zone = choose_zone(word, zones);
        if (!zone || strcmp(state, "offline") != 0)
                return -EINVAL;

        /* Zones first: whoever sees the block online sees the zone it is in. */
        snprintf(path, sizeof(path), "%s/valid_zones", folder);
        r = set_text(path, zone);
        snprintf(path, sizeof(path), "%s/state", folder);
        return r < 0 ? r : set_text(path, "online");
}

static void record(const char *what, const char *word, int error)
{
        char line[TEXT_MAX * 2], path[PATH_MAX];
        _cleanup_close_ int fd =
                open(testbed_file("writes", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        int n = snprintf(line, sizeof(line), "%s %s %d\n", what, word, error);

        if (fd < 0 || next_write(fd, line, (size_t) n) != n)
                die("cannot record a write");
}

/* The kernel's rules for daxX.Y/state (7.3). */
static int set_dax(const char *path, const char *word)
{
        char state[TEXT_MAX];
        int r = wait_while_held(MOCK_DAX);

        if (r >= 0)
                r = play_fault(MOCK_DAX);
        if (r >= 0)
                r = read_text(path, state);
        if (r < 0)
                return r;
        if (strcmp(word, "offline") == 0)
                return -EINVAL;
        if (strcmp(word, "unplugged") != 0 && strcmp(state, "unplugged") != 0)
                return -EBUSY;
        return set_text(path, word);
}

/* The driver of a dax device takes it, as while auto_online_blocks is "offline" (7.3). */
static int set_driver(const char *verb, const char *name)
{
        char state[PATH_MAX], path[TEXT_MAX + 32];
        int r = wait_while_held(MOCK_DAX);

        if (r >= 0)
                r = play_fault(MOCK_DAX);
        snprintf(path, sizeof(path), "/sys/bus/dax/devices/%s/state", name);
        return r < 0 || strcmp(verb, "bind") != 0 ?
                       r :
                       set_text(testbed_file(path + 1, state), "offline");
}

/* What the write does and is answered with, or 1 when it is none of the mock's. */
static int play_write(const char *path, const char *word)
{
        char what[TEXT_MAX];
        const char *full = path;
        unsigned block;
        int end = 0, r;

        if (strncmp(path, "/sys/", 5) == 0)
                die("a write to the real /sys");
        if (strncmp(path, testbed, strlen(testbed)) != 0)
                return 1;
        path += strlen(testbed);
        if (sscanf(path, "/sys/bus/dax/devices/%31[^/]/state%n", what, &end) == 1 && end > 0) {
                r = set_dax(full, word);
                record(what, word, -r);
                return r;
        }
        if (sscanf(path, "/sys/bus/dax/drivers/kmem/%31s%n", what, &end) == 1 && !path[end]) {
                r = set_driver(what, word);
                record(word, what, -r);
                return r;
        }
        if (strncmp(path, MEMORY_FOLDER, strlen(MEMORY_FOLDER)) != 0)
                return 1;
        path += strlen(MEMORY_FOLDER);
        if (sscanf(path, "memory%u/state%n", &block, &end) != 1 || end == 0)
                return 1;

        /* What follows is " (deleted)": the block went while the file was open. */
        r = path[end] ? -ENODEV : set_block(block, word);
        snprintf(what, sizeof(what), "memory%u", block);
        record(what, word, -r);
        return r;
}

static bool ends_with(const char *path, const char *end)
{
        size_t n = strlen(path), n_end = strlen(end);

        return n >= n_end && strcmp(path + n - n_end, end) == 0;
}

ssize_t write(int fd, const void *data, size_t size);

ssize_t write(int fd, const void *data, size_t size)
{
        char path[PATH_MAX], word[TEXT_MAX];
        int r;

        if (!next_write)
                next_write = (Write) dlsym(RTLD_NEXT, "write");
        if (!*testbed || !real_path(fd, path))
                return next_write(fd, data, size);

        snprintf(word, sizeof(word), "%.*s", (int) MIN(size, sizeof(word) - 1),
                 (const char *) data);
        word[strcspn(word, "\n")] = 0;
        r = play_write(path, word);
        if (r > 0 && ends_with(path, "/auto_online_blocks"))
                r = set_text(path, word);
        if (r > 0)
                return next_write(fd, data, size);
        errno = -r;
        return r < 0 ? -1 : (ssize_t) size;
}

/* What sd_journal_sendv() calls. Without the file it fails, and memoryd writes to stderr. */
int sd_journal_sendv_with_location(const char *file, const char *line, const char *function,
                                   const struct iovec *iov, int n);

int sd_journal_sendv_with_location(const char *file, const char *line, const char *function,
                                   const struct iovec *iov, int n)
{
        char path[PATH_MAX];
        int fd = open(testbed_file("journal/fields", path), O_WRONLY | O_APPEND | O_CLOEXEC);

        (void) file, (void) line, (void) function;
        if (fd < 0)
                return -errno;
        for (int i = 0; i < n; i++)
                if (next_write(fd, iov[i].iov_base, iov[i].iov_len) < 0 ||
                    next_write(fd, "", 1) < 0)
                        die("cannot write the journal");
        close(fd);
        return 0;
}

/* What /proc tells of memory. memoryd opens it below the folder, which umockdev does not redirect. */
static bool is_of_testbed(int fd, const char *name)
{
        char folder[PATH_MAX];

        return (strcmp(name, "iomem") == 0 || strcmp(name, "zoneinfo") == 0 ||
                strcmp(name, "cmdline") == 0 || strcmp(name, "pressure/memory") == 0 ||
                strcmp(name, "kpageflags") == 0 || strcmp(name, "kpagecount") == 0) &&
               real_path(fd, folder) && strcmp(folder, "/proc") == 0;
}

int openat(int fd, const char *path, int flags, ...);

int openat(int fd, const char *path, int flags, ...)
{
        static OpenAt next_openat;
        char name[32], own[PATH_MAX];
        mode_t mode = 0;
        va_list more;

        if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
                va_start(more, flags);
                mode = va_arg(more, mode_t);
                va_end(more);
        }
        if (!next_openat)
                next_openat = (OpenAt) dlsym(RTLD_NEXT, "openat");
        if (!*testbed || !is_of_testbed(fd, path))
                return next_openat(fd, path, flags, mode);
        snprintf(name, sizeof(name), "proc/%s", path);
        return open(testbed_file(name, own), flags);
}

/* What openat() without a mode becomes in a memoryd that was built with _FORTIFY_SOURCE, as packages are. */
int __openat_2(int fd, const char *path, int flags);

int __openat_2(int fd, const char *path, int flags)
{
        return openat(fd, path, flags);
}
