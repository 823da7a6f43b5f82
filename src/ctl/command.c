/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The verbs and the options. */

#include "ctl/command.h"

/* clang-format off */
const Option options[] = {
        { OPTION_ALL, 'a', "all", NULL, "Each block, all of a plan, or offlined memory too",
          .flag = &arg_all, .flag_value = true },
        { OPTION_BYTES, 'b', "bytes", NULL, "Print sizes in bytes",
          .flag = &arg_bytes, .flag_value = true },
        { OPTION_NO_HEADINGS, 'n', "noheadings", NULL, "Print no headings and no totals",
          .flag = &arg_no_headings, .flag_value = true },
        { OPTION_NO_HEADINGS, '\0', "no-legend", NULL, "The same as --noheadings",
          .flag = &arg_no_headings, .flag_value = true },
        { OPTION_QUIET, 'q', "quiet", NULL, "Print failures alone",
          .flag = &arg_quiet, .flag_value = true },
        { OPTION_JSON, 'J', "json", NULL, "Print JSON, with sizes in bytes",
          .flag = &arg_json, .flag_value = true },
        { OPTION_OUTPUT, 'o', "output", "LIST", "Show these columns; +LIST adds to the usual ones.\n"
          "\"-o help\" lists them",
          .text = &arg_output },
        { OPTION_SYSROOT, 's', "sysroot", "DIR", "Read a recorded machine, ask no memoryd",
          .text = &arg_sysroot },
        { OPTION_ARCHITECTURE, '\0', "architecture", "NAME",
          "The architecture of the recorded machine", .text = &arg_architecture },
        { OPTION_VIRTUALIZATION, '\0', "virtualization", "NAME",
          "The virtualization of the recorded machine", .text = &arg_virtualization },
        { OPTION_ADD, '\0', "add", "MEMORY",
          "Plan with SIZE@NODE[:ORIGIN] added; may be repeated", .text = NULL },
        { OPTION_CONFIG, '\0', "config", "FILE", "Plan with this configuration alone",
          .text = &arg_config },
        { OPTION_WITH_DROP_IN, '\0', "with-drop-in", "FILE",
          "Plan with this drop-in beside the installed files", .text = &arg_drop_in },
        { OPTION_SVG, '\0', "svg", "FILE", "Draw the map into FILE, as SVG; - prints it", .text = &arg_svg },
        { OPTION_FILE, '\0', "file", "FILE", "Replace FILE with the metrics",
          .text = &arg_file },
        { OPTION_OPENMETRICS, '\0', "openmetrics", NULL, "Keep strictly to OpenMetrics 1.0",
          .flag = &arg_openmetrics, .flag_value = true },
        { OPTION_SINCE, '\0', "since", "TIME", "Decisions from this time on, as -1h or today",
          .text = &arg_since },
        { OPTION_NODE, '\0', "node", "N", "Memory of this node", .text = &arg_node },
        { OPTION_DEVICE, '\0', "device", "NAME", "Memory of this device", .text = &arg_device },
        { OPTION_SIZE, '\0', "size", "SIZE", "So much memory, anywhere or of the node or device",
          .text = &arg_size },
        { OPTION_ZONE, '\0', "zone", "ZONE", "Bring it online as movable or kernel memory",
          .text = &arg_zone },
        { OPTION_MOVABLE, '\0', "movable", "PORTION",
          "Make so much of a node movable, as 75% or a size", .text = &arg_movable },
        { OPTION_FORCE, '\0', "force", NULL, "Do what the guards of the policy would refuse",
          .flag = &arg_force, .flag_value = true },
        { OPTION_YES, '\0', "yes", NULL, "Do not ask whether to go on",
          .flag = &arg_yes, .flag_value = true },
        { OPTION_TIMEOUT, '\0', "timeout", "TIME", "What a job may take, as 90s or 5min",
          .text = &arg_timeout },
        { OPTION_NO_WAIT, '\0', "no-wait", NULL, "Print the job, and do not wait for it",
          .flag = &arg_wait, .flag_value = false },
        { OPTION_UNDO_ON_FAILURE, '\0', "undo-on-failure", NULL,
          "Take back what was done if some of it fails",
          .flag = &arg_undo_on_failure, .flag_value = true },
        { OPTION_EFFECTIVE, '\0', "effective", NULL, "Print what is in force, not the files",
          .flag = &arg_effective, .flag_value = true },
        { OPTION_NO_PAGER, '\0', "no-pager", NULL, "Do not start a pager",
          .flag = &arg_pager, .flag_value = false },
        { OPTION_HOST, 'H', "host", "[USER@]HOST", "Ask the memoryd of another host, over ssh",
          .text = &arg_host },
        { OPTION_MACHINE, 'M', "machine", "NAME", "Ask the memoryd of a local container",
          .text = &arg_machine },
        { OPTION_NO_ASK_PASSWORD, '\0', "no-ask-password", NULL, "Do not ask for passwords",
          .flag = &arg_ask_password, .flag_value = false },
        { OPTION_HELP, 'h', "help", NULL, "Print this text, or with a verb that of the verb",
          .flag = &arg_help, .flag_value = true },
        { OPTION_VERSION, 'V', "version", NULL, "Print the version", .text = NULL },
};
/* clang-format on */

const size_t n_options = ELEMENTSOF(options);

/* Every option has a bit in an OptionSet. */
static_assert(_OPTION_MAX <= 64, "too many options");

/* The options of the verbs that print one table, of those that also read a recorded machine, and of jobs. */
#define OPTIONS_TABLE (TAKES(NO_HEADINGS) | TAKES(JSON) | TAKES(OUTPUT))
#define OPTIONS_TREE (TAKES(SYSROOT) | TAKES(ARCHITECTURE) | TAKES(VIRTUALIZATION))
#define OPTIONS_JOB                                                                                \
        (TAKES(NODE) | TAKES(DEVICE) | TAKES(SIZE) | TAKES(FORCE) | TAKES(YES) | TAKES(TIMEOUT) |  \
         TAKES(NO_WAIT) | TAKES(UNDO_ON_FAILURE) | TAKES(QUIET) | TAKES(JSON))

#define MEMORY "BLOCKS...\n[--node N | --device NAME] [--size SIZE]"

static const char blocks_details[] =
        "BLOCKS are numbers, names or ranges, as in 32, memory32 or 32-39,45, or\n"
        "addresses as in the column RANGE of list.";

#define QUIET_MEANS(text) ((const OptionMeaning[]){ { OPTION_QUIET, text }, {} })
#define ALL_MEANS(text) ((const OptionMeaning[]){ { OPTION_ALL, text }, {} })

const Verb verbs[] = {
        {
                .name = "status",
                .arguments = "",
                .help = "Totals, nodes, open blocks and jobs (the default)",
                .options = TAKES(BYTES) | TAKES(JSON),
                .paged = true,
                .run = verb_status,
        },
        {
                .name = "list",
                .arguments = "[BLOCKS...]",
                .help = "Memory blocks as ranges",
                .details = blocks_details,
                .meanings = ALL_MEANS("Print a line for each block"),
                .columns = &list_columns,
                .options = TAKES(ALL) | TAKES(BYTES) | OPTIONS_TABLE | OPTIONS_TREE,
                .paged = true,
                .run_with = verb_list,
        },
        {
                .name = "nodes",
                .arguments = "",
                .help = "NUMA nodes",
                .columns = &nodes_columns,
                .options = TAKES(BYTES) | OPTIONS_TABLE | OPTIONS_TREE,
                .paged = true,
                .run = verb_nodes,
        },
        {
                .name = "zones",
                .arguments = "",
                .help = "Zones of the nodes",
                .columns = &zones_columns,
                .options = TAKES(BYTES) | OPTIONS_TABLE | OPTIONS_TREE,
                .paged = true,
                .run = verb_zones,
        },
        {
                .name = "devices",
                .arguments = "[NAME...]",
                .help = "Devices, whether they can be removed, and why not",
                .details = "With a NAME, all that is known of the device, and what to do next. A "
                           "device\n"
                           "without a name, such as boot memory, is called by its origin: boot.",
                .columns = &devices_columns,
                .options = TAKES(BYTES) | OPTIONS_TABLE | OPTIONS_TREE,
                .paged = true,
                .run_with = verb_devices,
        },
        {
                .name = "map",
                .arguments = "",
                .help = "A picture of the machine, a cell for each block",
                .options = TAKES(BYTES) | TAKES(JSON) | TAKES(SVG) | OPTIONS_TREE,
                .paged = true,
                .run = verb_map,
        },
        {
                .name = "explain",
                .arguments = "BLOCK",
                .help = "Why a block is what it is",
                .options = TAKES(JSON),
                .paged = true,
                .run_with = verb_explain,
        },
        {
                .name = "history",
                .arguments = "",
                .help = "The last decisions, and what came of them",
                .columns = &history_columns,
                .options =
                        TAKES(BYTES) | TAKES(NODE) | TAKES(DEVICE) | TAKES(SINCE) | OPTIONS_TABLE,
                .paged = true,
                .run = verb_history,
        },
        {
                .name = "plan",
                .arguments = "",
                .help = "What would become of offline memory, or of more",
                .meanings = ALL_MEANS("Also show memory that stays as it is"),
                .columns = &plan_columns,
                .options = TAKES(ALL) | TAKES(BYTES) | TAKES(ADD) | TAKES(CONFIG) |
                           TAKES(WITH_DROP_IN) | OPTIONS_TABLE | OPTIONS_TREE,
                .paged = true,
                .run = verb_plan,
        },
        {
                .name = "config",
                .arguments = "",
                .help = "The configuration: its files, or what is in force",
                .options = TAKES(EFFECTIVE) | TAKES(NO_HEADINGS) | TAKES(JSON) | TAKES(SYSROOT),
                .paged = true,
                .run = verb_config,
        },
        {
                .name = "verify",
                .arguments = "",
                .help = "What on this machine works against the policy",
                .meanings = QUIET_MEANS("Print nothing: the exit status tells of problems"),
                .options = TAKES(QUIET) | TAKES(JSON),
                .paged = true,
                .run = verb_verify,
        },
        {
                .name = "metrics",
                .arguments = "",
                .help = "Figures and counters for Prometheus",
                .options = TAKES(FILE) | TAKES(OPENMETRICS),
                .paged = true,
                .run = verb_metrics,
        },
        {
                .name = "monitor",
                .arguments = "",
                .help = "What happens, as it happens",
                .options = TAKES(BYTES) | TAKES(JSON),
                .run = verb_monitor,
        },
        {
                .name = "online",
                .arguments = MEMORY,
                .help = "Bring memory online, as the policy or --zone has it",
                .details = blocks_details,
                .options = OPTIONS_JOB | TAKES(ZONE),
                .group = VERBS_CHANGE,
                .run_with = verb_online,
        },
        {
                .name = "offline",
                .arguments = MEMORY,
                .help = "Take memory offline, so that it can be removed",
                .details = blocks_details,
                .options = OPTIONS_JOB,
                .group = VERBS_CHANGE,
                .run_with = verb_offline,
        },
        {
                .name = "set-zone",
                .arguments = "BLOCKS... ZONE\n"
                             "[--node N | --device NAME] [--size SIZE] ZONE\n"
                             "--node N --movable PORTION",
                .help = "Make memory movable or kernel memory",
                .details = blocks_details,
                .options = OPTIONS_JOB | TAKES(MOVABLE),
                .group = VERBS_CHANGE,
                .run_with = verb_set_zone,
        },
        {
                .name = "jobs",
                .arguments = "",
                .help = "Jobs of these three verbs, and their progress",
                .columns = &jobs_columns,
                .options = OPTIONS_TABLE,
                .group = VERBS_CHANGE,
                .paged = true,
                .run = verb_jobs,
        },
        {
                .name = "cancel",
                .arguments = "JOB...",
                .help = "End jobs before they are done",
                .details = "JOB is a number as in the column ID of jobs, or the path of the job.",
                .options = TAKES(QUIET),
                .group = VERBS_CHANGE,
                .run_with = verb_cancel,
        },
        {
                .name = "reload",
                .arguments = "",
                .help = "Make memoryd read its configuration again",
                .options = TAKES(QUIET),
                .group = VERBS_DAEMON,
                .run = verb_reload,
        },
        {
                .name = "rescan",
                .arguments = "",
                .help = "Make memoryd read all blocks, and retry what failed",
                .meanings = ALL_MEANS("Also decide on memory that was taken offline"),
                .options = TAKES(ALL) | TAKES(QUIET),
                .group = VERBS_DAEMON,
                .run = verb_rescan,
        },
        {
                .name = "help",
                .arguments = "[VERB]",
                .help = "Print this text, or that of a verb",
                .group = VERBS_DAEMON,
                .paged = true,
        },
};

const size_t n_verbs = ELEMENTSOF(verbs);

const Verb *verb_find(const char *name)
{
        for (size_t i = 0; i < n_verbs; i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}
