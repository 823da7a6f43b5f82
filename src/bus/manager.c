/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The interface org.memoryd1.Manager. */

#include "base/names.h"
#include "bus/object.h"
#include "config.h"
#include "kernel/distance.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <sys/utsname.h>

static int append_finding(sd_bus_message *reply, const void *list, size_t i)
{
        const Finding *finding = (const Finding *) list + i;

        return sd_bus_message_append(reply, BUS_FINDING_SIGNATURE, finding->check, finding->subject,
                                     finding->text, finding->advice);
}

/* Sets what verify() and features_find() look at. Returns 0 or a negative errno. */
static int get_input(Manager *manager, struct utsname *ret_name, VerifyInput *ret)
{
        const ManagerView view = manager_view(manager);

        if (uname(ret_name) < 0)
                return -errno;
        *ret = (VerifyInput){
                .root = view.root,
                .sysfs = view.sysfs,
                .machine = view.machine,
                .conf = view.conf,
                .foreign_words = view.foreign_words,
                .release = ret_name->release,
                .hears_pressure = view.hears_pressure,
                /* It may have been installed since. libnuma leaks memory with each load: try only then. */
                .lacks_libnuma = view.machine->lacks_libnuma && !distances_have_libnuma(),
        };
        return 0;
}

/*
 * Runs the checks on this machine and its kernel: Verify replies with the problems, VerifyNotes with the
 * notes.
 */
static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        bool wants_notes = strcmp(sd_bus_message_get_member(message), "VerifyNotes") == 0;
        _cleanup_(findings_done) Findings findings = {};
        _cleanup_free_ Finding *wanted = NULL;
        struct utsname name;
        VerifyInput input;
        size_t n = 0;
        int r = get_input(userdata, &name, &input);

        manager_refresh_zones(userdata);
        if (policy_names_tiers(&manager_view(userdata).conf->policy))
                (void) manager_read_tiers(userdata);
        if (r >= 0)
                r = verify(&input, &findings);
        if (r >= 0) {
                wanted = calloc(findings.n_findings + 1, sizeof(Finding));
                r = wanted ? 0 : -ENOMEM;
        }
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot verify");
        for (size_t i = 0; i < findings.n_findings; i++)
                if (findings.findings[i].is_note == wants_notes)
                        wanted[n++] = findings.findings[i];
        return bus_reply_array(message, BUS_FINDING_SIGNATURE, append_finding, wanted, n, error,
                               "Cannot verify");
}

static int append_feature(sd_bus_message *reply, const void *list, size_t i)
{
        return sd_bus_message_append(reply, BUS_FEATURE_SIGNATURE, feature_to_string((Feature) i),
                                     (int) ((const bool *) list)[i],
                                     feature_brought_by((Feature) i));
}

static int append_features(sd_bus_message *reply, Manager *manager)
{
        bool has[_FEATURE_MAX] = {};
        struct utsname name;
        VerifyInput input;
        int r = get_input(manager, &name, &input);

        if (r < 0)
                return r;
        features_find(&input, has);
        return bus_append_array(reply, BUS_FEATURE_SIGNATURE, append_feature, has, ELEMENTSOF(has));
}

static int append_word_file(sd_bus_message *reply, int32_t node)
{
        char path[AUTO_ONLINE_FULL_PATH_MAX];

        return sd_bus_message_append(reply, "s", sysfs_auto_online_full_path(node, path));
}

static int append_foreign_words(sd_bus_message *reply, Manager *manager)
{
        const WordFiles files = manager_view(manager).foreign_words;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        if (r >= 0 && files.machine)
                r = append_word_file(reply, NODE_NONE);
        for (uint32_t node = 0; r >= 0 && node < NODE_MAX; node++)
                if (node_set_contains(&files.nodes, node))
                        r = append_word_file(reply, (int32_t) node);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The kernel sends no event about such a device: looks again. */
static int append_failed_devices(sd_bus_message *reply, Manager *manager)
{
        const Machine *machine = manager_view(manager).machine;
        char reason[ACPI_REASON_MAX];
        int r;

        manager_refresh_zones(manager);
        r = sd_bus_message_open_container(reply, 'a', BUS_DEVICE_SIGNATURE);
        for (size_t i = 0; r >= 0 && i < machine->acpi.n_devices; i++) {
                const AcpiDevice *device = &machine->acpi.devices[i];

                if (device->failed)
                        r = sd_bus_message_append(
                                reply, BUS_DEVICE_SIGNATURE, device->name, device->size_bytes,
                                acpi_device_format_reason(machine, device, reason));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const Totals *totals(Manager *manager)
{
        return &manager_view(manager).machine->totals;
}

DEFINE_VALUE_GETTER(get_version, Manager *manager, "s", PACKAGE_VERSION)
DEFINE_VALUE_GETTER(get_block_size, Manager *manager, "t",
                    manager_view(manager).machine->block_size_bytes)
DEFINE_VALUE_GETTER(get_online_bytes, Manager *manager, "t", totals(manager)->online_bytes)
DEFINE_VALUE_GETTER(get_offline_bytes, Manager *manager, "t", totals(manager)->offline_bytes)
DEFINE_VALUE_GETTER(get_kernel_bytes, Manager *manager, "t", totals(manager)->kernel_bytes)
DEFINE_VALUE_GETTER(get_movable_bytes, Manager *manager, "t", totals(manager)->movable_bytes)
DEFINE_VALUE_GETTER(get_pending, Manager *manager, "u", totals(manager)->pending_blocks)
DEFINE_VALUE_GETTER(get_failed, Manager *manager, "u", totals(manager)->failed_blocks)
DEFINE_GETTER(get_failed_devices, Manager *manager, append_failed_devices(reply, manager))
DEFINE_VALUE_GETTER(get_foreign, Manager *manager, "u", totals(manager)->foreign_blocks)
DEFINE_VALUE_GETTER(get_jobs, Manager *manager, "u", (uint32_t) manager_view(manager).queue->n_jobs)
DEFINE_VALUE_GETTER(get_auto_online, Manager *manager, "s", manager_view(manager).auto_online)
DEFINE_VALUE_GETTER(get_degraded, Manager *manager, "b", (int) manager_view(manager).is_degraded)
DEFINE_GETTER(get_foreign_words, Manager *manager, append_foreign_words(reply, manager))
DEFINE_GETTER(get_features, Manager *manager, append_features(reply, manager))
DEFINE_GETTER(get_files, Manager *manager,
              sd_bus_message_append_strv(reply, manager_view(manager).conf->files))
DEFINE_GETTER(get_faults, Manager *manager,
              sd_bus_message_append_strv(reply, manager_view(manager).faults))

static int append_block(sd_bus_message *reply, const void *list, size_t i)
{
        const ManagerView *view = list;
        const Block *block = &view->machine->blocks[i];
        const Device *device = machine_device(view->machine, block);
        char zones[ZONE_LIST_STRING_MAX], guards[GUARDS_STRING_MAX];

        return sd_bus_message_append(
                reply, BUS_BLOCK_SIGNATURE, block->id, block->node,
                block_state_to_string(block->state),
                block->node == NODE_NONE ? "" : zone_list_format(&block->zones, zones),
                zone_class_to_string(block_class(block)),
                verdict_to_string(block->decision.verdict),
                reason_rule_name(&view->conf->policy, block),
                guards_format(block->decision.guards, guards),
                block_status_to_string(block->status), (int32_t) -block->error,
                device ? device->name : "", origin_to_string(machine_origin(view->machine, block)));
}

/* Blocks by their indices in the machine. */
typedef struct BlocksInRange {
        const ManagerView *view;
        size_t first;
        size_t end;
} BlocksInRange;

static int append_block_in_range(sd_bus_message *reply, const void *list, size_t i)
{
        const BlocksInRange *range = list;

        return append_block(reply, range->view, range->first + i);
}

static int method_list_blocks(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const ManagerView view = manager_view(userdata);

        return bus_reply_array(message, BUS_BLOCK_SIGNATURE, append_block, &view,
                               view.machine->n_blocks, error, "Cannot list blocks");
}

/* Lists the blocks of which a part lies between two addresses, both included. */
static int method_list_blocks_in_range(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const ManagerView view = manager_view(userdata);
        BlocksInRange range = { .view = &view };
        uint64_t first, last;
        int r = sd_bus_message_read(message, "tt", &first, &last);

        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot read the call");
        if (first > last)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "The first address, 0x%" PRIx64
                                      ", is above the last, 0x%" PRIx64,
                                      first, last);
        first /= view.machine->block_size_bytes;
        last /= view.machine->block_size_bytes;
        for (size_t i = 0; i < view.machine->n_blocks && view.machine->blocks[i].id <= last; i++) {
                range.first += view.machine->blocks[i].id < first;
                range.end = i + 1;
        }
        return bus_reply_array(message, BUS_BLOCK_SIGNATURE, append_block_in_range, &range,
                               range.end - range.first, error, "Cannot list blocks");
}

static int control_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        const char *member = sd_bus_message_get_member(message);
        int r = 0;

        (void) uid;
        if (strcmp(member, "Reload") == 0)
                r = manager_reload(userdata);
        else
                manager_rescan(userdata, strcmp(member, "RescanAll") == 0);
        if (r < 0)
                return sd_bus_reply_method_errnof(message, r, "Cannot reload the configuration: %s",
                                                  strerror(-r));
        if (r > 0)
                return bus_reply_faults(message, manager_view(userdata).faults);
        return sd_bus_reply_method_return(message, NULL);
}

/* Reload, Rescan and RescanAll. */
static int method_control(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return authority_ask(message, POLKIT_ACTION_RELOAD, NULL, control_granted, userdata, error);
}

typedef struct NodeTier {
        uint32_t node;
        uint32_t tier;
} NodeTier;

static int append_tier(sd_bus_message *reply, const void *list, size_t i)
{
        const NodeTier *row = (const NodeTier *) list + i;

        return sd_bus_message_append(reply, "(uu)", row->node, row->tier);
}

/* Reads the tiers for this call alone, because reading them is delicate: see tier.h. */
static int method_list_tiers(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r = manager_read_tiers(userdata);
        const Machine *machine = manager_view(userdata).machine;
        _cleanup_free_ NodeTier *rows = calloc(machine->n_nodes + 1, sizeof(NodeTier));
        size_t n = 0;

        if (!rows)
                r = -ENOMEM;
        if (r < 0 && r != -ENOENT)
                return bus_error_from_errno(error, r, "Cannot read the memory tiers");
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (machine->nodes[i].has_tier)
                        rows[n++] = (NodeTier){ machine->nodes[i].id, machine->nodes[i].tier };
        return bus_reply_array(message, "(uu)", append_tier, rows, n, error,
                               "Cannot list the memory tiers");
}

/* A dax device and the names of where its memory comes from. */
typedef struct CxlDevice {
        const char *name;
        CxlNames names;
} CxlDevice;

static int append_cxl_device(sd_bus_message *reply, const void *list, size_t i)
{
        const CxlDevice *row = (const CxlDevice *) list + i;

        return sd_bus_message_append(reply, BUS_CXL_SIGNATURE, row->name, row->names.region,
                                     row->names.memdevs);
}

/* Reads the names for this call alone, because the kernel can have their reader wait: see cxl.h. */
static int method_list_cxl_devices(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Machine *machine = manager_view(userdata).machine;
        _cleanup_free_ CxlDevice *rows = calloc(machine->n_devices + 1, sizeof(CxlDevice));
        size_t n = 0;

        if (!rows)
                return bus_error_from_errno(error, -ENOMEM, "Cannot list the CXL devices");
        for (size_t i = 0; i < machine->n_devices; i++) {
                rows[n].name = machine->devices[i].name;
                n += manager_read_cxl(userdata, &machine->devices[i], &rows[n].names);
        }
        return bus_reply_array(message, BUS_CXL_SIGNATURE, append_cxl_device, rows, n, error,
                               "Cannot list the CXL devices");
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("BlockSizeBytes", "t", get_block_size, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("OnlineBytes", "t", get_online_bytes, 0, EMITS),
        SD_BUS_PROPERTY("OfflineBytes", "t", get_offline_bytes, 0, EMITS),
        SD_BUS_PROPERTY("KernelBytes", "t", get_kernel_bytes, 0, EMITS),
        SD_BUS_PROPERTY("MovableBytes", "t", get_movable_bytes, 0, EMITS),
        SD_BUS_PROPERTY("PendingBlocks", "u", get_pending, 0, EMITS),
        SD_BUS_PROPERTY("FailedBlocks", "u", get_failed, 0, EMITS),
        SD_BUS_PROPERTY("FailedDevices", "a" BUS_DEVICE_SIGNATURE, get_failed_devices, 0, EMITS),
        SD_BUS_PROPERTY("ForeignBlocks", "u", get_foreign, 0, EMITS),
        SD_BUS_PROPERTY("Jobs", "u", get_jobs, 0, EMITS),
        SD_BUS_PROPERTY("KernelAutoOnline", "s", get_auto_online, 0, EMITS),
        SD_BUS_PROPERTY("ForeignAutoOnline", "as", get_foreign_words, 0, EMITS),
        SD_BUS_PROPERTY("KernelFeatures", "a" BUS_FEATURE_SIGNATURE, get_features, 0, 0),
        SD_BUS_PROPERTY("ConfigFiles", "as", get_files, 0, EMITS),
        SD_BUS_PROPERTY("ConfigFaults", "as", get_faults, 0, EMITS),
        SD_BUS_PROPERTY("Degraded", "b", get_degraded, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("ListBlocks", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_BLOCK_SIGNATURE, blocks), method_list_blocks,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListBlocksInRange",
                                SD_BUS_ARGS("t", first_address, "t", last_address),
                                SD_BUS_RESULT("a" BUS_BLOCK_SIGNATURE, blocks),
                                method_list_blocks_in_range, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", devices),
                                bus_method_list_devices, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "GetPolicy", SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a" BUS_SETTING_SIGNATURE, settings, "a" BUS_RULE_SIGNATURE, rules),
                bus_method_get_policy, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReadConfig", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_FILE_SIGNATURE, files),
                                bus_method_read_config, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListTiers", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uu)", tiers),
                                method_list_tiers, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListCxlDevices", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_CXL_SIGNATURE, devices),
                                method_list_cxl_devices, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("u", block),
                                SD_BUS_RESULT("a{sv}", explanation), bus_method_explain,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "CountPages", SD_BUS_ARGS("u", first, "u", last),
                SD_BUS_RESULT("a" BUS_PAGES_SIGNATURE, blocks, "s", text, "as", advice),
                bus_method_count_pages, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_HISTORY_SIGNATURE, decisions),
                                bus_method_history, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a" BUS_PLAN_SIGNATURE, ranges), bus_method_plan,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetMetrics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", metrics),
                                bus_method_get_metrics, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_FINDING_SIGNATURE, findings), method_verify,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("VerifyNotes", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_FINDING_SIGNATURE, notes), method_verify,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_control,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rescan", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_control,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RescanAll", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_control,
                                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Online", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_make_job, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Offline", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_make_job, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetZone", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_make_job, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Preview", SD_BUS_ARGS("s", kind, "a{sv}", request),
                                SD_BUS_RESULT("a(" BUS_EFFECT_FIELDS ")", changes),
                                bus_method_preview, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_JOB_SIGNATURE, jobs), bus_method_list_jobs,
                                UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved",
                                SD_BUS_ARGS("u", id, "o", job, "s", result, "a{sv}", report), 0),
        SD_BUS_SIGNAL_WITH_ARGS("BlocksChanged", SD_BUS_ARGS("a(uu)", ranges), 0),
        SD_BUS_SIGNAL_WITH_ARGS("CapacityChanged",
                                SD_BUS_ARGS("t", online_bytes, "t", movable_bytes), 0),
        SD_BUS_SIGNAL_WITH_ARGS("KernelMemoryShort",
                                SD_BUS_ARGS("u", node, "t", free_bytes, "t", low_bytes), 0),
        SD_BUS_VTABLE_END,
};

int bus_add_manager(sd_bus *bus, Manager *manager)
{
        int r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE,
                                         bus_manager_vtable, manager);

        return r < 0 ? r : sd_bus_add_object_manager(bus, NULL, BUS_PATH);
}
