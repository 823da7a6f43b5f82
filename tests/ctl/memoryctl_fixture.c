/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "ctl/memoryctl_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* What a program may take that is waited for, on a machine that others load. */
#define DEADLINE_SECONDS 60

char folder[PATH_MAX];
pid_t mock_pid;
Output output;

static pid_t bus_pid;

/* What launch() started, and where that prints. */
static pid_t running_pid;
static int running_out, running_err;

const char *environment(const char *name, const char *otherwise)
{
        const char *value = getenv(name);

        return value && *value ? value : otherwise;
}

void in_folder(const char *name, char path[static PATH_MAX])
{
        ck_assert_int_lt(snprintf(path, PATH_MAX, "%s/%s", folder, name), PATH_MAX);
}

void extend_path(void)
{
        _cleanup_free_ char *program = realpath(environment("MEMORYCTL", "./memoryctl"), NULL);
        char path[4 * PATH_MAX];

        ck_assert_ptr_nonnull(program);
        *strrchr(program, '/') = '\0';
        snprintf(path, sizeof(path), "%s:%s:%s", folder, program,
                 environment("PATH", "/usr/bin:/bin"));
        ck_assert_int_eq(setenv("PATH", path, true), 0);
}

void write_file(const char *name, mode_t mode, const char *text)
{
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX];

        in_folder(name, path);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

/* Starts a program that dies with this process, and waits until it prints a line. */
static pid_t spawn_ready(const char *const *arguments)
{
        _cleanup_close_ int ready = -EBADF;
        int ends[2];
        char letter;
        pid_t pid;

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(ends[1], STDOUT_FILENO);
                execvp(arguments[0], (char *const *) arguments);
                _exit(127);
        }
        close(ends[1]);
        ready = ends[0];
        ck_assert_msg(read(ready, &letter, 1) == 1, "%s does not start", arguments[0]);
        return pid;
}

static void end_process(pid_t *pid)
{
        if (*pid <= 0)
                return;
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        *pid = 0;
}

void start_bus(void)
{
        char text[PATH_MAX + 512], configuration[PATH_MAX];

        snprintf(folder, sizeof(folder), "%s/check_memoryctl.XXXXXX",
                 environment("TMPDIR", "/tmp"));
        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(
                text, sizeof(text),
                "<busconfig><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
                "<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
                "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>",
                folder);
        write_file("bus.conf", 0600, text);
        snprintf(text, sizeof(text), "unix:path=%s/bus", folder);
        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", text, true), 0);

        in_folder("bus.conf", configuration);
        snprintf(text, sizeof(text), "--config-file=%s", configuration);
        bus_pid =
                spawn_ready((const char *const[]){ "dbus-daemon", "--nofork", "--nopidfile",
                                                   "--nosyslog", "--print-address=1", text, NULL });
}

/* The program beside this one, unless the environment names another. */
static const char *mock_path(void)
{
        static char path[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("mock_memoryd"));
        char *slash;

        ck_assert_int_gt(length, 0);
        path[length] = '\0';
        slash = strrchr(path, '/');
        ck_assert_ptr_nonnull(slash);
        strcpy(slash + 1, "mock_memoryd");
        return environment("MOCK_MEMORYD", path);
}

void start(const char *scenario)
{
        start_bus();
        start_mock(scenario);
}

void start_mock(const char *scenario)
{
        mock_pid = spawn_ready((const char *const[]){ mock_path(), scenario, NULL });
}

void end_mock(void)
{
        end_process(&mock_pid);
}

void end_bus(void)
{
        end_process(&bus_pid);
}

void stop(void)
{
        static const char *const names[] = { "bus",        "bus.conf", "ssh",      "log",
                                             "pkttyagent", "agent",    "complete", "draft" };
        char path[PATH_MAX];

        end_process(&mock_pid);
        end_process(&bus_pid);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                in_folder(names[i], path);
                unlink(path);
        }
        rmdir(folder);
}

static int anonymous_file(void)
{
        int fd = memfd_create("output", MFD_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

void read_back(int fd, char text[static OUTPUT_MAX])
{
        ssize_t length = pread(fd, text, OUTPUT_MAX - 1, 0);

        ck_assert_int_ge(length, 0);
        ck_assert_int_lt(length, OUTPUT_MAX - 1);
        ck_assert_ptr_null(memchr(text, '\0', (size_t) length));
        text[length] = '\0';
}

static pid_t launch_program(const char *program, const char *const *arguments)
{
        running_out = anonymous_file();
        running_err = anonymous_file();
        running_pid = fork();
        ck_assert_int_ge(running_pid, 0);
        if (running_pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(running_out, STDOUT_FILENO);
                dup2(running_err, STDERR_FILENO);
                execvp(program, (char *const *) arguments);
                _exit(127);
        }
        return running_pid;
}

pid_t launch(const char *const *arguments)
{
        return launch_program(environment("MEMORYCTL", "./memoryctl"), arguments);
}

static time_t now_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static void wait_for(int fd, const char *text, char buffer[static OUTPUT_MAX])
{
        time_t deadline = now_seconds() + DEADLINE_SECONDS;

        do {
                read_back(fd, buffer);
                if (strstr(buffer, text))
                        return;
                usleep(1000);
        } while (now_seconds() < deadline);
        ck_abort_msg("no '%s' in: %s", text, buffer);
}

void wait_for_output(const char *text)
{
        wait_for(running_out, text, output.out);
}

void wait_for_file(const char *name, const char *text)
{
        static char buffer[OUTPUT_MAX];
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX];

        in_folder(name, path);
        fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        wait_for(fd, text, buffer);
}

void finish(void)
{
        int status;

        ck_assert_int_eq(waitpid(running_pid, &status, 0), running_pid);
        output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        read_back(running_out, output.out);
        read_back(running_err, output.err);
        close(running_out);
        close(running_err);
}

void run_program(const char *const *arguments)
{
        launch_program(arguments[0], arguments);
        finish();
}

void run_arguments(const char *const *arguments)
{
        launch(arguments);
        finish();
}

void expect(int exit_code, const char *out, const char *err)
{
        ck_assert_str_eq(output.err, err);
        ck_assert_str_eq(output.out, out);
        ck_assert_int_eq(output.exit_code, exit_code);
}

/* Copies a text without the blanks at both ends of its lines, and with one blank for several in a row. */
static void copy_squeezed(const char *text, char *ret, size_t size)
{
        size_t n = 0;

        for (; *text; text++) {
                bool is_after_blank = n == 0 || ret[n - 1] == '\n' || ret[n - 1] == ' ';

                if (*text == ' ' && is_after_blank)
                        continue;
                if (*text == '\n' && n > 0 && ret[n - 1] == ' ')
                        n--;
                ck_assert_uint_lt(n + 1, size);
                ret[n++] = *text;
        }
        ret[n] = '\0';
}

void expect_rows(const char *out)
{
        static char squeezed[OUTPUT_MAX], wanted[OUTPUT_MAX];

        copy_squeezed(output.out, squeezed, sizeof(squeezed));
        copy_squeezed(out, wanted, sizeof(wanted));
        ck_assert_str_eq(output.err, "");
        ck_assert_str_eq(squeezed, wanted);
        ck_assert_int_eq(output.exit_code, 0);
}

json_object *expect_json(void)
{
        json_object *object = json_tokener_parse(output.out);

        ck_assert_str_eq(output.err, "");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_msg(object != NULL, "no JSON: %s", output.out);
        return object;
}

void expect_json_equal(json_object *value, const char *wanted)
{
        json_object *object = json_tokener_parse(wanted);

        /* NULL is how json-c says null, and that a text is no JSON. */
        ck_assert(object || strcmp(wanted, "null") == 0);
        ck_assert_msg(json_object_equal(value, object), "%s is not %s",
                      json_object_to_json_string(value), wanted);
        json_object_put(object);
}

json_object *get(json_object *object, const char *key)
{
        json_object *value = NULL;

        ck_assert_msg(json_object_object_get_ex(object, key, &value), "no key '%s'", key);
        return value;
}

void add_case(Suite *suite, const char *name, void (*set_up)(void), const TTest *const *tests,
              size_t n_tests)
{
        TCase *tcase = tcase_create(name);

        tcase_set_timeout(tcase, 600);
        if (set_up)
                tcase_add_unchecked_fixture(tcase, set_up, stop);
        for (size_t i = 0; i < n_tests; i++)
                tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
}
