/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compares properties with the values that clients were told. */

#include "bus/told.h"

#include "base/names.h"
#include "policy/guard.h"

#include <stdio.h>

/* A property, and the member of a struct that it is made from. */
typedef struct Field {
        const char *name;
        size_t offset;
        size_t size;
} Field;

#define FIELD(type, name, member)                                                                  \
        {                                                                                          \
                name, offsetof(type, member), sizeof(((type *) NULL)->member)                      \
        }

static const Field manager_fields[] = {
        FIELD(ToldManager, "OnlineBytes", totals.online_bytes),
        FIELD(ToldManager, "OfflineBytes", totals.offline_bytes),
        FIELD(ToldManager, "KernelBytes", totals.kernel_bytes),
        FIELD(ToldManager, "MovableBytes", totals.movable_bytes),
        FIELD(ToldManager, "PendingBlocks", totals.pending_blocks),
        FIELD(ToldManager, "FailedBlocks", totals.failed_blocks),
        FIELD(ToldManager, "ForeignBlocks", totals.foreign_blocks),
        FIELD(ToldManager, "Jobs", n_jobs),
        FIELD(ToldManager, "Degraded", is_degraded),
        FIELD(ToldManager, "KernelAutoOnline", auto_online),
        FIELD(ToldManager, "ConfigFiles", files_hash),
        FIELD(ToldManager, "ConfigFaults", faults_hash),
};

static const Field node_fields[] = {
        FIELD(ToldNode, "HasCpu", has_cpu),
        FIELD(ToldNode, "OnlineBytes", totals.online_bytes),
        FIELD(ToldNode, "OfflineBytes", totals.offline_bytes),
        FIELD(ToldNode, "KernelBytes", totals.kernel_bytes),
        FIELD(ToldNode, "MovableBytes", totals.movable_bytes),
        FIELD(ToldNode, "MovableOnly", is_movable_only),
        FIELD(ToldNode, "KernelMemoryShort", is_short),
        FIELD(ToldNode, "KernelAutoOnline", auto_online),
};

static const Field job_fields[] = {
        FIELD(ToldJob, "State", state),           FIELD(ToldJob, "DoneBlocks", n_done),
        FIELD(ToldJob, "FailedBlocks", n_failed), FIELD(ToldJob, "UndoneBlocks", n_undone),
        FIELD(ToldJob, "CurrentBlock", current),  FIELD(ToldJob, "Failures", n_failed),
};

#define FIELDS_MAX 16

/* Announces the properties of an object that differ between two structs. Returns 0 or a negative errno. */
static int emit_differences(sd_bus *bus, const char *path, const char *interface,
                            const Field *fields, size_t n_fields, const void *before,
                            const void *now)
{
        const char *names[FIELDS_MAX + 1] = {};
        size_t n = 0;

        assert(n_fields <= FIELDS_MAX);
        for (size_t i = 0; i < n_fields; i++)
                if (memcmp((const char *) before + fields[i].offset,
                           (const char *) now + fields[i].offset, fields[i].size) != 0)
                        names[n++] = fields[i].name;
        return n == 0 ? 0 :
                        sd_bus_emit_properties_changed_strv(bus, path, interface, (char **) names);
}

/* FNV-1a: different texts have the same hash with a probability of 1 in 2^64. */
static uint64_t hash_strings(char *const *strings)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (; strings && *strings; strings++)
                for (const char *at = *strings;; at++) {
                        hash = (hash ^ (unsigned char) *at) * UINT64_C(0x100000001b3);
                        if (!*at)
                                break;
                }
        return hash;
}

static ToldManager manager_now(const ManagerView *view)
{
        ToldManager now = {
                .totals = view->machine->totals,
                .n_jobs = (uint32_t) view->queue->n_jobs,
                .is_degraded = manager_view_is_degraded(view),
                .files_hash = hash_strings(view->conf->files),
                .faults_hash = hash_strings(view->faults),
        };

        strcpy(now.auto_online, view->auto_online);
        return now;
}

static ToldNode node_now(const Node *node)
{
        return (ToldNode){
                .node = node->id,
                .has_cpu = node->has_cpu,
                .is_movable_only = guard_is_movable_only(node->totals.kernel_bytes,
                                                         node->totals.movable_bytes),
                .is_short = node->is_short,
                .auto_online = node->auto_online,
                .totals = node->totals,
        };
}

static ToldJob job_now(const JobQueue *queue)
{
        const Job *job = queue->n_jobs > 0 ? queue->jobs[0] : NULL;

        if (!job)
                return (ToldJob){};
        return (ToldJob){
                .id = job->id,
                .state = job->state,
                .n_done = job->n_done,
                .n_failed = job->n_failed,
                .n_undone = job->n_undone,
                .current = job_current_block(job),
        };
}

void told_done(Told *told)
{
        free(told->nodes);
        *told = (Told){};
}

int told_take(Told *told, const ManagerView *view)
{
        const Machine *machine = view->machine;
        ToldNode *nodes = reallocarray(told->nodes, machine->n_nodes + 1, sizeof(ToldNode));

        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++)
                nodes[i] = node_now(&machine->nodes[i]);
        told->nodes = nodes;
        told->n_nodes = machine->n_nodes;
        told->manager = manager_now(view);
        told->job = job_now(view->queue);
        return 0;
}

static const ToldNode *told_find_node(const Told *told, uint32_t node)
{
        for (size_t i = 0; i < told->n_nodes; i++)
                if (told->nodes[i].node == node)
                        return &told->nodes[i];
        return NULL;
}

static int emit_nodes(const Told *told, const Machine *machine, sd_bus *bus)
{
        char path[sizeof(BUS_NODE_PREFIX) + 16];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++) {
                const ToldNode now = node_now(&machine->nodes[i]);
                const ToldNode *before = told_find_node(told, now.node);

                snprintf(path, sizeof(path), BUS_NODE_PREFIX "/%u", now.node);
                /* A new node is announced with all of its properties. */
                if (before)
                        r = emit_differences(bus, path, BUS_NODE_INTERFACE, node_fields,
                                             ELEMENTSOF(node_fields), before, &now);
        }
        return r;
}

static bool is_new(const ChangedIds *jobs, uint32_t id)
{
        for (size_t i = 0; i < jobs->n_ids; i++)
                if (jobs->ids[i] == id)
                        return true;
        return false;
}

static int emit_job(const Told *told, const JobQueue *queue, const Changes *changes, sd_bus *bus)
{
        /* The job as it was announced, when it was still queued. */
        const ToldJob first = { .state = JOB_STATE_QUEUED, .current = -1 };
        const ToldJob now = job_now(queue);
        char path[sizeof(BUS_JOB_PREFIX) + 16];

        if (now.id == 0 || is_new(&changes->new_jobs, now.id))
                return 0;
        snprintf(path, sizeof(path), BUS_JOB_PREFIX "/%u", now.id);
        return emit_differences(bus, path, BUS_JOB_INTERFACE, job_fields, ELEMENTSOF(job_fields),
                                told->job.id == now.id ? &told->job : &first, &now);
}

int told_emit(const Told *told, const ManagerView *view, const Changes *changes, sd_bus *bus)
{
        const ToldManager now = manager_now(view);
        int r = emit_nodes(told, view->machine, bus);

        if (r >= 0)
                r = emit_differences(bus, BUS_PATH, BUS_MANAGER_INTERFACE, manager_fields,
                                     ELEMENTSOF(manager_fields), &told->manager, &now);
        return r < 0 ? r : emit_job(told, view->queue, changes, bus);
}
