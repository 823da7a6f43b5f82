/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds out which dax devices a job is to write as a whole, and takes the result of that. */

#include "job/step.h"

static bool is_of_device(const Machine *machine, const Block *block, const char *name)
{
        const Device *device = machine_device(machine, block);

        return device && strcmp(device->name, name) == 0;
}

/* Returns how many blocks a device has, or SIZE_MAX if one of them is not offline. */
static size_t count_offline(const Machine *machine, int32_t device)
{
        size_t n = 0;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];

                if (block->device == device && block->state != BLOCK_OFFLINE)
                        return SIZE_MAX;
                n += block->device == device;
        }
        return n;
}

/* Returns the device of all steps if they online all of it in one class, else NULL. */
static const Device *find_to_online(Job *job, const Machine *machine)
{
        const JobStep *first = &job->steps[0];
        const Block *block = job->n_steps > 0 ? step_block(first, machine) : NULL;
        const Device *device = block ? machine_device(machine, block) : NULL;

        if (!device || device->dax_state < DAX_STATE_OFFLINE || device->missing_blocks > 0 ||
            first->is_tried_whole || count_offline(machine, block->device) != job->n_steps ||
            step_is_unsafe(job, first, machine, block, verdict_class(first->step.to, block)))
                return NULL;
        for (size_t i = 0; i < job->n_steps; i++) {
                const JobStep *step = &job->steps[i];
                const Block *other = step_block(step, machine);

                if (!other || other->device != block->device || step->state != STEP_WAITING ||
                    step->step.to != first->step.to)
                        return NULL;
        }
        return device;
}

/*
 * Returns the device that was onlined as a whole, and of which the job has just taken the last offline, or NULL.
 * What may be undone is left as it is.
 */
static const Device *find_offline(const Job *job, const Machine *machine)
{
        const JobStep *step;
        const Block *block;
        const Device *device;

        if (job->next == 0 || (job->request.undo_on_failure && job->n_done < job->n_steps))
                return NULL;
        step = &job->steps[job->next - 1];
        block = step_block(step, machine);
        if (!block || !step->is_ours || step->is_tried_whole)
                return NULL;
        device = machine_device(machine, block);
        return device_is_online_as_whole(device) &&
                               count_offline(machine, block->device) != SIZE_MAX ?
                       device :
                       NULL;
}

bool job_next_device(Job *job, const Machine *machine, JobDeviceWrite *ret)
{
        bool is_online = job->request.kind == JOB_KIND_ONLINE;
        const Device *device = NULL;
        const char *name = job->request.device;

        assert(job->current == job->n_steps);
        if (job->state != JOB_STATE_QUEUED && job->state != JOB_STATE_RUNNING &&
            (is_online || job->state != JOB_STATE_CANCELLING))
                return false;
        if (is_online && !job->is_unplugged)
                device = find_to_online(job, machine);
        else if (job->request.kind == JOB_KIND_OFFLINE)
                device = find_offline(job, machine);
        if (!device && !job->is_unplugged)
                return false;
        *ret = (JobDeviceWrite){ .verdict = is_online ? job->steps[0].step.to : VERDICT_NONE };
        strcpy(ret->device, device ? device->name : name);
        return true;
}

/* Makes the blocks that an unplugged device has now those of the steps, from the highest down. */
static void job_take_blocks(Job *job, const Machine *machine, const char *device)
{
        size_t n = 0;

        for (size_t i = machine->n_blocks; i-- > 0 && n < job->n_steps;)
                if (is_of_device(machine, &machine->blocks[i], device))
                        job->steps[n++].step.block = machine->blocks[i].id;
        job->n_steps = job->current = job->changing = n;
        job->is_unplugged = false;
        if (n == 0)
                job->state =
                        job->state == JOB_STATE_CANCELLING ? JOB_STATE_CANCELLED : JOB_STATE_FAILED;
}

void job_device_outcome(Job *job, Machine *machine, const JobDeviceWrite *write, int error,
                        uint64_t realtime_usec)
{
        bool is_online = job->request.kind == JOB_KIND_ONLINE;

        job->device_error = error;
        if (job->is_unplugged)
                job_take_blocks(job, machine, write->device);
        for (size_t i = 0; i < job->n_steps; i++) {
                JobStep *step = &job->steps[i];
                Block *block = machine_find_block(machine, step->step.block);

                if (!block || !is_of_device(machine, block, write->device))
                        continue;
                step->is_tried_whole = true;
                if (!is_online && block->last_class == ZONE_CLASS_NONE)
                        block->last_class = step->step.from;
                if (!is_online)
                        continue;
                step->step.inode = block->inode;
                step->step.node = block->node;
                block->job = job->id;
                block->job_class = verdict_class(step->step.to, block);
                if (block->state != BLOCK_ONLINE)
                        continue;
                step->saved = block_save(block);
                job->writing = step->step.to;
                job_onlined(job, step, block, error, realtime_usec);
        }
}
