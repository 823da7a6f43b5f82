/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "actuator/writer.h"
#include "check_main.h"
#include "machine_fixture.h"
#include "policy/track.h"

#include <sys/socket.h>

#define BLOCK (UINT64_C(128) << 20)

static Machine machine;
static Policy policy;
static Writer writer;
static int peer; /* the actuator's end */

static void setup(void)
{
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                         0);
        machine_init(&machine);
        policy_init(&policy);
        writer_init(&writer, &(ActuatorChannel){ .fd = fds[0], .cancel_fd = -EBADF });
        peer = fds[1];
}

static void teardown(void)
{
        machine_done(&machine);
        writer_done(&writer);
        closep(&peer);
}

/* Plans a machine and takes its decisions over, as the manager does. */
static void plan(void)
{
        Plan made;

        ck_assert_int_eq(plan_make(&machine, &policy, track_wants_plan, 0, &made), 0);
        for (size_t i = 0; i < made.n_planned; i++)
                track_decide(machine_find_block(&machine, made.planned[i].block),
                             &made.planned[i].decision);
        ck_assert_int_eq(writer_set_plan(&writer, &made), 0);
        plan_done(&made);
}

static bool take_request(ActuatorRequest *ret)
{
        ssize_t n = recv(peer, ret, sizeof(*ret), 0);

        ck_assert(n == sizeof(*ret) || (n < 0 && errno == EAGAIN));
        return n > 0;
}

/* Takes the next request, which must be to write this block. */
static ActuatorRequest expect_request(uint32_t block, OnlineWord word)
{
        ActuatorRequest request = {};

        ck_assert(take_request(&request));
        ck_assert_uint_eq(request.verb, ACTUATOR_SET_BLOCK);
        ck_assert_uint_eq(request.block, block);
        ck_assert_uint_eq(request.word, word);
        ck_assert_uint_eq(request.timeout_msec, 60000);
        ck_assert_uint_eq(request.serial, 0);
        return request;
}

static void expect_no_request(void)
{
        ActuatorRequest request;

        ck_assert(!take_request(&request));
}

static void reply_to(const ActuatorRequest *request)
{
        const ActuatorReply reply = { .request = *request, .state = BLOCK_ONLINE };
        ActuatorReply received;

        ck_assert_int_eq(send(peer, &reply, sizeof(reply), MSG_NOSIGNAL), sizeof(reply));
        ck_assert_int_eq(writer_receive(&writer, &received), 1);
        ck_assert_mem_eq(&received.request, request, sizeof(*request));
        ck_assert_int_eq(received.state, BLOCK_ONLINE);
}

static Block *find(uint32_t id)
{
        Block *block = machine_find_block(&machine, id);

        ck_assert_ptr_nonnull(block);
        return block;
}

START_TEST(no_more_is_handed_over_than_the_window)
{
        uint32_t id = 28;

        machine_from(&machine, BLOCK, "0c=k9o20");
        plan();
        ck_assert(!writer_is_idle(&writer));
        ck_assert_int_eq(writer_fill(&writer, &machine), ACTUATOR_WINDOW);
        ck_assert_int_eq(writer_fill(&writer, &machine), 0);
        for (; id > 28 - ACTUATOR_WINDOW; id--) {
                expect_request(id, ONLINE_WORD_MOVABLE);
                ck_assert_int_eq(find(id)->status, BLOCK_STATUS_WRITING);
                ck_assert(find(id)->echo_due);
        }
        expect_no_request();
        ck_assert_int_eq(find(id)->status, BLOCK_STATUS_PENDING);
        ck_assert(!find(id)->echo_due);
}
END_TEST

START_TEST(each_reply_makes_room_for_the_next)
{
        static const struct {
                uint32_t block;
                OnlineWord word;
        } order[] = {
                { 0, ONLINE_WORD_KERNEL },  { 2, ONLINE_WORD_KERNEL },  { 1, ONLINE_WORD_KERNEL },
                { 9, ONLINE_WORD_MOVABLE }, { 8, ONLINE_WORD_MOVABLE }, { 7, ONLINE_WORD_MOVABLE },
                { 6, ONLINE_WORD_MOVABLE }, { 5, ONLINE_WORD_MOVABLE }, { 4, ONLINE_WORD_MOVABLE },
                { 3, ONLINE_WORD_MOVABLE },
        };

        machine_from(&machine, BLOCK, "0c=o10");
        plan();
        ck_assert_int_eq(writer_fill(&writer, &machine), ACTUATOR_WINDOW);
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                ActuatorRequest request = expect_request(order[i].block, order[i].word);
                bool more = i + ACTUATOR_WINDOW < ELEMENTSOF(order);

                ck_assert(!writer_is_idle(&writer));
                reply_to(&request);
                ck_assert_int_eq(writer_fill(&writer, &machine), more ? 1 : 0);
        }
        expect_no_request();
        ck_assert(writer_is_idle(&writer));
}
END_TEST

START_TEST(each_verdict_has_its_word)
{
        Rule rules[2] = { { .has_nodes = true, .zone = ZONE_ACTION_KERNEL_DEFAULT },
                          { .zone = ZONE_ACTION_MOVABLE } };
        ActuatorRequest request;

        node_set_add(&rules[0].nodes, 1);
        policy.rules = rules;
        policy.n_rules = ELEMENTSOF(rules);
        machine_from(&machine, BLOCK, "0c=o 1=o");
        plan();
        ck_assert_int_eq(writer_fill(&writer, &machine), 2);
        request = expect_request(1, ONLINE_WORD_ONLINE);
        reply_to(&request);
        expect_request(0, ONLINE_WORD_MOVABLE);

        rules[1].zone = ZONE_ACTION_KERNEL;
        machine_done(&machine);
        machine_from(&machine, BLOCK, "0c=o");
        plan();
        ck_assert_int_eq(writer_fill(&writer, &machine), 1);
        expect_request(0, ONLINE_WORD_KERNEL);
}
END_TEST

START_TEST(what_is_no_longer_pending_is_skipped)
{
        bool keep[8] = { true, true, true, true, true, true, true, false };

        machine_from(&machine, BLOCK, "0c=k2o6");
        plan();

        /* 7 is gone, 6 was onlined, 5 left, 4 is to be retried later; 3 and 2 are what is left. */
        machine_retain_blocks(&machine, keep);
        block_set(find(6), BLOCK_ONLINE, "Normal", BLOCK_STATUS_EXTERNAL);
        find(5)->status = BLOCK_STATUS_LEFT;
        find(4)->status = BLOCK_STATUS_RETRYING;
        find(4)->retry_at_usec = RETRY_AT_USEC;
        ck_assert_int_eq(writer_fill(&writer, &machine), 2);
        expect_request(3, ONLINE_WORD_MOVABLE);
        expect_request(2, ONLINE_WORD_MOVABLE);
        ck_assert_int_eq(find(4)->status, BLOCK_STATUS_RETRYING);
        ck_assert_int_eq(find(5)->status, BLOCK_STATUS_LEFT);
        ck_assert_int_eq(find(6)->status, BLOCK_STATUS_EXTERNAL);
}
END_TEST

START_TEST(a_block_that_went_and_came_back_waits_for_a_decision)
{
        machine_from(&machine, BLOCK, "0c=k9o3");
        plan();
        block_init(find(11), 11);
        find(11)->node = 0;
        find(11)->status = BLOCK_STATUS_PENDING;
        ck_assert_int_eq(writer_fill(&writer, &machine), 2);
        expect_request(10, ONLINE_WORD_MOVABLE);
        expect_request(9, ONLINE_WORD_MOVABLE);
        ck_assert_int_eq(find(11)->status, BLOCK_STATUS_PENDING);
}
END_TEST

START_TEST(a_plan_of_which_nothing_is_pending_leaves_the_writer_idle)
{
        machine_from(&machine, BLOCK, "0c=k2o3");
        plan();
        for (uint32_t id = 2; id < 5; id++)
                find(id)->status = BLOCK_STATUS_LEFT;
        ck_assert(!writer_is_idle(&writer));
        ck_assert_int_eq(writer_fill(&writer, &machine), 0);
        ck_assert(writer_is_idle(&writer));
        expect_no_request();
}
END_TEST

/* Fills the window from a block downwards, all of them movable. */
static void fill_window(ActuatorRequest requests[static ACTUATOR_WINDOW], uint32_t first)
{
        ck_assert_int_eq(writer_fill(&writer, &machine), ACTUATOR_WINDOW);
        for (uint32_t i = 0; i < ACTUATOR_WINDOW; i++)
                requests[i] = expect_request(first - i, ONLINE_WORD_MOVABLE);
}

START_TEST(a_new_plan_replaces_what_is_still_to_be_written)
{
        ActuatorRequest requests[ACTUATOR_WINDOW];

        machine_from(&machine, BLOCK, "0c=k9o20");
        plan();
        fill_window(requests, 28);

        /* From now on it is all kernel memory; what is being written goes on. */
        policy.max_movable_ratio_permille = 0;
        plan();
        ck_assert_int_eq(writer_fill(&writer, &machine), 0);
        reply_to(&requests[0]);
        reply_to(&requests[1]);
        ck_assert_int_eq(writer_fill(&writer, &machine), 2);
        expect_request(9, ONLINE_WORD_KERNEL);
        expect_request(28 - ACTUATOR_WINDOW, ONLINE_WORD_KERNEL);
}
END_TEST

START_TEST(a_cleared_writer_is_idle_when_what_is_being_written_is_done)
{
        ActuatorRequest requests[ACTUATOR_WINDOW];

        machine_from(&machine, BLOCK, "0c=k9o20");
        ck_assert(writer_is_idle(&writer));
        plan();
        fill_window(requests, 28);
        writer_clear(&writer);
        for (size_t i = 0; i < ACTUATOR_WINDOW; i++) {
                ck_assert(!writer_is_idle(&writer));
                reply_to(&requests[i]);
        }
        ck_assert(writer_is_idle(&writer));
        ck_assert_int_eq(writer_fill(&writer, &machine), 0);
        ck_assert_int_eq(find(28 - ACTUATOR_WINDOW)->status, BLOCK_STATUS_PENDING);
}
END_TEST

START_TEST(setting_auto_online_does_not_count_as_a_block)
{
        ActuatorRequest request = {};

        ck_assert_int_eq(writer_set_auto_online(&writer, 3, ONLINE_WORD_KERNEL), 0);
        ck_assert(writer_is_idle(&writer));
        ck_assert(take_request(&request));
        ck_assert_uint_eq(request.verb, ACTUATOR_SET_AUTO_ONLINE);
        ck_assert_int_eq(request.node, 3);
        ck_assert_uint_eq(request.word, ONLINE_WORD_KERNEL);
        reply_to(&request);
        ck_assert_uint_eq(writer.n_writing, 0);
        ck_assert(writer_is_idle(&writer));
}
END_TEST

START_TEST(a_dax_device_keeps_the_writer_from_being_idle)
{
        static const char *const others[] = { "",        "dax0",    "dax0.",     "dax0.-1",
                                              "dax 0.1", "dax0.1x", "dax0.1/..", "pmem0.1" };
        Device device = { .first_block = 40, .last_block = 47 };
        ActuatorRequest request = {};

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                strcpy(device.name, others[i]);
                ck_assert_int_eq(writer_set_dax(&writer, &device, 0, ONLINE_WORD_MOVABLE, 1),
                                 -EINVAL);
        }
        ck_assert(writer_is_idle(&writer));
        strcpy(device.name, "dax3.12");
        ck_assert_int_eq(writer_set_dax(&writer, &device, 2, ONLINE_WORD_MOVABLE, 1001), 0);
        ck_assert(!writer_is_idle(&writer));
        ck_assert(take_request(&request));
        ck_assert_uint_eq(request.verb, ACTUATOR_SET_DAX);
        ck_assert_uint_eq(request.dax_region, 3);
        ck_assert_uint_eq(request.dax_id, 12);
        ck_assert_int_eq(request.node, 2);
        ck_assert_uint_eq(request.block, 40);
        ck_assert_uint_eq(request.last_block, 47);
        ck_assert_uint_eq(request.timeout_msec, 2);
        ck_assert_uint_eq(request.word, ONLINE_WORD_MOVABLE);
        ck_assert_uint_eq(request.serial, 0);
        reply_to(&request);
        ck_assert(writer_is_idle(&writer));
}
END_TEST

START_TEST(the_actuator_has_more_time_than_its_longest_request)
{
        const uint64_t second = USEC_PER_SEC;
        Device device = { .name = "dax0.0", .first_block = 40, .last_block = 47 };
        JobWrite write = { .block = 9, .timeout_usec = 500 * second };
        ActuatorRequest requests[2] = {}, request = {};

        machine_from(&machine, BLOCK, "0c=k9o1");
        ck_assert_uint_eq(writer_patience(&writer), USEC_INFINITY);
        ck_assert_int_eq(writer_set_auto_online(&writer, NODE_NONE, ONLINE_WORD_KERNEL), 0);
        ck_assert_uint_eq(writer_patience(&writer), 180 * second);
        ck_assert_int_eq(writer_write_job(&writer, &machine, &write), 0);
        ck_assert_uint_eq(writer_patience(&writer), 620 * second);
        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                ck_assert_uint_eq(writer_patience(&writer), 620 * second);
                ck_assert(take_request(&requests[i]));
                reply_to(&requests[i]);
        }
        ck_assert_uint_eq(writer.n_answers, 2);
        ck_assert_uint_eq(writer_patience(&writer), USEC_INFINITY);

        /* An answered write does not count any more. A write without a time gets one. */
        write.timeout_usec = 0;
        ck_assert_int_eq(writer_write_job(&writer, &machine, &write), 0);
        ck_assert_uint_eq(writer_patience(&writer), 180 * second);
        ck_assert(take_request(&request));
        ck_assert_uint_eq(request.timeout_msec, 60000);
        ck_assert_int_eq(writer_set_dax(&writer, &device, 0, ONLINE_WORD_MOVABLE, second), 0);
        ck_assert_uint_eq(writer_patience(&writer), 3601 * second);
}
END_TEST

START_TEST(pages_of_one_block_are_counted_at_a_time)
{
        ActuatorRequest request;
        ActuatorReply reply;

        ck_assert_int_eq(writer_count_pages(&writer, 5), 0);
        ck_assert_int_eq(writer_count_pages(&writer, 6), -EBUSY);
        ck_assert(take_request(&request));
        ck_assert_uint_eq(request.verb, ACTUATOR_COUNT_PAGES);
        ck_assert_uint_eq(request.block, 5);
        /* Writes go on meanwhile. */
        ck_assert(writer_is_idle(&writer));
        ck_assert_uint_lt(writer_patience(&writer), USEC_INFINITY);
        reply_to(&request);
        ck_assert_uint_eq(writer_patience(&writer), USEC_INFINITY);
        ck_assert_int_eq(writer_count_pages(&writer, 6), 0);
        ck_assert(take_request(&request));
        reply_to(&request);
        /* One more answer was not asked for. */
        reply = (ActuatorReply){ .request = request };
        ck_assert_int_eq(send(peer, &reply, sizeof(reply), MSG_NOSIGNAL), sizeof(reply));
        ck_assert_int_eq(writer_receive(&writer, &reply), -EPIPE);
}
END_TEST

START_TEST(a_count_of_another_block_is_epipe)
{
        ActuatorRequest request;
        ActuatorReply reply;

        ck_assert_int_eq(writer_count_pages(&writer, 5), 0);
        ck_assert(take_request(&request));
        reply = (ActuatorReply){ .request = request };
        reply.request.block = 6;
        ck_assert_int_eq(send(peer, &reply, sizeof(reply), MSG_NOSIGNAL), sizeof(reply));
        ck_assert_int_eq(writer_receive(&writer, &reply), -EPIPE);
}
END_TEST

START_TEST(without_a_reply_there_is_none)
{
        ActuatorReply reply = { .error = 1 };

        ck_assert_int_eq(writer_receive(&writer, &reply), 0);
        ck_assert_int_eq(reply.error, 1);
}
END_TEST

START_TEST(a_channel_that_is_full_keeps_blocks_pending)
{
        const ActuatorRequest junk = { .verb = ACTUATOR_SET_AUTO_ONLINE };
        ActuatorRequest request;

        machine_from(&machine, BLOCK, "0c=k9o2");
        plan();
        while (actuator_send(writer.channel.fd, &junk) == 0)
                ;
        ck_assert_int_eq(writer_fill(&writer, &machine), 0);
        ck_assert_int_eq(find(10)->status, BLOCK_STATUS_PENDING);
        ck_assert(!writer_is_idle(&writer));
        /* No answer will come, so that the caller has to try again by itself. */
        ck_assert_int_eq(writer_count_pages(&writer, 5), -EAGAIN);

        while (take_request(&request))
                ck_assert_uint_eq(request.verb, ACTUATOR_SET_AUTO_ONLINE);
        ck_assert_int_eq(writer_fill(&writer, &machine), 2);
        expect_request(10, ONLINE_WORD_MOVABLE);
}
END_TEST

START_TEST(an_actuator_that_is_gone_is_epipe)
{
        ActuatorReply reply;

        machine_from(&machine, BLOCK, "0c=k9o2");
        plan();
        close(peer);
        peer = -EBADF;
        ck_assert_int_eq(writer_fill(&writer, &machine), -EPIPE);
        ck_assert_int_eq(find(10)->status, BLOCK_STATUS_PENDING);
        ck_assert_int_eq(writer_set_auto_online(&writer, NODE_NONE, ONLINE_WORD_ONLINE), -EPIPE);
        ck_assert_int_eq(writer_receive(&writer, &reply), -EPIPE);
}
END_TEST

static void assert_refused(ActuatorReply reply)
{
        ActuatorReply received;

        ck_assert_int_eq(send(peer, &reply, sizeof(reply), 0), sizeof(reply));
        ck_assert_int_eq(writer_receive(&writer, &received), -EPIPE);
}

START_TEST(a_reply_that_was_not_asked_for_is_epipe)
{
        assert_refused((ActuatorReply){ .request.verb = ACTUATOR_SET_BLOCK });
        assert_refused((ActuatorReply){ .request.verb = ACTUATOR_SET_DAX });
        assert_refused((ActuatorReply){ .request.verb = ACTUATOR_SET_AUTO_ONLINE });
        assert_refused((ActuatorReply){ .request.serial = 1 });
        ck_assert(writer_is_idle(&writer));
}
END_TEST

START_TEST(a_reply_with_odd_values_is_epipe)
{
        ck_assert_int_eq(writer_set_auto_online(&writer, NODE_NONE, ONLINE_WORD_ONLINE), 0);
        for (int i = 0; i < 6; i++) {
                ActuatorReply reply = { .request.verb = ACTUATOR_SET_AUTO_ONLINE };

                reply.request.word = i == 0 ? _ONLINE_WORD_MAX : 0;
                reply.error = i == 1 ? INT32_MIN : i == 2 ? 1 : 0;
                reply.state = i == 3 ? _BLOCK_STATE_MAX : 0;
                reply.zones.n_zones = i == 4 ? _ZONE_TYPE_MAX + 1 : i == 5;
                reply.zones.zones[0] = _ZONE_TYPE_MAX;
                assert_refused(reply);
        }
}
END_TEST

START_TEST(a_reply_of_another_size_is_epipe)
{
        ActuatorReply reply;

        ck_assert_int_eq(send(peer, "?", 1, MSG_NOSIGNAL), 1);
        ck_assert_int_eq(writer_receive(&writer, &reply), -EPIPE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("writer");
        TCase *queue = tcase_create("queue"), *channel = tcase_create("channel");

        tcase_add_checked_fixture(queue, setup, teardown);
        tcase_add_test(queue, no_more_is_handed_over_than_the_window);
        tcase_add_test(queue, each_reply_makes_room_for_the_next);
        tcase_add_test(queue, each_verdict_has_its_word);
        tcase_add_test(queue, what_is_no_longer_pending_is_skipped);
        tcase_add_test(queue, a_block_that_went_and_came_back_waits_for_a_decision);
        tcase_add_test(queue, a_plan_of_which_nothing_is_pending_leaves_the_writer_idle);
        tcase_add_test(queue, a_new_plan_replaces_what_is_still_to_be_written);
        tcase_add_test(queue, a_cleared_writer_is_idle_when_what_is_being_written_is_done);
        suite_add_tcase(suite, queue);

        tcase_add_checked_fixture(channel, setup, teardown);
        tcase_add_test(channel, setting_auto_online_does_not_count_as_a_block);
        tcase_add_test(channel, a_dax_device_keeps_the_writer_from_being_idle);
        tcase_add_test(channel, the_actuator_has_more_time_than_its_longest_request);
        tcase_add_test(channel, pages_of_one_block_are_counted_at_a_time);
        tcase_add_test(channel, a_count_of_another_block_is_epipe);
        tcase_add_test(channel, without_a_reply_there_is_none);
        tcase_add_test(channel, a_channel_that_is_full_keeps_blocks_pending);
        tcase_add_test(channel, an_actuator_that_is_gone_is_epipe);
        tcase_add_test(channel, a_reply_that_was_not_asked_for_is_epipe);
        tcase_add_test(channel, a_reply_with_odd_values_is_epipe);
        tcase_add_test(channel, a_reply_of_another_size_is_epipe);
        suite_add_tcase(suite, channel);
        return check_main(suite);
}
