/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "actuator.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

/* A signal that comes just before the write is entered is lost: the timer repeats. */
#define INTERRUPT_AGAIN_USEC 100000

static const char *const online_word_table[_ONLINE_WORD_MAX] = {
        [ONLINE_WORD_OFFLINE] = "offline",
        [ONLINE_WORD_ONLINE] = "online",
        [ONLINE_WORD_KERNEL] = "online_kernel",
        [ONLINE_WORD_MOVABLE] = "online_movable",
};

DEFINE_STRING_TABLE(online_word, OnlineWord)

static volatile sig_atomic_t timed_out;

static void on_alarm(int number)
{
        (void) number;
        timed_out = 1;
}

static void set_timer(uint32_t timeout_sec)
{
        struct itimerval timer = {
                .it_value.tv_sec = timeout_sec,
                .it_interval.tv_usec = timeout_sec > 0 ? INTERRUPT_AGAIN_USEC : 0,
        };

        setitimer(ITIMER_REAL, &timer, NULL);
}

static int write_word(int dir_fd, const char *path, OnlineWord word, uint32_t timeout_sec)
{
        _cleanup_close_ int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
        const char *text = online_word_to_string(word);
        int r = 0;

        if (fd < 0)
                return -errno;

        timed_out = 0;
        set_timer(timeout_sec);
        if (write(fd, text, strlen(text)) < 0)
                r = errno == EINTR && timed_out ? -ETIMEDOUT : -errno;
        set_timer(0);
        return r;
}

static void set_block(const Sysfs *sysfs, const ActuatorRequest *request, ActuatorReply *reply)
{
        char path[48];
        BlockState state = BLOCK_OFFLINE;

        snprintf(path, sizeof(path), "memory%u/state", request->block);
        reply->error = write_word(sysfs->memory_fd, path, (OnlineWord) request->word,
                                  request->timeout_sec);
        reply->read_error = sysfs_read_outcome(sysfs, request->block, &state, &reply->zones);
        reply->state = state;
}

static void serve_request(const Sysfs *sysfs, const ActuatorRequest *request, ActuatorReply *reply)
{
        *reply = (ActuatorReply){ .request = *request };

        if (request->word >= _ONLINE_WORD_MAX)
                reply->error = -EINVAL;
        else if (request->verb == ACTUATOR_SET_BLOCK)
                set_block(sysfs, request, reply);
        else if (request->verb == ACTUATOR_SET_AUTO_ONLINE)
                reply->error = write_word(sysfs->memory_fd, "auto_online_blocks",
                                          (OnlineWord) request->word, request->timeout_sec);
        else
                reply->error = -EINVAL;
}

int actuator_serve(int fd, const Sysfs *sysfs)
{
        for (;;) {
                ActuatorRequest request;
                ActuatorReply reply;
                ssize_t n = recv(fd, &request, sizeof(request), 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno != ECONNRESET ? -errno : 0;
                if (n != sizeof(request))
                        return -EBADMSG;

                serve_request(sysfs, &request, &reply);
                while (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
                        if (errno != EINTR)
                                return errno == EPIPE ? 0 : -errno;
        }
}

/*
 * The main process decides when this one ends, by closing the channel: what a terminal or a service
 * manager sends to the whole group must not end it in the middle of a write.
 */
static void set_signals(void)
{
        const struct sigaction alarm_action = { .sa_handler = on_alarm }; /* no SA_RESTART */

        sigaction(SIGALRM, &alarm_action, NULL);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
}

/* What has been used stays: memory may be too short to page anything in. ONFAULT: Linux 4.4. */
static void lock_memory(void)
{
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 && errno == EINVAL)
                (void) mlockall(MCL_CURRENT | MCL_FUTURE);
}

static _Noreturn void actuator_main(int fd, const char *root)
{
        Sysfs sysfs = SYSFS_CLOSED;
        uint64_t bytes;
        int r;

        prctl(PR_SET_NAME, "memoryd-write");
        set_signals();
        r = sysfs_open(root, &sysfs);
        if (r < 0)
                _exit(EXIT_FAILURE);

        /* Runs the code that reads once, so that it is there when memory is short. */
        (void) sysfs_read_block_size(&sysfs, &bytes);
        lock_memory();
        _exit(actuator_serve(fd, &sysfs) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int actuator_start(const char *root)
{
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;

        pid = fork();
        if (pid < 0) {
                int r = -errno;

                close(fds[0]);
                close(fds[1]);
                return r;
        }
        if (pid == 0) {
                close(fds[0]);
                actuator_main(fds[1], root);
        }

        close(fds[1]);
        if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
                close(fds[0]);
                return -errno;
        }
        return fds[0];
}

int actuator_send(int fd, const ActuatorRequest *request)
{
        if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
                return errno == EAGAIN ? -EAGAIN : -EPIPE;
        return 0;
}

int actuator_receive(int fd, ActuatorReply *ret)
{
        ActuatorReply reply;
        ssize_t n = recv(fd, &reply, sizeof(reply), 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != sizeof(reply))
                return -EPIPE;
        *ret = reply;
        return 1;
}
