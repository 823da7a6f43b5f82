/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Opens what needs privileges, starts the actuator, and drops the privileges. */

#include "daemon/setup.h"

#include "base/confine.h"
#include "base/log.h"
#include "base/names.h"
#include "daemon/handover.h"
#include "kernel/identify.h"
#include "kernel/klog.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>

void setup_done(Setup *setup)
{
        sysfs_close(&setup->sysfs);
        actuator_channel_close(&setup->actuator);
        closep(&setup->pressure_fd);
        closep(&setup->klog_fd);
        setup->pressure_fd = setup->klog_fd = -EBADF;
        for (size_t i = 0; i < ELEMENTSOF(setup->monitors); i++) {
                monitor_free(setup->monitors[i]);
                setup->monitors[i] = NULL;
        }
}

/* 0 if this process may write what the actuator writes (before Linux 4.7: has privileges), else a negative errno. */
static int may_write(int memory_fd)
{
        /* faccessat() ignores the capabilities of a user other than root before Linux 5.8. */
        _cleanup_close_ int fd = openat(memory_fd, "auto_online_blocks", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                return 0;
        if (errno == ENOENT)
                return geteuid() == 0 || effective_capabilities() != 0 ? 0 : -EACCES;
        return -errno;
}

static void take_iomem(Sysfs *sysfs, int iomem_fd)
{
        int r;

        if (iomem_fd >= 0)
                (void) sysfs_adopt_iomem(sysfs, iomem_fd);
        r = identify_check(sysfs);
        if (r < 0)
                log_warning(
                        "Cannot tell which device memory is part of by /proc/iomem: %s, ignoring",
                        r == -EACCES ? "its addresses are hidden" : strerror(-r));
}

static void listen_to_pressure(Setup *setup, int *fd)
{
        setup->pressure_fd = *fd >= 0 ? TAKE_FD(*fd) : pressure_open(&setup->sysfs);
        if (setup->pressure_fd < 0)
                log_info("Cannot listen to memory pressure (/proc/pressure/memory): %s; a shortage "
                         "of kernel memory is only seen when memory changes",
                         strerror(-setup->pressure_fd));
}

static void listen_to_log(Setup *setup, int *fd)
{
        if (*fd >= 0) {
                setup->klog_fd = TAKE_FD(*fd);
                /* memoryd may have waited since the log was opened. */
                (void) lseek(setup->klog_fd, 0, SEEK_END);
        } else {
                setup->klog_fd = klog_open();
        }
        if (setup->klog_fd < 0)
                log_info("Cannot read the kernel's log (/dev/kmsg): %s; what the kernel does to "
                         "blocks whose unplug fails is not undone",
                         strerror(-setup->klog_fd));
}

/*
 * Becomes the user, with the user's groups. Before that it makes the user the owner of the folder, if the
 * folder exists. In its unit, memoryd is that user from the start. Returns 0, -ESRCH if there is no such
 * user, or another negative errno.
 */
static int become_user(const Setup *setup)
{
        const struct passwd *entry;

        errno = 0;
        entry = getpwnam(setup->user);
        if (!entry)
                return errno > 0 && errno != ENOENT ? -errno : -ESRCH;
        if (chown(setup->runtime_folder, entry->pw_uid, entry->pw_gid) < 0 && errno != ENOENT)
                return -errno;

        if (initgroups(setup->user, entry->pw_gid) < 0 ||
            setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
            setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
                return -errno;
        return 0;
}

/* Drops the privileges for good: the main process is not root and has no capability. Returns as above. */
static int drop_privileges(const Setup *setup)
{
        int r = geteuid() == 0 ? become_user(setup) : 0;

        return r < 0 ? r : confine_capabilities(0);
}

/* Logs what failed. Returns the exit code. */
static int fail(int code, const char *what, int error)
{
        log_err("%s: %s", what, strerror(-error));
        return code;
}

/*
 * Opens what memoryd listens to, unless it was handed over. Without some of it, memoryd runs on. Returns 0 or
 * a negative errno.
 */
static int listen_to_kernel(Setup *setup)
{
        int fds[_HANDOVER_MAX], r = 0;

        handover_take(fds);
        take_iomem(&setup->sysfs, fds[HANDOVER_IOMEM]);
        for (int source = 0; r >= 0 && source < _EVENT_SOURCE_MAX; source++)
                r = monitor_new((EventSource) source, fds[HANDOVER_EVENTS + source],
                                &setup->monitors[source]);
        listen_to_pressure(setup, &fds[HANDOVER_PRESSURE]);
        listen_to_log(setup, &fds[HANDOVER_LOG]);
        for (Handover what = 0; what < _HANDOVER_MAX; what++)
                closep(&fds[what]);
        return r;
}

int setup_open(Setup *setup, bool listens)
{
        int r = sysfs_open("", &setup->sysfs);

        if (r == -ENOENT) {
                const LogContext context = { .message_id = MESSAGE_ID_NO_HOTPLUG };

                log_full(LOG_ERR, &context,
                         "This kernel has no memory hotplug (no /sys/devices/system/memory)");
                return EXIT_NO_HOTPLUG;
        }
        if (r < 0)
                return fail(EXIT_INTERNAL, "Cannot open /sys/devices/system/memory", r);
        r = may_write(setup->sysfs.memory_fd);
        if (r < 0)
                return fail(EXIT_FAILURE,
                            "Must be run as root, or with CAP_DAC_OVERRIDE: cannot write below "
                            "/sys/devices/system/memory",
                            r);
        r = actuator_start("", &setup->actuator);
        if (r < 0)
                return fail(EXIT_INTERNAL, "Cannot start the actuator", r);
        r = listens ? listen_to_kernel(setup) : 0;
        if (r < 0)
                return fail(EXIT_INTERNAL, "Cannot listen to uevents", r);
        r = drop_privileges(setup);
        if (r == -ESRCH)
                log_err("There is no user '%s' to run as: expected what sysusers.d(5) makes of "
                        "memoryd.conf",
                        setup->user);
        else if (r < 0)
                log_err("Cannot become user '%s': %s", setup->user, strerror(-r));
        return r < 0 ? EXIT_FAILURE : 0;
}
