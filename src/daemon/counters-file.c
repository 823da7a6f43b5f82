/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the counters in a file below /run, for the next memoryd. */

#include "base/log.h"
#include "base/statefile.h"
#include "daemon/counters.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_NAME "counters"

/* The first line names the version of the format, the last says that the file is whole. */
#define HEADING "memoryd counters 1\n"
#define END "end\n"

/* Enough for all rules with all verdicts, and for thousands of errors. */
#define FILE_MAX (1U << 20)

static void print_errors(FILE *stream, const char *word, const ErrorCounts *errors)
{
        for (size_t i = 0; i < errors->n_counts; i++)
                fprintf(stream, "%s %" PRIu32 " %" PRIu64 "\n", word, errors->counts[i].error,
                        errors->counts[i].n);
}

static void print_rule(FILE *stream, const RuleCount *rule)
{
        for (Verdict verdict = 0; verdict < _VERDICT_MAX; verdict++)
                if (rule->n[verdict] > 0)
                        fprintf(stream, "decisions %s %" PRIu64 " %s\n", verdict_to_string(verdict),
                                rule->n[verdict], rule->rule);
}

static void print_jobs(FILE *stream, const Counters *counters)
{
        for (JobKind kind = 0; kind < _JOB_KIND_MAX; kind++)
                for (JobState state = 0; state < _JOB_STATE_MAX; state++)
                        if (counters->jobs_ended[kind][state] > 0)
                                fprintf(stream, "jobs %s %s %" PRIu64 "\n",
                                        job_kind_to_string(kind), job_state_to_string(state),
                                        counters->jobs_ended[kind][state]);
}

/* Returns 0 and a text that the caller frees, or -ENOMEM. */
static int format_counters(const Counters *counters, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        bool failed;

        if (!stream)
                return -ENOMEM;
        fprintf(stream, HEADING "since %" PRIu64 "\nevents-lost %" PRIu64 "\nrescans %" PRIu64 "\n",
                counters->since_usec, counters->events_lost, counters->rescans);
        for (size_t i = 0; i < counters->n_rules; i++)
                print_rule(stream, &counters->rules[i]);
        print_errors(stream, "online-error", &counters->online_errors);
        print_errors(stream, "offline-error", &counters->offline_errors);
        print_jobs(stream, counters);
        for (size_t i = 0; i < DURATION_BUCKETS; i++)
                fprintf(stream, "duration %" PRIu64 " %" PRIu64 "\n", duration_bound_usec(i),
                        counters->durations[i]);
        fprintf(stream, "durations %" PRIu64 "\n" END, counters->durations_usec);
        failed = ferror(stream);
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int take_rule_count(Counters *counters, const char *word, uint64_t n, const char *name)
{
        Verdict verdict = verdict_from_string(word);
        RuleCount *last = counters->n_rules > 0 ? &counters->rules[counters->n_rules - 1] : NULL;

        if (verdict < 0)
                return -EBADMSG;
        if (!last || strcmp(last->rule, name) != 0) {
                if (counters->n_rules > COUNTED_RULES_MAX || counters_find_rule(counters, name))
                        return -EBADMSG;
                last = counters_append_rule(counters, name);
                if (!last)
                        return -ENOMEM;
        }
        last->n[verdict] = n;
        return 0;
}

static int take_error_count(ErrorCounts *errors, uint32_t error, uint64_t n)
{
        if (error == 0 || error > COUNTED_ERRNO_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < errors->n_counts; i++)
                if (errors->counts[i].error == error)
                        return -EBADMSG;
        if (GROW(errors->counts, errors->n_counts) < 0)
                return -ENOMEM;
        errors->counts[errors->n_counts++] = (ErrorCount){ error, n };
        return 0;
}

static int take_job_count(Counters *counters, const char *kind_word, const char *state_word,
                          uint64_t n)
{
        JobKind kind = job_kind_from_string(kind_word);
        JobState state = job_state_from_string(state_word);

        if (kind < 0 || state < 0 || !job_state_is_end(state))
                return -EBADMSG;
        counters->jobs_ended[kind][state] = n;
        return 0;
}

/* Takes a line. parse_counters() checks the rest later. Returns 0, -EBADMSG or -ENOMEM. */
static int take_line(Counters *counters, const char *line, size_t *bucket)
{
        char a[24], b[24];
        uint64_t n, bound;
        uint32_t error;
        int end = 0;

        if (sscanf(line, "decisions %23s %" SCNu64 "%n", a, &n, &end) == 2 && line[end] == ' ')
                return take_rule_count(counters, a, n, line + end + 1);
        if (sscanf(line, "online-error %" SCNu32 " %" SCNu64, &error, &n) == 2)
                return take_error_count(&counters->online_errors, error, n);
        if (sscanf(line, "offline-error %" SCNu32 " %" SCNu64, &error, &n) == 2)
                return take_error_count(&counters->offline_errors, error, n);
        if (sscanf(line, "jobs %23s %23s %" SCNu64, a, b, &n) == 3)
                return take_job_count(counters, a, b, n);
        if (sscanf(line, "duration %" SCNu64 " %" SCNu64, &bound, &n) == 2 &&
            *bucket < DURATION_BUCKETS) {
                counters->durations[(*bucket)++] = n;
                return 0;
        }
        if (sscanf(line, "since %" SCNu64, &counters->since_usec) == 1 ||
            sscanf(line, "events-lost %" SCNu64, &counters->events_lost) == 1 ||
            sscanf(line, "rescans %" SCNu64, &counters->rescans) == 1 ||
            sscanf(line, "durations %" SCNu64, &counters->durations_usec) == 1)
                return 0;
        return -EBADMSG;
}

/* Returns 0, -EBADMSG or -ENOMEM. */
static int parse_counters(const char *text, Counters *counters)
{
        _cleanup_free_ char *again = NULL, *lines = NULL;
        size_t n = strlen(text), bucket = 0;
        char *rest, *line;
        int r = 0;

        if (n <= strlen(HEADING END) || strncmp(text, HEADING, strlen(HEADING)) != 0 ||
            strcmp(text + n - strlen(END), END) != 0)
                return -EBADMSG;
        rest = lines = strndup(text + strlen(HEADING), n - strlen(HEADING END) - 1);
        if (!lines)
                return -ENOMEM;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                r = take_line(counters, line, &bucket);
        if (r >= 0)
                r = format_counters(counters, &again);
        if (r < 0)
                return r;
        /* So all lines are there, once and in order, with numbers that are not too large. */
        return strcmp(again, text) == 0 ? 0 : -EBADMSG;
}

int counters_load(const char *folder, Counters *ret)
{
        _cleanup_(counters_done) Counters counters = {};
        _cleanup_free_ char *text = NULL;
        int r = statefile_read(folder, FILE_NAME, FILE_MAX, &text);

        if (r < 0)
                return r == -ENOENT ? 0 : r == -EFBIG ? -EBADMSG : r;
        r = parse_counters(text, &counters);
        if (r < 0)
                return r;
        counters_done(ret);
        *ret = counters;
        counters = (Counters){};
        return 1;
}

void counters_save(Counters *counters, const char *folder)
{
        _cleanup_free_ char *text = NULL;
        int r;

        if (!counters->is_changed)
                return;
        r = format_counters(counters, &text);
        if (r >= 0)
                r = statefile_replace(folder, FILE_NAME, text, strlen(text));
        if (r < 0 && !counters->failed)
                log_warning("Cannot keep the counters below %s: %s, ignoring", folder,
                            strerror(-r));
        counters->failed = counters->is_changed = r < 0;
}
