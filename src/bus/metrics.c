/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method GetMetrics(): what memoryd has counted, and the ratios that the guards compare. */

#include "base/names.h"
#include "bus/object.h"
#include "policy/guard.h"

static int append_decisions(sd_bus_message *reply, const Counters *counters)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < counters->n_rules; i++) {
                const RuleCount *rule = &counters->rules[i];

                for (Verdict verdict = 0; r >= 0 && verdict < _VERDICT_MAX; verdict++)
                        if (rule->n[verdict] > 0)
                                r = sd_bus_message_append(reply, BUS_COUNT_SIGNATURE,
                                                          verdict_to_string(verdict), rule->rule,
                                                          rule->n[verdict]);
        }
        return r;
}

/* All that can be are there, also those that are 0. */
static int append_jobs(sd_bus_message *reply, const Counters *counters)
{
        int r = 0;

        for (JobKind kind = 0; kind < _JOB_KIND_MAX; kind++)
                for (JobState state = 0; r >= 0 && state < _JOB_STATE_MAX; state++)
                        if (job_state_is_end(state))
                                r = sd_bus_message_append(reply, BUS_COUNT_SIGNATURE,
                                                          job_kind_to_string(kind),
                                                          job_state_to_string(state),
                                                          counters->jobs_ended[kind][state]);
        return r;
}

static int append_errors(sd_bus_message *reply, const ErrorCounts *errors)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < errors->n_counts; i++)
                r = sd_bus_message_append(reply, BUS_ERROR_COUNT_SIGNATURE,
                                          (int32_t) errors->counts[i].error, errors->counts[i].n);
        return r;
}

static int append_online_errors(sd_bus_message *reply, const Counters *counters)
{
        return append_errors(reply, &counters->online_errors);
}

static int append_offline_errors(sd_bus_message *reply, const Counters *counters)
{
        return append_errors(reply, &counters->offline_errors);
}

static int append_durations(sd_bus_message *reply, const Counters *counters)
{
        uint64_t n = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < DURATION_BUCKETS; i++) {
                n += counters->durations[i];
                r = sd_bus_message_append(reply, BUS_BUCKET_SIGNATURE, duration_bound_usec(i), n);
        }
        return r;
}

/* The arrays of what is counted. */
static const struct {
        const char *key;
        const char *signature;
        int (*append)(sd_bus_message *reply, const Counters *counters);
} arrays[] = {
        { "Decisions", BUS_COUNT_SIGNATURE, append_decisions },
        { "OnlineErrors", BUS_ERROR_COUNT_SIGNATURE, append_online_errors },
        { "OfflineErrors", BUS_ERROR_COUNT_SIGNATURE, append_offline_errors },
        { "JobsEnded", BUS_COUNT_SIGNATURE, append_jobs },
        { "OnlineDurations", BUS_BUCKET_SIGNATURE, append_durations },
};

/* Opens an entry whose value is an array of such elements. */
static int open_array(sd_bus_message *reply, const char *key, const char *signature)
{
        char type[32] = "a";
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        strcat(type, signature);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', type);
        return r < 0 ? r : sd_bus_message_open_container(reply, 'a', signature);
}

/* Closes the array, the value and the entry. */
static int close_array(sd_bus_message *reply)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_ratio(sd_bus_message *reply, const Machine *machine, int32_t node,
                        const Totals *totals)
{
        const Figures figures = figures_of(totals->kernel_bytes, totals->movable_bytes,
                                           machine_cma_bytes(machine, node));

        return sd_bus_message_append(reply, BUS_RATIO_SIGNATURE, node == NODE_ANY ? -1 : node,
                                     figures.kernel_bytes, figures.movable_bytes);
}

static int append_ratios(sd_bus_message *reply, const Machine *machine)
{
        int r = open_array(reply, "Ratios", BUS_RATIO_SIGNATURE);

        if (r >= 0)
                r = append_ratio(reply, machine, NODE_ANY, &machine->totals);
        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++)
                r = append_ratio(reply, machine, (int32_t) machine->nodes[i].id,
                                 &machine->nodes[i].totals);
        return r < 0 ? r : close_array(reply);
}

static int append_metrics(sd_bus_message *reply, Manager *manager)
{
        const Counters *counters = manager_counters(manager);
        const ManagerView view = manager_view(manager);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "SinceUSec", "t",
                                          counters->since_usec, "EventsLost", "t",
                                          counters->events_lost, "Rescans", "t", counters->rescans,
                                          "OnlineDurationsUSec", "t", counters->durations_usec,
                                          "MaxMovableRatioPermille", "u",
                                          view.conf->policy.max_movable_ratio_permille);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(arrays); i++) {
                r = open_array(reply, arrays[i].key, arrays[i].signature);
                if (r >= 0)
                        r = arrays[i].append(reply, counters);
                if (r >= 0)
                        r = close_array(reply);
        }
        if (r >= 0)
                r = append_ratios(reply, view.machine);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_get_metrics(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = append_metrics(reply, userdata);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot tell the metrics") : 1;
}
