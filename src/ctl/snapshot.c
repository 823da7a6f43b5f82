/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fetches the state of the machine from memoryd. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/row.h"
#include "model/block.h"

static const Field feature_fields[] = {
        { 's', offsetof(FeatureRow, name), .key = "feature" },
        { 'b', offsetof(FeatureRow, has), .key = "has" },
        { 's', offsetof(FeatureRow, brought_by), .key = "brought_by" },
        {},
};

const RowType feature_rows = { BUS_FEATURE_SIGNATURE, sizeof(FeatureRow), feature_fields };

const Field manager_fields[] = {
        { 's', offsetof(ManagerRow, version), "version", .name = "Version" },
        { 'b', offsetof(ManagerRow, degraded), "degraded", .name = "Degraded" },
        { 't', offsetof(ManagerRow, block_size_bytes), "block_size", .name = "BlockSizeBytes" },
        { 't', offsetof(ManagerRow, online_bytes), "online", .name = "OnlineBytes" },
        { 't', offsetof(ManagerRow, offline_bytes), "offline", .name = "OfflineBytes" },
        { 't', offsetof(ManagerRow, kernel_bytes), "kernel", .name = "KernelBytes" },
        { 't', offsetof(ManagerRow, movable_bytes), "movable", .name = "MovableBytes" },
        { 'u', offsetof(ManagerRow, pending_blocks), "pending_blocks", .name = "PendingBlocks" },
        { 'u', offsetof(ManagerRow, failed_blocks), "failed_blocks", .name = "FailedBlocks" },
        { 'u', offsetof(ManagerRow, foreign_blocks), "foreign_blocks", .name = "ForeignBlocks" },
        { 's', offsetof(ManagerRow, kernel_auto_online), "kernel_auto_online",
          .name = "KernelAutoOnline" },
        { 'a', offsetof(ManagerRow, features), NULL, "KernelFeatures", &feature_rows,
          offsetof(ManagerRow, n_features) },
        { 'a', offsetof(ManagerRow, config_files), NULL, .name = "ConfigFiles" },
        { 'a', offsetof(ManagerRow, config_faults), NULL, .name = "ConfigFaults" },
        {},
};

static const Field distance_fields[] = {
        { 'u', offsetof(Distance, node), .key = "node" },
        { 'u', offsetof(Distance, distance), .key = "distance" },
        {},
};

static const RowType distance_rows = { "(uu)", sizeof(Distance), distance_fields };

const Field node_fields[] = {
        { 'u', offsetof(NodeRow, id), "node", .name = "Id" },
        { 'b', offsetof(NodeRow, has_cpu), "cpu", .name = "HasCpu" },
        { 't', offsetof(NodeRow, online_bytes), "online", .name = "OnlineBytes" },
        { 't', offsetof(NodeRow, offline_bytes), "offline", .name = "OfflineBytes" },
        { 't', offsetof(NodeRow, kernel_bytes), "kernel", .name = "KernelBytes" },
        { 't', offsetof(NodeRow, movable_bytes), "movable", .name = "MovableBytes" },
        { 't', offsetof(NodeRow, free_bytes), "free", .name = "FreeBytes" },
        { 'b', offsetof(NodeRow, movable_only), "movable_only", .name = "MovableOnly" },
        { 'b', offsetof(NodeRow, kernel_short), "kernel_short", .name = "KernelMemoryShort" },
        { 's', offsetof(NodeRow, kernel_auto_online), "kernel_auto_online",
          .name = "KernelAutoOnline" },
        { 'a', offsetof(NodeRow, distances), "distances", "Distances", &distance_rows,
          offsetof(NodeRow, n_distances) },
        {},
};

const Field zone_fields[] = {
        { 's', offsetof(ZoneRow, name), "zone", .name = "Name" },
        { 't', offsetof(ZoneRow, present_bytes), "present", .name = "PresentBytes" },
        { 't', offsetof(ZoneRow, managed_bytes), "managed", .name = "ManagedBytes" },
        { 't', offsetof(ZoneRow, spanned_bytes), "spanned", .name = "SpannedBytes" },
        { 't', offsetof(ZoneRow, free_bytes), "free", .name = "FreeBytes" },
        {},
};

static const Field block_fields[] = {
        { 'u', .offset = offsetof(BlockRow, id) },
        { 'i', .offset = offsetof(BlockRow, node) },
        { 's', .offset = offsetof(BlockRow, state) },
        { 's', .offset = offsetof(BlockRow, zones) },
        { 's', .offset = offsetof(BlockRow, zone_class) },
        { 's', .offset = offsetof(BlockRow, decision) },
        { 's', .offset = offsetof(BlockRow, rule) },
        { 's', .offset = offsetof(BlockRow, guards) },
        { 's', .offset = offsetof(BlockRow, status) },
        { 'i', .offset = offsetof(BlockRow, error) },
        { 's', .offset = offsetof(BlockRow, device) },
        { 's', .offset = offsetof(BlockRow, origin) },
        {},
};

static const RowType block_rows = { BUS_BLOCK_SIGNATURE, sizeof(BlockRow), block_fields };

static const Field job_fields[] = {
        { 'u', offsetof(JobRow, id), .key = "id" },
        { 'o', .offset = offsetof(JobRow, path) },
        { 's', offsetof(JobRow, kind), .key = "kind" },
        { 's', offsetof(JobRow, state), .key = "state" },
        { 's', offsetof(JobRow, target), .key = "target" },
        { 's', .offset = offsetof(JobRow, zone) },
        { 's', .offset = offsetof(JobRow, user) },
        { 'u', offsetof(JobRow, n_total), .key = "total" },
        { 'u', offsetof(JobRow, n_done), .key = "done" },
        { 'u', offsetof(JobRow, n_failed), .key = "failed" },
        { 'u', .offset = offsetof(JobRow, uid) },
        {},
};

const RowType job_rows = { BUS_JOB_SIGNATURE, sizeof(JobRow), job_fields };

static const Field history_fields[] = {
        { 't', .offset = offsetof(DecisionRow, usec) },
        { 'u', .offset = offsetof(DecisionRow, block) },
        { 'i', .offset = offsetof(DecisionRow, node) },
        { 's', .offset = offsetof(DecisionRow, device) },
        { 's', .offset = offsetof(DecisionRow, decision) },
        { 's', .offset = offsetof(DecisionRow, rule) },
        { 's', .offset = offsetof(DecisionRow, guards) },
        { 's', .offset = offsetof(DecisionRow, status) },
        { 's', .offset = offsetof(DecisionRow, onlined_by) },
        { 'i', .offset = offsetof(DecisionRow, error) },
        { 's', .offset = offsetof(DecisionRow, reason) },
        {},
};

static const RowType history_rows = { BUS_HISTORY_SIGNATURE, sizeof(DecisionRow), history_fields };

static const Field finding_fields[] = {
        { 's', offsetof(FindingRow, check), .key = "check" },
        { 's', offsetof(FindingRow, subject), .key = "subject" },
        { 's', offsetof(FindingRow, finding), .key = "finding" },
        { 's', offsetof(FindingRow, advice), .key = "advice" },
        {},
};

const RowType finding_rows = { BUS_FINDING_SIGNATURE, sizeof(FindingRow), finding_fields };

static int read_manager(sd_bus_message *reply, Snapshot *snapshot)
{
        snapshot->manager.version = snapshot->manager.kernel_auto_online = "";
        return row_read(reply, manager_fields, &snapshot->manager);
}

int id_compare(const void *a, const void *b)
{
        const uint32_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

/* Reads an array of structs, and sorts its rows by the number that they begin with. */
static int read_sorted(sd_bus_message *reply, const RowType *type, void *rows, size_t *n_rows)
{
        int r = rows_read(reply, type, rows, n_rows);
        void *first;

        memcpy(&first, rows, sizeof(first));
        if (r >= 0 && first)
                qsort(first, *n_rows, type->size, id_compare);
        return r;
}

int snapshot_read_blocks(sd_bus_message *reply, Snapshot *snapshot)
{
        return read_sorted(reply, &block_rows, &snapshot->blocks, &snapshot->n_blocks);
}

static int read_jobs(sd_bus_message *reply, Snapshot *snapshot)
{
        return read_sorted(reply, &job_rows, &snapshot->jobs, &snapshot->n_jobs);
}

static int read_history(sd_bus_message *reply, Snapshot *snapshot)
{
        return rows_read(reply, &history_rows, &snapshot->history, &snapshot->n_history);
}

static int read_findings(sd_bus_message *reply, Snapshot *snapshot)
{
        return rows_read(reply, &finding_rows, &snapshot->findings, &snapshot->n_findings);
}

size_t snapshot_find_block(const Snapshot *snapshot, uint32_t id)
{
        const BlockRow *block = bsearch(&id, snapshot->blocks, snapshot->n_blocks,
                                        sizeof(*snapshot->blocks), id_compare);

        return block ? (size_t) (block - snapshot->blocks) : snapshot->n_blocks;
}

static int zone_compare(const void *a, const void *b)
{
        const ZoneRow *left = a, *right = b;
        unsigned left_type, right_type;

        if (left->node != right->node)
                return left->node > right->node ? 1 : -1;
        /* A zone of a newer kernel is unknown, and so negative. As an unsigned number it comes last. */
        left_type = (unsigned) zone_type_from_string(left->name);
        right_type = (unsigned) zone_type_from_string(right->name);
        if (left_type != right_type)
                return left_type > right_type ? 1 : -1;
        return strcmp(left->name, right->name);
}

static int read_node(sd_bus_message *message, Snapshot *snapshot)
{
        if (GROW(snapshot->nodes, snapshot->n_nodes) < 0)
                return -ENOMEM;
        snapshot->nodes[snapshot->n_nodes] = (NodeRow){ .kernel_auto_online = "" };
        return row_read(message, node_fields, &snapshot->nodes[snapshot->n_nodes++]);
}

static int read_zone(sd_bus_message *message, const char *path, Snapshot *snapshot)
{
        _cleanup_free_ char *node = NULL;
        ZoneRow zone = { .name = "" };
        int r;

        if (GROW(snapshot->zones, snapshot->n_zones) < 0)
                return -ENOMEM;
        r = sd_bus_path_decode_many(path, BUS_NODE_PREFIX "/%/zone/%", &node, NULL);
        if (r < 0)
                return r;
        if (r == 0 || parse_u32(node, &zone.node) < 0)
                return -EBADMSG;
        r = row_read(message, zone_fields, &zone);
        if (r >= 0)
                snapshot->zones[snapshot->n_zones++] = zone;
        return r;
}

/* An object of GetManagedObjects(). */
typedef struct Object {
        const char *path;
        Snapshot *snapshot;
} Object;

static int read_interface(sd_bus_message *message, const char *interface, void *userdata)
{
        const Object *object = userdata;

        if (strcmp(interface, BUS_NODE_INTERFACE) == 0)
                return read_node(message, object->snapshot);
        if (strcmp(interface, BUS_ZONE_INTERFACE) == 0)
                return read_zone(message, object->path, object->snapshot);
        return sd_bus_message_skip(message, "a{sv}");
}

static int read_object(sd_bus_message *message, const char *path, void *userdata)
{
        Object object = { path, userdata };

        return dict_read(message, "sa{sv}", read_interface, &object);
}

static int read_objects(sd_bus_message *reply, Snapshot *snapshot)
{
        int r = dict_read(reply, "oa{sa{sv}}", read_object, snapshot);

        if (r < 0)
                return r;
        if (snapshot->nodes)
                qsort(snapshot->nodes, snapshot->n_nodes, sizeof(NodeRow), id_compare);
        if (snapshot->zones)
                qsort(snapshot->zones, snapshot->n_zones, sizeof(ZoneRow), zone_compare);
        return 0;
}

/* The calls. Their argument is a string, or NULL for none. */
static const struct {
        Fetch part;
        const char *interface;
        const char *method;
        const char *argument;
        int (*read)(sd_bus_message *reply, Snapshot *snapshot);
} calls[SNAPSHOT_REPLIES_MAX] = {
        { FETCH_FINDINGS, BUS_MANAGER_INTERFACE, "Verify", NULL, read_findings },
        { FETCH_MANAGER, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE,
          read_manager },
        { FETCH_BLOCKS, BUS_MANAGER_INTERFACE, "ListBlocks", NULL, snapshot_read_blocks },
        { FETCH_OBJECTS, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
          read_objects },
        { FETCH_HISTORY, BUS_MANAGER_INTERFACE, "History", NULL, read_history },
        { FETCH_JOBS, BUS_MANAGER_INTERFACE, "ListJobs", NULL, read_jobs },
};

/* Returns -EBADMSG for each reply that does not have the documented types. */
static int call(sd_bus *bus, size_t i, Snapshot *snapshot, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = manager_message_new(bus, calls[i].interface, calls[i].method, &message);
        if (r >= 0 && calls[i].argument)
                r = sd_bus_message_append_basic(message, 's', calls[i].argument);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, error, &snapshot->replies[i]);
        if (r < 0)
                return r;
        r = calls[i].read(snapshot->replies[i], snapshot);
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

int snapshot_fetch(unsigned what, Snapshot *snapshot)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (arg_sysroot)
                return snapshot_read(what, snapshot);
        r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++)
                if (what & calls[i].part)
                        r = call(bus, i, snapshot, &error);
        /* A memoryd that is too old for jobs, the last of the calls, still has the rest. */
        if (r < 0 && (what & FETCH_JOBS) && what != FETCH_JOBS &&
            sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD))
                r = 0;
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

void snapshot_done(Snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_nodes; i++)
                free(snapshot->nodes[i].distances);
        free(snapshot->nodes);
        free(snapshot->zones);
        free(snapshot->blocks);
        free(snapshot->jobs);
        free(snapshot->history);
        free(snapshot->findings);
        strings_free(snapshot->manager.config_files);
        strings_free(snapshot->manager.config_faults);
        free(snapshot->manager.features);
        for (size_t i = 0; i < ELEMENTSOF(snapshot->replies); i++)
                sd_bus_message_unref(snapshot->replies[i]);
        strings_free(snapshot->texts);
        if (snapshot->recording)
                recording_done(snapshot->recording);
        free(snapshot->recording);
        *snapshot = (Snapshot){};
}
