/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints --help from the tables of verbs and options. */

#include "ctl/command.h"

#include <stdio.h>

/* The widest line, and the width of names and arguments before the texts about them. */
#define LINE_WIDTH 80
#define NAMES_WIDTH 26

static const char *const group_titles[_VERB_GROUP_MAX] = {
        [VERBS_SHOW] = "Verbs that show memory",
        [VERBS_CHANGE] = "Verbs that change memory",
        [VERBS_DAEMON] = "Other verbs",
};

static void print_heading(const char *title)
{
        putchar('\n');
        color_print(COLOR_HEADING, "%s:", title);
        putchar('\n');
}

/* Prints an entry of a list. A long name has a line of its own. */
static void print_entry(const char *name, const char *help)
{
        bool is_long = strlen(name) >= NAMES_WIDTH;

        printf("  %-*s%s", is_long ? 0 : NAMES_WIDTH, name, is_long ? "\n" : "");
        for (int indent = is_long ? NAMES_WIDTH + 2 : 0; help; indent = NAMES_WIDTH + 2) {
                size_t length = strcspn(help, "\n");

                printf("%*s%.*s\n", indent, "", (int) length, help);
                help = help[length] ? help + length + 1 : NULL;
        }
}

static void print_option(const Option *option, const char *help)
{
        const char letter[] = { '-', option->letter, ',', ' ', '\0' };
        char name[64];

        snprintf(name, sizeof(name), "%s--%s%s%s", option->letter ? letter : "    ", option->name,
                 option->argument ? " " : "", option->argument ?: "");
        print_entry(name, help);
}

/* Returns the meaning of an option for a verb; NULL stands for all verbs. */
static const char *option_meaning(const Option *option, const Verb *verb)
{
        const OptionMeaning *meaning = verb ? verb->meanings : NULL;

        for (; meaning && meaning->help; meaning++)
                if (meaning->id == option->id)
                        return meaning->help;
        return option->help;
}

/* Prints the options of a set, as the verb has them. Prints no heading if there are none. */
static void print_options(const char *heading, OptionSet set, const Verb *verb)
{
        bool has_heading = false;

        for (size_t i = 0; i < n_options; i++) {
                if (!(set & (UINT64_C(1) << options[i].id)))
                        continue;
                if (!has_heading)
                        print_heading(heading);
                has_heading = true;
                print_option(&options[i], option_meaning(&options[i], verb));
        }
}

static void print_verbs(VerbGroup group)
{
        print_heading(group_titles[group]);
        for (size_t i = 0; i < n_verbs; i++) {
                const Verb *verb = &verbs[i];
                char name[64];

                if (verb->group != group)
                        continue;
                snprintf(name, sizeof(name), "%s %.*s", verb->name,
                         (int) strcspn(verb->arguments, "\n"), verb->arguments);
                print_entry(name, verb->help);
        }
}

static int print_all(void)
{
        puts("Usage: memoryctl [OPTION...] [VERB] [ARGUMENT...]\n"
             "\n"
             "Shows what memoryd knows of the machine's memory blocks, and has it change them.");
        for (VerbGroup group = 0; group < _VERB_GROUP_MAX; group++)
                print_verbs(group);
        print_options("Options", UINT64_MAX, NULL);
        puts("\n\"memoryctl VERB --help\" has the options and the columns of a verb.\n"
             "See memoryctl(1).");
        return EXIT_SUCCESS;
}

static void print_usage(const Verb *verb)
{
        const char *before = "Usage:";

        for (const char *line = verb->arguments; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                printf("%-6s memoryctl %s%s%s%.*s\n", before, verb->name,
                       *before ? " [OPTION...]" : "", *line ? " " : "", (int) strcspn(line, "\n"),
                       line);
                before = "";
        }
}

static void print_columns(const ColumnSet *set)
{
        bool any_optional = false;

        for (size_t i = 0; i < set->n_columns; i++)
                any_optional |= set->columns[i].optional;
        print_heading(any_optional ? "Columns (* only with -o)" : "Columns");
        columns_print(set);
}

int help_print(const Verb *verb)
{
        if (!verb)
                return print_all();
        print_usage(verb);
        printf("\n%s.\n", verb->help);
        if (verb->details)
                printf("\n%s\n", verb->details);
        print_options("Options", verb->options, verb);
        print_options("Options of all verbs", OPTIONS_COMMON, NULL);
        if (verb->columns)
                print_columns(verb->columns);
        puts("\nSee memoryctl(1).");
        return EXIT_SUCCESS;
}
