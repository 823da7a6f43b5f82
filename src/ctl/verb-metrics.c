/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl metrics. */

#include "base/statefile.h"
#include "ctl/metrics.h"
#include "job/job.h"

#include <math.h>

#define NODE_LABEL_MAX 16

/* The number of a node, "" if it is not known. Returns the buffer. */
static const char *node_label(int32_t node, char buffer[static NODE_LABEL_MAX])
{
        snprintf(buffer, NODE_LABEL_MAX, "%d", (int) node);
        return node < 0 ? strcpy(buffer, "") : buffer;
}

static void begin(Exposition *exposition, const char *name, MetricType type, const char *unit,
                  const char *help, Metric *metric)
{
        *metric = (Metric){ name, type, unit, help };
        metric_begin(exposition, metric);
}

/* Writes a metric that has one sample without labels. */
static void add_single(Exposition *exposition, const char *name, MetricType type, const char *unit,
                       uint64_t value, const char *help)
{
        Metric metric;

        begin(exposition, name, type, unit, help, &metric);
        metric_add(exposition, NULL, value);
}

static void add_up(Exposition *exposition, bool is_up)
{
        add_single(exposition, "memoryd_up", METRIC_GAUGE, NULL, is_up,
                   "Whether memoryd answered when it was asked for these metrics.");
}

static void add_info(Exposition *exposition, const ManagerRow *manager)
{
        Metric metric;

        begin(exposition, "memoryd", METRIC_INFO, NULL, "The version of memoryd.", &metric);
        metric_add(exposition, LABELS({ "version", manager->version }), 1);
}

/* Compares two blocks by what a sample has in its labels. */
static int block_compare(const void *a, const void *b)
{
        const BlockRow *left = *(const BlockRow *const *) a, *right = *(const BlockRow *const *) b;
        int r;

        if (left->node != right->node)
                return left->node > right->node ? 1 : -1;
        r = strcmp(left->state, right->state);
        if (r == 0)
                r = strcmp(left->zone_class, right->zone_class);
        return r != 0 ? r : strcmp(left->origin, right->origin);
}

static int add_blocks(Exposition *exposition, const Snapshot *snapshot)
{
        _cleanup_free_ const BlockRow **blocks =
                calloc(snapshot->n_blocks + 1, sizeof(const BlockRow *));
        char node[NODE_LABEL_MAX];
        Metric metric;

        if (!blocks)
                return -ENOMEM;
        for (size_t i = 0; i < snapshot->n_blocks; i++)
                blocks[i] = &snapshot->blocks[i];
        qsort(blocks, snapshot->n_blocks, sizeof(const BlockRow *), block_compare);
        begin(exposition, "memoryd_blocks", METRIC_GAUGE, NULL,
              "Memory blocks by node, state, class of zone and origin.", &metric);
        for (size_t i = 0, n; i < snapshot->n_blocks; i += n) {
                const BlockRow *block = blocks[i];

                n = 1;
                while (i + n < snapshot->n_blocks && block_compare(&blocks[i], &blocks[i + n]) == 0)
                        n++;
                metric_add(exposition,
                           LABELS({ "node", node_label(block->node, node) },
                                  { "state", block->state }, { "class", block->zone_class },
                                  { "origin", block->origin }),
                           n);
        }
        return 0;
}

static void add_node_memory(Exposition *exposition, const Snapshot *snapshot)
{
        char node[NODE_LABEL_MAX];
        Metric metric;

        begin(exposition, "memoryd_node_memory_bytes", METRIC_GAUGE, "bytes",
              "Memory blocks of a node by class of zone: none is offline.", &metric);
        for (size_t i = 0; i < snapshot->n_nodes; i++) {
                const NodeRow *row = &snapshot->nodes[i];
                const struct {
                        const char *zone_class;
                        uint64_t bytes;
                } parts[] = {
                        { "kernel", row->totals.kernel_bytes },
                        { "movable", row->totals.movable_bytes },
                        { "none", row->totals.offline_bytes },
                };

                node_label((int32_t) row->id, node);
                for (size_t k = 0; k < ELEMENTSOF(parts); k++)
                        metric_add(exposition,
                                   LABELS({ "node", node }, { "class", parts[k].zone_class }),
                                   parts[k].bytes);
        }
}

static void add_node_states(Exposition *exposition, const Snapshot *snapshot)
{
        char node[NODE_LABEL_MAX];
        Metric metric;

        begin(exposition, "memoryd_node_free_bytes", METRIC_GAUGE, "bytes",
              "Free memory of a node.", &metric);
        for (size_t i = 0; i < snapshot->n_nodes; i++)
                metric_add(exposition,
                           LABELS({ "node", node_label((int32_t) snapshot->nodes[i].id, node) }),
                           snapshot->nodes[i].free_bytes);
        begin(exposition, "memoryd_node_kernel_memory_short", METRIC_GAUGE, NULL,
              "Whether a node is short of kernel memory while its movable memory is free.",
              &metric);
        for (size_t i = 0; i < snapshot->n_nodes; i++)
                metric_add(exposition,
                           LABELS({ "node", node_label((int32_t) snapshot->nodes[i].id, node) }),
                           snapshot->nodes[i].kernel_short);
}

static double ratio_of(const RatioRow *row)
{
        if (row->kernel_bytes > 0)
                return (double) row->movable_bytes / (double) row->kernel_bytes;
        return row->movable_bytes > 0 ? INFINITY : 0;
}

static void add_ratios(Exposition *exposition, const MetricsRow *metrics)
{
        char node[NODE_LABEL_MAX];
        Metric metric;

        begin(exposition, "memoryd_node_movable_ratio", METRIC_GAUGE, "ratio",
              "Movable memory of a node over its kernel memory, as the guards of the policy count.",
              &metric);
        for (size_t i = 0; i < metrics->n_ratios; i++)
                if (metrics->ratios[i].node >= 0)
                        metric_add_ratio(
                                exposition,
                                LABELS({ "node", node_label(metrics->ratios[i].node, node) }),
                                ratio_of(&metrics->ratios[i]));
        begin(exposition, "memoryd_movable_ratio", METRIC_GAUGE, "ratio",
              "Movable memory of the machine over its kernel memory, as the guards count.",
              &metric);
        for (size_t i = 0; i < metrics->n_ratios; i++)
                if (metrics->ratios[i].node < 0)
                        metric_add_ratio(exposition, NULL, ratio_of(&metrics->ratios[i]));
        begin(exposition, "memoryd_movable_ratio_limit", METRIC_GAUGE, NULL,
              "The setting max_movable_ratio: the ratio that the policy does not go over.",
              &metric);
        metric_add_ratio(exposition, NULL, metrics->max_movable_ratio_permille / 1000.0);
}

static void add_states(Exposition *exposition, const Snapshot *snapshot)
{
        const ManagerRow *manager = &snapshot->manager;
        uint64_t n_faults = 0;

        for (char **fault = manager->config_faults; fault && *fault; fault++)
                n_faults++;
        add_single(exposition, "memoryd_blocks_failed", METRIC_GAUGE, NULL,
                   manager->totals.failed_blocks,
                   "Memory blocks that could not be onlined and are not tried again.");
        add_single(exposition, "memoryd_blocks_foreign", METRIC_GAUGE, NULL,
                   manager->totals.foreign_blocks,
                   "Memory blocks that something other than memoryd onlined against the policy.");
        add_single(exposition, "memoryd_blocks_pending", METRIC_GAUGE, NULL,
                   manager->totals.pending_blocks,
                   "Memory blocks that memoryd has not finished: to be decided, written or tried "
                   "again.");
        add_single(exposition, "memoryd_config_faults", METRIC_GAUGE, NULL, n_faults,
                   "Faults of the configuration on disk, which was refused: 0 if it is in force.");
}

static void add_jobs(Exposition *exposition, const Snapshot *snapshot)
{
        Metric metric;

        begin(exposition, "memoryd_jobs", METRIC_GAUGE, NULL, "Jobs that have not ended, by state.",
              &metric);
        for (JobState state = 0; state < _JOB_STATE_MAX; state++) {
                const char *word = job_state_to_string(state);
                uint64_t n = 0;

                for (size_t i = 0; i < snapshot->n_jobs; i++)
                        n += strcmp(snapshot->jobs[i].state, word) == 0;
                if (!job_state_is_end(state))
                        metric_add(exposition, LABELS({ "state", word }), n);
        }
}

static void add_errors(Exposition *exposition, const ErrorRow *errors, size_t n_errors)
{
        char name[ERROR_STRING_MAX];

        for (size_t i = 0; i < n_errors; i++)
                metric_add(exposition, LABELS({ "errno", error_format(errors[i].error, name) }),
                           errors[i].n);
}

static void add_counters(Exposition *exposition, const MetricsRow *metrics)
{
        Metric metric;

        begin(exposition, "memoryd_decisions", METRIC_COUNTER, NULL,
              "Decisions of the policy on memory blocks, by class and by name of the rule: the "
              "default rule has no name.",
              &metric);
        for (size_t i = 0; i < metrics->n_decisions; i++)
                metric_add(exposition,
                           LABELS({ "class", metrics->decisions[i].first },
                                  { "rule", metrics->decisions[i].second }),
                           metrics->decisions[i].n);
        begin(exposition, "memoryd_online_errors", METRIC_COUNTER, NULL,
              "Attempts to online a memory block that the kernel refused.", &metric);
        add_errors(exposition, metrics->online_errors, metrics->n_online_errors);
        begin(exposition, "memoryd_offline_errors", METRIC_COUNTER, NULL,
              "Attempts to take a memory block offline that the kernel refused.", &metric);
        add_errors(exposition, metrics->offline_errors, metrics->n_offline_errors);
        begin(exposition, "memoryd_online_duration_seconds", METRIC_HISTOGRAM, "seconds",
              "Time from the first added memory block of a burst until the last is online.",
              &metric);
        metric_add_histogram(exposition, metrics->durations, metrics->n_durations,
                             metrics->durations_usec);
        add_single(exposition, "memoryd_events_lost", METRIC_COUNTER, NULL, metrics->events_lost,
                   "Times that events of the kernel were lost.");
        add_single(exposition, "memoryd_rescans", METRIC_COUNTER, NULL, metrics->rescans,
                   "Times that all memory blocks were read again, on request or after lost "
                   "events.");
        begin(exposition, "memoryd_jobs_ended", METRIC_COUNTER, NULL,
              "Jobs that have ended, by kind and result.", &metric);
        for (size_t i = 0; i < metrics->n_jobs_ended; i++)
                metric_add(exposition,
                           LABELS({ "kind", metrics->jobs_ended[i].first },
                                  { "result", metrics->jobs_ended[i].second }),
                           metrics->jobs_ended[i].n);
}

static int add_all(Exposition *exposition, const Snapshot *snapshot)
{
        int r;

        exposition->since_usec = snapshot->metrics.since_usec;
        add_info(exposition, &snapshot->manager);
        add_single(exposition, "memoryd_degraded", METRIC_GAUGE, NULL, snapshot->manager.degraded,
                   "Whether memoryd needs the attention of an administrator: see memoryctl "
                   "status.");
        add_single(exposition, "memoryd_block_size_bytes", METRIC_GAUGE, "bytes",
                   snapshot->manager.block_size_bytes, "The size of a memory block.");
        r = add_blocks(exposition, snapshot);
        add_node_memory(exposition, snapshot);
        add_node_states(exposition, snapshot);
        add_ratios(exposition, &snapshot->metrics);
        add_states(exposition, snapshot);
        add_jobs(exposition, snapshot);
        add_counters(exposition, &snapshot->metrics);
        return r;
}

/* Formats the metrics, or, if memoryd has not answered, that. Returns 0 and a text that the caller frees, or -ENOMEM. */
static int format_metrics(const Snapshot *snapshot, bool is_up, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        Exposition exposition = { .file = file, .is_strict = arg_openmetrics };
        bool failed;

        if (!file)
                return -ENOMEM;
        add_up(&exposition, is_up);
        failed = is_up && add_all(&exposition, snapshot) < 0;
        metric_end(&exposition);
        failed |= ferror(file);
        if (fclose(file) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

/* Replaces a file as a whole. */
static int save(const char *path, const char *text)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        /* With the slash at its end, a link to a folder would be followed. */
        size_t n = slash && slash > path ? (size_t) (slash - path) : 1;
        _cleanup_free_ char *folder = strndup(slash ? path : ".", n);
        int r = folder ? statefile_replace(folder, name, text, strlen(text)) : -ENOMEM;

        return r < 0 ? failure("cannot write '%s': %s", path, strerror(-r)) : EXIT_SUCCESS;
}

int verb_metrics(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_free_ char *text = NULL;
        bool is_up;

        if (arg_file && (!*arg_file || arg_file[strlen(arg_file) - 1] == '/'))
                return usage_failure("--file: expected the name of a file, got '%s'", arg_file);
        is_up = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS | FETCH_OBJECTS | FETCH_METRICS |
                                       FETCH_JOBS,
                               &snapshot) == EXIT_SUCCESS;
        if (format_metrics(&snapshot, is_up, &text) < 0)
                return failure("%s", strerror(ENOMEM));
        if (arg_file)
                return save(arg_file, text);
        fputs(text, stdout);
        return EXIT_SUCCESS;
}
