/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "daemon/testbed.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <umockdev.h>

#define NODES_MAX 8
#define ROOM_TIMEOUT_MSEC 60000
#define RANGES_MAX 16

static UMockdevTestbed *testbed;
static char root[PATH_MAX];
static bool cpu_nodes[NODES_MAX];
static unsigned n_removed;

/* Of /proc/iomem, by address. */
static struct {
        unsigned first, n, n_removed;
        const char *device;
} ranges[RANGES_MAX];
static unsigned n_ranges;

static void path_format(char path[static PATH_MAX], const char *relative)
{
        int n = snprintf(path, PATH_MAX, "%s/%s", root, relative);

        ck_assert_int_lt(n, PATH_MAX);
}

/* The guard: no test goes on when /sys is not the testbed's. */
static void assert_in_testbed(void)
{
        char text[32] = "", path[PATH_MAX];
        FILE *file;

        ck_assert_msg(umockdev_in_mock_environment(), "run this under umockdev-wrapper");
        testbed_write(TESTBED_MEMORY "/block_size_bytes", TESTBED_BLOCK_TEXT);
        file = fopen("/" TESTBED_MEMORY "/block_size_bytes", "re");
        ck_assert_ptr_nonnull(file);
        ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
        fclose(file);
        ck_assert_str_eq(text, TESTBED_BLOCK_TEXT "\n");

        path_format(path, TESTBED_MEMORY "/block_size_bytes");
        ck_assert_int_ge(unlink(path), 0);
        path_format(path, TESTBED_MEMORY);
        ck_assert_int_ge(rmdir(path), 0);
}

/* The kernel's log of the testbed is a pipe. Without it, memoryd would read that of this machine. */
static int klog_fd = -EBADF;

static void make_klog(void)
{
        char path[PATH_MAX];

        testbed_make_folder("dev");
        path_format(path, "dev/kmsg");
        ck_assert_int_ge(mkfifo(path, 0600), 0);
        klog_fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(klog_fd, 0);
}

void testbed_log(const char *record)
{
        ck_assert_int_eq(write(klog_fd, record, strlen(record)), (ssize_t) strlen(record));
}

void testbed_new(void)
{
        char *dir;

        umask(022);
        testbed = umockdev_testbed_new();
        dir = umockdev_testbed_get_root_dir(testbed);
        ck_assert_ptr_nonnull(realpath(dir, root));
        g_free(dir);
        memset(cpu_nodes, 0, sizeof(cpu_nodes));
        n_ranges = 0;
        make_klog();

        /* The user that memoryd becomes has to read it. */
        ck_assert_int_ge(chmod(root, 0755), 0);
        assert_in_testbed();
}

void testbed_free(void)
{
        g_object_unref(testbed);
        testbed = NULL;
        close(klog_fd);
}

const char *testbed_dir(void)
{
        return root;
}

void testbed_add_machine(void)
{
        testbed_write(TESTBED_MEMORY "/block_size_bytes", TESTBED_BLOCK_TEXT);
        testbed_write(TESTBED_MEMORY "/auto_online_blocks", "offline");
        testbed_add_node(0, true);
        testbed_add_online_blocks(0, 8, "Normal");
        testbed_link_blocks(0, 8, 0);
}

void testbed_make_folder(const char *path)
{
        char full[PATH_MAX];

        path_format(full, path);
        for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = 0;
                ck_assert(mkdir(full, 0755) >= 0 || errno == EEXIST);
                *slash = '/';
        }
        ck_assert(mkdir(full, 0755) >= 0 || errno == EEXIST);
}

void testbed_write_bytes(const char *path, const char *bytes, size_t n)
{
        char full[PATH_MAX], temporary[PATH_MAX], folder[PATH_MAX];
        FILE *file;

        strcpy(folder, path);
        *strrchr(folder, '/') = 0;
        testbed_make_folder(folder);

        path_format(full, path);
        path_format(temporary, "new");
        file = fopen(temporary, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_ge(rename(temporary, full), 0);
}

void testbed_write(const char *path, const char *text)
{
        size_t n = strlen(text);
        _cleanup_free_ char *line = malloc(n + 2);

        ck_assert_ptr_nonnull(line);
        snprintf(line, n + 2, "%s%s", text, *text ? "\n" : "");
        testbed_write_bytes(path, line, strlen(line));
}

void testbed_overwrite(const char *path, const char *text)
{
        char full[PATH_MAX];
        FILE *file;

        path_format(full, path);
        file = fopen(full, "r+e");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fprintf(file, "%s\n", text), 0);
        ck_assert_int_eq(fflush(file), 0);
        ck_assert_int_ge(ftruncate(fileno(file), (off_t) strlen(text) + 1), 0);
        ck_assert_int_eq(fclose(file), 0);
}

bool testbed_reads(const char *path, const char *text)
{
        char full[PATH_MAX], found[256];
        size_t n;
        FILE *file;

        path_format(full, path);
        file = fopen(full, "re");
        if (!file)
                return false;
        n = fread(found, 1, sizeof(found) - 1, file);
        fclose(file);
        if (n > 0 && found[n - 1] == '\n')
                n--;
        found[n] = 0;
        return strcmp(found, text) == 0;
}

bool testbed_has_line(const char *path, const char *beginning, const char *end)
{
        char full[PATH_MAX], line[256];
        bool found = false;
        FILE *file;

        path_format(full, path);
        file = fopen(full, "re");
        while (file && !found && fgets(line, sizeof(line), file)) {
                size_t n = strcspn(line, "\n");

                line[n] = 0;
                found = strncmp(line, beginning, strlen(beginning)) == 0 && n >= strlen(end) &&
                        strcmp(line + n - strlen(end), end) == 0;
        }
        if (file)
                fclose(file);
        return found;
}

void testbed_remove(const char *path)
{
        char full[PATH_MAX];

        path_format(full, path);
        ck_assert_int_ge(unlink(full), 0);
}

void testbed_cut(const char *path, unsigned n)
{
        char full[PATH_MAX];
        struct stat st;

        path_format(full, path);
        ck_assert_int_ge(stat(full, &st), 0);
        ck_assert_int_ge(truncate(full, st.st_size - n), 0);
}

/* /proc/iomem */

/* A range in lines of at most this. */
#define LINES_MAX 128

static int format_range(unsigned i, char *text)
{
        unsigned long long first = ranges[i].first * TESTBED_BLOCK_BYTES,
                           last = first + ranges[i].n * TESTBED_BLOCK_BYTES - 1;
        const char *device = ranges[i].device;

        if (device)
                return sprintf(text, "%08llx-%08llx : %s\n  %08llx-%08llx : System RAM (%s)\n",
                               first, last, device, first, last,
                               strncmp(device, "dax", 3) == 0 ? "kmem" : "virtio_mem");
        return sprintf(text, "%08llx-%08llx : System RAM\n%s", first, last,
                       first == 0 ? "  01000000-01ffffff : Kernel code\n" : "");
}

/* memoryd has it open: it has to stay the same file. What is read twice alike is whole. */
static void write_iomem(void)
{
        char text[RANGES_MAX * LINES_MAX], full[PATH_MAX];
        _cleanup_close_ int fd = -EBADF;
        int n = 0;

        for (unsigned i = 0; i < n_ranges; i++)
                n += format_range(i, text + n);
        testbed_make_folder("proc");
        path_format(full, "proc/iomem");
        fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pwrite(fd, text, (size_t) n, 0), n);
        ck_assert_int_ge(ftruncate(fd, n), 0);
}

static unsigned find_range(unsigned block)
{
        unsigned i = 0;

        while (i < n_ranges && ranges[i].first + ranges[i].n <= block)
                i++;
        return i;
}

static bool is_in_range(unsigned i, unsigned block)
{
        return i < n_ranges && ranges[i].first <= block;
}

void testbed_add_iomem(unsigned first, unsigned n, const char *device)
{
        unsigned at = find_range(first);

        ck_assert_uint_lt(n_ranges, RANGES_MAX);
        ck_assert(!is_in_range(at, first + n - 1));
        memmove(ranges + at + 1, ranges + at, (n_ranges++ - at) * sizeof(ranges[0]));
        ranges[at].first = first;
        ranges[at].n = n;
        ranges[at].n_removed = 0;
        ranges[at].device = device;
        write_iomem();
}

static void remove_from_iomem(unsigned block)
{
        unsigned at = find_range(block);

        if (!is_in_range(at, block) || ++ranges[at].n_removed < ranges[at].n)
                return;
        memmove(ranges + at, ranges + at + 1, (--n_ranges - at) * sizeof(ranges[0]));
        write_iomem();
}

void testbed_add_node(unsigned node, bool has_cpu)
{
        char path[64], list[64] = "";

        ck_assert_uint_lt(node, NODES_MAX);
        snprintf(path, sizeof(path), TESTBED_NODE "/node%u", node);
        testbed_make_folder(path);
        cpu_nodes[node] = has_cpu;
        for (unsigned i = 0; i < NODES_MAX; i++)
                if (cpu_nodes[i])
                        sprintf(list + strlen(list), "%s%u", *list ? "," : "", i);
        testbed_write(TESTBED_NODE "/has_cpu", list);
}

static void make_link(const char *target, const char *path)
{
        char full[PATH_MAX];

        path_format(full, path);
        ck_assert_int_ge(symlink(target, full), 0);
}

void testbed_make_link(const char *target, const char *path)
{
        char folder[PATH_MAX];

        snprintf(folder, sizeof(folder), "%.*s", (int) (strrchr(path, '/') - path), path);
        testbed_make_folder(folder);
        make_link(target, path);
}

static void fill_block(const char *folder, const char *state, const char *zones)
{
        static const char *const names[] = { "state", "valid_zones", "uevent" };
        const char *const texts[] = { state, zones, "" };
        char path[128];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                testbed_write(path, texts[i]);
        }
        snprintf(path, sizeof(path), "%s/subsystem", folder);
        make_link("../../../../bus/memory", path);
}

#define BUS_FOLDER "sys/bus/memory/devices"

/* By which libudev finds it. */
static void link_to_bus(unsigned block)
{
        char path[64], target[64];

        testbed_make_folder(BUS_FOLDER);
        snprintf(path, sizeof(path), BUS_FOLDER "/memory%u", block);
        snprintf(target, sizeof(target), "../../../devices/system/memory/memory%u", block);
        make_link(target, path);
}

/* The folder appears with all that is in it. */
static void add_block(unsigned block, const char *state, const char *zones)
{
        char path[64], from[PATH_MAX], to[PATH_MAX];

        fill_block("stage", state, zones);
        path_format(from, "stage");
        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u", block);
        path_format(to, path);
        ck_assert_int_ge(rename(from, to), 0);
        link_to_bus(block);
}

void testbed_fill_block(const char *device)
{
        char path[64];

        snprintf(path, sizeof(path), TESTBED_MEMORY "/%s", device);
        fill_block(path, "offline", "Normal Movable");
}

static void add_blocks(unsigned first, unsigned n, const char *state, const char *zones)
{
        if (!is_in_range(find_range(first), first))
                testbed_add_iomem(first, n, NULL);
        for (unsigned i = 0; i < n; i++)
                add_block(first + i, state, zones);
}

void testbed_add_blocks(unsigned first, unsigned n)
{
        add_blocks(first, n, "offline", "Normal Movable");
}

void testbed_add_online_blocks(unsigned first, unsigned n, const char *zone)
{
        add_blocks(first, n, "online", zone);
}

void testbed_link_blocks(unsigned first, unsigned n, unsigned node)
{
        char target[64], path[128];

        for (unsigned block = first; block < first + n; block++) {
                snprintf(target, sizeof(target), "../../memory/memory%u", block);
                snprintf(path, sizeof(path), TESTBED_NODE "/node%u/memory%u", node, block);
                make_link(target, path);
                snprintf(target, sizeof(target), "../../node/node%u", node);
                snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/node%u", block, node);
                make_link(target, path);
        }
}

#define ACPI_FOLDER "sys/bus/acpi/devices"

void testbed_begin_acpi(const char *device)
{
        char path[128];

        snprintf(path, sizeof(path), ACPI_FOLDER "/%s/status", device);
        testbed_write(path, "15");
}

void testbed_end_acpi(const char *device, unsigned first, unsigned n)
{
        char path[128], target[128];

        for (unsigned block = first; block < first + n; block++) {
                snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/firmware_node", block);
                snprintf(target, sizeof(target), "../../../LNXSYSTM:00/LNXSYBUS:00/%s", device);
                make_link(target, path);
        }
        snprintf(path, sizeof(path), ACPI_FOLDER "/%s/physical_node", device);
        snprintf(target, sizeof(target), "../../../../devices/system/memory/memory%u", first);
        make_link(target, path);
}

/* Kept out of sight, so that a block that comes back has another inode, as in sysfs. */
void testbed_remove_blocks(unsigned first, unsigned n)
{
        char path[128], from[PATH_MAX], to[PATH_MAX];

        testbed_make_folder("removed");
        for (unsigned block = first; block < first + n; block++) {
                for (unsigned node = 0; node < NODES_MAX; node++) {
                        snprintf(path, sizeof(path), TESTBED_NODE "/node%u/memory%u", node, block);
                        path_format(from, path);
                        (void) unlink(from);
                }
                snprintf(path, sizeof(path), BUS_FOLDER "/memory%u", block);
                path_format(from, path);
                ck_assert_int_ge(unlink(from), 0);
                snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u", block);
                path_format(from, path);
                snprintf(path, sizeof(path), "removed/%u", n_removed++);
                path_format(to, path);
                ck_assert_int_ge(rename(from, to), 0);
                remove_from_iomem(block);
        }
}

void testbed_set_block(unsigned block, const char *zone)
{
        char path[64];

        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/valid_zones", block);
        testbed_write(path, zone ?: "Normal Movable");
        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/state", block);
        testbed_write(path, zone ? "online" : "offline");
}

bool testbed_block_is(unsigned block, const char *state, const char *zones)
{
        char path[64];

        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/state", block);
        if (!testbed_reads(path, state))
                return false;
        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/valid_zones", block);
        return testbed_reads(path, zones);
}

void testbed_assert_zones(unsigned first, unsigned n_kernel, unsigned n_movable)
{
        for (unsigned i = 0; i < n_kernel + n_movable; i++)
                ck_assert_msg(
                        testbed_block_is(first + i, "online", i < n_kernel ? "Normal" : "Movable"),
                        "memory%u is not as it should be", first + i);
}

/* Waits until a listener's queue has room: umockdev does not, and gives up. */
static void wait_for_room(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

        ck_assert_int_ge(fd, 0);
        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        /* Refused: the listener is gone, which umockdev copes with. */
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) >= 0)
                ck_assert_int_gt(poll(&poll_fd, 1, ROOM_TIMEOUT_MSEC), 0);
}

static void wait_for_listeners(void)
{
        char pattern[PATH_MAX];
        glob_t found = {};

        path_format(pattern, "event[0-9]*");
        if (glob(pattern, 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        wait_for_room(found.gl_pathv[i]);
        globfree(&found);
}

void testbed_event(const char *action, const char *device)
{
        char path[128];

        snprintf(path, sizeof(path), "/" TESTBED_MEMORY "/%s", device);
        wait_for_listeners();
        umockdev_testbed_uevent(testbed, path, action);
}

void testbed_events(const char *action, unsigned first, unsigned n)
{
        char device[32];

        for (unsigned block = first; block < first + n; block++) {
                snprintf(device, sizeof(device), "memory%u", block);
                testbed_event(action, device);
        }
}

void testbed_tell(unsigned first, unsigned n, const char *properties)
{
        char path[64];

        for (unsigned block = first; block < first + n; block++) {
                snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/uevent", block);
                testbed_write(path, properties);
        }
}

void testbed_add_dimm(unsigned first, unsigned n, unsigned node)
{
        testbed_add_blocks(first, n);
        testbed_link_blocks(first, n, node);
        testbed_events("add", first, n);
}

void testbed_set_fault(unsigned block, int error, int times, unsigned delay_msec)
{
        char path[32], text[64];

        snprintf(path, sizeof(path), "faults/%u", block);
        snprintf(text, sizeof(text), "%d %d %u", error, times, delay_msec);
        testbed_write(path, text);
}

void testbed_hold(unsigned block, unsigned n_before)
{
        char path[32], full[PATH_MAX], text[16];

        testbed_make_folder("waiting");
        snprintf(path, sizeof(path), "waiting/%u", block);
        path_format(full, path);
        (void) unlink(full); /* of an earlier hold */
        snprintf(path, sizeof(path), "held/%u", block);
        snprintf(text, sizeof(text), "%u", n_before);
        testbed_write(path, text);
}

bool testbed_is_waiting(unsigned block)
{
        char path[32], full[PATH_MAX];

        snprintf(path, sizeof(path), "waiting/%u", block);
        path_format(full, path);
        return access(full, F_OK) >= 0;
}

void testbed_let_go(unsigned block)
{
        char path[32];

        snprintf(path, sizeof(path), "held/%u", block);
        testbed_remove(path);
}

static FILE *open_writes(void)
{
        char path[PATH_MAX];

        path_format(path, "writes");
        return fopen(path, "re");
}

unsigned testbed_count_writes(const char *beginning)
{
        FILE *file = open_writes();
        unsigned n = 0;
        char line[128];

        if (!file)
                return 0;
        while (fgets(line, sizeof(line), file))
                n += strncmp(line, beginning, strlen(beginning)) == 0;
        fclose(file);
        return n;
}

bool testbed_get_write(unsigned i, char line[static 64])
{
        FILE *file = open_writes();
        bool found = file;

        for (unsigned n = 0; found && n <= i; n++)
                found = fgets(line, 64, file);
        if (file)
                fclose(file);
        return found;
}

int testbed_watch_zones(unsigned block)
{
        char path[64];

        snprintf(path, sizeof(path), TESTBED_MEMORY "/memory%u/valid_zones", block);
        return testbed_watch(path);
}

int testbed_watch(const char *path)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        char full[PATH_MAX];

        ck_assert_int_ge(fd, 0);
        path_format(full, path);
        ck_assert_int_ge(inotify_add_watch(fd, full, IN_OPEN), 0);
        return fd;
}

unsigned testbed_count_opened(int watch_fd)
{
        struct inotify_event events[64];
        ssize_t n = read(watch_fd, events, sizeof(events));

        return n < 0 ? 0 : (unsigned) ((size_t) n / sizeof(events[0]));
}
