/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The width of the terminal, and colours by meaning. */

#include "ctl/terminal.h"

#include "base/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sys/ioctl.h>

/* Chooses what the terminal tells, unless that is 0, else the number in a variable, else the usual one. */
static size_t choose(unsigned short told, const char *variable, size_t usual)
{
        const char *text = getenv(variable);
        uint32_t number;

        if (told > 0)
                return told;
        return text && parse_u32(text, &number) >= 0 && number > 0 ? number : usual;
}

/* All members are 0 if there is no terminal. */
static struct winsize terminal_size(int fd)
{
        struct winsize size = {};

        (void) ioctl(fd, TIOCGWINSZ, &size);
        return size;
}

size_t terminal_width(int fd)
{
        return choose(terminal_size(fd).ws_col, "COLUMNS", TERMINAL_WIDTH);
}

size_t terminal_height(int fd)
{
        return choose(terminal_size(fd).ws_row, "LINES", TERMINAL_HEIGHT);
}

bool terminal_is_smart(void)
{
        const char *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
        for (; *words; words++)
                if (strcasecmp(text, *words) == 0)
                        return true;
        return false;
}

int parse_switch(const char *text)
{
        static const char *const on[] = { "1", "yes", "y", "true", "t", "on", NULL };
        static const char *const off[] = { "0", "no", "n", "false", "f", "off", NULL };

        return is_one_of(text, on) ? 1 : is_one_of(text, off) ? 0 : -EINVAL;
}

/* memoryctl keeps to the 16 colours that every terminal with colours has, however many it is allowed. */
bool terminal_has_colors(void)
{
        static const char *const numbers[] = { "16", "256", "24bit", NULL };
        const char *setting = getenv("SYSTEMD_COLORS"), *no_color = getenv("NO_COLOR");

        if (setting && is_one_of(setting, numbers))
                return true;
        if (setting && parse_switch(setting) >= 0)
                return parse_switch(setting) > 0;
        return terminal_is_smart() && !(no_color && *no_color);
}

const char *color_sequence(Color color)
{
        static const char *const sequences[_COLOR_MAX] = {
                [COLOR_HEADING] = "\033[1m", [COLOR_GOOD] = "\033[32m", [COLOR_WAIT] = "\033[33m",
                [COLOR_BAD] = "\033[1;31m",  [COLOR_FAINT] = "\033[2m",
        };

        return terminal_has_colors() ? sequences[color] : NULL;
}

Color color_of_word(const char *word)
{
        static const char *const words[_COLOR_MAX][16] = {
                [COLOR_GOOD] = { "done", "movable", "yes" },
                [COLOR_WAIT] = { "adding", "after-offline", "cancelling", "going-offline",
                                 "offlining", "partly", "pending", "queued", "requested",
                                 "retrying", "undoing", "waiting", "writing" },
                [COLOR_BAD] = { "failed", "foreign", "timed-out" },
                [COLOR_FAINT] = { "leave", "left", "offline", "offlined" },
        };

        for (Color color = 0; color < _COLOR_MAX; color++)
                if (is_one_of(word, words[color]))
                        return color;
        return COLOR_NONE;
}

int color_print(Color color, const char *format, ...)
{
        const char *sequence = color_sequence(color);
        va_list arguments;
        int n;

        if (sequence)
                fputs(sequence, stdout);
        va_start(arguments, format);
        n = vprintf(format, arguments);
        va_end(arguments);
        if (sequence)
                fputs("\033[0m", stdout);
        return n;
}
