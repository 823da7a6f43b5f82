/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fetches the state of the machine from memoryd. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/ctl.h"
#include "model/block.h"

/* A property, and the field to store it in. The D-Bus signature decides the type of the field. */
typedef struct Property {
        const char *name;
        const char *type;
        size_t offset;
} Property;

typedef struct PropertySet {
        const Property *properties;
        size_t n_properties;
} PropertySet;

static const Property manager_properties[] = {
        { "Version", "s", offsetof(ManagerRow, version) },
        { "KernelAutoOnline", "s", offsetof(ManagerRow, kernel_auto_online) },
        { "KernelFeatures", "a" BUS_FEATURE_SIGNATURE, 0 },
        { "BlockSizeBytes", "t", offsetof(ManagerRow, block_size_bytes) },
        { "OnlineBytes", "t", offsetof(ManagerRow, online_bytes) },
        { "OfflineBytes", "t", offsetof(ManagerRow, offline_bytes) },
        { "KernelBytes", "t", offsetof(ManagerRow, kernel_bytes) },
        { "MovableBytes", "t", offsetof(ManagerRow, movable_bytes) },
        { "PendingBlocks", "u", offsetof(ManagerRow, pending_blocks) },
        { "FailedBlocks", "u", offsetof(ManagerRow, failed_blocks) },
        { "ForeignBlocks", "u", offsetof(ManagerRow, foreign_blocks) },
        { "ConfigFiles", "as", offsetof(ManagerRow, config_files) },
        { "ConfigFaults", "as", offsetof(ManagerRow, config_faults) },
        { "Degraded", "b", offsetof(ManagerRow, degraded) },
};

static const Property node_properties[] = {
        { "Id", "u", offsetof(NodeRow, id) },
        { "HasCpu", "b", offsetof(NodeRow, has_cpu) },
        { "MovableOnly", "b", offsetof(NodeRow, movable_only) },
        { "KernelMemoryShort", "b", offsetof(NodeRow, kernel_short) },
        { "KernelAutoOnline", "s", offsetof(NodeRow, kernel_auto_online) },
        { "OnlineBytes", "t", offsetof(NodeRow, online_bytes) },
        { "OfflineBytes", "t", offsetof(NodeRow, offline_bytes) },
        { "KernelBytes", "t", offsetof(NodeRow, kernel_bytes) },
        { "MovableBytes", "t", offsetof(NodeRow, movable_bytes) },
        { "FreeBytes", "t", offsetof(NodeRow, free_bytes) },
        { "Distances", "a(uu)", 0 },
};

static const Property zone_properties[] = {
        { "Name", "s", offsetof(ZoneRow, name) },
        { "PresentBytes", "t", offsetof(ZoneRow, present_bytes) },
        { "ManagedBytes", "t", offsetof(ZoneRow, managed_bytes) },
        { "SpannedBytes", "t", offsetof(ZoneRow, spanned_bytes) },
        { "FreeBytes", "t", offsetof(ZoneRow, free_bytes) },
};

static const PropertySet manager_set = { manager_properties, ELEMENTSOF(manager_properties) };
static const PropertySet node_set = { node_properties, ELEMENTSOF(node_properties) };
static const PropertySet zone_set = { zone_properties, ELEMENTSOF(zone_properties) };

static int read_distances(sd_bus_message *message, NodeRow *node)
{
        Distance entry;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "(uu)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "(uu)", &entry.node, &entry.distance)) > 0) {
                if (GROW(node->distances, node->n_distances) < 0)
                        return -ENOMEM;
                node->distances[node->n_distances++] = entry;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_features(sd_bus_message *message, ManagerRow *manager)
{
        FeatureRow row;
        int r, has;

        r = sd_bus_message_enter_container(message, 'a', BUS_FEATURE_SIGNATURE);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, BUS_FEATURE_SIGNATURE, &row.name, &has,
                                        &row.brought_by)) > 0) {
                if (GROW(manager->features, manager->n_features) < 0)
                        return -ENOMEM;
                row.has = has;
                manager->features[manager->n_features++] = row;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_value(sd_bus_message *message, const Property *property, void *row)
{
        void *field = (char *) row + property->offset;
        int r, value;

        if (strcmp(property->type, "a(uu)") == 0)
                return read_distances(message, row);
        if (strcmp(property->type, "a" BUS_FEATURE_SIGNATURE) == 0)
                return read_features(message, row);
        if (strcmp(property->type, "as") == 0)
                return sd_bus_message_read_strv(message, field);
        if (property->type[0] == 'b') {
                r = sd_bus_message_read_basic(message, 'b', &value);
                if (r >= 0)
                        *(bool *) field = value;
                return r;
        }
        return sd_bus_message_read_basic(message, property->type[0], field);
}

/* Skips unknown properties: memoryd may be newer. */
static int read_property(sd_bus_message *message, const PropertySet *set, void *row)
{
        const Property *property = NULL;
        const char *name;
        int r;

        r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < set->n_properties && !property; i++)
                if (strcmp(set->properties[i].name, name) == 0)
                        property = &set->properties[i];
        if (!property)
                return sd_bus_message_skip(message, "v");

        r = sd_bus_message_enter_container(message, 'v', property->type);
        if (r < 0)
                return r;
        r = read_value(message, property, row);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_properties(sd_bus_message *message, const PropertySet *set, void *row)
{
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_property(message, set, row);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_node(sd_bus_message *message, Snapshot *snapshot)
{
        if (GROW(snapshot->nodes, snapshot->n_nodes) < 0)
                return -ENOMEM;
        snapshot->nodes[snapshot->n_nodes] = (NodeRow){ .kernel_auto_online = "" };
        return read_properties(message, &node_set, &snapshot->nodes[snapshot->n_nodes++]);
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
        r = read_properties(message, &zone_set, &zone);
        if (r >= 0)
                snapshot->zones[snapshot->n_zones++] = zone;
        return r;
}

/* Reads an object of GetManagedObjects(): only its node and zone interfaces. */
static int read_object(sd_bus_message *message, const char *path, Snapshot *snapshot)
{
        const char *interface;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &interface);
                if (r < 0)
                        return r;
                if (strcmp(interface, BUS_NODE_INTERFACE) == 0)
                        r = read_node(message, snapshot);
                else if (strcmp(interface, BUS_ZONE_INTERFACE) == 0)
                        r = read_zone(message, path, snapshot);
                else
                        r = sd_bus_message_skip(message, "a{sv}");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int node_compare(const void *a, const void *b)
{
        const NodeRow *left = a, *right = b;

        return (left->id > right->id) - (left->id < right->id);
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

static int read_objects(Snapshot *snapshot)
{
        sd_bus_message *message = snapshot->objects_reply;
        const char *path;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read_basic(message, 'o', &path);
                if (r < 0)
                        return r;
                r = read_object(message, path, snapshot);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (snapshot->nodes)
                qsort(snapshot->nodes, snapshot->n_nodes, sizeof(NodeRow), node_compare);
        if (snapshot->zones)
                qsort(snapshot->zones, snapshot->n_zones, sizeof(ZoneRow), zone_compare);
        return 0;
}

static int block_compare(const void *a, const void *b)
{
        const BlockRow *left = a, *right = b;

        return (left->id > right->id) - (left->id < right->id);
}

int snapshot_read_blocks(Snapshot *snapshot)
{
        sd_bus_message *message = snapshot->blocks_reply;
        BlockRow row;
        int r;

        r = sd_bus_message_enter_container(message, 'a', BUS_BLOCK_SIGNATURE);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, BUS_BLOCK_SIGNATURE, &row.id, &row.node,
                                        &row.state, &row.zones, &row.zone_class, &row.decision,
                                        &row.rule, &row.guards, &row.status, &row.error,
                                        &row.device, &row.origin)) > 0) {
                if (GROW(snapshot->blocks, snapshot->n_blocks) < 0)
                        return -ENOMEM;
                snapshot->blocks[snapshot->n_blocks++] = row;
        }
        if (r < 0)
                return r;
        if (snapshot->blocks)
                qsort(snapshot->blocks, snapshot->n_blocks, sizeof(BlockRow), block_compare);
        return 0;
}

static int job_compare(const void *a, const void *b)
{
        const JobRow *left = a, *right = b;

        return (left->id > right->id) - (left->id < right->id);
}

static int read_jobs(Snapshot *snapshot)
{
        sd_bus_message *message = snapshot->jobs_reply;
        JobRow row;
        int r;

        r = sd_bus_message_enter_container(message, 'a', BUS_JOB_SIGNATURE);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, BUS_JOB_SIGNATURE, &row.id, &row.path, &row.kind,
                                        &row.state, &row.target, &row.zone, &row.user, &row.n_total,
                                        &row.n_done, &row.n_failed, &row.uid)) > 0) {
                if (GROW(snapshot->jobs, snapshot->n_jobs) < 0)
                        return -ENOMEM;
                snapshot->jobs[snapshot->n_jobs++] = row;
        }
        if (r >= 0 && snapshot->jobs)
                qsort(snapshot->jobs, snapshot->n_jobs, sizeof(JobRow), job_compare);
        return MIN(r, 0);
}

/* Calls a method that takes no argument, or one string. */
static int query(sd_bus *bus, const char *interface, const char *method, const char *argument,
                 sd_bus_error *error, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = manager_message_new(bus, interface, method, &message);
        if (r >= 0 && argument)
                r = sd_bus_message_append_basic(message, 's', argument);
        return r < 0 ? r : sd_bus_call(bus, message, 0, error, ret);
}

/* Makes one error of all replies that do not have the documented types. */
static int read_result(int r)
{
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

int snapshot_fetch_manager(sd_bus *bus, Snapshot *snapshot, sd_bus_error *error)
{
        int r;

        snapshot->manager.version = snapshot->manager.kernel_auto_online = "";
        r = query(bus, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE, error,
                  &snapshot->manager_reply);
        if (r < 0)
                return r;
        return read_result(
                read_properties(snapshot->manager_reply, &manager_set, &snapshot->manager));
}

static int fetch_blocks(sd_bus *bus, Snapshot *snapshot, sd_bus_error *error)
{
        int r;

        r = query(bus, BUS_MANAGER_INTERFACE, "ListBlocks", NULL, error, &snapshot->blocks_reply);
        return r < 0 ? r : read_result(snapshot_read_blocks(snapshot));
}

static int fetch_objects(sd_bus *bus, Snapshot *snapshot, sd_bus_error *error)
{
        int r;

        r = query(bus, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, error,
                  &snapshot->objects_reply);
        return r < 0 ? r : read_result(read_objects(snapshot));
}

static int fetch_jobs(sd_bus *bus, Snapshot *snapshot, sd_bus_error *error)
{
        int r;

        r = query(bus, BUS_MANAGER_INTERFACE, "ListJobs", NULL, error, &snapshot->jobs_reply);
        return r < 0 ? r : read_result(read_jobs(snapshot));
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
        if (what & FETCH_MANAGER)
                r = snapshot_fetch_manager(bus, snapshot, &error);
        if (r >= 0 && (what & FETCH_BLOCKS))
                r = fetch_blocks(bus, snapshot, &error);
        if (r >= 0 && (what & FETCH_OBJECTS))
                r = fetch_objects(bus, snapshot, &error);
        if (r >= 0 && (what & FETCH_JOBS))
                r = fetch_jobs(bus, snapshot, &error);
        /* A memoryd that is too old for jobs still has the rest. */
        if (r < 0 && (what & ~FETCH_JOBS) &&
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
        strings_free(snapshot->manager.config_files);
        strings_free(snapshot->manager.config_faults);
        free(snapshot->manager.features);
        sd_bus_message_unref(snapshot->manager_reply);
        sd_bus_message_unref(snapshot->blocks_reply);
        sd_bus_message_unref(snapshot->objects_reply);
        sd_bus_message_unref(snapshot->jobs_reply);
        strings_free(snapshot->texts);
        if (snapshot->recording)
                recording_done(snapshot->recording);
        free(snapshot->recording);
        *snapshot = (Snapshot){};
}
