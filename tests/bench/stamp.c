/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Times a hot-add from inside the guest, by the kernel's uevents: prints how many memory blocks were
 * added and onlined, and the nanoseconds from the first `add` to the last one, to the first `online`
 * and to the last one of as many as the argument says.
 *
 * It shall not disturb what it measures. So it looks at its socket once a millisecond, which is then
 * its resolution, instead of being woken by each of thousands of events.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (128 << 20)
#define PAUSE_NSEC 1000000
#define KERNEL_GROUP 1

static unsigned long long now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (unsigned long long) now.tv_sec * 1000000000 + (unsigned long long) now.tv_nsec;
}

static int open_uevents(void)
{
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
        const int bytes = BUFFER_BYTES;
        int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
            bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return fd;
}

/* An event's text begins with ACTION@PATH. */
static int is_event(const char *text, const char *action)
{
        static const char folder[] = "@/devices/system/memory/memory";
        size_t n = strlen(action);

        return strncmp(text, action, n) == 0 && strncmp(text + n, folder, sizeof(folder) - 1) == 0;
}

int main(int argc, char *argv[])
{
        const struct timespec pause = { .tv_nsec = PAUSE_NSEC };
        unsigned long expected = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
        unsigned long n_added = 0, n_online = 0;
        unsigned long long start = 0, last_add = 0, first_online = 0, now = 0;
        int fd = open_uevents();

        if (expected == 0 || fd < 0) {
                fprintf(stderr, "stamp: %s\n", fd < 0 ? strerror(-fd) : "expected a number");
                return EXIT_FAILURE;
        }

        while (n_online < expected) {
                char text[8192];
                ssize_t n;

                now = now_nsec();
                while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
                        text[n] = 0;
                        if (is_event(text, "add")) {
                                start = n_added++ == 0 ? now : start;
                                last_add = now;
                        }
                        if (is_event(text, "online"))
                                first_online = n_online++ == 0 ? now : first_online;
                }
                if (n < 0 && errno != EAGAIN) {
                        fprintf(stderr, "stamp: cannot receive: %s\n", strerror(errno));
                        return EXIT_FAILURE;
                }
                nanosleep(&pause, NULL);
        }
        printf("%lu %lu %llu %llu %llu\n", n_added, n_online, last_add - start,
               first_online - start, now - start);
        return EXIT_SUCCESS;
}
