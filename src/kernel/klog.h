/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * The messages of the kernel's log, /dev/kmsg, that memoryd takes. A process can write to the log, but not as
 * the kernel, and not with a device.
 */
typedef enum KlogKind {
        KLOG_NONE, /* any other record */
        /*
         * A memory block did not go offline when its device was to be unplugged ("Offline failed.", from 3.11
         * on). The kernel says so before it onlines the other blocks of the device again.
         */
        KLOG_REFUSED,
        KLOG_NOT_ADDED, /* the memory of an ACPI memory device could not be added ("add_memory failed") */
        /*
         * A page that was to leave its block did not move ("migrating pfn 14000 failed ret:1"), or could not be taken
         * from its users at first ("isolating pfn 14000 failed"). The kernel says so ten times in five seconds at most.
         */
        KLOG_STUCK,
        _KLOG_KIND_MAX,
} KlogKind;

typedef struct KlogMessage {
        KlogKind kind;
        uint32_t block; /* of KLOG_REFUSED */
        uint64_t page;  /* of KLOG_STUCK: the number of the page */
        int error;      /* of KLOG_STUCK: a negative errno, or 0 if the page was in other hands */
} KlogMessage;

/*
 * Opens the log at its end. Returns a descriptor to be polled for EPOLLIN, or a negative errno: -EPERM if
 * kernel.dmesg_restrict is set and CAP_SYSLOG is lacking. An open log can be read without privileges.
 */
int klog_open(void);

/*
 * Reads on to the next of these messages. Returns its KlogKind, KLOG_NONE if there is none now, or a negative
 * errno if the log cannot be read: -ENODATA if it has an end, as no log of a kernel has. *ret is written for a message
 * only.
 */
int klog_next(int fd, KlogMessage *ret);

/* Parses a record of the log, likewise. */
KlogKind klog_parse(const char *record, KlogMessage *ret);
