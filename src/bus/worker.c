/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Does long work in a child process that can do nothing else. */

#include "bus/worker.h"

#include "base/confine.h"
#include "base/log.h"
#include "base/macro.h"

#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* More than the nice level of the service: the child is not to take the CPU from memoryd. */
#define WORKER_NICE 10

#define READ_SIZE (64U * 1024)

struct Worker {
        sd_event_source *child_source;
        sd_event_source *result_source;
        sd_event_source *timer_source;
        int fd; /* the end of the pipe that is read */
        char *result;
        size_t size, allocated;
        int error; /* why the child is ended: -ETIME or -EFBIG; else 0 */
        WorkerDone done;
        void *userdata;
};

void worker_free(Worker *worker)
{
        if (!worker)
                return;
        sd_event_source_disable_unref(worker->result_source);
        sd_event_source_disable_unref(worker->timer_source);
        /* The source owns the process: this ends it. */
        sd_event_source_disable_unref(worker->child_source);
        closep(&worker->fd);
        free(worker->result);
        free(worker);
}

DEFINE_CLEANUP(Worker *, worker_free)

/* The child */

static int limit(int resource, rlim_t soft, rlim_t hard)
{
        return setrlimit(resource, &(struct rlimit){ soft, hard }) < 0 ? -errno : 0;
}

/*
 * The kernel is to end the child before any other process when memory is short. Only a process that counts as
 * dumpable, which it does not after a change of its user, owns its files in /proc. Failure does no harm.
 */
static void be_first_to_go(void)
{
        _cleanup_close_ int fd = -EBADF;

        (void) prctl(PR_SET_DUMPABLE, 1);
        fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1000", 4) < 0)
                log_debug("Cannot set oom_score_adj: %s", strerror(errno));
        (void) prctl(PR_SET_DUMPABLE, 0);
}

/* Leaves the child nothing but the pipe, which becomes its standard output. Returns 0 or a negative errno. */
static int lock_down(int fd)
{
        int r;

        (void) prctl(PR_SET_NAME, "memoryd-work");
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) setpriority(PRIO_PROCESS, 0, WORKER_NICE);
        be_first_to_go();
        if (dup2(fd, STDOUT_FILENO) < 0 || close(STDIN_FILENO) < 0)
                return -errno;
        r = close_from(STDERR_FILENO);
        /* At the first limit the child gets SIGXCPU, which tells why it ended, at the second SIGKILL. */
        if (r >= 0)
                r = limit(RLIMIT_CPU, WORKER_CPU_SEC, WORKER_CPU_SEC + 1);
#ifndef WITH_ASAN
        if (r >= 0)
                r = limit(RLIMIT_DATA, WORKER_DATA_MAX, WORKER_DATA_MAX);
#endif
        if (r >= 0)
                r = limit(RLIMIT_CORE, 0, 0);
        if (r >= 0)
                r = limit(RLIMIT_NPROC, 0, 0);
        if (r >= 0)
                r = limit(RLIMIT_NOFILE, 0, 0);
        return r;
}

static _Noreturn void child_main(int fd, WorkerRun run, const void *input)
{
        int r = lock_down(fd);
        FILE *result = r < 0 ? NULL : fdopen(STDOUT_FILENO, "w");

        if (!result || run(result, input) < 0 || ferror(result) || fflush(result) != 0)
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

/* The parent */

static void worker_end(Worker *worker, int error)
{
        if (worker->error == 0)
                worker->error = error;
        (void) sd_event_source_set_enabled(worker->result_source, SD_EVENT_OFF);
        (void) sd_event_source_send_child_signal(worker->child_source, SIGKILL, NULL, 0);
}

static int worker_reserve(Worker *worker)
{
        size_t wanted = MAX(worker->allocated * 2, READ_SIZE);
        char *more;

        if (worker->size + READ_SIZE <= worker->allocated)
                return 0;
        more = realloc(worker->result, wanted);
        if (!more)
                return -ENOMEM;
        worker->result = more;
        worker->allocated = wanted;
        return 0;
}

/* Reads once. Returns 1 if there may be more, 0 at the end or if there is none now, or a negative errno. */
static int worker_read(Worker *worker)
{
        ssize_t n;

        if (worker_reserve(worker) < 0)
                return -ENOMEM;
        n = read(worker->fd, worker->result + worker->size, READ_SIZE);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        worker->size += (size_t) n;
        return worker->size > WORKER_RESULT_MAX ? -EFBIG : n > 0;
}

static int on_result(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Worker *worker = userdata;
        int r = worker_read(worker);

        (void) fd;
        if (r < 0)
                worker_end(worker, r);
        else if (r == 0 && revents & EPOLLHUP)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec;
        worker_end(userdata, -ETIME);
        return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Worker *worker = userdata;
        int r = worker->error;

        (void) source;
        if (r == 0 && info->si_code != CLD_EXITED)
                r = info->si_status == SIGXCPU ? -ETIME : -ECHILD;
        else if (r == 0 && info->si_status != EXIT_SUCCESS)
                r = -ECHILD;
        /* What is left fits into the pipe, so that this takes no time. */
        for (int more = 1; r == 0 && more > 0;) {
                more = worker_read(worker);
                r = MIN(more, 0);
        }
        if (r == -ECHILD)
                log_warning("A child process failed (%s %d), ignoring",
                            info->si_code == CLD_EXITED ? "exit code" : "signal", info->si_status);
        worker->done(r, worker->result, worker->size, worker->userdata);
        return 0;
}

static int worker_attach(Worker *worker, sd_event *event, pid_t pid)
{
        int r = sd_event_add_child(event, &worker->child_source, pid, WEXITED, on_child, worker);

        if (r < 0) {
                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, NULL, 0);
                return r;
        }
        r = sd_event_source_set_child_process_own(worker->child_source, true);
        if (r >= 0)
                r = sd_event_add_io(event, &worker->result_source, worker->fd, EPOLLIN, on_result,
                                    worker);
        return r < 0 ? r :
                       sd_event_add_time_relative(event, &worker->timer_source, CLOCK_MONOTONIC,
                                                  WORKER_USEC, 0, on_timer, worker);
}

int worker_start(sd_event *event, WorkerRun run, const void *input, WorkerDone done, void *userdata,
                 Worker **ret)
{
        _cleanup_(worker_freep) Worker *worker = calloc(1, sizeof(*worker));
        int fds[2], r;
        pid_t pid;

        if (!worker)
                return -ENOMEM;
        worker->fd = -EBADF;
        worker->done = done;
        worker->userdata = userdata;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        worker->fd = fds[0];
        /* Only the reader must not wait. */
        r = fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        pid = r < 0 ? -1 : fork();
        if (pid == 0)
                child_main(fds[1], run, input);
        if (pid < 0 && r == 0)
                r = -errno;
        close(fds[1]);
        if (r >= 0)
                r = worker_attach(worker, event, pid);
        if (r >= 0)
                *ret = TAKE_PTR(worker);
        return r;
}
