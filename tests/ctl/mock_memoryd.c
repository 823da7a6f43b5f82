/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "ctl/mock_devices.h"
#include "ctl/mock_events.h"
#include "ctl/mock_jobs.h"

#include "base/macro.h"
#include "base/names.h"

#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/*
 * Owns org.memoryd1 on the bus and answers with made-up memory, for tests of clients. The argument
 * chooses what: "busy" has something of everything, "calm" has nothing to report, "empty" no blocks
 * and no nodes, "refusing" does not take its configuration, "denying" does not authorize, "garbled"
 * sends a property of another type. Prints "ready" when it can be asked.
 */

#define MIB (UINT64_C(1) << 20)
#define BLOCK_SIZE_BYTES (128 * MIB)

typedef struct MockBlocks {
        uint32_t first;
        uint32_t last;
        int32_t node;
        const char *state;
        const char *zones;
        const char *zone_class;
        const char *decision;
        const char *rule;
        const char *guards;
        const char *status;
        int32_t error;
        const char *device;
        const char *origin;
} MockBlocks;

typedef struct MockNode {
        uint32_t id;
        int has_cpu;
        uint64_t online_bytes;
        uint64_t offline_bytes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint64_t free_bytes;
        int movable_only;
        int kernel_short;
        const char *kernel_auto_online;
        uint32_t performance[4]; /* as in enum Performance */
} MockNode;

typedef struct MockZone {
        const char *path;
        const char *name;
        uint64_t present_bytes;
        uint64_t managed_bytes;
        uint64_t spanned_bytes;
        uint64_t free_bytes;
} MockZone;

typedef struct Mock {
        const char *version;
        const char *kernel_auto_online;
        uint64_t block_size_bytes;
        uint64_t online_bytes;
        uint64_t offline_bytes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint32_t pending_blocks;
        uint32_t failed_blocks;
        uint32_t foreign_blocks;
        int degraded;
        char **config_files;
        char **config_faults;
        const MockBlocks *blocks;
        size_t n_blocks;
        bool is_refusing;
        bool is_denying;
} Mock;

/* Backwards: nothing says that the blocks come in order. */
static const MockBlocks busy_blocks[] = {
        { 49, 49, 1, "offline", "Normal Movable", "none", "leave", "spare", "", "left", 0, "dax0.0",
          "kmem" },
        { 48, 48, 1, "going-offline", "Movable", "movable", "movable", "dimm", "", "done", 0,
          "PNP0C80:00", "dimm" },
        { 45, 46, 1, "offline", "Normal Movable", "none", "movable", "dimm", "", "pending", 0,
          "PNP0C80:00", "dimm" },
        { 44, 44, -1, "offline", "", "none", "none", "", "", "waiting", 0, "PNP0C80:00", "dimm" },
        { 43, 43, 1, "offline", "Normal Movable", "none", "kernel", "", "max_movable_ratio(node)",
          "retrying", EAGAIN, "PNP0C80:00", "dimm" },
        { 42, 42, 1, "online", "Normal", "kernel", "movable", "dimm", "", "foreign", 0,
          "PNP0C80:00", "dimm" },
        { 40, 41, 1, "offline", "Normal Movable", "none", "movable", "dimm", "", "failed", EBUSY,
          "PNP0C80:00", "dimm" },
        { 34, 39, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 32, 33, 1, "online", "Normal", "kernel", "kernel", "", "min_kernel contiguous", "done", 0,
          "PNP0C80:00", "dimm" },
        { 8, 15, 0, "online", "Normal", "kernel", "none", "", "", "initial", 0, "", "boot" },
        { 1, 7, 0, "online", "DMA32", "kernel", "none", "", "", "initial", 0, "", "boot" },
        { 0, 0, 0, "online", "none", "kernel", "none", "", "", "initial", 0, "", "boot" },
};

/* The same machine after the event "blocks": block 47 has come, and 60 has come and gone. */
static const MockBlocks changed_blocks[] = {
        { 48, 49, 1, "offline", "Normal Movable", "none", "leave", "spare", "", "left", 0, "dax0.0",
          "kmem" },
        { 47, 47, 1, "offline", "Normal Movable", "none", "movable", "dimm", "", "failed", ENOMEM,
          "PNP0C80:00", "dimm" },
        { 46, 46, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 44, 44, -1, "offline", "", "none", "none", "", "", "waiting", 0, "PNP0C80:00", "dimm" },
        { 43, 43, 1, "offline", "Normal Movable", "none", "kernel", "", "max_movable_ratio(node)",
          "failed", EAGAIN, "PNP0C80:00", "dimm" },
        { 42, 42, 1, "online", "Normal", "kernel", "movable", "dimm", "", "foreign", 0,
          "PNP0C80:00", "dimm" },
        { 41, 41, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 39, 39, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 38, 38, 1, "offline", "Movable", "none", "movable", "dimm", "", "offlined", 0,
          "PNP0C80:00", "dimm" },
        { 37, 37, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 36, 36, 1, "offline", "Movable", "none", "movable", "dimm", "", "offlined", 0,
          "PNP0C80:00", "dimm" },
        { 35, 35, 1, "online", "Movable", "movable", "movable", "dimm", "", "done", 0, "PNP0C80:00",
          "dimm" },
        { 34, 34, 1, "offline", "Movable", "none", "movable", "dimm", "", "offlined", 0,
          "PNP0C80:00", "dimm" },
        { 33, 33, 1, "online", "Normal", "kernel", "kernel", "", "min_kernel contiguous", "done", 0,
          "PNP0C80:00", "dimm" },
        { 32, 32, 1, "offline", "Normal", "none", "kernel", "", "min_kernel contiguous", "offlined",
          0, "PNP0C80:00", "dimm" },
        { 8, 15, 0, "online", "Normal", "kernel", "none", "", "", "initial", 0, "", "boot" },
        { 4, 4, 1, "offline", "", "none", "none", "", "", "offlined", 0, "", "boot" },
        { 1, 3, 0, "online", "DMA32", "kernel", "none", "", "", "initial", 0, "", "boot" },
};

static const MockBlocks calm_blocks[] = {
        { 0, 7, 0, "online", "Normal", "kernel", "none", "", "", "initial", 0, "", "boot" },
};

static MockNode nodes[] = {
        { 0, 1, 2048 * MIB, 0, 2048 * MIB, 0, 1000 * MIB, 0, 0, "", {} },
        { 1,
          0,
          1280 * MIB,
          768 * MIB,
          384 * MIB,
          896 * MIB,
          1229 * MIB,
          0,
          0,
          "",
          { 10240, 5120, 350, 0 } },
};

/* In no order, and not backwards either: a client has to sort. */
static MockZone zones[] = {
        { "/org/memoryd1/node/0/zone/Normal", "Normal", 1024 * MIB, 1000 * MIB, 1024 * MIB,
          500 * MIB },
        { "/org/memoryd1/node/1/zone/Movable", "Movable", 896 * MIB, 896 * MIB, 1920 * MIB,
          890 * MIB },
        { "/org/memoryd1/node/0/zone/DMA", "DMA", 4190208, 3932160, 16773120, 4 * MIB },
        { "/org/memoryd1/node/1/zone/Normal", "Normal", 384 * MIB, 380 * MIB, 1408 * MIB,
          339 * MIB },
        { "/org/memoryd1/node/0/zone/DMA32", "DMA32", 1008 * MIB, 990 * MIB, 1008 * MIB,
          496 * MIB },
};

static char *config_files[] = { (char *) "/usr/lib/memoryd/memoryd.conf",
                                (char *) "/etc/memoryd/memoryd.conf", NULL };
static char *config_faults[] = {
        (char *) "/etc/memoryd/memoryd.conf:3: 'zone': expected a word, got 3",
        (char *) "/etc/memoryd/memoryd.conf:7: 'nod': unknown key", NULL
};
static char *nothing[] = { NULL };

static int property_get_strings(sd_bus *bus, const char *path, const char *interface,
                                const char *property, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append_strv(reply, *(char ***) userdata);
}

/* Of a machine with two nodes: near 10, far 21. */
static int property_get_distances(sd_bus *bus, const char *path, const char *interface,
                                  const char *property, sd_bus_message *reply, void *userdata,
                                  sd_bus_error *error)
{
        const MockNode *node = userdata;

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "a(uu)", 2, 0, node->id == 0 ? 10 : 21, 1,
                                     node->id == 1 ? 10 : 21);
}

static int append_blocks(sd_bus_message *reply, const MockBlocks *blocks)
{
        for (uint32_t id = blocks->last + 1; id-- > blocks->first;) {
                int r = sd_bus_message_append(
                        reply, BUS_BLOCK_SIGNATURE, id, blocks->node, blocks->state, blocks->zones,
                        blocks->zone_class, blocks->decision, blocks->rule, blocks->guards,
                        blocks->status, blocks->error, blocks->device, blocks->origin);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Node 0 is in none that is known, and node 5 has just gone. */
static int method_list_tiers(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata, (void) error;
        return sd_bus_reply_method_return(message, "a(uu)", 2, 5, 4, 1, 22);
}

/* The last setting has a type that only a later version knows. */
static int method_get_policy(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata, (void) error;
        return sd_bus_reply_method_return(
                message, "a" BUS_SETTING_SIGNATURE "a" BUS_RULE_SIGNATURE, 6, "min_kernel", "s",
                "block", "\"block\"", "", 0, "max_movable_ratio", "d", 2.0, "2.0",
                "/etc/memoryd/memoryd.conf", 3, "per_node", "b", 1, "true", "", 0, "settle", "t",
                UINT64_C(2000000), "\"2s\"", "", 0, "retry.attempts", "u", 10, "10", "", 0, "wish",
                "as", 0, "()", "", 0, 2, "dimm", "/etc/memoryd/memoryd.conf", 5, "movable", 1, 2,
                "origin", "\"dimm\"", "min_size", "\"64G\"", "rest", "/etc/memoryd/memoryd.conf", 9,
                "auto", 0, 0);
}

/* The second has just gone. */
static int method_list_cxl_devices(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata, (void) error;
        return sd_bus_reply_method_return(message, "a" BUS_CXL_SIGNATURE, 2, "dax0.0", "region0",
                                          "mem0 mem1", "dax1.0", "region1", "");
}

static int method_list_blocks(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Mock *mock = userdata;
        const MockBlocks *blocks = mock_has_changed_blocks ? changed_blocks : mock->blocks;
        size_t n_blocks = mock_has_changed_blocks ? ELEMENTSOF(changed_blocks) : mock->n_blocks;
        int r;

        (void) error;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_BLOCK_SIGNATURE);
        for (size_t i = 0; i < n_blocks && r >= 0; i++)
                r = append_blocks(reply, &blocks[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int check_authorization(sd_bus_message *message, const Mock *mock, sd_bus_error *error)
{
        if (!mock->is_denying)
                return 0;
        if (sd_bus_message_get_allow_interactive_authorization(message))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
        return sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                "Interactive authentication required.");
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Mock *mock = userdata;
        int r;

        r = check_authorization(message, mock, error);
        if (r < 0)
                return r;
        if (mock->is_refusing)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_CONFIG, "%s\n%s",
                                         config_faults[0], config_faults[1]);
        return sd_bus_reply_method_return(message, NULL);
}

/* RescanAll() as well. */
static int method_rescan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r;

        mock_log("%s", sd_bus_message_get_member(message));
        r = check_authorization(message, userdata, error);
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int method_job(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r;

        r = check_authorization(message, userdata, error);
        return r < 0 ? r : mock_method_job(message, userdata, error);
}

static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Mock *mock = userdata;

        (void) error;
        if (mock->blocks != busy_blocks)
                return sd_bus_reply_method_return(message, "a" BUS_FINDING_SIGNATURE, 0);
        return sd_bus_reply_method_return(message, "a" BUS_FINDING_SIGNATURE, 2, "udev-rule",
                                          "/usr/lib/udev/rules.d/80-hotplug.rules:3",
                                          "This rule onlines memory by itself.", "Remove the rule.",
                                          "movable-only-node", "node 1", "It has no kernel memory.",
                                          "Ask for min_kernel.");
}

static int method_verify_notes(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Mock *mock = userdata;

        (void) error;
        if (mock->blocks != busy_blocks)
                return sd_bus_reply_method_return(message, "a" BUS_FINDING_SIGNATURE, 0);
        return sd_bus_reply_method_return(message, "a" BUS_FINDING_SIGNATURE, 2, "auto-online",
                                          "/sys/x", "Another process has set this.", "Reload.",
                                          "movable-only-node", "node 2", "It is left.", "");
}

/* Sunday, and a while later. */
#define DECIDED_USEC UINT64_C(1000000000000000)
#define ONLINED_USEC UINT64_C(1000000003500000)

/* The day after. */
#define LATER_USEC UINT64_C(1000086400000000)

/* What Explain has: blocks 32, 40, 43, 44 and 49 of the busy machine. */
static int append_decision(sd_bus_message *reply, uint32_t block)
{
        if (block == 32)
                return sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Guards", "s",
                        "min_kernel contiguous", "ZoneWanted", "s", "auto", "Compared", "s",
                        "min_kernel", "KernelBytes", "t", UINT64_C(0), "MinKernelBytes", "t",
                        BLOCK_SIZE_BYTES, "DecidedUSec", "t", DECIDED_USEC, "OnlinedBy", "s",
                        "memoryd", "OnlinedUSec", "t", ONLINED_USEC, "Reason", "s",
                        "kernel (default rule): node 1 had no kernel memory, and min_kernel asks "
                        "for 128M");
        if (block == 40)
                return sd_bus_message_append(
                               reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Guards", "s", "",
                               "ZoneWanted", "s", "movable", "DecidedUSec", "t", DECIDED_USEC,
                               "RuleFile", "s", "/etc/memoryd/memoryd.conf", "RuleLine", "u", 12,
                               "FailedAttempts", "u", 8, "OnlinedBy", "s", "none", "Reason", "s",
                               "movable (rule 'dimm', /etc/memoryd/memoryd.conf:12)") < 0 ?
                               -ENOMEM :
                               sd_bus_message_append(
                                       reply, "{sv}{sv}{sv}", "Failure", "s",
                                       "it could not be brought online as movable memory, in 8 "
                                       "attempts",
                                       "Cause", "s",
                                       "EBUSY (Device or resource busy): it is in use", "Advice",
                                       "s", "See the log, then run \"memoryctl rescan\"");
        if (block == 43)
                return sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "Failure", "s",
                        "it could not be brought online, in 1 attempt", "Cause", "s",
                        "EAGAIN (Resource temporarily unavailable): not just then", "Advice", "s",
                        "", "RetryUSec", "t", ONLINED_USEC, "AttemptsLeft", "u", 7, "Reason", "s",
                        "kernel (default rule)");
        return sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "Guards", "s", "", "FailedAttempts",
                                     "u", 0, "OnlinedBy", "s", "none", "Reason", "s",
                                     "not decided: the block has no node yet");
}

static int append_explanation(sd_bus_message *reply, const MockBlocks *blocks, uint32_t block)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Block", "u", block,
                        "Node", "i", blocks->node, "State", "s", blocks->state, "Zones", "s",
                        blocks->zones, "Class", "s", blocks->zone_class, "Device", "s",
                        blocks->device, "Origin", "s", blocks->origin, "Decision", "s",
                        blocks->decision, "Rule", "s", blocks->rule, "Status", "s", blocks->status);
        /* The second is what a later version may add. */
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "Errno", "i", blocks->error, "Unheard",
                                          "as", 1, "of");
        if (r >= 0 && strcmp(blocks->origin, "kmem") == 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "CxlRegion", "s", "region0",
                                          "CxlMemdevs", "s", "mem0 mem1");
        if (r >= 0)
                r = append_decision(reply, block);
        if (r >= 0 && block == 33)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "NotOffline", "s",
                                          "held by 1 page that a process or device keeps pinned",
                                          "NotOfflineUSec", "t", ONLINED_USEC, "NotOfflineAdvice",
                                          "as", 2, "End the process.", "Free the slab.");
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_explain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const MockBlocks *blocks = NULL;
        const Mock *mock = userdata;
        uint32_t id;
        int r = sd_bus_message_read(message, "u", &id);

        for (size_t i = 0; r >= 0 && i < mock->n_blocks; i++)
                if (mock->blocks[i].first <= id && id <= mock->blocks[i].last)
                        blocks = &mock->blocks[i];
        if (r >= 0 && !blocks)
                return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "there is no memory%u",
                                         id);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_explanation(reply, blocks, id);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Block 33 is held, of block 34 nothing is known. For others, this is an earlier version, which does not count. */
static int method_count_pages(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        uint32_t first, last;
        int r = sd_bus_message_read(message, "uu", &first, &last);

        (void) userdata;
        if (r < 0)
                return r;
        if (first == 34 && last == 34)
                return sd_bus_error_set(error, SD_BUS_ERROR_NOT_SUPPORTED,
                                        "memoryd cannot read /proc/kpageflags: it is not there");
        if (first != 33 || last != 33)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "there is no method");
        return sd_bus_reply_method_return(message, "a" BUS_PAGES_SIGNATURE "sas", 1, 33, 2, "slab",
                                          UINT64_C(4096), UINT64_C(8192), "huge",
                                          UINT64_C(1073741824), UINT64_C(4096),
                                          "held by 2 slab pages and a part of a huge page of 1G", 2,
                                          "Free the slab.", "Free the huge page.");
}

/* The last is of blocks that alternate with others. */
static int append_history(sd_bus_message *reply)
{
        int r = sd_bus_message_append(reply, BUS_HISTORY_SIGNATURE, DECIDED_USEC, ONLINED_USEC, 2,
                                      40, 41, 43, 43, 4, 1, "PNP0C80:00", "movable", "dimm", "",
                                      "failed", "none", EBUSY, "movable (rule 'dimm')");

        if (r >= 0)
                r = sd_bus_message_append(reply, BUS_HISTORY_SIGNATURE, ONLINED_USEC, ONLINED_USEC,
                                          1, 44, 44, 1, -1, "", "kernel", "",
                                          "min_kernel contiguous", "done", "memoryd", 0,
                                          "kernel (default rule)");
        return r < 0 ? r :
                       sd_bus_message_append(reply, BUS_HISTORY_SIGNATURE, LATER_USEC,
                                             LATER_USEC + 5 * USEC_PER_SEC, 5, 64, 64, 66, 66, 68,
                                             68, 70, 70, 72, 75, 8, 0, "virtio3", "kernel", "",
                                             "max_movable_ratio(node)", "done", "memoryd", 0,
                                             "kernel (default rule): for memory64");
}

static int method_history(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Mock *mock = userdata;
        int r = sd_bus_message_new_method_return(message, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_HISTORY_SIGNATURE);
        if (r >= 0 && mock->blocks == busy_blocks)
                r = append_history(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The plan: boot memory that stays, a block that is decided, and a block for each addition. */
static int append_plan(sd_bus_message *reply, const Mock *mock, char **additions,
                       const char *config, const char *name)
{
        bool is_empty = mock->n_blocks == 0 && !mock->is_refusing && !mock->is_denying;
        uint32_t block = 64;
        int r = 0;

        if (!is_empty)
                r = sd_bus_message_append(reply, BUS_PLAN_SIGNATURE, 0, 15, 0, "online", 0,
                                          "kernel", "", "boot", "none", "", "",
                                          "online already, and stays so");
        if (r >= 0 && !is_empty && mock->blocks != calm_blocks)
                r = sd_bus_message_append(reply, BUS_PLAN_SIGNATURE, 44, 44, -1, "offline", 0,
                                          "none", "PNP0C80:00", "dimm", "leave", name, "", config);
        for (char **addition = additions; r >= 0 && addition && *addition; addition++, block += 2)
                r = sd_bus_message_append(reply, BUS_PLAN_SIGNATURE, block, block + 1, 1, "absent",
                                          1, "movable", "", "virtio-mem", "movable", "",
                                          "max_movable_ratio(node)", *addition);
        return r;
}

static int read_plan_options(sd_bus_message *message, char ***additions, const char **config,
                             const char **name)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        const char *key;

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r >= 0 && strcmp(key, "Add") == 0) {
                        r = sd_bus_message_enter_container(message, 'v', "as");
                        if (r >= 0)
                                r = sd_bus_message_read_strv(message, additions);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(message);
                } else if (r >= 0) {
                        bool is_text = strcmp(key, "Config") == 0 || strcmp(key, "DropIn") == 0;

                        mock_log("Plan %s", key);
                        r = sd_bus_message_read(message, "v", "s", is_text ? config : name);
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

/* In place of a reason it has the text of the configuration, of a rule its name. */
static int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *config = "", *name = "";
        const Mock *mock = userdata;
        char **additions = NULL;
        int r = read_plan_options(message, &additions, &config, &name);

        if (r >= 0 && *config)
                r = check_authorization(message, mock, error);
        if (r < 0)
                return r;
        if (mock->is_refusing && *config)
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_CONFIG,
                                         "%s:3: 'zone': expected a word, got 3", name);
        if (additions && *additions && !strchr(*additions, '@'))
                return sd_bus_error_setf(error, BUS_ERROR_INVALID_ADDITION,
                                         "'%s': expected SIZE@NODE", *additions);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_PLAN_SIGNATURE);
        if (r >= 0)
                r = append_plan(reply, mock, additions, config, name);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The counters of the busy machine. Something is to be escaped in the name of a rule. */
static int append_counters(sd_bus_message *reply)
{
        int r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "SinceUSec", "t",
                                      UINT64_C(1700000000250000), "EventsLost", "t", UINT64_C(1),
                                      "Rescans", "t", UINT64_C(3), "OnlineDurationsUSec", "t",
                                      UINT64_C(12250000), "MaxMovableRatioPermille", "u", 3000);

        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}", "Decisions", "a" BUS_COUNT_SIGNATURE, 3, "kernel",
                        "", UINT64_C(4), "movable", "dimm", UINT64_C(18014398509481985), "leave",
                        "the \"C:\\\" rule", UINT64_C(1), "OnlineErrors",
                        "a" BUS_ERROR_COUNT_SIGNATURE, 2, EBUSY, UINT64_C(8), 524, UINT64_C(1),
                        "OfflineErrors", "a" BUS_ERROR_COUNT_SIGNATURE, 1, EAGAIN, UINT64_C(2));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "JobsEnded", "a" BUS_COUNT_SIGNATURE,
                                          2, "offline", "done", UINT64_C(2), "offline", "timed-out",
                                          UINT64_C(0), "OnlineDurations", "a" BUS_BUCKET_SIGNATURE,
                                          3, UINT64_C(250000), UINT64_C(1), UINT64_C(1000000),
                                          UINT64_C(1), UINT64_MAX, UINT64_C(2));
        return r < 0 ? r :
                       sd_bus_message_append(reply, "{sv}{sv}", "Ratios", "a" BUS_RATIO_SIGNATURE,
                                             3, -1, 2432 * MIB, 896 * MIB, 0, 2048 * MIB,
                                             UINT64_C(0), 1, UINT64_C(0), 896 * MIB, "Unheard", "s",
                                             "of");
}

static int method_get_metrics(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Mock *mock = userdata;
        int r = sd_bus_message_new_method_return(message, &reply);

        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && mock->blocks == busy_blocks)
                r = append_counters(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The list has a feature unknown to memoryctl, as a later memoryd may have. */
static int property_get_features(sd_bus *bus, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "a" BUS_FEATURE_SIGNATURE, 4, "online-types", 1,
                                     "Linux 3.8", "groups", 0, "memoryd's patch 2", "uevents", 1,
                                     "memoryd's patch 3", "wishes", 0, "patience");
}

static int property_get_failed_devices(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "a" BUS_DEVICE_SIGNATURE, 2, "PNP0C80:02",
                                     UINT64_C(120) << 30, "too little memory", "PNP0C80:03",
                                     UINT64_C(0), "bad luck");
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", NULL, offsetof(Mock, version), 0),
        SD_BUS_PROPERTY("BlockSizeBytes", "t", NULL, offsetof(Mock, block_size_bytes), 0),
        SD_BUS_PROPERTY("OnlineBytes", "t", NULL, offsetof(Mock, online_bytes), 0),
        SD_BUS_PROPERTY("OfflineBytes", "t", NULL, offsetof(Mock, offline_bytes), 0),
        SD_BUS_PROPERTY("KernelBytes", "t", NULL, offsetof(Mock, kernel_bytes), 0),
        SD_BUS_PROPERTY("MovableBytes", "t", NULL, offsetof(Mock, movable_bytes), 0),
        SD_BUS_PROPERTY("PendingBlocks", "u", NULL, offsetof(Mock, pending_blocks), 0),
        SD_BUS_PROPERTY("FailedBlocks", "u", NULL, offsetof(Mock, failed_blocks), 0),
        SD_BUS_PROPERTY("ForeignBlocks", "u", NULL, offsetof(Mock, foreign_blocks), 0),
        SD_BUS_PROPERTY("KernelAutoOnline", "s", NULL, offsetof(Mock, kernel_auto_online), 0),
        SD_BUS_PROPERTY("ConfigFiles", "as", property_get_strings, offsetof(Mock, config_files), 0),
        SD_BUS_PROPERTY("ConfigFaults", "as", property_get_strings, offsetof(Mock, config_faults),
                        0),
        SD_BUS_PROPERTY("Degraded", "b", NULL, offsetof(Mock, degraded), 0),
        /* What a later version may add. */
        SD_BUS_PROPERTY("Unheard", "u", NULL, offsetof(Mock, failed_blocks), 0),
        SD_BUS_METHOD("ListTiers", NULL, "a(uu)", method_list_tiers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListDevices", NULL, "aa{sv}", mock_method_list_devices,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetPolicy", NULL, "a" BUS_SETTING_SIGNATURE "a" BUS_RULE_SIGNATURE,
                      method_get_policy, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ReadConfig", NULL, "a" BUS_FILE_SIGNATURE, mock_method_read_config,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListCxlDevices", NULL, "a" BUS_CXL_SIGNATURE, method_list_cxl_devices,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListBlocks", NULL, "a" BUS_BLOCK_SIGNATURE, method_list_blocks,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetMetrics", NULL, "a{sv}", method_get_metrics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Explain", "u", "a{sv}", method_explain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CountPages", "uu", "a" BUS_PAGES_SIGNATURE "sas", method_count_pages,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("History", NULL, "a" BUS_HISTORY_SIGNATURE, method_history,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Plan", "a{sv}", "a" BUS_PLAN_SIGNATURE, method_plan,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", NULL, NULL, method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Rescan", NULL, NULL, method_rescan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RescanAll", NULL, NULL, method_rescan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("VerifyNotes", NULL, "a" BUS_FINDING_SIGNATURE, method_verify_notes,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Verify", NULL, "a" BUS_FINDING_SIGNATURE, method_verify,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Online", "a{sv}", "o", method_job, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Offline", "a{sv}", "o", method_job, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetZone", "a{sv}", "o", method_job, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Preview", "sa{sv}", "a(" BUS_EFFECT_FIELDS ")", mock_method_preview,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListJobs", NULL, "a" BUS_JOB_SIGNATURE, mock_method_list_jobs,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* Not of the calm one: an earlier version has no such properties. */
static const sd_bus_vtable features_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("KernelFeatures", "a" BUS_FEATURE_SIGNATURE, property_get_features, 0, 0),
        SD_BUS_PROPERTY("FailedDevices", "a" BUS_DEVICE_SIGNATURE, property_get_failed_devices, 0,
                        0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable garbled_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "t", NULL, offsetof(Mock, online_bytes), 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable node_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(MockNode, id), 0),
        SD_BUS_PROPERTY("HasCpu", "b", NULL, offsetof(MockNode, has_cpu), 0),
        SD_BUS_PROPERTY("Distances", "a(uu)", property_get_distances, 0, 0),
        SD_BUS_PROPERTY("OnlineBytes", "t", NULL, offsetof(MockNode, online_bytes), 0),
        SD_BUS_PROPERTY("OfflineBytes", "t", NULL, offsetof(MockNode, offline_bytes), 0),
        SD_BUS_PROPERTY("KernelBytes", "t", NULL, offsetof(MockNode, kernel_bytes), 0),
        SD_BUS_PROPERTY("MovableBytes", "t", NULL, offsetof(MockNode, movable_bytes), 0),
        SD_BUS_PROPERTY("FreeBytes", "t", NULL, offsetof(MockNode, free_bytes), 0),
        SD_BUS_PROPERTY("MovableOnly", "b", NULL, offsetof(MockNode, movable_only), 0),
        SD_BUS_PROPERTY("KernelMemoryShort", "b", NULL, offsetof(MockNode, kernel_short), 0),
        SD_BUS_PROPERTY("KernelAutoOnline", "s", NULL, offsetof(MockNode, kernel_auto_online), 0),
        SD_BUS_PROPERTY("ReadBandwidth", "u", NULL, offsetof(MockNode, performance[0]), 0),
        SD_BUS_PROPERTY("WriteBandwidth", "u", NULL, offsetof(MockNode, performance[1]), 0),
        SD_BUS_PROPERTY("ReadLatency", "u", NULL, offsetof(MockNode, performance[2]), 0),
        SD_BUS_PROPERTY("WriteLatency", "u", NULL, offsetof(MockNode, performance[3]), 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable zone_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", NULL, offsetof(MockZone, name), 0),
        SD_BUS_PROPERTY("PresentBytes", "t", NULL, offsetof(MockZone, present_bytes), 0),
        SD_BUS_PROPERTY("ManagedBytes", "t", NULL, offsetof(MockZone, managed_bytes), 0),
        SD_BUS_PROPERTY("SpannedBytes", "t", NULL, offsetof(MockZone, spanned_bytes), 0),
        SD_BUS_PROPERTY("FreeBytes", "t", NULL, offsetof(MockZone, free_bytes), 0),
        SD_BUS_VTABLE_END,
};

static int add_objects(sd_bus *bus)
{
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(nodes) && r >= 0; i++) {
                char path[64];

                snprintf(path, sizeof(path), "%s/%u", BUS_NODE_PREFIX, (unsigned) nodes[i].id);
                r = sd_bus_add_object_vtable(bus, NULL, path, BUS_NODE_INTERFACE, node_vtable,
                                             &nodes[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(zones) && r >= 0; i++)
                r = sd_bus_add_object_vtable(bus, NULL, zones[i].path, BUS_ZONE_INTERFACE,
                                             zone_vtable, &zones[i]);
        return r;
}

static void mock_init(Mock *mock, const char *scenario)
{
        *mock = (Mock){
                .version = "0.1.0",
                .kernel_auto_online = "offline",
                .block_size_bytes = BLOCK_SIZE_BYTES,
                .config_files = config_files,
                .config_faults = nothing,
                .is_refusing = strcmp(scenario, "refusing") == 0,
                .is_denying = strcmp(scenario, "denying") == 0,
        };
        if (strcmp(scenario, "busy") == 0) {
                mock->blocks = busy_blocks;
                mock->n_blocks = ELEMENTSOF(busy_blocks);
                mock->online_bytes = 3328 * MIB;
                mock->offline_bytes = 896 * MIB;
                mock->kernel_bytes = 2432 * MIB;
                mock->movable_bytes = 896 * MIB;
                mock->pending_blocks = 4;
                mock->failed_blocks = 2;
                mock->foreign_blocks = 1;
                mock->degraded = 1;
                mock->config_faults = config_faults;
                nodes[1].kernel_short = 1;
                nodes[0].kernel_auto_online = "inherit";
                nodes[1].kernel_auto_online = "online_movable";
        } else if (strcmp(scenario, "calm") == 0) {
                mock->blocks = calm_blocks;
                mock->n_blocks = ELEMENTSOF(calm_blocks);
                mock->online_bytes = mock->kernel_bytes = 1024 * MIB;
                mock->kernel_auto_online = "";
                mock->config_files = nothing;
        }
}

static int serve(const char *scenario)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        bool is_garbled = strcmp(scenario, "garbled") == 0;
        Mock mock;
        int r;

        mock_init(&mock, scenario);
        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE,
                                             is_garbled ? garbled_vtable : manager_vtable, &mock);
        if (r >= 0 && strcmp(scenario, "busy") == 0)
                r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER_INTERFACE,
                                             features_vtable, &mock);
        if (r >= 0 && strcmp(scenario, "empty") != 0)
                r = add_objects(bus);
        if (r >= 0)
                r = mock_jobs_start(bus, event, strcmp(scenario, "busy") == 0);
        if (r >= 0)
                r = mock_events_start(bus, event);
        if (r >= 0)
                r = sd_bus_request_name(bus, BUS_NAME, 0);
        if (r < 0)
                return r;
        puts("ready");
        fflush(stdout);
        return sd_event_loop(event);
}

int main(int argc, char **argv)
{
        int r;

        r = serve(argc > 1 ? argv[1] : "busy");
        if (r < 0)
                fprintf(stderr, "mock_memoryd: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
