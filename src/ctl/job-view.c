/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the properties of a job, shows its progress, and prints its result. */

#include "ctl/job-view.h"

#include "base/names.h"
#include "base/parse.h"
#include "ctl/json.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>

#define BAR_INTERVAL_USEC (100 * USEC_PER_MSEC)
#define LINE_INTERVAL_USEC USEC_PER_SEC

/* The length of the bar: a shorter one is left out, a longer one is not needed. */
#define BAR_MIN 10
#define BAR_MAX 50

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
        int r = sd_bus_message_read(message, "v", "s", &value);

        if (r < 0)
                return r;
        free(*text);
        *text = strdup(value);
        return *text ? 0 : -ENOMEM;
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

/* Formats a line about a block that failed. Leaves out the error if the sentence names it already. */
static int job_failure_format(const JobFailure *failure, char **ret)
{
        char buffer[ERROR_STRING_MAX];
        const char *error = error_format(failure->error, buffer);
        bool is_named = strstr(failure->text, error) != NULL;

        return asprintf(ret, "memory%" PRIu32 ": %s%s%s", failure->block, is_named ? "" : error,
                        is_named ? "" : ": ", failure->text);
}

/* The progress */

void progress_clear(Progress *progress)
{
        if (progress->bar_width > 0)
                fprintf(stderr, "\r%*s\r", (int) progress->bar_width, "");
        progress->bar_width = 0;
}

/* The keys of the tree are numbers: there is nothing to free. */
static void keep_key(void *key)
{
        (void) key;
}

void progress_done(Progress *progress)
{
        progress_clear(progress);
        tdestroy(progress->told, keep_key);
        free(progress->shown);
        *progress = (Progress){};
}

static bool is_state(const JobView *view, const char *state)
{
        return view->state && strcmp(view->state, state) == 0;
}

/* Formats "12 of 32 blocks, 37%, 1.5G of 4G, memory45, 2 failed". Returns < 0 if memory is short. */
static int text_format(const Progress *progress, const JobView *view, char **ret)
{
        char done[SIZE_STRING_MAX], total[SIZE_STRING_MAX], current[32] = "", failed[32] = "";

        if (is_state(view, "queued"))
                return asprintf(ret, "queued");
        if (view->current >= 0)
                snprintf(current, sizeof(current), ", memory%" PRId32, view->current);
        if (is_state(view, "undoing"))
                return asprintf(ret, "undoing, %" PRIu32 " blocks so far%s", view->n_undone,
                                current);
        if (view->n_failed > 0)
                snprintf(failed, sizeof(failed), ", %" PRIu32 " failed", view->n_failed);
        return asprintf(
                ret, "%s%" PRIu32 " of %" PRIu32 " blocks, %" PRIu64 "%%, %s of %s%s%s",
                is_state(view, "cancelling") ? "cancelling, " : "", view->n_done, view->n_total,
                view->n_total > 0 ? UINT64_C(100) * view->n_done / view->n_total : 0,
                size_format(view->n_done * progress->block_size_bytes, done),
                size_format(view->n_total * progress->block_size_bytes, total), current, failed);
}

/*
 * The text behind the bar takes precedence over the bar. The bar may become shorter, but not longer again, or
 * the text would jump.
 */
static void draw_bar(Progress *progress, const JobView *view, const char *text)
{
        size_t width = terminal_width(STDERR_FILENO) - 1; /* or the cursor would wrap */
        size_t beside = strlen(text) + 3, length = 0;
        uint32_t n_through = view->n_done + view->n_failed;
        _cleanup_free_ char *line = NULL;
        char bar[BAR_MAX + 1] = "";

        if (width >= beside + BAR_MIN)
                length = MIN(width - beside, progress->bar_length ?: BAR_MAX);
        progress->bar_length = length;
        memset(bar, '.', length);
        if (view->n_total > 0)
                memset(bar, '#', length * MIN(n_through, view->n_total) / view->n_total);
        if (asprintf(&line, "%s%s%s%s", length ? "[" : "", bar, length ? "] " : "", text) < 0)
                return;
        fprintf(stderr, "\r%-*.*s", (int) MIN(MAX(progress->bar_width, strlen(line)), width),
                (int) width, line);
        fflush(stderr);
        progress->bar_width = MIN(strlen(line), width);
}

/* Prints the first line, which names the job. */
static void print_job(const Progress *progress, const JobView *view)
{
        char size[SIZE_STRING_MAX];

        printf("job %" PRIu32 ": %s %s, %" PRIu32 " blocks, %s\n", view->id, view->kind ?: "",
               view->target ?: "", view->n_total,
               size_format(view->n_total * progress->block_size_bytes, size));
}

static int compare_keys(const void *a, const void *b)
{
        return ((uintptr_t) a > (uintptr_t) b) - ((uintptr_t) a < (uintptr_t) b);
}

/* Prints each failed block only once, in whatever order blocks fail, even if the job tries a block again. */
static void print_failures(Progress *progress, const JobView *view)
{
        for (size_t i = 0; i < view->n_failures; i++) {
                const void *key = (const void *) (uintptr_t) view->failures[i].block;
                _cleanup_free_ char *line = NULL;

                if (!tfind(key, &progress->told, compare_keys) &&
                    tsearch(key, &progress->told, compare_keys) &&
                    job_failure_format(&view->failures[i], &line) >= 0)
                        printf("job %" PRIu32 ": %s\n", view->id, line);
        }
}

uint64_t progress_update(Progress *progress, const JobView *view, uint64_t now_usec)
{
        _cleanup_free_ char *text = NULL;

        if (!progress->has_bar && !progress->shown)
                print_job(progress, view);
        if (!progress->has_bar)
                print_failures(progress, view);
        if (now_usec < progress->next_usec)
                return progress->next_usec;
        if (text_format(progress, view, &text) < 0 ||
            (progress->shown && strcmp(progress->shown, text) == 0))
                return USEC_INFINITY;
        if (progress->has_bar)
                draw_bar(progress, view, text);
        else
                printf("job %" PRIu32 ": %s\n", view->id, text);
        progress->next_usec =
                now_usec + (progress->has_bar ? BAR_INTERVAL_USEC : LINE_INTERVAL_USEC);
        free(progress->shown);
        progress->shown = TAKE_PTR(text);
        return USEC_INFINITY;
}

/* The result */

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
