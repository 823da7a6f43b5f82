/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Plays the service manager, which keeps descriptors for memoryd and passes them on. */

#include "check_main.h"
#include "daemon/handover.h"
#include "kernel/monitor.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MSEC 60000

/* The names that the unit is documented to keep, in the order of Handover. */
static const char *const names[_HANDOVER_MAX] = { "iomem", "log", "pressure", "kernel-events",
                                                  "udev-events" };

static int notify_fd = -EBADF;
static char folder[] = "/tmp/memoryd-check-XXXXXX";

static void setup(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        ck_assert(mkdtemp(folder));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(notify_fd, 0);
        ck_assert_int_eq(bind(notify_fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
}

static void teardown(void)
{
        unlink(getenv("NOTIFY_SOCKET"));
        rmdir(folder);
        closep(&notify_fd);
}

/* Receives a message and the descriptor that comes with it, -EBADF if none does. */
static void receive(char text[static 256], int *ret_fd)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { text, 255 };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct pollfd poller = { .fd = notify_fd, .events = POLLIN };
        const struct cmsghdr *found;
        ssize_t n;

        ck_assert_int_eq(poll(&poller, 1, DEADLINE_MSEC), 1);
        n = recvmsg(notify_fd, &message, MSG_CMSG_CLOEXEC);
        ck_assert_int_ge(n, 0);
        text[n] = 0;
        found = CMSG_FIRSTHDR(&message);
        *ret_fd = -EBADF;
        if (found && found->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fd, CMSG_DATA(found), sizeof(*ret_fd));
}

static Handover find(const char *name)
{
        Handover what = 0;

        while (what < _HANDOVER_MAX && strcmp(name, names[what]) != 0)
                what++;
        ck_assert_msg(what < _HANDOVER_MAX, "%s", name);
        return what;
}

/* Keeps what is handed over until the sender waits for it, as systemd does. */
static void keep(int fds[static _HANDOVER_MAX])
{
        bool is_removed[_HANDOVER_MAX] = {};
        char text[256];
        int fd;

        for (Handover what = 0; what < _HANDOVER_MAX; what++)
                fds[what] = -EBADF;
        for (;;) {
                const char *name;
                Handover what;

                receive(text, &fd);
                if (strcmp(text, "BARRIER=1") == 0)
                        break;
                name = strstr(text, "FDNAME=");
                ck_assert(name);
                what = find(name + strlen("FDNAME="));
                if (fd < 0) {
                        ck_assert(strstr(text, "FDSTOREREMOVE=1\n") == text);
                        is_removed[what] = true;
                        continue;
                }
                /* What an earlier memoryd left is gone by then. */
                ck_assert(is_removed[what] && fds[what] < 0);
                ck_assert(strstr(text, "FDSTORE=1\nFDPOLL=0\n") == text);
                fds[what] = fd;
        }
        closep(&fd); /* the sender goes on */
        for (Handover what = 0; what < _HANDOVER_MAX; what++)
                ck_assert(is_removed[what]);
}

static void reap(pid_t child)
{
        int status;

        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(files_are_handed_over_to_the_service_manager)
{
        int fds[_HANDOVER_MAX];
        pid_t child = fork();

        if (child == 0)
                _exit(handover_give() == 0 ? 0 : 1);
        keep(fds);
        reap(child);
        if (geteuid() == 0)
                ck_assert_int_ge(fds[HANDOVER_IOMEM], 0);
        for (Handover what = HANDOVER_EVENTS; what < _HANDOVER_MAX; what++) {
                int protocol = -1;
                socklen_t size = sizeof(protocol);

                if (fds[what] < 0)
                        continue; /* it takes CAP_NET_ADMIN */
                ck_assert_int_eq(getsockopt(fds[what], SOL_SOCKET, SO_PROTOCOL, &protocol, &size),
                                 0);
                ck_assert_int_eq(protocol, NETLINK_KOBJECT_UEVENT);
        }
        for (Handover what = 0; what < _HANDOVER_MAX; what++)
                closep(&fds[what]);
}
END_TEST

START_TEST(without_a_service_manager_there_is_an_error)
{
        char *path = strdup(getenv("NOTIFY_SOCKET"));

        ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
        ck_assert_int_eq(handover_give(), -ENOTCONN);
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0); /* for teardown() */
        free(path);
}
END_TEST

/* Checks in a child, whose descriptors from 3 on are files of 1000 bytes, 1001 and so on. Returns the exit code. */
static int take(const char *listed, int n)
{
        int fds[_HANDOVER_MAX];
        char pid[16], number[16];
        struct stat st;

        for (int i = 0; i < n; i++) {
                char path[64];

                snprintf(path, sizeof(path), "/tmp/memoryd-check-%d-%d", getpid(), i);
                if (dup2(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 100 + i) < 0 ||
                    ftruncate(100 + i, 1000 + i) < 0 || unlink(path) < 0)
                        return 1;
        }
        for (int i = 0; i < n; i++)
                if (dup2(100 + i, 3 + i) < 0)
                        return 2;
        snprintf(pid, sizeof(pid), "%d", getpid());
        snprintf(number, sizeof(number), "%d", n);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", number, 1);
        setenv("LISTEN_FDNAMES", listed, 1);
        handover_take(fds);
        /* udev-events, stranger, iomem, iomem */
        if (getenv("LISTEN_FDS") || fds[HANDOVER_LOG] >= 0 || fds[HANDOVER_PRESSURE] >= 0 ||
            fds[HANDOVER_EVENTS + EVENT_SOURCE_KERNEL] >= 0)
                return 3;
        if (fstat(fds[HANDOVER_EVENTS + EVENT_SOURCE_UDEV], &st) < 0 || st.st_size != 1000 ||
            fstat(fds[HANDOVER_IOMEM], &st) < 0 || st.st_size != 1002)
                return 4;
        /* A descriptor with an unknown name, and the second of a name, are closed. */
        return fcntl(4, F_GETFD) < 0 && fcntl(6, F_GETFD) < 0 ? 0 : 5;
}

START_TEST(files_that_were_handed_over_are_taken_by_their_names)
{
        char text[256];
        int fd;
        pid_t child = fork();

        if (child == 0)
                _exit(take("udev-events:stranger:iomem:iomem", 4));
        reap(child);
        /* Only memoryd has them afterwards. */
        receive(text, &fd);
        ck_assert_str_eq(text, "FDSTOREREMOVE=1\nFDNAME=udev-events");
        receive(text, &fd);
        ck_assert_str_eq(text, "FDSTOREREMOVE=1\nFDNAME=iomem");
}
END_TEST

/* Returns the groups of events that a monitor listens to. */
static uint32_t groups_of(Monitor *monitor)
{
        struct sockaddr_nl address;
        socklen_t size = sizeof(address);

        ck_assert_int_eq(getsockname(monitor_get_fd(monitor), (struct sockaddr *) &address, &size),
                         0);
        ck_assert_uint_ne(address.nl_pid, 0);
        return address.nl_groups;
}

START_TEST(a_monitor_listens_with_the_buffer_that_was_handed_over)
{
        _cleanup_(monitor_freep) Monitor *monitor = NULL, *plain = NULL;
        _cleanup_close_ int fd = monitor_open_socket();
        socklen_t size = sizeof(int);
        int bytes = 0;

        if (fd < 0)
                return; /* it takes CAP_NET_ADMIN */
        ck_assert_int_eq(monitor_new((EventSource) _i, fd, &monitor), 0);
        ck_assert_int_eq(monitor_new((EventSource) _i, -EBADF, &plain), 0);
        /* libudev 257 does not listen to udev's events where no udev runs. */
        ck_assert_uint_eq(groups_of(monitor), groups_of(plain));
        if (_i == EVENT_SOURCE_KERNEL)
                ck_assert_uint_eq(groups_of(monitor), 1);
        ck_assert_int_eq(getsockopt(monitor_get_fd(monitor), SOL_SOCKET, SO_RCVBUF, &bytes, &size),
                         0);
        ck_assert_int_ge(bytes, 128 << 20);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("handover");
        TCase *tcase = tcase_create("service manager");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, files_are_handed_over_to_the_service_manager);
        tcase_add_test(tcase, without_a_service_manager_there_is_an_error);
        tcase_add_loop_test(tcase, a_monitor_listens_with_the_buffer_that_was_handed_over, 0,
                            _EVENT_SOURCE_MAX);
        tcase_add_test(tcase, files_that_were_handed_over_are_taken_by_their_names);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
