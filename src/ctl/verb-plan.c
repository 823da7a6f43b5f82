/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl plan. */

#include "base/names.h"
#include "config/config.h"
#include "ctl/plan-rows.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static const Column columns[] = {
        { "RANGE", "first and last address", CELL_ADDRESSES, .offset = offsetof(PlanRow, span),
          .optional = true },
        { "SIZE", "size of the range", CELL_SPAN, .offset = offsetof(PlanRow, span) },
        { "BLOCK", "number of the block or blocks", CELL_BLOCKS,
          .offset = offsetof(PlanRow, span) },
        { "NODE", "number of the node", CELL_NODE, .offset = offsetof(PlanRow, range.node) },
        { "ORIGIN", "where the memory came from", CELL_TEXT,
          .offset = offsetof(PlanRow, range.origin) },
        { "STATE", "as it is now; absent: to be added", CELL_TEXT,
          .offset = offsetof(PlanRow, range.state) },
        { "DECISION", "what memoryd would decide", CELL_TEXT,
          .offset = offsetof(PlanRow, range.decision), .colored = true },
        { "REASON", "why, for the first block", CELL_TEXT,
          .offset = offsetof(PlanRow, range.reason), .flags = SCOLS_FL_WRAP },
        { "DEVICE", "device that the memory belongs to", CELL_TEXT,
          .offset = offsetof(PlanRow, range.device), .optional = true },
        { "CLASS", "none, kernel or movable, as it would be", CELL_TEXT,
          .offset = offsetof(PlanRow, range.zone_class), .optional = true, .colored = true },
        { "RULE", "rule that would decide, empty for the default", CELL_TEXT,
          .offset = offsetof(PlanRow, range.rule), .optional = true },
        { "GUARDS", "guards that would decide", CELL_TEXT, .offset = offsetof(PlanRow, guards),
          .optional = true },
};

const ColumnSet plan_columns = { columns, ELEMENTSOF(columns) };

static int add_range(PlanRows *rows, const ForecastRange *range, uint64_t block_size_bytes)
{
        /* Only --all shows blocks that the policy does not change. */
        if (!arg_all && strcmp(range->decision, "none") == 0)
                return 0;
        return plan_rows_add(rows, range, block_size_bytes);
}

/* memoryd's plan */

/* A file of up to 1 MiB as a string: what memoryd reads of a configuration. */
#define CONFIG_MAX (1 << 20)

static int read_config(char **ret)
{
        _cleanup_close_ int fd = open(arg_config, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat status;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0)
                return failure("cannot open '%s': %s", arg_config, strerror(errno));
        if (!S_ISREG(status.st_mode) || status.st_size > CONFIG_MAX)
                return failure("'%s': expected a file of at most %d bytes", arg_config, CONFIG_MAX);
        text = calloc((size_t) status.st_size + 1, 1);
        if (!text)
                return failure("%s", strerror(ENOMEM));
        n = read(fd, text, (size_t) status.st_size);
        if (n < 0)
                return failure("cannot read '%s': %s", arg_config, strerror(errno));
        if (memchr(text, 0, (size_t) n))
                return failure("'%s': expected a configuration, got a byte of zero", arg_config);
        *ret = TAKE_PTR(text);
        return EXIT_SUCCESS;
}

static int append_additions(sd_bus_message *message)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(message, "s", "Add");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(message, (char **) arg_additions);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_options(sd_bus_message *message, const char *config)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = append_additions(message);
        if (r >= 0 && config)
                r = sd_bus_message_append(message, "{sv}{sv}", "Config", "s", config, "ConfigName",
                                          "s", arg_config);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int read_ranges(sd_bus_message *reply, PlanRows *rows, uint64_t block_size_bytes)
{
        int r = sd_bus_message_enter_container(reply, 'a', BUS_PLAN_SIGNATURE);
        ForecastRange range = {};
        const char *guards, *reason;

        while (r >= 0 &&
               (r = sd_bus_message_read(reply, BUS_PLAN_SIGNATURE, &range.first, &range.last,
                                        &range.node, &range.state, NULL, &range.zone_class,
                                        &range.device, &range.origin, &range.decision, &range.rule,
                                        &guards, &reason)) > 0) {
                snprintf(range.guards, sizeof(range.guards), "%s", guards);
                range.reason = (char *) reason;
                r = add_range(rows, &range, block_size_bytes);
        }
        return r;
}

static int plan_by_memoryd(Table *table)
{
        _cleanup_(plan_rows_done) PlanRows rows = {};
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(agent_stop) Agent agent = {};
        _cleanup_free_ char *config = NULL;
        uint64_t block_size_bytes;
        int r = arg_config ? read_config(&config) : EXIT_SUCCESS;

        if (r == EXIT_SUCCESS)
                r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = change_message_new(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "Plan", &message);
        if (r >= 0)
                r = append_options(message, config);
        if (r == -EINVAL)
                return failure(
                        "--add and --config: expected UTF-8, in the name of the file as well");
        if (r >= 0 && config) /* the one thing that not everybody may */
                agent_start(&agent);
        if (r >= 0)
                r = sd_bus_call(bus, message, CHANGE_TIMEOUT_USEC, &error, &reply);
        if (r >= 0)
                r = ask_block_size(bus, &error, &block_size_bytes);
        if (r >= 0)
                r = read_ranges(reply, &rows, block_size_bytes);
        if (r >= 0)
                r = plan_rows_print(&rows, table);
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

/* A plan for a recorded machine */

static int load_config(Conf *conf)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        int r = arg_config ? conf_load_file(arg_config, conf, &faults) :
                             conf_load("", conf, &faults);

        for (size_t i = 0; i < faults.n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                if (conf_fault_format(&faults.faults[i], &text) >= 0)
                        (void) failure("%s", text);
        }
        if (r < 0)
                return failure("cannot read the configuration: %s", strerror(-r));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int parse_additions(uint64_t block_size_bytes, Addition *additions)
{
        for (size_t i = 0; i < arg_n_additions; i++) {
                const char *expected = NULL;
                char size[SIZE_STRING_MAX];

                if (addition_parse(arg_additions[i], block_size_bytes, &additions[i], &expected) <
                    0)
                        return failure("--add '%s': expected %s; blocks are of %s",
                                       arg_additions[i], expected,
                                       size_format(block_size_bytes, size));
        }
        return EXIT_SUCCESS;
}

static int plan_machine(const Machine *machine, const Policy *policy, const Addition *additions,
                        Table *table)
{
        _cleanup_(forecast_done) Forecast forecast = {};
        _cleanup_(plan_rows_done) PlanRows rows = {};
        ForecastRange range;
        size_t i = 0;
        int r = forecast_make(machine, policy, policy, additions, arg_n_additions, &forecast);

        while (r >= 0 && (r = forecast_range(&forecast, policy, &i, &range)) > 0) {
                r = add_range(&rows, &range, machine->block_size_bytes);
                free(range.reason);
        }
        if (r >= 0)
                r = plan_rows_print(&rows, table);
        if (r == -E2BIG)
                return failure("cannot plan: expected at most %d blocks with those of the machine",
                               FORECAST_BLOCKS_MAX);
        return r < 0 ? failure("cannot plan: %s", strerror(-r)) : EXIT_SUCCESS;
}

/* Says which facts that rules and origins rest on the tree does not tell, and how to give them. */
static void tell_unknown(const Recording *recording)
{
        if (!*recording->machine.architecture)
                (void) failure("the architecture is not known: use --architecture, or put the "
                               "output of \"uname -a\" into %s/uname",
                               arg_sysroot);
        if (!*recording->machine.virtualization)
                (void) failure("the virtualization is not known: use --virtualization, or put the "
                               "output of systemd-detect-virt into %s/virtualization",
                               arg_sysroot);
        if (recording->iomem_error < 0)
                (void) failure("it is not known which drivers added memory: put /proc/iomem, as "
                               "root reads it, into %s/proc/iomem",
                               arg_sysroot);
}

static int plan_by_recording(Table *table)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(conf_done) Conf conf;
        Addition additions[FORECAST_ADDITIONS_MAX];
        int r;

        conf_init(&conf);
        r = snapshot_fetch(FETCH_BLOCKS | FETCH_OBJECTS, &snapshot);
        if (r == EXIT_SUCCESS)
                r = parse_additions(snapshot.manager.block_size_bytes, additions);
        if (r == EXIT_SUCCESS)
                r = load_config(&conf);
        if (r != EXIT_SUCCESS)
                return r;
        tell_unknown(snapshot.recording);
        return plan_machine(&snapshot.recording->machine, &conf.policy, additions, table);
}

int verb_plan(void)
{
        _cleanup_(table_done) Table table = {};
        int r;

        r = table_init(&table, "plan", &plan_columns);
        if (r != EXIT_SUCCESS)
                return r;
        r = arg_sysroot ? plan_by_recording(&table) : plan_by_memoryd(&table);
        return r == EXIT_SUCCESS ? table_finish(&table, 0) : r;
}
