/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Opens as root what memoryd reads, and hands it over through the service manager. */

#include "daemon/handover.h"

#include "kernel/klog.h"
#include "kernel/monitor.h"
#include "kernel/sysfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

/* More than the service manager takes to handle five messages when the machine is busy. */
#define BARRIER_USEC (30 * USEC_PER_SEC)

static const char *const names[_HANDOVER_MAX] = {
        [HANDOVER_IOMEM] = "iomem",
        [HANDOVER_LOG] = "log",
        [HANDOVER_PRESSURE] = "pressure",
        [HANDOVER_EVENTS + EVENT_SOURCE_KERNEL] = "kernel-events",
        [HANDOVER_EVENTS + EVENT_SOURCE_UDEV] = "udev-events",
};

/* Removes what the service manager has kept under this name. */
static void forget(Handover what)
{
        (void) sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", names[what]);
}

static int open_for(Handover what)
{
        _cleanup_(sysfs_close) Sysfs sysfs = SYSFS_CLOSED;

        switch (what) {
        case HANDOVER_IOMEM:
                return open("/proc/iomem", O_RDONLY | O_CLOEXEC);
        case HANDOVER_LOG:
                return klog_open();
        case HANDOVER_PRESSURE:
                return sysfs_open("", &sysfs) < 0 ? -ENOENT : pressure_open(&sysfs);
        default:
                return monitor_open_socket();
        }
}

int handover_give(void)
{
        if (!getenv("NOTIFY_SOCKET"))
                return -ENOTCONN;
        for (Handover what = 0; what < _HANDOVER_MAX; what++) {
                _cleanup_close_ int fd = open_for(what);
                char text[64];

                /* What an earlier memoryd left there is not to reach this one. */
                forget(what);
                /* FDPOLL=0: a poll by the service manager would take the event away from memoryd. */
                snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", names[what]);
                if (fd >= 0)
                        (void) sd_pid_notify_with_fds(0, 0, text, &fd, 1);
        }
        /* The service manager ignores messages of a process that has ended. */
        return MIN(sd_notify_barrier(0, BARRIER_USEC), 0);
}

void handover_take(int ret_fds[static _HANDOVER_MAX])
{
        char **listed = NULL;
        int n = sd_listen_fds_with_names(true, &listed);

        for (Handover what = 0; what < _HANDOVER_MAX; what++)
                ret_fds[what] = -EBADF;
        for (int i = 0; i < n; i++) {
                Handover what = 0;

                while (what < _HANDOVER_MAX && strcmp(listed[i], names[what]) != 0)
                        what++;
                if (what < _HANDOVER_MAX && ret_fds[what] < 0) {
                        ret_fds[what] = SD_LISTEN_FDS_START + i;
                        forget(what);
                } else {
                        close(SD_LISTEN_FDS_START + i);
                }
                free(listed[i]);
        }
        free(listed);
}
