/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "daemon/text_fixture.h"

#include "daemon/daemon_fixture.h"
#include "random_machine.h"

#include <check.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>

static char texts[N_TEXTS][TEXT_LENGTH_MAX + 1];

/* What random texts are made of, beside single bytes. */
static const char *const pieces[] = {
        /* Too long for their characters, halves of UTF-16's pairs, beyond Unicode, reserved, and cut off. */
        "\xc0\xaf",
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xef\xbf\xbe",
        "\xef\xb7\x90",
        "\xe2\x82",
        "\xc3",
        /* Control characters: as sequences for terminals, and of two bytes. */
        "\x1b[2J",
        "\x1b]0;x\a",
        "\x9b"
        "31m",
        "\b\b",
        "\r",
        "\n",
        "\t",
        "\x7f",
        "\xc2\x80",
        "\xc2\x85",
        "\xc2\x9b"
        "31m",
        "\xc2\x9f",
        /* Those that turn the direction of a text, and without width: base/text.h has no rule for them. */
        "\xe2\x80\xae",
        "\xe2\x80\x8b",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf",
        /* Characters that can be printed, and what means something to a parser. */
        "\xc3\xa9",
        "\xe6\x97\xa5",
        "\xf0\x9f\x98\x80",
        "%s%n",
        "\"",
        "\\",
        "\\u001b",
        "'",
        "$(x)",
        ")",
        "*/",
        "#",
        " ",
        "..",
        ":",
        "0",
        "a",
};

void texts_make(void)
{
        Random random = { 20 };

        for (size_t i = 0; i < N_TEXTS; i++) {
                char *text = texts[i];
                size_t max = i % 10 == 0 ? TEXT_LENGTH_MAX : TEXT_SHORT_MAX,
                       n = 1 + random_below(&random, (uint32_t) max);

                if (i < N_BYTES) {
                        text[0] = (char) (i + 1);
                        continue;
                }
                for (size_t length; (length = strlen(text)) < n;)
                        if (random_is(&random, 50))
                                strncat(text, pieces[random_below(&random, ELEMENTSOF(pieces))],
                                        max - length);
                        else
                                text[length] = (char) (1 + random_below(&random, N_BYTES));
        }
}

const char *any_text(size_t i)
{
        return texts[i];
}

const char *text_without(const char *bytes, const char *text)
{
        static char copies[4][N_TEXTS * 32];
        static unsigned at;
        char *copy = copies[at++ % ELEMENTSOF(copies)];

        ck_assert_uint_lt(strlen(text), sizeof(copies[0]));
        strcpy(copy, text);
        for (char *p = copy; (p = strpbrk(p, bytes));)
                *p = '|';
        return copy;
}

const char *texts_join(bool is_random, size_t size)
{
        static char text[N_TEXTS * 32];

        *text = 0;
        for (size_t i = is_random ? N_BYTES : 0; i < (is_random ? N_TEXTS : N_BYTES); i++)
                if (strlen(text) + strlen(texts[i]) < size)
                        strcat(text, texts[i]);
        return text;
}

/* What can be printed */

void assert_printable(const char *text, size_t n, const char *allowed, const char *where)
{
        const char *end;

        if (!g_utf8_validate(text, (gssize) n, &end))
                ck_abort_msg("%s: byte 0x%02x is not valid UTF-8 in: %.*s", where,
                             (unsigned char) *end, (int) MIN(n, 200U), end - MIN(end - text, 100));
        for (const char *p = text; p < text + n; p = g_utf8_next_char(p))
                if (g_unichar_iscntrl(g_utf8_get_char(p)) && !strchr(allowed, *p))
                        ck_abort_msg("%s: a control character, byte 0x%02x, in: %.200s", where,
                                     (unsigned char) *p, p - MIN(p - text, 100));
}

/* What a text may have beside printable characters: those of files have lines. */
static const char *lines_of(const char *where)
{
        return strcmp(where, "ReadConfig") == 0 || strcmp(where, "config") == 0 ? "\n\t" : "";
}

unsigned assert_message(sd_bus_message *message, const char *where)
{
        const char *contents, *text;
        unsigned n = 0;
        char type[2] = "";

        while (sd_bus_message_peek_type(message, type, &contents) > 0) {
                if (strchr("avre", *type)) {
                        ck_assert_int_gt(sd_bus_message_enter_container(message, *type, contents),
                                         0);
                        n += assert_message(message, where);
                        ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
                } else if (strchr("sog", *type)) {
                        ck_assert_int_gt(sd_bus_message_read_basic(message, *type, &text), 0);
                        assert_printable(text, strlen(text), lines_of(where), where);
                        n++;
                } else {
                        ck_assert_int_gt(sd_bus_message_skip(message, type), 0);
                }
        }
        return n;
}

static void assert_value(json_object *value, const char *where)
{
        if (json_object_is_type(value, json_type_string))
                assert_printable(json_object_get_string(value),
                                 (size_t) json_object_get_string_len(value), lines_of(where),
                                 where);
        for (size_t i = 0;
             json_object_is_type(value, json_type_array) && i < json_object_array_length(value);
             i++)
                assert_value(json_object_array_get_idx(value, i), where);
        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach(value, key, member)
                {
                        assert_printable(key, strlen(key), "", where);
                        assert_value(member, where);
                }
        }
}

/* Its strict parser refuses all characters that are not ASCII. */
#define JSON_C_0_18 (18 << 8)

void assert_json(char *text, bool is_lines, const char *where)
{
        for (char *line; (line = is_lines ? strsep(&text, "\n") : TAKE_PTR(text));) {
                json_tokener *tokener = json_tokener_new();
                json_object *value;

                if (*line) {
                        if (json_c_version_num() != JSON_C_0_18)
                                json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
                        value = json_tokener_parse_ex(tokener, line, (int) strlen(line) + 1);
                        ck_assert_msg(json_tokener_get_error(tokener) == json_tokener_success,
                                      "%s: %s at %.200s", where,
                                      json_tokener_error_desc(json_tokener_get_error(tokener)),
                                      line + json_tokener_get_parse_end(tokener));
                        ck_assert_ptr_nonnull(value);
                        assert_value(value, where);
                        json_object_put(value);
                }
                json_tokener_free(tokener);
        }
}

/* What umockdev 0.19 says about /dev/null when memoryd is not root. */
#define MOCK_LINE "ERROR: libumockdev-preload: Failed to connect to ioctl socket"

static bool is_line_of(const char *line, const char *beginning)
{
        return strncmp(line, beginning, strlen(beginning)) == 0;
}

void assert_log(void)
{
        const char *log = daemon_read_log(), *notifications = daemon_notifications();

        assert_printable(log, strlen(log), "\n", "log");
        for (const char *line = log; *line; line = strchrnul(line, '\n'), line += *line == '\n')
                ck_assert_msg(is_line_of(line, "memoryd: ") || is_line_of(line, MOCK_LINE),
                              "not a message: %.200s", line);
        assert_printable(notifications, strlen(notifications), "\n", "notifications");
}

unsigned assert_journal(void)
{
        static char journal[4 << 20];
        char path[PATH_MAX];
        unsigned n_fields = 0;
        size_t n;
        FILE *file;

        snprintf(path, sizeof(path), "%.3000s/journal/fields", testbed_dir());
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        n = fread(journal, 1, sizeof(journal) - 1, file);
        fclose(file);
        for (const char *field = journal; field < journal + n;
             field += strlen(field) + 1, n_fields++)
                assert_printable(field, strlen(field), "", "journal");
        return n_fields;
}
