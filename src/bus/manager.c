/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interface org.memoryd1.Manager. */

#include "base/names.h"
#include "bus/authority.h"
#include "bus/object.h"
#include "config.h"
#include "verify/verify.h"

#include <sys/utsname.h>

static int append_findings(sd_bus_message *reply, const Findings *found)
{
        int r = sd_bus_message_open_container(reply, 'a', BUS_FINDING_SIGNATURE);

        for (size_t i = 0; r >= 0 && i < found->n_findings; i++) {
                const Finding *finding = &found->findings[i];

                r = sd_bus_message_append(reply, BUS_FINDING_SIGNATURE, finding->check,
                                          finding->subject, finding->text, finding->advice);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Runs the checks on this machine and its kernel. Returns 0 or a negative errno. */
static int find_findings(Manager *manager, Findings *ret)
{
        const ManagerView view = manager_view(manager);
        struct utsname name;
        const VerifyInput input = {
                .root = view.root,
                .sysfs = view.sysfs,
                .machine = view.machine,
                .conf = view.conf,
                .release = name.release,
                .hears_pressure = view.hears_pressure,
        };

        return uname(&name) < 0 ? -errno : verify(&input, ret);
}

static int find_features(Manager *manager, bool ret_has[static _FEATURE_MAX])
{
        const ManagerView view = manager_view(manager);
        struct utsname name;
        const FeatureInput input = {
                .sysfs = view.sysfs,
                .machine = view.machine,
                .release = name.release,
                .hears_pressure = view.hears_pressure,
        };

        if (uname(&name) < 0)
                return -errno;
        features_find(&input, ret_has);
        return 0;
}

static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply = NULL;
        Findings findings = {};
        int r = find_findings(userdata, &findings);

        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_findings(reply, &findings);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        findings_done(&findings);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot verify") : 1;
}

static int property_get_features(sd_bus *bus, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error)
{
        bool has[_FEATURE_MAX] = {};
        int r = find_features(userdata, has);

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_FEATURE_SIGNATURE);
        for (int i = 0; r >= 0 && i < _FEATURE_MAX; i++)
                r = sd_bus_message_append(reply, BUS_FEATURE_SIGNATURE,
                                          feature_to_string((Feature) i), (int) has[i],
                                          feature_brought_by((Feature) i));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_version(sd_bus *bus, const char *path, const char *interface,
                                const char *property, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

static int property_get_block_size(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "t", manager_view(userdata).machine->block_size_bytes);
}

/* Appends the total that the property's name stands for. */
static int property_get_total(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error)
{
        static const struct {
                const char *name;
                char type;
                size_t offset;
        } members[] = {
                { "OnlineBytes", 't', offsetof(Totals, online_bytes) },
                { "OfflineBytes", 't', offsetof(Totals, offline_bytes) },
                { "KernelBytes", 't', offsetof(Totals, kernel_bytes) },
                { "MovableBytes", 't', offsetof(Totals, movable_bytes) },
                { "PendingBlocks", 'u', offsetof(Totals, pending_blocks) },
                { "FailedBlocks", 'u', offsetof(Totals, failed_blocks) },
                { "ForeignBlocks", 'u', offsetof(Totals, foreign_blocks) },
        };
        const char *totals = (const char *) &manager_view(userdata).machine->totals;

        (void) bus, (void) path, (void) interface, (void) error;
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (strcmp(property, members[i].name) == 0)
                        return sd_bus_message_append_basic(reply, members[i].type,
                                                           totals + members[i].offset);
        return -ENOENT;
}

static int property_get_jobs(sd_bus *bus, const char *path, const char *interface,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "u", (uint32_t) manager_view(userdata).queue->n_jobs);
}

static int property_get_auto_online(sd_bus *bus, const char *path, const char *interface,
                                    const char *property, sd_bus_message *reply, void *userdata,
                                    sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "s", manager_view(userdata).auto_online);
}

static int property_get_config(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error)
{
        bool files = strcmp(property, "ConfigFiles") == 0;

        (void) bus, (void) path, (void) interface, (void) error;
        return sd_bus_message_append_strv(reply, files ? manager_view(userdata).conf->files :
                                                         manager_view(userdata).faults);
}

static int property_get_degraded(sd_bus *bus, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error)
{
        const ManagerView view = manager_view(userdata);

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "b", manager_view_is_degraded(&view));
}

static int append_block(sd_bus_message *reply, const Machine *machine, const Block *block,
                        const Policy *policy)
{
        const Device *device = machine_device(machine, block);
        char zones[ZONE_LIST_STRING_MAX], guards[GUARDS_STRING_MAX];

        return sd_bus_message_append(
                reply, BUS_BLOCK_SIGNATURE, block->id, block->node,
                block_state_to_string(block->state),
                block->node == NODE_NONE ? "" : zone_list_format(&block->zones, zones),
                zone_class_to_string(block_class(block)),
                verdict_to_string(block->decision.verdict), reason_rule_name(policy, block),
                guards_format(block->decision.guards, guards),
                block_status_to_string(block->status), (int32_t) -block->error,
                device ? device->name : "", origin_to_string(machine_origin(machine, block)));
}

static int method_list_blocks(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Machine *machine = manager_view(userdata).machine;
        const Policy *policy = &manager_view(userdata).conf->policy;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_BLOCK_SIGNATURE);
        for (size_t i = 0; r >= 0 && i < machine->n_blocks; i++)
                r = append_block(reply, machine, &machine->blocks[i], policy);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot list blocks") : 1;
}

static int reload_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        int r = manager_reload(userdata);

        (void) uid;
        if (r < 0)
                return sd_bus_reply_method_errnof(message, r, "Cannot reload the configuration: %s",
                                                  strerror(-r));
        if (r > 0)
                return bus_reply_faults(message, manager_view(userdata).faults);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r = authority_ask(message, POLKIT_ACTION_RELOAD, NULL, reload_granted, userdata);

        return r < 0 ? bus_error_from_errno(error, r, "Cannot ask for authorization") : r;
}

static int rescan_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        bool all = strcmp(sd_bus_message_get_member(message), "RescanAll") == 0;

        (void) uid;
        manager_rescan(userdata, all);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_rescan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r = authority_ask(message, POLKIT_ACTION_RELOAD, NULL, rescan_granted, userdata);

        return r < 0 ? bus_error_from_errno(error, r, "Cannot ask for authorization") : r;
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("BlockSizeBytes", "t", property_get_block_size, 0,
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("OnlineBytes", "t", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("OfflineBytes", "t", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("KernelBytes", "t", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("MovableBytes", "t", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("PendingBlocks", "u", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("FailedBlocks", "u", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("ForeignBlocks", "u", property_get_total, 0, EMITS),
        SD_BUS_PROPERTY("Jobs", "u", property_get_jobs, 0, EMITS),
        SD_BUS_PROPERTY("KernelAutoOnline", "s", property_get_auto_online, 0, EMITS),
        SD_BUS_PROPERTY("KernelFeatures", "a" BUS_FEATURE_SIGNATURE, property_get_features, 0, 0),
        SD_BUS_PROPERTY("ConfigFiles", "as", property_get_config, 0, EMITS),
        SD_BUS_PROPERTY("ConfigFaults", "as", property_get_config, 0, EMITS),
        SD_BUS_PROPERTY("Degraded", "b", property_get_degraded, 0, EMITS),
        SD_BUS_METHOD_WITH_ARGS("ListBlocks", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_BLOCK_SIGNATURE, blocks), method_list_blocks,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("u", block),
                                SD_BUS_RESULT("a{sv}", explanation), bus_method_explain,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_HISTORY_SIGNATURE, decisions),
                                bus_method_history, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a" BUS_PLAN_SIGNATURE, ranges), bus_method_plan,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_FINDING_SIGNATURE, findings), method_verify,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rescan", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_rescan,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RescanAll", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_rescan,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Online", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_online, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Offline", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_offline, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetZone", SD_BUS_ARGS("a{sv}", request), SD_BUS_RESULT("o", job),
                                bus_method_set_zone, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a" BUS_JOB_SIGNATURE, jobs), bus_method_list_jobs,
                                SD_BUS_VTABLE_UNPRIVILEGED),
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
