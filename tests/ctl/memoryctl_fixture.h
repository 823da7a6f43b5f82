/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

#include <check.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * Runs memoryctl (its path is in MEMORYCTL, else ./memoryctl) against a made-up memoryd, the
 * program mock_memoryd beside this one or in MOCK_MEMORYD, on a bus of its own. No daemon of the
 * machine is asked: the bus address is set before anything starts.
 */

#define OUTPUT_MAX (4 << 20)
#define TRY "Try 'memoryctl --help'.\n"

typedef struct Output {
        int exit_code; /* or -1 when a signal ended the program */
        char out[OUTPUT_MAX];
        char err[OUTPUT_MAX];
} Output;

extern char folder[PATH_MAX];
extern pid_t mock_pid;
extern Output output;

/* The bus alone, or with a mock_memoryd of that scenario; and both away again. */
void start_bus(void);
void start(const char *scenario);
void end_mock(void);
void end_bus(void);
void start_mock(const char *scenario);
void stop(void);

const char *environment(const char *name, const char *otherwise);
void in_folder(const char *name, char path[static PATH_MAX]);
/* Puts the folder, and that of memoryctl, in front of the others in PATH. */
void extend_path(void);

/* Waits until a file in the folder contains a text. */
void wait_for_file(const char *name, const char *text);
void write_file(const char *name, mode_t mode, const char *text);
void read_back(int fd, char text[static OUTPUT_MAX]);

/* Runs memoryctl with these arguments; what it prints and returns goes to the global output. */
void run_arguments(const char *const *arguments);

/* The same with another program, which is looked for in PATH. */
void run_program(const char *const *arguments);

/* The same in two parts. What is printed can be waited for meanwhile. Returns the process. */
pid_t launch(const char *const *arguments);
void wait_for_output(const char *text);
void finish(void);

#define ARGUMENTS(...) ((const char *const[]){ "memoryctl", __VA_ARGS__ __VA_OPT__(, ) NULL })
#define RUN(...) run_arguments(ARGUMENTS(__VA_ARGS__))

void expect(int exit_code, const char *out, const char *err);
/* Expects success and a table that was printed with --noheadings. The number of blanks between cells does not
 * count: libsmartcols makes a column at least as wide as its heading in 2.38, and no longer in 2.41. */
void expect_rows(const char *out);
json_object *expect_json(void);

/* Equal as values: the order of keys and the spaces do not count. */
void expect_json_equal(json_object *value, const char *wanted);
json_object *get(json_object *object, const char *key);

/* Adds tests to a suite, set up and torn down once for all of them. */
void add_case(Suite *suite, const char *name, void (*set_up)(void), const TTest *const *tests,
              size_t n_tests);

#define ADD_CASE(suite, name, set_up, ...)                                                         \
        add_case(suite, name, set_up, (const TTest *const[]){ __VA_ARGS__ },                       \
                 sizeof((const TTest *const[]){ __VA_ARGS__ }) / sizeof(TTest *))
