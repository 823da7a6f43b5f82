/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/actuator.h"
#include "kernel/monitor.h"
#include "kernel/sysfs.h"

/* Everything that is set up before privileges are dropped. manager_new() takes all but the strings over. */
typedef struct Setup {
        const char *root;           /* the configuration is below it; "" is the running system */
        const char *runtime_folder; /* see takeover.h */
        const char *user;           /* whom the main process becomes */
        Sysfs sysfs;
        ActuatorChannel actuator;
        int pressure_fd;                      /* see monitor.h; negative if there is none */
        int klog_fd;                          /* see klog.h; negative if there is none */
        Monitor *monitors[_EVENT_SOURCE_MAX]; /* one of each: the configuration will choose */
} Setup;

/* Nothing is open. */
#define SETUP_CLOSED                                                                               \
        .sysfs = SYSFS_CLOSED, .actuator = ACTUATOR_CHANNEL_CLOSED, .pressure_fd = -EBADF,         \
        .klog_fd = -EBADF

void setup_done(Setup *setup);

/*
 * Does everything that needs privileges, logs what fails, and drops them. Reads only the kernel's files and the
 * user database. Without `listens`, opens only what writing takes. Returns 0 or an exit code; the caller ends
 * the setup with setup_done() in any case.
 */
int setup_open(Setup *setup, bool listens);
