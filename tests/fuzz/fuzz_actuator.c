/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * The actuator's end of the channel. The input has requests one after the other, as they are in memory; the last
 * one may be too short. Whatever the requests are, the files of the tree have words of the kernel afterwards.
 */

#include "actuator/actuator.h"
#include "fuzz.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#define MEMORY "sys/devices/system/memory/"
#define NODE "sys/devices/system/node/"

static const char *const files[] = {
        MEMORY "auto_online_blocks",
        MEMORY "memory0/state",
        MEMORY "memory1/state",
        NODE "node0/auto_online_blocks",
        "sys/bus/dax/devices/dax0.0/state",
        "sys/bus/dax/drivers/kmem/bind",
        "sys/bus/dax/drivers/kmem/unbind",
};

static void make_tree(void)
{
        static const char size[] = "8000000\n", offline[] = "offline\n";

        FUZZ_ASSERT(fuzz_write(MEMORY "block_size_bytes", size, strlen(size)));
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                FUZZ_ASSERT(fuzz_write(files[i], offline, strlen(offline)));
}

/* A file in a folder is no attribute: a longer word keeps its end. */
static void check_tree(void)
{
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char path[PATH_MAX], text[64] = "";
                FILE *file;
                size_t n;

                snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), files[i]);
                file = fopen(path, "re");
                FUZZ_ASSERT(file);
                n = fread(text, 1, sizeof(text) - 1, file);
                fclose(file);
                FUZZ_ASSERT(n < 32 &&
                            strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789.\n") == n);
        }
}

/* The actuator uses the timer with which libFuzzer notices that an input takes too long: take another. */
static void set_watchdog(time_t seconds)
{
        static timer_t timer;
        static bool has_timer;
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGABRT };

        if (!has_timer)
                FUZZ_ASSERT(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0);
        has_timer = true;
        FUZZ_ASSERT(timer_settime(timer, 0, &(struct itimerspec){ .it_value.tv_sec = seconds },
                                  NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Sysfs sysfs = SYSFS_CLOSED;
        PageFiles page_files;
        int fds[2], r;

        make_tree();
        FUZZ_ASSERT(sysfs_open(fuzz_folder(), &sysfs) == 0);
        page_files_open(&sysfs, &page_files);
        FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
        for (size_t i = 0; i < ACTUATOR_WINDOW && size > 0; i++) {
                ActuatorRequest request = {};
                size_t n = MIN(size, sizeof(request));

                memcpy(&request, data, n);
                /* Nothing handles its signal here. */
                request.timeout_msec = 0;
                FUZZ_ASSERT(send(fds[0], &request, n, MSG_DONTWAIT) == (ssize_t) n);
                data += n;
                size -= n;
        }
        FUZZ_ASSERT(shutdown(fds[0], SHUT_WR) == 0);
        set_watchdog(10);
        r = actuator_serve(fds[1], &sysfs, &page_files);
        set_watchdog(0);
        FUZZ_ASSERT(r == 0 || r == -EBADMSG);
        close(fds[0]);
        close(fds[1]);
        page_files_close(&page_files);
        sysfs_close(&sysfs);
        check_tree();
        return 0;
}
