/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Counts decisions, errors, bursts and jobs. */

#include "daemon/counters.h"

void counters_done(Counters *counters)
{
        for (size_t i = 0; i < counters->n_rules; i++)
                free(counters->rules[i].rule);
        free(counters->rules);
        free(counters->online_errors.counts);
        free(counters->offline_errors.counts);
        *counters = (Counters){};
}

RuleCount *counters_find_rule(const Counters *counters, const char *name)
{
        for (size_t i = 0; i < counters->n_rules; i++)
                if (strcmp(counters->rules[i].rule, name) == 0)
                        return &counters->rules[i];
        return NULL;
}

RuleCount *counters_append_rule(Counters *counters, const char *name)
{
        char *copy = strdup(name);

        if (!copy || GROW(counters->rules, counters->n_rules) < 0) {
                free(copy);
                return NULL;
        }
        counters->rules[counters->n_rules] = (RuleCount){ .rule = copy };
        return &counters->rules[counters->n_rules++];
}

/* Returns the counters of a rule, or NULL if memory is short. */
static RuleCount *take_rule(Counters *counters, const char *name)
{
        RuleCount *found = counters_find_rule(counters, name);

        if (!found && counters->n_rules >= COUNTED_RULES_MAX) {
                name = OTHER_RULES;
                found = counters_find_rule(counters, name);
        }
        return found ?: counters_append_rule(counters, name);
}

void counters_add_decision(Counters *counters, const Policy *policy, const Block *block)
{
        RuleCount *rule = take_rule(counters, reason_rule_name(policy, block));

        if (!rule)
                return;
        rule->n[block->decision.verdict]++;
        counters->is_changed = true;
}

void counters_add_error(Counters *counters, bool is_offline, int error)
{
        ErrorCounts *errors = is_offline ? &counters->offline_errors : &counters->online_errors;
        size_t i = 0;

        if (error >= 0 || error < -COUNTED_ERRNO_MAX || error == -ECANCELED || error == -ENOENT ||
            error == -ENODEV)
                return;
        while (i < errors->n_counts && errors->counts[i].error != (uint32_t) -error)
                i++;
        if (i == errors->n_counts) {
                if (GROW(errors->counts, errors->n_counts) < 0)
                        return;
                errors->counts[errors->n_counts++] = (ErrorCount){ (uint32_t) -error, 0 };
        }
        errors->counts[i].n++;
        counters->is_changed = true;
}

uint64_t duration_bound_usec(size_t bucket)
{
        static const uint64_t bounds_msec[DURATION_BUCKETS - 1] = {
                100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000,
        };

        return bucket < ELEMENTSOF(bounds_msec) ? bounds_msec[bucket] * USEC_PER_MSEC :
                                                  USEC_INFINITY;
}

void counters_add_burst(Counters *counters, const Burst *burst)
{
        uint64_t usec = burst->online_usec - burst->added_usec;
        size_t bucket = 0;

        if (burst->added_usec == 0)
                return;
        while (usec > duration_bound_usec(bucket))
                bucket++;
        counters->durations[bucket]++;
        counters->durations_usec += usec;
        counters->is_changed = true;
}

uint64_t counters_bursts(const Counters *counters)
{
        uint64_t n = 0;

        for (size_t i = 0; i < DURATION_BUCKETS; i++)
                n += counters->durations[i];
        return n;
}

void counters_add_job(Counters *counters, const Job *job)
{
        counters->jobs_ended[job->request.kind][job->state]++;
        counters->is_changed = true;
}

void counters_add_lost(Counters *counters)
{
        counters->events_lost++;
        counters_add_rescan(counters);
}

void counters_add_rescan(Counters *counters)
{
        counters->rescans++;
        counters->is_changed = true;
}
