/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Collects, sorts and formats faults. */

#include "config/fault.h"

#include "base/text.h"

#include <stdio.h>

void conf_faults_done(ConfFaults *faults)
{
        if (!faults)
                return;
        for (size_t i = 0; i < faults->n_faults; i++) {
                free(faults->faults[i].file);
                free(faults->faults[i].text);
        }
        free(faults->faults);
        *faults = (ConfFaults){ 0 };
}

/*
 * Formats "'key': text", or only the text if `key` is NULL, for all readers to print. The caller
 * frees the result. NULL: no memory.
 */
static _printf_(2, 0) char *format_text(const char *key, const char *format, va_list arguments)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return NULL;
        if (key)
                fprintf(stream, "'%s': ", key);
        vfprintf(stream, format, arguments);
        if (fclose(stream) != 0)
                return NULL;
        text_make_printable(text);
        return TAKE_PTR(text);
}

int conf_faults_addv(ConfFaults *faults, const char *file, unsigned line, const char *key,
                     const char *format, va_list arguments)
{
        ConfFault fault = { .file = strdup(file), .line = line, .index = faults->n_faults };

        fault.text = format_text(key, format, arguments);
        if (!fault.text || !fault.file || GROW(faults->faults, faults->n_faults) < 0) {
                free(fault.text);
                free(fault.file);
                return -ENOMEM;
        }
        faults->faults[faults->n_faults++] = fault;
        return 1;
}

int conf_faults_add(ConfFaults *faults, const char *file, unsigned line, const char *key,
                    const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = conf_faults_addv(faults, file, line, key, format, arguments);
        va_end(arguments);
        return r;
}

/*
 * Returns the position of a file in the list, counted from 1, or 0 for a path that is not listed,
 * such as a folder.
 */
static size_t file_place(const char *file, char *const *files)
{
        for (size_t i = 0; files && files[i]; i++)
                if (strcmp(files[i], file) == 0)
                        return i + 1;
        return 0;
}

static int fault_compare(const void *a, const void *b, void *files)
{
        const ConfFault *x = a, *y = b;
        size_t place_x = file_place(x->file, files), place_y = file_place(y->file, files);

        if (place_x != place_y)
                return place_x < place_y ? -1 : 1;
        if (x->line != y->line)
                return x->line < y->line ? -1 : 1;
        return x->index < y->index ? -1 : 1;
}

void conf_faults_sort(ConfFaults *faults, size_t first, char **files)
{
        qsort_r(faults->faults + first, faults->n_faults - first, sizeof(ConfFault), fault_compare,
                files);
}

const char *conf_quote(const char *text, char buffer[static CONF_QUOTE_MAX])
{
        size_t length = strlen(text), kept = MIN(length, (size_t) CONF_QUOTE_MAX - 6);

        /* Half a character must not stay: none has more than 4 bytes. */
        for (size_t i = 3; i > 0 && kept < length; i--)
                if (text_character_length(text + kept - i) > i) {
                        kept -= i;
                        break;
                }
        snprintf(buffer, CONF_QUOTE_MAX, "\"%.*s%s\"", (int) kept, text,
                 kept < length ? "..." : "");
        return buffer;
}

int conf_fault_format(const ConfFault *fault, char **ret)
{
        char *line;
        int n = fault->line > 0 ?
                        asprintf(&line, "%s:%u: %s", fault->file, fault->line, fault->text) :
                        asprintf(&line, "%s: %s", fault->file, fault->text);

        if (n < 0)
                return -ENOMEM;
        /* The name of the file can have any bytes as well. */
        text_make_printable(line);
        *ret = line;
        return 0;
}

int conf_faults_format(const ConfFaults *faults, char ***ret)
{
        char **strings = calloc(faults->n_faults + 1, sizeof(char *));

        if (!strings)
                return -ENOMEM;
        for (size_t i = 0; i < faults->n_faults; i++)
                if (conf_fault_format(&faults->faults[i], &strings[i]) < 0) {
                        strings_free(strings);
                        return -ENOMEM;
                }
        *ret = strings;
        return 0;
}
