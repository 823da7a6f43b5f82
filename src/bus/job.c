/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The interface org.memoryd1.Job, and the manager's methods and signals about jobs. */

#include "base/names.h"
#include "bus/object.h"

#include <inttypes.h>
#include <stdio.h>

const char *bus_job_path(uint32_t id, char buffer[static BUS_PATH_MAX])
{
        snprintf(buffer, BUS_PATH_MAX, BUS_JOB_PREFIX "/%u", id);
        return buffer;
}

/* The polkit action that a caller needs to make or end a job of each kind. */
static const char *const actions[_JOB_KIND_MAX] = {
        [JOB_KIND_ONLINE] = POLKIT_ACTION_ONLINE,     [JOB_KIND_OFFLINE] = POLKIT_ACTION_OFFLINE,
        [JOB_KIND_SET_ZONE] = POLKIT_ACTION_SET_ZONE, [JOB_KIND_REBALANCE] = POLKIT_ACTION_SET_ZONE,
        [JOB_KIND_RESTORE] = POLKIT_ACTION_SET_ZONE,
};

/* Properties */

static const char *zone_word(const Job *job)
{
        return job->request.zone_class == ZONE_CLASS_NONE ?
                       "" :
                       zone_class_to_string(job->request.zone_class);
}

/* Appends a step if it has failed. */
static int append_failure(sd_bus_message *reply, const void *list, size_t i)
{
        const Job *job = list;
        const JobStep *step = &job->steps[i];
        _cleanup_free_ char *text = NULL;
        int r;

        if (step->state != STEP_FAILED)
                return 0;
        r = job_format_failure(job, step, &text);
        return r < 0 ? r :
                       sd_bus_message_append(reply, BUS_FAILURE_SIGNATURE, step->step.block,
                                             (int32_t) -step->error, text);
}

static int append_failures(sd_bus_message *reply, const Job *job)
{
        return bus_append_array(reply, BUS_FAILURE_SIGNATURE, append_failure, job, job->n_steps);
}

DEFINE_VALUE_GETTER(get_kind, const Job *job, "s", job_kind_to_string(job->request.kind))
DEFINE_VALUE_GETTER(get_state, const Job *job, "s", job_state_to_string(job->state))
DEFINE_VALUE_GETTER(get_zone, const Job *job, "s", zone_word(job))
DEFINE_VALUE_GETTER(get_user, const Job *job, "s", user_format(job->uid, (char[USER_STRING_MAX]){}))
DEFINE_VALUE_GETTER(get_count, const size_t *count, "u", (uint32_t) *count)
DEFINE_VALUE_GETTER(get_current, const Job *job, "i", job_current_block(job))
DEFINE_GETTER(get_failures, const Job *job, append_failures(reply, job))

/* Methods of a job */

/* Returns whether a path is of a job. Each job has one path: "01", which sscanf() accepts, is not job 1. */
static bool parse_path(const char *path, uint32_t *ret_id)
{
        char canonical[BUS_PATH_MAX];

        return sscanf(path, BUS_JOB_PREFIX "/%" SCNu32, ret_id) == 1 &&
               strcmp(path, bus_job_path(*ret_id, canonical)) == 0;
}

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata,
                    void **ret_found, sd_bus_error *error)
{
        uint32_t id;

        (void) bus, (void) interface, (void) error;
        if (!parse_path(path, &id))
                return 0;
        *ret_found = job_queue_find(manager_view(userdata).queue, id);
        return *ret_found != NULL;
}

/* The job may have ended while the user typed a password. */
static int cancel_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        const char *path = sd_bus_message_get_path(message);
        uint32_t id;

        (void) uid;
        if (!parse_path(path, &id) || manager_cancel_job(userdata, id) < 0)
                return sd_bus_reply_method_errorf(message, BUS_ERROR_NO_SUCH_JOB,
                                                  "There is no job %s that could be cancelled",
                                                  path);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Job *job = userdata;
        Manager *manager =
                sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(message)));

        return authority_ask(message, actions[job->request.kind], NULL, cancel_granted, manager,
                             error);
}

#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST
#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable bus_job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(Job, id), CONSTANT),
        SD_BUS_PROPERTY("Kind", "s", get_kind, 0, CONSTANT),
        SD_BUS_PROPERTY("Target", "s", NULL, offsetof(Job, target), CONSTANT),
        SD_BUS_PROPERTY("Zone", "s", get_zone, 0, CONSTANT),
        SD_BUS_PROPERTY("User", "s", get_user, 0, CONSTANT),
        SD_BUS_PROPERTY("Uid", "u", NULL, offsetof(Job, uid), CONSTANT),
        SD_BUS_PROPERTY("TotalBlocks", "u", get_count, offsetof(Job, n_steps), EMITS),
        SD_BUS_PROPERTY("TimeoutUSec", "t", NULL, offsetof(Job, request.timeout_usec), CONSTANT),
        SD_BUS_PROPERTY("State", "s", get_state, 0, EMITS),
        SD_BUS_PROPERTY("DoneBlocks", "u", get_count, offsetof(Job, n_done), EMITS),
        SD_BUS_PROPERTY("FailedBlocks", "u", get_count, offsetof(Job, n_failed), EMITS),
        SD_BUS_PROPERTY("UndoneBlocks", "u", get_count, offsetof(Job, n_undone), EMITS),
        SD_BUS_PROPERTY("CurrentBlock", "i", get_current, 0, EMITS),
        SD_BUS_PROPERTY("Failures", "a" BUS_FAILURE_SIGNATURE, get_failures, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int enumerate_jobs(sd_bus *bus, const char *prefix, void *userdata, char ***ret_paths,
                          sd_bus_error *error)
{
        const JobQueue *queue = manager_view(userdata).queue;
        _cleanup_(strings_freep) char **paths = NULL;
        char path[BUS_PATH_MAX];
        int r = 0;

        (void) bus, (void) prefix, (void) error;
        for (size_t i = 0; r >= 0 && i < queue->n_jobs; i++)
                r = strings_append(&paths, strdup(bus_job_path(queue->jobs[i]->id, path)));
        if (r < 0)
                return r;
        *ret_paths = TAKE_PTR(paths);
        return 1;
}

int bus_add_jobs(sd_bus *bus, Manager *manager)
{
        int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_JOB_PREFIX, BUS_JOB_INTERFACE,
                                           bus_job_vtable, find_job, manager);

        return r < 0 ? r :
                       sd_bus_add_node_enumerator(bus, NULL, BUS_JOB_PREFIX, enumerate_jobs,
                                                  manager);
}

/* Methods of the manager */

/* The D-Bus errors for refusals. */
static const char *const refusal_errors[_REFUSAL_MAX] = {
        [REFUSAL_INVALID_REQUEST] = BUS_ERROR_PREFIX "InvalidRequest",
        [REFUSAL_NO_SUCH_BLOCK] = BUS_ERROR_PREFIX "NoSuchBlock",
        [REFUSAL_RANGE_HAS_HOLES] = BUS_ERROR_PREFIX "RangeHasHoles",
        [REFUSAL_NO_SUCH_NODE] = BUS_ERROR_PREFIX "NoSuchNode",
        [REFUSAL_NO_SUCH_DEVICE] = BUS_ERROR_PREFIX "NoSuchDevice",
        [REFUSAL_NODE_WITHOUT_MEMORY] = BUS_ERROR_PREFIX "NodeWithoutMemory",
        [REFUSAL_NOTHING_TO_DO] = BUS_ERROR_PREFIX "NothingToDo",
        [REFUSAL_BOOT_MEMORY] = BUS_ERROR_PREFIX "BootMemory",
        [REFUSAL_INVALID_SIZE] = BUS_ERROR_PREFIX "InvalidSize",
        [REFUSAL_INVALID_PERCENTAGE] = BUS_ERROR_PREFIX "InvalidPercentage",
        [REFUSAL_NOT_ENOUGH_BLOCKS] = BUS_ERROR_PREFIX "NotEnoughBlocks",
        [REFUSAL_LAST_KERNEL_MEMORY] = BUS_ERROR_PREFIX "LastKernelMemory",
        [REFUSAL_BELOW_GUARDS] = BUS_ERROR_PREFIX "BelowGuards",
        [REFUSAL_BLOCKS_BUSY] = BUS_ERROR_PREFIX "BlocksBusy",
};

int bus_reply_refusal(sd_bus_message *message, const Selection *refused)
{
        return sd_bus_reply_method_errorf(message, refusal_errors[refused->refusal], "%s",
                                          refused->text);
}

static int reply_job(sd_bus_message *message, Manager *manager, Request *request, uint32_t uid)
{
        _cleanup_(selection_done) Selection refused = {};
        char path[BUS_PATH_MAX];
        uint32_t id;
        int r = manager_add_job(manager, request, uid, &id, &refused);

        if (r == 0)
                return sd_bus_reply_method_return(message, "o", bus_job_path(id, path));
        if (r > 0)
                return bus_reply_refusal(message, &refused);
        if (r == -E2BIG)
                return sd_bus_reply_method_errorf(message, BUS_ERROR_TOO_MANY_JOBS,
                                                  "Jobs: user %u has as many as memoryd allows: "
                                                  "at most %d, and %d of all users together",
                                                  uid, JOBS_PER_USER_MAX, JOBS_MAX);
        if (r == -ESHUTDOWN)
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_FAILED,
                                                  "memoryd is being stopped");
        return sd_bus_reply_method_errnof(message, r, "Cannot make a job: %s", strerror(-r));
}

void bus_request_take_counts(Request *request, const CountedBlock *counted, size_t n_counted)
{
        request->costs = calloc(n_counted + 1, sizeof(*request->costs));
        if (!request->costs)
                return;
        for (size_t i = 0; i < n_counted; i++)
                request->costs[request->n_costs++] = (BlockCost){
                        .block = counted[i].block,
                        .cost = page_counts_cost(&counted[i].pages),
                };
        qsort(request->costs, request->n_costs, sizeof(*request->costs), id_compare);
}

/* Reads the call again, which was sound before it waited. Returns 0 or a negative errno with `error` set. */
static int read_again(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        int r = sd_bus_message_rewind(message, true);

        return r < 0 ? r :
                       bus_read_request(message, bus_job_kind(sd_bus_message_get_member(message)),
                                        request, error);
}

/* Makes the job when it is known how many pages of the blocks are in use. */
static void job_counted(sd_bus_message *message, uint32_t uid, Manager *manager,
                        const CountedBlock *counted, size_t n_counted)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(request_done) Request request = {};
        int r = read_again(message, &request, &error);

        if (r < 0) {
                (void) sd_bus_reply_method_errno(message, r, &error);
                return;
        }
        bus_request_take_counts(&request, counted, n_counted);
        (void) reply_job(message, manager, &request, uid);
}

/* While jobs run, the counts would be old when this one begins. */
bool bus_count_choice(sd_bus_message *message, uint32_t uid, Manager *manager,
                      const Request *request, BusCounted answer)
{
        _cleanup_free_ uint32_t *blocks = NULL;
        size_t n = 0;

        if (manager_view(manager).queue->n_jobs > 0 ||
            manager_find_candidates(manager, request, BUS_COUNT_MAX, &blocks, &n) < 0 || n == 0)
                return false;
        return bus_count_for(message, uid, manager, &blocks, n, answer) > 0;
}

static int job_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(request_done) Request request = {};
        int r = read_again(message, &request, &error);

        if (r < 0)
                return sd_bus_reply_method_errno(message, r, &error);
        if (bus_count_choice(message, uid, userdata, &request, job_counted))
                return 1;
        return reply_job(message, userdata, &request, uid);
}

/*
 * Refuses a malformed request at once. Polkit is asked before the machine is looked at; Preview() tells everybody what
 * this machine would grant.
 */
int bus_method_make_job(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(request_done) Request request = {};
        int r = bus_read_request(message, bus_job_kind(sd_bus_message_get_member(message)),
                                 &request, error);

        return r < 0 ? r :
                       authority_ask(message, actions[request.kind],
                                     request.force ? POLKIT_ACTION_FORCE : NULL, job_granted,
                                     userdata, error);
}

static int append_job(sd_bus_message *reply, const void *list, size_t i)
{
        const Job *job = ((const JobQueue *) list)->jobs[i];
        char path[BUS_PATH_MAX], user[USER_STRING_MAX];

        return sd_bus_message_append(reply, BUS_JOB_SIGNATURE, job->id, bus_job_path(job->id, path),
                                     job_kind_to_string(job->request.kind),
                                     job_state_to_string(job->state), job->target, zone_word(job),
                                     user_format(job->uid, user), (uint32_t) job->n_steps,
                                     (uint32_t) job->n_done, (uint32_t) job->n_failed, job->uid);
}

int bus_method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const JobQueue *queue = manager_view(userdata).queue;

        return bus_reply_array(message, BUS_JOB_SIGNATURE, append_job, queue, queue->n_jobs, error,
                               "Cannot list jobs");
}

/* Signals */

/* A job that has ended by now has no object any more. */
static int emit_new(sd_bus *bus, Manager *manager, uint32_t id)
{
        char path[BUS_PATH_MAX];
        int r = 0;

        if (job_queue_find(manager_view(manager).queue, id))
                r = sd_bus_emit_object_added(bus, bus_job_path(id, path));
        return r < 0 ? r :
                       sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "JobNew", "uo", id,
                                          bus_job_path(id, path));
}

/* Appends the blocks that were done and not undone, as ranges. */
static int append_done(sd_bus_message *signal, const Job *job)
{
        _cleanup_free_ uint32_t *blocks = calloc(job->n_steps + 1, sizeof(*blocks));
        size_t n = 0;

        if (!blocks)
                return -ENOMEM;
        for (size_t i = 0; i < job->n_steps; i++)
                if (job->steps[i].state == STEP_DONE)
                        blocks[n++] = job->steps[i].step.block;
        return bus_append_ranges(signal, blocks, n);
}

/* Appends what can be done about what held the blocks that failed. */
static int append_advice(sd_bus_message *signal, const Job *job)
{
        PageCounts held;

        job_sum_held(job, &held);
        return bus_append_advice(signal, &held);
}

/* Appends an entry of a report, whose value the function `append` adds. */
static int append_entry(sd_bus_message *signal, const char *key, const char *type,
                        int (*append)(sd_bus_message *signal, const Job *job), const Job *job)
{
        int r = sd_bus_message_open_container(signal, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(signal, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'v', type);
        if (r >= 0)
                r = append(signal, job);
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

static int append_report(sd_bus_message *signal, const Job *job, const Machine *machine)
{
        _cleanup_free_ char *text = NULL;
        int r = job_format_report(job, machine, false, &text);

        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(signal, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Kind", "s",
                                          job_kind_to_string(job->request.kind), "Target", "s",
                                          job->target, "Zone", "s", zone_word(job), "TotalBlocks",
                                          "u", (uint32_t) job->n_steps, "DoneBlocks", "u",
                                          (uint32_t) job->n_done, "FailedBlocks", "u",
                                          (uint32_t) job->n_failed, "UndoneBlocks", "u",
                                          (uint32_t) job->n_undone, "Message", "s", text);
        if (r >= 0)
                r = append_entry(signal, "Done", "a(uu)", append_done, job);
        if (r >= 0)
                r = append_entry(signal, "Failures", "a" BUS_FAILURE_SIGNATURE, append_failures,
                                 job);
        if (r >= 0)
                r = append_entry(signal, "Advice", "as", append_advice, job);
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

static int emit_ended(sd_bus *bus, const Machine *machine, const Job *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        char path[BUS_PATH_MAX];
        int r = sd_bus_message_new_signal(bus, &signal, BUS_PATH, BUS_MANAGER_INTERFACE,
                                          "JobRemoved");

        if (r >= 0)
                r = sd_bus_message_append(signal, "uos", job->id, bus_job_path(job->id, path),
                                          job_state_to_string(job->state));
        if (r >= 0)
                r = append_report(signal, job, machine);
        if (r >= 0)
                r = bus_emit_removed(bus, path, BUS_JOB_INTERFACE);
        return r < 0 ? r : sd_bus_send(bus, signal, NULL);
}

int bus_emit_jobs(sd_bus *bus, Manager *manager, const Changes *changes)
{
        const Machine *machine = manager_view(manager).machine;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < changes->new_jobs.n_ids; i++)
                r = emit_new(bus, manager, changes->new_jobs.ids[i]);
        for (size_t i = 0; r >= 0 && i < changes->n_ended_jobs; i++)
                r = emit_ended(bus, machine, changes->ended_jobs[i]);
        return r;
}
