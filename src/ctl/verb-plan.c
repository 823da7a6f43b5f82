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
          .lacks_offset = offsetof(PlanRow, is_absent), .optional = true },
        { "SIZE", "size of the range", CELL_SPAN, .offset = offsetof(PlanRow, span) },
        { "BLOCK", "number of the block or blocks", CELL_BLOCKS, .offset = offsetof(PlanRow, span),
          .lacks_offset = offsetof(PlanRow, is_absent) },
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

/* The sums of what the plan decides. */
typedef struct Sums {
        uint64_t movable_bytes;
        uint64_t kernel_bytes;
        uint64_t offline_bytes;
} Sums;

static Sums sum_up(const PlanRows *rows)
{
        Sums sums = {};

        for (size_t i = 0; i < rows->n; i++) {
                const ForecastRange *range = &rows->rows[i].range;
                uint64_t bytes = (range->last - range->first + UINT64_C(1)) *
                                 rows->rows[i].span.block_size_bytes;

                if (strcmp(range->decision, "none") == 0)
                        continue;
                if (strcmp(range->zone_class, zone_class_to_string(ZONE_CLASS_MOVABLE)) == 0)
                        sums.movable_bytes += bytes;
                else if (strcmp(range->zone_class, zone_class_to_string(ZONE_CLASS_KERNEL)) == 0)
                        sums.kernel_bytes += bytes;
                else
                        sums.offline_bytes += bytes;
        }
        return sums;
}

static void print_sums(const Sums *sums)
{
        int width = arg_bytes ? 15 : 5;
        char text[SIZE_STRING_MAX];

        printf("\n%-23s %*s\n", "Becomes movable:", width, size_format(sums->movable_bytes, text));
        printf("%-23s %*s\n", "Becomes kernel memory:", width,
               size_format(sums->kernel_bytes, text));
        printf("%-23s %*s\n", "Stays offline:", width, size_format(sums->offline_bytes, text));
}

/* Says what the plan followed, if that is not the configuration in force. */
static void print_configuration(void)
{
        if (arg_config)
                printf("%-23s %s alone, without the installed files (--with-drop-in takes both)\n",
                       "Configuration:", arg_config);
        if (arg_drop_in)
                printf("%-23s the installed files, with %s as a drop-in\n",
                       "Configuration:", arg_drop_in);
}

/* Prints the table, and below it what it comes to. EXIT_SUCCESS, or an exit code. */
static int print_plan(PlanRows *rows, Table *table)
{
        const Sums sums = sum_up(rows);
        bool is_empty =
                     sums.movable_bytes == 0 && sums.kernel_bytes == 0 && sums.offline_bytes == 0,
             has_table = rows->n > 0 || arg_json;
        int r = plan_rows_print(rows, table);

        if (r < 0)
                return failure("cannot plan: %s", strerror(-r));
        if (has_table) {
                r = table_finish(table, 0);
                if (r != EXIT_SUCCESS)
                        return r;
        }
        if (arg_json || arg_no_headings)
                return EXIT_SUCCESS;
        if (is_empty)
                printf("%sNothing to decide.\n", has_table ? "\n" : "");
        else
                print_sums(&sums);
        print_configuration();
        return EXIT_SUCCESS;
}

/* memoryd's plan */

/* A file of up to 1 MiB as a string: what memoryd reads of a configuration. */
#define CONFIG_MAX (1 << 20)

static int read_config(const char *path, char **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat status;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0)
                return failure("cannot open '%s': %s", path, strerror(errno));
        if (!S_ISREG(status.st_mode) || status.st_size > CONFIG_MAX)
                return failure("'%s': expected a file of at most %d bytes", path, CONFIG_MAX);
        text = calloc((size_t) status.st_size + 1, 1);
        if (!text)
                return failure("%s", strerror(ENOMEM));
        n = read(fd, text, (size_t) status.st_size);
        if (n < 0)
                return failure("cannot read '%s': %s", path, strerror(errno));
        if (memchr(text, 0, (size_t) n))
                return failure("'%s': expected a configuration, got a byte of zero", path);
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

/* `config` is the text of the file of --config or --with-drop-in, or NULL. */
static int append_options(sd_bus_message *message, const char *config)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        if (r >= 0)
                r = append_additions(message);
        if (r >= 0 && arg_config)
                r = sd_bus_message_append(message, "{sv}{sv}", "Config", "s", config, "ConfigName",
                                          "s", arg_config);
        if (r >= 0 && arg_drop_in)
                r = sd_bus_message_append(message, "{sv}{sv}", "DropIn", "s", config, "DropInName",
                                          "s", arg_drop_in);
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
        const char *path = arg_config ?: arg_drop_in;
        int r = path ? read_config(path, &config) : EXIT_SUCCESS;

        if (r == EXIT_SUCCESS)
                r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = change_message_new(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "Plan", &message);
        if (r >= 0)
                r = append_options(message, config);
        if (r == -EINVAL)
                return failure(
                        "--add, --config and --with-drop-in: expected UTF-8, in the name of the "
                        "file as well");
        if (r >= 0 && config) /* the one thing that not everybody may */
                agent_start(&agent);
        if (r >= 0)
                r = sd_bus_call(bus, message, CHANGE_TIMEOUT_USEC, &error, &reply);
        if (r >= 0)
                r = ask_block_size(bus, &error, &block_size_bytes);
        if (r >= 0)
                r = read_ranges(reply, &rows, block_size_bytes);
        return r < 0 ? call_failure(r, &error) : print_plan(&rows, table);
}

/* A plan for a recorded machine */

/* Evaluates the installed files with the text of --with-drop-in. Returns what conf_load() does. */
static int load_with_drop_in(const char *text, Conf *conf, ConfFaults *faults)
{
        _cleanup_(conf_load_freep) ConfLoad *load = NULL;
        int r = conf_read("", &(ConfText){ arg_drop_in, text }, faults, &load);

        return r < 0 ? r : conf_apply(load, conf);
}

static int load_config(Conf *conf)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_free_ char *drop_in = NULL;
        int r = arg_drop_in ? read_config(arg_drop_in, &drop_in) : EXIT_SUCCESS;

        if (r != EXIT_SUCCESS)
                return r;
        if (arg_drop_in)
                r = load_with_drop_in(drop_in, conf, &faults);
        else
                r = arg_config ? conf_load_file(arg_config, conf, &faults) :
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
        if (r == -E2BIG)
                return failure("cannot plan: expected at most %d blocks with those of the machine",
                               FORECAST_BLOCKS_MAX);
        return r < 0 ? failure("cannot plan: %s", strerror(-r)) : print_plan(&rows, table);
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

        if (arg_config && arg_drop_in)
                return usage_failure(
                        "--config and --with-drop-in exclude each other: the first plans "
                        "with its file alone");
        if (arg_drop_in && !conf_is_dropin_name(arg_drop_in))
                return usage_failure("--with-drop-in: expected the name of a drop-in, such as "
                                     "10-local.conf, got '%s'",
                                     arg_drop_in);
        r = table_init(&table, "plan", &plan_columns);
        if (r != EXIT_SUCCESS)
                return r;
        return arg_sysroot ? plan_by_recording(&table) : plan_by_memoryd(&table);
}
