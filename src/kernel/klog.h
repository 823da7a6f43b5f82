/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * The kernel's log, /dev/kmsg, of which memoryd takes one message: that a memory block did not go offline
 * when its device was to be unplugged ("Offline failed.", from 3.11 on). The
 * kernel says it before it onlines the other blocks again. A process can write to the log, but not as the
 * kernel, and not with a device.
 */

/*
 * Opens the log at its end. Returns a descriptor to be polled for EPOLLIN, or a negative errno: -EPERM if
 * kernel.dmesg_restrict is set and CAP_SYSLOG is lacking. An open log can be read without privileges.
 */
int klog_open(void);

/*
 * Reads on to the next message about a block. Returns 1 and the block, 0 if there is none now, or a negative
 * errno if the log cannot be read.
 */
int klog_next(int fd, uint32_t *ret_block);

/* Parses a record of the log. Returns true and the block if it is a message about one. */
bool klog_parse(const char *record, uint32_t *ret_block);
