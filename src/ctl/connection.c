/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Connects to memoryd, calls its methods, and starts polkit's agent, which asks for a password. */

#include "base/names.h"
#include "base/text.h"
#include "ctl/ctl.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define AGENT "pkttyagent"

/* How long the agent may take to register with polkit. */
#define AGENT_TIMEOUT_MSEC 10000

static const char *where(void)
{
        return arg_host ?: arg_machine ?: "this machine";
}

/* How to start memoryd there, for the message that it does not run. */
static int not_running(void)
{
        const char *option = arg_host ? " -H " : arg_machine ? " -M " : "";

        return failure(
                "memoryd is not running on %s: 'systemctl%s%s enable --now memoryd' starts it, "
                "now and at each boot",
                where(), option,
                arg_host            ?:
                        arg_machine ?:
                                      "");
}

/* ssh and the container's manager tell themselves what is wrong on their side. */
static int no_bus(int error, const char *text)
{
        bool is_absent = error == -ENOENT || error == -ECONNREFUSED;

        if (!is_absent || arg_host || arg_machine)
                return failure("cannot reach the system bus of %s: %s", where(), text);
        return failure("cannot reach the system bus of this machine, which memoryctl asks memoryd "
                       "through: %s; 'systemctl start dbus' starts the bus, and 'systemctl enable "
                       "--now memoryd' starts memoryd",
                       text);
}

int bus_open(sd_bus **ret)
{
        int r;

        if (arg_host)
                r = sd_bus_open_system_remote(ret, arg_host);
        else if (arg_machine)
                r = sd_bus_open_system_machine(ret, arg_machine);
        else
                r = sd_bus_open_system(ret);
        if (r == -EINVAL && (arg_host || arg_machine))
                return failure("'%s' is not the name of a %s", where(),
                               arg_host ? "host" : "container");
        return r < 0 ? no_bus(r, strerror(-r)) : EXIT_SUCCESS;
}

/* Prints the faults of a configuration, a line each. */
static int faults_failure(const char *text)
{
        _cleanup_free_ char *lines = strdup(text);
        char *rest = lines, *line;

        (void) failure("configuration refused, the running one stays:");
        while ((line = strsep(&rest, "\n"))) {
                text_make_printable(line);
                fprintf(stderr, "%s\n", line);
        }
        return EXIT_FAILURE;
}

int call_failure(int error, const sd_bus_error *reply)
{
        const char *text = reply->message ?: strerror(-error);

        if (sd_bus_error_has_names(reply, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                   SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return not_running();
        if (sd_bus_error_has_names(reply, SD_BUS_ERROR_ACCESS_DENIED,
                                   SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return failure("access denied by memoryd or polkit: %s", text);
        if (sd_bus_error_has_name(reply, BUS_ERROR_INVALID_CONFIG))
                return faults_failure(text);
        if (sd_bus_error_has_names(reply, SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_NO_REPLY))
                return failure("memoryd does not answer: %s", text);
        /* An error of memoryd itself is a complete sentence. */
        if (reply->name && strncmp(reply->name, BUS_ERROR_PREFIX, strlen(BUS_ERROR_PREFIX)) == 0)
                return failure("%s", text);
        if (error == -EBADMSG && !reply->name)
                return failure(
                        "memoryd gave an answer that is not understood, is it another version?");
        /* The connection is lost, for example because ssh or the container ended. */
        if (error == -ENOTCONN || error == -ECONNRESET || error == -EPIPE)
                return no_bus(error, text);
        return failure("the call failed: %s (%s)", text, reply->name ?: "local");
}

/*
 * Never has the bus start memoryd: looking at the machine must not change it, and a memoryd that does not run
 * has no configuration to read again.
 */
static int message_new(sd_bus *bus, const char *path, const char *interface, const char *method,
                       bool may_ask, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &message, BUS_NAME, path, interface, method);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(message, false);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(message, may_ask);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

int matches_add(sd_bus *bus, const Match *matches, size_t n_matches, void *userdata)
{
        int r = 0;

        for (size_t i = 0; i < n_matches && r >= 0; i++)
                r = sd_bus_add_match(bus, NULL, matches[i].match, matches[i].handler, userdata);
        return r;
}

int manager_message_new(sd_bus *bus, const char *interface, const char *method,
                        sd_bus_message **ret)
{
        return message_new(bus, BUS_PATH, interface, method, false, ret);
}

int change_message_new(sd_bus *bus, const char *path, const char *interface, const char *method,
                       sd_bus_message **ret)
{
        return message_new(bus, path, interface, method, arg_ask_password, ret);
}

int ask_number(sd_bus *bus, const char *name, sd_bus_error *error, uint64_t *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        int r;

        r = manager_message_new(bus, "org.freedesktop.DBus.Properties", "Get", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", BUS_MANAGER_INTERFACE, name);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, error, &reply);
        if (r >= 0 && sd_bus_message_read(reply, "v", "t", ret) < 0)
                return -EBADMSG;
        return r;
}

int ask_block_size(sd_bus *bus, sd_bus_error *error, uint64_t *ret_bytes)
{
        return ask_number(bus, "BlockSizeBytes", error, ret_bytes);
}

/* Without a handler they end the loop with the exit code `userdata`. */
static int add_interrupts(sd_event *event, sd_event_signal_handler_t handler, void *userdata)
{
        static const int numbers[] = { SIGINT, SIGTERM };
        sigset_t signals;
        int r = 0;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++) {
                sd_event_source *source;

                r = sd_event_add_signal(event, &source, numbers[i], handler, userdata);
                if (r < 0)
                        return r;
                r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
                if (r >= 0)
                        r = sd_event_source_set_floating(source, true);
                sd_event_source_unref(source);
        }
        return r;
}

int loop_new(sd_bus *bus, sd_event_signal_handler_t on_interrupt, sd_event_time_handler_t on_timer,
             void *userdata, sd_event **event, sd_event_source **timer)
{
        int r = sd_event_new(event);

        if (r >= 0)
                r = add_interrupts(*event, on_interrupt, on_interrupt ? userdata : NULL);
        if (r >= 0)
                r = sd_event_add_time(*event, timer, CLOCK_MONOTONIC, USEC_INFINITY, 1, on_timer,
                                      userdata);
        return r < 0 ? r : sd_bus_attach_event(bus, *event, 0);
}

uint64_t clock_usec(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* polkit's agent */

/* polkit does not ask root, and an agent on this machine cannot answer for another machine. */
static bool agent_is_wanted(void)
{
        return arg_ask_password && !arg_host && !arg_machine && geteuid() != 0 &&
               isatty(STDIN_FILENO);
}

/* Runs the agent in the child, with no signals blocked. The agent ends when its parent does. */
_Noreturn static void agent_exec(int ready, pid_t parent)
{
        char process[24], fd[16];
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        fcntl(ready, F_SETFD, 0);
        snprintf(process, sizeof(process), "%d", (int) parent);
        snprintf(fd, sizeof(fd), "%d", ready);
        if (getppid() == parent)
                execlp(AGENT, AGENT, "--process", process, "--fallback", "--notify-fd", fd, NULL);
        _exit(EXIT_FAILURE);
}

void agent_start(Agent *agent)
{
        struct pollfd ready = { .events = POLLIN };
        pid_t parent = getpid(), pid;
        int ends[2];

        if (agent->pid > 0 || !agent_is_wanted() || pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0)
                agent_exec(ends[1], parent);
        close(ends[1]);
        /* The agent closes its end of the pipe when it is ready, or when it dies. */
        ready.fd = ends[0];
        if (pid > 0) {
                agent->pid = pid;
                (void) poll(&ready, 1, AGENT_TIMEOUT_MSEC);
        }
        close(ends[0]);
}

void agent_stop(Agent *agent)
{
        if (agent->pid <= 0)
                return;
        kill(agent->pid, SIGTERM);
        kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
