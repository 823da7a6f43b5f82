/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl online, offline and set-zone, which start a job and wait for it. */

#include "base/names.h"
#include "ctl/job-view.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>

/* The number of jobs to remember that end between the call and its reply. The new job may be among them. */
#define ENDED_MAX 64

/* How long to wait for the report of a job that does not exist any more. */
#define REPORT_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* A job that has ended, and its JobRemoved signal. */
typedef struct Ended {
        uint32_t id;
        sd_bus_message *signal;
} Ended;

/* The state of waiting for a job. The event loop ends with the exit code. */
typedef struct Wait {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer;
        Agent agent;
        uint32_t id; /* 0: memoryd has not replied yet */
        unsigned n_signals;
        JobView view;
        Progress progress;
        Ended ended[ENDED_MAX]; /* ring of the jobs that ended before the reply */
        size_t n_ended;
} Wait;

static void wait_done(Wait *wait)
{
        progress_done(&wait->progress);
        agent_stop(&wait->agent);
        job_view_done(&wait->view);
        for (size_t i = 0; i < ELEMENTSOF(wait->ended); i++)
                sd_bus_message_unref(wait->ended[i].signal);
        sd_event_source_disable_unref(wait->timer);
        sd_bus_flush_close_unref(wait->bus);
        sd_event_unref(wait->event);
}

static int wait_end(Wait *wait, int exit_code)
{
        return sd_event_exit(wait->event, exit_code);
}

static void show_progress(Wait *wait)
{
        uint64_t next_usec;

        /* PropertiesChanged can come before the reply with all properties. */
        if (arg_json || arg_quiet || wait->view.n_total == 0)
                return;
        next_usec = progress_update(&wait->progress, &wait->view, clock_usec(CLOCK_MONOTONIC));
        if (next_usec == USEC_INFINITY)
                return;
        (void) sd_event_source_set_time(wait->timer, next_usec);
        (void) sd_event_source_set_enabled(wait->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        show_progress(userdata);
        return 0;
}

static int garbled(Wait *wait, int error)
{
        progress_clear(&wait->progress);
        return wait_end(wait, call_failure(error, &SD_BUS_ERROR_NULL));
}

/* Prints the report of the job, and ends the loop. */
static int finish(Wait *wait, sd_bus_message *signal)
{
        _cleanup_(job_view_done) JobView report = {};
        const char *result;
        int r;

        r = sd_bus_message_rewind(signal, true);
        if (r >= 0)
                r = sd_bus_message_read(signal, "uos", &report.id, NULL, &result);
        if (r >= 0)
                r = job_view_read(signal, &report);
        if (r < 0)
                return garbled(wait, r == -ENOMEM ? r : -EBADMSG);
        progress_clear(&wait->progress);
        return wait_end(wait, job_report_print(result, &report));
}

static int on_job_removed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;
        Ended *ended;
        uint32_t id;

        (void) error;
        if (sd_bus_message_read(signal, "u", &id) < 0)
                return 0;
        if (wait->id != 0)
                return id == wait->id ? finish(wait, signal) : 0;
        ended = &wait->ended[wait->n_ended++ % ENDED_MAX];
        sd_bus_message_unref(ended->signal);
        *ended = (Ended){ id, sd_bus_message_ref(signal) };
        return 0;
}

static int on_properties_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;
        int r;

        (void) error;
        if (wait->id == 0 || job_path_to_id(sd_bus_message_get_path(signal)) != wait->id)
                return 0;
        r = sd_bus_message_read(signal, "s", NULL);
        if (r >= 0)
                r = job_view_read(signal, &wait->view);
        if (r < 0)
                return garbled(wait, r);
        show_progress(wait);
        return 0;
}

/* memoryd went away, or another memoryd has taken the name and does not know the job. */
static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;

        (void) signal;
        (void) error;
        if (wait->id == 0) /* the call fails by itself */
                return 0;
        progress_clear(&wait->progress);
        return wait_end(wait, failure("memoryd went away, and job %" PRIu32 " with it", wait->id));
}

/* No report of the job came in time. */
static int on_lost(sd_event_source *source, uint64_t usec, void *userdata)
{
        Wait *wait = userdata;

        (void) source;
        (void) usec;
        progress_clear(&wait->progress);
        return wait_end(wait,
                        failure("memoryd knows nothing of job %" PRIu32 " any more", wait->id));
}

/* Takes the properties of the job. If the job is gone, it has just ended, and its report is to come. */
static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;
        int r;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL))
                return sd_event_add_time_relative(wait->event, NULL, CLOCK_MONOTONIC,
                                                  REPORT_TIMEOUT_USEC, 0, on_lost, wait);
        r = job_view_read(reply, &wait->view);
        if (r < 0)
                return garbled(wait, r);
        show_progress(wait);
        return 0;
}

static int on_cancelled(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;

        (void) error;
        agent_stop(&wait->agent);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                progress_clear(&wait->progress);
                (void) call_failure(-sd_bus_message_get_errno(reply),
                                    sd_bus_message_get_error(reply));
        }
        return 0;
}

static int cancel(Wait *wait)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        char path[JOB_PATH_MAX];
        int r;

        r = change_message_new(wait->bus, job_path_format(wait->id, path), BUS_JOB_INTERFACE,
                               "Cancel", &message);
        if (r < 0)
                return r;
        progress_clear(&wait->progress);
        agent_start(&wait->agent);
        return sd_bus_call_async(wait->bus, NULL, message, on_cancelled, wait, CHANGE_TIMEOUT_USEC);
}

/* The first signal cancels the job, as soon as there is one. The next signal leaves memoryctl. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Wait *wait = userdata;

        (void) source;
        (void) info;
        wait->n_signals++;
        if (wait->n_signals == 1)
                return wait->id != 0 ? cancel(wait) : 0;
        progress_clear(&wait->progress);
        if (wait->id == 0)
                return wait_end(wait, failure("left before memoryd replied; if there is a job, it "
                                              "goes on"));
        return wait_end(wait, failure("job %" PRIu32 " goes on", wait->id));
}

/* Prints the id of a job that memoryctl does not wait for, so that the user can find the job again. */
static int print_job(uint32_t id, const char *path)
{
        if (arg_json)
                return json_print(json_make(JSON_MEMBERS({ "job", json_object_new_uint64(id) },
                                                         { "path", json_text(path) })));
        if (!arg_quiet)
                printf("job %" PRIu32 "\n", id);
        return EXIT_SUCCESS;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;
        const char *path;
        int r = 0;

        (void) error;
        agent_stop(&wait->agent);
        if (sd_bus_message_is_method_error(reply, NULL))
                return wait_end(wait, call_failure(-sd_bus_message_get_errno(reply),
                                                   sd_bus_message_get_error(reply)));
        if (sd_bus_message_read(reply, "o", &path) >= 0)
                wait->id = job_path_to_id(path);
        if (wait->id == 0)
                return garbled(wait, -EBADMSG);
        if (!arg_wait)
                return wait_end(wait, print_job(wait->id, path));
        for (size_t i = 0; i < ELEMENTSOF(wait->ended); i++)
                if (wait->ended[i].id == wait->id)
                        return finish(wait, wait->ended[i].signal);
        if (wait->n_signals > 0)
                r = cancel(wait);
        return r < 0 ? r : job_ask(wait->bus, wait->id, on_properties, wait);
}

static int add_matches(Wait *wait);

/* An interrupt from a terminal also ends the ssh to another host. Connects again to cancel the job there. */
static int reconnect(Wait *wait)
{
        int r;

        (void) sd_bus_detach_event(wait->bus);
        wait->bus = sd_bus_close_unref(wait->bus);
        if (bus_open(&wait->bus) != EXIT_SUCCESS)
                return -ENOTCONN;
        r = add_matches(wait);
        if (r >= 0)
                r = sd_bus_attach_event(wait->bus, wait->event, 0);
        if (r >= 0)
                r = cancel(wait);
        return r < 0 ? r : job_ask(wait->bus, wait->id, on_properties, wait);
}

static int on_disconnected(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Wait *wait = userdata;

        (void) signal;
        (void) error;
        if (wait->id == 0) /* the call fails by itself */
                return 0;
        progress_clear(&wait->progress);
        if (arg_host && wait->n_signals == 1 && reconnect(wait) >= 0)
                return 0;
        return wait_end(
                wait, failure("lost the connection to the bus; job %" PRIu32 " goes on", wait->id));
}

/* Called before the request is sent, so that no signal about the job is missed. */
static int add_matches(Wait *wait)
{
        static const Match matches[] = {
                { "type='signal',sender='" BUS_NAME "',path='" BUS_PATH
                  "',interface='" BUS_MANAGER_INTERFACE "',member='JobRemoved'",
                  on_job_removed },
                { "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_JOB_PREFIX
                  "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                  "arg0='" BUS_JOB_INTERFACE "'",
                  on_properties_changed },
                { MATCH_OWNER, on_name_owner_changed },
                { MATCH_DISCONNECTED, on_disconnected },
        };

        return matches_add(wait->bus, matches, ELEMENTSOF(matches), wait);
}

static int send_request(Wait *wait, const char *method, const BlockRange *blocks, size_t n_blocks)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = change_message_new(wait->bus, BUS_PATH, BUS_MANAGER_INTERFACE, method, &message);
        if (r >= 0)
                r = job_request_append(message, blocks, n_blocks);
        if (r < 0)
                return r;
        agent_start(&wait->agent);
        return sd_bus_call_async(wait->bus, NULL, message, on_reply, wait, CHANGE_TIMEOUT_USEC);
}

static int run_job(const char *kind, const char *method, const WordRange *words, size_t n_words)
{
        _cleanup_(wait_done) Wait wait = { .progress.has_bar = isatty(STDERR_FILENO) };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ BlockRange *blocks = NULL;
        int r;

        r = bus_open(&wait.bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = ask_block_size(wait.bus, &error, &wait.progress.block_size_bytes);
        if (r < 0)
                return call_failure(r, &error);
        r = blocks_resolve(words, n_words, wait.progress.block_size_bytes, &blocks);
        if (r == EXIT_SUCCESS)
                r = preview_change(wait.bus, kind, blocks, n_words, wait.progress.block_size_bytes);
        if (r != EXIT_SUCCESS)
                return r;
        r = add_matches(&wait);
        if (r >= 0)
                r = loop_new(wait.bus, on_signal, on_timer, &wait, &wait.event, &wait.timer);
        if (r >= 0)
                r = send_request(&wait, method, blocks, n_words);
        if (r >= 0)
                r = sd_event_loop(wait.event);
        return r < 0 ? call_failure(r, &error) : r;
}

static int verb_job(const char *verb, const char *method, int argc, char **argv)
{
        _cleanup_free_ WordRange *words = NULL;
        size_t n_words = 0;
        int r = job_request_parse(verb, argc, argv, &words, &n_words);

        setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe gets each line at once */
        return r == EXIT_SUCCESS ? run_job(verb, method, words, n_words) : r;
}

int verb_online(int argc, char **argv)
{
        return verb_job("online", "Online", argc, argv);
}

int verb_offline(int argc, char **argv)
{
        return verb_job("offline", "Offline", argc, argv);
}

int verb_set_zone(int argc, char **argv)
{
        return verb_job("set-zone", "SetZone", argc, argv);
}
