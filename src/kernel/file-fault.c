/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Collects sentences about odd files. */

#include "kernel/file-fault.h"

#include "base/text.h"
#include "kernel/sysfs.h"

#include <stdarg.h>
#include <stdio.h>

int fault_add(FaultList *list, const char *format, ...)
{
        char **texts = reallocarray(list->texts, list->n_texts + 2, sizeof(*texts));
        va_list arguments;
        int r;

        if (!texts)
                return -ENOMEM;
        list->texts = texts;
        va_start(arguments, format);
        r = vasprintf(&texts[list->n_texts], format, arguments);
        va_end(arguments);
        if (r >= 0)
                text_make_printable(texts[list->n_texts++]);
        texts[list->n_texts] = NULL;
        return r < 0 ? -ENOMEM : 0;
}

int file_fault_add(FaultList *list, const char *path, int error, const char *value,
                   const char *expected)
{
        char text[ATTRIBUTE_TEXT_MAX];

        if (error == -ENOENT)
                return fault_add(list, "%s: missing, expected %s", path, expected);
        if (error != -EBADMSG)
                return fault_add(list, "%s: %s, expected %s", path, strerror(-error), expected);

        return fault_add(list, "%s: '%s', expected %s", path,
                         text_format(text, sizeof(text), "%s", value), expected);
}
