/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The options of the command line, as memoryctl.c sets them, and error messages. */

#include "base/names.h"
#include "base/text.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>

bool arg_all = false;
bool arg_bytes = false;
bool arg_no_headings = false;
bool arg_json = false;
bool arg_quiet = false;
bool arg_pager = true;
bool arg_ask_password = true;
bool arg_help = false;
bool arg_effective = false;
const char *arg_output = NULL;
const char *arg_sysroot = NULL;
const char *arg_architecture = NULL;
const char *arg_virtualization = NULL;
const char *arg_svg = NULL;
const char *arg_file = NULL;
bool arg_openmetrics = false;
const char *arg_config = NULL;
const char *arg_drop_in = NULL;
const char *arg_additions[FORECAST_ADDITIONS_MAX + 1];
size_t arg_n_additions;
const char *arg_node = NULL;
const char *arg_device = NULL;
const char *arg_size = NULL;
const char *arg_zone = NULL;
const char *arg_movable = NULL;
const char *arg_timeout = NULL;
bool arg_force = false;
bool arg_yes = false;
bool arg_wait = true;
bool arg_undo_on_failure = false;
const char *arg_since = NULL;
const char *arg_host = NULL;
const char *arg_machine = NULL;

static void _printf_(1, 0) vcomplain(const char *format, va_list arguments)
{
        _cleanup_free_ char *text = NULL;

        fflush(stdout);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        text_make_printable(text);
        fprintf(stderr, "memoryctl: %s\n", text ?: strerror(ENOMEM));
}

int failure(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vcomplain(format, arguments);
        va_end(arguments);
        return EXIT_FAILURE;
}

int usage_failure(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vcomplain(format, arguments);
        va_end(arguments);
        fputs("Try 'memoryctl --help'.\n", stderr);
        return EXIT_USAGE;
}
