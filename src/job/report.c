/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Formats sentences about the result of a job. */

#include "job/step.h"

#include "base/format.h"

#include <stdio.h>

/* The meaning of an errno for a write to the state of a memory block. */
typedef struct Meaning {
        int error;
        const char *name;
        const char *of_offline; /* the text for a block that was to go offline, if it differs */
        const char *text;
} Meaning;

static const Meaning meanings[] = {
        { EBUSY, "EBUSY", "it holds memory that is in use and cannot be moved",
          "something on this machine does not let it go online" },
        { EPERM, "EPERM", "its node would have movable memory only",
          "its node would have movable memory only" },
        { ESTALE, "ESTALE", NULL, "something other than memoryd changed it meanwhile" },
        { ENOENT, "ENOENT", NULL, "it was removed" },
        { ENOMEM, "ENOMEM", "there is not enough free memory to move its contents to",
          "there is not enough free memory to describe it" },
        { EAGAIN, "EAGAIN", NULL, "the kernel was not able to just then" },
        { EINTR, "EINTR", NULL, "it was interrupted" },
        { EINVAL, "EINVAL", "the kernel refuses: it spans zones or has holes",
          "the kernel refuses: it cannot go into that zone" },
        { EIO, "EIO", NULL, "the kernel or a driver refuses" },
        { EACCES, "EACCES", NULL, "memoryd may not write its state" },
        { EBADMSG, "EBADMSG", NULL, "its state could not be read afterwards" },
        { EOPNOTSUPP, "EOPNOTSUPP", NULL, "the kernel cannot do that" },
};

static const Meaning *find_meaning(int error)
{
        for (size_t i = 0; i < ELEMENTSOF(meanings); i++)
                if (meanings[i].error == -error)
                        return &meanings[i];
        return NULL;
}

int job_format_failure(const Job *job, const JobStep *step, char **ret)
{
        const Meaning *meaning = find_meaning(step->error);
        /*
         * In set-zone, the block did not go offline or, if it is restored, did not go online in the new
         * class. Restoring a block mostly succeeds.
         */
        bool is_offline =
                job->request.kind == JOB_KIND_OFFLINE || (job_changes(job) && !step->restoring);
        const char *text;

        if (!meaning)
                return asprintf(ret, "error %d: the kernel refuses", -step->error) < 0 ? -ENOMEM :
                                                                                         0;
        text = is_offline && meaning->of_offline ? meaning->of_offline : meaning->text;
        if (step->timed_out)
                text = "what it holds was not moved in time";
        return asprintf(ret, "%s: %s", meaning->name, text) < 0 ? -ENOMEM : 0;
}

/* The most failures that are named one by one. */
#define FAILURES_SHOWN 3

static int print_failures(FILE *stream, const Job *job)
{
        size_t n = 0;

        if (job->n_failed == 0)
                return 0;
        fprintf(stream, "; %zu failed", job->n_failed);
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

/* Prints "30 of 32 blocks (3.8G) of device PNP0C80:00". */
static void print_blocks(FILE *stream, const Job *job, uint64_t block_size_bytes)
{
        char size[FORMAT_BYTES_MAX];

        if (job->n_done < job->n_steps)
                fprintf(stream, "%zu of ", job->n_done);
        fprintf(stream, "%zu block%s", job->n_steps, job->n_steps == 1 ? "" : "s");
        fprintf(stream, " (%s)", format_bytes(job->n_done * block_size_bytes, size));
        if (job->request.node != NODE_ANY)
                fprintf(stream, " of node %d", job->request.node);
        if (*job->request.device)
                fprintf(stream, " of device %s", job->request.device);
}

static void print_done(FILE *stream, const Job *job, uint64_t block_size_bytes)
{
        const Request *request = &job->request;
        bool is_one_class = request->zone_class != ZONE_CLASS_NONE;

        switch (request->kind) {
        case JOB_KIND_ONLINE:
                fputs("Brought ", stream);
                print_blocks(stream, job, block_size_bytes);
                fprintf(stream, " online%s%s", is_one_class ? " as " : "",
                        is_one_class ? request_class_text(request->zone_class) : "");
                break;
        case JOB_KIND_OFFLINE:
                fputs("Took ", stream);
                print_blocks(stream, job, block_size_bytes);
                fputs(" offline", stream);
                break;
        default:
                fputs("Made ", stream);
                print_blocks(stream, job, block_size_bytes);
                fprintf(stream, " %s",
                        request_class_text(job->n_steps > 0 && job->steps[0].step.to ==
                                                                       VERDICT_MOVABLE ?
                                                   ZONE_CLASS_MOVABLE :
                                                   ZONE_CLASS_KERNEL));
        }
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

static int print_report(FILE *stream, const Job *job, const Machine *machine)
{
        int r;

        print_done(stream, job, machine->block_size_bytes);
        r = print_failures(stream, job);
        if (r < 0)
                return r;
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

int job_format_report(const Job *job, const Machine *machine, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        int r;

        if (!stream)
                return -ENOMEM;
        r = print_report(stream, job, machine);
        if (fclose(stream) != 0 || r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
