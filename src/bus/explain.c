/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The methods Explain() and History(), which give reasons and past decisions. */

#include "base/names.h"
#include "bus/object.h"
#include "policy/failure.h"
#include "policy/holds.h"

/* Explain */

static int append_state(sd_bus_message *reply, const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);
        char zones[ZONE_LIST_STRING_MAX] = "";

        if (block->node != NODE_NONE)
                zone_list_format(&block->zones, zones);
        return sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Block", "u", block->id,
                                     "Node", "i", block->node, "State", "s",
                                     block_state_to_string(block->state), "Zones", "s", zones,
                                     "Class", "s", zone_class_to_string(block_class(block)),
                                     "Device", "s", device ? device->name : "", "Origin", "s",
                                     origin_to_string(machine_origin(machine, block)));
}

/* Appends the names of the CXL region and the CXL memory devices of a block, if it has any. */
static int append_cxl(sd_bus_message *reply, const Manager *manager, const Device *device)
{
        CxlNames names;

        if (!device || !manager_read_cxl(manager, device, &names))
                return 0;
        return sd_bus_message_append(reply, "{sv}{sv}", "CxlRegion", "s", names.region,
                                     "CxlMemdevs", "s", names.memdevs);
}

static int append_rule(sd_bus_message *reply, const Policy *policy, const Block *block)
{
        const Rule *rule = policy_rule(policy, block->decision.rule);
        int r = sd_bus_message_append(reply, "{sv}{sv}", "Decision", "s",
                                      verdict_to_string(block->decision.verdict), "Rule", "s",
                                      reason_rule_name(policy, block));

        if (r >= 0 && rule && rule->file)
                r = sd_bus_message_append(reply, "{sv}{sv}", "RuleFile", "s", rule->file,
                                          "RuleLine", "u", rule->line);
        if (r >= 0 && block->decision.verdict != VERDICT_NONE)
                r = sd_bus_message_append(reply, "{sv}", "ZoneWanted", "s",
                                          zone_action_to_string(block->decision.action));
        if (r >= 0 && block->decided_usec > 0)
                r = sd_bus_message_append(reply, "{sv}", "DecidedUSec", "t", block->decided_usec);
        return r;
}

/* Appends the guards, and the numbers that the deciding guard compared, for `auto` decisions. */
static int append_guards(sd_bus_message *reply, const Block *block)
{
        const char *scope = reason_scope(block);
        const Figures *figures = &block->decision.figures;
        char guards[GUARDS_STRING_MAX];
        int r = sd_bus_message_append(reply, "{sv}", "Guards", "s",
                                      guards_format(block->decision.guards, guards));

        if (r >= 0 && *scope)
                r = sd_bus_message_append(reply, "{sv}", "Compared", "s", scope);
        if (r < 0 || !*scope)
                return r;
        if (strcmp(scope, "contiguous") == 0)
                return sd_bus_message_append(reply, "{sv}",
                                             block->decision.verdict == VERDICT_MOVABLE ?
                                                     "MovableBlockBelow" :
                                                     "KernelBlockAbove",
                                             "u", (uint32_t) figures->limit);
        if (strcmp(scope, "min_kernel") == 0)
                return sd_bus_message_append(reply, "{sv}{sv}", "KernelBytes", "t",
                                             figures->kernel_bytes, "MinKernelBytes", "t",
                                             figures->limit);
        return sd_bus_message_append(
                reply, "{sv}{sv}{sv}", "KernelBytes", "t", figures->kernel_bytes, "MovableBytes",
                "t", figures->movable_bytes, "MaxMovableRatioPermille", "t", figures->limit);
}

static int append_outcome(sd_bus_message *reply, const Block *block)
{
        int r = sd_bus_message_append(reply, "{sv}{sv}", "Status", "s",
                                      block_status_to_string(block->status), "OnlinedBy", "s",
                                      onliner_to_string(block->onliner));

        if (r >= 0 && block->status == BLOCK_STATUS_OFFLINED)
                r = sd_bus_message_append(reply, "{sv}", "OfflinedBy", "s",
                                          onliner_to_string(block->offliner));
        if (r >= 0 && block->onlined_usec > 0)
                r = sd_bus_message_append(reply, "{sv}", "OnlinedUSec", "t", block->onlined_usec);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "FailedAttempts", "u", block->attempts,
                                          "Errno", "i", -block->error);
        return r;
}

/* Appends why a block could not be brought online, and what comes next. Nothing for other blocks. */
static int append_failure(sd_bus_message *reply, const Manager *manager, const Retry *retry,
                          const Block *block)
{
        _cleanup_free_ char *failure = NULL, *cause = NULL, *advice = NULL;
        int r;

        if (!failure_is_of(block))
                return 0;
        if (failure_format(block, &failure) < 0 || failure_format_cause(block, &cause) < 0 ||
            failure_format_advice(block, &advice) < 0)
                return -ENOMEM;
        r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "Failure", "s", failure, "Cause", "s",
                                  cause, "Advice", "s", advice);
        if (r < 0 || block->status != BLOCK_STATUS_RETRYING)
                return r;
        return sd_bus_message_append(
                reply, "{sv}{sv}", "RetryUSec", "t",
                manager_realtime(manager, block->retry_at_usec), "AttemptsLeft", "u",
                retry->attempts > block->attempts ? retry->attempts - block->attempts : 0);
}

/* Appends what held a block when it last did not go offline. */
static int append_held(sd_bus_message *reply, Manager *manager, const Block *block)
{
        const HeldBlock *held = manager_find_held(manager, block);
        _cleanup_free_ char *text = NULL;
        int r = held ? holds_format(&held->pages, &text) : 0;

        if (!held)
                return 0;
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "NotOfflineUSec", "t",
                                          held->realtime_usec, "NotOffline", "s", text);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "NotOfflineAdvice");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = bus_append_advice(reply, &held->pages);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_explanation(sd_bus_message *reply, Manager *manager, const Block *block)
{
        const ManagerView view = manager_view(manager);
        const Policy *policy = &view.conf->policy;
        _cleanup_free_ char *reason = NULL;
        int r = reason_format(view.machine, policy, block, &reason);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_state(reply, view.machine, block);
        if (r >= 0)
                r = append_cxl(reply, manager, machine_device(view.machine, block));
        if (r >= 0)
                r = append_rule(reply, policy, block);
        if (r >= 0)
                r = append_guards(reply, block);
        if (r >= 0)
                r = append_outcome(reply, block);
        if (r >= 0)
                r = append_failure(reply, manager, &view.conf->retry, block);
        if (r >= 0)
                r = append_held(reply, manager, block);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "Reason", "s", reason);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_explain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Machine *machine = manager_view(userdata).machine;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Block *block;
        uint32_t id;
        int r = sd_bus_message_read(message, "u", &id);

        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot read the call");
        block = machine_find_block(machine, id);
        if (!block)
                return bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "there is no memory%u", id);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_explanation(reply, userdata, block);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot explain") : 1;
}

/* History */

static int append_entry(sd_bus_message *reply, const void *list, size_t i)
{
        const HistoryEntry *entry = history_get(list, i);
        char guards[GUARDS_STRING_MAX];
        int r = sd_bus_message_open_container(reply, 'r', BUS_HISTORY_MEMBERS);

        if (r >= 0)
                r = sd_bus_message_append(reply, "tt", entry->first_usec, entry->last_usec);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(uu)");
        for (size_t k = 0; k < entry->n_ranges && r >= 0; k++)
                r = sd_bus_message_append(reply, "(uu)", entry->ranges[k].first,
                                          entry->ranges[k].last);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "uissssssis", entry->n_decisions, entry->node, entry->device,
                        verdict_to_string(entry->verdict), entry->rule,
                        guards_format(entry->guards, guards), block_status_to_string(entry->status),
                        onliner_to_string(entry->onliner), (int32_t) -entry->error, entry->reason);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_history(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const History *history = manager_view(userdata).history;

        return bus_reply_array(message, BUS_HISTORY_SIGNATURE, append_entry, history,
                               history->n_entries, error, "Cannot list decisions");
}
