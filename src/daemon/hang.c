/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Notices that the actuator hangs. */

#include "daemon/hang.h"

#include "base/log.h"
#include "base/names.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

/* With so much room, the timer shares a wake-up with others. */
#define ACCURACY_USEC (10 * USEC_PER_SEC)

static int on_hang(sd_event_source *source, uint64_t usec, void *userdata)
{
        HangWatch *watch = userdata;
        const LogContext context = { .message_id = MESSAGE_ID_ACTUATOR_HANGS };

        (void) usec;
        log_full(LOG_ERR, &context,
                 "The actuator (memoryd-write) has not answered for %" PRIu64
                 " s: memoryd ends, to be started again with another actuator",
                 writer_patience(watch->writer) / USEC_PER_SEC);
        (void) sd_notify(0, "STATUS=The actuator (memoryd-write) has hung");
        return sd_event_exit(sd_event_source_get_event(source), watch->exit_code);
}

/* What memoryd does when the actuator has done its last. */
#define STOP_REST_USEC (30 * USEC_PER_SEC)

static void extend_stop(const HangWatch *watch, uint64_t now_usec, uint64_t until_usec)
{
        until_usec = MIN(until_usec, watch->stop_until_usec);
        if (now_usec < until_usec)
                (void) sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64,
                                  until_usec - now_usec + STOP_REST_USEC);
}

/* Runs after every event: requests and replies are handled in many places. */
static int on_any_event(sd_event_source *source, void *userdata)
{
        HangWatch *watch = userdata;
        uint64_t patience_usec = writer_patience(watch->writer), now = 0;
        int is_on = 0, r;

        (void) sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now);
        (void) sd_event_source_get_enabled(watch->timer, &is_on);
        if (patience_usec == USEC_INFINITY)
                return sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
        if (is_on == SD_EVENT_OFF || watch->n_answers != watch->writer->n_answers)
                watch->since_usec = now;
        watch->n_answers = watch->writer->n_answers;
        extend_stop(watch, now, watch->since_usec + patience_usec);
        r = sd_event_source_set_time(watch->timer, watch->since_usec + patience_usec);
        return r < 0 ? r : sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

int hang_watch_start(HangWatch *watch, sd_event *event, const Writer *writer, int exit_code)
{
        int r;

        watch->writer = writer;
        watch->exit_code = exit_code;
        r = sd_event_add_time(event, &watch->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_hang,
                              watch);
        if (r >= 0)
                r = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
        /* Last of all: replies that came while the main process itself was stopped count first. */
        if (r >= 0)
                r = sd_event_source_set_priority(watch->timer, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? r : sd_event_add_post(event, &watch->post, on_any_event, watch);
}

void hang_watch_done(HangWatch *watch)
{
        sd_event_source_disable_unref(watch->timer);
        sd_event_source_disable_unref(watch->post);
        *watch = (HangWatch){};
}
