/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the properties and the report of a job, and prints its result. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/job-view.h"
#include "ctl/json.h"

#include <inttypes.h>
#include <stdio.h>

/* The members of a job that are one value, and their types on D-Bus. */
static const struct {
        const char *name;
        const char *type;
        size_t offset;
} members[] = {
        { "Kind", "s", offsetof(JobView, kind) },
        { "Target", "s", offsetof(JobView, target) },
        { "Zone", "s", offsetof(JobView, zone) },
        { "State", "s", offsetof(JobView, state) },
        { "Message", "s", offsetof(JobView, message) },
        { "Id", "u", offsetof(JobView, id) },
        { "TotalBlocks", "u", offsetof(JobView, n_total) },
        { "DoneBlocks", "u", offsetof(JobView, n_done) },
        { "FailedBlocks", "u", offsetof(JobView, n_failed) },
        { "UndoneBlocks", "u", offsetof(JobView, n_undone) },
        { "CurrentBlock", "i", offsetof(JobView, current) },
};

static void failures_free(JobView *view)
{
        for (size_t i = 0; i < view->n_failures; i++)
                free(view->failures[i].text);
        free(view->failures);
        view->failures = NULL;
        view->n_failures = 0;
}

void job_view_done(JobView *view)
{
        failures_free(view);
        free(view->done);
        free(view->kind);
        free(view->target);
        free(view->zone);
        free(view->state);
        free(view->message);
        *view = (JobView){};
}

static int read_text(sd_bus_message *message, char **text)
{
        const char *value;
        char *copy;
        int r;

        r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0)
                return r;
        copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}

static int read_failure(sd_bus_message *message, JobView *view)
{
        JobFailure failure = {};
        const char *text;
        int r;

        r = sd_bus_message_read(message, BUS_FAILURE_SIGNATURE, &failure.block, &failure.error,
                                &text);
        if (r <= 0)
                return r;
        if (GROW(view->failures, view->n_failures) < 0)
                return -ENOMEM;
        failure.text = strdup(text);
        if (!failure.text)
                return -ENOMEM;
        view->failures[view->n_failures++] = failure;
        return 1;
}

static int read_done(sd_bus_message *message, JobView *view)
{
        BlockRange span;
        int r;

        r = sd_bus_message_read(message, "(uu)", &span.first, &span.last);
        if (r <= 0)
                return r;
        if (GROW(view->done, view->n_done_spans) < 0)
                return -ENOMEM;
        view->done[view->n_done_spans++] = span;
        return 1;
}

/* Reads a variant with an array. `read` reads one entry after the other. */
static int read_entries(sd_bus_message *message, const char *type,
                        int (*read)(sd_bus_message *message, JobView *view), JobView *view)
{
        int r;

        r = sd_bus_message_enter_container(message, 'v', type);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', type + 1);
        while (r >= 0 && (r = read(message, view)) > 0)
                ;
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_member(sd_bus_message *message, const char *name, JobView *view)
{
        if (strcmp(name, "Failures") == 0) {
                failures_free(view);
                return read_entries(message, "a" BUS_FAILURE_SIGNATURE, read_failure, view);
        }
        if (strcmp(name, "Done") == 0) {
                view->n_done_spans = 0;
                return read_entries(message, "a(uu)", read_done, view);
        }
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                void *field = (char *) view + members[i].offset;

                if (strcmp(members[i].name, name) != 0)
                        continue;
                if (*members[i].type == 's')
                        return read_text(message, field);
                return sd_bus_message_read(message, "v", members[i].type, field);
        }
        return sd_bus_message_skip(message, "v");
}

int job_view_read(sd_bus_message *message, JobView *view)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &name);
                if (r >= 0)
                        r = read_member(message, name, view);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 && r != -ENOMEM ? -EBADMSG : MIN(r, 0);
}

uint32_t job_path_to_id(const char *path)
{
        static const char prefix[] = BUS_JOB_PREFIX "/";
        uint32_t id;

        if (strncmp(path, prefix, strlen(prefix)) != 0 || parse_u32(path + strlen(prefix), &id) < 0)
                return 0;
        return id;
}

const char *job_path_format(uint32_t id, char buffer[static JOB_PATH_MAX])
{
        snprintf(buffer, JOB_PATH_MAX, "%s/%" PRIu32, BUS_JOB_PREFIX, id);
        return buffer;
}

/* Leaves out the error if the sentence names it already. */
int job_failure_format(const JobFailure *failure, char **ret)
{
        char buffer[ERROR_STRING_MAX];
        const char *error = error_format(failure->error, buffer);
        bool is_named = strstr(failure->text, error) != NULL;

        return asprintf(ret, "memory%" PRIu32 ": %s%s%s", failure->block, is_named ? "" : error,
                        is_named ? "" : ": ", failure->text);
}

/* A job that was cancelled or timed out is partly done if any of its blocks stayed done, else it failed. */
static int report_exit_code(const char *result, const JobView *report)
{
        if (strcmp(result, "done") == 0)
                return EXIT_SUCCESS;
        if (strcmp(result, "partly") == 0)
                return EXIT_PARTLY;
        if (strcmp(result, "cancelled") == 0 || strcmp(result, "timed-out") == 0)
                return report->n_done_spans > 0 ? EXIT_PARTLY : EXIT_FAILURE;
        return EXIT_FAILURE;
}

static bool json_add_done(json_object *object, const JobView *view)
{
        json_object *done = json_object_new_array();
        bool ok = json_member(object, "done", done);

        for (size_t i = 0; i < view->n_done_spans && ok; i++) {
                json_object *span = json_object_new_object();

                ok = json_element(done, span) &&
                     json_member(span, "first", json_object_new_uint64(view->done[i].first)) &&
                     json_member(span, "last", json_object_new_uint64(view->done[i].last));
        }
        return ok;
}

static bool json_add_failures(json_object *object, const JobView *view)
{
        json_object *failures = json_object_new_array();
        bool ok = json_member(object, "failures", failures);
        char error[ERROR_STRING_MAX];

        for (size_t i = 0; i < view->n_failures && ok; i++) {
                const JobFailure *failure = &view->failures[i];
                json_object *entry = json_object_new_object();

                ok = json_element(failures, entry) &&
                     json_member(entry, "block", json_object_new_uint64(failure->block)) &&
                     json_member_string(entry, "error", error_format(failure->error, error)) &&
                     json_member_string(entry, "message", failure->text);
        }
        return ok;
}

bool json_add_job(json_object *object, uint32_t id, const JobView *view)
{
        return json_member(object, "job", json_object_new_uint64(id)) &&
               json_member_string(object, "kind", view->kind ?: "") &&
               json_member_string(object, "target", view->target ?: "") &&
               json_member_string(object, "zone", view->zone ?: "") &&
               json_member(object, "total_blocks", json_object_new_uint64(view->n_total)) &&
               json_member(object, "done_blocks", json_object_new_uint64(view->n_done)) &&
               json_member(object, "failed_blocks", json_object_new_uint64(view->n_failed)) &&
               json_member(object, "undone_blocks", json_object_new_uint64(view->n_undone));
}

bool json_add_report(json_object *object, uint32_t id, const char *result, const JobView *report)
{
        return json_add_job(object, id, report) && json_member_string(object, "result", result) &&
               json_member_string(object, "message", report->message ?: "") &&
               json_add_done(object, report) && json_add_failures(object, report);
}

int job_report_print(uint32_t id, const char *result, const JobView *report)
{
        _cleanup_(json_object_putp) json_object *object = NULL;
        int exit_code = report_exit_code(result, report), r;

        if (arg_json) {
                object = json_object_new_object();
                r = json_print(object && json_add_report(object, id, result, report) ?
                                       TAKE_PTR(object) :
                                       NULL);
                return r == EXIT_SUCCESS ? exit_code : r;
        }
        if (exit_code == EXIT_SUCCESS)
                puts(report->message ?: "Done.");
        else
                (void) failure("%s", report->message ?: result);
        for (size_t i = 0; i < report->n_failures; i++) {
                _cleanup_free_ char *line = NULL;

                if (job_failure_format(&report->failures[i], &line) >= 0)
                        fprintf(stderr, "  %s\n", line);
        }
        return exit_code;
}
