/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Sends signals about changes: compares the machine with what clients were told. */

#include "base/names.h"
#include "bus/object.h"
#include "policy/guard.h"

#include <stdio.h>

/* Properties */

/* A property, and whether its value differs from what was told. */
typedef struct Property {
        const char *name;
        bool differs;
} Property;

#define PROPERTIES_MAX 16

/* Announces the properties of an object that differ. Returns 0 or a negative errno. */
static int emit_properties(sd_bus *bus, const char *path, const char *interface,
                           const Property *properties, size_t n_properties)
{
        const char *names[PROPERTIES_MAX + 1] = {};
        size_t n = 0;

        assert(n_properties <= PROPERTIES_MAX);
        for (size_t i = 0; i < n_properties; i++)
                if (properties[i].differs)
                        names[n++] = properties[i].name;
        return n == 0 ? 0 :
                        sd_bus_emit_properties_changed_strv(bus, path, interface, (char **) names);
}

/* FNV-1a: different texts have the same hash with a probability of 1 in 2^64. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static uint64_t hash_add(uint64_t hash, const char *text)
{
        for (const char *at = text, *end = text + strlen(text); at <= end; at++)
                hash = (hash ^ (unsigned char) *at) * UINT64_C(0x100000001b3);
        return hash;
}

static uint64_t hash_strings(char *const *strings)
{
        uint64_t hash = HASH_BEGIN;

        for (; strings && *strings; strings++)
                hash = hash_add(hash, *strings);
        return hash;
}

static uint64_t hash_failed_devices(const AcpiDevices *acpi)
{
        uint64_t hash = HASH_BEGIN;

        for (size_t i = 0; i < acpi->n_devices; i++)
                if (acpi->devices[i].failed)
                        hash = hash_add(hash, acpi->devices[i].name);
        return hash;
}

static bool word_files_differ(const WordFiles *a, const WordFiles *b)
{
        return a->machine != b->machine || memcmp(&a->nodes, &b->nodes, sizeof(a->nodes)) != 0;
}

static int emit_manager(const Told *before, const Told *now, sd_bus *bus)
{
        const Totals *old = &before->machine.totals, *totals = &now->machine.totals;
        const Property properties[] = {
                { "OnlineBytes", old->online_bytes != totals->online_bytes },
                { "OfflineBytes", old->offline_bytes != totals->offline_bytes },
                { "KernelBytes", old->kernel_bytes != totals->kernel_bytes },
                { "MovableBytes", old->movable_bytes != totals->movable_bytes },
                { "PendingBlocks", old->pending_blocks != totals->pending_blocks },
                { "FailedBlocks", old->failed_blocks != totals->failed_blocks },
                { "FailedDevices", before->devices_hash != now->devices_hash },
                { "ForeignBlocks", old->foreign_blocks != totals->foreign_blocks },
                { "Jobs", before->n_jobs != now->n_jobs },
                { "Degraded", before->is_degraded != now->is_degraded },
                { "KernelAutoOnline", strcmp(before->auto_online, now->auto_online) != 0 },
                { "ForeignAutoOnline",
                  word_files_differ(&before->foreign_words, &now->foreign_words) },
                { "ConfigFiles", before->files_hash != now->files_hash },
                { "ConfigFaults", before->faults_hash != now->faults_hash },
        };

        return emit_properties(bus, BUS_PATH, BUS_MANAGER_INTERFACE, properties,
                               ELEMENTSOF(properties));
}

static int emit_node(const Node *before, const Node *now, sd_bus *bus)
{
        const Totals *old = &before->totals, *totals = &now->totals;
        const Property properties[] = {
                { "HasCpu", before->has_cpu != now->has_cpu },
                { "OnlineBytes", old->online_bytes != totals->online_bytes },
                { "OfflineBytes", old->offline_bytes != totals->offline_bytes },
                { "KernelBytes", old->kernel_bytes != totals->kernel_bytes },
                { "MovableBytes", old->movable_bytes != totals->movable_bytes },
                { "MovableOnly", guard_is_movable_only(old) != guard_is_movable_only(totals) },
                { "KernelMemoryShort", before->is_short != now->is_short },
                { "KernelAutoOnline", before->auto_online != now->auto_online },
        };
        char path[BUS_PATH_MAX];

        return emit_properties(bus, bus_node_path(now->id, NULL, path), BUS_NODE_INTERFACE,
                               properties, ELEMENTSOF(properties));
}

static int emit_job(const Told *before, const Told *now, sd_bus *bus)
{
        /* The job as it was announced, when it was still queued. */
        static const Told first = { .job.state = JOB_STATE_QUEUED, .current_block = -1 };
        const Told *told = before->job.id == now->job.id ? before : &first;
        const Job *old = &told->job, *job = &now->job;
        const Property properties[] = {
                { "TotalBlocks", told == before && old->n_steps != job->n_steps },
                { "State", old->state != job->state },
                { "DoneBlocks", old->n_done != job->n_done },
                { "FailedBlocks", old->n_failed != job->n_failed },
                { "UndoneBlocks", old->n_undone != job->n_undone },
                { "CurrentBlock", told->current_block != now->current_block },
                { "Failures", old->n_failed != job->n_failed },
        };
        char path[BUS_PATH_MAX];

        /* A new job is announced with its properties. */
        if (job->id == 0 || job->id > before->last_job_id)
                return 0;
        return emit_properties(bus, bus_job_path(job->id, path), BUS_JOB_INTERFACE, properties,
                               ELEMENTSOF(properties));
}

/* Other signals */

static int emit_object(sd_bus *bus, const char *path, const char *interface, bool is_gone)
{
        return is_gone ? bus_emit_removed(bus, path, interface) :
                         sd_bus_emit_object_added(bus, path);
}

/* Announces the nodes and zones that are in one machine, but not in the other: they came, or are gone. */
static int emit_objects(const Machine *in, const Machine *not_in, bool is_gone, sd_bus *bus)
{
        char path[BUS_PATH_MAX];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < in->n_nodes; i++) {
                const Node *node = &in->nodes[i];

                if (!machine_find_node(not_in, node->id))
                        r = emit_object(bus, bus_node_path(node->id, NULL, path),
                                        BUS_NODE_INTERFACE, is_gone);
        }
        for (size_t i = 0; r >= 0 && i < in->n_zones; i++) {
                const Zone *zone = &in->zones[i];

                if (machine_find_zone(not_in, zone->node, zone->type))
                        continue;
                bus_node_path(zone->node, zone_type_to_string(zone->type), path);
                r = emit_object(bus, path, BUS_ZONE_INTERFACE, is_gone);
        }
        return r;
}

static int emit_blocks(sd_bus *bus, const ChangedIds *changed)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        int r;

        if (changed->n_ids == 0)
                return 0;
        r = sd_bus_message_new_signal(bus, &signal, BUS_PATH, BUS_MANAGER_INTERFACE,
                                      "BlocksChanged");
        if (r >= 0)
                r = bus_append_ranges(signal, changed->ids, changed->n_ids);
        return r < 0 ? r : sd_bus_send(bus, signal, NULL);
}

static int emit_shortage(sd_bus *bus, const Changes *changes, const Machine *machine)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                if (node_set_contains(&changes->short_nodes, node->id))
                        r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE,
                                               "KernelMemoryShort", "utt", node->id,
                                               node->kernel_free_bytes, node->kernel_low_bytes);
        }
        return r;
}

static int emit_all(const Told *before, const Told *now, Manager *manager, const Changes *changes,
                    sd_bus *bus)
{
        const Totals *totals = &now->machine.totals;
        int r = emit_objects(&before->machine, &now->machine, true, bus), jobs;

        if (r >= 0)
                r = emit_objects(&now->machine, &before->machine, false, bus);
        for (size_t i = 0; r >= 0 && i < now->machine.n_nodes; i++) {
                const Node *node = &now->machine.nodes[i];
                const Node *old = machine_find_node(&before->machine, node->id);

                r = old ? emit_node(old, node, bus) : 0;
        }
        if (r >= 0)
                r = emit_manager(before, now, bus);
        if (r >= 0)
                r = emit_job(before, now, bus);
        if (r >= 0)
                r = emit_blocks(bus, &changes->blocks);
        if (r >= 0 && changes->capacity)
                r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "CapacityChanged",
                                       "tt", totals->online_bytes, totals->movable_bytes);
        /* A client that waits for a job learns of its end even if other signals fail. */
        jobs = bus_emit_jobs(bus, manager, changes);
        r = MIN(r, jobs);
        return r < 0 ? r : emit_shortage(bus, changes, &now->machine);
}

void told_done(Told *told)
{
        free(told->machine.nodes);
        free(told->machine.zones);
        *told = (Told){};
}

int told_take(Told *told, Manager *manager)
{
        const ManagerView view = manager_view(manager);
        const Machine *machine = view.machine;
        Node *nodes = calloc(machine->n_nodes + 1, sizeof(Node));
        Zone *zones = calloc(machine->n_zones + 1, sizeof(Zone));

        told_done(told);
        told->machine.nodes = nodes;
        told->machine.zones = zones;
        if (!nodes || !zones)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_nodes; i++) {
                nodes[i] = machine->nodes[i];
                nodes[i].distances = NULL;
        }
        for (size_t i = 0; i < machine->n_zones; i++)
                zones[i] = machine->zones[i];
        told->machine.n_nodes = machine->n_nodes;
        told->machine.n_zones = machine->n_zones;
        told->machine.totals = machine->totals;
        told->n_jobs = view.queue->n_jobs;
        told->last_job_id = view.queue->last_id;
        told->is_degraded = view.is_degraded;
        told->devices_hash = hash_failed_devices(&machine->acpi);
        told->files_hash = hash_strings(view.conf->files);
        told->faults_hash = hash_strings(view.faults);
        if (told->n_jobs > 0) {
                const Job *job = view.queue->jobs[0];

                told->current_block = job_current_block(job);
                told->job = (Job){ job->id,
                                   .state = job->state,
                                   .n_done = job->n_done,
                                   .n_failed = job->n_failed,
                                   .n_undone = job->n_undone,
                                   .n_steps = job->n_steps };
        }
        strcpy(told->auto_online, view.auto_online);
        told->foreign_words = view.foreign_words;
        return 0;
}

int told_publish(Told *told, Manager *manager, const Changes *changes, sd_bus *bus)
{
        Told now = {};
        int r = told_take(&now, manager);

        if (r >= 0)
                r = emit_all(told, &now, manager, changes, bus);
        told_done(told);
        *told = now;
        return r;
}
