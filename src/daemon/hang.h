/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/writer.h"

#include <systemd/sd-event.h>

/*
 * Ends the event loop when the actuator hangs: when it was stopped, or when the kernel does not come back
 * from a write. The service manager then kills the actuator, and starts memoryd again. What the actuator was to do is decided anew.
 *
 * While memoryd is stopping, it asks the service manager for the time that the request to the actuator may
 * take, so that TimeoutStopSec= of the unit does not end it as long as it makes progress. From
 * stop_until_usec on, it asks for nothing more.
 */

typedef struct HangWatch {
        const Writer *writer;
        sd_event_source *timer;
        sd_event_source *post;
        unsigned n_answers;       /* of the writer when the time began to run */
        uint64_t since_usec;      /* monotonic */
        uint64_t stop_until_usec; /* see below; 0: memoryd is not stopping */
        int exit_code;
} HangWatch;

/*
 * Begins to watch a writer, which must outlive the watch. The loop ends with the exit code. Returns 0 or a
 * negative errno. The caller calls hang_watch_done() in any case.
 */
int hang_watch_start(HangWatch *watch, sd_event *event, const Writer *writer, int exit_code);
void hang_watch_done(HangWatch *watch);
