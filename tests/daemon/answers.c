/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "daemon/answers.h"

#include "base/names.h"
#include "ctl/memoryctl_fixture.h"
#include "daemon/daemon_bus.h"
#include "daemon/daemon_fixture.h"
#include "daemon/text_fixture.h"

#include <glob.h>
#include <signal.h>
#include <sys/wait.h>

/* The bus */

static unsigned n_signals;

static int on_any_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        (void) userdata;
        (void) error;
        n_signals++;
        assert_message(signal, sd_bus_message_get_member(signal));
        return 0;
}

void answers_start(void)
{
        n_signals = 0;
        ck_assert_int_ge(sd_bus_add_match(bus_connection(), NULL,
                                          "type='signal',sender='" BUS_NAME "'", on_any_signal,
                                          NULL),
                         0);
        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address(), true), 0);
}

unsigned answers_count_signals(void)
{
        return n_signals;
}

unsigned ask(sd_bus_message *message, const char *where)
{
        sd_bus_message *reply = bus_call(message);
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        bool has_lines = error && strcmp(error->name, BUS_ERROR_INVALID_CONFIG) == 0;
        unsigned n = 1;

        if (error) {
                ck_assert_msg(error->message && *error->message, "%s: %s without a text", where,
                              error->name);
                ck_assert_msg(strstr(error->name, "NoReply") == NULL, "%s: no answer", where);
                assert_printable(error->message, strlen(error->message), has_lines ? "\n" : "",
                                 where);
        } else {
                n = assert_message(reply, where);
        }
        sd_bus_message_unref(reply);
        return n;
}

unsigned ask_property(const char *path, const char *interface, const char *name)
{
        sd_bus_message *message = bus_new_call(path, "org.freedesktop.DBus.Properties", "Get");
        unsigned n;

        ck_assert_int_ge(sd_bus_message_append(message, "ss", interface, name), 0);
        n = ask(message, name);
        ck_assert_msg(!*bus_error_name(), "%s: %s", name, bus_error_message());
        return n;
}

unsigned ask_manager(const char *method)
{
        return ask(bus_new_call(MANAGER_PATH, MANAGER, method), method);
}

#define ENDLESS_MSEC 3600000

static char job[64], job_id[16], own_block[16], map_path[PATH_MAX];

/* Starts a job that does not end before it is cancelled. */
static void start_job(void)
{
        testbed_set_fault(OWN_BLOCK, 0, -1, ENDLESS_MSEC);
        strcpy(job, bus_request("Offline", 1, "Device", "s", OWN_DEVICE));
        ck_assert_str_eq(bus_error_message(), "");
        strcpy(job_id, strrchr(job, '/') + 1);
}

static void end_job(void)
{
        (void) bus_cancel(job); /* it may have been cancelled before */
        testbed_set_fault(OWN_BLOCK, 0, 0, 0);
        wait_for(bus_count_jobs() == 0);
}

static int append_nothing(sd_bus_message *message)
{
        (void) message;
        return 0;
}

static int append_block(sd_bus_message *message)
{
        return sd_bus_message_append(message, "u", OWN_BLOCK);
}

static int append_addresses(sd_bus_message *message)
{
        return sd_bus_message_append(message, "tt", UINT64_C(0), UINT64_MAX);
}

static int append_blocks(sd_bus_message *message)
{
        return sd_bus_message_append(message, "uu", 0, 3);
}

static int append_addition(sd_bus_message *message)
{
        return sd_bus_message_append(message, "a{sv}", 1, "Add", "as", 1, "64M@1:dimm");
}

static int append_request(sd_bus_message *message)
{
        return sd_bus_message_append(message, "a{sv}", 1, "Device", "s", "\x1b[2J\xc2\x9b");
}

static int append_kind(sd_bus_message *message)
{
        return sd_bus_message_append(message, "sa{sv}", "\x1b[2J\xc2\x9b", 0);
}

/* A call of each method, and how many texts its answer has at least if there is one for each name. */
static const struct {
        const char *interface, *method;
        int (*append)(sd_bus_message *message);
        unsigned least;
} methods[] = {
        { MANAGER, "ListBlocks", append_nothing, 9 * N_TEXTS },
        { MANAGER, "ListBlocksInRange", append_addresses, 9 * N_TEXTS },
        { MANAGER, "ListDevices", append_nothing, 8 },
        { MANAGER, "GetPolicy", append_nothing, 2 * 18 },
        { MANAGER, "ReadConfig", append_nothing, 3 },
        { MANAGER, "GetMetrics", append_nothing, 0 },
        { MANAGER, "ListTiers", append_nothing, 0 },
        { MANAGER, "ListCxlDevices", append_nothing, 0 },
        { MANAGER, "Explain", append_block, 10 },
        { MANAGER, "CountPages", append_blocks, 0 },
        { MANAGER, "History", append_nothing, 7 * 512 },
        { MANAGER, "Plan", append_addition, 8 },
        { MANAGER, "Verify", append_nothing, 4 * N_TEXTS },
        { MANAGER, "VerifyNotes", append_nothing, 4 },
        { MANAGER, "Reload", append_nothing, 0 },
        { MANAGER, "Rescan", append_nothing, 0 },
        { MANAGER, "RescanAll", append_nothing, 0 },
        { MANAGER, "Online", append_request, 1 },
        { MANAGER, "Offline", append_request, 1 },
        { MANAGER, "SetZone", append_request, 1 },
        { MANAGER, "Preview", append_kind, 1 },
        { MANAGER, "ListJobs", append_nothing, 6 },
        { BUS_JOB_INTERFACE, "Cancel", append_nothing, 0 },
};

static void ask_method(const char *path, const char *interface, const char *method, bool is_full)
{
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                sd_bus_message *message;
                unsigned n;

                if (strcmp(methods[i].interface, interface) != 0 ||
                    strcmp(methods[i].method, method) != 0)
                        continue;
                message = bus_new_call(path, interface, method);
                ck_assert_int_ge(methods[i].append(message), 0);
                n = ask(message, method);
                ck_assert_msg(!is_full || n >= methods[i].least, "%s: only %u texts", method, n);
                return;
        }
        ck_abort_msg("%s.%s: a method that this test does not call", interface, method);
}

/* Copies the name in a line of introspection data that begins so. */
static bool read_name(const char *line, const char *beginning, char name[static 64])
{
        return strncmp(line, beginning, strlen(beginning)) == 0 &&
               sscanf(line + strlen(beginning), "%63[^\"]", name) == 1;
}

/* Calls all that an object's introspection data has. Returns its number of interfaces of memoryd. */
static unsigned ask_object(const char *path, bool is_full)
{
        sd_bus_message *reply =
                bus_call(bus_new_call(path, "org.freedesktop.DBus.Introspectable", "Introspect"));
        char interface[64] = "", name[64];
        const char *data;
        unsigned n = 0;

        ck_assert_msg(!*bus_error_name(), "%s: %s", path, bus_error_message());
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &data), 0);
        assert_printable(data, strlen(data), "\n", path);
        for (const char *line = data; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (read_name(line, " <interface name=\"", interface))
                        n += strncmp(interface, "org.memoryd1.", strlen("org.memoryd1.")) == 0;
                else if (strncmp(interface, "org.freedesktop.DBus.",
                                 strlen("org.freedesktop.DBus.")) == 0)
                        continue;
                else if (read_name(line, "  <method name=\"", name))
                        ask_method(path, interface, name, is_full);
                else if (read_name(line, "  <property name=\"", name))
                        ask_property(path, interface, name);
        }
        sd_bus_message_unref(reply);
        return n;
}

static size_t count_interfaces(void)
{
        char pattern[PATH_MAX];
        glob_t found = {};
        size_t n;

        snprintf(pattern, sizeof(pattern), "%s/src/bus/org.memoryd1.*.xml",
                 environment("srcdir", "."));
        ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
        n = found.gl_pathc;
        globfree(&found);
        return n;
}

void assert_bus_answers(bool is_full)
{
        const char *const paths[] = { LOG_CONTROL_PATH, MANAGER_PATH, MANAGER_PATH "/node/0",
                                      MANAGER_PATH "/node/0/zone/Normal", job };
        unsigned n = 0;

        start_job();
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                n += ask_object(paths[i], is_full);
        ck_assert_uint_eq(n, count_interfaces());
        ask(bus_new_call(MANAGER_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
            "objects");
        end_job();
}

/* memoryctl */

#define ARGUMENTS_MAX 12

void run(const char *const *arguments)
{
        pid_t pid = launch(arguments);
        siginfo_t info = {};

        wait_for(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
                 info.si_pid == pid);
        finish();
        ck_assert_msg(output.exit_code >= 0 && output.exit_code < 64, "%s: ended with %d: %s",
                      arguments[1], output.exit_code, output.err);
        /* The lines of configuration files may have tabs. */
        assert_printable(output.out, strlen(output.out),
                         strcmp(arguments[1], "config") == 0 ? "\n\t" : "\n", arguments[1]);
        assert_printable(output.err, strlen(output.err), "\n", arguments[1]);
}

/* How each verb is called. Those behind "cancel" would wait for the job of start_job(). */
static const struct {
        const char *name, *arguments[4];
        bool has_tree; /* takes --sysroot */
        bool may_fail;
} verbs[] = {
        { "status", {}, false, false },
        { "jobs", { "--output", "+ZONE,PATH,UID" }, false, false },
        { "cancel", { job_id }, false, true },
        { "monitor", {}, false, false },
        { "list", { "--all", "--output", "+RULE,GUARDS,STATUS,DEVICE,ORIGIN,ZONES" }, true, false },
        { "nodes", { "--output", "+KERNEL_AUTO_ONLINE,TIER" }, true, true },
        { "zones", {}, true, false },
        { "devices", { OWN_DEVICE }, true, true },
        { "map", {}, true, false },
        { "explain", { own_block }, false, false },
        { "history", { "--output", "+DEVICE,RULE,GUARDS" }, false, false },
        { "plan", { "--all", "--output", "+DEVICE,RULE,GUARDS" }, true, false },
        { "offline", { "--device", OWN_DEVICE }, false, true },
        { "online", { "--device", OWN_DEVICE }, false, true },
        { "set-zone", { "--device", OWN_DEVICE, "kernel", "--force" }, false, true },
        { "config", {}, true, true },
        { "metrics", {}, false, false },
        { "help", { "devices" }, false, false },
        { "verify", {}, false, true },
        { "rescan", {}, false, false },
        { "reload", {}, false, true },
};

/* Lets a monitor see a job. */
static void run_monitor(const char *const *arguments)
{
        pid_t pid = launch(arguments);

        wait_for_output("running");
        start_job();
        end_job();
        wait_for_output("cancelled");
        ck_assert_int_ge(kill(pid, SIGINT), 0);
        finish();
        ck_assert_int_eq(output.exit_code, 0);
        assert_printable(output.out, strlen(output.out), "\n", "monitor");
        ck_assert_str_eq(output.err, "");
}

static void run_verb(size_t i, bool is_json, bool has_tree)
{
        const char *arguments[ARGUMENTS_MAX] = { "memoryctl", verbs[i].name };
        bool is_monitor = strcmp(verbs[i].name, "monitor") == 0;
        size_t n = 2;

        for (size_t k = 0; k < ELEMENTSOF(verbs[i].arguments) && verbs[i].arguments[k]; k++)
                arguments[n++] = verbs[i].arguments[k];
        if (is_json)
                arguments[n++] = "--json";
        if (has_tree) {
                arguments[n++] = "--sysroot";
                arguments[n++] = testbed_dir();
        }
        (is_monitor ? run_monitor : run)(arguments);
        ck_assert_msg(!strstr(output.err, "does not answer"), "%s", output.err);
        if (output.exit_code != EXIT_USAGE && !has_tree && !verbs[i].may_fail)
                ck_assert_msg(output.exit_code == 0, "%s: %s", verbs[i].name, output.err);
        if (output.exit_code == EXIT_USAGE)
                ck_assert_msg(is_json && strstr(output.err, "option '--json' has no meaning"),
                              "%s: %s", verbs[i].name, output.err);
        else if (is_json && (*output.out || output.exit_code == 0))
                assert_json(output.out, is_monitor, verbs[i].name);
}

static size_t find_verb(const char *name)
{
        size_t i = 0;

        while (i < ELEMENTSOF(verbs) && strcmp(verbs[i].name, name) != 0)
                i++;
        ck_assert_msg(i < ELEMENTSOF(verbs), "%s: a verb that this test does not run", name);
        return i;
}

/* Finds a beginning in a text. Returns what is behind it, or NULL. */
static const char *next_line(const char *line, const char *beginning)
{
        line = strstr(line, beginning);
        return line ? line + strlen(beginning) : NULL;
}

static void assert_verbs_are_known(void)
{
        size_t n = 0;
        char name[32];

        RUN_WITH("--help");
        *strstr(output.out, "\n\nOptions:\n") = 0;
        for (const char *line = strstr(output.out, "\nVerbs that show memory:\n");
             (line = next_line(line, "\n  ")); n++) {
                ck_assert_int_eq(sscanf(line, "%31s", name), 1);
                find_verb(name);
        }
        ck_assert_uint_eq(n, ELEMENTSOF(verbs));
}

static void assert_picture(void)
{
        static char picture[OUTPUT_MAX];
        FILE *file;

        RUN_WITH("map", "--svg", map_path);
        ck_assert_int_eq(output.exit_code, 0);
        file = fopen(map_path, "re");
        ck_assert_ptr_nonnull(file);
        assert_printable(picture, fread(picture, 1, sizeof(picture), file), "\n", "picture");
        fclose(file);
}

void assert_memoryctl_answers(void)
{
        assert_verbs_are_known();
        snprintf(own_block, sizeof(own_block), "%d", OWN_BLOCK);
        snprintf(map_path, sizeof(map_path), "%.3000s/map.svg", testbed_dir());
        start_job();
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                for (unsigned form = 0; form < (verbs[i].has_tree ? 4 : 2); form++)
                        run_verb(i, form % 2 == 0, form >= 2);
                if (strcmp(verbs[i].name, "cancel") == 0)
                        end_job();
        }
        assert_picture();
}

/* The options of memoryctl that have a value, each with a verb that takes it, and what stands before a text. */
static const struct {
        const char *name, *verb, *prefix;
} options[] = {
        { "output", "list", "" },
        { "sysroot", "list", "/nonexistent/" },
        { "architecture", "list", "" },
        { "virtualization", "list", "" },
        { "add", "plan", "" },
        { "config", "plan", "/nonexistent/" },
        { "with-drop-in", "plan", "/nonexistent/" },
        { "svg", "map", "/nonexistent/" },
        { "file", "metrics", "/nonexistent/" },
        { "node", "offline", "" },
        { "device", "offline", "" },
        { "size", "offline", "" },
        { "zone", "online", "" },
        { "movable", "set-zone", "" },
        { "timeout", "offline", "" },
        { "since", "history", "x" },
        { "host", "status", "" },
        { "machine", "status", "" },
};

static void run_option(const char *name, const char *text)
{
        static char argument[N_TEXTS * 32];
        size_t i = 0;

        while (i < ELEMENTSOF(options) && strcmp(options[i].name, name) != 0)
                i++;
        ck_assert_msg(i < ELEMENTSOF(options), "--%s: an option that this test does not give",
                      name);
        snprintf(argument, sizeof(argument), "--%s=%s%s", name, options[i].prefix, text);
        RUN_WITH(options[i].verb, argument);
        ck_assert_msg(output.exit_code > 0 && *output.err, "%s: no failure", argument);
}

void assert_arguments_are_refused(const char *text)
{
        static char help[1 << 16], argument[N_TEXTS * 32];
        char name[32];

        RUN_WITH("--help");
        snprintf(help, sizeof(help), "%s", strstr(output.out, "\nOptions:\n"));
        for (const char *line = help; (line = next_line(line, " --"));)
                if (sscanf(line, "%31[a-z-]", name) == 1 && line[strlen(name)] == ' ' &&
                    line[strlen(name) + 1] != ' ')
                        run_option(name, text);
        snprintf(argument, sizeof(argument), "x%s", text);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                RUN_WITH(verbs[i].name, argument, argument);
        RUN_WITH(argument);
        snprintf(argument, sizeof(argument), "--x%s", text);
        RUN_WITH(argument);
}
