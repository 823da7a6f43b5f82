/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Fetches the state of the machine from memoryd. */

#include "base/names.h"
#include "base/parse.h"
#include "ctl/row.h"
#include "model/block.h"

static const Member feature_members[] = {
        { offsetof(FeatureRow, name), "feature" },
        { offsetof(FeatureRow, has), "has" },
        { offsetof(FeatureRow, brought_by), "brought_by" },
};

const RowType feature_rows = { BUS_FEATURE_SIGNATURE, sizeof(FeatureRow), feature_members };

static const Member failed_device_members[] = {
        { offsetof(FailedDeviceRow, name), "device" },
        { offsetof(FailedDeviceRow, size_bytes), "size" },
        { offsetof(FailedDeviceRow, reason), "reason" },
};

const RowType failed_device_rows = { BUS_DEVICE_SIGNATURE, sizeof(FailedDeviceRow),
                                     failed_device_members };

const Property manager_properties[] = {
        { "Version", 's', offsetof(ManagerRow, version), .key = "version" },
        { "Degraded", 'b', offsetof(ManagerRow, degraded), .key = "degraded" },
        { "BlockSizeBytes", 't', offsetof(ManagerRow, block_size_bytes), .key = "block_size" },
        { "OnlineBytes", 't', offsetof(ManagerRow, totals.online_bytes), .key = "online" },
        { "OfflineBytes", 't', offsetof(ManagerRow, totals.offline_bytes), .key = "offline" },
        { "KernelBytes", 't', offsetof(ManagerRow, totals.kernel_bytes), .key = "kernel" },
        { "MovableBytes", 't', offsetof(ManagerRow, totals.movable_bytes), .key = "movable" },
        { "PendingBlocks", 'u', offsetof(ManagerRow, totals.pending_blocks),
          .key = "pending_blocks" },
        { "FailedBlocks", 'u', offsetof(ManagerRow, totals.failed_blocks), .key = "failed_blocks" },
        { "ForeignBlocks", 'u', offsetof(ManagerRow, totals.foreign_blocks),
          .key = "foreign_blocks" },
        { "FailedDevices", 'a', offsetof(ManagerRow, failed_devices), NULL, &failed_device_rows,
          offsetof(ManagerRow, n_failed_devices) },
        { "KernelAutoOnline", 's', offsetof(ManagerRow, kernel_auto_online),
          .key = "kernel_auto_online" },
        { "ForeignAutoOnline", 'a', .offset = offsetof(ManagerRow, foreign_auto_online) },
        { "KernelFeatures", 'a', offsetof(ManagerRow, features), NULL, &feature_rows,
          offsetof(ManagerRow, n_features) },
        { "ConfigFiles", 'a', .offset = offsetof(ManagerRow, config_files) },
        { "ConfigFaults", 'a', .offset = offsetof(ManagerRow, config_faults) },
        {},
};

static const Member distance_members[] = {
        { offsetof(Distance, node), "node" },
        { offsetof(Distance, distance), "distance" },
};

const RowType distance_rows = { "(uu)", sizeof(Distance), distance_members };

const Property node_properties[] = {
        { "Id", 'u', offsetof(NodeRow, id), .key = "node" },
        { "HasCpu", 'b', offsetof(NodeRow, has_cpu), .key = "cpu" },
        { "OnlineBytes", 't', offsetof(NodeRow, totals.online_bytes), .key = "online" },
        { "OfflineBytes", 't', offsetof(NodeRow, totals.offline_bytes), .key = "offline" },
        { "KernelBytes", 't', offsetof(NodeRow, totals.kernel_bytes), .key = "kernel" },
        { "MovableBytes", 't', offsetof(NodeRow, totals.movable_bytes), .key = "movable" },
        { "FreeBytes", 't', offsetof(NodeRow, free_bytes), .key = "free" },
        { "MovableOnly", 'b', offsetof(NodeRow, movable_only), .key = "movable_only" },
        { "KernelMemoryShort", 'b', offsetof(NodeRow, kernel_short), .key = "kernel_short" },
        { "KernelAutoOnline", 's', offsetof(NodeRow, kernel_auto_online),
          .key = "kernel_auto_online" },
        { "ReadBandwidth", 'u', offsetof(NodeRow, performance[PERFORMANCE_READ_BANDWIDTH]),
          .key = "read_bandwidth" },
        { "WriteBandwidth", 'u', offsetof(NodeRow, performance[PERFORMANCE_WRITE_BANDWIDTH]),
          .key = "write_bandwidth" },
        { "ReadLatency", 'u', offsetof(NodeRow, performance[PERFORMANCE_READ_LATENCY]),
          .key = "read_latency" },
        { "WriteLatency", 'u', offsetof(NodeRow, performance[PERFORMANCE_WRITE_LATENCY]),
          .key = "write_latency" },
        { "Distances", 'a', offsetof(NodeRow, distances), NULL, &distance_rows,
          offsetof(NodeRow, n_distances) },
        {},
};

const Property zone_properties[] = {
        { "Name", 's', offsetof(ZoneRow, name), .key = "zone" },
        { "PresentBytes", 't', offsetof(ZoneRow, present_bytes), .key = "present" },
        { "ManagedBytes", 't', offsetof(ZoneRow, managed_bytes), .key = "managed" },
        { "SpannedBytes", 't', offsetof(ZoneRow, spanned_bytes), .key = "spanned" },
        { "FreeBytes", 't', offsetof(ZoneRow, free_bytes), .key = "free" },
        {},
};

static const Member block_members[] = {
        { offsetof(BlockRow, id), NULL },         { offsetof(BlockRow, node), NULL },
        { offsetof(BlockRow, state), NULL },      { offsetof(BlockRow, zones), NULL },
        { offsetof(BlockRow, zone_class), NULL }, { offsetof(BlockRow, decision), NULL },
        { offsetof(BlockRow, rule), NULL },       { offsetof(BlockRow, guards), NULL },
        { offsetof(BlockRow, status), NULL },     { offsetof(BlockRow, error), NULL },
        { offsetof(BlockRow, device), NULL },     { offsetof(BlockRow, origin), NULL },
};

static const RowType block_rows = { BUS_BLOCK_SIGNATURE, sizeof(BlockRow), block_members };

static const Member job_members[] = {
        { offsetof(JobRow, id), "id" },         { offsetof(JobRow, path), NULL },
        { offsetof(JobRow, kind), "kind" },     { offsetof(JobRow, state), "state" },
        { offsetof(JobRow, target), "target" }, { offsetof(JobRow, zone), NULL },
        { offsetof(JobRow, user), NULL },       { offsetof(JobRow, n_total), "total" },
        { offsetof(JobRow, n_done), "done" },   { offsetof(JobRow, n_failed), "failed" },
        { offsetof(JobRow, uid), NULL },
};

const RowType job_rows = { BUS_JOB_SIGNATURE, sizeof(JobRow), job_members };

static const Member finding_members[] = {
        { offsetof(FindingRow, check), "check" },
        { offsetof(FindingRow, subject), "subject" },
        { offsetof(FindingRow, finding), "finding" },
        { offsetof(FindingRow, advice), "advice" },
};

const RowType finding_rows = { BUS_FINDING_SIGNATURE, sizeof(FindingRow), finding_members };

static int read_manager(sd_bus_message *reply, Snapshot *snapshot)
{
        snapshot->manager.version = snapshot->manager.kernel_auto_online = "";
        return properties_read(reply, manager_properties, &snapshot->manager);
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
        int r = read_sorted(reply, &block_rows, &snapshot->blocks, &snapshot->n_blocks);

        for (size_t i = 0; i < snapshot->n_blocks; i++)
                snapshot->blocks[i].cxl_region = snapshot->blocks[i].cxl_memdevs = "";
        return r;
}

static int read_jobs(sd_bus_message *reply, Snapshot *snapshot)
{
        return read_sorted(reply, &job_rows, &snapshot->jobs, &snapshot->n_jobs);
}

static int read_decision(sd_bus_message *reply, DecisionRow *row)
{
        int r = sd_bus_message_read(reply, "tt", &row->first_usec, &row->last_usec);

        if (r >= 0)
                r = rows_read(reply, &span_rows, &row->ranges, &row->n_ranges);
        if (r >= 0 && row->n_ranges == 0)
                return -EBADMSG;
        return r < 0 ? r :
                       sd_bus_message_read(reply, "uissssssis", &row->n_decisions, &row->node,
                                           &row->device, &row->decision, &row->rule, &row->guards,
                                           &row->status, &row->onlined_by, &row->error,
                                           &row->reason);
}

static int read_history(sd_bus_message *reply, Snapshot *snapshot)
{
        int r = sd_bus_message_enter_container(reply, 'a', BUS_HISTORY_SIGNATURE);

        while (r >= 0 &&
               (r = sd_bus_message_enter_container(reply, 'r', BUS_HISTORY_MEMBERS)) > 0) {
                if (GROW(snapshot->history, snapshot->n_history) < 0)
                        return -ENOMEM;
                snapshot->history[snapshot->n_history] = (DecisionRow){};
                r = read_decision(reply, &snapshot->history[snapshot->n_history++]);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r;
}

static int read_findings(sd_bus_message *reply, Snapshot *snapshot)
{
        return rows_read(reply, &finding_rows, &snapshot->findings, &snapshot->n_findings);
}

static int read_notes(sd_bus_message *reply, Snapshot *snapshot)
{
        return rows_read(reply, &finding_rows, &snapshot->notes, &snapshot->n_notes);
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
        snapshot->nodes[snapshot->n_nodes] =
                (NodeRow){ .kernel_auto_online = "", .has_no_tier = true };
        return properties_read(message, node_properties, &snapshot->nodes[snapshot->n_nodes++]);
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
        r = properties_read(message, zone_properties, &zone);
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

/* The tier of a node. */
typedef struct TierRow {
        uint32_t node; /* first, for id_compare() */
        uint32_t tier;
} TierRow;

static const Member tier_members[] = { { offsetof(TierRow, node), NULL },
                                       { offsetof(TierRow, tier), NULL } };
static const RowType tier_rows = { "(uu)", sizeof(TierRow), tier_members };

static int read_tiers(sd_bus_message *reply, Snapshot *snapshot)
{
        _cleanup_free_ TierRow *rows = NULL;
        size_t n_rows = 0;
        int r = rows_read(reply, &tier_rows, &rows, &n_rows);

        for (size_t i = 0; r >= 0 && i < n_rows; i++)
                for (size_t k = 0; k < snapshot->n_nodes; k++)
                        if (snapshot->nodes[k].id == rows[i].node) {
                                snapshot->nodes[k].tier = rows[i].tier;
                                snapshot->nodes[k].has_no_tier = false;
                        }
        return r;
}

/* The names of a dax device. */
typedef struct CxlRow {
        const char *device;
        const char *region;
        const char *memdevs;
} CxlRow;

static const Member cxl_members[] = { { offsetof(CxlRow, device), NULL },
                                      { offsetof(CxlRow, region), NULL },
                                      { offsetof(CxlRow, memdevs), NULL } };
static const RowType cxl_rows = { BUS_CXL_SIGNATURE, sizeof(CxlRow), cxl_members };

static int read_cxl(sd_bus_message *reply, Snapshot *snapshot)
{
        _cleanup_free_ CxlRow *rows = NULL;
        size_t n_rows = 0;
        int r = rows_read(reply, &cxl_rows, &rows, &n_rows);

        for (size_t i = 0; r >= 0 && i < n_rows; i++)
                for (size_t k = 0; k < snapshot->n_blocks; k++)
                        if (strcmp(snapshot->blocks[k].device, rows[i].device) == 0) {
                                snapshot->blocks[k].cxl_region = rows[i].region;
                                snapshot->blocks[k].cxl_memdevs = rows[i].memdevs;
                        }
        return r;
}

static const Member count_members[] = { { offsetof(CountRow, first), NULL },
                                        { offsetof(CountRow, second), NULL },
                                        { offsetof(CountRow, n), NULL } };
static const RowType count_rows = { BUS_COUNT_SIGNATURE, sizeof(CountRow), count_members };

static const Member error_members[] = { { offsetof(ErrorRow, error), NULL },
                                        { offsetof(ErrorRow, n), NULL } };
static const RowType error_rows = { BUS_ERROR_COUNT_SIGNATURE, sizeof(ErrorRow), error_members };

static const Member bucket_members[] = { { offsetof(BucketRow, usec), NULL },
                                         { offsetof(BucketRow, n), NULL } };
static const RowType bucket_rows = { BUS_BUCKET_SIGNATURE, sizeof(BucketRow), bucket_members };

static const Member ratio_members[] = { { offsetof(RatioRow, node), NULL },
                                        { offsetof(RatioRow, kernel_bytes), NULL },
                                        { offsetof(RatioRow, movable_bytes), NULL } };
static const RowType ratio_rows = { BUS_RATIO_SIGNATURE, sizeof(RatioRow), ratio_members };

static const Property metrics_properties[] = {
        { "SinceUSec", 't', .offset = offsetof(MetricsRow, since_usec) },
        { "Decisions", 'a', offsetof(MetricsRow, decisions), NULL, &count_rows,
          offsetof(MetricsRow, n_decisions) },
        { "OnlineErrors", 'a', offsetof(MetricsRow, online_errors), NULL, &error_rows,
          offsetof(MetricsRow, n_online_errors) },
        { "OfflineErrors", 'a', offsetof(MetricsRow, offline_errors), NULL, &error_rows,
          offsetof(MetricsRow, n_offline_errors) },
        { "EventsLost", 't', .offset = offsetof(MetricsRow, events_lost) },
        { "Rescans", 't', .offset = offsetof(MetricsRow, rescans) },
        { "JobsEnded", 'a', offsetof(MetricsRow, jobs_ended), NULL, &count_rows,
          offsetof(MetricsRow, n_jobs_ended) },
        { "OnlineDurations", 'a', offsetof(MetricsRow, durations), NULL, &bucket_rows,
          offsetof(MetricsRow, n_durations) },
        { "OnlineDurationsUSec", 't', .offset = offsetof(MetricsRow, durations_usec) },
        { "MaxMovableRatioPermille", 'u',
          .offset = offsetof(MetricsRow, max_movable_ratio_permille) },
        { "Ratios", 'a', offsetof(MetricsRow, ratios), NULL, &ratio_rows,
          offsetof(MetricsRow, n_ratios) },
        {},
};

static int read_metrics(sd_bus_message *reply, Snapshot *snapshot)
{
        return properties_read(reply, metrics_properties, &snapshot->metrics);
}

const Property device_properties[] = {
        { "Device", 's', offsetof(DeviceRow, name), .key = "device" },
        { "Origin", 's', offsetof(DeviceRow, origin), .key = "origin" },
        { "State", 's', offsetof(DeviceRow, state), .key = "state" },
        { "Driver", 's', offsetof(DeviceRow, driver), .key = "driver" },
        { "DaxState", 's', offsetof(DeviceRow, dax_state), .key = "dax_state" },
        { "FirstAddress", 't', offsetof(DeviceRow, first_address), .key = "first_address" },
        { "LastAddress", 't', offsetof(DeviceRow, last_address), .key = "last_address" },
        { "SizeBytes", 't', offsetof(DeviceRow, size_bytes), .key = "size" },
        { "UnitBytes", 't', offsetof(DeviceRow, unit_bytes), .key = "unit" },
        { "Blocks", 'a', offsetof(DeviceRow, blocks), NULL, &span_rows,
          offsetof(DeviceRow, n_blocks) },
        { "KernelBlocks", 'a', offsetof(DeviceRow, kernel_blocks), NULL, &span_rows,
          offsetof(DeviceRow, n_kernel_blocks) },
        { "Nodes", 'N', .offset = offsetof(DeviceRow, nodes) },
        { "KernelBytes", 't', offsetof(DeviceRow, kernel_bytes), .key = "kernel" },
        { "MovableBytes", 't', offsetof(DeviceRow, movable_bytes), .key = "movable" },
        { "OfflineBytes", 't', offsetof(DeviceRow, offline_bytes), .key = "offline" },
        { "PendingBlocks", 'u', offsetof(DeviceRow, n_pending), .key = "pending_blocks" },
        { "FailedBlocks", 'u', offsetof(DeviceRow, n_failed), .key = "failed_blocks" },
        { "ForeignBlocks", 'u', offsetof(DeviceRow, n_foreign), .key = "foreign_blocks" },
        { "Job", 'u', offsetof(DeviceRow, job), .key = "job" },
        { "Removable", 's', offsetof(DeviceRow, removable), .key = "removable" },
        { "Obstacle", 's', offsetof(DeviceRow, obstacle), .key = "obstacle" },
        { "Reason", 's', offsetof(DeviceRow, reason), .key = "reason" },
        { "Advice", 's', offsetof(DeviceRow, advice), .key = "advice" },
        {},
};

static int read_devices(sd_bus_message *reply, Snapshot *snapshot)
{
        int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");

        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
                DeviceRow *row;

                if (GROW(snapshot->devices, snapshot->n_devices) < 0)
                        return -ENOMEM;
                row = &snapshot->devices[snapshot->n_devices++];
                *row = (DeviceRow){ .name = "",
                                    .origin = "",
                                    .state = "",
                                    .driver = "",
                                    .dax_state = "",
                                    .removable = "",
                                    .obstacle = "",
                                    .reason = "",
                                    .advice = "" };
                r = properties_read(reply, device_properties, row);
        }
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

/* Reads the value of a setting, if the map shows it. */
static int read_setting(sd_bus_message *reply, const char *name, PolicyRow *policy)
{
        const char *word;
        int flag, r;

        if (strcmp(name, "max_movable_ratio") == 0)
                return sd_bus_message_read(reply, "v", "d", &policy->max_movable_ratio);
        if (strcmp(name, "per_node") == 0) {
                r = sd_bus_message_read(reply, "v", "b", &flag);
                policy->per_node = r > 0 && flag;
                return r;
        }
        if (strcmp(name, "min_kernel") != 0)
                return sd_bus_message_skip(reply, "v");
        /* "block" in place of a number of bytes */
        if (sd_bus_message_peek_type(reply, NULL, &word) > 0 && strcmp(word, "s") == 0) {
                policy->min_kernel_bytes = UINT64_MAX;
                return sd_bus_message_skip(reply, "v");
        }
        return sd_bus_message_read(reply, "v", "t", &policy->min_kernel_bytes);
}

static int read_policy(sd_bus_message *reply, Snapshot *snapshot)
{
        const char *name;
        int r = sd_bus_message_enter_container(reply, 'a', BUS_SETTING_SIGNATURE);

        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
                r = sd_bus_message_enter_container(reply, 'r', NULL);
                if (r >= 0)
                        r = sd_bus_message_read(reply, "s", &name);
                if (r >= 0)
                        r = read_setting(reply, name, &snapshot->policy);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "ssu");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', BUS_RULE_SIGNATURE);
        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
                r = sd_bus_message_skip(reply, BUS_RULE_SIGNATURE);
                snapshot->policy.n_rules++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        snapshot->policy.is_known = r >= 0;
        return r;
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
        { FETCH_FINDINGS, BUS_MANAGER_INTERFACE, "VerifyNotes", NULL, read_notes },
        { FETCH_MANAGER, "org.freedesktop.DBus.Properties", "GetAll", BUS_MANAGER_INTERFACE,
          read_manager },
        { FETCH_BLOCKS, BUS_MANAGER_INTERFACE, "ListBlocks", NULL, snapshot_read_blocks },
        { FETCH_OBJECTS, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
          read_objects },
        { FETCH_TIERS, BUS_MANAGER_INTERFACE, "ListTiers", NULL, read_tiers },
        { FETCH_CXL, BUS_MANAGER_INTERFACE, "ListCxlDevices", NULL, read_cxl },
        { FETCH_METRICS, BUS_MANAGER_INTERFACE, "GetMetrics", NULL, read_metrics },
        { FETCH_DEVICES, BUS_MANAGER_INTERFACE, "ListDevices", NULL, read_devices },
        { FETCH_POLICY, BUS_MANAGER_INTERFACE, "GetPolicy", NULL, read_policy },
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
        for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++) {
                if (!(what & calls[i].part))
                        continue;
                r = call(bus, i, snapshot, &error);
                /* A memoryd that is too old for jobs, or to tell its policy, still has the rest. */
                if (r < 0 && (calls[i].part & (FETCH_JOBS | FETCH_POLICY)) &&
                    what != calls[i].part &&
                    sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                        sd_bus_error_free(&error);
                        r = 0;
                }
        }
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

void manager_row_done(ManagerRow *row)
{
        strings_free(row->foreign_auto_online);
        strings_free(row->config_files);
        strings_free(row->config_faults);
        free(row->features);
        free(row->failed_devices);
        *row = (ManagerRow){};
}

void snapshot_done(Snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_nodes && !snapshot->recording; i++)
                free(snapshot->nodes[i].distances);
        free(snapshot->nodes);
        free(snapshot->zones);
        free(snapshot->blocks);
        for (size_t i = 0; i < snapshot->n_devices; i++) {
                free(snapshot->devices[i].blocks);
                free(snapshot->devices[i].kernel_blocks);
        }
        free(snapshot->devices);
        free(snapshot->jobs);
        for (size_t i = 0; i < snapshot->n_history; i++)
                free(snapshot->history[i].ranges);
        free(snapshot->history);
        free(snapshot->findings);
        free(snapshot->notes);
        free(snapshot->metrics.decisions);
        free(snapshot->metrics.online_errors);
        free(snapshot->metrics.offline_errors);
        free(snapshot->metrics.jobs_ended);
        free(snapshot->metrics.durations);
        free(snapshot->metrics.ratios);
        manager_row_done(&snapshot->manager);
        for (size_t i = 0; i < ELEMENTSOF(snapshot->replies); i++)
                sd_bus_message_unref(snapshot->replies[i]);
        for (size_t i = 0; i < snapshot->n_texts; i++)
                free(snapshot->texts[i]);
        free(snapshot->texts);
        if (snapshot->recording)
                recording_done(snapshot->recording);
        free(snapshot->recording);
        *snapshot = (Snapshot){};
}
