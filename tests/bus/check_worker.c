/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tests children that work: what they may do, and what becomes of their results. */

#include "base/macro.h"
#include "bus/worker.h"
#include "check_main.h"

#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static sd_event *event;
static Worker *worker;
static int done_error;
static char *done_result;
static size_t done_size;

static void set_up(void)
{
        sigset_t blocked;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGCHLD);
        ck_assert_int_ge(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        worker = NULL;
}

static void tear_down(void)
{
        free(done_result);
        done_result = NULL;
        sd_event_unref(event);
}

static void on_done(int r, const char *result, size_t size, void *userdata)
{
        ck_assert_ptr_eq(userdata, &worker);
        done_error = r;
        done_size = size;
        done_result = malloc(size + 1);
        ck_assert_ptr_nonnull(done_result);
        if (size > 0)
                memcpy(done_result, result, size);
        done_result[size] = 0;
        worker_free(worker);
        ck_assert_int_ge(sd_event_exit(event, 0), 0);
}

static void start(WorkerRun run, const void *input)
{
        ck_assert_int_ge(worker_start(event, run, input, on_done, &worker, &worker), 0);
}

/* Runs a worker to its end. Returns what its result begins with, or "" if it has failed. */
static const char *run_worker(WorkerRun run, const void *input)
{
        start(run, input);
        ck_assert_int_ge(sd_event_loop(event), 0);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
        return done_error == 0 ? done_result : "";
}

static int echo(FILE *result, const void *input)
{
        fputs(input, result);
        return 0;
}

START_TEST(a_result_comes_back)
{
        ck_assert_str_eq(run_worker(echo, "answer"), "answer");
        ck_assert_uint_eq(done_size, 6);
}
END_TEST

START_TEST(a_result_may_be_empty)
{
        ck_assert_str_eq(run_worker(echo, ""), "");
        ck_assert_int_eq(done_error, 0);
}
END_TEST

/* Writes so many bytes. */
static int write_bytes(FILE *result, const void *input)
{
        for (size_t i = *(const size_t *) input; i > 0; i--)
                fputc('x', result);
        return 0;
}

START_TEST(a_result_may_be_long_but_not_too_long)
{
        size_t n = WORKER_RESULT_MAX;

        run_worker(write_bytes, &n);
        ck_assert_int_eq(done_error, 0);
        ck_assert_uint_eq(done_size, n);
}
END_TEST

START_TEST(a_result_that_is_too_long_is_refused)
{
        size_t n = WORKER_RESULT_MAX + 1;

        run_worker(write_bytes, &n);
        ck_assert_int_eq(done_error, -EFBIG);
}
END_TEST

/* Tells what a child could do, and should not. */
static int try_all(FILE *result, const void *input)
{
        struct rlimit cpu;

        (void) input;
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
                fputs("open ", result);
        if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0)
                fputs("socket ", result);
        if (dup(STDOUT_FILENO) >= 0)
                fputs("dup ", result);
        for (int fd = 0; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        fprintf(result, "%d ", fd);
        if (getrlimit(RLIMIT_CPU, &cpu) < 0 || cpu.rlim_cur != WORKER_CPU_SEC ||
            cpu.rlim_max <= cpu.rlim_cur)
                fputs("cpu ", result);
        return 0;
}

START_TEST(a_child_has_its_pipe_and_nothing_else)
{
        int fds[2];

        ck_assert_int_ge(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        ck_assert_str_eq(run_worker(try_all, NULL), "1 ");
        close(fds[0]);
        close(fds[1]);
}
END_TEST

#ifndef WITH_ASAN
/* Takes memory in pieces of 16 MiB. Tells whether there is an end to that. */
static int take_memory(FILE *result, const void *input)
{
        const size_t piece = 16U << 20;
        void *volatile taken; /* clang takes out a malloc() whose result is not used */
        size_t n = 0;

        (void) input;
        while (n * piece <= WORKER_DATA_MAX && (taken = malloc(piece)))
                n++;
        fputs(n * piece < WORKER_DATA_MAX ? "limited" : "unlimited", result);
        return 0;
}

START_TEST(the_memory_of_a_child_is_limited)
{
        ck_assert_str_eq(run_worker(take_memory, NULL), "limited");
}
END_TEST
#endif

static int write_half(FILE *result, const void *input)
{
        (void) input;
        fputs("half a result", result);
        return -EINVAL;
}

static int raise_signal(FILE *result, const void *input)
{
        (void) result;
        return raise(*(const int *) input);
}

START_TEST(a_child_that_fails_has_no_result)
{
        run_worker(write_half, NULL);
        ck_assert_int_eq(done_error, -ECHILD);
}
END_TEST

START_TEST(nor_has_a_child_that_a_signal_ends_and_that_of_the_time_limit_is_told)
{
        static const struct {
                int number, error;
        } cases[] = { { SIGSEGV, -ECHILD }, { SIGKILL, -ECHILD }, { SIGXCPU, -ETIME } };

        run_worker(raise_signal, &cases[_i].number);
        ck_assert_int_eq(done_error, cases[_i].error);
}
END_TEST

START_TEST(a_worker_that_is_freed_ends_its_child)
{
        start(raise_signal, &(int){ SIGSTOP });
        worker_free(worker);
        ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("worker");
        TCase *results = tcase_create("results"), *limits = tcase_create("limits");

        tcase_add_checked_fixture(results, set_up, tear_down);
        tcase_add_checked_fixture(limits, set_up, tear_down);
        tcase_add_test(results, a_result_comes_back);
        tcase_add_test(results, a_result_may_be_empty);
        tcase_add_test(results, a_result_may_be_long_but_not_too_long);
        tcase_add_test(results, a_result_that_is_too_long_is_refused);
        tcase_add_test(results, a_child_that_fails_has_no_result);
        tcase_add_loop_test(results,
                            nor_has_a_child_that_a_signal_ends_and_that_of_the_time_limit_is_told,
                            0, 3);
        tcase_add_test(limits, a_child_has_its_pipe_and_nothing_else);
#ifndef WITH_ASAN
        tcase_add_test(limits, the_memory_of_a_child_is_limited);
#endif
        tcase_add_test(limits, a_worker_that_is_freed_ends_its_child);
        suite_add_tcase(suite, results);
        suite_add_tcase(suite, limits);
        return check_main(suite);
}
