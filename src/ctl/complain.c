/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints error messages. */

#include "base/names.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>

static void _printf_(1, 0) vcomplain(const char *format, va_list arguments)
{
        fflush(stdout);
        fputs("memoryctl: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
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
