/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl jobs and cancel. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/job-view.h"

#include <inttypes.h>
#include <stdio.h>

enum {
        JOBS_ID,
        JOBS_KIND,
        JOBS_STATE,
        JOBS_DONE,
        JOBS_TOTAL,
        JOBS_FAILED,
        JOBS_TARGET,
        JOBS_USER,
        JOBS_ZONE,
        JOBS_PATH,
        JOBS_UID,
        _JOBS_MAX,
};

static const Column columns[_JOBS_MAX] = {
        [JOBS_ID] = { "ID", "number of the job", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [JOBS_KIND] = { "KIND", "online, offline, set-zone or rebalance", 0, SCOLS_JSON_STRING,
                        false },
        [JOBS_STATE] = { "STATE", "queued, running, cancelling or undoing", 0, SCOLS_JSON_STRING,
                         false },
        [JOBS_DONE] = { "DONE", "blocks that are done", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, false },
        [JOBS_TOTAL] = { "TOTAL", "blocks that it is about", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER,
                         false },
        [JOBS_FAILED] = { "FAILED", "blocks that failed", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER,
                          false },
        [JOBS_TARGET] = { "TARGET", "memory that it is about", 0, SCOLS_JSON_STRING, false },
        [JOBS_USER] = { "USER", "who asked for it", 0, SCOLS_JSON_STRING, false },
        [JOBS_ZONE] = { "ZONE", "movable, kernel, or empty for what the policy has", 0,
                        SCOLS_JSON_STRING, true },
        [JOBS_PATH] = { "PATH", "its object on the bus", 0, SCOLS_JSON_STRING, true },
        [JOBS_UID] = { "UID", "user number of who asked, empty for memoryd itself", SCOLS_FL_RIGHT,
                       SCOLS_JSON_NUMBER, true },
};

const ColumnSet jobs_columns = { columns, _JOBS_MAX };

static int number_format(const JobRow *job, size_t column, char **ret)
{
        switch (column) {
        case JOBS_ID:
                return cell_number(job->id, ret);
        case JOBS_DONE:
                return cell_number(job->n_done, ret);
        case JOBS_TOTAL:
                return cell_number(job->n_total, ret);
        case JOBS_FAILED:
                return cell_number(job->n_failed, ret);
        case JOBS_UID:
                return job->uid == UINT32_MAX ? 0 : cell_number(job->uid, ret);
        default:
                return -EINVAL;
        }
}

static int cell_format(const void *row, size_t column, char **ret)
{
        const JobRow *job = row;

        switch (column) {
        case JOBS_KIND:
                return cell_text(job->kind, ret);
        case JOBS_STATE:
                return cell_text(job->state, ret);
        case JOBS_TARGET:
                return cell_text(job->target, ret);
        case JOBS_USER:
                return cell_text(job->user, ret);
        case JOBS_ZONE:
                return cell_text(job->zone, ret);
        case JOBS_PATH:
                return cell_text(job->path, ret);
        default:
                return number_format(job, column, ret);
        }
}

int verb_jobs(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        Selection selection;
        int r;

        (void) argc;
        (void) argv;
        r = selection_parse(&jobs_columns, arg_output, &selection);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_JOBS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        if (snapshot.n_jobs == 0 && !arg_json) {
                if (!arg_no_headings)
                        puts("No jobs running.");
                return EXIT_SUCCESS;
        }
        r = table_init(&table, "jobs", &jobs_columns, &selection);
        for (size_t i = 0; i < snapshot.n_jobs && r >= 0; i++)
                r = table_add(&table, cell_format, &snapshot.jobs[i]);
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? failure("cannot print the jobs: %s", strerror(-r)) : EXIT_SUCCESS;
}

/* A number, or the path of the object. Returns 0 for anything else. */
static uint32_t parse_job(const char *text)
{
        uint32_t id;

        return parse_u32(text, &id) >= 0 ? id : job_path_to_id(text);
}

static int cancel_job(sd_bus *bus, uint32_t id)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char path[JOB_PATH_MAX];
        int r;

        r = change_message_new(bus, job_path_format(id, path), BUS_JOB_INTERFACE, "Cancel",
                               &message);
        if (r >= 0)
                r = sd_bus_call(bus, message, CHANGE_TIMEOUT_USEC, &error, NULL);
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return failure("there is no job %" PRIu32, id);
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ||
            sd_bus_error_has_name(&error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return failure("job %" PRIu32 ": access denied by memoryd or polkit: %s", id,
                               error.message);
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

int verb_cancel(int argc, char **argv)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(agent_stop) Agent agent = {};
        int n_failed = 0, r;

        if (argc == 0)
                return usage_failure("'cancel' needs the number of a job");
        for (int i = 0; i < argc; i++)
                if (parse_job(argv[i]) == 0)
                        return usage_failure("'%s': expected the number of a job, or its path",
                                             argv[i]);
        r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        agent_start(&agent);
        for (int i = 0; i < argc; i++)
                if (cancel_job(bus, parse_job(argv[i])) != EXIT_SUCCESS)
                        n_failed++;
        return n_failed == 0 ? EXIT_SUCCESS : n_failed < argc ? EXIT_PARTLY : EXIT_FAILURE;
}
