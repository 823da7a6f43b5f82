/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "actuator/actuator.h"
#include "check_main.h"
#include "sysfs_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* How long anything may take that is bound to happen. */
#define DEADLINE_MSEC 60000

/* Longer than any test takes: what has so much time is interrupted for another reason. */
#define ENDLESS_MSEC 3600000

static SysfsFixture fixture;
static int channel = -EBADF, cancel_channel = -EBADF;
static pid_t child = -1;

/* The actuator's loop in a child, on the tree. */
static void serve(void)
{
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
                Sysfs sysfs = SYSFS_CLOSED;
                PageFiles files = PAGE_FILES_CLOSED;
                int r;

                close(fds[0]);
                r = sysfs_open(fixture.root, &sysfs);
                if (r >= 0)
                        page_files_open(&sysfs, &files);
                if (r >= 0)
                        r = actuator_serve(fds[1], &sysfs, &files);
                _exit(-r);
        }
        close(fds[1]);
        channel = fds[0];
}

/* The exit code of the child: the negative of what actuator_serve() returned. */
static int reap(void)
{
        int status = 0;

        ck_assert_int_eq(waitpid(child, &status, 0), child);
        child = -1;
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
}

static void teardown(void)
{
        closep(&channel);
        closep(&cancel_channel);
        channel = cancel_channel = -EBADF;
        if (child > 0)
                (void) reap();
        sysfs_fixture_done(&fixture);
}

static void receive(ActuatorReply *ret)
{
        struct pollfd poller = { .fd = channel, .events = POLLIN };

        ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
        ck_assert_int_eq(actuator_receive(channel, ret), 1);
}

static ActuatorReply ask(const ActuatorRequest *request)
{
        ActuatorReply reply;

        ck_assert_int_eq(actuator_send(channel, request), 0);
        receive(&reply);
        ck_assert_mem_eq(&reply.request, request, sizeof(*request));
        return reply;
}

/* A file of the tree is no attribute: a longer word would keep its end. */
static void empty_state(uint32_t block)
{
        sysfs_fixture_write(&fixture, "", MEMORY_PATH "/memory%u/state", block);
}

START_TEST(a_word_is_written_into_the_state_of_the_block)
{
        const ActuatorRequest request = { .block = 7, .word = (uint32_t) _i };

        sysfs_fixture_set_block(&fixture, 6, "before", NULL);
        sysfs_fixture_set_block(&fixture, 7, "", NULL);
        sysfs_fixture_set_block(&fixture, 70, "before", NULL);
        serve();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory7/state"),
                         online_word_to_string((OnlineWord) _i));
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory6/state"), "before");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory70/state"), "before");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/auto_online_blocks"),
                         "offline\n");
}
END_TEST

START_TEST(a_word_is_written_into_auto_online_blocks)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = NODE_NONE,
                .word = (uint32_t) _i,
        };

        sysfs_fixture_set_block(&fixture, 0, "before", NULL);
        sysfs_fixture_write(&fixture, "", MEMORY_PATH "/auto_online_blocks");
        serve();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/auto_online_blocks"),
                         online_word_to_string((OnlineWord) _i));
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory0/state"), "before");
}
END_TEST

typedef struct WaitCase {
        const char *before;
        OnlineWord word;
        int32_t node;
        bool waits;
} WaitCase;

static const WaitCase wait_cases[] = {
        { "online_movable\n", ONLINE_WORD_OFFLINE, NODE_NONE, true },
        { "online_movable\n", ONLINE_WORD_KERNEL, NODE_NONE, false },
        { "online_movable\n", ONLINE_WORD_OFFLINE, 1, false },
        { "online_kernel\n", ONLINE_WORD_OFFLINE, NODE_NONE, false },
        { "online\n", ONLINE_WORD_OFFLINE, NODE_NONE, false },
        { "offline\n", ONLINE_WORD_OFFLINE, NODE_NONE, false },
};

static const char *state_path(uint32_t block)
{
        return sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u/state", block);
}

/* Gives the state of a block a time of long ago, which a write changes. */
static void make_old(uint32_t block)
{
        ck_assert_int_eq(utimensat(AT_FDCWD, state_path(block), (struct timespec[2]){}, 0), 0);
}

static bool is_new(uint32_t block)
{
        struct stat st;

        ck_assert_int_eq(stat(state_path(block), &st), 0);
        return st.st_mtim.tv_sec > 0;
}

START_TEST(movable_becomes_offline_when_the_kernel_has_added_all)
{
        const WaitCase *c = &wait_cases[_i];
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = c->node,
                .word = (uint32_t) c->word,
        };

        sysfs_fixture_set_block(&fixture, 3, "offline", NULL);
        sysfs_fixture_set_block(&fixture, 7, "online", NULL);
        sysfs_fixture_set_block(&fixture, 8, "online", NULL);
        sysfs_fixture_write(&fixture, c->before, MEMORY_PATH "/auto_online_blocks");
        sysfs_fixture_write(&fixture, "", NODE_PATH "/node1/auto_online_blocks");
        make_old(7);
        make_old(8);
        serve();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_int_eq(is_new(7), c->waits);
        ck_assert(!is_new(8));
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory3/state"), "offline");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory7/state"), "online");
}
END_TEST

START_TEST(a_word_is_written_into_the_file_of_a_node)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = 1,
                .word = (uint32_t) _i,
        };

        sysfs_fixture_write(&fixture, "before", NODE_PATH "/node0/auto_online_blocks");
        sysfs_fixture_write(&fixture, "", NODE_PATH "/node1/auto_online_blocks");
        serve();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, NODE_PATH "/node1/auto_online_blocks"),
                         online_word_to_string((OnlineWord) _i));
        ck_assert_str_eq(sysfs_fixture_read(&fixture, NODE_PATH "/node0/auto_online_blocks"),
                         "before");
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/auto_online_blocks"),
                         "offline\n");
}
END_TEST

#define DAX_PATH "sys/bus/dax/devices/"

START_TEST(a_dax_device_is_unplugged_before_it_takes_its_word)
{
        ActuatorRequest request = {
                .verb = ACTUATOR_SET_DAX,
                .dax_region = 1,
                .dax_id = 20,
                .block = 5,
                .last_block = 5,
                .word = (uint32_t) _i,
        };
        const char *word = online_word_to_string((OnlineWord) _i);
        char both[32] = "unplugged";

        /* A file keeps of the first word what the second does not cover. */
        memcpy(both, word, strlen(word));
        sysfs_fixture_write(&fixture, "before", DAX_PATH "dax1.2/state");
        sysfs_fixture_write(&fixture, "", DAX_PATH "dax1.20/state");
        serve();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, DAX_PATH "dax1.20/state"), both);

        /* It has no blocks, so it is unplugged, or something else has just onlined it. */
        request.block++;
        sysfs_fixture_write(&fixture, "", DAX_PATH "dax1.20/state");
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, DAX_PATH "dax1.20/state"), word);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, DAX_PATH "dax1.2/state"), "before");
}
END_TEST

START_TEST(a_dax_device_that_cannot_be_unplugged_takes_no_other_word)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_DAX,
                .block = 1,
                .word = ONLINE_WORD_MOVABLE,
        };

        serve();
        ck_assert_int_eq(ask(&request).error, -ENOENT);
}
END_TEST

#define KMEM_PATH "sys/bus/dax/drivers/kmem/"

static const struct {
        const char *machine, *node, *unbind, *bind, *state;
        int error;
        bool is_bound;
} offline_cases[] = {
        { "offline\n", NULL, "", "", "", 0, true },
        { "offline\n", "inherit\n", "", "", "", 0, true },
        { "offline\n", "offline\n", "", "", "", 0, true },
        /* The kernel would online the memory. */
        { "online_movable\n", NULL, "", "", "", 0, false },
        { "offline\n", "online_movable\n", "", "", "", 0, false },
        { NULL, NULL, "", "", "", 0, false },
        /* The driver cannot take it again. */
        { "offline\n", NULL, "", NULL, "", -ENOENT, false },
        { "offline\n", NULL, NULL, "", "", -ENOENT, false },
        /* The device did not become "unplugged", or is no longer. */
        { "offline\n", NULL, "", "", "unplugged but not at all", -EBUSY, false },
        /* Something else has unplugged it, and may be onlining it. */
        { "offline\n", NULL, "", "", "unplugged\n", -EBUSY, false },
};

START_TEST(the_driver_of_a_dax_device_takes_it_again_where_its_memory_stays_offline)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_DAX,
                .dax_id = 7,
                .block = 5,
                .last_block = 5,
                .node = 1,
                .word = ONLINE_WORD_OFFLINE,
        };
        const char *name = offline_cases[_i].is_bound ? "dax0.7" : "";

        sysfs_fixture_set_block(&fixture, 5, "offline\n", "Movable\n");
        sysfs_fixture_write(&fixture, offline_cases[_i].state, DAX_PATH "dax0.7/state");
        if (offline_cases[_i].machine)
                sysfs_fixture_write(&fixture, offline_cases[_i].machine,
                                    MEMORY_PATH "/auto_online_blocks");
        else
                ck_assert_int_eq(
                        unlink(sysfs_fixture_path(&fixture, MEMORY_PATH "/auto_online_blocks")), 0);
        if (offline_cases[_i].node)
                sysfs_fixture_write(&fixture, offline_cases[_i].node,
                                    NODE_PATH "/node1/auto_online_blocks");
        if (offline_cases[_i].bind)
                sysfs_fixture_write(&fixture, "", KMEM_PATH "bind");
        if (offline_cases[_i].unbind)
                sysfs_fixture_write(&fixture, "", KMEM_PATH "unbind");
        serve();
        ck_assert_int_eq(ask(&request).error, offline_cases[_i].error);
        if (offline_cases[_i].bind)
                ck_assert_str_eq(sysfs_fixture_read(&fixture, KMEM_PATH "bind"), name);
        if (offline_cases[_i].unbind)
                ck_assert_str_eq(sysfs_fixture_read(&fixture, KMEM_PATH "unbind"), name);
}
END_TEST

/* Such as daxctl, after memoryd has read the blocks. The kernel would take the block offline again. */
START_TEST(a_dax_device_that_another_process_has_begun_to_online_is_not_unplugged)
{
        ActuatorRequest request = {
                .verb = ACTUATOR_SET_DAX,
                .block = 5,
                .last_block = 8,
                .word = (uint32_t) (_i ? ONLINE_WORD_MOVABLE : ONLINE_WORD_OFFLINE),
        };

        sysfs_fixture_write(&fixture, "before", DAX_PATH "dax0.0/state");
        for (unsigned id = 4; id < 10; id++)
                sysfs_fixture_set_block(&fixture, id, id < 5 || id > 7 ? "online\n" : "offline\n",
                                        "Movable\n");
        serve();
        ck_assert_int_eq(ask(&request).error, -EBUSY);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, DAX_PATH "dax0.0/state"), "before");

        /* The blocks below and above are not those of the device. */
        request.last_block = 7;
        (void) ask(&request);
        ck_assert_str_ne(sysfs_fixture_read(&fixture, DAX_PATH "dax0.0/state"), "before");
}
END_TEST

START_TEST(a_node_without_such_a_file_is_enoent)
{
        const ActuatorRequest request = {
                .verb = ACTUATOR_SET_AUTO_ONLINE,
                .node = 1,
                .word = ONLINE_WORD_MOVABLE,
        };

        sysfs_fixture_add_node(&fixture, 1);
        serve();
        ck_assert_int_eq(ask(&request).error, -ENOENT);
}
END_TEST

START_TEST(a_written_block_is_read_again)
{
        ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_ONLINE };
        char text[ZONE_LIST_STRING_MAX];
        ActuatorReply reply;

        sysfs_fixture_set_block(&fixture, 7, "", "Movable\n");
        serve();
        reply = ask(&request);
        ck_assert_int_eq(reply.read_error, 0);
        ck_assert_int_eq(reply.state, BLOCK_ONLINE);
        ck_assert_str_eq(zone_list_format(&reply.zones, text), "Movable");

        request.word = ONLINE_WORD_OFFLINE;
        empty_state(7);
        reply = ask(&request);
        ck_assert_int_eq(reply.read_error, 0);
        ck_assert_int_eq(reply.state, BLOCK_OFFLINE);
        ck_assert_uint_eq(reply.zones.n_zones, 0);

        /* No kernel shows this word in `state`. */
        request.word = ONLINE_WORD_KERNEL;
        empty_state(7);
        reply = ask(&request);
        ck_assert_int_eq(reply.error, 0);
        ck_assert_int_eq(reply.read_error, -EBADMSG);
}
END_TEST

START_TEST(a_block_that_is_not_there_is_enoent)
{
        const ActuatorRequest request = { .block = 8, .word = ONLINE_WORD_MOVABLE };
        ActuatorReply reply;

        sysfs_fixture_set_block(&fixture, 7, "before", NULL);
        serve();
        reply = ask(&request);
        ck_assert_int_eq(reply.error, -ENOENT);
        ck_assert_int_eq(reply.read_error, -ENOENT);
        ck_assert_int_ne(access(sysfs_fixture_path(&fixture, MEMORY_PATH "/memory8"), F_OK), 0);
}
END_TEST

static const struct {
        ActuatorReply reply;
        int result;
} sound_cases[] = {
        { { .error = -EBUSY, .read_error = -ENOENT }, 1 },
        { { .zones = { 2, { ZONE_NORMAL, ZONE_MOVABLE } } }, 1 },
        { { .error = 1 }, -EPIPE },
        { { .error = -4096 }, -EPIPE },
        { { .read_error = INT32_MIN }, -EPIPE },
        { { .state = _BLOCK_STATE_MAX }, -EPIPE },
        { { .state = -1 }, -EPIPE },
        { { .zones = { _ZONE_TYPE_MAX + 1, {} } }, -EPIPE },
        { { .zones = { 1, { _ZONE_TYPE_MAX } } }, -EPIPE },
        { { .request.verb = _ACTUATOR_VERB_MAX }, -EPIPE },
        { { .request.word = _ONLINE_WORD_MAX }, -EPIPE },
        { { .pages.n = { UINT64_C(1) << 32 } }, 1 },
        { { .pages.n = { (UINT64_C(1) << 32) + 1 } }, -EPIPE },
        { { .pages.n_locked = UINT64_MAX }, -EPIPE },
        { { .pages.page_size_bytes = UINT64_MAX }, -EPIPE },
        { { .pages.huge = { { UINT64_C(16) << 30, 1 } } }, 1 },
        { { .pages.huge = { { UINT64_MAX, 1 } } }, -EPIPE },
        { { .pages.huge = { { 1, UINT64_MAX } } }, -EPIPE },
        { { .pages.huge = { { 0, 5 } } }, -EPIPE },
        { { .pages.huge = { [HUGE_SIZES_MAX - 1] = { 0, 1 } } }, -EPIPE },
        { { .pages.n_pinned = 1 }, -EPIPE },
        { { .pages.has_no_room = true }, -EPIPE },
        { { .pages.has_failed = true }, 1 },
        { { .pages_usec = UINT64_MAX }, -EPIPE },
};

START_TEST(a_reply_that_makes_no_sense_is_as_if_the_actuator_was_gone)
{
        ActuatorReply reply;
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_gt(send(fds[0], &sound_cases[_i].reply, sizeof(reply), 0), 0);
        ck_assert_int_eq(actuator_receive(fds[1], &reply), sound_cases[_i].result);
        close(fds[0]);
        close(fds[1]);
}
END_TEST

START_TEST(a_flag_that_is_neither_0_nor_1_makes_no_sense)
{
        ActuatorReply reply = {};
        int fds[2];

        memset(_i ? &reply.pages.has_failed : &reply.pages.has_no_room, 2, sizeof(bool));
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_gt(send(fds[0], &reply, sizeof(reply), 0), 0);
        ck_assert_int_eq(actuator_receive(fds[1], &reply), -EPIPE);
        close(fds[0]);
        close(fds[1]);
}
END_TEST

START_TEST(the_pages_of_a_block_that_is_online_are_counted)
{
        const ActuatorRequest request = { .verb = ACTUATOR_COUNT_PAGES, .block = 1 },
                              offline = { .verb = ACTUATOR_COUNT_PAGES, .block = 2 },
                              gone = { .verb = ACTUATOR_COUNT_PAGES, .block = UINT32_MAX };
        ActuatorReply reply;

        /* Each page has bit 7, among others. */
        sysfs_fixture_write(&fixture, "1000\n", MEMORY_PATH "/block_size_bytes");
        sysfs_fixture_write(&fixture,
                            "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
                            "proc/kpageflags");
        sysfs_fixture_set_block(&fixture, 1, "online", "Normal");
        sysfs_fixture_set_block(&fixture, 2, "offline", "Normal");
        serve();
        reply = ask(&request);
        ck_assert_int_eq(reply.error, 0);
        ck_assert_int_eq(reply.state, BLOCK_ONLINE);
        ck_assert_uint_eq(reply.pages.n[PAGE_SLAB], sysconf(_SC_PAGESIZE) == 4096);
        ck_assert(!reply.pages.has_failed);
        reply = ask(&offline);
        ck_assert_int_eq(reply.error, -ENODATA);
        ck_assert_uint_eq(reply.pages.page_size_bytes, 0);
        reply = ask(&gone);
        ck_assert_int_eq(reply.error, -ENODATA);
        ck_assert_int_eq(reply.read_error, -ENOENT);
}
END_TEST

START_TEST(without_the_file_no_pages_are_counted)
{
        const ActuatorRequest request = { .verb = ACTUATOR_COUNT_PAGES, .block = 1 };

        sysfs_fixture_set_block(&fixture, 1, "online", "Normal");
        serve();
        ck_assert_int_eq(ask(&request).error, -EOPNOTSUPP);
}
END_TEST

START_TEST(a_request_that_makes_no_sense_is_einval_and_writes_nothing)
{
        static const ActuatorRequest requests[] = {
                { .verb = ACTUATOR_SET_BLOCK, .block = 7, .word = _ONLINE_WORD_MAX },
                { .verb = ACTUATOR_SET_BLOCK, .block = 7, .word = UINT32_MAX },
                { .verb = ACTUATOR_SET_BLOCK, .block = 7, .word = ONLINE_WORD_INHERIT },
                { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = NODE_NONE, .word = _ONLINE_WORD_MAX },
                { .verb = ACTUATOR_SET_AUTO_ONLINE,
                  .node = NODE_NONE,
                  .word = ONLINE_WORD_INHERIT },
                { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = NODE_MAX, .word = ONLINE_WORD_ONLINE },
                { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = -2, .word = ONLINE_WORD_ONLINE },
                { .verb = ACTUATOR_SET_DAX, .word = _ONLINE_WORD_MAX },
                { .verb = ACTUATOR_SET_DAX, .word = ONLINE_WORD_INHERIT },
                { .verb = ACTUATOR_COUNT_PAGES, .block = 7, .word = _ONLINE_WORD_MAX },
                { .verb = ACTUATOR_COUNT_PAGES, .block = 7, .node = NODE_MAX },
                { .verb = _ACTUATOR_VERB_MAX, .block = 7, .word = ONLINE_WORD_ONLINE },
                { .verb = UINT32_MAX, .block = 7, .word = ONLINE_WORD_ONLINE },
        };
        const ActuatorRequest good = { .block = 7, .word = ONLINE_WORD_ONLINE };

        sysfs_fixture_set_block(&fixture, 7, "before", NULL);
        serve();
        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                struct pollfd poller = { .fd = channel, .events = POLLIN };
                ActuatorReply reply;

                /* actuator_receive() takes no values that are out of range. */
                ck_assert_int_eq(actuator_send(channel, &requests[i]), 0);
                ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
                ck_assert_int_eq(recv(channel, &reply, sizeof(reply), 0), sizeof(reply));
                ck_assert_int_eq(reply.error, -EINVAL);
                ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory7/state"),
                                 "before");
                ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/auto_online_blocks"),
                                 "offline\n");
        }

        /* And the next one is served. */
        empty_state(7);
        ck_assert_int_eq(ask(&good).error, 0);
}
END_TEST

START_TEST(replies_come_in_the_order_of_requests)
{
        ActuatorRequest request = { .word = ONLINE_WORD_ONLINE };
        ActuatorReply reply;

        serve();
        for (uint32_t block = 0; block < ACTUATOR_WINDOW; block++) {
                request.block = block;
                ck_assert_int_eq(actuator_send(channel, &request), 0);
        }
        for (uint32_t block = 0; block < ACTUATOR_WINDOW; block++) {
                receive(&reply);
                ck_assert_uint_eq(reply.request.block, block);
                ck_assert_int_eq(reply.error, -ENOENT);
        }
}
END_TEST

START_TEST(it_ends_when_its_peer_is_gone)
{
        serve();
        close(channel);
        channel = -EBADF;
        ck_assert_int_eq(reap(), 0);
}
END_TEST

START_TEST(it_ends_when_its_peer_sends_something_else)
{
        static const char junk[sizeof(ActuatorRequest) + 1];
        const size_t sizes[] = { 1, sizeof(ActuatorRequest) - 1 };

        serve();
        ck_assert_int_eq(send(channel, junk, sizes[_i], MSG_NOSIGNAL), sizes[_i]);
        ck_assert_int_eq(reap(), EBADMSG);
}
END_TEST

/* The process as memoryd starts it */

static void start(void)
{
        ActuatorChannel started = ACTUATOR_CHANNEL_CLOSED;

        ck_assert_int_eq(actuator_start(fixture.root, &started), 0);
        channel = started.fd;
        cancel_channel = started.cancel_fd;
        ck_assert_int_ne(fcntl(channel, F_GETFL) & O_NONBLOCK, 0);
        ck_assert_int_ne(fcntl(channel, F_GETFD) & FD_CLOEXEC, 0);
        ck_assert_int_ne(fcntl(cancel_channel, F_GETFL) & O_NONBLOCK, 0);
        ck_assert_int_ne(fcntl(cancel_channel, F_GETFD) & FD_CLOEXEC, 0);
}

START_TEST(the_process_serves_and_does_not_block_its_peer)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_MOVABLE };
        ActuatorReply reply = { .error = 1 };

        sysfs_fixture_set_block(&fixture, 7, "", NULL);
        start();
        ck_assert_int_eq(actuator_receive(channel, &reply), 0);
        ck_assert_int_eq(reply.error, 1);
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory7/state"),
                         "online_movable");
}
END_TEST

START_TEST(it_ends_when_its_channel_is_closed)
{
        ActuatorChannel started = ACTUATOR_CHANNEL_CLOSED;
        siginfo_t ended = {};

        ck_assert_int_eq(actuator_start(fixture.root, &started), 0);
        actuator_channel_close(&started);
        ck_assert_int_eq(waitid(P_ALL, 0, &ended, WEXITED), 0);
        ck_assert_int_eq(ended.si_status, EXIT_SUCCESS);
}
END_TEST

/* Like a block whose offlining never ends: a FIFO that is full, and that nobody empties. */
static int make_endless_state(uint32_t block)
{
        char path[PATH_MAX];
        char junk[4096];
        int fd;

        empty_state(block);
        strcpy(path, sysfs_fixture_path(&fixture, MEMORY_PATH "/memory%u/state", block));
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        memset(junk, 'x', sizeof(junk));
        while (write(fd, junk, sizeof(junk)) > 0)
                ;
        ck_assert_int_eq(errno, EAGAIN);
        return fd;
}

START_TEST(a_write_that_takes_too_long_is_interrupted)
{
        const ActuatorRequest request = { .block = 7,
                                          .word = ONLINE_WORD_OFFLINE,
                                          .timeout_msec = 20 };
        const ActuatorRequest next = { .block = 8,
                                       .word = ONLINE_WORD_ONLINE,
                                       .timeout_msec = DEADLINE_MSEC };
        int state_fd = make_endless_state(7);
        ActuatorReply reply;

        sysfs_fixture_set_block(&fixture, 8, "", NULL);
        start();
        reply = ask(&request);
        ck_assert_int_eq(reply.error, -ETIMEDOUT);
        ck_assert_int_lt(reply.read_error, 0);

        /* The timer is off again: what follows has its own time. */
        ck_assert_int_eq(ask(&next).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory8/state"), "online");
        close(state_fd);
}
END_TEST

/* The actuator: the only child that this process has. */
static pid_t find_child(void)
{
        char path[64];
        FILE *file;
        pid_t pid = 0;

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getpid(), getpid());
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "%d", &pid), 1);
        fclose(file);
        return pid;
}

/* Waits until the actuator is within write(). */
static void wait_for_write(void)
{
        const struct timespec moment = { .tv_nsec = 1000000 };
        pid_t pid = find_child();
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
        for (int i = 0; i < DEADLINE_MSEC; i++) {
                FILE *file = fopen(path, "re");
                long number = -1;

                ck_assert_ptr_nonnull(file);
                if (fscanf(file, "%ld", &number) != 1)
                        number = -1; /* it runs */
                fclose(file);
                if (number == SYS_write)
                        return;
                nanosleep(&moment, NULL);
        }
        ck_abort_msg("the actuator does not write");
}

START_TEST(a_write_is_cancelled_by_its_serial)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_OFFLINE, .serial = 5 };
        const ActuatorRequest next = { .block = 8, .word = ONLINE_WORD_ONLINE, .serial = 6 };
        int state_fd = make_endless_state(7);
        ActuatorReply reply;

        sysfs_fixture_set_block(&fixture, 8, "", NULL);
        start();
        ck_assert_int_eq(actuator_send(channel, &request), 0);
        wait_for_write();
        ck_assert_int_eq(actuator_cancel(cancel_channel, 5), 0);
        receive(&reply);
        ck_assert_int_eq(reply.error, -ECANCELED);

        /* It was that one's. */
        ck_assert_int_eq(ask(&next).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory8/state"), "online");
        close(state_fd);
}
END_TEST

/* What the timer does when the time is up: it repeats, for one signal may come before the write is entered. */
static void let_time_be_up(void)
{
        struct pollfd poller = { .fd = channel, .events = POLLIN };
        pid_t pid = find_child();

        for (int i = 0; i < DEADLINE_MSEC / 10; i++) {
                ck_assert_int_eq(kill(pid, SIGALRM), 0);
                if (poll(&poller, 1, 10) > 0)
                        return;
        }
        ck_abort_msg("the write goes on");
}

START_TEST(a_write_that_was_cancelled_before_is_not_begun)
{
        const ActuatorRequest endless = {
                .block = 7, .word = ONLINE_WORD_OFFLINE, .timeout_msec = ENDLESS_MSEC, .serial = 5
        };
        const ActuatorRequest queued = { .block = 8, .word = ONLINE_WORD_ONLINE, .serial = 6 };
        int state_fd = make_endless_state(7);
        ActuatorReply reply;

        sysfs_fixture_set_block(&fixture, 8, "before", NULL);
        start();
        ck_assert_int_eq(actuator_send(channel, &endless), 0);
        ck_assert_int_eq(actuator_send(channel, &queued), 0);
        wait_for_write();
        /* Not the one under way, which goes on until its time is up. */
        ck_assert_int_eq(actuator_cancel(cancel_channel, 6), 0);
        let_time_be_up();
        receive(&reply);
        ck_assert_uint_eq(reply.request.serial, 5);
        ck_assert_int_eq(reply.error, -ETIMEDOUT);
        receive(&reply);
        ck_assert_uint_eq(reply.request.serial, 6);
        ck_assert_int_eq(reply.error, -ECANCELED);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory8/state"), "before");
        close(state_fd);
}
END_TEST

/* Waits until both signals are there for the actuator, which is stopped. */
static void wait_for_signals(pid_t pid)
{
        const uint64_t wanted = 1ULL << (SIGALRM - 1) | 1ULL << (SIGIO - 1);
        const struct timespec moment = { .tv_nsec = 1000000 };
        char path[64], line[256];

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        for (int i = 0; i < DEADLINE_MSEC; i++) {
                FILE *file = fopen(path, "re");
                unsigned long long pending = 0;

                ck_assert_ptr_nonnull(file);
                while (fgets(line, sizeof(line), file) &&
                       sscanf(line, "ShdPnd: %llx", &pending) != 1)
                        ;
                fclose(file);
                if ((pending & wanted) == wanted)
                        return;
                nanosleep(&moment, NULL);
        }
        ck_abort_msg("the actuator has no signals");
}

START_TEST(a_cancel_counts_when_the_time_is_up_as_well)
{
        const ActuatorRequest request = {
                .block = 7, .word = ONLINE_WORD_OFFLINE, .timeout_msec = ENDLESS_MSEC, .serial = 5
        };
        int state_fd = make_endless_state(7);
        ActuatorReply reply;
        pid_t pid;

        start();
        pid = find_child();
        ck_assert_int_eq(actuator_send(channel, &request), 0);
        wait_for_write();
        ck_assert_int_eq(kill(pid, SIGSTOP), 0);
        ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
        ck_assert_int_eq(kill(pid, SIGALRM), 0); /* as the timer does */
        ck_assert_int_eq(actuator_cancel(cancel_channel, 5), 0);
        wait_for_signals(pid);
        ck_assert_int_eq(kill(pid, SIGCONT), 0);
        receive(&reply);
        ck_assert_int_eq(reply.error, -ECANCELED);
        close(state_fd);
}
END_TEST

/* The process may not listen yet. */
START_TEST(an_early_cancel_is_not_lost)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_OFFLINE, .serial = 5 };
        int state_fd = make_endless_state(7);
        ActuatorReply reply;

        start();
        ck_assert_int_eq(actuator_cancel(cancel_channel, 5), 0);
        ck_assert_int_eq(actuator_send(channel, &request), 0);
        receive(&reply);
        ck_assert_int_eq(reply.error, -ECANCELED);
        close(state_fd);
}
END_TEST

START_TEST(a_late_cancel_does_nothing)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_ONLINE, .serial = 5 };
        const ActuatorRequest next = { .block = 7, .word = ONLINE_WORD_KERNEL };

        sysfs_fixture_set_block(&fixture, 7, "", NULL);
        start();
        ck_assert_int_eq(ask(&request).error, 0);
        ck_assert_int_eq(actuator_cancel(cancel_channel, 5), 0);
        empty_state(7);
        ck_assert_int_eq(ask(&next).error, 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory7/state"),
                         "online_kernel");
}
END_TEST

START_TEST(a_process_without_a_tree_is_gone)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_ONLINE };
        struct pollfd poller = { .events = POLLIN };
        ActuatorReply reply;

        fixture_remove(sysfs_fixture_path(&fixture, MEMORY_PATH));
        start();
        poller.fd = channel;
        ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
        ck_assert_int_eq(actuator_receive(channel, &reply), -EPIPE);
        ck_assert_int_eq(actuator_send(channel, &request), -EPIPE);
}
END_TEST

START_TEST(a_channel_that_is_full_is_eagain)
{
        const ActuatorRequest request = { .block = 7, .word = ONLINE_WORD_ONLINE };
        int state_fd = make_endless_state(7), n = 0, r;

        start();
        while ((r = actuator_send(channel, &request)) == 0 && n < 1000000)
                n++;
        ck_assert_int_eq(r, -EAGAIN);
        ck_assert_int_ge(n, ACTUATOR_WINDOW);
        close(state_fd);
}
END_TEST

static TCase *add_tcase(Suite *suite, const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_set_timeout(tcase, 600);
        tcase_add_checked_fixture(tcase, setup, teardown);
        suite_add_tcase(suite, tcase);
        return tcase;
}

int main(void)
{
        Suite *suite = suite_create("actuator");
        TCase *loop = add_tcase(suite, "loop"), *process = add_tcase(suite, "process");

        tcase_add_loop_test(loop, a_word_is_written_into_the_state_of_the_block, 0,
                            ONLINE_WORD_INHERIT);
        tcase_add_loop_test(loop, movable_becomes_offline_when_the_kernel_has_added_all, 0,
                            ELEMENTSOF(wait_cases));
        tcase_add_loop_test(loop, a_word_is_written_into_auto_online_blocks, 0,
                            ONLINE_WORD_INHERIT);
        tcase_add_loop_test(loop, a_word_is_written_into_the_file_of_a_node, 0, _ONLINE_WORD_MAX);
        tcase_add_test(loop, a_node_without_such_a_file_is_enoent);
        tcase_add_loop_test(loop, a_reply_that_makes_no_sense_is_as_if_the_actuator_was_gone, 0,
                            ELEMENTSOF(sound_cases));
        tcase_add_loop_test(loop, a_flag_that_is_neither_0_nor_1_makes_no_sense, 0, 2);
        tcase_add_loop_test(loop, a_dax_device_is_unplugged_before_it_takes_its_word,
                            ONLINE_WORD_ONLINE, ONLINE_WORD_INHERIT);
        tcase_add_loop_test(
                loop, a_dax_device_that_another_process_has_begun_to_online_is_not_unplugged, 0, 2);
        tcase_add_test(loop, a_dax_device_that_cannot_be_unplugged_takes_no_other_word);
        tcase_add_loop_test(
                loop, the_driver_of_a_dax_device_takes_it_again_where_its_memory_stays_offline, 0,
                ELEMENTSOF(offline_cases));
        tcase_add_test(loop, a_written_block_is_read_again);
        tcase_add_test(loop, a_block_that_is_not_there_is_enoent);
        tcase_add_test(loop, the_pages_of_a_block_that_is_online_are_counted);
        tcase_add_test(loop, without_the_file_no_pages_are_counted);
        tcase_add_test(loop, a_request_that_makes_no_sense_is_einval_and_writes_nothing);
        tcase_add_test(loop, replies_come_in_the_order_of_requests);
        tcase_add_test(loop, it_ends_when_its_peer_is_gone);
        tcase_add_loop_test(loop, it_ends_when_its_peer_sends_something_else, 0, 2);

        tcase_add_test(process, the_process_serves_and_does_not_block_its_peer);
        tcase_add_test(process, it_ends_when_its_channel_is_closed);
        tcase_add_test(process, a_write_that_takes_too_long_is_interrupted);
        tcase_add_test(process, a_write_is_cancelled_by_its_serial);
        tcase_add_test(process, a_write_that_was_cancelled_before_is_not_begun);
        tcase_add_test(process, a_cancel_counts_when_the_time_is_up_as_well);
        tcase_add_test(process, an_early_cancel_is_not_lost);
        tcase_add_test(process, a_late_cancel_does_nothing);
        tcase_add_test(process, a_process_without_a_tree_is_gone);
        tcase_add_test(process, a_channel_that_is_full_is_eagain);
        return check_main(suite);
}
