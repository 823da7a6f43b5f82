/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Plays a main process that was taken over, which asks the actuator for anything. */

#include "actuator/denial.h"
#include "check_main.h"
#include "sysfs_fixture.h"

#include <poll.h>
#include <sys/socket.h>

#define DEADLINE_MSEC 60000

static SysfsFixture fixture;
static ActuatorChannel channel = ACTUATOR_CHANNEL_CLOSED;

/*
 * Node 0 has boot memory of low and high addresses, node 1 kernel and movable memory, node 2 kernel memory
 * only. A number stands for a block.
 */
enum { LOW, LOW_TOO, HIGH, HIGH_TOO, ONE_KERNEL, ONE_MOVABLE, ONE_OFFLINE, TWO_KERNEL, N_BLOCKS };

static const struct {
        unsigned node;
        const char *state, *zones;
} blocks[N_BLOCKS] = {
        [LOW] = { 0, "online\n", "DMA\n" },
        [LOW_TOO] = { 0, "online\n", "DMA32\n" },
        [HIGH] = { 0, "online\n", "Normal\n" },
        [HIGH_TOO] = { 0, "online\n", "Normal\n" },
        [ONE_KERNEL] = { 1, "online\n", "Normal\n" },
        [ONE_MOVABLE] = { 1, "online\n", "Movable\n" },
        [ONE_OFFLINE] = { 1, "offline\n", "Movable Normal\n" },
        [TWO_KERNEL] = { 2, "online\n", "Normal\n" },
};

static void set_block(uint32_t id)
{
        sysfs_fixture_set_block(&fixture, id, blocks[id].state, blocks[id].zones);
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        for (uint32_t id = 0; id < N_BLOCKS; id++) {
                set_block(id);
                sysfs_fixture_link(&fixture, id, blocks[id].node);
        }
}

static void teardown(void)
{
        actuator_channel_close(&channel);
        sysfs_fixture_done(&fixture);
}

static Denial find(const ActuatorRequest *request)
{
        _cleanup_(sysfs_close) Sysfs sysfs = SYSFS_CLOSED;

        ck_assert_int_eq(sysfs_open(fixture.root, &sysfs), 0);
        return denial_find(&sysfs, request);
}

static const struct {
        uint32_t block, word, movable_node;
        Denial denial;
} cases[] = {
        { LOW, ONLINE_WORD_OFFLINE, 0, DENIAL_LOW },
        { LOW_TOO, ONLINE_WORD_OFFLINE, 1, DENIAL_LOW },
        { LOW_TOO, ONLINE_WORD_MOVABLE, 0, DENIAL_NONE }, /* the kernel refuses that */
        { HIGH, ONLINE_WORD_OFFLINE, 0, DENIAL_NONE },
        { ONE_KERNEL, ONLINE_WORD_OFFLINE, 0, DENIAL_LAST_OF_NODE },
        { ONE_KERNEL, ONLINE_WORD_OFFLINE, 1, DENIAL_NONE },
        { ONE_KERNEL, ONLINE_WORD_KERNEL, 0, DENIAL_NONE },
        { ONE_MOVABLE, ONLINE_WORD_OFFLINE, 0, DENIAL_NONE },
        { ONE_OFFLINE, ONLINE_WORD_OFFLINE, 0, DENIAL_NONE },
        { TWO_KERNEL, ONLINE_WORD_OFFLINE, 0, DENIAL_NONE }, /* nothing on the node needs it */
        { N_BLOCKS, ONLINE_WORD_OFFLINE, 0, DENIAL_NONE },   /* -ENOENT */
};

START_TEST(memory_that_the_machine_needs_stays_online)
{
        const ActuatorRequest request = {
                .block = cases[_i].block,
                .word = cases[_i].word,
                .movable_node = cases[_i].movable_node,
        };

        ck_assert_int_eq(find(&request), cases[_i].denial);
}
END_TEST

/* As on arm64 without devices with short addresses: all memory is in the zone DMA. */
START_TEST(only_addresses_below_4_gib_are_low)
{
        ActuatorRequest request = { .block = 31, .word = ONLINE_WORD_OFFLINE };

        for (uint32_t id = 31; id <= 32; id++) {
                sysfs_fixture_set_block(&fixture, id, "online\n", "DMA\n");
                sysfs_fixture_link(&fixture, id, 0);
        }
        ck_assert_int_eq(find(&request), DENIAL_LOW);
        request.block = 32;
        ck_assert_int_eq(find(&request), DENIAL_NONE);
}
END_TEST

/* On a machine without memory of low addresses. Not even the administrator takes it. */
START_TEST(the_last_kernel_memory_of_the_machine_stays_online)
{
        const ActuatorRequest request = {
                .block = TWO_KERNEL,
                .word = ONLINE_WORD_OFFLINE,
                .movable_node = 1,
        };

        for (uint32_t id = 0; id < TWO_KERNEL; id++)
                sysfs_fixture_set_block(&fixture, id, "online\n", "Movable\n");
        ck_assert_int_eq(find(&request), DENIAL_LAST_OF_MACHINE);
        sysfs_fixture_set_block(&fixture, HIGH, "offline\n", "Normal\n");
        ck_assert_int_eq(find(&request), DENIAL_LAST_OF_MACHINE);
        sysfs_fixture_set_block(&fixture, HIGH, "online\n", "Normal\n");
        ck_assert_int_eq(find(&request), DENIAL_NONE);
}
END_TEST

static const struct {
        ActuatorRequest request;
        bool is_valid;
} field_cases[] = {
        { { .verb = _ACTUATOR_VERB_MAX }, false },
        { { .verb = UINT32_MAX }, false },
        { { .word = _ONLINE_WORD_MAX }, false },
        { { .word = UINT32_MAX }, false },
        { { .word = ONLINE_WORD_INHERIT }, false },
        { { .block = ONE_OFFLINE, .movable_node = 2 }, false },
        { { .block = ONE_OFFLINE, .movable_node = 1 }, true },
        { { .verb = ACTUATOR_SET_DAX, .last_block = ACTUATOR_RANGE_MAX }, false },
        { { .verb = ACTUATOR_SET_DAX, .last_block = ACTUATOR_RANGE_MAX - 1 }, true },
        { { .verb = ACTUATOR_SET_DAX, .block = 1 }, true },
        { { .verb = ACTUATOR_SET_DAX, .node = NODE_MAX }, false },
        { { .verb = ACTUATOR_SET_DAX, .node = NODE_NONE - 1 }, false },
        { { .verb = ACTUATOR_SET_DAX, .word = ONLINE_WORD_INHERIT }, false },
        { { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = NODE_MAX }, false },
        { { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = NODE_MAX - 1 }, true },
        { { .verb = ACTUATOR_SET_AUTO_ONLINE, .word = ONLINE_WORD_INHERIT }, true },
        { { .verb = ACTUATOR_SET_AUTO_ONLINE, .node = NODE_NONE, .word = ONLINE_WORD_INHERIT },
          false },
};

START_TEST(each_field_has_its_range)
{
        ck_assert_int_eq(find(&field_cases[_i].request),
                         field_cases[_i].is_valid ? DENIAL_NONE : DENIAL_INVALID);
}
END_TEST

START_TEST(a_refusal_has_an_error)
{
        const ActuatorRequest request = {};

        static const int errors[] = { 0, -EINVAL, -EADDRNOTAVAIL, -EPERM, -EDEADLK };

        ck_assert_uint_eq(ELEMENTSOF(errors), _DENIAL_MAX);
        for (Denial denial = DENIAL_INVALID; denial < _DENIAL_MAX; denial++)
                ck_assert_int_eq(denial_note(denial, &request), errors[denial]);
}
END_TEST

/* The actuator as it runs, and what is taken to it */

/* Everything that is not a state of a block, a word, or the state of a dax device. */
static const char *const others[] = {
        MEMORY_PATH "/block_size_bytes",   MEMORY_PATH "/probe", MEMORY_PATH "/hard_offline_page",
        MEMORY_PATH "/memory2/online",     NODE_PATH "/online",  "sys/power/state",
        "sys/bus/dax/drivers/kmem/new_id", "etc/passwd",
};

static uint32_t random_number(void)
{
        static uint32_t seed = 1;

        seed = seed * 1664525 + 1013904223;
        return seed >> 8;
}

/* A request in which each field is small, huge or negative. */
static ActuatorRequest random_request(void)
{
        ActuatorRequest request;
        uint32_t *fields = (uint32_t *) &request;

        for (size_t i = 0; i < sizeof(request) / sizeof(*fields); i++)
                fields[i] = random_number() % 4 > 0 ? random_number() % (N_BLOCKS + 2) :
                                                      random_number() * 0x1001U;
        /* A time-out would only end the write. */
        request.timeout_msec = 0;
        return request;
}

static void ask(const ActuatorRequest *request, ActuatorReply *reply)
{
        struct pollfd poller = { .fd = channel.fd, .events = POLLIN };

        ck_assert_int_eq(actuator_send(channel.fd, request), 0);
        ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
        ck_assert_int_gt(recv(channel.fd, reply, sizeof(*reply), 0), 0);
}

/* Asks for something, and restores the states: a file of the tree is no attribute. */
static void attack(const ActuatorRequest *request)
{
        ActuatorReply reply;

        ask(request, &reply);
        for (uint32_t id = LOW; id <= LOW_TOO; id++)
                ck_assert_str_ne(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory%u/state", id),
                                 "offline");
        for (uint32_t id = 0; id < N_BLOCKS; id++)
                set_block(id);
}

START_TEST(a_main_process_that_was_taken_over_writes_states_and_words_only)
{
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                sysfs_fixture_write(&fixture, "untouched", "%s", others[i]);
        ck_assert_int_eq(actuator_start(fixture.root, &channel), 0);
        for (uint32_t verb = 0; verb <= _ACTUATOR_VERB_MAX; verb++)
                for (uint32_t word = 0; word <= _ONLINE_WORD_MAX; word++)
                        for (uint32_t block = 0; block <= N_BLOCKS; block++)
                                attack(&(ActuatorRequest){
                                        .verb = verb,
                                        .word = word,
                                        .block = block,
                                        .last_block = block,
                                        .node = (int32_t) (word % 3) - 1,
                                        .movable_node = 1,
                                });
        for (unsigned i = 0; i < 100; i++) {
                const ActuatorRequest request = random_request();

                attack(&request);
        }
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_str_eq(sysfs_fixture_read(&fixture, "%s", others[i]), "untouched");
}
END_TEST

/* A request that is too long is not cut, and a request that is too short is not filled. */
START_TEST(a_request_of_another_length_ends_the_actuator)
{
        const size_t lengths[] = { 1, sizeof(ActuatorRequest) - 1, sizeof(ActuatorRequest) + 1,
                                   4096 };
        const char bytes[4096] = {};
        struct pollfd poller = { .events = POLLIN };

        ck_assert_int_eq(actuator_start(fixture.root, &channel), 0);
        poller.fd = channel.fd;
        ck_assert_int_eq(send(channel.fd, bytes, lengths[_i], 0), (ssize_t) lengths[_i]);
        ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
        ck_assert_int_le(recv(channel.fd, (char[4096]){}, 4096, 0), 0);
        ck_assert_str_eq(sysfs_fixture_read(&fixture, MEMORY_PATH "/memory0/state"), "online\n");
}
END_TEST

/* Returns the process that this one has started, 0 if the kernel does not tell. */
static pid_t find_child(void)
{
        char path[64];
        int pid = 0;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
        file = fopen(path, "re");
        if (file && fscanf(file, "%d", &pid) != 1)
                pid = 0;
        if (file)
                fclose(file);
        return pid;
}

/* Only root may look into the actuator. */
START_TEST(the_actuator_has_its_sockets_and_the_folders_open)
{
        const ActuatorRequest request = { .block = ONE_MOVABLE, .word = ONLINE_WORD_MOVABLE };
        _cleanup_close_ int leaked = open("/dev/null", O_RDONLY);
        pid_t pid;
        ActuatorReply reply;
        int n_sockets = 0;

        ck_assert_int_ge(leaked, 3);
        ck_assert_int_eq(actuator_start(fixture.root, &channel), 0);
        ask(&request, &reply);
        pid = find_child();
        for (int fd = 3; geteuid() == 0 && pid > 0 && fd < 256; fd++) {
                char path[64], target[PATH_MAX];
                ssize_t n;

                snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
                n = readlink(path, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = 0;
                n_sockets += strncmp(target, "socket:", 7) == 0;
                ck_assert_msg(n_sockets <= 2 &&
                                      (strncmp(target, "socket:", 7) == 0 ||
                                       strncmp(target, fixture.root, strlen(fixture.root)) == 0),
                              "descriptor %d is %s", fd, target);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("denial");
        TCase *tcase = tcase_create("actuator");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, memory_that_the_machine_needs_stays_online, 0,
                            ELEMENTSOF(cases));
        tcase_add_test(tcase, only_addresses_below_4_gib_are_low);
        tcase_add_test(tcase, the_last_kernel_memory_of_the_machine_stays_online);
        tcase_add_loop_test(tcase, each_field_has_its_range, 0, ELEMENTSOF(field_cases));
        tcase_add_test(tcase, a_refusal_has_an_error);
        tcase_add_test(tcase, a_main_process_that_was_taken_over_writes_states_and_words_only);
        tcase_add_loop_test(tcase, a_request_of_another_length_ends_the_actuator, 0, 4);
        tcase_add_test(tcase, the_actuator_has_its_sockets_and_the_folders_open);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
