/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/names.h"
#include "daemon/manager-private.h"

#include <stdio.h>

/* No names but these: looking one up can take as long as a directory server likes. */
const char *user_format(uint32_t uid, char buffer[static USER_STRING_MAX])
{
        if (uid == 0)
                return strcpy(buffer, "root");
        if (uid == UINT32_MAX)
                return strcpy(buffer, "memoryd");
        snprintf(buffer, USER_STRING_MAX, "%u", uid);
        return buffer;
}

size_t manager_count_jobs(const Manager *manager)
{
        return manager->n_jobs;
}

const Job *manager_get_job(const Manager *manager, size_t i)
{
        return manager->jobs[i];
}

static Job *find_job(Job **jobs, size_t n_jobs, uint32_t id)
{
        for (size_t i = 0; i < n_jobs; i++)
                if (jobs[i]->id == id)
                        return jobs[i];
        return NULL;
}

const Job *manager_find_job(const Manager *manager, uint32_t id)
{
        const Changes *changes = &manager->changes;

        return find_job(manager->jobs, manager->n_jobs, id) ?:
                       find_job(changes->ended_jobs, changes->n_ended_jobs, id);
}

/* 0 or -ENOMEM: the job is not taken over then. */
static int append_job(Job ***jobs, size_t *n_jobs, Job *job)
{
        Job **longer = reallocarray(*jobs, *n_jobs + 1, sizeof(Job *));

        if (!longer)
                return -ENOMEM;
        longer[(*n_jobs)++] = job;
        *jobs = longer;
        return 0;
}

static LogContext job_context(const Job *job)
{
        return (LogContext){ .message_id = MESSAGE_ID_JOB_ENDED, .job = job->id };
}

static void log_end(const Manager *manager, const Job *job)
{
        LogContext context = job_context(job);
        _cleanup_free_ char *report = NULL;
        char user[USER_STRING_MAX];

        if (job_format_report(job, &manager->machine, &report) < 0)
                return;
        log_full(job->state == JOB_STATE_DONE ? LOG_NOTICE : LOG_WARNING, &context,
                 "Job %u, %s %s for %s: %s", job->id, job_kind_to_string(job->request.kind),
                 job->target, user_format(job->uid, user), report);
}

/* What the job was about is the policy's again. */
static void manager_end_job(Manager *manager, Job *job)
{
        size_t i = 0;

        while (manager->jobs[i] != job)
                i++;
        memmove(&manager->jobs[i], &manager->jobs[i + 1],
                (manager->n_jobs - i - 1) * sizeof(Job *));
        manager->n_jobs--;

        job_release(job, &manager->machine);
        log_end(manager, job);
        (void) survey_zones(&manager->sysfs, &manager->machine);
        manager->changes.nodes = manager->changes.job = true;
        manager->count_needed = manager->plan_needed = true;
        if (append_job(&manager->changes.ended_jobs, &manager->changes.n_ended_jobs, job) < 0)
                job_free(job);
        if (!manager->stopping)
                manager_schedule(manager, manager_now(manager));
        else if (manager->n_jobs == 0)
                manager_stopped(manager);
}

/* Writes the next step of the first job. Returns whether there may be another to write. */
static bool manager_run_job(Manager *manager, Job *job)
{
        JobState before = job->state;
        JobWrite write;
        int r;

        if (job_next(job, &manager->machine, manager_now(manager),
                     manager->conf.offline_timeout_usec, &write) == 0) {
                manager_end_job(manager, job);
                return true;
        }
        manager->changes.job |= job->state != before;
        manager->count_needed = true;
        (void) changed_ids_add(&manager->changes.blocks, write.block);
        r = writer_write_job(&manager->writer, &manager->machine, &write);
        if (r < 0)
                manager_fail(manager, "Cannot reach the actuator", r);
        return false;
}

/* A plan's blocks come first: memory that was added is waited for. */
void manager_run_jobs(Manager *manager)
{
        while (manager->n_jobs > 0 && manager->writer.job_serial == 0 &&
               writer_is_idle(&manager->writer))
                if (!manager_run_job(manager, manager->jobs[0]))
                        return;
}

/* A block that could not be read again is what it was, as far as anyone knows. */
static void manager_take_job_reply(Manager *manager, Job *job, const ActuatorReply *reply)
{
        const Block *block = machine_find_block(&manager->machine, reply->request.block);
        bool is_known = reply->read_error == 0 || !block;
        ZoneList zones = is_known ? reply->zones : block->zones;

        job_outcome(job, &manager->machine, manager_reply_error(reply),
                    is_known ? (BlockState) reply->state : block->state, &zones,
                    manager_realtime(manager));
}

void manager_on_job_reply(Manager *manager, const ActuatorReply *reply)
{
        const Block *block;

        manager_take_job_reply(manager, manager->jobs[0], reply);
        manager->changes.job = manager->count_needed = manager->remember_needed = true;
        (void) changed_ids_add(&manager->changes.blocks, reply->request.block);
        block = machine_find_block(&manager->machine, reply->request.block);
        if (block)
                manager_record(manager, block);
        /* An event of somebody else may have been taken for the echo of the write. */
        if (manager_reply_error(reply) < 0) {
                manager_mark_block(manager, reply->request.block);
                manager_schedule(manager, manager_now(manager));
        }
        manager_run_jobs(manager);
}

int manager_add_job(Manager *manager, Request *request, uint32_t uid, uint32_t *ret_id,
                    Selection *ret_refused)
{
        _cleanup_(selection_done) Selection selection = {};
        Job *job;
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;
        if (manager->n_jobs == JOBS_MAX)
                return -E2BIG;
        (void) manager_get_machine(manager);
        r = selection_make(&manager->machine, &manager->conf.policy, request, &selection);
        if (r < 0)
                return r;
        if (selection.refusal != REFUSAL_NONE) {
                *ret_refused = selection;
                selection = (Selection){};
                return 1;
        }

        r = job_new(manager->last_job + 1, uid, request, &selection, &job);
        if (r < 0)
                return r;
        r = append_job(&manager->jobs, &manager->n_jobs, job);
        if (r < 0) {
                job_free(job);
                return r;
        }
        *ret_id = ++manager->last_job;
        job_claim(job, &manager->machine);
        (void) changed_ids_add(&manager->changes.new_jobs, job->id);
        manager_run_jobs(manager);
        return 0;
}

int manager_rebalance(Manager *manager, uint32_t node, uint32_t n_blocks)
{
        _cleanup_(selection_done) Selection refused = {};
        _cleanup_(request_done) Request request;
        uint32_t id;
        int r;

        request_init(&request, JOB_KIND_REBALANCE);
        request.node = (int32_t) node;
        request.size_bytes = n_blocks * manager->machine.block_size_bytes;
        request.zone_class = ZONE_CLASS_KERNEL;
        r = manager_add_job(manager, &request, UINT32_MAX, &id, &refused);
        if (r > 0)
                log_notice("Cannot make kernel memory of %u blocks of node %u: %s", n_blocks, node,
                           refused.text);
        return MIN(r, 0);
}

int manager_cancel_job(Manager *manager, uint32_t id)
{
        Job *job = find_job(manager->jobs, manager->n_jobs, id);

        if (!job || !job_cancel(job))
                return -ESRCH;
        manager->changes.job = true;
        /* Only what goes offline is interrupted: on its way to another class a block is to get there. */
        if (job_state_is_end(job->state))
                manager_end_job(manager, job);
        else if (job->writing == VERDICT_NONE && writer_cancel_job(&manager->writer) < 0)
                manager_fail(manager, "Cannot reach the actuator", -EPIPE);
        else
                manager_run_jobs(manager);
        return 0;
}

void manager_stop_jobs(Manager *manager)
{
        while (manager->n_jobs > 1)
                (void) manager_cancel_job(manager, manager->jobs[manager->n_jobs - 1]->id);
        (void) manager_cancel_job(manager, manager->jobs[0]->id);
}
