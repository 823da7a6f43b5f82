/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <systemd/sd-event.h>

#include "kernel/sysfs.h"

/*
 * Watches the auto_online_blocks files of the machine and of its nodes, to hear at once what other processes
 * write there. The kernel tells inotify(7) of such writes, and of those of memoryd's own actuator as well.
 */
typedef struct WordWatch {
        sd_event_source **sources; /* owned; one for each file that exists */
        size_t n_sources;
} WordWatch;

void word_watch_done(WordWatch *watch);

/*
 * Watches the files of the machine as it is, in place of those watched before. The handler is called after
 * each write, with `userdata`. Files that do not exist or cannot be watched are left out: they are read
 * before each plan all the same. Returns 0 or -ENOMEM.
 */
int word_watch_set(WordWatch *watch, sd_event *event, const Sysfs *sysfs, const Machine *machine,
                   sd_event_inotify_handler_t handler, void *userdata);
