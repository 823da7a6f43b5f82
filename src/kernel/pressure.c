/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks the kernel to tell of memory pressure. */

#include "kernel/pressure.h"

#include <fcntl.h>

/*
 * Some task waits in 2 s, for a microsecond at the least: a kernel that finds nothing to reclaim gives up
 * within milliseconds, and makes nobody wait after that. A window of another length takes CAP_SYS_RESOURCE
 * on every kernel. The kernel takes the final NUL.
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
