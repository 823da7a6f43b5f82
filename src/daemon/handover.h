/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/config.h"

/*
 * What memoryd reads and only root can open. The unit has `memoryd --hand-over` run as root before memoryd
 * starts: it opens these files, has the service manager keep them, and ends. It reads no configuration. The
 * service manager passes them to memoryd, which never has the privileges.
 */
typedef enum Handover {
        HANDOVER_IOMEM, /* /proc/iomem: shows addresses if CAP_SYS_ADMIN opened it (4.14 to 6.18) */
        HANDOVER_LOG,   /* /dev/kmsg: can take CAP_SYSLOG, see klog.h */
        HANDOVER_PRESSURE, /* /proc/pressure/memory: can take CAP_SYS_RESOURCE, see monitor.h */
        HANDOVER_EVENTS,   /* a socket for each EventSource: its buffer takes CAP_NET_ADMIN */
        _HANDOVER_MAX = HANDOVER_EVENTS + _EVENT_SOURCE_MAX,
} Handover;

/*
 * Opens the files, and hands over those that it could open. Returns 0, or a negative errno without a service
 * manager.
 */
int handover_give(void);

/* Takes the files that were handed over. The caller owns the descriptors; -EBADF stands for a missing file. */
void handover_take(int ret_fds[static _HANDOVER_MAX]);
