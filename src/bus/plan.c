/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method Plan(), which forecasts decisions. */

#include "base/names.h"
#include "bus/object.h"
#include "bus/turn.h"
#include "bus/worker.h"
#include "policy/forecast.h"

#include <stdio.h>

/* Options */

/* The options of a call. The strings belong to the message. */
typedef struct PlanOptions {
        uint64_t block_size_bytes;
        Addition *additions; /* owned */
        size_t n_additions;
        const char *config; /* the text of a configuration to plan with, or NULL */
        const char *config_name;
        const char *drop_in; /* the text of a drop-in beside the installed configuration, or NULL */
        const char *drop_in_name;
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
        const struct {
                const char *key;
                const char **text;
                size_t max_bytes;
        } texts[] = {
                { "Config", &options->config, BUS_CONFIG_MAX },
                { "ConfigName", &options->config_name, BUS_CONFIG_NAME_MAX },
                { "DropIn", &options->drop_in, BUS_CONFIG_MAX },
                { "DropInName", &options->drop_in_name, BUS_CONFIG_NAME_MAX },
        };
        bool is_add = strcmp(key, "Add") == 0;
        size_t i = 0;
        int r;

        while (!is_add && i < ELEMENTSOF(texts) && strcmp(key, texts[i].key) != 0)
                i++;
        if (i == ELEMENTSOF(texts))
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Option '%s': expected Add, Config, ConfigName, DropIn or "
                                      "DropInName",
                                      key);
        if (is_add ? options->has_additions : !!*texts[i].text)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Option '%s': given twice",
                                      key);
        options->has_additions |= is_add;
        r = is_add ? read_additions(message, options, error) :
                     bus_read_text(message, true, key, texts[i].max_bytes, texts[i].text, error);
        if (r == -ENXIO)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Option '%s': expected a value of type '%s'", key,
                                      is_add ? "as" : "s");
        return r;
}

/* The child, which plans. It writes strings that end with a zero byte, and a RangeNumbers before those of a range. */

#define RESULT_PLAN 'P'  /* ranges follow, each a RangeNumbers and RANGE_STRINGS strings */
#define RESULT_ERROR 'E' /* the name and the text of an error follow */

typedef struct RangeNumbers {
        uint32_t first;
        uint32_t last;
        int32_t node;
        int32_t is_added;
} RangeNumbers;

/* The fields of the reply, but for the numbers: state, class, device, origin, decision, rule, guards, reason. */
#define RANGE_STRINGS 8

static void write_string(FILE *result, const char *string)
{
        fwrite(string, strlen(string) + 1, 1, result);
}

static void write_error(FILE *result, const char *name, const char *text)
{
        fputc(RESULT_ERROR, result);
        write_string(result, name);
        write_string(result, text);
}

static void write_range(FILE *result, const ForecastRange *range)
{
        const RangeNumbers numbers = { range->first, range->last, range->node, range->is_added };
        const char *const strings[RANGE_STRINGS] = {
                range->state,    range->zone_class, range->device, range->origin,
                range->decision, range->rule,       range->guards, range->reason,
        };

        fwrite(&numbers, sizeof(numbers), 1, result);
        for (size_t i = 0; i < RANGE_STRINGS; i++)
                write_string(result, strings[i]);
}

static int write_forecast(FILE *result, const Forecast *forecast, const Policy *policy)
{
        ForecastRange range;
        size_t i = 0;
        int r;

        fputc(RESULT_PLAN, result);
        while ((r = forecast_range(forecast, policy, &i, &range)) > 0) {
                write_range(result, &range);
                free(range.reason);
        }
        return r;
}

static int write_faults(FILE *result, const ConfFaults *faults)
{
        _cleanup_(strings_freep) char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        int r = conf_faults_format(faults, &lines);

        if (r >= 0)
                r = bus_join_faults(lines, &text);
        if (r >= 0)
                write_error(result, BUS_ERROR_INVALID_CONFIG, text);
        return r;
}

/* What the child plans with. It cannot read files. */
typedef struct PlanInput {
        const ManagerView *view;
        const PlanOptions *options;
        ConfLoad *load; /* the configuration with the drop-in, or NULL */
        ConfFaults *faults;
} PlanInput;

/*
 * Evaluates the configuration of the options, if there is one. Returns 1 if there are faults, else 0 or a
 * negative errno.
 */
static int apply_config(const PlanInput *input, Conf *conf)
{
        const PlanOptions *options = input->options;

        if (input->load)
                return conf_apply(input->load, conf);
        if (!options->config)
                return 0;
        return conf_load_text(options->config_name ?: "(configuration)", options->config,
                              strlen(options->config), conf, input->faults);
}

/* Plans with the configuration of the options, or else with the one in force. */
static int plan_make_forecast(FILE *result, const PlanInput *input)
{
        _cleanup_(conf_done) Conf conf;
        _cleanup_(forecast_done) Forecast forecast = {};
        const PlanOptions *options = input->options;
        const Policy *current = &input->view->conf->policy, *policy = current;
        int r;

        conf_init(&conf);
        r = apply_config(input, &conf);
        if (options->config || options->drop_in)
                policy = &conf.policy;
        if (r > 0)
                return write_faults(result, input->faults);
        if (r >= 0)
                r = forecast_make(input->view->machine, current, policy, options->additions,
                                  options->n_additions, &forecast);
        return r < 0 ? r : write_forecast(result, &forecast, policy);
}

static int run_plan(FILE *result, const void *userdata)
{
        char text[128];
        int r = plan_make_forecast(result, userdata);

        if (r == -E2BIG) {
                snprintf(text, sizeof(text), "expected at most %d blocks with those of the machine",
                         FORECAST_BLOCKS_MAX);
                write_error(result, BUS_ERROR_INVALID_ADDITION, text);
                return 0;
        }
        return r;
}

/* The reply */

/* A plan that is being made. */
typedef struct Planning {
        struct Planning *next;
        sd_bus_message *message; /* owned: the call */
        uint32_t uid;
        Worker *worker;
} Planning;

/* All of them. There are few: see CLAIM_PLAN. */
static Planning *plannings;

static void planning_free(Planning *planning)
{
        Planning **at = &plannings;

        while (*at != planning)
                at = &(*at)->next;
        *at = planning->next;
        worker_free(planning->worker);
        turn_release(planning->uid, CLAIM_PLAN);
        sd_bus_message_unref(planning->message);
        free(planning);
}

void bus_plans_done(void)
{
        while (plannings)
                planning_free(plannings);
}

/* What is left of a result. */
typedef struct Result {
        const char *at;
        size_t left;
} Result;

/* Takes a string. Returns NULL if there is none. */
static const char *take_string(Result *result)
{
        const char *string = result->at;
        const char *end = result->left > 0 ? memchr(string, 0, result->left) : NULL;

        if (!end)
                return NULL;
        result->left -= (size_t) (end + 1 - string);
        result->at = end + 1;
        return string;
}

static int append_range(sd_bus_message *reply, Result *result)
{
        const char *strings[RANGE_STRINGS];
        RangeNumbers numbers;

        if (result->left < sizeof(numbers))
                return -EBADMSG;
        memcpy(&numbers, result->at, sizeof(numbers));
        result->at += sizeof(numbers);
        result->left -= sizeof(numbers);
        for (size_t i = 0; i < RANGE_STRINGS; i++) {
                strings[i] = take_string(result);
                if (!strings[i])
                        return -EBADMSG;
        }
        return sd_bus_message_append(reply, BUS_PLAN_SIGNATURE, numbers.first, numbers.last,
                                     numbers.node, strings[0], numbers.is_added, strings[1],
                                     strings[2], strings[3], strings[4], strings[5], strings[6],
                                     strings[7]);
}

static int reply_ranges(sd_bus_message *message, Result *result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_PLAN_SIGNATURE);
        while (r >= 0 && result->left > 0)
                r = append_range(reply, result);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_result(sd_bus_message *message, Result *result)
{
        char kind = result->left > 0 ? *result->at : 0;
        const char *name, *text;

        result->left -= kind != 0;
        result->at += kind != 0;
        if (kind == RESULT_PLAN)
                return reply_ranges(message, result);
        name = take_string(result);
        text = take_string(result);
        if (kind != RESULT_ERROR || !name || !text)
                return -EBADMSG;
        return sd_bus_reply_method_errorf(message, name, "%s", text);
}

static void on_planned(int r, const char *result, size_t size, void *userdata)
{
        Planning *planning = userdata;
        sd_bus_message *message = planning->message;

        if (r == 0)
                r = reply_result(message, &(Result){ result, size });
        if (r == -ETIME)
                r = sd_bus_reply_method_errorf(
                        message, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "The plan takes longer than %d s, or %d s of CPU time",
                        (int) (WORKER_USEC / USEC_PER_SEC), WORKER_CPU_SEC);
        else if (r == -EFBIG)
                r = sd_bus_reply_method_errorf(message, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                               "The plan is longer than %u bytes",
                                               WORKER_RESULT_MAX);
        else if (r == -ECHILD)
                r = sd_bus_reply_method_errorf(
                        message, SD_BUS_ERROR_FAILED,
                        "The process that planned has failed, or needed more "
                        "than %lu MiB of memory",
                        WORKER_DATA_MAX >> 20);
        if (r < 0)
                (void) sd_bus_reply_method_errnof(message, r, "Cannot plan: %s", strerror(-r));
        planning_free(planning);
}

/* The call */

static bool names_tiers(const char *config)
{
        return config && strstr(config, "tier");
}

static int start_plan(Planning *planning, Manager *manager, const PlanOptions *options)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_(conf_load_freep) ConfLoad *load = NULL;
        ManagerView view;
        int r = 0;

        /* A configuration that names tiers has this word. The child could not read them. */
        if (names_tiers(options->config) || names_tiers(options->drop_in))
                (void) manager_read_tiers(manager);
        view = manager_view(manager);
        if (options->drop_in)
                r = conf_read(view.root, &(ConfText){ options->drop_in_name, options->drop_in },
                              &faults, &load);
        if (r < 0)
                return r;
        return worker_start(sd_bus_get_event(sd_bus_message_get_bus(planning->message)), run_plan,
                            &(PlanInput){ &view, options, load, &faults }, on_planned, planning,
                            &planning->worker);
}

static int begin_plan(sd_bus_message *message, uint32_t uid, Manager *manager,
                      const PlanOptions *options, sd_bus_error *error)
{
        Planning *planning;
        int r = turn_claim(uid, CLAIM_PLAN, "Plans", error);

        if (r < 0)
                return r;
        planning = malloc(sizeof(*planning));
        if (!planning) {
                turn_release(uid, CLAIM_PLAN);
                return bus_error_from_errno(error, -ENOMEM, "Cannot plan");
        }
        *planning = (Planning){ plannings, sd_bus_message_ref(message), uid, NULL };
        plannings = planning;
        r = start_plan(planning, manager, options);
        if (r < 0)
                planning_free(planning);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot plan") : 1;
}

static int plan_granted(sd_bus_message *message, uint32_t uid, void *userdata)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(plan_options_done) PlanOptions options = {
                .block_size_bytes = manager_view(userdata).machine->block_size_bytes,
        };
        int r = sd_bus_message_rewind(message, true);

        if (r >= 0)
                r = bus_read_dictionary(message, read_option, &options, &error);
        if (r >= 0)
                r = begin_plan(message, uid, userdata, &options, &error);
        return r < 0 ? sd_bus_reply_method_errno(message, r, &error) : r;
}

/* Refuses options that exclude each other, and a drop-in that memoryd would not read. */
static int check_options(const PlanOptions *options, sd_bus_error *error)
{
        if (options->config && options->drop_in)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Options Config and DropIn exclude each other");
        if (options->drop_in &&
            (!options->drop_in_name || !conf_is_dropin_name(options->drop_in_name)))
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Option DropInName: expected the name of a drop-in, such as "
                                      "10-local.conf, got '%s'",
                                      options->drop_in_name ?: "");
        return 0;
}

/* Every user may ask for a plan. A plan with another configuration needs the right to reload. */
int bus_method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(plan_options_done) PlanOptions options = {
                .block_size_bytes = manager_view(userdata).machine->block_size_bytes,
        };
        int r = bus_read_dictionary(message, read_option, &options, error);

        if (r >= 0)
                r = check_options(&options, error);
        if (r < 0)
                return r;
        if (!options.config && !options.drop_in)
                return begin_plan(message, turn_uid(message), userdata, &options, error);
        return authority_ask(message, POLKIT_ACTION_RELOAD, NULL, plan_granted, userdata, error);
}
