/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* An actuator that does not answer. The tests shorten the time that the writer gives it. */

#include "check_main.h"
#include "daemon/hang.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define EXIT_CODE 70
#define SHORT_USEC USEC_PER_MSEC
#define TICK_USEC (20 * USEC_PER_MSEC)
/* More than the accuracy of the timer. */
#define DEADLINE_USEC (60 * USEC_PER_SEC)

static sd_event *event;
static Writer writer;
static HangWatch watch;
static int peer, notified;

static void listen_to_notifications(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(sa_family_t);
        char path[64];

        notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(notified, 0);
        /* The kernel chooses a name: it begins with a NUL, for which NOTIFY_SOCKET= has an "@". */
        ck_assert_int_eq(bind(notified, (struct sockaddr *) &address, size), 0);
        size = sizeof(address);
        ck_assert_int_eq(getsockname(notified, (struct sockaddr *) &address, &size), 0);
        snprintf(path, sizeof(path), "@%.*s", (int) (size - sizeof(sa_family_t) - 1),
                 address.sun_path + 1);
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
}

static void setup(void)
{
        int fds[2];

        listen_to_notifications();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                         0);
        writer_init(&writer, &(ActuatorChannel){ .fd = fds[0], .cancel_fd = -EBADF });
        peer = fds[1];
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_ge(hang_watch_start(&watch, event, &writer, EXIT_CODE), 0);
}

static void teardown(void)
{
        hang_watch_done(&watch);
        sd_event_unref(event);
        writer_done(&writer);
        closep(&peer);
        closep(&notified);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec, (void) userdata;
        return 0;
}

/* Something happens that has nothing to do with the actuator. */
static void tick(void)
{
        uint64_t now;

        ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &now), 0);
        ck_assert_int_ge(sd_event_add_time(event, NULL, CLOCK_MONOTONIC, now, 1, on_tick, NULL), 0);
        ck_assert_int_gt(sd_event_run(event, DEADLINE_USEC), 0);
        while (sd_event_get_state(event) != SD_EVENT_FINISHED && sd_event_run(event, 0) > 0)
                ;
}

static void send_word(void)
{
        ck_assert_int_eq(writer_set_auto_online(&writer, NODE_NONE, ONLINE_WORD_OFFLINE), 0);
}

static void answer(void)
{
        ActuatorReply reply = {};

        ck_assert_int_eq(recv(peer, &reply.request, sizeof(reply.request), 0),
                         sizeof(reply.request));
        ck_assert_int_eq(send(peer, &reply, sizeof(reply), MSG_NOSIGNAL), sizeof(reply));
        ck_assert_int_eq(writer_receive(&writer, &reply), 1);
}

static bool is_on(void)
{
        int enabled;

        ck_assert_int_ge(sd_event_source_get_enabled(watch.timer, &enabled), 0);
        return enabled != SD_EVENT_OFF;
}

START_TEST(an_actuator_that_hangs_ends_the_loop)
{
        int code;

        send_word();
        writer.patience_usec = SHORT_USEC;
        tick();
        while (sd_event_get_state(event) != SD_EVENT_FINISHED)
                ck_assert_int_gt(sd_event_run(event, DEADLINE_USEC), 0);
        ck_assert_int_ge(sd_event_get_exit_code(event, &code), 0);
        ck_assert_int_eq(code, EXIT_CODE);
}
END_TEST

START_TEST(each_answer_begins_the_time_anew_and_the_last_ends_it)
{
        uint64_t since_usec;

        tick();
        ck_assert(!is_on());
        send_word();
        send_word();
        tick();
        ck_assert(is_on());
        since_usec = watch.since_usec;
        usleep(TICK_USEC);
        tick();
        ck_assert_uint_eq(watch.since_usec, since_usec);
        answer();
        tick();
        ck_assert_uint_gt(watch.since_usec, since_usec);
        ck_assert(is_on());
        answer();
        tick();
        ck_assert(!is_on());
}
END_TEST

/* Returns the time that the service manager was last asked for, or 0. */
static uint64_t asked_usec(void)
{
        unsigned long long usec = 0;
        char text[256];
        ssize_t n;

        while ((n = recv(notified, text, sizeof(text) - 1, 0)) > 0) {
                text[n] = 0;
                (void) sscanf(text, "EXTEND_TIMEOUT_USEC=%llu", &usec);
        }
        return usec;
}

START_TEST(a_stop_has_the_time_of_its_requests_up_to_an_end)
{
        uint64_t now, asked;

        send_word();
        tick();
        ck_assert_uint_eq(asked_usec(), 0);
        ck_assert_int_ge(sd_event_now(event, CLOCK_MONOTONIC, &now), 0);
        watch.stop_until_usec = now + 3600 * USEC_PER_SEC;
        tick();
        asked = asked_usec();
        ck_assert_uint_gt(asked, 180 * USEC_PER_SEC);
        ck_assert_uint_le(asked, 210 * USEC_PER_SEC);
        watch.stop_until_usec = now + 100 * USEC_PER_SEC;
        tick();
        ck_assert_uint_le(asked_usec(), 130 * USEC_PER_SEC);
        watch.stop_until_usec = now;
        tick();
        ck_assert_uint_eq(asked_usec(), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("hang");
        TCase *tcase = tcase_create("hang");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, an_actuator_that_hangs_ends_the_loop);
        tcase_add_test(tcase, each_answer_begins_the_time_anew_and_the_last_ends_it);
        tcase_add_test(tcase, a_stop_has_the_time_of_its_requests_up_to_an_end);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
