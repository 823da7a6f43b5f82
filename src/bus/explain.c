/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods Explain(), History() and Plan(), which give reasons, past decisions and forecasts. */

#include "base/names.h"
#include "bus/object.h"
#include "policy/forecast.h"

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

static int append_explanation(sd_bus_message *reply, const Machine *machine, const Policy *policy,
                              const Block *block)
{
        _cleanup_free_ char *reason = NULL;
        int r = reason_format(machine, policy, block, &reason);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_state(reply, machine, block);
        if (r >= 0)
                r = append_rule(reply, policy, block);
        if (r >= 0)
                r = append_guards(reply, block);
        if (r >= 0)
                r = append_outcome(reply, block);
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
                return bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "There is no memory%u", id);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_explanation(reply, machine, &manager_view(userdata).conf->policy, block);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot explain") : 1;
}

/* History */

static int append_entry(sd_bus_message *reply, const void *list, size_t i)
{
        const HistoryEntry *entry = history_get(list, i);
        char guards[GUARDS_STRING_MAX];

        return sd_bus_message_append(
                reply, BUS_HISTORY_SIGNATURE, entry->usec, entry->block, entry->node, entry->device,
                verdict_to_string(entry->verdict), entry->rule,
                guards_format(entry->guards, guards), block_status_to_string(entry->status),
                onliner_to_string(entry->onliner), (int32_t) -entry->error, entry->reason);
}

int bus_method_history(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const History *history = manager_view(userdata).history;

        return bus_reply_array(message, BUS_HISTORY_SIGNATURE, append_entry, history,
                               history->n_entries, error, "Cannot list decisions");
}

/* Plan */

/* The options of a call. The strings belong to the message. */
typedef struct PlanOptions {
        uint64_t block_size_bytes;
        Addition *additions; /* owned */
        size_t n_additions;
        const char *config; /* the text of a configuration to plan with, or NULL */
        const char *config_name;
        bool has_additions;
} PlanOptions;

static void plan_options_done(PlanOptions *options)
{
        free(options->additions);
}

static int read_addition(const char *text, PlanOptions *options, sd_bus_error *error)
{
        const char *expected = NULL;
        int r;

        if (options->n_additions == FORECAST_ADDITIONS_MAX)
                return bus_error_setf(error, BUS_ERROR_INVALID_ADDITION,
                                      "'%s': expected at most %d additions", text,
                                      FORECAST_ADDITIONS_MAX);
        if (GROW(options->additions, options->n_additions) < 0)
                return -ENOMEM;
        r = addition_parse(text, options->block_size_bytes,
                           &options->additions[options->n_additions], &expected);
        if (r == -EINVAL)
                return bus_error_setf(error, BUS_ERROR_INVALID_ADDITION,
                                      "'%s': expected %s; blocks are of %llu bytes", text, expected,
                                      (unsigned long long) options->block_size_bytes);
        options->n_additions += r >= 0;
        return r;
}

static int read_additions(sd_bus_message *message, PlanOptions *options, sd_bus_error *error)
{
        const char *text;
        int r = sd_bus_message_enter_container(message, 'v', "as");

        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 &&
               (r = bus_read_text(message, false, "Addition", BUS_WORD_MAX, &text, error)) > 0)
                r = read_addition(text, options, error);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_option(sd_bus_message *message, const char *key, void *userdata,
                       sd_bus_error *error)
{
        PlanOptions *options = userdata;
        bool is_add = strcmp(key, "Add") == 0, is_config = strcmp(key, "Config") == 0;
        int r;

        if (!is_add && !is_config && strcmp(key, "ConfigName") != 0)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Option '%s': expected Add, Config or ConfigName", key);
        if (is_add    ? options->has_additions :
            is_config ? !!options->config :
                        !!options->config_name)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Option '%s': given twice",
                                      key);
        options->has_additions |= is_add;
        if (is_add)
                r = read_additions(message, options, error);
        else if (is_config)
                r = bus_read_text(message, true, key, BUS_CONFIG_MAX, &options->config, error);
        else
                r = bus_read_text(message, true, key, BUS_CONFIG_NAME_MAX, &options->config_name,
                                  error);
        if (r == -ENXIO)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Option '%s': expected a value of type '%s'", key,
                                      is_add ? "as" : "s");
        return r;
}

static int reply_forecast(sd_bus_message *message, const Forecast *forecast, const Policy *policy)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);
        ForecastRange range;
        size_t i = 0;

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_PLAN_SIGNATURE);
        while (r >= 0 && (r = forecast_range(forecast, policy, &i, &range)) > 0) {
                r = sd_bus_message_append(reply, BUS_PLAN_SIGNATURE, range.first, range.last,
                                          range.node, range.state, (int) range.is_added,
                                          range.zone_class, range.device, range.origin,
                                          range.decision, range.rule, range.guards, range.reason);
                free(range.reason);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Plans with the configuration of the options, or else with the one in force. */
static int reply_plan(sd_bus_message *message, Manager *manager, const PlanOptions *options)
{
        _cleanup_(conf_done) Conf conf;
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_(strings_freep) char **lines = NULL;
        _cleanup_(forecast_done) Forecast forecast = {};
        const ManagerView view = manager_view(manager);
        const Policy *policy = &view.conf->policy;
        int r = 0;

        conf_init(&conf);
        if (options->config) {
                policy = &conf.policy;
                r = conf_load_text(options->config_name ?: "(configuration)", options->config,
                                   strlen(options->config), &conf, &faults);
        }
        if (r > 0) {
                r = conf_faults_format(&faults, &lines);
                return r < 0 ? r : bus_reply_faults(message, lines);
        }
        if (r >= 0 && options->config && policy_names_tiers(policy))
                (void) manager_read_tiers(manager);
        if (r >= 0)
                r = forecast_make(view.machine, &view.conf->policy, policy, options->additions,
                                  options->n_additions, &forecast);
        return r < 0 ? r : reply_forecast(message, &forecast, policy);
}

static int plan_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(plan_options_done) PlanOptions options = {
                .block_size_bytes = manager_view(userdata).machine->block_size_bytes,
        };
        int r = sd_bus_message_rewind(message, true);

        (void) uid;
        if (r >= 0)
                r = bus_read_dictionary(message, read_option, &options, &error);
        if (r >= 0)
                r = reply_plan(message, userdata, &options);
        if (r == -E2BIG)
                (void) bus_error_setf(&error, BUS_ERROR_INVALID_ADDITION,
                                      "expected at most %d blocks with those of the machine",
                                      FORECAST_BLOCKS_MAX);
        if (sd_bus_error_is_set(&error))
                return sd_bus_reply_method_error(message, &error);
        if (r < 0)
                return sd_bus_reply_method_errnof(message, r, "Cannot plan: %s", strerror(-r));
        return r;
}

/* Every user may ask for a plan. A plan with another configuration needs the right to reload. */
int bus_method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(plan_options_done) PlanOptions options = {
                .block_size_bytes = manager_view(userdata).machine->block_size_bytes,
        };
        int r = bus_read_dictionary(message, read_option, &options, error);

        if (r < 0)
                return r;
        if (!options.config)
                return plan_granted(message, UINT32_MAX, userdata);
        return authority_ask(message, POLKIT_ACTION_RELOAD, NULL, plan_granted, userdata, error);
}
