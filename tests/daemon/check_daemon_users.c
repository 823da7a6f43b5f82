/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tests memoryd against users who want to keep it from its work. */

#include "daemon/daemon_fixture.h"

#include "base/macro.h"
#include "check_main.h"

#include <signal.h>
#include <systemd/sd-bus.h>

#define LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"
#define INVALID_ARGS "org.freedesktop.DBus.Error.InvalidArgs"
#define CALL_TIMEOUT_USEC (3600 * USEC_PER_SEC)

#define DIMM 32

/* Users that every system has: the bus has no others. */
#define NOBODY 65534
#define OTHER 1

/* A connection of a user, with counts of what came back. */
typedef struct Client {
        sd_bus *bus;
        unsigned n_sent, n_replies, n_errors;
        char error_name[128], error_message[256]; /* of the last error */
} Client;

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Client *client = userdata;
        const sd_bus_error *failure = sd_bus_message_get_error(reply);

        (void) error;
        if (!failure) {
                client->n_replies++;
                return 0;
        }
        client->n_errors++;
        snprintf(client->error_name, sizeof(client->error_name), "%s", failure->name);
        snprintf(client->error_message, sizeof(client->error_message), "%s", failure->message);
        return 0;
}

/* The bus takes the user of a connection from the process that connects, at the time when it does. */
static void client_connect(Client *client, uid_t uid)
{
        uid_t own = geteuid();

        *client = (Client){};
        ck_assert_int_ge(sd_bus_new(&client->bus), 0);
        ck_assert_int_ge(sd_bus_set_address(client->bus, bus_address()), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(client->bus, true), 0);
        if (own == 0)
                ck_assert_int_ge(seteuid(uid), 0);
        ck_assert_int_ge(sd_bus_start(client->bus), 0);
        ck_assert_int_ge(seteuid(own), 0);
        ck_assert_int_ge(sd_bus_set_method_call_timeout(client->bus, CALL_TIMEOUT_USEC), 0);
}

static void client_close(Client *client)
{
        sd_bus_close_unref(client->bus);
}

static void client_send(Client *client, sd_bus_message *message)
{
        ck_assert_int_ge(sd_bus_call_async(client->bus, NULL, message, on_reply, client, 0), 0);
        sd_bus_message_unref(message);
        client->n_sent++;
}

static sd_bus_message *client_message(Client *client, const char *method)
{
        sd_bus_message *message = NULL;

        ck_assert_int_ge(sd_bus_message_new_method_call(client->bus, &message, "org.memoryd1",
                                                        MANAGER_PATH, MANAGER, method),
                         0);
        return message;
}

/* Reads what has come. Returns whether all calls are answered. */
static bool client_has_all(Client *client)
{
        int r;

        while ((r = sd_bus_process(client->bus, NULL)) > 0)
                ;
        ck_assert_int_ge(r, 0);
        return client->n_replies + client->n_errors == client->n_sent;
}

/* Sizes */

/* Returns an option of Plan() that is a text of `n` characters. */
static sd_bus_message *long_option(Client *client, const char *key, size_t n)
{
        sd_bus_message *message = client_message(client, "Plan");
        _cleanup_free_ char *text = malloc(n + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, '#', n);
        text[n] = 0;
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, key, "s", text), 0);
        return message;
}

static void assert_refused(Client *client, sd_bus_message *message, const char *name,
                           const char *text)
{
        client_send(client, message);
        wait_for(client_has_all(client));
        ck_assert_str_eq(client->error_name, name);
        ck_assert_str_eq(client->error_message, text);
        *client->error_name = *client->error_message = 0;
}

START_TEST(what_is_too_large_is_refused_before_polkit_is_asked)
{
        Client client;
        sd_bus_message *message;
        char word[66];

        daemon_start();
        client_connect(&client, NOBODY);
        assert_refused(&client, long_option(&client, "Config", 256 * 1024 + 1), LIMITS_EXCEEDED,
                       "Config: expected at most 262144 bytes, got 262145");
        assert_refused(&client, long_option(&client, "Config", 8 * 1024 * 1024), LIMITS_EXCEEDED,
                       "The call: expected at most 524288 bytes");
        assert_refused(&client, long_option(&client, "ConfigName", 4097), LIMITS_EXCEEDED,
                       "ConfigName: expected at most 4096 bytes, got 4097");

        memset(word, 'x', 65);
        word[65] = 0;
        assert_refused(&client, long_option(&client, word, 1), LIMITS_EXCEEDED,
                       "Key: expected at most 64 bytes, got 65");
        message = client_message(&client, "Plan");
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "Add", "as", 1, word), 0);
        assert_refused(&client, message, LIMITS_EXCEEDED,
                       "Addition: expected at most 64 bytes, got 65");
        message = client_message(&client, "Offline");
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "Device", "s", word), 0);
        assert_refused(&client, message, LIMITS_EXCEEDED,
                       "Device: expected at most 64 bytes, got 65");
        message = client_message(&client, "Plan");
        ck_assert_int_ge(
                sd_bus_message_append(message, "a{sv}", 2, "Config", "s", "", "Config", "s", ""),
                0);
        assert_refused(&client, message, INVALID_ARGS, "Option 'Config': given twice");
        ck_assert_uint_eq(polkit_count(), 0);

        /* The largest configuration that is accepted. */
        client_send(&client, long_option(&client, "Config", 256 * 1024));
        wait_for(client_has_all(&client));
        ck_assert_str_eq(client.error_name, "");
        ck_assert_uint_eq(client.n_replies, 1);
        client_close(&client);
}
END_TEST

/* Counts */

/* Sends a call without arguments so many times. */
static void client_flood(Client *client, const char *method, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                client_send(client, client_message(client, method));
        (void) client_has_all(client);
}

START_TEST(questions_of_one_user_leave_room_for_those_of_others)
{
        Client clients[2], other, root;

        daemon_start();
        polkit_set(POLKIT_HOLDS);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                client_connect(&clients[i], NOBODY);
                /* The bus has told the user when this one is answered. */
                client_flood(&clients[i], "ListBlocks", 1);
                client_flood(&clients[i], "Rescan", 1);
                wait_for(!client_has_all(&clients[i]) && polkit_count() == i + 1);
        }
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                client_flood(&clients[i], "Rescan", 126);
        wait_for((client_has_all(&clients[0]), client_has_all(&clients[1]),
                  clients[0].n_errors + clients[1].n_errors == 2 * 127 - 16));
        ck_assert_str_eq(clients[0].error_name, LIMITS_EXCEEDED);
        ck_assert_str_eq(clients[0].error_message,
                         "Calls that wait for polkit: no more for user 65534, expected at most 16 "
                         "of each user, and 96 of all together");
        wait_for(polkit_count() == 16);

        client_connect(&other, OTHER);
        client_flood(&other, "Rescan", 1);
        wait_for(!client_has_all(&other) && polkit_count() == 17);
        client_connect(&root, 0);
        client_flood(&root, "Rescan", 1);
        wait_for(client_has_all(&root));
        ck_assert_uint_eq(root.n_errors, 0);

        polkit_set(POLKIT_GRANTS);
        wait_for(client_has_all(&clients[0]) && client_has_all(&clients[1]) &&
                 client_has_all(&other));
        ck_assert_uint_eq(other.n_errors, 0);
        ck_assert_uint_eq(clients[0].n_errors + clients[1].n_errors, 2 * 127 - 16);
        /* The questions that were answered are not counted any more. */
        client_flood(&clients[0], "Rescan", 1);
        wait_for(client_has_all(&clients[0]));
        ck_assert_uint_eq(clients[0].n_errors + clients[1].n_errors, 2 * 127 - 16);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                client_close(&clients[i]);
        client_close(&other);
        client_close(&root);
}
END_TEST

/* Counts the errors that the bus passes on from memoryd before the last of `n` answers to a connection. */
static unsigned errors_before(sd_bus *monitor, const char *name, unsigned n)
{
        unsigned n_errors = 0;

        while (n > 0) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
                const char *destination;

                ck_assert_int_ge(sd_bus_process(monitor, &message), 0);
                if (!message) {
                        ck_assert_int_ge(sd_bus_wait(monitor, UINT64_MAX), 0);
                        continue;
                }
                destination = sd_bus_message_get_destination(message);
                if (sd_bus_message_is_method_error(message, LIMITS_EXCEEDED) > 0)
                        n_errors++;
                else if (sd_bus_message_get_reply_cookie(message, &(uint64_t){ 0 }) >= 0 &&
                         destination && strcmp(destination, name) == 0)
                        n--;
        }
        return n_errors;
}

/* Connects to the bus to see all messages. */
static sd_bus *monitor_connect(void)
{
        sd_bus *monitor;

        ck_assert_int_ge(sd_bus_new(&monitor), 0);
        ck_assert_int_ge(sd_bus_set_address(monitor, bus_address()), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(monitor, true), 0);
        ck_assert_int_ge(sd_bus_set_monitor(monitor, true), 0);
        ck_assert_int_ge(sd_bus_start(monitor), 0);
        ck_assert_int_ge(sd_bus_call_method(monitor, "org.freedesktop.DBus",
                                            "/org/freedesktop/DBus",
                                            "org.freedesktop.DBus.Monitoring", "BecomeMonitor",
                                            NULL, NULL, "asu", 0, 0),
                         0);
        return monitor;
}

#define FLOOD 120

/* All of the other user's calls wait at the bus behind all of the flood. */
START_TEST(calls_of_one_user_do_not_stand_before_those_of_others)
{
        Client clients[8], other;
        unsigned n_errors = 0;
        const char *name;
        sd_bus *monitor;

        daemon_start();
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                client_connect(&clients[i], NOBODY);
                client_flood(&clients[i], "ListBlocks", 1);
        }
        client_connect(&other, OTHER);
        client_flood(&other, "ListBlocks", 1);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                wait_for(client_has_all(&clients[i]));
        wait_for(client_has_all(&other));

        ck_assert_int_ge(kill(daemon_pid(), SIGSTOP), 0);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                client_flood(&clients[i], "ListBlocks", FLOOD);
                ck_assert_int_ge(sd_bus_flush(clients[i].bus), 0);
        }
        client_flood(&other, "ListBlocks", 4);
        ck_assert_int_ge(sd_bus_flush(other.bus), 0);
        monitor = monitor_connect();
        ck_assert_int_ge(sd_bus_get_unique_name(other.bus, &name), 0);
        ck_assert_int_ge(kill(daemon_pid(), SIGCONT), 0);
        /* Calls that are refused wait behind those that are not. */
        ck_assert_uint_eq(errors_before(monitor, name, 4), 0);
        sd_bus_close_unref(monitor);
        wait_for(client_has_all(&other));
        ck_assert_uint_eq(other.n_errors, 0);

        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                wait_for(client_has_all(&clients[i]));
                n_errors += clients[i].n_errors;
                client_close(&clients[i]);
        }
        /* At least those that waited were answered. */
        ck_assert_uint_gt(n_errors, 0);
        ck_assert_uint_le(n_errors, ELEMENTSOF(clients) * FLOOD - 256);
        client_close(&other);
}
END_TEST

/* Blocks whose list is large. */
#define MANY_BLOCKS 2048

/* Sends some calls, and reads no answer. While 128 of them have none, the bus itself refuses more. */
static void client_send_unread(Client *client)
{
        for (unsigned i = 0; i < 20; i++)
                client_send(client, client_message(client, "ListBlocks"));
        ck_assert_int_ge(sd_bus_flush(client->bus), 0);
}

START_TEST(a_user_who_does_not_read_answers_gets_no_more_of_them)
{
        Client hostile, other;

        testbed_add_online_blocks(8, MANY_BLOCKS, "Normal");
        testbed_link_blocks(8, MANY_BLOCKS, 0);
        daemon_start();
        client_connect(&hostile, NOBODY);
        client_connect(&other, OTHER);
        /* When this one is answered, the bus has told the user. */
        client_flood(&hostile, "ListBlocks", 1);
        wait_for(client_has_all(&hostile));
        wait_for((client_send_unread(&hostile),
                  daemon_logged("does not read its answers: user 65534")));
        for (unsigned i = 0; i < 10; i++) {
                client_flood(&other, "ListBlocks", 1);
                wait_for(client_has_all(&other));
        }
        ck_assert_uint_eq(other.n_errors, 0);

        /* Nothing is lost. */
        wait_for(client_has_all(&hostile));
        for (unsigned i = 0; !daemon_logged("Clients have read their answers"); i++) {
                client_flood(&other, "ListBlocks", 1);
                wait_for(client_has_all(&other));
                ck_assert_uint_lt(i, 100);
        }
        client_close(&hostile);
        client_close(&other);
}
END_TEST

START_TEST(calls_that_wait_end_with_the_bus)
{
        Client client;

        daemon_start();
        client_connect(&client, NOBODY);
        client_flood(&client, "ListBlocks", 1);
        wait_for(client_has_all(&client));
        ck_assert_int_ge(kill(daemon_pid(), SIGSTOP), 0);
        client_flood(&client, "ListBlocks", FLOOD);
        ck_assert_int_ge(sd_bus_flush(client.bus), 0);
        /* Calls that expect no answer. */
        for (unsigned i = 0; i < FLOOD; i++) {
                sd_bus_message *message = client_message(&client, "ListBlocks");

                ck_assert_int_ge(sd_bus_message_set_expect_reply(message, false), 0);
                ck_assert_int_ge(sd_bus_send(client.bus, message, NULL), 0);
                sd_bus_message_unref(message);
        }
        ck_assert_int_ge(sd_bus_flush(client.bus), 0);
        ck_assert_int_ge(kill(daemon_pid(), SIGCONT), 0);
        client_close(&client);
        bus_stop();
        bus_start();
        wait_for(bus_has_memoryd());
        client_connect(&client, NOBODY);
        client_flood(&client, "ListBlocks", 1);
        wait_for(client_has_all(&client));
        ck_assert_uint_eq(client.n_errors, 0);
        client_close(&client);
}
END_TEST

/* Plans */

static sd_bus_message *client_plan(Client *client, const char *addition)
{
        sd_bus_message *message = client_message(client, "Plan");

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "Add", "as", 1, addition), 0);
        return message;
}

/* A plan that takes about a second. */
static sd_bus_message *long_plan(Client *client)
{
        return client_plan(client, "1000000M@0");
}

/* Returns a child of memoryd that is not its actuator, or 0 if there is none. */
static pid_t find_child(void)
{
        char path[64], text[256] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon_pid(), daemon_pid());
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        (void) !fgets(text, sizeof(text), file);
        fclose(file);
        for (char *at = text, *end; *at; at = end) {
                pid_t pid = (pid_t) strtol(at, &end, 10);

                if (end == at)
                        break;
                if (pid > 0 && pid != daemon_actuator_pid())
                        return pid;
        }
        return 0;
}

START_TEST(a_user_plans_once_at_a_time_and_nothing_waits_for_that)
{
        Client client, other;
        pid_t child = 0;

        daemon_start();
        client_connect(&client, NOBODY);
        client_connect(&other, OTHER);
        client_send(&client, long_plan(&client));
        wait_for(client_has_all(&client) || (child = find_child()) > 0);
        ck_assert_int_gt(child, 0);
        ck_assert_int_ge(kill(child, SIGSTOP), 0);

        client_send(&client, long_plan(&client));
        wait_for((client_has_all(&client), client.n_errors == 1));
        ck_assert_str_eq(client.error_name, LIMITS_EXCEEDED);
        ck_assert_str_eq(client.error_message,
                         "Plans: no more for user 65534, expected at most 1 of each user, and 5 of "
                         "all together");
        client_flood(&client, "ListBlocks", 1);
        wait_for((client_has_all(&client), client.n_replies == 1));
        testbed_add_dimm(DIMM, 4, 0);
        wait_for(bus_count_status("done") == 4);
        /* Without root, the other user is the same. */
        if (geteuid() == 0) {
                client_send(&other, client_plan(&other, "16M@0"));
                wait_for(client_has_all(&other));
                ck_assert_uint_eq(other.n_errors, 0);
        }

        ck_assert_int_ge(kill(child, SIGKILL), 0);
        wait_for(client_has_all(&client));
        ck_assert_uint_eq(client.n_errors, 2);
        ck_assert_str_eq(
                client.error_message,
                "The process that planned has failed, or needed more than 256 MiB of memory");
        client_send(&client, client_plan(&client, "16M@0"));
        wait_for(client_has_all(&client));
        ck_assert_uint_eq(client.n_errors, 2);
        client_close(&client);
        client_close(&other);
}
END_TEST

START_TEST(a_plan_ends_with_memoryd)
{
        Client client;
        pid_t child = 0;

        daemon_start();
        client_connect(&client, NOBODY);
        client_send(&client, long_plan(&client));
        wait_for(client_has_all(&client) || (child = find_child()) > 0);
        ck_assert_int_ge(kill(child, SIGSTOP), 0);
        daemon_stop();
        ck_assert_int_lt(kill(child, 0), 0);
        client_close(&client);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon-users");
        TCase *sizes = fixture_case(suite, "sizes");
        TCase *counts = fixture_case(suite, "counts");
        TCase *plans = fixture_case(suite, "plans");

        tcase_add_test(sizes, what_is_too_large_is_refused_before_polkit_is_asked);
        /* Without root, all are one user. */
        if (geteuid() == 0) {
                tcase_add_test(counts, questions_of_one_user_leave_room_for_those_of_others);
                tcase_add_test(counts, calls_of_one_user_do_not_stand_before_those_of_others);
                tcase_add_test(counts, a_user_who_does_not_read_answers_gets_no_more_of_them);
                tcase_add_test(counts, calls_that_wait_end_with_the_bus);
        }
        tcase_add_test(plans, a_user_plans_once_at_a_time_and_nothing_waits_for_that);
        tcase_add_test(plans, a_plan_ends_with_memoryd);
        return check_main(suite);
}
