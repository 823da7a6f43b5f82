/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * A user who means harm:
 *
 *   hostile [ATTACK...]
 *
 * attacks memoryd over the bus, with a process for each attack, all at once, until it gets SIGTERM. Without an
 * ATTACK it makes all. Then prints a line for each attack: its name, the number of its connections to the bus, and
 * how many calls it has made, how many answers it has read, and how many of these were errors. The attack "held" has
 * one number more, which is how many questions polkit has asked it without ever getting an answer.
 *
 * An attack goes on whatever the bus or memoryd do: a connection that is lost is replaced. An attack that cannot go
 * on ends the program with an error.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define MEMORYD "org.memoryd1"
#define MEMORYD_PATH "/org/memoryd1"
#define MEMORYD_MANAGER "org.memoryd1.Manager"
#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY "org.freedesktop.PolicyKit1.Authority"

#define CONNECTIONS_MAX 1000
/* The bus has a limit for the connections of a user. So many of them are left to the other attacks. */
#define CONNECTIONS_LEFT 16
/* The bus lets a connection wait for 128 answers. */
#define CALLS_MAX 100
#define HUGE_BYTES (8U << 20)
#define MATCHES 8
/* How often lost connections are replaced. At first, so many are made at a time. */
#define TICK_USEC 100000
#define TICK_CONNECTIONS 20
#define NEVER_USEC UINT64_MAX
/* Only a polkit that hangs takes so long for its first question. */
#define HELD_MAX_USEC (300 * 1000000U)

/* What the attack has done. The process that prints it shares this memory. */
typedef struct Counts {
        volatile unsigned long connections; /* those that are open, or how many there were */
        volatile unsigned long calls;
        volatile unsigned long answers;
        volatile unsigned long errors;
        volatile unsigned long held;
} Counts;

typedef struct Attack Attack;

typedef struct Connection {
        sd_bus *bus;
        const Attack *attack;
        bool was_ready;
} Connection;

struct Attack {
        const char *name;
        void (*run)(const Attack *attack);
        /* For run_flood(): */
        int (*make_call)(sd_bus *bus, sd_bus_message **ret);
        int (*prepare)(Connection *connection); /* before the first call, or NULL */
        size_t n_connections;
        unsigned n_calls; /* that wait for their answers at once, of each connection */
};

static Counts *counts; /* of this process's attack */

static void die(const char *what, int error)
{
        fprintf(stderr, "hostile: %s: %s\n", what, strerror(-error));
        exit(EXIT_FAILURE);
}

/* Calls */

static int new_call(sd_bus *bus, sd_bus_message **ret, const char *member)
{
        return sd_bus_message_new_method_call(bus, ret, MEMORYD, MEMORYD_PATH, MEMORYD_MANAGER,
                                              member);
}

static int make_plan(sd_bus *bus, sd_bus_message **ret)
{
        int r = new_call(bus, ret, "Plan");

        return r < 0 ? r : sd_bus_message_append(*ret, "a{sv}", 1, "Add", "as", 1, "64G@0");
}

/* Its answer waits until the pages of the blocks have been counted. */
static int make_preview(sd_bus *bus, sd_bus_message **ret)
{
        int r = new_call(bus, ret, "Preview");

        return r < 0 ? r :
                       sd_bus_message_append(*ret, "sa{sv}", "offline", 2, "Size", "t",
                                             UINT64_C(1) << 27, "Force", "b", 1);
}

static int make_count(sd_bus *bus, sd_bus_message **ret)
{
        int r = new_call(bus, ret, "CountPages");

        return r < 0 ? r : sd_bus_message_append(*ret, "uu", 0, UINT32_MAX);
}

static int make_list_blocks(sd_bus *bus, sd_bus_message **ret)
{
        return new_call(bus, ret, "ListBlocks");
}

static int make_get_objects(sd_bus *bus, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(bus, ret, MEMORYD, MEMORYD_PATH,
                                              "org.freedesktop.DBus.ObjectManager",
                                              "GetManagedObjects");
}

static int make_introspect(sd_bus *bus, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(bus, ret, MEMORYD, MEMORYD_PATH,
                                              "org.freedesktop.DBus.Introspectable", "Introspect");
}

static int make_get_property(sd_bus *bus, sd_bus_message **ret)
{
        int r = sd_bus_message_new_method_call(bus, ret, MEMORYD, MEMORYD_PATH,
                                               "org.freedesktop.DBus.Properties", "Get");

        return r < 0 ? r : sd_bus_message_append(*ret, "ss", MEMORYD_MANAGER, "OnlineBytes");
}

static int make_rescan(sd_bus *bus, sd_bus_message **ret)
{
        return new_call(bus, ret, "Rescan");
}

/* A call that polkit asks the user's agent about. */
static int make_held(sd_bus *bus, sd_bus_message **ret)
{
        int r = new_call(bus, ret, "RescanAll");

        return r < 0 ? r : sd_bus_message_set_allow_interactive_authorization(*ret, true);
}

static int make_huge(sd_bus *bus, sd_bus_message **ret)
{
        static char text[HUGE_BYTES];
        int r = new_call(bus, ret, "Plan");

        memset(text, '#', sizeof(text) - 1);
        return r < 0 ? r : sd_bus_message_append(*ret, "a{sv}", 1, "Config", "s", text);
}

/* A flood of calls whose answers are read */

static void send_call(Connection *connection);

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;

        (void) error;
        /* A lost connection answers all calls by itself. */
        if (!sd_bus_is_open(connection->bus))
                return 1;
        counts->answers++;
        if (sd_bus_message_is_method_error(answer, NULL))
                counts->errors++;
        send_call(connection);
        return 1;
}

static void send_call(Connection *connection)
{
        sd_bus_message *call = NULL;
        int r = connection->attack->make_call(connection->bus, &call);

        if (r >= 0)
                r = sd_bus_call_async(connection->bus, NULL, call, on_answer, connection,
                                      NEVER_USEC);
        if (r >= 0)
                counts->calls++;
        sd_bus_message_unref(call);
}

static sd_bus *open_bus(void)
{
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, BUS_ADDRESS);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        return r < 0 ? sd_bus_close_unref(bus) : bus;
}

static void connection_open(Connection *connection, sd_event *event)
{
        connection->was_ready = false;
        connection->bus = open_bus();
        if (!connection->bus)
                return;
        if (sd_bus_attach_event(connection->bus, event, SD_EVENT_PRIORITY_NORMAL) < 0 ||
            (connection->attack->prepare && connection->attack->prepare(connection) < 0)) {
                connection->bus = sd_bus_close_unref(connection->bus);
                return;
        }
        for (unsigned i = 0; i < connection->attack->n_calls; i++)
                send_call(connection);
}

typedef struct Flood {
        sd_event *event;
        Connection connections[CONNECTIONS_MAX];
        size_t n_connections; /* how many to have */
        bool knows_limit;
} Flood;

/* Replaces what is lost, and finds out how many connections the bus allows. */
static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        Flood *flood = userdata;
        size_t n_ready = 0, n_opened = 0;
        bool is_refused = false;

        for (size_t i = 0; i < flood->n_connections; i++) {
                Connection *connection = &flood->connections[i];

                if (connection->bus && sd_bus_is_ready(connection->bus) > 0) {
                        connection->was_ready = true;
                        n_ready++;
                        continue;
                }
                if (connection->bus && sd_bus_is_open(connection->bus) > 0)
                        continue;
                is_refused |= connection->bus && !connection->was_ready;
                connection->bus = sd_bus_close_unref(connection->bus);
                if (n_opened++ < (flood->knows_limit ? 1 : TICK_CONNECTIONS))
                        connection_open(connection, flood->event);
        }
        if (is_refused && !flood->knows_limit && n_ready > CONNECTIONS_LEFT) {
                const size_t n = n_ready - CONNECTIONS_LEFT;

                flood->knows_limit = true;
                for (size_t i = n; i < flood->n_connections; i++)
                        flood->connections[i].bus = sd_bus_close_unref(flood->connections[i].bus);
                flood->n_connections = n;
        }
        counts->connections = n_ready;
        (void) sd_event_source_set_time(source, usec + TICK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void run_flood(const Attack *attack)
{
        static Flood flood;
        int r = sd_event_new(&flood.event);

        flood.n_connections = attack->n_connections;
        for (size_t i = 0; i < flood.n_connections; i++)
                flood.connections[i].attack = attack;
        if (r >= 0)
                r = sd_event_add_time_relative(flood.event, NULL, CLOCK_MONOTONIC, 0, 1, on_tick,
                                               &flood);
        if (r >= 0)
                r = sd_event_loop(flood.event);
        die(attack->name, r);
}

/* Questions that are never answered */

/* The agent that asks the user for a password. It does not answer polkit either. */
static int on_question(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata, (void) error;
        if (!sd_bus_message_is_method_call(message, NULL, "BeginAuthentication"))
                return 0;
        counts->held++;
        return 1;
}

static uint64_t start_time(void)
{
        unsigned long long ticks = 0;
        char text[1024] = "", *at;
        FILE *file = fopen("/proc/self/stat", "re");

        if (!file || !fgets(text, sizeof(text), file))
                die("/proc/self/stat", -EIO);
        fclose(file);
        /* The name of the program ends with the last parenthesis. The 20th field after it is the time. */
        at = strrchr(text, ')');
        for (int i = 0; at && i < 20; i++)
                at = strchr(at + 1, ' ');
        if (!at || sscanf(at, "%llu", &ticks) != 1)
                die("/proc/self/stat", -EBADMSG);
        return ticks;
}

/* Makes the connection the agent of this process. */
static int be_agent(Connection *connection)
{
        int r = sd_bus_add_filter(connection->bus, NULL, on_question, NULL);

        return r < 0 ? r :
                       sd_bus_call_method_async(connection->bus, NULL, POLKIT, POLKIT_PATH,
                                                POLKIT_AUTHORITY, "RegisterAuthenticationAgent",
                                                NULL, NULL, "(sa{sv})ss", "unix-process", 2, "pid",
                                                "u", (uint32_t) getpid(), "start-time", "t",
                                                start_time(), "C", "/agent");
}

/* What is never read */

/* Waits until the bus has taken what was sent. Returns a negative errno if the connection is lost. */
static int send_unread(sd_bus *bus, sd_bus_message *call)
{
        struct pollfd output = { .fd = sd_bus_get_fd(bus), .events = POLLOUT };
        int r = sd_bus_send(bus, call, NULL);

        if (r < 0)
                return r;
        counts->calls++;
        /* sd_bus_flush() would wait for input as well, and there is some. */
        return poll(&output, 1, -1) < 0 ? -errno : sd_bus_flush(bus);
}

/* Makes calls for large answers, over a few connections in turn. */
static void run_unread(const Attack *attack)
{
        int (*const make_calls[])(sd_bus *, sd_bus_message **) = { make_introspect,
                                                                   make_list_blocks,
                                                                   make_get_objects };
        static sd_bus *buses[CONNECTIONS_MAX];

        for (size_t i = 0;; i++) {
                sd_bus **bus = &buses[i % attack->n_connections];
                sd_bus_message *call = NULL;
                int r;

                if (!*bus) {
                        *bus = open_bus();
                        counts->connections++;
                }
                r = *bus ? make_calls[i / attack->n_connections % 3](*bus, &call) : -ENOTCONN;
                if (r >= 0)
                        r = send_unread(*bus, call);
                sd_bus_message_unref(call);
                if (r < 0) {
                        *bus = sd_bus_close_unref(*bus);
                        usleep(TICK_USEC);
                }
        }
}

/* Asks for every signal that there is, many times over. */
static int watch(sd_bus *bus)
{
        static const char *const matches[] = {
                "sender='org.memoryd1'",
                "type='signal'",
                "type='signal',sender='org.memoryd1',path_namespace='/org/memoryd1'",
                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < MATCHES; i++) {
                char match[256];
                sd_bus_message *call = NULL;

                /* Each rule differs from all others. */
                snprintf(match, sizeof(match), "%s,arg%zu='%zu'", matches[i % 4], i % 60, i);
                r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus",
                                                   "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                   "AddMatch");
                if (r >= 0)
                        r = sd_bus_message_append(call, "s", i < 4 ? matches[i] : match);
                if (r >= 0)
                        r = send_unread(bus, call);
                sd_bus_message_unref(call);
        }
        return r;
}

static void run_watch(const Attack *attack)
{
        static sd_bus *buses[CONNECTIONS_MAX];

        for (;; usleep(TICK_USEC))
                for (size_t i = 0; i < attack->n_connections; i++) {
                        struct pollfd hangup = { .events = 0 };

                        if (buses[i]) {
                                hangup.fd = sd_bus_get_fd(buses[i]);
                                if (poll(&hangup, 1, 0) == 0)
                                        continue;
                                buses[i] = sd_bus_close_unref(buses[i]);
                        }
                        buses[i] = open_bus();
                        counts->connections++;
                        if (buses[i] && watch(buses[i]) < 0)
                                buses[i] = sd_bus_close_unref(buses[i]);
                }
}

/* Callers who are gone before memoryd, or polkit, can ask who they are. */
static void run_gone(const Attack *attack)
{
        for (;;) {
                sd_bus *bus = open_bus();
                sd_bus_message *call = NULL;
                int r = bus ? attack->make_call(bus, &call) : -ENOTCONN;

                if (r >= 0)
                        r = send_unread(bus, call);
                sd_bus_message_unref(call);
                sd_bus_close_unref(bus);
                counts->connections++;
                if (r < 0)
                        usleep(TICK_USEC);
        }
}

/* The attacks */

static const Attack attacks[] = {
        { "held", run_flood, make_held, be_agent, 1, CALLS_MAX },
        { "plan", run_flood, make_plan, NULL, 1, CALLS_MAX },
        { "preview", run_flood, make_preview, NULL, 1, CALLS_MAX },
        { "count", run_flood, make_count, NULL, 1, CALLS_MAX },
        { "blocks", run_flood, make_list_blocks, NULL, 1, CALLS_MAX },
        { "objects", run_flood, make_get_objects, NULL, 1, CALLS_MAX },
        { "refused", run_flood, make_rescan, NULL, 1, CALLS_MAX },
        { "huge", run_flood, make_huge, NULL, 1, 2 },
        { "unread", run_unread, NULL, NULL, 4, 0 },
        { "watch", run_watch, NULL, NULL, 10, 0 },
        { "gone", run_gone, make_rescan, NULL, 1, 0 },
        { "connections", run_flood, make_get_property, NULL, CONNECTIONS_MAX, 1 },
};

#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

static bool is_wanted(const Attack *attack, char *names[])
{
        if (!names[0])
                return true;
        for (; names[0]; names++)
                if (strcmp(names[0], attack->name) == 0)
                        return true;
        return false;
}

static pid_t start(const Attack *attack, Counts *shared, const sigset_t *signals)
{
        const struct rlimit files = { 4096, 4096 };
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, attack->name);
        /* The kernel gives each session its share of the processors. */
        (void) setsid();
        (void) setrlimit(RLIMIT_NOFILE, &files);
        sigprocmask(SIG_UNBLOCK, signals, NULL);
        counts = shared;
        attack->run(attack);
        exit(EXIT_FAILURE);
}

/* The other attacks leave no room for the questions of polkit, so these come first. */
static void wait_until_held(const Counts *shared)
{
        for (unsigned usec = 0; shared->held == 0; usec += TICK_USEC) {
                if (usec > HELD_MAX_USEC)
                        die("polkit asks nothing", -ETIME);
                usleep(TICK_USEC);
        }
}

int main(int argc, char *argv[])
{
        Counts *shared = mmap(NULL, sizeof(Counts[ATTACKS]), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pids[ATTACKS] = { 0 };
        sigset_t signals;
        int signal;

        (void) argc;
        if (shared == MAP_FAILED)
                die("memory", -errno);
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGCHLD);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        for (size_t i = 0; i < ATTACKS; i++)
                if (is_wanted(&attacks[i], argv + 1)) {
                        pids[i] = start(&attacks[i], &shared[i], &signals);
                        if (pids[i] < 0)
                                die("fork", -errno);
                        if (attacks[i].make_call == make_held)
                                wait_until_held(&shared[i]);
                }
        sigwait(&signals, &signal);
        for (size_t i = 0; i < ATTACKS; i++)
                if (pids[i] > 0)
                        kill(pids[i], SIGKILL);
        for (size_t i = 0; i < ATTACKS; i++)
                if (pids[i] > 0)
                        printf("%s %lu %lu %lu %lu %lu\n", attacks[i].name, shared[i].connections,
                               shared[i].calls, shared[i].answers, shared[i].errors,
                               shared[i].held);
        return signal == SIGTERM ? EXIT_SUCCESS : EXIT_FAILURE;
}
