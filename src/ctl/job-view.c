/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the properties of a job, shows its progress, and prints its result. */

#include "ctl/job-view.h"

#include "base/names.h"
#include "base/parse.h"
#include "base/text.h"
#include "ctl/row.h"

#include <inttypes.h>
#include <stdio.h>

#define BAR_INTERVAL_USEC (100 * USEC_PER_MSEC)
#define LINE_INTERVAL_USEC USEC_PER_SEC

/* The length of the bar: a shorter one is left out, a longer one is not needed. */
#define BAR_MIN 10
#define BAR_MAX 50

static const Member failure_members[] = {
        { offsetof(JobFailure, block), NULL },
        { offsetof(JobFailure, error), NULL },
        { offsetof(JobFailure, text), NULL },
};

static const RowType failure_rows = { BUS_FAILURE_SIGNATURE, sizeof(JobFailure), failure_members };

static const Member span_members[] = {
        { offsetof(BlockRange, first), "first" },
        { offsetof(BlockRange, last), "last" },
};

const RowType span_rows = { "(uu)", sizeof(BlockRange), span_members };

const Property job_properties[] = {
        { "Id", 'u', offsetof(JobView, id), .key = "job" },
        { "Kind", 'S', offsetof(JobView, kind), .key = "kind" },
        { "Target", 'S', offsetof(JobView, target), .key = "target" },
        { "Zone", 'S', offsetof(JobView, zone), .key = "zone" },
        { "TotalBlocks", 'u', offsetof(JobView, n_total), .key = "total_blocks" },
        { "DoneBlocks", 'u', offsetof(JobView, n_done), .key = "done_blocks" },
        { "FailedBlocks", 'u', offsetof(JobView, n_failed), .key = "failed_blocks" },
        { "UndoneBlocks", 'u', offsetof(JobView, n_undone), .key = "undone_blocks" },
        { "State", 'S', .offset = offsetof(JobView, state) },
        { "Message", 'S', .offset = offsetof(JobView, message) },
        { "CurrentBlock", 'i', .offset = offsetof(JobView, current) },
        { "Failures", 'a', offsetof(JobView, failures), NULL, &failure_rows,
          offsetof(JobView, n_failures) },
        { "Advice", 'a', .offset = offsetof(JobView, advice) },
        { "Done", 'a', offsetof(JobView, done), NULL, &span_rows, offsetof(JobView, n_done_spans) },
        {},
};

void job_view_done(JobView *view)
{
        free(view->failures);
        sd_bus_message_unref(view->failures_message);
        free(view->done);
        strings_free(view->advice);
        free(view->kind);
        free(view->target);
        free(view->zone);
        free(view->state);
        free(view->message);
        *view = (JobView){};
}

static int read_property(sd_bus_message *message, const char *name, void *userdata)
{
        const Property *property = property_find(job_properties, name);
        JobView *view = userdata;

        if (!property)
                return sd_bus_message_skip(message, "v");
        if (property->rows == &failure_rows) {
                view->n_failures = 0;
                sd_bus_message_unref(view->failures_message);
                view->failures_message = sd_bus_message_ref(message);
        }
        return property_read(message, property, view);
}

int job_view_read(sd_bus_message *message, JobView *view)
{
        int r = dict_read(message, "sv", read_property, view);

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

int job_ask(sd_bus *bus, uint32_t id, sd_bus_message_handler_t handler, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        char path[JOB_PATH_MAX];
        int r;

        r = sd_bus_message_new_method_call(bus, &message, BUS_NAME, job_path_format(id, path),
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, false);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", BUS_JOB_INTERFACE);
        return r < 0 ? r : sd_bus_call_async(bus, NULL, message, handler, userdata, 0);
}

/* Makes ascending ranges of the blocks that failed as the i-th did. Returns their number, or -ENOMEM. */
static int find_alike(const JobView *report, size_t i, BlockRange **ret)
{
        const JobFailure *failure = &report->failures[i];
        _cleanup_free_ BlockRange *ranges = calloc(report->n_failures, sizeof(*ranges));
        size_t n = 0, n_joined = 0;

        if (!ranges)
                return -ENOMEM;
        for (; i < report->n_failures; i++) {
                const JobFailure *other = &report->failures[i];

                if (other->error != failure->error || strcmp(other->text, failure->text) != 0)
                        continue;
                ranges[n++] = (BlockRange){ other->block, other->block };
        }
        qsort(ranges, n, sizeof(*ranges), id_compare);
        for (size_t k = 1; k < n; k++)
                if (ranges[k].first - ranges[n_joined].last <= 1)
                        ranges[n_joined].last = ranges[k].last;
                else
                        ranges[++n_joined] = ranges[k];
        *ret = TAKE_PTR(ranges);
        return (int) n_joined + 1;
}

/* Whether an earlier failure was the same, and so has a line that names this block too. */
static bool is_repeated(const JobView *report, size_t i)
{
        const JobFailure *failure = &report->failures[i];

        for (size_t k = 0; k < i; k++)
                if (report->failures[k].error == failure->error &&
                    strcmp(report->failures[k].text, failure->text) == 0)
                        return true;
        return false;
}

/* Formats the line about the blocks that failed so. Leaves out the error if the sentence names it already. */
static int format_failure(const JobFailure *failure, const BlockRange *ranges, size_t n_ranges,
                          char **ret)
{
        char buffer[ERROR_STRING_MAX];
        const char *error = error_format(failure->error, buffer);
        bool is_named = strstr(failure->text, error) != NULL;
        bool is_one = n_ranges == 1 && ranges[0].first == ranges[0].last;
        _cleanup_free_ char *blocks = NULL;

        if (ranges_format(ranges, n_ranges, true, &blocks) < 0 ||
            asprintf(ret, "%s%s: %s%s%s", is_one ? "memory" : "blocks ", blocks,
                     is_named ? "" : error, is_named ? "" : ": ", failure->text) < 0)
                return -ENOMEM;
        text_make_printable(*ret);
        return 0;
}

int job_failures_print(const JobView *report, void (*print)(const char *line, void *userdata),
                       void *userdata)
{
        for (size_t i = 0; i < report->n_failures; i++) {
                _cleanup_free_ BlockRange *ranges = NULL;
                _cleanup_free_ char *line = NULL;
                int n;

                if (is_repeated(report, i))
                        continue;
                n = find_alike(report, i, &ranges);
                if (n < 0 || format_failure(&report->failures[i], ranges, (size_t) n, &line) < 0)
                        return -ENOMEM;
                print(line, userdata);
        }
        return 0;
}

/* The progress */

void progress_clear(Progress *progress)
{
        if (progress->bar_width > 0)
                fprintf(stderr, "\r%*s\r", (int) progress->bar_width, "");
        progress->bar_width = 0;
}

void progress_done(Progress *progress)
{
        progress_clear(progress);
        free(progress->shown);
        *progress = (Progress){};
}

static bool is_state(const JobView *view, const char *state)
{
        return view->state && strcmp(view->state, state) == 0;
}

/* Formats "12 of 32 blocks, 37%, 1.5G of 4G, memory45, 2 failed". Returns < 0 if memory is short. */
static int format_progress(const Progress *progress, const JobView *view, char **ret)
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

uint64_t progress_update(Progress *progress, const JobView *view, uint64_t now_usec)
{
        _cleanup_free_ char *text = NULL;

        if (!progress->has_bar && !progress->shown)
                print_job(progress, view);
        if (now_usec < progress->next_usec)
                return progress->next_usec;
        if (format_progress(progress, view, &text) < 0 ||
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

static json_object *json_failure(const void *failures, size_t i)
{
        const JobFailure *failure = (const JobFailure *) failures + i;
        char error[ERROR_STRING_MAX];

        return json_make(JSON_MEMBERS({ "block", json_object_new_uint64(failure->block) },
                                      { "error", json_text(error_format(failure->error, error)) },
                                      { "message", json_text(failure->text) }));
}

json_object *json_report(json_object *object, const char *result, const JobView *report)
{
        return json_add(
                json_properties(object, job_properties, report),
                JSON_MEMBERS({ "result", json_text(result) },
                             { "message", json_text(report->message ?: "") },
                             { "done", json_rows(&span_rows, report->done, report->n_done_spans) },
                             { "advice", json_strings(report->advice) },
                             { "failures",
                               json_array(report->failures, report->n_failures, json_failure) }));
}

static void print_failure(const char *line, void *userdata)
{
        (void) userdata;
        fprintf(stderr, "  %s\n", line);
}

int job_report_print(const char *result, const JobView *report)
{
        int exit_code = report_exit_code(result, report), r;

        if (arg_json) {
                r = json_print(json_report(json_object_new_object(), result, report));
                return r == EXIT_SUCCESS ? exit_code : r;
        }
        if (exit_code != EXIT_SUCCESS)
                (void) failure("%s", report->message ?: result);
        else if (!arg_quiet)
                puts(report->message ?: "Done.");
        (void) job_failures_print(report, print_failure, NULL);
        for (char **advice = report->advice; advice && *advice; advice++) {
                text_make_printable(*advice);
                fprintf(stderr, "  %s\n", *advice);
        }
        return exit_code;
}
