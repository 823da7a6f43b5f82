/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Writes metrics in the text formats of Prometheus and OpenMetrics. */

#include "ctl/metrics.h"

#include <inttypes.h>
#include <math.h>

/* What the name of a sample has behind that of its metric. */
static const char *const suffixes[_METRIC_TYPE_MAX] = {
        [METRIC_GAUGE] = "",
        [METRIC_COUNTER] = "_total",
        [METRIC_HISTOGRAM] = "",
        [METRIC_INFO] = "_info",
};

static const char *const types[_METRIC_TYPE_MAX] = {
        [METRIC_GAUGE] = "gauge",
        [METRIC_COUNTER] = "counter",
        [METRIC_HISTOGRAM] = "histogram",
        [METRIC_INFO] = "info",
};

void metric_begin(Exposition *exposition, const Metric *metric)
{
        const char *suffix = exposition->is_strict ? "" : suffixes[metric->type];
        /* Prometheus's own format has no such type. */
        MetricType type =
                metric->type == METRIC_INFO && !exposition->is_strict ? METRIC_GAUGE : metric->type;

        exposition->metric = metric;
        fprintf(exposition->file, "# HELP %s%s %s\n# TYPE %s%s %s\n", metric->name, suffix,
                metric->help, metric->name, suffix, types[type]);
        if (metric->unit)
                fprintf(exposition->file, "# UNIT %s%s %s\n", metric->name, suffix, metric->unit);
}

/* Prints a value of a label. */
static void print_escaped(FILE *file, const char *text)
{
        for (; *text; text++)
                if (*text == '\n')
                        fputs("\\n", file);
                else
                        fprintf(file, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

static void print_name(const Exposition *exposition, const char *suffix, const Label *labels)
{
        FILE *file = exposition->file;
        const char *before = "{";

        fprintf(file, "%s%s", exposition->metric->name, suffix);
        for (const Label *label = labels; label && label->name; label++, before = ",") {
                fprintf(file, "%s%s=\"", before, label->name);
                print_escaped(file, label->value);
                putc('"', file);
        }
        fputs(labels && labels->name ? "} " : " ", file);
}

/* Prints a time in seconds as a decimal number that is always the same for the same time. */
static void print_seconds(FILE *file, uint64_t usec)
{
        char text[32];
        int n = snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, usec / USEC_PER_SEC,
                         usec % USEC_PER_SEC);

        while (text[n - 1] == '0' && text[n - 2] != '.')
                text[--n] = '\0';
        fputs(text, file);
}

/* Adds the time when counting began, if the format has that. */
static void print_created(const Exposition *exposition, const Label *labels)
{
        if (!exposition->is_strict || exposition->since_usec == 0)
                return;
        print_name(exposition, "_created", labels);
        print_seconds(exposition->file, exposition->since_usec);
        putc('\n', exposition->file);
}

void metric_add(Exposition *exposition, const Label *labels, uint64_t value)
{
        MetricType type = exposition->metric->type;

        print_name(exposition, suffixes[type], labels);
        fprintf(exposition->file, "%" PRIu64 "\n", value);
        if (type == METRIC_COUNTER)
                print_created(exposition, labels);
}

void metric_add_ratio(Exposition *exposition, const Label *labels, double value)
{
        print_name(exposition, "", labels);
        if (isinf(value))
                fputs("+Inf\n", exposition->file);
        else
                fprintf(exposition->file, "%.6g\n", value);
}

void metric_add_histogram(Exposition *exposition, const BucketRow *buckets, size_t n_buckets,
                          uint64_t sum_usec)
{
        FILE *file = exposition->file;

        if (n_buckets == 0)
                return;
        for (size_t i = 0; i < n_buckets; i++) {
                fprintf(file, "%s_bucket{le=\"", exposition->metric->name);
                if (buckets[i].usec == USEC_INFINITY)
                        fputs("+Inf", file);
                else
                        print_seconds(file, buckets[i].usec);
                fprintf(file, "\"} %" PRIu64 "\n", buckets[i].n);
        }
        print_name(exposition, "_count", NULL);
        fprintf(file, "%" PRIu64 "\n", buckets[n_buckets - 1].n);
        print_name(exposition, "_sum", NULL);
        print_seconds(file, sum_usec);
        putc('\n', file);
        print_created(exposition, NULL);
}

void metric_end(Exposition *exposition)
{
        fputs("# EOF\n", exposition->file);
}
