/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/ctl.h"

/*
 * The tables of verbs and options, in command.c. The command line is read by them, and --help is printed from
 * them. A verb or an option is added there, and in memoryctl(1) and the three completions.
 */

typedef enum OptionId {
        OPTION_ALL,
        OPTION_BYTES,
        OPTION_NO_HEADINGS,
        OPTION_QUIET,
        OPTION_JSON,
        OPTION_OUTPUT,
        OPTION_SYSROOT,
        OPTION_ARCHITECTURE,
        OPTION_VIRTUALIZATION,
        OPTION_ADD,
        OPTION_CONFIG,
        OPTION_WITH_DROP_IN,
        OPTION_SVG,
        OPTION_FILE,
        OPTION_OPENMETRICS,
        OPTION_NODE,
        OPTION_DEVICE,
        OPTION_SIZE,
        OPTION_ZONE,
        OPTION_MOVABLE,
        OPTION_FORCE,
        OPTION_YES,
        OPTION_TIMEOUT,
        OPTION_NO_WAIT,
        OPTION_UNDO_ON_FAILURE,
        OPTION_EFFECTIVE,
        OPTION_NO_PAGER,
        OPTION_SINCE,
        OPTION_HOST,
        OPTION_MACHINE,
        OPTION_NO_ASK_PASSWORD,
        OPTION_HELP,
        OPTION_VERSION,
        _OPTION_MAX,
} OptionId;

/* A set of options. TAKES(ALL) | TAKES(BYTES) has --all and --bytes. */
typedef uint64_t OptionSet;
#define TAKES(option) (UINT64_C(1) << OPTION_##option)

/* The options that every verb takes. */
#define OPTIONS_COMMON                                                                             \
        (TAKES(NO_PAGER) | TAKES(HOST) | TAKES(MACHINE) | TAKES(NO_ASK_PASSWORD) | TAKES(HELP) |   \
         TAKES(VERSION))

/* Rows with the same id are names of the same option. */
typedef struct Option {
        OptionId id;
        char letter; /* '\0': none */
        const char *name;
        const char *argument; /* in the help; NULL: the option takes none */
        const char *help;     /* lines of about 50 characters */
        const char **text;    /* the variable for the argument, or NULL */
        bool *flag;           /* the variable to set to `flag_value`, or NULL */
        bool flag_value;
} Option;

extern const Option options[];
extern const size_t n_options;

typedef enum VerbGroup {
        VERBS_SHOW,
        VERBS_CHANGE,
        VERBS_DAEMON,
        _VERB_GROUP_MAX,
} VerbGroup;

/* The meaning of an option for one verb, where options[] has it in general words. */
typedef struct OptionMeaning {
        OptionId id;
        const char *help; /* NULL ends an array */
} OptionMeaning;

typedef struct Verb {
        const char *name;
        const char *arguments; /* in the help; "" for none. Each line is one way to call the verb */
        const char *help;      /* about 50 characters */
        const char *
                details; /* more for the help of this verb alone, lines of 80 characters, or NULL */
        const OptionMeaning *meanings; /* or NULL */
        const ColumnSet *columns;      /* of the table that the verb prints, or NULL */
        OptionSet options;             /* beside OPTIONS_COMMON */
        VerbGroup group;
        bool paged; /* its output may be long, and comes at once: a pager may show it */
        int (*run)(void);
        int (*run_with)(int argc, char **argv); /* in place of `run`: takes arguments */
        /* The verb without either is help, which needs these tables itself. */
} Verb;

extern const Verb verbs[];
extern const size_t n_verbs;

/* Returns the verb, or NULL. */
const Verb *verb_find(const char *name);

/*
 * suggest.c: returns the name that a word was probably meant to be, or NULL if no name is near. The names are
 * `stride` bytes apart: members of the structs in an array. They have at most 32 characters.
 */
const char *suggest(const char *word, const char *const *names, size_t n_names, size_t stride);

/* Prints the help of a verb, or for NULL that of memoryctl. Returns EXIT_SUCCESS. */
int help_print(const Verb *verb);
