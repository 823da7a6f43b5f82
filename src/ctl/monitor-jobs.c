/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints how jobs begin, go on and end. */

#include "base/names.h"
#include "ctl/event.h"

#include <inttypes.h>

/* The shortest time between two reports on the progress of a job. */
#define JOB_INTERVAL_USEC USEC_PER_SEC

/* Finds a job, or adds it. Returns NULL if memory is short. */
static Watched *watched_get(Monitor *monitor, uint32_t id)
{
        for (size_t i = 0; i < monitor->n_jobs; i++)
                if (monitor->jobs[i].id == id)
                        return &monitor->jobs[i];
        if (GROW(monitor->jobs, monitor->n_jobs) < 0)
                return NULL;
        monitor->jobs[monitor->n_jobs] = (Watched){ .id = id };
        return &monitor->jobs[monitor->n_jobs++];
}

/* Prints a line about a job: at first its task, later its progress, and its state if that has changed. */
static void tell_job(const char *event, Watched *job)
{
        const JobView *view = &job->view;
        _cleanup_free_ char *text = NULL;
        bool is_new = !job->told_state, is_state;

        if (arg_json) {
                (void) json_print_line(
                        json_add(json_properties(event_new(event), job_properties, view),
                                 JSON_MEMBERS({ "state", json_text(view->state ?: "") })));
                return;
        }
        is_state = is_new || strcmp(job->told_state, view->state ?: "") != 0;
        if (asprintf(&text, "%s%s%s%s%s%s%" PRIu32 " of %" PRIu32 " blocks done",
                     is_new ? view->kind ?: "" : "", is_new ? " " : "",
                     is_new ? view->target ?: "" : "", is_new ? ", " : "",
                     is_state ? view->state ?: "" : "", is_state ? ", " : "", view->n_done,
                     view->n_total) < 0)
                return;
        if (is_state || view->n_done != job->told_done)
                event_print_text("job %" PRIu32 ": %s", view->id, text);
        free(job->told_state);
        job->told_state = strdup(view->state ?: "");
        job->told_done = view->n_done;
}

static void watched_drop(Monitor *monitor, uint32_t id)
{
        for (size_t i = 0; i < monitor->n_jobs; i++) {
                if (monitor->jobs[i].id != id)
                        continue;
                job_view_done(&monitor->jobs[i].view);
                free(monitor->jobs[i].told_state);
                monitor->jobs[i] = monitor->jobs[--monitor->n_jobs];
                return;
        }
}

/* Reports the job as new, since the monitor did not know it. memoryd may have had it for some time. */
static int on_job(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        JobView view = {};
        Watched *job;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL)) /* the job has ended */
                return 0;
        job = job_view_read(reply, &view) >= 0 ? watched_get(monitor, view.id) : NULL;
        if (!job) {
                job_view_done(&view);
                return 0;
        }
        job_view_done(&job->view);
        job->view = view;
        job->told_usec = clock_usec(CLOCK_MONOTONIC);
        tell_job("job-new", job);
        return 0;
}

static int ask_job(Monitor *monitor, Watched *job)
{
        if (job->is_asked)
                return 0;
        job->is_asked = true;
        return job_ask(monitor->bus, job->id, on_job, monitor);
}

int monitor_on_job_new(sd_bus_message *signal, Monitor *monitor)
{
        Watched *job;
        uint32_t id;
        int r;

        r = sd_bus_message_read(signal, "uo", &id, NULL);
        if (r < 0)
                return r;
        job = watched_get(monitor, id);
        return job ? ask_job(monitor, job) : -ENOMEM;
}

/* Reports each new state at once, and the progress at most once a second. */
int monitor_on_job_changed(sd_bus_message *signal, Monitor *monitor)
{
        Watched *job = watched_get(monitor, job_path_to_id(sd_bus_message_get_path(signal)));
        _cleanup_free_ char *state = NULL;
        int r;

        if (!job)
                return -ENOMEM;
        if (!job->view.kind)
                return ask_job(monitor, job);
        state = strdup(job->view.state ?: "");
        r = job_view_read(signal, &job->view);
        if (r < 0 || !state)
                return r < 0 ? r : -ENOMEM;
        if (strcmp(state, job->view.state ?: "") == 0 &&
            clock_usec(CLOCK_MONOTONIC) < job->told_usec + JOB_INTERVAL_USEC)
                return 0;
        job->told_usec = clock_usec(CLOCK_MONOTONIC);
        tell_job("job-progress", job);
        return 0;
}

static void print_failure(const char *line, void *userdata)
{
        const uint32_t *id = userdata;

        event_print_colored(COLOR_BAD, "job %" PRIu32 ": %s", *id, line);
}

int monitor_on_job_removed(sd_bus_message *signal, Monitor *monitor)
{
        _cleanup_(job_view_done) JobView report = {};
        const char *result;
        int r;

        r = sd_bus_message_read(signal, "uos", &report.id, NULL, &result);
        if (r >= 0)
                r = job_view_read(signal, &report);
        if (r < 0)
                return r;
        watched_drop(monitor, report.id);
        if (arg_json) {
                (void) json_print_line(json_report(event_new("job-removed"), result, &report));
                return 0;
        }
        event_print_colored(color_of_word(result), "job %" PRIu32 ": %s, %s", report.id, result,
                            report.message ?: "");
        return job_failures_print(&report, print_failure, &report.id);
}

void monitor_drop_jobs(Monitor *monitor)
{
        while (monitor->n_jobs > 0)
                watched_drop(monitor, monitor->jobs[0].id);
}
