/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "daemon/daemon_bus.h"

#include "base/names.h"
#include "daemon/daemon_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define TEXT_MAX (1 << 16)

/* Longer than the deadlines of what is waited for, which tell more. */
#define CALL_TIMEOUT_USEC (3600 * USEC_PER_SEC)

static sd_bus *bus;
static pid_t bus_pid;
static Signals signals;
static Polkit polkit_answer;
static unsigned polkit_asked;
static char error_name[256], error_message[4096], text_result[TEXT_MAX];

static const char bus_config[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\" "
        "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig>\n"
        " <listen>%s</listen>\n"
        " <auth>EXTERNAL</auth>\n"
        " <policy context=\"default\">\n"
        "  <allow user=\"*\"/>\n"
        "  <allow own=\"*\"/>\n"
        "  <allow send_destination=\"*\"/>\n"
        "  <allow receive_sender=\"*\"/>\n"
        " </policy>\n"
        "</busconfig>";

/* polkit */

#define HELD_MAX 128

static sd_bus_message *held[HELD_MAX];
static size_t n_held;

static int method_check_authorization(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata;
        polkit_asked++;
        if (polkit_answer == POLKIT_HOLDS) {
                ck_assert_uint_lt(n_held, HELD_MAX);
                held[n_held++] = sd_bus_message_ref(message);
                return 1;
        }
        if (polkit_answer == POLKIT_FAILS)
                return sd_bus_error_set(error, "org.freedesktop.PolicyKit1.Error.Failed", "No");
        return sd_bus_reply_method_return(message, "(bba{ss})", polkit_answer == POLKIT_GRANTS, 0,
                                          0);
}

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})",
                      method_check_authorization, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

void polkit_set(Polkit answer)
{
        polkit_answer = answer;
        while (answer != POLKIT_HOLDS && n_held > 0) {
                sd_bus_message *message = held[--n_held];

                ck_assert_int_ge(sd_bus_reply_method_return(message, "(bba{ss})",
                                                            answer == POLKIT_GRANTS, 0, 0),
                                 0);
                sd_bus_message_unref(message);
        }
}

unsigned polkit_count(void)
{
        return polkit_asked;
}

/* Signals */

static void note_ranges(sd_bus_message *message)
{
        uint32_t first, last;

        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', "(uu)"), 0);
        while (sd_bus_message_read(message, "(uu)", &first, &last) > 0) {
                ck_assert_uint_le(first, last);
                signals.lowest = MIN(signals.lowest, first);
                signals.highest = MAX(signals.highest, last);
        }
}

/* What PropertiesChanged said of a property last. */
typedef struct LastValue {
        char name[128]; /* object and property */
        char text[64];
} LastValue;

#define LAST_VALUES_MAX 128

static LastValue last_values[LAST_VALUES_MAX];
static size_t n_last_values;

/* PropertiesChanged carries what has changed, and nothing else: no value comes twice in a row. */
static void note_value(const char *path, const char *key, const char *text)
{
        char name[128];
        size_t i = 0;

        snprintf(name, sizeof(name), "%s %s", path, key);
        while (i < n_last_values && strcmp(last_values[i].name, name) != 0)
                i++;
        if (i < n_last_values)
                ck_assert_msg(strcmp(last_values[i].text, text) != 0, "%s is %s as before", name,
                              text);
        else
                ck_assert_uint_lt(n_last_values++, LAST_VALUES_MAX);
        strcpy(last_values[i].name, name);
        snprintf(last_values[i].text, sizeof(last_values[i].text), "%s", text);
}

/* The text of a basic value; "" for others, which are skipped. */
static const char *read_variant(sd_bus_message *message, char text[static 64])
{
        const char *contents, *string;
        uint64_t number;
        uint32_t word;
        char type;

        *text = 0;
        ck_assert_int_gt(sd_bus_message_peek_type(message, &type, &contents), 0);
        if (strcmp(contents, "s") == 0) {
                ck_assert_int_gt(sd_bus_message_read(message, "v", "s", &string), 0);
                snprintf(text, 64, "\"%s\"", string);
        } else if (strcmp(contents, "t") == 0) {
                ck_assert_int_gt(sd_bus_message_read(message, "v", "t", &number), 0);
                snprintf(text, 64, "%llu", (unsigned long long) number);
        } else if (strspn(contents, "uib") == 1 && !contents[1]) {
                ck_assert_int_gt(sd_bus_message_read(message, "v", contents, &word), 0);
                snprintf(text, 64, "%u", word);
        } else {
                ck_assert_int_gt(sd_bus_message_skip(message, "v"), 0);
        }
        return text;
}

static void note_properties(sd_bus_message *message)
{
        const char *interface, *key;
        char text[64];

        ck_assert_int_gt(sd_bus_message_read(message, "s", &interface), 0);
        signals.manager_changed += strcmp(interface, MANAGER) == 0;
        signals.node_changed += strcmp(interface, NODE) == 0;
        signals.job_changed += strcmp(interface, BUS_JOB_INTERFACE) == 0;
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                ck_assert_int_gt(sd_bus_message_read(message, "s", &key), 0);
                signals.failures_changed += strcmp(key, "Failures") == 0;
                if (*read_variant(message, text))
                        note_value(sd_bus_message_get_path(message), key, text);
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        }
}

static void note_failures(sd_bus_message *message)
{
        const char *text;

        ck_assert_int_gt(sd_bus_message_enter_container(message, 'v', "a(uis)"), 0);
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', "(uis)"), 0);
        while (sd_bus_message_read(message, "(uis)", &signals.failed_block, &signals.failed_error,
                                   &text) > 0)
                snprintf(signals.failure, sizeof(signals.failure), "%s", text);
        ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
}

static void note_report_entry(sd_bus_message *message)
{
        const struct {
                const char *key;
                uint32_t *number;
        } numbers[] = {
                { "TotalBlocks", &signals.total },
                { "DoneBlocks", &signals.done },
                { "FailedBlocks", &signals.failed },
                { "UndoneBlocks", &signals.undone },
        };
        const char *key, *text;

        ck_assert_int_gt(sd_bus_message_read(message, "s", &key), 0);
        if (strcmp(key, "Failures") == 0) {
                note_failures(message);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (strcmp(key, numbers[i].key) == 0) {
                        ck_assert_int_gt(sd_bus_message_read(message, "v", "u", numbers[i].number),
                                         0);
                        return;
                }
        if (strcmp(key, "Message") != 0) {
                ck_assert_int_gt(sd_bus_message_skip(message, "v"), 0);
                return;
        }
        ck_assert_int_gt(sd_bus_message_read(message, "v", "s", &text), 0);
        snprintf(signals.message, sizeof(signals.message), "%s", text);
}

static void note_job_removed(sd_bus_message *message)
{
        const char *path, *result;
        uint32_t id;

        signals.job_removed++;
        ck_assert_int_gt(sd_bus_message_read(message, "uos", &id, &path, &result), 0);
        snprintf(signals.job, sizeof(signals.job), "%s", path);
        snprintf(signals.result, sizeof(signals.result), "%s", result);
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                note_report_entry(message);
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        }
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(message);

        (void) userdata;
        (void) error;
        if (strcmp(member, "BlocksChanged") == 0) {
                signals.blocks_changed++;
                note_ranges(message);
        } else if (strcmp(member, "CapacityChanged") == 0) {
                signals.capacity_changed++;
                ck_assert_int_gt(sd_bus_message_read(message, "tt", &signals.online_bytes,
                                                     &signals.movable_bytes),
                                 0);
        } else if (strcmp(member, "KernelMemoryShort") == 0) {
                signals.kernel_memory_short++;
                ck_assert_int_gt(sd_bus_message_read(message, "utt", &signals.short_node,
                                                     &signals.short_free_bytes,
                                                     &signals.short_low_bytes),
                                 0);
        } else if (strcmp(member, "PropertiesChanged") == 0) {
                note_properties(message);
        } else if (strcmp(member, "JobNew") == 0) {
                signals.job_new++;
        } else if (strcmp(member, "JobRemoved") == 0) {
                note_job_removed(message);
        } else if (strcmp(member, "InterfacesAdded") == 0) {
                signals.objects_added++;
        } else if (strcmp(member, "InterfacesRemoved") == 0) {
                signals.objects_removed++;
        }
        return 0;
}

const Signals *bus_signals(void)
{
        return &signals;
}

void bus_forget_values(void)
{
        n_last_values = 0;
}

void bus_forget_signals(void)
{
        signals = (Signals){ .lowest = UINT32_MAX };
}

/* The bus and the connection to it */

const char *bus_address(void)
{
        static char address[PATH_MAX + 32];

        snprintf(address, sizeof(address), "unix:path=%s/bus/socket", testbed_dir());
        return address;
}

static _Noreturn void exec_bus(int ready_fd)
{
        char config[PATH_MAX], ready[32], log[PATH_MAX];
        int fd;

        snprintf(config, sizeof(config), "--config-file=%.3000s/bus/bus.conf", testbed_dir());
        snprintf(ready, sizeof(ready), "--print-address=%d", ready_fd);
        snprintf(log, sizeof(log), "%.3000s/bus/log", testbed_dir());
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd >= 0)
                dup2(fd, STDERR_FILENO);
        /* It sees the machine as it is, and ends with this process in any case. */
        unsetenv("LD_PRELOAD");
        unsetenv("UMOCKDEV_DIR");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("dbus-daemon", "dbus-daemon", config, ready, "--nofork", "--nopidfile", NULL);
        _exit(127);
}

static void spawn_bus(void)
{
        char text[sizeof(bus_config) + 2 * PATH_MAX];
        int fds[2];

        snprintf(text, sizeof(text), bus_config, bus_address());
        testbed_write("bus/bus.conf", text);
        ck_assert_int_ge(pipe(fds), 0);
        bus_pid = fork();
        ck_assert_int_ge(bus_pid, 0);
        if (bus_pid == 0)
                exec_bus(fds[1]);
        close(fds[1]);
        /* It prints its address when it can be reached. */
        ck_assert_int_gt(read(fds[0], text, sizeof(text)), 0);
        close(fds[0]);
}

void bus_start(void)
{
        spawn_bus();
        bus_forget_signals();
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_address(bus, bus_address()), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(bus, true), 0);
        ck_assert_int_ge(sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        ck_assert_int_ge(sd_bus_add_match(bus, NULL,
                                          "type='signal',sender='" BUS_NAME
                                          "',path_namespace='" BUS_PATH "'",
                                          on_signal, NULL),
                         0);
        ck_assert_int_ge(sd_bus_add_object_vtable(
                                 bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                 "org.freedesktop.PolicyKit1.Authority", polkit_vtable, NULL),
                         0);
        ck_assert_int_ge(sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0), 0);
}

void bus_stop(void)
{
        char path[PATH_MAX];

        if (bus_pid <= 0)
                return;
        bus = sd_bus_close_unref(bus);
        ck_assert_int_ge(kill(bus_pid, SIGTERM), 0);
        ck_assert_int_eq(waitpid(bus_pid, NULL, 0), bus_pid);
        bus_pid = 0;
        snprintf(path, sizeof(path), "%.3000s/bus/socket", testbed_dir());
        (void) unlink(path);
}

sd_bus *bus_connection(void)
{
        return bus;
}

int bus_fd(void)
{
        return bus ? sd_bus_get_fd(bus) : -EBADF;
}

bool bus_process(void)
{
        int r = bus ? sd_bus_process(bus, NULL) : 0;

        ck_assert_int_ge(r, 0);
        return r > 0;
}

/* Calls. Asynchronous, so that polkit answers meanwhile. */

typedef struct Call {
        sd_bus_message *reply;
} Call;

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Call *call = userdata;

        (void) error;
        call->reply = sd_bus_message_ref(reply);
        return 0;
}

static void note_error(sd_bus_message *reply)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        snprintf(error_name, sizeof(error_name), "%s", error ? error->name : "");
        snprintf(error_message, sizeof(error_message), "%s",
                 error && error->message ? error->message : "");
}

sd_bus_message *bus_call(sd_bus_message *message)
{
        Call call = {};

        ck_assert_int_ge(sd_bus_call_async(bus, NULL, message, on_reply, &call, 0), 0);
        sd_bus_message_unref(message);
        wait_for(call.reply);
        note_error(call.reply);
        return call.reply;
}

sd_bus_message *bus_new_call(const char *path, const char *interface, const char *method)
{
        sd_bus_message *message = NULL;

        ck_assert_int_ge(
                sd_bus_message_new_method_call(bus, &message, BUS_NAME, path, interface, method),
                0);
        return message;
}

bool bus_has_memoryd(void)
{
        if (sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL) < 0)
                return false;
        /* memoryd learns of its name before it reads this. */
        sd_bus_message_unref(
                bus_call(bus_new_call(MANAGER_PATH, "org.freedesktop.DBus.Peer", "Ping")));
        return true;
}

const char *bus_error_name(void)
{
        return error_name;
}

const char *bus_error_message(void)
{
        return error_message;
}

const char *bus_verify(const char *method)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, method));
        const char *check, *subject, *text, *advice;

        text_result[0] = 0;
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(ssss)"), 0);
        while (sd_bus_message_read(reply, "(ssss)", &check, &subject, &text, &advice) > 0) {
                ck_assert_uint_lt(strlen(text_result) + strlen(subject) + 64, sizeof(text_result));
                strcat(strcat(text_result, check), ": ");
                strcat(strcat(text_result, subject), "\n");
        }
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_call_manager(const char *method)
{
        sd_bus_message_unref(bus_call(bus_new_call(MANAGER_PATH, MANAGER, method)));
        return error_name;
}

/* Options of Plan. A negative errno for a message that cannot be sent. */
static int append_plan_options(sd_bus_message *message, const PlanOptions *options)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0 && options->additions) {
                r = sd_bus_message_open_container(message, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(message, "s", "Add");
                if (r >= 0)
                        r = sd_bus_message_open_container(message, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_append_strv(message, (char **) options->additions);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        if (r >= 0 && options->config)
                r = sd_bus_message_append(message, "{sv}", "Config", "s", options->config);
        if (r >= 0 && options->config_name)
                r = sd_bus_message_append(message, "{sv}", "ConfigName", "s", options->config_name);
        if (r >= 0 && options->drop_in)
                r = sd_bus_message_append(message, "{sv}", "DropIn", "s", options->drop_in);
        if (r >= 0 && options->drop_in_name)
                r = sd_bus_message_append(message, "{sv}", "DropInName", "s",
                                          options->drop_in_name);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

const char *bus_plan_many(const char *addition, unsigned times)
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Plan");
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", "Add");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "s");
        for (unsigned i = 0; r >= 0 && i < times; i++)
                r = sd_bus_message_append(message, "s", addition);
        for (unsigned i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(message);
        ck_assert_int_ge(r, 0);
        sd_bus_message_unref(bus_call(message));
        return error_name;
}

/* Jobs */

static const char *take_path(sd_bus_message *reply)
{
        static char path[64];
        const char *text = "";

        if (!*error_name)
                ck_assert_int_gt(sd_bus_message_read(reply, "o", &text), 0);
        snprintf(path, sizeof(path), "%s", text);
        sd_bus_message_unref(reply);
        return path;
}

const char *bus_request(const char *method, unsigned n_entries, ...)
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, method);
        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        va_list entries;

        va_start(entries, n_entries);
        for (unsigned i = 0; r >= 0 && i < n_entries; i++)
                r = sd_bus_message_appendv(message, "{sv}", entries);
        va_end(entries);
        ck_assert_int_ge(r, 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        return take_path(bus_call(message));
}

const char *bus_request_blocks(const char *method, uint32_t first, uint32_t last)
{
        return bus_request(method, 1, "Blocks", "a(uu)", 1, first, last);
}

const char *bus_preview(const char *kind, unsigned n_entries, ...)
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Preview"), *reply;
        int r = sd_bus_message_append(message, "s", kind);
        const char *from, *to;
        uint64_t bytes, node_bytes, movable_bytes;
        va_list entries;
        size_t n = 0;
        int32_t node;

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "{sv}");
        va_start(entries, n_entries);
        for (unsigned i = 0; r >= 0 && i < n_entries; i++)
                r = sd_bus_message_appendv(message, "{sv}", entries);
        va_end(entries);
        ck_assert_int_ge(r, 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        reply = bus_call(message);
        *text_result = 0;
        if (*error_name) {
                sd_bus_message_unref(reply);
                return text_result;
        }
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(" BUS_EFFECT_FIELDS ")"), 0);
        while (sd_bus_message_enter_container(reply, 'r', BUS_EFFECT_FIELDS) > 0) {
                uint32_t first, last;

                ck_assert_int_gt(sd_bus_message_read(reply, "iss", &node, &from, &to), 0);
                n += (size_t) snprintf(text_result + n, TEXT_MAX - n, "node %d %s->%s", node, from,
                                       to);
                ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(uu)"), 0);
                while (sd_bus_message_read(reply, "(uu)", &first, &last) > 0)
                        n += (size_t) snprintf(text_result + n, TEXT_MAX - n, " %u-%u", first,
                                               last);
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
                ck_assert_int_gt(
                        sd_bus_message_read(reply, "ttt", &bytes, &node_bytes, &movable_bytes), 0);
                n += (size_t) snprintf(text_result + n, TEXT_MAX - n, " (%u of %u, %u movable)\n",
                                       (unsigned) (bytes / TESTBED_BLOCK_BYTES),
                                       (unsigned) (node_bytes / TESTBED_BLOCK_BYTES),
                                       (unsigned) (movable_bytes / TESTBED_BLOCK_BYTES));
                ck_assert_uint_lt(n, TEXT_MAX);
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
        }
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_cancel(const char *job)
{
        sd_bus_message_unref(bus_call(bus_new_call(job, BUS_JOB_INTERFACE, "Cancel")));
        return error_name;
}

static sd_bus_message *list_jobs(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "ListJobs"));

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', BUS_JOB_SIGNATURE), 0);
        return reply;
}

unsigned bus_count_jobs(void)
{
        sd_bus_message *reply = list_jobs();
        unsigned n = 0;

        while (sd_bus_message_skip(reply, BUS_JOB_SIGNATURE) > 0)
                n++;
        sd_bus_message_unref(reply);
        return n;
}

const char *bus_get_job(unsigned i)
{
        sd_bus_message *reply = list_jobs();
        const char *path, *kind, *state, *target, *zone, *user;
        uint32_t id, total, done, failed, uid;

        for (unsigned skipped = 0; skipped < i; skipped++)
                ck_assert_int_gt(sd_bus_message_skip(reply, BUS_JOB_SIGNATURE), 0);
        ck_assert_int_gt(sd_bus_message_read(reply, BUS_JOB_SIGNATURE, &id, &path, &kind, &state,
                                             &target, &zone, &user, &total, &done, &failed, &uid),
                         0);
        snprintf(text_result, TEXT_MAX, "%s %s %s", kind, state, target);
        sd_bus_message_unref(reply);
        return text_result;
}

/* Calls from a user other than root. */
typedef struct ForeignCall {
        const char *path;
        const char *interface;
        const char *method;
        const PlanOptions *options; /* or NULL */
        const char *kind;           /* of Preview, before the request; or NULL */
        bool has_node;              /* a request for a node */
        uint32_t node;
        bool force;
} ForeignCall;

static int append_foreign(sd_bus_message *message, const ForeignCall *call)
{
        if (call->options)
                return append_plan_options(message, call->options);
        if (call->kind && sd_bus_message_append(message, "s", call->kind) < 0)
                return -ENOMEM;
        if (call->has_node)
                return sd_bus_message_append(message, "a{sv}", 2, "Node", "u", call->node, "Force",
                                             "b", call->force);
        return 0;
}

/* In a process of its own: calls, and writes the error's name to a pipe. */
static _Noreturn void call_as_nobody(const ForeignCall *call, int result_fd)
{
        const struct passwd *nobody = getpwnam("nobody");
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        sd_bus *own = NULL;
        const char *name;

        if (geteuid() == 0 && (!nobody || setgid(nobody->pw_gid) < 0 || setuid(nobody->pw_uid) < 0))
                _exit(EXIT_FAILURE);
        if (sd_bus_new(&own) < 0 || sd_bus_set_address(own, bus_address()) < 0 ||
            sd_bus_set_bus_client(own, true) < 0 || sd_bus_start(own) < 0)
                _exit(EXIT_FAILURE);
        if (sd_bus_message_new_method_call(own, &message, BUS_NAME, call->path, call->interface,
                                           call->method) < 0 ||
            append_foreign(message, call) < 0)
                _exit(EXIT_FAILURE);
        (void) sd_bus_call(own, message, UINT64_MAX, &error, NULL);
        name = error.name ?: "";
        _exit(write(result_fd, name, strlen(name) + 1) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static const char *fork_as_nobody(const ForeignCall *call)
{
        int fds[2], status = 0;
        pid_t pid;

        ck_assert_int_ge(pipe(fds), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                call_as_nobody(call, fds[1]);
        close(fds[1]);
        wait_for(waitpid(pid, &status, WNOHANG) == pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_gt(read(fds[0], error_name, sizeof(error_name)), 0);
        close(fds[0]);
        return error_name;
}

const char *bus_call_manager_as_nobody(const char *method)
{
        return fork_as_nobody(&(ForeignCall){ MANAGER_PATH, MANAGER, method, .options = NULL });
}

const char *bus_plan_as_nobody(const PlanOptions *options)
{
        return fork_as_nobody(&(ForeignCall){ MANAGER_PATH, MANAGER, "Plan", .options = options });
}

const char *bus_request_as_nobody(const char *method, uint32_t node, bool force)
{
        return fork_as_nobody(&(ForeignCall){ MANAGER_PATH, MANAGER, method, .has_node = true,
                                              .node = node, .force = force });
}

const char *bus_preview_as_nobody(const char *kind, uint32_t node, bool force)
{
        return fork_as_nobody(&(ForeignCall){ MANAGER_PATH, MANAGER, "Preview", .kind = kind,
                                              .has_node = true, .node = node, .force = force });
}

const char *bus_cancel_as_nobody(const char *job)
{
        return fork_as_nobody(&(ForeignCall){ job, BUS_JOB_INTERFACE, "Cancel", .options = NULL });
}

static sd_bus_message *get_property(const char *path, const char *interface, const char *name)
{
        sd_bus_message *message = bus_new_call(path, PROPERTIES, "Get");

        ck_assert_int_ge(sd_bus_message_append(message, "ss", interface, name), 0);
        return bus_call(message);
}

static sd_bus_message *get_value(const char *path, const char *interface, const char *name,
                                 const char **ret_type)
{
        sd_bus_message *reply = get_property(path, interface, name);

        ck_assert_msg(!*error_name, "%s %s: %s", path, name, error_message);
        ck_assert_int_gt(sd_bus_message_peek_type(reply, NULL, ret_type), 0);
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'v', *ret_type), 0);
        return reply;
}

uint64_t bus_get_number(const char *path, const char *interface, const char *name)
{
        uint64_t number = 0;
        uint32_t narrow = 0;
        const char *type;
        sd_bus_message *reply = get_value(path, interface, name, &type);

        ck_assert_ptr_nonnull(strchr("tubi", *type));
        ck_assert_int_gt(
                sd_bus_message_read_basic(reply, *type, *type == 't' ? (void *) &number : &narrow),
                0);
        if (*type != 't')
                number = narrow;
        sd_bus_message_unref(reply);
        return number;
}

const char *bus_features(void)
{
        const char *type, *name, *brought_by;
        sd_bus_message *reply = get_value(MANAGER_PATH, MANAGER, "KernelFeatures", &type);
        int has;

        *text_result = 0;
        ck_assert_str_eq(type, "a(sbs)");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(sbs)"), 0);
        while (sd_bus_message_read(reply, "(sbs)", &name, &has, &brought_by) > 0)
                snprintf(text_result + strlen(text_result), TEXT_MAX - strlen(text_result),
                         "%s%s: %s\n", has ? "+" : "-", name, brought_by);
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_list_tiers(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "ListTiers"));
        uint32_t node, tier;

        *text_result = 0;
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(uu)"), 0);
        while (sd_bus_message_read(reply, "(uu)", &node, &tier) > 0)
                snprintf(text_result + strlen(text_result), TEXT_MAX - strlen(text_result),
                         "%s%u:%u", *text_result ? " " : "", node, tier);
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_list_cxl_devices(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "ListCxlDevices"));
        const char *device, *region, *memdevs;

        *text_result = 0;
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(sss)"), 0);
        while (sd_bus_message_read(reply, "(sss)", &device, &region, &memdevs) > 0)
                snprintf(text_result + strlen(text_result), TEXT_MAX - strlen(text_result),
                         "%s: %s: %s\n", device, region, memdevs);
        sd_bus_message_unref(reply);
        return text_result;
}

static void add_text(const char *text)
{
        ck_assert_uint_lt(strlen(text_result) + strlen(text), TEXT_MAX);
        strcat(text_result, text);
}

/* Adds a space and the next value of a message, which is of a basic type. */
static void add_value(sd_bus_message *message, char type)
{
        char text[32];
        union {
                const char *text;
                uint64_t number;
                uint32_t word;
        } value = {};

        ck_assert_int_gt(sd_bus_message_read_basic(message, type, &value), 0);
        snprintf(text, sizeof(text), " %ju", (uintmax_t) (type == 't' ? value.number : value.word));
        if (type == 's')
                add_text(" ");
        add_text(type == 's' ? value.text : text);
}

/* Adds a line for each element of an array of structs. */
static void add_rows(sd_bus_message *message, const char *key, const char *type)
{
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', type), 0);
        while (sd_bus_message_enter_container(message, 'r', NULL) > 0) {
                add_text(key);
                for (const char *p = type + 1; *p != ')'; p++)
                        add_value(message, *p);
                add_text("\n");
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        }
        ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
}

const char *bus_get_metrics(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "GetMetrics"));
        const char *key, *type;

        strcpy(text_result, "\n");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                ck_assert_int_gt(sd_bus_message_read_basic(reply, 's', &key), 0);
                ck_assert_int_gt(sd_bus_message_peek_type(reply, NULL, &type), 0);
                ck_assert_int_gt(sd_bus_message_enter_container(reply, 'v', type), 0);
                if (*type == 'a') {
                        add_rows(reply, key, type + 1);
                } else {
                        add_text(key);
                        add_value(reply, *type);
                        add_text("\n");
                }
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
        }
        sd_bus_message_unref(reply);
        return text_result;
}

static void append_text(const char *format, ...) _printf_(1, 2);

static void append_text(const char *format, ...)
{
        size_t used = strlen(text_result);
        va_list arguments;

        va_start(arguments, format);
        ck_assert_int_lt(vsnprintf(text_result + used, TEXT_MAX - used, format, arguments),
                         (int) (TEXT_MAX - used));
        va_end(arguments);
}

static void append_basic(sd_bus_message *message, char type)
{
        const char *string;
        uint64_t wide;
        uint32_t number;
        double real;

        if (type == 's') {
                ck_assert_int_gt(sd_bus_message_read_basic(message, type, &string), 0);
                append_text("%s", string);
        } else if (type == 't') {
                ck_assert_int_gt(sd_bus_message_read_basic(message, type, &wide), 0);
                append_text("%ju", (uintmax_t) wide);
        } else if (type == 'd') {
                ck_assert_int_gt(sd_bus_message_read_basic(message, type, &real), 0);
                append_text("%g", real);
        } else {
                ck_assert_ptr_nonnull(strchr("uib", type));
                ck_assert_int_gt(sd_bus_message_read_basic(message, type, &number), 0);
                append_text(type == 'i' ? "%d" : "%u", number);
        }
}

/* Appends all that is left of a message, or of a container of it. */
static void append_values(sd_bus_message *message, const char *between)
{
        const char *contents;
        char type;

        for (unsigned i = 0; sd_bus_message_peek_type(message, &type, &contents) > 0; i++) {
                append_text("%s", i > 0 ? between : "");
                if (!contents) {
                        append_basic(message, type);
                        continue;
                }
                ck_assert_int_gt(sd_bus_message_enter_container(message, type, contents), 0);
                append_text("%s", type == 'a' ? "[" : type == 'r' ? "(" : "");
                append_values(message, type == 'e' ? "=" : " ");
                append_text("%s", type == 'a' ? "]" : type == 'r' ? ")" : "");
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        }
}

static const char *reply_text(sd_bus_message *call)
{
        sd_bus_message *reply = bus_call(call);

        *text_result = 0;
        if (*error_name)
                append_text("%s: %s", error_name, error_message);
        else
                append_values(reply, " ");
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_list_devices(void)
{
        return reply_text(bus_new_call(MANAGER_PATH, MANAGER, "ListDevices"));
}

const char *bus_read_config(void)
{
        return reply_text(bus_new_call(MANAGER_PATH, MANAGER, "ReadConfig"));
}

const char *bus_get_policy(void)
{
        return reply_text(bus_new_call(MANAGER_PATH, MANAGER, "GetPolicy"));
}

const char *bus_list_blocks_in_range(uint64_t first, uint64_t last)
{
        sd_bus_message *call = bus_new_call(MANAGER_PATH, MANAGER, "ListBlocksInRange");

        ck_assert_int_ge(sd_bus_message_append(call, "tt", first, last), 0);
        return reply_text(call);
}

const char *bus_count_pages(uint32_t first, uint32_t last)
{
        sd_bus_message *call = bus_new_call(MANAGER_PATH, MANAGER, "CountPages");

        ck_assert_int_ge(sd_bus_message_append(call, "uu", first, last), 0);
        return reply_text(call);
}

const char *bus_explain_all(uint32_t block)
{
        sd_bus_message *call = bus_new_call(MANAGER_PATH, MANAGER, "Explain");

        ck_assert_int_ge(sd_bus_message_append(call, "u", block), 0);
        return reply_text(call);
}

const char *bus_failed_devices(void)
{
        const char *type, *name, *reason;
        sd_bus_message *reply = get_value(MANAGER_PATH, MANAGER, "FailedDevices", &type);
        uint64_t bytes;

        *text_result = 0;
        ck_assert_str_eq(type, "a(sts)");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(sts)"), 0);
        while (sd_bus_message_read(reply, "(sts)", &name, &bytes, &reason) > 0)
                snprintf(text_result + strlen(text_result), TEXT_MAX - strlen(text_result),
                         "%s %ju %s\n", name, (uintmax_t) bytes, reason);
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_get_text(const char *path, const char *interface, const char *name)
{
        const char *type, *text;
        sd_bus_message *reply = get_value(path, interface, name, &type);
        bool is_array = strcmp(type, "as") == 0;

        *text_result = 0;
        if (is_array)
                ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "s"), 0);
        while (sd_bus_message_read(reply, "s", &text) > 0) {
                if (*text_result)
                        strcat(text_result, "\n");
                strncat(text_result, text, TEXT_MAX - strlen(text_result) - 2);
                if (!is_array)
                        break;
        }
        sd_bus_message_unref(reply);
        return text_result;
}

const char *bus_get_error(const char *path, const char *interface, const char *name)
{
        sd_bus_message_unref(get_property(path, interface, name));
        return error_name;
}

const char *bus_set_text(const char *path, const char *interface, const char *name,
                         const char *value)
{
        sd_bus_message *message = bus_new_call(path, PROPERTIES, "Set");

        ck_assert_int_ge(sd_bus_message_append(message, "ssv", interface, name, "s", value), 0);
        sd_bus_message_unref(bus_call(message));
        return error_name;
}

const char *bus_get_objects(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(
                MANAGER_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"));
        const char *path;

        ck_assert_str_eq(error_name, "");
        strcpy(text_result, " ");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}"), 0);
        while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
                ck_assert_int_gt(sd_bus_message_read(reply, "o", &path), 0);
                strncat(text_result, path, TEXT_MAX - strlen(text_result) - 3);
                strcat(text_result, " ");
                ck_assert_int_gt(sd_bus_message_skip(reply, "a{sa{sv}}"), 0);
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
        }
        sd_bus_message_unref(reply);
        return text_result;
}

/* ListBlocks */

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from)

static bool read_row(sd_bus_message *reply, BlockRow *row)
{
        const char *state, *zones, *zone_class, *decision, *rule, *guards, *status, *device,
                *origin;
        int r = sd_bus_message_read(reply, BUS_BLOCK_SIGNATURE, &row->id, &row->node, &state,
                                    &zones, &zone_class, &decision, &rule, &guards, &status,
                                    &row->error, &device, &origin);

        ck_assert_int_ge(r, 0);
        if (r == 0)
                return false;
        COPY(row->state, state);
        COPY(row->zones, zones);
        COPY(row->zone_class, zone_class);
        COPY(row->decision, decision);
        COPY(row->rule, rule);
        COPY(row->guards, guards);
        COPY(row->status, status);
        COPY(row->device, device);
        COPY(row->origin, origin);
        return true;
}

static sd_bus_message *list_blocks(void)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "ListBlocks"));

        ck_assert_str_eq(error_name, "");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', BUS_BLOCK_SIGNATURE), 0);
        return reply;
}

BlockRow bus_get_block(uint32_t id)
{
        sd_bus_message *reply = list_blocks();
        BlockRow row = {}, found = { .id = UINT32_MAX };

        while (read_row(reply, &row))
                if (row.id == id)
                        found = row;
        sd_bus_message_unref(reply);
        return found;
}

bool bus_block_is(uint32_t id, const char *status)
{
        const BlockRow row = bus_get_block(id);

        return row.id == id && strcmp(row.status, status) == 0;
}

/* Rows of a status, or of any with NULL. */
static unsigned count_rows(const char *status)
{
        sd_bus_message *reply = list_blocks();
        unsigned n = 0;
        BlockRow row;

        while (read_row(reply, &row))
                n += !status || strcmp(row.status, status) == 0;
        sd_bus_message_unref(reply);
        return n;
}

unsigned bus_count_status(const char *status)
{
        return count_rows(status);
}

unsigned bus_count_blocks(void)
{
        return count_rows(NULL);
}

/* Explain */

static void format_value(sd_bus_message *reply, char *text, size_t size)
{
        const char *type, *string;
        uint64_t number = 0;
        uint32_t narrow = 0;
        int32_t signed_number = 0;

        ck_assert_int_gt(sd_bus_message_peek_type(reply, NULL, &type), 0);
        switch (*type) {
        case 's':
                ck_assert_int_gt(sd_bus_message_read(reply, "v", "s", &string), 0);
                snprintf(text, size, "%s", string);
                break;
        case 't':
                ck_assert_int_gt(sd_bus_message_read(reply, "v", "t", &number), 0);
                snprintf(text, size, "%llu", (unsigned long long) number);
                break;
        case 'u':
                ck_assert_int_gt(sd_bus_message_read(reply, "v", "u", &narrow), 0);
                snprintf(text, size, "%u", narrow);
                break;
        case 'i':
                ck_assert_int_gt(sd_bus_message_read(reply, "v", "i", &signed_number), 0);
                snprintf(text, size, "%d", signed_number);
                break;
        default:
                /* An array of texts: see bus_explain_all(). */
                ck_assert_str_eq(type, "as");
                ck_assert_int_gt(sd_bus_message_skip(reply, "v"), 0);
                *text = 0;
        }
}

const char *bus_explain(uint32_t id, const char *key)
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Explain"), *reply;
        const char *found = NULL, *name;
        char value[1024];

        ck_assert_int_ge(sd_bus_message_append(message, "u", id), 0);
        reply = bus_call(message);
        if (!*error_name) {
                ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
                while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                        ck_assert_int_gt(sd_bus_message_read(reply, "s", &name), 0);
                        format_value(reply, value, sizeof(value));
                        if (strcmp(name, key) == 0)
                                found = strcpy(text_result, value);
                        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
                }
        }
        sd_bus_message_unref(reply);
        return found;
}

bool bus_explains(uint32_t id, const char *entry)
{
        const char *equals = strchr(entry, '='), *value;
        char key[64];

        snprintf(key, sizeof(key), "%.*s", (int) (equals - entry), entry);
        value = bus_explain(id, key);
        return value && strcmp(value, equals + 1) == 0;
}

/* History */

static void read_history_blocks(sd_bus_message *reply, HistoryRow *row)
{
        uint32_t first, last;
        size_t n = 0;

        row->blocks[0] = '\0';
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(uu)"), 0);
        while (sd_bus_message_read(reply, "(uu)", &first, &last) > 0) {
                ck_assert_uint_lt(n, sizeof(row->blocks) - 32);
                n += (size_t) snprintf(row->blocks + n, sizeof(row->blocks) - n,
                                       first == last ? "%s%u" : "%s%u-%u", n > 0 ? "," : "", first,
                                       last);
        }
        ck_assert_uint_gt(n, 0);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static bool read_history_row(sd_bus_message *reply, HistoryRow *row)
{
        const char *device, *decision, *rule, *guards, *status, *onlined_by, *reason;
        int r = sd_bus_message_enter_container(reply, 'r', BUS_HISTORY_MEMBERS);

        ck_assert_int_ge(r, 0);
        if (r == 0)
                return false;
        ck_assert_int_gt(sd_bus_message_read(reply, "tt", &row->first_usec, &row->last_usec), 0);
        read_history_blocks(reply, row);
        r = sd_bus_message_read(reply, "uissssssis", &row->n_decisions, &row->node, &device,
                                &decision, &rule, &guards, &status, &onlined_by, &row->error,
                                &reason);
        ck_assert_int_gt(r, 0);
        COPY(row->device, device);
        COPY(row->decision, decision);
        COPY(row->rule, rule);
        COPY(row->guards, guards);
        COPY(row->status, status);
        COPY(row->onlined_by, onlined_by);
        COPY(row->reason, reason);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
        return true;
}

/* Counts the entries and copies the i-th, if there is one. */
static unsigned read_history(unsigned i, HistoryRow *ret)
{
        sd_bus_message *reply = bus_call(bus_new_call(MANAGER_PATH, MANAGER, "History"));
        uint64_t before_usec = 0;
        HistoryRow row = {};
        unsigned n = 0;

        ck_assert_str_eq(error_name, "");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', BUS_HISTORY_SIGNATURE), 0);
        while (read_history_row(reply, &row)) {
                ck_assert_uint_ge(row.first_usec, before_usec);
                ck_assert_uint_ge(row.last_usec, row.first_usec);
                before_usec = row.first_usec;
                if (n++ == i)
                        *ret = row;
        }
        sd_bus_message_unref(reply);
        return n;
}

unsigned bus_count_history(void)
{
        HistoryRow row;

        return read_history(UINT32_MAX, &row);
}

HistoryRow bus_get_history(unsigned i)
{
        HistoryRow row = {};

        ck_assert_uint_lt(i, read_history(i, &row));
        return row;
}

/* Plan */

static bool read_plan_row(sd_bus_message *reply, PlanRow *row)
{
        const char *state, *zone_class, *device, *origin, *decision, *rule, *guards, *reason;
        int is_added = 0;
        int r = sd_bus_message_read(reply, BUS_PLAN_SIGNATURE, &row->first, &row->last, &row->node,
                                    &state, &is_added, &zone_class, &device, &origin, &decision,
                                    &rule, &guards, &reason);

        ck_assert_int_ge(r, 0);
        if (r == 0)
                return false;
        row->is_added = is_added;
        COPY(row->state, state);
        COPY(row->zone_class, zone_class);
        COPY(row->device, device);
        COPY(row->origin, origin);
        COPY(row->decision, decision);
        COPY(row->rule, rule);
        COPY(row->guards, guards);
        COPY(row->reason, reason);
        return true;
}

int bus_plan(const PlanOptions *options, PlanRow rows[static PLAN_ROWS_MAX])
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Plan"), *reply;
        int n = -1;

        ck_assert_int_ge(append_plan_options(message, options), 0);
        reply = bus_call(message);
        if (!*error_name) {
                ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', BUS_PLAN_SIGNATURE), 0);
                for (n = 0; n < PLAN_ROWS_MAX && read_plan_row(reply, &rows[n]); n++)
                        ;
                ck_assert_int_lt(n, PLAN_ROWS_MAX);
        }
        sd_bus_message_unref(reply);
        return n;
}

const char *bus_plan_with(const char *key, const char *value)
{
        sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Plan");

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, key, "s", value), 0);
        sd_bus_message_unref(bus_call(message));
        return error_name;
}
