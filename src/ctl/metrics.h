/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/ctl.h"

#include <stdio.h>

/*
 * Writes metrics as text. There are two forms, and no text can be both, because they name counters differently:
 *
 * - As Prometheus itself reads it, also as OpenMetrics, and promtool and node_exporter's textfile collector read it:
 *   the family of a counter is `x_total`, as the sample is. Lines that only OpenMetrics knows are comments there.
 * - Strictly OpenMetrics 1.0: the family of a counter is `x`, and each counter has the time when counting began.
 */

typedef enum MetricType {
        METRIC_GAUGE,
        METRIC_COUNTER,
        METRIC_HISTOGRAM,
        METRIC_INFO,
        _METRIC_TYPE_MAX,
} MetricType;

typedef struct Metric {
        const char *name; /* without what the type adds: "_total" or "_info" */
        MetricType type;
        const char *unit; /* which the name ends with, or NULL */
        const char *help; /* without backslashes, quotes and line ends */
} Metric;

typedef struct Exposition {
        FILE *file;
        bool is_strict;
        uint64_t since_usec; /* when counting began */
        const Metric *metric;
} Exposition;

typedef struct Label {
        const char *name; /* NULL ends an array */
        const char *value;
} Label;

#define LABELS(...) ((const Label[]){ __VA_ARGS__, {} })

/* Begins a metric. Its samples are to follow, if there are any. */
void metric_begin(Exposition *exposition, const Metric *metric);

/* Writes a sample of the metric that was begun last. Labels may be NULL. Infinity is a value. */
void metric_add(Exposition *exposition, const Label *labels, uint64_t value);
void metric_add_ratio(Exposition *exposition, const Label *labels, double value);

/* Writes a histogram, whose last bucket has no bound. Its unit is seconds. */
void metric_add_histogram(Exposition *exposition, const BucketRow *buckets, size_t n_buckets,
                          uint64_t sum_usec);

/* Writes what ends the text. */
void metric_end(Exposition *exposition);
