/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "sysfs_fixture.h"

#include <sys/inotify.h>

static SysfsFixture fixture;

static void setup(void)
{
        sysfs_fixture_init(&fixture);
}

static void teardown(void)
{
        sysfs_fixture_done(&fixture);
}

/* sysfs_open */

START_TEST(a_kernel_without_memory_blocks_is_enoent)
{
        Sysfs sysfs = SYSFS_CLOSED;

        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH));
        ck_assert_int_eq(sysfs_open(fixture.root, &sysfs), -ENOENT);
        ck_assert_int_eq(sysfs.memory_fd, -EBADF);
}
END_TEST

START_TEST(a_root_that_is_too_long_is_refused)
{
        char root[PATH_MAX + 1];
        Sysfs sysfs = SYSFS_CLOSED;

        memset(root, '/', sizeof(root) - 1);
        root[sizeof(root) - 1] = 0;
        ck_assert_int_eq(sysfs_open(root, &sysfs), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_closed_tree_can_be_closed_again)
{
        Sysfs sysfs;

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_ge(sysfs.memory_fd, 0);
        ck_assert_int_ge(sysfs.node_fd, 0);
        ck_assert_int_ge(sysfs.proc_fd, 0);
        sysfs_close(&sysfs);
        ck_assert_int_eq(sysfs.memory_fd, -EBADF);
        sysfs_close(&sysfs);
}
END_TEST

/* /proc/iomem */

static const char iomem_line[] = "00001000-0009fbff : System RAM\n";

static void assert_iomem(const Sysfs *sysfs, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        ck_assert_int_eq(sysfs_read_iomem(sysfs, &text), 0);
        ck_assert_str_eq(text, expected);
}

START_TEST(iomem_is_read_as_it_is_by_then)
{
        const size_t n = 1000, size = sizeof(iomem_line) - 1;
        _cleanup_free_ char *text = calloc(n, size + 1);
        Sysfs sysfs;

        sysfs_fixture_write(&fixture, "", "proc/iomem");
        sysfs_fixture_open(&fixture, &sysfs);
        assert_iomem(&sysfs, "");
        for (size_t i = 0; i < n; i++)
                memcpy(text + i * size, iomem_line, size);
        sysfs_fixture_write(&fixture, text, "proc/iomem");
        assert_iomem(&sysfs, text);
        assert_iomem(&sysfs, text);
        sysfs_fixture_write(&fixture, iomem_line, "proc/iomem");
        assert_iomem(&sysfs, iomem_line);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_missing_iomem_is_enoent)
{
        char *text = NULL;
        Sysfs sysfs;

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_lt(sysfs.iomem_fd, 0);
        ck_assert_int_eq(sysfs_read_iomem(&sysfs, &text), -ENOENT);
        sysfs_close(&sysfs);
}
END_TEST

/* Only reads of the machine's own file, which every user may open. */
START_TEST(only_the_kernels_own_iomem_is_adopted)
{
        Sysfs sysfs = SYSFS_CLOSED;
        struct stat before, after;
        int fd;

        sysfs.iomem_fd = open("/proc/iomem", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(sysfs.iomem_fd, 0);

        sysfs_fixture_write(&fixture, iomem_line, "proc/iomem");
        fd = open(sysfs_fixture_path(&fixture, "proc/iomem"), O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), -EINVAL);
        close(fd);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), -EBADF);
        fd = open("/proc/ioports", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), -EINVAL);
        close(fd);

        fd = open("/proc/iomem", O_RDONLY);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), 0);
        ck_assert_int_eq(fstat(fd, &before), 0);
        close(fd);
        ck_assert_int_eq(fstat(sysfs.iomem_fd, &after), 0);
        ck_assert_uint_eq(before.st_ino, after.st_ino);
        ck_assert_int_eq(fcntl(sysfs.iomem_fd, F_GETFD), FD_CLOEXEC);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(what_cannot_be_adopted_changes_nothing)
{
        Sysfs sysfs;
        int fd = open("/proc/iomem", O_RDONLY | O_CLOEXEC);

        /* A tree without one, or with another: it is not the running system's. */
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), -EBADF);
        sysfs_close(&sysfs);

        sysfs_fixture_write(&fixture, iomem_line, "proc/iomem");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_adopt_iomem(&sysfs, fd), -EINVAL);
        assert_iomem(&sysfs, iomem_line);
        sysfs_close(&sysfs);
        close(fd);
}
END_TEST

/* block_size_bytes */

static const struct {
        const char *text;
        int result;
        uint64_t bytes;
} size_cases[] = {
        { "8000000\n", 0, UINT64_C(128) << 20 },
        { "80000000\n", 0, UINT64_C(2) << 30 },
        { "1000000", 0, UINT64_C(16) << 20 },
        { "1000\n", 0, 4096 },
        { "8000000000000000\n", 0, UINT64_C(1) << 63 },
        { "", -EBADMSG, 0 },
        { "\n", -EBADMSG, 0 },
        { "0\n", -EBADMSG, 0 },
        { "800\n", -EBADMSG, 0 },
        { "8000001\n", -EBADMSG, 0 },
        { "3000000\n", -EBADMSG, 0 },
        { "10000000000000000\n", -EBADMSG, 0 },
        { "0x8000000\n", -EBADMSG, 0 },
        { "-8000000\n", -EBADMSG, 0 },
        { "8000000 \n", -EBADMSG, 0 },
        { " 8000000\n", -EBADMSG, 0 },
        { "8000000\n\n", -EBADMSG, 0 },
        { "128M\n", -EBADMSG, 0 },
};

START_TEST(the_block_size_is_hexadecimal_and_a_power_of_two)
{
        uint64_t bytes = 7;
        Sysfs sysfs;

        sysfs_fixture_write(&fixture, size_cases[_i].text, MEMORY_PATH "/block_size_bytes");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_block_size(&sysfs, &bytes), size_cases[_i].result);
        ck_assert_uint_eq(bytes, size_cases[_i].result == 0 ? size_cases[_i].bytes : 7);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_missing_block_size_is_enoent)
{
        uint64_t bytes;
        Sysfs sysfs;

        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/block_size_bytes"));
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_block_size(&sysfs, &bytes), -ENOENT);
        sysfs_close(&sysfs);
}
END_TEST

/* Lists */

static uint64_t inode_of(const char *path)
{
        struct stat st;

        ck_assert_msg(stat(path, &st) >= 0, "%s: %m", path);
        return st.st_ino;
}

START_TEST(blocks_are_listed_by_number_and_junk_is_not)
{
        static const char *const junk[] = {
                "memory",    "memoryX",          "memory1x", "memory-1", "memory+1", "memory 1",
                "memory1.5", "memory4294967296", "Memory1",  "xmemory1", "node1",    "power",
        };
        static const uint32_t ids[] = { 0, 2, 9, 10, 100, UINT32_MAX };
        Entry *entries = NULL;
        size_t n = 0;
        Sysfs sysfs;

        for (size_t i = 0; i < ELEMENTSOF(junk); i++)
                sysfs_fixture_write(&fixture, "online\n", MEMORY_PATH "/%s/state", junk[i]);
        for (size_t i = ELEMENTSOF(ids); i-- > 0;)
                sysfs_fixture_set_block(&fixture, ids[i], "online\n", NULL);

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_list_numbered(&sysfs, sysfs.memory_fd, ".", "memory", &entries, &n),
                         0);
        ck_assert_uint_eq(n, ELEMENTSOF(ids));
        for (size_t i = 0; i < n; i++) {
                const char *path = sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u", ids[i]);

                ck_assert_uint_eq(entries[i].id, ids[i]);
                ck_assert_uint_eq(entries[i].inode, inode_of(path));
        }
        free(entries);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(many_blocks_are_listed_and_none_is)
{
        Entry *entries = NULL;
        size_t n = 7;
        Sysfs sysfs;

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_list_numbered(&sysfs, sysfs.memory_fd, ".", "memory", &entries, &n),
                         0);
        ck_assert_uint_eq(n, 0);
        free(entries);

        for (uint32_t i = 0; i < 300; i++)
                sysfs_fixture_set_block(&fixture, i, "online\n", NULL);
        ck_assert_int_eq(sysfs_list_numbered(&sysfs, sysfs.memory_fd, ".", "memory", &entries, &n),
                         0);
        ck_assert_uint_eq(n, 300);
        for (uint32_t i = 0; i < 300; i++)
                ck_assert_uint_eq(entries[i].id, i);
        free(entries);
        sysfs_close(&sysfs);
}
END_TEST

/* Watching who opens valid_zones: a mere look at it takes hotplug down on a real kernel */

static int watch_file(const char *path)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_msg(inotify_add_watch(fd, path, IN_OPEN) >= 0, "%s: %m", path);
        return fd;
}

static int watch_zones(uint32_t block)
{
        return watch_file(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u/valid_zones", block));
}

/* Whether it was opened since. */
static bool was_opened(int fd)
{
        char event[sizeof(struct inotify_event) + NAME_MAX + 1]
                __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(fd, event, sizeof(event));

        ck_assert(n > 0 || errno == EAGAIN);
        close(fd);
        return n > 0;
}

/* sysfs_read_block */

typedef struct BlockCase {
        const char *state;
        const char *zones; /* NULL: no such file */
        int result;
        const char *attribute; /* named when it makes no sense */
        BlockState block_state;
        const char *block_zones;
} BlockCase;

static const BlockCase block_cases[] = {
        { "offline\n", "Normal Movable\n", 1, NULL, BLOCK_OFFLINE, "Normal Movable" },
        { "offline\n", "Movable Normal\n", 1, NULL, BLOCK_OFFLINE, "Movable Normal" },
        { "offline", "Normal", 1, NULL, BLOCK_OFFLINE, "Normal" },
        { "online\n", "Normal\n", 1, NULL, BLOCK_ONLINE, "Normal" },
        { "online\n", "Movable\n", 1, NULL, BLOCK_ONLINE, "Movable" },
        { "online\n", "none\n", 1, NULL, BLOCK_ONLINE, "none" },
        { "going-offline\n", "Movable\n", 1, NULL, BLOCK_GOING_OFFLINE, "Movable" },

        /* no CONFIG_MEMORY_HOTREMOVE */
        { "online\n", NULL, 1, NULL, BLOCK_ONLINE, "none" },

        { "", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "Online\n", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "online \n", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "online\n\n", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "online_movable\n", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "ERROR-UNKNOWN-4\n", "Normal\n", -EBADMSG, "state", 0, NULL },
        { "online\n", "Weird\n", -EBADMSG, "valid_zones", 0, NULL },
        { "online\n", "Normal Normal\n", -EBADMSG, "valid_zones", 0, NULL },
        { "online\n", "none Movable\n", -EBADMSG, "valid_zones", 0, NULL },
        { "online\n", "Normal,Movable\n", -EBADMSG, "valid_zones", 0, NULL },
};

START_TEST(a_block_reads_as_the_kernel_shows_it)
{
        const BlockCase *c = &block_cases[_i];
        const char *attribute = NULL;
        Block block, before;
        char zones[ZONE_LIST_STRING_MAX];
        Sysfs sysfs;

        sysfs_fixture_add_block(&fixture, 5, 1, c->state, c->zones);
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        before = block;
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), c->result);
        if (c->result < 0) {
                ck_assert_str_eq(attribute, c->attribute);
                ck_assert_mem_eq(&block, &before, sizeof(block));
        } else {
                ck_assert_int_eq(block.node, 1);
                ck_assert_int_eq(block.state, c->block_state);
                ck_assert_str_eq(zone_list_format(&block.zones, zones), c->block_zones);
                ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        }
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(each_change_of_a_block_is_noticed)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;

        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Normal Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        sysfs_fixture_link(&fixture, 5, 3);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 3);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Movable\n");
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        sysfs_fixture_set_block(&fixture, 5, "online\n", "Movable\n");
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_block_that_is_gone_is_enoent)
{
        const char *attribute;
        ZoneList zones;
        BlockState state;
        Block block;
        Sysfs sysfs;

        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), -ENOENT);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 5, &state, &zones), -ENOENT);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(zones_are_not_opened_before_the_node_link_exists)
{
        static const char *const states[] = { "offline\n", "online\n", "going-offline\n" };
        const char *attribute;
        Block block;
        Sysfs sysfs;
        int watch;

        /* Whoever looked would be refused, too. */
        sysfs_fixture_set_block(&fixture, 5, states[_i], "nonsense\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        watch = watch_zones(5);
        ck_assert_int_ge(sysfs_read_block(&sysfs, &block, &attribute), 0);
        ck_assert(!was_opened(watch));
        ck_assert_int_eq(block.node, NODE_NONE);
        ck_assert_int_eq(block.zones.n_zones, 0);

        /* The counter-proof: the watch sees it as soon as there is a link. */
        sysfs_fixture_link(&fixture, 5, 1);
        watch = watch_zones(5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), -EBADMSG);
        ck_assert(was_opened(watch));
        sysfs_close(&sysfs);
}
END_TEST

/* By the kernel's event, whose blocks have their node by then. */
START_TEST(a_node_that_was_told_is_the_block_s_until_there_is_a_link)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;

        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Normal Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        block.told_node = 2;

        /* Not before it is there itself. */
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        ck_assert_int_eq(block.node, NODE_NONE);
        ck_assert_int_eq(block.zones.n_zones, 0);

        sysfs_fixture_add_node(&fixture, 2);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 2);
        ck_assert_int_eq(block.told_node, 2);
        ck_assert_int_eq(block.zones.n_zones, 2);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);

        /* From then on it is the link that has to be there. */
        sysfs_fixture_link(&fixture, 5, 2);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        ck_assert_int_eq(block.node, 2);
        ck_assert_int_eq(block.told_node, NODE_NONE);
        sysfs_fixture_unlink(&fixture, 5, 2);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, NODE_NONE);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_link_to_another_node_than_was_told_counts)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;

        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Normal Movable\n");
        sysfs_fixture_add_node(&fixture, 2);
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        block.told_node = 2;
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 2);
        sysfs_fixture_link(&fixture, 5, 1);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 1);
        ck_assert_int_eq(block.told_node, NODE_NONE);
        sysfs_close(&sysfs);
}
END_TEST

/* Also where each attribute is read for itself; in a copy of the files they can do no harm. */
START_TEST(zones_read_each_for_itself_are_not_opened_before_the_node_link_exists)
{
        AttributeReading readings[_BLOCK_ATTRIBUTE_MAX];
        Block block;
        Sysfs sysfs;
        int watch;

        sysfs_fixture_set_block(&fixture, 5, "nonsense\n", "Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        watch = watch_zones(5);
        sysfs_read_each(&sysfs, &block, readings);
        ck_assert(!was_opened(watch));
        ck_assert_int_eq(readings[BLOCK_ATTRIBUTE_STATE].error, -EBADMSG);
        ck_assert_str_eq(readings[BLOCK_ATTRIBUTE_STATE].text, "nonsense");
        ck_assert_int_eq(readings[BLOCK_ATTRIBUTE_NODE].error, -ENOENT);
        ck_assert_int_eq(readings[BLOCK_ATTRIBUTE_ZONES].error, -EAGAIN);
        sysfs_close(&sysfs);

        ck_assert_int_eq(sysfs_open_recorded(fixture.root, &sysfs), 0);
        watch = watch_zones(5);
        sysfs_read_each(&sysfs, &block, readings);
        ck_assert(was_opened(watch));
        ck_assert_int_eq(readings[BLOCK_ATTRIBUTE_NODE].error, -ENOENT);
        ck_assert_int_eq(readings[BLOCK_ATTRIBUTE_ZONES].error, 0);
        ck_assert_int_eq(block.zones.n_zones, 1);
        sysfs_close(&sysfs);
}
END_TEST

/* Opening can have effects, of a device say. */
START_TEST(a_recorded_iomem_that_is_a_link_is_not_followed)
{
        Sysfs sysfs;
        int watch;

        sysfs_fixture_add_block(&fixture, 5, 0, "online\n", "Normal\n");
        sysfs_fixture_write(&fixture, "00000000-0fffffff : System RAM\n", "elsewhere");
        sysfs_fixture_write(&fixture, "", "proc/.there");
        ck_assert_int_eq(symlink("../elsewhere", sysfs_fixture_path(&fixture, "proc/iomem")), 0);
        watch = watch_file(sysfs_fixture_path(&fixture, "elsewhere"));
        ck_assert_int_eq(sysfs_open_recorded(fixture.root, &sysfs), 0);
        ck_assert(!was_opened(watch));
        ck_assert_int_lt(sysfs.iomem_fd, 0);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(zones_are_not_opened_when_the_link_is_missing_again)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;
        int watch;

        sysfs_fixture_add_block(&fixture, 5, 1, "offline\n", "Normal Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 1);

        /* Removed and added again: the node folder has no link to it yet. */
        sysfs_fixture_unlink(&fixture, 5, 1);
        watch = watch_zones(5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert(!was_opened(watch));
        ck_assert_int_eq(block.node, NODE_NONE);

        sysfs_fixture_link(&fixture, 5, 2);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 2);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_block_on_two_nodes_counts_on_the_first)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;

        sysfs_fixture_add_block(&fixture, 5, 10, "online\n", "none\n");
        sysfs_fixture_link(&fixture, 5, 2);
        sysfs_fixture_link(&fixture, 5, 3);
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 2);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_node_number_beyond_the_kernels_is_no_node)
{
        const char *attribute;
        Block block;
        Sysfs sysfs;
        int watch;

        sysfs_fixture_add_block(&fixture, 5, NODE_MAX, "offline\n", "Normal\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        watch = watch_zones(5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 0);
        ck_assert(!was_opened(watch));
        ck_assert_int_eq(block.node, NODE_NONE);

        sysfs_fixture_link(&fixture, 5, NODE_MAX - 1);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, NODE_MAX - 1);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(without_a_node_folder_all_is_node_0)
{
        const char *attribute;
        Node *nodes = NULL;
        size_t n = 0;
        Machine machine;
        Block block;
        Sysfs sysfs;

        fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH));
        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Normal Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_lt(sysfs.node_fd, 0);

        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), 1);
        ck_assert_int_eq(block.node, 0);
        ck_assert_uint_eq(block.zones.n_zones, 2);

        ck_assert_int_eq(sysfs_read_nodes(&sysfs, &nodes, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(nodes[0].id, 0);
        ck_assert(nodes[0].has_cpu);
        nodes_free(nodes, n);

        machine_init(&machine);
        ck_assert_int_eq(sysfs_read_links(&sysfs, &machine), 0);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(an_attribute_of_endless_length_is_refused)
{
        const char *attribute = NULL;
        char text[8192];
        Block block;
        Sysfs sysfs;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        sysfs_fixture_add_block(&fixture, 5, 1, text, "Normal\n");
        sysfs_fixture_open(&fixture, &sysfs);
        block_init(&block, 5);
        ck_assert_int_eq(sysfs_read_block(&sysfs, &block, &attribute), -EFBIG);
        ck_assert_str_eq(attribute, "state");
        sysfs_close(&sysfs);
}
END_TEST

/* sysfs_read_outcome */

START_TEST(an_outcome_has_the_zone_of_an_online_block)
{
        char text[ZONE_LIST_STRING_MAX];
        BlockState state = BLOCK_OFFLINE;
        ZoneList zones = {};
        Sysfs sysfs;

        /* Whether its link was seen or not: an online block has its node. */
        sysfs_fixture_set_block(&fixture, 5, "online\n", "Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 5, &state, &zones), 0);
        ck_assert_int_eq(state, BLOCK_ONLINE);
        ck_assert_str_eq(zone_list_format(&zones, text), "Movable");

        sysfs_fixture_set_block(&fixture, 5, "online\n", NULL);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 5, &state, &zones), 0);
        ck_assert_uint_eq(zones.n_zones, 0);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(an_outcome_does_not_open_the_zones_of_a_block_that_is_not_online)
{
        static const struct {
                const char *text;
                BlockState state;
        } states[] = {
                { "offline\n", BLOCK_OFFLINE },
                { "going-offline\n", BLOCK_GOING_OFFLINE },
        };
        BlockState state = BLOCK_ONLINE;
        ZoneList zones;
        Sysfs sysfs;
        int watch;

        sysfs_fixture_add_block(&fixture, 5, 1, states[_i].text, "Normal Movable\n");
        sysfs_fixture_open(&fixture, &sysfs);
        zones_set(&zones, "Movable");
        watch = watch_zones(5);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 5, &state, &zones), 0);
        ck_assert(!was_opened(watch));
        ck_assert_int_eq(state, states[_i].state);
        ck_assert_uint_eq(zones.n_zones, 0);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(an_outcome_that_makes_no_sense_is_refused)
{
        BlockState state = BLOCK_GOING_OFFLINE;
        ZoneList zones;
        Sysfs sysfs;

        zones_set(&zones, "DMA");
        sysfs_fixture_set_block(&fixture, 5, "maybe\n", "Movable\n");
        sysfs_fixture_set_block(&fixture, 6, "online\n", "Maybe\n");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 5, &state, &zones), -EBADMSG);
        ck_assert_int_eq(sysfs_read_outcome(&sysfs, 6, &state, &zones), -EBADMSG);
        ck_assert_int_eq(state, BLOCK_GOING_OFFLINE);
        ck_assert_uint_eq(zones.zones[0], ZONE_DMA);
        sysfs_close(&sysfs);
}
END_TEST

/* sysfs_read_links */

START_TEST(links_give_many_blocks_their_nodes_at_once)
{
        static const struct {
                uint32_t block;
                int32_t node;
        } expected[] = {
                { 0, 0 },         { 1, 0 },         { 2, 0 }, /* on nodes 0 and 1 */
                { 3, 1 },         { 4, NODE_NONE },           /* no link yet */
                { 5, 7 },                                     /* known before, keeps it */
                { 6, NODE_NONE },                             /* on a node beyond the kernel's */
        };
        Machine machine;
        Sysfs sysfs;

        for (uint32_t i = 0; i < ELEMENTSOF(expected); i++)
                sysfs_fixture_set_block(&fixture, i, "online\n", NULL);
        sysfs_fixture_link(&fixture, 0, 0);
        sysfs_fixture_link(&fixture, 1, 0);
        sysfs_fixture_link(&fixture, 2, 1);
        sysfs_fixture_link(&fixture, 2, 0);
        sysfs_fixture_link(&fixture, 3, 1);
        sysfs_fixture_link(&fixture, 5, 1);
        sysfs_fixture_link(&fixture, 6, NODE_MAX);
        sysfs_fixture_write(&fixture, "", NODE_PATH "/node1/memory99");
        sysfs_fixture_write(&fixture, "", NODE_PATH "/node1/memoryX");

        sysfs_fixture_open(&fixture, &sysfs);
        machine_from(&machine, 1 << 27, "?=o5 7=o ?=o");
        ck_assert_int_eq(sysfs_read_links(&sysfs, &machine), 0);
        ck_assert_uint_eq(machine.n_blocks, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_int_eq(machine_find_block(&machine, expected[i].block)->node,
                                 expected[i].node);
        machine_done(&machine);
        sysfs_close(&sysfs);
}
END_TEST

/* auto_online_blocks */

static const struct {
        const char *text;
        int result;
        const char *word;
} auto_online_cases[] = {
        { "offline\n", 0, "offline" },
        { "online\n", 0, "online" },
        { "online_movable\n", 0, "online_movable" },
        { "1234567890123456789012345678901\n", 0, "1234567890123456789012345678901" },
        { "12345678901234567890123456789012\n", -EBADMSG, NULL },
};

START_TEST(auto_online_blocks_is_a_word)
{
        char word[AUTO_ONLINE_WORD_MAX] = "before";
        int result = auto_online_cases[_i].result;
        Sysfs sysfs;

        sysfs_fixture_write(&fixture, auto_online_cases[_i].text,
                            MEMORY_PATH "/auto_online_blocks");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_auto_online(&sysfs, NODE_NONE, word), result);
        ck_assert_str_eq(word, result < 0 ? "before" : auto_online_cases[_i].word);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(auto_online_blocks_may_be_missing)
{
        char word[AUTO_ONLINE_WORD_MAX];
        Sysfs sysfs;

        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH "/auto_online_blocks"));
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_auto_online(&sysfs, NODE_NONE, word), -ENOENT);
        sysfs_close(&sysfs);
}
END_TEST

/* Nodes and zones */

static const struct {
        const char *text; /* of has_cpu, NULL: no such file */
        bool has_cpu[3];  /* nodes 0, 2 and 10 */
} has_cpu_cases[] = {
        { "0\n", { true, false, false } },       { "0,2\n", { true, true, false } },
        { "0-2,10\n", { true, true, true } },    { "10", { false, false, true } },
        { "\n", { false, false, false } },       { "all\n", { false, false, false } },
        { "0,5000\n", { false, false, false } }, { NULL, { false, false, false } },
};

START_TEST(nodes_are_listed_by_number_with_what_has_a_cpu)
{
        static const uint32_t ids[] = { 0, 2, 10 };
        Node *nodes = NULL;
        size_t n = 0;
        Sysfs sysfs;

        sysfs_fixture_add_node(&fixture, 10);
        sysfs_fixture_add_node(&fixture, 0);
        sysfs_fixture_add_node(&fixture, 2);
        sysfs_fixture_add_node(&fixture, NODE_MAX);
        sysfs_fixture_write(&fixture, "", NODE_PATH "/nodeX/cpulist");
        if (has_cpu_cases[_i].text)
                sysfs_fixture_write(&fixture, has_cpu_cases[_i].text, NODE_PATH "/has_cpu");
        else
                fixture_remove(sysfs_fixture_path(&fixture, NODE_PATH "/has_cpu"));

        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_nodes(&sysfs, &nodes, &n), 0);
        ck_assert_uint_eq(n, ELEMENTSOF(ids));
        for (size_t i = 0; i < n; i++) {
                ck_assert_uint_eq(nodes[i].id, ids[i]);
                ck_assert_int_eq(nodes[i].has_cpu, has_cpu_cases[_i].has_cpu[i]);
                ck_assert_ptr_null(nodes[i].distances);
        }
        nodes_free(nodes, n);
        sysfs_close(&sysfs);
}
END_TEST

typedef struct CpuFileCase {
        const char *has_cpu, *cpulist, *cpumap; /* without the newline; NULL: no such file */
        bool expected;
        const char *odd; /* "NAME: TEXT" of each file that makes no sense */
} CpuFileCase;

static const CpuFileCase cpu_file_cases[] = {
        { "", "", "00000000,00000000", false, "" },
        { "1", "", "", true, "" },
        { NULL, NULL, NULL, false, "" },
        { "0", "", "", false, "" },

        /* before late 2016, only the files of the node tell of the CPUs of the boot */
        { "", "4-7", "00000000,000000f0", true, "" },
        { "", "4-7", NULL, true, "" },
        { "", "", "f0", true, "" },
        { NULL, NULL, "1,00000000", true, "" },
        { "0", "1024-8191", "", true, "" },

        /* what makes no sense tells nothing */
        { "all", "", "", false, "has_cpu: all;" },
        { "0-1,5000", "", "", false, "has_cpu: 0-1,5000;" },
        { "all", "1", "1", true, "has_cpu: all;" },
        { "", "4..7", "", false, "node1/cpulist: 4..7;" },
        { "", "4..7", "f0", true, "node1/cpulist: 4..7;" },
        { "", "7-4", "0xf0", false, "node1/cpulist: 7-4;node1/cpumap: 0xf0;" },
        { "1", "x", "g", true, "node1/cpulist: x;node1/cpumap: g;" },
};

static void set_node_file(const char *path, const char *text)
{
        char line[ATTRIBUTE_MAX];

        snprintf(line, sizeof(line), "%s\n", text ? text : "");
        if (text)
                sysfs_fixture_write(&fixture, line, NODE_PATH "/%s", path);
        else
                (void) unlink(sysfs_fixture_path(&fixture, NODE_PATH "/%s", path));
}

/* The files that make no sense: has_cpu and those of node 1. */
static const char *list_odd_files(const Sysfs *sysfs)
{
        static const int32_t nodes[] = { NODE_NONE, 1 };
        static char odd[512];
        ListFault faults[LIST_FAULTS_MAX];
        size_t n = 0;

        odd[0] = 0;
        for (size_t i = 0; i < ELEMENTSOF(nodes); i++)
                for (size_t k = 0, n_odd = sysfs_check_cpus(sysfs, nodes[i], faults); k < n_odd;
                     k++)
                        n += (size_t) snprintf(odd + n, sizeof(odd) - n, "%s: %s;", faults[k].path,
                                               faults[k].text);
        return odd;
}

static bool node_1_has_cpu(const Sysfs *sysfs)
{
        Node *nodes = NULL;
        size_t n = 0;
        bool has_cpu;

        ck_assert_int_eq(sysfs_read_nodes(sysfs, &nodes, &n), 0);
        ck_assert_uint_eq(n, 1);
        has_cpu = nodes[0].has_cpu;
        nodes_free(nodes, n);
        return has_cpu;
}

START_TEST(a_node_has_a_cpu_if_one_of_the_files_says_so)
{
        const CpuFileCase *c = &cpu_file_cases[_i];
        Sysfs sysfs;

        sysfs_fixture_add_node(&fixture, 1);
        set_node_file("has_cpu", c->has_cpu);
        set_node_file("node1/cpulist", c->cpulist);
        set_node_file("node1/cpumap", c->cpumap);
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(node_1_has_cpu(&sysfs), c->expected);
        ck_assert_str_eq(list_odd_files(&sysfs), c->odd);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_list_of_cpus_that_is_too_long_tells_of_cpus)
{
        char text[2 * ATTRIBUTE_MAX];
        Sysfs sysfs;

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = "0,"[i % 2];
        text[sizeof(text) - 1] = 0;
        sysfs_fixture_write(&fixture, text, NODE_PATH "/node1/cpulist");
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert(node_1_has_cpu(&sysfs));
        ck_assert_str_eq(list_odd_files(&sysfs), "");
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_long_text_that_makes_no_sense_is_truncated)
{
        char text[200];
        ListFault faults[LIST_FAULTS_MAX];
        Sysfs sysfs;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        set_node_file("has_cpu", text);
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_uint_eq(sysfs_check_cpus(&sysfs, NODE_NONE, faults), 1);
        ck_assert_uint_eq(strlen(faults[0].text), ATTRIBUTE_TEXT_MAX - 1);
        sysfs_close(&sysfs);
}
END_TEST

START_TEST(a_list_may_end_in_a_nul_byte)
{
        static const char text[] = "0-1\n"; /* and the NUL byte */
        NodeSet set = {};
        Sysfs sysfs;
        FILE *file = fopen(sysfs_fixture_path(&fixture, NODE_PATH "/has_cpu"), "we");

        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(text, 1, sizeof(text), file), sizeof(text));
        ck_assert_int_eq(fclose(file), 0);
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(sysfs_read_node_list(&sysfs, "has_cpu", &set), 0);
        ck_assert(node_set_contains(&set, 1));
        ck_assert_str_eq(list_odd_files(&sysfs), "");
        sysfs_close(&sysfs);
}
END_TEST

static TCase *add_tcase(Suite *suite, const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        suite_add_tcase(suite, tcase);
        return tcase;
}

static void add_machine_tests(Suite *suite)
{
        TCase *open = add_tcase(suite, "open"), *list = add_tcase(suite, "list");
        TCase *files = add_tcase(suite, "files"), *iomem = add_tcase(suite, "iomem");

        tcase_add_test(open, a_kernel_without_memory_blocks_is_enoent);
        tcase_add_test(open, a_root_that_is_too_long_is_refused);
        tcase_add_test(open, a_closed_tree_can_be_closed_again);
        tcase_add_test(open, without_a_node_folder_all_is_node_0);

        tcase_add_test(iomem, iomem_is_read_as_it_is_by_then);
        tcase_add_test(iomem, a_missing_iomem_is_enoent);
        tcase_add_test(iomem, only_the_kernels_own_iomem_is_adopted);
        tcase_add_test(iomem, what_cannot_be_adopted_changes_nothing);

        tcase_add_test(list, blocks_are_listed_by_number_and_junk_is_not);
        tcase_add_test(list, many_blocks_are_listed_and_none_is);
        tcase_add_test(list, links_give_many_blocks_their_nodes_at_once);
        tcase_add_loop_test(list, nodes_are_listed_by_number_with_what_has_a_cpu, 0,
                            ELEMENTSOF(has_cpu_cases));
        tcase_add_loop_test(list, a_node_has_a_cpu_if_one_of_the_files_says_so, 0,
                            ELEMENTSOF(cpu_file_cases));
        tcase_add_test(list, a_list_of_cpus_that_is_too_long_tells_of_cpus);
        tcase_add_test(list, a_long_text_that_makes_no_sense_is_truncated);
        tcase_add_test(list, a_list_may_end_in_a_nul_byte);

        tcase_add_loop_test(files, the_block_size_is_hexadecimal_and_a_power_of_two, 0,
                            ELEMENTSOF(size_cases));
        tcase_add_test(files, a_missing_block_size_is_enoent);
        tcase_add_loop_test(files, auto_online_blocks_is_a_word, 0, ELEMENTSOF(auto_online_cases));
        tcase_add_test(files, auto_online_blocks_may_be_missing);
}

static void add_block_tests(Suite *suite)
{
        TCase *block = add_tcase(suite, "block"), *outcome = add_tcase(suite, "outcome");

        tcase_add_loop_test(block, a_block_reads_as_the_kernel_shows_it, 0,
                            ELEMENTSOF(block_cases));
        tcase_add_test(block, each_change_of_a_block_is_noticed);
        tcase_add_test(block, a_block_that_is_gone_is_enoent);
        tcase_add_loop_test(block, zones_are_not_opened_before_the_node_link_exists, 0, 3);
        tcase_add_test(block, a_node_that_was_told_is_the_block_s_until_there_is_a_link);
        tcase_add_test(block, a_link_to_another_node_than_was_told_counts);
        tcase_add_test(block,
                       zones_read_each_for_itself_are_not_opened_before_the_node_link_exists);
        tcase_add_test(block, a_recorded_iomem_that_is_a_link_is_not_followed);
        tcase_add_test(block, zones_are_not_opened_when_the_link_is_missing_again);
        tcase_add_test(block, a_block_on_two_nodes_counts_on_the_first);
        tcase_add_test(block, a_node_number_beyond_the_kernels_is_no_node);
        tcase_add_test(block, an_attribute_of_endless_length_is_refused);

        tcase_add_test(outcome, an_outcome_has_the_zone_of_an_online_block);
        tcase_add_loop_test(outcome,
                            an_outcome_does_not_open_the_zones_of_a_block_that_is_not_online, 0, 2);
        tcase_add_test(outcome, an_outcome_that_makes_no_sense_is_refused);
}

int main(void)
{
        Suite *suite = suite_create("sysfs");

        add_machine_tests(suite);
        add_block_tests(suite);
        return check_main(suite);
}
