/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds syntax errors that libconfig does not report. */

#include "config/scan.h"

#include "config/fault.h"

#include <stdio.h>

/*
 * A number in a text, as libconfig's scanner recognizes it. libconfig 1.5 reads a number without
 * the suffix L as 32 bits and drops the bits above, reads a number with the suffix as 64 bits, and
 * reports neither as an error.
 */
typedef struct ConfNumber {
        size_t length; /* without the L */
        bool has_l;
        bool is_wide; /* too large for libconfig */
} ConfNumber;

/* isdigit() and the like depend on the locale, libconfig does not. */
#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

static bool is_one_of(char c, const char *characters)
{
        return c && strchr(characters, c);
}

/* Whether a decimal number without leading zeros is larger than `largest`. */
static bool exceeds(const char *digits, size_t n_digits, const char *largest)
{
        size_t n_largest = strlen(largest);

        if (n_digits != n_largest)
                return n_digits > n_largest;
        return memcmp(digits, largest, n_largest) > 0;
}

static ConfNumber scan_hex(const char *text)
{
        ConfNumber number = { .length = 2 + strspn(text + 2, HEX_DIGITS) };
        size_t n_zeros = strspn(text + 2, "0");

        number.has_l = text[number.length] == 'L';
        number.is_wide = number.length - 2 - n_zeros > (number.has_l ? 16 : 8);
        return number;
}

/* Returns the length of a fraction and an exponent after the integer digits, or 0 for a whole number. */
static size_t fraction_length(const char *text)
{
        size_t n = 0, exponent;

        if (*text == '.')
                n = 1 + strspn(text + 1, DIGITS);
        if (!is_one_of(text[n], "eE"))
                return n;
        exponent = n + 1 + (is_one_of(text[n + 1], "+-") ? 1 : 0);
        if (!is_one_of(text[exponent], DIGITS))
                return n;
        return exponent + strspn(text + exponent, DIGITS);
}

/* Scans the number at the start of a text. The text must start with a digit or a point. */
static ConfNumber number_at(const char *text)
{
        size_t n_zeros, n_fraction;
        ConfNumber number;

        if (text[0] == '0' && is_one_of(text[1], "xX") && is_one_of(text[2], HEX_DIGITS))
                return scan_hex(text);

        number = (ConfNumber){ .length = strspn(text, DIGITS) };
        n_fraction = fraction_length(text + number.length);
        if (n_fraction > 0) {
                number.length += n_fraction;
                return number;
        }
        n_zeros = strspn(text, "0");
        number.has_l = text[number.length] == 'L';
        number.is_wide = exceeds(text + n_zeros, number.length - n_zeros,
                                 number.has_l ? "9223372036854775807" : "2147483647");
        return number;
}

size_t conf_number_length(const char *text)
{
        size_t n = is_one_of(*text, DIGITS ".") ? number_at(text).length : 0;

        return n > 0 ? n + strspn(text + n, "L") : 0;
}

#define DEPTH_MAX 16

/* The most settings in one group: far more than there are keys, and few enough for a linear search. */
#define SETTINGS_MAX 256

#define PATH_MAX_BYTES 256

/* An open bracket. The first level of the stack is the file itself. */
typedef struct Level {
        char bracket; /* '{', '[' or '(' */
        const char *name;
        int name_length;   /* of the setting whose value this is; 0 in a list */
        unsigned index;    /* of the current element of a list or array */
        size_t first_seen; /* index in Scan.seen of the first setting of this level */
} Level;

/* A setting that was seen in a level that is still open. */
typedef struct Seen {
        const char *name;
        size_t length;
        unsigned line;
} Seen;

typedef struct Scan {
        const char *file;
        ConfFaults *faults;
        char *text, *p; /* the text that libconfig will read, and the current position in it */
        const char *original; /* an unmodified copy of the text: names point into it */
        unsigned line;
        Level levels[DEPTH_MAX];
        size_t depth;     /* index of the current level */
        const char *name; /* of the last setting; NULL before the first */
        int name_length;
        bool in_value; /* between an equals sign or colon and its value */
        Seen *seen;
        size_t n_seen, n_hidden;
        bool cut;
} Scan;

/* Writes the path of a setting in the current level, such as "rules[0].node". Returns the path. */
static const char *scan_path(const Scan *scan, const char *name, int length,
                             char path[static PATH_MAX_BYTES])
{
        size_t n = 0;

        path[0] = '\0';
        for (size_t i = 1; i <= scan->depth && n < PATH_MAX_BYTES; i++) {
                const Level *above = &scan->levels[i - 1], *level = &scan->levels[i];

                if (above->bracket == '{')
                        n += (size_t) snprintf(path + n, PATH_MAX_BYTES - n, "%s%.*s", n ? "." : "",
                                               level->name_length, level->name);
                else
                        n += (size_t) snprintf(path + n, PATH_MAX_BYTES - n, "[%u]", above->index);
        }
        if (n < PATH_MAX_BYTES && scan->levels[scan->depth].bracket == '{' && length > 0)
                snprintf(path + n, PATH_MAX_BYTES - n, "%s%.*s", n ? "." : "", length, name);
        return path;
}

/* Ends the text at the current position, because the rest cannot be understood. */
static void scan_cut(Scan *scan)
{
        *scan->p = '\0';
        scan->cut = true;
}

static int scan_unterminated(Scan *scan, char *start, unsigned line, const char *what,
                             const char *end)
{
        int r = 0;

        /* A NUL byte within the string or comment has been reported already. */
        if (!scan->cut)
                r = conf_faults_add(scan->faults, scan->file, line, NULL,
                                    "expected %s to end the %s, got the end of the file", end,
                                    what);
        scan->p = start;
        scan_cut(scan);
        return r;
}

static int scan_string(Scan *scan)
{
        char *start = scan->p;
        unsigned line = scan->line;

        for (scan->p++; *scan->p && *scan->p != '"'; scan->p++) {
                if (*scan->p == '\\' && (scan->p[1] == '"' || scan->p[1] == '\\'))
                        scan->p++;
                if (*scan->p == '\n')
                        scan->line++;
        }
        if (*scan->p == '\0')
                return scan_unterminated(scan, start, line, "string", "a quotation mark");
        scan->p++;
        scan->in_value = false;
        return 0;
}

static int scan_block_comment(Scan *scan)
{
        char *start = scan->p, *end = strstr(scan->p + 2, "*/");
        unsigned line = scan->line;

        if (!end)
                return scan_unterminated(scan, start, line, "comment", "*/");
        for (; scan->p < end; scan->p++)
                if (*scan->p == '\n')
                        scan->line++;
        scan->p = end + 2;
        return 0;
}

static int scan_include(Scan *scan)
{
        int r = conf_faults_add(scan->faults, scan->file, scan->line, NULL,
                                "expected settings, got @include, which memoryd does not follow: "
                                "use a drop-in");

        for (; *scan->p && *scan->p != '\n'; scan->p++)
                *scan->p = ' ';
        return r;
}

/*
 * Hides a setting from the code that reads values: renames "settle" to "*00001", for example. A
 * name that is too short for the asterisk and a unique number is kept.
 */
static void scan_hide(Scan *scan, size_t length)
{
        char *name = scan->text + (scan->name - scan->original);
        char renamed[32];
        int n = snprintf(renamed, sizeof(renamed), "%zu", ++scan->n_hidden);

        if ((size_t) n >= length)
                return;
        memset(name, '0', length);
        name[0] = '*';
        memcpy(name + length - (size_t) n, renamed, (size_t) n);
}

static int scan_number(Scan *scan)
{
        ConfNumber number = number_at(scan->p);
        const char *start = scan->p;
        char path[PATH_MAX_BYTES];

        scan->p += conf_number_length(scan->p);
        scan->in_value = false;
        if (!number.is_wide || !scan->name)
                return 0;

        scan_hide(scan, (size_t) scan->name_length);
        return conf_faults_add(scan->faults, scan->file, scan->line,
                               scan_path(scan, scan->name, scan->name_length, path),
                               number.has_l ? "expected a number of at most 64 bits, got %.*s" :
                                              "expected an L behind a number this large, got %.*s",
                               (int) MIN(number.length, 40U), start);
}

/* isalpha() and the like depend on the locale, libconfig does not. */
#define NAME_START "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*"
#define NAME_CHARACTERS NAME_START "0123456789-_"

/* Returns the setting of that name in the current level, or NULL. */
static const Seen *scan_find_seen(const Scan *scan, const char *name, size_t length)
{
        for (size_t i = scan->levels[scan->depth].first_seen; i < scan->n_seen; i++)
                if (scan->seen[i].length == length && memcmp(scan->seen[i].name, name, length) == 0)
                        return &scan->seen[i];
        return NULL;
}

static int scan_remember(Scan *scan, const char *name, size_t length)
{
        if (GROW(scan->seen, scan->n_seen) < 0)
                return -ENOMEM;
        scan->seen[scan->n_seen++] = (Seen){ .name = name, .length = length, .line = scan->line };
        return 0;
}

static int scan_name(Scan *scan)
{
        size_t length = strspn(scan->p, NAME_CHARACTERS);
        const char *name = scan->original + (scan->p - scan->text);
        char path[PATH_MAX_BYTES];
        const Seen *first;
        int r;

        scan->p += length;
        if (scan->in_value || scan->levels[scan->depth].bracket != '{') {
                scan->in_value = false;
                return 0;
        }
        scan->name = name;
        scan->name_length = (int) length;

        if (scan->n_seen - scan->levels[scan->depth].first_seen == SETTINGS_MAX) {
                r = conf_faults_add(scan->faults, scan->file, scan->line, NULL,
                                    "expected at most %d settings in one place, got more",
                                    SETTINGS_MAX);
                scan->p -= length;
                scan_cut(scan);
                return r;
        }
        if (*name == '*')
                return conf_faults_add(scan->faults, scan->file, scan->line,
                                       scan_path(scan, name, (int) length, path),
                                       "expected one of the keys of memoryd.conf(5), "
                                       "got an unknown key");
        first = scan_find_seen(scan, name, length);
        if (!first)
                return scan_remember(scan, name, length);

        r = conf_faults_add(scan->faults, scan->file, scan->line,
                            scan_path(scan, name, (int) length, path),
                            "set twice in this file (first in line %u)", first->line);
        scan_hide(scan, length);
        return r;
}

static int scan_open(Scan *scan)
{
        const Level *above = &scan->levels[scan->depth];
        int r;

        if (scan->depth + 1 == DEPTH_MAX) {
                r = conf_faults_add(scan->faults, scan->file, scan->line, NULL,
                                    "expected at most %d brackets one in the other, got more",
                                    DEPTH_MAX - 1);
                scan_cut(scan);
                return r;
        }
        scan->levels[++scan->depth] = (Level){
                .bracket = *scan->p,
                .name = scan->name,
                .name_length = above->bracket == '{' ? scan->name_length : 0,
                .first_seen = scan->n_seen,
        };
        scan->in_value = false;
        scan->p++;
        return 0;
}

static void scan_close(Scan *scan)
{
        Level *level = &scan->levels[scan->depth];

        if (scan->depth > 0) {
                scan->n_seen = level->first_seen;
                scan->name = level->name;
                scan->name_length = level->name_length;
                scan->depth--;
        }
        scan->in_value = false;
        scan->p++;
}

/* Skips white space between tokens, and handles punctuation. */
static void scan_other(Scan *scan)
{
        switch (*scan->p) {
        case '\n':
                scan->line++;
                break;
        case ',':
                scan->levels[scan->depth].index++;
                scan->in_value = false;
                break;
        case ';':
                scan->in_value = false;
                break;
        case '=':
        case ':':
                scan->in_value = true;
                break;
        default:
                break;
        }
        scan->p++;
}

static int scan_token(Scan *scan)
{
        const char *p = scan->p;

        if (*p == '"')
                return scan_string(scan);
        if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
                scan->p += strcspn(p, "\n");
                return 0;
        }
        if (p[0] == '/' && p[1] == '*')
                return scan_block_comment(scan);
        if (strncmp(p, "@include", strlen("@include")) == 0)
                return scan_include(scan);
        if (strchr("0123456789.", *p))
                return scan_number(scan);
        if (strchr(NAME_START, *p))
                return scan_name(scan);
        if (strchr("{[(", *p))
                return scan_open(scan);
        if (strchr("}])", *p)) {
                scan_close(scan);
                return 0;
        }
        scan_other(scan);
        return 0;
}

/* Reports the first NUL byte. libconfig takes it for the end of the text as well. */
static int scan_find_nul(Scan *scan, const char *text, size_t size)
{
        const char *nul = memchr(text, '\0', size);
        unsigned line = 1;

        if (!nul)
                return 0;
        for (const char *p = text; p < nul; p++)
                if (*p == '\n')
                        line++;
        scan->cut = true;
        return conf_faults_add(scan->faults, scan->file, line, NULL,
                               "expected text, got a NUL byte");
}

int conf_scan(const char *file, char *text, size_t size, ConfFaults *faults, bool *ret_cut)
{
        _cleanup_free_ char *original = strdup(text);
        Scan scan = { .file = file, .faults = faults, .text = text, .p = text, .line = 1 };
        int r;

        if (!original)
                return -ENOMEM;
        scan.original = original;
        scan.levels[0].bracket = '{';
        r = scan_find_nul(&scan, text, size);
        while (r >= 0 && *scan.p)
                r = scan_token(&scan);
        free(scan.seen);
        if (r < 0)
                return r;
        *ret_cut = scan.cut;
        return 0;
}
