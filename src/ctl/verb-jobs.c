/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl jobs and cancel. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/job-view.h"

#include <inttypes.h>
#include <stdio.h>

static int format_uid(const void *row, char **ret)
{
        const JobRow *job = row;

        return job->uid == UINT32_MAX ? 0 : cell_number(job->uid, ret);
}

static const Column columns[] = {
        { "ID", "number of the job", CELL_ID, .offset = offsetof(JobRow, id) },
        { "KIND", "online, offline, set-zone, rebalance or restore", CELL_TEXT,
          .offset = offsetof(JobRow, kind) },
        { "STATE", "queued, running, cancelling or undoing", CELL_TEXT,
          .offset = offsetof(JobRow, state), .colored = true },
        { "DONE", "blocks that are done", CELL_ID, .offset = offsetof(JobRow, n_done) },
        { "TOTAL", "blocks that it is about", CELL_ID, .offset = offsetof(JobRow, n_total) },
        { "FAILED", "blocks that failed", CELL_ID, .offset = offsetof(JobRow, n_failed),
          .colored = true },
        { "TARGET", "memory that it is about", CELL_TEXT, .offset = offsetof(JobRow, target) },
        { "USER", "who asked for it", CELL_TEXT, .offset = offsetof(JobRow, user) },
        { "ZONE", "movable, kernel, or empty for what the policy has", CELL_TEXT,
          .offset = offsetof(JobRow, zone), .optional = true },
        { "PATH", "its object on the bus", CELL_TEXT, .offset = offsetof(JobRow, path),
          .optional = true },
        { "UID", "user number of who asked, empty for memoryd itself", CELL_ID, .optional = true,
          .format = format_uid },
};

const ColumnSet jobs_columns = { columns, ELEMENTSOF(columns) };

int verb_jobs(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        int r;

        r = table_init(&table, "jobs", &jobs_columns);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_JOBS, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        if (snapshot.n_jobs == 0 && !arg_json) {
                if (!arg_no_headings)
                        puts("No jobs running.");
                return EXIT_SUCCESS;
        }
        return table_print(&table, snapshot.jobs, snapshot.n_jobs, sizeof(*snapshot.jobs));
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
