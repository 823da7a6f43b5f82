/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects, sorts and formats faults. */

#include "config/fault.h"

#include <stdarg.h>
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

/* Formats "'key': text", or only the text if `key` is NULL. The caller frees the result. NULL: no memory. */
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
        return TAKE_PTR(text);
}

int conf_faults_add(ConfFaults *faults, const char *file, unsigned line, const char *key,
                    const char *format, ...)
{
        ConfFault fault = { .line = line };
        va_list arguments;

        va_start(arguments, format);
        fault.text = format_text(key, format, arguments);
        va_end(arguments);
        fault.file = strdup(file);
        if (!fault.text || !fault.file || GROW(faults->faults, faults->n_faults) < 0) {
                free(fault.text);
                free(fault.file);
                return -ENOMEM;
        }
        faults->faults[faults->n_faults++] = fault;
        return 1;
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

typedef struct SortEntry {
        size_t place;
        size_t index; /* keeps the order of equal entries, which qsort() does not */
        ConfFault fault;
} SortEntry;

static int sort_entry_compare(const void *a, const void *b)
{
        const SortEntry *x = a, *y = b;

        if (x->place != y->place)
                return x->place < y->place ? -1 : 1;
        if (x->fault.line != y->fault.line)
                return x->fault.line < y->fault.line ? -1 : 1;
        return x->index < y->index ? -1 : 1;
}

void conf_faults_sort(ConfFaults *faults, size_t first, char *const *files)
{
        size_t n = faults->n_faults - first;
        _cleanup_free_ SortEntry *entries = calloc(n + 1, sizeof(SortEntry));

        /*
         * Sorting only helps the reader: without memory for it, the faults stay in the order they
         * were found.
         */
        if (!entries)
                return;
        for (size_t i = 0; i < n; i++)
                entries[i] = (SortEntry){
                        .place = file_place(faults->faults[first + i].file, files),
                        .index = i,
                        .fault = faults->faults[first + i],
                };
        qsort(entries, n, sizeof(SortEntry), sort_entry_compare);
        for (size_t i = 0; i < n; i++)
                faults->faults[first + i] = entries[i].fault;
}

const char *conf_quote(const char *text, char buffer[static CONF_QUOTE_MAX])
{
        size_t length = strlen(text), kept = MIN(length, (size_t) CONF_QUOTE_MAX - 6);
        char *end;

        /* A cut within a UTF-8 sequence would leave half a character. */
        while (kept < length && kept > 0 && ((unsigned char) text[kept] & 0xc0) == 0x80)
                kept--;
        snprintf(buffer, CONF_QUOTE_MAX, "\"%.*s%s\"", (int) kept, text,
                 kept < length ? "..." : "");
        for (end = buffer; *end; end++)
                if ((unsigned char) *end < ' ' || *end == 0x7f)
                        *end = '?';
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
