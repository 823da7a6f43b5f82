/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "daemon/daemon_fixture.h"

#include "daemon/daemon_bus.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* What is waited for takes milliseconds, but on a machine that others load it may not run for seconds. */
#define DEADLINE_SEC 60
#define VALGRIND_FACTOR 3
#define LOG_MAX (8 << 20)

static pid_t main_pid, actuator_pid;
static int notify_fd = -EBADF;
static char notified[1 << 16];
static char log_text[LOG_MAX];

static bool under_valgrind(void)
{
        return getenv("MEMORYD_VALGRIND") != NULL;
}

static const char *path_of(const char *name)
{
        static char path[PATH_MAX];

        snprintf(path, sizeof(path), "%.3000s/%s", testbed_dir(), name);
        return path;
}

/* Waiting */

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

uint64_t wait_begin(void)
{
        return now_usec() + DEADLINE_SEC * USEC_PER_SEC * (under_valgrind() ? VALGRIND_FACTOR : 1);
}

const char *daemon_read_log(void)
{
        FILE *file = fopen(path_of("log"), "re");
        size_t n = file ? fread(log_text, 1, LOG_MAX - 1, file) : 0;

        if (file)
                fclose(file);
        log_text[n] = 0;
        return log_text;
}

/* The end of the log, which fits into the message of a failed test. */
static const char *log_end(void)
{
        const char *text = daemon_read_log();
        size_t n = strlen(text);

        return text + n - MIN(n, 16000U);
}

static void take_notifications(void)
{
        size_t length = strlen(notified);
        ssize_t n;

        while ((n = recv(notify_fd, notified + length, sizeof(notified) - length - 2, 0)) > 0) {
                length += (size_t) n;
                notified[length++] = '\n';
                notified[length] = 0;
        }
}

static bool has_ended(pid_t pid)
{
        siginfo_t info = {};

        return pid > 0 && waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) >= 0 &&
               info.si_pid == pid;
}

void wait_step(uint64_t deadline_usec, const char *condition, const char *file, int line)
{
        struct pollfd fds[] = { { .fd = notify_fd, .events = POLLIN },
                                { .fd = bus_fd(), .events = POLLIN } };

        if (has_ended(main_pid))
                ck_abort_msg("%s:%d: memoryd ended while waiting for %s; it wrote:\n%s", file, line,
                             condition, log_end());
        if (now_usec() > deadline_usec)
                ck_abort_msg("%s:%d: not in time: %s; memoryd wrote:\n%s", file, line, condition,
                             log_end());
        if (!bus_process())
                (void) poll(fds, ELEMENTSOF(fds), 5);
        take_notifications();
}

/* memoryd */

void daemon_set_config_file(const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "root" SYSCONFDIR "/memoryd/%s", name);
        testbed_write(path, text);
}

void daemon_set_config(const char *text)
{
        daemon_set_config_file("memoryd.conf", text);
}

static void set_preload(void)
{
        const char *kernel = getenv("MOCK_KERNEL") ?: "./mock_kernel.so";
        char preload[PATH_MAX * 2];

        /* The loader would go on without it. */
        if (access(kernel, R_OK) < 0)
                _exit(127);
        snprintf(preload, sizeof(preload), "%s:%s", kernel, getenv("LD_PRELOAD") ?: "");
        setenv("LD_PRELOAD", preload, true);
}

static void set_environment(const char *variable)
{
        char address[PATH_MAX + 16];

        snprintf(address, sizeof(address), "%s", path_of("notify"));
        setenv("NOTIFY_SOCKET", address, true);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_address(), true);
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        unsetenv("JOURNAL_STREAM");
        if (variable)
                putenv((char *) variable);
        set_preload();
}

/* Puts valgrind in front, if asked for. Returns how many arguments that takes. */
static int add_valgrind(char **arguments, char suppressions[static PATH_MAX])
{
        static const char *const valgrind[] = {
                "valgrind",          "--quiet",
                "--vgdb=no",         "--error-exitcode=99",
                "--leak-check=full", "--errors-for-leak-kinds=definite",
        };
        const char *file = getenv("VALGRIND_SUPPRESSIONS");
        int n = 0;

        if (!under_valgrind())
                return 0;
        for (; n < (int) ELEMENTSOF(valgrind); n++)
                arguments[n] = (char *) valgrind[n];
        if (file) {
                snprintf(suppressions, PATH_MAX, "--suppressions=%s", file);
                arguments[n++] = suppressions;
        }
        return n;
}

static _Noreturn void exec_memoryd(const char *option)
{
        const char *memoryd = getenv("MEMORYD") ?: "./memoryd";
        char root[PATH_MAX], suppressions[PATH_MAX];
        char *arguments[16];
        int n = add_valgrind(arguments, suppressions);

        snprintf(root, sizeof(root), "%s", path_of("root"));
        arguments[n++] = (char *) memoryd;
        arguments[n++] = (char *) "--root";
        arguments[n++] = root;
        if (geteuid() == 0) {
                arguments[n++] = (char *) "--user";
                arguments[n++] = (char *) (getenv("MEMORYD_USER") ?: "nobody");
        }
        arguments[n++] = (char *) option;
        arguments[n] = NULL;
        execvp(arguments[0], arguments);
        _exit(127);
}

static pid_t fork_with_log(void)
{
        int fd = open(path_of("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        pid_t pid = fork();

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                dup2(fd, STDERR_FILENO);
        close(fd);
        return pid;
}

void daemon_spawn(const char *option, const char *variable)
{
        bus_forget_values();
        main_pid = fork_with_log();
        actuator_pid = 0;
        if (main_pid == 0) {
                set_environment(variable);
                exec_memoryd(option);
        }
}

/* Puts a copy of a file that an environment variable names where everybody can read it. */
static void use_copy(const char *variable, const char *from)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int out =
                open(path_of(variable), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

        if (in < 0 || out < 0)
                _exit(127);
        while (sendfile(out, in, NULL, 1 << 20) > 0)
                ;
        setenv(variable, path_of(variable), true);
}

/* The checkout may lie where only root can look. */
static void use_copies(void)
{
        use_copy("MEMORYD", getenv("MEMORYD") ?: "./memoryd");
        use_copy("MOCK_KERNEL", getenv("MOCK_KERNEL") ?: "./mock_kernel.so");
        if (getenv("VALGRIND_SUPPRESSIONS"))
                use_copy("VALGRIND_SUPPRESSIONS", getenv("VALGRIND_SUPPRESSIONS"));
}

void daemon_spawn_unprivileged(void)
{
        const struct passwd *nobody = getpwnam("nobody");

        ck_assert_ptr_nonnull(nobody);
        bus_forget_values();
        main_pid = fork_with_log();
        actuator_pid = 0;
        if (main_pid == 0) {
                use_copies();
                set_environment(NULL);
                unsetenv("TMPDIR"); /* which need not be writable for all, and valgrind needs one */
                if (setgid(nobody->pw_gid) < 0 || setuid(nobody->pw_uid) < 0)
                        _exit(127);
                exec_memoryd(NULL);
        }
}

/* The child of memoryd that does its writes. */
static pid_t find_actuator(void)
{
        char path[64];
        FILE *file;
        int pid = 0;

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", main_pid, main_pid);
        file = fopen(path, "re");
        if (!file)
                return 0;
        if (fscanf(file, "%d", &pid) != 1)
                pid = 0;
        fclose(file);
        return pid;
}

void daemon_start(void)
{
        daemon_forget();
        daemon_spawn(NULL, NULL);
        wait_for(daemon_notified("READY=1"));
        if (bus_fd() >= 0)
                wait_for(bus_has_memoryd());
        actuator_pid = find_actuator();
        ck_assert_int_gt(actuator_pid, 0);
}

pid_t daemon_pid(void)
{
        return main_pid;
}

pid_t daemon_actuator_pid(void)
{
        return actuator_pid;
}

static int wait_for_end(pid_t pid)
{
        uint64_t deadline = wait_begin();
        int status = 0;
        pid_t ended;

        while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
                if (now_usec() > deadline)
                        ck_abort_msg("process %d did not end in time; memoryd wrote:\n%s", pid,
                                     log_end());
                if (!bus_process())
                        (void) poll(NULL, 0, 5);
                take_notifications();
        }
        ck_assert_int_eq(ended, pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int daemon_wait(void)
{
        pid_t pid = TAKE_FD(main_pid);

        main_pid = 0;
        return wait_for_end(pid);
}

/* It is this process's child once memoryd is gone: the fixture is a subreaper. */
int daemon_wait_actuator(void)
{
        return wait_for_end(actuator_pid);
}

static void assert_clean_end(void)
{
        int code = daemon_wait();

        ck_assert_msg(code == 0, "memoryd ended with %d; it wrote:\n%s", code, log_end());
        if (actuator_pid <= 0)
                return;
        code = daemon_wait_actuator();
        ck_assert_msg(code == 0, "the actuator ended with %d; memoryd wrote:\n%s", code, log_end());
}

void daemon_stop(void)
{
        ck_assert_int_ge(kill(main_pid, SIGTERM), 0);
        assert_clean_end();
}

bool daemon_logged(const char *text)
{
        return strstr(daemon_read_log(), text) != NULL;
}

unsigned daemon_count_logged(const char *text)
{
        unsigned n = 0;

        for (const char *found = daemon_read_log(); (found = strstr(found, text)); found++)
                n++;
        return n;
}

bool daemon_notified(const char *text)
{
        take_notifications();
        for (const char *found = notified; (found = strstr(found, text)); found++)
                if (found == notified || found[-1] == '\n')
                        return true;
        return false;
}

const char *daemon_notifications(void)
{
        take_notifications();
        return notified;
}

void daemon_forget(void)
{
        take_notifications();
        notified[0] = 0;
}

/* Set-up */

static void open_notify(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *path = path_of("notify");

        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(notify_fd, 0);
        ck_assert_int_ge(bind(notify_fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_ge(chmod(path, 0777), 0);
}

void fixture_setup(void)
{
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        testbed_new();
        testbed_add_machine();
        testbed_make_folder("root/run/memoryd/state");
        testbed_make_folder("root" SYSCONFDIR "/memoryd/memoryd.conf.d");
        open_notify();
        bus_start();
}

/* A test that ends with memoryd running has it end well. */
void fixture_teardown(void)
{
        if (main_pid > 0)
                daemon_stop();
        bus_stop();
        close(notify_fd);
        notify_fd = -EBADF;
        notified[0] = 0;
        testbed_free();
}

TCase *fixture_case(Suite *suite, const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
        tcase_set_timeout(tcase, DEADLINE_SEC * 6 * (under_valgrind() ? VALGRIND_FACTOR : 1));
        suite_add_tcase(suite, tcase);
        return tcase;
}
