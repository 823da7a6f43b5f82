/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Begins and ends jobs, and formats sentences about them. */

#include "base/format.h"
#include "job/step.h"
#include "policy/failure.h"
#include "policy/holds.h"

#include <stdio.h>

static const char *const job_state_table[_JOB_STATE_MAX] = {
        [JOB_STATE_QUEUED] = "queued",
        [JOB_STATE_RUNNING] = "running",
        [JOB_STATE_CANCELLING] = "cancelling",
        [JOB_STATE_UNDOING] = "undoing",
        [JOB_STATE_DONE] = "done",
        [JOB_STATE_PARTLY] = "partly",
        [JOB_STATE_FAILED] = "failed",
        [JOB_STATE_CANCELLED] = "cancelled",
        [JOB_STATE_TIMED_OUT] = "timed-out",
};

DEFINE_STRING_TABLE(job_state, JobState)

bool job_state_is_end(JobState state)
{
        return state >= JOB_STATE_DONE;
}

int job_new(uint32_t id, uint32_t uid, Request *request, Selection *selection, Job **ret)
{
        _cleanup_(job_freep) Job *job = calloc(1, sizeof(Job));

        if (!job)
                return -ENOMEM;
        job->steps = calloc(selection->n_steps + 1, sizeof(JobStep));
        if (!job->steps || request_format(request, &job->target) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < selection->n_steps; i++)
                job->steps[i].step = selection->steps[i];

        job->id = id;
        job->uid = uid;
        job->n_steps = job->current = job->changing = selection->n_steps;
        job->deadline_usec = job->undo_until_usec = USEC_INFINITY;
        job->request = *request;
        request_init(request, request->kind);
        selection_done(selection);
        *ret = TAKE_PTR(job);
        return 0;
}

void job_free(Job *job)
{
        if (!job)
                return;
        request_done(&job->request);
        free(job->target);
        for (size_t i = 0; i < job->n_steps; i++)
                free(job->steps[i].held);
        free(job->steps);
        free(job);
}

void block_restore(Block *block, const SavedState *saved)
{
        block->status = saved->status;
        block->decision = saved->decision;
        block->onliner = saved->onliner;
        block->offliner = saved->offliner;
        block->onlined_usec = saved->onlined_usec;
}

void job_claim(const Job *job, Machine *machine)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                Block *block = step_block(&job->steps[i], machine);

                if (!block)
                        continue;
                block->job = job->id;
                block->job_class = verdict_class(job->steps[i].step.to, block);
        }
}

void job_release(const Job *job, Machine *machine)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                const JobStep *step = &job->steps[i];
                Block *block = step_block(step, machine);

                if (!block || block->job != job->id)
                        continue;
                block->job = 0;
                if (step->state != STEP_WRITING && step->state != STEP_CHANGING)
                        continue;
                block_restore(block, &step->saved);
                if (job_changes(job) && block->state == BLOCK_OFFLINE)
                        track_forget(block);
        }
}

void step_failed(Job *job, JobStep *step, int error)
{
        step->state = STEP_FAILED;
        step->error = error;
        job->n_done -= job->state == JOB_STATE_UNDOING;
        job->n_failed++;
}

/* Ends a job, or begins to undo the steps that were done. */
static void job_wind_up(Job *job, JobState end)
{
        for (size_t i = 0; i < job->n_steps; i++)
                if (job->steps[i].state == STEP_WAITING && job->steps[i].attempts > 0)
                        step_failed(job, &job->steps[i], job->steps[i].error);

        if (job->n_done == job->n_steps) {
                job->state = JOB_STATE_DONE;
        } else if (job->request.undo_on_failure && job->n_done > 0) {
                job->state = JOB_STATE_UNDOING;
                job->end = end == JOB_STATE_PARTLY ? JOB_STATE_FAILED : end;
                job->next = job->n_steps;
        } else {
                job->state = end;
        }
}

bool job_is_over(Job *job, uint64_t now_usec)
{
        bool is_through = job->next == job->n_steps && (job->is_second_round || job->n_again == 0);

        if (job->state == JOB_STATE_CANCELLING)
                job_wind_up(job, JOB_STATE_CANCELLED);
        else if (now_usec >= job->deadline_usec)
                job_wind_up(job, JOB_STATE_TIMED_OUT);
        else if (is_through)
                job_wind_up(job, job->n_done > 0 ? JOB_STATE_PARTLY : JOB_STATE_FAILED);
        else
                return false;
        return true;
}

void job_remap_rules(Job *job, const Policy *from, const Policy *to)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                JobStep *step = &job->steps[i];

                policy_remap(from, to, &step->step.decision);
                policy_remap(from, to, &step->saved.decision);
        }
}

bool job_cancel(Job *job)
{
        if (job_state_is_end(job->state) || job->state == JOB_STATE_UNDOING)
                return false;
        job->state = job->state == JOB_STATE_QUEUED ? JOB_STATE_CANCELLED : JOB_STATE_CANCELLING;
        return true;
}

void job_drop_block(Job *job, Block *block)
{
        for (size_t i = 0; i < job->n_steps; i++) {
                JobStep *step = &job->steps[i];

                if (step->step.block != block->id || step->state != STEP_WAITING)
                        continue;
                job->n_again -= step->attempts > 0;
                step_failed(job, step, -ESTALE);
                block->job = 0;
        }
}

int32_t job_current_block(const Job *job)
{
        return job->current < job->n_steps ? (int32_t) job->steps[job->current].step.block : -1;
}

void job_note_held(Job *job, const PageCounts *pages)
{
        JobStep *step = &job->steps[job->current];

        assert(job->current < job->n_steps);
        if (!step->held)
                step->held = malloc(sizeof(*pages));
        if (step->held)
                *step->held = *pages;
}

void job_sum_held(const Job *job, PageCounts *ret)
{
        *ret = (PageCounts){};
        for (size_t i = 0; i < job->n_steps; i++)
                if (job->steps[i].state == STEP_FAILED && job->steps[i].held)
                        page_counts_add(ret, job->steps[i].held);
}

int job_format_failure(const Job *job, const JobStep *step, char **ret)
{
        /*
         * In set-zone, the block did not go offline or, if it is restored, did not go online in the new
         * class. Restoring a block mostly succeeds.
         */
        bool is_offline = job->request.kind != JOB_KIND_ONLINE && !step->restoring;
        _cleanup_free_ char *holds = NULL;
        const char *text = failure_meaning(step->error, is_offline);
        int r;
        if (is_offline && step->held && step->error == -EBUSY &&
            holds_format(step->held, &holds) < 0)
                return -ENOMEM;
        if (text && step->timed_out)
                text = "what it holds was not moved in time";
        r = text ? asprintf(ret, "%s: %s%s%s%s", strerrorname_np(-step->error), text,
                            holds ? " (" : "", holds ?: "", holds ? ")" : "") :
                   asprintf(ret, "error %d: the kernel refuses", -step->error);
        return r < 0 ? -ENOMEM : 0;
}

/* The most failures that are named one by one. */
#define FAILURES_SHOWN 3

static int print_failures(FILE *stream, const Job *job, bool with_causes)
{
        size_t n = 0;

        if (job->n_failed == 0)
                return 0;
        fprintf(stream, "; %zu failed", job->n_failed);
        if (!with_causes)
                return 0;
        for (size_t i = 0; i < job->n_steps && n < FAILURES_SHOWN; i++) {
                _cleanup_free_ char *text = NULL;

                if (job->steps[i].state != STEP_FAILED)
                        continue;
                if (job_format_failure(job, &job->steps[i], &text) < 0)
                        return -ENOMEM;
                fprintf(stream, "%s memory%u: %s", n > 0 ? "," : ":", job->steps[i].step.block,
                        text);
                n++;
        }
        if (job->n_failed > n)
                fprintf(stream, ", and %zu more", job->n_failed - n);
        return 0;
}

/* Prints "Took 30 of 32 blocks (3.8G) of device PNP0C80:00 offline". */
static void print_done(FILE *stream, const Job *job, uint64_t block_size_bytes)
{
        const Request *request = &job->request;
        bool is_online = request->kind == JOB_KIND_ONLINE,
             is_offline = request->kind == JOB_KIND_OFFLINE,
             is_restore = request->kind == JOB_KIND_RESTORE,
             is_movable = job->n_steps > 0 ? job->steps[0].step.to == VERDICT_MOVABLE :
                                             request->zone_class == ZONE_CLASS_MOVABLE;
        char size[FORMAT_BYTES_MAX];

        fputs(is_online  ? "Brought " :
              is_offline ? "Took " :
              is_restore ? "Restored the class of " :
                           "Made ",
              stream);
        if (job->n_done < job->n_steps)
                fprintf(stream, "%zu of ", job->n_done);
        fprintf(stream, "%zu block%s (%s)", job->n_steps, job->n_steps == 1 ? "" : "s",
                format_bytes(job->n_done * block_size_bytes, size));
        if (request->node != NODE_ANY)
                fprintf(stream, " of node %d", request->node);
        if (*request->device)
                fprintf(stream, " of device %s", request->device);
        if (is_offline)
                fputs(" offline", stream);
        else if (is_online && request->zone_class == ZONE_CLASS_NONE)
                fputs(" online", stream);
        else if (!is_restore)
                fprintf(stream, "%s %s", is_online ? " online as" : "",
                        request_class_text(is_movable ? ZONE_CLASS_MOVABLE : ZONE_CLASS_KERNEL));
}

/* Whether the request was to take a device offline, and no block of the device is online any more. */
static bool is_device_free(const Job *job, const Machine *machine)
{
        bool has_blocks = false;

        if (job->request.kind != JOB_KIND_OFFLINE || !*job->request.device)
                return false;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Device *device = machine_device(machine, &machine->blocks[i]);

                if (!device || strcmp(device->name, job->request.device) != 0)
                        continue;
                has_blocks = true;
                if (machine->blocks[i].state != BLOCK_OFFLINE)
                        return false;
        }
        return has_blocks;
}

static int print_report(FILE *stream, const Job *job, const Machine *machine, bool with_causes)
{
        int r;

        print_done(stream, job, machine->block_size_bytes);
        r = print_failures(stream, job, with_causes);
        if (r < 0)
                return r;
        if (job->device_error < 0)
                fprintf(stream, "; the state of its device could not be written as asked (%s)",
                        strerrorname_np(-job->device_error));
        if (job->n_undone > 0)
                fprintf(stream, "; %zu %s what %s before", job->n_undone,
                        job->n_undone == 1 ? "is again" : "are again",
                        job->n_undone == 1 ? "it was" : "they were");
        if (job->state == JOB_STATE_CANCELLED)
                fputs("; cancelled", stream);
        if (job->state == JOB_STATE_TIMED_OUT)
                fputs("; the time was up", stream);
        if (is_device_free(job, machine))
                fputs("; it can be removed", stream);
        return 0;
}

int job_format_report(const Job *job, const Machine *machine, bool with_causes, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        int r;

        if (!stream)
                return -ENOMEM;
        r = print_report(stream, job, machine, with_causes);
        if (fclose(stream) != 0 || r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
