/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects, sorts and formats faults. */

#include "config/fault.h"

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
 * Returns the length of the character at the start of a text, or 0 if the text starts with a
 * control character, or with what sd-bus refuses: a byte that is not valid UTF-8, or a code point
 * that Unicode reserves.
 */
static size_t character_length(const char *text)
{
        static const uint32_t least[] = { ' ', 0xa0, 0x800, 0x10000 }; /* for each length */
        uint32_t code = (unsigned char) *text;
        unsigned n_ones = (unsigned) __builtin_clz(~(code << 24)); /* from the highest bit on */
        size_t length = MAX(n_ones, 1U);

        if (n_ones == 1 || n_ones > ELEMENTSOF(least))
                return 0;
        code &= 0xffU >> n_ones;
        for (size_t i = 1; i < length; i++) {
                if (((unsigned char) text[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | ((unsigned char) text[i] & 0x3f);
        }
        if (code < least[length - 1] || code == 0x7f || code > 0x10ffff || code >> 11 == 0x1b ||
            (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef))
                return 0;
        return length;
}

/* Puts "?" in the place of each byte that is not part of a printable character. */
static void make_printable(char *text)
{
        while (*text) {
                size_t length = character_length(text);

                if (length == 0)
                        *text = '?';
                text += MAX(length, 1U);
        }
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
        make_printable(text);
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
                if (character_length(text + kept - i) > i) {
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
        make_printable(line);
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
