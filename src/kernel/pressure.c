/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks the kernel to report memory pressure. */

#include "kernel/pressure.h"

#include <fcntl.h>

/*
 * The kernel reports when some task has waited for at least a microsecond within 2 s: a kernel that
 * finds nothing to reclaim gives up within milliseconds, and lets no task wait after that. Windows
 * of another length need CAP_SYS_RESOURCE on every kernel. The kernel accepts the final NUL.
 */
static const char trigger[] = "some 1 2000000";

int pressure_open(const Sysfs *sysfs)
{
        _cleanup_close_ int fd =
                openat(sysfs->proc_fd, "pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (write(fd, trigger, sizeof(trigger)) < 0)
                return -errno;
        return TAKE_FD(fd);
}
