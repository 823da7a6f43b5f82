/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the command line and runs the verb. */

#include "config.h"

#include "base/names.h"
#include "ctl/ctl.h"

#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

/* What getopt_long() returns for options without a letter: a character, for the strings of options below. */
#define OPTION_SVG '\1'
#define OPTION_ADD '\2'
#define OPTION_CONFIG '\3'
#define OPTION_NODE '\4'
#define OPTION_DEVICE '\5'
#define OPTION_SIZE '\6'
#define OPTION_ZONE '\7'
#define OPTION_MOVABLE '\10'
#define OPTION_FORCE '\11'
#define OPTION_TIMEOUT '\12'
#define OPTION_NO_WAIT '\13'
#define OPTION_UNDO '\14'
#define OPTION_NO_ASK_PASSWORD '\15'
#define OPTION_ARCHITECTURE '\16'
#define OPTION_VIRTUALIZATION '\17'

/* The options of every verb that starts a job. */
#define JOB_OPTIONS "J\4\5\6\11\12\13\14"

/* The options about a recorded machine. */
#define TREE_OPTIONS "s\16\17"

typedef struct Option {
        const char *name;
        const char *argument; /* in the help; NULL: the option takes none */
        int value;            /* that getopt_long() returns: the letter, if the option has one */
        const char **text;    /* the variable for the argument, or NULL */
        bool *flag;           /* the variable to set to `flag_value`, or NULL */
        bool flag_value;
        const char *help;
} Option;

/* clang-format off */
static const Option options[] = {
        { "all", NULL, 'a', NULL, &arg_all, true,
          "Each block, all of a plan, or also what was taken offline" },
        { "bytes", NULL, 'b', NULL, &arg_bytes, true, "Print sizes in bytes" },
        { "noheadings", NULL, 'n', NULL, &arg_no_headings, true,
          "Print no headings and no totals" },
        { "json", NULL, 'J', NULL, &arg_json, true, "Print JSON, with sizes in bytes" },
        { "output", "LIST", 'o', &arg_output, NULL, false,
          "Show these columns; with +LIST, these after the usual ones" },
        { "sysroot", "DIR", 's', &arg_sysroot, NULL, false,
          "Read a recorded machine in DIR, ask no memoryd" },
        { "architecture", "NAME", OPTION_ARCHITECTURE, &arg_architecture, NULL, false,
          "The architecture of the recorded machine" },
        { "virtualization", "NAME", OPTION_VIRTUALIZATION, &arg_virtualization, NULL, false,
          "The virtualization of the recorded machine" },
        { "add", "MEMORY", OPTION_ADD, NULL, NULL, false,
          "Plan with SIZE@NODE[:ORIGIN] added; may be repeated" },
        { "config", "FILE", OPTION_CONFIG, &arg_config, NULL, false,
          "Plan with this configuration" },
        { "svg", "FILE", OPTION_SVG, &arg_svg, NULL, false, "Draw the map into FILE, as SVG" },
        { "node", "N", OPTION_NODE, &arg_node, NULL, false, "Memory of this node" },
        { "device", "NAME", OPTION_DEVICE, &arg_device, NULL, false, "Memory of this device" },
        { "size", "SIZE", OPTION_SIZE, &arg_size, NULL, false,
          "So much memory, anywhere or of the node or device" },
        { "zone", "ZONE", OPTION_ZONE, &arg_zone, NULL, false,
          "Bring it online as movable or kernel memory" },
        { "movable", "PORTION", OPTION_MOVABLE, &arg_movable, NULL, false,
          "How much of a node is to be movable, as 75% or a size" },
        { "force", NULL, OPTION_FORCE, NULL, &arg_force, true,
          "Do what the guards of the policy would refuse" },
        { "timeout", "TIME", OPTION_TIMEOUT, &arg_timeout, NULL, false,
          "What a job may take, as 90s or 5min" },
        { "no-wait", NULL, OPTION_NO_WAIT, NULL, &arg_wait, false,
          "Print the job, and do not wait for it" },
        { "undo-on-failure", NULL, OPTION_UNDO, NULL, &arg_undo_on_failure, true,
          "Take back what was done if some of it fails" },
        { "host", "[USER@]HOST", 'H', &arg_host, NULL, false,
          "Ask the memoryd of another host, over ssh" },
        { "machine", "NAME", 'M', &arg_machine, NULL, false,
          "Ask the memoryd of a local container" },
        { "no-ask-password", NULL, OPTION_NO_ASK_PASSWORD, NULL, &arg_ask_password, false,
          "Do not ask for passwords" },
        { "help", NULL, 'h', NULL, NULL, false, "Print this text" },
        { "version", NULL, 'V', NULL, NULL, false, "Print the version" },
        { NULL, NULL, 0, NULL, NULL, false, NULL },
};
/* clang-format on */

/* The options that only some verbs take, one character each. */
static const char verb_options[] = "abnJo" TREE_OPTIONS "\1\2\3\4\5\6\7\10\11\12\13\14";

typedef struct Verb {
        const char *name;
        const char *options; /* the options in verb_options that the verb takes */
        int (*run)(void);
        int (*run_with)(int argc, char **argv); /* in place of `run`: takes arguments */
} Verb;

/* clang-format off */
static const Verb verbs[] = {
        { "status", "bJ", verb_status, NULL },
        { "list", "abnJo" TREE_OPTIONS, NULL, verb_list },
        { "nodes", "bnJo" TREE_OPTIONS, verb_nodes, NULL },
        { "zones", "bnJo" TREE_OPTIONS, verb_zones, NULL },
        { "map", "bJ\1" TREE_OPTIONS, verb_map, NULL },
        { "explain", "J", NULL, verb_explain },
        { "history", "nJo", verb_history, NULL },
        { "plan", "abnJo\2\3" TREE_OPTIONS, verb_plan, NULL },
        { "online", JOB_OPTIONS "\7", NULL, verb_online },
        { "offline", JOB_OPTIONS, NULL, verb_offline },
        { "set-zone", JOB_OPTIONS "\10", NULL, verb_set_zone },
        { "jobs", "nJo", verb_jobs, NULL },
        { "cancel", "", NULL, verb_cancel },
        { "monitor", "bJ", verb_monitor, NULL },
        { "verify", "J", verb_verify, NULL },
        { "reload", "", verb_reload, NULL },
        { "rescan", "a", verb_rescan, NULL },
};
/* clang-format on */

static const char help_text[] =
        "Usage: memoryctl [OPTION...] [VERB] [ARGUMENT...]\n"
        "\n"
        "Shows what memoryd knows of the machine's memory blocks, and has it change them.\n"
        "\n"
        "Verbs:\n"
        "  status                Totals, nodes, what is pending or failed and why (the default)\n"
        "  list [BLOCKS...]      Memory blocks as ranges; BLOCKS as in 32 or 32-39,45\n"
        "  nodes                 NUMA nodes\n"
        "  zones                 Zones of the nodes\n"
        "  map                   A picture of the machine, a cell for each block or several\n"
        "  explain BLOCK         Why a block is what it is\n"
        "  history               The last decisions, and what came of them\n"
        "  plan                  What would become of offline memory, or of more of it\n"
        "  online BLOCKS...      Bring memory online, as the policy or --zone has it\n"
        "  offline BLOCKS...     Take memory offline, so that it can be removed\n"
        "  set-zone BLOCKS ZONE  Make memory movable or kernel, or --movable of a --node\n"
        "  jobs                  Jobs of these three verbs, and their progress\n"
        "  cancel JOB...         End jobs before they are done\n"
        "  monitor               What happens, as it happens\n"
        "  verify                What on this machine works against the policy\n"
        "  reload                Make memoryd read its configuration again\n"
        "  rescan                Make memoryd read all blocks again, and try what failed\n"
        "\n"
        "Options:\n";

static void print_columns(const char *verb, const ColumnSet *set)
{
        bool any_optional = false;

        for (size_t i = 0; i < set->n_columns; i++)
                any_optional |= set->columns[i].optional;
        printf("\nColumns of %s%s:\n", verb, any_optional ? " (* only with -o)" : "");
        for (size_t i = 0; i < set->n_columns; i++)
                printf(" %c%-13s %s\n", set->columns[i].optional ? '*' : ' ', set->columns[i].name,
                       set->columns[i].help);
}

static int print_help(void)
{
        fputs(help_text, stdout);
        for (const Option *option = options; option->name; option++) {
                char letter[] = { '-', (char) option->value, ',', '\0' };
                int width = (int) strlen(option->name) + 1;

                printf("  %3s --%s %-*s%s\n", isalpha(option->value) ? letter : "", option->name,
                       22 - width, option->argument ?: "", option->help);
        }
        print_columns("list", &list_columns);
        print_columns("nodes", &nodes_columns);
        print_columns("zones", &zones_columns);
        print_columns("history", &history_columns);
        print_columns("plan", &plan_columns);
        print_columns("jobs", &jobs_columns);
        fputs("\nSee memoryctl(1).\n", stdout);
        return EXIT_SUCCESS;
}

/* Returns the option, or the last row of the table, which has no name. */
static const Option *option_find(int value)
{
        const Option *option = options;

        while (option->name && option->value != value)
                option++;
        return option;
}

/* Names the option that getopt_long() refused. argv does not tell which one if a word has several letters. */
static int bad_option(char **argv)
{
        const Option *option = option_find(optopt);

        if (option->name)
                return usage_failure("option '--%s' takes no value", option->name);
        if (optopt == 0)
                return usage_failure("unknown or ambiguous option '%s'", argv[optind - 1]);
        if (!isprint(optopt))
                return usage_failure("unknown option, a byte 0x%02x", (unsigned char) optopt);
        return usage_failure("unknown option '-%c'", optopt);
}

static void set_option(const Option *option)
{
        if (option->text)
                *option->text = optarg;
        else if (option->flag)
                *option->flag = option->flag_value;
        if (option->value == OPTION_ADD && arg_n_additions++ < FORECAST_ADDITIONS_MAX)
                arg_additions[arg_n_additions - 1] = optarg;
}

/* Returns -1 to go on, or an exit code. */
static int check_tree_options(void)
{
        if (arg_sysroot && (arg_host || arg_machine))
                return usage_failure("--sysroot and --%s exclude each other",
                                     arg_host ? "host" : "machine");
        if (arg_sysroot && !*arg_sysroot)
                return usage_failure("--sysroot: expected a folder, got ''");
        if (!arg_sysroot && (arg_architecture || arg_virtualization))
                return usage_failure("--%s needs --sysroot",
                                     arg_architecture ? "architecture" : "virtualization");
        if (arg_architecture && !architecture_is_name(arg_architecture))
                return usage_failure("--architecture: expected a name such as x86-64, arm64 or "
                                     "s390x, got '%s'",
                                     arg_architecture);
        if (arg_virtualization && !virtualization_is_name(arg_virtualization))
                return usage_failure("--virtualization: expected a name such as none, kvm or zvm, "
                                     "got '%s'",
                                     arg_virtualization);
        return -1;
}

/* Returns -1 to go on, or an exit code. Sets given[i] if the option verb_options[i] was given. */
static int parse_options(int argc, char **argv, bool given[static sizeof(verb_options)])
{
        struct option names[ELEMENTSOF(options)] = {};
        int option;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                names[i] = (struct option){ options[i].name, options[i].argument != NULL, NULL,
                                            options[i].value };
        opterr = 0;
        while ((option = getopt_long(argc, argv, ":abhnJo:s:H:M:V", names, NULL)) >= 0) {
                const char *known;

                if (option == 'h')
                        return print_help();
                if (option == 'V') {
                        puts("memoryctl " PACKAGE_VERSION);
                        return EXIT_SUCCESS;
                }
                if (option == '?')
                        return bad_option(argv);
                if (option == ':')
                        return usage_failure("option '--%s' needs a value",
                                             option_find(optopt)->name);
                set_option(option_find(option));
                known = strchr(verb_options, option);
                if (known)
                        given[known - verb_options] = true;
        }
        if (arg_n_additions > FORECAST_ADDITIONS_MAX)
                return usage_failure("--add: expected at most %d, got %zu", FORECAST_ADDITIONS_MAX,
                                     arg_n_additions);
        if (arg_host && arg_machine)
                return usage_failure("--host and --machine exclude each other");
        return check_tree_options();
}

static int run(int argc, char **argv)
{
        bool given[sizeof(verb_options)] = {};
        const char *name = "status";
        const Verb *verb = NULL;
        int r;

        r = parse_options(argc, argv, given);
        if (r >= 0)
                return r;
        argc -= optind;
        argv += optind;
        if (argc > 0) {
                name = argv[0];
                argc--;
                argv++;
        }

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        verb = &verbs[i];
        if (!verb)
                return usage_failure("unknown verb '%s'", name);
        if (argc > 0 && !verb->run_with)
                return usage_failure("'%s' takes no arguments, got '%s'", name, argv[0]);
        if (arg_sysroot && !strchr(verb->options, 's'))
                return usage_failure("'%s' has to ask memoryd: it cannot be used with --sysroot",
                                     name);
        for (size_t i = 0; verb_options[i]; i++)
                if (given[i] && !strchr(verb->options, verb_options[i]))
                        return usage_failure("option '--%s' has no meaning for '%s'",
                                             option_find(verb_options[i])->name, name);
        return verb->run ? verb->run() : verb->run_with(argc, argv);
}

int main(int argc, char **argv)
{
        int r;

        setlocale(LC_CTYPE, ""); /* libsmartcols measures text; numbers stay as in the C locale */
        r = run(argc, argv);
        errno = 0;
        if ((fflush(stdout) != 0 || ferror(stdout)) && r == EXIT_SUCCESS)
                return failure("cannot write to standard output: %s",
                               strerror(errno ? errno : EIO));
        return r;
}
