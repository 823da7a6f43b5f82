/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the command line and runs the verb. */

#include "config.h"

#include "base/names.h"
#include "ctl/command.h"

#include <ctype.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

/* What getopt_long() returns for a long option: this, and its index in the table. */
#define LONG_OPTION 256

/* More than there are letters. */
#define LETTERS_MAX 64

/* Returns the option for what getopt_long() returned, or NULL. */
static const Option *option_find(int value)
{
        if (value >= LONG_OPTION && (size_t) (value - LONG_OPTION) < n_options)
                return &options[value - LONG_OPTION];
        for (size_t i = 0; i < n_options; i++)
                if (value != '\0' && options[i].letter == value)
                        return &options[i];
        return NULL;
}

/* Names an option that getopt_long() does not know, or of which it knows several that begin so. */
static int bad_name(const char *word)
{
        _cleanup_free_ char *name = strndup(word, strcspn(word, "="));
        char known[16 * LETTERS_MAX] = "";
        size_t length = name ? strlen(name) : 0, n_known = 0, used = 0;
        const char *meant;

        for (size_t i = 0; i < n_options && length > 2 && used < sizeof(known); i++) {
                if (strncmp(options[i].name, name + 2, length - 2) != 0)
                        continue;
                used += (size_t) snprintf(known + used, sizeof(known) - used, "%s--%s",
                                          n_known++ > 0 ? ", " : "", options[i].name);
        }
        if (n_known > 1)
                return usage_failure("option '%s' is ambiguous: %s", name, known);
        meant = length > 2 ? suggest(name + 2, &options->name, n_options, sizeof(*options)) : NULL;
        if (meant)
                return usage_failure("unknown option '%s', did you mean '--%s'?", name, meant);
        return usage_failure("unknown option '%s'", word);
}

/* Names the option that getopt_long() refused. argv does not tell which one if a word has several letters. */
static int bad_option(char **argv)
{
        const Option *option = option_find(optopt);

        if (option)
                return usage_failure("option '--%s' takes no value", option->name);
        if (optopt == 0)
                return bad_name(argv[optind - 1]);
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
        if (option->id == OPTION_ADD && arg_n_additions++ < FORECAST_ADDITIONS_MAX)
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

/* Returns -1 to go on, or an exit code. */
static int check_options(void)
{
        if (arg_n_additions > FORECAST_ADDITIONS_MAX)
                return usage_failure("--add: expected at most %d, got %zu", FORECAST_ADDITIONS_MAX,
                                     arg_n_additions);
        if (arg_host && arg_machine)
                return usage_failure("--host and --machine exclude each other");
        if (arg_quiet && arg_json)
                return usage_failure("--quiet and --json exclude each other");
        return check_tree_options();
}

/* Makes what getopt_long() wants to know from the table of options. */
static void describe_options(struct option *names, char letters[static LETTERS_MAX])
{
        *letters++ = ':';
        for (size_t i = 0; i < n_options; i++) {
                names[i] = (struct option){ options[i].name, options[i].argument != NULL, NULL,
                                            LONG_OPTION + (int) i };
                if (options[i].letter)
                        *letters++ = options[i].letter;
                if (options[i].letter && options[i].argument)
                        *letters++ = ':';
        }
        names[n_options] = (struct option){};
        *letters = '\0';
}

/* Returns -1 to go on, or an exit code. Notes which rows of the table were given. */
static int parse_options(int argc, char **argv, bool *given)
{
        struct option names[LETTERS_MAX + 1];
        char letters[LETTERS_MAX] = "";
        int value;

        assert(n_options <= LETTERS_MAX);
        describe_options(names, letters);
        opterr = 0;
        while ((value = getopt_long(argc, argv, letters, names, NULL)) >= 0) {
                const Option *option = option_find(value == ':' ? optopt : value);

                if (!option)
                        return bad_option(argv);
                if (value == ':')
                        return usage_failure("option '--%s' needs a value", option->name);
                if (option->id == OPTION_VERSION) {
                        puts("memoryctl " PACKAGE_VERSION);
                        return EXIT_SUCCESS;
                }
                set_option(option);
                given[option - options] = true;
        }
        return -1;
}

/* Returns -1 to go on, or an exit code. */
static int check_verb(const Verb *verb, int argc, char **argv, const bool *given)
{
        if (argc > 0 && verb->run)
                return usage_failure("'%s' takes no arguments, got '%s'", verb->name, argv[0]);
        if (arg_sysroot && !(verb->options & TAKES(SYSROOT)))
                return usage_failure("'%s' has to ask memoryd: it cannot be used with --sysroot",
                                     verb->name);
        for (size_t i = 0; i < n_options; i++)
                if (given[i] &&
                    !((verb->options | OPTIONS_COMMON) & (UINT64_C(1) << options[i].id)))
                        return usage_failure("option '--%s' has no meaning for '%s'",
                                             options[i].name, verb->name);
        return -1;
}

static int bad_verb(const char *word)
{
        const char *meant = suggest(word, &verbs->name, n_verbs, sizeof(*verbs));

        if (meant)
                return usage_failure("unknown verb '%s', did you mean '%s'?", word, meant);
        return usage_failure("unknown verb '%s'", word);
}

static int run_help(int argc, char **argv)
{
        const Verb *verb = argc > 0 ? verb_find(argv[0]) : NULL;

        if (argc > 1)
                return usage_failure("'help' takes one verb, got %d arguments", argc);
        if (argc > 0 && !verb)
                return bad_verb(argv[0]);
        return help_print(verb);
}

static int run_verb(const Verb *verb, int argc, char **argv)
{
        if (verb->run)
                return verb->run();
        return verb->run_with ? verb->run_with(argc, argv) : run_help(argc, argv);
}

static int run(int argc, char **argv)
{
        bool given[LETTERS_MAX] = {};
        const Verb *verb;
        int r;

        r = parse_options(argc, argv, given);
        if (r >= 0)
                return r;
        argc -= optind;
        argv += optind;
        verb = verb_find(argc > 0 ? argv[0] : "status");
        if (!verb)
                return bad_verb(argv[0]);
        if (arg_help) {
                pager_begin();
                return help_print(argc > 0 ? verb : NULL);
        }
        r = check_options();
        if (r >= 0)
                return r;
        if (argc > 0) {
                argc--;
                argv++;
        }
        r = check_verb(verb, argc, argv, given);
        if (r >= 0)
                return r;
        if (verb->paged)
                pager_begin();
        if (arg_output && strcmp(arg_output, "help") == 0) {
                columns_print(verb->columns);
                return EXIT_SUCCESS;
        }
        return run_verb(verb, argc, argv);
}

int main(int argc, char **argv)
{
        int r;

        setlocale(LC_CTYPE, ""); /* libsmartcols measures text; numbers stay as in the C locale */
        r = run(argc, argv);
        pager_end();
        errno = 0;
        if ((fflush(stdout) != 0 || ferror(stdout)) && r == EXIT_SUCCESS)
                return failure("cannot write to standard output: %s",
                               strerror(errno ? errno : EIO));
        return r;
}
